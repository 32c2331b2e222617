"""Formula -> tree, as short text (see `tex_shapes`), and what the tree must keep of the source."""

from __future__ import annotations

import sys

import pytest
from tex_shapes import LECTURE, parts_of_tokens, parts_of_trees, shape

from symbackprop.errors import ParseError
from symbackprop.tex.parse import parse, parse_clauses
from symbackprop.tex.syntax import (Big, Cases, Frac, Group, Juxt, Matrix, Node, Prod, Rel, Script, Sqrt, Sum, Sym,
                                    children, walk)

BINDING = {
    r"a b \odot c": "<(a b) odot c>",
    r"X' * (h - y)": "<X' * ([h - y])>",
    r"a \odot b \cdot c / d": "<a odot b cdot c / d>",
    r"-x^2": "(-)x^2",
    r"-a \odot b + c": "[(-)<a odot b> + c]",
    "a - -b": "[a - (-)b]",
    r"a \cdot -b": "<a cdot (-)b>",
    r"\sum_i a_i b_i + c": "[sum_i:(a_i b_i) + c]",
    r"\sum_i a_i \odot b_i - c": "[sum_i:<a_i odot b_i> - c]",
    r"2 \sum_{i=1}^n x_i y": "(2 sum_{i = 1}^n:(x_i y))",
    r"\sum_i \sum_j a_{ij} = 1": "{sum_i:sum_j:a_~ij = 1}",
    r"\sum v_{i,1} * h_i": "sum:<v_i, 1 * h_i>",
    r"\sum_i -y_i \log p_i": r"sum_i:(-)(y_i \log p_i)",
    r"a \odot \sum_i x_i \odot y + c": "[<a odot sum_i:<x_i odot y>> + c]",
    r"\max(0, z)": r"(\max (0, z))",
    r"\max_k z_k - c": "[max_k:z_k - c]",
    r"\lambda_{\max} x": r"(\lambda_\max x)",
    r"\operatorname*{argmax}_x f(x)": "argmax_x:(f (x))",
    r"\partial C/\partial W": r"<(\partial C) / (\partial W)>",
    r"1/2 x": "<1 / (2 x)>",
    r"a = b = c": "{a = b = c}",
    r"a, b \in \mathbb{R}": "a, {b in R.bb}",
    r"l = 1, \dots, L": "{l = 1}, `dots, L",
    r"f : \mathbb{R} \to \mathbb{R}": "{f : R.bb to R.bb}",
    r"z > 0 \land y = 1": "{z > 0}and {y = 1}",
    r"{\partial C \over \partial W}": r"|(\partial C)/(\partial W)|",
    r"x + {a \over b} c": "[x + (|a/b| c)]",
}
SCRIPTS = {
    "v^Th": "(v^T h)",
    r"W^{\top}_1": "W_1^`top",
    r"\delta^L_j": r"\delta_j^L",
    "x''": "x''",
    r"f^{\prime\prime}": "f''",
    "h'_1": "h_1'",
    "h_1'": "h_1'",
    r"g^{[1]\prime}(z)": "(g^[1]' (z))",
    r"g^{[1]'}(z)": "(g^[1]' (z))",
    r"H^{\odot 2}": "H^(odot)2",
    "H.^2": "H^(odot)2",
    "w^{*}": "w^`*",
    r"A^{-\top}": "A^(-)`top",
    r"A^{[1]T}": "A^([1] T)",
    r"{W^l}^T x": "(W^l^T x)",
    r"X_{i,:}^T": "X_i, `:^T",
    r"X_{:,i}": "X_`:, i",
    r"x_{1:t-1}": "x_{1 : [t - 1]}",
    r"x_{i\cdot}": "x_(i `cdot)",
    r"f'(\cdot)": "(f' (`cdot))",
    "a^{<t-1>}": "a^<[t - 1]>",
    "x^{(i)<t>}": "x^((i) <t>)",
    r"\sum_{i<j} a": "sum_{i < j}:a",
    r"\sum_{\substack{i \in S \\ i \ne j}} a": "sum_{i in S}\\\\ {i != j}:a",
    "x_in": "x_~in",
    r"\alpha x_in": r"(\alpha x_i n)",
    "x**2": "x^2",
    "W1^T": "~W1^T",
    "W.T @ x": "<W^T @ x>",
    "A^-1": "A^(-)1",
    r"\tanh^2 z": r"(\tanh^2 z)",
    r"x_1\Big|_{t=0}": ".x_1|_{t = 0}",
}
VALUES = {
    "2Ax": "(2 ~Ax)",
    "XW_1": "~XW_1",
    r"dS\, W_2^{\top}": "(~dS W_2^`top)",
    r"\frac12 x": "(|1/2| x)",
    r"\frac ab c": "(|a/b| c)",
    r"\tfrac1m": "|1/m|",
    r"\frac\partial{\partial x}": r"|\partial/(\partial x)|",
    r"\sqrt[3]{x}": "sqrt_3(x)",
    r"\sqrt 2x": "(sqrt(2) x)",
    r"\hat{\mathbf y}_i": "y.bold.hat_i",
    r"\mathbf{\hat y}_i": "y.bold.hat_i",
    r"\hat{y_i}": "y.hat_i",
    r"\hat\beta": r"\beta.hat",
    r"\overline{AB}": "'AB.bar",
    r"\mathbf{Wx + b}": "[~Wx.bold + b.bold]",
    r"{\bf W}^{\rm T}": "W.bold^T",
    r"{\rm tr} A": "('tr A)",
    r"\mathcal L": "L.cal",
    r"\boldsymbol\beta": r"\beta.bold",
    r"\mathbf{1}[z>0]": "(1.bold [{z > 0}])",
    r"\mathbb 1\{y=k\}": "(1.bb {{y = k}})",
    r"\|x\|_2^2": "||x||_2^2",
    "||x||_2^2": "||x||_2^2",
    "‖x‖²": "||x||^2",
    "|a|b|c|": "(|a| b |c|)",
    "|a - |b||": "|[a - |b|]|",
    r"\log|\det X|": r"(\log |(\det X)|)",
    "p(y|x)": "(p ({y given x}))",
    r"p(y \mid |x|)": "(p ({y given |x|}))",
    r"\{x \mid x > 0\}": "{{x given x > 0}}",
    r"p \in (0,1]": "{p in (0, 1]}",
    r"p(x; \theta)": r"(p (x; \theta))",
    r"\left\| x \right\|": "||x||",
    r"\begin{bmatrix} a & b \\ c & d \\ \end{bmatrix}": "bmatrix/a&b/c&d",
    r"\begin{cases} 1, & \text{if } z > 0 \\ 0, & \text{otherwise.} \end{cases}": "cases/1&{z > 0}/0&-",
    r"\begin{cases} 1 & \text{if $z > 0$} \\ 0 & \text{else} \end{cases}": "cases/1&{z > 0}/0&-",
    r"\begin{cases} z & z > 0 \text{ and } y = 1 \\ 0 & z \le 0 \end{cases}": "cases/z&{z > 0}and {y = 1}/0&{z <= 0}",
    r"\begin{cases} a & \text{if } j \text{ is hidden} \\ b & \text{if even} \end{cases}":
        "cases/a&(j ?is hidden)/b&?if even",
    r"\underbrace{a + b}_{z} + c": "[underbrace[a + b]_z + c]",
    r"\boxed{a = b}": "{a = b}",
    r"\nabla_{W^{(l)}} C": r"(\nabla_W^(l) C)",
    r"grads['W1']": '(~grads ["W1])',
    "100000000!": "(!)100000000",
    "9^{9^{9^{9}}}": "9^9^9^9",
}


@pytest.mark.parametrize(("text", "tree"), [*BINDING.items(), *SCRIPTS.items(), *VALUES.items()])
def test_trees(text: str, tree: str) -> None:
    assert shape(parse(text)) == tree


CLAUSES = {
    r"x \in \mathbb{R}^n, \; y \in R^k": ["|{x in R.bb^n}", ",|{y in R^k}"],
    r"h = \sigma(z) \qquad y = W h,": [r"|{h = (\sigma (z))}", "qquad|{y = (W h)}"],
    r"a = b \quad = c": ["|{a = b = c}"],
    r"a = b \quad \text{for } l = 1, \dots, L.": ["|{a = b}", "quad|for|{l = 1}, `dots, L"],
    r"a = b \text{ if $A$ is symmetric}": ["|{a = b}", "|if|A", "|is symmetric|-"],
    r"a = b \Rightarrow c = d": ["|{a = b}", "implies|{c = d}"],
    r"a &= b \\ &= c \\ & + d \\ e &= f": ["|{a = b = [c + d]}", "|{e = f}"],
    r"a &= b & c &= d": ["|{a = b}", "align|{c = d}"],
    r"a & = & b": ["|{a = b}"],
    r"a &= \left( b \right. \\ & \left. + c \right)": ["|{a = ([b + c])}"],
    r"a = 1 \\ -b = 2": ["|{a = 1}", "|{(-)b = 2}"],
    r"a = b + \\ c": ["|{a = [b + c]}"],
    r"x; y = 2;": ["|x", ";|{y = 2}"],
    r"a = b \quad + c": ["|{a = [b + c]}"],
    r"a = b \quad -c": ["|{a = [b - c]}"],
    r"a = b \quad -c = d": ["|{a = b}", "quad|{(-)c = d}"],
    r"a &= b & + c": ["|{a = [b + c]}"],
    r"a = b & + c": ["|{a = [b + c]}"],
    r"a &= b \\ & - c \\ & + d = e": ["|{a = [b - c + d] = e}"],
    r"a = b \\ \rightarrow c = d": ["|{a = b}", "implies|{c = d}"],
    r"a = b \text{ (chain rule)}": ["|{a = b}", "|(chain rule)|-"],
    r"\text{Step 1: } L = x": ["|Step 1:|{L = x}"],
}


@pytest.mark.parametrize("text", CLAUSES)
def test_clauses(text: str) -> None:
    found = [f"{c.sep.replace('&', 'align')}|{c.lead + '|' if c.lead else ''}{shape(c.node)}"
             for c in parse_clauses(text)]
    assert found == CLAUSES[text]


REFUSED = {
    r"\left( (a - y) \odot (1 - a^2 \right) x^T": (22, "`(` is not closed"),
    "(a + b": (1, "`(` is not closed"),
    "a)": (2, "closes nothing"),
    r"\left( a \right]": (1, "is not closed"),
    r"\left( a \right.": (1, "is not closed"),
    "(a, b]": (1, "is not closed"),
    "|x|y|": (5, "value is missing"),
    "x +": (3, "ends where a value is missing"),
    "= c": (1, "nothing stands before"),
    "a,,b": (3, "value is missing"),
    ",a": (1, "stands after nothing"),
    "x y. z": (4, "a point in the middle"),
    "()": (1, "empty brackets"),
    "x_{}": (3, "empty braces"),
    r"x^2^3 \alpha": (4, "two superscripts"),
    "x_1_2": (4, "two subscripts"),
    r"\alpha x^10": (10, "write ^{10}"),
    r"\alpha A^-1": (10, "write ^{-…}"),
    r"\alpha x^(2)": (10, "write ^{(…)}"),
    r"\alpha x_i2": (10, "only the i"),
    "2{a + b}": (2, "braces do not print"),
    "{a + b}c": (1, "braces do not print"),
    "a - {b + c}": (5, "braces do not print"),
    "{-x}y": (1, "braces do not print"),
    "{a b}^2": (1, "braces do not print"),
    r"\sum_i {a + b}": (8, "braces do not print"),
    r"\hat{x + y}": (1, r"\hat over more than one symbol"),
    r"a \over b": (3, r"\over without braces"),
    "2 3": (3, "two numbers side by side"),
    r"\begin{bmatrix} a & b \\ c \end{bmatrix}": (26, "a row of 1 entries under a row of 2"),
    r"\begin{bmatrix} a & \\ c & d \end{bmatrix}": (21, "an empty entry"),
    r"\sum_i": (6, "value is missing"),
    r"x^\to": (2, "nothing stands after ^"),
    r"a \text{ and": (3, "braces"),
    r"a \text{+} b": (3, "only words"),
    r"a \text{2} b": (3, "only words"),
    r"a \text{ - } b": (3, "only words"),
    r"\underset{w}{a + b} c": (1, "only under an operator"),
    "lambda: 1": (1, "a number after `:`"),
    "": (1, "there is no formula here"),
    "%only comment": (1, "there is no formula here"),
}


@pytest.mark.parametrize("text", REFUSED, ids=lambda t: t[:24])
def test_refusals(text: str) -> None:
    column, message = REFUSED[text]
    with pytest.raises(ParseError) as caught:
        parse_clauses(text)
    assert caught.value.column == column
    assert message in str(caught.value)


@pytest.mark.parametrize("text", LECTURE)
def test_lecture_formulas_use_every_token(text: str) -> None:
    assert parts_of_trees(parse_clauses(text)) == parts_of_tokens(text)


def test_there_are_a_hundred() -> None:
    assert len(LECTURE) >= 100


@pytest.mark.parametrize("text", LECTURE)
def test_every_node_is_what_its_own_characters_say(text: str) -> None:
    """The span of a bracket, fraction, sum … read alone gives the same node (fonts act from outside)."""
    if any(word in text for word in ("math", "bold", r"\rm", r"\bf", r"\cal", r"\over", "aligned", "under", "large",
                                     r"\text{where", r"\text{ is")):
        return
    kinds = (Group, Frac, Sqrt, Script, Juxt, Sum, Prod, Rel, Matrix, Cases, Big)
    for clause in parse_clauses(text):
        for tree, _ in walk(clause.node) if clause.node else ():
            start, end = tree.span
            if isinstance(tree, kinds) and not _only_in_a_script(tree):
                assert parse(text[start:end]) == tree


def _only_in_a_script(tree: Node) -> bool:
    """A lone operator, and `<t>` as brackets."""
    return any(isinstance(x, Sym) and x.kind == "mark" or isinstance(x, Group) and x.open == "<" for x, _ in walk(tree))


def test_children_are_in_reading_order() -> None:
    tree = parse(r"a_i^2 = \frac{b}{c} \sum_{j=1}^n \sqrt{d} + \begin{bmatrix} e & f \end{bmatrix}")
    names = [x.name for x, _ in walk(tree) if isinstance(x, Sym)]
    assert names == ["a", "i", "b", "c", "j", "n", "d", "e", "f"]
    assert children(parse("x")) == ()


def test_equality_ignores_where_a_node_stands() -> None:
    assert parse("a + b") == parse("a   +   b")
    assert parse("a b") != parse("ab")


@pytest.mark.parametrize("text", ["(" * 99 + "x" + ")" * 99, "x^{" * 99 + "x" + "}" * 99,
                                  r"\frac{1}{" * 99 + "x" + "}" * 99, r"\hat{" * 99 + "x" + "}" * 99,
                                  r"\left(" * 99 + "x" + r"\right)" * 99, r"\boxed{" * 99 + "x" + "}" * 99,
                                  r"\begin{bmatrix}" * 99 + "x" + r"\end{bmatrix}" * 99])
def test_deepest_nesting_stays_far_from_the_limit_of_python(text: str) -> None:
    """A hundred levels, from a stack that is already three hundred calls deep."""
    assert 300 + 99 * 6 < sys.getrecursionlimit()

    def deep(calls: int) -> Node:
        return deep(calls - 1) if calls else parse(text)

    deep(300)
