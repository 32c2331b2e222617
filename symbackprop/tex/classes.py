"""Classes as indices: `p_y`, `s_{y_i}`, `1[y_i = j]` of a label y in {1, …, K}; relations between indices.

A label is a one-hot vector, one row for each example, so that picking by it is a contraction with it, and `1[y = j]` is its
entry j. A relation between two indices is a Kronecker delta.
"""

from __future__ import annotations

from collections.abc import Callable

import sympy as sp

from .. import selection
from ..algebra import add as add_nodes, scale
from ..cells import filled
from ..errors import UnsupportedError
from ..expr import Delta, Expr, Shape
from ..program import Fact
from .entries import Entries
from .names import Key, Written, taken_apart, unwrapped, whole
from .syntax import List, Node, Num, Rel, Script, Sym
from .tensors import Term, indexed, multiply, product

LETTERS = ("y", "c")  # what a class is called where the text declares none


class Classes(Entries):
    classes: dict[str, int]  # a label's name -> the number of its first class
    picks: dict[Expr, tuple[Term, int, Term]]  # what a class picks -> from what, along which axis, and the class

    # --- declarations ------------------------------------------------------------------------------------------------

    def declare_class(self, rel: Rel) -> None:
        """`y \\in \\{1, \\dots, K\\}`, `y_i \\in \\{0, \\dots, K-1\\}`, `y \\in \\{1, \\dots, K\\}^n`."""
        space, rows = rel.items[1], ()
        if isinstance(space, Script):
            space, rows = space.base, (self.size(space.sup),)
        items = space.body.items if isinstance(space.body, List) else (Num("1", (), space.span), space.body)
        first = whole(items[0], {})
        if first not in (0, 1):
            raise self.fail(rel, f"the classes {self.text(space)}", "classes are counted from 1, or from 0")
        self.enter_class(taken_apart(rel.items[0]), sp.expand(self.size(items[-1]) + 1 - first), first, rows)

    def enter_class(self, w: Written, count: sp.Expr, first: int, rows: Shape = ()) -> None:
        """A label in the table: one-hot, along its last axis."""
        where = [("sub", p) for p in w.sub] + [("sup", p) for p in w.sup]
        slots = [(side, unwrapped(p)) for side, p in where if isinstance(unwrapped(p), Sym)]
        slots = [(side, p) for side, p in slots if p.name in self.ranges or p.name in self.indices or len(p.name) == 1 and p.name.islower()]
        named = {id(p) for _, p in slots}
        keep = lambda parts: self.labels(tuple(p for p in parts if id(unwrapped(p)) not in named))
        key: Key = (w.base, keep(w.sub), keep(w.sup), w.primes)
        given = rows or tuple(self.ranges.get(p.name) or self.indices.get(p.name) or self.unknown(f"{w.base}:0") for _, p in slots)
        entry = self.enter_tensor(key, (*given, count), False, tuple(side for side, _ in slots) or ("sub",) * len(rows), w.node)
        self.classes[entry.name] = first
        self.facts += [Fact("binary", entry.name), Fact("sum", entry.name, 1 if given else None)]
        self.take(f"{entry.name} is a class, read as one-hot")

    def is_class(self, node: Node) -> bool:
        """Whether a symbol is a declared label, with or without the index of an example."""
        w = taken_apart(unwrapped(node))
        return w is not None and any(k[0] == w.base and e.name in self.classes for k, e in self.table.tensors.items())

    def one_hot(self, node: Node) -> Term | None:
        """The one-hot vector of a label; None of anything else. A label that nothing declares is inferred where names are."""
        node = unwrapped(node)
        w = taken_apart(node)
        if w is None or isinstance(node, Sym) and node.name in self.indices:
            return None
        if not self.is_class(node):
            if w.base not in LETTERS or w.primes or w.symbol.kind != "letter" or w.base in {k[0] for k in self.table.tensors}:
                return None
            if not self.infer:
                raise self.undeclared(node, (w.base, self.labels(w.sub), self.labels(w.sup), 0))
            self.enter_class(w, self.unknown(f"{w.base}:1"), 1)
        found = self.value(node)
        return found if found.rank == 1 else None

    def at_class(self, term: Term, at: int, hot: Term) -> Term:
        """One own axis read at the place where a one-hot vector has its 1."""
        labels = tuple(range(term.rank))
        found = product((term, hot), (labels, (at,)), tuple(i for i in labels if i != at))
        self.picks[found.node] = term, at, hot
        return found

    def through(self, value: Term, change: Callable[[Term], Term]) -> Term | None:
        """An elementwise change of `p_y` as the entry y of the changed p; None of what no class picks."""
        if value.node not in self.picks or value.axes != self.at_class(*self.picks[value.node]).axes:
            return None
        term, at, hot = self.picks[value.node]
        return self.at_class(change(term), at, hot)

    # --- relations between indices -----------------------------------------------------------------------------------

    def index_test(self, rel: Node) -> Term | None:
        """1 where `i = j`, `i \\ne j`, `j = y_i` or `j = 1` holds; None of a relation between values."""
        if not isinstance(rel, Rel) or rel.ops not in (("=",), ("==",), ("!=",)):
            return None
        found = self.meeting(*(unwrapped(x) for x in rel.items), rel)
        return complement(found) if found is not None and rel.ops == ("!=",) else found

    def meeting(self, a: Node, b: Node, rel: Node) -> Term | None:
        """1 where two places are one and the same."""
        if not (isinstance(a, Sym) and a.name in self.indices):
            a, b = b, a
        if isinstance(a, Sym) and a.name in self.indices:
            if isinstance(b, Sym) and b.name in self.indices:
                return self.kronecker([a, b], rel)
            hot = self.at_fixed(a.name, whole(b, self.layers), rel) if isinstance(b, Num) else self.one_hot(b)
            return None if hot is None else indexed(hot, 0, a.name)
        if isinstance(a, Num):
            a, b = b, a
        first, hot = (self.one_hot(x) if self.is_class(x) else None for x in (a, b))
        if first is None:
            return None
        if isinstance(b, Num):
            number = whole(b, {}) - self.classes[self.find(taken_apart(a))[0].node.name if not first.axes else self.class_name(a)]
            return Term(selection.pick(first.node, len(first.axes), sp.Integer(number)), first.axes)
        return None if hot is None else product((first, hot), ((0,), (0,)), ())

    def kronecker(self, pair: list[Node], node: Node) -> Term:
        names = [unwrapped(p).name for p in pair if isinstance(unwrapped(p), Sym)]
        if len(names) != 2 or names[0] == names[1]:
            raise self.fail(node, f"{self.text(node)}: a Kronecker delta takes two different indices", None, UnsupportedError)
        sizes = [self.indices[n] for n in names]
        dim = next((s for s in sizes if s is not None), None) or self.open_size("delta", node)
        return Term(Delta(dim), tuple(names))

    def class_name(self, node: Node) -> str:
        base = taken_apart(node).base
        return next(e.name for k, e in self.table.tensors.items() if k[0] == base and e.name in self.classes)

    def at_fixed(self, name: str, value: int, rel: Node) -> Term:
        """The unit vector of a place by its number, over the index that is compared with it."""
        size = self.indices[name]
        if size is None:
            size = self.open_size("place", rel)
        return Term(selection.pick(Delta(size), 1, sp.Integer(value - 1)))


def complement(term: Term) -> Term:
    """1 less a term."""
    return Term(add_nodes((filled(sp.S.One, term.node.shape), scale(-1, term.node))), term.axes, term.row)


def masked(mask: Term | None, term: Term) -> Term:
    """A side of a claim that holds for some entries only."""
    return term if mask is None else multiply(mask, term)
