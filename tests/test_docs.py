"""The documentation runs: its commands print what it shows, its Python is a doctest, and no option is left out.

In README.md and docs/*.md a fence ```text file=NAME writes a file, and a fence ```console holds `$ symbackprop …` lines, each
followed by what it prints (standard output, then standard error). A line `…` stands for any lines, `…` within a line for any text. All fences of a page
share one folder, with `examples/` in it. `echo '…' | symbackprop …` gives the command that text.
"""

from __future__ import annotations

import argparse
import doctest
import io
import os
import re
import shlex
import sys
from pathlib import Path

import pytest

from symbackprop.cli import main, parser
from symbackprop.notation import Notation

ROOT = Path(__file__).parent.parent
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]
FENCE = re.compile(r"^```(\w+)([^\n]*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
COMMAND = re.compile(r"(?:echo (?P<text>'.*?'|\S+) \| )?symbackprop (?P<arguments>.*)\Z", re.DOTALL)


def commands(block: str) -> list[tuple[str, str]]:
    """(command, output) for each `$ ` line of a console block."""
    return [(command, output) for command, _, output in (part.partition("\n") for part in re.split(r"^\$ ", block, flags=re.MULTILINE)[1:])]


def run(command: str, capsys: pytest.CaptureFixture, monkeypatch: pytest.MonkeyPatch) -> str:
    found = COMMAND.match(command)
    assert found, f"only symbackprop can be run here: {command}"
    text = shlex.split(found["text"])[0] + "\n" if found["text"] else ""
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(text.encode())))
    try:
        main(shlex.split(found["arguments"]))
    except SystemExit:
        pass
    said = capsys.readouterr()
    return said.out + said.err


def matches(shown: str, printed: str) -> bool:
    pattern = r"(?:.*\n)*?".join(re.escape(part).replace("…", ".*") for part in re.split(r"^…\n", shown, flags=re.MULTILINE))
    return re.fullmatch(pattern, printed) is not None


@pytest.mark.parametrize("page", PAGES, ids=lambda p: p.stem)
def test_the_commands_of_a_page_print_what_it_shows(page: Path, tmp_path: Path, capsys: pytest.CaptureFixture,
                                                    monkeypatch: pytest.MonkeyPatch) -> None:
    os.symlink(ROOT / "examples", tmp_path / "examples")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COLUMNS", "100")
    for kind, rest, block in FENCE.findall(page.read_text(encoding="utf-8")):
        if kind == "text" and "file=" in rest:
            Path(rest.partition("file=")[2].strip()).write_text(block, encoding="utf-8")
        for command, shown in commands(block) if kind == "console" else ():
            printed = run(command, capsys, monkeypatch)
            assert matches(shown, printed), f"{page.name}: {command}\n{printed}"


@pytest.mark.parametrize("page", PAGES, ids=lambda p: p.stem)
def test_the_python_of_a_page_runs(page: Path) -> None:
    result = doctest.testfile(str(page), module_relative=False, optionflags=doctest.IGNORE_EXCEPTION_DETAIL)
    assert result.failed == 0


def test_every_verb_and_option_has_its_place() -> None:
    text = (ROOT / "docs" / "cli.md").read_text(encoding="utf-8")
    verbs = next(a for a in parser()._actions if isinstance(a, argparse._SubParsersAction)).choices
    for name, verb in verbs.items():
        part = text.partition(f"## {name}\n")[2].partition("\n## ")[0]
        assert part, name
        for action in verb._actions:
            option = action.option_strings[-1] if action.option_strings else ""
            assert option in ("", "--help", "--output", "--json") or f"`{option}" in part, (name, option)
    assert "--output" in text and "--json" in text


def test_every_choice_of_notation_has_its_place() -> None:
    rows = dict(re.findall(r"^\| `(\w+)` \| (.*?) \|", (ROOT / "docs" / "notation.md").read_text(encoding="utf-8"), re.MULTILINE))
    assert {key: tuple(re.findall(r"`(\w+)`", row)) for key, row in rows.items()} == Notation.choices()


def test_a_wrong_line_would_be_seen() -> None:
    assert matches("a\n…\nz\n", "a\nb\nc\nz\n") and matches("a\n", "a\n")
    assert matches("a … b\n", "a 3 b\n") and not matches("a … b\n", "a 3\n b\n")
    assert not matches("a\n", "b\n") and not matches("a\n…\nz\n", "a\nb\n") and not matches("", "a\n")


def test_files_that_the_pages_name_are_there() -> None:
    for page in PAGES:
        for name in re.findall(r"\bexamples/[\w/]+\.\w+", page.read_text(encoding="utf-8")):
            assert (ROOT / name).exists(), (page.name, name)
