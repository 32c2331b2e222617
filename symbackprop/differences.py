"""Gradients against finite differences of the loss: every entry where they are few, signed random directions beyond.

Central differences at halved steps, extrapolated (Richardson; Ridders 1982), with the error estimate of the table, so
that a report says how well the two agree.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from .errors import SymbackpropError
from .numeric import Floats, Sizes, Values, run
from .points import bind_sizes, draw
from .program import Equation, Program
from .reverse import bar

MAX_ENTRIES, DIRECTIONS, STEP, LEVELS = 1000, 24, 2e-2, 5
TOLERANCE, USELESS = 1e-7, 1e-3
TRIES, AGAIN = 3, 1000  # where differences say nothing of a gradient, another point is taken
LEAST = 1e-6  # of the loss: differences of a gradient below that are rounding, so that is what they are compared with


@dataclass(frozen=True)
class Row:
    """One tensor at one choice of sizes; errors are relative to the largest entry of the gradient."""

    name: str
    sizes: Sizes
    entries: int
    directions: int
    error: float
    estimate: float
    where: tuple[int, ...]

    @property
    def holds(self) -> bool:
        return self.error <= max(TOLERANCE, 20 * self.estimate) and self.estimate < USELESS


@dataclass(frozen=True)
class Report:
    """Truthy if every gradient agrees."""

    rows: tuple[Row, ...]
    avoided: int
    seed: int
    notes: tuple[str, ...] = ()

    def __bool__(self) -> bool:
        return all(row.holds for row in self.rows)

    def __str__(self) -> str:
        lines = []
        for row in self.rows:
            sizes = ", ".join(f"{k}={v}" for k, v in row.sizes.items())
            entries = f"{row.entries} {'entry' if row.entries == 1 else 'entries'}"
            how = entries if not row.directions else f"{row.directions} directions in {entries}"
            lines.append(f"{'ok   ' if row.holds else 'WRONG'} {row.name}: {how}, relative difference {row.error:.1e} "
                         f"(differences good to {row.estimate:.1e})" + (f" at {sizes}" if sizes else "")
                         + ("" if row.holds else f"; worst at entry {list(row.where)}"))
        lines += self.notes
        worst = max((row.error for row in self.rows), default=0.0)
        lines.append(f"{'all' if self else 'NOT all'} gradients agree with finite differences of the loss "
                     f"(largest relative difference {worst:.1e}, seed {self.seed}"
                     + (f", {self.avoided} draws near a kink or not finite were left out)" if self.avoided else ")"))
        return "\n".join(lines)

    def as_json(self) -> dict[str, object]:
        return {"holds": bool(self), "seed": self.seed, "avoided": self.avoided,
                "rows": [{"name": r.name, "sizes": r.sizes, "entries": r.entries, "directions": r.directions,
                          "error": r.error, "estimate": r.estimate, "holds": r.holds} for r in self.rows]}


def check(program: Program, backward: Program, loss: str, wrt: tuple[str, ...], sizes: Sizes | None = None,
          seed: int = 0, shown: tuple[Equation, ...] = ()) -> Report:
    """Compare at several sizes, the gradients as they are computed and by the equations that are `shown`.

    Raises `SymbackpropError` where no usable data can be drawn.
    """
    rows: list[Row] = []
    avoided, notes, bindings = 0, [], bind_sizes(program, sizes)
    for binding in bindings:
        for attempt in range(TRIES):
            try:
                values, thrown = draw(program, binding, seed + attempt * AGAIN)
            except SymbackpropError as error:
                if binding is bindings[0]:
                    raise
                notes.append(f"left out at {', '.join(f'{k}={v}' for k, v in binding.items())}: {error}")
                break
            found = rows_at(program, backward, loss, wrt, binding, values, seed, shown)
            if all(row.estimate < USELESS for row in found) or attempt == TRIES - 1:
                rows, avoided = rows + found, avoided + thrown + attempt
                break
    return Report(tuple(rows), avoided, seed, tuple(notes))


def rows_at(program: Program, backward: Program, loss: str, wrt: tuple[str, ...], sizes: Sizes, values: Values, seed: int,
            shown: tuple[Equation, ...]) -> list[Row]:
    """The rows of one point."""
    forward = run(program, values, sizes, Floats())
    known = run(backward, forward, sizes, Floats())
    printed = run(replace(backward, equations=shown), forward, sizes, Floats())

    def loss_at(name: str, data: np.ndarray) -> float:
        return float(run(program, {**values, name: data}, sizes, Floats())[loss])
    least = max(1e-8, LEAST * abs(float(forward[loss])))
    return [with_printed(compare(name, values[name], known[bar(name)], loss_at, sizes, seed), known[bar(name)], printed.get(bar(name)), least)
            for name in wrt if name in program.inputs]


def with_printed(row: Row, gradient: np.ndarray, printed: np.ndarray | None, least: float) -> Row:
    """A row whose error is also that of the gradient as it is printed."""
    if printed is None:
        return row
    gap = np.abs(np.asarray(printed, dtype=float) - np.asarray(gradient, dtype=float))
    worst = float(np.max(gap, initial=0.0)) / max(float(np.abs(gradient).max(initial=0.0)), least)
    if worst <= row.error:
        return row
    return replace(row, error=worst, where=tuple(int(i) for i in np.unravel_index(int(np.argmax(gap)), gap.shape)))


def compare(name: str, data: np.ndarray, gradient: np.ndarray, loss_at: object, sizes: Sizes, seed: int) -> Row:
    data, gradient = np.asarray(data, dtype=float), np.asarray(gradient, dtype=float)
    many = data.size > MAX_ENTRIES
    directions = list(signed(data.shape, seed)) if many else [unit(data.shape, k) for k in range(data.size)]
    scale = max(float(np.abs(gradient).max(initial=0.0)) * (np.sqrt(data.size) if many else 1.0), 1e-12)
    worst, estimate, where, floor = -1.0, 0.0, (), 0.0
    for k, direction in enumerate(directions):
        slope, error = ridders(lambda t: loss_at(name, data + t * direction), STEP)
        gap = abs(slope - float((gradient * direction).sum()))
        estimate, floor = max(estimate, error), max(floor, abs(slope))
        if gap > worst:
            worst, where = gap, () if many else tuple(int(i) for i in np.unravel_index(k, data.shape))
    scale = max(scale, floor, 1e-8, LEAST * abs(loss_at(name, data)))
    return Row(name, sizes, data.size, len(directions) if many else 0, max(worst, 0.0) / scale, estimate / scale, where)


def unit(shape: tuple[int, ...], k: int) -> np.ndarray:
    direction = np.zeros(shape)
    direction.reshape(-1)[k] = 1.0
    return direction


def signed(shape: tuple[int, ...], seed: int) -> list[np.ndarray]:
    rng = np.random.default_rng([seed, 7])
    return [rng.choice((-1.0, 1.0), size=shape) for _ in range(DIRECTIONS)]


def ridders(f: object, step: float) -> tuple[float, float]:
    """The derivative of f at 0 and an estimate of its error."""
    table: list[list[float]] = []
    best, error = 0.0, np.inf
    for level in range(LEVELS):
        h = step / 2**level
        row = [(f(h) - f(-h)) / (2 * h)]
        for k, above in enumerate(table[-1] if table else []):
            row.append(row[k] + (row[k] - above) / (4**(k + 1) - 1))
        if table:
            for k in range(1, len(row)):
                gap = max(abs(row[k] - row[k - 1]), abs(row[k] - table[-1][k - 1]))
                if gap < error:
                    best, error = row[k], gap
        table.append(row)
    return best, error
