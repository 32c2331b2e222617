"""Parts of an array by their place: `a[i]`, `a[:, j]`, `a[2:4, y[i]]`, read and stored.

A place says of each axis what is taken: all of it, a stretch, one entry by its number, or one by a one-hot vector.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import sympy as sp

from ..algebra import add, contract, negative
from ..errors import ShapeError
from ..expr import Delta, Expr, Shape, show_shape
from ..selection import cut, padded, pick
from ..source.shapes import stretch


@dataclass(frozen=True)
class Stretch:
    """`start:stop` of an axis; both None for all of it."""

    start: sp.Expr | None = None
    stop: sp.Expr | None = None


Place = sp.Expr | Stretch | Expr  # a number, a stretch, or a one-hot vector


def part_at(array: Expr, places: Sequence[Place]) -> Expr:
    """What stands at a place."""
    axis = 0
    for place in places:
        if isinstance(place, Stretch):
            array, axis = cut(array, axis, place.start, place.stop), axis + 1
        elif isinstance(place, Expr):
            labels = tuple(range(array.rank))
            array = contract((array, place), (labels, (axis,)), labels[:axis] + labels[axis + 1:])
        else:
            array = pick(array, axis, place)
    return array


def put_at(value: Expr, shape: Shape, places: Sequence[Place]) -> Expr:
    """A tensor of zeros that holds a value at a place. Raises `ShapeError` where it does not fit there."""
    places = [*places, *[Stretch()] * (len(shape) - len(places))]
    stretches = [k for k, p in enumerate(places) if isinstance(p, Stretch)]
    ends = {k: bounds(places[k], shape[k]) for k in stretches}
    wanted = tuple(stop - start for start, stop in ends.values())
    if value.rank > len(wanted):
        raise ShapeError(f"{show_shape(value.shape)} does not go into a place of {show_shape(wanted)}")
    operands, inputs = [stretch(value, wanted)], [tuple(stretches)]
    for k, place in enumerate(places):
        if not isinstance(place, Stretch):
            operands.append(place if isinstance(place, Expr) else unit(shape[k], place))
            inputs.append((k,))
    found = contract(operands, inputs, tuple(range(len(shape))))
    for k, (start, stop) in ends.items():
        found = padded(found, k, start, shape[k] - stop)
    return found


def bounds(place: Stretch, size: sp.Expr) -> tuple[sp.Expr, sp.Expr]:
    start, stop = sp.S.Zero if place.start is None else place.start, size if place.stop is None else place.stop
    return tuple(b + size if b.is_negative else b for b in (start, stop))


def unit(size: sp.Expr, at: sp.Expr) -> Expr:
    """The vector with a 1 at one place."""
    return Delta.where((size,), (sp.S.One,), -(at + size if at.is_negative else at))


def replaced_at(array: Expr, value: Expr, places: Sequence[Place]) -> Expr:
    """The array with a new value at a place."""
    return add((array, negative(put_at(part_at(array, places), array.shape, places)), put_at(value, array.shape, places)))
