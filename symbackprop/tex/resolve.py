"""A tree -> a value: sums, products, fractions, brackets, sums over indices, matrix literals.

Names and scripts are looked up by `lookup`, functions by `functions`, derivatives by `derivatives`; here are the rules
of composition. Every node is used or the formula is refused. A `*` or `·` is what the shapes allow; where two readings
fit, the one taken is recorded and the other kept for a claim that it fits better.
"""

from __future__ import annotations

import re

import sympy as sp

from ..algebra import add as add_nodes, scale
from ..errors import ShapeError, SymbackpropError, UnsupportedError
from ..expr import Add, Const, Contract, Map, Ones, function
from ..ops.tensor import apply as tensor_op
from .conditions import Conditions
from .literals import Literals
from .names import label, parts_of, taken_apart
from .products import Products
from .sums import Sums
from .syntax import Big, Cases, Frac, Group, Juxt, List, Matrix, Node, Num, Prod, Rel, Script, Sqrt, Sum, Sym, Un
from .tensors import (Term, Unknown, aligned, apply, everything, hadamard, is_same_form, like, multiply, number, outer,
                      raised, same, times)


MATRIX_NORMS = {"2": "spectral_norm", "op": "spectral_norm", "sigma": "spectral_norm", "*": "nuclear_norm", "ast": "nuclear_norm", "star": "nuclear_norm",
                "tr": "nuclear_norm", "nuc": "nuclear_norm"}


class Resolver(Conditions, Sums, Literals, Products):
    """Reads expressions in the scope of a document."""

    def value(self, node: Node) -> Term:
        """The value that an expression means. Raises `SymbackpropError` with the place at fault."""
        method = self.READERS.get(type(node))
        if method is None:
            raise self.fail(node, f"{self.text(node)} is no value here")
        return method(self, node)

    def read_number(self, node: Num) -> Term:
        if "bold" in node.marks or "bb" in node.marks:
            if node.text == "1":
                return Term(Ones((self.open_size("ones", node),)))
            if node.text == "0":
                return number(0)
            raise self.fail(node, f"a bold {node.text}")
        return number(sp.Rational(node.text))

    def read_symbol(self, node: Sym) -> Term:
        if node.kind == "run":
            return self.run_of_letters(node, node)
        if node.kind in ("mark", "prose"):
            raise self.fail(node, f"`{self.text(node)}` is no value here")
        if node.kind == "command" and node.name in ("partial", "nabla"):
            raise self.fail(node, f"`{self.text(node)}` of nothing")
        if self.function_of(node) is not None and not self.is_name(node.name, (), (), 0):
            raise self.fail(node, f"{self.text(node)} is a function: its argument is missing")
        return self.symbol(node)

    def read_script(self, node: Script) -> Term:
        base = node.base
        if isinstance(base, Sym):
            if base.name == "e" and node.sup is not None and node.sub is None and not self.is_name("e", (), (), 0):
                return self.exponential(node)
            if base.kind == "run":
                return self.run_of_letters(base, node)
            if self.function_of(node) is not None and self.find(taken_apart(node)) is None:
                raise self.fail(node, f"{self.text(node)} is a function: its argument is missing")
            return self.symbol(node)
        if isinstance(base, Group) and base.open in ("||", "|"):
            return self.norm(node)
        if isinstance(base, Num) and base.marks and node.sub is not None:
            return self.ones(node)
        sup = parts_of(node.sup) if not isinstance(base, Num) or base.marks else ((node.sup,) if node.sup is not None else ())
        sup = sup if len(sup) < 2 or all(self.is_transposed(p) or isinstance(p, Group) for p in sup) else (node.sup,)
        return self.scripted(self.value(base), parts_of(node.sub), sup, node.primes, node)

    def exponential(self, node: Script) -> Term:
        found = self.map_known("exp", self.value(node.sup), node)
        return found

    def ones(self, node: Script) -> Term:
        """`\\mathbf 1_n`, or the indicator `1_{z > 0}`."""
        if isinstance(node.sub, Rel):
            return self.indicator(node.sub, node)
        sub = node.sub.body if isinstance(node.sub, Group) else node.sub
        if isinstance(sub, Prod) and sub.ops == ("times",):
            term = Term(Ones(tuple(self.size(x) for x in sub.items)))
        else:
            term = Term(Ones((self.size(sub),)))
        return self.scripted(term, (), parts_of(node.sup), node.primes, node)

    def read_group(self, node: Group) -> Term:
        if node.open == "||":
            inner = self.value(node.body)
            if inner.rank == 2:
                self.take(f"{self.text(node)} is the Frobenius norm")
            return raised(everything(raised(inner, sp.Integer(2))), sp.Rational(1, 2))
        if node.open == "|" and node.close == "|":
            inner = self.value(node.body)
            return self.call_det(inner, node) if inner.rank == 2 else self.map_known("abs", inner, node)
        if node.open in ("underbrace", "overbrace"):
            return self.value(node.body)
        if isinstance(node.body, List):
            return self.inner(node) if (node.open, node.close) == ("<", ">") else self.bracket_list(node)
        if isinstance(node.body, Rel) and node.open == "[":
            return self.indicator(node.body, node)
        if node.open in (".", "floor", "ceil", "<") or node.close in ("|",):
            raise self.fail(node, f"{self.text(node)} is not read", None, UnsupportedError)
        return self.value(node.body)

    def inner(self, node: Group) -> Term:
        """`\\langle A, B \\rangle`: the sum of the products of entries."""
        if len(node.body.items) != 2 or node.body.sep != ",":
            raise self.fail(node, f"{self.text(node)} is not read", None, UnsupportedError)
        a, b = (self.value(x) for x in node.body.items)
        return everything(self.checked(hadamard, a, b, node))

    def norm(self, node: Script) -> Term:
        """`\\|x\\|`, `\\|x\\|_2^2`, `\\|A\\|_F^2`, `\\|x\\|_1`."""
        if node.base.open == "|":
            return self.scripted(self.value(node.base), parts_of(node.sub), parts_of(node.sup), node.primes, node)
        kind = "" if node.sub is None else label(node.sub, {})
        inner = self.value(node.base.body)
        if inner.rank == 2 and not kind:
            self.take(f"{self.text(node)} is the Frobenius norm")
        if kind in MATRIX_NORMS and inner.rank == 2:
            if inner.axes:
                raise self.fail(node, f"the norm {self.text(node)} of a matrix with indices", None, UnsupportedError)
            self.take(f"{self.text(node)} is the {MATRIX_NORMS[kind].replace('_', ' ')}")
            found = Term(tensor_op(MATRIX_NORMS[kind], inner.node))
        elif kind == "1" and inner.rank <= 1:
            found = everything(self.map_known("abs", inner, node))
        elif kind in ("", "2", "F", "Fro", "frob"):
            squares = everything(raised(inner, sp.Integer(2)))
            if isinstance(node.sup, Num) and node.sup.text == "2":
                return squares
            found = raised(squares, sp.Rational(1, 2))
        else:
            raise self.fail(node, f"the norm {self.text(node)} of what is {inner.show()}", None, UnsupportedError)
        return self.scripted(found, (), parts_of(node.sup), node.primes, node)

    def read_sum(self, node: Sum) -> Term:
        node = self.with_wide_sums(node)
        if not isinstance(node, Sum):
            return self.value(node)
        values = []
        for x, op in zip(node.items, ("+", *node.ops)):
            if op not in ("+", "-"):
                raise self.fail(x, f"{self.text(node)}: ± is no one value", None, UnsupportedError)
            term = self.value(x)
            values.append(term if op == "+" else times(-1, term))
        return self.added(values, node)

    def added(self, values: list[Term], node: Node, parts: tuple[Node, ...] | None = None) -> Term:
        """A sum of values of one form. Numbers are added to every entry, and a bias to every column or row."""
        parts = parts or node.items
        target = max(values, key=lambda t: t.rank)
        made = []
        for term, part in zip(values, parts):
            if term.rank < target.rank:
                term = self.stretched(term, target, part, node)
            elif not is_same_form(term, target):
                raise self.misfit(node, part, term, parts[values.index(target)], target)
            made.append(term)
        try:
            axes, nodes = aligned(made)
        except ShapeError as error:
            raise self.fail(node, f"{self.text(node)}: {error.message}", None, ShapeError) from None
        found = Term(add_nodes(nodes), axes, target.row)
        if any(t.rank == 1 and not t.row and target.rank == 2 and t.tail[0] == target.tail[0] != target.tail[1] for t in values):
            self.columnwise.add(found.node)
        return found

    def stretched(self, term: Term, target: Term, part: Node, node: Node) -> Term:
        if term.is_number:
            if target.rank == 2:
                self.take(f"{self.text(part)} is added to every entry in {self.text(node)}")
            return like(term, target)
        if term.rank == 0 and target.rank == 1:
            self.strains += 1
            self.take(f"the scalar {self.text(part)} is added to every entry in {self.text(node)}")
            return multiply(term, Term(Ones(target.tail), (), target.row))
        if term.rank == 1 and target.rank == 2:
            return self.bias(term, target, part, node)
        raise self.fail(part, f"{self.text(part)} is {term.show()}, and it is added to what is {target.show()}",
                        r"write it with ones, or with an index", ShapeError)

    def bias(self, term: Term, target: Term, part: Node, node: Node) -> Term:
        """A vector added to a matrix: to every column if it has one entry per row, else to every row."""
        rows, columns = target.tail
        ones = lambda n: Term(Ones((n,)))
        if isinstance(term.tail[0], Unknown) and not self.begins_with_weights(node):
            same(term.tail[0], columns)
        if not term.row and (term.tail[0] == rows or term.tail[0] != columns and same(term.tail[0], rows)):
            self.take(f"{self.text(part)} is added to every column in {self.text(node)}")
            return outer(term, ones(columns))
        if term.tail[0] == columns or same(term.tail[0], columns):
            self.take(f"{self.text(part)} is added to every row in {self.text(node)}")
            return outer(ones(rows), term)
        raise self.fail(part, f"{self.text(part)} is {term.show()}, and it is added to what is {target.show()}",
                        f"a bias has one entry per row ({rows}) or per column ({columns})", ShapeError)

    def begins_with_weights(self, node: Node) -> bool:
        """Whether a sum begins with `W X`, one example a column, and not with `X W`."""
        first = node.items[0] if isinstance(node, Sum) else node
        first = first.items[0] if isinstance(first, (Juxt, Prod)) else first
        return re.sub(r"\\[a-z]+|[{ (]", "", self.text(first)).upper().startswith("W")

    def misfit(self, node: Node, a: Node, x: Term, b: Node, y: Term) -> SymbackpropError:
        return self.fail(node, f"{self.text(node)}: {self.text(a)} is {x.show()} and {self.text(b)} is {y.show()}", None, ShapeError)

    def read_sign(self, node: Un) -> Term:
        if node.op == "-":
            return times(-1, self.value(node.x))
        if node.op == "+":
            return self.value(node.x)
        raise self.fail(node, f"`{node.op}` is not read here", None, UnsupportedError)

    def read_fraction(self, node: Frac) -> Term:
        found = self.fraction(node)
        if found is not None:
            return found
        if self.operator(node) is not None:
            raise self.fail(node, f"{self.text(node)} of nothing")
        return self.divided(self.value(node.top), self.value(node.bottom), node, node.bottom)

    def divided(self, top: Term, bottom: Term, node: Node, part: Node) -> Term:
        """A quotient, entry by entry where the denominator is a tensor."""
        if bottom.is_number and bottom.node.value == 0:
            raise self.fail(part, "division by zero")
        if top.is_number and (logistic := as_logistic(bottom)) is not None:
            return times(top.node.value, logistic)
        if (normalised := self.as_softmax(top, bottom, node)) is not None:
            return normalised
        if not bottom.rank and (picked := self.through(top, lambda term: self.divided(term, bottom, node, part))) is not None:
            return picked
        below = raised(bottom, sp.Integer(-1))
        if top.is_number and bottom.rank:
            return times(top.node.value, below)
        try:
            return hadamard(top, below)
        except ShapeError:
            raise self.fail(node, f"{self.text(node)}: {top.show()} is divided by what is {bottom.show()}", None, ShapeError) from None

    def as_softmax(self, top: Term, bottom: Term, node: Node) -> Term | None:
        """`\\frac{e^{z_i}}{\\sum_j e^{z_j}}` is the softmax of z."""
        e, below = top.node, bottom.node
        if type(e) is not Map or e.function.name != "exp" or e.function.derivative or type(below) is not Contract \
                or below.operands != (e,) or len(set(below.inputs[0])) != len(e.shape):
            return None
        gone = [k for k, i in enumerate(below.inputs[0]) if i not in below.output]
        kept = tuple(i for i in below.inputs[0] if i in below.output)
        if len(gone) != 1 or kept != below.output or top.rank > 1 or bottom.rank:
            return None
        index = (*top.axes, *("?" * top.rank))[gone[0]]
        if bottom.axes != tuple(a for a in top.axes if a != index):
            return None
        self.take(f"{self.text(node)} is a softmax")
        return Term(tensor_op("softmax", e.args[0], params=(gone[0],)), top.axes, top.row)

    def read_root(self, node: Sqrt) -> Term:
        degree = number(2) if node.degree is None else self.value(node.degree)
        if not degree.is_number or not degree.node.value.is_positive:
            raise self.fail(node, f"{self.text(node)}: the degree of a root is a positive number")
        return self.real(raised(self.value(node.x), 1 / degree.node.value), node)

    def refuse(self, node: Node) -> Term:
        raise self.fail(node, f"{self.text(node)} is no value here")

    READERS = {Num: read_number, Sym: read_symbol, Script: read_script, Group: read_group, Sum: read_sum, Un: read_sign,
               Frac: read_fraction, Sqrt: read_root, Prod: lambda self, node: self.read_product(node), Cases: lambda self, node: self.read_cases(node), List: refuse, Rel: refuse,
               Juxt: lambda self, node: self.juxtaposed(node), Big: lambda self, node: self.big(node),
               Matrix: lambda self, node: self.matrix(node)}


def as_logistic(bottom: Term) -> Term | None:
    """σ(z) where a denominator is 1 + e^{-z}: the same function under its own name."""
    node = bottom.node
    if type(node) is not Add or len(node.terms) != 2 or node.terms[0] not in (Ones(node.shape), Const(sp.S.One)):
        return None
    e = node.terms[1]
    if type(e) is not Map or e.function.name != "exp" or e.function.derivative:
        return None
    return Term(Map(function("sigmoid"), (scale(-1, e.args[0]),)), bottom.axes, bottom.row)
