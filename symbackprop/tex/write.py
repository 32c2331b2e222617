"""Forms -> LaTeX: the pieces of `TextWriter` as they look in a paper; where brackets go is decided there."""

from __future__ import annotations

import sympy as sp
from sympy.printing.latex import LatexPrinter

from ..expr import Apply
from ..forms import Unit
from ..notation import tex_name
from ..ops import SCALAR_OPS, TENSOR_OPS
from ..writing import ATOM, TextWriter

TRANSPOSES = {"top": r"^{\top}", "T": "^{T}", "intercal": r"^{\intercal}", "sfT": r"^{\mathsf{T}}", "prime": "'"}
TALL = (r"\frac", r"\begin", r"\sum", r"\sqrt")


class SizePrinter(LatexPrinter):
    """Scalars and sizes."""

    def _print_Symbol(self, expr: sp.Symbol) -> str:
        return tex_name(expr.name)


SIZES = SizePrinter()


class LatexWriter(TextWriter):
    """Forms as LaTeX."""

    minus, product, hadamard_signs = "-", " ", {"odot": r" \odot ", "circ": r" \circ "}
    quotient = r" \oslash "

    def is_tall(self, symbol: str) -> bool:
        return r"\frac" in symbol

    def brackets(self, text: str) -> str:
        return rf"\left( {text} \right)" if any(mark in text for mark in TALL) else f"({text})"

    def symbol(self, name: str) -> str:
        return self.symbols.get(name) or tex_name(name, self.notation.layers)

    def size(self, value: sp.Expr) -> str:
        return SIZES.doprint(value)

    def braced(self, text: str) -> str:
        """TeX refuses a second superscript on one symbol: W^{(1)} is grouped before a mark is put on it."""
        return f"{{{text}}}" if "^" in text and text[-1] not in ")|" else text

    def transpose_mark(self, text: str) -> str:
        return self.braced(text) + TRANSPOSES[self.notation.transpose]

    def fraction(self, above: str, below: str) -> tuple[str, int]:
        return rf"\frac{{{above}}}{{{below}}}", ATOM

    def fraction_of(self, above: str, below: str, count: int) -> tuple[str, int]:
        return self.fraction(above, below)

    def rational(self, value: sp.Expr) -> tuple[str, int]:
        above, below = value.as_numer_denom()
        if below != 1:
            return self.fraction(self.size(above), self.size(below))
        return super().rational(value)

    def raised(self, base: str, exponent: sp.Expr, entrywise: bool) -> str:
        base = self.braced(base)
        return rf"{base}^{{\odot {self.size(exponent)}}}" if entrywise else f"{base}^{{{self.size(exponent)}}}"

    def root(self, base: object) -> tuple[str, int]:
        return rf"\sqrt{{{self.form(base)[0]}}}", ATOM

    def bars(self, text: str) -> str:
        return rf"\lvert {text} \rvert"

    def norm_bars(self, text: str, order: int) -> str:
        return rf"\lVert {text} \rVert" + ("_{1}" if order == 1 else "")

    def indicator(self, condition: str) -> str:
        return rf"\mathbf{{1}}[{condition}]"

    def cases(self, condition: str, yes: str, no: str) -> str:
        return rf"\begin{{cases}} {yes} & {condition} \\ {no} & \text{{otherwise}} \end{{cases}}"

    def unit(self, form: Unit) -> tuple[str, int]:
        return (r"\mathbf{1}" if form.shape and form.shape[0] == sp.Symbol("n") and not form.shape[0].is_integer else "1"), ATOM

    def function_name(self, name: str) -> str:
        row = SCALAR_OPS.get(name)
        return row.tex if row and row.tex else tex_name(name)

    def tensor_name(self, node: Apply) -> str:
        row = TENSOR_OPS[node.op]
        along = self.along(node)
        return row.tex + (rf"_{{\text{{{along}}}}}" if along else "")

    def relation(self, name: str) -> str:
        return SCALAR_OPS[name].tex

    def primes(self, count: int) -> str:
        return "'" * count

    def arrow(self, left: str, right: str) -> str:
        return rf"({left} \mapsto {right})"

    def named(self, name: str, text: str) -> str:
        return rf"\operatorname{{{name}}}" + self.brackets(text)

    def arguments(self, name: str, args: list[str]) -> str:
        return name + self.brackets(", ".join(args))

    def inverse_mark(self, text: str, transposed: bool) -> str:
        return self.braced(text) + (r"^{-\top}" if transposed else "^{-1}")
