"""The constructors that simplify: what they return is what a derivation shows.

`contract` brings a contraction into the form that is kept: rows of `CONTRACTION_RULES`, applied in order. Each row is
one law of sums of products with its name and reason, and a derivation's steps replay the same rows one at a time.
Operand order is kept throughout; only like terms of a sum are merged.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import NamedTuple

import sympy as sp

from .cancellation import CANCELLING, cancel_once
from .expr import (HADAMARD, Add, Apply, Const, Contract, Delta, Expr, Labels, Map, Ones, Shape, Var,
                   function, is_elementwise, is_identity, label_sizes, pattern)
from .limits import number_power
from .sameness import is_same_product

ONE = Const(sp.Integer(1))
ZERO = Const(sp.Integer(0))
LABELS = tuple(tuple(range(rank)) for rank in range(65))


def const(value: sp.Expr | int) -> Const:
    """A rank-0 number."""
    return Const(sp.Integer(value) if isinstance(value, int) else value)


def zero(shape: Shape) -> Expr:
    """The zero tensor of a shape."""
    if not shape:
        return ZERO
    labels = tuple(range(len(shape)))
    return Contract((ZERO, Ones(shape)), ((), labels), labels)


def is_zero(node: Expr) -> bool:
    return node is ZERO or (type(node) is Contract and node.operands[0] is ZERO)


class Product:
    """A contraction being simplified: a number and parallel lists of operands and their labels."""

    __slots__ = ("coefficient", "operands", "labels", "output", "dims")

    def __init__(self, operands: Sequence[Expr], inputs: Sequence[Labels], output: Labels) -> None:
        self.coefficient: sp.Expr = sp.S.One
        self.operands, self.labels, self.output = list(operands), list(inputs), output
        self.dims = label_sizes(tuple(operands), tuple(inputs))

    def occurrences(self, label: int) -> int:
        return sum(label in labels for labels in self.labels)

    def rename(self, old: int, new: int) -> None:
        self.labels = [tuple(new if i == old else i for i in labels) for labels in self.labels]

    def snapshot(self) -> Contract:
        """The contraction as it stands, stored without further simplification."""
        operands, labels = list(self.operands), list(self.labels)
        if self.coefficient != 1 or not operands:
            operands.insert(0, Const(self.coefficient))
            labels.insert(0, ())
        return Contract(tuple(operands), tuple(labels), self.output)


def numbers_multiply(work: Product) -> bool:
    keep = [k for k, operand in enumerate(work.operands) if type(operand) is not Const]
    if len(keep) == len(work.operands):
        return False
    for operand in work.operands:
        if type(operand) is Const:
            work.coefficient = work.coefficient * operand.value
    work.operands = [work.operands[k] for k in keep]
    work.labels = [work.labels[k] for k in keep]
    return True


def factors_open(work: Product) -> bool:
    """Take apart operands that are themselves products where that shortens or joins something."""
    changed, again = False, True
    while again:
        again = False
        joins = is_elementwise(tuple(work.labels), work.output) or len(work.operands) == 1
        for k, operand in enumerate(work.operands):
            if type(operand) is Contract and operand.ornate and (
                    opens(operand, joins, len(work.operands) == 1) or is_summed_outer(work, k, operand)):
                splice(work, k, operand)
                changed = again = True
                break
    return changed


def opens(inner: Contract, joins: bool, alone: bool) -> bool:
    """Whether an inner contraction is taken apart inside an outer one."""
    if any(type(o) in (Const, Ones) or is_identity(o) for o in inner.operands):
        return True
    if len(inner.operands) == 1:
        is_permutation = len(inner.inputs[0]) == len(inner.output) and len(set(inner.output)) == len(inner.output)
        return is_permutation or alone
    return is_elementwise(inner.inputs, inner.output) and (joins or not inner.output)


def is_summed_outer(work: Product, k: int, inner: Contract) -> bool:
    """Whether an outer product is summed over one of its indices, beside other factors: (u vᵀ) w is u (vᵀ w)."""
    return len(work.operands) > 1 and pattern(inner.inputs, inner.output).outer and any(
        i not in work.output for i in work.labels[k])


def splice(work: Product, k: int, inner: Contract) -> None:
    """Replace operand `k` by the operands of `inner`, its summed labels renamed apart."""
    outer = dict(zip(inner.output, work.labels[k]))
    fresh = max((i for labels in work.labels for i in labels), default=-1)
    fresh = max(fresh, max(work.output, default=-1)) + 1
    labels: list[Labels] = []
    for operand, inputs in zip(inner.operands, inner.inputs):
        for i, dim in zip(inputs, operand.shape):
            if i not in outer:
                outer[i], fresh = fresh, fresh + 1
            work.dims[outer[i]] = dim
        labels.append(tuple(outer[i] for i in inputs))
    work.operands[k:k + 1] = inner.operands
    work.labels[k:k + 1] = labels


def delta_collapses(work: Product) -> bool:
    changed, k = False, 0
    while k < len(work.operands):
        if is_identity(work.operands[k]):
            i, j = work.labels[k]
            summed = j if j not in work.output else i
            if i == j or summed not in work.output:
                if i == j:
                    work.operands[k], work.labels[k] = Ones((work.dims[i],)), (i,)
                else:
                    del work.operands[k], work.labels[k]
                    kept = i if summed == j else j
                    lone = work.occurrences(kept) + work.occurrences(summed) == 0
                    work.rename(summed, kept)
                    if lone:
                        work.operands.insert(k, Ones((work.dims[kept],)))
                        work.labels.insert(k, (kept,))
                changed = True
                continue
        k += 1
    return changed


def ones_drop(work: Product) -> bool:
    changed = False
    for k in reversed(range(len(work.operands))):
        operand = work.operands[k]
        if type(operand) is not Ones:
            continue
        own = work.labels[k]
        del work.operands[k], work.labels[k]
        needed = []
        for label in dict.fromkeys(own):
            if work.occurrences(label):
                continue
            if label in work.output:
                needed.append(label)
            else:
                work.coefficient = work.coefficient * work.dims[label]
        if needed:
            work.operands.insert(k, Ones(tuple([work.dims[i] for i in needed])))
            work.labels.insert(k, tuple(needed))
        changed |= tuple(needed) != own
    return changed


def reciprocals_cancel(work: Product) -> bool:
    """x · x⁻¹ = 1 where both stand at the same indices (the reciprocal already says that x is not 0)."""
    changed = False
    for k, operand in enumerate(work.operands):
        if not is_power(operand) or not operand.function.params[0].is_negative:
            continue
        base, exponent = operand.args[0], operand.function.params[0]
        for j, other in enumerate(work.operands):
            if j == k or work.labels[j] != work.labels[k]:
                continue
            matches = other is base or (is_power(other) and other.args[0] is base)
            if matches:
                total_exponent = exponent + (1 if other is base else other.function.params[0])
                work.operands[j] = power(base, total_exponent)
                work.operands[k] = Ones(operand.shape) if operand.shape else ONE
                return reciprocals_cancel(work) or True
    return changed


def matrices_cancel(work: Product) -> bool:
    changed = False
    while cancel_once(work):
        delta_collapses(work)  # so that what stood on both sides of an identity meets
        changed = True
    return changed


def is_power(node: Expr) -> bool:
    return type(node) is Map and node.function.name == "pow" and not node.function.derivative


class ContractionRule(NamedTuple):
    """A law of sums of products: its name as a reader of a derivation sees it, its reason, and what it does."""

    name: str
    because: str
    apply: Callable[[Product], bool]


def deltas_repeat(work: Product) -> bool:
    """A delta beside itself at the same indices: 1·1 = 1 and 0·0 = 0."""
    changed, seen = False, set()
    for k in reversed(range(len(work.operands))):
        if type(work.operands[k]) is Delta:
            spot = work.operands[k], work.labels[k]
            if spot in seen:
                del work.operands[k], work.labels[k]
                changed = True
            seen.add(spot)
    return changed


CONTRACTION_RULES = (
    ContractionRule("factors join", "a product inside a product is one product", factors_open),
    ContractionRule("a factor and its reciprocal cancel", "x · 1/x = 1 wherever 1/x is defined", reciprocals_cancel),
    ContractionRule("a matrix and its inverse cancel", "X X⁻¹ = I wherever X⁻¹ is defined, exponents of one matrix add, and Q Qᵀ = I",
                    matrices_cancel),
    ContractionRule("the delta collapses", "Σ_k δ_ik v_k = v_i: only k = i survives in the sum", delta_collapses),
    ContractionRule("a delta is its own square", "1 · 1 = 1 and 0 · 0 = 0", deltas_repeat),
    ContractionRule("ones drop out", "a factor 1 changes nothing, and Σ_i 1 counts the entries", ones_drop),
    ContractionRule("numbers multiply", "scalars commute with everything", numbers_multiply),
)


def is_plain(node: Expr) -> bool:
    """Whether no contraction rule can act on `node` as an operand."""
    kind = type(node)
    if kind is Var or kind is Add:
        return True
    if kind is Contract:
        return not node.ornate
    return kind is Apply and node.op not in CANCELLING or kind is Map and node.function.name != "pow"


def contract(operands: Sequence[Expr], inputs: Sequence[Labels], output: Labels) -> Expr:
    """The simplified contraction of `operands`, each read at its own labels, onto `output`."""
    if len(operands) > 1 and all([is_plain(operand) for operand in operands]):
        return Contract(tuple(operands), tuple(inputs), output)
    work = Product(operands, inputs, output)
    for rule in CONTRACTION_RULES:
        rule.apply(work)
    return finish(work)


def finish(work: Product) -> Expr:
    """The node for a contraction to which no rule applies any more."""
    if work.coefficient == 0 or any(is_zero(o) for o in work.operands):
        return zero(tuple(work.dims[i] for i in work.output))
    if work.coefficient == 1 and len(work.operands) == 1 and work.labels[0] == work.output:
        return work.operands[0]
    if not work.operands:
        return Const(work.coefficient)
    return work.snapshot()


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


def power(node: Expr, exponent: sp.Expr | int) -> Expr:
    """Every entry raised to a number."""
    exponent = sp.Integer(exponent) if isinstance(exponent, int) else exponent
    if exponent == 1:
        return node
    if exponent == 0:
        return Ones(node.shape) if node.shape else ONE
    if type(node) is Const:
        return Const(number_power(node.value, exponent))
    if type(node) is Ones:
        return node
    if is_power(node) and node.function.params[0] == sp.Rational(1, 2):
        return power(node.args[0], exponent / 2)
    if exponent == -1 and is_quotient(node):
        return contract([power(o, -1) if not is_power(o) else power(o.args[0], -o.function.params[0]) for o in node.operands],
                        node.inputs, node.output)
    return Map(function("pow", (exponent,)), (node,))


def is_quotient(node: Expr) -> bool:
    """An entrywise product with a reciprocal in it, whose own reciprocal turns it over."""
    return type(node) is Contract and is_elementwise(node.inputs, node.output) and any(
        is_power(o) and o.function.params[0] == -1 for o in node.operands) and all(
        not is_power(o) or o.function.params[0].is_Integer for o in node.operands)


def reciprocal(node: Expr) -> Expr:
    return power(node, -1)
