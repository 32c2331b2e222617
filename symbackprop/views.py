"""The three views of a derivation: which cotangents are written out, and what the others are called.

named: one entry per cotangent. textbook: the cotangents of activations that are read once are put in, those of
pre-activations are written δ. expanded: everything is put in. A view is a list of equations; it computes no derivative.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from typing import NamedTuple

from .algebra import add, contract
from .collecting import uncollected
from .expr import Add, Apply, Const, Contract, Expr, Map, Var, names_in, rebuild, walk
from .notation import Notation, split_name, text_name, tex_name
from .program import Equation, Fact, Program, is_activation, is_matrix_product
from .reverse import bar
from .rules import INVERSES, implied, polished, tidy

VIEWS = ("textbook", "named", "expanded")


def substitute(node: Expr, values: dict[str, Expr]) -> Expr:
    """`node` with variables replaced, simplified again along the way."""
    made: dict[Expr, Expr] = {}
    for part in walk(node):
        before = part.children
        if not before:
            made[part] = values.get(part.name, part) if type(part) is Var else part
            continue
        children = tuple([made[c] for c in before])
        if children == before:
            made[part] = part
        elif type(part) is Contract:
            made[part] = contract(children, part.inputs, part.output)
        elif type(part) is Add:
            made[part] = add(children)
        else:
            made[part] = rebuild(part, children)
    return made[node]


class Use(NamedTuple):
    """Facts that were put into a right side, and what it was without them."""

    before: Expr
    facts: tuple[Fact, ...]


class View(NamedTuple):
    """The equations that are shown, and the facts that the right side of a name was simplified by."""

    equations: tuple[Equation, ...]
    uses: dict[str, Use]


@uncollected()
def view(program: Program, backward: Program, kind: str = "textbook") -> View:
    """The backward equations as a reader sees them."""
    if kind == "named":
        return View(backward.equations, {})
    wrt = set(backward.outputs)
    values: dict[str, Expr] = {}
    tentative: dict[str, Expr] = {}
    facts = implied(program)
    glances = [glance(equation.expr) for equation in backward.equations]
    reads = Counter([name for names, _ in glances for name in names])
    keep = {bar(name) for name in program.pre_activations if is_kept(program, name, reads)} if kind == "textbook" else set()
    readers = Counter([name for names, _ in glances for name in set(names)])
    shown: list[Equation] = []
    uses: dict[str, Use] = {}
    dividing: set[str] = set()
    for equation, (names, divides) in zip(backward.equations, glances):
        expr = equation.expr
        if not values.keys().isdisjoint(names):
            divides = divides or not dividing.isdisjoint(names)
            expr = substitute(expr, values)
        if tentative and kind == "textbook":
            inlined = try_inlining(expr, tentative)
            if inlined is not expr:
                expr, divides = inlined, glance(inlined)[1]
        if divides or facts:
            before, (expr, used) = expr, tidy(expr, facts)
            expr = polished(expr)
            if used:
                uses[equation.name] = Use(tidy(before)[0], used)
        if divides:
            dividing.add(equation.name)
        simple = type(expr) in (Var, Const)
        inline = kind == "expanded" or simple or (equation.name not in keep and reads[equation.name] <= 1)
        if inline and (equation.name not in wrt or kind == "expanded" or simple):
            values[equation.name] = expr
        elif not inline and equation.name not in keep | wrt and readers[equation.name] == 1:
            tentative[equation.name] = expr
        if equation.name in wrt or (kind == "textbook" and equation.name in keep and not simple) or not inline:
            shown.append(Equation(equation.name, expr))
    gone = {name for name in tentative if not any(name in names_in(e.expr) for e in shown)}
    return View(tuple(e for e in shown if e.name not in gone), uses)


def is_kept(program: Program, name: str, reads: Counter) -> bool:
    """Whether the cotangent of a pre-activation is shown: not where we named a function of a tensor that is read once."""
    return name not in program.table or reads[bar(name)] > 1 or name in program.mentioned or not program.mentioned \
        or any(is_matrix_product(node) for node in walk(program[name].expr))


def try_inlining(expr: Expr, tentative: dict[str, Expr]) -> Expr:
    """A cotangent that is read twice in one place is put in there if that makes the whole shorter."""
    for name in [n for n in names_in(expr) if n in tentative]:
        candidate, _ = tidy(substitute(expr, {name: tentative[name]}))
        if len(occurrences(candidate)) < len(occurrences(expr)) + len(occurrences(tentative[name])) - 1:
            expr = candidate
    return expr


def glance(expr: Expr) -> tuple[list[str], bool]:
    """The names read under `expr`, repeated readings repeated, and whether a power, an inverse or a sum of Hadamard
    products stands there: without a fact, nothing else can be tidied."""
    stack, names, divides = [expr], [], False
    while stack:
        part = stack.pop()
        kind = type(part)
        if kind is Var:
            names.append(part.name)
        elif part.children:
            stack += part.children
            if kind is Map and part.function.name == "pow" or kind is Add and shares_factors(part) or kind is Apply and part.op in INVERSES:
                divides = True
    return names, divides


def shares_factors(node: Add) -> bool:
    """Whether several terms are products, so that a factor may stand in front of all."""
    return sum([type(term) is Contract for term in node.terms]) > 1


def occurrences(node: Expr) -> list[Var]:
    """Every reading of a variable under `node`, repeated readings repeated."""
    stack, found = [node], []
    while stack:
        part = stack.pop()
        if type(part) is Var:
            found.append(part)
        stack.extend(part.children)
    return found


def symbols_for(program: Program, backward: Program, loss: str, notation: Notation, tex: bool) -> dict[str, str]:
    """What the cotangents (and tensors with typeset names of their own) are called."""
    own = dict(program.names) | dict(notation.names)
    bold = notation.bold == "yes"

    def name_of(name: str) -> str:
        if tex:
            shape = backward.inputs[name].shape if name in backward.inputs else ()
            return own.get(name) or tex_name(name, notation.layers, bold and bool(shape))
        return plain_tex(own[name]) if name in own else text_name(name)

    result = {name: name_of(name) for name in own} if tex else {name: plain_tex(t) for name, t in own.items()}
    if tex and (bold or notation.layers != "subscript"):
        result |= {name: name_of(name) for name in backward.inputs}
    deltas = delta_labels(program) if notation.cotangent == "delta" else {}
    top = name_of(loss)
    for equation in backward.equations:
        name = equation.name[len("∂"):]
        if name in deltas:
            result[equation.name] = delta_name(deltas[name], len(equation.expr.shape), tex, notation)
        elif notation.cotangent == "bar":
            result[equation.name] = rf"\bar{{{name_of(name)}}}" if tex else f"{name_of(name)}\u0304"
        elif tex:
            result[equation.name] = rf"\frac{{\partial {top}}}{{\partial {name_of(name)}}}"
        else:
            result[equation.name] = f"∂{top}/∂{name_of(name)}"
    return result


def plain_tex(value: str) -> str:
    """A typeset name in a terminal: the marks of LaTeX left out."""
    return value.replace("\\", "").replace("{", "").replace("}", "")


def delta_labels(program: Program) -> dict[str, str]:
    """Pre-activation -> the label of its δ: the layer's where the name is z or a with a label, else the name itself."""
    names = sorted(program.pre_activations)
    labels = {}
    for name in names:
        stem, accent, label = split_name(name)
        labels[name] = label if stem in ("z", "Z", "a", "u", "s") and not accent else name
    clashes = Counter(labels.values())
    return {name: label if clashes[label] == 1 else name for name, label in labels.items()}


def delta_name(label: str, rank: int, tex: bool, notation: Notation) -> str:
    stem = "Delta" if rank >= 2 else "delta"
    if tex and notation.bold == "yes" and rank:
        plain = delta_name(label, rank, tex, replace(notation, bold="no"))
        return plain.replace("\\" + stem, rf"\boldsymbol{{\{stem}}}", 1)
    if not label:
        return "\\" + stem if tex else text_name(stem)
    if tex:
        if label.isdigit():
            return tex_name(f"{stem}_{label}", notation.layers)
        return rf"\{stem}_{{{tex_name(label)}}}"
    return text_name(f"{stem}_{label}") if label.isdigit() else f"{text_name(stem)}_{text_name(label)}"
