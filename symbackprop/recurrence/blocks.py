"""The equations of one step as a block of lines, in any dialect.

What they read is bound to words first (`h_t_prev = h[t - 1]`), then they are spelled as the equations of plain models are.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator, Mapping

import sympy as sp

from ..codegen.arrays import Graph, Value
from ..codegen.compiled import Scope, read_often
from ..codegen.frame import mentions
from ..codegen.layout import wrapped
from ..codegen.lower import Lowering
from ..codegen.shards import Shards
from ..codegen.spell import Dialect, Speller
from ..codegen.terms import Writer
from ..codegen.workspace import needed
from ..errors import UnsupportedError
from ..expr import Expr, names_in, size
from ..program import Equation
from ..reverse import bar, is_bar
from .adjoint import Adjoint
from .indexed import Index, parts
from .rooms import RoomedModule

Target = tuple[str, Expr]  # the word of what is computed, and the right side


class Local(Mapping[str, str]):
    """Name -> the word that it has inside a block."""

    def __init__(self, module: BlockModule) -> None:
        self.module = module

    def __getitem__(self, name: str) -> str:
        return self.module.local(name)

    def __iter__(self) -> Iterator[str]:
        return iter(self.module.model.inputs)

    def __len__(self) -> int:
        return len(self.module.model.inputs)


class BlockModule(RoomedModule):
    """Writes the blocks of a module in a dialect, for one of several devices where `shards` are set."""

    shards: Shards | None = None

    def __init__(self, adjoint: Adjoint, dialect: Dialect) -> None:
        super().__init__(adjoint)
        self.dialect, self.scope = dialect, Scope(self.names.taken)
        counted = {*self.model.highs, *self.model.by_letter}
        self.words = {s: self.names.fresh(("size", s.name), self.size_word(s)) for s in self.sizes if s.name not in counted}
        self.words |= {s: s.name for s in (*self.sizes, *map(size, self.model.highs)) if s.name in counted}
        self.writer = Writer(Local(self), self.words, self.names.taken)
        self.lists = set(self.model.highs)
        self.read = {name for expr in self.expressions() for name in names_in(expr)}
        self.owned = {self.local(e.name) for e in adjoint.equations() if self.is_result(e.name)} | {self.local(adjoint.loss)}

    def is_result(self, name: str) -> bool:
        """Whether a cotangent is a gradient that the caller gets, or one entry of it."""
        key = self.model.key_of(name[len(bar("")):])
        return (parts(key)[0] if key in self.model.rows else key) in self.adjoint.wrt

    # words

    def size_word(self, symbol: sp.Symbol) -> str:
        base, indices = parts(symbol.name)
        return "_".join([base, *map(self.suffix, indices)])

    def local(self, name: str) -> str:
        """The word that a name has where it is read: of a step's value, `h_t` or `h_t_prev`."""
        lead, plain = ("d_", name[len(bar("")):]) if is_bar(name) else ("", name)
        base, indices = parts(plain)
        if base.startswith("Σ"):
            return self.names.fresh(("total", name), "_".join([f"total_{base[1:]}", *map(self.suffix, indices)]))
        if not indices:
            return self.names.word(base, lead)
        if not self.element(name):
            return self.names.start(self.model.key_of(plain), lead)
        return self.names.fresh(("at", name), "_".join([lead + base, *map(self.suffix, indices)]))

    def element(self, name: str) -> bool:
        """Whether a name is an entry of a list or an array."""
        plain = name[len(bar("")):] if is_bar(name) else name
        indices = parts(plain)[1]
        return bool(indices) and (plain.startswith("Σ") or bool(self.model.letters(self.model.key_of(plain))))

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
        leaves, own = {}, {word for word, _ in targets}
        for _, expr in targets:
            for name, var in names_in(expr).items():
                if (word := self.local(name)) not in own:
                    env[word] = leaves[word] = graph.make("input", (), tuple(self.writer.size(d) for d in var.shape), (word,))
        lowering = Lowering(graph, env, "\n".join(self.writer.helpers.values()), tuple(self.writer.callables), self.writer.shapes, self.kept)
        values = [lowering.line(ast.parse(text).body[0]) for text in texts]
        made, found = graph.values, {word: lowering.env[word] for word in results}
        if self.shards is not None:
            made = self.shards.renewed(graph.values, needed(graph.values, found))
            now = self.shards.made
            leaves, found = ({w: now[v] for w, v in group.items()} for group in (leaves, found))
            values = [(w, now[v]) for w, v in values]
        speller = Speller(self.dialect, needed(made, found), list(found.values()), {v: w for w, v in leaves.items()},
                          self.scope.numbered, indent)
        speller.functions = frozenset(self.writer.callables)
        for word, value in values:
            speller.labels.setdefault(value, word)
        lines = [line for word, value in values for line in speller.equation(word, value)]
        taken: set[Value] = set()
        for word in results:
            value, speller.lines = found[word], []
            if word in self.owned and speller.names.get(value) != word or value.is_const:
                text = speller.result(value, taken)
                lines += [*speller.lines, f"{word} = {text}"]
            elif speller.names.get(value) != word:
                text = speller.read(value).text
                lines += [*speller.lines, f"{word} = {text}"]
        return [part for line in lines for part in wrapped(line, indent)]

    def kept(self, name: str) -> bool:
        """Whether a helper has a spelling of its own here."""
        return name in self.dialect.helpers

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

    def reading(self, targets: list[Target]) -> dict[str, str]:
        """Word -> the source of what the targets read from lists and arrays."""
        own = {word for word, _ in targets}
        names = dict.fromkeys(name for _, expr in targets for name in names_in(expr) if self.element(name))
        return {word: self.place(name) for name in names if (word := self.local(name)) not in own}

    def computed(self, targets: list[Target], known: set[str], indent: int, results: list[str] | None = None) -> list[str]:
        """A block with the lines that it needs before it; `known` has the words that are there."""
        results = [word for word, _ in targets] if results is None else results
        lines = self.block(targets, results, indent)
        before = []
        for word, source in self.reading(targets).items():
            if word not in known and mentions(lines, word):
                before.append(f"{' ' * indent}{word} = {source}")
                known.add(word)
        known |= set(results)
        return [*self.index_sizes([*before, *lines], indent), *before, *lines]

    def index_sizes(self, lines: list[str], indent: int) -> list[str]:
        """The sizes of this step that the lines mention."""
        return [f"{' ' * indent}{word} = {self.size_at(symbol)}" for symbol, word in self.words.items()
                if parts(symbol.name)[1] and mentions(lines, word)]

    def size_at(self, symbol: sp.Symbol) -> str:
        """The source of a size."""
        if not self.sizes[symbol]:
            raise UnsupportedError(f"no argument has the size {symbol}, so a function could not know it")
        return self.sizes[symbol]
