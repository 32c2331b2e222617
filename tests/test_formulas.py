"""Formulas of the literature in their own notation: each is read, and judged as NumPy and their sources judge it."""

from __future__ import annotations

import pytest

import symbackprop as sb
from formulas_corpus import Formulas, Label, corpus, holds

DOCUMENTS = corpus()


@pytest.mark.parametrize("document", DOCUMENTS, ids=[d.name for d in DOCUMENTS])
def test_the_labels_are_what_differences_of_numpy_code_say(document: Formulas):
    assert document.labels, "a document without a claim"
    for label in document.labels:
        assert holds(document, label) == label.is_right, (document.lines[label.line - 1], label)


@pytest.mark.parametrize("document", DOCUMENTS, ids=[d.name for d in DOCUMENTS])
def test_each_claim_is_judged_as_its_label_says(document: Formulas):
    verdicts = sb.verify(document.text, budget=10)
    by_line = {line: [v for v in verdicts if v.line == line] for line in {v.line for v in verdicts}}
    assert sorted(by_line) == sorted(label.line for label in document.labels), [str(v) for v in verdicts]
    for label in document.labels:
        for found in by_line[label.line]:
            assert agrees(found, label), str(found)


def agrees(found: sb.verdict.Verdict, label: Label) -> bool:
    """Whether a verdict says what a label does; a transposed ∂/∂ is right in numerator layout, and said to be."""
    if label.is_right:
        return found.is_right and not found.kind
    if label.kind == "layout" and found.is_right:
        return found.layout == "numerator" and found.kind == "layout"
    return found.verdict == "refuted" and found.kind in label.kind.split("/")
