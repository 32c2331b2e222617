"""Loops in loops as JAX: nested `jax.lax.scan`, each over whole arrays of states that it carries and writes into.

The compiler writes in place. A loop whose sizes differ from step to step cannot be stacked: it is a Python loop over a list,
and the loops beside it and in it stay scans.
"""

from __future__ import annotations

import re

from ..codegen import sliding
from ..codegen.compiled import quoted
from ..codegen.layout import wrapped
from ..errors import UnsupportedError
from ..expr import Shape, names_in
from ..targets import Options, jax
from .adjoint import Adjoint
from .files import listing
from .indexed import Index, parts
from .lists import Body, ListModule
from .model import Loop
from .rooms import Room
from .sharing import sharded
from .words import at


class JaxModule(ListModule):
    """What modules of JAX have in common: what is given for every step is stacked where its sizes allow it."""

    library, imports, as_array, stack = "JAX", ("import jax", "import jax.numpy as jnp"), jax.AS_ARRAY, "jnp.stack"
    own = tuple(sliding.JAX.values())

    linalg, unless, taken_as = "jnp.linalg", jax.TRACED, "jnp.asarray({0})"

    def __init__(self, adjoint: Adjoint, options: Options = Options()) -> None:
        super().__init__(adjoint, jax.DIALECT, options)

    def functions(self) -> list[str]:
        made = super().functions()
        if self.options.shard:
            self.imports = (*self.imports, "from jax.sharding import NamedSharding, PartitionSpec")
            made += sharded(self, type(self)(self.adjoint))
        return made

    def ragged(self) -> set[str]:
        """The ends of the loops in which a size differs from step to step."""
        shapes = [var.shape for expr in self.expressions() for var in (expr, *names_in(expr).values())]
        shapes += [var.shape for var in self.model.inputs.values()]
        letters = {index.anchor for shape in shapes for d in shape for s in d.free_symbols for index in parts(s.name)[1]}
        return {loop.high for loop in self.model.all_loops if {loop.index, loop.high} & letters}

    # arguments

    def lists_of(self, name: str) -> int:
        """How many of the axes that an argument has for its letters are lists."""
        return sum(loop.high in self.lists for loop in self.given_room(name).loops)

    def read_argument(self, name: str, dims: list[str]) -> list[str]:
        if not self.listed(name):
            return super().read_argument(name, dims)
        word, highs = self.argument(name), [loop.high for loop in self.given_room(name).loops]
        stacked = [quoted(high) for high in highs if high not in self.lists]
        if not self.lists_of(name):
            return wrapped(f"{word} = as_array({', '.join([quoted(word), word, *stacked, *dims])})", 4)
        if not stacked:
            return super().read_argument(name, dims)
        k, value = self.names.fresh(("k",), "k"), self.names.fresh(("value",), "value_")
        call = f'as_array(f"{word}[{{{k}}}]", {value}, {", ".join([*stacked, *dims])})'
        return listing(f"{word} = ", call, f"for {k}, {value} in enumerate({word})")

    def typed(self) -> list[str]:
        lines, words, value = [], [], self.names.fresh(("value",), "value_")
        for name in self.numbers():
            word, deep = self.argument(name), self.lists_of(name)
            if deep > 1:
                raise UnsupportedError(f"{name} differs in size along two ranges, which JAX cannot stack: --to numpy or torch")
            words.append(f"*{word}" if deep else word)
            lines.append(f"    {word} = [{value}.astype(dtype) for {value} in {word}]" if deep else f"    {word} = {word}.astype(dtype)")
        return [*wrapped(f"dtype = jnp.result_type({', '.join(words)})", 4), *lines]

    def what(self, name: str) -> str:
        """What the docstring says of a family."""
        highs = [loop.high for loop in self.given_room(name).loops]
        stacked = " × ".join(high for high in highs if high not in self.lists)
        if not self.lists_of(name):
            return f"{stacked} arrays, stacked"
        lists = next(high for high in highs if high in self.lists)
        inner = f"arrays, each of {stacked} stacked" if stacked else "arrays"
        return f"a list of {lists} {inner} (sizes differ from step to step, so that its loop is one of Python)"


class StackModule(JaxModule):
    """Writes one module with loops in loops."""

    def __init__(self, adjoint: Adjoint, options: Options = Options()) -> None:
        super().__init__(adjoint, options)
        self.lists = self.ragged()
        self.scans: dict[str, int] = {}

    def new_room(self, room: Room) -> str:
        """Arrays of zeros, in a list where sizes differ from step to step."""
        lists, counts = self.split(room, room.counts())
        if not counts:
            return super().new_room(room)
        if not lists:
            return self.zeros([*counts, *self.dims(room.var.shape)])
        if len(lists) > 1:
            raise UnsupportedError("arrays that differ in size along two ranges are not stacked along a third: --to numpy or torch")
        [axis] = [k for k, loop in enumerate(room.loops) if loop.high in self.lists]
        loop, shift = room.loops[axis], room.shifts[axis]
        each = f"*({self.zeros([*counts, *self.dims(room.var.shape)])} for {loop.index} in range(1, {loop.high} + 1))"
        places = [Index("", k) for k in range(-shift, 1)] if shift >= 0 else []
        before = [self.edge(room, axis, counts, place) for place in places]
        behind = [self.edge(room, axis, counts, Index(loop.high, k)) for k in range(1, room.beyond[axis] + 1)]
        return f"[{', '.join([*before, each, *behind])}]"

    def edge(self, room: Room, axis: int, counts: list[str], place: Index) -> str:
        """The zeros for the starts at one place of a list."""
        base, own = parts(room.var.name)
        keys = [key for key in self.model.keys_of.get(base, ()) if parts(key)[1][axis] == place]
        return self.zeros([*counts, *self.dims(self.model.keys[keys[0]].shape)]) if keys and not own[axis] == place else "None"

    def dims(self, shape: Shape) -> list[str]:
        """Sizes as source that stands outside the loops."""
        made = list(map(self.writer.size, shape))
        for symbol, word in self.words.items():
            if parts(symbol.name)[1]:
                made = [re.sub(rf"\b{word}\b", lambda _: self.size_at(symbol), text) if word in text else text for text in made]
        return made

    def copied(self, key: str) -> list[str]:
        """A start that is given for every step, all at once where it is one array."""
        room, indices = self.room(key)
        if self.split(room, room.counts())[0]:
            return super().copied(key)
        steps = [f"{1 + shift} : {loop.high} + {1 + shift}" if index.anchor == loop.index else at(index, shift)
                 for index, loop, shift in zip(indices, room.loops, room.shifts)]
        return wrapped(f"{room.word} = {self.written_into(room.word, steps, self.argument(key))}", 4)

    def written_into(self, array: str, steps: list[str], value: str) -> str:
        return f"{array}.at[{', '.join(steps)}].set({value})" if steps else value

    def steps(self, loop: Loop, name: str, low: int, drop: int, back: bool, body: Body, indent: int, known: set[str]) -> list[str]:
        if loop.high in self.lists:
            return super().steps(loop, name, low, drop, back, body, indent, known)
        outer, self.changed = self.changed, {}
        lines, pad = body(indent + 4, set(known)), " " * indent
        carried, self.changed = tupled(list(self.changed)), outer | self.changed
        function = self.numbered(f"{name}_{loop.index}")
        carry = self.names.fresh(("carry",), "carry")
        high = f"{loop.high} + {1 - drop}" if drop < 1 else loop.high if drop == 1 else f"{loop.high} - {drop - 1}"
        call = f"{carried}, _ = jax.lax.scan({function}, {carried}, jnp.arange({low}, {high}){', reverse=True' * back})"
        return ["", f"{pad}def {function}({carry}, {loop.index}):", *wrapped(f"{carried} = {carry}", indent + 4), *lines,
                *wrapped(f"return {carried}, None", indent + 4), "", *wrapped(call, indent)]

    def numbered(self, wanted: str) -> str:
        """A name for a function, with a number from the second on."""
        self.scans[wanted] = number = self.scans.get(wanted, 0) + 1
        return self.names.fresh(("scan", wanted, number), wanted + (str(number) if number > 1 else ""))

    def as_one(self, base: str, indent: int) -> list[str]:
        return []  # it is an array from the start


def tupled(words: list[str]) -> str:
    return f"({', '.join(words)}{',' * (len(words) == 1)})"

