"""Losses as expressions: each takes nodes and returns the scalar sum over all entries.

Forms: Bishop, Pattern Recognition and Machine Learning, 4.3 and 5.2; Huber (1964); Murphy, Probabilistic Machine
Learning, 6.2. Divide by the batch size for a mean.
"""

from __future__ import annotations

import sympy as sp

from ..algebra import add, const, hadamard, negative, power, scale, total
from ..cells import filled
from ..errors import ShapeError
from ..expr import Expr, Map, function, show_shape
from ..ops.tensor import apply

HALF = sp.Rational(1, 2)


def same(a: Expr, b: Expr) -> None:
    if a.shape != b.shape:
        raise ShapeError(f"a loss compares tensors of one shape, not {show_shape(a.shape)} and {show_shape(b.shape)}")


def minus(a: Expr, b: Expr) -> Expr:
    same(a, b)
    return add((a, negative(b)))


def squared_error(a: Expr, y: Expr) -> Expr:
    """½ ‖a − y‖²."""
    return scale(HALF, total(power(minus(a, y), 2)))


def absolute_error(a: Expr, y: Expr) -> Expr:
    """Σ |a − y|."""
    return total(Map(function("abs"), (minus(a, y),)))


def softmax_cross_entropy(logits: Expr, y: Expr) -> Expr:
    """−Σ y log softmax(logits), along the last axis."""
    same(logits, y)
    if not logits.shape:
        raise ShapeError("softmax needs at least a vector of logits")
    return negative(total(hadamard(y, apply("log_softmax", logits, params=(logits.rank - 1,)))))


def sigmoid_cross_entropy(logits: Expr, y: Expr) -> Expr:
    """Σ softplus(z) − y z, which is −Σ y log σ(z) + (1 − y) log(1 − σ(z)) without overflow."""
    same(logits, y)
    return total(add((Map(function("softplus"), (logits,)), negative(hadamard(y, logits)))))


def huber(r: Expr, delta: Expr = const(1)) -> Expr:
    """Σ r²/2 where |r| ≤ δ, δ (|r| − δ/2) beyond."""
    size = Map(function("abs"), (r,))
    edge = filled(delta.value, r.shape)
    inside = scale(HALF, power(r, 2))
    outside = scale(delta.value, add((size, filled(-delta.value / 2, r.shape))))
    return total(Map(function("where"), (Map(function("le"), (size, edge)), inside, outside)))


def hinge(s: Expr, y: Expr) -> Expr:
    """Σ max(0, 1 − y s) for labels ±1."""
    same(s, y)
    margin = add((filled(sp.S.One, s.shape), negative(hadamard(y, s))))
    return total(Map(function("relu"), (margin,)))


def kl(p: Expr, q: Expr) -> Expr:
    """Σ p (log p − log q)."""
    same(p, q)
    logs = [Map(function("log"), (d,)) for d in (p, q)]
    return total(hadamard(p, add((logs[0], negative(logs[1])))))


LOSSES = {f.__name__: f for f in (squared_error, absolute_error, softmax_cross_entropy, sigmoid_cross_entropy, huber,
                                  hinge, kl)}
