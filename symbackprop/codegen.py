"""A forward and a backward program as a plain NumPy module: one line an equation, the user's names.

Every contraction can be spelled with `einsum`; the common patterns are spelled as a person would.
"""

from __future__ import annotations

import keyword
from collections.abc import Callable

import sympy as sp
from sympy.printing.numpy import NumPyPrinter

from .expr import Add, Apply, Const, Contract, Delta, Expr, Map, Ones, Shape, Var, function, show_shape
from .ops import SCALAR_OPS, TENSOR_OPS, body_of
from .program import Fact, Program
from .reverse import is_bar

LOOSE, PRODUCT, ATOM = range(3)
Code = tuple[str, int]
LETTERS = "ijklmnopqrstuvwabcdefgh"
PAIRS = {
    (((0, 1), (1,)), (0,)): "{0} @ {1}", (((0, 1), (0,)), (1,)): "{0}.T @ {1}", (((0,), (0, 1)), (1,)): "{1}.T @ {0}",
    (((0,), (1, 0)), (1,)): "{1} @ {0}", (((0, 1), (1, 2)), (0, 2)): "{0} @ {1}", (((0, 1), (0, 2)), (1, 2)): "{0}.T @ {1}",
    (((0, 1), (2, 1)), (0, 2)): "{0} @ {1}.T", (((0, 1), (2, 0)), (1, 2)): "{0}.T @ {1}.T",
    (((0, 1), (1, 2)), (2, 0)): "{1}.T @ {0}.T", (((0, 1), (0, 2)), (2, 1)): "{1}.T @ {0}",
    (((0, 1), (2, 1)), (2, 0)): "{1} @ {0}.T", (((0, 1), (2, 0)), (2, 1)): "{1} @ {0}",
    (((0,), (1,)), (0, 1)): "np.outer({0}, {1})", (((0,), (1,)), (1, 0)): "np.outer({1}, {0})",
    (((0,), (0,)), ()): "{0} @ {1}", (((0, 1), (0, 1)), ()): "np.vdot({0}, {1})",
}
RESERVED = {"np", "value_and_grad", "check", "loss", "float", "ValueError", "min", "max", "abs", "tuple"}


def export_numpy(program: Program, backward: Program, loss: str, wrt: tuple[str, ...]) -> str:
    """The source of a module with `value_and_grad(*, …) -> (loss, {name: gradient})`."""
    return Module(program, backward, loss, wrt).source()


def compile_function(source: str) -> Callable:
    """`value_and_grad` of a module that `export_numpy` wrote.

    This is the one place where source is executed: it is our own, and every name in it has passed the reader's white list.
    """
    space: dict[str, object] = {}
    exec(compile(source, "<symbackprop>", "exec"), space)  # noqa: S102
    return space["value_and_grad"]


class ScalarPrinter(NumPyPrinter):
    """SymPy's NumPy printer without its need of functools and SciPy."""

    def _print_Max(self, expr: sp.Expr) -> str:
        return self.chained("np.maximum", expr)

    def _print_Min(self, expr: sp.Expr) -> str:
        return self.chained("np.minimum", expr)

    def _print_Heaviside(self, expr: sp.Expr) -> str:
        return f"(({self._print(expr.args[0])}) > 0).astype(float)"

    def _print_erf(self, expr: sp.Expr) -> str:
        return f"erf({self._print(expr.args[0])})"

    def chained(self, name: str, expr: sp.Expr) -> str:
        first, *others = [self._print(arg) for arg in expr.args]
        for other in others:
            first = f"{name}({first}, {other})"
        return first


class Module:
    """Writes one module."""

    def __init__(self, program: Program, backward: Program, loss: str, wrt: tuple[str, ...]) -> None:
        self.program, self.backward, self.loss, self.wrt = program, backward, loss, wrt
        self.helpers: dict[str, str] = {}
        self.opaque: dict[str, None] = {}
        dims = {s for v in program.inputs.values() for d in v.shape for s in d.free_symbols}
        self.sizes = sorted(dims, key=str)
        self.taken = RESERVED | set(SCALAR_OPS) | set(TENSOR_OPS) | {str(s) for s in self.sizes}
        self.taken |= set(program.inputs) | {e.name for e in program.equations}
        self.renamed: dict[str, str] = {}

    def name(self, name: str) -> str:
        """A tensor's name in the code; cotangents are d_name."""
        if name not in self.renamed:
            plain = name if not is_bar(name) else f"d_{name[1:]}"
            bad = RESERVED | set(SCALAR_OPS) | set(TENSOR_OPS)
            while keyword.iskeyword(plain) or plain in bad or (is_bar(name) and plain in self.taken):
                plain += "_"
            if name in self.program.inputs:
                plain = name
            self.renamed[name] = plain
        return self.renamed[name]

    def source(self) -> str:
        forward = [f"    {self.name(e.name)} = {self.code(e.expr)[0]}" for e in self.program.equations]
        back = [f"    {self.name(e.name)} = {self.gradient_code(e.expr)}" for e in self.backward.equations]
        inputs = self.program.inputs
        arguments = [*inputs, *self.opaque]
        shapes = "\n".join(f"    {name}: {show_shape(v.shape)}" for name, v in inputs.items())
        facts = "".join(f"\n    assumed: {fact}" for fact in self.program.facts)
        results = ", ".join(f'"{n}": {self.name("∂" + n)}' for n in self.wrt)
        lines = [f'"""{self.loss} and its gradients by {", ".join(self.wrt)}; needs NumPy alone."""', "",
                 "import numpy as np", "", ""]
        for helper in self.helpers.values():
            lines += [helper.rstrip(), "", ""]
        lines += [f"def value_and_grad(*, {', '.join(arguments)}, check=True):",
                  f'    """Returns ({self.loss}, {{name: gradient}}), each gradient of its tensor\'s shape.', "", shapes + facts,
                  "", "    Raises ValueError where a shape does not fit or, unless check=False, an assumption fails.",
                  '    """', *self.conversions(), *self.checks(), *forward, *back,
                  f"    return {self.name(self.loss)}, {{{results}}}", ""]
        return "\n".join(lines)

    def conversions(self) -> list[str]:
        lines = []
        bound: set[sp.Symbol] = set()
        for name, var in self.program.inputs.items():
            lines.append(f"    {name} = np.asarray({name})")
            lines.append(f"    {name} = {name}.astype(float) if {name}.dtype.kind not in 'f' else {name}")
            lines.append(f"    if {name}.ndim != {var.rank}:")
            lines.append(f"        raise ValueError(f\"{name} has shape {{{name}.shape}}, wanted {show_shape(var.shape)}\")")
            for axis, dim in enumerate(var.shape):
                if dim.is_Symbol and dim not in bound:
                    bound.add(dim)
                    lines.append(f"    {dim} = {name}.shape[{axis}]")
        for name, var in self.program.inputs.items():
            if var.shape:
                wanted = self.shape(var.shape)
                lines.append(f"    if {name}.shape != {wanted}:")
                lines.append(f"        raise ValueError(f\"{name} has shape {{{name}.shape}}, wanted {{{wanted}}}\")")
        return lines

    def checks(self) -> list[str]:
        lines = []
        for fact in self.program.facts:
            if fact.name in self.program.inputs:
                lines += [f"    if check and not {self.fact_test(fact)}:",
                          f'        raise ValueError("the data break the assumption {fact}")']
        return lines

    def fact_test(self, fact: Fact) -> str:
        x = fact.name
        match fact.kind:
            case "sum":
                axis = "" if fact.axis is None else f"axis={fact.axis}"
                return f"np.allclose({x}.sum({axis}), 1.0, rtol=0, atol=1e-6)"
            case "symmetric":
                return f"np.allclose({x}, {x}.T, rtol=1e-6, atol=1e-9)"
            case "binary":
                return f"np.isin({x}, (0.0, 1.0)).all()"
        parts = [f"({x} > {self.number(fact.low)}).all()"] if fact.low is not None else []
        parts += [f"({x} < {self.number(fact.high)}).all()"] if fact.high is not None else []
        return "(" + " and ".join(parts) + ")"

    def number(self, value: sp.Expr) -> str:
        if value.is_Integer:
            return f"{int(value)}.0"
        if value.is_Rational and int(value.q) in (2, 4, 5, 8, 10, 100):
            return repr(float(value))
        return "(" + ScalarPrinter().doprint(value).replace("numpy.", "np.") + ")"

    def shape(self, shape: Shape) -> str:
        return "(" + "".join(f"{d}, " for d in shape).rstrip() + ")"

    def gradient_code(self, node: Expr) -> str:
        """An equation of the backward part; what is only another name is copied, so that no two results alias."""
        if type(node) is Var and (self.aliases_input(node) or is_bar(node.name)):
            return f"{self.name(node.name)}.copy()" if node.rank else f"1.0 * {self.name(node.name)}"
        text = self.code(node)[0]
        if type(node) is Contract and len(node.operands) == 1:
            return f"np.array({text})"
        return text

    def aliases_input(self, node: Var) -> bool:
        return True

    def code(self, node: Expr, loose: bool = False) -> Code:
        """The code of a node; `loose` lets NumPy's broadcasting do what ones would."""
        match node:
            case Var():
                return self.name(node.name), ATOM
            case Const():
                return self.number(node.value), ATOM
            case Ones():
                return ("1.0", ATOM) if loose else (f"np.ones({self.shape(node.shape)})", ATOM)
            case Delta():
                return f"np.eye({node.shape[0]})", ATOM
            case Add():
                return self.add_code(node, loose)
            case Map():
                return self.map_code(node)
            case Apply():
                row = TENSOR_OPS[node.op]
                if row.helper:
                    self.helpers.setdefault(row.name, row.helper)
                args = [self.code(a)[0] for a in node.args]
                p = [str(v) for v in node.params]
                return row.numpy.format(*args, **{f"p{k}": v for k, v in enumerate(p)}), ATOM
        return self.contract_code(node, loose)

    def wrapped(self, node: Expr, least: int = ATOM, loose: bool = False) -> str:
        text, level = self.code(node, loose)
        return text if level >= least else f"({text})"

    def add_code(self, node: Add, loose: bool) -> Code:
        full = [self.is_full(term) for term in node.terms]
        text = ""
        for k, term in enumerate(node.terms):
            free = loose or any(full[:k] + full[k + 1:])
            piece = self.wrapped(term, PRODUCT, free)
            if piece.startswith("-"):
                text += f" - {piece[1:]}" if text else piece
            else:
                text += f" + {piece}" if text else piece
        return text, LOOSE

    def is_full(self, node: Expr) -> bool:
        """Whether the code of a term has its full shape even when ones are left to broadcasting."""
        if type(node) is Ones:
            return False
        return type(node) is not Contract or not any(type(o) is Ones for o in node.operands)

    def map_code(self, node: Map) -> Code:
        f = node.function
        if f.opaque:
            called = f.name + "_prime" * len(f.derivative)
            self.opaque.setdefault(called)
            return f"{called}({self.code(node.args[0])[0]})", ATOM
        if f.name == "pow" and not f.derivative:
            return self.power_code(node, f.params[0])
        row = SCALAR_OPS.get(f.name)
        spelling = None
        if row is not None and not f.derivative:
            spelling = row.numpy
        elif row is not None and len(f.derivative) == 1 and row.prime_numpy:
            spelling = row.prime_numpy[f.derivative[0]]
        if spelling is None:
            return self.printed(body_of(f), node), ATOM
        if row.helper:
            self.add_helper(row.helper, row.name)
        args = [self.wrapped(a) for a in node.args]
        if f.name == "where":
            condition = node.args[0]
            relation = type(condition) is Map and condition.function.name in ("gt", "lt", "ge", "le", "eq", "ne")
            args[0] = args[0].removesuffix(".astype(float)") if relation else f"{args[0]} > 0"
        return spelling.format(*args, **{f"p{k}": self.number(v) for k, v in enumerate(f.params)}), LOOSE

    def add_helper(self, helper: str, name: str) -> None:
        if helper in SCALAR_OPS:
            name, helper = helper, SCALAR_OPS[helper].helper
        self.helpers.setdefault(name, helper)

    def power_code(self, node: Map, exponent: sp.Expr) -> Code:
        base = self.wrapped(node.args[0])
        if exponent == sp.Rational(1, 2):
            return f"np.sqrt({self.code(node.args[0])[0]})", ATOM
        if exponent == -1:
            return f"1.0 / {base}", LOOSE
        if exponent == 2:
            return f"{base} ** 2", LOOSE
        if exponent == 3 and type(node.args[0]) is Var:
            return f"{base} * {base} * {base}", PRODUCT
        return f"{base} ** {self.number(exponent)}", LOOSE

    def printed(self, body: sp.Lambda, node: Map) -> str:
        """A scalar expression spelled by SymPy's NumPy printer, the arguments as its variables."""
        names = [sp.Symbol(f"arg{k}") for k in range(len(node.args))]
        text = ScalarPrinter().doprint(body(*names)).replace("numpy.", "np.")
        if "erf(" in text:
            self.add_helper("erf", "erf")
        return f"(lambda {', '.join(map(str, names))}: {text})({', '.join(self.code(a)[0] for a in node.args)})"

    def contract_code(self, node: Contract, loose: bool) -> Code:
        scalars, rest, ones = [], [], []
        for operand, labels in zip(node.operands, node.inputs):
            if type(operand) is Ones:
                ones.append((operand, labels))
            elif not labels:
                scalars.append(operand)
            else:
                rest.append((operand, labels))
        used = {i for _, labels in rest for i in labels}
        sizes = {i: d for o, labels in zip(node.operands, node.inputs) for i, d in zip(labels, o.shape)}
        kept = tuple(i for i in node.output if i in used)
        body = self.body(rest, kept)
        if len(kept) < len(node.output) and body is not None:
            index = ", ".join(":" if i in used else "None" for i in node.output)
            body = (f"{body[0] if body[1] == ATOM else '(' + body[0] + ')'}[{index}]", ATOM) if kept else body
            if not loose:
                body = f"np.broadcast_to({body[0]}, {self.shape(tuple(sizes[i] for i in node.output))}).copy()", ATOM
        elif body is None and node.output and not loose:
            body = f"np.ones({self.shape(node.shape)})", ATOM
        return self.times(scalars, body)

    def times(self, scalars: list[Expr], body: Code | None) -> Code:
        """Scalars in front, reciprocals behind a slash."""
        sign, front, below = "", [], []
        for s in scalars:
            if type(s) is Const:
                value = s.value
                if value.could_extract_minus_sign() and not value.is_Add:
                    sign, value = "-" if not sign else "", -value
                if value != 1:
                    front.append(self.number(value))
            elif type(s) is Map and s.function.name == "pow" and s.function.params[0] == -1 and not s.function.derivative:
                below.append(self.wrapped(s.args[0]))
            else:
                front.append(self.wrapped(s))
        if body is not None:
            alone = not front and not below and not sign
            if alone:
                return body
            front.append(body[0] if body[1] == ATOM else f"({body[0]})")
        text = sign + (" * ".join(front) or "1.0") + "".join(f" / {b}" for b in below)
        return text, ATOM if not sign and not below and len(front) == 1 else PRODUCT

    def body(self, rest: list[tuple[Expr, tuple[int, ...]]], output: tuple[int, ...]) -> Code | None:
        if not rest:
            return None
        if all(labels == output for _, labels in rest) and len(set(output)) == len(output):
            return self.elementwise([o for o, _ in rest])
        order: dict[int, int] = {}
        for _, labels in rest:
            for i in labels:
                order.setdefault(i, len(order))
        inputs = tuple(tuple(order[i] for i in labels) for _, labels in rest)
        out = tuple(order[i] for i in output)
        if len(rest) == 1:
            found = self.single(rest[0][0], inputs[0], out)
            if found:
                return found, ATOM
        pattern = PAIRS.get((inputs, out))
        if pattern:
            return pattern.format(*[self.wrapped(o) for o, _ in rest]), ATOM if "(" == pattern[-1] or pattern.startswith("np") else PRODUCT
        letters = ",".join("".join(LETTERS[i] for i in labels) for labels in inputs)
        target = "".join(LETTERS[i] for i in out)
        args = ", ".join(self.code(o)[0] for o, _ in rest)
        return f'np.einsum("{letters}->{target}", {args}, optimize=True)', ATOM

    def elementwise(self, operands: list[Expr]) -> Code:
        above = [o for o in operands if not self.is_reciprocal(o)]
        below = [o for o in operands if self.is_reciprocal(o)]
        if len(operands) == 1:
            return self.code(operands[0])
        free = [o for o in above if self.is_full(o) and type(o) is not Add] or below
        text = " * ".join(self.wrapped(o, ATOM, bool(free) and type(o) is Add) for o in above) or "1.0"
        return text + "".join(f" / {self.wrapped(o.args[0])}" for o in below), PRODUCT

    def is_reciprocal(self, node: Expr) -> bool:
        return (type(node) is Map and node.function is function("pow", (sp.Integer(-1),)))

    def single(self, node: Expr, labels: tuple[int, ...], output: tuple[int, ...]) -> str | None:
        if labels == (0, 0):
            return f"np.trace({self.code(node)[0]})" if not output else f"np.diagonal({self.code(node)[0]})"
        if len(set(labels)) < len(labels):
            return None
        base = self.wrapped(node)
        if not output:
            return f"{base}.sum()"
        if len(output) == len(labels):
            return f"{base}.T" if len(labels) == 2 else f"{base}.transpose({output})"
        if output == tuple(sorted(output)):
            gone = tuple(i for i in labels if i not in output)
            return f"{base}.sum(axis={gone[0] if len(gone) == 1 else gone})"
        return None
