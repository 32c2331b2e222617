"""Models for second order, each with its loss written by hand in JAX from the mathematics, not from our source.

A model is its text, the loss, and where it has one a value in between: its name and the same in JAX.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

Array = jax.Array


class Model(NamedTuple):
    text: str
    loss: Callable[..., Array]
    of: str = ""
    value: Callable[..., Array] | None = None


def half_square(r: Array) -> Array:
    return 0.5 * jnp.sum(r * r)


def softmax(z: Array, axis: int = -1) -> Array:
    e = jnp.exp(z)
    return e / jnp.sum(e, axis=axis, keepdims=True)


def sigmoid(z: Array) -> Array:
    return 1 / (1 + jnp.exp(-z))


def sym(a: Array) -> Array:
    return (a + a.T) / 2


def normalised(x: Array) -> Array:
    centred = x - jnp.mean(x, axis=1, keepdims=True)
    return centred / jnp.sqrt(jnp.mean(centred**2, axis=1, keepdims=True) + 0.1)


def attention(X: Array, Q: Array, K: Array, V: Array) -> Array:
    return softmax((X @ Q) @ (X @ K).T / jnp.sqrt(2.0)) @ (X @ V)


def series(a: Array) -> Array:
    """exp(a) by its series."""
    total = term = jnp.eye(len(a))
    for k in range(1, 40):
        term = term @ a / k
        total = total + term
    return total


def network(depth: int, f: str) -> tuple[str, Callable[..., Array], Callable[..., Array]]:
    """A network of `depth` layers: its text, its loss and its last pre-activation."""
    sizes = ["n", *("mn"[k % 2] for k in range(depth - 1)), "k"]
    names = [f"W{k}" for k in range(1, depth + 1)]
    lines = ["x: R[n]; y: R[k]", *(f"W{k}: R[{sizes[k]}, {sizes[k - 1]}]; b{k}: R[{sizes[k]}]" for k in range(1, depth + 1))]
    lines += [f"z{k} = W{k} @ {f'a{k - 1}' if k > 1 else 'x'} + b{k}; a{k} = {f}(z{k})" for k in range(1, depth)]
    lines.append(f"z{depth} = W{depth} @ {f'a{depth - 1}' if depth > 1 else 'x'} + b{depth}; C = sum((z{depth} - y)**2) / 2")
    own = {"tanh": jnp.tanh, "sigmoid": sigmoid, "softplus": lambda z: jnp.log1p(jnp.exp(z))}[f]

    def last(**v: Array) -> Array:
        a = v["x"]
        for k, name in enumerate(names, 1):
            z = v[name] @ a + v[f"b{k}"]
            a = own(z)
        return z
    return "\n".join(lines), lambda **v: half_square(last(**v) - v["y"]), last


def deep(depth: int, f: str) -> Model:
    text, loss, last = network(depth, f)
    return Model(text, loss, f"z{depth}", last)


CLASSIFIER = "x: R[n]; y: R[k]; W1: R[m, n]; b1: R[m]; W2: R[k, m]; b2: R[k]\nz1 = W1 @ x + b1; a1 = tanh(z1); z2 = W2 @ a1 + b2\np = softmax(z2)\nC = -sum(y * log(p))"
MODELS: dict[str, Model] = {
    # elementwise
    "powers": Model("x: R[n]; y: R[n]\nC = sum(x**3 * y**2 + 2**x)", lambda x, y: jnp.sum(x**3 * y**2 + 2.0**x)),
    "mixed": Model("x: R[n]; y: R[n]\nu = exp(x) * sin(y)\nC = sum(u**2)", lambda x, y: jnp.sum((jnp.exp(x) * jnp.sin(y)) ** 2), "u",
                   lambda x, y: jnp.exp(x) * jnp.sin(y)),
    "quotient": Model("x: R[n]; a: R[n]\nC = (a @ x) / (1 + x @ x)", lambda x, a: (a @ x) / (1 + x @ x)),
    "activations": Model("x: R[n]\nu = sigmoid(x) * tanh(x) + softplus(x)\nC = sum(u**2)",
                         lambda x: jnp.sum((sigmoid(x) * jnp.tanh(x) + jnp.log1p(jnp.exp(x))) ** 2), "u",
                         lambda x: sigmoid(x) * jnp.tanh(x) + jnp.log1p(jnp.exp(x))),
    "scalar and vector": Model("x: R[n]; b: R\nC = sum((b * x)**2) + exp(b)", lambda x, b: jnp.sum((b * x) ** 2) + jnp.exp(b)),
    "scalar and matrix": Model("X: R[m, n]; b: R\nC = sum((b * X)**3)", lambda X, b: jnp.sum((b * X) ** 3)),
    # least squares, softmax and cross-entropy
    "least squares": Model("X: R[m, n]; y: R[m]; w: R[n]\nr = X @ w - y\nC = sum(r**2)", lambda X, y, w: jnp.sum((X @ w - y) ** 2), "r",
                           lambda X, y, w: X @ w - y),
    "matrix least squares": Model("X: R[m, n]; Y: R[m, k]; W: R[n, k]\nZ = X @ W\nC = sum((Z - Y)**2)", lambda X, Y, W: jnp.sum((X @ W - Y) ** 2),
                                  "Z", lambda X, Y, W: X @ W),
    "logits": Model("z: R[n]; y: R[n]\np = softmax(z)\nC = -sum(y * log(p))", lambda z, y: -jnp.sum(y * jnp.log(softmax(z))), "p",
                    lambda z, y: softmax(z)),
    "log-sum-exp": Model("A: R[m, n]; x: R[n]\nC = logsumexp(A @ x)", lambda A, x: jnp.log(jnp.sum(jnp.exp(A @ x)))),
    "softmax of rows": Model("X: R[m, n]; G: R[m, n]\nP = softmax(X, axis=1)\nC = sum(G * P)", lambda X, G: jnp.sum(G * softmax(X)), "P",
                             lambda X, G: softmax(X)),
    "logistic": Model("X: R[m, n]; t: R[m]; w: R[n]\nC = sum(softplus(-t * (X @ w)))", lambda X, t, w: jnp.sum(jnp.log1p(jnp.exp(-t * (X @ w))))),
    "classifier": Model(CLASSIFIER, lambda x, y, W1, b1, W2, b2: -jnp.sum(y * jnp.log(softmax(W2 @ jnp.tanh(W1 @ x + b1) + b2))), "z2",
                        lambda x, y, W1, b1, W2, b2: W2 @ jnp.tanh(W1 @ x + b1) + b2),
    "batch": Model("X: R[m, n]; Y: R[m, k]; W: R[n, k]; b: R[k]\nZ = X @ W + b\nC = -sum(Y * log_softmax(Z, axis=1)) / m",
                   lambda X, Y, W, b: -jnp.mean(jnp.sum(Y * jnp.log(softmax(X @ W + b)), axis=1)), "Z", lambda X, Y, W, b: X @ W + b),
    # functions of matrices
    "quadratic form": Model("A: R[n, n]; x: R[n]\nC = x @ A @ x", lambda A, x: x @ A @ x),
    "log det": Model("X: R[n, n]\nC = logdet(X @ X.T + eye(n))", lambda X: jnp.linalg.slogdet(X @ X.T + jnp.eye(len(X)))[1]),
    "determinant": Model("X: R[n, n]\nC = det(X)", lambda X: jnp.linalg.det(X)),
    "inverse": Model("X: R[n, n]; a: R[n]\nY = inv(X)\nC = a @ Y @ a", lambda X, a: a @ jnp.linalg.inv(X) @ a, "Y", lambda X, a: jnp.linalg.inv(X)),
    "solve": Model("X: R[n, n]; a: R[n]\nu = solve(X, a)\nC = sum(u**3)", lambda X, a: jnp.sum(jnp.linalg.solve(X, a) ** 3), "u",
                   lambda X, a: jnp.linalg.solve(X, a)),
    "pseudo-inverse": Model("X: R[m, n]; G: R[n, m]\nC = sum(G * pinv(X))", lambda X, G: jnp.sum(G * (jnp.linalg.inv(X.T @ X) @ X.T))),
    "power": Model("X: R[n, n]\nP = matrix_power(X, 3)\nC = sum(P**2)", lambda X: jnp.sum((X @ X @ X) ** 2), "P", lambda X: X @ X @ X),
    "exponential": Model("X: R[n, n]; G: R[n, n]\nC = sum(G * expm(X))", lambda X, G: jnp.sum(G * series(X))),
    "Cholesky": Model("X: R[n, n]; G: R[n, n]\nC = sum(G * cholesky(X @ X.T + eye(n)))",
                      lambda X, G: jnp.sum(G * jnp.linalg.cholesky(X @ X.T + jnp.eye(len(X))))),
    "Frobenius norm": Model("X: R[m, n]\nC = norm(X)**3", lambda X: jnp.sqrt(jnp.sum(X * X)) ** 3),
    "spectral norm": Model("X: R[m, n]\nC = norm(X, 2)**2", lambda X: jnp.linalg.svd(X, full_matrices=False)[1][0] ** 2),
    "nuclear norm": Model("X: R[m, n]\nC = norm(X, 'nuc')**2", lambda X: jnp.sum(jnp.linalg.svd(X, full_matrices=False)[1]) ** 2),
    "largest eigenvalue": Model("X: R[n, n]\nC = eigvalsh(X)[-1]**2", lambda X: jnp.linalg.eigh(sym(X))[0][-1] ** 2),
    "all eigenvalues": Model("X: R[n, n]\nC = sum(exp(eigvalsh(X)))", lambda X: jnp.sum(jnp.exp(jnp.linalg.eigh(sym(X))[0]))),
    "eigenvector": Model("X: R[n, n]; c: R[n]\nv = eigh(X)[1][:, 0]\nC = (c @ v)**2", lambda X, c: (c @ jnp.linalg.eigh(sym(X))[1][:, 0]) ** 2),
    # networks
    **{f"network of {depth} layers": deep(depth, f) for depth, f in ((2, "sigmoid"), (3, "tanh"), (4, "softplus"), (6, "sigmoid"), (8, "tanh"))},
    "attention": Model("X: R[m, n]; Q: R[n, k]; K: R[n, k]; V: R[n, n]\nP = softmax((X @ Q) @ (X @ K).T / sqrt(2), axis=1)\nO = P @ (X @ V)\nC = sum(O**2) / 2",
                       lambda X, Q, K, V: half_square(attention(X, Q, K, V)), "O", attention),
    "layer norm": Model("X: R[m, n]; g: R[n]; b: R[n]\nD = X - mean(X, axis=1, keepdims=True)\ns = sqrt(mean(D**2, axis=1, keepdims=True) + 0.1)\n"
                        "Y = g * (D / s) + b\nC = sum(Y**3)", lambda X, g, b: jnp.sum((g * normalised(X) + b) ** 3), "Y",
                        lambda X, g, b: g * normalised(X) + b),
    "residual block": Model("x: R[n]; W: R[m, n]; V: R[n, m]\nz = W @ x; a = x + V @ sigmoid(z)\nC = logsumexp(a)",
                            lambda x, W, V: jnp.log(jnp.sum(jnp.exp(x + V @ sigmoid(W @ x)))), "a", lambda x, W, V: x + V @ sigmoid(W @ x)),
}


def data(shapes: dict[str, tuple[int, ...]], seed: int) -> dict[str, np.ndarray]:
    """Normal numbers, square matrices away from singular ones and from equal eigenvalues."""
    rng = np.random.default_rng(seed)
    made = {n: 0.6 * rng.normal(size=shape) for n, shape in shapes.items()}
    return {n: v + np.diag(1.0 + np.arange(len(v))) if v.ndim == 2 and v.shape[0] == v.shape[1] == 3 else v for n, v in made.items()}
