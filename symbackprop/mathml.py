"""LaTeX that we printed -> MathML, through latex2mathml, one formula at a time; the result is well-formed XML.

Never fed with a user's own LaTeX: latex2mathml lets markup through. Aligned blocks are laid out by the page instead,
because latex2mathml leaves their `&` bare.
"""

from __future__ import annotations

import re
from xml.etree import ElementTree

from latex2mathml.converter import convert

SUBSTITUTES = ((r"\operatorname", r"\mathrm"), (r"\mathbf{1}", "1"))
NAMESPACE = "http://www.w3.org/1998/Math/MathML"
ElementTree.register_namespace("", NAMESPACE)


def mathml(latex: str) -> str:
    """One formula as a `math` element."""
    text = re.sub(r"\\operatorname\{([A-Za-z0-9]+)\}", r"\\text{\1}", latex)
    text = re.sub(r"\\mathrm\{([A-Za-z0-9]{2,})\}", r"\\text{\1}", text)
    root = ElementTree.fromstring(convert(text))
    for node in root.iter():
        if node.get("mathvariant") == "bold" and node.text == "1":
            node.text = "\U0001d7cf"  # engines ignore mathvariant on digits
            del node.attrib["mathvariant"]
    return ElementTree.tostring(root, encoding="unicode")
