import numpy as np


class LogisticRegression:
    def __init__(self, lr=0.01, n_iters=1000, lam=0.1):
        self.lr = lr
        self.n_iters = n_iters
        self.lam = lam
        self.weights = None
        self.bias = None

    def _sigmoid(self, z):
        return 1.0 / (1.0 + np.exp(-z))

    def _loss(self, y, p):
        return -np.mean(y * np.log(p) + (1 - y) * np.log(1 - p)) + 0.5 * self.lam * np.sum(self.weights ** 2)

    def fit(self, X, y):
        n_samples, n_features = X.shape
        self.weights = np.zeros(n_features)
        self.bias = 0
        losses = []
        for _ in range(self.n_iters):
            z = np.dot(X, self.weights) + self.bias
            p = self._sigmoid(z)
            losses.append(self._loss(y, p))
            dw = (1 / n_samples) * np.dot(X.T, (p - y)) + self.lam * self.weights
            db = (1 / n_samples) * np.sum(p - y)
            self.weights -= self.lr * dw
            self.bias -= self.lr * db
        return losses

    def predict(self, X):
        return (self._sigmoid(np.dot(X, self.weights) + self.bias) > 0.5).astype(int)
