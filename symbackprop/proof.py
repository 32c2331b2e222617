"""Proofs: both sides brought to one normal form, in steps that look no deeper into the network than they must.

A name that both sides read stays a name: what is equal for independent names is equal for what they stand for.
"""

from __future__ import annotations

from .budget import OutOfTime
from .entrywise import is_equal_entrywise
from .errors import SymbackpropError
from .expr import Expr, names_in
from .kinks import has_kinks, opened
from .normal import TooLarge, is_equal
from .program import Fact
from .truth import Truth, is_quantity

FIRST, SECOND = "the same normal form", "the same normal form away from kinks"


def prove(truth: Truth, facts: tuple[Fact, ...], left: Expr, right: Expr) -> str | None:
    """How two sides were proved equal for all sizes and values (`FIRST` or `SECOND`), or None."""
    try:
        for a, b in depths(truth, left, right):
            if is_equal(a, b, facts):
                return FIRST
            if (has_kinks(a) or has_kinks(b)) and is_equal(opened(a), opened(b), facts):
                return SECOND
        for a, b in (found := depths(truth, left, right)):
            if is_equal_entrywise(a, b, facts):
                return SECOND if any(has_kinks(side) for pair in found for side in pair) else FIRST
    except (SymbackpropError, OutOfTime, TooLarge, RecursionError):
        return None
    return None


def depths(truth: Truth, left: Expr, right: Expr) -> list[tuple[Expr, Expr]]:
    """Both sides at growing depth: to the quantities that the right side reads, to pre-activations, to inputs."""
    spoken = {n for n in names_in(right) if is_quantity(n)} - set(names_in(left))
    found = [(truth.without_quantities(left, spoken), right)]
    written = tuple(truth.without_quantities(side, set()) for side in (left, right))
    found.append(tuple(truth.without_activations(side) for side in (found[0][0], right)))
    found.append(tuple(truth.without_activations(side) for side in written))
    found.append(tuple(truth.without_names(side) for side in written))
    return list(dict.fromkeys(found))
