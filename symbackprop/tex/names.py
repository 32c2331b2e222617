"""What a symbol with its scripts is called, and the table of what the names of a document stand for.

A written symbol is taken apart into a base, labels below and above, primes and transposes; which of the labels belong
to a name, and which are indices, powers or layers, is settled by what the table knows.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field

import sympy as sp

from ..expr import Function, Shape, Var
from ..notation import TEX_NAME
from .source import Source
from .syntax import Group, Juxt, List, Node, Num, Prod, Script, Sum, Sym, Un
from .tensors import Term

TRANSPOSES = frozenset(("top", "intercal"))
Key = tuple[str, str, str, int]
EACH = "[]"  # behind the base of `L_i` where the text has an L as well


@dataclass(frozen=True)
class Written:
    """A symbol as it stands: `base` with its marks, the parts of its scripts, primes, and whether it is transposed."""

    base: str
    sub: tuple[Node, ...]
    sup: tuple[Node, ...]
    primes: int
    node: Node
    symbol: Sym


@dataclass(frozen=True)
class Entry:
    """A tensor of the document. Its first axes belong to `slots`, each an index written below or above."""

    name: str
    var: Var
    row: bool = False
    slots: tuple[str, ...] = ()
    term: Term | None = None

    @property
    def shape(self) -> Shape:
        return self.var.shape


@dataclass(frozen=True)
class Macro:
    """A function defined by a formula: its formal arguments and its body."""

    name: str
    formals: tuple[Key, ...]
    body: Node
    source: Source | None = None


@dataclass
class Table:
    """Names by key: tensors, functions, sizes with what they are, indices that number layers."""

    tensors: dict[Key, Entry] = field(default_factory=dict)
    functions: dict[Key, Function | Macro] = field(default_factory=dict)
    sizes: dict[str, sp.Expr] = field(default_factory=dict)
    layers: dict[str, tuple[int, int]] = field(default_factory=dict)
    tex: dict[str, str] = field(default_factory=dict)

    def bases(self) -> set[str]:
        return {key[0] for key in (*self.tensors, *self.functions)}


def base_of(node: Node) -> str | None:
    """The name of a symbol with its marks, `y.hat`; None for what is no symbol."""
    if isinstance(node, Sym) and node.kind in ("letter", "command", "name", "run", "key", "function"):
        marks = [m for m in node.marks if m != "bold"]
        return ".".join((node.name, *marks))
    return None


def taken_apart(node: Node) -> Written | None:
    """The parts of a written symbol, or None for another kind of node."""
    if isinstance(node, Script):
        base = base_of(node.base)
        if base is None or not isinstance(node.base, Sym):
            return None
        return Written(base, parts_of(node.sub), parts_of(node.sup), node.primes, node, node.base)
    base = base_of(node)
    return Written(base, (), (), 0, node, node) if base is not None and isinstance(node, Sym) else None


def parts_of(script: Node | None) -> tuple[Node, ...]:
    """The things side by side or between commas in a script; a run of letters stays whole."""
    if script is None:
        return ()
    if isinstance(script, List):
        return tuple(p for item in script.items for p in parts_of(item))
    if isinstance(script, Juxt):
        return script.items
    return (script,)


def letters_of(node: Node) -> tuple[Node, ...]:
    """A run in a script as its letters and numerals, each with its place."""
    if not isinstance(node, Sym) or node.kind != "run":
        return (node,)
    out: list[Node] = []
    for m in re.finditer(r"[A-Za-z]|[0-9]", node.name):
        span = (node.span[0] + m.start(), node.span[0] + m.end())
        out.append(Num(m[0], (), span) if m[0].isdigit() else Sym(m[0], "letter", node.marks, span))
    return tuple(out)


def is_transpose(node: Node, taken: set[str]) -> bool:
    """Whether a script marks a transpose: ⊤, or a T or t that is no index, label or size."""
    if not isinstance(node, Sym):
        return False
    if node.kind == "mark":
        return node.name in TRANSPOSES
    return node.name in ("T", "t") and node.name not in taken


def unwrapped(node: Node) -> Node:
    """`(l)`, `[l]` and `<l>` are the label l."""
    while isinstance(node, Group) and node.open in ("(", "[", "<", "{"):
        node = node.body
    return node


def label(node: Node, values: dict[str, int]) -> str:
    """The text of a label, numbers worked out where a layer's number is known: `l-1` is `1` for l = 2."""
    node = unwrapped(node)
    value = whole(node, values)
    if value is not None:
        return str(value)
    match node:
        case Num():
            return node.text
        case Sym():
            return ".".join((node.name, *node.marks))
        case Script():
            below = "" if node.sub is None else "_" + label(node.sub, values)
            above = "" if node.sup is None else "^" + label(node.sup, values)
            return label(node.base, values) + below + above + "'" * node.primes
        case Sum():
            text = label(node.items[0], values)
            return text + "".join(op + label(x, values) for op, x in zip(node.ops, node.items[1:]))
        case Un():
            return node.op + label(node.x, values)
        case Juxt() | Prod():
            return "".join(label(x, values) for x in node.items)
        case List():
            return ",".join(label(x, values) for x in node.items)
    return "?"


def whole(node: Node, values: dict[str, int]) -> int | None:
    """The value of a label that is a number, or a layer's number plus or minus one."""
    match node:
        case Num() if node.text.isdigit():
            return int(node.text)
        case Sym() if node.name in values:
            return values[node.name]
        case Sum() if set(node.ops) <= {"+", "-"}:
            parts = [whole(x, values) for x in node.items]
            if None in parts:
                return None
            return parts[0] + sum(p if op == "+" else -p for op, p in zip(node.ops, parts[1:]))
        case Un() if node.op == "-":
            inner = whole(node.x, values)
            return None if inner is None else -inner
    return None


def letters_in(node: Node) -> Iterator[str]:
    """The letters of a label: `l-1` has l."""
    node = unwrapped(node)
    match node:
        case Sym() if node.kind in ("letter", "command"):
            yield node.name
        case Sum() | Juxt() | Prod() | List():
            for x in node.items:
                yield from letters_in(x)
        case Un():
            yield from letters_in(node.x)


def key(base: str, sub: tuple[str, ...] = (), sup: tuple[str, ...] = (), primes: int = 0) -> Key:
    return base, ",".join(sub), ",".join(sup), primes


_WORDS = {"hat": "hat", "bar": "bar", "tilde": "tilde"}


def program_name(k: Key, taken: set[str]) -> str:
    """A plain name for a key: `\\hat y` is yhat, `W^{(1)}` is W1, `W_1` is W_1, `h'` is h_prime."""
    base, sub, sup, primes = k
    stem, *marks = base.split(".")
    name = re.sub(r"[^A-Za-z0-9]", "", stem) or "x"
    name += "_each" * stem.endswith(EACH)
    name += "".join(m if m in _WORDS else "_" + m for m in marks)
    for text, sign in ((sup, ""), (sub, "_")):
        plain = re.sub(r"_+", "_", re.sub(r"[^A-Za-z0-9]", "_", text.replace("-", "m").replace("+", "p"))).strip("_")
        if plain:
            name += (sign if sign or not plain[0].isdigit() or name[-1].isdigit() else "") + ("_" if not sign and not plain[0].isdigit() else "") + plain
    name += "_prime" * primes
    name = name.replace("__", "_")
    while name in taken:
        name += "_"  if not name.endswith("_") else "x"
    return name


def typeset(text: str) -> str | None:
    """The user's spelling as a typeset name, where it may stand in output as it is."""
    return text if len(text) <= 80 and TEX_NAME.match(text) and text.count("{") == text.count("}") else None
