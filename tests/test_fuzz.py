"""A slice of `make fuzz`: 2,000 inputs, of which nothing may come out but a documented error."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

sys.path.append(str(Path(__file__).resolve().parent.parent / "benchmarks"))

from fuzz import meet  # noqa: E402
from fuzz_inputs import beginnings, drawn  # noqa: E402

SEED, MADE, PREFIXES, PARTS = 20260, 1600, 400, 8


@pytest.mark.parametrize("part", range(PARTS))
def test_made_and_broken_inputs_meet_no_other_error(part: int) -> None:
    outcomes = [meet(drawn(SEED, number), number) for number in range(part * MADE // PARTS, (part + 1) * MADE // PARTS)]
    assert set(outcomes) == {"read", "refused", "worked on"}


def test_prefixes_lose_no_token() -> None:
    found = beginnings()
    outcomes = [meet(case, 1) for case in (drawn(SEED, 0)._replace(kind="formula", data=p) for p in found[::max(1, len(found) // PREFIXES)])]
    assert len(outcomes) >= PREFIXES and set(outcomes) == {"read", "refused"}
