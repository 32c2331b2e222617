"""Eigenvalues and eigenvectors of symmetric matrices, all of them or one: one row each.

Sources: Giles (2008), sec. 3.1; Petersen and Pedersen, The Matrix Cookbook (2012), eqs 67 and 68; Golub and Pereyra (1973) for the
derivative of a pseudo-inverse of constant rank. They are those of ½(A + Aᵀ), so that the gradient is symmetric. What is asked of one
eigenpair beyond the size of the matrix is 0, as an entry beyond the end of an axis is.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from ..algebra import add, broadcast, contract, hadamard, negative
from ..expr import Apply, Delta, Expr, Map, Shape, function, walk
from . import TensorOp
from .application import Args, Shapes, apply, same_shape, scalar_shape
from .linear import product, symmetric_part


def rows(shapes: Shapes, params: tuple) -> Shape:
    return shapes[0][:1]


def gaps(a: Expr) -> Expr:
    """F_ij = 1/(λ_j − λ_i), 0 on the diagonal."""
    values = apply("eigvalsh", a)
    return Map(function("recip"), (add((broadcast(values, a.shape, (1,)), negative(broadcast(values, a.shape, (0,))))),))


def eigenvalues_vjp(y_bar: Expr, y: Expr, args: Args, params: tuple) -> Args:
    """Ā = Q diag(λ̄) Qᵀ."""
    q = apply("eigenvectors", args[0])
    return (contract((q, y_bar, q), ((0, 1), (1,), (2, 1)), (0, 2)),)


def eigenvectors_vjp(y_bar: Expr, y: Expr, args: Args, params: tuple) -> Args:
    """Ā = ½(S + Sᵀ) with S = Q (F ⊙ QᵀQ̄) Qᵀ and F_ij = 1/(λ_j − λ_i), 0 on the diagonal."""
    return (symmetric_part(product(y, hadamard(gaps(args[0]), product((y,), y_bar)), (y,))),)


def outer(u: Expr, v: Expr) -> Expr:
    return contract((u, v), ((0,), (1,)), (0, 1))


def eigenvalue_vjp(y_bar: Expr, y: Expr, args: Args, params: tuple) -> Args:
    """Ā = λ̄ v vᵀ."""
    v = apply("eigenvector", args[0], params=params)
    return (hadamard(y_bar, outer(v, v)),)


def eigenvector_vjp(y_bar: Expr, y: Expr, args: Args, params: tuple) -> Args:
    """Ā = ½(S + Sᵀ) with S = P v̄ vᵀ and P = (λI − A)⁺."""
    return (symmetric_part(outer(product(apply("resolvent", args[0], params=params), y_bar), y)),)


def resolvent_vjp(y_bar: Expr, y: Expr, args: Args, params: tuple) -> Args:
    """Ā = ½(S + Sᵀ) with S = P P̄ P − P² P̄ v vᵀ − v vᵀ P̄ P² − ⟨P̄, P²⟩ v vᵀ, since P v = 0."""
    v = apply("eigenvector", args[0], params=params)
    along, square = outer(v, v), product(y, y)
    terms = [product(y, y_bar, y), negative(product(y, y, y_bar, along)), negative(product(along, y_bar, y, y)),
             negative(contract((y_bar, square, along), ((0, 1), (0, 1), (2, 3)), (2, 3)))]
    return (symmetric_part(add(terms)),)


def pseudo_inverse(x: Expr) -> Expr:
    """X⁺, by its own row where X is λ_k I − A for an eigenvalue of A: that one is singular."""
    for node in walk(x):
        if type(node) is Apply and node.op == "eigenvalue" and (a := node.args[0]).shape == x.shape:
            multiple = contract((node, Delta(a.shape[0])), ((), (0, 1)), (0, 1))
            if add((multiple, negative(a))) is x:
                return apply("resolvent", a, params=node.params)
    return apply("pinv", x)


def signed(vectors: np.ndarray) -> np.ndarray:
    """Eigenvectors whose first entries are not negative, so that they are the same in every field."""
    return vectors * np.where(np.asarray(vectors[0] < 0, dtype=bool), -1, 1)


def is_there(a: np.ndarray, k: int) -> bool:
    return -len(a) <= k < len(a)


def eigenvalue_value(arrays: Sequence, params: tuple, field: object) -> object:
    a, (k,) = arrays[0], params
    return field.eigh(a)[0][k] if is_there(a, k) else field.number(0)


def eigenvector_value(arrays: Sequence, params: tuple, field: object) -> object:
    a, (k,) = arrays[0], params
    return signed(field.eigh(a)[1])[:, k] if is_there(a, k) else 0 * a[0]


def resolvent_value(arrays: Sequence, params: tuple, field: object) -> object:
    """Σ_j q_j q_jᵀ / (λ_k − λ_j) over the others."""
    a, (k,) = arrays[0], params
    if not is_there(a, k):
        return 0 * a
    values, q = field.eigh(a)
    others = [j for j in range(len(a)) if j != k % len(a)]
    return (q[:, others] / (values[k] - values[others])) @ q[:, others].T


VECTORS = """def eigenvectors(a):
    q = np.linalg.eigh((a + a.T) / 2)[1]
    return np.where(q[0] < 0, -q, q)
"""
RESOLVENT = """def resolvent(a, k):
    w, q = np.linalg.eigh((a + a.T) / 2)
    gaps = np.where(w == w[k], np.inf, w[k] - w)
    return q / gaps @ q.T
"""
SYMMETRIC = "the matrix is symmetric with distinct eigenvalues; the gradient is that of its symmetric part"
SIMPLE = "the matrix is symmetric and this eigenvalue is simple; the gradient is that of its symmetric part"
INDEX = (("index", -1),)

EIGEN_ROWS = (
    TensorOp("eigvalsh", rows, eigenvalues_vjp, lambda arrays, params, field: field.eigh(arrays[0])[0],
             "np.linalg.eigvalsh(({0} + {0}.T) / 2)", "dλ_i = q_iᵀ dA q_i", r"\operatorname{eig}", text="eig", condition=SYMMETRIC),
    TensorOp("eigenvectors", same_shape, eigenvectors_vjp, lambda arrays, params, field: signed(field.eigh(arrays[0])[1]),
             "eigenvectors({0})", "dQ = Q (F ⊙ Qᵀ dA Q), F_ij = 1/(λ_j − λ_i) off the diagonal", r"\operatorname{eigvecs}", text="eigvecs", helper=VECTORS,
             condition=SYMMETRIC),
    TensorOp("eigenvalue", scalar_shape, eigenvalue_vjp, eigenvalue_value, "np.linalg.eigvalsh(({0} + {0}.T) / 2)[{p0}]",
             "dλ = vᵀ dA v for the eigenvector v of length 1", r"\lambda", text="λ", show="eigenpair", params=INDEX, condition=SIMPLE),
    TensorOp("eigenvector", rows, eigenvector_vjp, eigenvector_value, "eigenvectors({0})[:, {p0}]",
             "dv = (λI − A)⁺ dA v", "v", text="v", show="eigenpair", params=INDEX, condition=SIMPLE, uses=("eigenvectors",)),
    TensorOp("resolvent", same_shape, resolvent_vjp, resolvent_value, "resolvent({0}, {p0})",
             "d(λI − A)⁺ is that of a pseudo-inverse whose rank does not change", r"\operatorname{resolvent}", show="pinv", params=INDEX,
             condition=SIMPLE, helper=RESOLVENT, symmetric=True),
)
