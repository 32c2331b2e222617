"""A model with loops and its derivation at ranges that are numbers: plain programs, every step written out.

They are made from the general equations, so what holds for an instance was said by the recurrence.
"""

from __future__ import annotations

from ..algebra import add
from ..differences import Report
from ..differences import check as compare
from ..errors import SymbackpropError
from ..expr import Var
from ..program import Equation, Program
from .adjoint import Adjoint, Each, Entry, Summed, Swept
from .indexed import Index, named, parts, settled, settled_name, settled_size
from .model import Loop, Recurrent

DEFAULT_RANGES = (3, 1)


def unrolled(model: Recurrent, ranges: dict[str, int]) -> Program:
    """The model with every step written out: `a[l]` is `a_1`, `a_2`, …, a row `x[t]` an input of its own."""
    inputs: dict[str, Var] = {}
    for name, var in model.inputs.items():
        base = parts(name)[0]
        loop = model.loop_over.get(base)
        if loop is None:
            made = settled(var, ranges)
            inputs[made.name] = made
            continue
        for step in range(1, ranges[loop.high] + 1):
            shape = var.shape if name in model.families.values() else var.shape[1:]
            made = settled(Var(named(base, Index(loop.index)), shape), ranges | {loop.index: step})
            inputs[made.name] = made
    return Program(inputs, tuple(forward(model, ranges)), (), (), (), {})


def forward(model: Recurrent, ranges: dict[str, int]) -> list[Equation]:
    found: list[Equation] = []
    for item in model.items:
        if isinstance(item, Loop):
            steps = range(1, ranges[item.high] + 1)[::item.step]
            found += [at(e, ranges | {item.index: step}) for step in steps for e in item.equations]
            found += [Equation(total, add([settled(e.var, ranges | {item.index: step}) for step in steps]))
                      for total, state in model.totals.items() for e in item.equations if parts(e.name)[0] == state]
        else:
            found.append(at(item, ranges))
    return found


def at(equation: Equation, numbers: dict[str, int]) -> Equation:
    return Equation(settled_name(equation.name, numbers), settled(equation.expr, numbers), equation.place)


def backward(adjoint: Adjoint, ranges: dict[str, int], program: Program) -> Program:
    """The derivation at these ranges."""
    variables = {**program.inputs, **{e.name: e.var for e in program.equations}}
    made = [e for entry in adjoint.entries for e in steps_of(entry, ranges)]
    wanted = tuple(e.name for e in made if e.name[1:] in program.inputs)
    return Program(variables, tuple(made), wanted)


def steps_of(entry: Entry, ranges: dict[str, int]) -> list[Equation]:
    match entry:
        case Swept(loop, lag, cases):
            count = ranges[loop.high]
            if count < lag:
                raise SymbackpropError(f"{loop.high} = {count} is shorter than what a step looks back ({lag})")
            order = list(range(count, 0, -1))[::loop.step]
            return [at(e, ranges | {loop.index: step}) for back, step in enumerate(order)
                    for e in cases[min(back, lag)].equations]
        case Summed(name, sums, rest, _):
            terms = [settled(s.expr, ranges | {s.loop.index: step}) for s in sums for step in range(1, ranges[s.loop.high] + 1)]
            terms += [settled(rest, ranges)] if rest is not None else []
            return [Equation(settled_name(name, ranges), add(terms))]
        case Each(loop, equation):
            return [at(equation, ranges | {loop.index: step}) for step in range(1, ranges[loop.high] + 1)]
    return [at(entry, ranges)]


def check(adjoint: Adjoint, sizes: dict[str, int] | None, seed: int) -> Report:
    """Every gradient of instances against finite differences; ranges that are not given are 3 and 1."""
    sizes, model = dict(sizes or {}), adjoint.model
    found: list[Report] = []
    for number in DEFAULT_RANGES:
        ranges = {high: sizes.get(high, number) for high in model.highs}
        lag = max((entry.lag for entry in adjoint.entries if isinstance(entry, Swept)), default=0)
        if min(ranges.values()) < lag:
            continue
        program = unrolled(model, ranges)
        back = backward(adjoint, ranges, program)
        rest = {settled_name(name, ranges): size for name, size in sizes.items() if name not in ranges}
        report = compare(program, back, settled_name(adjoint.loss, ranges), tuple(name[1:] for name in back.outputs), rest or None, seed)
        found.append(report)
        if all(high in sizes for high in model.highs):
            break
    return Report(tuple(row for r in found for row in r.rows), sum(r.avoided for r in found), seed,
                  tuple(note for r in found for note in r.notes))
