"""Claims about a model whose number of layers or steps is left open: what is right is proved for every one, nothing else is."""

from __future__ import annotations

from functools import cache

import pytest

import symbackprop as sb

FEED_FORWARD = r"""
W^{(l)} \in \mathbb{R}^{n_l \times n_{l-1}}, b^{(l)} \in \mathbb{R}^{n_l}, a^{(0)} \in \mathbb{R}^{n_0}, y \in \mathbb{R}^{n_L}, f : \mathbb{R} \to \mathbb{R}
z^{(l)} = W^{(l)} a^{(l-1)} + b^{(l)}, \quad a^{(l)} = f(z^{(l)}), \qquad l = 1, \dots, L
C = \frac12 \| a^{(L)} - y \|^2
\delta^{(l)} := \frac{\partial C}{\partial z^{(l)}}
"""
NEXT = r"""
a^{(1)} \in \mathbb{R}^{n_1}, W^{(l)} \in \mathbb{R}^{n_{l+1} \times n_l}, b^{(l)} \in \mathbb{R}^{n_{l+1}}, y \in \mathbb{R}^{n_L}
z^{(l+1)} = W^{(l)} a^{(l)} + b^{(l)}, \quad a^{(l+1)} = f(z^{(l+1)}), \quad l = 1, \dots, L-1
C = \frac12 \|a^{(L)} - y\|^2
"""
RECURRENT = r"""
x_t \in \mathbb{R}^n, h_t \in \mathbb{R}^m, y_t \in \mathbb{R}^m, U \in \mathbb{R}^{m \times m}, V \in \mathbb{R}^{m\times n}
a_t = U h_{t-1} + V x_t, \quad h_t = \tanh(a_t), \quad t = 1, \dots, T
L = \frac{1}{T} \sum_{t=1}^T \frac12 \| h_t - y_t \|^2
"""
AT_THE_END = RECURRENT.replace(r"\frac{1}{T} \sum_{t=1}^T \frac12 \| h_t - y_t \|^2", r"\frac12 \|h_T - y_T\|^2")
STARTS_AT_ZERO = r"""
h_0 = 0, h_t \in \mathbb{R}^m, x_t \in \mathbb{R}^m, W \in \mathbb{R}^{m \times m}
h_t = \tanh(W h_{t-1} + x_t), \quad t = 1, \dots, T
L = \sum_{t=1}^T \frac12 \|h_t\|^2
"""
SOFTMAX = r"""
a^{(0)} = x, \quad z^{(l)} = W^{(l)} a^{(l-1)} + b^{(l)}, \quad a^{(l)} = \max(0, z^{(l)}), \quad l = 1, \dots, L
p = \operatorname{softmax}(a^{(L)}), \quad C = -\sum_k y_k \log p_k, \quad \mathbf 1^T y = 1
\delta^{(l)} = \frac{\partial C}{\partial z^{(l)}}
"""
RESIDUAL = r"""
x^{(l)} = x^{(l-1)} + f(W^{(l)} x^{(l-1)}), \quad l = 1, \dots, L
C = \frac12 \|x^{(L)} - y\|^2
"""
# Hochreiter and Schmidhuber's cell with a forget gate (Gers, Schmidhuber and Cummins 2000), gradients as in Greff et al. 2017, section III.
LSTM = r"""
f_t = \sigma(W_f x_t + U_f h_{t-1} + b_f), \quad i_t = \sigma(W_i x_t + U_i h_{t-1} + b_i), \quad o_t = \sigma(W_o x_t + U_o h_{t-1} + b_o)
\tilde c_t = \tanh(W_c x_t + U_c h_{t-1} + b_c)
c_t = f_t \odot c_{t-1} + i_t \odot \tilde c_t, \quad h_t = o_t \odot \tanh(c_t)
E = \sum_{t=1}^T \frac12 \|h_t - y_t\|^2
"""
# Goodfellow, Bengio and Courville, Deep Learning (2016), section 10.2.2
OUTPUTS = r"""
U \in \mathbb{R}^{h\times d}, W \in \mathbb{R}^{h\times h}, V \in \mathbb{R}^{k\times h}
a_t = b + W s_{t-1} + U x_t, \quad s_t = \tanh(a_t), \quad o_t = c + V s_t, \quad \hat y_t = \operatorname{softmax}(o_t), \quad \mathbf 1^\top y_t = 1
L = \sum_{t=1}^{\tau} L_t, \quad L_t = -\sum_k y_{t,k} \log \hat y_{t,k}
"""

# The same in the language of models
DEEP = """
y: R[n[L]]; a[0]: R[n[0]]; W[l]: R[n[l], n[l-1]]; b[l]: R[n[l]]; f: elementwise
for l in 1..L: z[l] = W[l] @ a[l-1] + b[l]; a[l] = f(z[l])
C = sum((a[L] - y)**2) / 2
"""
LONG = """
x: R[T, n]; y: R[T, m]; h[0]: R[m]; U: R[m, m]; V: R[m, n]
for t in 1..T: s[t] = U @ h[t-1] + V @ x[t]; h[t] = tanh(s[t]); e[t] = sum((h[t] - y[t])**2)
C = sum(e[t] for t in 1..T) / T
"""
DOWN = """
x: R[T, n]; h[0]: R[m]; g[T+1]: R[m]; V: R[m, n]; y: R[T]
for t in 1..T: h[t] = tanh(h[t-1] + V @ x[t])
for t in T..1: g[t] = tanh(g[t+1] + V @ x[t]); r[t] = dot(g[t], h[t]) - y[t]
C = sum(r[t]**2 for t in 1..T)
"""

RIGHT = [
    (DEEP, "grad(C, z[L]) == (a[L] - y) * f_prime(z[L])"),
    (DEEP, "grad(C, z[l]) == (W[l+1].T @ grad(C, z[l+1])) * f_prime(z[l])"),
    (DEEP, "grad(C, a[l]) == W[l+1].T @ grad(C, z[l+1])"),
    (DEEP, "grad(C, W[l]) == outer(grad(C, z[l]), a[l-1])"),
    (LONG, "grad(C, h[t]) == U.T @ grad(C, s[t+1]) + 2*(h[t] - y[t]) / T"),
    (LONG, "grad(C, h[T]) == 2*(h[T] - y[T]) / T"),
    (LONG, "grad(C, U) == sum(outer(grad(C, s[t]), h[t-1]) for t in 1..T)"),
    (LONG, "grad(C, h[0]) == U.T @ grad(C, s[1])"),
    (LONG, "grad(C, x[t]) == V.T @ grad(C, s[t])"),
    (DOWN, "grad(C, g[t]) == (1 - g[t-1]**2) * grad(C, g[t-1]) + 2*r[t]*h[t]"),
    (DOWN, "grad(C, g[1]) == 2*r[1]*h[1]"),
    (FEED_FORWARD, r"\delta^{(L)} = (a^{(L)} - y) \odot f'(z^{(L)})"),
    (FEED_FORWARD, r"\delta^{(l)} = ((W^{(l+1)})^\top \delta^{(l+1)}) \odot f'(z^{(l)})"),
    (FEED_FORWARD, r"\frac{\partial C}{\partial b^{(l)}} = \delta^{(l)}"),
    (FEED_FORWARD, r"\frac{\partial C}{\partial W^{(l)}} = \delta^{(l)} (a^{(l-1)})^\top"),
    (FEED_FORWARD, r"\frac{\partial C}{\partial a^{(l-1)}} = (W^{(l)})^\top \delta^{(l)}"),
    (FEED_FORWARD, r"\frac{\partial C}{\partial W^{(1)}} = \delta^{(1)} (a^{(0)})^\top"),
    (NEXT, r"\frac{\partial C}{\partial z^{(l)}} = ((W^{(l)})^T \frac{\partial C}{\partial z^{(l+1)}}) \odot f'(z^{(l)})"),
    (NEXT, r"\frac{\partial C}{\partial W^{(l)}} = \frac{\partial C}{\partial z^{(l+1)}} (a^{(l)})^T"),
    (RECURRENT, r"\frac{\partial L}{\partial a_t} = (U^\top \frac{\partial L}{\partial a_{t+1}} + \frac{1}{T}(h_t - y_t)) \odot (1 - h_t^2)"),
    (RECURRENT, r"\frac{\partial L}{\partial a_T} = \frac{1}{T}(h_T - y_T) \odot (1 - h_T^2)"),
    (RECURRENT, r"\frac{\partial L}{\partial U} = \sum_{t=1}^T \frac{\partial L}{\partial a_t} h_{t-1}^\top"),
    (RECURRENT, r"\frac{\partial L}{\partial V} = \sum_{t=1}^T \frac{\partial L}{\partial a_t} x_t^\top"),
    (AT_THE_END, r"\frac{\partial L}{\partial h_t} = U^\top ((1 - h_{t+1}^2) \odot \frac{\partial L}{\partial h_{t+1}})"),
    (AT_THE_END, r"\frac{\partial h_t}{\partial h_{t-1}} = \operatorname{diag}(1 - h_t^2) U"),
    (STARTS_AT_ZERO, r"\frac{\partial L}{\partial W} = \sum_{t=2}^T ((1 - h_t^2) \odot \frac{\partial L}{\partial h_t}) h_{t-1}^\top"),
    (SOFTMAX, r"\delta^{(L)} = (p - y) \odot 1[z^{(L)} > 0]"),
    (SOFTMAX, r"\delta^{(l)} = ((W^{(l+1)})^T \delta^{(l+1)}) \odot 1[z^{(l)} > 0]"),
    (RESIDUAL, r"\frac{\partial C}{\partial x^{(l-1)}} = \frac{\partial C}{\partial x^{(l)}} + (W^{(l)})^\top "
               r"\left( \frac{\partial C}{\partial x^{(l)}} \odot f'(W^{(l)} x^{(l-1)}) \right)"),
    (LSTM, r"\frac{\partial E}{\partial o_t} = \frac{\partial E}{\partial h_t} \odot \tanh(c_t)"),
    (LSTM, r"\frac{\partial E}{\partial c_t} = \frac{\partial E}{\partial h_t} \odot o_t \odot (1 - \tanh^2(c_t)) + \frac{\partial E}{\partial c_{t+1}} \odot f_{t+1}"),
    (LSTM, r"\frac{\partial E}{\partial W_f} = \sum_{t=1}^T \left( \frac{\partial E}{\partial c_t} \odot c_{t-1} \odot f_t \odot (1 - f_t) \right) x_t^\top"),
    (OUTPUTS, r"\nabla_{o_t} L = \hat y_t - y_t"),
    (OUTPUTS, r"\nabla_{s_\tau} L = V^\top \nabla_{o_\tau} L"),
    (OUTPUTS, r"\nabla_{s_t} L = W^\top \operatorname{diag}(1 - s_{t+1}^2) \nabla_{s_{t+1}} L + V^\top \nabla_{o_t} L"),
    (OUTPUTS, r"\nabla_V L = \sum_{t=1}^\tau (\nabla_{o_t} L) s_t^\top"),
    (OUTPUTS, r"\nabla_W L = \sum_{t=1}^\tau \operatorname{diag}(1 - s_t^2) (\nabla_{s_t} L) s_{t-1}^\top"),
]
WRONG = [
    (DEEP, "grad(C, z[L]) == a[L] - y"),
    (DEEP, "grad(C, z[l]) == W[l+1].T @ grad(C, z[l+1])"),
    (DEEP, "grad(C, W[l]) == outer(grad(C, z[l]), a[l])"),
    (LONG, "grad(C, h[t]) == U.T @ grad(C, s[t+1])"),
    (LONG, "grad(C, h[T]) == 2*(h[T] - y[T]) / 3"),
    (LONG, "grad(C, U) == sum(outer(grad(C, s[t]), h[t-1]) for t in 2..T)"),
    (DOWN, "grad(C, g[t]) == (1 - g[t-1]**2) * grad(C, g[t-1])"),
    (FEED_FORWARD, r"\delta^{(L)} = (a^{(L)} - y)"),
    (FEED_FORWARD, r"\delta^{(l)} = (W^{(l+1)})^\top \delta^{(l+1)}"),
    (FEED_FORWARD, r"\frac{\partial C}{\partial W^{(l)}} = \delta^{(l)} (a^{(l)})^\top"),
    (FEED_FORWARD, r"\delta^{(l)} = ((W^{(L)})^\top \delta^{(L)}) \odot f'(z^{(l)})"),  # right for l = L - 1 alone
    (NEXT, r"\frac{\partial C}{\partial W^{(l)}} = \frac{\partial C}{\partial z^{(l)}} (a^{(l)})^T"),
    (RECURRENT, r"\frac{\partial L}{\partial a_t} = (U^\top \frac{\partial L}{\partial a_{t+1}} + (h_t - y_t)) \odot (1 - h_t^2)"),
    (RECURRENT, r"\frac{\partial L}{\partial a_T} = \frac{1}{3}(h_T - y_T) \odot (1 - h_T^2)"),  # right for T = 3 alone
    (RECURRENT, r"\frac{\partial L}{\partial a_T} = (\frac{1}{T} + (T-1)(T-2)(T-3)) (h_T - y_T) \odot (1 - h_T^2)"),
    (RECURRENT, r"\frac{\partial L}{\partial h_t} = U^\top \frac{\partial L}{\partial a_{t+1}}"),  # the step's own error is forgotten
    (RECURRENT, r"\frac{\partial L}{\partial U} = \sum_{t=2}^T \frac{\partial L}{\partial a_t} h_{t-1}^\top"),
    (RECURRENT, r"\frac{\partial L}{\partial V} = \sum_{t=1}^T \frac{\partial L}{\partial a_t} x_1^\top"),  # right for T = 1 alone
    (AT_THE_END, r"\frac{\partial L}{\partial U} = ((1 - h_T^2) \odot \frac{\partial L}{\partial h_T}) h_{T-1}^\top"),  # truncated
    (SOFTMAX, r"\delta^{(L)} = p - y"),
    (LSTM, r"\frac{\partial E}{\partial c_t} = \frac{\partial E}{\partial h_t} \odot o_t \odot (1 - \tanh^2(c_t))"),
    (OUTPUTS, r"\nabla_W L = \sum_{t=1}^\tau (\nabla_{s_t} L) s_{t-1}^\top"),
]


@cache
def together(model: str) -> dict[str, sb.Verdict]:
    """The verdicts on all right lines about a model."""
    claims = [claim for of, claim in RIGHT if of == model]
    return dict(zip(claims, sb.verify(model + "\n".join(claims)), strict=True))


@pytest.mark.parametrize("model, claim", RIGHT, ids=[claim for _, claim in RIGHT])
def test_what_is_right_is_proved_for_every_length(model: str, claim: str) -> None:
    verdict = together(model)[claim]
    assert verdict.verdict == "proved" and "every" in verdict.evidence, str(verdict)


@pytest.mark.parametrize("model, claim", WRONG, ids=[claim for _, claim in WRONG])
def test_what_is_wrong_somewhere_is_refuted(model: str, claim: str) -> None:
    (verdict,) = sb.verify(model + claim)
    assert verdict.verdict == "refuted", str(verdict)


def test_what_is_not_proved_for_every_length_is_not_said_to_be() -> None:
    zero_where_tried = r"(\frac{1}{T} + (T-1)(T-2)(T-3)(T-5))"
    (verdict,) = sb.verify(RECURRENT + r"\frac{\partial L}{\partial a_T} = " + zero_where_tried + r"(h_T - y_T) \odot (1 - h_T^2)")
    assert verdict.verdict == "confirmed" and "not a proof for every T" in verdict.evidence


def test_a_verdict_tells_its_steps() -> None:
    lines = [r"\delta^{(l)} = ((W^{(l+1)})^\top \delta^{(l+1)}) \odot f'(z^{(l)})", r"\frac{\partial C}{\partial W^{(l)}} = \delta^{(l)} (a^{(l-1)})^\top"]
    first, second = sb.verify(FEED_FORWARD + "\n".join(lines))
    assert first.assumptions == ("for every L", "for l = 1, …, L−1") and first.quantity == "dC/dz[l]"
    assert second.assumptions == ("for every L", "for l = 1, …, L") and second.quantity == "dC/dW[l]"


def test_a_repair_holds_at_every_step() -> None:
    named = NEXT + r"\delta^{(l)} := \frac{\partial C}{\partial z^{(l)}}" + "\n"
    (verdict,) = sb.verify(named + r"\frac{\partial C}{\partial W^{(l)}} = \delta^{(l)} (a^{(l)})^T")
    assert verdict.diagnosis["fix"] == r"\frac{\partial C}{\partial W^{(l)}} = \delta^{(l+1)} (a^{(l)})^T"


def test_a_repair_shifts_the_label_inside_a_derivative() -> None:
    (verdict,) = sb.verify(NEXT + r"\frac{\partial C}{\partial W^{(l)}} = \frac{\partial C}{\partial z^{(l)}} (a^{(l)})^T")
    assert verdict.diagnosis["fix"] == r"\frac{\partial C}{\partial W^{(l)}} = \frac{\partial C}{\partial z^{(l+1)}} (a^{(l)})^T"
    assert "has the label l where l+1 belongs" in verdict.diagnosis["message"]


def test_one_step_of_a_cell_is_no_recurrence() -> None:
    text = r"h_t = \tanh(W h_{t-1} + U x_t), \quad L = \frac12 \|h_t - y\|^2" + "\n" + r"\frac{\partial L}{\partial h_t} = h_t - y"
    (verdict,) = sb.verify(text)
    assert verdict.verdict == "proved" and "every" not in verdict.evidence


def test_a_number_of_layers_that_is_said_is_that_number() -> None:
    text = FEED_FORWARD.replace(r"l = 1, \dots, L", r"l = 1, \dots, 2").replace("(L)", "(2)").replace("n_L", "n_2")
    (verdict,) = sb.verify(text + r"\delta^{(l)} = ((W^{(l+1)})^\top \delta^{(l+1)}) \odot f'(z^{(l)})")
    assert verdict.verdict == "proved" and "every" not in verdict.evidence


REPAIRS = [
    (DEEP, "grad(C, z[L]) == a[L] - y", "grad(C, z[L]) == (a[L] - y) * f_prime(z[L])"),
    (DEEP, "grad(C, W[l]) == outer(grad(C, z[l]), a[l])", "grad(C, W[l]) == outer(grad(C, z[l]), a[l-1])"),
    (DEEP, "grad(C, a[l]) == W[l+1] @ grad(C, z[l+1])", "grad(C, a[l]) == W[l+1].T @ grad(C, z[l+1])"),
    (LONG, "grad(C, V) == sum(outer(grad(C, s[t]), x[t]) for t in 2..T)", "grad(C, V) == sum(outer(grad(C, s[t]), x[t]) for t in 1..T)"),
    (LONG, "grad(C, h[t]) == U @ grad(C, s[t+1]) + 2*(h[t] - y[t]) / T", "grad(C, h[t]) == U.T @ grad(C, s[t+1]) + 2*(h[t] - y[t]) / T"),
]


@pytest.mark.parametrize("model, claim, fix", REPAIRS, ids=[claim for _, claim, _ in REPAIRS])
def test_a_repair_speaks_of_steps_as_the_user_does(model: str, claim: str, fix: str) -> None:
    (verdict,) = sb.verify(model + claim)
    assert verdict.diagnosis["fix"] == fix


def test_claims_about_loops_that_make_no_sense_are_told() -> None:
    letters, unknown, bare = sb.verify(DEEP + "grad(C, W[k]) == outer(grad(C, z[l]), a[l])\ngrad(C, q[l]) == 0\ngrad(C, W) == 0")
    assert letters.verdict == unknown.verdict == bare.verdict == "error"
    assert "k runs over no range" in letters.evidence and "q is not declared" in unknown.evidence and "W[" in bare.evidence


def test_a_text_for_every_layer_derives_the_four_equations() -> None:
    """Chapter 2 of M. Nielsen, Neural Networks and Deep Learning: BP1 to BP4."""
    derivation = sb.derive(sb.parse(FEED_FORWARD), ["W", "b"])
    assert str(derivation).splitlines() == [
        "δ_L = (a_L − y) ⊙ f′(z_L)", "δₗ = (Wₗ₊₁ᵀ δₗ₊₁) ⊙ f′(zₗ)    (l = L−1, …, 1)",
        "∂C/∂Wₗ = δₗ aₗ₋₁ᵀ    (l = 1, …, L)", "∂C/∂bₗ = δₗ    (l = 1, …, L)"]
    assert r"\delta_l &= (W_{l+1}^{\top} \delta_{l+1}) \odot f'(z_l) \qquad (l = L-1, \dots, 1)" in derivation.latex()
    assert sb.check(derivation)


def test_a_text_for_every_time_derives_backpropagation_through_time() -> None:
    """Goodfellow, Bengio and Courville, Deep Learning, equations 10.18 to 10.28, with δ_a for H ∇_h."""
    derivation = sb.derive(sb.parse(OUTPUTS), ["W", "V", "c"])
    assert str(derivation).splitlines()[:7] == [
        "δ_o[τ] = ŷ_τ − y_τ", "δ_a[τ] = (Vᵀ δ_o[τ]) ⊙ (1 − s_τ²)", "δ_o[t] = ŷₜ − yₜ    (t = τ−1, …, 1)",
        "δ_a[t] = (Wᵀ δ_a[t+1] + Vᵀ δ_o[t]) ⊙ (1 − sₜ²)    (t = τ−1, …, 1)",
        "∂L/∂W = Σ_{t=1..τ} δ_a[t] sₜ₋₁ᵀ", "∂L/∂V = Σ_{t=1..τ} δ_o[t] sₜᵀ", "∂L/∂c = Σ_{t=1..τ} δ_o[t]"]
    assert r"\sum_{t=1}^{\tau}" in derivation.latex() and sb.check(derivation)


def test_a_mean_over_time_keeps_its_length_a_symbol() -> None:
    assert "∂L/∂h" not in str(sb.derive(sb.parse(RECURRENT), ["U"])) and "(1/T)" in str(sb.derive(sb.parse(RECURRENT), ["U"]))


def test_steps_that_are_not_alike_are_derived_at_one_length() -> None:
    text = FEED_FORWARD.replace(r"\frac12 \| a^{(L)} - y \|^2", r"\frac12 \| a^{(L)} - y \|^2 + \frac12 \|a^{(2)}\|^2")
    assert "∂C/∂W₃" in str(sb.derive(sb.parse(text)))
    assert sb.check(sb.derive(sb.parse(NEXT)))


UNDECLARED = r"""
a^l = \sigma(z^l), \quad z^l = w^l a^{l-1} + b^l
C = \frac{1}{2} \|y - a^L\|^2
"""


@pytest.mark.parametrize("text", [UNDECLARED, SOFTMAX, LSTM, RESIDUAL], ids=["undeclared", "softmax", "lstm", "residual"])
def test_texts_without_declarations_are_loops_too(text: str) -> None:
    derivation = sb.derive(sb.parse(text))
    assert type(derivation).__name__ == "RecurrentDerivation" and sb.check(derivation)
