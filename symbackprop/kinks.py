"""Functions with corners, written with one indicator 1[x > 0]: equal then means equal wherever no corner is hit."""

from __future__ import annotations

from .algebra import add, hadamard, negative, scale
from .algebra import contract
from .cells import filled
from .expr import Add, Contract, Expr, Map, function, rebuild, walk
from .ops import SCALAR_OPS

RELATIVE = {"gt": 1, "ge": 1, "lt": -1, "le": -1}
CORNERS = frozenset({"relu", "leaky_relu", "abs", "sign", "step", "maximum", "minimum", "ge", "le", "gt", "lt", "where", "elu"})


def has_kinks(root: Expr) -> bool:
    return any(type(node) is Map and node.function.name in CORNERS for node in walk(root))


def conventions(*roots: Expr) -> list[str]:
    """What the table says of the corners of the functions under some nodes."""
    found: dict[str, None] = {}
    for root in roots:
        for node in walk(root):
            if type(node) is Map and (row := SCALAR_OPS.get(node.function.name)) is not None and row.kinks:
                found[row.kinks] = None
    return list(found)


def step(x: Expr) -> Expr:
    """1[x > 0], read one way round: 1[-x > 0] is 1 - 1[x > 0]."""
    lead = x.terms[0] if type(x) is Add else x
    from .algebra import split_number
    if split_number(lead)[0].could_extract_minus_sign():
        return add([filled(1, x.shape), negative(Map(function("step"), (negative(x),)))])
    return Map(function("step"), (x,))


def opened(root: Expr) -> Expr:
    """`root` with every function that has a corner written by `step`; equal to it away from the corners."""
    made: dict[Expr, Expr] = {}
    for node in walk(root):
        children = tuple(made[c] for c in node.children)
        made[node] = opened_map(node, children) if type(node) is Map else again(node, children)
    return made[root]


def again(node: Expr, children: tuple[Expr, ...]) -> Expr:
    if type(node) is Contract:
        return contract(children, node.inputs, node.output)
    return add(children) if type(node) is Add else rebuild(node, children)


def opened_map(node: Map, args: tuple[Expr, ...]) -> Expr:
    f, x = node.function, args[0]
    if f.opaque or f.body is not None:
        return Map(f, args)
    if f.derivative == (0,) and f.name in ("relu", "leaky_relu", "abs"):
        return {"relu": lambda: step(x), "abs": lambda: twice_step(x),
                "leaky_relu": lambda: leak(x, f.params[0])}[f.name]()
    if f.derivative:
        return Map(f, args)
    match f.name:
        case "relu":
            return hadamard(x, step(x))
        case "leaky_relu":
            return hadamard(x, leak(x, f.params[0]))
        case "abs":
            return hadamard(x, twice_step(x))
        case "sign":
            return twice_step(x)
        case "step":
            return step(x)
        case "gt" | "ge" | "lt" | "le":
            gap = add([x, negative(args[1])])
            return step(gap if RELATIVE[f.name] > 0 else negative(gap))
        case "maximum" | "minimum":
            gap = add([x, negative(args[1])])
            inside = step(gap if f.name == "maximum" else negative(gap))
            return add([args[1], hadamard(gap, inside)])
    return Map(f, args)


def twice_step(x: Expr) -> Expr:
    return add([scale(2, step(x)), filled(-1, x.shape)])


def leak(x: Expr, alpha: object) -> Expr:
    return add([filled(alpha, x.shape), scale(1 - alpha, step(x))])
