"""Documents: the sections of a derivation as a LaTeX document, Markdown, or one self-contained HTML page.

Titles and reasons are free text and are escaped; formulas are LaTeX that we printed ourselves.
"""

from __future__ import annotations

from dataclasses import dataclass
from html import escape

POLICY = "default-src 'none'; style-src 'unsafe-inline'; font-src data:; img-src data:"
STYLE = """:root { color-scheme: light dark; }
body { font: 1.05rem/1.55 Georgia, 'Times New Roman', serif; max-width: 52rem; margin: 2rem auto; padding: 0 1rem; }
math { font-family: 'Latin Modern Math', 'STIX Two Math', 'Cambria Math', math; font-size: 1.1em; }
table { border-collapse: collapse; margin: .5rem 0 1.5rem; }
td { padding: .3rem .6rem; vertical-align: baseline; }
td.left { text-align: right; } td.note { color: GrayText; font-size: .85em; padding-left: 2rem; }
details { margin: .2rem 0 1rem; } summary { cursor: pointer; }
ol.steps { padding-left: 1.4rem; } ol.steps li { margin: .6rem 0; }
.rule { font-weight: bold; } .because { color: GrayText; font-size: .9em; }
.overflow { overflow-x: auto; }
"""
TEX_ESCAPES = str.maketrans({"\\": r"\textbackslash{}", "&": r"\&", "%": r"\%", "$": r"\$", "#": r"\#", "_": r"\_",
                             "{": r"\{", "}": r"\}", "~": r"\textasciitilde{}", "^": r"\textasciicircum{}"})
TEX_WORDS = {"⊙": r"$\odot$", "Σ": r"$\Sigma$", "δ": r"$\delta$", "′": r"$'$", "ᵀ": r"$^\top$", "Ȳ": r"$\bar Y$", "−": "-",
             "·": r"$\cdot$", "⁻¹": r"$^{-1}$", "α": r"$\alpha$", "≤": r"$\le$", "σ": r"$\sigma$", "‖": r"$\|$", "₁": r"$_1$",
             "η": r"$\eta$"}


@dataclass(frozen=True)
class ShownStep:
    """A step as printed: rule, reason, LaTeX before and after, side condition."""

    rule: str
    because: str
    before: str
    after: str
    condition: str = ""


@dataclass(frozen=True)
class Line:
    """One equation: the LaTeX of both sides, a shape, and its steps."""

    left: str
    right: str
    shape: str = ""
    steps: tuple[ShownStep, ...] = ()


@dataclass(frozen=True)
class Section:
    """A titled list of equations, with sentences that stand before them."""

    title: str
    lines: tuple[Line, ...] = ()
    notes: tuple[str, ...] = ()


def latex_block(lines: tuple[Line, ...]) -> str:
    """One aligned block."""
    return "\\begin{aligned}\n" + " \\\\\n".join(f"{line.left} &= {line.right}" for line in lines) + "\n\\end{aligned}"


def tex_text(text: str) -> str:
    """Free text for a LaTeX document of stock packages: what has no known spelling becomes a question mark."""
    made = text.translate(TEX_ESCAPES)
    for char, spelling in TEX_WORDS.items():
        made = made.replace(char, spelling)
    return "".join(c if c.isascii() else "?" for c in made)


def tex_document(title: str, sections: list[Section]) -> str:
    """A document that a stock pdflatex compiles."""
    parts = [r"\documentclass{article}", r"\usepackage{amsmath,amssymb}", r"\allowdisplaybreaks", r"\setlength{\parindent}{0pt}",
             rf"\title{{{tex_text(title)}}}", r"\date{}", r"\begin{document}", r"\maketitle"]
    for section in sections:
        parts.append(rf"\section*{{{tex_text(section.title)}}}")
        parts += [tex_text(note) + "\n" for note in section.notes]
        if section.lines:
            body = " \\\\\n".join(f"{line.left} &= {line.right}" for line in section.lines)
            parts += [r"\begin{align*}", body, r"\end{align*}"]
        for line in section.lines:
            if line.steps:
                parts.append(rf"\subsection*{{Steps of ${line.left}$}}")
                parts.append(r"\begin{enumerate}")
                for step in line.steps:
                    parts.append(rf"\item \textbf{{{tex_text(step.rule)}}}: {tex_text(step.because)}."
                                 + (f" ({tex_text(step.condition)})" if step.condition else ""))
                    parts.append(rf"\begin{{multline*}} {step.before} \\ \longrightarrow\quad {step.after} \end{{multline*}}")
                parts.append(r"\end{enumerate}")
    return "\n".join([*parts, r"\end{document}", ""])


def markdown(title: str, sections: list[Section], flavour: str = "jupyter") -> str:
    """Markdown with `$$` blocks (jupyter) or ```math fences (github)."""
    def fence(latex: str) -> str:
        return f"```math\n{latex}\n```" if flavour == "github" else f"$$\n{latex}\n$$"

    parts = [f"# {escape(title)}"]
    for section in sections:
        parts += [f"## {section.title}", *section.notes]
        if section.lines:
            parts.append(fence(latex_block(section.lines)))
        for line in section.lines:
            for number, step in enumerate(line.steps, 1):
                parts.append(f"{number}. **{step.rule}**: {step.because}")
                parts.append(fence(rf"{step.before} \quad\longrightarrow\quad {step.after}"))
    return "\n\n".join(parts) + "\n"


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
        rows.append(f'<tr><td class="left">{mathml(line.left)}</td><td>{mathml("= " + line.right)}</td>'
                    f'<td class="note">{escape(line.shape)}</td></tr>')
        if line.steps:
            steps = "".join(
                f'<li><span class="rule">{escape(s.rule)}</span> <span class="because">{escape(s.because)}'
                f'{escape(" (" + s.condition + ")") if s.condition else ""}</span><br>'
                f'<span class="overflow">{mathml(s.before)} ⟶ {mathml(s.after)}</span></li>' for s in line.steps)
            details.append(f"<details open><summary>Steps of {mathml(line.left)}</summary><ol class=\"steps\">{steps}</ol></details>")
    notes = "".join(f"<p>{escape(note)}</p>" for note in section.notes)
    return (f"<h2>{escape(section.title)}</h2>\n{notes}<div class=\"overflow\"><table>{''.join(rows)}</table></div>\n"
            + "\n".join(details))
