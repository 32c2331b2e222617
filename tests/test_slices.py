"""Matrix form by slices: every printed line read again by a reader of its own and worked out, and the published forms.

`printed_text` evaluates the text from the first forward line to the last gradient; HIPS autograd has the gradients.
"""

from __future__ import annotations

import json
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
from autograd import grad
from gallery_oracle import Reading
from gallery_sliding import CASES
from printed_text import Page

import symbackprop as sb
from symbackprop.notation import text_name
from symbackprop.points import draw
from symbackprop.show.printing import render

FOLDER = Path(__file__).parent.parent / "examples" / "gallery"
MODELS = ("attention_multi_head", "attention_batched", "attention_cross", "transformer_block", "group_norm", "squeeze_excitation",
          "mixture_of_experts", "mutan", "film")


def lines_of(derivation: sb.Derivation) -> list[str]:
    writer = derivation.writer(False)
    return [" = ".join(writer.sides(e.name, e.expr)) for e in (*derivation.program.equations, *derivation.view())]


@pytest.mark.parametrize("model", MODELS)
def test_what_is_printed_gives_the_gradients(model: str) -> None:
    path = FOLDER / f"{model}.net"
    reading = Reading(path)
    page = Page({text_name(name): value for name, value in reading.data.items()}, reading.sizes)
    derivation = sb.derive(sb.read(path))
    for line in lines_of(derivation):
        if not line.startswith("C = "):
            page.read(line)
    for name, expected in reading.gradients().items():
        np.testing.assert_allclose(page.tensors[f"∂C/∂{text_name(name)}"], expected, rtol=1e-9, atol=1e-11, err_msg=name)


@pytest.mark.parametrize("model, sizes", [
    ("conv2d", {"N": 2, "c": 3, "f": 4, "h": 6, "w": 5}), ("conv1d", {"N": 3, "c": 2, "f": 4, "n": 7, "a": 3}),
    ("conv_grouped", {"N": 2, "n": 6}), ("conv_depthwise", {"N": 2, "c": 3, "f": 4, "h": 6, "w": 5}), ("pool_global", {"c": 3, "h": 4, "w": 5, "k": 2})], ids=lambda p: str(p)[:16])
def test_what_is_printed_of_convolutions_gives_the_gradients(model: str, sizes: dict[str, int]) -> None:
    derivation = sb.derive(sb.read(FOLDER / f"{model}.net"))
    data = {name: np.asarray(value, dtype=float) for name, value in draw(derivation.program, sizes, 3)[0].items()}
    page = Page(data, sizes)
    for line in lines_of(derivation):
        if not line.startswith("C = "):
            page.read(line)
    expected = grad(lambda arrays: CASES[model].loss(SimpleNamespace(**arrays)))(data)
    for name in data:
        np.testing.assert_allclose(page.tensors[f"∂C/∂{name}"], expected[name], rtol=1e-9, atol=1e-11, err_msg=name)


# As the papers have it, by hand. Vaswani et al. (2017), 3.2.2: head_i = Attention(Q W_i^Q, K W_i^K, V W_i^V), the heads
# side by side times W^O, which is the sum of the heads times the blocks of W^O. Their gradients are those of one head.
HEADS = {
    "Q": "Q_bh = X_b WQ_h    (b = 1, …, B; h = 1, …, H)",
    "S": "S_bh = (1/√d) Q_bh K_bhᵀ    (b = 1, …, B; h = 1, …, H)",
    "P": "P_bh = softmax_rows(S_bh)    (b = 1, …, B; h = 1, …, H)",
    "U": "U_b = Σ_{h=1..H} O_bh WO_h    (b = 1, …, B)",
    "∂P": "∂C/∂P_bh = ∂C/∂O_bh V_bhᵀ    (b = 1, …, B; h = 1, …, H)",
    "∂S": "Δ_S[b,h] = P_bh ⊙ (∂C/∂P_bh − (P_bh ⊙ ∂C/∂P_bh) 1 1ᵀ)    (b = 1, …, B; h = 1, …, H)",
    "∂V": "∂C/∂V_bh = P_bhᵀ ∂C/∂O_bh    (b = 1, …, B; h = 1, …, H)",
    "∂Q": "∂C/∂Q_bh = (1/√d) Δ_S[b,h] K_bh    (b = 1, …, B; h = 1, …, H)",
    "∂K": "∂C/∂K_bh = (1/√d) Δ_S[b,h]ᵀ Q_bh    (b = 1, …, B; h = 1, …, H)",
    "∂WQ": "∂C/∂WQ_h = Σ_{b=1..B} X_bᵀ ∂C/∂Q_bh    (h = 1, …, H)",
    "∂WO": "∂C/∂WO_h = Σ_{b=1..B} O_bhᵀ ∂C/∂U_b    (h = 1, …, H)",
    "∂Z": "∂C/∂Z_b = Σ_{h=1..H} (∂C/∂K_bh WK_hᵀ + ∂C/∂V_bh WV_hᵀ)    (b = 1, …, B)",
}
PUBLISHED = {
    "attention_batched": HEADS,
    # Wu and He (2018): group norm is layer norm of every group of every sample; γ̄ and β̄ are summed over the batch.
    "group_norm": {"μ": "μ_b = (1/k) X_b 1    (b = 1, …, B)", "∂gamma": "∂C/∂γ = Σ_{b=1..B} ∂C/∂H_b ⊙ U_b",
                   "∂beta": "∂C/∂β = Σ_{b=1..B} ∂C/∂H_b", "∂U": "∂C/∂U_b = γ ⊙ ∂C/∂H_b    (b = 1, …, B)"},
    # Hu, Shen and Sun (2018), eqs (2) and (4): a mean over each channel, and each channel times its gate.
    "squeeze_excitation": {"q": "q_i = (1/(h w)) 1ᵀ X_i 1    (i = 1, …, c)", "Z": "Z_i = s_i X_i    (i = 1, …, c)"},
    # Goodfellow, Bengio and Courville (2016), eqs (9.11) and (9.13), with batch and channels.
    "conv2d": {"∂K": "∂C/∂K_ij = Σ_{n=1..N} X_nj ⋆ Δ_ni    (i = 1, …, f; j = 1, …, c)", "∂Z": "Δ = (H − Y) ⊙ 1[Z > 0]",
               "∂X": "∂C/∂X_nj = Σ_{i=1..f} Δ_ni ⋆[full] rot180(K_ij)    (n = 1, …, N; j = 1, …, c)"},
    # Krizhevsky, Sutskever and Hinton (2012), 3.5: the kernels of a group see the channels of that group alone.
    "conv_grouped": {"Z": "Z[i,3j+k] = Σ_{l=0..1} X[i,2j+l] ⋆ K[3j+k,l]    (i = 1, …, N; j = 0, 1; k = 0, 1, 2)",
                     "∂K": "∂C/∂K[3j+k,l] = Σ_{i=1..N} X[i,2j+l] ⋆ Δ[i,3j+k]    (j = 0, 1; k = 0, 1, 2; l = 0, 1)",
                     "∂X": "∂C/∂X[i,2j+l] = Σ_{k=0..2} Δ[i,3j+k] ⋆[full] flip(K[3j+k,l])    (i = 1, …, N; j = 0, 1; l = 0, 1)"},
    "mixture_of_experts": {"E": "E[i, :] = W_i x    (i = 1, …, k)", "∂W": "∂C/∂W_i = (∂C/∂E)[i, :] xᵀ    (i = 1, …, k)"},
}


@pytest.mark.parametrize("model", PUBLISHED)
def test_slices_have_the_published_form(model: str) -> None:
    derivation = sb.derive(sb.read(FOLDER / f"{model}.net"))
    names = [text_name(e.name) if not e.name.startswith("∂") else e.name for e in (*derivation.program.equations, *derivation.view())]
    found = dict(zip(names, lines_of(derivation)))
    assert {name: found[name] for name in PUBLISHED[model]} == PUBLISHED[model]


def lines(text: str, **options: object) -> list[str]:
    return lines_of(sb.derive(sb.parse(text), **options))


def test_a_batched_product_is_a_product_for_each_sample() -> None:
    found = lines("A: R[B, m, k]; D: R[B, k, n]\nE = A @ D\nC = sum(E**2) / 2")
    assert found == ["E_b = A_b D_b    (b = 1, …, B)", "C = ½ ‖E‖²", "∂C/∂A_b = E_b D_bᵀ    (b = 1, …, B)",
                     "∂C/∂D_b = A_bᵀ E_b    (b = 1, …, B)"]


def test_an_axis_that_is_not_the_first_is_explained_once() -> None:
    found = lines("X: R[t, n]; W: R[n, H, d]\nQ = np.einsum('tn,nhd->thd', X, W)\nC = sum(Q**2) / 2")
    assert found == ["Q_h = X W_h    (h = 1, …, H; Q_h = Q[:, h, :]; W_h = W[:, h, :])", "C = ½ ‖Q‖²",
                     "∂C/∂X = Σ_{h=1..H} Q_h W_hᵀ", "∂C/∂W_h = Xᵀ Q_h    (h = 1, …, H)"]


def test_the_same_letter_at_another_axis_is_spelled_out() -> None:
    found = lines("A: R[H, H, n, n]; B: R[H, n, n]; D: R[H, n, n]\nP = np.einsum('ghij,hjk->ghik', A, B)\n"
                  "Q = np.einsum('ghij,gjk->ghik', A, D)\nC = sum(P * Q)")
    assert all(line.count("_i") or line.count("h") or "‖" in line for line in found)
    for line in found[:2]:
        assert "Σ_" not in line


@pytest.mark.parametrize("model, letter", [("X: R[B, n, n]; b: R[n]", "i"), ("X: R[B, n, n]; z_b: R[n]; ", "i"), ("X: R[B, n, n]; v: R[n]", "b")])
def test_a_letter_is_no_name_size_or_label(model: str, letter: str) -> None:
    name = [part.split(":")[0].strip() for part in model.split(";") if ":" in part][1]
    found = lines(f"{model}\nZ = X @ X\nC = sum(Z**2) + sum({name}**2)", wrt=["X"])
    assert found[0] == f"Z_{letter} = X_{letter} X_{letter}    ({letter} = 1, …, B)"


def test_pairs_stand_for_an_axis_only_where_they_number_all_of_it() -> None:
    """A window of two over n entries leaves the last one out where n is odd: its gradient, 0, would not be told."""
    found = lines("X: R[c, n]\nP = max_pool1d(X, 2)\nC = sum(P**2) / 2")
    assert found[-1] == "∂C/∂X_ij = Σ_k P_ik 1[X_ij = P_ik] 1[0 ≤ j-2k < 2]"
    found = lines("X: R[m, n]\nZ = tanh(reshape(X, (m * n,)))\nC = sum(Z**2) / 2")
    assert found[-1] == "∂C/∂X_ij = δ_Z[i n+j]    (i = 0, …, m-1; j = 0, …, n-1)"


def test_index_form_is_always_there() -> None:
    made = sb.derive(sb.read(FOLDER / "attention_multi_head.net")).text(index=True)
    assert "∂C/∂P_ijk = Σ_l ∂C/∂O_ijl V_ikl" in made.splitlines()


def test_latex_has_the_range_and_mathml_and_json_both_sides() -> None:
    derivation = sb.derive(sb.parse("X: R[B, m, n]; W: R[n, k]\nZ = X @ W\nC = sum(Z**2) / 2"), wrt=["W", "X"])
    assert derivation.backward_latex().splitlines()[1:3] == [
        r"\frac{\partial C}{\partial X_{b}} &= Z_{b} W^{\top} \qquad (b = 1, \dots, B) \\",
        r"\frac{\partial C}{\partial W} &= \sum_{b=1}^{B} X_{b}^{\top} Z_{b}"]
    found = json.loads(render(derivation, "json"))["backward"]
    own = next(entry for entry in found if entry["of"] == "X")
    assert (own["left_text"], own["text"]) == ("∂C/∂X_b", "Z_b Wᵀ    (b = 1, …, B)")
    assert "left_text" not in next(entry for entry in found if entry["of"] == "W")
    assert render(derivation, "mathml").count("<math") == 4


def test_numerator_layout_turns_the_slices_of_a_derivative_by_a_matrix() -> None:
    """∂C/∂F is printed as its transpose, so that row i of the cotangent is column i of what is printed."""
    derivation = sb.derive(sb.read(FOLDER / "mutan.net"), notation=sb.Notation.read("layout=numerator"))
    assert "∂C/∂M_i = a (∂C/∂F)[:, i]ᵀ    (i = 1, …, r)" in lines_of(derivation)


def test_a_step_says_that_slices_were_taken() -> None:
    made = sb.derive(sb.parse("A: R[B, m, k]; D: R[B, k, n]\nE = A @ D\nC = sum(E**2) / 2")).gradients["A"].steps
    assert "by slices" in str(made) and "⟶  E_b D_bᵀ    (b = 1, …, B)" in str(made)


def test_exported_code_says_its_equations_by_slices() -> None:
    source = sb.export(sb.derive(sb.parse("A: R[B, m, k]; D: R[B, k, n]\nE = A @ D\nC = sum(E**2) / 2")))
    assert "        E_b = A_b D_b    (b = 1, …, B)\n".replace("    (", " (") in source
    assert "# ∂C/∂A_b = ∂C/∂E_b D_bᵀ (b = 1, …, B)" in source.replace("    (", " (")
