"""Max pooling in loops, each maximum giving its gradient back to where it came from."""

import numpy as np


def max_pool_forward(x, size):
    """x: (H, W)"""
    H, W = x.shape
    out = np.zeros((H // size, W // size))
    for i in range(H // size):
        for j in range(W // size):
            out[i, j] = np.max(x[i * size:(i + 1) * size, j * size:(j + 1) * size])
    return out, (x, size)


def max_pool_backward(dout, cache):
    x, size = cache
    dx = np.zeros_like(x)
    for i in range(dout.shape[0]):
        for j in range(dout.shape[1]):
            window = x[i * size:(i + 1) * size, j * size:(j + 1) * size]
            mask = (window == np.max(window))
            dx[i * size:(i + 1) * size, j * size:(j + 1) * size] = mask * dout[i, j]
    return dx
