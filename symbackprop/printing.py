"""A derivation in each output form: what the command line and the objects print."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from .expr import Expr
from .indices import IndexWriter
from .notation import Notation
from .page import Section, html, latex_block, markdown, said, tex_document
from .program import Equation
from .sections import Sections, assumptions

if TYPE_CHECKING:
    from .results import Derivation


def render(derivation: Derivation, to: str, view: str = "textbook", steps: bool = False, title: str = "derivation") -> str:
    """The derivation as text, latex, tex, markdown, mathml, html or json."""
    if to == "json":
        return json.dumps(as_json(derivation, view), ensure_ascii=False, indent=1)
    made = Sections(derivation, derivation.writer(to != "text"), view)
    match to:
        case "text":
            return text(made.all(steps)[1:], steps)
        case "latex":
            found = made.all()
            return latex_block(tuple(line for section in found for line in section.lines),
                               tuple(note for section in found for note in section.notes))
        case "mathml":
            return math_lines(made.all())
    return {"tex": tex_document, "markdown": markdown, "html": html}[to](title, made.all(steps))


def text(sections: list[Section], steps: bool) -> str:
    """Unicode for a terminal; with `steps`, each equation followed by how it came about."""
    parts = []
    for section in sections:
        for line in section.lines:
            parts.append(f"{line.left} = {line.right}" + (f"    ({line.shape})" if steps else ""))
            for step in line.steps:
                parts.append(f"    {step.rule}: {step.because}" + (f" [{step.condition}]" if step.condition else ""))
                parts.append(f"        {step.before}  ⟶  {step.after}" if step.before != step.after else f"        {step.after}")
            if line.steps:
                parts.append("")
        if section.notes and parts and parts[-1]:
            parts.append("")
        parts += [said(note, str, str) for note in section.notes]
    return "\n".join(parts).rstrip()


def math_lines(sections: list[Section]) -> str:
    """One `math` element a line."""
    from .mathml import mathml, mixed
    return "\n".join(part for section in sections for part in (
        *(mathml(f"{line.left} = {line.right}") for line in section.lines), *map(mixed, section.notes)))


def as_json(derivation: Derivation, view: str = "textbook") -> dict[str, object]:
    """The documented JSON: one backward entry per cotangent, in the order derived.

    Cotangents that the view shows are as it shows them; the others as they stand between the names.
    """
    plain, tex = [Sections(derivation, derivation.writer(script), view) for script in (False, True)]
    known = {equation.name: equation.expr for equation in plain.view.equations}

    def entry(name: str, expr: Expr) -> dict[str, object]:
        return {"shape": [str(d) for d in plain.shape(name, expr.shape)], "latex": tex.writer.right(name, expr),
                "text": plain.writer.right(name, expr)}

    forward = [{"name": e.name, **entry(e.name, e.expr)} for e in derivation.program.equations]
    backward = []
    for name, expr in ((e.name, known.get(e.name, e.expr)) for e in derivation.backward.equations):
        left, right = IndexWriter(tex.writer).equation(name, expr)
        steps = [{"rule": s.rule, "because": s.reason, "before": s.before, "after": s.after}
                 for s in plain.steps(Equation(name, expr))]
        backward.append({"of": name[1:], **entry(name, expr), "index_latex": f"{left} = {right}", "steps": steps})
    return {"version": 1, "loss": derivation.loss, "assumptions": list(assumptions(derivation, view)),
            "forward": forward, "backward": backward}


def listing() -> dict[str, list[str]]:
    """Everything the tables hold."""
    from .doors import TARGETS
    from .ops import SCALAR_OPS, TENSOR_OPS, load
    from .source.calls import CALLS
    from .layers.losses import LOSSES
    from .views import VIEWS
    load()
    return {"functions": sorted(set(CALLS) - set(LOSSES)), "losses": sorted(LOSSES), "elementwise rows": sorted(SCALAR_OPS),
            "tensor rows": sorted(TENSOR_OPS), "views": list(VIEWS), "targets": list(TARGETS),
            "notations": [f"{k}={'|'.join(v)}" for k, v in Notation.choices().items()],
            "diagnoses": ["layout", "missing-transpose", "scale", "shape", "sign"]}
