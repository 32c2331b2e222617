"""Which instructions go side by side: products of one array with several, what follows from them entry by entry alike, and
sums of products.

x @ A and x @ B are parts of x @ [A B], and the same function of both parts is one call. That pays where [A B] serves many
products, as the gates of a recurrent cell do at every step. A sum of products x₁ᵀ @ y₁ + x₂ᵀ @ y₂ + … is one product of
what is stacked up; it pays where that saves more than copying what has to be copied costs.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

from .arrays import APART, FLAGS, MASKED, VIEWS, Value, entries

MANY = 4  # products with the same arrays from which on these are worth being put side by side
CALL = 400  # a call of NumPy costs about as much as so many entries


@dataclass(eq=False)
class Pack:
    """Values of one shape that are computed at once, along the last axis of a wide one."""

    members: tuple[Value, ...]


@dataclass(eq=False)
class Products:
    """Sums of products with the same left factors: `rights[g][t]` belongs to sum g. `rest` are the other terms of each."""

    roots: list[Value]
    lefts: list[Value]
    rights: list[list[Value]]
    rest: list[list[Value]] = field(default_factory=list)


class Packs:
    """What is packed. `order` are the needed values in order, `results` those that are returned."""

    def __init__(self, order: list[Value], results: Iterable[Value]) -> None:
        self.order, self.results = order, set(results)
        self.at = {value: at for at, value in enumerate(order)}
        self.readers: dict[Value, list[Value]] = {value: [] for value in order}
        for value in order:
            for arg in value.args:
                self.readers[arg].append(value)
        self.slot: dict[Value, tuple[Pack, int]] = {}
        self.stacked: dict[Pack, list[Pack]] = {}
        self.sums: dict[Value, Products] = {}
        self.grow(self.seeds())
        self.add_sums()

    def seeds(self) -> list[Pack]:
        """The products of one matrix with several arguments, where MANY matrices meet the same ones."""
        by_left: dict[Value, list[Value]] = {}
        for value in self.order:
            if value.op == "dot" and [len(a.shape) for a in value.args] == [2, 2] and value.args[1].op == "input":
                by_left.setdefault(value.args[0], []).append(value)
        alike: dict[tuple, list[list[Value]]] = {}
        for group in by_left.values():
            group.sort(key=lambda v: self.at[v.args[1]])
            if len({v.shape for v in group}) == 1:
                alike.setdefault(tuple(v.args[1] for v in group), []).append(group)
        packs = []
        for groups in alike.values():
            if len(groups) < MANY:
                continue
            given = [group for group in groups if group[0].args[0].op == "input"]
            stack = len(given) >= MANY and len({group[0].args[0].shape for group in given}) == 1
            if len(groups[0]) == 1 and not stack:
                continue
            order = self.by_use(groups[-1])
            made = [self.pack(tuple(group[k] for k in order)) for group in (groups if len(groups[0]) > 1 else given)]
            stacked = [pack for pack in made if pack.members[0].args[0].op == "input"]
            self.stacked.update(dict.fromkeys(stacked if stack else (), stacked))
            packs += made
        return packs

    def by_use(self, group: list[Value]) -> list[int]:
        """The members in an order that has those beside one another which the same happens to."""
        says = [self.use(value, 5) for value in group]
        return sorted(range(len(group)), key=lambda k: says.index(says[k]))

    def use(self, value: Value, depth: int) -> tuple:
        found = {(reader.op, self.use(reader, depth - 1) if depth else ()) for reader in self.readers[value][:4] if is_entrywise(reader)}
        return tuple(sorted(found))

    def pack(self, members: tuple[Value, ...]) -> Pack:
        made = Pack(members)
        self.slot.update((value, (made, k)) for k, value in enumerate(members))
        return made

    def grow(self, packs: list[Pack]) -> None:
        """Pack what reads the members of a pack alike; those that need new arrays beside one another wait till the end."""
        waiting, later = list(packs), []
        while waiting or later:
            gather = not waiting
            pack = waiting.pop(0) if waiting else later.pop(0)
            made = [self.pack(members) for members in self.alike(pack, gather)] if len(pack.members) > 1 else []
            waiting += made
            if not gather:
                later.append(pack)
            elif made:
                later.append(pack)

    def alike(self, pack: Pack, gather: bool) -> Iterator[tuple[Value, ...]]:
        """Runs of readers of neighbours that do the same with them."""
        found: dict[tuple, dict[int, Value]] = {}
        for k, member in enumerate(pack.members):
            for reader in dict.fromkeys(self.readers[member]):
                if reader not in self.slot and is_entrywise(reader) and reader.shape == member.shape:
                    kinds = tuple(self.kind(arg, reader, k) for arg in reader.args)
                    if None not in kinds and (gather or not any(kind[0] == "apart" for kind in kinds)):
                        found.setdefault((reader.op, reader.params, kinds), {}).setdefault(k, reader)
        for readers in found.values():
            for run in runs(sorted(readers)):
                members = tuple(readers[k] for k in run)
                if len(members) > 1 and self.independent(members) and not any(m in self.slot for m in members):
                    yield members

    def kind(self, arg: Value, reader: Value, at: int) -> tuple | None:
        """How the arguments of neighbours have to correspond; None where they cannot."""
        if arg in self.slot and arg.shape == reader.shape:
            pack, k = self.slot[arg]
            return "packed", id(pack), k - at
        if arg.shape in ((), ("1",)) or len(arg.shape) == 2 and arg.shape[1] == "1":
            return "same", id(arg)
        if arg.op == "input" and arg.shape == reader.shape[-len(arg.shape):] and len(self.readers[arg]) >= MANY:
            return "given", arg.shape
        if arg.shape == reader.shape and can_lie_apart(arg) and len(self.readers[arg]) == 1 and arg not in self.results:
            return "apart", arg.shape
        return None

    def independent(self, members: tuple[Value, ...]) -> bool:
        """Whether none of some values rests on another."""
        first = min(self.at[m] for m in members)
        seen: set[Value] = set()
        waiting = [arg for m in members for arg in m.args]
        while waiting:
            value = waiting.pop()
            if self.at[value] >= first and value not in seen:
                seen.add(value)
                waiting += value.args
        return seen.isdisjoint(members)

    # sums of products

    def add_sums(self) -> None:
        """The sums of products that are worth being one product."""
        found: dict[tuple, Products] = {}
        for root in self.order:
            if root.op == "add" and root not in self.slot and not self.is_inner(root):
                terms = list(self.terms(root))
                dots = [v for v in terms if self.is_term(v)]
                if len(dots) > 1:
                    dots.sort(key=lambda v: self.at[v.args[0]])
                    lefts = tuple(v.args[0] for v in dots)
                    group = found.setdefault(lefts, Products([], list(lefts), []))
                    group.roots.append(root)
                    group.rights.append([v.args[1] for v in dots])
                    group.rest.append([v for v in terms if v not in dots])
        uses: dict[tuple, int] = {}
        for group in found.values():
            for factors in (group.lefts, *group.rights):
                key = frozenset(map(behind, factors))
                uses[key] = uses.get(key, 0) + 1
        for group in found.values():
            if self.saved(group) > sum(self.copying(f) / uses[frozenset(map(behind, f))] for f in (group.lefts, *group.rights)):
                self.sums.update((root, group) for root in group.roots)
        self.arrange()

    def is_inner(self, value: Value) -> bool:
        """Whether a sum is a term of another, and of nothing else."""
        readers = self.readers[value]
        return len(readers) == 1 and readers[0].op == "add" and readers[0].shape == value.shape \
            and readers[0] not in self.slot and value not in self.results

    def terms(self, root: Value) -> Iterator[Value]:
        waiting = list(reversed(root.args))
        while waiting:
            value = waiting.pop()
            if value.op == "add" and self.is_inner(value) and value not in self.slot:
                waiting += reversed(value.args)
            else:
                yield value

    def is_term(self, value: Value) -> bool:
        ranks = [len(a.shape) for a in value.args]
        return value.op == "dot" and ranks in ([2, 2], [1, 2]) and len(self.readers[value]) == 1 and value not in self.slot \
            and value not in self.results

    def saved(self, group: Products) -> float:
        return (len(group.lefts) - 1) * sum(2 * entries(root.shape) + 2 * CALL for root in group.roots)

    def copying(self, factors: list[Value]) -> float:
        """What it costs to put factors together: those that are not computed into their places are copied."""
        return sum(2 * entries(v.shape) + CALL for v in map(behind, factors) if not can_lie_apart(v) and v.op != "ones")

    def arrange(self) -> None:
        """Order the terms of sums as arguments lie already, and sums as their factors do."""
        columns: dict[Value, int] = {}
        given = {pack.members[k].args[1]: k for pack, _ in self.slot.values() for k in range(len(pack.members))
                 if pack.members[k].op == "dot"}
        for group in dict.fromkeys(self.sums.values()):
            if len(group.roots) == 1 and all(behind(v) in given for v in group.rights[0]):
                order = sorted(range(len(group.lefts)), key=lambda t: given[behind(group.rights[0][t])])
                group.lefts, group.rights = [group.lefts[t] for t in order], [[group.rights[0][t] for t in order]]
                columns.update((left, k) for k, left in enumerate(group.lefts))
        for group in dict.fromkeys(self.sums.values()):
            known = next((row for row in zip(*group.rights) if all(v in columns for v in row)), None)
            if known and len(known) > 1:
                order = sorted(range(len(known)), key=lambda g: columns[known[g]])
                group.roots, group.rights, group.rest = ([part[g] for g in order] for part in (group.roots, group.rights, group.rest))


def is_entrywise(value: Value) -> bool:
    return value.op not in APART and value.op not in VIEWS and value.op not in MASKED and value.op != "helper" \
        and not value.flag and len(value.shape) == 2 and value.shape[1] != "1" and not value.layout


def can_lie_apart(value: Value) -> bool:
    """Whether a value can be computed into a part of a larger array."""
    return (is_entrywise(value) or value.op == "dot") and bool(value.args) and value.op not in FLAGS


def behind(value: Value) -> Value:
    """What a transpose looks at."""
    return value.args[0] if value.op == "transpose" else value


def runs(slots: list[int]) -> Iterator[list[int]]:
    """Neighbours among sorted numbers."""
    run: list[int] = []
    for k in slots:
        if run and k != run[-1] + 1:
            yield run
            run = []
        run.append(k)
    yield run
