"""Models with tensors of places, their losses in NumPy's own indexing, data and autograd's gradients for them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import autograd.numpy as anp
import numpy as np
from autograd import grad

import symbackprop as sb

EMBEDDING = """ids: Z[T] < V; y: Z[T] < K; E: R[V, d]; W: R[d, K]; b: R[K]
X = E[ids]
Z = X @ W + b
P = softmax(Z, axis=1)
C = -mean(log(P[range(T), y]))
"""
BAG = """ids: Z[B, T] < V; y: Z[B] < K; E: R[V, d]; W: R[d, K]
h = E[ids].mean(axis=1)
Z = tanh(h) @ W
C = -sum(log_softmax(Z, axis=1)[range(B), y])
"""
WORD2VEC = """c: Z < V; o: Z < V; neg: Z[k] < V; E: R[V, d]; U: R[V, d]
v = E[c]
s = U[o] @ v
z = U[neg] @ v
C = -log(sigmoid(s)) - sum(log(sigmoid(-z)))
"""
RATINGS = """u: Z[N] < m; i: Z[N] < n; r: R[N]; U: R[m, k]; V: R[n, k]; b: R[n]
p = sum(U[u] * V[i], axis=1) + b[i]
C = sum((p - r)**2) / 2
"""
ENTRIES = """u: Z[N] < m; i: Z[N] < n; A: R[m, n]; c: Z[N] < k; B: R[a, k]
C = sum(A[u, i]**2) + sum(tanh(B[:, c])**3)
"""


def sigmoid(x: np.ndarray) -> np.ndarray:
    return 1 / (1 + anp.exp(-x))


def log_softmax(z: np.ndarray) -> np.ndarray:
    return z - anp.log(anp.sum(anp.exp(z), axis=1, keepdims=True))


def word2vec(c: int, o: int, neg: np.ndarray, E: np.ndarray, U: np.ndarray) -> object:
    return -anp.log(sigmoid(U[o] @ E[c])) - anp.sum(anp.log(sigmoid(-(U[neg] @ E[c]))))


@dataclass(frozen=True)
class Case:
    """A model, sizes for it, and its loss in NumPy's words."""

    model: str
    sizes: dict[str, int]
    loss: Callable


CASES = {
    "embedding": Case(EMBEDDING, {"T": 7, "V": 5, "K": 3, "d": 4}, lambda ids, y, E, W, b: -anp.mean(
        log_softmax(E[ids] @ W + b)[anp.arange(len(y)), y])),
    "bag": Case(BAG, {"B": 3, "T": 4, "V": 6, "K": 2, "d": 5}, lambda ids, y, E, W: -anp.sum(
        log_softmax(anp.tanh(anp.mean(E[ids], axis=1)) @ W)[anp.arange(len(y)), y])),
    "word2vec": Case(WORD2VEC, {"V": 6, "k": 4, "d": 3}, word2vec),
    "ratings": Case(RATINGS, {"N": 8, "m": 3, "n": 4, "k": 2}, lambda u, i, r, U, V, b: anp.sum(
        (anp.sum(U[u] * V[i], axis=1) + b[i] - r) ** 2) / 2),
    "entries": Case(ENTRIES, {"N": 6, "m": 3, "n": 4, "k": 2, "a": 5}, lambda u, i, A, c, B: anp.sum(A[u, i] ** 2) + anp.sum(
        anp.tanh(B[:, c]) ** 3)),
}


def data_for(case: Case, seed: int = 1) -> dict[str, np.ndarray]:
    rng, net = np.random.default_rng(seed), sb.parse(case.model)
    ends = {fact.name: case.sizes[str(fact.high)] for fact in net.facts}
    shapes = {name: [case.sizes[str(d)] for d in var.shape] for name, var in net.inputs.items()}
    return {n: rng.integers(0, ends[n], s) if n in ends else rng.normal(size=s) for n, s in shapes.items()}


def gradients(case: Case, data: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
    real = {n: v for n, v in data.items() if np.asarray(v).dtype.kind == "f"}
    return grad(lambda given: case.loss(**{**data, **given}))(real)
