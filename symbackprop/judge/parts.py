"""One small tree for the formulas of all notations, so that edits are written once.

A `Part` knows where it stands in the user's text and what it is made of; `of_python` and `of_tex` make it from the
trees that the two readers keep.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from dataclasses import dataclass

from ..intake import DOTS

Span = tuple[int, int]
TRANSPOSED = re.compile(r"\^\s*(?:\{\s*(?:\\top|T|t|\\intercal|\\mathsf\s*\{?T\}?|\\mathrm\s*\{?T\}?|\\rm\s*T|\\sf\s*T)\s*\}|\\top(?![A-Za-z])"
                        r"|T|\\intercal(?![A-Za-z])|\\mathsf\s*\{?T\}?|\\mathrm\s*\{?T\}?)|ᵀ")
FUNCTIONS = frozenset("sigma tanh exp log ln softmax ReLU relu f g phi varphi sigmoid diag tr cosh sinh sin cos sqrt rho psi max min "
                      "sum mean logistic softplus operatorname det rowsum".split())


@dataclass(frozen=True)
class Part:
    """A piece of a formula.

    `kind`: number, name, sum, product, minus, transpose, call, power, fraction, group, over (a sum sign) or other.
    `span` is the whole with its own brackets; `ops` the signs between the parts; `name` of a call, name or number.
    `head` is where a call's function stands.
    """

    kind: str
    span: Span
    parts: tuple[Part, ...] = ()
    ops: tuple[str, ...] = ()
    name: str = ""
    head: Span = (0, 0)

    def walk(self) -> Iterator[Part]:
        """Every part, parents first."""
        stack = [self]
        while stack:
            part = stack.pop()
            yield part
            stack.extend(reversed(part.parts))


# --- Python ---

SIGNS = {ast.Add: "+", ast.Sub: "-", ast.Mult: "*", ast.MatMult: "@", ast.Div: "/"}
RANK = {ast.Add: "sum", ast.Sub: "sum", ast.Mult: "product", ast.MatMult: "product", ast.Div: "product"}


class Python:
    """Reads the `ast` of a text that starts at line 1."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.starts = [0]
        for line in text.split("\n"):
            self.starts.append(self.starts[-1] + len(line) + 1)

    def offset(self, line: int, column: int) -> int:
        start = self.starts[line - 1]
        row = self.text[start:self.starts[line] - 1]
        return start + (column if row.isascii() else len(row.encode()[:column].decode(errors="ignore")))

    def span(self, node: ast.expr) -> Span:
        return self.offset(node.lineno, node.col_offset), self.offset(node.end_lineno, node.end_col_offset)

    def bracketed(self, node: ast.expr) -> Part:
        """An operand, with the brackets that stand around it."""
        part = self.part(node)
        a, b = part.span
        while True:
            left, right = len(self.text[:a].rstrip()), b + len(self.text[b:]) - len(self.text[b:].lstrip())
            if not (left and self.text[left - 1] == "(" and self.text[right:right + 1] == ")"):
                break
            a, b = left - 1, right + 1
        return part if (a, b) == part.span else Part("group", (a, b), (part,))

    def part(self, node: ast.expr) -> Part:
        span = self.span(node)
        match node:
            case ast.Constant():
                return Part("number", span, name=self.text[slice(*span)])
            case ast.Name():
                return Part("name", span, name=node.id)
            case ast.Subscript(value=ast.Name(id=name), slice=ast.Name() | ast.BinOp() | ast.Constant()):
                return Part("name", span, (Part("script", self.span(node.slice)),), ("script",), name, self.span(node.value))
            case ast.UnaryOp(op=ast.USub()):
                return Part("minus", span, (self.bracketed(node.operand),))
            case ast.BinOp() if type(node.op) in SIGNS:
                return self.chain(node, span)
            case ast.BinOp(op=ast.Pow()):
                return Part("power", span, (self.bracketed(node.left), self.bracketed(node.right)))
            case ast.Attribute(attr="T"):
                return Part("transpose", span, (self.bracketed(node.value),))
            case ast.Call(func=ast.Name(id="grad")):
                return Part("name", span, name=self.text[slice(*span)])
            case ast.Call():
                return self.call(node, span)
        inner = [c for c in ast.iter_child_nodes(node) if isinstance(c, ast.expr)]
        if isinstance(node, ast.GeneratorExp) and isinstance(over := node.generators[0].iter, ast.BinOp):
            inner.append(over.left)  # where a sum over steps begins
        return Part("other", span, tuple(map(self.part, inner)))

    def call(self, node: ast.Call, span: Span) -> Part:
        func = node.func
        method = isinstance(func, ast.Attribute) and not (isinstance(func.value, ast.Name) and func.value.id in ("np", "numpy"))
        name = func.attr if isinstance(func, ast.Attribute) else getattr(func, "id", "")
        args = ([self.bracketed(func.value)] if method else []) + [self.part(a) for a in node.args] + [self.part(k.value) for k in node.keywords]
        end = self.span(func)[1]
        return Part("call", span, tuple(args), tuple("kw" for _ in node.keywords), name, (end - len(name), end))

    def chain(self, node: ast.BinOp, span: Span) -> Part:
        kind, items, ops = RANK[type(node.op)], [], []
        here: ast.expr = node
        while isinstance(here, ast.BinOp) and RANK.get(type(here.op)) == kind and self.span(here)[0] == span[0]:
            items.append(self.bracketed(here.right))
            ops.append(SIGNS[type(here.op)])
            here = here.left
        items.append(self.bracketed(here))
        return Part(kind, span, tuple(items[::-1]), tuple(ops[::-1]))


def of_python(text: str) -> Part:
    """The parts of an expression in Python syntax."""
    return Python(text).part(ast.parse(DOTS.sub(r"\1^ ", text), mode="eval").body)


# --- LaTeX ---

def of_tex(node: object, text: str) -> Part:
    """The parts of a node of `tex.syntax`; spans point into `text`."""
    from ..tex.syntax import Big, Frac, Group, Juxt, Num, Prod, Script, Sum, Sym, Un, children
    span = node.span
    inner = lambda n: of_tex(n, text)
    match node:
        case Num():
            return Part("number", span, name=text[slice(*span)])
        case Sym():
            return Part("name", span, name=node.name)
        case Sum():
            return Part("sum", span, tuple(map(inner, node.items)), node.ops)
        case Un(op="-"):
            return Part("minus", span, (inner(node.x),))
        case Prod():
            return Part("product", span, tuple(map(inner, node.items)), node.ops)
        case Juxt():
            return juxtaposed(node, text)
        case Frac() if is_derivative_text(text[slice(*span)]):
            return Part("name", span, name=text[slice(*span)])
        case Frac():
            return Part("fraction", span, (inner(node.top), inner(node.bottom)))
        case Group():
            return Part("group", span, (inner(node.body),))
        case Script():
            return scripted(node, text)
        case Big():
            return Part("over", span, (inner(node.body),), name=node.op)
    return Part("other", span, tuple(map(inner, children(node))))


def is_derivative_text(text: str) -> bool:
    return bool(re.search(r"\\partial|∂|\\nabla|\\frac\{d\s*[A-Za-z\\]", text))


def scripted(node: object, text: str) -> Part:
    from ..tex.syntax import Group, Sym
    base = node.base
    rest = text[base.span[1]:node.span[1]]
    found = TRANSPOSED.search(rest)
    if found is not None and node.sup is not None and not node.primes:
        a, b = base.span[1] + found.start(), base.span[1] + found.end()
        below = of_tex(base, text) if isinstance(base, Group) else Part("name", (base.span[0], a if b == node.span[1] else base.span[1]), name="")
        return Part("transpose", node.span, (below,), head=(a, b))
    if isinstance(base, (Group,)) and node.sup is not None:
        return Part("power", node.span, (of_tex(base, text), of_tex(node.sup, text)))
    parts = tuple(Part("script", s.span) for s in (node.sub, node.sup) if s is not None)
    name = getattr(base, "name", "") if isinstance(base, Sym) else ""
    return Part("name", node.span, parts, ("script",) * len(parts), name + "'" * node.primes, base.span)


def juxtaposed(node: object, text: str) -> Part:
    """Things side by side: a product, with a function and its argument as one part."""
    from ..tex.syntax import Group, Script, Sym
    items: list[Part] = []
    waiting = list(node.items)
    while waiting:
        item = waiting.pop(0)
        base = item.base if isinstance(item, Script) else item
        is_function = isinstance(base, Sym) and (base.name in FUNCTIONS or base.kind in ("function",)) and bool(waiting)
        if is_function and (isinstance(waiting[0], Group) or base.kind == "function" or base.name == "operatorname"):
            arg = waiting.pop(0)
            primes = "'" * getattr(item, "primes", 0)
            items.append(Part("call", (item.span[0], arg.span[1]), (of_tex(arg, text),), (), base.name + primes, item.span))
        else:
            items.append(of_tex(item, text))
    if len(items) == 1:
        return items[0]
    return Part("product", node.span, tuple(items), ("",) * (len(items) - 1))
