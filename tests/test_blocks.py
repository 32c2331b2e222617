"""`derive --hessian` and `derive --jacobian`: published closed forms in every form of output, and what is refused."""

from __future__ import annotations

import json

import pytest

from symbackprop.cli import FORMATS, main

LEAST = "X: R[m, n]; y: R[m]; w: R[n]; b: R; C = sum((X @ w + b - y)**2)"
SOFTMAX = "z: R[n]; y: R[n]; fact: sum(y) == 1; p = softmax(z); C = -sum(y * log(p))"


LAYER = "W: R[k, n]; x: R[n]; y: R[k]; z = W @ x; p = softmax(z); C = -sum(y * log(p))"


def printed(capsys: pytest.CaptureFixture[str], tmp_path, model: str, *args: str, code: int = 0) -> str:
    file = tmp_path / "model.net"
    file.write_text(model, encoding="utf-8")
    assert main(["derive", str(file), *args]) == code
    found = capsys.readouterr()
    return found.err if code else found.out


@pytest.mark.parametrize("model, args, published", [
    (LEAST, ("--hessian", "--wrt", "w"), "∂²C/∂w∂wᵀ = 2 Xᵀ X\n"),
    (LEAST, ("--hessian", "--wrt", "w,b"), "∂²C/∂w∂wᵀ = 2 Xᵀ X\n∂²C/∂w∂b = 2 Xᵀ 1\n∂²C/∂b∂wᵀ = 2 1ᵀ X\n∂²C/∂b∂b = 2 m\n"),
    (SOFTMAX, ("--hessian", "--wrt", "z"), "∂²C/∂z∂zᵀ = diag(p) − p pᵀ\n\nAssuming 1ᵀ y = 1\n"),
    ("X: R[n, n]; C = logdet(X)", ("--hessian",), "∂²C/∂vec(X)∂vec(X)ᵀ = −(X⁻¹ ⊗ X⁻ᵀ) K\n\nWhere the matrix is invertible\n"),  # Magnus and Neudecker 10.6
    (SOFTMAX, ("--jacobian", "p"), "∂p/∂z = diag(p) − p pᵀ\n\nNumerator layout: a row for each entry of what is differentiated\n"),
    (LAYER, ("--jacobian", "p", "--wrt", "W,x", "--layout", "denominator"),
     "∂pᵀ/∂vec(W) = x ⊗ (diag(p) − p pᵀ)\n∂p/∂x = Wᵀ diag(p) − Wᵀ p pᵀ\n\nDenominator layout: a column for each entry of what is differentiated\n"),
    (LAYER, ("--jvp", "p", "--wrt", "W"), "ż = Ẇ x\nṗ = p ⊙ ż − (1ᵀ (p ⊙ ż)) p\n"),
    (LEAST, ("--hvp", "--wrt", "w"), "ẇ̄ = 2 Xᵀ X ẇ\n"),
    (LAYER, ("--differentials", "--wrt", "W"), "dz = dW x\ndC = δᵀ dz = δᵀ dW x = tr((δ xᵀ)ᵀ dW)\n∂C/∂W = δ xᵀ\n"),
])
def test_the_blocks_have_their_published_form(capsys, tmp_path, model: str, args: tuple[str, ...], published: str) -> None:
    assert printed(capsys, tmp_path, model, *args) == published


@pytest.mark.parametrize("to", FORMATS)
def test_every_form_of_output_has_every_block(capsys, tmp_path, to: str) -> None:
    found = printed(capsys, tmp_path, LEAST, "--hessian", "--wrt", "w,b", "--to", to)
    count = {"json": '"latex"', "mathml": "<math", "html": "<tr"}.get(to, "2 m" if to == "text" else "&= ")
    assert found.count(count) == (1 if to == "text" else 4), found
    if to == "json":
        assert [block["wrt"] for block in json.loads(found)["blocks"]] == [["w", "w"], ["w", "b"], ["b", "w"], ["b", "b"]]


@pytest.mark.parametrize("model, args, reason", [
    (LEAST, ("--hessian", "--steps"), "--hessian and --steps do not go together"),
    (LEAST, ("--hessian", "--jacobian", "C"), "do not go together"),
    (SOFTMAX, ("--hvp", "--steps"), "--hvp and --steps do not go together"),
    (SOFTMAX, ("--layout", "denominator"), "--layout is that of a Jacobian: add --jacobian Z"),
    (SOFTMAX, ("--hvp", "--to", "html"), "--hvp is written as text or LaTeX: --to latex"),
    (SOFTMAX, ("--jvp", "q"), "no equation defines q"),
    (SOFTMAX, ("--jacobian", "q"), "no equation defines q"),
    (SOFTMAX, ("--jacobian", "p", "--wrt", "y"), "p depends on none of y"),
    ("X: R[m, n]; C = norm(X, 'nuc')", ("--hessian",), "sylv of a direction has no closed form as a matrix; its product with a direction has (hvp, jvp)"),
    ("X: R[n, n]; C = sum(expm(X))", ("--hessian",), "L of a direction has no closed form as a matrix"),
])
def test_what_cannot_be_had_is_refused_by_name(capsys, tmp_path, model: str, args: tuple[str, ...], reason: str) -> None:
    assert reason in printed(capsys, tmp_path, model, *args, code=2)
