"""Losses with corners: the hinge of a linear classifier, and the Huber loss of a regression."""

import numpy as np


def svm(w, b, X, y, C):
    """w: R[d]; b: R; X: R[n, d]; y: R[n]; C: R"""
    margin = y * (X @ w + b)
    loss = 0.5 * np.dot(w, w) + C * np.sum(np.maximum(0, 1 - margin))
    active = (margin < 1).astype(float)
    dw = w - C * X.T @ (active * y)
    db = -C * np.sum(active * y)
    return loss, dw, db


def huber(w, X, t, delta):
    """w: R[d]; X: R[n, d]; t: R[n]; delta: R"""
    r = X @ w - t
    small = np.abs(r) <= delta
    loss = np.mean(np.where(small, 0.5 * r ** 2, delta * (np.abs(r) - 0.5 * delta)))
    dr = np.where(small, r, delta * np.sign(r)) / len(t)
    dw = X.T @ dr
    return loss, dw
