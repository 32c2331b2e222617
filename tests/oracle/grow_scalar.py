"""Productions of scalars: full reductions, norms, traces, determinants and the losses."""

from __future__ import annotations

from fractions import Fraction

from .grow import Gen, Val, combined, production
from .grow_linear import invertible, spd
from .program import Node, Shape, binary, num, unary

SCALAR = (0,)


@production(5, SCALAR)
def full_reduction(gen: Gen, shape: Shape, depth: int) -> Val:
    below = gen.real(gen.shape(gen.pick((1, 1, 2, 2, 2, 3))), depth - 1)
    return gen.reduced(gen.pick(("sum", "sum", "mean", "var")), below, None, False, ())


@production(3, SCALAR)
def vector_product(gen: Gen, shape: Shape, depth: int) -> Val:
    """x @ y by any of its names, and the quadratic form x @ A @ y."""
    left, right = gen.shape(1), gen.shape(1)
    x = gen.real(left, depth - 1)
    if gen.chance(0.5):
        y, op = gen.real(left, depth - 1), gen.pick(("dot", "inner", "matmul"))
        return Val(Node(op, (x.node, y.node), ()), x.mag * y.mag * 2, x.flat or y.flat)
    y = x if left == right and gen.chance(0.6) else gen.real(right, 0)
    row = Node("matmul", (x.node, gen.matrix(left + right, depth - 1).node), right)
    return Val(Node("matmul", (row, y.node), ()), 4 * x.mag * y.mag * 1.5)


@production(2, SCALAR)
def norm(gen: Gen, shape: Shape, depth: int) -> Val:
    """The 2-norm of a vector, the Frobenius norm of a matrix, the 1-norm of a vector."""
    if gen.chance(0.35):
        below = gen.generic(gen.real(gen.shape(1), depth - 1))
        return Val(Node("norm", (below.node,), (), (1,)), below.mag * gen.count(below.shape))
    below = gen.generic(gen.real(gen.shape(gen.pick((1, 2))), depth - 1))
    value = Val(Node("norm", (below.node,), (), (2,)), below.mag * gen.count(below.shape) ** 0.5)
    return value if gen.chance(0.6) else combined("pow", value, Val(num(2), 2), value.mag ** 2)


@production(2, SCALAR)
def trace(gen: Gen, shape: Shape, depth: int) -> Val:
    side = gen.dim()
    if gen.chance(0.4):
        below = gen.real((side, side), depth - 1)
        return Val(Node("trace", (below.node,), ()), below.mag * 2, below.flat)
    other = gen.dim()
    left, right = gen.matrix((side, other), depth - 1), gen.matrix((other, side), depth - 1)
    product = Node("matmul", (left.node, right.node), (side, side))
    return Val(Node("trace", (product,), ()), 4 * left.mag * right.mag)


@production(2.5, SCALAR)
def determinant(gen: Gen, shape: Shape, depth: int) -> Val:
    """log det of a positive definite matrix; det, scaled down, of an invertible one."""
    side = gen.dim()
    if gen.chance(0.5):
        return Val(Node("logdet", (spd(gen, side, depth).node,), ()), 4)
    det = Node("det", (invertible(gen, side, depth).node,), ())
    down = binary("pow", num(4), num(gen.count((side,))))
    return Val(binary("div", det, down), 3)


@production(1.5, SCALAR)
def logsumexp(gen: Gen, shape: Shape, depth: int) -> Val:
    below = gen.tame(gen.uneven(gen.real(gen.shape(1), depth - 1)), 8)
    return Val(Node("logsumexp", (below.node,), (), (gen.pick((0, -1)),)), below.mag + 2, below.flat)


def _target(gen: Gen, shape: Shape, kind: str) -> Val:
    """A target: a declared tensor of that kind, shared where there is one."""
    found = gen.named(shape, (kind,))
    return gen.known[gen.pick(found)] if found and gen.chance(0.5) else gen.fresh(shape, kind)


def _loss(gen: Gen, op: str, *args: Val, params: tuple = ()) -> Val:
    mag = gen.count(args[0].shape) * (0.5 + args[0].mag) * (0.5 if op == "kl" else 1.0)
    return Val(Node(op, tuple(arg.node for arg in args), (), params), mag)


@production(4, SCALAR)
def distance(gen: Gen, shape: Shape, depth: int) -> Val:
    """squared_error, absolute_error, huber: what compares two tensors."""
    shape = gen.shape(gen.pick((1, 2, 2)))
    a, op = gen.tame(gen.real(shape, depth - 1), 8), gen.pick(("squared_error", "absolute_error", "huber"))
    y = _target(gen, shape, "real") if gen.chance(0.6) else gen.real(shape, depth - 1)
    if y.node == a.node or (op != "squared_error" and y.flat and a.flat):
        y = gen.fresh(shape)
    if op == "huber":
        residual = combined("sub", a, y, a.mag + y.mag) if gen.chance(0.6) else gen.generic(a)
        return _loss(gen, op, residual, params=(Fraction(gen.pick(("1", "1/2", "2"))),))
    return _loss(gen, op, a, y)


@production(4, SCALAR)
def classification(gen: Gen, shape: Shape, depth: int) -> Val:
    """The cross-entropies and the hinge; targets with the fact that they sum to one, or without."""
    shape = gen.shape(gen.pick((1, 2, 2)))
    op = gen.pick(("softmax_cross_entropy", "softmax_cross_entropy", "sigmoid_cross_entropy", "hinge"))
    logits = gen.tame(gen.real(shape, depth - 1), 8)
    kinds = {"hinge": ("label",), "sigmoid_cross_entropy": ("unit", "binary", "real")}
    y = _target(gen, shape, gen.pick(kinds.get(op, ("simplex", "simplex", "weights", "real"))))
    return _loss(gen, op, gen.generic(logits) if op == "hinge" else logits, y)


@production(1.5, SCALAR)
def divergence(gen: Gen, shape: Shape, depth: int) -> Val:
    """kl(p, q) of a declared distribution and a softmax, either way round."""
    shape = gen.shape(gen.pick((1, 2)))
    q = Val(unary("softmax", gen.tame(gen.real(shape, depth - 1), 4).node, -1), 1)
    p = _target(gen, shape, gen.pick(("simplex", "positive"))) if gen.chance(0.7) else gen.positive(shape, 1)
    return _loss(gen, "kl", *((p, q) if gen.chance(0.6) else (q, p)))


@production(2, SCALAR)
def regulariser(gen: Gen, shape: Shape, depth: int) -> Val:
    """lam * sum(W**2) / 2 and its like, of a tensor read elsewhere."""
    w = gen.leaf(gen.shape(gen.pick((1, 2))))
    square = gen.reduced("sum", Val(binary("pow", w.node, num(2)), w.mag ** 2), None, False, ())
    return combined("mul", gen.leaf(()), Val(binary("div", square.node, num(2)), square.mag), square.mag)
