"""What is known while hand-written code is followed, and the work that may be spent on it."""

from __future__ import annotations

import ast

import sympy as sp

from ..errors import ShapeError
from ..expr import Shape
from ..tex.tensors import Unknown
from .shapes import Stated
from .values import Again

WORK = 60_000


class TooMuch(Exception):
    """Following a text takes more work than is allowed."""


class Meter:
    """The work that may still be spent on a text, over all times that it is followed."""

    def __init__(self) -> None:
        self.left = WORK

    def spend(self) -> None:
        self.left -= 1
        if self.left < 0:
            raise TooMuch


class Known:
    """What is learned of a text from one following to the next: sizes, ranks, and what open values are."""

    def __init__(self, stated: Stated, meter: Meter) -> None:
        self.stated, self.shapes, self.meter = stated, stated.merged(), meter
        self.names: dict[str, str] = {}
        self.closed = False
        self.sizes: dict[sp.Expr, sp.Expr] = {}
        self.ranks: dict[str, int] = {}
        self.kinds: dict[str, str] = {}
        self.called: dict[sp.Expr, str] = {}
        self.counted: dict[sp.Expr, int] = {}
        self.indexed: set[str] = set()
        self.single: tuple[str, int] | None = None  # a name and the axis of it that has size 1

    def own(self, own: str, name: str, scopes: list[ast.AST]) -> None:
        """Give an input that is called `name` in some functions the shape that they state."""
        if own not in self.names:
            self.names[own] = name
            shape = self.stated.shape(name, scopes)
            self.shapes.pop(own, None)
            if shape is not None:
                self.shapes[own] = shape

    def plain(self, own: str) -> str:
        """What an input is called where it is used."""
        return self.names.get(own, own)

    def put(self, shape: Shape) -> Shape:
        return tuple(d.xreplace(self.sizes) for d in shape)

    def bind(self, unknown: sp.Expr, dim: sp.Expr) -> None:
        """A size that was open is another."""
        dim = dim.xreplace(self.sizes)
        if unknown in dim.free_symbols:
            unknown, dim = solved(unknown, dim)
        self.sizes = {k: v.xreplace({unknown: dim}) for k, v in self.sizes.items()} | {unknown: dim}

    def become(self, name: str, kind: str) -> None:
        """What an open value is; raises `Again` where it was taken for something else, or is `closed` to what is new."""
        before = self.kinds.get(name)
        if self.closed and before != kind:
            raise Again
        self.kinds[name] = kind
        if before not in (None, kind):
            raise Again


def solved(unknown: sp.Expr, dim: sp.Expr) -> tuple[sp.Expr, sp.Expr]:
    """H = n − 3 H as n = 4 H: another open size by what it has to be. Raises `ShapeError` where there is none."""
    for other in sorted(dim.free_symbols - {unknown}, key=str):
        found = sp.solve(dim - unknown, other) if isinstance(other, Unknown) else []
        if len(found) == 1 and found[0].is_integer and found[0].is_positive:
            return other, found[0]
    raise ShapeError(f"{unknown} would be {dim}")
