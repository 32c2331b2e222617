"""Proofs: both sides brought to one normal form, in steps that look no deeper into the network than they must.

A name that both sides read stays a name: what is equal for independent names is equal for what they stand for. A proof
is its trace: the steps of each side, and the like terms that were found equal (`replay` looks at all of them again).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeVar

from ..algebra import add, negative
from ..budget import OutOfTime
from ..errors import SymbackpropError
from ..expr import Expr, names_in
from ..kinks import has_kinks, opened
from ..normal import TooLarge, matched
from ..program import Fact, Step
from .entrywise import matched_entrywise
from .truth import Truth, is_quantity

DEFINITIONS = "definitions", "a name stands for what defines it, a derivative for its equation in the backward sweep"
CORNERS = "corners by one indicator", "a function with a corner is made of 1[z > 0], away from the corner"
DIFFERENCE = "the difference of the sides", "two sides are equal where their difference is 0"
ENTRIES = "one spelling inside an entry", "every elementwise function is one of exp, log, sin, cos, roots and 1[z > 0]"
Pairs = tuple[tuple[Expr, Expr], ...]
Found = TypeVar("Found")


@dataclass(frozen=True)
class Proof:
    """The steps of each side, and then pairs of sums of like terms: the sides are the sums of the pairs.

    Where a step is the difference of the sides, the pairs are sums that are 0. `corners`: it holds away from corners only.
    """

    left: tuple[Step, ...]
    right: tuple[Step, ...]
    pairs: Pairs
    facts: tuple[Fact, ...] = ()
    corners: bool = False


def prove(truth: Truth, facts: tuple[Fact, ...], left: Expr, right: Expr) -> Proof | None:
    """A proof that two sides are equal for all sizes and values, or None."""
    try:
        found = depths(truth, left, right)
        corners = any(has_kinks(side) for pair in found for side in pair)
        tries = [*(lambda a=a, b=b: by_normal_form(left, right, a, b, facts) for a, b in found),
                 *(lambda a=a, b=b: by_difference(left, right, a, b, facts, corners) for a, b in found)]
        return next((proof for attempt in tries if (proof := attempted(attempt)) is not None), None)
    except (SymbackpropError, OutOfTime):
        return None


def attempted(attempt: Callable[[], Found | None]) -> Found | None:
    """One way to a proof, or a part of it; where it grows too large, another may not."""
    try:
        return attempt()
    except (SymbackpropError, TooLarge, RecursionError):
        return None


def by_normal_form(left: Expr, right: Expr, a: Expr, b: Expr, facts: tuple[Fact, ...]) -> Proof | None:
    """Both sides multiplied out, as they are or with their corners opened."""
    start = step(DEFINITIONS, left, a), step(DEFINITIONS, right, b)
    if (pairs := attempted(lambda: matched(a, b, facts))) is not None:
        return Proof(*start, pairs, facts)
    if has_kinks(a) or has_kinks(b):
        x, y = opened(a), opened(b)
        if (pairs := matched(x, y, facts)) is not None:
            return Proof((*start[0], *step(CORNERS, a, x)), (*start[1], *step(CORNERS, b, y)), pairs, facts, True)
    return None


def by_difference(left: Expr, right: Expr, a: Expr, b: Expr, facts: tuple[Fact, ...], corners: bool) -> Proof | None:
    """The difference of the sides in one spelling, a sum of zeros."""
    if (found := matched_entrywise(a, b, facts)) is None:
        return None
    spelled, pairs = found
    difference = add([a, negative(b)])
    plain = opened(difference)
    shown = (*step(DEFINITIONS, left, a), Step(*DIFFERENCE, a, difference), *step(CORNERS, difference, plain), *step(ENTRIES, plain, spelled))
    return Proof(shown, step(DEFINITIONS, right, b), pairs, facts, corners)


def step(rule: tuple[str, str], before: Expr, after: Expr) -> tuple[Step, ...]:
    return (Step(*rule, before, after),) if before is not after else ()


def depths(truth: Truth, left: Expr, right: Expr) -> list[tuple[Expr, Expr]]:
    """Both sides at growing depth: to the quantities that the right side reads, to pre-activations, to inputs."""
    spoken = {n for n in names_in(right) if is_quantity(n)} - set(names_in(left))
    found = [(truth.without_quantities(left, spoken), right)]
    written = tuple(truth.without_quantities(side, set()) for side in (left, right))
    found.append(tuple(truth.without_activations(side) for side in (found[0][0], right)))
    found.append(tuple(truth.without_activations(side) for side in written))
    found.append(tuple(truth.without_names(side) for side in written))
    return list(dict.fromkeys(found))
