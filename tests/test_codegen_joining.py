"""Padded arrays put side by side, einsum as products of matrices, short last axes: what NumPy is slow at, against autograd."""

from __future__ import annotations

import re

import autograd.numpy as anp
import numpy as np
import pytest
from autograd import value_and_grad

import symbackprop as sb
from symbackprop.codegen import compile_module
from symbackprop.doors import export

SLICES = {
    "columns": "sum(np.concatenate([tanh(A[:, :2] @ B[:, :2].T) @ B[:, :2], tanh(A[:, 2:] @ B[:, 2:].T) @ A[:, 2:]], axis=1)**2)",
    "rows": "sum(np.concatenate([A[:1, :] * B[:1, :], sin(A[1:3, :]), A[3:, :]**2], axis=0)**3)",
    "columns the other way round": "sum(tanh(A[:, 3:] @ B[:, 3:].T)) + sum(sin(A[:, 1:3] @ B[:, 1:3].T)) + sum(tanh(A[:, :1] @ B[:, :1].T))",
    "overlapping": "sum(tanh(A[:, :3] @ B[:, 2:].T)) + sum(sin(A[:, 2:] @ B[:, :3].T))",
    "with a gap": "sum(tanh(A[:, :2] @ B[:, :2].T)) + sum(sin(A[:, 3:] @ B[:, 3:].T))",
    "turned": "sum(tanh(A[:2, :].T @ B[:2, :])) + sum(sin(A[2:, :].T @ B[2:, :]))",
    "vectors": "sum(sin(A[0, :2]) * B[0, :2]) + sum(tanh(A[0, 2:]) * B[1, 2:])",
}
PRODUCTS = ["abc,cd->abd", "abc,dce->abde", "abc,dce->adbe", "abcd,abed->abce", "abcd,abed->abec", "abcd,abde->abce", "abcd,bde->ace",
            "abcd,ace->bde", "abc,dec->abde", "abcd,abce->abde", "abc,adbe->dce", "ab,cb->ca", "abc,abd->acd", "abc,cab->ab",
            "abc,abc->abc", "abc,ab->abc", "abcd,bcd->a", "abc,bad->adc"]


def compare(text: str, arrays: dict[str, np.ndarray], loss: object, sizes: dict[str, int] | None = None) -> str:
    """Both functions of the file against autograd; returns the source."""
    source = export(sb.derive(sb.parse(text), wrt=list(arrays)))
    names = compile_module(source)
    value, wanted = value_and_grad(loss)(arrays)
    made = names["make_value_and_grad"](sizes or {})
    made(**{n: 0.5 * v for n, v in arrays.items()})
    for call in (names["value_and_grad"], made):
        total, found = call(**arrays)
        assert np.isclose(total, value, rtol=1e-11)
        for name, right in wanted.items():
            np.testing.assert_allclose(found[name], right, rtol=1e-9, atol=1e-11, err_msg=name)
    return source


@pytest.mark.parametrize("name", SLICES)
def test_slices_give_back_the_gradients_of_their_parts(name: str) -> None:
    rng = np.random.default_rng(0)
    arrays = {"A": rng.normal(size=(5, 5)), "B": rng.normal(size=(5, 5))}
    library = {"np": anp, "sum": anp.sum, "tanh": anp.tanh, "sin": anp.sin}
    source = compare(f"A: R[5, 5]; B: R[5, 5]\nC = {SLICES[name]}", arrays,
                     lambda a: eval(SLICES[name], {}, {**library, **a}))  # noqa: S307 - text written above
    code = re.sub(r" *#.*", "", source)
    if name in ("columns", "turned", "columns the other way round"):
        assert "np.pad" not in code


@pytest.mark.parametrize("spell", PRODUCTS)
def test_einsum_as_products_of_matrices(spell: str) -> None:
    rng, sizes = np.random.default_rng(1), {"a": 2, "b": 3, "c": 4, "d": 5, "e": 2}
    left, right = spell.split("->")[0].split(",")
    arrays = {"P": rng.normal(size=[sizes[i] for i in left]), "Q": rng.normal(size=[sizes[i] for i in right])}
    text = f"P: R[{', '.join(left)}]; Q: R[{', '.join(right)}]\nC = sum(tanh(np.einsum('{spell}', P, Q)))"
    compare(text, arrays, lambda a: anp.sum(anp.tanh(anp.einsum(spell, a["P"], a["Q"]))), sizes)


@pytest.mark.parametrize("size", [2, 3, 5])
def test_pooling_over_windows_of_a_few(size: int) -> None:
    rng = np.random.default_rng(2)
    arrays = {"X": rng.normal(size=(2, 3, 2 * size, 3 * size))}

    def loss(a: dict) -> float:
        blocks = anp.reshape(anp.tanh(a["X"]), (2, 3, 2, size, 3, size))
        return anp.sum(anp.max(anp.max(blocks, axis=5), axis=3)**2) + anp.sum(anp.mean(blocks, axis=(3, 5))**2)
    source = compare(f"X: R[N, 3, {2 * size}, {3 * size}]\nH = tanh(X)\nC = sum(max_pool2d(H, {size})**2) + sum(avg_pool2d(H, {size})**2)",
                     arrays, loss, {"N": 2})
    assert len(re.findall(r"^ +np.maximum.reduce\(\w+, axis=5", source, re.M)) == (size == 5)
