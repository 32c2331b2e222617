"""Published derivations come out in the published form.

The expected formulas are the sources', never our output. Two tests hold the table itself to account with HIPS
autograd: the formula as NumPy, and the formula's own text, both give the gradient of the model. The third is ours.
"""

from __future__ import annotations

import numpy as np
import pytest

from textbook_case import Case, measure
from textbook_cases import CASES
from textbook_text import evaluate, matrix, table

# Right in value, and printed in another form than the published one: another factor first, a sum not factored, a
# longer fraction. An entry leaves this list when its form comes out; the last test sees to that.
OTHER_FORMS = frozenset({
    "mallya-lstm", "greff-lstm", "tensorflow-gru", 
    "d2l-linear-regression", "fox-ridge", "trefethen-rayleigh", "boyd-log-sum-exp",
    "cameron-poisson", "lin-signed-logistic", "pegasos-hinge", "hinton-distillation",
    "triton-layer-norm-scale", "triton-layer-norm-input", "zhang-rms-norm", "wang-normface",
    "salimans-weight-norm", "cookbook-49", "cookbook-62",
    "cookbook-129",
    
})
each_case = pytest.mark.parametrize("case", CASES, ids=lambda case: case.id)


def test_the_table_is_large_enough_and_every_case_names_its_source() -> None:
    assert len(CASES) >= 60 and len({case.id for case in CASES}) == len(CASES)
    assert all(len(case.source) > 20 and case.published for case in CASES)


@each_case
def test_published_formula_is_the_gradient(case: Case) -> None:
    for seed in range(3):
        v = measure(case, seed)
        for quantity, formula, value in case.published:
            gradient = getattr(v.bar, quantity)
            assert np.shape(value(v)) == np.shape(gradient), quantity
            np.testing.assert_allclose(value(v), gradient, rtol=1e-9, atol=1e-12, err_msg=f"{quantity}: {formula}")


@each_case
def test_published_text_reads_as_the_gradient(case: Case) -> None:
    v = measure(case)
    names = table(v, case.loss)
    for quantity, formula, _ in case.published:
        wanted = matrix(getattr(v.bar, quantity))
        np.testing.assert_allclose(np.broadcast_to(evaluate(formula, names), np.shape(wanted)), wanted, rtol=1e-9, atol=1e-12,
                                   err_msg=f"{quantity}: {formula}")


def printed(case: Case) -> list[tuple[str, str, str]]:
    """(quantity, our form, the published form)."""
    import symbackprop as sb  # here, so that the table is held to account without the engine

    derivation = sb.derive(sb.parse(case.model))
    return [(q, " ".join(derivation.textbook[q].split()), " ".join(formula.split())) for q, formula, _ in case.published]


@pytest.mark.parametrize("case", [c for c in CASES if c.id not in OTHER_FORMS], ids=lambda case: case.id)
def test_derivation_has_the_published_form(case: Case) -> None:
    for quantity, ours, published in printed(case):
        assert ours == published, quantity


@pytest.mark.parametrize("case", [c for c in CASES if c.id in OTHER_FORMS], ids=lambda case: case.id)
def test_list_of_other_forms_holds_no_more_than_it_must(case: Case) -> None:
    assert any(ours != published for _, ours, published in printed(case))
