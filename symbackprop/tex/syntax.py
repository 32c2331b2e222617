"""The structure of a formula as it is written, before names, shapes and layers give it a meaning.

Each node keeps its `span`, the offsets of its first character and of the one after its last, which equality ignores.
Products, sums, relations and lists are flat, so that only brackets, scripts and prefixes make a tree deep.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field, replace

Span = tuple[int, int]


@dataclass(frozen=True, slots=True)
class Num:
    """A numeral, as its digits. `marks` as for `Sym`: `\\mathbf{1}` is `Num("1", ("bold",))`."""

    text: str
    marks: tuple[str, ...]
    span: Span = field(compare=False)


@dataclass(frozen=True, slots=True)
class Sym:
    """A symbol. `kind` is one of

    `letter`; `run`, adjacent letters and digits that are one name or a product of several (`XW`, `dW1`, `theta`);
    `command` (`\\sigma`, `\\partial`); `function` (`\\log`); `name` (`\\mathrm{softmax}`, `\\text{rows}`);
    `key`, quoted as in `grads['W1']`; `prose`, words in the condition of a case;
    `mark`, what stands for no value of its own (dots, top, prime, a lone `:` or `\\cdot` or `*`).
    `marks` are its accents and fonts, sorted: `\\hat{\\mathbf y}` and `\\mathbf{\\hat y}` are the same symbol.
    """

    name: str
    kind: str
    marks: tuple[str, ...]
    span: Span = field(compare=False)


@dataclass(frozen=True, slots=True)
class Script:
    """A base with what stands below, above and as primes. The scripts of a run belong to its last letter, or to all."""

    base: Node
    sub: Node | None
    sup: Node | None
    primes: int
    span: Span = field(compare=False)


@dataclass(frozen=True, slots=True)
class Juxt:
    """Things side by side: a product, a function before its argument, a differential."""

    items: tuple[Node, ...]
    span: Span = field(compare=False)


@dataclass(frozen=True, slots=True)
class Prod:
    """`a ⊙ b · c / d`: operators of one rank, read from the left; `ops` has one entry fewer than `items`."""

    items: tuple[Node, ...]
    ops: tuple[str, ...]
    span: Span = field(compare=False)


@dataclass(frozen=True, slots=True)
class Sum:
    """`a + b - c`, read from the left; `ops` are `+ - pm mp`."""

    items: tuple[Node, ...]
    ops: tuple[str, ...]
    span: Span = field(compare=False)


@dataclass(frozen=True, slots=True)
class Un:
    """A prefix (`-`, `+`; inside a script also a product or relation sign, as in `^{\\odot 2}`) or a postfix `!`."""

    op: str
    x: Node
    span: Span = field(compare=False)


@dataclass(frozen=True, slots=True)
class Frac:
    top: Node
    bottom: Node
    span: Span = field(compare=False)


@dataclass(frozen=True, slots=True)
class Sqrt:
    x: Node
    degree: Node | None
    span: Span = field(compare=False)


@dataclass(frozen=True, slots=True)
class Group:
    """Brackets that show: `( [ { | || < floor ceil`, `.` for an unseen side, or a brace under or over its body."""

    open: str
    close: str
    body: Node
    span: Span = field(compare=False)


@dataclass(frozen=True, slots=True)
class Big:
    """A sign that takes the whole term on its right: sum, prod, int; max, min and the like with a subscript."""

    op: str
    sub: Node | None
    sup: Node | None
    body: Node
    span: Span = field(compare=False)


@dataclass(frozen=True, slots=True)
class Matrix:
    kind: str
    rows: tuple[tuple[Node, ...], ...]
    span: Span = field(compare=False)


@dataclass(frozen=True, slots=True)
class Cases:
    """Values with their conditions; `otherwise` and a missing condition are both None."""

    rows: tuple[tuple[Node, Node | None], ...]
    span: Span = field(compare=False)


@dataclass(frozen=True, slots=True)
class Rel:
    """A chain `a = b \\le c`; `ops` has one entry fewer than `items`."""

    items: tuple[Node, ...]
    ops: tuple[str, ...]
    span: Span = field(compare=False)


@dataclass(frozen=True, slots=True)
class List:
    """Items between separators, all the same: `,`, `;`, `and`, `or`, or a line break inside `\\substack`."""

    items: tuple[Node, ...]
    sep: str
    span: Span = field(compare=False)


Node = (Num | Sym | Script | Juxt | Prod | Sum | Un | Frac | Sqrt | Group | Big | Matrix | Cases | Rel | List)


@dataclass(frozen=True, slots=True)
class Clause:
    """One formula of a line: what separates it from the one before, the words before it, and its tree.

    Words that nothing follows make a clause without a tree.
    """

    sep: str
    lead: str
    node: Node | None
    span: Span = field(compare=False)


def children(node: Node) -> tuple[Node, ...]:
    """The parts of a node, in reading order."""
    match node:
        case Num() | Sym():
            return ()
        case Juxt() | Prod() | Sum() | Rel() | List():
            return node.items
        case Script():
            parts = (node.base, node.sub, node.sup)
        case Big():
            parts = (node.sub, node.sup, node.body)
        case Un():
            parts = (node.x,)
        case Frac():
            parts = (node.top, node.bottom)
        case Sqrt():
            parts = (node.degree, node.x)
        case Group():
            parts = (node.body,)
        case Matrix() | Cases():
            parts = tuple(cell for row in node.rows for cell in row)
    return tuple(part for part in parts if part is not None)


def walk(node: Node) -> Iterator[tuple[Node, int]]:
    """Every node with its depth, parents first, without recursion."""
    stack = [(node, 1)]
    while stack:
        here, depth = stack.pop()
        yield here, depth
        stack.extend((part, depth + 1) for part in reversed(children(here)))


INDEX_LETTERS = frozenset("abcdfgijklmnpqrstuvw")


def with_primed_indices(node: Node | None) -> Node | None:
    """What stands below a symbol or a sum, each `j'` in it as one index."""
    match node:
        case Script(base=Sym(name=name, kind="letter") as base, sub=None, sup=None, primes=count) if count and name in INDEX_LETTERS:
            return replace(base, name=name + "'" * count, span=node.span)
        case Script(base=Sym(name=name, kind="run", span=(start, _)), sub=None, sup=None, primes=count) if count and len(name) < 5 and \
                set(name) <= INDEX_LETTERS:
            last = len(name) - 1
            letters = [Sym(x, "letter", (), (start + k, start + k + 1)) for k, x in enumerate(name[:last])]
            return Juxt((*letters, Sym(name[last] + "'" * count, "letter", (), (start + last, node.span[1]))), node.span)
        case List() | Juxt() | Rel() | Sum():
            return replace(node, items=tuple(with_primed_indices(x) for x in node.items))
    return node
