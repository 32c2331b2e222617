"""What the lines of a text of open length say, and of which steps: for comparing one step's line with another's."""

from __future__ import annotations

import re

import sympy as sp

from ..expr import Apply, Const, Contract, Delta, Expr, Map, Var, is_identity, names_in, walk
from ..program import Claim, Program, running
from ..recurrence.levels import Levels, levels_of
from .truth import is_quantity, parts_of

Key = tuple[str, int | None, int | None]


def claims_of(program: Program) -> dict[Key, list[Claim]]:
    found: dict[Key, list[Claim]] = {}
    for claim in program.claims:
        place = claim.place
        found.setdefault((claim.text, place and place.line, place and place.column), []).append(claim)
    return found


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


def skeleton(node: Expr, levels: Levels, step: int, letter: str) -> str:
    """What a formula says, steps counted from its own: in names, in sizes, and in the running number of a step."""
    made: dict[Expr, str] = {}
    count = running(letter)

    def named(name: str) -> str:
        if is_quantity(name):
            return "/".join(f"∂{named(part)}" for part in parts_of(name))
        return f"{levels[name][0]}[{levels[name][1] - step:+d}]" if name in levels else name

    def number(value: sp.Expr) -> str:
        away = lambda digits: f"{int(digits[0]) - step:+d}"
        return str(value.xreplace({s: s - step if s is count else sp.Symbol(re.sub("[0-9]+", away, s.name)) for s in value.free_symbols}))

    for part in walk(node):
        inner = ", ".join(made[c] for c in part.children)
        match part:
            case Var():
                made[part] = named(part.name)
            case Const():
                made[part] = number(part.value)
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
