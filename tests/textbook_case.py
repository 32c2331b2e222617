"""One published derivation as a record, and its evaluation by HIPS autograd.

A case holds the model in the text language, the same model as plain NumPy (`forward`, one rule per named line, the
last one the loss), and for each quantity the published formula twice: as text and as NumPy (`value`). `measure` draws
inputs, runs `forward` and differentiates it; nothing here touches symbackprop.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from types import SimpleNamespace
from typing import Any

import autograd
import autograd.numpy as np
import numpy

Array = Any
Values = SimpleNamespace
Rule = Callable[[Values], Array]
Draw = Callable[[numpy.random.Generator, tuple[int, ...]], Array]
DECLARATION = re.compile(r"(\w+): R(?:\[([^\]]*)\])?")


@dataclass(frozen=True)
class Case:
    """`published` lists (quantity, formula as text, formula as NumPy); `v.bar.z1` is the gradient with respect to z1."""

    id: str
    topic: str
    source: str
    model: str
    forward: Mapping[str, Rule]
    published: tuple[tuple[str, str, Rule], ...]
    sizes: Mapping[str, int] = field(default_factory=dict)
    draw: Mapping[str, Draw] = field(default_factory=dict)

    @property
    def loss(self) -> str:
        return list(self.forward)[-1]


def shapes(case: Case) -> dict[str, tuple[int, ...]]:
    """The shape of every declared tensor, sizes filled in."""
    return {name: tuple(case.sizes[s] if s in case.sizes else int(s) for s in re.findall(r"\w+", inside))
            for name, inside in DECLARATION.findall(case.model)}


def measure(case: Case, seed: int = 0) -> Values:
    """Every named value of one random run, and in `.bar` the gradient of the loss with respect to each of them."""
    rng = numpy.random.default_rng(seed)
    inputs = {name: case.draw.get(name, normal)(rng, shape) for name, shape in shapes(case).items()}

    def run(shift: dict[str, Array]) -> Values:
        v = SimpleNamespace(**{name: value + shift[name] for name, value in inputs.items()}, **case.sizes)
        for name, rule in case.forward.items():
            setattr(v, name, rule(v) + shift[name])
        return v

    names = [*inputs, *case.forward]
    still = run(dict.fromkeys(names, 0.0))
    zeros = {name: numpy.zeros(numpy.shape(getattr(still, name))) for name in names}
    still.bar = SimpleNamespace(**autograd.grad(lambda shift: getattr(run(shift), case.loss))(zeros))
    return still


# What is drawn, where a plain normal sample would not do.
def normal(rng: numpy.random.Generator, shape: tuple[int, ...]) -> Array:
    return rng.normal(size=shape) if shape else rng.uniform(0.5, 1.5)


def positive(rng: numpy.random.Generator, shape: tuple[int, ...]) -> Array:
    return rng.uniform(0.5, 1.5, size=shape)


def symmetric(rng: numpy.random.Generator, shape: tuple[int, ...]) -> Array:
    a = rng.normal(size=shape)
    return a + a.T


def definite(rng: numpy.random.Generator, shape: tuple[int, ...]) -> Array:
    a = rng.normal(size=shape)
    return a @ a.T + numpy.eye(*shape)


def unit(rng: numpy.random.Generator, shape: tuple[int, ...]) -> Array:
    return rng.uniform(0.1, 0.9, size=shape)


def simplex(rng: numpy.random.Generator, shape: tuple[int, ...]) -> Array:
    """Entries that sum to 1 along the last axis."""
    a = rng.uniform(0.1, 1.0, size=shape)
    return a / a.sum(axis=-1, keepdims=True)


def signs(rng: numpy.random.Generator, shape: tuple[int, ...]) -> Array:
    return rng.choice([-1.0, 1.0], size=shape)


# Scalar functions of the forward lines; f, g and h stand for unnamed activations, df, dg and dh for f′, g′ and h′.
def f(t: Array) -> Array:
    return np.sin(t) + t / 3


def df(t: Array) -> Array:
    return np.cos(t) + 1 / 3


def g(t: Array) -> Array:
    return t ** 3 / 3 - t


def dg(t: Array) -> Array:
    return t ** 2 - 1


def h(t: Array) -> Array:
    return np.exp(t / 2)


def dh(t: Array) -> Array:
    return np.exp(t / 2) / 2


def sigmoid(t: Array) -> Array:
    return 1 / (1 + np.exp(-t))


def relu(t: Array) -> Array:
    return np.where(t > 0, t, 0.0)


def softmax(t: Array) -> Array:
    e = np.exp(t - np.max(t, axis=-1, keepdims=True))
    return e / np.sum(e, axis=-1, keepdims=True)


def cross_entropy(p: Array, y: Array) -> Array:
    return -np.sum(y * np.log(p))


def binary_cross_entropy(p: Array, y: Array) -> Array:
    return -np.sum(y * np.log(p) + (1 - y) * np.log(1 - p))


def half_square(r: Array) -> Array:
    return np.sum(r ** 2) / 2


def inv(a: Array) -> Array:
    return np.linalg.inv(a)


def inv_t(a: Array) -> Array:
    return np.linalg.inv(a).T
