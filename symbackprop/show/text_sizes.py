"""Numbers and sizes as Unicode text: `2 B`, `n²`, `√k`."""

from __future__ import annotations

import sympy as sp
from sympy.printing.precedence import PRECEDENCE
from sympy.printing.str import StrPrinter

SUPERSCRIPTS = str.maketrans("0123456789-", "⁰¹²³⁴⁵⁶⁷⁸⁹⁻")


class SizePrinter(StrPrinter):
    """SymPy's own text, with the signs of a formula."""

    def _print_Pow(self, expr: sp.Pow, rational: bool = False) -> str:
        base = self.parenthesize(expr.base, PRECEDENCE["Pow"])
        if expr.exp == sp.Rational(1, 2):
            return "√" + self.parenthesize(expr.base, PRECEDENCE["Atom"], strict=True)
        if expr.exp.is_Integer and expr.exp > 1:
            return base + str(expr.exp).translate(SUPERSCRIPTS)
        return super()._print_Pow(expr, rational)

    def _print_Mul(self, expr: sp.Mul) -> str:
        return super()._print_Mul(expr).replace("*", " ")


SIZES = SizePrinter()
