"""Source that is too wide for a line, broken as formatters break it: a call's arguments on one line of their own, or one a
line with a comma behind the last; displays always one a line."""

from __future__ import annotations

import re
import textwrap

WIDTH = 88
CALL = re.compile(r"([\w., ()]+ = |return |raise |def )?[\w.]+\(.*\):?\Z")


def parts_of(text: str) -> list[str]:
    """`text` cut at its outermost commas."""
    parts, depth, start, quoted = [], 0, 0, ""
    for at, char in enumerate(text):
        if quoted:
            quoted = "" if char == quoted and text[at - 1] != "\\" else quoted
        elif char in "\"'":
            quoted = char
        elif char in "([{":
            depth += 1
        elif char in ")]}":
            depth -= 1
        elif char == "," and not depth:
            parts.append(text[start:at].strip())
            start = at + 1
    return [*parts, text[start:].strip()]


def split_call(text: str) -> tuple[str, str]:
    """What stands before the last bracket that is still open, and what behind it."""
    depth, quoted = 0, ""
    for at in range(len(text) - 1, -1, -1):
        if quoted or text[at] in "\"'":
            quoted = ("" if text[at] == quoted else quoted) if quoted else text[at]
        elif text[at] in ")]}":
            depth += 1
        elif text[at] in "([{":
            depth -= 1
            if depth < 0:
                return text[:at], text[at + 1:]
    return text, ""


def wrapped(line: str, indent: int = 0) -> list[str]:
    """One statement at an indent, as one line or several."""
    pad = " " * indent
    if len(pad + line) <= WIDTH or not CALL.match(line) or line.startswith("#"):
        return [pad + line]
    inside, _, tail = line.rpartition(")")
    head, inside = split_call(inside)
    if len(pad) + 4 + len(inside) <= WIDTH or len(parts_of(inside)) == 1:
        return [f"{pad}{head}(", f"{pad}    {inside}", f"{pad}){tail}"]
    return [f"{pad}{head}(", *(f"{pad}    {part}," for part in parts_of(inside)), f"{pad}){tail}"]


def display(head: str, items: list[str], brackets: str, indent: int = 0) -> list[str]:
    """`head` and a list, tuple or dict of items."""
    pad, (left, right) = " " * indent, brackets
    line = f"{pad}{head}{left}{', '.join(items)}{right}"
    if len(line) <= WIDTH:
        return [line]
    return [f"{pad}{head}{left}", *(f"{pad}    {item}," for item in items), f"{pad}{right}"]


def condition(parts: list[str], indent: int = 0, word: str = "or") -> list[str]:
    """`if a or b:`."""
    pad = " " * indent
    line = f"{pad}if {f' {word} '.join(parts)}:"
    if len(line) <= WIDTH:
        return [line]
    return [f"{pad}if (", f"{pad}    {parts[0]}", *(f"{pad}    {word} {part}" for part in parts[1:]), f"{pad}):"]


def comment(text: str, indent: int = 0) -> list[str]:
    """A remark, cut into lines at spaces."""
    return [f"{' ' * indent}# {line}" for line in textwrap.wrap(text, WIDTH - indent - 2, break_long_words=False,
                                                                 break_on_hyphens=False)]


def indented(lines: list[str], indent: int) -> list[str]:
    return [" " * indent + line if line else line for line in lines]
