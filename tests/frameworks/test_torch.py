"""Exported PyTorch code: gradcheck in slow mode, against torch's own gradients, inside a module."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from running import CENTRED, CLASSIFIER, close, data, module

import symbackprop as sb
from symbackprop.doors import check_export, export

EXAMPLES = [f for f in sorted((Path(__file__).parents[2] / "examples").glob("*.net")) if " in 1.." not in f.read_text()]


def tensors(values: dict[str, np.ndarray], dtype: torch.dtype = torch.float64) -> dict[str, torch.Tensor]:
    return {n: torch.tensor(v, dtype=dtype, requires_grad=True) for n, v in values.items()}


def classifier(X, Y, W1, b1, W2, b2, lam):  # noqa: ANN001, ANN201
    z = torch.tanh(X @ W1 + b1) @ W2 + b2
    return -(Y * torch.log_softmax(z, 1)).sum() / len(X) + lam * (W1**2).sum()


@pytest.mark.parametrize("text", [CLASSIFIER, CENTRED, "x: R[n]; C = sum(gelu(x)) + sum(softplus(x) * relu(x))"])
def test_gradcheck_in_slow_mode(text: str) -> None:
    loss, values = module(text, "torch")["loss"], tensors(data(text))
    assert torch.autograd.gradcheck(lambda *given: loss(**dict(zip(values, given))), tuple(values.values()), fast_mode=False)


@pytest.mark.parametrize("file", EXAMPLES, ids=lambda f: f.stem)
def test_every_example_passes_gradcheck(file: Path) -> None:
    text = file.read_text()
    program = sb.parse(text)
    loss, values = module(text, "torch")["loss"], tensors(data(text))
    waves = {"f": torch.sin, "f_prime": torch.cos, "f_prime_prime": lambda t: -torch.sin(t)}
    source = export(sb.derive(program), "torch")
    given = {n: w for n, w in waves.items() if f"    {n}: an elementwise function" in source}
    assert torch.autograd.gradcheck(lambda *a: loss(**dict(zip(values, a)), **given, check=False), tuple(values.values()))


def test_it_is_what_torch_differentiates_and_scales_with_the_cotangent() -> None:
    values = tensors(data(CLASSIFIER))
    found = torch.autograd.grad(3.0 * module(CLASSIFIER, "torch")["loss"](**values)**2, list(values.values()))
    wanted = torch.autograd.grad(3.0 * classifier(**values)**2, list(values.values()))
    close(dict(enumerate(found)), dict(enumerate(wanted)))


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_the_type_stays(dtype: torch.dtype) -> None:
    loss, gradients = module(CENTRED, "torch")["value_and_grad"](**tensors(data(CENTRED), dtype))
    assert {v.dtype for v in (loss, *gradients.values())} == {dtype}


def test_in_a_module_it_trains() -> None:
    loss = module(CLASSIFIER, "torch", ["W1", "b1", "W2", "b2"])["loss"]

    class Net(torch.nn.Module):
        def __init__(self, values: dict[str, np.ndarray]) -> None:
            super().__init__()
            for name in ("W1", "b1", "W2", "b2"):
                self.register_parameter(name, torch.nn.Parameter(torch.tensor(values[name])))

        def forward(self, X: torch.Tensor, Y: torch.Tensor) -> torch.Tensor:
            return loss(X=X, Y=Y, lam=torch.tensor(0.01, dtype=X.dtype), **dict(self.named_parameters()))
    values = data(CLASSIFIER)
    values["Y"] = np.eye(values["Y"].shape[1])[np.arange(len(values["Y"])) % values["Y"].shape[1]]
    net = Net(values)
    optimizer = torch.optim.SGD(net.parameters(), lr=0.1)
    seen = []
    for _ in range(20):
        optimizer.zero_grad()
        value = net(torch.tensor(values["X"]), torch.tensor(values["Y"]))
        value.backward()
        optimizer.step()
        seen.append(value.item())
    assert seen[-1] < 0.7 * seen[0]


def test_a_gradient_that_the_file_lacks_is_an_error_and_not_zero() -> None:
    loss, values = module(CLASSIFIER, "torch", ["W1"])["loss"], tensors(data(CLASSIFIER))
    with pytest.raises(ValueError, match="this file has no gradient by X"):
        loss(**values)
    with torch.no_grad():
        assert torch.isfinite(loss(**values))


def test_what_does_not_fit_is_named() -> None:
    loss, values = module(CLASSIFIER, "torch")["loss"], tensors(data(CLASSIFIER))
    with pytest.raises(ValueError, match=r"b2 has shape \(9,\), wanted"):
        loss(**{**values, "b2": torch.zeros(9)})
    with pytest.raises(ValueError, match="Y is torch.float32 on cpu, but X is torch.float64 on cpu"):
        loss(**{**values, "Y": values["Y"].float()})
    with pytest.raises(RuntimeError, match="does not require grad"):
        first = torch.autograd.grad(loss(**values), values["W1"], create_graph=True)[0]
        torch.autograd.grad(first.sum(), values["W1"])


def test_the_trial_runs_and_what_a_target_lacks_is_named() -> None:
    derivation = sb.derive(sb.parse(CLASSIFIER), wrt=["W1", "b1"])
    assert check_export(derivation, export(derivation, "torch", step="sgd"), "torch")
    names, values = module(CLASSIFIER, "torch", ["W1"], step="sgd"), data(CLASSIFIER)
    _, stepped = names["sgd_step"](**values, rate=0.5)
    given = tensors(values)
    slope = torch.autograd.grad(classifier(**given), given["W1"])[0]
    close(stepped, {"W1": values["W1"] - 0.5 * slope.numpy()})
    with pytest.raises(sb.SymbackpropError, match="torch has no --shard"):
        export(derivation, "torch", shard="batch")
    with pytest.raises(sb.SymbackpropError, match="H is none"):
        export(sb.derive(sb.parse(CLASSIFIER), wrt=["H"]), "torch")
