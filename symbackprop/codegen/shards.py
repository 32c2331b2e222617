"""Instructions for one of several devices that share out a size: each has its part of every array with that axis.

A value whose shape has the size is spread along that axis, every other value is the same on all devices; so a sum along
the axis is followed by a sum over the devices, a maximum by a maximum. What cannot be done in parts is refused by name.
"""

from __future__ import annotations

import ast
import math
from collections.abc import Collection
from dataclasses import replace

import sympy as sp

from ..errors import SymbackpropError, UnsupportedError, nearest
from .arrays import PRODUCT, Dims, Value
from .compiled import Compiled, Line, Lowered

USUAL = ("batch", "B", "N")


def shared_size(compiled: Compiled, wanted: str) -> sp.Symbol:
    """The size that `--shard` means. Raises `SymbackpropError` where there is none."""
    code = shared_name({str(s): word for s, word in compiled.sizes.items()}, wanted)
    return next(s for s, word in compiled.sizes.items() if word == code)


def shared_name(words: dict[str, str], wanted: str) -> str:
    """What the code calls the size that `--shard` means; `words` are the names of all sizes with what they are called there."""
    found = next((n for n in USUAL if n in words), None) if wanted == "batch" else wanted
    if found not in words:
        known = f"one of {', '.join(words)}" if words else "every size is a number here"
        raise SymbackpropError(f"--shard {wanted}: there is no size of that name", hint=nearest(wanted, words) or known)
    return words[found]


class Shards:
    """Rewrites instructions. `size` is the shared size as source, `part` what a device's own share of it is called."""

    def __init__(self, size: str, part: str) -> None:
        self.size, self.part = size, part
        self.made: dict[Value, Value] = {}

    def lowered(self, whole: Lowered) -> Lowered:
        """The instructions of one device."""
        values = self.renewed(whole.values, whole.order)

        def lines(old: list[Line]) -> list[Line]:
            return [line._replace(value=self.made[line.value]) for line in old]
        return replace(whole, leaves={n: self.made[v] for n, v in whole.leaves.items()}, values=values,
                       forward=lines(whole.forward), backward=lines(whole.backward), loss=self.made[whole.loss],
                       results={n: self.made[v] for n, v in whole.results.items()})

    def renewed(self, values: list[Value], order: Collection[Value]) -> list[Value]:
        """The instructions of one device, those of `order` tested; `made` tells what became of each."""
        found: list[Value] = []
        for value in values:
            for new in self.instructions(value, value in order):
                found.append(new)
                self.made[value] = new
        return found

    def instructions(self, value: Value, needed: bool) -> list[Value]:
        """What one instruction becomes."""
        if needed:
            self.test(value)
        shape: Dims = tuple(map(self.shared, value.shape))
        new = Value(value.op, tuple(self.made[a] for a in value.args), value.params, shape)
        over = self.over(value)
        return [new, Value(over, (new,), (), shape)] if over else [new]

    def shared(self, dim: str) -> str:
        """A size on one device."""
        return " * ".join(self.part if f == self.size else f for f in dim.split(" * ")) if self.has(dim) else dim

    def has(self, dim: str) -> bool:
        """Whether an axis is the shared one, or that one and those behind it numbered through."""
        return dim == self.size or PRODUCT.fullmatch(dim) is not None and dim.split(" * ").count(self.size) == 1

    def axis(self, value: Value) -> int | None:
        return next((k for k, d in enumerate(value.shape) if self.has(d)), None)

    def test(self, value: Value) -> None:
        """Raises `UnsupportedError` for what needs more than a device's own part."""
        if sum(map(self.has, value.shape)) > 1:
            raise UnsupportedError(f"an array with two axes of size {self.size} cannot be shared out along it")
        if any(self.size in d.replace("(", " ").replace(")", " ").split() and not self.has(d) for d in value.shape):
            raise UnsupportedError(f"a size made of {self.size} cannot be shared out")
        if value.op == "routine" and not value.args and self.axis(value) is not None:
            raise UnsupportedError(f"the places of entries along an axis of size {self.size} differ from device to device")
        if any(map(self.has, along_places(value))):
            raise UnsupportedError(f"places on an axis of size {self.size} may lie on other devices")
        for arg in value.args:
            axis = self.axis(arg)
            if axis is None:
                continue
            if axis in moved(value):
                raise UnsupportedError(f"entries of an axis of size {self.size} that move along it lie on other devices")
            if value.op in ("reshape", "gather") and not same_count(arg.shape[:axis], value.shape[:self.axis(value)]):
                raise UnsupportedError(f"a reshape that moves an axis of size {self.size} mixes the parts of the devices")
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
            case "routine" if first is not None and value.params[0] == "add_rows":
                return "psum"
            case "einsum":
                inputs, output = value.params[0].split("->")
                letters = {i for word, a in zip(inputs.split(","), value.args) for i, d in zip(word, a.shape) if self.has(d)}
                return "psum" if letters - set(output) else ""
        return ""


def same_count(shape: Dims, other: Dims) -> bool:
    """Whether arrays of these shapes have equally many entries whatever the sizes are."""
    one, two = ([f for d in dims for f in (d.split(" * ") if PRODUCT.fullmatch(d) else [d])] for dims in (shape, other))
    numbers = [math.prod(int(f) for f in fs if f.isdigit()) for fs in (one, two)]
    return numbers[0] == numbers[1] and sorted(f for f in one if not f.isdigit()) == sorted(f for f in two if not f.isdigit())


def along_places(value: Value) -> Dims:
    """The axes along which a routine of places reaches any entry."""
    if value.op != "routine":
        return ()
    return {"one_hot": value.shape[-1:], "take_rows": value.args[-1].shape[:1], "add_rows": value.shape}.get(value.params[0], ()) if value.args else ()


def moved(value: Value) -> set[int]:
    """The axes of its argument along which a reading, a slice or a routine looks beyond the entry itself."""
    if value.op == "slice":
        return {k for k, part in enumerate(value.params[0].split(", ")) if part != ":"}
    if value.op == "call" and value.params[0] == "np.tril":
        return {len(value.shape) - 2, len(value.shape) - 1}
    if value.op not in ("windows", "routine") or not value.args or along_places(value):
        return set()
    first = ast.parse(f"({value.params[1]},)", mode="eval").body.elts[0]
    if value.params[0] == "np.pad":
        return {k for k, pair in enumerate(first.elts) if ast.unparse(pair) != "(0, 0)"}
    axes = ast.literal_eval(first)
    return set(axes) if isinstance(axes, tuple) else {axes}
