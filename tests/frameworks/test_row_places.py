"""Tensors of places in JAX and PyTorch: rows taken and added, in one function and shared out over devices."""

from __future__ import annotations

import jax
import numpy as np
import pytest
import torch
from jax.sharding import Mesh
from running import close, module
from places_cases import CASES, data_for, gradients

import symbackprop as sb


@pytest.mark.parametrize("name", CASES)
def test_jax_and_torch_agree_with_autograd(name: str) -> None:
    torch.set_default_dtype(torch.float64)
    case, data = CASES[name], data_for(CASES[name])
    wanted = gradients(case, data)
    value, found = jax.jit(module(case.model, "jax")["value_and_grad"])(**data)
    assert np.isclose(value, case.loss(**data), rtol=1e-12)
    close(found, wanted)
    value, found = module(case.model, "torch")["value_and_grad"](**data)
    assert np.isclose(value, case.loss(**data), rtol=1e-12)
    close(found, wanted)


@pytest.mark.parametrize("name, size", [("embedding", "T"), ("ratings", "N"), ("bag", "B")])
def test_places_are_shared_out_over_devices(name: str, size: str) -> None:
    case = CASES[name]
    case.sizes[size] = 8
    data = data_for(case)
    made = module(case.model, "jax", shard=size)["make_sharded"](Mesh(np.array(jax.devices()[:4]), ("batch",)))
    value, found = made(**data)
    assert np.isclose(value, case.loss(**data), rtol=1e-12)
    close(found, gradients(case, data))


def test_rows_that_lie_on_other_devices_are_refused() -> None:
    with pytest.raises(sb.UnsupportedError, match="other devices"):
        module(CASES["embedding"].model, "jax", shard="V")
