"""The loss of hand-written code: a scalar it computes, the one that gradients from outside belong to, or a usual one.

Where the text computes no loss, the pattern of its output error decides, and the claims say what was assumed.
"""

from __future__ import annotations

import ast
import re
from typing import NamedTuple

import sympy as sp

from ..algebra import add, hadamard, is_power, negative, power, scale, split_number, total
from ..expr import Add, Apply, Const, Contract, Expr, Map, Ones, Var, function, names_in, walk
from ..ops.tensor import apply
from ..program import Fact, is_activation
from .entry import Entry, Group
from .names import LOSS_NAME
from .patterns import resolved
from .record import Event

SAID_ONE_HOT = re.compile(r"one[-_ ]?hot", re.IGNORECASE)
ERROR_NAME = re.compile(r"(?:delta|err|diff|resid)\w*$", re.IGNORECASE)
HALF = sp.Rational(1, 2)
FIRST = ("loss", "cost", "total_loss", "J", "L", "E", "C")


class Loss(NamedTuple):
    name: str
    said: tuple[str, ...]


def loss_of(run: Entry, group: Group, events: list[Event]) -> Loss | None:
    """The loss that a group's gradients are of, made an equation where it is none; None where nothing fits."""
    if group.upstreams:
        terms = [total(hadamard(up, out)) for up, out in group.upstreams]
        names = ", ".join(up.name for up, _ in group.upstreams)
        outs = ", ".join(getattr(out, "name", "the output") for _, out in group.upstreams)
        return Loss(run.equation("L", add(terms), ast.Constant(0, lineno=1, col_offset=0)).name,
                    (f"the loss is any L with ∂L/∂{outs} = {names}",))
    targets = {e.target.name for e in events}
    for name in candidates(run, group):
        if targets & reachable(run, name):
            return Loss(name, ())
    if group.lost:
        return None
    summed = vector_loss(run, group, targets, events)
    return summed or assumed(run, events)


def candidates(run: Entry, group: Group) -> list[str]:
    """Scalars that can be the loss, the likelier first."""
    read = {n for e in run.equations for n in names_in(e.expr)}
    own = [e for e in run.equations[group.first_equation:group.last_equation] if not e.expr.rank] or [e for e in run.equations[:group.last_equation] if not e.expr.rank]
    named = [e.name for e in own if LOSS_NAME.match(e.name.rstrip("0123456789_") or e.name) or LOSS_NAME.match(e.name)]
    ends = [n for n in named if n not in read]
    first = [n for n in ends if n in FIRST]
    found = dict.fromkeys([*group.losses, *first, *ends[::-1], *named[::-1], *(run.losses or ())])
    return [n for n in found if not is_part_of_lost(n, group)]


def is_part_of_lost(name: str, group: Group) -> bool:
    """Whether a scalar goes into a loss whose line could not be followed, so that it is not the whole."""
    return any(isinstance(n, ast.Name) and (n.id == name or name.startswith(f"{n.id}_")) or isinstance(n, ast.Attribute) and n.attr == name
               for lost in group.lost if not isinstance(lost.node, ast.FunctionDef) for n in ast.walk(lost.node))


def reachable(run: Entry, name: str) -> set[str]:
    """Everything that a name depends on."""
    found: set[str] = set()
    waiting = [name]
    while waiting:
        at = waiting.pop()
        if at not in found:
            found.add(at)
            waiting += names_in(run.definitions[at]) if at in run.definitions else []
    return found


def vector_loss(run: Entry, group: Group, targets: set[str], events: list[Event]) -> Loss | None:
    """A loss left as one number an example: its sum, or its mean where the gradients divide by the number of examples."""
    for equation in reversed(run.equations[group.first_equation:group.last_equation]):
        if LOSS_NAME.match(equation.name) and equation.expr.rank and targets & reachable(run, equation.name) and len(equation.name) > 1:
            counts = batch_sizes(events, equation.var)
            expr = total(equation.var)
            said = f"the loss was assumed to be the {'mean' if counts else 'sum'} of {equation.name}"
            if counts:
                expr = scale(1 / counts[0], expr)
            return Loss(run.equation("loss", expr, ast.Constant(0, lineno=1, col_offset=0)).name, (said,))
    return None


class OutputError(NamedTuple):
    """`output - wanted` as it stands in a line."""

    output: Var
    wanted: Expr
    event: Event


def output_error(run: Entry, events: list[Event]) -> OutputError | None:
    """The first difference of something computed and something given, in the order of the lines."""
    for event in events:
        if event.raw is None:
            continue
        for node in spread(run, event.raw):
            if type(node) is not Add or len(node.terms) != 2:
                continue
            parts = [split_number(t) for t in node.terms]
            if parts[0][0] != -parts[1][0] or abs(parts[0][0]) != 1:
                continue
            for (_, out), (_, wanted) in (parts, parts[::-1]):
                if type(out) is Var and out.name in run.definitions and type(wanted) is Var and wanted.name in run.inputs:
                    return OutputError(out, wanted, event)
    return None


def spread(run: Entry, root: Expr) -> list[Expr]:
    """The parts of a node, and of the differences that it reads by name."""
    found = []
    for node in walk(root):
        found.append(node)
        definition = run.definitions.get(node.name) if type(node) is Var else None
        if type(definition) is Add:
            found.append(definition)
        elif definition is not None and ERROR_NAME.match(node.name):
            found += walk(definition)
    return found


def assumed(run: Entry, events: list[Event]) -> Loss | None:
    """A usual loss for the output error that the code begins with."""
    found = output_error(run, events) or quotient_error(run, events)
    if found is None:
        return None
    out, y = found.output, found.wanted
    definition = run.definitions[out.name]
    counts = batch_sizes(events, out)
    kind = activation_of(definition)
    if kind == "softmax":
        expr, said = softmax_loss(run, definition, out, y)
    elif kind == "sigmoid" and not uses_slope(run, found, events):
        z = definition.args[0]
        expr, said = total(add((Map(function("softplus"), (z,)), negative(hadamard(y, z))))), "the binary cross-entropy"
    else:
        twice = has_factor_two(run, found, events)
        expr = scale(sp.S.One if twice else HALF, total(power(add((out, negative(y))), 2)))
        said = f"{'' if twice else '½ '}Σ ({out.name} − {y.name})²"
    if counts:
        expr, said = scale(1 / counts[0], expr), f"{said}, divided by {counts[0]}"
    name = run.equation("loss", expr, found.event.node).name
    return Loss(name, (f"the loss is not in the text: assumed to be {said}" + (f" of {out.name} and {y.name}" if "Σ" not in said else ""),))


def activation_of(definition: Expr) -> str:
    if type(definition) is Apply:
        return definition.op
    return definition.function.name if is_activation(definition) else ""


def softmax_loss(run: Entry, definition: Apply, out: Var, y: Var) -> tuple[Expr, str]:
    """−Σ y log softmax(z), for targets that sum to 1."""
    axis = definition.params[0]
    fact = Fact("sum", y.name, axis=axis if y.rank > 1 else None)
    if fact not in run.facts:
        run.facts.append(fact)
    return negative(total(hadamard(y, apply("log_softmax", definition.args[0], params=(axis,))))), "the cross-entropy with one-hot targets"


def one_hot_facts(run: Entry) -> None:
    """Rows of targets sum to 1 where the text calls them one-hot and a cross-entropy reads them beside log softmax."""
    if not SAID_ONE_HOT.search("\n".join(run.lines)):
        return
    for equation in run.equations:
        for node in walk(equation.expr):
            given = [o for o in getattr(node, "operands", ()) if type(o) is Var and o.name in run.inputs]
            logs = [axis for o in getattr(node, "operands", ()) if (axis := log_softmax_axis(run, o)) is not None]
            for target in given if logs else ():
                fact = Fact("sum", target.name, axis=logs[0] if target.rank > 1 else None)
                if fact not in run.facts:
                    run.facts.append(fact)


def log_softmax_axis(run: Entry, node: Expr) -> int | None:
    """The axis of log softmax(z), under names or not."""
    node = resolved(node, run.definitions)
    if type(node) is Apply and node.op == "log_softmax":
        return node.params[0]
    if type(node) is Map and node.function.name == "log":
        inner = resolved(node.args[0], run.definitions)
        return inner.params[0] if type(inner) is Apply and inner.op == "softmax" else None
    return None


def quotient_error(run: Entry, events: list[Event]) -> OutputError | None:
    """`-(y/a - (1 - y)/(1 - a))`: the derivative of a binary cross-entropy."""
    for event in events:
        for node in spread(run, event.raw) if event.raw is not None else []:
            if type(node) is Contract and len(node.operands) >= 2:
                below = [o.args[0] for o in node.operands if is_power(o) and o.function.params[0] == -1 and type(o.args[0]) is Var]
                given = [o for o in node.operands if type(o) is Var and o.name in run.inputs]
                if below and given and below[0].name in run.definitions and activation_of(run.definitions[below[0].name]) == "sigmoid":
                    return OutputError(below[0], given[0], event)
    return None


def uses_slope(run: Entry, found: OutputError, events: list[Event]) -> bool:
    """Whether the error of the output is multiplied by the slope of its activation, or is the gradient of the output itself."""
    out = found.output
    value = run.definitions[out.name]
    if found.event.target is out and type(found.event.raw) is Add:
        return True
    for event in events:
        if event.raw is None:
            continue
        for node in walk(event.raw):
            if type(node) is Contract and any(is_slope(o, out, value) for o in node.operands):
                return True
            if type(node) is Var and node.name in run.definitions and type(run.definitions[node.name]) is Contract and \
                    any(is_slope(o, out, value) for o in run.definitions[node.name].operands):
                return True
    return False


def is_slope(node: Expr, out: Var, value: Expr) -> bool:
    """1 − a of an output a, by its name or worked out again."""
    return type(node) is Add and len(node.terms) == 2 and any(type(t) is Ones for t in node.terms) and any(
        split_number(t) in ((-1, out), (-1, value)) for t in node.terms)


def has_factor_two(run: Entry, found: OutputError, events: list[Event]) -> bool:
    difference = {found.output, found.wanted}
    for event in events:
        for node in spread(run, event.raw) if event.raw is not None else []:
            number, core = split_number(node)
            if abs(number.as_coeff_Mul()[0]) == 2 and names_in(core).keys() & {v.name for v in difference}:
                return True
    return False


def batch_sizes(events: list[Event], out: Var) -> list[sp.Expr]:
    """The sizes of the output that the gradients divide by."""
    found = []
    for event in events:
        for node in walk(event.raw) if event.raw is not None else []:
            if type(node) is Const:
                below = sp.fraction(node.value)[1]
                found += [d for d in out.shape if d != 1 and (d == below or d in below.free_symbols)]
    return list(dict.fromkeys(found))
