"""Where exported code keeps the values of a name: a word with an axis for each loop that the name runs over.

A room's step k stands at k + shift on its axis. Axes are lists, or axes of arrays where a language can write into one.
"""

from __future__ import annotations

from typing import NamedTuple

from ..expr import Var
from ..reverse import bar, is_bar
from .code import LoopModule
from .indexed import Index, Indices, parts
from .model import Loop
from .words import at


class Room(NamedTuple):
    """`beyond` are the places behind the last step of each axis, `var` is one value at its running letters."""

    word: str
    loops: tuple[Loop, ...]
    shifts: tuple[int, ...]
    beyond: tuple[int, ...]
    var: Var

    def counts(self) -> list[str]:
        """How many places each axis has, as source."""
        more = [1 + shift + behind for shift, behind in zip(self.shifts, self.beyond)]
        return [f"{loop.high} + {extra}" if extra else loop.high for loop, extra in zip(self.loops, more)]


class RoomedModule(LoopModule):
    """Knows the room of every name. `lists` are the ends of the ranges whose axes are lists."""

    lists: set[str]

    def starts(self, base: str) -> list[str]:
        """The keys of a state that stand before its first steps, or behind its last."""
        return [key for key in self.model.keys_of[base] if len(self.model.letters(key)) < len(parts(key)[1])]

    def low(self, base: str, axis: int) -> int:
        """How far the room of an axis begins before 0."""
        return max((-index.offset for key in self.starts(base) if not (index := parts(key)[1][axis]).anchor), default=0)

    def beyond(self, base: str, axis: int) -> int:
        """How far the room of an axis reaches beyond the end of its range."""
        return max((index.offset for key in self.starts(base) if (index := parts(key)[1][axis]).anchor in self.model.highs), default=0)

    def room(self, name: str) -> tuple[Room, Indices]:
        """The room of a value or a cotangent, and its indices there."""
        lead, plain = ("d_", name[len(bar("")):]) if is_bar(name) else ("", name)
        base, indices = parts(plain)
        key = self.model.key_of(plain)
        loops, var = self.model.axes(key), self.model.keys[key]
        none = (0,) * len(loops)
        if base in self.model.families or base in self.model.by_row:
            return Room(self.names.word(base, lead), loops, (-1,) * len(loops), none, var), indices
        if lead and len(loops) < len(indices):
            own = tuple([index for mine, index in zip(parts(key)[1], indices) if mine.anchor in self.model.letters(key)])
            return Room(self.names.start(key, lead), loops, (-1,) * len(loops), none, var), own
        if lead:
            return Room(self.names.word(base, lead), loops, none, none, var), indices
        return self.state_room(base), indices

    def state_room(self, base: str) -> Room:
        general = next(key for key in self.model.keys_of[base] if key not in self.starts(base))
        axes = range(len(self.model.axes(general)))
        return Room(self.names.word(base), self.model.axes(general), tuple([self.low(base, k) for k in axes]),
                    tuple([self.beyond(base, k) for k in axes]), self.model.keys[general])

    def given_room(self, name: str) -> Room:
        """The room of an argument that is given for every value of its letters."""
        loops = self.model.axes(name)
        return Room(self.argument(name), loops, (-1,) * len(loops), (0,) * len(loops), self.model.inputs[name])

    def entry_of(self, room: Room, steps: list[str]) -> str:
        """The source of a place; lists come before the axes of arrays."""
        lists, rest = self.split(room, steps)
        return room.word + "".join(f"[{step}]" for step in lists) + (f"[{', '.join(rest)}]" if rest else "")

    def split(self, room: Room, parts_of: list[str]) -> tuple[list[str], list[str]]:
        """What belongs to the axes that are lists, and to those of arrays."""
        is_list = [self.is_list(room, loop) for loop in room.loops]
        return [p for p, yes in zip(parts_of, is_list) if yes], [p for p, yes in zip(parts_of, is_list) if not yes]

    def is_list(self, room: Room, loop: Loop) -> bool:
        """Whether an axis of a room is a list. What is given as an array is one."""
        return loop.high in self.lists and not self.is_given(room)

    def is_given(self, room: Room) -> bool:
        """Whether a room is an array whose rows are read."""
        return parts(room.var.name)[0] in self.model.by_row and not room.word.startswith("d_")

    def step(self, index: Index, shift: int) -> str:
        return at(index, shift)

    def place(self, name: str) -> str:
        """The source that reads a value of a step."""
        if name.startswith("Σ"):
            return self.total_at(name)
        room, indices = self.room(name)
        return self.entry_of(room, [at(index, shift) for index, shift in zip(indices, room.shifts)])

    def total_at(self, name: str) -> str:
        """A sum over steps, at the indices that are left."""
        base, indices = parts(name)
        total = next(t for t in self.model.totals if parts(t)[0] == base and len(parts(t)[1]) == len(indices))
        moves = {mine.anchor: index for mine, index in zip(parts(total)[1], indices)}
        return self.summed_over(self.model.totals[total], self.model.summed(total), moves)

    def summed_over(self, key: str, loops: tuple[Loop, ...], moves: dict[str, Index]) -> str:
        """The sum of a state over some loops: of list entries one by one, of axes of arrays at once."""
        room, own = self.room(key)
        steps, axes = [], []
        for index, loop, shift in zip(own, room.loops, room.shifts):
            summed = loop.index in {inner.index for inner in loops}
            steps.append(f"{1 + shift} : {loop.high} + {1 + shift}" if summed and not self.is_list(room, loop)
                         else at(moves.get(index.anchor, index), shift))
        rest = self.split(room, steps)[1]
        axes = [k for k, step in enumerate(step for step in rest if ":" in step)]
        text = self.entry_of(room, steps) + (f".sum(axis={axes[0] if len(axes) == 1 else tuple(axes)})" if axes else "")
        lists = [loop for loop in loops if self.is_list(room, loop)]
        return f"sum({text} {' '.join(f'for {loop.index} in range(1, {loop.high} + 1)' for loop in lists)})" if lists else text
