"""Products side by side in `make_value_and_grad`: cells unrolled over time agree with autograd, and take few calls."""

from __future__ import annotations

import re

import autograd.numpy as anp
import numpy as np
import pytest
from autograd import grad
from oracle.compare import survey

import symbackprop as sb
from symbackprop.codegen import beside, compile_module, packs
from symbackprop.doors import export

STEPS, B, N = 5, 3, 4
SIZES = {"B": B, "n": N}
LSTM = {"i": "sigmoid(x{t} @ W_i + h{s} @ U_i + b_i)", "f": "sigmoid(x{t} @ W_f + h{s} @ U_f + b_f)",
        "o": "sigmoid(x{t} @ W_o + h{s} @ U_o + b_o)", "g": "tanh(x{t} @ W_g + h{s} @ U_g + b_g)",
        "c": "f{t} * c{s} + i{t} * g{t}", "h": "o{t} * tanh(c{t})"}
GRU = {"z": "sigmoid(x{t} @ W_z + h{s} @ U_z + b_z)", "r": "sigmoid(x{t} @ W_r + h{s} @ U_r + b_r)",
       "m": "tanh(x{t} @ W_m + (r{t} * h{s}) @ U_m + b_m)", "h": "(1 - z{t}) * h{s} + z{t} * m{t}"}
CELLS = {
    "lstm": LSTM,
    "lstm, gates in another order": {k: LSTM[k] for k in "igfoch"},
    "lstm with peepholes": {k: LSTM[k].replace(" + b_", " + c{s} * p_" + k + " + b_") if k in "if" else LSTM[k] for k in LSTM},
    "coupled gates": {**{k: LSTM[k] for k in "fog"}, "c": "f{t} * c{s} + (1 - f{t}) * g{t}", "h": LSTM["h"]},
    "gru": GRU,
    "gru, the reset behind the product": {**GRU, "m": "tanh(x{t} @ W_m + r{t} * (h{s} @ U_m) + b_m)"},
    "elman": {"h": "tanh(x{t} @ W + h{s} @ U + b)"},
    "a sum of three activations": {"h": "tanh(x{t} @ W_a + b_a) + sin(h{s} @ W_b) * cos(h{s} @ W_a) + sigmoid(x{t} @ W_b)"},
}
LIBRARY = {"sigmoid": lambda z: 1 / (1 + anp.exp(-z)), "tanh": anp.tanh, "sin": anp.sin, "cos": anp.cos, "exp": anp.exp}


def unrolled(cell: dict[str, str]) -> tuple[str, dict[str, np.ndarray]]:
    """A model's equations and random arguments for it."""
    lines = [f"{name}{t} = {rule.format(t=t, s=t - 1)}" for t in range(1, STEPS + 1) for name, rule in cell.items()]
    rng, words = np.random.default_rng(0), set(re.findall(r"\b[WUbp](?:_\w)?\b|\b[xhc]\d\b|\bY\b", "\n".join(lines) + " Y"))
    defined = {line.split(" = ")[0] for line in lines}
    shapes = {w: (N, N) if w[0] in "WU" else (N,) if w[0] in "bp" else (B, N) for w in sorted(words - defined)}
    declared = "; ".join(f"{w}: R[{', '.join({B: 'B', N: 'n'}[d] for d in s)}]" for w, s in shapes.items())
    data = {w: rng.normal(size=s) for w, s in shapes.items()}
    return "\n".join([declared, *lines, f"C = sum((h{STEPS} - Y)**2) / 2 + sum(h2 * Y)"]), data


def by_autograd(text: str, data: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
    equations = [line.split(" = ") for line in text.splitlines()[1:]]

    def loss(arrays: dict) -> float:
        known = {**LIBRARY, **arrays, "sum": anp.sum}
        for name, rule in equations:
            known[name] = eval(rule, {}, known)  # noqa: S307 - text written above
        return known["C"]
    return grad(loss)(data)


def check(text: str, data: dict[str, np.ndarray], wrt: list[str]) -> str:
    """Compare the gradients of a second call with autograd's; returns the source of the function."""
    source = export(sb.derive(sb.parse(text), wrt=wrt))
    call = compile_module(source)["make_value_and_grad"](SIZES)
    call(**{name: value * 0.5 for name, value in data.items()})
    found, wanted = call(**data)[1], by_autograd(text, data)
    for name in wrt:
        np.testing.assert_allclose(found[name], wanted[name], rtol=1e-10, atol=1e-12, err_msg=name)
    values = list(found.values())
    assert not any(np.shares_memory(a, b) for k, a in enumerate(values) for b in values[:k])
    return source.split("def compute")[1]


@pytest.mark.parametrize("name", CELLS)
def test_cells_unrolled_over_time_agree_with_autograd(name: str) -> None:
    text, data = unrolled(CELLS[name])
    check(text, data, list(data))


def test_gates_take_one_product_a_step() -> None:
    """X @ W, a product with h at each step and one back, and one for each of W, U and b."""
    text, data = unrolled(LSTM)
    weights = [name for name in data if name[0] in "WUb"]
    source = check(text, data, weights)
    assert len(re.findall(r"^ +np\.(?:dot|matmul)\(", source, re.M)) == 1 + STEPS + (STEPS - 1) + 3
    assert len(re.findall(r"^ +np\.exp\(", source, re.M)) == STEPS  # three gates at once


def test_random_programs_agree_however_eagerly_they_are_packed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(packs, "MANY", 1)
    monkeypatch.setattr(packs, "CALL", -1e6)

    def gradients(text: str, sizes: dict[str, int], data: dict[str, np.ndarray]) -> tuple:
        with np.errstate(all="ignore"):
            return compile_module(export(sb.derive(sb.parse(text))))["make_value_and_grad"](sizes)(**data)
    summary = survey(range(7000, 7012), gradients)
    assert not summary.wrong, [(r.seed, r.message) for r in summary.wrong]
    assert summary.compared > 8


def test_packs_that_would_rest_on_one_another_are_taken_apart(monkeypatch: pytest.MonkeyPatch) -> None:
    """p rests on z5 * …, and v5 * … on q: the pair p, q cannot be computed before the pair of these, nor behind it."""
    lines = ["; ".join(f"x{t}: R[B, n]" for t in range(1, 6)) + "; W: R[n, n]; V: R[n, n]"]
    lines += [f"z{t} = x{t} @ W" for t in range(1, 6)] + [f"v{t} = x{t} @ V" for t in range(1, 6)]
    lines += ["p = z4 * tanh(z5 * sin(v1))", "q = v4 * tanh(x1)", "r = v5 * sin(q)"]
    lines += ["C = sum(exp(p)) + sum(exp(r)) + sum(z1 * z2 * z3) + sum(v1 * v2 * v3)"]
    rng = np.random.default_rng(1)
    data = {**{f"x{t}": rng.normal(size=(B, N)) for t in range(1, 6)}, **{k: rng.normal(size=(N, N)) for k in "WV"}}
    found, made = [], beside.Circle.__init__
    monkeypatch.setattr(beside.Circle, "__init__", lambda self, node: found.append(node) or made(self, node))
    check("\n".join(lines), data, ["x3"])
    assert len(found) == 1
