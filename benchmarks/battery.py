"""Derivatives of ordinary matrix expressions, ours beside SymPy's own `.diff`, judged entry by entry.

Explicit sizes, rational points, 30 digits: the wanted values come from the expression written out entry by entry and differentiated by
`sympy.diff` of scalars. Three columns: `symbackprop.gradient` on the SymPy expression, the same loss as text, and
SymPy's `.diff`. A result is right, wrong (a value that differs), misshapen, or refused (an error that names the reason).
"""

from __future__ import annotations

import argparse
import json
import sys
import warnings
from collections import Counter
from typing import NamedTuple

import mpmath
import numpy as np
import sympy as sp

import symbackprop as sb
from symbackprop.bridge.classes import Elementwise
from symbackprop.numeric import Precise, run
from symbackprop.reverse import bar

X, A, B = (sp.MatrixSymbol(name, 3, 3) for name in "XAB")
M, N = sp.MatrixSymbol("M", 2, 3), sp.MatrixSymbol("N", 3, 2)
x, y, v, w = (sp.MatrixSymbol(name, 3, 1) for name in "xyvw")
W1, W2, b, t = (sp.MatrixSymbol(*s) for s in (("W1", 4, 3), ("W2", 2, 4), ("b", 4, 1), ("t", 2, 1)))
D, Y = sp.MatrixSymbol("D", 3, 4), sp.MatrixSymbol("Y", 2, 4)
one, one4, s = sp.OneMatrix(1, 3), sp.OneMatrix(1, 4), sp.Symbol("s", real=True)
u = sp.Dummy("u", real=True)
tr, det, had = sp.Trace, sp.Determinant, sp.HadamardProduct
SIGMA = sp.Lambda(u, 1 / (1 + sp.exp(-u)))


def network() -> sp.MatrixExpr:
    r = W2 * (W1 * x + b).applyfunc(SIGMA) - t
    return r.T * r


class Case(NamedTuple):
    """A loss as SymPy and as text, and what it is differentiated by."""

    name: str
    loss: sp.Expr
    text: str
    wrt: sp.Expr


CASES = (
    Case("tr X", tr(X), "trace(X)", X),
    Case("tr AX", tr(A * X), "trace(A @ X)", X),
    Case("tr AXB", tr(A * X * B), "trace(A @ X @ B)", X),
    Case("tr M Nᵀ shaped", tr(M * X * N), "trace(M @ X @ N)", X),
    Case("tr of a rectangle", tr(A * N * M), "trace(A @ N @ M)", N),
    Case("tr AXᵀB", tr(A * X.T * B), "trace(A @ X.T @ B)", X),
    Case("tr X²", tr(X * X), "trace(X @ X)", X),
    Case("tr X³", tr(X**3), "trace(matrix_power(X, 3))", X),
    Case("tr XᵀBX", tr(X.T * B * X), "trace(X.T @ B @ X)", X),
    Case("tr AXBX", tr(A * X * B * X), "trace(A @ X @ B @ X)", X),
    Case("tr X + tr X²", tr(X) + tr(X * X), "trace(X) + trace(X @ X)", X),
    Case("tr(XᵀX) − 3", tr(X.T * X) - 3, "trace(X.T @ X) - 3", X),
    Case("2 tr X + 1", 2 * tr(X) + 1, "2 * trace(X) + 1", X),
    Case("(tr X)²", tr(X)**2, "trace(X)**2", X),
    Case("tr X · tr X²", tr(X) * tr(X * X), "trace(X) * trace(X @ X)", X),
    Case("exp tr AX", sp.exp(tr(A * X)), "exp(trace(A @ X))", X),
    Case("sin tr X", sp.sin(tr(X)), "sin(trace(X))", X),
    Case("det X", det(X), "det(X)", X),
    Case("(det X)²", det(X)**2, "det(X)**2", X),
    Case("det AX", det(A * X), "det(A @ X)", X),
    Case("log det X", sp.log(det(X)), "log(det(X))", X),
    Case("log det(I + XᵀX)", sp.log(det(sp.Identity(3) + X.T * X)), "logdet(eye(3) + X.T @ X)", X),
    Case("tr X⁻¹", tr(X.I), "trace(inv(X))", X),
    Case("tr AX⁻¹B", tr(A * X.I * B), "trace(A @ inv(X) @ B)", X),
    Case("vᵀX⁻¹w", v.T * X.I * w, "v @ inv(X) @ w", X),
    Case("xᵀAx by x", x.T * A * x, "x @ A @ x", x),
    Case("xᵀAx by A", x.T * A * x, "x @ A @ x", A),
    Case("xᵀAy by y", x.T * A * y, "x @ A @ y", y),
    Case("xᵀx", x.T * x, "x @ x", x),
    Case("√(xᵀx)", sp.sqrt(tr(x.T * x)), "sqrt(x @ x)", x),
    Case("norm as a power of a 1×1 matrix", (x.T * x)**sp.Rational(1, 2), "norm(x)", x),
    Case("y·v/|v|²", tr(y.T * v) / tr(v.T * v), "(y @ v) / (v @ v)", v),
    Case("Rayleigh quotient", tr(x.T * A * x) / tr(x.T * x), "(x @ A @ x) / (x @ x)", x),
    Case("log-sum-exp", sp.log(tr(one * x.applyfunc(sp.exp))), "log(sum(exp(x)))", x),
    Case("softmax cross-entropy", sp.log(tr(one * x.applyfunc(sp.exp))) - tr(y.T * x), "log(sum(exp(x))) - y @ x", x),
    Case("1ᵀ sin x", one * x.applyfunc(sp.sin), "sum(sin(x))", x),
    Case("1ᵀ exp Ax", one * (A * x).applyfunc(sp.exp), "sum(exp(A @ x))", x),
    Case("vᵀ(v ⊙ y)", v.T * had(v, y), "v @ (v * y)", v),
    Case("tr (X ⊙ A)B", tr(had(X, A) * B), "trace((X * A) @ B)", X),
    Case("tr X∘³A", tr(sp.HadamardPower(X, 3) * A), "trace(X**3 @ A)", X),
    Case("1ᵀX1", one * X * one.T, "sum(X)", X),
    Case("xᵀ diag(y) x", x.T * sp.DiagMatrix(y) * x, "x @ diag(y) @ x", y),
    Case("tr diag(x)A", tr(sp.DiagMatrix(x) * A), "trace(diag(x) @ A)", x),
    Case("least squares, 1×1", (W1 * x - b).T * (W1 * x - b), "sum((W1 @ x - b)**2)", W1),
    Case("least squares, trace", tr((M * D - Y).T * (M * D - Y)), "sum((M @ D - Y)**2)", M),
    Case("ridge", tr((M * D - Y).T * (M * D - Y)) + s * tr(M.T * M), "sum((M @ D - Y)**2) + s * trace(M.T @ M)", M),
    Case("ridge by its weight", s * tr(M.T * M), "s * trace(M.T @ M)", s),
    Case("1ᵀ tanh W₁x by W₁", one4 * (W1 * x).applyfunc(sp.tanh), "sum(tanh(W1 @ x))", W1),
    Case("1ᵀ tanh W₁x by x", one4 * (W1 * x).applyfunc(sp.tanh), "sum(tanh(W1 @ x))", x),
    Case("sin(Xw + Xv)", one * (X * w + X * v).applyfunc(sp.sin), "sum(sin(X @ w + X @ v))", X),
    Case("two layers by W₁", network(), "sum((W2 @ sigmoid(W1 @ x + b) - t)**2)", W1),
    Case("two layers by W₂", network(), "sum((W2 @ sigmoid(W1 @ x + b) - t)**2)", W2),
    Case("two layers by x", network(), "sum((W2 @ sigmoid(W1 @ x + b) - t)**2)", x),
    Case("two layers by b", network(), "sum((W2 @ sigmoid(W1 @ x + b) - t)**2)", b),
    Case("batch of sigmoids", tr(Y.T * (M * D).applyfunc(SIGMA)), "sum(Y * sigmoid(M @ D))", M),
    Case("X[0,0]", X[0, 0], "", X),
    Case("X[0,1] X[1,0]", X[0, 1] * X[1, 0], "", X),
    Case("tr A ⊗ X", tr(sp.KroneckerProduct(A, X)), "einsum('ii,jj->', A, X)", X),
)


def symbols_of(loss: sp.Expr) -> list[sp.Expr]:
    return sorted([*loss.atoms(sp.MatrixSymbol), *({s} & loss.free_symbols)], key=str)


def entries(symbol: sp.Expr) -> dict[sp.Expr, sp.Symbol]:
    """Each entry of a matrix symbol as a real scalar of its own."""
    if symbol is s:
        return {s: s}
    rows, columns = map(int, symbol.shape)
    return {symbol[i, j]: sp.Symbol(f"{symbol.name}_{i}_{j}", real=True) for i in range(rows) for j in range(columns)}


def written_out(e: sp.Basic, at: dict[sp.Symbol, sp.Rational]) -> sp.Basic:
    """An expression with matrices of numbers (and of the entries that `at` leaves open) in place of its symbols."""
    if isinstance(e, sp.MatrixSymbol):
        return sp.Matrix(*e.shape, lambda i, j: at.get(entries(e)[e[i, j]], entries(e)[e[i, j]]))
    if isinstance(e, sp.matrices.expressions.matexpr.MatrixElement):
        return written_out(e.parent, at)[e.i, e.j]
    if isinstance(e, (sp.OneMatrix, sp.Identity, sp.ZeroMatrix)):
        return sp.Matrix(e.as_explicit())
    if isinstance(e, Elementwise):
        return written_out(e.args[1], at).applyfunc(e.function)
    if isinstance(e, sp.matrices.expressions.applyfunc.ElementwiseApplyFunction):
        return written_out(e.expr, at).applyfunc(e.function)
    if isinstance(e, sp.MatrixBase):
        return sp.Matrix(e)
    args = [written_out(a, at) for a in e.args]
    match e:
        case sp.Trace():
            return args[0].trace()
        case sp.Determinant():
            return args[0].det(method="berkowitz")
        case sp.Inverse():
            return args[0].adjugate() / args[0].det(method="berkowitz")
        case sp.Transpose():
            return args[0].T
        case sp.DiagMatrix():
            return sp.diag(*args[0])
        case sp.DiagonalOf():
            return args[0].diagonal().T
        case sp.KroneckerProduct():
            return sp.Matrix(sp.kronecker_product(*args))
        case sp.HadamardProduct():
            return sp.Matrix(*args[0].shape, lambda i, j: sp.prod([a[i, j] for a in args]))
        case sp.HadamardPower():
            return args[0].applyfunc(lambda a: a**args[1])
        case sp.MatMul() | sp.MatAdd() | sp.MatPow():
            return folded(e, args)
    return at.get(e, e) if isinstance(e, sp.Symbol) else e.func(*args) if e.args else e


def folded(e: sp.MatrixExpr, args: list) -> sp.Matrix | sp.Expr:
    if isinstance(e, sp.MatPow):
        return args[0]**args[1] if args[0].shape != (1, 1) else sp.Matrix([[args[0][0]**args[1]]])
    result = args[0]
    for a in args[1:]:
        result = result * a if isinstance(e, sp.MatMul) else result + a
    return result


def wanted(case: Case, at: dict[sp.Symbol, sp.Rational]) -> np.ndarray:
    """The gradient at a point, 30 digits: one entry is left open at a time, and `sympy.diff` of a scalar does the rest."""
    shape = tuple(map(int, case.wrt.shape)) if isinstance(case.wrt, sp.MatrixExpr) else ()
    found = []
    for symbol in entries(case.wrt).values():
        loss = written_out(case.loss, {k: v for k, v in at.items() if k is not symbol})
        loss = loss[0, 0] if isinstance(loss, sp.MatrixBase) else loss
        found.append(sp.N(sp.diff(loss, symbol).subs(symbol, at[symbol]), 30))
    return np.array(found, dtype=object).reshape(shape)


def point(case: Case) -> dict[sp.Symbol, sp.Rational]:
    """Rational values, matrices near 2I so that they are well invertible and of positive determinant."""
    rng, made = np.random.default_rng(5), {}
    for symbol in symbols_of(case.loss):
        for entry, name in entries(symbol).items():
            on = getattr(entry, "i", 0) == getattr(entry, "j", 1) and getattr(symbol, "shape", ()) == (3, 3)
            made[name] = sp.Rational(int(rng.integers(1, 20)), 17) + 2 * int(on)
    return made


def value_of(result: sp.Basic, at: dict) -> np.ndarray:
    """The value of a SymPy answer, entry by entry; raises where it cannot be evaluated."""
    found = written_out(result, at) if isinstance(result, sp.MatrixExpr) else result.as_explicit() if hasattr(result, "as_explicit") else result

    def number(e: sp.Expr) -> sp.Expr:
        value = sp.N(written_out(sp.sympify(e), at), 30)
        if not value.is_number or value.free_symbols:
            raise ValueError("it cannot be evaluated")
        return value
    if isinstance(found, (sp.MatrixBase, sp.NDimArray)):
        array = np.array(found.tolist(), dtype=object)
        return np.array([number(e) for e in array.reshape(-1)], dtype=object).reshape(array.shape)
    return np.array(number(found), dtype=object)


def judged(found: np.ndarray, right: np.ndarray, squeeze: bool = False) -> str:
    if found.shape != right.shape:
        if not squeeze or found.size != right.size:
            return "misshapen"
        found = found.reshape(right.shape)
    scale = max(1, *(abs(v) for v in right.reshape(-1)))
    return "right" if all(abs(sp.N(a - c, 30)) < sp.Float("1e-20") * scale for a, c in zip(found.reshape(-1), right.reshape(-1))) else "wrong"


def by_bridge(case: Case, at: dict, right: np.ndarray) -> str:
    """`symbackprop.gradient`, its answer evaluated by SymPy alone."""
    try:
        result = sb.gradient(case.loss, case.wrt)
    except sb.SymbackpropError as error:
        return f"refused: {str(error)[:60]}"
    return judged(value_of(result, at), right)


def by_text(case: Case, at: dict, right: np.ndarray) -> str:
    """The loss in the text language, at 30 digits."""
    if not case.text:
        return "refused: single entries have no text"
    lines, values = [], {}
    for symbol in symbols_of(case.loss):
        own = list(entries(symbol).values())
        shape = [int(d) for d in getattr(symbol, "shape", ())]
        shape = shape[:1] if shape[1:] == [1] else shape
        lines.append(f"{symbol}: R" + (f"[{', '.join(map(str, shape))}]" if shape else ""))
        values[str(symbol)] = np.array([at[n] for n in own], dtype=object).reshape(shape)
    try:
        d = sb.derive(sb.parse("\n".join([*lines, f"loss = {case.text}"])), wrt=[str(case.wrt)])
    except sb.SymbackpropError as error:
        return f"refused: {str(error).splitlines()[0][:60]}"
    field = Precise(40)
    with mpmath.workdps(50):
        values = {n: np.asarray(np.vectorize(lambda q: mpmath.mpf(int(q.p)) / int(q.q), otypes=[object])(v)) for n, v in values.items()}
        found = np.asarray(run(d.backward, run(d.program, values, {}, field), {}, field)[bar(str(case.wrt))], dtype=object)
        made = np.array([sp.Float(str(e), 40) for e in found.reshape(-1)], dtype=object).reshape(found.shape)
    flat = right.reshape(right.shape[:1]) if right.shape[1:] == (1,) else right
    return judged(made, flat)


def by_sympy(case: Case, at: dict, right: np.ndarray) -> str:
    """SymPy's own derivative; an N-d array is allowed to be squeezed, as its users do."""
    try:
        result = case.loss.diff(case.wrt)
        if result.has(sp.Derivative) or type(result).__name__ == "ArrayDerivative":
            return "unevaluated"
        return judged(value_of(result, at), right, squeeze=True)
    except Exception as error:  # whatever SymPy raises is the finding
        return f"refused: {type(error).__name__}"


COLUMNS = {"gradient": by_bridge, "text": by_text, "sympy": by_sympy}


def measure(case: Case, columns: tuple[str, ...] = tuple(COLUMNS)) -> dict[str, str]:
    """Column -> right, wrong, misshapen, unevaluated, or refused with the reason."""
    at = point(case)
    right = wanted(case, at)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return {column: COLUMNS[column](case, at, right) for column in columns}


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--json", action="store_true")
    args = parser.parse_args()
    table = {}
    for case in CASES:
        row = table[case.name] = measure(case)
        if not args.json:
            print(f"{case.name:34}" + "  ".join(f"{row[c][:38]:38}" for c in COLUMNS).rstrip(), flush=True)
    totals = {column: dict(Counter(row[column].partition(":")[0] for row in table.values())) for column in COLUMNS}
    if args.json:
        print(json.dumps({"sympy": sp.__version__, "cases": len(table), "totals": totals, "table": table}, ensure_ascii=False))
    else:
        print(f"\nSymPy {sp.__version__}, {len(table)} cases: " + "; ".join(f"{c} {totals[c]}" for c in COLUMNS))
    ours = [row[c] for row in table.values() for c in ("gradient", "text")]
    return int(any(r in ("wrong", "misshapen") for r in ours) or totals["gradient"].get("right", 0) < 52)


if __name__ == "__main__":
    sys.exit(main())
