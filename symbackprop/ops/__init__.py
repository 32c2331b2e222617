"""THE table: every elementwise and every opaque tensor function, one row each.

A row holds all that any part of the product needs to know of its function, so adding one touches one file.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import sympy as sp

from ..expr import Expr, Function, Shape

ARGS = sp.symbols("x0 x1 x2", real=True)
OUT = sp.Symbol("y", real=True)


@dataclass(frozen=True, slots=True)
class ScalarOp:
    """An elementwise function.

    `expr`: the function in SymPy, of `ARGS` and of the symbols named in `params`. `prime`: its derivative by each
    argument as people write it, in `ARGS`, the output `OUT`, and other rows as `sp.Function(name)`; None keeps f′ by
    name. `numpy`: its spelling on arrays, `helper` a function that the spelling needs. `kinks` says where it is not
    smooth and which value its derivative takes there. `domain`: an interval to sample arguments from.
    """

    name: str
    expr: sp.Expr
    prime: tuple[sp.Expr | None, ...] | None = None
    tex: str = ""
    text: str = ""
    numpy: str = ""
    prime_numpy: tuple[str, ...] = ()
    helper: str = ""
    params: tuple[tuple[str, sp.Expr], ...] = ()
    domain: tuple[float, float] = (-2.0, 2.0)
    kinks: str = ""
    arity: int = 1
    positive: bool = False


@dataclass(frozen=True, slots=True)
class TensorOp:
    """An opaque function of whole tensors.

    `shape(shapes, params)`; `vjp(y_bar, y, args, params)` gives one cotangent per argument, each of its argument's
    shape, None meaning no dependence on purpose; `value(arrays, params, field)` computes it over `field` (floats or
    high precision); `show` names how it is written; `numpy` its spelling (a `routine` is called, never taken apart), with the helpers
    of the rows in `uses`, and `more` helpers that a target may put in its place; `condition` where it is defined or smooth;
    `symmetric`: its value is a symmetric matrix.
    """

    name: str
    shape: Callable[[tuple[Shape, ...], tuple], Shape]
    vjp: Callable[[Expr, Expr, tuple[Expr, ...], tuple], tuple[Expr | None, ...]]
    value: Callable
    numpy: str
    because: str
    tex: str = ""
    text: str = ""
    show: str = "call"
    helper: str = ""
    params: tuple[tuple[str, object], ...] = ()
    condition: str = ""
    positive: bool = False
    symmetric: bool = False
    uses: tuple[str, ...] = ()
    more: tuple[str, ...] = ()
    routine: bool = False


SCALAR_OPS: dict[str, ScalarOp] = {}
TENSOR_OPS: dict[str, TensorOp] = {}


def body_of(function: Function) -> sp.Lambda:
    """The SymPy `Lambda` of a function of the table, its parameters and derivatives put in."""
    if function.body is not None:
        variables, body = function.body.variables, function.body.expr
    else:
        row = SCALAR_OPS[function.name]
        values = dict(zip((sp.Symbol(p, real=True) for p, _ in row.params), function.params))
        variables, body = ARGS[:row.arity], row.expr.subs(values)
    for argument in function.derivative:
        body = sp.diff(body, variables[argument])
    return sp.Lambda(variables, body)


def load() -> None:
    """Fill both tables."""
    from . import scalar, tensor  # noqa: F401


