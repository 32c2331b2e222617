"""A node that is linear in a variable -> the tensor that it multiplies the variable by, its structure kept.

Sums stay sums and common factors stay in front, so that (1ᵀy)(diag(p) − p pᵀ) is not multiplied out. The indices of the variable
come last in the result.
"""

from __future__ import annotations

from .algebra import ONE, add, contract, hadamard
from .errors import UnsupportedError
from .expr import Add, Apply, Const, Contract, Delta, Expr, Labels, Var, names_in
from .products import Product, splice
from .ops import TENSOR_OPS


def coefficient(node: Expr, variable: Var) -> Expr:
    """J with Σ J[ι, κ] v[κ] = node[ι]. Raises `UnsupportedError` where a function keeps v inside."""
    match node:
        case Var() if node is variable:
            rank = node.rank
            if not rank:
                return ONE
            return contract([Delta(d) for d in node.shape], [(i, i + rank) for i in range(rank)], tuple(range(2 * rank)))
        case Add():
            return add([coefficient(term, variable) for term in node.terms])
        case Contract():
            return through_product(node, variable)
        case Apply(op="solve") if variable.name not in names_in(node.args[0]):
            inverse, rank = Apply("inv", node.args[:1], (), node.args[0].shape), node.rank
            return through_product(Contract((inverse, node.args[1]), ((0, 1), (1, 2)[:rank]), (0, 2)[:rank]), variable)
    name = TENSOR_OPS[node.op].text or node.op if isinstance(node, Apply) else getattr(getattr(node, "function", None), "name", "a constant")
    raise UnsupportedError(f"{name} of a direction has no closed form as a matrix; its product with a direction has (hvp, jvp)")


def through_product(node: Contract, variable: Var) -> Expr:
    """The one factor that holds the variable is replaced by its own coefficient, all products taken apart into one."""
    at, = (k for k, operand in enumerate(node.operands) if variable.name in names_in(operand))
    inner = coefficient(node.operands[at], variable)
    fresh = 1 + max((i for labels in (*node.inputs, node.output) for i in labels), default=-1)
    own = tuple(range(fresh, fresh + variable.rank))
    inputs: list[Labels] = list(node.inputs)
    inputs[at] = (*inputs[at], *own)
    whole = type(inner) is Add and all(not labels for k, labels in enumerate(node.inputs) if k != at) and node.inputs[at] == node.output
    terms = inner.terms if type(inner) is Add and not whole else (inner,)
    return add([flat([*node.operands[:at], term, *node.operands[at + 1:]], inputs, (*node.output, *own)) for term in terms])


def flat(operands: list[Expr], inputs: list[Labels], output: Labels) -> Expr:
    """A product with the products among its factors taken apart."""
    work = Product(operands, inputs, output)
    open_all(work)
    return contract(work.operands, work.labels, work.output)


def open_all(work: Product) -> None:
    """Take every product among the factors apart."""
    k = 0
    while k < len(work.operands):
        if type(work.operands[k]) is Contract:
            splice(work, k, work.operands[k])
        else:
            k += 1


def common_scalars(node: Expr) -> Expr:
    """Scalars that every term of a sum has, in front of the whole."""
    if type(node) is not Add or not node.rank:
        return node
    parts = [scalars_of(term) for term in node.terms]
    shared = []
    for s in tuple(parts[0][0]):
        if all(s in scalars for scalars, _ in parts):
            shared.append(s)
            for scalars, _ in parts:
                scalars.remove(s)  # once for each time that all have it
    if not shared:
        return node
    rest = add([hadamard(*scalars, body) if scalars else body for scalars, body in parts])
    labels = tuple(range(node.rank))
    return Contract((*shared, rest), ((),) * len(shared) + (labels,), labels)


def scalars_of(term: Expr) -> tuple[list[Expr], Expr]:
    """The factors of a product that share no index with its result, and the rest."""
    if type(term) is not Contract:
        return [], term
    term = flat(list(term.operands), list(term.inputs), term.output)
    if type(term) is not Contract:
        return [], term
    groups = components(term.inputs)
    loose = [g for g in groups if not any(i in term.output for k in g for i in term.inputs[k])]
    kept = [k for g in groups if g not in loose for k in g]
    scalars = [contract([term.operands[k] for k in g], [term.inputs[k] for k in g], ()) for g in loose]
    numbers = [s for s in scalars if type(s) is Const]
    body = contract([*numbers, *(term.operands[k] for k in sorted(kept))], [*((),) * len(numbers), *(term.inputs[k] for k in sorted(kept))], term.output)
    return [s for s in scalars if type(s) is not Const], body


def components(inputs: tuple[Labels, ...]) -> list[list[int]]:
    """The operands in groups that share an index, each in order."""
    groups: list[list[int]] = []
    for k, labels in enumerate(inputs):
        touching = [g for g in groups if any(set(labels) & set(inputs[j]) for j in g)]
        groups = [g for g in groups if g not in touching] + [sorted([k, *(j for g in touching for j in g)])]
    return sorted(groups)
