"""The hinge loss of several classes with two loops and a test on each margin."""

import numpy as np


def svm_loss_naive(W, X, y, reg):
    """
    Inputs:
    - W: weights, of shape (D, C)
    - X: a minibatch of shape (N, D)
    - y: labels of shape (N,); y[i] = c means that X[i] has label c
    - reg: (float) regularization strength
    """
    dW = np.zeros(W.shape)
    num_classes = W.shape[1]
    num_train = X.shape[0]
    loss = 0.0
    for i in range(num_train):
        scores = X[i].dot(W)
        correct_class_score = scores[y[i]]
        for j in range(num_classes):
            if j == y[i]:
                continue
            margin = scores[j] - correct_class_score + 1
            if margin > 0:
                loss += margin
                dW[:, j] += X[i]
                dW[:, y[i]] -= X[i]
    loss /= num_train
    loss += reg * np.sum(W * W)
    dW /= num_train
    dW += 2 * reg * W
    return loss, dW
