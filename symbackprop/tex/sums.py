"""Sums over indices: limits, sets and conditions below the sign, and sums that leave their index unsaid.

A sum over an index is a contraction; one over a layer's number is written out. A sum without an index runs over every
index in its body that nothing else binds, and over all entries where there is none.
"""

from __future__ import annotations

from dataclasses import replace
from functools import reduce

import sympy as sp

from ..algebra import add as add_nodes
from ..errors import NoSuchStep, ShapeError, UnsupportedError
from ..ops.tensor import apply as tensor_op
from .classes import Classes, complement
from .names import label, letters_in, letters_of, parts_of, taken_apart, unwrapped, whole
from .scope import conditions, is_index
from .syntax import Big, Group, Juxt, List, Node, Num, Prod, Rel, Script, Span, Sum, Sym, Un, walk
from .tensors import Term, aligned, chained, everything, multiply, raised, summed, times

MAX_UNROLLED = 64


class Sums(Classes):
    def __init__(self, *given: object) -> None:
        super().__init__(*given)
        self.written_out: dict[Span, list[tuple[int, Term]]] = {}  # a sum over steps -> what each step adds

    def big(self, node: Big) -> Term:
        if node.op == "sum" or node.op == "prod" and node.sub is not None:
            return self.total(node)
        if node.op in ("max", "min") and node.sub is not None:
            return self.extreme_over(node)
        if node.op in ("argmax", "argmin", "prod", "int", "lim", "sup", "inf"):
            raise self.fail(node, f"{self.text(node)}: \\{node.op} over an index", None, UnsupportedError)
        raise self.fail(node, f"the operator in {self.text(node)}", None, UnsupportedError)

    def total(self, node: Big) -> Term:
        """The value of a sum, or of a product over an index."""
        if node.sub is None:
            return self.silent(node)
        found: dict[str, sp.Expr | None] = {}
        unequal: list[Rel] = []
        for part in conditions(node.sub):
            self.range_of(part, node, found, unequal)
        if len(found) == 1 and not unequal:
            name = next(iter(found))
            span = self.label_range(name, node)
            if span is not None:
                return self.unrolled(name, span, node)
        before = self.begins, self.scanned, self.limited
        self.begins = {**self.begins, **first_numbers(node)}
        self.limited = (self.limited - set(found)) | {name for name, size in found.items() if size is not None}
        self.scanned = node.body
        try:
            with self.bound(found):
                body = self.value(node.body)
                for rel in unequal:
                    body = self.apart(body, rel, node)
        finally:
            self.begins, self.scanned, self.limited = before
        over = self.summed_over if node.op == "sum" else self.multiplied_over
        for name, size in found.items():
            body = over(body, name, size, node)
        return body

    def extreme_over(self, node: Big) -> Term:
        """`\\max_i s_i` over one index."""
        name = getattr(node.sub, "name", None)
        if not is_index(node.sub):
            raise self.fail(node, f"{self.text(node)}: \\{node.op} over {self.text(node.sub)}", None, UnsupportedError)
        with self.bound({name: None}):
            body = self.value(node.body)
        if body.rank or name not in body.axes:
            raise self.fail(node, f"{self.text(node)}: nothing in it depends on {name}" if name not in body.axes else
                            f"{self.text(node)}: the {node.op} of what is {body.show()}", None, UnsupportedError)
        sign, at = 1 if node.op == "max" else -1, body.axes.index(name)
        found = tensor_op("max", times(sign, body).node, params=(at,))
        return times(sign, Term(found, body.axes[:at] + body.axes[at + 1:]))

    def multiplied_over(self, body: Term, name: str, size: sp.Expr | None, node: Big) -> Term:
        """\\prod over an index of a scalar; n equal factors are a power."""
        if body.rank:
            raise self.fail(node, f"{self.text(node)}: a product of what is {body.show()}", None, UnsupportedError)
        if name in body.axes:
            at = body.axes.index(name)
            self.summed_over(body, name, size, node)
            return Term(tensor_op("prod", body.node, params=(at,)), body.axes[:at] + body.axes[at + 1:])
        if size is None:
            raise self.fail(node, f"{self.text(node)}: nothing in it depends on {name}", "say how far it runs")
        return raised(body, size)

    def summed_over(self, body: Term, name: str, size: sp.Expr | None, node: Big) -> Term:
        if name not in body.axes and size is None:
            size = self.indices.get(name) or self.table.sizes.get(name)
            if size is None:
                raise self.fail(node, f"{self.text(node)}: nothing in it depends on {name}", "say how far it runs")
        return summed(body, name, size)

    def range_of(self, part: Node, node: Big, found: dict[str, sp.Expr | None], unequal: list[Rel]) -> None:
        """One thing below the sign: `i`, `i = 1`, `i \\ne j`, `1 \\le i \\le m`, `ij`."""
        match part:
            case Sym() if part.kind == "run":
                for letter in letters_of(part):
                    found[letter.name] = None
                return
            case Sym() if is_index(part) or part.kind == "letter":
                found[part.name] = None
                return
            case List():
                for item in part.items:
                    self.range_of(item, node, found, unequal)
                return
            case Rel(items=(Sym() as index, low), ops=("=",)):
                found[index.name] = self.upper(index, low, node)
                return
            case Rel(items=(a, b), ops=("!=",)) if any(is_index(x) for x in (a, b)):
                places = [x.name for x in (a, b) if is_index(x) and not self.is_class(x)]
                for name in places[:1] if not set(places) & set(found) else ():
                    found[name] = None
                for name in places[1:]:
                    if name not in found and name not in self.indices:
                        found[name] = None
                unequal.append(part)
                return
            case Rel(items=(Sym() as index, *rest), ops=(":" | "given", *more)) if is_index(index) and more:
                found[index.name] = None
                unequal.append(Rel(tuple(rest), tuple(more), part.span))
                return
            case Rel(items=(Group(body=List() as pair), *rest), ops=(":" | "given", *more)) if more:
                self.range_of(pair, node, found, unequal)
                unequal.append(Rel(tuple(rest), tuple(more), part.span))
                return
            case Rel(items=(Num(text="1"), Sym() as index, high), ops=("<=", "<=")):
                found[index.name] = self.size(high)
                return
        raise self.fail(part, f"what stands below the sum, {self.text(part)}", None, UnsupportedError)

    def upper(self, index: Sym, low: Node, node: Big) -> sp.Expr | None:
        """How far `i = 1` runs."""
        start = whole(low, self.layers)
        if node.sup is None or start not in (0, 1):
            if start is not None and self.label_range(index.name, node) is not None:
                return None
            raise self.fail(low, f"a sum from {self.text(low)}", "sums begin at 1", UnsupportedError)
        if whole(node.sup, self.layers) is not None:
            return sp.Integer(whole(node.sup, self.layers) + 1 - start)
        size = self.size(node.sup)
        return size + 1 - start

    def label_range(self, name: str, node: Big) -> tuple[int, int] | None:
        """The numbers a sum runs over where its index numbers layers: `\\sum_l \\|W^l\\|^2`."""
        first = next((c for c in conditions(node.sub) if isinstance(c, Rel)), None)
        if name in self.table.layers and first is None:
            return self.table.layers[name]
        low = whole(first.items[-1], self.layers) if first is not None else None
        high = whole(node.sup, {k: v[1] for k, v in self.depths.items()} | self.layers) if node.sup is not None else None
        if low is None or high is None or high - low > MAX_UNROLLED:
            return None
        is_idle = not any(isinstance(x, Sym) and x.name == name for x, _ in walk(node.body))
        if name in self.table.layers or is_idle or self.is_label(name, low, node.body) or is_exponent(name, node.body):
            return low, high
        return None

    depths: dict[str, tuple[int, int]] = {}

    def is_label(self, name: str, value: int, body: Node) -> bool:
        """Whether an index stands in a script that is part of a known numbered name."""
        for part, _ in walk(body):
            w = taken_apart(part) if isinstance(part, Script) else None
            if w is None:
                continue
            scripts = [p for p in (*w.sub, *w.sup) if name in set(letters_in(unwrapped(p)))]
            values = {**self.layers, name: value}
            for p in scripts:
                spelled = label(p, values)
                if any(k[0] == w.base and spelled in (k[1], k[2]) for k in self.table.tensors):
                    return True
        return False

    def unrolled(self, name: str, span: tuple[int, int], node: Big) -> Term:
        terms = []
        before = self.layers
        for value in range(span[0], span[1] + 1):
            self.layers = {**before, name: value}
            try:
                terms.append(self.value(node.body))
            finally:
                self.layers = before
        if not terms:
            raise self.fail(node, f"{self.text(node)}: the sum has no terms", None, NoSuchStep)
        if node.op == "prod":
            return self.ordered(terms, node)
        self.written_out[node.span] = list(zip(range(span[0], span[1] + 1), terms))
        return self.added(terms, node, (node.body,) * len(terms))

    unordered = 0

    def ordered(self, terms: list[Term], node: Big) -> Term:
        """A product over layers: a chain of derivatives by what they share, matrices in the order that their shapes allow."""
        found = terms[0]
        for term in terms[1:]:
            found = found if found is None else chained(found, term)
        if found is not None:
            self.take(f"{self.text(node)} is summed over the intermediates")
            return found
        fitting = []
        for name, row in (("from left to right", terms), ("from right to left", terms[::-1])):
            try:
                fitting.append((name, reduce(multiply, row)))
            except ShapeError:
                continue
        if not fitting:
            raise self.fail(node, f"{self.text(node)}: its factors are {', '.join(t.show() for t in terms)}", None, ShapeError)
        name, found = fitting[self.choose(node, len(fitting)) % len(fitting)]
        self.unordered += len(fitting) > 1
        if any(t.rank for t in terms):
            self.take(f"the factors of {self.text(node)} stand {name}")
        return found

    def apart(self, body: Term, rel: Rel, node: Big) -> Term:
        """The entries of the body with i ≠ j, or where a condition holds: the others are 0 in a sum, 1 in a product."""
        places = [x.name for x in rel.items if isinstance(x, Sym) and x.name in self.indices]
        dims = {**{k: v for k, v in self.indices.items() if v is not None}, **body.dims()}
        if places and not any(dims.get(name) is not None for name in places):
            raise self.fail(node, f"how far {' and '.join(places)} run is not said", None, UnsupportedError)
        with self.bound({name: dims.get(name) for name in places}):
            test = self.indicator(rel, rel)
        if test.rank:
            raise self.fail(node, f"what stands below the sum, {self.text(rel)}, is {test.show()}", None, UnsupportedError)
        kept = multiply(test, body)
        if node.op == "sum":
            return kept
        axes, nodes = aligned((kept, complement(test)))
        return Term(add_nodes(nodes), axes)

    def with_wide_sums(self, node: Sum) -> Node:
        """`\\sum_i a_i + b_i`, where nothing else binds the i of b: the sum is one of both."""
        items, ops = list(node.items), list(node.ops)
        k = 0
        while k < len(items) - 1:
            big = last_sum(items[k])
            if big is not None and self.runs_on(big, items[k + 1]) and ops[k] in ("+", "-"):
                body = Sum((big.body, items[k + 1]), (ops[k],), (big.body.span[0], items[k + 1].span[1]))
                wide = replace(big, body=body, span=(big.span[0], body.span[1]))
                self.take(f"the sum in {self.text(items[k])} is one of {self.text(items[k + 1])} as well")
                items[k:k + 2] = [with_last(items[k], wide)]
                del ops[k]
            else:
                k += 1
        return replace(node, items=tuple(items), ops=tuple(ops)) if len(items) > 1 else items[0]

    def runs_on(self, big: Big, after: Node) -> bool:
        """Whether what follows a sum speaks of the sum's own index, which nothing else binds there."""
        own = {x.name for c in conditions(big.sub) for x in (c.items if isinstance(c, (Rel, List)) else (c,)) if is_index(x)}
        own = {name for name in own if name not in self.indices and name not in self.layers}
        return bool(own & free_letters(after, frozenset()))

    def silent(self, node: Big) -> Term:
        """`\\sum v_{i,1} h_i`, `\\sum (y - \\hat y)^2`."""
        letters = [name for name in self.index_letters(node.body) if name not in self.indices]
        if not letters:
            return everything(self.value(node.body))
        with self.bound({name: None for name in letters}):
            body = self.value(node.body)
        self.take(f"{self.text(node)} is summed over {' and '.join(letters)}")
        for name in letters:
            body = self.summed_over(body, name, None, node)
        return body


def first_numbers(node: Big) -> dict[str, int]:
    """Where the indices of a sum begin, as far as it says: `\\sum_{m=0}^{M-1}`."""
    equal = [c for c in conditions(node.sub) if isinstance(c, Rel) and c.ops == ("=",)]
    found = {getattr(c.items[0], "name", ""): whole(c.items[1], {}) for c in equal}
    return {name: number for name, number in found.items() if number in (0, 1)}


def last_sum(node: Node) -> Big | None:
    """The sum that a term ends with: `\\frac{1}{N} \\sum_i a_i`."""
    match node:
        case Big():
            return node if node.op == "sum" and node.sub is not None else None
        case Un():
            return last_sum(node.x)
        case Juxt() | Prod():
            return last_sum(node.items[-1])
    return None


def with_last(node: Node, big: Big) -> Node:
    """The term with another sum at its end."""
    match node:
        case Un():
            return replace(node, x=with_last(node.x, big), span=(node.span[0], big.span[1]))
        case Juxt() | Prod():
            return replace(node, items=(*node.items[:-1], with_last(node.items[-1], big)), span=(node.span[0], big.span[1]))
    return big


def free_letters(node: Node, bound: frozenset[str]) -> set[str]:
    """The small letters that stand in scripts under a node and are bound by no sum in it."""
    found: set[str] = set()
    for part, _ in walk(node):
        if isinstance(part, Big):
            bound |= {x.name for c in conditions(part.sub) for x, _ in walk(c) if isinstance(x, Sym)}
        if isinstance(part, Script):
            scripts = (p for q in (part.sub, part.sup) if q is not None for p in parts_of(q))
            found |= {x.name for p in scripts for x in letters_of(unwrapped(p)) if is_index(x)}
    return found - bound


def is_exponent(name: str, body: Node) -> bool:
    """Whether an index stands in a power without brackets, as in `X^r` and `X^{n-1-r}`, and nowhere below."""
    scripts = [part for part, _ in walk(body) if isinstance(part, Script)]
    above, below = ([p for s in scripts for p in parts_of(part(s))] for part in (lambda s: s.sup, lambda s: s.sub))
    def holds(p: Node) -> bool:
        return any(isinstance(x, Sym) and x.name == name for x, _ in walk(p))
    return any(isinstance(p, (Sum, Sym)) and holds(p) for p in above) and not any(map(holds, below))
