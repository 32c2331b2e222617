"""Entries, blocks and stacked columns: `x_{i+m-1}`, `[h; x]`, `\\operatorname{vec}(W)`, `A \\otimes B`.

An index with a shift is read at an affine place of its axis, and must stay on the axis: nothing is padded here. Blocks are
put side by side and one below the other. Indices count from 1, or from 0 where their sum begins there.
"""

from __future__ import annotations

from typing import NamedTuple

import sympy as sp

from .. import selection
from ..algebra import broadcast, contract
from ..cells import filled
from ..errors import ShapeError, UnsupportedError
from ..expr import Expr
from .names import letters_of, taken_apart, unwrapped
from .scope import Scope
from .syntax import Juxt, Node, Num, Prod, Script, Sum, Sym, Un, walk
from .tensors import Term, Unknown, aligned, outer, same


class Affine(NamedTuple):
    """Σ step · index + offset, the indices by name."""

    steps: dict[str, sp.Expr]
    offset: sp.Expr


class Entries(Scope):
    first_numbers: dict[str, int] = {}
    begins: dict[str, int] = {}
    limited: frozenset[str] = frozenset()
    scanned: Node | None = None

    # --- indices with a shift --------------------------------------------------------------------------------------

    def affine(self, node: Node) -> Affine | None:
        """`2i + m - 1` in bound indices and sizes; None for anything else."""
        node = unwrapped(node)
        match node:
            case Sym() if node.name in self.indices:
                return Affine({node.name: sp.S.One}, sp.S.Zero)
            case Num() | Sym() | Script():
                value = sp.Integer(node.text) if isinstance(node, Num) and node.text.isdigit() else self.known_size(node)
                return None if value is None else Affine({}, value)
            case Un() if node.op in "+-":
                return scaled(self.affine(node.x), -1 if node.op == "-" else 1)
            case Sum() if set(node.ops) <= {"+", "-"}:
                return added([scaled(self.affine(x), -1 if op == "-" else 1) for x, op in zip(node.items, ("+", *node.ops))])
            case Juxt() | Prod() if isinstance(node, Juxt) or set(node.ops) <= {"cdot", "*", "times"}:
                return multiplied([self.affine(x) for item in node.items for x in letters_of(item)])
            case Sym():
                return None
        return None

    def known_size(self, node: Node) -> sp.Expr | None:
        w = taken_apart(node)
        return None if w is None or w.primes else self.table.sizes.get(self.size_key(w.base, w.sub, w.sup))

    def at_affine(self, term: Term, at: int, part: Node, node: Node) -> Term | None:
        """One own axis read at a place that moves with indices; None where the place is no such thing."""
        found = self.affine(part)
        if found is None or not found.steps:
            return None
        numbers = {self.begins.get(name, self.first_numbers.get(name)) for name in found.steps} - {None}
        counted = [self.begun(found, min(numbers))] if numbers else [self.begun(found, k) for k in self.usual_first(found)]
        for last, (base, first) in zip((*[False] * (len(counted) - 1), True), counted):
            sizes = self.sizes_in(found, first, term.tail[at], part, node)
            low = first + sum(step * (size - 1) for step, size in sizes if is_negative(step))
            high = first + sum(step * (size - 1) for step, size in sizes if not is_negative(step))
            if never_negative(low) and never_negative(term.tail[at] - 1 - high):
                break
            if last:
                ends = f"{sp.expand(low + base)} to {sp.expand(high + base)}"
                raise self.fail(part, f"{self.text(node)} reads the entries {ends} of {term.tail[at]}", "say what stands beyond the "
                                "ends, or how far the indices run", ShapeError)
        if not numbers:
            self.begins.update(dict.fromkeys(found.steps, base))
            self.take(f"the indices in {self.text(node)} count from {base}")
        k = len(term.axes)
        read = selection.along(term.node, k + at, sp.expand(first), [(size, step) for step, size in sizes])
        return tied(read, term.axes, k + at, tuple(found.steps))

    def begun(self, found: Affine, number: int) -> tuple[int, sp.Expr]:
        """(the number of the first entry, the place from 0 that is read first), where an index begins at `number` unless
        the text says otherwise."""
        begins = {name: self.begins.get(name, self.first_numbers.get(name, number)) for name in found.steps}
        base = max(begins.values())
        return base, found.offset - base + sum(step * begins[name] for name, step in found.steps.items())

    def usual_first(self, found: Affine) -> tuple[int, int]:
        """Where indices begin of which nothing is said: `x_{i+m}` counts from 0, `x_{i+m-1}` from 1."""
        return (0, 1) if found.offset == 0 and len(found.steps) > 1 else (1, 0)

    def sizes_in(self, found: Affine, first: sp.Expr, n: sp.Expr, part: Node, node: Node) -> list[tuple[sp.Expr, sp.Expr]]:
        """(step, size) of each index; one that is open runs as far as the axis allows."""
        known = {name: self.indices.get(name) or self.plain_size(name) for name in found.steps}
        unsaid = [name for name, size in known.items() if size is None]
        if len(unsaid) > 1 or unsaid and not (found.steps[unsaid[0]] == 1 or found.steps[unsaid[0]].is_positive and n.is_Integer):
            raise self.fail(part, f"{self.text(node)}: how far {' and '.join(unsaid)} run is not said", None, UnsupportedError)
        if unsaid:
            others = sum(found.steps[name] * (size - 1) for name, size in known.items() if size is not None and not is_negative(found.steps[name]))
            size = sp.floor((n - 1 - first - others) / found.steps[unsaid[0]]) + 1
            if found.steps[unsaid[0]] != 1 and not size.is_Integer:
                raise self.fail(part, f"{self.text(node)}: how far {unsaid[0]} runs is not said", None, UnsupportedError)
            self.indices[unsaid[0]] = known[unsaid[0]] = sp.expand(size)
            self.take(f"{unsaid[0]} runs over {known[unsaid[0]]} places in {self.text(node)}")
        return [(step, known[name]) for name, step in found.steps.items()]

    def plain_size(self, name: str) -> sp.Expr | None:
        """How far an index runs, by a tensor that the sum around it reads at it without a shift."""
        for part, _ in walk(self.scanned) if self.scanned is not None else ():
            w = taken_apart(part) if isinstance(part, Script) else None
            entry = self.table.tensors.get((w.base, "", "", w.primes)) if w is not None else None
            places = [getattr(unwrapped(p), "name", "") for q in w.sub for p in letters_of(q)] if entry else []
            if entry is not None and len(places) == entry.var.rank and name in places:
                size = entry.shape[places.index(name)]
                if not isinstance(size, Unknown):
                    return size
        return None

    def at_place(self, term: Term, at: int, value: int) -> Term:
        """An entry, counted from 1, of an axis whose size is a name."""
        return Term(selection.pick(term.node, len(term.axes) + at, sp.Integer(value - 1)), term.axes)

    # --- blocks ----------------------------------------------------------------------------------------------------

    def blocks(self, rows: tuple[tuple[Node, ...], ...], node: Node) -> Term:
        """Blocks beside and below each other, as one matrix, column or row."""
        terms = [[self.value(cell) for cell in row] for row in rows]
        axes, nodes = aligned([t for row in terms for t in row])
        k, flat = len(axes), iter(nodes)
        wide = [[as_matrix(next(flat), k, t) for t in row] for row in terms]
        if any(len(row) != len(wide[0]) for row in wide):
            raise self.fail(node, f"the rows of {self.text(node)} differ in length", None, ShapeError)
        wide = [[self.zeros(terms, wide, r, c, k) for c in range(len(row))] for r, row in enumerate(wide)]
        try:
            whole = selection.concatenate([selection.concatenate(row, k + 1) for row in wide], k)
        except ShapeError as error:
            raise self.fail(node, f"{self.text(node)}: {error.message}", None, ShapeError) from None
        if whole.shape[k + 1] == 1:
            return Term(selection.pick(whole, k + 1, sp.S.Zero), axes)
        if whole.shape[k] == 1:
            return Term(selection.pick(whole, k, sp.S.Zero), axes, True)
        return Term(whole, axes)

    def zeros(self, terms: list[list[Term]], wide: list[list[Expr]], r: int, c: int, k: int) -> Expr:
        """A block, a lone 0 as zeros of the height and width of its neighbours."""
        if not (terms[r][c].is_number and terms[r][c].node.value == 0):
            return wide[r][c]
        height = next((b.shape[k] for b, t in zip(wide[r], terms[r]) if not t.is_number), sp.S.One)
        width = next((row[c].shape[k + 1] for row, t in zip(wide, terms) if not t[c].is_number), sp.S.One)
        return filled(sp.S.Zero, (*wide[r][c].shape[:k], height, width))

    def call_vec(self, value: Term, node: Node) -> Term:
        """The columns of a matrix below each other."""
        if value.rank == 1:
            return Term(value.node, value.axes)
        if value.rank != 2 or value.axes:
            raise self.fail(node, f"vec of what is {value.show()}", None, UnsupportedError)
        m, n = value.tail
        return Term(selection.reshape(contract((value.node,), ((0, 1),), (1, 0)), (m * n,)))

    def stacked(self, term: Term, at: int) -> Term:
        """A Jacobian with two of its own axes, from `at` on, as one: the columns of that matrix below each other."""
        k, shape = len(term.axes) + at, term.node.shape
        labels = tuple(range(len(shape)))
        turned = contract((term.node,), (labels,), (*labels[:k], k + 1, k, *labels[k + 2:]))
        return Term(selection.reshape(turned, (*shape[:k], shape[k] * shape[k + 1], *shape[k + 2:])), term.axes)

    def kron(self, a: Term, b: Term) -> Term:
        """The Kronecker product of two matrices, or of two columns as a column."""
        if a.rank == 1:
            (node,) = (outer(a, b).node,)
            return Term(selection.reshape(node, (a.tail[0] * b.tail[0],)))
        node = contract((a.node, b.node), ((0, 1), (2, 3)), (0, 2, 1, 3))
        return Term(selection.reshape(node, (a.tail[0] * b.tail[0], a.tail[1] * b.tail[1])))


def scaled(found: Affine | None, factor: sp.Expr | int) -> Affine | None:
    return None if found is None else Affine({k: factor * v for k, v in found.steps.items()}, factor * found.offset)


def added(parts: list[Affine | None]) -> Affine | None:
    if None in parts:
        return None
    steps: dict[str, sp.Expr] = {}
    for part in parts:
        for name, step in part.steps.items():
            steps[name] = steps.get(name, sp.S.Zero) + step
    return Affine({k: v for k, v in steps.items() if v != 0}, sp.Add(*[p.offset for p in parts]))


def multiplied(parts: list[Affine | None]) -> Affine | None:
    """A product, of which one factor at most has indices in it."""
    if None in parts or sum(bool(p.steps) for p in parts) > 1:
        return None
    factor = sp.Mul(*[p.offset for p in parts if not p.steps])
    moving = next((p for p in parts if p.steps), None)
    return Affine({}, factor) if moving is None else scaled(moving, factor)


def is_negative(step: sp.Expr) -> bool:
    return step.is_negative is True


def never_negative(value: sp.Expr) -> bool:
    """Whether an expression in positive sizes is at least 0 for all of them."""
    value = sp.expand(value)
    moved = {s: 1 + sp.Dummy(integer=True, nonnegative=True) for s in value.free_symbols}
    return bool(sp.expand(value.xreplace(moved)).is_nonnegative)


def tied(node: Expr, axes: tuple[str, ...], at: int, names: tuple[str, ...]) -> Term:
    """A node whose axes from `at` on are indices, with those behind its free indices; an index that is there already is one."""
    k, count = len(axes), len(names)
    labels = list(range(len(node.shape)))
    fresh = []
    for j, name in enumerate(names):
        if name in axes:
            if not same(node.shape[axes.index(name)], node.shape[at + j]):
                raise ShapeError(f"the index {name} runs over {node.shape[axes.index(name)]} and over {node.shape[at + j]}")
            labels[at + j] = axes.index(name)
        else:
            fresh.append(name)
    gone = set(range(at, at + count))
    out = (*range(k), *(labels[at + j] for j, name in enumerate(names) if name in fresh), *(i for i in range(k, len(labels)) if i not in gone))
    return Term(contract((node,), (tuple(labels),), out), (*axes, *fresh))


def as_matrix(node: Expr, k: int, term: Term) -> Expr:
    """A block with two own axes: a column is n×1, a row 1×n, a scalar 1×1."""
    shape, one = node.shape, sp.S.One
    if term.rank == 2:
        return node
    if term.rank == 0:
        return broadcast(node, (*shape, one, one), tuple(range(k)))
    own = (one, shape[k]) if term.row else (shape[k], one)
    return broadcast(node, (*shape[:k], *own), (*range(k), k + term.row))
