"""A second reading of a gallery model: its equations run as the NumPy that they are, differentiated by HIPS autograd.

Nothing of the package is used: sizes, data and functions are made here. Only the files of this repository are run.
"""

from __future__ import annotations

import math
import re
from pathlib import Path

import autograd
import autograd.numpy as np
import autograd.scipy.special as special
import numpy

DECLARATION = re.compile(r"(\w+)\s*:\s*(R(?:\[[^\]]*\])?|Z(?:\[[^\]]*\])?\s*<\s*(\w+)|elementwise)")
PRIMES = (3, 5, 2, 7, 4, 6, 3, 5, 2, 4)


def softmax(z: object, axis: int = -1) -> object:
    e = np.exp(z - np.max(z, axis=axis, keepdims=True))
    return e / np.sum(e, axis=axis, keepdims=True)


def norm(x: object) -> object:
    return np.sqrt(np.sum(x * x))


SCOPE = {
    "np": np, "softmax": softmax, "norm": norm, "sqrt": np.sqrt, "exp": np.exp, "log": np.log, "tanh": np.tanh, "abs": np.abs,
    "sum": np.sum, "mean": np.mean, "range": range, "maximum": np.maximum, "sigmoid": special.expit, "relu": lambda z: np.maximum(0.0, z),
    "elu": lambda z: np.where(z > 0, z, np.exp(np.minimum(z, 0.0)) - 1), "silu": lambda z: z * special.expit(z),
    "gelu": lambda z: z * (1 + special.erf(z / math.sqrt(2))) / 2, "softplus": lambda z: np.logaddexp(0.0, z),
    "logdet": lambda S: np.linalg.slogdet(S)[1], "inv": np.linalg.inv, "__builtins__": {"__import__": __import__},  # NumPy imports late
}


class Reading:
    """A model as sizes, data and lines of NumPy."""

    def __init__(self, path: Path, seed: int = 0) -> None:
        lines = [line for line in path.read_text(encoding="utf-8").split("\n") if line and not line.startswith("#")]
        self.facts = [line.partition(":")[2].strip() for line in lines if line.startswith("fact:")]
        self.lines = [line for line in lines if re.match(r"\w+\s*=", line)]
        found = [match for line in lines if line not in self.lines and not line.startswith("fact:") for match in DECLARATION.finditer(line)]
        names = dict.fromkeys(size for match in found for size in re.findall(r"[A-Za-z_]\w*", match[2][1:]))
        self.sizes = dict(zip(names, PRIMES))
        rng = numpy.random.default_rng(seed)
        self.data = {match[1]: self.draw(match, rng) for match in found}

    def draw(self, match: re.Match, rng: numpy.random.Generator) -> numpy.ndarray:
        """Data that the facts hold for, and that logarithms and roots of the models can take."""
        name = match[1]
        if match[3]:  # places
            axes = match[2][1:match[2].index("<")].strip(" []").split(",")
            return rng.integers(0, self.sizes[match[3]], [self.sizes[axis.strip()] for axis in axes if axis])
        shape = tuple(eval(part, {"__builtins__": {}}, self.sizes) for part in match[2][2:-1].split(",") if part.strip())
        value = rng.normal(size=shape)
        for fact in self.facts:
            if fact == f"{name} == {name}.T":
                value = value @ value.T / shape[0] + numpy.eye(shape[0])
            elif fact.startswith(f"{name} in"):
                value = (value > 0).astype(float)
            elif fact.startswith(f"sum({name}"):
                axis = re.search(r"axis=(\d)", fact)
                value = numpy.asarray(softmax(value, int(axis[1]) if axis else -1))
            elif fact == f"{name} > 0":
                value = numpy.abs(value) + 0.5
            elif re.fullmatch(rf"0 < {name} < 1", fact):
                value = 0.2 + 0.6 * rng.uniform(size=shape)
        if name == "S" and len(shape) == 2 and any("logdet(S)" in line for line in self.lines):
            value = value @ value.T + numpy.eye(shape[0])
        return value

    def loss(self, data: dict[str, object]) -> object:
        scope = {**SCOPE, **self.sizes, **data}
        for line in self.lines:
            name, _, expression = line.partition("=")
            scope[name.strip()] = eval(expression, scope)
        return scope["C"]

    def gradients(self) -> dict[str, numpy.ndarray]:
        real = {name: np.array(value) for name, value in self.data.items() if value.dtype.kind == "f"}
        return autograd.grad(lambda given: self.loss({**self.data, **given}))(real)
