"""A claim that is right under a fact which the text does not state: the facts that are tried, one row each."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from ..expr import Contract, Expr, Var, names_in, walk
from ..program import Claim, Fact, Program
from .comparison import holds
from .evidence import Bench
from .truth import is_quantity, parts_of

if TYPE_CHECKING:
    from .judging import Judge


class Candidate(NamedTuple):
    """Facts about a tensor that a text often leaves out, and how a sentence says them."""

    facts: tuple[Fact, ...]
    said: str


def candidates(var: Var, is_data: bool) -> list[Candidate]:
    name = var.name
    found: list[Candidate] = []
    if var.rank == 1 and is_data:
        found.append(Candidate((Fact("sum", name),), f"the entries of {name} sum to 1"))
    if var.rank == 2 and is_data:
        for axis, part in ((1, "row"), (0, "column")):
            found.append(Candidate((Fact("sum", name, axis=axis),), f"every {part} of {name} sums to 1"))
    if var.rank == 2 and var.shape[0] == var.shape[1]:
        found.append(Candidate((Fact("symmetric", name),), f"{name} is symmetric"))
    if is_data and var.rank:
        found.append(Candidate((Fact("binary", name),), f"the entries of {name} are 0 or 1"))
    found.append(Candidate((Fact("range", name, low=0),), f"{name} is positive"))
    if var.rank and is_data:
        axes = (None,) if var.rank == 1 else range(var.rank)
        found += [Candidate((Fact("sum", name, axis=a), Fact("binary", name)), f"{name} is one-hot") for a in axes]
    return found


def is_operator(program: Program, var: Var) -> bool:
    """Whether a tensor maps others, as weights do: an index of it is summed over in what is no scalar."""
    for equation in program.equations:
        for node in walk(equation.expr):
            if type(node) is Contract and node.shape and sum(bool(o.shape) for o in node.operands) > 1 and any(
                    o is var and set(labels) - set(node.output) for o, labels in zip(node.operands, node.inputs)):
                return True
    return False


def missing_fact(judge: Judge, claim: Claim, left: Expr, right: Expr) -> tuple[tuple[Fact, ...], dict[str, str]] | None:
    """The first fact under which a refuted claim is right, with the diagnosis."""
    program = judge.program
    wrt = {parts_of(n)[1] for c in program.claims if c.left is not None for n in names_in(c.left) if is_quantity(n)}
    learned = {parts_of(c.left.name)[1] for c in program.claims if c.strict and type(c.left) is Var} if "\\" not in claim.text else set()
    spoken = judge.truth.without_names(judge.truth.without_quantities(left, set()))
    for name, var in program.inputs.items():
        if name not in names_in(spoken) and name not in names_in(right) or name in learned:
            continue  # what code learns, or takes a gradient of, is of no special form
        for candidate in candidates(var, name not in wrt and not is_operator(program, var)):
            facts = (*judge.granted, *candidate.facts)
            bench = Bench(program, judge.truth, facts)
            if bench.differ_roughly(left, right, where=3) is not False:
                continue
            if holds(left, right, bench):
                fix = ", ".join(written(f, claim) for f in candidate.facts)
                message = f"right if {candidate.said}, which the text does not say"
                return candidate.facts, {"kind": "missing-assumption", "message": message, "fix": fix}
    return None


def written(fact: Fact, claim: Claim) -> str:
    """A fact in the notation of the claim's text."""
    if "\\" not in claim.text:
        return f"fact: {fact}"
    match fact.kind:
        case "sum" if fact.axis is None:
            return rf"\mathbf{{1}}^\top {fact.name} = 1"
        case "sum":
            return rf"{fact.name} \mathbf{{1}} = \mathbf{{1}}" if fact.axis == 1 else rf"\mathbf{{1}}^\top {fact.name} = \mathbf{{1}}^\top"
        case "symmetric":
            return rf"{fact.name} = {fact.name}^\top"
        case "binary":
            return rf"{fact.name} \in \{{0, 1\}}"
    return f"{fact.name} > {fact.low}"
