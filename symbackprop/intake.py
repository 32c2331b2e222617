"""Where texts come in: bytes -> text, line ends and limits, and the refusal of what no reader should meet.

Every door passes here before any work, so that a reader sees at most `MAX_CHARACTERS` characters of whole Unicode with
`\\n` between lines, and whatever nesting exhausts Python is an error about the text.
"""

from __future__ import annotations

import re
import sys
import unicodedata
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from .errors import ParseError, SymbackpropError

MAX_CHARACTERS = 2_000_000
MAX_AXES = 12  # of a tensor: at sizes of 2 and 3 its entries must be few enough to work with
MAX_BYTES = 4 * MAX_CHARACTERS
TURNING = re.compile("[\u202a-\u202e\u2066-\u2069]")
DOTS = re.compile(r"(?<=\w)([ \t]*)\.\.(?=[ \t]*\w)")  # between the ends of a range, `1..L`: read as `1^ L`, which Python parses
UTF16 = (b"\xff\xfe", b"\xfe\xff")


def text_of(path: str | Path) -> str:
    """The text of a file, or of standard input for `-`.

    Raises `ParseError` with line and column where it is too large or is not UTF-8, and `OSError` where it cannot be read.
    """
    if str(path) == "-":
        if sys.stdin is None:
            raise SymbackpropError("standard input is closed")
        stream = getattr(sys.stdin, "buffer", None)
        return decoded(stream.read(MAX_BYTES + 1), "standard input") if stream is not None else sys.stdin.read(MAX_CHARACTERS + 1)
    with open(path, "rb") as file:
        return decoded(file.read(MAX_BYTES + 1), str(path))


def decoded(data: bytes, label: str) -> str:
    """Bytes as UTF-8 text.

    >>> decoded(b"\\xef\\xbb\\xbfz = W x", "x.tex")
    '\\ufeffz = W x'
    """
    if len(data) > MAX_BYTES:
        raise ParseError(f"{label} has more than {MAX_BYTES} bytes", line=1, column=1)
    try:
        return data.decode()
    except UnicodeDecodeError as error:
        before = data[:error.start].decode()
        hint = "it looks like UTF-16: save it as UTF-8" if data.startswith(UTF16) else None
        raise ParseError(f"{label} is not UTF-8 text (byte {error.start})", line=before.count("\n") + 1,
                         column=len(before) - before.rfind("\n"), hint=hint) from None


def cleaned(text: str) -> str:
    """A text without a byte order mark, its lines ended by `\\n`.

    Raises `ParseError` at a NUL, at half a surrogate pair, and where the text is too long.

    >>> cleaned("\\ufeffx = 1\\r\\ny = 2\\rz = 3")
    'x = 1\\ny = 2\\nz = 3'
    """
    if not isinstance(text, str):
        raise TypeError(f"a text is needed, not {type(text).__name__}")
    if len(text) > MAX_CHARACTERS:
        raise ParseError(f"the text is longer than {MAX_CHARACTERS} characters", line=1, column=1)
    text = text.removeprefix("\ufeff")
    if "\r" in text:
        text = text.replace("\r\n", "\n").replace("\r", "\n")
    if (at := text.find("\0")) >= 0:
        raise refused(text, at)
    try:
        text.encode()
    except UnicodeEncodeError as error:
        raise refused(text, error.start) from None
    return text


def refused(text: str, at: int, why: str = "has no place in a text") -> ParseError:
    """The complaint about one character, by its code point and name."""
    start = text.rfind("\n", 0, at) + 1
    end = text.find("\n", at)
    source = text[start:end if end >= 0 else len(text)].encode(errors="replace").decode()
    return ParseError(f"the character {described(text[at])} {why}", line=text.count("\n", 0, at) + 1, column=at - start + 1, source=source)


def described(char: str) -> str:
    """How a refused character is named: itself if it can be seen and is ASCII, else its code point and name.

    >>> described("\\u0430"), described("$")
    ('U+0430 CYRILLIC SMALL LETTER A', '`$`')
    """
    if char.isascii() and char.isprintable():
        return f"`{char}`"
    kind = {"Cc": "a control character", "Cs": "half a surrogate pair"}.get(unicodedata.category(char), "")
    return f"U+{ord(char):04X} {unicodedata.name(char, kind)}".rstrip()


@contextmanager
def bounded(text: str) -> Iterator[None]:
    """Work on a text that no nesting of it can bring down; an error about all of it is placed at its beginning."""
    try:
        yield
    except SymbackpropError as error:
        raise error.at(1, 1, text[:200].partition("\n")[0]) from None
    except (RecursionError, MemoryError, OverflowError):
        raise ParseError("the text is too long, too deeply nested or has numbers too large to read", line=1, column=1) from None
