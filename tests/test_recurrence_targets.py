"""Exported loops of JAX and PyTorch as text, and the scans run with a `jax.lax.scan` of NumPy against HIPS autograd.

What the real libraries make of them stands in tests/frameworks.
"""

from __future__ import annotations

import re
from types import SimpleNamespace

import autograd
import autograd.numpy as anp
import numpy as np
import pytest
from test_recurrence import MODELS, both_ways_loss, dense_loss, lstm_loss, rnn_loss, shapes

import symbackprop as sb
from symbackprop.codegen import compile_module
from symbackprop.doors import check_export


def scan(step: object, carry: tuple, rows: tuple, length: int | None = None, reverse: bool = False) -> tuple:
    """What the reference of `jax.lax.scan` says: the last carry, and every step's result stacked in the order of the rows."""
    count = len(rows[0]) if length is None else length
    assert all(len(row) == count for row in rows)
    made = [None] * count
    for k in reversed(range(count)) if reverse else range(count):
        carry, made[k] = step(carry, tuple(row[k] for row in rows))
    if made and made[0] is None:
        return carry, None
    return carry, tuple(np.stack(column) for column in zip(*made)) if made else Nothing()


class Nothing:
    """The results of no steps: as many empty arrays as are asked for."""

    def __iter__(self) -> object:
        return iter([np.zeros((0, 5))])


def run(source: str) -> object:
    jax = SimpleNamespace(lax=SimpleNamespace(scan=scan), nn=SimpleNamespace(sigmoid=lambda z: 1 / (1 + np.exp(-z))))
    space = {"jax": jax, "jnp": np}
    exec(source.replace("import jax\nimport jax.numpy as jnp\n", ""), space)
    return space["value_and_grad"]


@pytest.mark.parametrize("count", (2, 3, 7))
@pytest.mark.parametrize("name, loss", [("dense", dense_loss), ("rnn", rnn_loss), ("lstm", lstm_loss), ("both ways", both_ways_loss)])
def test_scans_agree_with_autograd(name: str, loss: object, count: int) -> None:
    rng = np.random.default_rng(count)
    arrays = {w: [rng.normal(size=tuple(s)) for s in shape] if isinstance(shape, list) else rng.normal(size=shape)
              for w, shape in shapes(name, count).items() if shape is not None}
    given = {"f": np.tanh, "f_prime": lambda z: 1 - np.tanh(z) ** 2} if name == "dense" else {}
    value, gradients = run(sb.export(sb.derive(sb.parse(MODELS[name][0])), "jax"))(**arrays, **given)
    expected = autograd.grad(loss)(arrays)
    np.testing.assert_allclose(value, loss(arrays), rtol=1e-12)
    for w, array in arrays.items():
        for mine, theirs in zip(gradients[w], expected[w]) if isinstance(array, list) else [(gradients[w], expected[w])]:
            assert np.shape(mine) == np.shape(theirs)
            np.testing.assert_allclose(mine, theirs, rtol=1e-9, atol=1e-11)


@pytest.mark.parametrize("name", MODELS)
def test_a_uniform_loop_is_a_scan_and_one_with_sizes_that_differ_is_not(name: str) -> None:
    source = sb.export(sb.derive(sb.parse(MODELS[name][0])), "jax")
    compile(source, name, "exec")
    loops = re.findall(r"^ +for \w+ in (?:range|reversed)", source, re.M)
    scans = re.findall(r"jax\.lax\.scan\(", source)
    assert bool(loops) != bool(scans) and bool(loops) == (name == "dense")
    assert ("sizes differ from step to step" in source) == (name == "dense")
    assert not re.search(r"(?<!j)np\.", source)


def test_a_length_that_the_boundary_does_not_fit_in_is_refused() -> None:
    call = run(sb.export(sb.derive(sb.parse(MODELS["two back"][0])), "jax"))
    with pytest.raises(ValueError, match="T is less than 2"):
        call(x=np.ones((1, 2)), y=np.ones(2), h0=np.ones(2), hm1=np.ones(2), U=np.ones((2, 2)), V=np.ones((2, 2)))


@pytest.mark.parametrize("name", MODELS)
def test_loops_of_torch_are_an_autograd_function(name: str) -> None:
    source = sb.export(sb.derive(sb.parse(MODELS[name][0])), "torch")
    compile(source, name, "exec")
    assert "class Loss(torch.autograd.Function):" in source and re.search(r"Loss\.apply\(like, functions, ", source)
    assert not re.search(r"\b(np|jnp)\.", source)


SMALL = """x: R[T]; y: R; W[l]: R[2, 2]; a[0]: R[2]
fact: 0 < y < 1
for t in 1..T: s[t] = tanh(x[t] * y)
for l in 1..L: a[l] = tanh(W[l] @ a[l-1])
C = sum(a[L]) * sum(s[t] for t in 1..T)
"""


def test_an_exported_loop_is_checked_in_a_process_of_its_own_and_a_wrong_sign_is_found() -> None:
    derivation = sb.derive(sb.parse(SMALL))
    source = sb.export(derivation)
    report = check_export(derivation, source)
    assert report and {row.name for row in report.rows} == {"x_1", "x_2", "x_3", "y", "W_1", "W_2", "W_3", "a_0"}
    wrong = source.replace("d_W[l - 1] = d_W_l", "d_W[l - 1] = -d_W_l")
    assert wrong != source
    assert {row.name for row in check_export(derivation, wrong).rows if not row.holds} == {"W_1", "W_2", "W_3"}


def test_a_step_of_descent_moves_every_member_of_a_family_and_facts_are_checked() -> None:
    functions = compile_module(sb.export(sb.derive(sb.parse(SMALL), wrt=["W", "y"]), step="sgd"))
    given = {"x": [0.1, 0.2], "y": 0.5, "W": [np.eye(2), [[1, 2], [3, 4]]], "a0": np.ones(2)}
    loss, gradients = functions["value_and_grad"](**given)
    value, stepped = functions["sgd_step"](**given, rate=0.1)
    assert value == loss == functions["loss"](**given)
    np.testing.assert_allclose(stepped["y"], 0.5 - 0.1 * gradients["y"])
    for k in range(2):
        np.testing.assert_allclose(stepped["W"][k], np.asarray(given["W"][k]) - 0.1 * gradients["W"][k])
    with pytest.raises(ValueError, match="y < 1"):
        functions["loss"](**given | {"y": 2.0})
    assert functions["loss"](**given | {"y": 2.0}, check=False)


@pytest.mark.parametrize("to, said", [("numpy", "runs on one device"), ("torch", "no --shard")])
def test_a_target_without_devices_refuses_a_shard_by_name(to: str, said: str) -> None:
    with pytest.raises(sb.UnsupportedError, match=said):
        sb.export(sb.derive(sb.parse(MODELS["rnn"][0])), to, shard="n")


def test_the_steps_of_a_loop_and_a_size_that_is_not_there_cannot_be_shared_out() -> None:
    derivation = sb.derive(sb.parse(MODELS["rnn"][0]))
    with pytest.raises(sb.UnsupportedError, match="--shard T: the steps of a loop follow each other"):
        sb.export(derivation, "jax", shard="T")
    with pytest.raises(sb.SymbackpropError, match="--shard batch: there is no size of that name"):
        sb.export(derivation, "jax", shard="batch")
    with pytest.raises(sb.UnsupportedError, match="two axes of size m"):
        sb.export(derivation, "jax", shard="m")


@pytest.mark.parametrize("to, stack", [("numpy", "np.stack(d_z_h[1 : T + 1])"), ("torch", "torch.stack(d_z_h[1 : T + 1])"), ("jax", "d_z_h\n")])
def test_a_sum_over_all_steps_is_one_product_of_stacks(to: str, stack: str) -> None:
    source = sb.export(sb.derive(sb.parse(MODELS["rnn"][0]), wrt=["U"]), to)
    assert f"d_z_h_t_all = {stack}" in source and "    d_U = d_z_h_t_all.T @ h_t_prev_all\n" in source


BATCHED = """x: R[T, B, n]; h[0]: R[B, m]; U: R[m, m]; V: R[n, m]; b: R[m]; K[t]: R[B, m]; s: R
for t in 1..T: h[t] = tanh(h[t-1] @ U + x[t] @ V + b + s * K[t] / t)
C = sum(h[T]**2) / B + sum(sum(h[t] * K[t]) for t in 1..T)
"""


def batched_loss(a: dict) -> object:
    h, total = a["h0"], 0.0
    for t, row in enumerate(a["x"]):
        h = anp.tanh(anp.dot(h, a["U"]) + anp.dot(row, a["V"]) + a["b"] + a["s"] * a["K"][t] / (t + 1))
        total = total + anp.sum(h * a["K"][t])
    return anp.sum(h**2) / len(h) + total


def test_stacks_with_a_batch_and_shares_that_need_their_step_agree_with_autograd() -> None:
    rng, derivation = np.random.default_rng(2), sb.derive(sb.parse(BATCHED))
    for steps in (1, 4):
        shapes = {"x": (steps, 5, 2), "h0": (5, 3), "U": (3, 3), "V": (2, 3), "b": (3,), "s": ()}
        arrays = {k: rng.normal(size=shape) for k, shape in shapes.items()} | {"K": [rng.normal(size=(5, 3)) for _ in range(steps)]}
        value, gradients = sb.lambdify(derivation)(**arrays)
        np.testing.assert_allclose(value, batched_loss(arrays), rtol=1e-12)
        for name, wanted in autograd.grad(batched_loss)(arrays).items():
            np.testing.assert_allclose(np.array(gradients[name]), np.array(wanted), rtol=1e-9, atol=1e-11)


PLACES = """ids: Z[T, B] < V; E: R[V, n]; y: R[B, m]; h[0]: R[B, m]; U: R[m, m]; W: R[n, m]
for t in 1..T: h[t] = tanh(h[t-1] @ U + E[ids[t]] @ W)
C = sum((h[T] - y)**2) / B
"""


def test_a_loop_looks_up_rows_at_places_of_its_step() -> None:
    def loss(a: dict) -> object:
        h = a["h0"]
        for row in ids:
            h = anp.tanh(anp.dot(h, a["U"]) + anp.dot(a["E"][row], a["W"]))
        return anp.sum((h - a["y"]) ** 2) / len(h)
    derivation, rng = sb.derive(sb.parse(PLACES)), np.random.default_rng(6)
    assert "∂C/∂E = Σ_{t=1..T} onehot(idsₜ)ᵀ Δₜ Wᵀ" in str(derivation)
    ids = rng.integers(0, 5, size=(4, 3))
    given = {k: rng.normal(size=shape).astype("float32") for k, shape in
             {"E": (5, 2), "y": (3, 4), "h0": (3, 4), "U": (4, 4), "W": (2, 4)}.items()}
    value, gradients = sb.lambdify(derivation)(ids=ids, **given)
    assert {g.dtype.name for g in gradients.values()} == {"float32"} and "ids" not in gradients
    exact = {k: a.astype(float) for k, a in given.items()}
    for name, wanted in autograd.grad(loss)(exact).items():
        np.testing.assert_allclose(gradients[name], wanted, rtol=1e-4, atol=1e-5)
    with pytest.raises(ValueError, match="holds whole numbers from 0 to V - 1"):
        sb.lambdify(derivation)(ids=ids + 2, **given)
    with pytest.raises(sb.ShapeError, match="ids holds places below V, and this axis has n entries"):
        sb.parse(PLACES.replace("E: R[V, n]", "E: R[n, n]"))
