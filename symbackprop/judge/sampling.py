"""Where two formulas are compared: choices of sizes, exact data for which the facts hold, what a point costs, and degrees."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import count

import numpy as np

from ..expr import Add, Apply, Contract, Expr, Map, Var, walk
from ..numeric import Sizes, Values, at_sizes, concrete
from ..points import draw_one, size_names
from ..program import Program
from ..windows import requirements

RATIONAL = ("gelu", "gelu_tanh", "silu", "elu")


def is_possible(program: Program, sizes: Sizes) -> bool:
    """Whether every input has entries, and every entry that is read by its number exists."""
    try:
        return all(d >= 1 for var in program.inputs.values() for d in concrete(var.shape, sizes)) and \
            all(at_sizes(need, tuple(sizes.items())) >= 0 for need in requirements(program))
    except (TypeError, KeyError):
        return False


def size_tuples(program: Program) -> list[Sizes]:
    """All different, all different another way, all equal, one with a 1."""
    names = size_names(program)
    if not names:
        return [{}]
    ways = [dict(zip(names, count(2))), dict(zip(reversed(names), count(3))), dict.fromkeys(names, 2)]
    ways.append({**ways[0], names[-1]: 1})
    kept = [w for w in ways if is_possible(program, w)]
    return kept or [dict.fromkeys(names, 7)]


def small_sizes(program: Program) -> Iterator[Sizes]:
    names = size_names(program)
    if not names:
        yield {}
        return
    tries = [dict.fromkeys(names, 1), *({**dict.fromkeys(names, 1), n: 2} for n in names[:6]), dict.fromkeys(names, 2),
             dict(zip(names, count(2)))]
    yield from (t for t in tries if is_possible(program, t))


def exact_data(program: Program, sizes: Sizes, seed: int) -> Values:
    """Random whole numbers, large, for which the declared facts hold (in the field a sum can be made 1)."""
    rng = np.random.default_rng([seed, 977])
    return {name: exact_one(program, name, concrete(var.shape, sizes), rng, sizes) for name, var in program.inputs.items()}


def exact_one(program: Program, name: str, shape: tuple[int, ...], rng: np.random.Generator, sizes: Sizes) -> np.ndarray:
    facts = [f for f in program.facts if f.name == name]
    if any(f.kind in ("binary", "index") for f in facts):
        return draw_one(program, name, shape, rng, sizes=sizes).astype(int).astype(object)
    data = rng.integers(1, 2**62, size=shape).astype(object)
    for fact in facts:
        if fact.kind == "sum":
            rows = data.reshape(-1) if fact.axis is None else np.moveaxis(data, fact.axis, -1)
            rows[..., -1] = 1 - rows[..., :-1].sum(axis=-1)
        if fact.kind in ("symmetric", "definite"):
            data = np.triu(data) + np.triu(data, 1).T
        if fact.kind == "diagonal":
            data = data * np.eye(len(data), dtype=int)
    return data


def cost_of(root: Expr, sizes: Sizes) -> int:
    cost = 0
    for node in walk(root):
        if type(node) is Contract:
            dims = {i: d for o, labels in zip(node.operands, node.inputs) for i, d in zip(labels, concrete(o.shape, sizes))}
            cost += int(np.prod([float(d) for d in dims.values()]))
        else:
            cost += 4 * int(np.prod([float(d) for d in concrete(node.shape, sizes)]))
    return cost


def degrees(root: Expr, known: dict[Expr, tuple[int, int]]) -> tuple[int, int]:
    """Degrees of a numerator and a denominator of a node, in its inputs and hashed values; generous."""
    for node in walk(root):
        if node not in known:
            known[node] = degree_of(node, [known[c] for c in node.children])
    return known[root]


def degree_of(node: Expr, parts: list[tuple[int, int]]) -> tuple[int, int]:
    top, bottom = sum(p for p, _ in parts), sum(q for _, q in parts)
    match node:
        case Var():
            return 1, 0
        case Contract():
            return top, bottom
        case Add():
            return max(p for p, _ in parts) + bottom, bottom
        case Map() if node.function.opaque:
            return 1, 0
        case Map() if node.function.name == "pow" and node.function.params[0].is_Integer:
            k = int(node.function.params[0])
            return (k * top, k * bottom) if k > 0 else (-k * bottom, -k * top)
        case Map() if node.function.name in RATIONAL or node.function.body is not None:
            return 8 * (top + bottom + 1), 8 * (top + bottom + 1)
        case Map():
            return top + bottom + 4, bottom + 4
        case Apply():
            return 16 * (top + bottom + 4), 16 * (top + bottom + 4)
    return 0, 0
