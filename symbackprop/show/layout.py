"""Numerator layout, which is a way of printing: the derivative by a matrix or a vector is shown transposed.

Every cotangent has the shape of its primal; here the names of some are printed as the transposes that other books mean by
them, on the left and wherever they are read. Nothing that computes knows of it.
"""

from __future__ import annotations

from collections.abc import Mapping

from .forms import Atom, T
from .matrix import transposed

NUMERATOR = ("Numerator layout: the derivative by a vector or a matrix is printed with the transposed shape; δ and bars keep "
             "the shape of their tensor.")


def transposed_names(ranks: Mapping[str, int], symbols: Mapping[str, str], layout: str) -> frozenset[str]:
    """The cotangents that numerator layout prints transposed: those of vectors and matrices that are written as ∂C/∂x."""
    if layout != "numerator":
        return frozenset()
    return frozenset(name for name, rank in ranks.items() if 0 < rank < 3 and symbols[name].startswith(("\\frac{\\partial", "∂")))


def printed_shape(name: str, shape: tuple, names: frozenset[str]) -> tuple:
    """The shape of what is printed under a name."""
    if name not in names:
        return shape
    return (1, *shape) if len(shape) == 1 else shape[::-1]


def turned(form: object, names: frozenset[str]) -> object:
    """`form` with each of `names` read as the transpose of what is printed under that name."""
    if type(form) is T and is_named(form.body, names):
        return form.body
    if is_named(form, names):
        return T(form)
    if not isinstance(form, tuple):
        return form
    parts = [turned(part, names) for part in form]
    return type(form)(*parts) if hasattr(form, "_fields") else tuple(parts)


def is_named(form: object, names: frozenset[str]) -> bool:
    return type(form) is Atom and form.node.name in names


def shown(form: object, name: str, names: frozenset[str]) -> object:
    """The right side of `name = form` as it is printed."""
    form = turned(form, names)
    return transposed(form) if name in names else form
