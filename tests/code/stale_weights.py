import numpy as np


class Network:
    """A regression network that learns from one example at a time; x and y are columns."""

    def __init__(self, n_in, n_hidden, n_out):
        self.W1 = np.random.randn(n_hidden, n_in) / np.sqrt(n_in)
        self.W2 = np.random.randn(n_out, n_hidden) / np.sqrt(n_hidden)

    def train_step(self, x, y, lr=0.01):
        # x: (n_in, 1), y: (n_out, 1)
        z = self.W1 @ x
        h = np.tanh(z)
        out = self.W2 @ h
        loss = 0.5 * np.sum((out - y) ** 2)

        dout = out - y
        dW2 = dout @ h.T
        self.W2 -= lr * dW2
        dh = self.W2.T @ dout
        dz = dh * (1 - h ** 2)
        dW1 = dz @ x.T
        self.W1 -= lr * dW1
        return loss
