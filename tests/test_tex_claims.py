"""Documents with claims as people write them: what is proved, what is refuted, what is said not to be understood."""

from __future__ import annotations

import numpy as np
import pytest
from latex_documents import (ATTENTION, ENTRIES, INVERSE, LABELS, LAWS, LOGISTIC, LSTM, NIELSEN, OCTAVE, RIDGE, RIGHT, ROWS,
                             SOFTMAX, THREAD, UNICODE)
from reading import agrees, document

import symbackprop as sb
from symbackprop.tex.detect import is_mathematics


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
    (r"0 < p", "p > 0"), (r"p < 2", "p < 2"), (r"A \succ 0", "definite(A)")]


@pytest.mark.parametrize("formula, fact", FACTS, ids=[f for f, _ in FACTS])
def test_facts_are_read(formula, fact):
    shapes = r"y \in \mathbb{R}^k, Y \in \mathbb{R}^{m \times k}, A \in \mathbb{R}^{k \times k}, p \in \mathbb{R}"
    assert [str(f) for f in document(shapes, formula).facts] == [fact]


def test_a_fact_on_something_defined_is_a_claim():
    (verdict,) = sb.verify(r"z \in \mathbb{R}^k" + "\n" + r"p = \operatorname{softmax}(z)" + "\n" + r"\mathbf{1}^T p = 1")
    assert verdict.verdict in ("proved", "confirmed")


REFUSED = [
    (r"\frac{\partial C}{\partial x} = 2 x_3", "free"), (r"\frac{\partial C}{\partial x} = \foo x", r"\foo is not known"),
    (r"\frac{\partial^3 C}{\partial x^3} = 2", "only first and second derivatives"), (r"\mathrm{d} C = 2 x^T \mathrm{d} x", "differential"),
    (r"\frac{\partial C}{\partial x} = A \otimes x", "⊗"), (r"\frac{\partial C}{\partial x} = 2 x \pm x", "±"),
    (r"\frac{\partial C}{\partial x} = \frac{x}{0}", "division by zero"), (r"\frac{\partial C}{\partial x} = x^{5000}", "beyond 1000"),
    (r"\frac{\partial C}{\partial x} = \sqrt{-1}", "no real number"), (r"\frac{\partial C}{\partial x_i} = 2 x_j", "the index j stands on the right side only"),
    (r"\frac{\partial C}{\partial x} = x''", "two primes"), (r"\frac{\partial C}{\partial q} = x", "q is not declared"),
    (r"\frac{\partial C}{\partial x} = \sigma", "argument is missing"), (r"\nabla C = 2x", "could be meant"),
    (r"\frac{\partial C}{\partial x_i} = 2 x_i x_k", "the index k stands on the right side only")]


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


@pytest.mark.parametrize("claim", [r"A \odot 2 (u - v) = 2 A (u - v)", r"\operatorname{diag}(v) \odot 2 u = 2 \operatorname{diag}(v) u"])
def test_a_number_after_a_hadamard_sign_makes_no_matrix_product_of_it(claim: str) -> None:
    text = r"u \in \mathbb{R}^{n}, v \in \mathbb{R}^{n}, A \in \mathbb{R}^{n \times n}" + "\n\n" + claim
    (found,) = sb.verify(text, budget=30)
    assert found.verdict == "refuted" and found.kind == "shape"


def test_a_hadamard_sign_before_a_dotted_product_waits_for_it_where_only_that_has_a_shape() -> None:
    text = (r"X \in \mathbb{R}^{m \times N}, V \in \mathbb{R}^{r \times m}, E \in \mathbb{R}^{r \times N}" "\n\n"
            r"X \circ V^T \cdot 2 E = 2 X \circ (V^T E)")
    (found,) = sb.verify(text, budget=30)
    assert found.verdict == "proved" and any("comes first" in a for a in found.assumptions)


def test_a_wrong_claim_does_not_decide_what_an_undeclared_weight_is():
    lines = r"""$X \in \mathbb{R}^{m \times n}$, $w \in \mathbb{R}^n$, $y \in \mathbb{R}^m$
$$J(w) = \frac{1}{2m} \|Xw - y\|_2^2 + \frac{\lambda}{2} \|w\|^2$$
$$\nabla_w J = \frac{1}{m} X^\top (Xw - y) + \lambda w$$
$$\nabla_w J = \frac{1}{m} X (Xw - y) + \lambda w$$"""
    right, wrong = sb.verify(lines)
    assert (right.verdict, wrong.verdict, wrong.kind) == ("proved", "refuted", "missing-transpose")
