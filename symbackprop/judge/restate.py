"""The right formula in the user's notation, for a claim that no small edit repairs."""

from __future__ import annotations

import re
from collections.abc import Iterator

from ..algebra import add, is_zero, negative
from ..budget import OutOfTime
from ..errors import SymbackpropError
from ..expr import Add, Apply, Expr, Var, names_in, rebuild, walk
from ..normal import TooLarge, expanded, unmarked
from ..program import Claim, Fact, Program
from ..show.writing import TextWriter
from .truth import Truth, is_quantity


def restated(program: Program, truth: Truth, claim: Claim, left: Expr, is_tex: bool, spoken: dict[str, str]) -> Iterator[str]:
    """Right sides that say the truth: in the quantities that earlier lines name (`spoken`), else written out."""
    if type(left) is not Var or not is_quantity(left.name):
        return
    equation = truth.equation(left.name)
    own = indices_of(claim.text.partition("=")[0], left.rank) if is_tex else ""
    for node in dict.fromkeys((equation, truth.without_quantities(equation, set(spoken)), truth.without_quantities(equation, set()))):
        if all(name in spoken for name in names_in(node) if is_quantity(name)):
            try:
                if own:
                    yield entry_in_tex(program, node, spoken, own)
                yield in_tex(program, node, spoken) if is_tex else in_python(node, spoken)
            except SymbackpropError:
                continue


def indices_of(left: str, rank: int) -> str:
    """The letters of a left side's subscripts, above and below or below alone, where they are as many as its axes."""
    found = re.findall(r"_\{?([a-z]{1,2})(?![A-Za-z])", left)
    return next((letters for letters in (found[-1] if found else "", "".join(found)) if len(letters) == rank), "") if rank else ""


def in_tex(program: Program, node: Expr, spoken: dict[str, str]) -> str:
    from ..tex.write import LatexWriter
    writer: TextWriter = LatexWriter(symbols={**program.names, **spoken})
    return writer.write(node)


def entry_in_tex(program: Program, node: Expr, spoken: dict[str, str], own: str) -> str:
    """The entry at the indices that the left side has."""
    from ..show.indices import IndexWriter
    from ..tex.write import LatexWriter
    writer = IndexWriter(LatexWriter(symbols={**program.names, **spoken}))
    free = [letter for letter in (*writer.letters(node)[0], *writer.letters(node)[1]) if letter not in own]
    return writer.writer.form(writer.entry(node, list(own), free))[0]


def in_python(node: Expr, spoken: dict[str, str]) -> str:
    from ..codegen.terms import Writer
    sizes = {s: s.name for n in walk(node) for d in n.shape for s in d.free_symbols}
    names = {name: spoken.get(name, name) for name in names_in(node)}
    text = Writer(names, sizes, set(names.values())).code(node).text
    return re.sub(r"(?<![\w.])(\d+)\.0(?!\d)", r"\1", text.replace(".astype(float)", "").replace("np.", ""))


def remainder(program: Program, truth: Truth, left: Expr, right: Expr, is_tex: bool, spoken: dict[str, str]) -> Iterator[str]:
    """What is missing: the truth less the claim, where that is one term, or two of several."""
    if type(left) is not Var or not is_quantity(left.name):
        return
    equation = truth.equation(left.name)
    own = {n for n in names_in(right) if is_quantity(n)} - {left.name}
    for keep in (set(spoken), own | set(spoken), set()):
        a = truth.without_quantities(equation, keep)
        for x, y in dict.fromkeys(((a, right), (truth.without_activations(a), truth.without_activations(right)))):
            whole, parts = terms_of(x, program.facts), terms_of(add([x, negative(y)]), program.facts)
            if 0 < len(parts) <= 2 and len(parts) < len(whole):
                node = add(parts)
                if any(n not in spoken for n in names_in(node) if is_quantity(n)):
                    continue
                try:
                    yield in_tex(program, node, spoken) if is_tex else in_python(node, spoken)
                except SymbackpropError:
                    continue


def terms_of(node: Expr, facts: tuple[Fact, ...]) -> list[Expr]:
    """The terms of a node multiplied out, like ones merged."""
    try:
        found = add(expanded(node, facts))
    except (TooLarge, OutOfTime):
        return []
    return [] if is_zero(found) else [unmarked(t) for t in (found.terms if type(found) is Add else (found,))]
