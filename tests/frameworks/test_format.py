"""Exported files are formatted as `ruff format` would, and have nothing that `ruff check` finds unused or undefined."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
from running import CENTRED, CLASSIFIER

import symbackprop as sb
from symbackprop.targets import TARGETS

EXAMPLES = Path(__file__).parents[2] / "examples"
TEXTS = {"classifier": CLASSIFIER, "centred": CENTRED, **{f.stem: f.read_text() for f in sorted(EXAMPLES.glob("*.net"))}}
TEXTS = {name: text for name, text in TEXTS.items() if " in 1.." not in text}
TEXTS |= {f.stem: f.read_text() for f in sorted((EXAMPLES / "gallery").glob("[cps]*.net"))}  # all that slide

STEP = "\n".join(f"z{t} = sigmoid(x{t} @ W + h{t - 1} @ U); h{t} = z{t} * tanh(x{t} @ V + h{t - 1} @ S)" for t in range(1, 6))
TEXTS["gates"] = f"{'; '.join(f'{x}: R[B, n]' for x in ('h0', 'x1', 'x2', 'x3', 'x4', 'x5'))}; {'; '.join(f'{m}: R[n, n]' for m in 'WUVS')}\n" \
    + STEP.replace("; ", "\n") + "\nC = sum(h5**2)"  # products side by side


@pytest.mark.parametrize("to", TARGETS)
def test_files_are_formatted(to: str, tmp_path: Path) -> None:
    for name, text in TEXTS.items():
        derivation = sb.derive(sb.parse(text))
        batch = to == "jax" and name in ("classifier", "centred")
        (tmp_path / f"{name}.py").write_text(sb.export(derivation, to, "sgd", "batch" if batch else "", name))
    for command in (["format", "--diff"], ["check", "--select", "E9,F63,F7,F82"]):
        done = subprocess.run([sys.executable, "-m", "ruff", *command, "--isolated", str(tmp_path)], capture_output=True, text=True)
        assert done.returncode == 0, done.stdout[:3000] + done.stderr[:1000]
