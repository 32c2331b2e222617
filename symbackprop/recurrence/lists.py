"""Exported loops for array libraries: Python loops over lists, in any dialect, loops in loops included.

What later blocks read is kept, one entry a step (`h[t] = h_t`); a loop inside a loop has lists of lists. The last steps of
a backward loop stand before it, since each is a case of its own.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

from ..algebra import add
from ..codegen.layout import WIDTH, display, parts_of, wrapped
from ..expr import names_in
from ..program import Equation
from ..reverse import bar
from .adjoint import Case, Each, Entry, Summand, Summed, Swept
from .blocks import Target
from .files import FileModule
from .indexed import parts
from .model import Item, Loop
from .rooms import Room
from .words import at

Group = Loop | Swept | Summed | Each | list[Equation]
Body = Callable[[int, set[str]], list[str]]  # the lines of a body at an indent, with the words that are known there


def groups(items: tuple[Item | Entry, ...] | list[Entry]) -> Iterator[Group]:
    """Items with equations that follow each other together."""
    run: list[Equation] = []
    for item in items:
        if isinstance(item, Equation):
            run.append(item)
            continue
        if run:
            yield run
        yield item
        run = []
    if run:
        yield run


def blocks(items: tuple[Item | Entry, ...] | list[Entry]) -> Iterator[list[Equation]]:
    """The equations of every block that is written."""
    for group in groups(items):
        match group:
            case Loop(body=body) | Case(entries=body):
                yield from blocks(body)
            case Swept(cases=cases):
                for case in cases:
                    yield from blocks(case.entries)
            case Each(entry=entry):
                yield from blocks([entry])
            case Summed(name=name, sums=sums, rest=rest):
                yield from ([Equation(name, e)] for e in (*(s.expr for s in sums), rest) if e is not None)
            case _:
                yield group


class ListModule(FileModule):
    """Writes one module, every loop over lists."""

    def __init__(self, *given: object) -> None:
        super().__init__(*given)
        self.made: set[str] = set()
        self.changed: dict[str, None] = {}
        self.later = self.read_later()

    def read_later(self) -> set[str]:
        """The rooms that are read by another block than the one that fills them, or returned."""
        found = {self.room(key)[0].word for key in self.model.totals.values()}
        found |= {self.cotangent(name) for name in self.adjoint.wrt}
        for block in (*blocks(self.model.items), *blocks(self.adjoint.entries)):
            own = {e.name for e in block}
            found |= {self.room(n)[0].word for e in block for n in names_in(e.expr) if self.element(n) and n not in own and not n.startswith("Σ")}
        return found

    # rooms

    def new_room(self, room: Room) -> str:
        """An empty room."""
        made = "None"
        for count in reversed(room.counts()):
            made = f"[None] * {count if ' ' not in count else f'({count})'}" if made == "None" else f"[{made} for _ in range({count})]"
        return made

    def new_states(self, bases: list[str], known: set[str]) -> list[str]:
        """The rooms of states, with the starts that are given or known in them."""
        lines = []
        for base in bases:
            room = self.state_room(base)
            if base in self.made or room.word not in self.later:
                continue
            self.made.add(base)
            lines += laid_out(room.word, self.new_room(room))
            for key in self.starts(base):
                if key in self.model.inputs:
                    lines += self.copied(key)
                elif self.local(key) in known:
                    lines += self.put(key, self.local(key), 4)
        return lines

    def copied(self, key: str) -> list[str]:
        """A start that is given, put into its room for every value of its letters."""
        given = self.given_room(key)
        letters = [at(index, -1) for index in parts(key)[1] if index.anchor in self.model.letters(key)]
        source = self.entry_of(given, letters)
        return self.nest(given.loops, "start", lambda indent, known: self.put(key, source, indent), 4, set())

    def put(self, name: str, value: str, indent: int) -> list[str]:
        """`value` put into the room of a name."""
        room, indices = self.room(name)
        steps = [at(index, shift) for index, shift in zip(indices, room.shifts)]
        lists, rest = self.split(room, steps)
        self.changed[room.word] = None
        whole = room.word + "".join(f"[{step}]" for step in lists)
        return wrapped(f"{whole} = {self.written_into(whole, rest, value)}", indent)

    def written_into(self, array: str, steps: list[str], value: str) -> str:
        """An array with a value written into one place; what is no array is the value itself."""
        return value

    # loops

    def steps(self, loop: Loop, name: str, low: int, drop: int, back: bool, body: Body, indent: int, known: set[str]) -> list[str]:
        """A loop over the steps `low` to high − `drop`, from the last to the first if `back`."""
        high = f"{loop.high} + {1 - drop}" if drop < 1 else loop.high if drop == 1 else f"{loop.high} - {drop - 1}"
        last = f"{loop.high} - {drop}" if drop else loop.high
        over = f"range({last}, {low - 1}, -1)" if back else f"range({low}, {high})"
        return [f"{' ' * indent}for {loop.index} in {over}:", *body(indent + 4, set(known))]

    def nest(self, loops: tuple[Loop, ...], name: str, body: Body, indent: int, known: set[str]) -> list[str]:
        """Loops in each other over every step."""
        if not loops:
            return body(indent, known)
        return self.steps(loops[0], name, 1, 0, False, lambda i, k: self.nest(loops[1:], name, body, i, k), indent, known)

    def items(self, items: tuple[Item, ...], indent: int, known: set[str]) -> list[str]:
        lines = []
        for group in groups(items):
            if isinstance(group, Loop):
                lines += self.steps(group, "forward", 1, 0, group.step < 0, lambda i, k: self.items(group.body, i, k), indent, known)
            else:
                lines += self.stored(group, indent, known)
        return lines

    def forward(self) -> list[str]:
        lines, known = [], self.bound
        for group in groups(self.model.items):
            if isinstance(group, Loop):
                lines += self.new_states(group.states, known)
            lines += self.items((group,) if isinstance(group, Loop) else tuple(group), 4, known)
            if isinstance(group, Loop):
                lines += self.totals({e.name for e in group.equations})
        return lines

    def totals(self, made: set[str]) -> list[str]:
        """The sums of what a loop has made."""
        return [line for total, key in self.model.totals.items() if key in made and not parts(total)[1]
                for line in wrapped(f"{self.local(total)} = {self.summed_over(key, self.model.summed(total), {})}", 4)]

    def stored(self, equations: list[Equation], indent: int, known: set[str]) -> list[str]:
        """A block; what other blocks read is put into its room."""
        puts = [e.name for e in equations if self.element(e.name) and self.room(e.name)[0].word in self.later]
        words = [self.local(e.name) for e in equations if e.name in puts or not self.element(e.name) and (
            e.name in self.read or e.name == self.adjoint.loss or self.local(e.name) in self.owned or self.is_start(e.name))]
        lines = self.computed([(self.local(e.name), e.expr) for e in equations], known, indent, words)
        puts += [e.name for e in equations if self.is_start(e.name) and parts(e.name)[0] in self.made]
        return lines + [line for name in puts for line in self.put(name, self.local(name), indent)]

    def is_start(self, name: str) -> bool:
        """Whether an equation computes the start of a state, at no letter."""
        return bool(parts(name)[1]) and not self.element(name) and not name.startswith(bar(""))

    # entries

    def backward(self) -> list[str]:
        lines, known = [], self.bound
        for group in groups(self.adjoint.entries):
            made = [e for e in blocks([group] if not isinstance(group, list) else group) for e in e]
            lines += self.new_cotangents(made) + self.entries([group] if not isinstance(group, list) else group, 4, known)
        return lines

    def new_cotangents(self, equations: list[Equation]) -> list[str]:
        rooms = dict.fromkeys(self.room(e.name)[0] for e in equations if self.element(e.name))
        return [line for room in rooms if room.word in self.later and room.word not in self.made
                for line in laid_out(room.word, self.new_room(room)) if not self.made.add(room.word)]

    def entries(self, entries: tuple[Entry, ...] | list[Entry], indent: int, known: set[str]) -> list[str]:
        lines = []
        for group in groups(entries):
            match group:
                case Swept():
                    lines += self.swept(group, indent, known)
                case Summed():
                    lines += self.summed(group, indent, known)
                case Each():
                    lines += self.each(group, indent, known)
                case _:
                    lines += self.stored(group, indent, known)
        return lines

    def swept(self, entry: Swept, indent: int, known: set[str]) -> list[str]:
        """The last steps one by one, then a loop over those before them."""
        loop, lag, cases = entry
        lines = [line for case in cases[:-1] for line in self.entries(case.entries, indent, known)]
        low, drop = (1, lag) if loop.step > 0 else (1 + lag, 0)
        body = lambda i, k: self.entries(cases[-1].entries, i, k)
        return lines + self.steps(loop, "backward", low, drop, loop.step > 0, body, indent, known)

    def summed(self, entry: Summed, indent: int, known: set[str]) -> list[str]:
        """The shares of every step, added up."""
        word = self.local(entry.name)
        name, found = f"add_{word[2:]}", [(s, *self.at_once(s)) for s in entry.sums]
        first = [whole for s, whole, _ in found if whole is not None and len(s.loops) == 1] + ([entry.rest] if entry.rest is not None else [])
        lines = self.first_share(entry._replace(rest=add(first) if first else None), indent, known)
        for summand, whole, left in found:
            if whole is not None and len(summand.loops) > 1:
                lines += self.nest(summand.loops[:-1], name, self.added(word, whole), indent, known)
            if left is not None:
                lines += self.step_by_step(left, word, name, indent, known)
        self.changed.pop(word, None)
        known.add(word)
        return lines + (self.put(entry.name, word, indent) if self.element(entry.name) else [])

    def step_by_step(self, left: Summand, word: str, name: str, indent: int, known: set[str]) -> list[str]:
        """Shares added in a loop."""
        return self.nest(left.loops, name, self.added(word, left.expr), indent, known)

    def added(self, word: str, expr: object) -> Body:
        share = self.names.fresh(("share", word), f"{word}_share")

        def body(indent: int, known: set[str]) -> list[str]:
            self.changed[word] = None
            target: Target = (share, expr)
            return [*self.computed([target], known, indent), f"{' ' * indent}{word} = {word} + {share}"]
        return body

    def first_share(self, entry: Summed, indent: int, known: set[str]) -> list[str]:
        word = self.local(entry.name)
        if entry.rest is not None:
            return self.computed([(word, entry.rest)], known, indent)
        lines = wrapped(f"{word} = {self.zeros(list(map(self.writer.size, entry.shape)))}", indent)
        return [*self.index_sizes(lines, indent), *lines]

    def zeros(self, dims: list[str]) -> str:
        dims = [self.shards.shared(d) for d in dims] if self.shards else dims
        return f"{self.dialect.module}.zeros(({', '.join(dims)}{',' * (len(dims) == 1)}), {self.dialect.made})"

    def each(self, entry: Each, indent: int, known: set[str]) -> list[str]:
        """One gradient for each step."""
        base = parts(entry.name if isinstance(entry, Equation) else entry.entry.name)[0]
        lines = self.nest(entry.loops, f"each_{base[len(bar('')):]}", lambda i, k: self.entries([entry.entry], i, k), indent, known)
        return lines + self.as_one(base[len(bar("")):], indent)

    def as_one(self, base: str, indent: int) -> list[str]:
        """The gradients by the rows of an array as one array."""
        if base not in self.model.by_row:
            return []
        word = self.names.word(base, "d_")
        made = word if len(self.model.axes(self.model.keys_of[base][0])) == 1 else f"[{self.stack}(row) for row in {word}]"
        return [f"{' ' * indent}{word} = {self.stack}({made})"]


def laid_out(word: str, made: str) -> list[str]:
    """The line that makes a room, or several where it is a wide list."""
    if len(word) + len(made) + 7 <= WIDTH or not made.startswith("[") or " for " in parts_of(made[1:-1])[-1] and "*(" not in made:
        return wrapped(f"{word} = {made}", 4)
    return display(f"{word} = ", parts_of(made[1:-1]), "[]", 4)
