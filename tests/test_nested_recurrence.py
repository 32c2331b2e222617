"""Loops inside loops: depth and time together, grids, values of an outer loop, against unrolled derivations, differences of the
loss and HIPS autograd.

The stacked recurrent network: Graves, Supervised Sequence Labelling with Recurrent Neural Networks (2012), 3.2; Goodfellow,
Bengio, Courville, Deep Learning (2016), 10.5.
"""

from __future__ import annotations

import random
import re

import autograd
import autograd.numpy as anp
import numpy as np
import pytest

import symbackprop as sb
from symbackprop.cli import main
from symbackprop.expr import Const
from symbackprop.normal import is_equal
from symbackprop.recurrence.instance import backward, lags, unrolled
from symbackprop.show.sections import Wanted
from symbackprop.views import substitute

STACKED = """x: R[T, m]; y: R[m]; U[l]: R[m, m]; V[l]: R[m, m]; h[l, 0]: R[m]
for t in 1..T: h[0, t] = x[t]
for l in 1..L:
    for t in 1..T: h[l, t] = tanh(U[l] @ h[l, t-1] + V[l] @ h[l-1, t])
C = sum((h[L, T] - y)**2) / 2
"""
WIDTHS = """x: R[T, k]; y: R[T, n[L]]; A: R[n[0], k]; U[l]: R[n[l], n[l]]; V[l]: R[n[l], n[l-1]]; b[l]: R[n[l]]; h[l, 0]: R[n[l]]
for t in 1..T: h[0, t] = A @ x[t]
for l in 1..L:
    for t in 1..T: h[l, t] = tanh(U[l] @ h[l, t-1] + V[l] @ h[l-1, t] + b[l])
C = sum(sum((h[L, t] - y[t])**2) for t in 1..T) / 2
"""
TIME_FIRST = """y: R[T, m]; U[l]: R[m, m]; V: R[m, m]; s[t, 0]: R[m]; s[0, l]: R[m]
for t in 1..T:
    for l in 1..L:
        s[t, l] = tanh(U[l] @ s[t-1, l] + V @ s[t, l-1])
    o[t] = sum((s[t, L] - y[t])**2)
C = sum(o[t] for t in 1..T) + sum(sum(sum(s[t, l]**2) for l in 1..L) for t in 1..T)
"""
GRID = """w: R[m]; A: R[m, m]; B: R[m, m]; D: R[m, m]; g[i, 0]: R[m]; g[0, j]: R[m]; g[0, 0]: R[m]
for i in 1..I:
    for j in 1..J: g[i, j] = tanh(A @ g[i-1, j] + B @ g[i, j-1] + D @ g[i-1, j-1])
C = sum(g[I, J] * w)
"""
OUTER = """x: R[T, m]; U[l]: R[m, m]; v: R[m]; s[0]: R[m]; h[l, 0]: R[m]
for l in 1..L:
    q[l] = sigmoid(s[l-1] * v)
    for t in 1..T: h[l, t] = tanh(U[l] @ h[l, t-1] + q[l] * x[t])
    s[l] = h[l, T] + sum(h[l, t] * v for t in 1..T) / T
C = sum(s[L]**2)
"""
BOTH_WAYS = """x: R[T, m]; U[l]: R[m, m]; P[l]: R[m, m]; h[l, 0]: R[m]; g[l, T+1]: R[m]; a[0, t]: R[m]
for l in 1..L:
    for t in 1..T: h[l, t] = tanh(U[l] @ h[l, t-1] + a[l-1, t])
    for t in T..1: g[l, t] = tanh(P[l] @ g[l, t+1] + a[l-1, t])
    for t in 1..T: a[l, t] = h[l, t] * g[l, t]
C = sum(sum(a[L, t] * x[t]) for t in 1..T)
"""
MODELS = {"stacked": STACKED, "widths": WIDTHS, "time first": TIME_FIRST, "grid": GRID, "outer": OUTER, "both ways": BOTH_WAYS}
RANGES = [(1, 1), (2, 3), (4, 7), (1, 3), (4, 1)]


def numbers_for(text: str, pair: tuple[int, int]) -> dict[str, int]:
    if "1..J" in text:
        return dict(zip("IJ", pair))
    return dict(zip("LT", pair))


def test_the_adjoint_of_a_stacked_network_has_its_corner_its_two_edges_and_one_general_case() -> None:
    assert str(sb.derive(sb.parse(STACKED), wrt=["U", "V", "h_l_0"])).split("\n") == [
        "δ[L,T] = (h[L,T] − y) ⊙ (1 − h[L,T]²)",
        "δ[L,t] = (U_Lᵀ δ[L,t+1]) ⊙ (1 − h[L,t]²)    (t = T−1, …, 1)",
        "δ[l,T] = (Vₗ₊₁ᵀ δ[l+1,T]) ⊙ (1 − h[l,T]²)    (l = L−1, …, 1)",
        "δ[l,t] = (Uₗᵀ δ[l,t+1] + Vₗ₊₁ᵀ δ[l+1,t]) ⊙ (1 − h[l,t]²)    (l = L−1, …, 1; t = T−1, …, 1)",
        "∂C/∂Uₗ = Σ_{t=1..T} δ[l,t] h[l,t−1]ᵀ    (l = 1, …, L)",
        "∂C/∂Vₗ = Σ_{t=1..T} δ[l,t] h[l−1,t]ᵀ    (l = 1, …, L)",
        "∂C/∂h[l,0] = Uₗᵀ δ[l,1]    (l = 1, …, L)"]


def test_a_shared_parameter_is_summed_over_both_and_latex_has_two_subscripts() -> None:
    text = sb.derive(sb.parse(STACKED.replace("U[l]: R[m, m]", "U: R[m, m]").replace("U[l]", "U")), wrt=["U"]).latex()
    assert r"\sum_{l=1}^{L} \sum_{t=1}^{T} \delta_{l,t} h_{l,t-1}^{\top}" in text
    assert r"\qquad (l = L-1, \dots, 1; t = T-1, \dots, 1)" in text


@pytest.mark.parametrize("pair", RANGES, ids=str)
@pytest.mark.parametrize("name", MODELS)
def test_an_instance_is_the_unrolled_derivation_term_by_term(name: str, pair: tuple[int, int]) -> None:
    model = sb.parse(MODELS[name])
    derivation, ranges = sb.derive(model), numbers_for(MODELS[name], pair)
    program = unrolled(model, ranges)
    ours = backward(derivation.adjoint, ranges, program)
    plain = sb.derive(program, loss="C").backward
    numbers = {e.name: e.expr for e in (*ours.equations, *plain.equations) if type(e.expr) is Const}
    assert {e.name for e in plain.equations} - numbers.keys() <= {e.name for e in ours.equations}
    for equation in plain.equations:
        mine, theirs = (substitute(p.table[equation.name].expr, numbers) if equation.name in p.table else numbers[equation.name]
                        for p in (ours, plain))
        assert is_equal(mine, theirs), (equation.name, mine, theirs)


@pytest.mark.parametrize("name", MODELS)
def test_it_agrees_with_differences_of_the_loss(name: str) -> None:
    assert sb.check(sb.derive(sb.parse(MODELS[name])), sizes={"m": 2} if name != "widths" else {"k": 2})


def stacked_loss(a: dict) -> object:
    rows = list(a["x"])
    for U, V, start in zip(a["U"], a["V"], a["h_l_0"]):
        h, made = start, []
        for row in rows:
            h = anp.tanh(anp.dot(U, h) + anp.dot(V, row))
            made.append(h)
        rows = made
    return anp.sum((rows[-1] - a["y"]) ** 2) / 2


def widths_loss(a: dict) -> object:
    rows = [anp.dot(a["A"], x) for x in a["x"]]
    for U, V, b, start in zip(a["U"], a["V"], a["b"], a["h_l_0"]):
        h, made = start, []
        for row in rows:
            h = anp.tanh(anp.dot(U, h) + anp.dot(V, row) + b)
            made.append(h)
        rows = made
    return sum(anp.sum((h - y) ** 2) for h, y in zip(rows, a["y"])) / 2


def grid_loss(a: dict) -> object:
    known = {(0, 0): a["g_0_0"]} | {(i + 1, 0): g for i, g in enumerate(a["g_i_0"])} | {(0, j + 1): g for j, g in enumerate(a["g_0_j"])}
    for i in range(1, len(a["g_i_0"]) + 1):
        for j in range(1, len(a["g_0_j"]) + 1):
            known[i, j] = anp.tanh(anp.dot(a["A"], known[i - 1, j]) + anp.dot(a["B"], known[i, j - 1]) + anp.dot(a["D"], known[i - 1, j - 1]))
    return anp.sum(known[i, j] * a["w"])


def outer_loss(a: dict) -> object:
    s, steps = a["s0"], len(a["x"])
    for U, h in zip(a["U"], a["h_l_0"]):
        q, total = 1 / (1 + anp.exp(-s * a["v"])), 0.0
        for x in a["x"]:
            h = anp.tanh(anp.dot(U, h) + q * x)
            total = total + h * a["v"]
        s = h + total / steps
    return anp.sum(s**2)


def arrays(name: str, layers: int, steps: int) -> dict:
    rng = np.random.default_rng(10 * layers + steps)
    made, m = (lambda *shape: rng.normal(size=shape)), 3
    each = lambda count, *shape: [made(*shape) for _ in range(count)]
    n = [2, 4, 3, 5, 2][:layers + 1]
    match name:
        case "stacked":
            return {"x": made(steps, m), "y": made(m), "U": each(layers, m, m), "V": each(layers, m, m), "h_l_0": each(layers, m)}
        case "widths":
            return {"x": made(steps, 2), "y": made(steps, n[-1]), "A": made(n[0], 2), "U": [made(k, k) for k in n[1:]],
                    "V": [made(k, j) for j, k in zip(n, n[1:])], "b": [made(k) for k in n[1:]], "h_l_0": [made(k) for k in n[1:]]}
        case "grid":
            return {"w": made(m), "A": made(m, m), "B": made(m, m), "D": made(m, m), "g_i_0": each(layers, m), "g_0_j": each(steps, m), "g_0_0": made(m)}
    return {"x": made(steps, m), "U": each(layers, m, m), "v": made(m), "s0": made(m), "h_l_0": each(layers, m)}


@pytest.mark.parametrize("pair", [(1, 1), (2, 3), (4, 7)], ids=str)
@pytest.mark.parametrize("name, loss", [("stacked", stacked_loss), ("widths", widths_loss), ("grid", grid_loss), ("outer", outer_loss)])
def test_one_function_for_every_depth_and_length_agrees_with_autograd(name: str, loss: object, pair: tuple[int, int]) -> None:
    given = arrays(name, *pair)
    value, gradients = sb.lambdify(sb.derive(sb.parse(MODELS[name])))(**given)
    expected = autograd.grad(loss)(given)
    np.testing.assert_allclose(value, loss(given), rtol=1e-12)
    assert gradients.keys() == given.keys()
    for w, array in given.items():
        for mine, theirs in zip(gradients[w], expected[w]) if isinstance(array, list) else [(gradients[w], expected[w])]:
            assert np.shape(mine) == np.shape(theirs)
            np.testing.assert_allclose(mine, theirs, rtol=1e-9, atol=1e-11)


def random_model(seed: int) -> str:
    """Two coupled states over depth and time, shared parameters and families of either index, a loss at the corner, along an
    edge, or everywhere."""
    rng = random.Random(seed)
    types = {"x": "x: R[T, m]", "w": "w: R[m]", "A": "A: R[m, m]", "B": "B: R[m, m]", "K": "K[l]: R[m, m]", "d": "d[l]: R[m]", "X": "X: R[L, T, m]"}
    reads = ["p[l, t-1]", "p[l-1, t]", "q[l, t-1]", "q[l-1, t]", "p[l-1, t-1]", "q[l-1, t-1]"]
    atoms = [f"{matrix} @ {read}" for matrix in ("A", "B", "K[l]") for read in reads] + ["x[t]", "d[l]", "w * " + reads[0], "X[l, t]",
             "p[l, t-1] * q[l-1, t]"]
    functions = ["tanh", "sigmoid", "sin", ""]
    p = " + ".join(rng.sample(atoms, rng.randint(2, 4)))
    q = " + ".join(rng.sample([*atoms, "p[l, t]", "p[l, t] * x[t]"], rng.randint(2, 3)))
    order = ["for l in 1..L:", "    for t in 1..T:"] if rng.random() < 0.7 else ["for l in 1..L:", "    c[l] = w * d[l]", "    for t in 1..T:"]
    lines = [*order, f"        p[l, t] = {rng.choice(functions)}({p})", f"        q[l, t] = {rng.choice(functions)}({q}) / 2"]
    losses = ["sum((q[L, T] - w)**2)", "sum(sum(p[L, t] * x[t]) for t in 1..T)", "sum(sum(q[l, T]**2) for l in 1..L)",
              "sum(sum(sum(p[l, t] * w) for t in 1..T) for l in 1..L) / T", "sum(sum(q[l, t]**2) for l in 1..L for t in 1..T)"]
    lines.append("C = " + " + ".join([*rng.sample(losses, rng.randint(1, 3)), *(["sum(c[L])"] if len(order) > 2 else [])]))
    used = [types[w] for w in types if re.search(rf"\b{w}\b", "\n".join(lines))]
    starts = [f"{s}[{i}]: R[m]" for s in "pq" for i in ("l, 0", "0, t", "0, 0")]
    return "\n".join(["; ".join([*used, *starts]), *lines, ""])


@pytest.mark.parametrize("seed", range(24))
def test_random_loops_in_loops_agree_with_differences_and_with_their_own_code(seed: int) -> None:
    text = random_model(seed)
    derivation = sb.derive(sb.parse(text))
    report = sb.check(derivation, sizes={"L": 2, "T": 3, "m": 2})
    assert report, f"{text}\n{report}"
    assert lags(derivation.adjoint.entries).keys() >= {"L", "T"}


ERRORS = [
    ("h[l, t] = U @ h[l, t-1] + h[l-1, t]", "no such start", "h[l, 0]: R[m]", "h[0,t]"),
    ("h[l, t] = U @ h[l-1, t-1]", "no such start", "h[l, 0]: R[m]; h[0, t]: R[m]", "h[0,0]"),
    ("h[l, t] = U @ h[l, t-1] + h[l-1, t+1]", "not known yet", "h[l, 0]: R[m]; h[0, t]: R[m]", "h[l-1, t+1]"),
    ("h[t, l] = U @ h[t, l-1]", "defines its own values", "h[t, 0]: R[m]", "h[l,t]"),
    ("h[l] = U @ h[l-1]", "defines its own values", "h[0]: R[m]", "h[l,t]"),
]


@pytest.mark.parametrize("line, said, starts, named", ERRORS, ids=[e[0] for e in ERRORS])
def test_what_loops_in_loops_cannot_mean_is_refused_at_its_place(line: str, said: str, starts: str, named: str) -> None:
    with pytest.raises(sb.SymbackpropError) as error:
        sb.parse(f"U: R[m, m]; {starts}\nfor l in 1..L:\n    for t in 1..T: {line}\nC = sum(h[L, T])")
    assert said in str(error.value) and named in str(error.value) and error.value.line is not None, str(error.value)


def test_a_range_inside_itself_is_refused() -> None:
    with pytest.raises(sb.UnsupportedError, match="give its end another name"):
        sb.parse("h[0, 0]: R\nfor l in 1..L:\n    for k in 1..L: h[l, k] = h[l-1, k-1]\nC = h[L, L]")


@pytest.mark.parametrize("to", ("text", "latex", "tex", "markdown", "mathml", "html", "json"))
@pytest.mark.parametrize("name", ("widths", "outer"))
def test_every_form_is_printed(name: str, to: str, tmp_path: object, capsys: pytest.CaptureFixture) -> None:
    path = tmp_path / "m.net"
    path.write_text(MODELS[name], encoding="utf-8")
    assert main(["derive", str(path), "--to", to, "--update", *(["--steps"] if to != "json" else [])]) == 0
    assert capsys.readouterr().out


def test_steps_tell_both_readers_and_the_sum() -> None:
    found = sb.derive(sb.parse(STACKED)).as_json(Wanted())["backward"]
    general = next(e for e in found if e["of"] == "z_h[l,t]")
    assert general["range"] == "l = L−1, …, 1; t = T−1, …, 1"
    both = next(e for e in sb.derive(sb.parse(STACKED)).as_json(Wanted("named"))["backward"] if e["of"] == "h[l,t]")
    assert [s for s in both["steps"] if s["rule"] == "sum over all readers"]
    assert next(e for e in found if e["of"] == "U[l]")["steps"][-1]["rule"] == "sum over all steps"


def test_with_layers_in_brackets_the_first_index_is_the_layer_and_a_label_is_none() -> None:
    text = sb.derive(sb.parse(STACKED), wrt=["U"], notation=sb.Notation(layers="paren")).latex()
    assert r"h^{(l)}_t &= \tanh(z_{h,l,t})" in text and r"\delta^{(l)}_{t+1}" in text
