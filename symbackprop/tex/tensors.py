"""A value read from a formula: a node with its free indices and its orientation, and the products of such values.

The node's leading axes belong to the free indices by name; what follows is a scalar, a column or row (both of rank 1)
or a matrix. Every operation works entry by entry over the free indices, so an entrywise formula and a matrix formula
are built by the same code, and sums over an index are plain contractions.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import sympy as sp

from ..algebra import broadcast, contract, power, scale, total, transpose as reversed_axes
from ..cells import filled
from ..errors import ShapeError, UnsupportedError
from ..expr import Apply, Const, Contract, Delta, Expr, Function, Map, Ones, Shape, Var, is_identity, rebuild, walk


class Unknown(sp.Symbol):
    """A size that the text leaves open; the first size it meets is what it stands for."""


class Met(Exception):
    """Two sizes that must be equal, one of them open: the reader puts the one in for the other and reads again."""

    def __init__(self, unknown: Unknown, size: sp.Expr) -> None:
        super().__init__(unknown, size)
        self.unknown, self.size = unknown, size


def resized(node: Expr, sizes: dict[sp.Expr, sp.Expr]) -> Expr:
    """The node with open sizes put in."""
    made: dict[Expr, Expr] = {}
    put = lambda shape: tuple(d.xreplace(sizes) for d in shape)
    for part in walk(node):
        match part:
            case Var():
                made[part] = Var(part.name, put(part.shape))
            case Const():
                made[part] = Const(part.value.xreplace(sizes))
            case Ones():
                made[part] = Ones(put(part.shape))
            case Delta():
                made[part] = Delta.where(put(part.shape), put(part.coefficients), part.offset.xreplace(sizes), part.bound)
            case Apply():
                made[part] = Apply(part.op, tuple(made[c] for c in part.args), part.params, put(part.shape))
            case _:
                made[part] = rebuild(part, tuple(made[c] for c in part.children))
    return made[node]


def same(a: sp.Expr, b: sp.Expr) -> bool:
    """Whether two sizes are equal; raises `Met` where one of them is still open."""
    if a == b:
        return True
    if isinstance(a, Unknown):
        raise Met(a, b)
    if isinstance(b, Unknown):
        raise Met(b, a)
    if a.is_Add and b.is_Add:
        rest = sp.expand(a - b)
        for unknown, size in ((u, sp.expand(u - rest / rest.coeff(u))) for u in sorted(rest.free_symbols, key=str) if isinstance(u, Unknown)):
            if rest.coeff(unknown) in (1, -1) and size.is_positive:
                raise Met(unknown, size)
    if not (a.is_Mul or b.is_Mul):
        return False
    top, bottom = sp.cancel(a / b).as_numer_denom()
    for unknown, size in ((top, bottom), (bottom, top)):
        if isinstance(unknown, Unknown) and unknown not in size.free_symbols:
            raise Met(unknown, size)
    return False


@dataclass(frozen=True, slots=True)
class Term:
    """`node` over the free indices `axes`, then its own shape. `row`: a vector that lies down.

    `ratio` marks a derivative ∂top/∂bottom by its two names and the rank of its bottom, so that a chain of them can be
    contracted.
    """

    node: Expr
    axes: tuple[str, ...] = ()
    row: bool = False
    ratio: tuple[str, str, int] | None = None

    @property
    def tail(self) -> Shape:
        return self.node.shape[len(self.axes):]

    @property
    def rank(self) -> int:
        return len(self.node.shape) - len(self.axes)

    @property
    def kind(self) -> str:
        """s, c, r or m: scalar, column, row, matrix; t for more axes than those."""
        return "scmt"[min(self.rank, 3)] if not self.row else "r"

    @property
    def is_number(self) -> bool:
        return type(self.node) is Const

    def dims(self) -> dict[str, sp.Expr]:
        return dict(zip(self.axes, self.node.shape))

    def show(self) -> str:
        """`4×1`, `1×4`, `4×3`, `a scalar`; a size that is still open is `?`."""
        said = ["?" if any(isinstance(s, Unknown) for s in d.free_symbols) else str(d) for d in self.tail]
        if self.rank == 1:
            said = ["1", *said] if self.row else [*said, "1"]
        return "×".join(said) or "a scalar"


def number(value: sp.Expr | int) -> Term:
    return Term(Const(sp.Integer(value) if isinstance(value, int) else value))


def joined(terms: Sequence[Term]) -> tuple[tuple[str, ...], dict[str, int]]:
    """All free indices in order of appearance, and a label for each."""
    axes = tuple(dict.fromkeys(i for t in terms for i in t.axes))
    for name in axes:
        dims = [t.dims()[name] for t in terms if name in t.axes]
        for dim in dims[1:]:
            if not same(dims[0], dim):
                raise ShapeError(f"the index {name} runs over {dims[0]} and over {dim}")
    return axes, {name: 1000 + k for k, name in enumerate(axes)}


def product(terms: Sequence[Term], tails: Sequence[tuple[int, ...]], out: tuple[int, ...], row: bool = False) -> Term:
    """The contraction of the terms' own axes by labels, entry by entry over the free indices."""
    axes, label = joined(terms)
    sizes: dict[int, sp.Expr] = {}
    for term, tail in zip(terms, tails):
        for at, dim in zip(tail, term.tail):
            if not same(sizes.setdefault(at, dim), dim):
                raise ShapeError(f"an index runs over {sizes[at]} and over {dim}")
    inputs = [tuple(label[i] for i in t.axes) + tuple(tail) for t, tail in zip(terms, tails)]
    node = contract([t.node for t in terms], inputs, tuple(label[i] for i in axes) + out)
    return Term(node, axes, row and len(out) == 1)


def multiply(a: Term, b: Term) -> Term:
    """The matrix product, or a scalar times anything. Raises `ShapeError`."""
    if a.kind == "s" or b.kind == "s":
        wide = b if a.kind == "s" else a
        labels = tuple(range(wide.rank))
        return product((a, b), (labels[:a.rank], labels[:b.rank]), labels, wide.row)
    forms = {"mm": ((0, 1), (1, 2), (0, 2)), "mc": ((0, 1), (1,), (0,)), "rm": ((0,), (0, 1), (1,)),
             "rc": ((0,), (0,), ()), "cr": ((0,), (1,), (0, 1))}
    found = forms.get(a.kind + b.kind)
    if found is None or not fits(a, b, found):
        raise ShapeError("the product cannot be formed")
    return product((a, b), found[:2], found[2], a.kind == "r")


def fits(a: Term, b: Term, form: tuple[tuple[int, ...], ...]) -> bool:
    sizes = dict(zip(form[0], a.tail))
    return all(same(sizes[at], dim) for at, dim in zip(form[1], b.tail) if at in sizes)


def dot(a: Term, b: Term) -> Term:
    """The inner product of two columns."""
    if a.rank != 1 or b.rank != 1 or not same(a.tail[0], b.tail[0]):
        raise ShapeError("the inner product cannot be formed")
    return product((a, b), ((0,), (0,)), ())


def outer(a: Term, b: Term) -> Term:
    return product((a, b), ((0,), (1,)), (0, 1))


def is_same_form(a: Term, b: Term) -> bool:
    return a.rank == b.rank and a.row == b.row and all(same(x, y) for x, y in zip(a.tail, b.tail))


def hadamard(a: Term, b: Term) -> Term:
    """The entrywise product of two values of one form; a scalar multiplies everything."""
    if a.kind == "s" or b.kind == "s":
        return multiply(a, b)
    if not is_same_form(a, b):
        raise ShapeError("the entrywise product needs two equal shapes")
    labels = tuple(range(a.rank))
    return product((a, b), (labels, labels), labels, a.row)


def spread(term: Term, axes: tuple[str, ...], dims: dict[str, sp.Expr]) -> Expr:
    """The term's node with these free indices, repeated along those it lacks."""
    label = {name: 1000 + k for k, name in enumerate(axes)}
    tail = tuple(range(term.rank))
    missing = tuple(i for i in axes if i not in term.axes)
    own = tuple(label[i] for i in term.axes) + tail
    out = tuple(label[i] for i in axes) + tail
    if not missing:
        return contract((term.node,), (own,), out) if own != out else term.node
    ones = Ones(tuple(dims[i] for i in missing))
    return contract((term.node, ones), (own, tuple(label[i] for i in missing)), out)


def aligned(terms: Sequence[Term]) -> tuple[tuple[str, ...], list[Expr]]:
    """The nodes of the terms over one common set of free indices."""
    axes, _ = joined(terms)
    dims = {name: dim for t in reversed(terms) for name, dim in t.dims().items()}
    return axes, [spread(t, axes, dims) for t in terms]


def like(value: Term, target: Term) -> Term:
    """A number as a tensor of another value's form."""
    return Term(filled(value.node.value, target.tail), (), target.row)


def apply(function: Function, *args: Term) -> Term:
    """An elementwise function of values of one form; numbers are spread over the others."""
    target = next((a for a in args if not a.is_number and a.rank), args[0])
    args = tuple(like(a, target) if a.is_number and target.rank else a for a in args)
    for a in args[1:]:
        if not is_same_form(args[0], a):
            raise ShapeError(f"{function.name} of {args[0].show()} and {a.show()}")
    axes, nodes = aligned(args)
    return Term(Map(function, tuple(nodes)), axes, target.row)


def entrywise(change: Callable[[Expr], Expr], term: Term) -> Term:
    """A change of the node that keeps its shape."""
    return Term(change(term.node), term.axes, term.row)


def times(factor: sp.Expr | int, term: Term) -> Term:
    return Term(scale(factor, term.node), term.axes, term.row, term.ratio if factor == 1 else None)


def raised(term: Term, exponent: sp.Expr) -> Term:
    return entrywise(lambda node: power(node, exponent), term)


def turned(term: Term) -> Term:
    """The transpose: a column lies down, a matrix turns, a scalar stays."""
    if term.rank == 0:
        return term
    if term.rank == 1:
        return Term(term.node, term.axes, not term.row)
    if term.rank > 2:
        raise UnsupportedError(f"the transpose of a tensor of {term.rank} axes")
    labels = tuple(range(len(term.node.shape)))
    k = len(term.axes)
    if not k:
        return Term(reversed_axes(term.node))
    return Term(contract((term.node,), (labels,), (*labels[:k], k + 1, k)), term.axes)


def summed(term: Term, index: str, size: sp.Expr | None) -> Term:
    """The sum over a free index; a term without it is counted."""
    if index not in term.axes:
        if size is None:
            raise ShapeError(f"the sum over {index}: nothing in it depends on {index}")
        return multiply(number(size), term)
    at = term.axes.index(index)
    if size is not None and not same(term.node.shape[at], size):
        raise ShapeError(f"the sum over {index} runs to {size}, and the entries to {term.node.shape[at]}")
    return Term(total(term.node, (at,)), term.axes[:at] + term.axes[at + 1:], term.row)


def everything(term: Term) -> Term:
    """The sum over all of the term's own entries."""
    k = len(term.axes)
    return Term(total(term.node, tuple(range(k, k + term.rank))), term.axes)


def along(term: Term, axis: int, row: bool) -> Term:
    """The sum over one own axis."""
    return Term(total(term.node, (len(term.axes) + axis,)), term.axes, row and term.rank == 2)


def indexed(term: Term, at: int, index: str) -> Term:
    """An own axis given to a free index; a second use of the same index reads the diagonal."""
    k = len(term.axes)
    labels = list(range(len(term.node.shape)))
    if index in term.axes:
        first = term.axes.index(index)
        if not same(term.node.shape[first], term.tail[at]):
            raise ShapeError(f"the index {index} runs over {term.node.shape[first]} and over {term.tail[at]}")
        own = tuple(first if i == k + at else i for i in labels)
        out = tuple(i for i in labels if i != k + at)
        return Term(contract((term.node,), (own,), out), term.axes)
    out = (*labels[:k], k + at, *[i for i in labels[k:] if i != k + at])
    node = term.node if out == tuple(labels) else contract((term.node,), (tuple(labels),), out)
    return Term(node, (*term.axes, index))


def gathered(term: Term, order: Sequence[str], sizes: dict[str, sp.Expr]) -> Expr:
    """The node with exactly these free indices as its leading axes, repeated along those it lacks."""
    for name in order:
        if name in term.axes and name in sizes and not same(sizes[name], term.dims()[name]):
            raise ShapeError(f"the index {name} runs over {sizes[name]} and over {term.dims()[name]}")
    return spread(term, tuple(order), {**sizes, **term.dims()})


def spread_number(a: Term, b: Term) -> tuple[Term, Term]:
    if a.is_number and b.rank:
        return like(a, b), b
    return (a, like(b, a)) if b.is_number and a.rank else (a, b)


def chained(a: Term, b: Term) -> Term | None:
    """Two derivatives side by side, one's bottom being the other's top, contracted over it."""
    if a.ratio is None or b.ratio is None:
        return None
    if a.ratio[1] != b.ratio[0]:
        if b.ratio[1] != a.ratio[0]:
            return None
        a, b = b, a
    shared = a.ratio[2]
    if a.tail[a.rank - shared:] != b.tail[:shared]:
        return None
    left = tuple(range(len(a.node.shape)))
    right = tuple(range(len(a.node.shape) - shared, len(a.node.shape) - shared + len(b.node.shape)))
    out = left[:len(left) - shared] + right[shared:]
    node = contract((a.node, b.node), (left, right), out)
    return Term(node, (), False, (a.ratio[0], b.ratio[1], b.ratio[2]))


def is_open(node: Expr) -> bool:
    """Whether a size under a node is still open."""
    sizes = (d for part in walk(node) for d in (*part.shape, *((part.value,) if type(part) is Const else ())))
    return any(isinstance(s, Unknown) for d in sizes for s in d.free_symbols)


def standing(node: Expr, term: Term) -> Expr:
    """A vector with its second side of 1, so that a row and a column differ in shape."""
    k = len(term.axes)
    shape = (*node.shape[:k], *((sp.S.One, node.shape[k]) if term.row else (node.shape[k], sp.S.One)))
    return broadcast(node, shape, (*range(k), k + term.row))


def diagonal_of(node: Expr) -> Expr | None:
    """d where a node is diag(d), else None."""
    if type(node) is not Contract or node.output != tuple(dict.fromkeys(node.output)) or node.rank != 2:
        return None
    deltas = [labels for o, labels in zip(node.operands, node.inputs) if is_identity(o) and set(labels) == set(node.output)]
    if len(deltas) != 1:
        return None
    i, j = node.output
    rest = [(o, tuple(i if k == j else k for k in labels)) for o, labels in zip(node.operands, node.inputs) if labels is not deltas[0]]
    return contract([o for o, _ in rest], [labels for _, labels in rest], (i,)) if rest else None
