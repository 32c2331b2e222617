"""Edits that change what stands there: signs, numbers, transposes, order, products, labels, axes."""

from __future__ import annotations

import re
from collections.abc import Iterator

import sympy as sp

from .formula import Edit, Formula, is_square, of_kind, put, summands
from .parts import Part

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
        if part.kind in ("name", "group", "call") and part.span not in turned and not part.name.startswith(("sum", "tr")) and is_square(f, part):
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



# --- labels and axes ---

def labels_shifted(f: Formula) -> Iterator[Edit]:
    """l for l − 1, j for k; `(l)` keeps its brackets."""
    for part in of_kind(f, "name"):
        for script in part.parts if part.ops else ():
            said = f.of(script)
            if found := re.fullmatch(r"([(\[<]?)([A-Za-z]|\d+|[a-zA-Z]\s*[+-]\s*1)([)\]>]?)", said):
                opening, bare, closing = found.groups()
                for other in labels_near(bare, f.labels):
                    new = opening + other + closing
                    new = new if len(new) == 1 or f.text[script.span[0] - 1] in "{([" else "{" + new + "}"
                    yield put(script, new, f"{f.of(part)} has the label {bare} where {other} belongs")
            elif re.fullmatch(r"[a-z]{2}", said):
                yield put(script, said[::-1], f"the indices of {f.of(part)} are swapped")
                for k in range(2):
                    for other in f.labels:
                        if len(other) == 1 and other not in said:
                            yield put(script, said[:k] + other + said[k + 1:], f"the index {said[k]} of {f.of(part)} should be {other}", 0.1)


BELOW = re.compile(r"\\frac\s*\{\s*\\partial[^{}]*\}\s*\{\s*\\partial(?P<below>(?:[^{}]|\{[^{}]*\})*)\}|\\nabla_(?P<name>\{(?:[^{}]|\{[^{}]*\})*\})")
STEP = re.compile(r"[_^]\{?[(\[]?(?P<step>[a-z](?:\s*[+-]\s*1)?)(?![\w{])[)\]]?\}?")


def derivatives_shifted(f: Formula) -> Iterator[Edit]:
    """\\partial C / \\partial z^{(l)} for that by z^{(l+1)}: a derivative is one part of a formula, whose label stands inside."""
    for found in BELOW.finditer(f.text):
        a, b = found.span("below" if found["below"] is not None else "name")
        for script in STEP.finditer(f.text, a, b):
            said, at = script["step"], script.span("step")
            for other in labels_near("".join(said.split()), ()):
                new = other if f.text[at[0] - 1] in "{([" else "{" + other + "}"
                yield Edit(((at, new),), f"{found[0]} has the label {said} where {other} belongs", mark=found.span())


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


def dropped(f: Formula) -> Iterator[tuple[Part, int, tuple[Replacement, ...]]]:
    """(product, which factor, the edit that takes it out)."""
    for part in of_kind(f, "product"):
        for k in range(len(part.parts)):
            if k == 0 and part.ops[0] == "/":
                continue
            a, b = (part.parts[0].span[0], part.parts[1].span[0]) if k == 0 else (part.parts[k - 1].span[1], part.parts[k].span[1])
            yield part, k, (((a, b), ""),)
