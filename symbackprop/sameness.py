"""When two products are one: the same factors at the same indices, in another order."""

from __future__ import annotations

from itertools import permutations

from .expr import Contract, Expr, canonical_labels, is_elementwise


def is_same_product(a: Expr, b: Expr) -> bool:
    """Whether two contractions differ only in the order of their operands."""
    if type(a) is not Contract or type(b) is not Contract or len(a.operands) != len(b.operands) or len(a.operands) > 6:
        return a is b
    spots: dict[Expr, list[int]] = {}
    for k, operand in enumerate(b.operands):
        spots.setdefault(operand, []).append(k)
    if any(a.operands.count(o) != len(where) for o, where in spots.items()):
        return False
    if is_elementwise(a.inputs, a.output) and is_elementwise(b.inputs, b.output):
        return True
    target = canonical_labels(a.inputs, a.output)
    return any(all(b.operands[k] is o for k, o in zip(order, a.operands))
               and canonical_labels(tuple(b.inputs[k] for k in order), b.output) == target
               for order in permutations(range(len(b.operands))))
