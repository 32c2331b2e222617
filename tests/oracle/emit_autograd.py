"""A random program as Python source over `autograd.numpy`: a function `loss(params)`.

Everything is fully bracketed, sizes are numbers, and each operation passes through `watch.node`.
Names get a prefix, so that a tensor called `I` or `delta` meets nothing else.
"""

from __future__ import annotations

from collections.abc import Callable

import autograd.numpy as np

from .autograd_meaning import Functions
from .program import Node, Program
from .watch import Watch

INFIX = {"add": "+", "sub": "-", "mul": "*", "div": "/", "pow": "**", "matmul": "@"}
NUMPY = {"exp", "log", "sqrt", "sin", "cos", "tan", "sinh", "cosh", "square", "outer", "inner",
         "dot", "trace"}
OWN = {"tanh", "relu", "sign", "sigmoid", "softplus", "silu", "gelu", "gelu_tanh", "maximum", "minimum", "diag",
       "squared_error", "absolute_error", "softmax_cross_entropy", "sigmoid_cross_entropy", "hinge", "kl"}
WITH_NUMBER = {"leaky_relu", "elu", "huber"}


def source(program: Program) -> str:
    """The module text: one line for each definition, the loss returned."""
    lines = ["def loss(params):"]
    lines += [f"    v_{item.name} = params[{item.name!r}]" for item in program.inputs]
    for function in program.functions:
        formal = ", ".join(f"v_{name}" for name in function.parameters)
        lines += [f"    def f_{function.name}({formal}):", f"        return {_spell(function.body, program)}"]
    lines += [f"    v_{item.name} = {_spell(item.body, program)}" for item in program.definitions]
    return "\n".join([*lines, f"    return v_{program.loss}", ""])


def loss_function(program: Program, watch: Watch) -> Callable[[dict], object]:
    """The compiled loss, its values seen by `watch`."""
    scope = {"np": np, "F": Functions(watch), "node": watch.node}
    exec(compile(source(program), f"<program {program.seed}>", "exec"), scope)
    return scope["loss"]


def _spell(node: Node, program: Program) -> str:
    args = [_spell(arg, program) for arg in node.args]
    if not args:
        return _leaf(node, program)
    return f"node({_operation(node, args)})"


def _leaf(node: Node, program: Program) -> str:
    match node.op:
        case "num":
            return f"({float(node.params[0])!r})"
        case "ref":
            return f"v_{node.params[0]}"
        case "size":
            return f"{float(program.sizes[node.params[0]])!r}"
        case "eye":
            return f"np.eye({program.number(node.shape[0])})"
    raise ValueError(node.op)


def _operation(node: Node, args: list[str]) -> str:
    op, params, all_args = node.op, node.params, ", ".join(args)
    if op in INFIX:
        return f"({args[0]}) {INFIX[op]} ({args[1]})"
    if op in NUMPY:
        return f"np.{op}({all_args})"
    if op in OWN:
        return f"F.{op}({all_args})"
    if op in WITH_NUMBER:
        return f"F.{op}({all_args}, {params[0].numerator} / {params[0].denominator})"
    match op:
        case "neg":
            return f"-({args[0]})"
        case "abs":
            return f"F.absolute({args[0]})"
        case "sum" | "mean":
            return f"np.{op}({args[0]}, axis={params[0]}, keepdims={params[1]})"
        case "var":
            return f"F.var({args[0]}, {params[0]}, {params[1]})"
        case "softmax" | "log_softmax" | "logsumexp":
            return f"F.{op}({args[0]}, {params[0]})"
        case "T":
            return f"np.transpose({args[0]})"
        case "transpose":
            return f"np.transpose({args[0]}, {params})"
        case "newaxis":
            return f"({args[0]})[{', '.join(str(item) if item is None else ':' for item in params)}]"
        case "einsum":
            return f"F.einsum({params[0]!r}, {all_args})"
        case "where":
            return f"F.choose({params[0]!r}, {all_args})"
        case "norm":
            return f"F.norm({args[0]}, {params[0]})"
        case "inv" | "det":
            return f"np.linalg.{op}({args[0]})"
        case "logdet":
            return f"np.linalg.slogdet({args[0]})[1]"
        case "call":
            return f"f_{params[0]}({all_args})"
    raise ValueError(op)
