"""What exported loops have in common: the names of arguments and gradients, where sizes are found, the docstring."""

from __future__ import annotations

import sympy as sp

from ..codegen.compiled import opaque_names
from ..errors import UnsupportedError
from ..expr import Expr, Shape, names_in, show_shape, size
from ..program import Equation, Program
from .adjoint import Adjoint
from .indexed import Index, parts
from .words import Names, at


class LoopModule:
    """One module. An input with letters (`W[l]`, `h[l,0]`) is given as a list, for two letters as a list of lists."""

    def __init__(self, adjoint: Adjoint) -> None:
        self.adjoint, self.model = adjoint, adjoint.model
        self.names = Names(self.model, self.callables())
        read = {e for expr in self.expressions() for e in (expr, *names_in(expr).values())}
        letters = {size(letter) for letter in self.model.by_letter}
        dims = letters | {s for e in (*self.model.inputs.values(), *read) for d in e.shape for s in d.free_symbols}
        self.sizes = {symbol: self.size_code(symbol) for symbol in sorted(dims, key=str)}

    def expressions(self) -> list[Expr]:
        return [*self.model.expressions(), *(e.expr for e in self.adjoint.equations())]

    def callables(self) -> list[str]:
        program = Program({}, tuple(Equation(f"e{k}", e) for k, e in enumerate(self.expressions())))
        return opaque_names(program)

    def size_code(self, symbol: sp.Symbol) -> str:
        """Where the code finds a size: the axis of an argument that has it."""
        if symbol.name in self.model.highs or symbol.name in self.model.by_letter:
            return symbol.name
        base, indices = parts(symbol.name)
        for name, var in self.model.inputs.items():
            letters, word = self.listed(name), self.argument(name)
            for axis, dim in enumerate(var.shape):
                own, running = parts(str(dim))
                if dim == symbol and not (set(letters) & {i.anchor for i in indices}):
                    return f"{word}{'[0]' * len(letters)}.shape[{axis}]"
                if indices and own == base and len(letters) == len(running) == 1 and running[0].anchor == letters[0] \
                        and self.there(indices[0], running[0]):
                    return f"{word}[{at(indices[0], -running[0].offset - 1)}].shape[{axis}]"
        return ""

    def there(self, wanted: Index, own: Index) -> bool:
        """Whether a family with sizes at `own` has the one at `wanted` at every step that asks for it: n[l-1] is no size of the
        first of those with n[l]."""
        ahead = wanted.offset - own.offset
        return ahead >= 0 if wanted.anchor == own.anchor else ahead == 0 and wanted.anchor == self.model.by_letter[own.anchor].high

    def listed(self, name: str) -> tuple[str, ...]:
        """The letters of the lists that an argument is."""
        return self.model.letters(name)

    def argument(self, name: str) -> str:
        """The word of an argument."""
        base, indices = parts(name)
        return self.names.word(base) if not indices or name in self.model.families.values() else self.names.start(name)

    def cotangent(self, name: str) -> str:
        """The word of the gradient of an argument."""
        base, indices = parts(name)
        return self.names.word(base, "d_") if not indices or name in self.model.families.values() else self.names.start(name, "d_")

    def docstring(self) -> list[str]:
        lines = [f'    """Returns ({self.adjoint.loss}, {{name: gradient}}), each gradient of its tensor\'s shape.', ""]
        for name, var in self.model.inputs.items():
            what = show_shape(var.shape)
            lines.append(f"    {self.argument(name)}: {f'{self.what(name)}, {name} of them {what}' if self.listed(name) else what}")
        lines += [f"    {f}: an elementwise function of an array" for f in self.callables()]
        lines += [f"    assumed: {fact}" for fact in self.model.facts]
        raises = ["    Raises ValueError where a shape does not fit,", "    or, unless check=False, where an assumption fails."]
        return [*lines, "", *(raises if self.model.facts else ["    Raises ValueError where a shape does not fit."]), '    """']

    def what(self, name: str) -> str:
        """How a family is given."""
        *outer, last = (self.model.by_letter[letter].high for letter in self.listed(name))
        return "".join(f"a list of {high} lists, each " for high in outer) + f"a list of {last} arrays"

    def unknown(self, high: str) -> UnsupportedError:
        return UnsupportedError(f"no argument has {high} entries, so a function could not know it")

    def shape_text(self, shape: Shape) -> str:
        return ", ".join(str(d) if d.is_Integer else f'"{d}"' for d in shape)
