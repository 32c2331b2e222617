"""What `derive` prints in place of gradients: blocks of a Hessian or a Jacobian in every form of output, products with directions, differentials."""

from __future__ import annotations

import json

from .errors import SymbackpropError, UnsupportedError
from .expr import names_in, show_shape
from .results import Derivation
from .second import Jacobian, hessian, hvp, jacobian, jvp
from .show.conditions import Conditions
from .show.page import Line, Note, Section, html, latex_block, markdown, said, tex_document
from .show.printing import beside, math_lines
from .show.sections import stated

Found = tuple[str, list[Jacobian], tuple[tuple[Note, ...], tuple[Note, ...]]]  # a title, the blocks, notes as text and in LaTeX


def second_order(derivation: Derivation) -> Found:
    """The blocks of the Hessian by the derivation's names, with what the gradients that they differentiate rest on."""
    found = hessian(derivation.program, derivation.wrt, derivation.loss, derivation.notation)
    return "Hessian", list(found.values()), tuple(stated_in(derivation, tex) for tex in (False, True))


def stated_in(derivation: Derivation, tex: bool) -> tuple[Note, ...]:
    writer = derivation.writer(tex)
    found = Conditions(derivation.program, derivation.backward, derivation.made("expanded")).users
    return tuple(stated(condition, derivation.program, writer) for condition in found)


def first_order(derivation: Derivation, of: str, layout: str = "numerator") -> Found:
    """The Jacobians of a value by each of the derivation's names that it depends on.

    Raises `SymbackpropError` where no equation defines it.
    """
    if of not in derivation.program.table:
        jacobian(derivation.program, of, derivation.wrt[0])  # says which names there are
    made = [jacobian(derivation.program, of, name, layout, derivation.notation) for name in reached(derivation, of)]
    if not made:
        raise SymbackpropError(f"{of} depends on none of {', '.join(derivation.wrt)}")
    said_so = (f"{layout.capitalize()} layout: a {'row' if layout == 'numerator' else 'column'} for each entry of what is differentiated",)
    return f"Jacobian of {of}", made, (said_so, said_so)


def equations(derivation: Derivation, what: str, of: str | None, to: str) -> str:
    """Products with directions (`hvp`, `jvp` of a value) or the steps in differentials, as text or LaTeX.

    Raises `UnsupportedError` for any other form of output.
    """
    if to not in ("text", "latex"):
        raise UnsupportedError(f"--{what} is written as text or LaTeX", hint="--to latex")
    tex = to == "latex"
    if what == "differentials":
        return "\n\n".join(gradient.differentials(tex=tex) for gradient in derivation.gradients.values())
    made = hvp(derivation.program, derivation.wrt, derivation.loss, derivation.notation) if what == "hvp" else (
        jvp(derivation.program, of, derivation.wrt, derivation.notation))
    return made.latex() if tex else made.text()


def reached(derivation: Derivation, of: str) -> list[str]:
    """The names to differentiate by that a value is made of."""
    seen, waiting = set(), [of]
    while waiting:
        name = waiting.pop()
        if name not in seen:
            seen.add(name)
            equation = derivation.program.table.get(name)
            waiting += names_in(equation.expr) if equation is not None else ()
    return [name for name in derivation.wrt if name in seen and name != of]


def rendered(found: Found, to: str, title: str, flavour: str = "jupyter") -> str:
    """The blocks as text, latex, tex, markdown, mathml, html or json."""
    name, blocks, (plain, tex) = found
    if to == "json":
        return json.dumps({"version": 1, "title": name, "assumptions": [said(note, str, str) for note in plain], "blocks": [as_json(b) for b in blocks]}, ensure_ascii=False, indent=1)
    sides = [b.text() if to == "text" else b.latex() for b in blocks]
    lines = tuple(Line(*side.split(" = ", 1), shape=" × ".join(show_shape((d,)) for d in b.shape)) for side, b in zip(sides, blocks))
    section = Section(name, lines, tex)
    match to:
        case "text":
            return "\n".join([*map(beside, lines), *[""] * bool(plain), *(said(note, str, str) for note in plain)])
        case "latex":
            return latex_block(lines, tex)
        case "mathml":
            return math_lines([section])
        case "markdown":
            return markdown(title, [section], flavour)
    return {"tex": tex_document, "html": html}[to](title, [section])


def as_json(block: Jacobian) -> dict[str, object]:
    return {"of": block.of, "wrt": [n for n in block.wrt if n], "shape": [str(d) for d in block.shape], "text": block.text(), "latex": block.latex()}
