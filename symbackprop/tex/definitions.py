"""Equations that define -> equations of the program: names, entries, functions, literals of names.

A definition may use what a later line defines; it is put off until that line is read. What nothing defines is
inferred: an input whose shape is found where it is used.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from dataclasses import replace

import sympy as sp

from ..errors import NoSuchStep, ParseError, ShapeError, SymbackpropError, UnsupportedError
from ..expr import Var, names_in
from ..program import Equation, Place
from .declarations import own_entries
from .derivatives import is_d, is_higher, is_nabla
from .inference import Pair
from .literals import COLUMN, ROW
from .names import EACH, Entry, Key, Written, label, letters_in, letters_of, program_name, taken_apart, unwrapped
from .own_functions import OwnFunctions
from .respelled import is_decomposition, respelled
from .scope import Undeclared, negated
from .statements import Statement, called
from .syntax import Big, Cases, Frac, Group, Juxt, List, Matrix, Node, Num, Prod, Rel, Script, Sqrt, Sum, Sym, Un, walk
from .tensors import Met, Term, gathered, same

NEW = frozenset(("new", "next", "t+1", "k+1", "updated", "tau+1"))
OLD = frozenset(("old", "t", "k", "prev", "current", "tau"))
MAX_SETTLED = 100


class Definitions(OwnFunctions):
    def definitions(self) -> None:
        """Read every equation that defines something, in an order in which each can be read."""
        self.decompositions: dict[tuple[Node, ...], Node] = {}
        self.pending: dict[int, Pair] = {}
        self.waiting: dict[int, tuple[Key, int, bool]] = {}
        self.bound_at: dict[tuple[str, str, str], int] = {}
        self.lefts: dict[int, Written | None] = {}
        self.tick = 0
        self.claim_parts: list[Pair] = []
        for part in self.parts:
            self.formula = part.source
            if part.kind == "fact":
                self.read_fact(part.node)
            elif part.kind == "equation" and not self.is_number_of_size(part.node):
                if self.is_fact_equation(part.node):
                    self.read_fact(part.node)
                    continue
                derived = self.is_derivative(part.node.items[0]) or self.is_derivative(part.node.items[1])
                for values in self.instances(part.node, derived or self.left_base(part) in ("delta", "Delta"), part.over):
                    pair = (part, dict(values))
                    self.pending[id(pair)] = pair
        self.let_the_last_stand()
        made = {w.base for part, _ in self.pending.values() if (w := self.left_of(part)) is not None}
        self.numbered = frozenset(k[0] for k in self.table.tensors if k[1].isdigit() or k[2].isdigit()) - made
        self.defining = True
        self.define_functions()
        self.rounds()
        self.infer = True
        self.rounds()
        self.infer = self.defining = False
        for part, values in self.pending.values():
            self.formula, before, self.layers = part.source, self.layers, {**self.layers, **values}
            try:
                self.settling(lambda: self.define(part, values))
            except SymbackpropError as error:
                self.failed(part, error)
            finally:
                self.layers = before

    def let_the_last_stand(self) -> None:
        """`a^{(L)} = \\operatorname{softmax}(z^{(L)})` beside `a^{(l)} = f(z^{(l)})`: the last layer has its own equation, not both.

        Where it says what all say, it is left, as a claim.
        """
        own = {self.key_at(part, {}): part for part, values in self.pending.values() if not values and self.is_made_at_the_end(part)}
        for at, (part, values) in list(self.pending.items()) if own else ():
            last = own.get(self.key_at(part, values)) if values else None
            if last is not None and len(part.node.items) == 2 and self.said_of(last, self.open_ends) != self.said_of(part, values):
                del self.pending[at]
                self.notes[f"the last step has an equation of its own: {last.source.text[slice(*last.span)]}"] = None

    def key_at(self, part: Statement, values: dict[str, int]) -> Key | None:
        """What an equation defines, at a step."""
        before, self.layers = self.layers, {**self.layers, **values}
        w = self.left_of(part)
        key = w and (w.base, self.labels(w.sub), self.labels(w.sup), w.primes)
        self.layers = before
        return key

    def said_of(self, part: Statement, letters: Iterable[str]) -> str:
        """What an equation says, its step called by one name."""
        text = "".join(part.source.text[slice(*part.span)].split())
        return re.sub("|".join(rf"(?<![A-Za-z]){re.escape(name)}(?![A-Za-z])" for name in letters), "·", text)

    def is_made_at_the_end(self, part: Statement) -> bool:
        """Whether an equation makes a name of the last step of names of the last steps."""
        rel, w = part.node, self.left_of(part)
        if w is None or len(rel.items) != 2 or self.could_be_cotangent(w, rel) or any(map(self.is_derivative, rel.items)):
            return False
        steps = lambda v: {name for p in (*v.sub, *v.sup) for name in letters_in(p)} & self.open_ends.keys()
        read = [v for node, _ in walk(rel.items[1]) if isinstance(node, Script) and (v := taken_apart(node)) is not None]
        return bool(steps(w)) and any(steps(v) for v in read)

    def left_base(self, part: Statement) -> str:
        w = self.left_of(part)
        return w.base if w is not None else ""

    def rounds(self) -> None:
        """Go over what is pending until nothing more can be read."""
        progress = True
        while progress:
            progress = False
            for pair in list(self.pending.values()):
                if id(pair) in self.pending and self.may_be_read(pair) and self.attempt(pair):
                    self.pending.pop(id(pair), None)
                    progress = True
                    if self.infer:
                        self.infer_one_at_a_time()

    def may_be_read(self, pair: Pair) -> bool:
        """Whether what a pending equation waited for has been defined since it was tried last."""
        waits = self.waiting.get(id(pair))
        if waits is None or waits[2] is not self.infer:
            return True
        base, sub, sup, _ = waits[0]
        names = (base, base[0].upper() + base[1:])
        return any(self.bound_at.get((b, x, y), 0) > waits[1] for b in names for x in {sub, ""} for y in {sup, ""})

    def attempt(self, pair: Pair) -> bool:
        """Try one pending equation; True where it is done with."""
        part, values = pair
        before, readings = self.layers, dict(self.readings)
        self.layers = {**before, **values}
        self.formula = part.source
        try:
            return self.settling(lambda: self.define(part, values))
        except NoSuchStep as error:
            if not values:
                self.broken.setdefault(getattr(self.left_of(part), "base", ""), error)
            return True
        except Undeclared as error:
            self.readings = readings
            self.waiting[id(pair)] = (error.key, self.tick, self.infer)
            return False
        except SymbackpropError as error:
            self.readings = readings
            self.failed(part, error)
            return True
        finally:
            self.layers = before

    def settling(self, read: Callable[[], object]) -> object:
        """Read, and read again for every open size that the reading settles."""
        for _ in range(MAX_SETTLED):
            try:
                return read()
            except Met as met:
                self.bind_size(met)
        raise ParseError("the sizes in this formula cannot be settled", hint="declare more of them")

    def infer_one_at_a_time(self) -> None:
        """After an inference, what became readable without one is read first."""
        self.infer = False
        try:
            self.rounds()
        finally:
            self.infer = True

    def failed(self, part: Statement, error: SymbackpropError) -> None:
        line, column = part.source.place(part.span[0])
        self.failures.append(error.at(line, column, part.source.line(line)))
        head = called(part.node.items[0])
        w = taken_apart(head[0] if head else part.node.items[0])
        if w is not None:
            self.broken.setdefault(w.base, error)

    # --- one equation ---------------------------------------------------------------------------------------------

    def define(self, part: Statement, values: dict[str, int]) -> bool:
        """Read one pending equation: True where it is done with, be it that it defines or that it is a claim."""
        self.reread += part.span[1] - part.span[0]
        if is_decomposition(self, part.node):
            return True
        rel: Rel = respelled(self, part.node)
        part = replace(part, node=rel)
        left = rel.items[0]
        if len(rel.items) == 2 and self.is_law(left) and self.names_new_entries(rel.items[1]):
            rel = Rel((rel.items[1], left), rel.ops, rel.span)
            return self.define_literal(part, rel, values)
        if self.is_update(left) or self.reads_itself(rel) or self.is_derivative(left) or self.is_law(left):
            self.claim_parts.append((part, values))
            return True
        if isinstance(left, (Matrix, Group)):
            return self.define_literal(part, rel, values)
        if (pair := called(left)) is not None:
            return self.define_value_of(part, rel, pair, values)
        w = taken_apart(left)
        if w is None or self.is_own_literal(w, rel.items[1]):
            self.claim_parts.append((part, values))
            return True
        if w.symbol.kind == "run" and self.find(w) is None and self.pieces_known(w.symbol) is not None:
            self.claim_parts.append((part, values))
            return True
        return self.define_name(part, rel, w, values)

    def is_own_literal(self, w: Written, right: Node) -> bool:
        """`A = (a_{11} …)` says what A's entries are called."""
        found = own_entries(right)
        return found is not None and found[0].base.lower() == w.base.lower() and found[0].primes == w.primes

    def pieces_known(self, run: Sym) -> list[Node] | None:
        infer, self.infer = self.infer, False
        try:
            return self.pieces(run)
        finally:
            self.infer = infer

    def is_law(self, left: Node) -> bool:
        """A left side that is no name defines nothing."""
        return isinstance(left, (Prod, Num, Sum, Big, Un, Sqrt, Cases, Frac)) or isinstance(left, Juxt) and called(left) is None or \
            isinstance(left, Script) and not isinstance(left.base, Sym) or \
            isinstance(left, Group) and not isinstance(left.body, List)

    def names_new_entries(self, right: Node) -> bool:
        """Whether `x W = [h'_1, h'_2]` introduces h'."""
        found = own_entries(right)
        return found is not None and (found[0].base, "", "", found[0].primes) not in self.table.tensors

    def is_update(self, left: Node) -> bool:
        """`v^{new} = …`, `w_{t+1} = …`: what a step of an optimiser makes of a name."""
        w = taken_apart(left)
        words = {label(unwrapped(p), {}) for p in (*w.sub, *w.sup)} if w is not None else set()
        return bool(words & NEW)

    def reads_itself(self, rel: Rel) -> bool:
        """`W := W - \\eta …`: a declared name on both sides, and no fact."""
        k = self.left_key(rel.items[0])
        if k not in self.table.tensors or self.table.tensors[k].name not in self.inputs or len(rel.items) != 2:
            return False
        scripted = {id(node.base) for node, _ in walk(rel.items[1]) if isinstance(node, Script)}
        return any(self.left_key(node) == k for node, _ in walk(rel.items[1])
                   if isinstance(node, (Sym, Script)) and id(node) not in scripted and node.span != rel.items[1].span)

    def is_derivative(self, left: Node) -> bool:
        """Whether a left side is a derivative by its form alone."""
        left = negated(left)[1]
        if isinstance(left, Frac) or isinstance(left, Prod) and left.ops == ("/",):
            top, bottom = (left.top, left.bottom) if isinstance(left, Frac) else left.items
            return is_higher(top) or self.differential(top) is not None and self.differential(bottom) is not None
        head = left.items[0] if isinstance(left, Juxt) else left
        if is_nabla(head):
            return True
        return isinstance(left, Juxt) and (isinstance(head, Frac) and self.operator(head) is not None
                                           or is_d(head) and len(left.items) == 2)

    def define_name(self, part: Statement, rel: Rel, w: Written, values: dict[str, int]) -> bool:
        """`z = W x + b`, `z_j = \\sum_k w_{jk} a_k`."""
        letters, k = self.left_indices(w, rel)
        if letters and k == (w.base, "", "", 0) and self.has_plain_namesake(k, part):
            k = (w.base + EACH, "", "", 0)
        if k in self.taken_keys():
            self.claim_parts.append((part, values))
            return True
        if self.could_be_cotangent(w, rel) or self.is_derivative(rel.items[1]):
            self.claim_parts.append((part, values))
            return True
        term = self.right_side(rel.items[1], letters, self.table.tensors.get(k))
        if k in self.table.tensors and self.table.tensors[k].name in names_in(term.node):
            self.claim_parts.append((part, values))
            return True
        self.bind(k, [name for name, _ in letters], [where for _, where in letters], term, rel)
        self.go_on(part, rel, values)
        return True

    def has_plain_namesake(self, k: Key, part: Statement) -> bool:
        """Whether the text has an L beside the `L_i` that is defined here: `L = \\frac{1}{N} \\sum_i L_i`."""
        if k in self.taken_keys():
            return not self.table.tensors[k].shape
        others = (self.left_of(p) for p, _ in self.pending.values() if p is not part)
        return any(v is not None and v.base == k[0] and not (v.sub or v.sup or v.primes) for v in others)

    def taken_keys(self) -> set[Key]:
        return {k for k, e in self.table.tensors.items() if e.name not in self.inputs or e.name in self.inferred}

    def left_indices(self, w: Written, rel: Rel) -> tuple[list[tuple[str, str]], Key]:
        """The free indices of a left side, each with where it is written, and the key that is left."""
        spoken = {n for x in rel.items[1:] for n in self.index_letters(x)}
        letters: list[tuple[str, str]] = []
        labels = set().union(*(self.label_letters(x) for x in rel.items[1:])) - spoken
        kept_sub, kept_sup = [], []
        declared = {kk[0]: e for kk, e in self.table.tensors.items() if kk[1] == "" and kk[0] == w.base}
        for part in (p for q in w.sub for p in letters_of(q)):
            is_free = self.may_index(part) and part.name not in labels and (
                part.name in spoken or part.name in (ROW, COLUMN) or part.name in self.ranges or part.name in "ijk"
                or w.base in declared and declared[w.base].var.rank >= len(w.sub))
            if is_free and not self.is_name(w.base, w.sub, w.sup, w.primes):
                letters.append((part.name, "sub"))
            else:
                kept_sub.append(part)
        for part in w.sup:
            inner = unwrapped(part)
            if isinstance(part, Group) and self.may_index(inner) and \
                    (inner.name in spoken or inner.name in self.ranges or inner.name in "ijk"):
                letters.append((inner.name, "sup"))
            else:
                kept_sup.append(part)
        if not letters:
            kept_sub = list(w.sub)
        return letters, (w.base, self.labels(tuple(kept_sub)), self.labels(tuple(kept_sup)), w.primes)

    def right_side(self, node: Node, letters: list[tuple[str, str]], declared: Entry | None) -> Term:
        """The value of a right side over the free indices of the left."""
        sizes: dict[str, sp.Expr | None] = {name: self.ranges.get(name) for name, _ in letters}
        if declared is not None and declared.var.rank == len(letters):
            sizes = {name: dim for (name, _), dim in zip(letters, declared.shape)}
        with self.bound(sizes):
            return self.value(node)

    def bind(self, k: Key, letters: list[str], where: list[str], term: Term, rel: Rel) -> None:
        """Enter a definition into the table and the program."""
        extra = [i for i in term.axes if i not in letters]
        if extra:
            raise self.fail(rel.items[1], f"the index {extra[0]} is free on the right side only", "sum over it, or write it on the left")
        self.tick += 1
        self.bound_at[k[:3]] = self.tick
        old = self.table.tensors.get(k)
        sizes = {name: dim for name, dim in self.ranges.items() if name in letters}
        if old is not None and old.var.rank >= len(letters):
            sizes |= dict(zip(letters, old.shape))
        missing = [i for i in letters if i not in term.axes and i not in sizes]
        if missing:
            raise self.fail(rel, f"how far {missing[0]} runs is not said")
        node = gathered(term, letters, sizes)
        if type(node) is not Var and any(name.startswith("∂") for name in names_in(node)):
            raise self.fail(rel, f"{self.text(rel.items[0])} is made of a derivative and is none itself", "state what the derivative is", UnsupportedError)
        plain = term.rank == 0 and all(x == "sub" for x in where) or term.rank == 0 and len(where) == 1
        slots = () if plain else tuple(where)
        if old is not None:
            self.check_declared(old, Term(node, (), term.row and not letters), rel)
            self.inputs.pop(old.name, None)
            name = old.name
        elif type(node) is Var and (letters and node.name in {*self.inputs, *(e.name for e in self.equations)} or node.name.startswith("∂")):
            self.enter(k, Entry(node.name, node, term.row, slots))
            return
        else:
            name = program_name(k, {e.name for e in self.table.tensors.values()} | set(self.table.sizes) | set(self.inputs))
        entry = Entry(name, Var(name, node.shape), term.row, slots)
        if node in self.columnwise:
            self.columnwise.add(name)
        self.enter(k, entry)
        line, column = self.formula.place(rel.span[0])
        self.equations.append(Equation(name, node, Place(line, column, self.formula.line(line))))
        if not letters:
            self.spell(name, rel.items[0], k)

    def check_declared(self, old: Entry, term: Term, rel: Rel) -> None:
        shapes_fit = len(old.shape) == term.rank and all(same(a, b) for a, b in zip(old.shape, term.tail))
        if not shapes_fit or old.row != term.row and term.rank == 1:
            declared = Term(old.var, (), old.row)
            raise self.fail(rel, f"{self.text(rel.items[0])} is declared as {declared.show()}, and {self.text(rel.items[1])} is {term.show()}",
                            None, ShapeError)

    def define_literal(self, part: Statement, rel: Rel, values: dict[str, int]) -> bool:
        """`[h_1, h_2] = …`: the entries of a new name."""
        found = own_entries(rel.items[0])
        if found is None:
            self.claim_parts.append((part, values))
            return True
        w, shape = found
        k = (w.base, "", "", w.primes)
        if k in self.taken_keys():
            self.claim_parts.append((part, values))
            return True
        term = self.value(rel.items[1])
        wanted = tuple(n for n in shape if n != 1)
        if tuple(term.tail) != tuple(sp.Integer(n) for n in wanted) and not (
                term.rank == len(wanted) and all(same(d, sp.Integer(n)) for d, n in zip(term.tail, wanted))):
            raise self.fail(rel, f"{self.text(rel.items[0])} has {wanted} entries, and {self.text(rel.items[1])} is {term.show()}",
                            None, ShapeError)
        if term.rank == 1 and term.row != (shape[0] == 1):
            raise self.fail(rel, f"one side of {self.text(rel)} stands and the other lies", None, ShapeError)
        self.bind(k, [], [], Term(term.node, (), False), rel)
        self.go_on(part, rel, values)
        return True
