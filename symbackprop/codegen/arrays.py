"""Array instructions: what a line of NumPy computes, one operation at a time, each value once.

A `Value` is an operation on earlier values, with its shape in sizes as source (`"B"`, `"2 * n"`, `"10"`). `Graph`
interns them, so what is computed twice in the source is one value, and chooses the cheap forms: products for whole
powers, BLAS for sums of products. Only a literal size 1 stretches.
"""

from __future__ import annotations

import math
import re
from collections import Counter
from dataclasses import dataclass

from ..errors import UnsupportedError

Dims = tuple[str, ...]
FLAGS = frozenset({"greater", "less", "greater_equal", "less_equal", "equal", "not_equal", "bitwise_and", "bitwise_or"})
MASKED = frozenset({"where", "bitwise_and", "bitwise_or"})
VIEWS = frozenset({"transpose", "index", "diagonal", "slice", "reshape", "windows"})
ROWS = frozenset({"index", "reshape"})  # views that leave the entries in the order of memory
APART = frozenset({"call", "routine", "gather", "dot", "matmul", "einsum", "sum", "max", "vdot", "vecdot", "where", "concat", "linalg", "const",
                   "input", "ones", "eye"})  # not entry by entry
NUMBER = re.compile(r"-?\d+(\.\d+)?(e-?\d+)?\Z")
MULTIPLE = re.compile(r"\d+ \* ")
PRODUCT = re.compile(r"\w+( \* \w+)+")  # of sizes


@dataclass(frozen=True, eq=False, slots=True)
class Value:
    """`op` applied to `args`; `params` is what is no array. A `flag` is an array of booleans.

    `layout` is how axes are best kept in memory: as `.transpose(*layout)` of an array in order; () is that order itself.
    """

    op: str
    args: tuple[Value, ...]
    params: tuple
    shape: Dims
    layout: tuple[int, ...] = ()

    @property
    def flag(self) -> bool:
        return self.op in FLAGS and not self.params

    @property
    def is_const(self) -> bool:
        return self.op == "const"

    @property
    def base(self) -> Value:
        """What a view looks at, or the value itself."""
        return self.args[0].base if self.op in VIEWS else self


def stretch(a: Dims, b: Dims) -> Dims:
    """The shape of an entrywise operation."""
    rank = max(len(a), len(b))
    a, b = ("1",) * (rank - len(a)) + a, ("1",) * (rank - len(b)) + b
    for m, n in zip(a, b):
        if m != n and "1" not in (m, n):
            raise UnsupportedError(f"arrays of {a} and {b} entry by entry")
    return tuple(n if m == "1" else m for m, n in zip(a, b))


def in_brackets(text: str) -> str:
    return text if re.fullmatch(r"[\w.]+", text) else f"({text})"


def layout_of(op: str, args: tuple[Value, ...], params: tuple, shape: Dims) -> tuple[int, ...]:
    """The layout of a matrix product's turned axes, and of what is computed from it entry by entry."""
    if len(shape) < 3 or op in APART or op in VIEWS and op != "transpose":
        return ()
    if op == "transpose":
        return () if args[0].base.op == "input" or args[0].layout or args[0].op in VIEWS - ROWS else params[0]
    return next((arg.layout for arg in args if arg.layout and arg.shape == shape), ())


def vanishes(a: Value, mask: Value) -> bool:
    """Whether `a` is 0 already wherever a mask `x > 0` is: it has `max(x, 0)` or the mask itself as a factor."""
    if mask.op != "greater" or mask.args[1].params not in (("0",), ("0.0",)):
        return False
    if a.op in ("multiply", "divide"):
        return any(vanishes(arg, mask) and arg.shape == a.shape for arg in a.args[:2 if a.op == "multiply" else 1])
    return a.op in ("maximum", "greater") and a.args == mask.args or a is mask.args[0] and a.op == "maximum" and a.args[1] is mask.args[1]


def are_alike(a: Value) -> bool:
    """Whether a value is a product of arrays of one shape."""
    return a.op == "multiply" and a.args[0].shape == a.args[1].shape


def shared_number(a: Value, b: Value) -> Value | None:
    """The number that multiplies two arrays of one shape."""
    scaled = a.op == b.op == "multiply" and a.shape == b.shape and bool(a.shape) and a.args[0].is_const
    return a.args[0] if scaled and a.args[0] is b.args[0] else None


def entries(shape: Dims) -> int:
    """About how many entries an array has, a size that is not known taken as 16: to compare costs with, nothing else."""
    return math.prod(int(part) if part.isdigit() else 16 for d in shape for part in (d.split(" * ") if PRODUCT.fullmatch(d) else [d]))


def is_one_hot(a: Value) -> bool:
    return a.op == "routine" and a.params[0] == "one_hot"


def size_product(dims: Dims) -> str:
    """A product of sizes as source."""
    number = math.prod(int(d) for d in dims if d.isdigit())
    return " * ".join([str(number)] * (number != 1) + [d if d.isidentifier() else f"({d})" for d in dims if not d.isdigit()]) or "1"


def size_sum(dims: list[str]) -> str:
    """A sum of sizes as source."""
    counted: Counter[str] = Counter()
    for dim in dims:
        count, _, size = dim.partition(" * ") if MULTIPLE.match(dim) else ("1", "", dim)
        counted["" if dim.isdigit() else size] += int(dim if dim.isdigit() else count)
    number = counted.pop("", 0)
    terms = [size_product((str(count), size)) for size, count in counted.items()]
    return " + ".join([*terms, *([str(number)] if number or not terms else [])])


def cut(before: list[str], own: list[str]) -> str:
    """The slice behind some sizes that has some sizes."""
    return f"{size_sum(before) if before else ''}:{size_sum([*before, *own])}"


class Graph:
    """The values made so far, in order. `tuned`: sums become products with ones where BLAS is faster at those."""

    def __init__(self, tuned: bool = True) -> None:
        self.tuned = tuned
        self.values: list[Value] = []
        self.known: dict[tuple, Value] = {}

    def make(self, op: str, args: tuple[Value, ...], shape: Dims, params: tuple = ()) -> Value:
        """The one value with this content."""
        key = (op, tuple(map(id, args)), params, shape)
        if key not in self.known:
            self.known[key] = Value(op, args, params, shape, layout_of(op, args, params, shape))
            self.values.append(self.known[key])
        return self.known[key]

    def const(self, text: str) -> Value:
        """A number, or Python source that makes one of sizes."""
        return self.make("const", (), (), (text,))

    def entrywise(self, op: str, *args: Value) -> Value:
        """A NumPy function of entries, by the name that NumPy gives it."""
        shape: Dims = ()
        for arg in args:
            shape = stretch(shape, arg.shape)
        if op not in MASKED:
            args = tuple(self.floats(arg) for arg in args)
        if all(arg.is_const for arg in args):
            return self.folded(op, args)
        a = args[0]
        if op == "multiply" and (one := next((k for k in (0, 1) if args[k].params == ("1.0",)), None)) is not None:
            return args[1 - one]
        if op == "multiply" and (gone := next((k for k in (0, 1) if vanishes(args[1 - k], args[k])), None)) is not None:
            return args[1 - gone]
        if self.tuned and op == "greater" and args[1].is_const and (made := self.known.get(("maximum", tuple(map(id, args)), (), shape))):
            return self.make(op, (made, args[1]), shape)  # x > 0 where max(x, 0) > 0, which is kept anyway
        if self.tuned and op in ("add", "subtract") and (number := shared_number(*args)) is not None:
            return self.entrywise("multiply", number, self.entrywise(op, *(arg.args[1] for arg in args)))
        if op == "divide" and args[1].is_const:
            return self.entrywise("multiply", a, self.folded("divide", (self.const("1.0"), args[1])))
        if op == "multiply" and a.is_const and args[1].op == "multiply" and args[1].args[0].is_const:
            return self.entrywise(op, self.folded(op, (a, args[1].args[0])), args[1].args[1])
        if op == "power" and args[1].is_const:
            return self.power(a, args[1].params[0])
        if op in ("add", "multiply") and args[1].is_const:
            args = args[::-1]
        return self.make(op, args, shape)

    def floats(self, a: Value) -> Value:
        """A comparison as ones and zeros."""
        return self.make(a.op, a.args, a.shape, ("float",)) if a.flag else a

    def folded(self, op: str, args: tuple[Value, ...]) -> Value:
        """An operation on numbers, as source for Python to compute."""
        sign = {"add": "+", "subtract": "-", "multiply": "*", "divide": "/", "power": "**"}.get(op)
        if op == "multiply" and (one := next((k for k in (0, 1) if args[k].params == ("1.0",)), None)) is not None:
            return args[1 - one]
        texts = [in_brackets(a.params[0]) for a in args]
        if op == "negative":
            return self.const(texts[0][1:] if texts[0].startswith("-") else f"-{texts[0]}")
        return self.const(f" {sign} ".join(texts) if sign else f"np.{op}({', '.join(a.params[0] for a in args)})")

    def power(self, base: Value, exponent: str) -> Value:
        """x², x³ … as products, halves by a square root."""
        number = float(exponent.strip("()")) if NUMBER.match(exponent.strip("()")) else None
        if number is None or abs(number) > 16 or (2 * number) % 1:
            return self.make("power", (base, self.const(exponent)), base.shape)
        if number < 0:
            return self.entrywise("divide", self.const("1.0"), self.power(base, str(-number)))
        whole, made = int(number), None
        if number % 1:
            made = self.entrywise("sqrt", base)
        square = base
        while whole:
            if whole % 2:
                made = square if made is None else self.entrywise("multiply", made, square)
            whole //= 2
            square = self.entrywise("multiply", square, square) if whole else square
        return made or self.const("1.0")

    def ones(self, *shape: str) -> Value:
        return self.make("ones", (), shape)

    def total(self, a: Value, axes: tuple[int, ...], keepdims: bool) -> Value:
        """The sum over axes: a product with ones, or an inner product, where one fits."""
        rank = len(a.shape)
        axes = tuple(sorted(k % rank for k in axes))
        product = are_alike(a)
        if self.tuned and product and len(axes) == rank and not keepdims:
            if (order := a.layout) and all(arg.layout == order for arg in a.args):
                back = tuple(order.index(k) for k in range(rank))
                return self.make("vdot", tuple(self.transpose(arg, back) for arg in a.args), ())
            return self.make("vdot", a.args, ())
        if self.tuned and a.op in ("add", "subtract") and len(axes) == rank and not keepdims and all(are_alike(arg) for arg in a.args) \
                and a.args[0].shape == a.args[1].shape:
            return self.entrywise(a.op, *(self.total(arg, axes, False) for arg in a.args))  # two inner products
        if self.tuned and a.op == "multiply" and a.args[0].is_const:
            return self.entrywise("multiply", a.args[0], self.total(a.args[1], axes, keepdims))
        left = tuple(d for k, d in enumerate(a.shape) if k not in axes)
        kept = tuple("1" if k in axes else d for k, d in enumerate(a.shape)) if keepdims else left
        if self.tuned and product and axes == (rank - 1,) and rank > 1:
            return self.make("vecdot", a.args, kept, (keepdims,))
        if self.tuned and rank == 2 and len(axes) == 1 and "1" not in a.shape:
            made = (self.dot(self.ones(a.shape[0]), a) if axes == (0,) else self.dot(a, self.ones(a.shape[1])))
            return self.index(made, tuple("None" if k in axes else ":" for k in range(2))) if keepdims else made
        if self.tuned and rank > 2 and not keepdims and (made := self.gemv(a, axes)) is not None:
            return made
        return self.make("sum", (a,), kept, (axes, keepdims))

    def gemv(self, a: Value, axes: tuple[int, ...]) -> Value | None:
        """The sum over axes that lie behind all others in memory, or before them, as a matrix by a vector of ones."""
        order = a.layout or tuple(range(len(a.shape)))
        inner = tuple(order.index(k) for k in range(len(order)))  # the axes as they lie in memory
        count = len(inner) - len(axes)
        left, right = (inner[:count], inner[count:]), (inner[len(axes):], inner[:len(axes)])
        if a.op in VIEWS or a.op == "input" or not count:
            return None
        for (kept, gone), last in ((left, True), (right, False)):
            if set(gone) == set(axes) and kept == tuple(sorted(kept)):
                shape = tuple(size_product(tuple(a.shape[k] for k in group)) for group in (kept, gone))
                flat = self.reshape(self.transpose(a, inner), shape if last else shape[::-1])
                made = self.dot(flat, self.ones(shape[1])) if last else self.dot(self.ones(shape[1]), flat)
                return self.reshape(made, tuple(a.shape[k] for k in kept))
        return None

    def largest(self, a: Value, axis: int, keepdims: bool) -> Value:
        rank = len(a.shape)
        kept = tuple(d if k != axis % rank else "1" for k, d in enumerate(a.shape) if keepdims or k != axis % rank)
        return self.make("max", (a,), kept, (axis % rank, keepdims))

    def dot(self, a: Value, b: Value) -> Value:
        """`a @ b`; a number waits until the product is made where that has fewer entries to multiply."""
        if (made := self.rows(a, b)) is not None:
            return made
        if self.tuned:
            for k, arg in enumerate((a, b)):
                number, rest = self.unscaled(arg)
                if number is not None:
                    made = self.dot(*((rest, b) if k == 0 else (a, rest)))
                    if entries(made.shape) < entries(arg.shape):
                        return self.entrywise("multiply", number, made)
        if len(a.shape) > 2 or len(b.shape) > 2:
            lead = stretch(a.shape[:-2], b.shape[:-2])
            return self.make("matmul", (a, b), (*lead, a.shape[-2], b.shape[-1]))
        if self.tuned and len(a.shape) == len(b.shape) == 1:
            return self.make("vdot", (a, b), ())
        return self.make("dot", (a, b), a.shape[:-1] + b.shape[1:])

    def product(self, a: Value, b: Value, spell: str) -> Value | None:
        """What `np.einsum(spell, a, b)` is without it, for graphs that know better."""
        return None

    def rows(self, a: Value, b: Value) -> Value | None:
        """A one-hot matrix times another takes rows of that, its transpose adds rows where they belong."""
        if is_one_hot(a) and len(b.shape) < 3:
            return self.make("routine", (a.args[0], b), (*a.shape[:-1], *b.shape[1:]), ("take_rows", ""))
        if is_one_hot(b) and len(b.shape) == 1 and len(a.shape) == 2:
            return self.make("routine", (b.args[0], self.transpose(a, (1, 0))), a.shape[:1], ("take_rows", ""))
        if a.op == "transpose" and len(a.shape) == 2 and is_one_hot(a.args[0]) and len(b.shape) < 3:
            wide = b if len(b.shape) == 2 else self.index(b, (":", "None"))
            shape = (a.shape[0], wide.shape[1])
            made = self.make("routine", (a.args[0].args[0], wide), shape, ("add_rows", ", ".join(shape)))
            return self.reshape(made, (a.shape[0], *b.shape[1:]))
        return None

    def unscaled(self, a: Value) -> tuple[Value | None, Value]:
        """A number and what it multiplies, as seen through views."""
        if a.op == "multiply" and a.args[0].is_const:
            return a.args[0], a.args[1]
        if a.op not in ("transpose", "reshape"):
            return None, a
        number, rest = self.unscaled(a.args[0])
        if number is None:
            return None, a
        return number, self.transpose(rest, *a.params) if a.op == "transpose" else self.reshape(rest, a.shape)

    def transpose(self, a: Value, order: tuple[int, ...]) -> Value:
        if a.op == "transpose":
            a, order = a.args[0], tuple(a.params[0][k] for k in order)
        if order == tuple(range(len(order))):
            return a
        return self.make("transpose", (a,), tuple(a.shape[k] for k in order), (order,))

    def reshape(self, a: Value, shape: Dims) -> Value:
        """A view where the entries lie in order, else a copy."""
        if a.shape == shape:
            return a
        if is_one_hot(a) and shape[-1] == a.shape[-1]:
            return self.make("routine", (self.reshape(a.args[0], shape[:-1]),), shape, a.params)
        inner = a
        if a.op == "transpose" and tuple(a.args[0].layout[k] for k in a.params[0] if a.args[0].layout) == tuple(range(len(a.shape))):
            return self.make("reshape", (a,), shape)
        while inner.op in ROWS:
            inner = inner.args[0]
        return self.make("gather" if inner.op in VIEWS or inner.op == "input" and inner is not a else "reshape", (a,), shape)

    def index(self, a: Value, parts: tuple[str, ...]) -> Value:
        """`a[:, None]` and the like: new axes of size 1 among the old ones, or a whole number that picks an entry."""
        shape, at = [], 0
        for part in parts:
            if part == "None":
                shape.append("1")
                continue
            if part == ":":
                shape.append(a.shape[at])
            at += 1
        return self.make("index", (a,), (*shape, *a.shape[at:]), parts)
