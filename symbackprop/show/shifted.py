"""How slices, rows of the identity, triangles of ones and correlations look: `x[1:]`, `I[:, 1:]`, `X ⋆ δ`, `Σ_l δ_il ⋆[full] rot180(k_lj)`.

`ShiftedWriter` is the part of a writer that knows them; LaTeX overrides how the pieces look.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import sympy as sp

from .matrix import matrix_form, transposed
from .sliding import Correlation, Selector, Slice, Triangle

if TYPE_CHECKING:
    from .writing import Piece, TextWriter

MUL, ATOM = 2, 4  # as in `writing`
BETWEEN_NAMES = re.compile(r"(?<=[A-Za-z_])\*(?=[A-Za-z_])")


class ShiftedWriter:
    """The forms of `sliding` as Unicode text."""

    star = "⋆"

    def index(self, value: sp.Expr) -> str:
        """An affine index: `2i+1`, `i n+j`."""
        return BETWEEN_NAMES.sub(" ", str(value).replace(" ", "")).replace("*", "").replace("floor", "⌊")

    def part(self, part: tuple) -> str:
        """An index, or a slice as NumPy has it."""
        shown = ["" if p is None else self.index(p) for p in part]
        if len(part) < 3:
            return shown[0]
        return f"{shown[0]}:{shown[1]}" + (f":{shown[2]}" if part[2] != 1 else "")

    def bracketed(self, text: str, parts: list[str]) -> str:
        return f"{text}[{', '.join(parts)}]"

    def starred(self, notes: list[str]) -> str:
        return f" {self.star}{'[' + ', '.join(notes) + ']' if notes else ''} "

    def spread_out(self, text: str, steps: str) -> str:
        """A tensor with zeros put between its entries."""
        return f"up{steps}({text})"

    def note(self, word: str, value: str) -> str:
        return f"{word} {value}".strip()

    def between(self, index: str, size: sp.Expr) -> str:
        return f"0 ≤ {index} < {self.index(size)}"

    def triangle(self, form: Triangle) -> Piece:
        """Ones on and below a diagonal; its transpose is what lies on and above."""
        return (self.named("tri", self.index(form.diagonal)) if form.diagonal != 0 else self.plain_name("tri")), ATOM

    def plain_name(self, name: str) -> str:
        return name

    def selector(self, form: Selector) -> Piece:
        parts = [self.part(form.part)] if form.place == "rows" else [":", self.part(form.part)]
        return self.bracketed("I", parts), ATOM

    def sliced(self, form: Slice) -> Piece:
        parts = [":" if form.rows is None else self.part(form.rows)]
        parts += [] if form.columns is None else [self.part(form.columns)]
        return self.bracketed(self.wrapped(form.body, ATOM), parts), ATOM

    def correlation(self, form: Correlation) -> Piece:
        return written(self, form), MUL


def written(writer: TextWriter, form: Correlation) -> str:
    """The correlation with letters for the axes that do not slide; those of the result come first."""
    from .indices import LETTERS
    taken = {s.removeprefix("∂") for s in writer.symbols}
    pool = [letter for letter in LETTERS if letter not in taken] or list(LETTERS)
    labels = [i for axes in (form.letters[2], *form.letters[:2]) for i in axes]
    names = dict(zip(dict.fromkeys(labels), pool))
    texts = [entry(writer, transposed(matrix_form(factor)) if turned else matrix_form(factor), [names[i] for i in axes])
             for factor, turned, axes in zip(form.factors, form.turned, form.letters)]
    if form.left != ("x" if form.output != "x" else "u"):
        texts.reverse()
    steps = notes(writer, form)
    if form.output == "x":
        flipped = "flip" if len(form.windows) == 1 else "rot180"
        texts[1] = writer.named(flipped, plain(texts[1]))
        stride = [s for _, s, _ in form.windows]
        if any(s != 1 for s in stride):
            texts[0] = writer.spread_out(plain(texts[0]), one_or_all(writer, stride))
    summed = [names[i] for i in dict.fromkeys(labels) if i not in form.letters[2]]
    front = f"{writer.summation(summed)} " if summed else ""
    return f"{front}{texts[0]}{writer.starred(steps)}{texts[1]}"


def entry(writer: TextWriter, form: object, letters: list[str]) -> str:
    text = writer.wrapped(form, 4)
    return writer.with_indices(text, letters)


def plain(text: str) -> str:
    """Without the brackets around the whole of it."""
    return text[1:-1] if text.startswith("(") and text.endswith(")") and text.count("(") == 1 else text


def notes(writer: TextWriter, form: Correlation) -> list[str]:
    """Stride, dilation and padding as the reading has them: for the kernel, stride and dilation are exchanged."""
    first, stride, dilation = ([window[k] for window in form.windows] for k in range(3))
    padding = [-f for f in first]
    if form.output == "a":
        stride, dilation = dilation, stride
    said = []
    if form.output == "x":
        said.append(writer.note("full", ""))
    elif any(s != 1 for s in stride):
        said.append(writer.note("stride", one_or_all(writer, stride)))
    if any(d != 1 for d in dilation):
        said.append(writer.note("dilation", one_or_all(writer, dilation)))
    if any(p != 0 for p in padding):
        said.append(writer.note("cropped" if form.output == "x" else "padding", one_or_all(writer, padding)))
    return said


def one_or_all(writer: TextWriter, values: list[sp.Expr]) -> str:
    shown = [writer.index(v) for v in values]
    return shown[0] if len(set(shown)) == 1 else f"({', '.join(shown)})"
