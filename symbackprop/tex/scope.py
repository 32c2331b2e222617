"""What holds while a formula is read: the table, the indices bound around it, readings taken, sizes still open.

`Undeclared` names a symbol that the table lacks, so that a document reader can put the formula off until a later line
defines the symbol, or infer it. `errors.NoSuchStep` is a label outside of its layers.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace

import sympy as sp

from ..errors import ParseError, SymbackpropError, nearest
from ..expr import size
from ..program import Equation
from .names import Entry, Key, Table, label, letters_of, parts_of, taken_apart
from .source import Source
from .syntax import Group, Juxt, List, Node, Num, Prod, Rel, Script, Sum, Sym, Un, walk
from .tensors import Met, Term, Unknown, resized

LOSS_LETTERS = frozenset(("L", "J", "C", "E", "ell", "Loss", "loss", "cost", "Q"))


class Undeclared(ParseError):
    """A symbol that nothing declares or defines."""

    kind = "undefined-symbol"
    key: Key = ("", "", "", 0)
    written: Node | None = None


class FreeIndex(ParseError):
    """An index that nothing binds."""


class Scope:
    """The state of reading; `formula` is the source of the formula being read."""

    def __init__(self, table: Table, bindings: dict[str, sp.Expr]) -> None:
        self.table, self.bindings = table, bindings
        self.formula = Source("")
        self.indices: dict[str, sp.Expr | None] = {}
        self.layers: dict[str, int] = {}
        self.one_step: set[str] = set()  # letters such as the t of h_t and h_{t-1} where one step is written, without a range
        self.formals: dict[Key, Term] = {}
        self.readings: dict[str, None] = {}
        self.choices: dict[int, int] = {}
        self.forks: dict[int, int] = {}
        self.infer = False
        self.ranks: dict[str, int] = {}
        self.inferred: dict[str, Entry] = {}
        self.claimed: dict[str, Term] = {}
        self.losses: tuple[str, ...] = ()
        self.columnwise: set[object] = set()
        self.open_in: dict[Unknown, set[Key]] = {}
        self.replaced: dict[Unknown, sp.Expr] = {}
        self.calls: tuple[int, ...] = ()
        self.spelled: dict[str, str] = {}
        self.broken: dict[str, SymbackpropError] = {}
        self.classes: dict[str, int] = {}
        self.picks: dict[object, tuple[Term, int, Term]] = {}
        self.ranges: dict[str, sp.Expr] = {}
        self.open_dots = False
        self.depth = self.strains = self.reread = 0

    equations: list[Equation]

    def step_number(self, letter: str) -> Term | None:
        """The number of a step, its letter standing as a number; the reader of declarations knows it."""
        return None

    # --- complaints and notes ---------------------------------------------------------------------------------

    def fail(self, node: Node, message: str, hint: str | None = None,
             kind: type[SymbackpropError] = ParseError) -> SymbackpropError:
        line, column = self.formula.place(node.span[0])
        return kind(message, line=line, column=column, source=self.formula.line(line), hint=hint)

    def text(self, node: Node) -> str:
        """The user's own spelling of a node."""
        return " ".join(self.formula.text[node.span[0]:node.span[1]].split())[:80]

    def take(self, reading: str) -> None:
        """Record how something was read."""
        self.readings.setdefault(reading)

    def choose(self, node: Node, count: int) -> int:
        """Which of several readings of a node to take: the first, until the document reader asks for another."""
        self.forks[node.span[0] * 1_000_003 + node.span[1]] = count
        return self.choices.get(node.span[0] * 1_000_003 + node.span[1], 0)

    def undeclared(self, node: Node, key: Key) -> SymbackpropError:
        known = ({k[0] for k in (*self.table.tensors, *self.table.functions)} | set(self.table.sizes)) - {key[0]}
        hint = nearest(key[0], known)
        if key[0] in self.broken:
            reason = self.broken[key[0]]
            told = isinstance(reason, Undeclared) and reason.hint and reason.hint.startswith("what defines")
            hint = reason.hint if told else f"what defines it, in line {reason.line}, could not be read: {reason.message}"
        if hint is None and self.text(node).startswith("\\nabla_"):
            hint = f"what is differentiated stands behind it: {self.text(node)} C"
        scalars = [e.name for e in self.equations if not e.expr.shape]
        if hint is None and key[0] in LOSS_LETTERS and scalars:
            hint = f"the scalar that the text defines is {scalars[-1]}"
        error = self.fail(node, f"{self.text(node)} is not declared", hint, Undeclared)
        error.key, error.written = key, node
        return error

    # --- sizes --------------------------------------------------------------------------------------------------

    def unknown(self, tag: str) -> sp.Expr:
        """The size called `tag`: what it was found to be, or an open one."""
        found: sp.Expr = Unknown(tag, integer=True, positive=True)
        seen = set()
        while isinstance(found, Unknown) and found.name in self.bindings and found.name not in seen:
            seen.add(found.name)
            found = self.bindings[found.name]
        if isinstance(found, Unknown) or not found.free_symbols:
            return found
        open_parts = {s: self.unknown(s.name) for s in found.free_symbols if isinstance(s, Unknown) and s.name in self.bindings}
        return found.xreplace(open_parts) if open_parts else found

    def open_size(self, what: str, node: Node) -> sp.Expr:
        """The open size of a thing that stands in one place of one formula, for one layer and one call."""
        return self.unknown(f"{what}@{id(self.formula)}:{node.span[0]}:{sorted(self.layers.items())}:{self.calls}")

    def size(self, node: Node) -> sp.Expr:
        """A size as written: a number, a name, or sums and products of them."""
        match node:
            case Num() if node.text.isdigit() and len(node.text) <= 12:
                return sp.Integer(node.text)
            case Sym() | Script():
                return self.size_name(node)
            case Sum() if set(node.ops) <= {"+", "-"}:
                parts = [self.size(x) for x in node.items]
                return parts[0] + sum(p if op == "+" else -p for op, p in zip(node.ops, parts[1:]))
            case Juxt():
                return sp.prod([self.size(x) for x in node.items])
            case Prod() if set(node.ops) <= {"cdot", "*", "times", "/"}:
                found = self.size(node.items[0])
                for op, x in zip(node.ops, node.items[1:]):
                    found = sp.floor(found / self.size(x)) if op == "/" else found * self.size(x)
                return found
        if isinstance(node, Group):
            return self.size(node.body)
        product = self.text(node).replace(" ,", ",").replace(",", r" \times")
        hint = f"did you mean {product}?" if "," in self.text(node) else "a size is a positive integer or a name"
        raise self.fail(node, f"{self.text(node)} is no size", hint)

    def size_name(self, node: Node) -> sp.Expr:
        written = taken_apart(node)
        if written is None or written.primes or written.base == "infty":
            raise self.fail(node, f"{self.text(node)} is no size", "a size is a positive integer or a name")
        name = self.size_key(written.base, written.sub, written.sup)
        if not name.replace("_", "").isalnum():
            raise self.fail(node, f"{self.text(node)} is no size", "a size is a positive integer or a name")
        return self.table.sizes.setdefault(name, size(name))

    def size_key(self, base: str, sub: tuple[Node, ...], sup: tuple[Node, ...] = ()) -> str:
        labels = [label(p, self.layers) for p in (*sub, *sup)]
        return "_".join((base.replace(".", "_"), *labels))

    def bind_size(self, met: Met) -> None:
        """Put a size in for an open one, in the table; what was read before is put right at the end, by `sizes_found`."""
        sizes = {met.unknown: met.size}
        self.bindings[met.unknown.name] = met.size
        self.replaced[met.unknown] = met.size
        keys = self.open_in.pop(met.unknown, set())
        for key in keys:
            old = self.table.tensors[key]
            entry = replace(old, var=resized(old.var, sizes), term=self.fresh(old.term, sizes))
            self.enter(key, entry)
            if entry.name in self.inferred:
                self.inferred[entry.name] = entry
            self.entry_resized(entry)
        self.table.sizes = {k: v.xreplace(sizes) for k, v in self.table.sizes.items()}
        self.claimed = {k: self.fresh(t, sizes) for k, t in self.claimed.items()}
        self.rebound(sizes)

    def enter(self, key: Key, entry: Entry) -> None:
        """Put an entry into the table, and remember which open sizes it has."""
        self.table.tensors[key] = entry
        for dim in (*entry.var.shape, *(entry.term.node.shape if entry.term else ())):
            for symbol in dim.free_symbols:
                if isinstance(symbol, Unknown):
                    self.open_in.setdefault(symbol, set()).add(key)

    def entry_resized(self, entry: Entry) -> None:
        """The layers above hold inputs of their own."""

    def fresh(self, term: Term | None, sizes: dict[sp.Expr, sp.Expr]) -> Term | None:
        return None if term is None else replace(term, node=resized(term.node, sizes))

    def sizes_found(self) -> dict[sp.Expr, sp.Expr]:
        """Every size that was open, with what it came to be."""
        return {u: self.unknown(u.name) for u in self.replaced}

    def rebound(self, sizes: dict[sp.Expr, sp.Expr]) -> None:
        """What the layers above hold is theirs to put right."""

    # --- indices ------------------------------------------------------------------------------------------------

    @contextmanager
    def bound(self, indices: dict[str, sp.Expr | None]) -> Iterator[None]:
        """Indices that are free to run inside."""
        before = self.indices
        self.indices = {**before, **indices}
        try:
            yield
        finally:
            self.indices = before

    def index_letters(self, node: Node) -> list[str]:
        """The letters that stand as indices under a node: in scripts, and belonging to no known name."""
        found: dict[str, None] = {}
        for part, _ in walk(node):
            if isinstance(part, Script):
                written = taken_apart(part)
                if written is not None and any(self.is_name(written.base, written.sub, sup, written.primes) for sup in (written.sup, ())
                                               if written.sub or sup):
                    continue
                for script in (*parts_of(part.sub), *(p for p in parts_of(part.sup) if is_bracketed(p))):
                    letters = letters_of(unwrapped_index(script))
                    for letter in letters:
                        if self.may_index(letter) and not self.is_tensor(letter.name, len(letters) == 1):
                            found.setdefault(letter.name)
        return list(found)

    def may_index(self, node: Node) -> bool:
        """Whether a node can be an index: a small letter that counts no layers or steps."""
        return is_index(node) and node.name not in self.layers and node.name not in self.one_step

    def is_tensor(self, letter: str, alone: bool) -> bool:
        """Whether a letter is a tensor, as the x of `D_x`; among other letters, `Y_{bth}`, only a scalar could be meant."""
        entry = self.table.tensors.get((letter, "", "", 0))
        return entry is not None and (alone or not entry.shape or entry.name in self.classes)

    def label_letters(self, node: Node) -> set[str]:
        """The letters under known names that are no indices but part of the names: the i of a declared `q_i`."""
        names = (taken_apart(part) for part, _ in walk(node) if isinstance(part, Script))
        known = (w for w in names if w is not None and w.sub and self.is_name(w.base, w.sub, (), w.primes))
        return {getattr(letter, "name", "") for w in known for part in w.sub for letter in letters_of(part)}

    def is_name(self, base: str, sub: tuple[Node, ...], sup: tuple[Node, ...], primes: int) -> bool:
        labels = tuple(label(p, self.layers) for p in sub), tuple(label(p, self.layers) for p in sup)
        k = (base, ",".join(labels[0]), ",".join(labels[1]), primes)
        return k in self.table.tensors or k in self.formals or k in self.table.functions or (k[:3] + (0,)) in self.table.functions


def is_bracketed(node: Node) -> bool:
    return isinstance(node, Group) and node.open in ("(", "[")


def unwrapped_index(node: Node) -> Node:
    while isinstance(node, Group) and node.open in ("(", "["):
        node = node.body
    return node


def is_index(node: Node) -> bool:
    """Whether a node can be an index: one small letter, with or without primes."""
    return isinstance(node, Sym) and node.kind in ("letter", "command") and len(node.name.rstrip("'")) == 1 \
        and node.name.islower() and not node.marks


def conditions(node: Node | None) -> list[Node]:
    """The parts of what stands below a sum."""
    if node is None:
        return []
    return list(node.items) if isinstance(node, List) else [node]


def is_relation(node: Node, *ops: str) -> bool:
    return isinstance(node, Rel) and len(node.ops) == 1 and node.ops[0] in ops


def negated(node: Node) -> tuple[int, Node]:
    """(sign, rest) of a node under signs."""
    sign = 1
    while isinstance(node, Un) and node.op in ("-", "+"):
        sign, node = (-sign if node.op == "-" else sign), node.x
    return sign, node
