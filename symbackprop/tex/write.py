"""Forms -> LaTeX: the pieces of `TextWriter` as they look in a paper; where brackets go is decided there.

TeX refuses a second superscript on one symbol, so the mark of a transpose joins the label of a name such as W^{(1)}, and
the name gets brackets before it is raised to a power.
"""

from __future__ import annotations

import re

import sympy as sp
from sympy.printing.latex import LatexPrinter

from ..expr import Apply
from ..notation import Notation, range_tex, tex_name
from ..ops import SCALAR_OPS, TENSOR_OPS
from ..show.forms import Atom, Over, Unit
from ..show.matrix import ONES_VECTOR
from ..show.writing import ATOM, SUM, SUM_OVER_STEPS, TIGHT, Piece, TextWriter

TRANSPOSES = {"top": r"\top", "T": "T", "intercal": r"\intercal", "sfT": r"\mathsf{T}", "prime": r"\prime"}
TALL = (r"\frac", r"\begin", r"\sum", r"\sqrt")
COMMAND_END = re.compile(r"\\[A-Za-z]+\Z")
UPRIGHT = r"\\math(?:rm|bf)\{[^{}]{2,}\}"  # runs into a letter beside it: We x would look like a word
UPRIGHT_END, UPRIGHT_START = re.compile(UPRIGHT + r"\Z"), re.compile(UPRIGHT)
LETTER_END = re.compile(r"(?<![A-Za-z\\])[A-Za-z]\Z|\\[a-z]+\Z")
LETTER_START = re.compile(r"[A-Za-z]|\\(?!left|operatorname|lVert|lvert|frac|sqrt|sum)")
COMMAND_SCRIPT = re.compile(r"[_^](\\[A-Za-z]+)\Z")


class SizePrinter(LatexPrinter):
    """Scalars and sizes."""

    def _print_Symbol(self, expr: sp.Symbol) -> str:
        return tex_name(expr.name)

    def _print_log(self, expr: sp.Expr, exp: str | None = None) -> str:
        return rf"\log^{{{exp}}}" * (exp is not None) + r"\log" * (exp is None) + f"({self._print(expr.args[0])})"


SIZES = SizePrinter()


def split_scripts(tex: str) -> tuple[str, str, str]:
    """(nucleus, subscript, superscript) of the last symbol of a formula: `W^{(1)}_{2}` is (W, 2, (1))."""
    found = {"_": "", "^": ""}
    while tex:
        if tex[-1] == "'":
            tex, found["^"] = tex[:-1], r"\prime" + found["^"]
            continue
        if tex[-1] == "}":
            start = opening(tex)
            if start < 1 or tex[start - 1] not in found:
                break
            mark, content, tex = tex[start - 1], tex[start + 1:-1], tex[:start - 1]
        elif tex[-2:-1] in ("_", "^"):
            mark, content, tex = tex[-2], tex[-1], tex[:-2]
        elif command := COMMAND_SCRIPT.search(tex, max(0, len(tex) - 20)):
            mark, content, tex = command.group()[0], command.group(1), tex[:command.start()]
        else:
            break
        found[mark] = content + found[mark]
    return tex, found["_"], found["^"]


def opening(tex: str) -> int:
    """Where the brace opens that the last character closes; -1 if nowhere."""
    depth = 0
    for at in range(len(tex) - 1, -1, -1):
        depth += (tex[at] == "}") - (tex[at] == "{")
        if depth == 0:
            return at
    return -1


def add_superscript(tex: str, mark: str) -> str:
    """`mark` above a symbol, after the superscript it may have: `W^{(1)\\top}`."""
    nucleus, below, above = split_scripts(tex)
    if not above:
        return f"{tex}^{{{mark}}}"
    gap = " " if COMMAND_END.search(above) and mark[0].isalpha() else ""
    return f"{nucleus}^{{{above}{gap}{mark}}}" + (f"_{{{below}}}" if below else "")


def add_subscript(tex: str, indices: str) -> str:
    """`indices` below a symbol, after the subscript it may have: `W_{1,ij}`; below the tensor of a partial derivative."""
    if tex.startswith(r"\frac{") and tex.endswith("}"):
        start = opening(tex)
        return tex[:start + 1] + add_subscript(tex[start + 1:-1], indices) + "}"
    nucleus, below, above = split_scripts(tex)
    if not below:
        return f"{tex}_{{{indices}}}"
    return nucleus + (f"^{{{above}}}" if above else "") + f"_{{{below},{indices}}}"


def fenced(left: str, text: str, right: str) -> str:
    """A pair of brackets that grows around tall things alone."""
    if any(mark in text for mark in TALL):
        return rf"\left{left} {text} \right{right}"
    gap = " " if left.startswith("\\") else ""
    return f"{left}{gap}{text}{gap}{right}"


class LatexWriter(TextWriter):
    """Forms as LaTeX."""

    minus, product, hadamard_signs = "-", " ", {"odot": r" \odot ", "circ": r" \circ "}
    quotient, kronecker, star, arrow_left, in_lines = r" \oslash ", r"\delta", r"\star", r"\leftarrow", False
    open_bracket, close_bracket = r"\left( ", r" \right)"

    def __init__(self, notation: Notation = Notation(), symbols: dict[str, str] | None = None) -> None:
        super().__init__(notation, dict(notation.names) | (symbols or {}))

    # names

    def is_tall(self, symbol: str) -> bool:
        return r"\frac" in symbol

    def symbol(self, name: str) -> str:
        return self.symbols.get(name) or tex_name(name, self.notation.layers)

    def atom(self, form: Atom) -> Piece:
        node = form.node
        bold = self.notation.bold == "yes" and node.rank > 0
        text = self.symbols.get(node.name) or tex_name(node.name, self.notation.layers, bold)
        return text, SUM if node.name.startswith(SUM_OVER_STEPS) else TIGHT if self.is_tall(text) else ATOM

    def with_indices(self, symbol: str, indices: list[str]) -> str:
        return add_subscript(symbol, ("," if any(len(i) > 1 for i in indices) else "").join(indices)) if indices else symbol

    def joined(self, factors: list[str]) -> str:
        text = ""
        for left, right in zip(("", *factors), factors):
            close = UPRIGHT_END.search(left) and LETTER_START.match(right) or LETTER_END.search(left) and UPRIGHT_START.match(right)
            text += (r" \, " if close else self.product) * bool(left) + right
        return text

    def index(self, value: sp.Expr) -> str:
        return self.size(value)

    def bracketed(self, text: str, parts: list[str]) -> str:
        return f"{text}[{', '.join(parts)}]".replace(":", "{:}")

    def starred(self, notes: list[str]) -> str:
        return f" {self.star}{'_{' + ', '.join(notes) + '}' if notes else ''} "

    def spread_out(self, text: str, steps: str) -> str:
        return rf"\operatorname{{up}}_{{{steps}}}" + self.brackets(text)

    def note(self, word: str, value: str) -> str:
        return rf"\text{{{word}{' ' * bool(value)}}}{value}"

    def entry_name(self, symbol: str, places: list[str], wide: bool) -> str:
        return add_subscript(symbol, ("," if wide else "").join(places))

    def summation(self, indices: list[str]) -> str:
        return r"\sum_{%s}" % ", ".join(indices)

    def over_steps(self, letter: str, high: str, low: int = 1) -> str:
        return rf"\sum_{{{range_tex(letter)}={low}}}^{{{range_tex(high)}}}"

    def with_range(self, text: str, where: str) -> str:
        return rf"{text} \qquad ({range_tex(where).replace('…', chr(92) + 'dots').replace('−', '-')})"

    def function_name(self, name: str) -> str:
        row = SCALAR_OPS.get(name)
        return row.tex if row and row.tex else tex_name(name)

    def tensor_name(self, node: Apply) -> str:
        row = TENSOR_OPS[node.op]
        along = self.along(node)
        if row.show == "eigenpair":
            return rf"{row.tex}_{{\{along}}}"
        return row.tex + (rf"_{{\text{{{along}}}}}" if along else "")

    def relation(self, name: str) -> str:
        return SCALAR_OPS[name].tex

    # marks

    def transpose_mark(self, text: str) -> str:
        if self.notation.transpose == "prime":
            return add_superscript(text, r"\prime") if split_scripts(text)[2] else text + "'"
        return add_superscript(text, TRANSPOSES[self.notation.transpose])

    def inverse_mark(self, text: str, kind: str) -> str:
        if kind != "transposed":
            return self.above(text, "-1" if kind == "inverse" else "+")
        prime = self.notation.transpose == "prime"
        return self.above(text, r"-1\prime" if prime else "-" + TRANSPOSES[self.notation.transpose])

    def above(self, base: str, exponent: str) -> str:
        """A power, which never runs into the superscript of a name."""
        return f"{self.brackets(base) if split_scripts(base)[2] else base}^{{{exponent}}}"

    def raised(self, base: str, exponent: sp.Expr, entrywise: bool) -> str:
        return self.above(base, (r"\odot " if entrywise else "") + self.size(exponent))

    def raised_by(self, base: str, exponent: Piece) -> str:
        return self.above(base, exponent[0])

    def primes(self, count: int) -> str:
        return "'" * count

    def partial(self, argument: int) -> str:
        return rf"\partial_{{{argument}}} "

    def derivative(self, of: str, by: str) -> str:
        return rf"\frac{{\partial {of}}}{{\partial {by}}}"

    def zero_or_one(self, symbol: str) -> str:
        return symbol + r" \in \{0, 1\}"

    def index_range(self, symbol: str, last: str) -> str:
        return rf"{symbol} \in \{{0, \dots, {last}\}}"

    def words(self, text: str) -> str:
        from ..show.page import tex_text
        return rf"\text{{{tex_text(text)}}}"

    # numbers

    def size(self, value: sp.Expr) -> str:
        return SIZES.doprint(value)

    def fraction(self, above: str, below: str) -> Piece:
        return rf"\frac{{{above}}}{{{below}}}", ATOM

    def fraction_of(self, above: str, below: str, count: int) -> Piece:
        return self.fraction(above, below)

    def over(self, form: Over) -> Piece:
        if form.rank:
            return super().over(form)
        return self.fraction(self.one if form.above is None else self.form(form.above)[0], self.form(form.below)[0])

    def rational(self, value: sp.Expr) -> Piece:
        above, below = value.as_numer_denom()
        if below != 1 and not (value.is_Rational and above == 1 and below >= 1000):
            return self.fraction(self.size(above), self.size(below))
        return super().rational(value)

    def unit(self, form: Unit) -> Piece:
        return (r"\mathbf{1}" if form == ONES_VECTOR else "1"), ATOM

    # brackets and calls

    def brackets(self, text: str) -> str:
        return fenced("(", text, ")")

    def bars(self, text: str) -> str:
        return fenced(r"\lvert", text, r"\rvert")

    def norm_bars(self, text: str, order: int | str) -> str:
        return fenced(r"\lVert", text, r"\rVert") + {1: "_{1}", "spectral": "_{2}", "nuclear": "_{*}"}.get(order, "")

    def root(self, base: object) -> Piece:
        return rf"\sqrt{{{self.form(base)[0]}}}", ATOM

    def indicator(self, condition: str) -> str:
        return r"\mathbf{1}" + fenced("[", condition, "]")

    def cases(self, condition: str, yes: str, no: str) -> str:
        return rf"\begin{{cases}} {yes} & {condition} \\ {no} & \text{{otherwise}} \end{{cases}}"

    def between(self, index: str, size: sp.Expr) -> str:
        return rf"0 \le {index} < {self.index(size)}"

    def plain_name(self, name: str) -> str:
        return rf"\operatorname{{{name}}}"

    def arrow(self, left: str, right: str) -> str:
        return self.brackets(rf"{left} \mapsto {right}")

    def named(self, name: str, text: str) -> str:
        return rf"\operatorname{{{name}}}" + self.brackets(text)

    def arguments(self, name: str, args: list[str], settings: str = "") -> str:
        return name + self.brackets(", ".join(args) + settings)
