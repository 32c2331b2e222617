"""The sweep through loops: each state's adjoint recurrence, with its boundary cases, and the gradients it leaves behind.

A read of `r[l-k]` at step l gives `r` a share at step l that comes from step l+k, where there is such a step: the last
k steps lack it. So the cotangents of the last steps are cases of their own, and all before them are one equation.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from typing import NamedTuple

from ..algebra import ONE, add, zero
from ..expr import Expr, Var, names_in, walk
from ..program import Equation
from ..reverse import bar, contributions
from .indexed import Index, moved, named, parts
from .model import Loop, Recurrent


class Case(NamedTuple):
    """The cotangents of one step from the end (`back` of 0 is the last one), or of every step before those (None)."""

    back: int | None
    equations: tuple[Equation, ...]


class Swept(NamedTuple):
    """The reverse of a loop: cases, from the last step to the first; `lag` of them are for single steps."""

    loop: Loop
    lag: int
    cases: tuple[Case, ...]


class Summand(NamedTuple):
    """A share of a cotangent that every step of a loop adds."""

    loop: Loop
    expr: Expr


class Summed(NamedTuple):
    """`name` = the shares of every step, and `rest` where something outside the loops adds to it."""

    name: str
    sums: tuple[Summand, ...]
    rest: Expr | None
    shape: tuple


class Each(NamedTuple):
    """A cotangent for each step: of one of a family, or of a row of an array."""

    loop: Loop
    equation: Equation


Entry = Equation | Swept | Summed | Each


class Adjoint:
    """The backward part of a model with loops: `entries` in the order derived."""

    def __init__(self, model: Recurrent, loss: str, wrt: tuple[str, ...], primes: str = "output") -> None:
        self.model, self.loss, self.wrt, self.primes = model, loss, wrt, primes
        self.plain: dict[str, list[Expr | Summand]] = defaultdict(list, {loss: [ONE]})
        self.steps: dict[str, list[tuple[int, Expr]]] = defaultdict(list)   # base -> (lag, its share at the running index)
        self.ends: dict[str, list[Expr]] = defaultdict(list)                # base -> shares at the end of its range
        self.unwanted = {parts(name)[0] if name in model.families.values() else name for name in model.inputs if name not in wrt}
        self.entries: list[Entry] = []
        for item in reversed(model.items):
            self.through_loop(item) if isinstance(item, Loop) else self.through_equation(item)
        self.close()

    def wanted(self, names: object) -> set[str]:
        """The names whose cotangent matters somewhere."""
        return {name for name in names if name not in self.unwanted and parts(name)[0] not in self.unwanted}

    def through_equation(self, equation: Equation) -> None:
        if not self.plain.get(equation.name):
            return
        self.entries.append(self.closed(equation.name, equation.var))
        seed = ONE if equation.name == self.loss else Var(bar(equation.name), equation.expr.shape)
        for name, term in reversed(self.shares(equation, seed)):
            base, index = parts(name)
            if name in self.model.totals:
                self.steps[self.model.totals[name]].insert(0, (0, term))
            elif index is not None and base in self.model.loop_of and index == self.model.loop_of[base].last:
                self.ends[base].insert(0, term)
            else:
                self.plain[name].insert(0, term)

    def shares(self, equation: Equation, seed: Expr) -> list[tuple[str, Expr]]:
        order = walk(equation.expr)
        return contributions(equation, order, seed, self.wanted(names_in(equation.expr)), self.primes)

    def live(self, loop: Loop) -> set[str]:
        """The states that the loss depends on."""
        found = {base for base in loop.states if self.steps[base] or self.ends[base]}
        while True:
            more = {parts(n)[0] for e in loop.equations if parts(e.name)[0] in found for n in names_in(e.expr)}
            more = (more & set(loop.states)) - found
            if not more:
                return found
            found |= more

    def through_loop(self, loop: Loop) -> None:
        live = self.live(loop)
        own = [e for e in reversed(loop.equations) if parts(e.name)[0] in live]
        for equation in own:
            for name, term in reversed(self.shares(equation, Var(bar(equation.name), equation.expr.shape))):
                self.share_of_step(loop, name, term)
        lags = [lag for e in own for lag, _ in self.steps[parts(e.name)[0]]]
        ending = any(self.ends[parts(e.name)[0]] for e in own)
        lag = max([*lags, int(ending)], default=0)
        cases = [Case(back, tuple([self.at_end(e, back, loop) for e in own])) for back in range(lag)]
        cases.append(Case(None, tuple([self.in_general(e) for e in own])))
        self.entries.append(Swept(loop, lag, tuple(cases)))
        for equation in own:
            self.leave_starts(loop, parts(equation.name)[0])

    def share_of_step(self, loop: Loop, name: str, term: Expr) -> None:
        """What one step gives to a name that it reads."""
        base, index = parts(name)
        if index is None:
            self.plain[name].insert(0, Summand(loop, term))
        elif index.anchor != loop.index:
            self.plain[name].insert(0, Summand(loop, term))
        else:
            lag = -index.offset * loop.step
            self.steps[base].insert(0, (lag, moved(term, loop.index, Index(loop.index, -index.offset))))

    def at_end(self, equation: Equation, back: int, loop: Loop) -> Equation:
        """The cotangent `back` steps before the end: the shares of steps beyond the end are not there."""
        base = parts(equation.name)[0]
        here = Index(loop.high, -back) if loop.step > 0 else Index("", 1 + back)
        terms = list(self.ends[base]) if back == 0 else []
        terms += [moved(term, loop.index, here) for lag, term in self.steps[base] if lag <= back]
        made = moved(equation.var, loop.index, here)
        return Equation(bar(made.name), add(terms) if terms else zero(made.shape))

    def in_general(self, equation: Equation) -> Equation:
        terms = [term for _, term in self.steps[parts(equation.name)[0]]]
        return Equation(bar(equation.name), add(terms) if terms else zero(equation.expr.shape))

    def leave_starts(self, loop: Loop, base: str) -> None:
        """The shares of `r[0]`, `r[-1]`, …: those of the steps that read so far back."""
        reach = max((lag for lag, _ in self.steps[base]), default=0)
        for steps in range(1, reach + 1):
            at = loop.before(steps)
            name = named(base, at)
            terms = [moved(term, loop.index, at) for lag, term in self.steps[base] if lag >= steps]
            if name not in self.unwanted:
                self.plain[name] = [*terms, *self.plain[name]]

    def closed(self, name: str, var: Var) -> Entry:
        """The cotangent of a plain name, all its shares being known."""
        terms = self.plain.pop(name, [])
        sums = tuple(term for term in terms if isinstance(term, Summand))
        rest = [term for term in terms if not isinstance(term, Summand)]
        if sums:
            return Summed(bar(name), sums, add(rest) if rest else None, var.shape)
        return Equation(bar(name), add(rest) if rest else zero(var.shape))

    def close(self) -> None:
        """The gradients of what is declared, in the order of the declarations."""
        for name in self.wrt:
            base, var = parts(name)[0], self.model.inputs[name]
            loop = self.model.loop_over.get(base) if name in (base, self.model.families.get(base)) else None
            if loop is None:
                self.entries.append(self.closed(name, var))
                continue
            terms = [term for _, term in self.steps[base]]
            shape = var.shape if base in self.model.families else var.shape[1:]
            self.entries.append(Each(loop, Equation(bar(named(base, Index(loop.index))), add(terms) if terms else zero(shape))))

    def equations(self) -> Iterator[Equation]:
        """Every equation once, whatever it belongs to (a sum over steps as one of its shares)."""
        for entry in self.entries:
            match entry:
                case Swept():
                    for case in entry.cases:
                        yield from case.equations
                case Summed():
                    yield from (Equation(entry.name, s.expr) for s in entry.sums)
                    yield from [Equation(entry.name, entry.rest)] if entry.rest is not None else []
                case Each():
                    yield entry.equation
                case Equation():
                    yield entry
