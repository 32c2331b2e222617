"""A generator and a discriminator, both with parameters W1, b1, W2, b2 of their own."""

import numpy as np


def sigmoid(x):
    return 1 / (1 + np.exp(-x))


class Generator:
    def __init__(self, z_dim, h_dim, x_dim):
        self.W1 = np.random.randn(z_dim, h_dim)
        self.b1 = np.zeros((1, h_dim))
        self.W2 = np.random.randn(h_dim, x_dim)
        self.b2 = np.zeros((1, x_dim))

    def forward(self, z):
        self.z = z
        self.h = np.maximum(z @ self.W1 + self.b1, 0)
        self.out = np.tanh(self.h @ self.W2 + self.b2)
        return self.out

    def backward(self, dout):
        ds = dout * (1 - self.out ** 2)
        self.dW2 = self.h.T @ ds
        self.db2 = np.sum(ds, axis=0, keepdims=True)
        dh = ds @ self.W2.T
        dh[self.h <= 0] = 0
        self.dW1 = self.z.T @ dh
        self.db1 = np.sum(dh, axis=0, keepdims=True)


class Discriminator:
    def __init__(self, x_dim, h_dim):
        self.W1 = np.random.randn(x_dim, h_dim)
        self.b1 = np.zeros((1, h_dim))
        self.W2 = np.random.randn(h_dim, 1)
        self.b2 = np.zeros((1, 1))

    def forward(self, x):
        self.x = x
        self.a = x @ self.W1 + self.b1
        self.h = np.where(self.a > 0, self.a, 0.2 * self.a)
        self.p = sigmoid(self.h @ self.W2 + self.b2)
        return self.p

    def backward(self, dp):
        ds = dp * self.p * (1 - self.p)
        self.dW2 = self.h.T @ ds
        self.db2 = np.sum(ds, axis=0, keepdims=True)
        dh = ds @ self.W2.T
        da = dh * np.where(self.a > 0, 1, 0.2)
        self.dW1 = self.x.T @ da
        self.db1 = np.sum(da, axis=0, keepdims=True)
        return da @ self.W1.T
