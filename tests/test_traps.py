"""Where tools of this kind went wrong: silent zeros, shared nodes counted twice, inner factors transposed, scalars grown to arrays.

Each trap was measured on a released package and stands here as a model in text and, where SymPy can write it, through
`sb.gradient`. The expected values are differences of a NumPy function written for this file.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import pytest
import sympy as sp

import symbackprop as sb

SIZES = {"n": 3, "m": 4, "k": 2, "s": 5, "d": 2}
n, m, k, s, d = (sp.Symbol(name, integer=True, positive=True) for name in SIZES)
A, S, x, y, v = (sp.MatrixSymbol(*a) for a in (("A", n, n), ("S", n, n), ("x", n, 1), ("y", n, 1), ("v", n, 1)))
Q, K, P, V, G, H = (sp.MatrixSymbol(*a) for a in (("Q", s, d), ("K", m, d), ("P", m, k), ("V", m, k), ("G", s, k), ("H", s, m)))
W, b, t = sp.MatrixSymbol("W", m, n), sp.MatrixSymbol("b", m, 1), sp.Dummy("t")
DECLARED = {"A": "n, n", "S": "n, n", "x": "n", "y": "n", "v": "n", "W": "m, n", "b": "m", "Q": "s, d", "K": "m, d",
            "P": "m, k", "V": "m, k", "G": "s, k", "H": "s, m", "U": "k, m", "c": "k", "X": "m, n"}


@dataclass(frozen=True)
class Trap:
    """A loss as text, as a NumPy function, and in SymPy where it has a form there."""

    text: str
    loss: Callable[..., float]
    sympy: sp.Expr | None = None


def each(function: type, matrix: sp.MatrixExpr) -> sp.MatrixExpr:
    return matrix.applyfunc(sp.Lambda(t, function(t)))


def softmax(z: np.ndarray) -> np.ndarray:
    return np.exp(z) / np.exp(z).sum(axis=1, keepdims=True)


def sigmoid(z: np.ndarray) -> np.ndarray:
    return 1 / (1 + np.exp(-z))


EXP_QK = each(sp.exp, Q * K.T)
TRAPS = {
    # R1: wrong zeros in SymPy 1.14
    "log det": Trap("C = logdet(A)", lambda A: np.log(np.linalg.det(A)), sp.log(sp.Determinant(A))),
    "det": Trap("C = det(A)", lambda A: np.linalg.det(A), sp.Determinant(A)),
    "det squared": Trap("C = det(A)**2", lambda A: np.linalg.det(A)**2, sp.Determinant(A)**2),
    "trace and one": Trap("C = trace(A) + 1", lambda A: np.trace(A) + 1, sp.Trace(A) + 1),
    "twice a trace and one": Trap("C = 2 * trace(A) + 1", lambda A: 2 * np.trace(A) + 1, 2 * sp.Trace(A) + 1),
    "two traces": Trap("C = trace(A.T @ A) + trace(S.T @ S)", lambda A, S: (A * A).sum() + (S * S).sum(),
                       sp.Trace(A.T * A) + sp.Trace(S.T * S)),
    "trace and trace of a square": Trap("C = trace(A) + trace(A @ A)", lambda A: np.trace(A) + np.trace(A @ A),
                                        sp.Trace(A) + sp.Trace(A * A)),
    "trace less three": Trap("C = trace(A.T @ A) - 3", lambda A: (A * A).sum() - 3, sp.Trace(A.T * A) - 3),
    "log of a sum of exp": Trap("C = log(sum(exp(x)))", lambda x: np.log(np.exp(x).sum()),
                                sp.log(sp.Trace(sp.OneMatrix(1, n) * each(sp.exp, x)))),
    "a quotient": Trap("C = (y @ v) / (v @ v)", lambda y, v: (y @ v) / (v @ v), sp.Trace(y.T * v) / sp.Trace(v.T * v)),
    "a root of a form": Trap("C = sqrt(x @ x)", lambda x: np.sqrt(x @ x), sp.sqrt(sp.Trace(x.T * x))),
    "a trace with an inverse": Trap("C = trace(S @ inv(A))", lambda S, A: np.trace(S @ np.linalg.inv(A)), sp.Trace(S * A.inv())),
    # R1, R2: a scalar is a scalar, and a linear residual has a matrix for a gradient
    "a quadratic form": Trap("C = x @ A @ x", lambda x, A: x @ A @ x, x.T * A * x),
    "a squared residual": Trap("C = sum((W @ x - b)**2)", lambda W, x, b: ((W @ x - b)**2).sum(), (W * x - b).T * (W * x - b)),
    "two layers": Trap("C = sum((U @ sin(W @ x) - c)**2)", lambda U, W, x, c: ((U @ np.sin(W @ x) - c)**2).sum()),
    "a vector times itself and another": Trap("C = v @ (v * y)", lambda v, y: v @ (v * y),
                                              v.T * sp.HadamardProduct(v, y)),
    "one weight on two inputs": Trap("C = sum(sin(A @ v + A @ y))", lambda A, v, y: np.sin(A @ v + A @ y).sum(),
                                     sp.OneMatrix(1, n) * each(sp.sin, A * v + A * y)),
    # R3: inner factors that came out transposed in the development tree of SymPy
    "sine of a product with an exp inside": Trap(
        "C = sum(G * sin(exp(Q @ K.T) @ P))", lambda G, Q, K, P: (G * np.sin(np.exp(Q @ K.T) @ P)).sum(),
        sp.Trace(G.T * each(sp.sin, EXP_QK * P))),
    "a normaliser of rows": Trap(
        "C = sum(H / (exp(Q @ K.T) @ ones((m, m))))", lambda H, Q, K: (H / (np.exp(Q @ K.T).sum(axis=1, keepdims=True))).sum(),
        sp.Trace(H.T * sp.HadamardPower(EXP_QK * sp.OneMatrix(m, 1) * sp.OneMatrix(1, m), -1))),
    "attention": Trap("C = sum(G * (softmax(Q @ K.T, axis=1) @ V))", lambda G, Q, K, V: (G * (softmax(Q @ K.T) @ V)).sum()),
    "normalised attention in products": Trap(
        "E = exp(Q @ K.T)\nN = E / sum(E, axis=1, keepdims=True)\nC = sum(G * (N @ V))",
        lambda G, Q, K, V: (G * (softmax(Q @ K.T) @ V)).sum(),
        sp.Trace(G.T * sp.HadamardProduct(EXP_QK, sp.HadamardPower(EXP_QK * sp.OneMatrix(m, 1) * sp.OneMatrix(1, m), -1)) * V)),
    # R8: nodes with several readers
    "a difference beside itself": Trap("C = sum((x - y) * (x - y))", lambda x, y: ((x - y)**2).sum(),
                                       sp.OneMatrix(1, n) * sp.HadamardProduct(x - y, x - y)),
    "a named difference beside itself": Trap("r = x - y\nC = sum(r * r)", lambda x, y: ((x - y)**2).sum()),
    "readers of readers": Trap("h = tanh(A @ x)\np = h * h\nq = p * h\nC = sum(q * p) + sum(p) + sum(h)",
                               lambda A, x: (lambda h: (h**5).sum() + (h**2).sum() + h.sum())(np.tanh(A @ x))),
    "a chain of diamonds": Trap("p = x + x\nq = p + p\nr = q * q\nC = sum(r + r)", lambda x: 2 * ((4 * x)**2).sum()),
    "a residual": Trap("h = tanh(A @ x)\ng = h + tanh(A @ h)\nC = sum(g**2)",
                       lambda A, x: ((np.tanh(A @ x) + np.tanh(A @ np.tanh(A @ x)))**2).sum()),
    "tied weights": Trap("C = sum((W.T @ sigmoid(W @ x) - x)**2)", lambda W, x: ((W.T @ sigmoid(W @ x) - x)**2).sum(),
                         (W.T * each(lambda q: 1 / (1 + sp.exp(-q)), W * x) - x).T * (W.T * each(lambda q: 1 / (1 + sp.exp(-q)), W * x) - x)),
    "a regulariser": Trap("C = sum((W @ x - b)**2) + 0.5 * sum(W**2) + 7", lambda W, x, b: ((W @ x - b)**2).sum() + (W * W).sum() / 2 + 7),
    # broadcasting: a bias is summed over what it was spread along, a mean keeps its 1/N
    "a bias over rows": Trap("C = sum(sin(X + x))", lambda X, x: np.sin(X + x).sum()),
    "a bias over columns": Trap("C = mean((X + b[:, None])**2)", lambda X, b: np.mean((X + b[:, None])**2)),
    "normalised rows": Trap("C = sum(X * ((X - X.mean(axis=1, keepdims=True))**3))",
                            lambda X: (X * (X - X.mean(axis=1, keepdims=True))**3).sum()),
    "one entry of everything": Trap("C = sum(x) * sum(y) / sum(v)", lambda x, y, v: x.sum() * y.sum() / v.sum()),
}


def values_of(trap: Trap) -> dict[str, np.ndarray]:
    rng = np.random.default_rng(12)
    names = trap.loss.__code__.co_varnames[:trap.loss.__code__.co_argcount]
    made = {}
    for name in names:
        shape = tuple(SIZES[size.strip()] for size in DECLARED[name].split(","))
        made[name] = rng.uniform(0.2, 1.2, shape) * (1.0 if shape == (3,) else rng.choice((-1.0, 1.0), shape))
        if shape == (3, 3):
            made[name] = made[name] + 2.5 * np.eye(3)
    return made


def differences(trap: Trap, values: dict[str, np.ndarray], name: str) -> np.ndarray:
    """Central differences with one extrapolation, entry by entry."""
    found = np.zeros_like(values[name])
    for at in np.ndindex(found.shape):
        slopes = []
        for step in (2e-3, 1e-3, 5e-4):
            sides = []
            for sign in (1, -1):
                moved = values[name].copy()
                moved[at] += sign * step
                sides.append(trap.loss(**{**values, name: moved}))
            slopes.append((sides[0] - sides[1]) / (2 * step))
        first, second = ((4 * fine - coarse) / 3 for coarse, fine in zip(slopes, slopes[1:]))
        found[at] = (16 * second - first) / 15
    return found


def close(found: np.ndarray, wanted: np.ndarray) -> None:
    assert np.asarray(found).shape == wanted.shape
    assert np.abs(found - wanted).max() <= 1e-8 * max(1.0, np.abs(wanted).max())


@pytest.mark.parametrize("name", TRAPS)
def test_a_model_in_text(name: str) -> None:
    trap = TRAPS[name]
    values = values_of(trap)
    net = sb.parse("\n".join([*(f"{key}: R[{DECLARED[key]}]" for key in values), trap.text]))
    derivation = sb.derive(net)
    loss, gradients = sb.lambdify(derivation)(**values)
    assert np.isclose(loss, trap.loss(**values), rtol=1e-12)
    for key in values:
        close(gradients[key], differences(trap, values, key))
        assert tuple(map(str, derivation.gradients[key].shape)) == tuple(p.strip() for p in DECLARED[key].split(","))
        assert str(derivation.gradients[key]).split("= ", 1)[1] != "0"


@pytest.mark.parametrize("name", [name for name, trap in TRAPS.items() if trap.sympy is not None])
def test_a_loss_in_sympy(name: str) -> None:
    trap = TRAPS[name]
    values = values_of(trap)
    symbols = {symbol.name: symbol for symbol in trap.sympy.atoms(sp.MatrixSymbol)}
    columns = {key: v[:, None] if v.ndim == 1 else v for key, v in values.items()}
    for key, gradient in zip(values, sb.gradient(trap.sympy, [symbols[key] for key in values])):
        wanted = differences(trap, values, key)
        assert gradient.shape == symbols[key].shape
        found = sp.lambdify([symbols[other] for other in values], gradient)(**columns)
        close(np.broadcast_to(found, columns[key].shape).reshape(wanted.shape), wanted)


FUNCTIONS = {"sin": np.sin, "sigmoid": sigmoid, "tanh": np.tanh}


@pytest.mark.parametrize("activation", FUNCTIONS)
@pytest.mark.parametrize("depth", [1, 2, 3, 6])
def test_every_layer_of_a_network_of_distinct_sizes(depth: int, activation: str) -> None:
    """R2: a package that differentiates one layer need not differentiate two."""
    widths = [3, 5, 2, 4, 7, 6, 1][:depth + 1]
    lines = [f"x: R[n0]; y: R[n{depth}]", *(f"W{i}: R[n{i}, n{i - 1}]" for i in range(1, depth + 1)), "h0 = x * 1"]
    lines += [f"h{i} = {activation}(W{i} @ h{i - 1})" for i in range(1, depth + 1)]
    net = sb.parse("\n".join([*lines, f"C = sum((h{depth} - y)**2) / 2"]))
    rng = np.random.default_rng(depth)
    values = {"x": rng.normal(size=widths[0]), "y": rng.normal(size=widths[-1])}
    values |= {f"W{i}": rng.normal(size=(widths[i], widths[i - 1])) for i in range(1, depth + 1)}
    f = FUNCTIONS[activation]

    def loss(**given: np.ndarray) -> float:
        h = given["x"]
        for i in range(1, depth + 1):
            h = f(given[f"W{i}"] @ h)
        return ((h - given["y"])**2).sum() / 2
    _, gradients = sb.lambdify(sb.derive(net))(**values)
    for name in values:
        close(gradients[name], differences(Trap("", loss), values, name))


def test_the_gradient_of_cross_entropy_keeps_the_mass_of_the_target() -> None:
    text = "z: R[n]; y: R[n]\n{}C = -sum(y * log_softmax(z))"
    free = sb.derive(sb.parse(text.format("")), wrt=["z"])
    told = sb.derive(sb.parse(text.format("fact: sum(y) == 1\n")), wrt=["z"])
    z, target = np.array([0.3, -1.0, 0.8]), np.array([0.5, 1.5, 0.25])
    p = np.exp(z) / np.exp(z).sum()
    np.testing.assert_allclose(sb.lambdify(free)(z=z, y=target)[1]["z"], target.sum() * p - target, rtol=1e-12)
    with pytest.raises(ValueError, match="assumption"):
        sb.lambdify(told)(z=z, y=target)
    assert str(free) == "δ = (1ᵀ y) softmax(z) − y"
    assert str(told).startswith("δ = softmax(z) − y\n") and "Assuming 1ᵀ y = 1" in str(told)


R11 = [  # formulas that judges of answers hold equal, or different, wrongly
    ("A @ B @ x", "B @ A @ x", False), ("outer(x, y)", "outer(y, x)", False), ("A.T @ x", "x @ A.T", False),
    ("A.T @ x", "x @ A", True), ("x * y", "y * x", True), ("inv(A).T", "inv(A.T)", True), ("A * B", "A @ B", False),
    ("sigmoid(x) * (1 - sigmoid(x))", "sigmoid(x)", False), ("1 - tanh(x)**2", "1 - tanh(x**2)", False),
    ("sum(x) * y", "sum(x * y) * ones(n)", False), ("A.T @ B.T", "(B @ A).T", True), ("A @ B.T", "(A @ B).T", False)]


@pytest.mark.parametrize("left, right, equal", R11)
def test_the_judge_minds_order_transposes_and_primes(left: str, right: str, equal: bool) -> None:
    model = f"A: R[n, n]; B: R[n, n]; x: R[n]; y: R[n]; Z: R[n, n]; z: R[n]\nq = {left}\nC = sum(q * {'Z' if is_matrix(left) else 'z'})"
    (verdict,) = sb.verify(f"{model}\ngrad(C, {'Z' if is_matrix(left) else 'z'}) == {right}", strict_layout=True)
    assert verdict.is_right if equal else verdict.verdict == "refuted", verdict


def is_matrix(text: str) -> bool:
    return text.startswith(("outer", "inv")) or text in ("A * B", "A.T @ B.T", "A @ B.T")


@pytest.mark.parametrize("text, named", [
    ("x: R[n]\nC = sum(sort(x))", "sort"), ("A: R[n, n]\nC = sum(eigvals(A))", "eigvals"),
    ("x: R[n]; f: elementwise\nC = sum(floor(x))", "floor"), ("A: R[n, n]\nC = rank(A)", "rank")])
def test_what_is_not_differentiated_is_refused_by_name(text: str, named: str) -> None:
    with pytest.raises(sb.SymbackpropError, match=named):
        sb.derive(sb.parse(text))


@pytest.mark.parametrize("text", ["x: R[n]; y: R[n]\nC = sum(x)", "x: R[n]; y: R[n]\nC = sum(y - y + x)", "x: R[n]; y: R[n]\nC = sum(sign(y) * x)"])
def test_a_zero_is_a_zero_of_the_shape_with_a_proof(text: str) -> None:
    """The only zeros: what the loss does not read, what cancels, and functions that are flat away from their corners."""
    gradients = sb.lambdify(sb.derive(sb.parse(text), wrt=["x", "y"]))(x=np.array([1.0, 2.0]), y=np.array([0.5, -1.0]))[1]
    assert gradients["y"].shape == (2,) and not gradients["y"].any() and gradients["x"].all()


def test_a_symbol_may_be_called_loss() -> None:
    loss = sp.Symbol("loss", positive=True)
    assert str(sb.gradient(loss * sp.Trace(A), loss)).endswith("Trace(A)")
