import numpy as np


class BatchNorm1d:
    """Normalises every feature over the batch (training mode)."""

    def __init__(self, num_features, eps=1e-5):
        self.eps = eps
        self.gamma = np.ones((1, num_features))
        self.beta = np.zeros((1, num_features))
        self.dgamma = None
        self.dbeta = None

    def forward(self, x):
        self.mean = np.mean(x, axis=0, keepdims=True)
        self.var = np.var(x, axis=0, keepdims=True)
        self.std_inv = 1.0 / np.sqrt(self.var + self.eps)
        self.x_hat = (x - self.mean) * self.std_inv
        return self.gamma * self.x_hat + self.beta

    def backward(self, dout):
        m = dout.shape[0]
        self.dgamma = np.sum(dout * self.x_hat, axis=0, keepdims=True)
        self.dbeta = np.sum(dout, axis=0, keepdims=True)
        dx_hat = dout * self.gamma
        dx = self.std_inv / m * (m * dx_hat - np.sum(dx_hat, axis=0, keepdims=True)
                                 - self.x_hat * np.sum(dx_hat * self.x_hat, axis=0, keepdims=True))
        return dx
