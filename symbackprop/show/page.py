"""Documents: the sections of a derivation as a LaTeX document, Markdown, or one self-contained HTML page.

Titles and reasons are free text and are escaped; formulas are LaTeX that we printed ourselves.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable
from dataclasses import dataclass
from html import escape

from ..notation import GREEK, SUBSCRIPTS
from .breaking import broken

POLICY = "default-src 'none'; style-src 'unsafe-inline'; font-src data:; img-src data:"
STYLE = """:root { color-scheme: light dark; --quiet: #666; --line: #ddd; }
@media (prefers-color-scheme: dark) { :root { --quiet: #a5a5a5; --line: #444; } }
body { font: 1.05rem/1.55 Georgia, 'Times New Roman', serif; max-width: 56rem; margin: 2rem auto; padding: 0 1rem; }
h1, h2 { line-height: 1.2; } h2 { margin-top: 2.2rem; border-bottom: 1px solid var(--line); padding-bottom: .2rem; }
math { font-family: 'Latin Modern Math', 'STIX Two Math', 'Cambria Math', math; font-size: 1.1em; }
table { border-collapse: collapse; margin: .5rem 0 1.5rem; }
td { padding: .35rem .4rem; vertical-align: baseline; white-space: nowrap; }
td.left { text-align: right; padding-right: 0; }
td.shape, .shape { color: var(--quiet); font-size: .85em; } .shape { margin-left: 1rem; } td.shape { padding-left: 2rem; }
details { margin: .2rem 0 1rem; } summary { cursor: pointer; }
mtd[columnalign="left"] { text-align: left; }
ol.steps { padding-left: 1.8rem; } ol.steps li { margin: .7rem 0; }
.rule { font-weight: bold; } .because { color: var(--quiet); font-size: .9em; }
.scroll { overflow-x: auto; overflow-y: hidden; padding: .2rem 0; }
"""
TEX_ESCAPES = {"\\": r"\textbackslash{}", "&": r"\&", "%": r"\%", "$": r"$\$$", "#": r"\#", "_": r"\_", "{": r"\{",
               "}": r"\}", "~": r"\textasciitilde{}", "^": r"\textasciicircum{}", "<": "$<$", ">": "$>$", "|": "$|$",
               '"': "''"}
TEX_SIGNS = {"⊙": r"\odot", "∘": r"\circ", "⊘": r"\oslash", "Σ": r"\Sigma", "∂": r"\partial", "′": "'", "ᵀ": r"^{\top}",
             "−": "-", "·": r"\cdot", "×": r"\times", "⁻": "^{-}", "¹": "^{1}", "²": "^{2}", "³": "^{3}", "≤": r"\le",
             "≥": r"\ge", "≠": r"\ne", "→": r"\to", "⟶": r"\to", "←": r"\leftarrow", "↦": r"\mapsto", "‖": r"\|",
             "√": r"\surd", "∞": r"\infty", "∈": r"\in", "½": r"\tfrac12", "⟨": r"\langle", "⟩": r"\rangle"}
TEX_SIGNS |= {char: "\\" + name for name, char in GREEK.items() if name not in ("lam", "omicron")}
TEX_SIGNS |= {chr(sub): f"_{{{chr(digit)}}}" for digit, sub in SUBSCRIPTS.items()}
TEX_WORDS = TEX_ESCAPES | {char: f"${sign}$" for char, sign in TEX_SIGNS.items()} | {"ß": r"\ss{}", "–": "--", "—": "---",
                                                                                 "’": "'", "“": "``", "”": "''"}
TEX_ACCENTS = {"\u0300": "`", "\u0301": "'", "\u0302": "^", "\u0303": "~", "\u0304": "=", "\u0308": '"', "\u030a": "r",
               "\u030c": "v", "\u0327": "c"}
INDEXED = re.compile(r"(?<![^\W_])([^\W\d_])_([a-z]{1,3})(?![\w(])")
MARKDOWN_MARKS = re.compile(r"([\\`*_{}\[\]<>#|$~])")


class Formula(str):
    """A piece of a note that is a formula of our own, in the script of the document."""


Note = str | tuple[str, ...]


@dataclass(frozen=True)
class ShownStep:
    """A step as printed: rule, reason, LaTeX before and after, side condition."""

    rule: str
    because: str
    before: str
    after: str
    condition: str = ""
    shape: str = ""

    @property
    def reason(self) -> str:
        return self.because + (f" ({self.condition})" if self.condition else "")


@dataclass(frozen=True)
class Line:
    """One equation: both sides, a shape, and its steps; without a left side it goes on from the line before."""

    left: str
    right: str
    shape: str = ""
    steps: tuple[ShownStep, ...] = ()
    sign: str = "="

    @property
    def aligned(self) -> str:
        right = broken(self.left, self.right)
        return f"{self.left} &{self.sign} {right}" if self.left else f"&{self.sign} {right}"


@dataclass(frozen=True)
class Section:
    """A titled list of equations, with sentences that stand before them."""

    title: str
    lines: tuple[Line, ...] = ()
    notes: tuple[Note, ...] = ()


def said(note: Note, text: Callable[[str], str], formula: Callable[[str], str]) -> str:
    """A note with its words and its formulas as a document writes them."""
    pieces = (note,) if isinstance(note, str) else note
    return "".join(formula(p) if isinstance(p, Formula) else text(p) for p in pieces)


def latex_block(lines: tuple[Line, ...], notes: tuple[Note, ...] = ()) -> str:
    """One aligned block; what it rests on stands in rows of words."""
    rows = [line.aligned for line in lines]
    rows += ["&" + said(note, lambda words: rf"\text{{{tex_text(words)}}}", str) for note in notes]
    return "\\begin{aligned}\n" + " \\\\\n".join(rows) + "\n\\end{aligned}"


def plain(text: str) -> str:
    """Free text on one line, without control characters."""
    return "".join(c for c in re.sub(r"\s+", " ", text) if c.isprintable())


def tex_text(text: str) -> str:
    """Free text for a LaTeX document of stock packages: what has no known spelling becomes a question mark."""
    return "".join(map(tex_character, unicodedata.normalize("NFC", plain(text))))


def tex_character(char: str) -> str:
    if char in TEX_WORDS:
        return TEX_WORDS[char]
    if char.isascii():
        return char
    base, accent = unicodedata.normalize("NFD", char).ljust(2)[:2]
    return rf"\{TEX_ACCENTS[accent]}{{{base}}}" if base.isascii() and accent in TEX_ACCENTS else "?"


def markdown_text(text: str) -> str:
    """Free text with everything that Markdown or HTML could read as markup escaped."""
    return MARKDOWN_MARKS.sub(r"\\\1", plain(text).replace("&", "&amp;"))


def tex_document(title: str, sections: list[Section]) -> str:
    """A document that a stock pdflatex compiles."""
    parts = [r"\documentclass{article}", r"\usepackage{amsmath,amssymb}", r"\allowdisplaybreaks",
             r"\setlength{\parindent}{0pt}\setlength{\oddsidemargin}{0pt}\setlength{\textwidth}{16cm}",
             r"\setlength{\topmargin}{-1.5cm}\setlength{\textheight}{24cm}\setcounter{MaxMatrixCols}{40}",
             r"\begin{document}", rf"\section*{{\LARGE {tex_text(title)}}}"]
    for section in sections:
        parts.append(rf"\section*{{{tex_text(section.title)}}}")
        parts += [said(note, tex_text, lambda formula: f"${formula}$") + "\n" for note in section.notes]
        if section.lines:
            body = " \\\\\n".join(line.aligned + tex_shape(line.shape) for line in section.lines)
            parts += [r"\begin{align*}", body, r"\end{align*}"]
        for line in section.lines:
            if line.steps:
                parts += [rf"\subsection*{{Steps of $\displaystyle {line.left}$}}", r"\begin{enumerate}\raggedright"]
                parts += [tex_step(step) for step in line.steps]
                parts.append(r"\end{enumerate}")
    return "\n".join([*parts, r"\end{document}", ""])


def tex_shape(shape: str) -> str:
    """The shape of a line in a column of its own."""
    words = re.sub(r"\$\\times\$", r"$\\,{\\times}\\,$", tex_text(shape))
    return rf" && \text{{\footnotesize {words}}}" if shape else ""


def tex_step(step: ShownStep) -> str:
    shown = step.after if step.before == step.after else rf"{step.before} \;\longrightarrow\; {step.after}"
    return (rf"\item \textbf{{{tex_text(step.rule)}}}: {tex_reason(step.reason)}\\[3pt]" "\n"
            rf"$\displaystyle {shown}$")


def tex_reason(text: str) -> str:
    """A reason with its indices set below."""
    return indexed(text, tex_text, lambda base, index: f"${tex_character(base).strip('$')}_{{{index}}}$")


def html_reason(text: str) -> str:
    """A reason with its indices set below."""
    return indexed(text, escape, lambda base, index: f"{escape(base)}<sub>{index}</sub>")


def indexed(text: str, words: Callable[[str], str], letter: Callable[[str, str], str]) -> str:
    """Words with each `v_k` in them written by `letter`."""
    pieces = INDEXED.split(text)
    made = [words(pieces[0])]
    for base, index, rest in zip(pieces[1::3], pieces[2::3], pieces[3::3]):
        made += [letter(base, index), words(rest)]
    return "".join(made)


def markdown(title: str, sections: list[Section], flavour: str = "jupyter") -> str:
    """Markdown with `$$` blocks (jupyter) or ```math fences (github)."""
    def inline(latex: str) -> str:
        return f"$`{latex}`$" if flavour == "github" else f"${latex}$"

    parts = [f"# {markdown_text(title)}"]
    for section in sections:
        parts += [f"## {markdown_text(section.title)}", *(said(note, markdown_text, inline) for note in section.notes)]
        if section.lines:
            parts.append(fence(latex_block(section.lines), flavour))
        for line in section.lines:
            parts += markdown_steps(line, flavour)
    return "\n\n".join(parts) + "\n"


def fence(latex: str, flavour: str) -> str:
    return f"```math\n{latex}\n```" if flavour == "github" else f"$$\n{latex}\n$$"


def markdown_steps(line: Line, flavour: str) -> list[str]:
    """Rule, reason and formula of each step."""
    parts = []
    for number, step in enumerate(line.steps, 1):
        same = step.before == step.after
        parts += [f"{number}. **{markdown_text(step.rule)}**: {markdown_text(step.reason)}",
                  fence(step.after if same else rf"{step.before} \quad\longrightarrow\quad {step.after}", flavour)]
    return parts


def html(title: str, sections: list[Section]) -> str:
    """One page: no network, no script, everything escaped, formulas as MathML."""
    body = "\n".join(html_section(section) for section in sections)
    return (f'<!DOCTYPE html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
            f'<meta http-equiv="Content-Security-Policy" content="{POLICY}">\n'
            f'<meta name="viewport" content="width=device-width">\n<title>{escape(title)}</title>\n'
            f"<style>\n{STYLE}</style>\n</head>\n<body>\n<h1>{escape(title)}</h1>\n{body}\n</body>\n</html>\n")


def html_section(section: Section) -> str:
    from .mathml import mathml
    rows, details = [], []
    for line in section.lines:
        rows.append(f'<tr><td class="left">{mathml(line.left) if line.left else ""}</td><td>{mathml(f"{line.sign} {line.right}")}</td>'
                    f'<td class="shape">{escape(line.shape)}</td></tr>')
        if line.steps:
            steps = "\n".join(map(html_step, line.steps))
            details.append(f"<details open><summary>Steps of {mathml(line.left)}</summary>\n"
                           f'<ol class="steps">\n{steps}\n</ol></details>')
    notes = "".join(f"<p>{said(note, escape, mathml)}</p>" for note in section.notes)
    table = f'<div class="scroll"><table>{"".join(rows)}</table></div>' if rows else ""
    return "\n".join([f"<h2>{escape(section.title)}</h2>", notes + table, *details])


def html_step(step: ShownStep) -> str:
    from .mathml import mathml
    before = f"{mathml(step.before)} ⟶ " if step.before != step.after else ""
    shape = f' <span class="shape">{escape(step.shape)}</span>' if step.shape else ""
    return (f'<li><span class="rule">{escape(step.rule)}</span> <span class="because">{html_reason(step.reason)}</span>'
            f'<div class="scroll">{before}{mathml(step.after)}{shape}</div></li>')
