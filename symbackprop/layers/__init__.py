"""Layers and losses: plain functions that return equations; the engine knows none of them.

Each takes what it reads and sizes, and returns a `Program` whose one output is what it computes. What it reads is such
a `Program` too, so layers compose by being called: what two of them share is there once.
"""

from .attention import attention
from .dense import activation, dense, mlp, residual
from .loops import recur, stack, sum_over
from .network import define, join, tensor
from .normalisation import batch_norm, layer_norm
from .recurrent import gru, lstm, rnn
from .training import loss

__all__ = ["activation", "attention", "batch_norm", "define", "dense", "gru", "join", "layer_norm", "loss", "lstm",
           "mlp", "recur", "residual", "rnn", "stack", "sum_over", "tensor"]
