"""Claims about a model of open length: judged at the shortest lengths, and proved for every length in windows.

A line that speaks of step l speaks of few steps around it. At one length that is long enough, every place that l can
have in a longer model occurs: at the start, inside, at the end. Each is proved in a window that knows nothing of what
lies beyond (`general`), so that it holds for every length; the lengths that are too short for that are judged one by one.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from ..budget import limit
from ..errors import NoSuchStep, SymbackpropError
from ..program import Claim, Length, Opening, Program
from .general import General
from .places import Key, claims_of, reach_of
from .verdict import Verdict, for_every_layer

FARTHEST = 2  # steps from l that a line may read, for a proof of every length
Judged = Callable[[Program], list[Verdict]]


def for_every_length(program: Program, found: list[Verdict], judged: Judged, budget: float) -> list[Verdict]:
    """One verdict for each line, from those at one length; `judged` gives those of another. A proof takes `budget` at most."""
    length, lines, reach = program.length, claims_of(program), reach_of(program)
    seen = Seen(length, for_every_layer(found), judged)
    near = min(reach, FARTHEST)
    for number in range(1, 2 * near + 2):
        if number != length.number and any(v.is_right for v in seen.merged.values()):
            seen.look_at(number)
    general = General(length, 2 * near + 3, lines) if length.levels else None
    every = set()
    for key, v in seen.merged.items():
        with limit(budget):
            if v.verdict == "proved" and reach <= FARTHEST and general and seen.is_without_holes(key) and general.holds(key, lines.get(key, [])):
                every.add(key)
    if length.levels and any(v.verdict == "proved" and key not in every for key, v in seen.merged.items()):
        seen.look_at(2 * near + 3)
    return [general.stated(v, seen.lowest(key)) if key in every else few(v, length.end, sorted(seen.tried[key])) for key, v in seen.merged.items()]


class Seen:
    """What was found of each line, length by length."""

    def __init__(self, length: Length, found: list[Verdict], judged: Judged) -> None:
        self.length, self.judged = length, judged
        self.merged = {v.key: v for v in found}
        self.tried = {key: {length.number} for key in self.merged}
        self.unread: dict[Key, set[int]] = {key: set() for key in self.merged}

    def look_at(self, number: int) -> None:
        """Judge the text at another length. A line that speaks of steps which this length lacks says nothing of it."""
        try:
            program = self.length.again(number, Opening.CLOSED)
            verdicts, lines = {v.key: v for v in self.judged(program)}, claims_of(program)
        except SymbackpropError:
            verdicts, lines = {}, None
        for key in self.merged:
            v = verdicts.get(key)
            if v is not None and v.verdict != "error":
                self.tried[key].add(number)
                self.merge(key, v, number)
            elif lines is None or any(is_unread(c) for c in lines.get(key, [])):
                self.unread[key].add(number)

    def merge(self, key: Key, v: Verdict, number: int) -> None:
        known = self.merged[key]
        there = f"for {self.length.end} = {number}: {v.evidence}"
        if known.is_right and v.verdict == "refuted":
            self.merged[key] = replace(v, evidence=there)
        elif known.verdict == "proved" and v.verdict in ("confirmed", "undecided"):
            self.merged[key] = replace(known, verdict="confirmed", evidence=there)

    def lowest(self, key: Key) -> int:
        """The shortest length from which on a line can be read."""
        return max(self.unread[key], default=0) + 1

    def is_without_holes(self, key: Key) -> bool:
        """Whether a line is unreadable, if at all, at lengths alone that are shorter than the first that was looked at."""
        return self.lowest(key) <= self.length.number


def is_unread(claim: Claim) -> bool:
    return claim.error is not None and not isinstance(claim.error, NoSuchStep)


def few(v: Verdict, end: str, tried: list[int]) -> Verdict:
    """A verdict that was established for a few lengths."""
    if v.verdict != "proved":
        return v
    shown = ", ".join(map(str, tried))
    return replace(v, verdict="confirmed", evidence=f"proved for {end} = {shown}, for all sizes and values; not a proof for every {end}")
