"""The command line as a person meets it: results, exit codes, messages."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from xml.etree import ElementTree

import pytest

from symbackprop.cli import main

NET = str(Path(__file__).parent.parent / "examples" / "three_four_two.net")


@pytest.mark.parametrize("to", ["text", "latex", "tex", "markdown", "mathml", "html", "json"])
def test_every_form_is_printed(to: str, capsys: pytest.CaptureFixture) -> None:
    assert main(["derive", NET, "--to", to, "--steps"]) == 0
    out = capsys.readouterr().out
    assert len(out) > 200
    if to == "json":
        found = json.loads(out)
        assert [e["of"] for e in found["backward"]][:3] == ["C", "y", "yhat"] and found["version"] == 1
        assert all({"of", "shape", "latex", "text", "index_latex", "steps"} <= e.keys() for e in found["backward"])
    if to == "mathml":
        assert [ElementTree.fromstring(line).tag.rpartition("}")[2] for line in out.splitlines()].count("math") > 8
    if to == "html":
        assert "default-src 'none'" in out and "<script" not in out
        ElementTree.fromstring(out.partition("\n")[2].replace('<meta charset="utf-8">', "").replace("width\">", 'width"/>')
                               .replace("data:\">", 'data:"/>').replace("<br>", "<br/>").replace("<details open>", "<details>"))


def test_claims_set_the_exit_code(tmp_path: Path, capsys: pytest.CaptureFixture) -> None:
    text = Path(NET).read_text()
    good, bad, none = (tmp_path / f"{n}.net" for n in ("good", "bad", "none"))
    good.write_text(text + "grad(C, b1) == grad(C, z1)\n")
    bad.write_text(text + "grad(C, b1) == -grad(C, z1)\n")
    none.write_text(text)
    assert main(["verify", str(good)]) == 0
    assert main(["verify", "--json", str(bad)]) == 1
    found = json.loads(capsys.readouterr().out.partition("\n1 proved\n")[2])
    assert found[0]["verdict"] == "refuted" and found[0]["diagnosis"]["kind"] == "sign"
    assert main(["verify", str(none)]) == 2


def test_errors_are_one_line_or_json(tmp_path: Path, capsys: pytest.CaptureFixture) -> None:
    bad = tmp_path / "bad.net"
    bad.write_text("x: R[3]; W: R[3, 2]\nz = W @ x\n")
    assert main(["derive", str(bad)]) == 2
    assert "did you mean W.T @ x?" in capsys.readouterr().err
    assert main(["derive", str(bad), "--json"]) == 2
    assert json.loads(capsys.readouterr().out)["line"] == 2
    assert main(["derive", str(tmp_path / "missing.net")]) == 2


def test_a_closed_pipe_is_quiet() -> None:
    command = f'"{sys.executable}" -m symbackprop derive "{NET}" --steps | head -1'
    done = subprocess.run(["bash", "-c", command], capture_output=True, text=True)
    assert done.stdout.strip() and not done.stderr


def test_same_bytes_for_every_hash_seed() -> None:
    found = {subprocess.run([sys.executable, "-m", "symbackprop", "derive", NET, "--json"], capture_output=True,
                            env={"PYTHONHASHSEED": str(seed), "PYTHONIOENCODING": "utf-8"}).stdout for seed in range(5)}
    assert len(found) == 1 and len(found.pop()) > 1000


def test_demo_check_export_list(tmp_path: Path, capsys: pytest.CaptureFixture) -> None:
    assert main(["demo", "-o", str(tmp_path)]) == 0
    assert {p.name for p in tmp_path.iterdir()} == {"demo.net", "demo.tex", "demo.html", "grad.py"}
    assert main(["check", NET]) == 0 and main(["export", NET, "--to", "numpy"]) == 0 and main(["list"]) == 0
    assert "def value_and_grad" in capsys.readouterr().out


def test_layer_labels_above_never_meet_a_second_superscript(capsys: pytest.CaptureFixture) -> None:
    assert main(["derive", NET, "--to", "latex", "--notation", "layers=paren"]) == 0
    out = capsys.readouterr().out
    assert r"(W^{(2)\top} \delta^{(2)})" in out and r"}^{" not in out
