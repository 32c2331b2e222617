"""A few steps of a model of open length, cut out of it: what holds in the window holds wherever the window lies.

A name defined outside is an input; every name that something outside reads gets a share of its cotangent from there, and
that share is an input too. The values and cotangents of the whole model are one choice of these inputs, so that an
equation between them which holds for all inputs of the window holds in every model that the window is part of.
"""

from __future__ import annotations

from dataclasses import replace

from ..algebra import add, hadamard, total
from ..expr import Expr, Var, names_in
from ..program import Equation, Program
from ..recurrence.levels import inlined, levels_of, terms_of
from ..views import substitute


class Window:
    """The steps `low` to `high` of a program; with `untied` (a name, a step), that step reads a copy of the name."""

    def __init__(self, program: Program, loss: str, low: int, high: int, untied: tuple[str, int] | None = None) -> None:
        self.whole, self.loss, self.levels = program, loss, levels_of(program)
        self.inside = {name for name, (_, level) in self.levels.items() if low <= level <= high}
        self.copy = f"{untied[0]} at {untied[1]}" if untied else ""
        self.kept: list[Equation] = []
        self.dropped: dict[str, Expr] = {}
        self.near: list[Expr] = []          # terms of the loss that read the window alone
        self.beyond: list[Expr] = []        # and those that read something outside
        self.place = 0
        for equation in inlined(program, loss, self.levels).equations:
            self.sort(equation, untied)
        self.program = self.made()

    def sort(self, equation: Equation, untied: tuple[str, int] | None) -> None:
        """Keep an equation, or drop it. Of the loss, a sum, the terms that read the window alone are kept."""
        if equation.name == self.loss:
            self.near = [t for t in terms_of(equation.expr) if not self.leaves(t)]
            self.beyond = [t for t in terms_of(equation.expr) if self.leaves(t)]
            self.place = len(self.kept)
        elif equation.name in self.inside if equation.name in self.levels else not self.leaves(equation.expr):
            if untied and self.levels.get(equation.name, ("", 0))[1] == untied[1] and untied[0] in names_in(equation.expr):
                var = names_in(equation.expr)[untied[0]]
                equation = equation._replace(expr=substitute(equation.expr, {untied[0]: Var(self.copy, var.shape)}))
            self.kept.append(equation)
        else:
            self.dropped[equation.name] = equation.expr

    def leaves(self, expr: Expr) -> bool:
        """Whether an expression reads something outside the window."""
        return any(name in self.dropped or name in self.levels and name not in self.inside for name in names_in(expr))

    def made(self) -> Program:
        later = {self.loss, *(e.name for e in self.kept[self.place:])}
        shares = {n: v for expr in (*self.dropped.values(), *self.beyond) for n, v in names_in(expr).items()
                  if n not in self.dropped and n not in later and not self.is_outside(n)}
        terms = [*self.near, *(total(hadamard(Var(f"from outside to {n}", v.shape), v)) for n, v in shares.items())]
        equations = [*self.kept[:self.place], *([Equation(self.loss, add(terms))] if terms else []), *self.kept[self.place:]]
        defined = {e.name for e in equations}
        read = {n: v for e in equations for n, v in names_in(e.expr).items() if n not in defined}
        inputs = {**self.whole.inputs, **read}
        return replace(self.whole, inputs=inputs, equations=tuple(equations), claims=(), outputs=(), length=None,
                       facts=tuple(f for f in self.whole.facts if f.name in inputs))

    def is_outside(self, name: str) -> bool:
        return name in self.levels and name not in self.inside

    def has_way_round(self, below: set[str]) -> bool:
        """Whether something outside is made of the window's names, or of those `below`, and read by the window again."""
        made_of: set[str] = set()
        own = {e.name for e in self.kept} | below
        for name, expr in self.dropped.items():
            if names_in(expr).keys() & (own | made_of):
                made_of.add(name)
        return any(names_in(e.expr).keys() & made_of for e in self.kept)
