"""What must not be proved for every length: steps that are not alike, numbers of steps, names that only longer models have.

The models are of scalars, so that each is judged in a moment. What a line should get was worked out by hand.
"""

from __future__ import annotations

import pytest

import symbackprop as sb

STEPS = r"""
x_t \in \mathbb{R}, h_t \in \mathbb{R}, u \in \mathbb{R}, \beta \in \mathbb{R}
a_t = u h_{t-1} + x_t, \quad h_t = \tanh(a_t), \quad t = 1, \dots, T
L = LOSS
"""
BACK = r"\frac{\partial L}{\partial a_t} = (1 - h_t^2) (u \frac{\partial L}{\partial a_{t+1}} + LAST)"


def judged(loss: str, claim: str, change: tuple[str, str] = ("", "")) -> sb.Verdict:
    (verdict,) = sb.verify(STEPS.replace("LOSS", loss).replace(*change) + claim)
    return verdict


def is_for_every(verdict: sb.Verdict) -> bool:
    return verdict.verdict == "proved" and "every" in verdict.evidence


# The line is right at every length, but its steps are not alike: nothing was shown of the lengths that were not looked at.
UNALIKE = [
    (r"\frac12 h_T^2", r"\frac{\partial L}{\partial h_t} = u \frac{\partial L}{\partial a_{t+1}}", ("+ x_t", "+ x_t + h_0")),
    (r"\frac12 h_T^2", r"\frac{\partial L}{\partial a_t} = (1 - h_t^2) \frac{\partial L}{\partial h_t}", ("+ x_t", "+ x_t + x_1")),
    (r"\sum_{t=1}^T (\sum_{k=1}^t \beta) h_t", BACK.replace("LAST", r"\sum_{k=1}^t \beta"), ("", "")),
]


@pytest.mark.parametrize("loss, claim, change", UNALIKE, ids=["a start in every step", "the first input in every step", "a count"])
def test_steps_that_are_not_alike_prove_nothing_about_every_length(loss: str, claim: str, change: tuple[str, str]) -> None:
    verdict = judged(loss, claim, change=change)
    assert verdict.verdict == "confirmed" and "not a proof for every T" in verdict.evidence, str(verdict)


ONCE_WRONG = [
    (r"\sum_{t=1}^T h_t + h_2", BACK.replace("LAST", "1")),  # wrong at t = 2
    (r"\sum_{t=1}^T t h_t", BACK.replace("LAST", "t + 1")),
    (r"\frac12 h_T^2", r"\frac{\partial L}{\partial a_{T-1}} = u (1 - h_1^2) \frac{\partial L}{\partial a_T}"),  # right for T = 2 alone
]


@pytest.mark.parametrize("loss, claim", ONCE_WRONG, ids=[f"{loss} | {claim[-20:]}" for loss, claim in ONCE_WRONG])
def test_a_step_that_is_not_like_the_others_refutes_a_line_about_all(loss: str, claim: str) -> None:
    assert judged(loss, claim).verdict == "refuted"


# Polynomials that vanish at every step and length that is looked at
FIRST_STEPS = "(t-1)(t-2)(t-3)(t-4)(t-5)(t-6)(t-7)"
WRONG_LATER = [
    (rf"\sum_{{t=1}}^T {FIRST_STEPS} h_t + h_T", BACK.replace("+ LAST", "")),
    (r"\sum_{t=1}^T h_t", BACK.replace("LAST", f"1 + {FIRST_STEPS}")),
    (r"\sum_{t=1}^T h_t", BACK.replace("LAST", f"1 + {FIRST_STEPS.replace('t', 'T')}")),
    (r"\sum_{t=1}^T h_t", rf"\frac{{\partial L}}{{\partial u}} = \sum_{{t=1}}^T (1 + {FIRST_STEPS}) \frac{{\partial L}}{{\partial a_t}} h_{{t-1}}"),
    (r"h_T", r"q = h_0", ("L =", rf"q = h_0 + {FIRST_STEPS.replace('t', 'T')}, \quad L =")),
]


@pytest.mark.parametrize("loss, claim, change", [(*case, ("", ""))[:3] for case in WRONG_LATER],
                         ids=["weight of the loss", "formula", "length", "sum", "no step"])
def test_what_is_wrong_beyond_all_that_is_looked_at_is_not_proved(loss: str, claim: str, change: tuple[str, str]) -> None:
    verdict = judged(loss, claim, change=change)
    assert not is_for_every(verdict) and verdict.verdict in ("confirmed", "refuted"), str(verdict)


NUMBERS = [
    (r"\sum_{t=1}^T \frac1t h_t", BACK.replace("LAST", r"\frac1t"), ("", "")),
    (r"\sum_{t=1}^T (T-t) h_t", BACK.replace("LAST", r"T - t"), ("", "")),
    (r"\sum_{t=1}^T t^2 h_t", r"\frac{\partial L}{\partial a_T} = T^2 (1 - h_T^2)", ("", "")),
    (r"\frac12 h_T^2", r"\frac{\partial L}{\partial h_t} = (t+1) u \frac{\partial L}{\partial a_{t+1}}", ("u h_{t-1}", "t u h_{t-1}")),
    (r"\frac12 h_T^2", r"\frac{\partial L}{\partial u} = \sum_{t=1}^T t \frac{\partial L}{\partial a_t} h_{t-1}", ("u h_{t-1}", "t u h_{t-1}")),
]


@pytest.mark.parametrize("loss, claim, change", NUMBERS, ids=["1/t", "T-t", "T^2", "t+1", "sum"])
def test_the_number_of_a_step_is_a_number(loss: str, claim: str, change: tuple[str, str]) -> None:
    verdict = judged(loss, claim, change=change)
    assert is_for_every(verdict), str(verdict)


def test_a_number_in_a_loop_of_a_model_is_a_number() -> None:
    model = "x: R[T]; h[0]: R; u: R\nfor t in 1..T: a[t] = u * h[t-1] / t + x[t]; h[t] = tanh(a[t])\nC = sum(t * h[t] for t in 1..T)\n"
    right, later = sb.verify(model + "grad(C, h[t]) == u * grad(C, a[t+1]) / (t + 1) + t\n"
                             "grad(C, h[t]) == u * grad(C, a[t+1]) / (t + 1) + t + t*(t-1)*(t-2)*(t-3)*(t-4)*(t-5)*(t-6)*(t-7)")
    assert is_for_every(right) and later.verdict == "confirmed"


@pytest.mark.parametrize("loss", [r"\sum_{t=1}^T h_t + h_7", r"\sum_{t=4}^T h_t"])
def test_a_text_that_speaks_of_steps_beyond_the_length_it_is_read_with_is_not_judged(loss: str) -> None:
    verdict = judged(loss, BACK.replace("LAST", "1"))
    assert verdict.verdict == "error" and "could not be read" in verdict.diagnosis["message"], str(verdict)


def test_a_sum_up_to_the_step_ends_there() -> None:
    """Pascanu, Mikolov and Bengio, On the difficulty of training recurrent neural networks (2013), equations 3 to 5."""
    text = STEPS.replace("L = LOSS", r"E_t = h_t^2, \quad L = \sum_{t=1}^T E_t")
    right, count = sb.verify(text + r"\frac{\partial E_t}{\partial u} = \sum_{k=1}^t \frac{\partial E_t}{\partial a_k} h_{k-1}" + "\n"
                             + r"\frac{\partial L}{\partial \beta} = \sum_{t=1}^T \sum_{k=1}^t \beta - \frac{T (T+1)}{2} \beta")
    assert right.verdict == count.verdict == "confirmed"


def test_a_line_without_a_verdict_at_a_length_does_not_claim_it() -> None:
    """∂L/∂a_2 is nothing at T = 1."""
    verdict = judged(r"\frac12 h_T^2 + \frac12 h_0^2", r"\frac{\partial L}{\partial h_2} = u \frac{\partial L}{\partial a_3} + 0 x_1", change=("+ x_t", "+ x_t + x_1"))
    assert "T = 3, " in verdict.evidence and "T = 1" not in verdict.evidence, str(verdict)


def test_a_line_that_short_models_lack_is_proved_for_those_that_have_it() -> None:
    verdict = judged(r"\sum_{t=1}^T h_t", r"\frac{\partial L}{\partial a_1} = (1 - h_1^2) (u \frac{\partial L}{\partial a_2} + 1)")
    assert is_for_every(verdict) and "every T ≥ 2" in verdict.evidence
