"""THE table of known mistakes: a kind, the edits that undo it, and what a student is told.

An edit replaces spans of the user's own formula. A row yields many; the search keeps those that make the claim right.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import combinations
from typing import NamedTuple

import sympy as sp

from .parts import Part, Span
from .spelling import Python

Replacement = tuple[Span, str]


class Edit(NamedTuple):
    """Spans of a formula and what is put there; `about` completes the row's advice; `extra` is added to the cost."""

    changes: tuple[Replacement, ...]
    about: str = ""
    extra: float = 0.0
    mark: Span | None = None

    def apply(self, text: str) -> str:
        for (a, b), new in sorted(self.changes, reverse=True):
            text = text[:a] + new + text[b:]
        return text


class Word(NamedTuple):
    """A tensor that an edit may put in: its spelling, its name, and the rank of it as written."""

    text: str
    name: str
    rank: int
    is_size: bool = False


class Slope(NamedTuple):
    """The derivative of an activation of the model, as the notation writes it; z and its output as they are spelled."""

    text: str
    before: str
    after: str


@dataclass(frozen=True)
class Formula:
    """The right-hand side of a claim, with the words that edits may use."""

    text: str
    root: Part
    spell: Python
    words: tuple[Word, ...] = ()
    slopes: tuple[Slope, ...] = ()
    factors: tuple[sp.Expr, ...] = ()
    constants: tuple[sp.Expr, ...] = (sp.Integer(2), sp.Rational(1, 2))
    labels: tuple[str, ...] = ()
    rest: tuple[str, ...] = ()

    def of(self, part: Part) -> str:
        return self.text[slice(*part.span)]


Edits = Callable[[Formula], Iterator[Edit]]


class Mistake(NamedTuple):
    kind: str
    cost: float
    edits: Edits
    advice: str


def put(part: Part, text: str, about: str = "", extra: float = 0.0) -> Edit:
    return Edit(((part.span, text),), about, extra)


def of_kind(formula: Formula, *kinds: str) -> Iterator[Part]:
    return (p for p in formula.root.walk() if p.kind in kinds)


def summands(formula: Formula) -> list[Part]:
    """The whole and every summand in it."""
    return [formula.root, *(term for p in of_kind(formula, "sum") for term in p.parts)]


def places(formula: Formula) -> list[Part]:
    """Parts that a factor may be put beside: summands, factors, what a bracket holds; no scripts, no numbers."""
    seen: dict[Span, Part] = {}
    stack = [formula.root]
    while stack:
        part = stack.pop()
        if part.kind not in ("number", "script"):
            seen.setdefault(part.span, part)
        if part.kind not in ("name", "number", "script"):
            stack.extend(reversed(part.parts))
    return list(seen.values())


# --- sign and scale ---

def signs(f: Formula) -> Iterator[Edit]:
    for part in of_kind(f, "minus"):
        yield put(part, f.of(part.parts[0]), f"the minus in front of {f.of(part.parts[0])}")
    if f.root.kind != "minus":
        yield put(f.root, "-" + (f.spell.factor(f.root) if f.root.kind == "sum" else f.of(f.root)), "the whole right side")
    for part in of_kind(f, "sum"):
        for k, op in enumerate(part.ops):
            a, b = part.parts[k].span[1], part.parts[k + 1].span[0]
            if op in "+-":
                turned = f.text[a:b].replace(op, "-" if op == "+" else "+", 1)
                yield Edit((((a, b), turned),), f"the sign of {f.of(part.parts[k + 1])}", mark=(a, part.parts[k + 1].span[1]))
        first = part.parts[0]
        if first.kind != "minus":
            yield put(first, "-" + f.of(first), f"the sign of {f.of(first)}", 0.1)
        if len(part.parts) == 2 and part.ops == ("-",):
            yield put(part, f"{f.of(part.parts[1])} - {f.of(first)}", f"the order of the difference {f.of(part)}", -0.05)
    for part in of_kind(f, "call", "power"):
        for arg in part.parts[-1:]:
            if arg.kind not in ("minus", "number", "group"):
                yield put(arg, "-" + f.spell.factor(arg), f"the sign of {f.of(arg)}", 0.3)


def scales(f: Formula) -> Iterator[Edit]:
    """The constant that is known to be missing in the whole, or one of the usual ones in one summand."""
    for c in f.factors:
        yield put(f.root, f.spell.scaled(c, f.spell.factor(f.root)), f"the factor {c} is missing")
    for part in summands(f)[1:]:
        for c in f.constants:
            if part.kind != "number":
                yield put(part, f.spell.scaled(c, f.spell.factor(part)), f"the factor {c} is missing in {f.of(part)}", 0.2)
    for part in of_kind(f, "number"):
        for text in other_numbers(f.of(part)):
            yield put(part, text, f"{f.of(part)} should be {text}", 0.1)
    for part in of_kind(f, "fraction"):
        if part.parts[0].kind in ("number",) or part.parts[1].kind in ("number",):
            yield put(part, f.of(part.parts[0]), f"the division by {f.of(part.parts[1])} does not belong there", 0.2)


def other_numbers(text: str) -> list[str]:
    try:
        value = sp.Rational(text)
    except (TypeError, ValueError):
        return []
    near = sp.Integer(round(value)) if not value.is_Integer else None
    values = [near, value + 1, value - 1, value * 2, value / 2, sp.Integer(1)]
    return [str(v) for v in dict.fromkeys(values) if v is not None and v != value and v.is_Integer and v >= 0]


def numbers_dropped(f: Formula) -> Iterator[Edit]:
    for part, k, edit in dropped(f):
        factor = part.parts[k]
        if is_number(factor):
            yield Edit(edit, f"the factor {f.of(factor)} does not belong there", mark=factor.span)


def is_number(part: Part) -> bool:
    """A number or a fraction of numbers and sizes."""
    if part.kind == "number":
        return True
    return part.kind in ("fraction", "group", "minus", "product", "power") and bool(part.parts) and all(
        is_number(p) or p.kind == "name" and len(p.name) == 1 and p.name.isalpha() and not p.parts for p in part.parts)


# --- transposes, order, products ---

def transposes_added(f: Formula) -> Iterator[Edit]:
    turned = {p.span for t in of_kind(f, "transpose") for p in t.parts}
    for part in f.root.walk():
        if part.kind in ("name", "group", "call") and part.span not in turned and not part.name.startswith(("sum", "tr")):
            yield put(part, f.spell.transposed(f.of(part)), f.of(part))
    if f.root.kind in ("product", "sum"):
        yield put(f.root, f.spell.transposed(f"({f.of(f.root)})"), "the whole", 0.2)


def transposes_dropped(f: Formula) -> Iterator[Edit]:
    for part in of_kind(f, "transpose"):
        yield put(part, f.spell.untransposed(part), f.of(part))


def transposes_moved(f: Formula) -> Iterator[Edit]:
    """The transpose stands on the wrong one of two neighbours."""
    for part in of_kind(f, "product"):
        for a, b in zip(part.parts, part.parts[1:]):
            if a.kind == "transpose" and b.kind in ("name", "group"):
                yield Edit(((a.span, f.spell.untransposed(a)), (b.span, f.spell.transposed(f.of(b)))), f"{f.of(a)} and {f.of(b)}")
            if b.kind == "transpose" and a.kind in ("name", "group"):
                yield Edit(((b.span, f.spell.untransposed(b)), (a.span, f.spell.transposed(f.of(a)))), f"{f.of(a)} and {f.of(b)}")


def orders(f: Formula) -> Iterator[Edit]:
    for part in of_kind(f, "product"):
        for a, b in zip(part.parts, part.parts[1:]):
            said = f"{f.of(a)} and {f.of(b)}"
            yield Edit(((a.span, f.spell.tight(b)), (b.span, f.spell.tight(a))), said)
            if a.kind == "transpose" or b.kind == "transpose":
                inner = lambda p: p.parts[0] if p.kind == "transpose" and p.parts else p
                if inner(a).span != a.span or inner(b).span != b.span:
                    yield Edit(((inner(a).span, f.of(inner(b))), (inner(b).span, f.of(inner(a)))), said, 0.05)
        if len(part.parts) > 2:
            signs = {op for op in part.ops}
            if len(signs) == 1:
                yield put(part, (f" {part.ops[0]} " if part.ops[0] else " ").join(f.spell.tight(p) for p in part.parts[::-1]), f"all of {f.of(part)}", 0.2)
    for part in of_kind(f, "call"):
        if len(part.parts) == 2 and part.name in ("outer", "dot", "matmul"):
            a, b = part.parts
            yield Edit(((a.span, f.of(b)), (b.span, f.of(a))), f"{f.of(a)} and {f.of(b)}")


def products_swapped(f: Formula) -> Iterator[Edit]:
    """⊙ for a matrix product, or the other way round."""
    had, mat = f.spell.hadamard, f.spell.matmul
    for part in of_kind(f, "product"):
        for k, op in enumerate(part.ops):
            a, b = part.parts[k], part.parts[k + 1]
            between = (a.span[1], b.span[0])
            if op != "/" and between[0] <= between[1]:
                if is_hadamard(op):
                    yield Edit(((between, mat),), f"{f.of(a)} and {f.of(b)}", mark=(a.span[0], b.span[1]))
                if not is_hadamard(op) or op in ("*", "cdot") and had.strip() != "*":
                    yield Edit(((between, had),), f"{f.of(a)} and {f.of(b)}", mark=(a.span[0], b.span[1]))


def is_hadamard(op: str) -> bool:
    return op not in ("@", "", "/", "times")


# --- factors and terms ---

def dropped(f: Formula) -> Iterator[tuple[Part, int, tuple[Replacement, ...]]]:
    """(product, which factor, the edit that takes it out)."""
    for part in of_kind(f, "product"):
        for k in range(len(part.parts)):
            if k == 0 and part.ops[0] == "/":
                continue
            a, b = (part.parts[0].span[0], part.parts[1].span[0]) if k == 0 else (part.parts[k - 1].span[1], part.parts[k].span[1])
            yield part, k, (((a, b), ""),)


def factors_dropped(f: Formula) -> Iterator[Edit]:
    for part, k, edit in dropped(f):
        if not is_number(part.parts[k]):
            yield Edit(edit, f.of(part.parts[k]), mark=part.parts[k].span)
    for part in of_kind(f, "power", "transpose", "call"):
        if part.kind == "power":
            yield put(part, f.of(part.parts[0]), f"the power in {f.of(part)}", 0.2)
        elif part.kind == "call" and len(part.parts) >= 1:
            yield put(part, f"({f.of(part.parts[0])})", f.text[slice(*part.head)] or part.name, 0.3)


def squares_dropped(f: Formula) -> Iterator[Edit]:
    for part in of_kind(f, "name"):
        for script in part.parts:
            if f.of(script) == "2" and f.text[script.span[0] - 1] == "^":
                yield Edit((((script.span[0] - 1, script.span[1]), ""),), f"the square of {f.of(part)}")


def terms_dropped(f: Formula) -> Iterator[Edit]:
    for part in of_kind(f, "sum"):
        for k in range(len(part.parts)):
            if k == 0:
                a, b = part.parts[0].span[0], part.parts[1].span[0]
                keep = "-" if part.ops[0] == "-" else ""
            else:
                a, b, keep = part.parts[k - 1].span[1], part.parts[k].span[1], ""
            yield Edit((((a, b), keep),), f.of(part.parts[k]), mark=part.parts[k].span)


def chains(f: Formula) -> Iterator[Span]:
    """Neighbouring factors of a product, at least two and not all of them."""
    for part in of_kind(f, "product"):
        n = len(part.parts)
        for length in range(2, min(n, 5)):
            for k in range(n - length + 1):
                if k == 0 or part.ops[k - 1] != "/":
                    yield part.parts[k].span[0], part.parts[k + length - 1].span[1]


def slopes_added(f: Formula) -> Iterator[Edit]:
    for slope in f.slopes:
        for a, b in chains(f):
            yield Edit((((a, b), f"(({f.text[a:b]}){f.spell.hadamard}{slope.text})"),), slope.text, 0.05)
    for slope in f.slopes:
        for part in places(f):
            yield put(part, f"{f.spell.factor(part)}{f.spell.hadamard}{slope.text}", slope.text, 0.0 if part is f.root else 0.1)
    for slope in f.slopes:
        for part in of_kind(f, "name", "call"):
            if f.of(part) in (slope.after, slope.before):
                yield put(part, bracketed(slope.text), slope.text, 0.05)


def bracketed(text: str) -> str:
    return text if text.startswith("(") and text.endswith(")") and "(" not in text[1:] else f"({text})"


def functions_primed(f: Formula) -> Iterator[Edit]:
    """σ for σ′, or the other way round."""
    for part in of_kind(f, "call"):
        head = f.text[slice(*part.head)]
        if part.head[1] > part.head[0] and isinstance(f.spell, Python) and type(f.spell) is not Python:
            if not part.name.endswith("'"):
                yield Edit(((part.head, head + "'"),), head + "'", mark=part.span)


def factors_added(f: Formula) -> Iterator[Edit]:
    for word in f.words:
        for part in places(f) if not word.is_size else ():
            tight = f.spell.factor(part)
            times = f.spell.scalar if word.rank == 0 else f.spell.hadamard
            yield put(part, f"{tight}{times}{word.text}", word.text, 0.0 if part is f.root else 0.1)
            if word.rank:
                yield put(part, f"{f.spell.transposed(word.text)}{f.spell.matmul}{tight}", word.text, 0.1)
                yield put(part, f"{word.text}{f.spell.matmul}{tight}", word.text, 0.1)
                yield put(part, f"{tight}{f.spell.matmul}{word.text}", word.text, 0.15)


def complements_added(f: Formula) -> Iterator[Edit]:
    """`h` where `h (1 - h)` should stand."""
    for part in of_kind(f, "name"):
        said = f.of(part)
        yield put(part, f"{said}{f.spell.hadamard}(1 - {said})", f"(1 - {said})")
        yield put(part, f"(1 - {f.spell.power(said, 2)})", f"(1 - {f.spell.power(said, 2)})", 0.2)
        yield put(part, f"(1 - {said})", f"(1 - {said})", 0.25)


def outers_added(f: Formula) -> Iterator[Edit]:
    for word in f.words:
        if word.rank in (1, 2):
            for text in (*f.spell.outer(f.spell.tight(f.root), word.text), *f.spell.outer(word.text, f.spell.tight(f.root))):
                yield put(f.root, text, word.text)
            if word.rank == 2:
                yield put(f.root, f"{f.spell.tight(f.root)}{f.spell.matmul}{f.spell.transposed(word.text)}", word.text, 0.05)


def terms_added(f: Formula) -> Iterator[Edit]:
    for text in f.rest:
        joined = f"{f.of(f.root)} - {text[1:].lstrip()}" if text.startswith("-") else f"{f.of(f.root)} + {text}"
        yield put(f.root, joined, text, -0.05)
    sums = [f.root, *(p for p in of_kind(f, "sum") if p is not f.root), *(p.parts[0] for p in of_kind(f, "group"))]
    for part in dict.fromkeys(sums):
        for word in (*f.words, Word("1", "1", 0)):
            for sign in "-+":
                yield put(part, f"{f.of(part)} {sign} {word.text}", f"{sign} {word.text}", 0.0 if part is f.root else 0.1)
    for part in of_kind(f, "name", "transpose"):
        for word in f.words:
            for sign in "-+":
                yield put(part, f"({f.of(part)} {sign} {word.text})", f"{sign} {word.text}", 0.2)


# --- wrong names, labels, axes, sums ---

def words_swapped(f: Formula) -> Iterator[Edit]:
    known = {w.text: w for w in f.words}
    for part in of_kind(f, "name"):
        said = f.of(part)
        here = known.get(said)
        for word in f.words:
            if word.text != said and (here is None or word.name != here.name):
                far = 0.0 if here is None or here.rank == word.rank else 0.15
                yield put(part, word.text, f"{said} should be {word.text}", far)


def labels_shifted(f: Formula) -> Iterator[Edit]:
    """l for l − 1, j for k."""
    for part in of_kind(f, "name"):
        for script in part.parts if part.ops else ():
            said = f.of(script)
            if re.fullmatch(r"[A-Za-z]|\d+|[a-zA-Z]\s*[+-]\s*1", said):
                for other in labels_near(said, f.labels):
                    new = other if len(other) == 1 or f.text[script.span[0] - 1] in "{(" else "{" + other + "}"
                    yield put(script, new, f"{f.of(part)} has the label {said} where {other} belongs")
            elif re.fullmatch(r"[a-z]{2}", said):
                yield put(script, said[::-1], f"the indices of {f.of(part)} are swapped")
                for k in range(2):
                    for other in f.labels:
                        if len(other) == 1 and other not in said:
                            yield put(script, said[:k] + other + said[k + 1:], f"the index {said[k]} of {f.of(part)} should be {other}", 0.1)


def labels_near(said: str, labels: tuple[str, ...]) -> list[str]:
    found = [x for x in labels if x != said]
    if said.isdigit():
        return [str(int(said) - 1), str(int(said) + 1), *found] if int(said) else [str(int(said) + 1), *found]
    if len(said) > 1:
        return [said[0], said[0] + ("-1" if "+" in said else "+1"), *found]
    return [said + "-1", said + "+1", *found]


def axes_changed(f: Formula) -> Iterator[Edit]:
    for part in of_kind(f, "call"):
        if part.name in ("sum", "mean", "max", "softmax", "log_softmax", "logsumexp") and part.ops:
            arg = part.parts[-1]
            if arg.kind in ("number", "minus"):
                for other in ("0", "1", "-1"):
                    if other != f.of(arg):
                        yield put(arg, other, f"the axis of {part.name}")


def sums_added(f: Formula) -> Iterator[Edit]:
    for part in places(f):
        for text in f.spell.summed(f.spell.tight(part) if type(f.spell) is not Python else f.of(part)):
            yield put(part, text, f.of(part), 0.0 if part is f.root else 0.2)


MISTAKES = (
    Mistake("sign", 1.0, signs, "the sign is wrong: {about}"),
    Mistake("missing-transpose", 1.0, transposes_added, "a transpose is missing: {about}"),
    Mistake("extra-transpose", 1.0, transposes_dropped, "a transpose too many: {about}"),
    Mistake("missing-transpose", 1.15, transposes_moved, "the transpose stands on the wrong factor: {about}"),
    Mistake("scale", 1.0, numbers_dropped, "{about}"),
    Mistake("scale", 1.05, scales, "{about}"),
    Mistake("wrong-axis", 0.95, axes_changed, "it is summed over the wrong axis: {about}"),
    Mistake("hadamard-vs-matmul", 1.1, products_swapped, "an activation acts entry by entry and a layer by a matrix product; the other "
            "product belongs between {about}"),
    Mistake("order", 1.15, orders, "the factors stand in the wrong order: {about}"),
    Mistake("extra-factor", 1.15, squares_dropped, "a factor does not belong there: {about}"),
    Mistake("wrong-tensor", 1.2, labels_shifted, "{about}"),
    Mistake("extra-factor", 1.25, factors_dropped, "a factor does not belong there: {about}"),
    Mistake("extra-term", 1.25, terms_dropped, "a term does not belong there: {about}"),
    Mistake("missing-activation-derivative", 1.25, functions_primed, "the derivative of the activation belongs here: {about}"),
    Mistake("missing-activation-derivative", 1.3, slopes_added, "the derivative of the activation is missing: {about}"),
    Mistake("missing-activation-derivative", 1.35, complements_added, "part of the derivative of the activation is missing: {about}"),
    Mistake("wrong-tensor", 1.4, words_swapped, "{about}"),
    Mistake("missing-outer-product", 1.4, outers_added, "the gradient of a matrix is an outer product; missing is {about}"),
    Mistake("missing-sum", 1.45, sums_added, "a sum is missing: a name that is used several times collects from all its uses: {about}"),
    Mistake("missing-factor", 1.6, factors_added, "a factor is missing: {about}"),
    Mistake("missing-term", 1.7, terms_added, "a term is missing: {about}"),
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
            row = Mistake(second.kind, cost, second.edits, first.advice.format(about=x.about) + "; and " + second.advice)
            yield cost, row, Edit((*x.changes, *y.changes), y.about, 0.0)
