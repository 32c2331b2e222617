"""What formulas mean, against NumPy code written by hand and against verdicts known from the literature."""

from __future__ import annotations

import numpy as np
import pytest
from reading import agrees, document

import symbackprop as sb

NET = r"""
x \in \mathbb{R}^{n}, \; y \in \mathbb{R}^{k}, \; W_1 \in \mathbb{R}^{m \times n}, \; W_2 \in \mathbb{R}^{k \times m}
h = \sigma(W_1 x) \qquad \hat{y} = \sigma(W_2 h)
C = \frac{1}{2} \lVert \hat{y} - y \rVert^2
"""
CLAIM = r"\frac{\partial C}{\partial W_1} = \left( W_2^\top \left( (\hat y - y) \odot \sigma'(W_2 h) \right) \odot \sigma'(W_1 x) \right) x^\top"
DECLARED = [r"A, B \in \mathbb{R}^{m \times n}, \; D \in \mathbb{R}^{n \times k}, \; x, w \in \mathbb{R}^{n}, \; u, b \in \mathbb{R}^{m}",
            r"S \in \mathbb{R}^{n \times n}, \; c, \lambda \in \mathbb{R}, \; X \in \mathbb{R}^{n \times N}"]


def sigmoid(z):
    return 1 / (1 + np.exp(-z))


def softmax(z, axis):
    e = np.exp(z)
    return e / e.sum(axis=axis, keepdims=True)


# (formula, its meaning)
MEANINGS = [
    (r"AD", lambda A, D, **_: A @ D),
    (r"A x", lambda A, x, **_: A @ x),
    (r"Ax + b", lambda A, x, b, **_: A @ x + b),
    (r"u^T A x", lambda A, x, u, **_: u @ A @ x),
    (r"u x^\top", lambda u, x, **_: np.outer(u, x)),
    (r"u \otimes x", lambda u, x, **_: np.outer(u, x)),
    (r"A \odot B", lambda A, B, **_: A * B),
    (r"A \circ B", lambda A, B, **_: A * B),
    (r"u * b", lambda u, b, **_: u * b),
    (r"x \cdot w", lambda x, w, **_: x @ w),
    (r"A^{\mathsf T} u", lambda A, u, **_: A.T @ u),
    (r"(A^\intercal B)^{t} x", lambda A, B, x, **_: (A.T @ B).T @ x),
    (r"A'u", lambda A, u, **_: A.T @ u),
    (r"c A - 2 B", lambda c, A, B, **_: c * A - 2 * B),
    (r"\sigma(Ax)", lambda A, x, **_: sigmoid(A @ x)),
    (r"\sigma'(Ax)", lambda A, x, **_: sigmoid(A @ x) * (1 - sigmoid(A @ x))),
    (r"\tanh^2 x + \tanh'(x)", lambda x, **_: np.ones_like(x)),
    (r"\frac{1}{1+e^{-Ax}}", lambda A, x, **_: sigmoid(A @ x)),
    (r"\max(0, Ax)", lambda A, x, **_: np.maximum(A @ x, 0)),
    (r"\mathbf{1}[A > 0]", lambda A, **_: (A > 0) * 1.0),
    (r"\mathbb{1}_{x > 0}", lambda x, **_: (x > 0) * 1.0),
    (r"\|Ax - b\|^2", lambda A, x, b, **_: np.sum((A @ x - b) ** 2)),
    (r"\frac{\lambda}{2} \|A\|_F^2", lambda lam=None, A=None, **k: k["lambda"] / 2 * np.sum(A**2)),
    (r"\|x\|_1 + \|w\|", lambda x, w, **_: np.abs(x).sum() + np.sqrt(w @ w)),
    (r"\operatorname{tr}(A^T B)", lambda A, B, **_: np.sum(A * B)),
    (r"\operatorname{diag}(u) A", lambda u, A, **_: np.diag(u) @ A),
    (r"\sum_{i} x_i w_i", lambda x, w, **_: x @ w),
    (r"\sum_{i=1}^m \sum_{j=1}^n A_{ij} u_i x_j", lambda A, u, x, **_: u @ A @ x),
    (r"\sum_{i,j} A_{ij}^2", lambda A, **_: np.sum(A**2)),
    (r"\sum_i \log(1 + e^{x_i})", lambda x, **_: np.log1p(np.exp(x)).sum()),
    (r"\sum_{i \ne j} S_{ij}", lambda S, **_: S.sum() - np.trace(S)),
    (r"\sum_{i=1}^{n} 1", lambda **_: 3.0),
    (r"\sum (x - w)^2", lambda x, w, **_: np.sum((x - w) ** 2)),
    (r"A X + b", lambda A, X, b, **_: A @ X + b[:, None]),
    (r"A X + b \mathbf{1}^T", lambda A, X, b, **_: A @ X + b[:, None]),
    (r"1/2 (x - w)^T (x - w)", lambda x, w, **_: 0.5 * (x - w) @ (x - w)),
    (r"\frac12 x^T S x", lambda S, x, **_: 0.5 * x @ S @ x),
    (r"\mathrm{softmax}(Ax)", lambda A, x, **_: softmax(A @ x, 0)),
    (r"\operatorname{softmax}_{\text{rows}}(AD)", lambda A, D, **_: softmax(A @ D, 1)),
    (r"\text{softmax}_{\text{columns}}(AD)", lambda A, D, **_: softmax(A @ D, 0)),
    (r"A_{:,1}", None),
    (r"\sqrt{x^T x + 1}", lambda x, **_: np.sqrt(x @ x + 1)),
    (r"(I + S) x", lambda S, x, **_: x + S @ x),
    (r"x \oslash (1 + w^2)", lambda x, w, **_: x / (1 + w**2)),
    (r"\begin{cases} x & \text{if } x > 0 \\ c x & \text{otherwise} \end{cases}", lambda x, c, **_: np.where(x > 0, x, c * x)),
    (r"x ⊙ σ(w)", lambda x, w, **_: x * sigmoid(w)),
    (r"Aᵀ u", lambda A, u, **_: A.T @ u),
]


@pytest.mark.parametrize("formula, meaning", [(f, m) for f, m in MEANINGS if m], ids=[f for f, m in MEANINGS if m])
def test_an_expression_means_what_numpy_says(formula, meaning):
    agrees([*DECLARED, f"R = {formula}"], "R", meaning)


def test_the_example_of_the_design_is_proved():
    (verdict,) = sb.verify(NET + CLAIM)
    assert verdict.verdict == "proved"
    (wrong,) = sb.verify(NET + CLAIM.replace(r"\odot \sigma'(W_1 x)", ""))
    assert wrong.verdict == "refuted"


def test_a_product_that_cannot_be_formed_names_both_shapes():
    claim = document(*NET.split("\n"), r"\frac{\partial C}{\partial W_2} = (\hat y - y) \odot \sigma'(W_2 h) h").claims[0]
    assert isinstance(claim.error, sb.ShapeError)
    assert "k×1" in claim.error.message and "m×1" in claim.error.message
