"""Normalisation to mean 0 and variance 1, then a scale and a shift for every feature.

Sources: Ba, Kiros and Hinton (2016) for layer, Ioffe and Szegedy (2015) for batch normalisation.
"""

from __future__ import annotations

import sympy as sp

from ..algebra import add, broadcast, hadamard, negative, power, scale, total
from ..errors import ShapeError
from ..expr import show_shape
from ..program import Program
from .dense import to_samples
from .network import define, tensor, value, weight


def layer_norm(x: Program, index: int | str = "") -> Program:
    """For every sample x of n features: μ = 1ᵀx / n, v = ‖x − μ‖² / n, x̂ = (x − μ)/√(v + ε), a = γ ⊙ x̂ + β.

    x is a vector or a matrix with samples in rows; ε > 0 is declared. Raises `ShapeError` for anything else.

    >>> from symbackprop import layers
    >>> layers.layer_norm(layers.tensor("X", "B", "n"))["a"].expr.shape
    (B, n)
    """
    return normalised(x, value(x).rank - 1, index)


def batch_norm(x: Program, index: int | str = "") -> Program:
    """For every feature x over B samples: μ = 1ᵀx / B, v = ‖x − μ‖² / B, x̂ = (x − μ)/√(v + ε), a = γ x̂ + β.

    x is a matrix with samples in rows. Raises `ShapeError` for anything else.

    >>> from symbackprop import layers
    >>> layers.batch_norm(layers.tensor("X", "B", "n"))["mu"].expr.shape
    (n,)
    """
    if value(x).rank != 2:
        raise ShapeError(f"batch normalisation reads a matrix with samples in rows, not {show_shape(value(x).shape)}")
    return normalised(x, 0, index)


def normalised(net: Program, axis: int, index: int | str) -> Program:
    """The equations of both, the mean taken along `axis`."""
    x = value(net)
    if x.rank not in (1, 2):
        raise ShapeError(f"normalisation reads a vector or a matrix, not {show_shape(x.shape)}")
    kept = tuple(i for i in range(x.rank) if i != axis)
    mu = define(f"mu{index}", scale(1 / x.shape[axis], total(x, (axis,))), net)
    centred = add((x, negative(broadcast(value(mu), x.shape, kept))))
    v = define(f"v{index}", scale(1 / x.shape[axis], total(power(centred, 2), (axis,))), mu)
    eps = tensor("eps", positive=True)
    spread = add((value(v), broadcast(value(eps), value(v).shape, ()) if kept else value(eps)))
    root = power(spread, -sp.Rational(1, 2))
    xhat = define(f"xhat{index}", hadamard(centred, broadcast(root, x.shape, kept)), v, eps)
    gamma, beta = (weight(f"{name}{index}", x.shape[-1:]) for name in ("gamma", "beta"))
    scaled = hadamard(to_samples(value(gamma), x.shape), value(xhat))
    return define(f"a{index}", add((scaled, to_samples(value(beta), x.shape))), gamma, xhat, beta)
