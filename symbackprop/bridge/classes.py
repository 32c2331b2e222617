"""SymPy matrix expressions that `sympy.lambdify` can print, where SymPy's own cannot.

Each is a `MatrixExpr` like any other; `_numpycode` is what SymPy's NumPy printer asks for.
"""

from __future__ import annotations

from collections.abc import Iterable

import sympy as sp
from sympy.printing.printer import Printer


class Elementwise(sp.MatrixExpr):
    """A scalar function applied entry by entry to one or more matrices of one shape."""

    def __new__(cls, function: sp.Lambda, *matrices: sp.MatrixExpr) -> Elementwise:
        return sp.Expr.__new__(cls, function, *matrices)

    @property
    def function(self) -> sp.Lambda:
        return self.args[0]

    @property
    def shape(self) -> tuple:
        return self.args[1].shape

    def _entry(self, i: sp.Expr, j: sp.Expr, **kwargs: object) -> sp.Expr:
        return self.function(*[m._entry(i, j, **kwargs) for m in self.args[1:]])

    def doit(self, **hints: object) -> Elementwise:
        return self.func(self.function, *[m.doit(**hints) for m in self.args[1:]])

    def _numpycode(self, printer: Printer) -> str:
        names = [sp.Dummy(f"x{k}", real=True) for k in range(len(self.args) - 1)]
        body = self.function(*names).rewrite(sp.Piecewise)
        inner = ", ".join(printer._print(name) for name in names)
        values = ", ".join(printer._print(m) for m in self.args[1:])
        return f"(lambda {inner}: {printer._print(body)})({values})"

    def _sympystr(self, printer: Printer) -> str:
        return f"{printer._print(self.function)}.({', '.join(printer._print(m) for m in self.args[1:])})"

    def _latex(self, printer: Printer) -> str:
        values = r",\, ".join(printer._print(m) for m in self.args[1:])
        return rf"{{\left({printer._print(self.function)}\right)}}_{{\circ}}\left({values}\right)"


class EntrywisePower(sp.HadamardPower):
    """Every entry raised to a number."""

    def _numpycode(self, printer: Printer) -> str:
        base = printer._print(self.base)
        exponent = self.exp
        if exponent.is_Integer and exponent < 0:
            return f"(1.0/({base})**{-int(exponent)})"
        return f"(({base})**({printer._print(exponent)}))"


class SizedOnes(sp.OneMatrix):
    """Ones whose symbolic sizes are read off the arrays that a function is given."""

    @property
    def shape(self) -> tuple:
        return self.args[:2]

    def _numpycode(self, printer: Printer) -> str:
        return f"numpy.ones(({', '.join(self.spelled(d, printer) for d in self.shape)}))"

    def spelled(self, dim: sp.Expr, printer: Printer) -> str:
        for source in self.args[2:]:
            for axis, known in enumerate(source.shape):
                if known == dim:
                    return f"{printer._print(source)}.shape[{axis}]"
        return printer._print(dim)

    def __new__(cls, m: sp.Expr, n: sp.Expr, *sources: sp.MatrixSymbol, **hints: object) -> SizedOnes:
        return sp.MatrixExpr.__new__(cls, m, n, *sources)


class SizedIdentity(SizedOnes):
    """The identity matrix, its symbolic size read off the arrays that a function is given."""

    is_Identity = True

    def _numpycode(self, printer: Printer) -> str:
        return f"numpy.eye({self.spelled(self.shape[0], printer)})"

    def _entry(self, i: sp.Expr, j: sp.Expr, **kwargs: object) -> sp.Expr:
        return sp.KroneckerDelta(i, j)

    def _sympystr(self, printer: Printer) -> str:
        return "I"

    def _latex(self, printer: Printer) -> str:
        return r"\mathbb{I}"


class PrintableTrace(sp.Trace):
    """A trace that NumPy code can say."""

    def _numpycode(self, printer: Printer) -> str:
        return f"numpy.trace({printer._print(self.arg)})"


class PrintableDeterminant(sp.Determinant):
    """A determinant that NumPy code can say."""

    def _numpycode(self, printer: Printer) -> str:
        return f"numpy.linalg.det({printer._print(self.arg)})"


def entrywise(base: sp.MatrixExpr, exponent: sp.Expr) -> sp.MatrixExpr:
    return EntrywisePower(base, exponent)


def sized(e: sp.Expr, symbols: Iterable[sp.Expr] = ()) -> sp.Expr:
    """`e` with ones and identities of symbolic size that know an array of that size: one in `e`, or else of `symbols`."""
    others = [s for s in symbols if isinstance(s, sp.MatrixSymbol)]
    sources = [*sorted(e.atoms(sp.MatrixSymbol), key=str), *sorted(others, key=str)]
    return dressed(e, sources)


def dressed(e: sp.Expr, sources: list[sp.MatrixSymbol]) -> sp.Expr:
    """`e` with every part, from the inside out, in a class that NumPy code can say."""
    if isinstance(e, sp.MatrixSymbol | sp.Lambda) or not e.args:
        return e
    args = tuple(dressed(a, sources) for a in e.args)
    e = e if args == e.args else e.func(*args)
    if type(e) in PRINTABLE:
        return PRINTABLE[type(e)](*e.args)
    if type(e) in (sp.OneMatrix, sp.Identity):
        known = [next((s for s in sources if d in s.shape), None) for d in e.shape if not d.is_number]
        if known and None not in known:
            kind = SizedIdentity if type(e) is sp.Identity else SizedOnes
            return kind(*e.shape, *dict.fromkeys(known))
    return e


PRINTABLE = {sp.Trace: PrintableTrace, sp.Determinant: PrintableDeterminant, sp.HadamardPower: EntrywisePower}
