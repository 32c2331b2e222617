"""NumPy's functions that move entries: concatenate, stack, pad, reshape, flip, roll, triangles, cumsum.

Each reads its arguments as NumPy does and calls `selection`.
"""

from __future__ import annotations

from collections.abc import Callable

import sympy as sp

from .. import selection
from ..algebra import Const, contract
from ..errors import ShapeError, UnsupportedError
from ..expr import Expr, show_shape
from ..layers.convolution import extended
from .shapes import as_axis, axes_of, new_axes, one_axis


def whole(value: object, what: str) -> sp.Expr:
    """A whole number or an expression in sizes."""
    value = sp.Integer(value) if isinstance(value, int) else value.value if isinstance(value, Const) else None
    if value is None or not value.is_integer:
        raise UnsupportedError(f"{what} must be a whole number or an expression in sizes")
    return value


def several(parts: object, name: str) -> tuple[Expr, ...]:
    if not isinstance(parts, tuple) or not parts:
        raise UnsupportedError(f"{name} takes a list of tensors")
    return parts


def concatenate(parts: object, axis: object = 0) -> Expr:
    parts = several(parts, "concatenate")
    if any(not p.shape for p in parts):
        raise ShapeError("scalars are joined with stack")
    return selection.concatenate(parts, one_axis(parts[0], axis))


def stack(parts: object, axis: object = 0) -> Expr:
    parts = several(parts, "stack")
    at, rank = as_axis(axis), parts[0].rank + 1
    if not isinstance(at, int) or not -rank <= at < rank:
        raise ShapeError(f"axis {at} of a stack of {show_shape(parts[0].shape)}")
    return selection.stack(parts, at % rank)


def beside(axis: int) -> Callable[..., Expr]:
    """hstack and vstack: vectors are joined (hstack) or become rows (vstack)."""
    def call(parts: object) -> Expr:
        parts = tuple(new_axes(p, (0,), 2) if axis == 0 and p.rank == 1 else p for p in several(parts, "stack"))
        return concatenate(parts, axis if parts[0].rank > 1 else 0)
    return call


def pad(x: Expr, width: object, mode: object = "constant") -> Expr:
    """np.pad; the width is a number, a pair, or a pair for each axis."""
    for axis, (before, after) in enumerate(widths(x, width)):
        x = selection.padded(x, axis, before, after) if mode == "constant" else extended(x, axis, before, after, str(mode))
    return x


def widths(x: Expr, width: object) -> list[tuple[sp.Expr, sp.Expr]]:
    if not isinstance(width, tuple):
        return [(whole(width, "a width"),) * 2] * x.rank
    if all(isinstance(w, tuple) for w in width):
        if len(width) != x.rank or any(len(w) != 2 for w in width):
            raise ShapeError(f"pad needs a pair of widths for each axis of {show_shape(x.shape)}")
        return [tuple(whole(part, "a width") for part in w) for w in width]
    if len(width) != 2:
        raise ShapeError("pad needs a pair of widths for each axis")
    return [tuple(whole(part, "a width") for part in width)] * x.rank


def reshape(x: Expr, *shape: object) -> Expr:
    parts = shape[0] if len(shape) == 1 and isinstance(shape[0], tuple) else shape
    sizes = [whole(part, "a size") for part in parts]
    if sizes.count(-1) > 1:
        raise ShapeError("one size of a reshape is -1 at most")
    if -1 in sizes:
        known = sp.Mul(*[s for s in sizes if s != -1])
        rest = sp.cancel(sp.Mul(*x.shape) / known)
        if not rest.is_integer:
            raise ShapeError(f"{show_shape(x.shape)} does not divide into {show_shape(tuple(sizes))}")
        sizes[sizes.index(-1)] = rest
    return selection.reshape(x, tuple(sizes))


def ravel(x: Expr) -> Expr:
    return selection.reshape(x, (sp.Mul(*x.shape),))


def cumsum(x: Expr, axis: object = None) -> Expr:
    if axis is None and x.rank > 1:
        x, axis = ravel(x), 0
    return selection.cumulative_sum(x, one_axis(x, 0 if axis is None else axis))


def triangle(lower: bool) -> Callable[..., Expr]:
    def call(x: Expr, k: object = 0) -> Expr:
        return selection.masked_triangle(x, whole(k, "the diagonal"), lower)
    return call


def tri(n: object, m: object = None, k: object = 0) -> Expr:
    rows = whole(n, "a size")
    return selection.triangle(rows, rows if m is None else whole(m, "a size"), whole(k, "the diagonal"), True)


def flip(x: Expr, axis: object = None) -> Expr:
    return selection.flip(x, axes_of(x, axis))


def roll(x: Expr, shift: object, axis: object = None) -> Expr:
    if axis is None and x.rank > 1:
        return selection.reshape(roll(ravel(x), shift, 0), x.shape)
    return selection.roll(x, whole(shift, "a shift"), one_axis(x, 0 if axis is None else axis))


def moveaxis(x: Expr, source: object, target: object) -> Expr:
    order = [k for k in range(x.rank) if k != one_axis(x, source)]
    order.insert(one_axis(x, target), one_axis(x, source))
    return contract((x,), (tuple(range(x.rank)),), tuple(order))


JOINS: dict[str, Callable[..., Expr]] = {
    "concatenate": concatenate, "concat": concatenate, "stack": stack, "hstack": beside(1), "vstack": beside(0), "pad": pad,
    "reshape": reshape, "ravel": ravel, "flatten": ravel, "cumsum": cumsum, "tril": triangle(True), "triu": triangle(False),
    "tri": tri, "flip": flip, "roll": roll, "moveaxis": moveaxis,
}
JOIN_METHODS = ("reshape", "ravel", "flatten", "cumsum")
