"""What mutations and rewrites know of the model whose formula they change."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

from .models import Model
from .spell import as_matrices
from .tree import Node, Shape, Shapes, call, columns, name, num, op, shape_of


@dataclass(frozen=True)
class Context:
    """A model, and whether its formulas are of matrices (LaTeX) or of NumPy arrays."""

    model: Model
    matrices: bool

    @cached_property
    def shapes(self) -> Shapes:
        return columns(self.model.shapes) if self.matrices else self.model.shapes

    def shape(self, node: Node) -> Shape | None:
        """None where the shapes do not fit."""
        try:
            return shape_of(node, self.shapes)
        except ValueError:
            return None

    @cached_property
    def activations(self) -> list[tuple[str, Node, Node]]:
        """(function, z, h) of every activation of a name."""
        return [(t.value, t.parts[0], name(n)) for n, t in self.model.trees if t.op == "call" and t.parts[0].op == "name" and self.model.shapes[n]]

    @cached_property
    def definitions(self) -> dict[str, Node]:
        return {n: as_matrices(t, self.model.shapes) if self.matrices else t for n, t in self.model.trees if n != "C"}

    def is_tensor(self, node: Node) -> bool:
        return bool(self.shape(node))


ONE, TWO = num(1), num(2)


def slopes(function: str, z: Node, h: Node) -> list[Node]:
    """The ways to write f′ at z, h being f(z)."""
    s, e = call("sigmoid", z), call("exp", op("neg", z))
    minus = lambda a: op("sub", ONE, a)
    match function:
        case "sigmoid":
            return [op("mul", h, minus(h)), op("mul", s, minus(s)), op("sub", h, op("pow", h, TWO)), op("mul", s, call("sigmoid", op("neg", z))),
                    op("div", e, op("pow", op("add", ONE, e), TWO)), op("mul", minus(h), h)]
        case "tanh":
            t = call("tanh", z)
            return [minus(op("pow", h, TWO)), minus(op("mul", h, h)), op("mul", minus(h), op("add", ONE, h)), minus(op("pow", t, TWO)),
                    op("div", ONE, op("pow", call("cosh", z), TWO))]
        case "relu":
            return [op("above", z, num(0)), op("above", h, num(0))]
        case "softplus":
            return [s, op("div", ONE, op("add", ONE, e)), minus(call("exp", op("neg", h)))]
        case "exp":
            return [h, call("exp", z)]
        case "sin":
            return [call("cos", z)]
    return []


def prime(function: str, z: Node) -> Node:
    return Node("prime", (z,), function)
