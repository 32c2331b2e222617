"""A model with loops and its derivation as a NumPy module: loops forward, loops backward, any length when called.

What the backward loops need is kept in lists, one entry a step, in a loop inside a loop lists of lists. A family `W[l]` is a
list of arrays, an array of rows an array, a start `h[0]` an argument `h0`, one for each layer `h[l,0]` a list `h_l_0`.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from ..codegen.compiled import read_often
from ..codegen.layout import indented
from ..codegen.terms import Writer
from ..codegen.workspace import AS_ARRAY, DTYPE
from ..expr import Expr, Var, names_in
from ..reverse import bar, is_bar
from .adjoint import Adjoint, Each, Entry, Summed, Swept
from .code import LoopModule
from .indexed import Index, parts
from .model import Item, Loop
from .words import at


class Places(Mapping[str, str]):
    """Name -> the source that reads it: a word, or an entry of a list."""

    def __init__(self, module: NumpyModule) -> None:
        self.module = module

    def __getitem__(self, name: str) -> str:
        return self.module.place(name)

    def __iter__(self) -> Iterator[str]:
        return iter(self.module.model.inputs)

    def __len__(self) -> int:
        return len(self.module.model.inputs)


class NumpyModule(LoopModule):
    """Writes one module."""

    def __init__(self, adjoint: Adjoint) -> None:
        super().__init__(adjoint)
        self.writer = Writer(Places(self), {s: code for s, code in self.sizes.items() if code}, self.names.taken)

    # where things are

    def place(self, name: str) -> str:
        base, indices = parts(name)
        if base.startswith("Σ"):
            return self.total(name)
        if is_bar(name):
            return self.cotangent_at(name[len(bar("")):])
        if not indices:
            return self.names.word(base)
        if base in self.model.families or base in self.model.by_row:
            return self.names.word(base) + brackets(indices, -1)
        if base not in self.model.loop_of:
            return self.names.start(name)
        return self.names.word(base) + "".join(f"[{at(index, self.low(base, axis))}]" for axis, index in enumerate(indices))

    def cotangent_at(self, name: str) -> str:
        base, indices = parts(name)
        key = self.model.key_of(name)
        letters = self.model.letters(key)
        if base in self.model.families or base in self.model.by_row:
            return self.names.word(base, "d_") + brackets(indices, -1)
        if len(letters) == len(indices):
            return self.names.word(base, "d_") + brackets(indices, 0)
        own = [index for mine, index in zip(parts(key)[1], indices) if mine.anchor in letters]
        return self.names.start(key, "d_") + brackets(own, -1)

    def total(self, name: str) -> str:
        """A sum over steps: a word of its own, or where it still has an index the sum itself."""
        base, indices = parts(name)
        if not indices:
            return self.names.word(base[1:], "total_")
        total = next(t for t in self.model.totals if parts(t)[0] == base and len(parts(t)[1]) == len(indices))
        moves = {mine.anchor: index for mine, index in zip(parts(total)[1], indices)}
        key_base, own = parts(self.model.totals[total])
        entry = "".join(f"[{at(moves.get(i.anchor, i), self.low(key_base, axis))}]" for axis, i in enumerate(own))
        return f"sum({self.names.word(key_base)}{entry} {' '.join(map(over, self.model.summed(total)))})"

    def starts(self, base: str) -> list[str]:
        """The keys of a state that stand before its first steps."""
        return [key for key in self.model.keys_of[base] if len(self.model.letters(key)) < len(parts(key)[1])]

    def low(self, base: str, axis: int) -> int:
        """How far the list of an axis begins before 0."""
        return max((-index.offset for key in self.starts(base) if not (index := parts(key)[1][axis]).anchor), default=0)

    def beyond(self, base: str, axis: int) -> int:
        """How far the list of an axis reaches beyond the end of its range."""
        return max((index.offset for key in self.starts(base) if (index := parts(key)[1][axis]).anchor in self.model.highs), default=0)

    # forward

    def arguments(self) -> list[str]:
        """The lines that read the arguments and the lengths of the loops."""
        lines, known = [], set()
        for name, var in self.model.inputs.items():
            word, dims, letters = self.argument(name), self.shape_text(var.shape), self.listed(name)
            lines.append(f"{word} = {read_lists(word, dims, len(letters))}")
            row = next((key for key in self.model.rows if parts(key)[0] == name), None)
            found = {self.model.by_letter[letter].high: f"len({word}{'[0]' * k})" for k, letter in enumerate(letters)}
            found |= {loop.high: f"{word}.shape[{k}]" for k, loop in enumerate(self.model.axes(row))} if row else {}
            for high, length in found.items():
                if high in known:
                    lines += [f"if {length} != {high}:", f'    raise ValueError(f"{word} has {{{length}}} steps, wanted {{{high}}}")']
                else:
                    known.add(high)
                    lines.append(f"{high} = {length}")
        for high in self.model.highs:
            if high not in known:
                raise self.unknown(high)
        return [*lines, *self.short(self.adjoint.entries)]

    def short(self, entries: tuple[Entry, ...] | list[Entry]) -> list[str]:
        """A length that the boundary cases do not fit in is refused."""
        from .instance import lags
        return [line for high, lag in lags(entries).items() if lag > 1
                for line in (f"if {high} < {lag}:", f'    raise ValueError("{high} is less than {lag}, which a step looks back")')]

    def forward(self) -> list[str]:
        lines = [line for base in self.model.loop_of for line in self.new_lists(base)]
        for item in self.model.items:
            lines += self.item(item)
            if isinstance(item, Loop):
                lines += [f"{self.place(total)} = sum({self.place(key)} {' '.join(map(over, self.model.summed(total)))})"
                          for total, key in self.model.totals.items() if not parts(total)[1] and parts(key)[0] in item.states]
        return lines

    def new_lists(self, base: str) -> list[str]:
        """The lists of a state, with room for its starts, and the starts that are given in them."""
        general = next(key for key in self.model.keys_of[base] if key not in self.starts(base))
        loops, made = self.model.axes(general), "None"
        for axis, loop in reversed(list(enumerate(loops))):
            count = f"{loop.high} + {1 + self.low(base, axis) + self.beyond(base, axis)}"
            made = f"[None] * ({count})" if made == "None" else f"[{made} for _ in range({count})]"
        lines = [f"{self.names.word(base)} = {made}"]
        for key in self.starts(base):
            if key in self.model.inputs:
                given = self.names.start(key) + brackets([i for i in parts(key)[1] if i.anchor in self.model.letters(key)], -1)
                lines += nested(self.model.axes(key), [f"{self.place(key)} = {given}"])
        return lines

    def item(self, item: Item) -> list[str]:
        if isinstance(item, Loop):
            steps = f"range(1, {item.high} + 1)" if item.step > 0 else f"range({item.high}, 0, -1)"
            return [f"for {item.index} in {steps}:", *indented([line for inner in item.body for line in self.item(inner)], 4)]
        return self.equation(item.expr, self.place(item.name))

    def equation(self, expr: Expr, target: str) -> list[str]:
        """`target = …`."""
        self.writer.bound = {}
        lines = []
        for k, node in enumerate(read_often(expr), 1):
            part = self.names.fresh(("part", k), f"part{k}")
            lines.append(f"{part} = {self.writer.code(node).text}")
            self.writer.bound[node] = part
        code = self.writer.code(expr)
        text = f"{code.text}.copy()" if type(expr) is Var and expr.rank else f"np.array({code.text})" if code.view or not names_in(expr) else code.text
        return [*lines, f"{target} = {text}"]

    # backward

    def backward(self) -> list[str]:
        lines: list[str] = []
        for entry in self.adjoint.entries:
            if isinstance(entry, Swept):
                keys = dict.fromkeys(self.model.key_of(e.name[len(bar("")):]) for case in entry.cases for e in case.equations)
                lines += [line for key in keys for line in self.new_cotangents(key)]
            lines += self.entry(entry)
        return lines

    def new_cotangents(self, key: str) -> list[str]:
        """The lists of a cotangent over loops."""
        made, general = "None", len(self.model.letters(key)) == len(parts(key)[1]) and key not in self.model.inputs and key not in self.model.rows
        for loop in reversed(self.model.axes(key)):
            count = f"({loop.high} + 1)" if general else loop.high
            made = f"[None] * {count}" if made == "None" else f"[{made} for _ in range({count.strip('()')})]"
        word = self.cotangent_at(key).partition("[")[0]
        return [f"{word} = {made}"]

    def entry(self, entry: Entry) -> list[str]:
        match entry:
            case Swept():
                return self.swept(entry)
            case Summed(name, sums, rest, _):
                target = self.place(name)
                lines = self.equation(rest, target) if rest is not None else [f"{target} = 0.0"]
                for summand in sums:
                    *before, last = self.equation(summand.expr, target)
                    lines += nested(summand.loops, [*before, last.replace(" = ", f" = {target} + ", 1)])
                return lines
            case Each(loops, inner):
                key = self.model.key_of((inner.name)[len(bar("")):])
                word = self.cotangent_at(key).partition("[")[0]
                stacked = [f"{word} = np.array({word})"] if parts(key)[0] in self.model.by_row else []
                return [*self.new_cotangents(key), *nested(loops, self.entry(inner)), *stacked]
        return self.equation(entry.expr, self.place(entry.name))

    def swept(self, entry: Swept) -> list[str]:
        """A loop backward: a branch for each of the last steps, one for all others."""
        loop, lag, cases = entry
        steps = f"range({loop.high}, 0, -1)" if loop.step > 0 else f"range(1, {loop.high} + 1)"
        lines = [f"for {loop.index} in {steps}:"]
        for case in cases:
            ahead = 4
            if lag:
                here = at(Index(loop.high, -(case.back or 0))) if loop.step > 0 else str(1 + (case.back or 0))
                word = "else:" if case.back is None else f"{'elif' if case.back else 'if'} {loop.index} == {here}:"
                lines.append(f"    {word}")
                ahead = 8
            lines += indented([line for inner in case.entries for line in self.entry(inner)], ahead)
        return lines

    # the module

    def source(self) -> str:
        body = [*self.arguments(), *self.forward(), "", *self.backward()]
        results = ", ".join(f'"{self.argument(name)}": {self.cotangent(name)}' for name in self.adjoint.wrt)
        words = [self.argument(name) for name in self.model.inputs]
        keywords = [*words, *self.callables()]
        if any(DTYPE.search(line) for line in body):
            arrays = [w for name, w in zip(self.model.inputs, words) if not self.listed(name)]
            body.insert(len(self.arguments()), f"dtype = np.result_type({', '.join(arrays)})" if arrays else "dtype = float")
        lines = [f'"""{self.adjoint.loss} and its gradients by {", ".join(map(self.argument, self.adjoint.wrt))}; needs NumPy alone."""',
                 "", "import numpy as np"]
        for helper in (AS_ARRAY, *self.writer.helpers.values()):
            lines += ["", "", helper.strip()]
        lines += ["", "", f"def value_and_grad(*, {', '.join(keywords)}):", *self.docstring(), *("    " + line if line else "" for line in body),
                  "", f"    return {self.place(self.adjoint.loss)}, {{{results}}}", ""]
        return "\n".join(lines)


def brackets(indices: tuple[Index, ...] | list[Index], shift: int) -> str:
    return "".join(f"[{at(index, shift)}]" for index in indices)


def over(loop: Loop) -> str:
    return f"for {loop.index} in range(1, {loop.high} + 1)"


def nested(loops: tuple[Loop, ...], body: list[str]) -> list[str]:
    """Lines inside loops over every step."""
    for loop in reversed(loops):
        body = [f"{over(loop)}:", *indented(body, 4)]
    return body


def read_lists(word: str, dims: str, depth: int) -> str:
    """An argument as an array, as a list of arrays, or as a list of lists of them."""
    rest = f", {dims}" if dims else ""
    if depth == 0:
        return f'as_array("{word}", {word}{rest})'
    if depth == 1:
        return f'[as_array(f"{word}[{{k}}]", value{rest}) for k, value in enumerate({word})]'
    return f'[[as_array(f"{word}[{{k}}][{{j}}]", value{rest}) for j, value in enumerate(values)] for k, values in enumerate({word})]'
