"""Loops in loops in PyTorch, against autograd of forward passes written by hand."""

from __future__ import annotations

import pytest
import torch
from nested_forwards import FORWARDS, MODELS, data
from running import close, module


def leaves(value: object) -> list:
    return [t for v in (value.values() if isinstance(value, dict) else value) for t in leaves(v)] if isinstance(value, dict | list) else [value]


def tensors(name: str, *pair: int) -> dict:
    made = lambda v: [made(e) for e in v] if isinstance(v, list) else torch.tensor(v, requires_grad=True)
    return {k: made(v) for k, v in data(name, *pair).items()}


@pytest.mark.parametrize("name", FORWARDS)
def test_loops_in_loops_give_what_torch_gives(name: str) -> None:
    names = module(MODELS[name], "torch")
    for pair in ((1, 1), (2, 3), (3, 1), (1, 4)):
        values = tensors(name, *pair)
        wanted = FORWARDS[name](torch, **values)
        slopes = dict(enumerate(torch.autograd.grad(wanted, leaves(values))))
        loss, gradients = names["value_and_grad"](**values)
        assert torch.isclose(loss, wanted)
        close({k: v.detach() for k, v in enumerate(leaves(gradients))}, slopes)
        value = names["loss"](**values)
        close(dict(enumerate(torch.autograd.grad(2.0 * value, leaves(values)))), {k: 2.0 * v for k, v in slopes.items()})


def test_what_is_given_for_every_step_may_be_one_tensor() -> None:
    values = tensors("stacked", 2, 3)
    U = torch.stack([u.detach() for u in values["U"]]).requires_grad_()
    value = module(MODELS["stacked"], "torch")["loss"](**values | {"U": U})
    found, = torch.autograd.grad(value, [U])
    wanted, = torch.autograd.grad(FORWARDS["stacked"](torch, **values | {"U": U}), [U])
    assert torch.allclose(found, wanted)
