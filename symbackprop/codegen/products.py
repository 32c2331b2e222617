"""Contractions as NumPy source: `*` with broadcasting, `@`, sums, outer products, traces, and `einsum` for the rest.

A contraction is a list of factors with index labels. Factors are joined two at a time by the rows below until one is
left; where no row applies, `einsum` takes all that remain.
"""

from __future__ import annotations

import re
import string
from typing import TYPE_CHECKING, NamedTuple

import sympy as sp

from ..errors import UnsupportedError
from ..expr import Const, Contract, Delta, Expr, Labels, Map, Ones, label_sizes
from ..windows import is_window
from .order import first_pair, guessed
from .scalars import ATOM, MATMUL, POWER, Code, factors, fraction, negated, no_rows, plain, power
from .windows import window_code

if TYPE_CHECKING:
    from .terms import Writer

FLAG = ".astype(dtype)"
SUMMED = re.compile(r"\.sum\(axis=(\d+)\)\Z")


class Factor(NamedTuple):
    """An array with distinct labels; `below` if it divides."""

    code: Code
    labels: Labels
    below: bool = False
    identity: bool = False

    @property
    def text(self) -> str:
        return self.value.text

    @property
    def value(self) -> Code:
        return fraction([], [self.code]) if self.below else self.code


def contract_code(writer: Writer, node: Contract, loose: bool) -> Code:
    """The source of a contraction."""
    operands, inputs, output = writer.opened.get(node) or single_outputs(node)
    if any(is_window(o) for o in operands):
        return window_code(writer, operands, inputs, output)
    dims = label_sizes(operands, inputs)
    rest = [(o, labels) for o, labels in zip(operands, inputs) if labels and type(o) is not Ones]
    used = {i for _, labels in rest for i in labels}
    scalars = [o for o, labels in zip(operands, inputs) if not labels]
    counted = [i for i in dims if i not in used and i not in output]
    scalars += [Const(sp.Mul(*[dims[i] for i in counted]))] if counted else []
    kept = tuple(i for i in output if i in used)
    body = None
    if output and any(labels != output for _, labels in rest) and stretched(rest, output, dims):
        covered = frozenset(k for k, i in enumerate(output) if i in used)
        body = group_code(writer, [o for o, _ in rest], False, each=True)._replace(covered=covered)
        if loose or all(dims[i] is sp.S.One or i in used for i in output):
            return times(writer, scalars, body)
    if rest:
        whole = all(labels == kept for _, labels in rest) and len(set(kept)) == len(kept)
        body = group_code(writer, [o for o, _ in rest], loose and kept == output) if whole else joined(writer, rest, kept)
    if not kept or kept == output:
        made = times(writer, scalars, body)
        if kept or loose or not output:
            return made
        shape = writer.shape(node.shape)
        filled = f"np.ones({shape}, dtype)" if made.text == "1.0" else f"np.full({shape}, {made.text}, dtype)"
        return Code(filled, ATOM, frozenset(range(node.rank)))
    thin = all(dims[i] is sp.S.One for i in output if i not in kept)
    made = times(writer, scalars, spread(body, output, kept, thin and not loose))
    return made if loose or thin else Code(f"np.broadcast_to({made.text}, {writer.shape(node.shape)})", ATOM,
                                   frozenset(range(node.rank)), view=True)


def single_outputs(node: Contract) -> tuple[tuple[Expr, ...], tuple[Labels, ...], Labels]:
    """The contraction with each output label standing once; a second standing is joined by a delta."""
    operands, inputs, output = list(node.operands), list(node.inputs), []
    fresh = max((i for labels in inputs for i in labels), default=-1) + 1
    dims = label_sizes(node.operands, node.inputs)
    for label in node.output:
        if label in output:
            operands.append(Delta(dims[label]))
            inputs.append((label, fresh))
            label, fresh = fresh, fresh + 1
        output.append(label)
    return tuple(operands), tuple(inputs), tuple(output)


def stretched(rest: list[tuple[Expr, Labels]], output: Labels, dims: dict[int, sp.Expr]) -> bool:
    """Whether all factors have the output's axes in order, but for axes of size 1 that broadcasting stretches."""
    for _, labels in rest:
        if len(labels) != len(output):
            return False
        own = [i for i, wanted in zip(labels, output) if i != wanted]
        if any(dims[i] is not sp.S.One or i in output for i in own):
            return False
    return True


def spread(body: Code, output: Labels, kept: Labels, whole: bool = False) -> Code:
    """`body` with an axis of size 1 for every label that it lacks; those in front need not be said unless `whole`."""
    covered = frozenset(k for k, i in enumerate(output) if i in kept)
    if whole:
        covered |= frozenset(range(len(output)))
    elif not covered:
        return body
    first = min(covered)  # NumPy supplies the axes before it
    index = [":" if i in kept else "None" for i in output[first:]]
    if all(part == ":" for part in index):
        return body._replace(covered=covered)
    found = SUMMED.search(body.text)
    if found and body.level == ATOM and not first and index.count("None") == 1 and index[int(found[1])] == "None":
        return Code(f"{body.text[:-1]}, keepdims=True)", ATOM, covered)
    if all(part == "None" for part in index):
        return Code(f"np.full(({'1, ' * len(index)}), {body.text}, dtype)".replace(", )", ",)" if len(index) == 1 else ")"), ATOM, covered)
    return Code(f"{body.wrap()}[{', '.join(index)}]", ATOM, covered, view=True)


def times(writer: Writer, scalars: list[Expr], body: Code | None) -> Code:
    """Numbers and scalars in front of `body`, what divides behind it."""
    minus, above, below = False, [], []
    for scalar in scalars:
        if type(scalar) is Const:
            sign, top, bottom = factors(scalar.value, writer.env, no_rows)
            minus, above, below = minus != sign, above + top, below + bottom
        elif (under := divisor(writer, scalar)) is not None:
            below.append(under)
        else:
            above.append(writer.code(scalar))
    if body is not None:
        if not above and not below and not minus:
            return body
        above.append(body)
    made = fraction(above, below) if above or below else Code("1.0", ATOM)
    made = negated(made) if minus else made
    return made._replace(covered=body.covered if body is not None else frozenset(), flag=False)


def divisor(writer: Writer, node: Expr, loose: bool = False) -> Code | None:
    """The source of 1/node where node is a negative power, else None."""
    if type(node) is not Map or node.function.name != "pow" or node.function.derivative or node.function.body is not None:
        return None
    exponent = node.function.params[0]
    if not (exponent.is_number and exponent.is_negative) or node in writer.bound:
        return None
    base = writer.code(node.args[0], loose)
    return base if exponent == -1 else power(base, -exponent, plain)


def group_code(writer: Writer, operands: list[Expr], loose: bool, each: bool = False) -> Code:
    """The entrywise product of operands of one shape; with `each`, of arrays that all have their own full shape."""
    if len(operands) == 1:
        return writer.code(operands[0], loose)
    codes = [(divisor(writer, o, not each), o) for o in operands]
    above = [writer.code(o, not each) for under, o in codes if under is None]
    below = [under for under, _ in codes if under is not None]
    axes = frozenset(range(operands[0].rank))
    covered = frozenset().union(*(c.covered for c in (*above, *below)))
    if covered != axes and not loose and not each:
        above.insert(0, Code(f"np.ones({writer.shape(operands[0].shape)}, dtype)", ATOM))
        covered = axes
    if any(c.covered and not c.flag for c in above):  # a boolean may stay one beside an array of floats
        above = [c for c in above if not c.flag] + [c._replace(text=c.text.removesuffix(FLAG)) for c in above if c.flag]
    return fraction(above, below)._replace(covered=covered, flag=False)


def joined(writer: Writer, rest: list[tuple[Expr, Labels]], kept: Labels) -> Code:
    """The sum over the labels that `kept` lacks of the product of arrays."""
    listed = diagonals(writer, rest, kept)
    if listed is None:
        return einsum([(writer.code(o), labels) for o, labels in rest], kept)
    if isinstance(listed, Code):
        return listed
    sizes = guessed(rest) if len(rest) > 2 else {}
    while True:
        found = inner(listed, kept)
        if found is not None:
            return found
        again = merged(listed) or summed(listed, kept) or multiplied(listed, kept, sizes) or scaled(listed, kept)
        if again is None:
            break
        listed = again
    if any(i not in kept for f in listed for i in f.labels):
        return einsum([(f.value, f.labels) for f in listed], kept)
    return broadcast_product(listed, kept)


def diagonals(writer: Writer, rest: list[tuple[Expr, Labels]], kept: Labels) -> list[Factor] | Code | None:
    """Factors with distinct labels: groups of one labelling multiplied, diagonals read; None where that cannot be said."""
    groups: dict[Labels, list[Expr]] = {}
    for operand, labels in rest:
        groups.setdefault(labels, []).append(operand)
    if len(groups) == 1 and len(rest) == 2 and not kept and len(set(rest[0][1])) == len(rest[0][1]):
        return [Factor(writer.code(o), labels) for o, labels in rest]
    found = []
    for labels, operands in groups.items():
        if len(set(labels)) < len(labels):
            if len(labels) != 2:
                return None
            code = group_code(writer, operands, False)
            if len(groups) == 1 and not kept:
                return Code(f"np.trace({code.text})", ATOM)
            found.append(Factor(Code(f"np.diagonal({code.text})", ATOM, view=True), labels[:1]))
            continue
        under = divisor(writer, operands[0]) if len(operands) == 1 else None
        found.append(Factor(under or group_code(writer, operands, False), labels, under is not None,
                            len(operands) == 1 and type(operands[0]) is Delta))
    return found


def inner(listed: list[Factor], kept: Labels) -> Code | None:
    """What ends the joining: one factor in the right order, or an inner product."""
    if len(listed) == 1 and sorted(listed[0].labels) == sorted(kept):
        factor = listed[0]
        return factor.value if factor.labels == kept else permuted(factor, kept)
    if len(listed) == 2 and not kept and set(listed[0].labels) == set(listed[1].labels):
        a, b = listed
        if len(a.labels) == 1:
            return Code(f"{a.value.wrap()} @ {b.value.wrap()}", MATMUL)
        return Code(f"np.vdot({a.text}, {permuted(b, a.labels).text if b.labels != a.labels else b.text})", ATOM)
    return None


def permuted(factor: Factor, order: Labels) -> Code:
    """The factor with its axes in another order."""
    axes = frozenset(range(len(order)))
    if factor.labels == order:
        return factor.value
    if factor.labels == order[::-1]:
        text = factor.value.wrap()
        return Code(text[:-2] if text.endswith(".T") else f"{text}.T", ATOM, axes, view=True)
    where = ", ".join(str(factor.labels.index(i)) for i in order)
    return Code(f"{factor.value.wrap()}.transpose({where})", ATOM, axes, view=True)


def merged(listed: list[Factor]) -> list[Factor] | None:
    """Two factors with the same labels multiplied entry by entry."""
    for k, a in enumerate(listed):
        for m in range(k + 1, len(listed)):
            b = listed[m]
            if set(a.labels) == set(b.labels):
                first, second = (a, b) if not a.below or b.below else (b, a)
                code = permuted(second._replace(below=False), first.labels)
                made = fraction([first.value], [code]) if second.below else fraction([first.value, code], [])
                return listed[:k] + [Factor(made, first.labels)] + listed[k + 1:m] + listed[m + 1:]
    return None


def summed(listed: list[Factor], kept: Labels) -> list[Factor] | None:
    """A label that one factor alone has is summed out of it."""
    for k, factor in enumerate(listed):
        others = {i for m, f in enumerate(listed) if m != k for i in f.labels}
        gone = [at for at, i in enumerate(factor.labels) if i not in kept and i not in others]
        if gone:
            axis = "" if len(gone) == len(factor.labels) else f"axis={gone[0] if len(gone) == 1 else tuple(gone)}"
            left = tuple(i for at, i in enumerate(factor.labels) if at not in gone)
            code = Code(f"{factor.value.wrap()}.sum({axis})", ATOM, frozenset(range(len(left))))
            if not left:
                return rescaled(listed, k, code)
            return [*listed[:k], Factor(code, left), *listed[k + 1:]]
    return None


def rescaled(listed: list[Factor], k: int, scalar: Code) -> list[Factor]:
    """The other factors, the first of them multiplied by a scalar."""
    others = listed[:k] + listed[k + 1:]
    if not others:
        return [Factor(scalar, ())]
    first = others[0]
    made = fraction([scalar], [first.code]) if first.below else fraction([scalar, first.code], [])
    return [Factor(made, first.labels), *others[1:]]


def multiplied(listed: list[Factor], kept: Labels, sizes: dict[int, int]) -> list[Factor] | None:
    """Two factors of rank 1 or 2 joined by `@` along the one label that only they have: the first step of the cheapest order."""
    if any(len(f.labels) > 2 for f in listed):
        return None
    best = first_pair([f.labels for f in listed], kept, sizes)
    if best is None:
        return None
    k, m, label = best
    made = matmul(listed[k], listed[m], label, kept)
    if not made.labels:
        return rescaled([made, *listed[:k], *listed[k + 1:m], *listed[m + 1:]], 0, Code(f"({made.text})", ATOM))
    return [*listed[:k], made, *listed[k + 1:m], *listed[m + 1:]]


def matmul(a: Factor, b: Factor, label: int, kept: Labels) -> Factor:
    """Σ over `label`, the result's axes in the order of `kept` where it has both."""
    left = tuple(i for i in a.labels if i != label)
    right = tuple(i for i in b.labels if i != label)
    if not left and right or left and right and left[0] in kept and right[0] in kept \
            and kept.index(right[0]) < kept.index(left[0]):
        a, b, left, right = b, a, right, left
    first = permuted(a, (*left, label)) if left else a.value
    second = permuted(b, (label, *right)) if right else b.value
    head = first.text if first.level == MATMUL else first.wrap(POWER)
    axes = frozenset(range(len(left + right)))
    return Factor(Code(f"{head} @ {second.wrap(POWER)}", MATMUL, axes), left + right)


def scaled(listed: list[Factor], kept: Labels) -> list[Factor] | None:
    """While something is still to be summed: a vector multiplies the rows or columns of a matrix that has its label."""
    if any(len(f.labels) > 2 for f in listed) or all(i in kept for f in listed for i in f.labels):
        return None
    for k, v in enumerate(listed):
        for m, a in enumerate(listed):
            if len(v.labels) == 1 and len(a.labels) == 2 and v.labels[0] in a.labels and not a.below:
                made = broadcast_product([a, v], a.labels)
                return [Factor(made, f.labels) if n == m else f for n, f in enumerate(listed) if n != k]
    return None


def broadcast_product(listed: list[Factor], kept: Labels) -> Code:
    """The product of factors, nothing summed."""
    axes = frozenset(range(len(kept)))
    if len(listed) == 2 and len(kept) == 2:
        a, b = listed
        if a.labels == kept[:1] and b.labels == kept[1:]:
            return Code(f"np.outer({a.text}, {b.text})", ATOM, axes)
        if b.labels == kept[:1] and a.labels == kept[1:]:
            return Code(f"np.outer({b.text}, {a.text})", ATOM, axes)
        if a.identity != b.identity and len(a.labels) + len(b.labels) == 3:
            return Code(f"np.diag({(b if a.identity else a).text})", ATOM, axes, view=False)
    above, below = [], []
    for factor in listed:
        order = tuple(i for i in kept if i in factor.labels)
        code = permuted(factor._replace(below=False), order)
        (below if factor.below else above).append(spread(code, kept, order))
    return fraction(above, below)._replace(covered=axes, view=False)


def einsum(listed: list[tuple[Code, Labels]], kept: Labels) -> Code:
    """What covers everything else."""
    order: dict[int, int] = {}
    for _, labels in listed:
        for i in labels:
            order.setdefault(i, len(order))
    letters = string.ascii_lowercase[8:] + string.ascii_lowercase[:8] + string.ascii_uppercase
    if len(order) > len(letters):
        raise UnsupportedError(f"a product with {len(order)} indices: einsum has letters for {len(letters)}")
    spell = ",".join("".join(letters[order[i]] for i in labels) for _, labels in listed)
    target = "".join(letters[order[i]] for i in kept)
    best = ", optimize=True" if len(listed) > 1 else ""
    return Code(f'np.einsum("{spell}->{target}", {", ".join(c.text for c, _ in listed)}{best})', ATOM,
                frozenset(range(len(kept))), view=len(listed) == 1)
