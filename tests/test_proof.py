"""Right claims in other words, which must be proved: identities of exponentials, roots, logarithms, corners and trigonometry."""

import pytest

import symbackprop as sb

NET = """x: R[n]; y: R[k]; W1: R[m, n]; b1: R[m]; W2: R[k, m]; b2: R[k]
z1 = W1 @ x + b1
h = {f}(z1)
z2 = W2 @ h + b2
yhat = {g}(z2)
C = {loss}
"""
SQUARES, ENTROPY = "sum((yhat - y)**2) / 2", "-sum(y * log(yhat) + (1 - y) * log(1 - yhat))"


def net(f: str = "sigmoid", g: str = "sigmoid", loss: str = SQUARES) -> str:
    return NET.format(f=f, g=g, loss=loss)


VECTORS, ONE = "x: R[n]; y: R[n]\n", "x: R[n]\n"
CASES = [
    (net(), "grad(C, z2) == (yhat - y) * exp(-z2) / (1 + exp(-z2))**2"),
    (net(), "grad(C, z2) == (yhat - y) * yhat * sigmoid(-z2)"),
    (net(), "grad(C, z2) == (yhat - y) / (2 + exp(z2) + exp(-z2))"),
    (net(), "grad(C, z2) == (yhat - y) / (4 * cosh(z2 / 2)**2)"),
    (net(), "grad(C, W1) == outer((W2.T @ grad(C, z2)) * exp(-z1) / (1 + exp(-z1))**2, x)"),
    (net("tanh"), "grad(C, z1) == (W2.T @ grad(C, z2)) / cosh(z1)**2"),
    (net("tanh"), "grad(C, z1) == (W2.T @ grad(C, z2)) * 4 * sigmoid(2*z1) * (1 - sigmoid(2*z1))"),
    (net("tanh"), "grad(C, z1) == (W2.T @ grad(C, z2)) * (1 - ((exp(z1)-exp(-z1))/(exp(z1)+exp(-z1)))**2)"),
    (net("relu"), "grad(C, z1) == (W2.T @ grad(C, z2)) * (h > 0)"),
    (net("relu"), "grad(C, z1) == (W2.T @ grad(C, z2)) * (1 + sign(z1)) / 2"),
    (net("softplus"), "grad(C, z1) == (W2.T @ grad(C, z2)) * (1 - exp(-h))"),
    (net("silu"), "grad(C, z1) == (W2.T @ grad(C, z2)) * (h + sigmoid(z1) * (1 - h))"),
    (net("leaky_relu"), "grad(C, z1) == (W2.T @ grad(C, z2)) * where(z1 > 0, ones(m), 0.01*ones(m))"),
    (net(loss=ENTROPY), "grad(C, z2) == yhat - y"),
    (net(loss=ENTROPY), "grad(C, yhat) == (yhat - y) / (yhat * (1 - yhat))"),
    (net(loss="sum(log(1 + exp(z2)) - y * z2)"), "grad(C, z2) == 1 / (1 + exp(-z2)) - y"),
    (ONE + "f = sqrt(sum(x**2))\n", "grad(f, x) == x / norm(x)"),
    (ONE + "f = norm(x)\n", "grad(f, x) == x / sqrt(sum(x**2))"),
    (VECTORS + "f = log(sum(exp(x))) - y @ x\n", "grad(f, x) == softmax(x) - y"),
    (VECTORS + "f = sum(abs(x - y))\n", "grad(f, y) == sign(y - x)"),
    (VECTORS + "f = sum(maximum(0, 1 - x * y))\n", "grad(f, x) == -y * (x * y < 1)"),
    (VECTORS + "f = sum(log(1 + exp(-x * y)))\n", "grad(f, x) == -y / (1 + exp(x * y))"),
    (ONE + "fact: x > 0\nf = sum(log(x**2))\n", "grad(f, x) == 2 / x"),
    (ONE + "f = sum(sin(x)**2)\n", "grad(f, x) == sin(2 * x)"),
    (net("relu", "softmax", "-sum(y * log(yhat))"), "grad(C, z2) == sum(y) * exp(z2) / sum(exp(z2)) - y"),
    (net("relu", "softmax", "-sum(y * log(yhat))").replace("z1 =", "fact: sum(y) == 1\nz1 =", 1), "grad(C, z2) == exp(z2 - logsumexp(z2)) - y"),
    ("X: R[N, n]; W: R[n, m]; b: R[m]\nZ = X @ W + b\nH = softplus(Z)\nC = sum(H**2)\n", "grad(C, W) == X.T @ (grad(C, H).T * (1 - exp(-H)).T).T"),
    (ONE + "f = sum(tan(x))\n", "grad(f, x) == 1 / cos(x)**2"),
]


@pytest.mark.parametrize("model, claim", CASES, ids=[c[1] for c in CASES])
def test_a_right_claim_in_other_words_is_proved(model, claim):
    (found,) = sb.verify(model + claim)
    assert found.verdict == "proved", str(found)


def test_what_is_right_away_from_corners_says_so():
    (found,) = sb.verify(net("relu") + "grad(C, z1) == (W2.T @ grad(C, z2)) * (z1 >= 0)")
    assert found.verdict == "proved" and found.assumptions[0].startswith("away from kinks")


def test_a_difference_that_floats_cannot_see_is_never_confirmed():
    """Also where the time is short: what agrees to six digits is not confirmed."""
    for budget in (0.02, 0.05, 0.1, 0.3):
        for off in ("1e-12", "1e-30"):
            (found,) = sb.verify(net() + f"grad(C, z2) == (1 + {off}) * (yhat - y) * yhat * (1 - yhat)", budget=budget)
            assert not found.is_right
