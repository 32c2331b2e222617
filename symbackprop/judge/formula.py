"""The right side of a claim with the words that an edit may use, and what an edit is: spans of the user's text replaced."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import NamedTuple

import sympy as sp

from ..expr import Shape
from .parts import Part, Span
from .spelling import Python

Replacement = tuple[Span, str]


class Edit(NamedTuple):
    """Spans of a formula and what is put there; `about` completes the row's advice; `extra` is added to the cost."""

    changes: tuple[Replacement, ...]
    about: str = ""
    extra: float = 0.0
    mark: Span | None = None

    def apply(self, text: str) -> str:
        for (a, b), new in sorted(self.changes, reverse=True):
            text = text[:a] + new + text[b:]
        return text


class Word(NamedTuple):
    """A tensor that an edit may put in: its spelling, its name, and the rank of it as written."""

    text: str
    name: str
    rank: int
    is_size: bool = False
    shape: Shape | None = None


class Slope(NamedTuple):
    """The derivative of an activation of the model, as the notation writes it; z and its output as they are spelled."""

    text: str
    before: str
    after: str
    shape: Shape | None = None


@dataclass(frozen=True)
class Formula:
    """The right-hand side of a claim, with the words that edits may use."""

    text: str
    root: Part
    spell: Python
    words: tuple[Word, ...] = ()
    slopes: tuple[Slope, ...] = ()
    factors: tuple[sp.Expr, ...] = ()
    constants: tuple[sp.Expr, ...] = (sp.Integer(2), sp.Rational(1, 2))
    labels: tuple[str, ...] = ()
    rest: tuple[str, ...] = ()
    shape_at: Callable[[Part], Shape | None] = lambda part: None
    fits: bool = False

    def of(self, part: Part) -> str:
        return self.text[slice(*part.span)]


Edits = Callable[[Formula], Iterator[Edit]]


def put(part: Part, text: str, about: str = "", extra: float = 0.0) -> Edit:
    return Edit(((part.span, text),), about, extra)


def of_kind(formula: Formula, *kinds: str) -> Iterator[Part]:
    return (p for p in formula.root.walk() if p.kind in kinds)


def summands(formula: Formula) -> list[Part]:
    """The whole and every summand in it."""
    return [formula.root, *(term for p in of_kind(formula, "sum") for term in p.parts)]


def places(formula: Formula) -> list[Part]:
    """Parts that a factor may be put beside: summands, factors, what a bracket holds; no scripts, no numbers."""
    seen: dict[Span, Part] = {}
    stack = [formula.root]
    while stack:
        part = stack.pop()
        if part.kind not in ("number", "script"):
            seen.setdefault(part.span, part)
        if part.kind not in ("name", "number", "script"):
            stack.extend(reversed(part.parts))
    return list(seen.values())


def plain(shape: Shape) -> Shape:
    """A shape without its sides of 1: rows, columns and vectors of a size are alike."""
    return tuple(d for d in shape if d != 1)


def is_alike(f: Formula, part: Part, shape: Shape | None) -> bool:
    """Whether something of a shape may stand where a part stands, as far as is known."""
    here = f.shape_at(part) if f.fits and shape is not None else None
    return here is None or plain(here) == plain(shape)


def is_square(f: Formula, part: Part) -> bool:
    """Whether a transpose may leave the shape of a part as it is, as far as is known."""
    here = plain(f.shape_at(part) or ()) if f.fits else ()
    return len(here) < 2 or here == here[::-1]
