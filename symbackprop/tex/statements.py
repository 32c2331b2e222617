"""Formulas -> statements by their form: declarations, ranges of indices, facts, equations, bare expressions.

Form alone decides here; whether an equation defines or claims is settled when the table is known.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from .document import Formula
from .names import unwrapped
from .scope import is_index, is_relation
from .source import Source
from .syntax import Clause, Group, Juxt, List, Node, Num, Prod, Rel, Script, Span, Sum, Sym

CONDITIONAL = frozenset(("if", "for", "when", "where", "with"))
EQUALS = frozenset(("=", ":=", "equiv", "gets", "=="))


@dataclass(frozen=True)
class Statement:
    """One statement: what it is (`declare function range fact equation bare`), its tree, and the source it stands in.

    `when` has the entries that it holds for, `over` the ranges that its formula says behind it, or else before it.
    """

    kind: str
    node: Node
    source: Source
    lead: str = ""
    when: tuple[Rel, ...] = ()
    over: tuple[Node, ...] = ()

    @property
    def span(self) -> Span:
        return self.node.span


def statements(formula: Formula) -> list[Statement]:
    """The statements of a formula that could be read."""
    out: list[Statement] = []
    waiting: list[Node] = []
    for clause in formula.clauses:
        for node in split(clause):
            if out and out[-1].kind == "equation" and (when := condition(node, clause.lead)):
                out[-1] = replace(out[-1], when=out[-1].when + when)
                continue
            kind = kind_of(node)
            if kind == "bare" and is_name(node) and clause is not formula.clauses[-1]:
                waiting.append(node)
                continue
            if kind == "declare" and waiting:
                rel = node
                out += [Statement(kind, Rel((name, *rel.items[1:]), rel.ops, name.span), formula.source) for name in waiting]
            elif waiting:
                out += [Statement("bare", name, formula.source) for name in waiting]
            waiting = []
            out.append(Statement(kind, node, formula.source, clause.lead))
    return with_own_ranges(out + [Statement("bare", name, formula.source) for name in waiting])


def with_own_ranges(found: list[Statement]) -> list[Statement]:
    """Each statement with the ranges that stand next behind it in its formula: `z = …, l = 1, …, L, a = …, l = 1, …, L-1`."""
    if all(s.kind != "range" for s in found):
        return found
    out: list[Statement] = []
    behind: tuple[Node, ...] = ()
    for k in range(len(found) - 1, -1, -1):
        if found[k].kind == "range":
            behind = (found[k].node, *(behind if k + 1 < len(found) and found[k + 1].kind == "range" else ()))
        out.append(replace(found[k], over=behind or tuple(s.node for s in found[:k] if s.kind == "range")))
    return out[::-1]


def condition(node: Node, lead: str) -> tuple[Rel, ...]:
    """`i \\ne j`, `(i = j)` or `if i = j` after an equation: for which entries it holds; nothing of another formula."""
    inner = unwrapped(node)
    rels = inner.items if isinstance(inner, List) else (inner,)
    is_said = inner is not node or bool(set(lead.lower().replace(",", " ").split()) & CONDITIONAL)
    for rel in rels:
        if not isinstance(rel, Rel) or len(rel.ops) != 1 or not (rel.ops[0] == "!=" or rel.ops[0] in ("=", "==") and is_said):
            return ()
        a, b = rel.items
        if not (is_index(a) and a.name not in ("l", "t") and (is_index(b) or isinstance(b, Script) or isinstance(b, Num) and is_said)):
            return ()
    return tuple(rels)


def split(clause: Clause) -> list[Node]:
    """The statements that commas join: `a = 1, b = 2` and `W_1, W_2 \\in …`."""
    return [paired(x) for x in joined(clause)]


def paired(node: Node) -> Node:
    """`L = e : e` with the colon of the Frobenius product as `\\langle e, e \\rangle`."""
    if isinstance(node, Rel) and node.ops[-2:] == ("=", ":") and not any(isinstance(x, Sum) for x in node.items[-2:]):
        a, b = node.items[-2:]
        span = a.span[0], b.span[1]
        return Rel((*node.items[:-2], Group("<", ">", List((a, b), ",", span), span)), node.ops[:-1], node.span)
    return node


def joined(clause: Clause) -> list[Node]:
    """The parts of a clause between its commas, names before a relation that they share with that relation."""
    node = clause.node
    if node is None:
        return []
    if not isinstance(node, List) or node.sep not in (",", "and", ";") or is_range(node) or not any(isinstance(x, Rel) for x in node.items):
        return [node]
    out: list[Node] = []
    names: list[Node] = []
    items = with_ranges(node.items)
    for item in items:
        if is_range(item):
            out += [*names, item]
            names = []
        elif isinstance(item, Rel):
            if names and item.ops[0] in ("in", ":"):
                out += [Rel((name, *item.items[1:]), item.ops, (name.span[0], name.span[1])) for name in names]
            else:
                out += names
            names = []
            out.append(item)
        else:
            names.append(item)
    return out + names


def with_ranges(items: tuple[Node, ...]) -> list[Node]:
    """The items of a list, `i = 1`, `\\dots`, `n` among them as one."""
    out, k = [], 0
    while k < len(items):
        few = items[k:k + 3]
        ranged = List(few, ",", (few[0].span[0], few[-1].span[1]))
        if len(few) == 3 and is_range(ranged):
            out.append(ranged)
            k += 3
        else:
            out.append(items[k])
            k += 1
    return out


def is_name(node: Node) -> bool:
    return isinstance(node, Sym) or isinstance(node, Script) and isinstance(node.base, Sym)


def is_range(node: Node) -> bool:
    """`l = 1, \\dots, L`."""
    return isinstance(node, List) and len(node.items) >= 3 and is_relation(node.items[0], "=") and \
        any(isinstance(x, Sym) and x.name == "dots" for x in node.items) and not any(isinstance(x, Rel) for x in node.items[1:])


def kind_of(node: Node) -> str:
    if is_range(node):
        return "range"
    if not isinstance(node, Rel):
        return "bare"
    op = node.ops[0]
    if op == "in" and is_class_set(node):
        return "class"
    if op == "in":
        return "range" if is_index_set(node) else "declare" if is_space(node.items[1]) else "fact"
    if op == ":" and len(node.ops) == 2 and node.ops[1] == "to":
        return "function"
    if op == ":" and len(node.ops) == 1 and isinstance(node.items[1], Prod):
        return "declare"
    if all(o in EQUALS for o in node.ops):
        return "equation"
    if all(o in ("<", ">", "<=", ">=", "succ", "succeq", "!=", "in") for o in node.ops):
        return "fact"
    return "other"


def is_index_set(node: Rel) -> bool:
    """`l \\in \\{1, 2\\}`, `l \\in \\{1, \\dots, L\\}`; `y \\in \\{0, 1\\}` is a fact."""
    right = node.items[1]
    if not isinstance(right, Group) or right.open != "{" or not isinstance(right.body, List):
        return False
    texts = [x.text if isinstance(x, Num) else "" for x in right.body.items]
    return texts != ["0", "1"] and (texts[0].isdigit())


def is_class_set(node: Rel) -> bool:
    """`y \\in \\{1, \\dots, K\\}`, `y_i \\in \\{1, \\dots, K\\}`, `y \\in [K]`: what is in it is a label, and not an index that runs."""
    left, right = node.items[:2]
    if len(node.items) != 2 or not isinstance(left, Script) and getattr(left, "name", "") not in ("y", "c"):
        return False
    base = right.base if isinstance(right, Script) and right.sub is None and right.sup is not None else right
    if isinstance(base, Group) and base.open == "[" and isinstance(base.body, Sym):
        return True
    return isinstance(base, Group) and is_index_set(Rel((left, base), ("in",), node.span))


def is_space(node: Node) -> bool:
    """`\\mathbb{R}`, `\\mathbb{R}^{m \\times n}`, `\\mathbb R_+^n`."""
    base = node.base if isinstance(node, Script) else node
    return isinstance(base, Sym) and base.name == "R" and "bb" in base.marks


def space_shape(node: Node) -> tuple[tuple[Node, ...], bool]:
    """The sizes in a space, and whether its entries are positive."""
    if not isinstance(node, Script):
        return (), False
    positive = isinstance(node.sub, Sym) and node.sub.name in ("+", "++") or isinstance(node.sup, Sym) and node.sup.name == "+"
    sup = node.sup
    if sup is None or isinstance(sup, Sym) and sup.kind == "mark":
        return (), positive
    sup = unwrapped(sup)
    if isinstance(sup, Prod) and set(sup.ops) <= {"times"}:
        return sup.items, positive
    return (sup,), positive


def called(node: Node) -> tuple[Node, Group] | None:
    """`f(x)`: a name and its brackets."""
    if isinstance(node, Juxt) and len(node.items) == 2 and isinstance(node.items[1], Group) and node.items[1].open == "(" \
            and is_name(node.items[0]):
        return node.items[0], node.items[1]
    return None
