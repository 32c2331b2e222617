import numpy as np


def softmax(x, axis=-1):
    x = x - x.max(axis=axis, keepdims=True)
    e = np.exp(x)
    return e / e.sum(axis=axis, keepdims=True)


def attention_forward(Q, K, V):
    """Q: (n, d), K: (m, d), V: (m, v)"""
    d = Q.shape[-1]
    scores = Q @ K.T / np.sqrt(d)
    weights = softmax(scores)
    out = weights @ V
    cache = {"Q": Q, "K": K, "V": V, "weights": weights, "d": d}
    return out, cache


def attention_backward(dout, cache):
    Q, K, V = cache["Q"], cache["K"], cache["V"]
    weights, d = cache["weights"], cache["d"]
    dV = weights.T @ dout
    dweights = dout @ V.T
    dscores = weights * (dweights - (dweights * weights).sum(axis=-1, keepdims=True))
    dscores /= np.sqrt(d)
    dQ = dscores @ K
    dK = dscores.T @ Q
    return dQ, dK, dV
