"""Functions of eigenvalues and singular values, and the matrix exponential: one row each.

Sources: Giles (2008), secs 3.1 and 3.2; Petersen and Pedersen, The Matrix Cookbook (2012), eqs 67 and 68; Watson,
Characterization of the subdifferential of some matrix norms (1992); Al-Mohy and Higham, Computing the Fréchet derivative of the matrix
exponential (2009); Higham, Functions of Matrices (2008), sec. 3.2 (the derivative as a block of a larger exponential).
The eigenvalues are those of ½(A + Aᵀ), so that the gradient is symmetric.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import permutations

import numpy as np

from ..algebra import add, broadcast, contract, hadamard, negative, scale, transpose
from ..errors import UnsupportedError
from ..expr import Expr, Map, Shape, function
from . import TensorOp
from .application import Args, Shapes, apply, same_shape, scalar_shape
from .linear import identity_multiple, product, symmetric_part


def rows(shapes: Shapes, params: tuple) -> Shape:
    return shapes[0][:1]


def eigenvalues_vjp(y_bar: Expr, y: Expr, args: Args, params: tuple) -> Args:
    """Ā = Q diag(λ̄) Qᵀ."""
    q = apply("eigenvectors", args[0])
    return (contract((q, y_bar, q), ((0, 1), (1,), (2, 1)), (0, 2)),)


def eigenvectors_vjp(y_bar: Expr, y: Expr, args: Args, params: tuple) -> Args:
    """Ā = ½(S + Sᵀ) with S = Q (F ⊙ QᵀQ̄) Qᵀ and F_ij = 1/(λ_j − λ_i), 0 on the diagonal."""
    values = apply("eigvalsh", args[0])
    across, down = broadcast(values, args[0].shape, (1,)), broadcast(values, args[0].shape, (0,))
    gaps = Map(function("recip"), (add((across, negative(down))),))
    return (symmetric_part(product(y, hadamard(gaps, product((y,), y_bar)), (y,))),)


def spectral_norm_vjp(y_bar: Expr, y: Expr, args: Args, params: tuple) -> Args:
    """X̄ = ȳ u₁ v₁ᵀ."""
    return (hadamard(y_bar, apply("top_singular", args[0])),)


def nuclear_norm_vjp(y_bar: Expr, y: Expr, args: Args, params: tuple) -> Args:
    """X̄ = ȳ U Vᵀ."""
    return (hadamard(y_bar, apply("polar", args[0])),)


def signed(vectors: np.ndarray) -> np.ndarray:
    """Eigenvectors whose first entries are not negative, so that they are the same in every field."""
    return vectors * np.where(np.asarray(vectors[0] < 0, dtype=bool), -1, 1)


def no_second(name: str) -> object:
    def vjp(y_bar: Expr, y: Expr, args: Args, params: tuple) -> Args:
        raise UnsupportedError(f"the derivative of {name} is not known here: {name} is differentiated once only")
    return vjp


def expm_vjp(y_bar: Expr, y: Expr, args: Args, params: tuple) -> Args:
    """X̄ = L(Xᵀ, Ȳ), the Fréchet derivative at Xᵀ; for Ȳ = c I that is c (e^X)ᵀ."""
    count = identity_multiple(y_bar)
    if count is not None:
        return (scale(count, transpose(y)),)
    return (apply("expm_derivative", transpose(args[0]), y_bar),)


def derivative_vjp(y_bar: Expr, y: Expr, args: Args, params: tuple) -> Args:
    """Y = L(A, E, …, G), the derivative of exp along each E in turn: linear in each, with adjoint L(Aᵀ, …, Gᵀ, Ȳ), and by A one
    derivative further. So all orders are one row."""
    turned = [transpose(arg) for arg in args]
    by_a = apply("expm_derivative", *turned, y_bar)
    return by_a, *(apply("expm_derivative", *turned[:k], *turned[k + 1:], y_bar) for k in range(1, len(args)))


def exponential(a: np.ndarray, field: object) -> np.ndarray:
    """exp(a) by its series for a / 2^k, squared k times, to the digits of the field."""
    size = float(max(np.abs(a).sum(axis=0)))
    k = max(0, int(np.ceil(np.log2(max(size, 1e-300)))) + 4)
    a = a / field.number(2) ** k
    total = term = field.array(np.eye(len(a)))
    for j in range(1, 14 + field.digits):
        term = term @ a / field.number(j)
        total = total + term
    for _ in range(k):
        total = total @ total
    return total


def expm_value(arrays: Sequence, params: tuple, field: object) -> object:
    return exponential(arrays[0], field)


def derivative_value(arrays: Sequence, params: tuple, field: object) -> object:
    """The corner of the exponential of [[A, E, 0], [0, A, G], [0, 0, A]], summed over the orders of E and G."""
    a, *along = arrays
    n, count = len(a), len(along)
    total = 0
    for order in permutations(along):
        blocks = [[a if i == j else order[i] if j == i + 1 else field.array(np.zeros((n, n))) for j in range(count + 1)] for i in range(count + 1)]
        total = total + exponential(np.block(blocks), field)[:n, -n:]
    return total


def top_value(arrays: Sequence, params: tuple, field: object) -> object:
    u, _, vt = field.svd(arrays[0])
    return u[:, :1] @ vt[:1]


def polar_value(arrays: Sequence, params: tuple, field: object) -> object:
    u, _, vt = field.svd(arrays[0])
    return u @ vt


EXPM = '''def expm(a):
    """exp(a) by its series for a / 2**k, squared k times."""
    k = max(0, int(np.ceil(np.log2(max(np.abs(a).sum(axis=0).max(), 1e-300)))) + 4)
    a = a / 2.0**k
    term = total = np.eye(len(a), dtype=a.dtype)
    for j in range(1, 14):
        term = term @ a / j
        total = total + term
    for _ in range(k):
        total = total @ total
    return total
'''
DERIVATIVE = '''from itertools import permutations


def expm_derivative(a, *along):
    """The derivative of exp at a along one direction after another: blocks of a larger exponential."""
    n, total = len(a), 0.0
    for order in permutations(along):
        big = np.kron(np.eye(len(along) + 1, dtype=a.dtype), a)
        for k, e in enumerate(order):
            big[k * n : (k + 1) * n, (k + 1) * n : (k + 2) * n] = e
        total = total + expm(big)[:n, -n:]
    return total
'''
TOP = """def top_singular(x):
    u, _, vt = np.linalg.svd(x, full_matrices=False)
    return u[:, :1] @ vt[:1]
"""
POLAR = """def polar(x):
    u, _, vt = np.linalg.svd(x, full_matrices=False)
    return u @ vt
"""
VECTORS = """def eigenvectors(a):
    q = np.linalg.eigh((a + a.T) / 2)[1]
    return np.where(q[0] < 0, -q, q)
"""
SYMMETRIC = "the matrix is symmetric with distinct eigenvalues; the gradient is that of its symmetric part"

SPECTRAL_ROWS = (
    TensorOp("eigvalsh", rows, eigenvalues_vjp, lambda arrays, params, field: field.eigh(arrays[0])[0],
             "np.linalg.eigvalsh(({0} + {0}.T) / 2)", "dλ_i = q_iᵀ dA q_i", r"\operatorname{eig}", text="eig", condition=SYMMETRIC),
    TensorOp("eigenvectors", same_shape, eigenvectors_vjp, lambda arrays, params, field: signed(field.eigh(arrays[0])[1]),
             "eigenvectors({0})", "dQ = Q (F ⊙ Qᵀ dA Q), F_ij = 1/(λ_j − λ_i) off the diagonal", r"\operatorname{eigvecs}", text="eigvecs", helper=VECTORS,
             condition=SYMMETRIC),
    TensorOp("spectral_norm", scalar_shape, spectral_norm_vjp, lambda arrays, params, field: field.svd(arrays[0])[1][0],
             "np.linalg.norm({0}, 2)", "d‖X‖₂ = u₁ᵀ dX v₁ for the largest singular value", show="norm",
             condition="the largest singular value is simple and not 0"),
    TensorOp("nuclear_norm", scalar_shape, nuclear_norm_vjp, lambda arrays, params, field: field.svd(arrays[0])[1].sum(),
             'np.linalg.norm({0}, "nuc")', "d‖X‖_* = tr(V Uᵀ dX) for X = U Σ Vᵀ", show="norm",
             condition="the matrix has full rank"),
    TensorOp("top_singular", same_shape, no_second("u₁v₁ᵀ"), top_value, "top_singular({0})",
             "u₁ v₁ᵀ of the largest singular value", r"u_1 v_1^\top", text="u₁v₁ᵀ", helper=TOP),
    TensorOp("polar", same_shape, no_second("the polar factor U Vᵀ"), polar_value, "polar({0})",
             "U Vᵀ of X = U Σ Vᵀ", r"\operatorname{polar}", helper=POLAR),
    TensorOp("expm", same_shape, expm_vjp, expm_value, "expm({0})", "the derivative of e^X along E is L(X, E), and ⟨Ȳ, L(X, E)⟩ = ⟨L(Xᵀ, Ȳ), E⟩",
             r"\operatorname{expm}", helper=EXPM),
    TensorOp("expm_derivative", same_shape, derivative_vjp, derivative_value, "expm_derivative({*})",
             "L(A, E) is linear in E, with adjoint L(Aᵀ, ·)", "L", text="L", helper=DERIVATIVE, uses=("expm",)),
)
