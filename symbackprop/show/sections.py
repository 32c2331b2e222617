"""A derivation -> the sections that every written form has: forward, backward with its steps, and what it rests on.

The same for a terminal and for LaTeX: which of the two decides the writer that is handed in.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from functools import cached_property
from typing import TYPE_CHECKING, NamedTuple

from ..errors import SymbackpropError, UnsupportedError
from ..expr import Shape, Var, show_shape
from ..notation import split_name
from ..program import Equation, Fact, Program, Step
from ..reverse import bar
from ..steps import steps_of
from .conditions import Condition, Conditions, formula
from .forms import Atom, T
from .indices import IndexWriter
from .layout import NUMERATOR, printed_shape
from .matrix import wants_slices
from .page import Formula, Line, Note, Section, ShownStep
from .writing import MUL, TextWriter

if TYPE_CHECKING:
    from .written_out import Entrywise
    from ..results import Derivation


class Wanted(NamedTuple):
    """What a reader asks for: a view, its steps, index form, the step of gradient descent, entries at some sizes."""

    view: str = "textbook"
    steps: bool = False
    index: bool = False
    update: bool = False
    explicit: Mapping[str, int] | None = None


class Sections:
    """Makes the sections of one derivation in one script; `brief` leaves out what is known, and shapes."""

    def __init__(self, derivation: Derivation, writer: TextWriter, wanted: Wanted = Wanted(), brief: bool = False) -> None:
        self.derivation, self.writer, self.wanted, self.brief = derivation, writer, wanted, brief
        self.view = derivation.made(wanted.view)

    def all(self) -> list[Section]:
        """Every section that is not empty, the forward one first."""
        found = [] if self.brief and self.wanted.explicit is None else [self.forward()]
        found += [self.backward()]
        found += [self.update()] if self.wanted.update else []
        found += [Section("Assumptions", (), self.notes())]
        return [section for section in found if section.lines or section.notes]

    def forward(self) -> Section:
        """The network as it was given, pre-activations named."""
        return self.section("Forward", self.derivation.program.equations, False)

    def backward(self) -> Section:
        """One line for each cotangent that the view shows."""
        return self.section("Backward", self.view.equations, self.wanted.steps)

    def section(self, title: str, equations: tuple[Equation, ...], steps: bool) -> Section:
        if self.wanted.explicit is None:
            return Section(title, tuple(self.line(e, steps) for e in equations))
        lines = [part for e in equations for line in [self.line(e, steps)] for part in (line, *self.entries(e, line))]
        at = ", ".join(f"{name} = {value}" for name, value in self.written_out.sizes.items())
        return Section(f"{title}, entry by entry" + (f" at {at}" if at else ""), tuple(lines))

    def line(self, equation: Equation, steps: bool = False) -> Line:
        name, expr = equation.name, equation.expr
        sides = IndexWriter(self.writer).equation(name, expr) if self.wanted.index else self.writer.sides(name, expr)
        shape = "" if self.brief else show_shape(self.shape(name, expr.shape))
        by_index = self.wanted.index or self.writer.met_indices
        made = self.steps(equation) if steps else ()
        if made and not by_index and wants_slices(self.writer.right_form(name, expr)):
            made += (ShownStep("by slices", "for each index that is named the rest is a product of matrices",
                               IndexWriter(self.writer).equation(name, expr)[1], sides[1]),)
        return Line(*sides, shape, made)

    def update(self) -> Section:
        """One step of gradient descent for each parameter.

        Raises `SymbackpropError` where nothing but data is differentiated by.
        """
        derivation, writer = self.derivation, self.writer
        data = [] if derivation.chosen else data_names(derivation)
        variables = [derivation.program.inputs[name] for name in derivation.wrt if name not in (*data, *derivation.program.table)]
        return descent(writer, [(var, "") for var in variables], data, derivation.program.inputs)

    @cached_property
    def written_out(self) -> Entrywise:
        """Writes right sides out entry by entry at the sizes that were asked for."""
        from .written_out import Entrywise
        from .explicit import small_sizes
        return Entrywise(self.writer, small_sizes(self.derivation.program, self.wanted.explicit))

    def entries(self, equation: Equation, line: Line) -> list[Line]:
        """The lines that go on from an equation: explicit matrices, then every entry; none for what has no entries."""
        name, expr = equation.name, equation.expr
        try:
            rows = self.written_out.rows(self.writer.right_form(name, expr), expr, name in self.writer.numerator)
        except UnsupportedError:
            return []
        return [Line("", row) for row in dict.fromkeys(rows) if row != line.right]

    def shape(self, name: str, shape: Shape) -> Shape:
        return printed_shape(name, shape, self.writer.numerator)

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
        if step.by is not None:
            return writer.slope(step.before, step.by), (index.summed if step.form == "index" else writer.write)(step.after)
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
            places = isinstance(condition, Fact) and condition.kind == "index"
            made.append((*stated(condition, self.derivation.program, self.writer), *(() if places and not names else self.used_in(names))))
        if self.writer.numerator:
            made.append((NUMERATOR,))
        return tuple(made)

    def used_in(self, names: list[str]) -> Note:
        """` (in δ₁, δ₂)`, or that nothing needed it."""
        if not names:
            return (" (declared; no step needs it)",)
        return (" (in ", *listed(map(self.writer.symbol, names)), ")")


def stated(condition: Condition, program: Program, writer: TextWriter) -> Note:
    """A fact or a condition, as a sentence begins."""
    if isinstance(condition, Fact):
        return "Assuming ", Formula(formula(condition, program, writer))
    return condition.lead, condition.text


def descent(writer: TextWriter, variables: list[tuple[Var, str]], data: list[str], taken: Iterable[str]) -> Section:
    """`W ← W − η ∂C/∂W` for each variable, with the steps that it holds for."""
    if not variables:
        raise SymbackpropError("there is no parameter to update", hint="name some with --wrt (wrt= in Python)")
    taken = set(taken)
    rate = writer.symbol(next(r for r in ("eta", "alpha", "rho", "learning_rate") if r not in taken))
    lines = []
    for var, where in variables:
        cotangent = Atom(Var(bar(var.name), var.shape))
        slope = T(cotangent) if bar(var.name) in writer.numerator else cotangent
        symbol = writer.form(Atom(var))[0]
        right = f"{symbol} {writer.minus} {rate} {writer.wrapped(slope, MUL)}"
        lines.append(Line(symbol, writer.with_range(right, where) if where else right, show_shape(var.shape), sign=writer.arrow_left))
    notes: list[Note] = [(Formula(rate), " is the learning rate.")]
    if data:
        notes.append((*listed(writer.symbol(name) for name in data), f" {'is' if len(data) == 1 else 'are'} taken as data."))
    return Section("Gradient descent", tuple(lines), tuple(notes))


def listed(symbols: Iterable[str]) -> list[str]:
    """Formulas with commas between them."""
    return [piece for symbol in symbols for piece in (", ", Formula(symbol))][1:]


def data_names(derivation: Derivation) -> list[str]:
    """The tensors that are data rather than parameters: x and y of any kind, and what a declared sum or 0/1 is about."""
    facts = {fact.name for fact in derivation.program.facts if fact.kind in ("sum", "binary", "range")}
    return [name for name in derivation.wrt if name in facts or is_data_name(name)]


def is_data_name(name: str) -> bool:
    return split_name(name)[0] in ("x", "y", "X", "Y")


def assumptions(derivation: Derivation, view: str, name: str | None = None) -> tuple[str, ...]:
    """What a view, or one cotangent with all that it reads, rests on, one string each."""
    writer, program = derivation.writer(False), derivation.program
    known = Conditions(program, derivation.backward, derivation.made(view))
    found = known.users if name is None else known.of(name)
    return worded(found, program, writer)


def worded(conditions: Iterable[Condition], program: Program, writer: TextWriter) -> tuple[str, ...]:
    """Conditions, and the layout, one string each."""
    made = [formula(c, program, writer) if isinstance(c, Fact) else c.text for c in conditions]
    return (*made, NUMERATOR) if writer.numerator else tuple(made)
