"""The sparse autoencoder of the UFLDL exercise: squared error, weight decay and a KL penalty on mean activations."""

import numpy as np


def sigmoid(x):
    return 1 / (1 + np.exp(-x))


def sparse_autoencoder_cost(W1, W2, b1, b2, data, lamb, rho, beta):
    # data: (visible_size, m), one example per column
    # W1: (hidden_size, visible_size), W2: (visible_size, hidden_size)
    # b1: (hidden_size, 1), b2: (visible_size, 1)
    m = data.shape[1]
    z2 = W1.dot(data) + b1
    a2 = sigmoid(z2)
    z3 = W2.dot(a2) + b2
    h = sigmoid(z3)

    rho_hat = np.sum(a2, axis=1, keepdims=True) / m
    kl = rho * np.log(rho / rho_hat) + (1 - rho) * np.log((1 - rho) / (1 - rho_hat))
    cost = np.sum((h - data) ** 2) / (2 * m) + lamb / 2 * (np.sum(W1 ** 2) + np.sum(W2 ** 2)) + beta * np.sum(kl)

    sparsity_delta = -rho / rho_hat + (1 - rho) / (1 - rho_hat)
    delta3 = (h - data) * h * (1 - h)
    delta2 = (W2.T.dot(delta3) + beta * sparsity_delta) * a2 * (1 - a2)
    W1grad = delta2.dot(data.T) / m + lamb * W1
    W2grad = delta3.dot(a2.T) / m + lamb * W2
    b1grad = np.sum(delta2, axis=1, keepdims=True) / m
    b2grad = np.sum(delta3, axis=1, keepdims=True) / m
    return cost, W1grad, W2grad, b1grad, b2grad
