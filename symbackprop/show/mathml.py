"""LaTeX that we printed -> MathML, through latex2mathml, one formula at a time; the result is well-formed XML.

Never fed with a user's own LaTeX: latex2mathml lets markup through. Aligned blocks are laid out by the page instead,
because latex2mathml leaves their `&` bare. What browsers read otherwise than TeX does is put right in the tree: names
of functions, bars, and bold letters (MathML Core knows no `mathvariant` but normal).
"""

from __future__ import annotations

import re
from html import escape
from xml.etree import ElementTree
from xml.etree.ElementTree import Element

from latex2mathml.converter import convert

from .page import Formula, Note

NAMESPACE = "http://www.w3.org/1998/Math/MathML"
TAG = f"{{{NAMESPACE}}}"
BARS = re.compile(r"(\\left|\\right)?\\([lr])[vV]ert(?![A-Za-z])")
# First and last letter of a run, and where it begins among the mathematical alphabets of Unicode.
BOLD = (("0", "9", 0x1D7CE), ("A", "Z", 0x1D400), ("a", "z", 0x1D41A), ("Α", "Ω", 0x1D6A8), ("α", "ω", 0x1D6C2))
BOLD_ITALIC = (("A", "Z", 0x1D468), ("a", "z", 0x1D482), ("Α", "Ω", 0x1D71C), ("α", "ω", 0x1D736))
ElementTree.register_namespace("", NAMESPACE)


def mathml(latex: str) -> str:
    """One formula as a `math` element; a formula that latex2mathml cannot read is shown as its LaTeX."""
    try:
        root = ElementTree.fromstring(convert(with_upright_names(latex)))
    except Exception:  # latex2mathml raises whatever its reading ran into
        shown = "".join(c for c in latex if c.isprintable())
        return f'<math xmlns="{NAMESPACE}"><mtext>{escape(shown)}</mtext></math>'
    root.set("displaystyle", "true")
    set_bars(root, latex)
    for node in root.iter():
        set_bold(node)
        if node.tag == TAG + "mo" and node.text and len(node.text) > 1 and node.text.isalpha():
            node.tag = TAG + "mi"
            node.attrib.clear()
    for node in list(root.iter()):
        set_limits(node)
        if len(node):
            set_matrices(node)
            set_signs(node)
    for node in list(root.iter(TAG + "mrow")):
        set_spaces(node)
    return ElementTree.tostring(root, encoding="unicode")


def mixed(note: Note) -> str:
    """Words and formulas of a note as one `math` element."""
    root = Element(TAG + "math")
    for piece in (note,) if isinstance(note, str) else note:
        if isinstance(piece, Formula):
            root.extend(ElementTree.fromstring(mathml(piece)))
        else:
            ElementTree.SubElement(root, TAG + "mtext").text = piece.replace(" ", "\u00a0")
    return ElementTree.tostring(root, encoding="unicode")


def with_upright_names(latex: str) -> str:
    """Words of several letters as one word each; latex2mathml would set \\mathrm letter by letter."""
    return re.sub(r"\\mathrm\{([A-Za-z0-9]{2,})\}", r"\\operatorname{\1}", latex)


def set_bars(root: Element, latex: str) -> None:
    """Bars that were not written with \\left and \\right keep their height, and stand close to what they hold."""
    forms = ["prefix" if found[2] == "l" else "postfix" for found in BARS.finditer(latex) if not found[1]]
    bars = [n for n in root.iter(TAG + "mo") if n.text in ("‖", "|") and "stretchy" not in n.attrib]
    for node, form in zip(bars, forms):
        node.attrib.update(form=form, stretchy="false", lspace="0", rspace="0")


def set_bold(node: Element) -> None:
    """Bold letters and digits as characters of their own."""
    variant = node.get("mathvariant", "")
    if not variant.startswith("bold"):
        return
    del node.attrib["mathvariant"]
    for first, last, start in BOLD_ITALIC if variant == "bold-italic" else BOLD:
        if node.text and len(node.text) == 1 and first <= node.text <= last:
            node.text = chr(start + ord(node.text) - ord(first))
            return


def set_limits(node: Element) -> None:
    """The index of a sum goes below it."""
    if node.tag == TAG + "msub" and node[0].text == "∑":
        node.tag = TAG + "munder"


def set_matrices(row: Element) -> None:
    """A matrix is a row of its own with its brackets, which then are as tall as it is."""
    for table in [node for node in row if node.tag == TAG + "mtable"]:
        at = list(row).index(table)
        if not 0 < at < len(row) - 1:
            continue
        before, after = row[at - 1], row[at + 1]
        if before.tag == after.tag == TAG + "mo" and before.text in ("[", "("):
            made = Element(TAG + "mrow")
            made.extend((before, table, after))
            row[at - 1:at + 2] = [made]


def set_signs(row: Element) -> None:
    """A minus after a sign or an opening bracket stands close to what it is of."""
    for before, node in zip(row, list(row)[1:]):
        if node.tag == before.tag == TAG + "mo" and node.text in ("−", "-") and before.text not in (")", "]", "‖", "|"):
            node.set("form", "prefix")


def set_spaces(row: Element) -> None:
    """A thin space between a factor and the name of a function: `A diag(v)`."""
    children = list(row)
    for at in range(len(children) - 1, 0, -1):
        before = children[at - 1]
        if is_name(children[at]) and (before.tag != TAG + "mo" or before.text in (")", "]", "‖", "|")):
            row.insert(at, Element(TAG + "mspace", width="0.1667em"))


def is_name(node: Element) -> bool:
    """Whether a piece is, or begins with, a word."""
    first = next(part for part in node.iter() if not len(part))
    return first.tag == TAG + "mi" and len(first.text or "") > 1 and (first.text or "").isalpha()
