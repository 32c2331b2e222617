"""Tokens -> tree, by precedence climbing with a stack of its own: only brackets, scripts and arguments recurse.

From loosest to tightest: `;`, `,`, and/or, relations, sums, big operators and signs, products (`⊙ · * /`), things
side by side, scripts. Every token is used or the formula is refused; what a script, a word or a product means is
left to the reader that knows names and shapes.
"""

from __future__ import annotations

from . import symbols as s
from .cursor import ADD, INFIX, JUXT, MUL, NOTHING, PREFIX, REL
from .lex import is_plain, lex
from .rows import has_relation, split_rows
from .scripts import STARTS
from .source import Source
from .syntax import Big, Clause, Group, Juxt, List, Node, Num, Prod, Rel, Script, Sum, Sym, Un, walk
from .tokens import Token
from .values import CELL_ENDS, POSTFIX, Values

MAX_HEIGHT = 250
MAX_NODES = 5_000
MAX_FACTORS = 500

_CLAUSE_ENDS = frozenset(("eof", "sep", "text", "gap-comma", "semi", "dot"))
_BEFORE_VALUES = frozenset(("big", "fun", "name", "add", "mul", "rel"))
_ARGUMENT_ENDS = frozenset(("close", "right", "}", "comma", "semi"))

# An operator waiting for its right side: precedence, text, start, and for a big operator its scripts.
_Op = tuple[int, str, int, Script | Sym | None]


def parse(text: str) -> Node:
    """The tree of a text that holds one formula."""
    found = parse_clauses(text)
    if len(found) != 1 or found[0].node is None or found[0].lead:
        source = Source(text)
        raise source.error("one formula was expected here, and there are more or none", found[-1].span[0])
    return found[0].node


def parse_clauses(text: str) -> tuple[Clause, ...]:
    """The formulas of one line, in reading order."""
    source = Source(text)
    plain = is_plain(text)
    rows = split_rows(lex(source, plain=plain)) or [[]]
    return tuple(clause for row in rows for clause in parse_tokens(source, row, plain=plain))


def parse_tokens(source: Source, tokens: list[Token], *, plain: bool = False) -> tuple[Clause, ...]:
    """The formulas that a row of tokens holds; the list is used up."""
    end = tokens[-1].end if tokens else 0
    tokens += [Token("eof", "", end, end)] * 2
    clauses = _Parser(source, tokens, plain).clauses()
    if len(tokens) > 200 or end - tokens[0].start > 1000:
        _check_size(source, clauses)
    return clauses


def _check_size(source: Source, clauses: tuple[Clause, ...]) -> None:
    count = 0
    for clause in clauses:
        for node, height in walk(clause.node) if clause.node else ():
            count += len(node.name) if isinstance(node, Sym) and node.kind == "run" else 1
            if height > MAX_HEIGHT:
                raise source.error(f"the formula is nested more than {MAX_HEIGHT} nodes deep", node.span[0])
            if count > MAX_NODES:
                raise source.error(f"the formula has more than {MAX_NODES} nodes", node.span[0])
            if isinstance(node, (Juxt, Prod)) and len(node.items) > MAX_FACTORS:
                raise source.error(f"a product of more than {MAX_FACTORS} factors", node.span[0])


class _Parser(Values):
    def clauses(self) -> tuple[Clause, ...]:
        """Formulas and prose in turn, up to the end."""
        out: list[Clause] = []
        separator, words = "", []
        while (token := self.tokens[self.i]).kind != "eof":
            if token.kind == "text":
                words.append(token)
                self.i += 1
            elif token.kind in _CLAUSE_ENDS or token.kind == "comma":
                self._check_separator(token, bool(out or words), separator)
                separator = token.text
                self.i += 1
            else:
                node = self._formula()
                start = words[0].start if words else node.span[0]
                out.append(Clause(separator, " ".join(w.text for w in words), node, (start, node.span[1])))
                separator, words = "", []
        if words:
            out.append(Clause(separator, " ".join(w.text for w in words), None, (words[0].start, words[-1].end)))
        if not out:
            raise self.source.error("there is no formula here", token.start)
        return tuple(out)

    def _formula(self) -> Node:
        node = self.level("top")
        kind = self.tokens[self.i].kind
        if kind not in _CLAUSE_ENDS and kind != "comma":
            raise self.unexpected()
        if isinstance(node, Rel) and any(op == ":" and isinstance(x, Num) for op, x in zip(node.ops, node.items[1:])):
            raise self.source.error("a number after `:`, which declares a function", node.span[0])
        return node

    def _check_separator(self, token: Token, something: bool, before: str) -> None:
        after = self.tokens[self.i + 1].kind
        if token.kind != "sep" and (not something or before in (",", ".", ";")):
            raise self.source.error(f"`{token.text}` stands after nothing", token.start)
        if token.kind == "dot" and after not in ("eof", "sep", "text"):
            raise self.source.error("a point in the middle of a formula", token.start)

    def level(self, where: str) -> Node:
        """A formula up to a token that cannot belong to it. `where` is top, group, script or cell."""
        self.enter()
        values: list[Node] = []
        ops: list[_Op] = []
        tokens = self.tokens
        while True:
            if tokens[self.i].kind in _BEFORE_VALUES:
                self._prefixes(values, ops, where)
            self.waiting = ops[-1][:2] if ops else NOTHING
            values.append(self.operand(where))
            token = tokens[self.i]
            kind = token.kind
            if kind in STARTS or where == "script" and self._is_lone(token, where):
                prec = JUXT
                self._reduce(values, ops, prec)
                ops.append((prec, "", token.start, None))
                continue
            if kind == "sep" and where == "top" and token.text != "implies" and self._goes_on():
                self.i += 1
                token = tokens[self.i]
                kind = token.kind
            if kind == "text" and where != "top" and token.text in ("and", "or"):
                kind = "logic"
            prec = INFIX.get(kind)
            if prec is None or self._ends(kind, where):
                break
            self._reduce(values, ops, prec)
            ops.append((prec, token.text, token.start, None))
            self.i += 1
            while where == "top" and tokens[self.i].kind == "sep" and prec in (REL, ADD, MUL):
                self.i += 1
        self._reduce(values, ops, 0)
        self.depth -= 1
        return values[0]

    def _goes_on(self) -> bool:
        """Whether the formula goes on after a gap: `a = b \\quad + c`, but not `a = b \\quad -c = d`."""
        after = self.tokens[self.i + 1]
        if after.kind != "add":
            return after.kind in ("rel", "mul")
        end = next(j for j in range(self.i + 1, len(self.tokens)) if self.tokens[j].kind in _CLAUSE_ENDS)
        return after.text == "+" or not has_relation(self.tokens[self.i + 1:end])

    def _ends(self, kind: str, where: str) -> bool:
        """Whether a separator ends the level: `;` and a last comma at the top, a last comma in a cell."""
        after = self.tokens[self.i + 1].kind
        if where == "top":
            return kind == "semi" or kind == "comma" and after in _CLAUSE_ENDS
        return kind == "comma" and where == "cell" and after in CELL_ENDS

    def _prefixes(self, values: list[Node], ops: list[_Op], where: str) -> None:
        """Signs and big operators before a value wait on the stack for the term on their right."""
        first = where == "script" and not values
        while True:
            token = self.tokens[self.i]
            kind = token.kind
            if kind == "big" or kind in ("fun", "name") and token.text in s.BIG_NAMES \
                    and self.tokens[self.i + 1].kind == "_":
                ops.append((PREFIX, token.text, token.start, self._big_head(token)))
            elif self._is_lone(token, where):
                return
            elif kind == "add" or first and kind in ("mul", "rel") or token.text == ":" and where == "group":
                ops.append((PREFIX, token.text, token.start, None))
                self.i += 1
            else:
                return
            first = False

    def _big_head(self, token: Token) -> Script | Sym:
        self.i += 1
        head = Sym(token.text, "mark", (), (token.start, token.end))
        if self.tokens[self.i].kind not in "_^":
            return head
        scripted = self.scripts(head)
        if scripted.primes:
            raise self.source.error("a prime on a big operator", token.start)
        return scripted

    def _is_lone(self, token: Token, where: str) -> bool:
        """An operator that has no right side, as in `f(\\cdot)`, `X_{i,:}` and `w^{*}`."""
        return (where == "script" and token.kind in ("mul", "add") or
                where in ("script", "group") and token.text in ("cdot", ":")) and \
            self.tokens[self.i + 1].kind in _ARGUMENT_ENDS

    def _reduce(self, values: list[Node], ops: list[_Op], incoming: int) -> None:
        """Build what binds tighter than the incoming operator; neighbours of one rank become one flat node."""
        while ops and ops[-1][0] > incoming:
            prec, text, start, head = ops.pop()
            if prec == PREFIX:
                values.append(_prefixed(text, start, head, values.pop()))
                continue
            count = 1
            texts = [text]
            while ops and ops[-1][0] == prec:
                texts.append(ops.pop()[1])
                count += 1
            items = tuple(values[-count - 1:])
            del values[-count - 1:]
            values.append(self._flat(prec, items, tuple(reversed(texts))))

    def _flat(self, prec: int, items: tuple[Node, ...], ops: tuple[str, ...]) -> Node:
        span = (items[0].span[0], items[-1].span[1])
        if prec == JUXT:
            for a, b in zip(items, items[1:]):
                if type(a) is Num and type(b) is Num:
                    raise self.source.error("two numbers side by side", b.span[0], "write the product with \\cdot")
            return Juxt(items, span)
        if prec == MUL:
            return Prod(items, ops, span)
        if prec == ADD:
            return Sum(items, ops, span)
        if prec == REL:
            return Rel(items, ops, span)
        if len(set(ops)) > 1:
            raise self.source.error("`and` and `or` in one condition", items[0].span[0], "write brackets")
        return List(items, ops[0], span)

    def operand(self, where: str) -> Node:
        """A value with its scripts."""
        token = self.tokens[self.i]
        if token.kind in _BEFORE_VALUES and self._is_lone(token, where):
            self.i += 1
            return Sym(token.text, "mark", (), (token.start, token.end))
        node = self.atom()
        while (kind := self.tokens[self.i].kind) in POSTFIX:
            if kind in "_^'":
                node = self.scripts(node)
                continue
            token = self.tokens[self.i]
            span = (node.span[0], token.end)
            self.i += 1
            if kind == "dot-t":
                node = Script(node, None, Sym("T", "letter", (), (token.end - 1, token.end)), 0, span)
            elif kind == "factorial":
                node = Un("!", node, span)
            elif kind == "eval":
                node = Group(".", "|", node, span)
            else:
                node = self._power(node, token)
        return node

    def _power(self, node: Node, token: Token) -> Node:
        sign = self.tokens[self.i]
        if sign.kind == "add":
            self.i += 1
        power = self.atom()
        if sign.kind == "add":
            power = Un(sign.text, power, (sign.start, power.span[1]))
        if token.text == ".^":
            power = Un("odot", power, (token.start, power.span[1]))
        if self.tokens[self.i].kind == "power":
            raise self.source.error("a power of a power", self.tokens[self.i].start, "write brackets")
        span = (node.span[0], power.span[1])
        if isinstance(node, Script) and node.sup is None and not node.primes:
            return Script(node.base, node.sub, power, 0, span)
        return Script(node, None, power, 0, span)


def _prefixed(text: str, start: int, head: Node | None, x: Node) -> Node:
    span = (start, x.span[1])
    if head is None:
        return Un(text, x, span)
    sub, sup = (head.sub, head.sup) if isinstance(head, Script) else (None, None)
    return Big(text, sub, sup, x, span)
