"""The constructors that simplify: what they return is what a derivation shows.

Sums and everything made of products, on top of `products`; only like terms of a sum are merged.
"""

from __future__ import annotations

from collections.abc import Iterable

import sympy as sp

from .expr import HADAMARD, Add, Const, Contract, Expr, Ones, Shape
from .products import LABELS, ONE, ZERO, const, contract, is_plain, is_power, is_zero, power, zero
from .sameness import is_same_product

__all__ = ["LABELS", "ONE", "ZERO", "add", "broadcast", "const", "contract", "hadamard", "is_power", "is_zero", "negative", "power",
           "reciprocal", "scale", "split_number", "total", "transpose", "zero"]


def split_number(node: Expr) -> tuple[sp.Expr, Expr]:
    """A node as (number, rest)."""
    if type(node) is Const:
        return node.value, ONE
    if type(node) is Contract and type(node.operands[0]) is Const:
        rest, inputs = node.operands[1:], node.inputs[1:]
        if len(rest) == 1 and inputs[0] == node.output:
            return node.operands[0].value, rest[0]
        return node.operands[0].value, Contract(rest, inputs, node.output)
    return sp.S.One, node


def are_unlike(terms: list[Expr]) -> bool:
    """Whether no two terms can be merged and none vanishes, as far as a glance tells."""
    products = 0
    for term in terms:
        if type(term) is Add or not is_plain(term):
            return False
        products += type(term) is Contract
    return products < 2 and len(set(terms)) == len(terms)


def add(terms: Iterable[Expr]) -> Expr:
    """The sum of `terms` (at least one, of one shape), like terms merged, zeros dropped, order kept."""
    terms = list(terms)
    if len(terms) == 1:
        return terms[0]
    if are_unlike(terms):
        return Add(tuple(terms))
    if all(term is terms[0] for term in terms):
        return scale(len(terms), terms[0])
    flat: list[Expr] = []
    for term in terms:
        flat.extend(term.terms if type(term) is Add else (term,))
    merged: list[tuple[sp.Expr, Expr]] = []
    for term in flat:
        number, core = split_number(term)
        for k, (known, other) in enumerate(merged):
            if other is core or is_same_product(other, core):
                merged[k] = (known + number, other)
                break
        else:
            merged.append((number, core))
    kept = [scale(number, core) for number, core in merged if number != 0]
    if not kept:
        return zero(flat[0].shape)
    kept = [term for term in kept if not is_zero(term)] or kept[:1]
    return kept[0] if len(kept) == 1 else Add(tuple(kept))


def scale(number: sp.Expr | int, node: Expr) -> Expr:
    """number · node."""
    if number == 1:
        return node
    labels = LABELS[len(node.shape)]
    if is_plain(node) and number != 0:
        return Contract((const(number), node), ((), labels), labels)
    return contract((const(number), node), ((), labels), labels)


def negative(node: Expr) -> Expr:
    return scale(-1, node)


def hadamard(*factors: Expr) -> Expr:
    """The entrywise product of factors of one shape; scalars multiply everything."""
    flat: list[Expr] = []
    for factor in factors:
        if type(factor) is Contract and factor.ornate == HADAMARD:
            flat += factor.operands
        elif is_plain(factor) and factor.shape:
            flat.append(factor)
        else:
            break
    else:
        labels = LABELS[len(flat[0].shape)]
        return Contract(tuple(flat), (labels,) * len(flat), labels)
    labels = LABELS[max(len(f.shape) for f in factors)]
    return contract(factors, tuple([labels if f.shape else () for f in factors]), labels)


def transpose(node: Expr) -> Expr:
    """The axes of `node` in reverse order."""
    labels = LABELS[len(node.shape)]
    return contract((node,), (labels,), labels[::-1])


def total(node: Expr, axes: tuple[int, ...] | None = None) -> Expr:
    """The sum over `axes` (all of them by default)."""
    labels = LABELS[len(node.shape)]
    gone = labels if axes is None else axes
    return contract((node,), (labels,), tuple(i for i in labels if i not in gone))


def broadcast(node: Expr, shape: Shape, axes: tuple[int, ...]) -> Expr:
    """`node` repeated to `shape`, its own axes standing at `axes` of the result: a product with ones."""
    new = tuple(i for i in range(len(shape)) if i not in axes)
    if not new:
        return node
    ones = Ones(tuple(shape[i] for i in new))
    order = ((node, axes), (ones, new)) if not axes or new[0] > axes[0] else ((ones, new), (node, axes))
    return contract([o for o, _ in order], [labels for _, labels in order], tuple(range(len(shape))))


def reciprocal(node: Expr) -> Expr:
    return power(node, -1)
