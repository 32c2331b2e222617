"""Inputs nobody would write: made from grammars of the three languages, broken copies of real texts, and all beginnings of formulas.

Input number k of a seed is always the same. A kind is the ending of the file that the input pretends to be.
"""

from __future__ import annotations

import json
import random
from functools import lru_cache
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).resolve().parent.parent
FORMULAS, LONGEST = 500, 90


class Input(NamedTuple):
    """`kind`: tex, md, ipynb, net, py, or formula (one formula, read alone)."""

    kind: str
    source: str
    data: bytes


# --- texts to begin with ---

@lru_cache
def corpus() -> dict[str, list[bytes]]:
    """Real texts by kind."""
    texts: dict[str, list[bytes]] = {"tex": [], "net": [], "py": []}
    for path in sorted([*(ROOT / "examples").iterdir(), *(ROOT / "tests" / "code").glob("*.py")]):
        if path.suffix[1:] in texts:
            texts[path.suffix[1:]].append(path.read_bytes())
    lecture = lecture_formulas()
    texts["tex"] += ["\n".join(lecture[k:k + 6]).encode() for k in range(0, len(lecture), 6)]
    return texts


def lecture_formulas() -> list[str]:
    text = (ROOT / "tests" / "lecture_formulas.txt").read_text(encoding="utf-8")
    return [line for line in text.splitlines() if line and not line.startswith("%")]


@lru_cache
def valid_formulas() -> list[str]:
    """Formulas that are read: from lecture notes, then grammar-made ones."""
    from symbackprop.errors import SymbackpropError
    from symbackprop.tex.parse import parse_clauses
    draw, found = random.Random("valid"), [f for f in lecture_formulas() if len(f) <= LONGEST]
    while len(found) < FORMULAS:
        made = f"{latex_name(draw)} = {latex(draw, 3)}"
        try:
            parse_clauses(made)
        except SymbackpropError:
            continue
        if len(made) <= LONGEST and made not in found:
            found.append(made)
    return found[:FORMULAS]


@lru_cache
def beginnings() -> list[bytes]:
    """Every proper prefix of the valid formulas."""
    return [f[:end].encode() for f in valid_formulas() for end in range(len(f))]


# --- LaTeX ---

NAMES = ("W", "x", "b", "z", "a", "y", "C", "h", "W_1", "b^{(l)}", r"\delta^{l}", r"\hat{y}", r"\mathbf{x}", "dW", r"\theta", "X", "n", "h_{t-1}", "ŷ", "δ")
BINARY = (" + ", " - ", " ", r" \odot ", r" \circ ", r" \cdot ", " * ", r" \otimes ", "/", " = ")
FUNCTIONS = (r"\sigma", r"\tanh", r"\exp", r"\log", r"\mathrm{softmax}", r"\operatorname{ReLU}", "f", r"\sigma'", r"\operatorname{diag}", r"\operatorname{tr}", r"\det")


def latex_name(draw: random.Random) -> str:
    return draw.choice(NAMES)


def latex(draw: random.Random, depth: int) -> str:
    """A formula, most of the time a well-formed one."""
    if depth <= 0 or draw.random() < 0.2:
        return draw.choice((latex_name(draw), latex_name(draw), str(draw.randint(0, 12)), r"\frac12", "0.5", "10^{10^{10}}", "9" * draw.randint(1, 40)))
    one, two = latex(draw, depth - 1), latex(draw, depth - 1)
    return draw.choice((
        lambda: one + draw.choice(BINARY) + two, lambda: one + draw.choice(BINARY) + two, lambda: rf"\frac{{{one}}}{{{two}}}",
        lambda: rf"{draw.choice(FUNCTIONS)}({one})", lambda: rf"({one})^{draw.choice(('T', '2', '{-1}', chr(92) + 'top', '{' + two + '}'))}",
        lambda: rf"\left\|{one}\right\|^2", lambda: rf"\sum_{{{draw.choice('ijk')}=1}}^{{{draw.choice(('n', 'm', '3', '10^9'))}}} {one}",
        lambda: rf"\frac{{\partial C}}{{\partial {latex_name(draw)}}}", lambda: rf"\begin{{pmatrix}} {one} & {two} \\ {two} & {one} \end{{pmatrix}}",
        lambda: rf"-{one}", lambda: rf"\sqrt{{{one}}}", lambda: rf"\mathbf{{1}}[{one} > 0]", lambda: rf"{{{one}}}_{{{draw.choice('ijkl')}}}"))()


def latex_line(draw: random.Random) -> str:
    size = draw.choice(("n", "m", "3", "n_l", "k", "10^{9}", "-1", "2.5"))
    return draw.choice((
        lambda: rf"{latex_name(draw)} \in \mathbb{{R}}^{{{size} \times {draw.choice('nmk')}}}", lambda: rf"{latex_name(draw)}, {latex_name(draw)} \in \mathbb{{R}}^{{{size}}}",
        lambda: f"{latex_name(draw)} = {latex(draw, 3)}", lambda: f"{latex_name(draw)} = {latex(draw, 2)}", lambda: rf"C = \frac12 \sum_i ({latex(draw, 1)})^2",
        lambda: rf"\frac{{\partial C}}{{\partial {latex_name(draw)}}} = {latex(draw, 3)}", lambda: rf"d{draw.choice('WXbz')} = {latex(draw, 2)}",
        lambda: rf"\mathbf{{1}}^\top {latex_name(draw)} = 1", lambda: f"{latex(draw, 2)} = {latex(draw, 2)}"))()


def latex_document(draw: random.Random) -> bytes:
    return "\n".join(latex_line(draw) for _ in range(draw.randint(1, 9))).encode()


def markdown(draw: random.Random) -> bytes:
    opening, closing = draw.choice((("$", "$"), ("$$", "$$"), (r"\[", r"\]"), ("```math\n", "\n```"), (r"\begin{align}", r"\end{align}"), ("$", "")))
    return "\n\n".join(f"Text {opening}{latex_line(draw)}{closing} and `code`." for _ in range(draw.randint(1, 5))).encode()


def notebook(draw: random.Random) -> bytes:
    cells = [{"cell_type": draw.choice(("markdown", "code")), "source": markdown(draw).decode().splitlines(True)} for _ in range(draw.randint(1, 3))]
    return json.dumps({"cells": cells, "nbformat": 4}).encode()


# --- models in Python syntax ---

CALLS = ("sigmoid", "tanh", "relu", "exp", "log", "sum", "mean", "softmax", "outer", "diag", "trace", "det", "inv", "einsum", "where", "maximum", "concatenate",
         "norm", "logsumexp", "var", "reshape", "f", "np.sqrt", "np.dot", "transpose", "cross_entropy", "max", "abs", "ones", "zeros", "eye")
TENSORS = ("x", "y", "W1", "b1", "W2", "z", "h", "A", "X", "C", "n", "f", "eta")
ENDLESS = ("10**10", "9**9**9", "1e400", "0", "1/0", "-1", "2.5", "1" * 60, "True", "None", "'s'", "x.__class__", "(lambda: 1)()", "[i for i in x]", "1j")


def numpy_text(draw: random.Random, depth: int) -> str:
    """An expression of NumPy."""
    if depth <= 0 or draw.random() < 0.2:
        return draw.choice(ENDLESS) if draw.random() < 0.1 else draw.choice((*TENSORS, str(draw.randint(0, 5))))
    one, two = numpy_text(draw, depth - 1), numpy_text(draw, depth - 1)
    return draw.choice((
        lambda: f"{one} {draw.choice('+-*/@')} {two}", lambda: f"({one} {draw.choice('+-*/@')} {two})", lambda: f"{one} @ {two}", lambda: f"{draw.choice(CALLS)}({one})",
        lambda: f"{draw.choice(CALLS)}({one}, {two})", lambda: f"{draw.choice(CALLS)}({one}, axis={draw.randint(-2, 3)}, keepdims=True)", lambda: f"({one}).T",
        lambda: f"({one})**{draw.choice(('2', '-1', '0.5', '999', 'n', '10**9'))}", lambda: f"-{one}", lambda: f"({one})[:, None]", lambda: f"einsum('ij,jk->ik', {one}, {two})",
        lambda: f"({one}).sum(axis=0)", lambda: f"({one} > {two})", lambda: f"({one})[{draw.choice(('0', '-1', '::2', 'None, ...', 'n', 'range(n), y'))}]"))()


def model_line(draw: random.Random) -> str:
    name = draw.choice(TENSORS)
    return draw.choice((
        lambda: f"{name}: R[{draw.choice(('3', 'n', 'm, n', '10**9', '1000000000', '0', 'n - n', '2 * n', 'n // 2', '2, 3, 4'))}]", lambda: f"{name}: R",
        lambda: f"{name} = {numpy_text(draw, 3)}", lambda: f"C = sum({numpy_text(draw, 2)})", lambda: f"f = lambda t: {numpy_text(draw, 2).replace('x', 't')}",
        lambda: f"fact: {draw.choice(('sum(y) == 1', 'A == A.T', 'x > 0', '0 < x < 1', 'y in {0, 1}', numpy_text(draw, 1) + ' == 1'))}",
        lambda: f"grad(C, {name}) == {numpy_text(draw, 2)}", lambda: f"{name}: elementwise", lambda: f"{name}: R[n] as \"{latex(draw, 1)}\""))()


def model(draw: random.Random) -> bytes:
    head = "x: R[n]; y: R[m]; W1: R[m, n]; b1: R[m]\nz = W1 @ x + b1; h = sigmoid(z)\nC = sum((h - y)**2) / 2\n" if draw.random() < 0.6 else ""
    return (head + draw.choice(("\n", "; ")).join(model_line(draw) for _ in range(draw.randint(1, 6)))).encode()


# --- hand-written code ---

LINES = ("{n} = {e}", "{n} = {e}", "{n} = {e}", "{n} += {e}", "{n} -= lr * d{n}", "d{n} = {e}", "d{n} = {e}", "self.{n} = {e}", "grads['{n}'] = {e}", "{n}[{n} <= 0] = 0", "{n}[range(len(X)), y] -= 1",
         "{n}, {m} = {e}, {e}", "loss = np.sum(({e})**2) / 2", "for i in range({k}):\n    {n} = {e}", "if {e}:\n    {n} = {e}", "while {e}:\n    {n} = {e}", "{n} = np.zeros(({k}, {k}))",
         "{n} = np.random.randn({k}, {k})", "{n} = [{e}, {e}]", "{n} = {{'W': {e}}}", "{n} = [0] * {k}", "{n} = '{n}' * {k}", "{n} = {n} * {n}", "{n} = f'{{{n}}}{{{n}}}'", "{n} = [*{n}, *{n}]",
         "def {n}(x, k={k}):\n    return {e}", "{n} = {n}({e})", "{n} = lambda x: {e}", "{n}.append({e})", "{n}.extend({n})", "assert {e}", "return {e}", "yield {e}", "del {n}", "global {n}", "import os",
         "with open({e}) as {n}:\n    pass", "try:\n    {n} = {e}\nexcept Exception:\n    pass", "print({e})", "{n} = {n}.reshape({k}, -1)", "exec({e})", "{n} = str({e})", "{n} = range({k})", "break",
         "{n} = list(range({k}))", "{n} = sum([{e}] * {k})", "{n} = {{**{n}, 'a': {e}}}", "{n} = {n}.T", "{n} = np.exp({n} - np.max({n}, axis=1, keepdims=True))", "{n} = {n} / {n}.sum(axis=1, keepdims=True)")


def code_line(draw: random.Random) -> str:
    line = draw.choice(LINES)
    while (at := line.find("{e}")) >= 0:
        line = line[:at] + numpy_text(draw, 2).replace("{", "(").replace("}", ")") + line[at + 3:]
    return line.format(n=draw.choice(TENSORS), m=draw.choice(TENSORS), k=draw.choice(("3", "10", "n", "10**6", "10**9", "64", "X.shape[0]")))


def block(draw: random.Random, margin: str) -> str:
    return "\n".join(margin + row for _ in range(draw.randint(1, 5)) for row in code_line(draw).split("\n"))


def code(draw: random.Random) -> bytes:
    forward = "z = W1 @ x + b1\nh = 1 / (1 + np.exp(-z))\nloss = np.sum((h - y)**2) / 2\n" if draw.random() < 0.5 else ""
    body = draw.choice((
        lambda: f"def train(X, y, W1, b1, lr):\n    x = X\n    {forward.replace(chr(10), chr(10) + '    ')}\n{block(draw, '    ')}\n",
        lambda: f"class Net:\n    def __init__(self, n):\n{block(draw, '        ')}\n    def forward(self, x):\n{block(draw, '        ')}\n        return x\n"
                f"    def backward(self, dout):\n{block(draw, '        ')}\n        return dout\n",
        lambda: f"x = np.random.randn(3)\ny = 1\n{block(draw, '')}\n"))()
    return ("import numpy as np\n" + body).encode()


# --- broken copies ---

SPLINTERS = (b"\\frac{", b"}", b"{", b"^", b"_", b"&", b"\\\\", b"$", b"\\begin{", b"\\end{", b"\0", b"\xff", b"\xef\xbb\xbf", b"\r\n", b"\t", b"\xe2\x80\xae", b"\xd0\xb0", b"\xe2\x80\x8b",
             b"(", b")", b"[", b"]", b"**", b"@", b".T", b"==", b":", b";", b"\n", b"    ", b"lambda", b"'", b'"', b"#", b"%", b"9" * 50, b"1e999", b"10**10", b"\\input{x}",
             b"\\def\\a{\\a\\a}\\a", b"__import__('os')", b"\xf0\x9d\x90\x96", b"\xef\xbc\xb7", b"R[", b"self.", b"return ", b"grad(C, ")


def mutated(draw: random.Random, kind: str) -> bytes:
    """A real text with a few places changed."""
    texts = corpus()[kind if kind in ("net", "py") else "tex"]
    data = bytearray(draw.choice(texts))
    if len(data) > 1500 and draw.random() < 0.7:
        start = draw.randrange(len(data) - 1000)
        data = data[start:start + 1000]
    for _ in range(draw.randint(1, 6)):
        at = draw.randrange(len(data) + 1)
        match draw.randrange(6):
            case 0:
                del data[at:at + draw.randint(1, 20)]
            case 1:
                data[at:at] = data[at:at + draw.randint(1, 60)]
            case 2:
                data[at:at] = draw.choice(SPLINTERS) * draw.choice((1, 1, 1, 1, 2, 40))
            case 3:
                data[at:at + 1] = bytes([draw.randrange(256)])
            case 4:
                other = draw.choice(texts)
                begin = draw.randrange(len(other))
                data[at:at] = other[begin:begin + draw.randint(1, 80)]
            case _:
                data[at:at + draw.randint(0, 3)] = draw.choice(SPLINTERS)
    found = bytes(data)
    if kind == "md":
        return b"Text $$" + found + b"$$ more"
    if kind == "ipynb":
        return json.dumps({"cells": [{"cell_type": "markdown", "source": "$" + found.decode(errors="replace") + "$"}]}).encode()
    return found


# A row: kind, how it is made, and its share beside the prefixes.
SOURCES = (("tex", "grammar", latex_document, 22), ("formula", "grammar", lambda draw: latex(draw, 4).encode(), 20), ("md", "grammar", markdown, 4), ("ipynb", "grammar", notebook, 3),
           ("net", "grammar", model, 18), ("py", "grammar", code, 8), ("tex", "mutated", None, 12), ("md", "mutated", None, 3), ("ipynb", "mutated", None, 2),
           ("net", "mutated", None, 10), ("py", "mutated", None, 6))


def make(seed: int, number: int) -> Input:
    """Input `number` of a seed; the prefixes come first."""
    if number < len(beginnings()):
        return Input("formula", "prefix", beginnings()[number])
    return drawn(seed, number)


def drawn(seed: int, number: int) -> Input:
    """An input from a grammar or a mutation."""
    draw = random.Random(f"{seed}:{number}")
    kind, source, maker, _ = draw.choices(SOURCES, [row[3] for row in SOURCES])[0]
    return Input(kind, source, maker(draw) if maker else mutated(draw, kind))
