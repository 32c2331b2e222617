"""Exported loops of PyTorch against autograd of forward passes written by hand."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from running import close, module

RNN = """x: R[T, n]; y: R[T, m]; h[0]: R[m]; U: R[m, m]; V: R[m, n]
for t in 1..T: h[t] = tanh(U @ h[t-1] + V @ x[t]); e[t] = sum((h[t] - y[t])**2)
C = sum(e[t] for t in 1..T)
"""
RAGGED = """y: R[n[L]]; a[0]: R[n[0]]; W[l]: R[n[l], n[l-1]]; b[l]: R[n[l]]; f: elementwise
for l in 1..L: a[l] = f(W[l] @ a[l-1] + b[l])
C = sum((a[L] - y)**2) / 2
"""


def rnn(*, x, y, h0, U, V):  # noqa: ANN001, ANN201
    total = 0.0
    for row, target in zip(x, y):
        h0 = torch.tanh(U @ h0 + V @ row)
        total = total + ((h0 - target)**2).sum()
    return total


def ragged(*, y, a0, W, b):  # noqa: ANN001, ANN201
    for k in range(len(W)):
        a0 = torch.sin(W[k] @ a0 + b[k])
    return ((a0 - y)**2).sum() / 2


def leaves(values: dict) -> list:
    return [t for v in values.values() for t in (v if isinstance(v, list) else [v])]


def tensors(name: str, count: int, dtype: torch.dtype = torch.float64) -> dict:
    rng, n, m = np.random.default_rng(count), 2, 3
    made = lambda *shape: torch.tensor(rng.normal(size=shape), dtype=dtype, requires_grad=True)
    if name == "rnn":
        return {"x": made(count, n), "y": made(count, m), "h0": made(m), "U": made(m, m), "V": made(m, n)}
    sizes = [3, 5, 2, 4, 3, 2][:count + 1]
    return {"y": made(sizes[-1]), "a0": made(3), "W": [made(b, a) for a, b in zip(sizes, sizes[1:])], "b": [made(s) for s in sizes[1:]]}


@pytest.mark.parametrize("count", (1, 2, 5))
@pytest.mark.parametrize("name, text, call", [("rnn", RNN, rnn), ("ragged", RAGGED, ragged)])
def test_loops_give_what_torch_gives(name: str, text: str, call: object, count: int) -> None:
    names, values = module(text, "torch"), tensors(name, count)
    functions = {"f": torch.sin, "f_prime": torch.cos} if name == "ragged" else {}
    wanted = call(**values)
    slopes = dict(enumerate(torch.autograd.grad(wanted, leaves(values))))
    loss, gradients = names["value_and_grad"](**values, **functions)
    assert torch.isclose(loss, wanted)
    close({k: v.detach() for k, v in enumerate(leaves(gradients))}, slopes)
    value = names["loss"](**values, **functions)
    assert torch.isclose(value, wanted)
    close(dict(enumerate(torch.autograd.grad(3.0 * value, leaves(values)))), {k: 3.0 * v for k, v in slopes.items()})


def test_single_precision_stays_single() -> None:
    loss, gradients = module(RNN, "torch")["value_and_grad"](**tensors("rnn", 3, torch.float32))
    assert {t.dtype for t in (loss, *gradients.values())} == {torch.float32}


def test_tensors_of_two_types_are_refused() -> None:
    values = tensors("ragged", 2) | {"y": torch.zeros(2, dtype=torch.float32)}
    with pytest.raises(ValueError, match="is torch.float64"):
        module(RAGGED, "torch")["value_and_grad"](**values, f=torch.sin, f_prime=torch.cos)
