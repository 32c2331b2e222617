"""The battery of ordinary matrix derivatives: our two columns are right or refuse by name, with nothing wrong and nothing misshapen."""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path

import pytest

PATH = Path(__file__).parent.parent / "benchmarks" / "battery.py"
SPEC = importlib.util.spec_from_file_location("battery", PATH)
battery = sys.modules["battery"] = importlib.util.module_from_spec(SPEC)
SPEC.loader.exec_module(battery)

NO_TEXT = {"X[0,0]", "X[0,1] X[1,0]"}  # the text language has no single entries


@pytest.mark.parametrize("case", battery.CASES, ids=lambda case: case.name)
def test_a_case_is_right_in_both_columns(case: object) -> None:
    found = battery.measure(case, ("gradient", "text"))
    assert found["gradient"] == "right"
    assert found["text"] == "right" or case.name in NO_TEXT and found["text"].startswith("refused")


def test_the_battery_is_as_large_as_the_survey_that_it_rebuilds() -> None:
    assert len(battery.CASES) >= 58 and len({case.name for case in battery.CASES}) == len(battery.CASES)


def test_the_judge_of_the_battery_sees_a_wrong_value_and_a_wrong_shape() -> None:
    case = battery.CASES[0]
    at = battery.point(case)
    right = battery.wanted(case, at)
    assert battery.judged(right, right) == "right"
    assert battery.judged(right + battery.sp.Rational(1, 10**15), right) == "wrong"
    assert battery.judged(right.reshape(-1), right) == "misshapen"
