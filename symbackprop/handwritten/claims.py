"""The gradients that a text assigned -> claims: what the last line of each name says, as written, against the loss.

A claim reads what earlier lines state under their own names; lines that were overwritten are written out.
"""

from __future__ import annotations

import ast
from collections.abc import Callable
from dataclasses import dataclass

from ..algebra import contract, is_zero, negative
from ..errors import ParseError, ShapeError, SymbackpropError
from ..expr import Add, Contract, Expr, Var, names_in, show_shape
from ..program import Claim, Suspect
from ..source.shapes import common_shape, stretch
from ..tex.tensors import Met
from ..views import substitute
from .entry import Entry
from .known import Meter, TooMuch
from .loss import Loss, reachable
from .names import STEP
from .run import BLOCKS
from .patterns import unshifted_name
from .record import MARK, Event, is_event
from .values import Again, frozen

MAX_TEXT = 5000


@dataclass
class Claims:
    """The claims of one group of events under its loss."""

    run: Entry
    loss: Loss
    events: list[Event]
    updates: list[Event]

    def __post_init__(self) -> None:
        through = reachable(self.run, self.loss.name)
        for event in self.events:
            if event.target.name not in through:
                event.target = unshifted_name(event.target, self.run.definitions)
        last: dict[tuple, Event] = {}
        for event in self.events:
            last[event.family] = event
        self.final = {e for e in last.values() if not (e.raw is not None and is_zero(e.raw) and self.run.stands.get(e.family[:2]) is not e)}
        self.parts = shares(self.events)
        self.final -= self.parts
        self.final -= {e for e in self.final if e.target.name not in through and e.target.name in self.run.definitions and e.error is None}
        self.values: dict[str, Expr] = {}

    def made(self) -> list[Claim]:
        claims = [self.claim(e) for e in self.events if e in self.final]
        return claims + [c for c in map(self.step, self.updates) if c is not None]

    # --- what a claim says ---

    def quantity(self, target: Var) -> Var:
        return Var(f"∂{self.loss.name}/∂{target.name}", target.shape)

    def written(self, node: Expr) -> Expr:
        """A node with events put in: the last of a name under the derivative it stands for, others as written."""
        names = [n for n in names_in(node) if is_event(n)]
        return substitute(node, {n: self.value(self.run.events[int(n.removeprefix(MARK))]) for n in names}) if names else node

    def value(self, event: Event) -> Expr:
        key = event.var.name
        if key not in self.values:
            self.values[key] = self.quantity(event.target)
            if event not in self.final and event.raw is not None:
                self.values[key] = self.written(event.raw)
        return self.values[key]

    def claim(self, event: Event) -> Claim:
        chain = chain_of(event)
        place = self.run.place(event.node)
        if (part := self.part_of(chain)) is not None:
            chain = [part, *chain]
        text = "; ".join(dict.fromkeys(self.line(e.node) for e in chain))
        base = dict(quantity=self.name(event), strict=True, assumptions=(*self.loss.said, *event.assumptions))
        left = self.quantity(event.target)
        base |= dict(zip(("origin", "right_span", "tree", "reread"), self.editable(text, chain, event)))
        if event.error is not None:
            return Claim(text, place, left, None, event.error, **base)
        try:
            right, said = fitted(self.written(event.raw), event.target)
        except ShapeError as error:
            return Claim(text, place, left, None, error.at(*place), **base)
        base["assumptions"] += said
        base["suspects"] = self.stepped_before(chain, event, right)
        return Claim(text, place, left, right, **base)

    def part_of(self, chain: list[Event]) -> Event | None:
        """The event of the one line that computes all parts which a sum adds; None where there are several such lines."""
        parts = [p for e in chain if e.raw is not None for n in names_in(e.raw) if is_event(n) and (p := self.run.events[int(n.removeprefix(MARK))]) in self.parts and not is_zero(p.raw)]
        return parts[0] if len({p.node for p in parts}) == 1 and parts[0].node is not chain[-1].node else None

    def name(self, event: Event) -> str:
        """The gradient as it is written; another name it is given, where one spelling stands for several."""
        text = event.spot.text
        same = {e.target.name for e in self.final if e.spot.text == text}
        if len(same) == 1:
            return text
        other = [a for a in event.aliases if a != text and sum(a in e.aliases for e in self.final) == 1]
        return other[-1] if other else f"{text} ({event.target.name})"

    def line(self, node: ast.stmt) -> str:
        """A statement as it is written; of a block its head."""
        text = self.run.text(node)
        return text.partition("\n")[0] if isinstance(node, BLOCKS) else text

    # --- edits of the user's own line ---

    def editable(self, text: str, chain: list[Event], event: Event) -> tuple[str, tuple[int, int] | None, str | None, Callable | None]:
        """The right side that a repair may change: that of the line which computes, the first of the chain."""
        first = chain[0]
        if first.right is None or first.frame is None or len(text) > MAX_TEXT:
            return text, None, None, None
        right = self.run.text(first.right)
        at = text.find(right, 0 if isinstance(first.node, ast.Return) else text.find("=") + 1)
        if at < 0:
            return text, None, None, None
        return text, (at, at + len(right)), right, lambda edited: self.again(edited, chain, event)

    def again(self, edited: str, chain: list[Event], event: Event, instead: dict[Expr, Expr] = {}) -> Expr:
        """The value of the claim with another right side in its first line."""
        if chain[0] in self.parts:
            return fitted(self.rebuilt(event, edited, chain[0].node, instead), event.target)[0]
        value: Expr | None = None
        for link in chain:
            if link.raw is None:
                raise ParseError("a later line of this gradient could not be followed")
            if link.node is chain[0].node:
                value = self.redone(link, self.reread(edited, link, instead), value)
            else:
                value = self.written(substitute(link.raw, {link.before.var.name: value}))
        return fitted(value, event.target)[0]

    def rebuilt(self, event: Event, edited: str, node: ast.AST, instead: dict[Expr, Expr]) -> Expr:
        """The value of a sum with another right side in the line that computes its parts."""
        if event.node is node:
            return self.redone(event, self.reread(edited, event, instead), None)
        if event.raw is None:
            raise ParseError("a later line of this gradient could not be followed")
        inner = [self.run.events[int(n.removeprefix(MARK))] for n in names_in(event.raw) if is_event(n)]
        again = {e.var.name: self.rebuilt(e, edited, node, instead) for e in inner if e in self.parts or e is event.before}
        return self.written(substitute(event.raw, again))

    def redone(self, link: Event, right: Expr, before: Expr | None) -> Expr:
        """The value that a line leaves with another right side; the same line in the rounds of a loop changes in all of them."""
        if link.op is None:
            return self.written(right)
        if link.before is None or link.before.raw is None or isinstance(link.node.target, ast.Subscript) and type(link.spot.node) is not ast.Subscript:
            raise ParseError("the start of this sum is not known")
        return self.written(self.run.updated(link.op, self.written(link.before.raw) if before is None else before, right))

    def stepped_before(self, chain: list[Event], event: Event, right: Expr) -> tuple[Suspect, ...]:
        """The value with a parameter as it was before its step, where the line reads it after."""
        first, found = chain[0], []
        for new, step in self.run.steps_taken.items() if first.frame is not None and first.right is not None else ():
            try:
                other = self.again(self.run.text(first.right), chain, event, {new: step.target})
            except SymbackpropError:
                continue
            if other is not right:
                said = f"{step.spot.text} was changed by the step in line {step.node.lineno} before this line reads it; move the step below"
                found.append(Suspect(other, "wrong-tensor", said))
        return tuple(found)

    def reread(self, edited: str, event: Event, instead: dict[Expr, Expr]) -> Expr:
        """An expression in the place of an event, with the names it sees there."""
        run = self.run
        if len(edited) > MAX_TEXT:
            raise ParseError("the formula is too long")
        try:
            node = ast.parse(edited.strip(), mode="eval").body
        except (SyntaxError, ValueError, RecursionError, MemoryError) as error:
            raise ParseError(str(error)) from None
        saved = run.frame, run.lines, run.margins
        run.frame, run.lines, run.margins = frozen(event.frame, {}, instead), edited.split("\n"), []
        count, equations, readings = len(run.events), len(run.equations), dict(run.readings)
        run.known.meter, run.known.closed = Meter(), True
        try:
            value = run.as_expr(run.value(node), node)
            for event in run.events[:count - 1 if count else None:-1]:
                if event.raw is None and event.var.name in names_in(value):
                    raise ParseError("a line of a function that is called could not be followed")
                value = substitute(value, {event.var.name: event.raw}) if event.raw is not None else value
            return value
        except TooMuch:
            raise ParseError("the formula takes too much work") from None
        except (Again, Met):
            raise ParseError("the formula needs other sizes than the text") from None
        finally:
            run.known.closed = False
            del run.events[count:], run.equations[equations:]
            run.frame, run.lines, run.margins = saved
            run.readings = readings

    # --- updates ---

    def step(self, event: Event) -> Claim | None:
        """`W -= lr * X.T @ e`: the direction of a step is a claim where it is no gradient that a line names."""
        delta = self.written(event.raw)
        direction = direction_of(delta, self.run)
        if direction is None:
            return None
        left = self.quantity(event.target)
        if direction is left or not self.is_gradient(direction):
            return None
        said = "the step goes along the negative gradient, its length left aside"
        place = self.run.place(event.node)
        right, more = fitted(direction, event.target)
        return Claim(self.run.text(event.node), place, left, right, None, f"update of {event.spot.text}", (*self.loss.said, said, *more),
                     binds=f"step of {event.target.name}", origin="")

    def is_gradient(self, node: Expr) -> bool:
        return bool(names_in(node)) and any(n.startswith("∂") or n in self.run.definitions for n in names_in(node))


def shares(events: list[Event]) -> set[Event]:
    """Gradients that a later line adds to others of the same tensor: each is a part of the gradient, their sum is the claim."""
    by_name, found = {e.var.name: e for e in events}, set()
    for event in events:
        for term in event.raw.terms if type(event.raw) is Add else ():
            part = by_name.get(getattr(term, "name", ""))
            if part is not None and part.target is event.target and part.family != event.family:
                found.add(part)
    return found


def chain_of(event: Event) -> list[Event]:
    """The lines that make a value: the one that computes it, then those that change it in place."""
    chain = [event]
    while chain[0].before is not None and chain[0].before.error is None:
        chain.insert(0, chain[0].before)
    return chain[1:] if len(chain) > 1 and chain[0].raw is not None and is_zero(chain[0].raw) else chain


def fitted(node: Expr, target: Var) -> tuple[Expr, tuple[str, ...]]:
    """A value of the target's shape but for axes of size 1, as NumPy makes up for them."""
    if node.shape == target.shape:
        return node, ()
    if [d for d in node.shape if d != 1] == [d for d in target.shape if d != 1] and node.rank <= target.rank:
        try:
            if common_shape([node.shape, target.shape]) == target.shape:
                return stretch(node, target.shape), (f"{show_shape(node.shape)} for {show_shape(target.shape)}: NumPy puts in the axis of size 1",)
        except ShapeError:
            pass
    return node, ()


def direction_of(delta: Expr, run: Entry) -> Expr | None:
    """G of a step −η G; None where no one step size stands before all terms."""
    terms = delta.terms if type(delta) is Add else (delta,)
    steps = [{n for n, v in names_in(t).items() if not v.rank and STEP.match(run.known.plain(n).split(".")[-1])} for t in terms]
    common = set.intersection(*steps) if steps else set()
    if any(steps) and not common:
        return None
    found = negative(delta)
    if common:
        found = divided(found, sorted(common)[0])
    if found is None:
        return None
    return found


def divided(node: Expr, name: str) -> Expr | None:
    """A sum of products without one scalar factor of each."""
    from ..algebra import add
    terms = node.terms if type(node) is Add else (node,)
    made = []
    for term in terms:
        if type(term) is not Contract:
            return None
        at = next((k for k, o in enumerate(term.operands) if type(o) is Var and o.name == name and not o.rank), None)
        if at is None:
            return None
        made.append(contract([o for k, o in enumerate(term.operands) if k != at], [i for k, i in enumerate(term.inputs) if k != at], term.output))
    return add(made)
