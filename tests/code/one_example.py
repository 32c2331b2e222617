import numpy as np

def sigmoid(z):
    return 1 / (1 + np.exp(-z))

def train(x, y, W1, b1, W2, b2):
    h = sigmoid(W1 @ x + b1)
    out = W2 @ h + b2
    loss = 0.5 * np.sum((out - y) ** 2)
    delta2 = out - y
    dW2 = np.outer(delta2, h)
    db2 = delta2
    delta1 = (W2.T @ delta2) * h * (1 - h)
    dW1 = np.outer(delta1, x)
    db1 = delta1
    return dW1, db1, dW2, db2
