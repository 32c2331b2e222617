"""Indicators and cases: entry by entry where values are compared, by Kronecker deltas where indices are."""

from __future__ import annotations

from ..algebra import add as add_nodes
from ..errors import ShapeError, UnsupportedError
from ..expr import function
from .classes import Classes, complement, masked
from .syntax import Cases, Node, Rel
from .tensors import Term, aligned, apply, is_same_form, like, multiply, spread_number

RELATIONS = {">": "gt", "<": "lt", ">=": "ge", "<=": "le", "=": "eq", "!=": "ne", "==": "eq"}


class Conditions(Classes):
    def indicator(self, rel: Node, node: Node) -> Term:
        """`1[z > 0]`, `1[i = j]`: 1 where the relation holds, entry by entry."""
        if not isinstance(rel, Rel) or len(rel.ops) != 1 or rel.ops[0] not in RELATIONS:
            raise self.fail(node, f"{self.text(node)} is no condition that is read", None, UnsupportedError)
        if (test := self.index_test(rel)) is not None:
            return test
        a, b = (self.value(x) for x in rel.items)
        if rel.ops[0] == ">" and b.is_number and b.node.value == 0:
            return apply(function("step"), a)
        try:
            return apply(function(RELATIONS[rel.ops[0]]), *spread_number(a, b))
        except ShapeError:
            raise self.misfit(rel, rel.items[0], a, rel.items[1], b) from None

    def read_cases(self, node: Cases) -> Term:
        """`\\begin{cases}`: nested choices, from the last row up."""
        *rows, (last, condition) = node.rows
        found = self.value(last)
        if condition is not None and rows and not self.is_rest(condition, rows):
            self.take("the last case holds wherever the others do not")
        for value, condition in reversed(rows):
            if condition is None:
                raise self.fail(node, "a case without a condition")
            index, chosen = self.index_test(condition), self.value(value)
            test = self.indicator(condition, node) if index is None else index
            if index is not None or not test.rank and chosen.rank and is_same_form(chosen, found):
                axes, nodes = aligned((multiply(test, chosen), multiply(complement(test), found)))
                found = Term(add_nodes(nodes), axes, chosen.row)
                continue
            found = apply(function("where"), test, *(like(t, test) if t.is_number and test.rank else t for t in (chosen, found)))
        return found

    def is_rest(self, condition: Node, rows: list[tuple[Node, Node]]) -> bool:
        """Whether a last `i \\ne j` is what one `i = j` above it leaves."""
        other = rows[0][1]
        pair = {"=": "!=", "!=": "="}
        return len(rows) == 1 and isinstance(condition, Rel) and isinstance(other, Rel) and len(condition.ops) == 1 \
            and pair.get(condition.ops[0]) == other.ops[0] and set(condition.items) == set(other.items)

    when: tuple[Rel, ...] = ()

    def mask(self, a: Term) -> Term | None:
        """1 for the entries that a claim is about, `for i \\ne j`; None for one about all of them."""
        mask = None
        with self.bound({name: dim for name, dim in a.dims().items()}):
            for rel in self.when:
                if (test := self.index_test(rel)) is None:
                    raise self.fail(rel, f"the condition {self.text(rel)}", None, UnsupportedError)
                mask = masked(mask, test)
        return mask
