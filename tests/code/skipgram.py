"""Skip-gram with the full softmax, one centre word and one context word at a time."""

import numpy as np


def softmax(x):
    e = np.exp(x - np.max(x))
    return e / e.sum()


def naive_softmax_loss_and_gradient(center_vec, outside_idx, outside_vectors):
    """
    center_vec: shape (d,), outside_vectors: shape (V, d), outside_idx: the index of the outside word
    """
    scores = outside_vectors @ center_vec
    y_hat = softmax(scores)
    loss = -np.log(y_hat[outside_idx])

    delta = y_hat.copy()
    delta[outside_idx] -= 1
    grad_center_vec = outside_vectors.T @ delta
    grad_outside_vectors = np.outer(delta, center_vec)
    return loss, grad_center_vec, grad_outside_vectors


def neg_sampling_loss_and_gradient(center_vec, u_o, U_k):
    """
    center_vec: shape (d,), u_o: shape (d,), U_k: shape (K, d), the vectors of the negative samples
    """
    def sigmoid(x):
        return 1 / (1 + np.exp(-x))

    p_o = sigmoid(u_o @ center_vec)
    p_k = sigmoid(-U_k @ center_vec)
    loss = -np.log(p_o) - np.sum(np.log(p_k))
    grad_center_vec = (p_o - 1) * u_o + U_k.T @ (1 - p_k)
    grad_u_o = (p_o - 1) * center_vec
    grad_U_k = np.outer(1 - p_k, center_vec)
    return loss, grad_center_vec, grad_u_o, grad_U_k
