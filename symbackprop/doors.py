"""The public functions that lead into several rooms: read a model, compile it, export it, check it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from .collecting import uncollected
from .errors import UnsupportedError
from .intake import cleaned, text_of
from .program import Equation, Program
from .results import Derivation

if TYPE_CHECKING:
    from .codegen.compiled import Notes
    from .differences import Report
    from .second import Products
    from .judge.verdict import Verdict

KINDS = {"tex": "tex", "md": "md", "markdown": "md", "ipynb": "ipynb"}


def parse(text: str) -> Program:
    """The model that a text means, in LaTeX (or formulas one a line), in Python syntax, or as hand-written NumPy code.

    >>> parse(r"x \\in \\mathbb{R}^n \\quad C = \\sum_i x_i^2").inputs["x"].shape
    (n,)

    Raises `ParseError`, `ShapeError` or `UnsupportedError` with line and column.
    """
    from .handwritten.follow import is_code, read_code
    from .tex.detect import is_mathematics
    text = cleaned(text)
    if is_code(text):
        return read_code(text)
    if is_mathematics(text):
        from .tex.read import read_document
        return read_document(text)
    from .source.read import parse_text
    return parse_text(text)


def read(path: str | Path) -> Program:
    """The model in a file, by its ending: .tex, .md and .ipynb are read for their formulas, .py for the gradients that its
    code assigns; `-` is standard input.

    Raises as `parse`, and `ParseError` where a file is not UTF-8 text.
    """
    return read_as(text_of(path), Path(path).suffix.lower().removeprefix("."))


def read_as(text: str, ending: str) -> Program:
    """The model in a text that is a file with this ending; `parse` for an ending that says nothing.

    >>> [c.quantity for c in read_as("Then $x \\in \\mathbb{R}^n$, $C = x^T x$ and $dx = 2x$.", "md").claims]
    ['dC/dx']

    Raises as `parse`.
    """
    if ending == "py":
        from .handwritten.follow import read_code
        return read_code(text)
    if ending not in KINDS:
        return parse(text)
    from .tex.read import read_document
    return read_document(text, KINDS[ending])


def verify(text: str | Program, budget: float = 2.0, strict_layout: bool = False) -> list[Verdict]:
    """The verdicts on every claim in a text, in reading order; `budget` is in seconds a claim.

    >>> verify("x: R[n]\\nC = sum(x**2)\\ngrad(C, x) == x")[0].diagnosis["kind"]
    'scale'

    Raises `SymbackpropError` where the text cannot be read.
    """
    from .judge.verdict import judge
    return judge(text if isinstance(text, Program) else parse(text), budget, strict_layout)


@uncollected()
def export(derivation: Derivation | Products, to: str = "numpy", step: str = "", shard: str = "", model: str = "") -> str:
    """A module that computes the loss and the gradients (or the products of `hvp`, `jvp`), with no dependency but its target's.

    `to` is numpy, jax or torch; `step="sgd"` adds an update rule; `shard` (jax alone) names the size that devices share
    out; `model` is what the file says that it was made from.

    >>> import symbackprop as sb
    >>> "d_x = 2.0 * x" in sb.export(sb.derive(sb.parse("x: R[n]; C = sum(x**2)")))
    True

    Raises `SymbackpropError` for an unknown target or rule, `UnsupportedError` for what a target has no spelling for.
    """
    from .codegen.compiled import Compiled
    from .targets import Options, target
    module = target(to)
    if not isinstance(derivation, Derivation):
        from .second import Products
        products = isinstance(derivation, Products)
        if products and (to != "numpy" or step or shard):
            raise UnsupportedError("a product with a direction is exported to numpy alone, and has no step or shards")
        if products:
            return derivation.source()
        from .recurrence.export import export_loops
        return export_loops(derivation.adjoint, to, Options(step, shard))
    program = derivation.program
    compiled = Compiled(program, derivation.backward, derivation.loss, derivation.wrt, program.facts, notes(derivation, model))
    return module.write(compiled, Options(step, shard))


def check_export(derivation: Derivation, source: str, to: str = "numpy") -> Report:
    """Run an exported file in a process of its own against finite differences of its loss."""
    from .codegen.compiled import keywords, opaque_names
    from .fresh import Arguments, check_source
    if not isinstance(derivation, Derivation):
        from .recurrence.instance import check_loops
        return check_loops(derivation.adjoint, source, to)
    program, backward = derivation.program, derivation.backward
    places = {name: (word,) for name, word in keywords(program, backward).items()}
    return check_source(source, program, Arguments(places, (), tuple(opaque_names(program, backward))), to)


def notes(derivation: Derivation, model: str) -> Notes:
    """What an exported file says beside its code: its version and model, and every equation as it is on paper."""
    from . import __version__
    from .codegen.compiled import Notes
    writer = derivation.writer(tex=False)

    def shown(equation: Equation) -> str:
        return " = ".join(writer.sides(equation.name, equation.expr))
    made_by = f"Made by symbackprop {__version__}{f' from {model}' if model else ''}."
    return Notes(made_by, [shown(e) for e in derivation.program.equations],
                 {e.name: shown(e) for e in derivation.view("named")})


@uncollected()
def lambdify(derivation: Derivation | Products) -> Callable:
    """`f(**arrays) -> (loss, {name: gradient})` on NumPy; keywords only."""
    from .codegen import compile_function, export_numpy
    if not isinstance(derivation, Derivation):
        return compile_function(export(derivation))
    return compile_function(export_numpy(derivation.program, derivation.backward, derivation.loss, derivation.wrt, plain=True))


def check(derivation: Derivation, sizes: dict[str, int] | None = None, seed: int = 0) -> Report:
    """Compare every gradient with finite differences of the loss; the report is truthy if all agree."""
    if not isinstance(derivation, Derivation):
        from .recurrence.instance import check as compare_steps
        return compare_steps(derivation.adjoint, sizes, seed)
    from .differences import check as compare
    return compare(derivation.program, derivation.backward, derivation.loss, derivation.wrt, sizes, seed, derivation.view())
