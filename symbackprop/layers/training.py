"""The loss as an equation of its own."""

from __future__ import annotations

from ..algebra import scale
from ..errors import SymbackpropError, nearest
from ..program import Program
from .losses import LOSSES, huber, minus
from .network import Size, checked_size, define, value

COMPARED = {**LOSSES, "huber": lambda a, y: huber(minus(a, y))}


def loss(a: Program, y: Program, kind: str = "squared_error", mean_over: Size | None = None, name: str = "C") -> Program:
    """C = the loss of a against y, summed over all entries, or divided by the size `mean_over`.

    `kind` is one of squared_error, absolute_error, softmax_cross_entropy and sigmoid_cross_entropy (a holds logits),
    huber, hinge (y is ±1) and kl. Raises `SymbackpropError` for another, `ShapeError` where the shapes differ.

    >>> from symbackprop import layers
    >>> layers.loss(layers.tensor("a", "n"), layers.tensor("y", "n")).loss()
    'C'
    """
    if kind not in COMPARED:
        raise SymbackpropError(f"there is no loss {kind!r}", hint=nearest(kind, COMPARED) or f"one of {', '.join(COMPARED)}")
    made = COMPARED[kind](value(a), value(y))
    return define(name, made if mean_over is None else scale(1 / checked_size(mean_over), made), a, y)
