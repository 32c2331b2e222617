import numpy as np


def sigmoid(x):
    return 1.0 / (1.0 + np.exp(-x))


class LSTMCell:
    """One step of an LSTM, a weight matrix for every gate; columns are examples."""

    def __init__(self, n_x, n_h):
        self.Wf, self.Wi, self.Wg, self.Wo = [np.random.randn(n_h, n_x) for _ in range(4)]
        self.Uf, self.Ui, self.Ug, self.Uo = [np.random.randn(n_h, n_h) for _ in range(4)]
        self.bf, self.bi, self.bg, self.bo = [np.zeros((n_h, 1)) for _ in range(4)]

    def forward(self, x, h_prev, c_prev):
        self.x, self.h_prev, self.c_prev = x, h_prev, c_prev
        self.f = sigmoid(self.Wf @ x + self.Uf @ h_prev + self.bf)
        self.i = sigmoid(self.Wi @ x + self.Ui @ h_prev + self.bi)
        self.g = np.tanh(self.Wg @ x + self.Ug @ h_prev + self.bg)
        self.o = sigmoid(self.Wo @ x + self.Uo @ h_prev + self.bo)
        self.c = self.f * c_prev + self.i * self.g
        self.h = self.o * np.tanh(self.c)
        return self.h, self.c

    def backward(self, dh_next, dc_next):
        do = dh_next * np.tanh(self.c)
        dc = dc_next + dh_next * self.o * (1 - np.tanh(self.c) ** 2)
        df = dc * self.c_prev
        di = dc * self.g
        dg = dc * self.i
        dc_prev = dc * self.f

        dzf = df * self.f * (1 - self.f)
        dzi = di * self.i * (1 - self.i)
        dzg = dg * (1 - self.g ** 2)
        dzo = do * self.o * (1 - self.o)

        self.dWf, self.dUf, self.dbf = dzf @ self.x.T, dzf @ self.h_prev.T, dzf.sum(axis=1, keepdims=True)
        self.dWi, self.dUi, self.dbi = dzi @ self.x.T, dzi @ self.h_prev.T, dzi.sum(axis=1, keepdims=True)
        self.dWg, self.dUg, self.dbg = dzg @ self.x.T, dzg @ self.h_prev.T, dzg.sum(axis=1, keepdims=True)
        self.dWo, self.dUo, self.dbo = dzo @ self.x.T, dzo @ self.h_prev.T, dzo.sum(axis=1, keepdims=True)
        dx = self.Wf.T @ dzf + self.Wi.T @ dzi + self.Wg.T @ dzg + self.Wo.T @ dzo
        dh_prev = self.Uf.T @ dzf + self.Ui.T @ dzi + self.Ug.T @ dzg + self.Uo.T @ dzo
        return dx, dh_prev, dc_prev
