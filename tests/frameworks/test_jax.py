"""Exported JAX code against `jax.grad`: jitted, mapped, in both precisions, and shared out over four devices."""

from __future__ import annotations

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from running import CENTRED, CLASSIFIER, close, data, module

import symbackprop as sb
from symbackprop.doors import check_export, export


def classifier(*, X, Y, W1, b1, W2, b2, lam):  # noqa: ANN001, ANN201
    z = jnp.tanh(X @ W1 + b1) @ W2 + b2
    return -jnp.sum(Y * (z - jax.nn.logsumexp(z, axis=1, keepdims=True))) / len(X) + lam * jnp.sum(W1**2)


def centred(*, X, W, g):  # noqa: ANN001, ANN201
    Z = X @ W
    V = Z - Z.mean(axis=0)
    s = jnp.sqrt((V**2).mean(axis=0) + 0.1)
    return jnp.sum(jax.nn.sigmoid(g * V / s)**2) / len(X) + Z.max(axis=0).sum() + jax.nn.logsumexp(Z.sum(axis=1))


CASES = [(CLASSIFIER, classifier), (CENTRED, centred)]


def right(call, values: dict) -> tuple:  # noqa: ANN001
    return jax.value_and_grad(lambda v: call(**v))({n: jnp.asarray(v) for n, v in values.items()})


@pytest.mark.parametrize("text, call", CASES)
def test_jitted_code_gives_what_jax_grad_gives(text: str, call: object) -> None:
    names, values = module(text, "jax"), data(text)
    for function in (names["value_and_grad"], jax.jit(names["value_and_grad"])):
        loss, gradients = function(**values)
        wanted, slopes = right(call, values)
        assert np.isclose(loss, wanted, rtol=1e-12)
        close(gradients, slopes)
    assert np.isclose(jax.jit(names["loss"])(**values), wanted, rtol=1e-12)


def test_single_precision_stays_single() -> None:
    names, values = module(CLASSIFIER, "jax"), {n: v.astype(np.float32) for n, v in data(CLASSIFIER).items()}
    loss, gradients = jax.jit(names["value_and_grad"])(**values)
    assert {v.dtype for v in (loss, *gradients.values())} == {jnp.dtype("float32")}
    close(gradients, right(classifier, values)[1], 1e-5)


def test_it_can_be_mapped_over_samples() -> None:
    text = "x: R[n]; y: R[m]; W: R[m, n]\nC = sum((sigmoid(W @ x) - y)**2) / 2"
    call = module(text, "jax")["value_and_grad"]
    rng = np.random.default_rng(0)
    xs, ys, W = rng.normal(size=(7, 3)), rng.normal(size=(7, 2)), rng.normal(size=(2, 3))
    losses, gradients = jax.vmap(lambda x, y: call(x=x, y=y, W=W))(xs, ys)
    for k in range(7):
        wanted, slopes = right(lambda x, y, W: jnp.sum((jax.nn.sigmoid(W @ x) - y)**2) / 2, {"x": xs[k], "y": ys[k], "W": W})
        assert np.isclose(losses[k], wanted)
        close({n: v[k] for n, v in gradients.items()}, slopes)


def test_shapes_and_assumptions_are_checked() -> None:
    call = module("p: R[n]; W: R[m, n]\nfact: sum(p) == 1\nC = sum(W @ p)", "jax")["value_and_grad"]
    with pytest.raises(ValueError, match=r"W has shape \(2, 4\), wanted \(m, 3\)"):
        jax.jit(call)(p=np.ones(3) / 3, W=np.ones((2, 4)))
    with pytest.raises(ValueError, match="the data break the assumption"):
        call(p=np.ones(3), W=np.ones((2, 3)))
    jax.jit(call)(p=np.ones(3), W=np.ones((2, 3)))  # what is traced has no values to look at


@pytest.mark.parametrize("text, call", CASES)
@pytest.mark.parametrize("shard", ["batch", "B"])
def test_four_devices_give_what_one_gives(text: str, call: object, shard: str) -> None:
    assert len(jax.devices()) == 4
    values = data(text, B=12)
    sharded = module(text, "jax", shard=shard)["make_sharded"](jax.make_mesh((4,), ("batch",)))
    loss, gradients = sharded(**values)
    wanted, slopes = right(call, values)
    assert np.isclose(loss, wanted, rtol=1e-12)
    close(gradients, slopes)
    assert len({s.device for s in gradients["X"].addressable_shards}) == 4
    with pytest.raises(ValueError, match="B = 6 does not divide by 4 devices"):
        sharded(**data(text, B=6))


def test_single_precision_over_devices() -> None:
    values = {n: v.astype(np.float32) for n, v in data(CLASSIFIER, B=8).items()}
    _, gradients = module(CLASSIFIER, "jax", shard="batch")["make_sharded"](jax.make_mesh((4,), ("batch",)))(**values)
    assert {v.dtype for v in gradients.values()} == {jnp.dtype("float32")}
    close(gradients, right(classifier, values)[1], 1e-5)


@pytest.mark.parametrize("text, said", [
    ("X: R[B, n]; C = sum((X @ X.T)**2)", "two axes of size B"),
    ("X: R[B, B]; C = log(det(X))", "B"),
    ("x: R[n]; C = sum(x**2)", "there is no size of that name")])
def test_what_cannot_be_shared_out_is_named(text: str, said: str) -> None:
    with pytest.raises(sb.SymbackpropError, match=said):
        export(sb.derive(sb.parse(text)), "jax", shard="batch")


def test_the_trial_runs_and_the_step_steps() -> None:
    derivation = sb.derive(sb.parse(CLASSIFIER), wrt=["W1", "b1"])
    source = export(derivation, "jax", step="sgd")
    assert check_export(derivation, source, "jax")
    names, values = module(CLASSIFIER, "jax", ["W1", "b1"], step="sgd"), data(CLASSIFIER)
    _, stepped = jax.jit(names["sgd_step"])(**values, rate=0.5)
    _, slopes = right(classifier, values)
    close(stepped, {n: values[n] - 0.5 * slopes[n] for n in ("W1", "b1")})
