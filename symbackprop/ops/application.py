"""What the rows of the tensor table are made with: their node, and the shapes that most of them have."""

from __future__ import annotations

from ..algebra import broadcast
from ..expr import Apply, Expr, Shape
from . import TENSOR_OPS

Args = tuple[Expr, ...]
Shapes = tuple[Shape, ...]


def apply(op: str, *args: Expr, params: tuple = ()) -> Apply:
    """The node of a row of the table."""
    return Apply(op, args, params, TENSOR_OPS[op].shape(tuple(a.shape for a in args), params))


def kept(shape: Shape, axis: int) -> tuple[int, ...]:
    return tuple(i for i in range(len(shape)) if i != axis)


def same_shape(shapes: Shapes, params: tuple) -> Shape:
    return shapes[0]


def scalar_shape(shapes: Shapes, params: tuple) -> Shape:
    return ()


def without_axis(shapes: Shapes, params: tuple) -> Shape:
    return tuple(shapes[0][i] for i in kept(shapes[0], params[0]))


def spread(node: Expr, like: Expr, axis: int) -> Expr:
    """`node`, which lacks `axis`, repeated along it."""
    return broadcast(node, like.shape, kept(like.shape, axis))
