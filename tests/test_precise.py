"""Random programs: our gradients at 50 digits against 50-digit differences of the loss (`make oracle-digits` runs 50)."""

from __future__ import annotations

import mpmath
import numpy as np
import pytest
from engine import precise_gradients
from oracle.generate import generate
from oracle.precise import TOLERANCE, find, lines, survey_precisely


@pytest.mark.parametrize("first", [6100, 6105])
def test_random_programs_agree_to_twenty_digits(first: int) -> None:
    findings = survey_precisely(range(first, first + 5), precise_gradients)
    assert all(f.worst <= TOLERANCE for f in findings), "\n".join(lines(findings))
    assert sum(f.errors is not None for f in findings) >= 4


def test_an_error_that_floats_cannot_show_is_seen() -> None:
    def almost(text: str, sizes: dict, data: dict, digits: int) -> dict[str, np.ndarray]:
        with mpmath.workdps(digits):
            return {k: v * (1 + mpmath.mpf(10) ** -18) for k, v in precise_gradients(text, sizes, data, digits).items()}
    assert TOLERANCE < find(generate(6103), almost).worst < 1e-17
