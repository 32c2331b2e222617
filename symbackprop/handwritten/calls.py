"""Calls in hand-written code: NumPy's functions and methods, Python's own, and the text's functions, which are inlined."""

from __future__ import annotations

import ast

import sympy as sp

from ..algebra import Const, add
from ..errors import ParseError, ShapeError, UnsupportedError
from ..expr import Expr
from ..source.calls import CALLS
from ..tex.tensors import Met
from .index import CodeIndex
from .library import CodeNumpy
from .names import LISTS, PARAMETERS
from .terms import LAYERS
from .values import Array, Bound, Builtin, Class, Closure, Frame, Free, Instance, Labels, Module, Rows

MAX_CALLS = 60
ROUNDS = (3, 2, 4)  # of the loops over sizes: all different, so that one axis is not taken for another


class CodeCalls(CodeNumpy):
    """Calls, by what is called."""

    def __init__(self, *args: object) -> None:
        super().__init__(*args)
        self.calls = 0

    def call(self, node: ast.Call) -> object:
        func = node.func
        if isinstance(func, ast.Name) and func.id == "super":
            return None
        if isinstance(func, ast.Attribute) and isinstance(func.value, ast.Call) and getattr(func.value.func, "id", "") == "super":
            return None
        called = self.part(func)
        match called:
            case Closure():
                return self.invoke_closure(called, node, [])
            case Bound(closure=Closure() as closure):
                return self.invoke_closure(closure, node, [called.owner])
            case Class():
                return self.instance(called, node)
            case Instance() if "__call__" in called.cls.methods or "forward" in called.cls.methods:
                methods = called.cls.methods
                return self.invoke_closure(methods.get("__call__") or methods["forward"], node, [called])
            case Builtin():
                return self.builtin(node, called.name)
            case Bound(owner=Module() as module):
                return self.numpy(node, called.name, module.name)
            case Bound(owner=Array() | Expr() as owner):
                return self.method(node, called.name, owner)
            case Bound(owner=dict() | list() | tuple() | str() as owner):
                return self.container(node, called.name, owner)
            case Bound():
                return None
        if called is None:
            return None
        raise UnsupportedError(f"{self.text(func)[:40]} is not a function that is known here")

    def arguments(self, node: ast.Call) -> tuple[list[object], dict[str, object]]:
        args: list[object] = []
        for a in node.args:
            args += self.items(self.value(a.value), a) if isinstance(a, ast.Starred) else [self.value(a)]
        return args, {k.arg: self.value(k.value) for k in node.keywords if k.arg}

    # --- the text's own functions ---

    def invoke_closure(self, closure: Closure, node: ast.Call, first: list[object]) -> object:
        args, named = self.arguments(node)
        return self.run_closure(closure, [*first, *args], named, node)

    def run_closure(self, closure: Closure, args: list[object], named: dict[str, object], node: ast.AST) -> object:
        if self.calls >= MAX_CALLS:
            raise UnsupportedError(f"{closure.name} calls itself, or calls are nested too deeply")
        frame = Frame(self.parameters(closure, args, named, node), closure.frame, closure.name)
        outer, self.frame, self.calls = self.frame, frame, self.calls + 1
        try:
            if isinstance(closure.node, ast.Lambda):
                return self.value(closure.node.body)
            return self.body_of(closure)
        finally:
            self.frame, self.calls = outer, self.calls - 1

    def parameters(self, closure: Closure, args: list[object], named: dict[str, object], node: ast.AST) -> dict[str, object]:
        """The names of a call, defaults put in."""
        spec = closure.node.args
        names = [a.arg for a in (*spec.posonlyargs, *spec.args)]
        given = dict(zip(names, args))
        if spec.vararg:
            given[spec.vararg.arg] = tuple(args[len(names):])
        elif len(args) > len(names):
            raise ParseError(f"{closure.name} takes {len(names)} arguments, and {len(args)} are given")
        if spec.kwarg:
            given[spec.kwarg.arg] = {k: v for k, v in named.items() if k not in names}
        given.update({k: v for k, v in named.items() if k in names or k in [a.arg for a in spec.kwonlyargs]})
        outer, self.frame = self.frame, closure.frame
        try:
            for name, default in (*zip(names[::-1], spec.defaults[::-1]), *((a.arg, d) for a, d in zip(spec.kwonlyargs, spec.kw_defaults))):
                if name not in given and default is not None:
                    given[name] = self.default(name, self.value(default))
        finally:
            self.frame = outer
        for name in names:
            if name not in given:
                given[name] = self.missing(closure, name)
        return given

    def default(self, name: str, value: object) -> object:
        """A setting that has a default: a number stays open, a flag or a word is what it says."""
        if name not in SETTINGS and (isinstance(value, Const) or isinstance(value, int) and not isinstance(value, bool)):
            return Free(self.input_name(name), value)
        return value

    def missing(self, closure: Closure, name: str) -> object:
        raise ParseError(f"{closure.name} is called without {name}")

    def input_name(self, name: str) -> str:
        return name

    def instance(self, cls: Class, node: ast.Call) -> Instance:
        made = Instance(cls)
        if "__init__" in cls.methods:
            self.invoke_closure(cls.methods["__init__"], node, [made])
        return made

    # --- Python's own ---

    def builtin(self, node: ast.Call, name: str) -> object:
        if name in ("print", "super", "object", "set", "Exception", "ValueError"):
            return None
        if name in ("sum", "abs", "round") and not isinstance((value := self.value(node.args[0])), (list, tuple, int)):
            return self.kept(CALLS[name](self.as_expr(value, node))) if name != "round" else value
        args, named = self.arguments(node)
        return self.python(node, name, args)

    def python(self, node: ast.Call, name: str, args: list[object]) -> object:
        match name, args:
            case "len", [Labels() as labels]:
                return Const(self.open(f"{labels.name}_0"))
            case "len", [list() | tuple() | dict() | str() as items]:
                return len(items)
            case "len", [Free() as free] if self.known.kinds.get(free.name) == "sizes" or isinstance(free.default, (list, tuple)):
                return len(self.opened_list(free))
            case "len", [Free() as free] if (plain := self.known.plain(free.name)).rpartition("_")[2] in LISTS or plain in LISTS:
                return len(self.opened_list(free))
            case "len", [Free() as free] if free.items is not None or PARAMETERS.match(self.known.plain(free.name)):
                return self.count_of(free)
            case "len", [value]:
                expr = self.as_expr(value, node)
                if not expr.rank:
                    raise ShapeError(f"{self.text(node.args[0])[:40]} is a scalar and has no length")
                return Const(expr.shape[0])
            case "range", _:
                return self.range_of(args)
            case ("int" | "float" | "list" | "tuple" | "sorted" | "round"), [value, *_]:
                if name in ("int", "float", "round"):
                    return value
                found = value if isinstance(value, Rows) else self.items(value, node.args[0])
                return tuple(found) if name == "tuple" else found
            case "zip", _:
                return list(zip(*(self.items(a, node) for a in args)))
            case "enumerate", [value, *_]:
                return list(enumerate(self.items(value, node)))
            case "reversed", [value]:
                return self.items(value, node)[::-1]
            case "str", [value]:
                return str(self.integer(value))
            case "dict", _:
                return {k.arg: self.value(k.value) for k in node.keywords}
            case ("min" | "max" | "abs" | "sum"), [*values] if all(isinstance(v, int) for v in values):
                return {"min": min, "max": max, "abs": abs, "sum": sum}[name](*values)
            case "sum", [list() as values, *_] if values:
                return self.kept(add([self.as_expr(v, node) for v in values]))
            case "isinstance", _:
                return True
            case "hasattr", [Instance() as owner, str() as attr]:
                return attr in owner.attributes
            case "getattr", [Instance() as owner, str() as attr, *_]:
                return owner.attributes.get(attr)
        raise UnsupportedError(f"{name}(…) is not followed here: {self.text(node)[:40]}")

    def count_of(self, free: Free) -> int:
        """How many entries a dictionary of parameters has: as many as the text makes, else weights and biases of three layers."""
        if not free.items:
            free.items = self.open_items(free)
        if free.items:
            return len(free.items)
        self.readings[f"{free.name} is read as the weights and biases of {LAYERS} layers"] = None
        return 2 * LAYERS

    def range_of(self, args: list[object]) -> object:
        values = [self.integer(a) for a in args]
        if self.counting is not None:
            values = [self.rounds_of(v, self.counting) for v in values]
        if all(isinstance(v, int) and not isinstance(v, bool) for v in values):
            found = range(*values)
            if len(found) > 10**7:
                raise UnsupportedError("a range of more than ten million")
            return found
        return Rows(values[0] if len(values) == 1 else values[1])

    counting: ast.For | None = None

    def rounds_of(self, value: object, loop: ast.AST) -> int:
        """How often a loop over a size runs: a small number, which the size is then read as. Raises `Met` where that is new."""
        if isinstance(value, int):
            return value
        number = (sp.Integer(0) + self.size_value(value)).xreplace(self.known.sizes)
        if number.is_Integer:
            return int(number)
        symbols = sorted(number.free_symbols, key=str)
        wanted = ROUNDS[len(self.known.counted) % len(ROUNDS)]
        found = sp.solve(number - wanted, symbols[0]) if len(symbols) == 1 and number.is_polynomial(symbols[0]) else [sp.Integer(2)]
        if len(found) != 1 or not found[0].is_Integer or found[0] <= 0:
            raise UnsupportedError(f"how often the loop in line {loop.lineno} runs is not known")
        self.known.counted[symbols[-1] if len(symbols) > 1 else symbols[0]] = loop.lineno
        raise Met(symbols[-1] if len(symbols) > 1 else symbols[0], found[0])

    def integer(self, value: object) -> object:
        if isinstance(value, Const) and value.value.is_Integer:
            return int(value.value)
        return value

    def container(self, node: ast.Call, name: str, owner: object) -> object:
        args, named = self.arguments(node)
        match owner, name:
            case dict(), "get":
                return owner.get(args[0], args[1] if len(args) > 1 else None)
            case dict(), "keys":
                return list(owner)
            case dict(), "values":
                return list(owner.values())
            case dict(), "items":
                return [(k, v) for k, v in owner.items()]
            case dict(), "update":
                return owner.update(args[0] if args else named)
            case (dict() | list()), "copy":
                return owner.copy()
            case dict(), ("pop" | "setdefault"):
                return owner.pop(args[0], None) if name == "pop" else owner.setdefault(*args)
            case list(), ("append" | "insert"):
                return getattr(owner, name)(*args)
            case list(), "pop":
                return owner.pop(*args)
            case list(), "extend":
                more = self.items(args[0], node)
                self.bounded(len(owner) + len(more), node)
                return owner.extend(more)
            case list(), "reverse":
                return owner.reverse()
            case str(), ("format" | "lower" | "upper" | "startswith" | "endswith" | "replace" | "strip"):
                if all(isinstance(a, (str, int)) for a in args):
                    self.bounded(len(owner) * (1 + sum(len(a) for a in args[1:2] if isinstance(a, str))), node)
                    return getattr(owner, name)(*args) if name != "format" else owner.replace("{}", str(args[0]) if args else "", 1)
                return owner
        raise UnsupportedError(f".{name}() of a {type(owner).__name__} is not followed")


SETTINGS = frozenset(("axis", "dim", "ndmin"))
CodeCalls.VALUES = {**CodeIndex.VALUES, ast.Call: CodeCalls.call}
