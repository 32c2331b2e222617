"""Subscripts of the text language by NumPy's rules: `x[0]`, `x[:, 1:3]`, `x[::2]`, `x[..., None]`.

Bounds are numbers or expressions in sizes. What NumPy calls fancy indexing is refused by name.
"""

from __future__ import annotations

import ast
from collections.abc import Callable

import sympy as sp

from ..algebra import Const
from ..errors import ParseError, ShapeError
from ..expr import Expr, show_shape
from ..selection import cut, pick
from .shapes import new_axes

Read = Callable[[ast.expr], Expr]


def is_none(node: ast.expr) -> bool:
    return (isinstance(node, ast.Constant) and node.value is None) or (
        isinstance(node, ast.Attribute) and node.attr == "newaxis")


def is_ellipsis(node: ast.expr) -> bool:
    return isinstance(node, ast.Constant) and node.value is ...


def subscript(value: Expr, index: ast.expr, read: Read) -> Expr:
    """`value[index]`. `read` gives the node of a bound. Raises `ShapeError` or `ParseError` without a place."""
    parts = index.elts if isinstance(index, ast.Tuple) else [index]
    taken = sum(not is_none(p) and not is_ellipsis(p) for p in parts)
    if taken > value.rank:
        raise ShapeError(f"{show_shape(value.shape)}: too many indices")
    if sum(map(is_ellipsis, parts)) > 1:
        raise ParseError("an index has one ... at most")
    rest = value.rank - taken
    axis, made, added = 0, 0, []
    for part in parts:
        if is_none(part):
            added.append(made)
            made += 1
        elif is_ellipsis(part):
            axis, made = axis + rest, made + rest
        elif isinstance(part, ast.Slice):
            value = cut(value, axis, *(None if p is None else bound(p, read) for p in (part.lower, part.upper)), step_of(part, read))
            axis, made = axis + 1, made + 1
        else:
            value = pick(value, axis, bound(part, read))
    return new_axes(value, tuple(added), value.rank + len(added))


def bound(node: ast.expr, read: Read) -> sp.Expr:
    """An index or a bound as an integer expression in sizes."""
    value = read(node)
    if not isinstance(value, Const) or not value.value.is_integer:
        raise ParseError(f"an index is a whole number or an expression in sizes, not {show_shape(value.shape)}"
                         if value.shape else "an index is a whole number or an expression in sizes")
    return value.value


def step_of(part: ast.Slice, read: Read) -> int:
    if part.step is None:
        return 1
    step = bound(part.step, read)
    if not step.is_Integer:
        raise ParseError("the step of a slice is a whole number")
    return int(step)
