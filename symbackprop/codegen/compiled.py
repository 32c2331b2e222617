"""A forward and a backward program as array instructions, with the names that they go by in source.

Each equation is written as a line of NumPy (`terms`, `products`, `scalars`), and the line read into instructions
(`lower`). Nothing is simplified and no derivative of a tensor is taken. The targets spell the instructions.
"""

from __future__ import annotations

import ast
import keyword
from collections.abc import Callable, Collection
from dataclasses import dataclass, field
from functools import cache
from typing import NamedTuple

import sympy as sp

from ..errors import UnsupportedError
from ..expr import Apply, Const, Contract, Delta, Expr, Map, Ones, Shape, Var, is_elementwise, show_shape, walk
from ..ops import SCALAR_OPS, TENSOR_OPS, load
from ..program import Equation, Fact, Program
from ..reverse import bar
from ..windows import requirements
from .arrays import Graph, Value
from .layout import condition, wrapped
from .lower import Lowering
from .order import opened
from .pads import Joining
from .scalars import ATOM, number, whole
from .straight import MATH
from .terms import Writer
from .workspace import needed

load()
WORDS = """np math jnp jax torch ctx dtype device float int abs max min isinstance type bool map sizes size_of empty fitting
as_array alike check rate mesh axis value_and_grad make_value_and_grad sgd_step make_sharded PartitionSpec NamedSharding
ValueError ArithmeticError once_differentiable read_at add_at one_hot take_rows add_rows pad_axis fold_axis indicator places pad_edges triangle_of diagonal_at margin_of itertools gelu_tanh_prime erf _erf _erf_each
gradients stepped Loss""".split()
RESERVED = {*WORDS, *MATH.values()} | {name for table in (SCALAR_OPS, TENSOR_OPS) for name, row in table.items() if row.helper}
BIG = 400  # nodes written out in one line before what is read twice gets a line of its own


class Line(NamedTuple):
    """One equation: its name in the code, its value, its line of NumPy, how many instructions there are after it."""

    name: str
    value: Value
    text: str
    end: int
    of: str


@dataclass(frozen=True)
class Lowered:
    """The instructions: those that the results rest on in `order`; `forward` and `backward` lines; the results by name."""

    leaves: dict[str, Value]
    values: list[Value]
    forward: list[Line]
    backward: list[Line]
    loss: Value
    results: dict[str, Value]

    @property
    def order(self) -> list[Value]:
        return needed(self.values, {**self.results, "": self.loss})

    def order_of(self, *values: Value) -> list[Value]:
        return needed(self.values, dict(enumerate(values)))


@dataclass
class Notes:
    """What is said beside the code: who made it from what, the model's equations, and the equation of each cotangent."""

    made_by: str = ""
    model: list[str] = field(default_factory=list)
    steps: dict[str, str] = field(default_factory=dict)


class Scope:
    """The names of one function."""

    def __init__(self, taken: Collection[str]) -> None:
        self.taken, self.numbers = set(taken), {}

    def fresh(self, name: str) -> str:
        """`name`, or that with underscores behind it until nobody else has it."""
        while name in self.taken or keyword.iskeyword(name):
            name += "_"
        self.taken.add(name)
        return name

    def numbered(self, name: str) -> str:
        """`name` with its number raised until nobody else has it."""
        stem, k = name.rstrip("0123456789"), self.numbers.get(name, 0) + 1
        while f"{stem}{k}" in self.taken:
            k += 1
        self.numbers[name] = k
        self.taken.add(f"{stem}{k}")
        return f"{stem}{k}"


class Compiled:
    """One derivation on its way to source.

    `facts` are the assumptions that the source states and checks; `results` are what it returns, label -> name, the
    cotangents of `wrt` if not said.
    """

    def __init__(self, program: Program, backward: Program, loss: str, wrt: tuple[str, ...], facts: tuple[Fact, ...],
                 notes: Notes, results: dict[str, str] | None = None) -> None:
        self.wanted = {n: bar(n) for n in wrt} if results is None else results
        self.program, self.backward, self.loss, self.wrt, self.facts, self.notes = program, backward, loss, wrt, facts, notes
        self.scope = Scope(RESERVED)
        self.names = keywords(program, backward, self.scope)
        self.names |= {e.name: self.scope.fresh(code_name(e.name)) for e in backward.equations}
        dims = {s for e in (*program.inputs.values(), *(e.expr for e in (*program.equations, *backward.equations)))
                for node in (walk(e) if isinstance(e, Expr) else ()) for s in symbols_of(node)}
        self.sizes = {s: self.scope.fresh(str(s)) for s in sorted(dims, key=str)}
        self.writer = Writer(self.names, self.sizes, self.scope.taken)
        self.required = requirements(program)
        self.writer.assumed = frozenset(self.required)
        self.writer.opened = opened([e.expr for p in (program, backward) for e in p.equations])
        bound: set[sp.Symbol] = set()
        self.arguments = [line for name, var in program.inputs.items() for line in self.argument(name, var, bound)]
        if lacking := [str(s) for s in self.sizes if s not in bound]:
            raise UnsupportedError(f"no argument has the size {lacking[0]}, so a function could not know it")
        self.lines = [[(e.name, line) for line in self.written(e)] for p in (program, backward) for e in p.equations]
        self.tree = ast.parse("\n".join(text for group in self.lines for _, text in group)).body

    def lowered(self, keep: Callable[[str], bool], tuned: bool, joining: bool = False) -> Lowered:
        """The instructions; functions that `keep` holds for stay calls, the others are put in. `joining`: as NumPy is fastest at."""
        graph = Joining(tuned) if joining else Graph(tuned)
        leaves = {n: graph.make("input", (), tuple(self.writer.size(d) for d in v.shape), (self.names[n],))
                  for n, v in self.program.inputs.items()}
        env = {**{self.names[n]: v for n, v in leaves.items()}, **{s: s for s in self.sizes.values()}}
        lowering = Lowering(graph, env, "\n".join(self.writer.helpers.values()), tuple(self.writer.callables),
                            self.writer.shapes, keep)
        tree = iter(self.tree)
        made = [[Line(*lowering.line(next(tree)), text, len(graph.values), of) for of, text in group] for group in self.lines]
        count = len(self.program.equations)
        forward, backward = ([line for group in part for line in group] for part in (made[:count], made[count:]))
        return Lowered(leaves, graph.values, forward, backward, lowering.env[self.names[self.loss]],
                       {n: lowering.env[self.names[name]] for n, name in self.wanted.items()})

    def argument(self, name: str, var: Var, bound: set[sp.Symbol]) -> list[str]:
        """The lines that read one argument and bind the sizes that it is the first to have."""
        code = self.names[name]
        new = [d for d in dict.fromkeys(var.shape) if d.is_Symbol and d not in bound]
        late = [d for d in var.shape if not d.is_Symbol and d.free_symbols - bound]
        bound |= set(new)
        if late:
            raise UnsupportedError(f"the size {late[0]} of {name} is of sizes that no argument before it has")
        shown = [f'"{d}"' if d in new else self.writer.size(d) for d in var.shape]
        lines = [f"{code} = as_array({', '.join([quoted(name), code, *shown])})"]
        if new and len(new) == len(var.shape):
            sizes = ", ".join(self.sizes[d] for d in new)
            lines.append(f"{sizes if len(new) > 1 else f'({sizes},)'} = {code}.shape")
        else:
            lines += [f"{self.sizes[d]} = {code}.shape[{var.shape.index(d)}]" for d in new]
        return lines

    @property
    def numbers(self) -> list[str]:
        """The arguments whose precision is that of the results: all but those that hold places."""
        places = {fact.name for fact in self.program.facts if fact.kind == "index"}
        return [self.names[n] for n in self.program.inputs if n not in places]

    def keywords(self) -> list[str]:
        """The names of the arguments: tensors, then functions."""
        return [*(self.names[n] for n in self.program.inputs), *self.writer.callables]

    def size_checks(self, indent: int) -> list[str]:
        """The lines that refuse sizes for which a slice would reach beyond its axis."""
        lines = []
        for room, why in self.required.items():
            lines += [*condition([f"{whole(room, self.writer.env).text} < 0"], indent), *wrapped(f'raise ValueError("{why}")', indent + 4)]
        return lines

    def checks(self, names: Collection[str], indent: int, unless: str = "", code: str = "") -> list[str]:
        """The lines that test the assumptions about some tensors, called `code` if that is given."""
        lines = []
        for fact in self.facts:
            if fact.name in names:
                x = code or self.names[fact.name]
                extra = [unless.format(x)] if unless else []
                lines += [*condition(["check", *extra, f"not {fact_test(fact, x, self.writer.env, self.linalg)}"], indent, "and"),
                          *wrapped(f'raise ValueError("the data break the assumption {fact}")', indent + 4)]
        return lines

    linalg = "np.linalg"  # where the target keeps its linear algebra

    def docstring(self) -> list[str]:
        """What a generated function says of its arguments and of itself."""
        renamed = {n: f" (given as {self.names[n]})" for n in self.program.inputs if self.names[n] != n}
        lines = [f"{n}: {show_shape(v.shape)}{renamed.get(n, '')}" for n, v in self.program.inputs.items()]
        lines += [f"{f}: an elementwise function of an array" for f in self.writer.callables]
        lines += [f"assumed: {fact}" for fact in self.facts]
        lines += ["", *(f"    {harmless(text)}" for text in self.notes.model)] if self.notes.model else []
        raises = f"Raises ValueError where a shape does not fit{',' if self.facts else '.'}"
        return [*lines, "", raises, *(["or, unless check=False, where an assumption fails."] if self.facts else [])]

    def written(self, equation: Equation) -> list[str]:
        """The lines of one equation as the NumPy that is lowered."""
        lines, self.writer.bound = self.writer.lines, {}
        lines.clear()
        for node in read_often(equation.expr):
            text = self.writer.code(node).text
            name = self.scope.fresh(f"{self.names[equation.name]}_part")
            lines.append(f"{name} = {text}")
            self.writer.bound[node] = name
        last = f"{self.names[equation.name]} = {self.writer.code(equation.expr).text}"
        return [line.strip() for line in (*lines, last)]


def fact_test(fact: Fact, x: str, env: dict, linalg: str) -> str:
    """A test of `x` that every array library understands, false where a number is not one."""
    match fact.kind:
        case "sum":
            axis = "" if fact.axis is None else f"axis={fact.axis}"
            return f"abs({x}.sum({axis}) - 1.0).max() <= 1e-5"
        case "symmetric":
            return f"abs({x} - {x}.T).max() <= 1e-8 + 1e-5 * abs({x}).max()"
        case "diagonal":
            return f"(({x} != 0).sum() == ({x}.diagonal() != 0).sum())"
        case "definite":
            return f"(abs({x} - {x}.T).max() <= 1e-8 + 1e-5 * abs({x}).max() and ({linalg}.eigvalsh({x}) > 0).all())"
        case "binary":
            return f"(({x} == 0.0) | ({x} == 1.0)).all()"
        case "index":
            return f"(({x} >= 0) & ({x} < {whole(fact.high, env).text}) & ({x} % 1 == 0)).all()"
        case "range":
            sides = [f"({x} {sign} {number(value, env).wrap(ATOM - 1)}).all()"
                     for sign, value in ((">", fact.low), ("<", fact.high)) if value is not None]
            return sides[0] if len(sides) == 1 else f"({' and '.join(sides)})"
    raise UnsupportedError(f"the assumption {fact} cannot be checked in code")


def keywords(program: Program, backward: Program, scope: Scope | None = None) -> dict[str, str]:
    """What the user's tensors are called in code: the same, but for words that code needs."""
    scope = scope or Scope(RESERVED)
    user = [*program.inputs, *(e.name for e in program.equations)]
    scope.taken |= set(opaque_names(program, backward))
    clash = [n for n in user if n in scope.taken or keyword.iskeyword(n)]
    scope.taken |= set(user)
    return {n: scope.fresh(n + "_") if n in clash else n for n in user}


def code_name(name: str) -> str:
    """`d_W` for the cotangent of W, `t_z` for the tangent of z."""
    return "t_" + code_name(name[1:]) if name.startswith("˙") else "d_" + name.lstrip("∂") if name.startswith("∂") else name


def quoted(name: str) -> str:
    return repr(name).replace("'", '"')


def harmless(text: str) -> str:
    """Text for a docstring or a comment, which it cannot leave."""
    return " ".join(text.split()).replace("\\", "\\\\").replace('"', "'")


def opaque_names(*programs: Program) -> list[str]:
    """The functions that the caller has to give, with their derivatives."""
    found: dict[str, None] = {}
    for program in programs:
        for equation in program.equations:
            for node in walk(equation.expr):
                if type(node) is Map and node.function.opaque:
                    found.setdefault(node.function.name + "_prime" * len(node.function.derivative))
    return list(found)


def symbols_of(node: Expr) -> Collection[sp.Symbol]:
    """The sizes that the source of a node may have to name."""
    if type(node) is Const:
        return node.value.free_symbols
    if type(node) is Map and not node.function.opaque:
        return {s for p in node.function.params for s in p.free_symbols}
    return symbols_in(node.shape)


@cache
def symbols_in(shape: Shape) -> frozenset[sp.Symbol]:
    return frozenset(s for d in shape for s in d.free_symbols)


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
