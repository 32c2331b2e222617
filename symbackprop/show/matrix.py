"""Expressions seen as matrices: products, ⊙, ᵀ, diag, tr and ones, read off the index pattern of a contraction.

`matrix_form(expr)` is a tree of the small records of `forms`; a contraction that no row of the reading fits becomes
`Indexed`, and the writers show it in index form. A reading never changes a value and computes no derivative.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import lru_cache
from operator import itemgetter

import sympy as sp

from ..algebra import negative
from ..expr import Add, Apply, Const, Contract, Delta, Expr, Labels, Map, Ones, Var, is_identity
from ..laws import LAWS
from ..ops import TENSOR_OPS
from ..rules import is_symmetric
from .forms import (Atom, Call, Diag, DiagOf, Had, Identity, Indexed, Mul, Norm, Number, Over, Power, Scaled, Sum, T,
                    Trace, Unit)
from .patterns import plan
from .sliding import Correlation, Selector, delta_form, folded, slid_form

KINDS = {Ones: "o", Delta: "d"}
NO_LABELS: frozenset[int] = frozenset()
NORMS = {"norm": 2, "spectral_norm": "spectral", "nuclear_norm": "nuclear"}
ONES_VECTOR = Unit((sp.Symbol("n"),))


def matrix_form(node: Expr) -> object:
    """The matrix reading of a node."""
    return _FORMS[type(node)](node)


def wants_slices(form: object) -> bool:
    """Whether a part of a form has axes that no matrix form shows: only indices could, or letters beside a correlation."""
    stack = [form]
    while stack:
        part = stack.pop()
        kind = type(part)
        if kind is Indexed or kind is Call and is_along_axis(part.node) or kind is Correlation and any(part.letters):
            return True
        if kind is not Atom:
            stack += [inner for inner in part if isinstance(inner, tuple)]
    return False


def is_along_axis(node: Map | Apply) -> bool:
    """Whether a function works along one axis of a tensor of rank 3 or more."""
    return type(node) is Apply and bool(node.args) and node.args[0].rank > 2 and "axis" in names_of_parameters(node)[:1]


def names_of_parameters(node: Apply) -> tuple[str, ...]:
    return tuple([name for name, _ in TENSOR_OPS[node.op].params])


def add_form(node: Add) -> Sum:
    terms = [as_difference(matrix_form(term)) for term in node.terms]
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
    if node.op == "inv" and type(inner := matrix_form(node.args[0])) is T:
        return T(Call(node, (inner.body,)))
    if node.op == "matrix_power":
        return Power(matrix_form(node.args[0]), sp.Integer(node.params[0]), 1)
    if TENSOR_OPS[node.op].show == "eigenpair" and node.params[0] not in (0, -1):
        return matrix_form(LAWS[node.op](node))
    if node.op == "resolvent":
        return Call(node, (shifted_form(node),))
    shown = node.args[:1] if TENSOR_OPS[node.op].show == "first" else node.args
    return Call(node, tuple([matrix_form(arg) for arg in shown]))


def shifted_form(node: Apply) -> object:
    """λI − A, whose pseudo-inverse the row is."""
    a, = node.args
    return matrix_form(Add((Contract((Apply("eigenvalue", (a,), node.params, ()), Delta(a.shape[0])), ((), (0, 1)), (0, 1)), negative(a))))


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
    if type(body) is Over and not body.rank:
        scalars, body = [*scalars, body], None
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
    above.sort(key=lambda s: type(s) not in (Atom, Power))
    if number.could_extract_minus_sign() and not number.is_Add and (turned := opposite(body)) is not None:
        number, body = -number, turned
    if type(body) is Scaled:
        return Scaled(number * body.number, gathered((*above, *body.scalars)), body.body, (*below, *body.below))
    above = gathered(above)
    if body is None and len(above) == 1 and not below and number != 1:
        body, above = above[0], ()
    if number == 1 and not below:
        if not above and body is not None:
            return body
        if body is None and len(above) == 1:
            return above[0]
    if not above and body is None and not below:
        return Number(number)
    return Scaled(number, above, body, tuple(below))


def gathered(scalars: Sequence[object]) -> tuple:
    """Scalar factors, a name that stands there more than once as its power."""
    if len(scalars) < 2:
        return tuple(scalars)
    named = [f.node for f in scalars if type(f) is Atom]
    if len(set(named)) == len(named):
        return tuple(scalars)
    return tuple([Power(f, sp.Integer(named.count(f.node)), 0) if type(f) is Atom and named.count(f.node) > 1 else f
                  for k, f in enumerate(scalars) if type(f) is not Atom or f not in scalars[:k]])


def as_difference(form: object) -> object:
    """A term b − a of a sum as −(a − b), as it was."""
    turned = opposite(form) if type(form) is Sum else None
    return form if turned is None else Scaled(sp.S.NegativeOne, (), turned, ())


def opposite(form: object) -> object | None:
    """−(a − b) as b − a; None for what is no difference."""
    match form:
        case Sum(terms=(first, second)) if is_negative(second) and not is_negative(first):
            return Sum((scaled(sp.S.NegativeOne, [], second), scaled(sp.S.NegativeOne, [], first)))
    return None


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
    flat = diagonals_joined([f for f in flat if type(f) is not Identity] or flat[:1])
    flat = folded(flat)
    body = Mul(tuple(flat)) if len(flat) > 1 else flat[0]
    return Scaled(number, tuple(scalars), body, tuple(below)) if number != 1 or scalars or below else body


def diagonals_joined(factors: list) -> list:
    """diag(u) diag(v) is diag(u ⊙ v)."""
    made: list = []
    for factor in factors:
        if made and type(factor) is Diag is type(made[-1]):
            made[-1] = Diag(hadamard_of([made[-1].body, factor.body]))
        else:
            made.append(factor)
    return made


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
    above = powers_of(above)
    top = None if not above else above[0] if len(above) == 1 else Had(tuple(above))
    if below:
        top = Over(top, below[0] if len(below) == 1 else Had(tuple(below)), 1)
    return Scaled(number, tuple(scalars), top, tuple(under)) if number != 1 or scalars or under else top


def powers_of(factors: list) -> list:
    """x ⊙ x is x²; all factors have the rank of a name among them."""
    ranks = [f.node.rank for f in factors if type(f) is Atom]
    if not ranks or len(factors) == len(set(factors)):
        return factors
    return [Power(f, sp.Integer(factors.count(f)), ranks[0]) if type(f) in (Atom, Sum) and factors.count(f) > 1 else f
            for k, f in enumerate(factors) if type(f) not in (Atom, Sum) or f not in factors[:k]]


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
        case Sum() if all(transposed(term) in form.terms for term in form.terms):
            return form
        case Call() if type(form.node) is Apply and TENSOR_OPS[form.node.op].symmetric:
            return form
        case Call(node=Apply(op="inv", args=(matrix,))) if is_symmetric(matrix, ()):
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
