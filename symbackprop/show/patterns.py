"""The index pattern of a contraction read as matrices: which factors multiply, which meet in ⊙, what is scaled by a diagonal.

`plan` looks at labels alone and answers with templates, nested tuples whose leaves are the places of the operands; `matrix`
makes forms of them.
"""

from __future__ import annotations

from functools import lru_cache

from ..expr import Labels


class Item:
    """A factor while a product is read: its template, its remaining labels, its place among the factors."""

    __slots__ = ("template", "labels", "place")

    def __init__(self, template: tuple, labels: Labels, place: int) -> None:
        self.template, self.labels, self.place = template, labels, place

    def oriented(self, row: int) -> tuple:
        """The template of a matrix with label `row` down its rows, or of a vector."""
        return self.template if self.labels[0] == row else ("t", self.template)


@lru_cache(maxsize=1 << 12)
def plan(inputs: tuple[Labels, ...], output: Labels, kinds: str, units: frozenset[int],
         ) -> tuple[tuple[tuple, ...], tuple | None] | None:
    """How to read an index pattern: templates of its scalar factors and of the rest; None where nothing fits.

    `units` are labels of size 1: an n×1 matrix is read as the vector that it prints as.
    """
    if len(output) > 2 and all(labels == output or not labels for labels in inputs):
        full = hadamard_template([("ones" if kinds[k] == "o" else "op", k) for k, labels in enumerate(inputs) if labels])
        return tuple([("op", k) for k, labels in enumerate(inputs) if not labels]), full
    items: list[Item] = []
    for k, labels in enumerate(inputs):
        made = items_of(k, labels, kinds[k], units)
        if made is None:
            return None
        items += made
    shape = tuple(i for i in output if i not in units)
    if len(shape) > 2:
        return None
    if not sum_out(items, shape):
        return None
    scalars = tuple(turned_if_plainer(item.template) for item in items if not item.labels)
    body = body_template([item for item in items if item.labels], shape)
    if body is not None and len(output) == 2 and len(shape) == 1 and output[0] in units:
        body = ("t", body)
    return scalars, body


def turned_if_plainer(template: tuple) -> tuple:
    """A number xᵀ Aᵀ y as yᵀ A x, where that has fewer transposed matrices."""
    chain = chain_of(template)
    if len(chain) < 3 or chain[0][0] != "t":
        return template
    inner = [part[1] if part[0] == "t" else ("t", part) for part in reversed(chain[1:-1]) if part[0] != "diag"]
    turned = sum(part[0] == "t" for part in inner)
    if turned >= len(inner) - turned:
        return template
    flipped = [part if part[0] == "diag" else part[1] if part[0] == "t" else ("t", part) for part in reversed(chain[1:-1])]
    return ("mul", ("t", chain[-1]), *flipped, chain[0][1])


def chain_of(template: tuple) -> list[tuple]:
    """The factors of a product from left to right."""
    return [part for factor in template[1:] for part in chain_of(factor)] if template[0] == "mul" else [template]


def items_of(k: int, labels: Labels, kind: str, units: frozenset[int]) -> list[Item] | None:
    """The items of one operand: a matrix, vector or scalar; ones of rank 2 are two vectors."""
    live = tuple(i for i in labels if i not in units)
    if kind == "o":
        return [Item(("ones", k), (i,), k) for i in live]
    if len(labels) > 2 and len(live) > 2 or len(labels) > 3:
        return None
    template: tuple = ("identity", k) if kind == "d" else ("op", k)
    if len(labels) == 3:
        return None
    if len(labels) == 2 and len(live) == 1 and labels[0] in units:
        template = ("t", template)
    if len(live) == 2 and live[0] == live[1]:
        return [Item(("diagof", template), (live[0],), k)]
    return [Item(template, live, k)]


def sum_out(items: list[Item], output: Labels) -> bool:
    """Remove every label that `output` lacks, in place; False where a label links too many factors."""
    while True:
        summed = [i for item in items for i in item.labels if i not in output]
        if not summed:
            return True
        counts = {i: sum(i in item.labels for item in items) for i in summed}
        ready = [i for i in dict.fromkeys(summed) if counts[i] <= 2 and not shares_pair(items, i)]
        if ready:
            label = min(ready, key=lambda i: (counts[i] == 1, any(item.labels[:1] == (i,) for item in items)))
            sum_label(items, label)
        elif not (join_same(items) or join_diagonal(items, summed)):
            return False


def shares_pair(items: list[Item], label: int) -> bool:
    """Whether the two factors that carry `label` carry the same two labels: a Hadamard product comes first."""
    found = [frozenset(item.labels) for item in items if label in item.labels]
    return len(found) == 2 and found[0] == found[1] and len(found[0]) == 2


def sum_label(items: list[Item], label: int) -> None:
    holders = [item for item in items if label in item.labels]
    first = holders[0]
    if len(holders) == 1:
        merged = sum_alone(first, label)
    else:
        merged = product(first, holders[1], label)
    items[items.index(first)] = merged
    if len(holders) == 2:
        items.remove(holders[1])


def sum_alone(item: Item, label: int) -> Item:
    """A label of one factor only: a product with the ones vector, or the trace of a diagonal."""
    if len(item.labels) == 1:
        if item.template[0] == "diagof":
            return Item(("tr", item.template[1]), (), item.place)
        return Item(("mul", ("t", ("ones", -1)), item.template), (), item.place)
    rest = item.labels[0] if item.labels[1] == label else item.labels[1]
    return Item(("mul", item.oriented(rest), ("ones", -1)), (rest,), item.place)


def product(a: Item, b: Item, label: int) -> Item:
    """The matrix product of two factors over a label that only they share."""
    left = [i for i in a.labels if i != label]
    right = [i for i in b.labels if i != label]
    place = min(a.place, b.place)
    if not left and right:
        return Item(("mul", b.oriented(right[0]), a.template), (right[0],), place)
    front = a.oriented(left[0]) if left else ("t", a.template)
    back = b.oriented(label) if right else b.template
    return Item(("mul", front, back), (*left, *right), place)


def join_same(items: list[Item]) -> bool:
    """Join the first factors that carry the same labels into a Hadamard product."""
    for k, a in enumerate(items):
        same = [b for b in items[k + 1:] if a.labels and frozenset(b.labels) == frozenset(a.labels)]
        if same:
            parts = [b.oriented(a.labels[0]) if len(a.labels) == 2 else b.template for b in same]
            items[k] = Item(("had", a.template, *parts), a.labels, a.place)
            for b in same:
                items.remove(b)
            return True
    return False


def join_diagonal(items: list[Item], summed: list[int]) -> bool:
    """A vector on a label that two matrices are multiplied over goes in between, as a diagonal: A diag(c) B."""
    for vector in items:
        if len(vector.labels) == 1 and vector.labels[0] in summed:
            label = vector.labels[0]
            matrices = [m for m in items if len(m.labels) == 2 and label in m.labels]
            if len(matrices) == 2:
                a = matrices[0]
                other = a.labels[0] if a.labels[1] == label else a.labels[1]
                items[items.index(a)] = Item(("mul", a.oriented(other), ("diag", vector.template)), (other, label), a.place)
                items.remove(vector)
                return True
    return False


def body_template(items: list[Item], output: Labels) -> tuple | None:
    """Factors whose labels are all kept: ⊙ of the alike, outer products, rows and columns scaled by diagonals."""
    if not output:
        return None
    if len(output) == 1:
        return hadamard_template([item.template for item in items])
    row, column = output
    down = hadamard_template([i.template for i in items if i.labels == (row,)])
    across = hadamard_template([i.template for i in items if i.labels == (column,)])
    full = hadamard_template([i.oriented(row) for i in items if len(i.labels) == 2])
    if full is None:
        return ("mul", down, ("t", across))
    if full[0] == "identity":
        return ("diag", down or across) if down or across else full
    factors = [part for part in (down and ("diag", down), full, across and ("diag", across)) if part]
    return ("mul", *factors) if len(factors) > 1 else full


def hadamard_template(parts: list[tuple]) -> tuple | None:
    kept = [p for p in parts if p[0] != "ones"] or parts[:1]
    if not kept:
        return None
    return kept[0] if len(kept) == 1 else ("had", *kept)
