"""Documents -> formulas with their places: plain lines, LaTeX, Markdown, notebooks, and a preamble's macros."""

from __future__ import annotations

import json

import pytest
from tex_shapes import shape

from symbackprop.errors import ParseError
from symbackprop.tex.document import Formula, formulas


def read(text: str, kind: str = "text") -> list[str]:
    """`line:column tree ;; tree` for each formula, or its complaint."""
    return [_show(f) for f in formulas(text, kind)]


def _show(formula: Formula) -> str:
    if formula.error is not None:
        return f"{formula.error.line}:{formula.error.column} {formula.error.message}"
    line, column = formula.source.place(formula.span[0])
    return f"{line}:{column} " + " ;; ".join(shape(c.node) for c in formula.clauses)


def test_plain_text_is_one_formula_a_line() -> None:
    text = "% a model\nx \\in \\mathbb{R}^n\n\n  z = W x   % pre-activation\n"
    assert read(text) == ["2:1 {x in R.bb^n}", "4:3 {z = (W x)}"]


def test_a_line_that_begins_with_a_relation_goes_on() -> None:
    assert read("a = b\n  = c\n\n= d") == ["1:1 {a = b = c}", "4:1 nothing stands before `=`"]
    assert read("a = 1\n-b = 2\n+ c") == ["1:1 {a = 1}", "2:1 {(-)b = [2 + c]}"]


def test_an_environment_holds_its_lines_together() -> None:
    assert read("A = \\begin{bmatrix} 1\\\\\n 2 \\end{bmatrix}\nx = y") == ["1:1 {A = bmatrix/1/2}", "3:1 {x = y}"]


def test_an_environment_that_is_never_closed_costs_its_own_line() -> None:
    assert read("A = \\begin{bmatrix} 1\nx = y") == ["1:5 \\begin{bmatrix} is not closed", "2:1 {x = y}"]


def test_an_error_costs_its_own_line() -> None:
    assert read("(a + b\nx = y\n\\foo") == ["1:1 `(` is not closed", "2:1 {x = y}",
                                            "3:1 the command \\foo is not known"]


def test_plain_lines_and_latex_lines_have_their_own_rules() -> None:
    assert read("a = W_in\n\\alpha = W_in") == ["1:1 {a = W_~in}", r"2:1 {\alpha = (W_i n)}"]


DISPLAYS = {
    r"\[ a = b \]": ["1:4 {a = b}"],
    r"\( a = b \)": ["1:4 {a = b}"],
    "$$ a = b $$": ["1:4 {a = b}"],
    "so $a$ and $b$": ["1:5 a", "1:13 b"],
    r"\begin{equation}\label{e} a = b \end{equation}": ["1:27 {a = b}"],
    "\\begin{align*}\n a &= b \\\\\n &= c \\nonumber \\\\\n d &= e\n\\end{align*}": ["2:2 {a = b = c}", "4:2 {d = e}"],
    "\\begin{gather} a = b \\\\ c = d \\end{gather}": ["1:16 {a = b}", "1:25 {c = d}"],
    "\\begin{multline} a = b \\\\ + c \\\\ d \\end{multline}": ["1:18 {a = [b + (c d)]}"],
    "\\begin{alignat}{2} a &= b & c &= d \\end{alignat}": ["1:20 {a = b} ;; {c = d}"],
    "\\[ \\begin{split} a &= b \\\\ &= c \\end{split} \\]": ["1:18 {a = b = c}"],
    r"\[ a = b, \quad c = d \]": ["1:4 {a = b} ;; {c = d}"],
    r"\[ a = b": ["1:1 `\\[` is not closed"],
    "$a\n\nb$ c": ["1:1 `$` is not closed", "3:2 `$` is not closed"],
    r"\$5 and $x$": ["1:10 x"],
    r"$\text{if $x$} y$": ["1:8 (x y)"],
    "% $x$\n$y$": ["2:2 y"],
    "\\begin{verbatim}$x$\\end{verbatim}\\verb|$y$|$z$": ["1:45 z"],
    r"\[ \]": ["1:3 there is no formula here"],
    "$a$ % $\n$b$": ["1:2 a", "2:2 b"],
}


@pytest.mark.parametrize("text", DISPLAYS)
def test_latex_displays(text: str) -> None:
    assert read(text, "tex") == DISPLAYS[text]


def test_inline_and_displayed_are_told_apart() -> None:
    assert [f.display for f in formulas(r"$a$ \[ b \] \(c\) $$d$$")] == [False, True, False, True]


def test_a_latex_document_without_mathematics_has_no_formulas() -> None:
    assert read("\\documentclass{article}\n\\begin{document}\nx = y\n\\end{document}", "tex") == []


PREAMBLE = r"""\documentclass{article}
\newcommand{\R}{\mathbb{R}}
\newcommand{\pd}[2]{\frac{\partial #1}{\partial #2}}
\newcommand\vect[1]{\mathbf#1}
\newcommand{\loss}[1][C]{#1}
\DeclareMathOperator{\softmax}{softmax}
\DeclareMathOperator*{\argmin}{arg\,min}
\def\T{^\top}
\def\twice#1{#1 #1}
\begin{document}
"""


@pytest.mark.parametrize(("text", "tree"), [
    (r"$x \in \R^n$", "{x in R.bb^n}"),
    (r"$\pd{C}{W} = \delta x\T$", r"{|(\partial C)/(\partial W)| = (\delta x^`top)}"),
    (r"$\vect x\T \vect{y}$", "(x.bold^`top y.bold)"),
    (r"$\loss + \loss[L]$", "[C + L]"),
    (r"$p = \softmax(z)$", "{p = ('softmax (z))}"),
    (r"$\argmin_w L$", "argmin_w:L"),
    (r"$\twice{\pd{a}{b}}$", r"(|(\partial a)/(\partial b)| |(\partial a)/(\partial b)|)"),
    (r"$\twice\alpha b$", r"(\alpha \alpha b)"),
])
def test_macros_of_the_preamble(text: str, tree: str) -> None:
    (found,) = read(PREAMBLE + text + "\\end{document}", "tex")
    assert found.startswith("11:") and found.partition(" ")[2] == tree


def test_places_in_an_expanded_formula_are_places_in_the_file() -> None:
    text = PREAMBLE + r"$\pd{C}{W} = \pd{C}{\hat} + \foo$"
    formula = formulas(text, "tex")[0]
    assert formula.error is not None
    assert (formula.error.line, formula.error.column) == (11, 29)
    good = formulas(PREAMBLE + r"$\pd{C}{W} = \delta$", "tex")[0]
    relation = good.clauses[0].node
    assert relation is not None
    assert good.source.place(relation.items[1].span[0]) == (11, 14)


@pytest.mark.parametrize("definitions", [r"\def\a{\a\a}", r"\def\a{\b}\def\b{\a}", r"\newcommand{\a}{x\a}",
                                         "".join(rf"\def\{c}{{\{d}\{d}}}" for c, d in zip("abcdefghijklmnop",
                                                                                         "bcdefghijklmnopq"))])
def test_macros_without_end_are_refused_at_once(definitions: str) -> None:
    (formula,) = formulas(definitions + r"\begin{document}$x \a$", "tex")
    assert formula.error is not None and "expands without end" in str(formula.error)


def test_a_macro_cannot_smuggle_in_a_refused_command() -> None:
    (formula,) = formulas(r"\newcommand{\a}{\input{x}}\begin{document}$\a$", "tex")
    assert formula.error is not None and r"\input is refused" in str(formula.error)


def test_definitions_inside_a_formula_are_refused() -> None:
    assert read(r"\[ \newcommand{\a}{b} \a \]", "tex") == [r"1:4 \newcommand is refused in a formula"]


MARKDOWN = {
    "Costs $5 and $6, but $x = 1$.": ["1:23 {x = 1}"],
    "`$a$` and $`b`$ and $c$": ["1:13 b", "1:22 c"],
    "```math\na = b\n```\n": ["2:1 {a = b}"],
    "```python\nx = '$a$'\n```\n$b$": ["4:2 b"],
    "~~~\n$a$\n~~~\n$b$": ["4:2 b"],
    "<!-- $a$ --> $b$": ["1:15 b"],
    "$$\na = b\n$$": ["2:1 {a = b}"],
    "\\begin{align}\na &= b\n\\end{align}": ["2:1 {a = b}"],
    r"\\(a\\) \(b\)": ["1:11 b"],
    "a = b": [],
    "a $ b": [],
    "```\n$a$": [],
    "``a ` $b$`` $c$": ["1:14 c"],
    "$a % b$ and $c$": ["1:2 a", "1:14 c"],
}


@pytest.mark.parametrize("text", MARKDOWN)
def test_markdown(text: str) -> None:
    assert read(text, "md") == MARKDOWN[text]


def notebook(*cells: tuple[str, list[str] | str]) -> str:
    found = [{"cell_type": kind, "metadata": {}, "source": source} for kind, source in cells]
    return json.dumps({"cells": found}, indent=1)


def test_notebooks_are_read_for_their_markdown_cells() -> None:
    text = notebook(("code", ["x = '$a$'"]), ("markdown", ["# Title\n", "$\\frac{a}{b} = é$\n", "so $z = \\sigma(x)$"]),
                    ("markdown", "$u$"))
    found = formulas(text, "ipynb")
    assert [f.source.label for f in found] == ["cell 2", "cell 2", "cell 3"]
    line, column = found[1].source.place(found[1].span[0])
    assert text.split("\n")[line - 1][column - 1:].startswith("z = \\\\sigma(x)")
    error = found[0].error
    assert error is not None and text.split("\n")[error.line - 1][error.column - 1:].startswith("\\u00e9")


@pytest.mark.parametrize("text", ["", "{", "[]", "{}", '{"cells": 3}', '{"cells": [{"cell_type": 7}]}', "[" * 100_000,
                                  '{"cells": [{"cell_type": "markdown", "source": [1]}]}', "9" * 5000])
def test_what_is_no_notebook_is_refused(text: str) -> None:
    with pytest.raises(ParseError):
        formulas(text, "ipynb")


def test_too_long_a_document_is_refused() -> None:
    with pytest.raises(ParseError):
        formulas("x\n" * 1_000_001)
