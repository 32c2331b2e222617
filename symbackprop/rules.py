"""Rules that use more than one product at a time: cancellation after distribution, and declared facts.

Each returns a node equal to the one it was given (under the facts it reports having used).
"""

from __future__ import annotations

from itertools import combinations

from .algebra import ONE, add, contract, hadamard, is_power, is_zero, scale, split_number, total, transpose, zero
from .expr import HADAMARD, Add, Apply, Contract, Delta, Expr, Map, Ones, Var, is_elementwise, is_identity, names_in, rebuild, walk
from .products import SUM_TO_ONE, Product, splice
from .program import STRUCTURES, Fact, Program
from .sameness import is_same_product

MAX_TERMS, MAX_FACTORS = 12, 6
INVERSES = frozenset({"inv", "solve"})


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
            if facts or any([type(o) is Apply and o.op == "inv" for o in part_now.operands]):
                part_now = apply_facts(opened(part_now, facts), facts, used)
            part_now = distribute(at_places(without_centred(part_now)))
        elif type(part_now) is Add:
            part_now = factor_out(part_now)
        elif type(part_now) is Apply and part_now.op in INVERSES:
            part_now = unturned(part_now, facts, used)
        made[part] = part_now
    return made[node], tuple(dict.fromkeys(used))


def without_centred(node: Expr) -> Expr:
    """Zero where a sum that is summed over one index comes to zero: Σ_i (x_i − (1/n) Σ_j x_j) = 0."""
    if type(node) is Contract:
        for operand, labels in zip(node.operands, node.inputs):
            alone = [i for i in labels if i not in node.output and sum(i in others for others in node.inputs) == 1]
            if type(operand) is Add and alone and len(set(labels)) == len(labels):
                kept = tuple(i for i in labels if i not in alone)
                if is_zero(add([contract((term,), (labels,), kept) for term in operand.terms])):
                    return zero(node.shape)
    return node


def polished(node: Expr) -> Expr:
    """`node` as it is shown: what every term of a sum has, once; A x + Aᵀ x as (A + Aᵀ) x."""
    made: dict[Expr, Expr] = {}
    for part in walk(node):
        children = tuple([made[c] for c in part.children])
        if type(part) is Contract:
            made[part] = numbers_out(part if children == part.children else contract(children, part.inputs, part.output))
        elif type(part) is Add:
            joined = with_transposes(part if children == part.children else add(children))
            made[part] = scalars_out(joined) if type(joined) is Add else joined
        else:
            made[part] = rebuild(part, children)
    return made[node]


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
            terms = [contract((*node.operands[:k], term, *node.operands[k + 1:]), node.inputs, node.output)
                     for term in operand.terms]
            return shortest(add([distribute(term) for term in terms]))
    return node


def numbers_out(node: Expr) -> Expr:
    """A number that every term of a factor has, in front of the product."""
    if type(node) is not Contract or not any([type(o) is Add for o in node.operands]):
        return node
    operands = tuple([common_number(o) if type(o) is Add else o for o in node.operands])
    return contract(operands, node.inputs, node.output) if operands != node.operands else node


def with_transposes(node: Expr) -> Expr:
    """A x + Aᵀ x is (A + Aᵀ) x."""
    if type(node) is not Add or len(node.terms) > MAX_TERMS:
        return node
    for first, second in combinations(node.terms, 2):
        joined = joined_transposes(first, second)
        if joined is not None:
            return with_transposes(add([joined if t is first else t for t in node.terms if t is not second]))
    return node


def untransposed(node: Expr) -> Expr:
    """(A B)ᵀ as the one product Bᵀ Aᵀ."""
    if type(node) is not Contract or len(node.operands) > 1 or type(node.operands[0]) is not Contract:
        return node
    work = Product(node.operands, node.inputs, node.output)
    splice(work, 0, node.operands[0])
    return work.snapshot()


def joined_transposes(first: Expr, second: Expr) -> Expr | None:
    (number, core), (other, turned) = [(number, untransposed(core)) for number, core in map(split_number, (first, second))]
    if number != other or type(core) is not Contract or type(turned) is not Contract or len(core.operands) < 2:
        return None
    for k, operand in enumerate(core.operands):
        if operand.rank == 2 and operand.shape[0] == operand.shape[1] and operand in turned.operands:
            inputs = tuple(labels[::-1] if j == k else labels for j, labels in enumerate(core.inputs))
            if is_same_product(Contract(core.operands, inputs, core.output), turned):
                both = add((operand, transpose(operand)))
                return scale(number, contract((*core.operands[:k], both, *core.operands[k + 1:]), core.inputs, core.output))
    return None


def scalars_out(node: Add) -> Expr:
    """A scalar that multiplies every term, in front of the sum."""
    split = [split_number(term) for term in node.terms]
    if any(type(core) is not Contract or () not in core.inputs for _, core in split):
        return node
    own = [[o for o, labels in zip(core.operands, core.inputs) if not labels] for _, core in split]
    shared = [o for o in dict.fromkeys(own[0]) if not is_reciprocal(o) and all(o in others for others in own)]
    rests = []
    for number, core in split:
        kept = [(o, labels) for o, labels in zip(core.operands, core.inputs) if o not in shared]
        if not shared or not kept or len(kept) + len(shared) != len(core.operands):
            return node
        rests.append(scale(number, contract([o for o, _ in kept], [labels for _, labels in kept], core.output)))
    return hadamard(*shared, shortest(add(rests)))


def is_reciprocal(node: Expr) -> bool:
    return is_power(node) and bool(node.function.params[0].is_negative)


def unturned(node: Apply, facts: tuple[Fact, ...], used: list[Fact]) -> Apply:
    """A function of Aᵀ as that of A, where A is symmetric."""
    turned = node.args[0]
    if type(turned) is not Contract or len(turned.operands) > 1 or turned.output != turned.inputs[0][::-1]:
        return node
    if not is_symmetric(turned.operands[0], facts):
        return node
    used += structures_in(turned.operands[0], facts)
    return rebuild(node, (turned.operands[0], *node.args[1:]))


def implied(program: Program) -> tuple[Fact, ...]:
    """The declared facts, and what follows for the names that equations define: that a matrix is symmetric, that sums are 1."""
    found = list(program.facts)
    for equation in program.equations:
        shape = equation.expr.shape
        if len(shape) == 2 and shape[0] == shape[1] and is_symmetric(equation.expr, tuple(found)):
            found.append(Fact("symmetric", equation.name, of=tuple(structures_in(equation.expr, tuple(found)))))
        if len(shape) in (1, 2) and may_sum_to_one(equation.expr, found):
            for axis in range(len(shape)):
                of = sum_is_one(equation.expr, axis, tuple(found))
                if of is not None:
                    found.append(Fact("sum", equation.name, axis if len(shape) == 2 else None, of=of))
    return tuple(found)


def may_sum_to_one(node: Expr, facts: list[Fact]) -> bool:
    if type(node) is Apply:
        return node.op in SUM_TO_ONE
    return type(node) in (Add, Contract) and any(f.kind == "sum" and f.name in names_in(node) for f in facts)


def sum_is_one(node: Expr, axis: int, facts: tuple[Fact, ...]) -> tuple[Fact, ...] | None:
    """The declared facts by which the sums along an axis are 1; None where they are not seen to be."""
    terms = node.terms if type(node) is Add else (node,)
    sums, used = tidy(add([total(term, (axis,)) for term in terms]), facts)
    sums = add([e for term in (sums.terms if type(sums) is Add else (sums,)) for e in multiplied_out(term)])
    return used if type(sums) is Ones or sums is ONE else None


def factor_out(node: Expr) -> Expr:
    """A factor that every term has, entry by entry, once in front of the sum: v ⊙ a − v ⊙ b is v ⊙ (a − b)."""
    if type(node) is not Add:
        return node
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
    return hadamard(first, factor_out(add(rests)))


def cancels(term: Expr, factors: tuple[Expr, ...]) -> bool:
    parts = term.operands if type(term) is Contract else (term,)
    return any(is_reciprocal(p) and p.args[0] in factors for p in parts)


def shortest(node: Expr) -> Expr:
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
                used += declared(fact)
                break
    if not changed:
        return node
    kept = [(o, i) for o, i in zip(operands, inputs) if not (type(o) is Ones and not o.shape)]
    if not kept:
        return ONE
    return contract([o for o, _ in kept], [i for _, i in kept], node.output)


def is_symmetric(node: Expr, facts: tuple[Fact, ...]) -> bool:
    """Whether a square matrix is its own transpose, by the facts and by its form."""
    match node:
        case Var():
            return any(f.kind in STRUCTURES and f.name == node.name for f in facts)
        case Add() | Map():
            return all(not part.rank or is_symmetric(part, facts) for part in node.children)
        case Delta():
            return is_identity(node)
        case Ones():
            return node.shape[0] == node.shape[-1]
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
    return [d for f in facts if f.kind in STRUCTURES and f.name in names_in(node) for d in declared(f)]


def declared(fact: Fact) -> tuple[Fact, ...]:
    """The facts that the user gave, of which a fact is one or follows."""
    return (fact,) if fact.of is None else fact.of


def sums_alone(node: Contract, k: int, fact: Fact) -> bool:
    """Whether the labels that `fact` sums over are summed here and stand in no other factor."""
    own = node.inputs[k]
    axes = range(len(own)) if fact.axis is None else (fact.axis,)
    labels = [own[a] for a in axes]
    others = [i for j, inputs in enumerate(node.inputs) if j != k for i in inputs]
    return len(set(own)) == len(own) and all(i not in node.output and i not in others for i in labels)
