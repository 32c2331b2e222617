"""Loops as JAX: `jax.lax.scan` forward and, reversed, backward; pure functions for `jax.jit` and `jax.vmap`.

Values of all steps are stacked along a first axis. The boundary cases stand before the backward scan, which runs over the
other steps. A loop whose sizes differ from step to step cannot be stacked: it is a Python loop over lists.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from ..codegen.frame import mentions
from ..codegen.layout import wrapped
from ..expr import names_in
from ..program import Equation
from ..reverse import bar, is_bar
from ..targets import Options
from .adjoint import Adjoint, Each, Summand, Swept, equations_of
from .blocks import Target
from .indexed import Index, Indices, flat, named, parts
from .model import Item, Loop
from .rooms import Room
from .stacked import JaxModule, tupled


class Steps(NamedTuple):
    """What a scan runs over: steps 1 + `skip` to high − `drop`, from the last to the first if `back`."""

    loop: Loop
    skip: int = 0
    drop: int = 0
    back: bool = False

    @property
    def length(self) -> str:
        less = self.skip + self.drop
        return f"{self.loop.high} - {less}" if less else self.loop.high


class ScanModule(JaxModule):
    """Writes one JAX module whose loops stand side by side."""

    def __init__(self, adjoint: Adjoint, options: Options = Options()) -> None:
        super().__init__(adjoint, options)
        self.lists = self.ragged()
        self.outside = self.read_outside()

    def high_of(self, base: str) -> str:
        return (self.model.loop_of.get(base) or self.model.loop_over[base]).high

    def room(self, name: str) -> tuple[Room, Indices]:
        """A stack begins with the starts, a stack of cotangents with step 1."""
        room, indices = super().room(name)
        if room.loops and room.loops[0].high not in self.lists and not is_bar(name) and parts(name)[0] in self.model.loop_of:
            return room._replace(shifts=(len(self.ends(parts(name)[0], low=True)) - 1,)), indices
        return room._replace(shifts=(-1,)) if room.loops and room.loops[0].high not in self.lists else room, indices

    def first(self, base: str, cotangent: bool) -> int:
        """The step that the first entry of a stack is of."""
        return 1 if cotangent or base not in self.model.loop_of else 1 - len(self.ends(base, low=True))

    def ends(self, base: str, low: bool) -> list[str]:
        """The starts of a state before its first entry, or those behind its last, in order."""
        names = [n for n in (*self.model.inputs, *(e.name for e in self.model.items if isinstance(e, Equation))) if flat(n)[0] == base]
        return sorted((n for n in names if bool(flat(n)[1].anchor) != low), key=lambda n: flat(n)[1].offset)

    def read_outside(self) -> set[str]:
        """The bases of values, and of cotangents, that are read from a whole stack and not only in their own scan."""
        found = {flat(key)[0] for key in self.model.totals.values()}
        for item in self.model.items:
            own = set(item.states) if isinstance(item, Loop) else set()
            found |= self.bases(item.equations if isinstance(item, Loop) else (item,)) - own
        for entry in self.adjoint.entries:
            own = {bar(state) for state in entry.loop.states} if isinstance(entry, Swept) else set()
            found |= self.bases(tuple(equations_of(entry))) - own
        return found

    def bases(self, equations: Iterator[Equation] | tuple[Equation, ...]) -> set[str]:
        return {flat(name)[0] for e in equations for name in names_in(e.expr) if self.element(name)}

    # one scan

    def targets(self, equations: tuple[Equation, ...]) -> list[Target]:
        return [(self.local(e.name), e.expr) for e in equations]

    def rows(self, targets: list[Target], steps: Steps, carried: set[str]) -> dict[str, str]:
        """Word -> the part of a stack that holds its value at every step."""
        own, found = {word for word, _ in targets}, {}
        for name in dict.fromkeys(name for _, expr in targets for name in names_in(expr)):
            base, index = flat(name)
            if index is None or index.anchor != steps.loop.index or (word := self.local(name)) in own | carried:
                continue
            cotangent = is_bar(base)
            plain = base.lstrip("∂")
            first = self.first(plain, cotangent)
            start, stop = 1 + steps.skip + index.offset - first, index.offset - steps.drop - first + 1
            stack = self.names.word(plain, "d_" if cotangent else "")
            behind = 0 if cotangent or plain not in self.model.loop_of else len(self.ends(plain, low=False))
            high = steps.loop.high + (f" {'+' if stop > 0 else '-'} {abs(stop)}" if stop else "")
            found[word] = f"{stack}[{start or ''}{' ' * bool(start and stop)}:{' ' * bool(stop)}{high}]" if start or stop != behind - first + 1 else stack
        return found

    def scanned(self, name: str, steps: Steps, targets: list[Target], carry: dict[str, tuple[str, str]], outs: list[str], stacks: list[str],
                lasts: list[str]) -> list[str]:
        """A scan: `carry` is word -> (its first value, what it is in the next step), `outs` are stacked under `stacks`."""
        function, carried, row = self.names.fresh(("scan", name), name), self.names.fresh(("carry",), "carry"), self.names.fresh(("row",), "row")
        rows = self.rows(targets, steps, set(carry))
        known = {*self.bound, *rows, *carry}
        read = {word: source for word, source in self.reading(targets).items() if word not in known}
        results = [word for word, _ in targets if mentions([*outs, *(new for _, new in carry.values())], word)]
        body, letter = self.computed(targets, known | read.keys(), 8, results), steps.loop.index
        before = [f"    {word} = {source}" for word, source in read.items() if mentions(body, word)]
        self.bound |= {word for word in read if mentions(body, word)}
        rows = {word: source for word, source in rows.items() if mentions(body, word)}
        if mentions(body, letter):
            rows[letter] = f"jnp.arange({1 + steps.skip}, {steps.loop.high} + {1 - steps.drop}).astype(dtype)"
        lines = [*before, f"    def {function}({carried}, {row}):"]
        lines += wrapped(f"{tupled(list(carry))} = {carried}", 8) if carry else []
        lines += wrapped(f"{tupled(list(rows))} = {row}", 8) if rows else []
        lines += body
        lines += wrapped(f"return {tupled([new for _, new in carry.values()])}, {tupled(outs) if outs else 'None'}", 8)
        got = f"{tupled(lasts) if lasts else '_'}, {tupled(stacks) if stacks else '_'}"
        given = [function, tupled([first for first, _ in carry.values()]), tupled(list(rows.values()))]
        given += [] if rows else [f"length={steps.length}"]
        return ["", *lines, "", *wrapped(f"{got} = jax.lax.scan({', '.join(given)}{', reverse=True' * steps.back})", 4)]

    def carry_of(self, loop: Loop, equations: tuple[Equation, ...], base: str, sign: int, first: list[str]) -> dict[str, tuple[str, str]]:
        """The values of a base that a step has from the steps that were run before it; `first[0]` is the nearest."""
        reach = max((sign * flat(n)[1].offset for e in equations for n in names_in(e.expr)
                     if flat(n)[0] == base and flat(n)[1] is not None and flat(n)[1].anchor == loop.index), default=0)
        words = [self.local(named(base, Index(loop.index, sign * k))) for k in range(reach + 1)]
        return {words[k]: (first[k - 1], words[k - 1]) for k in range(1, reach + 1)}

    # entries

    def new_states(self, bases: list[str], known: set[str]) -> list[str]:
        return super().new_states([base for base in bases if self.high_of(base) in self.lists], known)

    def items(self, items: tuple[Item, ...], indent: int, known: set[str]) -> list[str]:
        [loop] = items if len(items) == 1 else [None]
        return self.looped(loop) if isinstance(loop, Loop) and loop.high not in self.lists else super().items(items, indent, known)

    def totals(self, made: set[str]) -> list[str]:
        return super().totals({name for name in made if self.high_of(parts(name)[0]) in self.lists})

    def looped(self, loop: Loop) -> list[str]:
        """A scan forward."""
        carry: dict[str, tuple[str, str]] = {}
        for state in loop.states:
            starts = [*reversed(self.ends(state, True))] if loop.step > 0 else self.ends(state, False)
            carry |= self.carry_of(loop, loop.equations, state, -loop.step, [self.names.start(n) for n in starts])
        kept = [e for e in loop.equations if flat(e.name)[0] in self.outside]
        stacks = [self.names.word(flat(e.name)[0]) for e in kept]
        lines = self.scanned(f"forward_{loop.index}", Steps(loop, back=loop.step < 0), self.targets(loop.equations), carry,
                             [self.local(e.name) for e in kept], stacks, [])
        lines += [f"    {self.local(total)} = {self.names.word(state)}.sum(axis=0)" for total, key in self.model.totals.items()
                  if (state := flat(key)[0]) in loop.states]
        for e, stack in zip(kept, stacks):
            base = flat(e.name)[0]
            lines += self.joined(stack, [self.names.start(n) for n in self.ends(base, True)],
                                 [self.names.start(n) for n in self.ends(base, False)])
        return lines

    def joined(self, stack: str, before: list[str], behind: list[str]) -> list[str]:
        """A stack with single values before and behind it."""
        if not before and not behind:
            return []
        items = [*(f"{w}[None]" for w in before), stack, *(f"{w}[None]" for w in behind)]
        return wrapped(f"{stack} = jnp.concatenate([{', '.join(items)}])", 4)

    def new_cotangents(self, equations: list[Equation]) -> list[str]:
        return super().new_cotangents([e for e in equations if self.element(e.name) and self.room(e.name)[0].loops[0].high in self.lists])

    def swept(self, entry: Swept, indent: int, known: set[str]) -> list[str]:
        return super().swept(entry, indent, known) if entry.loop.high in self.lists else self.swept_scan(entry)

    def each(self, entry: Each, indent: int, known: set[str]) -> list[str]:
        return super().each(entry, indent, known) if entry.loops[0].high in self.lists else self.each_scan(entry)

    def step_by_step(self, left: Summand, word: str, name: str, indent: int, known: set[str]) -> list[str]:
        """Shares added up in a scan."""
        if left.loops[0].high in self.lists:
            return super().step_by_step(left, word, name, indent, known)
        new = self.names.fresh(("share", word), f"{word}_share")
        return self.scanned(name, Steps(left.loops[0]), [(new, left.expr)], {word: (word, f"{word} + {new}")}, [], [], [word])

    def swept_scan(self, entry: Swept) -> list[str]:
        """The boundary cases, then a scan over the steps before them."""
        loop, lag, cases = entry
        general, lines, carry = cases[-1].equations, [], {}
        for e in general:
            last = [bar(named(flat(e.name)[0].lstrip("∂"), loop.from_end(lag - k))) for k in range(1, lag + 1)]
            carry |= self.carry_of(loop, general, flat(e.name)[0], loop.step, [self.local(n) for n in last])
        kept = [e for e in general if flat(e.name)[0] in self.outside]
        read = {n for case in (*self.cases(), *self.plain()) for n in names_in(case.expr)}
        for case in cases[:-1]:
            wanted = [self.local(e.name) for e in case.equations if e.name in read or flat(e.name)[0] in self.outside
                      or any(self.local(e.name) == first for first, _ in carry.values())]
            lines += self.computed(self.targets(case.equations), self.bound, 4, wanted)
        up = loop.step > 0
        stacks = [self.names.word(flat(e.name)[0].lstrip("∂"), "d_") for e in kept]
        steps = Steps(loop, 0 if up else lag, lag if up else 0, up)
        lines += self.scanned(f"backward_{loop.index}", steps, self.targets(general), carry, [self.local(e.name) for e in kept], stacks, [])
        for e, stack in zip(kept, stacks):
            ends = [self.local(c.name) for case in cases[:-1] for c in case.equations if flat(c.name)[0] == flat(e.name)[0]]
            lines += self.joined(stack, [] if up else ends, ends[::-1] if up else [])
        return lines

    def cases(self) -> list[Equation]:
        """The equations of single steps."""
        return [e for entry in self.adjoint.entries if isinstance(entry, Swept) for case in entry.cases[:-1] for e in case.equations]

    def plain(self) -> list[Equation]:
        return [e for entry in self.adjoint.entries if not isinstance(entry, Swept) for e in equations_of(entry)]

    def each_scan(self, entry: Each) -> list[str]:
        """One gradient for each step, all at once."""
        equation, [loop] = entry.entry, entry.loops
        base = flat(equation.name)[0].lstrip("∂")
        word, share = self.names.word(base, "d_"), self.local(equation.name)
        targets = [(share, equation.expr)]
        if not self.rows(targets, Steps(loop), set()):
            dims = ", ".join(self.shards.shared(d) if self.shards else d for d in map(self.writer.size, equation.expr.shape))
            return [*self.computed(targets, self.bound, 4), *wrapped(f"{word} = jnp.broadcast_to({share}, ({loop.high}, {dims}))", 4)]
        return self.scanned(f"each_{base}", Steps(loop), targets, {}, [share], [word], [])
