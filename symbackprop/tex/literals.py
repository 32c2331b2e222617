"""Matrix literals -> values. Entries that are one formula in the row's and column's number are read as that formula.

`[h_1, h_2, h_3]` is h lying down, and a column of `\\sum v_{i,1} h_i`, `\\sum v_{i,2} h_i` is one sum with a free index:
so an expansion that a page spells out is proved like the formula it stands for. Entries that are not are put together
from unit vectors.
"""

from __future__ import annotations

from dataclasses import fields, is_dataclass, replace

import sympy as sp

from ..algebra import add as add_nodes, contract
from ..errors import ShapeError, UnsupportedError
from ..expr import Apply
from .entries import Entries
from .scope import Undeclared
from .syntax import Group, List, Matrix, Node, Num, Sym
from .tensors import Term, gathered

ROW, COLUMN = "row", "column"
Rows = tuple[tuple[Node, ...], ...]


class Literals(Entries):
    def matrix(self, node: Matrix) -> Term:
        if node.kind in ("vmatrix", "Vmatrix"):
            raise self.fail(node, "a determinant or norm of a literal", None, UnsupportedError)
        return self.literal(node.rows, node)

    def bracket_list(self, node: Group) -> Term:
        """`[x_1, x_2, x_3]` lies down; `(x_1, x_2)` is a column, as is `[a; b]`."""
        items = node.body.items
        if node.body.sep not in (",", ";") or node.open not in ("[", "("):
            raise self.fail(node, f"{self.text(node)} is no value here")
        if node.open == "[" and node.body.sep == "," and not self.are_columns(items):
            return self.literal((items,), node)
        if node.open == "[" and node.body.sep == ",":
            self.take(f"{self.text(node)} stands, its parts below each other")
        return self.literal(tuple((x,) for x in items), node)

    def are_columns(self, items: tuple[Node, ...]) -> bool:
        """Whether `[h, x]` lists vectors: then they are joined."""
        if common((items,)) is not None:
            return False
        return any(self.value(x).kind == "c" for x in items)

    def literal(self, rows: Rows, node: Node) -> Term:
        """A literal of numbers of rows and columns, as a row, a column, a scalar or a matrix."""
        pattern = common(rows)
        shape = (sp.Integer(len(rows)), sp.Integer(len(rows[0])))
        if pattern is not None and len(rows) * len(rows[0]) > 1:
            try:
                with self.bound({ROW: shape[0], COLUMN: shape[1]}):
                    term = self.value(pattern)
                if term.rank == 0 and self.is_whole(term, shape):
                    return self.oriented(term, shape)
            except (ShapeError, Undeclared):
                pass
        parts = [(cell, self.value(cell)) for row in rows for cell in row]
        if joined := next(((cell, t) for cell, t in parts if t.rank), None):
            if isinstance(node, Group) and node.open == "(":
                raise self.fail(joined[0], f"{self.text(joined[0])} is {joined[1].show()}: the parts of a list in round brackets are numbers",
                                "write [x, y] or a matrix to join vectors", UnsupportedError)
            return self.blocks(rows, node)
        return self.from_units(rows, shape, node)

    def is_whole(self, term: Term, shape: tuple[sp.Expr, sp.Expr]) -> bool:
        return all(term.dims().get(name, size) == size for name, size in zip((ROW, COLUMN), shape))

    def oriented(self, term: Term, shape: tuple[sp.Expr, sp.Expr]) -> Term:
        """A scalar over the two literal indices as a tensor of its own."""
        sizes = dict(zip((ROW, COLUMN), shape))
        rest = tuple(a for a in term.axes if a not in sizes)
        kept = tuple(name for name in (ROW, COLUMN) if sizes[name] != 1)
        return Term(gathered(term, rest + kept, {**sizes, **term.dims()}), rest, kept == (COLUMN,))

    def from_units(self, rows: Rows, shape: tuple[sp.Expr, sp.Expr], node: Node) -> Term:
        """Σ entry · e_r e_cᵀ."""
        terms = []
        for r, cells in enumerate(rows, 1):
            for c, cell in enumerate(cells, 1):
                entry = self.value(cell)
                if entry.axes:
                    raise self.fail(cell, f"{self.text(cell)} has a free index", None, UnsupportedError)
                units = [Apply("unit", (), (at, int(size)), (size,)) for at, size in ((r, shape[0]), (c, shape[1])) if size != 1]
                labels = [(k,) for k in range(len(units))]
                terms.append(contract((entry.node, *units), ((), *labels), tuple(range(len(units)))))
        return Term(add_nodes(terms), (), shape[0] == 1 and shape[1] != 1)


def common(rows: Rows) -> Node | None:
    """One tree for all entries, the row's and the column's number put in for the numerals that count them."""
    cells = [(cell, r, c) for r, row in enumerate(rows, 1) for c, cell in enumerate(row, 1)]
    return unify([cell for cell, _, _ in cells], [(r, c) for _, r, c in cells])


def unify(nodes: list, places: list[tuple[int, int]]) -> object | None:
    first = nodes[0]
    if any(type(n) is not type(first) for n in nodes):
        return None
    if isinstance(first, Num):
        return counted(nodes, places)
    if isinstance(first, tuple):
        if any(len(n) != len(first) for n in nodes):
            return None
        parts = [unify([n[k] for n in nodes], places) for k in range(len(first))]
        return None if any(p is None and nodes[0][k] is not None for k, p in enumerate(parts)) else tuple(parts)
    if not is_dataclass(first):
        return first if all(n == first for n in nodes) else None
    made = {}
    for f in fields(first):
        if f.name == "span":
            continue
        values = [getattr(n, f.name) for n in nodes]
        if values[0] is None:
            if any(v is not None for v in values):
                return None
            made[f.name] = None
            continue
        made[f.name] = unify(values, places)
        if made[f.name] is None:
            return None
    return replace(first, **made)


def counted(nodes: list[Num], places: list[tuple[int, int]]) -> Node | None:
    """The numeral that stands at one place of all entries: a constant, or the number of the row or column."""
    texts = [n.text for n in nodes]
    if all(t == texts[0] for t in texts) and nodes[0].marks == nodes[-1].marks:
        return nodes[0]
    for name, k in ((ROW, 0), (COLUMN, 1)):
        if all(t == str(place[k]) for t, place in zip(texts, places)):
            return Sym(name, "letter", (), nodes[0].span)
    if all(len(t) == 2 and t.isdigit() for t in texts):
        pair = [counted([replace(n, text=n.text[k]) for n in nodes], places) for k in (0, 1)]
        return None if None in pair else List(tuple(pair), ",", nodes[0].span)
    return None
