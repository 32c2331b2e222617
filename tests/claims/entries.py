"""Formulas entry by entry: trees of numbers at indices, their LaTeX, their values, and mutants of their indices."""

from __future__ import annotations

from collections.abc import Iterator
from random import Random

import mpmath
import numpy as np

from .context import Context
from .meaning import DIGITS, FUNCTIONS, SLOPES, Floats, Meaning
from .mutants import Mutant
from .spell import Tex, bare
from .tree import Node, Shapes, op, shape_of

FREE, SUMMED = "ij", "kqst"


class TooDeep(Exception):
    """There is no index form of this, or it needs too many indices."""


def entry_of(node: Node, at: tuple[str, ...], shapes: Shapes, used: str = "") -> Node:
    """The entry at some indices of a tree of NumPy arrays."""
    ranks = [len(shape_of(p, shapes)) for p in node.parts]
    below = lambda p, indices: entry_of(p, indices, shapes, used)
    match node.op:
        case "name" | "grad":
            if len(at) != len(shapes[node.value]):
                raise TooDeep
            return Node("entry", (), (node.op, node.value, at))
        case "num" | "size":
            return node
        case "ones":
            return Node("num", (), 1)
        case "T":
            return below(node.parts[0], at[::-1])
        case "outer":
            a, b = node.parts
            return op("mul", below(a, at[:ranks[0]]), below(b, at[ranks[0]:]))
        case "matmul" | "sum":
            return summed(node, at, shapes, used)
        case "softmax" | "diag" | "trace":
            raise TooDeep
    return Node(node.op, tuple(below(p, at[len(at) - r:] if r else ()) for p, r in zip(node.parts, ranks)), node.value)


def summed(node: Node, at: tuple[str, ...], shapes: Shapes, used: str) -> Node:
    fresh = next((c for c in SUMMED if c not in used), None)
    a = node.parts[0]
    shape = shape_of(a, shapes)
    if fresh is None or node.op == "sum" and len(shape) > 1 and node.value is None:
        raise TooDeep
    below = lambda p, indices: entry_of(p, indices, shapes, used + fresh)
    if node.op == "sum":
        axis = node.value or 0
        return Node("sumover", (below(a, (*at[:axis], fresh, *at[axis:])),), (fresh, shape[axis]))
    b = node.parts[1]
    if not shape or not shape_of(b, shapes):
        raise TooDeep
    left, right = (fresh,) if len(shape) == 1 else (at[0], fresh), (fresh, *at[len(shape) - 1:])
    return Node("sumover", (op("mul", below(a, left), below(b, right)),), (fresh, shape[-1]))


class EntryTex(Tex):
    """LaTeX of such trees."""

    def spell(self, node: Node) -> str:
        match node.op:
            case "entry":
                kind, name, at = node.value
                said = self.name(name) + (f"_{{{''.join(at)}}}" if at else "")
                return rf"\frac{{\partial {self.loss}}}{{\partial {said}}}" if kind == "grad" else said
            case "sumover":
                body = node.parts[0]
                said = f"({self.spell(body)})" if bare(body).op in ("add", "sub") else self.spell(body)
                return rf"\sum_{{{node.value[0]}=1}}^{{{node.value[1]}}} {said}"
            case "mul":
                a, b = node.parts
                if a.op == "num" and a.value == 1:
                    return self.spell(b)
                left = f"({self.spell(a)})" if bare(a).op == "sumover" else self.inside(a, 3)
                right = self.inside(b, 3)
                return left if b.op == "num" and b.value == 1 else rf"{left} \cdot {right}" if right[0].isdigit() else f"{left} {right}"
            case "pow":
                inner = bare(node.parts[0])
                said = self.spell(inner) if inner.op == "entry" else f"({self.spell(inner)})"
                return f"{said}^{{{self.spell(node.parts[1])}}}"
        return super().spell(node)


def values(node: Node, point: Meaning, shape: tuple[int, ...]) -> np.ndarray:
    """The tensor of all entries. Raises `IndexError` where an index leaves its axis."""
    made = np.empty(shape, dtype=object if point.precise else float)
    with mpmath.workdps(DIGITS):
        for at in np.ndindex(shape):
            made[at] = value(node, point, dict(zip(FREE, at)))
    return made


def value(node: Node, point: Meaning, at: dict[str, int]) -> object:
    match node.op:
        case "entry":
            kind, name, indices = node.value
            return point.values[f"grad {name}" if kind == "grad" else name][tuple(at[i] for i in indices)]
        case "num":
            return point.number(node.value)[()]
        case "size":
            return point.sizes[node.value]
        case "sumover":
            index, size = node.value
            return sum(value(node.parts[0], point, {**at, index: k}) for k in range(point.sizes[size]))
    parts = [value(p, point, at) for p in node.parts]
    module = mpmath if point.precise else Floats
    match node.op:
        case "add":
            return parts[0] + parts[1]
        case "sub":
            return parts[0] - parts[1]
        case "mul":
            return parts[0] * parts[1]
        case "div":
            return parts[0] / parts[1]
        case "pow":
            return parts[0] ** parts[1]
        case "neg":
            return -parts[0]
        case "slope":
            return parts[0]
        case "above":
            return (parts[0] > parts[1]) + 0 * parts[0]
        case "call":
            return FUNCTIONS[node.value](parts[0], module)
        case "prime":
            return SLOPES[node.value](parts[0], module)
    raise TypeError(node.op)


def indices_fit(node: Node, sizes: dict[str, str], shapes: Shapes) -> bool:
    """Whether every index runs over the axis that it stands at."""
    if node.op == "sumover":
        sizes = {**sizes, node.value[0]: node.value[1]}
    if node.op == "entry":
        return all(sizes[i] == size for i, size in zip(node.value[2], shapes[node.value[1]]))
    return all(indices_fit(p, sizes, shapes) for p in node.parts)


def index_mutants(node: Node) -> Iterator[Mutant]:
    """Two indices of an entry exchanged, or one taken for another that is in reach; a sum left out."""
    kinds = frozenset({"wrong-tensor", "missing-transpose", "extra-transpose", "order"})
    for path, part in node.walk():
        if part.op == "entry":
            kind, name, at = part.value
            if len(at) == 2 and at[0] != at[1]:
                yield Mutant("index", kinds, node.put(path, Node("entry", (), (kind, name, at[::-1]))))
            for k in range(len(at)):
                for other in sorted(reach(node, path) - {at[k]}):
                    yield Mutant("index", kinds, node.put(path, Node("entry", (), (kind, name, (*at[:k], other, *at[k + 1:])))))


def reach(node: Node, path: tuple[int, ...]) -> set[str]:
    """The indices that a part may use: those of the left side that the formula reads, and of the sums around it."""
    found = {i for _, n in node.walk() if n.op == "entry" for i in n.value[2] if i in FREE}
    for k in path:
        if node.op == "sumover":
            found.add(node.value[0])
        node = node.parts[k]
    return found


def index_mutated(node: Node, at: Context, rng: Random) -> Mutant | None:
    found = list(index_mutants(node))
    return rng.choice(found) if found else None
