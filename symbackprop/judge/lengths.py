"""Claims about a model of open length: judged at the shortest lengths, and proved for every length in windows.

A line that speaks of step l speaks of few steps around it. At one length that is long enough, every place that l can
have in a longer model occurs: at the start, inside, at the end. Each is proved in a window that knows nothing of what
lies beyond, so that it holds for every length; the lengths that are too short for that are judged one by one.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import replace

from ..algebra import zero
from ..budget import OutOfTime, limit
from ..errors import SymbackpropError
from ..expr import Apply, Const, Contract, Delta, Expr, Map, Var, is_identity, names_in, walk
from ..program import READ_WITH, Claim, Length, Program
from ..recurrence.levels import Levels, levels_of
from .proof import prove
from .truth import Truth, is_quantity, parts_of
from .verdict import Verdict, for_every_layer
from .window import Window

FARTHEST = 2  # steps from l that a line may read, for a proof of every length
Key = tuple[str, int | None, int | None]


def for_every_length(program: Program, found: list[Verdict], judged: Callable[[Program], list[Verdict]], budget: float) -> list[Verdict]:
    """One verdict for each line, from those at one length; `judged` gives those of another. A proof takes `budget` at most."""
    length, lines, reach = program.length, claims_of(program), reach_of(program)
    merged = {v.key: v for v in for_every_layer(found)}
    tried = [length.number]

    def look_at(number: int) -> None:
        tried.append(number)
        for key, v in at_length(length, number, judged).items():
            known = merged.get(key)
            if known is not None and known.is_right and v.verdict == "refuted":
                merged[key] = replace(v, evidence=f"for {length.end} = {number}: {v.evidence}")
            elif known is not None and known.verdict == "proved" and v.verdict in ("confirmed", "undecided"):
                merged[key] = replace(known, verdict="confirmed", evidence=f"for {length.end} = {number}: {v.evidence}")

    near = min(reach, FARTHEST)
    for number in range(1, 2 * near + 2):
        if number != length.number and any(v.is_right for v in merged.values()):
            look_at(number)
    general = General(length.again(2 * near + 3, True), length.number, lines) if length.levels else None
    every = set()
    for key, v in merged.items():
        with limit(budget):
            if v.verdict == "proved" and reach <= FARTHEST and general and general.holds(key, lines.get(key, [])):
                every.add(key)
    if length.levels and any(v.verdict == "proved" and key not in every for key, v in merged.items()):
        look_at(2 * near + 3)
    return [general.stated(v) if key in every else few(v, length.end, sorted(tried)) for key, v in merged.items()]


def at_length(length: Length, number: int, judged: Callable[[Program], list[Verdict]]) -> dict[Key, Verdict]:
    """The verdicts at another length, by line; a line that speaks of steps which this length lacks has none."""
    try:
        return {v.key: v for v in judged(length.again(number, False)) if v.verdict != "error"}
    except SymbackpropError:
        return {}


def claims_of(program: Program) -> dict[Key, list[Claim]]:
    found: dict[Key, list[Claim]] = {}
    for claim in program.claims:
        place = claim.place
        found.setdefault((claim.text, place and place.line, place and place.column), []).append(claim)
    return found


def few(v: Verdict, end: str, tried: list[int]) -> Verdict:
    """A verdict that was established for a few lengths."""
    if v.verdict != "proved":
        return v
    shown = ", ".join(map(str, tried))
    return replace(v, verdict="confirmed", evidence=f"proved for {end} = {shown}, for all sizes and values; not a proof for every {end}")


def reach_of(program: Program) -> int:
    """How many steps away an equation or a claim reads."""
    levels = levels_of(program)
    found = [abs(levels[e.name][1] - levels[n][1]) for e in program.equations if e.name in levels
             for n in names_in(e.expr) if n in levels]
    for claim in program.claims:
        if claim.step is not None and claim.right is not None:
            found += [abs(s - claim.step) for s in steps_in(program, levels, claim.left, claim.right)]
        for step, summand in claim.summands:
            found += [abs(s - step) for s in steps_in(program, levels, summand)]
    return max([1, *found])


def steps_in(program: Program, levels: Levels, *sides: Expr) -> set[int]:
    """The steps that formulas speak of, those behind names that belong to no step included."""
    found: set[int] = set()
    seen: set[str] = set()
    waiting = [n for side in sides for n in names_in(side)]
    while waiting:
        name = waiting.pop()
        if name in seen:
            continue
        seen.add(name)
        if is_quantity(name):
            above, below = parts_of(name)
            waiting += [below, *([above] if is_quantity(above) or program_shape(program, above) else [])]
        elif name in levels:
            found.add(levels[name][1])
        elif name in program.table:
            waiting += names_in(program[name].expr)
    return found


def program_shape(program: Program, name: str) -> tuple:
    return program[name].expr.shape if name in program.table else ()


class General:
    """A model read at a length at which every place of a step in a longer model occurs."""

    def __init__(self, program: Program, usual: int, usual_lines: dict[Key, list[Claim]]) -> None:
        self.program, self.levels = program, levels_of(program)
        self.lines, self.usual, self.usual_lines = claims_of(program), usual, usual_lines
        self.number = program.length.number
        self.reach = (self.number - 3) // 2
        self.inner = range(self.reach + 1, self.number - self.reach + 1)
        self.uniform = self.is_uniform()

    def holds(self, key: Key, before: list[Claim]) -> bool:
        """Whether a line is proved for every length."""
        claims = self.lines.get(key, [])
        if not claims or any(c.left is None or c.right is None for c in claims):
            return False
        try:
            return all(self.is_proved(c, before) for c in claims) and (self.is_alike(claims) if claims[0].step is not None else True)
        except (SymbackpropError, OutOfTime):
            return False

    def stated(self, v: Verdict) -> Verdict:
        """A verdict that holds for every length, with the steps that it speaks of: `for l = 1, …, L−1`."""
        length, claims = self.program.length, self.lines[v.key]
        steps = [c.step for c in claims if c.step is not None]
        less = self.number - max(steps, default=0)
        range_ = [f"for {length.letter} = {min(steps)}, …, {length.end}{f'−{less}' if less else ''}"] if steps else []
        spoken = steps or any(steps_in(self.program, self.levels, c.left, c.right) for c in claims)
        said = (self.of_every_step(a, bool(steps)) for a in v.assumptions if not a.startswith((READ_WITH, f"for {length.letter} = ")))
        every = [f"for every {length.end}"] if spoken else []
        return replace(v, assumptions=(*dict.fromkeys(said), *every, *range_), quantity=self.spoken(claims[0]) or v.quantity,
                       evidence=f"{v.evidence} and every {length.end}" if spoken else v.evidence)

    def spoken(self, claim: Claim) -> str:
        """What is claimed of every step: `dC/dW[l]`."""
        if type(claim.left) is not Var or not is_quantity(claim.left.name):
            return ""
        letter, end = self.program.length.letter, self.program.length.end

        def named(name: str) -> str:
            if name not in self.levels or claim.step is None and self.levels[name][1] < self.number:
                return name
            away = self.levels[name][1] - (self.number if claim.step is None else claim.step)
            return f"{without_step(name)}[{end if claim.step is None else letter}{f'{away:+d}' if away else ''}]"
        return "/".join(f"d{named(part)}" for part in parts_of(claim.left.name))

    def of_every_step(self, assumption: str, has_letter: bool) -> str:
        """`y_2 is taken to be …` and `y_3 is taken to be …` as one: `y[t] is taken to be …`."""
        length = self.program.length
        for name in sorted((n for n, (_, step) in self.levels.items() if step and n in assumption), key=len, reverse=True):
            at = length.end if self.levels[name][1] == self.usual and not has_letter and "derivative of" in assumption else length.letter
            assumption = re.sub(rf"(?<![\w]){re.escape(name)}(?!\w)", f"{without_step(name)}[{at}]", assumption)
        return assumption

    def is_uniform(self) -> bool:
        """Whether all steps but the first and the last are made alike."""
        by_step: dict[int, list[str]] = {}
        for e in self.program.equations:
            if e.name in self.levels:
                family, step = self.levels[e.name]
                by_step.setdefault(step, []).append(f"{family} = {skeleton(e.expr, self.levels, step)}")
        inner = [sorted(by_step.get(step, [])) for step in range(2, self.number)]
        return all(step == inner[0] for step in inner)

    def is_alike(self, claims: list[Claim]) -> bool:
        """Whether a line says the same of every step inside."""
        said = [skeleton(side, self.levels, c.step) for c in claims if c.step in self.inner for side in (c.left, c.right)]
        return self.uniform and len(set(said)) <= 2 and sum(c.step in self.inner for c in claims) == len(self.inner)

    def is_proved(self, claim: Claim, before: list[Claim]) -> bool:
        """Whether a claim, at one place of its step, is proved in a window around it."""
        steps = steps_in(self.program, self.levels, claim.left, claim.right)
        if claim.summands:
            return self.uniform and self.is_sum_proved(claim)
        if not steps:
            return not any(is_quantity(n) for side in (claim.left, claim.right) for n in names_in(side))
        if claim.step is None:
            if not self.is_at_an_end(steps, before):
                return False
        elif max(abs(s - claim.step) for s in steps) > self.reach:
            return False
        return self.in_window(claim.left, claim.right, steps)

    def is_at_an_end(self, steps: set[int], before: list[Claim]) -> bool:
        """Whether a line without an index speaks of the first steps alone or of the last ones alone, at every length."""
        levels = self.program.length.again(self.usual, False)
        others = [steps_in(levels, levels_of(levels), c.left, c.right) for c in before if c.left is not None and c.right is not None]
        near = max(steps) <= self.number - 2 and all(other == steps for other in others)
        far = min(steps) >= self.number - 2 * self.reach and all({s - self.usual + self.number for s in other} == steps for other in others)
        return self.uniform and bool(others) and (near or far)

    def in_window(self, left: Expr, right: Expr, steps: set[int], untied: tuple[str, int] | None = None) -> bool:
        names = {n for side in (left, right) for n in names_in(side)}
        pairs = [parts_of(n) for n in names if is_quantity(n)]
        losses = {above for above, _ in pairs if not program_shape(self.program, above) and above not in self.levels}
        if len(losses) > 1 or any(is_quantity(above) for above, _ in pairs):
            return False
        window = Window(self.program, next(iter(losses), ""), min(steps), max(steps), untied)
        below = {b for _, b in pairs}
        if names & losses or below & (window.dropped.keys() | losses) or any(map(window.is_outside, below)):
            return False
        if {above for above, _ in pairs} - losses and window.has_way_round():
            return False
        return prove(Truth(window.program), window.program.facts, left, right) is not None

    def is_sum_proved(self, claim: Claim) -> bool:
        """A gradient that is a sum over steps: what each step gives to a name that all of them read, step by step."""
        if type(claim.left) is not Var or not is_quantity(claim.left.name):
            return False
        above, shared = parts_of(claim.left.name)
        readers = [e for e in self.program.equations if shared in names_in(e.expr)]
        if shared in self.levels or not readers or any(e.name not in self.levels for e in readers):
            return False
        said = dict(claim.summands)
        inner = [skeleton(said[s], self.levels, s) for s in self.inner if s in said]
        if len(set(inner)) != 1 or len(inner) != len(self.inner):
            return False
        left = Var(f"∂{above}/∂{{}}", claim.left.shape)
        for step in sorted({*said, *(self.levels[e.name][1] for e in readers)}):
            right = said.get(step, zero(claim.left.shape))
            steps = {step, *steps_in(self.program, self.levels, right)}
            if max(abs(s - step) for s in steps) > self.reach:
                return False
            if not self.in_window(Var(left.name.format(f"{shared} at {step}"), left.shape), right, steps, (shared, step)):
                return False
        return True


def without_step(name: str) -> str:
    """`h_3` is h, and so is `h3`."""
    return re.sub(r"_?[0-9]+$", "", name)


def skeleton(node: Expr, levels: Levels, step: int) -> str:
    """What a formula says, steps counted from its own, sizes left away."""
    made: dict[Expr, str] = {}

    def named(name: str) -> str:
        if is_quantity(name):
            return "/".join(f"∂{named(part)}" for part in parts_of(name))
        return f"{levels[name][0]}[{levels[name][1] - step:+d}]" if name in levels else name

    for part in walk(node):
        inner = ", ".join(made[c] for c in part.children)
        match part:
            case Var():
                made[part] = named(part.name)
            case Const():
                made[part] = str(part.value) if part.value.is_number else "a number of sizes"
            case Delta():
                made[part] = "δ" if is_identity(part) else str(part)
            case Contract():
                made[part] = f"({inner}: {part.inputs} -> {part.output})"
            case Map():
                made[part] = f"{part.function}({inner})"
            case Apply():
                made[part] = f"{part.op}{part.params}({inner})"
            case _:
                made[part] = f"{type(part).__name__}({inner})"
    return made[node]
