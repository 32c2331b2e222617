"""What `derive` gives for a model with loops: it prints, compiles and checks as a plain derivation does."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from functools import cached_property
from typing import TYPE_CHECKING

from ..algebra import add
from ..errors import SymbackpropError, UnsupportedError, nearest
from ..expr import Add, Expr, Shape, Var, names_in, show_shape, walk
from ..notation import Notation
from ..program import places_in
from ..reverse import bar, is_bar
from ..show.conditions import Condition, condition_of
from ..show.indices import IndexWriter
from ..show.layout import NUMERATOR, printed_shape, transposed_names
from ..show.page import Line as Printed
from ..show.page import Note, Section, ShownStep
from ..show.sections import Sections, Wanted, descent, is_data_name, stated, worded
from ..show.writing import TextWriter
from .adjoint import Adjoint
from .indexed import parts, settled_name
from .instance import lags, steps_over, unrolled
from .model import Loop, Recurrent, placed
from .show import Line, Shown, symbols
from .steps import steps_of
from .words import start_name

if TYPE_CHECKING:
    from ..results import Derivation
    from ..show.explicit import Explicit

VIEWS = ("textbook", "named")


class RecurrentDerivation:
    """The gradients of the loss of a model with loops, for every length. `str()` is the textbook view in Unicode."""

    def __init__(self, program: Recurrent, loss: str, wrt: tuple[str, ...], notation: Notation = Notation(),
                 chosen: bool = False) -> None:
        self.program, self.loss, self.wrt, self.notation, self.chosen = program, loss, wrt, notation, chosen
        self.adjoint = Adjoint(program, loss, wrt, notation.primes)

    @property
    def gradients(self) -> dict[str, Printed]:
        """Name -> its gradient as printed text: `left`, `right`, `shape`."""
        written, found = Written(self, self.writer(False)), {}
        for line in self.lines("named"):
            if (key := self.tensor_of(line)) in self.wrt:
                found[key] = written.line(line)
        return found

    def tensor_of(self, line: Line) -> str:
        """The declared tensor, or the family, whose cotangent a line gives."""
        base, name = parts(line.name)[0][len(bar("")):], line.name[len(bar("")):]
        return self.program.families.get(base, base if base in self.wrt else name)

    def lines(self, view: str = "textbook") -> list[Line]:
        """The backward equations of a view. Raises `SymbackpropError` for a view that there is not."""
        if view not in VIEWS:
            raise SymbackpropError(f"a model with loops has no view {view!r}: put in for every step it would not end",
                                   hint=f"one of {', '.join(VIEWS)}")
        return Shown(self.adjoint, view).lines()

    @cached_property
    def cotangents(self) -> dict[str, int]:
        """The rank of each cotangent, at every index it is read at."""
        ranks = {e.name: e.expr.rank for e in self.adjoint.equations()}
        return ranks | {name: var.rank for e in self.adjoint.equations() for name, var in names_in(e.expr).items() if is_bar(name)}

    @cached_property
    def sums(self) -> set[str]:
        """The names of sums over a range, at every index they are read at."""
        return {name for e in self.adjoint.equations() for name in names_in(e.expr) if name.startswith("Σ")}

    def writer(self, tex: bool, notation: Notation | None = None) -> TextWriter:
        notation = notation or self.notation
        known = symbols(self.program, self.loss, notation, tex, set(self.cotangents) | self.sums)
        if tex:
            from ..tex.write import LatexWriter
            made = LatexWriter(notation, known)
        else:
            made = TextWriter(notation, known)
        made.numerator = transposed_names(self.cotangents, known, notation.layout)
        return made

    def text(self, view: str = "textbook", notation: Notation | None = None) -> str:
        """The backward equations, one a line, and what they rest on, in Unicode."""
        from ..show.printing import Wanted, render
        shown = self if notation is None else RecurrentDerivation(self.program, self.loss, self.wrt, notation, self.chosen)
        return render(shown, "text", Wanted(view))

    __str__ = text

    def __repr__(self) -> str:
        return f"<Derivation of {self.loss} by {', '.join(self.wrt)}>"

    def latex(self, view: str = "textbook", notation: Notation | None = None) -> str:
        """Forward and backward equations as one aligned LaTeX block."""
        from ..show.printing import Wanted, render
        shown = self if notation is None else RecurrentDerivation(self.program, self.loss, self.wrt, notation, self.chosen)
        return render(shown, "latex", Wanted(view))

    def view(self, kind: str = "textbook") -> None:
        """Raises `UnsupportedError`: what asks for plain equations cannot do with loops yet; `lines` has theirs."""
        raise UnsupportedError("this is not done for models with loops yet: write the steps out")

    def instance(self, sizes: Mapping[str, int] | None = None) -> tuple[Derivation, dict[str, int]]:
        """The derivation at lengths that are numbers (2 where `sizes` leaves one open), every step written out, and the
        sizes that are left for its tensors."""
        from ..results import Derivation
        given = dict(sizes or {})
        ranges = {high: given.pop(high, 2) for high in self.program.highs}
        for high, value in ranges.items():
            if isinstance(value, bool) or not isinstance(value, int) or value < lags(self.adjoint.entries).get(high, 1):
                raise SymbackpropError(f"the length {high} cannot be {value!r} here", hint=f"at least {lags(self.adjoint.entries).get(high, 1)}")
        program = unrolled(self.program, ranges)
        wanted = {key: row for row in self.program.rows for key in [parts(row)[0]]}
        wrt = [settled_name(wanted.get(name, name), numbers) for name in self.wrt
               for numbers in steps_over(self.program.axes(wanted.get(name, name)), ranges)]
        return Derivation(program, self.loss, tuple(wrt), replace(self.notation, names=()), self.chosen), given

    def explicit(self, sizes: dict[str, int] | None = None) -> Explicit:
        """Every entry of the loss and of the gradients at lengths and sizes that are numbers, as that of a plain derivation.

        Raises `SymbackpropError` for a length that is too short, or where there would be too many entries.
        """
        derivation, rest = self.instance(sizes)
        return derivation.explicit(rest)

    def _repr_latex_(self) -> str:
        return f"$${self.latex()}$$"

    def sections(self, writer: TextWriter, wanted: Wanted, brief: bool = False) -> Written:
        """The sections of every written form."""
        if wanted.explicit is not None:
            from ..tex.write import LatexWriter
            plain, rest = self.instance(wanted.explicit)
            return Sections(plain, plain.writer(isinstance(writer, LatexWriter)), wanted._replace(explicit=rest), brief)
        return Written(self, writer, wanted.view, wanted.steps, wanted.update, wanted.index)

    @cached_property
    def raw(self) -> dict[str, Expr]:
        """Cotangent -> its equation before others are put in; of a sum over steps, what is summed."""
        return {e.name: e.expr for e in self.adjoint.equations()}

    def as_json(self, wanted: Wanted) -> dict[str, object]:
        """As the JSON of a plain derivation; `range` tells the steps that an equation holds for."""
        from ..show.printing import as_json, both
        if wanted.explicit is not None:
            derivation, rest = self.instance(wanted.explicit)
            return as_json(derivation, wanted._replace(explicit=rest))
        view = wanted.view
        plain, tex = [self.sections(self.writer(script), wanted._replace(steps=not script)) for script in (False, True)]

        def entries(lines: list[Printed], others: list[Printed], names: list[tuple[str, str]], key: str) -> list[dict[str, object]]:
            return [{key: name, "range": where, "shape": [d for d in a.shape.split("×") if d != "a scalar"], "latex": b.right, "text": a.right,
                     **({"steps": [{"rule": s.rule, "because": s.reason, "before": s.before, "after": s.after} for s in a.steps]}
                        if key == "of" else {})} for a, b, (name, where) in zip(lines, others, names)]

        forward = [(e.name, ranges(around)) for e, around in placed(self.program.items)]
        shown = self.lines(view)
        names = [(line.name[len(bar("")):], line.where) for line in shown]
        update = {"update": both(plain.update(), tex.update())} if wanted.update else {}
        return {"version": 1, "loss": self.loss, "assumptions": list(worded(plain.conditions(), self.program, plain.writer)),
                "forward": entries(plain.forward(), tex.forward(), forward, "name"),
                "backward": entries(list(map(plain.line, shown)), list(map(tex.line, shown)), names, "of"), **update}


class Written:
    """A derivation over loops in one script."""

    def __init__(self, derivation: RecurrentDerivation, writer: TextWriter, view: str = "textbook", steps: bool = False,
                 updates: bool = False, index: bool = False) -> None:
        self.derivation, self.writer, self.view, self.with_steps, self.updates = derivation, writer, view, steps, updates
        self.index = index

    def all(self) -> list[Section]:
        found = [Section("Forward", tuple(self.forward())), Section("Backward", tuple(map(self.line, self.derivation.lines(self.view))))]
        found += [self.update()] if self.updates else []
        return [*found, Section("Assumptions", (), notes)] if (notes := self.notes()) else found

    def update(self) -> Section:
        """One step of gradient descent for each parameter; what starts a loop is data."""
        derivation, model = self.derivation, self.derivation.program
        lines = [(line, key) for line in derivation.lines(self.view) if (key := derivation.tensor_of(line)) in derivation.wrt]
        data = [] if derivation.chosen else list(dict.fromkeys(
            key for _, key in lines if is_data_name(parts(key)[0]) or "[" in key and key not in model.families.values()))
        shown = [(Var(line.name[len(bar("")):], line.terms[0][1].shape), line.where)
                 for line, key in lines if key not in data]
        return descent(self.writer, shown, data, model.inputs)

    def conditions(self) -> list[Condition]:
        """The declared facts, and the conditions of the functions in the model."""
        said = (condition_of(node) for expr in self.derivation.program.expressions() for node in walk(expr))
        families = self.derivation.program.families
        facts = [f._replace(name=families.get(f.name, f.name)) for f in self.derivation.program.facts]
        return [*facts, *dict.fromkeys(c for c in said if c is not None)]

    def notes(self) -> tuple[Note, ...]:
        made = [stated(c, self.derivation.program, self.writer) for c in self.conditions()]
        return (*made, (NUMERATOR,)) if self.writer.numerator else tuple(made)

    def forward(self) -> list[Printed]:
        return [Printed(left, self.over_range(right, ranges(around)), show_shape(e.expr.shape)) for e, around in placed(self.derivation.program.items)
                for left, right in [self.sides(e.name, (((), e.expr),))]]

    def over_range(self, text: str, where: str) -> str:
        return self.writer.with_range(text, where) if where else text

    def sides(self, name: str, terms: tuple) -> tuple[str, str]:
        """Both sides of an equation, in index form where that is asked for, sums over steps spelled out."""
        if self.index:
            index = IndexWriter(self.writer)
            own, free = index.letters(add([expr for _, expr in terms]), name)
            entry = lambda expr: self.writer.form(index.entry(expr, own, free))[0]
            return self.writer.with_indices(self.writer.symbol(name), own), self.right(name, terms, entry)
        return self.writer.symbol(name), self.right(name, terms, lambda expr: self.writer.right(name, expr))

    def right(self, name: str, terms: tuple, write: Callable[[Expr], str]) -> str:
        """The right side, sums over steps spelled out."""
        pieces = []
        for loops, expr in terms:
            piece = write(expr)
            if loops:
                bare = self.writer.brackets(piece) if type(expr) is Add else piece
                piece = " ".join([*(self.writer.over_steps(loop.index, loop.high, loop.first) for loop in loops), bare])
            pieces.append(piece)
        right = pieces[0]
        for piece in pieces[1:]:
            right += f" {piece}" if piece.startswith(self.writer.minus) else self.writer.plus + piece
        return right

    def line(self, line: Line) -> Printed:
        steps = self.steps(line) if self.with_steps else ()
        left, right = self.sides(line.name, line.terms)
        return Printed(left, self.over_range(right, line.where), show_shape(self.shape(line)), steps)

    def written(self, line: Line) -> str:
        """The right side as matrices."""
        return self.right(line.name, line.terms, lambda expr: self.writer.right(line.name, expr))

    def shape(self, line: Line) -> Shape:
        return printed_shape(line.name, line.terms[0][1].shape, self.writer.numerator)

    def steps(self, line: Line) -> tuple[ShownStep, ...]:
        """How the right side came about, as printed; of a sum, how one term did."""
        name = line.name[len(bar("")):]
        raw = self.derivation.raw.get(line.name) if len(line.terms) == 1 else None
        found = steps_of(self.derivation.adjoint, name, raw, line.terms[0][1])
        made = [ShownStep(s.rule, s.because, *Sections.sides(self, s), s.condition) for s in found]
        made = [s for s in made if s.before != s.after] or made[-1:]
        if not line.terms[0][0] and line.name in self.writer.numerator:
            made.append(ShownStep("numerator layout", "the derivative is printed with the transposed shape",
                                  self.writer.write(line.terms[0][1]), self.written(line)))
        if line.terms[0][0]:
            made.append(ShownStep("sum over all steps", "the same tensor is read in every step, and each reading adds its share",
                                  self.writer.write(line.terms[0][1]), self.written(line)))
        return tuple(made)

    def row(self, line: Line) -> str:
        made = self.line(line)
        return f"{made.left} = {made.right}"


def ranges(loops: tuple[Loop, ...]) -> str:
    """The steps of loops, from the outermost."""
    return "; ".join(loop.range for loop in loops)


def derive_loops(model: Recurrent, wrt: list[str] | tuple[str, ...] | None, loss: str | None,
                 notation: Notation) -> RecurrentDerivation:
    """`derive` for a model with loops; a family is named by its base (`W`), a start as `h[0]` or `h0`."""
    starts = [name for name in model.inputs if "[" in name and name not in model.families.values()]
    known = {**model.families, **{start_name(name): name for name in starts},
             **{name: name for name in model.inputs}}
    for name in wrt or ():
        if name not in known:
            raise SymbackpropError(f"wrt: there is no tensor {name}", hint=nearest(name, known))
    places = places_in(model.facts, [known[name] for name in wrt or ()])
    names = tuple(dict.fromkeys(known[name] for name in wrt)) if wrt else tuple(n for n in model.inputs if n not in places)
    return RecurrentDerivation(model, model.loss(loss), names, notation, bool(wrt))
