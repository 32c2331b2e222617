"""The languages that a model with loops is exported to."""

from __future__ import annotations

from dataclasses import replace

import sympy as sp

from ..errors import UnsupportedError
from ..expr import size
from ..targets import Options
from .adjoint import Adjoint
from .files import FileModule
from .indexed import mapped, named, parts
from .model import Item, Loop, Recurrent
from .numpy_loops import NumpyModule
from .scan import ScanModule
from .stacked import StackModule
from .torch_loops import TorchModule

WRITERS = {"numpy": NumpyModule, "jax": ScanModule, "torch": TorchModule}


def counted_less(name: str, away: int) -> str:
    """`a[1]` as `a[0]`; what is counted from the running letter or from the end stays."""
    base, indices = parts(name)
    return named(base, tuple([index if index.anchor else index + -away for index in indices]))


def from_one(model: Recurrent, away: int) -> Recurrent:
    """The model with its steps counted from 1: a function counts the arrays that it is given.

    Raises `UnsupportedError` where the number of a step stands as a number.
    """
    counted = {word for loop in model.all_loops for word in (loop.index, loop.high)}

    name = lambda of: counted_less(of, away)

    def dim(value: sp.Expr) -> sp.Expr:
        if any(s.name in counted for s in value.free_symbols):
            raise UnsupportedError("a function of steps that are counted from 2 and stand as numbers is not written yet")
        return value.xreplace({s: size(name(s.name)) for s in value.free_symbols})

    def item(of: Item) -> Item:
        if isinstance(of, Loop):
            return replace(of, body=tuple([item(x) for x in of.body]), first=1)
        return of._replace(name=name(of.name), expr=mapped(of.expr, name, dim))
    return replace(model, inputs={name(n): mapped(v, name, dim) for n, v in model.inputs.items()}, items=tuple([item(x) for x in model.items]))


def export_loops(adjoint: Adjoint, to: str = "numpy", options: Options = Options()) -> str:
    """The source of a module with `value_and_grad(*, …) -> (loss, {name: gradient})`, `loss`, and what the options ask for.

    Raises `UnsupportedError` for a target that loops have no writer for, and for what has no spelling in it.
    """
    return writer(adjoint, to, options).source()


def writer(adjoint: Adjoint, to: str, options: Options = Options()) -> FileModule:
    """The writer of a target."""
    if away := max((loop.first for loop in adjoint.model.all_loops), default=1) - 1:
        wrt = tuple([counted_less(name, away) for name in adjoint.wrt])
        adjoint = Adjoint(from_one(adjoint.model, away), adjoint.loss, wrt, adjoint.primes)
    if to not in WRITERS:
        raise UnsupportedError(f"a loop over a symbolic range is exported to {' or '.join(WRITERS)}, not to {to}")
    return (StackModule if to == "jax" and adjoint.model.nested else WRITERS[to])(adjoint, options)
