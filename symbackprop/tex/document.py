"""A document -> its formulas, each with its place in the file.

Plain text is one formula a line. LaTeX and Markdown are read for displayed and inline mathematics, notebooks for
their Markdown cells. A formula that cannot be read is kept with its error: whether that matters is for the caller.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from typing import NamedTuple

from ..errors import ParseError
from .lex import is_plain, lex
from .macros import Macro, blank, collect, expand
from .markup import cells, without_code, without_comments
from .parse import parse_tokens
from .rows import join, split_rows
from .source import Source
from .symbols import TEXT_COMMANDS
from .syntax import Clause, Span
from .tokens import Token

MAX_DOCUMENT = 2_000_000

_DISPLAYS = "equation|align|gather|multline|eqnarray|flalign|alignat|displaymath|math"
_TEXT = rf"\\(?:{'|'.join(sorted(TEXT_COMMANDS))})\s*\{{[^{{}}]*\}}"
_OPENING = re.compile(rf"\\begin\{{(?P<env>(?:{_DISPLAYS})\*?)\}}(?:\{{[0-9]+\}})?|\\(?P<bracket>[\[(])|\\[\s\S]"
                      r"|(?P<dollar>\$\$?)")

@dataclass(frozen=True, slots=True)
class Formula:
    """One formula of a document: its clauses, or the error that kept it from being read. Spans lie in `source`."""

    source: Source
    span: Span
    clauses: tuple[Clause, ...]
    error: ParseError | None
    display: bool


class _Region(NamedTuple):
    start: int
    end: int
    display: bool
    join: bool = False
    error: str = ""


def formulas(text: str, kind: str = "text") -> list[Formula]:
    """All formulas of a document, in reading order. `kind` is text, tex, md or ipynb.

    >>> [f.source.place(f.span[0]) for f in formulas("z = W x\\n\\na = \\\\sigma(z)")]
    [(1, 1), (3, 1)]
    """
    source = Source(text)
    if len(text) > MAX_DOCUMENT:
        raise source.error(f"the document is longer than {MAX_DOCUMENT} characters", 0)
    if kind == "ipynb":
        return [f for cell in cells(source) for f in _markdown(cell)]
    if kind == "md":
        return _markdown(source)
    return _latex(source)


# --- plain text ----------------------------------------------------------------------------------------------------

def _lines(source: Source) -> list[Formula]:
    """One formula a line; a line that begins with a relation, or stands inside `\\begin … \\end`, goes on."""
    out: list[Formula] = []
    rows: list[list[Token]] = []
    plain = True
    for start, end in _logical_lines(source.text):
        try:
            tokens = lex(source, start, end)
            found = split_rows(tokens)
        except ParseError as error:
            out += _parsed(source, rows, plain)
            out.append(Formula(source, (start, end), (), error, True))
            rows = []
            continue
        if not found:
            out += _parsed(source, rows, plain)
            rows = []
            continue
        here = is_plain(source.text[start:end])
        before = len(rows)
        join(rows, found[0])
        if len(rows) > before and before:
            last = rows.pop()
            out += _parsed(source, rows, plain)
            rows, plain = [last], here
        plain = plain and here if before and len(rows) == before else here
        rows += found[1:]
    return out + _parsed(source, rows, plain)


def _logical_lines(text: str) -> list[Span]:
    """Lines, those of an environment together; if one is never closed, its lines stand alone."""
    out: list[Span] = []
    start = pos = depth = 0
    waiting: list[Span] = []
    for line in text.split("\n"):
        end = pos + len(line)
        waiting.append((pos, end))
        depth += line.count("\\begin{") - line.count("\\end{")
        pos = end + 1
        if depth <= 0:
            out.append((start, end))
            waiting, start, depth = [], pos, 0
    return out + waiting


def _parsed(source: Source, rows: list[list[Token]], plain: bool, display: bool = True) -> list[Formula]:
    out = []
    for row in rows:
        span = (row[0].start, row[-1].end)
        try:
            out.append(Formula(source, span, parse_tokens(source, row, plain=plain), None, display))
        except ParseError as error:
            out.append(Formula(source, span, (), error, display))
    return out


# --- LaTeX and Markdown --------------------------------------------------------------------------------------------

def _latex(source: Source) -> list[Formula]:
    text = without_comments(source.text)
    body = max(text.find("\\begin{document}"), 0)
    if not body and "\\documentclass" not in text and next(_regions(text, 0, False), None) is None:
        return _lines(source)
    macros, text = collect(text, body or next((r.start for r in _regions(text, 0, False)), len(text)))
    if body:
        text = blank(text[:body]) + text[body:]
    return _read(source, text, _regions(text, body, False), macros)


def _markdown(source: Source) -> list[Formula]:
    text, fenced = without_code(source.text)
    found = [_Region(start, end, display) for start, end, display in fenced]
    macros, text = collect(text, min((r.start for r in _regions(text, 0, True)), default=0))
    regions = sorted([*found, *_regions(text, 0, True)])
    return _read(source, source.text, regions, macros)


def _read(source: Source, text: str, regions: Iterator[_Region] | list[_Region],
          macros: dict[str, Macro]) -> list[Formula]:
    """The formulas of the regions. `text` is the source without comments, place for place."""
    out: list[Formula] = []
    clean = source if text == source.text else Source(text, source, range(len(text)), source.label)
    for region in regions:
        span = (region.start, region.end)
        try:
            if region.error:
                raise clean.error(region.error, region.start)
            read, start, end = expand(clean, *span, macros)
            rows = split_rows(lex(read, start, end, plain=False), region.join)
        except ParseError as error:
            out.append(Formula(clean, span, (), error, region.display))
            continue
        if rows:
            out += _parsed(read, rows, False, region.display)
        else:
            out.append(Formula(clean, span, (), clean.error("there is no formula here", region.start), region.display))
    return out


def _regions(text: str, pos: int, markdown: bool) -> Iterator[_Region]:
    """Where mathematics stands, by its delimiters. A closer that was not found once is not searched for again."""
    missing: set[str] = set()
    while (m := _OPENING.search(text, pos)) is not None:
        pos = m.end()
        opener = m["env"] or m["bracket"] or m["dollar"]
        if opener is None:
            continue
        closer = f"\\end{{{m['env']}}}" if m["env"] else {"[": "\\]", "(": "\\)"}.get(opener, opener)
        display = bool(m["env"]) and m["env"] != "math" or opener in ("[", "$$")
        close = None if closer in missing else _find(text, pos, closer)
        if close is None:
            missing.add(closer)
        inline = opener == "$"
        if close is not None and inline and not _is_inline(text, pos, close, markdown):
            close = None
        if close is None:
            if not (markdown and inline):
                yield _Region(m.start(), pos, display, False, f"`{m[0]}` is not closed")
            continue
        yield _Region(pos, close, display, bool(m["env"]) and m["env"].startswith("multline"))
        pos = close + len(closer)


def _is_inline(text: str, start: int, end: int, markdown: bool) -> bool:
    """Whether two dollar signs can be the two ends of a formula, and not two prices."""
    inside = text[start:end]
    if re.search(r"\n[ \t]*\n", inside):
        return False
    return not markdown or bool(inside) and not inside[0].isspace() and not inside[-1].isspace() \
        and not text[end + 1:end + 2].isdigit()


@lru_cache(maxsize=64)
def _closing(closer: str) -> re.Pattern[str]:
    return re.compile(rf"(?P<close>{re.escape(closer)})|{_TEXT}|\\[\s\S]")


def _find(text: str, pos: int, closer: str) -> int | None:
    for m in _closing(closer).finditer(text, pos):
        if m["close"]:
            return m.start()
    return None
