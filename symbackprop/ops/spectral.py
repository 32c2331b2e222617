"""Functions of singular values: the spectral and the nuclear norm and what stands in their derivatives, one row each.

Sources: Giles (2008), sec. 3.2; Watson, Characterization of the subdifferential of some matrix norms (1992); Higham, Functions of
Matrices (2008), ch. 8, for the polar decomposition. The derivative of the polar factor W of X is the solution of a Sylvester equation,
(X Wᵀ) dW + dW (Wᵀ X) = dX − W dXᵀ W; that of u₁v₁ᵀ follows from the eigenvectors of X Xᵀ and XᵀX.
"""

from __future__ import annotations

from collections.abc import Sequence

from ..algebra import add, hadamard, negative
from ..expr import Expr, Shape
from . import TensorOp
from .application import Args, Shapes, apply, same_shape, scalar_shape
from .linear import product, symmetric_part


def spectral_norm_vjp(y_bar: Expr, y: Expr, args: Args, params: tuple) -> Args:
    """X̄ = ȳ u₁ v₁ᵀ."""
    return (hadamard(y_bar, apply("top_singular", args[0])),)


def nuclear_norm_vjp(y_bar: Expr, y: Expr, args: Args, params: tuple) -> Args:
    """X̄ = ȳ U Vᵀ."""
    return (hadamard(y_bar, apply("polar", args[0])),)


def top_vjp(y_bar: Expr, y: Expr, args: Args, params: tuple) -> Args:
    """X̄ = σ P Ȳ YᵀY + σ Y YᵀȲ R + P X ȲᵀY + Y Ȳᵀ P X with σ = ‖X‖₂, P = (σ²I − X Xᵀ)⁺ and R = (σ²I − XᵀX)⁺."""
    x, = args
    sigma = apply("spectral_norm", x)
    left, right = (apply("resolvent", square, params=(-1,)) for square in (product(x, (x,)), product((x,), x)))
    return (add((hadamard(sigma, add((product(left, y_bar, (y,), y), product(y, (y,), y_bar, right)))),
                 product(left, x, (y_bar,), y), product(y, (y_bar,), left, x))),)


def polar_vjp(y_bar: Expr, y: Expr, args: Args, params: tuple) -> Args:
    """X̄ = S − Y SᵀY where (X Yᵀ) S + S (Yᵀ X) = Ȳ."""
    x, = args
    s = apply("sylvester", product(x, (y,)), product((y,), x), y_bar)
    return (add((s, negative(product(y, (s,), y)))),)


def sylvester_vjp(y_bar: Expr, y: Expr, args: Args, params: tuple) -> Args:
    """C̄ solves the equation with Ȳ, Ā = −½(C̄ Yᵀ + Y C̄ᵀ), B̄ = −½(YᵀC̄ + C̄ᵀY)."""
    a, b, _ = args
    c_bar = apply("sylvester", a, b, y_bar)
    return negative(symmetric_part(product(c_bar, (y,)))), negative(symmetric_part(product((y,), c_bar))), c_bar


def third_shape(shapes: Shapes, params: tuple) -> Shape:
    return shapes[2]


def top_value(arrays: Sequence, params: tuple, field: object) -> object:
    u, _, vt = field.svd(arrays[0])
    return u[:, :1] @ vt[:1]


def polar_value(arrays: Sequence, params: tuple, field: object) -> object:
    u, _, vt = field.svd(arrays[0])
    return u @ vt


def sylvester_value(arrays: Sequence, params: tuple, field: object) -> object:
    a, b, c = arrays
    (w, u), (s, v) = field.eigh(a), field.eigh(b)
    return u @ ((u.T @ c @ v) / (w[:, None] + s)) @ v.T


TOP = """def top_singular(x):
    u, _, vt = np.linalg.svd(x, full_matrices=False)
    return u[:, :1] @ vt[:1]
"""
POLAR = """def polar(x):
    u, _, vt = np.linalg.svd(x, full_matrices=False)
    return u @ vt
"""
SYLVESTER = '''def sylvester(c, a, b):
    """The y with a @ y + y @ b = c, for symmetric a and b."""
    w, u = np.linalg.eigh((a + a.T) / 2)
    s, v = np.linalg.eigh((b + b.T) / 2)
    return u @ ((u.T @ c @ v) / (w[:, None] + s)) @ v.T
'''
LARGEST, FULL_RANK = "the largest singular value is simple and not 0", "the matrix has full rank"

SPECTRAL_ROWS = (
    TensorOp("spectral_norm", scalar_shape, spectral_norm_vjp, lambda arrays, params, field: field.svd(arrays[0])[1][0],
             "np.linalg.norm({0}, 2)", "d‖X‖₂ = u₁ᵀ dX v₁ for the largest singular value", show="norm", condition=LARGEST),
    TensorOp("nuclear_norm", scalar_shape, nuclear_norm_vjp, lambda arrays, params, field: field.svd(arrays[0])[1].sum(),
             'np.linalg.norm({0}, "nuc")', "d‖X‖_* = tr(V Uᵀ dX) for X = U Σ Vᵀ", show="norm", condition=FULL_RANK),
    TensorOp("top_singular", same_shape, top_vjp, top_value, "top_singular({0})",
             "the eigenvectors u₁ of X Xᵀ and v₁ of XᵀX move by (σ²I − X Xᵀ)⁺ and (σ²I − XᵀX)⁺", r"u_1 v_1^\top", text="u₁v₁ᵀ", helper=TOP, condition=LARGEST),
    TensorOp("polar", same_shape, polar_vjp, polar_value, "polar({0})",
             "W = U Vᵀ moves with (X Wᵀ) dW + dW (Wᵀ X) = dX − W dXᵀ W", r"\operatorname{polar}", helper=POLAR, condition=FULL_RANK),
    TensorOp("sylvester", third_shape, sylvester_vjp, sylvester_value, "sylvester({2}, {0}, {1})",
             "A Y + Y B = C, so A dY + dY B = dC − dA Y − Y dB", r"\operatorname{sylv}", text="sylv", helper=SYLVESTER,
             condition="no sum of an eigenvalue of A and one of B is 0"),
)
