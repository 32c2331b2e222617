"""Hand-written NumPy training code -> Program with a claim for every gradient that it assigns or returns.

The text is parsed with `ast` and followed, never executed. What cannot be followed is a note with its line; a gradient
that cannot be followed is a claim in error. Shapes come from declarations, docstrings and initial values, else from how
the forward part fits together.
"""

from __future__ import annotations

import ast
import re
from functools import lru_cache
from dataclasses import replace

from ..errors import ParseError, ShapeError
from ..expr import names_in
from ..intake import bounded
from ..notation import GREEK
from ..ops import load
from ..program import Claim, Program
from ..source.read import Reader
from ..tex.tensors import Met
from .claims import Claims
from .entry import Entry
from .known import WORK, Known, Meter, TooMuch
from .loss import loss_of, one_hot_facts
from .names import LOSS_NAME, SHORT, STEP, stems
from .record import Event
from .shapes import declared_shapes
from .values import Again

ROUNDS, TRIALS = 300, 8
CODE = re.compile(r"(?m)^[ \t]*(?:def[ \t]+\w+[ \t]*\(|class[ \t]+\w+[^\n]*:)|\bnp\.random\b")
VECTOR = re.compile(r"(?![wWuUvV]\d*$|w_|theta|.*weights?|syn\d|M$|mat)[a-z]")  # names that one example at a time gives one axis
MODEL = re.compile(r"(?m)^[ \t]*(?:fact[ \t]*:|\w+[ \t]*:[ \t]*R\b)")


def is_code(text: str) -> bool:
    """Whether a text is NumPy code, not a model in Python syntax.

    >>> is_code("def f(x):\\n    return x"), is_code("x: R[3]; C = sum(x**2)")
    (True, False)
    """
    return bool(CODE.search(text)) and not MODEL.search(text)


def read_code(text: str) -> Program:
    """The program that hand-written NumPy code means: its forward part, and its gradients as claims.

    >>> [c.quantity for c in read_code("def f(x, w):\\n    loss = (w * x).sum()\\n    dw = x\\n    return dw").claims]
    ['dw']

    Raises `SymbackpropError` with line and column where the text is no Python.
    """
    load()
    with bounded(text):
        reader = Reader(text)
        tree = reader.tree(margin=False)
        return program_of(settled(reader.whole, tree))


def settled(text: str, tree: ast.Module) -> Entry:
    """The text followed with the ranks of undeclared names under which most of it fits."""
    meter = Meter()
    try:
        best, known = attempt(text, tree, {}, meter)
    except TooMuch:
        raise ParseError(f"following this code takes more than {WORK} steps", line=1, column=1,
                         hint="verify the part with the gradients alone") from None
    return better(best, known, text, tree, meter)


def better(best: Entry, known: Known, text: str, tree: ast.Module, meter: Meter) -> Entry:
    """The same with other ranks of the names that nothing states, those first whose gradients do not fit."""
    outer = "outer(" in text
    if outer:
        best, known = with_vectors(best, known, text, tree, meter)
    if strain(best) and known.indexed:
        columns = {n: "columns" for n in known.indexed if n in known.ranks}
        best, known = fewer_misfits((best, known), text, tree, {**known.ranks, **columns}, meter)
    trials = 0
    suspects = [e.target.name for e in best.events if misfits(e)]
    for name in sorted(known.ranks, key=lambda n: (n not in suspects, known.ranks[n] == 0)):
        if strain(best) == 0 or trials >= TRIALS:
            break
        for rank in (0, 1, "column", "row", 2) if name in GREEK else (1, "column", "row", 0, 2):
            if rank == known.ranks[name] or trials >= TRIALS:
                continue
            trials += 1
            best, known = fewer_misfits((best, known), text, tree, {**known.ranks, name: rank}, meter)
    return best if outer else with_vectors(best, known, text, tree, meter)[0]


def with_vectors(best: Entry, known: Known, text: str, tree: ast.Module, meter: Meter) -> tuple[Entry, Known]:
    """The same with all names that may be vectors as vectors at once: code for one example at a time."""
    vectors = {n: 1 for n, rank in known.ranks.items() if rank == 2 and VECTOR.match(n)}
    if not strain(best) or not vectors:
        return best, known
    return fewer_misfits((best, known), text, tree, {**known.ranks, **vectors}, meter)


def fewer_misfits(found: tuple[Entry, Known], text: str, tree: ast.Module, ranks: dict[str, object], meter: Meter) -> tuple[Entry, Known]:
    """What was found, or the text followed with other ranks where more of it fits."""
    try:
        other = attempt(text, tree, ranks, meter)
    except (ParseError, TooMuch):
        return found
    return other if strain(other[0]) < strain(found[0]) else found


def attempt(text: str, tree: ast.Module, ranks: dict[str, object], meter: Meter) -> tuple[Entry, Known]:
    """Follow the text until nothing new is learned of its sizes."""
    known = Known(declared_shapes(text, tree), meter)
    known.ranks.update(ranks)
    for _ in range(ROUNDS):
        run = Entry(text.split("\n"), known)
        run.trained, run.differentiated = trained_names(tree), differentiated_names(tree)
        try:
            run.follow(tree)
            if not run.close_sizes():
                run.readings |= {f"the loop in line {line} is read with {known.sizes.get(s)} rounds": None for s, line in known.counted.items()}
                return run, known
        except Met as met:
            try:
                known.bind(met.unknown, met.size)
            except ShapeError:
                break
        except Again:
            continue
    raise ParseError("the shapes of this code could not be settled", line=1, column=1, hint="declare them in comments, as in # X: R[B, n]")


def strain(run: Entry) -> int:
    """How badly the assumed ranks fit: lines that do not, gradients of another shape than their tensors, losses that are matrices."""
    losses = sum(e.expr.rank > 1 and len(e.name) > 1 and bool(LOSS_NAME.match(e.name)) for e in run.equations)
    return sum(map(misfits, run.events)) + len(run.notes) + losses


def misfits(event: Event) -> bool:
    if event.raw is None:
        return event.error is not None
    return [d for d in event.raw.shape if d != 1] != [d for d in event.target.shape if d != 1]


@lru_cache(maxsize=4)
def trained_names(tree: ast.Module) -> set[str]:
    """Names that code steps along a gradient (`w -= …`, `w = w - …`), which are therefore inputs."""
    found = set()
    for node in ast.walk(tree):
        match node:
            case ast.AugAssign(target=ast.Name(id=name) | ast.Attribute(attr=name), op=ast.Sub()):
                found.add(name)
            case ast.AugAssign(target=ast.Name(id=name) | ast.Attribute(attr=name), op=ast.Add(), value=value) if any(
                    STEP.match(getattr(n, "id", getattr(n, "attr", ""))) for n in ast.walk(value)):
                found.add(name)
            case ast.Assign(targets=[ast.Name(id=name) | ast.Attribute(attr=name)], value=ast.BinOp(left=left, op=ast.Sub())):
                if name == getattr(left, "id", getattr(left, "attr", None)):
                    found.add(name)
    return {name for name in found if len(name) == 1 or not LOSS_NAME.match(name)}


@lru_cache(maxsize=4)
def differentiated_names(tree: ast.Module) -> set[str]:
    """Names that have a gradient in the text: where one begins with zeros, they are a starting point and no constant."""
    stored = {n.id if isinstance(n, ast.Name) else n.attr for n in ast.walk(tree) if isinstance(n, (ast.Name, ast.Attribute)) and isinstance(n.ctx, ast.Store)}
    return {word for name in stored for stem, _ in stems(name) for word in (stem, *SHORT.get(stem.lower(), ()))}


def program_of(run: Entry) -> Program:
    """The forward part as a program, with the claims of every group of gradients."""
    one_hot_facts(run)
    claims: list[Claim] = []
    notes = [f"not followed: line {e.line}: {e.message}" for e in run.notes.values()]
    ends = [*(g.start for g in run.groups[1:]), len(run.events)]
    steps = [*(g.updates for g in run.groups[1:]), len(run.updates)]
    for group, end, last in zip(run.groups, ends, steps):
        events, updates = run.events[group.start:end], run.updates[group.updates:last]
        if not events and not updates:
            continue
        loss = loss_of(run, group, events)
        if loss is None:
            notes.append(f"no loss was found for the gradients of {group.title}: compute one, as in loss = …")
            claims += [lossless(run, e) for e in events]
            continue
        claims += Claims(run, loss, events, updates).made()
    claims = [replace(c, assumptions=(*c.assumptions, *said_of(run, c))) for c in claims]
    read = {n for e in run.equations for n in names_in(e.expr)}
    read |= {n for c in claims for side in (c.left, c.right) if side is not None for n in names_in(side)}
    read |= {part for n in read if "/" in n for part in n.replace("∂", "").split("/")}
    inputs = {k: v for k, v in run.inputs.items() if k in read}
    facts = tuple(f for f in dict.fromkeys(run.facts) if f.name in inputs)
    return Program(inputs, tuple(run.equations), (), facts, tuple(claims), {}, tuple(notes))


def lossless(run: Entry, event: Event) -> Claim:
    """A gradient of no loss: the error of its own line, or that a loss is missing."""
    place = run.place(event.node)
    error = event.error or ParseError("no loss was found that this could be the gradient of", line=place.line, column=place.column, source=place.source,
                       hint="compute it in the forward part, as in loss = …")
    return Claim(run.text(event.node), place, None, None, error, quantity=event.spot.text)


def said_of(run: Entry, claim: Claim) -> tuple[str, ...]:
    """The readings taken, and the shapes that nothing states."""
    return tuple(run.readings)
