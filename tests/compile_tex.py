"""Typeset every example model and every golden document: `make tex`.

Each `examples/*.net` is derived to a TeX document, plain and with its steps; golden documents are taken
as they are. All are compiled in `build/tex` with a stock pdflatex, no shell escape, stopping at the first
error. One line a document; exit 1 if any failed, 2 if there was nothing to do.
"""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
BUILD = ROOT / "build" / "tex"
PDFLATEX = ("pdflatex", "-no-shell-escape", "-interaction=nonstopmode", "-halt-on-error")


def documents() -> Iterator[tuple[str, Path, str]]:
    """Yield (label, path of the .tex file, what went wrong in making it)."""
    for model in sorted((ROOT / "examples").glob("*.net")):
        for flags in ((), ("--steps",)):
            target = BUILD / f"{model.stem}{'_steps' if flags else ''}.tex"
            command = ["derive", str(model), *flags, "--to", "tex", "-o", str(target)]
            run = subprocess.run(
                [sys.executable, "-m", "symbackprop", *command], cwd=ROOT, capture_output=True, text=True
            )
            label = " ".join((str(model.relative_to(ROOT)), *flags))
            yield label, target, run.stderr.strip() or f"exit {run.returncode}" if run.returncode else ""
    for golden in sorted((ROOT / "tests" / "golden").glob("*.tex")):
        target = BUILD / f"golden_{golden.name}"
        shutil.copyfile(golden, target)
        yield str(golden.relative_to(ROOT)), target, ""


def typeset(document: Path) -> str:
    """Compile a document; return what went wrong, empty if nothing did."""
    run = subprocess.run(
        [*PDFLATEX, document.name],
        cwd=BUILD,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        errors="replace",
    )
    if run.returncode == 0 and document.with_suffix(".pdf").stat().st_size > 0:
        return ""
    # TeX marks errors with "!" and shows the place in the lines after it.
    error = re.search(r"^!.*(?:\n.*){0,6}", run.stdout, re.MULTILINE)
    return error.group() if error else run.stdout[-1000:]


def main() -> int:
    shutil.rmtree(BUILD, ignore_errors=True)
    BUILD.mkdir(parents=True)
    count, failed = 0, 0
    for label, path, problem in documents():
        problem = problem or typeset(path)
        count, failed = count + 1, failed + bool(problem)
        print(f"{'FAILED' if problem else 'ok':6}  {label}", *problem.splitlines(), sep="\n        ", flush=True)
    print(f"{count} documents, {failed} failed")
    return 2 if count == 0 else int(failed > 0)


if __name__ == "__main__":
    sys.exit(main())
