"""Entries read at affine indices: slices, windows, shifts, joins and reshapes as contractions with deltas.

Everything here is `along`: an axis of x is read at b + Σ s·o, and its delta says so. The pull-back of a contraction does
the rest, so that nothing here has a derivative rule of its own. What lies beyond the ends of the axis counts as zero.
"""

from __future__ import annotations

from collections.abc import Sequence

import sympy as sp

from .algebra import add, contract
from .errors import ShapeError, UnsupportedError
from .expr import Apply, Contract, Delta, Expr, Labels, Ones, Shape, show_shape
from .ops.application import apply
from .windows import Read, is_inside, is_window, relation_of

Step = tuple[sp.Expr, sp.Expr]
EIGENPAIR = {("eigvalsh", 0): "eigenvalue", ("eigenvectors", 1): "eigenvector"}


def along(x: Expr, axis: int, first: sp.Expr, steps: Sequence[Step]) -> Expr:
    """x with `axis` replaced by one axis for each (size, step): x[first + Σ step·index], zero beyond the ends."""
    read = Read(first, tuple(range(-1, -1 - len(steps), -1)), tuple(s for _, s in steps))
    dims = dict(zip(read.labels, (n for n, _ in steps)))
    return joined(x, axis, read, dims) or placed([x], [tuple(range(x.rank))], tuple(range(x.rank)), axis, x.shape[axis], read, dims)


def placed(operands: list[Expr], inputs: list[Labels], output: Labels, axis: int, size: sp.Expr, read: Read,
           dims: dict[int, sp.Expr]) -> Expr:
    """A contraction with one more delta, by which the axis of its output is read."""
    delta = Delta.where((size, *(dims[i] for i in read.labels)), (sp.S.One, *(-s for s in read.steps)), -read.first)
    return contract((*operands, delta), (*inputs, (output[axis], *read.labels)), output[:axis] + read.labels + output[axis + 1:])


def joined(x: Expr, axis: int, read: Read, dims: dict[int, sp.Expr]) -> Expr | None:
    """A reading of a reading as one: another delta beside those of x, or one that two shifts make together."""
    if type(x) is not Contract or not all(is_window(o) and not o.bound for o in x.operands[1:]) or len(set(x.output)) < x.rank:
        return None
    operands, inputs, label = list(x.operands), list(x.inputs), x.output[axis]
    tied = [k for k, labels in enumerate(inputs) if k and label in labels]
    if not tied:
        return placed(operands, inputs, x.output, axis, x.shape[axis], read, dims)
    k, delta = tied[0], operands[tied[0]]
    if len(tied) > 1 or not is_inside(read, {**dims, label: x.shape[axis]}, label):
        return None
    found = relation_of(delta, inputs[k]).substituted(label, read)
    sizes = {**dict(zip(inputs[k], delta.shape)), **dims}
    operands[k] = Delta.where(tuple(sizes[i] for i in found.labels), found.coefficients, found.offset)
    inputs[k] = found.labels
    return contract(operands, inputs, x.output[:axis] + read.labels + x.output[axis + 1:])


def pick(x: Expr, axis: int, index: sp.Expr) -> Expr:
    """x[…, index, …]; the index counts from 0, or from the end if it is negative. One eigenpair has rows of its own."""
    n = x.shape[axis]
    if n.is_Integer and index.is_Integer and not -n <= index < n:
        raise ShapeError(f"index {index} of an axis of size {n}")
    if type(x) is Apply and (x.op, axis) in EIGENPAIR and index.is_Integer:
        return apply(EIGENPAIR[x.op, axis], x.args[0], params=(-1 if index == n - 1 else int(index),))
    return entry(x, axis, index)


def entry(x: Expr, axis: int, index: sp.Expr) -> Expr:
    """As `pick`, always as a contraction."""
    n = x.shape[axis]
    if n == 1:
        return contract((x,), (tuple(range(x.rank)),), tuple(k for k in range(x.rank) if k != axis))
    return along(x, axis, index + n if index.is_negative else index, ())


def cut(x: Expr, axis: int, start: sp.Expr | None = None, stop: sp.Expr | None = None, step: int = 1) -> Expr:
    """x[…, start:stop:step, …] as NumPy has it, each bound a number or an expression in sizes, or None."""
    n = x.shape[axis]
    if step == 0:
        raise ShapeError("a slice has no step 0")
    bounds = [None if b is None else within(b, n, step) for b in (start, stop)]
    if step > 0:
        first, end = (sp.S.Zero if bounds[0] is None else bounds[0]), (n if bounds[1] is None else bounds[1])
        count = end - first
    else:
        first, end = (n - 1 if bounds[0] is None else bounds[0]), (sp.S.NegativeOne if bounds[1] is None else bounds[1])
        count = first - end
    if abs(step) != 1:
        count = sp.floor((count - 1) / sp.Integer(abs(step))) + 1
    count = sp.expand(count)
    if count.is_nonpositive:
        raise ShapeError(f"a slice of an axis of size {n} that holds nothing")
    if step == 1 and count == n:
        return x
    return along(x, axis, first, ((count, sp.Integer(step)),))


def within(bound: sp.Expr, n: sp.Expr, step: int) -> sp.Expr:
    """A bound of a slice from the front, cut to the axis where both are numbers."""
    bound = bound + n if bound.is_negative else bound
    if bound.is_Integer and n.is_Integer:
        return min(max(bound, sp.S.Zero), n) if step > 0 else min(max(bound, sp.S.NegativeOne), n - 1)
    return bound


def flip(x: Expr, axes: Sequence[int]) -> Expr:
    for axis in axes:
        x = cut(x, axis, step=-1)
    return x


def padded(x: Expr, axis: int, before: sp.Expr, after: sp.Expr) -> Expr:
    """Zeros in front of and behind the entries of an axis."""
    if before == 0 and after == 0:
        return x
    return along(x, axis, -before, ((x.shape[axis] + before + after, sp.S.One),))


def concatenate(parts: Sequence[Expr], axis: int = 0) -> Expr:
    """The parts one behind another along an axis: a sum of shifts."""
    total = sp.Add(*[p.shape[axis] for p in parts])
    terms, before = [], sp.S.Zero
    for part in parts:
        if part.shape[:axis] + part.shape[axis + 1:] != parts[0].shape[:axis] + parts[0].shape[axis + 1:]:
            raise ShapeError(f"{show_shape(parts[0].shape)} and {show_shape(part.shape)} cannot be joined along axis {axis}")
        terms.append(padded(part, axis, before, total - before - part.shape[axis]))
        before = before + part.shape[axis]
    return add(terms)


def stack(parts: Sequence[Expr], axis: int = 0) -> Expr:
    """The parts as the entries of a new axis."""
    if any(p.shape != parts[0].shape for p in parts):
        raise ShapeError(f"only tensors of one shape stack, not {', '.join(show_shape(p.shape) for p in parts)}")
    rank, count = parts[0].rank, sp.Integer(len(parts))
    own = tuple(range(rank))
    output = own[:axis] + (rank,) + own[axis:]
    if count == 1:
        return contract((parts[0], Ones((count,))), (own, (rank,)), output)
    return add([contract((p, Delta.where((count,), (sp.S.One,), -sp.Integer(k))), (own, (rank,)), output)
                for k, p in enumerate(parts)])


def roll(x: Expr, shift: sp.Expr, axis: int) -> Expr:
    """The entries moved by `shift`, those that leave at the end coming back at the front."""
    n = x.shape[axis]
    if n.is_Integer and shift.is_Integer:
        shift = shift % n
    if shift == 0:
        return x
    at = -shift if shift.is_negative else n - shift
    return concatenate((cut(x, axis, at), cut(x, axis, None, at)), axis)


def reshape(x: Expr, shape: Shape) -> Expr:
    """x read row by row into another shape; runs of axes that do not change stay as they are."""
    if sp.expand(sp.Mul(*x.shape) - sp.Mul(*shape)) != 0:
        raise ShapeError(f"{show_shape(x.shape)} has not as many entries as {show_shape(shape)}")
    labels, output, relations, old, new = list(range(x.rank)), [], [], 0, 0
    fresh = x.rank
    while old < x.rank or new < len(shape):
        i, j = run_of(x.shape, old, shape, new)
        if i - old == j - new == 1:
            output.append(labels[old])
        else:
            own, made = tuple(labels[old:i]), tuple(range(fresh, fresh + j - new))
            fresh += j - new
            relations.append((x.shape[old:i], own, shape[new:j], made))
            output += made
        old, new = i, j
    operands, inputs = [x], [tuple(labels)]
    for dims, own, made_dims, made in relations:
        weights = (*strides(dims), *(-s for s in strides(made_dims)))
        operands.append(Delta.where((*dims, *made_dims), weights))
        inputs.append(own + made)
    return contract(operands, inputs, tuple(output))


def run_of(first: Shape, i: int, second: Shape, j: int) -> tuple[int, int]:
    """The ends of the shortest runs of axes from i and j that hold equally many entries."""
    for total in range(1, len(first) - i + len(second) - j + 1):
        for taken in range(total + 1):
            a, b = i + taken, j + total - taken
            if a <= len(first) and b <= len(second) and sp.expand(sp.Mul(*first[i:a]) - sp.Mul(*second[j:b])) == 0 \
                    and (taken and total - taken or a == len(first) and b == len(second)):
                return a, b
    raise UnsupportedError(f"a reshape of {show_shape(first)} to {show_shape(second)}")


def strides(dims: Shape) -> tuple[sp.Expr, ...]:
    """How far apart two neighbours along each axis lie when the entries are read row by row."""
    return tuple(sp.Mul(*dims[k + 1:]) for k in range(len(dims)))


def triangle(rows: sp.Expr, columns: sp.Expr, diagonal: sp.Expr, lower: bool) -> Delta:
    """1 where j − i ≤ k (lower) or j − i ≥ k."""
    sign = sp.S.One if lower else sp.S.NegativeOne
    return Delta.where((rows, columns), (sign, -sign), sign * diagonal, bound=True)


def masked_triangle(x: Expr, diagonal: sp.Expr, lower: bool) -> Expr:
    """np.tril or np.triu: x ⊙ a mask over the last two axes."""
    if x.rank < 2:
        raise ShapeError(f"a triangle of {show_shape(x.shape)}: a matrix is needed")
    labels = tuple(range(x.rank))
    return contract((x, triangle(*x.shape[-2:], diagonal, lower)), (labels, labels[-2:]), labels)


def cumulative_sum(x: Expr, axis: int) -> Expr:
    """Σ over all entries up to each one along an axis."""
    labels, n = tuple(range(x.rank)), x.shape[axis]
    output = labels[:axis] + (x.rank,) + labels[axis + 1:]
    return contract((triangle(n, n, sp.S.Zero, True), x), ((x.rank, axis), labels), output)


