"""The gallery: every model against HIPS autograd and differences of its loss, key gradients in their published form."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pytest

import symbackprop as sb
from gallery_forms import FORMS
from gallery_oracle import Reading
from symbackprop.expr import Contract, Delta, is_identity, walk

GALLERY = sorted(path for path in (Path(__file__).parent.parent / "examples" / "gallery").glob("*.net")
                 if "# sizes: " not in path.read_text(encoding="utf-8"))  # those are held by test_gallery_sliding
HEAD = ("family", "source", "key", "hadamard")


@pytest.mark.parametrize("path", GALLERY, ids=lambda p: p.stem)
def test_gradients_agree_with_automatic_differentiation(path: Path) -> None:
    reading = Reading(path)
    value, gradients = sb.lambdify(sb.derive(sb.read(path)))(**reading.data)
    expected = reading.gradients()
    np.testing.assert_allclose(value, reading.loss(reading.data), rtol=1e-12)
    for name, array in expected.items():
        assert gradients[name].shape == array.shape, name
        np.testing.assert_allclose(gradients[name], array, rtol=1e-8, atol=1e-10 * max(1.0, np.abs(array).max()), err_msg=name)


@pytest.mark.parametrize("path", GALLERY, ids=lambda p: p.stem)
def test_gradients_agree_with_differences_at_several_sizes(path: Path) -> None:
    report = sb.check(sb.derive(sb.read(path)))
    assert report, str(report)


@pytest.mark.parametrize("model", FORMS)
def test_key_gradients_have_their_published_form(model: str) -> None:
    path = next(p for p in GALLERY if p.stem == model)
    found = sb.derive(sb.read(path)).textbook
    assert {name: found[name] for name in FORMS[model]} == FORMS[model]


@pytest.mark.parametrize("path", GALLERY, ids=lambda p: p.stem)
def test_a_model_says_what_it_is_and_where_it_is_from(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    head = dict(re.findall(r"^# (\w+): (.+)$", text, re.MULTILINE))
    assert all(head.get(word) for word in HEAD) and text.startswith("# ")
    derivation = sb.derive(sb.read(path))
    assert head["key"] in derivation.textbook


@pytest.mark.parametrize("path", GALLERY, ids=lambda p: p.stem)
def test_no_delta_is_left_that_could_collapse(path: Path) -> None:
    derivation = sb.derive(sb.read(path))
    for equation in (*derivation.backward.equations, *derivation.view()):
        for node in walk(equation.expr):
            if type(node) is Contract:
                summed = {i for labels in node.inputs for i in labels} - set(node.output)
                assert not any(type(o) is Delta and is_identity(o) and summed & set(labels) for o, labels in zip(node.operands, node.inputs)), equation.name
