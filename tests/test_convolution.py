"""Convolution and pooling against their definitions, entry by entry, differentiated by HIPS autograd."""

from __future__ import annotations

import re
from collections.abc import Callable

import autograd.numpy as anp
import numpy as np
import pytest
from autograd import grad
from convolution_definitions import convolved, pooled, pooled2, source, transposed

import symbackprop as sb
from symbackprop.codegen import compile_module
from symbackprop.show.indices import IndexWriter

SIZES = {"B": 2, "c": 3, "f": 4, "h": 7, "w": 6, "n": 8, "a": 3}


ONE, TWO = "X: R[B, c, n]; K: R[f, c, a]", "X: R[B, c, h, w]; K: R[f, c, 3, 2]"
CASES = (
    (ONE, "conv1d(X, K)", lambda X, K: convolved(X, K)),
    (ONE, "conv1d(X, K, stride=2, padding=1)", lambda X, K: convolved(X, K, 2, 1)),
    (ONE, "conv1d(X, K, stride=3, padding=2, dilation=2)", lambda X, K: convolved(X, K, 3, 2, 2)),
    (ONE, "conv1d(X, K, padding='same')", lambda X, K: convolved(X, K, 1, 1)),
    (ONE, "conv1d(X, K, padding='valid')", lambda X, K: convolved(X, K)),
    *((ONE, f"conv1d(X, K, padding=2, padding_mode='{mode}')", lambda X, K, mode=mode: convolved(X, K, 1, 2, mode=mode))
      for mode in ("reflect", "edge", "circular")),
    (TWO, "conv2d(X, K)", lambda X, K: convolved(X, K)),
    (TWO, "conv2d(X, K, stride=2, padding=1)", lambda X, K: convolved(X, K, 2, 1)),
    (TWO, "conv2d(X, K, stride=(1, 2), padding=(2, 0), dilation=(2, 3))", lambda X, K: convolved(X, K, (1, 2), (2, 0), (2, 3))),
    (TWO, "conv2d(X, K, padding=1, padding_mode='reflect', stride=2)", lambda X, K: convolved(X, K, 2, 1, mode="reflect")),
    ("X: R[c, h, w]; K: R[f, c, 3, 2]", "conv2d(X, K, padding=1)", lambda X, K: convolved(X[None], K, 1, 1)[0]),
    ("X: R[h, w]; K: R[3, 2]", "conv2d(X, K, stride=2)", lambda X, K: convolved(X[None, None], K[None, None], 2)[0, 0]),
    ("X: R[n]; K: R[a]", "conv1d(X, K, dilation=2)", lambda X, K: convolved(X[None, None], K[None, None], 1, 0, 2)[0, 0]),
    ("X: R[B, c, n]; K: R[c, 1, a]", "conv1d(X, K, groups=c)", lambda X, K: convolved(X, K, groups=3)),
    ("X: R[B, c, n]; K: R[2 * c, 1, a]", "conv1d(X, K, groups=c, padding=1)", lambda X, K: convolved(X, K, 1, 1, groups=3)),
    ("X: R[B, 6, h, w]; K: R[4, 3, 2, 2]", "conv2d(X, K, groups=2, stride=2)", lambda X, K: convolved(X, K, 2, groups=2)),
    ("X: R[B, c, n]; K: R[c, f, a]", "conv_transpose1d(X, K)", lambda X, K: transposed(X, K)),
    ("X: R[B, c, n]; K: R[c, f, a]", "conv_transpose1d(X, K, stride=2, padding=1, output_padding=1)",
     lambda X, K: transposed(X, K, 2, 1, 1)),
    ("X: R[B, c, n]", "avg_pool1d(X, 2)", lambda X: pooled(X, 2, 2, anp.mean)),
    ("X: R[c, h, w]", "avg_pool2d(X, 3, stride=2)", lambda X: pooled2(X, 3, 2, anp.mean)),
    ("X: R[B, c, n]", "max_pool1d(X, 3, stride=2)", lambda X: pooled(X, 3, 2, anp.max)),
    ("X: R[B, c, h, w]", "max_pool2d(X, 2)", lambda X: pooled2(X, 2, 2, anp.max)),
    ("X: R[B, c, h, w]", "global_avg_pool2d(X)", lambda X: anp.mean(X, axis=(2, 3))),
    ("X: R[B, c, h, w]", "global_max_pool2d(X)", lambda X: anp.max(anp.max(X, axis=3), axis=2)),
    ("X: R[n]", "pad(X, 2, 'edge')", lambda X: anp.array([X[source(i, 8, "edge")] for i in range(-2, 10)])),
)


def drawn(declared: str, rng: np.random.Generator) -> dict[str, np.ndarray]:
    found = {}
    for part in declared.split("; "):
        name, _, inside = part.rstrip("]").partition(": R[")
        found[name] = rng.normal(size=tuple(eval(size, {}, SIZES) for size in inside.split(", ")))
    return found


def weighed(declared: str, right: str, reference: Callable) -> tuple[str, dict, np.ndarray, Callable]:
    """A model that weighs what slides, its data, the weights, and the loss by the definition."""
    rng = np.random.default_rng(5)
    data = drawn(declared, rng)
    weights = rng.normal(size=reference(**data).shape)

    def loss(arrays: dict) -> float:
        return anp.sum(anp.tanh(reference(**arrays)) * weights)
    return f"G: R[{', '.join(map(str, weights.shape))}]\n" + fixed(f"{declared}\nY = {right}\nC = sum(tanh(Y) * G)"), data, weights, loss


@pytest.mark.parametrize("declared, right, reference", CASES, ids=[c[0].partition(";")[0] + " " + c[1] for c in CASES])
def test_gradients_are_those_of_the_definition(declared: str, right: str, reference: Callable) -> None:
    text, data, weights, loss = weighed(declared, right, reference)
    module = compile_module(sb.export(sb.derive(sb.parse(text), wrt=list(data))))
    wanted = grad(loss)(data)
    for function in (module["value_and_grad"], module["make_value_and_grad"]()):
        value, found = function(**data, G=weights)
        assert np.isclose(value, loss(data), rtol=1e-12)
        for name in data:
            assert np.allclose(found[name], wanted[name], rtol=1e-10, atol=1e-12), name
    squared = sb.derive(sb.parse(f"{declared}\nY = {right}\nC = sum(Y**3)"), wrt=list(data))
    value, found = sb.lambdify(squared)(**data)
    cubes = grad(lambda arrays: anp.sum(reference(**arrays) ** 3))(data)
    assert all(np.allclose(found[name], cubes[name], rtol=1e-10, atol=1e-11) for name in data)


def fixed(text: str) -> str:
    """The text with numbers for its sizes."""
    return re.sub(r"(?<![\w.'])([Bcfhwna])(?![\w(])", lambda match: str(SIZES[match[1]]), text)


# V. Dumoulin, F. Visin, A guide to convolution arithmetic for deep learning (2016), ch. 4; I. Goodfellow, Y. Bengio, A. Courville,
# Deep Learning (2016), eqs (9.6), (9.11), (9.13): the kernel's gradient is the correlation of the input with the cotangent,
# the input's the full correlation with the flipped kernel, zeros put between the cotangent's entries where there is a stride.
FORMS = (
    ("x: R[n]; k: R[a]", "conv1d(x, k)", {"x": "δ ⋆[full] flip(k)", "k": "x ⋆ δ"}),
    ("x: R[n]; k: R[a]", "conv1d(x, k, stride=2)", {"x": "up2(δ) ⋆[full] flip(k)", "k": "x ⋆[dilation 2] δ"}),
    ("x: R[n]; k: R[a]", "conv1d(x, k, dilation=2, padding=1)",
     {"x": "δ ⋆[full, dilation 2, cropped 1] flip(k)", "k": "x ⋆[stride 2, padding 1] δ"}),
    ("x: R[h, w]; k: R[3, 3]", "conv2d(x, k, padding=1)", {"x": "Δ ⋆[full, cropped 1] rot180(k)", "k": "x ⋆[padding 1] Δ"}),
    ("x: R[B, c, h, w]; k: R[f, c, 3, 3]", "conv2d(x, k)", {"x": "Σ_{j=1..f} Δ_bj ⋆[full] rot180(k_ji)", "k": "Σ_{b=1..B} x_bj ⋆ Δ_bi"}),
    ("x: R[c, n]; k: R[c, f, a]", "conv_transpose1d(x, k, stride=2)", {"x": "Σ_{j=1..f} Δ[j, :] ⋆[stride 2] k_ij", "k": "Δ[j, :] ⋆[dilation 2] x[i, :]"}),
)


@pytest.mark.parametrize("declared, right, wanted", FORMS, ids=[c[1] + " " + c[0] for c in FORMS])
def test_gradients_are_printed_as_published(declared: str, right: str, wanted: dict[str, str]) -> None:
    d = sb.derive(sb.parse(f"{declared}\nz = {right}\ny = tanh(z)\nC = sum(y**3)"))
    assert {name: str(d.gradients[name]).partition(" = ")[2].partition("    (")[0] for name in wanted} == wanted


def test_index_form_says_where_zero_extension_ends() -> None:
    d = sb.derive(sb.parse("x: R[n]\nC = sum((x[1:] - x[:-1])**2) / 2"))
    left, right = IndexWriter(d.writer(False)).equation("∂x", d.gradients["x"].expr)
    assert (left, right) == ("∂C/∂x_i", "(x_i − x[i-1]) 1[0 ≤ i-1 < n-1] − (x[i+1] − x_i) 1[0 ≤ i < n-1]")
    assert str(d.gradients["x"]) == "∂C/∂x = I[:, 1:] (x[1:] − x[:n-1]) − I[:, :n-1] (x[1:] − x[:n-1])"
