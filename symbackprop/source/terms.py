"""One Python expression (an `ast` node) -> a node, by the meaning NumPy gives it.

Every construct that is not listed here is refused by name. Errors get the place of the smallest expression at fault.
"""

from __future__ import annotations

import ast
from collections.abc import Callable

import sympy as sp

from ..algebra import Const, contract, negative, power, zero
from ..cells import cell, prime
from ..errors import ParseError, ShapeError, SymbackpropError, UnsupportedError, nearest
from ..expr import Expr, Function, Map, Ones, Var, function, show_shape, size
from ..ops import SCALAR_OPS
from ..ops.tensor import apply
from ..program import Place
from .calls import CALLS, METHODS, raised
from .indexing import subscript
from .shapes import added, as_axis, common_shape, matmul, multiplied, new_axes, stretch
from .words import SIGNS, in_words

MODULES = ("np", "numpy", "jnp", "linalg", "scipy", "special", "nn", "jax", "math")
COMPARISONS = {ast.Gt: "gt", ast.Lt: "lt", ast.GtE: "ge", ast.LtE: "le", ast.Eq: "eq", ast.NotEq: "ne"}
MAX_DEPTH, MAX_DIGITS = 100, 1000


class Terms:
    """Reads expressions in the scope of a model: its tensors, sizes and elementwise functions."""

    def __init__(self, lines: list[str]) -> None:
        self.lines = lines
        self.tensors: dict[str, Var] = {}
        self.mentioned: set[str] = set()
        self.sizes: set[str] = set()
        self.place_ends: dict[str, sp.Expr] = {}
        self.functions: dict[str, Function] = {}
        self.gradient: Callable[[ast.Call], Expr] | None = None
        self.depth = 0
        self.margins: list[int] = []

    def place(self, node: ast.AST) -> Place:
        """Where `node` stands, the column in characters."""
        line = self.lines[node.lineno - 1] if node.lineno <= len(self.lines) else ""
        column = node.col_offset + (self.margins[node.lineno - 1] if self.margins else 0)
        if not line.isascii():
            column = len(line.encode()[:column].decode(errors="ignore"))
        return Place(node.lineno, column + 1, line)

    def text(self, node: ast.AST) -> str:
        """The user's own spelling of `node`."""
        first, last = node.lineno - 1, (node.end_lineno or node.lineno) - 1
        rows = [line.encode() for line in self.lines[first:last + 1]]
        if self.margins:
            rows = [row[margin:] for row, margin in zip(rows, self.margins[first:last + 1])]
        if not rows:
            return ast.unparse(node)
        rows[-1] = rows[-1][:node.end_col_offset]
        rows[0] = rows[0][node.col_offset:]
        return b"\n".join(rows).decode(errors="replace")

    def fail(self, node: ast.AST, message: str, hint: str | None = None,
             kind: type[SymbackpropError] = ParseError) -> SymbackpropError:
        place = self.place(node)
        return kind(message, line=place.line, column=place.column, source=place.source, hint=hint)

    def read(self, node: ast.expr) -> Expr:
        """The node that an expression means."""
        self.depth += 1
        try:
            if self.depth > MAX_DEPTH:
                raise self.fail(node, f"more than {MAX_DEPTH} levels of nesting")
            method = self.READERS.get(type(node))
            if method is None:
                said, hint = in_words(node)
                raise self.fail(node, f"{said} is not part of the language: {self.text(node)[:60]}", hint, UnsupportedError)
            return self.real(node, method(self, node))
        except SymbackpropError as error:
            raise error.at(*self.place(node)) from None
        finally:
            self.depth -= 1

    def real(self, node: ast.expr, value: Expr) -> Expr:
        """The value, unless it is a number that is none: a root of -1, the logarithm of 0."""
        if type(value) is Const and (value.value.is_real is False or value.value.is_finite is False):
            raise self.fail(node, f"{self.text(node)[:60]} is no real number")
        return value

    def read_name(self, node: ast.Name) -> Expr:
        name = node.id
        if name in self.tensors:
            self.mentioned.add(name)
            return self.tensors[name]
        if name in self.sizes:
            return Const(size(name))
        if name == "pi":
            return Const(sp.pi)
        if name in self.functions or name in CALLS:
            raise self.fail(node, f"{name} is a function: {name}(…) needs its argument")
        hint = "x: R[3] declares a tensor" if name == "R" else None
        if name[:1] == "d" and name[1:] in self.tensors:
            hint = f"a derivative is written grad({name[1:]}, …)"
        raise self.fail(node, f"{name} is not declared", hint or nearest(name, [*self.tensors, *self.sizes]))

    def read_constant(self, node: ast.Constant) -> Expr:
        value = node.value
        if isinstance(value, bool) or not isinstance(value, (int, float)):
            raise self.fail(node, f"{value!r} is not a number")
        if isinstance(value, int):
            if value.bit_length() > 4 * MAX_DIGITS:
                raise self.fail(node, f"a number of more than {MAX_DIGITS} digits")
            return Const(sp.Integer(value))
        if value != value or value in (float("inf"), float("-inf")):
            raise self.fail(node, f"{value} is not a finite number")
        return Const(sp.Rational(repr(value)))

    def read_binary(self, node: ast.BinOp) -> Expr:
        """A left-leaning chain is folded in a loop, so that a long sum is no deep tree."""
        chain: list[ast.BinOp] = []
        while isinstance(node, ast.BinOp):
            chain.append(node)
            node = node.left
        result = self.read(node)
        shape, terms = result.shape, []
        for link in reversed(chain):
            right, kind = self.read(link.right), type(link.op)
            if kind is ast.Add or kind is ast.Sub:
                terms = terms or [result]
                shape = self.checked(link, common_shape, (shape, right.shape))
                terms.append(negative(right) if kind is ast.Sub else right)
                continue
            if terms:
                result, terms = added(terms, shape), []
            result = self.real(link, self.operate(link, result, right))
            shape = result.shape
        return added(terms, shape) if terms else result

    def checked(self, node: ast.BinOp, call: Callable, *args: object) -> object:
        """`call`, a shape error told in the words of the user's operation, with what would fit."""
        try:
            return call(*args)
        except ShapeError as error:
            if error.line is not None:
                raise
            raise self.misfit(node) from None

    def misfit(self, node: ast.BinOp) -> SymbackpropError:
        left, right = self.read(node.left), self.read(node.right)
        a, b = self.text(node.left), self.text(node.right)
        message = f"{self.text(node)}: {a} is {show_shape(left.shape)} and {b} is {show_shape(right.shape)}"
        return self.fail(node, message, self.fitting(node, left, right, a, b), ShapeError)

    def fitting(self, node: ast.BinOp, left: Expr, right: Expr, a: str, b: str) -> str | None:
        """A nearby expression that fits: a transpose, the other order, a new axis."""
        a, b = (f"({t})" if isinstance(n, (ast.BinOp, ast.UnaryOp)) else t for t, n in ((a, node.left), (b, node.right)))
        turned = [contract((e,), (tuple(range(e.rank)),), tuple(range(e.rank))[::-1]) for e in (left, right)]
        sign = {ast.MatMult: "@", ast.Add: "+", ast.Sub: "-", ast.Mult: "*", ast.Div: "/"}.get(type(node.op), "?")
        tries = [(turned[0], right, f"{a}.T {sign} {b}"), (left, turned[1], f"{a} {sign} {b}.T")]
        if sign == "@":
            tries += [(right, left, f"{b} @ {a}"), (turned[0], turned[1], f"{a}.T @ {b}.T")]
        elif right.rank == 1 and left.rank == 2:
            tries.append((left, new_axes(right, (1,), 2), f"{a} {sign} {b}[:, None]"))
        if sign in "+-" and (product := self.as_matmul(node, left, right)) is not None:
            return f"did you mean {product}?"
        for first, second, said in tries:
            try:
                matmul(first, second) if sign == "@" else common_shape([first.shape, second.shape])
            except ShapeError:
                continue
            return f"did you mean {said}?"
        return None

    def as_matmul(self, node: ast.BinOp, left: Expr, right: Expr) -> str | None:
        """A sum with * read as the matrix product that it may be meant as: `W * x + b`."""
        for side, other in ((node.left, right), (node.right, left)):
            if not isinstance(side, ast.BinOp) or not isinstance(side.op, ast.Mult):
                continue
            try:
                common_shape([matmul(self.read(side.left), self.read(side.right)).shape, other.shape])
            except ShapeError:
                continue
            said = {side: f"{self.text(side.left)} @ {self.text(side.right)}"}
            first, second = (said.get(n) or self.text(n) for n in (node.left, node.right))
            return f"{first} {'+' if isinstance(node.op, ast.Add) else '-'} {second}"
        return None

    def operate(self, node: ast.BinOp, left: Expr, right: Expr) -> Expr:
        match node.op:
            case ast.Mult():
                return self.checked(node, multiplied, (left, right))
            case ast.MatMult():
                return self.checked(node, matmul, left, right)
            case ast.Div():
                if isinstance(right, Const) and right.value == 0:
                    raise self.fail(node, "division by zero")
                return self.checked(node, multiplied, (left, power(right, -1)))
            case ast.Pow():
                if isinstance(left, Const) and isinstance(right, Const) and right.value.is_number:
                    if abs(right.value) > 1000:
                        raise self.fail(node, "an exponent beyond 1000")
                    bits = max((abs(int(n)).bit_length() for n in sp.fraction(left.value)), default=0) if left.value.is_Rational else 0
                    if bits * abs(right.value) > 4 * MAX_DIGITS:
                        raise self.fail(node, f"a power of more than {MAX_DIGITS} digits")
                return self.checked(node, raised, left, right)
        sign, hint = SIGNS.get(type(node.op), (type(node.op).__name__, None))
        raise self.fail(node, f"the sign {sign} in {self.text(node)[:60]} is not part of the language", hint, UnsupportedError)

    def read_unary(self, node: ast.UnaryOp) -> Expr:
        if isinstance(node.op, ast.USub):
            return negative(self.read(node.operand))
        if isinstance(node.op, ast.UAdd):
            return self.read(node.operand)
        raise self.fail(node, "only - and + stand in front of an expression", kind=UnsupportedError)

    def read_compare(self, node: ast.Compare) -> Expr:
        if len(node.ops) != 1 or type(node.ops[0]) not in COMPARISONS:
            raise self.fail(node, "one comparison at a time", kind=UnsupportedError)
        left, right = self.read(node.left), self.read(node.comparators[0])
        target = common_shape([left.shape, right.shape])
        return Map(function(COMPARISONS[type(node.ops[0])]), (stretch(left, target), stretch(right, target)))

    def read_attribute(self, node: ast.Attribute) -> Expr:
        if node.attr == "T":
            value = self.read(node.value)
            return contract((value,), (tuple(range(value.rank)),), tuple(range(value.rank))[::-1])
        if node.attr == "size" and (value := self.read(node.value)):
            return Const(sp.prod(value.shape))
        if isinstance(node.value, ast.Name) and node.value.id in MODULES and node.attr in ("pi", "e"):
            return Const(sp.pi if node.attr == "pi" else sp.E)
        raise self.fail(node, f".{node.attr} is not part of the language", nearest(node.attr, ("T", *METHODS)),
                        UnsupportedError)

    def read_subscript(self, node: ast.Subscript) -> Expr:
        if isinstance(node.value, ast.Attribute) and node.value.attr == "shape":
            value = self.read(node.value.value)
            axis = as_axis(self.plain(node.slice))
            if isinstance(axis, int) and -value.rank <= axis < value.rank:
                return Const(value.shape[axis])
        if isinstance(node.value, ast.Call) and (whole := f"{self.text(node.value.func).rpartition('.')[2]}[{self.text(node.slice)}]") in CALLS:
            return self.invoke(node.value, whole, [])
        value = self.read(node.value)
        return subscript(value, node.slice, self.read, self.picked_by)

    def picked_by(self, node: ast.expr, size: sp.Expr) -> Expr | None:
        """The one-hot tensor of a name that was declared to hold places on an axis of this size."""
        base = node.value if isinstance(node, ast.Subscript) else node
        if not isinstance(base, ast.Name) or base.id not in self.place_ends:
            return None
        if self.place_ends[base.id] != size:
            raise ShapeError(f"{base.id} holds places below {self.place_ends[base.id]}, and this axis has {size} entries")
        return apply("one_hot", self.read(node), Ones((size,)))

    def read_call(self, node: ast.Call) -> Expr:
        func = node.func
        if isinstance(func, ast.Name) and func.id == "grad" and self.gradient is not None:
            return self.gradient(node)
        if isinstance(func, ast.Attribute) and not is_module(func.value):
            if isinstance(func.value, ast.Name) and func.value.id not in self.tensors and func.attr in CALLS:
                raise self.fail(node, f"{func.value.id} is not declared", f"did you mean {func.attr}(…)?")
            if func.attr not in METHODS:
                said = f"({self.text(func.value)})" if isinstance(func.value, (ast.BinOp, ast.UnaryOp)) else self.text(func.value)[:40]
                hint = f"a product has a sign: {said}.T @ (…)" if func.attr == "T" else f"did you mean {func.attr}({self.text(func.value)[:40]})?" if func.attr in CALLS else None
                raise self.fail(node, f".{func.attr}() is not part of the language", hint or nearest(func.attr, METHODS), UnsupportedError)
            return self.invoke(node, func.attr, [self.read(func.value)])
        name = func.attr if isinstance(func, ast.Attribute) else func.id if isinstance(func, ast.Name) else ""
        if name in self.functions:
            return self.invoke_elementwise(node, self.functions[name])
        if name.endswith("_prime") and name.removesuffix("_prime") in (*self.functions, *SCALAR_OPS):
            return self.read_slope(node, name.removesuffix("_prime"))
        if name == "len" and len(node.args) == 1:
            return Const(self.read(node.args[0]).shape[0])
        if name == "max" and len(node.args) == 2 and not isinstance(node.args[1], ast.Constant):
            raise self.fail(node, "max takes one tensor", "did you mean maximum?")
        if name not in CALLS:
            raise self.fail(node, f"{name or self.text(func)[:40]} is not a function of the language",
                            nearest(name, [*CALLS, *self.functions]))
        return self.invoke(node, name, [])

    def read_slope(self, node: ast.Call, name: str) -> Expr:
        """`f_prime(z)`: the derivative of an elementwise function at z, entry by entry."""
        f = self.functions.get(name) or function(name)
        if len(f.body.variables if f.body is not None else "z") != 1 or name in SCALAR_OPS and SCALAR_OPS[name].arity != 1:
            raise self.fail(node, f"{name} has several arguments, and {name}_prime does not say which", kind=UnsupportedError)
        value = self.invoke_elementwise(node, f)
        found = prime(value, 0, value)
        return zero(value.shape) if found is None else stretch(found, value.shape)

    def invoke(self, node: ast.Call, name: str, args: list) -> Expr:
        keywords = {k.arg: self.plain(k.value) for k in node.keywords}
        args = args + [self.plain(a) for a in node.args]
        try:
            return CALLS[name](*args, **keywords)
        except (TypeError, AttributeError) as error:
            if isinstance(error, AttributeError) or "argument" in str(error):
                hint = "did you mean axis=?" if keywords.keys() & {"dim", "dims", "axes"} else "did you mean keepdims=?" if "keepdim" in keywords else None
                raise self.fail(node, f"{name} does not take these arguments: {self.text(node)[:80]}", hint) from None
            raise

    def invoke_elementwise(self, node: ast.Call, f: Function) -> Expr:
        args = [self.read(a) for a in node.args]
        wanted = len(f.body.variables) if f.body is not None else 1
        if len(args) != wanted or node.keywords:
            raise self.fail(node, f"{f.name} takes {wanted} argument{'s' * (wanted > 1)}")
        target = common_shape([a.shape for a in args])
        return Map(f, tuple(stretch(a, target) for a in args))

    def plain(self, node: ast.expr) -> object:
        """An argument: a node, or a plain axis, flag, string, tuple."""
        match node:
            case ast.Constant(value=bool() | str() | None):
                return node.value
            case ast.Tuple() | ast.List():
                return tuple(self.plain(e) for e in node.elts)
        return self.read(node)

    READERS = {ast.Name: read_name, ast.Constant: read_constant, ast.BinOp: read_binary, ast.UnaryOp: read_unary,
               ast.Compare: read_compare, ast.Attribute: read_attribute, ast.Subscript: read_subscript,
               ast.Call: read_call}


def is_module(node: ast.expr) -> bool:
    while isinstance(node, ast.Attribute):
        node = node.value
    return isinstance(node, ast.Name) and node.id in MODULES
