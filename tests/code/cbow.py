"""Continuous bag of words: the mean of the context's rows predicts a word."""

import numpy as np


def cbow(W_in, W_out, context, target):
    """W_in has shape (V, N), W_out has shape (N, V); context is (V,), a count of each word; target is (V,), one-hot."""
    h = W_in.T @ context / context.sum()
    u = W_out.T @ h
    y = np.exp(u) / np.sum(np.exp(u))
    loss = -np.sum(target * np.log(y))
    e = y - target
    dW_out = np.outer(h, e)
    dh = W_out @ e
    dW_in = np.outer(context, dh) / context.sum()
    return loss, dW_in, dW_out
