"""Exported loops of JAX and PyTorch as text, and the scans run with a `jax.lax.scan` of NumPy against HIPS autograd.

What the real libraries make of them stands in tests/frameworks.
"""

from __future__ import annotations

import re
from types import SimpleNamespace

import autograd
import numpy as np
import pytest
from test_recurrence import MODELS, both_ways_loss, dense_loss, lstm_loss, rnn_loss, shapes

import symbackprop as sb


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


def test_a_step_or_a_shard_of_a_loop_is_refused_by_name() -> None:
    for options in ({"step": "sgd"}, {"shard": "T"}):
        with pytest.raises(sb.UnsupportedError, match="step or shards"):
            sb.export(sb.derive(sb.parse(MODELS["rnn"][0])), "jax", **options)
