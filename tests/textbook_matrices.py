"""Published matrix identities: The Matrix Cookbook by equation number, Giles' reverse-mode results, Wikipedia, Boyd.

Sums stand in the source's order and with its factoring; identities that only differ from a listed one in the order of
two terms are left out, since the sources do not agree among themselves. `G` is the gradient from above.
"""

from __future__ import annotations

import autograd.numpy as np

from textbook_case import Array, Case, Draw, Rule, definite, inv, inv_t, positive, symmetric

COOKBOOK = "K. B. Petersen, M. S. Pedersen, The Matrix Cookbook (2012), "
GILES = "M. Giles, An extended collection of matrix derivative results for forward and reverse mode AD (2008), "
ANY = dict(m=4, n=3, k=5, l=2)


def det(a: Array) -> Array:
    return np.linalg.det(a)


def tr(a: Array) -> Array:
    return np.trace(a)


def frobenius(a: Array) -> Array:
    return np.sqrt(np.sum(a ** 2))


def identity(name: str, source: str, model: str, loss: Rule, *published: tuple[str, str, Rule], **draw: Draw) -> Case:
    """A case whose model is its declarations and one equation, the loss f."""
    return Case(name, "matrix identities", source, model, dict(f=loss), published, sizes=ANY, draw=draw)


DETERMINANTS = (
    identity("cookbook-49", COOKBOOK + "eq. (49)", """X: R[n, n]
            f = det(X)""", lambda v: det(v.X), ("X", "det(X) X⁻ᵀ", lambda v: det(v.X) * inv_t(v.X))),
    identity("cookbook-57", COOKBOOK + "eq. (57)", """X: R[n, n]
            f = logdet(X)""", lambda v: np.linalg.slogdet(v.X)[1], ("X", "X⁻ᵀ", lambda v: inv_t(v.X)), X=definite),
    identity("boyd-log-det",
             "S. Boyd, L. Vandenberghe, Convex Optimization (2004), sec. A.4.1, log det X of a symmetric X",
         """X: R[n, n]; fact: X == X.T
            f = logdet(X)""", lambda v: np.linalg.slogdet(v.X)[1], ("X", "X⁻¹", lambda v: inv(v.X)), X=definite),
    identity("cookbook-61", COOKBOOK + "eq. (61)", """X: R[n, n]; a: R[n]; b: R[n]
            f = a @ inv(X) @ b""", lambda v: v.a @ inv(v.X) @ v.b,
             ("X", "−X⁻ᵀ a bᵀ X⁻ᵀ", lambda v: -inv_t(v.X) @ np.outer(v.a, v.b) @ inv_t(v.X)), X=definite),
    identity("cookbook-62", COOKBOOK + "eq. (62)", """X: R[n, n]
            f = det(inv(X))""", lambda v: det(inv(v.X)), ("X", "−det(X⁻¹) X⁻ᵀ",
            lambda v: -det(inv(v.X)) * inv_t(v.X)), X=definite),
    identity("cookbook-124", COOKBOOK + "eqs (63), (124)", """X: R[n, n]; A: R[m, n]; B: R[n, m]
            f = trace(A @ inv(X) @ B)""", lambda v: tr(v.A @ inv(v.X) @ v.B),
             ("X", "−X⁻ᵀ Aᵀ Bᵀ X⁻ᵀ", lambda v: -inv_t(v.X) @ v.A.T @ v.B.T @ inv_t(v.X)), X=definite),
)

FORMS = (
    identity("cookbook-69", COOKBOOK + "eq. (69)", """x: R[n]; a: R[n]
            f = x @ a""", lambda v: v.x @ v.a, ("x", "a", lambda v: v.a)),
    identity("cookbook-70", COOKBOOK + "eq. (70)", """X: R[m, n]; a: R[m]; b: R[n]
            f = a @ X @ b""", lambda v: v.a @ v.X @ v.b, ("X", "a bᵀ", lambda v: np.outer(v.a, v.b))),
    identity("cookbook-71", COOKBOOK + "eq. (71)", """X: R[m, n]; a: R[n]; b: R[m]
            f = a @ X.T @ b""", lambda v: v.a @ v.X.T @ v.b, ("X", "b aᵀ", lambda v: np.outer(v.b, v.a))),
    identity("cookbook-72", COOKBOOK + "eq. (72)", """X: R[n, n]; a: R[n]
            f = a @ X @ a""", lambda v: v.a @ v.X @ v.a, ("X", "a aᵀ", lambda v: np.outer(v.a, v.a))),
    identity("cookbook-78", COOKBOOK + "eq. (78)", """B: R[m, n]; x: R[n]; b: R[m]; C: R[m, k]; D: R[k, n]; d: R[k]
            f = (B @ x + b) @ C @ (D @ x + d)""", lambda v: (v.B @ v.x + v.b) @ v.C @ (v.D @ v.x + v.d),
             ("x", "Bᵀ C (D x + d) + Dᵀ Cᵀ (B x + b)",
              lambda v: v.B.T @ v.C @ (v.D @ v.x + v.d) + v.D.T @ v.C.T @ (v.B @ v.x + v.b))),
    identity("cookbook-81", COOKBOOK + "eq. (81)", """B: R[n, n]; x: R[n]
            f = x @ B @ x""", lambda v: v.x @ v.B @ v.x, ("x", "(B + Bᵀ) x", lambda v: (v.B + v.B.T) @ v.x)),
    identity("cookbook-83", COOKBOOK + "eq. (83)", """X: R[m, n]; b: R[n]; c: R[m]; D: R[m, m]
            f = (X @ b + c) @ D @ (X @ b + c)""", lambda v: (v.X @ v.b + v.c) @ v.D @ (v.X @ v.b + v.c),
             ("X", "(D + Dᵀ) (X b + c) bᵀ", lambda v: np.outer((v.D + v.D.T) @ (v.X @ v.b + v.c), v.b))),
    identity("cookbook-84",
             COOKBOOK + "eqs (84), (87), (88), W symmetric", """x: R[m]; A: R[m, n]; s: R[n]; W: R[m, m]; fact: W == W.T
            f = (x - A @ s) @ W @ (x - A @ s)""", lambda v: (v.x - v.A @ v.s) @ v.W @ (v.x - v.A @ v.s),
             ("s", "−2 Aᵀ W (x − A s)", lambda v: -2 * v.A.T @ v.W @ (v.x - v.A @ v.s)),
             ("x", "2 W (x − A s)", lambda v: 2 * v.W @ (v.x - v.A @ v.s)),
             ("A", "−2 W (x − A s) sᵀ", lambda v: -2 * np.outer(v.W @ (v.x - v.A @ v.s), v.s)), W=symmetric),
    identity("cookbook-85",
             COOKBOOK + "eqs (85), (86), W symmetric: the squared Mahalanobis distance",
         """x: R[m]; s: R[m]; W: R[m, m]; fact: W == W.T
            f = (x - s) @ W @ (x - s)""", lambda v: (v.x - v.s) @ v.W @ (v.x - v.s),
             ("x", "2 W (x − s)", lambda v: 2 * v.W @ (v.x - v.s)), ("s", "−2 W (x − s)",
              lambda v: -2 * v.W @ (v.x - v.s)), W=symmetric),
    identity("cookbook-97", COOKBOOK + "eqs (96)–(97)", """A: R[n, n]; x: R[n]; b: R[n]
            f = x @ A @ x + b @ x""", lambda v: v.x @ v.A @ v.x + v.b @ v.x, ("x", "(A + Aᵀ) x + b",
            lambda v: (v.A + v.A.T) @ v.x + v.b)),
    identity("cookbook-129", COOKBOOK + "eq. (129)", """x: R[n]; a: R[n]
            f = norm(x - a)""", lambda v: frobenius(v.x - v.a), ("x", "(1/‖x − a‖) (x − a)",
            lambda v: (v.x - v.a) / frobenius(v.x - v.a))),
    identity("cookbook-131", COOKBOOK + "eqs (131), (132)", """x: R[n]; X: R[m, n]
            f = norm(x)**2 + norm(X)**2""", lambda v: np.sum(v.x ** 2) + np.sum(v.X ** 2),
             ("x", "2 x", lambda v: 2 * v.x), ("X", "2 X", lambda v: 2 * v.X)),
)

TRACES = (
    identity("cookbook-99", COOKBOOK + "eq. (99)", """X: R[n, n]
            f = trace(X)""", lambda v: tr(v.X), ("X", "I", lambda v: np.eye(v.n))),
    identity("cookbook-100", COOKBOOK + "eq. (100)", """X: R[m, n]; A: R[n, m]
            f = trace(X @ A)""", lambda v: tr(v.X @ v.A), ("X", "Aᵀ", lambda v: v.A.T)),
    identity("cookbook-101", COOKBOOK + "eq. (101)", """A: R[k, m]; X: R[m, n]; B: R[n, k]
            f = trace(A @ X @ B)""", lambda v: tr(v.A @ v.X @ v.B), ("X", "Aᵀ Bᵀ", lambda v: v.A.T @ v.B.T)),
    identity("cookbook-102", COOKBOOK + "eq. (102)", """A: R[k, n]; X: R[m, n]; B: R[m, k]
            f = trace(A @ X.T @ B)""", lambda v: tr(v.A @ v.X.T @ v.B), ("X", "B A", lambda v: v.B @ v.A)),
    identity("cookbook-103", COOKBOOK + "eqs (103), (104)", """X: R[m, n]; A: R[m, n]; Y: R[m, n]
            f = trace(X.T @ A) + trace(A @ Y.T)""", lambda v: tr(v.X.T @ v.A) + tr(v.A @ v.Y.T), ("X", "A", lambda v: v.A),
          ("Y", "A", lambda v: v.A)),
    identity("cookbook-106", COOKBOOK + "eq. (106)", """X: R[n, n]
            f = trace(X @ X)""", lambda v: tr(v.X @ v.X), ("X", "2 Xᵀ", lambda v: 2 * v.X.T)),
    identity("cookbook-114", COOKBOOK + "eq. (114)", """A: R[n, m]; X: R[m, n]; B: R[n, m]
            f = trace(A @ X @ B @ X)""", lambda v: tr(v.A @ v.X @ v.B @ v.X),
             ("X", "Aᵀ Xᵀ Bᵀ + Bᵀ Xᵀ Aᵀ", lambda v: v.A.T @ v.X.T @ v.B.T + v.B.T @ v.X.T @ v.A.T)),
    identity("cookbook-115", COOKBOOK + "eq. (115)", """X: R[m, n]
            f = trace(X.T @ X)""", lambda v: tr(v.X.T @ v.X), ("X", "2 X", lambda v: 2 * v.X)),
    identity("cookbook-117", COOKBOOK + "eq. (117)", """X: R[m, n]; B: R[m, m]; C: R[n, n]
            f = trace(X.T @ B @ X @ C)""", lambda v: tr(v.X.T @ v.B @ v.X @ v.C),
             ("X", "B X C + Bᵀ X Cᵀ", lambda v: v.B @ v.X @ v.C + v.B.T @ v.X @ v.C.T)),
    identity("cookbook-118", COOKBOOK + "eq. (118)", """A: R[k, m]; X: R[m, n]; B: R[n, n]; C: R[m, k]
            f = trace(A @ X @ B @ X.T @ C)""", lambda v: tr(v.A @ v.X @ v.B @ v.X.T @ v.C),
             ("X", "Aᵀ Cᵀ X Bᵀ + C A X B", lambda v: v.A.T @ v.C.T @ v.X @ v.B.T + v.C @ v.A @ v.X @ v.B)),
    identity("cookbook-119", COOKBOOK + "eq. (119)", """A: R[k, m]; X: R[m, n]; B: R[n, l]; C: R[k, l]
            f = trace((A @ X @ B + C) @ (A @ X @ B + C).T)""", lambda v: tr((v.A @ v.X @ v.B + v.C) @ (v.A @ v.X @ v.B + v.C).T),
             ("X", "2 Aᵀ (A X B + C) Bᵀ", lambda v: 2 * v.A.T @ (v.A @ v.X @ v.B + v.C) @ v.B.T)),
    identity("wikipedia-quadratic-trace",
             "Wikipedia, Matrix calculus, scalar-by-matrix identities, tr(Xᵀ A X), denominator layout", """X: R[m, n]; A: R[m, m]
            f = trace(X.T @ A @ X)""", lambda v: tr(v.X.T @ v.A @ v.X), ("X", "(A + Aᵀ) X", lambda v: (v.A + v.A.T) @ v.X)),
)

ADJOINTS = (
    identity("giles-product", GILES + "multiplication", """A: R[m, n]; B: R[n, k]; G: R[m, k]
            f = sum(G * (A @ B))""", lambda v: np.sum(v.G * (v.A @ v.B)),
             ("A", "G Bᵀ", lambda v: v.G @ v.B.T), ("B", "Aᵀ G", lambda v: v.A.T @ v.G)),
    Case("giles-inverse", "matrix identities", GILES + "inverse: the output C is reused",
         """A: R[n, n]; G: R[n, n]
            C = inv(A)
            f = sum(G * C)""",
         dict(C=lambda v: inv(v.A), f=lambda v: np.sum(v.G * v.C)), (("A", "−Cᵀ G Cᵀ", lambda v: -v.C.T @ v.G @ v.C.T),),
         sizes=ANY, draw=dict(A=definite)),
    Case("giles-determinant", "matrix identities", GILES + "determinant: the output c is reused",
         """A: R[n, n]; g: R
            c = det(A)
            f = g * c""",
         dict(c=lambda v: det(v.A), f=lambda v: v.g * v.c), (("A", "g c A⁻ᵀ", lambda v: v.g * v.c * inv_t(v.A)),), sizes=ANY,
         draw=dict(A=definite)),
    identity("giles-inverse-product", GILES + "matrix inverse product, C = A⁻¹ B", """A: R[n, n]; B: R[n, m]; G: R[n, m]
            f = sum(G * (inv(A) @ B))""", lambda v: np.sum(v.G * (inv(v.A) @ v.B)), ("B", "A⁻ᵀ G",
            lambda v: inv_t(v.A) @ v.G), A=definite),
    identity("giles-first-quadratic", GILES + "first quadratic form, C = Bᵀ A B", """A: R[n, n]; B: R[n, m]; G: R[m, m]
            f = sum(G * (B.T @ A @ B))""", lambda v: np.sum(v.G * (v.B.T @ v.A @ v.B)),
             ("A", "B G Bᵀ", lambda v: v.B @ v.G @ v.B.T), ("B", "A B Gᵀ + Aᵀ B G",
              lambda v: v.A @ v.B @ v.G.T + v.A.T @ v.B @ v.G)),
    identity("giles-second-quadratic", GILES + "second quadratic form, C = Bᵀ A⁻¹ B", """A: R[n, n]; B: R[n, m]; G: R[m, m]
            f = sum(G * (B.T @ inv(A) @ B))""", lambda v: np.sum(v.G * (v.B.T @ inv(v.A) @ v.B)),
             ("A", "−A⁻ᵀ B G Bᵀ A⁻ᵀ", lambda v: -inv_t(v.A) @ v.B @ v.G @ v.B.T @ inv_t(v.A)),
             ("B", "A⁻¹ B Gᵀ + A⁻ᵀ B G", lambda v: inv(v.A) @ v.B @ v.G.T + inv_t(v.A) @ v.B @ v.G), A=definite),
    Case("giles-frobenius", "matrix identities", GILES + "matrix norms, the Frobenius norm: the output b is reused",
         """A: R[m, n]; g: R
            b = norm(A)
            f = g * b""",
         dict(b=lambda v: frobenius(v.A), f=lambda v: v.g * v.b), (("A", "(g/b) A", lambda v: v.g / v.b * v.A),), sizes=ANY,
         draw=dict(g=positive)),
)

MATRICES = DETERMINANTS + FORMS + TRACES + ADJOINTS
