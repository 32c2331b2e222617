import numpy as np


def loss_and_grads(R, M, P, Q, lam):
    """
    R: ratings, shape (n_users, n_items); M: the weight of each rating, shape (n_users, n_items)
    P: shape (n_users, k); Q: shape (n_items, k)
    """
    E = R - P @ Q.T
    loss = 0.5 * np.sum(M * E ** 2) + 0.5 * lam * (np.sum(P ** 2) + np.sum(Q ** 2))
    dP = -(M * E) @ Q + lam * P
    dQ = -(M * E).T @ P + lam * Q
    return loss, dP, dQ
