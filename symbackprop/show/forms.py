"""The records that a matrix reading is made of; the writers print them, nothing computes with them."""

from __future__ import annotations

from typing import NamedTuple

import sympy as sp

from ..expr import Apply, Expr, Map, Var


class Atom(NamedTuple):
    node: Var


class Number(NamedTuple):
    value: sp.Expr


class Unit(NamedTuple):
    """All ones: `1` in a sum, a ones vector in a product."""

    shape: tuple


class Identity(NamedTuple):
    size: sp.Expr


class Mul(NamedTuple):
    factors: tuple


class Had(NamedTuple):
    factors: tuple


class Over(NamedTuple):
    """Entrywise quotient; `above` is None for a bare reciprocal."""

    above: object
    below: object
    rank: int


class Scaled(NamedTuple):
    """number · scalars · body / below; body is None when there is nothing but scalars."""

    number: sp.Expr
    scalars: tuple
    body: object
    below: tuple


class Sum(NamedTuple):
    terms: tuple


class SumOver(NamedTuple):
    """A sum over slices: `ranges` has the letter and the size of each axis."""

    ranges: tuple
    body: object


class T(NamedTuple):
    body: object


class Diag(NamedTuple):
    body: object


class DiagOf(NamedTuple):
    body: object


class Trace(NamedTuple):
    body: object


class Kron(NamedTuple):
    factors: tuple


class Vec(NamedTuple):
    """The columns of a matrix below one another."""

    body: object


class Swap(NamedTuple):
    """The commutation matrix K: K vec(A) = vec(Aᵀ)."""


class Call(NamedTuple):
    node: Map | Apply
    args: tuple


class Power(NamedTuple):
    base: object
    exponent: sp.Expr
    rank: int


class Norm(NamedTuple):
    """‖body‖ to a power; order 1 or 2 (2 is Frobenius for a matrix), "spectral" or "nuclear"."""

    body: object
    order: int | str
    exponent: int


class Indexed(NamedTuple):
    node: Expr


def without_ones(form: object) -> object:
    """A scalar that was spread over ones, as the scalar."""
    match form:
        case Unit():
            return Number(sp.S.One)
        case Scaled(body=Unit()):
            return form._replace(body=None) if form.scalars or form.below else Number(form.number)
        case Sum():
            return Sum(tuple([without_ones(term) for term in form.terms]))
    return form


def is_fraction(form: object) -> bool:
    return type(form) is Scaled and not form.scalars and form.body is None and not form.number.is_Integer
