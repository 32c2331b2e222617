"""LaTeX or raw Unicode mathematics -> tokens, each with the span of characters it was made from.

Only what `symbols` lists passes; every other command or character is a `ParseError` that names it. Raised, lowered,
accented and styled characters become the tokens that their LaTeX spelling would give. No character is dropped
without being white space, a comment, or a command that prints nothing.
"""

from __future__ import annotations

import re

from ..intake import described
from . import symbols as s
from .characters import spell
from .commands import Commands
from .source import Source
from .tokens import MAX_CHARACTERS, Token

MAX_DIGITS = 1_000
MAX_NAME = 200

_SIGNS = "|".join(re.escape(x) for x in sorted(s.LITERALS, key=len, reverse=True) if x != ".T")
_ACCENTS = "".join(s.COMBINING)
_TOKEN = re.compile(rf"""
    (?P<space>(?:[ \t\r\n]|%[^\n]*)+)
  | (?P<word>[A-Za-z](?![{_ACCENTS}])(?:[A-Za-z0-9](?![{_ACCENTS}]))*)
  | (?P<cmd>\\(?:[A-Za-z]+|[\s\S]))
  | (?P<sci>[0-9]+(?:\.[0-9]+)?[eE][-+]?[0-9]+)
  | (?P<num>[0-9]+(?:\.[0-9]+)?|\.[0-9]+)
  | (?P<key>\[[ ]*(?P<quote>['"])[A-Za-z][A-Za-z0-9_]*(?P=quote)[ ]*\])
  | (?P<prime>'+)
  | (?P<lit>\.T(?![A-Za-z0-9_])|{_SIGNS})(?![{_ACCENTS}])
  | (?P<beyond>[{"".join(s.RAISED)}]+|[{"".join(s.LOWERED)}]+|[\s\S][{_ACCENTS}]*)""", re.VERBOSE)
_STATEMENTS = s.RESERVED - {"True", "False", "None"}
_ENDS_VALUE = frozenset(("word", "num", "sym", "close", "}", "right", "name", "mark"))


def lex(source: Source, start: int = 0, end: int | None = None, *, plain: bool | None = None) -> list[Token]:
    """The tokens of one formula, which stands at `start:end` of the source.

    `plain` text has no LaTeX in it: there a subscript or exponent runs on (`x_12`, `W_in`), and Python words are
    refused. Unless given, a text is plain when it holds no backslash and no brace.
    """
    stop = len(source.text) if end is None else end
    if stop - start > MAX_CHARACTERS:
        raise source.error(f"the formula is longer than {MAX_CHARACTERS} characters", start)
    part = source.text[start:stop]
    if (at := part.find("^^")) >= 0:
        raise source.error("^^ is a way to hide characters and is refused in a formula", start + at)
    lexer = _Lexer(source, is_plain(part) if plain is None else plain)
    lexer.run(start, stop)
    if lexer.environments:
        name, where, _ = lexer.environments[-1]
        raise source.error(f"\\begin{{{name}}} is not closed", where)
    return lexer.tokens


def is_plain(text: str) -> bool:
    """Whether the text of a formula holds no LaTeX."""
    return not ("\\" in text or "{" in text or "}" in text)


class _Lexer(Commands):
    def run(self, pos: int, end: int) -> None:
        """Lex `pos:end`. Most tokens neither change the brackets nor look back, and are appended at once."""
        text, tokens, match, handlers = self.source.text, self.tokens, _TOKEN.match, self._HANDLERS
        while pos < end:
            m = match(text, pos, end)
            group, after = m.lastgroup, m.end()
            if group != "space":
                entry = _DIRECT.get(m[0])
                if entry is not None:
                    tokens.append(Token(entry[0], entry[1], pos, after))
                elif group == "word" and not self.plain and m[0] not in _STATEMENTS and after - pos <= MAX_NAME:
                    tokens.append(Token("word", m[0], pos, after))
                else:
                    after = handlers[group](self, m[0], pos, after, end)
            pos = after

    def word(self, text: str, start: int, after: int, end: int) -> int:
        kinds = [t.kind for t in self.tokens[-2:]]
        if text in s.RESERVED and kinds[-1:] != ["_"] and kinds not in (["_", "{"], ["^", "{"]):
            raise self.fail(f"`{text}` is a Python word, and this line is read as mathematics", start)
        if after - start > MAX_NAME:
            raise self.fail(f"a name of more than {MAX_NAME} letters and digits", start)
        return self.put("word", text, start, after)

    def number(self, text: str, start: int, after: int, end: int) -> int:
        if after - start > MAX_DIGITS:
            raise self.fail(f"a number of more than {MAX_DIGITS} digits", start)
        if text[0] == "." and self.tokens and self.tokens[-1].end == start and self.tokens[-1].kind in _ENDS_VALUE:
            raise self.fail("a point that belongs to nothing", start)
        return self.put("num", text, start, after)

    def scientific(self, text: str, start: int, after: int, end: int) -> int:
        if not self.plain:
            mantissa, _, exponent = text.lower().partition("e")
            raise self.fail(f"`{text}` prints as a product with e", start,
                            f"write {mantissa} \\cdot 10^{{{exponent.lstrip('+')}}}")
        return self.number(text, start, after, end)

    def key(self, text: str, start: int, after: int, end: int) -> int:
        name = text.strip("[] ")[1:-1]
        at = start + text.index(name)
        self.put("open", "[", start, start + 1)
        self.put("key", name, at, at + len(name))
        return self.put("close", "]", after - 1, after)

    def prime(self, text: str, start: int, after: int, end: int) -> int:
        return self.put("'", text, start, after)

    def literal(self, text: str, start: int, after: int, end: int) -> int:
        return self.put(*s.LITERALS[text], start, after)

    def beyond(self, text: str, start: int, after: int, end: int) -> int:
        entries = spell(text)
        if entries is None:
            raise self.fail(f"the character {described(text[0])} has no place in a formula", start, s.ADVICE.get(text))
        for kind, value in entries:
            self.put(kind, value, start, after)
        return after

    _HANDLERS = {"word": word, "num": number, "sci": scientific, "key": key, "prime": prime, "lit": literal,
                 "beyond": beyond, "cmd": Commands.command}


_NEUTRAL = frozenset("sym mark rel add mul frac sqrt accent font _ ^ big logic".split())
_DIRECT = {spelled: entry for spelled, entry in
           [*s.LITERALS.items(), *(("\\" + name, entry) for name, entry in s.COMMANDS.items())] if entry[0] in _NEUTRAL}
