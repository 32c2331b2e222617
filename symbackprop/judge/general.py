"""A line about every step of a model of open length, proved for every length.

The text is read at one length at which every place of a step in a longer model occurs, and each of these places is proved
in a window (`window`). Where the number of a step stands as a number, it is what it is near the start, T − k near the end,
and a symbol of its own between.
"""

from __future__ import annotations

import re
from dataclasses import replace
from functools import cached_property

from ..algebra import zero
from ..budget import OutOfTime
from ..errors import SymbackpropError
from ..expr import Expr, Var, names_in
from ..program import READ_WITH, Claim, Length, Opening, Program
from ..recurrence.levels import levels_of, without_step
from .places import Key, claims_of, program_shape, skeleton, steps_in
from .proof import prove
from .truth import Truth, is_quantity, parts_of
from .verdict import Verdict
from .window import Window


class Reading:
    """The text at one length, read in one way."""

    def __init__(self, program: Program) -> None:
        self.program, self.levels, self.lines = program, levels_of(program), claims_of(program)

    def steps_in(self, *sides: Expr) -> set[int]:
        return steps_in(self.program, self.levels, *sides)

    def skeleton(self, node: Expr, step: int) -> str:
        return skeleton(node, self.levels, step, self.program.length.letter)

    def in_window(self, left: Expr, right: Expr, steps: set[int], untied: tuple[str, int] | None = None) -> bool:
        """Whether two sides are equal whatever lies outside these steps."""
        names = {n for side in (left, right) for n in names_in(side)}
        pairs = [parts_of(n) for n in names if is_quantity(n)]
        losses = {above for above, _ in pairs if not program_shape(self.program, above) and above not in self.levels}
        if len(losses) > 1 or any(is_quantity(above) for above, _ in pairs):
            return False
        window = Window(self.program, next(iter(losses), ""), min(steps), max(steps), untied)
        below = {b for _, b in pairs}
        if names & losses or below & (window.dropped.keys() | losses) or any(map(window.is_outside, below)):
            return False
        if {above for above, _ in pairs} - losses and window.has_way_round(below):
            return False
        return self.proves(window.program, left, right)

    def proves(self, program: Program, left: Expr, right: Expr) -> bool:
        return prove(Truth(program), program.facts, left, right) is not None


class General:
    """A model at a length at which every place of a step in a longer model occurs."""

    def __init__(self, length: Length, number: int, usual_lines: dict[Key, list[Claim]]) -> None:
        self.length, self.number, self.usual_lines = length, number, usual_lines
        self.start = Reading(length.again(number, Opening.END))
        self.reach = (number - 3) // 2
        self.inner = range(self.reach + 1, number - self.reach + 1)

    @cached_property
    def inside(self) -> Reading:
        return Reading(self.length.again(self.number, Opening.APART)) if self.start.program.length.counts else self.start

    @cached_property
    def end(self) -> Reading:
        return Reading(self.length.again(self.number, Opening.TIED)) if self.start.program.length.counts else self.start

    def at(self, step: int) -> Reading:
        """The reading for a line about a step: in longer models, it lies where this step lies here."""
        return self.start if step <= self.inner[0] else self.end if step >= self.inner[-1] else self.inside

    def holds(self, key: Key, before: list[Claim]) -> bool:
        """Whether a line is proved for every length."""
        try:
            readings = [self.start, self.inside, self.end]
            found = [r.lines.get(key, []) for r in readings]
            if not found[0] or any([c.step for c in claims] != [c.step for c in found[0]] for claims in found) or \
                    any(c.left is None or c.right is None for claims in found for c in claims):
                return False
            claims = {id(r): dict(enumerate(lines)) for r, lines in zip(readings, found)}
            steps = [c.step for c in found[0]]
            if None in steps:
                return len(steps) == 1 and self.is_proved_once(claims, before)
            return self.is_alike(found[1]) and all(self.is_proved(self.at(s), claims[id(self.at(s))][k]) for k, s in enumerate(steps))
        except (SymbackpropError, OutOfTime):
            return False

    def stated(self, v: Verdict, lowest: int) -> Verdict:
        """A verdict that holds for every length, with the steps that it speaks of: `for l = 1, …, L−1`."""
        length, claims = self.length, self.start.lines[v.key]
        steps = [c.step for c in claims if c.step is not None]
        less = self.number - max(steps, default=0)
        range_ = [f"for {length.letter} = {min(steps)}, …, {length.end}{f'−{less}' if less else ''}"] if steps else []
        spoken = steps or any(self.start.steps_in(c.left, c.right) for c in claims)
        said = (self.of_every_step(a, bool(steps)) for a in v.assumptions if not a.startswith((READ_WITH, f"for {length.letter} = ")))
        every = f"every {length.end}{f' ≥ {lowest}' if lowest > 1 else ''}"
        return replace(v, assumptions=(*dict.fromkeys(said), *([f"for {every}"] if spoken else []), *range_),
                       quantity=self.spoken(claims[0]) or v.quantity, evidence=f"{v.evidence} and {every}" if spoken else v.evidence)

    def spoken(self, claim: Claim) -> str:
        """What is claimed of every step: `dC/dW[l]`."""
        if type(claim.left) is not Var or not is_quantity(claim.left.name):
            return ""
        letter, end, levels = self.length.letter, self.length.end, self.start.levels

        def named(name: str) -> str:
            if name not in levels or claim.step is None and levels[name][1] < self.number:
                return name
            away = levels[name][1] - (self.number if claim.step is None else claim.step)
            return f"{without_step(name)}[{end if claim.step is None else letter}{f'{away:+d}' if away else ''}]"
        return "/".join(f"d{named(part)}" for part in parts_of(claim.left.name))

    def of_every_step(self, assumption: str, has_letter: bool) -> str:
        """`y_2 is taken to be …` and `y_3 is taken to be …` as one: `y[t] is taken to be …`."""
        length, levels = self.length, self.start.levels
        for name in sorted((n for n, (_, step) in levels.items() if step and n in assumption), key=len, reverse=True):
            at = length.end if levels[name][1] == length.number and not has_letter and "derivative of" in assumption else length.letter
            assumption = re.sub(rf"(?<![\w]){re.escape(name)}(?!\w)", f"{without_step(name)}[{at}]", assumption)
        return assumption

    @cached_property
    def is_uniform(self) -> bool:
        """Whether all steps but the first and the last are made alike."""
        by_step: dict[int, list[str]] = {}
        for e in self.inside.program.equations:
            if e.name in self.inside.levels:
                family, step = self.inside.levels[e.name]
                by_step.setdefault(step, []).append(f"{family} = {self.inside.skeleton(e.expr, step)}")
        inner = [sorted(by_step.get(step, [])) for step in range(2, self.number)]
        return all(step == inner[0] for step in inner)

    def is_alike(self, claims: list[Claim]) -> bool:
        """Whether a line says the same of every step inside."""
        said = [tuple(self.inside.skeleton(side, c.step) for side in (c.left, c.right)) for c in claims if c.step in self.inner]
        return self.is_uniform and len(set(said)) == 1 and len(said) == len(self.inner)

    def is_proved(self, reading: Reading, claim: Claim) -> bool:
        """Whether a claim about a step, at one place of it, is proved in a window around it."""
        steps = reading.steps_in(claim.left, claim.right)
        if claim.summands or not steps or max(abs(s - claim.step) for s in steps) > self.reach:
            return False
        return reading.in_window(claim.left, claim.right, steps)

    def is_proved_once(self, claims: dict[int, dict[int, Claim]], before: list[Claim]) -> bool:
        """Whether a line without an index is proved: it speaks of no step, of all in a sum, or of those at one end."""
        start, end = (claims[id(r)][0] for r in (self.start, self.end))
        if start.summands:
            return self.is_uniform and self.is_sum_proved([claims[id(r)][0] for r in (self.start, self.inside, self.end)])
        steps = self.start.steps_in(start.left, start.right)
        if not steps:
            return not any(is_quantity(n) for side in (start.left, start.right) for n in names_in(side)) and \
                self.start.proves(self.start.program, start.left, start.right)
        if not self.is_uniform:
            return False
        if self.is_at_the_start(steps, before):
            return self.start.in_window(start.left, start.right, steps)
        return self.is_at_the_end(steps, before) and self.end.in_window(end.left, end.right, steps)

    def is_at_the_start(self, steps: set[int], before: list[Claim]) -> bool:
        """Whether a line speaks of the first steps alone, at every length; `before` is it at the usual one."""
        return max(steps) <= self.number - 2 and all(other == steps for other in self.usual_steps(before))

    def is_at_the_end(self, steps: set[int], before: list[Claim]) -> bool:
        """Whether a line speaks of the last steps alone."""
        away = self.number - self.length.number
        return min(steps) >= self.number - 2 * self.reach and all({s + away for s in other} == steps for other in self.usual_steps(before))

    def usual_steps(self, before: list[Claim]) -> list[set[int]]:
        usual = Reading(self.length.again(self.length.number, Opening.CLOSED))
        return [usual.steps_in(c.left, c.right) if c.left is not None and c.right is not None else set() for c in before] or [set()]

    def is_sum_proved(self, readings: list[Claim]) -> bool:
        """A gradient that is a sum over steps: what each step gives to a name that all of them read, step by step."""
        left = readings[0].left
        if type(left) is not Var or not is_quantity(left.name):
            return False
        above, shared = parts_of(left.name)
        program, levels = self.start.program, self.start.levels
        readers = [e for e in program.equations if shared in names_in(e.expr)]
        if shared in levels or not readers or any(e.name not in levels for e in readers):
            return False
        start, inside, end = (dict(c.summands) for c in readings)
        inner = [self.inside.skeleton(inside[s], s) for s in self.inner if s in inside]
        if len(set(inner)) != 1 or len(inner) != len(self.inner) or not start.keys() == inside.keys() == end.keys():
            return False
        for step in sorted({*inside, *(levels[e.name][1] for e in readers)}):
            reading = self.at(step)
            said = start if reading is self.start else end if reading is self.end else inside
            right = said.get(step, zero(left.shape))
            steps = {step, *reading.steps_in(right)}
            if max(abs(s - step) for s in steps) > self.reach:
                return False
            copied = Var(f"∂{above}/∂{shared} at {step}", left.shape)
            if not reading.in_window(copied, right, steps, (shared, step)):
                return False
        return True
