"""A derivation -> the sections that every written form has: forward, backward with its steps, and what it rests on.

The same for a terminal and for LaTeX: which of the two decides the writer that is handed in.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from .conditions import Conditions, formula
from .expr import Shape, show_shape
from .indices import IndexWriter
from .layout import NUMERATOR
from .page import Formula, Line, Note, Section, ShownStep
from .program import Equation, Fact, Step
from .steps import steps_of
from .writing import TextWriter

if TYPE_CHECKING:
    from .results import Derivation


class Sections:
    """Makes the sections of one derivation in one script."""

    def __init__(self, derivation: Derivation, writer: TextWriter, view: str = "textbook") -> None:
        self.derivation, self.writer, self.kind = derivation, writer, view
        self.view = derivation.made(view)

    def all(self, steps: bool = False) -> list[Section]:
        """Every section that is not empty."""
        found = [self.forward(), self.backward(steps), Section("Assumptions", (), self.notes())]
        return [section for section in found if section.lines or section.notes]

    def forward(self) -> Section:
        """The network as it was given, pre-activations named."""
        return Section("Forward", tuple(self.line(e) for e in self.derivation.program.equations))

    def backward(self, steps: bool = False) -> Section:
        """One line for each cotangent that the view shows."""
        return Section("Backward", tuple(self.line(e, steps) for e in self.view.equations))

    def line(self, equation: Equation, steps: bool = False) -> Line:
        name, expr = equation.name, equation.expr
        return Line(self.writer.symbol(name), self.writer.right(name, expr), show_shape(self.shape(name, expr.shape)),
                    self.steps(equation) if steps else ())

    def shape(self, name: str, shape: Shape) -> Shape:
        """The shape of what is printed under a name."""
        if name not in self.writer.numerator:
            return shape
        return (1, *shape) if len(shape) == 1 else shape[::-1]

    def steps(self, equation: Equation) -> tuple[ShownStep, ...]:
        """How the right side of a cotangent came about, as printed."""
        name, expr = equation.name, equation.expr
        found = steps_of(self.derivation.step_data, name[1:], expr, self.view.uses.get(name))
        made = [ShownStep(s.rule, s.because, *self.sides(s), s.condition) for s in found]
        if name in self.writer.numerator:
            made.append(ShownStep("numerator layout", "the derivative is printed with the transposed shape",
                                  self.writer.write(expr), self.writer.right(name, expr)))
        return tuple([s for s in made if s.before != s.after] or made[-1:])

    def sides(self, step: Step) -> tuple[str, str]:
        """Both sides of a step, in the form that the step is about."""
        writer, index = self.writer, IndexWriter(self.writer)
        if step.form == "index":
            from_matrix = step.rule.startswith(("chain rule", "write the product"))
            return writer.write(step.before) if from_matrix else index.summed(step.before), index.summed(step.after)
        if step.before is step.after:
            return index.summed(step.before), writer.write(step.after)
        return writer.write(step.before), writer.write(step.after)

    def notes(self) -> tuple[Note, ...]:
        """The facts, the conventions at corners and singular points, and the layout, each with the lines that use it."""
        made: list[Note] = []
        for condition, names in Conditions(self.derivation.program, self.derivation.backward, self.view).users.items():
            if isinstance(condition, Fact):
                said: Note = ("Assuming ", Formula(formula(condition, self.derivation.program, self.writer)))
            else:
                said = (condition.lead, condition.text)
            made.append((*said, *self.used_in(names)))
        if self.writer.numerator:
            made.append((NUMERATOR,))
        return tuple(made)

    def used_in(self, names: list[str]) -> Note:
        """` (in δ₁, δ₂)`, or that nothing needed it."""
        if not names:
            return (" (declared; no step needs it)",)
        commas = [piece for name in names for piece in (", ", Formula(self.writer.symbol(name)))][1:]
        return (" (in ", *commas, ")")


def assumptions(derivation: Derivation, view: str, name: str | None = None) -> tuple[str, ...]:
    """What a view, or one cotangent with all that it reads, rests on, one string each."""
    writer, program = derivation.writer(False), derivation.program
    known = Conditions(program, derivation.backward, derivation.made(view))
    found = known.users if name is None else known.of(name)
    made = [formula(c, program, writer) if isinstance(c, Fact) else c.text for c in found]
    return (*made, NUMERATOR) if writer.numerator else tuple(made)
