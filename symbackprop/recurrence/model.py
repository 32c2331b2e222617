"""A model with loops as data: plain equations and loops in order; `unrolled` writes every step out for ranges that are given.

In a loop over l, `a[l]` is a state (defined in the body), `W[l]` one of a family of parameters (one per step), and
`x[t]` the t-th row of an array whose first axis the loop runs over. A loop may stand in a loop: `h[l,t]`.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from functools import cached_property

from ..errors import SymbackpropError, UnsupportedError, nearest
from ..expr import Expr, Var, names_in, show_shape
from ..program import Equation, Fact, Opening, Program
from .indexed import Index, moved, parts


@dataclass(frozen=True)
class Loop:
    """`for index in 1..high:` over the body, equations and loops; `step` is -1 where it runs down from `high` to 1.

    One that runs up may begin at another `first`, as texts do whose input is layer 1.
    """

    index: str
    high: str
    body: tuple[Equation | Loop, ...]
    step: int = 1
    first: int = 1

    @property
    def range(self) -> str:
        return f"{self.index} = {self.first}, …, {self.high}" if self.step > 0 else f"{self.index} = {self.high}, …, 1"

    @property
    def equations(self) -> tuple[Equation, ...]:
        """Those of the body and of the loops in it."""
        return tuple(e for e, _ in placed((self,)))

    @property
    def states(self) -> list[str]:
        """The bases of the names that the body defines, in order."""
        return list(dict.fromkeys(parts(e.name)[0] for e in self.equations))

    @property
    def last(self) -> Index:
        """The index of the step that is run last."""
        return self.from_end(0)

    def from_end(self, steps: int) -> Index:
        """The index that lies some steps before the one that is run last."""
        return Index(self.high, -steps) if self.step > 0 else Index("", 1 + steps)

    def before(self, steps: int) -> Index:
        """The index that lies some steps before the first: 0, -1, … or, in a loop that runs down, T+1, T+2, …"""
        return Index("", self.first - steps) if self.step > 0 else Index(self.high, steps)


Item = Equation | Loop


def joined(nets: Iterable[Program | Recurrent]) -> Recurrent:
    """Models as one, those without loops among them; what they share is there once.

    Raises `SymbackpropError` where a name means two things.
    """
    inputs: dict[str, Var] = {}
    items: dict[Item, None] = {}
    totals, facts, outputs = {}, {}, {}
    for net in nets:
        for name, var in net.inputs.items():
            if inputs.setdefault(name, var) is not var:
                raise SymbackpropError(f"{name} is {show_shape(inputs[name].shape)} and {show_shape(var.shape)}")
        items |= dict.fromkeys(net.items if isinstance(net, Recurrent) else net.equations)
        totals |= net.totals if isinstance(net, Recurrent) else {}
        facts |= dict.fromkeys(net.facts)
        outputs |= dict.fromkeys(net.outputs)
    names = [e.name for e, _ in placed(items)]
    if twice := next((name for k, name in enumerate(names) if name in inputs or name in names[:k]), None):
        raise SymbackpropError(f"{twice} is defined twice", hint="give each layer an index of its own")
    return Recurrent(inputs, tuple(items), totals, tuple(facts), outputs=tuple(outputs))


def placed(items: Iterable[Item], around: tuple[Loop, ...] = ()) -> Iterator[tuple[Equation, tuple[Loop, ...]]]:
    """Every equation with the loops that it stands in, from the outermost."""
    for item in items:
        if isinstance(item, Loop):
            yield from placed(item.body, (*around, item))
        else:
            yield item, around


@dataclass(frozen=True)
class Recurrent:
    """A model with loops. `inputs` are declared tensors: plain ones, starts (`h[0]`, `h[l,0]`) and families (`W[l]`).

    `claims` are statements that `reader`, who read the text, keeps until a length is known.
    `totals` maps the name that stands for a sum over loops (`Σe`, `Σe[l]`) to the state that is summed (`e[t]`, `e[l,t]`).
    """

    inputs: dict[str, Var]
    items: tuple[Item, ...]
    totals: dict[str, str] = field(default_factory=dict)
    facts: tuple[Fact, ...] = ()
    claims: tuple = ()
    names: dict[str, str] = field(default_factory=dict)
    notes: tuple[str, ...] = ()
    outputs: tuple[str, ...] = ()
    reader: object = field(default=None, compare=False, repr=False)

    def at_length(self, number: int) -> Program:
        """The plain program of one length, with the claims of the text, which it can tell at any other length."""
        from .claims import instance
        return instance(self.reader, self, number, Opening.CLOSED)

    @cached_property
    def all_loops(self) -> tuple[Loop, ...]:
        """The loops at any depth, in order."""
        return tuple(dict.fromkeys(loop for _, around in placed(self.items) for loop in around))

    @cached_property
    def loops(self) -> tuple[Loop, ...]:
        """The outermost loops."""
        return tuple(item for item in self.items if isinstance(item, Loop))

    @cached_property
    def nested(self) -> bool:
        """Whether a loop stands in a loop."""
        return len(self.all_loops) > len(self.loops) or any(len(parts(key)[1]) > 1 for key in self.keys)

    @cached_property
    def nests(self) -> dict[str, tuple[Loop, ...]]:
        """Defined name -> the loops around its equation."""
        return {e.name: around for e, around in placed(self.items)}

    @cached_property
    def loop_of(self) -> dict[str, Loop]:
        """State -> the outermost loop that defines it."""
        return {parts(name)[0]: around[0] for name, around in self.nests.items() if around and len(parts(name)[1]) == len(around)}

    @cached_property
    def by_letter(self) -> dict[str, Loop]:
        """Letter -> a loop that runs over it."""
        return {loop.index: loop for loop in reversed(self.all_loops)}

    @cached_property
    def highs(self) -> tuple[str, ...]:
        return tuple(dict.fromkeys(loop.high for loop in self.all_loops))

    @cached_property
    def families(self) -> dict[str, str]:
        """Base of a family -> the name that it is declared by (`W` -> `W[l]`)."""
        return {parts(name)[0]: name for name in self.inputs if (at := parts(name)[1]) and all(i.anchor and i.anchor not in self.highs for i in at)}

    @cached_property
    def by_row(self) -> dict[str, Loop]:
        """Array -> a loop that reads it row by row."""
        return {parts(name)[0]: self.by_letter[parts(name)[1][0].anchor] for name in self.rows}

    @cached_property
    def rows(self) -> dict[str, Var]:
        """The rows of arrays that loops read, `x[t]`."""
        return {name: var for e, _ in placed(self.items) for name, var in names_in(e.expr).items()
                if parts(name)[1] and parts(name)[0] in self.inputs}

    @cached_property
    def loop_over(self) -> dict[str, Loop]:
        """Family, or array that is read row by row -> a loop over its first index."""
        read = {parts(name)[0] for e, _ in placed(self.items) for name in names_in(e.expr)}
        return self.by_row | {base: self.by_letter[parts(name)[1][0].anchor] for base, name in self.families.items() if base in read}

    def facts_of_row(self, name: str) -> list[Fact]:
        """What the facts about an array say of its row `name`: ranges hold in it, and a sum along its only axis. Those about a
        family hold for each of its members."""
        row = self.key_of(name)
        if self.families.get(parts(name)[0]) == row:
            return [fact._replace(name=name) for fact in self.facts if fact.name == parts(row)[0]]
        axes = len(parts(row)[1])
        return [fact._replace(name=name, axis=None) for fact in self.facts if row in self.rows and fact.name == parts(row)[0] and (
            fact.kind in ("range", "binary", "index") or fact.kind == "sum" and fact.axis == axes and self.rows[row].rank == 1)]

    @cached_property
    def keys(self) -> dict[str, Var]:
        """What has one cotangent for every value of its letters: defined names, inputs, rows of arrays."""
        defined = {e.name: e.var for e, _ in placed(self.items)}
        return defined | {name: var for name, var in self.inputs.items() if name not in self.by_row} | self.rows

    @cached_property
    def keys_of(self) -> dict[str, list[str]]:
        """Base -> its keys, those with more numbers first."""
        found: dict[str, list[str]] = {}
        for key in sorted(self.keys, key=lambda k: len(self.letters(k)) - len(parts(k)[1])):
            found.setdefault(parts(key)[0], []).append(key)
        return found

    def letters(self, key: str) -> tuple[str, ...]:
        """The letters that a key runs over."""
        return tuple([i.anchor for i in parts(key)[1] if i.anchor in self.by_letter])

    def axes(self, key: str) -> tuple[Loop, ...]:
        """The loops that a key runs over: those around its equation, or some over its letters."""
        around = {loop.index: loop for loop in self.nests.get(key, ())}
        return tuple([around.get(letter, self.by_letter[letter]) for letter in self.letters(key)])

    def key_of(self, name: str) -> str:
        """The key that a name at any index belongs to: `h[L,t-1]` to `h[l,t]`, `h[0,t]` to itself where it is one."""
        base, indices = parts(name)
        for key in self.keys_of.get(base, ()):
            if all(mine == given for mine, given in zip(parts(key)[1], indices) if mine.anchor not in self.by_letter):
                return key
        return name

    def output(self, name: str) -> Var:
        """A result: an equation's, or a state at its last step."""
        key = self.key_of(name)
        made = self.keys[key]
        for mine, given in zip(parts(key)[1], parts(name)[1]):
            made = moved(made, mine.anchor, given) if mine.anchor in self.by_letter and mine != given else made
        return Var(name, made.shape)

    @property
    def equations(self) -> tuple[Equation, ...]:
        """What asks for the equations of a plain program cannot do with loops yet, and says so."""
        raise UnsupportedError("this is not done for models with loops yet: write the steps out")

    def expressions(self) -> list[Expr]:
        return [e.expr for e, _ in placed(self.items)]

    def summed(self, total: str) -> tuple[Loop, ...]:
        """The loops that a total sums over."""
        key = self.totals[total]
        left = self.letters(total)
        return tuple([loop for loop in self.axes(key) if loop.index not in left])

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
