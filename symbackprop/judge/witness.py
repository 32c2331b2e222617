"""What was found where two formulas were compared: a point at which they differ, or how much agreed."""

from __future__ import annotations

from dataclasses import dataclass

import mpmath
import numpy as np

from ..numeric import Sizes, Values

DIGITS = 50


@dataclass(frozen=True)
class Witness:
    """A point at which two sides differ: enough to work it out again."""

    sizes: Sizes
    values: Values
    seed: int
    entry: tuple[int, ...]
    claimed: str
    true: str
    whole: bool
    digits: int

    def __str__(self) -> str:
        where = ", ".join(f"{k} = {v}" for k, v in self.sizes.items())
        count = sum(np.size(v) for v in self.values.values())
        data = ", ".join(f"{k} = {show_data(v)}" for k, v in self.values.items()) if self.whole and count <= 32 else f"data of seed {self.seed}"
        entry = f"entry [{', '.join(map(str, self.entry))}] " if self.entry else "it "
        return f"{'at ' + where + ', ' if where else 'at '}{data}: {entry}is {self.true}, the formula gives {self.claimed}"


@dataclass(frozen=True)
class Agreement:
    """What was looked at without finding a difference."""

    sizes: int = 0
    trials: int = 0
    bound: int | None = None
    points: int = 0
    digits: int = 0

    def __str__(self) -> str:
        said = []
        if self.trials:
            chance = "no proven bound" if self.bound is None else f"chance of missing a difference at these sizes ≤ 1e-{self.bound}"
            said.append(f"{self.trials} exact trials at {self.sizes} choices of sizes in a finite field ({chance})")
        if self.points:
            said.append(f"{self.points} real points to {self.digits} digits")
        return "no difference in " + " and ".join(said) if said else "nothing could be compared"


def show_data(data: np.ndarray) -> str:
    def spell(x: object) -> str:
        return "[" + ", ".join(spell(v) for v in x) + "]" if isinstance(x, list) else f"{x:g}"
    return spell(np.asarray(data, dtype=float).tolist())


def show_number(value: object, other: object) -> str:
    """A number in as many digits as tell it from the other."""
    for digits in (6, 12, 20, 40, 60):
        with mpmath.workdps(2 * DIGITS):
            mine, theirs = mpmath.nstr(mpmath.mpf(value), digits), mpmath.nstr(mpmath.mpf(other), digits)
        if mine != theirs:
            break
    return mine.removesuffix(".0")
