"""Products that simplify: `contract` and `power`, and the laws that `contract` applies.

`contract` brings a contraction into the form that is kept: rows of `CONTRACTION_RULES`, applied in order. Each row is
one law of sums of products with its name and reason, and a derivation's steps replay the same rows one at a time.
Operand order is kept throughout.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import NamedTuple

import sympy as sp

from .cancellation import CANCELLING, cancel_once
from .expr import (Add, Apply, Const, Contract, Delta, Expr, Labels, Map, Ones, Shape, Var,
                   function, is_elementwise, is_identity, label_sizes, pattern)
from .limits import number_power

ONE = Const(sp.Integer(1))
ZERO = Const(sp.Integer(0))
SUM_TO_ONE = frozenset({"softmax"})
QUOTIENTS = {("sign", "abs"): "reciprocal", ("sinh", "cosh"): "tanh", ("sin", "cos"): "tan"}
RULED = CANCELLING | SUM_TO_ONE
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
            if type(operand) is Contract and (is_scaled(work, k) or operand.ornate and (
                    opens(operand, joins, len(work.operands) == 1) or is_summed_outer(work, k, operand))):
                splice(work, k, operand)
                changed = again = True
                break
            if type(operand) is Contract and operand.ornate and operand.shape and () in operand.inputs:
                scalars_float(work, k, operand)
                changed = again = True
                break
    return changed


def scalars_float(work: Product, k: int, inner: Contract) -> None:
    """A (c B) is c A B."""
    scalars = [o for o, labels in zip(inner.operands, inner.inputs) if not labels]
    kept = [(o, labels) for o, labels in zip(inner.operands, inner.inputs) if labels]
    rest = contract([o for o, _ in kept], [labels for _, labels in kept], inner.output)
    work.operands[k:k + 1] = [*scalars, rest]
    work.labels[k:k + 1] = [*[()] * len(scalars), work.labels[k]]


def opens(inner: Contract, joins: bool, alone: bool) -> bool:
    """Whether an inner contraction is taken apart inside an outer one."""
    if any(type(o) in (Const, Ones) or is_identity(o) for o in inner.operands):
        return True
    if len(inner.operands) == 1:
        is_permutation = len(inner.inputs[0]) == len(inner.output) and len(set(inner.output)) == len(inner.output)
        return is_permutation or alone
    return is_elementwise(inner.inputs, inner.output) and (joins or not inner.output)


def is_scaled(work: Product, k: int) -> bool:
    """Whether nothing but scalars stands beside an operand: c (A B) is c A B."""
    return len(work.operands) > 1 and work.labels[k] == work.output != () and all([not own or j == k for j, own in enumerate(work.labels)])


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
            if exponent == -1 and (known := quotient(other, base)) is not None:
                work.operands[j], work.operands[k] = known, Ones(operand.shape) if operand.shape else ONE
                return reciprocals_cancel(work) or True
            matches = other is base or (is_power(other) and other.args[0] is base)
            if matches:
                total_exponent = exponent + (1 if other is base else other.function.params[0])
                work.operands[j] = power(base, total_exponent)
                work.operands[k] = Ones(operand.shape) if operand.shape else ONE
                return reciprocals_cancel(work) or True
        if not operand.shape and takes_out(work, k):
            return reciprocals_cancel(work) or True
    return changed


def quotient(above: Expr, below: Expr) -> Expr | None:
    """f(x) / g(x) where that is another function of x."""
    if type(above) is type(below) is Map and above.args == below.args and not above.function.derivative and not below.function.derivative:
        known = QUOTIENTS.get((above.function.name, below.function.name))
        return None if known is None else power(above.args[0], -1) if known == "reciprocal" else Map(function(known), above.args)
    return None


def takes_out(work: Product, k: int) -> bool:
    """Cancel the reciprocal of a scalar, operand `k`, against that scalar inside another operand."""
    base, exponent = work.operands[k].args[0], work.operands[k].function.params[0]
    for j, other in enumerate(work.operands):
        found = without_factor(other, base) if j != k and exponent.is_Integer else None
        if found is not None:
            more, work.operands[j] = found
            work.operands[k] = power(base, exponent + more)
            return True
    return False


def without_factor(node: Expr, base: Expr) -> tuple[sp.Expr, Expr] | None:
    """A node as `base`, a scalar, to a whole power times the rest; None where it has no such factor."""
    if type(node) is Add:
        found = [without_factor(term, base) for term in node.terms]
        if any(f is None for f in found):
            return None
        least = min(more for more, _ in found)
        rests = [raised_by(rest, base, more - least) for more, rest in found]
        return least, Add(tuple([term for rest in rests for term in (rest.terms if type(rest) is Add else (rest,))]))
    if node is base:
        return sp.S.One, ONE
    if is_power(node) and node.args[0] is base and node.function.params[0].is_Integer and node.function.params[0] > 0:
        return node.function.params[0], ONE
    if type(node) is not Contract:
        return None
    for k, (operand, labels) in enumerate(zip(node.operands, node.inputs)):
        found = without_factor(operand, base) if not labels or type(operand) in (Add, Contract) else None
        if found is not None:
            return found[0], contract((*node.operands[:k], found[1], *node.operands[k + 1:]), node.inputs, node.output)
    return None


def raised_by(node: Expr, base: Expr, exponent: sp.Expr) -> Expr:
    """node · base^exponent, of a scalar base."""
    labels = LABELS[len(node.shape)]
    return contract((power(base, exponent), node), ((), labels), labels) if exponent else node


def probabilities_add_up(work: Product) -> bool:
    """Σ softmax(z) = 1 along its axis, where nothing else stands at the index that is summed."""
    changed = False
    for k, operand in enumerate(work.operands):
        if type(operand) is Apply and operand.op in SUM_TO_ONE:
            axis, own = operand.params[0], work.labels[k]
            if own[axis] not in work.output and work.occurrences(own[axis]) == 1 and own.count(own[axis]) == 1:
                rest = operand.shape[:axis] + operand.shape[axis + 1:]
                work.operands[k], work.labels[k] = Ones(rest) if rest else ONE, own[:axis] + own[axis + 1:]
                changed = True
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
    ContractionRule("probabilities sum to 1", "Σ_k softmax(z)_k = 1: each entry is divided by the sum of all", probabilities_add_up),
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
    return kind is Apply and node.op not in RULED or kind is Map and node.function.name != "pow"


def contract(operands: Sequence[Expr], inputs: Sequence[Labels], output: Labels) -> Expr:
    """The simplified contraction of `operands`, each read at its own labels, onto `output`."""
    if len(operands) > 1 and all([is_plain(operand) for operand in operands]) and not (
            () in inputs and any([type(operand) is Contract for operand in operands])):
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
    if type(node) is Contract and not node.shape and exponent.is_Integer and not any(node.inputs):
        return contract([power(o, exponent) for o in node.operands], node.inputs, ())
    if is_power(node) and exponent.is_Integer and node.function.params[0].is_Integer:
        return power(node.args[0], exponent * node.function.params[0])
    if exponent == -1 and type(node) is Contract and type(node.operands[0]) is Const and is_elementwise(node.inputs, node.output):
        return contract([power(node.operands[0], -1), power(contract(node.operands[1:], node.inputs[1:], node.output), -1)],
                        [(), node.output], node.output)
    if exponent == -1 and is_quotient(node):
        return contract([power(o, -1) if not is_power(o) else power(o.args[0], -o.function.params[0]) for o in node.operands],
                        node.inputs, node.output)
    return Map(function("pow", (exponent,)), (node,))


def is_quotient(node: Expr) -> bool:
    """An entrywise product with a reciprocal in it, whose own reciprocal turns it over."""
    return type(node) is Contract and is_elementwise(node.inputs, node.output) and any(
        is_power(o) and o.function.params[0] == -1 for o in node.operands) and all(
        not is_power(o) or o.function.params[0].is_Integer for o in node.operands)
