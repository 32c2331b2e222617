"""How an edit is written in the user's notation: Python or LaTeX, with the signs that the formula itself uses."""

from __future__ import annotations

import re

import sympy as sp

from .parts import Part

ATOMS = ("name", "number", "call", "group", "transpose")


class Python:
    """NumPy's signs."""

    hadamard, matmul, scalar = " * ", " @ ", " * "

    def __init__(self, text: str) -> None:
        self.text = text

    def of(self, part: Part) -> str:
        return self.text[slice(*part.span)]

    def tight(self, part: Part) -> str:
        """A part as a factor, in brackets where it needs them."""
        return self.of(part) if part.kind in ATOMS else f"({self.of(part)})"

    def factor(self, part: Part) -> str:
        """A part as a side of a product."""
        return self.of(part) if part.kind in (*ATOMS, "product", "fraction", "power", "over") else f"({self.of(part)})"

    def transposed(self, text: str) -> str:
        return f"{text}.T"

    def untransposed(self, part: Part) -> str:
        return self.of(part.parts[0])

    def outer(self, a: str, b: str) -> list[str]:
        return [f"outer({a}, {b})"]

    def over(self, text: str, word: str) -> str:
        return f"{text} / {word}"

    def diagonal(self, text: str) -> str:
        return f"diag({text})"

    def number(self, value: sp.Expr) -> str:
        top, bottom = sp.fraction(value)
        said, below = str(top).replace("**", " ** "), str(bottom).replace("**", " ** ")
        return said if bottom == 1 else f"{said} / ({below})" if bottom.is_Mul else f"{said} / {below}"

    def scaled(self, value: sp.Expr, text: str) -> str:
        return f"{self.number(value)} * {text}"

    def summed(self, text: str) -> list[str]:
        return [f"sum({text}, axis=0)", f"sum({text}, axis=1)", f"sum({text})", f"mean({text}, axis=0)", f"mean({text}, axis=1)"]

    def power(self, text: str, k: int) -> str:
        return f"{text}**{k}"


class Tex(Python):
    """LaTeX, with the transpose and the Hadamard sign of the formula."""

    def __init__(self, text: str, whole: str) -> None:
        super().__init__(text)
        found = re.search(r"\^\s*(\{\s*\\top\s*\}|\\top(?![A-Za-z])|\{\s*\\intercal\s*\}|\\intercal(?![A-Za-z])|\{\s*\\mathsf\s*\{?T\}?\s*\}|\{T\}|T(?![A-Za-z]))|ᵀ", whole)
        self.mark = found.group() if found else r"^\top"
        signs = re.search(r"\\odot|\\circ|\\bullet|⊙|∘|\.\*", whole)
        self.hadamard = f" {signs.group()} " if signs else r" \odot "
        self.matmul = self.scalar = " "

    def transposed(self, text: str) -> str:
        return f"({text}){self.mark}" if "^" in text and not text.startswith(("(", r"\left")) else f"{text}{self.mark}"

    def untransposed(self, part: Part) -> str:
        a, b = part.head
        return self.text[part.span[0]:a] + self.text[b:part.span[1]]

    def outer(self, a: str, b: str) -> list[str]:
        return [f"{a} {self.transposed(b)}"]

    def over(self, text: str, word: str) -> str:
        return rf"\frac{{1}}{{{word}}} {text}"

    def diagonal(self, text: str) -> str:
        return rf"\operatorname{{diag}}({text})"

    def number(self, value: sp.Expr) -> str:
        top, bottom = sp.fraction(value)
        tex = lambda e: sp.latex(e)
        if bottom == 1:
            return tex(top)
        return rf"\frac{{{tex(top)}}}{{{tex(bottom)}}}" if not top.could_extract_minus_sign() else rf"-\frac{{{tex(-top)}}}{{{tex(bottom)}}}"

    def scaled(self, value: sp.Expr, text: str) -> str:
        return f"{self.number(value)} {text}"

    def summed(self, text: str) -> list[str]:
        return [rf"{text} \mathbf{{1}}", rf"{self.transposed(text)} \mathbf{{1}}"] + [rf"\sum_{k} {text}" for k in "ijknb"]

    def power(self, text: str, k: int) -> str:
        return f"{text}^{k}"
