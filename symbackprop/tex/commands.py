"""Commands -> tokens: words, environments, delimiters, and the refusal of what is not on the white list."""

from __future__ import annotations

import re

from ..errors import nearest
from . import symbols as s
from .tokens import Tape, closing_brace

MAX_UNDER = 50

_BRACED = re.compile(r"\s*\{([^{}]*)\}")
_LETTER = re.compile(r"\s*([A-Za-z])")
_NAME = re.compile(r"(?:[A-Za-z0-9 .~-]|\\[_,!; -])*")
_NAME_SPACE = re.compile(r"\\[,!; ]|[ ~]")
_UPRIGHT = re.compile(r"\s*\\rm\s+([A-Za-z]+)\s*")
_DELIMITER = re.compile(r"\s*(\\[A-Za-z]+|\\.|[^\s\\])")
_SIZED = re.compile(r"(?:big|Big|bigg|Bigg)([lrm]?)")
_ENVIRONMENT = re.compile(r"\s*\{([A-Za-z]{1,20}\*?)\}")
_COLUMNS = re.compile(r"\s*\{[lcr|0-9 ]*\}")
_PLACEMENT = re.compile(r"\s*\[[tbc]\]")
_ROW_GAP = re.compile(r"\*?(?:\s*\[\s*-?[0-9.]+\s*(?:pt|em|ex|mm|cm)\s*\])?")
_OVER_RELATION = re.compile(r"\s*\{((?:[^{}]|\{[^{}]*\})*)\}\s*\{\s*(\\[A-Za-z]+|[^{}\\\s]+)\s*\}")
_NOTE = re.compile(r"(?:\\(?:text|mathrm|textrm|triangle|Delta)\b|[\w\s().,!?*{}:-])*", re.ASCII)
_PROSE = re.compile(r"(?:[^\W\d_]|[ .,;:'’?]|(?<=\w)[-0-9]|(?<=[a-z,.] )[0-9]|\([\w .,:;-]*\))*")
_CONDITION = re.compile(r"\s*(if|for|when|where)\s+(?=[^$]*[<>=≤≥≠])")


class Commands(Tape):
    def command(self, text: str, start: int, after: int, end: int) -> int:
        name = text[1:]
        entry = s.COMMANDS.get(name)
        if entry is not None:
            kind, value = entry
            if kind == "fun" and self.tokens and self.tokens[-1][:2] == ("fun", "arg") and value in ("max", "min"):
                start = self.tokens.pop().start
                value = "arg" + value
            if kind in self._SPECIAL:
                return self._SPECIAL[kind](self, name, start, after, end)
            return self.put(kind, value, start, after)
        if name in s.SPACES:
            return after
        if name in s.GAPS:
            return self.put("gap", name, start, after)
        if name == "\\":
            kind = "break" if self.is_row_level() else "row"
            if kind == "break":
                self.depth = 0
            after = _ROW_GAP.match(self.source.text, after, end).end()
            return self.put(kind, "\\\\", start, after)
        starred = name + "*" if self.source.text[after:after + 1] == "*" else name
        for spelled in (starred, name):
            if spelled in s.TEXT_COMMANDS or spelled in s.NAME_FONTS:
                return self._text(spelled, start, start + 1 + len(spelled), end)
            if spelled in s.SKIPPED_WITH_ARGUMENT:
                return self._braced(spelled, start, start + 1 + len(spelled), end)[1]
        return self._structure(name, start, after, end)

    def _structure(self, name: str, start: int, after: int, end: int) -> int:
        """`\\begin`, `\\end`, `\\left`, `\\right`, `\\big`; anything else is refused."""
        if name in ("begin", "end"):
            return self._environment(name, start, after, end)
        if name in ("left", "right"):
            text, after = self._delimiter(name, start, after, end)
            return self.put(name, s.DELIMITERS.get(text, (None, text))[1], start, after)
        if sized := _SIZED.fullmatch(name):
            text, after = self._delimiter(name, start, after, end)
            side = {"l": "open", "r": "close"}.get(sized[1])
            if text == "/":
                return self.put("mul", "/", start, after)
            kind, value = s.DELIMITERS.get(text, (side, text))
            if kind == "bar" and sized[1]:
                kind, value = ("rel", "given") if sized[1] == "m" else (side, value)
            if kind is None or text == ".":
                raise self.fail(f"\\{name} before `{text}`, which opens and closes nothing", start)
            return self.put(kind, value, start, after)
        shown = name[:40]
        if name in s.REFUSED:
            raise self.fail(f"\\{shown} is refused in a formula", start)
        if not name[0].isalpha():
            raise self.fail(f"the command \\{name} is not known" if name.isprintable() else "a lone backslash", start)
        known = nearest(name, _KNOWN) if len(name) <= 40 else None
        raise self.fail(f"the command \\{shown} is not known", start, known and known.replace("mean ", "mean \\"))

    def _braced(self, name: str, start: int, after: int, end: int) -> tuple[str, int]:
        m = _BRACED.match(self.source.text, after, end)
        if m is None or "\\" in m[1] or "$" in m[1]:
            raise self.fail(f"\\{name} needs a plain text in braces", start)
        return m[1], m.end()

    def _delimiter(self, name: str, start: int, after: int, end: int) -> tuple[str, int]:
        m = _DELIMITER.match(self.source.text, after, end)
        if m is None or m[1] not in s.DELIMITERS and m[1] not in s.SIZED_ONLY:
            raise self.fail(f"\\{name} is not followed by a bracket", start)
        return m[1], m.end()

    def _environment(self, command: str, start: int, after: int, end: int) -> int:
        m = _ENVIRONMENT.match(self.source.text, after, end)
        if m is None:
            raise self.fail(f"\\{command} is not followed by the name of an environment", start)
        name, after = m[1], m.end()
        if command == "end":
            if not self.environments or self.environments[-1][0] != name:
                raise self.fail(f"\\end{{{name}}} closes nothing", start)
            if self.environments.pop()[2]:
                return after
            self.depth = max(0, self.depth - 1)
            return self.put("end", name, start, after)
        if name not in s.ENVIRONMENTS:
            raise self.fail(f"the environment {name} is not known", start, nearest(name, s.ENVIRONMENTS))
        if m := _PLACEMENT.match(self.source.text, after, end):
            after = m.end()
        if name in s.COLUMN_ARGUMENT and (m := _COLUMNS.match(self.source.text, after, end)):
            after = m.end()
        rows = name in s.ROW_ENVIRONMENTS and not self.depth
        self.environments.append((name, start, rows))
        if rows:
            return after
        self.depth += 1
        return self.put("begin", name, start, after)

    def _text(self, command: str, start: int, after: int, end: int) -> int:
        m = _BRACED.match(self.source.text, after, end)
        is_text = command in s.TEXT_COMMANDS
        if m is None:
            m = None if is_text else _LETTER.match(self.source.text, after, end)
            if m is None and is_text:
                raise self.fail(f"\\{command} needs a plain text in braces", start)
            return self.put("name", m[1], start, m.end()) if m else self.put("font", "", start, after)
        if is_text and m[1].count("$") % 2 == 0 and "$" in m[1]:
            return self._mixed(m[1], m.start(1), m.end())
        if is_text and (condition := _CONDITION.match(m[1])):
            self.put("text", condition[1], start, m.start(1) + condition.end())
            self.run(m.start(1) + condition.end(), m.end(1))
            return m.end()
        if not _NAME.fullmatch(m[1]):
            if not is_text:
                return self.put("font", "", start, after)
            return self._prose(m[1], start, m.end())
        name = " ".join(_NAME_SPACE.sub(" ", m[1]).replace("\\", "").split())
        if not name[:1].isalpha():
            return self._prose(m[1], start, m.end()) if is_text else self.put("font", "", start, after)
        return self._words(name, start, m.end())

    def _prose(self, content: str, start: int, after: int) -> int:
        """Words beside a formula. What prints as mathematics is refused: a text is not read as a formula."""
        text = " ".join(content.split())
        if not _PROSE.fullmatch(text):
            raise self.fail("only words may stand inside a text", start)
        return self.put("text", text, start, after) if text.strip(".,;: ") else after

    def _words(self, name: str, start: int, after: int) -> int:
        """A name, or prose: one connective, or several words that begin like prose; inside a script it is a name."""
        words = name.lower().split()
        first = words[0].rstrip(".,:;") if words[0] not in s.PROSE else words[0]
        in_script = self.tokens and self.tokens[-1].kind in "_^" or \
            len(self.tokens) > 1 and self.tokens[-1].kind == "{" and self.tokens[-2].kind in "_^"
        if len(words) > 1 and first in s.CONNECTIVES and self.source.text[after:after + 1] in ("_", "^", "'"):
            lead, _, name = name.rpartition(" ")
            self.put("text", lead, start, after)
        elif not in_script and (first in s.CONNECTIVES or len(words) > 1 and first in s.PROSE):
            return self.put("text", name, start, after)
        joined = name.replace(" ", "")
        return self.put("name", joined if joined in s.BIG_NAMES else name, start, after)

    def _mixed(self, content: str, at: int, after: int) -> int:
        """`\\text{if $z > 0$}`: words and formulas in turn."""
        for i, part in enumerate(content.split("$")):
            if i % 2:
                self.run(at, at + len(part))
            elif part.strip():
                self._prose(part, at, at + len(part))
            at += len(part) + 1
        return after

    def _over_relation(self, name: str, start: int, after: int, end: int) -> int:
        m = _OVER_RELATION.match(self.source.text, after, end)
        spelled = m[2] if m else ""
        kind, op = s.COMMANDS.get(spelled[1:], ("", "")) if spelled[:1] == "\\" else s.LITERALS.get(spelled, ("", ""))
        if kind != "rel" or not _NOTE.fullmatch(m[1]):
            raise self.fail(f"\\{name} is read only over a relation sign", start)
        defines = re.search(r"def|triangle|Delta", m[1])
        return self.put("rel", ":=" if defines else op, start, m.end())

    def _under(self, name: str, start: int, after: int, end: int) -> int:
        """`\\underset{w}{\\arg\\min}` is `\\arg\\min_{w}`; `\\mathop{…}` is what stands in it."""
        self.nested += 1
        if self.nested > MAX_UNDER:
            raise self.fail(f"more than {MAX_UNDER} times \\{name} in one formula", start)
        inner = self._group_span(name, start, after, end)
        if name == "mathop":
            if upright := _UPRIGHT.fullmatch(self.source.text, *inner):
                self.put("name", upright[1], start, inner[1] + 1)
            else:
                self.run(*inner)
            return inner[1] + 1
        base = self._group_span(name, start, inner[1] + 1, end)
        before = len(self.tokens)
        self.run(*base)
        if [t.kind in ("fun", "name", "big") for t in self.tokens[before:]] != [True]:
            raise self.fail(f"\\{name} is read only under an operator", start)
        self.put("_", "_", start, start)
        self.put("{", "{", inner[0] - 1, inner[0])
        self.run(*inner)
        self.put("}", "}", inner[1], inner[1] + 1)
        return base[1] + 1

    def _group_span(self, name: str, start: int, after: int, end: int) -> tuple[int, int]:
        text = self.source.text
        while after < end and text[after].isspace():
            after += 1
        close = closing_brace(text, after, end) if text[after:after + 1] == "{" else None
        if close is None:
            raise self.fail(f"\\{name} is not followed by an argument in braces", start)
        return after + 1, close

    def _colored(self, name: str, start: int, after: int, end: int) -> int:
        return self.put("wrap", "", start, self._braced(name, start, after, end)[1])

    def _middle(self, name: str, start: int, after: int, end: int) -> int:
        text, after = self._delimiter(name, start, after, end)
        if text != "|":
            raise self.fail("only \\middle| is read", start)
        return self.put("rel", "given", start, after)

    _SPECIAL = {"over-rel": _over_relation, "under": _under, "colored": _colored, "middle": _middle}


_KNOWN = sorted(x for x in {*s.COMMANDS, *s.NAME_FONTS, *s.TEXT_COMMANDS, *s.SPACES, "begin", "end", "left", "right"}
                if x.isalpha())
