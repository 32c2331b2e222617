"""Instructions in which what stands among zeros is put side by side: parts of an array that were read by slices give their
cotangents back padded with zeros, and a sum of such arrays is one array whose parts they are.
"""

from __future__ import annotations

import re
from typing import NamedTuple

from .arrays import Dims, Graph, Value, cut, size_sum
from .einsums import as_product

SIDES = re.compile(r"\(([^(),]+), ([^(),]+)\)")


class Pad(NamedTuple):
    """An array with zeros before and behind it along one axis, which then has `size` entries."""

    inner: Value
    axis: int
    before: str
    after: str
    size: str


class Joining(Graph):
    """A graph that pads as late as it can, and not at all where padded arrays lie next to one another; products instead of einsum."""

    def dot(self, a: Value, b: Value) -> Value:
        left, right = pad_of(a), pad_of(b)
        if right and right.axis == len(b.shape) - 1 > 0:
            return self.pad(self.dot(a, right.inner), right, len(a.shape) + len(b.shape) - 3)
        if left and left.axis == 0 and len(a.shape) == 2 and len(b.shape) < 3:
            return self.pad(self.dot(left.inner, b), left, 0)
        if right and right.axis == 0 and len(b.shape) == 2 or left and left.axis == 1 and len(a.shape) == 2:
            return self.among(a, b, left, right)
        return super().dot(a, b)

    def among(self, a: Value, b: Value, left: Pad | None, right: Pad | None) -> Value:
        """A product in which what is summed over is padded on one side: the other's entries there are multiplied by 0."""
        if right and right.axis == 0:
            return self.dot(self.stretch(a, len(a.shape) - 1, right), right.inner)
        return self.dot(left.inner, self.stretch(b, 0, left))

    def stretch(self, value: Value, axis: int, pad: Pad) -> Value:
        """The entries along an axis that lie where those of a padded array do."""
        own = pad.inner.shape[pad.axis]
        part = cut([pad.before] if pad.before != "0" else [], [own])
        return self.make("slice", (value,), (*value.shape[:axis], own, *value.shape[axis + 1:]), (":, " * axis + part,))

    def entrywise(self, op: str, *args: Value) -> Value:
        pads = [pad_of(arg) for arg in args]
        if op == "multiply" and args[0].is_const and pads[1]:
            return self.pad(self.entrywise(op, args[0], pads[1].inner), pads[1], pads[1].axis)
        if op == "multiply" and args[1].is_const and pads[0]:
            return self.entrywise(op, *args[::-1])
        for pad, other in zip(pads, args[::-1]) if op == "multiply" else ():
            if pad and other.shape == args[0].shape == args[1].shape:
                return self.pad(self.entrywise(op, self.stretch(other, pad.axis, pad), pad.inner), pad, pad.axis)
        if op == "add" and all(pads) and (made := self.joined(*pads) or self.joined(*pads[::-1])):
            return made
        return super().entrywise(op, *args)

    def product(self, a: Value, b: Value, spell: str) -> Value | None:
        return as_product(self, a, b, spell)

    def transpose(self, a: Value, order: tuple[int, ...]) -> Value:
        if pad := pad_of(a):
            return self.pad(self.transpose(pad.inner, order), pad, order.index(pad.axis))
        return super().transpose(a, order)

    def pad(self, inner: Value, pad: Pad, axis: int) -> Value:
        if (pad.before, pad.after) == ("0", "0"):
            return inner
        sides = [f"({pad.before}, {pad.after})" if k == axis else "(0, 0)" for k in range(len(inner.shape))]
        shape = tuple(pad.size if k == axis else d for k, d in enumerate(inner.shape))
        return self.make("routine", (inner,), shape, ("np.pad", f"({', '.join(sides)}{',' * (len(sides) == 1)})"))

    def joined(self, first: Pad, second: Pad) -> Value | None:
        """The sum of two padded arrays the second of which begins where the first ends."""
        axis, widths = first.axis, [pad.inner.shape[first.axis] if len(pad.inner.shape) > first.axis else "" for pad in (first, second)]
        if axis != second.axis or first.size != second.size or len(first.inner.shape) != len(second.inner.shape) \
                or size_sum([first.before, widths[0]]) != size_sum([second.before]) \
                or size_sum([first.after]) != size_sum([widths[1], second.after]) or not same_but(axis, first.inner.shape, second.inner.shape):
            return None
        pieces = [part for pad in (first, second) for part in (pad.inner.args if is_concat(pad.inner, axis) else (pad.inner,))]
        whole = (first.before, second.after) == ("0", "0")
        shape = tuple((first.size if whole else size_sum(widths)) if k == axis else d for k, d in enumerate(first.inner.shape))
        return self.pad(self.make("concat", tuple(pieces), shape, (axis,)), first._replace(after=second.after), axis)


def is_concat(value: Value, axis: int) -> bool:
    return value.op == "concat" and value.params == (axis,)


def same_but(axis: int, a: Dims, b: Dims) -> bool:
    return all(k == axis or m == n for k, (m, n) in enumerate(zip(a, b)))


def pad_of(value: Value) -> Pad | None:
    """How a value is padded along its one axis that is."""
    if value.op != "routine" or value.params[0] != "np.pad" or not value.args[0].shape:
        return None
    sides = SIDES.findall(value.params[1])
    padded = [k for k, (before, after) in enumerate(sides) if (before, after) != ("0", "0")]
    if len(padded) != 1 or len(sides) != len(value.args[0].shape) or value.params[1].count("(") != len(sides) + 1:
        return None
    return Pad(value.args[0], padded[0], *sides[padded[0]], value.shape[padded[0]])
