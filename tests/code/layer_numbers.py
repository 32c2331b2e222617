"""A deep network whose parameters are numbered by strings, forward and backward in two loops."""

import numpy as np


def init_params(dims):
    params = {}
    for l in range(1, len(dims)):
        params["W" + str(l)] = np.random.randn(dims[l], dims[l - 1]) * 0.01
        params["b" + str(l)] = np.zeros((dims[l], 1))
    return params


def forward(X, params):
    L = len(params) // 2
    store = {"A0": X}
    A = X
    for l in range(1, L):
        Z = params["W" + str(l)] @ A + params["b" + str(l)]
        A = np.tanh(Z)
        store["Z" + str(l)] = Z
        store["A" + str(l)] = A
    Z = params["W" + str(L)] @ A + params["b" + str(L)]
    AL = 1 / (1 + np.exp(-Z))
    store["Z" + str(L)], store["A" + str(L)] = Z, AL
    return AL, store


def cost(AL, Y):
    m = Y.shape[1]
    return -(1 / m) * np.sum(Y * np.log(AL) + (1 - Y) * np.log(1 - AL))


def backward(AL, Y, params, store):
    grads = {}
    L = len(params) // 2
    m = Y.shape[1]
    dZ = AL - Y
    for l in reversed(range(1, L + 1)):
        A_prev = store["A" + str(l - 1)]
        grads["dW" + str(l)] = (1 / m) * dZ @ A_prev.T
        grads["db" + str(l)] = (1 / m) * np.sum(dZ, axis=1, keepdims=True)
        if l > 1:
            dA_prev = params["W" + str(l)].T @ dZ
            dZ = dA_prev * (1 - A_prev ** 2)
    return grads
