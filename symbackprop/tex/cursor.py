"""Where a parser stands in its tokens, and how it complains.

The grammar is laid over this in three layers, each on the one below: `scripts` (what a script or an argument takes),
`values` (brackets, fractions, fonts, environments), `parse` (operators and formulas).
"""

from __future__ import annotations

from collections.abc import Callable

from ..errors import ParseError
from .source import Source
from .syntax import Node
from .tokens import Token

MAX_NESTING = 100

# How tightly things bind. A sign or big operator takes the products on its right and nothing looser.
SEMI, COMMA, LOGIC, REL, ADD, PREFIX, MUL, JUXT, SCRIPT, BINDS_MOST = range(1, 11)
INFIX = {"semi": SEMI, "comma": COMMA, "logic": LOGIC, "rel": REL, "add": ADD, "mul": MUL}
NOTHING = (0, "")


class Cursor:
    """Tokens, the place in them, the depth of what is open, and the operator that waits for the value being read.

    `level` and `atom` come from the layers above.
    """

    level: Callable[[str], Node]
    atom: Callable[[], Node]

    def __init__(self, source: Source, tokens: list[Token], plain: bool) -> None:
        self.source, self.tokens, self.plain = source, tokens, plain
        self.i = self.depth = 0
        self.waiting: tuple[int, str] = NOTHING

    def enter(self) -> None:
        """Count one more nesting; every recursion passes here, so that Python's own limit is never met."""
        self.depth += 1
        if self.depth > MAX_NESTING:
            raise self.source.error(f"the formula is nested more than {MAX_NESTING} deep", self.tokens[self.i].start)

    def missing(self) -> ParseError:
        """The complaint that a value is missing at this token."""
        token = self.tokens[self.i]
        before = self.tokens[self.i - 1] if self.i else None
        after = f" after `{self._shown(before)}`" if before else ""
        if token.kind == "eof":
            return self.source.error(f"the formula ends where a value is missing{after}",
                                     before.start if before else token.start)
        if token.kind == "rel" and not after:
            return self.source.error(f"nothing stands before `{self._shown(token)}`", token.start)
        return self.source.error(f"`{self._shown(token)}` stands where a value is missing{after}", token.start)

    def unexpected(self) -> ParseError:
        token = self.tokens[self.i]
        if token.kind in ("close", "right", "}"):
            return self.source.error(f"`{self._shown(token)}` closes nothing", token.start)
        if token.kind == "text":
            return self.source.error("words in the middle of a formula", token.start)
        if token.kind == "over":
            return self.source.error("\\over without braces around its fraction", token.start)
        return self.source.error(f"`{self._shown(token)}` is not expected here", token.start)

    def unclosed(self, opening: Token) -> ParseError:
        token = self.tokens[self.i]
        if token.kind in ("eof", "close", "right", "}", "end", "amp", "row", "sep"):
            return self.source.error(f"`{self._shown(opening)}` is not closed", opening.start)
        return self.unexpected()

    def _shown(self, token: Token) -> str:
        return self.source.text[token.start:token.end][:24] or token.text
