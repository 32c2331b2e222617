"""The frameworks that are installed, each differentiating the forward pass of an exported file by itself."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from importlib.util import find_spec
from types import ModuleType, SimpleNamespace

import numpy as np
from problems import Arrays, Problem

import symbackprop as sb
from symbackprop.codegen import compile_module

Contender = Callable[[Arrays], tuple]
NAMES = {"jax": "jax.jit", "torch": "torch eager", "inductor": "torch.compile", "autograd": "HIPS autograd", "pytensor": "PyTensor"}
NEEDS = {"inductor": "torch"}
SLOW = ("inductor", "pytensor")  # they compile a row for a minute or more


def installed(wanted: str = "") -> list[str]:
    """The frameworks that can be measured, of those that are wanted; each is told to use one thread."""
    os.environ.setdefault("XLA_FLAGS", "--xla_cpu_multi_thread_eigen=false intra_op_parallelism_threads=1")
    os.environ.setdefault("JAX_ENABLE_X64", "1")
    names = wanted.split(",") if wanted else [name for name in NAMES if name not in SLOW]
    return [name for name in names if find_spec(NEEDS.get(name, name))]


def contender(peer: str, problem: Problem, derivation: sb.Derivation) -> tuple[str, Contender | None]:
    """The peer's name in the table, and its function of the arrays; None where the forward pass has no spelling for it."""
    to = {"inductor": "torch", "autograd": "numpy", "pytensor": "numpy"}.get(peer, peer)
    try:
        module = compile_module(sb.export(derivation, to))
        return MAKERS[peer](module, problem, list(derivation.program.inputs))
    except (sb.UnsupportedError, AttributeError, NotImplementedError, TypeError):  # a function that the library lacks
        return NAMES[peer], None


def with_jax(module: dict, problem: Problem, order: list[str]) -> tuple[str, Contender]:
    import jax

    def loss(by: dict, others: dict) -> object:
        return module["loss"](**by, **others, check=False)
    both = jax.jit(jax.value_and_grad(loss))

    def call(arrays: Arrays) -> tuple:
        by = {n: arrays[n] for n in problem.wrt}
        return jax.block_until_ready(both(by, {n: v for n, v in arrays.items() if n not in by}))
    return NAMES["jax"], call


def with_torch(module: dict, problem: Problem, order: list[str], compiled: bool = False) -> tuple[str, Contender]:
    import torch
    torch.set_num_threads(1)
    forget = SimpleNamespace(save_for_backward=lambda *tensors: None)

    def forward(*tensors: object) -> object:
        return module["Loss"].forward(forget, *tensors)
    if compiled:  # which looks for the names of a function in the module that the function says it is from
        sys.modules[module["__name__"]] = found = ModuleType(module["__name__"])
        found.__dict__.update(module)
        forward = torch.compile(forward, dynamic=False)

    def call(arrays: Arrays) -> tuple:
        tensors = {n: torch.from_numpy(np.asarray(v)) for n, v in arrays.items()}
        by = [tensors[n].requires_grad_() for n in problem.wrt]
        loss = forward(*(tensors[n] for n in order))
        return loss.item(), dict(zip(problem.wrt, torch.autograd.grad(loss, by)))
    return NAMES["inductor" if compiled else "torch"], call


def with_compiled_torch(module: dict, problem: Problem, order: list[str]) -> tuple[str, Contender]:
    return with_torch(module, problem, order, True)


class Library:
    """An array library in NumPy's place, its inner product of arrays spelled out."""

    def __init__(self, library: object) -> None:
        self.library = library

    def __getattr__(self, name: str) -> object:
        return getattr(self.library, name) if name != "finfo" else np.finfo

    def vdot(self, a: object, b: object) -> object:
        return self.library.sum(a * b)


def with_autograd(module: dict, problem: Problem, order: list[str]) -> tuple[str, Contender]:
    import autograd
    import autograd.numpy
    module |= {"np": Library(autograd.numpy), "as_array": lambda name, value, *shape: value}
    both = autograd.value_and_grad(lambda by, others: module["loss"](**by, **others, check=False))

    def call(arrays: Arrays) -> tuple:
        return both({n: arrays[n] for n in problem.wrt}, {n: v for n, v in arrays.items() if n not in problem.wrt})
    call({n: np.ones(shape) for n, shape in problem.shapes.items()})  # fails here where a function is lacking
    return NAMES["autograd"], call


def with_pytensor(module: dict, problem: Problem, order: list[str]) -> tuple[str, Contender]:
    """One function for each dtype, compiled when it is first called."""
    import pytensor
    import pytensor.tensor as pt
    module |= {"np": Library(pt), "as_array": lambda name, value, *shape: value}
    made = {}

    def function(dtype: str) -> Callable:
        given = {n: pt.TensorType(dtype, problem.shapes[n])(n) for n in order}
        loss = module["loss"](**given, check=False)
        return pytensor.function(list(given.values()), [loss, *pytensor.grad(loss, [given[n] for n in problem.wrt])])

    def call(arrays: Arrays) -> tuple:
        dtype = arrays[order[0]].dtype.name
        made[dtype] = made.get(dtype) or function(dtype)
        loss, *gradients = made[dtype](*(arrays[n] for n in order))
        return loss, dict(zip(problem.wrt, gradients))
    function("float64")
    return NAMES["pytensor"], call


MAKERS = {"jax": with_jax, "torch": with_torch, "inductor": with_compiled_torch, "autograd": with_autograd, "pytensor": with_pytensor}
