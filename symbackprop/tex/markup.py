"""What stands around mathematics: comments and verbatim text, code in Markdown, the cells of a notebook.

What is not to be read is blanked, character for character, so that places stay what they are. Each pass looks at a
character a fixed number of times: an opening that nothing closes costs no more than one that is closed.
"""

from __future__ import annotations

import json
import re
from bisect import bisect_right
from collections import defaultdict
from collections.abc import Iterator

from .macros import blank
from .source import Source

_COMMENT = re.compile(r"(\\[\s\S])|%[^\n]*")
_VERB = re.compile(r"\\verb\*?([^\sA-Za-z*])[^\n]{0,200}?\1")
_VERBATIM = re.compile(r"\\begin\{(verbatim\*?|lstlisting|comment|minted)\}")
_FENCE = re.compile(r"[ \t>]*(```+|~~~+)[ \t]*([^`\n]*)")
_LITERAL = re.compile(r'("(?:[^"\\]|\\.)*")(\s*:)?')
_ESCAPE = re.compile(r"\\u[dD][89abAB][0-9a-fA-F]{2}\\u[dD][c-fC-F][0-9a-fA-F]{2}|\\u[0-9a-fA-F]{4}|\\.|[^\\]")


def without_comments(text: str) -> str:
    """A LaTeX text without what TeX does not read as text: comments, `\\verb`, verbatim environments."""
    text = _VERB.sub(lambda m: blank(m[0]), text)
    kept: list[str] = []
    pos = done = 0
    missing: set[str] = set()
    while (m := _VERBATIM.search(text, pos)) is not None:
        pos = m.end()
        close = -1 if m[1] in missing else text.find(f"\\end{{{m[1]}}}", pos)
        if close < 0:
            missing.add(m[1])
            continue
        kept += [text[done:m.start()], blank(text[m.start():close])]
        pos = done = close
    return _COMMENT.sub(lambda m: m[1] or blank(m[0]), "".join(kept) + text[done:])


def without_code(text: str) -> tuple[str, list[tuple[int, int, bool]]]:
    """A Markdown text without code and comments, and the mathematics that was fenced as code, each with whether it
    is displayed."""
    text, found = _without_fences(text)
    text = _without_html_comments(text)
    runs = list(re.finditer("`+", text))
    places: dict[int, list[int]] = defaultdict(list)
    for i, run in enumerate(runs):
        places[len(run[0])].append(i)
    kept: list[str] = []
    done = i = 0
    while i < len(runs):
        same = places[len(runs[i][0])]
        at = bisect_right(same, i)
        if at == len(same):
            i += 1
            continue
        start, end = runs[i].start(), runs[same[at]].end()
        if len(runs[i][0]) == 1 and text[start - 1:start] == "$" == text[end:end + 1]:
            found.append((start + 1, end - 1, False))
            start, end = start - 1, end + 1
        kept += [text[done:start], blank(text[start:end])]
        done, i = end, same[at] + 1
    return "".join(kept) + text[done:], found


def _without_fences(text: str) -> tuple[str, list[tuple[int, int, bool]]]:
    found: list[tuple[int, int, bool]] = []
    lines: list[str] = []
    fence, is_math, start, pos = "", False, 0, 0
    for line in text.split("\n"):
        m = _FENCE.fullmatch(line.rstrip("\r"))
        if fence:
            if m and m[1].startswith(fence) and not m[2].strip():
                if is_math:
                    found.append((start, pos, True))
                fence = ""
            line = blank(line)
        elif m:
            fence, is_math, start = m[1], m[2].strip() == "math", pos + len(line) + 1
            line = blank(line)
        lines.append(line)
        pos += len(line) + 1
    return "\n".join(lines), found


def _without_html_comments(text: str) -> str:
    kept: list[str] = []
    pos = 0
    while (start := text.find("<!--", pos)) >= 0 and (end := text.find("-->", start)) >= 0:
        kept += [text[pos:start], blank(text[start:end + 3])]
        pos = end + 3
    return "".join(kept) + text[pos:]


def cells(source: Source) -> Iterator[Source]:
    """The Markdown cells, each character with its place in the file.

    String values are replaced by their numbers before the JSON is read, so that each is known by its place.
    """
    literals: list[re.Match[str]] = []

    def number(m: re.Match[str]) -> str:
        if m[2]:
            return m[0]
        literals.append(m)
        return f'"{len(literals) - 1}"'

    try:
        cells = json.loads(_LITERAL.sub(number, source.text))["cells"]
        for index, cell in enumerate(cells, 1):
            if _decode(literals[int(cell["cell_type"])])[0] != "markdown":
                continue
            lines = cell["source"] if isinstance(cell["source"], list) else [cell["source"]]
            parts = [_decode(literals[int(line)]) for line in lines]
            yield Source("".join(text for text, _ in parts), source, [at for _, places in parts for at in places],
                         f"cell {index}")
    except (ValueError, KeyError, TypeError, IndexError, RecursionError):
        raise source.error("this is not a notebook", 0) from None


def _decode(literal: re.Match[str]) -> tuple[str, list[int]]:
    text: list[str] = []
    places: list[int] = []
    for m in _ESCAPE.finditer(literal.string, literal.start(1) + 1, literal.end(1) - 1):
        text.append(json.loads(f'"{m[0]}"') if m[0][0] == "\\" else m[0])
        places.append(m.start())
    return "".join(text), places
