"""What the names of a model with loops are called in exported code; no two of them become one word."""

from __future__ import annotations

import keyword
from collections.abc import Iterator, Mapping

from ..codegen.compiled import RESERVED
from ..errors import UnsupportedError
from ..program import Equation
from .indexed import Index, flat, named, parts
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


class Names(Mapping[str, str]):
    """What a name of the model is called in the code: `a[l-1]` is a list's entry. No two names become one word."""

    def __init__(self, model: Recurrent, callables: list[str]) -> None:
        self.model, self.by_row = model, model.by_row
        fixed = {word for loop in model.loops for word in (loop.index, loop.high)}
        for word in sorted(fixed & OURS):
            raise UnsupportedError(f"{word} is a word that the exported code needs: take another letter for the index or its end")
        self.taken, self.words = {*OURS, *fixed, *callables}, {}
        for name in (*model.inputs, *model.loop_of, *(e.name for e in model.items if isinstance(e, Equation))):
            self.word(flat(name)[0])
        lowest = {}
        for name in (*model.inputs, *(e.name for e in model.items if isinstance(e, Equation))):
            base, index = flat(name)
            if index is not None and not index.anchor and base in model.loop_of:
                lowest[base] = min(lowest.get(base, 0), index.offset)
        self.shift = {base: -low for base, low in lowest.items()}

    def __getitem__(self, name: str) -> str:
        base, index = flat(name)
        lead = "d_" if base.startswith("∂") else ""
        base = base.lstrip("∂")
        if index is None:
            return self.word(base[1:], "total_") if base.startswith("Σ") else self.word(base, lead)
        if base in self.model.families or base in self.by_row:
            return f"{self.word(base, lead)}[{at(index, -1)}]"
        loop = self.model.loop_of.get(base)
        if loop is None or lead and any(index == loop.before(steps) for steps in range(1, 1 + self.reach(base))):
            return self.start(f"{base}[{index}]", lead)
        return f"{self.word(base, lead)}[{at(index, self.shift.get(base, 0))}]"

    def reach(self, base: str) -> int:
        """How many starts a state has."""
        return sum(flat(name)[0] == base for name in (*self.model.inputs, *(e.name for e in self.model.items if isinstance(e, Equation))))

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

    def __iter__(self) -> Iterator[str]:
        return iter(self.model.inputs)

    def __len__(self) -> int:
        return len(self.model.inputs)


def at(index: Index, shift: int = 0) -> str:
    """An index as source, moved by where its list begins."""
    offset = index.offset + shift
    if not index.anchor:
        return str(offset)
    return f"{index.anchor} {'+' if offset > 0 else '-'} {abs(offset)}" if offset else index.anchor
