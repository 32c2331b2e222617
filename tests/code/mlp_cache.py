import numpy as np


class TwoLayerMLP:
    """relu MLP with softmax cross-entropy; parameters and gradients live in dictionaries."""

    def __init__(self, input_dim, hidden_dim, num_classes, weight_scale=1e-2, reg=0.0):
        self.reg = reg
        self.params = {
            "W1": weight_scale * np.random.randn(input_dim, hidden_dim),
            "b1": np.zeros(hidden_dim),
            "W2": weight_scale * np.random.randn(hidden_dim, num_classes),
            "b2": np.zeros(num_classes),
        }
        self.cache = {}
        self.grads = {}

    def forward(self, X):
        Z1 = X @ self.params["W1"] + self.params["b1"]
        A1 = np.maximum(Z1, 0)
        Z2 = A1 @ self.params["W2"] + self.params["b2"]
        expZ = np.exp(Z2 - np.max(Z2, axis=1, keepdims=True))
        A2 = expZ / np.sum(expZ, axis=1, keepdims=True)
        self.cache = {"X": X, "Z1": Z1, "A1": A1, "Z2": Z2, "A2": A2}
        return A2

    def compute_loss(self, Y):
        """Y is one-hot, (N, num_classes)."""
        m = Y.shape[0]
        data_loss = -np.sum(Y * np.log(self.cache["A2"])) / m
        reg_loss = 0.5 * self.reg * (np.sum(self.params["W1"] ** 2) + np.sum(self.params["W2"] ** 2))
        return data_loss + reg_loss

    def backward(self, Y):
        m = Y.shape[0]
        A1, A2, Z1, X = self.cache["A1"], self.cache["A2"], self.cache["Z1"], self.cache["X"]
        dZ2 = (A2 - Y) / m
        self.grads["W2"] = A1.T @ dZ2 + self.reg * self.params["W2"]
        self.grads["b2"] = np.sum(dZ2, axis=0)
        dA1 = dZ2 @ self.params["W2"].T
        dZ1 = dA1.copy()
        dZ1[Z1 <= 0] = 0
        self.grads["W1"] = X.T @ dZ1 + self.reg * self.params["W1"]
        self.grads["b1"] = np.sum(dZ1, axis=0)

    def update(self, lr):
        for key in self.params:
            self.params[key] -= lr * self.grads[key]
