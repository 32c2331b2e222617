"""Functions that a document defines: `g(z) = \\tanh z` is a function, `J(\\theta) = …` a value with its argument said.

An argument that is a tensor of the document, and the only thing the name is ever applied to, makes a value.
"""

from __future__ import annotations

from dataclasses import replace

from ..expr import names_in
from .inference import Inference
from .names import Key, Macro, Written, taken_apart
from .statements import Statement, called
from .syntax import Group, Juxt, List, Node, Rel, walk


NOT_REDEFINED = ("vec", "tr", "Tr", "trace", "det", "diag", "Diag")


class OwnFunctions(Inference):
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
            if w.primes or self.function_name(head) in NOT_REDEFINED or (w.base, self.labels(w.sub), self.labels(w.sup), 0) in self.table.functions:
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
            self.go_on(part, part.node, values)

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
        is_known = self.function_name(head) is not None and (self.function_name(head) in NOT_REDEFINED
                                                             or not all(taken_apart(a) is not None for a in args))
        if k in self.taken_keys() or k in self.table.functions or is_known:
            self.claim_parts.append((part, values))
            return True
        term = self.right_side(rel.items[1], [], self.table.tensors.get(k))
        self.bind(k, [], [], term, replace_left(rel, head))
        arguments = [self.value(a) for a in args if self.is_known(a)]
        name = self.table.tensors[k].name
        found = tuple(dict.fromkeys(v for t in arguments for v in names_in(t.node)))
        self.arguments_of = {**self.arguments_of, name: found}
        self.go_on(part, rel, values)
        return True

    def go_on(self, part: Statement, rel: Rel, values: dict[str, int]) -> None:
        """What follows a definition in a chain of equalities claims."""
        if len(rel.items) > 2:
            self.claim_parts.append((replace(part, node=Rel(rel.items[1:], rel.ops[1:], rel.span)), values))


def replace_left(rel: Rel, left: Node) -> Rel:
    return Rel((left, *rel.items[1:]), rel.ops, rel.span)
