"""Forward mode: Program and directions -> the tangent of every name, in the order of the program.

A sum of products varies one factor at a time, an elementwise function by its slope. A row of the tensor table has a pull-back
only; its push-forward is that pull-back transposed, which a sweep over ⟨pull-back(ȳ), ẋ⟩ by ȳ gives. So no
rule is written twice.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from .algebra import ONE, add, contract, hadamard, total
from .cells import prime
from .expr import Add, Apply, Contract, Expr, Map, Var, walk
from .ops import TENSOR_OPS
from .program import Equation
from .reverse import contributions

SEED = "˙seed"


def dot(name: str) -> str:
    """The name of the tangent of `name`; no user's name can look like it."""
    return "˙" + name


def is_dot(name: str) -> bool:
    return name.startswith("˙")


def tangents(equations: Iterable[Equation], directions: Mapping[str, Expr], primes: str = "output") -> list[Equation]:
    """`dot(name) = …` for every equation that moves with the names in `directions`."""
    moving: dict[str, Expr] = dict(directions)
    found: list[Equation] = []
    for equation in equations:
        if equation.name in directions:
            continue
        moved = push(equation, moving, primes)
        if moved is not None:
            found.append(Equation(dot(equation.name), moved, equation.place))
            moving[equation.name] = found[-1].var
    return found


def push(equation: Equation, moving: Mapping[str, Expr], primes: str = "output") -> Expr | None:
    """The tangent of the left side of an equation; None where nothing that it reads moves."""
    made: dict[Expr, Expr] = {}
    for node in walk(equation.expr):
        if type(node) is Var:
            moved = moving.get(node.name)
        else:
            output = equation.var if node is equation.expr else node
            moved = push_through(node, made, output, primes) if any(child in made for child in node.children) else None
        if moved is not None:
            made[node] = moved
    return made.get(equation.expr)


def push_through(node: Expr, made: Mapping[Expr, Expr], output: Expr, primes: str) -> Expr | None:
    """The tangent of one node from those of its children in `made`."""
    match node:
        case Add():
            return add([made[term] for term in node.terms if term in made])
        case Contract():
            return add([contract([*node.operands[:k], made[operand], *node.operands[k + 1:]], node.inputs, node.output)
                        for k, operand in enumerate(node.operands) if operand in made])
        case Map():
            slopes = [(prime(node, k, output, primes), made[arg]) for k, arg in enumerate(node.args) if arg in made]
            terms = [moved if slope is ONE else hadamard(slope, moved) for slope, moved in slopes if slope is not None]
            return add(terms) if terms else None
    return transposed_pull_back(node, made, output)


def transposed_pull_back(node: Apply, made: Mapping[Expr, Expr], output: Expr) -> Expr | None:
    """J ẋ, where the row of the table has Jᵀ ȳ: the gradient of ⟨Jᵀ ȳ, ẋ⟩ by ȳ."""
    seed = Var(SEED, node.shape)
    pulled = TENSOR_OPS[node.op].vjp(seed, output, node.args, node.params)
    terms = [total(hadamard(term, made[arg])) if term.shape else hadamard(term, made[arg])
             for arg, term in zip(node.args, pulled) if arg in made and term is not None]
    if not terms:
        return None
    pairing = Equation("˙pairing", add(terms))
    found = contributions(pairing, walk(pairing.expr), ONE, {SEED})
    return add([term for _, term in found]) if found else None
