"""Scaled dot-product attention over a batch, with the projections as one class."""

import numpy as np


def softmax(x, axis=-1):
    e = np.exp(x - np.max(x, axis=axis, keepdims=True))
    return e / np.sum(e, axis=axis, keepdims=True)


class SelfAttention:
    def __init__(self, d_model):
        self.d = d_model
        self.Wq = np.random.randn(d_model, d_model)
        self.Wk = np.random.randn(d_model, d_model)
        self.Wv = np.random.randn(d_model, d_model)

    def forward(self, x):
        """x: (B, T, d_model)"""
        self.x = x
        self.q, self.k, self.v = x @ self.Wq, x @ self.Wk, x @ self.Wv
        scores = self.q @ self.k.transpose(0, 2, 1) / np.sqrt(self.d)
        self.attn = softmax(scores)
        return self.attn @ self.v

    def backward(self, dout):
        dattn = dout @ self.v.transpose(0, 2, 1)
        dv = self.attn.transpose(0, 2, 1) @ dout
        dscores = self.attn * (dattn - np.sum(dattn * self.attn, axis=-1, keepdims=True))
        dscores = dscores / np.sqrt(self.d)
        dq = dscores @ self.k
        dk = dscores.transpose(0, 2, 1) @ self.q
        self.dWq = np.einsum('btd,bte->de', self.x, dq)
        self.dWk = np.einsum('btd,bte->de', self.x, dk)
        self.dWv = np.einsum('btd,bte->de', self.x, dv)
        return dq @ self.Wq.T + dk @ self.Wk.T + dv @ self.Wv.T
