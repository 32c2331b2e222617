"""PyTorch: a `torch.autograd.Function` whose backward is the derived one, so that it can stand in any module."""

from __future__ import annotations

from ..codegen import sliding
from ..codegen.arrays import Value
from ..codegen.compiled import Compiled, Lowered, Scope, quoted
from ..codegen.frame import Body, function, head, helpers_for, mentions, opening, step_rule, used
from ..codegen.layout import WIDTH, display, indented, wrapped
from ..codegen.scalars import PRODUCT
from ..codegen.spell import Dialect, hugged
from ..errors import UnsupportedError
from . import Options

HELPERS = {"sigmoid": "torch.sigmoid({0})", "erf": "torch.erf({0})", "_erf_each": "torch.erf({0})", "softmax": "torch.softmax({0}, {1})",
           "log_softmax": "torch.log_softmax({0}, {1})", "logsumexp": "torch.logsumexp({0}, {1})",
           "one_hot": "torch.eye({2}, device=device)[{1}.long()]", "take_rows": "{2}[{1}.long()]",
           "add_rows": "torch.zeros({3}, dtype=dtype, device=device).index_add_(0, {1}.long(), {2})", **sliding.TORCH_SPELLED}
MADE = "dtype=dtype, device=device"
DIALECT = Dialect("torch", HELPERS, {"absolute": "abs", "power": "pow"}, True, MADE, ".to(dtype)", "{0}.amax({1}{2})", "keepdim",
                  "{0}.permute{1}", number=f"torch.tensor({{0}}, {MADE})", own="{0}.clone()", inner="", flips=True)
AS_ARRAY = '''

def as_array(name, value, *shape):
    """`value` as a tensor of floats of this shape; a size that is a word may be any."""
    value = torch.as_tensor(value)
    if value.is_complex():
        raise ValueError(f"{name} holds {value.dtype}, wanted real numbers")
    if not value.is_floating_point():
        value = value.to(torch.get_default_dtype())
    free = {}
    wanted = [
        free.setdefault(n, have) if isinstance(n, str) else n
        for n, have in zip(shape, value.shape)
    ]
    if value.ndim != len(shape) or list(value.shape) != wanted:
        have, wanted = tuple(value.shape), ", ".join(map(str, shape))
        raise ValueError(f"{name} has shape {have}, wanted ({wanted})")
    return value
'''
ALIKE = '''

def alike(**tensors):
    """Raises ValueError where tensors differ in type or device."""
    (first, one), *others = tensors.items()
    for name, value in others:
        if (value.dtype, value.device) != (one.dtype, one.device):
            raise ValueError(
                f"{name} is {value.dtype} on {value.device}, "
                f"but {first} is {one.dtype} on {one.device}"
            )
'''


def write(compiled: Compiled, options: Options = Options()) -> str:
    """The source of a module with the class `Loss`, `loss`, `value_and_grad` and a step if one is asked for."""
    if options.shard:
        raise UnsupportedError("the target torch has no --shard: it needs --to jax")
    if inner := [n for n in compiled.wrt if n not in compiled.program.inputs]:
        raise UnsupportedError(f"the target torch differentiates by arguments, and {inner[0]} is none")
    compiled.linalg = "torch.linalg"
    lowered = compiled.lowered(HELPERS.__contains__, False)
    keywords = ["*", *compiled.keywords(), "check=True"]
    made = ["", "", *Function(compiled, lowered).source()]
    made += function("loss", keywords, f"Returns {compiled.loss}, to be differentiated by torch as any other tensor.",
                     compiled.docstring(), applied(compiled))
    made += function("value_and_grad", keywords, f"Returns ({compiled.loss}, {{name: gradient}}), each of its tensor's shape.", [],
                     gradients(compiled))
    made += step_rule(compiled, options.step, "torch.as_tensor({0}).detach()") if options.step else []
    whole = [*AS_ARRAY.rstrip().splitlines(), *ALIKE.rstrip().splitlines(), *helpers_for(sliding.TORCH.values(), made), *made]
    imports = ["import torch", "from torch.autograd.function import once_differentiable"]
    return "\n".join([*opening(compiled, "PyTorch", imports, whole), *whole, ""])


class Function:
    """Writes `class Loss`: forward keeps what backward reads, backward computes what is asked for."""

    def __init__(self, compiled: Compiled, lowered: Lowered) -> None:
        self.compiled, self.lowered = compiled, lowered
        self.body = Body(compiled, lowered, DIALECT, [lowered.loss, *lowered.results.values()], 8)
        self.seed, speller = self.body.scope.fresh("seed"), self.body.speller
        self.forward = self.body.equations(lowered.forward)
        self.value = speller.result(lowered.loss, set())
        speller.mentioned, speller.codes, known = {}, {}, set(speller.names)
        self.backward = self.body.equations(line for line in lowered.backward if not self.is_last(line.value))
        self.returned = self.results()
        self.saved = [speller.names[v] for v in speller.mentioned if v in known]

    def is_last(self, value: Value) -> bool:
        """Whether nothing reads a gradient but the caller, so that it can wait until it is asked for."""
        return value in self.lowered.results.values() and self.body.speller.reads.get(value) == 1

    def results(self) -> list[str]:
        """The lines that compute the gradients which are asked for, and return them."""
        lines, slots, speller = [], [], self.body.speller
        speller.indent += 16
        for at, name in enumerate(self.lowered.leaves):
            if name not in self.lowered.results:
                slots.append("None")
                continue
            speller.lines = []
            text = speller.read(self.lowered.results[name]).wrap(PRODUCT)
            slots.append(self.body.scope.fresh(f"grad_{self.compiled.names[name]}"))
            lines += [part for line in speller.lines for part in wrapped(line, 8)]
            lines += [f"        {slots[-1]} = None", f"        if ctx.needs_input_grad[{at}]:",
                      hugged(f"            {slots[-1]} = {self.seed} * {text}")]
        slots += ["None"] * len(self.compiled.writer.callables)
        tail = [f"        return {slots[0]}"] if len(slots) == 1 else wrapped(f"return {', '.join(slots)}", 8)
        if len(tail[-1]) > WIDTH:
            tail = ["        return (", *(f"            {slot}," for slot in slots), "        )"]
        return [*lines, *tail]

    def source(self) -> list[str]:
        compiled, calls = self.compiled, list(self.compiled.writer.callables)
        given = ["ctx", *(compiled.names[n] for n in self.lowered.leaves), *calls]
        after = [*self.backward, *self.returned]
        sizes = [s for s in compiled.sizes.values() if mentions(after, s)]
        held = {"save_for_backward": self.saved, "sizes": sizes, "functions": [c for c in calls if mentions(after, c)]}
        keep = [*wrapped(f"ctx.save_for_backward({', '.join(self.saved)})", 8),
                *(f"        ctx.{name} = ({', '.join(words)},)".replace(",,", ",") if len(words) == 1 else
                  f"        ctx.{name} = ({', '.join(words)})" for name, words in held.items() if words and name != "save_for_backward")]
        lines = ["class Loss(torch.autograd.Function):", f'    """{compiled.loss}, with the backward pass as it was derived."""', "",
                 "    @staticmethod", *wrapped(f"def forward({', '.join(given)}):", 4)]
        known = [line for line in compiled.arguments if "as_array(" not in line]
        lines += indented(used(known, [*self.forward, *keep]), 8)
        if mentions([*self.forward, self.value], "dtype"):
            first = next(iter(compiled.numbers), given[1])
            lines.append(f"        dtype, device = {first}.dtype, {first}.device")
        lines += [*self.forward, *keep, f"        return {self.value}", "", "    @staticmethod", "    @once_differentiable",
                  f"    def backward(ctx, {self.seed}):"]
        for words, source in ((self.saved, "saved_tensors"), (sizes, "sizes"), (held["functions"], "functions")):
            lines += indented(unpacked(words, f"ctx.{source}"), 8)
        if mentions(after, "dtype"):
            lines.append(f"        dtype, device = {self.seed}.dtype, {self.seed}.device")
        return [*lines, *after]


def unpacked(names: list[str], source: str) -> list[str]:
    """`a, b = source`, one name a line where it is too wide."""
    if not names:
        return []
    line = f"{', '.join(names)} = {source}" if len(names) > 1 else f"({names[0]},) = {source}"
    return [line] if len(line) + 8 <= WIDTH else ["(", *(f"    {name}," for name in names), f") = {source}"]


def applied(compiled: Compiled) -> list[str]:
    """The body of `loss`."""
    names = [compiled.names[n] for n in compiled.program.inputs]
    lines = [*head(compiled, [], ""), *wrapped(f"alike({', '.join(f'{n}={n}' for n in compiled.numbers)})", 4)]
    for name in compiled.program.inputs:
        if name not in compiled.wrt:
            lines += [f"    if {compiled.names[name]}.requires_grad and torch.is_grad_enabled():",
                      *wrapped(f'raise ValueError("this file has no gradient by {name}")', 8)]
    return [*lines, *wrapped(f"return Loss.apply({', '.join([*names, *compiled.writer.callables])})", 4)]


def gradients(compiled: Compiled) -> list[str]:
    """The body of `value_and_grad`."""
    scope = Scope(compiled.scope.taken)
    value, found, wrt = scope.fresh("value"), scope.fresh("found"), [compiled.names[n] for n in compiled.wrt]
    free = [n for n in compiled.program.inputs if n not in compiled.wrt]
    lines = [part for line in compiled.arguments for part in wrapped(line, 4)]
    lines += [f"    {n} = {n}.detach(){'.requires_grad_()' if n in wrt else ''}" for n in map(compiled.names.get, [*compiled.wrt, *free])]
    given = ", ".join(f"{k}={k}" for k in [*compiled.keywords(), "check"])
    lines += [*wrapped("with torch.enable_grad():", 4), *wrapped(f"{value} = loss({given})", 8),
              *display(f"{found} = ", wrt, "[]", 4), f"    {found} = torch.autograd.grad({value}, {found})",
              *display("gradients = ", [f"{quoted(n)}: {found}[{k}]" for k, n in enumerate(compiled.wrt)], "{}", 4),
              f"    return {value}.detach(), gradients"]
    return lines
