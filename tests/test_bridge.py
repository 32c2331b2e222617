"""SymPy in, SymPy out: gradients against central differences of the user's own loss, evaluated by plain NumPy."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
import sympy as sp

import symbackprop as sb
from symbackprop.errors import UnsupportedError

m, n, k, B = (sp.Symbol(name, integer=True, positive=True) for name in "mnkB")
SIZES = {m: 4, n: 3, k: 2, B: 5}
W1, W2 = sp.MatrixSymbol("W1", m, n), sp.MatrixSymbol("W2", k, m)
x, y, X, Y = (sp.MatrixSymbol(*s) for s in (("x", n, 1), ("y", k, 1), ("X", n, B), ("Y", m, B)))
A, S, b = sp.MatrixSymbol("A", n, n), sp.MatrixSymbol("S", n, n), sp.MatrixSymbol("b", m, 1)
lam = sp.Symbol("lam", positive=True)
t = sp.Dummy("t")
SIGMA = sp.Lambda(t, 1 / (1 + sp.exp(-t)))


def sigma(z: np.ndarray) -> np.ndarray:
    return 1 / (1 + np.exp(-z))


def two_layers() -> sp.Expr:
    r = (W2 * (W1 * x).applyfunc(SIGMA)).applyfunc(SIGMA) - y
    return r.T * r


CASES: dict[str, tuple[sp.Expr, Callable[..., float]]] = {
    "two layers": (two_layers(), lambda W1, W2, x, y: np.sum((sigma(W2 @ sigma(W1 @ x)) - y) ** 2)),
    "quadratic": (x.T * A * x, lambda A, x: (x.T @ A @ x).item()),
    "trace": (sp.Trace(A.T * S * A) / 2, lambda A, S: np.trace(A.T @ S @ A) / 2),
    "sum of traces": (sp.Trace(A * S) + sp.Trace(A.T * A), lambda A, S: np.trace(A @ S) + np.trace(A.T @ A)),
    "log det": (sp.log(sp.Determinant(A)), lambda A: np.log(np.linalg.det(A))),
    "inverse": (sp.Trace(A.inv() * S), lambda A, S: np.trace(np.linalg.inv(A) @ S)),
    "hadamard": (sp.Trace(sp.HadamardProduct(A, S) * A.T), lambda A, S: np.trace((A * S) @ A.T)),
    "bias": (sp.Trace((W1 * X + b * sp.OneMatrix(1, B) - Y).T * (W1 * X + b * sp.OneMatrix(1, B) - Y)),
             lambda W1, X, b, Y: np.sum((W1 @ X + b - Y) ** 2)),
    "cube of entries": (sp.Trace(sp.HadamardPower(A, 3) * S), lambda A, S: np.trace(A**3 @ S)),
    "tanh": (sp.OneMatrix(1, m) * (W1 * x).applyfunc(sp.tanh), lambda W1, x: np.sum(np.tanh(W1 @ x))),
    "scalar": (lam * sp.Trace(A.T * A) + sp.exp(lam), lambda A, lam: lam * np.sum(A * A) + np.exp(lam)),
    "power": (sp.Trace(A**3), lambda A: np.trace(A @ A @ A)),
}


def differences(f: Callable[..., float], values: dict, name: str) -> np.ndarray:
    """Central differences of `f`, with one step of extrapolation."""
    base = np.asarray(values[name], float)
    result = np.zeros(base.shape)
    for at in np.ndindex(base.shape):
        slopes = []
        for h in (2e-3, 1e-3):
            up, down = base.copy(), base.copy()
            up[at] += h
            down[at] -= h
            slopes.append((f(**{**values, name: up}) - f(**{**values, name: down})) / (2 * h))
        result[at] = (4 * slopes[1] - slopes[0]) / 3
    return result


@pytest.mark.parametrize("name", CASES)
def test_gradients_are_the_slopes_of_the_loss_and_lambdify(name: str) -> None:
    loss, f = CASES[name]
    rng = np.random.default_rng(7)
    symbols = sorted([*loss.atoms(sp.MatrixSymbol), *({lam} & loss.free_symbols)], key=str)
    values = {}
    for s in symbols:
        shape = [int(d.subs(SIZES)) for d in s.shape] if isinstance(s, sp.MatrixExpr) else []
        values[s.name] = rng.normal(size=shape) * 0.5 if shape else 0.7
        if shape == [3, 3]:
            values[s.name] = values[s.name] + 2 * np.eye(3)
    for symbol, gradient in zip(symbols, sb.gradient(loss, symbols)):
        assert isinstance(gradient, sp.MatrixExpr if isinstance(symbol, sp.MatrixExpr) else sp.Expr)
        if isinstance(symbol, sp.MatrixExpr):
            assert gradient.shape == symbol.shape
        code = sp.lambdify([s for s in symbols], gradient, "numpy")
        got = np.asarray(code(**values), float)
        wanted = differences(f, values, symbol.name)
        assert np.broadcast_to(got, wanted.shape) == pytest.approx(wanted, rel=1e-7, abs=1e-8)


def test_textbook_forms() -> None:
    assert sb.gradient(x.T * A * x, A) == x * x.T
    assert sb.gradient(sp.log(sp.Determinant(A)), A) == A.inv().T or str(sb.gradient(sp.log(sp.Determinant(A)), A)) == "A.T**(-1)"


@pytest.mark.parametrize("bad", [sp.Sum(t, (t, 1, 3)) * sp.Trace(A), sp.Trace(sp.Adjoint(A)), A])
def test_what_cannot_be_read_is_refused_by_name(bad: sp.Expr) -> None:
    with pytest.raises(sb.SymbackpropError):
        sb.gradient(bad, A)


def test_a_symbol_that_is_not_there_is_no_silent_zero() -> None:
    with pytest.raises(sb.SymbackpropError, match="does not stand"):
        sb.gradient(sp.Trace(A), S)


def test_a_gradient_of_ours_goes_to_sympy() -> None:
    d = sb.derive(sb.parse("x: R[n]; y: R[m]; W: R[m, n]\nz = W @ x\nh = sigmoid(z)\nC = sum((h - y)**2) / 2"))
    gradient = d.gradients["W"].as_sympy()
    assert gradient.shape == sp.MatrixSymbol("W", m, n).shape
    rng = np.random.default_rng(3)
    values = {"W": rng.normal(size=(4, 3)), "h": None, "x": rng.normal(size=(3, 1)), "y": rng.normal(size=(4, 1))}
    values["h"] = sigma(values["W"] @ values["x"])
    names = sorted(s.name for s in gradient.atoms(sp.MatrixSymbol))
    symbols = [next(s for s in gradient.atoms(sp.MatrixSymbol) if s.name == name) for name in names]
    got = sp.lambdify(symbols, gradient)(*[values[name] for name in names])
    h = values["h"]
    assert got == pytest.approx(((h - values["y"]) * h * (1 - h)) @ values["x"].T)


def test_the_index_form_is_an_equation_over_entries() -> None:
    d = sb.derive(sb.parse("x: R[n]; y: R[m]; W: R[m, n]\nC = sum((W @ x - y)**2) / 2"))
    found = d.gradients["x"].as_sympy(form="index")
    assert isinstance(found, sp.Eq) and found.rhs.has(sp.Sum)
    entry = found.rhs.subs({n: 3, m: 2}).doit()
    w, v, t = (sp.IndexedBase(s) for s in "Wxy")
    at = next(iter(found.lhs.indices))
    hand = sum(w[i, at] * (sum(w[i, j] * v[j] for j in range(3)) - t[i]) for i in range(2))
    plain = str(sp.expand(entry))
    assert sorted(plain.replace(" ", "").split("+")) == sorted(str(sp.expand(hand)).replace(" ", "").split("+"))


def test_scalar_products_that_sympy_writes_as_sums_are_read() -> None:
    """`(r.T*r)[0, 0]` is a Sum in SymPy as soon as it is made."""
    m, n = sp.symbols("m n", integer=True, positive=True)
    A, x, y = sp.MatrixSymbol("A", m, n), sp.MatrixSymbol("x", n, 1), sp.MatrixSymbol("y", m, 1)
    r = A * x - y
    assert sb.gradient((x.T * x)[0, 0], x) == 2 * x
    assert sb.gradient((y.T * A * x)[0, 0], A) == y * x.T
    assert sb.gradient((r.T * r)[0, 0], x) == 2 * A.T * (A * x - y)
    numbers = {m: 2, n: 3, A: sp.Matrix([[1, 2, 0], [3, 1, 5]]), x: sp.Matrix([1, 0, 2]), y: sp.Matrix([4, 1])}
    found = sb.gradient((r.T * r)[0, 0] ** 2 / 2 + sp.exp((x.T * x)[0, 0] / 100), x).subs(numbers).doit()
    xs = sp.symbols("x0:3")
    plain = sp.Matrix(numbers[A]) * sp.Matrix(xs) - numbers[y]
    loss = plain.dot(plain) ** 2 / 2 + sp.exp(sum(v**2 for v in xs) / 100)
    truth = sp.Matrix([sp.diff(loss, v) for v in xs]).subs(dict(zip(xs, (1, 0, 2))))
    assert sp.simplify(sp.Matrix(found) - truth) == sp.zeros(3, 1)


def test_sums_over_a_part_of_an_axis_are_refused() -> None:
    n, i = sp.Symbol("n", integer=True, positive=True), sp.Symbol("i", integer=True)
    x = sp.MatrixSymbol("x", n, 1)
    for bad in (sp.Sum(x[i, 0] ** 2, (i, 1, n - 1)), sp.Sum(i * x[i, 0], (i, 0, n - 1)), sp.Sum(x[i, 0], (i, 0, n - 2))):
        with pytest.raises(UnsupportedError):
            sb.gradient(bad, x)
