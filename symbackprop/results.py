"""The objects that people hold: `Derivation` and `Gradient`, thin wrappers that print, compile and check.

Nothing is computed here: each method calls the room that does the work.
"""

from __future__ import annotations

from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

from .errors import SymbackpropError, nearest, nearest_or_all
from .expr import Expr, Shape, Var
from .notation import Notation
from .program import Equation, Program, Step, places_in
from .reverse import bar, sweep
from .show.breaking import broken
from .show.layout import transposed_names
from .show.writing import TextWriter
from .views import VIEWS, View, symbols_for, view

if TYPE_CHECKING:
    import sympy as sp

    from .show.explicit import Explicit
    from .show.sections import Sections, Wanted
    from .steps import Steps


class Derivation:
    """A network with the gradients of its loss.

    `gradients[name]` is a `Gradient`; `str()` is the textbook view in Unicode. Made by `derive`; `chosen` says whether
    `wrt` was asked for.
    """

    def __init__(self, program: Program, loss: str, wrt: tuple[str, ...], notation: Notation = Notation(),
                 chosen: bool = False) -> None:
        self.program, self.loss, self.wrt, self.notation, self.chosen = program, loss, wrt, notation, chosen
        self.backward = sweep(program, loss, wrt, notation.primes)
        self._views: dict[str, View] = {}

    @cached_property
    def gradients(self) -> dict[str, Gradient]:
        return {name: Gradient(self, name) for name in self.wrt}

    @cached_property
    def textbook(self) -> dict[str, str]:
        """Name -> right-hand side of its cotangent in the textbook view, as text."""
        writer = self.writer(tex=False)
        shown = {e.name: e.expr for e in (*self.backward.equations, *self.view("textbook"))}
        return {name[1:]: writer.sides(name, expr)[1] for name, expr in shown.items()}

    def made(self, kind: str = "textbook") -> View:
        """A view with what it rests on: textbook, named or expanded. Raises `SymbackpropError` for another name."""
        if kind not in VIEWS:
            raise SymbackpropError(f"there is no view {kind!r}", hint=nearest(kind, VIEWS) or f"one of {', '.join(VIEWS)}")
        if kind not in self._views:
            self._views[kind] = view(self.program, self.backward, kind)
        return self._views[kind]

    def view(self, kind: str = "textbook") -> tuple[Equation, ...]:
        """The backward equations of a view: textbook, named or expanded."""
        return self.made(kind).equations

    @cached_property
    def step_data(self) -> Steps:
        from .steps import Steps
        return Steps(self.program, self.backward, self.notation.primes)

    @cached_property
    def textbook_exprs(self) -> dict[str, Expr]:
        """Cotangent name -> right-hand side in the textbook view."""
        return {e.name: e.expr for e in self.view("textbook")}

    def writer(self, tex: bool, notation: Notation | None = None) -> TextWriter:
        notation = notation or self.notation
        symbols = symbols_for(self.program, self.backward, self.loss, notation, tex)
        if tex:
            from .tex.write import LatexWriter
            made = LatexWriter(notation, symbols)
        else:
            made = TextWriter(notation, symbols)
        made.told.names.update(self.program.inputs, self.program.table)
        made.numerator = transposed_names({e.name: e.expr.rank for e in self.backward.equations}, symbols, notation.layout)
        return made

    def text(self, view: str = "textbook", notation: Notation | None = None, **wanted: object) -> str:
        """The backward equations, one a line, and what they rest on, in Unicode; `wanted` as in `latex`, or `steps=True`."""
        from .show.printing import Wanted, render
        return render(self.in_notation(notation), "text", Wanted(view, **wanted))

    __str__ = text

    def __repr__(self) -> str:
        return f"<Derivation of {self.loss} by {', '.join(self.wrt)}>"

    def backward_latex(self, view: str = "textbook", notation: Notation | None = None) -> str:
        """The backward equations as one aligned LaTeX block."""
        writer = self.writer(True, notation)
        sides = [writer.sides(e.name, e.expr) for e in self.view(view)]
        return block([f"{left} &= {broken(left, right)}" for left, right in sides])

    def latex(self, view: str = "textbook", notation: Notation | None = None, **wanted: object) -> str:
        """Forward and backward equations, and what they rest on, as one aligned LaTeX block.

        `wanted` may hold `index=True` for index form, `update=True` for the step of gradient descent, and
        `explicit={"n": 3}` for every entry at small sizes.
        """
        from .show.printing import Wanted, render
        return render(self.in_notation(notation), "latex", Wanted(view, **wanted))

    def sections(self, writer: TextWriter, wanted: Wanted, brief: bool = False) -> Sections:
        """The sections of every written form, in the script of a writer."""
        from .show.sections import Sections
        return Sections(self, writer, wanted, brief)

    def as_json(self, wanted: Wanted) -> dict[str, object]:
        """The documented JSON."""
        from .show.printing import as_json
        return as_json(self, wanted)

    def in_notation(self, notation: Notation | None) -> Derivation:
        """The same derivation written in another notation."""
        if notation in (None, self.notation):
            return self
        return Derivation(self.program, self.loss, self.wrt, notation, self.chosen)

    def html(self, title: str = "Derivation", view: str = "textbook", steps: bool = True, **wanted: object) -> str:
        """One self-contained page; `wanted` as in `latex`."""
        from .show.printing import Wanted, render
        return render(self, "html", Wanted(view, steps, **wanted), title)

    def markdown(self, title: str = "Derivation", view: str = "textbook", steps: bool = False, flavour: str = "jupyter",
                 **wanted: object) -> str:
        """Markdown with `$$` blocks, or with math fences for `flavour="github"`; `wanted` as in `latex`."""
        from .show.printing import Wanted, render
        return render(self, "markdown", Wanted(view, steps, **wanted), title, flavour)

    def explicit(self, sizes: dict[str, int] | None = None) -> Explicit:
        """The network spelled out at small sizes, each entry of each gradient by `sympy.diff`: a second derivation.

        >>> import symbackprop as sb
        >>> d = sb.derive(sb.parse("x: R[n]; C = sum(x**2)"))
        >>> d.explicit({"n": 2}).gradients["x"]
        Matrix([
        [2*x_{1}],
        [2*x_{2}]])

        Sizes that are left open are 2, 3, 4. Raises `SymbackpropError` where there would be too many entries.
        """
        from .show.explicit import Explicit, small_sizes
        return Explicit(self.program, self.loss, self.wrt, small_sizes(self.program, sizes))

    def _repr_latex_(self) -> str:
        return f"$$\n{self.latex()}\n$$"


def block(lines: list[str]) -> str:
    return "\\begin{aligned}\n" + " \\\\\n".join(lines) + "\n\\end{aligned}"


class Gradient:
    """One gradient, of its tensor's shape. `str()` is the equation as text; `latex()`, `steps`, `expr`, `shape`."""

    def __init__(self, derivation: Derivation, name: str) -> None:
        self.derivation, self.name = derivation, name

    @property
    def expr(self) -> Expr:
        """The right-hand side in the textbook view."""
        return self.derivation.textbook_exprs[bar(self.name)]

    @property
    def shape(self) -> Shape:
        return self.expr.shape

    @property
    def steps(self) -> StepList:
        """The steps from the chain rule to this gradient; they print as text and show themselves in Jupyter."""
        from .steps import steps_of
        made = self.derivation.made()
        return StepList(self, steps_of(self.derivation.step_data, self.name, self.expr, made.uses.get(bar(self.name))))

    def differentials(self, tex: bool = False) -> str:
        """The steps in differentials, `dC = tr(Δᵀ dZ) = tr((Δ Xᵀ)ᵀ dW)`, in Unicode or LaTeX."""
        from .differentials import differentials
        return differentials(self.derivation, self.name, tex)

    def as_sympy(self, form: str = "matrix") -> sp.Expr:
        """The gradient as a SymPy `MatrixExpr` in the forward names (n×1 for a vector), or, with `form="index"`, as
        `Eq` over `Indexed` and `Sum`. `sympy.lambdify` works on the matrix form.

        Raises `UnsupportedError` where there is no matrix form.
        """
        from .bridge import as_sympy
        found = {e.name: e.expr for e in self.derivation.view("expanded")}[bar(self.name)]
        return as_sympy(found, {bar(self.name): f"d{self.derivation.loss}/d{self.name}"}, form, bar(self.name))

    @property
    def assumptions(self) -> tuple[str, ...]:
        """The facts that were put in, and the conventions at corners and singular points."""
        from .show.sections import assumptions
        return assumptions(self.derivation, "textbook", bar(self.name))

    def __str__(self) -> str:
        writer = self.derivation.writer(False)
        return " = ".join(writer.sides(bar(self.name), self.expr))

    def __repr__(self) -> str:
        return str(self)

    def latex(self, notation: Notation | None = None) -> str:
        """`\\frac{\\partial C}{\\partial W} = …`."""
        writer = self.derivation.writer(True, notation)
        return " = ".join(writer.sides(bar(self.name), self.expr))

    def _repr_latex_(self) -> str:
        return f"$\\displaystyle {self.latex()}$"


class StepList(tuple):
    """The steps of one gradient."""

    gradient: Gradient

    def __new__(cls, gradient: Gradient, steps: tuple[Step, ...]) -> StepList:
        made = super().__new__(cls, steps)
        made.gradient = gradient
        return made

    def __str__(self) -> str:
        from .show.printing import steps_text
        return steps_text(self.gradient)

    __repr__ = __str__

    def _repr_markdown_(self) -> str:
        from .show.printing import steps_markdown
        return steps_markdown(self.gradient)


def derive(net: Program, wrt: list[str] | tuple[str, ...] | None = None, loss: str | None = None,
           notation: Notation = Notation()) -> Derivation:
    """Derive the gradient of the loss by every tensor in `wrt` (default: every declared tensor no equation defines).

    >>> import symbackprop as sb
    >>> print(sb.derive(sb.parse("x: R[n]; C = sum(x**2)")))
    ∂C/∂x = 2 x

    Raises `SymbackpropError` where there is no single loss or a name in `wrt` or in the notation is unknown.
    """
    if isinstance(net, (str, bytes, Path)):
        raise TypeError(f"derive takes a model, not {type(net).__name__}: read the text with parse(…), a file with read(…)")
    if isinstance(wrt, str) or not all(isinstance(name, str) for name in wrt or ()):
        raise TypeError("wrt is a list of names")
    if not isinstance(net, Program):
        from .recurrence.derivation import derive_loops
        return derive_loops(net, wrt, loss, notation)
    if net.length is not None:
        from .recurrence.derivation import derive_loops
        from .recurrence.lift import lifted
        if (model := lifted(net)) is not None:
            return derive_loops(model, wrt, loss, notation)
    known = [*net.inputs, *(e.name for e in net.equations)]
    for name in wrt or ():
        if name not in known:
            raise SymbackpropError(f"wrt: there is no tensor {name}", hint=nearest_or_all(name, known))
    for name, _ in notation.names:
        if name not in known:
            raise SymbackpropError(f"there is no tensor {name} to name", hint=nearest(name, [*known, *Notation.choices()]))
    places = places_in(net.facts, wrt or ())
    return Derivation(net, net.loss(loss), tuple(dict.fromkeys(wrt)) if wrt else tuple(n for n in net.inputs if n not in places), notation,
                      bool(wrt))
