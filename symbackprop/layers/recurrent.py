"""One step of the recurrent cells. Weights carry no step, so steps that follow each other share them.

Sources: Elman (1990); Hochreiter and Schmidhuber (1997) with the forget gate of Gers et al. (2000); Cho et al. (2014).
"""

from __future__ import annotations

from ..algebra import add, hadamard, negative
from ..expr import Expr, Map, Ones, function
from ..program import Program
from .dense import Activation, activated, affine
from .network import Size, define, value


def rnn(x: Program, h: Program, step: int | str = "", activation: Activation = "tanh") -> Program:
    """z_t = W x_t + U h_{t−1} + b, h_t = tanh(z_t).

    `step` numbers what is computed. Samples may stand in rows.

    >>> from symbackprop import layers
    >>> layers.rnn(layers.tensor("x1", "n"), layers.tensor("h0", "m"), step=1).outputs
    ('h1',)
    """
    z = affine(f"z{step}", {"W": x, "U": h}, "b", units_of(h))
    return define(f"h{step}", activated(value(z), activation, value(z).rank - 1, {}), z)


def lstm(x: Program, h: Program, c: Program, step: int | str = "") -> tuple[Program, Program]:
    """i, f, o = σ(W x + U h + b) each with weights of its own, g = tanh(W_g x + U_g h + b_g);
    c_t = f ⊙ c_{t−1} + i ⊙ g, h_t = o ⊙ tanh(c_t).

    Returns (h_t, c_t). `step` numbers what is computed, so it must differ from the step of h and c.

    >>> from symbackprop import layers
    >>> [net.outputs for net in layers.lstm(layers.tensor("x1", "n"), layers.tensor("h0", "m"), layers.tensor("c0", "m"), step=1)]
    [('h1',), ('c1',)]
    """
    i, f, o = (gate(k, "sigmoid", x, h, step) for k in "ifo")
    g = gate("g", "tanh", x, h, step)
    kept = hadamard(value(f), value(c))
    state = define(f"c{step}", add((kept, hadamard(value(i), value(g)))), i, f, g, c)
    shown = define(f"h{step}", hadamard(value(o), Map(function("tanh"), (value(state),))), i, f, o, g, state)
    return shown, state


def gru(x: Program, h: Program, step: int | str = "") -> Program:
    """r, u = σ(W x + U h + b) each with weights of its own, g = tanh(W_g x + U_g (r ⊙ h) + b_g);
    h_t = (1 − u) ⊙ g + u ⊙ h_{t−1}.

    >>> from symbackprop import layers
    >>> layers.gru(layers.tensor("x1", "n"), layers.tensor("h0", "m"), step=1).outputs
    ('h1',)
    """
    r, u = (gate(k, "sigmoid", x, h, step) for k in "ru")
    reset = define(f"s{step}", hadamard(value(r), value(h)), r, h)
    g = gate("g", "tanh", x, reset, step)
    new = hadamard(one_minus(value(u)), value(g))
    return define(f"h{step}", add((new, hadamard(value(u), value(h)))), r, u, g, h)


def gate(kind: str, activation: str, x: Program, h: Program, step: int | str) -> Program:
    """f(W x + U h + b) with weights named for the gate."""
    z = affine(f"z_{kind}{step}", {f"W_{kind}": x, f"U_{kind}": h}, f"b_{kind}", units_of(h))
    return define(f"{kind}{step}", Map(function(activation), (value(z),)), z)


def one_minus(u: Expr) -> Expr:
    return add((Ones(u.shape), negative(u)))


def units_of(h: Program) -> Size:
    """How many units a state has: its last size."""
    return value(h).shape[-1] if value(h).shape else 1
