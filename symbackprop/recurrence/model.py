"""A model with loops as data: plain equations and loops in order; `unrolled` writes every step out for ranges that are given.

In a loop over l, `a[l]` is a state (defined in the body), `W[l]` one of a family of parameters (one per step), and
`x[t]` the t-th row of an array whose first axis the loop runs over.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property

from ..errors import SymbackpropError, UnsupportedError, nearest
from ..expr import Expr, Var, names_in
from ..program import Equation, Fact
from .indexed import Index, parts


@dataclass(frozen=True)
class Loop:
    """`for index in 1..high:` over the equations of the body; `step` is -1 where the loop runs down from `high` to 1."""

    index: str
    high: str
    equations: tuple[Equation, ...]
    step: int = 1

    @property
    def range(self) -> str:
        return f"{self.index} = 1, …, {self.high}" if self.step > 0 else f"{self.index} = {self.high}, …, 1"

    @property
    def states(self) -> list[str]:
        """The bases of the names that the body defines, in order."""
        return [parts(e.name)[0] for e in self.equations]

    @property
    def last(self) -> Index:
        """The index of the step that is run last."""
        return Index(self.high) if self.step > 0 else Index("", 1)

    def before(self, steps: int) -> Index:
        """The index that lies some steps before the first: 0, -1, … or, in a loop that runs down, T+1, T+2, …"""
        return Index("", 1 - steps) if self.step > 0 else Index(self.high, steps)


@dataclass(frozen=True)
class Recurrent:
    """A model with loops. `inputs` are declared tensors: plain ones, starts (`h[0]`) and families (`W[l]`).

    `totals` maps the name that stands for a sum over a loop (`Σe[t]`) to the state that is summed.
    """

    inputs: dict[str, Var]
    items: tuple[Equation | Loop, ...]
    totals: dict[str, str] = field(default_factory=dict)
    facts: tuple[Fact, ...] = ()
    claims: tuple = ()
    names: dict[str, str] = field(default_factory=dict)
    notes: tuple[str, ...] = ()

    @cached_property
    def loops(self) -> tuple[Loop, ...]:
        return tuple(item for item in self.items if isinstance(item, Loop))

    @cached_property
    def loop_of(self) -> dict[str, Loop]:
        """State -> the loop that defines it."""
        return {state: loop for loop in self.loops for state in loop.states}

    @cached_property
    def highs(self) -> tuple[str, ...]:
        return tuple(dict.fromkeys(loop.high for loop in self.loops))

    @cached_property
    def families(self) -> dict[str, str]:
        """Base of a family -> the name that it is declared by (`W` -> `W[l]`)."""
        return {parts(name)[0]: name for name in self.inputs
                if (at := parts(name)[1]) is not None and at.anchor and at.anchor not in self.highs}

    @cached_property
    def loop_over(self) -> dict[str, Loop]:
        """Family, or array that is read row by row -> a loop that reads it."""
        return {base: loop for loop in self.loops for e in loop.equations for name in names_in(e.expr)
                if (base := parts(name)[0]) in self.families or base in self.inputs and parts(name)[1] is not None}

    @cached_property
    def by_row(self) -> dict[str, Loop]:
        """Array -> a loop that reads it row by row."""
        return {base: loop for base, loop in self.loop_over.items() if base not in self.families}

    @property
    def equations(self) -> tuple[Equation, ...]:
        """What asks for the equations of a plain program cannot do with loops yet, and says so."""
        raise UnsupportedError("this is not done for models with loops yet: write the steps out")

    def expressions(self) -> list[Expr]:
        return [e.expr for item in self.items for e in (item.equations if isinstance(item, Loop) else (item,))]

    def loss(self, wanted: str | None = None) -> str:
        """The name of the loss: `wanted`, or the one plain scalar that nothing reads."""
        plain = {item.name: item for item in self.items if isinstance(item, Equation)}
        if wanted is not None:
            if wanted not in plain or plain[wanted].expr.shape:
                raise SymbackpropError(f"there is no scalar {wanted!r} outside the loops", hint=nearest(wanted, plain))
            return wanted
        read = {name for expr in self.expressions() for name in names_in(expr)}
        free = [name for name, e in plain.items() if not e.expr.shape and name not in read]
        if len(free) != 1:
            raise SymbackpropError("there is no single loss: name it with --loss (loss= in Python)" if free else
                                   "there is no loss: no equation outside the loops defines a scalar that nothing reads")
        return free[0]


