"""A derivation in each output form: what the command line and the objects print."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from .expr import Expr, show_shape
from .indices import IndexWriter
from .notation import Notation
from .page import Line, Section, ShownStep, html, markdown, tex_document
from .program import Equation, Step
from .steps import steps_of
from .writing import TextWriter

if TYPE_CHECKING:
    from .results import Derivation


def render(derivation: Derivation, to: str, view: str = "textbook", steps: bool = False, title: str = "derivation") -> str:
    """The derivation as text, latex, tex, markdown, mathml, html or json."""
    match to:
        case "json":
            return json.dumps(as_json(derivation), ensure_ascii=False, indent=1)
        case "text":
            return text(derivation, view, steps)
        case "latex":
            return derivation.latex(view)
        case "mathml":
            from .mathml import mathml
            forward, backward = sections(derivation, view, False)
            return "\n".join(mathml(f"{line.left} = {line.right}") for line in (*forward.lines, *backward.lines))
    made = sections(derivation, view, steps)
    return {"tex": tex_document, "markdown": markdown, "html": html}[to](title, made)


def text(derivation: Derivation, view: str, steps: bool) -> str:
    """Unicode for a terminal; with `steps`, each equation followed by how it came about."""
    if not steps:
        return derivation.text(view) + notes_text(derivation)
    writer = derivation.writer(False)
    parts = []
    for equation in derivation.view(view):
        parts.append(f"{writer.symbol(equation.name)} = {writer.write(equation.expr)}    ({show_shape(equation.expr.shape)})")
        for step in steps_for(derivation, equation):
            before, after = shown(writer, step)
            parts.append(f"    {step.rule}: {step.because}" + (f" [{step.condition}]" if step.condition else ""))
            parts.append(f"        {before}  ⟶  {after}" if before != after else f"        {after}")
        parts.append("")
    return "\n".join(parts).rstrip() + notes_text(derivation)


def notes_text(derivation: Derivation) -> str:
    return "".join(f"\nassuming {fact}" for fact in derivation.program.facts)


def steps_for(derivation: Derivation, equation: Equation) -> tuple[Step, ...]:
    return steps_of(derivation.step_data, equation.name[1:], equation.expr)


def shown(writer: TextWriter, step: Step) -> tuple[str, str]:
    """Both sides of a step, in the form that the step is about."""
    if step.form == "index":
        index = IndexWriter(writer)
        before = writer.write(step.before) if step.rule.startswith(("chain rule", "write the product")) else index.summed(step.before)
        return before, index.summed(step.after)
    if step.before is step.after:
        return IndexWriter(writer).summed(step.before), writer.write(step.after)
    return writer.write(step.before), writer.write(step.after)


def sections(derivation: Derivation, view: str, steps: bool) -> list[Section]:
    """Forward and backward parts as documents hold them."""
    writer = derivation.writer(True)

    def line(equation: Equation, with_steps: bool) -> Line:
        found = steps_for(derivation, equation) if with_steps else ()
        made = tuple(ShownStep(s.rule, s.because, *shown(writer, s), s.condition) for s in found)
        return Line(writer.symbol(equation.name), writer.write(equation.expr), show_shape(equation.expr.shape), made)

    notes = tuple(f"Assuming {fact}." for fact in derivation.program.facts)
    return [Section("Forward", tuple(line(e, False) for e in derivation.program.equations), notes),
            Section("Backward", tuple(line(e, steps) for e in derivation.view(view)))]


def as_json(derivation: Derivation) -> dict[str, object]:
    """The documented JSON: one backward entry per cotangent, in the order derived."""
    tex, plain = derivation.writer(True), derivation.writer(False)

    def entry(name: str, expr: Expr) -> dict[str, object]:
        return {"shape": [str(d) for d in expr.shape], "latex": tex.write(expr), "text": plain.write(expr)}

    forward = [{"name": e.name, **entry(e.name, e.expr)} for e in derivation.program.equations]
    backward = []
    for equation in derivation.view("named"):
        steps = [{"rule": s.rule, "because": s.because, "before": shown(plain, s)[0], "after": shown(plain, s)[1]}
                 for s in steps_for(derivation, equation)]
        left, right = IndexWriter(tex).equation(equation.name, equation.expr)
        backward.append({"of": equation.name[1:], **entry(equation.name, equation.expr), "index_latex": f"{left} = {right}",
                         "steps": steps})
    return {"version": 1, "loss": derivation.loss, "assumptions": [str(f) for f in derivation.program.facts],
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
