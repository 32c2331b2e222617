"""Loops as JAX: `jax.lax.scan` forward and, reversed, backward; pure functions for `jax.jit` and `jax.vmap`.

Values of all steps are stacked along a first axis. The boundary cases stand before the backward scan, which runs over the
other steps. A loop whose sizes differ from step to step cannot be stacked: it is a Python loop over lists.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from ..codegen.compiled import quoted
from ..codegen.frame import mentions
from ..codegen.layout import wrapped
from ..expr import names_in
from ..program import Equation
from ..reverse import bar, is_bar
from ..targets import jax
from .adjoint import Adjoint, Each, Entry, Summed, Swept, equations_of
from .arrays import ArrayModule, Target
from .indexed import Index, flat, named
from .model import Loop


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


class ScanModule(ArrayModule):
    """Writes one JAX module."""

    library, imports, as_array, stack = "JAX", ("import jax", "import jax.numpy as jnp"), jax.AS_ARRAY, "jnp.stack"

    def __init__(self, adjoint: Adjoint) -> None:
        super().__init__(adjoint, jax.DIALECT)
        self.lists = {loop.high for loop in self.model.loops if self.is_ragged(loop)}
        self.outside = self.read_outside()

    def is_ragged(self, loop: Loop) -> bool:
        """Whether a size of the loop differs from step to step."""
        shapes = [var.shape for e in loop.equations for var in (e.var, *names_in(e.expr).values())]
        return any((at := flat(s.name)[1]) is not None and at.anchor == loop.index for shape in shapes for d in shape for s in d.free_symbols)

    def high_of(self, base: str) -> str:
        return (self.model.loop_of.get(base) or self.model.loop_over[base]).high

    def first(self, base: str, cotangent: bool = False) -> int:
        if self.high_of(base) in self.lists:
            return super().first(base, cotangent)
        return 1 if cotangent or base in self.model.by_row or base in self.model.families else 1 - len(self.starts(base, low=True))

    def starts(self, base: str, low: bool) -> list[str]:
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
            behind = 0 if cotangent or plain not in self.model.loop_of else len(self.starts(plain, low=False))
            high = steps.loop.high + (f" {'+' if stop > 0 else '-'} {abs(stop)}" if stop else "")
            found[word] = f"{stack}[{start or ''}{' ' * bool(stop)}:{' ' * bool(stop)}{high}]" if start or stop != behind - first + 1 else stack
        return found

    def scanned(self, name: str, steps: Steps, targets: list[Target], carry: dict[str, tuple[str, str]], outs: list[str], stacks: list[str],
                lasts: list[str]) -> list[str]:
        """A scan: `carry` is word -> (its first value, what it is in the next step), `outs` are stacked under `stacks`."""
        function, carried, row = self.names.fresh(("scan", name), name), self.names.fresh(("carry",), "carry"), self.names.fresh(("row",), "row")
        rows = self.rows(targets, steps, set(carry))
        known = {*self.bound, *rows, *carry}
        before = self.reading(targets, known, 4)
        self.bound |= known - set(rows) - set(carry)
        results = [word for word, _ in targets if mentions([*outs, *(new for _, new in carry.values())], word)]
        body, letter = self.computed(targets, known, 8, results), steps.loop.index
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

    def looped(self, loop: Loop) -> list[str]:
        if loop.high in self.lists:
            return super().looped(loop)
        carry: dict[str, tuple[str, str]] = {}
        for state in loop.states:
            starts = [*reversed(self.starts(state, True))] if loop.step > 0 else self.starts(state, False)
            carry |= self.carry_of(loop, loop.equations, state, -loop.step, [self.names.start(n) for n in starts])
        kept = [e for e in loop.equations if flat(e.name)[0] in self.outside]
        stacks = [self.names.word(flat(e.name)[0]) for e in kept]
        lines = self.scanned(f"forward_{loop.index}", Steps(loop, back=loop.step < 0), self.targets(loop.equations), carry,
                             [self.local(e.name) for e in kept], stacks, [])
        lines += [f"    {self.names[total]} = {self.names.word(state)}.sum(axis=0)" for total, key in self.model.totals.items()
                  if (state := flat(key)[0]) in loop.states]
        for e, stack in zip(kept, stacks):
            base = flat(e.name)[0]
            lines += self.joined(stack, [self.names.start(n) for n in self.starts(base, True)],
                                 [self.names.start(n) for n in self.starts(base, False)])
        return lines

    def joined(self, stack: str, before: list[str], behind: list[str]) -> list[str]:
        """A stack with single values before and behind it."""
        if not before and not behind:
            return []
        items = [*(f"{w}[None]" for w in before), stack, *(f"{w}[None]" for w in behind)]
        return wrapped(f"{stack} = jnp.concatenate([{', '.join(items)}])", 4)

    def entry(self, entry: Entry) -> list[str]:
        match entry:
            case Swept(loop=loop) if loop.high not in self.lists:
                return self.swept_scan(entry)
            case Each(loops=(loop,)) if loop.high not in self.lists:
                return self.each_scan(entry)
            case Summed() if not {s.loops[0].high for s in entry.sums} & self.lists:
                return self.summed_scan(entry)
        return super().entry(entry)

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

    def summed_scan(self, entry: Summed) -> list[str]:
        """The shares of every step, added up in a scan."""
        word, lines = self.local(entry.name), self.first_share(entry)
        for summand in entry.sums:
            new = self.names.fresh(("share", word), f"{word}_share")
            lines += self.scanned(f"add_{word[2:]}", Steps(summand.loops[0]), [(new, summand.expr)], {word: (word, f"{word} + {new}")}, [], [], [word])
        return lines

    def each_scan(self, entry: Each) -> list[str]:
        """One gradient for each step, all at once."""
        equation, [loop] = entry.entry, entry.loops
        base = flat(equation.name)[0].lstrip("∂")
        word, share = self.names.word(base, "d_"), self.local(equation.name)
        targets = [(share, equation.expr)]
        if not self.rows(targets, Steps(loop), set()):
            dims = ", ".join(map(self.writer.size, equation.expr.shape))
            return [*self.computed(targets, self.bound, 4), *wrapped(f"{word} = jnp.broadcast_to({share}, ({loop.high}, {dims}))", 4)]
        return self.scanned(f"each_{base}", Steps(loop), targets, {}, [share], [word], [])

    # arguments

    def read_argument(self, word: str, name: str, dims: list[str]) -> list[str]:
        if name not in self.model.families.values() or self.high_of(flat(name)[0]) in self.lists:
            return super().read_argument(word, name, dims)
        return wrapped(f"{word} = as_array({', '.join([quoted(word), word, quoted(self.high_of(flat(name)[0])), *dims])})", 4)

    def typed(self) -> list[str]:
        lines, words = [], []
        for name in self.model.inputs:
            word = self.argument(name)
            ragged = name in self.model.families.values() and self.high_of(flat(name)[0]) in self.lists
            words.append(f"*{word}" if ragged else word)
            value = self.names.fresh(("value",), "value_")
            lines.append(f"    {word} = [{value}.astype(dtype) for {value} in {word}]" if ragged else f"    {word} = {word}.astype(dtype)")
        return [*wrapped(f"dtype = jnp.result_type({', '.join(words)})", 4), *lines]

    def what(self, name: str) -> str:
        """What the docstring says of a family."""
        loop = self.model.loop_over[flat(name)[0]]
        if loop.high in self.lists:
            return f"a list of {loop.high} arrays (sizes differ from step to step, so that its loop is one of Python)"
        return f"{loop.high} arrays, stacked"


def tupled(words: list[str]) -> str:
    return f"({', '.join(words)}{',' * (len(words) == 1)})"
