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
from .model import Loop, placed


def steps_of(adjoint: Adjoint, name: str, raw: Expr | None, shown: Expr) -> tuple[Step, ...]:
    """The steps from the chain rule to `shown`, the cotangent of `name`; `raw` is what it was before others were put in."""
    found: list[Step] = []
    ends: list[Expr] = []
    for equation, read in readers(adjoint, name):
        if bar(equation.name) in adjoint.nothing:
            continue
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
    model = adjoint.model
    for equation, around in placed(model.items):
        loops = {loop.index: loop for loop in around}
        for read in names_in(equation.expr):
            key = model.totals.get(read)
            places = matched(key or read, name, loops, set(model.letters(key)) if key else set())
            if places is not None:
                reader = equation.name, equation.expr
                seen = read
                for letter, place in places.items():
                    reader = moved_name(reader[0], letter, place), moved(reader[1], letter, place)
                    seen = moved_name(seen, letter, place)
                yield Equation(*reader), seen


def matched(read: str, name: str, loops: dict[str, Loop], free: set[str]) -> dict[str, Index] | None:
    """The steps of the loops at which what is read as `read` is `name`; None where there are none. A letter in `free` that no
    loop has stands for every step."""
    (base, reads), (own, indices) = parts(read), parts(name)
    if base != own or len(reads) != len(indices):
        return None
    found: dict[str, Index] = {}
    for at, index in zip(reads, indices):
        if at.anchor in loops:
            found[at.anchor] = Index(index.anchor, index.offset - at.offset)
            if not is_step(found[at.anchor], loops[at.anchor]):
                return None
        elif at != index and at.anchor not in free:
            return None
    return {letter: place for letter, place in found.items() if place != Index(letter)}


def is_step(index: Index, loop: Loop) -> bool:
    """Whether a loop has a step of this index (it is taken to be long enough)."""
    if index.anchor == loop.high:
        return index.offset <= 0
    return index.offset >= loop.first if not index.anchor else True
