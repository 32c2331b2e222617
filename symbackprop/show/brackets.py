"""Brackets and bars of the plain text: whether they hold a whole text together, and a text without those that say nothing."""

from __future__ import annotations

import re

PARTNERS = {"(": ")", "‖": "‖", "|": "|"}
HEAD, POWER = re.compile(r"[^\s()‖|/−+]+(?=\()"), re.compile(r"[⁰¹²³⁴⁵⁶⁷⁸⁹]+\Z")


def is_closed(text: str) -> bool:
    """Whether one pair of brackets or bars holds the whole text together: `(a b)` does, `‖a‖ ‖b‖` and `(a) (b)` do not."""
    closing = PARTNERS.get(text[:1])
    if closing is None or len(text) < 2 or text[-1] != closing:
        return False
    if closing != ")":
        return text.index(closing, 1) == len(text) - 1
    depth = 0
    for at, letter in enumerate(text):
        depth += (letter == "(") - (letter == ")")
        if not depth:
            return at == len(text) - 1
    return False


def divides(text: str) -> bool:
    """Whether a line of division stands outside all brackets."""
    if "/" not in text:
        return False
    depth = 0
    for letter in text:
        depth += (letter == "(") - (letter == ")")
        if letter == "/" and not depth:
            return True
    return False


def is_one_factor(text: str) -> bool:
    """Whether a text reads as one factor: `a`, `‖x − y‖²`, `(a b)`, `tr(A B)²`."""
    text = POWER.sub("", text)
    return " " not in text or is_closed(HEAD.sub("", text, count=1) if HEAD.match(text) else text)


def without_fence(text: str) -> str:
    """A term without the brackets around a quotient: `−a/b` of `−(a/b)`, but `(a/b + c)` as it is."""
    if "/" not in text:
        return text
    sign = "−" * text.startswith("−")
    inside, depth = bare(text[len(sign):]), 0
    for at, letter in enumerate(inside):
        depth += (letter == "(") - (letter == ")")
        if not depth and inside[at:at + 3] in (" + ", " − "):
            return text
    return sign + inside if divides(inside) and inside[0] != "−" else text


def bare(text: str) -> str:
    """A text without the brackets around all of it."""
    return text[1:-1] if text.startswith("(") and is_closed(text) else text
