"""Whether a text is mathematics (LaTeX, or formulas as people type them) or a model in Python syntax."""

from __future__ import annotations

import re

from .symbols import LITERALS, LOWERED, RAISED

_ASIDE = re.compile(r"#[^\n]*|\"[^\"\n]*\"|'[^'\n]*'(?=[\],)])")
_PYTHON = re.compile(r"(?m)^[ \t]*[A-Za-z_]\w*[ \t]*:[ \t]*(?:R\b|elementwise\b)|;[ \t]*[A-Za-z_]\w*[ \t]*:[ \t]*R\b|^[ \t]*fact[ \t]*:|\bgrad\s*\(|"
                     r"^[ \t]*(?:import|from|def|for)\b|[^<>=!:]==")
_LATEX = re.compile(r"\\[A-Za-z,;()\[\]|]|\$|\^|[{}]")
_OCTAVE = re.compile(r"\.\*|\./|[\w)\]]'(?!\w)")
_SIGNS = frozenset(c for c in (*LITERALS, *RAISED, *LOWERED) if not c.isascii())


def is_mathematics(text: str) -> bool:
    """True for LaTeX and formulas, False for Python syntax.

    >>> is_mathematics(r"z = W x + b \\quad x \\in \\mathbb{R}^n"), is_mathematics("x: R[n]; C = sum(x**2)")
    (True, False)
    """
    plain = _ASIDE.sub(" ", text)
    if _LATEX.search(plain) and not _PYTHON.search(plain):
        return True
    if re.search(r"\\[A-Za-z]", plain):
        return True
    if _PYTHON.search(plain):
        return False
    return bool(_OCTAVE.search(plain)) or any(c in _SIGNS for c in plain)
