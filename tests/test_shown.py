"""What a derivation shows: quotients of scalars, symmetric inverses, probabilities and centred sums in the form of a textbook.

`check` compares what is printed, as well as what is computed, with differences of the loss; the forms are the sources'.
"""

from __future__ import annotations

import numpy as np
import pytest

import symbackprop as sb
from symbackprop.differences import rows_at
from symbackprop.notation import range_tex
from symbackprop.points import bind_sizes, draw
from symbackprop.program import Equation
from symbackprop.show.brackets import bare, divides, is_closed, is_one_factor, without_fence
from symbackprop.show.breaking import broken, width

MODELS = {
    # Hinton, Vinyals, Dean 2015, section 2.1: ∂C/∂z_i = (q_i − p_i)/T, here times the T² that they recommend
    "distillation": ("z: R[k]; t: R[k]; T: R\nq = softmax(t / T)\np = softmax(z / T)\nC = -T**2 * sum(q * log(p))", {"z_p": "T² (p − q)"}),
    "distillation in one line": ("z: R[k]; t: R[k]; T: R\nC = T**2 * sum(softmax(t / T) * (log_softmax(t / T) - log_softmax(z / T)))",
                                 {"z": "T (softmax(z/T) − softmax(t/T))", "t": "T softmax(t/T) ⊙ (logsoftmax(t/T) − logsoftmax(z/T) "
                                  "− (softmax(t/T)ᵀ (logsoftmax(t/T) − logsoftmax(z/T))) 1)"}),
    # Szegedy et al. 2016, section 7: cross-entropy with smoothed labels has the gradient of the usual one
    "label smoothing": ("z: R[N, k]; Y: R[N, k]; e: R\nfact: sum(Y, axis=1) == 1\nq = (1 - e) * Y + e / k\n"
                        "C = -mean(sum(q * log_softmax(z, axis=1), axis=1))", {"z": "(1/N) softmax_rows(z) − (1/N) q"}),
    # Radford et al. 2021: the logits of CLIP have a temperature
    "temperature": ("z: R[k]; y: R[k]; T: R\nfact: sum(y) == 1\nC = -sum(y * log_softmax(z / T))", {"T": "−(zᵀ (softmax(z/T) − y))/T²"}),
    "generalised Rayleigh quotient": ("A: R[n, n]; B: R[n, n]; X: R[n, k]\nC = trace(X.T @ A @ X) / trace(X.T @ B @ X)",
                                      {"A": "(1/tr(Xᵀ B X)) X Xᵀ"}),
    "Gaussian of scales": ("X: R[N, d]; m: R[d]; s: R[d]\nC = sum((X - m)**2 / s**2) / 2", {}),
    "masked factorisation": ("U: R[n, r]; V: R[m, r]; M: R[n, m]; O: R[n, m]\nC = sum((O * (U @ V.T - M))**2)",
                             {"O": "2 O ⊙ (U Vᵀ − M)^⊙2", "U": "2 (O^⊙2 ⊙ (U Vᵀ − M)) V"}),
    "Rayleigh quotient, not symmetric": ("A: R[n, n]; x: R[n]\nr = dot(x, A @ x) / dot(x, x)\nC = r**2 / 2",
                                         {"x": "r ((1/(xᵀ x)) (A + Aᵀ) x − (2 (xᵀ A x)/(xᵀ x)²) x)"}),
    # Rasmussen and Williams 2006, equation 5.9
    "gaussian process": ("y: R[n]; D: R[n, n]; s: R; v: R\nfact: D == D.T\nK = s**2 * exp(-D / 2) + v * eye(n)\n"
                         "L = dot(y, inv(K) @ y) / 2 + logdet(K) / 2", {"y": "K⁻¹ y", "K": "½ K⁻¹ − ½ K⁻¹ y yᵀ K⁻¹", "v": "tr(∂L/∂K)"}),
    "ridge, by its closed form": ("X: R[N, d]; y: R[N]; V: R[M, d]; u: R[M]; lam: R\nw = solve(X.T @ X + lam * eye(d), X.T @ y)\n"
                                  "C = sum((V @ w - u)**2) / 2", {"lam": "−(∂C/∂w)ᵀ (Xᵀ X + λ I)⁻¹ w", "y": "X (Xᵀ X + λ I)⁻¹ ∂C/∂w"}),
    # Trefethen and Bau 1997, equation 27.2, multiplied out
    "Rayleigh quotient": ("A: R[n, n]; x: R[n]\nfact: A == A.T\nr = dot(x, A @ x) / dot(x, x)", {"x": "(2/(xᵀ x)) A x − (2 (xᵀ A x)/(xᵀ x)²) x"}),
    "cosine similarity": ("a: R[n]; b: R[n]\nC = dot(a, b) / (norm(a) * norm(b))", {"a": "b/(‖a‖ ‖b‖) − ((aᵀ b)/(‖b‖ ‖a‖³)) a"}),
    # Zhang and Sennrich 2019
    "RMS norm": ("x: R[n]; g: R[n]; y: R[n]\nr = sqrt(mean(x**2) + 1e-6)\nh = g * x / r\nC = sum((h - y)**2) / 2",
                 {"x": "(1/r) g ⊙ ∂C/∂h − ((1ᵀ (g ⊙ x ⊙ ∂C/∂h))/(n r³)) x"}),
    # Dinh, Krueger, Bengio 2014: the log-determinant of a linear layer
    "linear flow": ("x: R[n]; W: R[n, n]\nz = W @ x\nC = sum(z**2) / 2 - log(abs(det(W)))", {"W": "z xᵀ − W⁻ᵀ"}),
    "mean field": ("J: R[n, n]; s: R[n]; h: R[n]\nC = -sum(log(2 * cosh(J @ s + h)))", {"h": "−tanh(J s + h)"}),
    # Ioffe and Szegedy 2015: the mean of the centred samples is 0
    "batch norm": ("X: R[B, d]; Y: R[B, d]\nH = (X - mean(X, axis=0)) / sqrt(var(X, axis=0) + 1e-5)\nC = sum((H - Y)**2) / 2", {}),
    "layer norm without ε": ("X: R[T, d]; Y: R[T, d]\nH = (X - mean(X, axis=1, keepdims=True)) / std(X, axis=1, keepdims=True)\n"
                             "C = sum((H - Y)**2) / 2", {}),
    "Hopfield energy": ("X: R[n, d]; q: R[d]; b: R\nE = -logsumexp(b * X @ q) / b + dot(q, q) / 2", {"q": "q − Xᵀ softmax(b X q)"}),
    "focal loss": ("x: R[N]; y: R[N]; g: R\nfact: y in {0, 1}\np = sigmoid(x)\nC = -sum(y * (1 - p)**g * log(p))", {}),
    "triplet": ("a: R[n]; p: R[n]; q: R[n]; t: R\nC = t * norm(a - p)**2 - t * norm(a - q)**2", {"a": "2 t (q − p)"}),
    "quadratic form": ("X: R[n, m]; A: R[n, n]\nC = trace(X.T @ A @ X)", {"X": "(A + Aᵀ) X"}),  # Cookbook (108)
}


@pytest.mark.parametrize("model", MODELS)
def test_what_is_shown_is_right_and_in_the_form_of_its_source(model: str) -> None:
    text, forms = MODELS[model]
    derivation = sb.derive(sb.parse(text))
    report = sb.check(derivation)
    assert report, str(report)
    assert {name: derivation.textbook[name] for name in forms} == forms


def test_a_wrong_equation_that_is_shown_is_found() -> None:
    derivation = sb.derive(sb.parse("x: R[n]\nC = sum(tanh(x)**2)"))
    program, (shown,) = derivation.program, derivation.view()
    sizes = bind_sizes(program)[0]
    for wrong in (shown, Equation(shown.name, program.inputs["x"])):
        rows = rows_at(program, derivation.backward, derivation.loss, derivation.wrt, sizes, draw(program, sizes)[0], 0, (wrong,))
        assert all(row.holds for row in rows) == (wrong is shown)


def test_a_size_at_which_there_are_no_values_is_left_out_and_told() -> None:
    report = sb.check(sb.derive(sb.parse(MODELS["layer norm without ε"][0])))
    assert report and len(report.notes) == 1 and report.notes[0].startswith("left out at T=3, d=1")


def test_the_square_of_a_norm_needs_no_condition() -> None:
    derivation = sb.derive(sb.parse("w: R[n]; y: R[n]\nC = norm(w)**2 / 2 + norm(w - y)**4"), ["w"])
    assert str(derivation) == "∂C/∂w = w + 4 ‖w − y‖² (w − y)"
    assert str(sb.derive(sb.parse("w: R[n]\nC = norm(w)"))).endswith("Where the norm is not 0 (in ∂C/∂w)")


def test_a_word_for_a_name_does_not_run_into_the_letter_beside_it() -> None:
    latex = sb.derive(sb.parse("x: R[n]; We: R[m, n]; ab: R[m]\nz = We @ x\nC = dot(ab, z)"), ["We", "x"]).latex()
    assert r"z &= \mathrm{We} \, x \\" in latex
    assert r"&= \mathrm{ab} \, x^{\top}" in latex and r"&= \mathrm{We}^{\top} \mathrm{ab}" in latex


def test_a_clipped_objective_has_its_gradient_where_nothing_is_clipped() -> None:
    """Schulman et al. 2017, equation 7: both arguments of the minimum are one where the ratio lies inside the clip range."""
    net = sb.parse("r: R[N]; A: R[N]\nC = sum(minimum(r * A, clip(r, 0.8, 1.2) * A))")
    r, A = np.array([0.5, 0.9, 1.1, 1.7, 0.5, 1.7]), np.array([1.0, 2.0, -3.0, 4.0, -5.0, -6.0])
    _, gradients = sb.lambdify(sb.derive(net, ["r"]))(r=r, A=A)
    inside = (0.8 < r) & (r < 1.2)
    assert np.array_equal(gradients["r"], np.where(inside | (r * A < np.clip(r, 0.8, 1.2) * A), A, 0))


def test_brackets_hold_a_whole_text_or_do_not() -> None:
    assert is_closed("(a b)") and is_closed("‖a‖") and is_closed("((a) (b))")
    assert not is_closed("(a) (b)") and not is_closed("‖a‖ ‖b‖") and not is_closed("a") and not is_closed("(")
    assert bare("(a/b)") == "a/b" and bare("(a) (b)") == "(a) (b)"
    assert without_fence("(a/b)") == "a/b" and without_fence("(a/b + c)") == "(a/b + c)" and without_fence("(a b)") == "(a b)"
    assert is_one_factor("tr(a b)²") and is_one_factor("(a b)²") and not is_one_factor("a (b)") and not is_one_factor("(a) (b)")
    assert divides("∂C/∂d") and not divides("g (vᵀ ∂C/∂w)")


@pytest.mark.parametrize("name, said", [("R_", "ends in a letter"), ("x__y", "double underscore")])
def test_a_name_that_cannot_be_one_is_told_why(name: str, said: str) -> None:
    with pytest.raises(sb.SymbackpropError) as error:
        sb.parse(f"{name}: R[n]")
    assert said in str(error.value)


LONG = r"\frac{\partial C}{\partial H} \operatorname{diag}( \gamma \oslash \sqrt{v + \epsilon} ) " * 3
JOIN = " \\\\\n&\\quad {}"


def test_a_sum_too_wide_for_a_line_is_broken_before_its_terms_alone() -> None:
    wide = f"{LONG}- {LONG}+ {LONG}".strip()
    lines = broken(r"\delta", wide).split(JOIN)
    assert [line[0] for line in lines[1:]] == ["-", "+"] and " ".join(lines) == " ".join(f"{LONG}- {LONG}+ {LONG}".split(" ")).strip().replace("  ", " ")
    assert broken(r"\delta", "a + b") == "a + b" and broken(r"\delta", LONG + LONG) == (LONG + LONG).strip()  # one term: nothing to break at


def test_a_sum_in_brackets_is_broken_where_the_brackets_do_not_stretch() -> None:
    inner = " - ".join([r"x \odot y \odot z \odot p \odot q \odot r"] * 6)
    assert JOIN in broken("C", rf"\frac{{1}}{{N}} ({inner})") and JOIN not in broken("C", rf"\frac{{1}}{{N}} \left( {inner} \right)")


def test_the_width_is_that_of_what_is_seen() -> None:
    assert width(r"\frac{a b c}{d}") == 3 and width(r"\left( a \right)") == 3 and width(r"a_{i}") < width("a i") and width(r"\alpha") == 1


def test_words_of_ranges_are_set_upright_and_commands_left_alone() -> None:
    assert range_tex(r"i = 0, \dots, \left\lfloor{\frac{hid}{2}}\right\rfloor") == r"i = 0, \dots, \left\lfloor{\frac{\mathrm{hid}}{2}}\right\rfloor"
