"""The module around exported loops: its arguments, `value_and_grad`, `loss`."""

from __future__ import annotations

import re

import sympy as sp

from ..codegen.compiled import fact_test, quoted
from ..codegen.frame import function, helpers_for, mentions, step_function
from ..codegen.layout import WIDTH, condition, display, wrapped
from ..codegen.spell import Dialect
from ..expr import size
from ..targets import Options
from .adjoint import Adjoint
from .indexed import parts
from .instance import lags
from .together import StackingModule


class FileModule(StackingModule):
    """Writes one module. `library` is what the file says that it needs; `own` are the helpers that its spellings call."""

    library, imports, as_array, stack = "NumPy", ("import numpy as np",), "", "np.stack"
    own: tuple[str, ...] = ()
    loss_name, casts = "loss", True
    linalg, unless, taken_as = "np.linalg", "", "{0}"  # of tests of assumptions: when they are left out; how a step takes an argument

    def __init__(self, adjoint: Adjoint, dialect: Dialect, options: Options = Options()) -> None:
        super().__init__(adjoint, dialect)
        self.options = options
        self.bound: set[str] = set()

    # arguments

    def arguments(self) -> list[str]:
        """The lines that read the arguments and bind the sizes and the lengths of the loops."""
        lines, known = [], set()
        for name, var in self.model.inputs.items():
            word, deep = self.argument(name), len(self.listed(name))
            highs = [size(loop.high) for loop in self.given_room(name).loops] if deep else []
            dims = [self.writer.size(d) if d.free_symbols <= known else quoted(str(d)) for d in var.shape]
            lines += self.read_argument(name, dims)
            for axis, high in enumerate(highs):
                lines += self.length(word, axis, high, known)
            for axis, d in enumerate(var.shape):
                if d.is_Symbol and d not in known and not parts(d.name)[1]:
                    known.add(d)
                    lines.append(f"    {self.words[d]} = {word}{'[0]' * deep}.shape[{axis}]")
        if lacking := [high for high in self.model.highs if size(high) not in known]:
            raise self.unknown(lacking[0])
        return lines

    def length(self, word: str, axis: int, high: sp.Symbol, known: set[sp.Symbol]) -> list[str]:
        """What is given for every step tells the length of a loop, or has it."""
        new = high not in known
        known.add(high)
        lines = [f"    {high} = len({word}{'[0]' * axis})"] if new else []
        if axis:
            row = self.names.fresh(("list",), "each")
            return [*lines, f"    if any(len({row}) != {high} for {row} in {word}):", f'        raise ValueError(f"{word} has lists that are not of {{{high}}} steps")']
        if new:
            return lines
        return [f"    if len({word}) != {high}:", f'        raise ValueError(f"{word} has {{len({word})}} steps, wanted {{{high}}}")']

    def read_argument(self, name: str, dims: list[str]) -> list[str]:
        """An argument as an array, as a list of arrays, or as a list of lists of them."""
        word, deep = self.argument(name), len(self.listed(name))
        if not deep:
            return wrapped(f"{word} = as_array({', '.join([quoted(word), word, *dims])})", 4)
        value, values = self.names.fresh(("value",), "value_"), self.names.fresh(("values",), "values_")
        k, j = self.names.fresh(("k",), "k"), self.names.fresh(("j",), "j")
        label = f'f"{word}[{{{k}}}]' + (f'[{{{j}}}]"' if deep > 1 else '"')
        call = f"as_array({', '.join([label, value, *dims])})"
        if deep == 1:
            return listing(f"{word} = ", call, f"for {k}, {value} in enumerate({word})")
        return listing(f"{word} = ", f"[{call} for {j}, {value} in enumerate({values})]", f"for {k}, {values} in enumerate({word})")

    def each_of(self, name: str) -> str:
        """An argument among others that are given one by one."""
        word, deep = self.argument(name), len(self.listed(name))
        value, values = self.names.fresh(("value",), "value_"), self.names.fresh(("values",), "values_")
        return [word, f"*{word}", f"*({value} for {values} in {word} for {value} in {values})"][deep]

    def numbers(self) -> list[str]:
        """The arguments whose type is that of the results: all but those that hold places."""
        places = {fact.name for fact in self.model.facts if fact.kind == "index"}
        return [name for name in self.model.inputs if name not in places]

    def typed(self) -> list[str]:
        """The lines that make all arguments of one type, or say which it is."""
        return wrapped(f"dtype = np.result_type({', '.join(map(self.each_of, self.numbers()))})", 4)

    def short(self) -> list[str]:
        """A length that the boundary cases do not fit in is refused."""
        return [line for high, lag in lags(self.adjoint.entries).items() if lag > 1 for line in (
            f"    if {high} < {lag}:", f'        raise ValueError("{high} is less than {lag}, which a step looks back")')]

    def checks(self) -> list[str]:
        """The lines that test the declared facts."""
        lines, each = [], self.names.fresh(("list",), "each")
        for fact in self.model.facts:
            deep = len(parts(self.model.families[fact.name])[1]) if fact.name in self.model.families else 0
            if not deep and fact.name not in self.model.inputs:
                continue
            word, indent = self.names.word(fact.name), 4
            for _ in range(deep):
                lines.append(f"{' ' * indent}for {each} in {word}:")
                word, indent = each, indent + 4
            tests = ["check", *([self.unless.format(word)] if self.unless else []), f"not {fact_test(fact, word, self.writer.env, self.linalg)}"]
            lines += [*condition(tests, indent, "and"), *wrapped(f'raise ValueError("the data break the assumption {fact}")', indent + 4)]
        return lines

    def helpers(self) -> list[str]:
        """The texts of the functions that lines may call."""
        return list(self.own)

    # functions

    def source(self) -> str:
        made = self.functions()
        wrt = ", ".join(map(self.argument, self.adjoint.wrt))
        whole = [*self.as_array.rstrip().splitlines(), *helpers_for(self.helpers(), made), *made]
        standard = [f"import {module}" for module in ("itertools", "math") if mentions(whole, module)]
        return "\n".join([f'"""{self.adjoint.loss} and its gradients by {wrt}; needs {self.library} alone."""', "",
                          *standard, *[""] * bool(standard), *self.imports, *whole, ""])

    def functions(self) -> list[str]:
        """`value_and_grad` and `loss`."""
        forward = self.forward()
        backward = self.backward()
        loss = self.local(self.adjoint.loss)
        given = [*map(self.argument, self.model.inputs), *self.callables()]
        keywords, head = ["*", *given, "check=True"], [*self.arguments(), *self.short(), *self.checks()]
        made = self.whole("value_and_grad", keywords, f"Returns ({self.adjoint.loss}, {{name: gradient}}), each of its tensor's shape.",
                          head, [*forward, "", *backward, "", *self.returned()], self.said())
        made += self.whole(self.loss_name, keywords, f"Returns {self.adjoint.loss}; the arguments are those of value_and_grad.", head,
                           [*forward, f"    return {loss}"], [])
        if self.options.step:
            words = {self.argument(n): (self.taken_as, self.lists_of(n)) for n in self.adjoint.wrt}
            made += step_function(self.options.step, self.adjoint.loss, given, self.names.taken, words)
        return made

    def returned(self) -> list[str]:
        items = [f"{quoted(self.argument(name))}: {self.cotangent(name)}" for name in self.adjoint.wrt]
        return [*display("gradients = ", items, "{}", 4), f"    return {self.local(self.adjoint.loss)}, gradients"]

    def lists_of(self, name: str) -> int:
        """How many lists an argument stands in."""
        return len(self.listed(name))

    def whole(self, name: str, keywords: list[str], says: str, head: list[str], body: list[str], more: list[str]) -> list[str]:
        """A function; sizes that nothing reads are left out of its head."""
        kept = self.typed() if self.casts or mentions(body, "dtype") else []
        for line in reversed(head):
            bound = re.match(r" +(\w+) = .*\.shape\[\d+\]$", line)
            if not bound or mentions([*kept, *body], bound[1]):
                kept.insert(0, line)
        whole = [*kept, "", *body]
        return function(name, keywords, says, more, [line for at, line in enumerate(whole) if line or whole[at - 1]])

    def said(self) -> list[str]:
        return [line[4:] for line in self.docstring()[2:-1]]


def listing(head: str, entry: str, over: str) -> list[str]:
    """A list of one entry for each, at the indent of a function's body."""
    line = f"    {head}[{entry} {over}]"
    if len(line) <= WIDTH:
        return [line]
    short = f"        {entry} {over}"
    return [f"    {head}[", *([short] if len(short) <= WIDTH else [*wrapped(entry, 8), f"        {over}"]), "    ]"]
