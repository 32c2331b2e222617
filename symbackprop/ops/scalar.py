"""Elementwise functions: one row each. The derivative is SymPy's; `prime` only says how people write it.

Sources of the forms: Goodfellow, Bengio and Courville, Deep Learning, ch. 6; Hendrycks and Gimpel (2016) for GELU;
Elfwing, Uchibe and Doya (2018) for SiLU; Clevert, Unterthiner and Hochreiter (2016) for ELU.
"""

from __future__ import annotations

import sympy as sp

from . import ARGS, OUT, SCALAR_OPS, ScalarOp

x, b, c = ARGS
y = OUT
alpha, p = sp.Symbol("alpha", real=True), sp.Symbol("p", real=True)


def named(name: str, *args: sp.Expr) -> sp.Expr:
    """Another row of this table inside a derivative."""
    return sp.Function(name)(*args)


def above(left: sp.Expr, right: sp.Expr) -> sp.Expr:
    return sp.Piecewise((1, left > right), (0, True))


GELU_TANH = sp.sqrt(2 / sp.pi) * (x + sp.Rational(44715, 1000000) * x**3)
RATIONAL_001 = sp.Rational(1, 100)

ROWS = (
    ScalarOp("sigmoid", 1 / (1 + sp.exp(-x)), (y * (1 - y),), r"\sigma", "σ", "sigmoid({0})", positive=True,
             helper="""def sigmoid(z):
    most = -np.log(np.finfo(z.dtype).tiny)  # beyond this exp overflows
    return 1.0 / (1.0 + np.exp(np.minimum(-z, most)))
"""),
    ScalarOp("tanh", sp.tanh(x), (1 - y**2,), r"\tanh", numpy="np.tanh({0})"),
    ScalarOp("relu", sp.Max(x, 0), (named("step", x),), r"\operatorname{ReLU}", "ReLU", "np.maximum({0}, 0)",
             kinks="relu′(0) = 0"),
    ScalarOp("step", above(x, 0), (sp.S.Zero,), "indicator", "indicator",
             "({0} > 0).astype(dtype)", kinks="1[z > 0] is 0 at 0"),
    ScalarOp("leaky_relu", sp.Piecewise((x, x > 0), (alpha * x, True)), None, r"\operatorname{LeakyReLU}", "LeakyReLU",
             "np.where({0} > 0, {0}, {p0} * {0})", ("np.where({0} > 0, 1.0, {p0}).astype({0}.dtype)",),
             params=(("alpha", RATIONAL_001),), kinks="leaky_relu′(0) = α"),
    ScalarOp("elu", sp.Piecewise((x, x > 0), (alpha * (sp.exp(x) - 1), True)), None, r"\operatorname{ELU}", "ELU",
             "np.where({0} > 0, {0}, {p0} * np.expm1(np.minimum({0}, 0)))",
             ("np.where({0} > 0, 1.0, {p0} * np.exp(np.minimum({0}, 0)))",), params=(("alpha", sp.S.One),),
             kinks="elu′(0) = α"),
    ScalarOp("softplus", sp.log(1 + sp.exp(x)), (named("sigmoid", x),), r"\operatorname{softplus}", "softplus",
             "np.logaddexp(0.0, {0})", positive=True),
    ScalarOp("gelu", x * (1 + sp.erf(x / sp.sqrt(2))) / 2, None, r"\operatorname{GELU}", "GELU",
             "0.5 * {0} * (1.0 + erf({0} / 1.4142135623730951))",
             ("0.5 * (1.0 + erf({0} / 1.4142135623730951)) + {0} * np.exp(-0.5 * {0} * {0}) / 2.5066282746310002",),
             helper="erf"),
    ScalarOp("gelu_tanh", x * (1 + sp.tanh(GELU_TANH)) / 2, None, r"\operatorname{GELU}_{\tanh}", "GELU_tanh",
             "gelu_tanh({0})", ("gelu_tanh_prime({0})",), helper="""def gelu_tanh(z):
    s = z * z
    return z * (0.5 + 0.5 * np.tanh(z * (0.7978845608028654 + 0.035677408136300125 * s)))


def gelu_tanh_prime(z):
    s = z * z
    p = 0.5 + 0.5 * np.tanh(z * (0.7978845608028654 + 0.035677408136300125 * s))
    return p + z * p * (1.5957691216057308 + 0.21406444881780073 * s) * (1.0 - p)
"""),
    ScalarOp("silu", x / (1 + sp.exp(-x)), (y + named("sigmoid", x) * (1 - y),), r"\operatorname{SiLU}", "SiLU",
             "{0} * sigmoid({0})", helper="sigmoid"),
    ScalarOp("softsign", x / (1 + sp.Abs(x)), ((1 - named("abs", y))**2,), r"\operatorname{softsign}",
             numpy="{0} / (1.0 + np.abs({0}))"),
    ScalarOp("exp", sp.exp(x), (y,), r"\exp", numpy="np.exp({0})", positive=True),
    ScalarOp("log", sp.log(x), (1 / x,), r"\log", numpy="np.log({0})", domain=(0.3, 3.0)),
    ScalarOp("log1p", sp.log(1 + x), (1 / (1 + x),), r"\operatorname{log1p}", numpy="np.log1p({0})", domain=(-0.5, 3.0)),
    ScalarOp("expm1", sp.exp(x) - 1, (1 + y,), r"\operatorname{expm1}", numpy="np.expm1({0})"),
    ScalarOp("abs", sp.Abs(x), (named("sign", x),), "bars", "bars", "np.abs({0})", kinks="sign(0) = 0"),
    ScalarOp("sign", sp.sign(x), (sp.S.Zero,), r"\operatorname{sign}", numpy="np.sign({0})", kinks="sign(0) = 0"),
    ScalarOp("sin", sp.sin(x), (named("cos", x),), r"\sin", numpy="np.sin({0})"),
    ScalarOp("cos", sp.cos(x), (-named("sin", x),), r"\cos", numpy="np.cos({0})"),
    ScalarOp("tan", sp.tan(x), (1 + y**2,), r"\tan", numpy="np.tan({0})", domain=(-1.2, 1.2)),
    ScalarOp("sinh", sp.sinh(x), (named("cosh", x),), r"\sinh", numpy="np.sinh({0})"),
    ScalarOp("cosh", sp.cosh(x), (named("sinh", x),), r"\cosh", numpy="np.cosh({0})", positive=True),
    ScalarOp("arcsin", sp.asin(x), (1 / sp.sqrt(1 - x**2),), r"\arcsin", numpy="np.arcsin({0})", domain=(-0.8, 0.8)),
    ScalarOp("arccos", sp.acos(x), (-1 / sp.sqrt(1 - x**2),), r"\arccos", numpy="np.arccos({0})", domain=(-0.8, 0.8)),
    ScalarOp("arctan", sp.atan(x), (1 / (1 + x**2),), r"\arctan", numpy="np.arctan({0})"),
    ScalarOp("erf", sp.erf(x), (2 / sp.sqrt(sp.pi) * named("exp", -x**2),), r"\operatorname{erf}",
             numpy="erf({0})", helper="""from math import erf as _erf

_erf_each = np.vectorize(_erf, otypes=[float])


def erf(z):
    return _erf_each(z).astype(np.result_type(z))
"""),
    ScalarOp("recip", sp.Piecewise((1 / x, sp.Ne(x, 0)), (0, True)), (-y**2,), r"\operatorname{recip}",
             numpy="np.where({0} == 0, 0.0, 1.0 / np.where({0} == 0, 1.0, {0}))", kinks="recip(t) is 1/t, and 0 at 0"),
    ScalarOp("pow", sp.Pow(x, p), (p * x**(p - 1),), "power", "power", "{0} ** {p0}", params=(("p", sp.Integer(2)),),
             domain=(0.3, 2.0)),
    ScalarOp("power", x**b, (b * x**(b - 1), y * named("log", x)), "power", "power", "{0} ** {1}", arity=2,
             domain=(0.3, 2.0)),
    ScalarOp("maximum", sp.Max(x, b), (named("ge", x, b), named("gt", b, x)), r"\max", numpy="np.maximum({0}, {1})",
             arity=2, kinks="the derivative of max is that of its first argument where both are equal"),
    ScalarOp("minimum", sp.Min(x, b), (named("le", x, b), named("lt", b, x)), r"\min", numpy="np.minimum({0}, {1})",
             arity=2, kinks="the derivative of min is that of its first argument where both are equal"),
    ScalarOp("where", sp.Piecewise((b, x > 0), (c, True)), (sp.S.Zero, x, 1 - x), "cases", "cases",
             "np.where({0}, {1}, {2})", arity=3, kinks="where(c, a, b) is smooth only away from the edge of c"),
    ScalarOp("gt", above(x, b), (sp.S.Zero,) * 2, ">", ">", "({0} > {1}).astype(dtype)", arity=2),
    ScalarOp("lt", above(b, x), (sp.S.Zero,) * 2, "<", "<", "({0} < {1}).astype(dtype)", arity=2),
    ScalarOp("ge", 1 - above(b, x), (sp.S.Zero,) * 2, r"\ge", "≥", "({0} >= {1}).astype(dtype)", arity=2),
    ScalarOp("le", 1 - above(x, b), (sp.S.Zero,) * 2, r"\le", "≤", "({0} <= {1}).astype(dtype)", arity=2),
    ScalarOp("eq", 1 - above(x, b) - above(b, x), (sp.S.Zero,) * 2, "=", "=", "({0} == {1}).astype(dtype)", arity=2),
    ScalarOp("ne", above(x, b) + above(b, x), (sp.S.Zero,) * 2, r"\ne", "≠", "({0} != {1}).astype(dtype)", arity=2),
)
ACTIVATIONS = frozenset({"sigmoid", "tanh", "relu", "leaky_relu", "elu", "softplus", "gelu", "gelu_tanh", "silu", "softsign"})
RELATIONS = frozenset({"gt", "lt", "ge", "le", "eq", "ne"})

SCALAR_OPS.update((row.name, row) for row in ROWS)
CALLED_BY_NAME = tuple(row.name for row in ROWS if row.arity == 1 and not row.params and row.name not in ("step", "gelu", "gelu_tanh"))
