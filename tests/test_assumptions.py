"""What a derivation rests on, and numerator layout, in every form that is printed. The expected strings are by hand."""

from __future__ import annotations

import json
from html.parser import HTMLParser

import pytest

import symbackprop as sb
from symbackprop.cli import main
from symbackprop.show.printing import Wanted, render

SOFTMAX = "x: R[n]; y: R[k]; W: R[k, n]; fact: sum(y) == 1\nz = W @ x\np = softmax(z)\nC = -sum(y * log(p))\n"
RELU = "x: R[n]; y: R[m]; W: R[m, n]; v: R[m]\nz = W @ x\nh = relu(z)\nC = sum((h * v - y)**2)\n"
FORMS = ("text", "latex", "tex", "markdown", "mathml", "html", "json")


def derived(text: str, notation: str = "", wrt: list[str] | None = None) -> sb.Derivation:
    return sb.derive(sb.parse(text), wrt, notation=sb.Notation.read(notation))


class Words(HTMLParser):
    """The characters of a page, without markup and spaces."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.found = ""
        self.feed(page)

    def handle_data(self, data: str) -> None:
        self.found += "".join(data.split())


@pytest.mark.parametrize("to", FORMS)
def test_a_fact_is_stated_in_every_form(to: str) -> None:
    made = render(derived(SOFTMAX), to)
    wanted = {"text": "Assuming 1ᵀ y = 1 (in δ)", "json": '"assumptions": [\n  "1ᵀ y = 1"\n ]',
              "latex": r"&\text{Assuming }\mathbf{1}^{\top} y = 1\text{ (in }\delta\text{)}",
              "tex": r"Assuming $\mathbf{1}^{\top} y = 1$ (in $\delta$)",
              "markdown": r"Assuming $\mathbf{1}^{\top} y = 1$ (in $\delta$)",
              "mathml": "Assuming𝟏⊤y=1(inδ)", "html": "Assuming𝟏⊤y=1(inδ)"}[to]
    assert wanted in (Words(made).found if to in ("mathml", "html") else made)


@pytest.mark.parametrize("to", FORMS)
def test_a_corner_is_stated_in_every_form(to: str) -> None:
    made = render(derived(RELU, wrt=["W"]), to)
    wanted = {"text": "At corners: relu′(0) = 0 (in δ)", "tex": "At corners: relu$'$(0) = 0 (in $\\delta$)",
              "latex": r"&\text{At corners: }\text{relu$'$(0) = 0}\text{ (in }\delta\text{)}", "json": "relu′(0) = 0",
              "markdown": r"At corners: relu′(0) = 0 (in $\delta$)"}.get(to, "Atcorners:relu′(0)=0(inδ)")
    assert wanted in (Words(made).found if to in ("mathml", "html") else made)


@pytest.mark.parametrize(("text", "wanted"), [
    ("A: R[n, n]; x: R[n]; fact: A == A.T\nC = x @ A @ x", ["A = Aᵀ", "every entry of A moves on its own, also where A == A.T ties entries together"]),
    ("Y: R[k, B]; Z: R[k, B]; fact: sum(Y, axis=0) == 1\nP = softmax(Z, axis=0)\nC = -sum(Y * log(P))", ["1ᵀ Y = 1ᵀ"]),
    ("Y: R[B, k]; Z: R[B, k]; fact: sum(Y, axis=1) == 1\nP = softmax(Z, axis=1)\nC = -sum(Y * log(P))", ["Y 1 = 1"]),
    ("x: R[n]; s: R; fact: s > 0\nC = s * sum(x**2)", ["s > 0"]),
    ("x: R[n]\nC = max(x)", ["the maximum is attained once"]),
    ("x: R[n]\nC = norm(x)", ["the norm is not 0"]),
    ("A: R[n, n]\nC = logdet(A)", ["the matrix is invertible"]),
    ("x: R[n]\nC = sum(abs(x))", ["sign(0) = 0"]),
    ("x: R[n]\nC = sum(x**2)", []),
])
def test_assumptions_of_a_model(text: str, wanted: list[str]) -> None:
    assert json.loads(render(derived(text), "json"))["assumptions"] == wanted


def test_a_gradient_lists_what_it_rests_on_itself() -> None:
    d = derived(SOFTMAX + "", wrt=["W", "y"])
    assert d.gradients["W"].assumptions == ("1ᵀ y = 1",) and d.gradients["y"].assumptions == ()
    d = derived(RELU)
    assert d.gradients["x"].assumptions == ("relu′(0) = 0",) and d.gradients["v"].assumptions == ()


def test_a_fact_that_no_step_needs_is_said_to_be_so() -> None:
    assert "Assuming s > 0 (declared; no step needs it)" in render(derived("x: R[n]; s: R; fact: s > 0\nC = s * sum(x)"), "text")


def test_the_step_that_uses_a_fact_names_it() -> None:
    entry = next(e for e in json.loads(render(derived(SOFTMAX), "json"))["backward"] if e["of"] == "z")
    assert entry["steps"][-1] == {"rule": "put in a declared fact", "because": "the model states it (sum(y) == 1)",
                                  "before": "(1ᵀ y) p − y", "after": "p − y"}


NUMERATOR = """∂C/∂y = −log(p)ᵀ
δ = p − y
∂C/∂W = x δᵀ
∂C/∂x = δᵀ W"""


def test_numerator_layout_prints_transposes() -> None:
    d = derived(SOFTMAX, "layout=numerator")
    assert str(d).startswith(NUMERATOR + "\n\nAssuming")
    assert str(d.gradients["W"]) == "∂C/∂W = x δᵀ"
    assert d.gradients["W"].latex() == r"\frac{\partial C}{\partial W} = x \delta^{\top}"
    assert d.gradients["W"].expr is derived(SOFTMAX).gradients["W"].expr


def test_numerator_layout_reads_names_as_they_are_printed() -> None:
    d = derived("x: R[n]; W: R[m, n]; V: R[k, m]\nh = W @ x\ng = V @ h\nC = sum(g**2)", "layout=numerator")
    assert d.text("named").splitlines()[1:6] == ["∂C/∂g = 2 gᵀ", "∂C/∂V = h ∂C/∂g", "∂C/∂h = ∂C/∂g V", "∂C/∂W = x ∂C/∂h",
                                                "∂C/∂x = ∂C/∂h W"]


@pytest.mark.parametrize("to", FORMS)
def test_numerator_layout_says_so_and_states_the_printed_shape(to: str) -> None:
    made = render(derived(SOFTMAX, "layout=numerator"), to, Wanted(steps=True))
    assert "Numeratorlayout" in Words(made).found if to in ("mathml", "html") else "Numerator layout" in made
    if to == "text":
        assert "∂C/∂W = x δᵀ    (n×k)" in made and "∂C/∂x = δᵀ W    (1×n)" in made
    if to == "json":
        shapes = {e["of"]: e["shape"] for e in json.loads(made)["backward"]}
        assert shapes["W"] == ["n", "k"] and shapes["x"] == ["1", "n"] and shapes["z"] == ["k"]


def test_numerator_layout_from_the_command_line(tmp_path: object, capsys: pytest.CaptureFixture) -> None:
    file = tmp_path / "m.net"
    file.write_text(SOFTMAX)
    assert main(["derive", str(file), "--notation", "layout=numerator"]) == 0
    assert capsys.readouterr().out.startswith(NUMERATOR + "\n\nAssuming 1ᵀ y = 1 (in δ)\nNumerator layout: ")


LOOP = "y: R[n]; h[0]: R[n]; U: R[n, n]\nfor t in 1..T: z[t] = U @ h[t-1]; h[t] = relu(z[t])\nC = sum((h[T] - y)**2) / 2\n"


def test_loops_state_corners_and_turn_in_numerator_layout() -> None:
    made = str(derived(LOOP, "layout=numerator"))
    assert "∂C/∂U = Σ_{t=1..T} hₜ₋₁ δₜᵀ" in made.splitlines() and "∂C/∂y = (y − h_T)ᵀ" in made.splitlines()
    assert "At corners: relu′(0) = 0\nNumerator layout: " in made
    assert json.loads(render(derived(LOOP), "json"))["assumptions"] == ["relu′(0) = 0"]
