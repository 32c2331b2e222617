"""The steps that the names of one instance of a model of open length belong to, and its loss as a sum of terms."""

from __future__ import annotations

import re
from dataclasses import replace

from ..algebra import contract
from ..expr import Add, Const, Contract, Expr, names_in
from ..program import Program
from ..views import substitute

Levels = dict[str, tuple[str, int]]  # name -> its family, and the step that it belongs to
NUMBERED = re.compile(r"(?P<base>.*?[^\d])_?(?P<step>\d+)\Z")  # `h_3` is of h, and so is `h3`


def without_step(name: str) -> str:
    """The name of the family: h for `h_3`."""
    match = NUMBERED.match(name)
    return match["base"] if match else name


def levels_of(program: Program) -> Levels:
    """The steps of all names: those that the reader knew, and those of what stands for a part of an equation."""
    found = dict(program.length.levels)
    readers: dict[str, list[str]] = {}
    for equation in reversed(program.equations):
        by = readers.get(equation.name, [])
        if equation.name not in found and len(by) == 1 and by[0] in found:
            family, level = found[by[0]]
            found[equation.name] = f"inside {family}", level
        for name in names_in(equation.expr):
            readers.setdefault(name, []).append(equation.name)
    return found


def inlined(program: Program, loss: str, levels: Levels) -> Program:
    """The program with the scalars that belong to no step and that the loss alone reads written into the loss."""
    readers: dict[str, set[str]] = {}
    for e in program.equations:
        for name in names_in(e.expr):
            readers.setdefault(name, set()).add(e.name)
    inner = {e.name for e in program.equations if not e.expr.shape and e.name not in levels and readers.get(e.name) == {loss}}
    known: dict[str, Expr] = {}
    kept = []
    for e in program.equations:
        if e.name in inner:
            known[e.name] = e.expr
        else:
            kept.append(e._replace(expr=substitute(e.expr, known)) if e.name == loss else e)
    return replace(program, equations=tuple(kept))


def terms_of(expr: Expr) -> list[Expr]:
    """The terms of a sum, a number before it multiplied in."""
    if type(expr) is Add:
        return [t for term in expr.children for t in terms_of(term)]
    if type(expr) is Contract and not expr.output:
        sums = [k for k, o in enumerate(expr.operands) if type(o) is Add]
        if len(sums) == 1 and all(type(o) is Const for k, o in enumerate(expr.operands) if k != sums[0]):
            at = sums[0]
            return [t for term in expr.operands[at].children
                    for t in terms_of(contract((*expr.operands[:at], term, *expr.operands[at + 1:]), expr.inputs, expr.output))]
    return [expr]
