"""NumPy's rules of shape on nodes: broadcasting, matrix products, reductions, new axes.

The nodes never broadcast, so these functions resolve it into products with ones. Only a literal size 1 stretches.
"""

from __future__ import annotations

from collections.abc import Sequence

import sympy as sp

from ..algebra import Const, add, broadcast, contract, hadamard, scale, total
from ..cells import filled
from ..errors import ShapeError
from ..expr import Expr, Labels, Shape, show_shape
from ..tex.tensors import same


def common_shape(shapes: Sequence[Shape]) -> Shape:
    """The broadcast shape; raises `ShapeError` with the two shapes that cannot agree."""
    if len(shapes) == 2 and shapes[0] == shapes[1]:
        return shapes[0]
    rank = max(len(s) for s in shapes)
    result: list[sp.Expr] = [sp.S.One] * rank
    for shape in shapes:
        for k, dim in enumerate(shape, rank - len(shape)):
            if result[k] is sp.S.One:
                result[k] = dim
            elif dim is not sp.S.One and dim is not result[k] and not same(dim, result[k]):
                raise ShapeError(clash(shapes))
    return tuple(result)


def clash(shapes: Sequence[Shape]) -> str:
    shown = [show_shape(s) for s in shapes]
    return f"{', '.join(shown[:-1])} and {shown[-1]} do not go together"


def spread_labels(shape: Shape, target: Shape, fresh: int) -> tuple[Labels, int]:
    """Labels that read a tensor of `shape` inside one of `target`: a stretched axis is summed over its one entry."""
    offset = len(target) - len(shape)
    labels = []
    for k, dim in enumerate(shape, offset):
        if dim is target[k] or dim == target[k]:
            labels.append(k)
        else:
            labels.append(fresh)
            fresh += 1
    return tuple(labels), fresh


def stretch(node: Expr, target: Shape) -> Expr:
    """`node` broadcast to `target`, explicitly."""
    if node.shape == target:
        return node
    if isinstance(node, Const):
        return filled(node.value, target)
    labels, _ = spread_labels(node.shape, target, len(target))
    squeezed = contract((node,), (labels,), tuple(i for i in labels if i < len(target)))
    return broadcast(squeezed, target, tuple(i for i in labels if i < len(target)))


def added(nodes: Sequence[Expr], shape: Shape | None = None) -> Expr:
    """The sum with NumPy's broadcasting; `shape` is that of the result where it is known already."""
    target = common_shape([n.shape for n in nodes]) if shape is None else shape
    return add([stretch(n, target) for n in nodes])


def multiplied(nodes: Sequence[Expr]) -> Expr:
    """The elementwise product with NumPy's broadcasting."""
    target = common_shape([n.shape for n in nodes])
    fresh, inputs = len(target), []
    for node in nodes:
        labels, fresh = spread_labels(node.shape, target, fresh)
        inputs.append(labels)
    covered = {i for labels in inputs for i in labels}
    if not set(range(len(target))) <= covered:
        return hadamard(*[stretch(n, target) for n in nodes])
    return contract(nodes, inputs, tuple(range(len(target))))


def matmul(a: Expr, b: Expr) -> Expr:
    """`a @ b` as NumPy has it, batches of matrices included."""
    if not a.shape or not b.shape:
        raise ShapeError("@ needs two tensors, and one of them is a scalar")
    inner_b = b.shape[-2] if b.rank > 1 else b.shape[0]
    if a.shape[-1] is not inner_b and not same(a.shape[-1], inner_b):
        raise ShapeError(f"{show_shape(a.shape)} @ {show_shape(b.shape)} does not fit")
    if a.rank <= 2 and b.rank <= 2:
        left = (0, 1) if a.rank == 2 else (1,)
        right = (1, 2) if b.rank == 2 else (1,)
        return contract((a, b), (left, right), left[:-1] + right[1:])
    lead = common_shape([a.shape[:-2], b.shape[:-2]])
    k = len(lead)
    first, fresh = spread_labels(a.shape[:-2], lead, k + 3)
    second, _ = spread_labels(b.shape[:-2], lead, fresh)
    left = first + ((k, k + 1) if a.rank > 1 else (k + 1,))
    right = second + ((k + 1, k + 2) if b.rank > 1 else (k + 1,))
    ends = ((k,) if a.rank > 1 else ()) + ((k + 2,) if b.rank > 1 else ())
    return contract((a, b), (left, right), tuple(range(k)) + ends)


def as_axis(value: object) -> object:
    """An axis given as a number in the text, as a Python int."""
    if isinstance(value, tuple):
        return tuple(as_axis(v) for v in value)
    return int(value.value) if isinstance(value, Const) and value.value.is_Integer else value


def axes_of(node: Expr, axis: object) -> tuple[int, ...]:
    """NumPy's `axis=` as non-negative numbers."""
    if axis is None:
        return tuple(range(node.rank))
    axis = as_axis(axis)
    wanted = axis if isinstance(axis, tuple) else (axis,)
    for a in wanted:
        if not isinstance(a, int) or not -node.rank <= a < node.rank:
            raise ShapeError(no_axis(a, node.shape))
    return tuple(sorted({a % node.rank for a in wanted}))


def one_axis(node: Expr, axis: object) -> int:
    axes = axes_of(node, axis)
    if len(axes) != 1:
        raise ShapeError(f"one axis of {show_shape(node.shape)} is needed here: give axis=")
    return axes[0]


def reduced(node: Expr, axis: object = None, keepdims: bool = False, *, mean: bool = False) -> Expr:
    """The sum (or mean) over axes."""
    axes = axes_of(node, axis)
    result = total(node, axes)
    if mean:
        result = scale(1 / sp.prod([node.shape[a] for a in axes]), result)
    return new_axes(result, axes, node.rank) if keepdims else result


def new_axes(node: Expr, axes: tuple[int, ...], rank: int) -> Expr:
    """`node` with axes of size 1 put in, so that its rank becomes `rank`."""
    if not axes:
        return node
    kept = tuple(i for i in range(rank) if i not in axes)
    dims = iter(node.shape)
    return broadcast(node, tuple(sp.S.One if i in axes else next(dims) for i in range(rank)), kept)


def no_axis(axis: object, shape: Shape) -> str:
    """What is said of an axis that a tensor does not have."""
    count = f"has {len(shape)} axes, counted from 0" if len(shape) > 1 else "has one axis, axis 0" if shape else "has no axis"
    return f"there is no axis {axis}: a tensor of {show_shape(shape)} {count}"
