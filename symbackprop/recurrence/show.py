"""The derivation of a model with loops, as a person writes it: the boundary, the adjoint recurrence, the gradients.

A cotangent that is read once, and in its own step only, is put in where it is read; those of pre-activations are δ.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from typing import NamedTuple

from ..expr import Const, Expr, Var, names_in, walk
from ..notation import Notation, split_name, tex_name, text_name
from ..program import Equation, is_activation
from ..reverse import bar, is_bar
from ..rules import tidy
from ..show.writing import TextWriter
from ..views import delta_name, occurrences, plain_tex, substitute, try_inlining
from .adjoint import Adjoint, Each, Entry, Summed, Swept, equations_of
from .indexed import Indices, moved_name, named, parts
from .model import Loop, Recurrent, placed


class Line(NamedTuple):
    """`name = Σ expr + rest`, for the steps that `where` tells ("" where there is but one); each term has the loops of its sum."""

    name: str
    terms: tuple[tuple[tuple[Loop, ...], Expr], ...]
    where: str


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
        self.readers = Counter(name for e in adjoint.equations() for name in names_in(e.expr))
        self.tentative: dict[str, Expr] = {}  # read twice in one place: put in there where that makes the whole shorter

    def public(self) -> set[str]:
        """The cotangents that are read from another step, or by a sum, or once for each step."""
        return {self.key(name) for body in bodies(self.adjoint.entries) for name in read_beyond(body) if parts(name)[1]}

    def key(self, name: str) -> str:
        """The cotangent that a cotangent is at a step."""
        return bar(self.adjoint.model.key_of(name[len(bar("")):]))

    def constant_bases(self) -> dict[str, Expr]:
        """The bases of cotangents that are the same number, or the same name, at every step."""
        found: dict[str, set[Expr]] = {}
        for entry in self.adjoint.entries:
            for e in equations_of(entry) if isinstance(entry, Swept) else ():
                found.setdefault(parts(e.name)[0], set()).add(e.expr)
        return {base: value for base, values in found.items() if len(values) == 1 and self.is_constant(value := next(iter(values)))}

    def is_constant(self, value: Expr) -> bool:
        """Whether a value is a number or a name that no step changes."""
        if type(value) is Const:
            return not {s.name for s in value.value.free_symbols} & self.adjoint.model.by_letter.keys()
        return type(value) is Var and not parts(value.name)[1]

    def lines(self) -> list[Line]:
        found = [line for entry in self.adjoint.entries for line in self.of(entry, ())]
        read = {name for line in found for _, expr in line.terms for name in names_in(expr)}
        return [line for line in found if line.name not in self.tentative or line.name in read]

    def of(self, entry: Entry, where: tuple[str, ...]) -> Iterator[Line]:
        """The lines of an entry inside loops at the steps that `where` tells."""
        match entry:
            case Swept():
                for case in entry.cases:
                    here = where if case.back is not None else (*where, span(entry.loop, entry.lag))
                    for inner in case.entries:
                        yield from self.of(inner, here)
            case Summed():
                terms = [(s.loops, self.settled(s.expr)) for s in entry.sums]
                terms += [((), self.settled(entry.rest))] if entry.rest is not None else []
                yield Line(entry.name, tuple(terms), "; ".join(where))
            case Each(loops, Equation() as equation):
                yield Line(equation.name, (((), self.settled(equation.expr)),), "; ".join(loop.range for loop in loops))
            case Each(loops, inner):
                yield from self.of(inner, tuple(loop.range for loop in loops))
            case Equation():
                if (expr := self.put(entry)) is not None:
                    yield Line(entry.name, (((), expr),), "; ".join(where))

    def settled(self, expr: Expr) -> Expr:
        if self.kind == "named":
            return expr
        known = {n: value for n in names_in(expr) if (value := self.values.get(n, self.constants.get(parts(n)[0]))) is not None}
        made, model = try_inlining(substitute(expr, known) if known else expr, self.tentative), self.adjoint.model
        return tidy(made, (*model.facts, *(fact for name in names_in(made) for fact in model.facts_of_row(name))))[0]

    def put(self, equation: Equation) -> Expr | None:
        """The right side as it is shown, or None where it is put into what reads it."""
        expr = self.settled(equation.expr)
        base = parts(equation.name)[0]
        simple = type(expr) in (Var, Const)
        if base in self.constants and self.kind != "named":
            return None
        if self.kind == "named" or not self.kept.isdisjoint((base, self.key(equation.name))) or equation.name[1:] in self.adjoint.wrt:
            return expr
        if self.reads[equation.name] > 1 and not simple:
            if self.readers[equation.name] == 1:
                self.tentative[equation.name] = expr
            return expr
        self.values[equation.name] = expr
        return None


def bodies(entries: Iterable[Entry]) -> Iterator[tuple[Entry, ...]]:
    """The entries that are computed together: those outside the loops, and those of each case."""
    entries = tuple(entries)
    yield entries
    for entry in entries:
        if isinstance(entry, Swept):
            for case in entry.cases:
                yield from bodies(case.entries)


def read_beyond(body: tuple[Entry, ...]) -> Iterator[str]:
    """The names that a body reads and that are not of the same step, or that a sum or many steps read."""
    own = {entry.name for entry in body if isinstance(entry, Equation)}
    for entry in body:
        match entry:
            case Equation():
                yield from (name for name in names_in(entry.expr) if name not in own)
            case Summed(sums=sums, rest=rest):
                yield from (name for s in sums for name in names_in(s.expr))
                yield from (name for name in names_in(rest) if name not in own) if rest is not None else ()
            case Each():
                yield from (name for e in equations_of(entry) for name in names_in(e.expr))


def span(loop: Loop, lag: int) -> str:
    """`l = L−1, …, 1`: the steps before the boundary, in the order in which they are computed."""
    if loop.step > 0:
        return f"{loop.index} = {loop.high}{f'−{lag}' if lag else ''}, …, {loop.first}"
    return f"{loop.index} = {1 + lag}, …, {loop.high}"


def over_steps(loops: Iterable[Loop], tex: bool) -> str:
    """The signs of sums over all steps."""
    from ..tex.write import LatexWriter
    writer = LatexWriter() if tex else TextWriter()
    return " ".join(writer.over_steps(loop.index, loop.high, loop.first) for loop in loops)


def total_text(model: Recurrent, name: str, tex: bool, plain: Callable[[str], str]) -> list[str]:
    """A sum over a range at any index, as `Σ_{t=1..T} e[L,t]`; nothing where a name is none."""
    base, indices = parts(name)
    for total, key in model.totals.items():
        if parts(total)[0] == base and len(parts(total)[1]) == len(indices):
            for mine, index in zip(parts(total)[1], indices):
                key = moved_name(key, mine.anchor, index)
            return [f"{over_steps(model.summed(total), tex)} {plain(key)}"]
    return []


def symbols(model: Recurrent, loss: str, notation: Notation, tex: bool, names: set[str]) -> dict[str, str]:
    """What the cotangents (and the sums over a loop) are called."""
    deltas = delta_bases(model) if notation.cotangent == "delta" else {}
    own = dict(model.names) | dict(notation.names)
    usual = (lambda n: tex_name(n, notation.layers)) if tex else text_name
    plain = lambda n: (own[n] if tex else plain_tex(own[n])) if n in own else usual(n)
    made = {name: text for name in names | set(model.totals) for text in total_text(model, name, tex, plain)} | {name: plain(name) for name in own}
    for name in filter(is_bar, names):
        base, indices = parts(name[1:])
        if base in deltas and name[1:] not in model.inputs:
            made[name] = delta(deltas[base], indices, tex, notation)
        elif notation.cotangent == "bar":
            made[name] = rf"\bar{{{plain(name[1:])}}}" if tex else f"{plain(name[1:])}\u0304"
        elif tex:
            made[name] = rf"\frac{{\partial {plain(loss)}}}{{\partial {plain(name[1:])}}}"
        else:
            made[name] = f"∂{plain(loss)}/∂{plain(name[1:])}"
    return made


def delta_bases(model: Recurrent) -> dict[str, tuple[str, int]]:
    """Pre-activation -> the label of its δ beside the index ("" where it is the only one) and its rank."""
    shapes = {parts(e.name)[0]: e.expr.rank for e, _ in placed(model.items)}
    found = sorted(pre_activations(model))
    indexed = [base for base in found if base in model.loop_of]
    return {base: ("" if base in model.loop_of and len(indexed) == 1 else label(base), shapes.get(base, 1)) for base in found}


def label(base: str) -> str:
    stem, accent, text = split_name(base)
    return text if stem in ("z", "a", "u", "s") and text and not accent else base


def delta(of: tuple[str, int], indices: Indices, tex: bool, notation: Notation) -> str:
    text, rank = of
    if not indices:
        return delta_name(text, rank, tex, notation)
    stem = ("Delta" if rank >= 2 else "delta") + (f"_{text}" if text else "")
    name = named(stem, indices)
    return tex_name(name, notation.layers) if tex else text_name(name)
