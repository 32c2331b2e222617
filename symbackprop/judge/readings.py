"""Guessed ranks, looked at again: the reading of a text under which most of its claims are right is the one meant.

A name that nothing declares is given a rank by how it is written. What is refuted under such a guess is judged under
the other natural readings too, all claims of a text under the same one: a reading wins where it makes more claims right
and none of the right ones wrong. What is wrong under all of them stays refuted under the first.
"""

from __future__ import annotations

from collections.abc import Callable

from ..algebra import zero
from ..budget import limit
from ..errors import SymbackpropError
from ..program import Program
from .judging import Judge
from .verdict import Verdict

Maker = Callable[[Program], Judge]


def in_best_reading(program: Program, found: list[Verdict], judge: Maker) -> list[Verdict]:
    """The verdicts under the reading that fits best, from those under the first."""
    right = sound(found)
    doubted = {v.key for v in found if v.verdict == "refuted"}
    best, most = None, len(right)
    for other in program.others() if program.others is not None and doubted else ():
        again = judge(other)
        again.known_wrong |= doubted  # no repair is looked for as long as the reading is not taken
        fits = sound(again.verdicts())
        if right <= fits and len(fits) > most and not is_idle(again, fits - right):
            best, most = other, len(fits)
            if doubted <= fits:
                break
    return found if best is None else judge(best).verdicts()


def sound(found: list[Verdict]) -> set[tuple]:
    """The lines that are right as they stand, not as transposes."""
    return {v.key for v in found if v.is_right and v.layout != "numerator"}


def is_idle(judge: Judge, won: set[tuple]) -> bool:
    """Whether a reading makes claims right by leaving nothing to say: their derivatives are zero in it (softmax of one class)."""
    for claim in judge.program.claims:
        place = claim.place
        if (claim.text, place and place.line, place and place.column) in won and claim.left is not None:
            try:
                with limit(judge.budget):
                    if judge.is_right(claim.left, zero(claim.left.shape)):
                        return True
            except SymbackpropError:
                return True
    return False
