"""The text of `make_value_and_grad`: instructions with arrays to write to.

A tiny network of known sizes becomes straight-line scalar code instead.
"""

from __future__ import annotations

from collections.abc import Callable

from .arrays import Value
from .beside import side_by_side
from .biases import biases_in_products
from .compiled import Compiled, Scope, quoted
from .layout import comment, condition, display, indented
from .scales import shared_scales
from .spell import hugged
from .straight import Scalars, bare, entries, pays
from .workspace import Plan, made_empty

HEAD = '''def make_value_and_grad(sizes=None, dtype=float):
    """A value_and_grad for these sizes and this dtype that makes no arrays when called.

    `sizes` is a dict by name. Each call writes over the results of the call before;
    copy what is to be kept.
    """
    sizes, dtype = sizes or {}, np.dtype(dtype)'''


class Made:
    """Writes the function of one module."""

    def __init__(self, compiled: Compiled) -> None:
        self.compiled, self.names, self.scope = compiled, compiled.names, Scope(compiled.scope.taken)
        self.lowered = shared_scales(compiled.lowered(lambda name: False, True, True))
        self.read()

    def read(self) -> None:
        self.leaves, self.loss, self.results = self.lowered.leaves, self.lowered.loss, self.lowered.results
        self.order = self.lowered.order

    def source(self) -> list[str]:
        """The lines of `make_value_and_grad`."""
        if not self.compiled.sizes and pays(self.order) and all(f.name in self.leaves for f in self.compiled.facts):
            return self.straight({v: self.names[n] for n, v in self.leaves.items()})
        self.lowered = side_by_side(biases_in_products(self.lowered))
        self.read()
        known = {v: self.names[n] for n, v in self.leaves.items()}
        plan = Plan(self.order, {**self.results, "": self.loss}, self.scope.numbered, known)
        body = self.grouped(lambda value, label: plan.lines(value), plan.text)
        taken: set[str] = set()
        last, returned = [], []
        for name, value in self.results.items():
            copies, text = plan.copied(name, value, taken)
            last += copies
            returned.append(f"{quoted(name)}: {text}")
        _, total = plan.copied("", self.loss, taken)
        arrays = [line for place, key in plan.buffers.items() if place not in plan.views for line in made_empty(place, *key)]
        last += [*display("gradients = ", returned, "{}", 8), f"return {total}, gradients"]
        return self.frame([*arrays, *plan.made], [*body, *(line.removeprefix(" " * 8) for line in last)])

    def grouped(self, spell: Callable[[Value, str], list[str]], text: Callable[[Value], str] | None = None) -> list[str]:
        """The instructions of each equation under its line as a comment; `text` is how a value is read."""
        born = {value: at for at, value in enumerate(self.lowered.values)}
        body, at = [], 0
        for line in (*self.lowered.forward, *self.lowered.backward):
            mine: list[str] = []
            while at < len(self.order) and born[self.order[at]] < line.end:
                mine += spell(self.order[at], line.name if self.order[at] is line.value else "")
                at += 1
            body += [*(part for text in line.text.split("\n") for part in comment(text, 8)), *mine] if mine else []
            if any(fact.name == line.of for fact in self.compiled.facts) and line.value in self.order:
                checks = self.compiled.checks((line.of,), 8, code=text(line.value))
                body += [check.removeprefix(" " * 8) for check in checks]
        return [line.strip() if line.lstrip().startswith("#") else line for line in body]

    def straight(self, known: dict[Value, str]) -> list[str]:
        """Scalar code; the gradients are parts of one array."""
        scalars = Scalars(self.order, known, self.scope)
        used = [v for v in self.leaves.values() if v in self.order]
        body = [line for v in used for line in scalars.unpacked(v)] + self.grouped(scalars.lines)
        filled, flat = [], self.scope.fresh("flat")
        for value in self.results.values():
            for at in entries(value):
                before, text = scalars.cut(scalars.at(value, at))
                body += before
                filled.append(text)
        head, returned, start = [f"{flat} = np.empty({len(filled)}, dtype)"], [], 0
        for name, value in self.results.items():
            place, count = self.scope.numbered("w1"), len(list(entries(value)))
            head.append(f"{place} = {flat}[{start}:{start + count}].reshape({', '.join(value.shape) or '()'})")
            returned.append(f"{quoted(name)}: {place}")
            start += count
        loss = self.scope.fresh("total")
        before, text = scalars.cut(scalars.at(self.loss, ()))
        filled = [line.removeprefix(" " * 12) for line in display(f"{flat}[:] = ", filled, "[]", 12)]
        body += [*before, f"{loss} = {text}", f"if {loss} - {loss} != 0.0:", "    raise ArithmeticError", *filled]
        given = ", ".join(f"{self.names[n]}={self.names[n]}" for n in self.leaves)
        body = ["try:", *indented(body, 4), "except (ArithmeticError, ValueError):",
                f"    return value_and_grad({given}, check=False)",
                *(line.removeprefix(" " * 8) for line in display("gradients = ", returned, "{}", 8)),
                f"return dtype.type({loss}), gradients"]
        head += [f"{name} = math.{name}" for name in scalars.functions]
        head += [f"{name} = float({text})" for text, name in scalars.constants.items()]
        return self.frame(head, body)

    def frame(self, head: list[str], body: list[str]) -> list[str]:
        """The two functions around the instructions."""
        compiled = self.compiled
        lines = HEAD.splitlines() + [f"    {code} = size_of(sizes, {quoted(str(s))})" for s, code in compiled.sizes.items()]
        lines += compiled.size_checks(4)
        lines += indented([hugged(line) for line in head], 4)
        inner = self.scope.fresh("compute")
        lines += ["", f"    def {inner}(*, {', '.join([*compiled.keywords(), 'check=True'])}):"]
        for name, value in self.leaves.items():
            code, shape = self.names[name], ", ".join(value.shape)
            exact = f"({shape}{',' * (len(value.shape) == 1)})"
            lines += condition([f"type({code}) is not np.ndarray", f"{code}.dtype is not dtype", f"{code}.shape != {exact}"], 8)
            parts = [quoted(name), code, *value.shape, "dtype=dtype"]
            lines += [f"            {code} = fitting({', '.join(parts)})"]
        lines += compiled.checks(tuple(self.leaves), 8)
        return [*lines, *indented([hugged(line) for line in body], 8), "", f"    return {inner}"]
