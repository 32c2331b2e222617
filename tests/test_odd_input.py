"""What a person gets for odd files, odd options and odd streams: one clear line, exit code 2, never a traceback."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

import symbackprop as sb
from symbackprop.cli import main

ROOT = Path(__file__).parent.parent
NET = str(ROOT / "examples" / "three_four_two.net")


@pytest.mark.parametrize(("content", "message"), [
    (b"", "there is no model here"), (b"\n# a remark\n\n", "there is no model here"),
    (b"\xff\xfe\x00", "is not UTF-8 text (byte 0)"), (b"x: R[n]\x00\n", "U+0000"),
    (b"x: R[n]\ny = 2 * x\n", "there is no loss"), (b"x" * 2_100_000, "longer than 2000000 characters"),
    (b"x: R[n]\nC = sum(x" + b" + x" * 100_000 + b")\n", "nested"),
])
def test_odd_files(content: bytes, message: str, tmp_path: Path, capsys: pytest.CaptureFixture) -> None:
    file = tmp_path / "odd.net"
    file.write_bytes(content)
    assert main(["derive", str(file)]) == 2
    said = capsys.readouterr()
    assert message in said.err and said.out == "" and "Error)" not in said.err
    assert main(["derive", str(file), "--json"]) == 2
    assert message in json.loads(capsys.readouterr().out)["message"]


@pytest.mark.parametrize("content", [b"x: R[n]\r\nC = sum(x**2)\r\n", b"\xef\xbb\xbfx: R[n]\nC = sum(x**2)", b"x: R[n]\rC = sum(x**2)"])
def test_line_ends_and_byte_order_marks(content: bytes, tmp_path: Path, capsys: pytest.CaptureFixture) -> None:
    file = tmp_path / "odd.net"
    file.write_bytes(content)
    assert main(["derive", str(file)]) == 0 and capsys.readouterr().out == "∂C/∂x = 2 x\n"


@pytest.mark.parametrize(("arguments", "message"), [
    (["derive", "missing.net"], "missing.net: No such file or directory"), (["derive", str(ROOT)], "Is a directory"),
    (["derive", NET, "--to", "pdf"], "--to: there is no 'pdf': one of text, latex, tex, markdown, mathml, html, json"),
    (["derive", NET, "--view", "textbok"], "--view: there is no 'textbok': did you mean textbook?"),
    (["deriv", NET], "there is no 'deriv': did you mean derive?"), (["derive"], "required: FILE (see symbackprop derive --help)"),
    (["derive", NET, "--wrt", "W3"], "there is no tensor W3: there is x, y, W1, b1, W2, b2"),
    (["derive", NET, "--wrt", "yhut"], "did you mean yhat?"), (["derive", NET, "--wrt", ","], "--wrt names no tensor"),
    (["derive", NET, "--loss", "D"], "there is no equation for the loss 'D': there is C"),
    (["derive", NET, "--loss", "h"], "the loss h has shape 4"), (["derive", NET, "--notation", "layers"], "such as layers=paren"),
    (["check", NET, "--sizes", "n=3"], "there is no size n: every size is a number here"),
    (["check", NET, "--seed", "x"], "argument --seed: invalid int value: 'x'"), (["export", NET, "--to", "c"], "there is no 'c'"),
    (["derive", NET, "-o", "/nowhere/at/all"], "/nowhere/at/all: No such file or directory"),
    (["derive", NET, "-o", NET], "would overwrite the model"), (["derive", NET, "--bogus"], "unrecognized arguments: --bogus"),
])
def test_odd_arguments(arguments: list[str], message: str, capsys: pytest.CaptureFixture) -> None:
    assert main(arguments) == 2
    said = capsys.readouterr()
    assert message in said.err and said.out == "" and said.err.count("\n") == 1
    assert main([*arguments, "--json"]) == 2
    found = json.loads(capsys.readouterr().out)
    assert found["error"] and found["message"]


def run(command: str, data: bytes = b"", **environment: str) -> subprocess.CompletedProcess:
    line = command.replace("symbackprop", f'"{sys.executable}" -m symbackprop')
    return subprocess.run(["bash", "-c", line], input=data, capture_output=True, cwd=ROOT, env=os.environ | environment)


@pytest.mark.parametrize(("command", "data", "code", "said"), [
    ("symbackprop derive -", b"x: R[n]; C = sum(x**2)", 0, b""), ("symbackprop derive -", b"", 2, b"there is no model here"),
    ("symbackprop derive -", b"\xff\x00", 2, b"standard input is not UTF-8 text (byte 0)"),
    ("symbackprop derive - <&-", b"", 2, b"standard input is closed"), (f"symbackprop list >&-", b"", 2, b"standard output: closed"),
    ("symbackprop list > /dev/full", b"", 2, b"standard output: No space left on device"),
])
def test_odd_streams(command: str, data: bytes, code: int, said: bytes) -> None:
    done = run(command, data)
    assert done.returncode == code and said in done.stderr and b"Traceback" not in done.stderr
    assert not code or len([line for line in done.stderr.splitlines() if line.strip(b" ^")]) == 1


def test_a_terminal_without_the_signs_gets_them_as_utf_8() -> None:
    done = run("symbackprop derive -", b"x: R[n]; C = sum(x**2)", PYTHONIOENCODING="ascii", PYTHONUTF8="0")
    assert done.stdout.decode() == "∂C/∂x = 2 x\n" and not done.stderr


def test_the_version(capsys: pytest.CaptureFixture) -> None:
    with pytest.raises(SystemExit):
        main(["--version"])
    assert capsys.readouterr().out.startswith("symbackprop 0.")


@pytest.mark.parametrize(("line", "message"), [
    ("C = log(-1) * sum(x)", "column 5: log(-1) is no real number"), ("C = (-2)**0.5 * sum(x)", "column 5: (-2)**0.5 is no real number"),
    ("C = sum(x) * log(0)", "column 14: log(0) is no real number"), ("C = sum(x^2)", "column 9: the operator in x^2 is not part of the language: a power"),
    ("C = sum(torch.relu(x))", "column 9: torch is not declared: did you mean relu(…)?"),
])
def test_odd_formulas(line: str, message: str, capsys: pytest.CaptureFixture, tmp_path: Path) -> None:
    net = tmp_path / "m.net"
    net.write_text(f"x: R[n]\n{line}\n")
    assert main(["derive", str(net)]) == 2
    assert f"line 2, {message}" in capsys.readouterr().err


@pytest.mark.parametrize(("call", "message"), [
    (lambda: sb.derive("x: R[n]; C = sum(x)"), r"not str: read the text with parse\(…\), a file with read\(…\)"),
    (lambda: sb.derive(sb.parse("x: R[n]; C = sum(x)"), wrt=[3]), "wrt is a list of names"),
    (lambda: sb.parse(3), "a text is needed, not int"), (lambda: sb.verify(None), "a text is needed, not NoneType"),
])
def test_odd_arguments(call: Callable[[], object], message: str) -> None:
    with pytest.raises(TypeError, match=message):
        call()
