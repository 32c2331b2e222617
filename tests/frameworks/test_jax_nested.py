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
