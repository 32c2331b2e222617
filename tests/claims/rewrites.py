"""Rewrites that keep a formula right: one row for each law, tried at every part of a tree."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from random import Random

from .context import ONE, Context, prime, slopes
from .spell import is_number
from .tree import Node, neg, op, transposed

Law = Callable[[Node, Context], Iterator[Node]]
LINEAR = ("mul", "matmul", "outer", "div")


def expanded(node: Node, at: Context) -> Iterator[Node]:
    """a (b + c) as a b + a c."""
    if node.op in LINEAR:
        a, b = node.parts
        if a.op in ("add", "sub") and at.shape(a.parts[0]) == at.shape(a.parts[1]):
            yield op(a.op, op(node.op, a.parts[0], b), op(node.op, a.parts[1], b))
        if b.op in ("add", "sub") and node.op != "div" and at.shape(b.parts[0]) == at.shape(b.parts[1]):
            yield op(b.op, op(node.op, a, b.parts[0]), op(node.op, a, b.parts[1]))
        if node.op == "mul" and b.op == "slope" and b.parts[0].op == "sub" and b.parts[0].parts[0] == ONE:
            yield op("sub", a, op("mul", a, b.parts[0].parts[1]))
    if node.op == "T" and node.parts[0].op in ("add", "sub"):
        inner = node.parts[0]
        yield op(inner.op, *(p if is_number(p) else transposed(p) for p in inner.parts))


def factored(node: Node, at: Context) -> Iterator[Node]:
    """a b + a c as a (b + c)."""
    if node.op in ("add", "sub"):
        a, b = node.parts
        if a.op == b.op and a.op in LINEAR:
            if a.parts[1] == b.parts[1]:
                yield op(a.op, op(node.op, a.parts[0], b.parts[0]), a.parts[1])
            if a.parts[0] == b.parts[0] and a.op != "div":
                yield op(a.op, a.parts[0], op(node.op, a.parts[1], b.parts[1]))


def commuted(node: Node, at: Context) -> Iterator[Node]:
    if node.op == "add" or node.op == "mul" and not any(is_number(p) for p in node.parts):
        yield op(node.op, *node.parts[::-1])
    if node.op == "sub":
        yield neg(op("sub", *node.parts[::-1]))
    if node.op == "mul" and node.parts[0].op == "mul":
        (a, b), c = node.parts[0].parts, node.parts[1]
        yield op("mul", a, op("mul", b, c))


def transposes(node: Node, at: Context) -> Iterator[Node]:
    """Transposes pushed into products and pulled out of them."""
    shape = at.shape(node)
    if node.op == "T" and node.parts[0].op == "matmul":
        a, b = node.parts[0].parts
        yield op("matmul", transposed(b), transposed(a))
    if node.op == "matmul" and shape is not None and len(shape) == 2 and all(len(at.shape(p) or ()) == 2 for p in node.parts):
        a, b = node.parts
        yield op("T", op("matmul", transposed(b), transposed(a)))
    if node.op == "outer":
        yield op("T", op("outer", *node.parts[::-1]))
    if node.op == "mul" and shape is not None and len(shape) == 2 and "1" not in shape and all(at.shape(p) == shape for p in node.parts):
        yield op("T", op("mul", *(transposed(p) for p in node.parts)))


def diagonals(node: Node, at: Context) -> Iterator[Node]:
    """v ⊙ w as diag(v) w."""
    is_vector = lambda p: (s := at.shape(p)) is not None and (len(s) == 1 or len(s) == 2 and s[1] == "1")
    if node.op == "mul" and all(is_vector(p) for p in node.parts):
        a, b = node.parts
        yield op("matmul", op("diag", b), a)
        yield op("matmul", op("diag", a), b)


def regrouped(node: Node, at: Context) -> Iterator[Node]:
    """(A B) c as A (B c); A (b cᵀ) as (A b) cᵀ."""
    if node.op == "matmul":
        a, b = node.parts
        tries = []
        if a.op == "matmul":
            tries.append(op("matmul", a.parts[0], op("matmul", a.parts[1], b)))
        if b.op == "matmul":
            tries.append(op("matmul", op("matmul", a, b.parts[0]), b.parts[1]))
        if b.op == "outer":
            tries.append(op("outer", op("matmul", a, b.parts[0]), b.parts[1]))
        yield from (t for t in tries if at.shape(t) == at.shape(node) and all(at.shape(p) for p in t.parts) and proper(t, at))
    if node.op == "outer" and node.parts[0].op == "matmul":
        (a, b), c = node.parts[0].parts, node.parts[1]
        if len(at.shape(a) or ()) == 2:
            yield op("matmul", a, op("outer", b, c))


def proper(node: Node, at: Context) -> bool:
    """Every product in it is one of matrices with matrices or vectors, inner sizes alike."""
    for _, part in node.walk():
        if part.op == "matmul":
            a, b = (at.shape(p) for p in part.parts)
            if not a or not b or len(a) == 1 or a[-1] != b[0]:
                return False
    return True


def activations(node: Node, at: Context) -> Iterator[Node]:
    """f′ in another of its spellings."""
    if node.op == "slope":
        for function, z, h in at.activations:
            known = slopes(function, z, h)
            if node.parts[0] in known:
                yield from (op("slope", form) for form in known if form != node.parts[0])
                if at.matrices and function in ("sigmoid", "tanh", "sin"):
                    yield op("slope", prime(function, z))


def written_out(node: Node, at: Context) -> Iterator[Node]:
    """A name as what defines it."""
    if node.op == "name" and node.value in at.definitions and not any(n.op == "softmax" for _, n in at.definitions[node.value].walk()):
        yield at.definitions[node.value]


def traces(node: Node, at: Context) -> Iterator[Node]:
    """Factors under a trace turned round; inner products as traces."""
    if node.op == "trace" and node.parts[0].op == "matmul":
        a, b = node.parts[0].parts
        if len(at.shape(a) or ()) == len(at.shape(b) or ()) == 2:
            yield op("trace", op("matmul", b, a))
            yield op("trace", op("T", node.parts[0]))
    if node.op == "sum" and node.value is None and node.parts[0].op == "mul":
        a, b = node.parts[0].parts
        if len(at.shape(a) or ()) == len(at.shape(b) or ()) == 2:
            yield op("trace", op("matmul", op("T", a), b))
            yield op("trace", op("matmul", b, op("T", a)))
        elif len(at.shape(a) or ()) == len(at.shape(b) or ()) == 1:
            yield op("matmul", a, b)
    if node.op == "matmul" and at.shape(node) == () and not at.matrices:
        yield op("matmul", *node.parts[::-1])
        yield Node("sum", (op("mul", *node.parts),), None)


def numbers(node: Node, at: Context) -> Iterator[Node]:
    """Numbers moved through products; division as a factor."""
    if node.op == "div" and is_number(node.parts[1]) and not is_number(node.parts[0]):
        yield op("mul", op("div", ONE, node.parts[1]), node.parts[0])
        if node.parts[0].op in ("matmul", "outer"):
            a, b = node.parts[0].parts
            yield op(node.parts[0].op, op("div", a, node.parts[1]), b)
    if node.op == "mul" and is_number(node.parts[0]) and node.parts[1].op in ("matmul", "outer"):
        a, b = node.parts[1].parts
        yield op(node.parts[1].op, op("mul", node.parts[0], a), b)
    if node.op in ("matmul", "outer"):
        a, b = node.parts
        if a.op == "mul" and is_number(a.parts[0]):
            yield op("mul", a.parts[0], op(node.op, a.parts[1], b))
        if a.op == "div" and is_number(a.parts[1]):
            yield op("div", op(node.op, a.parts[0], b), a.parts[1])


LAWS: dict[str, Law] = {"expanded": expanded, "factored": factored, "commuted": commuted, "transposes pushed": transposes, "diag form": diagonals,
                        "regrouped": regrouped, "activation identity": activations, "written out": written_out, "trace rotation": traces, "numbers moved": numbers}


def rewritten(node: Node, at: Context, rng: Random, count: int) -> tuple[Node, list[str]]:
    """The tree after `count` random rewrites, and which they were."""
    done = []
    for _ in range(count):
        found = [(law, path, new) for law, row in LAWS.items() for path, part in node.walk() if not in_exponent(node, path) for new in row(part, at)]
        if not found:
            break
        law = rng.choice(sorted({f[0] for f in found}))
        _, path, new = rng.choice([f for f in found if f[0] == law])
        node = node.put(path, new)
        done.append(law)
    return node, done


def in_exponent(node: Node, path: tuple[int, ...]) -> bool:
    """Whether a part stands in an exponent, or is the 0 of an indicator."""
    for k in path:
        if node.op in ("pow", "above") and k == 1:
            return True
        node = node.parts[k]
    return False


