"""Each file under tests/code: how to run it, what its gradients are of, and the one mistake made in it by hand."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import numpy as np

Arrays = dict[str, np.ndarray]
Runner = Callable[[dict, np.random.Generator], tuple[Callable[[Arrays], float], Arrays, dict[str, tuple[str, np.ndarray]]]]


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


def mlp_class(module: dict, rng: np.random.Generator) -> tuple:
    net = module["MLP"](3, 4, 2)
    X, y = rng.normal(size=(5, 3)), rng.normal(size=(5, 2))
    names = ("W1", "b1", "W2", "b2")
    values = {n: rng.normal(size=getattr(net, n).shape) for n in names}

    def loss(v: Arrays) -> float:
        net.__dict__.update(v)
        return net.loss(X, y)

    loss(values)
    net.backward(X, y)
    return loss, values, {f"self.d{n}": (n, getattr(net, f"d{n}")) for n in names}


CASES = (
    Case("mlp_class.py", mlp_class, frozenset({"self.dW2"}), "self.dW2", "self.a1.T @ dz2", ("scale", "missing-factor")),
)
