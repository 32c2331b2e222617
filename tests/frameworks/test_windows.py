"""What slides, cuts and pads in exported JAX and PyTorch code, against HIPS autograd of NumPy and of the definitions."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace

import jax
import numpy as np
import pytest
import test_convolution
import test_indexing
import torch
from autograd import grad
from gallery_oracle import Reading
from gallery_sliding import CASES as SYSTEMS
from running import close, module
from test_gallery_sliding import MODELS, bindings

import symbackprop as sb
from symbackprop.codegen import compile_module
from symbackprop.points import bind_sizes, draw

FOLDER = Path(__file__).parents[2] / "examples" / "gallery"
OTHERS = [path for path in sorted(FOLDER.glob("*.net")) if path not in MODELS]
TARGETS = pytest.mark.parametrize("to", ["jax", "torch"])


def run(to: str, source: str, data: dict[str, np.ndarray]) -> tuple[float, dict[str, np.ndarray]]:
    """The function of an exported file; jitted where that can be."""
    torch.set_default_dtype(torch.float64)
    call, arrays = compile_module(source)["value_and_grad"], {n: v for n, v in data.items() if not callable(v)}
    functions = {n: v for n, v in data.items() if callable(v)}
    if to == "jax":
        call = jax.jit(lambda **given: compile_module(source)["value_and_grad"](**given, **functions, check=False))
        value, found = call(**arrays)
    else:
        value, found = call(**arrays, **functions)
    return float(value), {n: np.asarray(v) for n, v in found.items()}


def agree(to: str, text: str, data: dict, weights: dict, loss: Callable) -> None:
    value, found = run(to, sb.export(sb.derive(sb.parse(text), wrt=list(data)), to), {**data, **weights})
    assert np.isclose(value, loss(data), rtol=1e-11, atol=1e-12)
    close(found, grad(loss)(data))


@TARGETS
@pytest.mark.parametrize("sizes, numbers", ((test_indexing.SIZES[0], False), (test_indexing.SIZES[1], True)), ids=["symbolic", "numbers"])
@pytest.mark.parametrize("declared, right, numpy", test_indexing.CASES, ids=[c[1] for c in test_indexing.CASES])
def test_what_is_indexed(declared: str, right: str, numpy: str, sizes: dict[str, int], numbers: bool, to: str) -> None:
    text, data, weights, loss = test_indexing.weighed(declared, right, numpy, sizes, numbers)
    agree(to, text, data, {"w": weights}, loss)


@TARGETS
@pytest.mark.parametrize("declared, right, reference", test_convolution.CASES, ids=[c[0].partition(";")[0] + " " + c[1] for c in test_convolution.CASES])
def test_what_slides(declared: str, right: str, reference: Callable, to: str) -> None:
    text, data, weights, loss = test_convolution.weighed(declared, right, reference)
    agree(to, text, data, {"G": weights}, loss)


@TARGETS
@pytest.mark.parametrize("path", MODELS, ids=lambda p: p.stem)
def test_systems_of_the_gallery_that_slide(path: Path, to: str) -> None:
    net, case = sb.read(path), SYSTEMS[path.stem]
    data, _ = draw(net, bindings(path)[0], 0)
    arrays = {k: np.asarray(v, dtype=float) for k, v in data.items()}
    value, found = run(to, sb.export(sb.derive(net), to), arrays)
    assert np.isclose(value, case.loss(SimpleNamespace(**data)), rtol=1e-11)
    close(found, grad(lambda a: case.loss(SimpleNamespace(**a)))(arrays))


@TARGETS
@pytest.mark.parametrize("path", OTHERS, ids=lambda p: p.stem)
def test_every_other_system_of_the_gallery(path: Path, to: str) -> None:
    reading = Reading(path)
    value, found = run(to, sb.export(sb.derive(sb.read(path)), to), reading.data)
    assert np.isclose(value, reading.loss(reading.data), rtol=1e-11)
    close(found, reading.gradients(), 1e-8)


IMAGES = "X: R[B, c, 9, 8]; K: R[4, c, 3, 2]; b: R[4]\nH = relu(conv2d(X, K, stride=2, padding=1) + b[:, None, None])\nC = sum(max_pool2d(H, 2)**2) / (2 * B)"


def images() -> dict[str, np.ndarray]:
    rng = np.random.default_rng(0)
    return {"X": rng.normal(size=(3, 2, 9, 8)), "K": rng.normal(size=(4, 2, 3, 2)), "b": rng.normal(size=4)}


def test_a_convolution_passes_gradcheck_in_slow_mode() -> None:
    values = {n: torch.tensor(v, dtype=torch.float64, requires_grad=True) for n, v in images().items()}
    loss = module(IMAGES, "torch")["loss"]
    assert torch.autograd.gradcheck(lambda *given: loss(**dict(zip(values, given))), tuple(values.values()), fast_mode=False)


def test_a_convolution_maps_over_a_batch_of_kernels_and_keeps_single_precision() -> None:
    data, call = images(), module(IMAGES, "jax", ["K"])["value_and_grad"]
    kernels = np.stack([data["K"], -data["K"]])
    _, found = jax.vmap(lambda K: call(**{**data, "K": K}, check=False))(kernels)
    for k in range(2):
        close({"K": found["K"][k]}, call(**{**data, "K": kernels[k]})[1])
    single = {n: v.astype(np.float32) for n, v in data.items()}
    assert call(**single)[1]["K"].dtype == np.float32


MOVED = ("X: R[B, n]; W: R[n]\nC = sum((X[::-1] @ W)**2 * (X @ W))", "X: R[B]; k: R[3]\nC = sum(conv1d(X, k, padding=1)**2)",
         "X: R[B, n]\nC = sum(cumsum(X, axis=0)**2)", "X: R[B, n]\nC = sum(roll(X, 1, axis=0)**2 * X)", "X: R[B, n]\nC = sum(pad(X, 1)**2)",
         "X: R[B, n]\nC = sum(tril(X)**2)", "X: R[B, n]; W: R[n, B]\nC = sum(X.reshape(n, B) * W)", "X: R[B, n]\nC = sum(X[1:]**2)",
         "X: R[B, n]\nC = sum(prod(X, axis=0))")


@pytest.mark.parametrize("text", MOVED, ids=lambda t: t.splitlines()[1])
def test_windows_along_the_axis_of_the_devices_are_refused(text: str) -> None:
    with pytest.raises(sb.UnsupportedError, match="B"):
        sb.export(sb.derive(sb.parse(text)), "jax", shard="batch")


def network(X: torch.Tensor, k: torch.Tensor, b: torch.Tensor) -> torch.Tensor:
    h = torch.relu(torch.nn.functional.conv1d(X, k, b, 2, 1))
    return (torch.nn.functional.max_pool1d(h, 2)**2).sum() / (2 * len(X))


NETWORK = """X: R[B, 2, 9]; k: R[4, 2, 3]; b: R[4]
H = relu(conv1d(X, k, padding=1, stride=2) + b[:, None])
C = sum(max_pool1d(H, 2)**2) / (2 * B)"""
ALONG = {
    "X[:, ::-1] * X": lambda X: X.flip(1) * X, "cumsum(X, axis=1)": lambda X: X.cumsum(1), "prod(X, axis=1)": lambda X: X.prod(1),
    "pad(X, ((0, 0), (1, 1)))": lambda X: X, "X.reshape(B * 6)": lambda X: X, "roll(X, 1, axis=1) * X": lambda X: X.roll(1, 1) * X,
}
SHARED = [(NETWORK, network), *((f"X: R[B, 6]\nY = {right}\nC = sum(Y**2) / B", lambda X, y=y: (y(X)**2).sum() / len(X)) for right, y in ALONG.items())]


@pytest.mark.parametrize("text, forward", SHARED, ids=["network", *ALONG])
def test_windows_along_other_axes_are_shared_out(text: str, forward: Callable) -> None:
    data = draw(sb.parse(text), bind_sizes(sb.parse(text), {"B": 8})[0], 1)[0]
    value, found = module(text, "jax", shard="batch")["make_sharded"](jax.make_mesh((4,), ("batch",)))(**data)
    arrays = {n: torch.tensor(v, requires_grad=True) for n, v in data.items()}
    total = forward(**arrays)
    assert np.isclose(value, total.item())
    close(found, dict(zip(arrays, torch.autograd.grad(total, list(arrays.values())))))
