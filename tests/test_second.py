"""Second order and forward mode: published closed forms, HIPS autograd, many-digit differences, Taylor rates, and size."""

from __future__ import annotations

import autograd
import autograd.numpy as anp
import mpmath
import numpy as np
import pytest
from op_cases import SCALAR_CASES, TENSOR_CASES, scalar_data, scalar_net, tensor_data, tensor_net

import symbackprop as sb
from symbackprop.expr import Contract, walk
from symbackprop.forward import dot, tangents
from symbackprop.numeric import Precise, run
from symbackprop.program import Program

NETWORK = """x: R[n]; y: R[k]; W1: R[m, n]; b1: R[m]; W2: R[k, m]; b2: R[k]
z1 = W1 @ x + b1; a1 = tanh(z1); z2 = W2 @ a1 + b2; p = softmax(z2)
C = -sum(y * log(p))"""
LEAST = "X: R[m, n]; y: R[m]; w: R[n]\nC = sum((X @ w - y)**2)"
SIZES = {"n": 3, "m": 4, "k": 2}
# model, tensor, the Hessian as it is published (or derived by hand from it), unvectorised tensors in vec with stacked columns
HESSIANS = [
    (LEAST, "w", "∂²C/∂w∂wᵀ = 2 Xᵀ X"),
    ("X: R[m, n]; Y: R[m, k]; W: R[n, k]\nC = sum((X @ W - Y)**2)", "W", "∂²C/∂vec(W)∂vec(W)ᵀ = 2 I ⊗ (Xᵀ X)"),
    ("z: R[n]; y: R[n]\np = softmax(z)\nC = -sum(y * log(p))", "z", "∂²C/∂z∂zᵀ = (1ᵀ y) (diag(p) − p pᵀ)"),
    ("z: R[n]; y: R[n]; fact: sum(y) == 1\np = softmax(z)\nC = -sum(y * log(p))", "z", "∂²C/∂z∂zᵀ = diag(p) − p pᵀ"),
    ("z: R[n]\nC = logsumexp(z)", "z", "∂²C/∂z∂zᵀ = diag(softmax(z)) − softmax(z) softmax(z)ᵀ"),  # Boyd 3.1.5
    ("A: R[n, n]; x: R[n]; b: R[n]\nC = x @ A @ x + b @ x", "x", "∂²C/∂x∂xᵀ = A + Aᵀ"),  # Cookbook (98)
    ("A: R[n, n]; x: R[n]; b: R[n]\nC = x @ A @ x + b @ x", "A", "∂²C/∂A∂Aᵀ = 0"),
    ("X: R[n, n]\nC = logdet(X)", "X", "∂²C/∂vec(X)∂vec(X)ᵀ = −(X⁻¹ ⊗ X⁻ᵀ) K"),  # Magnus and Neudecker 10.6
    ("X: R[n, n]\nC = trace(X @ X)", "X", "∂²C/∂vec(X)∂vec(X)ᵀ = 2 K"),  # Magnus and Neudecker 10.6
    ("X: R[m, n]; A: R[m, m]; B: R[n, n]\nC = trace(X.T @ A @ X @ B)", "X", "∂²C/∂vec(X)∂vec(X)ᵀ = Bᵀ ⊗ A + B ⊗ Aᵀ"),
    ("x: R[n]; a: R[n]\nC = norm(x - a)", "x", "∂²C/∂x∂xᵀ = (1/C) I − (1/C³) (x − a) (x − a)ᵀ"),  # Cookbook (130)
    ("x: R[n]; W1: R[m, n]; W2: R[k, m]; y: R[k]\nz = W1 @ x\na = tanh(z)\nr = W2 @ a - y\nC = sum(r**2) / 2", "x",
     "∂²C/∂x∂xᵀ = W₁ᵀ diag(1 − a²) W₂ᵀ W₂ diag(1 − a²) W₁ − 2 W₁ᵀ diag((1 − a²) ⊙ (W₂ᵀ r) ⊙ a) W₁"),
    ("x: R[n]; W1: R[m, n]; W2: R[k, m]; y: R[k]\nz = W1 @ x\na = tanh(z)\nr = W2 @ a - y\nC = sum(r**2) / 2", "W1",
     "∂²C/∂vec(W₁)∂vec(W₁)ᵀ = (x xᵀ) ⊗ (diag(1 − a²) W₂ᵀ W₂ diag(1 − a²) − 2 diag((1 − a²) ⊙ (W₂ᵀ r) ⊙ a))"),
]
# models with a scalar among matrices, and with functions that are differentiated twice
MORE = [
    ("X: R[m, n]; b: R\nC = sum((b * X)**2) / 2", ["X", "b"], "∂²C/∂vec(X)∂vec(X)ᵀ = b² I\n∂²C/∂X∂b = 2 b X\n∂²C/∂b∂X = 2 b X\n∂²C/∂b∂b = 1ᵀ X^⊙2 1"),
    ("x: R[n]; b: R\nC = sum((b * x)**2) / 2", ["x", "b"], "∂²C/∂x∂xᵀ = b² I\n∂²C/∂x∂b = 2 b x\n∂²C/∂b∂xᵀ = 2 b xᵀ\n∂²C/∂b∂b = xᵀ x"),
    ("W: R[k, n]; x: R[n]; y: R[k]\nz = W @ x; p = softmax(z)\nC = -sum(y * log(p))", ["z", "W"],
     "∂²C/∂z∂zᵀ = (1ᵀ y) (diag(p) − p pᵀ)\n∂²C/∂z∂vec(W)ᵀ = (1ᵀ y) xᵀ ⊗ (diag(p) − p pᵀ)\n"
     "∂²C/∂vec(W)∂zᵀ = (1ᵀ y) x ⊗ (diag(p) − p pᵀ)\n∂²C/∂vec(W)∂vec(W)ᵀ = (1ᵀ y) (x xᵀ) ⊗ (diag(p) − p pᵀ)"),
    ("x: R[n]\nC = sum(2**x)", ["x"], "∂²C/∂x∂xᵀ = log(2)² diag(2^x)"),
    ("A: R[n, n]\nC = eigvalsh(A)[-1]", ["A"],  # the symmetric part of v vᵀ ⊗ (λI − A)⁺, twice
     "∂²C/∂vec(A)∂vec(A)ᵀ = ½ ((v_max(A) v_max(A)ᵀ) ⊗ (λ_max(A) I − A)⁺) K + ½ (v_max(A) v_max(A)ᵀ) ⊗ (λ_max(A) I − A)⁺"
     " + ½ (λ_max(A) I − A)⁺ ⊗ (v_max(A) v_max(A)ᵀ) + ½ ((λ_max(A) I − A)⁺ ⊗ (v_max(A) v_max(A)ᵀ)) K"),
]
BATCH = "W: R[m, n]; X: R[n, k]; b: R[m]\nZ = W @ X + b[:, None]\nC = sum(Z**2)"
UNIT = "W: R[m, n]; x: R[n]\nz = W @ x\na = sigmoid(z)\nC = sum(a)"
JACOBIANS = [
    (BATCH, "Z", "W", "∂vec(Z)/∂vec(W)ᵀ = Xᵀ ⊗ I"), (BATCH, "Z", "X", "∂vec(Z)/∂vec(X)ᵀ = I ⊗ W"),
    (BATCH, "Z", "b", "∂vec(Z)/∂bᵀ = 1 ⊗ I"), (UNIT, "z", "x", "∂z/∂x = W"), (UNIT, "a", "x", "∂a/∂x = diag(a ⊙ (1 − a)) W"),
    (UNIT, "a", "z", "∂a/∂z = diag(a ⊙ (1 − a))"), (UNIT, "z", "W", "∂z/∂vec(W)ᵀ = xᵀ ⊗ I"),
    ("X: R[n, n]\nY = inv(X)\nC = sum(Y)", "Y", "X", "∂vec(Y)/∂vec(X)ᵀ = −Yᵀ ⊗ Y"),  # Cookbook (60)
    ("X: R[m, n]\nY = X.T\nC = sum(Y**2)", "Y", "X", "∂vec(Y)/∂vec(X)ᵀ = K"),
    ("X: R[m, n]\nY = sigmoid(X)\nC = sum(Y)", "Y", "X", "∂vec(Y)/∂vec(X)ᵀ = diag(vec(Y ⊙ (1 − Y)))"),
]


def softmax(z: np.ndarray) -> np.ndarray:
    return anp.exp(z) / anp.sum(anp.exp(z))


# model, the loss in autograd's NumPy
LOSSES = {
    "network": (NETWORK, lambda x, y, W1, b1, W2, b2: -anp.sum(y * anp.log(softmax(W2 @ anp.tanh(W1 @ x + b1) + b2)))),
    "least squares": (LEAST, lambda X, y, w: anp.sum((X @ w - y)**2)),
    "log det": ("X: R[n, n]\nC = logdet(X @ X.T + eye(n))", lambda X: anp.linalg.slogdet(X @ X.T + anp.eye(3))[1]),
    "inverse": ("X: R[n, n]; a: R[n]\nC = a @ inv(X) @ a", lambda X, a: a @ anp.linalg.inv(X) @ a),
    "solve": ("X: R[n, n]; a: R[n]\nu = solve(X, a)\nC = sum(u**3)", lambda X, a: anp.sum(anp.linalg.solve(X, a)**3)),
    "norm": ("x: R[n]\nC = norm(x)**3", lambda x: anp.sqrt(anp.sum(x**2))**3),
    "logistic": ("x: R[n]; w: R[n]; t: R\nC = softplus(-t * (w @ x))", lambda x, w, t: anp.log(1 + anp.exp(-t * (w @ x)))),
    "rows": ("X: R[m, n]; G: R[m, n]\nP = softmax(X, axis=1)\nC = sum(G * P)",
             lambda X, G: anp.sum(G * anp.exp(X) / anp.sum(anp.exp(X), axis=1, keepdims=True))),
    "cube": ("X: R[n, n]\nC = trace(matrix_power(X, 4))", lambda X: anp.trace(X @ X @ X @ X)),
}


def inputs(model: str, seed: int = 0) -> dict[str, np.ndarray]:
    rng = np.random.default_rng(seed)
    made = {n: rng.normal(size=[SIZES[str(d)] for d in v.shape]) for n, v in sb.parse(model).inputs.items()}
    return {n: v + 2 * np.eye(3) if v.shape == (3, 3) else v for n, v in made.items()}


@pytest.mark.parametrize("model, name, published", HESSIANS)
def test_hessians_have_their_published_form(model: str, name: str, published: str) -> None:
    assert sb.hessian(sb.parse(model), [name]).text() == published


@pytest.mark.parametrize("model, wrt, published", MORE)
def test_blocks_with_scalars_and_of_eigenvalues(model: str, wrt: list[str], published: str) -> None:
    assert sb.hessian(sb.parse(model), wrt).text() == published


@pytest.mark.parametrize("model, of, wrt, rows, columns", [
    ("w: R[n]; x: R[n]\nC = w @ x", "C", "w", "∂C/∂w = xᵀ", "∂C/∂w = x"),
    ("X: R[m, n]; G: R[m, n]\nC = sum(G * X)", "C", "X", "∂C/∂X = Gᵀ", "∂C/∂X = G"),
    ("X: R[m, n]; t: R\nY = t * t * X\nC = sum(Y)", "Y", "t", "∂Y/∂t = 2 t X", "∂Y/∂t = 2 t Xᵀ"),
    ("x: R[n]; t: R\ny = exp(t) * x\nC = sum(y)", "y", "t", "∂y/∂t = exp(t) x", "∂y/∂t = exp(t) xᵀ"),
])
def test_scalars_have_a_layout_too(model: str, of: str, wrt: str, rows: str, columns: str) -> None:
    net = sb.parse(model)
    assert (str(sb.jacobian(net, of, wrt)), str(sb.jacobian(net, of, wrt, layout="denominator"))) == (rows, columns)


@pytest.mark.parametrize("model, of, wrt, published", JACOBIANS)
def test_jacobians_have_their_published_form(model: str, of: str, wrt: str, published: str) -> None:
    assert sb.jacobian(sb.parse(model), of, wrt).text() == published


def test_the_layout_is_chosen_and_stated() -> None:
    rows, columns = (sb.jacobian(sb.parse(UNIT), "a", "x", layout=layout) for layout in ("numerator", "denominator"))
    assert (str(rows), str(columns)) == ("∂a/∂x = diag(a ⊙ (1 − a)) W", "∂a/∂x = Wᵀ diag(a ⊙ (1 − a))")
    data = inputs(UNIT)
    assert rows.value(**data) == pytest.approx(columns.value(**data).T)
    assert sb.jacobian(sb.parse(BATCH), "Z", "W", layout="denominator").text() == "∂vec(Z)ᵀ/∂vec(W) = X ⊗ I"
    with pytest.raises(sb.SymbackpropError, match="no layout"):
        sb.jacobian(sb.parse(UNIT), "a", "x", layout="mixed")


def test_latex_of_a_hessian() -> None:
    found = sb.hessian(sb.parse(LEAST), ["w"])["w", "w"].latex()
    assert found == r"\frac{\partial^2 C}{\partial w \partial w^{\top}} = 2 X^{\top} X"


def block(loss: object, a: int, b: int) -> object:
    """∂²loss/∂a∂b by autograd, which wants every output to read every input."""
    def whole(*xs: np.ndarray) -> float:
        return loss(*xs) + 0.0 * anp.sum(xs[a])
    return autograd.jacobian(lambda *xs: autograd.grad(whole, a)(*xs) + 0.0 * anp.sum(xs[b]), b)


@pytest.mark.parametrize("name", LOSSES)
def test_hessian_blocks_are_those_of_autograd(name: str) -> None:
    model, loss = LOSSES[name]
    data = inputs(model)
    names = list(data)
    for (a, b), found in sb.hessian(sb.parse(model)).items():
        wanted = block(loss, names.index(a), names.index(b))(*data.values())
        np.testing.assert_allclose(found.value(**data), wanted, rtol=1e-9, atol=1e-10, err_msg=f"{a}, {b}")


@pytest.mark.parametrize("name", LOSSES)
def test_products_are_those_of_autograd(name: str) -> None:
    model, loss = LOSSES[name]
    data, along = inputs(model), inputs(model, 5)
    names = list(data)
    value, found = sb.lambdify(sb.hvp(sb.parse(model)))(**data, **{f"v_{n}": v for n, v in along.items()})
    assert value == pytest.approx(loss(*data.values()))
    for a in names:
        blocks = [block(loss, names.index(a), k)(*data.values()) for k in range(len(names))]
        wanted = sum(np.tensordot(found_, along[n], axes=along[n].ndim) for found_, n in zip(blocks, names))
        np.testing.assert_allclose(found[a], wanted, rtol=1e-9, atol=1e-10, err_msg=a)
    _, forward = sb.lambdify(sb.jvp(sb.parse(model), "C"))(**data, **{f"v_{n}": v for n, v in along.items()})
    slopes = [np.sum(autograd.grad(loss, k)(*data.values()) * along[n]) for k, n in enumerate(names)]
    assert forward["C"] == pytest.approx(sum(slopes))


def rows_of_the_tables() -> dict[str, tuple[Program, dict[str, np.ndarray]]]:
    found = {name: (scalar_net(name), scalar_data(name)) for name in SCALAR_CASES}
    for name, cases in TENSOR_CASES.items():
        for k, case in enumerate(cases):
            net = tensor_net(name, case)
            found[f"{name}-{k}"] = net, tensor_data(case, tuple(int(d) for d in net.inputs["w"].shape))
    return found


ROWS = rows_of_the_tables()


@pytest.mark.parametrize("name", ROWS)
def test_every_row_pushes_forward_and_twice_differentiates(name: str) -> None:
    """At 50 digits: the tangents of loss and gradient against differences of loss and gradient along a direction."""
    net, data = ROWS[name]
    field, rng = Precise(50), np.random.default_rng(3)
    sizes = {"n": len(data["w"])} if any(not d.is_Integer for v in net.inputs.values() for d in v.shape) else {}
    wrt = list(net.inputs)
    backward = sb.derive(net).backward
    along = {n: rng.uniform(0.5, 1.5, np.shape(data[n])) * (name != "where" or n != "a") for n in wrt}  # a condition does not move
    equations = (*net.equations, *backward.equations)
    directions = {n: type(net.inputs[n])(f"v_{n}", net.inputs[n].shape) for n in wrt}
    moved = Program(net.inputs, (*equations, *tangents(equations, directions)))
    with mpmath.workdps(80):
        step = mpmath.mpf(10) ** -20

        def at(h: object) -> dict:
            values = {n: np.asarray(field.array(data[n]) + h * field.array(along[n])) for n in wrt}
            return run(Program(net.inputs, equations), values, sizes, Precise(70))
        up, down = at(step), at(-step)
        known = run(moved, {**data, **{f"v_{n}": v for n, v in along.items()}}, sizes, field)
        for equation in equations:
            slope = (up[equation.name] - down[equation.name]) / (2 * step)
            mine = known.get(dot(equation.name), 0 * slope)
            gap, scale = np.max(np.abs(np.asarray(mine - slope))), 1 + np.max(np.abs(np.asarray(slope)))
            assert gap <= mpmath.mpf(10) ** -28 * scale, equation.name


TWO_LAYERS = "x: R[n]; y: R[k]; W1: R[m, n]; W2: R[k, m]\nz1 = W1 @ x; a = tanh(z1); z2 = W2 @ a; C = sum((z2 - y)**2) / 2"
BLOCKS = [
    (TWO_LAYERS, "z2", "W2", "G[W₂, W₂] = (a aᵀ) ⊗ I"),
    (TWO_LAYERS, "z2", "W1", "G[W₁, W₁] = (x xᵀ) ⊗ (diag(1 − a²) W₂ᵀ W₂ diag(1 − a²))"),
    ("x: R[n]; y: R[k]; W: R[k, n]\nz = W @ x; p = softmax(z); C = -sum(y * log(p))", "z", "W",
     "G[W, W] = (1ᵀ y) (x xᵀ) ⊗ (diag(p) − p pᵀ)"),
]


@pytest.mark.parametrize("model, of, name, published", BLOCKS)
def test_gauss_newton_blocks(model: str, of: str, name: str, published: str) -> None:
    """Botev, Ritter and Barber (2017): the block of a layer is the Kronecker product of its input's and its pre-activation's."""
    found = sb.gauss_newton(sb.parse(model), of, [name])
    assert found.text() == published
    data = inputs(model)
    outputs = {"W": lambda v: v @ data["x"], "W2": lambda v: v @ np.tanh(data["W1"] @ data["x"]),
               "W1": lambda v: data["W2"] @ anp.tanh(v @ data["x"])}
    jacobian = autograd.jacobian(outputs[name])(data[name])
    losses = {"W": lambda z: -anp.sum(data["y"] * anp.log(softmax(z)))}
    curvature = autograd.hessian(losses.get(name, lambda z: anp.sum((z - data["y"])**2) / 2))(outputs[name](data[name]))
    wanted = np.einsum("oij,oq,qkl->ijkl", jacobian, curvature, jacobian)
    np.testing.assert_allclose(found[name, name].value(**data), wanted, rtol=1e-9, atol=1e-12)


def taylor(name: str) -> tuple[float, float]:
    """The least rates at which the remainders after the gradient and after the Hessian shrink as the step is halved."""
    model, loss = LOSSES[name]
    data, along = inputs(model), {n: 0.3 * v for n, v in inputs(model, 9).items()}
    value, gradients = sb.lambdify(sb.derive(sb.parse(model)))(**data)
    products = sb.lambdify(sb.hvp(sb.parse(model)))(**data, **{f"v_{n}": v for n, v in along.items()})[1]
    first = sum(np.sum(gradients[n] * along[n]) for n in data)
    second = sum(np.sum(products[n] * along[n]) for n in data)
    steps = [2.0**-k for k in range(6, 10)]
    ends = [loss(*(data[n] + h * along[n] for n in data)) - value for h in steps]
    rests = [[abs(e - h * first) for e, h in zip(ends, steps)], [abs(e - h * first - h * h / 2 * second) for e, h in zip(ends, steps)]]
    return tuple(min(np.log2(a / b) for a, b in zip(rest, rest[1:])) for rest in rests)


@pytest.mark.parametrize("name", [n for n in LOSSES if n != "least squares"])
def test_taylor_rates_are_two_and_three(name: str) -> None:
    second, third = taylor(name)
    assert second >= 1.95 and third >= 2.95


def deep(depth: int) -> Program:
    lines = ["x: R[n]; y: R[n]", *(f"W{k}: R[n, n]; b{k}: R[n]" for k in range(1, depth + 1))]
    lines += [f"z{k} = W{k} @ {f'a{k - 1}' if k > 1 else 'x'} + b{k}; a{k} = sigmoid(z{k})" for k in range(1, depth + 1)]
    return sb.parse("\n".join([*lines, f"C = sum((a{depth} - y)**2) / 2"]))


def multiplications(equations: tuple, n: int = 50) -> int:
    """Products of entries that the contractions of some equations take, each node once an equation."""
    return sum(n ** len({i for labels in node.inputs for i in labels}) * (len(node.operands) - 1)
               for e in equations for node in walk(e.expr) if type(node) is Contract)


@pytest.mark.parametrize("depth", [1, 2, 8, 64])
def test_a_product_costs_at_most_four_gradients_at_every_depth(depth: int) -> None:
    net = deep(depth)
    wrt = [n for n in net.inputs if n[0] in "Wb"]
    products = sb.hvp(net, wrt)
    gradient = multiplications((*net.equations, *sb.derive(net, wrt).backward.equations))
    assert multiplications((*net.equations, *products.equations)) <= 4 * gradient


def test_the_size_of_a_product_is_linear_in_depth() -> None:
    lengths = [len(str(sb.hvp(deep(depth)))) / depth for depth in (16, 64)]
    assert lengths[1] <= 1.1 * lengths[0]


def test_names_that_are_not_there_are_refused() -> None:
    net = sb.parse(UNIT)
    for call in (lambda: sb.jacobian(net, "q", "x"), lambda: sb.jacobian(net, "z", "q"), lambda: sb.jvp(net, "q"), lambda: sb.hvp(net, ["q"])):
        with pytest.raises(sb.SymbackpropError, match="q"):
            call()
    with pytest.raises(TypeError):
        sb.hvp(net, "W")


def test_a_direction_gives_way_to_a_name_of_the_user() -> None:
    call = sb.lambdify(sb.jvp(sb.parse("x: R[n]; v_x: R[n]\nC = x @ v_x"), "C", ["x"]))
    assert call(x=[1.0, 2.0], v_x=[3.0, 4.0], v_x_=[1.0, 0.0])[1]["C"] == 3.0
