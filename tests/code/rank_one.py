"""Ridge regression and logistic regression written with explicit axes and reshapes."""

import numpy as np


def ridge(X, y, w, b, alpha):
    """X: (n, d); y: (n,); w: (d,)"""
    n = len(y)
    r = X @ w + b - y
    obj = (r ** 2).mean() + alpha * (w ** 2).sum()
    grad_w = 2 * (X * r[:, np.newaxis]).mean(axis=0) + 2 * alpha * w
    grad_b = 2 * r.mean()
    return obj, grad_w, grad_b


def logistic(X, y, W, c):
    """X: (n, d); y: (n,); W: (d, 1)"""
    t = y.reshape(-1, 1)
    p = 1 / (1 + np.exp(-(X.dot(W) + c)))
    nll = -(t * np.log(p) + (1 - t) * np.log(1 - p)).sum() / X.shape[0]
    dz = p - t
    dz /= X.shape[0]
    dW = (X[:, :, None] * dz[:, None, :]).sum(0)
    dc = dz.sum()
    return nll, dW, dc
