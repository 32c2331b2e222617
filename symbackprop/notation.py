"""`Notation`: every typographic choice in one frozen record, and how a plain name is typeset.

A cotangent always has the shape of its primal (denominator layout); numerator layout is a way of printing.
"""

from __future__ import annotations

import keyword
import re
import unicodedata
from dataclasses import dataclass, field, fields, replace
from functools import lru_cache

from .errors import ParseError, nearest

GREEK = {name: chr(code) for name, code in zip(
    "alpha beta gamma delta epsilon zeta eta theta iota kappa lambda mu nu xi omicron pi rho sigma tau upsilon phi chi "
    "psi omega".split(), (*range(0x3B1, 0x3C2), *range(0x3C3, 0x3CA)))}
GREEK |= {k.capitalize(): GREEK[k].upper() for k in
          "gamma delta theta lambda xi pi sigma upsilon phi psi omega".split()}
GREEK["lam"] = GREEK["lambda"]
ACCENTS = {"hat": "\u0302", "bar": "\u0304", "tilde": "\u0303"}
SUBSCRIPTS = str.maketrans("0123456789+-aehijklmnoprstuvx", "₀₁₂₃₄₅₆₇₈₉₊₋ₐₑₕᵢⱼₖₗₘₙₒₚᵣₛₜᵤᵥₓ")
LOW = {chr(code) for code in SUBSCRIPTS}
LETTERS = re.compile(r"(?<![A-Za-z\\])[A-Za-z]+")  # words, but not the commands of LaTeX
MAX_NAME = 40
NAME = re.compile(r"[A-Za-z][A-Za-z0-9]*(?:_[A-Za-z0-9]+)*\Z")
NUMBERED = re.compile(r"([A-Za-z]+?)(\d+)\Z")
TEX_NAME = re.compile(r"(?:[A-Za-z0-9 (),\[\]{}^_+\-']|\\(?:hat|bar|tilde|mathbf|mathrm|mathcal|boldsymbol|"
                      + "|".join(GREEK) + r"|text|ell|prime|star)(?![A-Za-z]))*\Z")


@dataclass(frozen=True)
class Notation:
    """How a derivation is written.

    Each field is a choice of names, the first being the default; `names` gives a tensor its own typeset name.
    """

    hadamard: str = field(default="odot", metadata={"choices": ("odot", "circ"), "why": "⊙ or ∘ for the Hadamard product"})
    cotangent: str = field(default="delta", metadata={
        "choices": ("delta", "bar", "partial"), "why": "δ for pre-activations, or x̄, or ∂C/∂x, for every cotangent"})
    layers: str = field(default="subscript", metadata={
        "choices": ("subscript", "paren", "bracket", "superscript"), "why": "W_1, W^{(1)}, W^{[1]} or W^1"})
    transpose: str = field(default="top", metadata={
        "choices": ("top", "T", "intercal", "sfT", "prime"), "why": "how a transpose is marked"})
    bold: str = field(default="no", metadata={"choices": ("no", "yes"), "why": "bold vectors and matrices"})
    primes: str = field(default="output", metadata={
        "choices": ("output", "function"), "why": "h ⊙ (1 − h), or σ′(z) left as it is"})
    layout: str = field(default="denominator", metadata={
        "choices": ("denominator", "numerator"), "why": "a gradient has its tensor's shape, or that shape transposed"})
    names: tuple[tuple[str, str], ...] = ()

    @classmethod
    def read(cls, text: str) -> Notation:
        """`hadamard=circ,layers=paren,W1=W^{(1)}`; an unknown field that is no tensor's name is an error later.

        Raises `ParseError` for an unknown choice.
        """
        made, names = {}, []
        for part in filter(None, split_outside_braces(text)):
            key, sign, value = (s.strip() for s in part.partition("="))
            choices = cls.choices().get(key)
            if not sign or not value:
                raise ParseError(f"notation {part.strip()!r} is not of the form key=value", hint="such as layers=paren")
            if choices is None:
                names.append((key, check_tex_name(value)))
            elif value not in choices:
                raise ParseError(f"notation {key}={value}: {key} is one of {', '.join(choices)}", hint=nearest(value, choices))
            else:
                made[key] = value
        return cls(**made, names=tuple(names))

    @classmethod
    def read_names(cls, text: str) -> dict[str, str]:
        """`W1=W^{(1)},x=\\mathbf{x}`: name -> typeset name. Raises `ParseError` for another form."""
        names = {}
        for part in filter(None, split_outside_braces(text)):
            key, sign, value = (s.strip() for s in part.partition("="))
            if not sign or not is_name(key):
                raise ParseError(f"names {part.strip()!r} is not of the form W1=W^{{(1)}}")
            names[key] = check_tex_name(value)
        return names

    @classmethod
    def choices(cls) -> dict[str, tuple[str, ...]]:
        return {f.name: f.metadata["choices"] for f in fields(cls) if "choices" in f.metadata}

    def with_names(self, names: dict[str, str]) -> Notation:
        """This notation with typeset names added; its own come first."""
        return replace(self, names=(*names.items(), *self.names)) if names else self


def split_outside_braces(text: str) -> list[str]:
    """The parts of a comma-separated list, commas inside brackets left alone."""
    parts, depth = [""], 0
    for char in text:
        depth += (char in "{[(") - (char in "}])")
        if char == "," and depth == 0:
            parts.append("")
        else:
            parts[-1] += char
    return parts


@lru_cache(maxsize=4096)
def is_name(name: str) -> bool:
    """Whether this can be the name of a tensor or a size: names reach LaTeX, pages and source."""
    return bool(NAME.match(name)) and not keyword.iskeyword(name) and len(name) <= MAX_NAME


def why_not(name: str) -> str | None:
    """Why a name cannot be one, where there is more to say than that it is taken."""
    if len(name) > MAX_NAME:
        return f"a name has at most {MAX_NAME} characters"
    if keyword.iskeyword(name):
        return f"{name} is a word of Python: {name}1 or {name}_in can be a name"
    return None if NAME.match(name) else "a name begins with a letter, ends in a letter or a digit and has no double underscore"


def check_tex_name(value: str) -> str:
    """A typeset name, if it is made of letters, digits, scripts and accents alone, with balanced brackets."""
    if not value or len(value) > 80 or not TEX_NAME.match(value) or value.count("{") != value.count("}"):
        raise ParseError(f"the typeset name {value!r} may hold letters, digits, scripts, Greek letters and accents only")
    return value


@lru_cache(maxsize=4096)
def split_name(name: str) -> tuple[str, str, str]:
    """(stem, accent, label): `W1` is (W, , 1), `yhat` (y, hat, ), `W_in` (W, , in), `dh_t` (dh, , t), `a[l-1]` (a, , l-1)."""
    if name.endswith("]"):
        name, _, index = name[:-1].partition("[")
        stem, accent, label = split_name(name)
        return stem, accent, f"{label},{index}" if label else index
    stem, _, label = name.partition("_")
    if not label and (found := NUMBERED.match(stem)):
        stem, label = found.groups()
    accent = ""
    for word in ACCENTS:
        if stem.endswith(word) and len(stem) > len(word) and (len(stem) == len(word) + 1 or stem[:-len(word)] in GREEK):
            stem, accent = stem[:-len(word)], word
        elif label == word:
            label, accent = "", word
        elif label.endswith("_" + word):
            label, accent = label[:-len(word) - 1], word
    return stem, accent, label.replace("_", ",")


@lru_cache(maxsize=4096)
def text_name(name: str) -> str:
    """A name in Unicode: `W1` → W₁, `yhat` → ŷ, `lambda` → λ; names that say more stay readable."""
    if name.endswith("]"):
        return indexed_text(*name[:-1].split("["))
    stem, accent, label = split_name(name)
    base = GREEK.get(stem, stem)
    if accent:
        base = unicodedata.normalize("NFC", base[0] + ACCENTS[accent] + base[1:])
    if not label:
        return base
    if label.isdigit():
        return base + label.translate(SUBSCRIPTS)
    return f"{base}_{label}"


def indexed_text(name: str, index: str) -> str:
    """`a[l-1]` → aₗ₋₁; in brackets what has no small letter, or stands after another label."""
    base, index = text_name(name), range_text(index)
    if split_name(name)[2]:
        return f"{base}[{index.replace('-', '−')}]"
    if set(index) <= LOW:
        return base + index.translate(SUBSCRIPTS)
    return f"{base}_{index}" if index.isalnum() else f"{base}[{index.replace('-', '−')}]"


def range_text(text: str) -> str:
    """Indices and ranges with Greek letters as such: `tau-1` → τ-1."""
    return LETTERS.sub(lambda m: GREEK.get(m.group(), m.group()), text)


def range_tex(text: str) -> str:
    """Indices and ranges in LaTeX: `tau-1` → \\tau-1."""
    return LETTERS.sub(lambda m: tex_label(m.group()), text)


@lru_cache(maxsize=4096)
def tex_name(name: str, layers: str = "subscript", bold: bool = False) -> str:
    """A name in LaTeX: `W1` → W_{1} (or W^{(1)} …), `yhat` → \\hat{y}, `logits` → \\mathrm{logits}."""
    stem, accent, label = split_name(name)
    if stem in GREEK:
        base = "\\" + ("lambda" if stem == "lam" else stem) if stem != "omicron" else "o"
        base = rf"\boldsymbol{{{base}}}" if bold else base
    elif len(stem) == 1:
        base = rf"\mathbf{{{stem}}}" if bold else stem
    else:
        base = rf"\mathbf{{{stem}}}" if bold else rf"\mathrm{{{stem}}}"
    if accent:
        base = rf"\{accent}{{{base}}}"
    if not label:
        return base
    parts = label.split(",")
    if (parts[0].isdigit() or name.endswith("]") and len(parts) == name.count(",") + 1) and layers != "subscript":
        mark = {"paren": "({})", "bracket": "[{}]", "superscript": "{}"}[layers].format(parts[0])
        base, parts = f"{base}^{{{mark}}}", parts[1:]
    if parts:
        label = ",".join(tex_label(p) for p in parts)
        base += f"_{label}" if len(label) == 1 else f"_{{{label}}}"
    return base


def tex_label(label: str) -> str:
    if label in GREEK:
        return "\\" + label
    if not label.isalpha():
        return range_tex(label) if any(word in GREEK for word in LETTERS.findall(label)) else label
    return label if len(label) == 1 else rf"\mathrm{{{label}}}"
