"""Functions of matrices against central differences of plain NumPy (or mpmath), written here and sharing nothing with the engine."""

from __future__ import annotations

from collections.abc import Callable

import mpmath
import numpy as np
import pytest

import symbackprop as sb
from symbackprop.codegen import compile_module
from symbackprop.numeric import Floats, Precise, run
from symbackprop.show.printing import render

DIMS = {"m": 4, "n": 3, "k": 2}


def expm(a: np.ndarray) -> np.ndarray:
    return np.array(mpmath.expm(mpmath.matrix(a.tolist())).tolist(), dtype=float)


def spd(a: np.ndarray) -> np.ndarray:
    return a @ a.T + np.eye(len(a))


def half(a: np.ndarray) -> np.ndarray:
    return (a + a.T) / 2


# name -> (model, the loss in plain NumPy, gradient -> its published form)
CASES: dict[str, tuple[str, Callable[..., float], dict[str, str]]] = {
    "inverse": ("X: R[n, n]; G: R[n, n]\nC = sum(G * inv(X))", lambda X, G: np.sum(G * np.linalg.inv(X)), {"X": "−X⁻ᵀ G X⁻ᵀ"}),
    "determinant": ("X: R[n, n]\nC = det(X) + 0", lambda X: np.linalg.det(X), {}),
    "log det": ("X: R[n, n]\nC = logdet(X)", lambda X: np.linalg.slogdet(X)[1], {"X": "X⁻ᵀ"}),
    "tall pseudo-inverse": ("X: R[m, n]; G: R[n, m]\nC = sum(G * pinv(X))", lambda X, G: np.sum(G * np.linalg.pinv(X)), {"G": "X⁺"}),
    "wide pseudo-inverse": ("X: R[n, m]; G: R[m, n]\nC = sum(G * pinv(X))", lambda X, G: np.sum(G * np.linalg.pinv(X)), {
        "X": "(I − X X⁺) Gᵀ X⁺ (X⁺)ᵀ − (X⁺)ᵀ G (X⁺)ᵀ + (X⁺)ᵀ X⁺ Gᵀ (I − X⁺ X)"}),
    "solve for a vector": ("A: R[n, n]; b: R[n]; c: R[n]\nC = c @ solve(A, b)", lambda A, b, c: c @ np.linalg.solve(A, b),
                           {"A": "−A⁻ᵀ c bᵀ A⁻ᵀ", "b": "A⁻ᵀ c", "c": "A⁻¹ b"}),
    "solve for a matrix": ("A: R[n, n]; B: R[n, k]; G: R[n, k]\nC = sum(G * solve(A, B))",
                           lambda A, B, G: np.sum(G * np.linalg.solve(A, B)), {"B": "A⁻ᵀ G"}),
    "named solution": ("A: R[n, n]; b: R[n]; y: R[n]\nx = solve(A, b)\nC = sum((x - y)**2) / 2",
                       lambda A, b, y: np.sum((np.linalg.solve(A, b) - y)**2) / 2, {"b": "A⁻ᵀ ∂C/∂x"}),
    "trace of a power": ("A: R[n, n]\nC = trace(matrix_power(A, 4))", lambda A: np.trace(A @ A @ A @ A), {"A": "4 (A³)ᵀ"}),
    "power": ("A: R[n, n]; a: R[n]; b: R[n]\nC = a @ matrix_power(A, 3) @ b", lambda A, a, b: a @ A @ A @ A @ b,
              {"A": "a bᵀ (A²)ᵀ + Aᵀ a bᵀ Aᵀ + (A²)ᵀ a bᵀ"}),
    "negative power": ("A: R[n, n]; a: R[n]; b: R[n]\nC = a @ matrix_power(A, -2) @ b",
                       lambda A, a, b: a @ np.linalg.inv(A @ A) @ b, {}),
    "trace of a negative power": ("A: R[n, n]\nC = trace(matrix_power(A, -2))", lambda A: np.trace(np.linalg.inv(A @ A)),
                                  {"A": "−2 (A⁻³)ᵀ"}),
    "Cholesky factor": ("A: R[n, n]; G: R[n, n]\nC = sum(G * cholesky(A @ A.T + eye(n)))",
                        lambda A, G: np.sum(G * np.linalg.cholesky(spd(A))), {}),
    "Cholesky of the symmetric part": ("A: R[n, n]; G: R[n, n]; fact: definite(A)\nC = sum(G * cholesky(A))",
                                       lambda A, G: np.sum(G * np.linalg.cholesky(half(A))), {}),
    "triangles": ("A: R[n, n]; G: R[n, n]\nC = sum(G * tril(A)) + sum(G * triu(A, 1)**2)",
                  lambda A, G: np.sum(G * np.tril(A)) + np.sum(G * np.triu(A, 1)**2), {}),
    "Frobenius norm": ("X: R[m, n]\nC = norm(X, 'fro')", lambda X: np.linalg.norm(X), {}),
    "spectral norm": ("X: R[m, n]\nC = norm(X, 2)", lambda X: np.linalg.svd(X)[1].max(), {"X": "u₁v₁ᵀ(X)"}),
    "nuclear norm": ("X: R[m, n]\nC = norm(X, 'nuc')", lambda X: np.linalg.svd(X)[1].sum(), {"X": "polar(X)"}),
    "eigenvalues": ("A: R[n, n]; g: R[n]\nC = g @ eigvalsh(A)", lambda A, g: g @ np.linalg.eigvalsh(half(A)),
                    {"A": "eigvecs(A) diag(g) eigvecs(A)ᵀ", "g": "eig(A)"}),
    "exponential": ("A: R[n, n]; G: R[n, n]\nC = sum(G * expm(A))", lambda A, G: np.sum(G * expm(A)), {"A": "L(Aᵀ, G)"}),
    "trace of the exponential": ("A: R[n, n]\nC = trace(expm(A))", lambda A: np.trace(expm(A)), {"A": "expm(A)ᵀ"}),
}
each_case = pytest.mark.parametrize("name", CASES)


def data_for(name: str, seed: int = 0) -> dict[str, np.ndarray]:
    program = sb.parse(CASES[name][0])
    rng = np.random.default_rng(seed)
    values = {n: rng.normal(size=[DIMS[str(d)] for d in v.shape]) for n, v in program.inputs.items()}
    if any(f.kind == "definite" for f in program.facts):
        values["A"] = spd(values["A"])
    return values


def slope(f: Callable[..., float], values: dict, name: str) -> np.ndarray:
    """Central differences, extrapolated once."""
    result = np.zeros(values[name].shape)
    for at in np.ndindex(result.shape):
        def along(h: float, at: tuple = at) -> float:
            moved = values[name].copy()
            moved[at] += h
            return f(**{**values, name: moved})
        coarse, fine = ((along(h) - along(-h)) / (2 * h) for h in (2e-3, 1e-3))
        result[at] = (4 * fine - coarse) / 3
    return result


@each_case
def test_gradients_are_the_slopes_of_the_plain_loss(name: str) -> None:
    model, f, _ = CASES[name]
    values = data_for(name)
    derivation = sb.derive(sb.parse(model))
    plain = sb.lambdify(derivation)
    module = compile_module(sb.export(derivation))
    made = module["make_value_and_grad"]({s: DIMS[s] for s in "mnk" if s in model.replace("trace", "").split("\n")[0]})
    for call in (plain, made):
        loss, gradients = call(**values)
        assert float(loss) == pytest.approx(f(**values), rel=1e-12)
        for quantity, gradient in gradients.items():
            wanted = slope(f, values, quantity)
            assert gradient == pytest.approx(wanted, rel=1e-7, abs=1e-8 * max(1.0, np.abs(wanted).max())), quantity


@each_case
def test_floats_and_many_digits_agree(name: str) -> None:
    derivation = sb.derive(sb.parse(CASES[name][0]))
    values = data_for(name, 1)
    sizes = {str(d): DIMS[str(d)] for v in derivation.program.inputs.values() for d in v.shape}
    found = [run(derivation.backward, run(derivation.program, values, sizes, field), sizes, field) for field in (Floats(), Precise(40))]
    for quantity in found[0]:
        assert np.asarray(found[0][quantity], float) == pytest.approx(np.asarray(found[1][quantity], float), rel=1e-9, abs=1e-10)


@each_case
def test_published_forms(name: str) -> None:
    model, _, forms = CASES[name]
    derivation = sb.derive(sb.parse(model))
    assert {q: derivation.textbook[q] for q in forms} == forms


@pytest.mark.parametrize("model, condition", [
    ("X: R[n, n]\nC = logdet(X)", "the matrix is invertible"),
    ("X: R[m, n]\nC = sum(pinv(X))", "the matrix has full rank"),
    ("X: R[m, n]\nC = norm(X, 2)", "the largest singular value is simple and not 0"),
    ("X: R[n, n]\nC = sum(cholesky(X))", "the gradient is that of its symmetric part"),
    ("X: R[n, n]\nC = sum(eigvalsh(X)**3)", "distinct eigenvalues; the gradient is that of its symmetric part"),
])
def test_the_side_condition_stands_with_the_step(model: str, condition: str) -> None:
    steps = sb.derive(sb.parse(model)).gradients["X"].steps
    assert any(condition in step.condition for step in steps)


@pytest.mark.parametrize("fact", ["X == X.T", "definite(X)", "symmetric(X)", "diagonal(X)", "X == diag(diag(X))"])
def test_a_symmetric_matrix_needs_no_transpose(fact: str) -> None:
    derivation = sb.derive(sb.parse(f"X: R[n, n]; fact: {fact}\nC = logdet(X)"))
    assert derivation.textbook["X"] == "X⁻¹"
    assert sb.check(derivation)


def test_the_convention_for_tied_entries_is_printed() -> None:
    shown = render(sb.derive(sb.parse("X: R[n, n]; fact: definite(X)\nC = logdet(X)")), "text")
    assert "By convention every entry of X moves on its own" in shown


def test_data_are_drawn_so_that_the_structure_holds_and_exports_test_it() -> None:
    call = sb.lambdify(sb.derive(sb.parse("X: R[n, n]; fact: definite(X)\nC = logdet(X)")))
    with pytest.raises(ValueError, match="definite"):
        call(X=-np.eye(2))
    call = sb.lambdify(sb.derive(sb.parse("X: R[n, n]; fact: diagonal(X)\nC = trace(X @ X)")))
    with pytest.raises(ValueError, match="diagonal"):
        call(X=np.ones((2, 2)))


@pytest.mark.parametrize("loss", ["norm(X, 2)", "norm(X, 'nuc')"])
@pytest.mark.parametrize("shape", [(4, 3), (2, 3), (3, 3)])
def test_norms_of_singular_values_differentiate_twice(loss: str, shape: tuple[int, int]) -> None:
    """Hv against differences of u₁v₁ᵀ and U Vᵀ, which NumPy's singular vectors give, for tall, wide and square X."""
    rng = np.random.default_rng(5)
    x, v = rng.normal(size=shape), rng.normal(size=shape)

    def gradient(h: float) -> np.ndarray:
        u, _, vt = np.linalg.svd(x + h * v, full_matrices=False)
        return u[:, :1] @ vt[:1] if loss.endswith("2)") else u @ vt
    coarse, fine = ((gradient(h) - gradient(-h)) / (2 * h) for h in (2e-3, 1e-3))
    found = sb.lambdify(sb.hvp(sb.parse(f"X: R[m, n]\nC = {loss}"), ["X"]))(X=x, v_X=v)[1]["X"]
    assert found == pytest.approx((4 * fine - coarse) / 3, rel=1e-7, abs=1e-8)


@pytest.mark.parametrize("text, message", [
    ("X: R[n, n]\nC = sum(eigh(X))", r"eigh\(A\)\[1\] has the eigenvectors"), ("X: R[n, m]\nC = sum(eigh(X)[1])", "eigh needs a square matrix"),
    ("X: R[3, 3]\nC = eigvalsh(X)[3]", "index 3 of an axis of size 3"), ("X: R[n, n]\nC = sum(eigh(X)[2])", r"eigh\(A\)\[0\] are the eigenvalues"),
    ("X: R[n, m]\nC = sum(solve(X, X))", "square matrix"), ("X: R[n, n]; b: R[m]\nC = sum(solve(X, b))", "solve of n×n and m"),
    ("X: R[n, n]\nC = trace(matrix_power(X, 100))", "whole number up to 64"), ("X: R[n]\nC = sum(pinv(X))", "needs a matrix"),
    ("X: R[n, m]; fact: definite(X)\nC = sum(X)", "cannot be definite"),
])
def test_what_has_no_meaning_is_refused(text: str, message: str) -> None:
    with pytest.raises(sb.SymbackpropError, match=message):
        sb.derive(sb.parse(text))


@pytest.mark.parametrize("text, form", [
    ("A: R[n, n]; x: R[n]\nC = x @ (inv(A) @ A) @ x", "2 x"), ("A: R[n, n]; G: R[n, n]\nC = trace(G @ (matrix_power(A, 3) @ inv(A)))", None),
])
def test_a_matrix_and_its_inverse_cancel(text: str, form: str | None) -> None:
    derivation = sb.derive(sb.parse(text))
    assert sb.check(derivation)
    if form:
        assert derivation.textbook["x"] == form


def test_a_singular_matrix_has_no_inverse_in_either_field() -> None:
    for field in (Floats(), Precise(40)):
        with mpmath.workdps(50), pytest.raises((ZeroDivisionError, np.linalg.LinAlgError)):
            a = field.array(np.array([[0.1, 0.2, 0.3], [0.4, 0.5, 0.6]]))
            field.inv(a.T @ a)
