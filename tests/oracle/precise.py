"""Gradients at 50 digits beside 50-digit differences of the loss, so that agreement is no matter of rounding.

The differences are of `emit_mp`'s loss, which knows nothing of the engine; points near a kink or ill-conditioned are set
aside as in `compare`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass

import mpmath
import numpy as np

from .compare import DRAWS, compare_mp
from .emit_text import text
from .generate import generate
from .oracle import Arrays, autograd_gradients, conditioning, sample
from .program import Program

PreciseGradients = Callable[[str, dict[str, int], Arrays, int], dict[str, np.ndarray]]
TOLERANCE = mpmath.mpf(10) ** -20


@dataclass(frozen=True)
class Finding:
    """The worst error of one program; None where no draw of its data was usable."""

    seed: int
    text: str
    errors: dict[str, mpmath.mpf] | None

    @property
    def worst(self) -> mpmath.mpf:
        return max((self.errors or {}).values(), default=mpmath.mpf(0))


def usable_data(program: Program) -> Arrays | None:
    for draw in range(DRAWS):
        data = sample(program, draw)
        if not conditioning(program, data, autograd_gradients(program, data)).reason:
            return data
    return None


def find(program: Program, gradients: PreciseGradients, digits: int = 50) -> Finding:
    """One program; `gradients(text, sizes, data, digits)` gives arrays of mpmath numbers."""
    source, data = text(program), usable_data(program)
    if data is None:
        return Finding(program.seed, source, None)
    mine = gradients(source, program.binding, {k: v.copy() for k, v in data.items()}, digits)
    return Finding(program.seed, source, compare_mp(program, mine, data, digits))


def survey_precisely(seeds: Iterable[int], gradients: PreciseGradients) -> list[Finding]:
    return [find(generate(seed), gradients) for seed in seeds]


def lines(findings: list[Finding]) -> list[str]:
    compared = [f for f in findings if f.errors is not None]
    wrong = [f for f in compared if not f.worst <= TOLERANCE]
    worst = max((f.worst for f in compared), default=mpmath.mpf(0))
    inputs = sum(len(f.errors) for f in compared)
    return [f"{len(compared)} programs ({inputs} gradients) against 50-digit differences of the loss, "
            f"{len(findings) - len(compared)} set aside; worst relative error {mpmath.nstr(worst, 3)}; {len(wrong)} above 1e-20",
            *(f"seed {f.seed}: {mpmath.nstr(f.worst, 3)}\n{f.text}" for f in wrong[:5])]
