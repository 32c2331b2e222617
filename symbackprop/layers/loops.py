"""Layers over a symbolic range: a stack of L layers, a cell over T steps, a sum over steps. They return models with loops.

The function that is handed in is called once, for a general step; what it returns becomes the body of a loop.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, NamedTuple

from ..errors import ShapeError, SymbackpropError, UnsupportedError
from ..expr import Expr, Shape, Var, show_shape, size
from ..program import Equation, Program
from .network import checked, join, value

if TYPE_CHECKING:
    from ..recurrence.model import Recurrent

Net = "Program | Recurrent"


def stack(layer: Callable[[Program], Program], x: Net, index: str = "l", high: str = "L") -> Recurrent:
    """`high` layers on top of x, each with parameters of its own: h[0] = x, h[l] = layer(h[l−1]).

    >>> import symbackprop as sb
    >>> from symbackprop import layers
    >>> net = layers.stack(lambda a: layers.dense(a, "n", "tanh"), layers.tensor("x", "n"))
    >>> print(sb.derive(layers.loss(net, layers.tensor("y", "n")), wrt=["W"]))
    δ_L = (h_L − y) ⊙ (1 − h_L²)
    δₗ = (Wₗ₊₁ᵀ δₗ₊₁) ⊙ (1 − hₗ²)    (l = L−1, …, 1)
    ∂C/∂Wₗ = δₗ hₗ₋₁ᵀ    (l = 1, …, L)

    Sizes may differ from layer to layer: give x the size `n[0]` and the layer `n[l]`; the last one is `n[L]`.

    >>> net = layers.stack(lambda a: layers.dense(a, "n[l]", "tanh"), layers.tensor("x", "n[0]"))
    >>> layers.loss(net, layers.tensor("y", "n[L]")).inputs["W[l]"].shape
    (n[l], n[l-1])

    Raises `ShapeError` where the shape of a layer is not that of the next one's input.
    """
    before = placeholder("before", Var("·", before_step(value(x).shape, checked(index))))
    body = layer(before)
    return looped(body, [State(value(before).name, body, x)], {}, index, checked(high), True)


def before_step(shape: Shape, index: str) -> Shape:
    """The shape of a start as that of a general step's predecessor: n[0] is n[l-1]."""
    from ..recurrence.indexed import Index, named, parts
    return tuple([d.xreplace({s: size(named(parts(s.name)[0], Index(index, -1))) for s in d.free_symbols if parts(s.name)[1] == (Index("", 0),)})
                  for d in shape])


def recur(cell: Callable[..., Program | tuple[Program, ...]], xs: Program, *starts: Net, index: str = "t") -> Recurrent:
    """A cell over the rows of xs, the same parameters in every step: h[t] = cell(x[t], h[t−1]); for a cell with two states
    (an LSTM) two starts, and the pair that it returns. A start that is declared as h0 is the start of h.

    The result is the last state; `sum_over` reads every one.

    >>> import symbackprop as sb
    >>> from symbackprop import layers
    >>> net = layers.recur(layers.rnn, layers.tensor("x", "T", "n"), layers.tensor("h0", "m"))
    >>> print(sb.derive(layers.loss(net, layers.tensor("y", "m")), wrt=["U", "h0"]))
    δ_T = (h_T − y) ⊙ (1 − h_T²)
    δₜ = (Uᵀ δₜ₊₁) ⊙ (1 − hₜ²)    (t = T−1, …, 1)
    ∂C/∂U = Σ_{t=1..T} δₜ hₜ₋₁ᵀ
    ∂C/∂h₀ = Uᵀ δ₁

    Raises `UnsupportedError` where xs is computed, or its first size is no name.
    """
    row, high = row_of(xs, "row")
    before = [placeholder(f"before{k}", value(start)) for k, start in enumerate(starts)]
    found = cell(row, *before)
    after = found if isinstance(found, tuple) else (found,)
    if len(after) != len(starts):
        raise SymbackpropError(f"the cell returns {len(after)} states, and there are {len(starts)} starts")
    states = [State(value(b).name, a, start) for b, a, start in zip(before, after, starts)]
    return looped(join(*after), states, {value(row).name: xs}, checked(index), high, False)


def sum_over(net: Recurrent, each: Callable[..., Program], *ys: Program, name: str = "C") -> Recurrent:
    """C = Σ_t each(h[t], y[t]): the sum over all steps of what a function makes of the state and of rows of arrays.

    >>> import symbackprop as sb
    >>> from symbackprop import layers
    >>> net = layers.recur(layers.rnn, layers.tensor("x", "T", "n"), layers.tensor("h0", "m"))
    >>> every = layers.sum_over(net, lambda h, y: layers.loss(h, y, name="e"), layers.tensor("y", "T", "m"))
    >>> print(sb.derive(every, wrt=["b"]))
    δ_T = (h_T − y_T) ⊙ (1 − h_T²)
    δₜ = (Uᵀ δₜ₊₁ + hₜ − yₜ) ⊙ (1 − hₜ²)    (t = T−1, …, 1)
    ∂C/∂b = Σ_{t=1..T} δₜ

    Raises `SymbackpropError` where there is no loop to sum over.
    """
    from ..recurrence.indexed import parts
    from ..recurrence.model import Recurrent
    if not isinstance(net, Recurrent):
        raise SymbackpropError("there is no loop to sum over")
    base = parts(net.outputs[0])[0]
    loop = net.loop_of[base]
    state = placeholder("state", value(net))
    rows, arrays = [], {}
    for k, y in enumerate(ys):
        row, high = row_of(y, f"row{k}")
        if high != loop.high:
            raise ShapeError(f"{value(y).name} has {high} rows, and the loop {loop.high} steps")
        rows.append(row)
        arrays[value(row).name] = y
    body = each(state, *rows)
    made = looped(body, [], arrays, loop.index, loop.high, False, {value(state).name: f"{base}[{loop.index}]"}, net)
    total = f"Σ{body.outputs[0]}"
    item = Equation(checked(name), Var(total, value(body).shape))
    return Recurrent(made.inputs, (*made.items, item), {**made.totals, total: f"{body.outputs[0]}[{loop.index}]"}, made.facts, outputs=(name,))


def placeholder(name: str, like: Expr) -> Program:
    """A tensor that stands for another one while a body is made; a name that no user can give."""
    return Program({f"·{name}": Var(f"·{name}", like.shape)}, (), (f"·{name}",))


def row_of(xs: Program, name: str) -> tuple[Program, str]:
    """A placeholder for a row of a declared array, and the name of how many there are."""
    var = value(xs)
    if var.name not in xs.inputs:
        raise UnsupportedError(f"the rows of {var.name} are read, and it is computed: only a declared array is read by rows")
    if not var.shape or not var.shape[0].is_Symbol:
        raise UnsupportedError(f"{var.name} is {show_shape(var.shape)}: the number of its rows has to be a name")
    row = Var(f"·{name}", var.shape[1:])
    return Program({row.name: row}, (), (row.name,)), var.shape[0].name


class State(NamedTuple):
    """What is carried from step to step: the placeholder of the step before, the new value, the start."""

    before: str
    after: Program
    start: Net


def looped(body: Program, states: list[State], rows: dict[str, Program], index: str, high: str, own: bool,
           renamed: dict[str, str] | None = None, below: Recurrent | None = None) -> Recurrent:
    """A loop with this body, on top of `below`. `rows`: placeholder -> the array that it is a row of; `own`: every step has
    parameters of its own; `renamed`: what else stands for a name."""
    from ..recurrence.indexed import Index, mapped, moved
    from ..recurrence.model import Loop, Recurrent
    names = dict(renamed or {})
    for before, after, start in states:
        if moved(value(after), index, Index("", 0)).shape != value(start).shape:
            raise ShapeError(f"{value(after).name} is {show_shape(value(after).shape)}, and the step before it {show_shape(value(start).shape)}",
                             hint=f"sizes that differ from step to step are written n[{index}], that of the start n[0]" if own else "")
        names[before] = f"{value(after).name}[{index}-1]"
    names |= {row: f"{value(xs).name}[{index}]" for row, xs in rows.items()}
    nets = [*([below] if below else []), *(state.start for state in states), *rows.values()]
    outside = join(*nets)
    new = {name: var for name, var in body.inputs.items() if name not in names and name not in outside.inputs}
    families = {name: f"{name}[{index}]" for name in new} if own else {}
    inside = [e for e in body.equations if e.name not in taken(outside)]
    names |= families | {e.name: f"{e.name}[{index}]" for e in inside}
    steps = [Equation(names[e.name], mapped(e.expr, lambda n: names.get(n, n), lambda size: size)) for e in inside]
    inputs = {**outside.inputs, **{families.get(name, name): Var(families.get(name, name), var.shape) for name, var in new.items()}}
    items = [*items_of(outside)]
    for _, after, start in states:
        first, given = f"{value(after).name}[0]", value(start)
        if given.name in inputs and given.name == f"{value(after).name}0":
            inputs = {first if name == given.name else name: Var(first, var.shape) if name == given.name else var for name, var in inputs.items()}
        else:
            items.append(Equation(first, given))
    outputs = tuple(f"{value(after).name}[{high}]" for _, after, _ in states[:1])
    totals = getattr(outside, "totals", {})
    return Recurrent(inputs, (*items, Loop(index, high, tuple(steps))), totals, (*outside.facts, *body.facts), outputs=outputs)


def items_of(net: Net) -> tuple:
    return net.equations if isinstance(net, Program) else net.items


def taken(net: Net) -> set[str]:
    """The names that the equations of a network define."""
    return {e.name for e in net.equations} if isinstance(net, Program) else {name for name in net.nests}

