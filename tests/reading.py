"""Formulas read as LaTeX and evaluated at random points, to hold them against NumPy code written by hand."""

from __future__ import annotations

import numpy as np

from symbackprop.numeric import Floats, evaluate
from symbackprop.program import Program
from symbackprop.tex.read import read_document

SIZES = {"n": 3, "m": 4, "k": 2, "p": 5, "N": 6}


def document(*lines: str) -> Program:
    return read_document("\n".join(lines))


def data(program: Program, seed: int = 0, positive: bool = False) -> dict[str, np.ndarray]:
    """Random arrays for the inputs, at sizes that tell axes apart."""
    rng = np.random.default_rng(seed)
    out = {}
    for name, var in program.inputs.items():
        shape = tuple(int(d.subs({s: SIZES[s.name] for s in d.free_symbols})) for d in var.shape)
        out[name] = rng.uniform(0.2, 1.5, shape) if positive else rng.normal(size=shape)
    return out


def value_of(program: Program, name: str, values: dict[str, np.ndarray]) -> np.ndarray:
    """The value of an equation."""
    known = dict(values)
    for equation in program.equations:
        known[equation.name] = np.asarray(evaluate(equation.expr, known, SIZES, Floats()), dtype=float)
    return known[name]


def agrees(lines: list[str], name: str, numpy: object, positive: bool = False, seeds: int = 2) -> None:
    """The equation `name` of the document equals the NumPy function of its inputs."""
    program = document(*lines)
    for seed in range(seeds):
        values = data(program, seed, positive)
        found, wanted = value_of(program, name, values), np.asarray(numpy(**values))
        assert found.shape == wanted.shape, (found.shape, wanted.shape)
        np.testing.assert_allclose(found, wanted, rtol=1e-10, atol=1e-12)
