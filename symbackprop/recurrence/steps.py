"""The steps of a cotangent in a loop: those of each equation that reads it, moved to the step where it is read."""

from __future__ import annotations

from collections.abc import Iterator

from ..algebra import ONE
from ..expr import Expr, Var, names_in
from ..program import Equation, Step
from ..reverse import bar
from ..steps import equation_steps
from .adjoint import Adjoint
from .indexed import Index, moved, moved_name, parts
from .model import Loop


def steps_of(adjoint: Adjoint, name: str, raw: Expr | None, shown: Expr) -> tuple[Step, ...]:
    """The steps from the chain rule to `shown`, the cotangent of `name`; `raw` is what it was before others were put in."""
    found: list[Step] = []
    ends: list[Expr] = []
    for equation, read in readers(adjoint, name):
        seed = ONE if equation.name == adjoint.loss else Var(bar(equation.name), equation.expr.shape)
        steps, terms = equation_steps(equation, seed, read, adjoint.primes)
        found += steps
        ends += terms
        if read != name:
            found += [Step("each term of a sum", "a sum gives its cotangent to each of its terms", term, term) for term in terms]
    if len(ends) > 1 and raw is not None:
        found.append(Step("sum over all readers", f"it is read {len(ends)} times, and each reading adds its share", ends[0], raw))
    if raw is not None and raw is not shown:
        found.append(Step("put in what is known", "the cotangents on the right are written out", raw, shown))
    return tuple(found)


def readers(adjoint: Adjoint, name: str) -> Iterator[tuple[Equation, str]]:
    """The equations that read `name`, each at the step where it does, and the name that stands in it."""
    model, (base, index) = adjoint.model, parts(name)
    for item in model.items:
        if not isinstance(item, Loop):
            known = names_in(item.expr)
            yield from [(item, name)] if name in known else []
            yield from [(item, total) for total, state in model.totals.items() if state == base and total in known]
            continue
        for equation in item.equations:
            for read in names_in(equation.expr):
                own, at = parts(read)
                if read == name and (at is None or at.anchor != item.index):
                    yield equation, name
                elif own == base and at is not None and index is not None and at.anchor == item.index:
                    step = Index(index.anchor, index.offset - at.offset)
                    if is_step(step, item):
                        yield Equation(moved_name(equation.name, item.index, step), moved(equation.expr, item.index, step)), name


def is_step(index: Index, loop: Loop) -> bool:
    """Whether a loop has a step of this index (it is taken to be long enough)."""
    if index.anchor == loop.high:
        return index.offset <= 0
    return index.offset >= 1 if not index.anchor else True
