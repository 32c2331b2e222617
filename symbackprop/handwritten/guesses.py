"""Other ranks that names of a text could have which states none: targets with one number for each example.

Names are guessed to be matrices, and a text for one output never says so. Its targets may have no axis of outputs (`(n,)`),
or one of size 1 (`(n, 1)`, `(1, n)`); whatever else carries that axis goes with them.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from ..expr import Var
from .entry import TARGET, Entry

DATA = re.compile(r"[xX](?:_\w+|\d*)$")
Guess = tuple[dict[str, int], tuple[str, int] | None]


def other_ranks(run: Entry) -> Iterator[Guess]:
    """Ranks to put in place of the guessed ones, or a name with the axis of it that has size 1."""
    known = run.known
    last = lambda name: known.plain(name).split(".")[-1]
    guessed = {n: v for n, v in run.inputs.items() if known.ranks.get(n) in (0, 1, 2) and v.rank == known.ranks[n]}
    stated = {s for n, v in run.inputs.items() if n not in guessed or DATA.match(last(n)) for d in v.shape for s in d.free_symbols}
    vectors = {n: 1 for n, v in guessed.items() if v.rank == 2 and last(n)[0].islower() and not DATA.match(last(n))}
    if any(TARGET.match(last(n)) for n in vectors):
        yield vectors, None
    for name, target in guessed.items():
        if target.rank != 2 or not TARGET.match(last(name)):
            continue
        for axis in (1, 0):
            dim = target.shape[axis]
            if dim.is_Symbol and dim not in stated:
                yield {n: v.rank - v.shape.count(dim) for n, v in guessed.items() if dim in v.shape}, None
                yield {}, (name, axis)


def is_other(before: Var, after: Var) -> bool:
    """Whether a name has other axes than it had."""
    return before.rank != after.rank or [d == 1 for d in before.shape] != [d == 1 for d in after.shape]
