"""Contractions with window deltas read as cross-correlations, and selectors as slices: the forms people write.

A window reads x at first + s·u + d·a. Which of x, u and a is left over says what the contraction is: u, the
cross-correlation X ⋆ K; a, the correlation of the input with a cotangent; x, the full correlation with the flipped kernel.
"""

from __future__ import annotations

from typing import NamedTuple

import sympy as sp

from ..expr import Const, Contract, Delta, Expr, Labels, Ones, is_identity
from ..windows import Read, is_inside, is_window, relation_of
from .forms import Identity, Indexed, T

ROLES = "xua"


class Selector(NamedTuple):
    """Rows or columns of the identity matrix; `part` is one index, or first, end (None: to the end) and step."""

    part: tuple
    place: str


class Triangle(NamedTuple):
    """Ones on and below a diagonal."""

    diagonal: sp.Expr


class Slice(NamedTuple):
    """A form cut to a part of its rows and of its columns; None keeps all."""

    body: object
    rows: tuple | None
    columns: tuple | None


class Correlation(NamedTuple):
    """Two factors slid along each other. `turned` factors are matrices read transposed; `letters` are the labels of the axes
    that do not slide, by factor and output.

    `left` and `output` are roles of `ROLES`; `windows` has first, s and d for each axis that slides.
    """

    factors: tuple[Expr, Expr]
    turned: tuple[bool, bool]
    letters: tuple[Labels, Labels, Labels]
    left: str
    output: str
    windows: tuple[tuple[sp.Expr, sp.Expr, sp.Expr], ...]


def selector(node: Delta) -> Selector | None:
    """The identity's rows or columns that a delta of rank 1 or 2 is; None where it is neither."""
    labels = tuple(range(len(node.shape)))
    if node.bound or len(labels) > 2:
        return None
    dims, relation = dict(zip(labels, node.shape)), relation_of(node, labels)
    if len(labels) == 1:
        read = relation.solved(0)
        return None if read is None else Selector((read.first,), "columns")
    for label, place in ((0, "columns"), (1, "rows")):
        read = relation.solved(label)
        if is_inside(read, dims, label) or place == "columns" and read is not None and reaches(read, dims):
            return Selector(part_of(read, dims, label), place)
    return None


def delta_form(node: Delta) -> object:
    """The identity, some of its rows or columns, a triangle of ones; else what only an index form says."""
    if is_identity(node):
        return Identity(node.shape[0])
    if node.bound and node.coefficients in ((1, -1), (-1, 1)):
        return Triangle(node.offset) if node.coefficients[0] == 1 else T(Triangle(node.offset))
    return selector(node) or Indexed(node)


def reaches(read: Read, dims: dict[int, sp.Expr]) -> bool:
    """Whether a slice starts inside its axis; that it ends there is for the sizes to say."""
    low, _ = read.ends(dims)
    return bool(low.is_nonnegative) and (dims[0] - dims[1]).is_nonpositive is not True


def part_of(read: Read, dims: dict[int, sp.Expr], label: int) -> tuple:
    """first, end and step of a slice, None where NumPy needs nothing said."""
    step, n = read.steps[0], dims[label]
    low, high = read.ends(dims)
    if step.is_negative:
        return (None if sp.expand(high - n + 1) == 0 else high), (None if low == 0 else low - 1), step
    end = sp.expand(high + 1)
    short = sp.expand(n - end)
    free = short == 0 or step != 1 and bool((step - 1 - short).is_nonnegative or short.has(sp.floor))
    return (None if low == 0 else low), (None if free else end), step


def folded(factors: list) -> list:
    """A product in which selectors beside another factor have become slices of it."""
    made: list = []
    if not any([type(factor) is Selector for factor in factors]):
        return factors
    for factor in factors:
        before = made[-1] if made else None
        if type(before) is Selector and before.place == "rows" and type(factor) is not Selector:
            made[-1] = sliced(factor, rows=before.part)
        elif type(factor) is Selector and factor.place == "columns" and before is not None and type(before) is not Selector:
            made[-1] = sliced(before, columns=factor.part)
        else:
            made.append(factor)
    return made


def sliced(body: object, rows: tuple | None = None, columns: tuple | None = None) -> object:
    """A part of a form; of a transposed one, the same part of what is transposed."""
    if type(body) is T:
        inner = sliced(body.body, columns, rows)
        return inner if len(rows or columns) == 1 else T(inner)
    if type(body) is Slice and (rows is None or body.rows is None) and (columns is None or body.columns is None):
        return Slice(body.body, rows or body.rows, columns or body.columns)
    return Slice(body, rows, columns)


def slid_form(node: Contract) -> tuple[sp.Expr, object] | None:
    """(number, form) of a contraction with deltas that is no product of matrices; None where it may be one."""
    deltas = [o for o in node.operands if is_window(o)]
    if not deltas:
        return None
    return correlation(node) or ((sp.S.One, Indexed(node)) if any(type(delta_form(d)) is Indexed for d in deltas) else None)


def correlation(node: Contract) -> tuple[sp.Expr, object] | None:
    """(number, reading) of a contraction whose deltas all slide one factor along the other.

    The axes that slide stand last and in one order everywhere; those of a matrix may stand the other way round.
    """
    number, pairs = sp.S.One, list(zip(node.operands, node.inputs))
    if type(pairs[0][0]) is Const:
        number, pairs = pairs[0][0].value, pairs[1:]
    single = {i for o, labels in pairs for i, d in zip(labels, o.shape) if d == 1 and not is_window(o)}
    factors = [(o, labels) for o, labels in pairs if not is_window(o) and not (type(o) is Ones and set(labels) <= single)]
    deltas = [(o, labels) for o, labels in pairs if is_window(o)]
    if len(factors) != 2 or not deltas or any(len(set(labels)) < len(labels) for _, labels in (*factors, (None, node.output))):
        return None
    places = (factors[0][1], factors[1][1], node.output)
    found = [sorted_roles(delta, labels, places) for delta, labels in deltas]
    if None in found or len({roles for roles, _ in found}) != 1:
        return None
    order = sorted(range(len(deltas)), key=lambda k: places[0].index(found[k][1][0]))
    sliding = [tuple(found[k][1][place] for k in order) for place in range(3)]
    turned = [labels[-len(order):] != own for labels, own in zip(places, sliding)]
    if any(wrong and (labels != own[::-1] or len(order) != 2) for wrong, labels, own in zip(turned, places, sliding)):
        return None
    kept = [tuple(i for i in labels if i not in own and i not in single) for labels, own in zip(places, sliding)]
    rest = [i for labels in kept[:2] for i in labels]
    if any(i not in node.output and rest.count(i) < 2 for i in rest):
        return None
    (left, _, output), _ = found[0]
    windows = tuple((-d.offset, -d.coefficients[1], -d.coefficients[2]) for d, _ in (deltas[k] for k in order))
    form = Correlation(tuple(o for o, _ in factors), (turned[0], turned[1]), tuple(kept), left, output, windows)
    return number, T(form) if turned[2] else form


def sorted_roles(delta: Delta, labels: Labels, places: tuple[Labels, ...]) -> tuple[tuple[str, ...], Labels] | None:
    """Which of x, u and a the factors and the output have, and by what label; None unless each has one of them."""
    if delta.bound or len(set(labels)) != 3 or delta.coefficients[0] != 1:
        return None
    held = [[(role, i) for role, i in zip(ROLES, labels) if i in place] for place in places]
    if any(len(own) != 1 for own in held):
        return None
    roles = tuple(own[0][0] for own in held)
    return (roles, tuple(own[0][1] for own in held)) if len(set(roles)) == 3 else None
