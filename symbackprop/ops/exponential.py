"""The matrix exponential, sine and cosine, each with its derivative along directions: one row each.

Sources: Al-Mohy and Higham, Computing the Fréchet derivative of the matrix exponential (2009); Higham, Functions of Matrices
(2008), sec. 3.2 (the derivative as a block of the function of a larger matrix) and ch. 12; The Matrix Cookbook (2012), eq. 128.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import permutations

import numpy as np

from ..algebra import scale, transpose
from ..expr import Expr
from . import TensorOp
from .application import Args, apply, same_shape
from .linear import identity_multiple

SLOPES = {"expm": ("expm", 1), "sinm": ("cosm", 1), "cosm": ("sinm", -1)}  # f -> (g, c) with d tr f(X) = c tr(g(X) dX)


def function_vjp(name: str) -> Callable:
    """The pull-back of a function of a matrix."""
    slope, sign = SLOPES[name]

    def vjp(y_bar: Expr, y: Expr, args: Args, params: tuple) -> Args:
        """X̄ = L(Xᵀ, Ȳ), the Fréchet derivative at Xᵀ; for Ȳ = c I that is c f′(X)ᵀ."""
        count = identity_multiple(y_bar)
        if count is None:
            return (apply(f"{name}_derivative", transpose(args[0]), y_bar),)
        return (scale(sign * count, transpose(y if slope == name else apply(slope, args[0]))),)
    return vjp


def derivative_vjp(name: str) -> Callable:
    """The pull-back of Y = L(A, E, …, G), the derivative along each E in turn: linear in each, with adjoint L(Aᵀ, …, Gᵀ, Ȳ), and by A
    one derivative further. So all orders are one row."""
    own = f"{name}_derivative"

    def vjp(y_bar: Expr, y: Expr, args: Args, params: tuple) -> Args:
        turned = [transpose(arg) for arg in args]
        by_a = apply(own, *turned, y_bar)
        return by_a, *(apply(own, *turned[:k], *turned[k + 1:], y_bar) for k in range(1, len(args)))
    return vjp


def exponential(a: np.ndarray, field: object) -> np.ndarray:
    """exp(a) by its series for a / 2^k, squared k times, to the digits of the field."""
    size = float(max(np.abs(a).sum(axis=0)))
    k = max(0, int(np.ceil(np.log2(max(size, 1e-300)))) + 4)
    a = a / field.number(2) ** k
    total = term = field.array(np.eye(len(a)))
    for j in range(1, 14 + field.digits):
        term = term @ a / field.number(j)
        total = total + term
    for _ in range(k):
        total = total @ total
    return total


def turning(a: np.ndarray, field: object) -> np.ndarray:
    """exp [[0, −A], [A, 0]] = [[cos A, −sin A], [sin A, cos A]]."""
    return exponential(np.block([[0 * a, -a], [a, 0 * a]]), field)


VALUES: dict[str, Callable[[np.ndarray, object], np.ndarray]] = {
    "expm": exponential,
    "sinm": lambda a, field: turning(a, field)[len(a):, :len(a)],
    "cosm": lambda a, field: turning(a, field)[:len(a), :len(a)],
}


def derivative_value(name: str) -> Callable:
    """The corner of f([[A, E, 0], [0, A, G], [0, 0, A]]), summed over the orders of E and G."""
    def value(arrays: Sequence, params: tuple, field: object) -> object:
        a, *along = arrays
        n, count = len(a), len(along)
        total = 0
        for order in permutations(along):
            blocks = [[a if i == j else order[i] if j == i + 1 else field.array(np.zeros((n, n))) for j in range(count + 1)] for i in range(count + 1)]
            total = total + VALUES[name](np.block(blocks), field)[:n, -n:]
        return total
    return value


EXPM = '''def expm(a):
    """exp(a) by its series for a / 2**k, squared k times."""
    k = max(0, int(np.ceil(np.log2(max(np.abs(a).sum(axis=0).max(), 1e-300)))) + 4)
    a = a / 2.0**k
    term = total = np.eye(len(a), dtype=a.dtype)
    for j in range(1, 14):
        term = term @ a / j
        total = total + term
    for _ in range(k):
        total = total @ total
    return total
'''
TURNING = {
    "sinm": '''def sinm(a):
    """sin(a), a block of exp [[0, -a], [a, 0]]."""
    return expm(np.block([[0 * a, -a], [a, 0 * a]]))[len(a) :, : len(a)]
''',
    "cosm": '''def cosm(a):
    """cos(a), a block of exp [[0, -a], [a, 0]]."""
    return expm(np.block([[0 * a, -a], [a, 0 * a]]))[: len(a), : len(a)]
''',
}
DERIVATIVE = '''from itertools import permutations


def NAME_derivative(a, *along):
    """The derivative of NAME at a along one direction after another: blocks of that of a larger matrix."""
    n, total = len(a), 0.0
    for order in permutations(along):
        big = np.kron(np.eye(len(along) + 1, dtype=a.dtype), a)
        for k, e in enumerate(order):
            big[k * n : (k + 1) * n, (k + 1) * n : (k + 2) * n] = e
        total = total + NAME(big)[:n, -n:]
    return total
'''


def value_of(name: str) -> Callable:
    return lambda arrays, params, field: VALUES[name](arrays[0], field)


def rows_of(name: str) -> tuple[TensorOp, TensorOp]:
    """The row of a function and that of its derivative."""
    turned, label = ("expm",) * (name != "expm"), "L" if name == "expm" else f"L_{name[:3]}"
    return (
        TensorOp(name, same_shape, function_vjp(name), value_of(name), f"{name}({{0}})",
                 f"the derivative of {'e^X' if name == 'expm' else name[:3] + ' X'} along E is {label}(X, E), and ⟨Ȳ, {label}(X, E)⟩ = ⟨{label}(Xᵀ, Ȳ), E⟩",
                 rf"\operatorname{{{name}}}", helper=TURNING.get(name, EXPM), uses=turned),
        TensorOp(f"{name}_derivative", same_shape, derivative_vjp(name), derivative_value(name), f"{name}_derivative({{*}})",
                 f"{label}(A, E) is linear in E, with adjoint {label}(Aᵀ, ·)", "L" if name == "expm" else rf"L_{{\{name[:3]}}}", text=label,
                 helper=DERIVATIVE.replace("NAME", name), uses=(*turned, name)),
    )


EXPONENTIAL_ROWS = tuple(row for name in SLOPES for row in rows_of(name))
