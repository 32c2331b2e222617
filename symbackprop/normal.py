"""The normal form, to compare: a sum of monomials over atoms, sizes symbolic, factors in a canonical order.

Equal normal forms prove equality for all sizes and values (under the facts used). It may miss an equality, and must
never invent one.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import permutations, product
from math import factorial

import sympy as sp

from .algebra import add, contract, power, scale, split_number, zero
from .budget import tick
from .cancellation import MATRIX_POWERS
from .cells import prime
from .expr import (Add, Apply, Const, Contract, Delta, Expr, Labels, Map, Ones, Var, function, is_identity, rebuild,
                   walk)
from .laws import LAWS, flipped, oriented
from .linear import open_all
from .ops import body_of
from .ops.tensor import apply
from .products import Product
from .program import Fact
from .rules import is_symmetric, tidy

MAX_TERMS, MAX_ORDERS, MAX_POWER = 3000, 5040, 6
Normal = dict[tuple, sp.Expr]


class TooLarge(Exception):
    """The expansion passed its limit; nothing is known."""


SYMMETRIC = "symmetric"
IDEMPOTENT = frozenset({"step", "gt", "lt", "ge", "le", "eq", "ne"})


def normal_form(node: Expr, facts: tuple[Fact, ...] = ()) -> Normal:
    """Monomial -> coefficient. Raises `TooLarge`."""
    return {key: number for key, (number, _) in grouped(node, facts).items() if sp.cancel(number) != 0}


def grouped(node: Expr, facts: tuple[Fact, ...]) -> dict[tuple, tuple[sp.Expr, list[Expr]]]:
    """Monomial -> its coefficient, and the terms that add up to it. Raises `TooLarge`."""
    result: dict[tuple, tuple[sp.Expr, list[Expr]]] = {}
    for term in expanded(node, facts):
        number, core = split_number(term)
        key = monomial(core)
        before, terms = result.setdefault(key, (sp.S.Zero, []))
        terms.append(unmarked(term))
        result[key] = before + number, terms
    return result


def unmarked(node: Expr) -> Expr:
    """A term without the marks of symmetry, which only the keys of monomials read."""
    made: dict[Expr, Expr] = {}
    for part in walk(node):
        is_mark = type(part) is Apply and part.op == SYMMETRIC
        made[part] = made[part.args[0]] if is_mark else rebuild(part, tuple(made[c] for c in part.children))
    return made[node]


def matched(a: Expr, b: Expr, facts: tuple[Fact, ...] = ()) -> tuple[tuple[Expr, Expr], ...] | None:
    """Both sides as sums, like terms beside like terms, where all are equal; None where they are not. Raises `TooLarge`."""
    if a is b:
        return ((a, b),)
    first, second = grouped(a, facts), grouped(b, facts)
    none = sp.S.Zero, []
    keys = list(dict.fromkeys((*first, *second)))
    if any(sp.cancel(first.get(k, none)[0] - second.get(k, none)[0]) != 0 for k in keys):
        return None
    return tuple((summed(first.get(k, none)[1], a), summed(second.get(k, none)[1], b)) for k in keys)


def summed(terms: list[Expr], like: Expr) -> Expr:
    """Terms as one sum, nothing merged."""
    return Add(tuple(terms)) if len(terms) > 1 else terms[0] if terms else zero(like.shape)


def is_equal(a: Expr, b: Expr, facts: tuple[Fact, ...] = ()) -> bool | None:
    """True if proved equal, None if not."""
    try:
        return True if matched(a, b, facts) is not None else None
    except TooLarge:
        return None


def expanded(root: Expr, facts: tuple[Fact, ...]) -> list[Expr]:
    """`root` as a list of products of atoms."""
    made: dict[Expr, list[Expr]] = {}
    for node in walk(root):
        tick()
        made[node] = [t for term in expand_one(node, made, facts) for t in settle(term, facts)]
        if len(made[node]) > MAX_TERMS:
            raise TooLarge
    return made[root]


def settle(term: Expr, facts: tuple[Fact, ...]) -> list[Expr]:
    """A term with the facts put in, flat again."""
    if facts:
        term, _ = tidy(term, facts)
    if type(term) is Add:
        return list(term.terms)
    return [term]


def expand_one(node: Expr, made: dict[Expr, list[Expr]], facts: tuple[Fact, ...]) -> list[Expr]:
    match node:
        case Add():
            return [t for term in node.terms for t in made[term]]
        case Contract():
            count = 1
            for operand in node.operands:
                count *= len(made[operand])
            if count > MAX_TERMS:
                raise TooLarge
            return [ticked(flat(parts, node.inputs, node.output)) for parts in product(*(made[o] for o in node.operands))]
        case Map():
            return expand_map(Map(node.function, tuple(joined(made[a], a) for a in node.args)), facts)
        case Apply(op="symmetric"):
            return [node]
        case Apply():
            return expand_apply(rebuild(node, tuple(joined(made[a], a) for a in node.args)), facts)
        case Var() if facts and node.rank == 2 and is_symmetric(node, facts):
            return [Apply(SYMMETRIC, (node,), (), node.shape)]
    return [node]


def expand_apply(node: Apply, facts: tuple[Fact, ...]) -> list[Expr]:
    """The laws of its row; what is symmetric is marked, so that it reads the same either way round."""
    law = LAWS.get(node.op)
    found = law(node) if law is not None else None
    if found is not None:
        return expanded(found, facts)
    if node.op in MATRIX_POWERS and (is_symmetric(node, facts) or node_key(flipped(node.args[0])) == node_key(node.args[0])):
        return [Apply(SYMMETRIC, (node,), (), node.shape)]
    return [oriented(node, node_key)]


def joined(terms: list[Expr], like: Expr) -> Expr:
    """The terms of an argument as one node, in canonical order, so that equal arguments are one atom."""
    by_key: dict[tuple, list] = {}
    for term in terms:
        number, core = split_number(term)
        by_key.setdefault(monomial(core), [sp.S.Zero, core])[0] += number
    parts = [scale(sp.cancel(n), core) for _, (n, core) in sorted(by_key.items(), key=lambda kv: str(kv[0])) if sp.cancel(n) != 0]
    return add(parts) if parts else zero(like.shape)


def expand_map(node: Map, facts: tuple[Fact, ...]) -> list[Expr]:
    """The listed identities: f′ by its output form, small powers as products, exp of log-softmax, log of softmax."""
    f, arg = node.function, node.args[0]
    if f.derivative == (0,) and not f.opaque:
        whole = Map(function(f.name, f.params, (), f.body), node.args)
        slope = prime(whole, 0, whole)
        if slope is not None and not (type(slope) is Map and slope.function is f):
            return expanded(slope, facts)
    if f.name == "pow" and not f.derivative:
        exponent = f.params[0]
        if exponent.is_Integer and 2 <= exponent <= MAX_POWER:
            labels = tuple(range(node.rank))
            return expanded(Contract((arg,) * int(exponent), (labels,) * int(exponent), labels), facts) if not is_sum_power(arg) else \
                multiplied(arg, int(exponent), facts)
        if exponent.is_number and exponent.is_negative and exponent != -1 and exponent.is_Integer:
            return [node]
        number, core = split_number(arg)
        if exponent == -1 and number != 1:
            return [scale(1 / number, power(core, -1))]
    numbers = [split_number(a) for a in node.args]
    if not f.opaque and all(type(core) is Ones for _, core in numbers):
        return [scale(body_of(f)(*[number for number, _ in numbers]), numbers[0][1])]
    if f.name == "exp" and type(arg) is Apply and arg.op == "log_softmax":
        return [apply("softmax", *arg.args, params=arg.params)]
    if f.name == "log" and type(arg) is Apply and arg.op == "softmax":
        return [apply("log_softmax", *arg.args, params=arg.params)]
    return [node]


def is_sum_power(arg: Expr) -> bool:
    return type(arg) is Add


def multiplied(arg: Add, exponent: int, facts: tuple[Fact, ...]) -> list[Expr]:
    labels = tuple(range(arg.rank))
    if len(arg.terms) ** exponent > MAX_TERMS:
        raise TooLarge
    return [flat(parts, (labels,) * exponent, labels) for parts in product(arg.terms, repeat=exponent)]


def ticked(node: Expr) -> Expr:
    tick()
    return node


def flat(parts: tuple[Expr, ...], inputs: tuple[Labels, ...], output: Labels) -> Expr:
    """A contraction with every inner contraction taken apart."""
    work = Product(parts, inputs, output)
    open_all(work)
    read_at_one_index(work)
    drop_repeated_indicators(work)
    return contract(work.operands, work.labels, work.output)


def read_at_one_index(work: Product) -> None:
    """Beside δ_ij of two free indices every other factor is read at the first of them."""
    for k, operand in enumerate(work.operands):
        if is_identity(operand) and set(work.labels[k]) <= set(work.output):
            first, other = sorted(work.labels[k], key=work.output.index)
            work.labels = [labels if j == k else tuple(first if i == other else i for i in labels) for j, labels in enumerate(work.labels)]


def drop_repeated_indicators(work: Product) -> None:
    """1[z > 0]² = 1[z > 0]."""
    seen: set[tuple] = set()
    for k in reversed(range(len(work.operands))):
        operand = work.operands[k]
        if type(operand) is Map and operand.function.name in IDEMPOTENT and not operand.function.derivative:
            spot = operand, work.labels[k]
            if spot in seen:
                del work.operands[k], work.labels[k]
            seen.add(spot)


def atom_key(node: Expr) -> str:
    """A spelling of an atom that equal atoms share and others do not."""
    match node:
        case Var():
            return node.name
        case Const():
            return f"#{sp.srepr(node.value)}"
        case Ones():
            return "1"
        case Delta() if is_identity(node):
            return "δ"
        case Delta():
            return f"δ{node.shape}{node.coefficients}{node.offset}{node.bound}"
        case Map():
            f = node.function
            body = sp.srepr(f.body) if f.body is not None else ""
            return f"{f.name}{f.params}{f.derivative}{body}({','.join(node_key(a) for a in node.args)})"
        case Apply():
            return f"{node.op}{node.params}({','.join(node_key(a) for a in node.args)})"
    return node_key(node)


def node_key(node: Expr) -> str:
    terms = node.terms if type(node) is Add else (node,)
    parts = []
    for term in terms:
        number, core = split_number(term)
        parts.append(f"{number}*{monomial(core)}")
    return "+".join(sorted(parts)) + f":{len(node.shape)}"


def monomial(node: Expr) -> tuple:
    """A product of atoms up to the order of its factors and the names of its summed indices."""
    if type(node) is not Contract:
        return ((atom_key(node), tuple(range(len(node.shape)))),)
    keyed = sorted(((atom_key(o), labels) for o, labels in zip(node.operands, node.inputs)), key=lambda p: p[0])
    groups: list[list] = []
    for item in keyed:
        if groups and groups[-1][0][0] == item[0]:
            groups[-1].append(item)
        else:
            groups.append([item])
    orders = 1
    for group in groups:
        orders *= factorial(len(group))
    mirrors = [k for k, (key, labels) in enumerate(keyed) if key.startswith(SYMMETRIC) and labels[0] != labels[1]]
    if orders << len(mirrors) > MAX_ORDERS:
        raise TooLarge
    tick()
    choices = product(*(permutations(group) for group in groups))
    orderings = ([item for group in choice for item in group] for choice in choices)
    return min(relabelled(items, node.output) for ordering in orderings for items in either_way(ordering, mirrors))


def either_way(items: list, mirrors: list[int]) -> Iterator[list]:
    """The factors with those at some places read either way round."""
    if not mirrors:
        yield items
        return
    for turned in product((False, True), repeat=len(mirrors)):
        back = {k for k, turn in zip(mirrors, turned) if turn}
        yield [(key, labels[::-1]) if k in back else (key, labels) for k, (key, labels) in enumerate(items)]


def relabelled(items: list, output: Labels) -> tuple:
    """Output labels first, the rest by first appearance; a delta is read either way round."""
    names = {label: k for k, label in enumerate(output)}
    result = []
    for key, labels in items:
        if key == "δ" and tuple(names.get(i, 99) for i in labels) > tuple(names.get(i, 99) for i in labels[::-1]):
            labels = labels[::-1]
        for label in labels:
            names.setdefault(label, len(names))
        result.append((key, tuple(names[i] for i in labels)))
    return tuple(result)
