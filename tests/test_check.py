"""Finite differences find a single wrong entry, and agree with what is right."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

import symbackprop as sb
from symbackprop.differences import compare
from symbackprop.numeric import Floats, Precise, evaluate

EXAMPLES = sorted((Path(__file__).parent.parent / "examples").glob("*.net"))


@pytest.mark.parametrize("path", EXAMPLES, ids=lambda p: p.stem)
def test_every_example_checks(path: Path) -> None:
    assert sb.check(sb.derive(sb.read(path)))


@pytest.mark.parametrize("factor", [-1.0, 0.0, 1.001, 2.0])
def test_one_wrong_entry_in_a_thousand_is_found(factor: float) -> None:
    data = np.random.default_rng(3).normal(size=1000)
    gradient = np.cos(data)
    assert compare("x", data, gradient, lambda _, x: np.sin(x).sum(), {}, 0).holds
    gradient[617] *= factor
    row = compare("x", data, gradient, lambda _, x: np.sin(x).sum(), {}, 0)
    assert not row.holds and row.where == (617,)


def test_precise_values_agree_with_floats() -> None:
    program = sb.parse("x: R[4]; A: R[4, 4]\ny = softmax(A @ x)\nC = norm(y) + logdet(A @ A.T + eye(4)) + sum(gelu(x))")
    values = {"x": np.linspace(-1, 1, 4), "A": np.random.default_rng(0).normal(size=(4, 4))}
    for equation in program.equations:
        floats, precise = (evaluate(equation.expr, values, {}, field) for field in (Floats(), Precise(40)))
        values[equation.name] = floats
        assert np.allclose(floats, precise.astype(float), rtol=1e-13)


def test_exported_function_refuses_what_does_not_fit() -> None:
    f = sb.lambdify(sb.derive(sb.parse("x: R[n]; y: R[n]\nfact: sum(y) == 1\nC = sum(y * x)")))
    loss, grads = f(x=np.array([1, 2]), y=np.array([0.5, 0.5]))
    assert loss == 1.5 and np.array_equal(grads["x"], [0.5, 0.5])
    with pytest.raises(ValueError, match="y has shape"):
        f(x=np.ones(3), y=np.ones(2) / 2)
    with pytest.raises(ValueError, match="assumption"):
        f(x=np.ones(2), y=np.ones(2))
    assert f(x=np.ones(2), y=np.ones(2), check=False)[0] == 2


def test_a_gradient_that_is_0_is_no_matter_of_rounding() -> None:
    """x/x is 1: its differences are rounding, and 1e-6 of a tiny number was what the report said of them."""
    report = sb.check(sb.derive(sb.parse("x: R[n]; t: R[n]\ns = sqrt(x * x)\nC = sum((x / s - t)**2)"), wrt=["x"]))
    assert report and max(row.error for row in report.rows) <= 1e-7
    data = np.linspace(0.5, 1.5, 3)
    assert compare("x", data, np.zeros(3), lambda _, x: float(np.sum((x / x - 0.3) ** 2)), {}, 0).holds
    assert not compare("x", data, np.full(3, 1e-10), lambda _, x: float(np.sum((x / x - 0.3) ** 2)), {}, 0).holds
