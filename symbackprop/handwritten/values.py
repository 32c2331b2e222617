"""The values that hand-written NumPy code holds while it is followed: tensors by reference, and plain Python values.

A tensor is a node in a box, so that `dscores = probs` and a later `dscores[...] -= 1` change one thing, as in NumPy.
"""

from __future__ import annotations

import ast
from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType

from ..algebra import contract
from ..errors import SymbackpropError, UnsupportedError
from ..expr import Expr, Var


class Again(Exception):
    """Something was learned (a size, what a name is): the code is followed once more from its start."""


class Array:
    """A tensor by reference. `initial`: what it was filled with at first, where it counts as an input since.

    A view shares its memory with `base`; after a change in place the views of a tensor are stale.
    """

    __slots__ = ("expr", "base", "views", "stale", "initial")

    def __init__(self, expr: Expr, base: Array | None = None, initial: Expr | None = None) -> None:
        self.expr, self.base, self.initial, self.stale = expr, base, initial, False
        self.views: list[Array] = []
        if base is not None:
            base.views.append(self)

    def change(self, expr: Expr) -> None:
        """A new value in place. Raises `UnsupportedError` for a view of something else."""
        if self.base is not None:
            raise UnsupportedError("a view of another array is changed in place", hint="copy it first: .copy()")
        self.expr = expr
        for view in self.views:
            view.stale = True

    def value(self) -> Expr:
        if self.stale:
            raise UnsupportedError("a view is read after its array was changed in place", hint="copy it first: .copy()")
        return self.expr


@dataclass(eq=False)
class Free:
    """A value that the text leaves open: a parameter of a function. Its use decides what it is."""

    name: str
    default: object = None
    array: object = None
    items: dict | None = None


@dataclass(frozen=True)
class Labels:
    """Integer class labels, read as the rows of a one-hot matrix once the number of classes is known."""

    name: str


@dataclass(frozen=True)
class Rows:
    """`range(n)` or `np.arange(n)` over a size: all rows."""

    size: object


@dataclass(frozen=True)
class Picked:
    """`P[range(N), y]`: one entry of every row, kept apart so that log and minus go inside."""

    table: Expr
    one_hot: Expr

    def expr(self) -> Expr:
        labels = tuple(range(self.table.rank))
        return contract((self.table, self.one_hot), (labels, labels), labels[:-1])


@dataclass(frozen=True)
class Closure:
    """A function of the text with the names it sees."""

    node: ast.FunctionDef | ast.Lambda
    frame: Frame
    owner: str = ""

    @property
    def name(self) -> str:
        return getattr(self.node, "name", "lambda")


@dataclass(eq=False)
class Class:
    name: str
    methods: dict[str, Closure]
    attributes: dict[str, object]


@dataclass(eq=False)
class Instance:
    cls: Class
    attributes: dict[str, object] = field(default_factory=dict)


@dataclass(frozen=True)
class Bound:
    """A method with the value it belongs to."""

    owner: object
    name: str
    closure: Closure | None = None


@dataclass(frozen=True)
class Module:
    name: str


@dataclass(frozen=True)
class Builtin:
    name: str


@dataclass(frozen=True)
class Unread:
    """The value of something that could not be followed, and why."""

    error: SymbackpropError


@dataclass(eq=False)
class Frame:
    """The names of one call; `parent` is the text's own scope."""

    names: dict[str, object]
    parent: Frame | None = None
    title: str = ""
    shared: set[str] = field(default_factory=set)

    def find(self, name: str) -> object:
        frame: Frame | None = self
        while frame is not None:
            if name in frame.names:
                return frame.names[name]
            frame = frame.parent
        return None

    def holds(self, name: str) -> bool:
        return name in self.names or self.parent is not None and self.parent.holds(name)

    def put(self, name: str, value: object) -> None:
        frame = self
        while name in frame.shared and frame.parent is not None:
            frame = frame.parent
        frame.names[name] = value


def frozen(value: object, seen: dict[int, object], instead: Mapping[Expr, Expr] = MappingProxyType({})) -> object:
    """A copy of a value that later changes do not reach, other nodes put in; what is shared stays shared."""
    if id(value) in seen:
        return seen[id(value)]
    match value:
        case Array():
            made = seen[id(value)] = Array(instead.get(value.expr, value.expr), None, value.initial)
            made.stale = value.stale
            return made
        case dict():
            made = seen[id(value)] = {}
            made.update((k, frozen(v, seen, instead)) for k, v in value.items())
            return made
        case list():
            made = seen[id(value)] = []
            made.extend(frozen(v, seen, instead) for v in value)
            return made
        case tuple():
            return tuple(frozen(v, seen, instead) for v in value)
        case Instance():
            made = seen[id(value)] = Instance(value.cls)
            made.attributes = {k: frozen(v, seen, instead) for k, v in value.attributes.items()}
            return made
        case Frame() if value.parent is not None:
            made = seen[id(value)] = Frame({}, value.parent, value.title, value.shared)
            made.names = {k: frozen(v, seen, instead) for k, v in value.names.items()}
            return made
        case Frame():
            return Frame({k: frozen(v, seen, instead) for k, v in value.names.items()}, None, value.title, value.shared)
        case Expr():
            return instead.get(value, value)
    return value


def is_tensor(value: object) -> bool:
    return isinstance(value, (Array, Expr, Picked))


def name_of(value: object) -> str | None:
    """The name of a tensor that is a name."""
    expr = value.expr if isinstance(value, Array) else value
    return expr.name if type(expr) is Var else None
