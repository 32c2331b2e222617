"""A forward and a backward program as a plain NumPy module: one line an equation, the user's names.

Here is the frame: names, checks of the arguments, helpers. `terms` spells nodes, `products` contractions,
`scalars` numbers. Nothing is simplified and no derivative of a tensor is taken.
"""

from __future__ import annotations

import keyword
import re
from collections.abc import Callable

import sympy as sp

from ..errors import UnsupportedError
from ..expr import Apply, Const, Contract, Delta, Expr, Map, Ones, Var, is_elementwise, show_shape, walk
from ..ops import SCALAR_OPS, TENSOR_OPS, load
from ..program import Equation, Fact, Program
from ..reverse import bar
from ..windows import requirements
from .made import Made
from .scalars import ATOM, Code, number, whole
from .straight import MATH
from .terms import Writer
from .workspace import HELPERS

load()
RESERVED = {"np", "value_and_grad", "make_value_and_grad", "as_array", "check", "float", "ValueError", "sizes", "dtype",
            "size_of", "empty", "fitting", "int", "isinstance", "type", "math", "plain", "abs",
            "read_at", "add_at", "pad_axis", "fold_axis", "indicator", *MATH.values()} | {
    name for table in (SCALAR_OPS, TENSOR_OPS) for name, row in table.items() if row.helper} | {
    "gelu_tanh_prime", "erf", "_erf", "_erf_each"}
AS_ARRAY = '''def as_array(name, value, *shape):
    """`value` as an array of floats of this shape; a size that is a word may be any, but the same wherever it stands."""
    value = np.asarray(value)
    if value.dtype.kind not in "fiub":
        raise ValueError(f"{name} holds {value.dtype}, wanted real numbers")
    if value.dtype.kind != "f":
        value = value.astype(float)
    free = {}
    wanted = [free.setdefault(n, have) if isinstance(n, str) else n for n, have in zip(shape, value.shape)]
    if value.ndim != len(shape) or list(value.shape) != wanted:
        raise ValueError(f"{name} has shape {value.shape}, wanted ({', '.join(map(str, shape))})")
    return value
'''
DTYPE = re.compile(r"\bdtype\b")
BIG = 400  # nodes written out in one line before what is read twice gets a line of its own


def export_numpy(program: Program, backward: Program, loss: str, wrt: tuple[str, ...],
                 facts: tuple[Fact, ...] | None = None) -> str:
    """The source of a module with `value_and_grad(*, …, check=True) -> (loss, {name: gradient})`.

    `facts` are the assumptions that it states and checks, the program's by default. Raises `UnsupportedError` for what
    has no NumPy spelling.
    """
    return Module(program, backward, loss, wrt, program.facts if facts is None else facts).source()


def export_module(program: Program, added: Program, value: str, results: dict[str, str]) -> str:
    """As `export_numpy`, for any equations over a program: returns (value, {label: array}) for `results`, label -> name."""
    return Module(program, added, value, tuple(results), program.facts, results).source()


def code_name(name: str) -> str:
    """`d_W` for the cotangent of W, `t_z` for the tangent of z."""
    return "t_" + code_name(name[1:]) if name.startswith("˙") else "d_" + name.lstrip("∂") if name.startswith("∂") else name


def compile_function(source: str) -> Callable:
    """`value_and_grad` of a module that `export_numpy` wrote."""
    return compile_module(source)["value_and_grad"]


def compile_module(source: str) -> dict[str, object]:
    """The names that a module which `export_numpy` wrote defines.

    This is the one place where source is executed. It is safe because the source is our own: every word in it is ours, a
    number, or a name that has passed the reader's white list (letters, digits and underscores).
    """
    space: dict[str, object] = {"__name__": "symbackprop_generated"}
    exec(compile(source, "<symbackprop>", "exec"), space)  # noqa: S102
    return space


class Module:
    """Writes one module."""

    def __init__(self, program: Program, backward: Program, loss: str, wrt: tuple[str, ...],
                 facts: tuple[Fact, ...], results: dict[str, str] | None = None) -> None:
        self.results = {n: bar(n) for n in wrt} if results is None else results
        self.program, self.backward, self.loss, self.wrt, self.facts = program, backward, loss, wrt, facts
        self.taken = set(RESERVED)
        self.names: dict[str, str] = {}
        user = [*program.inputs, *(e.name for e in program.equations)]
        self.taken |= set(opaque_names(program, backward))
        clash = [n for n in user if n in self.taken or keyword.iskeyword(n)]
        self.taken |= set(user)
        self.names |= {n: self.fresh(n + "_") if n in clash else n for n in user}
        self.names |= {e.name: self.fresh(code_name(e.name)) for e in backward.equations}
        dims = {s for e in (*program.inputs.values(), *(e.expr for e in (*program.equations, *backward.equations)))
                for node in (walk(e) if isinstance(e, Expr) else ()) for s in symbols_of(node)}
        self.sizes = {s: self.fresh(self.safe(str(s))) for s in sorted(dims, key=str)}
        self.bound: set[sp.Symbol] = set()
        self.numbers: dict[str, int] = {}
        self.imports: dict[str, None] = {}
        self.writer = Writer(self.names, self.sizes, self.taken)
        self.required = requirements(program)
        self.writer.assumed = frozenset(self.required)

    def safe(self, name: str) -> str:
        return name + "_" if keyword.iskeyword(name) else name

    def fresh(self, name: str) -> str:
        while name in self.taken or keyword.iskeyword(name):
            name += "_"
        self.taken.add(name)
        return name

    def source(self) -> str:
        """The text of the module."""
        arguments = [line for name, var in self.program.inputs.items() for line in self.argument(name, var)]
        if lacking := [str(s) for s in self.sizes if s not in self.bound]:
            raise UnsupportedError(f"no argument has the size {lacking[0]}, so a function could not know it")
        checks = [*self.size_checks(), *self.checks(self.program.inputs)]
        forward = [line for e in self.program.equations for line in (*self.lines(e, e.name == self.loss), *self.checks((e.name,)))]
        wanted = set(self.results.values())
        back = [line for e in self.backward.equations for line in self.lines(e, e.name in wanted)]
        results = ", ".join(f'"{n}": {self.names[name]}' for n, name in self.results.items())
        keywords = [*(self.names[n] for n in self.program.inputs), *self.writer.callables]
        helpers = [*([AS_ARRAY] if self.program.inputs else []), *self.writer.helpers.values()]
        made = self.made([*forward, *back])
        helpers.append(HELPERS)
        lines = [f'"""{self.loss} and its gradients by {", ".join(self.wrt)}; needs NumPy alone."""', "",
                 *(f"import {name}" for name in self.imports), *[""] * bool(self.imports), "import numpy as np"]
        for helper in helpers:
            lines += ["", "", helper.strip()]
        lines += ["", "", f"def value_and_grad(*, {', '.join(keywords + ['check=True'])}):", *self.docstring(), *arguments,
                  *checks, *self.precision([*forward, *back]), "", *forward, "", *back, "", f"    return {self.names[self.loss]}, {{{results}}}", "", "", *made, ""]
        return "\n".join(lines)

    def made(self, lines: list[str]) -> list[str]:
        """The lines of `make_value_and_grad`."""
        return Made(self, lines).source()

    def precision(self, lines: list[str]) -> list[str]:
        """The line that says in which precision arrays are made that are no function of an argument, where there are any."""
        if not any(DTYPE.search(line) for line in lines):
            return []
        given = ", ".join(self.names[n] for n in self.program.inputs)
        return [f"    dtype = np.result_type({given})" if given else "    dtype = float"]

    def fresh_numbered(self, name: str) -> str:
        """`name` with its number raised until nobody else has it."""
        stem, k = name.rstrip("0123456789"), self.numbers.get(name, 0) + 1
        while f"{stem}{k}" in self.taken:
            k += 1
        self.numbers[name] = k
        self.taken.add(f"{stem}{k}")
        return f"{stem}{k}"

    def docstring(self) -> list[str]:
        renamed = {n: f" (given as {self.names[n]})" for n in self.program.inputs if self.names[n] != n}
        lines = [f'    """Returns ({self.loss}, {{name: gradient}}), each gradient of its tensor\'s shape.', ""]
        lines += [f"    {n}: {show_shape(v.shape)}{renamed.get(n, '')}" for n, v in self.program.inputs.items()]
        lines += [f"    {f}: an elementwise function of an array" for f in self.writer.callables]
        lines += [f"    assumed: {fact}" for fact in self.facts]
        raises = "Raises ValueError where a shape does not fit" + (
            " or, unless check=False, where an assumption fails." if self.facts else ".")
        return [*lines, "", f"    {raises}", '    """']

    def argument(self, name: str, var: Var) -> list[str]:
        """The lines that read one argument and bind the sizes that it is the first to have."""
        code = self.names[name]
        new = [d for d in dict.fromkeys(var.shape) if d.is_Symbol and d not in self.bound]
        late = [d for d in var.shape if not d.is_Symbol and d.free_symbols - self.bound]
        if late:
            raise UnsupportedError(f"the size {late[0]} of {name} is of sizes that no argument before it has")
        shown = [f'"{d}"' if d in new else self.writer.size(d) for d in var.shape]
        lines = [f"    {code} = as_array({', '.join([repr(name).replace(chr(39), chr(34)), code, *shown])})"]
        self.bound |= set(new)
        if new and len(new) == len(var.shape):
            lines.append(f"    {', '.join(self.sizes[d] for d in new)}{',' if len(new) == 1 else ''} = {code}.shape")
        else:
            lines += [f"    {self.sizes[d]} = {code}.shape[{var.shape.index(d)}]" for d in new]
        return lines

    def size_checks(self) -> list[str]:
        """The lines that refuse sizes for which a slice would reach beyond its axis."""
        lines = []
        for room, why in self.required.items():
            lines += [f"    if {whole(room, self.writer.env).text} < 0:", f'        raise ValueError("{why}")']
        return lines

    def checks(self, names: object) -> list[str]:
        """The lines that test the assumptions about some tensors."""
        lines = []
        for fact in self.facts:
            if fact.name in names:
                lines += [f"    if check and not {self.fact_test(fact)}:",
                          f'        raise ValueError("the data break the assumption {fact}")']
        return lines

    def fact_test(self, fact: Fact) -> str:
        x = self.names[fact.name]
        match fact.kind:
            case "sum":
                axis = "" if fact.axis is None else f"axis={fact.axis}"
                return f"np.allclose({x}.sum({axis}), 1.0, rtol=0.0, atol=1e-5)"
            case "symmetric":
                return f"np.allclose({x}, {x}.T, rtol=1e-5, atol=1e-8)"
            case "diagonal":
                return f"not np.any({x} - np.diag(np.diag({x})))"
            case "definite":
                return f"(np.allclose({x}, {x}.T, rtol=1e-5, atol=1e-8) and np.all(np.linalg.eigvalsh({x}) > 0))"
            case "binary":
                return f"np.isin({x}, (0.0, 1.0)).all()"
            case "range":
                low = [f"np.all({x} > {self.bound_code(fact.low)})"] if fact.low is not None else []
                high = [f"np.all({x} < {self.bound_code(fact.high)})"] if fact.high is not None else []
                return f"({' and '.join(low + high)})"
        raise UnsupportedError(f"the assumption {fact} has no NumPy spelling")

    def bound_code(self, value: object) -> str:
        return number(value, self.writer.env).wrap(ATOM - 1)

    def lines(self, equation: Equation, returned: bool) -> list[str]:
        """The lines of one equation. What is returned must not share memory with an argument or another result."""
        lines, self.writer.bound = self.writer.lines, {}
        lines.clear()
        for node in read_often(equation.expr):
            code = self.writer.code(node)
            name = self.fresh(f"{self.names[equation.name]}_part")
            lines.append(f"    {name} = {code.text}")
            self.writer.bound[node] = name
        code = self.writer.code(equation.expr)
        return [*lines, f"    {self.names[equation.name]} = {own(code, equation.expr) if returned else code.text}"]


def own(code: Code, node: Expr) -> str:
    """The source of a value that shares no memory with anything."""
    if type(node) is Const:
        return f"np.array({code.text})"
    if type(node) is Var:
        return f"{code.text}.copy()" if node.rank else f"np.array({code.text})"
    return f"np.array({code.text})" if code.view else code.text


def opaque_names(*programs: Program) -> list[str]:
    """The functions that the caller has to give, with their derivatives."""
    found: dict[str, None] = {}
    for program in programs:
        for equation in program.equations:
            for node in walk(equation.expr):
                if type(node) is Map and node.function.opaque:
                    found.setdefault(node.function.name + "_prime" * len(node.function.derivative))
    return list(found)


def symbols_of(node: Expr) -> set[sp.Symbol]:
    """The sizes that the source of a node may have to name."""
    if type(node) is Const:
        return node.value.free_symbols
    if type(node) is Map and not node.function.opaque:
        return {s for p in node.function.params for s in p.free_symbols}
    return {s for d in node.shape for s in d.free_symbols}


def read_often(root: Expr) -> list[Expr]:
    """Nodes that get a line of their own: matrix products read twice, and anything read twice in a very long equation."""
    order = walk(root)
    reads: dict[Expr, int] = {}
    written: dict[Expr, int] = {}
    for node in order:
        written[node] = 1 + sum(written[child] for child in node.children)
        for child in node.children:
            reads[child] = reads.get(child, 0) + 1
    long = written[root] > BIG
    return [n for n in order if n is not root and reads[n] > 1 and type(n) not in (Var, Const, Ones, Delta)
            and (long or type(n) is Apply or type(n) is Contract and len(n.operands) > 1
                 and not is_elementwise(n.inputs, n.output) and any(i not in n.output for l in n.inputs for i in l))]
