"""Equations that claim -> `Claim`s: derivatives on the left, laws, lines that equate two things already defined.

A left side's free indices become the axes of both sides, so an entrywise claim is judged for every value of its
indices. What a claim needed that the text does not say stands in its assumptions.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import replace
from itertools import islice, product as choices

import sympy as sp

from ..errors import NoSuchStep, ParseError, ShapeError, SymbackpropError, UnsupportedError
from ..expr import Expr, Var, names_in
from ..program import READ_WITH, Claim, Place
from .classes import masked
from .definitions import NEW, OLD
from .losses import Losses
from .names import Entry, Table, Written, label, taken_apart, unwrapped
from .parse import parse_clauses
from .scope import FreeIndex, negated
from .source import Source
from .statements import Statement
from .syntax import Big, Frac, Juxt, Node, Prod, Rel, walk
from .tensors import Met, Term, gathered, is_open, like, resized, same, standing, times

MAX_READINGS = 16
KEPT_APART = ("formula", "readings", "choices", "forks", "infer", "claimed", "indices", "formals", "bindings")


class Claims(Losses):
    def __init__(self, table: Table, bindings: dict[str, sp.Expr], depth: int) -> None:
        super().__init__(table, bindings, depth)
        self.claims: list[Claim] = []
        self.end = 0  # of the line, where more than the right side of a claim stands in it

    # --- claims ------------------------------------------------------------------------------------------------------

    def read_claims(self) -> None:
        spot = lambda pair: (pair[0].source.place(pair[0].span[0]), max(pair[1].values(), default=0))
        skipped: dict[int, tuple[Statement, SymbackpropError]] = {}
        told: set[int] = set()
        for part, values in sorted(self.claim_parts, key=spot):
            self.formula = part.source
            before = self.layers
            self.layers = {**before, **values}
            try:
                self.settling(lambda: self.read_claim(part, values))
                told.add(part.span[0])
            except NoSuchStep as error:
                skipped.setdefault(part.span[0], (part, error))
            except SymbackpropError as error:
                self.broken_claim(part.node, part.source, error)
            finally:
                self.layers = before

        for at, (part, error) in skipped.items():
            if at not in told:
                self.broken_claim(part.node, part.source, error)

    def read_claim(self, part: Statement, values: dict[str, int]) -> None:
        """One claim for each sign of a chain of equalities."""
        rel: Rel = part.node
        if self.names_quantity(rel):
            return
        if self.is_pointless(rel):
            return
        if self.is_fact_equation(rel):  # of a name that no line declares
            self.read_fact(rel)
            return
        if self.is_update(rel.items[0]) or self.reads_itself(rel):
            self.update(rel, part)
            return
        for k, (left, right) in enumerate(zip(rel.items, rel.items[1:])):
            self.when, self.end = part.when, rel.span[1] if right is rel.items[-1] else 0
            self.one_claim(left, right, values, first=k == 0)
            self.when = ()

    def is_pointless(self, rel: Rel) -> bool:
        """An update, or a name said to be made of its own entries, which there is nothing to check about."""
        w = taken_apart(rel.items[0])
        return w is not None and len(rel.items) == 2 and self.is_own_literal(w, rel.items[1])

    def update(self, rel: Rel, part: Statement) -> None:
        """`v^{new} = v^{old} - \\eta \\frac{\\partial C}{\\partial v}`: its right side has the shape of v, or is a wrong claim."""
        w = taken_apart(rel.items[0])
        plain = lambda parts, words: tuple(p for p in parts if label(unwrapped(p), {}) not in words)
        base = replace(w, sub=plain(w.sub, NEW), sup=plain(w.sup, NEW)) if w is not None else None
        found = self.find(base) if base is not None else None
        if found is None:
            raise self.fail(rel.items[0], f"{self.text(rel.items[0])}: what it updates is not declared")
        term = found[0]
        key = (w.base, self.labels(base.sub), self.labels(base.sup), w.primes)
        before, self.infer = self.formals, True
        olds = {(w.base, *spot, w.primes) for word in OLD for spot in ((word, ""), ("", word))}
        self.formals = {**before, **{k: term for k in olds | {key}}}
        try:
            value = self.value(rel.items[1])
        finally:
            self.formals, self.infer = before, False
        if not self.is_fit(term, value):
            raise self.misfit(rel, rel.items[0], term, rel.items[1], value)
        self.notes[f"an update, of the right shape: {self.text(rel)}"] = None

    def names_quantity(self, rel: Rel) -> bool:
        """`\\delta^l := \\frac{\\partial C}{\\partial z^l}` says what δ is."""
        w = taken_apart(rel.items[0])
        if w is None or not self.is_derivative(rel.items[1]):
            return False
        letters, k = self.left_indices(w, rel)
        each = (f"{k[0]}[{''.join(name for name, _ in letters)}]", *k[1:])
        if k in self.table.tensors and (not letters or each in self.table.tensors or "alias" not in self.table.tensors[k].var.name):
            return False
        with self.bound({name: None for name, _ in letters}):
            term = self.value(rel.items[1])
        node = gathered(term, [name for name, _ in letters], {})
        entry = Entry("_".join(p for p in k[:3] if p), Var(f"alias {k}", node.shape), term.row, (), Term(node, (), term.row))
        for key in ({k, each} if letters and k not in self.table.tensors else {each if letters else k}):
            self.enter(key, entry)
        return len(rel.items) == 2

    def one_claim(self, left: Node, right: Node, values: dict[str, int], first: bool) -> None:
        text = self.source_text(left, right)
        line, column = self.formula.place(left.span[0])
        place = Place(line, column, self.formula.line(line))
        self.readings, kept = {}, self.readings
        self.forks, self.choices, self.unordered = {}, {}, 0
        made = dict(text=text, place=place, left=None, right=None, tree=right, right_span=right.span, origin=self.formula.text)
        self.infer = not self.is_derivative(left) and taken_apart(left) is None
        try:
            a, b, quantity, sides = self.settling(lambda: self.both(left, right, first))
            if quantity:
                made["quantity"] = quantity
            made |= sides
            self.strains += sides["left"].shape != sides["right"].shape
            made["reread"] = self.rereader(left, right, a)
            made |= {"strict": not self.is_partial(left), "by_entries": len(a.axes) > 1}
            if type(a.node) is Var and "/" in a.node.name:
                self.claimed.setdefault(a.node.name, b if not a.axes else Term(sides["right"]))
                made["binds"] = a.node.name
        except NoSuchStep:
            self.readings = kept
            raise
        except SymbackpropError as error:
            if isinstance(error, (ShapeError, UnsupportedError)) and self.inferred:
                self.failures.append(error)
            if isinstance(error, ShapeError):
                made |= self.left_alone(left, right)
            made["error"] = error.at(line, column, self.formula.line(line))
            made.setdefault("quantity", self.spoken(left))
        finally:
            self.infer = False
        layers = tuple(f"for {name} = {value}" for name, value in values.items())
        made["step"] = next(iter(values.values()), None)
        made["assumptions"] = (*layers, *self.readings)
        if self.unordered and made.get("right") is not None:
            made |= self.other_order(left, right, first, layers)
        self.readings = kept
        self.claims.append(Claim(**made))

    def other_order(self, left: Node, right: Node, first: bool, layers: tuple[str, ...]) -> dict[str, object]:
        """The right side with the factors of its products over layers the other way round."""
        self.readings, self.choices = {}, dict.fromkeys(self.forks, 1)
        try:
            sides = self.settling(lambda: self.both(left, right, first))[3]
        except SymbackpropError:
            return {}
        return {"otherwise": (sides["right"], (*layers, *self.readings))}

    def left_alone(self, left: Node, right: Node) -> dict[str, object]:
        """What is claimed where the right side is no formula, so that a repair of it can be looked for."""
        letters = [n for n in self.index_letters(left) if n not in self.indices]

        def read() -> Term:
            with self.bound({name: self.ranges.get(name) for name in letters}):
                return self.value(negated(left)[1] if self.is_derivative(negated(left)[1]) else left)
        try:
            a = self.settling(read)
        except SymbackpropError:
            return {}
        node = gathered(a, a.axes, a.dims())
        made = dict(left=node, reread=self.rereader(left, right, a), strict=not self.is_partial(left))
        if quantity := self.quantity_name(a):
            made["quantity"] = quantity
        if type(node) is Var and "/" in node.name:
            made["binds"] = node.name
        return made

    def broken_claim(self, rel: Rel, source: Source, error: SymbackpropError) -> None:
        """A claim that could not be read, with the reason."""
        line, column = source.place(rel.span[0])
        place = Place(line, column, source.line(line))
        text = " ".join(source.text[rel.span[0]:rel.span[1]].split())
        self.claims.append(Claim(text, place, None, None, error.at(line, column, source.line(line))))

    def general(self) -> tuple[str, ...]:
        """What every claim rests on: the assumed loss, inferred shapes, readings of the definitions."""
        shapes = [f"{e.name} is taken to be {Term(e.var, (), e.row).show()}" for e in self.inferred.values()]
        depth = [note for note in self.notes if note.startswith(READ_WITH)]
        return (*([self.loss_note] if self.loss_note else []), *depth, *shapes, *self.model_readings)

    def source_text(self, left: Node, right: Node) -> str:
        text = self.formula.text[left.span[0]:max(right.span[1], self.end)]
        if "begin{" not in text:
            text = re.sub(r"(?<!\\)&|\\\\(?:\[[^\]]*\])?", " ", text)
        return " ".join(text.split())

    def spoken(self, left: Node) -> str:
        return " ".join(self.formula.text[left.span[0]:left.span[1]].split())

    def is_partial(self, left: Node) -> bool:
        """Whether a left side is written with ∂/∂, where either layout is in use."""
        return any(isinstance(node, Frac) or isinstance(node, Prod) and "/" in node.ops for node, _ in walk(left))

    def sides(self, left: Node, right: Node, first: bool) -> tuple[Term, Term, str]:
        """Both sides over the left side's free indices, and what the left side is called."""
        letters = [n for n in self.index_letters(left) if n not in self.indices]
        with self.bound({name: self.ranges.get(name) for name in letters}):
            sign, core = negated(left) if self.is_derivative(negated(left)[1]) else (1, left)
            a = self.value(core)
            quantity = self.quantity_name(a) if first else ""
            with self.bound({name: a.dims().get(name) for name in letters}):
                try:
                    b = self.fitting_right(right, times(sign, a) if sign < 0 else a)
                except FreeIndex as error:
                    raise self.loose_end(right, error) from None
            if sign < 0:
                a, b = a, times(-1, b)
            mask = self.mask(a)
        return masked(mask, a), masked(mask, b), quantity

    def loose_end(self, right: Node, error: FreeIndex) -> SymbackpropError:
        """An index of the right side alone: what stands there has one value for each, and the left side has none."""
        letters = [n for n in self.index_letters(right) if n not in self.indices]
        try:
            with self.bound(dict.fromkeys(letters)):
                axes = self.value(right).axes
        except SymbackpropError:
            return error
        loose = [name for name in axes if name in letters]
        return self.fail(right, f"the index {loose[0]} stands on the right side only", "sum over it, or write it on the left",
                         ShapeError) if loose else error

    def both(self, left: Node, right: Node, first: bool) -> tuple[Term, Term, str, dict[str, Expr]]:
        a, b, quantity = self.sides(left, right, first)
        return a, b, quantity, self.finished(a, b, left, right)

    def put_sizes(self) -> None:
        """What was found of the open sizes, put into all that was read before it was found."""
        sizes = self.sizes_found()
        if sizes:
            self.equations = [e._replace(expr=resized(e.expr, sizes)) for e in self.equations]
            self.inputs = {name: resized(var, sizes) for name, var in self.inputs.items()}
            put = lambda side: None if side is None else resized(side, sizes)
            other = lambda c: c.otherwise and (put(c.otherwise[0]), c.otherwise[1])
            self.claims = [replace(c, left=put(c.left), right=put(c.right), otherwise=other(c),
                                   summands=tuple([(step, put(s)) for step, s in c.summands])) for c in self.claims]

    def quantity_name(self, a: Term) -> str:
        names = [n for n in names_in(a.node) if n.startswith("∂")]
        if len(names) != 1:
            return ""
        top, *below = (self.spelled.get(part, part) for part in names[0].lstrip("∂").replace("/∂", "/").split("/"))
        return f"d{'²' if len(below) > 1 else ''}{top}/{' '.join('d' + part for part in below)}"

    def fitting_right(self, right: Node, a: Term) -> Term:
        """The right side, in the reading of its `·` and `*` that gives the left side's form."""
        b = self.value(right)
        if self.is_fit(a, b) or not self.forks:
            return b
        spots = list(self.forks.items())
        taken = dict(self.readings)
        for picks in islice(choices(*(range(count) for _, count in spots)), 1, MAX_READINGS):
            self.choices = {spot: pick for (spot, _), pick in zip(spots, picks)}
            self.readings = {}
            try:
                other = self.value(right)
            except SymbackpropError:
                continue
            if self.is_fit(a, other):
                return other
        self.choices, self.readings = {}, taken
        return b

    def is_fit(self, a: Term, b: Term) -> bool:
        return a.rank == b.rank and a.row == b.row and all(same(x, y) for x, y in zip(a.tail, b.tail))

    def finished(self, a: Term, b: Term, left: Node, right: Node) -> dict[str, Expr]:
        """Both sides as nodes over the same leading axes."""
        extra = [i for i in b.axes if i not in a.axes]
        if extra:
            raise self.fail(right, f"the index {extra[0]} stands on the right side only", "sum over it, or write it on the left")
        if b.is_number and a.rank:
            b = like(b, a)
        if a.is_number and b.rank:
            a = like(a, b)
        sizes = a.dims()
        first, second = gathered(a, a.axes, sizes), gathered(b, a.axes, sizes)
        steps = self.written_out.get(right.span, []) if isinstance(right, Big) else []
        summands = tuple([(step, gathered(t, a.axes, sizes)) for step, t in steps if t.axes == a.axes and t.row == a.row])
        if a.rank == b.rank == 1 and a.row != b.row:
            first, second = (standing(n, t) for n, t in ((first, a), (second, b)))
        elif {a.rank, b.rank} == {1, 2}:
            first, second = (standing(n, t) if t.rank == 1 else n for n, t in ((first, a), (second, b)))
        return {"left": first, "right": second, "summands": summands if len(summands) == len(steps) else ()}

    def rereader(self, left: Node, right: Node, a: Term) -> Callable[[str], Expr]:
        """Reads an edited right side in the same place, with the same names."""
        state = dict(layers=dict(self.layers), when=self.when)
        names = tuple(self.claimed)
        old = a
        sign = -1 if negated(left)[0] < 0 and self.is_derivative(negated(left)[1]) else 1

        def reread(text: str) -> Expr:
            before = {name: getattr(self, name) for name in (*state, *KEPT_APART)}
            a = self.fresh(old, self.sizes_found())
            letters = a.dims()
            try:
                self.claimed = {name: self.claimed[name] for name in names}
                for name, value in state.items():
                    setattr(self, name, value)
                self.bindings = dict(self.bindings)
                clauses = parse_clauses(text)
                if len(clauses) != 1 or clauses[0].node is None or clauses[0].lead:
                    raise ParseError("one formula was expected")
                self.formula, self.readings, self.choices, self.forks, self.infer = Source(text), {}, {}, {}, False
                return self.until_settled(lambda: self.right_again(clauses[0].node, left, a, letters, sign))
            finally:
                for name, value in before.items():
                    setattr(self, name, value)
        return reread

    def right_again(self, right: Node, left: Node, a: Term, letters: dict[str, sp.Expr], sign: int) -> Expr:
        with self.bound(letters):
            b = masked(self.mask(a), times(sign, self.fitting_right(right, a)))
        found = self.finished(a, b, left, right)["right"]
        if is_open(found) and not is_open(a.node):
            raise self.fail(right, f"a size in {self.text(right)} is not said")
        return found

    def until_settled(self, read: Callable[[], Expr]) -> Expr:
        """Read again for every size of its own that a formula settles, when all else is settled."""
        for _ in range(MAX_READINGS):
            try:
                return read()
            except Met as met:
                self.bindings[met.unknown.name] = met.size
        raise ShapeError("the sizes in this formula cannot be settled")
