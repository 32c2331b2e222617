"""The trees that formulas are mutated and rewritten on, read from Python syntax, with their symbolic shapes."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction

Shape = tuple[str, ...]
Shapes = dict[str, Shape]
BINARY = {ast.Add: "add", ast.Sub: "sub", ast.Mult: "mul", ast.Div: "div", ast.MatMult: "matmul", ast.Pow: "pow"}


@dataclass(frozen=True)
class Node:
    """`op` over `parts`. `value` is a name, a number, a function's name, an axis or a size."""

    op: str
    parts: tuple[Node, ...] = ()
    value: object = None

    def put(self, path: tuple[int, ...], new: Node) -> Node:
        """The tree with another part at a path."""
        if not path:
            return new
        k, *rest = path
        parts = tuple(p.put(tuple(rest), new) if i == k else p for i, p in enumerate(self.parts))
        return Node(self.op, parts, self.value)

    def walk(self, path: tuple[int, ...] = ()) -> Iterator[tuple[tuple[int, ...], Node]]:
        """Every part with its path, the whole first."""
        yield path, self
        for k, part in enumerate(self.parts):
            yield from part.walk((*path, k))

    def names(self) -> set[str]:
        return {n.value for _, n in self.walk() if n.op in ("name", "grad")}


def op(name: str, *parts: Node, value: object = None) -> Node:
    return Node(name, parts, value)


def num(value: object) -> Node:
    return Node("num", (), value if isinstance(value, str) else Fraction(value))


def name(text: str) -> Node:
    return Node("name", (), text)


def call(function: str, *parts: Node) -> Node:
    return Node("call", parts, function)


def neg(a: Node) -> Node:
    return a.parts[0] if a.op == "neg" else op("neg", a)


def transposed(a: Node) -> Node:
    return a.parts[0] if a.op == "T" else op("T", a)


def read(text: str, sizes: frozenset[str]) -> Node:
    """A right side in Python syntax. `slope(...)` marks the derivative of an activation and means its argument."""
    return convert(ast.parse(text.strip(), mode="eval").body, sizes)


def convert(node: ast.expr, sizes: frozenset[str]) -> Node:
    visit = lambda n: convert(n, sizes)
    match node:
        case ast.Name():
            return Node("size", (), node.id) if node.id in sizes else name(node.id)
        case ast.Constant():
            return num(Fraction(str(node.value)))
        case ast.UnaryOp():
            return op("neg", visit(node.operand))
        case ast.Attribute():
            return op("T", visit(node.value))
        case ast.BinOp():
            return op(BINARY[type(node.op)], visit(node.left), visit(node.right))
        case ast.Compare():
            return op("above", visit(node.left), visit(node.comparators[0]))
        case ast.Call():
            return convert_call(node, sizes)
    raise TypeError(ast.dump(node))


def convert_call(node: ast.Call, sizes: frozenset[str]) -> Node:
    function, args = node.func.id, [convert(a, sizes) for a in node.args]
    axis = node.keywords[0].value.value if node.keywords else None
    match function:
        case "grad":
            return Node("grad", (), args[1].value)
        case "slope" | "outer" | "diag" | "trace":
            return op(function, *args)
        case "sum" | "softmax":
            return op(function, *args, value=axis)
        case "ones":
            return op("ones", value=args[0].value)
    return call(function, *args)


def shape_of(node: Node, shapes: Shapes) -> Shape:
    """The shape of a well-formed tree; sizes by name; of matrices where `shapes` has the key "1" (see `columns`).

    Raises `ValueError` where shapes do not fit.
    """
    parts = [shape_of(p, shapes) for p in node.parts]
    match node.op:
        case "name" | "grad":
            return shapes[node.value]
        case "num" | "size" | "trace":
            return ()
        case "ones":
            return (node.value, "1") if "1" in shapes else (node.value,)
        case "T":
            return parts[0][::-1]
        case "outer":
            return (*parts[0], *parts[1])
        case "diag":
            return (parts[0][0], parts[0][0])
        case "sum":
            return () if node.value is None else tuple(s for k, s in enumerate(parts[0]) if k != node.value)
        case "matmul":
            return product_shape(*parts)
        case "add" | "sub" | "mul" | "div" | "above" | "pow":
            return wider(*parts)
    return parts[0]


def product_shape(a: Shape, b: Shape) -> Shape:
    if not a or not b:
        return a or b
    if a[-1] != (b[0] if len(b) == 1 else b[-2]):
        raise ValueError(f"a product of {a} and {b}")
    found = (*a[:-1], *b[1:]) if len(b) == 1 else (*a[:-1], *b[:-2], b[-1])
    return () if found == ("1", "1") else found


def columns(shapes: Shapes) -> Shapes:
    """The shapes where vectors are columns."""
    return {**{n: (*s, "1") if len(s) == 1 else s for n, s in shapes.items()}, "1": ()}


def wider(a: Shape, b: Shape) -> Shape:
    long, short = (a, b) if len(a) >= len(b) else (b, a)
    if short and long[len(long) - len(short):] != short:
        raise ValueError(f"{a} beside {b}")
    return long
