"""The functions of generated autograd code, written from their definitions over `autograd.numpy`.

Each is stable for arguments of any size, with no branch that overflows. Those with a kink hand
`watch.kink` their distance from it.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from itertools import chain

import autograd.numpy as np
import numpy
from autograd.extend import defvjp, primitive
from autograd.tracer import getval

from .watch import Watch

Array = numpy.ndarray  # or autograd's box of one
Axis = int | tuple[int, ...] | None

erf = primitive(numpy.vectorize(math.erf, otypes=[float]))
defvjp(erf, lambda ans, z: lambda g: g * 2 / math.sqrt(math.pi) * np.exp(-z * z))


def _select(condition: Array, yes: Array, no: Array) -> Array:
    """`where` with both branches spread to the full shape first: autograd's own does not fold
    the cotangent of a branch that broadcasts."""
    zeros = numpy.zeros(numpy.broadcast_shapes(*(np.shape(part) for part in (condition, yes, no))))
    return np.where(condition, yes + zeros, no + zeros)


def _modulus(z: Array) -> Array:
    """|z|, with the slope 1 at zero: where z enters evenly, the sum of both branches is right."""
    return _select(z >= 0, z, -z)


def _sigmoid(z: Array) -> Array:
    small = numpy.exp(-numpy.abs(z))
    return numpy.where(z >= 0, 1.0, small) / (1.0 + small)


def _sigmoid_slope(z: Array) -> Array:
    """s (1 - s) without the cancellation."""
    small = numpy.exp(-numpy.abs(z))
    return small / (1 + small) ** 2


def _tanh_slope(z: Array) -> Array:
    """1 - tanh(z)**2 without the cancellation; autograd's own overflows for large z."""
    return 4 * _sigmoid_slope(2 * z)


def _by_output(watch: Watch, value: Callable, slope: Callable, textbook: Callable) -> Callable[[Array], Array]:
    """A function whose slope people write in terms of its output.

    That form cancels where the function saturates. Under a disturbance the slope is taken from
    the disturbed output, so that a point where the textbook form keeps no digits is found out.
    """
    function = primitive(value)
    defvjp(function, lambda ans, z: lambda g: g * (slope(z) if watch.noise is None else textbook(watch.node(ans))))
    return function


def softplus(z: Array) -> Array:
    return _select(z >= 0, z, 0.0) + np.log1p(np.exp(-_modulus(z)))


def gelu(z: Array) -> Array:
    return z * 0.5 * (1.0 + erf(z / math.sqrt(2.0)))


def logsumexp(z: Array, axis: Axis) -> Array:
    top = numpy.max(getval(z), axis=axis, keepdims=True)
    return np.log(np.sum(np.exp(z - top), axis=axis)) + numpy.squeeze(top, axis=axis)


def log_softmax(z: Array, axis: Axis) -> Array:
    return z - np.expand_dims(logsumexp(z, axis), axis)


def softmax(z: Array, axis: Axis) -> Array:
    e = np.exp(z - numpy.max(getval(z), axis=axis, keepdims=True))
    return e / np.sum(e, axis=axis, keepdims=True)


def var(z: Array, axis: Axis, keepdims: bool) -> Array:
    centred = z - np.mean(z, axis=axis, keepdims=True)
    return np.mean(centred * centred, axis=axis, keepdims=keepdims)


def diag(z: Array) -> Array:
    """Both readings through the identity: v times I, and the row sums of A times I."""
    if np.ndim(z) == 1:
        return np.reshape(z, (-1, 1)) * numpy.eye(np.shape(z)[0])
    return np.sum(z * numpy.eye(np.shape(z)[0]), axis=1)


def einsum(spec: str, *operands: Array) -> Array:
    """Every operand spread over all letters, multiplied, and summed over those not in the output."""
    before, after = spec.split("->")
    parts = before.split(",")
    letters = after + "".join(sorted({*chain(*parts)} - set(after)))
    product = 1.0
    for part, operand in zip(parts, operands, strict=True):
        part, operand = _first_reads(part, operand)
        order = sorted(range(len(part)), key=lambda i: letters.index(part[i]))
        spread = [np.shape(operand)[part.index(c)] if c in part else 1 for c in letters]
        product = product * np.reshape(np.transpose(operand, order), spread)
    return np.sum(product, axis=tuple(range(len(after), len(letters))))


def _first_reads(part: str, operand: Array) -> tuple[str, Array]:
    """The operand with a letter that stands twice in it reduced to its diagonal."""
    for letter in part:
        if part.count(letter) == 2:
            first, second = part.index(letter), part.rindex(letter)
            mask_shape = [n if i in (first, second) else 1 for i, n in enumerate(np.shape(operand))]
            operand = np.sum(operand * numpy.eye(np.shape(operand)[first]).reshape(mask_shape), axis=second)
            return _first_reads(part[:second] + part[second + 1:], operand)
    return part, operand


class Functions:
    """What generated code calls as `F.name`; the kinked functions report to `watch`."""

    softplus, gelu, diag, einsum = map(staticmethod, (softplus, gelu, diag, einsum))
    logsumexp, log_softmax, softmax, var = map(staticmethod, (logsumexp, log_softmax, softmax, var))

    def __init__(self, watch: Watch) -> None:
        self.watch = watch
        self.sigmoid = _by_output(watch, _sigmoid, _sigmoid_slope, lambda y: y * (1 - y))
        self.tanh = _by_output(watch, numpy.tanh, _tanh_slope, lambda y: 1 - y * y)

    def silu(self, z: Array) -> Array:
        return z * self.sigmoid(z)

    def gelu_tanh(self, z: Array) -> Array:
        return 0.5 * z * (1.0 + self.tanh(math.sqrt(2.0 / math.pi) * (z + 0.044715 * z * z * z)))

    def relu(self, z: Array) -> Array:
        self.watch.kink(z)
        return _select(z > 0, z, 0.0)

    def leaky_relu(self, z: Array, alpha: float) -> Array:
        self.watch.kink(z)
        return _select(z > 0, z, alpha * z)

    def elu(self, z: Array, alpha: float) -> Array:
        self.watch.kink(z)
        return _select(z > 0, z, alpha * np.expm1(_select(z > 0, 0.0, z)))

    def absolute(self, z: Array) -> Array:
        self.watch.kink(z)
        return _select(z > 0, z, -z)

    def sign(self, z: Array) -> Array:
        self.watch.kink(z)
        return numpy.sign(getval(z))

    def maximum(self, a: Array, b: Array) -> Array:
        self.watch.kink(a - b)
        return _select(a > b, a, b)

    def minimum(self, a: Array, b: Array) -> Array:
        self.watch.kink(a - b)
        return _select(a < b, a, b)

    def choose(self, relation: str, left: Array, right: Array, yes: Array, no: Array) -> Array:
        self.watch.kink(left - right)
        return _select({">": left > right, "<": left < right,
                         ">=": left >= right, "<=": left <= right}[relation], yes, no)

    def norm(self, z: Array, order: int) -> Array:
        if order == 1:
            return np.sum(self.absolute(z))
        length = np.sqrt(np.sum(z * z))
        self.watch.kink(length)
        return length

    def huber(self, r: Array, delta: float) -> Array:
        size = _modulus(r)
        self.watch.kink(size - delta)
        return np.sum(_select(size <= delta, r * r / 2, delta * (size - delta / 2)))

    def hinge(self, s: Array, y: Array) -> Array:
        return np.sum(self.relu(1.0 - y * s))

    def squared_error(self, a: Array, y: Array) -> Array:
        return np.sum((a - y) ** 2) / 2

    def absolute_error(self, a: Array, y: Array) -> Array:
        return np.sum(self.absolute(a - y))

    def softmax_cross_entropy(self, z: Array, y: Array) -> Array:
        return -np.sum(y * log_softmax(z, -1))

    def sigmoid_cross_entropy(self, z: Array, y: Array) -> Array:
        return np.sum(softplus(z) - y * z)

    def kl(self, p: Array, q: Array) -> Array:
        return np.sum(p * (np.log(p) - np.log(q)))
