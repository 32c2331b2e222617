"""Functions that people write out by hand, found again in what their code computes: the logistic function, tanh, softmax
(with or without the maximum taken off), the rectifier and its mask. Every rewriting here is an identity.
"""

from __future__ import annotations

from collections.abc import Callable

import sympy as sp

from ..algebra import Const, add, contract, is_power, is_zero, negative, split_number
from ..cells import filled
from ..expr import Add, Contract, Expr, Map, Ones, Var, function, is_elementwise
from ..ops.tensor import apply

Definitions = dict[str, Expr]


def recognised(node: Expr, known: Definitions) -> Expr:
    """`node`, or what it is called."""
    for pattern in PATTERNS:
        found = pattern(node, known)
        if found is not None:
            return recognised(found, known)
    return node


def resolved(node: Expr, known: Definitions) -> Expr:
    """What a name stands for."""
    while type(node) is Var and node.name in known:
        node = known[node.name]
    return node


def exponent(node: Expr, known: Definitions) -> Expr | None:
    """u of exp(u)."""
    node = resolved(node, known)
    return node.args[0] if type(node) is Map and node.function.name == "exp" and not node.function.derivative else None


def reciprocal_of(node: Expr, known: Definitions) -> Expr | None:
    return resolved(node.args[0], known) if is_power(node) and node.function.params[0] == -1 else None


def is_one(node: Expr) -> bool:
    return type(node) is Ones or type(node) is Const and node.value == 1


def logistic(node: Expr, known: Definitions) -> Expr | None:
    """1/(1 + exp(u)) = σ(−u)."""
    base = reciprocal_of(node, known)
    if type(base) is not Add or len(base.terms) != 2:
        return None
    for one, other in (base.terms, base.terms[::-1]):
        if is_one(one) and (u := exponent(other, known)) is not None:
            return Map(function("sigmoid"), (negative(u),))
    return None


def logistic_ratio(node: Expr, known: Definitions) -> Expr | None:
    """exp(u) σ(−u) = σ(u)."""
    if type(node) is not Contract:
        return None
    for j, e in enumerate(node.operands):
        u = exponent(e, known)
        if u is None:
            continue
        wanted = Map(function("sigmoid"), (negative(u),))
        for k, s in enumerate(node.operands):
            if resolved(s, known) is wanted and node.inputs[j] == node.inputs[k]:
                return without(node, {j, k}, Map(function("sigmoid"), (u,)), node.inputs[j])
    return None


def hyperbolic(node: Expr, known: Definitions) -> Expr | None:
    """(exp(u) − exp(−u)) / (exp(u) + exp(−u)) = tanh(u)."""
    if type(node) is not Contract:
        return None
    for k, below in enumerate(node.operands):
        base = reciprocal_of(below, known)
        for j, above in enumerate(node.operands):
            top = resolved(above, known)
            if type(base) is not Add or type(top) is not Add or node.inputs[j] != node.inputs[k]:
                continue
            u = next((u for t in top.terms if (u := exponent(t, known)) is not None), None)
            if u is None:
                continue
            plus, minus = (Map(function("exp"), (v,)) for v in (u, negative(u)))
            if {resolved(t, known) for t in base.terms} == {plus, minus} and add((top, add((minus, negative(plus))))) is add((plus, negative(plus))):
                return without(node, {j, k}, Map(function("tanh"), (u,)), node.inputs[j])
    return None


def without(node: Contract, gone: set[int], made: Expr, labels: tuple[int, ...]) -> Expr:
    """The product with some factors replaced by one."""
    kept = [k for k in range(len(node.operands)) if k not in gone]
    return contract([node.operands[k] for k in kept] + [made], [node.inputs[k] for k in kept] + [labels], node.output)


def softmax(node: Expr, known: Definitions) -> Expr | None:
    """exp(z) / Σ exp(z) along one axis."""
    if type(node) is not Contract:
        return None
    for k, below in enumerate(node.operands):
        base = reciprocal_of(below, known)
        if base is None:
            continue
        for j, above in enumerate(node.operands):
            z = exponent(above, known)
            if z is None or above.rank == 0:
                continue
            axis = summed_axis(base, z, known, node.inputs[k], node.inputs[j])
            if axis is not None:
                return without(node, {j, k}, apply("softmax", unshifted(z, axis, known), params=(axis,)), node.inputs[j])
    return None


def summed_axis(base: Expr, z: Expr, known: Definitions, own: tuple[int, ...], labels: tuple[int, ...]) -> int | None:
    """The axis that `base` = Σ exp(z) sums over, where it stands at the indices `own` beside exp(z) at `labels`."""
    found = summand(base, known)
    if found is None or exponent(found[0], known) is not z or len(set(found[1])) != len(found[1]):
        return None
    inner = found[1]
    at = dict(zip(base.output, own))
    gone = [axis for axis, i in enumerate(inner) if i not in base.output and z.shape[axis] != 1] or [axis for axis, i in enumerate(inner) if i not in base.output]
    fits = all(at[i] == labels[axis] for axis, i in enumerate(inner) if i in base.output)
    return gone[0] if len(gone) == 1 and fits else None


def summand(node: Expr, known: Definitions) -> tuple[Expr, tuple[int, ...]] | None:
    """The one factor of a sum that is repeated along axes, with its indices beside those of the result; sums of sums too."""
    if type(node) is not Contract:
        return None
    found, labels = None, node.output
    for depth in range(4):
        parts = [(resolved(o, known), i) for o, i in zip(node.operands, node.inputs) if type(o) is not Ones]
        if len(parts) != 1:
            return found
        at = dict(zip(node.output, labels))
        found = parts[0][0], tuple(at.get(i, -100 * (depth + 1) - i) for i in parts[0][1])
        node, labels = found
        if type(node) is not Contract:
            return found
    return found


def unshifted(z: Expr, axis: int, known: Definitions) -> Expr:
    """z without the terms that are constant along the axis, which softmax does not see."""
    whole = resolved(z, known)
    if type(whole) is not Add:
        return z
    kept = [t for t in whole.terms if not is_constant_along(t, axis, known)]
    return add(kept) if kept and len(kept) < len(whole.terms) else z


def unshifted_name(var: Var, known: Definitions) -> Var:
    """z of z − max z, whose gradient is the same where a loss reads it through softmax alone; else the name itself."""
    found = (unshifted(var, axis, known) for axis in range(var.rank))
    return next((z for z in found if type(z) is Var and z is not var), var)


def is_constant_along(node: Expr, axis: int, known: Definitions) -> bool:
    if type(node) is Ones:
        return True
    return type(node) is Contract and all(type(o) is Ones for o, i in zip(node.operands, node.inputs) if node.output[axis] in i)


def log_softmax(node: Expr, known: Definitions) -> Expr | None:
    """z − log Σ exp(z) along one axis."""
    if type(node) is not Add or not node.rank:
        return None
    for k, term in enumerate(node.terms):
        number, core = split_number(term)
        if number != -1:
            continue
        found = spread_log_sum(core, known)
        if found is None:
            continue
        z, axis = found
        rest = [t for j, t in enumerate(node.terms) if j != k]
        if add(rest) is z or resolved(z, known) is add(rest):
            return apply("log_softmax", unshifted(z, axis, known), params=(axis,))
    return None


def spread_log_sum(node: Expr, known: Definitions) -> tuple[Expr, int] | None:
    """(z, axis) of log Σ exp(z), repeated along the axis."""
    if type(node) is not Contract:
        return None
    parts = [(o, i) for o, i in zip(node.operands, node.inputs) if type(o) is not Ones]
    if len(parts) != 1:
        return None
    log, own = resolved(parts[0][0], known), parts[0][1]
    if type(log) is not Map or log.function.name != "log":
        return None
    total = resolved(log.args[0], known)
    inner = summand(total, known)
    z = exponent(inner[0], known) if inner else None
    axis = None if z is None else summed_axis(total, z, known, own, node.output)
    return None if axis is None else (z, axis)


def rectifier(node: Expr, known: Definitions) -> Expr | None:
    """u·1[u > 0] and where(u > 0, u, 0) are relu(u); where(u > 0, 1, 0) is the mask."""
    if type(node) is Map and node.function.name == "where" and type(node.args[0]) is Map and node.args[0].function.name == "step":
        u, (a, b) = node.args[0].args[0], node.args[1:]
        if a is u and is_zero(b):
            return Map(function("relu"), (u,))
        return node.args[0] if is_one(a) and is_zero(b) else None
    if type(node) is Contract:
        for j, mask in enumerate(node.operands):
            if type(mask) is Map and mask.function.name == "step" and not mask.function.derivative:
                for k, u in enumerate(node.operands):
                    if u is mask.args[0] and node.inputs[j] == node.inputs[k]:
                        return without(node, {j, k}, Map(function("relu"), (u,)), node.inputs[j])
    return None


def masked_step(node: Expr, known: Definitions, binary: frozenset[str]) -> Expr:
    """1[u m > 0] = 1[u > 0] m for a mask m of zeros and ones, so that no entry stands at the corner."""
    inner = resolved(node.args[0], known) if type(node) is Map and node.function.name == "step" and not node.function.derivative else None
    if type(inner) is not Contract or not is_elementwise(inner.inputs, inner.output):
        return node
    masks = {k for k, o in enumerate(inner.operands) if is_zero_one(o, binary)}
    if not masks or len(masks) == len(inner.operands):
        return node
    rest = contract([o for k, o in enumerate(inner.operands) if k not in masks], [i for k, i in enumerate(inner.inputs) if k not in masks], inner.output)
    parts = [recognised(Map(function("step"), (rest,)), known), *(inner.operands[k] for k in sorted(masks))]
    return contract(parts, [inner.output, *(inner.inputs[k] for k in sorted(masks))], inner.output)


def is_zero_one(node: Expr, binary: frozenset[str]) -> bool:
    """A tensor of zeros and ones, or one minus it."""
    if type(node) is Add and len(node.terms) == 2:
        cores = [split_number(t) for t in node.terms]
        return any(is_one(a) and p == 1 and q == -1 and is_zero_one(b, binary) for (p, a), (q, b) in (cores, cores[::-1]))
    return type(node) is Var and node.name in binary


def comparison(node: Expr, known: Definitions) -> Expr | None:
    """u > 0 as the mask 1[u > 0], the mask of relu(u) as that of u; ≥ is read as > (the reader says so)."""
    if type(node) is not Map or node.function.derivative:
        return None
    name = node.function.name
    if name == "step":
        inner = resolved(node.args[0], known)
        return Map(function("step"), inner.args) if type(inner) is Map and inner.function.name == "relu" else None
    if name not in MASKS or not is_zero(node.args[1]):
        return None
    sign, complement = MASKS[name]
    mask = recognised(Map(function("step"), (node.args[0] if sign > 0 else negative(node.args[0]),)), known)
    return add((filled(ONE, node.shape), negative(mask))) if complement else mask


ONE = sp.S.One
MASKS: dict[str, tuple[int, bool]] = {"gt": (1, False), "ge": (1, False), "le": (1, True), "lt": (1, True)}
PATTERNS: tuple[Callable[[Expr, Definitions], Expr | None], ...] = (
    logistic, logistic_ratio, hyperbolic, softmax, log_softmax, comparison, rectifier)
