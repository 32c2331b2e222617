"""What is printed, read again and worked out with NumPy: equations such as `∂C/∂Q_h = (1/√d) Δ_S[h] K_h    (h = 1, …, H)`.

A second reader of our own text, which shares nothing with the package: it knows what a person knows who sees the lines.
Vectors are columns; `1` is a column of ones of whatever length fits, so a product with `1ᵀ` may stay narrow and is spread
when it is added to something or stored.
"""

from __future__ import annotations

import itertools
import math
import re

import numpy as np
from convolution_definitions import convolved

NAME = "[A-Za-zα-ωΑ-Ω][A-Za-zα-ωΑ-Ω0-9_₀-₉]*"
TOKEN = re.compile(rf"""\s*(?:(?P<sum>Σ_\{{\w+=[01]\.\.[^}}]*\}})|(?P<call>softmax_rows|softmax|ReLU|σ|tanh|diag|rot180|flip|GELU′|GELU)(?=\()
    |(?P<name>(?:\(∂{NAME}/∂{NAME}\)(?=\[)|∂{NAME}/∂{NAME}|{NAME})(?:\[[^\]]*\])?)|(?P<number>\d+(?!\[)|½)
    |(?P<sign>\^⊙2|⋆\[full\]|1\[|[−+⊙⊘⋆√()/ᵀ²\]>]))""", re.VERBOSE)
ONES, ROW, SQUARE = "1", "1ᵀ", "1 1ᵀ"


def full(d: np.ndarray, k: np.ndarray) -> np.ndarray:
    return valid(np.pad(d, [(m - 1, m - 1) for m in k.shape]), k)


def valid(x: np.ndarray, k: np.ndarray) -> np.ndarray:
    return np.asarray(convolved(x[None, None], k[None, None]))[0, 0]


class Page:
    """The values of all tensors by their printed names; `read` takes one line after the other."""

    def __init__(self, tensors: dict[str, np.ndarray], sizes: dict[str, int]) -> None:
        self.tensors, self.sizes = dict(tensors), sizes
        self.axes: dict[str, tuple[int, ...]] = {}

    def read(self, line: str) -> None:
        """Work a line out and keep what it defines."""
        equation, _, ranges = line.partition("    (")
        left, _, right = equation.partition(" = ")
        counts: dict[str, int] = {}
        for part in filter(None, ranges.removesuffix(")").split("; ")):
            name, _, value = part.partition(" = ")
            if ":" in value:
                self.axes[name] = tuple(k for k, place in enumerate(value.partition("[")[2][:-1].split(", ")) if place != ":")
            else:
                first, *_, last = value.split(", ") if ", " in value else (value, value)
                counts[name] = worked_out(last, self.sizes) + 1 - int(first)
        if not counts:
            self.store(left, (), {(): Line(self, right, {}).value()})
            return
        rows = {at: Line(self, right, dict(zip(counts, at))).value() for at in itertools.product(*map(range, counts.values()))}
        self.store(left, tuple(counts), rows)

    def store(self, left: str, letters: tuple[str, ...], values: dict[tuple[int, ...], object]) -> None:
        name, found, axes = self.place(left, letters)
        places = [{worked_out(letter, dict(zip(letters, at))) for at in values} for letter in found]
        shape = self.shape_of(name, places, axes, values)
        made = np.zeros(shape)
        for at, value in values.items():
            where: list = [slice(None)] * len(shape)
            for axis, letter in zip(axes, found):
                where[axis] = worked_out(letter, dict(zip(letters, at)))
            own = made[tuple(where)].shape
            value = np.asarray(1.0 if isinstance(value, str) else value, dtype=float)
            made[tuple(where)] = np.broadcast_to(value, own if len(own) >= 2 else (*own, 1, 1)[:2]).reshape(own)
        self.tensors[name] = made

    def shape_of(self, name: str, places: list[set[int]], axes: tuple[int, ...], values: dict) -> tuple[int, ...]:
        """Of a cotangent its tensor's; else that of the slices with the axes of the letters put in."""
        if name.startswith("∂"):
            return np.shape(self.tensors[name.split("/∂")[1]])
        if name[0] in "Δδ" and name.partition("_")[2] in self.tensors:
            return np.shape(self.tensors[name.partition("_")[2]])
        first = np.squeeze(np.asarray(next(iter(values.values())), dtype=float))
        shape = list(first.shape)
        for axis, own in zip(axes, places):
            shape.insert(axis, len(own))
        return tuple(shape)

    def place(self, text: str, letters: tuple[str, ...]) -> tuple[str, list[str], tuple[int, ...]]:
        """(tensor, letters, axes) of a printed slice: `∂C/∂W_h`, `Δ_S[b,h]`, `(∂C/∂F)[i, :]`."""
        if text in self.tensors or not letters:
            return text, [], ()
        if "[" in text:
            name, _, inside = text.partition("[")
            places = [p.strip() for p in inside[:-1].split(",")]
            axes = tuple(k for k, p in enumerate(places) if p != ":")
            return name.removeprefix("(").removesuffix(")"), [places[k] for k in axes], axes
        name, _, below = text.rpartition("_")
        assert name and set(below) <= set(letters), f"{text}: {letters} in range"
        return name, list(below), self.axes.get(text.rpartition("∂")[2], tuple(range(len(below))))

    def value(self, text: str, bound: dict[str, int]) -> object:
        if text in self.sizes:
            return float(self.sizes[text])
        name, letters, axes = self.place(text, tuple(bound))
        tensor = np.asarray(self.tensors[name])
        where: list = [slice(None)] * tensor.ndim
        for axis, letter in zip(axes, letters):
            where[axis] = worked_out(letter, bound)
        part = tensor[tuple(where)]
        return column(part[0] if letters and part.ndim == 3 and len(part) == 1 else part)


def worked_out(text: str, values: dict[str, int]) -> int:
    """`3j+k` or `h-2`."""
    return int(eval(re.sub(r"(\d)([A-Za-z])", r"\1*\2", text), {"__builtins__": {}}, values))


def column(value: np.ndarray) -> object:
    return float(value) if value.ndim == 0 else value[:, None] if value.ndim == 1 else value


class Line:
    """One right side at one index of each letter: sums, ⊙ and ⊘, products, marks, in rising order of strength."""

    def __init__(self, page: Page, text: str, bound: dict[str, int]) -> None:
        self.page, self.bound, self.at = page, bound, 0
        self.tokens = []
        while text.strip():
            found = TOKEN.match(text)
            assert found, f"what is {text!r}?"
            kind = found.lastgroup
            self.tokens.append((kind, found[kind]))
            text = text[found.end():]

    def value(self) -> object:
        made = self.sum()
        assert self.at == len(self.tokens), self.tokens[self.at:]
        return made

    def peek(self) -> str:
        return self.tokens[self.at][1] if self.at < len(self.tokens) else ""

    def take(self, sign: str) -> bool:
        found = self.peek() == sign
        self.at += found
        return found

    def sum(self) -> object:
        sign = -1.0 if self.take("−") else 1.0
        total = sign * spread(self.hadamard())
        while self.peek() in ("+", "−"):
            sign = -1.0 if self.take("−") else float(self.take("+"))
            total = total + sign * spread(self.hadamard())
        return total

    def hadamard(self) -> object:
        made = self.product()
        while self.peek() in ("⊙", "⊘"):
            divides = self.take("⊘") or not self.take("⊙")
            other = spread(self.product())
            made = spread(made) / other if divides else spread(made) * other
        return made

    def product(self) -> object:
        if self.at < len(self.tokens) and self.tokens[self.at][0] == "sum":
            return self.over_slices()
        number, made = 1.0, None
        while self.at < len(self.tokens) and self.peek() not in ("+", "−", ")", "⊙", "⊘", "]", ">"):
            if self.tokens[self.at][0] == "sum":
                return number * spread(self.over_slices())
            if self.peek() in ("⋆", "⋆[full]"):
                slides = full if self.take("⋆[full]") else valid if self.take("⋆") else None
                made = slides(made, self.factor())
                continue
            value = self.factor()
            if self.take("/"):
                value = value / self.factor()
            if isinstance(value, float):
                number *= value
            else:
                made = value if made is None else times(made, value)
        return number if made is None else made if number == 1.0 else number * spread(made)

    def over_slices(self) -> object:
        letter, first, last = re.fullmatch(r"Σ_\{(\w+)=([01])\.\.(.*)\}", self.tokens[self.at][1]).groups()
        self.at += 1
        start, total = self.at, 0.0
        for k in range(worked_out(last, self.page.sizes) + 1 - int(first)):
            self.at, self.bound = start, {**self.bound, letter: k}
            total = total + spread(self.hadamard())
        self.bound = {name: at for name, at in self.bound.items() if name != letter}
        return total

    def factor(self) -> object:
        value = self.atom()
        while self.peek() in ("ᵀ", "^⊙2", "²"):
            if self.take("ᵀ"):
                value = ROW if value is ONES else value if isinstance(value, float) else value.T
            else:
                self.at += 1
                value = value ** 2
        return value

    def atom(self) -> object:
        kind, text = self.tokens[self.at]
        self.at += 1
        if kind == "number":
            return ONES if text == "1" and self.peek() != "/" else 0.5 if text == "½" else float(text)
        if kind == "name":
            return self.page.value(text, self.bound)
        if kind == "call":
            return self.called(text, self.atom())
        if text == "√":
            return np.sqrt(self.atom())
        if text == "1[":
            made = self.sum()
            assert self.take(">") and self.take("0") and self.take("]")
            return (made > 0).astype(float)
        assert text == "(", text
        made = self.sum()
        assert self.take(")")
        return made

    def called(self, name: str, value: object) -> object:
        from scipy.special import erf, expit
        match name:
            case "softmax":
                return np.exp(value - value.max()) / np.exp(value - value.max()).sum()
            case "softmax_rows":
                e = np.exp(value - value.max(axis=1, keepdims=True))
                return e / e.sum(axis=1, keepdims=True)
            case "diag":
                return np.diag(value[:, 0])
            case "ReLU":
                return np.maximum(value, 0)
            case "σ":
                return expit(value)
            case "tanh":
                return np.tanh(value)
            case "GELU":
                return value * (1 + erf(value / math.sqrt(2))) / 2
            case "GELU′":
                return (1 + erf(value / math.sqrt(2))) / 2 + value * np.exp(-value ** 2 / 2) / math.sqrt(2 * math.pi)
        return np.flip(value)


def spread(value: object) -> object:
    """Ones of any length, in a sum: they stretch."""
    return 1.0 if isinstance(value, str) else value


def times(a: object, b: object) -> object:
    """A product in which ones take the length of what they meet."""
    if isinstance(a, str) and isinstance(b, str):
        assert (a, b) == (ONES, ROW), "1ᵀ 1 has no size"
        return SQUARE
    if isinstance(b, str):
        return a.sum(axis=1, keepdims=True) if b == ONES else a
    if isinstance(a, str):
        return b if a == ONES else b.sum(axis=0, keepdims=True)
    made = a @ b
    return float(made[0, 0]) if made.shape == (1, 1) else made


