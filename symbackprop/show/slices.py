"""Matrix form by slices: an equation over a batch, head or channel axis, read as matrices for each index on that axis.

`∂C/∂Q_h = (1/√d) Δ_S[h] K_h` says of every h what einsum says of whole tensors. A slice is a variable of lower rank under a
name of its own, so that the reading of `matrix` does the rest; an axis that is summed becomes a sum over slices. A view:
nothing that is made here goes back into a program.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import combinations
from typing import TYPE_CHECKING, NamedTuple

import sympy as sp

from ..algebra import add, contract
from ..expr import Add, Apply, Const, Contract, Delta, Expr, Labels, Map, Ones, Shape, Var, rebuild, walk
from ..notation import split_name
from ..reverse import bar
from .forms import Atom, Scaled, Sum, SumOver
from .groups import NoSlice, Pair, parts_of, tied
from .layout import shown
from .matrix import matrix_form, names_of_parameters, wants_slices

if TYPE_CHECKING:
    from .writing import TextWriter

LETTERS = "ijklmpqrstuvw"
MOST_TERMS = 4000  # nodes that are cut before the search is given up
Cut = tuple[str, ...]  # for each axis the letter that it is cut at, or ""


class Range(NamedTuple):
    """A letter that runs over an axis."""

    letter: str
    size: sp.Expr
    first: int = 1

    @property
    def last(self) -> sp.Expr:
        return self.size - 1 + self.first


class Slice(NamedTuple):
    """What a variable of lower rank stands for: a tensor cut along some axes."""

    whole: Var
    cut: Cut

    @property
    def axes(self) -> tuple[int, ...]:
        return tuple([k for k, letter in enumerate(self.cut) if letter])

    @property
    def letters(self) -> list[str]:
        return [letter for letter in self.cut if letter]

    @property
    def key(self) -> tuple[str, ...]:
        """The tensor, also of a cotangent, and the letters."""
        return (self.whole.name.removeprefix(bar("")), *self.letters)

    @property
    def far(self) -> int:
        """How far from the front the axes stand; a slice along the first axes needs no explanation."""
        return sum(self.axes) - sum(range(len(self.axes)))


class Told(NamedTuple):
    """What a reader of a document knows: the names in it, the axes that a tensor's letters stand for, the letter of a size."""

    names: set[str]
    axes: dict[tuple[str, ...], tuple[int, ...]]
    letters: dict[sp.Expr, str]


class Slices:
    """Finds the slices of one equation and writes it with the glyphs of a writer, text or LaTeX."""

    def __init__(self, writer: TextWriter) -> None:
        self.writer = writer
        self.parts: dict[str, Slice] = {}
        self.sums: dict[str, tuple[tuple[Range, ...], Expr]] = {}
        self.made: dict[tuple, Expr | None] = {}
        self.pairs: dict[str, Pair] = {}
        self.paired_letters: set[str] = set()
        self.taken: set[str] = set()
        self.labels: set[str] = set()

    def equation(self, name: str, node: Expr) -> tuple[str, str] | None:
        """(left, right) of `name = node` for each slice; None where it has no matrix form by slices."""
        self.take_names(name, node)
        found = self.search(name, node)
        if found is None:
            return None
        ranges, own, inner = found
        cuts = [*own.cut, *(text for v in self.leaves(inner) if v.name in self.parts for text in self.parts[v.name].cut)]
        self.paired_letters = {letter for text in cuts for _, letter in self.pairs.get(text, ())}
        said: list[str] = []
        left = self.symbol(own, said) if ranges else self.writer.symbol(name)
        for key in dict.fromkeys(v.name for v in self.leaves(inner)):
            if key in self.parts:
                self.writer.symbols[key] = self.symbol(self.parts[key], said)
        form = self.filled(matrix_form(inner))
        right = self.writer.form(shown(form, name, self.writer.numerator) if self.writer.numerator else form)[0]
        for r in (*ranges, *(r for v in self.leaves(inner) if v.name in self.sums for r in self.sums[v.name][0])):
            self.writer.told.letters.setdefault(r.size, r.letter)
        where = "; ".join([*map(self.span, self.counted(ranges)), *said])
        return left, self.writer.with_range(right, where) if where else right

    # names and letters

    def take_names(self, name: str, node: Expr) -> None:
        """The names and labels that no letter of an index may look like."""
        prefix = bar("")
        names = {key.removeprefix(prefix) for key in (*self.writer.symbols, *self.writer.told.names, name) if "⟨" not in key}
        for part in walk(node):
            if type(part) is Var:
                names.add(part.name.removeprefix(prefix))
            self.taken.update(s.name for size in part.shape for s in size.free_symbols)
        self.taken |= names
        self.labels = {split_name(n)[2] for n in names}

    def ranged(self, size: sp.Expr, used: Iterable[str]) -> Range:
        """A letter for an axis: the one that this size has had, else h for a size H, else the next that is free."""
        known, used = self.writer.told.letters, set(used)
        own = size.name.lower() if size.is_Symbol and len(size.name) == 1 else ""
        free = [c for c in (own, *LETTERS) if c and c not in used and c not in self.taken and c not in self.labels]
        if not free:
            raise NoSlice
        if known.get(size, used) in free:
            return Range(known[size], size)
        return Range(next((c for c in free if c not in known.values()), free[0]), size)

    def paired(self, parts: Pair) -> str:
        """A place on an axis that numbers pairs: `3g+r`."""
        text = self.writer.index(sp.Add(*[step * sp.Symbol(letter) for step, letter in parts]))
        self.pairs[text] = parts
        return text

    def counted(self, ranges: tuple[Range, ...]) -> tuple[Range, ...]:
        """Ranges that begin at 0 where their letter is part of a place such as `3g+r`."""
        return tuple([r._replace(first=0) if r.letter in self.paired_letters else r for r in ranges])

    def span(self, r: Range) -> str:
        """`h = 1, …, H`."""
        count = int(r.size) if r.size.is_Integer and r.size <= 3 else 0
        numbers = [str(r.first + k) for k in range(count)] or [str(r.first), "…", self.writer.index(r.last)]
        return f"{r.letter} = {', '.join(numbers)}"

    def symbol(self, part: Slice, said: list[str]) -> str:
        """`Q_h` for slices along the first axes; along others too, once it is said that `W_h = W[:, h, :]`."""
        writer, text = self.writer, self.writer.atom(Atom(part.whole))[0]
        spelled = [letter or ":" for letter in part.cut]
        turned = part.whole.rank == 2 and part.whole.name in writer.numerator
        if turned or len(part.axes) < part.whole.rank == 2 or self.known(part) != part.axes:
            return writer.bracketed(writer.brackets(text) if writer.is_tall(text) else text, spelled[::-1] if turned else spelled)
        if part.far and part.key not in writer.told.axes:
            own = writer.symbol(part.key[0])
            said.append(f"{writer.with_indices(own, part.letters)} = {writer.bracketed(own, spelled)}")
        writer.told.axes[part.key] = part.axes
        return writer.with_indices(text, part.letters)

    # search

    def search(self, name: str, node: Expr) -> tuple[tuple[Range, ...], Slice, Expr] | None:
        """The cut with the fewest letters, of these the one whose axes stand first in the tensors."""
        axes = [k for k, dim in enumerate(node.shape) if dim != 1 and name not in self.writer.numerator]
        best = None
        for count in range(len(axes) + 1):
            if best is not None and best[0][0] < count:
                break
            for chosen in combinations(axes, count):
                try:
                    found = self.candidate(name, node, chosen)
                except NoSlice:
                    continue
                if best is None or found[0] < best[0]:
                    best = found
        return None if best is None else best[1:]

    def candidate(self, name: str, node: Expr, chosen: tuple[int, ...]) -> tuple[tuple[int, int], tuple[Range, ...], Slice, Expr]:
        """(cost, ranges, the slice on the left, the right side) of one choice of axes."""
        ranges: tuple[Range, ...] = ()
        letters: dict[int, str] = {}
        for k in chosen:
            parts = parts_of(node, k) or [(sp.S.One, node.shape[k])]
            for _, size in parts:
                ranges += (self.ranged(size, [r.letter for r in ranges]),)
            own = [r.letter for r in ranges[-len(parts):]]
            letters[k] = own[0] if len(own) == 1 else self.paired(tuple(zip([step for step, _ in parts], own)))
        left = Slice(Var(name, node.shape), tuple([letters.get(k, "") for k in range(node.rank)]))
        inner = self.cut(node, left.cut, frozenset([r.letter for r in ranges]))
        if wants_slices(matrix_form(inner)):
            raise NoSlice
        sums, far = self.cost(inner)
        return (len(ranges) + sums, far + 2 * left.far), ranges, left, inner

    def cost(self, node: Expr) -> tuple[int, int]:
        """(sums, how far from the front the cut axes stand)."""
        far, sums = 0, set()
        for part in self.leaves(node):
            if part.name in self.sums:
                sums.update(self.sums[part.name][0])
            elif part.name in self.parts:
                cut = self.parts[part.name]
                far += cut.far + (cut.whole.rank == 2) + 2 * (self.known(cut) != cut.axes)
        return len(sums), far

    def known(self, part: Slice) -> tuple[int, ...]:
        """The axes that the letters of a slice have stood for, with the tensor or its cotangent."""
        return self.writer.told.axes.get(part.key, part.axes)

    def leaves(self, node: Expr) -> Iterator[Var]:
        """The variables of an expression, each as often as it is read, those under its sums too."""
        stack = [node]
        while stack:
            part = stack.pop()
            if type(part) is Var:
                yield part
                if part.name in self.sums:
                    stack.append(self.sums[part.name][1])
            stack.extend(part.children)

    # cutting

    def cut(self, node: Expr, cut: Cut, around: frozenset[str]) -> Expr:
        """`node` at one index of the axes that `cut` names; `around` are the letters that stand for something already.

        Raises `NoSlice` where an axis does not run through.
        """
        key = (node, cut, around)
        if key not in self.made:
            if len(self.made) > MOST_TERMS:
                raise NoSlice
            self.made[key] = None
            try:
                self.made[key] = self.piece(node, cut, around)
            except NoSlice:
                pass
        if self.made[key] is None:
            raise NoSlice
        return self.made[key]

    def piece(self, node: Expr, cut: Cut, around: frozenset[str]) -> Expr:
        whole = not any(cut)
        match node:
            case Var():
                return node if whole else self.slice_of(node, cut)
            case Const():
                return node
            case Ones():
                return Ones(rest_of(node.shape, cut)) if node.rank > sum(map(bool, cut)) else Const(sp.S.One)
            case Delta():
                if whole:
                    return node
                raise NoSlice
            case Add():
                return add([self.cut(term, cut, around) for term in node.terms])
            case Map():
                return rebuild(node, tuple(self.cut(arg, cut, around) for arg in node.args))
            case Apply():
                return self.application(node, cut, around)
        return self.contraction(node, cut, around)

    def slice_of(self, node: Var, cut: Cut) -> Var:
        name = f"{node.name}⟨{','.join(cut)}⟩"
        self.parts[name] = Slice(node, cut)
        return Var(name, rest_of(node.shape, cut))

    def application(self, node: Apply, cut: Cut, around: frozenset[str]) -> Expr:
        """A function along an axis that is kept, of a slice along others."""
        if not any(cut):
            return rebuild(node, tuple(self.cut(arg, ("",) * arg.rank, around) for arg in node.args))
        if node.op == "one_hot" and not cut[-1]:
            ids = self.cut(node.args[0], cut[:-1], around)
            return Apply(node.op, (ids, node.args[1]), (), rest_of(node.shape, cut))
        if "axis" not in names_of_parameters(node)[:1] or len(node.args) != 1:
            raise NoSlice
        axis, arg = node.params[0], node.args[0]
        of_arg = cut if arg.rank == node.rank else (*cut[:axis], "", *cut[axis:])
        if of_arg[axis]:
            raise NoSlice
        params = (axis - sum(map(bool, of_arg[:axis])), *node.params[1:])
        return Apply(node.op, (self.cut(arg, of_arg, around),), params, rest_of(node.shape, cut))

    def contraction(self, node: Contract, cut: Cut, around: frozenset[str]) -> Expr:
        """A contraction with as few of its summed axes cut as leave matrices: these become a sum over slices."""
        kept = {label: letter for label, letter in zip(node.output, cut) if letter}
        kept, _, held = tied(node, kept, self.pairs)
        barred = {i for k, (o, labels) in enumerate(zip(node.operands, node.inputs)) if type(o) is Delta and k not in held for i in labels}
        dims = {i: dim for o, labels in zip(node.operands, node.inputs) for i, dim in zip(labels, o.shape)}
        summed = [i for i, dim in dims.items() if i not in node.output and i not in barred and i not in kept and dim != 1]
        for count in range(min(len(summed), 3) + 1):
            found = []
            for chosen in combinations(summed, count):
                ranges: tuple[Range, ...] = ()
                for i in chosen:
                    ranges += (self.ranged(dims[i], [*around, *(r.letter for r in ranges)]),)
                letters = kept | {i: r.letter for i, r in zip(chosen, ranges)}
                try:
                    inner = self.product(node, letters, around | set(letters.values()))
                except NoSlice:
                    continue
                if not wants_slices(matrix_form(inner)):
                    found.append((self.cost(inner), ranges, inner))
            if found:
                _, ranges, inner = min(found, key=lambda entry: entry[0])
                return self.total(ranges, inner) if ranges else inner
        raise NoSlice

    def product(self, node: Contract, letters: dict[int, str], around: frozenset[str]) -> Expr:
        """The contraction with some of its labels at one index."""
        letters, made, held = tied(node, letters, self.pairs)
        letters |= {i: self.paired(parts) for i, parts in made.items()}
        read = [(o, labels) for k, (o, labels) in enumerate(zip(node.operands, node.inputs)) if k not in held]
        operands = [self.cut(o, tuple(letters.get(i, "") for i in labels), around) for o, labels in read]
        inputs: list[Labels] = [tuple(i for i in labels if i not in letters) for _, labels in read]
        return contract(operands, inputs, tuple(i for i in node.output if i not in letters))

    def total(self, ranges: tuple[Range, ...], inner: Expr) -> Expr:
        """A variable that stands for a sum over slices, its number in front."""
        number = inner.operands[0] if type(inner) is Contract and type(inner.operands[0]) is Const else None
        if number is not None:
            inner = contract(inner.operands[1:], inner.inputs[1:], inner.output)
        name = f"Σ⟨{len(self.sums)}⟩"
        self.sums[name] = ranges, inner
        made = Var(name, inner.shape)
        labels = tuple(range(inner.rank))
        return made if number is None else contract((number, made), ((), labels), labels)

    # forms

    def filled(self, form: object) -> object:
        """A form with the sums put in; those over the same axes share one sign."""
        if type(form) is Atom and form.node.name in self.sums:
            ranges, inner = self.sums[form.node.name]
            return SumOver(self.counted(ranges), self.filled(matrix_form(inner)))
        if not isinstance(form, tuple):
            return form
        parts = [self.filled(part) for part in form]
        if type(form) is Sum:
            return gathered(parts[0])
        return type(form)(*parts) if hasattr(form, "_fields") else tuple(parts)


def gathered(terms: tuple) -> object:
    """A sum whose terms are all sums over the same axes, as one."""
    split = [split_sum(term) for term in terms]
    if None in split or len({ranges for ranges, _ in split}) != 1:
        return Sum(terms)
    return SumOver(split[0][0], Sum(tuple(body for _, body in split)))


def split_sum(form: object) -> tuple[tuple[Range, ...], object] | None:
    """The axes of a sum and what is summed, a number in front of it taken inside."""
    if type(form) is SumOver:
        return form.ranges, form.body
    if type(form) is Scaled and type(form.body) is SumOver:
        return form.body.ranges, form._replace(body=form.body.body)
    return None


def rest_of(shape: Shape, cut: Cut) -> Shape:
    """The axes that are not cut."""
    return tuple(dim for dim, letter in zip(shape, cut) if not letter)
