"""A filter over a signal, in one loop, and its gradients in another."""

import numpy as np


def conv1d(x, w, b):
    # x: R[n], w: R[k]
    n, k = len(x), len(w)
    out = np.zeros(n - k + 1)
    for i in range(n - k + 1):
        out[i] = np.sum(x[i:i + k] * w) + b
    return out


def loss_and_grads(x, w, b, t):
    out = conv1d(x, w, b)
    loss = 0.5 * np.sum((out - t) ** 2)
    dout = out - t
    dw = np.zeros_like(w)
    dx = np.zeros_like(x)
    k = len(w)
    for i in range(len(out)):
        dw += dout[i] * x[i:i + k]
        dx[i:i + k] += dout[i] * w
    db = np.sum(dout)
    return loss, dx, dw, db
