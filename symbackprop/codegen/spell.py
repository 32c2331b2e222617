"""Array instructions as lines that people read: one line an equation, what is read once written where it is read.

The same instructions come out for NumPy, JAX and PyTorch; a `Dialect` holds what differs. Lines that would be wider than
`WIDTH` are cut by naming parts.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field

from ..errors import UnsupportedError
from .arrays import FLAGS, VIEWS, Value
from .layout import WIDTH
from .scalars import ATOM, MATMUL, NEGATIVE, POWER, PRODUCT, SUM, Code

FLAG = -1  # a comparison binds less than a sum
SIGNS = {"add": "+", "subtract": "-", "multiply": "*", "divide": "/", "greater": ">", "less": "<", "greater_equal": ">=",
         "less_equal": "<=", "equal": "==", "not_equal": "!=", "bitwise_and": "&", "bitwise_or": "|"}
MATH = {"arcsin": "asin", "arccos": "acos", "arctan": "atan", "arcsinh": "asinh", "arccosh": "acosh", "arctanh": "atanh",
        "maximum": "max", "minimum": "min", "absolute": "abs"}
BUILTIN = frozenset({"max", "min", "abs"})
NUMPY_NAME = re.compile(r"\bnp\.(\w+)")
Squared = tuple[Value, Value]
HELD = re.compile(r"\{(\d)\}[\[.]")


@dataclass(frozen=True)
class Dialect:
    """How one array library is written. `module` is the name that it goes by.

    `helpers`: function -> its spelling here, `{0}` the array, `{1}` the axis; `renamed`: NumPy's name -> the name here;
    `only_arrays`: its functions take no Python numbers; `flips`: its slices do not run backwards; the rest are templates.
    """

    module: str
    helpers: dict[str, str] = field(default_factory=dict)
    renamed: dict[str, str] = field(default_factory=dict)
    only_arrays: bool = False
    made: str = "dtype=dtype"
    cast: str = ".astype(dtype)"
    largest: str = "{0}.max(axis={1}{2})"
    keepdims: str = "keepdims"
    permuted: str = "{0}.transpose{1}"
    einsum: str = ""
    number: str = "np.array({0}, dtype)"
    own: str = "{0}.copy()"
    inner: str = "np.vdot({0}, {1})"
    flips: bool = False


class Speller:
    """Writes values. `names` are those that have a name already, `labels` those that will get one.

    `mentioned` collects the named ones that are read.
    """

    def __init__(self, dialect: Dialect, order: list[Value], results: Iterable[Value], names: dict[Value, str],
                 fresh: Callable[[str], str], indent: int = 4) -> None:
        self.dialect, self.names, self.fresh, self.indent = dialect, dict(names), fresh, indent
        self.functions: frozenset[str] = frozenset()
        self.labels: dict[Value, str] = {}
        self.codes: dict[Value, Code] = {}
        self.reads: dict[Value, int] = dict.fromkeys(order, 0)
        self.mentioned: dict[Value, None] = {}
        self.lines: list[str] = []
        for value in order:
            args = value.args[:1] if squares(value) else value.args
            for arg in args:
                self.reads[arg] += 1
        for value in results:
            self.reads[value] += 1

    def equation(self, name: str, value: Value) -> list[str]:
        """The lines of a named value; none where it is a number or has a name."""
        self.lines = []
        if value in self.reads and value not in self.names and not value.is_const:
            self.name(value, name)
        return self.lines

    def name(self, value: Value, name: str = "") -> None:
        """Give a value a line of its own, after those of its parts."""
        name = name or self.labels.get(value) or self.fresh("t1")
        code = self.narrowed(value, WIDTH - self.indent - 3 - len(name))
        self.lines.append(hugged(f"{name} = {code.text}"))
        self.names[value] = name

    def narrowed(self, value: Value, room: int) -> Code:
        """The spelling of a value, parts of it named until it fits."""
        code = self.codes.get(value) or self.spelled(value)
        while len(code.text) > room:
            parts = [a for a in value.args if a not in self.names and a in self.codes and len(self.codes[a].text) > 12]
            if not parts:
                break
            self.name(max(parts, key=lambda a: len(self.codes[a].text)))
            code = self.spelled(value)
        self.codes[value] = code
        return code

    def read(self, value: Value) -> Code:
        """A value where it is read."""
        if value not in self.names and self.reads.get(value, 0) > 1 and not self.light(value):
            self.name(value)
        if value in self.names:
            self.mentioned.setdefault(value)
            return Code(self.names[value], ATOM)
        return self.narrowed(value, WIDTH - self.indent - 16)

    def light(self, value: Value) -> bool:
        """Whether it costs nothing to write it again."""
        return value.is_const or value.op in ("ones", "eye") or value.op in VIEWS and (
            value.args[0] in self.names or value.args[0].op in VIEWS and self.light(value.args[0]))

    def result(self, value: Value, taken: set[Value]) -> str:
        """A value as something that the caller may keep and write to."""
        text = self.read(value)
        if value.is_const:
            return self.dialect.number.format(text.text)
        shares = value.op in ("input", "call", "gather", "routine") or value.op in VIEWS or value in taken or broadcasts(value) \
            or value.op == "einsum" and len(value.args) == 1
        taken.add(value)
        return self.dialect.own.format(text.wrap()) if shares else text.text

    def spelled(self, value: Value) -> Code:
        if value.is_const:
            return self.constant(value.params[0])
        if value.op in SIGNS or value.op == "negative":
            return self.signed(value)
        if value.op in ("dot", "matmul"):
            left, right = map(self.read, value.args)
            head = left.text if left.level == MATMUL else left.wrap(POWER)
            return Code(f"{head} @ {right.wrap(POWER)}", MATMUL)
        if value.op == "power":
            base, exponent = map(self.read, value.args)
            return Code(f"{base.wrap()} ** {exponent.wrap(ATOM)}", POWER)
        return Code(self.called(value), ATOM)

    def signed(self, value: Value) -> Code:
        """A sign between two values, or before one."""
        op, args = value.op, value.args
        if op == "negative":
            return Code(f"-{self.read(args[0]).wrap(POWER)}", NEGATIVE)
        if op in FLAGS:
            level = SUM if op in ("greater", "less", "greater_equal", "less_equal", "equal", "not_equal") else ATOM
            made = Code(f" {SIGNS[op]} ".join(self.read(a).wrap(level) for a in args), FLAG)
            return Code(f"{made.wrap()}{self.dialect.cast}", ATOM) if value.params else made
        if op == "multiply":
            return self.product(value)
        a, b = map(self.read, args)
        if op == "divide":
            return Code(f"{a.text if a.level == PRODUCT else a.wrap(POWER)} / {b.wrap(POWER)}", PRODUCT)
        if b.level == NEGATIVE:
            op, b = ("subtract" if op == "add" else "add"), Code(b.text[1:], PRODUCT)
        right = b.wrap(MATMUL) if op == "subtract" or b.level < SUM else b.text
        return Code(f"{a.wrap(SUM)} {SIGNS[op]} {right}", SUM)

    def product(self, value: Value) -> Code:
        a, b = value.args
        if squares(value):
            return Code(f"{self.read(a).wrap()} ** 2", POWER)
        if a.is_const:
            return self.scaled(a.params[0], self.read(b))
        if broadcasts(value):
            return Code(self.called(value), ATOM)
        if outer(value):
            texts = ", ".join(self.read(x.args[0]).text for x in (a, b))
            return Code(f"{self.dialect.module}.outer({texts})", ATOM)
        codes = [self.comparison(x) if x.op in FLAGS and x.params and y.op not in FLAGS else self.read(x)
                 for x, y in ((a, b), (b, a))]
        left = codes[0].text if codes[0].level == PRODUCT else codes[0].wrap(POWER)
        plain = codes[1].level == PRODUCT and a.shape == b.shape and "/" not in codes[1].text
        return Code(f"{left} * {codes[1].text if plain else codes[1].wrap(POWER)}", PRODUCT)

    def comparison(self, value: Value) -> Code:
        """Ones and zeros that may stay booleans, since they multiply numbers."""
        if value in self.names or self.reads.get(value, 0) > 1:
            return self.read(value)
        return self.signed(Value(value.op, value.args, (), value.shape))

    def scaled(self, number: str, body: Code) -> Code:
        """A number times a value; what divides stands behind it."""
        factor = self.constant(number)
        if factor.level == NEGATIVE and body.level != NEGATIVE:
            positive = self.scaled(number.lstrip("-").strip(), body) if number.startswith("-") else None
            if positive is not None and in_one_piece(number):
                return Code(f"-{positive.text}", NEGATIVE)
        tree = ast.parse(factor.text, mode="eval").body
        text = body.text if body.level == PRODUCT else body.wrap(POWER)
        if isinstance(tree, ast.BinOp) and isinstance(tree.op, ast.Div):
            top, below = ast.unparse(tree.left), ast.unparse(tree.right)
            below = below if isinstance(tree.right, ast.Name | ast.Constant | ast.Call | ast.Attribute) else f"({below})"
            return Code(f"{text} / {below}" if top == "1.0" else f"{top} * {text} / {below}", PRODUCT)
        return Code(f"{factor.wrap(POWER)} * {text}", PRODUCT)

    def constant(self, text: str) -> Code:
        """A Python number: library functions of numbers are those of `math`, so that single precision stays single."""
        def put(found: re.Match) -> str:
            if found[1] in ("finfo", "dtype"):
                return f"{self.dialect.module}.{found[1]}"
            name = MATH.get(found[1], found[1])
            return name if name in BUILTIN else f"math.{name}"
        tree = ast.parse(NUMPY_NAME.sub(put, text), mode="eval").body
        kinds = {ast.Add: SUM, ast.Sub: SUM, ast.Mult: PRODUCT, ast.Div: PRODUCT, ast.Pow: POWER}
        level = kinds[type(tree.op)] if isinstance(tree, ast.BinOp) else NEGATIVE if isinstance(tree, ast.UnaryOp) else ATOM
        return Code(ast.unparse(tree), level)

    def array(self, value: Value, least: int = FLAG) -> str:
        """An argument of a function, as an array where the library wants one."""
        if value.is_const and self.dialect.only_arrays:
            return self.dialect.number.format(self.read(value).text)
        return self.read(value).wrap(least)

    def called(self, value: Value) -> str:
        """What is spelled as a call or a method."""
        dialect, module, args = self.dialect, self.dialect.module, value.args
        match value.op:
            case "ones":
                return f"{module}.ones({shape_text(value)}, {dialect.made})"
            case "concat":
                return f"{module}.concatenate(({', '.join(map(self.array, args))}), axis={value.params[0]})"
            case "eye":
                return f"{module}.eye({value.shape[0]}, {dialect.made})"
            case "multiply":
                return f"{module}.broadcast_to({self.array(args[1])}, {shape_text(value)})"
            case "sum" if self.inner(args[0], value):
                return dialect.inner.format(*(self.read(a).text for a in args[0].args))
            case "sum":
                axes, keep = value.params
                every = len(axes) == len(args[0].shape) and not keep
                said = [] if every else [f"axis={axes[0] if len(axes) == 1 else axes}"] + ["keepdims=True"] * keep
                return f"{self.read(args[0]).wrap()}.sum({', '.join(said)})"
            case "max":
                keep = f", {dialect.keepdims}=True" * value.params[1]
                return dialect.largest.format(self.read(args[0]).wrap(), value.params[0], keep)
            case "transpose":
                order, inner = value.params[0], self.read(args[0]).wrap()
                return f"{inner}.T" if order == (1, 0) else dialect.permuted.format(inner, order)
            case "index":
                return f"{self.read(args[0]).wrap()}[{', '.join(value.params)}]"
            case "slice":
                return self.sliced(self.read(args[0]).wrap(), value.params[0])
            case "reshape" | "gather":
                return f"{self.read(args[0]).wrap()}.reshape({', '.join(value.shape)})"
            case "windows" | "routine":
                return self.routine(value)
            case "diagonal":
                return f"{module}.diagonal({self.read(args[0]).text})"
            case "einsum":
                best = dialect.einsum * (len(args) > 1)
                return f'{module}.einsum("{value.params[0]}", {", ".join(self.array(a) for a in args)}{best})'
            case "linalg":
                name, *more = value.params
                return f"{module}.linalg.{name}({', '.join([*map(self.array, args), *more])})" + "[1]" * (name == "slogdet")
            case "psum" | "pmax":
                return f"jax.lax.{value.op}({self.read(args[0]).text}, axis)"
            case "call" | "helper":
                return self.helper(value)
        if value.op == "where" and not dialect.only_arrays and all(a.is_const for a in args[1:]):
            return f"{module}.where({', '.join(self.read(a).text for a in args)}){dialect.cast}"
        return f"{module}.{dialect.renamed.get(value.op, value.op)}({', '.join(map(self.array, args))})"

    def sliced(self, array: str, index: str) -> str:
        """Entries of an array; an axis that is read backwards is turned round where slices cannot."""
        parts = index.split(", ")
        kept = [k for k, part in enumerate(parts) if ":" in part]
        back = [k for k in kept if self.dialect.flips and part_step(parts[k]) < 0]
        if not back:
            return f"{array}[{spaced(index)}]"
        after = [":"] * len(kept)
        for k in back:
            after[kept.index(k)] = f"::{-part_step(parts[k])}" if part_step(parts[k]) < -1 else ":"
            parts[k] = forwards(parts[k])
        made = array if set(parts) == {":"} else f"{array}[{spaced(', '.join(parts))}]"
        made = f"{made}.flip({', '.join(str(kept.index(k)) for k in back)})"
        return made if set(after) == {":"} else f"{made}[{', '.join(after)}]"

    def inner(self, product: Value, total: Value) -> bool:
        """Whether a sum is an inner product that nothing else reads."""
        return bool(self.dialect.inner) and product.op == "multiply" and not total.shape and not total.params[1] \
            and product not in self.names and self.reads.get(product, 0) == 1 and not squares(product) \
            and product.args[0].shape == product.args[1].shape and bool(product.args[0].shape)

    def routine(self, value: Value) -> str:
        """A function of an array and of sizes, which the other libraries may lack."""
        name, rest = value.params
        if self.dialect.module != "np" and name not in self.dialect.helpers:
            raise UnsupportedError(f"{name.removeprefix('np.')} has no spelling for this target; numpy has one")
        template = self.dialect.helpers.get(name, f"{name}({{0}})")
        read = [self.read(a) for a in value.args]
        held = {int(k) for k in HELD.findall(template)}  # what is indexed or has a method called is one operand
        args = [*(code.wrap() if k in held else code.text for k, code in enumerate(read, 1)), *([rest] if rest else [])]
        return template.format(", ".join(args), *args)

    def helper(self, value: Value) -> str:
        name, *more = value.params
        args = [self.array(a) for a in value.args] + [str(m) for m in more]
        spelling = self.dialect.helpers.get(name)
        if self.dialect.module != "np" and not spelling and name not in self.functions:
            raise UnsupportedError(f"{name.removeprefix('np.')} has no spelling for this target; numpy has one")
        return spelling.format(*args) if spelling else f"{name}({', '.join(args)})"


def squares(value: Value) -> bool:
    return value.op == "multiply" and value.args[0] is value.args[1]


def broadcasts(value: Value) -> bool:
    """Ones times an array: the array repeated."""
    return value.op == "multiply" and value.args[0].op == "ones" and not value.args[1].is_const


def outer(value: Value) -> bool:
    a, b = value.args
    return a.op == b.op == "index" and (a.params, b.params) == ((":", "None"), ("None", ":")) \
        and len(a.args[0].shape) == len(b.args[0].shape) == 1


def in_one_piece(number: str) -> bool:
    """Whether the minus in front is that of all of it."""
    return isinstance(ast.parse(number, mode="eval").body, ast.UnaryOp)


def spaced(index: str) -> str:
    """Slices with spaces around the colon where an end is more than a word, as formatters have it."""
    parts = []
    for part in index.split(", "):
        ends = part.split(":")
        plain = all(re.fullmatch(r"-?[\w.]*", end) for end in ends)
        parts.append(part if plain else " : ".join(ends).replace(" :  :", " ::").strip())
    return ", ".join(parts)


def part_step(part: str) -> int:
    """The step of a slice."""
    step = (part.split(":") + ["", ""])[2].replace(" ", "")
    return int(step) if step else 1


def forwards(part: str) -> str:
    """The stretch that a slice with a negative step runs through, from its lower end on."""
    first, last, _ = (end.strip() for end in part.split(":"))
    low = f"{last} + 1" if last and not last.isdigit() else str(int(last) + 1) if last else ""
    high = f"{first} + 1" if first and not first.isdigit() else str(int(first) + 1) if first else ""
    return f"{low}:{high}"


def shape_text(value: Value) -> str:
    return f"({value.shape[0]},)" if len(value.shape) == 1 else f"({', '.join(value.shape)})"


def hugged(line: str) -> str:
    """Powers of plain names and numbers without spaces, as formatters have it."""
    return re.sub(r"(?<![\w.)\]])([\w.]+) \*\* (-?[\w.]+)(?![\w.(\[])", r"\1**\2", line)
