"""The problems of `numeric.py`: each model as a user writes it, and beside it the textbook's NumPy.

The textbook code is what a careful person writes by hand: forward values kept, vectorised, no loops but over layers and
time, fused gates in the LSTM. It has no checks of its arguments and no workspaces.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import numpy as np

Arrays = dict[str, np.ndarray]
Result = tuple[float, Arrays]
ROOT = float(np.sqrt(2 / np.pi))  # a NumPy number would turn single precision into double


class Problem(NamedTuple):
    """`text` is the model, `shapes` its arguments', `wrt` what it is differentiated by, `textbook` the code by hand.

    Arguments of `places` are whole numbers below what stands there.
    """

    text: str
    shapes: dict[str, tuple[int, ...]]
    wrt: tuple[str, ...]
    textbook: Callable[[Arrays], Result]
    sizes: dict[str, int] = {}
    one_hot: tuple[str, ...] = ()
    places: dict[str, int] = {}


def data(problem: Problem, dtype: type, seed: int = 0) -> Arrays:
    """Random arrays, weights of variance 1/fan-in."""
    rng = np.random.default_rng(seed)
    made = {}
    for name, shape in problem.shapes.items():
        if name in problem.places:
            made[name] = rng.integers(problem.places[name], size=shape)
            continue
        array = rng.normal(size=shape)
        if name in problem.one_hot:
            array = np.eye(shape[-1])[rng.integers(shape[-1], size=shape[0])]
        elif len(shape) > 1 and name[0] in "WU":
            array /= np.sqrt(max(shape))
        made[name] = array.astype(dtype)
    return made


def sigmoid(z: np.ndarray) -> np.ndarray:
    return 1 / (1 + np.exp(-z))


def small(a: Arrays) -> Result:
    h = sigmoid(a["W1"] @ a["x"] + a["b1"])
    yhat = sigmoid(a["W2"] @ h + a["b2"])
    r = yhat - a["y"]
    loss = 0.5 * np.sum(r**2)
    d2 = r * yhat * (1 - yhat)
    d1 = (a["W2"].T @ d2) * h * (1 - h)
    return loss, {"W1": np.outer(d1, a["x"]), "b1": d1, "W2": np.outer(d2, h), "b2": d2}


def classifier(a: Arrays) -> Result:
    X, Y = a["X"], a["Y"]
    z1 = X @ a["W1"] + a["b1"]
    h = np.maximum(z1, 0)
    z2 = h @ a["W2"] + a["b2"]
    s = z2 - z2.max(axis=1, keepdims=True)
    e = np.exp(s)
    total = e.sum(axis=1, keepdims=True)
    loss = -np.sum(Y * (s - np.log(total))) / len(X)
    d2 = (e / total - Y) / len(X)
    d1 = (d2 @ a["W2"].T) * (z1 > 0)
    return loss, {"W1": X.T @ d1, "b1": d1.sum(axis=0), "W2": h.T @ d2, "b2": d2.sum(axis=0)}


DEPTH = 16


def deep(a: Arrays) -> Result:
    h = [a["X"]]
    for k in range(1, DEPTH + 1):
        h.append(np.tanh(h[-1] @ a[f"W{k}"] + a[f"b{k}"]))
    r = h[-1] - a["Y"]
    loss = 0.5 * np.sum(r**2) / len(r)
    gradients, d = {}, r / len(r)
    for k in range(DEPTH, 0, -1):
        d = d * (1 - h[k] ** 2)
        gradients[f"W{k}"], gradients[f"b{k}"] = h[k - 1].T @ d, d.sum(axis=0)
        if k > 1:
            d = d @ a[f"W{k}"].T
    return loss, gradients


STEPS, WIDTH, GATES = 32, 128, "ifog"


def lstm(a: Arrays) -> Result:
    """The four gates side by side, so that a step is one product with x and one with h."""
    W, U, b = (np.concatenate([a[f"{kind}_{g}"] for g in GATES], axis=-1) for kind in "WUb")
    h, c, kept, n = a["h0"], a["c0"], [], WIDTH
    for t in range(1, STEPS + 1):
        z = a[f"x{t}"] @ W + h @ U + b
        s, g = sigmoid(z[:, :3 * n]), np.tanh(z[:, 3 * n:])
        i, f, o = s[:, :n], s[:, n:2 * n], s[:, 2 * n:]
        below, before = h, c
        c = f * c + i * g
        th = np.tanh(c)
        h = o * th
        kept.append((below, before, i, f, o, g, th))
    r = h - a["Y"]
    loss = 0.5 * np.sum(r**2)
    dW, dU, db, dc = np.zeros_like(W), np.zeros_like(U), np.zeros_like(b), np.zeros_like(c)
    dh, dz = r, np.empty((len(r), 4 * n), r.dtype)
    for t in range(STEPS, 0, -1):
        below, before, i, f, o, g, th = kept[t - 1]
        dc = dc + dh * o * (1 - th**2)
        dz[:, :n] = dc * g * i * (1 - i)
        dz[:, n:2 * n] = dc * before * f * (1 - f)
        dz[:, 2 * n:3 * n] = dh * th * o * (1 - o)
        dz[:, 3 * n:] = dc * i * (1 - g**2)
        dW += a[f"x{t}"].T @ dz
        dU += below.T @ dz
        db += dz.sum(axis=0)
        dh, dc = dz @ U.T, dc * f
    parts = {"W": dW, "U": dU, "b": db}
    return loss, {f"{kind}_{g}": parts[kind][..., k * n:(k + 1) * n] for kind in "WUb" for k, g in enumerate(GATES)}


def attention(a: Arrays) -> Result:
    X, root = a["X"], a["W_Q"].shape[1] ** 0.5
    Q, K, V = X @ a["W_Q"], X @ a["W_K"], X @ a["W_V"]
    S = Q @ K.T / root
    e = np.exp(S - S.max(axis=1, keepdims=True))
    A = e / e.sum(axis=1, keepdims=True)
    dO = A @ V - a["Y"]
    loss = 0.5 * np.sum(dO**2)
    dA = dO @ V.T
    dS = A * (dA - np.sum(A * dA, axis=1, keepdims=True)) / root
    dQ, dK, dV = dS @ K, dS.T @ Q, A.T @ dO
    dX = dQ @ a["W_Q"].T + dK @ a["W_K"].T + dV @ a["W_V"].T
    return loss, {"X": dX, "W_Q": X.T @ dQ, "W_K": X.T @ dK, "W_V": X.T @ dV}


def block(a: Arrays) -> Result:
    X, N = a["X"], len(a["X"])
    centred = X - X.mean(axis=1, keepdims=True)
    inverse = 1 / np.sqrt((centred**2).mean(axis=1, keepdims=True) + 1e-5)
    xhat = centred * inverse
    A = a["gamma"] * xhat + a["beta"]
    Z = A @ a["W1"] + a["b1"]
    T = np.tanh(ROOT * (Z + 0.044715 * Z * Z * Z))
    H = 0.5 * Z * (1 + T)
    r = X + H @ a["W2"] + a["b2"] - a["Y"]
    loss = 0.5 * np.sum(r**2) / N
    dO = r / N
    dH = dO @ a["W2"].T
    dZ = dH * (0.5 * (1 + T) + 0.5 * Z * (1 - T * T) * ROOT * (1 + 3 * 0.044715 * Z * Z))
    dA = dZ @ a["W1"].T
    dxhat = dA * a["gamma"]
    dX = dO + inverse * (dxhat - dxhat.mean(axis=1, keepdims=True)
                         - xhat * (dxhat * xhat).mean(axis=1, keepdims=True))
    return loss, {"X": dX, "gamma": (dA * xhat).sum(axis=0), "beta": dA.sum(axis=0), "W1": A.T @ dZ, "b1": dZ.sum(axis=0),
                  "W2": H.T @ dO, "b2": dO.sum(axis=0)}


def convolution(a: Arrays) -> Result:
    """Windows as rows: a reshape of `sliding_window_view`, one product forward and one backward."""
    X, K, n = a["X"], a["K"], len(a["X"])
    windows = np.lib.stride_tricks.sliding_window_view(X[:, 0], (3, 3), axis=(1, 2)).reshape(-1, 9)
    Z = windows @ K.reshape(8, 9).T + a["b"]
    H = np.maximum(Z, 0)
    dZ = H / n
    return 0.5 * np.sum(H**2) / n, {"K": (dZ.T @ windows).reshape(K.shape), "b": dZ.sum(axis=0)}


def deep_text() -> str:
    lines = ["X: R[B, n]; Y: R[B, n]", *(f"W{k}: R[n, n]; b{k}: R[n]" for k in range(1, DEPTH + 1))]
    lines += [f"h{k} = tanh({f'h{k - 1}' if k > 1 else 'X'} @ W{k} + b{k})" for k in range(1, DEPTH + 1)]
    return "\n".join([*lines, f"C = sum((h{DEPTH} - Y)**2) / (2 * B)"])


def lstm_text() -> str:
    lines = ["h0: R[B, n]; c0: R[B, n]; Y: R[B, n]", *(f"x{t}: R[B, n]" for t in range(1, STEPS + 1)),
             *(f"W_{g}: R[n, n]; U_{g}: R[n, n]; b_{g}: R[n]" for g in GATES)]
    for t in range(1, STEPS + 1):
        lines += [f"{g}{t} = {'tanh' if g == 'g' else 'sigmoid'}(x{t} @ W_{g} + h{t - 1} @ U_{g} + b_{g})" for g in GATES]
        lines += [f"c{t} = f{t} * c{t - 1} + i{t} * g{t}", f"h{t} = o{t} * tanh(c{t})"]
    return "\n".join([*lines, f"C = sum((h{STEPS} - Y)**2) / 2"])


SMALL = """x: R[3]; y: R[2]; W1: R[4, 3]; b1: R[4]; W2: R[2, 4]; b2: R[2]
h = sigmoid(W1 @ x + b1)
yhat = sigmoid(W2 @ h + b2)
C = sum((yhat - y)**2) / 2"""
CLASSIFIER = """X: R[B, n]; Y: R[B, k]; W1: R[n, m]; b1: R[m]; W2: R[m, k]; b2: R[k]
fact: sum(Y, axis=1) == 1
h = relu(X @ W1 + b1)
z = h @ W2 + b2
C = -sum(Y * log_softmax(z, axis=1)) / B"""
ATTENTION = """X: R[T, d]; Y: R[T, d]; W_Q: R[d, d]; W_K: R[d, d]; W_V: R[d, d]
Q = X @ W_Q
K = X @ W_K
V = X @ W_V
A = softmax(Q @ K.T / sqrt(d), axis=-1)
C = sum((A @ V - Y)**2) / 2"""
BLOCK = """X: R[N, d]; Y: R[N, d]; W1: R[d, h]; b1: R[h]; W2: R[h, d]; b2: R[d]; gamma: R[d]; beta: R[d]
Xc = X - X.mean(axis=1, keepdims=True)
s = sqrt((Xc**2).mean(axis=1, keepdims=True) + 1e-5)
A = gamma * (Xc / s) + beta
H = gelu(A @ W1 + b1, approximate='tanh')
C = sum((X + H @ W2 + b2 - Y)**2) / (2 * N)"""


CONVOLUTION = """X: R[B, 1, 28, 28]; K: R[8, 1, 3, 3]; b: R[8]
H = relu(conv2d(X, K) + b[:, None, None])
C = sum(H**2) / (2 * B)"""


def image(batch: int) -> Problem:
    shapes = {"X": (batch, 784), "Y": (batch, 10), "W1": (784, 128), "b1": (128,), "W2": (128, 10), "b2": (10,)}
    return Problem(CLASSIFIER, shapes, ("W1", "b1", "W2", "b2"), classifier,
                   {"B": batch, "n": 784, "m": 128, "k": 10}, ("Y",))


def problems() -> dict[str, Problem]:
    """Name -> problem."""
    layers = [f"{kind}{k}" for k in range(1, DEPTH + 1) for kind in "Wb"]
    square, flat = (WIDTH, WIDTH), (WIDTH,)
    gates = {f"{kind}_{g}": flat if kind == "b" else square for kind in "WUb" for g in GATES}
    steps = {name: (16, WIDTH) for name in ("h0", "c0", "Y", *(f"x{t}" for t in range(1, STEPS + 1)))}
    return {
        "3-4-2 sigmoid, batch 1": Problem(
            SMALL, {"x": (3,), "y": (2,), "W1": (4, 3), "b1": (4,), "W2": (2, 4), "b2": (2,)}, ("W1", "b1", "W2", "b2"), small),
        "784-128-10 relu softmax, batch 32": image(32),
        "784-128-10 relu softmax, batch 256": image(256),
        "16 layers of 256, tanh, batch 64": Problem(
            deep_text(), {"X": (64, 256), "Y": (64, 256), **{n: (256, 256) if n[0] == "W" else (256,) for n in layers}},
            tuple(layers), deep, {"B": 64, "n": 256}),
        "LSTM 128, T = 32, batch 16": Problem(lstm_text(), steps | gates, tuple(gates), lstm, {"B": 16, "n": WIDTH}),
        "attention, T = 128, d = 64": Problem(
            ATTENTION, {"X": (128, 64), "Y": (128, 64), "W_Q": (64, 64), "W_K": (64, 64), "W_V": (64, 64)},
            ("X", "W_Q", "W_K", "W_V"), attention, {"T": 128, "d": 64}),
        "layer norm + GELU, 128 x 256 -> 1024": Problem(
            BLOCK, {"X": (128, 256), "Y": (128, 256), "W1": (256, 1024), "b1": (1024,), "W2": (1024, 256), "b2": (256,),
                    "gamma": (256,), "beta": (256,)},
            ("X", "gamma", "beta", "W1", "b1", "W2", "b2"), block, {"N": 128, "d": 256, "h": 1024}),
        "convolution 28 x 28, 8 filters 3 x 3, batch 32": Problem(
            CONVOLUTION, {"X": (32, 1, 28, 28), "K": (8, 1, 3, 3), "b": (8,)}, ("K", "b"), convolution, {"B": 32}),
    }
