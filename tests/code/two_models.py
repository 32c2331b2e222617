import numpy as np

def linear_forward(X, W, b):
    return X @ W + b

def linear_loss(pred, y):
    return 0.5 * np.sum((pred - y) ** 2)

def linear_backward(X, W, b, y):
    pred = linear_forward(X, W, b)
    dpred = pred - y
    dW = X.T @ dpred
    db = dpred.sum(axis=0)
    return dW, db

def logistic_forward(X, W, b):
    return 1 / (1 + np.exp(-(X @ W + b)))

def logistic_loss(p, y):
    return -np.mean(y * np.log(p) + (1 - y) * np.log(1 - p))

def logistic_backward(X, W, b, y):
    p = logistic_forward(X, W, b)
    dz = (p - y) / y.size
    dW = X.T @ dz
    db = dz.sum(axis=0)
    return dW, db
