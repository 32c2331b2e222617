"""The differential style: hand-written lines, and the last pairing of every reading equal to the first at random points."""

from __future__ import annotations

import autograd
import autograd.numpy as anp
import numpy as np
import pytest

import symbackprop as sb
from symbackprop.differentials import readings
from symbackprop.numeric import Floats, evaluate, run

BATCH = "X: R[n, k]; W: R[m, n]; Y: R[m, k]\nZ = W @ X\nA = sigmoid(Z)\nC = sum((A - Y)**2) / 2"
LINES = {
    (BATCH, "W"): ["dZ = dW X", "dC = tr(Δᵀ dZ) = tr(Δᵀ dW X) = tr((Δ Xᵀ)ᵀ dW)", "∂C/∂W = Δ Xᵀ"],
    (BATCH, "X"): ["dZ = W dX", "dC = tr(Δᵀ dZ) = tr(Δᵀ W dX) = tr((Wᵀ Δ)ᵀ dX)", "∂C/∂X = Wᵀ Δ"],
    ("x: R[n]; W: R[m, n]; b: R[m]\nz = W @ x + b\na = tanh(z)\nC = sum(a**2) / 2", "b"): [
        "dz = db", "dC = δᵀ dz = δᵀ db", "∂C/∂b = δ"],
    ("x: R[n]; A: R[n, n]\nu = A @ x\nC = sum((A @ u)**2) / 2", "A"): [
        "du = dA x", "dC|_u = (∂C/∂u)ᵀ du = (∂C/∂u)ᵀ dA x = tr((∂C/∂u xᵀ)ᵀ dA)", "dC|_C = uᵀ Aᵀ dA u = tr((A u uᵀ)ᵀ dA)",
        "∂C/∂A = ∂C/∂u xᵀ + A u uᵀ"],
}


@pytest.mark.parametrize("model, name", LINES)
def test_lines_are_those_of_a_derivation_by_hand(model: str, name: str) -> None:
    assert sb.derive(sb.parse(model)).gradients[name].differentials().split("\n") == LINES[model, name]


def test_latex_is_one_aligned_block() -> None:
    tex = sb.derive(sb.parse(BATCH)).gradients["W"].differentials(tex=True)
    assert tex.split("\n")[1] == r"\mathrm{d}Z &= \mathrm{d}W X \\" and tex.count("{") == tex.count("}")


def test_both_ends_of_every_reading_are_the_differential_of_the_loss() -> None:
    program = sb.parse(BATCH)
    derivation = sb.derive(program)
    rng = np.random.default_rng(2)
    sizes = {"n": 3, "k": 4, "m": 2}
    data = {n: rng.normal(size=[sizes[str(d)] for d in v.shape]) for n, v in program.inputs.items()}
    known = run(derivation.backward, run(program, data, sizes, Floats()), sizes, Floats())
    along = rng.normal(size=data["W"].shape)
    wanted = np.sum(along * autograd.grad(lambda w: anp.sum((1 / (1 + anp.exp(-w @ data["X"])) - data["Y"])**2) / 2)(data["W"]))
    reading, = readings(program, derivation.backward, "W", "output")
    moved = evaluate(reading.moved, {**known, "˙W": along}, sizes, Floats())
    assert np.sum(known["∂Z"] * moved) == pytest.approx(wanted)
    assert np.sum(evaluate(reading.share, known, sizes, Floats()) * along) == pytest.approx(wanted)
