"""Macros that a document defines before its first formula, and their expansion under limits.

An expanded text knows, for each character, the place it comes from: what a macro put in belongs to the place of the
call, what stood in an argument keeps its own.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from .source import Source
from .tokens import MAX_CHARACTERS, closing_brace

MAX_CALLS = 1_000
MAX_DEPTH = 20

_NAME = r"\s*(?:\{{\s*\\(?P<{0}>[A-Za-z]+)\s*\}}|\\(?P<{0}_bare>[A-Za-z]+))\s*"
_DEFINITION = re.compile(
    r"\\(?:(?:re|provide)?(?:new)?command\*?" + _NAME.format("new")
    + r"(?:\[(?P<count>[0-9])\]\s*)?(?:\[(?P<default>[^][{}]*)\]\s*)?(?=\{)"
    r"|DeclareMathOperator(?P<star>\*?)" + _NAME.format("op") + r"(?=\{)"
    r"|def\s*\\(?P<def>[A-Za-z]+)\s*(?P<marks>(?:\#[1-9])*)\s*(?=\{))")
_CALL = re.compile(r"\\(?:([A-Za-z]+)|[\s\S])")
_MARK = re.compile(r"#([1-9])")
_ENDS_IN_COMMAND = re.compile(r"\\[A-Za-z]+\Z")


@dataclass(frozen=True, slots=True)
class Macro:
    """`default` is the optional first argument's, if it has one."""

    count: int
    default: str | None
    body: str


def collect(text: str, end: int) -> tuple[dict[str, Macro], str]:
    """The macros defined in `text[:end]`, and the text with those definitions blanked."""
    macros: dict[str, Macro] = {}
    kept: list[str] = []
    pos = 0
    while (m := _DEFINITION.search(text, pos, end)) is not None:
        close = closing_brace(text, m.end(), end)
        if close is None:
            break
        body = text[m.end() + 1:close]
        if name := m["op"] or m["op_bare"]:
            macros[name] = Macro(0, None, f"\\operatorname{m['star']}{{{body}}}")
        elif name := m["def"]:
            macros[name] = Macro(m["marks"].count("#"), None, body)
        else:
            macros[m["new"] or m["new_bare"]] = Macro(int(m["count"] or 0), m["default"], body)
        kept.append(text[pos:m.start()])
        kept.append(blank(text[m.start():close + 1]))
        pos = close + 1
    kept.append(text[pos:])
    return macros, "".join(kept)


def blank(text: str) -> str:
    """Spaces in place of a text, with its line breaks."""
    return re.sub(r"[^\n]", " ", text)


def expand(source: Source, start: int, end: int, macros: dict[str, Macro]) -> tuple[Source, int, int]:
    """The source and span to read in place of `source[start:end]`: a new one if a macro is used there."""
    if not macros or not any(m[1] in macros for m in _CALL.finditer(source.text, start, end)):
        return source, start, end
    text, places = _Expansion(source, macros).run(source.text[start:end], range(start, end), 0)
    return Source(text, source, places, source.label), 0, len(text)


class _Expansion:
    """One formula being expanded; counts its calls."""

    def __init__(self, source: Source, macros: dict[str, Macro]) -> None:
        self.source, self.macros, self.calls = source, macros, 0

    def run(self, text: str, places: Sequence[int], depth: int) -> tuple[str, list[int]]:
        out: list[tuple[str, Sequence[int]]] = []
        pos = size = 0
        for m in _CALL.finditer(text):
            if m.start() < pos or m[1] not in self.macros:
                continue
            at = places[m.start()]
            self.calls += 1
            if depth >= MAX_DEPTH or self.calls > MAX_CALLS or size > MAX_CHARACTERS:
                raise self.source.error(f"the macro \\{m[1][:40]} expands without end", at)
            out.append((text[pos:m.start()], places[pos:m.start()]))
            filled, filled_places, pos = self._fill(m[1], text, places, m.end(), at)
            out.append(self.run(filled, filled_places, depth + 1))
            size += len(out[-1][0])
        out.append((text[pos:], places[pos:]))
        return _joined(out)

    def _fill(self, name: str, text: str, places: Sequence[int], pos: int, at: int) -> tuple[str, list[int], int]:
        """The body of a call with its arguments put in, and where the call ends."""
        macro = self.macros[name]
        arguments: list[tuple[str, Sequence[int]]] = []
        if macro.default is not None:
            m = re.compile(r"\s*\[([^][]*)\]").match(text, pos)
            arguments.append((m[1], places[m.start(1):m.end(1)]) if m else (macro.default, [at] * len(macro.default)))
            pos = m.end() if m else pos
        while len(arguments) < macro.count:
            m = re.compile(r"\s*(\\[A-Za-z]+|\\[\s\S]|[^\s}])").match(text, pos)
            if m is None:
                raise self.source.error(f"an argument of \\{name[:40]} is missing", at)
            first, last = m.span(1)
            if m[1] == "{":
                close = closing_brace(text, first, len(text))
                if close is None:
                    raise self.source.error(f"an argument of \\{name[:40]} is not closed", at)
                first, last = first + 1, close
            arguments.append((text[first:last], places[first:last]))
            pos = last + (m[1] == "{")
        pieces: list[tuple[str, Sequence[int]]] = []
        done = 0
        for m in _MARK.finditer(macro.body):
            pieces.append((macro.body[done:m.start()], [at] * (m.start() - done)))
            if int(m[1]) > len(arguments):
                raise self.source.error(f"the macro \\{name[:40]} has no argument {m[1]}", at)
            pieces.append(arguments[int(m[1]) - 1])
            done = m.end()
        pieces.append((macro.body[done:], [at] * (len(macro.body) - done)))
        return *_joined(pieces), pos


def _joined(pieces: list[tuple[str, Sequence[int]]]) -> tuple[str, list[int]]:
    """Pieces one after another; a letter may not run into the command before it (`\\hat#1`)."""
    text, places = "", []
    for piece, at in pieces:
        if piece[:1].isalpha() and _ENDS_IN_COMMAND.search(text[-60:]):
            text += " "
            places.append(at[0])
        text += piece
        places.extend(at)
    return text, places
