"""The frameworks that are installed, each differentiating the forward pass of an exported file by itself."""

from __future__ import annotations

import os
from collections.abc import Callable
from importlib.util import find_spec
from types import SimpleNamespace

import numpy as np
from problems import Arrays, Problem

import symbackprop as sb
from symbackprop.codegen import compile_module

Contender = Callable[[Arrays], tuple]
NAMES = {"jax": "jax.jit", "torch": "torch eager"}


def installed() -> list[str]:
    """The frameworks that can be measured; each is told to use one thread."""
    os.environ.setdefault("XLA_FLAGS", "--xla_cpu_multi_thread_eigen=false intra_op_parallelism_threads=1")
    os.environ.setdefault("JAX_ENABLE_X64", "1")
    return [name for name in NAMES if find_spec(name)]


def contender(peer: str, problem: Problem, derivation: sb.Derivation) -> tuple[str, Contender | None]:
    """The peer's name in the table, and its function of the arrays; None where the forward pass has no spelling for it."""
    try:
        module = compile_module(sb.export(derivation, peer))
    except sb.UnsupportedError:
        return NAMES[peer], None
    return {"jax": with_jax, "torch": with_torch}[peer](module, problem, list(derivation.program.inputs))


def with_jax(module: dict, problem: Problem, order: list[str]) -> tuple[str, Contender]:
    import jax

    def loss(by: dict, others: dict) -> object:
        return module["loss"](**by, **others, check=False)
    both = jax.jit(jax.value_and_grad(loss))

    def call(arrays: Arrays) -> tuple:
        by = {n: arrays[n] for n in problem.wrt}
        return jax.block_until_ready(both(by, {n: v for n, v in arrays.items() if n not in by}))
    return NAMES["jax"], call


def with_torch(module: dict, problem: Problem, order: list[str]) -> tuple[str, Contender]:
    import torch
    torch.set_num_threads(1)
    forget = SimpleNamespace(save_for_backward=lambda *tensors: None)

    def call(arrays: Arrays) -> tuple:
        tensors = {n: torch.from_numpy(np.asarray(v)) for n, v in arrays.items()}
        by = [tensors[n].requires_grad_() for n in problem.wrt]
        loss = module["Loss"].forward(forget, *(tensors[n] for n in order))
        return loss.item(), dict(zip(problem.wrt, torch.autograd.grad(loss, by)))
    return NAMES["torch"], call
