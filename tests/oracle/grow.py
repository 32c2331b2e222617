"""The growing program: names in use, leaves, and the choice among productions.

A production makes a tree of a wanted shape from smaller trees. It may decline (`None`), so
each states its own condition; a leaf always fits. Domains hold by construction: logarithms,
roots and divisors ask for `positive`, kinked functions for `generic`.
"""

from __future__ import annotations

import math
import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from typing import TypeVar

from .program import (Definition, Dim, Function, Input, Node, Shape, binary, broadcast, names,
                      num, ref, size, transposed, unary)

NUMBERS = (1, 2, 3, 5, "1/2", "1/4", "3/2")
THRESHOLDS = (0, 0, "1/4", "1/2", "-1/2", 1)
BOUNDED = ("sin", "cos", "tanh", "sigmoid")
MOST_INPUTS = 11
NAME_POOL = {
    0: ("lam", "mu", "alpha", "tau", "s", "beta", "delta", "eps", "c0"),
    1: ("x", "b", "c", "v", "w", "u", "y", "theta", "a", "x_1"),
    2: ("W", "A", "X", "U", "V", "M", "S", "Q", "I", "W_in", "E"),
    3: ("T", "F", "Wh", "X3"),
}
DEFINITION_POOL = {0: ("r", "q", "e"), 1: ("z", "h", "o", "p_"), 2: ("Z", "H", "G", "P"), 3: ("Y", "O")}
POSITIVE_KINDS = ("positive", "unit", "simplex", "weights")


@dataclass(frozen=True, slots=True)
class Val:
    """A tree, how large its values get, and two warnings.

    Some entries of a `flat` tree may be constant on an open set (a relu, the zeros of `diag(v)`):
    a kinked function would sit on its kink. Sums over an `even` one may be constant (a softmax,
    something centred): its gradient would vanish.
    """

    node: Node
    mag: float
    flat: bool = False
    even: bool = False

    @property
    def shape(self) -> Shape:
        return self.node.shape


T = TypeVar("T")
Grow = Callable[["Gen", Shape, int], "Val | None"]


@dataclass(frozen=True, slots=True)
class Production:
    grow: Grow
    ranks: tuple[int, ...]
    weight: float


PRODUCTIONS: list[Production] = []
POSITIVE: list[Production] = []


def production(weight: float = 1.0, ranks: Sequence[int] = (0, 1, 2, 3),
               table: list[Production] = PRODUCTIONS) -> Callable[[Grow], Grow]:
    """Register a production for the ranks that it can make."""
    def register(grow: Grow) -> Grow:
        table.append(Production(grow, tuple(ranks), weight))
        return grow
    return register


@dataclass
class Gen:
    """What has been declared and defined so far; every draw comes from `rng`."""

    rng: random.Random
    tokens: tuple[str, ...]
    sizes: dict[str, int]
    literal_ones: bool
    inputs: list[Input] = field(default_factory=list)
    functions: list[Function] = field(default_factory=list)
    definitions: list[Definition] = field(default_factory=list)
    known: dict[str, Val] = field(default_factory=dict)
    unread: list[str] = field(default_factory=list)

    def chance(self, share: float) -> bool:
        return self.rng.random() < share

    def pick(self, items: Sequence[T]) -> T:
        return items[self.rng.randrange(len(items))]

    def count(self, dims: Sequence[Dim]) -> int:
        return math.prod(self.sizes.get(dim, 1) for dim in dims)

    def dim(self) -> str:
        """A size, more often one of the latest unread definition, so that chains form."""
        latest = [d for name in self.unread[-1:] for d in self.known[name].shape if d != 1]
        return self.pick(latest) if latest and self.chance(0.7) else self.pick(self.tokens)

    def shape(self, rank: int) -> Shape:
        return tuple(self.dim() for _ in range(rank))

    def number(self) -> Val:
        node = num(Fraction(self.pick(NUMBERS)))
        return Val(node, abs(float(node.params[0])), flat=True)

    def threshold(self) -> Val:
        """A number to compare with: small, so that both sides are met."""
        return Val(num(Fraction(self.pick(THRESHOLDS))), 1.0, flat=True)

    def size_number(self, dim: Dim) -> Val:
        return Val(size(dim), self.count((dim,)), flat=True)

    # names

    def fresh_name(self, pool: Sequence[str], number: bool) -> str:
        """A name nobody has; with a number where the plain one is gone or `number` asks for it."""
        taken = {*self.known, *self.tokens, *(f.name for f in self.functions)}
        base = self.pick(pool)
        if not number and base not in taken:
            return base
        return next(f"{base}{i}" for i in range(1, 99) if f"{base}{i}" not in taken)

    def fresh(self, shape: Shape, kind: str = "real") -> Val:
        """Declare a new tensor."""
        name = self.fresh_name(NAME_POOL[len(shape)], self.chance(0.4))
        self.inputs.append(Input(name, shape, kind))
        self.known[name] = Val(ref(name, shape), 2.0 if kind in POSITIVE_KINDS else 1.25)
        return self.known[name]

    def define(self, val: Val) -> Val:
        """Bind a new name; later trees read it instead of the tree."""
        name = self.fresh_name(DEFINITION_POOL[len(val.shape)], True)
        self.bind(name, val.node)
        self.known[name] = Val(ref(name, val.shape), val.mag, val.flat, val.even)
        self.unread.append(name)
        return self.known[name]

    def bind(self, name: str, node: Node) -> None:
        self.definitions.append(Definition(name, node))
        self.unread = [item for item in self.unread if item not in names(node)]

    def named(self, shape: Shape, kinds: Sequence[str] = ()) -> list[str]:
        """Names of this very shape; with `kinds`, inputs of these kinds alone."""
        if kinds:
            return [i.name for i in self.inputs if i.shape == shape and i.kind in kinds]
        return [name for name, val in self.known.items() if val.shape == shape]

    # leaves

    def leaf(self, shape: Shape) -> Val:
        """A name read again, the unread ones first, or a new input."""
        if 1 in shape and not (self.literal_ones and self.chance(0.6)):
            return self.thin(shape, 0)
        found = self.named(shape)
        waiting = [name for name in found if name in self.unread]
        if waiting and self.chance(0.75):
            return self.known[waiting[-1]]
        full = len(self.inputs) >= MOST_INPUTS
        if found and (full or self.chance(0.6)):
            return self.known[self.pick(found)]
        square = len(shape) == 2 and shape[0] == shape[1]
        return self.fresh(shape, "symmetric" if square and self.chance(0.12) else "real")

    def matrix(self, shape: Shape, depth: int) -> Val:
        """A matrix factor: often a name, read as it stands or transposed."""
        if depth > 0 and self.chance(0.3):
            return self.real(shape, depth)
        turned = self.named(shape[::-1])
        if 1 not in shape and turned and self.chance(0.5):
            val = self.known[self.pick(turned)]
            return Val(transposed(val.node), val.mag, val.flat, val.even)
        return self.leaf(shape)

    def thin(self, shape: Shape, depth: int) -> Val:
        """A tensor with literal 1 axes: new axes, or a reduction that keeps its axis."""
        ones = tuple(place for place, dim in enumerate(shape) if dim == 1)
        if len(ones) < len(shape) and self.chance(0.6):
            below = self.real(tuple(dim for dim in shape if dim != 1), depth - 1)
            pattern = tuple(None if dim == 1 else ":" for dim in shape)
            return Val(Node("newaxis", (below.node,), shape, pattern), below.mag, below.flat)
        full = tuple(self.dim() if dim == 1 else dim for dim in shape)
        below = self.real(full, depth - 1)
        op = self.pick(("sum", "mean", "var"))
        axis = ones[0] if len(ones) == 1 else ones
        return self.reduced(op, below, axis, True, shape)

    def reduced(self, op: str, below: Val, axis: object, keep: bool, shape: Shape) -> Val:
        """A sum, mean or variance of `below`, with a bound on its values."""
        below = self.uneven(below)
        over = self.count(below.shape) / max(1, self.count(shape))
        mag = {"sum": below.mag * over, "mean": below.mag, "var": below.mag ** 2}[op]
        flat = below.flat or (op == "var" and over == 1)
        return Val(Node(op, (below.node,), shape, (axis, keep)), mag, flat)

    # choices

    def grow(self, table: list[Production], shape: Shape, depth: int) -> Val | None:
        fitting = [row for row in table if len(shape) in row.ranks]
        for _ in range(8):
            row = self.rng.choices(fitting, [row.weight for row in fitting])[0]
            val = row.grow(self, shape, depth)
            if val is not None:
                assert val.shape == shape, (row.grow.__name__, val.shape, shape)
                return val
        return None

    def real(self, shape: Shape, depth: int) -> Val:
        """Any tree of this shape."""
        if depth <= 0 or self.chance(0.12):
            return self.leaf(shape)
        if 1 in shape:
            return self.thin(shape, depth)
        return self.grow(PRODUCTIONS, shape, depth) or self.leaf(shape)

    def positive(self, shape: Shape, depth: int) -> Val:
        """A tree whose values stay above about 0.02."""
        val = self.grow(POSITIVE, shape, depth) if depth > 0 and self.chance(0.75) else None
        if val is not None:
            return val
        found = self.named(shape, POSITIVE_KINDS[:2])
        if found and self.chance(0.6):
            return self.known[self.pick(found)]
        if 1 in shape or len(self.inputs) >= MOST_INPUTS:
            return Val(binary("add", unary("exp", self.tame(self.leaf(shape), 2).node), num("1/4")), 8)
        return self.fresh(shape, self.pick(POSITIVE_KINDS[:2]))

    def operand(self, shape: Shape, depth: int) -> Val:
        """A second operand that broadcasts to `shape`: the same, fewer axes, thin axes, a scalar."""
        style = self.rng.random()
        if style < 0.12:
            return self.number()
        if style < 0.22:
            return self.real((), depth - 1)
        if len(shape) > 1 and 1 not in shape and style < 0.6:
            if self.chance(0.5):
                return self.real(shape[1:], depth)
            kept = self.rng.randrange(1, 2 ** len(shape) - 1)
            return self.thin(tuple(d if kept >> i & 1 else 1 for i, d in enumerate(shape)), depth)
        return self.real(shape, depth)

    # repairs

    def tame(self, val: Val, limit: float) -> Val:
        """The value brought within `limit`: a bounded function of it, or a quotient by a number."""
        if val.mag <= limit:
            return val
        if self.chance(0.5):
            return self.bounded(val, ("tanh", "sin") if limit >= 1 else ("sin",))
        return Val(binary("div", val.node, num(math.ceil(val.mag / limit))), limit, val.flat, val.even)

    def bounded(self, val: Val, ops: Sequence[str] = BOUNDED) -> Val:
        """A bounded function of the value, which is scaled down first where that would saturate."""
        op = self.pick(ops)
        if op in ("tanh", "sigmoid") and val.mag > 3:
            val = Val(binary("div", val.node, num(math.ceil(val.mag / 2))), 2.0, val.flat)
        return Val(unary(op, val.node), min(1.0, 0.5 + val.mag), val.flat)

    def uneven(self, val: Val) -> Val:
        """The value, squared where its sums may be constant."""
        return Val(unary("square", val.node), val.mag ** 2, val.flat) if val.even else val

    def generic(self, val: Val) -> Val:
        """The value with something added that moves its constant entries off a kink."""
        if not val.flat:
            return val
        shift = self.leaf(val.shape if 1 not in val.shape else ())
        if shift.flat:
            shift = self.fresh(val.shape if 1 not in val.shape else ())
        return Val(binary("add", val.node, shift.node), val.mag + shift.mag)


def combined(op: str, left: Val, right: Val, mag: float) -> Val:
    """A binary operation; a sum is constant only where both terms are."""
    both = op in ("add", "sub") or {left.node.op, right.node.op} & {"num", "size"}
    flat = (left.flat and right.flat) if both else (left.flat or right.flat)
    even = (left.even or right.even) and bool({left.node.op, right.node.op} & {"num", "size"})
    return Val(binary(op, left.node, right.node), mag, flat, even and op != "pow")


def fits(left: Val, right: Val, shape: Shape) -> bool:
    return broadcast(left.shape, right.shape) == shape
