import numpy as np

class MLP:
    def __init__(self, n_in, n_h, n_out):
        self.W1 = np.random.randn(n_in, n_h) * 0.01
        self.b1 = np.zeros((1, n_h))
        self.W2 = np.random.randn(n_h, n_out) * 0.01
        self.b2 = np.zeros((1, n_out))

    def forward(self, X):
        self.z1 = X @ self.W1 + self.b1
        self.a1 = np.tanh(self.z1)
        self.z2 = self.a1 @ self.W2 + self.b2
        self.out = 1 / (1 + np.exp(-self.z2))
        return self.out

    def loss(self, X, y):
        out = self.forward(X)
        return np.sum((out - y) ** 2) / (2 * X.shape[0])

    def backward(self, X, y):
        m = X.shape[0]
        dz2 = (self.out - y) * self.out * (1 - self.out)
        self.dW2 = self.a1.T @ dz2
        self.db2 = np.sum(dz2, axis=0, keepdims=True) / m
        dz1 = (dz2 @ self.W2.T) * (1 - self.a1 ** 2)
        self.dW1 = X.T @ dz1 / m
        self.db1 = np.sum(dz1, axis=0, keepdims=True) / m
