"""Nodes as NumPy source.

`Writer.code` returns a piece of source with the axes it covers: where others have the full shape, ones are left to
broadcasting; where nothing else has it, they are written out. Contractions are in `products`.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

import sympy as sp

from ..errors import UnsupportedError
from ..expr import Add, Apply, Const, Contract, Delta, Expr, Function, Map, Ones, Shape, Var, is_identity
from ..ops import ARGS, OUT, SCALAR_OPS, TENSOR_OPS, body_of
from .order import Flat
from .products import contract_code
from .scalars import ATOM, NAME, NEGATIVE, SUM, Code, expression, number, power, sum_code, whole
from .windows import noted, window_code

SLOT = re.compile(r"\{(p?\d)\}")
FLAG = ".astype(dtype)"


class Writer:
    """Writes nodes. `names` and `sizes` are the names in the code; `taken` may not be used for anything new."""

    def __init__(self, names: Mapping[str, str], sizes: Mapping[sp.Symbol, str], taken: set[str]) -> None:
        self.names, self.taken = names, taken
        self.env = {s: Code(name, ATOM) for s, name in sizes.items()}
        self.helpers: dict[str, str] = {}
        self.callables: dict[str, None] = {}
        self.defined: dict[Function, str] = {}
        self.bound: dict[Expr, str] = {}
        self.lines: list[str] = []
        self.columns: dict[tuple, str] = {}
        self.shapes: dict[str, tuple[str, ...]] = {}
        self.assumed: frozenset[sp.Expr] = frozenset()
        self.opened: dict[Expr, Flat] = {}

    def fresh(self, name: str) -> str:
        """`name`, or that with underscores behind it until nobody else has it."""
        while name in self.taken:
            name += "_"
        self.taken.add(name)
        return name

    def code(self, node: Expr, loose: bool = False) -> Code:
        """The source of a node; only if `loose` may it lack axes that broadcasting will supply."""
        axes = frozenset(range(node.rank))
        if node in self.bound:
            return Code(self.bound[node], ATOM, axes, view=type(node) is Var)
        match node:
            case Var():
                return Code(self.names[node.name], ATOM, axes, view=True)
            case Const():
                return number(node.value, self.env)
            case Ones():
                return Code("1.0", ATOM) if loose else Code(f"np.ones({self.shape(node.shape)}, dtype)", ATOM, axes)
            case Delta() if is_identity(node):
                return Code(f"np.eye({self.size(node.shape[0])}, dtype=dtype)", ATOM, axes)
            case Delta():
                return window_code(self, (node,), (tuple(range(node.rank)),), tuple(range(node.rank)))
            case Add():
                return self.add_code(node, loose)
            case Map():
                return self.map_code(node, loose)
            case Apply():
                return self.apply_code(node)
            case Contract():
                return contract_code(self, node, loose)
        raise UnsupportedError(f"{type(node).__name__} has no NumPy spelling")

    def together(self, nodes: tuple[Expr, ...], loose: bool) -> list[Code]:
        """The sources of nodes of one shape that will be combined entry by entry."""
        codes = [self.code(node, True) for node in nodes]
        axes = frozenset(range(nodes[0].rank))
        if not loose and frozenset().union(*(c.covered for c in codes)) != axes:
            codes[0] = self.code(nodes[0])
        return codes

    def add_code(self, node: Add, loose: bool) -> Code:
        codes = self.together(node.terms, loose)
        first = next((k for k, code in enumerate(codes) if code.level != NEGATIVE), 0)
        codes.insert(0, codes.pop(first))
        return sum_code(codes)._replace(covered=covered_by(codes))

    def map_code(self, node: Map, loose: bool) -> Code:
        f = node.function
        axes = frozenset(range(node.rank))
        if f.opaque:
            called = f.name + "_prime" * len(f.derivative)
            self.callables.setdefault(called)
            return Code(f"{called}({self.code(node.args[0]).text})", ATOM, axes, view=True)
        if f.name == "pow" and not f.derivative and f.body is None:
            return power(self.code(node.args[0], loose), f.params[0], lambda e: number(e, self.env))
        if f.name == "where" and not f.derivative:
            return self.where_code(node, loose)
        if len(node.args) == 1:
            return self.call(f, [self.code(node.args[0])], axes)
        codes = self.together(node.args, loose)
        if not codes[0].covered:
            codes[0] = self.code(node.args[0])
        return self.call(f, codes, covered_by(codes))

    def where_code(self, node: Map, loose: bool) -> Code:
        condition = self.code(node.args[0])
        test = condition.text.removesuffix(FLAG) if condition.flag else f"{condition.wrap()} > 0"
        if test.startswith("(") and condition.flag:
            test = test[1:-1]
        branches = [self.code(a, True) for a in node.args[1:]]
        plain = FLAG * (not any(code.covered for code in branches))  # two numbers would come out in double precision
        return Code(f"np.where({test}, {', '.join(code.text for code in branches)}){plain}", ATOM, frozenset(range(node.rank)))

    def call(self, f: Function, args: list[Code], covered: frozenset[int]) -> Code:
        """An elementwise function of spelled arguments."""
        spelling = spelling_of(f)
        often = spelling and any(spelling.count(f"{{{k}}}") > 1 and not NAME.match(a.text) for k, a in enumerate(args))
        if spelling is None or often:
            return Code(f"{self.define(f)}({', '.join(a.text for a in args)})", ATOM, covered)
        self.need(SCALAR_OPS[f.name].helper, f.name)
        text = fill(spelling, args, [number(p, self.env) for p in f.params])
        if text.endswith(FLAG):
            return Code(text, ATOM, covered, flag=True)
        whole = re.fullmatch(r"[\w.]+\([^()]*\)", text) or NAME.match(text)
        return Code(text, ATOM if whole or is_one_call(text) else SUM, covered)

    def need(self, helper: str, name: str) -> None:
        """Take in a helper of the table: a definition, or the name of the row that has it."""
        if helper in SCALAR_OPS:
            name, helper = helper, SCALAR_OPS[helper].helper
        if helper:
            self.helpers.setdefault(name, helper)

    def define(self, f: Function) -> str:
        """The name of a helper of our own for a function that the table does not spell in one place."""
        if f not in self.defined:
            stem = f.name if NAME.match(f.name) else "f"
            if f.derivative:
                stem += "_prime" + ("" if len(body_of_root(f)) == 1 else "_by_" + "_".join(str(k + 1) for k in f.derivative))
            elif f.name in SCALAR_OPS:
                stem += "_of"
            name = self.defined[f] = self.fresh(stem)
            self.helpers.setdefault(name, self.definition(f, name))
        return self.defined[f]

    def definition(self, f: Function, name: str) -> str:
        row = None if f.body is not None else SCALAR_OPS[f.name]
        count = len(body_of_root(f))
        args = [Code(a, ATOM) for a in (("z",) if count == 1 else [f"z{k + 1}" for k in range(count)])]
        head = f"def {name}({', '.join(a.text for a in args)}):\n"
        spelling = spelling_of(f)
        if spelling is not None:
            self.need(row.helper, f.name)
            made = fill(spelling, args, [number(p, {}) for p in f.params])
            return f"{head}    return {outside(made, args)}\n"
        if row is not None and row.prime is not None and len(f.derivative) == 1 and row.prime[f.derivative[0]] is not None:
            form = row.prime[f.derivative[0]].subs({sp.Symbol(p, real=True): v for (p, _), v in zip(row.params, f.params)})
            value = self.row_call(f.name, args, f.params)
            made = expression(form, {**dict(zip(ARGS, args)), OUT: Code("y", ATOM)}, self.row_call).text
            lines = f"    y = {value.text}\n" if form.has(OUT) else ""
            made = made if form.free_symbols else f"np.full_like({args[0].text}, {made})"
            return f"{head}{lines}    return {made}\n"
        body = body_of(f)
        made = expression(body.expr, dict(zip(body.variables, args)), self.row_call).text
        made = made if body.expr.free_symbols else f"np.full_like({args[0].text}, {made})"
        return f"{head}    return {made}\n"

    def row_call(self, name: str, args: list[Code], params: tuple = ()) -> Code:
        """A row of the table inside a helper."""
        row = SCALAR_OPS.get(name)
        if row is None or not row.numpy:
            raise UnsupportedError(f"the function {name} has no NumPy spelling")
        self.need(row.helper, name)
        text = outside(fill(row.numpy, args, [number(p, {}) for p in params]), args)
        return Code(text, ATOM if is_one_call(text) else SUM)

    def apply_code(self, node: Apply) -> Code:
        row = TENSOR_OPS[node.op]
        for name in row.uses:
            self.need(TENSOR_OPS[name].helper, name)
        self.need(row.helper, row.name)
        for helper in row.more:
            self.need(helper, helper)
        spelling = row.numpy.replace("{last}", self.size(node.shape[-1]) if node.shape else "").replace("{*}", ", ".join(f"{{{k}}}" for k in range(len(node.args))))
        text = fill(spelling, [self.code(a) for a in node.args], [Code(repr(p), ATOM) for p in node.params])
        if row.routine:
            noted(self, text, node.shape)
        return Code(text, ATOM, frozenset(range(node.rank)))

    def size(self, dim: sp.Expr) -> str:
        """A size as a Python integer."""
        return whole(dim, self.env).text

    def shape(self, shape: Shape) -> str:
        parts = [self.size(d) for d in shape]
        return f"({parts[0]},)" if len(parts) == 1 else f"({', '.join(parts)})"


def outside(text: str, args: list[Code]) -> str:
    """A spelling for a helper, where `dtype` is not known by name: it is that of the arguments."""
    return text.replace(FLAG, f".astype(np.result_type({', '.join(a.text for a in args)}))")


def covered_by(codes: list[Code]) -> frozenset[int]:
    return frozenset().union(*(c.covered for c in codes))


def body_of_root(f: Function) -> tuple:
    """The arguments of a function, derivatives or not."""
    return f.body.variables if f.body is not None else ARGS[:SCALAR_OPS[f.name].arity]


def spelling_of(f: Function) -> str | None:
    """The table's template for a function, or None."""
    row = SCALAR_OPS.get(f.name) if f.body is None else None
    if row is None or len(f.derivative) > 1:
        return None
    if f.derivative:
        return row.prime_numpy[f.derivative[0]] if len(row.prime_numpy) > f.derivative[0] else None
    return row.numpy or None


def fill(template: str, args: list[Code], params: list[Code]) -> str:
    """A template with its slots filled, in brackets unless a slot is an argument of a call on its own."""
    def put(match: re.Match) -> str:
        slot = match[1]
        code = params[int(slot[1:])] if slot[0] == "p" else args[int(slot)]
        before, after = template[:match.start()], template[match.end():]
        alone = (before.endswith((", ", "=")) or re.search(r"\w\($", before)) and after.startswith((",", ")"))
        compared = re.search(r"[<>=!]=? \Z", before) or re.match(r" [<>=!]", after)
        return code.text if alone else code.wrap(SUM + 1 if compared and code.text.count("=") else SUM if compared else ATOM)
    return SLOT.sub(put, template)


def is_one_call(text: str) -> bool:
    """Whether the first bracket of `name(…)` closes at the very end."""
    if not re.match(r"[A-Za-z_][\w.]*\(", text):
        return False
    depth = 0
    for at, char in enumerate(text):
        depth += (char == "(") - (char == ")")
        if char == ")" and depth == 0:
            return at == len(text) - 1
    return False
