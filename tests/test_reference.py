"""The pages about the code itself: the table of functions is that of the code, and every room and name that is told exists."""

from __future__ import annotations

import importlib.util
import re
from pathlib import Path

import pytest

import symbackprop as sb
from symbackprop import ops
from symbackprop.layers import __file__ as layers_file

REPOSITORY = Path(__file__).parent.parent
DOCS, ROOT = REPOSITORY / "docs", Path(sb.__file__).parent


def test_the_page_of_functions_is_current() -> None:
    spec = importlib.util.spec_from_file_location("write_ops", DOCS / "write_ops.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    assert (DOCS / "ops.md").read_text(encoding="utf-8") == module.page(), "run make docs"


def test_the_page_of_functions_has_a_line_for_every_row() -> None:
    ops.load()
    named = re.findall(r"^\| `(\w+)` \|", (DOCS / "ops.md").read_text(encoding="utf-8"), re.M)
    assert named == [*ops.SCALAR_OPS, *ops.TENSOR_OPS]


def test_every_room_that_is_told_exists() -> None:
    table = (DOCS / "architecture.md").read_text(encoding="utf-8").split("## The rooms")[1].split("## What")[0]
    told = {name.strip("/") for line in table.splitlines() if line.startswith("| ") for name in re.findall(r"`([\w/]+)`", line)}
    here = {p.stem for p in ROOT.glob("**/*.py")} | {p.name for p in ROOT.iterdir() if p.is_dir()}
    assert told <= here and len(told) > 40, told - here


@pytest.mark.parametrize("page", ["contributing.md", "architecture.md"])
def test_files_that_are_told_exist(page: str) -> None:
    text = (DOCS / page).read_text(encoding="utf-8")
    for path in re.findall(r"`((?:symbackprop|tests|codegen|tex|ops|docs)/[\w/.]*\w)`", text):
        assert any((base / path).exists() for base in (REPOSITORY, ROOT)), path
    for link in re.findall(r"\]\((\w+\.md)\)", text):
        assert (DOCS / link).exists(), link


def test_the_example_of_a_row_is_the_row() -> None:
    text = (DOCS / "contributing.md").read_text(encoding="utf-8")
    blocks = re.findall(r"```python\n(.*?)```", text, re.S)
    rows, cases = (" ".join((p).read_text(encoding="utf-8").split()) for p in (ROOT / "ops" / "scalar.py", REPOSITORY / "tests" / "op_cases.py"))
    assert " ".join(blocks[0].split()) in rows and " ".join(blocks[1].split()) in cases
    derivation = sb.derive(sb.parse("z: R[n]\nh = softsign(z)\nC = sum(h**2)"))
    assert f"    {derivation}\n" in text and Path(layers_file).exists()
