"""Productions whose values are positive by construction, for logarithms, roots and divisors."""

from __future__ import annotations

from .grow import POSITIVE, Gen, Val, production
from .program import Node, Shape, binary, num, unary


def _plus(node: Node, number: str, mag: float) -> Val:
    return Val(binary("add", node, num(number)), mag)


@production(2, table=POSITIVE)
def exponential(gen: Gen, shape: Shape, depth: int) -> Val:
    return Val(unary("exp", gen.tame(gen.real(shape, depth - 1), 2).node), 8)


@production(2, table=POSITIVE)
def shifted_softplus(gen: Gen, shape: Shape, depth: int) -> Val:
    below = gen.real(shape, depth - 1)
    return _plus(unary("softplus", below.node), "1/4", below.mag + 1)


@production(2, table=POSITIVE)
def shifted_square(gen: Gen, shape: Shape, depth: int) -> Val:
    below = gen.real(shape, depth - 1)
    square = unary("square", below.node) if gen.chance(0.4) else binary("pow", below.node, num(2))
    if gen.chance(0.5):
        return Val(binary("add", num(1), square), 1 + below.mag ** 2)
    return _plus(square, "1/2", 0.5 + below.mag ** 2)


@production(1, table=POSITIVE)
def probability(gen: Gen, shape: Shape, depth: int) -> Val:
    below = gen.tame(gen.real(shape, depth - 1), 3)
    if shape and gen.chance(0.5):
        return Val(unary("softmax", below.node, -1), 1)
    return Val(unary("sigmoid", below.node), 1)


@production(1, table=POSITIVE)
def shifted_modulus(gen: Gen, shape: Shape, depth: int) -> Val:
    below = gen.generic(gen.real(shape, depth - 1))
    return _plus(unary("abs", below.node), "1/2", below.mag + 0.5)


@production(1, table=POSITIVE)
def hyperbolic(gen: Gen, shape: Shape, depth: int) -> Val:
    return Val(unary("cosh", gen.tame(gen.real(shape, depth - 1), 2).node), 4)


@production(1, table=POSITIVE)
def root_or_product(gen: Gen, shape: Shape, depth: int) -> Val:
    one = gen.positive(shape, depth - 1)
    if gen.chance(0.5):
        return Val(unary("sqrt", one.node), one.mag ** 0.5 + 1)
    other = gen.positive(shape, depth - 1)
    return Val(binary("mul", one.node, other.node), one.mag * other.mag)


@production(2, ranks=(0, 1, 2), table=POSITIVE)
def sum_of_squares(gen: Gen, shape: Shape, depth: int) -> Val:
    """A sum of squares or a variance along one more axis."""
    place = gen.rng.randrange(len(shape) + 1)
    longer = shape[:place] + (gen.dim(),) + shape[place:]
    below = gen.real(longer, depth - 1)
    if gen.chance(0.4):
        return _plus(gen.reduced("var", below, place, False, shape).node, "1/4", below.mag ** 2)
    square = Val(unary("square", below.node), below.mag ** 2)
    total = gen.reduced("sum", square, place, False, shape)
    return _plus(total.node, "1/4", total.mag)
