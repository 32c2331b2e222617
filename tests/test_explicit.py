"""Explicit entries: a second derivation by `sympy.diff`, held against the derived gradients and against hand-written ones."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import sympy as sp

import symbackprop as sb
from symbackprop.show.explicit import Explicit, small_sizes
from symbackprop.points import draw

EXAMPLES = Path(__file__).parent.parent / "examples"
MODELS = {name: (EXAMPLES / f"{name}.net").read_text() for name in (
    "three_four_two", "autoencoder_tied", "batch_columns", "batch_rows", "layer_norm", "logistic_regression", "ridge",
    "softmax_cross_entropy", "lstm_step")}
MODELS |= {
    "attention of one head": "X: R[T, d]; W: R[d, k]\nA = softmax(X @ W @ (X @ W).T, axis=-1)\nC = sum((A @ X)**2)",
    "log-softmax": "z: R[n]; y: R[n]\nC = -sum(y * log_softmax(z))",
    "log-sum-exp of rows": "Z: R[m, n]; y: R[m]\nC = sum(y * logsumexp(Z, axis=1))",
    "inverse and log det": "A: R[n, n]; x: R[n]\nC = x @ inv(A) @ x + logdet(A) + det(A)",
    "norm": "x: R[n]; y: R[n]\nC = norm(x - y) + 3",
    "corners": "x: R[n]; W: R[m, n]\nC = sum(relu(W @ x)) + sum(abs(x)) + sum(maximum(x, 2 * x)) + sum(where(x > 0, x**2, -x))",
    "largest of a row": "Z: R[m, n]\nC = sum(max(Z, axis=1)**2)",
    "three axes": "X: R[a, b, c]; Y: R[c, b]\nC = np.einsum('abc,cb->', X, Y) + sum(X**3)",
}


@pytest.mark.parametrize("text", MODELS.values(), ids=MODELS.keys())
def test_the_derived_gradients_are_those_of_every_entry(text: str) -> None:
    d = sb.derive(sb.parse(text))
    sizes = dict.fromkeys(small_sizes(d.program), 2)
    sizes |= {name: 3 for name in list(sizes)[1:2]}
    data, _ = draw(d.program, sizes, seed=1)
    explicit = d.explicit(sizes)
    at = {s: float(v) for name, array in data.items() for s, v in zip(explicit.symbols[name].flat, np.ravel(array))}
    loss, gradients = sb.lambdify(d)(**data)
    assert float(explicit.loss.xreplace(at)) == pytest.approx(float(loss), rel=1e-9)
    for name in d.wrt:
        found = numbers(explicit, name, at)
        assert np.allclose(found, np.ravel(gradients[name]), rtol=1e-8, atol=1e-9), name


def numbers(explicit: Explicit, name: str, at: dict[sp.Symbol, float]) -> list[float]:
    found = explicit.gradients[name]
    flat = list(found) if isinstance(found, sp.MatrixBase) else sp.flatten(found) if hasattr(found, "shape") else [found]
    return [float(sp.N(entry.xreplace(at))) for entry in flat]


def test_an_entry_is_the_formula_of_the_book() -> None:
    # Bishop, Pattern Recognition and Machine Learning, 5.3.2: the delta rule of one linear unit with squared error
    d = sb.derive(sb.parse("x: R[2]; t: R; w: R[2]\ny = w @ x\nC = (y - t)**2 / 2"), wrt=["w"])
    w1, w2, x1, x2, t = sp.symbols("w_{1} w_{2} x_{1} x_{2} t", real=True)
    explicit = d.explicit()
    assert explicit.gradients["w"] == sp.Matrix([x1 * (w1 * x1 + w2 * x2 - t), x2 * (w1 * x1 + w2 * x2 - t)])
    assert explicit.forward["C"] == (sp.Symbol("y", real=True) - t)**2 / 2


def test_a_softmax_has_its_jacobian() -> None:
    z = sp.symbols("z_{1} z_{2}", real=True)
    p = [sp.exp(v) / (sp.exp(z[0]) + sp.exp(z[1])) for v in z]
    found = sb.derive(sb.parse("z: R[2]; e: R[2]\np = softmax(z)\nC = sum(e * p)"), wrt=["z"]).explicit().gradients["z"]
    e = sp.symbols("e_{1} e_{2}", real=True)
    expected = e[0] * p[0] * (1 - p[0]) - e[1] * p[0] * p[1]
    assert sp.simplify(found[0] - expected) == 0


def test_unnamed_functions_keep_their_derivative() -> None:
    d = sb.derive(sb.parse("f: elementwise\nx: R[1]\nC = sum(f(3 * x))"))
    x, t = sp.Symbol("x_{1}", real=True), sp.Dummy()
    f = sp.Function("f", real=True)
    assert d.explicit().gradients["x"][0] == 3 * sp.diff(f(t), t).subs(t, 3 * x)


def test_names_of_entries_and_printing() -> None:
    explicit = sb.derive(sb.parse("W: R[2, 3]; x: R[3]\nC = sum(W @ x)")).explicit()
    assert [s.name for s in explicit.symbols["W"].flat] == ["W_{11}", "W_{12}", "W_{13}", "W_{21}", "W_{22}", "W_{23}"]
    assert r"\frac{\partial C}{\partial W} &= \begin{bmatrix}x_{1} & x_{2} & x_{3}\\x_{1} & x_{2} & x_{3}\end{bmatrix}" in explicit.latex()
    assert "dC/dx = [[W_{11} + W_{21}], [W_{12} + W_{22}], [W_{13} + W_{23}]]" in str(explicit)
    assert r"\hat{y}_{1} + \hat{y}_{2}" in sb.derive(sb.parse("yhat: R[2]\nC = sum(yhat)")).explicit().latex()
    wide = sb.derive(sb.parse("w: R[2, 11]\nC = sum(w)")).explicit()
    assert wide.symbols["w"][0, 10].name == "w_{1,11}"


def test_refusals() -> None:
    d = sb.derive(sb.parse("x: R[n]; C = sum(x)"))
    with pytest.raises(sb.SymbackpropError, match="there is no size m"):
        d.explicit({"m": 2})
    with pytest.raises(sb.SymbackpropError, match="too many to write out"):
        d.explicit({"n": 4000})
    with pytest.raises(sb.SymbackpropError, match="positive integer"):
        d.explicit({"n": 0})
    inner = sb.derive(sb.parse("x: R[2]; h = x * x; C = sum(h)"), wrt=["h"])
    with pytest.raises(sb.SymbackpropError, match="h is defined by an equation"):
        inner.explicit().gradients
