"""Two models in one file that call their parameters alike, though one has a vector and the other a matrix."""

import numpy as np


def linreg(W, b, X, y):
    n = X.shape[0]
    pred = X.dot(W) + b
    loss = np.sum((pred - y) ** 2) / (2 * n)
    err = (pred - y) / n
    dW = X.T.dot(err)
    db = err.sum()
    return loss, dW, db


def softmax_reg(W, b, X, Y):
    """W has shape (D, K), b has shape (1, K) and Y is one-hot, of shape (N, K)."""
    N = X.shape[0]
    logits = X.dot(W) + b
    logits = logits - logits.max(axis=1, keepdims=True)
    P = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
    loss = -np.sum(Y * np.log(P)) / N
    err = (P - Y) / N
    dW = X.T.dot(err)
    db = err.sum(axis=0, keepdims=True)
    return loss, dW, db


def column_net(W, b, X, Y):
    """Examples are columns: X is (n, m), Y is (k, m), W is (k, n), b is (k, 1)."""
    m = X.shape[1]
    A = 1 / (1 + np.exp(-(W.dot(X) + b)))
    cost = -np.sum(Y * np.log(A) + (1 - Y) * np.log(1 - A)) / m
    dZ = A - Y
    dW = dZ.dot(X.T) / m
    db = np.sum(dZ, axis=1, keepdims=True) / m
    return cost, dW, db
