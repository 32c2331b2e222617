"""Characters beyond ASCII -> the tokens that their LaTeX spelling would give, or a refusal that names them.

Raised and lowered digits, accented and styled letters and ready-made fractions are spelled out. Whatever looks like
another character, or like nothing, is refused by code point and name.
"""

from __future__ import annotations

import re
import unicodedata

from . import symbols as s
from .symbols import Entry

_PART = re.compile(r"[A-Za-z]+|[0-9]+|[-+=()]")


def spell(text: str) -> list[Entry] | None:
    """Kinds and texts of the tokens that a run of raised or lowered characters, or one other character, stands for."""
    if text[0] in s.RAISED or text[0] in s.LOWERED:
        return _script(text)
    if text in s.FRACTIONS:
        return [("frac", "frac"), *(("num", digit) for digit in s.FRACTIONS[text])]
    parts = unicodedata.normalize("NFD", text)
    if len(parts) > 1 and all(c in s.COMBINING for c in parts[1:]):
        return _letter(parts[0], [("accent", s.COMBINING[c]) for c in reversed(parts[1:])])
    return _styled(text)


def _script(text: str) -> list[Entry]:
    table, mark = (s.RAISED, "^") if text[0] in s.RAISED else (s.LOWERED, "_")
    inner = [_letter(part, []) or [s.LITERALS[part]] for part in _PART.findall("".join(table[c] for c in text))]
    return [(mark, mark), ("{", "{"), *(entry for entries in inner for entry in entries), ("}", "}")]


def _styled(text: str) -> list[Entry] | None:
    """A letter or digit of a mathematical alphabet, such as a bold W or a double-struck 1."""
    words = frozenset(unicodedata.name(text, "").split()[:3])
    plain = unicodedata.normalize("NFKC", text)
    if len(plain) != 1 or plain == text or not words & s.STYLED.keys() or words & {"SANS-SERIF", "MONOSPACE"}:
        return None
    return _letter(plain, [("font", s.STYLED[word]) for word in sorted(words & s.STYLED.keys()) if s.STYLED[word]])


def _letter(char: str, before: list[Entry]) -> list[Entry] | None:
    if char.isascii() and char.isalnum():
        return [*before, ("num" if char[0].isdigit() else "word", char)]
    return [*before, s.LITERALS[char]] if s.LITERALS.get(char, ("",))[0] == "sym" else None
