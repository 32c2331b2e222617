"""What a tree is worth at a point: NumPy arrays of floats, or of mpmath numbers, by NumPy's rules or by those of matrices.

As matrices, vectors are columns, nothing stretches but a number, and every product is a matrix product.
"""

from __future__ import annotations

from fractions import Fraction

import mpmath
import numpy as np

from .tree import Node

DIGITS, STEP = 60, mpmath.mpf(10) ** -20
Values = dict[str, np.ndarray]
FUNCTIONS = {
    "sigmoid": lambda t, m: 1 / (1 + m.exp(-t)), "tanh": lambda t, m: m.tanh(t), "relu": lambda t, m: t if t > 0 else 0 * t,
    "softplus": lambda t, m: m.log(1 + m.exp(t)), "exp": lambda t, m: m.exp(t), "log": lambda t, m: m.log(t), "sqrt": lambda t, m: m.sqrt(t),
    "sin": lambda t, m: m.sin(t), "cos": lambda t, m: m.cos(t), "cosh": lambda t, m: m.cosh(t), "sinh": lambda t, m: m.sinh(t),
    "sign": lambda t, m: (t > 0) - (t < 0) + 0 * t, "abs": lambda t, m: abs(t),
}
SLOPES = {
    "sigmoid": lambda t, m: m.exp(-t) / (1 + m.exp(-t)) ** 2, "tanh": lambda t, m: 1 - m.tanh(t) ** 2, "relu": lambda t, m: (t > 0) + 0 * t,
    "softplus": lambda t, m: 1 / (1 + m.exp(-t)), "exp": lambda t, m: m.exp(t), "sin": lambda t, m: m.cos(t),
}


class Meaning:
    """Values at one point. `precise` works with 60 digits; `matrices` takes vectors for columns."""

    def __init__(self, values: Values, sizes: dict[str, int], precise: bool = False, matrices: bool = False) -> None:
        self.sizes, self.precise, self.matrices = sizes, precise, matrices
        self.values = {k: self.array(v) for k, v in values.items()}

    def array(self, value: np.ndarray) -> np.ndarray:
        made = np.asarray(value, dtype=object if self.precise else float)
        return made[:, None] if self.matrices and made.ndim == 1 else made

    def of(self, node: Node) -> np.ndarray:
        """Raises `ValueError` where the shapes do not fit."""
        if self.precise:
            with mpmath.workdps(DIGITS):
                return self.kept(node)
        with np.errstate(all="ignore"):
            return self.kept(node)

    def kept(self, node: Node) -> np.ndarray:
        return np.asarray(self.value(node), dtype=object if self.precise else float)

    def value(self, node: Node) -> np.ndarray:
        parts = [self.kept(p) for p in node.parts]
        match node.op:
            case "name":
                return self.values[node.value]
            case "grad":
                return self.values[f"grad {node.value}"]
            case "num":
                return self.number(node.value)
            case "size":
                return self.array(np.asarray(self.sizes[node.value]))
            case "ones":
                return self.array(np.array([1 + self.number(0)[()]] * self.sizes[node.value]))
            case "T":
                return parts[0].T
            case "neg":
                return -parts[0]
            case "slope":
                return parts[0]
            case "call" | "prime":
                return self.function(FUNCTIONS[node.value] if node.op == "call" else SLOPES[node.value], parts[0])
            case "softmax":
                return self.softmax(parts[0], node.value)
            case "sum":
                return np.asarray(parts[0].sum(axis=node.value))
        return self.joined(node, *parts)

    def joined(self, node: Node, a: np.ndarray, b: np.ndarray | None = None) -> np.ndarray:
        match node.op:
            case "diag":
                return self.diagonal(a)
            case "trace":
                if a.ndim != 2 or a.shape[0] != a.shape[1]:
                    raise ValueError("a trace of what is not square")
                return np.asarray(np.trace(a))
            case "outer":
                if a.ndim != 1 or b.ndim != 1:
                    raise ValueError("an outer product of what are no vectors")
                return np.multiply.outer(a, b)
            case "matmul":
                return self.product(a, b)
            case "pow":
                return np.asarray(a ** (int(b) if int(b) == b else b), dtype=a.dtype)
        if self.matrices and a.shape != b.shape and not self.is_number(node, a, b) and not self.is_bias(node, a, b):
            raise ValueError(f"{a.shape} beside {b.shape}")
        match node.op:
            case "add":
                return a + b
            case "sub":
                return a - b
            case "mul":
                return a * b
            case "div":
                return a / b
            case "above":
                return np.asarray(a > b).astype(a.dtype) + 0 * a
        raise TypeError(node.op)

    def is_bias(self, node: Node, a: np.ndarray, b: np.ndarray) -> bool:
        """Whether a column is added to every column of a matrix, as in W X + b."""
        return node.op in ("add", "sub") and a.ndim == b.ndim == 2 and len(a) == len(b) and 1 in (a.shape[1], b.shape[1])

    def is_number(self, node: Node, a: np.ndarray, b: np.ndarray) -> bool:
        if node.op in ("mul", "div", "above"):
            return not a.shape and (node.op == "mul" or node.parts[0].op == "num") or not b.shape
        return any(p.op == "num" for p in node.parts)

    def product(self, a: np.ndarray, b: np.ndarray) -> np.ndarray:
        if self.matrices and (not a.shape or not b.shape):
            return a * b
        found = np.asarray(a @ b)
        return found.reshape(()) if self.matrices and found.shape == (1, 1) else found

    def diagonal(self, a: np.ndarray) -> np.ndarray:
        flat = a[:, 0] if self.matrices and a.ndim == 2 and a.shape[1] == 1 else a
        if flat.ndim != 1:
            raise ValueError("diag of what is no vector")
        return np.array([[x if i == j else 0 * x for j in range(len(flat))] for i, x in enumerate(flat)], dtype=a.dtype)

    def number(self, value: Fraction | str) -> np.ndarray:
        exact = Fraction(value)
        return np.asarray(mpmath.mpf(exact.numerator) / exact.denominator if self.precise else float(exact), dtype=object if self.precise else float)

    def function(self, f: object, a: np.ndarray) -> np.ndarray:
        module = mpmath if self.precise else Floats
        made = np.empty(a.shape, dtype=a.dtype)
        for at in np.ndindex(a.shape):
            made[at] = f(a[at], module)
        return made

    def softmax(self, a: np.ndarray, axis: int | None) -> np.ndarray:
        e = self.function(FUNCTIONS["exp"], a)
        if axis is None and not (a.ndim == 1 or self.matrices and a.shape[1] == 1):
            raise ValueError("softmax of a matrix without an axis")
        return e / e.sum(axis=axis, keepdims=True)


class Floats:
    exp, log, sqrt, tanh, sin, cos, cosh, sinh = np.exp, np.log, np.sqrt, np.tanh, np.sin, np.cos, np.cosh, np.sinh
