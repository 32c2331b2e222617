"""The gallery: every model of `examples/gallery` derived and checked, and its page.

`python examples/gallery.py` derives every model, checks every gradient against differences and prints what it measured;
`--write` writes docs/gallery.md instead.
"""

from __future__ import annotations

import argparse
import sys
import time
from pathlib import Path

import symbackprop as sb

HERE = Path(__file__).parent
MODELS, PAGE = HERE / "gallery", HERE.parent / "docs" / "gallery.md"
HEAD = """# The gallery

Systems that people build, each written as equations, derived, and checked. This page was made by running
`python examples/gallery.py --write`; the models are the files in `examples/gallery`. `make gallery` derives all of them
again, checks every gradient against finite differences and prints a table of what it measured. The tests compare every
key gradient with the published one, worked out by hand from the source that is named.

How to read the formulas: `X ⋆ K` is the cross-correlation, Σ_a X[u + a] K[a], which the field calls convolution; notes in
brackets say stride, dilation and padding. `[full]` lets the kernel reach over both ends, `rot180(K)` (in one dimension
`flip(K)`) is the kernel turned round, and `up2(δ)` has a zero put between neighbours. An equation over a batch, head or
channel axis is written for each slice: `S_h = Q_h K_hᵀ    (h = 1, …, H)`. The range says which axis that is; where it is
not the first one of a tensor, `W_h = W[:, h, :]` is said once. `x[1:4]` is a slice as in NumPy, whose indices count from
0, and `I[:, 1:4]` are columns of the identity matrix: multiplying by them puts a slice back where it was cut out. `fold`
adds what padded margins received to the entries that they were copied from.
δ and Δ are the cotangents of pre-activations.
"""


def heads(text: str) -> tuple[str, dict[str, str], str]:
    """The title, the lines `# key: value`, and the model itself."""
    lines = text.splitlines()
    notes = [line[2:] for line in lines if line.startswith("# ")]
    model = "\n".join(line for line in lines if not line.startswith("# "))
    return notes[0], dict(note.split(": ", 1) for note in notes[1:]), model


def models() -> list[tuple[Path, str, dict[str, str], str]]:
    found = [(path, *heads(path.read_text(encoding="utf-8"))) for path in sorted(MODELS.glob("*.net"))]
    return sorted(found, key=lambda entry: entry[2]["family"])


def page() -> str:
    """docs/gallery.md."""
    parts, family = [HEAD], ""
    for path, title, notes, model in models():
        if notes["family"] != family:
            family = notes["family"]
            parts.append(f"## {family[0].upper()}{family[1:]}\n")
        derivation = sb.derive(sb.parse(model))
        says = f"{notes['says']}\n\n" if "says" in notes else ""
        parts.append(f"### {title}\n\n`{path.name}`\n\n```python\n{model}\n```\n\n{says}```\n{derivation.text()}\n```\n\n"
                     f"The key gradient in LaTeX:\n\n$$\n{in_latex(derivation, notes['key'])}\n$$\n\n"
                     f"Where the ⊙ comes from: {notes['hadamard'].rstrip('.')}.\n\nPublished in: {notes['source']}.\n")
    return "\n".join(parts)


def in_latex(derivation: sb.Derivation, name: str) -> str:
    """One cotangent of the textbook view, or a named one that the view writes out elsewhere."""
    found = {e.name: e for e in (*derivation.backward.equations, *derivation.view())}["∂" + name]
    writer = derivation.writer(True)
    return " = ".join(writer.sides(found.name, found.expr))


def bindings(notes: dict[str, str]) -> list[dict[str, int] | None]:
    """The sizes to check at; the check's own choice where the model names none."""
    if "sizes" not in notes:
        return [None]
    return [{name: int(value) for name, value in (part.split("=") for part in group.split(", "))}
            for group in notes["sizes"].split("; ")]


def measure() -> bool:
    """Derive and check everything; print the table."""
    start, good, count = time.perf_counter(), True, 0
    print(f"{'model':<22} {'gradients':>9} {'derived in':>11} {'worst relative difference':>26}")
    for path, _, notes, model in models():
        began = time.perf_counter()
        derivation = sb.derive(sb.parse(model))
        derivation.text()
        took = time.perf_counter() - began
        rows = [row for sizes in bindings(notes) for row in sb.check(derivation, sizes).rows]
        holds = all(row.holds for row in rows)
        good, count = good and holds, count + holds
        print(f"{path.stem:<22} {len(derivation.wrt):>9} {took * 1e3:>8.0f} ms {max(row.error for row in rows):>26.1e}"
              + ("" if holds else "  WRONG"))
    print(f"{count} of {len(models())} models hold; {time.perf_counter() - start:.0f} s in all")
    return good


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--write", action="store_true", help="write docs/gallery.md")
    if parser.parse_args().write:
        PAGE.write_text(page(), encoding="utf-8")
    else:
        sys.exit(0 if measure() else 1)


if __name__ == "__main__":
    main()
