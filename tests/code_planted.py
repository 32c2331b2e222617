"""More files under tests/code, each right as it stands and wrong after the one change that a row names.

A row holds the words that are replaced, and the quantity whose own line is wrong then. What else becomes wrong is told
by differences, as in `code_cases`.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from code_cases import Arrays, Claimed, Loss, Runner, locals_of, put_in, weights

Ran = tuple[Loss, Arrays, Claimed]


class Planted(NamedTuple):
    """A file, how to run it, and its mistakes: (words, instead, the quantity to blame, how the fix ends or "").

    `only`: the quantities that are judged, where judging all of them takes long.
    """

    file: str
    run: Runner
    mistakes: tuple[tuple[str, str, str, str], ...]
    only: frozenset[str] = frozenset()


def affine_layers(module: dict, rng: np.random.Generator) -> Ran:
    up, labels = rng.normal(size=(4, 2)), rng.integers(0, 3, size=5)
    values = weights(rng, x=(4, 3), w=(3, 2), b=(2,), r=(4, 2), l=(4, 2), s=(5, 3), p=(5, 3))

    def loss(v: Arrays) -> float:
        layers = (module["affine_forward"](v["x"], v["w"], v["b"]), module["relu_forward"](v["r"]), module["leaky_relu_forward"](v["l"], 0.3))
        return sum(np.sum(out * up) for out, _ in layers) + module["svm_loss"](v["s"], labels)[0] + module["softmax_loss"](v["p"], labels)[0]

    dx, dw, db = module["affine_backward"](up, (values["x"], values["w"], values["b"]))
    return loss, values, {"line 31": ("x", dx), "dw": ("w", dw), "db": ("b", db),
                          "line 49": ("r", module["relu_backward"](up, values["r"])), "line 60": ("l", module["leaky_relu_backward"](up, (values["l"], 0.3))),
                          "line 79": ("s", module["svm_loss"](values["s"], labels)[1]), "line 92": ("p", module["softmax_loss"](values["p"], labels)[1])}


def attention_functions(module: dict, rng: np.random.Generator) -> Ran:
    values, up = weights(rng, Q=(3, 2), K=(4, 2), V=(4, 5)), rng.normal(size=(3, 5))
    found = module["attention_backward"](up, module["attention_forward"](**values)[1])
    return lambda v: np.sum(module["attention_forward"](**v)[0] * up), values, {f"d{n}": (n, g) for n, g in zip("QKV", found)}


def batchnorm_class(module: dict, rng: np.random.Generator) -> Ran:
    layer, up = module["BatchNorm1d"](3), rng.normal(size=(5, 3))
    values = weights(rng, x=(5, 3), gamma=(1, 3), beta=(1, 3))
    ran = put_in(layer, values)
    ran.forward(values["x"])
    dx = ran.backward(up)
    return lambda v: np.sum(put_in(layer, v).forward(v["x"]) * up), values, {"dx": ("x", dx), "self.dgamma": ("gamma", ran.dgamma), "self.dbeta": ("beta", ran.dbeta)}


def batchnorm_staged(module: dict, rng: np.random.Generator) -> Ran:
    values, up = weights(rng, x=(5, 3), gamma=(3,), beta=(3,)), rng.normal(size=(5, 3))
    found = module["batchnorm_backward"](up, module["batchnorm_forward"](**values, eps=0.1)[1])
    return lambda v: np.sum(module["batchnorm_forward"](**v, eps=0.1)[0] * up), values, {f"d{n}": (n, g) for n, g in zip(values, found)}


def char_rnn(module: dict, rng: np.random.Generator) -> Ran:
    values, size = weights(rng, U=(4, 5), W=(4, 4), V=(5, 4), b=(4, 1), c=(5, 1)), rng.normal(size=(4, 1))

    def run(v: Arrays) -> tuple:
        unroll = module["unroll"]
        unroll.__globals__.update(v, vocab_size=5, hidden_size=4)
        return unroll([1, 4, 2], [4, 2, 0], size)

    return lambda v: run(v)[0], values, {f"d{n}": (n, g) for n, g in zip(values, run(values)[1:])}


def conv_im2col(module: dict, rng: np.random.Generator) -> Ran:
    """The gradient that goes on is the one of the patches, not of the image."""
    values, up = weights(rng, x=(5, 4), w=(2, 9), b=(2,)), rng.normal(size=(6, 2))
    _, dw, db = module["conv_backward"](up, module["conv_forward"](**values)[1])
    return lambda v: np.sum(module["conv_forward"](**v)[0] * up), values, {"dw": ("w", dw), "db": ("b", db)}


def dense_layers(module: dict, rng: np.random.Generator) -> Ran:
    x, y = rng.normal(size=(5, 3)), rng.normal(size=(5, 2))
    values = weights(rng, W=(3, 4), b=(1, 4), W_2=(4, 2), b_2=(1, 2))

    def run(v: Arrays) -> tuple[float, object]:
        net = module["Sequential"](3, 4, 2)
        net.fc1.W, net.fc1.b, net.fc2.W, net.fc2.b = (np.array(v[n]) for n in values)
        return net.train_step(x, y, 0.0), net

    net = run(values)[1]
    return lambda v: run(v)[0], values, {f"self.d{n[0]} ({n})": (n, getattr(net.fc2 if "_" in n else net.fc1, f"d{n[0]}")) for n in values}


def gru_cell(module: dict, rng: np.random.Generator) -> Ran:
    cell, up = module["GRUCell"](2, 3), rng.normal(size=3)
    shapes = {f"{kind}{gate}": shape for gate in "zrh" for kind, shape in (("W", (3, 2)), ("U", (3, 3)), ("b", (3,)))}
    values = weights(rng, **shapes, x=(2,), h_prev=(3,))
    ran = put_in(cell, values)
    ran.forward(values["x"], values["h_prev"])
    dx, dh_prev = ran.backward(up)
    claimed = {f"self.d{n}": (n, getattr(ran, f"d{n}")) for n in shapes} | {"dx": ("x", dx), "dh_prev": ("h_prev", dh_prev)}
    return lambda v: np.sum(put_in(cell, v).forward(v["x"], v["h_prev"]) * up), values, claimed


def layer_lists(module: dict, rng: np.random.Generator) -> Ran:
    net, x, y = module["Network"]([2, 3, 4, 2]), rng.normal(size=(2, 1)), rng.uniform(size=(2, 1))
    values = {f"{n}{k}": a for n in ("weights", "biases") for k, a in enumerate(getattr(net, n))}

    def loss(v: Arrays) -> float:
        a = x
        for k in range(3):
            a = module["sigmoid"](v[f"weights{k}"] @ a + v[f"biases{k}"])
        return np.sum((a - y) ** 2) / 2

    b, w = net.backprop(x, y)
    return loss, values, {f"nabla_{n[0]}[{k}]": (f"{n}{k + 3}", g[k]) for n, g in (("weights", w), ("biases", b)) for k in (-1, -2, -3)}


def logistic_class(module: dict, rng: np.random.Generator) -> Ran:
    """Fitting starts at 0, so the first round's gradients are those at 0."""
    X, y, model = rng.normal(size=(6, 3)), rng.integers(0, 2, size=6), module["LogisticRegression"](0.1, 1)
    own = locals_of(model.fit, X, y)

    def loss(v: Arrays) -> float:
        return put_in(model, {"weights": v["weights"]})._loss(y, model._sigmoid(X @ v["weights"] + v["bias"]))

    return loss, {"weights": np.zeros(3), "bias": np.zeros(())}, {"dw": ("weights", own["dw"]), "db": ("bias", own["db"])}


def lstm_step(module: dict, rng: np.random.Generator) -> Ran:
    values, up = weights(rng, x=(4, 2), prev_h=(4, 3), prev_c=(4, 3), Wx=(2, 12), Wh=(3, 12), b=(12,)), rng.normal(size=(2, 4, 3))
    forward = module["lstm_step_forward"]
    found = module["lstm_step_backward"](*up, forward(**values)[2])
    return lambda v: sum(np.sum(a * u) for a, u in zip(forward(**v), up)), values, {f"d{n}": (n, g) for n, g in zip(values, found)}


def matrix_factorization(module: dict, rng: np.random.Generator) -> Ran:
    R, M, values = rng.normal(size=(4, 5)), rng.uniform(size=(4, 5)), weights(rng, P=(4, 2), Q=(5, 2))
    _, dP, dQ = module["loss_and_grads"](R, M, **values, lam=0.3)
    return lambda v: module["loss_and_grads"](R, M, **v, lam=0.3)[0], values, {"dP": ("P", dP), "dQ": ("Q", dQ)}


def mlp_cache(module: dict, rng: np.random.Generator) -> Ran:
    net, X, Y = module["TwoLayerMLP"](3, 4, 2, reg=0.3), rng.normal(size=(5, 3)), np.eye(2)[rng.integers(0, 2, size=5)]
    values = weights(rng, W1=(3, 4), b1=(4,), W2=(4, 2), b2=(2,))

    def loss(v: Arrays) -> float:
        net.params = v
        net.forward(X)
        return net.compute_loss(Y)

    loss(values)
    net.backward(Y)
    return loss, values, {f"self.grads['{n}']": (n, g) for n, g in net.grads.items()}


def one_example(module: dict, rng: np.random.Generator) -> Ran:
    x, y, values = rng.normal(size=3), rng.normal(size=2), weights(rng, W1=(4, 3), b1=(4,), W2=(2, 4), b2=(2,))
    found = module["train"](x, y, **values)
    return lambda v: locals_of(module["train"], x, y, *v.values())["loss"], values, {f"d{n}": (n, g) for n, g in zip(values, found)}


def shared_forward(module: dict, rng: np.random.Generator) -> Ran:
    model, X, y, values = module["Model"](3, 4), rng.normal(size=(5, 3)), rng.integers(0, 4, size=5), weights(rng, W=(3, 4), b=(4,))
    dW, db = put_in(model, values).grad(X, y)
    return lambda v: put_in(model, v).loss(X, y), values, {"dW": ("W", dW), "db": ("b", db)}


def skipgram(module: dict, rng: np.random.Generator) -> Ran:
    values = weights(rng, c=(3,), U=(5, 3), c2=(3,), u_o=(3,), U_k=(4, 3))
    plain, sampled = module["naive_softmax_loss_and_gradient"], module["neg_sampling_loss_and_gradient"]

    def loss(v: Arrays) -> float:
        return plain(v["c"], 2, v["U"])[0] + sampled(v["c2"], v["u_o"], v["U_k"])[0]

    _, gc, gU = plain(values["c"], 2, values["U"])
    _, gc2, go, gk = sampled(values["c2"], values["u_o"], values["U_k"])
    return loss, values, {"line 21": ("c", gc), "grad_outside_vectors": ("U", gU), "line 36": ("c2", gc2), "grad_u_o": ("u_o", go), "grad_U_k": ("U_k", gk)}


def of_classes(function: str) -> Runner:
    def run(module: dict, rng: np.random.Generator) -> Ran:
        X, y, values = rng.normal(size=(5, 3)), rng.integers(0, 4, size=5), weights(rng, W=(3, 4))
        return lambda v: module[function](v["W"], X, y, 0.3)[0], values, {"dW": ("W", module[function](values["W"], X, y, 0.3)[1])}
    return run


def sparse_autoencoder(module: dict, rng: np.random.Generator) -> Ran:
    values, data, cost = weights(rng, W1=(3, 5), W2=(5, 3), b1=(3, 1), b2=(5, 1)), rng.uniform(size=(5, 6)), module["sparse_autoencoder_cost"]
    found = cost(**values, data=data, lamb=0.2, rho=0.1, beta=0.7)
    return lambda v: cost(**v, data=data, lamb=0.2, rho=0.1, beta=0.7)[0], values, {f"{n}grad": (n, g) for n, g in zip(values, found[1:])}


def two_models(module: dict, rng: np.random.Generator) -> Ran:
    X, y, values = rng.normal(size=(5, 3)), rng.uniform(size=(5, 2)), weights(rng, W=(3, 2), b=(2,), V=(3, 2), c=(2,))

    def loss(v: Arrays) -> float:
        return module["linear_loss"](module["linear_forward"](X, v["W"], v["b"]), y) + module["logistic_loss"](module["logistic_forward"](X, v["V"], v["c"]), y)

    first, second = module["linear_backward"](X, values["W"], values["b"], y), module["logistic_backward"](X, values["V"], values["c"], y)
    return loss, values, {"line 12": ("W", first[0]), "line 13": ("b", first[1]), "line 25": ("V", second[0]), "line 26": ("c", second[1])}


PLANTED = (
    Planted("affine_layers.py", affine_layers, (("dw = x.T.dot(dout)", "dw = x.T.dot(dout) / x.shape[0]", "dw", ""), ("dx[np.arange(N), y] -= num_pos", "dx[np.arange(N), y] -= 1", "line 79", ""),
                                                ("dx = np.where(x > 0, dout, alpha * dout)", "dx = np.where(x > 0, dout, alpha)", "line 60", ""))),
    Planted("attention_functions.py", attention_functions, (("dscores = weights * (dweights -", "dscores = weights * (dweights +", "dscores", ""), ("    dscores /= np.sqrt(d)\n", "", "dK", ""))),
    Planted("batchnorm_class.py", batchnorm_class, (("np.sum(dx_hat * self.x_hat, axis=0, keepdims=True)", "np.sum(dx_hat, axis=0, keepdims=True)", "dx", ""),
                                                    ("dx_hat = dout * self.gamma", "dx_hat = dout", "dx_hat", ""))),
    Planted("batchnorm_staged.py", batchnorm_staged, (("dmu = -1 * np.sum(dxmu1 + dxmu2, axis=0)", "dmu = np.sum(dxmu1 + dxmu2, axis=0)", "dmu", ""), ("dxmu2 = 2 * xmu * dsq", "dxmu2 = xmu * dsq", "dx", ""))),
    Planted("char_rnn.py", char_rnn, (("dW += back @ hs[t - 1].T", "dW += back @ hs[t].T", "dW", ""), ("carry = W.T @ back", "carry = W @ back", "db", ""))),
    Planted("conv_im2col.py", conv_im2col, (("dw = dout.T @ cols", "dw = dout.T @ cols / cols.shape[0]", "dw", ""), ("db = dout.sum(axis=0)", "db = dout.mean(axis=0)", "db", ""))),
    Planted("dense_layers.py", dense_layers, (("return grad * (1 - self.out ** 2)", "return grad * (1 - self.out)", "self.dW (W)", ""), ("self.db = np.sum(grad", "self.db = np.mean(grad", "self.db (b)", ""))),
    Planted("gru_cell.py", gru_cell, (("dr = drh * h_prev", "dr = drh * self.h", "dr", ""), ("dh_prev += self.Ur.T @ da_r", "dh_prev += self.Ur @ da_r", "dh_prev", ""))),
    Planted("layer_lists.py", layer_lists, (("np.dot(delta, activations[-2].transpose())", "np.dot(delta, activations[-2].transpose()) / 2", "nabla_w[-1]", ""), ("sp = sigmoid_prime(z)", "sp = sigmoid(z)", "nabla_b[-2]", ""))),
    Planted("logistic_class.py", logistic_class, (("db = (1 / n_samples) * np.sum(p - y)", "db = np.sum(p - y)", "db", ""), ("np.dot(X.T, (p - y)) +", "np.dot(X.T, (y - p)) +", "dw", ""))),
    Planted("lstm_step.py", lstm_step, (("df = dc * prev_c", "df = dc * next_c", "df", "df = dc * prev_c"), ("do * o * (1 - o), dg", "do * (1 - o), dg", "da", ""))),
    Planted("matrix_factorization.py", matrix_factorization, (("dP = -(M * E) @ Q", "dP = -E @ Q", "dP", ""), ("dQ = -(M * E).T @ P + lam * Q", "dQ = (M * E).T @ P + lam * Q", "dQ", ""))),
    Planted("mlp_cache.py", mlp_cache, (("        dZ1[Z1 <= 0] = 0\n", "", "dZ1", ""), ("A1.T @ dZ2 + self.reg", "A1.T @ dZ2 - self.reg", "self.grads['W2']", ""))),
    Planted("one_example.py", one_example, (("dW1 = np.outer(delta1, x)", "dW1 = np.outer(delta1, h)", "dW1", ""), ("* h * (1 - h)", "* (1 - h)", "db1", ""))),
    Planted("shared_forward.py", shared_forward, (("        p /= len(y)\n", "", "dW", ""), ("dW = X.T.dot(p)", "dW = -X.T.dot(p)", "dW", "dW = X.T.dot(p)"))),
    Planted("skipgram.py", skipgram, (("grad_U_k = np.outer(1 - p_k, center_vec)", "grad_U_k = np.outer(p_k, center_vec)", "grad_U_k", ""), ("np.outer(delta, center_vec)", "np.outer(y_hat, center_vec)", "grad_outside_vectors", ""))),
    Planted("softmax_loops.py", of_classes("softmax_loss_naive"), (("(p[j] - (j == y[i]))", "(p[j] - 1)", "dW", ""), ("dW += 2 * reg * W", "dW += reg * W", "dW", ""))),
    Planted("sparse_autoencoder.py", sparse_autoencoder, (("+ lamb * W2", "", "W2grad", ""), ("-rho / rho_hat + (1", "-rho / rho_hat - (1", "delta2", ""))),
    Planted("svm_vectorized.py", of_classes("svm_loss_vectorized"), (("-np.sum(mask, axis=1)", "-1", "dW", ""), (" / num_train + 2", " + 2", "dW", ""))),
    Planted("two_models.py", two_models, (("dz = (p - y) / y.size", "dz = (p - y)", "line 25", ""), ("dpred = pred - y", "dpred = y - pred", "dpred", "dpred = pred - y"))),
)
