"""What each function of the text language means, over object arrays of mpmath numbers.

Written from the definitions as they stand in books; where a float would need a stable form, the
digits are simply there.
"""

from __future__ import annotations

import operator
from collections.abc import Callable
from fractions import Fraction

import mpmath
import numpy as np

Array = np.ndarray
Axis = int | tuple[int, ...] | None
SCALAR = ("exp", "log", "sqrt", "sin", "cos", "tan", "tanh", "sinh", "cosh")
RELATIONS = {">": operator.gt, "<": operator.lt, ">=": operator.ge, "<=": operator.le}


class Meaning:
    """The functions, in one precision. Those named in `SCALAR` are the context's own."""

    def __init__(self, context: mpmath.MPContext) -> None:
        self.context = context
        for name in SCALAR:
            setattr(self, name, self.each(getattr(context, name)))
        self.number = context.mpf

    @staticmethod
    def each(function: Callable) -> Callable[..., np.ndarray]:
        """The scalar function, entry by entry."""
        def mapped(*args: np.ndarray) -> np.ndarray:
            return np.asarray(np.frompyfunc(function, len(args), 1)(*args), dtype=object)
        return mapped

    # entry by entry

    def modulus(self, z: Array) -> Array:
        return self.each(lambda t: t if t > 0 else -t)(z)

    def sign(self, z: Array) -> Array:
        return self.each(lambda t: self.number((t > 0) - (t < 0)))(z)

    def square(self, z: Array) -> Array:
        return z * z

    def relu(self, z: Array) -> Array:
        return self.each(lambda t: t if t > 0 else self.number(0))(z)

    def leaky_relu(self, z: Array, alpha: Fraction) -> Array:
        slope = self.number(alpha.numerator) / alpha.denominator
        return self.each(lambda t: t if t > 0 else slope * t)(z)

    def elu(self, z: Array, alpha: Fraction) -> Array:
        slope = self.number(alpha.numerator) / alpha.denominator
        return self.each(lambda t: t if t > 0 else slope * (self.context.exp(t) - 1))(z)

    def sigmoid(self, z: Array) -> Array:
        return 1 / (1 + self.exp(-z))

    def softplus(self, z: Array) -> Array:
        return self.log(1 + self.exp(z))

    def silu(self, z: Array) -> Array:
        return z / (1 + self.exp(-z))

    def gelu(self, z: Array) -> Array:
        return z * self.each(lambda t: self.context.erfc(-t / self.context.sqrt(2)) / 2)(z)

    def gelu_tanh(self, z: Array) -> Array:
        scale = self.context.sqrt(2 / self.context.pi)
        return z / 2 * (1 + self.tanh(scale * (z + self.number(44715) / 1000000 * z ** 3)))

    def maximum(self, a: Array, b: Array) -> Array:
        return self.each(lambda s, t: s if s > t else t)(a, b)

    def minimum(self, a: Array, b: Array) -> Array:
        return self.each(lambda s, t: s if s < t else t)(a, b)

    def where(self, relation: str, left: Array, right: Array, yes: Array, no: Array) -> Array:
        holds = RELATIONS[relation]
        return self.each(lambda s, t, a, b: a if holds(s, t) else b)(left, right, yes, no)

    # reductions

    def sum(self, z: Array, axis: Axis = None, keepdims: bool = False) -> Array:
        return z.sum(axis=axis, keepdims=keepdims)

    def mean(self, z: Array, axis: Axis, keepdims: bool) -> Array:
        total = np.asarray(self.sum(z, axis, keepdims), dtype=object)
        return total * total.size / z.size

    def var(self, z: Array, axis: Axis, keepdims: bool) -> Array:
        return self.mean((z - self.mean(z, axis, True)) ** 2, axis, keepdims)

    def softmax(self, z: Array, axis: Axis) -> Array:
        return self.exp(z) / self.exp(z).sum(axis=axis, keepdims=True)

    def log_softmax(self, z: Array, axis: Axis) -> Array:
        return z - self.log(self.exp(z).sum(axis=axis, keepdims=True))

    def logsumexp(self, z: Array, axis: Axis) -> Array:
        return self.log(self.exp(z).sum(axis=axis))

    def norm(self, z: Array, order: int) -> Array:
        return self.modulus(z).sum() if order == 1 else self.context.sqrt((z * z).sum())

    # matrices

    def eye(self, n: int) -> Array:
        return np.array([[self.number(int(i == j)) for j in range(n)] for i in range(n)], dtype=object)

    def trace(self, a: Array) -> mpmath.mpf:
        return sum(a[i, i] for i in range(len(a)))

    def diag(self, z: Array) -> Array:
        if z.ndim == 2:
            return np.array([z[i, i] for i in range(len(z))], dtype=object)
        return self.eye(len(z)) * z

    def det(self, a: Array) -> mpmath.mpf:
        """By elimination with the largest pivot of each column."""
        rows, product = [list(row) for row in a], self.number(1)
        for step in range(len(rows)):
            best = max(range(step, len(rows)), key=lambda i: abs(rows[i][step]))
            if best != step:
                rows[step], rows[best], product = rows[best], rows[step], -product
            product *= rows[step][step]
            for i in range(step + 1, len(rows)):
                factor = rows[i][step] / rows[step][step]
                rows[i] = [x - factor * y for x, y in zip(rows[i], rows[step], strict=True)]
        return product

    def inv(self, a: Array) -> Array:
        """By Gauss-Jordan elimination of the matrix beside the identity."""
        n = len(a)
        rows = [list(row) + list(unit) for row, unit in zip(a, self.eye(n), strict=True)]
        for step in range(n):
            best = max(range(step, n), key=lambda i: abs(rows[i][step]))
            rows[step], rows[best] = rows[best], rows[step]
            rows[step] = [x / rows[step][step] for x in rows[step]]
            for i in set(range(n)) - {step}:
                rows[i] = [x - rows[i][step] * y for x, y in zip(rows[i], rows[step], strict=True)]
        return np.array([row[n:] for row in rows], dtype=object)

    def logdet(self, a: Array) -> mpmath.mpf:
        return self.context.log(self.det(a))

    # losses

    def squared_error(self, a: Array, y: Array) -> mpmath.mpf:
        return ((a - y) ** 2).sum() / 2

    def absolute_error(self, a: Array, y: Array) -> mpmath.mpf:
        return self.modulus(a - y).sum()

    def huber(self, r: Array, delta: Fraction) -> mpmath.mpf:
        bound = self.number(delta.numerator) / delta.denominator
        return self.each(lambda t: t * t / 2 if abs(t) <= bound else bound * (abs(t) - bound / 2))(r).sum()

    def hinge(self, s: Array, y: Array) -> mpmath.mpf:
        return self.relu(1 - y * s).sum()

    def softmax_cross_entropy(self, z: Array, y: Array) -> mpmath.mpf:
        return -(y * self.log_softmax(z, -1)).sum()

    def sigmoid_cross_entropy(self, z: Array, y: Array) -> mpmath.mpf:
        p = self.sigmoid(z)
        return -(y * self.log(p) + (1 - y) * self.log(1 - p)).sum()

    def kl(self, p: Array, q: Array) -> mpmath.mpf:
        return (p * self.log(p / q)).sum()
