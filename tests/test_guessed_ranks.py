"""Texts that state no ranks: what is right at the natural ranks is never refuted, and what is wrong at them stays refuted.

Labels come from central differences in NumPy at the ranks that each text's style means.
"""

from __future__ import annotations

import textwrap
from collections.abc import Callable

import numpy as np
import pytest

import symbackprop as sb

Values = dict[str, np.ndarray]
LINEAR, ONE = dict(X=(5, 3), y=(5,), w=(3,), b=()), dict(x=(5,), y=(5,), w=(), b=())

# (body of the function, whose loss is `loss` and whose gradients are d<name>; natural shapes)
CODE = {
    "mean": ("p = X.dot(w) + b\nloss = 0.5*np.mean((p-y)**2)\ndb = np.mean(p-y)", LINEAR),
    "sum over n": ("n = X.shape[0]\np = X.dot(w) + b\nloss = 0.5*np.mean((p-y)**2)\ndb = np.sum(p-y)/n", LINEAR),
    "logistic": ("m = X.shape[0]\np = 1/(1+np.exp(-(np.dot(X, w) + b)))\nloss = -np.mean(y*np.log(p) + (1-y)*np.log(1-p))\n"
                 "dw = np.dot(X.T, p - y)/m\ndb = np.sum(p - y)", {**LINEAR, "y": "probability"}),
    "one output": ("n = len(x)\nh = np.tanh(x @ W1 + b1)\nout = h @ W2 + b2\nloss = np.mean((out - y)**2)\ne = 2*(out - y)/n\n"
                   "dW2 = h.T @ e\ndb2 = e.sum(axis=0)\nback = e @ W2.T\ndW1 = x.T @ (back*(1 - h))\ndb1 = (back*(1 - h**2)).sum(axis=0)",
                   dict(x=(5, 3), y=(5, 1), W1=(3, 4), b1=(4,), W2=(4, 1), b2=(1,))),
    "ridge": ("m = len(y)\nerr = X @ theta - y\nloss = np.mean(err**2)/2 + lam/(2*m)*np.sum(theta**2)\n"
              "dtheta = X.T @ err/m + lam/m*theta", dict(X=(5, 3), y=(5,), theta=(3,), lam=())),
    "residual first": ("n = X.shape[0]\nr = X @ w + b - y\nloss = np.mean(r**2)\ndw = 2/n * (r @ X)\ndb = 1/n * r.sum()", LINEAR),
}

BELOW = lambda name: rf"\frac{{\partial L}}{{\partial {name}}} = "
SQUARES = lambda v, p: np.mean((p - v["y"])**2)
AFFINE = lambda v: v["X"] @ v["w"] + v["b"]
SIGMOID = lambda z: 1 / (1 + np.exp(-z))
# (definitions, loss, natural shapes, [(name, right side, its value)])
TEX = {
    "x w + b": (r"\hat y = x w + b" "\n" r"L = \frac{1}{n} \sum_{i=1}^n (\hat y_i - y_i)^2", lambda v: SQUARES(v, AFFINE(v)), LINEAR, [
        ("b", r"\frac{2}{n} \sum_{i=1}^n (\hat y_i - y_i)", lambda v: 2*np.mean(AFFINE(v) - v["y"])),
        ("w", r"\frac{1}{n} \sum_{i=1}^n (\hat y_i - y_i) x_i", lambda v: (AFFINE(v) - v["y"]) @ v["X"] / 5)]),
    "X w + b": (r"\hat y = X w + b" "\n" r"L = \frac{1}{2n} \|\hat y - y\|^2", lambda v: SQUARES(v, AFFINE(v)) / 2, LINEAR, [
        ("b", r"\frac{1}{n} \sum_{i=1}^n (\hat y_i - y_i)", lambda v: np.mean(AFFINE(v) - v["y"])),
        ("w", r"\frac{1}{n} X^T (\hat y - y)", lambda v: v["X"].T @ (AFFINE(v) - v["y"]) / 5)]),
    "tanh": (r"\hat y = \tanh(X w + b)" "\n" r"L = \frac{1}{n} \sum_{i=1}^n (\hat y_i - y_i)^2" "\n" r"g = \frac{2}{n} (\hat y - y) \odot (1 - \hat y \odot \hat y)",
             lambda v: SQUARES(v, np.tanh(AFFINE(v))), LINEAR, [
        ("w", "X^T g", lambda v: v["X"].T @ (2/5*(np.tanh(AFFINE(v)) - v["y"])*(1 - np.tanh(AFFINE(v))**2))),
        ("b", r"\sum_{i=1}^n g_i", lambda v: np.sum(2/5*(np.tanh(AFFINE(v)) - v["y"])*(1 - np.tanh(AFFINE(v))**2)))]),
    "ones": (r"r = X w + b \mathbf{1} - y" "\n" r"L = \frac{1}{2m} r^T r", lambda v: SQUARES(v, AFFINE(v)) / 2 * 5/7, {**LINEAR, "m": 7}, [
        ("w", r"\frac{1}{m} X^T r", lambda v: v["X"].T @ (AFFINE(v) - v["y"]) / 7),
        ("b", r"\frac{2}{m} \mathbf{1}^T r", lambda v: 2*np.sum(AFFINE(v) - v["y"]) / 7)]),
    "a line": (r"\hat y_i = w x_i + b" "\n" r"L = \frac{1}{n} \sum_{i=1}^n (\hat y_i - y_i)^2", lambda v: SQUARES(v, v["w"]*v["x"] + v["b"]), ONE, [
        ("w", r"\frac{2}{n} \sum_{i=1}^n (\hat y_i - y_i) x_i", lambda v: 2*np.mean((v["w"]*v["x"] + v["b"] - v["y"])*v["x"])),
        ("b", r"\frac{1}{n} \sum_{i=1}^n (\hat y_i - y_i)", lambda v: np.mean(v["w"]*v["x"] + v["b"] - v["y"]))]),
    "a layer": (r"z = W x + b" "\n" r"L = \frac{1}{2} \|z - y\|^2", lambda v: np.sum((v["W"] @ v["x"] + v["b"] - v["y"])**2) / 2,
                dict(W=(4, 3), x=(3,), b=(4,), y=(4,)), [
        ("x", "W^T (z - y)", lambda v: v["W"].T @ (v["W"] @ v["x"] + v["b"] - v["y"])),
        ("b", r"\sum_i (z_i - y_i)", lambda v: np.sum(v["W"] @ v["x"] + v["b"] - v["y"]))]),
}


def drawn(shapes: dict[str, object]) -> Values:
    rng = np.random.default_rng(3)
    return {n: rng.uniform(0.2, 0.8, 5) if s == "probability" else rng.normal(size=s) for n, s in shapes.items() if not isinstance(s, int)}


def slope(loss: Callable[[Values], float], values: Values, name: str) -> np.ndarray:
    """Central differences of a loss by one of its values."""
    found = np.zeros(np.shape(values[name]))
    for at in np.ndindex(found.shape):
        step = np.zeros(found.shape)
        step[at] = 1e-5
        found[at] = (loss({**values, name: values[name] + step}) - loss({**values, name: values[name] - step})) / 2e-5
    return found


def is_close(given: object, wanted: np.ndarray) -> bool:
    return np.shape(given) == wanted.shape and np.allclose(given, wanted, rtol=1e-6, atol=1e-8)


@pytest.mark.parametrize("title", CODE)
def test_code_without_shapes_is_judged_as_differences_at_natural_shapes_say(title: str) -> None:
    body, shapes = CODE[title]
    head = f"def step({', '.join(shapes)}):\n{textwrap.indent(body, '    ')}\n    return "
    space: dict[str, object] = {"np": np}
    exec(head + "locals()", space)
    run, values = space["step"], drawn(shapes)
    lines = [line.split(" = ")[0] for line in body.split("\n") if line[0] == "d"]
    labels = {name: is_close(run(**values)[name], slope(lambda v: run(**v)["loss"], values, name[1:])) for name in lines}
    found = {v.quantity: v for v in sb.verify(f"import numpy as np\n{head}{', '.join(lines)}\n")}
    assert {n: found[n].verdict for n in labels} == {n: "proved" if right else "refuted" for n, right in labels.items()}


@pytest.mark.parametrize("title", TEX)
def test_formulas_without_shapes_are_judged_as_differences_at_natural_shapes_say(title: str) -> None:
    definitions, loss, shapes, claims = TEX[title]
    values = drawn(shapes)
    labels = [is_close(value(values), slope(loss, values, name)) for name, _, value in claims]
    found = sb.verify("\n".join([definitions, *(BELOW(name) + right for name, right, _ in claims)]))
    assert [v.verdict for v in found if "partial" in v.claim] == ["proved" if right else "refuted" for right in labels]


def test_the_reading_that_was_taken_is_said() -> None:
    body, shapes = CODE["sum over n"]
    found, = sb.verify(f"def step({', '.join(shapes)}):\n{textwrap.indent(body, '    ')}\n    return db\n")
    assert {"w is taken to be w_0", "y is taken to be n"} <= set(found.assumptions)
    definitions, *_, claims = TEX["X w + b"]
    found, = sb.verify(definitions + "\n" + BELOW("b") + claims[0][1])
    assert "b is taken to be a scalar" in found.assumptions


def test_one_class_leaves_nothing_to_say() -> None:
    """Targets of one column make a softmax constant and every gradient zero: no reading that anybody means."""
    text = ("def step(X, y, W):\n    z = X @ W\n    e = np.exp(z)\n    p = e / np.sum(e, axis=1, keepdims=True)\n"
            "    loss = np.sum((p - y)**2)\n    dW = X.T @ (2*(p - y)*p*(1 - p))\n    return loss, dW\n")
    assert [v.verdict for v in sb.verify(text)] == ["refuted"]


def test_declared_shapes_are_kept() -> None:
    body, shapes = CODE["sum over n"]
    declared = "# X: R[n, d], y: R[n, k], w: R[d, k], b: R\n"
    assert [v.verdict for v in sb.verify(f"{declared}def step({', '.join(shapes)}):\n{textwrap.indent(body, '    ')}\n    return db\n")] == ["refuted"]
