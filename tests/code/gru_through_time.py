"""A gated recurrent unit over time: states in a list, each step keeps what it needs in a tuple."""

import numpy as np


def sigmoid(x):
    return 1 / (1 + np.exp(-x))


class GRU:
    def __init__(self, n_in, n_hidden):
        self.Wz, self.Wr, self.Wh = (np.random.randn(n_hidden, n_in) for _ in range(3))
        self.Uz, self.Ur, self.Uh = (np.random.randn(n_hidden, n_hidden) for _ in range(3))

    def loss(self, xs, target, h0):
        """xs: R[T, n_in]; target and h0 have shape (H,)."""
        h = h0
        self.steps = []
        for x in xs:
            z = sigmoid(self.Wz @ x + self.Uz @ h)
            r = sigmoid(self.Wr @ x + self.Ur @ h)
            cand = np.tanh(self.Wh @ x + self.Uh @ (r * h))
            self.steps.append((x, h, z, r, cand))
            h = (1 - z) * h + z * cand
        self.err = h - target
        return 0.5 * self.err @ self.err

    def backward(self):
        dh = self.err
        self.dWz, self.dWr, self.dWh = np.zeros_like(self.Wz), np.zeros_like(self.Wr), np.zeros_like(self.Wh)
        self.dUz, self.dUr, self.dUh = np.zeros_like(self.Uz), np.zeros_like(self.Ur), np.zeros_like(self.Uh)
        for x, h, z, r, cand in self.steps[::-1]:
            da_c = dh * z * (1 - cand ** 2)
            da_z = dh * (cand - h) * z * (1 - z)
            d_rh = self.Uh.T @ da_c
            da_r = d_rh * h * r * (1 - r)
            self.dWh += np.outer(da_c, x)
            self.dUh += np.outer(da_c, r * h)
            self.dWz += np.outer(da_z, x)
            self.dUz += np.outer(da_z, h)
            self.dWr += np.outer(da_r, x)
            self.dUr += np.outer(da_r, h)
            dh = dh * (1 - z) + d_rh * r + self.Uz.T @ da_z + self.Ur.T @ da_r
        return dh
