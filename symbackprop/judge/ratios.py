"""The constant by which one formula is another: a number times powers of sizes, told from values at several sizes."""

from __future__ import annotations

from fractions import Fraction
from itertools import combinations, product

import numpy as np
import sympy as sp

from ..expr import Expr, size
from ..points import size_names
from ..program import Program
from .evidence import FAILURES, Bench

MAX_DENOMINATOR, CLOSE = 1000, 1e-6
POWERS = (1, -1, sp.Rational(1, 2), -sp.Rational(1, 2), 2, -2)


def constant_ratio(bench: Bench, a: Expr, b: Expr, program: Program) -> sp.Expr | None:
    """c with b = c·a at every point tried, other than 0 and 1; None where there is none of the known form."""
    seen: list[tuple[dict[str, int], float]] = []
    for which in range(len(bench.tuples)):
        for seed in (0, 1):
            point = bench.point("float", which, seed)
            if point is None:
                continue
            try:
                found = ratio_of(np.asarray(point.value(a)), np.asarray(point.value(b)))
            except FAILURES:
                continue
            if found is None:
                return None
            if np.isnan(found):
                continue
            seen.append((point.sizes, found))
    return fitted(seen, size_names(program)) if seen else None


def ratio_of(a: np.ndarray, b: np.ndarray) -> float | None:
    """b / a where it is one number, NaN where both are 0, else None."""
    if a.shape != b.shape or not np.isfinite(a).all() or not np.isfinite(b).all() or not a.size:
        return None
    top = np.abs(a).max()
    if max(top, np.abs(b).max()) < 1e-9:
        return np.nan
    if top < 1e-9:
        return None
    at = np.unravel_index(int(np.abs(a).argmax()), a.shape)
    c = float(b[at] / a[at])
    return c if abs(c) > 1e-9 and np.abs(b - c * a).max() <= CLOSE * max(abs(c), 1e-9) * top else None


def fitted(seen: list[tuple[dict[str, int], float]], names: list[str]) -> sp.Expr | None:
    """A rational number times powers of at most two sizes that is each ratio at its sizes."""
    for count in (0, 1, 2):
        for chosen in combinations(names, count):
            for powers in product(POWERS, repeat=count):
                rest = [c / np.prod([float(sizes[n]) ** float(p) for n, p in zip(chosen, powers)]) for sizes, c in seen]
                number = Fraction(rest[0]).limit_denominator(MAX_DENOMINATOR)
                if number != 0 and all(abs(r - float(number)) <= CLOSE * abs(r) for r in rest):
                    found = sp.Rational(number.numerator, number.denominator)
                    found = found * sp.prod([size(n) ** p for n, p in zip(chosen, powers)])
                    return None if found == 1 else found
    return None
