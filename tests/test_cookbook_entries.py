"""Identities of The Matrix Cookbook (version of 15 November 2012, section 2) between whole Jacobians, differentials and structured matrices.

The expected values are the published right sides in NumPy, entry by entry where the book has the single-entry matrix J^ij. The others
stand in `test_cookbook.py` and `formulas/cookbook.tex`.
"""

from __future__ import annotations

import numpy as np
import pytest

import symbackprop as sb

SIZES = {"m": 4, "n": 3, "k": 2}


def single(shape: tuple[int, int], i: int, j: int) -> np.ndarray:
    """J^ij, with a one at (i, j) alone."""
    made = np.zeros(shape)
    made[i, j] = 1
    return made


def data(model: str, seed: int = 0, symmetric: tuple[str, ...] = ()) -> dict[str, np.ndarray]:
    rng = np.random.default_rng(seed)
    made = {n: rng.normal(size=[SIZES.get(str(d)) or int(d) for d in v.shape]) for n, v in sb.parse(model).inputs.items()}
    return {n: v + v.T if n in symmetric else v + 2 * np.eye(len(v)) if v.shape == (3, 3) else v for n, v in made.items()}


def entries(model: str, of: str, wrt: str, **arrays: np.ndarray) -> np.ndarray:
    """∂of/∂wrt, the indices of `wrt` first: what stands in the book for each X_ij."""
    return sb.jacobian(sb.parse(model), of, wrt, layout="denominator").value(**arrays)


def close(found: np.ndarray, wanted: np.ndarray) -> None:
    np.testing.assert_allclose(found, wanted, rtol=1e-9, atol=1e-10 * max(1.0, np.max(np.abs(wanted))))


def for_each(shape: tuple[int, ...], right: object) -> np.ndarray:
    """The right side at every i, j."""
    return np.array([[right(i, j) for j in range(shape[1])] for i in range(shape[0])])


@pytest.mark.parametrize("i", range(4))
def test_67_an_eigenvalue_moves_by_its_eigenvector(i: int) -> None:
    """∂λ_i = v_iᵀ ∂A v_i, any of them."""
    model = f"A: R[4, 4]; fact: A == A.T\nf = eigvalsh(A)[{i}]\nC = f**2"
    A, dA = data(model, i, ("A",))["A"], data(model, i + 10, ("A",))["A"]
    v = np.linalg.eigh(A)[1][:, i]
    close(sb.jacobian(sb.parse(model), "f", "A").value(A=A), np.outer(v, v))
    close(sb.lambdify(sb.jvp(sb.parse(model), "f", ["A"]))(A=A, v_A=dA)[1]["f"], v @ dA @ v)


@pytest.mark.parametrize("i", range(4))
def test_68_an_eigenvector_moves_by_the_pseudo_inverse(i: int) -> None:
    """∂v_i = (λ_i I − A)⁺ ∂A v_i, any of them."""
    model = f"A: R[4, 4]; fact: A == A.T\nv = eigh(A)[1][:, {i}]\nC = sum(v**3)"
    A, dA = data(model, i, ("A",))["A"], data(model, i + 10, ("A",))["A"]
    values, q = np.linalg.eigh(A)
    v = q[:, i] * np.sign(q[0, i])
    close(sb.lambdify(sb.jvp(sb.parse(model), "v", ["A"]))(A=A, v_A=dA)[1]["v"], np.linalg.pinv(values[i] * np.eye(4) - A, rcond=1e-10) @ dA @ v)


def test_67_and_68_as_they_are_printed() -> None:
    net = sb.parse("A: R[n, n]; fact: A == A.T\nf = eigvalsh(A)[-1]\nv = eigh(A)[1][:, -1]\nC = f + sum(v)")
    assert str(sb.jacobian(net, "f", "A")) == "∂f/∂A = v_max(A) v_max(A)ᵀ"
    assert str(sb.jvp(net, "v", ["A"])) == "v̇ = (λ_max(A) I − A)⁺ (½ Ȧᵀ + ½ Ȧ) v"
    found = sb.jacobian(sb.parse("A: R[n, n]; fact: A == A.T\nlam = eigvalsh(A)\nC = sum(lam**3)"), "lam", "A")
    assert str(found) == "∂λ_i/∂A_jk = eigvecs(A)_ji eigvecs(A)_ki"
    assert found.latex().startswith(r"\frac{\partial \lambda_{i}}{\partial A_{jk}} = ")


def test_80_a_quadratic_form_by_an_entry() -> None:
    """∂(XᵀBX)/∂X_ij = XᵀB J^ij + J^ji B X for a tall X."""
    model = "X: R[m, n]; B: R[m, m]\nY = X.T @ B @ X\nC = sum(Y)"
    arrays = data(model)
    X, B = arrays["X"], arrays["B"]
    close(entries(model, "Y", "X", **arrays), for_each((4, 3), lambda i, j: X.T @ B @ single((4, 3), i, j) + single((3, 4), j, i) @ B @ X))
    assert str(sb.jacobian(sb.parse(model), "Y", "X")) == "∂vec(Y)/∂vec(X)ᵀ = ((Xᵀ Bᵀ) ⊗ I) K + I ⊗ (Xᵀ B)"


@pytest.mark.parametrize("power", [1, 2, 3, 4, 7])
def test_90_a_power_by_an_entry(power: int) -> None:
    """∂(X^n)_kl/∂X_ij = Σ_r (X^r J^ij X^{n−1−r})_kl."""
    model = f"X: R[n, n]\nY = matrix_power(X, {power})\nC = sum(Y**2)"
    X, to = data(model)["X"], np.linalg.matrix_power
    close(entries(model, "Y", "X", X=X), for_each((3, 3), lambda i, j: sum(to(X, r) @ single((3, 3), i, j) @ to(X, power - 1 - r) for r in range(power))))


def test_90_as_it_is_printed() -> None:
    found = sb.jacobian(sb.parse("X: R[n, n]\nY = matrix_power(X, 3)\nC = sum(Y)"), "Y", "X")
    assert str(found) == "∂vec(Y)/∂vec(X)ᵀ = (X²)ᵀ ⊗ I + Xᵀ ⊗ X + I ⊗ X²"


@pytest.mark.parametrize("steps", [1, 2, 5])
def test_91_for_an_exponent_that_stays_open(steps: int) -> None:
    """X^T as a loop over any T (told by the length of c): Σ_r (X^r)ᵀ a bᵀ (X^{T−1−r})ᵀ at every length."""
    net = sb.parse("X: R[n, n]; a: R[n]; b: R[n]; c: R[T]; P[0]: R[n, n]\nfor t in 1..T: P[t] = c[t] * P[t-1] @ X\nC = a @ P[T] @ b")
    rng, to = np.random.default_rng(4), np.linalg.matrix_power
    X, a, b = rng.normal(size=(3, 3)), rng.normal(size=3), rng.normal(size=3)
    value, found = sb.lambdify(sb.derive(net, ["X"]))(X=X, a=a, b=b, P0=np.eye(3), c=np.ones(steps))
    close(value, a @ to(X, steps) @ b)
    close(found["X"], sum(to(X, r).T @ np.outer(a, b) @ to(X, steps - 1 - r).T for r in range(steps)))


def test_73_to_75_and_79_by_entries() -> None:
    model = "X: R[m, n]; A: R[n, k]; B: R[m, k]; D: R[m, m]\nP = X @ A\nQ = X.T @ B\nF = X.T @ D @ X\nC = sum(P) + sum(Q) + sum(F)"
    arrays = data(model)
    X, A, B, D = (arrays[n] for n in "XABD")
    close(entries(model, "P", "X", **arrays), for_each((4, 3), lambda i, j: single((4, 3), i, j) @ A))
    close(entries(model, "Q", "X", **arrays), for_each((4, 3), lambda i, j: single((3, 4), j, i) @ B))
    wanted = np.einsum("lj,ki->ijkl", np.eye(3), X.T @ D) + np.einsum("kj,il->ijkl", np.eye(3), D @ X)
    close(entries(model, "F", "X", **arrays), wanted)


def test_41_the_adjugate() -> None:
    """∂det X = tr(adj(X) ∂X), adj(X) by its minors."""
    X = data("X: R[n, n]\nC = det(X)")["X"]
    minors = for_each((3, 3), lambda i, j: (-1) ** (i + j) * np.linalg.det(np.delete(np.delete(X, j, 0), i, 1)))
    close(sb.lambdify(sb.derive(sb.parse("X: R[n, n]\nC = det(X)")))(X=X)[1]["X"], minors.T)


def test_47_and_50_rows_of_the_gradient_and_of_the_matrix() -> None:
    """Σ_k ∂det(X)/∂X_ik X_jk = δ_ij det(X), for all sizes."""
    verdict, = sb.verify("X: R[n, n]\nf = det(X)\ngrad(f, X) @ X.T == det(X) * eye(n)")
    assert verdict.verdict == "proved"


def test_48_a_determinant_twice_along_a_curve() -> None:
    """det(Y) (tr(Y⁻¹Ÿ) + tr(Y⁻¹Ẏ)² − tr(Y⁻¹Ẏ Y⁻¹Ẏ)), the curve bent."""
    model = "A: R[n, n]; B: R[n, n]; D: R[n, n]; t: R\nY = A + t*B + t*t*D\nf = det(Y)"
    arrays = {**data(model), "t": np.array(0.3)}
    A, B, D, t = (arrays[n] for n in "ABDt")
    Y, first, second = A + t * B + t * t * D, B + 2 * t * D, 2 * D
    inverse, tr = np.linalg.inv(Y), np.trace
    wanted = np.linalg.det(Y) * (tr(inverse @ second) + tr(inverse @ first) ** 2 - tr(inverse @ first @ inverse @ first))
    close(sb.hessian(sb.parse(model), ["t"])["t", "t"].value(**arrays), wanted)


def test_133_to_137_the_chain_rule() -> None:
    """∂g(U)/∂X_ij = tr((∂g/∂U)ᵀ ∂U/∂X_ij)."""
    model = "X: R[m, n]; B: R[m, m]\nU = X.T @ B @ X\ng = sum(U**3)"
    arrays = data(model)
    X, B = arrays["X"], arrays["B"]
    outside = 3 * (X.T @ B @ X) ** 2
    wanted = for_each((4, 3), lambda i, j: np.trace(outside.T @ (X.T @ B @ single((4, 3), i, j) + single((3, 4), j, i) @ B @ X)))
    close(sb.lambdify(sb.derive(sb.parse(model), ["X"]))(**arrays)[1]["X"], wanted)


def test_134_and_138_the_structure_of_a_symmetric_matrix() -> None:
    """∂A/∂A_ij = J^ij + J^ji − J^ij J^ij where A_ij and A_ji are one number, and df/dA = G + Gᵀ − diag(G)."""
    model = "S: R[n, n]; G: R[n, n]\nA = tril(S) + tril(S, -1).T\nC = sum(G * A)"
    arrays = data(model)
    free = np.tril(np.ones((3, 3)))
    structure = for_each((3, 3), lambda i, j: free[i, j] * (single((3, 3), i, j) + single((3, 3), j, i) - single((3, 3), i, j) @ single((3, 3), i, j)))
    close(entries(model, "A", "S", **arrays), structure)
    G = arrays["G"]
    close(sb.lambdify(sb.derive(sb.parse(model), ["S"]))(**arrays)[1]["S"], free * (G + G.T - np.diag(np.diag(G))))


ROWS = ", ".join(f"t[{i}:{i + 4}][::-1]" for i in range(4))


def alpha(A: np.ndarray) -> np.ndarray:
    """α(A): at (i, j) the sum of Aᵀ along the diagonal that runs through (i, j), A_n1 in the corner of the first row."""
    return np.array([[np.trace(A, i - j) for j in range(len(A))] for i in range(len(A))])


def test_143_a_toeplitz_matrix_by_its_diagonals() -> None:
    """∂tr(AT)/∂T = α(A), each entry that of the number that its diagonal holds."""
    model = f"A: R[4, 4]; t: R[7]\nT = stack([{ROWS}])\nC = trace(A @ T)"
    arrays = data(model)
    found = sb.lambdify(sb.derive(sb.parse(model), ["t"]))(**arrays)[1]["t"]
    close(np.array([[found[3 + i - j] for j in range(4)] for i in range(4)]), alpha(arrays["A"]))


def test_144_a_symmetric_toeplitz_matrix() -> None:
    """∂tr(AT)/∂T = α(A) + α(A)ᵀ − α(A) ∘ I."""
    model = f"A: R[4, 4]; s: R[4]\nt = concatenate([s[::-1], s[1:]])\nT = stack([{ROWS}])\nC = trace(A @ T)"
    arrays = data(model)
    found = sb.lambdify(sb.derive(sb.parse(model), ["s"]))(**arrays)[1]["s"]
    whole = alpha(arrays["A"])
    close(np.array([[found[abs(i - j)] for j in range(4)] for i in range(4)]), whole + whole.T - whole * np.eye(4))
