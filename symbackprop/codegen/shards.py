"""Instructions for one of several devices that share out a size: each has its part of every array with that axis.

A value whose shape has the size is spread along that axis, every other value is the same on all devices; so a sum along
the axis is followed by a sum over the devices, a maximum by a maximum. What cannot be done in parts is refused by name.
"""

from __future__ import annotations

from dataclasses import replace

import sympy as sp

from ..errors import SymbackpropError, UnsupportedError, nearest
from .arrays import Dims, Value
from .compiled import Compiled, Line, Lowered

USUAL = ("batch", "B", "N")


def shared_size(compiled: Compiled, wanted: str) -> sp.Symbol:
    """The size that `--shard` means. Raises `SymbackpropError` where there is none."""
    names = {str(s): s for s in compiled.sizes}
    found = next((n for n in USUAL if n in names), None) if wanted == "batch" else wanted
    if found not in names:
        known = f"one of {', '.join(names)}" if names else "every size is a number here"
        raise SymbackpropError(f"--shard {wanted}: there is no size of that name", hint=nearest(wanted, names) or known)
    return names[found]


class Shards:
    """Rewrites instructions. `size` is the shared size as source, `part` what a device's own share of it is called."""

    def __init__(self, size: str, part: str) -> None:
        self.size, self.part = size, part
        self.made: dict[Value, Value] = {}

    def lowered(self, whole: Lowered) -> Lowered:
        """The instructions of one device."""
        values: list[Value] = []
        for value in whole.values:
            for new in self.instructions(value, value in whole.order):
                values.append(new)
                self.made[value] = new

        def lines(old: list[Line]) -> list[Line]:
            return [line._replace(value=self.made[line.value]) for line in old]
        return replace(whole, leaves={n: self.made[v] for n, v in whole.leaves.items()}, values=values,
                       forward=lines(whole.forward), backward=lines(whole.backward), loss=self.made[whole.loss],
                       results={n: self.made[v] for n, v in whole.results.items()})

    def instructions(self, value: Value, needed: bool) -> list[Value]:
        """What one instruction becomes."""
        if needed:
            self.test(value)
        shape: Dims = tuple(self.part if d == self.size else d for d in value.shape)
        new = Value(value.op, tuple(self.made[a] for a in value.args), value.params, shape)
        over = self.over(value)
        return [new, Value(over, (new,), (), shape)] if over else [new]

    def axis(self, value: Value) -> int | None:
        return value.shape.index(self.size) if self.size in value.shape else None

    def test(self, value: Value) -> None:
        """Raises `UnsupportedError` for what needs more than a device's own part."""
        if value.shape.count(self.size) > 1:
            raise UnsupportedError(f"an array with two axes of size {self.size} cannot be shared out along it")
        if any(self.size in d.replace("(", " ").replace(")", " ").split() and d != self.size for d in value.shape):
            raise UnsupportedError(f"a size made of {self.size} cannot be shared out")
        for arg in value.args:
            axis = self.axis(arg)
            if axis is None:
                continue
            if value.op in ("linalg", "eye"):
                raise UnsupportedError(f"{value.params[0]} of a matrix with an axis of size {self.size} cannot be shared out")
            if value.op == "index" and [p for p in value.params if p != "None"][axis:axis + 1] not in ([":"], []):
                raise UnsupportedError(f"one entry of an axis of size {self.size} lies on one device alone")

    def over(self, value: Value) -> str:
        """What joins the devices after an instruction, if anything has to."""
        first = self.axis(value.args[0]) if value.args else None
        match value.op:
            case "sum" if first in value.params[0]:
                return "psum"
            case "max" if first is not None and first == value.params[0]:
                return "pmax"
            case "dot" | "matmul" if first is not None and first == len(value.args[0].shape) - 1:
                return "psum"
            case "einsum":
                inputs, output = value.params[0].split("->")
                letters = {i for word, a in zip(inputs.split(","), value.args) for i, d in zip(word, a.shape) if d == self.size}
                return "psum" if letters - set(output) else ""
        return ""
