"""Comparisons and conditions in hand-written code: masks where tensors are compared, True and False where that is known."""

from __future__ import annotations

import ast
import operator
from dataclasses import dataclass

from ..algebra import Const
from ..errors import UnsupportedError
from ..expr import Expr
from ..source.terms import Terms
from .patterns import masked_step
from .values import Closure, Free, Instance, is_tensor

STATIC = (int, str, bool, type(None), tuple, list, dict)
RELATIONS = {ast.Eq: operator.eq, ast.NotEq: operator.ne, ast.Lt: operator.lt, ast.LtE: operator.le, ast.Gt: operator.gt,
             ast.GtE: operator.ge}


class CodeConditions(Terms):
    """Conditions; `value`, `part`, `as_expr` and `kept` come from the layer above."""

    def comparison(self, node: ast.Compare) -> object:
        if (label := self.is_label(node)) is not None:
            return label
        values = [v.array if isinstance(v := self.part(n), Free) and v.array is not None else v for n in (node.left, *node.comparators)]
        if any(is_tensor(v) and not isinstance(v, Const) for v in values) and not any(v is None for v in values):
            if len(values) != 2:
                raise UnsupportedError("one comparison at a time")
            if isinstance(node.ops[0], (ast.GtE, ast.Lt)) and values[1] == 0:
                self.readings[f"{self.text(node)[:40]}: what happens at exactly 0 is left out"] = None
            pair = {id(n): self.as_expr(v, n) for n, v in zip((node.left, node.comparators[0]), values)}
            self.given |= pair
            try:
                return self.kept(self.without_masks(self.kept(self.read_compare(node))))
            finally:
                for key in pair:
                    self.given.pop(key, None)
        result = True
        for op, a, b in zip(node.ops, values, values[1:]):
            result = result and self.related(op, a, b, node)
        return result

    def is_label(self, node: ast.Compare) -> Expr | None:
        """A comparison with a class label as 0 or 1."""
        return None

    def without_masks(self, value: object) -> Expr:
        """A comparison, with masks of zeros and ones taken out of it."""
        binary = frozenset(f.name for f in self.facts if f.kind == "binary")
        return masked_step(self.as_expr(value, ast.Constant(0)), self.definitions, binary)

    def related(self, op: ast.cmpop, a: object, b: object, node: ast.expr) -> object:
        if isinstance(op, (ast.Is, ast.IsNot)):
            same = a is None and b is None or a is b or isinstance(a, (bool, str)) and a == b
            return same if isinstance(op, ast.Is) else not same
        if isinstance(op, (ast.In, ast.NotIn)) and isinstance(b, (dict, list, tuple, str)):
            return (a in b) == isinstance(op, ast.In)
        a, b = (as_int(v) for v in (a, b))
        if isinstance(a, (int, str, bool)) and isinstance(b, (int, str, bool, type(None))) and type(op) in RELATIONS:
            return RELATIONS[type(op)](a, b) if type(a) is type(b) or isinstance(op, (ast.Eq, ast.NotEq)) else Undecided(node)
        if isinstance(a, tuple) and isinstance(op, (ast.Eq, ast.NotEq)):
            return isinstance(op, ast.Eq)
        return Undecided(node)

    def truth(self, value: object, node: ast.expr) -> bool:
        """Whether a condition holds. Raises `UnsupportedError` where that depends on data."""
        if isinstance(value, Free) and isinstance(value.default, (bool, str, type(None))) and value.array is None:
            value = value.default
        if isinstance(value, (*STATIC, Instance, Closure)):
            return bool(value)
        if isinstance(value, Const) and value.value.is_number:
            return bool(value.value != 0)
        raise UnsupportedError(f"whether {self.text(node)[:40]} holds depends on data")

    def logic(self, node: ast.BoolOp) -> object:
        stop = isinstance(node.op, ast.Or)
        value: object = None
        for part in node.values:
            value = self.value(part)
            if self.truth(value, part) == stop:
                return value
        return value

    def choice(self, node: ast.IfExp) -> object:
        return self.value(node.body if self.truth(self.value(node.test), node.test) else node.orelse)


@dataclass(frozen=True)
class Undecided:
    """A condition on sizes or settings that the text leaves open."""

    node: ast.expr


def as_int(value: object) -> object:
    """A number that is an integer, as one."""
    if isinstance(value, Const) and value.value.is_Integer:
        return int(value.value)
    return value
