"""What a derivation shows on request: the step of gradient descent, index form, entries at small sizes. Strings by hand."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

import symbackprop as sb
from symbackprop.cli import main
from symbackprop.show.printing import Wanted, render

LAYER = "x: R[2]; y: R[2]; W: R[2, 2]\nz = W @ x\na = sigmoid(z)\nC = sum((a - y)**2) / 2\n"


def derived(text: str, notation: str = "", wrt: list[str] | None = None) -> sb.Derivation:
    return sb.derive(sb.parse(text), wrt, notation=sb.Notation.read(notation))


@pytest.fixture
def net(tmp_path: Path) -> str:
    file = tmp_path / "layer.net"
    file.write_text(LAYER)
    return str(file)


def test_the_step_of_gradient_descent() -> None:
    d = derived(LAYER)
    assert d.text(update=True).splitlines()[-5:] == [
        "", "Gradient descent:", "W ← W − η ∂C/∂W", "η is the learning rate.", "x, y are taken as data."]
    made = d.latex(update=True)
    assert "W &\\leftarrow W - \\eta \\frac{\\partial C}{\\partial W} \\\\\n" in made
    assert r"&\eta\text{ is the learning rate.}" in made


def test_the_step_for_tensors_that_were_asked_for() -> None:
    made = derived(LAYER, wrt=["x"]).text(update=True)
    assert "x ← x − η ∂C/∂x" in made and "data" not in made


def test_the_step_is_transposed_where_the_derivative_is_printed_so() -> None:
    assert "W ← W − η (∂C/∂W)ᵀ" in derived(LAYER, "layout=numerator").text(update=True)


def test_the_learning_rate_keeps_off_a_name_of_the_model() -> None:
    made = derived("w: R[n]; eta: R; x: R[n]\nC = eta * sum(w * x)", wrt=["w"]).text(update=True)
    assert "w ← w − α ∂C/∂w\nα is the learning rate." in made


def test_a_model_without_parameters_says_so() -> None:
    with pytest.raises(sb.SymbackpropError, match="no parameter to update: name some with --wrt"):
        derived("x: R[n]\nC = sum(x**2)").text(update=True)


@pytest.mark.parametrize(("text", "lines"), [
    (LAYER, ["δ_i = (a_i − y_i) a_i (1 − a_i)", "∂C/∂W_ij = δ_i x_j", "∂C/∂x_i = Σ_j W_ji δ_j"]),
    ("X: R[B, n]; w: R[n]; y: R[B]\nr = X @ w - y\nC = sum(r**2) / (2 * B)", ["∂C/∂r_i = (1/B) r_i", "∂C/∂w_i = Σ_j X_ji ∂C/∂r_j"]),
])
def test_index_form_as_text(text: str, lines: list[str]) -> None:
    made = derived(text).text(index=True).splitlines()
    assert [line for line in lines if line not in made] == []


def test_index_form_as_latex() -> None:
    made = derived(LAYER).latex(index=True)
    assert r"\frac{\partial C}{\partial W_{ij}} &= \delta_{i} x_{j} \\" in made
    assert r"z_{i} &= \sum_{j} W_{ij} x_{j} \\" in made


DELTA = r"""\delta &= (a - y) \odot a \odot (1 - a) \\
&= \begin{bmatrix} a_{1} - y_{1} \\ a_{2} - y_{2} \end{bmatrix} \odot \begin{bmatrix} a_{1} \\ a_{2} \end{bmatrix} \odot""" \
    r""" \begin{bmatrix} 1 - a_{1} \\ 1 - a_{2} \end{bmatrix} \\
&= \begin{bmatrix} (a_{1} - y_{1}) a_{1} (1 - a_{1}) \\ (a_{2} - y_{2}) a_{2} (1 - a_{2}) \end{bmatrix} \\
\frac{\partial C}{\partial W} &= \delta x^{\top} \\
&= \begin{bmatrix} \delta_{1} \\ \delta_{2} \end{bmatrix} \begin{bmatrix} x_{1} & x_{2} \end{bmatrix} \\
&= \begin{bmatrix} \delta_{1} x_{1} & \delta_{1} x_{2} \\ \delta_{2} x_{1} & \delta_{2} x_{2} \end{bmatrix}"""


def test_entries_as_in_a_lecture() -> None:
    assert derived(LAYER, wrt=["W"]).latex(explicit={}).partition("\\delta &=")[2] == DELTA.partition("\\delta &=")[2] + "\n\\end{aligned}"


TEXT = """δ = (a − y) ⊙ a ⊙ (1 − a)
    = [a₁ − y₁] ⊙ [a₁] ⊙ [1 − a₁]
      [a₂ − y₂]   [a₂]   [1 − a₂]
    = [(a₁ − y₁) a₁ (1 − a₁)]
      [(a₂ − y₂) a₂ (1 − a₂)]
∂C/∂W = δ xᵀ
    = [δ₁] [x₁  x₂]
      [δ₂]
    = [δ₁ x₁  δ₁ x₂]
      [δ₂ x₁  δ₂ x₂]
∂C/∂x = Wᵀ δ
    = [W₁₁  W₂₁] [δ₁]
      [W₁₂  W₂₂] [δ₂]
    = [W₁₁ δ₁ + W₂₁ δ₂]
      [W₁₂ δ₁ + W₂₂ δ₂]"""


def test_entries_in_a_terminal() -> None:
    made = derived(LAYER, wrt=["W", "x"]).text(explicit={})
    assert made.partition("Backward, entry by entry:\n")[2] == TEXT


@pytest.mark.parametrize(("text", "sizes", "rows"), [
    ("A: R[n, n]\nC = trace(A @ A)", {"n": 2}, ["    = A₁₁ A₁₁ + A₁₂ A₂₁ + A₂₁ A₁₂ + A₂₂ A₂₂"]),
    ("X: R[n, B]; b: R[n]\nZ = X + b[:, None]\nC = sum(Z**2)", {"n": 2, "B": 2},
     ["    = [X₁₁  X₁₂] + [b₁] [1  1]", "    = [X₁₁ + b₁  X₁₂ + b₁]", "    = [2 Z₁₁  2 Z₁₂]"]),
    ("x: R[n]; y: R[n]\nz = x - y\nC = norm(z) / n", {"n": 2}, ["    = ½ √(z₁² + z₂²)", "    = [x₁ − y₁]"]),
    ("x: R[n]; A: R[m, n]\nh = tanh(A @ x)\nC = sum(abs(h))", {"m": 2, "n": 2}, ["    = [A₁₁  A₁₂] [x₁]", "    = |h₁| + |h₂|"]),
    ("X: R[n, m]\nP = softmax(X, axis=0)\nC = sum(P**2)", {"n": 2, "m": 1}, ["    = softmax_columns([X₁₁])"]),
])
def test_rows_of_entries(text: str, sizes: dict[str, int], rows: list[str]) -> None:
    made = derived(text).text(explicit=sizes)
    assert [row for row in rows if row not in made.splitlines()] == [], made


def test_entries_agree_with_entries_from_sympy() -> None:
    """The last row of each gradient, read as numbers, against the network spelled out and differentiated by SymPy."""
    import numpy as np
    d = derived(LAYER, wrt=["W", "x"])
    values = {f"x{i}".translate(str.maketrans("12", "₁₂")): v for i, v in ((1, 0.3), (2, -0.7))}
    values |= {f"W{i}".translate(str.maketrans("12", "₁₂")): v for i, v in ((11, 0.5), (12, -1.1), (21, 0.2), (22, 0.9))}
    y, x = np.array([0.1, 0.6]), np.array([0.3, -0.7])
    W = np.array([[0.5, -1.1], [0.2, 0.9]])
    a = 1 / (1 + np.exp(-W @ x))
    delta = (a - y) * a * (1 - a)
    values |= dict(zip(("δ₁", "δ₂"), delta))
    rows = d.text(explicit={}).splitlines()
    for start, wanted in (("    = [W₁₁ δ₁ + W₂₁ δ₂]", W.T @ delta), ("    = [δ₁ x₁  δ₁ x₂]", np.outer(delta, x))):
        at = rows.index(start)
        cells = [[sum(np.prod([values[f] for f in term.split()]) for term in cell.split(" + "))
                  for cell in row[6:].strip("= []").split("  ")] for row in rows[at:at + 2]]
        assert np.allclose(np.array(cells).reshape(wanted.shape), wanted, rtol=1e-12)
    exact = d.explicit().gradients["x"]
    known = {s: float(v) for s in exact.free_symbols for v in [
        {"x": x, "y": y, "W": W}[s.name[0]][tuple(int(k) - 1 for k in s.name.split("{")[1].strip("}"))]]}
    assert np.allclose(np.array(exact.subs(known), dtype=float).ravel(), W.T @ delta)


def test_what_cannot_be_written_out_stays_in_matrix_form() -> None:
    made = derived("A: R[n, m, k]; x: R[k]\nB = np.einsum('nmk,k->nm', A, x)\nC = sum(B**2)").text(explicit={})
    assert "∂C/∂x" in made and "∂C/∂A" in made


@pytest.mark.parametrize(("arguments", "message"), [
    (["--explicit", "--sizes", "n=100,m=9"], "there is no size n"), (["--sizes", "n=2"], "add --explicit"),
    (["--explicit", "--sizes", "n"], "--sizes 'n' is not of the form n=3"), (["--names", "W"], "not of the form"),
    (["--names", "V=V"], "there is no tensor V to name"), (["--names", r"W=\input{x}"], "may hold letters"),
    (["--notation", "hadamrd=circ"], "there is no tensor hadamrd to name: did you mean hadamard?"), (["--wrt", "W1"], "there is no tensor W1: did you mean W?"),
])
def test_a_wrong_option_is_answered(net: str, arguments: list[str], message: str, capsys: pytest.CaptureFixture) -> None:
    assert main(["derive", net, *arguments]) == 2
    assert message in capsys.readouterr().err


@pytest.mark.parametrize(("arguments", "part"), [
    (["--names", r"W=W^{(1)},x=\mathbf{x}", "--to", "latex"], r"W^{(1)} \mathbf{x}"),
    (["--to", "markdown", "--flavour", "github"], "```math\n\\begin{aligned}"),
    (["--to", "markdown", "--flavour", "jupyter"], "$$\n\\begin{aligned}"),
    (["--update", "--to", "tex"], r"W &\leftarrow W - \eta"), (["--update", "--to", "html"], "<mo>&#x02190;</mo>"),
    (["--explicit", "--to", "markdown"], r"\begin{bmatrix}"), (["--index", "--to", "html"], "<mi>j</mi>"),
])
def test_options_reach_the_forms(net: str, arguments: list[str], part: str, capsys: pytest.CaptureFixture) -> None:
    assert main(["derive", net, *arguments]) == 0
    out = capsys.readouterr().out
    assert part in out or part.replace("&#x02190;", "←") in out


def test_json_has_its_own_keys_for_what_was_asked_for(net: str, capsys: pytest.CaptureFixture) -> None:
    assert main(["derive", net, "--json"]) == 0
    assert json.loads(capsys.readouterr().out).keys() == {"version", "loss", "assumptions", "forward", "backward"}
    assert main(["derive", net, "--json", "--update", "--explicit"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert found["update"] == [{"text": "W ← W − η ∂C/∂W", "latex": r"W \leftarrow W - \eta \frac{\partial C}{\partial W}"}]
    assert any(r"\begin{bmatrix}" in line["latex"] for line in found["explicit"])


def test_python_and_command_line_are_one(net: str, capsys: pytest.CaptureFixture) -> None:
    assert main(["derive", net, "--update", "--index", "--to", "latex"]) == 0
    assert capsys.readouterr().out == derived(LAYER).latex(update=True, index=True) + "\n"
    assert render(derived(LAYER), "text", Wanted(index=True)) == derived(LAYER).text(index=True)


def test_what_has_no_matrix_form_has_indices_on_both_sides() -> None:
    d = derived("X: R[T, d]; W: R[H, d, r]\nQ = np.einsum('td,hdr->htr', X, W)\nC = sum(Q**2)", wrt=["W"])
    assert d.text(index=True).splitlines()[-1] == "∂C/∂W_ijk = 2 Σ_l X_lj Q_ilk"
    assert r"Q_{ijk} &= \sum_{l} X_{jl} W_{ilk}" in d.latex(index=True)
    d = derived("X: R[c, n]\nP = max_pool1d(X, 2)\nC = sum(P**2) / 2")
    assert str(d).splitlines()[0] == str(d.gradients["X"]) == "∂C/∂X_ij = Σ_k P_ik 1[X_ij = P_ik] 1[0 ≤ j-2k < 2]"


def test_a_step_back_shows_what_is_differentiated_by_what() -> None:
    made = derived(LAYER, wrt=["W"]).text(steps=True)
    assert "        ∂(W x)/∂W  ⟶  Σ_k,l δ_k x_l δ_ki δ_lj" in made.splitlines()
    assert "        ∂σ(z)/∂z  ⟶  diag(σ′(z)) ∂C/∂a" in made.splitlines()


def test_a_plain_matrix_is_no_outer_product() -> None:
    steps = derived("X: R[n, m]; Y: R[n, m]\nC = sum((X - Y) * X)").gradients["Y"].steps
    assert steps[-1].because == "each index stands where it stood"


def test_a_bias_has_a_step_too() -> None:
    made = derived("x: R[n]; y: R[m]; W: R[m, n]; b: R[m]\nz = W @ x + b\nC = sum((z - y)**2) / 2", wrt=["b"]).text(steps=True)
    assert "    chain rule through a sum: a sum hands its cotangent on to each of its terms\n        ∂(W x + b)/∂b  ⟶  ∂C/∂z\n" in made


DEPTH = """y: R[n[L]]; a[0]: R[n[0]]; W[l]: R[n[l], n[l-1]]; b[l]: R[n[l]]; f: elementwise
for l in 1..L: z[l] = W[l] @ a[l-1] + b[l]; a[l] = f(z[l])
C = sum((a[L] - y)**2) / 2
"""


def test_the_step_of_gradient_descent_for_every_depth(tmp_path: Path, capsys: pytest.CaptureFixture) -> None:
    file = tmp_path / "depth.net"
    file.write_text(DEPTH)
    assert main(["derive", str(file), "--update"]) == 0
    assert capsys.readouterr().out.endswith("Gradient descent:\nWₗ ← Wₗ − η ∂C/∂Wₗ    (l = 1, …, L)\n"
                                            "bₗ ← bₗ − η ∂C/∂bₗ    (l = 1, …, L)\nη is the learning rate.\n"
                                            "y, a₀ are taken as data.\n")
    assert main(["derive", str(file), "--update", "--json", "--wrt", "W"]) == 0
    assert [line["text"] for line in json.loads(capsys.readouterr().out)["update"]] == ["Wₗ ← Wₗ − η ∂C/∂Wₗ    (l = 1, …, L)"]
    assert main(["derive", str(file), "--index", "--wrt", "b"]) == 0
    assert capsys.readouterr().out.endswith("∂C/∂bₗ_i = δₗ_i    (l = 1, …, L)\n")


def test_slices_are_not_written_out() -> None:
    made = derived("x: R[5]\nd = x[1:] - x[:-1]\nC = sum(d**2)").text(explicit={})
    assert "∂C/∂d[1] − I" not in made and "∂C/∂x = " in made.splitlines()[-1]
