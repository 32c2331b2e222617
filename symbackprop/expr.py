"""The eight kinds of node that every formula is made of: Var Const Ones Delta Contract Add Map Apply.

Nodes are frozen and interned by content, so equal content is the same object: `==` is `is`, hashing is free and
every memo is a plain dict. Shapes are tuples of SymPy integers and positive integer symbols, checked on construction.
Constructing a class stores what it is given; the lower-case functions of `simplify` also simplify.
"""

from __future__ import annotations

from functools import lru_cache, partial
from typing import NamedTuple
from weakref import ref

import sympy as sp

from .errors import ShapeError

Shape = tuple[sp.Expr, ...]
Labels = tuple[int, ...]

_POOL: dict[tuple, ref] = {}
_set = object.__setattr__
_nothing = type(None)  # what a missing entry of the pool refers to: called, it is None


def clear_pool() -> None:
    """Forget every interned node (for benchmarks; nodes made before and after are then different objects)."""
    _POOL.clear()


def _find(key: tuple) -> Expr | None:
    return _POOL.get(key, _nothing)()


def _keep(key: tuple, node: Expr, shape: Shape, children: tuple[Expr, ...] = ()) -> None:
    _set(node, "shape", shape)
    _set(node, "children", children)
    _POOL[key] = ref(node, partial(_forget, key))


def _forget(key: tuple, dead: ref) -> None:
    if _POOL.get(key) is dead:
        del _POOL[key]


@lru_cache(maxsize=4096)
def size(value: int | str) -> sp.Expr:
    """A size: a positive integer, or a positive integer symbol for a name."""
    return sp.Symbol(value, integer=True, positive=True) if isinstance(value, str) else sp.Integer(value)


def show_shape(shape: Shape) -> str:
    """`4×3` for a matrix, `4` for a vector, `a scalar` for rank 0."""
    return "×".join(str(d) for d in shape) if shape else "a scalar"


class Expr:
    """A tensor-valued node with a `shape` and `children`. Final: the eight classes below are all there are."""

    __slots__ = ("shape", "children", "__weakref__")
    shape: Shape
    children: tuple[Expr, ...]

    def __setattr__(self, name: str, value: object) -> None:
        raise AttributeError(f"{type(self).__name__} is immutable")

    @property
    def rank(self) -> int:
        return len(self.shape)

    def __repr__(self) -> str:
        names = ("children", *type(self).__slots__) if self.children else type(self).__slots__
        return f"{type(self).__name__}({', '.join(repr(getattr(self, s)) for s in names if s != 'ornate')})"


class Var(Expr):
    """A named tensor: an input, the left side of an equation, or the cotangent of one (`bar`)."""

    __slots__ = ("name",)
    name: str

    def __new__(cls, name: str, shape: Shape) -> Var:
        key = (cls, name, shape)
        node = _find(key)
        if node is None:
            node = object.__new__(cls)
            _set(node, "name", name)
            _keep(key, node, shape)
        return node


class Const(Expr):
    """A rank-0 SymPy number, possibly in sizes, such as 1/B."""

    __slots__ = ("value",)
    value: sp.Expr

    def __new__(cls, value: sp.Expr) -> Const:
        key = (cls, value)
        node = _find(key)
        if node is None:
            node = object.__new__(cls)
            _set(node, "value", value)
            _keep(key, node, ())
        return node


class Ones(Expr):
    """The all-ones tensor of a shape."""

    __slots__ = ()

    def __new__(cls, shape: Shape) -> Ones:
        key = (cls, shape)
        node = _find(key)
        if node is None:
            node = object.__new__(cls)
            _keep(key, node, shape)
        return node


class Delta(Expr):
    """1 where an affine relation of indices holds, else 0: where offset + Σ c·i is 0 (≥ 0 if `bound`).

    `Delta(n)` is the identity matrix; a slice is i = s·o + b, a window i = s·o + d·k − p.
    """

    __slots__ = ("coefficients", "offset", "bound")

    def __new__(cls, dim: sp.Expr) -> Delta:
        return cls.where((dim, dim), (sp.S.One, sp.S.NegativeOne))

    @classmethod
    def where(cls, shape: Shape, coefficients: tuple, offset: sp.Expr = sp.S.Zero, bound: bool = False) -> Delta:
        sign = -1 if not bound and coefficients[0].could_extract_minus_sign() else 1
        key = (cls, shape, tuple([sign * c for c in coefficients]), sign * offset, bound)
        node = _find(key)
        if node is None:
            node = object.__new__(cls)
            [_set(node, name, value) for name, value in zip(cls.__slots__, key[2:])]
            _keep(key, node, shape)
        return node


def is_identity(node: Expr) -> bool:
    """Whether a node is the identity matrix, i = j."""
    return type(node) is Delta and node is Delta(node.shape[0])


class Pattern(NamedTuple):
    """What the labels of a contraction say, whatever its operands: worked out once for every pattern.

    `outer`: it is an outer product of vectors. `inputs` and `output` are renumbered by first appearance, so that `ij,jk->ik` and `ab,bc->ac` are one pattern;
    `first` tells at which axis of which operand each label stands first, `again` where it stands again.
    """

    inputs: tuple[Labels, ...]
    output: Labels
    ranks: tuple[int, ...]
    first: tuple[tuple[int, int], ...]
    again: tuple[tuple[int, int, int], ...]
    elementwise: bool
    outer: bool


@lru_cache(maxsize=1 << 14)
def pattern(inputs: tuple[Labels, ...], output: Labels) -> Pattern:
    """The `Pattern` of a contraction's labels."""
    order: dict[int, int] = {}
    first: list[tuple[int, int]] = []
    again: list[tuple[int, int, int]] = []
    for k, labels in enumerate(inputs):
        for axis, label in enumerate(labels):
            at = order.setdefault(label, len(order))
            if at == len(first):
                first.append((k, axis))
            else:
                again.append((at, k, axis))
    renamed = tuple([tuple([order[i] for i in labels]) for labels in inputs])
    kept = tuple([order[i] for i in output])
    outer = len(inputs) > 1 and not again and len(kept) == len(first) and all(len(labels) == 1 for labels in inputs)
    return Pattern(renamed, kept, tuple(map(len, inputs)), tuple(first), tuple(again), is_elementwise(renamed, kept), outer)


def canonical_labels(inputs: tuple[Labels, ...], output: Labels) -> tuple[tuple[Labels, ...], Labels]:
    """Labels renumbered by first appearance."""
    return pattern(inputs, output)[:2]


@lru_cache(maxsize=1 << 14)
def is_elementwise(inputs: tuple[Labels, ...], output: Labels) -> bool:
    """Every operand is a scalar or carries exactly the output's labels: a Hadamard product."""
    return all(labels == output or not labels for labels in inputs)


class Contract(Expr):
    """Sum over the labels that `output` lacks of the product of the operands, each read at its own labels.

    `Contract((W, x), ((0, 1), (1,)), (0,))` is W x. Every output label stands in some operand (an `Ones` where no other
    does). `ornate` says whether a simplification may take it apart when it is an operand of another: never (0),
    or it is a Hadamard product of tensors and nothing else (HADAMARD), or in another way.
    """

    __slots__ = ("inputs", "output", "ornate")
    operands = Expr.children
    inputs: tuple[Labels, ...]
    output: Labels
    ornate: int

    def __new__(cls, operands: tuple[Expr, ...], inputs: tuple[Labels, ...], output: Labels) -> Contract:
        labels = pattern(inputs, output)
        key = (cls, operands, labels.inputs, labels.output)
        node = _find(key)
        if node is not None:
            return node
        shapes = [operand.shape for operand in operands]
        check_sizes(shapes, labels)
        node = object.__new__(cls)
        _set(node, "inputs", labels.inputs)
        _set(node, "output", labels.output)
        _set(node, "ornate", ORNATE if labels.outer else ornament(operands, labels.elementwise))
        first = labels.first
        places = [first[i] for i in labels.output]
        _keep(key, node, tuple([shapes[k][axis] for k, axis in places]), operands)
        return node


def check_sizes(shapes: list[Shape], labels: Pattern) -> None:
    """Raise `ShapeError` unless every operand has an index for each axis, and equal labels run over equal sizes."""
    for shape, rank in zip(shapes, labels.ranks):
        if len(shape) != rank:
            raise ShapeError(f"{rank} indices for a tensor of rank {len(shape)}")
    for at, k, axis in labels.again:
        operand, place = labels.first[at]
        known, dim = shapes[operand][place], shapes[k][axis]
        if known is not dim and known != dim:
            raise ShapeError(f"an index runs over {known} and over {dim}")


HADAMARD, ORNATE = 1, 2


def ornament(operands: tuple[Expr, ...], elementwise: bool) -> int:
    """How a contraction may be taken apart; a reciprocal may cancel, so that it is never a mere factor."""
    kind = HADAMARD if elementwise else 0
    for operand in operands:
        if type(operand) in (Const, Ones) or is_identity(operand):
            return ORNATE
        if not operand.shape or elementwise and (type(operand) is Map and operand.function.name == "pow"):
            kind = ORNATE
    return kind if len(operands) > 1 else ORNATE


def label_sizes(operands: tuple[Expr, ...], inputs: tuple[Labels, ...]) -> dict[int, sp.Expr]:
    """The size that each label runs over; raises `ShapeError` where two operands disagree."""
    dims: dict[int, sp.Expr] = {}
    for operand, labels in zip(operands, inputs):
        shape = operand.shape
        if len(labels) != len(shape):
            raise ShapeError(f"{len(labels)} indices for a tensor of rank {len(shape)}")
        for label, dim in zip(labels, shape):
            known = dims.setdefault(label, dim)
            if known is not dim and known != dim:
                raise ShapeError(f"an index runs over {known} and over {dim}")
    return dims


class Add(Expr):
    """A sum of terms of one shape."""

    __slots__ = ()
    terms = Expr.children

    def __new__(cls, terms: tuple[Expr, ...]) -> Add:
        key = (cls, terms)
        node = _find(key)
        if node is None:
            shape = terms[0].shape
            for term in terms:
                if term.shape != shape:
                    raise ShapeError(f"a sum of {show_shape(shape)} and {show_shape(term.shape)}")
            node = object.__new__(cls)
            _keep(key, node, shape, terms)
        return node


class Function:
    """What a `Map` applies: a row of the scalar table (or a SymPy `Lambda`, or an unnamed f), possibly differentiated.

    `derivative` lists the arguments differentiated by, so `(0,)` is f′. Made by `function`, which interns.
    """

    __slots__ = ("name", "params", "derivative", "body", "opaque")

    def __init__(self, name: str, params: tuple, derivative: tuple[int, ...], body: sp.Lambda | None,
                 opaque: bool) -> None:
        self.name, self.params, self.derivative, self.body, self.opaque = name, params, derivative, body, opaque

    def __repr__(self) -> str:
        return f"{self.name}{list(self.params) or ''}" + "′" * len(self.derivative)

    def differentiated(self, argument: int) -> Function:
        return function(self.name, self.params, (*self.derivative, argument), self.body, self.opaque)


@lru_cache(maxsize=None)
def function(name: str, params: tuple = (), derivative: tuple[int, ...] = (), body: sp.Lambda | None = None,
             opaque: bool = False) -> Function:
    """The one `Function` with this content."""
    return Function(name, params, derivative, body, opaque)


class Map(Expr):
    """An elementwise function of one or more tensors of one shape."""

    __slots__ = ("function",)
    function: Function
    args = Expr.children

    def __new__(cls, function: Function, args: tuple[Expr, ...]) -> Map:
        key = (cls, function, args)
        node = _find(key)
        if node is None:
            shape = args[0].shape
            for arg in args:
                if arg.shape != shape:
                    raise ShapeError(f"{function.name} of {show_shape(shape)} and {show_shape(arg.shape)}")
            node = object.__new__(cls)
            _set(node, "function", function)
            _keep(key, node, shape, args)
        return node


class Apply(Expr):
    """An opaque tensor function: a row of `ops/tensor.py`, with hashable parameters."""

    __slots__ = ("op", "params")
    op: str
    args = Expr.children
    params: tuple

    def __new__(cls, op: str, args: tuple[Expr, ...], params: tuple, shape: Shape) -> Apply:
        key = (cls, op, args, params)
        node = _find(key)
        if node is None:
            node = object.__new__(cls)
            _set(node, "op", op)
            _set(node, "params", params)
            _keep(key, node, shape, args)
        return node


def rebuild(node: Expr, children: tuple[Expr, ...]) -> Expr:
    """`node` with other children, stored as they are; a leaf is returned unchanged."""
    match node:
        case Contract():
            return Contract(children, node.inputs, node.output)
        case Add():
            return Add(children)
        case Map():
            return Map(node.function, children)
        case Apply():
            return Apply(node.op, children, node.params, node.shape)
    return node


def walk(root: Expr) -> list[Expr]:
    """Every node under `root` once, children before parents (so reversed it is a topological order)."""
    near = [node for child in root.children for node in child.children]
    for node in near:
        if node.children:
            break
    else:  # two levels, as in most equations
        if near:
            near = [node for child in root.children for node in (*child.children, child)]
        return [*dict.fromkeys(near or root.children), root]
    seen: set[Expr] = set()
    order: list[Expr] = []
    stack: list[Expr | None] = [root]
    opened: list[Expr] = []
    while stack:
        node = stack.pop()
        if node is None:
            order.append(opened.pop())
        elif node not in seen:
            seen.add(node)
            children = node.children
            if children:
                opened.append(node)
                stack.append(None)
                stack += children[::-1]
            else:
                order.append(node)
    return order


def names_in(root: Expr) -> dict[str, Var]:
    """The variables read under `root`, in order of first reading."""
    return {node.name: node for node in walk(root) if type(node) is Var}
