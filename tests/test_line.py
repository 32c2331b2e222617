"""The line from text to gradients: forms from the books, typed by hand."""

from __future__ import annotations

import pytest

import symbackprop as sb

NET = """x: R[3]; y: R[2]
W1: R[4, 3]; b1: R[4]; W2: R[2, 4]; b2: R[2]
z1 = W1 @ x + b1
h = sigmoid(z1)
z2 = W2 @ h + b2
yhat = sigmoid(z2)
C = sum((yhat - y)**2) / 2
"""


def test_three_four_two_comes_out_as_in_the_books() -> None:
    # Nielsen, Neural Networks and Deep Learning, ch. 2, BP1 to BP4
    assert str(sb.derive(sb.parse(NET), wrt=["W1", "b1", "W2", "b2"])).splitlines() == [
        "δ₂ = (ŷ − y) ⊙ ŷ ⊙ (1 − ŷ)", "∂C/∂W₂ = δ₂ hᵀ", "∂C/∂b₂ = δ₂",
        "δ₁ = (W₂ᵀ δ₂) ⊙ h ⊙ (1 − h)", "∂C/∂W₁ = δ₁ xᵀ", "∂C/∂b₁ = δ₁"]


def test_pre_activation_gets_a_name() -> None:
    d = sb.derive(sb.parse("x: R[n]; W1: R[m, n]\nh1 = tanh(W1 @ x)\nC = sum(h1**2)"), wrt=["W1"])
    assert str(d).splitlines() == ["δ₁ = 2 h₁ ⊙ (1 − h₁²)", "∂C/∂W₁ = δ₁ xᵀ"]


@pytest.mark.parametrize(("fact", "form"), [("fact: sum(y) == 1", "p − y"), ("", "(1ᵀ y) p − y")], ids=["fact", "none"])
def test_softmax_cross_entropy_needs_the_fact(fact: str, form: str) -> None:
    text = f"x: R[n]; y: R[k]; W: R[k, n]\n{fact}\nz = W @ x\np = softmax(z)\nC = -sum(y * log(p))"
    assert sb.derive(sb.parse(text), wrt=["W"]).textbook["z"] == form


TRAPS = [  # R1 and R8 of the survey: silent zeros, nodes counted twice; the values are textbook closed forms
    ("A: R[n, n]\nC = logdet(A)", "A", "A⁻ᵀ"),
    ("A: R[n, n]; S: R[n, n]\nC = trace(A.T @ A) + trace(S.T @ S)", "A", "2 A"),
    ("A: R[n, n]\nC = trace(A) + 1", "A", "I"),
    ("x: R[n]\nC = log(sum(exp(x)))", "x", "exp(x)/(1ᵀ exp(x))"),
    ("x: R[n]; y: R[n]\nC = sum((x - y) * (x - y))", "x", "2 (x − y)"),
    ("x: R[n]; A: R[n, n]\nC = x @ A @ x", "x", "(A + Aᵀ) x"),
    ("x: R[n]; a: R[m]; C = sum(x**2)", "a", "0"),
]


@pytest.mark.parametrize(("text", "name", "form"), TRAPS, ids=[t[0].split("C = ")[1] for t in TRAPS])
def test_no_silent_zero_and_nothing_counted_twice(text: str, name: str, form: str) -> None:
    assert sb.derive(sb.parse(text)).textbook[name] == form


CLAIMS = [
    ("grad(C, W1) == outer((W2.T @ ((yhat - y) * yhat * (1 - yhat))) * h * (1 - h), x)", "proved", None),
    ("grad(C, b1) == diag(h * (1 - h)) @ W2.T @ grad(C, z2)", "proved", None),
    ("grad(C, W1) == outer(x, grad(C, z1))", "proved", "layout"),
    ("grad(C, b2) == -(yhat - y) * yhat * (1 - yhat)", "refuted", "sign"),
    ("grad(C, b2) == 2 * (yhat - y) * yhat * (1 - yhat)", "refuted", "scale"),
    ("grad(C, b2) == grad(C, z1)", "refuted", "shape"),
    ("grad(C, b2) == (yhat - y) * yhat", "refuted", "missing-activation-derivative"),
]


@pytest.mark.parametrize(("claim", "verdict", "kind"), CLAIMS, ids=[c[0] for c in CLAIMS])
@pytest.mark.parametrize("symbolic", [False, True], ids=["numbers", "symbols"])
def test_claims(claim: str, verdict: str, kind: str | None, symbolic: bool) -> None:
    net = NET
    if symbolic:
        for old, new in (("[3]", "[n]"), ("4, 3", "m, n"), ("[4]", "[m]"), ("2, 4", "k, m"), ("[2]", "[k]")):
            net = net.replace(old, new)
    found, = sb.verify(net + claim)
    assert (found.verdict, found.diagnosis and found.diagnosis["kind"]) == (verdict, kind)


ERRORS = [
    ("W1: R[4, 3]; x: R[4]\nz = W1 @ x", sb.ShapeError, 2, 5, "did you mean W1.T @ x?"),
    ("x: R[3]\ny = sigmod(x)", sb.ParseError, 2, 5, "did you mean sigmoid?"),
    ("x: R[3]\ny = xx + 1", sb.ParseError, 2, 5, "did you mean x?"),
    ("x: R[3]\nx = x + 1", sb.ParseError, 2, 1, None),
    ("x: R[3]\ny = x[3]", sb.ShapeError, 2, 5, None),
    ("fact: a = b", sb.ParseError, 1, 1, None),
    ("x: R[3]\ny = __import__('os').system('id')", sb.SymbackpropError, 2, 5, None),
    ("х: R[3]", sb.ParseError, 1, 1, None),
    ("class: R[3]", sb.ParseError, 1, 6, None),
    ("", sb.ParseError, 1, 1, None),
]


@pytest.mark.parametrize(("text", "kind", "line", "column", "hint"), ERRORS, ids=[e[0][:30] for e in ERRORS])
def test_errors_say_where_and_what_would_be_right(text: str, kind: type, line: int, column: int, hint: str | None) -> None:
    with pytest.raises(kind) as caught:
        sb.parse(text)
    assert (caught.value.line, caught.value.column) == (line, column)
    assert hint is None or hint in str(caught.value)


def test_steps_end_in_the_gradient_itself() -> None:
    from symbackprop.steps import steps_of
    d = sb.derive(sb.parse(NET))
    shown = {e.name: e.expr for e in (*d.backward.equations, *d.view())}
    for name in ("z1", "z2", "W1", "W2", "h", "x"):
        steps = steps_of(d.step_data, name, shown["∂" + name])
        assert steps[-1].after is shown["∂" + name], name
    rules = [s.rule for s in steps_of(d.step_data, "z1", shown["∂z1"])]
    assert rules == ["chain rule through sigmoid", "write the product with the diagonal matrix entry by entry",
                     "the delta collapses", "⊙ appears", "derivative in terms of the output", "put in what is known"]


def test_attention_keeps_its_inner_factor_as_it_is() -> None:
    # R3 of the survey: SymPy's development tree has exp(K Qᵀ) where exp(Q Kᵀ) is needed; differences of the loss decide
    text = ("Q: R[n, d]; K: R[n, d]; S: R[n, n]; G: R[n, n]\n"
            "C = trace(G.T @ sin(exp(Q @ K.T) @ S)) + sum(G * (exp(Q @ K.T) / exp(Q @ K.T).sum(axis=1, keepdims=True)))")
    assert sb.check(sb.derive(sb.parse(text)), sizes={"n": 3, "d": 2})
