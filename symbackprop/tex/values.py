"""Single values: symbols, brackets, fractions, roots, accents, fonts, matrices and cases."""

from __future__ import annotations

from dataclasses import replace

from . import symbols as s
from .cursor import ADD, BINDS_MOST, COMMA, INFIX, JUXT, MUL, NOTHING, PREFIX, REL, SCRIPT
from .scripts import STARTS, Scripts
from .syntax import Big, Cases, Frac, Group, Juxt, List, Matrix, Node, Num, Prod, Rel, Script, Sqrt, Sum, Sym, Un
from .tokens import Token

POSTFIX = frozenset(("_", "^", "'", "dot-t", "factorial", "power", "eval"))
CELL_ENDS = frozenset(("amp", "row", "end", "text"))
_RANKS = {List: COMMA, Rel: REL, Sum: ADD, Un: PREFIX, Big: PREFIX, Prod: MUL, Juxt: JUXT}
_WORDS = s.CONNECTIVES | {"all", "forall"}
_SYMBOL_KINDS = {"sym": "command", "fun": "function", "mark": "mark", "name": "name", "key": "key", "reals": "letter"}


class Values(Scripts):
    def atom(self) -> Node:
        """One value without scripts."""
        token = self.tokens[self.i]
        kind = token.kind
        span = (token.start, token.end)
        if kind == "word":
            self.i += 1
            return Sym(token.text, "letter" if len(token.text) == 1 else "run", (), span)
        if kind == "num":
            self.i += 1
            return Num(token.text, (), span)
        if (named := _SYMBOL_KINDS.get(kind)) is not None:
            self.i += 1
            return Sym(token.text, named, ("bb",) if kind == "reals" else (), span)
        if (method := self._ATOMS.get(kind)) is not None:
            return method(self, token)
        raise self.missing()

    def _brace(self, token: Token) -> Node:
        first, waiting = self.i, self.waiting
        node = self.braced("group")
        self._check_unseen(node, first, waiting)
        return node

    def _check_unseen(self, node: Node, first: int, waiting: tuple[int, str]) -> None:
        """Braces do not print: `2{a + b}` reads `2a + b`, so they may not bind what the eye cannot see bound."""
        rank = _RANKS.get(type(node), BINDS_MOST)
        if isinstance(node, Un) and node.op == "!":
            rank = BINDS_MOST
        left, op = waiting
        kind = self.tokens[self.i].kind
        right = JUXT if kind in STARTS else SCRIPT if kind in POSTFIX else INFIX.get(kind, 0)
        left_holds = rank > left or rank == left == JUXT or rank == left == ADD and op == "+" or isinstance(node, Big) \
            or isinstance(node, Un) and (left != JUXT or self.tokens[first - 1].kind == "fun")
        if not left_holds or rank < right or rank == right <= REL:
            raise self.source.error("braces do not print, and these change the meaning", self.tokens[first].start,
                                    "write ( )")

    def _group(self, token: Token) -> Node:
        """Brackets that show."""
        return self._closed(token, "close")

    def _left(self, token: Token) -> Node:
        return self._closed(token, "right")

    def _closed(self, opening: Token, kind: str) -> Node:
        after_in = self.waiting[1] in ("in", "notin")
        self.i += 1
        if self.tokens[self.i].kind == kind:
            raise self.source.error("empty brackets", opening.start)
        body = self.level("group")
        closing = self.tokens[self.i]
        pair = opening.text + closing.text
        if closing.kind != kind or closing.text != s.CLOSER.get(opening.text) and not (
                after_in and pair in ("(]", "[)") and isinstance(body, List) and len(body.items) == 2
                or pair == "{." and isinstance(body, (Matrix, Cases)) or pair == ".|"):
            raise self.unclosed(opening)
        self.i += 1
        return Group(opening.text, closing.text, body, (opening.start, closing.end))

    def _fraction(self, token: Token) -> Node:
        self.i += 1
        top = self.argument()
        bottom = self.argument()
        return Frac(top, bottom, (token.start, self.end_of(bottom)))

    def _root(self, token: Token) -> Node:
        self.i += 1
        degree = None
        opening = self.tokens[self.i]
        if opening[:2] == ("open", "["):
            self.waiting = NOTHING
            degree = self._group(opening).body
        x = self.argument()
        return Sqrt(x, degree, (token.start, self.end_of(x)))

    def _accent(self, token: Token) -> Node:
        self.i += 1
        node = self.argument()
        span = (token.start, self.end_of(node))
        base = node.base if isinstance(node, Script) else node
        if not isinstance(base, (Sym, Num)):
            raise self.source.error(f"\\{token.text} over more than one symbol", token.start)
        if isinstance(base, Sym) and base.kind == "run":
            base = Sym(base.name, "name", base.marks, base.span)
        if isinstance(node, Script):
            base = marked(base, token.text, (token.start, base.span[1]))
            return Script(base, node.sub, node.sup, node.primes, span)
        return marked(base, token.text, span)

    def _font(self, token: Token) -> Node:
        first, waiting = self.i, self.waiting
        self.i += 1
        node = self.argument()
        end = self.end_of(node)
        if isinstance(node, (Sym, Num)):
            return marked(node, token.text, (token.start, end))
        self._check_unseen(node, first, waiting)
        return self._dress(node, token.text, token, 0)

    def _dress(self, node: Node, mark: str, token: Token, depth: int) -> Node:
        """A font over several symbols is the font over each; it stops at brackets, which look the same in any."""
        if depth > 6:
            raise self.source.error("too much under one font", token.start)
        match node:
            case Sym() | Num():
                return marked(node, mark, node.span)
            case Script():
                return replace(node, base=self._dress(node.base, mark, token, depth + 1))
            case Juxt() | Sum() | Prod() | Rel():
                items = tuple(self._dress(x, mark, token, depth + 1) for x in node.items)
                return replace(node, items=items)
            case Un():
                return replace(node, x=self._dress(node.x, mark, token, depth + 1))
        raise self.source.error("a font over more than symbols", token.start)

    def _wrap(self, token: Token) -> Node:
        first, waiting = self.i, self.waiting
        self.i += 1
        if self.tokens[self.i].kind != "{":
            raise self.source.error("braces are missing here", token.start)
        body = self.braced("group")
        node = Group(token.text, "", body, (token.start, self.tokens[self.i - 1].end)) if token.text else body
        if token.text and self.tokens[self.i].kind in ("_", "^"):
            node = self.scripts(node)
        self._check_unseen(body, first, waiting)
        return node

    def _substack(self, token: Token) -> Node:
        self.i += 1
        opening = self.tokens[self.i]
        if opening.kind != "{":
            raise self.source.error("braces are missing here", token.start)
        items = []
        while True:
            self.i += 1
            items.append(self.level("group"))
            if self.tokens[self.i].kind != "row":
                break
        self._close_brace(opening)
        return List(tuple(items), "\\\\", (token.start, self.tokens[self.i - 1].end))

    def _environment(self, token: Token) -> Node:
        rows: list[tuple[Node, ...]] = []
        is_cases = token.text in s.CASES
        while True:
            self.i += 1
            if self.tokens[self.i].kind == "end":
                break
            start = self.tokens[self.i].start
            row = self._case() if is_cases else self._cells()
            if rows and len(row) != len(rows[0]):
                raise self.source.error(f"a row of {len(row)} entries under a row of {len(rows[0])}", start)
            rows.append(row)
            if self.tokens[self.i].kind != "row":
                break
        if self.tokens[self.i].kind != "end":
            raise self.unexpected()
        self.i += 1
        if not rows:
            raise self.source.error("an empty matrix", token.start)
        span = (token.start, self.tokens[self.i - 1].end)
        return Cases(tuple(rows), span) if is_cases else Matrix(token.text, tuple(rows), span)

    def _cells(self) -> tuple[Node, ...]:
        cells = []
        while True:
            if self.tokens[self.i].kind in CELL_ENDS:
                raise self.source.error("an empty entry", self.tokens[self.i].start)
            cells.append(self.level("cell"))
            if self.tokens[self.i].kind != "amp":
                return tuple(cells)
            self.i += 1

    def _case(self) -> tuple[Node, Node | None]:
        value = self.level("cell")
        self._punctuation()
        parts = self._words()
        if self.tokens[self.i].kind == "amp":
            self.i += 1
            parts += self._words()
        if self.tokens[self.i].kind not in ("row", "end", "dot", "comma"):
            parts += [self.level("cell"), *self._words()]
        self._punctuation()
        if len(parts) > 1:
            return value, Juxt(tuple(parts), (parts[0].span[0], parts[-1].span[1]))
        return value, parts[0] if parts else None

    def _words(self) -> list[Node]:
        """Passes over `if`, `otherwise` and the like; other words could be a condition, and are kept."""
        kept: list[Node] = []
        while (token := self.tokens[self.i]).kind == "text":
            if not set(token.text.lower().replace(",", " ").replace(".", " ").split()) <= _WORDS:
                kept.append(Sym(token.text, "prose", (), (token.start, token.end)))
            self.i += 1
        return kept

    def _punctuation(self) -> None:
        if self.tokens[self.i].kind in ("comma", "dot") and self.tokens[self.i + 1].kind in CELL_ENDS:
            self.i += 1

    _ATOMS = {"open": _group, "left": _left, "{": _brace, "begin": _environment, "frac": _fraction, "sqrt": _root,
              "accent": _accent, "font": _font, "wrap": _wrap, "substack": _substack}


def marked(node: Sym | Num, mark: str, span: tuple[int, int]) -> Sym | Num:
    """The symbol with one more accent or font; an upright run of letters is one name."""
    marks = tuple(sorted({*node.marks, mark})) if mark else node.marks
    if isinstance(node, Num):
        return Num(node.text, marks, span)
    kind = "name" if not mark and node.kind == "run" else node.kind
    return Sym(node.name, kind, marks, span)
