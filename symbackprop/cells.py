"""Scalar SymPy expressions as nodes, and the derivatives of elementwise functions as people write them.

A cell is what happens inside one entry of a tensor. `cell` turns its SymPy expression into nodes over whole tensors;
`prime` gives f′ of a `Map` from the table's row, in terms of the output where that is how the books have it.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache

import sympy as sp

from .algebra import ONE, add, hadamard, power, scale
from .errors import UnsupportedError
from .expr import Add, Const, Contract, Expr, Function, Map, Ones, Shape, Var, function
from .ops import ARGS, OUT, SCALAR_OPS, body_of

SYMPY_NAMES = {
    sp.exp: "exp", sp.log: "log", sp.tanh: "tanh", sp.sin: "sin", sp.cos: "cos", sp.tan: "tan", sp.sinh: "sinh",
    sp.cosh: "cosh", sp.asin: "arcsin", sp.acos: "arccos", sp.atan: "arctan", sp.erf: "erf", sp.Abs: "abs",
    sp.sign: "sign",
}
RELATION_NAMES = {sp.StrictGreaterThan: "gt", sp.StrictLessThan: "lt", sp.GreaterThan: "ge", sp.LessThan: "le",
                  sp.Equality: "eq", sp.Unequality: "ne"}


def filled(value: sp.Expr, shape: Shape) -> Expr:
    """The tensor of a shape whose entries are all `value`."""
    return scale(value, Ones(shape)) if shape else Const(value)


def cell(expr: sp.Expr, env: dict[sp.Symbol, Expr], shape: Shape) -> Expr:
    """`expr`, each of its symbols standing for a tensor of `shape` (or a scalar) given in `env`."""
    def visit(e: sp.Expr) -> Expr:
        return cell(e, env, shape)

    if e_is_number(expr, env):
        return filled(expr, shape)
    match expr:
        case sp.Symbol():
            return env[expr]
        case sp.Add():
            number, rest = expr.as_coeff_Add()
            parts = [arg for arg in expr.args if arg != number or number == 0]
            terms = [visit(part) for part in parts]
            return add([filled(number, shape), *terms] if number != 0 else terms)
        case sp.Mul():
            number, rest = expr.as_coeff_Mul()
            factors = sorted(sp.Mul.make_args(rest), key=lambda f: not f.is_Symbol)
            product = [visit(f) for f in factors]
            return scale(number, hadamard(*product) if len(product) > 1 else product[0])
        case sp.Pow() if e_is_number(expr.exp, env):
            return power(visit(expr.base), expr.exp)
        case sp.Pow():
            return Map(function("power"), (visit(expr.base), visit(expr.exp)))
        case sp.Piecewise():
            return piecewise(expr, env, shape)
        case sp.Max() | sp.Min():
            name = "maximum" if isinstance(expr, sp.Max) else "minimum"
            found = visit(expr.args[0])
            for arg in expr.args[1:]:
                found = Map(function(name), (found, visit(arg)))
            return found
        case sp.Heaviside():
            return Map(function("step"), (visit(expr.args[0]),))
    if type(expr) in RELATION_NAMES:
        return Map(function(RELATION_NAMES[type(expr)]), (visit(expr.lhs), visit(expr.rhs)))
    name = SYMPY_NAMES.get(type(expr)) or getattr(expr.func, "__name__", "")
    if name not in SCALAR_OPS:
        raise UnsupportedError(f"the elementwise function {expr.func} has no row in the table")
    return mapped(function(name), [visit(arg) for arg in expr.args])


def mapped(f: Function, args: list[Expr]) -> Expr:
    """f of its arguments; of one number that was spread over ones it is f of the number, spread."""
    one = args[0]
    if len(args) > 1 or type(one) is not Contract or type(one.operands[-1]) is not Ones or any(o.shape for o in one.operands[:-1]):
        return Map(f, tuple(args))
    number = hadamard(*one.operands[:-1]) if len(one.operands) > 2 else one.operands[0]
    known = body_of(f)(number.value) if type(number) is Const else None
    own = Const(known) if known is not None and known.is_real and known.is_finite else Map(f, (number,))
    return hadamard(own, one.operands[-1])


def e_is_number(expr: sp.Expr, env: dict[sp.Symbol, Expr]) -> bool:
    return expr.is_number or not (expr.free_symbols & env.keys())


def piecewise(expr: sp.Piecewise, env: dict[sp.Symbol, Expr], shape: Shape) -> Expr:
    """Nested `where`s, from the last branch up."""
    *branches, (last, condition) = expr.args
    if condition != sp.true:
        raise UnsupportedError("a Piecewise without a last branch for everything else")
    found = cell(last, env, shape)
    for value, condition in reversed(branches):
        args = (cell(condition, env, shape), cell(value, env, shape), found)
        found = Map(function("where"), args)
    return found


def prime(node: Map, argument: int, output: Expr, primes: str = "output") -> Expr | None:
    """The partial derivative of `node` by one of its arguments, entry by entry; None where it is 0 on purpose.

    `output` is what `node` is called (its name, or itself). `primes="function"` leaves f′ unexpanded.
    """
    f = node.function
    row = SCALAR_OPS.get(f.name)
    shape = node.shape
    if f.derivative or f.opaque or (row is not None and (row.prime is None or primes == "function" and row.arity == 1
                                                         and row.name not in ("pow", "sign", "step", "abs"))):
        return Map(f.differentiated(argument), node.args)
    if f.name == "pow" and f.params[0] == sp.Rational(1, 2):
        return scale(f.params[0], power(output, -1))
    if row is None:
        env = dict(zip(f.body.variables, node.args))
        return none_if_zero(sp.diff(f.body.expr, f.body.variables[argument]), env, shape)
    form = row.prime[argument]
    builder = prime_builder(form)
    if builder is not None and shape:
        return builder(output, Ones(shape))
    env = dict(zip(ARGS, node.args))
    env[OUT] = output
    if row.params:
        form = form.subs({sp.Symbol(p, real=True): v for (p, _), v in zip(row.params, f.params)})
    return none_if_zero(form, env, shape)


@lru_cache(maxsize=1024)
def prime_builder(form: sp.Expr) -> Callable[[Expr, Expr], Expr] | None:
    """A fast way to build the commonest output forms, y (1 − y) and 1 − y²; None for any other."""
    if form == OUT * (1 - OUT):
        return lambda y, ones: hadamard(y, Add((ones, scale(-1, y))))
    if form == 1 - OUT**2:
        return lambda y, ones: Add((ones, scale(-1, power(y, 2))))
    return None


def none_if_zero(form: sp.Expr, env: dict[sp.Symbol, Expr], shape: Shape) -> Expr | None:
    if form == 0:
        return None
    return ONE if form == 1 else cell(form, env, shape)


def lambda_of(node: Map) -> sp.Lambda:
    """The SymPy `Lambda` of what `node` applies."""
    return body_of(node.function)


def as_scalar(node: Expr, symbols: dict[str, sp.Symbol]) -> sp.Expr:
    """A rank-0 node over named scalars as one SymPy expression: the other direction of `cell`.

    Raises `UnsupportedError` for what is no elementwise function.
    """
    match node:
        case Var():
            return symbols[node.name]
        case Const():
            return node.value
        case Add():
            return sp.Add(*[as_scalar(t, symbols) for t in node.terms])
        case Contract():
            return sp.Mul(*[as_scalar(o, symbols) for o in node.operands])
        case Map() if not node.function.opaque:
            return body_of(node.function)(*[as_scalar(a, symbols) for a in node.args])
    raise UnsupportedError("an elementwise function is made of elementwise functions")
