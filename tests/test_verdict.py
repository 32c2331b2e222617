"""Claims with the verdict and the kind of mistake that the literature, or a derivation by hand, gives them."""

from __future__ import annotations

import json
from functools import partial
from html.parser import HTMLParser

import mpmath
import numpy as np
import pytest

import symbackprop as sb
from symbackprop.cli import main
from symbackprop.judge.formula import Edit
from symbackprop.judge.mistakes import MISTAKES, pairs_of
from symbackprop.judge.verdict import judge

verify = partial(sb.verify, budget=30)  # what is found may not hang on a slow machine
NET = """x: R[n]; y: R[k]
W1: R[m, n]; b1: R[m]; W2: R[k, m]; b2: R[k]
z1 = W1 @ x + b1
h = sigmoid(z1)
z2 = W2 @ h + b2
yhat = sigmoid(z2)
C = sum((yhat - y)**2) / 2
"""
SQUARE = """x: R[n]; y: R[n]; V: R[n, n]; W: R[n, n]
z = V @ x
h = tanh(z)
C = sum((W @ h - y)**2)
"""
BATCH = """X: R[N, d]; Y: R[N, c]; W: R[d, c]; b: R[c]
fact: sum(Y, axis=1) == 1
S = X @ W + b
P = softmax(S, axis=1)
L = -sum(Y * log(P)) / N
"""
# (model, claim, verdict, kind, a part of the fix)
CASES = [
    (NET, "grad(C, z2) == (yhat - y) * yhat * (1 - yhat)", "proved", "", ""),
    (NET, "grad(C, z2) == (yhat - y) * yhat - (yhat - y) * yhat**2", "proved", "", ""),
    (NET, "grad(C, W1) == outer(grad(C, z1), x)", "proved", "", ""),
    (NET, "grad(C, W1) == outer(x, grad(C, z1))", "proved", "layout", "outer(grad(C, z1), x)"),
    (NET, "grad(C, x) == W1.T @ diag(h * (1 - h)) @ W2.T @ grad(C, z2)", "proved", "", ""),
    (NET, "grad(C, z2) == (y - yhat) * yhat * (1 - yhat)", "refuted", "sign", "(yhat - y)"),
    (NET, "grad(C, z2) == 2 * (yhat - y) * yhat * (1 - yhat)", "refuted", "scale", "== (yhat - y)"),
    (NET, "grad(C, z2) == (1 + 1e-12) * (yhat - y) * yhat * (1 - yhat)", "refuted", "scale", "yhat"),
    (NET, "grad(C, z2) == (1 + 1e-30) * (yhat - y) * yhat * (1 - yhat)", "refuted", "scale", "yhat"),
    (NET, "grad(C, z2) == (yhat - y) * yhat * (1 - yhat) + y / 10**12", "refuted", "extra-term", "yhat"),
    (NET, "grad(C, z2) == yhat - y", "refuted", "missing-activation-derivative", "yhat * (1 - yhat)"),
    (NET, "grad(C, z2) == (yhat - y) * yhat", "refuted", "missing-activation-derivative", "(1 - yhat)"),
    (NET, "grad(C, z1) == (W2 @ grad(C, z2)) * h * (1 - h)", "refuted", "missing-transpose", "W2.T"),
    (NET, "grad(C, W2) == grad(C, z2)", "refuted", "missing-outer-product", "outer(grad(C, z2), h)"),
    (NET, "grad(C, W2) == outer(grad(C, z2), z1)", "refuted", "wrong-tensor", "h)"),
    (NET, "grad(C, b1) == grad(C, z1) * h", "refuted", "extra-factor", "== grad(C, z1)"),
    (NET, "grad(C, z1) == W2.T @ grad(C, z2) @ (h * (1 - h))", "refuted", "hadamard-vs-matmul", "*"),
    (NET, "grad(C, b2) == grad(C, z1)", "refuted", "shape", "z2"),
    (SQUARE, "grad(C, h) == 2 * W.T @ (W @ h - y)", "proved", "", ""),
    (SQUARE, "grad(C, h) == 2 * W @ (W @ h - y)", "refuted", "missing-transpose", "W.T"),
    (SQUARE, "grad(C, h) == 2 * W.T @ (W.T @ h - y)", "refuted", "extra-transpose", "(W @ h - y)"),
    (SQUARE, "grad(C, h) == W.T @ (W @ h - y)", "refuted", "scale", "2"),
    (SQUARE, "grad(C, z) == grad(C, h) * (1 - z**2)", "refuted", "wrong-tensor", "(1 - h**2)"),
    (SQUARE, "grad(C, V) == outer(x, grad(C, z))", "proved", "layout", "outer(grad(C, z), x)"),
    (SQUARE, "grad(C, x) == V.T @ grad(C, h) * (1 - h**2)", "refuted", None, ""),
    (BATCH, "grad(L, S) == (P - Y) / N", "proved", "", ""),
    (BATCH, "grad(L, S) == P - Y", "refuted", "scale", "1 / N"),
    (BATCH, "grad(L, b) == sum(grad(L, S), axis=0)", "proved", "", ""),
    (BATCH, "grad(L, b) == sum(grad(L, S), axis=1)", "refuted", "wrong-axis", "axis=0"),
    (BATCH, "grad(L, b) == grad(L, S)", "refuted", "missing-sum", "sum(grad(L, S), axis=0)"),
    (BATCH, "grad(L, W) == X.T @ grad(L, S)", "proved", "", ""),
    (BATCH, "grad(L, W) == X @ grad(L, S)", "refuted", "missing-transpose", "X.T"),
    (BATCH.replace("fact: sum(Y, axis=1) == 1\n", ""), "grad(L, S) == (P - Y) / N", "refuted", "missing-assumption", "sum(Y, axis=1) == 1"),
    ("x: R[n]; A: R[n, n]\nf = x @ A @ x\n", "grad(f, x) == (A + A.T) @ x", "proved", "", ""),
    ("x: R[n]; A: R[n, n]\nf = x @ A @ x\n", "grad(f, x) == 2 * A @ x", "refuted", "missing-assumption", "A == A.T"),
    ("x: R[n]; A: R[n, n]\nfact: A == A.T\nf = x @ A @ x\n", "grad(f, x) == 2 * A @ x", "proved", "", ""),
    ("x: R[n]\nf = sum(sqrt(x**2))\n", "grad(f, x) == x / x", "refuted", "missing-assumption", "x > 0"),
    ("X: R[m, n]; y: R[m]; w: R[n]; t: R\nJ = sum((X @ w - y)**2) + t * sum(w**2)\n", "grad(J, w) == 2 * X.T @ (X @ w - y)", "refuted",
     "missing-term", "t"),
    ("X: R[m, n]; y: R[m]; w: R[n]; t: R\nJ = sum((X @ w - y)**2) + t * sum(w**2)\n", "grad(J, w) == 2 * X.T @ (X @ w - y) + t * w", "refuted",
     "scale", "2"),
    ("a: R[n]; B: R[n, n]; C: R[n, n]\nf = sum(B @ C)\n", "B @ C == C @ B", "refuted", None, ""),
    ("a: R[n]; B: R[n, n]; C: R[n, n]\nf = sum(B @ C)\n", "B * C == C * B", "proved", "", ""),
    ("z: R[n]; y: R[n]\na = relu(z)\nC = sum((a - y)**2) / 2\n", "grad(C, z) == (a - y) * (z >= 0)", "proved", "", ""),
    ("x: R[2]\nf = sum(x) * 2**99\n", "grad(f, x) == 2**98 * ones(2)", "refuted", "scale", ""),
    ("x: R[n]; k: R[2]\nf = sum(x) * n\n", "grad(f, x) == 2 * ones(n)", "refuted", None, ""),
]


@pytest.mark.parametrize("model, claim, verdict, kind, fix", CASES, ids=[c[1] for c in CASES])
def test_a_claim_gets_its_verdict_its_kind_and_a_repair_that_verifies(model, claim, verdict, kind, fix):
    (found,) = verify(model + claim)
    assert found.verdict == verdict and (kind is None or found.kind == kind), str(found)
    if fix:
        assert fix in found.diagnosis["fix"]
    if kind not in (None, "", "missing-assumption"):
        (again,) = verify(model + found.diagnosis["fix"])
        assert again.is_right and again.layout != "numerator"
    if kind == "missing-assumption":
        (again,) = verify(model + found.diagnosis["fix"] + "\n" + claim)
        assert again.is_right


DOCUMENT = r"""
X \in \mathbb{R}^{n \times m}, W_1 \in \mathbb{R}^{h \times n}, b_1 \in \mathbb{R}^{h}, W_2 \in \mathbb{R}^{k \times h}, b_2 \in \mathbb{R}^{k}, Y \in \mathbb{R}^{k \times m}
Z_1 = W_1 X + b_1
A_1 = \tanh(Z_1)
Z_2 = W_2 A_1 + b_2
J = \frac{1}{2m} \|Z_2 - Y\|_F^2
"""


def verdicts(*lines: str) -> list[tuple[str, str]]:
    return [(v.verdict, v.kind) for v in verify(DOCUMENT + "\n".join(lines))]


def test_a_factor_that_later_lines_restore_makes_a_scaled_definition():
    lines = [r"dZ_2 = Z_2 - Y", r"dW_2 = \frac{1}{m} dZ_2 A_1^T", r"dZ_1 = W_2^T dZ_2 \odot (1 - A_1^2)", r"dW_1 = \frac{1}{m} dZ_1 X^T"]
    found = verify(DOCUMENT + "\n".join(lines))
    assert [v.verdict for v in found] == ["proved"] * 4
    assert "dZ_2 stands for m times the derivative" in found[0].assumptions[0] and not found[1].diagnosis


def test_a_factor_that_no_later_line_restores_is_a_mistake_of_its_line():
    assert verdicts(r"dZ_2 = Z_2 - Y", r"dW_2 = dZ_2 A_1^T") == [("refuted", "scale"), ("refuted", "inherited")]


def test_a_line_that_forgets_the_factor_of_a_scaled_definition_is_wrong_itself():
    found = verdicts(r"dZ_2 = Z_2 - Y", r"dW_2 = \frac{1}{m} dZ_2 A_1^T", r"db_2 = dZ_2 \mathbf{1}")
    assert found == [("proved", ""), ("proved", ""), ("refuted", "scale")]


def test_the_negative_delta_is_a_scaled_definition_too():
    found = verdicts(r"dZ_2 = \frac{1}{m} (Y - Z_2)", r"dW_2 = -dZ_2 A_1^T")
    assert found == [("proved", ""), ("proved", "")]


def test_an_earlier_mistake_is_told_apart_from_an_own_one():
    lines = [r"\frac{\partial J}{\partial Z_2} = \frac{1}{m} (Y - Z_2)", r"\frac{\partial J}{\partial W_2} = \frac{\partial J}{\partial Z_2} A_1^T",
             r"\frac{\partial J}{\partial A_1} = W_2 \frac{\partial J}{\partial Z_2}",
             r"\frac{\partial J}{\partial Z_1} = W_2^T \frac{\partial J}{\partial Z_2} \odot (1 - A_1^2)", r"\frac{\partial J}{\partial W_1} = \frac{\partial J}{\partial Z_1} X^T"]
    found = verify(DOCUMENT + "\n".join(lines))
    assert [v.kind for v in found] == ["sign", "inherited", "missing-transpose", "inherited", "inherited"]
    assert all("line 7" in v.diagnosis["message"] for v in found if v.kind == "inherited")


def test_two_mistakes_that_undo_each_other_leave_a_right_result():
    assert verdicts(r"\frac{\partial J}{\partial Z_2} = \frac{1}{m} (Y - Z_2)", r"\frac{\partial J}{\partial W_2} = -\frac{\partial J}{\partial Z_2} A_1^T") == [
        ("refuted", "sign"), ("proved", "")]


def test_layout():
    line = r"\frac{\partial J}{\partial W_2} = \frac{1}{m} A_1 (Z_2 - Y)^T"
    (found,) = verify(DOCUMENT + line)
    assert (found.verdict, found.layout, found.kind) == ("proved", "numerator", "layout")
    (strict,) = verify(DOCUMENT + line, strict_layout=True)
    assert (strict.verdict, strict.kind) == ("refuted", "layout")
    assert verdicts(r"dW_2 = \frac{1}{m} A_1 (Z_2 - Y)^T") == [("refuted", "layout")]
    assert verdicts(r"\nabla_{W_2} J = \frac{1}{m} A_1 (Z_2 - Y)^T") == [("refuted", "layout")]


JACOBIANS = r"""
x \in \mathbb{R}^n, W \in \mathbb{R}^{m \times n}, y \in \mathbb{R}^m
z = W x
a = \sigma(z)
p = \operatorname{softmax}(z)
C = \frac12 \|a - y\|^2
"""


@pytest.mark.parametrize("claim, verdict, kind", [
    (r"\frac{\partial z}{\partial x} = W", "proved", ""), (r"\frac{\partial z}{\partial x} = W^T", "proved", ""),
    (r"\frac{\partial z}{\partial x} = 2 W", "refuted", "scale"), (r"\frac{\partial a}{\partial z} = \operatorname{diag}(\sigma'(z))", "proved", ""),
    (r"\frac{\partial a}{\partial z} = \operatorname{diag}(\sigma(z))", "refuted", None), (r"\frac{\partial a}{\partial x} = \operatorname{diag}(\sigma'(z)) W", "proved", ""),
    (r"\frac{\partial p}{\partial z} = \operatorname{diag}(p) - p p^T", "proved", ""), (r"\frac{\partial p}{\partial z} = \operatorname{diag}(p) - p", "error", None),
    (r"\frac{\partial p_i}{\partial z_j} = p_i (\delta_{ij} - p_j)", "proved", ""), (r"\frac{\partial p_i}{\partial z_j} = p_i (\delta_{ij} + p_j)", "refuted", "sign")])
def test_jacobians(claim, verdict, kind):
    (found,) = verify(JACOBIANS + claim)
    if verdict == "error":
        assert found.verdict in ("error", "refuted")
    else:
        assert found.verdict == verdict and (kind is None or found.kind == kind), str(found)


def test_a_product_that_cannot_be_formed_is_refuted_with_a_repair():
    (found,) = verify(JACOBIANS + r"\frac{\partial C}{\partial z} = (a - y) \sigma'(z)")
    assert (found.verdict, found.kind) == ("refuted", "hadamard-vs-matmul") and "m×1" in found.evidence
    assert found.diagnosis["fix"] == r"\frac{\partial C}{\partial z} = (a - y) \odot \sigma'(z)"
    assert found.claim[slice(*found.marks[0])] == r"(a - y) \sigma'(z)"


def test_conventions_at_kinks_come_first():
    (found,) = verify("z: R[n]; y: R[n]\na = relu(z)\nC = sum(a * y)\ngrad(C, z) == y * (z >= 0)")
    assert found.assumptions[0].startswith("away from kinks (relu′(0) = 0")


def test_a_witness_is_small_and_holds_when_it_is_computed_by_hand():
    (found,) = verify("X: R[m, n]; w: R[n]; y: R[m]\nJ = sum((X @ w - y)**2)\ngrad(J, w) == X.T @ (X @ w - y)")
    w = found.witness
    assert w.sizes == {"m": 1, "n": 1} and all(float(v).is_integer() for data in w.values.values() for v in np.ravel(data))
    X, v, y = (w.values[k] for k in ("X", "w", "y"))
    true = 2 * X.T @ (X @ v - y)
    assert (mpmath.mpf(w.true), mpmath.mpf(w.claimed)) == (true[w.entry], true[w.entry] / 2)


def test_a_confirmed_claim_says_how_it_was_looked_at():
    model = "x: R[n]; y: R[n]\nC = sum(tanh(x) * y)\n"
    (found,) = verify(model + "grad(C, x) == y * (1 - ((1 - exp(-2 * x)) / (1 + exp(-2 * x)))**2)")
    assert found.is_right and (found.verdict == "proved" or "not a proof" in found.evidence)


def test_no_verdict_is_stronger_than_what_the_time_allowed():
    text = NET + "grad(C, W1) == outer((W2.T @ ((yhat - y) * yhat * (1 - yhat))) * h * (1 - h), x)"
    (found,) = judge(sb.parse(text), budget=1e-9)
    assert found.verdict == "undecided" and "time" in found.evidence


def test_json_has_the_keys_of_the_design(tmp_path, capsys):
    path = tmp_path / "a.net"
    path.write_text(NET + "grad(C, z2) == y - yhat\n")
    assert main(["verify", str(path), "--json"]) == 1
    (found,) = json.loads(capsys.readouterr().out)
    assert list(found) == ["claim", "line", "column", "quantity", "verdict", "layout", "assumptions", "evidence", "diagnosis"]
    assert found["quantity"] == "dC/dz2" and found["diagnosis"].keys() == {"kind", "message", "fix"}


def test_the_terminal_marks_the_wrong_part_and_counts_apart(tmp_path, capsys):
    path = tmp_path / "a.net"
    path.write_text(NET + "grad(C, z2) == (y - yhat) * yhat * (1 - yhat)\ngrad(C, b2) == grad(C, z2)\n")
    assert main(["verify", str(path)]) == 1
    lines = capsys.readouterr().out.splitlines()
    at = lines[0].index("y - yhat")
    assert lines[1][at:at + 8] == "^" * 8 and set(lines[1]) == {" ", "^"}
    assert lines[-1] == "1 refuted, 1 wrong through an earlier line"


def test_exit_codes_and_files_without_claims(tmp_path, capsys):
    right, none, broken = tmp_path / "r.net", tmp_path / "n.net", tmp_path / "b.net"
    right.write_text(NET + "grad(C, b2) == grad(C, z2)\n")
    none.write_text(NET)
    broken.write_text("x: R[")
    assert main(["verify", str(right)]) == 0
    assert main(["verify", str(right), str(none)]) == 0 and "nothing to check" in capsys.readouterr().err
    assert main(["verify", str(none)]) == 2
    assert main(["verify", str(right), str(broken)]) == 2


class Page(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.marked, self.inside = "", False

    def handle_starttag(self, tag, attrs):
        self.tags.append(tag)
        self.inside = tag == "mark"

    def handle_data(self, data):
        if self.inside:
            self.marked += data
            self.inside = False


def test_the_page_marks_the_wrong_part_and_escapes(tmp_path):
    path = tmp_path / "<b>.net"
    path.write_text(NET + "grad(C, z2) == (y - yhat) * yhat * (1 - yhat)\n")
    main(["verify", str(path), "--html", str(tmp_path / "page.html"), "-o", str(tmp_path / "out")])
    page = Page()
    page.feed((tmp_path / "page.html").read_text())
    assert page.marked == "y - yhat" and "b" not in set(page.tags) - {"b"} and "script" not in page.tags
    assert "&lt;b&gt;.net" in (tmp_path / "page.html").read_text()


def test_the_thread_about_the_hadamard_product():
    found = verify(sb.read("examples/stackexchange_hadamard.tex"))
    assert [(v.verdict, v.kind) for v in found] == [("proved", ""), ("refuted", "shape"), ("refuted", "missing-outer-product")]
    assert any("C = ½‖yhat − y‖² is assumed" in a for v in found for a in v.assumptions)
    assert "2×4×2" in found[1].evidence and "derivative of yhat by z_yhat = vᵀ h + b" in found[1].diagnosis["message"]
    assert "2×1" in found[2].evidence and "dC/dz_yhat" in found[2].diagnosis["message"] and "= h (" in found[2].diagnosis["fix"]


def test_the_laws_of_the_hadamard_product():
    assert [v.verdict for v in verify(sb.read("examples/hadamard_laws.tex"))] == ["proved"] * 5


def test_a_wrong_derivation_of_our_own_is_no_verdict_on_the_claim(monkeypatch):
    from symbackprop.judge import truth
    from symbackprop.algebra import scale
    right = truth.sweep

    def wrong(*args):
        backward = right(*args)
        return backward.__class__(backward.inputs, tuple(e._replace(expr=scale(2, e.expr)) for e in backward.equations), backward.outputs)
    monkeypatch.setattr(truth, "sweep", wrong)
    (found,) = verify(NET + "grad(C, z2) == (yhat - y) * yhat * (1 - yhat)")
    assert found.verdict == "undecided" and "error of symbackprop" in found.evidence


def test_a_wrong_normal_form_is_caught_at_a_point(monkeypatch):
    from symbackprop.judge import evidence, proof
    monkeypatch.setattr(proof, "matched", lambda a, b, *facts: ((a, b),))
    monkeypatch.setattr(evidence.Bench, "differ_roughly", lambda *args, **kw: False)
    (found,) = verify(NET + "grad(C, z2) == 2 * (yhat - y) * yhat * (1 - yhat)")
    assert not found.is_right


IN_PYTHON = """x: R[n]; W: R[m, n]; b: R[m]
z = W @ x + b
a = tanh(z)
p = softmax(z)
C = sum(a) + p @ z
"""


@pytest.mark.parametrize("claim", ["grad(z, x) == W", "grad(a, z) == diag(1 - a**2)", "grad(a, x) == diag(1 - a**2) @ W",
                                   "grad(p, z) == diag(p) - outer(p, p)", "grad(p, x) == diag(p) @ W - outer(p, p @ W)"])
def test_a_jacobian_in_python_syntax_is_judged(claim):
    (found,) = sb.verify(IN_PYTHON + claim)
    assert found.verdict == "proved"


def test_a_wrong_jacobian_is_repaired():
    (found,) = sb.verify(IN_PYTHON + "grad(a, z) == diag(a**2)")
    assert found.verdict == "refuted" and found.kind == "missing-activation-derivative"
    (found,) = sb.verify("z \\in \\mathbb{R}^n\np = \\operatorname{softmax}(z)\nC = \\sum_i p_i^2\n\\frac{\\partial p_i}{\\partial z_j} = p_i (1 - p_j)", budget=20)
    assert found.verdict == "refuted" and r"\delta_{ij}" in found.diagnosis["fix"]


def test_declared_sums_hold_exactly_at_every_point():
    from fractions import Fraction

    from symbackprop.points import draw
    program = sb.parse("y: R[n]; Y: R[N, n]; Z: R[N, n]\nfact: sum(y) == 1\nfact: sum(Y, axis=1) == 1\nfact: sum(Z, axis=0) == 1\nC = sum(Y @ y) + sum(Z)\n")
    for seed in range(20):
        for whole in (False, True):
            values, _ = draw(program, {"n": 2 + seed % 5, "N": 3 + seed % 4}, seed, whole)
            exact = {name: np.vectorize(Fraction, otypes=[object])(value) for name, value in values.items()}
            assert exact["y"].sum() == 1 and (exact["Y"].sum(axis=1) == 1).all() and (exact["Z"].sum(axis=0) == 1).all()


def test_the_message_of_two_edits_may_hold_the_braces_of_latex() -> None:
    about = r"\frac{\partial C}{\partial z}"
    singles = [(row.cost, row, Edit((((3 * at, 3 * at + 1), "W"),), about, 0.0)) for at, row in enumerate(MISTAKES[:8])]
    for _, row, edit in pairs_of(singles, 8):
        said = row.said(edit.about)
        assert said.count(about) == 2 and "{about}" not in said
