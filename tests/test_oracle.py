"""Random programs: our gradients against HIPS autograd, which shares no code with us (`make oracle` runs 1,000)."""

from __future__ import annotations

from engine import gradients
from oracle.compare import compare, survey
from oracle.generate import generate


def test_random_programs_agree_with_autograd() -> None:
    summary = survey(range(2000, 2150), gradients)
    assert not summary.wrong, "\n".join(str(record) for record in summary.wrong[:3])


def test_a_wrong_sign_is_seen() -> None:
    def broken(text: str, sizes: dict, data: dict) -> dict:
        _, found = gradients(text, sizes, data)
        name = max(found, key=lambda n: abs(found[n]).max(initial=0.0))
        return {**found, name: -found[name]}
    statuses = [compare(generate(seed), broken).status for seed in range(2000, 2010)]
    assert statuses.count("mismatch") >= 8
