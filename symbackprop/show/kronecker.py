"""Derivatives of matrices by matrices as matrices: with vec stacking columns, δ_ik X_lj reads as Xᵀ ⊗ I.

`kronecker_form(node, split)` reads a tensor whose first `split` indices are an output's and whose others are an input's. What has no
such reading is left to index form. Kronecker products are kept, never multiplied out.
"""

from __future__ import annotations

from ..algebra import ONE, contract, split_number
from ..expr import Add, Contract, Delta, Expr, Labels
from ..linear import components
from .forms import Diag, Identity, Indexed, Kron, Mul, Number, Over, Scaled, Sum, Swap, T, Vec
from .matrix import is_negative, matrix_form, scaled, transposed
from .writing import ATOM, HAD, TIGHT, TextWriter

ONE_FORM = Number(ONE.value)
ROW, COLUMN = -1, -2  # the missing second index of a vector


def kronecker_form(node: Expr, split: int) -> object:
    """The reading, or the index form of what has none."""
    if split in (0, node.rank) or split == node.rank - split == 1:
        return matrix_form(node)
    if type(node) is Add:
        parts = [kronecker_form(term, split) for term in node.terms]
        return Indexed(node) if any(type(p) is Indexed for p in parts) else together(parts)
    number, core = split_number(node)
    found = product_form(core, split)
    if found is None and (found := times_sum(core, split)) is None:
        return Indexed(node)
    return scaled(number, [], found) if number != 1 else found


def times_sum(core: Expr, split: int) -> object | None:
    """Scalars in front of a sum, whose terms have readings of their own."""
    if type(core) is not Contract or type(core.operands[-1]) is not Add or core.inputs[-1] != core.output or any(core.inputs[:-1]):
        return None
    inner = kronecker_form(core.operands[-1], split)
    return None if type(inner) is Indexed else scaled(ONE.value, [matrix_form(o) for o in core.operands[:-1]], inner)


def together(terms: list[object]) -> object:
    """A sum; one Kronecker factor that all terms have stands once, A ⊗ B + A ⊗ C as A ⊗ (B + C)."""
    parts = [(term._replace(body=None), term.body) if type(term) is Scaled and term.body is not None else (None, term) for term in terms]
    factors = [body.factors for _, body in parts if type(body) is Kron]
    if len(factors) == len(parts):
        for at in (0, 1):
            if all(same_form(f[at], factors[0][at]) for f in factors):
                rest = [f[1 - at] if front is None else with_front(front, f[1 - at]) for (front, _), f in zip(parts, factors)]
                return Kron((factors[0][0], summed(rest)) if not at else (summed(rest), factors[0][1]))
    return summed(terms)


def with_front(front: Scaled, body: object) -> object:
    return scaled(front.number, [*front.scalars, *(Over(None, b, 0) for b in front.below)], body)


def same_form(a: object, b: object) -> bool:
    """Whether two forms are one; records of different kinds may hold the same."""
    return type(a) is type(b) and (a is b or not isinstance(a, tuple) and a == b or isinstance(a, tuple) and len(a) == len(b) and all(map(same_form, a, b)))


def summed(terms: list[object]) -> Sum:
    """A sum that begins with a term without a minus, where there is one."""
    first = next((k for k, term in enumerate(terms) if not is_negative(term)), 0)
    return Sum((terms[first], *terms[:first], *terms[first + 1:]))


def product_form(core: Expr, split: int) -> object | None:
    """One product: A ⊗ B, vec(A) vec(B)ᵀ, or diag(vec(A))."""
    operands, inputs, output = (core.operands, core.inputs, core.output) if type(core) is Contract else (
        (core,), (tuple(range(core.rank)),), tuple(range(core.rank)))
    first, last = list(output[:split]), list(output[split:])
    if len(first) > 2 or len(last) > 2:
        return None
    groups = components(inputs)
    factor = [k for group in groups if not any(i in output for k in group for i in inputs[k]) for k in group]
    groups = [group for group in groups if any(i in output for k in group for i in inputs[k])]
    body = entrywise(operands, inputs, first, last, groups) if len(groups) != 2 else None
    if body is None:
        body = pair(operands, inputs, first, last, groups)
    if body is None:
        return None
    outside = [matrix_form(contract([operands[k] for k in factor], [inputs[k] for k in factor], ()))] if factor else []
    return scaled(ONE.value, outside, body) if outside else body


def pair(operands: tuple[Expr, ...], inputs: tuple[Labels, ...], first: list[int], last: list[int], groups: list[list[int]]) -> object | None:
    """P[i, k] Q[j, l] is Q ⊗ P; P[i, l] Q[j, k] is (Q ⊗ P) K; A[i, j] B[k, l] is vec(A) vec(B)ᵀ."""
    def parted(one: tuple[int, int], two: tuple[int, int]) -> tuple[object, object] | None:
        found = []
        for rows in (one, two):
            mine = [k for g in groups if set(first + last) & {i for k in g for i in inputs[k]} <= set(rows) for k in g]
            order = tuple(i for i in rows if i >= 0)
            if {i for k in mine for i in inputs[k]} & set(first + last) != set(order):
                return None
            form = matrix_form(contract([operands[k] for k in sorted(mine)], [inputs[k] for k in sorted(mine)], order)) if order else ONE_FORM
            found.append((form, mine, order == (rows[1],)))
        if len(found[0][1]) + len(found[1][1]) != sum(map(len, groups)):
            return None
        return tuple(transposed(form) if row else form for form, _, row in found)
    i, j = (first + [ROW])[:2]
    k, l = (last + [COLUMN])[:2]
    if (found := parted((i, k), (j, l))) is not None:
        return kron(found[1], found[0])
    if (found := parted((i, l), (j, k))) is not None:
        both = kron(found[1], found[0])
        return Swap() if type(both) is Identity else Mul((both, Swap()))
    if len(first) == len(last) == 2 and (found := parted((i, j), (k, l))) is not None:
        return Mul((Vec(found[0]), T(Vec(found[1]))))
    return None


def kron(left: object, right: object) -> object:
    if type(left) is type(right) is Identity:
        return left
    return right if left == ONE_FORM else left if right == ONE_FORM else Kron((left, right))


def entrywise(operands: tuple[Expr, ...], inputs: tuple[Labels, ...], first: list[int], last: list[int],
              groups: list[list[int]]) -> object | None:
    """F[i, j] δ_ik δ_jl is diag(vec(F))."""
    if len(first) != 2 or len(last) != 2 or len(groups) != 1:
        return None
    ties = {frozenset(inputs[k]) for k in groups[0] if type(operands[k]) is Delta}
    if ties != {frozenset((first[0], last[0])), frozenset((first[1], last[1]))}:
        return None
    rename = dict(zip(last, first))
    rest = [k for k in groups[0] if type(operands[k]) is not Delta]
    if not rest:
        return Identity(operands[0].shape[0])
    labels = [tuple(rename.get(i, i) for i in inputs[k]) for k in rest]
    if not set(first) <= {i for own in labels for i in own}:
        return None
    return Diag(Vec(matrix_form(contract([operands[k] for k in rest], labels, tuple(first)))))


def taught(writer: TextWriter) -> TextWriter:
    """A writer of text or LaTeX that also writes Kronecker products, vec and the commutation matrix."""
    sign = r" \otimes " if "\\" in writer.quotient else " ⊗ "
    writer.methods |= {
        Kron: lambda form: (sign.join([writer.wrapped(f, TIGHT) for f in form.factors]), HAD),
        Vec: lambda form: (writer.named("vec", writer.form(form.body)[0]), ATOM),
        Swap: lambda form: ("K", ATOM),
    }
    return writer
