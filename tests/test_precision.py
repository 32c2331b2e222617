"""What exported functions do with the arrays that people have: single precision, whole numbers, views, NaN, odd names."""

from __future__ import annotations

import inspect

import numpy as np
import pytest
from op_cases import SCALAR_CASES, TENSOR_CASES, scalar_data, scalar_net, tensor_data, tensor_net

import symbackprop as sb
from symbackprop.codegen import compile_module
from symbackprop.notation import Notation
from symbackprop.program import Program

SINGLE = np.dtype(np.float32)
MODELS = {  # what makes arrays that are no function of an argument: ones, identities, flags, constants
    "ones": "x: R[n]; C = sum(ones(n) * 2) * sum(x)",
    "identity": "A: R[n, n]; C = sum((A + eye(n)) ** 2)",
    "constant entries": "x: R[n]; C = sum(maximum(x, 0.5))",
    "flags": "x: R[n]; y: R[n]\nC = sum((x > y) * x) + sum(where(x > 0.5, x, 2 * y))",
    "root of a size": "x: R[n]; C = sum(x) / sqrt(n)",
    "mean": "X: R[B, n]; C = mean((X - X.mean(axis=0)) ** 2)",
    "largest": "x: R[n]; C = sum(x / x.max())",
    "own function": "x: R[n]\nf = lambda t: where(t > 0, t, t / 3)\nC = sum(f(x) * x)",
    "flat": "X: R[B, n]; C = sum(X)",
    "scalar": "a: R; x: R[n]; C = relu(a) * sum(x) + gelu(a)",
    "network": "X: R[B, n]; W: R[m, n]; b: R[m]; Y: R[B, m]\nC = sum((sigmoid(X @ W.T + b) - Y)**2) / (2 * B)",
}
SIZES = {"n": 3, "m": 2, "B": 4}


def nets() -> dict[str, tuple[Program, dict[str, np.ndarray]]]:
    """A network around every row of both tables, and the models above, each with data."""
    made = {name: (scalar_net(name), scalar_data(name)) for name in SCALAR_CASES}
    for name, cases in TENSOR_CASES.items():
        for k, case in enumerate(cases):
            net = tensor_net(name, case)
            made[f"{name}-{k}"] = net, tensor_data(case, tuple(int(d) for d in net.inputs["w"].shape))
    rng = np.random.default_rng(3)
    for name, text in MODELS.items():
        net = sb.parse(text.replace("; C", "\nC"))
        made[name] = net, {k: rng.uniform(0.2, 1.5, tuple(SIZES[str(d)] for d in v.shape)) for k, v in net.inputs.items()}
    return made


NETS = nets()
EVERY = pytest.mark.parametrize("name", NETS)


def outcome(call, data: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
    loss, gradients = call(**data)
    return {"(loss)": np.asarray(loss), **{k: np.array(v) for k, v in gradients.items()}}


def close(found: dict[str, np.ndarray], wanted: dict[str, np.ndarray], rtol: float) -> None:
    assert found.keys() == wanted.keys()
    for key, right in wanted.items():
        assert found[key].shape == right.shape
        np.testing.assert_allclose(found[key], right, rtol=rtol, atol=rtol * np.abs(right).max(initial=1), err_msg=key)


def bound(net: Program, data: dict[str, np.ndarray]) -> dict[str, int]:
    return {str(d): n for k, v in net.inputs.items() for d, n in zip(v.shape, data[k].shape) if d.is_Symbol}


@EVERY
@pytest.mark.parametrize("primes", ["output", "function"])
def test_single_precision_in_is_single_precision_out(name: str, primes: str) -> None:
    net, data = NETS[name]
    source = sb.export(sb.derive(net, notation=Notation(primes=primes)))
    space = compile_module(source)
    right = outcome(space["value_and_grad"], data)
    single = {k: v.astype(np.float32) for k, v in data.items()}
    for call in (space["value_and_grad"], space["make_value_and_grad"](bound(net, data), dtype=np.float32)):
        found = outcome(call, single)
        assert {k: v.dtype for k, v in found.items()} == dict.fromkeys(found, SINGLE), source
        close(found, right, 2e-5)


@pytest.mark.parametrize("name", SCALAR_CASES)
def test_whole_numbers_mean_what_they_mean_as_floats(name: str) -> None:
    call, data = sb.lambdify(sb.derive(scalar_net(name))), scalar_data(name, whole=True)
    right = outcome(call, {k: v.astype(float) for k, v in data.items()})
    for kind in (int, np.int8):
        found = outcome(call, {k: v.astype(kind) for k, v in data.items()})
        assert {v.dtype for v in found.values()} == {np.dtype(float)}
        close(found, right, 0.0)


@EVERY
def test_views_read_only_arrays_and_lists_are_inputs_like_others(name: str) -> None:
    net, data = NETS[name]
    call = sb.lambdify(sb.derive(net))
    right = outcome(call, data)
    wide = {k: np.repeat(v, 2, axis=-1)[..., ::2] if v.ndim else v for k, v in data.items()}
    turned = {k: np.asfortranarray(v[::-1])[::-1] if v.ndim else v for k, v in data.items()}
    for kept in (wide, turned):
        for value in kept.values():
            value.flags.writeable = False
        close(outcome(call, kept), right, 1e-12)
    close(outcome(call, {k: v.tolist() for k, v in data.items()}), right, 0.0)


@EVERY
def test_inputs_are_never_modified(name: str) -> None:
    net, data = NETS[name]
    space = compile_module(sb.export(sb.derive(net)))
    before = {k: v.copy() for k, v in data.items()}
    for call in (space["value_and_grad"], space["make_value_and_grad"](bound(net, data))):
        loss, gradients = call(**data)
        for value in gradients.values():
            if value.ndim:
                value[...] = np.nan
        for key, value in data.items():
            np.testing.assert_array_equal(value, before[key])


@pytest.mark.parametrize("name", [n for n, case in SCALAR_CASES.items() if case.keeps_nan])
def test_nan_reaches_the_loss(name: str) -> None:
    call, data = sb.lambdify(sb.derive(scalar_net(name))), scalar_data(name)
    for key, value in data.items():
        with np.errstate(invalid="ignore"):
            loss, gradients = call(**data | {key: np.where(np.arange(len(value)) == 1, np.nan, value)})
        assert np.isnan(loss), key
        assert np.isnan(gradients["w"][1]) == (key != "w") and not np.isnan(np.delete(gradients["w"], 1)).any()


@pytest.mark.parametrize("fact", ["sum(x) == 1", "x > 0", "x < 1"])
def test_nan_keeps_no_assumption(fact: str) -> None:
    call = sb.lambdify(sb.derive(sb.parse(f"x: R[n]\nfact: {fact}\nC = sum(x**2)")))
    with pytest.raises(ValueError, match="the data break the assumption"):
        call(x=np.array([np.nan, 0.5]))


TAKEN = ("max", "min", "sum", "abs", "print", "exec", "float", "int", "type", "dtype", "check", "sizes", "erf",
         "sigmoid", "softmax", "as_array", "value_and_grad", "make_value_and_grad", "match", "str", "list", "d_W", "C_part")


@pytest.mark.parametrize("name", TAKEN)
def test_a_name_of_python_or_numpy_may_name_an_input(name: str) -> None:
    def model(word: str) -> str:
        return f"{word}: R[n]\nW: R[n, n]\nh = softmax(W @ {word})\nC = sum(gelu(h) * log(h)) + sum(relu({word}))"
    rng = np.random.default_rng(5)
    data = {"v": rng.normal(size=3), "W": rng.normal(size=(3, 3))}
    right = outcome(sb.lambdify(sb.derive(sb.parse(model("v")))), data)
    net = sb.parse(model(name))
    call = sb.lambdify(sb.derive(net))
    word = name + "_" if name + "_" in inspect.signature(call).parameters else name
    found = outcome(call, {word: data["v"], "W": data["W"]})
    close({("v" if k == name else k): v for k, v in found.items()}, right, 1e-12)


@pytest.mark.parametrize("name", ["lambda", "in", "class", "None", "import", "np"])
def test_a_word_of_the_language_is_refused_where_a_model_is_read(name: str) -> None:
    with pytest.raises(sb.ParseError):
        sb.parse(f"{name}: R[n]\nC = sum({name}**2)")
