"""Functions of matrices: determinants, inverses, systems, powers, triangles, one row each.

Sources: Giles, Collected Matrix Derivative Results for Forward and Reverse Mode Algorithmic Differentiation (2008), sec. 2;
Petersen and Pedersen, The Matrix Cookbook (2012), eqs 40–43, 49, 57, 60, 91; Golub and Pereyra (1973) for the
pseudo-inverse; Murray, Differentiation of the Cholesky decomposition (2016). Where only a symmetric argument makes sense the function is taken
of ½(A + Aᵀ), so that every entry may move on its own and the gradient is symmetric.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import sympy as sp

from ..algebra import add, contract, negative, scale, split_number, transpose
from ..expr import Delta, Expr, Shape
from . import TensorOp
from .application import Args, Shapes, apply, same_shape, scalar_shape


def product(*factors: Expr | tuple[Expr]) -> Expr:
    """The matrix product of matrices; one in a tuple is read transposed, a last vector is a column."""
    nodes = [f[0] if isinstance(f, tuple) else f for f in factors]
    inputs = [(k,) if n.rank == 1 else (k + 1, k) if isinstance(f, tuple) else (k, k + 1)
              for k, (f, n) in enumerate(zip(factors, nodes))]
    output = (0, len(nodes)) if nodes[-1].rank == 2 else (0,)
    return contract(nodes, inputs, output)


def symmetric_part(node: Expr) -> Expr:
    """½(S + Sᵀ)."""
    return scale(sp.Rational(1, 2), add((node, transpose(node))))


def identity_multiple(node: Expr) -> sp.Expr | None:
    """c where a node is c·I for a number c, else None."""
    number, core = split_number(node)
    return number if type(core) is Delta else None


def inverse_vjp(y_bar: Expr, y: Expr, args: Args, params: tuple) -> Args:
    """X̄ = −Yᵀ Ȳ Yᵀ for Y = X⁻¹."""
    return (negative(product((y,), y_bar, (y,))),)


def det_vjp(y_bar: Expr, y: Expr, args: Args, params: tuple) -> Args:
    """X̄ = ȳ det(X) X⁻ᵀ."""
    return (contract((y_bar, y, apply("inv", args[0])), ((), (), (0, 1)), (1, 0)),)


def logdet_vjp(y_bar: Expr, y: Expr, args: Args, params: tuple) -> Args:
    """X̄ = ȳ X⁻ᵀ."""
    return (contract((y_bar, apply("inv", args[0])), ((), (0, 1)), (1, 0)),)


def solve_vjp(y_bar: Expr, y: Expr, args: Args, params: tuple) -> Args:
    """B̄ = A⁻ᵀ Ȳ and Ā = −B̄ Yᵀ for Y = A⁻¹ B."""
    b_bar = apply("solve", transpose(args[0]), y_bar)
    if y.rank == 1:
        return negative(contract((b_bar, y), ((0,), (1,)), (0, 1))), b_bar
    return negative(product(b_bar, (y,))), b_bar


def pinv_vjp(y_bar: Expr, y: Expr, args: Args, params: tuple) -> Args:
    """X̄ = −Yᵀ Ȳ Yᵀ + (I − X Y) Ȳᵀ Y Yᵀ + Yᵀ Y Ȳᵀ (I − Y X) for Y = X⁺."""
    x, = args
    m, n = x.shape
    left = add((Delta(m), negative(product(x, y))))
    right = add((Delta(n), negative(product(y, x))))
    return (add((negative(product((y,), y_bar, (y,))), product(left, (y_bar,), y, (y,)), product((y,), y, (y_bar,), right))),)


def power_vjp(y_bar: Expr, y: Expr, args: Args, params: tuple) -> Args:
    """X̄ = Σ_r (X^r)ᵀ Ȳ (X^{k−1−r})ᵀ over r < k; for Ȳ = c I that is c k (X^{k−1})ᵀ."""
    x, (k,) = args[0], params
    count = identity_multiple(y_bar)
    if count is not None:
        return (scale(count * k, transpose(matrix_power(x, k - 1))),)
    powers = [matrix_power(x, r) for r in range(abs(k) + 1)]
    if k < 0:  # Y = (X⁻¹)^|k|
        powers = [matrix_power(x, -r) for r in range(abs(k) + 1)]
        return (negative(add([product((powers[r + 1],), y_bar, (powers[-k - r],)) for r in range(-k)])),)
    return (add([product((powers[r],), y_bar, (powers[k - 1 - r],)) for r in range(k)]),)


def matrix_power(x: Expr, k: int) -> Expr:
    """X^k, the plain nodes for I, X and X⁻¹."""
    if k == 0:
        return Delta(x.shape[0])
    if abs(k) == 1:
        return x if k == 1 else apply("inv", x)
    return apply("matrix_power", x, params=(k,))


def cholesky_vjp(y_bar: Expr, y: Expr, args: Args, params: tuple) -> Args:
    """Ā = ½(S + Sᵀ) with S = L⁻ᵀ halflower(Lᵀ L̄) L⁻¹."""
    inner = apply("half_lower", product((y,), y_bar))
    inverse = apply("inv", y)
    return (symmetric_part(product((inverse,), inner, inverse)),)


def half_lower_vjp(y_bar: Expr, y: Expr, args: Args, params: tuple) -> Args:
    return (apply("half_lower", y_bar),)


def lower_vjp(y_bar: Expr, y: Expr, args: Args, params: tuple) -> Args:
    return (apply("tril", y_bar, params=params),)


def turned_shape(shapes: Shapes, params: tuple) -> Shape:
    return shapes[0][::-1]


def second_shape(shapes: Shapes, params: tuple) -> Shape:
    return shapes[1]


def logdet_value(arrays: Sequence, params: tuple, field: object) -> object:
    field.inv(arrays[0])  # raises where the determinant is 0 up to rounding
    return field.log(abs(field.det(arrays[0])))


def pinv_value(arrays: Sequence, params: tuple, field: object) -> object:
    """(XᵀX)⁻¹ Xᵀ, or Xᵀ (X Xᵀ)⁻¹ where X is wide: X has full rank."""
    x, = arrays
    return field.inv(x.T @ x) @ x.T if x.shape[0] >= x.shape[1] else x.T @ field.inv(x @ x.T)


def power_value(arrays: Sequence, params: tuple, field: object) -> object:
    x, (k,) = arrays[0], params
    base, made = field.inv(x) if k < 0 else x, field.array(np.eye(len(x)))
    for _ in range(abs(k)):
        made = made @ base
    return made


def half_lower_value(arrays: Sequence, params: tuple, field: object) -> object:
    return (np.tril(arrays[0]) + np.tril(arrays[0], -1)) / field.number(2)


HALF_LOWER = """def half_lower(a):
    return 0.5 * (np.tril(a) + np.tril(a, -1))
"""
INVERTIBLE = "the matrix is invertible"

LINEAR_ROWS = (
    TensorOp("inv", same_shape, inverse_vjp, lambda arrays, params, field: field.inv(arrays[0]), "np.linalg.inv({0})",
             "dX⁻¹ = −X⁻¹ dX X⁻¹", show="inverse", condition=INVERTIBLE),
    TensorOp("det", scalar_shape, det_vjp, lambda arrays, params, field: field.det(arrays[0]),
             "np.linalg.det({0})", "d det X = det X tr(X⁻¹ dX)", r"\det", condition=INVERTIBLE),
    TensorOp("logdet", scalar_shape, logdet_vjp,
             logdet_value,
             "np.linalg.slogdet({0})[1]", "d log|det X| = tr(X⁻¹ dX)", r"\log\det", text="log det", condition=INVERTIBLE),
    TensorOp("solve", second_shape, solve_vjp, lambda arrays, params, field: field.inv(arrays[0]) @ arrays[1],
             "np.linalg.solve({0}, {1})", "A Y = B, so A dY = dB − dA Y", show="solve", condition=INVERTIBLE),
    TensorOp("pinv", turned_shape, pinv_vjp, pinv_value, "np.linalg.pinv({0})",
             "dX⁺ = −X⁺ dX X⁺ + X⁺ X⁺ᵀ dXᵀ (I − X X⁺) + (I − X⁺ X) dXᵀ X⁺ᵀ X⁺", show="pinv",
             condition="the matrix has full rank"),
    TensorOp("matrix_power", same_shape, power_vjp, power_value, "np.linalg.matrix_power({0}, {p0})",
             "dX^k = Σ_r X^r dX X^{k−1−r}", show="matrix power", params=(("exponent", 2),)),
    TensorOp("cholesky", same_shape, cholesky_vjp, lambda arrays, params, field: field.cholesky(arrays[0]),
             "np.linalg.cholesky(({0} + {0}.T) / 2)", "dL = L halflower(L⁻¹ dA L⁻ᵀ), which keeps the lower triangle and halves its diagonal",
             r"\operatorname{chol}", text="chol",
             condition="the matrix is symmetric and positive definite; the gradient is that of its symmetric part"),
    TensorOp("half_lower", same_shape, half_lower_vjp, half_lower_value, "half_lower({0})",
             "it keeps the lower triangle and halves the diagonal", r"\operatorname{halflower}", text="halflower", helper=HALF_LOWER),
    TensorOp("tril", same_shape, lower_vjp, lambda arrays, params, field: np.tril(arrays[0], params[0]),
             "np.tril({0}, {p0})", "only the entries that are kept move", r"\operatorname{tril}", params=(("k", 0),)),
)
