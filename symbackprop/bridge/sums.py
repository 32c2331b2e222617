"""SymPy's sums over entries, as `(r.T*r)[0, 0]` becomes one: Σ_i of an expression in entries at i, over whole axes."""

from __future__ import annotations

from typing import TYPE_CHECKING

import sympy as sp
from sympy.matrices.expressions.matexpr import MatrixElement

from ..algebra import broadcast, contract, total
from ..cells import cell
from ..errors import UnsupportedError
from ..expr import Expr, Ones
from ..ops.tensor import apply

if TYPE_CHECKING:
    from . import Reader


def summed(reader: Reader, e: sp.Sum, outer: tuple[sp.Symbol, ...] = (), sizes: tuple[sp.Expr, ...] = ()) -> Expr:
    """A sum whose indices run over whole axes and stand in entries alone, at each value of the indices around it.

    Raises `UnsupportedError` for any other.
    """
    indices, shape = [*outer], [*sizes]
    for index, first, last in e.limits:
        if first != 0 or (last + 1).has(*indices, index):
            raise UnsupportedError(f"{str(e)[:60]}: a sum is read from 0 over a whole axis")
        indices.append(index)
        shape.append(reader.dim(last + 1))
    env: dict[sp.Symbol, Expr] = {}
    parts: dict[sp.Symbol, tuple[Expr, tuple[int, ...]]] = {}
    body = e.function
    for inner in sorted((s for s in body.atoms(sp.Sum) if not any(s is not t and t.has(s) for t in body.atoms(sp.Sum))), key=str):
        env[stand_in := sp.Dummy(real=True)] = summed(reader, inner, tuple(indices), tuple(shape))
        body = body.xreplace({inner: stand_in})
    for element in sorted(body.atoms(MatrixElement), key=str):
        stand_in = sp.Dummy(real=True)
        parts[stand_in] = along(reader, element, indices, tuple(shape))
        env[stand_in] = broadcast(parts[stand_in][0], tuple(shape), parts[stand_in][1])
        body = body.xreplace({element: stand_in})
    if body.has(*indices):
        raise UnsupportedError(f"{str(e)[:60]}: an index of a sum stands in entries alone")
    factors = repeated(body)
    if factors and all(f in parts for f in factors) and {a for f in factors for a in parts[f][1]} == set(range(len(shape))):
        return contract([parts[f][0] for f in factors], [parts[f][1] for f in factors], tuple(range(len(outer))))
    env |= {s: reader.scalar(s) for s in body.free_symbols - env.keys()}
    return total(cell(body, env, tuple(shape)), tuple(range(len(outer), len(shape))))


def repeated(body: sp.Expr) -> list[sp.Expr]:
    """The factors of a product, a power as so many of them; none where there is another power or a number."""
    pairs = [f.as_base_exp() for f in sp.Mul.make_args(body)]
    return [b for b, k in pairs for _ in range(int(k))] if all(k.is_Integer and 0 < k < 64 for _, k in pairs) else []


def along(reader: Reader, element: MatrixElement, indices: list[sp.Symbol], shape: tuple[sp.Expr, ...]) -> tuple[Expr, tuple[int, ...]]:
    """The entries that an index runs over as a tensor, and the axes of the sum that it has."""
    operands, labels, used = [reader.matrix(element.parent)], [], []
    ends: list[tuple[int]] = []
    for at, count in zip((element.i, element.j), element.parent.shape):
        if at in indices and reader.dim(count) == shape[indices.index(at)]:
            labels.append(indices.index(at))
            used.append(labels[-1])
        elif at.is_Integer and count.is_Integer:
            labels.append(-1 - len(operands))
            ends.append((labels[-1],))
            operands.append(apply("unit", params=(int(at) + 1, int(count))) if count != 1 else Ones((sp.S.One,)))
        else:
            raise UnsupportedError(f"{element}: an entry at this index has no translation from SymPy")
    axes = tuple(sorted(set(used)))
    return contract(operands, [tuple(labels), *ends], axes), axes
