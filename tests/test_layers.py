"""Every layer: its gradients against autograd on forward code written by hand, and the forms that the books print."""

from __future__ import annotations

import doctest
from collections.abc import Callable
from pathlib import Path

import autograd
import autograd.numpy as np
import numpy
import pytest
import sympy as sp

import symbackprop as sb
from symbackprop import layers
from symbackprop.layers import tensor
from symbackprop.ops import SCALAR_OPS

SIZES = {"n": 3, "m": 4, "k": 2, "v": 5, "B": 6, "T": 7}


def sigmoid(z: object) -> object:
    return 1 / (1 + np.exp(-z))


def softmax(z: object) -> object:
    e = np.exp(z - np.max(z, axis=-1, keepdims=True))
    return e / np.sum(e, axis=-1, keepdims=True)


def half_square(a: object, y: object) -> object:
    return np.sum((a - y)**2) / 2


def lstm_step(v: dict, x: object, h: object, c: object) -> tuple:
    i, f, o = (sigmoid(v["W_" + k] @ x + v["U_" + k] @ h + v["b_" + k]) for k in "ifo")
    c = f * c + i * np.tanh(v["W_g"] @ x + v["U_g"] @ h + v["b_g"])
    return o * np.tanh(c), c


def lstm_twice(v: dict) -> object:
    h, c = lstm_step(v, v["x1"], v["h0"], v["c0"])
    h, c = lstm_step(v, v["x2"], h, c)
    return half_square(h, v["y"]) + np.sum(c**2)


def gru_step(v: dict) -> object:
    x, h = v["x1"], v["h0"]
    r, u = (sigmoid(x @ v["W_" + k] + h @ v["U_" + k] + v["b_" + k]) for k in "ru")
    g = np.tanh(x @ v["W_g"] + (r * h) @ v["U_g"] + v["b_g"])
    return half_square((1 - u) * g + u * h, v["y"])


def norm_of(axis: int) -> Callable:
    def forward(v: dict) -> object:
        x = v["X"]
        mu = np.mean(x, axis=axis, keepdims=True)
        spread = np.sqrt(np.mean((x - mu)**2, axis=axis, keepdims=True) + v["eps"])
        return half_square(v["gamma"] * (x - mu) / spread + v["beta"], v["Y"])
    return forward


def attend(v: dict) -> object:
    q, k, values = v["X"] @ v["W_Q"], v["M"] @ v["W_K"], v["M"] @ v["W_V"]
    return half_square(softmax(q @ k.T / np.sqrt(k.shape[1])) @ values, v["Y"])


def lstm_net() -> sb.Program:
    h, c = tensor("h0", "m"), tensor("c0", "m")
    for step in (1, 2):
        h, c = layers.lstm(tensor(f"x{step}", "n"), h, c, step)
    first = layers.loss(h, tensor("y", "m"), name="C1")
    from symbackprop.algebra import add, power, total
    from symbackprop.layers.network import value
    return layers.define("C", add((value(first), total(power(value(c), 2)))), first, c)


X, x, y, Y = tensor("X", "B", "n"), tensor("x", "n"), tensor("y", "m"), tensor("Y", "B", "m")
CASES = {
    "dense": (layers.loss(layers.dense(x, "m", "tanh"), y),
              lambda v: half_square(np.tanh(v["W"] @ v["x"] + v["b"]), v["y"])),
    "dense rows": (layers.loss(layers.dense(X, "m", "softplus"), Y, mean_over="B"),
                   lambda v: half_square(np.log(1 + np.exp(v["X"] @ v["W"] + v["b"])), v["Y"]) / 6),
    "dense columns without bias": (
        layers.loss(layers.dense(tensor("X", "n", "B"), "m", "sigmoid", columns=True, bias=False), tensor("Y", "m", "B")),
        lambda v: half_square(sigmoid(v["W"] @ v["X"]), v["Y"])),
    "mlp with cross-entropy": (
        layers.loss(layers.mlp(X, ["k", "m"], ["relu", None]), tensor("Y", "B", "m", sums_to_one=1), "softmax_cross_entropy"),
        lambda v: -np.sum(v["Y"] * np.log(softmax(np.maximum(v["X"] @ v["W1"] + v["b1"], 0) @ v["W2"] + v["b2"])))),
    "shared weights and residual": (
        layers.loss(layers.residual(x, layers.dense(layers.dense(x, "n", "sin", index=1, name="a"), "n", name="c", index=1)),
                    tensor("y", "n")),
        lambda v: half_square(v["x"] + v["W1"] @ np.sin(v["W1"] @ v["x"] + v["b1"]) + v["b1"], v["y"])),
    "huber": (layers.loss(layers.dense(x, "m"), y, "huber"),
              lambda v: np.sum(np.where(np.abs(r := v["W"] @ v["x"] + v["b"] - v["y"]) <= 1, r**2 / 2, np.abs(r) - 0.5))),
    "rnn": (layers.loss(layers.rnn(tensor("x2", "n"), layers.rnn(tensor("x1", "n"), tensor("h0", "m"), 1), 2), y),
            lambda v: half_square(np.tanh(v["W"] @ v["x2"] + v["b"] + v["U"] @ np.tanh(
                v["W"] @ v["x1"] + v["U"] @ v["h0"] + v["b"])), v["y"])),
    "lstm, two steps": (lstm_net(), lstm_twice),
    "gru, rows": (layers.loss(layers.gru(tensor("x1", "B", "n"), tensor("h0", "B", "m"), 1), tensor("y", "B", "m")), gru_step),
    "attention with memory": (
        layers.loss(layers.attention(X, "k", "v", memory=tensor("M", "T", "n")), tensor("Y", "B", "v")), attend),
    "layer_norm": (layers.loss(layers.layer_norm(X), tensor("Y", "B", "n")), norm_of(1)),
    "batch_norm": (layers.loss(layers.batch_norm(X), tensor("Y", "B", "n")), norm_of(0)),
}


def data_for(net: sb.Program, sizes: dict[str, int], seed: int) -> dict[str, numpy.ndarray]:
    rng = numpy.random.default_rng(seed)
    data = {}
    for name, var in net.inputs.items():
        data[name] = rng.uniform(0.2, 1.2, [int(d.subs({s: sizes[s.name] for s in d.free_symbols})) for d in var.shape])
        if any(f.kind == "sum" and f.name == name for f in net.facts):
            data[name] = data[name] / data[name].sum(axis=-1, keepdims=True)
    return data


@pytest.mark.parametrize("sizes", [SIZES, {**SIZES, "n": 4, "m": 1}], ids=["distinct", "a one and a pair"])
@pytest.mark.parametrize("case", CASES)
def test_gradients_agree_with_autograd(case: str, sizes: dict[str, int]) -> None:
    net, forward = CASES[case]
    data = data_for(net, sizes, 5)
    loss, gradients = sb.lambdify(sb.derive(net, loss="C"))(**data)
    expected = autograd.grad(forward)(data)
    assert numpy.isclose(loss, forward(data), rtol=1e-12)
    assert gradients.keys() == expected.keys()
    for name, right in expected.items():
        scale = max(1e-3, float(numpy.abs(right).max()))
        assert numpy.allclose(gradients[name], right, rtol=0, atol=1e-11 * scale), name


FORMS = [  # Nielsen ch. 2 (BP1 to BP4); Goodfellow et al. 10.2.2 written for two steps; Bishop 4.3.4; Vaswani et al. 3.2.1
    (CASES["rnn"][0], {"z2": "(h₂ − y) ⊙ (1 − h₂²)", "z1": "(Uᵀ δ₂) ⊙ (1 − h₁²)", "U": "δ₁ h₀ᵀ + δ₂ h₁ᵀ", "b": "δ₁ + δ₂"}),
    (CASES["dense rows"][0], {"W": "Xᵀ Δ", "b": "Δᵀ 1"}),
    (CASES["dense columns without bias"][0], {"Z": "(H − Y) ⊙ H ⊙ (1 − H)", "W": "Δ Xᵀ", "X": "Wᵀ Δ"}),
    (layers.loss(layers.dense(x, "m"), tensor("y", "m", sums_to_one=0), "softmax_cross_entropy"),
     {"z": "softmax(z) − y", "W": "δ xᵀ"}),
    (layers.loss(layers.dense(x, "m"), y, "softmax_cross_entropy"), {"z": "(1ᵀ y) softmax(z) − y"}),
    (CASES["lstm, two steps"][0], {"U_f": "δ_f₁ h₀ᵀ + δ_f₂ h₁ᵀ", "z_f2": "δ_c₂ ⊙ c₁ ⊙ f₂ ⊙ (1 − f₂)"}),
    (CASES["attention with memory"][0], {"V": "Aᵀ ∂C/∂O", "A": "∂C/∂O Vᵀ", "W_V": "Mᵀ ∂C/∂V"}),
    (CASES["layer_norm"][0], {"gamma": "(∂C/∂a ⊙ x̂)ᵀ 1", "beta": "(∂C/∂a)ᵀ 1"}),
    (layers.loss(layers.dense(x, "m", sp.Function("f")), y), {"z": "(h − y) ⊙ f′(z)"}),
]


@pytest.mark.parametrize(("net", "forms"), FORMS, ids=[", ".join(forms) for _, forms in FORMS])
def test_the_books_forms_come_out(net: sb.Program, forms: dict[str, str]) -> None:
    found = sb.derive(net, loss="C").textbook
    assert {name: found[name] for name in forms} == forms


@pytest.mark.parametrize("kind", sorted(name for name, row in SCALAR_OPS.items() if row.arity == 1))
def test_every_elementwise_row_is_an_activation(kind: str) -> None:
    net = layers.activation(tensor("z", "n"), kind)
    assert net["h"].expr.shape == net.inputs["z"].shape


ERRORS = [
    (lambda: layers.dense(x, "m", "sigmod"), sb.SymbackpropError, "did you mean sigmoid?"),
    (lambda: layers.activation(x, "maximum"), sb.SymbackpropError, "no activation"),
    (lambda: layers.activation(x, "tanh", alpha=1), sb.SymbackpropError, "no parameter 'alpha'"),
    (lambda: layers.activation(tensor("s"), "softmax"), sb.ShapeError, "axis"),
    (lambda: layers.dense(tensor("s"), "m"), sb.ShapeError, "a vector or a matrix"),
    (lambda: layers.dense(x, 0), sb.SymbackpropError, "positive integer"),
    (lambda: layers.dense(x, True), TypeError, "not bool"),
    (lambda: layers.dense("x", 3), TypeError, "declare it"),
    (lambda: tensor("x; import os"), sb.SymbackpropError, "cannot be a name"),
    (lambda: tensor("x", "a b"), sb.SymbackpropError, "cannot be a name"),
    (lambda: tensor("lambda"), sb.SymbackpropError, "cannot be a name"),
    (lambda: tensor("y", "n", sums_to_one=1), sb.ShapeError, "no axis 1"),
    (lambda: layers.loss(x, tensor("y", "n"), "squared"), sb.SymbackpropError, "squared_error"),
    (lambda: layers.loss(x, y), sb.ShapeError, "one shape"),
    (lambda: layers.join(layers.dense(x, "m"), layers.dense(x, "k")), sb.ShapeError, "W is m×n and k×n"),
    (lambda: layers.join(layers.dense(x, "m", name="a"), layers.dense(x, "m", "tanh", name="a", index=1)),
     sb.SymbackpropError, "a is defined twice"),
    (lambda: layers.join(x, tensor("n", 3)), sb.SymbackpropError, "n is declared"),
    (lambda: layers.mlp(x, ["m"], []), ValueError, "activations"),
    (lambda: layers.batch_norm(x), sb.ShapeError, "samples in rows"),
    (lambda: layers.attention(x, "k", "v"), sb.ShapeError, "position in every row"),
    (lambda: layers.residual(x, y), sb.ShapeError, "a sum of n and m"),
]


@pytest.mark.parametrize(("call", "kind", "words"), ERRORS, ids=[e[2] for e in ERRORS])
def test_errors_name_what_is_wrong(call: Callable, kind: type, words: str) -> None:
    with pytest.raises(kind, match="(?s).*" + words.replace("?", r"\?")):
        call()


def test_a_shared_layer_is_there_once() -> None:
    h = layers.dense(x, "n", "tanh", index=1)
    net = layers.join(layers.residual(x, h), layers.dense(h, "m", index=2))
    assert [e.name for e in net.equations] == ["z1", "h1", "r", "z2"] and net.outputs == ("r", "z2")


def test_the_documentation_runs() -> None:
    path = Path(__file__).parent.parent / "docs" / "layers.md"
    result = doctest.testfile(str(path), module_relative=False, optionflags=doctest.IGNORE_EXCEPTION_DETAIL)
    assert result.attempted > 10 and not result.failed
    assert all(f"`{name}(" in path.read_text(encoding="utf-8") for name in layers.__all__)
