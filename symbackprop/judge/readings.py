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
Progress = Callable[[int, int], None] | None


class Every(set):
    """Lines that no repair is looked for: all."""

    def __contains__(self, key: object) -> bool:
        return True


def in_best_reading(program: Program, judge: Maker, progress: Progress) -> list[Verdict]:
    """The verdicts under the reading that fits best; repairs are looked for under that one alone."""
    if program.others is None:
        return judge(program).verdicts(progress)
    found = quickly(judge(program)).verdicts(progress)
    doubted = {v.key for v in found if v.verdict == "refuted"}
    if not doubted:
        return found
    best, right = program, sound(found)
    most = len(right)
    for other in program.others():
        again = quickly(judge(other))
        fits = sound(again.verdicts())
        if right <= fits and len(fits) > most and not is_idle(again, fits - right):
            best, most = other, len(fits)
            if doubted <= fits:
                break
    return judge(best).verdicts(progress)


def quickly(judge: Judge) -> Judge:
    """The same, saying nothing of why lines are wrong."""
    judge.known_wrong = Every()
    return judge


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
