"""Contractions with deltas as NumPy source: an axis is read at affine indices, or written to at them.

A summed index that a delta ties to others is read there (a slice, a window, a view of strides); one that is kept is
written to (the adjoint: what windows share is added up). What remains is a contraction without deltas, and a product of
windows with another array becomes one matrix product over columns, made once and kept for the backward pass.
"""

from __future__ import annotations

import ast
import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import sympy as sp

from ..errors import UnsupportedError
from ..expr import Contract, Delta, Expr, Labels, Ones, Shape, Var, label_sizes
from ..windows import Read, Relation, is_nonnegative, is_window, relation_of
from .scalars import ATOM, Code

if TYPE_CHECKING:
    from .terms import Writer

READ_AT = '''def read_at(x, axis, first, counts, steps):
    """x along an axis at first + sum(step * index), an axis for each index; 0 beyond."""
    reach = [step * (count - 1) for count, step in zip(counts, steps)]
    low = first + sum(min(r, 0) for r in reach)
    high = first + sum(max(r, 0) for r in reach)
    size, ahead, behind = x.shape[axis], (slice(None),), x.shape[axis + 1 :]
    before, after = max(-low, 0), max(high + 1 - size, 0)
    if before or after:
        wide = np.zeros((*x.shape[:axis], before + size + after, *behind), x.dtype)
        wide[ahead * axis + (slice(before, before + size),)] = x
        x = wide
    start = x[ahead * axis + (slice(first + before, None),)]
    strides = [step * x.strides[axis] for step in steps]
    shape = (*x.shape[:axis], *counts, *behind)
    strides = (*x.strides[:axis], *strides, *x.strides[axis + 1 :])
    return np.lib.stride_tricks.as_strided(start, shape, strides, writeable=False)
'''
ADD_AT = '''def add_at(t, axes, first, steps, size):
    """The adjoint of reading: what was read at one place is added up there."""
    counts = [t.shape[axis] for axis in axes]
    reach = [step * (count - 1) for count, step in zip(counts, steps)]
    low = min(0, first + sum(min(r, 0) for r in reach))
    high = max(size, first + sum(max(r, 0) for r in reach) + 1)
    t = np.moveaxis(t, axes[1:], range(len(axes) - 1))
    axis = axes[0] - sum(other < axes[0] for other in axes[1:])
    shape = t.shape[len(axes) - 1 :]
    made = np.zeros((*shape[:axis], high - low, *shape[axis + 1 :]), t.dtype)
    rows = made.swapaxes(0, axis)
    for at in np.ndindex(*counts[1:]):
        start = first - low + sum(step * index for step, index in zip(steps[1:], at))
        stop = start + steps[0] * counts[0]
        stop = stop if stop >= 0 else None
        rows[start : stop : steps[0]] += t[at].swapaxes(0, axis)
    return made[(slice(None),) * axis + (slice(-low, size - low),)]
'''
INDICATOR = '''def indicator(shape, weights, offset, dtype):
    """1 where offset + sum(weight * index) is 0, else 0."""
    places = np.ogrid[tuple(map(slice, shape))]
    value = sum(weight * index for weight, index in zip(weights, places))
    return (value == -offset).astype(dtype)
'''


@dataclass
class Piece:
    """A factor: a node, or the source of an array; `wide` if it shows entries more than once."""

    labels: Labels
    node: Expr | None = None
    text: str = ""
    wide: bool = False
    base: str = ""
    index: tuple[str, ...] = ()

    def cut(self, axis: int, part: str, text: str) -> str:
        """The source with one axis cut or picked, all in one pair of brackets."""
        if not self.base:
            self.base, self.index = text, (":",) * len(self.labels)
        at = [k for k, p in enumerate(self.index) if ":" in p][axis]
        self.index = (*self.index[:at], part, *self.index[at + 1:])
        last = max((k for k, p in enumerate(self.index) if p != ":"), default=-1)
        return f"{self.base}[{', '.join(self.index[:last + 1])}]" if last >= 0 else self.base


@dataclass
class Reading:
    """A contraction while its deltas are put into the arrays."""

    writer: Writer
    pieces: list[Piece]
    relations: list[Relation]
    output: Labels
    dims: dict[int, sp.Expr]
    written: list[tuple[int, Read]] = field(default_factory=list)

    def holders(self, label: int) -> list[Piece]:
        return [p for p in self.pieces if label in p.labels]

    def text(self, piece: Piece) -> str:
        return piece.text or self.writer.code(piece.node).wrap()

    # one relation

    def take(self) -> None:
        """Put the next relation in."""
        for k, relation in enumerate(self.relations):
            rest = self.relations[:k] + self.relations[k + 1:]
            if self.reshaped(relation, rest) or self.solved(relation, rest):
                return
        relation = self.relations.pop(0)
        self.pieces.append(Piece(relation.labels, text=self.dense(relation)))

    def solved(self, relation: Relation, rest: list[Relation]) -> bool:
        """Read a summed index, or write to a kept one; the first index of a delta is the one that windows slide along."""
        if len(relation.labels) == 1 and relation.labels[0] in self.output:
            self.relations = rest
            self.pieces.append(Piece(relation.labels, text=self.unit(relation)))
            return True
        order = relation.labels
        if len(order) == 2:
            order = sorted(order, key=lambda i: i in self.output)
        for label in order:
            read = relation.solved(label)
            if read is None or any(label in r.labels and r.substituted(label, read) is None for r in rest):
                continue
            if label not in self.output:
                if self.holders(label):
                    return self.read(label, read, rest)
            elif not self.holders(label) and not any(label in r.labels for r in rest) and not set(read.labels) & set(self.output):
                self.relations = rest
                at = self.output.index(label)
                self.output = self.output[:at] + read.labels + self.output[at + 1:]
                self.written.append((label, read))
                return True
        return False

    def read(self, label: int, read: Read, rest: list[Relation]) -> bool:
        self.relations = [r.substituted(label, read) if label in r.labels else r for r in rest]
        for piece in self.holders(label):
            axis = piece.labels.index(label)
            text = self.read_text(piece, axis, label, read)
            piece.wide = piece.wide or len(read.labels) > 1
            piece.labels = piece.labels[:axis] + read.labels + piece.labels[axis + 1:]
            piece.text = self.shaped(text, piece.labels)
        return True

    def read_text(self, piece: Piece, axis: int, label: int, read: Read) -> str:
        """A slice or an entry where it lies inside the axis, zeros put around where it lies around the axis."""
        size, n, text, rank = self.writer.size, self.dims[label], self.text(piece), len(piece.labels)
        low, high = read.ends(self.dims)
        room = sp.expand(n - 1 - high)
        inside = self.holds(low) and self.holds(room)
        if not read.labels and inside:
            return piece.cut(axis, size(read.first), text)
        if len(read.labels) == 1 and inside and read.steps[0].is_Integer and (part := slice_text(size, low, high, read.steps[0], n)):
            return piece.cut(axis, part, text)
        piece.base = ""
        if len(read.labels) == 1 and read.steps[0] == 1:
            ahead, behind = -low, sp.expand(high - (n - 1))
            if self.holds(ahead) and self.holds(behind):
                pairs = ["(0, 0)"] * rank
                pairs[axis] = f"({size(ahead)}, {size(behind)})"
                return f"np.pad({bare(text)}, ({', '.join(pairs)}{',' * (rank == 1)}))"
        self.writer.need(READ_AT, "read_at")
        counts = tuple_text([size(self.dims[i]) for i in read.labels])
        return f"read_at({bare(text)}, {axis}, {size(read.first)}, {counts}, {tuple_text([size(s) for s in read.steps])})"

    def holds(self, value: sp.Expr) -> bool:
        """Whether a number in sizes is 0 or more, by itself or because the function refuses other sizes."""
        return value in self.writer.assumed or is_nonnegative(value)

    def reshaped(self, relation: Relation, rest: list[Relation]) -> bool:
        """Two groups of axes that run through the same entries in the same order: a reshape."""
        for first, second in groups(relation, self.dims):
            for own, made in ((first, second), (second, first)):
                holders = self.holders(own[0])
                if not holders or any(i in self.output or len(self.holders(i)) != len(holders) for i in own) \
                        or any(i in r.labels for r in rest for i in own) \
                        or any(not set(own) <= set(p.labels) or set(made) & set(p.labels) for p in holders):
                    continue
                for piece in holders:
                    self.reshape(piece, own, made)
                self.relations = rest
                return True
        return False

    def reshape(self, piece: Piece, own: Labels, made: Labels) -> None:
        """The axes `own` of a piece read row by row as the axes `made`."""
        kept = tuple(i for i in piece.labels if i not in own)
        at = min(piece.labels.index(i) for i in own)
        target = kept[:at] + made + kept[at:]
        text = permuted_text(self.text(piece), piece.labels, kept[:at] + own + kept[at:])
        piece.text, piece.labels = self.shaped(f"{text}.reshape({self.sizes(target)})", target), target

    def unit(self, relation: Relation) -> str:
        """1 at one entry."""
        n, first = self.dims[relation.labels[0]], relation.solved(relation.labels[0]).first
        return noted(self.writer, f"np.eye(1, {self.writer.size(n)}, {self.writer.size(first)}, dtype)", (sp.S.One, n)) + "[0]"

    def dense(self, relation: Relation) -> str:
        self.writer.need(INDICATOR, "indicator")
        size = self.writer.size
        made = (f"indicator({tuple_text([size(self.dims[i]) for i in relation.labels])}, "
                f"{tuple_text([size(c) for c in relation.coefficients])}, {size(relation.offset)}, dtype)")
        return self.shaped(made, relation.labels)

    def shaped(self, text: str, labels: Labels) -> str:
        """The source of an array, its shape noted for those who read the source."""
        return noted(self.writer, text, tuple(self.dims[i] for i in labels))

    def sizes(self, labels: Labels) -> str:
        return ", ".join(self.writer.size(self.dims[i]) for i in labels)

    # what remains

    def code(self, output: Labels) -> Code:
        """The source of the whole, its axes in the order of `output`."""
        made, labels = self.product()
        for label, read in reversed(self.written):
            axes = [labels.index(i) for i in read.labels]
            self.writer.need(ADD_AT, "add_at")
            size = self.writer.size
            text = (f"add_at({made.text}, {tuple_text(axes)}, {size(read.first)}, {tuple_text([size(s) for s in read.steps])}, "
                    f"{size(self.dims[label])})")
            labels = tuple(label if i == read.labels[0] else i for i in labels if i not in read.labels[1:])
            made = Code(self.shaped(text, labels), ATOM)
        return Code(permuted_text(made.wrap(), labels, output), ATOM, frozenset(range(len(output))), view=True)

    def product(self) -> tuple[Code, Labels]:
        """The contraction of the pieces, and the order of its axes."""
        arrays = [p for p in self.pieces if p.labels]
        pair = self.pair(arrays) if len(arrays) == 2 and len(self.pieces) == 2 else None
        if pair is not None:
            return pair
        operands = [p.node if p.node is not None and not p.text else self.stand_in(p) for p in self.pieces]
        inputs = [p.labels for p in self.pieces]
        lone = [i for i in self.output if not self.holders(i)]
        if lone:
            operands.append(Ones(tuple(self.dims[i] for i in lone)))
            inputs.append(tuple(lone))
        return self.writer.code(Contract(tuple(operands), tuple(inputs), self.output)), self.output

    def stand_in(self, piece: Piece) -> Var:
        """A variable that is written as the source of a piece."""
        var = Var(f"⟦{piece.text}⟧", tuple(self.dims[i] for i in piece.labels))
        self.writer.bound[var] = piece.text
        return var

    def pair(self, arrays: list[Piece]) -> tuple[Code, Labels] | None:
        """Windows times another array, or a product that will be written to windows, as one matrix product."""
        right = next((p for p in arrays if p.wide), None)
        if right is None and self.written:
            right = next((p for p in arrays if any(read.labels[0] in p.labels for _, read in self.written)), None)
        if right is None or len(set(right.labels)) < len(right.labels):
            return None
        left = arrays[1 - arrays.index(right)]
        if len(set(left.labels)) < len(left.labels) or left.wide:
            return None
        shared = [i for i in right.labels if i in left.labels]
        batch, inner = [i for i in shared if i in self.output], [i for i in shared if i not in self.output]
        rows, columns = [i for i in left.labels if i not in shared], [i for i in right.labels if i not in shared]
        if not inner or any(i not in self.output for i in (*rows, *columns)) or set(self.output) != {*batch, *rows, *columns}:
            return None
        first = self.matrix(left, batch, rows, inner)
        second = self.columns(right, batch, inner, columns) if right.wide else self.matrix(right, batch, inner, columns)
        labels = (*batch, *rows, *columns)
        return Code(self.shaped(f"({first} @ {second}).reshape({self.sizes(labels)})", labels), ATOM), labels

    def matrix(self, piece: Piece, batch: list[int], rows: list[int], columns: list[int]) -> str:
        """A piece with its axes gathered into rows and columns, batch axes in front."""
        text = permuted_text(self.text(piece), piece.labels, (*batch, *rows, *columns))
        if not batch and not (rows and columns):
            return text if len(piece.labels) == 1 else noted(self.writer, f"{text}.reshape({self.writer.size(self.count(piece.labels))})",
                                                             (self.count(piece.labels),))
        if len(rows) == len(columns) == 1:
            return text
        if piece.labels == (*batch, *columns, *rows) and not batch and len(columns) > 0:
            return f"{self.flat(self.text(piece), batch, columns, rows)}.T"
        return self.flat(text, batch, rows, columns)

    def count(self, labels: Labels) -> sp.Expr:
        return sp.Mul(*[self.dims[i] for i in labels])

    def flat(self, text: str, batch: list[int], rows: list[int], columns: list[int]) -> str:
        size = self.writer.size
        shape = [*(self.dims[i] for i in batch), *(sp.Mul(*[self.dims[i] for i in group]) for group in (rows, columns))]
        return noted(self.writer, f"{text}.reshape({', '.join(size(d) for d in shape)})", shape)

    def columns(self, piece: Piece, batch: list[int], inner: list[int], outer: list[int]) -> str:
        """The windows of an array as a matrix: made by a line of its own when first needed, and named."""
        position = piece.labels.index
        groups = [tuple(sorted(map(position, g))) for g in (batch, inner, outer)]
        key = (piece.text, groups[0])
        for turned in (False, True):
            wanted = tuple(groups[1:]) if not turned else (groups[2], groups[1])
            name = self.writer.columns.get((*key, *wanted))
            if name:
                last = len(batch)
                order = ", ".join(map(str, (*range(last), last + 1, last)))
                return name + (".T" if not batch else f".transpose({order})") * turned
        text = permuted_text(piece.text, piece.labels, (*batch, *inner, *outer))
        name = self.writer.fresh(f"{re.search('[A-Za-z_][A-Za-z0-9_]*', piece.text.replace('read_at(', ''))[0]}_columns")
        self.writer.lines.append(f"    {name} = {self.flat(text, batch, inner, outer)}")
        self.writer.columns[(*key, *groups[1:])] = name
        return name


def window_code(writer: Writer, operands: tuple[Expr, ...], inputs: tuple[Labels, ...], output: Labels) -> Code:
    """The source of a contraction that has deltas of its own."""
    dims = label_sizes(operands, inputs)
    pieces, relations = [], []
    for operand, labels in zip(operands, inputs):
        if is_window(operand) and not operand.bound:
            relations.append(relation_of(operand, labels))
        elif is_window(operand):
            pieces.append(Piece(labels, text=triangle_text(writer, operand)))
        else:
            pieces.append(Piece(labels, operand))
    reading = Reading(writer, pieces, relations, output, dims)
    for relation in relations:  # an index that nothing but deltas carries still has its range
        for label, dim in zip(relation.labels, (dims[i] for i in relation.labels)):
            if label not in output and not reading.holders(label):
                pieces.append(Piece((label,), text=f"np.ones({writer.size(dim)}, dtype)"))
    while reading.relations:
        reading.take()
    return reading.code(output)


def triangle_text(writer: Writer, node: Delta) -> str:
    """A triangle of ones."""
    rows, columns = map(writer.size, node.shape)
    a, b = node.coefficients
    if (a, b) == (1, -1):
        return noted(writer, f"np.tri({rows}, {columns}, {writer.size(node.offset)}, dtype)", node.shape)
    if (a, b) == (-1, 1):
        return noted(writer, f"np.tri({columns}, {rows}, {writer.size(node.offset)}, dtype)", node.shape[::-1]) + ".T"
    raise UnsupportedError("an inequality of indices with these weights has no NumPy spelling")


def noted(writer: Writer, text: str, shape: Shape) -> str:
    """The source of an array, its shape noted for those who read the source."""
    writer.shapes[ast.unparse(ast.parse(text, mode="eval"))] = tuple(map(writer.size, shape))
    return text


def groups(relation: Relation, dims: dict[int, sp.Expr]) -> list[tuple[Labels, Labels]]:
    """The split of a relation's labels into two groups that number the same entries row by row, if there is one."""
    if relation.offset != 0 or len(set(relation.labels)) < len(relation.labels):
        return []
    split = next((k for k, c in enumerate(relation.coefficients) if c.could_extract_minus_sign()), 0)
    parts = relation.labels[:split], relation.labels[split:]
    if not all(parts) or sum(map(len, parts)) == 2:
        return []
    weights = [sp.Mul(*[dims[i] for i in part[k + 1:]]) for part in parts for k in range(len(part))]
    signed = [c if k < split else -c for k, c in enumerate(relation.coefficients)]
    whole = sp.expand(sp.Mul(*[dims[i] for i in parts[0]]) - sp.Mul(*[dims[i] for i in parts[1]])) == 0
    return [parts] if whole and all(sp.expand(a - b) == 0 for a, b in zip(weights, signed)) else []


def slice_text(size: object, low: sp.Expr, high: sp.Expr, step: sp.Expr, n: sp.Expr) -> str:
    """`1:3`, `::2`, `::-1`; nothing where a slice downwards does not say where it ends."""
    if step.is_positive:
        first, stop = ("" if low == 0 else size(low)), sp.expand(high + 1)
        last = "" if stop == n or step != 1 and sp.expand(stop - n + step).is_positive else size(stop)
        return f"{first}:{last}" + (f":{size(step)}" if step != 1 else "")
    first = "" if sp.expand(high - n + 1) == 0 else size(high)
    if not (low == 0 or is_nonnegative(sp.expand(low - 1))):
        return ""
    last = "" if low == 0 else size(sp.expand(low - 1))
    return f"{first}:{last}:{size(step)}"


def bare(text: str) -> str:
    """A piece of source without the brackets around the whole of it."""
    if not text.startswith("("):
        return text
    depth = 0
    for at, char in enumerate(text):
        depth += (char == "(") - (char == ")")
        if not depth:
            return text[1:-1] if at == len(text) - 1 else text
    return text


def tuple_text(parts: list) -> str:
    return f"({', '.join(map(str, parts))}{',' * (len(parts) == 1)})"


def permuted_text(text: str, labels: Labels, order: Labels) -> str:
    if labels == tuple(order):
        return text
    return f"{text}.transpose({', '.join(str(labels.index(i)) for i in order)})"


