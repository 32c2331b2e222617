"""The order in which the factors of a product are multiplied, two at a time: the one with the fewest multiplications.

Sizes that are names are guessed, all alike; where orders cost the same, vectors go first.
"""

from __future__ import annotations

import math
from functools import cache
from itertools import count

import sympy as sp

from ..expr import Const, Contract, Delta, Expr, Labels, Ones, walk

GUESS = 16  # entries along an axis whose size is a name
MANY = 7  # factors up to which every order is tried
Pair = tuple[int, int, int]  # two factors and the label that they share


def first_pair(factors: list[Labels], kept: Labels, sizes: dict[int, int]) -> Pair | None:
    """What to multiply first, if anything can be."""
    return cheapest(tuple(factors), kept, sizes)[1]


def cheapest(factors: tuple[Labels, ...], kept: Labels, sizes: dict[int, int]) -> tuple[int, Pair | None]:
    """The multiplications of the best order, and its first step."""
    options = list(pairs(factors, kept))
    if not options:
        return 0, None
    costs = {pair: math.prod(sizes.get(i, GUESS) for i in {*factors[pair[0]], *factors[pair[1]]}) for pair in options}
    if 1 < len(options) <= MANY:
        costs = {pair: cost + cheapest(joined(factors, pair), kept, sizes)[0] for pair, cost in costs.items()}
    best = min(options, key=lambda pair: (costs[pair], len(factors[pair[0]]) + len(factors[pair[1]])))
    return costs[best], best


def pairs(factors: tuple[Labels, ...], kept: Labels) -> list[Pair]:
    """The pairs that one label joins which nothing else has."""
    holders: dict[int, list[int]] = {}
    for k, labels in enumerate(factors):
        for i in labels:
            holders.setdefault(i, []).append(k)
    found = [(*own, i) for i, own in holders.items() if len(own) == 2 and i not in kept]
    return sorted(pair for pair in found if len(set(factors[pair[0]]) & set(factors[pair[1]])) == 1)


def joined(factors: tuple[Labels, ...], pair: Pair) -> tuple[Labels, ...]:
    """The factors after one multiplication."""
    k, m, label = pair
    made = tuple(i for i in (*factors[k], *factors[m]) if i != label)
    return (*factors[:k], made, *factors[k + 1:m], *factors[m + 1:])


def guessed(operands: list[tuple[Expr, Labels]]) -> dict[int, int]:
    """About how many values each label takes."""
    return {i: about(dim) for operand, labels in operands for i, dim in zip(labels, operand.shape)}


@cache
def about(dim: sp.Expr) -> int:
    return max(1, int(dim.subs(dict.fromkeys(dim.free_symbols, GUESS))))


# products of products

Flat = tuple[tuple[Expr, ...], tuple[Labels, ...], Labels]


def opened(roots: list[Expr]) -> dict[Expr, Flat]:
    """Products that are cheaper with the products inside them opened: product -> its factors, their labels, the result's.

    Products that share one inside are opened together or not at all; what something else reads, too, stays closed. So
    `A @ B @ v` is opened, and `A @ B @ D` with sizes that are names is left as it was written.
    """
    parents = readers(roots)
    nested = [n for n in parents if type(n) is Contract and any(type(o) is Contract for o in n.operands)]
    chains = {node for node in {*nested, *(o for n in nested for o in n.operands)} if is_chain(node)}
    inner = {node for node in chains if parents[node] <= chains}
    found: dict[Expr, Flat] = {}
    for group in sharing([node for node in parents if node in chains - inner], inner):
        flat = {node: flattened(node, inner) for node in group}
        if any(len(operands) > MANY for operands, _, _ in flat.values()):
            continue
        costs = [cost_of(Contract(*made)) for made in flat.values()]
        now = [cost_of(node) for node in {*group, *(n for node in group for n in inside(node, inner))}]
        if None not in costs and sum(costs) < sum(now):
            found |= flat
    return found


def sharing(nodes: list[Contract], inner: set[Expr]) -> list[list[Contract]]:
    """The products that have others inside, in groups that share some."""
    groups: list[tuple[list[Contract], set[Expr]]] = []
    for node in nodes:
        if not (own := set(inside(node, inner))):
            continue
        joint = [g for g in groups if g[1] & own]
        groups = [g for g in groups if not g[1] & own]
        groups.append(([*(n for g in joint for n in g[0]), node], own.union(*(g[1] for g in joint))))
    return [group for group, _ in groups]


def readers(roots: list[Expr]) -> dict[Expr, set[Expr | None]]:
    """Every node with the nodes that read it; None stands for an equation."""
    found: dict[Expr, set[Expr | None]] = {}
    for root in roots:
        for node in walk(root):
            for child in node.children:
                found.setdefault(child, set()).add(node)
        found.setdefault(root, set()).add(None)
    return found


def is_chain(node: Expr) -> bool:
    """Whether a node is a product of matrices and vectors, each sum over two of them."""
    return type(node) is Contract and len(node.operands) > 1 and len(set(node.output)) == len(node.output) and all(
        type(o) not in (Ones, Delta, Const) and 0 < len(l) == len(set(l)) < 3 for o, l in zip(node.operands, node.inputs)) \
        and cost_of(node) is not None


def cost_of(node: Contract) -> int | None:
    """The multiplications of a product in its best order; None where pairs alone do not make it."""
    factors, total, sizes = tuple(node.inputs), 0, guessed(list(zip(node.operands, node.inputs)))
    while len(factors) > 1:
        pair = first_pair(list(factors), node.output, sizes)
        if pair is None:
            return None
        total += math.prod(sizes[i] for i in {*factors[pair[0]], *factors[pair[1]]})
        factors = joined(factors, pair)
    return total if set(factors[0]) == set(node.output) else None


def inside(node: Contract, inner: set[Expr]) -> list[Contract]:
    """The products that are factors of a product, and of these."""
    return [n for o in node.operands if o in inner for n in (o, *inside(o, inner))]


def flattened(node: Contract, inner: set[Expr]) -> Flat:
    """A product with the factors of its factors, labels made new."""
    fresh = count(max(i for labels in node.inputs for i in labels) + 1)
    operands: list[Expr] = []
    inputs: list[Labels] = []
    for operand, labels in zip(node.operands, node.inputs):
        if operand not in inner:
            operands.append(operand)
            inputs.append(labels)
            continue
        factors, parts, output = flattened(operand, inner)
        named = dict(zip(output, labels))
        for i in dict.fromkeys(i for part in parts for i in part if i not in named):
            named[i] = next(fresh)
        operands += factors
        inputs += [tuple(named[i] for i in part) for part in parts]
    return tuple(operands), tuple(inputs), node.output
