"""The contract of a row of the op tables: every row is held to a definition written anew, and has all that is shown.

`op_cases` has one case for each row; a row without a case fails here. References are mpmath differences of that
definition at 60 digits for elementwise functions, and HIPS autograd for tensor functions.
"""

from __future__ import annotations

import re
from xml.etree import ElementTree

import autograd
import mpmath as mp
import numpy as np
import pytest
from op_cases import ONCE, SCALAR_CASES, TENSOR_CASES, TensorCase, scalar_data, scalar_net, tensor_data, tensor_net

import symbackprop as sb
from symbackprop.show.mathml import mathml
from symbackprop.notation import Notation
from symbackprop.numeric import Floats, Precise, run
from symbackprop.ops import SCALAR_OPS, TENSOR_OPS
from symbackprop.program import Program
from symbackprop.reverse import bar

DIGITS = 50
TENSORS = [(name, k) for name, cases in TENSOR_CASES.items() for k in range(len(cases))]
EVERY_SCALAR = pytest.mark.parametrize("name", SCALAR_CASES)
EVERY_TENSOR = pytest.mark.parametrize("name, k", TENSORS)
PRIMES = pytest.mark.parametrize("primes", ["output", "function"])


def test_every_row_has_a_case() -> None:
    assert SCALAR_CASES.keys() == SCALAR_OPS.keys()
    assert TENSOR_CASES.keys() | ONCE == TENSOR_OPS.keys()
    assert all(SCALAR_CASES[name].arity == row.arity for name, row in SCALAR_OPS.items())
    assert all(len(SCALAR_CASES[name].params) == len(row.params) for name, row in SCALAR_OPS.items())


def exact_params(params: tuple) -> list[mp.mpf]:
    return [mp.mpf(p.p) / p.q for p in params]


def values_of(net: Program, data: dict[str, np.ndarray], primes: str = "output") -> dict[str, np.ndarray]:
    """Forward and backward values at 50 digits."""
    sizes = {str(d): n for k, v in net.inputs.items() for d, n in zip(v.shape, data[k].shape) if d.is_Symbol}
    field = Precise(DIGITS)
    backward = sb.derive(net, notation=Notation(primes=primes)).backward
    return run(backward, run(net, data, sizes, field), sizes, field)


@EVERY_SCALAR
def test_an_elementwise_row_computes_its_definition(name: str) -> None:
    case, data = SCALAR_CASES[name], scalar_data(name)
    precise = values_of(scalar_net(name), data)["h"]
    floats = run(scalar_net(name), data, {"n": len(case.points)}, Floats())["h"]
    exported = sb.lambdify(sb.derive(scalar_net(name)))(**data)[1]["w"]
    with mp.workdps(DIGITS + 10):
        for at, point in enumerate(case.points):
            right = case.definition(*map(mp.mpf, point), *exact_params(case.params))
            assert abs(precise[at] - right) <= mp.mpf(10) ** -45 * (1 + abs(right)), (name, point)
            assert max(abs(floats[at] - right), abs(exported[at] - right)) <= 1e-14 * (1 + abs(right)), (name, point)


def slopes(name: str, argument: int) -> list[mp.mpf]:
    """The derivative of the definition at each point: a central difference whose error is below 1e-30."""
    case, step = SCALAR_CASES[name], mp.mpf(10) ** -18
    params = exact_params(case.params)
    found = []
    for point in case.points:
        sides = [case.definition(*(mp.mpf(t) + side * step * (k == argument) for k, t in enumerate(point)), *params)
                 for side in (1, -1)]
        found.append((sides[0] - sides[1]) / (2 * step))
    return found


@EVERY_SCALAR
@PRIMES
def test_the_derivative_of_an_elementwise_row(name: str, primes: str) -> None:
    case, data, net = SCALAR_CASES[name], scalar_data(name), scalar_net(name)
    precise = values_of(net, data, primes)
    _, floats = sb.lambdify(sb.derive(net, notation=Notation(primes=primes)))(**data)
    with mp.workdps(80):
        for k, argument in enumerate(list(net.inputs)[:case.arity]):
            right = [0 if k in case.flat else w * s for w, s in zip(map(mp.mpf, data["w"]), slopes(name, k))]
            for at, wanted in enumerate(right):
                assert abs(np.broadcast_to(precise[bar(argument)], len(right))[at] - wanted) <= mp.mpf(10) ** -30 * (1 + abs(wanted)), (argument, at)
                assert abs(floats[argument][at] - wanted) <= 1e-12 * (1 + abs(wanted)), (argument, at)


def arrays_of(case: TensorCase, net: Program) -> dict[str, np.ndarray]:
    return tensor_data(case, tuple(int(d) for d in net.inputs["w"].shape))


@EVERY_TENSOR
def test_a_tensor_row_and_its_pull_back(name: str, k: int) -> None:
    case = TENSOR_CASES[name][k]
    net = tensor_net(name, case)
    data = arrays_of(case, net)
    arguments = [data[n] for n in net.inputs if n != "w"]
    value = case.definition(*arguments)
    precise = values_of(net, data)
    assert precise["h"].shape == value.shape
    np.testing.assert_allclose(precise["h"].astype(float), value, rtol=1e-12, atol=1e-13)
    loss, gradients = sb.lambdify(sb.derive(net))(**data)
    np.testing.assert_allclose(loss, (data["w"] * value).sum(), rtol=1e-12, atol=1e-13)
    np.testing.assert_allclose(gradients["w"], value, rtol=1e-12, atol=1e-13)
    for at, argument in enumerate(n for n in net.inputs if n != "w"):
        right = autograd.grad(lambda *xs: autograd.numpy.sum(data["w"] * case.definition(*xs)), at)(*arguments)
        np.testing.assert_allclose(gradients[argument], right, rtol=1e-10, atol=1e-12)
        np.testing.assert_allclose(precise[bar(argument)].astype(float), right, rtol=1e-10, atol=1e-12)


@EVERY_TENSOR
def test_a_pull_back_is_the_derivative_of_its_value_to_many_digits(name: str, k: int) -> None:
    case = TENSOR_CASES[name][k]
    net = tensor_net(name, case)
    data = arrays_of(case, net)
    backward = values_of(net, data)
    rng = np.random.default_rng(11)
    for argument in (n for n in net.inputs if n != "w"):
        along = rng.choice((-1.0, 1.0), data[argument].shape) * rng.uniform(0.5, 1.5, data[argument].shape)
        with mp.workdps(90):
            step = mp.mpf(10) ** -25
            sides = [run(net, data | {argument: data[argument] + side * step * along.astype(object)}, {}, Precise(80))["C"]
                     for side in (1, -1)]
            slope = (sides[0] - sides[1]) / (2 * step)
            mine = (backward[bar(argument)] * along.astype(object)).sum()
            assert abs(slope - mine) <= mp.mpf(10) ** -40 * (1 + abs(slope))


def shown() -> dict[str, Program]:
    """A network around every row."""
    nets = {name: scalar_net(name) for name in SCALAR_CASES}
    return nets | {f"{name}-{k}": tensor_net(name, TENSOR_CASES[name][k]) for name, k in TENSORS}


SHOWN = shown()
EVERY = pytest.mark.parametrize("name", SHOWN)


@EVERY
def test_a_row_is_written_in_text_latex_and_mathml(name: str) -> None:
    derivation = sb.derive(SHOWN[name])
    for equation in (*derivation.program.equations, *derivation.backward.equations):
        text, tex = (derivation.writer(tex).write(equation.expr) for tex in (False, True))
        for written in (text, tex):
            assert written.strip() and written.count("(") == written.count(")")
            assert not re.search(r"\b(Map|Apply|Contract|Lambda|Function|None)\b", written)
        assert "\\" not in text and "{" not in text and tex.count("{") == tex.count("}")
        ElementTree.fromstring(mathml(tex))


@EVERY
def test_every_step_through_a_row_has_a_reason(name: str) -> None:
    derivation = sb.derive(SHOWN[name])
    for argument in derivation.wrt:
        for step in derivation.gradients[argument].steps:
            assert step.rule.strip() and step.because.strip(), (argument, step)
    stem = name.partition("-")[0]
    if stem in TENSOR_OPS and SHOWN[name].equations[0].expr.children:
        row = TENSOR_OPS[stem]
        steps = derivation.gradients["A"].steps
        assert row.because and any(s.because == row.because and s.condition == row.condition for s in steps)
    elif stem in SCALAR_OPS and stem != "pow" and (kinks := SCALAR_OPS[stem].kinks) and derivation.gradients["a"].steps:
        assert any(step.condition == kinks for step in derivation.gradients["a"].steps)


# What the LaTeX reader refuses, with a line and a column: a power to a tensor, a bare condition, parameters that are not
# the usual ones, and along an axis what has no common notation.
MATRICES = {*(f"{name}_derivative-0" for name in ("expm", "sinm", "cosm")), "expm_derivative-1", "tril-1", "sylvester-0", "eigenvalue-0", "eigenvector-1", "resolvent-0"}
REFUSED = MATRICES | {"leaky_relu", "elu", "power", "where", "logsumexp-1", "logsumexp-2", "max-0", "max-1", "max-2", "prod-1", "prod-2"}
NO_MATRICES = {"softmax-3", "log_softmax-3", "logsumexp-3"}
SILENT = {"unit-0", "softmax-4", "top_singular-0", "top_singular-1",  # e₂, u₁, v₁ are any vectors unless declared; a column has no rows to speak of
          *(f"pad-{k}" for k in range(4)), *(f"fold-{k}" for k in range(3))}  # what is copied how often is not said


def declaration(name: str, shape: tuple) -> str:
    return rf"{name} \in \mathbb{{R}}" + ("^{%s}" % r" \times ".join(map(str, shape)) if shape else "")


@pytest.mark.parametrize("name", [n for n in SHOWN if n not in NO_MATRICES | SILENT])
def test_what_is_written_in_latex_is_read_back_with_its_value(name: str) -> None:
    net = SHOWN[name]
    writer = sb.derive(net).writer(True)
    declared = r" \quad ".join(declaration(k, v.shape) for k, v in net.inputs.items())
    sign = r"\sum w \odot h" if net.inputs["w"].shape else "w h"
    text = rf"$ {declared} $" + "\n\n" + rf"\[ h = {writer.write(net.equations[0].expr)} \]" + "\n" + rf"\[ C = {sign} \]"
    if name in REFUSED:
        with pytest.raises(sb.SymbackpropError, match=r"line 3, column \d+"):
            sb.parse(text)
        return
    stem, _, k = name.partition("-")
    data = scalar_data(name) if stem in SCALAR_CASES else arrays_of(TENSOR_CASES[stem][int(k)], net)
    sizes = {"n": len(data["w"])} if stem in SCALAR_CASES else {}
    wanted = run(net, data, sizes, Floats())["h"]
    found = run(sb.parse(text), data, sizes, Floats())["h"]
    np.testing.assert_allclose(found, wanted, rtol=1e-12, atol=1e-14)
