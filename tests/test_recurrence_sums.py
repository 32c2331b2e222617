"""Loops: sums over families and over a range inside a loop, residual streams, the index as a number, index form, entries."""

from __future__ import annotations

import autograd
import autograd.numpy as anp
import numpy as np
import pytest
import sympy as sp
from test_recurrence_targets import run

import symbackprop as sb
from symbackprop.cli import main
from symbackprop.show.printing import render
from symbackprop.show.sections import Wanted

DECAY = """y: R[n[L]]; a[0]: R[n[0]]; W[l]: R[n[l], n[l-1]]; lam: R
for l in 1..L: a[l] = tanh(W[l] @ a[l-1])
C = sum((a[L] - y)**2) / 2 + lam * sum(sum(W[l]**2) for l in 1..L)
"""
STREAM = """y: R[n]; a[0]: R[n]; W[l]: R[n, n]; V[l]: R[n, n]
for l in 1..L: a[l] = a[l-1] + V[l] @ tanh(W[l] @ a[l-1])
C = sum((a[L] - y)**2) / 2
"""
ATTENTION = """X: R[T, n]; q: R[n]; y: R[n]
for t in 1..T: e[t] = exp(sum(X[t] * q))
S = sum(e[t] for t in 1..T)
C = sum((sum(e[t] * X[t] / S for t in 1..T) - y)**2)
"""
PAIRS = """X: R[T, n]; Y: R[S, n]; w: R[n]
for t in 1..T:
    for s in 1..S: e[t, s] = exp(sum(X[t] * Y[s]))
    Z[t] = sum(e[t, s] for s in 1..S)
    c[t] = sum(e[t, s] * Y[s] for s in 1..S) / Z[t]
C = sum(sum(c[t] * w)**2 for t in 1..T)
"""
POSITION = """x: R[T, m]; h[0]: R[m]; U: R[m, m]
for t in 1..T: h[t] = tanh(U @ h[t-1] / t + x[t]); e[t] = sum(h[t]**2) * t
C = sum(e[t] / (t + 1) for t in 1..T)
"""
SQUARED = "x: R[T]\nfor t in 1..T: e[t] = x[t]**2\nC = sum(e[t] for t in 1..T)**2\n"


def decay(a: dict) -> object:
    value = a["a0"]
    for W in a["W"]:
        value = anp.tanh(anp.dot(W, value))
    return anp.sum((value - a["y"]) ** 2) / 2 + a["lam"] * sum(anp.sum(W**2) for W in a["W"])


def stream(a: dict) -> object:
    value = a["a0"]
    for W, V in zip(a["W"], a["V"]):
        value = value + anp.dot(V, anp.tanh(anp.dot(W, value)))
    return anp.sum((value - a["y"]) ** 2) / 2


def attention(a: dict) -> object:
    e = anp.exp(anp.dot(a["X"], a["q"]))
    return anp.sum((anp.dot(e / anp.sum(e), a["X"]) - a["y"]) ** 2)


def pairs(a: dict) -> object:
    e = anp.exp(anp.dot(a["X"], a["Y"].T))
    c = anp.dot(e / anp.sum(e, axis=1, keepdims=True), a["Y"])
    return anp.sum(anp.dot(c, a["w"]) ** 2)


def position(a: dict) -> object:
    h, total = a["h0"], 0.0
    for k, x in enumerate(a["x"], 1):
        h = anp.tanh(anp.dot(a["U"], h) / k + x)
        total = total + anp.sum(h**2) * k / (k + 1)
    return total


def squared(a: dict) -> object:
    return anp.sum(a["x"] ** 2) ** 2


def each(rng: np.random.Generator, count: int, *shape: int) -> list:
    return [rng.normal(size=shape) for _ in range(count)]


CASES = {"decay": (DECAY, decay, lambda r, k: {"y": r.normal(size=3), "a0": r.normal(size=3), "W": each(r, k, 3, 3), "lam": r.normal()}),
         "stream": (STREAM, stream, lambda r, k: {"y": r.normal(size=3), "a0": r.normal(size=3), "W": each(r, k, 3, 3), "V": each(r, k, 3, 3)}),
         "attention": (ATTENTION, attention, lambda r, k: {"X": r.normal(size=(k, 3)), "q": r.normal(size=3), "y": r.normal(size=3)}),
         "pairs": (PAIRS, pairs, lambda r, k: {"X": r.normal(size=(k, 3)), "Y": r.normal(size=(k + 1, 3)), "w": r.normal(size=3)}),
         "position": (POSITION, position, lambda r, k: {"x": r.normal(size=(k, 2)), "h0": r.normal(size=2), "U": r.normal(size=(2, 2))}),
         "squared": (SQUARED, squared, lambda r, k: {"x": r.normal(size=k)})}


def same(found: tuple, loss: object, given: dict) -> None:
    value, gradients = found
    expected = autograd.grad(loss)(given)
    np.testing.assert_allclose(value, loss(given), rtol=1e-12)
    for w, array in given.items():
        for mine, theirs in zip(gradients[w], expected[w]) if isinstance(array, list) else [(gradients[w], expected[w])]:
            np.testing.assert_allclose(mine, theirs, rtol=1e-9, atol=1e-11)


@pytest.mark.parametrize("count", (1, 3, 6))
@pytest.mark.parametrize("name", CASES)
def test_they_agree_with_autograd_at_every_length(name: str, count: int) -> None:
    text, loss, make = CASES[name]
    derivation = sb.derive(sb.parse(text))
    given = make(np.random.default_rng(count), count)
    same(sb.lambdify(derivation)(**given), loss, given)
    if name not in ("pairs", "decay") and count > 1:
        same(run(sb.export(derivation, "jax"))(**given), loss, given)


@pytest.mark.parametrize("name", CASES)
def test_they_agree_with_differences(name: str) -> None:
    assert sb.check(sb.derive(sb.parse(CASES[name][0])))


def test_weight_decay_adds_its_term_to_each_layer() -> None:
    lines = str(sb.derive(sb.parse(DECAY), wrt=["W"])).split("\n")
    assert lines == ["δ_L = (a_L − y) ⊙ (1 − a_L²)", "δₗ = (Wₗ₊₁ᵀ δₗ₊₁) ⊙ (1 − aₗ²)    (l = L−1, …, 1)",
                     "∂C/∂Wₗ = δₗ aₗ₋₁ᵀ + 2 λ Wₗ    (l = 1, …, L)"]


def test_the_index_as_a_number_moves_with_its_step() -> None:
    lines = str(sb.derive(sb.parse("x: R[T, m]; h[0]: R[m]; U: R[m, m]\nfor t in 1..T: h[t] = tanh(U @ h[t-1] / t + x[t])\nC = sum(h[T])"),
                          wrt=["U"])).split("\n")
    assert lines == ["δ_T = 1 − h_T²", "δₜ = (1/(t + 1)) (Uᵀ δₜ₊₁) ⊙ (1 − hₜ²)    (t = T−1, …, 1)", "∂C/∂U = Σ_{t=1..T} (1/t) δₜ hₜ₋₁ᵀ"]


@pytest.mark.parametrize("text", ["h[t] = h[t-1]**t", "h[t] = h[t-1] * w**t"])
def test_an_index_in_an_exponent_is_refused(text: str) -> None:
    with pytest.raises(sb.UnsupportedError, match="exponent"):
        sb.parse(f"h[0]: R; w: R; x: R[T]\nfor t in 1..T: {text} + x[t]\nC = h[T]")


def test_a_sum_that_is_squared_stands_in_brackets() -> None:
    derivation = sb.derive(sb.parse(SQUARED))
    forward, backward, *_ = derivation.sections(derivation.writer(False), Wanted()).all()
    assert [line.right for line in forward.lines][1:] == ["(Σ_{t=1..T} eₜ)²"]
    assert [line.right for line in backward.lines][:1] == ["2 (Σ_{t=1..T} eₜ)    (t = T, …, 1)"]
    assert r"\left( \sum_{t=1}^{T} e_t \right)^{2}" in derivation.latex()


def test_index_form_sums_over_entries_and_over_steps() -> None:
    text = "x: R[T, n]; h[0]: R[m]; U: R[m, m]; V: R[m, n]\nfor t in 1..T: h[t] = tanh(U @ h[t-1] + V @ x[t])\nC = sum(h[T]**2) / 2\n"
    out = index_form(text)
    assert out == ["δ_T[i] = h_T[i] (1 − h_T[i]²)", "δₜ_i = (Σ_j U_ji δₜ₊₁_j) (1 − hₜ_i²)    (t = T−1, …, 1)",
                   "∂C/∂U_ij = Σ_{t=1..T} δₜ_i hₜ₋₁_j"], out


def index_form(text: str) -> list[str]:
    return render(sb.derive(sb.parse(text), wrt=["U"]), "text", Wanted(index=True)).split("\n")


def test_the_letters_of_entries_are_not_those_of_loops() -> None:
    text = "a[0]: R[n]; U[i]: R[n, n]\nfor i in 1..L: a[i] = tanh(U[i] @ a[i-1])\nC = sum(a[L]**2) / 2\n"
    assert index_form(text)[-1] == "∂C/∂Uᵢ_jk = δᵢ_j aᵢ₋₁_k    (i = 1, …, L)"


def test_entries_at_a_length_are_those_of_the_written_out_model() -> None:
    derivation = sb.derive(sb.parse("x: R[T, m]; h[0]: R[m]\nfor t in 1..T: h[t] = x[t] * h[t-1]\nC = sum(h[T])"), wrt=["x", "h0"])
    found = derivation.explicit({"T": 2, "m": 2}).gradients
    h1, h2, a1, a2, b1, b2 = sp.symbols("h_0_{1} h_0_{2} x_1_{1} x_1_{2} x_2_{1} x_2_{2}", real=True)
    assert {k: [str(v) for v in m] for k, m in found.items()} == {
        "x_1": [str(h1 * b1), str(h2 * b2)], "x_2": [str(h1 * a1), str(h2 * a2)], "h_0": [str(a1 * b1), str(a2 * b2)]}
    with pytest.raises(sb.SymbackpropError, match="the length T cannot be 0"):
        derivation.explicit({"T": 0})


@pytest.mark.parametrize("to", ("text", "latex", "html", "json"))
def test_the_command_writes_entries_at_lengths(to: str, tmp_path: object, capsys: pytest.CaptureFixture) -> None:
    path = tmp_path / "m.net"
    path.write_text(DECAY, encoding="utf-8")
    assert main(["derive", str(path), "--wrt", "W", "--explicit", "--sizes", "L=2,n_0=1,n_1=2,n_2=1", "--to", to]) == 0
    out = capsys.readouterr().out
    assert "at L" not in out and ("W₂" in out or "W_" in out or "<msub><mi>W</mi><mn>2</mn></msub>" in out)


def test_a_fact_about_an_array_holds_for_its_rows() -> None:
    text = ("x: R[T, m]; y: R[T, m]; h[0]: R[m]\nfact: x > 0\nfact: sum(y, axis=1) == 1\n"
            "for t in 1..T: h[t] = h[t-1] + log(x[t]); e[t] = -sum(y[t] * log_softmax(h[t]))\nC = sum(e[t] for t in 1..T)")
    derivation = sb.derive(sb.parse(text))
    facts = derivation.instance({"T": 2})[0].program.facts
    assert [str(fact) for fact in facts] == ["x_1 > 0", "x_2 > 0", "sum(y_1) == 1", "sum(y_2) == 1"]
    assert sb.check(derivation, sizes={"T": 3, "m": 2})
    assert str(derivation).split("\n")[0] == "δ_T = softmax(h_T) − y_T"


def test_a_family_without_a_loop_is_refused_in_a_line() -> None:
    with pytest.raises(sb.ParseError, match="declared for each step of a loop, and there is none"):
        sb.parse("V[l]: R[n]; x: R[n]\nC = sum(x)")
