"""What a wrong right side is instead: another derivative of the same model, where it is one."""

from __future__ import annotations

from ..errors import SymbackpropError
from ..expr import Expr, Map, Var
from ..program import is_activation
from .evidence import Bench
from .truth import Truth, is_quantity, parts_of


def recognised(bench: Bench, truth: Truth, left: Expr, right: Expr) -> str | None:
    """`it is ∂C/∂z`, in words, where a right side equals another derivative of what the left side differentiates."""
    if type(left) is not Var or not is_quantity(left.name):
        return None
    above, below = parts_of(left.name)
    known = truth.program.table
    if truth.variable(above).shape:
        return slope_clue(bench, truth, above, right) if above in known else None
    for name, var in sorted(truth.variables.items(), key=lambda item: item[0] not in known):
        if name == below or var.shape != without_ones(right.shape):
            continue
        quantity = Var(f"∂{above}/∂{name}", var.shape)
        try:
            truth.equation(quantity.name)
            if bench.differ_roughly(quantity, flattened(right, var)) is False:
                return f"what stands there is d{above}/d{name}" + (f", and {name} = {shown(truth, name)}" if name in known else "")
        except SymbackpropError:
            continue
    return None


def slope_clue(bench: Bench, truth: Truth, above: str, right: Expr) -> str | None:
    """σ′(u) where ∂σ(u)/∂v was asked for."""
    node = truth.program.table[above].expr
    if not (is_activation(node) and type(node) is Map and right.shape == node.shape):
        return None
    slope = Map(node.function.differentiated(0), node.args)
    if bench.differ_roughly(slope, right) is not False:
        return None
    inner = node.args[0]
    what = f"{inner.name} = {shown(truth, inner.name)}" if type(inner) is Var and inner.name in truth.program.table else "its argument"
    return f"what stands there is the derivative of {above} by {what}, entry by entry"


def without_ones(shape: tuple) -> tuple:
    return tuple(d for d in shape if d != 1)


def flattened(right: Expr, var: Var) -> Expr:
    """A column as a vector."""
    from ..algebra import total
    return right if right.shape == var.shape else total(right, tuple(k for k, d in enumerate(right.shape) if d == 1))


def shown(truth: Truth, name: str) -> str:
    from ..show.writing import TextWriter
    return TextWriter().write(truth.program.table[name].expr)
