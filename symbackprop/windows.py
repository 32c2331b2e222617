"""Relations of deltas solved for one index: where an array is read, and what that asks of the sizes.

`i = first + Σ step·index` is how a slice, a window, a shift or a reshape reads an axis; views and checks share this.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, NamedTuple

import sympy as sp

from .expr import Contract, Delta, Expr, Labels, is_identity, walk

if TYPE_CHECKING:
    from .program import Program


class Relation(NamedTuple):
    """offset + Σ coefficient·index = 0 over labels."""

    labels: Labels
    coefficients: tuple[sp.Expr, ...]
    offset: sp.Expr

    def solved(self, label: int) -> Read | None:
        """The relation as `label = first + Σ step·index`; None where its coefficient is not ±1 or it stands twice."""
        if self.labels.count(label) != 1 or len(set(self.labels)) != len(self.labels):
            return None
        at = self.labels.index(label)
        own = self.coefficients[at]
        if own not in (1, -1):
            return None
        rest = tuple(i for i in self.labels if i != label)
        steps = tuple(sp.expand(-c / own) for k, c in enumerate(self.coefficients) if k != at)
        return Read(sp.expand(-self.offset / own), rest, steps)

    def substituted(self, label: int, read: Read) -> Relation | None:
        """The relation with `label` put in; None where an index would stand twice."""
        at = self.labels.index(label)
        kept = tuple(i for i in self.labels if i != label)
        if set(kept) & set(read.labels):
            return None
        own = self.coefficients[at]
        coefficients = (*(c for k, c in enumerate(self.coefficients) if k != at), *(own * s for s in read.steps))
        return Relation(kept + read.labels, coefficients, sp.expand(self.offset + own * read.first))


class Read(NamedTuple):
    """first + Σ step·index over labels."""

    first: sp.Expr
    labels: Labels
    steps: tuple[sp.Expr, ...]

    def ends(self, dims: dict[int, sp.Expr]) -> tuple[sp.Expr, sp.Expr]:
        """The least and the greatest index that is read."""
        low = high = self.first
        for label, step in zip(self.labels, self.steps):
            reach = step * (dims[label] - 1)
            if step.is_negative or step.could_extract_minus_sign():
                low = low + reach
            else:
                high = high + reach
        return sp.expand(low), sp.expand(high)


def relation_of(delta: Delta, labels: Labels) -> Relation:
    return Relation(labels, delta.coefficients, delta.offset)


def is_window(node: Expr) -> bool:
    """Whether a node is a delta other than the identity matrix."""
    return type(node) is Delta and not is_identity(node)


def requirements(program: Program) -> dict[sp.Expr, str]:
    """What must be at least 0 for the program to mean what NumPy means, with a word on why.

    Slices and entries at fixed places must lie inside their axis, and no axis has less than no entries.
    """
    found: dict[sp.Expr, str] = {}
    for equation in program.equations:
        for delta in deltas(equation.expr):
            for dim in delta.shape:
                if not dim.is_positive and not is_nonnegative(dim):
                    found.setdefault(dim, f"in {equation.name} an axis has size {dim}")
            labels = tuple(range(len(delta.shape)))
            dims = dict(zip(labels, delta.shape))
            read = None if delta.bound or len(labels) > 2 else relation_of(delta, labels).solved(0)
            if read is None or is_inside(relation_of(delta, labels).solved(1) if len(labels) == 2 else None, dims, 1):
                continue
            low, high = read.ends(dims)
            room = sp.expand(delta.shape[0] - 1 - high)
            if is_nonnegative(low) and not is_nonnegative(room) and not room.is_negative:
                found.setdefault(room, f"{equation.name} reads entry {high} of an axis of size {delta.shape[0]}")
    return found


def is_inside(read: Read | None, dims: dict[int, sp.Expr], label: int) -> bool:
    """Whether all that is read lies inside the axis of `label`."""
    if read is None:
        return False
    low, high = read.ends(dims)
    return is_nonnegative(low) and is_nonnegative(sp.expand(dims[label] - 1 - high))


def is_nonnegative(value: sp.Expr) -> bool:
    """Whether an integer in sizes is 0 or more whatever they are; a floor is at most, and nearly, what it rounds."""
    if value.is_nonnegative:
        return True
    least = sp.S.Zero
    for term in sp.Add.make_args(value):
        number, rest = term.as_coeff_Mul()
        if not isinstance(rest, sp.floor):
            least += term
        elif number.is_negative:
            least += number * rest.args[0]
        else:
            below = rest.args[0].as_numer_denom()[1]
            least += number * (rest.args[0] - (below - 1) / below)
    return bool(sp.expand(least).is_nonnegative)


def deltas(root: Expr) -> Iterator[Delta]:
    """The deltas under a node that are operands of contractions and no identities."""
    for node in walk(root):
        if type(node) is Contract:
            yield from (o for o in node.operands if is_window(o))
