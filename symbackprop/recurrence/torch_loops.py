"""Loops as PyTorch: Python loops over lists inside a `torch.autograd.Function` whose backward is the derived one."""

from __future__ import annotations

from ..codegen.compiled import quoted
from ..codegen.frame import function
from ..codegen.layout import display, indented, wrapped
from ..targets import torch
from .adjoint import Adjoint
from .arrays import ArrayModule

LOSS = '''

class Loss(torch.autograd.Function):
    """The loss of the tensors of `arguments`; backward runs the loops of value_and_grad, which start forward again."""

    @staticmethod
    def forward(ctx, arguments, functions, *tensors):
        ctx.arguments, ctx.functions = arguments, functions
        ctx.save_for_backward(*tensors)
        return forward_loss(**gathered(arguments, tensors), **functions)

    @staticmethod
    @once_differentiable
    def backward(ctx, seed):
        given = gathered(ctx.arguments, ctx.saved_tensors)
        _, gradients = value_and_grad(**given, **ctx.functions)
        slopes = []
        for name, count in ctx.arguments.items():
            found = gradients.get(name, None if count is None else [None] * count)
            slopes += [found] if count is None else found
        return None, None, *(None if g is None else seed * g for g in slopes)


def gathered(arguments, tensors):
    """The arguments by name: a tensor, or a list of `count` tensors."""
    rest = list(tensors)
    return {
        name: rest.pop(0) if count is None else [rest.pop(0) for _ in range(count)]
        for name, count in arguments.items()
    }
'''


class TorchModule(ArrayModule):
    """Writes one PyTorch module."""

    library, stack, loss_name = "PyTorch", "torch.stack", "forward_loss"
    imports = ("import torch", "from torch.autograd.function import once_differentiable")
    as_array = torch.AS_ARRAY.rstrip() + "\n" + torch.ALIKE.rstrip() + LOSS

    def __init__(self, adjoint: Adjoint) -> None:
        super().__init__(adjoint, torch.DIALECT)

    def typed(self) -> list[str]:
        """The lines that refuse tensors of different types or devices."""
        families = [self.argument(n) for n in self.model.inputs if n in self.model.families.values()]
        single = [self.argument(n) for n in self.model.inputs if self.argument(n) not in families]
        first = single[0] if single else f"{families[0]}[0]"
        lines = wrapped(f"alike({', '.join(f'{w}={w}' for w in single)})", 4) if single else []
        value = self.names.fresh(("value",), "value_")
        for word in families:
            lines += [f"    for {value} in {word}:", f"        alike(first={first}, {word}={value})"]
        return [*lines, f"    dtype, device = {first}.dtype, {first}.device"]

    def public_loss(self) -> list[str]:
        """`loss`, which applies the class; the plain one is called forward_loss."""
        words = list(map(self.argument, self.model.inputs))
        families = {self.argument(n) for n in self.model.inputs if n in self.model.families.values()}
        arguments = [f"{quoted(w)}: {f'len({w})' if w in families else 'None'}" for w in words]
        tensors = [f"*{w}" if w in families else w for w in words]
        body = [*display("arguments = ", arguments, "{}", 4), *display("functions = ", [f"{quoted(f)}: {f}" for f in self.callables()], "{}", 4),
                *wrapped(f"return Loss.apply({', '.join(['arguments', 'functions', *tensors])})", 4)]
        return function("loss", ["*", *words, *self.callables()], f"Returns {self.adjoint.loss}, to be differentiated by torch as any other tensor.",
                        [], body)

    def functions(self) -> list[str]:
        return [*super().functions(), *self.public_loss()]
