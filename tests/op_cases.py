"""One case for every row of the op tables: its mathematical definition written anew, and where to try it.

The definitions are from the papers and books that `symbackprop/ops` names, in mpmath for elementwise functions and in
`autograd.numpy` for tensor functions. Nothing here reads a row's own expression.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import autograd.numpy as anp
import mpmath as mp
import numpy as np
import sympy as sp

import symbackprop.ops as ops
from symbackprop.algebra import total
from symbackprop.expr import Contract, Expr, Map, Var, function, size
from symbackprop.ops.tensor import apply
from symbackprop.program import Equation, Program

ops.load()
NAMES, TENSORS = ("a", "b", "c"), ("A", "B", "D")  # of arguments
THIRD, FIVE_HALVES = sp.Rational(3, 10), sp.Rational(5, 2)


@dataclass(frozen=True)
class ScalarCase:
    """`definition(*args, *params)` on mpmath numbers; `points` are tuples of arguments away from kinks."""

    definition: Callable
    points: tuple[tuple[float, ...], ...]
    params: tuple[sp.Expr, ...] = ()
    whole: tuple[tuple[int, ...], ...] = ((1,), (2,))  # whole numbers where it is defined and smooth
    keeps_nan: bool = True
    flat: tuple[int, ...] = ()  # arguments that have no slope by definition

    @property
    def arity(self) -> int:
        return len(self.points[0])


@dataclass(frozen=True)
class TensorCase:
    """`definition(*arrays)` in `autograd.numpy` at one choice of parameters; `shapes` are those of the arguments."""

    definition: Callable
    shapes: tuple[tuple[int, ...], ...]
    params: tuple = ()
    definite: bool = False  # the argument has to be far from singular


REALS = tuple((t,) for t in (-1.9, -0.6, -0.05, 0.3, 1.7))
POSITIVE = tuple((t,) for t in (0.35, 0.9, 1.4, 2.6))
INSIDE = tuple((t,) for t in (-0.75, -0.2, 0.1, 0.6))
PAIRS = ((-1.2, 0.4), (0.7, -0.3), (1.5, 1.9), (-0.8, -1.7))
ABOVE_ZERO = ((0.5, 1.3), (1.8, 0.6), (1.1, -0.7))
WHOLE_PAIRS = ((1, 2), (3, 1), (-2, 1))


def indicator(holds: bool) -> mp.mpf:
    return mp.mpf(int(holds))


SCALAR_CASES = {
    "sigmoid": ScalarCase(lambda t: 1 / (1 + mp.exp(-t)), REALS),
    "tanh": ScalarCase(lambda t: (mp.exp(t) - mp.exp(-t)) / (mp.exp(t) + mp.exp(-t)), REALS),
    "relu": ScalarCase(lambda t: t if t > 0 else mp.mpf(0), REALS, whole=((1,), (-2,))),
    "step": ScalarCase(lambda t: indicator(t > 0), REALS, whole=((1,), (-2,)), keeps_nan=False),
    "leaky_relu": ScalarCase(lambda t, a: t if t > 0 else a * t, REALS, (THIRD,), ((1,), (-2,))),
    "elu": ScalarCase(lambda t, a: t if t > 0 else a * (mp.exp(t) - 1), REALS, (THIRD,), ((1,), (-2,))),
    "softplus": ScalarCase(lambda t: mp.log(1 + mp.exp(t)), REALS),
    "gelu": ScalarCase(lambda t: t * mp.ncdf(t), REALS),
    "gelu_tanh": ScalarCase(
        lambda t: t / 2 * (1 + mp.tanh(mp.sqrt(2 / mp.pi) * (t + mp.mpf(44715) / 1000000 * t**3))), REALS),
    "silu": ScalarCase(lambda t: t / (1 + mp.exp(-t)), REALS),
    "softsign": ScalarCase(lambda t: t / (1 + abs(t)), REALS),
    "exp": ScalarCase(mp.exp, REALS),
    "log": ScalarCase(mp.log, POSITIVE),
    "log1p": ScalarCase(lambda t: mp.log(1 + t), (*POSITIVE, (-0.4,))),
    "expm1": ScalarCase(lambda t: mp.exp(t) - 1, REALS),
    "abs": ScalarCase(lambda t: t if t > 0 else -t, REALS, whole=((1,), (-2,))),
    "sign": ScalarCase(lambda t: indicator(t > 0) - indicator(t < 0), REALS, whole=((1,), (-2,))),
    "sin": ScalarCase(mp.sin, REALS),
    "cos": ScalarCase(mp.cos, REALS),
    "tan": ScalarCase(lambda t: mp.sin(t) / mp.cos(t), INSIDE),
    "sinh": ScalarCase(lambda t: (mp.exp(t) - mp.exp(-t)) / 2, REALS),
    "cosh": ScalarCase(lambda t: (mp.exp(t) + mp.exp(-t)) / 2, REALS),
    "arcsin": ScalarCase(mp.asin, INSIDE, whole=((0,),)),
    "arccos": ScalarCase(mp.acos, INSIDE, whole=((0,),)),
    "arctan": ScalarCase(mp.atan, REALS),
    "erf": ScalarCase(lambda t: 2 * mp.ncdf(t * mp.sqrt(2)) - 1, REALS),
    "recip": ScalarCase(lambda t: 1 / t, tuple((t,) for t in (-1.9, -0.6, 0.3, 1.7))),
    "pow": ScalarCase(lambda t, p: mp.exp(p * mp.log(t)), POSITIVE, (FIVE_HALVES,)),
    "power": ScalarCase(lambda s, t: mp.exp(t * mp.log(s)), ABOVE_ZERO, whole=((1, 2), (3, 1))),
    "maximum": ScalarCase(lambda s, t: s if s > t else t, PAIRS, whole=WHOLE_PAIRS),
    "minimum": ScalarCase(lambda s, t: s if s < t else t, PAIRS, whole=WHOLE_PAIRS),
    "where": ScalarCase(lambda c, s, t: s if c > 0 else t, ((1.0, 0.3, -0.7), (0.0, 0.3, -0.7), (1.0, -1.1, 2.0)),
                        whole=((1, 2, 3), (0, 2, 3)), keeps_nan=False, flat=(0,)),
    "gt": ScalarCase(lambda s, t: indicator(s > t), PAIRS, whole=WHOLE_PAIRS, keeps_nan=False),
    "lt": ScalarCase(lambda s, t: indicator(s < t), PAIRS, whole=WHOLE_PAIRS, keeps_nan=False),
    "ge": ScalarCase(lambda s, t: indicator(s >= t), PAIRS, whole=WHOLE_PAIRS, keeps_nan=False),
    "le": ScalarCase(lambda s, t: indicator(s <= t), PAIRS, whole=WHOLE_PAIRS, keeps_nan=False),
    "eq": ScalarCase(lambda s, t: indicator(s == t), PAIRS, whole=WHOLE_PAIRS, keeps_nan=False),
    "ne": ScalarCase(lambda s, t: indicator(s != t), PAIRS, whole=WHOLE_PAIRS, keeps_nan=False),
}


def softmax(z: np.ndarray, axis: int) -> np.ndarray:
    return anp.exp(z) / anp.sum(anp.exp(z), axis=axis, keepdims=True)


def logsumexp(z: np.ndarray, axis: int) -> np.ndarray:
    return anp.log(anp.sum(anp.exp(z), axis=axis))


def pseudo_inverse(x: np.ndarray) -> np.ndarray:
    return anp.linalg.inv(x.T @ x) @ x.T if x.shape[0] > x.shape[1] else x.T @ anp.linalg.inv(x @ x.T)


def eigenvectors(a: np.ndarray) -> np.ndarray:
    """Of the symmetric part, first entries positive."""
    vectors = anp.linalg.eigh((a + a.T) / 2)[1]
    return vectors * anp.sign(vectors[0])


def top_singular(a: np.ndarray) -> np.ndarray:
    """u₁v₁ᵀ = X v₁v₁ᵀ / σ₁ by the largest eigenpair of XᵀX."""
    values, q = anp.linalg.eigh(a.T @ a)
    return a @ anp.outer(q[:, -1], q[:, -1]) / anp.sqrt(values[-1])


def polar(a: np.ndarray) -> np.ndarray:
    """X (XᵀX)^(−½), or (X Xᵀ)^(−½) X where X is wide."""
    wide = a.shape[0] < a.shape[1]
    values, q = anp.linalg.eigh(a @ a.T if wide else a.T @ a)
    root = q / anp.sqrt(values) @ q.T
    return root @ a if wide else a @ root


def others(a: np.ndarray, k: int) -> np.ndarray:
    """Σ q_j q_jᵀ / (λ_k − λ_j) over the eigenpairs of ½(A + Aᵀ) but the k-th: the pseudo-inverse of λ_k I − A by its definition."""
    values, q = anp.linalg.eigh((a + a.T) / 2)
    return sum(anp.outer(q[:, j], q[:, j]) / (values[k] - values[j]) for j in range(len(a)) if j != k % len(a))


def sylvester(a: np.ndarray, b: np.ndarray, c: np.ndarray) -> np.ndarray:
    """A Y + Y B = C with the symmetric parts of A and B as one linear system in the entries of Y, row by row."""
    system = anp.kron((a + a.T) / 2, anp.eye(len(b))) + anp.kron(anp.eye(len(a)), (b + b.T) / 2)
    return anp.linalg.solve(system, anp.reshape(c, (-1,))).reshape(c.shape)


def series(a: np.ndarray, parts: tuple[int, ...]) -> np.ndarray:
    """Σ parts[k mod 4] A^k / k!: exp for (1, 1, 1, 1), sin for (0, 1, 0, −1), cos for (1, 0, −1, 0)."""
    term = anp.eye(len(a))
    total = parts[0] * term
    for k in range(1, 60):
        term = term @ a / k
        total = total + parts[k % 4] * term
    return total


EXP, SIN, COS = (1, 1, 1, 1), (0, 1, 0, -1), (1, 0, -1, 0)


def expm(a: np.ndarray) -> np.ndarray:
    return series(a, EXP)


def corner(blocks: list[list[np.ndarray]], parts: tuple[int, ...] = EXP) -> np.ndarray:
    n = len(blocks[0][0])
    return series(anp.concatenate([anp.concatenate(row, axis=1) for row in blocks], axis=0), parts)[:n, -n:]


# The row that has no derivative on purpose (`test_places`).
ONCE = frozenset({"one_hot"})


def margins(n: int, mode: str) -> np.ndarray:
    """The matrix that puts two entries in front of a vector of n and one behind it, as np.pad's manual has the modes."""
    before, behind = {"reflect": ((2, 1), n - 2), "edge": ((0, 0), n - 1), "wrap": ((n - 2, n - 1), 0)}[mode]
    return np.eye(n)[[*before, *range(n), behind]]


TENSOR_CASES = {
    "unit": (TensorCase(lambda: np.array([0.0, 1.0, 0.0]), (), (2, 3)),),
    "softmax": tuple(TensorCase(lambda z, axis=axis: softmax(z, axis), (shape,), (axis,))
                     for shape, axis in (((4,), 0), ((3, 4), 0), ((3, 4), 1), ((2, 3, 4), 1), ((3, 1), 1))),
    "log_softmax": tuple(TensorCase(lambda z, axis=axis: anp.log(softmax(z, axis)), (shape,), (axis,))
                         for shape, axis in (((4,), 0), ((3, 4), 0), ((3, 4), 1), ((2, 3, 4), 2))),
    "logsumexp": tuple(TensorCase(lambda z, axis=axis: logsumexp(z, axis), (shape,), (axis,))
                       for shape, axis in (((4,), 0), ((3, 4), 0), ((3, 4), 1), ((2, 3, 4), 1))),
    "max": tuple(TensorCase(lambda z, axis=axis: anp.max(z, axis=axis), (shape,), (axis,))
                 for shape, axis in (((4,), 0), ((3, 4), 0), ((3, 4), 1))),
    "pad": tuple(TensorCase(lambda x, m=mode, a=axis: margins(x.shape[a], m) @ x if not a else x @ margins(x.shape[a], m).T, (shape,), (axis, 2, 1, mode))
                 for shape, axis, mode in (((4,), 0, "reflect"), ((4, 3), 0, "edge"), ((3, 4), 1, "wrap"), ((3, 4), 1, "reflect"))),
    "fold": tuple(TensorCase(lambda t, m=mode, a=axis: margins(t.shape[a] - 3, m).T @ t if not a else t @ margins(t.shape[a] - 3, m), (shape,),
                             (axis, 2, 1, mode)) for shape, axis, mode in (((7,), 0, "reflect"), ((6, 3), 0, "edge"), ((3, 7), 1, "wrap"))),
    "prod": tuple(TensorCase(lambda z, axis=axis: anp.prod(z, axis=axis), (shape,), (axis,))
                  for shape, axis in (((4,), 0), ((3, 4), 0), ((3, 4), 1))),
    "norm": tuple(TensorCase(lambda z: anp.sqrt(anp.sum(z * z)), (shape,)) for shape in ((4,), (3, 4))),
    "inv": (TensorCase(anp.linalg.inv, ((3, 3),), definite=True),),
    "det": (TensorCase(anp.linalg.det, ((3, 3),), definite=True),),
    "logdet": (TensorCase(lambda a: anp.linalg.slogdet(a)[1], ((3, 3),), definite=True),),
    "solve": tuple(TensorCase(anp.linalg.solve, ((3, 3), shape), definite=True) for shape in ((3,), (3, 2))),
    "pinv": tuple(TensorCase(pseudo_inverse, (shape,)) for shape in ((4, 3), (3, 4))),
    "matrix_power": (TensorCase(lambda a: a @ a @ a, ((3, 3),), (3,)), TensorCase(lambda a: anp.linalg.inv(a @ a), ((3, 3),), (-2,), True)),
    "cholesky": (TensorCase(lambda a: anp.linalg.cholesky((a + a.T) / 2), ((3, 3),), definite=True),),
    "half_lower": (TensorCase(lambda a: (anp.tril(a) + anp.tril(a, -1)) / 2, ((3, 3),)),),
    "tril": tuple(TensorCase(lambda a, k=k: anp.tril(a, k), ((3, 4),), (k,)) for k in (0, -1)),
    "eigvalsh": (TensorCase(lambda a: anp.linalg.eigh((a + a.T) / 2)[0], ((3, 3),)),),
    "eigenvectors": (TensorCase(eigenvectors, ((3, 3),)),),
    "eigenvalue": tuple(TensorCase(lambda a, k=k: anp.linalg.eigh((a + a.T) / 2)[0][k], ((3, 3),), (k,)) for k in (1, -1)),
    "eigenvector": tuple(TensorCase(lambda a, k=k: eigenvectors(a)[:, k], ((3, 3),), (k,)) for k in (0, -2)),
    "resolvent": tuple(TensorCase(lambda a, k=k: others(a, k), ((3, 3),), (k,)) for k in (1, -1)),
    "top_singular": tuple(TensorCase(top_singular, (shape,)) for shape in ((4, 3), (2, 3))),
    "polar": tuple(TensorCase(polar, (shape,)) for shape in ((4, 3), (2, 3), (3, 3))),
    "sylvester": (TensorCase(sylvester, ((3, 3), (2, 2), (3, 2)), definite=True),),
    "spectral_norm": (TensorCase(lambda a: anp.max(anp.linalg.svd(a, full_matrices=False)[1]), ((4, 3),)),),
    "nuclear_norm": (TensorCase(lambda a: anp.sum(anp.linalg.svd(a, full_matrices=False)[1]), ((4, 3),)),),
    "expm": (TensorCase(expm, ((3, 3),)),),
    **{name: (TensorCase(lambda a, parts=parts: series(a, parts), ((3, 3),)),) for name, parts in (("sinm", SIN), ("cosm", COS))},
    **{f"{name}_derivative": (TensorCase(lambda a, e, parts=parts: corner([[a, e], [0 * a, a]], parts), ((2, 2), (2, 2))),)
       for name, parts in (("sinm", SIN), ("cosm", COS))},
    "expm_derivative": (TensorCase(lambda a, e: corner([[a, e], [0 * a, a]]), ((2, 2), (2, 2))),
                        TensorCase(lambda a, e, g: corner([[a, e, 0 * a], [0 * a, a, g], [0 * a, 0 * a, a]])
                                   + corner([[a, g, 0 * a], [0 * a, a, e], [0 * a, 0 * a, a]]), ((2, 2), (2, 2), (2, 2)))),
}


def scalar_net(name: str) -> Program:
    """C = wᵀ h, h = op(a, …): a network of vectors around a row of the scalar table."""
    case = SCALAR_CASES[name]
    inputs = {name: Var(name, (size("n"),)) for name in NAMES[:case.arity]}
    return weighted(inputs, Map(function(name, case.params), tuple(inputs.values())))


def tensor_net(name: str, case: TensorCase) -> Program:
    """C = sum(w ⊙ h), h = op(a, …): a network around a row of the tensor table; sizes are the numbers of the case."""
    inputs = {name: Var(name, tuple(map(size, shape))) for name, shape in zip(TENSORS, case.shapes)}
    return weighted(inputs, apply(name, *inputs.values(), params=case.params))


def weighted(inputs: dict[str, Var], node: Expr) -> Program:
    h, w = Equation("h", node), Var("w", node.shape)
    labels = tuple(range(node.rank))
    loss = Contract((w, h.var), (labels, labels), ()) if node.rank else total(Contract((w, h.var), ((), ()), ()))
    return Program({**inputs, "w": w}, (h, Equation("C", loss)))


def scalar_data(name: str, whole: bool = False) -> dict[str, np.ndarray]:
    """Arguments of `scalar_net` at the points of the case."""
    case = SCALAR_CASES[name]
    points = case.whole if whole else case.points
    columns = np.array(points).T
    weights = np.array([2, -1, 3, 1, -2])[:len(points)]
    return {**{name: column.copy() for name, column in zip(NAMES, columns)}, "w": weights if whole else weights * 0.7}


def tensor_data(case: TensorCase, shape_of_output: tuple[int, ...]) -> dict[str, np.ndarray]:
    rng = np.random.default_rng(7)
    data = {name: rng.normal(size=shape) for name, shape in zip(TENSORS, case.shapes)}
    if case.definite:
        data = {k: v + 2.5 * np.eye(len(v)) if v.shape == (len(v),) * 2 else v for k, v in data.items()}
    return {**data, "w": rng.normal(size=shape_of_output)}
