"""The steps of one gradient: the chain rule in its raw form, then the very rules that the engine simplifies by.

Each share of a cotangent is replayed from the delta form of the pull-back; the last step ends in the gradient itself
(a test holds that it does).
"""

from __future__ import annotations

from .algebra import ONE, add, contract, hadamard
from .cells import prime
from .expr import Add, Apply, Contract, Delta, Expr, Map, Ones, Var, names_in, walk
from .ops import SCALAR_OPS, TENSOR_OPS
from .products import CONTRACTION_RULES, Product, finish
from .program import Equation, Program, Step
from .reverse import bar, pull, pull_back, read_pattern
from .views import Use


class Steps:
    """What finding the steps of one name after another needs to know of a derivation, gathered once."""

    def __init__(self, program: Program, backward: Program, primes: str = "output") -> None:
        self.table = backward.table
        self.primes = primes
        self.readers: dict[str, list[Equation]] = {}
        for equation in program.equations:
            for name in names_in(equation.expr):
                self.readers.setdefault(name, []).append(equation)


def steps_of(known: Steps, name: str, shown: Expr, use: Use | None = None) -> tuple[Step, ...]:
    """The steps from the chain rule to `shown`, the cotangent of `name` in the view that the reader has.

    `use` tells which declared facts were put in on the way, and into what.
    """
    table, primes = known.table, known.primes
    target = table[bar(name)].expr
    found: list[Step] = []
    terms: list[Expr] = []
    for equation in known.readers.get(name, ()):
        if bar(equation.name) not in table:
            continue
        total = table[bar(equation.name)].expr
        seed = ONE if total is ONE else Var(bar(equation.name), total.shape)
        steps, ends = equation_steps(equation, seed, name, primes)
        found += steps
        terms += ends
    if len(terms) > 1:
        found.append(Step("sum over all readers", f"{name} is read {len(terms)} times, and each reading adds its share",
                          terms[0], target))
    before = use.before if use else shown
    if before is not target:
        found.append(Step("put in what is known", "the cotangents on the right are written out", target, before))
    if use:
        found.append(Step("put in a declared fact", "the model states it", before, shown,
                          condition=", ".join(map(str, use.facts))))
    return tuple(found)


def equation_steps(equation: Equation, seed: Expr, name: str, primes: str) -> tuple[list[Step], list[Expr]]:
    """The steps of all paths from the left side of an equation to `name`, and where each path ends."""
    order = list(walk(equation.expr))
    live = {node for node in order if type(node) is Var and node.name == name}
    for node in order:
        if any(child in live for child in node.children):
            live.add(node)
    waiting: dict[Expr, list[Expr]] = {equation.expr: [seed]}
    steps: list[Step] = []
    for node in reversed(order):
        if node not in waiting or node not in live:
            continue
        total = add(waiting[node])
        if type(node) is Var:
            return steps, [total]
        output = equation.var if node is equation.expr else node
        shares: dict[Expr, list[Expr]] = {}
        for k, (child, term) in enumerate(numbered_pulls(node, total, output, primes)):
            if child in live:
                first, *rest = local_steps(node, k, total, output, term, primes) or [None]
                steps += [first._replace(by=child), *rest] if first else []
                shares.setdefault(child, []).append(term)
        for child, terms in shares.items():
            waiting[child] = terms + waiting.get(child, [])
    return steps, []


def numbered_pulls(node: Expr, cotangent: Expr, output: Expr, primes: str) -> list[tuple[Expr, Expr]]:
    if type(node) is Contract:
        return [(operand, pull(node, k, cotangent)) for k, operand in enumerate(node.operands)]
    return pull_back(node, cotangent, output, primes)


def local_steps(node: Expr, k: int, cotangent: Expr, output: Expr, term: Expr, primes: str) -> list[Step]:
    """The steps through one node, for its `k`-th child."""
    match node:
        case Add():
            return [Step("chain rule through a sum", "a sum hands its cotangent on to each of its terms", node, term)]
        case Contract():
            return contraction_steps(node, k, cotangent, term)
        case Map():
            return map_steps(node, k, cotangent, output, term, primes)
        case Apply():
            row = TENSOR_OPS[node.op]
            return [Step(f"pull-back through {row.text or row.name}", row.because, node, term, condition=row.condition)]
    return []


def contraction_steps(node: Contract, k: int, cotangent: Expr, term: Expr) -> list[Step]:
    """Σ Ȳ · (the other factors) · δ for each index of the operand that was read, then the deltas collapse."""
    raw = delta_form(node, k, cotangent)
    steps = [Step("chain rule through a product", "differentiate by one factor, the others held: the cotangent takes its slot",
                  node, raw, "index")]
    steps += replay(raw)
    if steps[-1].after is term and term.rank and type(term) is Contract:
        steps.append(Step("read the indices as matrices", reading(term), term, term))
    return steps


def delta_form(node: Contract, k: int, cotangent: Expr) -> Contract:
    """The pull-back before anything collapses: a delta ties each index of the result to one of the operand."""
    inputs = list(read_pattern(node.inputs, node.output, k)[0])
    operands = list(node.operands)
    operands[k] = cotangent
    fresh = max((i for labels in (*node.inputs, node.output) for i in labels), default=-1) + 1
    output = []
    for label, dim in zip(node.inputs[k], node.operands[k].shape):
        operands.append(Delta(dim))
        inputs.append((label, fresh))
        output.append(fresh)
        fresh += 1
    return Contract(tuple(operands), tuple(inputs), tuple(output))


def replay(raw: Contract) -> list[Step]:
    """The rules of `contract` one at a time, from `raw` to its simplified form."""
    work, before, steps = Product(raw.operands, raw.inputs, raw.output), raw, []
    for rule in CONTRACTION_RULES:
        if rule.apply(work) and work.operands:
            after = work.snapshot()
            if after is not before:
                steps.append(Step(rule.name, rule.because, before, after, "index"))
                before = after
    end = finish(work)
    if end is not before and steps:
        steps[-1] = steps[-1]._replace(after=end)
    return steps


def reading(term: Contract) -> str:
    """Which rows of the reading table a contraction shows."""
    inputs, output = [i for i in term.inputs if i], term.output
    shared = {i for labels in inputs for i in labels if sum(i in other for other in inputs) > 1}
    parts = []
    if any(i not in output for i in shared):
        parts.append("an index that two factors share and that is summed is a matrix product")
    if any(i in output for i in shared):
        parts.append("an index that is shared and kept is a Hadamard product ⊙")
    if len(output) == 2 and not shared and not any(set(output) <= set(labels) for labels in inputs):
        parts.append("two indices, each kept and in one factor only, are an outer product")
    if any(sum(i in other for other in inputs) == 1 and i not in output for labels in inputs for i in labels):
        parts.append("an index of one factor only that is summed is a product with the ones vector")
    return "; ".join(parts) or "each index stands where it stood"


def map_steps(node: Map, k: int, cotangent: Expr, output: Expr, term: Expr, primes: str) -> list[Step]:
    """Jacobian diag(f′(z)), the delta collapses, ⊙ appears, f′ in terms of the output."""
    f = node.function
    slope = Map(f.differentiated(k), node.args)
    row = SCALAR_OPS.get(f.name)
    kinks = row.kinks if row else ""
    if not node.rank or f.name == "pow":
        return [Step(f"chain rule through {label(f)}", "the outer derivative times the inner one", node, term, condition=kinks)]
    rank = node.rank
    after: list[Step] = []
    if rank == 1:
        n = node.shape[0]
        diagonal = Contract((slope, Delta(n)), ((0,), (0, 1)), (0, 1))
        jacobian = Contract((diagonal, cotangent), ((0, 1), (0,)), (1,))
        spelled = Contract((Delta(n), slope, cotangent), ((0, 1), (1,), (1,)), (0,))
        collapsed = hadamard(cotangent, slope)
        after = [Step(f"chain rule through {label(f)}", "each entry of the output depends on its own entry alone, so the Jacobian "
                      "is diagonal", node, jacobian, condition=kinks),
                 Step("write the product with the diagonal matrix entry by entry", "a matrix times a vector is a sum",
                      jacobian, spelled, "index"),
                 Step("the delta collapses", "Σ_k δ_ik v_k = v_i: only k = i survives in the sum", spelled, collapsed, "index"),
                 Step("⊙ appears", "an index that is shared and kept is a Hadamard product", collapsed, collapsed)]
    else:
        collapsed = hadamard(cotangent, slope)
        after = [Step(f"chain rule through {label(f)}", "entry by entry: each output entry depends on its own input entry alone",
                      node, collapsed, condition=kinks)]
    if term is not collapsed:
        after.append(Step("derivative in terms of the output", f"{label(f)}′ as it is written with what is already computed",
                          collapsed, term))
    return after


def label(f: object) -> str:
    row = SCALAR_OPS.get(f.name)
    return {"pow": "a power", "sigmoid": "sigmoid"}.get(f.name) or (row.name if row else f.name)
