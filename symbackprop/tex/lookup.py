"""A symbol with its scripts -> a value: its name in the table, then indices, powers and transposes.

The longest part of the scripts that makes a known name belongs to the name; what is left over is read by what it is:
an index, an example's number, a power, a transpose, a derivative.
"""

from __future__ import annotations

from dataclasses import replace

import sympy as sp

from ..algebra import contract
from ..errors import NoSuchStep, ParseError, ShapeError, UnsupportedError
from ..expr import Apply, Delta, Ones, function
from ..ops.eigen import pseudo_inverse
from ..ops.tensor import apply as tensor_op
from .classes import Classes
from .entries import never_negative
from .names import EACH, Entry, Written, is_transpose, label, letters_in, letters_of, taken_apart, unwrapped, whole
from .scope import FreeIndex, is_bracketed, is_index
from .syntax import Group, Juxt, Node, Num, Prod, Script, Sum, Sym, Un
from .tensors import Term, Unknown, apply, diagonal_of, indexed, multiply, number, raised, same, turned

POWERS = frozenset(("odot", "circ"))


class Lookup(Classes):
    primed: set[tuple[str, int]] = frozenset()

    def symbol(self, node: Node) -> Term:
        """The value of a symbol; raises `Undeclared` where the table has none."""
        written = taken_apart(node)
        if written is None:
            raise self.fail(node, f"{self.text(node)} is no name")
        found = self.cotangent(written) if written.sub and label(written.sub[-1], {}) == "grad" else None
        found = found or self.find(written) or self.other_symbol(written)
        term, sub, sup, primes = found
        return self.scripted(term, sub, sup, primes, node)

    def find(self, w: Written) -> tuple[Term, tuple[Node, ...], tuple[Node, ...], int] | None:
        """The tensor that a symbol names, with the scripts that are left over."""
        for count in ((w.primes, 0) if w.primes and (w.base, w.primes) not in self.primed else (w.primes,)):
            left_primes = w.primes - count
            for sub, sup, rest_sub, rest_sup in self.splits(w):
                k = (w.base, sub, sup, count)
                if rest_sub or rest_sup:
                    own = (f"{w.base}[{self.labels(rest_sub)}]", w.base + EACH)
                    k = next((found for base in own if (found := (base, sub, sup, count)) in self.table.tensors), k)
                if k in self.formals:
                    return self.formals[k], rest_sub, rest_sup, left_primes
                if k in self.table.tensors:
                    entry = self.table.tensors[k]
                    return *self.slotted(entry, w.node, rest_sub, rest_sup), left_primes
            if count == 0:
                self.check_layer(w)
        if not (w.primes or w.sub) and (step := self.step_number(w.base)) is not None:
            return step, (), w.sup, 0
        if not w.primes and self.size_of(w) is not None:
            return number(self.size_of(w)), (), tuple(p for p in w.sup if self.size_of(w, False) is not None), 0
        return None

    def splits(self, w: Written) -> list[tuple[str, str, tuple[Node, ...], tuple[Node, ...]]]:
        """Ways to divide the scripts: (labels below, labels above, rest below, rest above), the longest names first."""
        bare = tuple(p for p in w.sup if not self.is_transposed(p))
        marks = tuple(p for p in w.sup if self.is_transposed(p))
        text = self.labels
        tries = [(w.sub, w.sup, (), ()), (w.sub, bare, (), marks), (w.sub, (), (), w.sup), ((), w.sup, w.sub, ()),
                 ((), bare, w.sub, marks)]
        tries += [(w.sub[:k], bare, w.sub[k:], marks) for k in range(len(w.sub) - 1, 0, -1)]
        tries += [(w.sub[:k], (), w.sub[k:], w.sup) for k in range(len(w.sub) - 1, 0, -1)]
        tries += [((), bare[:k], w.sub, (*bare[k:], *marks)) for k in range(len(bare) - 1, 0, -1)]
        tries += [((), (), w.sub, w.sup)]
        return [(text(a), text(b), c, d) for a, b, c, d in tries]

    def labels(self, parts: tuple[Node, ...]) -> str:
        return ",".join(label(p, self.layers) for p in parts)

    def is_transposed(self, node: Node) -> bool:
        return is_transpose(node, self.taken())

    def taken(self) -> set[str]:
        return {*self.indices, *self.layers, *self.table.sizes}

    def check_layer(self, w: Written) -> None:
        """Refuse a label made of a layer's number where other layers of that name exist, and this one does not."""
        numbered = [p for p in (*w.sub, *w.sup) if any(name in self.layers for name in letters_in(p))]
        for part in numbered:
            value = whole(unwrapped(part), self.layers)
            others = [k for k in self.table.tensors if k[0] == w.base and (k[1].isdigit() or k[2].isdigit())]
            if value is None or not others:
                continue
            low, high = self.layer_range()
            open_still = self.defining and w.base not in self.numbered and low - 1 <= value <= high
            if not open_still:
                raise self.fail(w.node, f"there is no {self.text(w.node)} for number {value}", None, NoSuchStep)

    defining = False
    numbered: frozenset[str] = frozenset()
    open_ends: dict[str, str] = {}

    def layer_range(self) -> tuple[int, int]:
        ranges = [*self.table.layers.values()] or [(1, max(self.layers.values()))]
        return min(r[0] for r in ranges), max(*(r[1] for r in ranges), *(self.layers[end] for end in self.open_ends), 0)

    def size_of(self, w: Written, scripts: bool = True) -> sp.Expr | None:
        """The size that a symbol names; without `scripts`, of the base and what is below it alone."""
        if any(not isinstance(unwrapped(p), (Num, Sym, Sum, Script)) for p in (*w.sub, *w.sup)):
            return None
        if scripts and self.size_key(w.base, w.sub, w.sup) in self.table.sizes:
            name = self.size_key(w.base, w.sub, w.sup) if not w.sup else None
            return self.table.sizes[name] if name else None
        name = self.size_key(w.base, w.sub)
        return self.table.sizes.get(name)

    def slotted(self, entry: Entry, node: Node, sub: tuple[Node, ...], sup: tuple[Node, ...],
                ) -> tuple[Term, tuple[Node, ...], tuple[Node, ...]]:
        """An entry's value, its own index slots filled from the scripts; without scripts, the whole of it."""
        term = entry.term or Term(entry.var, (), entry.row)
        if not entry.slots:
            return term, sub, sup
        below, above = [p for part in sub for p in letters_of(part)], list(sup)
        filled = []
        for slot in entry.slots:
            source = below if slot == "sub" else above
            if not source:
                if filled or term.rank > 2:
                    raise self.fail(node, f"{self.text(node)} is written with an index where it is defined")
                return term, tuple(below), tuple(above)
            filled.append(source.pop(0))
        for part in filled:
            term = self.at_index(replace(term, row=False), 0, part, node)
        return replace(term, row=entry.row), tuple(below), tuple(above)

    # --- what is left over ----------------------------------------------------------------------------------------

    def scripted(self, term: Term, sub: tuple[Node, ...], sup: tuple[Node, ...], primes: int, node: Node) -> Term:
        """A value with indices, powers and transposes applied."""
        examples = [p for p in sup if is_bracketed(p) and self.is_position(unwrapped(p))]
        sup = tuple(p for p in sup if p not in examples)
        for part in examples:
            term = self.example(term, unwrapped(part), node)
        if sub:
            term = self.entry(term, sub, node)
        for part in sup:
            term = self.superscript(term, part, node)
        if primes:
            if primes > 1:
                raise self.fail(node, f"{self.text(node)}: two primes on what is no function")
            self.take(f"the prime in {self.text(node)} is a transpose")
            term = self.transposed(term, node)
        return term

    def is_position(self, node: Node) -> bool:
        return isinstance(node, Sym) and node.name in self.indices or isinstance(node, Num)

    def transposed(self, term: Term, node: Node) -> Term:
        try:
            return turned(term)
        except UnsupportedError as error:
            raise self.fail(node, error.message, None, UnsupportedError) from None

    def superscript(self, term: Term, part: Node, node: Node) -> Term:
        if self.is_transposed(part):
            return self.transposed(term, node)
        if isinstance(part, Sym) and part.name in ("T", "t") and part.kind == "letter" and term.rank and part.name not in self.indices:
            self.take(f"the {part.name} in {self.text(node)} is a transpose, not the size {part.name}")
            return self.transposed(term, node)
        if isinstance(part, Sym) and part.name in ("+", "dagger") and term.rank == 2:
            if term.axes:
                raise self.fail(node, "the pseudo-inverse of a matrix with indices", None, UnsupportedError)
            self.take(f"{self.text(node)} is the pseudo-inverse")
            return Term(pseudo_inverse(term.node))
        if isinstance(part, Sym) and part.name in ("*", "star", "ast", "prime", "dagger"):
            raise self.fail(node, f"{self.text(node)} is not declared")
        if isinstance(part, Un) and part.op in POWERS:
            return self.power(term, part.x, node, entrywise=True)
        if isinstance(part, Un) and part.op == "-" and self.is_transposed(part.x):
            return turned(self.inverse(term, node))
        return self.power(term, part, node)

    def power(self, term: Term, part: Node, node: Node, entrywise: bool = False) -> Term:
        if isinstance(part, Sym) and part.kind in ("run", "name") and self.size_of(taken_apart(part)) is None:
            raise self.undeclared(node, (self.text(node), "", "", 0))
        exponent = number(n) if self.layers and (n := whole(part, self.layers)) is not None else self.value(part)
        if exponent.rank:
            raise self.fail(node, f"{self.text(part)} is no power")
        if not exponent.is_number:
            spread = exponent if not term.rank else multiply(exponent, Term(Ones(term.tail), (), term.row))
            return apply(function("power"), term, spread)
        value = exponent.node.value
        if abs(value) > 1000 if value.is_number else False:
            raise self.fail(node, "an exponent beyond 1000")
        if self.is_square(term) and not entrywise and isinstance(node, Script) and not value.is_Integer:
            return self.root(term, value, node)
        if term.rank == 2 and not entrywise and isinstance(node, Script):
            if value == -1 or value == 0 and self.is_square(term):
                return self.inverse(term, node) if value else Term(Delta(term.tail[0]))
            if value.is_Integer and abs(value) > 1 and self.is_square(term) and not isinstance(node.base, Group):
                self.take(f"{self.text(node)} is a power of a matrix, not of its entries")
                found = factor = term if value > 0 else self.inverse(term, node)
                for _ in range(abs(int(value)) - 1):
                    found = multiply(found, factor)
                return found
            if value.is_Integer and value > 1:
                self.take(f"{self.text(node)} raises every entry")
        if term.is_number and term.node.value == 0 and value.is_negative:
            raise self.fail(node, "division by zero")
        return self.real(raised(term, value), node)

    def root(self, term: Term, value: sp.Expr, node: Node) -> Term:
        """`D^{-1/2}` of a diagonal matrix; a root of any other matrix is not known."""
        written = {e.name: e.expr for e in self.equations}
        whole = written.get(getattr(term.node, "name", ""), term.node)
        vector = diagonal_of(whole)
        if vector is None or term.axes:
            raise self.fail(node, f"{self.text(node)}: a root of a matrix", r"of \operatorname{diag}(d) it is read; for the roots of the "
                            r"entries write \odot in the power", UnsupportedError)
        root = raised(Term(vector), value).node
        return Term(contract((root, Delta(root.shape[0])), ((0,), (0, 1)), (0, 1)))

    def real(self, term: Term, node: Node) -> Term:
        """The value, unless it is a number that is none: a root of -1, the logarithm of 0."""
        if term.is_number and (term.node.value.is_real is False or term.node.value.is_finite is False):
            raise self.fail(node, f"{self.text(node)} is no real number")
        return term

    def is_square(self, term: Term) -> bool:
        return term.rank == 2 and term.tail[0] == term.tail[1]

    def inverse(self, term: Term, node: Node) -> Term:
        if term.rank == 0:
            return raised(term, sp.Integer(-1))
        if term.rank != 2 or not same(*term.tail):
            raise self.fail(node, f"the inverse of {self.text(node)}, which is {term.show()}", None, ShapeError)
        if term.axes:
            raise self.fail(node, "the inverse of a matrix with indices", None, UnsupportedError)
        return Term(tensor_op("inv", term.node))

    def example(self, term: Term, part: Node, node: Node) -> Term:
        """`x^{(i)}` of a data matrix: its row i, or column i where only the columns can be counted by i."""
        if term.rank == 0:
            raise self.fail(node, f"{self.text(node)}: {term.show()} has no entries")
        at = 0
        size = self.indices.get(part.name) if isinstance(part, Sym) else None
        if term.rank == 2:
            at = 1 if size is not None and term.tail[0] != size and term.tail[1] == size else 0
            self.take(f"{self.text(node)} is {'column' if at else 'row'} {self.text(part)}")
        return replace(self.at_index(term, at, part, node), row=False)

    def entry(self, term: Term, sub: tuple[Node, ...], node: Node) -> Term:
        """`w_{jk}`, `X_{i,:}`, `x_i`, `v_{1,2}`."""
        parts = [p for part in sub for p in letters_of(part)]
        if term.rank == 0:
            raise self.fail(node, f"{self.text(node)}: {self.text(node.base) if isinstance(node, Script) else 'a scalar'} "
                                  f"is a scalar and has no entries", None, ShapeError)
        if len(parts) == 2 and term.rank == 1 and isinstance(parts[0], Num):
            parts = [Juxt(tuple(parts), (parts[0].span[0], parts[1].span[1]))]
        if len(parts) == 1 and term.rank == 2 and isinstance(parts[0], Num) and len(parts[0].text) == 2:
            parts = [Num(digit, (), parts[0].span) for digit in parts[0].text]
        if len(parts) == 1 and term.rank == 2:
            self.take(f"{self.text(node)} is row {self.text(parts[0])}, as a column")
            return replace(self.at_index(term, 0, parts[0], node), row=False)
        if len(parts) != term.rank and not (term.rank > 2 and len(parts) < term.rank):
            raise self.fail(node, f"{self.text(node)}: {len(parts)} indices for a tensor that is {term.show()}", None, ShapeError)
        lies = term.rank == 2 and isinstance(parts[1], Sym) and parts[1].name == ":"
        term, kept = replace(term, row=False), 0
        for part in parts:
            if isinstance(part, Sym) and part.kind == "mark" and part.name in (":", "cdot"):
                kept += 1
                continue
            term = self.at_index(term, kept, part, node)
        return replace(term, row=lies and term.rank == 1)

    def at_index(self, term: Term, at: int, part: Node, node: Node) -> Term:
        """One own axis read at an index or at a number."""
        part = unwrapped(part)
        value = whole(part, self.layers)
        if value is not None:
            return self.at_number(term, at, value, node)
        if isinstance(part, Sym) and part.name in self.indices:
            size = self.indices[part.name]
            if size is not None and not same(size, term.tail[at]):
                if part.name in self.limited and never_negative(term.tail[at] - size):
                    return self.at_affine(term, at, part, node)
                raise self.fail(node, f"the index {part.name} runs to {size}, and {self.text(node)} has {term.tail[at]} entries",
                                None, ShapeError)
            try:
                return indexed(term, at, part.name)
            except ShapeError as error:
                raise self.fail(node, f"{self.text(node)}: {error.message}", None, ShapeError) from None
        if (hot := self.one_hot(part)) is not None:
            return self.at_class(term, at, hot)
        if isinstance(part, (Sum, Prod, Juxt)):
            found = self.at_affine(term, at, part, node)
            if found is not None:
                return found
            raise self.fail(part, f"the index {self.text(part)}", "an index is bound by a sum or stands on the left side", UnsupportedError)
        raise self.fail(part, f"{self.text(part)} is no index here", "an index is bound by a sum or stands on the left side",
                        FreeIndex if is_index(part) else ParseError)

    def at_number(self, term: Term, at: int, value: int, node: Node) -> Term:
        size = term.tail[at]
        if not size.is_Integer and value >= 1 and (value == 1 or not isinstance(size, Unknown)):
            if value > 1:
                self.take(f"{size} is at least {value}")
            return self.at_place(term, at, value)
        if not size.is_Integer:
            raise self.fail(node, f"entry {value} of a tensor of {size} entries: its size must be a number", None, UnsupportedError)
        if value == 0:
            raise self.fail(node, f"{self.text(node)}: entries are counted from 1", None, UnsupportedError)
        if not 1 <= value <= size:
            raise self.fail(node, f"{self.text(node)}: there are entries 1 to {size}", None, ShapeError)
        unit = Apply("unit", (), (value, int(size)), (size,))
        own = tuple(range(term.rank))
        k = len(term.axes)
        full = tuple(range(1000, 1000 + k)) + own
        out = tuple(i for i in full if i != at)
        return Term(contract((term.node, unit), (full, (at,)), out), term.axes)

    # --- symbols that no line declares -----------------------------------------------------------------------------

    def other_symbol(self, w: Written) -> tuple[Term, tuple[Node, ...], tuple[Node, ...], int]:
        """Constants, Kronecker deltas, cotangents by their usual names, entries by a small letter."""
        if w.base == "pi" and w.symbol.kind == "command" and not w.sub:
            return number(sp.pi), (), w.sup, w.primes
        if w.base == "e" and not w.sub and not w.primes:
            return number(sp.E), (), w.sup, 0
        if w.base == "delta" and len(w.sub) >= 1 and not w.sup and not w.primes:
            pair = [p for part in w.sub for p in letters_of(part)]
            if len(pair) == 2 and (found := self.meeting(*(unwrapped(p) for p in pair), w.node)) is not None:
                return found, (), (), 0
        if w.base == "I" and not w.primes:
            pair = [p for part in w.sub for p in letters_of(part)]
            if len(pair) == 2 and all(getattr(unwrapped(p), "name", None) in self.indices for p in pair):
                return self.kronecker(pair, w.node), (), (), 0
            labels = [p for p in w.sup if not self.is_transposed(p)]
            if not labels:
                dim = self.size(w.sub[0]) if w.sub else self.open_size("I", w.node)
                return Term(Delta(dim)), (), w.sup, 0
        if (found := self.cotangent(w) or self.diagonal(w) or self.last_layer(w)) is not None:
            return found
        if (found := self.by_capital(w) or self.by_entries(w)) is not None:
            return found
        if self.infer and (found := self.inferred_symbol(w)) is not None:
            return found
        raise self.undeclared(w.node, (w.base, self.labels(w.sub), self.labels(w.sup), w.primes))

    def diagonal(self, w: Written) -> tuple[Term, tuple[Node, ...], tuple[Node, ...], int] | None:
        """`D_x` is the diagonal matrix of a vector x."""
        if w.base != "D" or len(w.sub) != 1 or w.primes:
            return None
        inner = taken_apart(w.sub[0])
        found = self.find(inner) if inner is not None else None
        if found is None or found[0].rank != 1 or found[0].axes:
            return None
        self.take(f"{self.text(w.node)} is diag({self.text(w.sub[0])})")
        vector = found[0].node
        return Term(contract((vector, Delta(vector.shape[0])), ((0,), (0, 1)), (0, 1))), (), w.sup, 0

    def last_layer(self, w: Written) -> tuple[Term, tuple[Node, ...], tuple[Node, ...], int] | None:
        """A name without its layer's number, where only numbered ones exist: the last of them."""
        numbers = sorted(int(k[2]) for k in self.table.tensors if k[0] == w.base and k[1] == "" and k[2].isdigit())
        if self.defining or not numbers or "L" not in self.layers or numbers[-1] != self.layers["L"] or w.primes or \
                any(not self.is_transposed(p) for p in w.sup):
            return None
        self.take(f"{self.text(w.node)} is that of the last layer")
        entry = self.table.tensors[w.base, "", str(numbers[-1]), 0]
        return *self.slotted(entry, w.node, w.sub, w.sup), 0

    def by_capital(self, w: Written) -> tuple[Term, tuple[Node, ...], tuple[Node, ...], int] | None:
        """`c_{ij}` is an entry of the matrix C where there is no c; `x_i`, `x^{(i)}` an example of the data X."""
        if not w.base[0].islower() or w.primes or w.symbol.kind not in ("letter", "command"):
            return None
        big = w.base[0].upper() + w.base[1:]
        labels = [p for part in w.sub for p in letters_of(part)] + [unwrapped(p) for p in w.sup if is_bracketed(p)]
        if not labels or not any(self.is_position(unwrapped(p)) or self.is_class(p) for p in labels):
            return None
        found = self.find(Written(big, w.sub, w.sup, 0, w.node, w.symbol))
        if found is None or found[0].rank < 1:
            return None
        self.take(f"{self.text(w.node)} is read from {big[0]}")
        return found

    def by_entries(self, w: Written) -> tuple[Term, tuple[Node, ...], tuple[Node, ...], int] | None:
        """E where the text defines the entries `e_{ij}` of a matrix, and no other E."""
        small = self.table.tensors.get((w.base.lower(), "", "", 0))
        if len(w.base) > 1 or not w.base.isupper() or w.primes or small is None or small.var.rank != 2 or small.name in self.inputs:
            return None
        self.take(f"{w.base} is the matrix of the entries {w.base.lower()}")
        return Term(small.var), w.sub, w.sup, 0

    def cotangent(self, w: Written) -> tuple[Term, tuple[Node, ...], tuple[Node, ...], int] | None:
        return None

    def inferred_symbol(self, w: Written) -> tuple[Term, tuple[Node, ...], tuple[Node, ...], int] | None:
        return None

    def value(self, node: Node) -> Term:
        raise AssertionError("the layer above defines it")
