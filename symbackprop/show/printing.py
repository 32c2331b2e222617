"""A derivation in each output form: what the command line and the objects print."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from ..expr import Expr
from ..notation import Notation
from ..program import Equation
from ..reverse import bar
from .indices import IndexWriter
from .page import Line, Section, html, latex_block, markdown, markdown_steps, said, tex_document
from .sections import Sections, Wanted, assumptions
from .written_out import columns_of

if TYPE_CHECKING:
    from ..results import Derivation, Gradient


def render(derivation: Derivation, to: str, wanted: Wanted = Wanted(), title: str = "derivation", flavour: str = "jupyter") -> str:
    """The derivation as text, latex, tex, markdown (of a flavour, jupyter or github), mathml, html or json."""
    if to == "json":
        return json.dumps(derivation.as_json(wanted), ensure_ascii=False, indent=1)
    found = derivation.sections(derivation.writer(to != "text"), wanted, to == "text" and not wanted.steps).all()
    match to:
        case "text":
            return text(found, wanted.steps)
        case "latex":
            return latex_block(tuple(line for section in found for line in section.lines),
                               tuple(note for section in found for note in section.notes))
        case "mathml":
            return math_lines(found)
        case "markdown":
            return markdown(title, found, flavour)
    return {"tex": tex_document, "html": html}[to](title, found)


def text(sections: list[Section], steps: bool) -> str:
    """Unicode for a terminal: what follows from the model; with `steps`, each equation followed by how it came about."""
    parts: list[str] = []
    for section in sections:
        if section.title == "Forward":
            continue
        if section.title not in ("Backward", "Assumptions"):
            parts += [""] * bool(parts) + [section.title + ":"]
        for line in section.lines:
            parts.append(beside(line) + (f"    ({line.shape})" if steps and line.shape else ""))
            parts += [*step_lines(line), ""] if line.steps else []
        if section.notes and section.title == "Assumptions" and parts and parts[-1]:
            parts.append("")
        parts += [said(note, str, str) for note in section.notes]
    return "\n".join(parts).rstrip()


def step_lines(line: Line) -> list[str]:
    parts = []
    for step in line.steps:
        parts.append(f"    {step.rule}: {step.because}" + (f" [{step.condition}]" if step.condition else ""))
        parts.append(f"        {step.before}  ⟶  {step.after}" if step.before != step.after else f"        {step.after}")
    return parts


def steps_text(gradient: Gradient) -> str:
    """One gradient with its steps, for a terminal."""
    line = line_of(gradient, False)
    return "\n".join([beside(line), *step_lines(line)])


def steps_markdown(gradient: Gradient) -> str:
    """One gradient with its steps, for a notebook."""
    line = line_of(gradient, True)
    return "\n\n".join([f"$${line.left} {line.sign} {line.right}$$", *markdown_steps(line, "jupyter")])


def line_of(gradient: Gradient, tex: bool) -> Line:
    made = Sections(gradient.derivation, gradient.derivation.writer(tex))
    return made.line(Equation(bar(gradient.name), gradient.expr), True)


def beside(line: Line) -> str:
    """`left = right`, where the right side may be several lines high."""
    front = f"{line.left} {line.sign} " if line.left else f"    {line.sign} "
    if "\n" not in line.right:
        return front + line.right
    rows = line.right.split("\n")
    blank = " " * columns_of(front)
    return "\n".join((front if k == (len(rows) - 1) // 2 else blank) + row for k, row in enumerate(rows))


def math_lines(sections: list[Section]) -> str:
    """One `math` element a line."""
    from .mathml import mathml, mixed
    return "\n".join(part for section in sections for part in (
        *(mathml(f"{line.left} {line.sign} {line.right}") for line in section.lines), *map(mixed, section.notes)))


def as_json(derivation: Derivation, wanted: Wanted = Wanted()) -> dict[str, object]:
    """The documented JSON: one backward entry per cotangent, in the order derived.

    Cotangents that the view shows are as it shows them; the others as they stand between the names. What else was asked
    for (`update`, `explicit`) has a key of its own.
    """
    plain, tex = [Sections(derivation, derivation.writer(script), wanted) for script in (False, True)]
    known = {equation.name: equation.expr for equation in plain.view.equations}

    def entry(name: str, expr: Expr) -> dict[str, object]:
        (left_tex, right_tex), (left, right) = tex.writer.sides(name, expr), plain.writer.sides(name, expr)
        own = {} if left == plain.writer.symbol(name) else {"left_latex": left_tex, "left_text": left}
        return {"shape": [str(d) for d in plain.shape(name, expr.shape)], "latex": right_tex, "text": right, **own}

    forward = [{"name": e.name, **entry(e.name, e.expr)} for e in derivation.program.equations]
    backward = []
    for name, expr in ((e.name, known.get(e.name, e.expr)) for e in derivation.backward.equations):
        left, right = IndexWriter(tex.writer).equation(name, expr)
        steps = [{"rule": s.rule, "because": s.reason, "before": s.before, "after": s.after}
                 for s in plain.steps(Equation(name, expr))]
        backward.append({"of": name[1:], **entry(name, expr), "index_latex": f"{left} = {right}", "steps": steps})
    found = {"version": 1, "loss": derivation.loss, "assumptions": list(assumptions(derivation, wanted.view)),
             "forward": forward, "backward": backward}
    if wanted.update:
        found["update"] = both(plain.update(), tex.update())
    if wanted.explicit is not None:
        found["explicit"] = both(plain.forward(), tex.forward()) + both(plain.backward(), tex.backward())
    return found


def both(plain: Section, tex: Section) -> list[dict[str, str]]:
    """Lines in both scripts."""
    return [{"text": beside(p), "latex": f"{t.left} {t.sign} {t.right}".strip()} for p, t in zip(plain.lines, tex.lines)]


def listing() -> dict[str, list[str]]:
    """Everything the tables hold."""
    from ..targets import TARGETS
    from ..ops import SCALAR_OPS, TENSOR_OPS, load
    from ..source.calls import CALLS
    from ..layers import __all__ as layers
    from ..layers.losses import LOSSES
    from ..judge.mistakes import MISTAKES
    from ..views import VIEWS
    load()
    return {"functions": sorted(set(CALLS) - set(LOSSES)), "losses": sorted(LOSSES), "elementwise rows": sorted(SCALAR_OPS),
            "tensor rows": sorted(TENSOR_OPS), "layers": sorted(layers), "views": list(VIEWS), "targets": list(TARGETS),
            "notations": [f"{k}={'|'.join(v)}" for k, v in Notation.choices().items()],
            "diagnoses": sorted({row.kind for row in MISTAKES} | {"inherited", "layout", "missing-assumption", "other", "shape"})}
