"""The identities of section 2 of The Matrix Cookbook (Petersen and Pedersen, version of 15 November 2012), by equation number.

Each stands as a model in the text language with the published right side as a claim. The claim is judged by the verifier, and its
value is compared with central differences of the model's loss at many digits. Identities between differentials, Jacobians by
entries and second derivatives stand in `formulas/cookbook.tex` and in `test_cookbook_entries.py`. Left out: (45) and (89), which are
complex. `docs/matrix_functions.md` lists all numbers.
"""

from __future__ import annotations

import mpmath
import numpy as np
import pytest

import symbackprop as sb
from symbackprop.numeric import Precise, evaluate, run
from symbackprop.points import draw

SYMMETRIC = "; fact: B == B.T; fact: C == C.T"
LOWER = "\nX = tril(S) + tril(S, -1).T"
# equation -> (declarations, loss, variable, the published gradient)
GRADIENTS: dict[str, tuple[str, str, str, str]] = {
    "46": ("A: R[n, n]; B: R[n, n]; x: R", "det(A + x*B)", "x", "det(A + x*B) * trace(inv(A + x*B) @ B)"),
    "47": ("X: R[n, n]; Z: R[n, n]", "det(X)", "X", "det(X) * eye(n) @ inv(X).T"),
    "49": ("X: R[n, n]", "det(X)", "X", "det(X) * inv(X).T"),
    "51": ("A: R[n, n]; X: R[n, n]; B: R[n, n]", "det(A @ X @ B)", "X", "det(A @ X @ B) * inv(X.T)"),
    "52": ("A: R[n, n]; X: R[n, n]", "det(X.T @ A @ X)", "X", "2 * det(X.T @ A @ X) * inv(X).T"),
    "53": ("A: R[m, m]; X: R[m, n]; fact: A == A.T", "det(X.T @ A @ X)", "X", "2 * det(X.T @ A @ X) * A @ X @ inv(X.T @ A @ X)"),
    "54": ("A: R[m, m]; X: R[m, n]", "det(X.T @ A @ X)", "X",
           "det(X.T @ A @ X) * (A @ X @ inv(X.T @ A @ X) + A.T @ X @ inv(X.T @ A.T @ X))"),
    "55": ("X: R[m, n]", "logdet(X.T @ X)", "X", "2 * pinv(X).T"),
    "56": ("P: R[n, m]\nX = pinv(P)", "logdet(X.T @ X)", "P", "-2 * pinv(P).T"),
    "57": ("X: R[n, n]", "log(abs(det(X)))", "X", "inv(X.T)"),
    "58": ("X: R[n, n]", "det(matrix_power(X, 5))", "X", "5 * det(matrix_power(X, 5)) * inv(X).T"),
    "59": ("A: R[n, n]; B: R[n, n]; G: R[n, n]; x: R", "sum(G * inv(A + x*B))", "x", "sum(G * (-inv(A + x*B) @ B @ inv(A + x*B)))"),
    "61": ("X: R[n, n]; a: R[n]; b: R[n]", "a @ inv(X) @ b", "X", "-inv(X).T @ outer(a, b) @ inv(X).T"),
    "62": ("X: R[n, n]", "det(inv(X))", "X", "-det(inv(X)) * inv(X).T"),
    "63": ("X: R[n, n]; A: R[m, n]; B: R[n, m]", "trace(A @ inv(X) @ B)", "X", "-(inv(X) @ B @ A @ inv(X)).T"),
    "64": ("X: R[n, n]; A: R[n, n]", "trace(inv(X + A))", "X", "-(inv(X + A) @ inv(X + A)).T"),
    "64, what follows": ("A: R[n, n]; G: R[n, n]\nW = inv(A)", "sum(G * tanh(W))", "A", "-inv(A).T @ (G * (1 - tanh(inv(A))**2)) @ inv(A).T"),
    "65, eigenvalues": ("X: R[n, n]; fact: X == X.T", "sum(eigvalsh(X))", "X", "eye(n)"),
    "65, trace": ("X: R[n, n]", "trace(X)", "X", "eye(n)"),
    "66": ("X: R[n, n]; fact: X == X.T", "prod(eigvalsh(X))", "X", "det(X) * inv(X).T"),
    **{f"67, i = {i + 1}": ("A: R[4, 4]; fact: A == A.T", f"eigvalsh(A)[{i}]", "A", f"outer(eigh(A)[1][:, {i}], eigh(A)[1][:, {i}])") for i in range(4)},
    "67, all": ("A: R[n, n]; g: R[n]; fact: A == A.T\nv = eigh(A)[1]", "g @ eigvalsh(A)", "A", "einsum('i,ji,ki->jk', g, v, v)"),
    **{f"68, i = {i + 1}": (f"A: R[4, 4]; c: R[4]; D: R[4, 4]; t: R; fact: A == A.T; fact: D == D.T\nS = A + t*D\nv = eigh(S)[1][:, {i}]", "c @ v", "t",
                            f"c @ pinv(eigvalsh(S)[{i}] * eye(4) - S) @ D @ v") for i in range(4)},
    "69": ("x: R[n]; a: R[n]", "x @ a", "x", "a"),
    "70": ("X: R[m, n]; a: R[m]; b: R[n]", "a @ X @ b", "X", "outer(a, b)"),
    "71": ("X: R[m, n]; a: R[n]; b: R[m]", "a @ X.T @ b", "X", "outer(b, a)"),
    "72": ("X: R[n, n]; a: R[n]", "a @ X @ a", "X", "outer(a, a)"),
    "72, transposed": ("X: R[n, n]; a: R[n]", "a @ X.T @ a", "X", "outer(a, a)"),
    "76": ("X: R[m, n]", "sum(X) * sum(X)", "X", "2 * sum(X) * ones_like(X)"),
    "77": ("X: R[m, n]; b: R[n]; c: R[n]", "b @ X.T @ X @ c", "X", "X @ (outer(b, c) + outer(c, b))"),
    "78": ("B: R[m, n]; x: R[n]; b: R[m]; C: R[m, k]; D: R[k, n]; d: R[k]", "(B @ x + b) @ C @ (D @ x + d)", "x",
           "B.T @ C @ (D @ x + d) + D.T @ C.T @ (B @ x + b)"),
    "81": ("B: R[n, n]; x: R[n]", "x @ B @ x", "x", "(B + B.T) @ x"),
    "82": ("X: R[m, n]; b: R[n]; c: R[n]; D: R[m, m]", "b @ X.T @ D @ X @ c", "X", "D.T @ X @ outer(b, c) + D @ X @ outer(c, b)"),
    "83": ("X: R[m, n]; b: R[n]; c: R[m]; D: R[m, m]", "(X @ b + c) @ D @ (X @ b + c)", "X", "(D + D.T) @ outer(X @ b + c, b)"),
    "84": ("x: R[m]; A: R[m, n]; s: R[n]; W: R[m, m]; fact: W == W.T", "(x - A @ s) @ W @ (x - A @ s)", "s", "-2 * A.T @ W @ (x - A @ s)"),
    "85": ("x: R[m]; s: R[m]; W: R[m, m]; fact: W == W.T", "(x - s) @ W @ (x - s)", "x", "2 * W @ (x - s)"),
    "86": ("x: R[m]; s: R[m]; W: R[m, m]; fact: W == W.T", "(x - s) @ W @ (x - s)", "s", "-2 * W @ (x - s)"),
    "87": ("x: R[m]; A: R[m, n]; s: R[n]; W: R[m, m]; fact: W == W.T", "(x - A @ s) @ W @ (x - A @ s)", "x", "2 * W @ (x - A @ s)"),
    "88": ("x: R[m]; A: R[m, n]; s: R[n]; W: R[m, m]; fact: W == W.T", "(x - A @ s) @ W @ (x - A @ s)", "A",
           "-2 * outer(W @ (x - A @ s), s)"),
    "91": ("X: R[n, n]; a: R[n]; b: R[n]", "a @ matrix_power(X, 3) @ b", "X",
           "outer(a, b) @ (X @ X).T + X.T @ outer(a, b) @ X.T + (X @ X).T @ outer(a, b)"),
    "93": ("x: R[n]; P: R[m, n]; Q: R[k, n]; A: R[m, k]\ns = tanh(P @ x)\nr = exp(Q @ x)", "s @ A @ r", "x",
           "(diag(1 - s**2) @ P).T @ A @ r + (diag(r) @ Q).T @ A.T @ s"),
    "95": ("x: R[n]; A: R[m, n]; B: R[m, n]", "((A @ x) @ (A @ x)) / ((B @ x) @ (B @ x))", "x",
           "2 * (A.T @ A @ x) / (x @ B.T @ B @ x) - 2 * (x @ A.T @ A @ x) * (B.T @ B @ x) / (x @ B.T @ B @ x)**2"),
    "97": ("A: R[n, n]; x: R[n]; b: R[n]", "x @ A @ x + b @ x", "x", "(A + A.T) @ x + b"),
    "99": ("X: R[n, n]", "trace(X)", "X", "eye(n)"),
    "100": ("X: R[m, n]; A: R[n, m]", "trace(X @ A)", "X", "A.T"),
    "101": ("A: R[k, m]; X: R[m, n]; B: R[n, k]", "trace(A @ X @ B)", "X", "A.T @ B.T"),
    "102": ("A: R[k, n]; X: R[m, n]; B: R[m, k]", "trace(A @ X.T @ B)", "X", "B @ A"),
    "103": ("X: R[m, n]; A: R[m, n]", "trace(X.T @ A)", "X", "A"),
    "104": ("X: R[m, n]; A: R[m, n]", "trace(A @ X.T)", "X", "A"),
    "105": ("A: R[m, m]; X: R[n, n]", "einsum('ii,jj->', A, X)", "X", "trace(A) * eye(n)"),
    "106": ("X: R[n, n]", "trace(X @ X)", "X", "2 * X.T"),
    "107": ("X: R[n, n]; B: R[n, n]", "trace(X @ X @ B)", "X", "(X @ B + B @ X).T"),
    "108": ("X: R[m, n]; B: R[m, m]", "trace(X.T @ B @ X)", "X", "B @ X + B.T @ X"),
    "109": ("X: R[m, n]; B: R[m, m]", "trace(B @ X @ X.T)", "X", "B @ X + B.T @ X"),
    "110": ("X: R[m, n]; B: R[m, m]", "trace(X @ X.T @ B)", "X", "B @ X + B.T @ X"),
    "111": ("X: R[m, n]; B: R[n, n]", "trace(X @ B @ X.T)", "X", "X @ B.T + X @ B"),
    "112": ("X: R[m, n]; B: R[n, n]", "trace(B @ X.T @ X)", "X", "X @ B.T + X @ B"),
    "113": ("X: R[m, n]; B: R[n, n]", "trace(X.T @ X @ B)", "X", "X @ B.T + X @ B"),
    "114": ("A: R[n, m]; X: R[m, n]; B: R[n, m]", "trace(A @ X @ B @ X)", "X", "A.T @ X.T @ B.T + B.T @ X.T @ A.T"),
    "115": ("X: R[m, n]", "trace(X.T @ X)", "X", "2 * X"),
    "115, other order": ("X: R[m, n]", "trace(X @ X.T)", "X", "2 * X"),
    "116": ("B: R[n, k]; X: R[m, n]; C: R[m, m]", "trace(B.T @ X.T @ C @ X @ B)", "X", "C.T @ X @ B @ B.T + C @ X @ B @ B.T"),
    "117": ("X: R[m, n]; B: R[m, m]; C: R[n, n]", "trace(X.T @ B @ X @ C)", "X", "B @ X @ C + B.T @ X @ C.T"),
    "118": ("A: R[k, m]; X: R[m, n]; B: R[n, n]; C: R[m, k]", "trace(A @ X @ B @ X.T @ C)", "X", "A.T @ C.T @ X @ B.T + C @ A @ X @ B"),
    "119": ("A: R[k, m]; X: R[m, n]; B: R[n, l]; C: R[k, l]", "trace((A @ X @ B + C) @ (A @ X @ B + C).T)", "X",
            "2 * A.T @ (A @ X @ B + C) @ B.T"),
    "120": ("X: R[n, n]", "einsum('ii,jj->', X, X)", "X", "2 * trace(X) * eye(n)"),
    "121": ("X: R[n, n]", "trace(matrix_power(X, 7))", "X", "7 * matrix_power(X, 6).T"),
    "122": ("A: R[n, n]; X: R[n, n]", "trace(A @ matrix_power(X, 3))", "X", "(A @ X @ X + X @ A @ X + X @ X @ A).T"),
    "123": ("B: R[n, k]; X: R[m, n]; C: R[m, m]", "trace(B.T @ X.T @ C @ X @ X.T @ C @ X @ B)", "X",
            "C @ X @ X.T @ C @ X @ B @ B.T + C.T @ X @ B @ B.T @ X.T @ C.T @ X"
            " + C @ X @ B @ B.T @ X.T @ C @ X + C.T @ X @ X.T @ C.T @ X @ B @ B.T"),
    "124": ("X: R[n, n]; A: R[m, n]; B: R[n, m]", "trace(A @ inv(X) @ B)", "X", "-inv(X).T @ A.T @ B.T @ inv(X).T"),
    "125": ("X: R[m, n]; A: R[n, n]; B: R[m, m]; C: R[m, m]" + SYMMETRIC, "trace(inv(X.T @ C @ X) @ A)", "X",
            "-(C @ X @ inv(X.T @ C @ X)) @ (A + A.T) @ inv(X.T @ C @ X)"),
    "126": ("X: R[m, n]; B: R[m, m]; C: R[m, m]" + SYMMETRIC, "trace(inv(X.T @ C @ X) @ (X.T @ B @ X))", "X",
            "-2 * C @ X @ inv(X.T @ C @ X) @ X.T @ B @ X @ inv(X.T @ C @ X) + 2 * B @ X @ inv(X.T @ C @ X)"),
    "128": ("X: R[n, n]", "trace(sinm(X))", "X", "cosm(X).T"),
    "129": ("x: R[n]; a: R[n]", "norm(x - a)", "x", "(x - a) / norm(x - a)"),
    "131": ("x: R[n]", "norm(x)**2", "x", "2 * x"),
    "132": ("X: R[m, n]", "norm(X)**2", "X", "2 * X"),
    "138, 139": ("A: R[n, n]; S: R[n, n]" + LOWER, "trace(A @ X)", "S", "tril(A + A.T - A * eye(n))"),
    "138, 140": ("S: R[n, n]" + LOWER, "det(X)", "S", "tril(det(X) * (2 * inv(X) - inv(X) * eye(n)))"),
    "138, 141": ("S: R[n, n]" + LOWER, "logdet(X)", "S", "tril(2 * inv(X) - inv(X) * eye(n))"),
    "142": ("A: R[n, n]; S: R[n, n]\nX = S * eye(n)", "trace(A @ X)", "S", "A * eye(n)"),
}
# Those that rest on values at many points, not on a proof for all sizes: pseudo-inverses, all eigenvalues at once, triangles.
CONFIRMED = {"55", "56", "66", "76", "138, 139", "138, 140", "138, 141"}
POWERS = ("X: R[n, n]; a: R[n]; b: R[n]", "a @ (X @ X).T @ (X @ X) @ b", "X")
QUOTIENT = ("trace(inv(A + X.T @ C @ X) @ (X.T @ B @ X))", "X",
            "-2 * C @ X @ inv(A + X.T @ C @ X) @ X.T @ B @ X @ inv(A + X.T @ C @ X) + 2 * B @ X @ inv(A + X.T @ C @ X)")
BLOCKS = "X: R[m, n]; A: R[n, n]; B: R[m, m]; C: R[m, m]"
# equation -> (as it is printed, as it should be): the first sum of (92), here for n = 2, stands transposed, and (127), stated for
# symmetric B and C, holds for symmetric A only
MISPRINTS: dict[str, tuple[tuple[str, str, str, str], tuple[str, str, str, str]]] = {
    "92": ((*POWERS, "X @ outer(a, b) @ (X @ X).T + outer(a, b) @ (X @ X).T @ X + X @ X @ outer(a, b) @ X.T + X.T @ X @ X @ outer(a, b)"),
           (*POWERS, "(X @ outer(a, b) @ (X @ X).T + outer(a, b) @ (X @ X).T @ X).T"
                     " + X @ X @ outer(a, b) @ X.T + X.T @ X @ X @ outer(a, b)")),
    "127": ((BLOCKS + SYMMETRIC, *QUOTIENT), (BLOCKS + SYMMETRIC + "; fact: A == A.T", *QUOTIENT)),
}
each_gradient = pytest.mark.parametrize("number", GRADIENTS)


def model_of(number: str) -> str:
    return model(GRADIENTS[number])


def model(identity: tuple[str, str, str, str]) -> str:
    declarations, loss, variable, published = identity
    return f"{declarations}\nf = {loss}\ngrad(f, {variable}) == {published}"


@each_gradient
def test_the_verifier_finds_the_published_gradient_right(number: str) -> None:
    verdict, = sb.verify(model_of(number))
    assert verdict.verdict == ("confirmed" if number in CONFIRMED else "proved"), (verdict.evidence, verdict.diagnosis)
    assert verdict.layout is None or verdict.layout == "denominator"


@each_gradient
def test_the_published_gradient_is_the_slope_of_the_loss(number: str) -> None:
    """Central differences at 60 digits along two random directions; no derivative rule takes part."""
    program = sb.parse(model_of(number))
    variable, field = GRADIENTS[number][2], Precise(60)
    sizes = {str(d): {"m": 4, "n": 3}.get(str(d), 2) for v in program.inputs.values() for d in v.shape if not d.is_Integer}
    values, _ = draw(program, sizes, 3)
    rng = np.random.default_rng(11)
    with mpmath.workdps(70):
        gradient = evaluate(program.claims[0].right, run(program, values, sizes, field), sizes, field)
        for _ in range(2):
            direction = field.array(rng.integers(-3, 4, size=np.shape(values[variable])).astype(float))
            step = mpmath.mpf(10) ** -15 * direction
            ends = [run(program, {**values, variable: np.asarray(field.array(values[variable]) + s * step)}, sizes, field)["f"]
                    for s in (1, -1)]
            slope = (ends[0] - ends[1]) / (2 * mpmath.mpf(10) ** -15)
            assert abs(slope - np.sum(gradient * direction)) <= mpmath.mpf(10) ** -22 * (1 + abs(slope))


@pytest.mark.parametrize("number", MISPRINTS)
def test_what_is_wrong_as_it_is_printed_is_refuted(number: str) -> None:
    printed, right = (sb.verify(model(identity))[0] for identity in MISPRINTS[number])
    assert (printed.verdict, right.verdict) == ("refuted", "proved")
