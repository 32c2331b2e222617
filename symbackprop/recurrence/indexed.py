"""Names and sizes that carry indices: `a[l-1]`, `h[l,t-1]`, `n[L]`; moving an index through a whole expression.

An index is an anchor (the running letter, the letter of the range's end, or nothing) and a whole offset; a name has one for
each loop that it stands in.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from functools import lru_cache
from typing import NamedTuple

import sympy as sp

from ..algebra import add, contract
from ..expr import Add, Apply, Const, Contract, Delta, Expr, Map, Ones, Shape, Var, size, walk

INDEXED = re.compile(r"(?P<base>[^\[\]]+)\[(?P<indices>[^\[\]]+)\]\Z")
ONE = re.compile(r"(?P<anchor>[A-Za-z]\w*)?(?P<offset>[+-]?\d+)?\Z")


class Index(NamedTuple):
    """`l - 1` is ("l", -1); the plain number 0 is ("", 0)."""

    anchor: str
    offset: int = 0

    def __str__(self) -> str:
        if not self.anchor:
            return str(self.offset)
        return f"{self.anchor}{self.offset:+d}" if self.offset else self.anchor

    def __add__(self, steps: int) -> Index:
        return Index(self.anchor, self.offset + steps)


Indices = tuple[Index, ...]


def named(base: str, indices: Indices | Index) -> str:
    """`a[l-1]`, `h[l,t]`, or the base alone where there is no index."""
    if isinstance(indices, Index):
        return f"{base}[{indices}]"
    return f"{base}[{','.join(map(str, indices))}]" if indices else base


@lru_cache(maxsize=1 << 14)
def parts(name: str) -> tuple[str, Indices]:
    """The base and the indices of a name; a name without an index is its own base."""
    found = INDEXED.match(name)
    each = [ONE.match(part) for part in found["indices"].split(",")] if found else [None]
    if None in each:
        return name, ()
    return found["base"], tuple([Index(one["anchor"] or "", int(one["offset"] or 0)) for one in each])


def flat(name: str) -> tuple[str, Index | None]:
    """As `parts`, where no loop stands in another: the base and the one index, or None."""
    base, indices = parts(name)
    return base, indices[0] if indices else None


def moved_name(name: str, letter: str, to: Index) -> str:
    """`name` with the letter replaced: `a[l-1]` at l = L is `a[L-1]`."""
    base, indices = parts(name)
    if all(index.anchor != letter for index in indices):
        return name
    return named(base, tuple([to + index.offset if index.anchor == letter else index for index in indices]))


def moved(node: Expr, letter: str, to: Index) -> Expr:
    """`node` at another index, in its names, its sizes and where the index is a number."""
    number = size(to.anchor) + to.offset if to.anchor else sp.Integer(to.offset)

    def size_at(value: sp.Expr) -> sp.Expr:
        return value.xreplace({s: number if s.name == letter else size(moved_name(s.name, letter, to)) for s in value.free_symbols})

    return mapped(node, lambda name: moved_name(name, letter, to), size_at)


def settled_name(name: str, at: Mapping[str, int]) -> str:
    """`a[l-1]` as the plain name `a_2`, the anchors having numbers."""
    base, indices = parts(name)
    for index in indices:
        number = (at[index.anchor] if index.anchor else 0) + index.offset
        base += f"_{number}" if number >= 0 else f"_m{-number}"
    return base


def settled_size(value: sp.Expr, at: Mapping[str, int]) -> sp.Expr:
    """A size in plain symbols: `n[l]` as `n_3`, `L` as its number."""
    return value.xreplace({s: sp.Integer(at[s.name]) if s.name in at else size(settled_name(s.name, at))
                           for s in value.free_symbols})


def settled(node: Expr, at: Mapping[str, int]) -> Expr:
    """`node` as part of an unrolled program: its anchors have the numbers in `at`."""
    return mapped(node, lambda name: settled_name(name, at), lambda value: settled_size(value, at))


def mapped(node: Expr, name: Callable[[str], str], dim: Callable[[sp.Expr], sp.Expr]) -> Expr:
    """`node` with other names and sizes, simplified again on the way."""
    made: dict[Expr, Expr] = {}

    def shape(of: Expr) -> Shape:
        return tuple([d if d.is_Integer else dim(d) for d in of.shape])

    for part in walk(node):
        children = tuple([made[c] for c in part.children])
        match part:
            case Var():
                made[part] = Var(name(part.name), shape(part))
            case Const():
                made[part] = Const(dim(part.value))
            case Ones():
                made[part] = Ones(shape(part))
            case Delta():
                made[part] = Delta(shape(part)[0])
            case Contract():
                made[part] = contract(children, part.inputs, part.output)
            case Add():
                made[part] = add(children)
            case Map():
                made[part] = Map(part.function, children)
            case Apply():
                made[part] = Apply(part.op, children, part.params, shape(part))
    return made[node]
