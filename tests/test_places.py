"""Tensors of places: `E[ids]`, `P[range(N), y]`, against NumPy's own indexing differentiated by HIPS autograd."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from places_cases import CASES, EMBEDDING, RATINGS, data_for, gradients

import symbackprop as sb
from symbackprop.codegen import compile_module

EVERY = pytest.mark.parametrize("name", CASES)


@EVERY
def test_gradients_are_those_of_autograd(name: str) -> None:
    case = CASES[name]
    derivation = sb.derive(sb.parse(case.model))
    module = compile_module(sb.export(derivation))
    for seed in range(3):
        data = data_for(case, seed)
        wanted = gradients(case, data)
        assert set(derivation.wrt) == wanted.keys()
        for call in (sb.lambdify(derivation), module["value_and_grad"], module["make_value_and_grad"](case.sizes)):
            value, found = call(**data)
            assert np.isclose(value, case.loss(**data), rtol=1e-12)
            for tensor, right in wanted.items():
                np.testing.assert_allclose(found[tensor], right, rtol=1e-11, atol=1e-13, err_msg=tensor)
        assert np.isclose(module["loss"](**data), case.loss(**data), rtol=1e-12)


@EVERY
def test_the_check_holds(name: str) -> None:
    assert sb.check(sb.derive(sb.parse(CASES[name].model)))


def test_single_precision_is_that_of_the_numbers_not_of_the_places() -> None:
    data = data_for(CASES["embedding"])
    single = {n: v.astype(np.float32) if v.dtype.kind == "f" else v for n, v in data.items()}
    value, found = compile_module(sb.export(sb.derive(sb.parse(EMBEDDING))))["value_and_grad"](**single)
    assert value.dtype == np.float32 and all(v.dtype == np.float32 for v in found.values())


@pytest.mark.parametrize("ids", [np.full(7, -1), np.full(7, 5), np.full(7, 0.5), np.full(7, np.nan)])
def test_places_that_are_none_are_refused(ids: np.ndarray) -> None:
    call = compile_module(sb.export(sb.derive(sb.parse(EMBEDDING))))["value_and_grad"]
    with pytest.raises(ValueError, match="ids holds whole numbers from 0 to V - 1"):
        call(**{**data_for(CASES["embedding"]), "ids": ids})


def test_rows_are_taken_and_added_without_a_one_hot_matrix() -> None:
    source = sb.export(sb.derive(sb.parse(RATINGS)))
    body = source[source.index("def value_and_grad"):source.index("def loss")]
    assert "take_rows(u, U)" in body and "add_rows(" in body and "one_hot(" not in body


# Mikolov et al. (2013), eq. (4): with σ_k = σ(u_kᵀ v) and t_k = 1 for the word that was seen and 0 for the drawn ones, the
# gradient by v is Σ_k (σ_k − t_k) u_k and that by u_k is (σ_k − t_k) v. For softmax with labels: (P − Y) / T.
PRINTED = {
    "embedding": ["Δ = (1/T) (P − onehot(y))", "∂C/∂W = Xᵀ Δ", "∂C/∂b = Δᵀ 1", "∂C/∂E = onehot(ids)ᵀ Δ Wᵀ"],
    "word2vec": ["∂C/∂z = 1 − σ(−z)", "δ = σ(s) − 1", "∂C/∂U = δ onehot(o) vᵀ + onehot(neg)ᵀ ∂C/∂z vᵀ"],
    "bag": ["Δ = softmax_rows(Z) − onehot(y)", "∂C/∂E = (1/T) Σ_{b=1..B} onehot(ids[b, :])ᵀ 1 Δ_h[b, :]ᵀ"],
}


@pytest.mark.parametrize("name", PRINTED)
def test_gradients_are_printed_as_published(name: str) -> None:
    lines = sb.derive(sb.parse(CASES[name].model)).text().splitlines()
    assert [line for line in PRINTED[name] if line not in lines] == []


def test_what_is_assumed_is_said() -> None:
    assert "Assuming ids ∈ {0, …, V-1}" in sb.derive(sb.parse(EMBEDDING)).text().splitlines()
    assert r"\operatorname{onehot}(\mathrm{ids})^{\top} \Delta W^{\top}" in sb.derive(sb.parse(EMBEDDING)).latex()


@pytest.mark.parametrize("claim, status", [
    ("grad(C, Z) == (P - eye(K)[y]) / T", "proved"), ("grad(C, Z) == P - eye(K)[y]", "refuted"),
    ("grad(C, E) == eye(V)[ids].T @ grad(C, X)", "proved"), ("grad(C, E) == eye(V)[ids].T @ X", "refuted")])
def test_claims_about_places_are_judged(claim: str, status: str) -> None:
    assert [verdict.verdict for verdict in sb.verify(EMBEDDING + claim)] == [status]


@pytest.mark.parametrize("model, said", [
    ("ids: Z[T]; E: R[V, d]\nC = sum(E[ids])", "whole numbers need an end"),
    ("ids: Z[T] < V; E: R[U, d]\nC = sum(E[ids])", "ids holds places below V, and this axis has U entries"),
    ("ids: Z[T] < V; E: R[V, V]\nC = sum(E[ids, 0])", "side by side"),
    ("ids: Z[T] < V; E: R[V, V]\nC = sum(E[range(V), ids])", "in one index"),
    ("ids: Z[T] < V; E: R[V, V]\nC = sum(E[range(T), ids])", "beside an axis of V entries"),
    ("x: R[T]; E: R[V, d]\nC = sum(E[x])", "an index is a whole number"),
])
def test_what_is_no_index_is_refused_at_its_place(model: str, said: str) -> None:
    with pytest.raises(sb.SymbackpropError, match=said):
        sb.parse(model)


def test_nothing_is_differentiated_by_places() -> None:
    with pytest.raises(sb.SymbackpropError, match="ids holds whole numbers"):
        sb.derive(sb.parse(EMBEDDING), wrt=["ids"])


@pytest.mark.parametrize("to, lines", [
    ("jax", ["X = E[ids.astype(int)]", "d_E = jnp.zeros((V, d), dtype).at[ids.astype(int)].add(d_X)"]),
    ("torch", ["X = E[ids.long()]", "torch.zeros(V, d, dtype=dtype, device=device).index_add_(0, ids.long(), d_X)"])])
def test_other_targets_add_rows_in_their_own_way(to: str, lines: list[str]) -> None:
    source = sb.export(sb.derive(sb.parse(EMBEDDING)), to)
    assert all(line in source for line in lines)


def test_the_models_are_files_of_the_gallery() -> None:
    folder = Path(__file__).parent.parent / "examples" / "gallery"
    assert "E[ids]" in (folder / "embedding.net").read_text(encoding="utf-8")


LOOP = """y: Z[N] < K; W: R[K, n]; h[0]: R[n]
for l in 1..L: h[l] = tanh(h[l-1])
C = sum((W @ h[L])[y]**2)
"""


def test_places_beside_a_loop_are_no_parameters() -> None:
    derivation = sb.derive(sb.parse(LOOP))
    assert "∂C/∂y" not in derivation.text() and sb.check(derivation)
    with pytest.raises(sb.SymbackpropError, match="y holds whole numbers"):
        sb.derive(sb.parse(LOOP), wrt=["y"])


def test_a_product_whose_rows_are_read_stands_in_brackets() -> None:
    """`U @ v[neg]` would be U times some entries of v."""
    derivation = sb.derive(sb.parse(CASES["word2vec"].model))
    assert "(U @ v)[neg.astype(int)]" in sb.export(derivation, "jax") and "(U @ v)[neg.long()]" in sb.export(derivation, "torch")
