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
from symbackprop.errors import SymbackpropError

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
    ("C = sum(x) * log(0)", "column 14: log(0) is no real number"), ("C = sum(x^2)", "column 9: the sign ^ in x^2 is not part of the language: a power"),
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


DECLARED = "x: R[3]; y: R[2]; W: R[2, 3]; b: R[2]\n"
IN_WORDS = [  # what a person typed, and what has to be said of it, in words and with what to write instead
    ("z = W x + b", "column 7: invalid syntax: a product has a sign: W @ x or W * x"),
    ("z = W * x + b", "W * x is 2×3 and b is 2: did you mean W @ x + b?"),
    ("z = b - W * x", "did you mean b - W @ x?"),
    ("C = (x - 1).T (x - 1)", ".T() is not part of the language: a product has a sign: (x - 1).T @ (…)"),
    ("a = x if 1 else 0", "a choice (… if … else …) is not part of the language: x if 1 else 0: where("),
    ("C = sum(v**2 for v in x)", "a loop inside an expression (… for … in …) is not part"),
    ("C = sum([v for v in x])", "a list made in a loop ([… for … in …]) is not part"),
    ("C = x and y", "`and` or `or` is not part of the language: x and y: masks are multiplied"),
    ("n: int = 3", "a name is declared or defined, not both: sizes are numbers or names inside R"),
    ("a: R[2] = W @ x", "a name is declared or defined, not both: write a = W @ x"),
    ("u in R[3]", "column 1: u in R[3]: a declaration has a colon: did you mean u: R[3]?"),
    ("u = R[3]", "R is not declared: x: R[3] declares a tensor"),
    ("for t in range(3):\n    h = x", "line 2, column 1: a loop runs over 1..T in a model, not over range(3)"),
    ("if 1:\n    C = sum(x)", "an if is not part of the language: where("),
    ("return x", "return is not part of the language: the loss is the last scalar"),
    ("def f(t): return t", "a def is not part of the language: f = lambda t: t**2"),
    ("C = sum(x, axis=2)", "there is no axis 2: a tensor of 3 has one axis, axis 0"),
    ("C = sum(W, dim=0)", "does not take these arguments: sum(W, dim=0): did you mean axis=?"),
    ("C = x.relu().sum()", ".relu() is not part of the language: did you mean relu(x)?"),
    ("C = sum(x) // 2", "the sign // in sum(x) // 2 is not part of the language: a quotient is written /"),
    ("C = sum(x)\ngrad(C, x) = 1", "line 3, column 1: a claim compares two sides with ==: did you mean == instead of =?"),
]


@pytest.mark.parametrize("line, said", IN_WORDS, ids=lambda part: part[:20])
def test_errors_speak_of_what_was_typed(line: str, said: str) -> None:
    with pytest.raises(SymbackpropError) as caught:
        sb.parse(DECLARED + line)
    assert said in str(caught.value)
    assert not any(name in str(caught.value) for name in ("Expr", "Stmt", "AnnAssign", "IfExp", "ListComp", "ast."))


CLAIMED = [
    ("D == sum(x)", "D is not declared: a definition is written with one ="),
    ("grad(x, C) == 2 * x", "grad takes what is differentiated first, and x is given: did you mean grad(C, x)?"),
    ("dC/dx == 2 * x", "dC is not declared: a derivative is written grad(C, …)"),
]


@pytest.mark.parametrize("claim, said", CLAIMED, ids=lambda part: part[:12])
def test_claims_that_are_none_say_how_one_is_written(claim: str, said: str) -> None:
    (found,) = sb.verify("x: R[3]\nC = sum(x**2)\n" + claim)
    assert found.verdict == "error" and said in found.diagnosis["message"]


def test_layers_without_as_many_activations_are_refused_in_words() -> None:
    with pytest.raises(ValueError, match="2 layers need as many activations"):
        sb.layers.mlp(sb.layers.tensor("x", 3), [4, 2], ["tanh"])


@pytest.mark.parametrize("text", ["x: R[" + ",".join("n" * 14) + "]\nC = sum(x)", r"y \in \mathbb{R}^{" + r"\times ".join("n" * 14) + "}"])
def test_a_tensor_of_many_axes_is_refused(text: str) -> None:
    with pytest.raises(sb.UnsupportedError, match="14 axes, and at most 12"):
        sb.parse(text)


def test_a_name_with_many_indices_is_no_tensor() -> None:
    lines = [r"L = -\sum_{n,k} Y_{" + "W" * 42 + r"nk} X_{nk}", "dX = -Y"]
    with pytest.raises(sb.UnsupportedError, match="44 axes, and at most 12"):
        sb.verify("\n".join(lines))
