"""The exported NumPy modules: values against einsum, differences and autograd; checks, names, memory."""

from __future__ import annotations

import ast
import random

import numpy as np
import pytest
import sympy as sp
from oracle.compare import survey

import symbackprop as sb
from symbackprop import ops
from symbackprop.codegen import compile_function, export_numpy
from symbackprop.doors import export, lambdify
from symbackprop.expr import Add, Const, Contract, Delta, Expr, Map, Ones, Var, function, size
from symbackprop.notation import Notation
from symbackprop.program import Equation, Program

ops.load()
SIZES = {"n": 3, "m": 2, "k": 4, "u": 1}
NETWORK = """
x: R[n]; y: R[k]; W1: R[m, n]; b1: R[m]; W2: R[k, m]; b2: R[k]
h = tanh(W1 @ x + b1)
yhat = sigmoid(W2 @ h + b2)
C = sum((yhat - y)**2) / 2
"""


def arrays(net: Program, sizes: dict[str, int], seed: int = 0) -> dict[str, np.ndarray]:
    rng = np.random.default_rng(seed)
    return {name: rng.normal(size=tuple(int(d.subs({s: sizes[s.name] for s in d.free_symbols})) for d in v.shape))
            for name, v in net.inputs.items()}


def value_of(expr: Expr, inputs: dict[str, Var], data: dict[str, np.ndarray], loose: bool = False) -> np.ndarray:
    """What the source of one node computes: it stands where a gradient would."""
    zero = Equation("C", Const(sp.Integer(0)))
    backward = Program({**inputs, "C": Var("C", ())}, (Equation("∂T", expr),))
    source = export_numpy(Program(inputs, (zero,)), backward, "C", ("T",))
    return compile_function(source)(**data)[1]["T"]


def dimension(name: str) -> sp.Expr:
    return size(1) if name == "u" else size(name)


def random_contraction(rng: random.Random) -> tuple[Contract, dict[str, Var], str, list[str]]:
    """A contraction nobody simplified, with what `np.einsum` would be told: its letters, and its operands by name."""
    pool = [rng.choice("nmku") for _ in range(rng.choice((2, 3, 4)))]
    operands, labels, inputs, words = [], [], {}, []
    for k in range(rng.choice((1, 2, 2, 3, 3, 4))):
        own = [rng.randrange(len(pool)) for _ in range(rng.choice((0, 0, 1, 1, 2, 2, 2, 2, 3)))]
        shape = tuple(dimension(pool[i]) for i in own)
        kind = rng.random()
        if kind < 0.12 and own:
            node, word = Ones(shape), "ones"
        elif kind < 0.2 and len(own) == 2 and pool[own[0]] == pool[own[1]]:
            node, word = Delta(shape[0]), "eye"
        elif not own and kind < 0.7:
            node, word = Const(rng.choice((sp.Rational(-1, 3), sp.Integer(2), 1 / size("n")))), "const"
        else:
            node, word = Var(f"T{k}", shape), f"T{k}"
            inputs[word] = node
            if len(own) == 2 and kind < 0.5:  # an array that broadcasting could leave a column
                inputs[word] = vector = Var(word, shape[:1])
                node = Add((Ones(shape), Contract((vector, Ones(shape[1:])), ((0,), (1,)), (0, 1))))
                word = f"1+{word}"
            elif own and kind > 0.85:
                node, word = Map(function("pow", (sp.Integer(-1),)), (node,)), f"1/{word}"
            elif own and kind > 0.7:
                terms = (Ones(shape), Contract((Const(sp.Integer(-1)), node), ((), tuple(range(len(own)))), tuple(range(len(own)))))
                node, word = Add(terms), f"1-{word}"
        operands.append(node)
        labels.append(tuple(own))
        words.append(word)
    used = sorted({i for own in labels for i in own})
    output = tuple(rng.sample(used, rng.randrange(len(used) + 1)))
    letters = ",".join("".join("abcdef"[i] for i in own) for own in labels) + "->" + "".join("abcdef"[i] for i in output)
    return Contract(tuple(operands), tuple(labels), output), inputs, letters, words


def told(word: str, node: Expr, data: dict[str, np.ndarray]) -> np.ndarray:
    shape = tuple(int(d.subs({size(k): v for k, v in SIZES.items()})) for d in node.shape)
    match word:
        case "ones":
            return np.ones(shape)
        case "eye":
            return np.eye(*shape)
        case "const":
            return np.array(float(node.value.subs(size("n"), SIZES["n"])))
    if word.startswith("1+"):
        return np.broadcast_to(1 + data[word[2:]][:, None], shape)
    if word.startswith("1/"):
        return 1 / data[word[2:]]
    return 1 - data[word[2:]] if word.startswith("1-") else data[word]


@pytest.mark.parametrize("block", range(4))
def test_every_contraction_is_what_einsum_computes(block: int) -> None:
    for seed in range(block * 250, block * 250 + 250):
        node, inputs, letters, words = random_contraction(random.Random(seed))
        inputs |= {f"size_{d}": Var(f"size_{d}", (size(d),)) for d in "nmk"}
        data = arrays(Program(inputs, ()), SIZES, seed)
        right = np.einsum(letters, *[told(w, o, data) for w, o in zip(words, node.operands)])
        for expr, wanted in ((node, right), (Add((Ones(node.shape), node)), right + 1) if node.shape else (node, right)):
            found = np.asarray(value_of(expr, inputs, data))
            assert found.shape == wanted.shape, (seed, letters, words)
            np.testing.assert_allclose(found, wanted, rtol=1e-11, atol=1e-12, err_msg=f"{seed} {letters} {words}")


def differences(call, data: dict[str, np.ndarray], name: str, step: float = 1e-5) -> np.ndarray:
    made = np.zeros_like(data[name])
    for at in np.ndindex(made.shape):
        sides = []
        for sign in (1, -1):
            moved = {k: v.copy() for k, v in data.items()}
            moved[name][at] += sign * step
            sides.append(call(**moved)[0])
        made[at] = (sides[0] - sides[1]) / (2 * step)
    return made


@pytest.mark.parametrize("primes", ["output", "function"])
@pytest.mark.parametrize("name", [n for n, row in ops.SCALAR_OPS.items() if n not in ("gt", "lt", "ge", "le", "eq", "ne")])
def test_every_elementwise_row_agrees_with_differences(name: str, primes: str) -> None:
    row = ops.SCALAR_OPS[name]
    inputs = {f"x{k}": Var(f"x{k}", (size("n"),)) for k in range(row.arity)}
    params = tuple(sp.Rational(5, 2) if p == "p" else sp.Rational(3, 10) for p, _ in row.params)
    equations = (Equation("h", Map(function(name, params), tuple(inputs.values()))),)
    labels = ((0,), (0,))
    weights = Var("w", (size("n"),))
    equations += (Equation("C", Contract((weights, equations[0].var), labels, ())),)
    net = Program({**inputs, "w": weights}, equations)
    call = lambdify(sb.derive(net, notation=Notation(primes=primes)))
    low, high = row.domain
    rng = np.random.default_rng(1)
    data = {k: rng.uniform(low, high, 5) for k in net.inputs}
    if name == "where":
        data["x0"] = np.array([0.0, 1.0, 1.0, 0.0, 1.0])  # a condition holds or does not, and has no slope
    _, gradients = call(**data)
    for argument in net.inputs:
        if (name, argument) != ("where", "x0"):
            np.testing.assert_allclose(gradients[argument], differences(call, data, argument), rtol=1e-6, atol=1e-8)


def test_random_programs_agree_with_autograd() -> None:
    summary = survey(range(5000, 5060), lambda text, sizes, data: lambdify(sb.derive(sb.parse(text)))(**data))
    assert not summary.wrong, [(r.seed, r.message) for r in summary.wrong]


def test_nothing_is_modified_or_shared() -> None:
    net = sb.parse("a: R; b: R[n]; A: R[n, n]; B: R[n, n]; c: R[n]; T: R[n, n, n]; E: R[n, n]\n"
                   "D = einsum('iij->ij', T) + einsum('ij->ji', E); C = sum(D) + a + sum(b) + sum(A * B) + trace(A) + sum(b * c) + sum(A.T * B)")
    data = arrays(net, SIZES)
    for value in data.values():
        value.flags.writeable = False
    loss, gradients = lambdify(sb.derive(net))(**data)
    results = [np.asarray(loss), *map(np.asarray, gradients.values())]
    for k, found in enumerate(results):
        assert not any(np.shares_memory(found, other) for other in (*data.values(), *results[:k]))
        assert found.ndim == 0 or found.flags.writeable
    np.testing.assert_allclose(gradients["A"], data["B"] + np.eye(3) + data["B"].T)


def test_the_loss_is_no_view_of_an_input() -> None:
    held = np.array(2.0)
    loss, _ = lambdify(sb.derive(sb.parse("a: R; C = a")))(a=held)
    assert not np.shares_memory(np.asarray(loss), held) and loss == 2


@pytest.mark.parametrize("name, shape, wanted", [
    ("W1", (2, 4), "(m, 3)"), ("b1", (1,), "(2)"), ("b1", (), "(2)"), ("x", (3, 1), "(n)"), ("y", (1, 4), "(k)"),
    ("W2", (2, 4), "(4, 2)")])
def test_a_wrong_shape_names_the_argument(name: str, shape: tuple[int, ...], wanted: str) -> None:
    net = sb.parse(NETWORK)
    data = arrays(net, SIZES) | {name: np.zeros(shape)}
    with pytest.raises(ValueError) as caught:
        lambdify(sb.derive(net))(**data)
    assert f"{name} has shape {shape}, wanted {wanted}" == str(caught.value)


def test_a_size_that_stands_twice_is_one_size() -> None:
    net = sb.parse("A: R[n, n]; C = trace(A)")
    with pytest.raises(ValueError, match=r"A has shape \(2, 3\), wanted \(n, n\)"):
        lambdify(sb.derive(net))(A=np.zeros((2, 3)))


@pytest.mark.parametrize("value", [np.array(["a"]), np.array([1j]), np.array([None])])
def test_what_is_no_real_number_is_refused(value: np.ndarray) -> None:
    with pytest.raises(ValueError, match="x holds .*, wanted real numbers"):
        lambdify(sb.derive(sb.parse("x: R[1]; C = sum(x)")))(x=value)


@pytest.mark.parametrize("fact, good, bad", [
    ("sum(A) == 1", [[0.5, 0], [0, 0.5]], [[1, 0], [0, 0.1]]),
    ("sum(A, axis=0) == 1", [[1, 0.5], [0, 0.5]], [[0.5, 0.5], [0, 0]]),
    ("A == A.T", [[1, 2], [2, 3]], [[1, 2], [2.1, 3]]),
    ("A > 0", [[1, 2], [2, 3]], [[1, 2], [0, 3]]),
    ("A < 1", [[0, -2], [0.5, 0]], [[1, 0], [0, np.nan]]),
])
def test_declared_facts_are_checked_unless_told_not_to(fact: str, good: list, bad: list) -> None:
    call = lambdify(sb.derive(sb.parse(f"A: R[n, n]; fact: {fact}; C = sum(A)".replace("; ", "\n"))))
    assert call(A=good)[0] == np.sum(good)
    with pytest.raises(ValueError, match="the data break the assumption"):
        call(A=bad)
    call(A=bad, check=False)


def test_whole_numbers_become_floats_and_single_precision_stays() -> None:
    net = sb.parse(NETWORK)
    call = lambdify(sb.derive(net))
    data = arrays(net, SIZES)
    loss, gradients = call(**{k: v.astype(np.float32) for k, v in data.items()})
    assert {np.asarray(v).dtype for v in (loss, *gradients.values())} == {np.dtype(np.float32)}
    assert call(**{k: np.round(v).astype(int) for k, v in data.items()})[1]["W1"].dtype == float


def test_names_that_mean_something_to_python_are_renamed() -> None:
    names = ["lambda", "np", "check", "sigmoid", "as_array", "d_W", "W", "float"]
    inputs = {n: Var(n, (size("class"),)) for n in names}
    h = Equation("d_h", Map(function("sigmoid"), (Contract(tuple(inputs.values()), ((0,),) * len(names), (0,)),)))
    mean = Contract((Const(1 / size("class")), h.var), ((), (0,)), ())
    net = Program(inputs, (h, Equation("softmax", mean)))
    source = export(sb.derive(net))
    data = {n: np.random.default_rng(k).uniform(0.5, 1.5, 4) for k, n in enumerate(names)}
    renamed = {n: n + "_" if n in ("lambda", "np", "check", "sigmoid", "as_array", "float") else n for n in names}
    loss, gradients = compile_function(source)(**{renamed[n]: v for n, v in data.items()})
    s = 1 / (1 + np.exp(-np.prod(list(data.values()), axis=0)))
    assert np.isclose(loss, s.mean())
    for n in names:
        np.testing.assert_allclose(gradients[n], s * (1 - s) / 4 * np.prod(list(data.values()), axis=0) / data[n])


def test_functions_of_the_user() -> None:
    text = "x: R[n]; f: elementwise\ng = lambda t: t / (1 + abs(t))\nC = sum(f(g(x)) * x)"
    net = sb.parse(text)
    data = {"x": np.array([0.3, -0.7, 2.0])}
    derived = lambdify(sb.derive(net))

    def call(**values: np.ndarray) -> tuple:
        return derived(**values, f=np.sin, f_prime=np.cos)
    loss, gradients = call(**data)
    g = data["x"] / (1 + np.abs(data["x"]))
    assert np.isclose(loss, (np.sin(g) * data["x"]).sum())
    np.testing.assert_allclose(gradients["x"], differences(call, data, "x"), rtol=1e-7)


def test_the_module_needs_numpy_alone_and_has_only_what_it_uses() -> None:
    source = export(sb.derive(sb.parse(NETWORK)))
    tree = ast.parse(source)
    imports = [a.name for n in ast.walk(tree) if isinstance(n, ast.Import) for a in n.names]
    assert imports == ["numpy"] and not any(isinstance(n, ast.ImportFrom) for n in ast.walk(tree))
    assert [n.name for n in tree.body if isinstance(n, ast.FunctionDef)] == ["as_array", "sigmoid", "size_of", "empty", "fitting", "value_and_grad", "loss", "make_value_and_grad"]
    for n in ("gelu", "silu"):
        twice = export(sb.derive(sb.parse(f"x: R[n]; C = sum({n}(x) * sigmoid(x) * {n}(2 * x))")))
        names = [f.name for f in ast.parse(twice).body if isinstance(f, ast.FunctionDef)]
        assert len(names) == len(set(names))


def test_the_lines_are_those_of_a_book() -> None:
    lines = [line.strip() for line in export(sb.derive(sb.parse(NETWORK))).splitlines()]
    for line in ("z_yhat = W2 @ h + b2", "d_W2 = np.outer(d_z_yhat, h)", "d_h = W2.T @ d_z_yhat",
                 "d_z_h = d_h * (1.0 - h**2)", "d_z_yhat = d_yhat * yhat * (1.0 - yhat)"):
        assert line in lines, (line, lines)
    rows = export(sb.derive(sb.parse("X: R[B, n]; W: R[n, m]; b: R[m]; Y: R[B, m]\n"
                                     "R1 = X @ W + b - Y; C = sum(R1**2) / (2 * B)")))
    for line in ("d_R1 = R1 / B", "d_W = X.T @ d_R1", "d_b = d_R1.sum(axis=0)", "B, n = X.shape"):
        assert f"    {line}\n" in rows, rows


def test_a_size_of_no_argument_is_an_error() -> None:
    net = Program({"x": Var("x", ())}, (Equation("C", Contract((Var("x", ()), Ones((size("q"),))), ((), (0,)), ())),))
    with pytest.raises(sb.SymbackpropError, match="no argument has the size q"):
        export(sb.derive(net))


def test_a_deep_product_of_itself_stays_short() -> None:
    node: Expr = Var("x", (size("n"),))
    for _ in range(30):
        node = Add((Map(function("sin"), (node,)), Map(function("cos"), (node,))))
    inputs = {"x": Var("x", (size("n"),))}
    assert value_of(node, inputs, {"x": np.array([0.1, 0.2])}).shape == (2,)


def test_a_view_is_copied_before_it_is_returned() -> None:
    tensor = Var("T", (size("n"), size("n"), size("m")))
    held = np.arange(18.0).reshape(3, 3, 2)
    for labels, output, letters in (((0, 0, 1), (0, 1), "iij->ij"), ((0, 1, 2), (1, 2, 0), "ijk->jki")):
        found = value_of(Contract((tensor,), (labels,), output), {"T": tensor}, {"T": held})
        assert not np.shares_memory(found, held)
        np.testing.assert_array_equal(found, np.einsum(letters, held))
