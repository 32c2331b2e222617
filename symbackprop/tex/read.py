"""A document in LaTeX -> Program with claims: declarations first, then definitions as they become readable, then claims.

Sizes that the text leaves open are unknowns; where two sizes meet that must be equal, one is put in for the
other, in all that was read so far. Names that no line declares are inferred last, and said to be.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import replace
from functools import cache

import sympy as sp

from ..errors import ParseError, UnsupportedError
from ..expr import names_in, size, walk
from ..intake import bounded, cleaned
from ..ops import load
from ..program import Claim, Equation, Length, Opening, Place, Program, expose_pre_activations
from .claims import Claims
from .declarations import DEPTH
from .document import Formula, formulas
from .names import Table, letters_in, taken_apart, unwrapped
from .products import DOT
from .statements import Statement, condition, statements
from .syntax import Script, walk as walk_tree
from .tensors import Met, Unknown

MAX_TRIALS, MAX_REREAD = 8, 300_000
CLAIM = re.compile(r"[^=]*(?:\\partial|\\nabla|\\delta|∂|∇|δ|\bd[A-Z]|\bgrad|\bd[A-Za-z]+\s*/\s*d)[^=]*=")


def read_document(text: str, kind: str = "text") -> Program:
    """The program that a LaTeX, Markdown or plain text means, an open number of layers or steps read as three.

    Raises `SymbackpropError` with line and column where a formula that the model needs cannot be read.
    """
    load()
    with bounded(text):
        found = formulas(cleaned(text), kind)
        document = settle(found)

    program = program_of(document, found, text)
    return replace(program, others=lambda: others(document, found, text)) if document.offsets() else program


def program_of(document: Document, found: list[Formula], text: str) -> Program:
    """What a document means at the length that it was read with, and how to read it at another."""
    @cache
    def again(depth: int, opening: Opening) -> Program:
        """The text at another length."""
        with bounded(text):
            read = attempt(found, document.ranks, depth, opening)
            return replace(read.program(), length=read.length(again))
    with bounded(text):
        return replace(document.program(), length=document.length(again))


def others(document: Document, found: list[Formula], text: str) -> Iterator[Program]:
    """The text with other ranks of undeclared names that fit it as well."""
    for ranks in document.offsets():
        with bounded(text):
            other = attempt(found, {**document.ranks, **ranks})
        if other.strain <= document.strain:
            yield program_of(other, found, text)


def settle(found: list[Formula]) -> Document:
    """The document read with the ranks of undeclared names that make most of its formulas readable."""
    best = attempt(found, {})
    few = max(2, min(MAX_TRIALS, 300 // (len(best.parts) + 1)))
    for _ in range(few):
        others = [{DOT: 1}] if best.open_dots and not best.ranks.get(DOT) else []
        if best.strain == (0, 0) or not (best.inferred or others) or best.reread > MAX_REREAD:
            return best
        others += best.other_ranks()[:few] if best.inferred else []
        trials = [attempt(found, {**best.ranks, **other}) for other in others]
        better = min(trials, key=lambda t: t.strain, default=best)
        if better.strain >= best.strain:
            return best
        best = better
    return best


def attempt(found: list[Formula], ranks: dict[str, int], depth: int = DEPTH, opening: Opening = Opening.CLOSED) -> Document:
    document = Document(found, {}, ranks, depth)
    document.opening = opening
    document.read()
    return document


class Document(Claims):
    """One reading of a document under what is known of its sizes."""

    def __init__(self, found: list[Formula], bindings: dict[str, sp.Expr], ranks: dict[str, int], depth: int) -> None:
        super().__init__(Table(), bindings, depth)
        self.found, self.ranks = found, ranks
        self.size_names: set[str] = set()
        self.unread = [f for f in found if f.error is not None]
        self.broken |= {base: f.error for f in self.unread for base in spoken_of(f)}
        self.parts: list[Statement] = conditioned([f for f in found if f.error is None])

    def read(self) -> None:
        self.declarations()
        self.definitions()
        self.find_losses()
        self.read_claims()
        self.close_sizes()

    @property
    def strain(self) -> tuple[int, int]:
        """How badly this reading fits: formulas that fail, and scalars added to vectors."""
        unread = sum(isinstance(c.error, UnsupportedError) for c in self.claims)
        return len(self.failures) + unread, self.strains

    def close_sizes(self) -> None:
        """Give the sizes that stayed open a name."""
        self.put_sizes()
        shapes = [var.shape for var in (*(e.var for e in self.table.tensors.values()), *self.inputs.values())]
        for claim in self.claims:
            shapes += [n.shape for side in (claim.left, claim.right) if side is not None for n in walk(side)]
        for symbol in dict.fromkeys(s for shape in shapes for d in shape for s in sorted(d.free_symbols, key=str)):
            if isinstance(symbol, Unknown):
                self.bind_size(Met(symbol, self.new_size(symbol.name)))
        self.put_sizes()

    def new_size(self, tag: str) -> sp.Expr:
        plain = "n_" + "".join(c for c in tag.split("@")[0].replace(":0", "").replace(":1", "b") if c.isalnum())
        if not self.size_names:
            self.size_names = set(self.table.sizes) | {e.name for e in self.table.tensors.values()}
        taken = self.size_names
        while plain in taken:
            plain += "x"
        taken.add(plain)
        return size(plain)

    def program(self) -> Program:
        """The program, its claims in reading order; what could not be read is a claim in error, or a note."""
        general = self.general()
        claims = [*(said(c, general) for c in self.claims), *(self.unread_claim(f) for f in self.unread if is_claim(f))]
        troubles = [*(f.error for f in self.unread if not is_claim(f)), *(e for e in self.failures if e not in [c.error for c in claims])]
        if not claims and troubles and (self.found[0].display or not self.equations):
            raise troubles[0]
        if not self.table.tensors and not claims:
            raise ParseError("there is no model here: declare tensors (x \\in \\mathbb{R}^{n}) and write equations (z = W x)")
        notes = (*self.notes, *(f"not read: line {e.line}: {e.message}" for e in troubles))
        taken = {*self.inputs, *(e.name for e in self.equations)}
        equations = expose_pre_activations(in_order(self.equations), taken)
        names = {name: tex for name, tex in self.table.tex.items() if name in taken}
        claims.sort(key=lambda c: (c.place.line, c.place.column))
        facts = tuple(f for f in dict.fromkeys(self.facts) if f.name in self.inputs)
        return Program(dict(self.inputs), equations, (), facts, tuple(claims), names, notes)

    def length(self, again: Callable[[int, Opening], Program]) -> Length | None:
        """The one range that the text leaves open, with the layer or step of every name; None where there is not one."""
        if len(self.open_ends) != 1:
            return None
        (end, letter), = self.open_ends.items()
        levels = {}
        for k, entry in self.table.tensors.items():
            for at, which in sorted((at, which) for base, at, which in self.stepped if base == k[0]):
                labels = k[at].split(",")
                if which < len(labels) and labels[which].isdigit():
                    family = (*k[:at], ",".join("·" if n == which else text for n, text in enumerate(labels)), *k[at + 1:])
                    levels[entry.name] = "|".join(map(str, family)), int(labels[which])
                    break
        return Length(letter, end, self.depth_of_ranges, levels, again, self.counts)

    def unread_claim(self, formula: Formula) -> Claim:
        line, column = formula.source.place(formula.span[0])
        text = " ".join(formula.source.text[slice(*formula.span)].split())
        return Claim(text, Place(line, column, formula.source.line(line)), None, None, formula.error)


def conditioned(found: list[Formula]) -> list[Statement]:
    """The statements of the formulas; a `$i = k$` after an "if" in the text before a display is a condition of that."""
    out: list[Statement] = []
    waiting: tuple = ()
    for formula in found:
        parts = statements(formula)
        before = re.search(r"(\w+)[\s$\\(]*$", formula.source.text[max(0, formula.span[0] - 40):formula.span[0]])
        if not formula.display and len(parts) == 1 and before is not None and (when := condition(parts[0].node, before[1])):
            waiting = when
            continue
        out += [replace(s, when=s.when + waiting) if s.kind == "equation" else s for s in parts]
        waiting = ()
    return out


def said(claim: Claim, general: tuple[str, ...]) -> Claim:
    """The claim with what every claim of its document rests on."""
    other = claim.otherwise and (claim.otherwise[0], (*general, *claim.otherwise[1]))
    return replace(claim, assumptions=(*general, *claim.assumptions), otherwise=other)


def in_order(equations: list[Equation]) -> tuple[Equation, ...]:
    """The equations, each after what it reads: a declared name may be defined after its use.

    Raises `ParseError` where a name is made of itself.
    """
    by_name = {e.name: e for e in equations}
    done: dict[str, Equation] = {}
    for equation in equations:
        waiting, around = [equation], set()
        while waiting:
            e = waiting[-1]
            lacking = [by_name[n] for n in names_in(e.expr) if n in by_name and n not in done]
            if not lacking:
                done[e.name] = e
                waiting.pop()
                around.discard(e.name)
                continue
            if e.name in around:
                raise ParseError(f"{e.name} is made of itself", **({"line": e.place.line, "column": e.place.column} if e.place else {}))
            around.add(e.name)
            waiting += lacking
    return tuple(done.values())


def spoken_of(formula: Formula) -> list[str]:
    """The names that a formula which could not be read would have declared or defined."""
    text = formula.source.text[slice(*formula.span)]
    found = re.findall(r"\\?([A-Za-z]+)(?:_\{?\w+\}?)?(?:\^\{[^{}]*\})?\s*(?:\\in\b|∈|:?=|,)", text)
    return [name for name in found if name not in ("in", "mathbb", "R")]


def is_claim(formula: Formula) -> bool:
    """Whether a formula that could not be read has a derivative on its left."""
    return bool(CLAIM.match(formula.source.text[slice(*formula.span)]))
