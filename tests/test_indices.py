"""Index form, in text and LaTeX, against strings written by hand."""

from __future__ import annotations

import pytest
import sympy as sp

import symbackprop as sb
import symbackprop.ops as ops
from symbackprop.algebra import add, contract, hadamard, negative, power
from symbackprop.expr import Add, Const, Contract, Delta, Expr, Map, Ones, Var, function, size
from symbackprop.show.indices import IndexWriter
from symbackprop.ops.tensor import apply
from symbackprop.tex.write import LatexWriter
from symbackprop.show.writing import TextWriter

ops.load()
M, N = size("m"), size("n")
A, B, W = Var("A", (M, N)), Var("B", (M, N)), Var("W", (M, N))
S = Var("S", (M, N))
b, u, x, z = Var("b", (M,)), Var("u", (N,)), Var("x", (N,)), Var("z", (N,))


def product(matrix: Expr, vector: Expr) -> Contract:
    return Contract((matrix, vector), ((0, 1), (1,)), (0,))


def call(name: str, *args: Expr) -> Map:
    return Map(function(name), args)


CASES = [
    (Add((product(W, x), b)), "Σ_j W_ij x_j + b_i", r"\sum_{j} W_{ij} x_{j} + b_{i}"),
    (Contract((b, x), ((0,), (1,)), (0, 1)), "b_i x_j", "b_{i} x_{j}"),
    (Contract((W, b), ((0, 1), (0,)), (1,)), "Σ_j W_ji b_j", r"\sum_{j} W_{ji} b_{j}"),
    (Delta(N), "δ_ij", r"\delta_{ij}"),
    (Ones((M, N)), "1", "1"),
    (call("sigmoid", z), "σ(z_i)", r"\sigma(z_{i})"),
    (call("abs", z), "|z_i|", r"\lvert z_{i} \rvert"),
    (call("gt", z, x), "1[z_i > x_i]", r"\mathbf{1}[z_{i} > x_{i}]"),
    (call("where", call("gt", z, x), x, u), "where(z_i > x_i, x_i, u_i)",
     r"\begin{cases} x_{i} & z_{i} > x_{i} \\ u_{i} & \text{otherwise} \end{cases}"),
    (call("power", x, z), "x_i^(z_i)", "x_{i}^{z_{i}}"),
    (power(x, 2), "x_i²", "x_{i}^{2}"),
    (hadamard(x, power(z, -1)), "(x_i/z_i)", r"\frac{x_{i}}{z_{i}}"),
    (apply("softmax", S, params=(1,)), "softmax_rows(S)_ij", r"\operatorname{softmax}_{\text{rows}}(S)_{ij}"),
    (Contract((Const(sp.Integer(-2)), W, x), ((), (0, 1), (1,)), (0,)), "−2 Σ_j W_ij x_j", r"-2 \sum_{j} W_{ij} x_{j}"),
    (Contract((W, Add((x, negative(u)))), ((0, 1), (1,)), (0,)), "Σ_j W_ij (x_j − u_j)", r"\sum_{j} W_{ij} (x_{j} - u_{j})"),
    (Contract((x,), ((0,),), ()), "Σ_i x_i", r"\sum_{i} x_{i}"),
]


@pytest.mark.parametrize(("node", "text", "tex"), CASES, ids=[case[1] for case in CASES])
def test_entries(node: Expr, text: str, tex: str) -> None:
    assert IndexWriter(TextWriter()).summed(node) == text
    assert IndexWriter(LatexWriter()).summed(node) == tex


def test_sums_multiplied_stand_in_brackets() -> None:
    # Σ_j A_ij x_j Σ_j B_ij u_j would bind j twice
    node = Contract((product(A, x), product(B, u)), ((0,), (0,)), (0,))
    assert IndexWriter(TextWriter()).summed(node) == "(Σ_j A_ij x_j) (Σ_j B_ij u_j)"


def test_a_sum_inside_a_sum_has_letters_of_its_own() -> None:
    node = Contract((b, product(A, x)), ((0,), (0,)), ())
    assert IndexWriter(TextWriter()).summed(node) == "Σ_i b_i (Σ_j A_ij x_j)"


def test_factors_without_the_summed_index_stay_outside() -> None:
    node = Contract((W, b, x), ((0, 1), (0,), (1,)), (1,))
    assert IndexWriter(TextWriter()).summed(node) == "(Σ_j W_ji b_j) x_i"


def test_letters_avoid_tensors_and_sizes() -> None:
    i, k = Var("i", (size("j"),)), Var("k", (size("j"), N))
    assert IndexWriter(TextWriter()).summed(Contract((k, i), ((0, 1), (0,)), (1,))) == "Σ_m k_ml i_m"


def test_letters_never_run_out() -> None:
    big = Var("T", (size(2),) * 30)
    text = IndexWriter(TextWriter()).summed(Contract((big,), (tuple(range(30)),), ()))
    letters = text.split(" ")[0].removeprefix("Σ_").split(",")
    assert len(set(letters)) == 30


def network(notation: str = "") -> sb.Derivation:
    net = sb.parse("x: R[3]; y: R[2]; W1: R[4, 3]; W2: R[2, 4]\nz1 = W1 @ x\nh = sigmoid(z1)\nz2 = W2 @ h\n"
                   "C = sum((z2 - y)**2) / 2")
    return sb.derive(net, notation=sb.Notation.read(notation))


@pytest.mark.parametrize(("notation", "tex", "left", "right"), [
    ("", False, "∂C/∂W₁_ij", "δ₁_i x_j"),
    ("", True, r"\frac{\partial C}{\partial W_{1,ij}}", r"\delta_{1,i} x_{j}"),
    ("layers=paren", True, r"\frac{\partial C}{\partial W^{(1)}_{ij}}", r"\delta^{(1)}_{i} x_{j}"),
])
def test_equations_carry_the_same_indices_on_both_sides(notation: str, tex: bool, left: str, right: str) -> None:
    derivation = network(notation)
    found = {e.name: e.expr for e in derivation.view("textbook")}
    assert IndexWriter(derivation.writer(tex)).equation("∂W1", found["∂W1"]) == (left, right)


def test_named_label_in_text_takes_square_brackets() -> None:
    node = Var("W_in", (M, N))
    assert IndexWriter(TextWriter()).equation("W_in", node)[0] == "W_in[i,j]"
