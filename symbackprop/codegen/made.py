"""The text of `make_value_and_grad`: plain lines lowered to instructions, instructions given arrays to write to.

A tiny network of known sizes becomes straight-line scalar code instead.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from .arrays import Graph, Value
from .lower import Lowering
from .straight import Scalars, bare, entries, pays
from .workspace import Plan, needed

if TYPE_CHECKING:
    from . import Module

HEAD = '''def make_value_and_grad(sizes=None, dtype=float):
    """A value_and_grad for these sizes (a dict by name) and this dtype that makes no arrays when it is called.

    Each call writes over the results of the call before; copy what is to be kept.
    """
    sizes, dtype = sizes or {}, np.dtype(dtype)'''


class Made:
    """Writes the function of one module. `lines` are those of its plain function between arguments and return."""

    def __init__(self, module: Module, lines: list[str]) -> None:
        self.module, self.names = module, module.names
        self.graph = graph = Graph()
        self.leaves = {n: graph.make("input", (), tuple(module.writer.size(d) for d in v.shape), (self.names[n],))
                       for n, v in module.program.inputs.items()}
        env = {**{self.names[n]: v for n, v in self.leaves.items()}, **{s: s for s in module.sizes.values()}}
        lowering = Lowering(graph, env, "\n".join(module.writer.helpers.values()), tuple(module.writer.callables),
                            module.writer.shapes)
        self.steps = []
        for line in lines:
            if " = " in line and not line.strip().startswith(("#", "if", "raise")):
                name, value = lowering.line(line)
                self.steps.append((name, value, line.strip(), len(graph.values)))
        self.loss = lowering.env[self.names[module.loss]]
        self.results = {n: lowering.env[self.names[name]] for n, name in module.results.items()}
        self.order = needed(graph.values, {**self.results, "": self.loss})

    def source(self) -> list[str]:
        """The lines of `make_value_and_grad`."""
        known = {v: self.names[n] for n, v in self.leaves.items()}
        if not self.module.sizes and pays(self.order):
            return self.straight(known)
        plan = Plan(self.order, {**self.results, "": self.loss}, self.module.fresh_numbered, known)
        body = self.grouped(lambda value, label: plan.lines(value))
        taken: set[str] = set()
        last, returned = [], []
        for name, value in self.results.items():
            copies, text = plan.copied(name, value, taken)
            last += copies
            returned.append(f'"{name}": {text}')
        _, total = plan.copied("", self.loss, taken)
        arrays = [f"{place} = empty({', '.join(shape)}, dtype={kind})" for place, (shape, kind) in plan.buffers.items()]
        return self.frame([*arrays, *plan.made], [*body, *last, f"return {total}, {{{', '.join(returned)}}}"])

    def grouped(self, spell: object) -> list[str]:
        """The instructions of each plain line under that line as a comment."""
        born = {value: at for at, value in enumerate(self.graph.values)}
        body, at = [], 0
        for name, value, line, end in self.steps:
            mine: list[str] = []
            while at < len(self.order) and born[self.order[at]] < end:
                mine += spell(self.order[at], name if self.order[at] is value else "t")
                at += 1
            body += [f"# {line}", *mine] if mine else []
        return body

    def straight(self, known: dict[Value, str]) -> list[str]:
        """Scalar code; the gradients are parts of one array."""
        scalars = Scalars(self.order, known, self.module.fresh)
        used = [v for v in self.leaves.values() if v in self.order]
        body = [*map(scalars.unpacked, used), *self.grouped(scalars.lines)]
        filled = [bare(scalars.at(v, at)) for v in self.results.values() for at in entries(v)]
        flat, returned, head, start = self.module.fresh("flat"), [], [f"flat = np.empty({len(filled)}, dtype)"], 0
        for name, value in self.results.items():
            place, count = self.module.fresh_numbered("w1"), len(list(entries(value)))
            head.append(f"{place} = {flat}[{start}:{start + count}].reshape({', '.join(value.shape) or '()'})")
            returned.append(f'"{name}": {place}')
            start += count
        loss = self.module.fresh("loss")
        body += [f"{loss} = {bare(scalars.at(self.loss, ()))}", f"if {loss} - {loss} != 0.0:",
                 "    raise ArithmeticError", f"{flat}[:] = [", *(f"    {text}," for text in filled), "]"]
        given = ", ".join(f"{self.names[n]}={self.names[n]}" for n in self.leaves)
        body = ["try:", *(f"    {line}" for line in body), "except (ArithmeticError, ValueError):",
                f"    return value_and_grad({given}, check=False)",
                f"return dtype.type({loss}), {{{', '.join(returned)}}}"]
        head += [f"{name} = math.{name}" for name in scalars.functions]
        head += [f"{name} = float({text})" for text, name in scalars.constants.items()]
        self.module.imports.setdefault("math")
        return self.frame(head, body)

    def frame(self, head: list[str], body: list[str]) -> list[str]:
        """The two functions around the instructions."""
        module = self.module
        lines = HEAD.splitlines() + [f'    {code} = size_of(sizes, "{s}")' for s, code in module.sizes.items()]
        lines += [f"    {line}" for line in head]
        keywords = [*(self.names[n] for n in self.leaves), *module.writer.callables, "check=True"]
        inner = module.fresh("compute")
        lines += ["", f"    def {inner}(*, {', '.join(keywords)}):"]
        for name, value in self.leaves.items():
            code, shape = self.names[name], "".join(f"{d}, " for d in value.shape)
            asked = f"type({code}) is not np.ndarray or {code}.dtype is not dtype or {code}.shape != ({', '.join(value.shape)}{',' * (len(value.shape) == 1)})"
            lines += [f"        if {asked}:", f'            {code} = fitting("{name}", {code}, {shape}dtype=dtype)']
        lines += [f"    {line}" for line in module.checks(tuple(self.leaves))]
        return [*lines, *(f"        {line}" for line in body), "", f"    return {inner}"]
