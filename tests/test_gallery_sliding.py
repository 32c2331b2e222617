"""The gallery's systems that slide or cut: key gradients as published, all of them those of autograd and of differences.

Their sizes stand in their heads, since windows have to fit; `test_gallery` holds the others.
"""

from __future__ import annotations

import importlib.util
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
from autograd import grad
from gallery_sliding import CASES

import symbackprop as sb
from symbackprop.expr import Delta, walk
from symbackprop.points import draw

FOLDER = Path(__file__).parent.parent / "examples" / "gallery"
MODELS = sorted(path for path in FOLDER.glob("*.net") if "# sizes: " in path.read_text(encoding="utf-8"))


def heads(path: Path) -> dict[str, str]:
    """The lines `# key: value` in front of a model."""
    lines = [line[2:].partition(": ") for line in path.read_text(encoding="utf-8").splitlines() if line.startswith("# ") and ": " in line]
    return {key: value for key, _, value in lines}


def bindings(path: Path) -> list[dict[str, int]]:
    return [{name: int(value) for name, value in (part.split("=") for part in group.split(", "))}
            for group in heads(path)["sizes"].split("; ")]


def test_every_model_has_a_case_and_its_source() -> None:
    assert {path.stem for path in MODELS} == CASES.keys()
    for path in MODELS:
        assert {"sizes", "key", "family", "source", "hadamard", "says"} <= heads(path).keys(), path.name
        assert heads(path)["key"] in CASES[path.stem].formula, path.name


@pytest.mark.parametrize("path", MODELS, ids=lambda p: p.stem)
def test_the_derived_form_is_the_published_one(path: Path) -> None:
    d = sb.derive(sb.read(path))
    printed = CASES[path.stem].printed
    assert {name: str(d.gradients[name]).partition(" = ")[2].partition("    (")[0] for name in printed} == printed
    assert d.latex() and d.html()


@pytest.mark.parametrize("path", MODELS, ids=lambda p: p.stem)
def test_gradients_are_those_of_autograd_and_of_the_published_formulas(path: Path) -> None:
    net, case = sb.read(path), CASES[path.stem]
    d = sb.derive(net)
    call = sb.lambdify(d)
    for seed, sizes in enumerate(bindings(path)):
        data, _ = draw(net, sizes, seed)
        value, found = call(**data)
        wanted = grad(lambda arrays: case.loss(SimpleNamespace(**arrays)))({k: np.asarray(v, dtype=float) for k, v in data.items()})
        assert np.isclose(value, case.loss(SimpleNamespace(**data)), rtol=1e-12)
        for name in net.inputs:
            assert np.allclose(found[name], wanted[name], rtol=1e-10, atol=1e-12), name
        for name, rule in case.formula.items():
            assert np.allclose(found[name], rule(SimpleNamespace(**data)), rtol=1e-10, atol=1e-12), f"published {name}"
        assert sb.check(d, sizes, seed)


@pytest.mark.parametrize("path", MODELS, ids=lambda p: p.stem)
def test_no_delta_is_left_that_could_collapse(path: Path) -> None:
    for equation in sb.derive(sb.read(path)).view("textbook"):
        assert not any(type(node) is Delta and node is Delta(node.shape[0]) for node in walk(equation.expr))


def test_the_page_is_what_the_models_give() -> None:
    spec = importlib.util.spec_from_file_location("gallery_page", FOLDER.parent / "gallery.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    assert module.PAGE.read_text(encoding="utf-8") == module.page(), "run python examples/gallery.py --write"
