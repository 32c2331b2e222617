"""Facts -> `Fact`s: ones in sums, 0/1 entries, symmetry, signs and intervals."""

from __future__ import annotations


from ..errors import SymbackpropError, UnsupportedError
from ..expr import Var
from ..program import Fact
from .declarations import Declarations
from .names import letters_of, parts_of, taken_apart
from .scope import conditions
from .syntax import Big, Group, Juxt, List, Node, Num, Rel, Script, Sym


class Facts(Declarations):
    def read_fact(self, node: Rel) -> None:
        """One fact; one that is not known is noted, since nothing is lost by not using it."""
        try:
            for a, op, b in zip(node.items, node.ops, node.items[1:]):
                self.facts.append(self.one_fact(a, op, b, node))
        except SymbackpropError as error:
            self.notes[f"a fact that is not used: {self.text(node)} ({error.message})"] = None

    def one_fact(self, a: Node, op: str, b: Node, node: Rel) -> Fact:
        if op in ("=", "=="):
            return self.equality(a, b, node)
        if op == "in":
            return self.membership(a, b, node)
        if op in ("succ", "succeq"):
            return Fact("definite" if op == "succ" else "symmetric", self.input_of(a))
        if op in ("<", "<="):
            a, b, op = b, a, ">"
        if op in (">", ">="):
            if isinstance(b, Num) or isinstance(b, Sym) is False and self.is_constant(b):
                return Fact("range", self.input_of(a), low=self.value(b).node.value)
            return Fact("range", self.input_of(b), high=self.value(a).node.value)
        raise self.fail(node, "this fact is not one that is known", None, UnsupportedError)

    def is_constant(self, node: Node) -> bool:
        return self.value(node).is_number

    def input_of(self, node: Node) -> str:
        """The declared tensor that a fact speaks of."""
        w = taken_apart(node)
        found = self.find(w) if w is not None else None
        if found is None or type(found[0].node) is not Var or found[0].node.name not in self.inputs:
            raise self.fail(node, f"{self.text(node)} is no declared tensor")
        return found[0].node.name

    def membership(self, a: Node, b: Node, node: Rel) -> Fact:
        base = b.base if isinstance(b, Script) else b
        if isinstance(base, Group) and isinstance(base.body, List) and len(base.body.items) == 2:
            low, high = base.body.items
            if base.open == "{" and (getattr(low, "text", ""), getattr(high, "text", "")) == ("0", "1"):
                return Fact("binary", self.declared_by_fact(a, b))
            if base.open in ("(", "["):
                return Fact("range", self.declared_by_fact(a, b), low=self.value(low).node.value, high=self.value(high).node.value)
        raise self.fail(node, "this fact is not one that is known", None, UnsupportedError)

    def declared_by_fact(self, a: Node, space: Node) -> str:
        """`y \\in \\{0, 1\\}^k` also says the shape of y."""
        w = taken_apart(a)
        if w is not None and self.find(w) is None:
            sizes = ()
            if isinstance(space, Script) and space.sup is not None:
                sizes = space.sup.items if getattr(space.sup, "ops", None) == ("times",) else (space.sup,)
            self.add_tensor(w, tuple(self.size(s) for s in sizes), [], a)
        return self.input_of(a)

    def is_fact_equation(self, node: Rel) -> bool:
        """`\\mathbf 1^\\top y = 1`, `Y \\mathbf 1 = \\mathbf 1`, `A = A^\\top`, `\\sum_k y_k = 1` of a declared tensor."""
        if len(node.items) != 2 or node.ops[0] not in ("=", "=="):
            return False
        left, right = node.items
        if self.is_symmetry(left, right):
            return self.is_input(left)
        return self.sum_of(left) is not None and is_ones(right) and self.is_input(self.sum_of(left)[0])

    def is_input(self, node: Node) -> bool:
        """Whether a symbol is declared and no equation defines it."""
        w = taken_apart(node)
        found = self.find(w) if w is not None else None
        if found is None or type(found[0].node) is not Var or found[0].node.name not in self.inputs:
            return False
        lefts = (taken_apart(p.node.items[0]) for p in self.parts if p.kind == "equation")
        return not any(v is not None and v.base == w.base and v.sub == w.sub and not v.sup and v.node.span != node.span for v in lefts)

    def is_symmetry(self, left: Node, right: Node) -> bool:
        w, v = taken_apart(left), taken_apart(right)
        return w is not None and v is not None and w.base == v.base and not w.sup and w.sub == v.sub and \
            (len(v.sup) == 1 and self.is_transposed(v.sup[0]) or v.primes == w.primes + 1)

    def sum_of(self, node: Node) -> tuple[Node, int | None] | None:
        """(the tensor, the axis) whose sums a left side is."""
        if isinstance(node, Juxt) and len(node.items) == 2:
            first, second = node.items
            if is_ones(first.base if isinstance(first, Script) else first) and taken_apart(second) is not None:
                return second, 0
            if is_ones(second) and taken_apart(first) is not None:
                return first, 1
        if isinstance(node, Big) and node.op == "sum" and isinstance(node.body, Script) and taken_apart(node.body) is not None:
            return node.body.base, None
        return None

    def equality(self, a: Node, b: Node, node: Rel) -> Fact:
        if self.is_symmetry(a, b):
            return Fact("symmetric", self.input_of(a))
        tensor, axis = self.sum_of(a)
        name = self.input_of(tensor)
        rank = self.inputs[name].rank
        if axis is None and rank > 1:
            axis = self.summed_axis(a, rank, node)
        return Fact("sum", name, None if rank == 1 else axis)

    def summed_axis(self, node: Node, rank: int, whole: Node) -> int:
        letters = [getattr(p, "name", "") for part in parts_of(node.body.sub) for p in letters_of(part)]
        below = [getattr(c.items[0] if isinstance(c, Rel) else c, "name", "") for c in conditions(node.sub)]
        found = [k for k, name in enumerate(letters) if name in below]
        if len(found) != 1 or len(letters) != rank:
            raise self.fail(whole, "this fact is not one that is known", None, UnsupportedError)
        return found[0]


def is_ones(node: Node) -> bool:
    """`1`, `\\mathbf 1`, `\\mathbf 1^\\top`."""
    base = node.base if isinstance(node, Script) else node
    return isinstance(base, Num) and base.text == "1"
