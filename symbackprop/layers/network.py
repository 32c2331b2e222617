"""What layers are made of: declared tensors, named equations on top of them, and networks joined by name.

A layer reads and returns a `Program` with one output. Equal names mean the same tensor, so weights are shared by giving
two layers the same index.
"""

from __future__ import annotations

import re
from dataclasses import replace

import sympy as sp

from ..errors import ShapeError, SymbackpropError
from ..expr import Expr, Shape, Var, show_shape, size
from ..notation import is_name
from ..program import Equation, Fact, Program, check

Size = int | str | sp.Expr
OF_A_LAYER = re.compile(r"([^\[\]]*)\[([A-Za-z]\w*|0)\]", re.ASCII)  # a size that differs from layer to layer: n[l], n[L], n[0]


def tensor(name: str, *sizes: Size, sums_to_one: int | None = None, positive: bool = False) -> Program:
    """A declared tensor: no sizes for a scalar, one for a vector, two for a matrix; integers or names (`n[0]` is the size n of layer 0).

    `sums_to_one` states that its sums along that axis are 1 (one-hot targets), `positive` that every entry is above 0.
    Raises `SymbackpropError` for what cannot be a name or a size, `ShapeError` for an axis that it has not.

    >>> from symbackprop import layers
    >>> layers.tensor("x", "n", 3).inputs["x"].shape
    (n, 3)
    """
    shape = tuple(checked_size(s) for s in sizes)
    facts = []
    if sums_to_one is not None:
        if not 0 <= sums_to_one < len(shape):
            raise ShapeError(f"{name} is {show_shape(shape)}: it has no axis {sums_to_one}")
        facts.append(Fact("sum", name, None if len(shape) == 1 else sums_to_one))
    if positive:
        facts.append(Fact("range", name, low=0))
    return Program({checked(name): Var(name, shape)}, (), (name,), tuple(facts))


def checked(name: str) -> str:
    """A name, if it may be one: names reach LaTeX, pages and source."""
    if not isinstance(name, str):
        raise TypeError(f"a name is a string, not {type(name).__name__}")
    if not is_name(name):
        raise SymbackpropError(f"{name!r} cannot be a name: letters, digits and single underscores, a letter first")
    return name


def checked_size(value: Size) -> sp.Expr:
    if isinstance(value, str | sp.Symbol):
        found = OF_A_LAYER.fullmatch(str(value))
        return size(f"{checked(found[1])}[{found[2]}]" if found else checked(str(value)))
    if isinstance(value, sp.Expr) and value.is_integer and value.is_positive:
        return value
    if isinstance(value, bool) or not isinstance(value, int):
        raise TypeError(f"a size is an integer or a name, not {type(value).__name__}")
    if value < 1:
        raise SymbackpropError(f"a size is a positive integer or a name, not {value}")
    return size(value)


def value(net: Program) -> Var:
    """What a layer computes: the one output of its network."""
    if hasattr(net, "loops"):
        return net.output(*net.outputs)
    if not isinstance(net, Program):
        raise TypeError(f"a layer reads a tensor or another layer, not {type(net).__name__}: declare it with tensor(…)")
    name, = net.outputs
    return net.inputs[name] if name in net.inputs else net[name].var


def define(name: str, expr: Expr, *nets: Program) -> Program:
    """The equation `name = expr` on top of the networks that it reads.

    >>> from symbackprop import layers
    >>> x = layers.tensor("x", "n")
    >>> layers.define("copy", x.inputs["x"], x).outputs
    ('copy',)

    Raises `SymbackpropError` where a name has two meanings or is read and not defined.
    """
    below = join(*nets)
    if not isinstance(below, Program):
        return replace(below, items=(*below.items, Equation(checked(name), expr)), outputs=(name,))
    made = Program(below.inputs, (*below.equations, Equation(checked(name), expr)), (name,), below.facts)
    check(made)
    return made


def join(*nets: Program) -> Program:
    """Networks as one, with all their outputs; what they share is there once, in the order of first mention.

    Raises `SymbackpropError` where a name means two things.
    """
    if any(hasattr(net, "loops") for net in nets):
        from ..recurrence.model import joined
        return joined(nets)
    inputs: dict[str, Var] = {}
    equations: dict[str, Equation] = {}
    for net in nets:
        for name, var in net.inputs.items():
            if inputs.setdefault(name, var) is not var:
                raise ShapeError(f"{name} is {show_shape(inputs[name].shape)} and {show_shape(var.shape)}")
        for equation in net.equations:
            if equations.setdefault(equation.name, equation).expr is not equation.expr:
                raise SymbackpropError(f"{equation.name} is defined twice", hint="give each layer an index of its own")
    twice = next((name for name in equations if name in inputs), None) or next(
        (s.name for var in inputs.values() for d in var.shape for s in d.free_symbols if s.name in inputs | equations), None)
    if twice:
        raise SymbackpropError(f"{twice} is declared and is the name of something else")
    return Program(inputs, tuple(equations.values()), tuple(dict.fromkeys(o for net in nets for o in net.outputs)),
                   tuple(dict.fromkeys(f for net in nets for f in net.facts)))


def weight(name: str, shape: Shape) -> Program:
    """A parameter of a shape that is made of sizes already checked."""
    return Program({checked(name): Var(name, shape)}, (), (name,))
