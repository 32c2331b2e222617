"""What a script and an argument take: a brace group, or by TeX's rule a single letter, digit or command.

Where TeX would set less than the writer meant (`x^10`, `A^-1`), the formula is refused with the spelling that says
it; a plain text without LaTeX is taken as it looks.
"""

from __future__ import annotations

from .cursor import Cursor
from .syntax import Frac, Juxt, Node, Num, Script, Sym, Un, with_primed_indices
from .tokens import Token

STARTS = frozenset("word num sym mark fun name key open left { begin frac sqrt accent font big wrap reals "
                   "substack".split())


class Scripts(Cursor):
    def scripts(self, base: Node) -> Script:
        """What stands below, above and as primes; one of each."""
        sub: Node | None = None
        sup: Node | None = None
        primes = 0
        end = base.span[1]
        while (token := self.tokens[self.i]).kind in ("_", "^", "'"):
            self.i += 1
            if token.kind == "'":
                primes += len(token.text)
                end = token.end
                continue
            is_sub = token.kind == "_"
            if (sub if is_sub else sup) is not None:
                what = "two subscripts" if is_sub else "two superscripts"
                raise self.source.error(f"{what} on one symbol", token.start, "write braces or brackets")
            node, more = self._script(token)
            end = self.end_of(node)
            primes += more
            if is_sub:
                sub = node
            else:
                sup = node
        return Script(base, with_primed_indices(sub), sup, primes, (base.span[0], end))

    def _script(self, mark: Token) -> tuple[Node | None, int]:
        """The content of one script, without the primes that end it, and their number."""
        token = self.tokens[self.i]
        kind = token.kind
        if kind == "{":
            primes = 0
            node = None
            if self.tokens[self.i + 1].kind == "'":
                self.i += 1
            else:
                node = self.braced("script", closing=False)
            while self.tokens[self.i].kind == "'":
                primes += len(self.tokens[self.i].text)
                self.i += 1
            self._close_brace(token)
        elif kind == "num" and (self.plain or len(token.text) == 1):
            node, primes = self.atom(), 0
        elif kind == "num":
            raise self.source.error(f"only the first digit of {token.text[:20]} is set as a script", token.start,
                                    f"write {mark.text}{{{token.text[:20]}}}")
        else:
            node, primes = self._short_script(mark, token), 0
        if node is None or mark.kind == "_":
            return node, primes
        return _without_primes(node, primes)

    def _short_script(self, mark: Token, token: Token) -> Node:
        """A script of one token: a letter, a command, a lone operator."""
        kind = token.kind
        after = self.tokens[self.i + 1]
        if kind == "word":
            if self.plain and mark.kind == "_" and not (after.kind == "_" and after.start == token.end):
                return self.atom()
            return self._letter()
        if kind in ("mul", "add") or kind == "rel" and token.text == ":":
            self.i += 1
            if kind == "add" and after.start == token.end and after.kind in ("word", "num", "sym", "open"):
                if not self.plain:
                    raise self.source.error(f"only the {token.text} is set as a script", token.start,
                                            f"write {mark.text}{{{token.text}…}}")
                x = self._script(mark)[0]
                return Un(token.text, x, (token.start, x.span[1]))
            return Sym(token.text, "mark", (), (token.start, token.end))
        if kind == "open" and not self.plain:
            raise self.source.error("only the bracket is set as a script", token.start, f"write {mark.text}{{(…)}}")
        if kind not in STARTS or kind == "big":
            raise self.source.error(f"nothing stands after {mark.text}", mark.start)
        return self.atom()

    def _letter(self) -> Node:
        """The first letter of a word, which is all that a script or argument without braces takes."""
        token = self.tokens[self.i]
        if len(token.text) == 1:
            self.i += 1
        elif token.text[1].isdigit():
            raise self.source.error(f"only the {token.text[0]} of {token.text[:20]} is taken here", token.start,
                                    "write braces")
        else:
            self.tokens[self.i] = Token("word", token.text[1:], token.start + 1, token.end)
        return Sym(token.text[0], "letter", (), (token.start, token.start + 1))

    def argument(self) -> Node:
        """The argument of a command: a brace group, or a single letter, digit or symbol."""
        token = self.tokens[self.i]
        if token.kind == "{":
            return self.braced("group")
        if token.kind == "word":
            return self._letter()
        if token.kind == "num" and len(token.text) > 1:
            if not token.text.isdigit():
                raise self.source.error(f"only the first digit of {token.text[:20]} is taken here", token.start,
                                        "write braces")
            self.tokens[self.i] = Token("num", token.text[1:], token.start + 1, token.end)
            return Num(token.text[0], (), (token.start, token.start + 1))
        if token.kind in ("open", "left"):
            raise self.source.error("an argument stands in braces", token.start)
        self.enter()
        node = self.atom()
        self.depth -= 1
        return node

    def braced(self, where: str, closing: bool = True) -> Node:
        """The content of `{…}`, with `\\over` and an old font switch."""
        opening = self.tokens[self.i]
        self.i += 1
        switch = self.tokens[self.i]
        if switch.kind == "switch":
            self.i += 1
        elif switch.kind == "}":
            raise self.source.error("empty braces", opening.start)
        if where == "script":
            self._angles()
        node = self.level(where)
        if self.tokens[self.i].kind == "over":
            self.i += 1
            bottom = self.level(where)
            node = Frac(node, bottom, (node.span[0], bottom.span[1]))
        if switch.kind == "switch":
            node = self._dress(node, switch.text, switch, 0)
        if closing:
            self._close_brace(opening)
        return node

    def _angles(self) -> None:
        """In `a^{(i)<t>}` the signs are brackets: one `<` and after it one `>`."""
        depth, found = 0, []
        for j in range(self.i, len(self.tokens)):
            token = self.tokens[j]
            depth += (token.kind == "{") - (token.kind == "}")
            if depth < 0:
                break
            if token.kind == "rel" and not depth:
                found.append(j)
        if [self.tokens[j].text for j in found] == ["<", ">"] and found[1] > found[0] + 1:
            for j, kind in zip(found, ("open", "close")):
                self.tokens[j] = self.tokens[j]._replace(kind=kind)

    def end_of(self, node: Node | None) -> int:
        """Where an argument ends, with its closing brace; a letter taken out of a word is not a token of its own."""
        last = self.tokens[self.i - 1]
        if node is None:
            return last.end
        return max(last.end, node.span[1]) if last.kind == "}" else node.span[1]

    def _close_brace(self, opening: Token) -> None:
        if self.tokens[self.i].kind != "}":
            raise self.unclosed(opening)
        self.i += 1


def _without_primes(node: Node, primes: int) -> tuple[Node | None, int]:
    """`[1]\\prime` above a symbol is the label [1] and a prime."""
    items = list(node.items) if isinstance(node, Juxt) else [node]
    while items and isinstance(items[-1], Sym) and items[-1].name == "prime" and items[-1].kind == "mark":
        items.pop()
        primes += 1
    if not items:
        return None, primes
    if len(items) == 1:
        return items[0], primes
    return Juxt(tuple(items), (node.span[0], items[-1].span[1])) if isinstance(node, Juxt) else node, primes
