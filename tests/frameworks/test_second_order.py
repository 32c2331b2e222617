"""Hessians, Jacobians, products with directions and Gauss–Newton blocks beside jax.hessian, jax.jacfwd and jax.jvp in float64.

The losses of `second_order_models` are written by hand in JAX; those of the random programs are the forward pass of the exported JAX module.
The largest relative difference of each kind is printed at the end (`-s` shows it).
"""

from __future__ import annotations

import os
from collections.abc import Callable

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from oracle.emit_text import text as spelled
from oracle.generate import generate
from oracle.oracle import autograd_gradients, conditioning, sample
from second_order_models import MODELS, data

import symbackprop as sb
from symbackprop.codegen import compile_module
from symbackprop.program import Program

SIZES = {"n": 3, "m": 4, "k": 2}
BOUND = 1e-9
LARGEST = 4000  # entries of a block that is worth comparing in a test
RANDOM = range(40, 40 + int(os.environ.get("SECOND_PROGRAMS", "12")))
# Functions of a direction that stay calls: their closed form is refused by name, their products are compared.
NO_CLOSED_FORM = ("exponential", "Cholesky", "nuclear norm")
worst: dict[str, tuple[float, str]] = {}


def agrees(kind: str, name: str, mine: object, theirs: object) -> None:
    mine, theirs = np.asarray(mine), np.asarray(theirs)
    assert mine.shape == theirs.shape, (kind, name)
    gap = float(np.max(np.abs(mine - theirs), initial=0.0) / max(1.0, np.max(np.abs(theirs), initial=0.0)))
    assert gap <= BOUND, (kind, name, gap)
    worst[kind] = max(worst.get(kind, (0.0, "")), (gap, name))


def values_of(net: Program, seed: int) -> dict[str, np.ndarray]:
    return data({n: tuple(SIZES.get(str(d)) or int(d) for d in v.shape) for n, v in net.inputs.items()}, seed)


def of_dict(loss: Callable) -> Callable:
    return lambda v: loss(**v)


def products(name: str, net: Program, loss: Callable, values: dict, along: dict, of: str = "C") -> None:
    """Hv and Jv by everything at once."""
    directions = {f"v_{n}": v for n, v in along.items()}
    value, found = sb.lambdify(sb.hvp(net))(**values, **directions)
    slope = jax.jvp(jax.grad(of_dict(loss)), (values,), (along,))[1]
    agrees("value", name, value, loss(**values))
    for n in values:
        agrees("hvp", f"{name}, {n}", found[n], slope[n])
    _, forward = sb.lambdify(sb.jvp(net, of))(**values, **directions)
    agrees("jvp", name, forward[of], jax.jvp(of_dict(loss), (values,), (along,))[1])


def few(net: Program, values: dict) -> list[str]:
    """What to take whole Hessians by: all of a small model, the first and the last weight and bias of a large one."""
    if len(values) <= 6:
        return list(values)
    weights = [n for n in values if n[0] == "W"]
    return ["x", weights[0], f"b{weights[-1][1:]}", weights[-1]]


@pytest.mark.parametrize("name", MODELS)
def test_products_with_directions(name: str) -> None:
    model, net = MODELS[name], sb.parse(MODELS[name].text)
    products(name, net, model.loss, values_of(net, 1), values_of(net, 2))


@pytest.mark.parametrize("name", [n for n in MODELS if n not in NO_CLOSED_FORM])
def test_hessians(name: str) -> None:
    model, net = MODELS[name], sb.parse(MODELS[name].text)
    values = values_of(net, 1)
    wrt = few(net, values)
    theirs = jax.jit(jax.hessian(lambda some: model.loss(**{**values, **some})))({n: values[n] for n in wrt})
    for (a, b), found in sb.hessian(net, wrt).items():
        agrees("hessian", f"{name}, {a} {b}", found.value(**values), theirs[a][b])


@pytest.mark.parametrize("name", NO_CLOSED_FORM)
def test_what_has_no_closed_form_says_so(name: str) -> None:
    net = sb.parse(MODELS[name].text)
    with pytest.raises(sb.UnsupportedError, match="no closed form"):
        sb.hessian(net, ["X"])


@pytest.mark.parametrize("name", [n for n, m in MODELS.items() if m.of])
def test_jacobians_and_forward_mode(name: str) -> None:
    model, net = MODELS[name], sb.parse(MODELS[name].text)
    values, along = values_of(net, 1), values_of(net, 2)
    theirs = jax.jit(jax.jacfwd(of_dict(model.value)))(values)
    for n in few(net, values):
        agrees("jacobian", f"{name}, {n}", sb.jacobian(net, model.of, n).value(**values), theirs[n])
    _, forward = sb.lambdify(sb.jvp(net, model.of))(**values, **{f"v_{n}": v for n, v in along.items()})
    agrees("jvp", name, forward[model.of], jax.jvp(of_dict(model.value), (values,), (along,))[1])


OUTPUTS: dict[str, Callable] = {  # model -> the loss as a function of the value in between
    "least squares": lambda r, v: jnp.sum(r**2), "matrix least squares": lambda z, v: jnp.sum((z - v["Y"]) ** 2),
    "classifier": lambda z, v: -jnp.sum(v["y"] * jax.nn.log_softmax(z)),
    "batch": lambda z, v: -jnp.mean(jnp.sum(v["Y"] * jax.nn.log_softmax(z), axis=1)),
    **{f"network of {k} layers": lambda z, v: 0.5 * jnp.sum((z - v["y"]) ** 2) for k in (2, 3, 4, 6, 8)},
    "attention": lambda o, v: 0.5 * jnp.sum(o**2), "residual block": lambda a, v: jax.nn.logsumexp(a),
    "layer norm": lambda y, v: jnp.sum(y**3), "solve": lambda u, v: jnp.sum(u**3),
}


@pytest.mark.parametrize("name", OUTPUTS)
def test_gauss_newton_blocks(name: str) -> None:
    model, net = MODELS[name], sb.parse(MODELS[name].text)
    values = values_of(net, 1)
    wrt = [n for n in few(net, values) if n not in "xy" and n != "Y"]
    output = model.value(**values)
    curvature = jax.hessian(lambda z: OUTPUTS[name](z, values))(output)
    jacobians = jax.jit(jax.jacfwd(of_dict(model.value)))(values)
    rank = output.ndim
    for (a, b), found in sb.gauss_newton(net, model.of, wrt).items():
        half = jnp.tensordot(curvature, jacobians[b], axes=rank)
        wanted = jnp.tensordot(jnp.moveaxis(jacobians[a], range(rank), range(-rank, 0)), half, axes=rank)
        agrees("gauss_newton", f"{name}, {a} {b}", found.value(**values), wanted)


@pytest.mark.parametrize("seed", RANDOM)
def test_random_programs(seed: int) -> None:
    """Random programs of the oracle; the loss is the forward pass of the exported JAX module, differentiated by JAX."""
    made = generate(seed)
    for draw in range(4):
        values = sample(made, draw)
        if not conditioning(made, values, autograd_gradients(made, values)).reason:
            break
    else:
        return
    net = sb.parse(spelled(made))
    call = compile_module(sb.export(sb.derive(net), "jax"))["value_and_grad"]
    along = {n: np.random.default_rng(seed).normal(size=np.shape(v)) for n, v in values.items()}
    products(f"random {seed}", net, lambda **v: call(**v, check=False)[0], values, along, made.loss)


def test_the_worst_of_all() -> None:
    for kind, (gap, name) in sorted(worst.items()):
        print(f"{kind}: largest relative difference {gap:.1e} ({name})")
    assert all(gap <= BOUND for gap, _ in worst.values())
