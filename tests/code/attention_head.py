import numpy as np


def softmax(x):
    e = np.exp(x - np.max(x, axis=-1, keepdims=True))
    return e / np.sum(e, axis=-1, keepdims=True)


class AttentionHead:
    def __init__(self, d_model, d_k):
        self.Wq = np.random.randn(d_model, d_k) * 0.1
        self.Wk = np.random.randn(d_model, d_k) * 0.1
        self.Wv = np.random.randn(d_model, d_k) * 0.1
        self.scale = 1.0 / np.sqrt(d_k)

    def forward(self, X):
        # X: R[T, d_model]
        self.X = X
        self.Q = X @ self.Wq
        self.K = X @ self.Wk
        self.V = X @ self.Wv
        self.S = self.Q @ self.K.T * self.scale
        self.P = softmax(self.S)
        return self.P @ self.V

    def backward(self, dout):
        dV = self.P.T @ dout
        dP = dout @ self.V.T
        dS = self.P * (dP - np.sum(dP * self.P, axis=-1, keepdims=True))
        dQ = dS @ self.K * self.scale
        dK = dS.T @ self.Q
        self.dWq = self.X.T @ dQ
        self.dWk = self.X.T @ dK
        self.dWv = self.X.T @ dV
        return dQ @ self.Wq.T + dK @ self.Wk.T + dV @ self.Wv.T
