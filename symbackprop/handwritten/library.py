"""NumPy's functions and methods as hand-written code calls them."""

from __future__ import annotations

import ast

import sympy as sp

from ..algebra import Const, contract, zero
from ..errors import ShapeError, UnsupportedError, nearest
from ..expr import Delta, Expr, Ones, Var, show_shape
from ..source.calls import CALLS
from ..source.shapes import new_axes
from .index import CodeIndex
from .values import Array, Free, Labels, Module, Picked, Rows

INSIDE = frozenset(("log", "log2", "exp", "sqrt", "square", "abs"))
SAME = {"nansum": "sum", "nanmean": "mean", "absolute": "abs", "fabs": "abs", "float_power": "power"}  # where no entry is missing
DRAWN = frozenset("randn rand random standard_normal random_sample".split())


class CodeNumpy(CodeIndex):
    """Calls of NumPy, by name."""

    drawn = 0

    def numpy(self, node: ast.Call, name: str, module: str) -> object:
        if module.endswith("random"):
            return self.random(node, name)
        name = SAME.get(name, name)
        special = getattr(self, f"np_{name}", None)
        if special is not None:
            return special(node)
        if len(node.args) == 1 and name in INSIDE:
            value = self.value(node.args[0])
            if isinstance(value, Picked):
                inner = self.kept(CALLS[name](value.table))
                return Picked(self.as_expr(inner, node), value.one_hot)
            return self.kept(CALLS[name](self.as_expr(value, node.args[0])))
        if name not in CALLS:
            raise UnsupportedError(f"{self.text(node.func)[:40]} is not followed", hint=nearest(name, CALLS))
        return self.row(node, name, [])

    def row(self, node: ast.Call, name: str, first: list[Expr]) -> object:
        """A function of the text language."""
        keywords = [k for k in node.keywords if k.arg not in ("dtype", "out", "copy", "order")]
        alone = ast.copy_location(ast.Call(node.func, node.args, keywords), node)
        ast.fix_missing_locations(alone)
        return self.kept(self.invoke(alone, name, first), None)

    def plain(self, node: ast.expr) -> object:
        """An argument: nodes for tensors and numbers, flags and words as they are."""
        return self.plainly(self.value(node), node)

    def plainly(self, value: object, node: ast.expr) -> object:
        if isinstance(value, (bool, str, type(None))):
            return value
        if isinstance(value, (tuple, list)) and all(isinstance(v, (int, Const, tuple, list, Free)) for v in value):
            return tuple(self.plainly(v, node) if not isinstance(v, Free) else Const(self.size_value(v)) for v in value)
        if isinstance(value, (tuple, list)) and all(isinstance(v, (Array, Expr, Free, Picked)) for v in value):
            return tuple(self.as_expr(v, node) for v in value)
        return self.as_expr(value, node)

    def shape_argument(self, node: ast.expr) -> tuple[sp.Expr, ...]:
        value = self.value(node)
        parts = value if isinstance(value, (tuple, list)) else (value,)
        return tuple(self.size_value(p) for p in parts)

    def random(self, node: ast.Call, name: str) -> object:
        """Random numbers are initial values: what they are put in is an input."""
        if name in ("seed", "shuffle", "RandomState", "default_rng"):
            return Module("np.random") if name != "seed" else None
        shape: tuple[sp.Expr, ...] = ()
        if name in DRAWN and node.args:
            shape = tuple(d for a in node.args for d in self.shape_argument(a))
        elif (given := next((k.value for k in node.keywords if k.arg == "size"), node.args[2] if len(node.args) > 2 else None)) is not None:
            shape = self.shape_argument(given)
        elif name in ("uniform", "normal"):
            shape = ()
        return self.data(shape)

    def data(self, shape: tuple[sp.Expr, ...]) -> object:
        """Values that the text fills in: an input, called by the name it is given."""
        self.drawn += 1
        var = Var(f"data@{self.drawn}", self.known.put(shape))
        return Array(var) if shape else var

    def np_array(self, node: ast.Call) -> object:
        value = self.value(node.args[0])
        if isinstance(value, (list, tuple)):
            return self.array_of(value, node)
        return self.copied(value, node)

    np_asarray = np_array

    def array_of(self, value: list | tuple, node: ast.Call) -> object:
        """A literal array is data of its shape."""
        shape: list[sp.Expr] = []
        inner: object = value
        while isinstance(inner, (list, tuple)):
            shape.append(sp.Integer(len(inner)))
            inner = inner[0] if inner else 0
        if isinstance(inner, Array):
            return list(value)
        return self.data(tuple(shape))

    def copied(self, value: object, node: ast.Call) -> object:
        if isinstance(value, (Labels, Rows)):
            return value
        if isinstance(value, Free) and value.array is None:
            return value
        expr = self.as_expr(value, node)
        return Array(expr) if expr.rank else expr

    def np_copy(self, node: ast.Call) -> object:
        return self.copied(self.value(node.args[0]), node)

    np_float64 = np_float32 = np_int64 = np_ascontiguousarray = np_atleast_2d = np_squeeze_if = np_copy

    def filled_with(self, node: ast.Call, one: bool, like: bool) -> object:
        shape = self.as_expr(self.value(node.args[0]), node).shape if like else self.shape_argument(node.args[0])
        expr = Ones(shape) if one else zero(shape)
        return Array(expr, None, expr) if shape else expr

    def np_zeros(self, node: ast.Call) -> object:
        return self.filled_with(node, False, False)

    def np_ones(self, node: ast.Call) -> object:
        return self.filled_with(node, True, False)

    def np_zeros_like(self, node: ast.Call) -> object:
        return self.filled_with(node, False, True)

    def np_ones_like(self, node: ast.Call) -> object:
        return self.filled_with(node, True, True)

    np_empty, np_empty_like = np_zeros, np_zeros_like

    def np_arange(self, node: ast.Call) -> object:
        if self.counting is not None:
            return self.range_of([self.value(a) for a in node.args])
        if len(node.args) != 1:
            raise UnsupportedError("np.arange of a start and a step is not followed")
        value = self.value(node.args[0])
        return Rows(self.size_value(value))

    def np_eye(self, node: ast.Call) -> object:
        return Array(Delta(self.size_value(self.value(node.args[0]))))

    def np_clip(self, node: ast.Call) -> object:
        """Clipping guards against overflow: read as doing nothing, and said."""
        self.readings[f"{self.text(node)[:60]} is read as no clipping"] = None
        return self.value(node.args[0])

    def np_reshape(self, node: ast.Call) -> object:
        value = self.value(node.args[0])
        return self.reshaped(self.as_expr(value, node.args[0]), self.value(node.args[1]), value)

    def np_max(self, node: ast.Call) -> object:
        return self.maximum_of(node, self.value(node.args[0]), node.args[1:])

    np_amax = np_max

    def maximum_of(self, node: ast.Call, value: object, rest: list[ast.expr]) -> object:
        """The maximum along an axis, or over everything."""
        expr = self.as_expr(value, node)
        axis = next((self.plain(k.value) for k in node.keywords if k.arg == "axis"), self.plain(rest[0]) if rest else None)
        keep = any(k.arg == "keepdims" and self.value(k.value) for k in node.keywords)
        if axis is not None:
            return self.kept(CALLS["max"](expr, axis=axis, keepdims=keep))
        rank = expr.rank
        while expr.rank:
            expr = CALLS["max"](expr, axis=-1)
        return self.kept(new_axes(expr, tuple(range(rank)), rank) if keep and rank else expr)

    def np_where(self, node: ast.Call) -> object:
        if len(node.args) != 3:
            raise UnsupportedError("np.where with a condition alone is not followed")
        return self.row(node, "where", [])

    def np_append(self, node: ast.Call) -> object:
        raise UnsupportedError("np.append is not followed")

    def np_dot(self, node: ast.Call) -> object:
        a, b = (self.as_expr(self.value(n), n) for n in node.args[:2])
        try:
            return self.kept(CALLS["dot"](a, b))
        except ShapeError:
            return self.refused(node, node.args[0], node.args[1], a, b)

    np_matmul = np_dot

    def np_outer(self, node: ast.Call) -> object:
        """The outer product; NumPy lays columns and rows flat first."""
        flat = [self.reshaped(e, -1, None) if 1 in e.shape and e.rank == 2 else e for e in (self.as_expr(self.value(n), n) for n in node.args[:2])]
        return self.kept(CALLS["outer"](*(self.as_expr(e, node) for e in flat)))

    def refused(self, node: ast.Call, left: ast.expr, right: ast.expr, a: Expr, b: Expr) -> object:
        """A product that cannot be formed, in the user's words."""
        said = f"{self.text(node)[:80]}: {self.text(left)[:30]} is {show_shape(a.shape)} and {self.text(right)[:30]} is {show_shape(b.shape)}"
        raise ShapeError(said, hint=self.fitting(ast.BinOp(left, ast.MatMult(), right), a, b, self.text(left), self.text(right)))

    # --- methods ---

    def method(self, node: ast.Call, name: str, owner: Array | Expr) -> object:
        expr = owner.value() if isinstance(owner, Array) else owner
        match name:
            case "copy":
                return Array(expr) if expr.rank else expr
            case "astype" | "tolist" | "item" | "view":
                return self.kept(expr)
            case "reshape" | "flatten" | "ravel" if any(isinstance(self.value(k), str) for k in (*node.args, *(w.value for w in node.keywords)) if isinstance(k, ast.Constant)):
                raise UnsupportedError(f"{name} in another order than by rows is not followed")
            case "reshape":
                args = [self.value(a) for a in node.args]
                return self.reshaped(expr, args[0] if len(args) == 1 else tuple(args), owner)
            case "flatten" | "ravel":
                return self.reshaped(expr, -1, owner)
            case "max":
                return self.maximum_of(node, expr, node.args)
            case "dot":
                other = self.as_expr(self.value(node.args[0]), node.args[0])
                try:
                    return self.kept(CALLS["dot"](expr, other))
                except ShapeError:
                    return self.refused(node, node.func.value, node.args[0], expr, other)
            case "transpose" if len(node.args) > 1:
                return self.kept(CALLS["transpose"](expr, tuple(self.plain(a) for a in node.args)))
            case "fill":
                return None
        if name not in ("sum", "mean", "var", "std", "trace", "transpose", "swapaxes", "squeeze"):
            raise UnsupportedError(f".{name}() is not followed")
        return self.row(node, name, [expr])

    def reshaped(self, expr: Expr, wanted: object, owner: object) -> object:
        """Reshaping; where it only adds or drops axes of size 1, or keeps the shape, nothing moves."""
        parts = list(wanted) if isinstance(wanted, (tuple, list)) else [wanted]
        dims = [self.size_value(p) for p in parts]
        core = [d for d in expr.shape if d != 1]
        open_at = [k for k, d in enumerate(dims) if d == -1]
        rest = [d for d in dims if d not in (1, -1)]
        left = [d for d in core if d not in rest] if open_at else []
        if open_at:
            dims[open_at[0]] = sp.prod(left) if len(left) <= 1 else left[0] * left[1]
        if [d for d in dims if d != 1] != core:
            return self.kept(CALLS["reshape"](expr, tuple(Const(sp.S.NegativeOne) if k in open_at else Const(d) for k, d in enumerate(dims))))
        bare = contract((expr,), (tuple(range(expr.rank)),), tuple(k for k, d in enumerate(expr.shape) if d != 1))
        return self.kept(new_axes(bare, tuple(k for k, d in enumerate(dims) if d == 1), len(dims)), owner)
