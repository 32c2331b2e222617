"""Index form: every entry written out with its indices, sums with Σ, and δ_ij for the identity.

It works on any node, so it is also how a contraction is shown that has no matrix reading. An entry is a scalar, so it is
built from the same forms as a scalar formula, and the writer decides on brackets, fractions and signs.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from itertools import count

import sympy as sp

from ..expr import Add, Apply, Const, Contract, Delta, Expr, Map, Ones, Var, is_identity, label_sizes, walk
from ..reverse import bar
from ..windows import Read, is_inside, is_window, relation_of
from .forms import Call, Number, Over, Scaled, Sum
from .matrix import is_negative, matrix_form, power_form, scaled
from .writing import ATOM, MUL, TextWriter, Written

WORD = re.compile(r"[A-Za-z]\w*")
LETTERS = "ijklmnpqrstuvwabcdefgho"


class IndexWriter:
    """Writes nodes in index form with the glyphs of a matrix writer (text or LaTeX)."""

    def __init__(self, writer: TextWriter) -> None:
        self.writer = writer
        self.known: dict[str, sp.Expr] = {}

    def letters(self, node: Expr, name: str = "") -> tuple[list[str], list[str]]:
        """Letters for the free indices of `node`, and letters left for its sums; names of tensors, sizes and loops
        are avoided."""
        prefix = bar("")
        used = {key.removeprefix(prefix) for key in (*self.writer.symbols, name)}
        for part in walk(node):
            if type(part) is Var:
                used.add(part.name.removeprefix(prefix))
                used.update(WORD.findall(part.name.partition("[")[2]))
            used.update(s.name for size in part.shape for s in size.free_symbols)
        pool = [letter for letter in LETTERS if letter not in used]
        pool += [letter for letter in LETTERS if letter in used]
        return pool[:node.rank], pool[node.rank:]

    def summed(self, node: Expr) -> str:
        """The entry of `node` at free indices i, j, …"""
        return self.writer.form(self.entry(node, *self.letters(node)))[0]

    def equation(self, name: str, node: Expr) -> tuple[str, str]:
        """(left, right) of `name_ij = …`; a partial derivative carries its indices below."""
        own, free = self.letters(node, name)
        left = self.writer.with_indices(self.writer.symbol(name), own)
        return left, self.writer.form(self.entry(node, own, free))[0]

    def entry(self, node: Expr, own: list[str], free: list[str]) -> object:
        """The form of the entry of `node` at the indices `own`; `free` are letters that nothing around it uses."""
        match node:
            case Var():
                symbol = self.writer.atom(matrix_form(node))[0]
                return Written(self.writer.with_indices(symbol, own), ATOM)
            case Const():
                return Number(node.value)
            case Ones():
                return Written(self.writer.one, ATOM)
            case Delta() if is_identity(node):
                return Written(self.writer.with_indices(self.writer.kronecker, own), ATOM)
            case Delta():
                return self.condition(node, own)
            case Add():
                return sum_form([self.entry(term, own, free) for term in node.terms])
            case Map():
                return map_form(node, [self.entry(arg, own, free) for arg in node.args])
            case Apply(op="max"):
                return self.largest(node, own, free)
            case Apply():
                if not own:
                    return matrix_form(node)
                return Written(self.writer.with_indices(self.writer.wrapped(matrix_form(node), ATOM), own), ATOM)
        return self.contraction(node, own, free)

    def largest(self, node: Apply, own: list[str], free: list[str]) -> Written:
        """max_k of the entries along an axis."""
        letter, *left = free or list(LETTERS)
        axis = node.params[0]
        body = self.entry(node.args[0], [*own[:axis], letter, *own[axis:]], left)
        name = self.writer.with_indices(self.writer.plain_name("max"), [letter])
        return Written(f"{name} {self.writer.wrapped(body, MUL)}", MUL)

    def contraction(self, node: Contract, own: list[str], free: list[str]) -> object:
        """The product of the factors; those that carry a summed index stand together behind one Σ."""
        names = dict(zip(node.output, own))
        summed = list(dict.fromkeys(i for labels in node.inputs for i in labels if i not in names))
        reads = solved_reads(node)
        summed = [i for i in summed if i not in reads]
        names |= zip(summed, fresh(free))
        names |= {label: self.affine(reads[label], names) for label in reads}
        left = [letter for letter in free if letter not in names.values()]
        factors: list[object] = []
        inside: list[object] = []
        place = len(node.operands)
        for operand, labels in zip(node.operands, node.inputs):
            if type(operand) is Ones or is_window(operand) and any(i in reads for i in labels):
                continue
            form = self.entry(operand, [names[i] for i in labels], left)
            if any(i in summed or i in reads and set(reads[i].labels) & set(summed) for i in labels):
                place = min(place, len(factors))
                inside.append(form)
            else:
                factors.append(form)
        for i, size in unboxed(node, reads):
            held = inside if set(reads[i].labels) & set(summed) else factors
            held.append(Written(self.writer.indicator(self.writer.between(names[i], size)), ATOM))
        if summed:
            number, total = self.sum_over([names[i] for i in summed], inside)
            factors.insert(place, total)
            factors.append(Number(number))
        return product_form(factors)

    def affine(self, read: Read, names: dict[int, str]) -> str:
        """An affine index, remembered so that it may be part of another."""
        value = read.first + sp.Add(*[s * self.symbol(names[i]) for i, s in zip(read.labels, read.steps)])
        text = self.writer.index(value)
        self.known[text] = value
        return text

    def symbol(self, name: str) -> sp.Expr:
        return self.known.get(name, sp.Symbol(name))

    def condition(self, node: Delta, own: list[str]) -> Written:
        """1 where the relation of a delta holds."""
        sides = [sp.S.Zero, sp.S.Zero]
        for number, rest in [(c, i) for c, i in zip(node.coefficients, map(self.symbol, own))] + [(node.offset, sp.S.One)]:
            sides[bool(number.could_extract_minus_sign())] += abs(number) * rest
        sign = self.writer.relation("ge") if node.bound else "="
        return Written(self.writer.indicator(f"{self.writer.index(sides[0])} {sign} {self.writer.index(sides[1])}"), ATOM)

    def sum_over(self, indices: list[str], factors: list[object]) -> tuple[sp.Expr, Written]:
        """(number, Σ of the product): the number of the product stands in front of the sum."""
        body, number = product_form(factors), sp.S.One
        if type(body) is Number:
            body, number = Number(sp.S.One), body.value
        elif type(body) is Scaled:
            body, number = product_form([body._replace(number=sp.S.One)]), body.number
        return number, Written(f"{self.writer.summation(indices)} {self.writer.wrapped(body, MUL)}", MUL)


def solved_reads(node: Contract) -> dict[int, Read]:
    """Summed labels that a delta ties to others, solved for: their factors are read at affine indices instead."""
    carried = {i for o, labels in zip(node.operands, node.inputs) if type(o) not in (Delta, Ones) for i in labels}
    reads: dict[int, Read] = {}
    for operand, labels in zip(node.operands, node.inputs):
        if not is_window(operand) or operand.bound or any(i in reads for i in labels):
            continue
        for label in labels:
            read = relation_of(operand, labels).solved(label)
            used = {i for r in reads.values() for i in r.labels}
            if label not in node.output and label in carried and label not in used and read is not None:
                reads[label] = read
                break
    return reads


def unboxed(node: Contract, reads: dict[int, Read]) -> list[tuple[int, sp.Expr]]:
    """Solved labels that may leave their range while no tensor that is read there is 0 outside, with their sizes."""
    dims = label_sizes(node.operands, node.inputs)
    boxed = {i for o, labels in zip(node.operands, node.inputs) if type(o) is Var for i in labels}
    return [(i, dims[i]) for i, read in reads.items() if i not in boxed and not is_inside(read, dims, i)]


def fresh(letters: list[str]) -> Iterator[str]:
    """The letters, then all letters with primes."""
    yield from letters
    for primes in count(1):
        for letter in LETTERS:
            yield letter + "'" * primes


def product_form(factors: list[object]) -> object:
    """A product of scalars, numbers in front and quotients below one line."""
    number, above, below = sp.S.One, [], []
    for factor in factors:
        if type(factor) is Number:
            number *= factor.value
        elif type(factor) is Scaled:
            number *= factor.number
            above += [*factor.scalars, *(() if factor.body is None else (factor.body,))]
            below += factor.below
        elif type(factor) is Over:
            above += [] if factor.above is None else [factor.above]
            below.append(factor.below)
        else:
            above.append(factor)
    return scaled(number, [*above, *(Over(None, part, 0) for part in below)], None)


def sum_form(terms: list[object]) -> Sum:
    """A sum that begins with a term without a minus, if there is one."""
    first = next((k for k, term in enumerate(terms) if not is_negative(term)), 0)
    return Sum((terms[first], *terms[:first], *terms[first + 1:]))


def map_form(node: Map, args: list[object]) -> object:
    f = node.function
    if f.name != "pow" or f.derivative:
        return Call(node, tuple(args))
    exponent = f.params[0]
    if exponent.is_number and exponent.is_negative:
        return Over(None, power_form(args[0], -exponent, 0), 0)
    return power_form(args[0], exponent, 0)
