"""Names that no line declares: which ones can be inputs, and of what rank.

A rank is guessed from how a name is written (its case, its font, its indices); the document reader tries others where
the guess makes formulas fail. The sizes stay open until they meet others.
"""

from __future__ import annotations

from functools import cached_property

from ..errors import NoSuchStep
from .derivatives import NUMBERED_DELTA
from .facts import Facts
from .names import Written, label, letters_of, parts_of, taken_apart, unwrapped, whole
from .scope import is_index
from .statements import Statement, called
from .syntax import Big, Frac, Group, Juxt, Node, Num, Prod, Rel, Script, Sum, Sym, Un, walk
from .tensors import Term

Pair = tuple[Statement, dict[str, int]]
LOSSES = frozenset(("L", "J", "C", "E", "f", "F", "ell"))  # letters of a loss
COUNTS = frozenset(("N",))
COUNTED = frozenset("nm")
DATA = frozenset(("x", "X", "Phi", "phi"))
OFFSETS = frozenset(("b", "c", "d", "a", "beta", "alpha", "theta", "mu"))
VECTOR_GREEK = frozenset("theta beta mu phi nu xi omega delta Delta pi varphi".split())


class Inference(Facts):
    pending: dict[int, Pair]
    lefts: dict[int, Written | None]

    def could_be_cotangent(self, w: Written, rel: Rel) -> bool:
        """`dW = …`, `grad = …`, `\\delta^l = …`: left for when the loss is known."""
        if w.base.endswith(".bar"):
            return self.left_key(w.node) not in self.table.tensors and not self.is_mean(w, rel)
        if w.base == "delta" and not w.sub and not w.sup and self.is_read_by_loss(w.base):
            return False
        if w.base in ("delta", "Delta", "grad", "gradient") or NUMBERED_DELTA.fullmatch(w.base):
            return self.left_key(w.node) not in self.table.tensors
        inner = self.after_d(w.node)
        return inner is not None and self.left_key(w.node) not in self.table.tensors and self.looks_known(inner) \
            or bool(w.sub) and label(w.sub[-1], {}) == "grad"

    def is_read_by_loss(self, base: str) -> bool:
        """Whether a line that defines a loss reads a name, which is then no gradient of it."""
        lines = [p.node for p, _ in self.pending.values() if label(p.node.items[0], {}) in LOSSES]
        return any(getattr(taken_apart(x), "base", "") == base for rel in lines for x, _ in walk(rel.items[1]) if isinstance(x, (Sym, Script)))

    def is_mean(self, w: Written, rel: Rel) -> bool:
        """Whether `\\bar x = \\frac{1}{n} \\sum_i x_i` says what an average is: x itself stands under a sum, or there is no x."""
        base = w.base[:-4]
        sums = (x.body for x, _ in walk(rel.items[1]) if isinstance(x, Big))
        read = {v.base for body in sums for x, _ in walk(body) if (v := taken_apart(x)) is not None}
        lefts = {getattr(self.left_of(p), "base", "") for p, _ in self.pending.values()}
        return base in read or base not in self.table.bases() | lefts

    def looks_known(self, node: Node) -> bool:
        w = taken_apart(node)
        bases = self.table.bases() | {getattr(taken_apart(p.node.items[0]), "base", "") for p, _ in self.pending.values()}
        return w is not None and (w.base in bases or self.is_known(node))

    def inferred_symbol(self, w: Written) -> tuple[Term, tuple[Node, ...], tuple[Node, ...], int] | None:
        """A name that nothing declares: an input, its rank from how it is written, its sizes from where it stands."""
        if w.base in self.broken or w.symbol.kind == "function" or not w.base[0].isalpha() or w.base in ("partial", "nabla", "infty"):
            return None
        steps = tuple(p for p in w.sub if not isinstance(p, Num) and whole(unwrapped(p), self.layers) is not None)
        own = tuple(p for p in w.sub if p not in steps)
        positions = [p for part in own for p in letters_of(part) if getattr(unwrapped(p), "name", None) in self.indices]
        count = sum(len(letters_of(part)) for part in own) if positions else 0
        sub = steps if positions else w.sub
        marks = tuple(p for p in w.sup if self.is_transposed(p))
        powers = tuple(p for p in w.sup if isinstance(p, Un) or isinstance(p, Num) and not self.is_layered(w.base))
        labels = tuple(p for p in w.sup if p not in marks and p not in powers and not (
            isinstance(p, Group) and self.is_position(unwrapped(p)) and not isinstance(unwrapped(p), Num)))
        rest = tuple(p for p in w.sup if p not in labels)
        if self.is_pending(w.base, sub, labels, w.primes):
            return None
        if any("?" in label(p, self.layers) for p in (*sub, *labels)):
            return None
        self.check_step(w, sub, labels)
        k = (w.base, self.labels(sub), self.labels(labels), 0)
        rank = self.guess_rank(w, count)
        tag = "_".join(x for x in (w.base, k[1], k[2]) if x) + "'" * k[3]
        shape = tuple(self.unknown(f"{tag}:{n}") for n in range(rank))
        entry = self.enter_tensor(k, shape, False, (), w.node)
        self.inferred[entry.name] = entry
        self.bases_inferred.setdefault(w.base, rank)
        return Term(entry.var), (own if positions else ()), rest, w.primes - k[3]

    def check_step(self, w: Written, sub: tuple[Node, ...], sup: tuple[Node, ...]) -> None:
        """Refuse `h_7` where the text is read with fewer steps: it would be a tensor of its own here, and is none in longer ranges."""
        last = self.depth_of_ranges
        for where, parts in ((1, sub), (2, sup)):
            for n, p in enumerate(parts):
                if isinstance(unwrapped(p), Num) and (w.base, where, n) in self.stepped and (whole(unwrapped(p), {}) or 0) > last:
                    raise self.fail(w.node, f"{self.text(w.node)} lies beyond the {last} steps that a text of open length is read with",
                                    None, NoSuchStep)

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
        if (w.base in COUNTS or w.base in self.numbers_below or w.base in self.divisors) and not self.is_turned(w.base):
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

    @cached_property
    def numbers_below(self) -> set[str]:
        """Names of counts that stand alone below a fraction line, or with numbers there, and nowhere with an index: numbers."""
        below = [node.bottom.items if isinstance(node.bottom, Juxt) else (node.bottom,)
                 for part in self.parts for node, _ in walk(part.node) if isinstance(node, Frac)]
        plain = [items[-1] for items in below if len(items) < 3 and all(isinstance(x, Num) for x in items[:-1])]
        return {x.name for x in plain if isinstance(x, Sym) and x.name in COUNTED and not x.marks and not self.entries_of(x.name)}

    def offsets(self) -> list[dict[str, int]]:
        """Names guessed to be vectors that are one number as naturally: those added to a product of data and weights, as in `X w + b`."""
        found: dict[str, None] = {}
        for total in (node for part in self.parts for node, _ in walk(part.node) if isinstance(node, Sum)):
            heads = [taken_apart(x.items[0]) for x in total.items if isinstance(x, (Juxt, Prod))]
            if any(head is not None and head.base in DATA and not head.sup for head in heads):
                found |= {w.base: None for x in total.items if (w := taken_apart(x)) is not None and self.bases_inferred.get(w.base) == 1}
        names = [base for base in found if base in OFFSETS and not self.is_turned(base) and not self.entries_of(base)]
        return [{base: 0} for base in names]

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

    @cached_property
    def divisors(self) -> set[str]:
        """The names that something is divided by, alone or to a power: a temperature T in z / T is a number."""
        nodes = [node for part in self.parts for node, _ in walk(part.node)]
        below = [node.bottom for node in nodes if isinstance(node, Frac)]
        below += [x for node in nodes if isinstance(node, Prod) for op, x in zip(node.ops, node.items[1:]) if op == "/"]
        found = [taken_apart(unwrapped(x)) for x in below]
        by = [taken_apart(inner) for x in below if isinstance(inner := self.differential(x), (Sym, Script))]
        return {w.base for w in found if w is not None and not w.sub and w.base[0].isupper()} - {w.base for w in by if w is not None}

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
