"""A token, and the tape that tokens are written on: it counts brackets and knows which environments are open."""

from __future__ import annotations

import re
from typing import NamedTuple

from ..errors import ParseError
from .source import Source

MAX_CHARACTERS = 20_000
_BRACE = re.compile(r"\\[\s\S]|[{}]")


class Token(NamedTuple):
    """`kind` decides how it is parsed, `text` is canonical: `\\odot` and `⊙` are both ("mul", "odot")."""

    kind: str
    text: str
    start: int
    end: int


class Tape:
    """What a lexer has written so far. `run`, which lexes a stretch of the source, comes from the layer above."""

    def __init__(self, source: Source, plain: bool) -> None:
        self.source, self.plain = source, plain
        self.tokens: list[Token] = []
        self.depth = self.braces = self.nested = 0
        self.environments: list[tuple[str, int, bool]] = []

    def run(self, pos: int, end: int) -> None:
        raise AssertionError("the lexer defines it")

    def fail(self, message: str, offset: int, hint: str | None = None) -> ParseError:
        return self.source.error(message, offset, hint)

    def put(self, kind: str, text: str, start: int, end: int) -> int:
        """Append a token, keeping count of the brackets; a gap or separator inside brackets is only white space."""
        if kind in ("open", "{", "left"):
            self.depth += 1
            self.braces += kind == "{"
        elif kind in ("close", "}", "right"):
            self.depth = max(0, self.depth - 1)
            self.braces -= kind == "}"
        elif kind == "gap":
            if not self.depth and self.tokens and self.tokens[-1].kind == "comma":
                self.tokens[-1] = self.tokens[-1]._replace(kind="gap-comma")
            return end
        elif kind == "space" or kind == "sep" and text != "implies" and \
                (self.depth or self.tokens and self.tokens[-1].kind == "sep"):
            return end
        elif kind == "amp":
            kind = "align" if self.is_row_level() else "amp"
        self.tokens.append(Token(kind, text, start, end))
        return end

    def is_row_level(self) -> bool:
        return not self.braces and (not self.environments or self.environments[-1][2])


def closing_brace(text: str, start: int, end: int) -> int | None:
    """Where the brace that opens at `start` closes."""
    depth = 0
    for m in _BRACE.finditer(text, start, end):
        depth += (m[0] == "{") - (m[0] == "}")
        if depth == 0:
            return m.start()
    return None
