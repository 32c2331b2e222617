"""Loops in loops as nested scans of JAX, against `jax.grad` of forward passes written by hand."""

from __future__ import annotations

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from nested_forwards import FORWARDS, MODELS, data
from running import module
from test_jax_loops import same

import symbackprop as sb


def as_jax(name: str, values: dict) -> dict:
    """Stacked where all sizes are alike."""
    made = {k: [jnp.asarray(a) for a in v] if isinstance(v, list) else jnp.asarray(v) for k, v in values.items()}
    return made if name == "widths" else {k: jnp.stack(v) if isinstance(v, list) else v for k, v in made.items()}


@pytest.mark.parametrize("name", FORWARDS)
def test_nested_scans_give_what_jax_grad_gives(name: str) -> None:
    names = module(MODELS[name], "jax")
    for pair in ((1, 1), (3, 2)):
        values = as_jax(name, data(name, *pair))
        wanted, slopes = jax.value_and_grad(lambda v: FORWARDS[name](jnp, **v))(values)
        loss, gradients = jax.jit(names["value_and_grad"])(**values)
        assert np.isclose(loss, wanted, rtol=1e-12)
        same(gradients, slopes)
    assert np.isclose(names["loss"](**values), wanted, rtol=1e-12)


def test_one_compiled_program_for_every_depth_and_length() -> None:
    call = module(MODELS["stacked"], "jax")["value_and_grad"]
    sizes = [len(str(jax.make_jaxpr(lambda v: call(**v))(as_jax("stacked", data("stacked", *pair))))) for pair in ((2, 3), (16, 40))]
    assert sizes[1] < 1.1 * sizes[0]
    source = sb.export(sb.derive(sb.parse(MODELS["stacked"])), "jax")
    assert "reverse=True" in source and " for " not in source.split("def value_and_grad")[1].split('"""')[2]


def test_they_are_mapped_and_single_precision_stays_single() -> None:
    call, values = module(MODELS["stacked"], "jax", wrt=["U"])["value_and_grad"], as_jax("stacked", data("stacked", 2, 3))
    xs = np.random.default_rng(3).normal(size=(4, 3, 3))
    losses, gradients = jax.vmap(lambda x: call(**values | {"x": x}))(xs)
    for k in range(4):
        wanted, slope = jax.value_and_grad(lambda U: FORWARDS["stacked"](jnp, **values | {"x": xs[k], "U": U}))(values["U"])
        assert np.isclose(losses[k], wanted)
        same({"U": gradients["U"][k]}, {"U": slope})
    for name in ("stacked", "widths"):
        values = jax.tree.map(lambda a: a.astype(np.float32), as_jax(name, data(name, 2, 3)))
        loss, gradients = jax.jit(module(MODELS[name], "jax")["value_and_grad"])(**values)
        assert {v.dtype for v in jax.tree.leaves((loss, gradients))} == {jnp.dtype("float32")}


BATCH = """x: R[T, B, n]; y: R[B, m]; h[0]: R[B, m]; U: R[m, m]; V: R[n, m]; b: R[m]
for t in 1..T: h[t] = tanh(h[t-1] @ U + x[t] @ V + b)
C = sum((h[T] - y)**2) / (2 * B) + sum(U**2)
"""
DEEP_BATCH = """x: R[T, B, m]; y: R[B, m]; U[l]: R[m, m]; V[l]: R[m, m]; h[l, 0]: R[B, m]
for t in 1..T: h[0, t] = x[t]
for l in 1..L:
    for t in 1..T: h[l, t] = tanh(h[l, t-1] @ U[l] + h[l-1, t] @ V[l])
C = sum((h[L, T] - y)**2) / B + sum(sum(V[l]**2) for l in 1..L)
"""


def batch(*, x, y, h0, U, V, b):  # noqa: ANN001, ANN201
    for row in x:
        h0 = jnp.tanh(h0 @ U + row @ V + b)
    return ((h0 - y)**2).sum() / (2 * len(y)) + (U**2).sum()


def deep_batch(*, x, y, U, V, h_l_0):  # noqa: ANN001, ANN201
    rows = list(x)
    for layer in range(len(U)):
        h = h_l_0[layer]
        for t in range(len(rows)):
            h = jnp.tanh(h @ U[layer] + rows[t] @ V[layer])
            rows[t] = h
    return ((rows[-1] - y)**2).sum() / len(y) + (V**2).sum()


SHARED = {"batch": (BATCH, batch, {"x": (3, 8, 2), "y": (8, 3), "h0": (8, 3), "U": (3, 3), "V": (2, 3), "b": (3,)}),
          "deep": (DEEP_BATCH, deep_batch, {"x": (3, 8, 2), "y": (8, 2), "U": (2, 2, 2), "V": (2, 2, 2), "h_l_0": (2, 8, 2)})}


@pytest.mark.parametrize("name", SHARED)
def test_four_devices_share_the_samples_of_a_loop(name: str) -> None:
    text, call, shapes = SHARED[name]
    rng = np.random.default_rng(1)
    values = {k: jnp.asarray(rng.normal(size=shape)) for k, shape in shapes.items()}
    sharded = module(text, "jax", shard="batch")["make_sharded"](jax.make_mesh((4,), ("batch",)))
    loss, gradients = sharded(**values)
    wanted, slopes = jax.value_and_grad(lambda v: call(**v))(values)
    assert np.isclose(loss, wanted, rtol=1e-12)
    same(gradients, slopes)
    assert len({s.device for s in gradients["x"].addressable_shards}) == 4
    with pytest.raises(ValueError, match="B = 6 does not divide by 4 devices"):
        sharded(**{k: v[:, :6] if k in ("x", "h_l_0") else v[:6] if k in ("y", "h0") else v for k, v in values.items()})
