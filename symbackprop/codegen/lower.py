"""The NumPy lines of an exported module as array instructions, by walking their syntax trees.

The lines are our own (`terms` and `products` wrote them), so what has to be understood is what those write. Helpers such
as `softmax` are read the same way and put in where they are called, so that they share what they have in common.
"""

from __future__ import annotations

import ast
from collections.abc import Callable
from functools import cache

from ..errors import UnsupportedError
from .arrays import Dims, Graph, Value, is_one_hot, size_product

BINARY = {ast.Add: "add", ast.Sub: "subtract", ast.Mult: "multiply", ast.Div: "divide", ast.Pow: "power",
          ast.BitAnd: "bitwise_and", ast.BitOr: "bitwise_or"}
COMPARED = {ast.Gt: "greater", ast.Lt: "less", ast.GtE: "greater_equal", ast.LtE: "less_equal", ast.Eq: "equal",
            ast.NotEq: "not_equal"}
ENTRYWISE = {"exp", "log", "tanh", "sqrt", "sin", "cos", "tan", "sinh", "cosh", "arcsin", "arccos", "arctan", "arcsinh",
             "arccosh", "arctanh", "abs", "sign", "floor", "ceil", "log1p", "expm1", "maximum", "minimum", "logaddexp",
             "heaviside", "where"}
Env = dict[str, object]


SHAPES: dict[str, Callable[[list[Dims]], Dims]] = {
    "inv": lambda shapes: shapes[0], "matrix_power": lambda shapes: shapes[0], "cholesky": lambda shapes: shapes[0],
    "solve": lambda shapes: shapes[1], "pinv": lambda shapes: shapes[0][::-1], "eigvalsh": lambda shapes: shapes[0][:1],
}


@cache
def is_plain(helper: ast.FunctionDef) -> bool:
    """Whether a helper can be put in where it is called: it is entrywise, so nothing in it counts, stacks or factors."""
    calls = {ast.unparse(n.func) for n in ast.walk(helper) if isinstance(n, ast.Call)}
    return not any(c in ("len", "expm", "np.tril", "np.block") or c.startswith("np.linalg") for c in calls)


class Lowering:
    """Reads expressions into one graph. `env` holds what names stand for: a `Value`, or the source of a size.

    Helpers that `keep` holds for stay calls. `shapes` are those of pieces of source that its writer has noted.
    """

    def __init__(self, graph: Graph, env: Env, helpers: str, callables: tuple[str, ...], shapes: dict[str, Dims],
                 keep: Callable[[str], bool] = lambda name: False) -> None:
        self.graph, self.env, self.callables, self.shapes, self.keep = graph, env, callables, shapes, keep
        tree = ast.parse(helpers).body
        self.helpers = {item.name: item for item in tree if isinstance(item, ast.FunctionDef)}
        self.opaque = {t.id for item in tree if isinstance(item, ast.Assign) for t in item.targets}

    def line(self, assign: ast.Assign) -> tuple[str, Value]:
        """One assignment: its name and what it stands for from here on."""
        name = assign.targets[0].id
        self.env[name] = value = self.array(assign.value, self.env)
        return name, value

    def array(self, node: ast.expr, env: Env) -> Value:
        return self.valued(self.read(node, env))

    def valued(self, found: object) -> Value:
        if isinstance(found, Value):
            return found
        return self.graph.const(found if isinstance(found, str) else repr(found))

    def read(self, node: ast.expr, env: Env) -> object:
        """A value, a piece of Python (a number, a tuple, True, None), or the source of a size."""
        match node:
            case ast.Constant():
                return node.value if not isinstance(node.value, float) else self.graph.const(repr(node.value))
            case ast.Tuple():
                return tuple(self.read(e, env) for e in node.elts)
            case ast.Name():
                return "dtype" if node.id == "dtype" else env[node.id]
            case ast.UnaryOp(op=ast.USub()):
                inner = self.read(node.operand, env)
                return -inner if isinstance(inner, int) else self.graph.entrywise("negative", self.valued(inner))
            case ast.BinOp(op=ast.MatMult()):
                return self.graph.dot(self.array(node.left, env), self.array(node.right, env))
            case ast.BinOp():
                return self.binary(node, env)
            case ast.Compare():
                op = COMPARED[type(node.ops[0])]
                return self.graph.entrywise(op, self.array(node.left, env), self.array(node.comparators[0], env))
            case ast.Attribute():
                return self.attribute(node, env)
            case ast.Subscript():
                return self.subscript(node, env)
            case ast.Call():
                return self.call(node, env)
        raise UnsupportedError(f"{ast.unparse(node)} has no instruction")

    def binary(self, node: ast.BinOp, env: Env) -> object:
        left, right = self.read(node.left, env), self.read(node.right, env)
        if not isinstance(left, Value) and not isinstance(right, Value):
            return ast.unparse(node)
        return self.graph.entrywise(BINARY[type(node.op)], self.valued(left), self.valued(right))

    def attribute(self, node: ast.Attribute, env: Env) -> object:
        if node.attr == "pi":
            return self.graph.const("np.pi")
        if node.attr == "T":
            a = self.array(node.value, env)
            return self.graph.transpose(a, tuple(reversed(range(len(a.shape)))))
        if node.attr == "dtype":
            return "dtype"
        if node.attr == "tiny":
            return self.graph.const("np.finfo(dtype).tiny")
        raise UnsupportedError(f"{ast.unparse(node)} has no instruction")

    def subscript(self, node: ast.Subscript, env: Env) -> Value:
        if isinstance(node.value, ast.Call) and ast.unparse(node.value.func) == "np.linalg.slogdet":
            return self.array(node.value, env)
        a = self.array(node.value, env)
        parts = node.slice.elts if isinstance(node.slice, ast.Tuple) else [node.slice]
        if (shape := self.noted(node)) is not None:
            return self.graph.make("slice", (a,), shape, (", ".join(map(ast.unparse, parts)),))
        return self.graph.index(a, tuple(":" if isinstance(p, ast.Slice) else position(p) for p in parts))

    def noted(self, node: ast.expr) -> Dims | None:
        """The shape that the writer of a piece of source has noted, if it has."""
        return self.shapes.get(ast.unparse(node)) if self.shapes else None

    def call(self, node: ast.Call, env: Env) -> object:
        if (shape := self.noted(node)) is not None:
            return self.shaped(node, env, shape)
        options = {k.arg: self.read(k.value, env) for k in node.keywords}
        if isinstance(node.func, ast.Name):
            return self.named(node, env, options)
        owner = node.func.value
        if isinstance(owner, ast.Name) and owner.id == "np":
            return self.numpy(node, env, options)
        if isinstance(owner, ast.Attribute) and owner.attr == "linalg":
            return self.linalg(node, env)
        return self.method(node, env, options)

    def shaped(self, node: ast.Call, env: Env, shape: Dims) -> Value:
        """A call whose shape its writer has noted: a reshape, or a routine of an array (or of sizes alone)."""
        name = ast.unparse(node.func)
        if isinstance(node.func, ast.Attribute) and node.func.attr == "reshape":
            return self.graph.reshape(self.array(node.func.value, env), shape)
        arrays = () if name in ("np.tri", "np.eye", "indicator") else (self.array(node.args[0], env),)
        rest = ", ".join(ast.unparse(a) for a in (*node.args[len(arrays):], *node.keywords)).replace("'", '"')
        return self.graph.make("windows" if name == "read_at" else "routine", arrays, shape, (name, rest))

    def named(self, node: ast.Call, env: Env, options: dict) -> object:
        name = node.func.id
        if name in self.helpers and is_plain(self.helpers[name]):
            args = [self.read(a, env) for a in node.args]
            made = self.inlined(self.helpers[name], args, options)
            return self.kept(name, args, made) if self.keep(name) and not made.is_const else made
        args = tuple(self.array(a, env) for a in node.args)
        if name == "float":
            return self.graph.const(f"float({args[0].params[0]})")
        if name in self.callables or name in self.opaque or name in self.helpers:
            return self.graph.make("call", args, args[0].shape, (name,))
        raise UnsupportedError(f"{name} has no instruction")

    def kept(self, name: str, args: list, made: Value) -> Value:
        """A call that stays one, of the shape of what it would be."""
        arrays = [self.valued(a) if isinstance(a, float) else a for a in args]
        return self.graph.make("helper", tuple(a for a in arrays if isinstance(a, Value)), made.shape,
                               (name, *(a for a in arrays if not isinstance(a, Value))))

    def inlined(self, helper: ast.FunctionDef, args: list, options: dict) -> Value:
        inside: Env = {**dict(zip((a.arg for a in helper.args.args), args)), **options}
        for line in helper.body:
            if isinstance(line, ast.Return):
                return self.array(line.value, inside)
            if isinstance(line, ast.Assign):
                inside[line.targets[0].id] = self.array(line.value, inside)
        raise UnsupportedError(f"{helper.name} returns nothing")

    def dims(self, found: object) -> Dims:
        parts = found if isinstance(found, tuple) else (found,)
        return tuple(str(p.params[0] if isinstance(p, Value) else p) for p in parts)

    def numpy(self, node: ast.Call, env: Env, options: dict) -> object:
        name, graph = node.func.attr, self.graph
        if name in ENTRYWISE:
            return graph.entrywise("absolute" if name == "abs" else name, *(self.array(a, env) for a in node.args))
        if name in ("ones", "full", "eye", "finfo"):
            return self.filled(name, node, env)
        if name == "einsum":
            return self.einsum(node, env)
        if name == "broadcast_to":
            return graph.entrywise("multiply", graph.ones(*self.dims(self.read(node.args[1], env))), self.array(node.args[0], env))
        args = tuple(self.array(a, env) for a in node.args[:2 if name in ("outer", "vdot") else 1])
        a, *more = args
        match name:
            case "outer":
                return graph.entrywise("multiply", graph.index(a, (":", "None")), graph.index(more[0], ("None", ":")))
            case "vdot":
                return graph.total(graph.entrywise("multiply", a, more[0]), tuple(range(len(a.shape))), False)
            case "expand_dims":
                axis = self.read(node.args[1], env) % (len(a.shape) + 1)
                return graph.index(a, (*(":",) * axis, "None", *(":",) * (len(a.shape) - axis)))
            case "trace":
                return graph.total(graph.make("diagonal", (a,), a.shape[:1]), (0,), False)
            case "diagonal":
                return graph.make("diagonal", (a,), a.shape[:1])
            case "diag":
                eye = graph.make("eye", (), (a.shape[0],) * 2)
                return graph.entrywise("multiply", eye, a)
            case "array":
                return a
            case "tril":
                return graph.make("call", (a,), a.shape, ("np.tril", ast.unparse(node.args[1])))
            case "full_like":
                return graph.entrywise("multiply", graph.ones(*a.shape), self.array(node.args[1], env))
        raise UnsupportedError(f"np.{name} has no instruction")

    def filled(self, name: str, node: ast.Call, env: Env) -> object:
        if name == "finfo":
            return "dtype"
        shape = self.dims(self.read(node.args[0], env))
        if name == "eye":
            return self.graph.make("eye", (), (shape[0], shape[0]))
        ones = self.graph.ones(*shape)
        return ones if name == "ones" else self.graph.entrywise("multiply", self.array(node.args[1], env), ones)

    def einsum(self, node: ast.Call, env: Env) -> Value:
        spell = node.args[0].value
        args = tuple(self.array(a, env) for a in node.args[1:])
        inputs, output = spell.split("->")
        if len(args) == 2 and is_one_hot(args[0]) and (made := self.places(args, inputs.split(","), output)) is not None:
            return made
        if len(args) == 2 and (made := self.graph.product(*args, spell)) is not None:
            return made
        sizes = {letter: dim for letters, a in zip(inputs.split(","), args) for letter, dim in zip(letters, a.shape)}
        return self.graph.make("einsum", args, tuple(sizes[letter] for letter in output), (spell,))

    def places(self, args: tuple[Value, ...], inputs: list[str], output: str) -> Value | None:
        """A one-hot tensor with another: rows at places, or rows added where they belong."""
        (hot, other), (own, letters) = args, inputs
        if letters[:1] == own[-1] and len(letters) == 2 and output == own[:-1] + letters[1:]:
            return self.graph.dot(hot, other)
        if letters[:-1] == own[:-1] and output == own[-1] + letters[-1]:
            count = size_product(hot.shape[:-1])
            flat = [self.graph.reshape(a, (count, a.shape[-1])) for a in args]
            return self.graph.dot(self.graph.transpose(flat[0], (1, 0)), flat[1])
        return None

    def linalg(self, node: ast.Call, env: Env) -> Value:
        name, arrays = node.func.attr, node.args[:2 if node.func.attr == "solve" else 1]
        args = tuple(self.array(a, env) for a in arrays)
        more = tuple(ast.unparse(a) for a in node.args[len(arrays):])
        shape = SHAPES.get(name, lambda shapes: ())([a.shape for a in args])
        return self.graph.make("linalg", args, shape, (name, *more))

    def method(self, node: ast.Call, env: Env, options: dict) -> Value:
        a, graph = self.array(node.func.value, env), self.graph
        every = tuple(range(len(a.shape)))
        match node.func.attr:
            case "sum":
                axis = options.get("axis", every)
                return graph.total(a, axis if isinstance(axis, tuple) else (axis,), bool(options.get("keepdims")))
            case "max":
                return graph.largest(a, options["axis"], bool(options.get("keepdims")))
            case "transpose":
                return graph.transpose(a, tuple(self.read(k, env) for k in node.args))
            case "astype":
                return graph.floats(a)
            case "copy":
                return a
        raise UnsupportedError(f"{ast.unparse(node)} has no instruction")


def position(node: ast.expr) -> str:
    """An index; an entry counted from 1, spelled `k - 1`, is worked out."""
    match node:
        case ast.BinOp(op=ast.Sub(), left=ast.Constant(value=int(k)), right=ast.Constant(value=int(one))):
            return str(k - one)
    return ast.unparse(node)
