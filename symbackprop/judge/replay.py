"""A second look at proofs by a small checker that shares nothing with the prover but the nodes.

Every step of a trace is worked out at random points of 60 digits: names by their definitions, derivatives by central
differences of what they differentiate, functions by their definitions in mpmath. A step that does not hold is named.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from functools import cached_property

import mpmath
import numpy as np
import sympy as sp

from ..errors import UnsupportedError
from ..expr import Add, Apply, Const, Contract, Delta, Expr, Function, Map, Ones, Var, names_in, walk
from ..program import Fact, Program, Step

DIGITS, STEP, CLOSE = 60, 20, 25
LETTERS = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
m = mpmath
FUNCTIONS: dict[str, Callable] = {
    "sigmoid": lambda x: 1 / (1 + m.exp(-x)), "tanh": m.tanh, "relu": lambda x: max(x, m.mpf(0)), "step": lambda x: m.mpf(x > 0),
    "leaky_relu": lambda x, a: x if x > 0 else a * x, "elu": lambda x, a: x if x > 0 else a * (m.exp(x) - 1), "softplus": lambda x: m.log(1 + m.exp(x)),
    "gelu": lambda x: x * (1 + m.erf(x / m.sqrt(2))) / 2, "silu": lambda x: x / (1 + m.exp(-x)), "exp": m.exp, "log": m.log,
    "gelu_tanh": lambda x: x * (1 + m.tanh(m.sqrt(2 / m.pi) * (x + m.mpf(44715) / 1000000 * x**3))) / 2,
    "log1p": lambda x: m.log(1 + x), "expm1": lambda x: m.exp(x) - 1, "abs": abs, "sign": m.sign, "sin": m.sin, "cos": m.cos, "tan": m.tan,
    "sinh": m.sinh, "cosh": m.cosh, "arcsin": m.asin, "arccos": m.acos, "arctan": m.atan, "erf": m.erf, "pow": lambda x, p: x**p, "power": lambda x, y: x**y,
    "maximum": max, "minimum": min, "where": lambda c, a, b: a if c > 0 else b, "gt": lambda x, y: m.mpf(x > y), "lt": lambda x, y: m.mpf(x < y),
    "ge": lambda x, y: m.mpf(x >= y), "le": lambda x, y: m.mpf(x <= y), "eq": lambda x, y: m.mpf(x == y), "ne": lambda x, y: m.mpf(x != y),
}


class Place:
    """One choice of sizes and data, and the values of nodes there."""

    def __init__(self, program: Program, facts: tuple[Fact, ...], sizes: dict[str, int], seed: int) -> None:
        self.program, self.sizes = program, sizes
        self.equations = {e.name: e.expr for e in program.equations}
        rng = np.random.default_rng([seed, 5])
        self.given = {name: drawn([f for f in facts if f.name == name], self.shape(var), rng) for name, var in program.inputs.items()}
        self.moved: tuple[str, object] | None = None
        self.slopes: dict[str, np.ndarray] = {}

    def shape(self, node: Expr) -> tuple[int, ...]:
        return tuple(int(d.subs({s: self.sizes[s.name] for s in d.free_symbols})) for d in node.shape)

    def value(self, root: Expr) -> np.ndarray:
        return self.work(root, dict(self.given))

    def work(self, root: Expr, known: dict[str, np.ndarray]) -> np.ndarray:
        """Equations are worked out before what reads them, without recursion."""
        stack: list[tuple[str, Expr]] = [("", root)]
        while stack:
            name, node = stack[-1]
            missing = [n for n in names_in(node) if n not in known]
            for other in missing:
                if other in self.equations:
                    stack.append((other, self.equations[other]))
                else:
                    known[other] = self.slope(other)
            if missing:
                continue
            values: dict[Expr, np.ndarray] = {}
            for part in walk(node):
                values[part] = np.asarray(self.one(part, [values[c] for c in part.children], known), dtype=object)
            stack.pop()
            known.setdefault(name, values[node])
            if self.moved and name == self.moved[0]:
                known[name] = np.asarray(known[name] + self.moved[1], dtype=object)
        return values[root]

    def slope(self, quantity: str) -> np.ndarray:
        """`∂C/∂W` by central differences, an entry of W at a time; C's axes come first."""
        if quantity not in self.slopes:
            above, below = (part.removeprefix("∂") for part in quantity.split("/"))
            base = self.value(self.variable(below))
            columns = []
            for at in np.ndindex(base.shape):
                by = np.zeros(base.shape, dtype=object)
                by[at] = m.mpf(10) ** -STEP
                columns.append((self.at(above, below, by) - self.at(above, below, -by)) * m.mpf(10) ** STEP / 2)
            whole = np.stack([np.asarray(c, dtype=object) for c in columns], axis=-1)
            self.slopes[quantity] = whole.reshape((*whole.shape[:-1], *base.shape))
        return self.slopes[quantity]

    def at(self, above: str, below: str, by: np.ndarray) -> np.ndarray:
        known = dict(self.given)
        if below in known:
            known[below] = np.asarray(known[below] + by, dtype=object)
        self.moved = below, by
        try:
            return self.work(self.variable(above), known)
        finally:
            self.moved = None

    def variable(self, name: str) -> Var:
        return self.program.inputs.get(name) or Var(name, self.equations[name].shape)

    def one(self, node: Expr, parts: list[np.ndarray], known: dict[str, np.ndarray]) -> object:
        match node:
            case Var():
                return known[node.name]
            case Const():
                return self.number(node.value)
            case Ones():
                return np.full(self.shape(node), m.mpf(1), dtype=object)
            case Delta():
                return self.indicator(node)
            case Add():
                return sum(parts[1:], parts[0])
            case Map():
                return entrywise(self.scalar(node.function), parts)
            case Contract():
                spelled = ",".join("".join(LETTERS[i] for i in labels) for labels in node.inputs)
                return np.einsum(f"{spelled}->{''.join(LETTERS[i] for i in node.output)}", *parts)
            case Apply():
                return tensor(node.op, parts, node.params)
        raise UnsupportedError(f"{type(node).__name__} has no value")

    def indicator(self, node: Delta) -> np.ndarray:
        """1 where offset + Σ c·i is 0 (at least 0 where it is a bound)."""
        made = np.empty(self.shape(node), dtype=object)
        coefficients, offset = [self.number(c) for c in node.coefficients], self.number(node.offset)
        for at in np.ndindex(made.shape):
            here = offset + sum(c * i for c, i in zip(coefficients, at))
            made[at] = m.mpf(here >= 0 if node.bound else here == 0)
        return made

    def number(self, value: sp.Expr) -> object:
        exact = value.subs({s: self.sizes[s.name] for s in value.free_symbols})
        return m.mpf(exact.p) / exact.q if exact.is_Rational else m.mpf(sp.N(exact, DIGITS + 5)._mpf_)

    def scalar(self, f: Function) -> Callable:
        if f.opaque:
            return unnamed(f.name, len(f.derivative))
        params = [self.number(p) for p in f.params]
        plain = FUNCTIONS[f.name] if f.body is None else lambda *xs: worked_out(f.body.expr, dict(zip(f.body.variables, xs)))
        base = lambda *xs: plain(*xs, *params)
        if not f.derivative:
            return base
        orders = [f.derivative.count(k) for k in range(max(f.derivative) + 1)]
        return lambda *xs: m.diff(base, xs, tuple(orders + [0] * (len(xs) - len(orders)))) if len(xs) > 1 else m.diff(base, xs[0], orders[0])


def worked_out(expr: sp.Basic, known: dict[sp.Symbol, object]) -> object:
    """A scalar SymPy expression as a number."""
    parts = [worked_out(a, known) for a in expr.args] if not isinstance(expr, sp.Rational) else []
    match expr:
        case sp.Symbol():
            return known[expr]
        case sp.Rational():
            return m.mpf(expr.p) / expr.q
        case sp.NumberSymbol() | sp.Float():
            return m.mpf(sp.N(expr, DIGITS + 5)._mpf_)
        case sp.Add():
            return m.fsum(parts)
        case sp.Mul():
            return m.fprod(parts)
        case sp.Pow():
            return parts[0] ** parts[1]
        case sp.Max() | sp.Min():
            return (max if isinstance(expr, sp.Max) else min)(parts)
        case sp.Piecewise():
            return next(value for value, holds in parts if holds)
        case sp.Tuple():
            return parts
        case sp.StrictGreaterThan() | sp.GreaterThan() | sp.StrictLessThan() | sp.LessThan():
            return {">": parts[0] > parts[1], ">=": parts[0] >= parts[1], "<": parts[0] < parts[1], "<=": parts[0] <= parts[1]}[expr.rel_op]
    if expr in (sp.true, sp.false):
        return bool(expr)
    name = type(expr).__name__.lower()
    return FUNCTIONS[{"asin": "arcsin", "acos": "arccos", "atan": "arctan", "heaviside": "step"}.get(name, name)](parts[0])


def entrywise(f: Callable, arrays: list[np.ndarray]) -> np.ndarray:
    made = np.empty(arrays[0].shape, dtype=object)
    for at in np.ndindex(made.shape):
        made[at] = f(*(a[at] for a in arrays))
    return made


def unnamed(name: str, order: int) -> Callable:
    """A smooth function for a name, and its derivatives."""
    a, b = (1 + byte / 512 for byte in hashlib.sha256(name.encode()).digest()[:2])
    return lambda x: m.mpf(a) ** order * m.exp(a * x / 2) / 2**order + m.mpf(b) ** order * m.cos(b * x + order * m.pi / 2)


def tensor(op: str, parts: list[np.ndarray], params: tuple) -> object:
    """The value of a row of the tensor table by its definition."""
    x = parts[0] if parts else None
    axis = params[0] if params else None
    match op:
        case "softmax" | "log_softmax" | "logsumexp":
            e = entrywise(m.exp, [x])
            mass = np.asarray(e.sum(axis=axis, keepdims=op != "logsumexp"), dtype=object)
            return e / mass if op == "softmax" else entrywise(m.log, [mass]) if op == "logsumexp" else x - entrywise(m.log, [mass])
        case "norm":
            return m.sqrt((x * x).sum())
        case "max":
            return x.max(axis=axis)
        case "symmetric":
            return x  # the normal form's mark on what reads the same either way round
        case "tril":
            return np.tril(x, params[0])
        case "inv" | "matrix_power":
            return np.array((m.matrix(x.tolist()) ** (-1 if op == "inv" else int(params[0]))).tolist(), dtype=object)
        case "solve":
            return np.array((m.matrix(x.tolist()) ** -1).tolist(), dtype=object) @ parts[1]
        case "det" | "logdet":
            found = m.det(m.matrix(x.tolist()))
            return found if op == "det" else m.log(found)
        case "unit":
            return np.array([m.mpf(k == params[0] - 1) for k in range(params[1])], dtype=object)
    raise UnsupportedError(f"{op} has no value here")


def drawn(facts: list[Fact], shape: tuple[int, ...], rng: np.random.Generator) -> np.ndarray:
    """Data in steps of 1/4096 for which the facts hold exactly."""
    kinds = {f.kind: f for f in facts}
    data = np.round(rng.normal(size=shape) * 4096) / 4096
    if "binary" in kinds:
        data = (data > 0).astype(float)
    if "range" in kinds:
        low, high = kinds["range"].low, kinds["range"].high
        data = float(low) + np.abs(data) + 0.25 if high is None else float(high) - np.abs(data) - 0.25 if low is None else \
            float(low) + (float(high) - float(low)) * np.round(rng.uniform(0.1, 0.9, size=shape) * 4096) / 4096
    if "sum" in kinds and data.size:
        rows = data.reshape(-1) if kinds["sum"].axis is None else np.moveaxis(data, kinds["sum"].axis, -1)
        if "binary" in kinds:
            rows[...] = np.eye(rows.shape[-1])[rng.integers(rows.shape[-1], size=rows.shape[:-1])]
        rows[..., -1] = 1 - rows[..., :-1].sum(axis=-1)
    if "symmetric" in kinds:
        data = np.triu(data) + np.triu(data, 1).T
    return np.array([m.mpf(float(v)) for v in data.ravel()] or [], dtype=object).reshape(shape)


class Checker:
    """Proofs about one program."""

    def __init__(self, program: Program, seed: int = 0) -> None:
        self.program, self.seed = program, seed
        self.places: dict[tuple, list[Place]] = {}

    @cached_property
    def names(self) -> list[str]:
        return sorted({s.name for v in self.program.inputs.values() for d in v.shape for s in d.free_symbols})

    def fault(self, proof: object, left: Expr, right: Expr) -> str | None:
        """What does not hold in a proof that two sides are equal; None where everything does.

        Raises `UnsupportedError` where a proof speaks of a tensor function that has no definition here.
        """
        if proof.facts not in self.places:
            ways = [dict(zip(self.names, (2, 3, 1, 4, 2, 3, 1, 2, 3))), dict.fromkeys(self.names, 2)]
            self.places[proof.facts] = [Place(self.program, proof.facts, sizes, self.seed + k) for k, sizes in enumerate(ways)]
        with m.workdps(DIGITS):
            return next((said for place in self.places[proof.facts] if (said := self.fault_at(place, proof, left, right)) is not None), None)

    def fault_at(self, place: Place, proof: object, left: Expr, right: Expr) -> str | None:
        ends = []
        for side, steps in ((left, proof.left), (right, proof.right)):
            here = side
            for step in steps:
                if step.before is not here:
                    return f"{step.rule}: it does not begin where the step before it ends"
                if not self.is_difference(step, proof) and not near(place.value(step.before), place.value(step.after)):
                    return f"{step.rule}: it does not hold"
                here = step.after
            ends.append(here)
        return self.pairs_fault(place, proof, *ends)

    def is_difference(self, step: Step, proof: object) -> bool:
        """The step to the difference of the sides is no equality: its end is checked to be 0 by the pairs."""
        return step.rule == "the difference of the sides" and step in proof.left

    def pairs_fault(self, place: Place, proof: object, a: Expr, b: Expr) -> str | None:
        """The sides are the sums of the pairs, and each pair is one of equals."""
        by_zero = next((s for s in proof.left if self.is_difference(s, proof)), None)
        if by_zero is not None:
            gap = np.asarray(place.value(by_zero.before) - place.value(b), dtype=object)
            if not near(place.value(by_zero.after), gap):
                return "the difference of the sides: it is another"
        sums = [np.zeros(place.shape(a), dtype=object), np.zeros(place.shape(a), dtype=object)]
        for first, second in proof.pairs:
            x, y = place.value(first), place.value(second)
            if not near(x, y):
                return "like terms: they are not equal"
            sums = [sums[0] + x, sums[1] + y]
        if not near(sums[0], place.value(a)) or by_zero is None and not near(sums[1], place.value(b)):
            return "multiply out: a side is not the sum of its terms"
        return None


def near(x: np.ndarray, y: np.ndarray) -> bool:
    x, y = np.asarray(x, dtype=object), np.asarray(y, dtype=object)
    if x.shape != y.shape:
        return False
    size = max([abs(v) for v in (*x.ravel(), *y.ravel())] + [m.mpf(1)])
    return all(abs(p - q) <= size * m.mpf(10) ** -CLOSE for p, q in zip(x.ravel(), y.ravel()))
