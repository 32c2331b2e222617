"""Long LaTeX formulas over several lines of an aligned block: broken before the terms of a sum, as typesetters do.

The width is that of the letters and signs that are seen: a fraction is as wide as its wider half, scripts are small.
"""

from __future__ import annotations

import re

WIDEST = 84.0  # letters of a line of an article, the left side and its sign among them
SCRIPT = 0.65
TOKEN = re.compile(r"\\[A-Za-z]+|\\.|[{}^_]|\s+|.", re.DOTALL)
OPENING = frozenset({"(", "[", "{", r"\lVert", r"\lvert", r"\begin"})
CLOSING = frozenset({")", "]", "}", r"\rVert", r"\rvert", r"\end"})
UNSEEN = frozenset({r"\left", r"\right", r"\operatorname", r"\mathbf", r"\mathrm", r"\text", r"\,", r"\;", r"\begin", r"\end", r"\displaystyle"})


def broken(left: str, right: str) -> str:
    """The right side of `left &= right`, over several lines where it is too wide for one and holds a sum."""
    if len(left) + len(right) + 2 <= WIDEST or " + " not in right and " - " not in right:  # nothing is wider than its source
        return right
    room = WIDEST - width(left) - 2
    if width(right) <= room:
        return right
    lines = [part for line in packed(terms_of(right), room) for part in ([line] if width(line) <= room else packed(terms_of(line, 1), room))]
    return " \\\\\n&\\quad ".join(f"{{}}{line}" if k else line for k, line in enumerate(lines))


def packed(terms: list[str], room: float) -> list[str]:
    """As many terms on each line as there is room for."""
    lines, used = [terms[0]], width(terms[0])
    for term in terms[1:]:
        wide = width(term)
        if used + wide > room:
            lines.append(term)
            used = wide + 2
        else:
            lines[-1] += " " + term
            used += wide
    return lines


def terms_of(text: str, inside: int = 0) -> list[str]:
    """The terms of a sum, each with the sign before it; with `inside` those of sums in round brackets that do not stretch."""
    open_, at, cuts, last = [], 0, [0], ""
    for token in TOKEN.findall(text):
        if token in OPENING:
            open_.append(token if last != r"\left" else "stretching")
        elif token in CLOSING and open_:
            open_.pop()
        elif token in "+-" and len(open_) <= inside and set(open_) <= {"("} and at and text[at - 1] == " " == text[at + 1:at + 2]:
            cuts.append(at)
        at, last = at + len(token), token
    return [text[a:b].strip() for a, b in zip(cuts, [*cuts[1:], len(text)])]


def width(text: str) -> float:
    """About how many letters wide a formula is."""
    tokens = [token for token in TOKEN.findall(text) if not token.isspace()]
    return run(tokens, 0, len(tokens))


def run(tokens: list[str], at: int, end: int) -> float:
    wide, scale = 0.0, 1.0
    while at < end:
        token = tokens[at]
        if token in ("^", "_"):
            scale, at = SCRIPT, at + 1
            continue
        if token == "{":
            close = partner(tokens, at)
            wide += scale * run(tokens, at + 1, close)
            at = close + 1
        elif token == r"\frac" and at + 1 < end and tokens[at + 1] == "{":
            middle = partner(tokens, at + 1)
            close = partner(tokens, middle + 1) if tokens[middle + 1:middle + 2] == ["{"] else middle
            wide += scale * max(run(tokens, at + 2, middle), run(tokens, middle + 2, close))
            at = close + 1
        else:
            wide += 0 if token in UNSEEN else scale * (2 if token in ("+", "-", "=", r"\odot", r"\oslash", r"\otimes") else 1)
            at += 1
        scale = 1.0
    return wide


def partner(tokens: list[str], at: int) -> int:
    """The place of the brace that closes the one at a place."""
    depth = 0
    for k in range(at, len(tokens)):
        depth += (tokens[k] == "{") - (tokens[k] == "}")
        if not depth:
            return k
    return len(tokens)
