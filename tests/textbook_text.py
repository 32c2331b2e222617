"""Reads a formula in the printed text conventions and evaluates it: the published text itself meets the numbers.

Vectors are columns. A ones vector has no size of its own: it sums or broadcasts its neighbour, so that a result may
have to be broadcast to the shape of what it is compared with. Shares no code with symbackprop.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable
from typing import Any

import numpy as np

import textbook_case as tc

Array = Any
NAME = r"[^\W\dᵀ²](?:[^\Wᵀ²¹]|[\u0302\u0304])*"
TOKEN = re.compile(rf"\s*(∂{NAME}/∂{NAME}|\^⊙2|⁻¹|⁻ᵀ|ᵀ|²|1\[|[+−⊙⊘/()‖>\]]|\d+|{NAME}′?)")
GREEK = dict(zip("alpha beta gamma delta eta theta lam mu xi sigma phi Phi Sigma".split(), "αβγδηθλμξσφΦΣ"))
ACCENTS = {"hat": "\u0302", "bar": "\u0304"}
FUNCTIONS: dict[str, Callable[[Array], Array]] = {
    "σ": tc.sigmoid, "tanh": np.tanh, "exp": np.exp, "log": np.log, "sign": np.sign, "det": np.linalg.det, "tr": np.trace,
    "softmax": lambda t: tc.softmax(t.T).T, "f′": tc.df, "g′": tc.dg, "h′": tc.dh, "h": tc.h, "s′": tc.df}
ONES = object()


def shown(name: str) -> str:
    """`W1` → W₁, `xhat` → x̂, `lam` → λ: a model's name as it is printed."""
    stem, label = re.fullmatch(r"([A-Za-z]+?)(\d*)", name).groups() if "_" not in name else (name, "")
    accent = next((a for a in ACCENTS if stem.endswith(a) and len(stem) == len(a) + 1), None)
    if accent:
        stem = unicodedata.normalize("NFC", stem[0] + ACCENTS[accent])
    return GREEK.get(stem, stem) + label.translate(str.maketrans("0123456789", "₀₁₂₃₄₅₆₇₈₉"))


def table(v: tc.Values, loss: str) -> dict[str, Array]:
    """Printed name → value, for the tensors, the sizes, the cotangents ∂L/∂W and the δ of every pre-activation."""
    names = {shown(k): matrix(x) for k, x in vars(v).items() if k != "bar"}
    for name, cotangent in sorted(vars(v.bar).items(), key=lambda item: item[0][0] in "zZ"):  # δ_i is z_i's, not i's
        label = shown(name)[1:] if name[0] in "zZ" else "_" + name
        names |= {f"∂{shown(loss)}/∂{shown(name)}": matrix(cotangent),
          ("Δ" if np.ndim(cotangent) == 2 else "δ") + label: matrix(cotangent)}
    return names


def matrix(x: Array) -> Array:
    """Vectors as columns; scalars, and what is 1 × 1 after a product, as numbers."""
    x = np.asarray(x, dtype=float)
    return x[:, None] if x.ndim == 1 else x.item() if x.shape in ((), (1, 1)) else x


class Reader:
    """sum = term ± term …; term = product ⊙ product …; product = power power …; power = atom with ᵀ, ⁻¹, ² behind it."""

    def __init__(self, text: str, names: dict[str, Array]) -> None:
        self.tokens, self.names = [], names
        end = 0
        for found in TOKEN.finditer(text):
            assert found.start() == end, f"cannot read {text[end:]!r}"
            self.tokens.append(found.group(1))
            end = found.end()
        assert end == len(text), f"cannot read {text[end:]!r}"

    def take(self, *wanted: str) -> str | None:
        return self.tokens.pop(0) if self.tokens and self.tokens[0] in wanted else None

    def need(self, token: str) -> None:
        assert self.take(token), f"{token} is missing before {self.tokens}"

    def sum(self) -> Array:
        value = -self.term() if self.take("−") else self.term()
        while sign := self.take("+", "−"):
            value = value + self.term() if sign == "+" else value - self.term()
        return value

    def term(self) -> Array:
        value = self.product()
        while sign := self.take("⊙", "⊘", "/"):
            other = self.product()
            value = value * other if sign == "⊙" else value / other
        return value

    def product(self) -> Array:
        factors = [self.power()]
        while self.tokens and self.tokens[0] not in ("+", "−", "⊙", "⊘", "/", ")", "‖", ">", "]"):
            factors.append(self.power())
        if len(factors) == 1 and factors[0] is ONES:
            return 1.0
        value = factors[0]
        for factor in factors[1:]:
            value = times(value, factor)
        return value

    def power(self) -> Array:
        value = self.atom()
        while mark := self.take("ᵀ", "⁻¹", "⁻ᵀ", "²", "^⊙2"):
            if value is ONES or np.ndim(value) == 0:
                value = value ** 2 if mark == "²" else value
            else:
                value = {"ᵀ": np.transpose, "⁻¹": np.linalg.inv, "⁻ᵀ": lambda a: np.linalg.inv(a).T}.get(mark, np.square)(value)
        return value

    def atom(self) -> Array:
        token = self.tokens.pop(0)
        if token == "(":
            value = self.sum()
            self.need(")")
            return value
        if token == "‖":
            value = np.sqrt(np.sum(np.square(self.sum())))
            self.need("‖")
            return value
        if token == "1[":
            left = self.sum()
            self.need(">")
            value = np.where(left > self.sum(), 1.0, 0.0)
            self.need("]")
            return matrix(value)
        if token.isdigit():
            return ONES if token == "1" else float(token)
        if token in FUNCTIONS and self.tokens[:1] == ["("]:
            return matrix(FUNCTIONS[token](self.atom()))
        return np.eye(len(self.names["X"])) if token == "I" else self.names[token]


def times(a: Array, b: Array) -> Array:
    """The product of two neighbours; a ones vector sums a matrix beside it, or leaves what it would repeat."""
    if a is ONES or b is ONES:
        other, axis = (b, 0) if a is ONES else (a, 1)
        if other is ONES or np.ndim(other) == 0 or np.shape(other)[axis] == 1:
            return 1.0 if other is ONES else other
        return matrix(np.sum(other, axis=axis, keepdims=True))
    return a * b if np.ndim(a) == 0 or np.ndim(b) == 0 else matrix(a @ b)


def evaluate(text: str, names: dict[str, Array]) -> Array:
    reader = Reader(text, names)
    value = reader.sum()
    assert not reader.tokens, f"{reader.tokens} left over"
    return value
