"""The second set of `numeric.py` (`--more`): what people train, each as a user writes it beside the textbook's NumPy."""

from __future__ import annotations

import numpy as np
from problems import Arrays, Problem, Result, sigmoid

SPAN = 16


def softmax(z: np.ndarray) -> np.ndarray:
    e = np.exp(z - z.max(axis=-1, keepdims=True))
    return e / e.sum(axis=-1, keepdims=True)


def from_softmax(p: np.ndarray, dp: np.ndarray) -> np.ndarray:
    return p * (dp - (p * dp).sum(axis=-1, keepdims=True))


def gru(a: Arrays) -> Result:
    W, U, b = (np.concatenate([a[f"{kind}_{g}"] for g in "zrm"], axis=-1) for kind in "WUb")
    h, n, kept = a["h0"], len(a["b_z"]), []
    for t in range(1, SPAN + 1):
        x = a[f"x{t}"] @ W + b
        zr = sigmoid(x[:, :2 * n] + h @ U[:, :2 * n])
        z, r = zr[:, :n], zr[:, n:]
        m = np.tanh(x[:, 2 * n:] + (r * h) @ U[:, 2 * n:])
        kept.append((h, zr, m))
        h = (1 - z) * h + z * m
    e = h - a["Y"]
    dh, dW, dU, db = e, np.zeros_like(W), np.zeros_like(U), np.zeros_like(b)
    d = np.empty((len(h), 3 * n), h.dtype)
    for t in range(SPAN, 0, -1):
        h, zr, m = kept[t - 1]
        z, r = zr[:, :n], zr[:, n:]
        d[:, 2 * n:] = dh * z * (1 - m**2)
        back = d[:, 2 * n:] @ U[:, 2 * n:].T
        d[:, :n], d[:, n:2 * n] = dh * (m - h), back * h
        d[:, :2 * n] *= zr * (1 - zr)
        dW += a[f"x{t}"].T @ d
        dU[:, :2 * n] += h.T @ d[:, :2 * n]
        dU[:, 2 * n:] += (r * h).T @ d[:, 2 * n:]
        db += d.sum(axis=0)
        dh = dh * (1 - z) + back * r + d[:, :2 * n] @ U[:, :2 * n].T
    parts = {"W": dW, "U": dU, "b": db}
    return 0.5 * np.sum(e**2), {f"{k}_{g}": parts[k][..., j * n:(j + 1) * n] for k in "WUb" for j, g in enumerate("zrm")}


def heads(a: Arrays) -> Result:
    X, T, r = a["X"], len(a["X"]), 16

    def split(M: np.ndarray) -> np.ndarray:
        return M.reshape(T, -1, r).transpose(1, 0, 2)

    def merge(M: np.ndarray) -> np.ndarray:
        return M.transpose(1, 0, 2).reshape(T, -1)
    Q, K, V = (split(X @ a[f"W_{k}"]) for k in "QKV")
    A = softmax(Q @ K.transpose(0, 2, 1) / r**0.5)
    O = merge(A @ V)
    e = O @ a["W_O"] - a["Y"]
    dO = split(e @ a["W_O"].T)
    dS = from_softmax(A, dO @ V.transpose(0, 2, 1)) / r**0.5
    parts = {"Q": merge(dS @ K), "K": merge(dS.transpose(0, 2, 1) @ Q), "V": merge(A.transpose(0, 2, 1) @ dO)}
    return 0.5 * np.sum(e**2), {**{f"W_{k}": X.T @ d for k, d in parts.items()}, "W_O": O.T @ e}


def batch_norm(a: Arrays) -> Result:
    X, B = a["X"], len(a["X"])
    z = X @ a["W1"]
    c = z - z.mean(axis=0)
    inverse = 1 / np.sqrt((c**2).mean(axis=0) + 1e-5)
    u = c * inverse
    v = a["gamma"] * u + a["beta"]
    h = np.maximum(v, 0)
    p = softmax(h @ a["W2"] + a["b2"])
    d2 = (p - a["Y"]) / B
    dv = (d2 @ a["W2"].T) * (v > 0)
    du = dv * a["gamma"]
    dz = inverse * (du - du.mean(axis=0) - u * (du * u).mean(axis=0))
    return -np.sum(a["Y"] * np.log(p)) / B, {"W1": X.T @ dz, "gamma": (dv * u).sum(axis=0), "beta": dv.sum(axis=0),
                                             "W2": h.T @ d2, "b2": d2.sum(axis=0)}


def dropout(a: Arrays) -> Result:
    X, M, B = a["X"], a["M"], len(a["X"])
    z = X @ a["W1"] + a["b1"]
    h = np.maximum(z, 0) * M / 0.8
    e = h @ a["W2"] + a["b2"] - a["Y"]
    d2 = e / B
    d1 = (d2 @ a["W2"].T) * M / 0.8 * (z > 0)
    return 0.5 * np.sum(e**2) / B, {"W1": X.T @ d1, "b1": d1.sum(axis=0), "W2": h.T @ d2, "b2": d2.sum(axis=0)}


def embedding(a: Arrays) -> Result:
    ids, y, T = a["ids"], a["y"], len(a["y"])
    X = a["E"][ids]
    p = softmax(X @ a["W"] + a["b"])
    rows = np.arange(T)
    loss = -np.log(p[rows, y]).mean()
    d = p.copy()
    d[rows, y] -= 1
    d /= T
    dE = np.zeros_like(a["E"])
    np.add.at(dE, ids, d @ a["W"].T)
    return loss, {"E": dE, "W": X.T @ d, "b": d.sum(axis=0)}


def distillation(a: Arrays) -> Result:
    X, B, tau = a["X"], len(a["X"]), 4.0
    q = softmax(a["S"] / tau)
    z = (X @ a["W"] + a["b"]) / tau
    s = z - z.max(axis=1, keepdims=True)
    e = np.exp(s)
    total = e.sum(axis=1, keepdims=True)
    d = (e / total - q) / (tau * B)
    return -np.sum(q * (s - np.log(total))) / B, {"W": X.T @ d, "b": d.sum(axis=0)}


def contrastive(a: Arrays) -> Result:
    A, K, B, tau = a["A"], a["K"], len(a["A"]), 0.1
    na, nk = (np.sqrt((M**2).sum(axis=1, keepdims=True)) for M in (A, K))
    U, V = A / na, K / nk
    P = softmax(U @ V.T / tau)
    dS = (P - np.eye(B, dtype=A.dtype)) / (B * tau)
    dU, dV = dS @ V, dS.T @ U
    return -np.mean(np.log(np.diag(P))), {"A": (dU - U * (U * dU).sum(axis=1, keepdims=True)) / na,
                                          "K": (dV - V * (V * dV).sum(axis=1, keepdims=True)) / nk}


def vae(a: Arrays) -> Result:
    X, B = a["X"], len(a["X"])
    h = np.tanh(X @ a["W1"] + a["b1"])
    mu, v = h @ a["Wm"] + a["bm"], h @ a["Wv"] + a["bv"]
    s = np.exp(v / 2)
    Z = mu + s * a["eps"]
    g = np.tanh(Z @ a["W2"] + a["b2"])
    y = sigmoid(g @ a["W3"] + a["b3"])
    loss = (-np.sum(X * np.log(y) + (1 - X) * np.log(1 - y)) - 0.5 * np.sum(1 + v - mu**2 - s**2)) / B
    d3 = (y - X) / B
    d2 = (d3 @ a["W3"].T) * (1 - g**2)
    dZ = d2 @ a["W2"].T
    dm, dv = dZ + mu / B, dZ * a["eps"] * s / 2 + (s**2 - 1) / (2 * B)
    d1 = (dm @ a["Wm"].T + dv @ a["Wv"].T) * (1 - h**2)
    return loss, {"W1": X.T @ d1, "b1": d1.sum(axis=0), "Wm": h.T @ dm, "bm": dm.sum(axis=0), "Wv": h.T @ dv, "bv": dv.sum(axis=0),
                  "W2": Z.T @ d2, "b2": d2.sum(axis=0), "W3": g.T @ d3, "b3": d3.sum(axis=0)}


def batched(a: Arrays) -> Result:
    X, H, root = a["X"], len(a["WQ"]), a["WQ"].shape[2] ** 0.5
    B, T, n = X.shape
    Q, K, V = (X[:, None] @ a[f"W{k}"] for k in "QKV")
    A = softmax(Q @ K.swapaxes(2, 3) / root)
    O = A @ V
    e = (O @ a["WO"]).sum(axis=1) - a["Y"]
    dO = e[:, None] @ a["WO"].swapaxes(1, 2)
    dS = from_softmax(A, dO @ V.swapaxes(2, 3)) / root
    parts = {"Q": dS @ K, "K": dS.swapaxes(2, 3) @ Q, "V": A.swapaxes(2, 3) @ dO}
    flat = X.reshape(B * T, n).T
    by = {f"W{k}": flat @ d.transpose(1, 0, 2, 3).reshape(H, B * T, -1) for k, d in parts.items()}
    return 0.5 * np.sum(e**2), {**by, "WO": O.transpose(1, 3, 0, 2).reshape(H, -1, B * T) @ e.reshape(B * T, n)}


def patches(X: np.ndarray) -> np.ndarray:
    """3 × 3 windows of every image as rows."""
    windows = np.lib.stride_tricks.sliding_window_view(X, (3, 3), axis=(2, 3))
    return windows.transpose(0, 2, 3, 1, 4, 5).reshape(-1, X.shape[1] * 9)


def pooled(a: Arrays) -> Result:
    X, B = a["X"], len(a["X"])
    rows = patches(X)
    z = (rows @ a["K"].reshape(8, 9).T + a["b"]).reshape(B, 26, 26, 8)
    h = np.maximum(z, 0)
    blocks = h.reshape(B, 13, 2, 13, 2, 8).transpose(0, 1, 3, 5, 2, 4).reshape(B, 13, 13, 8, 4)
    where = blocks.argmax(axis=-1)[..., None]
    P = np.take_along_axis(blocks, where, -1)[..., 0].transpose(0, 3, 1, 2).reshape(B, -1)
    p = softmax(P @ a["W"])
    d = (p - a["Y"]) / B
    dP = (d @ a["W"].T).reshape(B, 8, 13, 13).transpose(0, 2, 3, 1)
    db = np.zeros_like(blocks)
    np.put_along_axis(db, where, dP[..., None], -1)
    dh = db.reshape(B, 13, 13, 8, 2, 2).transpose(0, 1, 4, 2, 5, 3).reshape(B, 26, 26, 8)
    dz = (dh * (z > 0)).reshape(-1, 8)
    return -np.sum(a["Y"] * np.log(p)) / B, {"K": (dz.T @ rows).reshape(8, 1, 3, 3), "b": dz.sum(axis=0), "W": P.T @ d}


def grouped(a: Arrays) -> Result:
    X, B = a["X"], len(a["X"])
    loss, parts = 0.0, []
    for g in range(4):
        rows = patches(X[:, 4 * g:4 * g + 4])
        h = np.tanh(rows @ a["K"][4 * g:4 * g + 4].reshape(4, 36).T)
        loss += 0.5 * np.sum(h**2) / B
        parts.append(((h / B * (1 - h**2)).T @ rows).reshape(4, 4, 3, 3))
    return loss, {"K": np.concatenate(parts)}


def gru_text() -> str:
    lines = ["h0: R[B, n]; Y: R[B, n]", *(f"x{t}: R[B, n]" for t in range(1, SPAN + 1)),
             *(f"W_{g}: R[n, n]; U_{g}: R[n, n]; b_{g}: R[n]" for g in "zrm")]
    for t in range(1, SPAN + 1):
        lines += [f"{g}{t} = sigmoid(x{t} @ W_{g} + h{t - 1} @ U_{g} + b_{g})" for g in "zr"]
        lines += [f"m{t} = tanh(x{t} @ W_m + (r{t} * h{t - 1}) @ U_m + b_m)", f"h{t} = (1 - z{t}) * h{t - 1} + z{t} * m{t}"]
    return "\n".join([*lines, f"C = sum((h{SPAN} - Y)**2) / 2"])


def heads_text() -> str:
    lines = ["X: R[T, 64]; Y: R[T, 64]; W_Q: R[64, 64]; W_K: R[64, 64]; W_V: R[64, 64]; W_O: R[64, 64]", "Q = X @ W_Q", "K = X @ W_K", "V = X @ W_V"]
    cuts = [f"[:, {16 * k}:{16 * k + 16}]" for k in range(4)]
    lines += [f"A{k} = softmax(Q{cut} @ K{cut}.T / 4, axis=1)" for k, cut in enumerate(cuts)]
    lines += [f"O = np.concatenate([{', '.join(f'A{k} @ V{cut}' for k, cut in enumerate(cuts))}], axis=1)"]
    return "\n".join([*lines, "C = sum((O @ W_O - Y)**2) / 2"])


BATCH_NORM = """X: R[B, n]; Y: R[B, k]; W1: R[n, m]; gamma: R[m]; beta: R[m]; W2: R[m, k]; b2: R[k]
fact: sum(Y, axis=1) == 1
z = X @ W1
D = z - z.mean(axis=0)
U = D / sqrt((D**2).mean(axis=0) + 1e-5)
h = relu(gamma * U + beta)
C = -sum(Y * log_softmax(h @ W2 + b2, axis=1)) / B"""
DROPOUT = """X: R[B, n]; Y: R[B, k]; M: R[B, m]; W1: R[n, m]; b1: R[m]; W2: R[m, k]; b2: R[k]
h = relu(X @ W1 + b1) * M / 0.8
C = sum((h @ W2 + b2 - Y)**2) / (2 * B)"""
EMBEDDING = """ids: Z[T] < V; y: Z[T] < k; E: R[V, d]; W: R[d, k]; b: R[k]
X = E[ids]
P = softmax(X @ W + b, axis=1)
C = -mean(log(P[range(T), y]))"""
DISTILLATION = """X: R[B, n]; S: R[B, k]; W: R[n, k]; b: R[k]
Q = softmax(S / 4, axis=1)
C = -sum(Q * log_softmax((X @ W + b) / 4, axis=1)) / B"""
CONTRASTIVE = """A: R[B, d]; K: R[B, d]
U = A / sqrt(sum(A**2, axis=1, keepdims=True))
V = K / sqrt(sum(K**2, axis=1, keepdims=True))
P = softmax(U @ V.T / 0.1, axis=1)
C = -sum(log(np.diag(P))) / B"""
VAE = """X: R[B, n]; eps: R[B, k]; W1: R[n, m]; b1: R[m]; Wm: R[m, k]; bm: R[k]; Wv: R[m, k]; bv: R[k]
W2: R[k, m]; b2: R[m]; W3: R[m, n]; b3: R[n]
h = tanh(X @ W1 + b1)
mu = h @ Wm + bm
v = h @ Wv + bv
Z = mu + exp(v / 2) * eps
y = sigmoid(tanh(Z @ W2 + b2) @ W3 + b3)
C = (-sum(X * log(y) + (1 - X) * log(1 - y)) - sum(1 + v - mu**2 - exp(v)) / 2) / B"""
BATCHED = """X: R[B, T, n]; Y: R[B, T, n]; WQ: R[H, n, d]; WK: R[H, n, d]; WV: R[H, n, d]; WO: R[H, d, n]
Q = np.einsum('btn,hnd->bhtd', X, WQ)
K = np.einsum('btn,hnd->bhtd', X, WK)
V = np.einsum('btn,hnd->bhtd', X, WV)
A = softmax(np.einsum('bhtd,bhsd->bhts', Q, K) / sqrt(d), axis=3)
O = np.einsum('bhts,bhsd->bhtd', A, V)
C = sum((np.einsum('bhtd,hdn->btn', O, WO) - Y)**2) / 2"""
POOLED = """X: R[B, 1, 28, 28]; Y: R[B, k]; K: R[8, 1, 3, 3]; b: R[8]; W: R[1352, k]
fact: sum(Y, axis=1) == 1
P = max_pool2d(relu(conv2d(X, K) + b[:, None, None]), 2)
C = -sum(Y * log_softmax(P.reshape(B, 1352) @ W, axis=1)) / B"""
GROUPED = """X: R[B, 16, 16, 16]; K: R[16, 4, 3, 3]
H = tanh(conv2d(X, K, groups=4))
C = sum(H**2) / (2 * B)"""


def more() -> dict[str, Problem]:
    """Name -> problem."""
    wide, flat = (128, 128), (128,)
    gates = {f"{kind}_{g}": flat if kind == "b" else wide for kind in "WUb" for g in "zrm"}
    steps = {name: (16, 128) for name in ("h0", "Y", *(f"x{t}" for t in range(1, SPAN + 1)))}
    four = {f"W_{k}": (64, 64) for k in "QKVO"}
    coder = {"W1": (784, 128), "b1": flat, "Wm": (128, 16), "bm": (16,), "Wv": (128, 16), "bv": (16,), "W2": (16, 128), "b2": flat,
             "W3": (128, 784), "b3": (784,)}
    split = {"WQ": (4, 64, 16), "WK": (4, 64, 16), "WV": (4, 64, 16), "WO": (4, 16, 64)}
    dense = {"W1": (256, 512), "b1": (512,), "W2": (512, 10), "b2": (10,)}
    normed = {"W1": (256, 512), "gamma": (512,), "beta": (512,), "W2": (512, 10), "b2": (10,)}
    return {
        "GRU 128, T = 16, batch 16": Problem(gru_text(), steps | gates, tuple(gates), gru, {"B": 16, "n": 128}),
        "4 heads by slices, T = 128, d = 64": Problem(heads_text(), {"X": (128, 64), "Y": (128, 64), **four}, tuple(four), heads, {"T": 128}),
        "4 heads by einsum, batch 8, T = 64": Problem(
            BATCHED, {"X": (8, 64, 64), "Y": (8, 64, 64), **split}, tuple(split), batched, {"B": 8, "T": 64, "n": 64, "H": 4, "d": 16}),
        "batch norm 256-512-10, batch 128": Problem(
            BATCH_NORM, {"X": (128, 256), "Y": (128, 10), **normed}, tuple(normed), batch_norm, {"B": 128, "n": 256, "m": 512, "k": 10}, ("Y",)),
        "dropout 256-512-10, batch 128": Problem(
            DROPOUT, {"X": (128, 256), "Y": (128, 10), "M": (128, 512), **dense}, tuple(dense), dropout, {"B": 128, "n": 256, "m": 512, "k": 10}),
        "embedding 5000 x 64, 512 words": Problem(
            EMBEDDING, {"ids": (512,), "y": (512,), "E": (5000, 64), "W": (64, 50), "b": (50,)}, ("E", "W", "b"), embedding,
            {"T": 512, "V": 5000, "d": 64, "k": 50}, places={"ids": 5000, "y": 50}),
        "distillation 256-100, batch 256": Problem(
            DISTILLATION, {"X": (256, 256), "S": (256, 100), "W": (256, 100), "b": (100,)}, ("W", "b"), distillation, {"B": 256, "n": 256, "k": 100}),
        "contrastive, 128 pairs, d = 64": Problem(CONTRASTIVE, {"A": (128, 64), "K": (128, 64)}, ("A", "K"), contrastive, {"B": 128, "d": 64}),
        "VAE 784-128-16, batch 32": Problem(
            VAE, {"X": (32, 784), "eps": (32, 16), **coder}, tuple(coder), vae, {"B": 32, "n": 784, "m": 128, "k": 16}),
        "convolution, max pooling, softmax, batch 32": Problem(
            POOLED, {"X": (32, 1, 28, 28), "Y": (32, 10), "K": (8, 1, 3, 3), "b": (8,), "W": (1352, 10)}, ("K", "b", "W"), pooled,
            {"B": 32, "k": 10}, ("Y",)),
        "convolution in 4 groups, batch 8": Problem(GROUPED, {"X": (8, 16, 16, 16), "K": (16, 4, 3, 3)}, ("K",), grouped, {"B": 8}),
    }
