"""A small network spelled out entry by entry and differentiated entry by entry with `sympy.diff`.

A second derivation: it reads the forward program alone, puts every definition in, and knows no rule of backpropagation,
so that it can stand as an oracle beside the derivation. It grows with the entries, and is refused where they are many.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import cached_property
from itertools import product
from math import prod

import numpy as np
import sympy as sp

from ..errors import SymbackpropError, UnsupportedError, nearest_or_all
from ..expr import Add, Apply, Const, Contract, Delta, Expr, Map, Ones, Var, walk
from ..notation import tex_name
from ..numeric import LETTERS, Sizes, at_sizes, concrete
from ..ops import body_of
from ..points import size_names
from ..program import Program

SMALL = (2, 3, 4)
MOST = 600
Entries = np.ndarray


class Explicit:
    """The network at some sizes: `forward` and `gradients` hold a `sympy.Matrix` each (an array at rank 3 and more).

    `forward[name]` is the right-hand side of that equation in the entries of what it reads; `loss` and `gradients[name]`
    are in the entries of the inputs alone. Vectors are columns.
    """

    def __init__(self, program: Program, loss: str, wrt: tuple[str, ...], sizes: Sizes) -> None:
        self.sizes, self.wrt, self.loss_name = sizes, wrt, loss
        shapes = {name: concrete(var.shape, sizes) for name, var in program.inputs.items()}
        shapes |= {e.name: concrete(e.expr.shape, sizes) for e in program.equations}
        count = sum(int(np.prod(shape)) for shape in shapes.values())
        if count > MOST:
            raise SymbackpropError(f"{count} entries are too many to write out (at most {MOST})",
                                   hint="choose smaller sizes, such as n=2")
        self.symbols = {name: symbols_of(name, shape) for name, shape in shapes.items()}
        self._entries = {e.name: entries_of(e.expr, self.symbols, sizes) for e in program.equations}
        self.forward = {name: as_matrix(entries) for name, entries in self._entries.items()}

    @cached_property
    def values(self) -> dict[sp.Symbol, sp.Expr]:
        """Every entry of every defined name, in the entries of the inputs."""
        known: dict[sp.Symbol, sp.Expr] = {}
        for name, entries in self._entries.items():
            for symbol, value in zip(self.symbols[name].flat, entries.flat):
                known[symbol] = value.xreplace(known)
        return known

    @property
    def loss(self) -> sp.Expr:
        """The loss in the entries of the inputs."""
        return self.values[self.symbols[self.loss_name].item()]

    @cached_property
    def gradients(self) -> dict[str, sp.Matrix]:
        """Name -> the derivative of the loss by each entry.

        Raises `SymbackpropError` for a name that an equation defines: the entries of the inputs alone are independent.
        """
        made = {}
        for name in self.wrt:
            if name in self._entries:
                raise SymbackpropError(f"{name} is defined by an equation; explicit entries differentiate by inputs alone")
            found = [sp.diff(self.loss, symbol) for symbol in self.symbols[name].flat]
            made[name] = as_matrix(array_of(found, self.symbols[name].shape))
        return made

    def __str__(self) -> str:
        parts = [*self.forward.items(), *((f"d{self.loss_name}/d{name}", g) for name, g in self.gradients.items())]
        return "\n".join(f"{name} = {sp.sstr(value.tolist() if hasattr(value, 'tolist') else value)}" for name, value in parts)

    def __repr__(self) -> str:
        return f"<Explicit {self.loss_name} at {', '.join(f'{k}={v}' for k, v in self.sizes.items()) or 'its sizes'}>"

    def latex(self) -> str:
        """Forward and gradient matrices as one aligned block, entry by entry, as SymPy prints them."""
        from ..tex.write import add_subscript
        names = {}
        for name, entries in self.symbols.items():
            for symbol in entries.flat:
                indices = symbol.name.removeprefix(name)[2:-1]
                names[symbol] = add_subscript(tex_name(name), indices) if indices else tex_name(name)

        def tex(value: sp.Expr) -> str:
            return sp.latex(value, mat_str="bmatrix", mat_delim="", symbol_names=names)

        loss = tex_name(self.loss_name)
        lines = [f"{tex_name(name)} &= {tex(value)}" for name, value in self.forward.items()]
        lines += [rf"\frac{{\partial {loss}}}{{\partial {tex_name(name)}}} &= {tex(value)}"
                  for name, value in self.gradients.items()]
        return "\\begin{aligned}\n" + " \\\\\n".join(lines) + "\n\\end{aligned}"

    def _repr_latex_(self) -> str:
        return f"$${self.latex()}$$"


def small_sizes(program: Program, given: Mapping[str, int] | None = None) -> Sizes:
    """`given`, and 2, 3, 4, … for the sizes that it leaves open. Raises `SymbackpropError` for a name that is no size."""
    names, given = size_names(program), dict(given or {})
    for name, value in given.items():
        if name not in names:
            raise SymbackpropError(f"there is no size {name}", hint=nearest_or_all(name, names) or "every size is a number here")
        if isinstance(value, bool) or not isinstance(value, int) or value < 1:
            raise SymbackpropError(f"the size {name} is a positive integer, not {value!r}")
    free = [name for name in names if name not in given]
    return given | {name: SMALL[k % len(SMALL)] for k, name in enumerate(free)}


def symbols_of(name: str, shape: tuple[int, ...]) -> Entries:
    """`W1_{12}` for each entry; indices of two digits are kept apart by commas."""
    mark = "," if max(shape, default=0) > 9 else ""
    made = [sp.Symbol(f"{name}_{{{mark.join(str(i + 1) for i in at)}}}" if shape else name, real=True)
            for at in product(*map(range, shape))]
    return array_of(made, shape)


def array_of(values: list, shape: tuple[int, ...]) -> Entries:
    made = np.empty(len(values), dtype=object)
    made[:] = values
    return made.reshape(shape)


def as_matrix(entries: Entries) -> sp.Matrix | sp.Expr | sp.NDimArray:
    """A column, a matrix, the scalar itself, or an array of more axes."""
    if not entries.ndim:
        return entries.item()
    if entries.ndim > 2:
        return sp.ImmutableDenseNDimArray(list(entries.flat), entries.shape)
    return sp.Matrix(entries.reshape(entries.shape[0], -1).tolist())


def entries_of(root: Expr, values: Mapping[str, Entries], sizes: Sizes) -> Entries:
    """The entries of a node by the definitions of its functions. Raises `UnsupportedError` for one without entries."""
    made: dict[Expr, Entries] = {}
    for node in walk(root):
        made[node] = entries_at(node, made, values, sizes)
    return made[root]


def entries_at(node: Expr, made: dict[Expr, Entries], values: Mapping[str, Entries], sizes: Sizes) -> Entries:
    match node:
        case Var():
            return values[node.name]
        case Const():
            return array_of([at_sizes(node.value, tuple(sizes.items()))], ())
        case Ones():
            return array_of([sp.S.One] * prod(dims := concrete(node.shape, sizes)), dims)
        case Delta():
            return relation(node, sizes)
        case Add():
            return np.asarray(sum((made[t] for t in node.terms[1:]), made[node.terms[0]]), dtype=object)
        case Map():
            f, args = node.function, [made[arg] for arg in node.args]
            value = unnamed(f.name, len(f.derivative)) if f.opaque else body_of(f)
            return array_of([value(*at) for at in zip(*(arg.flat for arg in args))], args[0].shape)
        case Contract():
            inputs = ",".join("".join(LETTERS[i] for i in labels) for labels in node.inputs)
            output = "".join(LETTERS[i] for i in node.output)
            return np.asarray(np.einsum(f"{inputs}->{output}", *(made[o] for o in node.operands)), dtype=object)
        case Apply() if node.op in DEFINITIONS:
            return DEFINITIONS[node.op](*(made[arg] for arg in node.args), *node.params)
    raise UnsupportedError(f"{getattr(node, 'op', type(node).__name__)} has no definition entry by entry")


def relation(node: Delta, sizes: Sizes) -> Entries:
    """1 where the relation of a delta holds, else 0, entry by entry."""
    dims, at_size = concrete(node.shape, sizes), tuple(sizes.items())
    values = [at_sizes(node.offset + sum(c * i for c, i in zip(node.coefficients, at)), at_size) for at in product(*map(range, dims))]
    return array_of([sp.Integer(bool(v >= 0 if node.bound else v == 0)) for v in values], dims)


def unnamed(name: str, order: int) -> Callable[[sp.Expr], sp.Expr]:
    """An unnamed activation, or its derivative, as a SymPy function."""
    t = sp.Dummy(real=True)
    return sp.Lambda(t, sp.diff(sp.Function(name, real=True)(t), t, order))


def sliced(function: Callable[[list], list]) -> Callable[[Entries, int], Entries]:
    """A definition of a list of entries, for each list along an axis."""
    def apply(z: Entries, axis: int) -> Entries:
        rows = np.moveaxis(z, axis, -1)
        made = [value for at in np.ndindex(rows.shape[:-1]) for value in function(list(rows[at]))]
        return np.moveaxis(array_of(made, rows.shape), -1, axis)
    return apply


def reduced(function: Callable[[list], sp.Expr]) -> Callable[[Entries, int], Entries]:
    """A definition of one number for each list along an axis."""
    def apply(z: Entries, axis: int) -> Entries:
        rows = np.moveaxis(z, axis, -1)
        at = list(np.ndindex(rows.shape[:-1]))
        return array_of([function(list(rows[i])) for i in at], rows.shape[:-1])
    return apply


def total_exp(z: list) -> sp.Expr:
    return sp.Add(*[sp.exp(v) for v in z])


def of_matrix(function: Callable[[sp.Matrix], object]) -> Callable[[Entries], Entries]:
    def apply(a: Entries) -> Entries:
        found = function(sp.Matrix(a.tolist()))
        return np.array(found.tolist(), dtype=object) if isinstance(found, sp.MatrixBase) else array_of([found], ())
    return apply


def determinant(a: sp.Matrix) -> sp.Expr:
    return a.det(method="berkowitz")


DEFINITIONS: dict[str, Callable[..., Entries]] = {
    "softmax": sliced(lambda z: [sp.exp(v) / total_exp(z) for v in z]),
    "log_softmax": sliced(lambda z: [v - sp.log(total_exp(z)) for v in z]),
    "logsumexp": reduced(lambda z: sp.log(total_exp(z))),
    "max": reduced(lambda z: sp.Max(*z)),
    "prod": reduced(lambda z: sp.Mul(*z)),
    "pad": lambda x, axis, before, after, mode: np.pad(x, [(before, after) if k == axis else (0, 0) for k in range(x.ndim)], mode),
    "norm": lambda x: array_of([sp.sqrt(sp.Add(*[v**2 for v in x.flat]))], ()),
    "unit": lambda entry, entries: array_of([sp.Integer(i == entry - 1) for i in range(entries)], (entries,)),
    "inv": of_matrix(lambda a: a.adjugate() / determinant(a)),
    "det": of_matrix(determinant),
    "solve": lambda a, b: of_matrix(lambda m: m.adjugate() / determinant(m))(a) @ b,
    "matrix_power": lambda a, k: np.linalg.matrix_power(a if k > 0 else of_matrix(lambda m: m.adjugate() / determinant(m))(a), abs(k)),
    "tril": np.tril,
    "logdet": of_matrix(lambda a: sp.log(sp.Abs(determinant(a)))),
}
