"""Scaled dot-product attention (Vaswani et al. 2017), one head, positions in rows."""

from __future__ import annotations

import sympy as sp

from ..algebra import contract, scale
from ..errors import ShapeError
from ..expr import show_shape
from ..ops.tensor import apply
from ..program import Program
from .dense import affine
from .network import Size, checked_size, define, value


def attention(x: Program, keys: Size, values: Size, memory: Program | None = None, index: int | str = "") -> Program:
    """Q = X W_Q, K = M W_K, V = M W_V, S = Q Kᵀ / √k, A = softmax(S) row by row, O = A V.

    M is `memory`, X itself by default; k is `keys`. Raises `ShapeError` unless both are matrices with a position a row.

    >>> from symbackprop import layers
    >>> layers.attention(layers.tensor("X", "T", "d"), "k", "v")["O"].expr.shape
    (T, v)
    """
    memory = memory or x
    for net in (x, memory):
        if value(net).rank != 2:
            raise ShapeError(f"attention reads a matrix with a position in every row, not {show_shape(value(net).shape)}")
    q, k, v = (affine(f"{name}{index}", {f"W_{name}{index}": net}, None, count)
               for name, net, count in (("Q", x, keys), ("K", memory, keys), ("V", memory, values)))
    inner = contract((value(q), value(k)), ((0, 1), (2, 1)), (0, 2))
    scores = define(f"S{index}", scale(1 / sp.sqrt(checked_size(keys)), inner), q, k)
    weights = define(f"A{index}", apply("softmax", value(scores), params=(1,)), scores)
    return define(f"O{index}", contract((value(weights), value(v)), ((0, 1), (1, 2)), (0, 2)), weights, v)
