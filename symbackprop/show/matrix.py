"""Expressions seen as matrices: products, ⊙, ᵀ, diag, tr and ones, read off the index pattern of a contraction.

`matrix_form(expr)` is a tree of the small records of `forms`; a contraction that no row of the reading fits becomes
`Indexed`, and the writers show it in index form. A reading never changes a value and computes no derivative.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache
from operator import itemgetter

import sympy as sp

from ..expr import Add, Apply, Const, Contract, Delta, Expr, Labels, Map, Ones, Var, is_identity
from .forms import (Atom, Call, Diag, DiagOf, Had, Identity, Indexed, Mul, Norm, Number, Over, Power, Scaled, Sum, T,
                    Trace, Unit)
from .sliding import Selector, delta_form, folded, slid_form

KINDS = {Ones: "o", Delta: "d"}
NO_LABELS: frozenset[int] = frozenset()
NORMS = {"norm": 2, "spectral_norm": "spectral", "nuclear_norm": "nuclear"}
ONES_VECTOR = Unit((sp.Symbol("n"),))


def matrix_form(node: Expr) -> object:
    """The matrix reading of a node."""
    return _FORMS[type(node)](node)


def has_index_form(form: object) -> bool:
    """Whether a part of a form could only be shown by its indices."""
    if type(form) is Indexed:
        return True
    return isinstance(form, tuple) and any(has_index_form(part) for part in form if isinstance(part, tuple))


def add_form(node: Add) -> Sum:
    terms = [matrix_form(term) for term in node.terms]
    if is_negative(terms[0]):  # p − y reads better than −y + p
        first = next((k for k, term in enumerate(terms) if not is_negative(term)), 0)
        terms.insert(0, terms.pop(first))
    return Sum(tuple(terms))


def is_negative(form: object) -> bool:
    number = form.number if type(form) is Scaled else form.value if type(form) is Number else sp.S.One
    return bool(number.could_extract_minus_sign()) and not number.is_Add


def map_form(node: Map) -> object:
    name = node.function.name
    if name == "pow" and not node.function.derivative:
        exponent, base = node.function.params[0], matrix_form(node.args[0])
        if exponent.is_number and exponent.is_negative:
            return Over(None, power_form(base, -exponent, node.rank), node.rank)
        return power_form(base, exponent, node.rank)
    return Call(node, tuple([matrix_form(arg) for arg in node.args]))


def power_form(base: object, exponent: sp.Expr, rank: int) -> object:
    return base if exponent == 1 else Power(base, exponent, rank)


def apply_form(node: Apply) -> object:
    if node.op in NORMS:
        return Norm(matrix_form(node.args[0]), NORMS[node.op], 1)
    if node.op == "solve":
        a, b = node.args
        return multiplied([matrix_form(Apply("inv", (a,), (), a.shape)), matrix_form(b)])
    if node.op == "matrix_power":
        return Power(matrix_form(node.args[0]), sp.Integer(node.params[0]), 1)
    return Call(node, tuple([matrix_form(arg) for arg in node.args]))


def contract_form(node: Contract) -> object:
    operands, inputs, number = node.operands, node.inputs, sp.S.One
    if type(operands[0]) is Const:
        number, operands, inputs = operands[0].value, operands[1:], inputs[1:]
        if len(operands) == 1 and inputs[0] == node.output:
            return scaled(number, [], matrix_form(operands[0]))
    if len(operands) == 1 and (special := norm_form(operands[0], node.output)) is not None:
        return scaled(number, [], special)
    kinds = "".join([KINDS.get(type(o), ".") for o in operands])
    if "d" in kinds:
        if (slid := slid_form(node)) is not None:
            return scaled(slid[0], [], slid[1])
        kinds = "".join([KINDS.get(type(o), ".") if type(o) is not Delta or is_identity(o) else "." for o in operands])
    found = reading(inputs, node.output, kinds, unit_labels(operands, inputs))
    if found is None:
        return Indexed(node)
    forms = [matrix_form(o) for o in operands]
    made, body = [build(forms) for build in found[0]], None if found[1] is None else found[1](forms)
    return body if number is sp.S.One and body is not None and not made else scaled(number, made, body)


def unit_labels(operands: tuple[Expr, ...], inputs: tuple[Labels, ...]) -> frozenset[int]:
    """The labels that run over a single entry."""
    found = [i for operand, labels in zip(operands, inputs) for i, dim in zip(labels, operand.shape) if dim is sp.S.One]
    return frozenset(found) if found else NO_LABELS


def norm_form(inner: Expr, output: Labels) -> Norm | None:
    """Σ r² is ‖r‖² and Σ |r| is ‖r‖₁."""
    if not output and type(inner) is Map and inner.rank:
        f = inner.function
        if f.name == "pow" and f.params[0] == 2 and not f.derivative:
            return Norm(matrix_form(inner.args[0]), 2, 2)
        if f.name == "abs" and not f.derivative:
            return Norm(matrix_form(inner.args[0]), 1, 1)
    return None


def scaled(number: sp.Expr, scalars: list, body: object) -> object:
    """number · scalars · body, scalar quotients gathered below a line."""
    above, below = [], []
    for s in scalars:
        if type(s) is Scaled and s.body is None:
            number = number * s.number
            above += s.scalars
            below += s.below
        elif type(s) is Over:
            above += [] if s.above is None else [s.above]
            below.append(s.below)
        elif type(s) is Number:
            number = number * s.value
        else:
            above.append(s)
    if type(body) is Scaled:
        return Scaled(number * body.number, (*above, *body.scalars), body.body, (*below, *body.below))
    if body is None and len(above) == 1 and not below and number != 1:
        body, above = above[0], []
    if number == 1 and not below:
        if not above and body is not None:
            return body
        if body is None and len(above) == 1:
            return above[0]
    if not above and body is None and not below:
        return Number(number)
    return Scaled(number, tuple(above), body, tuple(below))


class Item:
    """A factor while a product is read: its template, its remaining labels, its place among the factors."""

    __slots__ = ("template", "labels", "place")

    def __init__(self, template: tuple, labels: Labels, place: int) -> None:
        self.template, self.labels, self.place = template, labels, place

    def oriented(self, row: int) -> tuple:
        """The template of a matrix with label `row` down its rows, or of a vector."""
        return self.template if self.labels[0] == row else ("t", self.template)


@lru_cache(maxsize=1 << 12)
def plan(inputs: tuple[Labels, ...], output: Labels, kinds: str, units: frozenset[int],
         ) -> tuple[tuple[tuple, ...], tuple | None] | None:
    """How to read an index pattern: templates of its scalar factors and of the rest; None where nothing fits.

    `units` are labels of size 1: an n×1 matrix is read as the vector that it prints as.
    """
    items: list[Item] = []
    for k, labels in enumerate(inputs):
        made = items_of(k, labels, kinds[k], units)
        if made is None:
            return None
        items += made
    shape = tuple(i for i in output if i not in units)
    if len(shape) > 2:
        return None
    if not sum_out(items, shape):
        return None
    scalars = tuple(item.template for item in items if not item.labels)
    body = body_template([item for item in items if item.labels], shape)
    if body is not None and len(output) == 2 and len(shape) == 1 and output[0] in units:
        body = ("t", body)
    return scalars, body


def items_of(k: int, labels: Labels, kind: str, units: frozenset[int]) -> list[Item] | None:
    """The items of one operand: a matrix, vector or scalar; ones of rank 2 are two vectors."""
    live = tuple(i for i in labels if i not in units)
    if kind == "o":
        return [Item(("ones", k), (i,), k) for i in live] or [Item(("ones", k), (), k)]
    if len(labels) > 2 and len(live) > 2 or len(labels) > 3:
        return None
    template: tuple = ("identity", k) if kind == "d" else ("op", k)
    if len(labels) == 3:
        return None
    if len(labels) == 2 and len(live) == 1 and labels[0] in units:
        template = ("t", template)
    if len(live) == 2 and live[0] == live[1]:
        return [Item(("diagof", template), (live[0],), k)]
    return [Item(template, live, k)]


def sum_out(items: list[Item], output: Labels) -> bool:
    """Remove every label that `output` lacks, in place; False where a label links too many factors."""
    while True:
        summed = [i for item in items for i in item.labels if i not in output]
        if not summed:
            return True
        counts = {i: sum(i in item.labels for item in items) for i in summed}
        ready = [i for i in dict.fromkeys(summed) if counts[i] <= 2 and not shares_pair(items, i)]
        if ready:
            label = min(ready, key=lambda i: (counts[i] == 1, ))
            sum_label(items, label)
        elif not (join_same(items) or join_diagonal(items, summed)):
            return False


def shares_pair(items: list[Item], label: int) -> bool:
    """Whether the two factors that carry `label` carry the same two labels: a Hadamard product comes first."""
    found = [frozenset(item.labels) for item in items if label in item.labels]
    return len(found) == 2 and found[0] == found[1] and len(found[0]) == 2


def sum_label(items: list[Item], label: int) -> None:
    holders = [item for item in items if label in item.labels]
    first = holders[0]
    if len(holders) == 1:
        merged = sum_alone(first, label)
    else:
        merged = product(first, holders[1], label)
    items[items.index(first)] = merged
    if len(holders) == 2:
        items.remove(holders[1])


def sum_alone(item: Item, label: int) -> Item:
    """A label of one factor only: a product with the ones vector, or the trace of a diagonal."""
    if len(item.labels) == 1:
        if item.template[0] == "diagof":
            return Item(("tr", item.template[1]), (), item.place)
        return Item(("mul", ("t", ("ones", -1)), item.template), (), item.place)
    rest = item.labels[0] if item.labels[1] == label else item.labels[1]
    return Item(("mul", item.oriented(rest), ("ones", -1)), (rest,), item.place)


def product(a: Item, b: Item, label: int) -> Item:
    """The matrix product of two factors over a label that only they share."""
    left = [i for i in a.labels if i != label]
    right = [i for i in b.labels if i != label]
    place = min(a.place, b.place)
    if not left and right:
        return Item(("mul", b.oriented(right[0]), a.template), (right[0],), place)
    front = a.oriented(left[0]) if left else ("t", a.template)
    back = b.oriented(label) if right else b.template
    return Item(("mul", front, back), (*left, *right), place)


def join_same(items: list[Item]) -> bool:
    """Join the first factors that carry the same labels into a Hadamard product."""
    for k, a in enumerate(items):
        same = [b for b in items[k + 1:] if a.labels and frozenset(b.labels) == frozenset(a.labels)]
        if same:
            parts = [b.oriented(a.labels[0]) if len(a.labels) == 2 else b.template for b in same]
            items[k] = Item(("had", a.template, *parts), a.labels, a.place)
            for b in same:
                items.remove(b)
            return True
    return False


def join_diagonal(items: list[Item], summed: list[int]) -> bool:
    """A vector on a label that two matrices are multiplied over goes in between, as a diagonal: A diag(c) B."""
    for vector in items:
        if len(vector.labels) == 1 and vector.labels[0] in summed:
            label = vector.labels[0]
            matrices = [m for m in items if len(m.labels) == 2 and label in m.labels]
            if len(matrices) == 2:
                a = matrices[0]
                other = a.labels[0] if a.labels[1] == label else a.labels[1]
                items[items.index(a)] = Item(("mul", a.oriented(other), ("diag", vector.template)), (other, label), a.place)
                items.remove(vector)
                return True
    return False


def body_template(items: list[Item], output: Labels) -> tuple | None:
    """Factors whose labels are all kept: ⊙ of the alike, outer products, rows and columns scaled by diagonals."""
    if not output:
        return None
    if len(output) == 1:
        return hadamard_template([item.template for item in items])
    row, column = output
    down = hadamard_template([i.template for i in items if i.labels == (row,)])
    across = hadamard_template([i.template for i in items if i.labels == (column,)])
    full = hadamard_template([i.oriented(row) for i in items if len(i.labels) == 2])
    if full is None:
        return ("mul", down, ("t", across))
    if full[0] == "identity":
        return ("diag", down or across) if down or across else full
    factors = [part for part in (down and ("diag", down), full, across and ("diag", across)) if part]
    return ("mul", *factors) if len(factors) > 1 else full


def hadamard_template(parts: list[tuple]) -> tuple | None:
    kept = [p for p in parts if p[0] != "ones"] or parts[:1]
    if not kept:
        return None
    return kept[0] if len(kept) == 1 else ("had", *kept)


Builder = Callable[[list], object]


@lru_cache(maxsize=1 << 12)
def reading(inputs: tuple[Labels, ...], output: Labels, kinds: str, units: frozenset[int],
            ) -> tuple[tuple[Builder, ...], Builder | None] | None:
    """The templates of `plan` as functions from the operands' own forms to the form of the whole."""
    found = plan(inputs, output, kinds, units)
    if found is None:
        return None
    scalars, body = found
    return tuple([builder(s) for s in scalars]), None if body is None else builder(body)


def builder(template: tuple) -> Builder:
    """A template as a function of the operands' own forms."""
    kind, *parts = template
    if kind in ("op", "identity"):
        return itemgetter(parts[0])
    if kind == "ones":
        return lambda forms: ONES_VECTOR
    made = [builder(part) for part in parts]
    if kind in ("mul", "had"):
        join = multiplied if kind == "mul" else hadamard_of
        return lambda forms: join([build(forms) for build in made])
    wrap, inner = {"t": transposed, "diag": Diag, "diagof": DiagOf, "tr": trace_of}[kind], made[0]
    return lambda forms: wrap(inner(forms))


def trace_of(body: object) -> object:
    if type(body) is Scaled:
        return Scaled(body.number, body.scalars, Trace(body.body), body.below)
    return Trace(body)


def multiplied(parts: list) -> object:
    """A matrix product, nested products flattened and scalar factors moved to the front."""
    flat, number, scalars, below = [], sp.S.One, [], []
    for part in parts:
        if type(part) is Scaled and part.body is not None:
            number, part = number * part.number, (scalars.extend(part.scalars), below.extend(part.below), part.body)[2]
        flat.extend(part.factors if type(part) is Mul else (part,))
    flat = [f for f in flat if type(f) is not Identity] or flat[:1]
    flat = folded(flat)
    body = Mul(tuple(flat)) if len(flat) > 1 else flat[0]
    return Scaled(number, tuple(scalars), body, tuple(below)) if number != 1 or scalars or below else body


def hadamard_of(parts: list) -> object:
    """A Hadamard product, reciprocals gathered below ⊘."""
    above, below, number, scalars, under = [], [], sp.S.One, [], []
    for part in parts:
        if type(part) is Scaled and part.body is not None:
            number, part = number * part.number, (scalars.extend(part.scalars), under.extend(part.below), part.body)[2]
        if type(part) is Over:
            above += [] if part.above is None else [part.above]
            below.append(part.below)
        elif type(part) is Had:
            above.extend(part.factors)
        else:
            above.append(part)
    top = None if not above else above[0] if len(above) == 1 else Had(tuple(above))
    if below:
        top = Over(top, below[0] if len(below) == 1 else Had(tuple(below)), 1)
    return Scaled(number, tuple(scalars), top, tuple(under)) if number != 1 or scalars or under else top


def transposed(form: object) -> object:
    """A form transposed, the mark pushed into products."""
    match form:
        case T():
            return form.body
        case Mul():
            return Mul(tuple([transposed(f) for f in reversed(form.factors)]))
        case Scaled() if form.body is not None:
            return Scaled(form.number, form.scalars, transposed(form.body), form.below)
        case Diag() | Identity():
            return form
        case Selector():
            return Selector(form.part, "rows" if form.place == "columns" else "columns")
    return T(form)


_FORMS = {
    Var: Atom,
    Const: lambda node: Number(node.value),
    Ones: lambda node: Unit(node.shape),
    Delta: delta_form,
    Add: add_form,
    Map: map_form,
    Apply: apply_form,
    Contract: contract_form,
}
