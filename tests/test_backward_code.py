"""Hand-written NumPy code: every verdict is held against finite differences of the code itself, which only the test runs."""

from __future__ import annotations

import runpy
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from code_cases import CASES, Case
from code_courses import COURSES
from code_planted import PLANTED, Planted
from symbackprop.doors import read, read_as
from symbackprop.judge.verdict import Verdict, judge

CODE = Path(__file__).parent / "code"


def verdicts(name: str) -> dict[str, Verdict]:
    found = {}
    for verdict in judge(read(CODE / name), 5.0):
        found.setdefault(verdict.quantity, verdict)
    return found


def differences(loss: object, values: dict[str, np.ndarray], name: str, step: float = 1e-6) -> np.ndarray:
    """Central differences of a loss by one of its arrays."""
    base = np.asarray(values[name], dtype=float)
    found = np.zeros(base.shape)
    for at in np.ndindex(base.shape):
        ends = []
        for sign in (1, -1):
            moved = base.copy()
            moved[at] += sign * step
            ends.append(loss({**values, name: moved if base.shape else float(moved)}))
        found[at] = (ends[0] - ends[1]) / (2 * step)
    return found


@pytest.mark.parametrize("case", CASES, ids=lambda c: c.file)
def test_verdicts_are_what_differences_say(case: Case) -> None:
    module = runpy.run_path(str(CODE / case.file))
    loss, values, claimed = case.run(module, np.random.default_rng(3))
    found = verdicts(case.file)
    for quantity, (name, gradient) in claimed.items():
        truth = differences(loss, values, name)
        right = np.shape(gradient) == truth.shape and np.allclose(gradient, truth, rtol=1e-5, atol=1e-7)
        assert right == (quantity not in case.wrong), f"{quantity}: the case itself is labelled wrongly"
        assert found[quantity].verdict in (("proved", "confirmed") if right else ("refuted",)), f"{quantity}: {found[quantity]}"


@pytest.mark.parametrize("case", [c for c in CASES if c.wrong], ids=lambda c: c.file)
def test_the_mistake_is_found_in_its_line(case: Case) -> None:
    found = verdicts(case.file)
    own = {q: v for q, v in found.items() if v.verdict == "refuted" and v.kind != "inherited"}
    assert set(own) == {case.mistake}
    verdict = own[case.mistake]
    assert case.fragment in (CODE / case.file).read_text().splitlines()[verdict.line - 1]
    assert verdict.kind in case.kinds, verdict
    assert not case.fix or verdict.diagnosis["fix"] == case.fix


def test_a_forward_pass_worked_out_again_is_the_one_that_the_loss_reads() -> None:
    found = verdicts("recomputed_forward.py")
    assert {v.verdict for v in found.values()} == {"proved"}, found
    assert {"dZ2", "dA1", "dZ1"} <= set(found)


# --- files that are right, and wrong after one change ---

VARIANTS = [(case, mistake) for case in (*PLANTED, *COURSES) for mistake in (None, *case.mistakes)]


def by_quantity(found: list[Verdict]) -> dict[str, Verdict]:
    """Verdicts by their quantity, or by their line where several have one name."""
    named = {v.quantity: v for v in found[::-1]}
    return named | {f"line {v.line}": v for v in found}


@pytest.mark.parametrize("case, mistake", VARIANTS, ids=lambda part: part.file if isinstance(part, Planted) else part and part[1].strip()[:30])
def test_planted_mistakes_are_found_and_nothing_else(case: Planted, mistake: tuple[str, str, str, str] | None, tmp_path: Path) -> None:
    text = (CODE / case.file).read_text()
    if mistake is not None:
        assert text.count(mistake[0]) == 1
        text = text.replace(mistake[0], mistake[1])
    file = tmp_path / case.file
    file.write_text(text.replace('open("book.txt").read()', '"abcde"'))
    loss, values, claimed = case.run(runpy.run_path(str(file)), np.random.default_rng(3))
    program = read_as(text, "py")
    if case.only:
        program = replace(program, claims=tuple(c for c in program.claims if c.quantity in case.only))
        claimed = {q: v for q, v in claimed.items() if q in case.only}
    verdicts = judge(program, 4.0)
    found = by_quantity(verdicts)
    for quantity, (name, gradient) in claimed.items():
        truth = differences(loss, values, name)
        right = np.shape(gradient) == truth.shape and np.allclose(gradient, truth, rtol=1e-5, atol=1e-7)
        assert right or mistake is not None, f"{quantity}: the case itself is labelled wrongly"
        assert found[quantity].verdict in (("proved", "confirmed") if right else ("refuted",)), f"{quantity}: {found[quantity]}"
    if mistake is None:
        assert all(v.is_right for v in verdicts), [str(v) for v in verdicts if not v.is_right]
    else:
        blamed = found[mistake[2]]
        assert blamed.verdict == "refuted" and blamed.kind != "inherited", str(blamed)
        assert not mistake[3] or blamed.diagnosis["fix"] == mistake[3]


LOOP = """import numpy as np

def loss_and_grad(W, X, y):
    dW = np.zeros_like(W)
    loss = 0.0
    for row in mystery(X):
        loss += np.sum((row @ W) ** 2)
        dW += 2 * np.outer(row, row @ W)
    dW += 0.2 * W
    loss += 0.1 * np.sum(W * W)
    return loss, dW
"""


def test_a_loop_that_is_not_followed_takes_what_it_assigns_with_it() -> None:
    """Nothing is called right that a line which is not understood has changed."""
    program = read_as(LOOP, "py")
    assert program.notes or program.claims
    assert not any(v.is_right for v in judge(program, 4.0))


TRAINING = ("""import numpy as np

def train(X, y, W, b, lr=0.1, n_iters=1000):
    history = np.zeros(n_iters)
    for i in range(n_iters):
        p = 1 / (1 + np.exp(-(X @ W + b)))
        loss = -np.mean(y * np.log(p) + (1 - y) * np.log(1 - p))
        history[i] = loss
        dz = (p - y) / y.size
        dW = X.T @ dz
        db = dz.sum(axis=0)
        W -= lr * dW
        b -= lr * db
    return W, b, history
""", """import numpy as np

def one_by_one(X, y, lr=0.1):
    # X: R[N, d], y: R[N]
    N, d = X.shape
    w = np.zeros(d)
    for i in range(N):
        xi, yi = X[i], y[i]
        err = xi @ w - yi
        loss = 0.5 * err ** 2
        dw = err * xi
        w += -lr * dw
    return w
""")


@pytest.mark.parametrize("text", TRAINING, ids=["all at once", "one by one"])
def test_one_round_of_learning_is_followed(text: str) -> None:
    """A loop that reads its number is no reason to judge gradients after the parameters were changed."""
    found = judge(read_as(text, "py"), 10.0)
    assert found and all(v.is_right for v in found), [str(v) for v in found]


@pytest.mark.parametrize("name", ["conv_loops.py", "pooled.py"])
def test_loops_over_open_strides_are_refused_not_judged(name: str) -> None:
    found = judge(read(CODE / name), 2.0)
    assert found and {v.verdict for v in found} == {"error"}


LOST = """import numpy as np

def forward(X, W, Y):
    P = X @ W
    data_loss = np.mean((P - Y) ** 2)
    penalty_loss = 0.5 * np.sum(W ** 2)
    loss = mystery(data_loss) + penalty_loss
    dW = X.T @ (P - Y) + W
    return loss, dW
"""


def test_no_loss_is_guessed_where_its_line_is_not_followed() -> None:
    """A part of a loss, or a usual loss, in the place of one that could not be read would refute what is right."""
    found, = judge(read_as(LOST, "py"), 2.0)
    assert found.verdict == "error" and "line 7" in found.evidence


FAILING_LOOP = """import numpy as np

def f(X, U, W):
    loss = np.sum((X @ U) ** 2) + np.sum((X @ W) ** 2)
    dU, dW = np.zeros_like(U), np.zeros_like(W)
    for row in mystery(X):
        dU += row
        dW += row
    return loss, dU, dW
"""


def test_every_gradient_of_a_loop_that_fails_is_in_error() -> None:
    assert {v.verdict for v in judge(read_as(FAILING_LOOP, "py"), 2.0)} == {"error"}
