"""Products, quotients and their operators on values, by what the shapes allow.

A `*` or `·` may be a scalar product, a matrix product, an inner product or one entry by entry; where two fit, the one
taken is recorded and the other kept for a claim that it fits better.
"""

from __future__ import annotations

from collections.abc import Callable

from ..errors import ShapeError, SymbackpropError, UnsupportedError
from .derivatives import is_d
from .juxtaposed import Juxtaposed
from .names import taken_apart
from .syntax import Group, Juxt, Node, Num, Prod
from .tensors import Term, chained, dot, hadamard, multiply, outer, turned

DOTS = frozenset(("cdot", "times", "*"))
HADAMARD = frozenset(("odot", "circ", "bullet", "ast", ".*", "star"))
DOT = "\\cdot"  # among the guessed ranks: whether a dot between columns is an entrywise product
Way = Callable[[Term, Term], Term]


class Products(Juxtaposed):
    def read_product(self, node: Prod) -> Term:
        """`a ⊙ b · c / d`, from the left. A slash divides by what stands directly after it."""
        if node.ops == ("/",) and self.inline_derivative(*node.items) == node and (found := self.fraction(node)) is not None:
            return found
        items, ops = self.slashes(node)
        if items == [node]:
            raise self.fail(node, f"{self.text(node)} is no derivative of one name by another", None, UnsupportedError)
        found, first = self.value(items[0]), items[0]
        k = 0
        while k < len(ops):
            spot = Prod((first, items[k + 1]), (ops[k],), (node.items[0].span[0], items[k + 1].span[1]))
            try:
                found = self.operated(ops[k], found, items[k + 1], spot)
            except ShapeError:
                end = next((j for j in range(k + 1, len(ops)) if ops[j] not in DOTS), len(ops))
                if ops[k] not in HADAMARD or end == k + 1:
                    raise
                inner = Prod(tuple(items[k + 1:end + 1]), tuple(ops[k + 1:end]), (items[k + 1].span[0], items[end].span[1]))
                spot = Prod((first, inner), (ops[k],), (node.items[0].span[0], items[end].span[1]))
                found = self.checked(hadamard, found, self.value(inner), spot)
                self.take(f"{self.text(spot)}: {self.text(inner)} comes first")
                k = end - 1
            first, k = spot, k + 1
        return found

    def operated(self, op: str, found: Term, item: Node, spot: Prod) -> Term:
        """What was read so far with the next item; `\\delta \\circ f'(z) x^T` is `(\\delta \\circ f'(z)) x^T` where only
        that has a shape."""
        try:
            return self.operate(op, found, self.value(item), spot, item)
        except ShapeError as error:
            if op not in HADAMARD or not isinstance(item, Juxt):
                raise
            terms = [term for term, _ in self.factors(item.items)]
            lead = next((k for k, term in enumerate(terms) if term.rank), len(terms))  # a number is no factor of a ⊙
            if lead == len(terms):
                raise
            try:
                made = hadamard(found, terms[lead])
                for term in (*terms[:lead], *terms[lead + 1:]):
                    made = multiply(made, term)
            except ShapeError:
                raise error from None
        self.take(f"{self.text(spot)}: the product entry by entry comes first")
        return made

    def slashes(self, node: Prod) -> tuple[list[Node], list[str]]:
        """`1/m X^T e` divides by m alone: the scalars that begin what follows a slash."""
        items, ops = [node.items[0]], []
        for k, (op, item) in enumerate(zip(node.ops, node.items[1:])):
            if op == "/" and (inline := self.inline_derivative(items[-1], item)) is not None:
                items[-1] = inline
                continue
            if op == "/" and isinstance(item, Juxt):
                count = next((n for n, x in enumerate(item.items) if not self.is_plain_scalar(x)), len(item.items))
                if 0 < count < len(item.items):
                    head, rest = (part(item.items[a:b]) for a, b in ((0, count), (count, None)))
                    self.take(f"{self.text(node)}: the slash divides by {self.text(head)} alone")
                    items += [head, rest]
                    ops += ["/", "cdot"]
                    continue
            items.append(item)
            ops.append(op)
        return items, ops

    def inline_derivative(self, left: Node, right: Node) -> Node | None:
        """`W^T \\partial C/\\partial z x^T` with its derivative as one factor; None where the slash is a division."""
        before = list(left.items) if isinstance(left, Juxt) else [left]
        after = list(right.items) if isinstance(right, Juxt) else [right]
        start = next((k for k in reversed(range(len(before) - 1)) if is_d(before[k])), None)
        if start is None and self.after_d(before[-1]) is not None:
            start = len(before) - 1
        end = 2 if len(after) > 1 and is_d(after[0]) else 1 if self.after_d(after[0]) is not None else None
        if start is None or end is None:
            return None
        if end == 2 and len(after) > 2 and self.is_callee(after[1]) and isinstance(after[2], Group):
            end = 3
        above, below = part(before[start:]), part(after[:end])
        ratio = Prod((above, below), ("/",), (above.span[0], below.span[1]))
        return part((*before[:start], ratio, *after[end:]))

    def is_plain_scalar(self, node: Node) -> bool:
        if isinstance(node, Num):
            return not node.marks
        w = taken_apart(node)
        if w is None or self.function_of(node) is not None:
            return False
        try:
            return self.value(node).rank == 0
        except SymbackpropError:
            return False

    def operate(self, op: str, a: Term, b: Term, node: Prod, right: Node) -> Term:
        if op in HADAMARD:
            return self.checked(hadamard, a, b, node)
        if op in ("/", "./", "oslash"):
            return self.divided(a, b, node, right)
        if op == "otimes":
            return self.tensor_product(a, b, node)
        if op == "@":
            return self.checked(multiply, a, b, node)
        if op in ("cdot", "*", "times"):
            return self.dotted(op, a, b, node)
        raise self.fail(node, f"the operator in {self.text(node)}", None, UnsupportedError)

    def dotted(self, op: str, a: Term, b: Term, node: Prod) -> Term:
        """`*` and `·`: scalar, matrix product, inner product or entry by entry, by the shapes."""
        found = chained(a, b)
        if found is not None:
            self.take(f"{self.text(node)} is summed over the intermediate")
            return found
        ways = [("the matrix product", multiply)]
        if a.kind == b.kind == "c":
            ways = [("the inner product", dot), ("entry by entry", hadamard)]
            self.open_dots = True
        elif a.rank and b.rank:
            ways.append(("entry by entry", hadamard))
        if (op == "*" or self.ranks.get(DOT)) and a.kind == b.kind == "c":
            ways.reverse()
        fitting = []
        for name, way in ways:
            try:
                fitting.append((name, way(a, b)))
            except ShapeError:
                continue
        if not fitting:
            raise self.unfit(a, b, node)
        pick = self.choose(node, len(fitting)) % len(fitting) if len(fitting) > 1 else 0
        if len(fitting) > 1:
            self.take(f"{self.text(node)} is {fitting[pick][0]}")
        return fitting[pick][1]

    def tensor_product(self, a: Term, b: Term, node: Prod) -> Term:
        if a.rank == 0 or b.rank == 0:
            return multiply(a, b)
        if a.axes or b.axes or a.rank > 2 or b.rank > 2 or a.rank != b.rank:
            raise self.fail(node, f"{self.text(node)}: {a.show()} \u2297 {b.show()}", None, UnsupportedError)
        if a.rank == 2 or a.kind == b.kind == "c" and self.choose(node, 2):
            self.take(f"{self.text(node)} is the Kronecker product")
            return self.kron(a, b)
        self.take(f"{self.text(node)} is the outer product")
        return outer(a, b)

    def checked(self, way: Way, a: Term, b: Term, node: Node) -> Term:
        try:
            return way(a, b)
        except ShapeError:
            written = self.as_claimed(way, a, b)
            if written is not None:
                return written
            raise self.unfit(a, b, node) from None

    def as_claimed(self, way: Way, a: Term, b: Term) -> Term | None:
        """The product with what earlier lines say a derivative is, where its true shape fits nothing."""
        for x, y in ((a, self.written(b)), (self.written(a), b), (self.written(a), self.written(b))):
            if x is not None and y is not None:
                try:
                    found = way(x, y)
                except ShapeError:
                    continue
                self.take("a derivative is read as the line above it that says what it is")
                return found
        return None

    def written(self, term: Term) -> Term | None:
        return self.claimed.get(f"∂{term.ratio[0]}/∂{term.ratio[1]}") if term.ratio else None

    def unfit(self, a: Term, b: Term, node: Node) -> SymbackpropError:
        items = node.items if isinstance(node, (Prod, Juxt)) else (node, node)
        first, last = self.text(items[0]), self.text(items[-1])
        return self.fail(node, f"{self.text(node)}: {first} is {a.show()} and {last} is {b.show()}", self.fitting(a, b, first, last),
                         ShapeError)

    def fitting(self, a: Term, b: Term, first: str, last: str) -> str | None:
        """A nearby product that fits."""
        if a.rank > 2 or b.rank > 2:
            return None
        tries = [(a, turned(b), f"{first} ({last})^T"), (turned(a), b, f"({first})^T {last}"), (b, a, f"{last} {first}")]
        if a.rank == b.rank == 1 and a.row == b.row and a.tail == b.tail:
            return rf"did you mean {first} \odot {last}?"
        for x, y, said in tries:
            try:
                multiply(x, y)
            except ShapeError:
                continue
            return f"did you mean {said}?"
        return None


def part(items: tuple[Node, ...]) -> Node:
    return items[0] if len(items) == 1 else Juxt(tuple(items), (items[0].span[0], items[-1].span[1]))
