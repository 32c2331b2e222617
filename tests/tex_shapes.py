"""Trees as short text, for the tables of the LaTeX reader's tests.

`(f x)` things side by side, `[a + b]` a sum, `<a odot b>` a product, `a_i^T'` scripts, `{a = b}` a relation,
`a, b` a list, `(-)x` a prefix, `sum_i:x` a big operator, `a / b` in bars `|a/b|` a fraction.
"""

from __future__ import annotations

from pathlib import Path

from symbackprop.tex.lex import lex
from symbackprop.tex.source import Source
from symbackprop.tex.symbols import LITERALS, RELATIONS as NAMED
from symbackprop.tex.syntax import (Big, Cases, Clause, Frac, Group, Juxt, List, Matrix, Node, Num, Prod, Rel, Script,
                                    Sqrt, Sum, Sym, Un, walk)

LECTURE = [line for line in Path(__file__).with_name("lecture_formulas.txt").read_text(encoding="utf-8").splitlines()
           if line and not line.startswith("%")]

RELATIONS = {*NAMED.values(), *(text for kind, text in LITERALS.values() if kind == "rel")}
KINDS = {"letter": "", "run": "~", "command": "\\", "function": "\\", "name": "'", "key": '"', "mark": "`",
         "prose": "?"}


def shape(node: Node | None) -> str:
    match node:
        case None:
            return "-"
        case Num():
            return node.text + "".join("." + m for m in node.marks)
        case Sym():
            return KINDS[node.kind] + node.name + "".join("." + m for m in node.marks)
        case Script():
            sub = "" if node.sub is None else "_" + shape(node.sub)
            sup = "" if node.sup is None else "^" + shape(node.sup)
            return shape(node.base) + sub + sup + "'" * node.primes
        case Juxt():
            return "(" + " ".join(map(shape, node.items)) + ")"
        case Prod():
            return "<" + chain(node) + ">"
        case Sum():
            return "[" + chain(node) + "]"
        case Rel():
            return "{" + chain(node) + "}"
        case Un():
            return f"({node.op}){shape(node.x)}"
        case Frac():
            return f"|{shape(node.top)}/{shape(node.bottom)}|"
        case Sqrt():
            return f"sqrt{'' if node.degree is None else '_' + shape(node.degree)}({shape(node.x)})"
        case Group():
            return f"{node.open}{shape(node.body)}{node.close}"
        case Big():
            sub = "" if node.sub is None else "_" + shape(node.sub)
            sup = "" if node.sup is None else "^" + shape(node.sup)
            return f"{node.op}{sub}{sup}:{shape(node.body)}"
        case Matrix() | Cases():
            kind = node.kind if isinstance(node, Matrix) else "cases"
            return kind + "".join("/" + "&".join(map(shape, row)) for row in node.rows)
        case List():
            return f"{node.sep} ".join(map(shape, node.items))
    raise AssertionError(node)


def chain(node: Prod | Sum | Rel) -> str:
    return shape(node.items[0]) + "".join(f" {op} {shape(x)}" for op, x in zip(node.ops, node.items[1:], strict=True))


def parts_of_tokens(text: str) -> list[str]:
    """What must stand in the tree by the tokens of a text: each letter, digit, symbol, name, sign and prime."""
    kinds = {"word", "num", "sym", "fun", "name", "mark", "key", "reals", "dot-t"}
    out: list[str] = []
    for token in lex(Source(text)):
        if token.kind == "'" or (token.kind, token.text) == ("mark", "prime"):
            out += ["'"] * (len(token.text) if token.kind == "'" else 1)
        elif token.kind in kinds:
            out += token.text
        elif token.kind in ("add", "mul", "factorial"):
            out.append(token.text)
        elif token.text == ".^":
            out.append("odot")
    return sorted(out)


def parts_of_trees(clauses: tuple[Clause, ...]) -> list[str]:
    """The same, by the nodes of the trees."""
    out: list[str] = []
    for clause in clauses:
        for node, _ in walk(clause.node) if clause.node else ():
            out += _parts_of(node)
    return sorted(out)


def _parts_of(node: Node) -> list[str]:
    match node:
        case Num():
            return list(node.text)
        case Sym(kind="prose"):
            return []
        case Sym(kind="mark", name="prime"):
            return ["'"]
        case Sym(kind="mark") if node.name not in ("dots", "top", "bot", "intercal", "dagger", "ddagger"):
            return [] if node.name == ":" else [node.name]
        case Sym():
            return list(node.name)
        case Script():
            return ["'"] * node.primes
        case Sum() | Prod():
            return list(node.ops)
        case Un():
            return [] if node.op in RELATIONS else [node.op]
        case Big() if node.op not in ("sum", "prod", "int", "odot"):
            return list(node.op)
    return []
