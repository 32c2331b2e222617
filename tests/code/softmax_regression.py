import numpy as np


def softmax(z):
    z = z - np.max(z, axis=1, keepdims=True)
    e = np.exp(z)
    return e / e.sum(axis=1, keepdims=True)


class SoftmaxRegression:
    """Multinomial logistic regression; targets are one-hot rows."""

    def __init__(self, n_features, n_classes, lr=0.1):
        self.W = np.random.normal(0, 0.01, size=(n_features, n_classes))
        self.b = np.zeros((1, n_classes))
        self.lr = lr

    def fit(self, X, Y, epochs=200):
        for _ in range(epochs):
            logits = X @ self.W + self.b
            p = softmax(logits)
            loss = -np.mean(np.sum(Y * np.log(p), axis=1))
            dlogits = (Y - p) / len(X)
            dW = X.T @ dlogits
            db = dlogits.sum(axis=0, keepdims=True)
            self.W -= self.lr * dW
            self.b -= self.lr * db
        return self
