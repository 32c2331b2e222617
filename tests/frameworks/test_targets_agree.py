"""200 random programs, exported to every target, against autograd."""

from __future__ import annotations

import os

import jax
import numpy as np
import pytest
import torch
from oracle.compare import survey

import symbackprop as sb
from symbackprop.codegen import compile_module

COUNT = int(os.environ.get("PROGRAMS", "200"))
BLOCK = 20


def run(to: str, text: str, data: dict[str, np.ndarray]) -> tuple:
    call = compile_module(sb.export(sb.derive(sb.parse(text)), to))["value_and_grad"]
    loss, gradients = jax.jit(call)(**data) if to == "jax" else call(**data)
    return np.asarray(loss), {n: np.asarray(v) for n, v in gradients.items()}


@pytest.mark.parametrize("start", range(9000, 9000 + COUNT, BLOCK))
def test_random_programs_agree(start: int) -> None:
    torch.set_default_dtype(torch.float64)
    for to in ("numpy", "jax", "torch"):
        summary = survey(range(start, start + BLOCK), lambda text, sizes, data: run(to, text, data))  # noqa: B023
        assert not summary.wrong, (to, [(r.seed, r.message) for r in summary.wrong])
        assert summary.compared >= BLOCK * 3 // 4
