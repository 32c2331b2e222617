"""A small run of the benchmark of verdicts, and the oracle behind it: what it calls right and wrong was said by hand."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest
from claims.items import item, models, said, truth
from claims.models import SIZES
from claims.score import Outcome, is_right, right_figures, wrong_figures
from claims.spell import Tex, as_matrices
from claims.tree import read

sys.path.append(str(Path(__file__).parents[1] / "benchmarks"))
from verify import run  # noqa: E402

EVERY = 19  # of the models: their true gradients are what takes long
HAND = [
    ("quadratic form", "x", "(A + A.T) @ x / 2 + b", "right", "right"), ("quadratic form", "x", "A @ x + b", "wrong", "wrong"),
    ("quadratic form", "A", "outer(x, x)", "wrong", "wrong"), ("bilinear form", "A", "outer(y, x)", "layout", "layout"),
    ("bilinear form", "A", "outer(x, y) * 1.000000000001", "wrong", "wrong"), ("bilinear form", "x", "A.T @ y", "shape", "shape"),
    ("factorisation", "A", "(A @ B - X) @ B.T", "right", "right"), ("factorisation", "B", "(A @ B - X).T @ A", "layout", "layout"),
    ("scaled layer", "a", "sum((p - y) * z)", "right", "right"), ("scaled layer", "a", "(p - y) * z", "shape", "shape"),
]


@pytest.mark.parametrize("title, what, right, arrays, columns", HAND, ids=[f"{h[0]}: {h[2]}" for h in HAND])
def test_the_oracle_says_what_is_known(title, what, right, arrays, columns):
    at = next(k for k, m in enumerate(models()) if m.title == title)
    tree = read(right, SIZES)
    assert said(truth(at, 0), what, "python", tree) == arrays
    assert said(truth(at, 0), what, "latex", as_matrices(tree, models()[at].shapes)) == columns


@pytest.fixture(scope="module")
def wrong() -> list[Outcome]:
    return run(140, 7, True, 1, EVERY)


@pytest.fixture(scope="module")
def right() -> list[Outcome]:
    return run(140, 7, False, 1, EVERY)


def test_no_mutant_is_judged_right(wrong):
    found = wrong_figures(wrong)
    assert found["wrong"] > 105 and found["judged right"] == 0, [o for o in wrong if is_right(o) and o.item.label in ("wrong", "shape")]
    assert found["refuted with evidence that holds"] >= 0.98 and found["right kind"] >= 0.8 and found["fix that verifies"] >= 0.9, found


def test_no_rewrite_is_judged_wrong(right):
    found = right_figures(right)
    assert found["judged wrong"] == found["not read"] == 0, [o for o in right if o.verdict not in ("proved", "confirmed")]
    assert found["proved"] >= 0.95 and found["undecided"] <= 0.01, found


def test_items_are_the_same_for_the_same_seed():
    assert [item(k, 3, True) for k in range(0, 20)] == [item(k, 3, True) for k in range(0, 20)]


def test_the_oracle_knows_nothing_of_the_judge():
    for path in (Path(__file__).parent / "claims").glob("*.py"):
        assert path.name == "score.py" or "symbackprop" not in path.read_text(encoding="utf-8")


def test_a_formula_is_written_as_people_write_it():
    model = next(m for m in models() if m.title == "tied weights")
    tree = as_matrices(read(model.claims[0][1], SIZES), model.shapes)
    assert Tex({}).spell(tree) == r"(W (v - x) \odot h \odot (1 - h)) x^\top + h (v - x)^\top"
