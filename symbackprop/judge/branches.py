"""Points on all sides of the corners that two sides have: a formula with a branch missing agrees wherever it is not taken."""

from __future__ import annotations

import numpy as np

from ..expr import Expr
from ..kinks import has_kinks
from ..numeric import Floats, Precise
from ..points import draw
from .evidence import FAILURES, FLOAT_COST, ROUGH, TOLERANCE, Bench, Point, gap_at
from .witness import DIGITS

TRIED, SCALES, FIRST_SEED = 40, (0.25, 1.0, 4.0), 500


def across_corners(bench: Bench, a: Expr, b: Expr) -> Point | None:
    """A point of high precision at which two sides with corners differ, looked for at data of several scales."""
    if not any(has_kinks(node) for node in (a, b, *(e.expr for e in bench.program.equations))):
        return None
    bound = {f.name for f in bench.program.facts if f.kind != "range" or f.low != 0 or f.high is not None}
    for seed in range(FIRST_SEED, FIRST_SEED + TRIED):
        sizes = bench.tuples[seed % len(bench.tuples)]
        if bench.cost(sizes) > FLOAT_COST:
            continue
        try:
            values, _ = draw(bench.program, sizes, seed)
        except FAILURES:
            continue
        rng = np.random.default_rng(seed)
        scales = {name: 1.0 if name in bound else rng.choice(SCALES) for name in values}
        values = {name: v * scales[name] for name, v in values.items()}
        if is_apart(Point(bench.truth, sizes, values, Floats(), seed), a, b, ROUGH):
            precise = Point(bench.truth, sizes, values, Precise(DIGITS), seed)
            if is_apart(precise, a, b, TOLERANCE):
                return precise
    return None


def is_apart(point: Point, a: Expr, b: Expr, tolerance: float) -> bool:
    gap = gap_at(point, a, b)
    return gap is not None and gap[0] > tolerance
