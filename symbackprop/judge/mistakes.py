"""THE table of known mistakes: a kind, the edits that undo it, and what a student is told.

An edit replaces spans of the user's own formula. A row yields many; the search keeps those that make the claim right.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import combinations
from typing import NamedTuple

from . import additions as more, edits as other
from .formula import Edit, Edits, Formula


class Mistake(NamedTuple):
    kind: str
    cost: float
    edits: Edits
    advice: str

    def said(self, about: str) -> str:
        """The advice about a part of the user's own text, which may hold braces of its own."""
        return self.advice.replace("{about}", about)


MISTAKES = (
    Mistake("sign", 1.0, other.signs, "the sign is wrong: {about}"),
    Mistake("missing-transpose", 1.0, other.transposes_added, "a transpose is missing: {about}"),
    Mistake("extra-transpose", 1.0, other.transposes_dropped, "a transpose too many: {about}"),
    Mistake("missing-transpose", 1.15, other.transposes_moved, "the transpose stands on the wrong factor: {about}"),
    Mistake("scale", 1.0, other.numbers_dropped, "{about}"),
    Mistake("scale", 1.05, other.scales, "{about}"),
    Mistake("wrong-axis", 0.95, other.axes_changed, "it is summed over the wrong axis: {about}"),
    Mistake("hadamard-vs-matmul", 1.1, other.products_swapped, "an activation acts entry by entry and a layer by a matrix product; the other "
            "product belongs between {about}"),
    Mistake("order", 1.15, other.orders, "the factors stand in the wrong order: {about}"),
    Mistake("extra-factor", 1.15, more.squares_dropped, "a factor does not belong there: {about}"),
    Mistake("wrong-tensor", 1.2, other.labels_shifted, "{about}"),
    Mistake("wrong-tensor", 1.2, other.derivatives_shifted, "{about}"),
    Mistake("extra-factor", 1.25, more.factors_dropped, "a factor does not belong there: {about}"),
    Mistake("extra-term", 1.25, more.terms_dropped, "a term does not belong there: {about}"),
    Mistake("missing-activation-derivative", 1.25, more.functions_primed, "the derivative of the activation belongs here: {about}"),
    Mistake("missing-activation-derivative", 1.3, more.slopes_added, "the derivative of the activation is missing: {about}"),
    Mistake("missing-activation-derivative", 1.35, more.complements_added, "part of the derivative of the activation is missing: {about}"),
    Mistake("missing-activation-derivative", 1.5, more.slopes_swapped, "{about}"),
    Mistake("wrong-tensor", 1.4, more.words_swapped, "{about}"),
    Mistake("missing-outer-product", 1.4, more.outers_added, "the gradient of a matrix is an outer product; missing is {about}"),
    Mistake("missing-sum", 1.45, more.sums_added, "a sum is missing: a name that is used several times collects from all its uses: {about}"),
    Mistake("missing-factor", 1.6, more.factors_added, "a factor is missing: {about}"),
    Mistake("missing-term", 1.7, more.terms_added, "a term is missing: {about}"),
)


def edits_of(formula: Formula) -> list[tuple[float, Mistake, Edit]]:
    """Every single edit of the table, the likeliest first."""
    found = [(row.cost + edit.extra, row, edit) for row in MISTAKES for edit in row.edits(formula)]
    return sorted(found, key=lambda item: item[0])


def pairs_of(singles: list[tuple[float, Mistake, Edit]], limit: int) -> Iterator[tuple[float, Mistake, Edit]]:
    """Two edits at different places, by their common cost; the dearer one gives the kind."""
    pool = singles[:limit]
    both = sorted(((a[0] + b[0], i, j) for (i, a), (j, b) in combinations(enumerate(pool), 2)), key=lambda x: x[0])
    for cost, i, j in both:
        (_, first, x), (_, second, y) = pool[i], pool[j]
        if all(s[1] <= t[0] or t[1] <= s[0] for s, _ in x.changes for t, _ in y.changes):
            row = Mistake(second.kind, cost, second.edits, first.said(x.about) + "; and " + second.advice)
            yield cost, row, Edit((*x.changes, *y.changes), y.about, 0.0)
