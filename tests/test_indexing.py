"""Indexing, joins, shifts and reshapes of the text language against HIPS autograd, which runs NumPy's own meaning."""

from __future__ import annotations

import re
from collections.abc import Callable

import autograd.numpy as anp
import numpy as np
import pytest
import sympy as sp
from autograd import grad

import symbackprop as sb
from symbackprop.codegen import compile_module

# (declarations, right side of one equation, the same in NumPy or "" where it is spelled alike), y is what is weighed
CASES = (
    ("x: R[n]", "x[1:]", ""), ("x: R[n]", "x[:-1]", ""), ("x: R[n]", "x[2:4]", ""), ("x: R[n]", "x[::2]", ""),
    ("x: R[n]", "x[1::3]", ""), ("x: R[n]", "x[::-1]", ""), ("x: R[n]", "x[-3:]", ""), ("x: R[6]", "x[4:1:-1]", ""),
    ("x: R[n]", "x[:n - 2]", ""), ("x: R[6]", "x[2:100]", ""), ("x: R[7]", "x[::-2]", ""),
    ("X: R[m, n]", "X[0]", ""), ("X: R[m, n]", "X[-1]", ""), ("X: R[m, n]", "X[:, 1]", ""), ("X: R[m, n]", "X[1:, ::2]", ""),
    ("X: R[m, n]", "X[1, 2] * X", ""), ("X: R[m, n]", "X[..., None]", ""), ("X: R[m, n]", "X[None, 1:, None, 0]", ""),
    ("X: R[m, n]", "X[..., 1]", ""), ("X: R[m, n, k]", "X[1, ..., :2]", ""), ("X: R[m, n]", "X[1:][:, 1:][0]", ""),
    ("X: R[m, n]", "X[1:][:-1]", ""), ("X: R[m, n]; W: R[n - 1, k]", "X[:, 1:] @ W", ""),
    ("a: R[n]; b: R[m]", "concatenate([a, b])", ""), ("A: R[n, m]; B: R[n, k]", "concatenate([A, B], axis=1)", ""),
    ("A: R[n, m]; B: R[n, m]", "stack([A, B])", ""), ("A: R[n, m]; B: R[n, m]; D: R[n, m]", "stack([A, B, D], axis=-1)", ""),
    ("a: R[n]; b: R[m]; W: R[k, n + m]", "W @ concatenate([a, b])", ""), ("a: R[n]", "stack([a])", ""),
    ("A: R[n, m]; B: R[k, m]", "vstack([A, B])", ""), ("A: R[n, m]; B: R[n, k]", "hstack([A, B])", ""),
    ("x: R[n]", "pad(x, 2)", ""), ("X: R[m, n]", "pad(X, ((1, 0), (0, 2)))", ""), ("X: R[m, n]", "pad(X, (1, 2))", ""),
    ("X: R[m, n]", "X.reshape(n, m)", ""), ("X: R[m, n, k]", "X.reshape(m, -1)", ""), ("X: R[m, n, k]", "reshape(X, (m * n, k))", ""),
    ("X: R[m, n]", "ravel(X)", ""), ("X: R[m, n, k]", "X.reshape(k, m * n)", ""), ("u: R[m]; v: R[n]; x: R[m * n]", "outer(u, v) * x.reshape(m, n)", ""),
    ("x: R[n]", "cumsum(x)", ""), ("X: R[m, n]", "cumsum(X, axis=1)", ""), ("X: R[m, n]", "cumsum(X)", ""),
    ("X: R[m, n]", "tril(X)", ""), ("X: R[m, n]", "triu(X, 1)", ""), ("X: R[m, n]", "tril(X, -1)", ""), ("X: R[k, m, n]", "triu(X, -1)", ""),
    ("X: R[m, n]", "tri(m, n, 1) * X", ""), ("X: R[m, n]", "flip(X, axis=0)", "X[::-1]"), ("X: R[m, n]", "flip(X)", "X[::-1, ::-1]"),
    ("x: R[n]", "roll(x, 1)", ""), ("x: R[n]", "roll(x, -2)", ""), ("X: R[m, n]", "roll(X, 1, axis=1)", ""), ("x: R[5]", "roll(x, 7)", ""),
    ("X: R[m, n, k]", "moveaxis(X, 0, 2)", ""), ("x: R[n]", "x[1:] - x[:-1]", ""), ("x: R[n]; y: R[n]", "x[1:] * y[:-1]", ""),
    ("x: R[n]; W: R[n, n]", "(W @ x)[1:]", ""), ("x: R[n]; W: R[4 * n, n]", "sigmoid((W @ x)[:n]) * (W @ x)[n:2 * n]", ""),
)
SIZES = ({"m": 4, "n": 6, "k": 3}, {"m": 5, "n": 5, "k": 2})
NAMES = {name: getattr(anp, name) for name in ("concatenate", "stack", "vstack", "hstack", "pad", "reshape", "ravel", "outer", "cumsum", "tril",
                                               "triu", "tri", "flip", "roll", "moveaxis")}


def pad(x, width):
    return anp.pad(x, width, "constant")


def shapes(declared: str, sizes: dict[str, int]) -> dict[str, tuple[int, ...]]:
    found = {}
    for part in declared.split(";"):
        name, _, kind = part.partition(":")
        found[name.strip()] = tuple(eval(s, {}, sizes) for s in kind.strip()[2:-1].split(","))
    return found


def weighed(declared: str, right: str, numpy: str, sizes: dict[str, int], numbers: bool) -> tuple[str, dict, np.ndarray, Callable]:
    """A model that weighs what is read, its data, the weights, and the loss as autograd's NumPy has it."""
    rng = np.random.default_rng(3)
    data = {name: rng.normal(size=shape) for name, shape in shapes(declared, sizes).items()}
    space = {**NAMES, "pad": pad, "sigmoid": lambda z: 1 / (1 + anp.exp(-z)), **sizes}
    y = eval(numpy or right, space, data)
    weights = rng.normal(size=np.shape(y))

    def loss(arrays: dict) -> float:
        return anp.sum(anp.sin(eval(numpy or right, space, arrays)) * weights)
    head = [declared, f"Y = {right}"]
    if numbers:
        head = [concrete(line, sizes) for line in head]
    shape = sb.parse("\n".join(head) + "\nC = sum(Y)")["Y"].expr.shape
    head.insert(1, f"w: R[{', '.join(map(size_text, shape))}]")
    return "\n".join([*head, "C = sum(sin(Y) * w)"]), data, weights, loss


@pytest.mark.parametrize("sizes, numbers", ((SIZES[0], False), (SIZES[1], True)), ids=["symbolic", "numbers"])
@pytest.mark.parametrize("declared, right, numpy", CASES, ids=[c[1] for c in CASES])
def test_indexing_means_what_numpy_means(declared: str, right: str, numpy: str, sizes: dict[str, int], numbers: bool) -> None:
    text, data, weights, loss = weighed(declared, right, numpy, sizes, numbers)
    module = compile_module(sb.export(sb.derive(sb.parse(text), wrt=list(data))))
    wanted = grad(loss)(data)
    for function in (module["value_and_grad"], module["make_value_and_grad"]({} if numbers else sizes)):
        found_loss, found = function(**data, w=weights)
        assert np.allclose(found_loss, loss(data), rtol=1e-12, atol=1e-12)
        for name in data:
            assert found[name].shape == data[name].shape
            assert np.allclose(found[name], wanted[name], rtol=1e-11, atol=1e-11), name


def size_text(dim: sp.Expr) -> str:
    """A size as the language spells it."""
    text = str(dim.replace(sp.floor, lambda value: sp.Symbol("(({})//{})".format(*value.as_numer_denom()))))
    return text


def concrete(line: str, sizes: dict[str, int]) -> str:
    """A line with numbers for its sizes."""
    return re.sub(r"(?<![\w.])([mnk])(?!\w)", lambda match: str(sizes[match[1]]), line)


REFUSED = (
    ("x: R[4]\nC = x[4]", "index 4 of an axis of size 4"), ("x: R[n]\nC = sum(x[0, 1])", "too many indices"),
    ("x: R[4]\nC = sum(x[3:1])", "holds nothing"), ("x: R[n]; y: R[n]\nC = sum(x[y])", "an index is a whole number"),
    ("x: R[n]\nC = sum(x[::0])", "no step 0"), ("x: R[n]\nC = sum(x[0.5])", "an index is a whole number"),
    ("a: R[n, m]; b: R[n, k]\nC = sum(concatenate([a, b]))", "cannot be joined"), ("x: R[n, m]\nC = sum(x.reshape(n, n))", "entries"),
    ("a: R[n]; b: R[m]\nC = sum(stack([a, b]))", "one shape"), ("x: R[n]\nC = sum(tril(x))", "a matrix is needed"),
)


@pytest.mark.parametrize("text, said", REFUSED, ids=[c[0].splitlines()[1] for c in REFUSED])
def test_what_has_no_meaning_is_refused_with_its_place(text: str, said: str) -> None:
    with pytest.raises(sb.SymbackpropError) as caught:
        sb.parse(text)
    assert said in str(caught.value) and "line 2" in str(caught.value)


def test_a_slice_beyond_its_axis_is_refused_by_the_exported_function() -> None:
    f = sb.lambdify(sb.derive(sb.parse("x: R[n]\nC = sum(x[1:4]**2)")))
    assert f(x=np.ones(4))[0] == 3.0
    with pytest.raises(ValueError, match="entry 3"):
        f(x=np.ones(3))
