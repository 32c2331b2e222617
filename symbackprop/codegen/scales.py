"""Numbers moved from products to a factor that several of them share: k·(a @ b) and k·(b @ c) become products with one k·b.

A derivation leaves the 1/B of a loss in front of every gradient. It is cheaper where the cotangent is, unless the products
are smaller than that; sizes that are not known are guessed for the choice, so it is one of speed alone.
"""

from __future__ import annotations

from dataclasses import replace

from .arrays import Graph, Value, entries
from .compiled import Line, Lowered

VIEWED = ("transpose", "reshape")
PRODUCTS = ("dot", "matmul")
Place = tuple[Value, Value]  # a number, and what it is to multiply


def shared_scales(lowered: Lowered) -> Lowered:
    """The instructions with every number where it multiplies the fewest entries."""
    chosen = choices(lowered)
    return Moved(chosen).lowered(lowered) if chosen else lowered


def choices(lowered: Lowered) -> dict[Value, Value]:
    """Scaled product -> the factor that takes its number."""
    order, found = lowered.order, {}
    reads: dict[Value, int] = {}
    for value in order:
        for arg in value.args:
            reads[arg] = reads.get(arg, 0) + 1
    for value in order:
        if is_scaled(value) and value.args[1].op in PRODUCTS and reads[value.args[1]] == 1:
            for factor in dict.fromkeys(map(behind, value.args[1].args)):
                found.setdefault((value.args[0], factor), []).append(value)
    direct = {value.args for value in order if is_scaled(value)}
    made: dict[Value, Value] = {}
    for place, products in sorted(found.items(), key=lambda item: -gain(item[0], item[1], direct)):
        left = [v for v in products if v not in made]
        if gain(place, left, direct) > 0:
            made.update(dict.fromkeys(left, place[1]))
    return made


def gain(place: Place, products: list[Value], direct: set[tuple]) -> int:
    """How many multiplications it saves to scale a factor instead of the products with it."""
    return sum(entries(v.shape) for v in products) - (0 if place in direct else entries(place[1].shape))


def is_scaled(value: Value) -> bool:
    return value.op == "multiply" and value.args[0].is_const


def behind(value: Value) -> Value:
    """What a transpose or a reshape looks at."""
    return behind(value.args[0]) if value.op in VIEWED else value


class Moved:
    """Writes instructions anew. `chosen` says which factor of a scaled product takes its number."""

    def __init__(self, chosen: dict[Value, Value]) -> None:
        self.chosen, self.graph = chosen, Graph()
        self.made: dict[Value, Value] = {}

    def lowered(self, old: Lowered) -> Lowered:
        ends = []
        for value in old.values:
            self.made[value] = self.instruction(value)
            ends.append(len(self.graph.values))

        def lines(group: list[Line]) -> list[Line]:
            return [line._replace(value=self.made[line.value], end=ends[line.end - 1] if line.end else 0) for line in group]
        return replace(old, leaves={n: self.made[v] for n, v in old.leaves.items()}, values=self.graph.values,
                       forward=lines(old.forward), backward=lines(old.backward), loss=self.made[old.loss],
                       results={n: self.made[v] for n, v in old.results.items()})

    def instruction(self, value: Value) -> Value:
        if value not in self.chosen:
            return self.graph.make(value.op, tuple(self.made[a] for a in value.args), value.shape, value.params)
        number, product = value.args
        factor = self.chosen[value]
        first = next(k for k, arg in enumerate(product.args) if behind(arg) is factor)
        args = [self.scaled(arg, self.made[number]) if k == first else self.made[arg] for k, arg in enumerate(product.args)]
        return self.graph.make(product.op, tuple(args), product.shape, product.params)

    def scaled(self, value: Value, number: Value) -> Value:
        """A number times a value, under the views of it."""
        if value.op not in VIEWED:
            return self.graph.entrywise("multiply", number, self.made[value])
        inner = self.scaled(value.args[0], number)
        return self.graph.make(value.op, (inner,), value.shape, value.params)
