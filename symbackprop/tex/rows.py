"""The tokens of a display -> the tokens of each formula in it, ready for the parser.

A row that begins with a relation or an operator continues the row before it; `&` is dropped or, from column to
column, a separator. Bars are settled here too: whether `|` opens, closes, means "given" or evaluates is seen from
all bars of its bracket level together, before any of them is parsed.
"""

from __future__ import annotations

from .tokens import Token

_OPENS = frozenset(("open", "left", "{", "begin"))
_CLOSES = frozenset(("close", "right", "}", "end"))
_SPLITS = frozenset(("amp", "row", "align", "break"))
_ENDS_VALUE = frozenset(("word", "num", "sym", "close", "}", "right", "end", "name", "mark", "'", "dot-t", "reals",
                         "factorial", "key"))
_JOINS = frozenset(("rel", "mul", "add"))


def split_rows(tokens: list[Token], join_all: bool = False) -> list[list[Token]]:
    """Token lists, one for each formula of the display; `join_all` for one formula broken over many lines."""
    if any(t.kind == "bar" for t in tokens):
        tokens = settle_bars(tokens)
    if not any(t.kind in ("break", "align") for t in tokens):
        return [tokens] if tokens else []
    rows: list[list[Token]] = []
    for row in map(_columns, _broken(tokens)):
        if row:
            join(rows, row, join_all)
    return rows


def join(rows: list[list[Token]], row: list[Token], always: bool = False) -> None:
    """Append a row to the formula before it if it continues that one, and else as a formula of its own."""
    if rows and rows[-1] and (always or continues(rows[-1], row)):
        last, first = rows[-1][-1], row[0]
        if (last.kind, last.text, first.kind, first.text) == ("right", ".", "left", "."):
            rows[-1].pop()
            row = row[1:]
        rows[-1].extend(row)
    else:
        rows.append(row)


def continues(before: list[Token], row: list[Token]) -> bool:
    """Whether a row goes on with the formula of the row before it."""
    first = row[0].kind
    is_script = len(before) > 1 and before[-2].kind in ("_", "^")  # the * of \\|X\\|_*
    if first in ("rel", "mul") or before[-1].kind in _JOINS and not is_script:
        return True
    if (first, row[0].text) == ("left", ".") and before[-1].text == ".":
        return True
    return first == "add" and (row[0].text == "+" or not has_relation(row))


def has_relation(row: list[Token]) -> bool:
    """Whether a relation stands in the row outside of brackets."""
    depth = 0
    for token in row:
        depth += (token.kind in _OPENS) - (token.kind in _CLOSES)
        if token.kind == "rel" and depth <= 0:
            return True
    return False


def _broken(tokens: list[Token]) -> list[list[Token]]:
    rows: list[list[Token]] = [[]]
    for token in tokens:
        if token.kind == "break":
            rows.append([])
        else:
            rows[-1].append(token)
    return rows


def _columns(row: list[Token]) -> list[Token]:
    """The row without its `&`: the first, third … mark a place to align, the second, fourth … part two columns.

    An arrow at its head means "hence", not a function's type.
    """
    out: list[Token] = []
    count = 0
    for token in row:
        if token.kind != "align":
            out.append(token)
            continue
        count += 1
        if count % 2 == 0 and out:
            out.append(token._replace(kind="sep"))
    while out and out[0].kind == "sep" and out[0].text != "implies":
        del out[0]
    if out and out[0][:2] == ("rel", "to"):
        out[0] = out[0]._replace(kind="sep", text="implies")
    return out


def settle_bars(tokens: list[Token]) -> list[Token]:
    """The tokens with each bar turned into an opening or closing bracket, a relation, or an evaluation."""
    out = list(tokens)
    pairs: dict[int, int] = {}
    stack: list[list[int]] = [[]]
    for i, token in enumerate(tokens):
        if token.kind == "bar":
            stack[-1].append(i)
        elif token.kind in _OPENS:
            stack.append([])
        elif token.kind in _CLOSES:
            _settle(out, stack.pop() if len(stack) > 1 else stack[0], pairs)
            if not stack:
                stack.append([])
        elif token.kind in _SPLITS:
            _settle(out, stack[-1], pairs)
            stack[-1] = []
    for level in stack:
        _settle(out, level, pairs)
    return _norms(out, pairs)


def _settle(out: list[Token], bars: list[int], pairs: dict[int, int]) -> None:
    """Decide the bars of one bracket level, from left to right."""
    left = {text: sum(out[i].text == text and out[i].kind == "bar" for i in bars) for text in ("|", "||")}
    opened: list[int] = []
    for i in bars:
        token = out[i]
        if token.kind != "bar":
            continue
        after_value = i > 0 and out[i - 1].kind in _ENDS_VALUE
        matching = next((j for j in reversed(opened) if out[j].text == token.text), None)
        if after_value and matching is not None:
            kind = "close"
            pairs[matching] = i
            opened.remove(matching)
        elif after_value and left[token.text] % 2:
            kind = "eval" if i + 1 < len(out) and out[i + 1].kind == "_" else "rel"
        else:
            kind = "open"
            opened.append(i)
        left[token.text] -= 1
        out[i] = token._replace(kind=kind, text="given" if kind == "rel" else token.text)
    bars.clear()


def _norms(out: list[Token], pairs: dict[int, int]) -> list[Token]:
    """`||x||` typed with single bars is a norm: two bars that open side by side and close side by side."""
    drop: set[int] = set()
    for i, j in pairs.items():
        inner = pairs.get(i + 1)
        if inner == j - 1 and out[i].text == out[i + 1].text == "|" and i not in drop \
                and out[i].end == out[i + 1].start and out[inner].end == out[j].start:
            out[i] = out[i]._replace(text="||", end=out[i + 1].end)
            out[j] = out[j]._replace(text="||", start=out[inner].start)
            drop |= {i + 1, inner}
    return [token for i, token in enumerate(out) if i not in drop]
