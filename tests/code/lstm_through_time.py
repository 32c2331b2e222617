"""An LSTM over a sequence of columns: dictionaries of gates by time, gradients summed backwards."""

import numpy as np


def sigmoid(x):
    return 1 / (1 + np.exp(-x))


def forward_backward(xs, ts, h_prev, C_prev, Wf, Wi, Wc, Wo, Wy, bf, bi, bc, bo, by):
    """xs: R[T, D]; ts: R[T, K]; h_prev, C_prev have shape (H,), each gate's weights (H, H + D), Wy (K, H)."""
    z, f, i, C_bar, C, o, h, y = {}, {}, {}, {}, {}, {}, {}, {}
    h[-1], C[-1] = h_prev, C_prev
    loss = 0
    for t in range(len(xs)):
        z[t] = np.concatenate((h[t - 1], xs[t]))
        f[t] = sigmoid(Wf @ z[t] + bf)
        i[t] = sigmoid(Wi @ z[t] + bi)
        C_bar[t] = np.tanh(Wc @ z[t] + bc)
        C[t] = f[t] * C[t - 1] + i[t] * C_bar[t]
        o[t] = sigmoid(Wo @ z[t] + bo)
        h[t] = o[t] * np.tanh(C[t])
        y[t] = Wy @ h[t] + by
        loss += 0.5 * np.sum((y[t] - ts[t]) ** 2)

    dWf, dWi, dWc, dWo, dWy = (np.zeros_like(w) for w in (Wf, Wi, Wc, Wo, Wy))
    dbf, dbi, dbc, dbo, dby = (np.zeros_like(b) for b in (bf, bi, bc, bo, by))
    dh_next, dC_next = np.zeros_like(h_prev), np.zeros_like(C_prev)
    for t in reversed(range(len(xs))):
        dy = y[t] - ts[t]
        dWy += np.outer(dy, h[t])
        dby += dy
        dh = Wy.T @ dy + dh_next
        do = dh * np.tanh(C[t]) * o[t] * (1 - o[t])
        dC = dC_next + dh * o[t] * (1 - np.tanh(C[t]) ** 2)
        dC_bar = dC * i[t] * (1 - C_bar[t] ** 2)
        di = dC * C_bar[t] * i[t] * (1 - i[t])
        df = dC * C[t - 1] * f[t] * (1 - f[t])
        dWf += np.outer(df, z[t])
        dWi += np.outer(di, z[t])
        dWc += np.outer(dC_bar, z[t])
        dWo += np.outer(do, z[t])
        dbf += df
        dbi += di
        dbc += dC_bar
        dbo += do
        dz = Wf.T @ df + Wi.T @ di + Wc.T @ dC_bar + Wo.T @ do
        dh_next = dz[:len(h_prev)]
        dC_next = f[t] * dC
    return loss, dWf, dWi, dWc, dWo, dWy, dbf, dbi, dbc, dbo, dby
