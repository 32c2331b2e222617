"""LaTeX of single nodes, against strings written by hand."""

from __future__ import annotations

import pytest
import sympy as sp

import symbackprop.ops as ops
from symbackprop.algebra import add, contract, hadamard, negative, power, total
from symbackprop.expr import Const, Delta, Expr, Map, Ones, Var, function, size
from symbackprop.notation import Notation
from symbackprop.ops.tensor import apply
from symbackprop.tex.write import LatexWriter, add_subscript, split_scripts

ops.load()
M, N = size("m"), size("n")
A, W, W1 = Var("A", (N, N)), Var("W", (M, N)), Var("W1", (M, N))
X, Z = Var("X", (N, M)), Var("Z", (M, N))
b, h, x, z = Var("b", (M,)), Var("h", (N,)), Var("x", (N,)), Var("z", (N,))
s = Var("s", ())


def times(left: Expr, right: Expr) -> Expr:
    """The matrix product."""
    if right.rank == 1:
        return contract((left, right), ((0, 1), (1,)), (0,))
    return contract((left, right), ((0, 1), (1, 2)), (0, 2))


def turned(matrix: Expr, vector: Expr) -> Expr:
    return contract((matrix, vector), ((0, 1), (0,)), (1,))


def call(name: str, *args: Expr) -> Expr:
    return Map(function(name), args)


def tex(node: Expr, notation: str = "") -> str:
    return LatexWriter(Notation.read(notation)).write(node)


HALF = Const(sp.Rational(1, 2))
CASES = {
    r"W x": times(W, x),
    r"W^{\top} b": turned(W, b),
    r"b x^{\top}": contract((b, x), ((0,), (1,)), (0, 1)),
    r"h \odot (1 - h)": hadamard(h, add((Ones((N,)), negative(h)))),
    r"W \mathbf{1}": contract((W,), ((0, 1),), (0,)),
    r"\lVert x \rVert^{2}": total(power(x, 2)),
    r"\frac{1}{2} \lVert x - z \rVert^{2}": contract((HALF, total(power(add((x, negative(z))), 2))), ((), ()), ()),
    r"\operatorname{tr}(A)": contract((A,), ((0, 0),), ()),
    r"\operatorname{diag}(x)": contract((x, Delta(N)), ((0,), (0, 1)), (0, 1)),
    r"\sigma(z)": call("sigmoid", z),
    r"\sigma'(z)": Map(function("sigmoid", (), (0,)), (z,)),
    r"\lvert x \rvert": call("abs", x),
    r"\mathbf{1}[z > 0]": call("step", z),
    r"\mathbf{1}[z > x]": call("gt", z, x),
    r"\begin{cases} x & z > h \\ h & \text{otherwise} \end{cases}": call("where", call("gt", z, h), x, h),
    r"\operatorname{softmax}(z)": apply("softmax", z, params=(0,)),
    r"\operatorname{softmax}_{\text{rows}}(Z)": apply("softmax", Z, params=(1,)),
    r"A^{-1}": apply("inv", A),
    r"\sqrt{s}": Map(function("pow", (sp.Rational(1, 2),)), (s,)),
    r"W^{\odot 2}": power(W, 2),
    r"h^{2}": power(h, 2),
    r"x \oslash h": hadamard(x, power(h, -1)),
}


@pytest.mark.parametrize("expected", CASES)
def test_pieces_look_as_in_a_paper(expected: str) -> None:
    assert tex(CASES[expected]) == expected


@pytest.mark.parametrize(("mark", "plain", "labelled"), [
    ("top", r"W^{\top} b", r"W^{(1)\top} b"), ("T", "W^{T} b", "W^{(1)T} b"),
    ("intercal", r"W^{\intercal} b", r"W^{(1)\intercal} b"),
    ("sfT", r"W^{\mathsf{T}} b", r"W^{(1)\mathsf{T}} b"), ("prime", "W' b", r"W^{(1)\prime} b")])
def test_transposes_never_meet_a_superscript(mark: str, plain: str, labelled: str) -> None:
    assert tex(turned(W, b), f"transpose={mark}") == plain
    assert tex(turned(W1, b), f"transpose={mark},layers=paren") == labelled


def test_inverse_transpose_follows_the_notation() -> None:
    node = contract((apply("inv", A), x), ((0, 1), (0,)), (1,))
    assert tex(node) == r"A^{-\top} x"
    assert tex(node, "transpose=T") == "A^{-T} x"
    assert tex(node, "transpose=prime") == r"A^{-1\prime} x"
    assert tex(node, "A=A^{(1)}") == r"(A^{(1)})^{-\top} x"


def test_a_power_of_a_labelled_name_is_bracketed() -> None:
    assert tex(power(Var("h1", (N,)), 2), "layers=bracket") == "(h^{[1]})^{2}"


def test_own_names_win_and_bold_is_for_tensors() -> None:
    assert tex(times(W, x), "W=V_{0}") == "V_{0} x"
    assert tex(contract((s, x), ((), (0,)), (0,)), "bold=yes") == r"s \mathbf{x}"
    assert tex(hadamard(h, x), "hadamard=circ") == r"h \circ x"


def test_only_tall_things_get_tall_brackets() -> None:
    half = contract((HALF, Ones((N,))), ((), (0,)), (0,))
    assert tex(call("exp", add((x, half)))).startswith(r"\exp\left( x + \frac{1}{2}")
    assert tex(call("exp", add((x, h)))) == r"\exp(x + h)"


def test_partial_derivatives_and_function_exponents_are_tex() -> None:
    g = function("g", (), (1,), None, True)
    assert tex(Map(g, (x, h))) == r"\partial_{2} g(x, h)"
    assert tex(call("power", x, h)) == "x^{h}"


def test_scripts_of_the_last_symbol() -> None:
    assert split_scripts(r"W^{(1)}_{2}") == ("W", "2", "(1)")
    assert split_scripts(r"z_h") == ("z", "h", "")
    assert split_scripts(r"f'") == ("f", "", r"\prime")
    assert split_scripts(r"\hat{y}") == (r"\hat{y}", "", "")
    assert add_subscript("W_{1}", "ij") == "W_{1,ij}"
    assert add_subscript("W^{(1)}", "ij") == "W^{(1)}_{ij}"
    assert add_subscript(r"\frac{\partial C}{\partial W_{1}}", "ij") == r"\frac{\partial C}{\partial W_{1,ij}}"
