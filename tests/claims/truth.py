"""The true gradients of a model at a point: central differences of 60 digits of the loss, entry by entry."""

from __future__ import annotations

import mpmath
import numpy as np

from .meaning import DIGITS, STEP, Meaning
from .models import Model

# all different, another way round, all equal
POINTS = ({"n": 3, "m": 2, "r": 4, "q": 5, "N": 6}, {"n": 2, "m": 4, "r": 3, "q": 2, "N": 5}, {"n": 2, "m": 2, "r": 2, "q": 2, "N": 2})


def data(model: Model, sizes: dict[str, int], seed: int) -> dict[str, np.ndarray]:
    """Random data in steps of 2**-10; what sums to 1 does so exactly."""
    rng = np.random.default_rng([seed, 71])
    found = {}
    for name in model.given:
        shape = tuple(sizes[s] for s in model.shapes[name])
        values = np.round(rng.normal(size=shape) * 1024) / 1024
        if name == model.fact:
            values = np.round(rng.uniform(0.1, 0.9, size=shape) / shape[-1] * 1024) / 1024
            values[..., -1] = 1 - values[..., :-1].sum(axis=-1)
        found[name] = np.abs(values) + 0.25 if name in model.positive else values
    return found


class Truth:
    """The values of every name and, when they are asked for, of the gradients by every name, at one point."""

    def __init__(self, model: Model, sizes: dict[str, int], values: dict[str, np.ndarray]) -> None:
        self.model, self.sizes = model, sizes
        with mpmath.workdps(DIGITS):
            given = {n: np.vectorize(lambda x: mpmath.mpf(x), otypes=[object])(v) for n, v in values.items()}
        self.values = self.forward(given)
        self.gradients: dict[str, np.ndarray] = {}

    def forward(self, values: dict[str, np.ndarray], moved: str = "", by: np.ndarray | None = None) -> dict[str, np.ndarray]:
        """Every equation, `moved` shifted by something where it is defined."""
        known = dict(values)
        if moved in known:
            known[moved] = known[moved] + by
        for name, tree in self.model.trees:
            if name not in known:
                known[name] = Meaning(known, self.sizes, precise=True).of(tree)
                if name == moved:
                    known[name] = np.asarray(known[name] + by, dtype=object)
        return known

    def gradient(self, name: str) -> np.ndarray:
        if name not in self.gradients:
            base = self.values[name]
            at_rest = {n: v for n, v in self.values.items() if n in self.model.given}
            found = np.empty(np.shape(base), dtype=object)
            with mpmath.workdps(DIGITS):
                for at in np.ndindex(found.shape):
                    step = np.zeros(found.shape, dtype=object)
                    step[at] = STEP
                    up, down = (self.forward(at_rest, name, sign * step)["C"] for sign in (1, -1))
                    found[at] = (np.asarray(up)[()] - np.asarray(down)[()]) / (2 * STEP)
            self.gradients[name] = found
        return self.gradients[name]

    def meaning(self, names: set[str], precise: bool, matrices: bool) -> Meaning:
        """Values of names, and of the gradients `grad z` that a formula reads."""
        known = dict(self.values)
        known |= {f"grad {n}": self.gradient(n) for n in names}
        return Meaning(known, self.sizes, precise, matrices)
