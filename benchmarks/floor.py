"""The SymPy floor: the textbook recurrences of a depth-L sigmoid network, built by SymPy's constructors alone.

What is timed: the `MatrixSymbol`s of the named intermediates z, a, δ and every `MatMul`, `MatAdd`,
`HadamardProduct`, `Transpose` and `applyfunc` call of the recurrences. What is not: the symbols that a model
declares (sizes, weights, biases, x, y), the ones vectors, the activation. Names are new in every round, so that
no cache of SymPy's answers; nothing is differentiated, simplified or printed. `bare` leaves the naming of the
intermediates out too. Both are "repeat" readings: the first round, which warms SymPy up, is not counted.
"""

from __future__ import annotations

import argparse
import gc
import itertools
import os
import statistics
import time
from dataclasses import dataclass

from sympy import (
    Expr,
    HadamardProduct,
    Lambda,
    MatAdd,
    MatMul,
    MatrixExpr,
    MatrixSymbol,
    OneMatrix,
    S,
    Symbol,
    Transpose,
    exp,
)

_t = Symbol("t")
SIGMOID = Lambda(_t, 1 / (1 + exp(-_t)))
_rounds = itertools.count()


@dataclass(frozen=True)
class Leaves:
    """What a model declares; lists are indexed by layer, entry 0 being the input's or unused."""

    tag: str
    sizes: list[Expr]
    weights: list[MatrixExpr | None]
    biases: list[MatrixExpr | None]
    ones: list[MatrixExpr]
    x: MatrixExpr
    y: MatrixExpr


@dataclass(frozen=True)
class Names:
    """The named intermediates, as symbols of the right shape."""

    z: list[MatrixExpr]
    a: list[MatrixExpr]
    delta: list[MatrixExpr]


def declare(depth: int) -> Leaves:
    """Fresh sizes n0 … nL, all distinct symbols, and the tensors over them."""
    tag = f"_{next(_rounds)}"
    n = [Symbol(f"n{k}{tag}", integer=True, positive=True) for k in range(depth + 1)]
    layers = range(1, depth + 1)
    return Leaves(
        tag=tag,
        sizes=n,
        weights=[None, *(MatrixSymbol(f"W{k}{tag}", n[k], n[k - 1]) for k in layers)],
        biases=[None, *(MatrixSymbol(f"b{k}{tag}", n[k], S.One) for k in layers)],
        ones=[OneMatrix(size, S.One) for size in n],
        x=MatrixSymbol(f"x{tag}", n[0], S.One),
        y=MatrixSymbol(f"y{tag}", n[depth], S.One),
    )


def name_intermediates(leaves: Leaves) -> Names:
    """Symbols z_l, a_l, δ_l; a_0 is the input itself and index 0 of the others is a filler."""
    tag, layers = leaves.tag, list(enumerate(leaves.sizes))[1:]
    return Names(
        z=[leaves.x, *(MatrixSymbol(f"z{k}{tag}", n, S.One) for k, n in layers)],
        a=[leaves.x, *(MatrixSymbol(f"a{k}{tag}", n, S.One) for k, n in layers)],
        delta=[leaves.x, *(MatrixSymbol(f"d{k}{tag}", n, S.One) for k, n in layers)],
    )


def recurrences(leaves: Leaves, names: Names) -> list[tuple[MatrixExpr, ...]]:
    """Right-hand sides: (z_l, a_l) forward, then (δ_l, ∂C/∂W_l, ∂C/∂b_l) from the last layer down."""
    W, z, a, delta = leaves.weights, names.z, names.a, names.delta
    depth, minus = len(leaves.sizes) - 1, S.NegativeOne
    rows: list[tuple[MatrixExpr, ...]] = []
    for k in range(1, depth + 1):
        rows.append((MatAdd(MatMul(W[k], a[k - 1]), leaves.biases[k]), z[k].applyfunc(SIGMOID)))
    for k in range(depth, 0, -1):
        if k == depth:
            reached = MatAdd(a[k], MatMul(minus, leaves.y))
        else:
            reached = MatMul(Transpose(W[k + 1]), delta[k + 1])
        pushed = HadamardProduct(reached, a[k], MatAdd(leaves.ones[k], MatMul(minus, a[k])))
        rows.append((pushed, MatMul(delta[k], Transpose(a[k - 1])), delta[k]))
    return rows


def seconds(depth: int) -> tuple[float, float]:
    """One round: (floor, bare) in seconds."""
    leaves = declare(depth)
    gc.collect()
    start = time.perf_counter()
    names = name_intermediates(leaves)
    named = time.perf_counter()
    rows = recurrences(leaves, names)
    end = time.perf_counter()
    assert len(rows) == 2 * depth
    return end - start, end - named


def pin() -> None:
    """Stay on one processor where the system lets us."""
    if hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, {max(os.sched_getaffinity(0))})


def main() -> None:
    parser = argparse.ArgumentParser(description="Time the SymPy floor alone.")
    parser.add_argument("--rounds", type=int, default=15)
    rounds = parser.parse_args().rounds
    pin()
    seconds(16)
    print("    L   floor ms   ms a layer   bare ms a layer")
    for depth in (16, 64, 256, 1000):
        floor, bare = (statistics.median(column) * 1e3 for column in zip(*(seconds(depth) for _ in range(rounds))))
        print(f"{depth:5d} {floor:10.2f} {floor / depth:12.4f} {bare / depth:17.4f}")


if __name__ == "__main__":
    main()
