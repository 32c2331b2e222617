"""The sweep through loops: each state's adjoint recurrence, with its boundary cases, and the gradients it leaves behind.

A read of `r[l-k]` at step l gives `r` a share at step l that comes from step l+k, where there is such a step: the last
k steps lack it. So the cotangents of the last steps are cases of their own, and all before them are one equation. In a loop
inside a loop each index has its cases.
"""

from __future__ import annotations

import itertools
from collections import defaultdict
from collections.abc import Iterator
from typing import NamedTuple

from ..algebra import ONE, add, zero
from ..expr import Expr, Var, names_in, walk
from ..program import Equation
from ..reverse import bar, contributions
from ..views import substitute
from .indexed import Index, moved, moved_name, named, parts
from .model import Item, Loop, Recurrent, placed


class Summand(NamedTuple):
    """A share of a cotangent that every step of some loops adds."""

    loops: tuple[Loop, ...]
    expr: Expr


class Summed(NamedTuple):
    """`name` = the shares of every step, and `rest` where something outside those loops adds to it."""

    name: str
    sums: tuple[Summand, ...]
    rest: Expr | None
    shape: tuple


class Case(NamedTuple):
    """The cotangents of one step from the end (`back` of 0 is the last one), or of every step before those (None)."""

    back: int | None
    entries: tuple[Entry, ...]

    @property
    def equations(self) -> tuple[Equation, ...]:
        """Every equation of the case; of a sum over steps, its shares."""
        return tuple(e for entry in self.entries for e in equations_of(entry))


class Swept(NamedTuple):
    """The reverse of a loop: cases, from the last step to the first; `lag` of them are for single steps."""

    loop: Loop
    lag: int
    cases: tuple[Case, ...]


class Each(NamedTuple):
    """A cotangent for each step of some loops: of one of a family, or of a row of an array."""

    loops: tuple[Loop, ...]
    entry: Equation | Summed


Entry = Equation | Swept | Summed | Each


def equations_of(entry: Entry) -> Iterator[Equation]:
    """Every equation of an entry once, whatever it belongs to (a sum over steps as one of its shares)."""
    match entry:
        case Swept():
            for case in entry.cases:
                yield from case.equations
        case Summed():
            yield from (Equation(entry.name, s.expr) for s in entry.sums)
            yield from [Equation(entry.name, entry.rest)] if entry.rest is not None else []
        case Each():
            yield from equations_of(entry.entry)
        case Equation():
            yield entry


class Share(NamedTuple):
    """What a reader adds to a cotangent: for each letter of its key how many steps later the reader is (None: only the last
    step is read), the loops that it is summed over, and the term at the key's own letters."""

    lags: dict[str, int | None]
    sums: tuple[Loop, ...]
    expr: Expr


class Adjoint:
    """The backward part of a model with loops: `entries` in the order derived."""

    def __init__(self, model: Recurrent, loss: str, wrt: tuple[str, ...], primes: str = "output") -> None:
        self.model, self.loss, self.wrt, self.primes = model, loss, wrt, primes
        self.shares: dict[str, list[Share]] = defaultdict(list, {loss: [Share({}, (), ONE)]})
        self.unwanted = {key for key in model.keys if self.declared(key) in model.inputs and self.declared(key) not in wrt}
        self.entries: list[Entry] = []
        self.nothing: set[str] = set()  # cotangents of states that nothing reads, such as one of the last step
        for item in reversed(model.items):
            self.through_loop(item) if isinstance(item, Loop) else self.through_equation(item)
        self.close()

    def declared(self, key: str) -> str:
        """The input that a key belongs to: the array of a row, or itself."""
        return parts(key)[0] if key in self.model.rows else key

    def wanted(self, names: object) -> set[str]:
        """The names whose cotangent matters somewhere."""
        return {name for name in names if self.key(name) not in self.unwanted}

    def key(self, name: str) -> str:
        return self.model.totals.get(name) or self.model.key_of(name)

    def through_equation(self, equation: Equation) -> None:
        if self.shares.get(equation.name):
            self.entries.append(self.closed(equation.name, {}))
            seed = ONE if equation.name == self.loss else Var(bar(equation.name), equation.expr.shape)
            self.read(equation, (), seed)

    def read(self, equation: Equation, around: tuple[Loop, ...], seed: Expr) -> None:
        """Give every name that an equation reads its share."""
        order = walk(equation.expr)
        found = contributions(equation, order, seed, self.wanted(names_in(equation.expr)), self.primes)
        for name, term in reversed(found):
            key = self.key(name)
            lags = self.lags(name, key)
            for loop in self.model.axes(key):
                if lags[loop.index]:
                    term = moved(term, loop.index, Index(loop.index, lags[loop.index] * loop.step))
            read = {index.anchor for index in parts(name)[1]}
            self.shares[key].insert(0, Share(lags, tuple(loop for loop in around if loop.index not in read), term))

    def lags(self, name: str, key: str) -> dict[str, int | None]:
        """For each letter of a key how many steps before its reader it is read, or None where its last step is."""
        loops = self.model.axes(key)
        if name in self.model.totals:
            return {loop.index: 0 for loop in loops}
        at = dict(zip((index.anchor for index in parts(key)[1]), parts(name)[1]))
        return {loop.index: -at[loop.index].offset * loop.step if at[loop.index].anchor == loop.index else None for loop in loops}

    def live(self, loop: Loop) -> set[str]:
        """The names of a loop that the loss depends on."""
        reads = {e.name: {self.key(name) for name in names_in(e.expr)} for e in loop.equations}
        found = {name for name in reads if self.shares[name]}
        while more := {n for name in found for n in reads[name] if n in reads} - found:
            found |= more
        return found

    def through_loop(self, loop: Loop) -> None:
        live = self.live(loop)
        for equation, around in reversed(list(placed((loop,)))):
            if equation.name in live:
                self.read(equation, around, Var(bar(equation.name), equation.expr.shape))
        if live:
            self.entries.append(self.swept(loop, {}, live))
        for equation in reversed(loop.equations):
            if equation.name in live:
                self.leave_starts(equation.name)

    def swept(self, loop: Loop, at: dict[str, tuple[Loop, int | None]], live: set[str]) -> Swept:
        """The reverse of a loop, where the loops around it are at the cases `at`."""
        shares = [s for e in loop.equations if e.name in live for s in self.valid(e.name, at)]
        lag = max((1 if s.lags[loop.index] is None else s.lags[loop.index] for s in shares), default=0)
        cases = []
        for back in (*range(lag), None):
            here = at | {loop.index: (loop, back)}
            entries: list[Entry] = []
            nothing: dict[str, Expr] = {}
            for item in reversed(loop.body):
                if is_live(item, live):
                    made = self.swept(item, here, live) if isinstance(item, Loop) else self.closed(item.name, here)
                    if isinstance(made, Equation):
                        made = made._replace(expr=substitute(made.expr, nothing)) if nothing else made
                        nothing |= {made.name: made.expr} if made.expr is zero(made.expr.shape) else {}
                    entries.append(made)
            self.nothing |= nothing.keys()
            cases.append(Case(back, tuple(entries)))
        return Swept(loop, lag, tuple(cases))

    def valid(self, key: str, at: dict[str, tuple[Loop, int | None]]) -> list[Share]:
        """The shares of a key that are there at some cases: those of steps beyond the end are not."""
        def there(lag: int | None, back: int | None) -> bool:
            return back == 0 if lag is None else back is None or lag <= back
        found = [s for s in self.shares[key] if all(there(s.lags[letter], back) for letter, (_, back) in at.items() if letter in s.lags)]
        return sorted(found, key=lambda s: None not in s.lags.values())  # what reads the last step only comes first

    def closed(self, key: str, at: dict[str, tuple[Loop, int | None]]) -> Equation | Summed:
        """The cotangent of a key at some cases, all its shares being known."""
        shares, var = self.valid(key, at), self.model.keys[key]
        places = {letter: loop.from_end(back) for letter, (loop, back) in at.items() if back is not None}
        here = lambda node: at_places(node, places)
        name = bar(key)
        for letter, place in places.items():
            name = moved_name(name, letter, place)
        rest = [here(s.expr) for s in shares if not s.sums]
        sums = tuple(Summand(s.sums, here(s.expr)) for s in shares if s.sums)
        shape = here(var).shape
        if sums:
            return Summed(name, sums, add(rest) if rest else None, shape)
        return Equation(name, add(rest) if rest else zero(shape))

    def leave_starts(self, key: str) -> None:
        """The shares of `r[0]`, `r[-1]`, …: those of the steps that read so far back."""
        base, loops = parts(key)[0], self.model.axes(key)
        left: dict[str, list[Share]] = {}
        for share in self.shares[key]:
            reach = [range(1 + (share.lags[loop.index] or 0)) for loop in loops]
            for steps in itertools.product(*reach):
                places = {loop.index: loop.before(count) for loop, count in zip(loops, steps) if count}
                name = named(base, tuple([places.get(index.anchor, index) for index in parts(key)[1]]))
                if places and name in self.model.keys and name not in self.unwanted:
                    lags = {letter: lag for letter, lag in share.lags.items() if letter not in places}
                    left.setdefault(name, []).append(Share(lags, share.sums, at_places(share.expr, places)))
        for name, shares in left.items():
            self.shares[name] = [*shares, *self.shares[name]]

    def close(self) -> None:
        """The gradients of what is declared, in the order of the declarations."""
        for name in self.wrt:
            key = next((row for row in self.model.rows if parts(row)[0] == name), name)
            loops = self.model.axes(key)
            if not loops:
                self.entries.append(self.closed(key, {}))
            elif any(lag != 0 for share in self.shares[key] for lag in share.lags.values()):
                nest: Item = Equation(key, self.model.keys[key])
                for loop in reversed(loops):
                    nest = Loop(loop.index, loop.high, (nest,), loop.step, loop.first)
                self.entries.append(self.swept(nest, {}, {key}))
            else:
                self.entries.append(Each(loops, self.closed(key, {})))

    def equations(self) -> Iterator[Equation]:
        """Every equation once, whatever it belongs to (a sum over steps as one of its shares)."""
        for entry in self.entries:
            yield from equations_of(entry)


def is_live(item: Item, live: set[str]) -> bool:
    return any(e.name in live for e in item.equations) if isinstance(item, Loop) else item.name in live


def at_places(node: Expr, places: dict[str, Index]) -> Expr:
    """`node` with letters replaced."""
    for letter, place in places.items():
        node = moved(node, letter, place)
    return node
