"""The neutral tree of a random program: nodes, inputs, functions, definitions.

A size is a token (`"n"`) that `Program.sizes` binds to a number, or the literal 1, which is
the only size that stretches. Every node carries its shape, so an emitter never infers one.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction

Dim = str | int
Shape = tuple[Dim, ...]


@dataclass(frozen=True, slots=True)
class Node:
    """One operation. `params` holds what is no tensor: axes, a subscript string, a slope."""

    op: str
    args: tuple[Node, ...]
    shape: Shape
    params: tuple = ()


@dataclass(frozen=True, slots=True)
class Input:
    """A declared tensor. `kind` says how its data are drawn and which facts are stated."""

    name: str
    shape: Shape
    kind: str = "real"


@dataclass(frozen=True, slots=True)
class Function:
    """An elementwise function `name = lambda parameters: body`, the body a scalar tree."""

    name: str
    parameters: tuple[str, ...]
    body: Node


@dataclass(frozen=True, slots=True)
class Definition:
    """`name = body`."""

    name: str
    body: Node


@dataclass(frozen=True)
class Program:
    """Declarations, functions and definitions; the last definition is the scalar loss."""

    seed: int
    profile: str
    symbolic: bool
    sizes: dict[str, int]
    inputs: tuple[Input, ...]
    functions: tuple[Function, ...]
    definitions: tuple[Definition, ...]

    @property
    def loss(self) -> str:
        return self.definitions[-1].name

    @property
    def binding(self) -> dict[str, int]:
        """The sizes that the text leaves symbolic."""
        return self.declared_sizes() if self.symbolic else {}

    def declared_sizes(self) -> dict[str, int]:
        """The tokens that some declaration mentions, with their numbers."""
        used = {dim for item in self.inputs for dim in item.shape if dim != 1}
        return {token: size for token, size in self.sizes.items() if token in used}

    def number(self, dim: Dim) -> int:
        return dim if isinstance(dim, int) else self.sizes[dim]

    def numbers(self, shape: Shape) -> tuple[int, ...]:
        return tuple(self.number(dim) for dim in shape)


def num(value: int | str | Fraction) -> Node:
    return Node("num", (), (), (Fraction(value),))


def ref(name: str, shape: Shape) -> Node:
    return Node("ref", (), shape, (name,))


def size(token: Dim) -> Node:
    """A size used as a number."""
    return num(token) if isinstance(token, int) else Node("size", (), (), (token,))


def broadcast(*shapes: Shape) -> Shape:
    """NumPy's rule, where nothing but the literal 1 stretches."""
    rank = max(map(len, shapes))
    result: list[Dim] = [1] * rank
    for shape in shapes:
        for place, dim in enumerate(shape, start=rank - len(shape)):
            if dim == 1 or dim == result[place]:
                continue
            if result[place] != 1:
                raise ValueError(f"{shapes} do not broadcast")
            result[place] = dim
    return tuple(result)


def binary(op: str, left: Node, right: Node) -> Node:
    return Node(op, (left, right), broadcast(left.shape, right.shape))


def unary(op: str, arg: Node, *params: object) -> Node:
    return Node(op, (arg,), arg.shape, params)


def transposed(arg: Node) -> Node:
    return Node("T", (arg,), arg.shape[::-1])


def walk(node: Node) -> Iterator[Node]:
    """The node and everything below it, outermost first."""
    yield node
    for arg in node.args:
        yield from walk(arg)


def names(node: Node) -> frozenset[str]:
    """The names that a tree reads."""
    return frozenset(item.params[0] for item in walk(node) if item.op == "ref")


def live_names(node: Node) -> frozenset[str]:
    """The names that a tree reads elsewhere than in a comparison or under a sign."""
    if node.op == "ref":
        return frozenset(node.params)
    args = {"where": node.args[2:], "sign": ()}.get(node.op, node.args)
    return frozenset().union(*map(live_names, args))


def ops_used(program: Program) -> set[str]:
    """Every operation that the program applies, inside its functions too."""
    bodies = [item.body for item in (*program.definitions, *program.functions)]
    return {node.op for body in bodies for node in walk(body)}


def reads(program: Program) -> dict[str, int]:
    """How often the definitions read each name."""
    count = {item.name: 0 for item in (*program.inputs, *program.definitions)}
    for definition in program.definitions:
        for node in walk(definition.body):
            if node.op == "ref":
                count[node.params[0]] += 1
    return count


def depth(program: Program) -> int:
    """The longest chain of definitions, each reading the one before, below the loss."""
    level: dict[str, int] = {}
    for definition in program.definitions:
        below = [level[name] for name in names(definition.body) if name in level]
        level[definition.name] = 1 + max(below, default=0)
    return level[program.loss] - 1
