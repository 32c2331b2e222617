"""Expressions of hand-written NumPy code -> values: tensors as nodes, sizes and settings as plain Python values.

What NumPy means is `terms` and `calls`; this adds what code has beside formulas: attributes, dictionaries, lists, indices,
conditions, and values that the text leaves open, whose use decides what they are.
"""

from __future__ import annotations

import ast
import operator
import re

import sympy as sp

from ..algebra import Const, add, contract, negative
from ..cells import filled
from ..errors import ParseError, SymbackpropError, UnsupportedError, nearest
from ..expr import Expr, Shape, Var, size
from ..program import Fact
from ..source.calls import CALLS
from ..source.terms import MODULES
from ..selection import pick
from ..tex.tensors import Unknown
from .conditions import CodeConditions, Undecided
from .known import Known
from .names import SCALAR, STEP
from .patterns import recognised
from .values import Array, Bound, Builtin, Class, Closure, Frame, Free, Instance, Labels, Module, Picked, Unread

BUILTINS = frozenset("len range print sum max min int float zip enumerate reversed list tuple dict str abs sorted isinstance round "
                     "bool set type getattr hasattr super object Exception ValueError".split())
ARITHMETIC = {ast.Add: operator.add, ast.Sub: operator.sub, ast.Mult: operator.mul, ast.FloorDiv: operator.floordiv,
              ast.Mod: operator.mod}
MISUSED = (TypeError, AttributeError, IndexError, KeyError, ValueError, ArithmeticError, RecursionError)
PLACES = re.compile(r"%[dis]")
LAYERS, LONGEST, BITS = 3, 10_000, 4_000


class CodeTerms(CodeConditions):
    """Values of expressions in the scope of the call that is followed."""

    calls = 0

    def __init__(self, lines: list[str], known: Known) -> None:
        super().__init__(lines)
        self.known = known
        self.frame = Frame({})
        self.given: dict[int, Expr] = {}
        self.inputs: dict[str, Var] = {}
        self.definitions: dict[str, Expr] = {}
        self.facts: list[Fact] = []
        self.readings: dict[str, None] = {}
        self.latest: dict[str, Var] = {}

    # --- what a value is as a node ---

    def read(self, node: ast.expr) -> Expr:
        found = self.given.get(id(node))
        return found if found is not None else self.as_expr(self.value(node), node)

    def as_expr(self, value: object, node: ast.expr) -> Expr:
        match value:
            case Array():
                return value.value()
            case Expr():
                return value
            case bool() | int():
                return Const(sp.Integer(int(value)))
            case Picked():
                return value.expr()
            case Free():
                return self.as_expr(self.settled(value), node)
            case Unread():
                raise UnsupportedError(f"{self.text(node)[:40]} depends on line {value.error.line}, which could not be followed")
            case Undecided(node=ast.Compare() as compare):
                for part in (compare.left, *compare.comparators):
                    if isinstance(open_value := self.value(part), Free):
                        self.settled(open_value)
                return self.as_expr(self.comparison(compare), compare)
            case None:
                raise UnsupportedError(f"{self.text(node)[:40]} is None here")
        raise UnsupportedError(f"{self.text(node)[:40]} is no tensor here")

    def settled(self, free: Free) -> object:
        """An open value that is used as a number or tensor: a size, or an input."""
        if self.known.kinds.get(free.name) == "size":
            return Const(size(free.name).xreplace(self.known.sizes))
        if free.array is None:
            number = isinstance(free.default, (int, Const)) and free.name not in self.known.shapes
            var = self.declared_input(free.name, () if number else None)
            free.array = Array(var) if var.rank else var
            self.latest[free.name] = var
        return free.array

    def declared_input(self, name: str, shape: Shape | None = None) -> Var:
        """An input, its shape as stated, or open."""
        if name not in self.inputs:
            self.inputs[name] = Var(name, self.known.put(self.shape_of(name) if shape is None else shape))
        return self.inputs[name]

    def shape_of(self, name: str) -> Shape:
        stated = self.known.shapes.get(name)
        if stated is not None and name not in self.known.ranks:
            return stated
        rank = self.known.ranks.setdefault(name, guessed_rank(self.known.plain(name)))
        if isinstance(rank, str):
            dim = self.open(f"{name}_0")
            if rank == "columns":
                return (dim, self.open(f"{name}_1"), sp.S.One)
            return (dim, sp.S.One) if rank == "column" else (sp.S.One, dim)
        return tuple(self.open(f"{name}_{k}") for k in range(rank))

    def open(self, tag: str) -> Unknown:
        return Unknown(tag, integer=True, positive=True)

    def kept(self, expr: Expr, view_of: object = None) -> object:
        """A computed node as a value: called by its name, tensors by reference."""
        expr = recognised(expr, self.definitions)
        if not expr.rank:
            return expr
        return Array(expr, view_of if isinstance(view_of, Array) else None)

    # --- expressions ---

    def value(self, node: ast.expr) -> object:
        """The value of an expression. Raises `SymbackpropError` with its place."""
        self.known.meter.spend()
        self.depth += 1
        try:
            if self.depth > 100:
                raise ParseError("more than 100 levels of nesting")
            method = self.VALUES.get(type(node))
            if method is None:
                raise UnsupportedError(f"{type(node).__name__} expressions are not followed: {self.text(node)[:60]}")
            return method(self, node)
        except SymbackpropError as error:
            raise error.at(*self.place(node)) from None
        except MISUSED as error:
            raise self.fail(node, f"{self.text(node)[:60]} is not followed ({type(error).__name__})", kind=UnsupportedError) from None
        finally:
            self.depth -= 1

    def constant(self, node: ast.Constant) -> object:
        value = node.value
        if isinstance(value, (bool, str, type(None))) or value is ... or isinstance(value, int) and value.bit_length() < 64:
            return value
        return self.read_constant(node)

    def name(self, node: ast.Name) -> object:
        name = node.id
        if self.frame.holds(name):
            found = self.frame.find(name)
            if isinstance(found, Unread):
                raise UnsupportedError(f"{name} depends on line {found.error.line}, which could not be followed")
            return found
        if name in BUILTINS:
            return Builtin(name)
        if name in MODULES:
            return Module(name)
        if name in CALLS:
            return Bound(Module("np"), name)
        if any(s.name == name for var in self.inputs.values() for d in var.shape for s in d.free_symbols):
            return Const(size(name))
        raise ParseError(f"{name} is not defined here", hint=nearest(name, self.frame.names))

    def listed(self, node: ast.Tuple | ast.List) -> object:
        items: list[object] = []
        for e in node.elts:
            items += self.items(self.value(e.value), e) if isinstance(e, ast.Starred) else [self.value(e)]
        self.bounded(len(items), node)
        return items if isinstance(node, ast.List) else tuple(items)

    def mapping(self, node: ast.Dict) -> object:
        made: dict[object, object] = {}
        for key, value in zip(node.keys, node.values):
            made.update(self.value(value) if key is None else {self.value(key): self.named_entry(self.value(key), self.value(value), value)})
        return made

    def named_entry(self, key: object, value: object, node: ast.expr) -> object:
        """A value in a literal dictionary, called by its key where it has no name yet."""
        return value

    def joined(self, node: ast.JoinedStr) -> object:
        said = [str(self.value(v.value if isinstance(v, ast.FormattedValue) else v)) for v in node.values]
        self.bounded(sum(map(len, said)), node)
        return "".join(said)

    def bounded(self, length: int, node: ast.expr) -> None:
        """Refuse lists and strings that are too long, before they are made."""
        if length > LONGEST:
            raise UnsupportedError(f"{self.text(node)[:60]} is too long to follow")

    def function(self, node: ast.Lambda) -> object:
        return Closure(node, self.frame)

    def chain(self, node: ast.BinOp) -> object:
        """A chain of one kind of sign, its parts followed once; plain numbers and strings stay plain."""
        links: list[ast.BinOp] = []
        first: ast.expr = node
        while isinstance(first, ast.BinOp):
            links.append(first)
            first = first.left
        result, at = self.part(first), first
        for link in reversed(links):
            right = self.part(link.right)
            if isinstance(link.op, ast.Add) and (isinstance(result, list) and isinstance(right, Free) or isinstance(right, list) and isinstance(result, Free)):
                result, right = (self.opened_list(v) if isinstance(v, Free) else v for v in (result, right))
            if type(link.op) in ARITHMETIC and is_plain(result) and is_plain(right):
                result = self.plain_arithmetic(link, result, right)
            elif isinstance(link.op, ast.Pow) and type(result) is type(right) is int and 0 <= right < 64 and abs(result) < 1000:
                result = result ** right
            else:
                result = self.combined(link, result, right)
            at = link
        return result

    def part(self, node: ast.expr) -> object:
        return self.given[id(node)] if id(node) in self.given else self.value(node)

    def plain_arithmetic(self, link: ast.BinOp, left: object, right: object) -> object:
        """A sign between plain Python values, the size of the result looked at first."""
        if isinstance(left, str) and isinstance(link.op, ast.Mod):
            return self.formatted(left, right)
        counts = [v if isinstance(v, int) else len(v) for v in (left, right)]
        if isinstance(left, int) and isinstance(right, int):
            if sum(c.bit_length() for c in counts) > BITS:
                raise UnsupportedError(f"{self.text(link)[:60]} is a number with too many digits")
        else:
            self.bounded(counts[0] * counts[1] if isinstance(link.op, ast.Mult) else sum(counts), link)
        try:
            return ARITHMETIC[type(link.op)](left, right)
        except (TypeError, ZeroDivisionError, ValueError) as error:
            raise UnsupportedError(f"{self.text(link)[:60]}: {error}") from None

    def formatted(self, text: str, values: object) -> str:
        """`"W%d" % l` with the numbers and words put in; the text as it is where it asks for anything else."""
        parts = values if isinstance(values, (tuple, list)) else (values,)
        if len(PLACES.findall(text)) != len(parts) or "%" in PLACES.sub("", text) or any(type(p) not in (int, str) for p in parts):
            return text
        rest = iter(parts)
        return PLACES.sub(lambda _: str(next(rest)), text)

    def combined(self, link: ast.BinOp, left: object, right: object) -> object:
        """One sign between two values, by the rules of the text language."""
        if (picked := self.picked_sign(link, left, right)) is not None:
            return picked
        a, b = self.as_expr(left, link.left), self.as_expr(right, link.right)
        if isinstance(link.op, ast.FloorDiv):
            return Const(sp.floor(self.size_value(a) / self.size_value(b)))
        a, b = self.strip_guard(a, b, link)
        before = {id(n): self.given.get(id(n)) for n in (link.left, link.right)}
        self.given |= {id(link.left): a, id(link.right): b}
        try:
            alone = ast.copy_location(ast.BinOp(link.left, link.op, link.right), link)
            return self.kept(self.operation(alone, a, b))
        finally:
            for key, old in before.items():
                self.given.pop(key)
                if old is not None:
                    self.given[key] = old

    def operation(self, link: ast.BinOp, a: Expr, b: Expr) -> Expr:
        from ..source.shapes import added
        if isinstance(link.op, ast.Add):
            return self.checked(link, added, (a, b))
        if isinstance(link.op, ast.Sub):
            return self.checked(link, added, (a, negative(b)))
        return self.operate(link, a, b)

    def picked_sign(self, link: ast.BinOp, left: object, right: object) -> Picked | None:
        """A picked entry times or over a number stays picked."""
        if isinstance(left, Picked) and isinstance(link.op, (ast.Mult, ast.Div)) and isinstance(right, (int, Const)):
            return Picked(self.operation(link, left.table, self.as_expr(right, link.right)), left.one_hot)
        if isinstance(right, Picked) and isinstance(link.op, ast.Mult) and isinstance(left, (int, Const)):
            return Picked(self.operation(link, right.table, self.as_expr(left, link.left)), right.one_hot)
        return None

    def strip_guard(self, a: Expr, b: Expr, link: ast.BinOp) -> tuple[Expr, Expr]:
        """`p + 1e-8`: a number that only guards a logarithm or a division is read as 0, and said."""
        for guard, other in ((a, b), (b, a)):
            if type(guard) is Const and guard.value.is_Rational and 0 < abs(guard.value) < sp.Rational(1, 10**6) and other.rank and \
                    isinstance(link.op, (ast.Add, ast.Sub)):
                self.readings[f"{self.text(link)[:40]}: the guard {sp.Float(guard.value, 3)} is read as 0"] = None
                return (a, Const(sp.S.Zero)) if guard is b else (Const(sp.S.Zero), b)
        return a, b

    def unary(self, node: ast.UnaryOp) -> object:
        value = self.part(node.operand)
        match node.op:
            case ast.Not():
                return not self.truth(value, node.operand)
            case ast.USub() if isinstance(value, int):
                return -value
            case ast.USub() if isinstance(value, Picked):
                return Picked(negative(value.table), value.one_hot)
            case ast.USub():
                return self.kept(negative(self.as_expr(value, node.operand)))
            case ast.UAdd():
                return value
        mask = self.as_expr(value, node.operand)
        return self.kept(add((filled(sp.S.One, mask.shape), negative(mask))))

    # --- attributes and sizes ---

    def attribute(self, node: ast.Attribute) -> object:
        owner, attr = self.part(node.value), node.attr
        match owner:
            case Instance():
                return self.member(owner, attr, node)
            case Class():
                return owner.attributes[attr] if attr in owner.attributes else owner.methods.get(attr)
            case Module():
                if attr in ("pi", "e", "inf"):
                    return {"pi": Const(sp.pi), "e": Const(sp.E)}.get(attr)
                return None if attr == "newaxis" else Module(f"{owner.name}.{attr}") if attr in ("random", "linalg") and "." not in owner.name else Bound(owner, attr)
            case Labels() if attr in ("shape", "size"):
                return (Const(self.open(f"{owner.name}_0")),) if attr == "shape" else Const(self.open(f"{owner.name}_0"))
            case dict() | list() | str() | tuple() | Builtin():
                return Bound(owner, attr)
            case Free() if attr in self.METHODS_OF_OPEN:
                return Bound(self.settled(owner), attr)
        expr = self.as_expr(owner, node.value)
        if attr == "T":
            labels = tuple(range(expr.rank))
            return self.kept(contract((expr,), (labels,), labels[::-1]), owner if expr.rank > 1 else None) if expr.rank else expr
        if attr in ("shape", "ndim", "size"):
            return {"shape": tuple(Const(d) for d in expr.shape), "ndim": expr.rank, "size": Const(sp.prod(expr.shape))}[attr]
        return Bound(owner if isinstance(owner, Array) else expr, attr)

    METHODS_OF_OPEN = frozenset("dot sum mean max min reshape copy astype transpose std var flatten ravel".split())

    def member(self, owner: Instance, attr: str, node: ast.Attribute) -> object:
        if attr in owner.attributes:
            found = owner.attributes[attr]
            if isinstance(found, Unread):
                raise UnsupportedError(f"self.{attr} depends on line {found.error.line}, which could not be followed")
            return found
        if attr in owner.cls.methods:
            return Bound(owner, attr, owner.cls.methods[attr])
        if attr in owner.cls.attributes:
            return owner.cls.attributes[attr]
        if attr == "__class__":
            return owner.cls
        raise ParseError(f"{self.text(node)[:40]} is not set before this line", hint=nearest(attr, owner.attributes))

    def size_value(self, value: object) -> sp.Expr:
        """A value as a size."""
        match value:
            case bool() | int():
                return sp.Integer(int(value))
            case Free() if not isinstance(value.array, Array):
                self.known.become(value.name, "size")
                return size(value.name).xreplace(self.known.sizes)
            case Const():
                return value.value
        raise UnsupportedError("a size is a number or a name here")

    def items(self, value: object, node: ast.expr) -> list[object]:
        """What a loop or an unpacking runs over."""
        match value:
            case list() | tuple() | range():
                self.bounded(len(value), node)
                return list(value)
            case dict():
                return list(value)
            case Free() if len(self.known.shapes.get(value.name, ())) or value.array is not None and self.known.kinds.get(value.name) != "sizes":
                return self.items(self.settled(value), node)
            case Free() if self.calls or value.default is not None:
                return self.opened_list(value)
            case Array() if value.expr.rank:
                rounds = self.rounds_of(Const(value.expr.shape[0]), node)
                return [self.kept(pick(value.value(), 0, sp.Integer(k))) for k in range(rounds)]
        raise UnsupportedError(f"{self.text(node)[:40]}: what this runs over is not known")

    def opened_list(self, free: Free) -> list[object]:
        """A list of layer sizes that the text leaves open: three layers of any sizes."""
        if isinstance(free.default, (list, tuple)):
            return list(free.default)
        self.known.become(free.name, "sizes")
        if self.known.plain(free.name).startswith("hidden"):
            self.readings[f"{free.name} is read as a list of two sizes"] = None
            return [Const(size(f"n{k}")) for k in (1, 2)]
        self.readings[f"{free.name} is read as a list of {LAYERS + 1} sizes ({LAYERS} layers)"] = None
        return [Const(size(f"n{k}")) for k in range(LAYERS + 1)]

    VALUES = {ast.Constant: constant, ast.Name: name, ast.Tuple: listed, ast.List: listed, ast.Dict: mapping, ast.JoinedStr: joined,
              ast.Lambda: function, ast.BinOp: chain, ast.UnaryOp: unary, ast.Compare: CodeConditions.comparison, ast.BoolOp: CodeConditions.logic,
              ast.IfExp: CodeConditions.choice, ast.Attribute: attribute}


def guessed_rank(name: str) -> int:
    """The rank of a name that nothing states; others are tried where it does not fit."""
    last = name.split(".")[-1]
    return 0 if SCALAR.match(last) or STEP.match(last) else 2


def is_plain(value: object) -> bool:
    return isinstance(value, (int, str, list, tuple)) and not isinstance(value, bool)
