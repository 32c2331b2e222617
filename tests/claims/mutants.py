"""Mutations that make a right formula wrong: one row for each way to go wrong, with the kinds that name it rightly."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from random import Random
from typing import NamedTuple

from .context import Context
from .rewrites import in_exponent
from .spell import is_number
from .tree import Node, call, neg, num, op, transposed

SLOPE = "missing-activation-derivative"


class Mutant(NamedTuple):
    row: str
    kinds: frozenset[str]
    tree: Node


Row = Callable[[Node, Context], Iterator[tuple[str, Node]]]


def signs(node: Node, at: Context) -> Iterator[tuple[str, Node]]:
    if node.op in ("add", "sub"):
        yield "sign", op("sub" if node.op == "add" else "add", *node.parts)
        if node.op == "sub":
            yield "sign", op("sub", *node.parts[::-1])
    if node.op in ("matmul", "mul", "outer", "div") and not is_number(node):
        yield "sign", neg(node)
    if node.op == "neg":
        yield "sign", node.parts[0]


def factors(node: Node, at: Context) -> Iterator[tuple[str, Node]]:
    if node.op in ("matmul", "outer", "name", "grad", "sub", "add", "call"):
        for number in (num(2), num("1/2"), num(3)):
            yield "scale", op("mul", number, node)
        yield "scale", op("div", node, Node("size", (), "n"))
    if node.op == "num" and node.value != 0:
        yield "scale", num(node.value + 1)


def means(node: Node, at: Context) -> Iterator[tuple[str, Node]]:
    if node.op == "div" and is_number(node.parts[1]):
        yield "scale", node.parts[0]
    if node.op == "mul" and is_number(node.parts[0]):
        yield "scale", node.parts[1]


def nudges(node: Node, at: Context) -> Iterator[tuple[str, Node]]:
    if node.op in ("matmul", "outer", "name", "grad", "mul", "sub"):
        yield "scale extra-factor", op("mul", Node("num", (), "1.000000000001"), node)


def transposes(node: Node, at: Context) -> Iterator[tuple[str, Node]]:
    if node.op == "T":
        yield "missing-transpose", node.parts[0]
    elif node.op in ("name", "grad") and len(at.shape(node) or ()) == 2:
        yield "extra-transpose", op("T", node)


def orders(node: Node, at: Context) -> Iterator[tuple[str, Node]]:
    if node.op in ("matmul", "outer"):
        a, b = node.parts
        yield "order", op(node.op, b, a)
        if node.op == "matmul" and "T" in (a.op, b.op):
            yield "order", op("matmul", *(transposed(p) for p in (b, a)))


def products(node: Node, at: Context) -> Iterator[tuple[str, Node]]:
    if node.op in ("mul", "matmul") and not any(is_number(p) for p in node.parts):
        yield "hadamard-vs-matmul", op("matmul" if node.op == "mul" else "mul", *node.parts)


def outers(node: Node, at: Context) -> Iterator[tuple[str, Node]]:
    turned = node.op == "matmul" and node.parts[1].op == "T" and all((at.shape(p) or ("", ""))[-1] == "1" for p in (node.parts[0], node.parts[1].parts[0]))
    if node.op == "outer" or turned:
        yield "missing-outer-product", node.parts[0]


def axes(node: Node, at: Context) -> Iterator[tuple[str, Node]]:
    if node.op in ("sum", "softmax") and node.value is not None:
        yield "wrong-axis", Node(node.op, node.parts, 1 - node.value)
    if node.op == "sum":
        yield "missing-sum", node.parts[0]
    if node.op == "matmul" and node.parts[1].op == "ones":
        yield "missing-sum", node.parts[0]


def activations(node: Node, at: Context) -> Iterator[tuple[str, Node]]:
    """The slope of an activation left out, taken for another's, or σ for σ′."""
    if node.op == "mul" and node.parts[1].op == "slope":
        yield SLOPE, node.parts[0]
    if node.op == "slope":
        for function, z, h in at.activations:
            if {z.value, h.value} & node.names():
                yield from ((f"{SLOPE} wrong-tensor", op("slope", form)) for form in (op("mul", h, op("sub", num(1), h)), op("sub", num(1), op("pow", h, num(2)))))
                yield SLOPE, op("slope", call(function, z))
    if node.op == "prime":
        yield SLOPE, call(node.value, *node.parts)


def terms(node: Node, at: Context) -> Iterator[tuple[str, Node]]:
    if node.op in ("add", "sub"):
        a, b = node.parts
        yield "missing-term", a
        yield "missing-term", b if node.op == "add" else neg(b)


def dropped(node: Node, at: Context) -> Iterator[tuple[str, Node]]:
    if node.op in ("mul", "matmul") and not any(is_number(p) or p.op == "slope" for p in node.parts):
        yield from (("missing-factor", p) for p in node.parts)


def names(node: Node, at: Context) -> Iterator[tuple[str, Node]]:
    if node.op in ("name", "grad"):
        for other, shape in at.shapes.items():
            if other not in (node.value, "1", "C") and (shape == at.shapes[node.value] or len(shape) == len(at.shapes[node.value]) == 1):
                yield "wrong-tensor", Node(node.op, (), other)


ROWS: dict[str, Row] = {"sign": signs, "factor": factors, "missing mean": means, "1e-12": nudges, "transpose": transposes, "order": orders, "product": products,
                        "outer product": outers, "axis": axes, "activation": activations, "term": terms, "factor dropped": dropped, "wrong name": names}


def mutants(node: Node, at: Context) -> dict[str, list[Mutant]]:
    """Every mutant of a tree, by row."""
    found: dict[str, list[Mutant]] = {}
    for title, row in ROWS.items():
        for path, part in node.walk():
            if not in_exponent(node, path):
                for kinds, new in row(part, at):
                    more = {SLOPE} if in_slope(node, path) else set()
                    found.setdefault(title, []).append(Mutant(title, frozenset({*kinds.split(), *more}), node.put(path, new)))
    return found


def in_slope(node: Node, path: tuple[int, ...]) -> bool:
    for k in path:
        if node.op == "slope":
            return True
        node = node.parts[k]
    return False


def mutated(node: Node, at: Context, rng: Random) -> Mutant | None:
    """A random row, and one of its mutants."""
    found = mutants(node, at)
    return rng.choice(found[rng.choice(sorted(found))]) if found else None
