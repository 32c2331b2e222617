"""What a gradient rests on: the declared facts that were put in, and what was agreed on at corners and singular points.

One sentence per row of the tables; nothing is derived here.
"""

from __future__ import annotations

from functools import cached_property
from typing import NamedTuple

from ..expr import Apply, Map, names_in, walk
from ..ops import SCALAR_OPS, TENSOR_OPS
from ..program import STRUCTURES, Equation, Fact, Program
from ..reverse import bar
from ..views import View
from .forms import Atom, Mul, T
from .matrix import ONES_VECTOR
from .writing import TextWriter



class Said(NamedTuple):
    """A condition in words: "At corners: " relu′(0) = 0, "Where " the norm is not 0."""

    lead: str
    text: str


Condition = Fact | Said


class Conditions:
    """The conditions that the equations of a view rest on."""

    def __init__(self, program: Program, backward: Program, view: View) -> None:
        self.program, self.backward, self.view = program, backward, view
        self.shown = {equation.name for equation in view.equations}

    @cached_property
    def own(self) -> dict[str, dict[Condition, None]]:
        """Cotangent -> the facts put into its right side, and the conditions of the functions it comes through."""
        made: dict[str, dict[Condition, None]] = {
            equation.name: dict.fromkeys(self.view.uses[equation.name].facts if equation.name in self.view.uses else ()) for equation in self.backward.equations}
        for fact in self.program.facts:
            if fact.kind in STRUCTURES and bar(fact.name) in made:
                made[bar(fact.name)][Said("By convention ", f"every entry of {fact.name} moves on its own, also where {fact} ties "
                                          "entries together")] = None
        for equation in self.program.equations:
            if bar(equation.name) in made:
                for name, conditions in crossed(equation).items():
                    made.get(bar(name), {}).update(dict.fromkeys(conditions))
        return made

    def of(self, name: str, everything: bool = True) -> tuple[Condition, ...]:
        """The conditions of a shown cotangent; without `everything`, those that no other shown line states."""
        table, found, seen, stack = self.backward.table, {}, set(), [name]
        while stack:
            at = stack.pop()
            if at in seen or at not in table:
                continue
            seen.add(at)
            found |= self.own[at]
            stack += [n for n in names_in(table[at].expr) if everything or n not in self.shown]
        return tuple(found)

    @cached_property
    def users(self) -> dict[Condition, list[str]]:
        """Condition -> the shown cotangents whose own steps use it, declared facts first."""
        made: dict[Condition, list[str]] = {fact: [] for fact in self.program.facts}
        if not made and all([condition_of(node) is None for order in self.program.orders for node in order]):
            return made
        for equation in self.view.equations:
            for condition in self.of(equation.name, False):
                made.setdefault(condition, []).append(equation.name)
        return made


def crossed(equation: Equation) -> dict[str, list[Said]]:
    """Name -> the conditions of the functions between it and the left side of an equation."""
    order = walk(equation.expr)
    stated = {node: said for node in order if (said := condition_of(node)) is not None}
    found: dict[str, list[Said]] = {}
    for node, said in stated.items():
        for name in names_in(node.args[0] if is_branch(node) else node):
            found.setdefault(name, []).append(said)
    return found


def condition_of(node: object) -> Said | None:
    if type(node) is Map and node.function.body is None and not node.function.opaque:
        text = SCALAR_OPS[node.function.name].kinks
        return Said("At corners: ", text) if text else None
    text = TENSOR_OPS[node.op].condition if type(node) is Apply else ""
    return Said("Where ", text) if text else None


def is_branch(node: Map | Apply) -> bool:
    """A choice between two tensors: its edge matters to what its condition reads alone."""
    return type(node) is Map and node.function.name == "where"


def formula(fact: Fact, program: Program, writer: TextWriter) -> str:
    """A fact as a formula: `1ᵀ y = 1`, `A = Aᵀ`, `ε > 0`."""
    var = Atom(program.inputs[fact.name])
    symbol = writer.form(var)[0]
    match fact.kind:
        case "symmetric":
            return f"{symbol} = {writer.form(T(var))[0]}"
        case "binary":
            return writer.zero_or_one(symbol)
        case "index":
            return writer.index_range(symbol, writer.index(fact.high - 1))
        case "sum":
            across, down = Mul((var, ONES_VECTOR)), Mul((T(ONES_VECTOR), var))
            sides = {(1, None): (down, "1"), (1, 0): (down, "1"), (2, 1): (across, ONES_VECTOR), (2, 0): (down, T(ONES_VECTOR)),
                     (2, None): (Mul((T(ONES_VECTOR), var, ONES_VECTOR)), "1")}.get((var.node.rank, fact.axis))
            if sides is not None:
                left, right = [side if isinstance(side, str) else writer.form(side)[0] for side in sides]
                return f"{left} = {right}"
        case "range":
            low, high = [None if bound is None else writer.size(bound) for bound in (fact.low, fact.high)]
            return (f"{low} < " if low is not None and high is not None else "") + symbol + (
                f" < {high}" if high is not None else f" > {low}")
    return writer.words(str(fact))
