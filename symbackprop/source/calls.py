"""The functions of the text language: NumPy's names and meanings, the activations and the losses, one row each.

A row takes nodes and keyword values that the reader has evaluated, and returns a node. What is wrong is said locally;
the reader adds the place.
"""

from __future__ import annotations

import string
from collections.abc import Callable

import sympy as sp

from ..algebra import Const, ZERO, contract, hadamard, negative, power, total, transpose, zero
from ..errors import ShapeError, UnsupportedError
from ..expr import Apply, Delta, Expr, Map, Ones, Shape, function, show_shape
from ..layers.convolution import CONVOLUTIONS
from ..layers.losses import LOSSES
from ..ops import SCALAR_OPS
from ..ops.eigen import pseudo_inverse
from ..ops.linear import matrix_power as power_node
from ..ops.scalar import CALLED_BY_NAME, RELATIONS
from ..ops.tensor import apply
from .joins import JOIN_METHODS, JOINS
from .shapes import added, as_axis, axes_of, common_shape, matmul, multiplied, new_axes, one_axis, reduced, stretch

Call = Callable[..., Expr]


def elementwise(name: str, *args: Expr, params: tuple = ()) -> Expr:
    """A row of the scalar table on broadcast arguments; a function of a number stays a number."""
    if all(isinstance(a, Const) for a in args) and name not in RELATIONS:
        row = SCALAR_OPS[name]
        variables = sorted(row.expr.free_symbols & set(sp.symbols("x0 x1 x2", real=True)), key=str)
        value = row.expr.subs(dict(zip(variables, [a.value for a in args])))
        return Const(value.subs({sp.Symbol(p, real=True): v for (p, _), v in zip(row.params, params)}))
    target = common_shape([a.shape for a in args])
    return Map(function(name, params), tuple(stretch(a, target) for a in args))


def plain(name: str) -> Call:
    return lambda *args: elementwise(name, *args)


def number(value: Expr, what: str) -> sp.Expr:
    if not isinstance(value, Const):
        raise UnsupportedError(f"{what} must be a number here, not a tensor")
    return value.value


def leaky_relu(z: Expr, alpha: Expr = Const(sp.Rational(1, 100))) -> Expr:
    return elementwise("leaky_relu", z, params=(number(alpha, "alpha"),))


def elu(z: Expr, alpha: Expr = Const(sp.S.One)) -> Expr:
    return elementwise("elu", z, params=(number(alpha, "alpha"),))


def gelu(z: Expr, approximate: str = "none") -> Expr:
    if approximate not in ("none", "tanh"):
        raise UnsupportedError(f"gelu approximates with 'tanh' or 'none', not {approximate!r}")
    return elementwise("gelu_tanh" if approximate == "tanh" else "gelu", z)


def maximum(a: Expr, b: Expr) -> Expr:
    """max(0, z) is the rectifier."""
    if a is ZERO or b is ZERO:
        return elementwise("relu", b if a is ZERO else a)
    return elementwise("maximum", a, b)


def clip(x: Expr, low: Expr, high: Expr) -> Expr:
    """min(max(x, low), high)."""
    return elementwise("minimum", maximum(x, low), high)


def raised(base: Expr, exponent: Expr) -> Expr:
    """A power; ‖x‖² as a sum of squares, which has a derivative also where x is 0."""
    if isinstance(exponent, Const):
        squared = exponent.value.is_even and exponent.value > 0 and type(base) is Apply and base.op == "norm"
        return power(total(power(base.args[0], 2)), exponent.value / 2) if squared else power(base, exponent.value)
    return elementwise("power", base, exponent)


def along(op: str, keep: bool = False) -> Call:
    """A row of the tensor table that works along one axis."""
    def call(z: Expr, axis: object = -1, keepdims: bool = False) -> Expr:
        at = one_axis(z, axis)
        made = apply(op, z, params=(at,))
        return new_axes(made, (at,), z.rank) if keepdims and not keep else made
    return call


def square(a: Expr, op: str) -> Expr:
    if a.rank != 2 or a.shape[0] != a.shape[1]:
        raise ShapeError(f"{op} needs a square matrix, not {show_shape(a.shape)}")
    return a


def square_matrix(op: str, name: str = "") -> Call:
    return lambda a: apply(op, square(a, name or op))


def eigenpairs(a: Expr) -> Expr:
    square(a, "eigh")
    raise UnsupportedError("eigh has two results: eigh(A)[0] are the eigenvalues, eigh(A)[1] has the eigenvectors as columns")


def matrix_power(a: Expr, n: object) -> Expr:
    """np.linalg.matrix_power: a whole exponent, negative ones through the inverse."""
    square(a, "matrix_power")
    k = number(n, "the exponent of a matrix power") if isinstance(n, Expr) else n
    if not (k == int(k) and abs(k) <= 64):
        raise UnsupportedError(f"a matrix power of {k}: the exponent is a whole number up to 64")
    return power_node(a, int(k))


def solve(a: Expr, b: Expr) -> Expr:
    square(a, "solve")
    if b.rank not in (1, 2) or b.shape[0] != a.shape[0]:
        raise ShapeError(f"solve of {show_shape(a.shape)} and {show_shape(b.shape)}")
    return apply("solve", a, b)


def pinv(a: Expr) -> Expr:
    if a.rank != 2:
        raise ShapeError(f"pinv needs a matrix, not {show_shape(a.shape)}")
    return pseudo_inverse(a)


def triangle(lower: bool) -> Call:
    def call(a: Expr, k: object = 0) -> Expr:
        if a.rank != 2:
            raise ShapeError(f"a triangle of {show_shape(a.shape)}")
        at = int(number(k, "the diagonal")) if isinstance(k, Expr) else k
        return apply("tril", a, params=(at,)) if lower else transpose(apply("tril", transpose(a), params=(-at,)))
    return call


def largest(z: Expr, axis: object = None, keepdims: bool = False) -> Expr:
    if axis is None and z.rank != 1:
        raise UnsupportedError("max over several axes: give axis=")
    return along("max")(z, 0 if axis is None else axis, keepdims)


def diag(a: Expr) -> Expr:
    if a.rank == 1:
        return contract((a, Delta(a.shape[0])), ((0,), (0, 1)), (0, 1))
    if a.rank == 2 and a.shape[0] == a.shape[1]:
        return contract((a,), ((0, 0),), (0,))
    raise ShapeError(f"diag needs a vector or a square matrix, not {show_shape(a.shape)}")


def trace(a: Expr) -> Expr:
    if a.rank != 2 or a.shape[0] != a.shape[1]:
        raise ShapeError(f"trace needs a square matrix, not {show_shape(a.shape)}")
    return contract((a,), ((0, 0),), ())


def outer(a: Expr, b: Expr) -> Expr:
    if a.rank != 1 or b.rank != 1:
        raise ShapeError(f"outer needs two vectors, not {show_shape(a.shape)} and {show_shape(b.shape)}")
    return contract((a, b), ((0,), (1,)), (0, 1))


def inner(a: Expr, b: Expr) -> Expr:
    """np.inner: the sum over the last axis of both."""
    if not a.shape or not b.shape:
        return multiplied((a, b))
    if a.shape[-1] != b.shape[-1]:
        raise ShapeError(f"an inner product of {show_shape(a.shape)} and {show_shape(b.shape)}")
    left = tuple(range(a.rank))
    right = (*range(a.rank, a.rank + b.rank - 1), a.rank - 1)
    return contract((a, b), (left, right), left[:-1] + right[:-1])


def dot(a: Expr, b: Expr) -> Expr:
    return multiplied((a, b)) if not a.shape or not b.shape else matmul(a, b)


def vdot(a: Expr, b: Expr) -> Expr:
    if a.shape != b.shape:
        raise ShapeError(f"vdot of {show_shape(a.shape)} and {show_shape(b.shape)}")
    return total(hadamard(a, b))


def mean(z: Expr, axis: object = None, keepdims: bool = False) -> Expr:
    return reduced(z, axis, keepdims, mean=True)


def var(z: Expr, axis: object = None, keepdims: bool = False) -> Expr:
    centred = added((z, negative(reduced(z, axis, True, mean=True))))
    return reduced(power(centred, 2), axis, keepdims, mean=True)


def std(z: Expr, axis: object = None, keepdims: bool = False) -> Expr:
    return power(var(z, axis, keepdims), sp.Rational(1, 2))


def norm(x: Expr, ord: object = None, axis: object = None, keepdims: bool = False) -> Expr:
    """2-norm of a vector, 1-norm of a vector; of a matrix Frobenius (default, 'fro'), spectral (2), nuclear ('nuc')."""
    order = int(ord.value) if isinstance(ord, Const) and ord.value in (1, 2) else ord
    if x.rank == 2 and axis is None and not keepdims and order in (2, "nuc"):
        return apply("spectral_norm" if order == 2 else "nuclear_norm", x)
    if order == 1 and (x.rank == 1 or axis is not None):
        return reduced(Map(function("abs"), (x,)), axis, keepdims)
    if order not in (None, 2, "fro"):
        raise UnsupportedError(f"this norm (ord={order}) of {show_shape(x.shape)}")
    if axis is None and not keepdims:
        return apply("norm", x)
    return power(reduced(power(x, 2), axis, keepdims), sp.Rational(1, 2))


def transposed(x: Expr, axes: object = None) -> Expr:
    if axes is None:
        return transpose(x)
    order = axes_of_permutation(x, axes)
    return contract((x,), (tuple(range(x.rank)),), order)


def axes_of_permutation(x: Expr, axes: object) -> tuple[int, ...]:
    axes = as_axis(axes)
    if not isinstance(axes, tuple) or sorted(axes_of(x, axes)) != list(range(x.rank)) or len(axes) != x.rank:
        raise ShapeError(f"axes {axes} do not permute {show_shape(x.shape)}")
    return tuple(a % x.rank for a in axes)


def swapaxes(x: Expr, first: object, second: object) -> Expr:
    order = list(range(x.rank))
    i, j = one_axis(x, as_axis(first)), one_axis(x, as_axis(second))
    order[i], order[j] = order[j], order[i]
    return contract((x,), (tuple(range(x.rank)),), tuple(order))


def expand_dims(x: Expr, axis: object) -> Expr:
    at = as_axis(axis)
    if not isinstance(at, int) or not -x.rank - 1 <= at <= x.rank:
        raise ShapeError(f"axis {axis} of {show_shape(x.shape)}")
    return new_axes(x, (at % (x.rank + 1),), x.rank + 1)


def squeeze(x: Expr, axis: object = None) -> Expr:
    gone = tuple(k for k, d in enumerate(x.shape) if d == 1) if axis is None else axes_of(x, as_axis(axis))
    if any(x.shape[k] != 1 for k in gone):
        raise ShapeError(f"an axis of {show_shape(x.shape)} that is not 1 cannot be squeezed")
    return total(x, gone) if gone else x


def einsum(subscripts: object, *operands: Expr) -> Expr:
    """np.einsum with letters and an optional output; a letter runs over one size everywhere."""
    if not isinstance(subscripts, str):
        raise UnsupportedError("einsum takes its subscripts as a string first")
    left, arrow, right = subscripts.replace(" ", "").partition("->")
    parts = left.split(",")
    letters = [c for c in left if c != ","]
    if not set(letters + list(right)) <= set(string.ascii_letters):
        raise UnsupportedError(f"einsum subscripts {subscripts!r}: letters, commas and -> only")
    if not arrow:
        right = "".join(sorted(c for c in set(letters) if letters.count(c) == 1))
    if len(parts) != len(operands):
        raise ShapeError(f"einsum {subscripts!r} names {len(parts)} operands and {len(operands)} are given")
    for part, operand in zip(parts, operands):
        if len(part) != operand.rank:
            raise ShapeError(f"einsum subscripts {part!r} for {show_shape(operand.shape)}")
    if not set(right) <= set(letters) or len(set(right)) != len(right):
        raise ShapeError(f"einsum output {right!r} must use letters of {left!r}, each once")
    return contract(operands, [tuple(map(ord, part)) for part in parts], tuple(map(ord, right)))


def shape_of(value: object) -> Shape:
    parts = value if isinstance(value, tuple) else (value,)
    return tuple(sp.Integer(p) if isinstance(p, int) else number(p, "a size") for p in parts)


def filled_with(value: int) -> Call:
    return lambda shape: Ones(shape_of(shape)) if value else zero(shape_of(shape))


CALLS: dict[str, Call] = {
    **{name: plain(name) for name in (*CALLED_BY_NAME, "minimum", "where")},
    **{alias: plain(name) for alias, name in (
        ("absolute", "abs"), ("swish", "silu"), ("asin", "arcsin"), ("acos", "arccos"), ("atan", "arctan"))},
    **LOSSES,
    "sqrt": lambda z: power(z, sp.Rational(1, 2)), "square": lambda z: raised(z, Const(sp.Integer(2))),
    "reciprocal": lambda z: power(z, -1), "power": raised, "pow": raised,
    "maximum": maximum, "clip": clip, "leaky_relu": leaky_relu, "elu": elu, "gelu": gelu,
    "softmax": along("softmax", True), "log_softmax": along("log_softmax", True), "logsumexp": along("logsumexp"),
    "prod": along("prod"),
    "max": largest, "amax": largest, "sum": reduced, "mean": mean, "var": var, "std": std, "norm": norm, "inv": square_matrix("inv"),
    "pinv": pinv, "solve": solve, "matrix_power": matrix_power, "cholesky": square_matrix("cholesky"),
    "eigvalsh": square_matrix("eigvalsh"), "eigh": eigenpairs, "eigh[0]": square_matrix("eigvalsh", "eigh"),
    "eigh[1]": square_matrix("eigenvectors", "eigh"), **{name: square_matrix(name) for name in ("expm", "sinm", "cosm")},
    "tril": triangle(True), "triu": triangle(False),
    "det": square_matrix("det"), "logdet": square_matrix("logdet"), "dot": dot, "matmul": matmul, "inner": inner,
    "vdot": vdot, "outer": outer, "trace": trace, "diag": diag, "transpose": transposed, "swapaxes": swapaxes,
    "expand_dims": expand_dims, "squeeze": squeeze, "einsum": einsum, "multiply": lambda a, b: multiplied((a, b)),
    "add": lambda a, b: added((a, b)), "subtract": lambda a, b: added((a, negative(b))),
    "divide": lambda a, b: multiplied((a, power(b, -1))), "negative": negative,
    "eye": lambda n: Delta(shape_of(n)[0]), "ones": filled_with(1), "zeros": filled_with(0),
    **JOINS,
    **CONVOLUTIONS,
    "ones_like": lambda x: Ones(x.shape), "zeros_like": lambda x: zero(x.shape),
}
METHODS = ("sum", "mean", "var", "std", "dot", "trace", "transpose", "max", "swapaxes", "squeeze", *JOIN_METHODS)
