"""Declarations, ranges of indices, sizes with a number, unnamed functions and facts -> the table."""

from __future__ import annotations

from functools import cached_property

import sympy as sp

from ..errors import SymbackpropError, UnsupportedError
from ..expr import Shape, Var, function, size
from ..intake import MAX_AXES
from ..program import READ_WITH, Equation, Fact, Opening
from .literals import COLUMN, ROW, common
from .names import Entry, Key, Written, letters_in, letters_of, program_name, taken_apart, typeset, unwrapped, whole
from .resolve import Resolver
from .scope import conditions
from .statements import Statement, is_name, is_range, is_space, space_shape
from .sums import first_numbers
from .syntax import Big, Group, List, Matrix, Node, Num, Rel, Script, Sum, Sym, children, walk
from .tensors import Term, number

DEPTH = 3
TIMES = ("t", "tau", "k", "n", "i")  # letters that count steps where h_t is made of h_{t-1}


class Declarations(Resolver):
    def __init__(self, table: object, bindings: dict[str, sp.Expr], depth: int = DEPTH) -> None:
        super().__init__(table, bindings)
        self.depth_of_ranges = depth
        self.open_ends: dict[str, str] = {}
        self.open_letters: set[str] = set()
        self.opening = Opening.CLOSED
        self.parts: list[Statement] = []
        self.inputs: dict[str, Var] = {}
        self.equations: list[Equation] = []
        self.facts: list[Fact] = []
        self.notes: dict[str, None] = {}
        self.unread: list[SymbackpropError] = []
        self.failures: list[SymbackpropError] = []
        self.depths = {}
        self.bases_inferred: dict[str, int] = {}
        self.counts = False
        self.primed: set[tuple[str, int]] = set()
        self.first_numbers: dict[str, int] = {}

    def rebound(self, sizes: dict[sp.Expr, sp.Expr]) -> None:
        self.ranges = {name: size.xreplace(sizes) for name, size in self.ranges.items()}

    def entry_resized(self, entry: Entry) -> None:
        if entry.name in self.inputs:
            self.inputs[entry.name] = entry.var

    def declarations(self) -> None:
        """Everything that stands before the equations by its form."""
        self.recurring = self.recurring_letters()
        for part in self.parts:
            self.formula = part.source
            if part.kind == "range":
                try:
                    self.read_range(part.node)
                except SymbackpropError as error:
                    self.failed(part, error)
        self.find_layers()
        for part in self.parts:
            self.formula = part.source
            self.sizes_of_sums(part.node)
            if part.kind == "equation" and self.is_number_of_size(part.node):
                self.table.sizes[part.node.items[0].name] = sp.Integer(part.node.items[1].text)
        for part in self.parts:
            self.formula = part.source
            try:
                if part.kind == "declare":
                    for _ in self.instances(part.node):
                        self.declare(part.node)
                elif part.kind == "class":
                    self.declare_class(part.node)
                elif part.kind == "function":
                    self.declare_function(part.node)
            except SymbackpropError as error:
                self.failed(part, error)
        for part in self.parts:
            self.formula = part.source
            if part.kind == "equation":
                for side in part.node.items:
                    found = own_entries(side)
                    if found is not None and found[0].primes:
                        self.primed.add((found[0].base, found[0].primes))
            if part.kind in ("bare", "equation"):
                self.shape_of_literal(part.node)
            if part.kind == "other" or part.kind == "bare" and own_entries(part.node) is None and not is_name(part.node):
                self.notes[f"nothing is made of: {self.text(part.node)}"] = None

    def sizes_of_sums(self, root: Node) -> None:
        """The n of `\\sum_{i=1}^n` is a size, wherever else it stands."""
        for node, _ in walk(root):
            if isinstance(node, Big):
                for name, number in first_numbers(node).items():
                    self.first_numbers[name] = min(number, self.first_numbers.get(name, number))
            if isinstance(node, Big) and isinstance(node.sup, Sym) and node.sup.kind == "letter" and node.sup.name not in {*self.layers, *self.table.layers} \
                    and any(isinstance(c, Rel) for c in conditions(node.sub)) and node.sup.name not in self.declared_bases():
                self.table.sizes.setdefault(node.sup.name, size(node.sup.name))

    def is_number_of_size(self, node: Node) -> bool:
        """`m = 6`."""
        if not isinstance(node, Rel) or node.ops[0] not in ("=", ":=") or len(node.items) != 2:
            return False
        left, right = node.items
        return isinstance(left, Sym) and left.kind == "letter" and isinstance(right, Num) and right.text.isdigit() and \
            not right.marks and 0 < int(right.text) < 10**9 and left.name not in self.declared_bases()

    def declared_bases(self) -> set[str]:
        return {getattr(taken_apart(p.node.items[0]), "base", "") for p in self.parts if p.kind == "declare"}

    # --- ranges and layers -----------------------------------------------------------------------------------------

    def read_range(self, node: Node) -> None:
        """`l = 1, \\dots, L`, `l \\in \\{1, 2, 3\\}`: a layer's number where its end is a number or L, else an index."""
        index, low, high = range_of(node)
        if not isinstance(index, Sym) or whole(low, {}) not in (0, 1, 2):
            raise self.fail(node, f"the range {self.text(node)}", None, UnsupportedError)
        last, end = whole(high, {}), end_of(high)
        if last is None and end is not None and (end[0] == "L" or index.name in self.recurring):
            self.open_range(index.name, end[0], whole(low, {}), end[1])
        elif last is not None and last <= 64:
            self.table.layers[index.name] = (whole(low, {}), last)
        else:
            self.ranges[index.name] = self.size(high)

    def open_range(self, letter: str, end: str, low: int = 1, beyond: int = 0) -> None:
        """A letter that counts layers or steps up to an end that is left open: it is read at one length."""
        known = self.table.layers.get(letter, (low, self.depth_of_ranges + beyond))
        self.table.layers[letter] = min(low, known[0]), max(self.depth_of_ranges + beyond, known[1])
        self.layers[end] = self.depth_of_ranges
        self.open_ends[end] = letter
        self.open_letters.add(letter)
        if end in self.recurring_ends():
            self.table.sizes[end] = size(end) if self.opening is not Opening.CLOSED else sp.Integer(self.depth_of_ranges)

    @cached_property
    def stepped(self) -> set[tuple[str, int, int]]:
        """Where the step of a name stands: its base, below (1) or above (2), and which label there."""
        counted = {*self.open_letters, *self.open_ends}
        written = (taken_apart(node) for part in self.parts for node, _ in walk(part.node) if isinstance(node, Script))
        return {(w.base, where, n) for w in written if w is not None for where, script in ((1, w.sub), (2, w.sup))
                for n, p in enumerate(script) if counted & set(letters_in(unwrapped(p)))}

    def step_number(self, letter: str) -> Term | None:
        """The number of a step where its letter stands as a number."""
        if letter not in self.layers or letter in self.open_ends or letter == "L":
            return None
        if letter in self.table.layers and letter not in self.open_letters or len(self.open_ends) != 1:
            return number(self.layers[letter])
        self.counts = True
        (end, by), = self.open_ends.items()
        return number(self.opening.number_of(self.layers[letter], self.depth_of_ranges, by, size(end)))

    def recurring_ends(self) -> set[str]:
        """The ends of the ranges of time."""
        return {end for end, letter in self.open_ends.items() if letter in self.recurring and end != "L"}

    def recurring_letters(self) -> set[str]:
        """The letters that count steps: h_t is made of h_{t-1}, be it through other names."""
        reads: dict[tuple[str, str], set[tuple[str, str]]] = {}
        back: list[tuple[tuple[str, str], tuple[str, str]]] = []
        for part in self.parts:
            w = taken_apart(part.node.items[0]) if part.kind == "equation" else None
            own = [p.name for p in map(unwrapped, (*w.sub, *w.sup)) if isinstance(p, Sym) and p.name in TIMES] if w else []
            for letter in own:
                for v in (v for side in part.node.items[1:] for node, _ in walk(side) if (v := taken_apart(node)) is not None):
                    steps = [p for p in map(unwrapped, (*v.sub, *v.sup)) if list(letters_in(p)) == [letter] and whole(p, {letter: 0}) is not None]
                    if steps:
                        reads.setdefault((w.base, letter), set()).add((v.base, letter))
                        back += [((w.base, letter), (v.base, letter))] if isinstance(steps[0], Sum) else []
        return {letter for (base, letter), read in back if (base, letter) in reached(read, reads)}

    def find_layers(self) -> None:
        """Where l, L or ℓ stands above a name and no line says how far it runs, three layers are taken; so for times."""
        for letter in sorted(self.recurring - self.table.layers.keys() - self.ranges.keys()):
            if ends := [end for part in self.parts for end in ends_of_sums(part.node, letter)]:
                self.open_range(letter, ends[0])
            else:
                self.one_step.add(letter)
        for part in self.parts:
            for parts in free_scripts(part.node):
                for p in parts[1]:
                    letters = set(letters_in(p)) & {"l", "ell"}
                    if isinstance(unwrapped(p), Sym) and unwrapped(p).name == "L" or letters:
                        for name in sorted(letters - self.table.layers.keys()) if "L" in self.layers or not self.table.layers else ():
                            self.open_range(name, "L")
                        if not letters and "L" not in self.layers and not self.table.layers:
                            self.open_range("l", "L")
                        self.layers.setdefault("L", max((high for _, high in self.table.layers.values()), default=self.depth_of_ranges))
        for end in self.open_ends:
            self.notes[f"{READ_WITH}{self.layers[end]} {'steps' if end in self.recurring_ends() else 'layers'}"] = None
        self.depths = self.table.layers

    def layer_letters(self, node: Node) -> list[str]:
        """The layer numbers that a formula leaves free, in scripts of its names."""
        found: dict[str, None] = {}
        for sub, sup in free_scripts(node):
            for p in (*sub, *sup):
                for name in letters_in(unwrapped(p)):
                    if name in self.table.layers and name not in self.layers:
                        found.setdefault(name)
        return list(found)

    def own_range(self, letter: str, over: tuple[Node, ...]) -> tuple[int, int] | None:
        """The steps that a formula itself says it is about."""
        for node in over:
            index, low, high = range_of(node)
            first, end = whole(low, {}), end_of(high)
            if getattr(index, "name", "") == letter and first is not None and end is not None and end[0] in self.open_ends:
                return first, self.depth_of_ranges + end[1]
        return None

    def instances(self, node: Node, to_the_end: bool = False, over: tuple[Node, ...] = ()) -> object:
        """The formula once for each layer that it speaks of, with that layer's number known; what is said of derivatives
        may hold `to_the_end`, where the equations are written for l = 1, …, L-1 and no range stands beside it."""
        letters = self.layer_letters(node)
        before = self.layers
        if not letters:
            yield {}
            return
        name = letters[0]
        low, high = self.table.layers[name]
        if (own := self.own_range(name, over)) is not None:
            low, high = own
        elif to_the_end and name in self.open_ends.values():
            high = max(high, self.depth_of_ranges)
        for value in range(low, high + 1):
            self.layers = {**before, name: value}
            try:
                yield {name: value}
            finally:
                self.layers = before

    # --- declarations ----------------------------------------------------------------------------------------------

    def declare(self, node: Rel) -> None:
        """`W_1 \\in \\mathbb{R}^{m \\times n}`."""
        left, space = node.items[0], node.items[1]
        w = taken_apart(left)
        if w is None:
            raise self.fail(left, f"{self.text(left)} cannot be declared", "declare one name")
        sizes, positive = space_shape(space) if is_space(space) else (space.items, False)
        shape = tuple(self.size(s) for s in sizes)
        for node, dim in zip(sizes, shape):
            if dim.is_number and not dim > 0:
                raise self.fail(node, f"a size is a positive integer, and this is {dim}")
        slots = self.declared_slots(w)
        entry = self.add_tensor(w, shape, slots, left)
        if positive:
            self.facts.append(Fact("range", entry.name, low=sp.Integer(0)))

    def declared_slots(self, w: Written) -> list[tuple[str, str]]:
        """Scripts of a declared name that are indices with a known range: `x^{(i)} \\in …, i = 1, …, m`."""
        found = []
        for where, parts in (("sub", w.sub), ("sup", w.sup)):
            for p in parts:
                inner = unwrapped(p)
                if isinstance(inner, Sym) and inner.name in self.ranges:
                    found.append((where, inner.name))
        return found

    def add_tensor(self, w: Written, shape: Shape, slots: list[tuple[str, str]], node: Node) -> Entry:
        """A declared tensor in the table. A side of 1 is none: a column is a vector, a row one that lies down."""
        row = len(shape) == 2 and shape[0] == 1 and shape[1] != 1
        core = tuple(d for d in shape if d != 1) if len(shape) == 2 and 1 in shape else () if shape == (1,) else shape
        names = {name for _, name in slots}
        keep = lambda parts: tuple(p for p in parts if getattr(unwrapped(p), "name", None) not in names)
        key = (w.base, self.labels(keep(w.sub)), self.labels(keep(w.sup)), w.primes)
        full = tuple(self.ranges[name] for _, name in slots) + core
        return self.enter_tensor(key, full, row, tuple(where for where, _ in slots), node)

    def enter_tensor(self, key: Key, shape: Shape, row: bool, slots: tuple[str, ...], node: Node) -> Entry:
        if key in self.table.tensors:
            old = self.table.tensors[key]
            if old.shape != shape:
                raise self.fail(node, f"{self.text(node)} is declared twice", None)
            return old
        if len(shape) > MAX_AXES:
            raise self.fail(node, f"{self.text(node)} has {len(shape)} axes, and at most {MAX_AXES} are read", None, UnsupportedError)
        name = program_name(key, {e.name for e in self.table.tensors.values()} | set(self.table.sizes))
        entry = Entry(name, Var(name, shape), row, slots)
        self.enter(key, entry)
        self.inputs[name] = entry.var
        self.spell(name, node, key)
        return entry

    def spell(self, name: str, node: Node, key: Key) -> None:
        """Keep the user's spelling of a name that has a mark above it."""
        text = typeset(self.formula.text[node.span[0]:node.span[1]])
        if text is not None and (key[2] or key[3] or not key[1].replace(',', '').isalnum() and key[1]) and not self.layers.keys() & set(text):
            self.table.tex[name] = text

    def declare_function(self, node: Rel) -> None:
        """`f : \\mathbb{R} \\to \\mathbb{R}`."""
        w = taken_apart(node.items[0])
        if w is None or not all(is_space(x) and not isinstance(x, Script) for x in node.items[1:]):
            raise self.fail(node, f"{self.text(node)}: only functions from numbers to numbers are declared", None, UnsupportedError)
        labels = self.labels((*w.sub, *w.sup))
        name = w.base.replace(".", "") + "".join(c for c in labels if c.isalnum())
        self.table.functions[w.base, self.labels(w.sub), self.labels(w.sup), 0] = function(name, opaque=True)

    def shape_of_literal(self, node: Node) -> None:
        """`[x_1, x_2, x_3]`, or `A = \\begin{pmatrix} a_{11} …`: a literal of a name's own entries gives its shape."""
        literal, base = node, None
        if isinstance(node, Rel):
            w = taken_apart(node.items[0])
            if w is None or len(node.items) != 2 or w.sub or w.sup or w.primes:
                return
            literal, base = node.items[1], w
        shape = own_entries(literal)
        if shape is None:
            return
        w = base or shape[0]
        if base is not None and shape[0].base.lower() != base.base.lower():
            return
        key = (w.base, "", "", w.primes)
        if key not in self.table.tensors:
            sizes = tuple(sp.Integer(n) for n in shape[1] if n != 1)
            self.enter_tensor(key, sizes, False, (), literal)


def free_scripts(root: Node) -> list[tuple[tuple[Node, ...], tuple[Node, ...]]]:
    """The parts below and above every name, without those that speak of a sum's own index."""
    found = []
    stack: list[tuple[Node, frozenset[str]]] = [(root, frozenset())]
    while stack:
        node, bound = stack.pop()
        if isinstance(node, Big):
            stack += [(part, bound) for part in (node.sub, node.sup) if part is not None]
            own = frozenset(x.name for c in conditions(node.sub) for x, _ in walk(c) if isinstance(x, Sym))
            stack.append((node.body, bound | own))
            continue
        w = taken_apart(node) if isinstance(node, Script) else None
        if w is not None:
            free = lambda parts: tuple(p for p in parts if not set(letters_in(unwrapped(p))) & bound)
            found.append((free(w.sub), free(w.sup)))
        stack += [(part, bound) for part in children(node)]
    return found


def range_of(node: Node) -> tuple[Node, Node, Node]:
    """(letter, first, last) of `l = 1, \\dots, L`, of `l = L, \\dots, 1` and of `l \\in \\{1, \\dots, L\\}`."""
    if is_range(node):
        index, low, high = node.items[0].items[0], node.items[0].items[1], node.items[-1]
    else:
        items = node.items[1].body.items
        index, low, high = node.items[0], items[0], items[-1]
    return (index, high, low) if whole(low, {}) is None and whole(high, {}) is not None else (index, low, high)


def reached(start: tuple[str, str], reads: dict[tuple[str, str], set[tuple[str, str]]]) -> set[tuple[str, str]]:
    """All that a name is made of, itself included."""
    found, waiting = {start}, [start]
    while waiting:
        new = reads.get(waiting.pop(), set()) - found
        found |= new
        waiting += new
    return found


def end_of(node: Node) -> tuple[str, int] | None:
    """`L` is (L, 0) and `L - 1` is (L, -1)."""
    names = list(letters_in(node))
    beyond = whole(node, dict.fromkeys(names, 0))
    return (names[0], beyond) if len(names) == 1 and beyond is not None else None


def ends_of_sums(root: Node, letter: str) -> list[str]:
    """The names up to which sums over a letter run."""
    return [node.sup.name for node, _ in walk(root) if isinstance(node, Big) and isinstance(node.sup, Sym) and node.sup.kind in ("letter", "command")
            and any(isinstance(c, Rel) and getattr(c.items[0], "name", None) == letter for c in conditions(node.sub))]


def own_entries(node: Node) -> tuple[Written, tuple[int, int]] | None:
    """(the name, the literal's numbers of rows and columns) where every entry is one of one name's, in order."""
    if isinstance(node, Matrix):
        rows = node.rows
    elif isinstance(node, Group) and isinstance(node.body, List) and node.open in ("[", "("):
        rows = (node.body.items,)
    else:
        return None
    if len(rows) * len(rows[0]) < 2:
        return None
    pattern = common(rows)
    w = taken_apart(pattern) if pattern is not None else None
    if w is None or w.sup or not w.sub:
        return None
    names = {getattr(p, "name", "") for part in w.sub for p in letters_of(part)}
    wanted = {name for name, n in ((ROW, len(rows)), (COLUMN, len(rows[0]))) if n > 1}
    return (w, (len(rows), len(rows[0]))) if wanted <= names and "." not in w.base else None
