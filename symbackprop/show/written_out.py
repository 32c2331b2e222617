"""Matrix forms written out at small sizes, as in a lecture: explicit matrices with ⊙ and products between them, then entries.

A form is laid out as a row of words and grids. It is given its size from outside, since a ones vector has none of its
own. No derivative is taken here and nothing is reordered.
"""

from __future__ import annotations

from typing import NamedTuple

import sympy as sp

from ..errors import SymbackpropError, UnsupportedError
from ..expr import Apply, Expr, walk
from ..numeric import Sizes, at_sizes, concrete
from .forms import (Atom, Call, Diag, DiagOf, Had, Identity, Indexed, Mul, Norm, Number, Over, Power, Scaled, Sum, T,
                    Trace, Unit)
from .indices import map_form, product_form, sum_form
from .matrix import ONES_VECTOR, power_form
from .writing import ATOM, HAD, MUL, SUM, TIGHT, TextWriter, Written

MOST = 400
Extent = tuple[int | None, int | None]
ENTRYWISE = (Atom, Number, Unit, Identity, Had, Over, Scaled, Sum, Power, Diag)
KNOWN = frozenset({*ENTRYWISE, Atom, Call, DiagOf, Indexed, Mul, Norm, T, Trace})


class Grid(NamedTuple):
    """A matrix of written entries."""

    rows: tuple[tuple[str, ...], ...]


Laid = list[str | Grid]


class Entrywise:
    """Writes forms out at some sizes with the glyphs of a writer."""

    def __init__(self, writer: TextWriter, sizes: Sizes) -> None:
        self.writer, self.sizes = writer, sizes

    def rows(self, form: object, node: Expr, turned: bool = False) -> list[str]:
        """The right sides that follow `name = form`: explicit matrices, then every entry; one where both are the same.

        Raises `UnsupportedError` where there are no entries to write, `SymbackpropError` where there are too many.
        """
        if not is_known(form):
            raise UnsupportedError("a form of this kind is not written out entry by entry")
        largest = max(n.rank for n in walk(node))
        if largest > 2:
            raise UnsupportedError(f"a tensor of rank {largest} is not written out entry by entry")
        rows, columns = (*concrete(node.shape, self.sizes), 1, 1)[:2]
        rows, columns = (columns, rows) if turned else (rows, columns)
        if rows * columns > MOST:
            raise SymbackpropError(f"{rows * columns} entries are too many to write out (at most {MOST})",
                                   hint="choose smaller sizes, such as n=2")
        laid = [self.explicit(form, rows, columns)[0]]
        if not is_opaque(form):
            laid.append(self.grid(form, rows, columns))
        return [(as_lines if self.writer.in_lines else as_latex)(part) for part in (laid if laid[0] != laid[-1] else laid[-1:])]

    # explicit matrices

    def grid(self, form: object, rows: int, columns: int) -> Laid:
        """The entries of a form; a single entry without brackets."""
        cells = tuple(tuple(self.writer.form(self.entry(form, i, j, rows, columns))[0] for j in range(columns)) for i in range(rows))
        return [Grid(cells)] if rows * columns > 1 else [cells[0][0]]

    def explicit(self, form: object, rows: int, columns: int) -> tuple[Laid, int]:
        """A form with each of its parts as an explicit matrix, and how tightly it holds together."""
        if is_entrywise(form) and type(form) is not Had and not (type(form) is Scaled and form.body is not None):
            laid = self.grid(form, rows, columns)
            return laid, ATOM if type(laid[0]) is Grid else self.writer.form(self.entry(form, 0, 0, rows, columns))[1]
        match form:
            case T():
                return self.transposed(form, rows, columns)
            case Had():
                return self.joined([self.wrapped(f, TIGHT, rows, columns) for f in form.factors], self.writer.times), HAD
            case Mul():
                extents = self.chain(form, rows, columns)
                return self.joined([self.wrapped(f, MUL if type(f) is not Scaled else TIGHT, *e) for f, e in zip(form.factors, extents)],
                                   self.writer.product), MUL
            case Sum():
                return self.summed(form, rows, columns), SUM
            case Scaled() if form.body is not None and not form.below:
                alone = form._replace(body=None, number=self.number(form.number))
                front = self.writer.form(alone)[0] if form.scalars or alone.number not in (1, -1) else ""
                front = front or (self.writer.minus if alone.number == -1 else "")
                space = "" if front == self.writer.minus else self.writer.product
                return [front + space, *self.wrapped(form.body, MUL, rows, columns)], MUL
            case Call() if len(form.args) == 1:
                return self.called(form, rows, columns), ATOM
        return [self.writer.form(form)[0]], self.writer.form(form)[1]

    def transposed(self, form: T, rows: int, columns: int) -> tuple[Laid, int]:
        inner, level = self.explicit(form.body, columns, rows)
        if len(inner) == 1 and type(inner[0]) is Grid:
            return [Grid(tuple(zip(*inner[0].rows)))], ATOM
        return [*bracketed(inner, level, ATOM, self.writer), self.writer.transpose_mark("")], TIGHT

    def called(self, form: Call, rows: int, columns: int) -> Laid:
        """σ of an explicit matrix; the name is what the writer puts before the bracket of a call."""
        mark = "\x00"
        before, _, after = self.writer.form(form._replace(args=(Written(mark, ATOM),)))[0].partition(mark)
        opening = []
        if before.endswith("(") and after == ")":
            before, opening, after = before[:-1], [self.writer.open_bracket], self.writer.close_bracket
        extent = self.extent(form.args[0])
        inner, _ = self.explicit(form.args[0], extent[0] or rows, extent[1] or columns)
        return [before, *opening, *inner, after] if has_grid(inner) else [self.writer.form(form)[0]]

    def summed(self, form: Sum, rows: int, columns: int) -> Laid:
        made: Laid = []
        for term in form.terms:
            laid = self.wrapped(term, SUM, rows, columns)
            minus = isinstance(laid[0], str) and laid[0].startswith(self.writer.minus)
            if made and minus:
                laid = [laid[0][len(self.writer.minus):].lstrip(), *laid[1:]]
            made += ([f" {self.writer.minus} " if minus else self.writer.plus] if made else []) + [p for p in laid if p]
        return made

    def wrapped(self, form: object, least: int, rows: int, columns: int) -> Laid:
        return bracketed(*self.explicit(form, rows, columns), least, self.writer)

    def joined(self, parts: list[Laid], sign: str) -> Laid:
        made: Laid = []
        for part in parts:
            made += ([sign] if made else []) + part
        return made

    # sizes

    def extent(self, form: object) -> Extent:
        """Rows and columns, None where only the surroundings know."""
        match form:
            case Atom() | Call() | Indexed():
                shape = form.node.shape if type(form) is not Call or type(form.node) is Apply else ()
                if type(form) is Call and type(form.node) is not Apply:
                    return self.extent(form.args[0])
                return (*concrete(shape, self.sizes), 1, 1)[:2]
            case Unit():
                return (None, 1) if form == ONES_VECTOR else (*concrete(form.shape, self.sizes), 1, 1)[:2]
            case Identity():
                return (at := concrete((form.size,), self.sizes)[0]), at
            case T():
                return self.extent(form.body)[::-1]
            case Diag():
                at = self.extent(form.body)[0]
                return at, at
            case DiagOf():
                return self.extent(form.body)[0], 1
            case Mul():
                return self.extent(form.factors[0])[0], self.extent(form.factors[-1])[1]
            case Had() | Sum():
                found = [self.extent(part) for part in (form.factors if type(form) is Had else form.terms)]
                return next((f for f in found if None not in f and f != (1, 1)), found[0])
            case Scaled():
                return (1, 1) if form.body is None else self.extent(form.body)
            case Power():
                return self.extent(form.base)
            case Over():
                return self.extent(form.below)
        return 1, 1

    def chain(self, form: Mul, rows: int, columns: int) -> list[tuple[int, int]]:
        """Rows and columns of every factor of a product."""
        found = [self.extent(f) for f in form.factors]
        made = []
        for k, (above, along) in enumerate(found):
            first = rows if k == 0 else made[-1][1]
            last = columns if k == len(found) - 1 else along if along is not None else found[k + 1][0]
            made.append((first if above is None or k else above, last))
        return made

    # entries

    def entry(self, form: object, i: int, j: int, rows: int, columns: int) -> object:
        """The form of one entry of a form of this size."""
        at = lambda part: self.entry(part, i, j, rows, columns)
        match form:
            case Atom():
                return Written(self.name(self.writer.atom(form)[0], form.node.rank, i, j, max(rows, columns)), ATOM)
            case Unit():
                return Number(sp.S.One)
            case Number():
                return Number(self.number(form.value))
            case Identity():
                return Number(sp.Integer(i == j))
            case Had():
                return product([at(f) for f in form.factors])
            case Over():
                return Over(None if form.above is None else at(form.above), at(form.below), 0)
            case Sum():
                return total([at(t) for t in form.terms])
            case T():
                return self.entry(form.body, j, i, columns, rows)
            case Diag():
                return self.entry(form.body, i, 0, rows, 1) if i == j else Number(sp.S.Zero)
            case DiagOf():
                return self.entry(form.body, i, i, rows, rows)
            case Power():
                return power_form(at(form.base), form.exponent, 0)
            case Call():
                return self.call_entry(form, i, j, rows, columns)
        return self.sum_entry(form, i, j, rows, columns)

    def sum_entry(self, form: object, i: int, j: int, rows: int, columns: int) -> object:
        """The entries that are sums: products, traces, norms; and what has a number in front."""
        match form:
            case Scaled():
                inner = [self.entry(s, 0, 0, 1, 1) for s in form.scalars]
                inner += [self.entry(form.body, i, j, rows, columns)] if form.body is not None else []
                below = [Over(None, self.entry(b, 0, 0, 1, 1), 0) for b in form.below]
                return product([Number(self.number(form.number)), *inner, *below])
            case Mul():
                return self.product_entry(form, i, j, rows, columns)
            case Trace():
                count = self.extent(form.body)[0]
                return total([self.entry(form.body, k, k, count, count) for k in range(count)])
            case Norm():
                down, across = self.extent(form.body)
                cells = [self.entry(form.body, k, m, down, across) for k in range(down) for m in range(across)]
                if form.order == 1:
                    return total([Written(self.writer.bars(self.writer.form(c)[0]), ATOM) for c in cells])
                squares = total([Power(c, sp.Integer(2), 0) for c in cells])
                return power_form(squares, sp.Rational(form.exponent, 2), 0)
        return form

    def product_entry(self, form: Mul, i: int, j: int, rows: int, columns: int) -> object:
        """Σ over the paths through a product of matrices."""
        extents = self.chain(form, rows, columns)
        paths: list[tuple[int, list[object]]] = [(i, [])]
        for k, (factor, extent) in enumerate(zip(form.factors, extents)):
            ends = [j] if k == len(extents) - 1 else range(extent[1])
            paths = [(end, [*parts, cell]) for start, parts in paths for end in ends
                     if not is_zero(cell := self.entry(factor, start, end, *extent))]
            if len(paths) > MOST:
                raise SymbackpropError(f"a sum of more than {MOST} products is too long to write out",
                                       hint="choose smaller sizes, such as n=2")
        return total([product(parts) for _, parts in paths])

    def call_entry(self, form: Call, i: int, j: int, rows: int, columns: int) -> object:
        if type(form.node) is Apply:
            if not form.node.rank:
                return form
            return Written(self.name(self.writer.wrapped(form, ATOM), form.node.rank, i, j, max(rows, columns)), ATOM)
        return map_form(form.node, [self.entry(a, i, j, rows, columns) for a in form.args])

    def number(self, value: sp.Expr) -> sp.Expr:
        return at_sizes(value, tuple(self.sizes.items()))

    def name(self, symbol: str, rank: int, i: int, j: int, largest: int) -> str:
        """`x₁`, `W₁₂`; places of two digits are kept apart."""
        places = [str(i + 1), str(j + 1)][:rank]
        return self.writer.entry_name(symbol, places, largest > 9) if places else symbol


def bracketed(laid: Laid, level: int, least: int, writer: TextWriter) -> Laid:
    if level >= least:
        return laid
    return [writer.open_bracket, *laid, writer.close_bracket] if has_grid(laid) else [writer.brackets("".join(laid))]


def has_grid(laid: Laid) -> bool:
    return any(type(part) is Grid for part in laid)


def is_entrywise(form: object) -> bool:
    """Whether a form is one matrix whose entries follow from the entries of its parts at the same place."""
    if type(form) is Call:
        return type(form.node) is not Apply and all(map(is_entrywise, form.args))
    if type(form) is Over and not form.rank:
        return True
    if type(form) is Scaled:
        return form.body is None or is_entrywise(form.body) and not form.scalars and not form.below and form.number in (1, -1)
    if type(form) in (Norm, Trace):
        return True
    parts = {Had: "factors", Sum: "terms"}.get(type(form))
    if parts:
        return all(map(is_entrywise, getattr(form, parts)))
    inner = [getattr(form, name) for name in ("above", "below", "base", "body") if getattr(form, name, None) is not None]
    return type(form) in ENTRYWISE and all(map(is_entrywise, inner))


def is_opaque(form: object) -> bool:
    """Whether a part has entries that only its own name can tell."""
    if type(form) is Indexed or type(form) is Call and type(form.node) is Apply and form.node.rank:
        return True
    return isinstance(form, tuple) and any(is_opaque(part) for part in form if isinstance(part, tuple))


def is_known(form: object) -> bool:
    """Whether every part of a form is of a kind whose entries are told here; an identity of other relations is not."""
    if hasattr(form, "_fields"):
        return type(form) in KNOWN and all(map(is_known, form))
    return all(map(is_known, form)) if isinstance(form, tuple) else True


def is_zero(form: object) -> bool:
    return type(form) is Number and form.value == 0


def product(factors: list[object]) -> object:
    return Number(sp.S.Zero) if any(map(is_zero, factors)) else product_form(factors)


def total(terms: list[object]) -> object:
    terms = [t for t in terms if not is_zero(t)]
    return sum_form(terms) if len(terms) > 1 else terms[0] if terms else Number(sp.S.Zero)


# --- how a row of words and grids is put down ---

def as_latex(laid: Laid) -> str:
    """One formula with `bmatrix`."""
    return "".join(part if isinstance(part, str) else
                   r"\begin{bmatrix} " + r" \\ ".join(" & ".join(row) for row in part.rows) + r" \end{bmatrix}" for part in laid)


def as_lines(laid: Laid) -> str:
    """Lines for a terminal: grids with brackets as tall as they are, words at middle height."""
    height = max((len(part.rows) for part in laid if type(part) is Grid), default=1)
    rows = [""] * height
    for part in laid:
        block = grid_lines(part) if type(part) is Grid else [part] * height if part in "()" else [part]
        top = (height - len(block)) // 2
        width = max(map(columns_of, block))
        for k in range(height):
            line = block[k - top] if 0 <= k - top < len(block) else ""
            rows[k] += line + " " * (width - columns_of(line))
    return "\n".join(row.rstrip() for row in rows)


def grid_lines(grid: Grid) -> list[str]:
    widths = [max(columns_of(cell) for cell in column) for column in zip(*grid.rows)]
    return ["[" + "  ".join(cell + " " * (width - columns_of(cell)) for cell, width in zip(row, widths)) + "]" for row in grid.rows]


def columns_of(text: str) -> int:
    """Columns that a text takes in a terminal: combining marks take none."""
    from unicodedata import combining
    return sum(not combining(char) for char in text)
