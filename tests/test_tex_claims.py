"""Documents with claims as people write them: what is proved, what is refuted, what is said not to be understood."""

from __future__ import annotations

import numpy as np
import pytest
from reading import agrees, data, document, value_of

import symbackprop as sb
from symbackprop.tex.detect import is_mathematics

# M. Nielsen, Neural Networks and Deep Learning, chapter 2, without a single declaration.
NIELSEN = r"""
a^l = \sigma(z^l), \quad z^l = w^l a^{l-1} + b^l
C = \frac{1}{2} \|y - a^L\|^2
\delta^L = \nabla_a C \odot \sigma'(z^L)
\delta^l = ((w^{l+1})^T \delta^{l+1}) \odot \sigma'(z^l)
\frac{\partial C}{\partial b^l_j} = \delta^l_j
\frac{\partial C}{\partial w^l_{jk}} = a^{l-1}_k \delta^l_j
"""
# A. Ng's label style, declared, with an unnamed activation.
LABELS = r"""
W^{(l)} \in \mathbb{R}^{n_l \times n_{l-1}}, \; b^{(l)} \in \mathbb{R}^{n_l}, \quad l = 1, \dots, L
x \in \mathbb{R}^{n_0}, y \in \mathbb{R}^{n_L}
a^{(0)} = x
z^{(l)} = W^{(l)} a^{(l-1)} + b^{(l)}, \quad a^{(l)} = g(z^{(l)})
J = \frac{1}{2} \|a^{(L)} - y\|^2
\delta^{(l)} := \frac{\partial J}{\partial z^{(l)}}
\delta^{(L)} = (a^{(L)} - y) \odot g'(z^{(L)})
\delta^{(l)} = (W^{(l+1)})^\top \delta^{(l+1)} \odot g'(z^{(l)})
\frac{\partial J}{\partial W^{(l)}} = \delta^{(l)} (a^{(l-1)})^\top
\frac{\partial J}{\partial b^{(l)}} = \delta^{(l)}
"""
# CS231n's style: rows are examples, `dZ` is a name.
ROWS = r"""
X \in \mathbb{R}^{N \times d}, W_1 \in \mathbb{R}^{d \times h}, b_1 \in \mathbb{R}^{h}, W_2 \in \mathbb{R}^{h \times c}, b_2 \in \mathbb{R}^{c}
Y \in \mathbb{R}^{N \times c}
Y \mathbf{1} = \mathbf{1}
Z_1 = X W_1 + b_1
A_1 = \mathrm{ReLU}(Z_1)
Z_2 = A_1 W_2 + b_2
P = \operatorname{softmax}(Z_2)
L = -\frac{1}{N} \sum_{i=1}^N \sum_{j=1}^c Y_{ij} \log P_{ij}
dZ_2 = \frac{1}{N} (P - Y)
dW_2 = A_1^T dZ_2
db_2 = dZ_2^T \mathbf{1}
dA_1 = dZ_2 W_2^T
dZ_1 = dA_1 \odot \mathbf{1}[Z_1 > 0]
dW_1 = X^T dZ_1
"""
SOFTMAX = r"""
z, y \in \mathbb{R}^K
p_i = \frac{e^{z_i}}{\sum_{j} e^{z_j}}
L = -\sum_{i} y_i \log p_i
\sum_i y_i = 1
\frac{\partial L}{\partial z_i} = p_i - y_i
"""
ENTRIES = r"""
z_j = \sum_k w_{jk} x_k + b_j
a_j = \sigma(z_j)
C = \frac{1}{2} \sum_j (a_j - y_j)^2
\frac{\partial C}{\partial w_{jk}} = (a_j - y_j) \sigma'(z_j) x_k
\frac{\partial C}{\partial w} = ((a - y) \odot \sigma'(z)) x^T
\frac{\partial C}{\partial x_k} = \sum_j w_{jk} \delta_j
"""
LSTM = r"""
x_t \in \mathbb{R}^{n}, h_{t-1}, c_{t-1} \in \mathbb{R}^{m}
W_f, W_i \in \mathbb{R}^{m \times n}, U_f, U_i \in \mathbb{R}^{m \times m}, b_f, b_i \in \mathbb{R}^m
f_t = \sigma(W_f x_t + U_f h_{t-1} + b_f)
i_t = \sigma(W_i x_t + U_i h_{t-1} + b_i)
c_t = f_t * c_{t-1} + i_t * \tanh(W_i x_t)
L = \sum_j c_{t,j}^2
\frac{\partial L}{\partial c_t} = 2 c_t
\frac{\partial L}{\partial f_t} = \frac{\partial L}{\partial c_t} \odot c_{t-1}
\frac{\partial L}{\partial U_f} = \left( \frac{\partial L}{\partial f_t} \odot f_t \odot (1 - f_t)\right) h_{t-1}^T
"""
ATTENTION = r"""
Q, K, V \in \mathbb{R}^{n \times d}, G \in \mathbb{R}^{n \times d}
S = \frac{Q K^T}{\sqrt{d}}, \quad P = \operatorname{softmax}(S), \quad O = P V
L = \operatorname{tr}(G^T O)
dO = G
dV = P^T dO
dP = dO V^T
dS = P \circ (dP - \operatorname{rowsum}(P \circ dP) \mathbf{1}^\top)
dQ = \frac{1}{\sqrt{d}} dS K
"""
LOGISTIC = r"""
x, w \in \mathbb{R}^n, b, y \in \mathbb{R}
g(z) = \frac{1}{1+e^{-z}}
z = w^T x + b
\hat{y} = g(z)
L(\hat y, y) = -(y \log \hat{y} + (1-y)\log(1-\hat{y}))
\frac{\partial L}{\partial w} = (\hat{y} - y) x
\frac{dL}{dz} = \hat y - y
g'(z) = g(z)(1 - g(z))
"""
UNICODE = """
x ∈ ℝ^n, W ∈ ℝ^{m×n}, y ∈ ℝ^m
z = W x
ŷ = σ(z)
L = ½ ‖ŷ − y‖²
δ = (ŷ − y) ⊙ ŷ ⊙ (1 − ŷ)
∂L/∂W = δ xᵀ
∂L/∂x = Wᵀ δ
""".replace("²", "^2")
OCTAVE = r"""
X \in \mathbb{R}^{m \times n}, y \in \mathbb{R}^m, theta \in \mathbb{R}^n, lambda \in \mathbb{R}
h = sigmoid(X*theta)
J = (1/m) * sum(-y .* log(h) - (1-y) .* log(1-h)) + (lambda/(2*m)) * theta' * theta
grad = (1/m) * X' * (h - y) + (lambda/m) * theta
"""
RIDGE = r"""
X \in \mathbb{R}^{m \times n}, y \in \mathbb{R}^m, w \in \mathbb{R}^n, \lambda \in \mathbb{R}
J(w) = \|Xw - y\|_2^2 + \lambda \|w\|_2^2
\nabla_w J = 2X^\top(Xw - y) + 2\lambda w
\nabla J(w) = 2X^\top(Xw - y) + 2\lambda w
"""
INVERSE = r"""
X \in \mathbb{R}^{n \times n}, a, b \in \mathbb{R}^{n}
f = a^T X^{-1} b
\frac{\partial f}{\partial X} = -X^{-T} a b^T X^{-T}
"""
LAWS = r"""
A \circ B = B \circ A
(A \circ B) \circ C = A \circ (B \circ C)
A \circ (B + C) = A \circ B + A \circ C
(cA) \circ B = c (A \circ B)
x^T (A \circ B) y = \operatorname{tr}(D_x A D_y B^T)
"""
BATCH_NORM = r"""
x_i \in \mathbb{R}, \quad i = 1, \dots, m
\gamma, \beta, \epsilon \in \mathbb{R}
\epsilon > 0
\mu = \frac{1}{m} \sum_{i=1}^m x_i
\sigma^2 = \frac{1}{m} \sum_{i=1}^m (x_i - \mu)^2
\hat{x}_i = \frac{x_i - \mu}{\sqrt{\sigma^2 + \epsilon}}
y_i = \gamma \hat{x}_i + \beta
\ell = \sum_i y_i^3
\frac{\partial \ell}{\partial \hat{x}_i} = \frac{\partial \ell}{\partial y_i} \cdot \gamma
\frac{\partial \ell}{\partial \sigma^2} = \sum_{i=1}^m \frac{\partial \ell}{\partial \hat x_i} \cdot (x_i - \mu) \cdot \frac{-1}{2} (\sigma^2 + \epsilon)^{-3/2}
\frac{\partial \ell}{\partial \gamma} = \sum_{i=1}^m \frac{\partial \ell}{\partial y_i} \cdot \hat x_i
"""
EXAMPLES = r"""
X \in \mathbb{R}^{m \times n}, y \in \mathbb{R}^m, \theta \in \mathbb{R}^n
h_\theta(x) = g(\theta^T x)
g(z) = \frac{1}{1 + e^{-z}}
J(\theta) = -\frac{1}{m} \sum_{i=1}^{m} \left[ y^{(i)} \log h_\theta(x^{(i)}) + (1 - y^{(i)}) \log (1 - h_\theta(x^{(i)})) \right]
\frac{\partial J(\theta)}{\partial \theta_j} = \frac{1}{m} \sum_{i=1}^m \left( h_\theta(x^{(i)}) - y^{(i)} \right) x_j^{(i)}
\nabla_\theta J = \frac{1}{m} X^T (g(X\theta) - y)
"""
UNNAMED = r"""
W_1 \in \mathbb{R}^{h \times d}, W_2 \in \mathbb{R}^{c \times h}, b_1 \in \mathbb{R}^h, b_2 \in \mathbb{R}^c, x \in \mathbb{R}^d, y \in \mathbb{R}^c
z_1 = W_1 x + b_1, \quad h = f(z_1), \quad z_2 = W_2 h + b_2, \quad \hat{y} = \mathrm{softmax}(z_2)
\mathbf{1}^\top y = 1
J = -\sum_i y_i \log \hat{y}_i
\delta_2 = \hat{y} - y
\delta_1 = (W_2^T \delta_2) \circ f'(z_1)
\frac{\partial J}{\partial W_2} = \delta_2 h^T
\frac{\partial J}{\partial W_1} = \delta_1 x^T
"""
BASIS = r"""
\mathbf{w} \in \mathbb{R}^M, \boldsymbol{\Phi} \in \mathbb{R}^{N \times M}, \mathbf{t} \in \mathbb{R}^N
E(\mathbf{w}) = \frac{1}{2} \sum_{n=1}^N \{ t_n - \mathbf{w}^T \boldsymbol{\phi}_n \}^2
\nabla E(\mathbf{w}) = -\sum_{n=1}^N (t_n - \mathbf{w}^T \boldsymbol{\phi}_n) \boldsymbol{\phi}_n
\nabla E = \boldsymbol{\Phi}^T (\boldsymbol{\Phi} \mathbf{w} - \mathbf{t})
"""
COOKBOOK = r"""
X, A, B \in \mathbb{R}^{n \times n}, a, b \in \mathbb{R}^n
\frac{\partial a^T X b}{\partial X} = a b^T
\frac{\partial \operatorname{tr}(A X B)}{\partial X} = A^T B^T
\frac{\partial a^T x}{\partial x} = a
\nabla_X \operatorname{tr}(X^T A X) = (A + A^T) X
"""
TIME = r"""
h_0 \in \mathbb{R}^m, x_1, x_2 \in \mathbb{R}^n, W \in \mathbb{R}^{m \times n}, U \in \mathbb{R}^{m\times m}, y \in \mathbb{R}^m
a_1 = W x_1 + U h_0, \quad h_1 = \tanh(a_1)
a_2 = W x_2 + U h_1, \quad h_2 = \tanh(a_2)
L = \frac12 \|h_2 - y\|^2
\delta_2 = (h_2 - y) \odot (1 - h_2^2)
\delta_1 = U^T \delta_2 \odot (1 - h_1^2)
\frac{\partial L}{\partial U} = \delta_2 h_1^T + \delta_1 h_0^T
\frac{\partial L}{\partial W} = \sum_{t=1}^{2} \delta_t x_t^T
"""
LINE = r"""
\text{MSE} = \frac{1}{n} \sum_{i=1}^n (y_i - (m x_i + b))^2
\frac{\partial\, \text{MSE}}{\partial m} = \frac{-2}{n} \sum_{i=1}^n x_i (y_i - (m x_i + b))
\frac{\partial\, \text{MSE}}{\partial b} = \frac{-2}{n} \sum_{i=1}^n (y_i - (m x_i + b))
"""
RIGHT = {name: text for name, text in list(globals().items()) if name.isupper() and isinstance(text, str)}


@pytest.mark.parametrize("name", RIGHT)
def test_published_derivations_are_proved(name):
    verdicts = sb.verify(RIGHT[name])
    assert verdicts and {v.verdict for v in verdicts} == {"proved"}, [(v.claim, v.verdict, v.evidence) for v in verdicts]


# (document, what is replaced, by what): one mistake each, and all claims below are stated in the same document
WRONG = [
    (NIELSEN, r"a^{l-1}_k \delta^l_j", r"a^l_k \delta^l_j"), (NIELSEN, r"\odot \sigma'(z^l)", ""),
    (LABELS, r"\delta^{(l)} (a^{(l-1)})^\top", r"\delta^{(l)} (a^{(l)})^\top"), (ROWS, r"\frac{1}{N} (P - Y)", r"(P - Y)"),
    (ROWS, r"X^T dZ_1", r"-X^T dZ_1"), (SOFTMAX, "= p_i - y_i", "= y_i - p_i"), (ENTRIES, "x_k\n", "x_k^2\n"),
    (LSTM, r"h_{t-1}^T", r"c_{t-1}^T"), (ATTENTION, "dS K", "dS Q"), (LOGISTIC, r"= (\hat{y} - y) x", r"= (\hat{y} - y) w"),
    (UNICODE, "⊙ (1 − ŷ)", "⊙ ŷ"), (OCTAVE, "(lambda/m) * theta", "lambda * theta"), (RIDGE, r"+ 2\lambda w", r"+ \lambda w"),
    (INVERSE, "= -X", "= X"), (LAWS, r"c (A \circ B)", r"c A \circ B + B"),
]


@pytest.mark.parametrize("text, old, new", WRONG, ids=[old for _, old, _ in WRONG])
def test_a_mistake_is_refuted(text, old, new):
    assert old in text
    verdicts = sb.verify(text.replace(old, new))
    assert "refuted" in {v.verdict for v in verdicts}
    assert "error" not in {v.verdict for v in verdicts}


# A question-and-answer thread about the Hadamard product (3 inputs, 4 hidden units, 2 outputs), as it stands there.
THREAD = r"""
$x \in \mathbb{R}^{3}, w \in \mathbb{R}^{3 \times 4}, v \in \mathbb{R}^{4 \times 2}, b \in \mathbb{R}^2$
$h = \sigma(w^T x)$
$\hat{y} = \sigma(v^T h + b)$
$[x_1, x_2, x_3]$
$[y_1, y_2]$
$\begin{bmatrix} x_1&x_2&x_3 \end{bmatrix} * \begin{bmatrix} w_{1,1} & w_{1,2} & w_{1,3} & w_{1,4}\\ w_{2,1} & w_{2,2} & w_{2,3} & w_{2,4}\\ w_{3,1} & w_{3,2} & w_{3,3} & w_{3,4} \end{bmatrix} = \begin{bmatrix} h'_1 & h'_2 & h'_3 & h'_4 \end{bmatrix}$
$\begin{bmatrix} h_1 & h_2 & h_3 & h_4 \end{bmatrix} = \frac{1}{1+e^{\begin{bmatrix} -h'_1 & -h'_2 & -h'_3 & -h'_4 \end{bmatrix}}}$
$v^{new} = v^{old} - \eta \frac{\partial C}{\partial v}$
$\frac{\partial C}{\partial \hat{y}} = \hat{y} - y$
$\frac{\partial \hat{y}}{\partial v} = \frac{1}{1+exp(v^Th + b)} \circ (1 - \frac{1}{1+exp(v^Th + b)})$
$\begin{bmatrix} v_{1,1} & v_{2,1} & v_{3,1} & v_{4,1}\\ v_{1,2} & v_{2,2} & v_{3,2} & v_{4,2} \end{bmatrix} * \begin{bmatrix} h_{1} \\ h_{2} \\ h_{3} \\ h_{4} \end{bmatrix} = \begin{bmatrix} \sum v_{i,1} * h_{i} \\ \sum v_{i,2} * h_{i} \end{bmatrix}$
$\frac{\partial C}{\partial \hat{y}} = \hat{y} - y = \begin{bmatrix} \hat{y}_1\\ \hat{y}_2 \end{bmatrix} - \begin{bmatrix} y_1\\ y_2 \end{bmatrix} = \begin{bmatrix} \hat{y}_1 - y_1\\ \hat{y}_2 - y_2 \end{bmatrix}$
$\frac{\partial C}{\partial v} = \frac{\partial C}{\partial \hat{y}} \circ \frac{\partial \hat{y}}{\partial v}$
"""


def test_the_thread_is_read_as_it_stands(tmp_path):
    path = tmp_path / "thread.tex"
    path.write_text(THREAD, encoding="utf-8")
    program = sb.read(path)
    wrong = [c for c in program.claims if "partial v}" in c.text]
    assert [c.error for c in program.claims] == [None] * 8
    assert any("C = ½‖yhat − y‖²" in a for a in program.claims[0].assumptions)
    assert [(tuple(map(int, c.left.shape)), tuple(map(int, c.right.shape))) for c in wrong] == [((2, 4, 2), (2,)), ((4, 2), (2, 1))]
    verdicts = [v.verdict for v in sb.verify(program) if v.quantity != "dyhat/dv"]
    assert sorted(verdicts) == ["proved"] * 6 + ["refuted"]


def sigmoid(z):
    return 1 / (1 + np.exp(-z))


def test_a_layered_document_means_the_network_it_shows():
    program = document(*LABELS.split("\n"))
    names = {"n_0": 3, "n_1": 4, "n_2": 2, "n_3": 5}
    rng = np.random.default_rng(3)
    values = {n: rng.normal(size=tuple(names[str(d)] for d in v.shape)) for n, v in program.inputs.items()}
    assert sorted(values) == ["W1", "W2", "W3", "b1", "b2", "b3", "x", "y"]
    assert "layers" in " ".join(program.notes)


def test_an_entrywise_document_means_the_network_it_shows():
    agrees(ENTRIES.replace("z_j = ", r"w \in \mathbb{R}^{m \times n}" + "\nz_j = ", 1).split("\n"), "C",
           lambda w, x, b, y: 0.5 * np.sum((sigmoid(w @ x + b) - y) ** 2))


def test_a_softmax_loss_over_rows():
    def loss(X, W_1, b_1, W_2, b_2, Y):
        s = np.maximum(X @ W_1 + b_1, 0) @ W_2 + b_2
        p = np.exp(s) / np.exp(s).sum(1, keepdims=True)
        return -np.sum(Y * np.log(p)) / len(X)
    text = ROWS.replace("^{N \\times d}", "^{6 \\times 3}").replace("N \\times c", "6 \\times 2").replace("d \\times h", "3 \\times 4") \
        .replace("h \\times c", "4 \\times 2").replace("{h}", "{4}").replace("{c}", "{2}").replace("^N", "^6").replace("^c", "^2") \
        .replace("{N}", "{6}")
    agrees(text.split("\n"), "L", loss)


def test_a_claim_on_a_name_that_nothing_declares_says_so():
    (claim,) = document(r"x \in \mathbb{R}^n", r"C = \sum_i x_i^2", r"\frac{\partial C}{\partial x} = 2 \theta").claims
    assert claim.error.line == 3 and claim.error.column == 35 and "theta is not declared" in claim.error.message


def test_a_formula_that_cannot_be_read_is_an_error_at_its_place():
    claims = document(r"a, y \in \mathbb{R}^m", r"L = \|a - y\|^2", r"\frac{\partial L}{\partial a} = \left( 2 (a - y \right)").claims
    assert [c.error is None for c in claims] == [False] and claims[0].error.line == 3


def test_a_definition_that_fails_is_told_and_not_guessed():
    lines = [r"W \in \mathbb{R}^{3 \times 4}, x \in \mathbb{R}^3", "z = W x", r"C = \sum_i z_i^2"]
    with pytest.raises(sb.ShapeError, match="W is 3×4 and x is 3×1"):
        document(*lines)
    (claim,) = document(*lines, r"\frac{\partial C}{\partial z} = 2 z").claims
    assert "not declared" in claim.error.message


def test_what_is_inferred_and_assumed_is_said():
    program = document(r"\hat{y} = \sigma(W x)", r"\frac{\partial C}{\partial \hat y} = \hat y - y", r"y \in \mathbb{R}^k")
    (claim,) = program.claims
    said = " ".join(claim.assumptions)
    assert "C = ½‖yhat − y‖²" in said and "W is taken to be" in said


def test_a_right_side_is_read_again_in_its_place():
    claim = document(*ENTRIES.strip().split("\n")).claims[0]
    assert claim.origin[slice(*claim.right_span)] == r"(a_j - y_j) \sigma'(z_j) x_k"
    assert claim.reread(r"(a_j - y_j) \sigma'(z_j) x_k") is claim.right
    assert claim.reread(r"(a_j - y_j) x_k \sigma'(z_j)").shape == claim.left.shape
    with pytest.raises(sb.SymbackpropError):
        claim.reread(r"(a_j - y_j) \sigma'(q_j) x_k")
    with pytest.raises(sb.SymbackpropError):
        claim.reread(r"(a_j - y_j")


@pytest.mark.parametrize("name, text", [
    ("a.tex", "\\documentclass{article}\\begin{document}Let $x \\in \\mathbb{R}^n$ and\n\\[ C = \\sum_i x_i^2 \\]\nso $dx = 2x$.\\end{document}"),
    ("a.md", "Let $x \\in \\mathbb{R}^n$ and\n\n$$C = \\sum_i x_i^2$$\n\nso $dx = 2x$."),
    ("a.ipynb", '{"cells": [{"cell_type": "markdown", "source": ["Let $x \\\\in \\\\mathbb{R}^n$ and\\n", "$$C = \\\\sum_i x_i^2$$\\n", '
                '"so $dx = 2x$."]}, {"cell_type": "code", "source": "x = 1"}]}'),
    ("a.txt", "x \\in \\mathbb{R}^n\nC = \\sum_i x_i^2\ndx = 2x")])
def test_files_are_read_by_their_ending(tmp_path, name, text):
    path = tmp_path / name
    path.write_text(text, encoding="utf-8")
    program = sb.read(path)
    assert list(program.inputs) == ["x"] and len(program.claims) == 1
    assert sb.verify(program)[0].verdict == "proved"


@pytest.mark.parametrize("text, wanted", [
    ("x: R[n]\nC = sum(x**2)\ngrad(C, x) == 2 * x", False), ("W1: R[4, 3] as \"W^{(1)}\"", False), ("fact: sum(y) == 1", False),
    (r"x \in \mathbb{R}^n", True), ("h = sigmoid(X*theta)\ngrad = X' * (h - y)", True), ("∂L/∂W = δ xᵀ", True), ("$C = x^2$", True),
    ("z = W @ x + b", False)])
def test_latex_is_told_from_python(text, wanted):
    assert is_mathematics(text) is wanted


def test_softmax_of_a_matrix_follows_what_the_text_says_of_its_columns():
    text = r"""
X \in \mathbb{R}^{n \times m}, Y \in \mathbb{R}^{k \times m}, W \in \mathbb{R}^{k \times n}, b \in \mathbb{R}^k
\mathbf{1}^T Y = \mathbf{1}^T
Z = W X + b
A = \operatorname{softmax}(Z)
J = -\frac{1}{m} \sum_{i=1}^m \sum_{j=1}^k Y_{ji} \log A_{ji}
dZ = \frac{1}{m} (A - Y)
dW = dZ X^T
db = dZ \mathbf{1}
"""
    program = document(*text.split("\n"))
    assert {v.verdict for v in sb.verify(program)} == {"proved"}
    said = " ".join(program.claims[0].assumptions)
    assert "along each column" in said and "b is added to every column" in said


FACTS = [
    (r"\mathbf{1}^\top y = 1", "sum(y) == 1"), (r"\sum_i y_i = 1", "sum(y) == 1"), (r"Y \mathbf{1} = \mathbf{1}", "sum(Y, axis=1) == 1"),
    (r"\mathbf{1}^T Y = \mathbf{1}^T", "sum(Y, axis=0) == 1"), (r"\sum_k Y_{nk} = 1", "sum(Y, axis=1) == 1"), (r"A = A^\top", "A == A.T"),
    (r"A = A'", "A == A.T"), (r"y \in \{0, 1\}^k", "y is 0 or 1"), (r"p \in (0, 1)", "0 < p < 1"), (r"p > 0", "p > 0"),
    (r"0 < p", "p > 0"), (r"p < 2", "p < 2"), (r"A \succ 0", "A == A.T")]


@pytest.mark.parametrize("formula, fact", FACTS, ids=[f for f, _ in FACTS])
def test_facts_are_read(formula, fact):
    shapes = r"y \in \mathbb{R}^k, Y \in \mathbb{R}^{m \times k}, A \in \mathbb{R}^{k \times k}, p \in \mathbb{R}"
    assert [str(f) for f in document(shapes, formula).facts] == [fact]


def test_a_fact_on_something_defined_is_a_claim():
    (verdict,) = sb.verify(r"z \in \mathbb{R}^k" + "\n" + r"p = \operatorname{softmax}(z)" + "\n" + r"\mathbf{1}^T p = 1")
    assert verdict.verdict in ("proved", "confirmed")


REFUSED = [
    (r"\frac{\partial C}{\partial x} = 2 x_3", "free"), (r"\frac{\partial C}{\partial x} = \foo x", r"\foo is not known"),
    (r"\frac{\partial^2 C}{\partial x^2} = 2", "second derivatives"), (r"\mathrm{d} C = 2 x^T \mathrm{d} x", "differential"),
    (r"\frac{\partial C}{\partial x} = A \otimes A", "Kronecker"), (r"\frac{\partial C}{\partial x} = 2 x \pm x", "±"),
    (r"\frac{\partial C}{\partial x} = \frac{x}{0}", "division by zero"), (r"\frac{\partial C}{\partial x} = x^{5000}", "beyond 1000"),
    (r"\frac{\partial C}{\partial x} = \sqrt{-1}", "no real number"), (r"\frac{\partial C}{\partial x_i} = 2 x_j", "j is no index"),
    (r"\frac{\partial C}{\partial x} = x''", "two primes"), (r"\frac{\partial C}{\partial q} = x", "q is not declared"),
    (r"\frac{\partial C}{\partial x} = \sigma", "argument is missing"), (r"\nabla C = 2x", "could be meant"),
    (r"\frac{\partial C}{\partial x_i} = 2 x_i x_k", "k is no index")]


@pytest.mark.parametrize("claim, reason", REFUSED[1:], ids=[c for c, _ in REFUSED[1:]])
def test_what_cannot_be_read_is_an_error_with_its_reason(claim, reason):
    program = document(r"x, u \in \mathbb{R}^n, A \in \mathbb{R}^{n \times n}", "C = x^T x + u^T u", claim)
    error = program.claims[0].error
    assert error is not None and reason in str(error) and error.line == 3 and error.column


def test_an_update_must_have_the_shape_of_what_it_updates():
    lines = [r"W \in \mathbb{R}^{m \times n}, x \in \mathbb{R}^n", r"C = \|Wx\|^2"]
    fine = document(*lines, r"W \leftarrow W - \eta \frac{\partial C}{\partial W}")
    assert not fine.claims and any("update" in n for n in fine.notes)
    (claim,) = document(*lines, r"W \leftarrow W - \eta \left(\frac{\partial C}{\partial W}\right)^T").claims
    assert isinstance(claim.error, sb.ShapeError)


def test_a_star_or_dot_takes_the_reading_that_the_left_side_has():
    lines = [r"x, u \in \mathbb{R}^n", r"C = \sum_i u_i x_i^2"]
    (claim,) = document(*lines, r"\frac{\partial C}{\partial x} = 2 u \cdot x").claims
    assert claim.left.shape == claim.right.shape and any("entry by entry" in a for a in claim.assumptions)
    (inner,) = document(*lines, r"\frac{\partial C}{\partial x_i} = u \cdot x").claims
    assert any("inner product" in a for a in inner.assumptions)


def test_places_are_those_of_the_users_text(tmp_path):
    path = tmp_path / "a.md"
    path.write_text("# Title\n\nLet $x \\in \\mathbb{R}^n$, $C = x^T x$.\n\n$$\n\\frac{\\partial C}{\\partial x}\n  = 3 q\n$$\n", encoding="utf-8")
    (claim,) = sb.read(path).claims
    assert (claim.place.line, claim.place.column) == (6, 1)
    assert (claim.error.line, claim.error.column) == (7, 7)
    assert str(claim.error).endswith("^")


def test_the_same_text_reads_the_same_twice():
    first, second = document(*ENTRIES.split("\n")), document(*ENTRIES.split("\n"))
    assert [c.right for c in first.claims] == [c.right for c in second.claims] and first.inputs == second.inputs


@pytest.mark.parametrize("name", RIGHT)
def test_every_right_side_reads_again_as_itself(name):
    for claim in document(*RIGHT[name].split("\n")).claims:
        spelled = claim.origin[slice(*claim.right_span)]
        assert claim.reread(spelled) is claim.right
        try:
            claim.reread(spelled[:len(spelled) // 2])
        except sb.SymbackpropError:
            pass
        assert claim.reread(spelled) is claim.right


def test_ones_of_one_formula_may_differ_in_size_from_layer_to_layer():
    text = r"""
W^{(l)} \in \mathbb{R}^{n_l \times n_{l-1}}, \quad l = 1, \dots, 2
s^{(l)} = \mathbf{1}^\top W^{(l)} \mathbf{1}
C = s^{(1)} s^{(2)}
\frac{\partial C}{\partial W^{(1)}} = s^{(2)} \mathbf{1} \mathbf{1}^\top
"""
    (verdict,) = sb.verify(text)
    assert verdict.verdict == "proved"


INFERRED = [
    (r"X \in \mathbb{R}^{N \times d}", "Z = X W + b", r"\frac{\partial L}{\partial b} = 2 Z^T \mathbf{1}"),
    (r"X \in \mathbb{R}^{d \times N}", r"Z = \mathbf{W} X + b", r"\frac{\partial L}{\partial b} = 2 Z \mathbf{1}")]


@pytest.mark.parametrize("data, layer, claim", INFERRED, ids=["rows", "columns"])
def test_an_undeclared_bias_has_an_entry_for_every_unit(data, layer, claim):
    (verdict,) = sb.verify("\n".join((data, layer, r"L = \sum_{ij} Z_{ij}^2", claim)))
    assert verdict.verdict == "proved" and any("b is taken to be" in a for a in verdict.assumptions)


def test_a_scalar_before_what_it_depends_on_is_not_multiplied():
    text = r"""
x \in \mathbb{R}^n, A \in \mathbb{R}^{n\times n}
f = \frac12 (x^T A x)^2
g = x^T A x
\frac{\partial f}{\partial x} = g(x) (A + A^T) x
"""
    (verdict,) = sb.verify(text)
    assert verdict.verdict == "proved" and any("depends on" in a for a in verdict.assumptions)


def test_reading_stays_linear_in_the_number_of_formulas():
    count = []
    for n in (50, 100):
        lines = [r"q_{0} \in \mathbb{R}^n", *(rf"q_{{{k}}} = \sigma(q_{{{k - 1}}})" for k in range(n, 0, -1))]
        from symbackprop.tex.definitions import Definitions
        calls, plain = [], Definitions.attempt
        Definitions.attempt = lambda self, pair, plain=plain, calls=calls: (calls.append(1), plain(self, pair))[1]
        try:
            assert len(document(*lines).equations) == n
        finally:
            Definitions.attempt = plain
        count.append(len(calls))
    assert count[1] <= 2.2 * count[0]
