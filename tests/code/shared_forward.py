import numpy as np

class Model:
    def __init__(self, d, k):
        self.W = np.random.randn(d, k) * 0.01
        self.b = np.zeros(k)

    def forward(self, X):
        scores = X.dot(self.W) + self.b
        scores = scores - scores.max(axis=1, keepdims=True)
        e = np.exp(scores)
        return e / e.sum(axis=1, keepdims=True)

    def loss(self, X, y):
        p = self.forward(X)
        return -np.log(p[np.arange(len(y)), y]).mean()

    def grad(self, X, y):
        p = self.forward(X)
        p[np.arange(len(y)), y] -= 1
        p /= len(y)
        dW = X.T.dot(p)
        db = p.sum(axis=0)
        return dW, db
