"""Values of nodes: in floats, or at any number of digits with mpmath. No derivative is taken here."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from functools import lru_cache

import mpmath
import numpy as np
import sympy as sp

from .errors import UnsupportedError
from .expr import Add, Apply, Const, Contract, Delta, Expr, Function, Labels, Map, Ones, Shape, Var, walk
from .ops import SCALAR_OPS, TENSOR_OPS, body_of
from .program import Program
from .windows import is_window

Values = dict[str, np.ndarray]
Sizes = dict[str, int]
LETTERS = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"


class Precise:
    """Arrays of mpmath numbers of some digits."""

    dtype = object

    def __init__(self, digits: int = 50) -> None:
        self.digits = digits

    def number(self, value: object) -> object:
        return mpmath.mpf(value) if not isinstance(value, sp.Basic) else mpmath.mpf(sp.Float(sp.N(value, self.digits + 10), self.digits + 10)._mpf_)

    def array(self, values: np.ndarray) -> np.ndarray:
        made = np.empty(np.shape(values), dtype=object)
        for at in np.ndindex(made.shape):
            made[at] = mpmath.mpf(values[at])
        return made

    def map(self, function: Callable, *arrays: np.ndarray) -> np.ndarray:
        shape = np.shape(arrays[0])
        made = np.empty(shape, dtype=object)
        for at in np.ndindex(shape):
            made[at] = function(*(a[at] for a in arrays))
        return made

    def exp(self, x: np.ndarray) -> np.ndarray:
        return self.map(mpmath.exp, np.asarray(x, dtype=object))

    def log(self, x: np.ndarray) -> np.ndarray:
        return self.map(mpmath.log, np.asarray(x, dtype=object))

    def sqrt(self, x: np.ndarray) -> np.ndarray:
        return self.map(mpmath.sqrt, np.asarray(x, dtype=object))

    def inv(self, x: np.ndarray) -> np.ndarray:
        return regular(x, unboxed(mpmath.matrix(x.tolist()) ** -1), 0.6 * self.digits)

    def det(self, x: np.ndarray) -> object:
        return mpmath.det(mpmath.matrix(x.tolist()))

    def cholesky(self, x: np.ndarray) -> np.ndarray:
        return unboxed(mpmath.cholesky(mpmath.matrix(((x + x.T) / 2).tolist())))

    def eigh(self, x: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        values, vectors = mpmath.eigsy(mpmath.matrix(((x + x.T) / 2).tolist()))
        return unboxed(values).reshape(-1), unboxed(vectors)

    def svd(self, x: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        u, s, vt = mpmath.svd_r(mpmath.matrix(x.tolist()))
        return unboxed(u), unboxed(s).reshape(-1), unboxed(vt)

    def einsum(self, subscripts: str, arrays: list[np.ndarray]) -> np.ndarray:
        inputs, output = subscripts.split("->")
        terms = list(zip(inputs.split(","), map(np.asarray, arrays)))
        path = np.einsum_path(subscripts, *arrays, optimize="greedy")[0][1:] if len(arrays) > 2 else [tuple(range(len(arrays)))]
        for places in path:  # one product after another: all at once would cost the product of all sizes
            now = [terms.pop(k) for k in sorted(places, reverse=True)]
            later = output + "".join(letters for letters, _ in terms)
            letters = "".join(dict.fromkeys(c for own, _ in now for c in own if c in later)) if terms else output
            spelled = ",".join(own for own, _ in now) + "->" + letters
            terms.append((letters, np.asarray(np.einsum(spelled, *(a for _, a in now)), dtype=object)))
        return terms[0][1]

    def apply(self, op: str, arrays: tuple, params: tuple) -> np.ndarray:
        return TENSOR_OPS[op].value(arrays, params, self)

    def scalar(self, f: Function) -> Callable:
        return opaque(f, mpmath.sin, mpmath.cos) if f.opaque else compiled(f, "mpmath")


def regular(x: np.ndarray, inverse: np.ndarray, digits: float) -> np.ndarray:
    """`inverse`, unless the matrix is singular to working precision: what rounding made of 1/0 is no value."""
    if not np.abs(x).max() * np.abs(inverse).max() < 10.0**digits:
        raise ZeroDivisionError("a matrix that is singular to working precision has no inverse")
    return inverse


def unboxed(x: mpmath.matrix) -> np.ndarray:
    return np.array(x.tolist(), dtype=object).reshape(x.rows, x.cols)


class Floats:
    """Arrays of float64."""

    dtype, digits = float, 17
    exp, log, sqrt = np.exp, np.log, np.sqrt
    det = staticmethod(np.linalg.det)

    def inv(self, x: np.ndarray) -> np.ndarray:
        return regular(x, np.linalg.inv(x), 12)

    def cholesky(self, x: np.ndarray) -> np.ndarray:
        return np.linalg.cholesky((x + x.T) / 2)

    def eigh(self, x: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        return np.linalg.eigh((x + x.T) / 2)

    def svd(self, x: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        return np.linalg.svd(x, full_matrices=False)

    def number(self, value: object) -> float:
        return float(value)

    def array(self, values: np.ndarray) -> np.ndarray:
        return np.asarray(values, dtype=float)

    def map(self, function: Callable, *arrays: np.ndarray) -> np.ndarray:
        made = np.empty(np.shape(arrays[0]))
        for at in np.ndindex(made.shape):
            made[at] = function(*(float(a[at]) for a in arrays))
        return made

    def einsum(self, subscripts: str, arrays: list[np.ndarray]) -> np.ndarray:
        # looking for an order costs more than small products, unless one pass over all indices at once is long
        large = len(arrays) > 2 and (max(a.size for a in arrays) > 256 or len(set(subscripts)) > 10)
        return np.asarray(np.einsum(subscripts, *arrays, optimize=large))

    def apply(self, op: str, arrays: tuple, params: tuple) -> np.ndarray:
        return TENSOR_OPS[op].value(arrays, params, self)

    def scalar(self, f: Function) -> Callable:
        stable = STABLE.get(f.name) if not f.derivative else None
        return stable or (opaque(f, np.sin, np.cos) if f.opaque else compiled(f, "math"))


def sigmoid(z: float) -> float:
    return 1 / (1 + np.exp(-z)) if z >= 0 else np.exp(z) / (1 + np.exp(z))


STABLE = {"sigmoid": sigmoid, "softplus": lambda z: np.logaddexp(0.0, z), "silu": lambda z: z * sigmoid(z)}


@lru_cache(maxsize=512)
def compiled(f: Function, module: str) -> Callable:
    """A function of the table on numbers; the expression is the table's, never a user's text."""
    body = body_of(f)
    expr = body.expr.replace(sp.Heaviside, lambda x, *_: sp.Piecewise((1, x > 0), (0, True)))
    return sp.lambdify(body.variables, expr, module)


def opaque(f: Function, sin: Callable, cos: Callable) -> Callable:
    """A smooth stand-in for an unnamed f, the same for the same name; its derivatives are exact."""
    seed = hashlib.sha256(f.name.encode()).digest()
    a, b, c = 0.5 + seed[0] / 256, seed[1] / 256, 0.25 + seed[2] / 512

    def value(z: object) -> object:
        order = len(f.derivative)
        wave = [sin, cos, lambda t: -sin(t), lambda t: -cos(t)][order % 4](a * z + b) * a**order
        return wave + (c * z if order == 0 else c if order == 1 else 0)
    return value


def concrete(shape: Shape, sizes: Sizes) -> tuple[int, ...]:
    return tuple(int(d) if d.is_Integer else int(at_sizes(d, tuple(sizes.items()))) for d in shape)


@lru_cache(maxsize=1 << 14)
def at_sizes(value: sp.Expr, sizes: tuple[tuple[str, int], ...]) -> sp.Expr:
    """A SymPy number in sizes, the sizes put in."""
    known = dict(sizes)
    return value.subs({s: known[s.name] for s in value.free_symbols})


def evaluate(root: Expr, values: Values, sizes: Sizes, field: Floats | Precise) -> np.ndarray:
    """The value of a node; every variable under it stands in `values`."""
    if isinstance(field, Precise):
        with mpmath.workdps(field.digits + 10):
            return run_node(root, values, sizes, field)
    return run_node(root, values, sizes, field)


def run_node(root: Expr, values: Values, sizes: Sizes, field: Floats | Precise) -> np.ndarray:
    made: dict[Expr, np.ndarray] = {}
    for node in walk(root):
        made[node] = one(node, made, values, sizes, field)
    return made[root]


def one(node: Expr, made: dict[Expr, np.ndarray], values: Values, sizes: Sizes, field: Floats | Precise) -> np.ndarray:
    match node:
        case Var():
            return field.array(values[node.name])
        case Const():
            return np.asarray(field.number(at_sizes(node.value, tuple(sizes.items()))), dtype=field.dtype)
        case Ones():
            return field.array(np.ones(concrete(node.shape, sizes)))
        case Delta():
            return field.array(indicator(node, tuple(sizes.items())))
        case Add():
            total = made[node.terms[0]]
            for term in node.terms[1:]:
                total = total + made[term]
            return np.asarray(total, dtype=field.dtype)
        case Map():
            return field.map(field.scalar(node.function), *[made[a] for a in node.args])
        case Apply():
            return np.asarray(field.apply(node.op, tuple(made[a] for a in node.args), node.params))
        case Contract() if any(is_window(o) for o in node.operands):
            return gathered(node, made, sizes, field)
        case Contract():
            letters = [",".join("".join(LETTERS[i] for i in labels) for labels in node.inputs), "".join(LETTERS[i] for i in node.output)]
            return field.einsum("->".join(letters), [made[o] for o in node.operands])
    raise UnsupportedError(f"{type(node).__name__} has no value")


def gathered(node: Contract, made: dict[Expr, np.ndarray], sizes: Sizes, field: Floats | Precise) -> np.ndarray:
    """A contraction with deltas: summed indices are read where a delta says; einsum does the rest."""
    dims = dict(zip((i for labels in node.inputs for i in labels), (n for o in node.operands for n in concrete(o.shape, sizes))))
    pieces = [(made[o], labels) for o, labels in zip(node.operands, node.inputs) if not is_window(o)]
    deltas = [(o, labels) for o, labels in zip(node.operands, node.inputs) if is_window(o)]
    for k, (delta, labels) in enumerate(deltas):
        others = {i for _, other in deltas[:k] + deltas[k + 1:] for i in other} | set(node.output)
        label = next((i for i, c in zip(labels, delta.coefficients) if c in (1, -1) and i not in others and labels.count(i) == 1
                      and any(own.count(i) == 1 for _, own in pieces)), None)
        if delta.bound or label is None or any(own.count(label) > 1 for _, own in pieces):
            pieces.append((made[delta], labels))
        else:
            at, rest = reading_places(delta, labels, label, dims, sizes)
            pieces = [taken(array, own, label, at, rest, dims[label]) if label in own else (array, own) for array, own in pieces]
    spelled = ",".join("".join(LETTERS[i] for i in labels) for _, labels in pieces)
    return field.einsum(f"{spelled}->{''.join(LETTERS[i] for i in node.output)}", [array for array, _ in pieces])


def reading_places(delta: Delta, labels: Labels, label: int, dims: dict[int, int], sizes: Sizes) -> tuple[np.ndarray, Labels]:
    """Where an axis is read: the index for each of the other labels of a delta."""
    *coefficients, offset = concrete((*delta.coefficients, delta.offset), sizes)
    own, rest = coefficients[labels.index(label)], tuple(i for i in labels if i != label)
    grid = np.ogrid[tuple(slice(dims[i]) for i in rest)]
    weights = [c for c, i in zip(coefficients, labels) if i != label]
    return -own * (offset + sum((c * g for c, g in zip(weights, grid)), np.zeros((), int))), rest


def taken(array: np.ndarray, own: Labels, label: int, at: np.ndarray, rest: Labels, n: int) -> tuple[np.ndarray, Labels]:
    """An array read at places of one axis, 0 where they lie outside."""
    axis = own.index(label)
    if not n:  # nothing is there to be read
        array, at = np.zeros(array.shape[:axis] + (1,) + array.shape[axis + 1:], array.dtype), np.full_like(at, -1)
    found = array.take(np.clip(at, 0, max(n - 1, 0)), axis)
    inside = ((at >= 0) & (at < n)).reshape(at.shape + (1,) * (array.ndim - axis - 1))
    return (found if inside.all() else found * inside), own[:axis] + rest + own[axis + 1:]


@lru_cache(maxsize=256)
def indicator(node: Delta, at_size: tuple[tuple[str, int], ...]) -> np.ndarray:
    """Where the relation of a delta holds, as ones and zeros."""
    sizes = dict(at_size)
    shape = concrete(node.shape, sizes)
    coefficients, offset = concrete(node.coefficients, sizes), concrete((node.offset,), sizes)[0]
    value = np.full(shape, offset)
    for axis, coefficient in enumerate(coefficients):
        value += coefficient * np.arange(shape[axis]).reshape(tuple(-1 if k == axis else 1 for k in range(len(shape))))
    return (value >= 0 if node.bound else value == 0).astype(float)


def run(program: Program, values: Values, sizes: Sizes, field: Floats | Precise) -> Values:
    """The values of every equation, added to `values`."""
    known = dict(values)
    for equation in program.equations:
        known[equation.name] = evaluate(equation.expr, known, sizes, field)
    return known


def kinks_of(program: Program, known: Values, sizes: Sizes) -> float:
    """The distance to the nearest kink along the forward program: the smallest argument at which a function has a corner."""
    nearest = np.inf
    for equation in program.equations:
        for node in walk(equation.expr):
            edges = edge_of(node)
            for edge in edges:
                gap = np.abs(evaluate(edge[0], known, sizes, Floats()) - (evaluate(edge[1], known, sizes, Floats()) if edge[1] is not None else 0))
                nearest = min(nearest, float(np.min(gap, initial=np.inf)))
    return nearest


def edge_of(node: Expr) -> list[tuple[Expr, Expr | None]]:
    if type(node) is Map and not node.function.derivative:
        name = node.function.name
        if name in ("relu", "abs", "step", "sign", "leaky_relu", "elu"):
            return [(node.args[0], None)]
        if name in ("maximum", "minimum", "gt", "lt", "ge", "le", "eq", "ne"):
            return [(node.args[0], node.args[1])]
    return []
