"""A simple recurrent network with lists of states and a loss at the last step only."""

import numpy as np


class Elman:
    def __init__(self, D, H):
        self.U = np.random.randn(H, D) * 0.1
        self.W = np.random.randn(H, H) * 0.1
        self.v = np.random.randn(H) * 0.1

    def forward(self, X):
        """X: (T, D)"""
        T = X.shape[0]
        self.X = X
        self.s = np.zeros((T + 1, self.W.shape[0]))
        for t in range(T):
            self.s[t] = np.tanh(self.U.dot(X[t]) + self.W.dot(self.s[t - 1]))
        return self.v.dot(self.s[T - 1])

    def loss(self, X, y):
        return 0.5 * (self.forward(X) - y) ** 2

    def bptt(self, X, y):
        o = self.forward(X)
        T = X.shape[0]
        delta_o = o - y
        dU, dW = np.zeros_like(self.U), np.zeros_like(self.W)
        dv = delta_o * self.s[T - 1]
        delta_t = delta_o * self.v * (1 - self.s[T - 1] ** 2)
        for t in np.arange(T)[::-1]:
            dW += np.outer(delta_t, self.s[t - 1])
            dU += np.outer(delta_t, X[t])
            delta_t = self.W.T.dot(delta_t) * (1 - self.s[t - 1] ** 2)
        return dU, dW, dv
