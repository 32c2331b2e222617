"""The sweep: Program -> Program, one cotangent per name, accumulated over all its readers and pushed once.

For a read of T at indices κ under an equation Y[ι], T̄[u] += Σ Ȳ[ι] · D · [u = κ]. `pull` is that rule for a
contraction: the cotangent stands in the slot of the operand that was read. Nothing here knows about layers.
"""

from __future__ import annotations

from collections import defaultdict
from functools import lru_cache

from .algebra import ONE, add, contract, hadamard, zero
from .cells import prime
from .collecting import uncollected
from .errors import UnsupportedError
from .expr import Add, Apply, Contract, Delta, Expr, Labels, Map, Ones, Var, walk
from .ops import TENSOR_OPS
from .program import Equation, Program


def bar(name: str) -> str:
    """The name of the cotangent of `name`; no user's name can look like it."""
    return "∂" + name


def is_bar(name: str) -> bool:
    return name.startswith("∂")


@lru_cache(maxsize=1 << 12)
def read_pattern(given: tuple[Labels, ...], output: Labels, k: int,
                 ) -> tuple[tuple[Labels, ...], Labels, list[tuple[int, int]], list[int]]:
    """Labels for the pull-back through operand `k`: of all slots, of the result, deltas, and labels nothing else has.

    A label that stands twice in the operand is read out at two indices joined by a delta.
    """
    inputs = list(given)
    own = inputs[k]
    inputs[k] = output
    fresh = max((i for labels in (*given, output) for i in labels), default=-1) + 1
    result: list[int] = []
    deltas: list[tuple[int, int]] = []
    for label in own:
        if label in result:
            deltas.append((label, fresh))
            result.append(fresh)
            fresh += 1
        else:
            result.append(label)
    seen = {i for labels in inputs for i in labels}
    return tuple(inputs), tuple(result), deltas, [i for i in dict.fromkeys(own) if i not in seen]


def pull(node: Contract, k: int, cotangent: Expr) -> Expr:
    """The cotangent of operand `k` of a contraction."""
    inputs, result, deltas, lone = read_pattern(node.inputs, node.output, k)
    operands = list(node.operands)
    operands[k] = cotangent
    if deltas or lone:
        inputs = list(inputs)
        dims = dict(zip(node.inputs[k], node.operands[k].shape))
        for i, j in deltas:
            operands.append(Delta(dims[i]))
            inputs.append((i, j))
        for i in lone:
            operands.append(Ones((dims[i],)))
            inputs.append((i,))
    return contract(operands, inputs, result)


def pull_back(node: Expr, cotangent: Expr, output: Expr, primes: str) -> list[tuple[Expr, Expr]]:
    """(child, its cotangent) for every child of `node` that its value depends on smoothly."""
    match node:
        case Add():
            return [(term, cotangent) for term in node.terms]
        case Contract():
            return [(operand, pull(node, k, cotangent)) for k, operand in enumerate(node.operands)
                    if type(operand) not in (Ones, Delta)]
        case Map():
            slopes = [(arg, prime(node, k, output, primes)) for k, arg in enumerate(node.args)]
            return [(arg, cotangent if slope is ONE else hadamard(cotangent, slope))
                    for arg, slope in slopes if slope is not None]
        case Apply():
            row = TENSOR_OPS.get(node.op)
            if row is None:
                raise UnsupportedError(f"{node.op} has no derivative rule")
            pairs = zip(node.args, row.vjp(cotangent, output, node.args, node.params))
            return [(arg, term) for arg, term in pairs if term is not None]
    return []


def contributions(equation: Equation, order: list[Expr], cotangent: Expr, needed: set[str], primes: str = "output",
                  ) -> list[tuple[str, Expr]]:
    """(name, term) for every needed name that the equation reads: its share of that name's cotangent.

    `order` is the `walk` of the equation.
    """
    live: set[Expr] = set()
    for node in order:
        if node.name in needed if type(node) is Var else not live.isdisjoint(node.children):
            live.add(node)
    if equation.expr not in live:
        return []
    waiting: dict[Expr, list[Expr]] = {equation.expr: [cotangent]}
    found: list[tuple[str, Expr]] = []
    root_name = equation.var
    for node in reversed(order):
        terms = waiting.pop(node, None)
        if terms is None:
            continue
        total = terms[0] if len(terms) == 1 else add(terms[::-1])  # what is read first comes first
        if type(node) is Var:
            found.append((node.name, total))
            continue
        output = root_name if node is equation.expr else node
        for child, term in reversed(live_pulls(node, total, output, primes, live)):
            waiting.setdefault(child, []).append(term)
    found.reverse()
    return found


def live_pulls(node: Expr, cotangent: Expr, output: Expr, primes: str, live: set[Expr]) -> list[tuple[Expr, Expr]]:
    """`pull_back` for the children that matter only."""
    if type(node) is Contract:
        return [(operand, pull(node, k, cotangent)) for k, operand in enumerate(node.operands) if operand in live]
    return [(child, term) for child, term in pull_back(node, cotangent, output, primes) if child in live]


@uncollected()
def sweep(program: Program, loss: str, wrt: tuple[str, ...], primes: str = "output") -> Program:
    """The backward program: `bar(name) = …` for every name between `wrt` and the loss, in the order derived.

    A name in `wrt` that the loss does not depend on gets an exact zero: no path leads from it to the loss.
    """
    orders = program.orders
    needed, closing = set(wrt), defaultdict(list)
    first_readers: dict[str, int] = {}
    for at, (equation, order) in enumerate(zip(program.equations, orders)):
        names = [node.name for node in order if type(node) is Var]
        if not needed.isdisjoint(names):
            needed.add(equation.name)
        for name in names:
            if name in program.inputs and name in needed and first_readers.setdefault(name, at) == at:
                closing[at].append(program.inputs[name])

    waiting: dict[str, list[Expr]] = {loss: [ONE]}
    backward: list[Equation] = []
    for at in range(len(program.equations) - 1, -1, -1):
        equation = program.equations[at]
        if equation.name in waiting:
            terms = waiting.pop(equation.name)
            total = add(terms) if len(terms) > 1 else terms[0]
            backward.append(Equation(bar(equation.name), total))
            cotangent = ONE if total is ONE else backward[-1].var
            for name, term in contributions(equation, orders[at], cotangent, needed, primes):
                waiting[name] = [term, *waiting.get(name, ())]
        for var in closing[at]:
            terms = waiting.pop(var.name, None)
            backward.append(Equation(bar(var.name), add(terms) if terms else zero(var.shape)))
    variables = {**program.inputs, **{e.name: e.var for e in program.equations}}
    done = {e.name for e in backward}
    backward += [Equation(bar(name), zero(variables[name].shape)) for name in wrt if bar(name) not in done]
    return Program(variables, tuple(backward), tuple(bar(name) for name in wrt), program.facts, names=program.names)
