"""`make_value_and_grad` of the exported modules: the same numbers as autograd, in arrays that are made once."""

from __future__ import annotations

import re
import tracemalloc

import autograd.numpy as anp
import numpy as np
import pytest
from autograd import grad
from convolution_definitions import convolved
from oracle.compare import survey

import symbackprop as sb
from symbackprop.codegen import compile_module
from symbackprop.doors import export

NETWORK = """
X: R[B, n]; Y: R[B, k]; W1: R[n, m]; b1: R[m]; W2: R[m, k]; b2: R[k]
H = tanh(X @ W1 + b1)
C = sum((sigmoid(H @ W2 + b2) - Y)**2) / (2 * B)
"""
SIZES = {"B": 5, "n": 4, "m": 3, "k": 2}


def arrays(seed: int = 0, dtype: type = float) -> dict[str, np.ndarray]:
    rng = np.random.default_rng(seed)
    shapes = {"X": (5, 4), "Y": (5, 2), "W1": (4, 3), "b1": (3,), "W2": (3, 2), "b2": (2,)}
    return {name: rng.normal(size=shape).astype(dtype) for name, shape in shapes.items()}


def module(text: str = NETWORK, **options: object) -> dict:
    return compile_module(export(sb.derive(sb.parse(text), **options)))


def twice(text: str, sizes: dict[str, int], data: dict[str, np.ndarray]) -> tuple:
    """The results of a second call, after one with other data has filled every array."""
    call = module(text)["make_value_and_grad"](sizes)
    for value in data.values():
        value.flags.writeable = False
    with np.errstate(all="ignore"):
        call(check=False, **{name: value * 0.5 for name, value in data.items()})
    return call(**data)


@pytest.mark.parametrize("block", range(3))
def test_random_programs_agree_with_autograd(block: int) -> None:
    summary = survey(range(7000 + 50 * block, 7050 + 50 * block), twice)
    assert not summary.wrong, [(r.seed, r.message) for r in summary.wrong]
    assert summary.compared > 40


def test_results_live_in_the_workspace_and_inputs_do_not() -> None:
    call = module()["make_value_and_grad"](SIZES)
    first, second = arrays(1), arrays(2)
    _, kept = call(**first)
    held = {name: value.copy() for name, value in kept.items()}
    _, again = call(**second)
    assert all(kept[name] is again[name] for name in kept)
    assert all(np.abs(kept[name] - held[name]).max() > 1e-6 for name in kept)
    assert not any(np.shares_memory(a, b) for a in again.values() for b in second.values())
    results = list(again.values())
    assert not any(np.shares_memory(a, b) for k, a in enumerate(results) for b in results[:k])


def test_a_call_makes_no_array() -> None:
    text = "X: R[B, n]; W: R[n, n]; Y: R[B, n]\nC = sum((tanh(X @ W) - Y)**2)"
    call = module(text)["make_value_and_grad"]({"B": 200, "n": 100})
    data = {name: np.random.default_rng(0).normal(size=shape) for name, shape in
            (("X", (200, 100)), ("W", (100, 100)), ("Y", (200, 100)))}
    call(**data)
    tracemalloc.start()
    call(**data)
    top = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert top < 8192  # one array has 80,000 bytes


@pytest.mark.parametrize("sizes", [{}, {"B": 5, "n": 4, "m": 3}, {**SIZES, "k": 0}, {**SIZES, "k": 2.0}, None])
def test_a_size_that_is_not_given_is_named(sizes: dict) -> None:
    with pytest.raises(ValueError, match="sizes lacks a whole number for"):
        module()["make_value_and_grad"](sizes)


def test_other_sizes_and_wider_types_are_refused() -> None:
    call = module()["make_value_and_grad"](SIZES, np.float32)
    with pytest.raises(ValueError, match=r"W1 has shape \(3, 3\), wanted \(4, 3\)"):
        call(**{**arrays(dtype=np.float32), "W1": np.zeros((3, 3), np.float32)})
    with pytest.raises(ValueError, match="X holds float64, but this function was made for float32"):
        call(**{**arrays(dtype=np.float32), "X": np.zeros((5, 4))})
    loss, gradients = call(**{**arrays(dtype=np.float32), "X": np.ones((5, 4), int)})
    assert {np.asarray(v).dtype for v in (loss, *gradients.values())} == {np.dtype(np.float32)}


def test_arrays_that_are_not_contiguous_are_read_right() -> None:
    data = arrays(3)
    wanted = module()["value_and_grad"](**data)
    turned = {name: np.asfortranarray(value) if value.ndim == 2 else np.repeat(value, 2)[::2] for name, value in data.items()}
    found = module()["make_value_and_grad"](SIZES)(**turned)
    assert np.isclose(found[0], wanted[0])
    for name, value in wanted[1].items():
        np.testing.assert_allclose(found[1][name], value, rtol=1e-12)


TINY = """
x: R[3]; y: R[2]; W1: R[4, 3]; b1: R[4]; W2: R[2, 4]; b2: R[2]
h = sigmoid(W1 @ x + b1)
C = sum((sigmoid(W2 @ h + b2) - y)**2) / 2
"""


def tiny(scale: float = 1.0, dtype: type = float) -> dict[str, np.ndarray]:
    rng = np.random.default_rng(0)
    shapes = {"x": (3,), "y": (2,), "W1": (4, 3), "b1": (4,), "W2": (2, 4), "b2": (2,)}
    return {name: (scale * rng.normal(size=shape)).astype(dtype) for name, shape in shapes.items()}


@pytest.mark.parametrize("scale", [1.0, 1e4, 1e300])
def test_straight_line_code_computes_what_numpy_does(scale: float) -> None:
    source = export(sb.derive(sb.parse(TINY)))
    assert ".tolist()" in source  # sizes this small are worth straight lines
    names = compile_module(source)
    data = tiny(scale)
    with np.errstate(all="ignore"):
        wanted, found = names["value_and_grad"](**data), names["make_value_and_grad"]()(**data)
    np.testing.assert_allclose(found[0], wanted[0], rtol=1e-12)
    for name, value in wanted[1].items():
        np.testing.assert_allclose(found[1][name], value, rtol=1e-10, atol=1e-300)


def test_straight_line_code_keeps_single_precision_and_nan() -> None:
    call = compile_module(export(sb.derive(sb.parse(TINY))))["make_value_and_grad"](dtype=np.float32)
    loss, gradients = call(**tiny(dtype=np.float32))
    assert {np.asarray(v).dtype for v in (loss, *gradients.values())} == {np.dtype(np.float32)}
    data = tiny(dtype=np.float32)
    data["x"][1] = np.nan
    loss, gradients = call(**data)
    assert np.isnan(loss) and np.isnan(gradients["W2"]).all()


@pytest.mark.parametrize("text, x", [
    ("x: R[2]; C = sum(exp(x))", [1000.0, 1.0]), ("x: R[2]; C = sum(log(x))", [0.0, 1.0]), ("x: R[2]; C = sum(1 / x)", [0.0, 1.0]),
    ("x: R[2]; C = sum(sqrt(x))", [0.0, 1.0]), ("x: R[2]; C = sum(relu(x)) + sum(abs(x))", [np.nan, -1.0])])
def test_straight_line_code_leaves_the_range_of_floats_as_numpy_does(text: str, x: list) -> None:
    names = compile_module(export(sb.derive(sb.parse(text))))
    with np.errstate(all="ignore"):
        wanted, found = (call(x=np.array(x)) for call in (names["value_and_grad"], names["make_value_and_grad"]()))
    np.testing.assert_array_equal(found[0], wanted[0])
    np.testing.assert_array_equal(found[1]["x"], wanted[1]["x"])


MASKS = {
    "relu(x)**2": lambda x, y: np.where(x > 0, 2 * x, 0), "relu(x)**3": lambda x, y: np.where(x > 0, 3 * x**2, 0),
    "relu(x)**2 / y": lambda x, y: np.where(x > 0, 2 * x / y, 0), "relu(x) * relu(-x) + relu(x) * y": lambda x, y: np.where(x > 0, y, 0),
    "relu(x) * relu(x - y)": lambda x, y: np.where(x > 0, np.maximum(x - y, 0), 0) + np.where(x > y, np.maximum(x, 0), 0),
    "relu(x) * x": lambda x, y: np.where(x > 0, 2 * x, 0), "relu(x - y)**2 * relu(x)": lambda x, y:
    np.where(x > y, 2 * (x - y) * np.maximum(x, 0), 0) + np.where(x > 0, np.maximum(x - y, 0)**2, 0),
}


@pytest.mark.parametrize("right", MASKS)
def test_a_mask_is_left_out_only_where_it_changes_nothing(right: str) -> None:
    rng = np.random.default_rng(1)
    x, y = rng.normal(size=40), rng.uniform(-1, 1, size=40)
    names = module(f"x: R[n]; y: R[n]\nC = sum({right})", wrt=["x"])
    for call in (names["value_and_grad"], names["make_value_and_grad"]({"n": 40})):
        np.testing.assert_allclose(call(x=x, y=y)[1]["x"], MASKS[right](x, y), rtol=1e-12)


CONVOLVED = """X: R[B, c, 9, 8]; K: R[4, c, 3, 2]; b: R[4]
H = relu(conv2d(X, K, stride=2, padding=1) + b[:, None, None])
C = sum(H**2) / (2 * B)"""


def test_a_convolution_passes_over_its_feature_maps_four_times() -> None:
    """The bias lies beside the kernel, its gradient in a column of the kernel's."""
    made = export(sb.derive(sb.parse(CONVOLVED), wrt=["K", "b"])).split("def compute")[1]
    assert re.findall(r"^ +(?:\w+ = )?np\.(\w+)", made, re.M) == [
        "copyto", "copyto", "copyto", "dot", "maximum", "vdot", "dot", "multiply", "multiply", "copyto"]
    head = export(sb.derive(sb.parse(CONVOLVED), wrt=["K", "b"])).split("def make_value_and_grad")[1].split("def compute")[0]
    assert len(re.findall(r"empty\(4, 25 \* B|empty\(4, B, 5, 5", head)) == 2  # the maps and an array of zeros


def test_a_convolution_with_stride_padding_and_channels_is_that_of_its_definition() -> None:
    rng = np.random.default_rng(2)
    data = {"X": rng.normal(size=(3, 2, 9, 8)), "K": rng.normal(size=(4, 2, 3, 2)), "b": rng.normal(size=4)}

    def loss(a: dict) -> float:
        H = anp.maximum(convolved(a["X"], a["K"], 2, 1) + a["b"][:, None, None], 0)
        return anp.sum(H**2) / 6
    wanted = grad(loss)(data)
    call = module(CONVOLVED)["make_value_and_grad"]({"B": 3, "c": 2})
    call(**{n: v * 3 for n, v in data.items()})
    value, found = call(**data)
    assert np.isclose(value, loss(data), rtol=1e-12)
    for name, right in wanted.items():
        np.testing.assert_allclose(found[name], right, rtol=1e-10, atol=1e-12)


@pytest.mark.parametrize("shape, bias, index", [("B, 1, 3, 4", "3", "b[:, None, None]"), ("B, 1, 3, 4", "3, 1, 1", "b"), ("B, 1, 3, 4", "2", "b"),
                                                ("1, 3, 4", "3", "b[:, None, None]"), ("3, 1, 3, 4", "3", "b[:, None, None, None]")])
def test_biases_of_every_shape_lie_where_they_belong(shape: str, bias: str, index: str) -> None:
    rng, dims = np.random.default_rng(7), [3 if d == "B" else int(d) for d in shape.split(", ")]
    data = {"X": rng.normal(size=dims), "K": rng.normal(size=(3, 1, 3, 3)), "b": rng.normal(size=[3 if d == "B" else int(d) for d in bias.split(", ")])}

    def loss(a: dict) -> float:
        Z = convolved(a["X"] if len(dims) == 4 else a["X"][None], a["K"], 1, 0)
        b = a["b"] if index == "b" else a["b"].reshape(-1, *[1] * index.count("None"))
        return anp.sum(anp.tanh(Z + b)**2)
    call = module(f"X: R[{shape}]; K: R[3, 1, 3, 3]; b: R[{bias}]\nC = sum(tanh(conv2d(X, K) + {index})**2)", wrt=["K", "b"])["make_value_and_grad"]
    made = call({"B": 3})
    made(**{n: v * 3 for n, v in data.items()})
    value, found = made(**data)
    wanted = grad(loss)(data)
    assert np.isclose(value, loss(data), rtol=1e-12)
    for name in found:
        np.testing.assert_allclose(found[name], wanted[name], rtol=1e-10, atol=1e-12)


LINEAR = "X: R[B, n]; W: R[n, m]; b: R[m]; Y: R[B, m]\nC = sum((X @ W + b - Y)**2) / (2 * B)"


def test_a_number_before_several_products_is_multiplied_once() -> None:
    made = export(sb.derive(sb.parse(LINEAR), wrt=["W", "b", "X"])).split("def compute")[1]
    assert re.findall(r"np\.multiply\((k\d+), [\w.]+, out=", made) == ["k1"]
    alone = export(sb.derive(sb.parse(LINEAR), wrt=["b"])).split("def compute")[1]
    assert alone.index("np.dot(k") < alone.index("np.multiply(k", alone.index("np.dot(k"))  # of m numbers, not of B m
    rng = np.random.default_rng(3)
    data = {"X": rng.normal(size=(5, 4)), "W": rng.normal(size=(4, 3)), "b": rng.normal(size=3), "Y": rng.normal(size=(5, 3))}
    residual = (data["X"] @ data["W"] + data["b"] - data["Y"]) / 5
    wanted = {"W": data["X"].T @ residual, "b": residual.sum(axis=0), "X": residual @ data["W"].T}
    _, found = module(LINEAR, wrt=["W", "b", "X"])["make_value_and_grad"]({"B": 5, "n": 4, "m": 3})(**data)
    for name, right in wanted.items():
        np.testing.assert_allclose(found[name], right, rtol=1e-12)


def test_a_number_reaches_a_factor_through_its_views_and_once_where_it_stands_twice() -> None:
    text = "X: R[B, n]; S: R[n, n]; T: R[n, n]; U: R[B, n]\nQ = X @ S\nC = sum(tanh(Q.T @ Q / 7) * T) + sum(tanh(Q @ S / 7) * U)"
    rng = np.random.default_rng(4)
    data = {"X": rng.normal(size=(5, 4)), "S": rng.normal(size=(4, 4)), "T": rng.normal(size=(4, 4)), "U": rng.normal(size=(5, 4))}

    def loss(X: np.ndarray) -> float:
        Q = anp.dot(X, data["S"])
        return anp.sum(anp.tanh(anp.dot(Q.T, Q) / 7) * data["T"]) + anp.sum(anp.tanh(anp.dot(Q, data["S"]) / 7) * data["U"])
    value, found = module(text, wrt=["X"])["make_value_and_grad"]({"B": 5, "n": 4})(**data)
    assert np.isclose(value, loss(data["X"]), rtol=1e-12)
    np.testing.assert_allclose(found["X"], grad(loss)(data["X"]), rtol=1e-11)


def test_a_rectifier_writes_over_its_argument_and_its_mask_reads_the_result() -> None:
    text = "X: R[B, n]; W: R[n, n]; V: R[n, n]\nH = relu(X @ W)\nC = sum(tanh(H @ V))"
    made = export(sb.derive(sb.parse(text), wrt=["W", "V"])).split("def compute")[1]
    place = re.search(r"np\.maximum\((w\d+), k\d+, out=(w\d+)\)", made)
    assert place[1] == place[2] and f"np.greater({place[2]}, 0" in made
    rng = np.random.default_rng(5)
    data = {name: rng.normal(size=shape) for name, shape in (("X", (5, 4)), ("W", (4, 4)), ("V", (4, 4)))}
    data["X"][2] = 0  # exactly on the corner
    wanted = grad(lambda a: anp.sum(anp.tanh(anp.where(a["X"] @ a["W"] > 0, a["X"] @ a["W"], 0) @ a["V"])))(data)
    _, found = module(text, wrt=["W", "V"])["make_value_and_grad"]({"B": 5, "n": 4})(**data)
    for name in found:
        np.testing.assert_allclose(found[name], wanted[name], rtol=1e-12, atol=1e-14)


def test_a_sum_of_products_is_two_inner_products_and_a_shared_number_is_multiplied_once() -> None:
    text = "x: R[n]; y: R[n]; W: R[n, n]; V: R[n, n]\nz = W @ x / 7 - V @ x / 7\nC = sum(x * log(1 + y * y) + sin(y) * z)"
    made = export(sb.derive(sb.parse(text), wrt=["y"])).split("def compute")[1]
    assert made.count("np.vdot(") == 2 and "np.add.reduce" not in made
    rng = np.random.default_rng(6)
    data = {"x": rng.normal(size=4), "y": rng.normal(size=4), "W": rng.normal(size=(4, 4)), "V": rng.normal(size=(4, 4))}
    value, found = module(text, wrt=["y"])["make_value_and_grad"]({"n": 4})(**data)
    z = (data["W"] - data["V"]) @ data["x"] / 7
    assert np.isclose(value, np.sum(data["x"] * np.log(1 + data["y"]**2) + np.sin(data["y"]) * z), rtol=1e-12)
    np.testing.assert_allclose(found["y"], data["x"] * 2 * data["y"] / (1 + data["y"]**2) + np.cos(data["y"]) * z, rtol=1e-12)
