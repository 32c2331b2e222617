"""Equations that define -> equations of the program: names, entries, functions, literals of names.

A definition may use what a later line defines; it is put off until that line is read. What nothing defines is
inferred: an input whose shape is found where it is used.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import sympy as sp

from ..errors import ParseError, ShapeError, SymbackpropError, UnsupportedError
from ..expr import Var, names_in
from ..program import Equation, Place
from .declarations import Declarations
from .derivatives import is_d
from .facts import Facts
from .literals import COLUMN, ROW, common
from .names import Entry, Key, Macro, Written, label, letters_of, parts_of, program_name, taken_apart, unwrapped
from .scope import NoSuchLayer, Undeclared, is_index, negated
from .statements import EQUALS, Statement, called
from .syntax import Frac, Group, Juxt, List, Matrix, Node, Num, Prod, Rel, Script, Sym, walk
from .tensors import Met, Term, gathered, same

Pair = tuple[Statement, dict[str, int]]
NEW = frozenset(("new", "next", "t+1", "k+1", "updated", "tau+1"))
OLD = frozenset(("old", "t", "k", "prev", "current", "tau"))
MAX_SETTLED = 200
COUNTS = frozenset(("N", "B", "T", "K"))
VECTOR_GREEK = frozenset("theta beta mu phi nu xi omega delta Delta pi varphi".split())


class Definitions(Facts):
    def definitions(self) -> None:
        """Read every equation that defines something, in an order in which each can be read."""
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
                for values in self.instances(part.node):
                    pair = (part, dict(values))
                    self.pending[id(pair)] = pair
        self.numbered = frozenset(k[0] for k in self.table.tensors if k[1].isdigit() or k[2].isdigit())
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
        except NoSuchLayer:
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
        rel: Rel = part.node
        left = rel.items[0]
        if len(rel.items) == 2 and self.is_law(left) and self.names_new_entries(rel.items[1]):
            rel = Rel((rel.items[1], left), rel.ops, rel.span)
            return self.define_literal(part, rel, values)
        if self.is_update(left) or self.is_derivative(left) or self.is_law(left):
            self.claim_parts.append((part, values))
            return True
        if isinstance(left, (Matrix, Group)):
            return self.define_literal(part, rel, values)
        if (pair := called(left)) is not None:
            return self.define_value_of(part, rel, pair, values)
        w = taken_apart(left)
        if w is None or self.is_own_literal(w, rel.items[1]):
            self.claim_parts.append((part, values))
            return w is None or not self.is_own_literal(w, rel.items[1]) or len(rel.items) > 2 or True
        if w.symbol.kind == "run" and self.find(w) is None and self.pieces_known(w.symbol) is not None:
            self.claim_parts.append((part, values))
            return True
        return self.define_name(part, rel, w, values)

    def is_own_literal(self, w: Written, right: Node) -> bool:
        """`A = (a_{11} …)` says what A's entries are called."""
        from .declarations import own_entries
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
        return isinstance(left, (Prod, Num)) or type(left).__name__ in ("Sum", "Big", "Un", "Sqrt", "Cases") or \
            isinstance(left, Frac) or isinstance(left, Juxt) and called(left) is None or \
            isinstance(left, Script) and not isinstance(left.base, Sym) or \
            isinstance(left, Group) and not isinstance(left.body, List)

    def names_new_entries(self, right: Node) -> bool:
        """Whether `x W = [h'_1, h'_2]` introduces h'."""
        from .declarations import own_entries
        found = own_entries(right)
        return found is not None and (found[0].base, "", "", found[0].primes) not in self.table.tensors

    def is_update(self, left: Node) -> bool:
        """`v^{new} = …`, `w_{t+1} = …`: what a step of an optimiser makes of a name."""
        w = taken_apart(left)
        words = {label(unwrapped(p), {}) for p in (*w.sub, *w.sup)} if w is not None else set()
        return bool(words & NEW)

    def is_derivative(self, left: Node) -> bool:
        """Whether a left side is a derivative by its form alone."""
        left = negated(left)[1]
        if isinstance(left, Frac) or isinstance(left, Prod) and left.ops == ("/",):
            top, bottom = (left.top, left.bottom) if isinstance(left, Frac) else left.items
            return self.differential(top) is not None and self.differential(bottom) is not None
        head = left.items[0] if isinstance(left, Juxt) else left
        base = head.base if isinstance(head, Script) else head
        if isinstance(base, Sym) and base.name == "nabla" and base.kind == "command":
            return True
        return isinstance(left, Juxt) and (isinstance(head, Frac) and self.operator(head) is not None
                                           or is_d(head) and len(left.items) == 2)

    def define_name(self, part: Statement, rel: Rel, w: Written, values: dict[str, int]) -> bool:
        """`z = W x + b`, `z_j = \\sum_k w_{jk} a_k`."""
        letters, k = self.left_indices(w, rel)
        if k in self.taken_keys():
            self.claim_parts.append((part, values))
            return True
        if self.could_be_cotangent(w, rel):
            self.claim_parts.append((part, values))
            return True
        if k in self.table.tensors and self.is_entry_claim(w, letters, k, rel):
            self.claim_parts.append((part, values))
            return True
        self.readings_before = dict(self.readings)
        term = self.right_side(rel.items[1], letters, self.table.tensors.get(k))
        if k in self.table.tensors and self.table.tensors[k].name in names_in(term.node):
            self.claim_parts.append((part, values))
            return True
        self.bind(k, [name for name, _ in letters], [where for _, where in letters], term, rel)
        if len(rel.items) > 2:
            self.claim_parts.append((replace(part, node=Rel(rel.items[1:], rel.ops[1:], rel.span)), values))
        return True

    def is_entry_claim(self, w: Written, letters: list, k: Key, rel: Rel) -> bool:
        """An entry of something that is no vector of entries, such as `c_{ij}` for a C that is defined."""
        return False

    def taken_keys(self) -> set[Key]:
        return {k for k, e in self.table.tensors.items() if e.name not in self.inputs or e.name in self.inferred}

    def left_indices(self, w: Written, rel: Rel) -> tuple[list[tuple[str, str]], Key]:
        """The free indices of a left side, each with where it is written, and the key that is left."""
        spoken = {n for x in rel.items[1:] for n in self.index_letters(x)}
        letters: list[tuple[str, str]] = []
        kept_sub, kept_sup = [], []
        declared = {kk[0]: e for kk, e in self.table.tensors.items() if kk[1] == "" and kk[0] == w.base}
        for part in (p for q in w.sub for p in letters_of(q)):
            is_free = is_index(part) and part.name not in self.layers and (
                part.name in spoken or part.name in (ROW, COLUMN) or part.name in self.ranges or part.name in "ijk"
                or w.base in declared and declared[w.base].var.rank >= len(w.sub))
            if is_free and not self.is_name(w.base, w.sub, w.sup, w.primes):
                letters.append((part.name, "sub"))
            else:
                kept_sub.append(part)
        for part in w.sup:
            inner = unwrapped(part)
            if isinstance(part, Group) and is_index(inner) and inner.name not in self.layers and \
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
        plain = term.rank == 0 and all(x == "sub" for x in where) or term.rank == 0 and len(where) == 1
        slots = () if plain else tuple(where)
        if old is not None:
            self.check_declared(old, Term(node, (), term.row and not letters), rel)
            self.inputs.pop(old.name, None)
            name = old.name
        elif type(node) is Var and letters and node.name in {*self.inputs, *(e.name for e in self.equations)}:
            self.enter(k, Entry(node.name, node, term.row, slots))
            return
        else:
            name = program_name(k, {e.name for e in self.table.tensors.values()} | set(self.table.sizes) | set(self.inputs))
        entry = Entry(name, Var(name, node.shape), term.row, slots)
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
        from .declarations import own_entries
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
        if len(rel.items) > 2:
            self.claim_parts.append((replace(part, node=Rel(rel.items[1:], rel.ops[1:], rel.span)), values))
        return True

    # --- functions ------------------------------------------------------------------------------------------------

    def define_functions(self) -> None:
        """`g(z) = \\tanh z`, `h_\\theta(x) = \\theta^T x`: the argument is a name that stands for nothing else."""
        for waiting in list(self.pending.values()):
            part, values = waiting
            pair = called(part.node.items[0])
            if pair is None:
                continue
            self.formula = part.source
            head, group = pair
            w = taken_apart(head)
            if w.primes or (w.base, self.labels(w.sub), self.labels(w.sup), 0) in self.table.functions:
                continue
            args = list(group.body.items) if isinstance(group.body, List) else [group.body]
            formals = [taken_apart(a) for a in args]
            if None in formals or self.are_tensors(formals, part) and not self.is_called_apart(w, group):
                continue
            before = self.layers
            self.layers = {**before, **values}
            keys = tuple((f.base, self.labels(f.sub), self.labels(f.sup), f.primes) for f in formals)
            name = w.base.replace(".", "") + "".join(c for c in self.labels((*w.sub, *w.sup)) if c.isalnum())
            macro = Macro(name, keys, part.node.items[1], part.source)
            self.table.functions[w.base, self.labels(w.sub), self.labels(w.sup), w.primes] = macro
            found = self.lambda_of(macro)
            if found is not None:
                self.table.functions[w.base, self.labels(w.sub), self.labels(w.sup), w.primes] = found
            self.layers = before
            self.pending.pop(id(waiting))
            if len(part.node.items) > 2:
                self.claim_parts.append((replace(part, node=Rel(part.node.items[1:], part.node.ops[1:], part.span)), values))

    def are_tensors(self, formals: list[Written], part: Statement) -> bool:
        """Whether the arguments are all tensors of the document, so that what they define is a value."""
        keys = [(f.base, self.labels(f.sub), self.labels(f.sup), f.primes) for f in formals]
        left_of_others = {self.left_key(p.node.items[0]) for p, _ in self.pending.values() if p is not part and called(p.node.items[0]) is None}
        return all(k in self.table.tensors and not self.table.tensors[k].slots or k in left_of_others for k in keys)

    def is_called_apart(self, w: Written, group: Group) -> bool:
        """Whether the text gives a function other arguments as well, or a prime."""
        said = self.text(group)
        for part in self.parts:
            for node, _ in walk(part.node):
                if isinstance(node, Juxt):
                    for item, after in zip(node.items, node.items[1:]):
                        v = taken_apart(item)
                        if v is not None and v.base == w.base and self.labels(v.sub) == self.labels(w.sub) and isinstance(after, Group):
                            spelled = " ".join(part.source.text[after.span[0]:after.span[1]].split())
                            if v.primes or spelled[:80] != said and after.open == "(":
                                return True
        return False

    def left_key(self, node: Node) -> Key | None:
        w = taken_apart(node)
        return None if w is None else (w.base, self.labels(w.sub), self.labels(w.sup), w.primes)

    def define_value_of(self, part: Statement, rel: Rel, pair: tuple[Node, Group], values: dict[str, int]) -> bool:
        """`J(\\theta) = …` where θ is a tensor: J is a value, and J(θ) is J."""
        head, group = pair
        w = taken_apart(head)
        if w.primes:
            self.claim_parts.append((part, values))
            return True
        args = list(group.body.items) if isinstance(group.body, List) else [group.body]
        k = (w.base, self.labels(w.sub), self.labels(w.sup), 0)
        if k in self.taken_keys() or k in self.table.functions:
            self.claim_parts.append((part, values))
            return True
        term = self.right_side(rel.items[1], [], self.table.tensors.get(k))
        self.bind(k, [], [], term, replace_left(rel, head))
        arguments = [self.value(a) for a in args if self.is_known(a)]
        name = self.table.tensors[k].name
        found = tuple(dict.fromkeys(v for t in arguments for v in names_in(t.node)))
        self.arguments_of = {**self.arguments_of, name: found}
        if len(rel.items) > 2:
            self.claim_parts.append((replace(part, node=Rel(rel.items[1:], rel.ops[1:], rel.span)), values))
        return True

    # --- inference -------------------------------------------------------------------------------------------------

    def could_be_cotangent(self, w: Written, rel: Rel) -> bool:
        """`dW = …`, `grad = …`, `\\delta^l = …`: left for when the loss is known."""
        if w.base in ("delta", "Delta", "grad", "gradient") or w.base.endswith(".bar"):
            return self.left_key(w.node) not in self.table.tensors
        inner = self.after_d(w.node)
        return inner is not None and self.left_key(w.node) not in self.table.tensors and self.looks_known(inner) \
            or bool(w.sub) and label(w.sub[-1], {}) == "grad"

    def looks_known(self, node: Node) -> bool:
        w = taken_apart(node)
        bases = self.table.bases() | {getattr(taken_apart(p.node.items[0]), "base", "") for p, _ in self.pending.values()}
        return w is not None and (w.base in bases or self.is_known(node))

    def inferred_symbol(self, w: Written) -> tuple[Term, tuple[Node, ...], tuple[Node, ...], int] | None:
        """A name that nothing declares: an input, its rank from how it is written, its sizes from where it stands."""
        if w.base in self.broken or w.symbol.kind == "function" or not w.base[0].isalpha() or w.base in ("partial", "nabla", "infty"):
            return None
        positions = [p for part in w.sub for p in letters_of(part) if getattr(unwrapped(p), "name", None) in self.indices]
        sub = () if positions else w.sub
        marks = tuple(p for p in w.sup if self.is_transposed(p))
        powers = tuple(p for p in w.sup if isinstance(p, Num) and not self.is_layered(w.base))
        labels = tuple(p for p in w.sup if p not in marks and p not in powers and not (
            isinstance(p, Group) and self.is_position(unwrapped(p)) and not isinstance(unwrapped(p), Num)))
        rest = tuple(p for p in w.sup if p not in labels)
        if self.is_pending(w.base, sub, labels, w.primes):
            return None
        if any("?" in label(p, self.layers) for p in (*sub, *labels)):
            return None
        k = (w.base, self.labels(sub), self.labels(labels), 0 if w.primes and self.is_octave(w) else w.primes)
        rank = self.guess_rank(w, len(positions))
        tag = "_".join(x for x in (w.base, k[1], k[2]) if x) + "'" * k[3]
        shape = tuple(self.unknown(f"{tag}:{n}") for n in range(rank))
        entry = self.enter_tensor(k, shape, False, (), w.node)
        self.inferred[entry.name] = entry
        self.bases_inferred.setdefault(w.base, rank)
        return Term(entry.var), (w.sub if positions else ()), rest, w.primes - k[3]

    def is_octave(self, w: Written) -> bool:
        return True

    def is_layered(self, base: str) -> bool:
        return any(k[0] == base and k[2].isdigit() for k in self.table.tensors) or bool(self.layers)

    def is_pending(self, base: str, sub: tuple[Node, ...], sup: tuple[Node, ...], primes: int) -> bool:
        """Whether an equation that is still to be read defines this very name."""
        wanted = (base, self.labels(sub), self.labels(sup), primes)
        here = self.layers
        for part, values in self.pending.values():
            w = self.left_of(part)
            if w is None or w.base != base:
                continue
            self.layers = {**{k: v for k, v in here.items() if k not in self.table.layers}, **values}
            try:
                if self.left_indices(w, part.node)[1] == wanted:
                    return True
            finally:
                self.layers = here
        return False

    def left_of(self, part: Statement) -> Written | None:
        """The name that an equation would define."""
        if id(part) not in self.lefts:
            left = part.node.items[0]
            self.lefts[id(part)] = taken_apart(left) or (taken_apart(called(left)[0]) if called(left) else None)
        return self.lefts[id(part)]

    def guess_rank(self, w: Written, positions: int) -> int:
        if positions:
            return positions
        if w.base in self.ranks:
            return self.ranks[w.base]
        if self.entries_of(w.base) == 2:
            return 2
        stem = w.base.split(".")[0]
        if w.base in COUNTS and not self.is_turned(w.base):
            return 0
        if "bold" in w.symbol.marks:
            return 2 if stem[0].isupper() else 1
        if w.symbol.kind == "command":
            return 1 if stem in VECTOR_GREEK else 2 if stem[0].isupper() else 0
        return 2 if stem[0].isupper() else 1

    def other_ranks(self) -> list[dict[str, int]]:
        """Other ranks that undeclared names could have, the likelier first: all small letters scalars, then one by one."""
        small = [b for b in self.bases_inferred if not b[0].isupper() and not self.entries_of(b) and not self.is_turned(b)]
        found = [{b: 0 for b in small}] if len(small) > 1 else []
        for base, rank in self.bases_inferred.items():
            if self.entries_of(base) == 2 or base[0].isupper():
                continue
            likely = (2, 1) if self.is_turned(base) or base in ("w", "v", "u") else (0, 2, 1)
            found += [{base: other} for other in dict.fromkeys((*likely, 0)) if other != rank]
        return found

    def entries_of(self, base: str) -> int:
        """How many indices the text writes under a name."""
        if self.written_entries is None:
            self.written_entries = {}
            for node in (node for part in self.parts for node, _ in walk(part.node)):
                if isinstance(node, Script) and node.sub is not None and (w := taken_apart(node)) is not None:
                    letters = [p for q in w.sub for p in letters_of(q)]
                    if all(is_index(p) and p.name not in self.table.layers for p in letters):
                        self.written_entries[w.base] = max(len(letters), self.written_entries.get(w.base, 0))
        return self.written_entries.get(base, 0)

    written_entries: dict[str, int] | None = None
    turned_bases: set[str] | None = None

    def is_turned(self, base: str) -> bool:
        """Whether a name is transposed somewhere: then it is no scalar."""
        if self.turned_bases is None:
            self.turned_bases = set()
            for node in (node for part in self.parts for node, _ in walk(part.node)):
                if isinstance(node, Script) and any(self.is_transposed(p) for p in parts_of(node.sup)):
                    w = taken_apart(node.base.body if isinstance(node.base, Group) else node)
                    if w is not None:
                        self.turned_bases.add(w.base)
        return base in self.turned_bases


def replace_left(rel: Rel, left: Node) -> Rel:
    return Rel((left, *rel.items[1:]), rel.ops, rel.span)
