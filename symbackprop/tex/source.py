"""A text and its places: turns an offset into line and column, and a complaint into a `ParseError`.

A source made from another one (macros expanded, a notebook cell decoded) carries `back`, the offset in the original
of each of its characters, so that every place a user sees is a place in the file they wrote.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Sequence

from ..errors import ParseError


class Source:
    """Text to be read. `label` names a part of a file, such as a notebook cell."""

    __slots__ = ("text", "original", "back", "label", "_starts")

    def __init__(self, text: str, original: Source | None = None, back: Sequence[int] = (), label: str = "") -> None:
        self.text, self.original, self.back, self.label = text, original, back, label
        self._starts: list[int] | None = None

    def place(self, offset: int) -> tuple[int, int]:
        """Line and column, from 1, of the character at `offset` in the text the user wrote."""
        if self.original is not None:
            return self.original.place(self._origin(offset))
        starts = self._line_starts()
        line = bisect_right(starts, offset)
        return line, offset - starts[line - 1] + 1

    def line(self, number: int) -> str:
        """The text of one line of what the user wrote."""
        if self.original is not None:
            return self.original.line(number)
        starts = self._line_starts()
        end = starts[number] - 1 if number < len(starts) else len(self.text)
        return self.text[starts[number - 1]:end].rstrip("\r")

    def error(self, message: str, offset: int, hint: str | None = None) -> ParseError:
        """The complaint `message` about the character at `offset`."""
        line, column = self.place(offset)
        return ParseError(message, line=line, column=column, source=self.line(line), hint=hint)

    def _origin(self, offset: int) -> int:
        if offset < len(self.back):
            return self.back[offset]
        return self.back[-1] + 1 if self.back else 0

    def _line_starts(self) -> list[int]:
        if self._starts is None:
            starts, at = [0], self.text.find("\n")
            while at >= 0:
                starts.append(at + 1)
                at = self.text.find("\n", at + 1)
            self._starts = starts
        return self._starts
