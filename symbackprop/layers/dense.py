"""Dense layers and activations, for a sample (a vector), samples in rows (the default for a matrix) or in columns."""

from __future__ import annotations

from collections.abc import Sequence

import sympy as sp

from ..algebra import add, broadcast, contract
from ..errors import ShapeError, SymbackpropError, nearest
from ..expr import Expr, Map, Shape, function, show_shape
from ..ops import SCALAR_OPS
from ..ops.tensor import apply
from ..program import Program
from .network import Size, checked_size, define, join, value, weight

ALONG_AXIS = ("softmax", "log_softmax")
Activation = str | type[sp.Function]


def activation(z: Program, kind: Activation, name: str = "h", axis: int = -1, **params: float) -> Program:
    """h = f(z), entry by entry (along an axis for softmax and log_softmax).

    `kind` is a row of the table of elementwise functions, or `sympy.Function("f")` for one without a name. `params` are
    the row's, such as alpha. Raises `SymbackpropError` for a kind or a parameter that there is not.

    >>> from symbackprop import layers
    >>> layers.activation(layers.tensor("z", "n"), "leaky_relu", alpha=0.2)["h"].expr.shape
    (n,)
    """
    return define(name, activated(value(z), kind, axis, params), z)


def activated(z: Expr, kind: Activation, axis: int, params: dict[str, float]) -> Expr:
    if isinstance(kind, type) and issubclass(kind, sp.Function):
        return Map(function(kind.__name__, opaque=True), (z,))
    if kind in ALONG_AXIS:
        if not -z.rank <= axis < z.rank:
            raise ShapeError(f"{kind} along axis {axis} of {show_shape(z.shape)}")
        return apply(kind, z, params=(axis % z.rank,))
    row = SCALAR_OPS.get(kind)
    known = [*ALONG_AXIS, *(r.name for r in SCALAR_OPS.values() if r.arity == 1)]
    if row is None or row.arity != 1:
        raise SymbackpropError(f"there is no activation {kind!r}", hint=nearest(str(kind), known))
    if unknown := params.keys() - {p for p, _ in row.params}:
        raise SymbackpropError(f"{kind} has no parameter {min(unknown)!r}")
    given = tuple(sp.Rational(str(params[p])) if p in params else default for p, default in row.params)
    return Map(function(kind, given), (z,))


def dense(x: Program, units: Size, activation: Activation | None = None, index: int | str = "", bias: bool = True,
          columns: bool = False, name: str | None = None) -> Program:
    """z = W x + b, h = f(z).

    For samples in rows Z = X W + 1 bᵀ, in columns Z = W X + b 1ᵀ; W is units × n (n × units for rows), b has an entry
    for every unit. `index` numbers W, b, z and h; without an activation the layer is z itself; `name` renames the result.
    Raises `ShapeError` unless x is a vector or a matrix.

    >>> from symbackprop import layers
    >>> [str(e.name) for e in layers.dense(layers.tensor("x", "n"), "m", "tanh", index=1).equations]
    ['z1', 'h1']
    """
    rank = value(x).rank
    z, h = ("z", "h") if rank == 1 else ("Z", "H")
    last = name or f"{z if activation is None else h}{index}"
    made = affine(last if activation is None else f"{z}{index}", {f"W{index}": x}, f"b{index}" if bias else None, units, columns)
    if activation is None:
        return made
    return define(last, activated(value(made), activation, 0 if columns else rank - 1, {}), made)


def affine(name: str, read: dict[str, Program], bias: str | None, units: Size, columns: bool = False) -> Program:
    """name = Σ W x + b over the weights W and what each reads."""
    terms, nets, shape, count = [], [], (), checked_size(units)
    for w, net in read.items():
        x = value(net)
        if x.rank not in (1, 2):
            raise ShapeError(f"a layer reads a vector or a matrix, and {x.name} is {show_shape(x.shape)}")
        rows = x.rank == 2 and not columns
        parameter = weight(w, (x.shape[1], count) if rows else (count, x.shape[0]))
        term = product(value(parameter), x, rows)
        terms, nets, shape = [*terms, term], [*nets, net, parameter], term.shape
    if bias is not None:
        b = weight(bias, (count,))
        terms, nets = [*terms, to_samples(value(b), shape, columns)], [*nets, b]
    return define(name, add(terms), *nets)


def product(w: Expr, x: Expr, rows: bool) -> Expr:
    """W x, or X W for samples in rows."""
    if rows:
        return contract((x, w), ((0, 1), (1, 2)), (0, 2))
    return contract((w, x), ((0, 1), (1,)), (0,)) if x.rank == 1 else contract((w, x), ((0, 1), (1, 2)), (0, 2))


def to_samples(b: Expr, shape: Shape, columns: bool = False) -> Expr:
    """One entry a feature, repeated for every sample."""
    return broadcast(b, shape, (0,) if columns else (len(shape) - 1,))


def mlp(x: Program, units: Sequence[Size], activations: Sequence[Activation | None], columns: bool = False) -> Program:
    """h₁ = f₁(W₁ x + b₁), h₂ = f₂(W₂ h₁ + b₂), …: dense layers numbered from 1.

    Raises `ValueError` unless there is an activation (or None) for every layer.

    >>> from symbackprop import layers
    >>> layers.mlp(layers.tensor("x", 3), [4, 2], ["tanh", None]).outputs
    ('z2',)
    """
    if len(units) != len(activations):
        raise ValueError(f"{len(units)} layers need as many activations (None for a linear layer), not {len(activations)}")
    for k, (count, f) in enumerate(zip(units, activations), 1):
        x = dense(x, count, f, index=k, columns=columns)
    return x


def residual(x: Program, h: Program, name: str = "r") -> Program:
    """r = x + h.

    >>> from symbackprop import layers
    >>> layers.residual(x := layers.tensor("x", "n"), layers.dense(x, "n"))["r"].expr.shape
    (n,)

    Raises `ShapeError` where the two shapes differ.
    """
    return define(name, add((value(x), value(h))), join(x, h))
