"""Hand-written NumPy training code -> Program with a claim for every gradient that it assigns or returns.

The text is parsed with `ast` and followed, never executed. What cannot be followed is a note with its line; a gradient
that cannot be followed is a claim in error. Shapes come from declarations, docstrings and initial values, else from how
the forward part fits together.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from functools import lru_cache
from dataclasses import replace

from ..errors import ParseError, ShapeError, SymbackpropError
from ..expr import names_in, show_shape
from ..intake import bounded
from ..notation import GREEK
from ..ops import load
from ..program import Claim, Program
from ..source.read import Reader
from ..tex.tensors import Met
from .claims import Claims
from .entry import Entry, Group
from .guesses import is_other, other_ranks
from .known import WORK, Known, Meter, TooMuch
from .loss import loss_of, one_hot_facts
from .names import LOSS_NAME, SHORT, STEP, stems
from .record import Event
from .shapes import Stated
from .values import Again

ROUNDS, TRIALS = 300, 8
CODE = re.compile(r"(?m)^[ \t]*(?:def[ \t]+\w+[ \t]*\(|class[ \t]+\w+[^\n]*:)|\bnp\.random\b")
SIZE_OF = re.compile(r"\b([A-Za-z]\w*?)_\d+\b")
VECTOR = re.compile(r"(?![wWuUvV]\d*$|w_|theta|.*weights?|syn\d|M$|mat)(?:[a-z]|[CHS]_?(?:prev|next|0|t)\w*$)")  # names that one example at a time gives one axis
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
        run = settled(reader.whole, tree)
    program = program_of(run)
    return replace(program, others=lambda: others(run, reader.whole, tree)) if any(other_ranks(run)) else program


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
    best, known = fewer_misfits((best, known), text, tree, {**known.ranks, **ranks_of_gradients(best, known)}, meter)
    trials = 0
    suspects, spoken = [e.target.name for e in best.events if misfits(e)], spoken_of(best)
    for name in sorted(known.ranks, key=lambda n: (n not in spoken, n not in suspects, known.ranks[n] == 0)):
        if strain(best) == 0 or trials >= TRIALS:
            break
        for rank in (0, 1, "column", "row", 2) if known.plain(name) in GREEK else (1, "column", "row", 0, 2):
            if rank == known.ranks[name] or trials >= TRIALS:
                continue
            trials += 1
            before = best
            best, known = fewer_misfits((best, known), text, tree, {**known.ranks, name: rank}, meter)
            if best is not before and name not in [e.target.name for e in best.events if misfits(e)]:
                break
    return best if outer else with_vectors(best, known, text, tree, meter)[0]


def spoken_of(run: Entry) -> set[str]:
    """The names whose own open sizes stand in what does not fit."""
    said = [str(d) for e in run.events if e.raw is not None and misfits(e) for d in e.raw.shape]
    said += [e.message for e in (*run.notes.values(), *(e.error for e in run.events)) if e is not None]
    return {name for text in said for name in SIZE_OF.findall(text)}


def ranks_of_gradients(run: Entry, known: Known) -> dict[str, object]:
    """The rank that each name would have whose gradient does not fit, by the shape of that gradient."""
    found: dict[str, object] = {}
    for event in run.events:
        if event.raw is not None and misfits(event) and event.target.name in known.ranks:
            shape = event.raw.shape
            found[event.target.name] = len(shape) if len(shape) != 2 else "column" if shape[1] == 1 else "row" if shape[0] == 1 else 2
    return found


def with_vectors(best: Entry, known: Known, text: str, tree: ast.Module, meter: Meter) -> tuple[Entry, Known]:
    """The same with all names that may be vectors as vectors at once: code for one example at a time."""
    vectors = {n: 1 for n, rank in known.ranks.items() if rank == 2 and VECTOR.match(known.plain(n))}
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


def others(run: Entry, text: str, tree: ast.Module) -> Iterator[Program]:
    """The text with other guessed ranks that fit it as well; each claim says what it rests on."""
    for ranks, single in other_ranks(run):
        try:
            with bounded(text):
                other, known = attempt(text, tree, {**run.known.ranks, **ranks}, Meter(), single)
                if strain(other) > strain(run):
                    continue
                changed = [n for n, var in run.inputs.items() if n in known.ranks and n in other.inputs and is_other(var, other.inputs[n])]
                other.readings |= {f"{known.plain(n)} is taken to be {show_shape(other.inputs[n].shape)}": None for n in changed}
                yield program_of(other)
        except (SymbackpropError, TooMuch):
            continue


def attempt(text: str, tree: ast.Module, ranks: dict[str, object], meter: Meter, single: tuple[str, int] | None = None) -> tuple[Entry, Known]:
    """Follow the text until nothing new is learned of its sizes; `single` is a name and the axis of it whose size is one."""
    known = Known(stated_in(text, tree), meter)
    known.ranks.update(ranks)
    known.single = single
    for _ in range(ROUNDS):
        run = Entry(text.split("\n"), known)
        run.trained, run.differentiated, run.steppers = trained_names(tree), differentiated_names(tree), step_sizes(tree)
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


@lru_cache(maxsize=4)
def stated_in(text: str, tree: ast.Module) -> Stated:
    return Stated(text, tree)


def strain(run: Entry) -> int:
    """How badly the assumed ranks fit: lines that do not, gradients of another shape than their tensors, losses that are matrices."""
    losses = sum(e.expr.rank > 1 and len(e.name) > 1 and bool(LOSS_NAME.match(e.name)) for e in run.equations)
    return sum(map(misfits, run.events)) + len(run.notes) + losses


def misfits(event: Event) -> bool:
    if event.raw is None:
        return event.error is not None
    shape, wanted = event.raw.shape, event.target.shape
    return shape != wanted and ([d for d in shape if d != 1] != [d for d in wanted if d != 1] or len(shape) > 1 and len(shape) == len(wanted))


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
def step_sizes(tree: ast.Module) -> set[str]:
    """Names of step sizes that stand in a step of a parameter."""
    trained, found = trained_names(tree), set()
    for node in ast.walk(tree):
        target = node.target if isinstance(node, ast.AugAssign) else node.targets[0] if isinstance(node, ast.Assign) else None
        if getattr(target, "id", getattr(target, "attr", "")) in trained:
            found |= {n.id for n in ast.walk(node.value) if isinstance(n, ast.Name) and STEP.match(n.id)}
    return found


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
            why = lossless_because(group)
            notes.append(f"no loss was found for the gradients of {group.title}: {why or 'compute one, as in loss = …'}")
            claims += [lossless(run, e, why) for e in events]
            continue
        claims += Claims(run, loss, events, updates).made()
    claims = [replace(c, assumptions=(*c.assumptions, *said_of(run, c))) for c in claims]
    read = {n for e in run.equations for n in names_in(e.expr)}
    read |= {n for c in claims for side in (c.left, c.right) if side is not None for n in names_in(side)}
    read |= {part for n in read if "/" in n for part in n.replace("∂", "").split("/")}
    inputs = {k: v for k, v in run.inputs.items() if k in read}
    facts = tuple(f for f in dict.fromkeys(run.facts) if f.name in inputs)
    return Program(inputs, tuple(run.equations), (), facts, tuple(claims), {}, tuple(notes))


def lossless_because(group: Group) -> str:
    """Why a group of gradients has no loss, where that is known."""
    if not group.lost:
        return ""
    first = group.lost[0]
    return f"{first.name} in line {first.node.lineno} could not be followed ({first.error.message})"


def lossless(run: Entry, event: Event, why: str) -> Claim:
    """A gradient of no loss: the error of its own line, or that a loss is missing."""
    place = run.place(event.node)
    error = event.error or ParseError(why or "no loss was found that this could be the gradient of", line=place.line, column=place.column, source=place.source,
                       hint=None if why else "compute it in the forward part, as in loss = …")
    return Claim(run.text(event.node), place, None, None, error, quantity=event.spot.text)


def said_of(run: Entry, claim: Claim) -> tuple[str, ...]:
    """The readings taken, and the shapes that nothing states."""
    return tuple(run.readings)
