"""Productions that keep the shape: scalar functions, arithmetic, choices, axis-wise functions."""

from __future__ import annotations

from fractions import Fraction

from .grow import Gen, Val, combined, fits, production
from .program import Node, Shape, binary, broadcast, names, num, transposed, unary, walk

GROWING = ("softplus", "gelu", "gelu_tanh", "silu", "elu", "leaky_relu")
EXPONENTIAL = {"exp": 8.0, "sinh": 4.0, "cosh": 4.0}
COMPARISONS = (">", "<", ">=", "<=")


@production(3)
def bounded_function(gen: Gen, shape: Shape, depth: int) -> Val:
    return gen.bounded(gen.real(shape, depth - 1))


@production(3)
def activation(gen: Gen, shape: Shape, depth: int) -> Val:
    """The unbounded activations; those with a slope sometimes state it."""
    below, op = gen.generic(gen.real(shape, depth - 1)), gen.pick(GROWING)
    slope = {"leaky_relu": ("1/100", "1/4"), "elu": ("1", "1/2")}.get(op)
    params = (Fraction(gen.pick(slope)),) if slope else ()
    return Val(unary(op, below.node, *params), below.mag + 0.5)


@production(2, ranks=(1, 2, 3))
@production(0.25, ranks=(0,))
def relu(gen: Gen, shape: Shape, depth: int) -> Val:
    below = gen.generic(gen.real(shape, depth - 1))
    return Val(unary("relu", below.node), below.mag, flat=True)


@production(1.5)
def absolute(gen: Gen, shape: Shape, depth: int) -> Val:
    """|z|, or sign(z) times something."""
    below = gen.generic(gen.real(shape, depth - 1))
    if gen.chance(0.6):
        return Val(unary("abs", below.node), below.mag)
    other = gen.uneven(gen.real(shape, depth - 1))
    return combined("mul", Val(unary("sign", below.node), 1), other, other.mag)


@production(2)
def exponential(gen: Gen, shape: Shape, depth: int) -> Val:
    op = gen.pick(tuple(EXPONENTIAL))
    below = gen.tame(gen.real(shape, depth - 1), 2)
    return Val(unary(op, below.node), EXPONENTIAL[op], below.flat)


@production(1)
def tangent(gen: Gen, shape: Shape, depth: int) -> Val:
    """tan of what stays within (-pi/2, pi/2)."""
    below = gen.real(shape, depth - 1)
    raw = below.node.op == "ref" and below.mag == 1.25
    arg = below if raw else gen.bounded(below)
    return Val(unary("tan", arg.node), 2.5, below.flat)


@production(2)
def of_positive(gen: Gen, shape: Shape, depth: int) -> Val:
    below, op = gen.positive(shape, depth - 1), gen.pick(("log", "sqrt"))
    return Val(unary(op, below.node), 4.0 if op == "log" else below.mag ** 0.5 + 1, below.flat)


@production(2)
def power(gen: Gen, shape: Shape, depth: int) -> Val:
    """Whole powers of anything, any power of a positive base, a number to a power."""
    style = gen.rng.random()
    if style < 0.4:
        below = gen.tame(gen.real(shape, depth - 1), 4)
        square = Val(unary("square", below.node), below.mag ** 2, below.flat)
        power_ = combined("pow", below, Val(num(gen.pick((2, 2, 3))), 3), below.mag ** 2)
        return gen.pick((square, power_, power_))
    if style < 0.7:
        exponent = Val(num(gen.pick(("1/2", "3/2", "-1", "-2", "-1/2"))), 1)
        base = gen.positive(shape, depth - 1)
        return combined("pow", base, exponent, 25 if exponent.node.params[0] == -2 else 8 + base.mag)
    exponent = gen.operand(shape, depth - 1)
    exponent = exponent if exponent.mag <= 1.3 else gen.bounded(exponent, ("tanh",))
    if style < 0.85:
        return combined("pow", gen.positive(shape, depth - 1), exponent, 4)
    return combined("pow", Val(num(2), 2), gen.bounded(gen.real(shape, depth - 1)), 2)


@production(4)
def arithmetic(gen: Gen, shape: Shape, depth: int) -> Val:
    """+, -, * with a second operand that may broadcast, on either side."""
    left, right = gen.real(shape, depth - 1), gen.operand(shape, depth - 1)
    if gen.chance(0.4):
        left, right = right, left
    op = gen.pick(("add", "sub", "mul", "mul") if left.node != right.node else ("add", "mul"))
    mag = left.mag * right.mag if op == "mul" else left.mag + right.mag
    return combined(op, left, right, mag)


@production(1.5, ranks=(2, 3))
def stretched_both_ways(gen: Gen, shape: Shape, depth: int) -> Val | None:
    """x[:, None] * y[None, :] and its like: neither operand has the whole shape."""
    cut = gen.rng.randrange(1, 2 ** len(shape) - 1)
    left = gen.thin(tuple(d if cut >> i & 1 else 1 for i, d in enumerate(shape)), depth - 1)
    other = tuple(1 if cut >> i & 1 else d for i, d in enumerate(shape))
    while other and other[0] == 1 and gen.chance(0.5):
        other = other[1:]
    right = gen.thin(other, depth - 1) if 1 in other else gen.real(other, depth - 1)
    op = gen.pick(("add", "sub", "mul"))
    mag = left.mag * right.mag if op == "mul" else left.mag + right.mag
    return combined(op, left, right, mag) if fits(left, right, shape) else None


@production(2)
def quotient(gen: Gen, shape: Shape, depth: int) -> Val:
    """A division by a number, a size, a positive value, or 1 + z**2."""
    below, style = gen.real(shape, depth - 1), gen.rng.random()
    if style < 0.3:
        bottom = gen.number() if gen.chance(0.4) else gen.size_number(gen.dim())
        if gen.chance(0.3):
            bottom = combined("mul", gen.number(), gen.size_number(gen.dim()), 4)
        return combined("div", below, bottom, below.mag)
    if style < 0.6:
        z = gen.operand(shape, depth - 1)
        square = binary("add", num(1), binary("pow", z.node, num(2)))
        return combined("div", below, Val(square, 2), below.mag)
    bottom = gen.positive(shape, depth - 1)
    if gen.chance(0.4):
        below = gen.number()
    return combined("div", below, bottom, below.mag * 4)


@production(1)
def negative(gen: Gen, shape: Shape, depth: int) -> Val:
    below = gen.real(shape, depth - 1)
    return Val(unary("neg", below.node), below.mag, below.flat, below.even)


def _rivals(gen: Gen, shape: Shape, depth: int) -> tuple[Val, Val]:
    """Two values to compare that do not tie: not both constant, not made of the same names."""
    left, right = gen.generic(gen.real(shape, depth - 1)), gen.operand(shape, depth - 1)
    if right.node.op in ("num", "size") or names(left.node) & names(right.node):
        right = gen.threshold()
    return left, right


@production(2, ranks=(1, 2, 3))
@production(0.25, ranks=(0,))
def extremum(gen: Gen, shape: Shape, depth: int) -> Val:
    left, right = _rivals(gen, shape, depth)
    flat, mag = right.flat, left.mag + right.mag
    if gen.chance(0.4):
        left, right = right, left
    return Val(binary(gen.pick(("maximum", "minimum")), left.node, right.node), mag, flat)


@production(2, ranks=(1, 2, 3))
@production(0.25, ranks=(0,))
def choice(gen: Gen, shape: Shape, depth: int) -> Val:
    """where(l > r, a, b), each of which may broadcast."""
    left, right = _rivals(gen, shape, depth)
    yes, no = gen.real(shape, depth - 1), gen.operand(shape, depth - 1)
    yes, no = (yes, no) if gen.chance(0.5) else (no, yes)
    args = (left.node, right.node, yes.node, no.node)
    whole = broadcast(*(arg.shape for arg in args))
    node = Node("where", args, whole, (gen.pick(COMPARISONS),))
    return Val(node, yes.mag + no.mag, yes.flat or no.flat)


@production(2.5, ranks=(1, 2, 3))
def along_axis(gen: Gen, shape: Shape, depth: int) -> Val:
    """softmax and log_softmax along any axis, counted from either end."""
    below, op = gen.tame(gen.real(shape, depth - 1), 8), gen.pick(("softmax", "log_softmax"))
    axis = gen.rng.randrange(-len(shape), len(shape))
    flat = below.flat or gen.count((shape[axis],)) == 1
    return Val(unary(op, below.node, axis), 1.0 if op == "softmax" else 8.0, flat, even=True)


@production(1.5, ranks=(1, 2, 3))
def normalised(gen: Gen, shape: Shape, depth: int) -> Val:
    """A named value read several times: centred, standardised, or divided by its sum."""
    axis, style = gen.rng.randrange(len(shape)), gen.rng.random()
    thin = tuple(1 if i == axis else d for i, d in enumerate(shape))
    single = gen.count((shape[axis],)) == 1
    if style < 0.35:
        weight = gen.positive(shape, 0)
        total = gen.reduced("sum", weight, axis, True, thin)
        return Val(binary("div", weight.node, total.node), 1, single, even=True)
    z = gen.leaf(shape)
    if z.even:
        z = gen.fresh(shape)
    centred = binary("sub", z.node, gen.reduced("mean", z, axis, True, thin).node)
    if style < 0.65:
        return Val(centred, 2 * z.mag, z.flat or single, even=True)
    spread = binary("add", gen.reduced("var", z, axis, True, thin).node, num("1/4"))
    return Val(binary("div", centred, unary("sqrt", spread)), 2, z.flat or single, even=True)


@production(2)
def residual(gen: Gen, shape: Shape, depth: int) -> Val:
    """A name and a function of the same name."""
    z = gen.leaf(shape)
    below = gen.real(shape, depth - 1)
    inner, gate = gen.bounded(below).node, gen.bounded(z).node
    if gen.chance(0.5):
        return Val(binary("add", z.node, binary("mul", gate, inner)), z.mag + 1, z.flat)
    return Val(binary("add", z.node, inner), z.mag + 1, z.flat and below.flat)


@production(1.5)
def called(gen: Gen, shape: Shape, depth: int) -> Val | None:
    """A function that the program defines by a lambda."""
    if not gen.functions:
        return None
    function = gen.pick(gen.functions)
    args = [gen.generic(gen.real(shape, depth - 1)) for _ in function.parameters]
    node = Node("call", tuple(arg.node for arg in args), shape, (function.name,))
    steps = {"maximum", "where"} & {part.op for part in walk(function.body)}
    return Val(node, sum(arg.mag for arg in args) + 1, flat=bool(steps))


@production(2.5, ranks=(3,))
@production(2, ranks=(2,))
def turned(gen: Gen, shape: Shape, depth: int) -> Val:
    """A transpose, of three axes in any order."""
    if len(shape) == 2 or gen.chance(0.25):
        below = gen.real(shape[::-1], depth - 1)
        return Val(transposed(below.node), below.mag, below.flat, below.even)
    axes = tuple(gen.rng.sample(range(3), 3))
    source = tuple(shape[axes.index(i)] for i in range(3))
    below = gen.real(source, depth - 1)
    return Val(Node("transpose", (below.node,), shape, axes), below.mag, below.flat, below.even)
