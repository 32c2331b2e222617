"""The right formula in the user's notation, for a claim that no small edit repairs."""

from __future__ import annotations

from collections.abc import Iterator

from .errors import SymbackpropError
from .expr import Expr, Var, names_in, walk
from .program import Claim, Program
from .truth import Truth, is_quantity
from .writing import TextWriter


def restated(program: Program, truth: Truth, claim: Claim, left: Expr, is_tex: bool, spoken: dict[str, str]) -> Iterator[str]:
    """Right sides that say the truth: in the quantities that earlier lines name (`spoken`), else written out."""
    if type(left) is not Var or not is_quantity(left.name):
        return
    equation = truth.equation(left.name)
    for node in dict.fromkeys((equation, truth.without_quantities(equation, set(spoken)), truth.without_quantities(equation, set()))):
        if all(name in spoken for name in names_in(node) if is_quantity(name)):
            try:
                text = in_tex(program, node, spoken) if is_tex else in_python(node, spoken)
            except SymbackpropError:
                continue
            yield text


def in_tex(program: Program, node: Expr, spoken: dict[str, str]) -> str:
    from .tex.write import LatexWriter
    writer: TextWriter = LatexWriter(symbols={**program.names, **spoken})
    return writer.write(node)


def in_python(node: Expr, spoken: dict[str, str]) -> str:
    from .codegen.terms import Writer
    sizes = {s: s.name for n in walk(node) for d in n.shape for s in d.free_symbols}
    names = {name: spoken.get(name, name) for name in names_in(node)}
    return Writer(names, sizes, set(names.values())).code(node).text.replace(".astype(float)", "").replace("np.", "")
