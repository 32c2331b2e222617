"""Exact values in a field of prime order: rational operations as they are, every other function as a keyed hash.

Two formulas that agree here for hashed functions agree for all functions that obey the laws built in (exp(-x) = 1/exp(x),
odd and even functions, 1[x > 0] + 1[-x > 0] = 1). A difference here is no refutation: the hashes obey no other law.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from functools import lru_cache

import numpy as np
import sympy as sp

from ..errors import UnsupportedError
from ..expr import Function
from ..ops import body_of

PRIMES = (2**61 - 1, 2**89 - 1, 2**107 - 1, 2**127 - 1)
ODD = (sp.sin, sp.erf, sp.asin, sp.atan)
EVEN = (sp.cos,)
Cell = Callable[["Modular", tuple[int, ...]], int]


class Modular:
    """Arrays of residues modulo `prime`; `key` chooses the hashes."""

    dtype = object

    def __init__(self, prime: int = PRIMES[0], key: int = 0) -> None:
        self.prime, self.key = prime, key.to_bytes(8, "little")
        self.known: dict[tuple, int] = {}

    def hashed(self, name: str, *values: int) -> int:
        """A fixed random residue for a name and values."""
        found = self.known.get((name, values))
        if found is None:
            text = f"{name}{values}".encode()
            digest = hashlib.blake2b(text, digest_size=32, key=self.key).digest()
            found = self.known[name, values] = int.from_bytes(digest, "little") % self.prime
        return found

    def inverse(self, x: int) -> int:
        if x % self.prime == 0:
            raise ZeroDivisionError("a residue of 0 has no inverse")
        return pow(x, -1, self.prime)

    def number(self, value: sp.Expr) -> int:
        return cell_of(value, ())(self, ()) % self.prime

    def array(self, values: np.ndarray) -> np.ndarray:
        made = np.empty(np.shape(values), dtype=object)
        for at in np.ndindex(made.shape):
            made[at] = int(values[at]) % self.prime
        return made

    def reduced(self, values: np.ndarray) -> np.ndarray:
        return np.asarray(np.asarray(values, dtype=object) % self.prime, dtype=object)

    def map(self, function: Callable, *arrays: np.ndarray) -> np.ndarray:
        made = np.empty(np.shape(arrays[0]), dtype=object)
        for at in np.ndindex(made.shape):
            made[at] = function(*(a[at] % self.prime for a in arrays))
        return made

    def einsum(self, subscripts: str, arrays: list[np.ndarray]) -> np.ndarray:
        return self.reduced(np.einsum(subscripts, *arrays))

    def scalar(self, f: Function) -> Callable[..., int]:
        if f.opaque:
            name = f"{f.name}{len(f.derivative)}"
            return lambda *xs: self.hashed(name, *xs)
        cell = compiled(f)
        return lambda *xs: cell(self, xs) % self.prime

    # --- the functions that hashes stand for ---

    def exp(self, x: int) -> int:
        x %= self.prime
        turned = self.prime - x
        if x == 0:
            return 1
        return self.hashed("exp", x) if x < turned else self.inverse(self.hashed("exp", turned))

    def signed(self, name: str, x: int, odd: bool) -> int:
        x %= self.prime
        turned = self.prime - x
        if odd and x == 0:
            return 0
        return self.hashed(name, x) if x <= turned else (-1 if odd else 1) * self.hashed(name, turned)

    def above(self, x: int) -> int:
        """1[x > 0], with 1[x > 0] + 1[-x > 0] = 1."""
        x %= self.prime
        turned = self.prime - x
        return self.hashed("above", x) if x < turned else 1 - self.hashed("above", turned)

    def apply(self, op: str, arrays: tuple, params: tuple) -> np.ndarray:
        """A row of the tensor table."""
        if op not in TENSOR_VALUES:
            raise UnsupportedError(f"{op} has no value in a finite field")
        first = arrays if len(arrays) > 1 else arrays[0] if arrays else None
        return self.reduced(TENSOR_VALUES[op](self, first, params))


# --- scalar expressions ---

@lru_cache(maxsize=1024)
def compiled(f: Function) -> Cell:
    body = body_of(f)
    return cell_of(body.expr, tuple(body.variables))


@lru_cache(maxsize=8192)
def cell_of(expr: sp.Basic, variables: tuple[sp.Symbol, ...]) -> Cell:
    """A function of the table's own expression over the field. Raises `UnsupportedError` by name."""
    parts = [cell_of(a, variables) for a in expr.args] if not isinstance(expr, (sp.Piecewise, sp.Pow)) else []
    match expr:
        case sp.Symbol():
            at = variables.index(expr)
            return lambda field, xs: xs[at]
        case sp.Rational():
            top, bottom = int(expr.p), int(expr.q)
            return lambda field, xs: top * field.inverse(bottom) if bottom != 1 else top
        case sp.NumberSymbol() | sp.Float():
            name = str(expr)
            return lambda field, xs: field.hashed(name)
        case sp.Add():
            return lambda field, xs: sum(p(field, xs) for p in parts)
        case sp.Mul():
            return lambda field, xs: product_of(field, [p(field, xs) for p in parts])
        case sp.Pow():
            return power_cell(expr, variables)
        case sp.Piecewise():
            return piecewise_cell(expr, variables)
        case sp.Max() | sp.Min():
            return extreme_cell(parts, isinstance(expr, sp.Max))
        case sp.Abs():
            return lambda field, xs: (lambda x: x * (2 * field.above(x) - 1))(parts[0](field, xs))
    return function_cell(expr, parts, variables)


def product_of(field: Modular, values: list[int]) -> int:
    found = 1
    for value in values:
        found = found * value % field.prime
    return found


def function_cell(expr: sp.Basic, parts: list[Cell], variables: tuple) -> Cell:
    kind = type(expr)
    if kind is sp.exp:
        return lambda field, xs: field.exp(parts[0](field, xs))
    if kind is sp.log:
        return lambda field, xs: field.hashed("log", parts[0](field, xs) % field.prime)
    if kind in (sp.tanh, sp.sinh, sp.cosh):
        return cell_of(expr.rewrite(sp.exp), variables)
    if kind is sp.tan:
        return cell_of(sp.sin(expr.args[0]) / sp.cos(expr.args[0]), variables)
    if kind is sp.acos:
        return cell_of(sp.pi / 2 - sp.asin(expr.args[0]), variables)
    if kind in ODD or kind in EVEN:
        return lambda field, xs: field.signed(kind.__name__, parts[0](field, xs), kind in ODD)
    if kind is sp.sign:
        return lambda field, xs: 2 * field.above(parts[0](field, xs)) - 1
    if kind is sp.Heaviside:
        return lambda field, xs: field.above(parts[0](field, xs))
    if kind is sp.DiracDelta:
        return lambda field, xs: 0
    raise UnsupportedError(f"{kind.__name__} has no value in a finite field")


def power_cell(expr: sp.Pow, variables: tuple) -> Cell:
    base, exponent = cell_of(expr.base, variables), expr.exp
    if exponent.is_Integer:
        k = int(exponent)
        if k < 0:
            return lambda field, xs: pow(field.inverse(base(field, xs)), -k, field.prime)
        return lambda field, xs: pow(base(field, xs), k, field.prime)
    if exponent.is_Rational:
        top, bottom = int(exponent.p), int(exponent.q)
        return lambda field, xs: pow(field.hashed(f"root {bottom}", base(field, xs) % field.prime), top, field.prime)
    other = cell_of(exponent, variables)
    return lambda field, xs: field.hashed("power", base(field, xs) % field.prime, other(field, xs) % field.prime)


def piecewise_cell(expr: sp.Piecewise, variables: tuple) -> Cell:
    rows = [(cell_of(value, variables), None if test == sp.true else condition_cell(test, variables)) for value, test in expr.args]

    def cell(field: Modular, xs: tuple[int, ...]) -> int:
        rest, found = 1, 0
        for value, test in rows:
            share = 1 if test is None else test(field, xs)
            found += rest * share * value(field, xs)
            rest = rest * (1 - share) % field.prime
        return found
    return cell


def condition_cell(test: sp.Basic, variables: tuple) -> Cell:
    if type(test) in (sp.StrictLessThan, sp.LessThan):
        gap = cell_of(test.rhs - test.lhs, variables)
    elif type(test) in (sp.StrictGreaterThan, sp.GreaterThan):
        gap = cell_of(test.lhs - test.rhs, variables)
    else:
        raise UnsupportedError(f"the condition {type(test).__name__} has no value in a finite field")
    return lambda field, xs: field.above(gap(field, xs))


def extreme_cell(parts: list[Cell], largest: bool) -> Cell:
    def cell(field: Modular, xs: tuple[int, ...]) -> int:
        found = parts[0](field, xs)
        for part in parts[1:]:
            other = part(field, xs)
            gap = other - found if largest else found - other
            found = found + (gap if largest else -gap) * field.above(gap)
        return found
    return cell


# --- tensor functions ---

def exponentials(field: Modular, z: np.ndarray) -> np.ndarray:
    return field.map(field.exp, z)


def logarithms(field: Modular, z: np.ndarray) -> np.ndarray:
    return field.map(lambda x: field.hashed("log", x % field.prime), np.asarray(z, dtype=object))


def softmax(field: Modular, z: np.ndarray, params: tuple) -> np.ndarray:
    e = exponentials(field, z)
    return e * field.map(field.inverse, np.asarray(e.sum(axis=params[0], keepdims=True), dtype=object))


def logsumexp(field: Modular, z: np.ndarray, params: tuple) -> np.ndarray:
    return logarithms(field, exponentials(field, z).sum(axis=params[0]))


def log_softmax(field: Modular, z: np.ndarray, params: tuple) -> np.ndarray:
    return z - logarithms(field, exponentials(field, z).sum(axis=params[0], keepdims=True))


def largest_entry(field: Modular, z: np.ndarray, params: tuple) -> np.ndarray:
    return np.apply_along_axis(lambda row: field.hashed("max", *sorted(int(x) for x in row)), params[0], z).astype(object)


def eliminated(field: Modular, z: np.ndarray) -> tuple[int, np.ndarray]:
    """(determinant, inverse) by elimination."""
    n, det = len(z), 1
    work = [[int(x) for x in row] + [int(i == j) for j in range(n)] for i, row in enumerate(z)]
    for k in range(n):
        pivot = next((i for i in range(k, n) if work[i][k] % field.prime), None)
        if pivot is None:
            raise ZeroDivisionError("a singular matrix")
        if pivot != k:
            work[k], work[pivot], det = work[pivot], work[k], -det
        det = det * work[k][k] % field.prime
        factor = field.inverse(work[k][k])
        work[k] = [x * factor % field.prime for x in work[k]]
        for i in range(n):
            if i != k and work[i][k]:
                work[i] = [(x - work[i][k] * y) % field.prime for x, y in zip(work[i], work[k])]
    return det, np.array([row[n:] for row in work], dtype=object)


def power_of(field: Modular, z: np.ndarray, k: int) -> np.ndarray:
    base, made = eliminated(field, z)[1] if k < 0 else z, np.eye(len(z), dtype=int).astype(object)
    for _ in range(abs(k)):
        made = field.reduced(made @ base)
    return made


def pseudo_inverse(field: Modular, z: np.ndarray) -> np.ndarray:
    """Of a matrix of full rank."""
    if z.shape[0] >= z.shape[1]:
        return eliminated(field, field.reduced(z.T @ z))[1] @ z.T
    return z.T @ eliminated(field, field.reduced(z @ z.T))[1]


def unit(field: Modular, z: None, params: tuple) -> np.ndarray:
    at, count = params
    return np.array([int(k == at - 1) for k in range(count)], dtype=object)


TENSOR_VALUES = {
    "softmax": softmax, "logsumexp": logsumexp, "log_softmax": log_softmax, "max": largest_entry, "unit": unit,
    "prod": lambda field, z, params: np.apply_along_axis(lambda row: product_of(field, [int(x) for x in row]), params[0], z).astype(object),
    "norm": lambda field, z, params: field.hashed("root 2", int((z * z).sum() % field.prime)),
    "solve": lambda field, z, params: eliminated(field, z[0])[1] @ z[1],
    "matrix_power": lambda field, z, params: power_of(field, z, params[0]),
    "half_lower": lambda field, z, params: (np.tril(z) + np.tril(z, -1)) * field.inverse(2),
    "tril": lambda field, z, params: np.tril(z, params[0]), "pinv": lambda field, z, params: pseudo_inverse(field, z),
    "inv": lambda field, z, params: eliminated(field, z)[1], "det": lambda field, z, params: eliminated(field, z)[0],
    "logdet": lambda field, z, params: field.hashed("log", eliminated(field, z)[0] % field.prime),
}
