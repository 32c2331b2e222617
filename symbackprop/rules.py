"""Rules that use more than one product at a time: cancellation after distribution, and declared facts.

Each returns a node equal to the one it was given (under the facts it reports having used).
"""

from __future__ import annotations

from itertools import combinations

from .algebra import Product, add, contract, hadamard, is_same_product, scale, splice, split_number
from .expr import HADAMARD, Add, Apply, Contract, Expr, Map, Ones, Var, is_elementwise, names_in, rebuild, walk
from .program import STRUCTURES, Fact

MAX_TERMS, MAX_FACTORS = 12, 6


def tidy(node: Expr, facts: tuple[Fact, ...] = ()) -> tuple[Expr, tuple[Fact, ...]]:
    """`node` with cancellations made and `facts` put in; also the facts that were used."""
    made: dict[Expr, Expr] = {}
    used: list[Fact] = []
    for part in walk(node):
        children = tuple([made[c] for c in part.children])
        if children != part.children:
            if type(part) is Contract:
                part_now = contract(children, part.inputs, part.output)
            else:
                part_now = add(children) if type(part) is Add else rebuild(part, children)
        else:
            part_now = part
        if type(part_now) is Contract:
            part_now = apply_facts(opened(part_now, facts), facts, used) if facts else part_now
            part_now = distribute(at_places(part_now))
        elif type(part_now) is Add:
            part_now = factor_out(part_now)
        made[part] = part_now
    return made[node], tuple(dict.fromkeys(used))


def at_places(node: Expr) -> Expr:
    """A function of the entries that a one-hot factor picks, as that function of every entry: the factor picks anyway."""
    if type(node) is not Contract:
        return node
    for k, operand in enumerate(node.operands):
        for hot, labels in zip(node.operands, node.inputs):
            if type(operand) is Map and len(operand.args) == 1 and is_pick(operand.args[0], hot) and labels[:-1] == node.inputs[k]:
                wide = rebuild(operand, (operand.args[0].operands[1],))
                return at_places(contract((*node.operands[:k], wide, *node.operands[k + 1:]),
                                          (*node.inputs[:k], labels, *node.inputs[k + 1:]), node.output))
    return node


def is_pick(node: Expr, hot: Expr) -> bool:
    """Whether a node is the entries along the last axis of a tensor that the one-hot `hot` picks."""
    return type(hot) is Apply and hot.op == "one_hot" and type(node) is Contract and len(node.operands) == 2 \
        and node.operands[0] is hot and node.inputs[0] == node.inputs[1] and node.output == node.inputs[0][:-1]


def distribute(node: Expr) -> Expr:
    """Multiply out a sum where a factor beside it cancels a reciprocal inside it; expand if that is no longer."""
    if type(node) is not Contract or not is_elementwise(node.inputs, node.output):
        return node
    for k, operand in enumerate(node.operands):
        if type(operand) is Add and any(cancels(term, node.operands) for term in operand.terms):
            labels = node.inputs[k]
            terms = [contract((*node.operands[:k], term, *node.operands[k + 1:]), node.inputs, node.output)
                     for term in operand.terms]
            return shortest(add([distribute(term) for term in terms]), labels)
    return node


def factor_out(node: Add) -> Expr:
    """A factor that every term has, entry by entry, once in front of the sum: v ⊙ a − v ⊙ b is v ⊙ (a − b)."""
    split = [split_number(term) for term in node.terms]
    if any(type(core) is not Contract or core.ornate != HADAMARD for _, core in split):
        return node
    shared = [f for f in split[0][1].operands if all(f in core.operands for _, core in split[1:])]
    if not shared or any(len(core.operands) == 1 for _, core in split):
        return node
    first = shared[0]
    rests = []
    for number, core in split:
        operands = list(core.operands)
        operands.remove(first)
        rests.append(scale(number, hadamard(*operands)))
    return hadamard(first, factor_out(rest) if type(rest := add(rests)) is Add else rest)


def cancels(term: Expr, factors: tuple[Expr, ...]) -> bool:
    parts = term.operands if type(term) is Contract else (term,)
    return any(type(p) is Map and p.function.name == "pow" and p.function.params[0].is_negative and p.args[0] in factors
               for p in parts)


def shortest(node: Expr, labels: tuple[int, ...]) -> Expr:
    """`node` fully multiplied out, if that has no more terms than it had."""
    if type(node) is not Add:
        return node
    expanded = add([e for term in node.terms for e in multiplied_out(term)])
    count = len(expanded.terms) if type(expanded) is Add else 1
    return common_number(expanded if count <= len(node.terms) else node)


def common_number(node: Expr) -> Expr:
    """A number that every term has, in front of the whole sum."""
    if type(node) is not Add:
        return node
    numbers = [split_number(term)[0] for term in node.terms]
    number = numbers[0] if not numbers[0].could_extract_minus_sign() else -numbers[0]
    if number == 1 or any(n not in (number, -number) for n in numbers):
        return node
    return scale(number, add([scale(1 / number, term) for term in node.terms]))


def multiplied_out(node: Expr) -> list[Expr]:
    if type(node) is not Contract or not is_elementwise(node.inputs, node.output):
        return [node]
    for k, operand in enumerate(node.operands):
        if type(operand) is Add and len(operand.terms) <= MAX_TERMS:
            parts = [contract((*node.operands[:k], term, *node.operands[k + 1:]), node.inputs, node.output)
                     for term in operand.terms]
            return [e for part in parts for e in multiplied_out(part)]
    return [node]


def opened(node: Contract, facts: tuple[Fact, ...]) -> Contract:
    """`node` with a product that it reads transposed taken apart, if a factor of that needs no transpose: (A B)ᵀ is Bᵀ A."""
    for k, operand in enumerate(node.operands):
        if type(operand) is Contract and operand.rank == 2 and reads_turned(node, k) and any(
                o.rank == 2 and is_symmetric(o, facts) for o in operand.operands):
            work = Product(node.operands, node.inputs, node.output)
            splice(work, k, operand)
            return work.snapshot()
    return node


def apply_facts(node: Contract, facts: tuple[Fact, ...], used: list[Fact]) -> Expr:
    """Sums that are declared to be 1 are put in; a symmetric matrix is read the way that needs no transpose."""
    operands, inputs = list(node.operands), list(node.inputs)
    changed = False
    for k, operand in enumerate(operands):
        if operand.rank == 2 and reads_turned(node, k) and is_symmetric(operand, facts):
            inputs[k], changed = inputs[k][::-1], True
            used += structures_in(operand, facts)
        if type(operand) is Apply and operand.op == "one_hot" and sums_alone(node, k, Fact("sum", "", operand.rank - 1)):
            operands[k], inputs[k], changed = Ones(operand.shape[:-1]), inputs[k][:-1], True
            used += [fact for fact in facts if fact.kind == "index" and fact.name in names_in(operand)]
        if type(operand) is not Var:
            continue
        for fact in facts:
            if fact.name != operand.name:
                continue
            own = inputs[k]
            if fact.kind == "sum" and sums_alone(node, k, fact):
                axes = range(len(own)) if fact.axis is None else (fact.axis,)
                rest = tuple(i for j, i in enumerate(own) if j not in axes)
                operands[k], inputs[k] = Ones(tuple(d for j, d in enumerate(operand.shape) if j not in axes)), rest
                changed = True
                used.append(fact)
                break
    if not changed:
        return node
    kept = [(o, i) for o, i in zip(operands, inputs) if not (type(o) is Ones and not o.shape)]
    if not kept:
        from .algebra import ONE
        return ONE
    return contract([o for o, _ in kept], [i for _, i in kept], node.output)


def is_symmetric(node: Expr, facts: tuple[Fact, ...]) -> bool:
    """Whether a square matrix is its own transpose, by the facts and by its form."""
    match node:
        case Var():
            return any(f.kind in STRUCTURES and f.name == node.name for f in facts)
        case Add():
            return all(is_symmetric(term, facts) for term in node.terms)
        case Apply(op="symmetric"):
            return True
        case Apply(op="inv" | "matrix_power"):
            return is_symmetric(node.args[0], facts)
        case Contract() if len(node.operands) <= MAX_FACTORS and node.rank == 2:
            turnable = [k for k, o in enumerate(node.operands) if o.rank == 2 and is_symmetric(o, facts)]
            turned = [Contract(node.operands, tuple(labels[::-1] if k in some else labels for k, labels in enumerate(node.inputs)),
                               node.output[::-1]) for some in subsets(turnable)]
            return any(is_same_product(node, other) for other in turned)
    return False


def reads_turned(node: Contract, k: int) -> bool:
    """Whether a matrix stands transposed in a product, read from the row index of the result to its column index."""
    if not node.output:
        return False
    from_row = steps_from(node, node.output[0])
    to_column = steps_from(node, node.output[-1]) if len(node.output) == 2 else {}
    first, second = node.inputs[k]
    if first in from_row and second in from_row:
        return from_row[first] > from_row[second]
    return first in to_column and second in to_column and to_column[first] < to_column[second]


def steps_from(node: Contract, start: int) -> dict[int, int]:
    """How many matrices lie between an index and each other one that they lead to."""
    found, edge = {start: 0}, [start]
    while edge:
        at = edge.pop(0)
        for labels in node.inputs:
            if len(labels) == 2 and at in labels:
                other = labels[0] if labels[1] == at else labels[1]
                if other not in found:
                    found[other] = found[at] + 1
                    edge.append(other)
    return found


def subsets(items: list[int]) -> list[tuple[int, ...]]:
    return [some for count in range(len(items) + 1) for some in combinations(items, count)]


def structures_in(node: Expr, facts: tuple[Fact, ...]) -> list[Fact]:
    return [f for f in facts if f.kind in STRUCTURES and f.name in names_in(node)]


def sums_alone(node: Contract, k: int, fact: Fact) -> bool:
    """Whether the labels that `fact` sums over are summed here and stand in no other factor."""
    own = node.inputs[k]
    axes = range(len(own)) if fact.axis is None else (fact.axis,)
    labels = [own[a] for a in axes]
    others = [i for j, inputs in enumerate(node.inputs) if j != k for i in inputs]
    return len(set(own)) == len(own) and all(i not in node.output and i not in others for i in labels)
