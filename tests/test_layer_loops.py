"""Layers over a symbolic range: stacks, cells over time, sums over steps, against HIPS autograd and published recurrences."""

from __future__ import annotations

import autograd
import autograd.numpy as anp
import numpy as np
import pytest

import symbackprop as sb
from symbackprop import layers
from symbackprop.layers import tensor

GATES = "ifog"


def deep() -> object:
    below = layers.dense(tensor("x", "k"), "n", "sigmoid", index=0, name="e")
    net = layers.stack(lambda a: layers.residual(a, layers.dense(a, "n", "tanh")), below)
    return layers.loss(layers.dense(net, "c", index="_out"), tensor("y", "c", sums_to_one=0), "softmax_cross_entropy")


def long_memory() -> object:
    net = layers.recur(layers.lstm, tensor("x", "T", "n"), tensor("h0", "m"), tensor("c0", "m"))
    return layers.sum_over(net, lambda h, y: layers.loss(layers.dense(h, "k", index="_y"), y, name="e"), tensor("y", "T", "k"))


def gated() -> object:
    return layers.loss(layers.recur(layers.gru, tensor("x", "S", "n"), tensor("h0", "m"), index="s"), tensor("y", "m"))


def sigmoid(z: object) -> object:
    return 1 / (1 + anp.exp(-z))


def deep_loss(a: dict) -> object:
    value = sigmoid(anp.dot(a["W0"], a["x"]) + a["b0"])
    for W, b in zip(a["W"], a["b"]):
        value = value + anp.tanh(anp.dot(W, value) + b)
    z = anp.dot(a["W_out"], value) + a["b_out"]
    return anp.log(anp.sum(anp.exp(z))) * anp.sum(a["y"]) - anp.sum(a["y"] * z)


def long_memory_loss(a: dict) -> object:
    h, c, total = a["h0"], a["c0"], 0.0
    for x, y in zip(a["x"], a["y"]):
        z = {k: anp.dot(a[f"W_{k}"], x) + anp.dot(a[f"U_{k}"], h) + a[f"b_{k}"] for k in GATES}
        c = sigmoid(z["f"]) * c + sigmoid(z["i"]) * anp.tanh(z["g"])
        h = sigmoid(z["o"]) * anp.tanh(c)
        total = total + anp.sum((anp.dot(a["W_y"], h) + a["b_y"] - y) ** 2) / 2
    return total


def gated_loss(a: dict) -> object:
    h = a["h0"]
    for x in a["x"]:
        r, u = (sigmoid(anp.dot(a[f"W_{k}"], x) + anp.dot(a[f"U_{k}"], h) + a[f"b_{k}"]) for k in "ru")
        h = (1 - u) * anp.tanh(anp.dot(a["W_g"], x) + anp.dot(a["U_g"], r * h) + a["b_g"]) + u * h
    return anp.sum((h - a["y"]) ** 2) / 2


def arrays(name: str, count: int) -> dict:
    rng = np.random.default_rng(count)
    n, m, k = 2, 3, 4
    made = lambda *shape: rng.normal(size=shape)
    gates = {"long": GATES, "gated": "rug"}.get(name, "")
    weights = {f"{w}_{g}": made(*shape) for g in gates for w, shape in (("W", (m, n)), ("U", (m, m)), ("b", (m,)))}
    if name == "deep":
        return {"x": made(n), "y": np.array([0.2, 0.3, 0.5]), "W0": made(m, n), "b0": made(m), "W": [made(m, m) for _ in range(count)],
                "b": [made(m) for _ in range(count)], "W_out": made(3, m), "b_out": made(3)}
    if name == "long":
        return {"x": made(count, n), "y": made(count, k), "h0": made(m), "c0": made(m), "W_y": made(k, m), "b_y": made(k), **weights}
    return {"x": made(count, n), "y": made(m), "h0": made(m), **weights}


CASES = {"deep": (deep, deep_loss), "long": (long_memory, long_memory_loss), "gated": (gated, gated_loss)}


@pytest.mark.parametrize("count", (1, 2, 5))
@pytest.mark.parametrize("name", CASES)
def test_one_function_for_every_length_agrees_with_autograd(name: str, count: int) -> None:
    make, loss = CASES[name]
    given = arrays(name, count)
    value, gradients = sb.lambdify(sb.derive(make()))(**given)
    expected = autograd.grad(loss)(given)
    np.testing.assert_allclose(value, loss(given), rtol=1e-12)
    assert gradients.keys() == given.keys()
    for w, array in given.items():
        if name == "deep" and w == "y":
            continue  # its sum is assumed to be 1
        for mine, theirs in zip(gradients[w], expected[w]) if isinstance(array, list) else [(gradients[w], expected[w])]:
            np.testing.assert_allclose(mine, theirs, rtol=1e-9, atol=1e-11)


@pytest.mark.parametrize("name", CASES)
def test_they_agree_with_differences_and_are_exported(name: str) -> None:
    derivation = sb.derive(CASES[name][0]())
    assert sb.check(derivation)
    assert "jax.lax.scan" in sb.export(derivation, "jax")


def test_a_deep_network_under_a_declared_sum_has_the_short_error() -> None:
    lines = str(sb.derive(deep(), wrt=["W"])).split("\n")
    assert lines[0] == "δ_out = softmax(z_out) − y" and lines[-1] == "Assuming 1ᵀ y = 1"


@pytest.mark.parametrize("make, said", [
    (lambda: layers.stack(lambda a: layers.dense(a, "m"), tensor("x", "n")), "z is m, and the step before it n"),
    (lambda: layers.recur(layers.rnn, tensor("x", 3, "n"), tensor("h0", "m")), "has to be a name"),
    (lambda: layers.recur(layers.rnn, layers.dense(tensor("x", "T", "n"), "k"), tensor("h0", "m")), "computed"),
    (lambda: layers.recur(lambda x, h, c: layers.rnn(x, h), tensor("x", "T", "n"), tensor("h0", "m"), tensor("c0", "m")), "returns 1 states"),
    (lambda: layers.sum_over(tensor("x", "n"), lambda h: h), "no loop"),
    (lambda: layers.sum_over(layers.recur(layers.rnn, tensor("x", "T", "n"), tensor("h0", "m")),
                             lambda h, y: layers.loss(h, y, name="e"), tensor("y", "S", "m")), "y has S rows"),
    (lambda: layers.stack(lambda a: layers.dense(a, "n"), tensor("x", "n"), index="1"), "cannot be a name")])
def test_what_cannot_be_is_refused(make: object, said: str) -> None:
    with pytest.raises((sb.SymbackpropError, TypeError), match=said):
        make()


def widths() -> object:
    deep = layers.stack(lambda a: layers.dense(a, "n[l]", "tanh"), tensor("X", "B", "n[0]"))
    return layers.loss(layers.dense(deep, "k", index="_out"), tensor("Y", "B", "k"), mean_over="B")


def widths_loss(a: dict) -> object:
    value = a["X"]
    for W, b in zip(a["W"], a["b"]):
        value = anp.tanh(anp.dot(value, W) + b)
    return anp.sum((anp.dot(value, a["W_out"]) + a["b_out"] - a["Y"]) ** 2) / (2 * len(value))


def test_layers_of_unequal_sizes_agree_with_autograd_at_every_depth() -> None:
    f, rng = sb.lambdify(sb.derive(widths())), np.random.default_rng(4)
    for sizes in ((3, 2), (2, 5, 3, 4)):
        shapes = {"X": (6, sizes[0]), "Y": (6, 2), "W_out": (sizes[-1], 2), "b_out": (2,)}
        given = {k: rng.normal(size=shape) for k, shape in shapes.items()}
        given |= {"W": [rng.normal(size=pair) for pair in zip(sizes, sizes[1:])], "b": [rng.normal(size=n) for n in sizes[1:]]}
        value, gradients = f(**given)
        np.testing.assert_allclose(value, widths_loss(given), rtol=1e-12)
        for name, wanted in autograd.grad(widths_loss)(given).items():
            for mine, theirs in zip(gradients[name], wanted):
                np.testing.assert_allclose(mine, theirs, rtol=1e-9, atol=1e-11)


def test_the_last_of_unequal_layers_has_its_own_size() -> None:
    net = layers.stack(lambda a: layers.dense(a, "n[l]"), tensor("x", "n[0]"))
    assert str(layers.loss(net, tensor("y", "n[L]")).inputs["W[l]"].shape) == "(n[l], n[l-1])"
    with pytest.raises(sb.ShapeError, match=r"not n\[L\] and n"):
        layers.loss(net, tensor("y", "n"))
    for size in ("m[l]", "n[k]", "n"):
        with pytest.raises(sb.ShapeError, match=r"that of the start n\[0\]"):
            layers.stack(lambda a: layers.dense(a, size), tensor("x", "n[0]"))
    with pytest.raises(sb.SymbackpropError, match="cannot be a name"):
        tensor("x", "n[1+1]")
