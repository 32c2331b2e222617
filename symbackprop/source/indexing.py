"""Subscripts of the text language by NumPy's rules: `x[0]`, `x[:, 1:3]`, `x[::2]`, `x[..., None]`.

Bounds are numbers or expressions in sizes. Tensors of places, `ids: Z[T] < V`, pick rows and entries: `E[ids]` is their
one-hot matrix times E, `P[range(N), y]` an entry of every row.
"""

from __future__ import annotations

import ast
from collections.abc import Callable

import sympy as sp

from ..algebra import Const, contract
from ..errors import ParseError, ShapeError, UnsupportedError
from ..expr import Expr, show_shape
from ..selection import cut, pick
from .shapes import new_axes

Read = Callable[[ast.expr], Expr]
Places = Callable[[ast.expr, sp.Expr], Expr | None]  # the one-hot tensor of an index that is a tensor of places, for a size


def is_none(node: ast.expr) -> bool:
    return (isinstance(node, ast.Constant) and node.value is None) or (
        isinstance(node, ast.Attribute) and node.attr == "newaxis")


def is_ellipsis(node: ast.expr) -> bool:
    return isinstance(node, ast.Constant) and node.value is ...


def subscript(value: Expr, index: ast.expr, read: Read, places: Places) -> Expr:
    """`value[index]`. `read` gives the node of a bound. Raises `ShapeError` or `ParseError` without a place."""
    parts = index.elts if isinstance(index, ast.Tuple) else [index]
    taken = sum(not is_none(p) and not is_ellipsis(p) for p in parts)
    if taken > value.rank:
        raise ShapeError(f"{show_shape(value.shape)}: too many indices")
    if sum(map(is_ellipsis, parts)) > 1:
        raise ParseError("an index has one ... at most")
    rest = value.rank - taken
    axis, made, added = 0, 0, []
    picked: dict[int, Expr | None] = {}
    for part in parts:
        if (full := is_range(part)) or isinstance(part, ast.Name | ast.Subscript) and (hot := places(part, value.shape[axis])) is not None:
            if full and (bound(part.args[0], read) != value.shape[axis]):
                raise ShapeError(f"{ast.unparse(part)} beside an axis of {value.shape[axis]} entries")
            picked[axis] = None if full else hot
            axis, made = axis + 1, made + 1
        elif is_none(part):
            added.append(made)
            made += 1
        elif is_ellipsis(part):
            axis, made = axis + rest, made + rest
        elif isinstance(part, ast.Slice):
            value = cut(value, axis, *(None if p is None else bound(p, read) for p in (part.lower, part.upper)), step_of(part, read))
            axis, made = axis + 1, made + 1
        else:
            value = pick(value, axis, bound(part, read))
    if picked:
        if len(parts) - sum(map(is_whole, parts)) > len(picked) or list(picked) != list(range(min(picked), max(picked) + 1)):
            raise UnsupportedError("tensors of places stand side by side, and beside them only whole axes, as in E[ids] or P[range(N), y]")
        return gathered(value, picked)
    return new_axes(value, tuple(added), value.rank + len(added))


def is_range(node: ast.expr) -> bool:
    """`range(n)` or `np.arange(n)`."""
    return isinstance(node, ast.Call) and len(node.args) == 1 and not node.keywords \
        and ast.unparse(node.func) in ("range", "arange", "np.arange", "jnp.arange")


def is_whole(node: ast.expr) -> bool:
    return is_ellipsis(node) or isinstance(node, ast.Slice) and node.lower is node.upper is node.step is None


def gathered(value: Expr, picked: dict[int, Expr | None]) -> Expr:
    """The entries at places: for each axis its one-hot tensor, None where the places are 0, 1, … in order."""
    shapes = {hot.shape[:-1] for hot in picked.values() if hot is not None} | {
        (value.shape[axis],) for axis, hot in picked.items() if hot is None}
    if len(shapes) > 1:
        raise ShapeError(f"places of shapes {' and '.join(sorted(map(show_shape, shapes)))} in one index")
    count = len(shapes.pop())
    new = tuple(range(value.rank, value.rank + count))
    own = tuple(new[0] if axis in picked and picked[axis] is None else axis for axis in range(value.rank))
    hot = [(node, (*new, axis)) for axis, node in picked.items() if node is not None]
    if not hot:
        raise UnsupportedError("range(n) as an index stands beside a tensor of places, as in P[range(N), y]")
    first = min(picked)
    output = (*range(first), *new, *range(max(picked) + 1, value.rank))
    return contract([*(node for node, _ in hot), value], [*(labels for _, labels in hot), own], output)


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


def index_axes(node: ast.expr) -> list[ast.expr] | None:
    """The axes of `Z[m, n]`, none for `Z`; None for what is neither."""
    match node:
        case ast.Name(id="Z"):
            return []
        case ast.Subscript(value=ast.Name(id="Z"), slice=inner):
            return inner.elts if type(inner) is ast.Tuple else [inner]
    return None
