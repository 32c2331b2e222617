"""The derivation of a model with loops, as a person writes it: the boundary, the adjoint recurrence, the gradients.

A cotangent that is read once, and in its own step only, is put in where it is read; those of pre-activations are δ.
"""

from __future__ import annotations

from collections import Counter
from typing import NamedTuple

from ..expr import Const, Expr, Var, names_in, walk
from ..notation import Notation, split_name, tex_name, text_name
from ..program import Equation, is_activation
from ..reverse import bar
from ..rules import tidy
from ..show.writing import TextWriter
from ..views import delta_name, occurrences, plain_tex, substitute
from .adjoint import Adjoint, Each, Summed, Swept
from .indexed import Index, named, parts
from .model import Loop, Recurrent


class Line(NamedTuple):
    """`name = Σ expr + rest`, for the steps that `where` tells; `over` has the loops of the sums."""

    name: str
    terms: tuple[tuple[Loop | None, Expr], ...]
    where: tuple[Loop, str] | None


def pre_activations(model: Recurrent) -> set[str]:
    """The bases of the names that an activation function is applied to."""
    return {parts(node.args[0].name)[0] for expr in model.expressions() for node in walk(expr)
            if is_activation(node) and type(node.args[0]) is Var}


class Shown:
    """The lines of a view: textbook or named."""

    def __init__(self, adjoint: Adjoint, kind: str = "textbook") -> None:
        self.adjoint, self.kind = adjoint, kind
        self.kept = {bar(base) for base in pre_activations(adjoint.model)} | self.public()
        self.values: dict[str, Expr] = {}
        self.constants = self.constant_bases()
        self.reads = Counter(var.name for e in adjoint.equations() for var in occurrences(e.expr))

    def public(self) -> set[str]:
        """The bases of cotangents that are read from another step, or by a sum, or once for each step."""
        found: set[str] = set()
        for entry in self.adjoint.entries:
            match entry:
                case Swept():
                    for case in entry.cases:
                        own = {e.name for e in case.equations}
                        found |= {parts(n)[0] for e in case.equations for n in names_in(e.expr) if n not in own and parts(n)[1]}
                case Summed():
                    found |= {parts(n)[0] for s in entry.sums for n in names_in(s.expr) if parts(n)[1]}
                case Each():
                    found |= {parts(n)[0] for n in names_in(entry.equation.expr)}
                case Equation():
                    found |= {parts(n)[0] for n in names_in(entry.expr) if parts(n)[1]}
        return found

    def constant_bases(self) -> dict[str, Const]:
        """The bases of cotangents that are the same number at every step."""
        found: dict[str, set[Expr]] = {}
        for entry in self.adjoint.entries:
            for e in [e for case in entry.cases for e in case.equations] if isinstance(entry, Swept) else ():
                found.setdefault(parts(e.name)[0], set()).add(e.expr)
        return {base: value for base, values in found.items() if len(values) == 1 and type(value := next(iter(values))) is Const}

    def lines(self) -> list[Line]:
        made: list[Line] = []
        for entry in self.adjoint.entries:
            match entry:
                case Swept():
                    for case in entry.cases:
                        where = None if case.back is not None else (entry.loop, span(entry.loop, entry.lag))
                        made += [Line(e.name, ((None, expr),), where) for e in case.equations
                                 if (expr := self.put(e)) is not None]
                case Summed():
                    terms = [(s.loop, self.settled(s.expr)) for s in entry.sums]
                    terms += [(None, self.settled(entry.rest))] if entry.rest is not None else []
                    made.append(Line(entry.name, tuple(terms), None))
                case Each():
                    made.append(Line(entry.equation.name, ((None, self.settled(entry.equation.expr)),),
                                     (entry.loop, entry.loop.range)))
                case Equation():
                    if (expr := self.put(entry)) is not None:
                        made.append(Line(entry.name, ((None, expr),), None))
        return made

    def settled(self, expr: Expr) -> Expr:
        if self.kind == "named":
            return expr
        known = {n: value for n in names_in(expr) if (value := self.values.get(n, self.constants.get(parts(n)[0]))) is not None}
        return tidy(substitute(expr, known) if known else expr, self.adjoint.model.facts)[0]

    def put(self, equation: Equation) -> Expr | None:
        """The right side as it is shown, or None where it is put into what reads it."""
        expr = self.settled(equation.expr)
        base = parts(equation.name)[0]
        simple = type(expr) in (Var, Const)
        if base in self.constants and self.kind != "named":
            return None
        if self.kind == "named" or base in self.kept or equation.name[1:] in self.adjoint.wrt or self.reads[equation.name] > 1 and not simple:
            return expr
        self.values[equation.name] = expr
        return None


def span(loop: Loop, lag: int) -> str:
    """`l = L−1, …, 1`: the steps before the boundary, in the order in which they are computed."""
    if loop.step > 0:
        return f"{loop.index} = {loop.high}{f'−{lag}' if lag else ''}, …, 1"
    return f"{loop.index} = {1 + lag}, …, {loop.high}"


def over_steps(loop: Loop, tex: bool) -> str:
    """The sign of a sum over all steps."""
    from ..tex.write import LatexWriter
    return (LatexWriter() if tex else TextWriter()).over_steps(loop.index, loop.high)


def symbols(model: Recurrent, loss: str, notation: Notation, tex: bool, names: set[str]) -> dict[str, str]:
    """What the cotangents (and the sums over a loop) are called."""
    deltas = delta_bases(model) if notation.cotangent == "delta" else {}
    own = dict(model.names) | dict(notation.names)
    usual = (lambda n: tex_name(n, notation.layers)) if tex else text_name
    plain = lambda n: (own[n] if tex else plain_tex(own[n])) if n in own else usual(n)
    made = {total: over_steps(model.loop_of[state], tex) + " " + plain(named(state, Index(model.loop_of[state].index)))
            for total, state in model.totals.items()} | {name: plain(name) for name in own}
    for name in names:
        base, index = parts(name[1:])
        if base in deltas and name[1:] not in model.inputs:
            made[name] = delta(deltas[base], index, tex, notation)
        elif notation.cotangent == "bar":
            made[name] = rf"\bar{{{plain(name[1:])}}}" if tex else f"{plain(name[1:])}\u0304"
        elif tex:
            made[name] = rf"\frac{{\partial {plain(loss)}}}{{\partial {plain(name[1:])}}}"
        else:
            made[name] = f"∂{plain(loss)}/∂{plain(name[1:])}"
    return made


def delta_bases(model: Recurrent) -> dict[str, tuple[str, int]]:
    """Pre-activation -> the label of its δ beside the index ("" where it is the only one) and its rank."""
    shapes = {parts(e.name)[0]: e.expr.rank for item in model.items for e in (item.equations if isinstance(item, Loop) else (item,))}
    found = sorted(pre_activations(model))
    indexed = [base for base in found if base in model.loop_of]
    return {base: ("" if base in model.loop_of and len(indexed) == 1 else label(base), shapes.get(base, 1)) for base in found}


def label(base: str) -> str:
    stem, accent, text = split_name(base)
    return text if stem in ("z", "a", "u", "s") and text and not accent else base


def delta(of: tuple[str, int], index: Index | None, tex: bool, notation: Notation) -> str:
    text, rank = of
    if index is None:
        return delta_name(text, rank, tex, notation)
    stem = ("Delta" if rank >= 2 else "delta") + (f"_{text}" if text else "")
    name = f"{stem}[{index}]"
    return tex_name(name, notation.layers) if tex else text_name(name)
