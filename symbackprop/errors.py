"""The errors a user can meet: one base, three children, one message shape.

A message is one line about the user's own text; where a place is known it is followed by that line and a caret,
and where something would have been right, by a hint. Wrong argument types raise Python's own built-ins.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable


class SymbackpropError(Exception):
    """Base of every error that speaks about the user's model or formula.

    `line` and `column` count from 1 in characters; `source` is the text of that line; `hint` is a suggestion.
    """

    kind = "error"

    def __init__(self, message: str, *, line: int | None = None, column: int | None = None,
                 source: str | None = None, hint: str | None = None) -> None:
        super().__init__(message)
        self.message, self.line, self.column, self.source, self.hint = message, line, column, source, hint

    def at(self, line: int, column: int, source: str | None) -> SymbackpropError:
        """This error with a place, unless it has one already."""
        if self.line is None:
            self.line, self.column, self.source = line, column, source
        return self

    def __str__(self) -> str:
        place = f"line {self.line}, column {self.column}: " if self.line is not None else ""
        text = place + self.message + (f": {self.hint}" if self.hint else "")
        if self.source is not None and self.column is not None:
            shown, caret = clip(self.source, self.column)
            text += f"\n    {shown}\n    {' ' * caret}^"
        return text

    def as_json(self) -> dict[str, object]:
        """The error as the command line prints it under `--json`."""
        return {"error": self.kind, "message": self.message, "line": self.line, "column": self.column,
                "hint": self.hint}


class ParseError(SymbackpropError):
    """The text could not be read: bad syntax, an unknown name, a limit passed."""

    kind = "syntax"


class NoSuchStep(ParseError):
    """A name exists, but not at this layer or step."""


class ShapeError(SymbackpropError):
    """Two shapes cannot agree."""

    kind = "shape"


class UnsupportedError(SymbackpropError):
    """A thing that is understood and not done; the message names the node."""

    kind = "unsupported"


def clip(source: str, column: int, width: int = 96) -> tuple[str, int]:
    """A window of `source` around `column`, and where the caret stands in it."""
    start = max(0, column - 1 - width // 2) if len(source) > width else 0
    return source[start:start + width].replace("\t", " "), column - 1 - start


def nearest(name: str, known: Iterable[str]) -> str | None:
    """`did you mean …?` for the nearest known name, or None."""
    pool = sorted(set(known))
    found = difflib.get_close_matches(name, pool, n=1, cutoff=0.6)
    if not found:
        found = [k for k in pool if k.lower() == name.lower()][:1]
    return f"did you mean {found[0]}?" if found else None


def nearest_or_all(name: str, known: Iterable[str], most: int = 12) -> str | None:
    """The nearest known name, or else what there is."""
    names = list(known)
    more = ", …" if len(names) > most else ""
    return nearest(name, names) or (f"there is {', '.join(names[:most])}{more}" if names else None)
