"""Edits that take something out or put something in: factors, terms, slopes of activations, outer products, sums, names."""

from __future__ import annotations

from collections.abc import Iterator

from .edits import dropped, is_number
from .formula import Edit, Formula, Word, is_alike, of_kind, places, put
from .parts import Span
from .spelling import Python

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
            if is_alike(f, part, slope.shape):
                yield put(part, f"{f.spell.factor(part)}{f.spell.hadamard}{slope.text}", slope.text, 0.0 if part is f.root else 0.1)
            yield put(part, f"{f.spell.diagonal(slope.text)}{f.spell.matmul}{f.spell.factor(part)}", slope.text, 0.15)


def slopes_swapped(f: Formula) -> Iterator[Edit]:
    """The slope of another activation, or the activation itself, stands where this one belongs."""
    for slope in f.slopes:
        text = bracketed(slope.text)
        for part in f.root.walk():
            if part.kind in ("name", "call", "group", "power", "fraction") and is_alike(f, part, slope.shape):
                near = 0.0 if f.of(part) in (slope.after, slope.before) or slope.after in f.of(part) or slope.before in f.of(part) else 0.15
                yield put(part, text, f"{slope.text} belongs where {f.of(part)} stands", near)
        for a, b in chains(f):
            if slope.after in f.text[a:b] or slope.before in f.text[a:b]:
                yield Edit((((a, b), text),), f"{slope.text} belongs where {f.text[a:b]} stands", 0.05)


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
            if word.rank == 0 or is_alike(f, part, word.shape):
                yield put(part, f"{tight}{times}{word.text}", word.text, 0.0 if part is f.root else 0.1)
            if not word.rank:
                yield put(part, f.spell.over(tight, word.text), f"1/{word.text}", 0.05 if part is f.root else 0.15)
            if word.rank and not (f.fits and word.shape is not None and (len(word.shape) != 2 or word.shape[0] != word.shape[1])):
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
        if word.rank in (1, 2) and not f.fits:
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
            for sign in "-+" if word.text == "1" or is_alike(f, part, word.shape) else "":
                yield put(part, f"{f.of(part)} {sign} {word.text}", f"{sign} {word.text}", 0.0 if part is f.root else 0.1)
    for part in of_kind(f, "name", "transpose"):
        for word in f.words:
            for sign in "-+" if is_alike(f, part, word.shape) else "":
                yield put(part, f"({f.of(part)} {sign} {word.text})", f"{sign} {word.text}", 0.2)

# --- names and sums ---

def words_swapped(f: Formula) -> Iterator[Edit]:
    known = {w.text: w for w in f.words}
    for part in of_kind(f, "name"):
        said = f.of(part)
        base = f.text[slice(*part.head)]
        here = known.get(said)
        for word in f.words:
            if word.text != said and (here is None or word.name != here.name) and is_alike(f, part, word.shape):
                far = 0.0 if here is None or here.rank == word.rank else 0.15
                yield put(part, word.text, f"{said} should be {word.text}", far)
        for word in f.words if here is None and base in known else ():
            if word.text != base and word.rank == known[base].rank:
                yield Edit(((part.head, word.text),), f"{base} should be {word.text}", 0.05, part.span)


def sums_added(f: Formula) -> Iterator[Edit]:
    for part in places(f) if not f.fits or "sum" in f.text else ():
        for text in f.spell.summed(f.spell.tight(part) if type(f.spell) is not Python else f.of(part)):
            yield put(part, text, f.of(part), 0.0 if part is f.root else 0.2)
