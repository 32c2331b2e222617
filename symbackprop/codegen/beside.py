"""Instructions written anew with the packs and sums that `packs` chose as one instruction each.

A member of a pack is a slice of its wide value. What is put side by side is a `concat`, whose arguments the workspace
computes into their places where it can.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import replace

from .arrays import Graph, Value, cut, size_sum
from .compiled import Line, Lowered
from .packs import Pack, Packs, Products

Node = Value | Pack | Products


class Circle(Exception):
    """A pack that rests on itself by way of another."""

    def __init__(self, node: Node) -> None:
        self.node = node


def side_by_side(lowered: Lowered) -> Lowered:
    """The instructions with products of one array, and sums of products, as one product where that pays."""
    packs = Packs(lowered.order, [lowered.loss, *lowered.results.values()])
    while packs.slot or packs.sums:
        try:
            return Beside(lowered, packs).lowered()
        except Circle as found:
            packs.slot = {v: place for v, place in packs.slot.items() if place[0] is not found.node}
            packs.sums = {v: group for v, group in packs.sums.items() if group is not found.node}
    return lowered


class Beside:
    """Writes the instructions of `old` in an order in which each comes after what it rests on."""

    def __init__(self, old: Lowered, packs: Packs) -> None:
        self.old, self.packs, self.graph = old, packs, Graph()
        self.wide: dict[Node, Value] = {}
        self.made: dict[Value, Value] = {}
        self.done: set[Node] = set()

    def lowered(self) -> Lowered:
        old = self.old
        leaves = {name: self.leaf(value) for name, value in old.leaves.items()}
        needed, lines = set(self.packs.order), [*old.forward, *old.backward]
        written = []
        for line in lines:
            if line.value in needed:
                self.write(line.value)
            written.append(line._replace(end=len(self.graph.values)))
        for value in (old.loss, *old.results.values()):
            self.write(value)
        written = [line._replace(value=self.made.get(line.value, line.value)) for line in self.told(written)]
        cut = len(old.forward)
        return replace(old, leaves=leaves, values=self.graph.values, forward=written[:cut], backward=written[cut:],
                       loss=self.made[old.loss], results={n: self.made[v] for n, v in old.results.items()})

    def leaf(self, value: Value) -> Value:
        self.made[value] = self.graph.make(value.op, (), value.shape, value.params)
        return self.made[value]

    def told(self, lines: list[Line]) -> list[Line]:
        """The lines, with what is computed beside another line's value said there."""
        first: dict[Node, int] = {}
        texts: dict[int, list[str]] = {}
        for at, line in enumerate(lines):
            node = self.node(line.value)
            where = first.setdefault(node, at) if isinstance(node, Pack) else at
            texts.setdefault(where, []).append(line.text)
        return [line._replace(text="\n".join(texts.get(at, ()))) for at, line in enumerate(lines)]

    # the order

    def node(self, value: Value) -> Node:
        return self.packs.slot[value][0] if value in self.packs.slot else value

    def below(self, node: Node) -> list[Node]:
        """What has to be written before a node."""
        if isinstance(node, Pack):
            return [self.node(arg) for member in node.members for arg in member.args]
        if isinstance(node, Products):
            return [self.node(v) for row in (node.lefts, *node.rights) for v in row]
        if node in self.packs.sums:
            group = self.packs.sums[node]
            return [group, *map(self.node, group.rest[group.roots.index(node)])]
        return [self.node(arg) for arg in node.args]

    def write(self, value: Value) -> None:
        """Write what a value rests on, and the value. Raises `Circle`."""
        path: set[Node] = set()
        waiting: list[tuple[Node, Iterator[Node]]] = []

        def enter(node: Node) -> None:
            if node in path:
                raise Circle(next((n for n in (node, *reversed([n for n, _ in waiting])) if not isinstance(n, Value)), node))
            if node not in self.done:
                path.add(node)
                waiting.append((node, iter(self.below(node))))
        enter(self.node(value))
        while waiting:
            node, rest = waiting[-1]
            if (child := next(rest, None)) is not None:
                enter(child)
                continue
            waiting.pop()
            path.discard(node)
            self.done.add(node)
            self.finish(node)

    def finish(self, node: Node) -> None:
        if isinstance(node, Pack):
            self.wide[node] = wide = self.packed(node)
            start = []
            for member in node.members:
                self.made[member] = self.part(wide, start, member.shape[-1:])
                start += member.shape[-1:]
        elif isinstance(node, Products):
            self.product(node)
        elif node in self.packs.sums:
            group = self.packs.sums[node]
            total = self.made[node]  # the product
            for term in group.rest[group.roots.index(node)]:
                total = self.graph.make("add", (total, self.made[term]), node.shape)
            self.made[node] = total
        elif node not in self.made:
            self.made[node] = self.graph.make(node.op, tuple(self.made[a] for a in node.args), node.shape, node.params)

    # what is wide

    def packed(self, pack: Pack) -> Value:
        """The value of which the members of a pack are parts."""
        if pack in self.packs.stacked:
            return self.rows(pack)
        first = pack.members[0]
        columns = [[m.args[k] for m in pack.members] for k in range(len(first.args))]
        if first.op == "dot":
            return self.dot(self.made[columns[0][0]], self.beside(columns[1]))
        shape = (*first.shape[:-1], size_sum([m.shape[-1] for m in pack.members]))
        return self.graph.make(first.op, tuple(map(self.beside, columns)), shape, first.params)

    def rows(self, pack: Pack) -> Value:
        """Products of arguments with the same matrices: rows of the product of all the arguments."""
        packs = self.packs.stacked[pack]
        lefts = [p.members[0].args[0] for p in packs]
        whole = self.dot(self.concat([self.made[v] for v in lefts], 0), self.beside([m.args[1] for m in pack.members]))
        count, at = lefts[0].shape[0], packs.index(pack)
        return self.graph.make("slice", (whole,), (count, whole.shape[1]), (f"{cut([count] * at, [count])}, :",))

    def product(self, group: Products) -> None:
        """The products of a group, with all that is to be summed over stacked up."""
        right = self.concat([self.beside(list(row)) for row in zip(*group.rights)], 0)
        wide = self.dot(self.beside(group.lefts), right)
        start: list[str] = []
        for root in group.roots:
            self.made[root] = self.part(wide, start, root.shape[-1:])
            start += root.shape[-1:]

    def dot(self, a: Value, b: Value) -> Value:
        return self.graph.make("dot", (a, b), (*a.shape[:-1], b.shape[1]))

    def beside(self, column: list[Value]) -> Value:
        """Values along the last axis; what lies side by side already is taken from there."""
        if len(set(column)) == 1 and len(column) > 1 and column[0].shape[-1:] in ((), ("1",)):
            return self.made[column[0]]
        pieces: list[Value] = []
        at = 0
        while at < len(column):
            pack, first = self.packs.slot.get(column[at], (None, 0))
            count = 1
            while pack and at + count < len(column) and self.packs.slot.get(column[at + count]) == (pack, first + count):
                count += 1
            pieces.append(self.made[column[at]] if count == 1 else self.stretch(pack, first, count))
            at += count
        return self.concat(pieces, len(column[0].shape) - 1)

    def stretch(self, pack: Pack, first: int, count: int) -> Value:
        widths = [m.shape[-1] for m in pack.members]
        return self.part(self.wide[pack], widths[:first], widths[first:first + count])

    def part(self, wide: Value, before: Iterable[str], own: Iterable[str]) -> Value:
        """Some columns of a wide value."""
        before, own = list(before), list(own)
        if size_sum(own) == wide.shape[-1]:
            return wide
        ahead = ":, " * (len(wide.shape) - 1)
        return self.graph.make("slice", (wide,), (*wide.shape[:-1], size_sum(own)), (f"{ahead}{cut(before, own)}",))

    def concat(self, pieces: list[Value], axis: int) -> Value:
        """Arrays along an axis: ones are ones, transposes are a transpose."""
        if len(pieces) == 1:
            return pieces[0]
        if all(v.op == "transpose" and len(v.shape) == 2 for v in pieces):
            return self.graph.transpose(self.concat([v.args[0] for v in pieces], 1 - axis), (1, 0))
        shape = tuple(size_sum([v.shape[k] for v in pieces]) if k == axis else d for k, d in enumerate(pieces[0].shape))
        if all(v.op == "ones" for v in pieces):
            return self.graph.ones(*shape)
        return self.graph.make("concat", tuple(pieces), shape, (axis,))
