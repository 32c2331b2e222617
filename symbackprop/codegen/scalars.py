"""Numbers and scalar SymPy expressions as NumPy source.

Constants come out as Python floats, so that they do not turn float32 arrays into float64.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import NamedTuple

import sympy as sp

from ..errors import UnsupportedError

SUM, NEGATIVE, MATMUL, PRODUCT, POWER, ATOM = range(6)  # how tightly a piece of source binds


class Code(NamedTuple):
    """A piece of source, how tightly it binds, and what NumPy will see.

    `covered` are the axes along which the array has its full extent; along the others it only broadcasts. A `view` may
    share memory with what it was made from; a `flag` is an array of booleans.
    """

    text: str
    level: int
    covered: frozenset[int] = frozenset()
    view: bool = False
    flag: bool = False

    def wrap(self, least: int = ATOM) -> str:
        return self.text if self.level >= least else f"({self.text})"


FUNCTIONS = {
    sp.exp: "np.exp", sp.log: "np.log", sp.tanh: "np.tanh", sp.sin: "np.sin", sp.cos: "np.cos", sp.tan: "np.tan",
    sp.sinh: "np.sinh", sp.cosh: "np.cosh", sp.asin: "np.arcsin", sp.acos: "np.arccos", sp.atan: "np.arctan",
    sp.Abs: "np.abs", sp.sign: "np.sign", sp.erf: "erf", sp.asinh: "np.arcsinh", sp.acosh: "np.arccosh",
    sp.atanh: "np.arctanh", sp.floor: "np.floor", sp.ceiling: "np.ceil",
}
RELATIONS = {sp.StrictGreaterThan: ">", sp.StrictLessThan: "<", sp.GreaterThan: ">=", sp.LessThan: "<=",
             sp.Equality: "==", sp.Unequality: "!="}
NAME = re.compile(r"[A-Za-z_]\w*\Z")
RowCall = Callable[[str, list[Code]], Code]


def number(value: sp.Expr, sizes: Mapping[sp.Symbol, Code]) -> Code:
    """A constant, possibly in sizes."""
    return expression(value if isinstance(value, sp.Basic) else sp.Number(value), sizes, no_rows)


def whole(value: sp.Expr, sizes: Mapping[sp.Symbol, Code]) -> Code:
    """An integer in sizes, in integers all the way: a floor becomes `//`."""
    if value.is_Integer:
        return negated(Code(str(-int(value)), ATOM)) if value.is_negative else Code(str(int(value)), ATOM)
    match value:
        case sp.Symbol():
            return expression(value, sizes, no_rows)
        case sp.Add():
            terms = sorted(ordered(value), key=lambda t: (t.could_extract_minus_sign() and not t.is_number, t.is_number))
            return sum_code([whole(term, sizes) for term in terms])
        case sp.floor():
            above, below = (whole(part, sizes) for part in value.args[0].as_numer_denom())
            return Code(f"{above.wrap(PRODUCT)} // {below.wrap(POWER)}", PRODUCT)
        case sp.Mul() if value.as_coeff_Mul()[0].is_negative:
            return negated(whole(-value, sizes))
        case sp.Mul():
            return Code(" * ".join(whole(factor, sizes).wrap(POWER) for factor in value.args), PRODUCT)
        case sp.Pow() if value.exp.is_Integer and value.exp > 0:
            return Code(f"{whole(value.base, sizes).wrap()} ** {int(value.exp)}", POWER)
    return Code(f"int({number(value, sizes).text})", ATOM)


def no_rows(name: str, args: list[Code]) -> Code:
    raise UnsupportedError(f"the function {name} has no NumPy spelling")


def plain(value: sp.Expr) -> Code:
    """A number without symbols."""
    if value.is_Rational and value.is_negative:
        return negated(plain(-value))
    if value.is_Integer:
        return Code(f"{int(value)}.0", ATOM)
    if value.is_Rational:
        short = repr(float(value))
        if sp.Rational(short) == value:
            return Code(short, ATOM)
        return Code(f"{int(value.p)}.0 / {int(value.q)}.0", PRODUCT)
    if value is sp.pi:
        return Code("np.pi", ATOM)
    if value.is_Pow and value.exp == sp.Rational(1, 2) and value.base.is_Integer:
        return Code(f"{int(value.base)}.0 ** 0.5", POWER)
    if not value.is_real:
        raise UnsupportedError(f"the number {value} is not real")
    made = repr(float(value.evalf(25)))
    return negated(Code(made[1:], ATOM)) if made.startswith("-") else Code(made, ATOM)


def negated(code: Code) -> Code:
    if code.level == NEGATIVE:
        return Code(code.text[1:], PRODUCT, code.covered)
    return Code("-" + code.wrap(PRODUCT), NEGATIVE, code.covered)


def expression(expr: sp.Expr, env: Mapping[sp.Symbol, Code], rows: RowCall) -> Code:
    """`expr` with its symbols replaced; `rows` spells a function of the product's own table."""
    if not expr.free_symbols and not expr.atoms(sp.core.function.AppliedUndef) and expr.is_number:
        return plain(expr)
    match expr:
        case sp.Symbol():
            if expr not in env:
                raise UnsupportedError(f"the size {expr} is the size of no argument")
            return env[expr]
        case sp.Add():
            return sum_code([expression(arg, env, rows) for arg in ordered(expr)])
        case sp.Mul():
            return product_code(expr, env, rows)
        case sp.Pow():
            return power(expression(expr.base, env, rows), expr.exp, lambda e: expression(e, env, rows), is_of_sizes(expr))
        case sp.Piecewise():
            return piecewise(expr, env, rows)
        case sp.Max() | sp.Min():
            made, *others = [expression(arg, env, rows).text for arg in expr.args]
            for other in others:
                made = f"np.{'maximum' if isinstance(expr, sp.Max) else 'minimum'}({made}, {other})"
            return Code(made, ATOM)
        case sp.Heaviside():
            return Code(f"np.heaviside({expression(expr.args[0], env, rows).text}, 0.0)", ATOM)
        case sp.DiracDelta():
            return Code("0.0", ATOM)
    return function_code(expr, env, rows)


def function_code(expr: sp.Expr, env: Mapping[sp.Symbol, Code], rows: RowCall) -> Code:
    if type(expr) in RELATIONS:
        left, right = (expression(arg, env, rows).wrap(MATMUL) for arg in expr.args)
        return Code(f"{left} {RELATIONS[type(expr)]} {right}", SUM)
    if isinstance(expr, sp.And | sp.Or):
        sign = "&" if isinstance(expr, sp.And) else "|"
        return Code(f" {sign} ".join(f"({expression(arg, env, rows).text})" for arg in expr.args), SUM)
    args = [expression(arg, env, rows) for arg in expr.args]
    spelled = FUNCTIONS.get(expr.func)
    if spelled is None or spelled == "erf":
        return rows(expr.func.__name__, args)
    made = f"{spelled}({', '.join(a.text for a in args)})"
    return Code(f"float({made})" if is_of_sizes(expr) else made, ATOM)


def is_of_sizes(expr: sp.Expr) -> bool:
    return all(s.is_integer for s in expr.free_symbols)


def ordered(expr: sp.Expr) -> list[sp.Expr]:
    """The terms of a sum, one that has no minus first."""
    terms = list(expr.as_ordered_terms())
    terms.sort(key=lambda term: (term.could_extract_minus_sign(), not term.is_number))
    return terms


def sum_code(parts: list[Code]) -> Code:
    text = parts[0].wrap(NEGATIVE)
    for part in parts[1:]:
        text += f" - {part.text[1:]}" if part.level == NEGATIVE else f" + {part.wrap(MATMUL)}"
    return Code(text, SUM)


def product_code(expr: sp.Expr, env: Mapping[sp.Symbol, Code], rows: RowCall) -> Code:
    minus, above, below = factors(expr, env, rows)
    made = fraction(above, below)
    return negated(made) if minus else made


def factors(expr: sp.Expr, env: Mapping[sp.Symbol, Code], rows: RowCall) -> tuple[bool, list[Code], list[Code]]:
    """A product as (is it negative, factors above the line, factors below it)."""
    coefficient, rest = expr.as_coeff_Mul()
    above, below = [], []
    size = abs(coefficient)
    if size.is_Rational and sp.Rational(repr(float(size))) != size:
        above += [plain(sp.Integer(size.p))] if size.p != 1 else []
        below.append(plain(sp.Integer(size.q)))
    elif size != 1:
        above.append(plain(size))
    for factor in sp.Mul.make_args(rest):
        if factor == 1:
            continue
        if factor.is_Pow and factor.exp.is_number and factor.exp.is_negative:
            below.append(expression(1 / factor, env, rows))
        else:
            above.append(expression(factor, env, rows))
    return bool(coefficient.is_negative), above, below


def fraction(above: list[Code], below: list[Code]) -> Code:
    """above · above / below / below."""
    if len(above) == 1 and not below:
        return above[0]
    return Code(" * ".join([c.wrap(PRODUCT) for c in above] or ["1.0"]) + "".join(f" / {c.wrap(POWER)}" for c in below),
                PRODUCT)


def power(base: Code, exponent: sp.Expr, spell: Callable[[sp.Expr], Code], of_sizes: bool = False) -> Code:
    """A power, by the cheap spellings where there are any; a root of a size stays a Python float."""
    covered = base.covered
    if exponent == sp.Rational(1, 2) and not of_sizes:
        return Code(f"np.sqrt({base.text})", ATOM, covered)
    if exponent.is_number and exponent.is_negative:
        if exponent == -1:
            return Code(f"1.0 / {base.wrap(POWER)}", PRODUCT, covered)
        return Code(f"1.0 / {power(base, -exponent, spell, of_sizes).wrap(POWER)}", PRODUCT, covered)
    if exponent == 3 and NAME.match(base.text):
        return Code(" * ".join([base.text] * 3), PRODUCT, covered)
    shown = str(int(exponent)) if exponent.is_Integer else spell(exponent).wrap()
    return Code(f"{base.wrap()} ** {shown}", POWER, covered)


def piecewise(expr: sp.Piecewise, env: Mapping[sp.Symbol, Code], rows: RowCall) -> Code:
    *branches, (last, condition) = expr.args
    if condition != sp.true:
        raise UnsupportedError("a Piecewise without a last branch for everything else")
    made = expression(last, env, rows).text
    for value, condition in reversed(branches):
        made = f"np.where({expression(condition, env, rows).text}, {expression(value, env, rows).text}, {made})"
    if is_of_sizes(expr):
        return Code(f"float({made})", ATOM)
    if any(value.free_symbols for value, _ in expr.args):
        return Code(made, ATOM)
    read = ", ".join(env[s].text for s in sorted(expr.free_symbols, key=str))  # numbers alone would come out in double precision
    return Code(f"{made}.astype(np.result_type({read}))", ATOM)
