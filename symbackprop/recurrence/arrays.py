"""Exported loops for array libraries: lists with a Python loop, in any dialect; `scan` writes uniform loops of JAX anew.

Each step's equations become a block of lines: what they read is bound to words first (`h_t_prev = h[t - 1]`), then they are
spelled as the equations of plain models are.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator, Mapping

import sympy as sp

from ..codegen.arrays import Graph
from ..codegen.compiled import Scope, quoted, read_often
from ..codegen.frame import function, mentions
from ..codegen.layout import display, indented, wrapped
from ..codegen.lower import Lowering
from ..codegen.spell import Dialect, Speller
from ..codegen.terms import Writer
from ..codegen.workspace import needed
from ..errors import UnsupportedError
from ..expr import Expr, names_in, size
from ..program import Equation
from ..reverse import is_bar
from .adjoint import Adjoint, Each, Entry, Summed, Swept
from .code import LoopModule
from .indexed import Index, flat, named
from .model import Loop
from .words import at

Target = tuple[str, Expr]  # the word of what is computed, and the right side


class Local(Mapping[str, str]):
    """Name -> the word that it has inside a block."""

    def __init__(self, module: ArrayModule) -> None:
        self.module = module

    def __getitem__(self, name: str) -> str:
        return self.module.local(name)

    def __iter__(self) -> Iterator[str]:
        return iter(self.module.model.inputs)

    def __len__(self) -> int:
        return len(self.module.model.inputs)


class ArrayModule(LoopModule):
    """Writes one module in a dialect, every loop over lists. `library` is what the file says that it needs."""

    library, imports, as_array, stack = "NumPy", ("import numpy as np",), "", "np.stack"

    def __init__(self, adjoint: Adjoint, dialect: Dialect) -> None:
        super().__init__(adjoint)
        self.dialect, self.scope = dialect, Scope(self.names.taken)
        counted = {*self.model.highs, *self.model.by_letter}
        self.words = {s: self.names.fresh(("size", s.name), self.size_word(s)) for s in self.sizes if s.name not in counted}
        self.words |= {s: s.name for s in self.sizes if s.name in counted}
        self.writer = Writer(Local(self), self.words, self.names.taken)
        self.bound: set[str] = set()
        self.read = {name for expr in self.expressions() for name in names_in(expr)}

    # words

    def size_word(self, symbol: sp.Symbol) -> str:
        base, index = flat(symbol.name)
        return base if index is None else f"{base}_{self.suffix(index)}"

    def is_start(self, base: str, index: Index) -> bool:
        name = named(base, index)
        return name in self.model.inputs or any(isinstance(e, Equation) and e.name == name for e in self.model.items)

    def local(self, name: str) -> str:
        """The word that a name has where it is read: of a step's value, `h_t` or `h_t_prev`."""
        base, index = flat(name)
        lead = "d_" if is_bar(base) else ""
        base = base.lstrip("∂")
        if index is None or base.startswith("Σ"):
            return self.names[name]
        if self.is_start(base, index) and named(base, index) not in self.model.families.values():
            return self.names.start(named(base, index), lead)
        return self.names.fresh(("at", name), f"{lead}{base}_{self.suffix(index)}")

    def element(self, name: str) -> bool:
        """Whether a name is an entry of a list or an array."""
        base, index = flat(name)
        base = base.lstrip("∂")
        return index is not None and (not self.is_start(base, index) or named(base, index) in self.model.families.values())

    def place(self, name: str) -> str:
        """The source that reads such an entry."""
        base, index = flat(name)
        lead = "d_" if is_bar(base) else ""
        base = base.lstrip("∂")
        return f"{self.names.word(base, lead)}[{at(index, -self.first(base, bool(lead)))}]"

    def first(self, base: str, cotangent: bool = False) -> int:
        """The step that the first entry is of."""
        if base in self.model.families or base in self.model.by_row:
            return 1
        return -self.names.shift.get(base, 0) if not cotangent else 0

    def suffix(self, index: Index) -> str:
        """What stands behind a name for a step: t, t_prev, t_next2, T, T_1, 3."""
        if not index.anchor:
            return str(index.offset) if index.offset >= 0 else f"m{-index.offset}"
        if not index.offset:
            return index.anchor
        if index.anchor in self.model.highs:
            return f"{index.anchor}_{'m' if index.offset < 0 else ''}{abs(index.offset)}"
        return f"{index.anchor}_{'prev' if index.offset < 0 else 'next'}{abs(index.offset) if abs(index.offset) > 1 else ''}"

    # blocks

    def block(self, targets: list[Target], results: list[str], indent: int) -> list[str]:
        """The lines of some equations, each under its word; those of `results` are made in any case."""
        texts = [text for word, expr in targets for text in self.written(word, expr)]
        graph, env = Graph(False), {w: w for w in self.words.values()}
        leaves, made = {}, {word for word, _ in targets}
        for _, expr in targets:
            for name, var in names_in(expr).items():
                if (word := self.local(name)) not in made:
                    env[word] = leaves[word] = graph.make("input", (), tuple(self.writer.size(d) for d in var.shape), (word,))
        lowering = Lowering(graph, env, "\n".join(self.writer.helpers.values()), tuple(self.writer.callables), self.writer.shapes,
                            self.dialect.helpers.__contains__)
        values = [lowering.line(ast.parse(text).body[0]) for text in texts]
        wanted = [lowering.env[word] for word in results]
        speller = Speller(self.dialect, needed(graph.values, dict(enumerate(wanted))), wanted, {v: w for w, v in leaves.items()},
                          self.scope.numbered, indent)
        speller.functions = frozenset(self.writer.callables)
        for word, value in values:
            speller.labels.setdefault(value, word)
        lines = [line for word, value in values for line in speller.equation(word, value)]
        for word in results:
            value, speller.lines = lowering.env[word], []
            if speller.names.get(value) != word:
                text = self.dialect.number.format(speller.read(value).text) if value.is_const else speller.read(value).text
                lines += [*speller.lines, f"{word} = {text}"]
        return [part for line in lines for part in wrapped(line, indent)]

    def written(self, word: str, expr: Expr) -> list[str]:
        """The lines of one equation as NumPy."""
        lines, self.writer.bound = self.writer.lines, {}
        lines.clear()
        for node in read_often(expr):
            text = self.writer.code(node).text
            part = self.names.fresh(("part", word, node), f"{word}_part")
            lines.append(f"{part} = {text}")
            self.writer.bound[node] = part
        lines.append(f"{word} = {self.writer.code(expr).text}")
        return [line.strip() for line in lines]

    def reading(self, targets: list[Target], known: set[str], indent: int) -> list[str]:
        """The lines that bind what the targets read from lists and arrays; `known` has the words that are there."""
        lines = []
        own = {word for word, _ in targets}
        for _, expr in targets:
            for name in names_in(expr):
                if self.element(name) and (word := self.local(name)) not in known | own:
                    known.add(word)
                    lines.append(f"{' ' * indent}{word} = {self.place(name)}")
        return lines

    def computed(self, targets: list[Target], known: set[str], indent: int, results: list[str] | None = None) -> list[str]:
        """A block with the lines that it needs before it."""
        results = [word for word, _ in targets] if results is None else results
        lines = [*self.reading(targets, known, indent), *self.block(targets, results, indent)]
        known |= {word for word, _ in targets}
        return [*self.index_sizes(lines, indent), *lines]

    def index_sizes(self, lines: list[str], indent: int) -> list[str]:
        """The sizes of this step that the lines mention."""
        made = []
        for symbol, word in self.words.items():
            if flat(symbol.name)[1] is not None and mentions(lines, word):
                if not self.sizes[symbol]:
                    raise UnsupportedError(f"no argument has the size {symbol}, so a function could not know it")
                made.append(f"{' ' * indent}{word} = {self.sizes[symbol]}")
        return made

    # loops over lists

    def targets(self, equations: tuple[Equation, ...]) -> list[Target]:
        return [(self.local(e.name), e.expr) for e in equations]

    def new_list(self, loop: Loop, state: str) -> list[str]:
        """A list with room for the starts, and the starts in it."""
        word, shift = self.names.word(state), self.names.shift.get(state, 0)
        starts = [name for name in (*self.model.inputs, *(e.name for e in self.model.items if isinstance(e, Equation)))
                  if flat(name)[0] == state and flat(name)[1] is not None]
        extra = max((flat(name)[1].offset for name in starts if flat(name)[1].anchor), default=0)
        lines = [f"{word} = [None] * ({loop.high} + {1 + shift + extra})"]
        return lines + [f"{word}[{at(flat(name)[1], shift)}] = {self.names.start(name)}" for name in starts]

    def stored(self, equations: tuple[Equation, ...], known: set[str], indent: int) -> list[str]:
        """A block whose results go into their lists."""
        lines = self.computed(self.targets(equations), set(known), indent)
        return lines + [f"{' ' * indent}{self.place(e.name)} = {self.local(e.name)}" for e in equations]

    def looped(self, loop: Loop) -> list[str]:
        """A loop forward."""
        lines = [part for state in loop.states for part in indented(self.new_list(loop, state), 4)]
        steps = f"range(1, {loop.high} + 1)" if loop.step > 0 else f"range({loop.high}, 0, -1)"
        lines += [f"    for {loop.index} in {steps}:", *self.stored(loop.equations, self.bound, 8)]
        for total, key in self.model.totals.items():
            if (state := flat(key)[0]) in loop.states:
                lines.append(f"    {self.names[total]} = sum({self.names.word(state)}[{1 - self.first(state)} :])")
        return lines

    def swept_list(self, entry: Swept) -> list[str]:
        """A loop backward: a branch for each of the last steps, one for all others."""
        loop, lag, cases = entry
        lines = [f"    {self.names.word(flat(e.name)[0].lstrip('∂'), 'd_')} = [None] * ({loop.high} + 1)" for e in cases[-1].equations]
        steps = f"range({loop.high}, 0, -1)" if loop.step > 0 else f"range(1, {loop.high} + 1)"
        lines.append(f"    for {loop.index} in {steps}:")
        for case in cases:
            if not lag:
                return lines + self.stored(case.equations, self.bound, 8)
            here = at(Index(loop.high, -(case.back or 0))) if loop.step > 0 else str(1 + (case.back or 0))
            word = "else:" if case.back is None else f"{'elif' if case.back else 'if'} {loop.index} == {here}:"
            lines += [f"        {word}", *self.stored(case.equations, self.bound, 12)]
        return lines

    def summed_list(self, entry: Summed) -> list[str]:
        """The shares of every step, added in a loop."""
        word, lines = self.local(entry.name), self.first_share(entry)
        for summand in entry.sums:
            share = self.names.fresh(("share", word), f"{word}_share")
            lines += [f"    for {summand.loops[0].index} in range(1, {summand.loops[0].high} + 1):",
                      *self.computed([(share, summand.expr)], set(self.bound), 8), f"        {word} = {word} + {share}"]
        return lines

    def first_share(self, entry: Summed) -> list[str]:
        word = self.local(entry.name)
        if entry.rest is not None:
            return self.computed([(word, entry.rest)], self.bound, 4)
        zeros = f"{self.dialect.module}.zeros({self.writer.shape(entry.shape) if entry.shape else '()'}, {self.dialect.made})"
        return wrapped(f"{word} = {zeros}", 4)

    def each_list(self, entry: Each) -> list[str]:
        equation, [loop] = entry.entry, entry.loops
        base = flat(equation.name)[0].lstrip("∂")
        word = self.names.word(base, "d_")
        lines = [f"    {word} = [None] * {loop.high}", f"    for {loop.index} in range(1, {loop.high} + 1):"]
        share = self.local(equation.name)
        lines += [*self.computed([(share, equation.expr)], set(self.bound), 8), f"        {word}[{loop.index} - 1] = {share}"]
        return lines + ([f"    {word} = {self.stack}({word})"] if base in self.model.by_row else [])

    # the module

    def forward(self) -> list[str]:
        lines: list[str] = []
        for item in self.model.items:
            lines += self.looped(item) if isinstance(item, Loop) else self.computed([(self.local(item.name), item.expr)], self.bound, 4)
        return lines

    def backward(self) -> list[str]:
        return [line for entry in self.adjoint.entries for line in self.entry(entry)]

    def entry(self, entry: Entry) -> list[str]:
        match entry:
            case Swept():
                return self.swept_list(entry)
            case Summed():
                return self.summed_list(entry)
            case Each():
                return self.each_list(entry)
        word = self.local(entry.name)
        return self.computed([(word, entry.expr)], self.bound, 4, [word] if entry.name in self.read or entry.name[1:] in self.adjoint.wrt else [])

    def arguments(self) -> list[str]:
        """The lines that read the arguments and bind the sizes and the lengths of the loops."""
        lines, known = [], set()
        for name, var in self.model.inputs.items():
            word, family = self.argument(name), name in self.model.families.values()
            lines += self.read_argument(word, name, [self.writer.size(d) if d.free_symbols <= known else quoted(str(d)) for d in var.shape])
            for axis, d in enumerate(var.shape):
                if d.is_Symbol and d not in known and flat(d.name)[1] is None:
                    known.add(d)
                    lines.append(f"    {self.words[d]} = {word}{'[0]' * family}.shape[{axis}]")
            if family:
                lines += self.length(word, self.model.loop_over[flat(name)[0]].high, known)
        if lacking := [high for high in self.model.highs if not any(s.name == high for s in known)]:
            raise self.unknown(lacking[0])
        return lines

    def length(self, word: str, high: str, known: set[sp.Symbol]) -> list[str]:
        """A family tells the length of its loop, or has it."""
        symbol = next((s for s in known if s.name == high), None)
        if symbol is None:
            known.add(size(high))
            return [f"    {high} = len({word})"]
        return [f"    if len({word}) != {high}:", f'        raise ValueError(f"{word} has {{len({word})}} steps, wanted {{{high}}}")']

    def read_argument(self, word: str, name: str, dims: list[str]) -> list[str]:
        if name in self.model.families.values():
            value = self.names.fresh(("value",), "value_")
            k = self.names.fresh(("k",), "k_")
            return wrapped(f"{word} = [{', '.join([f'as_array(f{quoted(word)[:-1]}[{{{k}}}]{chr(34)}', value, *dims])}) for {k}, {value} in enumerate({word})]", 4)
        return wrapped(f"{word} = as_array({', '.join([quoted(word), word, *dims])})", 4)

    def typed(self) -> list[str]:
        """The lines that make all arguments of one type."""
        families = [self.argument(n) for n in self.model.inputs if n in self.model.families.values()]
        words = [f"*{w}" if w in families else w for w in map(self.argument, self.model.inputs)]
        return [*wrapped(f"dtype = np.result_type({', '.join(words)})", 4)]

    def short(self) -> list[str]:
        """A length that the boundary cases do not fit in is refused."""
        return [line for entry in self.adjoint.entries if isinstance(entry, Swept) and entry.lag > 1
                for line in (f"    if {entry.loop.high} < {entry.lag}:",
                             f'        raise ValueError("{entry.loop.high} is less than {entry.lag}, which a step looks back")')]

    def source(self) -> str:
        made = self.functions()
        wrt = ", ".join(map(self.argument, self.adjoint.wrt))
        return "\n".join([f'"""{self.adjoint.loss} and its gradients by {wrt}; needs {self.library} alone."""', "", *self.imports,
                          *self.as_array.rstrip().splitlines(), *made, ""])

    loss_name = "loss"

    def functions(self) -> list[str]:
        """`value_and_grad` and `loss`."""
        forward = self.forward()
        backward = self.backward()
        loss = self.names[self.adjoint.loss]
        items = [f"{quoted(self.argument(name))}: {self.cotangent(name)}" for name in self.adjoint.wrt]
        ending = [*display("gradients = ", items, "{}", 4), f"    return {loss}, gradients"]
        keywords = ["*", *map(self.argument, self.model.inputs), *self.callables()]
        head = [*self.arguments(), *self.typed(), *self.short()]
        made = self.whole("value_and_grad", keywords, f"Returns ({self.adjoint.loss}, {{name: gradient}}), each of its tensor's shape.",
                          head, [*forward, "", *backward, "", *ending], self.said())
        return made + self.whole(self.loss_name, keywords, f"Returns {self.adjoint.loss}; the arguments are those of value_and_grad.", head,
                                 [*forward, f"    return {loss}"], [])

    def whole(self, name: str, keywords: list[str], says: str, head: list[str], body: list[str], more: list[str]) -> list[str]:
        kept: list[str] = []
        for line in reversed(head):
            bound = re.match(r" +(\w+) = .*\.shape\[\d+\]$", line)
            if not bound or mentions([*kept, *body], bound[1]):
                kept.insert(0, line)
        whole = [*kept, "", *body]
        return function(name, keywords, says, more, [line for at, line in enumerate(whole) if line or whole[at - 1]])

    def said(self) -> list[str]:
        return [line[4:] for line in self.docstring()[2:-1]]
