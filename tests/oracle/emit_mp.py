"""The loss of a random program in mpmath numbers, computed straight from the tree.

Tensors are object arrays; NumPy only lines their entries up. No floating function of NumPy is
called, and decimals of the definitions (0.01, 0.044715) are exact.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable

import mpmath
import numpy as np

from .mp_meaning import Meaning
from .program import Function, Node, Program

INFIX: dict[str, Callable] = {
    "add": lambda a, b: a + b, "sub": lambda a, b: a - b, "mul": lambda a, b: a * b,
    "div": lambda a, b: a / b, "pow": lambda a, b: a ** b}
AXES = {"softmax", "log_softmax", "logsumexp"}
REDUCTIONS = {"sum", "mean", "var"}


def mp_data(data: dict[str, np.ndarray], context: mpmath.MPContext) -> dict[str, np.ndarray]:
    """The same numbers, exactly, as mpmath numbers."""
    lift = np.frompyfunc(lambda value: context.mpf(float(value)), 1, 1)
    return {name: np.asarray(lift(value), dtype=object) for name, value in data.items()}


def mp_context(digits: int) -> mpmath.MPContext:
    """A context of its own: nobody else's precision is touched."""
    context = mpmath.MPContext()
    context.dps = digits
    return context


def mp_loss(program: Program, data: dict[str, np.ndarray], context: mpmath.MPContext) -> mpmath.mpf:
    """The loss at data that `mp_data` lifted."""
    return _Evaluation(program, data, context).loss()


class _Evaluation:
    def __init__(self, program: Program, data: dict[str, np.ndarray], context: mpmath.MPContext) -> None:
        self.program, self.context = program, context
        self.meaning = Meaning(context)
        self.values: dict[str, np.ndarray] = dict(data)
        self.functions = {item.name: item for item in program.functions}

    def loss(self) -> mpmath.mpf:
        for item in self.program.definitions:
            self.values[item.name] = self.value(item.body)
        return self.values[self.program.loss].item()

    def value(self, node: Node) -> np.ndarray:
        out = np.asarray(self.leaf(node) if not node.args else self.operation(node), dtype=object)
        assert out.shape == self.program.numbers(node.shape) or not node.shape, node
        return out

    def leaf(self, node: Node) -> object:
        match node.op:
            case "ref":
                return self.values[node.params[0]]
            case "num":
                return self.context.mpf(node.params[0].numerator) / node.params[0].denominator
            case "size":
                return self.context.mpf(self.program.sizes[node.params[0]])
            case "eye":
                return self.meaning.eye(self.program.number(node.shape[0]))
        raise ValueError(node.op)

    def operation(self, node: Node) -> object:
        op, params, meaning = node.op, node.params, self.meaning
        args = [self.value(arg) for arg in node.args]
        if op in INFIX:
            return INFIX[op](*args)
        if op in AXES:
            return getattr(meaning, op)(args[0], params[0])
        if op in REDUCTIONS:
            return getattr(meaning, op)(args[0], *params)
        match op:
            case "neg":
                return -args[0]
            case "matmul" | "dot":
                return self.product(*args)
            case "inner":
                return self.product(args[0], args[1].T)
            case "outer":
                return args[0][:, None] * args[1][None, :]
            case "T":
                return args[0].T
            case "transpose":
                return args[0].transpose(params)
            case "newaxis":
                return args[0][tuple(slice(None) if item == ":" else None for item in params)]
            case "einsum":
                return self.einsum(params[0], args)
            case "where":
                return meaning.where(params[0], *args)
            case "call":
                return self.call(self.functions[params[0]], args)
        return getattr(meaning, {"abs": "modulus"}.get(op, op))(*args, *params)

    def call(self, function: Function, args: list[np.ndarray]) -> np.ndarray:
        """The body with the arguments in place; an argument hides a tensor of the same name."""
        outside = dict(self.values)
        self.values.update(zip(function.parameters, args, strict=True))
        out = self.value(function.body)
        self.values = outside
        return out

    def product(self, left: np.ndarray, right: np.ndarray) -> np.ndarray:
        """NumPy's matmul for one to three axes, entry by entry over the shared axis."""
        if right.ndim == 1:
            return (left * right).sum(axis=-1)
        if left.ndim == 1:
            return (left[:, None] * right).sum(axis=0)
        return (left[..., :, :, None] * right[..., None, :, :]).sum(axis=-2)

    def einsum(self, spec: str, operands: list[np.ndarray]) -> np.ndarray:
        """The sum over all values of all letters, one product at a time."""
        before, after = spec.split("->")
        parts = before.split(",")
        sizes = {letter: n for part, operand in zip(parts, operands, strict=True)
                 for letter, n in zip(part, operand.shape, strict=True)}
        out = np.full([sizes[letter] for letter in after], self.context.mpf(0), dtype=object)
        for place in itertools.product(*(range(n) for n in sizes.values())):
            at = dict(zip(sizes, place, strict=True))
            term = self.context.mpf(1)
            for part, operand in zip(parts, operands, strict=True):
                term *= operand[tuple(at[letter] for letter in part)]
            out[tuple(at[letter] for letter in after)] += term
        return out
