"""Tiny networks of known sizes as straight-line Python: every entry a number, every operation on numbers spelled out.

NumPy needs about a microsecond for an operation however small its arrays are, Python about thirty nanoseconds for one on
two numbers. Where an entry leaves the range of floats, Python raises or the loss is no number; then the plain function
answers instead, since BLAS rounds sums of infinities in its own way.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import product
from math import prod
from typing import Protocol

from .arrays import FLAGS, NUMBER, Value
from .layout import WIDTH

ROOM = WIDTH - 16  # straight lines stand in a `try` in a function in a function
FLOPS_PER_INSTRUCTION = 25  # above that NumPy wins
INFIX = {"add": "+", "subtract": "-", "multiply": "*", "divide": "/", "greater": ">", "less": "<", "greater_equal": ">=",
         "less_equal": "<=", "equal": "==", "not_equal": "!="}
MATH = {"exp": "exp", "log": "log", "tanh": "tanh", "sqrt": "sqrt", "sin": "sin", "cos": "cos", "tan": "tan",
        "sinh": "sinh", "cosh": "cosh", "arcsin": "asin", "arccos": "acos", "arctan": "atan", "arcsinh": "asinh",
        "arccosh": "acosh", "arctanh": "atanh", "log1p": "log1p", "expm1": "expm1"}
WHOLE = frozenset({"vdot", "vecdot", "dot", "matmul", "sum", "index", "transpose", "diagonal", "ones", "eye", "const", "input"})
KNOWN = WHOLE | INFIX.keys() | MATH.keys() | {"negative", "absolute", "maximum", "minimum", "where"}
Entry = tuple[int, ...]


class Names(Protocol):
    """Where new names come from."""

    def fresh(self, name: str) -> str: ...

    def numbered(self, name: str) -> str: ...


def pays(order: list[Value]) -> bool:
    """Whether straight-line code exists for these instructions and is expected to win."""
    if any(not d.isdigit() for value in order for d in value.shape) or any(v.op not in KNOWN for v in order):
        return False
    real = [v for v in order if v.op not in ("index", "transpose", "const", "input", "ones")]
    return sum(map(work, real)) <= FLOPS_PER_INSTRUCTION * len(real)


def work(value: Value) -> int:
    """Operations on numbers."""
    size = prod(map(int, value.shape))
    if value.op in ("dot", "matmul", "vecdot", "vdot", "sum"):
        return max(prod(map(int, a.shape)) for a in value.args) * (size if value.op == "vdot" else 1) * 2 * (
            int(value.shape[-1]) if len(value.args[-1].shape) == 2 and value.op == "dot" and value.shape else 1)
    return size


def entries(value: Value) -> Iterator[Entry]:
    return product(*(range(int(d)) for d in value.shape))


class Scalars:
    """Spells the entries of values. `named` are the values whose entries get names of their own."""

    def __init__(self, order: list[Value], names: dict[Value, str], scope: Names) -> None:
        self.order, self.names, self.fresh, self.numbered = order, names, scope.fresh, scope.numbered
        self.table: dict[Value, dict[Entry, str]] = {}
        self.functions: dict[str, None] = {}
        self.constants: dict[str, str] = {}
        self.reads: dict[Value, int] = {}
        for value in order:
            for arg in value.args:
                often = 2 if value.op in ("dot", "matmul", "maximum", "minimum", "where", "absolute") else 1
                self.reads[arg] = self.reads.get(arg, 0) + (often if arg.shape == value.shape else 2)

    def unpacked(self, value: Value) -> list[str]:
        """The lines that take an argument apart, axis by axis."""
        name = self.names[value]
        self.table[value] = {at: self.fresh("_".join([name, *map(str, at)])) for at in entries(value)}
        if not value.shape:
            return [f"{self.table[value][()]} = {name}.item()"]
        lines, whole = [], {(): f"{name}.tolist()"}
        for depth, count in enumerate(map(int, value.shape)):
            last = depth == len(value.shape) - 1
            for at, source in list(whole.items()):
                inside = [(*at, k) for k in range(count)]
                whole |= {k: self.table[value][k] if last else self.fresh("_".join([name, *map(str, k)])) for k in inside}
                del whole[at]
                left = [whole[k] for k in inside]
                text = f"{', '.join(left)}{',' * (count == 1)} = {source}"
                lines += [text] if len(text) <= ROOM else ["(", *(f"    {part}," for part in left), f") = {source}"]
        return lines

    def cut(self, text: str, room: int = ROOM) -> tuple[list[str], str]:
        """An expression no wider than `room`, after the lines that its parts move to."""
        text, lines, room = bare(text), [], max(room, 40)
        while len(text) > room:
            terms = text_terms(text)
            fit = [k for k in range(2, len(terms)) if len(" + ".join(terms[:k])) <= room]
            if fit:
                spot = (0, len(" + ".join(terms[:fit[-1]])))
            else:
                spot = widest_group(text)
            part = text[slice(*spot)]
            if len(part) < 12:
                break
            before, short = self.cut(part, room)
            name = self.numbered("s1")
            lines += [*before, f"{name} = {short}"]
            left, right = text[:spot[0]], text[spot[1]:]
            if left.endswith("(") and not left[:-1].endswith(tuple("abcdefghijklmnopqrstuvwxyz0123456789_")):
                left, right = left[:-1], right[1:]
            text = left + name + right
        return lines, text

    def lines(self, value: Value, label: str) -> list[str]:
        """The lines of one instruction, none where its entries are spelled where they are read."""
        if value.op == "input":
            return []
        made = {at: self.entry(value, at) for at in entries(value)}
        if self.reads.get(value, 0) <= 1 or value.op in WHOLE - {"vdot", "vecdot", "dot", "matmul", "sum"}:
            self.table[value] = made
            return []
        label = label or self.numbered("t1")
        self.table[value] = {at: self.fresh("_".join([label, *map(str, at)])) for at in made}
        lines = []
        for at, text in made.items():
            before, short = self.cut(text, ROOM - len(self.table[value][at]))
            lines += [*before, f"{self.table[value][at]} = {short}"]
        return lines

    def at(self, value: Value, where: Entry) -> str:
        """An entry where it is read; a size of 1 is read for every index."""
        where = where[len(where) - len(value.shape):]
        return self.table[value][tuple(0 if d == "1" else i for i, d in zip(where, value.shape))]

    def entry(self, value: Value, at: Entry) -> str:
        args = value.args
        match value.op:
            case "const":
                return self.constant(value.params[0])
            case "ones":
                return "1.0"
            case "eye":
                return "1.0" if at[0] == at[1] else "0.0"
            case "transpose":
                return self.at(args[0], tuple(at[value.params[0].index(k)] for k in range(len(at))))
            case "diagonal":
                return self.at(args[0], (*at, *at))
            case "index":
                return self.picked(value, at)
        if value.op in ("vdot", "vecdot", "dot", "matmul", "sum"):
            return self.reduced(value, at)
        return self.scalar(value.op, [self.at(a, at) for a in args])

    def constant(self, text: str) -> str:
        """A number as it stands, or one that is worked out when the function is made."""
        if NUMBER.match(text):
            return text if text[0] != "-" else f"({text})"
        if text not in self.constants:
            self.constants[text] = self.numbered("k1")
        return self.constants[text]

    def picked(self, value: Value, at: Entry) -> str:
        where, k = [], 0
        for part in value.params:
            if part == "None":
                k += 1
            elif part == ":":
                where.append(at[k])
                k += 1
            else:
                where.append(int(part))
        return self.at(value.args[0], (*where, *at[k:]))

    def reduced(self, value: Value, at: Entry) -> str:
        a, *b = value.args
        match value.op:
            case "vdot":
                terms = [(self.at(a, k), self.at(b[0], k)) for k in entries(a)]
            case "vecdot":
                lead = at[:len(a.shape) - 1]
                terms = [(self.at(a, (*lead, k)), self.at(b[0], (*lead, k))) for k in range(int(a.shape[-1]))]
            case "sum":
                axes, keep = value.params
                own = [i for k, i in enumerate(at) if not keep or k not in axes]
                terms = [(self.at(a, k),) for k in entries(a) if [i for m, i in enumerate(k) if m not in axes] == own]
            case _:
                rows, n = len(a.shape) - 1, int(a.shape[-1])
                terms = [(self.at(a, (*at[:rows], k)), self.at(b[0], (k, *at[rows:]) if len(b[0].shape) < 3 else (*at[:-2], k, at[-1])))
                         for k in range(n)]
        kept = [[f for f in term if f != "1.0"] or ["1.0"] for term in terms if "0.0" not in term]
        return f"({' + '.join(' * '.join(term) for term in kept) or '0.0'})"

    def scalar(self, op: str, args: list[str]) -> str:
        a = args[0]
        if op in FLAGS:
            return f"({a} {INFIX[op]} {args[1]})"
        if op in INFIX:
            return f"({bare(a) if op == 'add' else a} {INFIX[op]} {args[1]})"
        if op in MATH:
            self.functions.setdefault(MATH[op])
            return f"{MATH[op]}({bare(a)})"
        match op:
            case "negative":
                return f"(-{a})"
            case "absolute":
                return f"abs({bare(a)})"
            case "where":
                return f"({args[1]} if {a} else {args[2]})"
        return f"({args[1]} if {args[1]} {'>' if op == 'maximum' else '<'} {a} else {a})"


def bare(text: str) -> str:
    """`text` without a pair of brackets around all of it."""
    if not text.startswith("("):
        return text
    depth = 0
    for k, char in enumerate(text):
        depth += (char == "(") - (char == ")")
        if depth == 0:
            return text[1:-1] if k == len(text) - 1 else text
    return text


def text_terms(text: str) -> list[str]:
    """A sum cut at its outermost plus signs."""
    parts, depth, start = [], 0, 0
    for at, char in enumerate(text):
        depth += (char == "(") - (char == ")")
        if depth == 0 and text.startswith(" + ", at):
            parts.append(text[start:at])
            start = at + 3
    return [*parts, text[start:]]


def widest_group(text: str) -> tuple[int, int]:
    """Where the widest text between two outermost brackets stands."""
    best, depth, start = (0, 0), 0, 0
    for at, char in enumerate(text):
        if char == "(":
            depth += 1
            start = at + 1 if depth == 1 else start
        elif char == ")":
            depth -= 1
            if depth == 0 and at - start > best[1] - best[0]:
                best = (start, at)
    return best
