"""A random program in our own text language, in one of the spellings that the language allows.

The spelling (`sum(X, axis=0)`, `X.sum(axis=0)`, `np.sum(X, 0)`, spare brackets, `@` or
`matmul`) is drawn from the program's seed.
"""

from __future__ import annotations

import random
from fractions import Fraction

from .program import Dim, Input, Node, Program

PLACE = {"add": 1, "sub": 1, "mul": 2, "div": 2, "matmul": 2, "neg": 3, "pow": 4}
ATOM = 6
SIGN = {"add": "+", "sub": "-", "mul": "*", "div": "/", "matmul": "@", "pow": "**"}
IN_NUMPY = {"exp", "log", "sqrt", "abs", "sign", "sin", "cos", "tan", "tanh", "sinh", "cosh", "square",
            "maximum", "minimum", "where", "outer", "inner", "trace", "diag", "einsum", "eye", "dot"}
FACTS = {"positive": ("{x} > 0",), "unit": ("0 < {x}", "{x} < 1"), "symmetric": ("{x} == {x}.T",)}


def text(program: Program) -> str:
    """The program's source."""
    return _Writer(program).program()


def facts(item: Input) -> tuple[str, ...]:
    """What the text may rely on about an input's data."""
    if item.kind == "simplex":
        return (f"sum({item.name}) == 1" if len(item.shape) == 1 else f"sum({item.name}, axis=1) == 1",)
    return tuple(line.format(x=item.name) for line in FACTS.get(item.kind, ()))


class _Writer:
    def __init__(self, program: Program) -> None:
        self.source = program
        self.rng = random.Random(f"spelling {program.seed}")
        self.numpy = self.rng.choice((0.0, 0.0, 0.5, 1.0))

    def chance(self, share: float) -> bool:
        return self.rng.random() < share

    # statements

    def program(self) -> str:
        lines = [f"# random program {self.source.seed}"]
        lines += self.declarations()
        for item in self.source.inputs:
            lines += [f"fact: {fact}" for fact in facts(item)]
        for function in self.source.functions:
            lines.append(f"{function.name} = lambda {', '.join(function.parameters)}: {self.spell(function.body)}")
        for definition in self.source.definitions:
            note = "   # the loss" if definition.name == self.source.loss and self.chance(0.2) else ""
            lines.append(f"{definition.name} = {self.spell(definition.body)}{note}")
        return "\n".join(lines) + "\n"

    def declarations(self) -> list[str]:
        """One declaration a line, or several with semicolons."""
        lines: list[str] = []
        for item in self.source.inputs:
            inside = ", ".join(self.dim(dim) for dim in item.shape)
            part = f"{item.name}: R[{inside}]" if item.shape else f"{item.name}: R"
            if lines and self.chance(0.5):
                lines[-1] += "; " + part
            else:
                lines.append(part)
        return lines

    def dim(self, dim: Dim) -> str:
        """A name where the sizes are symbolic and some declaration mentions it, else a number."""
        return str(dim if dim in self.source.binding else self.source.number(dim))

    # expressions

    def spell(self, node: Node, least: int = 0) -> str:
        """The node, in brackets where its operator binds less than `least`, and now and then elsewhere."""
        place, body = self.body(node)
        return f"({body})" if place < least or (place < ATOM and self.chance(0.06)) else body

    def body(self, node: Node) -> tuple[int, str]:
        """How tightly the spelling binds, and the spelling."""
        maker = getattr(self, f"on_{node.op}", None)
        if maker is not None:
            return maker(node)
        if node.op in SIGN:
            return self.infix(node)
        return self.call(node.op, *(self.spell(arg) for arg in node.args))

    def infix(self, node: Node) -> tuple[int, str]:
        place, (left, right) = PLACE[node.op], node.args
        if node.op == "pow":
            return place, f"{self.spell(left, place + 1)}**{self.spell(right, PLACE['neg'])}"
        return place, f"{self.spell(left, place)} {SIGN[node.op]} {self.spell(right, place + 1)}"

    def call(self, name: str, *args: str) -> tuple[int, str]:
        prefix = "np." if name.split(".")[0] in IN_NUMPY | {"linalg"} and self.chance(self.numpy) else ""
        return ATOM, f"{prefix}{name}({', '.join(args)})"

    def numpy_call(self, name: str, *args: str) -> tuple[int, str]:
        """A call of a NumPy function whose name is no method here."""
        return ATOM, f"{'np.' if self.chance(self.numpy) else ''}{name}({', '.join(args)})"

    # leaves

    def on_num(self, node: Node) -> tuple[int, str]:
        value: Fraction = node.params[0]
        body = str(value.numerator) if value.denominator == 1 else repr(float(value))
        if value.denominator == 1 and self.chance(0.08):
            body += "."
        return (PLACE["neg"] if value < 0 else ATOM), body

    def on_ref(self, node: Node) -> tuple[int, str]:
        return ATOM, node.params[0]

    def on_size(self, node: Node) -> tuple[int, str]:
        return ATOM, self.dim(node.params[0])

    def on_eye(self, node: Node) -> tuple[int, str]:
        return self.call("eye", self.dim(node.shape[0]))

    # operators

    def on_neg(self, node: Node) -> tuple[int, str]:
        return PLACE["neg"], f"-{self.spell(node.args[0], PLACE['neg'])}"

    def on_matmul(self, node: Node) -> tuple[int, str]:
        if self.chance(0.12):
            return self.numpy_call("matmul", *(self.spell(arg) for arg in node.args))
        return self.infix(node)

    def on_dot(self, node: Node) -> tuple[int, str]:
        left, right = node.args
        if self.chance(0.4):
            return ATOM, f"{self.spell(left, ATOM)}.dot({self.spell(right)})"
        return self.call("dot", self.spell(left), self.spell(right))

    def on_T(self, node: Node) -> tuple[int, str]:
        style = self.rng.random()
        if style < 0.15:
            return self.numpy_call("transpose", self.spell(node.args[0]))
        if style < 0.25:
            return ATOM, f"{self.spell(node.args[0], ATOM)}.transpose()"
        return ATOM, f"{self.spell(node.args[0], ATOM)}.T"

    def on_transpose(self, node: Node) -> tuple[int, str]:
        axes = f"({', '.join(map(str, node.params))})"
        return self.numpy_call("transpose", self.spell(node.args[0]), axes)

    def on_newaxis(self, node: Node) -> tuple[int, str]:
        # Trailing plain axes may be dropped: x[None] is x[None, :].
        pattern = ["None" if item is None else ":" for item in node.params]
        if self.chance(self.numpy / 3):
            pattern = ["np.newaxis" if item == "None" else item for item in pattern]
        if pattern[0] == "None" and set(pattern[1:]) == {":"} and self.chance(0.15):
            pattern = pattern[:1]
        return ATOM, f"{self.spell(node.args[0], ATOM)}[{', '.join(pattern)}]"

    # reductions and axis-wise functions

    def reduce(self, node: Node) -> tuple[int, str]:
        axis, keep = node.params
        words = []
        if axis is not None:
            words.append(str(axis) if not keep and self.chance(0.15) else f"axis={axis}")
        if keep:
            words.append("keepdims=True")
        inside = self.spell(node.args[0], ATOM if (method := self.chance(0.4)) else 0)
        if method and not inside[0].isdigit():
            return ATOM, f"{inside}.{node.op}({', '.join(words)})"
        return self.numpy_call(node.op, inside, *words)

    on_sum = on_mean = on_var = reduce

    def axiswise(self, node: Node) -> tuple[int, str]:
        axis = node.params[0]
        rank = len(node.args[0].shape)
        default = axis in (-1, rank - 1) and self.chance(0.6)
        words = [] if default else [f"axis={axis}"]
        return ATOM, f"{node.op}({', '.join([self.spell(node.args[0]), *words])})"

    on_softmax = on_log_softmax = on_logsumexp = axiswise

    def on_einsum(self, node: Node) -> tuple[int, str]:
        spec = node.params[0] if self.chance(0.7) else node.params[0].replace(",", ", ").replace("->", " -> ")
        quote = self.rng.choice("'\"")
        return self.call("einsum", quote + spec + quote, *(self.spell(arg) for arg in node.args))

    def on_where(self, node: Node) -> tuple[int, str]:
        left, right, yes, no = (self.spell(arg) for arg in node.args)
        return self.call("where", f"{left} {node.params[0]} {right}", yes, no)

    # functions with options, and those with several names

    def option(self, node: Node, word: str, default: Fraction) -> tuple[int, str]:
        value = node.params[0]
        words = [] if value == default and self.chance(0.6) else [f"{word}={float(value):g}"]
        return ATOM, f"{node.op}({', '.join([self.spell(node.args[0]), *words])})"

    def on_leaky_relu(self, node: Node) -> tuple[int, str]:
        return self.option(node, "alpha", Fraction(1, 100))

    def on_elu(self, node: Node) -> tuple[int, str]:
        return self.option(node, "alpha", Fraction(1))

    def on_huber(self, node: Node) -> tuple[int, str]:
        return self.option(node, "delta", Fraction(1))

    def on_gelu_tanh(self, node: Node) -> tuple[int, str]:
        return ATOM, f"gelu({self.spell(node.args[0])}, approximate='tanh')"

    def on_norm(self, node: Node) -> tuple[int, str]:
        words = ["ord=1"] if node.params[0] == 1 else []
        return self.call(self.rng.choice(("norm", "linalg.norm")), self.spell(node.args[0]), *words)

    def on_inv(self, node: Node) -> tuple[int, str]:
        return self.call(self.rng.choice(("inv", "linalg.inv")), self.spell(node.args[0]))

    def on_det(self, node: Node) -> tuple[int, str]:
        return self.call(self.rng.choice(("det", "linalg.det")), self.spell(node.args[0]))

    def on_trace(self, node: Node) -> tuple[int, str]:
        if self.chance(0.2):
            return ATOM, f"{self.spell(node.args[0], ATOM)}.trace()"
        return self.call("trace", self.spell(node.args[0]))

    def on_call(self, node: Node) -> tuple[int, str]:
        return ATOM, f"{node.params[0]}({', '.join(self.spell(arg) for arg in node.args)})"
