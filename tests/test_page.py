"""Documents: escaping, alignment, and MathML that parses, with pieces written by hand."""

from __future__ import annotations

import re
from html.parser import HTMLParser
from pathlib import Path
from xml.etree import ElementTree

import pytest

import symbackprop as sb
from symbackprop.show.mathml import mathml
from symbackprop.show.page import (Line, Section, ShownStep, html, latex_block, markdown, markdown_text, tex_document,
                              tex_text)
from symbackprop.show.sections import Sections, Wanted

EXAMPLES = sorted((Path(__file__).parent.parent / "examples").glob("*.net"))
HOSTILE = '<script>alert(1)</script> & 50% $x$ #1 _a_ {b} ~^\\ `c` [d](e)\n\nsecond'
STEP = ShownStep("the ⊙ appears", "Σ_k δ_ik v_k", r"\operatorname{diag}(h) \delta", r"h \odot \delta", "h ≠ 0", "4")
LINES = (Line("z", "W x + b", "4", (STEP,)), Line(r"\delta", r"a \odot b"))
SECTIONS = [Section("Backward", LINES, ("Assuming p < 1.",))]
M = "{http://www.w3.org/1998/Math/MathML}"


def test_a_block_is_aligned_at_the_equals_sign() -> None:
    assert latex_block(LINES) == "\\begin{aligned}\nz &= W x + b \\\\\n\\delta &= a \\odot b\n\\end{aligned}"


@pytest.mark.parametrize(("text", "expected"), [
    ("a_b & 50%", r"a\_b \& 50\%"), ("x#1 $ {y}", r"x\#1 $\$$ \{y\}"), ("\\end", r"\textbackslash{}end"),
    ("~^", r"\textasciitilde{}\textasciicircum{}"), ("a\n\nb", "a b"), ("p < 1 | q", "p $<$ 1 $|$ q"),
    ("δ₁ ⊙ h", r"$\delta$$_{1}$ $\odot$ h"), ("café", r"caf\'{e}"), ("中", "?"), ("a\x00\u202eb", "ab")])
def test_free_text_is_escaped_for_tex(text: str, expected: str) -> None:
    assert tex_text(text) == expected


def test_a_document_uses_stock_packages_alone() -> None:
    made = tex_document(HOSTILE, SECTIONS)
    assert re.findall(r"\\usepackage\{(.*?)\}", made) == ["amsmath,amssymb"]
    assert r"$\displaystyle \operatorname{diag}(h) \delta \;\longrightarrow\; h \odot \delta$" in made
    assert r"$\Sigma_{k}$ $\delta_{ik}$ $v_{k}$ (h $\ne$ 0)" in made
    assert r"z &= W x + b && \text{\footnotesize 4}" in made
    assert r"50\% $\$$x$\$$ \#1" in made and "<script" not in made and made.isascii()


def test_markdown_flavours() -> None:
    block = latex_block(LINES)
    assert f"\n$$\n{block}\n$$\n" in markdown("t", SECTIONS)
    assert f"\n```math\n{block}\n```\n" in markdown("t", SECTIONS, "github")


def test_markdown_escapes_free_text() -> None:
    assert markdown_text("<b> & _x_ $y$") == r"\<b\> &amp; \_x\_ \$y\$"
    made = markdown(HOSTILE, [Section(HOSTILE, (), (HOSTILE,))])
    assert re.search(r"(?<!\\)[<`$\[]", made) is None
    assert made.startswith("# ") and made.count("\n# ") == 0


class Page(HTMLParser):
    """Collects the tags of a page and checks that they nest."""

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.seen: list[tuple[str, dict[str, str | None]]] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.seen.append((tag, dict(attrs)))
        if tag not in ("meta", "br"):
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.seen.append((tag, dict(attrs)))

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag


def test_a_page_needs_no_network_and_runs_nothing() -> None:
    page = Page()
    step = ShownStep(HOSTILE, HOSTILE, "x", "y", HOSTILE, HOSTILE)
    page.feed(html(HOSTILE, [Section(HOSTILE, (Line("x", "y", HOSTILE, (step,)),), (HOSTILE,))]))
    assert page.open == []
    tags = {tag for tag, _ in page.seen}
    assert not tags & {"script", "link", "img", "iframe", "a", "object"}
    assert not any(key.startswith("on") or key in ("src", "href") for _, attrs in page.seen for key in attrs)
    policies = [a["content"] for _, a in page.seen if a.get("http-equiv") == "Content-Security-Policy"]
    assert len(policies) == 1 and policies[0].startswith("default-src 'none'; style-src 'unsafe-inline'")


def test_a_step_shows_rule_reason_both_sides_and_shape() -> None:
    made = html("t", SECTIONS)
    item = made[made.index("<li>"):made.index("</li>")]
    assert "the ⊙ appears" in item and "Σ<sub>k</sub> δ<sub>ik</sub> v<sub>k</sub> (h ≠ 0)" in item and ">4</span>" in item
    assert item.count("<math") == 2 and item.index("diag") < item.index("⟶")


def words(latex: str) -> list[str]:
    return [node.text for node in ElementTree.fromstring(mathml(latex)).iter() if node.text and node.text.strip()]


@pytest.mark.parametrize(("latex", "expected"), [
    ("p < 1", ["p", "<", "1"]),
    (r"\mathbf{1}[z > 0]", ["𝟏", "[", "z", ">", "0", "]"]),
    (r"\operatorname{diag}(v)", ["diag", "(", "v", ")"]),
    (r"\mathrm{eps}", ["eps"]),
    (r"\operatorname{softmax}_{\text{rows}}(S)", ["softmax", "rows", "(", "S", ")"]),
    (r"\boldsymbol{\delta}", ["𝜹"]),
    (r"W^{(1)\top}", ["W", "(", "1", ")", "⊤"]),
    (r"\begin{cases} a & x > 0 \\ b & \text{otherwise} \end{cases}", ["{", "a", "x", ">", "0", "b", "otherwise"]),
])
def test_mathml_holds_the_pieces(latex: str, expected: list[str]) -> None:
    assert words(latex) == expected


def test_bars_stay_as_small_as_what_they_hold() -> None:
    root = ElementTree.fromstring(mathml(r"\lVert x \rVert^{2} + \left\lvert y \right\rvert"))
    bars = [(n.get("form"), n.get("stretchy")) for n in root.iter(M + "mo") if n.text == "‖"]
    assert bars == [("prefix", "false"), ("postfix", "false")]
    assert all(n.get("stretchy") != "false" for n in root.iter(M + "mo") if n.text == "|")


def test_a_name_of_a_function_keeps_off_the_factor_before_it() -> None:
    row = ElementTree.fromstring(mathml(r"A \operatorname{diag}(v)"))[0]
    assert [n.tag.removeprefix(M) for n in row][:3] == ["mi", "mspace", "mi"]


def test_brackets_are_as_tall_as_their_own_matrix() -> None:
    root = ElementTree.fromstring(mathml(r"\begin{bmatrix} a \\ b \end{bmatrix} \begin{bmatrix} x & y \end{bmatrix} + c"))
    rows = [[n.tag.removeprefix(M) for n in row] for row in root[0] if row.tag == M + "mrow"]
    assert rows == [["mo", "mtable", "mo"]] * 2


def test_signs_and_sums_stand_as_in_a_book() -> None:
    root = ElementTree.fromstring(mathml(r"= -(a) - b + \sum_{j} x_{j}"))
    assert [n.get("form") for n in root.iter(M + "mo") if n.text == "−"] == ["prefix", None]
    assert [n.tag.removeprefix(M) for n in root[0] if n.tag in (M + "munder", M + "msub")] == ["munder", "msub"]


@pytest.mark.parametrize("latex", [r"\hat", "a^b^c", "}{", "", r"\frac{<b>}", "{" * 3000])
def test_what_cannot_be_read_is_shown_and_stays_xml(latex: str) -> None:
    assert ElementTree.fromstring(mathml(latex)).tag == M + "math"


@pytest.mark.parametrize("model", EXAMPLES, ids=lambda p: p.stem)
def test_every_formula_of_the_examples_is_mathml(model: Path) -> None:
    derivation = sb.derive(sb.parse(model.read_text()), notation=sb.Notation.read("layers=paren,transpose=sfT,bold=yes"))
    for section in derivation.sections(derivation.writer(True), Wanted(steps=True)).all():
        for line in section.lines:
            shown = [line.left, "= " + line.right, *(side for s in line.steps for side in (s.before, s.after))]
            for latex in shown:
                root = ElementTree.fromstring(mathml(latex))
                assert root[0].tag == M + "mrow", latex
                assert not any(n.text and "\\" in n.text for n in root.iter()), latex
