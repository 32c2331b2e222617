"""What generated autograd code calls on every value: nothing, or a record, or a small disturbance.

A record holds the largest value and the smallest distance to a kink that the forward pass met.
A disturbance multiplies every value by 1 + level * noise: how far the gradients move says how
much of their digits rounding can take.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy
from autograd.tracer import isbox


@dataclass
class Watch:
    """The hooks `node` and `kink` of generated code."""

    noise: numpy.random.Generator | None = None
    level: float = 0.0
    largest: float = 0.0
    nearest: float = numpy.inf
    finite: bool = True

    def node(self, value: numpy.ndarray) -> numpy.ndarray:
        """A value that some operation just made, passed on."""
        if self.noise is not None:
            return value * (1.0 + self.level * self.noise.standard_normal(numpy.shape(value)))
        if not isbox(value):
            self.finite = self.finite and bool(numpy.all(numpy.isfinite(value)))
            self.largest = max(self.largest, float(numpy.max(numpy.abs(value))))
        return value

    def kink(self, distance: numpy.ndarray) -> None:
        """What a kinked function compares with zero."""
        if not isbox(distance) and self.noise is None:
            self.nearest = min(self.nearest, float(numpy.min(numpy.abs(distance))))
