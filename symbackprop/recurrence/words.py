"""What the names of a model with loops are called in exported code; no two of them become one word."""

from __future__ import annotations

import keyword

from ..codegen.compiled import RESERVED
from ..errors import UnsupportedError
from ..program import Equation
from .indexed import Index, flat, parts
from .model import Recurrent

OURS = frozenset(RESERVED) | {"range", "len", "sum", "enumerate", "value", "values", "forward_loss", "gathered", "spread", "emptied", "like", "arguments", "functions"}


def start_name(name: str) -> str:
    """`h[0]` as the argument h0, `h[-1]` as hm1, `g[T+1]` as g_end1, `h[l,0]` as h_l_0."""
    base, indices = parts(name)
    if len(indices) > 1:
        return "_".join([base, *(f"end{i.offset}" if i.anchor and i.offset else i.anchor or str(i.offset).replace("-", "m") for i in indices)])
    [index] = indices
    if index.anchor:
        return f"{base}_end{index.offset}"
    return f"{base}{index.offset}" if index.offset >= 0 else f"{base}m{-index.offset}"


class Names:
    """What the names of a model are called in the code."""

    def __init__(self, model: Recurrent, callables: list[str]) -> None:
        fixed = {word for loop in model.all_loops for word in (loop.index, loop.high)}
        for word in sorted(fixed & OURS):
            raise UnsupportedError(f"{word} is a word that the exported code needs: take another letter for the index or its end")
        self.taken, self.words = {*OURS, *fixed, *callables}, {}
        for name in (*model.inputs, *model.loop_of, *(e.name for e in model.items if isinstance(e, Equation))):
            self.word(flat(name)[0])

    def word(self, name: str, lead: str = "") -> str:
        """The word of a name, or with a lead that of its cotangent or its total."""
        return self.fresh((lead, name), lead + name)

    def start(self, name: str, lead: str = "") -> str:
        """The word of a start."""
        return self.fresh((lead, "start", name), lead + start_name(name))

    def fresh(self, key: tuple, wanted: str) -> str:
        """`wanted`, with underscores behind it until nobody else has it; the same for the same key."""
        if key not in self.words:
            while wanted in self.taken or keyword.iskeyword(wanted):
                wanted += "_"
            self.taken.add(wanted)
            self.words[key] = wanted
        return self.words[key]


def at(index: Index, shift: int = 0) -> str:
    """An index as source, moved by where its list begins."""
    offset = index.offset + shift
    if not index.anchor:
        return str(offset)
    return f"{index.anchor} {'+' if offset > 0 else '-'} {abs(offset)}" if offset else index.anchor
