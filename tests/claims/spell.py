"""Trees as text: Python syntax, and LaTeX in which vectors are columns; `as_matrices` takes the one kind of tree to the other."""

from __future__ import annotations

from fractions import Fraction

from .tree import Node, Shapes, op, shape_of

LEVEL = {"add": 1, "sub": 1, "neg": 2, "mul": 3, "matmul": 3, "div": 3, "above": 0, "pow": 5}
SIGN = {"add": "+", "sub": "-", "mul": "*", "matmul": "@", "div": "/", "above": ">", "pow": "**"}
TEX_FUNCTION = {"sigmoid": r"\sigma", "tanh": r"\tanh", "exp": r"\exp", "log": r"\log", "relu": r"\operatorname{ReLU}", "sin": r"\sin", "cos": r"\cos",
                "softplus": r"\operatorname{softplus}", "cosh": r"\cosh", "sinh": r"\sinh", "sign": r"\operatorname{sign}", "sqrt": r"\sqrt"}


class Python:
    """Python syntax under a table of names."""

    def __init__(self, names: dict[str, str], loss: str = "C") -> None:
        self.names, self.loss = names, names.get(loss, loss)

    def spell(self, node: Node) -> str:
        parts = node.parts
        match node.op:
            case "name":
                return self.names.get(node.value, node.value)
            case "grad":
                return f"grad({self.loss}, {self.names.get(node.value, node.value)})"
            case "num":
                return plain(node.value)
            case "size":
                return node.value
            case "ones":
                return f"ones({node.value})"
            case "slope":
                return self.spell(parts[0])
            case "T":
                return self.tight(parts[0]) + ".T"
            case "neg":
                return "-" + self.inside(parts[0], 3)
            case "outer" | "diag" | "trace" | "call":
                function = node.value if node.op == "call" else node.op
                return f"{function}({', '.join(self.spell(p) for p in parts)})"
            case "sum" | "softmax":
                return f"{node.op}({self.spell(parts[0])}{'' if node.value is None else f', axis={node.value}'})"
        a, b = parts
        level = LEVEL[node.op]
        mixed = node.op in ("mul", "div") and bare(a).op == "matmul" or node.op == "matmul" and bare(a).op in ("mul", "div")
        left = f"({self.spell(a)})" if mixed else self.inside(a, level + (node.op == "pow"))
        right = self.inside(b, level + (node.op not in ("add",)) - (node.op == "mul" and bare(b).op == "mul"))
        return f"{left}{'**' if node.op == 'pow' else f' {SIGN[node.op]} '}{right}"

    def inside(self, node: Node, level: int) -> str:
        inner = bare(node)
        fraction = inner.op == "num" and "/" in plain(inner.value)
        return f"({self.spell(node)})" if LEVEL.get(inner.op, 9) < level or fraction and level > 1 else self.spell(node)

    def tight(self, node: Node) -> str:
        return self.spell(node) if bare(node).op not in LEVEL else f"({self.spell(node)})"


def bare(node: Node) -> Node:
    return bare(node.parts[0]) if node.op == "slope" else node


def plain(value: Fraction | str) -> str:
    if isinstance(value, str):
        return value
    return str(value.numerator) if value.denominator == 1 else f"{value.numerator} / {value.denominator}"


class Tex:
    """LaTeX under a table of names."""

    def __init__(self, names: dict[str, str], loss: str = "C", had: str = r"\odot", top: str = r"^\top") -> None:
        self.names, self.loss, self.had, self.top = names, names.get(loss, loss), had, top

    def name(self, text: str) -> str:
        return self.names.get(text, text)

    def spell(self, node: Node) -> str:
        parts = node.parts
        match node.op:
            case "name":
                return self.name(node.value)
            case "grad":
                return rf"\frac{{\partial {self.loss}}}{{\partial {self.name(node.value)}}}"
            case "num":
                return tex_number(node.value)
            case "size":
                return node.value
            case "ones":
                return r"\mathbf{1}"
            case "slope":
                return self.spell(parts[0])
            case "T":
                inner = bare(parts[0])
                simple = inner.op in ("name", "ones") and "^" not in self.spell(inner)
                return (self.spell(inner) if simple else f"({self.spell(inner)})") + self.top
            case "neg":
                return "-" + self.inside(parts[0], 3)
            case "call" if node.value == "sqrt":
                return rf"\sqrt{{{self.spell(parts[0])}}}"
            case "call":
                return f"{TEX_FUNCTION[node.value]}({self.spell(parts[0])})"
            case "prime":
                return f"{TEX_FUNCTION[node.value]}'({self.spell(parts[0])})"
            case "softmax":
                rows = {None: "", 1: r"_{\text{rows}}", 0: r"_{\text{cols}}"}[node.value]
                return rf"\operatorname{{softmax}}{rows}({self.spell(parts[0])})"
            case "diag" | "trace":
                return rf"\operatorname{{{'tr' if node.op == 'trace' else 'diag'}}}({self.spell(parts[0])})"
        return self.joined(node)

    def joined(self, node: Node) -> str:
        a, b = node.parts
        match node.op:
            case "div":
                return rf"\frac{{{self.spell(a)}}}{{{self.spell(b)}}}"
            case "pow":
                inner = bare(a)
                simple = inner.op == "name" and "^" not in self.spell(inner)
                return f"{self.spell(inner) if simple else f'({self.spell(inner)})'}^{{{self.spell(b)}}}"
            case "above":
                return rf"\mathbf{{1}}[{self.spell(a)} > {self.spell(b)}]"
            case "add" | "sub":
                return f"{self.spell(a)} {SIGN[node.op]} {self.inside(b, 1 if node.op == 'add' else 2)}"
            case "mul" if not is_number(a):
                return f"{self.inside(a, 3)} {self.had} {self.inside(b, 3)}"
        left, right = self.inside(a, 3, product=node.op == "matmul"), f"({self.spell(b)})" if bare(b).op == "matmul" else self.inside(b, 3, product=True)
        return f"{left} {right}" if not right[0].isdigit() else rf"{left} \cdot {right}"

    def inside(self, node: Node, level: int, product: bool = False) -> str:
        inner = bare(node)
        low = LEVEL.get(inner.op, 9) < level and inner.op != "above"
        return f"({self.spell(node)})" if low or product and inner.op == "mul" and not is_number(inner.parts[0]) else self.spell(node)


def is_number(node: Node) -> bool:
    """A number, a size, or a fraction of them."""
    node = bare(node)
    return node.op in ("num", "size") or node.op in ("div", "neg", "mul", "pow") and all(is_number(p) for p in node.parts)


def tex_number(value: Fraction | str) -> str:
    if isinstance(value, str):
        return value
    return str(value.numerator) if value.denominator == 1 else rf"\frac{{{value.numerator}}}{{{value.denominator}}}"


def as_matrices(node: Node, shapes: Shapes) -> Node:
    """The tree in which vectors are columns: outer products, sums over axes and stretched biases as products with ones."""
    ranks = [shape_of(p, shapes) for p in node.parts]
    parts = tuple(as_matrices(p, shapes) for p in node.parts)
    match node.op:
        case "outer":
            return op("matmul", parts[0], op("T", parts[1]))
        case "matmul" if len(ranks[0]) == 1:
            return op("matmul", op("T", parts[0]), parts[1]) if len(ranks[1]) == 1 else op("matmul", op("T", parts[1]), parts[0])
        case "sum":
            return summed(node, parts[0], ranks[0])
        case "add" | "sub" if len(ranks[0]) == 2 and len(ranks[1]) == 1:
            return op(node.op, parts[0], op("matmul", op("ones", value=ranks[0][0]), op("T", parts[1])))
        case "mul" if not ranks[1] and ranks[0]:
            return Node("mul", parts[::-1], None) if is_number(parts[1]) else op("matmul", *parts)
        case "mul" if not ranks[0] and not is_number(parts[0]):
            return op("matmul", *parts)
    return Node(node.op, parts, node.value)


def summed(node: Node, inner: Node, shape: tuple[str, ...]) -> Node:
    ones = [op("ones", value=s) for s in shape]
    if len(shape) == 1:
        return op("matmul", op("T", ones[0]), inner)
    match node.value:
        case None:
            return op("matmul", op("matmul", op("T", ones[0]), inner), ones[1])
        case 0:
            return op("matmul", op("T", inner), ones[0])
    return op("matmul", inner, ones[1])
