"""Equations and steps as SymPy, and what the objects show in a notebook. Expected forms are written by hand."""

from __future__ import annotations

import numpy as np
import pytest
import sympy as sp

import symbackprop as sb

TEXT = "x: R[n]; y: R[k]; W: R[k, n]; fact: sum(y) == 1\nz = W @ x\np = softmax(z)\nC = -sum(y * log(p))\n"
n, k = sp.symbols("n k", integer=True, positive=True)


@pytest.fixture
def derivation() -> sb.Derivation:
    return sb.derive(sb.parse(TEXT))


def test_an_equation_as_a_matrix_expression(derivation: sb.Derivation) -> None:
    W, x = sp.MatrixSymbol("W", k, n), sp.MatrixSymbol("x", n, 1)
    assert derivation.program["z"].as_sympy() == W * x
    assert derivation.backward["∂W"].as_sympy() == sp.MatrixSymbol("∂z", k, 1) * x.T


def test_an_equation_as_entries(derivation: sb.Derivation) -> None:
    i, j = sp.symbols("i j", integer=True)
    z, W, x = sp.IndexedBase("z", shape=(k,)), sp.IndexedBase("W", shape=(k, n)), sp.IndexedBase("x", shape=(n,))
    assert derivation.program["z"].as_sympy("index") == sp.Eq(z[i], sp.Sum(W[i, j] * x[j], (j, 0, n - 1)), evaluate=False)
    p = sp.IndexedBase("p", shape=(k,))
    assert derivation.program["p"].as_sympy("index") == sp.Eq(p[i], sp.exp(z[i]) / sp.Sum(sp.exp(z[j]), (j, 0, k - 1)), evaluate=False)


@pytest.mark.parametrize(("call", "axis"), [("softmax", 0), ("softmax", 1), ("log_softmax", 1), ("logsumexp", 0), ("logsumexp", 1)])
def test_functions_along_an_axis_have_entries(call: str, axis: int) -> None:
    program = sb.parse(f"Z: R[2, 3]\nP = {call}(Z, axis={axis})\nC = sum(P**2)")
    made = program["P"].as_sympy("index").rhs.doit()
    Z = np.array([[0.1, -0.4, 0.9], [1.2, 0.3, -0.8]])
    total = np.exp(Z).sum(axis=axis, keepdims=True)
    wanted = {"softmax": np.exp(Z) / total, "log_softmax": Z - np.log(total), "logsumexp": np.log(total).squeeze(axis)}[call]
    free = sorted((s for s in made.free_symbols if s.name in "ij"), key=str)
    for at in np.ndindex(wanted.shape):
        entry = made.subs(dict(zip(free, at)))
        found = entry.replace(lambda e: isinstance(e, sp.Indexed), lambda e: sp.Float(Z[tuple(int(v) for v in e.indices)]))
        assert abs(float(found) - wanted[at]) < 1e-12


def test_both_sides_of_a_step(derivation: sb.Derivation) -> None:
    before, after = derivation.gradients["W"].steps[0].as_sympy()
    assert before == sp.MatrixSymbol("W", k, n) * sp.MatrixSymbol("x", n, 1)
    steps = derivation.gradients["x"].steps
    assert all(isinstance(side, sp.Eq) for step in steps for side in step.as_sympy("index"))
    assert steps[-1].as_sympy()[1] == sp.MatrixSymbol("W", k, n).T * sp.MatrixSymbol("∂z", k, 1)


def test_no_matrix_form_is_an_error_that_names_the_other() -> None:
    program = sb.parse("A: R[n, n, n]\nC = sum(A**2)")
    with pytest.raises(sb.UnsupportedError, match="index"):
        program["C"].as_sympy()


def test_a_derivation_and_a_gradient_show_themselves(derivation: sb.Derivation) -> None:
    shown = derivation._repr_latex_()
    assert shown.startswith("$$\n\\begin{aligned}\n") and shown.endswith("\n\\end{aligned}\n$$") and "\n\n" not in shown
    assert r"\text{Assuming }" in shown
    assert derivation.gradients["W"]._repr_latex_() == r"$\displaystyle \frac{\partial C}{\partial W} = \delta x^{\top}$"


def test_steps_show_themselves(derivation: sb.Derivation) -> None:
    steps = derivation.gradients["W"].steps
    made = steps._repr_markdown_()
    assert made.startswith(r"$$\frac{\partial C}{\partial W} = \delta x^{\top}$$" + "\n\n1. **chain rule through a product**: ")
    assert made.count("$$") % 2 == 0 and made.count(r"\longrightarrow") == len(steps)
    assert str(steps).startswith("∂C/∂W = δ xᵀ\n    chain rule through a product: ") and repr(steps) == str(steps)


def test_a_verdict_shows_itself() -> None:
    verdict = sb.verify("x: R[n]\nC = sum(x**2)\ngrad(C, x) == x")[0]
    made = verdict._repr_html_()
    assert made.startswith("<ul><li>") and "refuted" in made and "scale" in made and "<script" not in made
