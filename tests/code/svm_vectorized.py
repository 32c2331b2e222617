import numpy as np


def svm_loss_vectorized(W, X, y, reg):
    """
    Multiclass hinge loss and gradient, without loops.

    Inputs:
    - W: array of shape (D, C) with the weights.
    - X: array of shape (N, D) with the examples.
    - y: array of shape (N,) with the class numbers.
    - reg: (float) regularization strength
    """
    num_train = X.shape[0]
    scores = X.dot(W)
    correct = scores[np.arange(num_train), y].reshape(-1, 1)
    margin = np.maximum(0, scores - correct + 1)
    margin[np.arange(num_train), y] = 0
    loss = np.sum(margin) / num_train + reg * np.sum(W * W)

    mask = (margin > 0).astype(float)
    mask[np.arange(num_train), y] = -np.sum(mask, axis=1)
    dW = X.T.dot(mask) / num_train + 2 * reg * W
    return loss, dW
