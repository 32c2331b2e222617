"""Text -> tokens: what each spelling becomes, where it stands, and what is refused and by which name."""

from __future__ import annotations

import pytest

from symbackprop.errors import ParseError
from symbackprop.tex.lex import lex
from symbackprop.tex.source import Source


def tokens(text: str) -> str:
    return " ".join(f"{t.kind}:{t.text}" if t.kind != t.text else t.kind for t in lex(Source(text)))


SPELLINGS = {
    "2Ax": "num:2 word:Ax",
    r"\alpha x": "sym:alpha word:x",
    r"a \odot b": "word:a mul:odot word:b",
    "a ⊙ b": "word:a mul:odot word:b",
    "a .* b": "word:a mul:.* word:b",
    "x.T": "word:x dot-t:T",
    "x = 2.": "word:x rel:= num:2 dot:.",
    "a − b": "word:a add:- word:b",
    r"\operatorname{diag}": "name:diag",
    r"\mathrm{softmax}_i": "name:softmax _ word:i",
    r"\operatorname*{arg\,max}_x": "name:argmax _ word:x",
    r"\arg\max_k": "fun:argmax _ word:k",
    r"\mathsf T": "name:T",
    r"\mathrm{W^T}": "font: { word:W ^ word:T }",
    r"W\_": None,
    r"\text{if } x": "text:if word:x",
    r"W_{\text{in}}": "word:W _ { name:in }",
    r"\text{cross entropy}": "name:cross entropy",
    r"\text{for all } i": "text:for all word:i",
    r"\text{where head}_i": "text:where name:head _ word:i",
    r"\text{if $z > 0$}": "text:if word:z rel:> num:0",
    r"\text{if z > 0}": "text:if word:z rel:> num:0",
    r"\text{(chain rule)}": "text:(chain rule)",
    r"\left( x \right]": "left:( word:x right:]",
    r"\left\{ x \right.": "left:{ word:x right:.",
    r"\bigl( x \Bigr)": "open:( word:x close:)",
    r"\lVert x \rVert": "open:|| word:x close:||",
    r"\|x\|": "bar:|| word:x bar:||",
    r"\big| x": "bar:| word:x",
    "x²": "word:x ^ { num:2 }",
    "W₁ᵀ": "word:W _ { num:1 } ^ { word:T }",
    "A⁻¹": "word:A ^ { add:- num:1 }",
    "δ⁽ˡ⁺¹⁾": "sym:delta ^ { open:( word:l add:+ num:1 close:) }",
    "½": "frac num:1 num:2",
    "ŷ": "accent:hat word:y",
    "y\u0302": "accent:hat word:y",
    "dy\u0302": "word:d accent:hat word:y",
    "θ\u0302": "accent:hat sym:theta",
    "𝐖": "font:bold word:W",
    "𝟙": "font:bb num:1",
    "𝑥": "word:x",
    "ℝ": "reals:R",
    "f'": "word:f '",
    "f′": "word:f '",
    "grads['W1']": "word:grads open:[ key:W1 close:]",
    r"a, \; b": "word:a gap-comma:, word:b",
    r"(a, \; b)": "open:( word:a comma:, word:b close:)",
    r"a \quad b": "word:a sep:quad word:b",
    r"(a \quad b)": "open:( word:a word:b close:)",
    r"a \\ b": "word:a break:\\\\ word:b",
    r"a \\[4pt] b": "word:a break:\\\\ word:b",
    r"\begin{bmatrix} a & b \\ c \end{bmatrix}":
        "begin:bmatrix word:a amp:& word:b row:\\\\ word:c end:bmatrix",
    r"\begin{aligned} a &= b \\ c \end{aligned}": "word:a align:& rel:= word:b break:\\\\ word:c",
    r"\begin{array}{c|c} a \end{array}": "begin:array word:a end:array",
    r"x \label{eq:1} \tag{2} \nonumber": "word:x",
    r"x \! y \displaystyle": "word:x word:y",
    "x % y": "word:x",
    r"a \stackrel{\text{def}}{=} b": "word:a rel::= word:b",
    r"a \overset{!}{=} b": "word:a rel:= word:b",
    r"\underset{w}{\arg\min} x": "fun:argmin _ { word:w } word:x",
    r"\textcolor{red}{x}": "wrap: { word:x }",
}


@pytest.mark.parametrize("text", SPELLINGS)
def test_tokens(text: str) -> None:
    if SPELLINGS[text] is None:
        with pytest.raises(ParseError):
            lex(Source(text))
    else:
        assert tokens(text) == SPELLINGS[text]


def test_spans_are_the_characters() -> None:
    text = r"W_2^\top \odot ŷ₁ + \operatorname{diag}(v) \bigl| x"
    found = [text[t.start:t.end] for t in lex(Source(text))]
    assert found == ["W", "_", "2", "^", r"\top", r"\odot", "ŷ", "ŷ", "₁", "₁", "₁", "₁", "+",
                     r"\operatorname{diag}", "(", "v", ")", r"\bigl|", "x"]


REFUSALS = {
    r"a \odo b": (1, 3, r"\odo is not known: did you mean \odot?"),
    r"x \begin{bmatrx} 1": (1, 3, "environment bmatrx is not known: did you mean bmatrix?"),
    r"\input{x}": (1, 1, r"\input is refused"),
    r"a + \def\x{y}": (1, 5, r"\def is refused"),
    "x +\n\\write18{id}": (2, 1, r"\write is refused"),
    "^^5cinput": (1, 1, "^^"),
    "a + а": (1, 5, "U+0430 CYRILLIC SMALL LETTER A"),
    "Ｗ x": (1, 1, "U+FF37 FULLWIDTH LATIN CAPITAL LETTER W"),
    "x\u202ey": (1, 2, "U+202E RIGHT-TO-LEFT OVERRIDE"),
    "x\u200by": (1, 2, "U+200B ZERO WIDTH SPACE"),
    "x\x00": (1, 2, "U+0000 a control character"),
    "x\u00a0y": (1, 2, "use a plain space"),
    "Α x": (1, 1, "GREEK CAPITAL LETTER ALPHA"),
    "a – b": (1, 3, "use - for minus"),
    'f"{x}"': (1, 2, '`"`'),
    "x $ y": (1, 3, "`$`"),
    r"1e-5 \alpha": (1, 1, r"1 \cdot 10^{-5}"),
    "for x": (1, 1, "Python word"),
    r"\end{document}": (1, 1, "closes nothing"),
    r"\begin{bmatrix} 1": (1, 1, "not closed"),
    r"\left x": (1, 1, "bracket"),
    r"\text{\bf x}": (1, 1, "only words"),
    r"\text x": (1, 1, "braces"),
    "x.y.5": (1, 4, "point"),
    "9" * 1001: (1, 1, "1000 digits"),
    "x " * 10001: (1, 1, "20000 characters"),
}


@pytest.mark.parametrize("text", REFUSALS, ids=lambda t: ascii(t[:20]))
def test_refusals_name_the_place_and_the_thing(text: str) -> None:
    line, column, message = REFUSALS[text]
    with pytest.raises(ParseError) as caught:
        lex(Source(text))
    assert (caught.value.line, caught.value.column) == (line, column)
    assert message in str(caught.value)


def test_letters_that_share_a_print_share_a_symbol_and_no_others_do() -> None:
    """φ and ϕ are two letters in Unicode as `\\phi` and `\\varphi` are in TeX; none of them merge."""
    letters = "αβγδεζηθικλμνξπρστυφχψωΓΔΘΛΞΠΣΦΨΩϕϵϑϱϖς"
    names = [tokens(letter) for letter in letters]
    assert len(set(names)) == len(letters)
    assert tokens("σ") == tokens(r"\sigma") and tokens("ϕ") == tokens(r"\varphi")
