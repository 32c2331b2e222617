"""Files under tests/code in the manner of courses, with the mistakes planted in them; rows as in `code_planted`."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from code_cases import Arrays, Runner, locals_of, put_in, weights
from code_planted import Planted, Ran


def of_functions(shapes: dict[str, dict[str, tuple]], data: Callable, names: dict[str, str] = {}) -> Runner:
    """Functions `f(**parameters, **data) -> (loss, …)` whose gradients are local names `d…`, or as `names` says of them."""
    def run(module: dict, rng: np.random.Generator) -> Ran:
        given, values = data(rng), {}
        for function, own in shapes.items():
            values |= {f"{function}.{n}": a for n, a in weights(rng, **own).items()}

        def loss(v: Arrays) -> float:
            total = 0.0
            for function in shapes:
                args = {n: v[f"{function}.{n}"] for n in shapes[function]} | given[function]
                total = total + module[function](**args)[0]
            return total

        claimed = {}
        for function, own in shapes.items():
            args = {n: values[f"{function}.{n}"] for n in own} | given[function]
            code = module[function].__code__
            found = locals_of(module[function], *(args[n] for n in code.co_varnames[:code.co_argcount]))
            for n in own:
                local = names.get(f"{function}.{n}", f"d{n}")
                if local in found:
                    key = next((q for q in (f"{function}.{local}",) if q in names.values()), local)
                    claimed[names.get(f"{function}:{local}", key)] = (f"{function}.{n}", found[local])
        return loss, values, claimed
    return run


def same_names(rng: np.random.Generator) -> dict:
    return {"linreg": {"X": rng.normal(size=(5, 3)), "y": rng.normal(size=5)},
            "softmax_reg": {"X": rng.normal(size=(5, 3)), "Y": np.eye(4)[rng.integers(0, 4, size=5)]},
            "column_net": {"X": rng.normal(size=(3, 5)), "Y": rng.uniform(size=(2, 5))}}


SAME_NAMES = of_functions({"linreg": {"W": (3,), "b": ()}, "softmax_reg": {"W": (3, 4), "b": (1, 4)}, "column_net": {"W": (2, 3), "b": (2, 1)}}, same_names,
                          {f"{f}:d{n}": f"line {at + k}" for f, at in (("linreg", 11), ("softmax_reg", 24), ("column_net", 35)) for k, n in enumerate("Wb")})


def book_network(module: dict, rng: np.random.Generator) -> Ran:
    net, x, y = module["Network"]([2, 3, 4, 2]), rng.normal(size=(2, 5)), rng.uniform(size=(2, 5))
    values = {f"{n}{k}": a for n in ("weights", "biases") for k, a in enumerate(getattr(net, n))}

    def loss(v: Arrays) -> float:
        ran = put_in(net, {})
        ran.weights, ran.biases = ([v[f"{n}{k}"] for k in range(3)] for n in ("weights", "biases"))
        return ran.total_cost(x, y)

    b, w = net.backprop(x, y)
    return loss, values, {f"grad_{n[0]}[{k}]": (f"{n}{k + 3}", g[k]) for n, g in (("weights", w), ("biases", b)) for k in (-1, -2, -3)}


def char_loss(module: dict, rng: np.random.Generator) -> Ran:
    values, start = weights(rng, Wxh=(4, 5), Whh=(4, 4), Why=(5, 4), bh=(4, 1), by=(5, 1)), rng.normal(size=(4, 1))

    def run(v: Arrays) -> tuple:
        module["loss_fun"].__globals__.update(v, vocab_size=5, hidden_size=4)
        return module["loss_fun"]([1, 4, 2], [4, 2, 0], start)

    return lambda v: run(v)[0], values, {f"d{n}": (n, g) for n, g in zip(values, run(values)[1:])}


def of_parameters(forward: str, cost: Callable, backward: Callable, named: str = "d{}", **shapes: tuple[int, ...]) -> Runner:
    """`forward(X, parameters)`, a cost and a backward part that gives a dictionary."""
    def run(module: dict, rng: np.random.Generator) -> Ran:
        X, Y, values = rng.normal(size=(3, 6)), rng.integers(0, 2, size=(1, 6)), weights(rng, **shapes)
        found = backward(module, X, Y, values)
        return lambda v: cost(module, X, Y, v), values, {named.format(n): (n, found[f"d{n}"]) for n in values}
    return run


COURSE = of_parameters("forward_propagation",
                       lambda m, X, Y, v: m["compute_cost_with_regularization"](m["forward_propagation"](X, v)[0], Y, v, 0.3),
                       lambda m, X, Y, v: m["backward_propagation_with_regularization"](X, Y, m["forward_propagation"](X, v)[1], 0.3),
                       W1=(4, 3), b1=(4, 1), W2=(2, 4), b2=(2, 1), W3=(1, 2), b3=(1, 1))
MASK = np.array([[1, 0, 1, 1, 0, 1], [1, 1, 1, 0, 1, 1], [0, 1, 1, 1, 1, 0], [1, 1, 0, 1, 1, 1]])
DROPOUT = of_parameters("", lambda m, X, Y, v: m["compute_cost"](m["forward_propagation_with_dropout"](X, v, MASK, 0.8)[0], Y),
                        lambda m, X, Y, v: m["backward_propagation_with_dropout"](X, Y, m["forward_propagation_with_dropout"](X, v, MASK, 0.8)[1], 0.8),
                        W1=(4, 3), b1=(4, 1), W2=(1, 4), b2=(1, 1))


def layer_numbers(module: dict, rng: np.random.Generator) -> Ran:
    X, Y = rng.normal(size=(3, 6)), rng.integers(0, 2, size=(1, 6))
    values = weights(rng, W1=(4, 3), b1=(4, 1), W2=(2, 4), b2=(2, 1), W3=(1, 2), b3=(1, 1))
    AL, store = module["forward"](X, values)
    found = module["backward"](AL, Y, values, store)
    return lambda v: module["cost"](module["forward"](X, v)[0], Y), values, {f"grads['d{n}']": (n, found[f"d{n}"]) for n in values}


def fc_net(module: dict, rng: np.random.Generator) -> Ran:
    net, X, y = module["FullyConnectedNet"]([4, 3], 5, 3, reg=0.2), rng.normal(size=(6, 5)), rng.integers(0, 3, size=6)
    values = {n: rng.normal(size=a.shape) for n, a in net.params.items()}

    def run(v: Arrays) -> tuple[float, Arrays]:
        net.params = v
        return net.loss(X, y)

    found = run(values)[1]
    return lambda v: run(v)[0], values, {f"grads['{n}']": (n, g) for n, g in found.items()}


def rnn_layer(module: dict, rng: np.random.Generator) -> Ran:
    values, up = weights(rng, x=(2, 3, 4), h0=(2, 5), Wx=(4, 5), Wh=(5, 5), b=(5,)), rng.normal(size=(2, 3, 5))
    found = module["rnn_backward"](up, module["rnn_forward"](**values)[1])
    return lambda v: np.sum(module["rnn_forward"](**v)[0] * up), values, {f"line {k}": (n, g) for k, n, g in zip((45, 16, 46, 47, 48), values, found)}


def sequential_layers(module: dict, rng: np.random.Generator) -> Ran:
    x, y = rng.normal(size=(5, 3)), rng.normal(size=(5, 2))
    values = weights(rng, W=(3, 4), b=(1, 4), W_2=(4, 3), b_2=(1, 3), W_3=(3, 2), b_3=(1, 2))

    def run(v: Arrays) -> tuple[float, list]:
        model = module["Model"](3, 4, 3, 2)
        linear = [layer for layer in model.layers if hasattr(layer, "W")]
        for k, layer in enumerate(linear):
            layer.W, layer.b = (np.array(v[f"{n}_{k + 1}" if k else n]) for n in "Wb")
        return model.train_step(x, y, 0.0), linear

    linear = run(values)[1]
    return lambda v: run(v)[0], values, {f"self.d{n[0]} ({n})": (n, getattr(linear[int(n[2:] or 1) - 1], f"d{n[0]}")) for n in values}


def gru_through_time(module: dict, rng: np.random.Generator) -> Ran:
    net, xs, target, h0 = module["GRU"](2, 3), rng.normal(size=(3, 2)), rng.normal(size=3), rng.normal(size=3)
    values = weights(rng, **{f"{k}{g}": shape for g in "zrh" for k, shape in (("W", (3, 2)), ("U", (3, 3)))})
    ran = put_in(net, values)
    ran.loss(xs, target, h0)
    ran.backward()
    return lambda v: put_in(net, v).loss(xs, target, h0), values, {f"self.d{n}": (n, getattr(ran, f"d{n}")) for n in values}


def two_players(module: dict, rng: np.random.Generator) -> Ran:
    shapes = {"Generator": {"W1": (2, 3), "b1": (1, 3), "W2": (3, 4), "b2": (1, 4)}, "Discriminator": {"W1": (4, 3), "b1": (1, 3), "W2": (3, 1), "b2": (1, 1)}}
    data = {"Generator": rng.normal(size=(5, 2)), "Discriminator": rng.normal(size=(5, 4))}
    ups = {"Generator": rng.normal(size=(5, 4)), "Discriminator": rng.normal(size=(5, 1))}
    values = {f"{c}.{n}": a for c, own in shapes.items() for n, a in weights(rng, **own).items()}

    def player(v: Arrays, c: str) -> object:
        return put_in(module[c](*((2, 3, 4) if c == "Generator" else (4, 3))), {n: v[f"{c}.{n}"] for n in shapes[c]})

    def loss(v: Arrays) -> float:
        return sum(np.sum(player(v, c).forward(data[c]) * ups[c]) for c in shapes)

    claimed = {}
    for c, at in (("Generator", (25, 26, 29, 30)), ("Discriminator", (49, 50, 53, 54))):
        ran = player(values, c)
        ran.forward(data[c])
        ran.backward(ups[c])
        claimed |= {f"line {line}": (f"{c}.{n}", getattr(ran, f"d{n}")) for line, n in zip(at, ("W2", "b2", "W1", "b1"))}
    return loss, values, claimed


def attention_batch(module: dict, rng: np.random.Generator) -> Ran:
    head, up, values = module["SelfAttention"](3), rng.normal(size=(2, 4, 3)), weights(rng, Wq=(3, 3), Wk=(3, 3), Wv=(3, 3), x=(2, 4, 3))
    ran = put_in(head, values)
    ran.forward(values["x"])
    dx = ran.backward(up)
    claimed = {f"self.d{n}": (n, getattr(ran, f"d{n}")) for n in ("Wq", "Wk", "Wv")} | {"SelfAttention.backward": ("x", dx)}
    return lambda v: np.sum(put_in(head, v).forward(v["x"]) * up), values, claimed


def residual_class(module: dict, rng: np.random.Generator) -> Ran:
    block, up, values = module["ResidualBlock"](3, 4), rng.normal(size=(5, 3)), weights(rng, W1=(3, 4), W2=(4, 3), g=(3,), b=(3,), x=(5, 3))

    def run(v: Arrays) -> np.ndarray:
        block.params = v
        return block.forward(v["x"])

    run(values)
    dx = block.backward(up)
    return lambda v: np.sum(run(v) * up), values, {f"self.grads['{n}']": (n, g) for n, g in block.grads.items()} | {"line 35": ("x", dx)}


def elman(module: dict, rng: np.random.Generator) -> Ran:
    net, X, values = module["Elman"](2, 4), rng.normal(size=(3, 2)), weights(rng, U=(4, 2), W=(4, 4), v=(4,))
    found = put_in(net, values).bptt(X, 0.7)
    return lambda v: put_in(net, v).loss(X, 0.7), values, {f"d{n}": (n, g) for n, g in zip(values, found)}


def three_layer_lines(module: dict, rng: np.random.Generator) -> Ran:
    """The steps are whole gradients of half the squared error, downwards."""
    X, y, values = module["X"], module["y"], {n: module[n] for n in ("synapse_0", "synapse_1")}

    def out(v: Arrays) -> tuple:
        first = 1 / (1 + np.exp(-X @ v["synapse_0"]))
        return first, 1 / (1 + np.exp(-first @ v["synapse_1"]))

    first, second = out(values)
    delta = (second - y) * second * (1 - second)
    steps = {"synapse_1": first.T @ delta, "synapse_0": X.T @ (delta @ values["synapse_1"].T * first * (1 - first))}
    return lambda v: np.sum((out(v)[1] - y) ** 2) / 2, values, {f"update of {n}": (n, g) for n, g in steps.items()}


def loops(rng: np.random.Generator) -> dict:
    return {"svm_loss_naive": {"X": rng.normal(size=(5, 3)), "y": rng.integers(0, 4, size=5), "reg": 0.3}}


def bias_columns(rng: np.random.Generator) -> dict:
    return {"nn_cost": {"X": rng.normal(size=(5, 2)), "Y": rng.uniform(size=(5, 2)), "lam": 0.3}}


def corners(rng: np.random.Generator) -> dict:
    return {"svm": {"X": 0.1 * rng.normal(size=(5, 3)), "y": np.array([1, -1, -1, 1, -1]), "C": 0.7}, "huber": {"X": rng.normal(size=(5, 3)), "t": rng.normal(size=5), "delta": 0.6}}


def sequence(rng: np.random.Generator) -> dict:
    return {"forward_backward": {"xs": rng.normal(size=(3, 2)), "ts": rng.normal(size=(3, 2)), "h_prev": rng.normal(size=3), "C_prev": rng.normal(size=3)}}


def regressions(rng: np.random.Generator) -> dict:
    return {"ridge": {"X": rng.normal(size=(5, 3)), "y": rng.normal(size=5), "alpha": 0.3}, "logistic": {"X": rng.normal(size=(5, 3)), "y": rng.uniform(size=5)}}


def intercepts(rng: np.random.Generator) -> dict:
    data = {"X": rng.normal(size=(5, 3)), "lam": 0.3}
    return {"cost_function": data | {"y": rng.uniform(size=5)}, "cost_function_columns": data | {"y": rng.uniform(size=(5, 1))}}


GATES = {f"W{g}": (3, 5) for g in "fico"} | {"Wy": (2, 3)} | {f"b{g}": (3,) for g in "fico"} | {"by": (2,)}
LSTM = of_functions({"forward_backward": GATES}, sequence)
COURSES = (
    Planted("same_names.py", SAME_NAMES, (("    db = err.sum()\n", "    db = err.mean()\n", "line 12", ""), ("dW = dZ.dot(X.T) / m", "dW = dZ.dot(X.T)", "line 35", ""))),
    Planted("book_network.py", book_network, (("acts[-l - 1].T)", "acts[-l].T)", "grad_w[-2]", ""), ("return (a - y) * sigmoid_prime(z)", "return (a - y)", "grad_b[-1]", ""))),
    Planted("char_loss.py", char_loss, (("np.dot(dhraw, hs[t - 1].T)", "np.dot(dhraw, hs[t].T)", "dWhh", ""), ), frozenset({"dWhh", "dby"})),
    Planted("course_regularized.py", COURSE, (("(lambd * W2) / m", "lambd * W2", "dW2", ""), ("dA1 = np.dot(W2.T, dZ2)", "dA1 = np.dot(W2.T, dA2)", "dA1", ""))),
    Planted("layer_numbers.py", layer_numbers, (("(1 / m) * dZ @ A_prev.T", "dZ @ A_prev.T", "grads['dW3']", ""), ("dA_prev * (1 - A_prev ** 2)", "dA_prev * (1 - A_prev)", "grads['db2']", ""))),
    Planted("fc_net.py", fc_net, (("    dx[x <= 0] = 0\n", "    dx[x <= 0] = 1\n", "dx (h_2)", ""), ("= dw + self.reg * self.params[f'W{i}']", "= dw + 2 * self.reg * self.params[f'W{i}']", "grads['W1']", ""))),
    Planted("svm_loops.py", of_functions({"svm_loss_naive": {"W": (3, 4)}}, loops), (("dW[:, y[i]] -= X[i]", "dW[:, y[i]] += X[i]", "dW", ""), ("    dW /= num_train\n", "", "dW", ""))),
    Planted("rnn_layer.py", rnn_layer, (("dWh = prev_h.T.dot(dtanh)", "dWh = next_h.T.dot(dtanh)", "dWh", ""),)),
    Planted("sequential_layers.py", sequential_layers, (("self.diff / self.diff.size", "self.diff / len(self.diff)", "self.db (b_3)", ""), ("self.db = np.sum(grad, axis=0", "self.db = np.mean(grad, axis=0", "self.db (b)", ""))),
    Planted("cost_with_bias_columns.py", of_functions({"nn_cost": {"Theta1": (3, 3), "Theta2": (2, 4)}}, bias_columns, {"nn_cost.Theta1": "Theta1_grad", "nn_cost.Theta2": "Theta2_grad"}),
            (("Theta1_grad[:, 1:] += lam / m", "Theta1_grad[:, 1:] += lam", "Theta1_grad", ""),)),
    Planted("lstm_through_time.py", LSTM, (), frozenset({"dWy", "dbo"})),
    Planted("logistic_with_intercept.py", of_functions({"cost_function": {"theta": (3,)}, "cost_function_columns": {"theta": (3, 1)}}, intercepts, {"cost_function:grad": "line 16", "cost_function.theta": "grad", "cost_function_columns:grad": "line 27", "cost_function_columns.theta": "grad"}),
            (("grad[1:] += lam", "grad[1:] -= lam", "line 16", ""),)),
    Planted("conv_signal.py", of_functions({"loss_and_grads": {"x": (3,), "w": (2,), "b": ()}}, lambda rng: {"loss_and_grads": {"t": rng.normal(size=2)}}), (("dout[i] * x[i:i + k]", "out[i] * x[i:i + k]", "dw", ""),)),
    Planted("gru_through_time.py", gru_through_time, (("self.dUh += np.outer(da_c, r * h)", "self.dUh += np.outer(da_c, h)", "self.dUh", ""), ), frozenset({"self.dUh", "self.dWr"})),
    Planted("variational.py", of_functions({"vae": {"W_mu": (4, 2), "W_lv": (4, 2), "W_dec": (2, 4)}}, lambda rng: {"vae": {"x": rng.uniform(size=(3, 4)), "eps": rng.normal(size=(3, 2))}}),
            (("dz * eps * 0.5 * std", "dz * eps * std", "dlogvar", ""), ("dmu = dz + mu / N", "dmu = dz + mu", "dmu", ""))),
    Planted("two_players.py", two_players, (("        dh[self.h <= 0] = 0\n", "        pass\n", "self.dW1", ""), ("np.where(self.a > 0, 1, 0.2)", "np.where(self.a > 0, 1, 0)", "da", ""))),
    Planted("hinge_and_huber.py", of_functions({"svm": {"w": (3,), "b": ()}, "huber": {"w": (3,)}}, corners, {"svm:dw": "line 11", "huber:dw": "line 22"}),
            (("db = -C * np.sum(active * y)", "db = -C * np.sum(active)", "db", ""), ("delta * np.sign(r)) / len(t)", "delta) / len(t)", "dr", ""))),
    Planted("attention_batch.py", attention_batch, (("        dscores = dscores / np.sqrt(self.d)\n", "", "dq", ""), ("dk = dscores.transpose(0, 2, 1) @ self.q", "dk = dscores @ self.q", "dk", ""))),
    Planted("dropout_masks.py", DROPOUT, (("    dA1 = dA1 / keep_prob\n", "", "dA1 (A1)", ""), ("np.int64(Z1 > 0)", "np.int64(A2 > 0)", "dZ1", ""))),
    Planted("cbow.py", of_functions({"cbow": {"W_in": (5, 3), "W_out": (3, 5)}}, lambda rng: {"cbow": {"context": np.array([1, 0, 2, 0, 1]), "target": np.eye(5)[2]}}),
            (("dW_in = np.outer(context, dh) / context.sum()", "dW_in = np.outer(context, dh)", "dW_in", ""), ("dh = W_out @ e", "dh = W_out @ y", "dh", ""))),
    Planted("residual_class.py", residual_class, (("return dx + dout", "return dx - dout", "line 35", ""), ("(dxhat * xhat).mean(-1", "dxhat.mean(-1", "line 35", ""))),
    Planted("elman.py", elman, (("np.outer(delta_t, self.s[t - 1])", "np.outer(delta_t, self.s[t])", "dW", ""),), frozenset({"dW", "dv"})),
    Planted("three_layer_lines.py", three_layer_lines, ()),
    Planted("rank_one.py", of_functions({"ridge": {"w": (3,), "b": ()}, "logistic": {"W": (3, 1), "c": ()}}, regressions, {"ridge.w": "grad_w", "ridge.b": "grad_b"}),
            (("grad_b = 2 * r.mean()", "grad_b = r.mean()", "grad_b", ""), ("    dz /= X.shape[0]\n", "", "dc", ""))),
)
