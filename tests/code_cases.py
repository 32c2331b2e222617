"""Each file under tests/code: how to run it, what its gradients are of, and the one mistake made in it by hand."""

from __future__ import annotations

import copy
import sys
from collections.abc import Callable
from typing import NamedTuple

import numpy as np

Arrays = dict[str, np.ndarray]
Loss = Callable[[Arrays], float]
Claimed = dict[str, tuple[str, np.ndarray]]
Runner = Callable[[dict, np.random.Generator], tuple[Loss, Arrays, Claimed]]


class Case(NamedTuple):
    """`run(module, rng)` gives the loss as a function of arrays, the arrays, and quantity -> (array, gradient as coded).

    `wrong`: quantities whose numbers are wrong; `mistake`: the one whose own line is; `fragment` stands in that line.
    """

    file: str
    run: Runner
    wrong: frozenset[str] = frozenset()
    mistake: str = ""
    fragment: str = ""
    kinds: tuple[str, ...] = ()
    fix: str = ""


def locals_of(function: Callable, *args: object) -> dict[str, object]:
    """The local names of a call as it returns."""
    code = getattr(function, "__func__", function).__code__
    found: dict[str, object] = {}

    def watch(frame: object, event: str, _: object) -> None:
        if event == "return" and frame.f_code is code:
            found.update(frame.f_locals)

    sys.setprofile(watch)
    try:
        function(*args)
    finally:
        sys.setprofile(None)
    return found


def weights(rng: np.random.Generator, **shapes: tuple[int, ...]) -> Arrays:
    return {name: rng.normal(size=shape) for name, shape in shapes.items()}


def put_in(owner: object, values: Arrays) -> object:
    """A copy of an object with some of its arrays replaced."""
    other = copy.copy(owner)
    other.__dict__.update({k: np.array(v, dtype=float) for k, v in values.items()})
    return other


def attention_head(module: dict, rng: np.random.Generator) -> tuple[Loss, Arrays, Claimed]:
    head, dout = module["AttentionHead"](3, 2), rng.normal(size=(4, 2))
    values = weights(rng, Wq=(3, 2), Wk=(3, 2), Wv=(3, 2), X=(4, 3))
    ran = put_in(head, values)
    ran.forward(values["X"])
    own = locals_of(ran.backward, dout)
    claimed = {f"self.d{n}": (n, getattr(ran, f"d{n}")) for n in ("Wq", "Wk", "Wv")}
    back = own["dQ"] @ ran.Wq.T + own["dK"] @ ran.Wk.T + own["dV"] @ ran.Wv.T
    return lambda v: np.sum(put_in(head, v).forward(v["X"]) * dout), values, claimed | {"AttentionHead.backward": ("X", back)}


def autoencoder(module: dict, rng: np.random.Generator) -> tuple[Loss, Arrays, Claimed]:
    net, X = module["Autoencoder"](3, 2), rng.uniform(size=(5, 3))
    values = weights(rng, W_enc=(3, 2), b_enc=(2,), W_dec=(2, 3), b_dec=(3,))
    own = locals_of(put_in(net, values).step, X)
    return lambda v: put_in(net, v).step(X), values, {f"{n}_grad": (n, own[f"{n}_grad"]) for n in values}


def batchnorm(module: dict, rng: np.random.Generator) -> tuple[Loss, Arrays, Claimed]:
    values, dout = weights(rng, x=(5, 3), gamma=(3,), beta=(3,)), rng.normal(size=(5, 3))
    forward = module["batchnorm_forward"]
    found = module["batchnorm_backward"](dout, forward(**values)[1])
    return lambda v: np.sum(forward(**v)[0] * dout), values, {f"d{n}": (n, g) for n, g in zip(values, found)}


def deep_functions(module: dict, rng: np.random.Generator) -> tuple[Loss, Arrays, Claimed]:
    X, Y = rng.normal(size=(4, 6)), rng.integers(0, 2, size=(1, 6))
    values = weights(rng, W1=(3, 4), b1=(3, 1), W2=(5, 3), b2=(5, 1), W3=(1, 5), b3=(1, 1))
    forward = module["L_model_forward"]
    AL, caches = forward(X, values)
    found = module["L_model_backward"](AL, Y, caches)
    return lambda v: module["compute_cost"](forward(X, v)[0], Y), values, {f"grads['d{n}']": (n, found[f"d{n}"]) for n in values}


def eleven_lines(module: dict, rng: np.random.Generator) -> tuple[Loss, Arrays, Claimed]:
    """The steps are whole gradients of half the squared error, downwards."""
    nonlin, X, y = module["nonlin"], module["X"], module["y"]
    values = {n: module[n] for n in ("syn0", "syn1")}
    l1 = nonlin(X @ values["syn0"])
    l2 = nonlin(l1 @ values["syn1"])
    delta = (y - l2) * nonlin(l2, True)
    steps = {"syn1": l1.T @ delta, "syn0": X.T @ (delta @ values["syn1"].T * nonlin(l1, True))}

    def loss(v: Arrays) -> float:
        return np.sum((nonlin(nonlin(X @ v["syn0"]) @ v["syn1"]) - y) ** 2) / 2

    return loss, values, {f"update of {n}": (n, -step) for n, step in steps.items()}


def layernorm(module: dict, rng: np.random.Generator) -> tuple[Loss, Arrays, Claimed]:
    values, dout = weights(rng, x=(4, 5), gamma=(5,), beta=(5,)), rng.normal(size=(4, 5))
    forward = module["layernorm_forward"]
    found = module["layernorm_backward"](dout, forward(**values)[1])
    return lambda v: np.sum(forward(**v)[0] * dout), values, {f"d{n}": (n, g) for n, g in zip(values, found)}


def layers(module: dict, rng: np.random.Generator) -> tuple[Loss, Arrays, Claimed]:
    dense, dout = module["Dense"](3, 2), rng.normal(size=(4, 2))
    values = weights(rng, weights=(3, 2), biases=(2,), input=(4, 3)) | {"r": rng.normal(size=(4, 2)), "s": rng.normal(size=(4, 2))}
    ran, relu, sigmoid = put_in(dense, values), module["ReLU"](), module["Sigmoid"]()

    def loss(v: Arrays) -> float:
        parts = put_in(dense, v).forward(v["input"]), relu.forward(v["r"]), sigmoid.forward(v["s"])
        return sum(np.sum(p * dout) for p in parts)

    loss(values)
    ran.forward(values["input"])
    back = ran.backward(dout)
    return loss, values, {"grad_input": ("input", back), "self.grad_weights": ("weights", ran.grad_weights),
                          "self.grad_biases": ("biases", ran.grad_biases), "ReLU.backward": ("r", relu.backward(dout)),
                          "Sigmoid.backward": ("s", sigmoid.backward(dout))}


def line_fit(module: dict, rng: np.random.Generator) -> tuple[Loss, Arrays, Claimed]:
    """Fitting starts at 0, so the first round's gradients are those at 0."""
    x, y = rng.normal(size=7), rng.normal(size=7)
    own = locals_of(module["gradient_descent"], x, y, 0.01, 1)
    return lambda v: np.mean((y - v["m"] * x - v["c"]) ** 2), {"m": np.zeros(()), "c": np.zeros(())}, {n: (n[1], own[n]) for n in ("dm", "dc")}


def logistic_propagate(module: dict, rng: np.random.Generator) -> tuple[Loss, Arrays, Claimed]:
    X, Y, values = rng.normal(size=(3, 5)), rng.integers(0, 2, size=(1, 5)), weights(rng, w=(3, 1), b=())
    grads, _ = module["propagate"](values["w"], values["b"], X, Y)
    return lambda v: module["propagate"](v["w"], v["b"], X, Y)[1], values, {"dw": ("w", grads["dw"]), "db": ("b", grads["db"])}


def lstm_cell(module: dict, rng: np.random.Generator) -> tuple[Loss, Arrays, Claimed]:
    cell, up = module["LSTMCell"](2, 3), rng.normal(size=(2, 3, 4))
    shapes = {f"{kind}{gate}": shape for gate in "figo" for kind, shape in (("W", (3, 2)), ("U", (3, 3)), ("b", (3, 1)))}
    values = weights(rng, **shapes, x=(2, 4), h_prev=(3, 4), c_prev=(3, 4))

    def forward(v: Arrays) -> object:
        ran = put_in(cell, v)
        ran.forward(v["x"], v["h_prev"], v["c_prev"])
        return ran

    ran = forward(values)
    names = ("dx", "dh_prev", "dc_prev")
    claimed = {n: (n[1:], g) for n, g in zip(names, ran.backward(*up))} | {f"self.d{n}": (n, getattr(ran, f"d{n}")) for n in shapes}
    return lambda v: np.sum((r := forward(v)).h * up[0] + r.c * up[1]), values, claimed


def mlp_class(module: dict, rng: np.random.Generator) -> tuple[Loss, Arrays, Claimed]:
    net, X, y = module["MLP"](3, 4, 2), rng.normal(size=(5, 3)), rng.normal(size=(5, 2))
    values = weights(rng, W1=(3, 4), b1=(1, 4), W2=(4, 2), b2=(1, 2))
    ran = put_in(net, values)
    ran.loss(X, y)
    ran.backward(X, y)
    return lambda v: put_in(net, v).loss(X, y), values, {f"self.d{n}": (n, getattr(ran, f"d{n}")) for n in values}


def planar_functions(module: dict, rng: np.random.Generator) -> tuple[Loss, Arrays, Claimed]:
    X, Y = rng.normal(size=(2, 6)), rng.integers(0, 2, size=(1, 6))
    values = weights(rng, W1=(4, 2), b1=(4, 1), W2=(1, 4), b2=(1, 1))
    forward = module["forward_propagation"]
    found = module["backward_propagation"](values, forward(X, values)[1], X, Y)
    return lambda v: module["compute_cost"](forward(X, v)[0], Y), values, {f"d{n}": (n, found[f"d{n}"]) for n in values}


def rnn_step(module: dict, rng: np.random.Generator) -> tuple[Loss, Arrays, Claimed]:
    values, up = weights(rng, x=(4, 2), prev_h=(4, 3), Wx=(2, 3), Wh=(3, 3), b=(3,)), rng.normal(size=(4, 3))
    forward = module["rnn_step_forward"]
    found = module["rnn_step_backward"](up, forward(**values)[1])
    return lambda v: np.sum(forward(**v)[0] * up), values, {f"d{n}": (n, g) for n, g in zip(values, found)}


def softmax_regression(module: dict, rng: np.random.Generator) -> tuple[Loss, Arrays, Claimed]:
    net, X, Y = module["SoftmaxRegression"](3, 4), rng.normal(size=(5, 3)), np.eye(4)[rng.integers(0, 4, size=5)]
    values = weights(rng, W=(3, 4), b=(1, 4))
    own = locals_of(put_in(net, values).fit, X, Y, 1)
    return lambda v: locals_of(put_in(net, v).fit, X, Y, 1)["loss"], values, {"dW": ("W", own["dW"]), "db": ("b", own["db"])}


def stale_weights(module: dict, rng: np.random.Generator) -> tuple[Loss, Arrays, Claimed]:
    net, x, y, values = module["Network"](3, 4, 2), rng.normal(size=(3, 1)), rng.normal(size=(2, 1)), weights(rng, W1=(4, 3), W2=(2, 4))
    own = locals_of(put_in(net, values).train_step, x, y, 0.1)
    return lambda v: put_in(net, v).train_step(x, y), values, {"dW1": ("W1", own["dW1"]), "dW2": ("W2", own["dW2"])}


def two_layer_net(module: dict, rng: np.random.Generator) -> tuple[Loss, Arrays, Claimed]:
    net, X, y = module["TwoLayerNet"](3, 4, 5), rng.normal(size=(6, 3)), rng.integers(0, 5, size=6)
    values = weights(rng, W1=(3, 4), b1=(4,), W2=(4, 5), b2=(5,))

    def run(v: Arrays) -> tuple[float, Arrays]:
        net.params = {k: np.array(a) for k, a in v.items()}
        return net.loss(X, y, 0.3)

    found = run(values)[1]
    return lambda v: run(v)[0], values, {f"grads['{n}']": (n, g) for n, g in found.items()}


def two_weights(module: dict, rng: np.random.Generator) -> tuple[Loss, Arrays, Claimed]:
    """The steps are whole gradients of the squared error, downwards."""
    net = module["NeuralNetwork"](rng.normal(size=(5, 3)), rng.uniform(size=(5, 1)))
    values = {n: getattr(net, n).copy() for n in ("weights1", "weights2")}

    def loss(v: Arrays) -> float:
        ran = put_in(net, v)
        ran.feedforward()
        return np.sum((ran.output - ran.y) ** 2)

    ran = put_in(net, values)
    ran.feedforward()
    own = locals_of(ran.backprop)
    return loss, values, {f"update of self.{n}": (n, -own[f"d_{n}"]) for n in values}


def recomputed_forward(module: dict, rng: np.random.Generator) -> tuple[Loss, Arrays, Claimed]:
    values = weights(rng, X=(5, 3), W1=(3, 4), b1=(4,), W2=(4, 2), b2=(2,), y=(5, 2))
    own = locals_of(module["backward"], *values.values())
    return lambda v: module["forward"](**v), values, {f"d{n}": (n, own[f"d{n}"]) for n in ("W1", "b1", "W2", "b2")}


CASES = (
    Case("attention_head.py", attention_head, frozenset({"self.dWk", "AttentionHead.backward"}), "dK", "dS.T @ self.Q", ("scale", "missing-factor"),
         "dK = 1 / sqrt(d_k) * dS.T @ self.Q"),
    Case("autoencoder.py", autoencoder, frozenset({"W_enc_grad", "b_enc_grad"}), "delta_enc", "sigmoid_prime(code)", ("wrong-tensor",),
         "delta_enc = np.dot(delta_dec, self.W_dec.T) * self.sigmoid_prime(z_enc)"),
    Case("batchnorm.py", batchnorm),
    Case("deep_functions.py", deep_functions),
    Case("eleven_lines.py", eleven_lines),
    Case("layernorm.py", layernorm, frozenset({"dx"}), "dx", "xhat * (dxhat * xhat).sum", ("scale", "missing-factor")),
    Case("layers.py", layers, frozenset({"self.grad_biases"}), "self.grad_biases", "mean(axis=0)", ("scale",)),
    Case("line_fit.py", line_fit),
    Case("logistic_propagate.py", logistic_propagate, frozenset({"db"}), "db", "np.sum(A - Y)", ("scale",), "db = 1 / m * np.sum(A - Y)"),
    Case("lstm_cell.py", lstm_cell),
    Case("mlp_class.py", mlp_class, frozenset({"self.dW2"}), "self.dW2", "self.a1.T @ dz2", ("scale", "missing-factor"),
         "self.dW2 = 1 / m * self.a1.T @ dz2"),
    Case("planar_functions.py", planar_functions, frozenset({"dW1", "db1"}), "dZ1", "np.dot(W2.T, dZ2)", ("missing-activation-derivative",),
         "dZ1 = np.dot(W2.T, dZ2) * (1 - A1**2)"),
    Case("recomputed_forward.py", recomputed_forward),
    Case("rnn_step.py", rnn_step, frozenset({"dprev_h"}), "dprev_h", "np.dot(dz, Wh)", ("missing-transpose",), "dprev_h = np.dot(dz, Wh.T)"),
    Case("softmax_regression.py", softmax_regression, frozenset({"dW", "db"}), "dlogits", "Y - p", ("sign",), "dlogits = (p - Y) / len(X)"),
    Case("stale_weights.py", stale_weights, frozenset({"dW1"}), "dh", "self.W2.T @ dout", ("wrong-tensor",)),
    Case("two_layer_net.py", two_layer_net),
    Case("two_weights.py", two_weights),
)
