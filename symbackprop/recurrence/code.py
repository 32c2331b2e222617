"""A model with loops and its derivation as a NumPy module: a loop forward, a loop backward, any length when called.

What the backward loop needs is kept in lists, one entry a step. A family `W[l]` is a list of arrays, an array of rows an
array, a start `h[0]` an argument `h0`.
"""

from __future__ import annotations

import sympy as sp

from ..codegen.compiled import opaque_names, read_often
from ..codegen.terms import Writer
from ..codegen.workspace import AS_ARRAY, DTYPE
from ..errors import UnsupportedError
from ..expr import Expr, Var, names_in, show_shape
from ..program import Equation, Program
from ..reverse import bar
from .adjoint import Adjoint, Each, Summed, Swept
from .indexed import Index, parts
from .model import Loop
from .words import Names, at


class LoopModule:
    """Writes one module."""

    def __init__(self, adjoint: Adjoint) -> None:
        self.adjoint, self.model = adjoint, adjoint.model
        self.names = Names(self.model, self.callables())
        dims = self.dims()
        read = {e for expr in self.expressions() for e in (expr, *names_in(expr).values())}
        self.sizes = {symbol: self.size_code(symbol, dims) for symbol in sorted(dims | {s for e in read for d in e.shape for s in d.free_symbols}, key=str)}
        self.writer = Writer(self.names, {s: code for s, code in self.sizes.items() if code}, self.names.taken)

    def expressions(self) -> list[Expr]:
        return [*self.model.expressions(), *(e.expr for e in self.adjoint.equations())]

    def dims(self) -> set[sp.Symbol]:
        return {s for var in self.model.inputs.values() for d in var.shape for s in d.free_symbols}

    def size_code(self, symbol: sp.Symbol, dims: set[sp.Symbol]) -> str:
        """Where the code finds a size: the axis of an argument that has it."""
        if symbol.name in self.model.highs:
            return symbol.name
        base, index = parts(symbol.name)
        for name, var in self.model.inputs.items():
            for axis, dim in enumerate(var.shape):
                if dim == symbol and (index is None or not parts(name)[1] or not parts(name)[1].anchor):
                    return f"{self.argument(name)}{'[0]' * (name in self.model.families.values())}.shape[{axis}]"
                family, own = parts(name)[1], parts(str(dim))
                if index is not None and family and family.anchor and own[0] == base and own[1] and own[1].anchor == index.anchor:
                    return f"{self.names.word(parts(name)[0])}[{at(index, -own[1].offset - 1)}].shape[{axis}]"
        return ""

    def argument(self, name: str) -> str:
        base, index = parts(name)
        if index is None or index.anchor and name in self.model.families.values():
            return self.names.word(base)
        return self.names.start(name)

    def cotangent(self, name: str) -> str:
        """The word of the gradient of an argument."""
        base, index = parts(name)
        plain = index is None or name in self.model.families.values()
        return self.names.word(base, "d_") if plain else self.names.start(name, "d_")

    def source(self) -> str:
        body = [*self.arguments(), *self.forward(), "", *self.backward()]
        results = ", ".join(f'"{self.argument(name)}": {self.cotangent(name)}' for name in self.adjoint.wrt)
        words = [self.argument(name) for name in self.model.inputs]
        keywords = [*words, *self.callables()]
        if any(DTYPE.search(line) for line in body):
            arrays = [w for name, w in zip(self.model.inputs, words) if name not in self.model.families.values()]
            body.insert(len(self.arguments()), f"dtype = np.result_type({', '.join(arrays)})" if arrays else "dtype = float")
        lines = [f'"""{self.adjoint.loss} and its gradients by {", ".join(map(self.argument, self.adjoint.wrt))}; needs NumPy alone."""',
                 "", "import numpy as np"]
        for helper in (AS_ARRAY, *self.writer.helpers.values()):
            lines += ["", "", helper.strip()]
        lines += ["", "", f"def value_and_grad(*, {', '.join(keywords)}):", *self.docstring(), *("    " + line if line else "" for line in body),
                  "", f"    return {self.names[self.adjoint.loss]}, {{{results}}}", ""]
        return "\n".join(lines)

    def callables(self) -> list[str]:
        program = Program({}, tuple(Equation(f"e{k}", e) for k, e in enumerate(self.expressions())))
        return opaque_names(program)

    def docstring(self) -> list[str]:
        lines = [f'    """Returns ({self.adjoint.loss}, {{name: gradient}}), each gradient of its tensor\'s shape.', ""]
        for name, var in self.model.inputs.items():
            what = show_shape(var.shape)
            if name in self.model.families.values():
                what = f"{self.what(name)}, {name} of them {what}"
            lines.append(f"    {self.argument(name)}: {what}")
        lines += [f"    {f}: an elementwise function of an array" for f in self.callables()]
        return [*lines, "", "    Raises ValueError where a shape does not fit.", '    """']

    def what(self, name: str) -> str:
        """How a family is given."""
        return f"a list of {self.model.loop_over[parts(name)[0]].high} arrays"

    def arguments(self) -> list[str]:
        """The lines that read the arguments and the lengths of the loops."""
        lines, known = [], set()
        for name, var in self.model.inputs.items():
            word, dims = self.argument(name), ", ".join(str(d) if d.is_Integer else f'"{d}"' for d in var.shape)
            if name in self.model.families.values():
                high = self.model.loop_over[parts(name)[0]].high
                lines.append(f'{word} = [as_array(f"{word}[{{k}}]", value{", " + dims if dims else ""}) for k, value in enumerate({word})]')
                length = f"len({word})"
            else:
                lines.append(f'{word} = as_array("{word}", {word}{", " + dims if dims else ""})')
                high = self.names.by_row[name].high if name in self.names.by_row else None
                length = f"{word}.shape[0]"
            if high is not None and high in known:
                lines += [f"if {length} != {high}:", f'    raise ValueError(f"{word} has {{{length}}} steps, wanted {{{high}}}")']
            elif high is not None:
                known.add(high)
                lines.append(f"{high} = {length}")
        lacking = [high for high in self.model.highs if high not in known]
        if lacking:
            raise UnsupportedError(f"no argument has {lacking[0]} entries, so a function could not know it")
        return lines

    def forward(self) -> list[str]:
        lines: list[str] = []
        for item in self.model.items:
            if not isinstance(item, Loop):
                name = self.names[item.name] if parts(item.name)[1] is None else self.names.start(item.name)
                lines += self.equation(item.expr, name)
                continue
            for state in item.states:
                lines += self.new_list(item, state)
            steps = f"range(1, {item.high} + 1)" if item.step > 0 else f"range({item.high}, 0, -1)"
            lines.append(f"for {item.index} in {steps}:")
            lines += ["    " + line for e in item.equations for line in self.equation(e.expr, self.names[e.name])]
            for total, state in self.model.totals.items():
                if state in item.states:
                    lines.append(f"{self.names[total]} = sum({self.names.word(state)}[{at(Index(item.index), self.names.shift.get(state, 0))}] "
                                 f"for {item.index} in range(1, {item.high} + 1))")
        return lines

    def new_list(self, loop: Loop, state: str) -> list[str]:
        """A list with room for the starts, and the starts in it."""
        word, shift = self.names.word(state), self.names.shift.get(state, 0)
        starts = [name for name in (*self.model.inputs, *(e.name for e in self.model.items if isinstance(e, Equation)))
                  if parts(name)[0] == state and parts(name)[1] is not None]
        extra = max((parts(name)[1].offset for name in starts if parts(name)[1].anchor), default=0)
        lines = [f"{word} = [None] * ({loop.high} + {1 + shift + extra})"]
        return lines + [f"{word}[{at(parts(name)[1], shift)}] = {self.names.start(name)}" for name in starts]

    def equation(self, expr: Expr, target: str) -> list[str]:
        """`target = …`; a start is read from its list once the list is there, from its own name before."""
        self.writer.bound = {}
        lines = []
        for k, node in enumerate(read_often(expr), 1):
            part = self.names.fresh(("part", k), f"part{k}")
            lines.append(f"{part} = {self.writer.code(node).text}")
            self.writer.bound[node] = part
        code = self.writer.code(expr)
        text = f"{code.text}.copy()" if type(expr) is Var and expr.rank else f"np.array({code.text})" if code.view or not names_in(expr) else code.text
        return [*lines, f"{target} = {text}"]

    def backward(self) -> list[str]:
        lines: list[str] = []
        for entry in self.adjoint.entries:
            match entry:
                case Swept(loop, lag, cases):
                    lines += self.swept(loop, lag, cases)
                case Summed(name, sums, rest, _):
                    word = self.names[name]
                    first = self.equation(rest, word) if rest is not None else [f"{word} = 0.0"]
                    lines += first
                    for summand in sums:
                        *parts_, last = self.equation(summand.expr, word)
                        lines.append(f"for {summand.loop.index} in range(1, {summand.loop.high} + 1):")
                        lines += ["    " + line for line in (*parts_, last.replace(" = ", f" = {word} + ", 1))]
                case Each(loop, equation):
                    base = parts(equation.name)[0].lstrip("∂")
                    word = self.names.word(base, "d_")
                    lines += [f"{word} = [None] * {loop.high}", f"for {loop.index} in range(1, {loop.high} + 1):"]
                    lines += ["    " + line for line in self.equation(equation.expr, self.names[equation.name])]
                    lines += [f"{word} = np.stack({word})"] if base in self.names.by_row else []
                case Equation(name, expr):
                    lines += self.equation(expr, self.names[name])
        return lines

    def swept(self, loop: Loop, lag: int, cases: tuple) -> list[str]:
        states = dict.fromkeys(parts(e.name)[0] for case in cases for e in case.equations)
        extra = max([1, *self.names.shift.values()]) + 1
        lines = [f"{self.names.word(base.lstrip('∂'), 'd_')} = [None] * ({loop.high} + {extra})" for base in states]
        steps = f"range({loop.high}, 0, -1)" if loop.step > 0 else f"range(1, {loop.high} + 1)"
        lines.append(f"for {loop.index} in {steps}:")
        for case in cases:
            ahead = "    "
            if lag:
                here = at(Index(loop.high, -(case.back or 0))) if loop.step > 0 else str(1 + (case.back or 0))
                word = "else:" if case.back is None else f"{'elif' if case.back else 'if'} {loop.index} == {here}:"
                lines.append(f"    {word}")
                ahead = "        "
            lines += [ahead + line for e in case.equations for line in self.equation(e.expr, self.names[e.name])]
        return lines
