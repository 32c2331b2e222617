"""Axes that number pairs, for slices: entry 3g + r of an axis is entry r of group g, so two letters stand for it.

A delta such as j = 3g + r ties the three axes together. Where two of them are cut, the third is read at one place.
"""

from __future__ import annotations

import sympy as sp

from ..expr import Add, Contract, Delta, Expr, label_sizes
from ..windows import is_inside, relation_of

Pair = tuple[tuple[sp.Expr, str], ...]  # 3g + r: the step and the letter of each part


class NoSlice(Exception):
    """The axis does not run through the whole of an expression, or no matrices are left."""


def parts_of(node: Expr, axis: int) -> list[tuple[sp.Expr, sp.Expr]] | None:
    """(step, size) of the two axes that an axis of `node` numbers together; None where it is an axis of its own."""
    for term in (*node.children, node) if type(node) is Add else (node,):
        if type(term) is not Contract:
            continue
        dims, label = label_sizes(term.operands, term.inputs), term.output[axis]
        for operand, labels in zip(term.operands, term.inputs):
            if type(operand) is Delta and not operand.bound and label in labels:
                read = relation_of(operand, labels).solved(label)
                if is_inside(read, dims, label) and read.first == 0 and len(read.labels) == 2 and not set(read.labels) & set(term.output):
                    found = [(step, dims[i]) for step, i in zip(read.steps, read.labels)]
                    return found if numbers_all(found, dims[label]) else None
    return None


def numbers_all(parts: list[tuple[sp.Expr, sp.Expr]], size: sp.Expr) -> bool:
    """Whether pairs number every entry of an axis once: by 3g + r with three r for each g."""
    (step, count), (other, inner) = parts if parts[1][0] == 1 else parts[::-1]
    return other == 1 and step == inner and sp.expand(count * inner - size) == 0


def tied(node: Contract, letters: dict[int, str], pairs: dict[str, Pair]) -> tuple[dict[int, str], dict[int, Pair], frozenset[int]]:
    """(letters, pairs, places) of a contraction: what its deltas say of further labels, and the deltas that hold then.

    Raises `NoSlice` where a delta has a letter and does not follow from letters.
    """
    letters, made, held = dict(letters), {}, set()
    dims = label_sizes(node.operands, node.inputs)
    for k, (operand, labels) in enumerate(zip(node.operands, node.inputs)):
        if type(operand) is not Delta or not any(i in letters for i in labels):
            continue
        if operand.bound or len(set(labels)) < len(labels):
            raise NoSlice
        relation = relation_of(operand, labels)
        joint = next((i for i in labels if letters.get(i) in pairs), None)
        if joint is not None and (read := relation.solved(joint)) is not None:
            by_step = dict(pairs[letters[joint]])
            if set(read.steps) != by_step.keys() or len(by_step) != len(read.labels) or any(i in node.output for i in read.labels):
                raise NoSlice
            letters |= {i: by_step[step] for step, i in zip(read.steps, read.labels)}
        else:
            lacking = [i for i in labels if i not in letters]
            read = relation.solved(lacking[0]) if len(lacking) == 1 and lacking[0] not in node.output else None
            if not is_inside(read, dims, lacking[0] if lacking else -1) or read.first != 0:
                raise NoSlice
            made[lacking[0]] = tuple(zip(read.steps, [letters[i] for i in read.labels]))
        held.add(k)
    return letters, made, frozenset(held)
