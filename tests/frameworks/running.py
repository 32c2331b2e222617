"""Exported source as a module, and data for it."""

from __future__ import annotations

import numpy as np

import symbackprop as sb
from symbackprop.codegen import compile_module
from symbackprop.points import bind_sizes, draw

CLASSIFIER = """X: R[B, n]; Y: R[B, k]; W1: R[n, m]; b1: R[m]; W2: R[m, k]; b2: R[k]; lam: R
H = tanh(X @ W1 + b1)
C = -sum(Y * log_softmax(H @ W2 + b2, axis=1)) / B + lam * sum(W1**2)
"""
CENTRED = """X: R[B, n]; W: R[n, m]; g: R[m]
Z = X @ W
V = Z - mean(Z, axis=0)
s = sqrt(mean(V**2, axis=0) + 0.1)
C = sum(sigmoid(g * (V / s))**2) / B + sum(max(Z, axis=0)) + logsumexp(sum(Z, axis=1))
"""


def module(text: str, to: str, wrt: list[str] | None = None, **options: str) -> dict:
    return compile_module(sb.export(sb.derive(sb.parse(text), wrt=wrt), to, **options))


def data(text: str, seed: int = 0, **sizes: int) -> dict[str, np.ndarray]:
    program = sb.parse(text)
    return draw(program, bind_sizes(program, sizes)[0], seed)[0]


def close(found: dict, wanted: dict, bound: float = 1e-10) -> None:
    assert found.keys() == wanted.keys()
    for name, right in wanted.items():
        mine, right = np.asarray(found[name]), np.asarray(right)
        assert mine.shape == right.shape, name
        assert np.abs(mine - right).max(initial=0.0) <= bound * max(1.0, np.abs(right).max(initial=0.0)), name


