"""The driver: a program's text to somebody's gradients, set beside those of autograd.

`gradients_of_text(text, sizes, data)` is given by the caller and returns `{name: array}`, or
`(loss, {name: array})`. `sizes` binds the names that the text leaves symbolic.
"""

from __future__ import annotations

import traceback
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field

import mpmath
import numpy as np

from .emit_mp import mp_context, mp_data
from .emit_text import text
from .generate import generate
from .oracle import (Arrays, Conditioning, autograd_gradients, autograd_loss, conditioning, mp_directional, norm,
                     sample, signed_direction)
from .program import Program

GradientsOfText = Callable[[str, dict[str, int], Arrays], "Mapping | tuple[object, Mapping]"]
TOLERANCE = 1e-9
DRAWS = 4


@dataclass(frozen=True)
class Record:
    """What became of one program.

    `status` is `"equal"`, `"mismatch"`, `"error"` (the caller's function raised) or `"set aside"`
    (no draw of data was good). `rejected` names what was wrong with each draw not used.
    """

    seed: int
    status: str
    text: str
    message: str = ""
    errors: dict[str, float] = field(default_factory=dict)
    vanishing: tuple[str, ...] = ()
    rejected: tuple[str, ...] = ()

    @property
    def worst(self) -> float:
        return max(self.errors.values(), default=0.0)


def compare(program: Program, gradients_of_text: GradientsOfText, tolerance: float = TOLERANCE) -> Record:
    """Every gradient, and the loss where it is given, by norm-wise relative error."""
    source, rejected = text(program), []
    for draw in range(DRAWS):
        data = sample(program, draw)
        expected = autograd_gradients(program, data)
        state = conditioning(program, data, expected)
        if not state.reason:
            break
        rejected.append(state.reason)
    else:
        return Record(program.seed, "set aside", source, ", ".join(rejected), rejected=tuple(rejected))
    try:
        found = gradients_of_text(source, program.binding, {name: value.copy() for name, value in data.items()})
        errors = _errors(program, data, expected, state, found)
    except Exception:  # whatever it is, it is this program's finding
        return Record(program.seed, "error", source, traceback.format_exc(limit=-6), rejected=tuple(rejected))
    wrong = {name: value for name, value in errors.items() if not value <= tolerance}
    message = ", ".join(f"{name}: {value:.1e}" for name, value in wrong.items())
    return Record(program.seed, "mismatch" if wrong else "equal", source, message, errors,
                  state.vanishing, tuple(rejected))


def _errors(program: Program, data: Arrays, expected: Arrays, state: Conditioning, found: object) -> dict[str, float]:
    loss, gradients = found if isinstance(found, tuple) else (None, found)
    errors = {} if loss is None else {"(loss)": _loss_error(autograd_loss(program, data), loss)}
    if missing := expected.keys() ^ gradients.keys():
        raise ValueError(f"gradients of {sorted(gradients)}, not of {sorted(expected)}: {sorted(missing)}")
    whole = max(map(norm, expected.values()))
    for name, right in expected.items():
        mine = np.asarray(gradients[name])
        if mine.shape != right.shape:
            raise ValueError(f"the gradient of {name} has shape {mine.shape}, not {right.shape}")
        scale = state.natural[name] if name in state.vanishing else norm(right)
        errors[name] = norm(mine - right) / (scale or 1e-3 * whole or 1.0)
    return errors


def _loss_error(right: float, found: object) -> float:
    if np.shape(found) != ():
        raise ValueError(f"the loss has shape {np.shape(found)}")
    return abs(float(found) - right) / max(1.0, abs(right))


def compare_mp(program: Program, gradients: Mapping[str, np.ndarray], data: Arrays, digits: int = 50,
               directions: int = 2) -> dict[str, mpmath.mpf]:
    """Gradients in mpmath numbers against differences of the loss at `digits` digits.

    The error of each input is the worst over random signed directions, relative to the two norms.
    """
    context = mp_context(digits + 10)
    own = np.frompyfunc(context.mpf, 1, 1)  # a product of foreign numbers would round to their precision
    errors = {}
    for item in program.inputs:
        mine = np.asarray(own(gradients[item.name]), dtype=object)
        if mine.shape != program.numbers(item.shape):
            raise ValueError(f"the gradient of {item.name} has shape {mine.shape}")
        for draw in range(directions):
            along = signed_direction(program, item.name, draw)
            right = context.mpf(mp_directional(program, data, item.name, along, digits))
            lifted = mp_data({"u": along}, context)["u"]
            gap = abs(context.mpf(np.sum(mine * lifted)) - right)
            length = context.sqrt(np.sum(mine * mine) * np.sum(lifted * lifted))
            error = gap / max(length, context.mpf(10) ** -12)
            errors[item.name] = max(error, errors.get(item.name, context.mpf(0)))
    return errors


@dataclass(frozen=True)
class Summary:
    """The records of many programs, counted."""

    records: tuple[Record, ...]

    def having(self, *statuses: str) -> list[Record]:
        return [record for record in self.records if record.status in statuses]

    @property
    def wrong(self) -> list[Record]:
        return self.having("mismatch", "error")

    @property
    def compared(self) -> int:
        return len(self.records) - len(self.having("set aside"))

    @property
    def rejected_share(self) -> float:
        """Of all draws of data, the share found kinked or ill-conditioned."""
        rejected = sum(len(record.rejected) for record in self.records)
        return rejected / max(1, rejected + self.compared)

    def lines(self) -> list[str]:
        kinds = [reason for record in self.records for reason in record.rejected]
        worst = max((record.worst for record in self.having("equal")), default=0.0)
        bound = f" (below {3 / self.compared:.2%} of programs at 95 %)" if self.compared and not self.wrong else ""
        return [
            f"{len(self.records)} programs, {self.compared} compared, worst error of the equal ones {worst:.1e}",
            f"{len(self.having('mismatch'))} mismatches, {len(self.having('error'))} errors{bound}",
            f"draws of data set aside: {kinds.count('kinked')} kinked, {kinds.count('ill-conditioned')} "
            f"ill-conditioned ({self.rejected_share:.1%}); programs never compared: {len(self.having('set aside'))}",
            f"{sum(bool(record.vanishing) for record in self.records)} programs with a gradient that is zero "
            "but for rounding, compared by the size of what cancels"]


def survey(seeds: Iterable[int], gradients_of_text: GradientsOfText) -> Summary:
    """Compare the programs of these seeds."""
    return Summary(tuple(compare(generate(seed), gradients_of_text) for seed in seeds))
