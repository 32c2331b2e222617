"""Exported loops of JAX against `jax.grad` of forward passes written by hand: jitted, mapped, in both precisions."""

from __future__ import annotations

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from running import close, module

import symbackprop as sb

RNN = """x: R[T, n]; y: R[T, m]; h[0]: R[m]; U: R[m, m]; V: R[m, n]
for t in 1..T: h[t] = tanh(U @ h[t-1] + V @ x[t]); e[t] = sum((h[t] - y[t])**2)
C = sum(e[t] for t in 1..T)
"""
LSTM = """x: R[T, n]; y: R[T, m]; h[0]: R[m]; c[0]: R[m]; Wi: R[m, n]; Ui: R[m, m]; Wf: R[m, n]; Uf: R[m, m]; Wg: R[m, n]; Ug: R[m, m]
for t in 1..T:
    i[t] = sigmoid(Wi @ x[t] + Ui @ h[t-1])
    f[t] = sigmoid(Wf @ x[t] + Uf @ h[t-1])
    g[t] = tanh(Wg @ x[t] + Ug @ h[t-1])
    c[t] = f[t] * c[t-1] + i[t] * g[t]
    h[t] = tanh(c[t])
C = sum(sum((h[t] - y[t])**2) for t in 1..T) / 2
"""
DEPTH = """x: R[m]; y: R[m]; W[l]: R[m, m]; b[l]: R[m]; a[0]: R[m]
for l in 1..L: a[l] = sigmoid(W[l] @ a[l-1] + b[l]) + a[l-1]
p = softmax(a[L])
C = -sum(y * log(p))
"""
RAGGED = """y: R[n[L]]; a[0]: R[n[0]]; W[l]: R[n[l], n[l-1]]; b[l]: R[n[l]]
for l in 1..L: a[l] = tanh(W[l] @ a[l-1] + b[l])
C = sum((a[L] - y)**2) / 2
"""
TWO_BACK = """x: R[T, m]; h[0]: R[m]; h[-1]: R[m]; U: R[m, m]; V: R[m, m]
for t in 1..T: h[t] = tanh(U @ h[t-1] + V @ h[t-2] + x[t])
C = sum(h[T]**2) / 2
"""
BOTH_WAYS = """x: R[T, n]; y: R[T, m]; h[0]: R[m]; g[T+1]: R[m]; U: R[m, m]; V: R[m, n]; P: R[m, m]
for t in 1..T: h[t] = tanh(U @ h[t-1] + V @ x[t])
for t in T..1: g[t] = tanh(P @ g[t+1] + h[t])
C = sum(sum((h[t] * g[t] - y[t])**2) for t in 1..T) / T + sum(U**2)
"""


def rnn(*, x, y, h0, U, V):  # noqa: ANN001, ANN201
    h, total = h0, 0.0
    for row, target in zip(x, y):
        h = jnp.tanh(U @ h + V @ row)
        total = total + jnp.sum((h - target)**2)
    return total


def lstm(*, x, y, h0, c0, **W):  # noqa: ANN001, ANN003, ANN201
    h, c, total = h0, c0, 0.0
    for row, target in zip(x, y):
        i, f, g = (W["W" + k] @ row + W["U" + k] @ h for k in "ifg")
        c = jax.nn.sigmoid(f) * c + jax.nn.sigmoid(i) * jnp.tanh(g)
        h = jnp.tanh(c)
        total = total + jnp.sum((h - target)**2) / 2
    return total


def depth(*, x, y, W, b, a0):  # noqa: ANN001, ANN201
    for k in range(len(W)):
        a0 = jax.nn.sigmoid(W[k] @ a0 + b[k]) + a0
    return -jnp.sum(y * jax.nn.log_softmax(a0))


def ragged(*, y, a0, W, b):  # noqa: ANN001, ANN201
    for k in range(len(W)):
        a0 = jnp.tanh(W[k] @ a0 + b[k])
    return jnp.sum((a0 - y)**2) / 2


def two_back(*, x, h0, hm1, U, V):  # noqa: ANN001, ANN201
    for row in x:
        h0, hm1 = jnp.tanh(U @ h0 + V @ hm1 + row), h0
    return jnp.sum(h0**2) / 2


def both_ways(*, x, y, h0, g_end1, U, V, P):  # noqa: ANN001, ANN201
    states, total = [], 0.0
    for row in x:
        h0 = jnp.tanh(U @ h0 + V @ row)
        states.append(h0)
    for k in range(len(x) - 1, -1, -1):
        g_end1 = jnp.tanh(P @ g_end1 + states[k])
        total = total + jnp.sum((states[k] * g_end1 - y[k])**2) / len(x)
    return total + jnp.sum(U**2)


CASES = {"rnn": (RNN, rnn), "lstm": (LSTM, lstm), "depth": (DEPTH, depth), "ragged": (RAGGED, ragged), "two back": (TWO_BACK, two_back),
         "both ways": (BOTH_WAYS, both_ways)}


def arrays(name: str, count: int) -> dict:
    n, m, rng = 2, 3, np.random.default_rng(count)
    if name == "ragged":
        sizes = [3, 5, 2, 4, 3, 2, 4, 5][:count + 1]
        shapes = {"y": (sizes[-1],), "a0": (3,), "W": [(b, a) for a, b in zip(sizes, sizes[1:])], "b": [(s,) for s in sizes[1:]]}
        return {k: [rng.normal(size=v) for v in s] if isinstance(s, list) else rng.normal(size=s) for k, s in shapes.items()}
    deep = name == "depth"
    common = {"x": (count, m if name == "two back" else n), "y": (count, m), "W": (count, m, m), "b": (count, m), "V": (m, m if name == "two back" else n)}
    if deep:
        common |= {"x": (m,), "y": (m,)}
    names = {"rnn": "x y h0 U V", "lstm": "x y h0 c0 Wi Ui Wf Uf Wg Ug", "depth": "y W b a0", "two back": "x h0 hm1 U V",
             "both ways": "x y h0 g_end1 U V P"}[name].split()
    shape = lambda w: common.get(w) or ((m, m) if w[0] in "UP" else (m, n) if w[0] == "W" else (m,))
    return {w: rng.normal(size=shape(w)) for w in names} | ({"x": rng.normal(size=m)} if deep else {})


def as_jax(values: dict) -> dict:
    return {k: [jnp.asarray(a) for a in v] if isinstance(v, list) else jnp.asarray(v) for k, v in values.items()}


def same(found: dict, wanted: dict, bound: float = 1e-9) -> None:
    assert found.keys() == wanted.keys()
    for k, right in wanted.items():
        pairs = {str(at): (a, b) for at, (a, b) in enumerate(zip(found[k], right))} if isinstance(right, list) else {k: (found[k], right)}
        close({key: a for key, (a, _) in pairs.items()}, {key: b for key, (_, b) in pairs.items()}, bound)


@pytest.mark.parametrize("count", (1, 2, 5))
@pytest.mark.parametrize("name", CASES)
def test_scans_give_what_jax_grad_gives(name: str, count: int) -> None:
    text, call = CASES[name]
    if name == "two back" and count == 1:
        with pytest.raises(ValueError, match="T is less than 2"):
            module(text, "jax")["value_and_grad"](**arrays(name, 1))
        return
    names, values = module(text, "jax"), as_jax(arrays(name, count))
    wanted, slopes = jax.value_and_grad(lambda v: call(**v))(values)
    for function in (names["value_and_grad"], jax.jit(names["value_and_grad"])):
        loss, gradients = function(**values)
        assert np.isclose(loss, wanted, rtol=1e-12)
        same(gradients, slopes)
    assert np.isclose(jax.jit(names["loss"])(**values), wanted, rtol=1e-12)
    assert np.allclose(jax.grad(lambda v: names["loss"](**v))(values)[next(iter(slopes))][0], slopes[next(iter(slopes))][0])


def test_a_scan_is_one_loop_of_the_compiler_for_every_length() -> None:
    source = sb.export(sb.derive(sb.parse(RNN)), "jax")
    assert "reverse=True" in source and "for t in" not in source
    names = module(RNN, "jax")
    sizes = [len(str(jax.make_jaxpr(lambda v: names["value_and_grad"](**v))(as_jax(arrays("rnn", count))))) for count in (4, 64)]
    assert sizes[1] < 1.1 * sizes[0]


def test_sequences_are_mapped() -> None:
    call, values = module(RNN, "jax", wrt=["U", "V"])["value_and_grad"], as_jax(arrays("rnn", 4))
    rng = np.random.default_rng(5)
    xs, ys = rng.normal(size=(6, 4, 2)), rng.normal(size=(6, 4, 3))
    losses, gradients = jax.vmap(lambda x, y: call(**values | {"x": x, "y": y}))(xs, ys)
    for k in range(6):
        wanted, slopes = jax.value_and_grad(lambda v: rnn(**values | v | {"x": xs[k], "y": ys[k]}))({w: values[w] for w in "UV"})
        assert np.isclose(losses[k], wanted)
        same({n: v[k] for n, v in gradients.items()}, slopes)


@pytest.mark.parametrize("name", ("lstm", "ragged"))
def test_single_precision_stays_single(name: str) -> None:
    text, call = CASES[name]
    values = jax.tree.map(lambda a: a.astype(np.float32), as_jax(arrays(name, 3)))
    loss, gradients = jax.jit(module(text, "jax")["value_and_grad"])(**values)
    assert {v.dtype for v in jax.tree.leaves((loss, gradients))} == {jnp.dtype("float32")}
    same(gradients, jax.grad(lambda v: call(**v))(values), 1e-4)
