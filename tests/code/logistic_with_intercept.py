"""Regularised logistic regression with the intercept left out of the penalty."""

import numpy as np


def sigmoid(z):
    return 1 / (1 + np.exp(-z))


def cost_function(theta, X, y, lam):
    """theta: R[n]; X: R[m, n]; y: R[m]"""
    m = len(y)
    h = sigmoid(X @ theta)
    J = (-y @ np.log(h) - (1 - y) @ np.log(1 - h)) / m + lam / (2 * m) * np.sum(theta[1:] ** 2)
    grad = X.T @ (h - y) / m
    grad[1:] += lam / m * theta[1:]
    return J, grad


def cost_function_columns(theta, X, y, lam):
    """theta is (n, 1), X is (m, n), y is (m, 1)."""
    m = y.shape[0]
    h = sigmoid(X.dot(theta))
    reg = theta.copy()
    reg[0] = 0
    J = (-(y.T.dot(np.log(h))) - (1 - y).T.dot(np.log(1 - h)))[0, 0] / m + lam / (2 * m) * np.sum(reg ** 2)
    grad = (X.T.dot(h - y) + lam * reg) / m
    return J, grad
