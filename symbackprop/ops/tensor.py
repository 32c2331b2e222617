"""Opaque tensor functions along an axis, and norms of vectors: one row each, with the pull-back as people write it.

Functions of matrices stand in `linear`, `eigen`, `spectral` (singular values) and `exponential`; here the lists become the table. The softmax Jacobian diag(p) − ppᵀ is in Bishop, Pattern Recognition and Machine Learning, 4.3.4.
"""

from __future__ import annotations

import sympy as sp

from ..algebra import add, hadamard, negative, reciprocal, total
from ..expr import Expr, Map, Var, function
from . import TENSOR_OPS, TensorOp
from .application import Args, apply, same_shape, spread, without_axis
from .eigen import EIGEN_ROWS
from .exponential import EXPONENTIAL_ROWS
from .linear import LINEAR_ROWS
from .spectral import SPECTRAL_ROWS


def softmax_vjp(y_bar: Expr, y: Expr, args: Args, params: tuple) -> Args:
    """z̄ = p ⊙ (p̄ − ⟨p̄, p⟩ 1) along the axis: Jᵀp̄ with J = diag(p) − p pᵀ."""
    inner = total(hadamard(y, y_bar), (params[0],))
    return (hadamard(y, add((y_bar, negative(spread(inner, y, params[0]))))),)


def log_softmax_vjp(y_bar: Expr, y: Expr, args: Args, params: tuple) -> Args:
    """z̄ = ȳ − (1ᵀȳ) softmax(z) along the axis."""
    probabilities = Map(function("exp"), (y,)) if type(y) is Var else apply("softmax", args[0], params=params)
    mass = spread(total(y_bar, (params[0],)), y, params[0])
    return (add((y_bar, negative(hadamard(mass, probabilities)))),)


def logsumexp_vjp(y_bar: Expr, y: Expr, args: Args, params: tuple) -> Args:
    """z̄ = ȳ softmax(z), one ȳ for each slice along the axis."""
    return (hadamard(spread(y_bar, args[0], params[0]), apply("softmax", args[0], params=params)),)


def maximum_vjp(y_bar: Expr, y: Expr, args: Args, params: tuple) -> Args:
    """z̄ = ȳ where z attains the maximum (which is unique away from ties)."""
    top = spread(y, args[0], params[0])
    return (hadamard(spread(y_bar, args[0], params[0]), Map(function("eq"), (args[0], top))),)


def prod_vjp(y_bar: Expr, y: Expr, args: Args, params: tuple) -> Args:
    """x̄ = ȳ y / x: the product of the other factors."""
    return (hadamard(spread(hadamard(y_bar, y), args[0], params[0]), reciprocal(args[0])),)


def norm_vjp(y_bar: Expr, y: Expr, args: Args, params: tuple) -> Args:
    """x̄ = ȳ x / ‖x‖."""
    return (hadamard(y_bar, args[0], reciprocal(y)),)


def softmax_value(arrays: tuple, params: tuple, field: object) -> object:
    (z,), axis = arrays, params[0]
    e = field.exp(z - z.max(axis=axis, keepdims=True))
    return e / e.sum(axis=axis, keepdims=True)


def logsumexp_value(arrays: tuple, params: tuple, field: object) -> object:
    (z,), axis = arrays, params[0]
    top = z.max(axis=axis, keepdims=True)
    return field.log(field.exp(z - top).sum(axis=axis)) + top.squeeze(axis=axis)


def log_softmax_value(arrays: tuple, params: tuple, field: object) -> object:
    (z,), axis = arrays, params[0]
    top = z.max(axis=axis, keepdims=True)
    return z - top - field.log(field.exp(z - top).sum(axis=axis, keepdims=True))


SOFTMAX_HELPER = """def softmax(z, axis):
    e = np.exp(z - z.max(axis=axis, keepdims=True))
    return e / e.sum(axis=axis, keepdims=True)
"""
LOG_SOFTMAX_HELPER = """def log_softmax(z, axis):
    s = z - z.max(axis=axis, keepdims=True)
    return s - np.log(np.exp(s).sum(axis=axis, keepdims=True))
"""
LOGSUMEXP_HELPER = """def logsumexp(z, axis):
    top = z.max(axis=axis)
    return top + np.log(np.exp(z - np.expand_dims(top, axis)).sum(axis=axis))
"""
AXIS = (("axis", -1),)

def unit_value(arrays: tuple, params: tuple, field: object) -> object:
    import numpy as np
    at, count = params
    return field.array(np.eye(count)[at - 1])



def range_of(axis: object) -> object:
    """0, 1, … along an axis."""
    import numpy as np
    return np.arange(len(axis))


def pad_shape(shapes: Shapes, params: tuple) -> Shape:
    axis, before, after, _ = params
    return tuple(n + before + after if k == axis else n for k, n in enumerate(shapes[0]))


def fold_shape(shapes: Shapes, params: tuple) -> Shape:
    axis, before, after, _ = params
    return tuple(n - before - after if k == axis else n for k, n in enumerate(shapes[0]))


def pad_value(arrays: tuple, params: tuple, field: object) -> object:
    import numpy as np
    axis, before, after, mode = params
    return np.pad(arrays[0], [(before, after) if k == axis else (0, 0) for k in range(arrays[0].ndim)], mode)


def fold_value(arrays: tuple, params: tuple, field: object) -> object:
    """Every entry of the margins added where padding took it from."""
    import numpy as np
    axis, before, after, mode = params
    t = np.moveaxis(arrays[0], axis, 0)
    made = np.zeros((len(t) - before - after, *t.shape[1:]), t.dtype)
    for at, source in zip(range(len(t)), np.pad(np.arange(len(made)), (before, after), mode)):
        made[source] = made[source] + t[at]
    return np.moveaxis(made, 0, axis)


PAD_HELPER = """def pad_axis(x, axis, before, after, mode):
    widths = [(before, after) if k == axis else (0, 0) for k in range(x.ndim)]
    return np.pad(x, widths, mode)
"""
FOLD_HELPER = """def fold_axis(t, axis, before, after, mode):
    t = np.moveaxis(t, axis, 0)
    made = np.zeros((len(t) - before - after,) + t.shape[1:], t.dtype)
    np.add.at(made, np.pad(np.arange(len(made)), (before, after), mode), t)
    return np.moveaxis(made, 0, axis)
"""
ONE_HOT_HELPER = """def one_hot(ids, count, dtype):
    return (ids[..., None] == np.arange(count)).astype(dtype)
"""
TAKE_HELPER = """def take_rows(ids, rows):
    return rows[ids.astype(int)]
"""
ADD_HELPER = """def add_rows(ids, rows, count, width, out=None):
    made = np.empty((count, width), rows.dtype) if out is None else out
    made[:] = 0
    places = ids.astype(int)[:, None] * width + np.arange(width)
    np.add.at(made.reshape(-1), places.reshape(-1), rows.reshape(-1))
    return made
"""
MARGINS = (("axis", 0), ("before", 1), ("after", 1), ("mode", "reflect"))

ROWS = (
    TensorOp("pad", pad_shape, lambda y_bar, y, args, params: (apply("fold", y_bar, params=params),), pad_value,
             "pad_axis({0}, {p0}, {p1}, {p2}, {p3})", "what padding copies hands its cotangent back to where it came from",
             r"\operatorname{pad}", helper=PAD_HELPER, params=MARGINS, routine=True),
    TensorOp("fold", fold_shape, lambda y_bar, y, args, params: (apply("pad", y_bar, params=params),), fold_value,
             "fold_axis({0}, {p0}, {p1}, {p2}, {p3})", "folding is linear, and its adjoint is padding",
             r"\operatorname{fold}", helper=FOLD_HELPER, params=MARGINS, routine=True),
    TensorOp("unit", lambda shapes, params: (sp.Integer(params[1]),), lambda y_bar, y, args, params: (), unit_value,
             "np.eye({p1}, dtype=dtype)[{p0} - 1]", "a unit vector picks an entry", r"e", text="e",
             params=(("entry", 1), ("entries", 1))),
    TensorOp("one_hot", lambda shapes, params: (*shapes[0], *shapes[1]), lambda y_bar, y, args, params: (None, None),
             lambda arrays, params, field: field.array((arrays[0][..., None] == range_of(arrays[1])).astype(float)),
             "one_hot({0}, {last}, dtype=dtype)", "whole numbers are not differentiated by", r"\operatorname{onehot}", text="onehot",
             helper=ONE_HOT_HELPER, more=(TAKE_HELPER, ADD_HELPER), show="first", routine=True),
    TensorOp("softmax", same_shape, softmax_vjp, softmax_value, "softmax({0}, {p0})",
             "the Jacobian of softmax is diag(p) − p pᵀ", r"\operatorname{softmax}", helper=SOFTMAX_HELPER, params=AXIS,
             positive=True),
    TensorOp("log_softmax", same_shape, log_softmax_vjp, log_softmax_value, "log_softmax({0}, {p0})",
             "the Jacobian of log-softmax is I − 1 pᵀ", r"\operatorname{logsoftmax}", text="logsoftmax",
             helper=LOG_SOFTMAX_HELPER, params=AXIS),
    TensorOp("logsumexp", without_axis, logsumexp_vjp, logsumexp_value, "logsumexp({0}, {p0})",
             "the gradient of log-sum-exp is softmax", r"\operatorname{logsumexp}", helper=LOGSUMEXP_HELPER, params=AXIS),
    TensorOp("max", without_axis, maximum_vjp, lambda arrays, params, field: arrays[0].max(axis=params[0]),
             "{0}.max(axis={p0})", "only the largest entry moves the maximum", r"\max", params=AXIS,
             condition="the maximum is attained once"),
    TensorOp("prod", without_axis, prod_vjp, lambda arrays, params, field: arrays[0].prod(axis=params[0]),
             "np.prod({0}, {p0})", "a product without one factor is the product over it", r"\operatorname{prod}", params=AXIS,
             condition="no factor is 0", routine=True),
    TensorOp("norm", lambda shapes, params: (), norm_vjp,
             lambda arrays, params, field: field.sqrt((arrays[0] * arrays[0]).sum()), "np.sqrt(np.vdot({0}, {0}))",
             "d‖x‖ = xᵀdx / ‖x‖", show="norm", condition="the norm is not 0"),
)

TENSOR_OPS.update((row.name, row) for row in (*ROWS, *LINEAR_ROWS, *EIGEN_ROWS, *SPECTRAL_ROWS, *EXPONENTIAL_ROWS))
