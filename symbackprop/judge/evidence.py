"""Two formulas at points: in floats to decide fast, with 50 digits to be sure, in finite fields to be exact.

A `Bench` belongs to one program under its facts. It keeps its points, and each point keeps the values of every node it
has seen, so that one derivation serves all claims and all repairs that are tried.
"""

from __future__ import annotations

from dataclasses import replace

import mpmath
import numpy as np

from ..budget import OutOfTime, left as time_left, tick
from ..errors import SymbackpropError
from ..expr import Expr, Var, names_in, walk
from ..numeric import Floats, Precise, Sizes, Values, one
from ..points import draw
from ..program import Fact, Program
from .finite import PRIMES, Modular
from .sampling import cost_of, degrees, exact_data, size_tuples, small_sizes
from .truth import Truth, is_quantity
from .witness import DIGITS, Agreement, Witness, show_number

TOLERANCE, ROUGH, SLOPE = 1e-35, 1e-6, 1e-20
PRECISE_COST, FLOAT_COST = 60_000, 200_000_000
TRIALS, REAL_POINTS = 3, 2
BINARY_POINTS = 32  # two entries of 0 or 1 are equal at every other point
FAILURES = (SymbackpropError, ArithmeticError, ValueError, TypeError, np.linalg.LinAlgError)


class Point:
    """One choice of sizes and data over one field; values are worked out when they are asked for, and kept."""

    def __init__(self, truth: Truth, sizes: Sizes, values: Values, field: Floats | Precise | Modular, seed: int) -> None:
        self.truth, self.sizes, self.field, self.seed, self.given = truth, sizes, field, seed, values
        self.made: dict[Expr, np.ndarray] = {}
        self.values = {name: field.array(v) for name, v in values.items()}
        self.waiting: dict[Expr, list[str]] = {}

    def value(self, node: Expr) -> np.ndarray:
        if isinstance(self.field, Precise):
            with mpmath.workdps(self.field.digits + 10):
                return self.work(node)
        with np.errstate(all="ignore"):
            return self.work(node)

    def work(self, root: Expr) -> np.ndarray:
        """Names are worked out before what reads them, without recursion over the depth of the network."""
        stack = [root]
        while stack:
            node = stack[-1]
            needed = [n for n in names_in(node) if n not in self.values]
            if needed:
                stack += [self.definition(n) for n in needed]
                continue
            for part in walk(node):
                if part not in self.made:
                    tick()
                    self.made[part] = one(part, self.made, self.values, self.sizes, self.field)
            stack.pop()
            for name in self.waiting.pop(node, ()):
                self.values[name] = self.made[node]
        return self.made[root]

    def definition(self, name: str) -> Expr:
        """The equation of a name, noted so that its value is kept under the name."""
        table = self.truth.program.table if not is_quantity(name) else {}
        if name not in table and not is_quantity(name):
            raise SymbackpropError(f"{name} has no value")
        node = table[name].expr if name in table else self.truth.equation(name)
        self.waiting.setdefault(node, []).append(name)
        return node


class Bench:
    """The points of one program under its facts."""

    def __init__(self, program: Program, truth: Truth, facts: tuple[Fact, ...] = ()) -> None:
        self.program, self.truth = program, truth
        if facts:
            self.program = replace(program, facts=(*program.facts, *facts))
        self.tuples = size_tuples(self.program)
        self.points: dict[tuple, Point | None] = {}

    def point(self, kind: str, which: int, seed: int = 0) -> Point | None:
        """The point of a kind ("float", "precise", "exact") at the `which`-th sizes; None where there is none."""
        key = (kind, which, seed)
        if key not in self.points:
            self.points[key] = self.made(kind, self.tuples[which], seed)
        return self.points[key]

    def made(self, kind: str, sizes: Sizes, seed: int, whole: bool = False, digits: int = DIGITS) -> Point | None:
        cost = self.cost(sizes)
        if cost > (FLOAT_COST if kind == "float" else PRECISE_COST):
            return None
        if kind == "exact":
            return Point(self.truth, sizes, exact_data(self.program, sizes, seed), Modular(PRIMES[seed % len(PRIMES)], seed), seed)
        try:
            values, _ = draw(self.program, sizes, seed, whole)
        except FAILURES:
            return None
        return Point(self.truth, sizes, values, Floats() if kind == "float" else Precise(digits), seed)

    def cost(self, sizes: Sizes) -> int:
        """Multiplications in the forward program, roughly."""
        key = ("cost", tuple(sizes.items()))
        if key not in self.points:
            self.points[key] = sum(cost_of(e.expr, sizes) for e in self.program.equations)
        return self.points[key]

    # --- the questions ---

    def differ_roughly(self, a: Expr, b: Expr, where: int = 2) -> bool | None:
        """True where floats tell the two apart, False where they agree, None where they cannot say."""
        seen = False
        for which in range(min(where, len(self.tuples))):
            point = self.point("float", which)
            gap = point and gap_at(point, a, b)
            if gap is None:
                continue
            seen = True
            if gap[0] > ROUGH:
                return True
        return False if seen else None

    def differs_finely(self, a: Expr, b: Expr) -> Point | None:
        """The point of high precision at the first sizes, where two sides differ there; it is looked at before any proof."""
        point = self.point("precise", 0)
        gap = point and gap_at(point, a, b)
        return point if gap is not None and gap[0] > TOLERANCE else None

    def agreement(self, a: Expr, b: Expr) -> tuple[Agreement, Point | None]:
        """All points until the time is over, and the first of high precision at which the sides differ."""
        points = trials = 0
        where: set[int] = set()
        if any(f.kind == "binary" for f in self.program.facts) and (point := self.found_difference(a, b, BINARY_POINTS)) is not None:
            return Agreement(), point
        try:
            for seed in range(REAL_POINTS):
                for which in range(len(self.tuples)):
                    point = self.point("precise", which, seed)
                    gap = point and gap_at(point, a, b)
                    if gap is None:
                        continue
                    if gap[0] > TOLERANCE:
                        return Agreement(), point
                    points += 1
            trials, where = self.exact_trials(a, b)
        except OutOfTime:
            pass
        bound = self.bound(a, b, trials // max(len(where), 1)) if trials else None
        return Agreement(len(where), trials, bound, points, -round(np.log10(TOLERANCE))), None

    def exact_trials(self, a: Expr, b: Expr) -> tuple[int, set[int]]:
        """(trials passed, sizes tried); none where the field sees a difference, which says nothing about the reals."""
        trials, where = 0, set()
        for seed in range(TRIALS):
            for which in range(len(self.tuples)):
                try:
                    point = self.point("exact", which, seed)
                    if point is None:
                        return 0, set()
                    x, y = point.value(a), point.value(b)
                except FAILURES:
                    continue
                if np.any((np.asarray(x) - np.asarray(y)) % point.field.prime != 0):
                    return 0, set()
                trials, where = trials + 1, where | {which}
        return trials, where

    def bound(self, a: Expr, b: Expr, trials: int) -> int | None:
        """-log10 of the chance that a difference is missed, by Schwartz and Zippel; None for 0/1 data."""
        if any(f.kind == "binary" for f in self.program.facts):
            return None
        known: dict[Expr, tuple[int, int]] = {}
        names = [*((e.var, e.expr) for e in self.program.equations), *((Var(q, e.shape), e) for q, e in self.truth.shallow.items())]
        for var, expr in names:
            known[var] = degrees(expr, known)
        degree = sum((*degrees(a, known), *degrees(b, known)))
        per_trial = 18.0 - float(np.log10(float(min(max(degree, 1), 10**17))))
        return int(per_trial * min(trials, TRIALS))

    def found_difference(self, a: Expr, b: Expr, seeds: int = 12) -> Point | None:
        """A point of many at which both sides have a value and differ; for sides that seldom have one."""
        for seed in range(seeds):
            for which in range(len(self.tuples)):
                rough = self.point("float", which, seed)
                gap = rough and gap_at(rough, a, b)
                if gap is not None and gap[0] > ROUGH:
                    precise = self.point("precise", which, seed)
                    sure = precise and gap_at(precise, a, b)
                    if precise is None or sure is not None and sure[0] > TOLERANCE:
                        return precise or rough
        return None

    def slope_differs(self, quantity: Var, above: str, below: str) -> bool:
        """Whether a derivative differs from the quotient of differences of what it differentiates, at 50 digits."""
        point = self.point("precise", 0)
        if point is None:
            return False
        with mpmath.workdps(DIGITS + 10):
            try:
                base, step = np.asarray(point.work(self.truth.variable(below))), mpmath.mpf(10) ** -20
                rng = np.random.default_rng([point.seed, 31])
                direction = np.asarray(point.field.array(rng.choice((-1.0, 1.0), size=base.shape) * rng.integers(1, 5, size=base.shape)), dtype=object)
                sides = []
                for sign in (1, -1):
                    moved = Point(self.truth, point.sizes, point.given, point.field, point.seed)
                    moved.values[below] = np.asarray(base + sign * step * direction, dtype=object)
                    sides.append(np.asarray(moved.work(self.truth.variable(above)), dtype=object))
                slope = np.asarray((sides[0] - sides[1]) / (2 * step), dtype=object)
                said = np.tensordot(np.asarray(point.work(quantity), dtype=object), direction, axes=base.ndim)
                size = max([abs(v) for v in (*slope.ravel(), *np.asarray(said, dtype=object).ravel())] + [mpmath.mpf(10) ** -9])
                return bool(np.max(np.abs(np.asarray(slope - said, dtype=object))) > SLOPE * size)
            except FAILURES:
                return False

    def witness(self, a: Expr, b: Expr, point: Point | None) -> Witness | None:
        """The smallest sizes and plainest data at which two sides differ, worked out again with more digits."""
        found = self.shrunk(a, b)
        if found is None and point is not None:
            found = point, False
        if found is None:
            return None
        point, whole = found
        rough = not isinstance(point.field, Precise)
        again = Point(self.truth, point.sizes, point.given, point.field if rough else Precise(2 * DIGITS), point.seed)
        gap = gap_at(again, a, b)
        if gap is None or gap[0] <= (ROUGH if rough else TOLERANCE):
            return None
        return Witness(point.sizes, point.given, point.seed, gap[1], show_number(gap[3], gap[2]), show_number(gap[2], gap[3]),
                       whole, 15 if rough else 2 * DIGITS)

    def shrunk(self, a: Expr, b: Expr) -> tuple[Point, bool] | None:
        for sizes in small_sizes(self.program):
            for seed in range(3):
                if time_left() < 0:
                    return None
                point = self.made("precise", sizes, seed, whole=True)
                gap = point and gap_at(point, a, b)
                if gap is not None and gap[0] > TOLERANCE:
                    return point, True
        return None


def gap_at(point: Point, a: Expr, b: Expr) -> tuple[float, tuple[int, ...], object, object] | None:
    """(relative gap, entry, both values there), None where a value is not finite or there is none."""
    try:
        x, y = (np.asarray(point.value(side)) for side in (a, b))
    except FAILURES:
        return None
    if x.shape != y.shape:
        return None
    floats = point.field.dtype is float
    if floats and not (np.isfinite(x).all() and np.isfinite(y).all()):
        return None
    if not floats and not all(isinstance(v, mpmath.mpf) and mpmath.isfinite(v) for v in (*x.ravel(), *y.ravel())):
        return None
    if x.size == 0:
        return None
    gaps = np.asarray(np.abs(x - y), dtype=point.field.dtype)
    at = np.unravel_index(int(np.argmax(gaps)), gaps.shape) if gaps.shape else ()
    floor = 1e-9 if floats else 1e-15
    size = max(max(abs(v) for v in x.ravel()), max(abs(v) for v in y.ravel()), floor)
    return float(gaps[at] / size), tuple(int(i) for i in at), x[at], y[at]
