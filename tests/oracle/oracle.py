"""Data for a random program, its gradients by autograd, and how far to trust them there.

`conditioning` rejects points near a kink, with huge values, or where rounding alone moves the
gradients. `mp_directional` differentiates the loss at 50 digits and more, with no rule at all.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass

import autograd
import mpmath
import numpy as np

from .emit_autograd import loss_function
from .emit_mp import mp_context, mp_data, mp_loss
from .program import Input, Program
from .watch import Watch

Arrays = dict[str, np.ndarray]
NEAREST_KINK = 1e-6
LARGEST = 1e7
LEVEL = 1e-11
WORST_CONDITION = 1e5
NOTHING_LEFT = 1e10


# data

def sample(program: Program, draw: int = 0) -> Arrays:
    """Float64 data that meet the stated facts exactly; another `draw`, other data."""
    rng = np.random.default_rng([program.seed, draw, 20])
    return {item.name: _draw(item, program.numbers(item.shape), rng) for item in program.inputs}


def _draw(item: Input, shape: tuple[int, ...], rng: np.random.Generator) -> np.ndarray:
    match item.kind:
        case "real":
            return rng.uniform(-1.25, 1.25, shape)
        case "positive" | "weights":
            return rng.uniform(0.3, 2.0, shape)
        case "unit":
            return rng.uniform(0.15, 0.85, shape)
        case "binary":
            return rng.integers(0, 2, shape).astype(float)
        case "label":
            return rng.choice([-1.0, 1.0], shape)
        case "symmetric":
            square = rng.uniform(-1.25, 1.25, shape)
            return (square + square.T) / 2
        case "simplex":
            return _on_simplex(shape, rng)
    raise ValueError(item.kind)


def _on_simplex(shape: tuple[int, ...], rng: np.random.Generator) -> np.ndarray:
    """Rows of multiples of 2**-20 that sum to one with no rounding, so that facts hold to any digit."""
    whole = 2 ** 20
    weights = rng.uniform(0.2, 1.0, shape)
    parts = np.floor(weights / weights.sum(axis=-1, keepdims=True) * whole)
    parts[..., -1] += whole - parts.sum(axis=-1)
    return parts / whole


# gradients

def autograd_gradients(program: Program, data: Mapping[str, np.ndarray], watch: Watch | None = None) -> Arrays:
    """The gradient of the loss by each input, of that input's shape."""
    loss = loss_function(program, watch or Watch())
    with np.errstate(all="ignore"):  # what overflows is seen and rejected by `conditioning`
        gradients = autograd.grad(loss)({name: np.asarray(value, dtype=float) for name, value in data.items()})
    return {name: np.asarray(value) for name, value in gradients.items()}


def autograd_loss(program: Program, data: Mapping[str, np.ndarray]) -> float:
    return float(loss_function(program, Watch())(dict(data)))


@dataclass(frozen=True)
class Conditioning:
    """What the forward pass met, and how strongly rounding moves each gradient.

    `reason` is empty, `"kinked"` or `"ill-conditioned"`. A gradient in `vanishing` is zero but
    for rounding: terms of size `natural` cancel (a sum of a softmax, say). It can be compared,
    but with that size alone.
    """

    reason: str
    nearest_kink: float
    largest: float
    condition: dict[str, float]
    natural: dict[str, float]
    vanishing: tuple[str, ...]


def conditioning(program: Program, data: Mapping[str, np.ndarray], gradients: Arrays) -> Conditioning:
    """Judge a point: the forward pass once, and the gradients under two disturbances."""
    seen = Watch()
    with np.errstate(all="ignore"):
        loss_function(program, seen)(dict(data))
    finite = seen.finite and all(np.all(np.isfinite(value)) for value in gradients.values())
    if not finite or max([seen.largest, *map(norm, gradients.values())]) > LARGEST:
        return Conditioning("ill-conditioned", seen.nearest, seen.largest, {}, {}, ())
    if seen.nearest < NEAREST_KINK:
        return Conditioning("kinked", seen.nearest, seen.largest, {}, {}, ())
    natural = dict.fromkeys(gradients, 0.0)
    for trial in range(2):
        noise = np.random.default_rng([program.seed, trial, 21])
        moved = autograd_gradients(program, data, Watch(noise, LEVEL))
        for name, value in gradients.items():
            natural[name] = max(natural[name], norm(moved[name] - value) / LEVEL)
    condition = {name: _ratio(natural[name], norm(value)) for name, value in gradients.items()}
    vanishing = tuple(name for name, value in condition.items() if value > NOTHING_LEFT)
    lost = any(WORST_CONDITION < value <= NOTHING_LEFT for value in condition.values())
    reason = "ill-conditioned" if lost else ""
    return Conditioning(reason, seen.nearest, seen.largest, condition, natural, vanishing)


def norm(value: np.ndarray) -> float:
    return float(np.sqrt(np.sum(np.square(value))))


def _ratio(above: float, below: float) -> float:
    if above == 0.0:
        return 0.0
    return above / below if below > 0 else math.inf


# high precision

def mp_directional(program: Program, data: Mapping[str, np.ndarray], wrt: str,
                   direction: np.ndarray, digits: int = 50) -> mpmath.mpf:
    """The derivative of the loss along `direction` in one input, right to about `digits` digits.

    The step is 10**(-digits/2), whose square is what a central difference loses; the loss is
    computed with enough digits more that cancellation costs nothing.
    """
    context = mp_context(digits + digits // 2 + 10)
    step = context.mpf(10) ** (-digits // 2)
    lifted = mp_data(dict(data), context)
    along = mp_data({wrt: np.asarray(direction, dtype=float)}, context)[wrt] * step
    ahead, behind = ({**lifted, wrt: lifted[wrt] + side * along} for side in (1, -1))
    return (mp_loss(program, ahead, context) - mp_loss(program, behind, context)) / (2 * step)


def signed_direction(program: Program, wrt: str, draw: int = 0) -> np.ndarray:
    """A random direction with entries of both signs, none near zero."""
    item = next(item for item in program.inputs if item.name == wrt)
    rng = np.random.default_rng([program.seed, draw, 22])
    shape = program.numbers(item.shape)
    return rng.choice([-1.0, 1.0], shape) * rng.uniform(0.5, 1.5, shape)
