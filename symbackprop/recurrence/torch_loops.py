"""Loops as PyTorch: Python loops over lists inside a `torch.autograd.Function` whose backward is the derived one."""

from __future__ import annotations

from ..codegen import sliding
from ..codegen.compiled import quoted
from ..codegen.frame import function
from ..codegen.layout import display, wrapped
from ..errors import UnsupportedError
from ..targets import Options, torch
from .adjoint import Adjoint
from .lists import ListModule

LOSS = '''

class Loss(torch.autograd.Function):
    """The loss of the tensors of `arguments`; backward runs the loops of value_and_grad, which start forward again."""

    @staticmethod
    def forward(ctx, like, functions, *tensors):
        ctx.like, ctx.functions = like, functions
        ctx.save_for_backward(*tensors)
        return forward_loss(**gathered(like, iter(tensors)), **functions)

    @staticmethod
    @once_differentiable
    def backward(ctx, seed):
        given = gathered(ctx.like, iter(ctx.saved_tensors))
        _, gradients = value_and_grad(**given, **ctx.functions)
        slopes = spread([gradients.get(name, like) for name, like in ctx.like.items()])
        return None, None, *(None if g is None else seed * g for g in slopes)


def spread(value):
    """What stands in lists of lists, in order."""
    if isinstance(value, list):
        return [inner for each in value for inner in spread(each)]
    return [value]


def gathered(like, tensors):
    """The tensors of an iterator in the dict and the lists that `like` has."""
    if isinstance(like, dict):
        return {name: gathered(value, tensors) for name, value in like.items()}
    if isinstance(like, list):
        return [gathered(value, tensors) for value in like]
    return next(tensors)


def emptied(value):
    """None for each tensor, in the lists that it stands in."""
    return [emptied(each) for each in value] if isinstance(value, list) else None
'''


class TorchModule(ListModule):
    """Writes one PyTorch module."""

    library, stack, loss_name = "PyTorch", "torch.stack", "forward_loss"
    imports = ("import torch", "from torch.autograd.function import once_differentiable")
    as_array = torch.AS_ARRAY.rstrip() + "\n" + torch.ALIKE.rstrip() + "\n" + LOSS
    own = tuple(sliding.TORCH.values())

    linalg, taken_as = "torch.linalg", "torch.as_tensor({0}).detach()"

    def __init__(self, adjoint: Adjoint, options: Options = Options()) -> None:
        if options.shard:
            raise UnsupportedError("the target torch has no --shard: it needs --to jax")
        super().__init__(adjoint, torch.DIALECT, options)

    def typed(self) -> list[str]:
        """The lines that refuse tensors of different types or devices."""
        single = [self.argument(n) for n in self.numbers() if not self.listed(n)]
        listed = [n for n in self.numbers() if self.listed(n)]
        first = single[0] if single else f"{self.argument(listed[0])}{'[0]' * len(self.listed(listed[0]))}"
        lines = wrapped(f"alike({', '.join(f'{w}={w}' for w in single)})", 4) if single else []
        value = self.names.fresh(("value",), "value_")
        for word in map(self.argument, listed):
            lines += [f"    for {value} in spread({word}):", f"        alike(first={first}, {word}={value})"]
        return [*lines, f"    dtype, device = {first}.dtype, {first}.device"]

    def public_loss(self) -> list[str]:
        """`loss`, which applies the class; the plain one is called forward_loss."""
        words, row = list(map(self.argument, self.model.inputs)), self.names.fresh(("row",), "row_")
        deep = {self.argument(n): len(self.listed(n)) for n in self.model.inputs}
        whole = {w: [f"torch.as_tensor({w})", f"list({w})", f"[list({row}) for {row} in {w}]"][deep[w]] for w in words}
        body = [*display("arguments = ", [f"{quoted(w)}: {whole[w]}" for w in words], "{}", 4),
                *display("functions = ", [f"{quoted(f)}: {f}" for f in (*self.callables(), "check")], "{}", 4),
                "    like = {name: emptied(value) for name, value in arguments.items()}",
                *self.refused(), "    return Loss.apply(like, functions, *spread(list(arguments.values())))"]
        return function("loss", ["*", *words, *self.callables(), "check=True"], f"Returns {self.adjoint.loss}, to be differentiated by torch as any other tensor.",
                        [], body)

    def refused(self) -> list[str]:
        """The lines that refuse to pass on a gradient which the file does not have."""
        lines, value = [], self.names.fresh(("value",), "value_")
        for word in (self.argument(n) for n in self.model.inputs if n not in self.adjoint.wrt):
            lines += [f"    if any({value}.requires_grad for {value} in spread(arguments[{quoted(word)}])):",
                      *wrapped(f'raise ValueError("this file has no gradient by {word}")', 8)]
        return lines

    def functions(self) -> list[str]:
        made = super().functions()
        at = next(k for k, line in enumerate(made) if line.startswith("def value_and_grad("))
        return [*made[:at], "@torch.no_grad()", *made[at:], *self.public_loss()]
