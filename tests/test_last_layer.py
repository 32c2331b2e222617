"""LaTeX texts whose last layer is of another kind, or whose steps have ranges of their own: derived and judged for every length."""

from __future__ import annotations

import numpy as np
import pytest

import symbackprop as sb
from symbackprop.show.printing import Wanted, render

FOUR = ["δₗ = (Wₗ₊₁ᵀ δₗ₊₁) ⊙ f′(zₗ)    (l = L−1, …, 1)", "∂C/∂Wₗ = δₗ aₗ₋₁ᵀ    (l = 1, …, L)", "∂C/∂bₗ = δₗ    (l = 1, …, L)"]
LAYER = r"z^{(l)} = W^{(l)} a^{(l-1)} + b^{(l)}"
ENTROPY = r"C = -\sum_k y_k \log a^{(L)}_k, \quad \mathbf 1^T y = 1"
START = r"a^{(0)} = x" + "\n"
# Goodfellow, Bengio and Courville (2016), 6.5; Bishop and Bishop (2024), 8.1; Stanford CS231n: a hidden layer's function, another at the end
SOFTMAX = {
    "ranges of their own": START + LAYER + r", \quad l = 1, \dots, L" + "\n" + r"a^{(l)} = f(z^{(l)}), \quad l = 1, \dots, L-1" + "\n"
                           + r"a^{(L)} = \operatorname{softmax}(z^{(L)})" + "\n" + ENTROPY,
    "in one line": START + LAYER + r", \quad l = 1, \dots, L, \quad a^{(l)} = f(z^{(l)}), \quad l = 1, \dots, L-1" + "\n"
                   + r"a^{(L)} = \operatorname{softmax}(z^{(L)})" + "\n" + ENTROPY,
    "no ranges": START + LAYER + r", \quad a^{(l)} = f(z^{(l)})" + "\n" + r"a^{(L)} = \operatorname{softmax}(z^{(L)})" + "\n" + ENTROPY,
    "the last layer written out": START + LAYER + r", \quad a^{(l)} = f(z^{(l)}), \quad l = 1, \dots, L-1" + "\n"
                                  + r"z^{(L)} = W^{(L)} a^{(L-1)} + b^{(L)}, \quad a^{(L)} = \operatorname{softmax}(z^{(L)})" + "\n" + ENTROPY,
}


@pytest.mark.parametrize("text", SOFTMAX.values(), ids=SOFTMAX)
def test_a_last_layer_of_another_kind_is_derived_for_every_depth(text: str) -> None:
    derivation = sb.derive(sb.parse(text), ["W", "b"])
    assert str(derivation).splitlines()[:4] == ["δ_L = a_L − y", *FOUR]
    assert r"\delta_L &= a_L - y" in derivation.latex()
    assert sb.check(derivation)


def test_the_steps_of_the_last_layer_say_nothing_of_the_other_function() -> None:
    derivation = sb.derive(sb.parse(SOFTMAX["no ranges"]), ["b"])
    steps = render(derivation, "text", Wanted("textbook", steps=True)).split("δₗ =")[0]
    assert "softmax" in steps and "f′" not in steps and "read 2 times" not in steps


def test_claims_about_a_last_layer_of_another_kind_are_judged_for_every_depth() -> None:
    lines = [r"\frac{\partial C}{\partial z^{(L)}} = a^{(L)} - y",
             r"\frac{\partial C}{\partial z^{(l)}} = ((W^{(l+1)})^\top \frac{\partial C}{\partial z^{(l+1)}}) \odot f'(z^{(l)}), \quad l = L-1, \dots, 1",
             r"\frac{\partial C}{\partial z^{(L)}} = (a^{(L)} - y) \odot f'(z^{(L)})"]
    first, second, third = sb.verify(SOFTMAX["ranges of their own"] + "\n" + "\n".join(lines))
    assert first.verdict == second.verdict == "proved" and "for every L" in first.assumptions
    assert second.assumptions[-2:] == ("for every L", "for l = 1, …, L−1") and third.verdict == "refuted"


def test_another_function_at_the_end_is_not_the_one_of_all_layers() -> None:
    """A line that is right only if the last layer were like the others."""
    text = (START + LAYER + r", \quad a^{(l)} = \tanh(z^{(l)})" + "\n" + r"a^{(L)} = \sigma(z^{(L)})" + "\n" + r"C = \frac12 \|a^{(L)} - y\|^2" + "\n")
    right, wrong = sb.verify(text + r"\frac{\partial C}{\partial z^{(L)}} = (a^{(L)} - y) \odot a^{(L)} \odot (1 - a^{(L)})" + "\n"
                             + r"\frac{\partial C}{\partial z^{(L)}} = (a^{(L)} - y) \odot (1 - (a^{(L)})^{\odot 2})")
    assert right.verdict == "proved" and wrong.verdict == "refuted"


def test_what_is_said_of_the_last_layer_as_of_all_is_a_claim() -> None:
    text = START + LAYER + r", \quad a^{(l)} = f(z^{(l)})" + "\n" + r"C = \frac12 \|a^{(L)} - y\|^2" + "\n" + r"a^{(L)} = f(z^{(L)})"
    (verdict,) = sb.verify(text)
    assert verdict.verdict == "proved"


# Nielsen, and Ng's course: the input is layer 1
FROM_TWO = r"a^{(1)} = x" + "\n" + LAYER + r", \quad a^{(l)} = \sigma(z^{(l)}), \quad l = 2, \dots, L" + "\n" + r"C = \frac12 \|a^{(L)} - y\|^2"


def test_steps_that_begin_at_2_are_derived_for_every_depth() -> None:
    derivation = sb.derive(sb.parse(FROM_TWO), ["W", "b", "x"])
    assert str(derivation).splitlines() == [
        "δ_L = (a_L − y) ⊙ a_L ⊙ (1 − a_L)", "δₗ = (Wₗ₊₁ᵀ δₗ₊₁) ⊙ aₗ ⊙ (1 − aₗ)    (l = L−1, …, 2)", "∂C/∂Wₗ = δₗ aₗ₋₁ᵀ    (l = 2, …, L)",
        "∂C/∂bₗ = δₗ    (l = 2, …, L)", "∂C/∂x = W₂ᵀ δ₂"]
    assert r"(l = 2, \dots, L)" in derivation.latex() and sb.check(derivation, {"L": 4})


def test_a_function_of_steps_that_begin_at_2_takes_the_arrays_that_there_are() -> None:
    draw = np.random.default_rng(0)
    x, y, W, b = draw.normal(size=3), draw.normal(size=2), [draw.normal(size=(4, 3)), draw.normal(size=(2, 4))], [draw.normal(size=4), draw.normal(size=2)]
    value, gradients = sb.lambdify(sb.derive(sb.parse(FROM_TWO), ["W", "x"]))(x=x, y=y, W=W, b=b)

    def loss(x: np.ndarray) -> float:
        for w, c in zip(W, b):
            x = 1 / (1 + np.exp(-(w @ x + c)))
        return ((x - y) ** 2).sum() / 2
    slope = [(loss(x + 1e-6 * e) - loss(x - 1e-6 * e)) / 2e-6 for e in np.eye(3)]
    assert np.isclose(value, loss(x)) and np.allclose(gradients["x"], slope) and gradients["W"][0].shape == (4, 3)


def test_the_number_of_a_step_stays_one_in_what_is_derived() -> None:
    text = r"""
x_t, h_t, y_t \in \mathbb{R}^m, U \in \mathbb{R}^{m \times m}
a_t = U h_{t-1} + x_t, \quad h_t = \tanh(a_t), \quad t = 1, \dots, T
L = \sum_{t=1}^T \frac{1}{t} \| h_t - y_t \|^2
"""
    derivation = sb.derive(sb.parse(text), ["U"])
    assert "(2/t) (hₜ − yₜ)" in str(derivation) and "(2/T) (h_T − y_T)" in str(derivation) and sb.check(derivation)


def test_an_equation_has_the_range_that_stands_beside_it() -> None:
    text = START + LAYER + r", \quad l = 1, \dots, L, \quad a^{(l)} = f(z^{(l)}), \quad l = 1, \dots, L-1" + "\n"
    names = {e.name for e in sb.parse(text + r"C = \frac12 \|z^{(L)} - y\|^2").equations}
    assert {"z3", "a2"} <= names and "a3" not in names
