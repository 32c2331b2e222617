"""Loops over a symbolic range: published recurrences, unrolled derivations, differences of the loss, HIPS autograd.

The four equations: Nielsen, Neural Networks and Deep Learning (2015), chapter 2, BP1-BP4. Through time: Werbos,
Backpropagation through time (1990); Goodfellow, Bengio, Courville, Deep Learning (2016), 10.2.2.
"""

from __future__ import annotations

import inspect
import json
import random
import re
import subprocess
import sys

import autograd
import autograd.numpy as anp
import numpy as np
import pytest

import symbackprop as sb
from symbackprop.cli import main
from symbackprop.expr import Const
from symbackprop.normal import is_equal
from symbackprop.recurrence.instance import backward, unrolled
from symbackprop.show.sections import Wanted
from symbackprop.views import substitute

DENSE = """y: R[n[L]]; a[0]: R[n[0]]; W[l]: R[n[l], n[l-1]]; b[l]: R[n[l]]; f: elementwise
for l in 1..L: z[l] = W[l] @ a[l-1] + b[l]; a[l] = f(z[l])
C = sum((a[L] - y)**2) / 2
"""
RNN = """x: R[T, n]; y: R[T, m]; h[0]: R[m]; U: R[m, m]; V: R[m, n]
for t in 1..T: h[t] = tanh(U @ h[t-1] + V @ x[t]); e[t] = sum((h[t] - y[t])**2)
C = sum(e[t] for t in 1..T)
"""
LSTM = """x: R[T, n]; y: R[T, m]; h[0]: R[m]; c[0]: R[m]
Wi: R[m, n]; Ui: R[m, m]; Wf: R[m, n]; Uf: R[m, m]; Wo: R[m, n]; Uo: R[m, m]; Wg: R[m, n]; Ug: R[m, m]
for t in 1..T:
    i[t] = sigmoid(Wi @ x[t] + Ui @ h[t-1])
    f[t] = sigmoid(Wf @ x[t] + Uf @ h[t-1])
    o[t] = sigmoid(Wo @ x[t] + Uo @ h[t-1])
    g[t] = tanh(Wg @ x[t] + Ug @ h[t-1])
    c[t] = f[t] * c[t-1] + i[t] * g[t]
    h[t] = o[t] * tanh(c[t])
C = sum(sum((h[t] - y[t])**2) for t in 1..T) / 2
"""
TWO_BACK = """x: R[T, m]; y: R[m]; h[0]: R[m]; h[-1]: R[m]; U: R[m, m]; V: R[m, m]
for t in 1..T: h[t] = tanh(U @ h[t-1] + V @ h[t-2] + x[t])
C = sum((h[T] - y)**2) / 2
"""
RESIDUAL = """x: R[n]; y: R[n]; W[l]: R[n, n]; V[l]: R[n, n]
r[0] = tanh(x)
for l in 1..L: r[l] = r[l-1] + V[l] @ tanh(W[l] @ r[l-1])
C = sum((r[L] - y)**2) / 2
"""
BOTH_WAYS = """x: R[T, n]; y: R[T, k]; h[0]: R[m]; g[T+1]: R[m]
U: R[m, m]; V: R[m, n]; P: R[m, m]; Q: R[m, n]; A: R[k, m]; B: R[k, m]
for t in 1..T: h[t] = tanh(U @ h[t-1] + V @ x[t])
for t in T..1: g[t] = tanh(P @ g[t+1] + Q @ x[t])
C = sum(sum((A @ h[t] + B @ g[t] - y[t])**2) for t in 1..T) / T
"""
READOUT = """x: R[T, n]; y: R[k]; h[0]: R[m]; U: R[m, m]; V: R[m, n]; A: R[k, m]
fact: sum(y) == 1
for t in 1..T: h[t] = tanh(U @ h[t-1] + V @ x[t])
p = softmax(A @ h[T])
C = -sum(y * log(p)) + sum(U**2) / 10
"""
STACKED = """x: R[T, n]; y: R[m]; h[0]: R[m]; s[0]: R[m]; U: R[m, m]; V: R[m, n]; P: R[m, m]; Q: R[m, m]
for t in 1..T: h[t] = tanh(U @ h[t-1] + V @ x[t])
for t in 1..T: s[t] = tanh(P @ s[t-1] + Q @ h[t])
C = sum((s[T] - y)**2) + sum(sum(h[t]**2) for t in 1..T)
"""
MODELS = {"dense": (DENSE, "L"), "rnn": (RNN, "T"), "lstm": (LSTM, "T"), "two back": (TWO_BACK, "T"),
          "residual": (RESIDUAL, "L"), "both ways": (BOTH_WAYS, "T"), "readout": (READOUT, "T"), "stacked": (STACKED, "T")}
PARAMETERS = {"dense": ["W", "b"], "rnn": ["U", "V"]}


def test_the_four_fundamental_equations_come_out_for_every_depth() -> None:
    assert str(sb.derive(sb.parse(DENSE), wrt=["W", "b"])).split("\n") == [
        "δ_L = (a_L − y) ⊙ f′(z_L)",
        "δₗ = (Wₗ₊₁ᵀ δₗ₊₁) ⊙ f′(zₗ)    (l = L−1, …, 1)",
        "∂C/∂Wₗ = δₗ aₗ₋₁ᵀ    (l = 1, …, L)",
        "∂C/∂bₗ = δₗ    (l = 1, …, L)"]


def test_backpropagation_through_time_comes_out_for_every_length() -> None:
    assert str(sb.derive(sb.parse(RNN), wrt=["U", "V", "h0"])).split("\n") == [
        "δ_T = 2 (h_T − y_T) ⊙ (1 − h_T²)",
        "δₜ = (Uᵀ δₜ₊₁ + 2 (hₜ − yₜ)) ⊙ (1 − hₜ²)    (t = T−1, …, 1)",
        "∂C/∂U = Σ_{t=1..T} δₜ hₜ₋₁ᵀ",
        "∂C/∂V = Σ_{t=1..T} δₜ xₜᵀ",
        "∂C/∂h₀ = Uᵀ δ₁"]


def test_a_read_two_steps_back_gives_two_boundary_cases() -> None:
    assert str(sb.derive(sb.parse(TWO_BACK), wrt=["U"])).split("\n")[:3] == [
        "δ_T = (h_T − y) ⊙ (1 − h_T²)",
        "δ[T−1] = (Uᵀ δ_T) ⊙ (1 − h[T−1]²)",
        "δₜ = (Uᵀ δₜ₊₁ + Vᵀ δₜ₊₂) ⊙ (1 − hₜ²)    (t = T−2, …, 1)"]


@pytest.mark.parametrize("layers, wanted", [("paren", r"W^{(l+1)\top}"), ("bracket", r"W^{[l+1]\top}"), ("subscript", r"W_{l+1}^{\top}")])
def test_latex_has_the_layers_where_the_notation_puts_them(layers: str, wanted: str) -> None:
    assert wanted in sb.derive(sb.parse(DENSE), notation=sb.Notation(layers=layers)).latex()


@pytest.mark.parametrize("name", MODELS)
def test_an_instance_is_the_unrolled_derivation_term_by_term(name: str) -> None:
    text, high = MODELS[name]
    model = sb.parse(text)
    derivation = sb.derive(model)
    for number in (2, 4) if name == "two back" else (1, 2, 4):
        program = unrolled(model, {high: number})
        ours = backward(derivation.adjoint, {high: number}, program)
        plain = sb.derive(program, loss="C").backward
        numbers = {e.name: e.expr for e in ours.equations if type(e.expr) is Const}
        numbers |= {e.name: e.expr for e in plain.equations if e.name.startswith("∂Σ")}
        for equation in [e for e in plain.equations if not e.name.startswith("∂Σ")]:
            mine = substitute(ours.table[equation.name].expr, numbers)
            theirs = substitute(equation.expr, numbers)
            assert is_equal(mine, theirs), (number, equation.name, mine, theirs)


@pytest.mark.parametrize("name", MODELS)
def test_the_recurrence_agrees_with_differences_of_the_loss(name: str) -> None:
    text, high = MODELS[name]
    assert sb.check(sb.derive(sb.parse(text)), sizes={high: 3})


def squares(values: list, targets: object) -> object:
    return sum(anp.sum((v - t) ** 2) for v, t in zip(values, targets))


def dense_loss(a: dict) -> object:
    value = a["a0"]
    for W, b in zip(a["W"], a["b"]):
        value = anp.tanh(anp.dot(W, value) + b)
    return anp.sum((value - a["y"]) ** 2) / 2


def rnn_states(a: dict, order: object, start: str, inner: str, outer: str) -> dict:
    h, found = a[start], {}
    for t in order:
        h = found[t] = anp.tanh(anp.dot(a[inner], h) + anp.dot(a[outer], a["x"][t]))
    return found


def rnn_loss(a: dict) -> object:
    steps = len(a["x"])
    states = rnn_states(a, range(steps), "h0", "U", "V")
    return squares([states[t] for t in range(steps)], a["y"])


def lstm_loss(a: dict) -> object:
    h, c, total = a["h0"], a["c0"], 0.0
    sigmoid = lambda z: 1 / (1 + anp.exp(-z))
    for x, y in zip(a["x"], a["y"]):
        i, f, o = [sigmoid(anp.dot(a["W" + k], x) + anp.dot(a["U" + k], h)) for k in "ifo"]
        c = f * c + i * anp.tanh(anp.dot(a["Wg"], x) + anp.dot(a["Ug"], h))
        h = o * anp.tanh(c)
        total = total + anp.sum((h - y) ** 2) / 2
    return total


def both_ways_loss(a: dict) -> object:
    steps = len(a["x"])
    h = rnn_states(a, range(steps), "h0", "U", "V")
    g = rnn_states(a, reversed(range(steps)), "g_end1", "P", "Q")
    return squares([anp.dot(a["A"], h[t]) + anp.dot(a["B"], g[t]) for t in range(steps)], a["y"]) / steps


def shapes(name: str, count: int) -> dict[str, object]:
    n, m, k = 3, 5, 4
    if name == "dense":
        sizes = [3, 5, 2, 4, 6, 3, 5, 2][: count + 1]
        return {"y": sizes[-1], "a0": sizes[0], "W": [sizes[i:i + 2][::-1] for i in range(count)], "b": [[s] for s in sizes[1:]], "f": None}
    square = {w: (m, m) for w in ("U", "Ui", "Uf", "Uo", "Ug", "P")} | {w: (m, n) for w in ("V", "Wi", "Wf", "Wo", "Wg", "Q")}
    common = {"x": (count, n), "y": (count, k if name == "both ways" else m), "h0": m, "c0": m, "g_end1": m, "A": (k, m), "B": (k, m)}
    names = {"rnn": "x y h0 U V", "lstm": "x y h0 c0 Wi Ui Wf Uf Wo Uo Wg Ug", "both ways": "x y h0 g_end1 U V P Q A B"}[name]
    return {w: (square | common)[w] for w in names.split()}


@pytest.mark.parametrize("count", (1, 3, 7))
@pytest.mark.parametrize("name, loss", [("dense", dense_loss), ("rnn", rnn_loss), ("lstm", lstm_loss), ("both ways", both_ways_loss)])
def test_one_function_for_every_length_agrees_with_autograd(name: str, loss: object, count: int) -> None:
    rng = np.random.default_rng(count)
    text, _ = MODELS[name]
    f = sb.lambdify(sb.derive(sb.parse(text)))
    arrays = {w: [rng.normal(size=tuple(s)) for s in shape] if isinstance(shape, list) else rng.normal(size=shape)
              for w, shape in shapes(name, count).items() if shape is not None}
    given = {"f": np.tanh, "f_prime": lambda z: 1 - np.tanh(z) ** 2} if name == "dense" else {}
    value, gradients = f(**arrays, **given)
    expected = autograd.grad(loss)(arrays)
    np.testing.assert_allclose(value, loss(arrays), rtol=1e-12)
    for w, array in arrays.items():
        for mine, theirs in zip(gradients[w], expected[w]) if isinstance(array, list) else [(gradients[w], expected[w])]:
            assert np.shape(mine) == np.shape(theirs)
            np.testing.assert_allclose(mine, theirs, rtol=1e-9, atol=1e-11)


def random_model(seed: int) -> str:
    """Two coupled states over random reads, parameters shared and per step, a loss at the end, at every step, or both."""
    rng = random.Random(seed)
    types = {"x": "x: R[T, m]", "y": "y: R[T, m]", "w": "w: R[m]", "A": "A: R[m, m]", "B": "B: R[m, m]", "K": "K[t]: R[m, m]", "d": "d[t]: R[m]"}
    atoms = ["A @ p[t-1]", "B @ q[t-1]", "K[t] @ p[t-1]", "x[t]", "d[t]", "p[t-1] * q[t-1]", "w * p[t-1]", "q[t-1]", "A.T @ x[t]"]
    functions = ["tanh", "sigmoid", "sin", "softplus", ""]
    p = " + ".join(rng.sample(atoms, rng.randint(2, 4)))
    q = " + ".join(rng.sample([*atoms, "p[t]", "p[t] * x[t]", "A @ p[t]"], rng.randint(2, 4)))
    lines = ["for t in 1..T:", f"    p[t] = {rng.choice(functions)}({p})", f"    q[t] = {rng.choice(functions)}({q}) / 2"]
    losses = rng.sample(["sum((q[T] - w)**2)", "sum(p[T] * w)", "sum(sum((p[t] - y[t])**2) for t in 1..T) / T",
                         "sum(sum(q[t] * x[t]) for t in 1..T)"], rng.randint(1, 3))
    lines.append("C = " + " + ".join(losses))
    used = [types[w] for w in types if re.search(rf"\b{w}\b", "\n".join(lines))]
    return "\n".join(["; ".join([*used, "p[0]: R[m]", "q[0]: R[m]"]), *lines, ""])


@pytest.mark.parametrize("seed", range(24))
def test_random_recurrences_agree_with_differences(seed: int) -> None:
    text = random_model(seed)
    report = sb.check(sb.derive(sb.parse(text)), sizes={"T": 3, "m": 2})
    assert report, f"{text}\n{report}"


ERRORS = [
    ("for t in 1..T: h[t] = U @ h[t-1]", "h[0]", "U: R[m, m]\n{}\nC = sum(h[T])"),
    ("for t in 1..T: h[t] = U @ h[t-2]", "h[-1]", "U: R[m, m]; h[0]: R[m]\n{}\nC = sum(h[T])"),
    ("for t in 1..T: h[t] = U @ h[t+1]", "not known yet", "U: R[m, m]; h[0]: R[m]\n{}\nC = sum(h[T])"),
    ("for t in 1..T: h[t] = U @ x[1]", "rows of x", "U: R[m, m]; x: R[T, m]\n{}\nC = sum(h[T])"),
    ("for t in 1..T: h[t] = U @ h[t-1]", "its start", "U: R[k, m]; h[0]: R[m]\n{}\nC = sum(h[T])"),
    ("for t in 1..T: h[t] = U @ h[t-1]", "run last", "U: R[m, m]; h[0]: R[m]\n{}\nC = sum(h[T-1])"),
    ("for t in 1..5: h[t] = U @ h[t-1]", "a name for its end", "U: R[m, m]; h[0]: R[m]\n{}\nC = sum(h[T])"),
    ("for t in 1..T: U = h[t-1]", "defines a name at t", "U: R[m, m]; h[0]: R[m]\n{}\nC = sum(h[T])"),
]


@pytest.mark.parametrize("loop, said, text", ERRORS, ids=[e[1] for e in ERRORS])
def test_what_a_loop_cannot_mean_is_refused_at_its_place(loop: str, said: str, text: str) -> None:
    with pytest.raises(sb.SymbackpropError) as error:
        sb.derive(sb.parse(text.format(loop)))
    assert said in str(error.value) and error.value.line is not None, str(error.value)


@pytest.mark.parametrize("to", ("text", "latex", "tex", "markdown", "mathml", "html", "json"))
def test_every_form_is_printed(to: str, tmp_path: object, capsys: pytest.CaptureFixture) -> None:
    path = tmp_path / "m.net"
    path.write_text(RNN, encoding="utf-8")
    assert main(["derive", str(path), "--to", to, *(["--steps"] if to != "json" else [])]) == 0
    out = capsys.readouterr().out
    assert out
    if to == "json":
        found = json.loads(out)
        assert [entry["of"] for entry in found["backward"]][:2] == ["z_h[T]", "z_h[t]"] and found["backward"][1]["range"] == "t = T−1, …, 1"


def test_steps_of_a_sum_end_in_the_sum() -> None:
    found = sb.derive(sb.parse(RNN)).as_json(Wanted())
    entry = next(e for e in found["backward"] if e["of"] == "U")
    assert entry["steps"][-1] == {"rule": "sum over all steps", "because": "the same tensor is read in every step, and each reading adds its share",
                                  "before": "δₜ hₜ₋₁ᵀ", "after": "Σ_{t=1..T} δₜ hₜ₋₁ᵀ"}


def test_the_exported_module_needs_numpy_alone(tmp_path: object) -> None:
    path = tmp_path / "grad.py"
    path.write_text(sb.export(sb.derive(sb.parse(RNN))), encoding="utf-8")
    script = ("import sys, numpy as np; sys.path.insert(0, %r); import grad; r = np.random.default_rng(0); "
              "l, g = grad.value_and_grad(x=r.normal(size=(4, 2)), y=r.normal(size=(4, 3)), h0=np.zeros(3), U=np.eye(3), V=np.ones((3, 2))); "
              "assert g['x'].shape == (4, 2) and not [m for m in sys.modules if m.startswith(('sympy', 'symbackprop'))]" % str(tmp_path))
    subprocess.run([sys.executable, "-c", script], check=True, timeout=120)


@pytest.mark.parametrize("call", [lambda net: sb.hvp(net), lambda net: sb.hessian(net, ["U"])])
def test_what_loops_cannot_do_yet_is_refused_by_name(call: object) -> None:
    with pytest.raises(sb.UnsupportedError):
        call(sb.parse(RNN))


def test_a_model_with_loops_has_no_claims_and_may_have_names(tmp_path: object, capsys: pytest.CaptureFixture) -> None:
    assert sb.verify(RNN) == []
    named = RNN.replace("U: R[m, m];", 'U: R[m, m] as "\\Theta";')
    assert r"\Theta h_{t-1}" in sb.derive(sb.parse(named)).latex()


@pytest.mark.parametrize("name", ("__h", "np", "h" * 60, "h_"))
def test_names_in_loops_pass_the_white_list(name: str) -> None:
    for text in (f"x: R[T, m]; {name}[0]: R[m]\nfor t in 1..T: {name}[t] = tanh({name}[t-1] + x[t])\nC = sum({name}[T])",
                 f"x: R[T, m]\nfor {name} in 1..T: h[{name}] = tanh(x[{name}])\nC = sum(h[T])"):
        with pytest.raises(sb.ParseError):
            sb.parse(text)


@pytest.mark.parametrize("name", ("h0", "d_h", "total_e", "len", "range", "part1", "d_d_h", "f_prime"))
def test_a_name_that_the_code_also_needs_keeps_its_value(name: str) -> None:
    text = ("x: R[T, m]; w: R[m]; h[0]: R[m]; f: elementwise\nfor t in 1..T: h[t] = f(h[t-1] * w + x[t]) * w; e[t] = sum(h[t] * w)\n"
            "C = sum(e[t] for t in 1..T) + sum(h[T] * w)\n")
    rng = np.random.default_rng(0)
    arrays = {"x": rng.normal(size=(3, 2)), "w": rng.normal(size=2), "h0": rng.normal(size=2)}
    functions = {"f": np.sin, "f_prime": np.cos}
    loss, gradients = sb.lambdify(sb.derive(sb.parse(text)))(**arrays, **functions)
    f = sb.lambdify(sb.derive(sb.parse(re.sub(r"\bw\b", name, text))))
    words = [word for word in inspect.signature(f).parameters if word not in ("f", "f_prime", "check")]
    again, others = f(**dict(zip(words, arrays.values())), **functions)
    assert len(set(words)) == 3 and again == loss
    for mine, theirs in zip(others.values(), gradients.values()):
        np.testing.assert_array_equal(mine, theirs)
