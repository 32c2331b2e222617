"""A model with loops and its derivation at ranges that are numbers: plain programs, every step written out.

They are made from the general equations, so what holds for an instance was said by the recurrence.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Iterator

from ..algebra import add
from ..differences import Report
from ..differences import check as compare
from ..errors import SymbackpropError
from ..expr import Expr, Var, names_in
from ..program import Equation, Fact, Program
from ..views import substitute
from .adjoint import Adjoint, Each, Entry, Summed, Swept
from .indexed import parts, settled, settled_name
from .model import Item, Loop, Recurrent

DEFAULT_RANGES = (3, 1)


def unrolled(model: Recurrent, ranges: dict[str, int]) -> Program:
    """The model with every step written out: `a[l]` is `a_1`, `a_2`, …, a row `x[t]` an input of its own."""
    inputs: dict[str, Var] = {}
    for name, var in model.inputs.items():
        key = next((row for row in model.rows if parts(row)[0] == name), name)
        for numbers in steps_over(model.axes(key), ranges):
            made = settled(model.keys.get(key, var), numbers)
            inputs[made.name] = made
    return Program(inputs, tuple(forward(model, model.items, ranges)), (), tuple(facts_at(model, ranges)), (), {})


def facts_at(model: Recurrent, ranges: dict[str, int]) -> Iterator[Fact]:
    """The declared facts about plain names, and about every row where they hold for it."""
    for fact in model.facts:
        row = next((row for row in model.rows if parts(row)[0] == fact.name), None)
        if fact.name in model.families:
            key = model.families[fact.name]
            yield from (fact._replace(name=settled_name(key, numbers)) for numbers in steps_over(model.axes(key), ranges))
        elif row is None:
            yield fact
        elif here := [f for f in model.facts_of_row(row) if f._replace(name=fact.name, axis=fact.axis) == fact]:
            for numbers in steps_over(model.axes(row), ranges):
                yield here[0]._replace(name=settled_name(row, numbers))


def steps_over(loops: tuple[Loop, ...], ranges: dict[str, int]) -> Iterator[dict[str, int]]:
    """The numbers of every step of some loops, beside those that are given."""
    for steps in itertools.product(*(range(loop.first, ranges[loop.high] + 1)[::loop.step] for loop in loops)):
        yield ranges | {loop.index: step for loop, step in zip(loops, steps)}


def forward(model: Recurrent, items: tuple[Item, ...], numbers: dict[str, int]) -> list[Equation]:
    found: list[Equation] = []
    for item in items:
        if isinstance(item, Loop):
            found += [e for more in steps_over((item,), numbers) for e in forward(model, item.body, more)]
        else:
            found.append(at(model, item, numbers))
    return found


def at(model: Recurrent, equation: Equation, numbers: dict[str, int]) -> Equation:
    """An equation at numbers, sums over a range written out."""
    return Equation(settled_name(equation.name, numbers), expression_at(model, equation.expr, numbers), equation.place)


def expression_at(model: Recurrent, expr: Expr, numbers: dict[str, int]) -> Expr:
    totals = {settled_name(name, numbers): add([settled(model.keys[key], more) for more in steps_over(loops, at_index(name, numbers))])
              for name in names_in(expr) for key, loops in total_of(model, name)}
    made = settled(expr, numbers)
    return substitute(made, totals) if totals else made


def total_of(model: Recurrent, name: str) -> list[tuple[str, tuple[Loop, ...]]]:
    """The state that a name of a sum adds up and the loops that it runs over; nothing where it is none."""
    base, indices = parts(name)
    return [(key, model.summed(total)) for total, key in model.totals.items()
            if parts(total)[0] == base and len(parts(total)[1]) == len(indices)][:1]


def at_index(name: str, numbers: dict[str, int]) -> dict[str, int]:
    """The numbers at the index of a name: `Σe[l+1]` at l = 2 has l = 3."""
    return numbers | {index.anchor: numbers[index.anchor] + index.offset for index in parts(name)[1] if index.anchor}


def backward(adjoint: Adjoint, ranges: dict[str, int], program: Program) -> Program:
    """The derivation at these ranges."""
    variables = {**program.inputs, **{e.name: e.var for e in program.equations}}
    made = [e for entry in adjoint.entries for e in steps_of(adjoint.model, entry, ranges)]
    wanted = tuple(e.name for e in made if e.name[1:] in program.inputs)
    return Program(variables, tuple(made), wanted)


def steps_of(model: Recurrent, entry: Entry, ranges: dict[str, int]) -> list[Equation]:
    """The equations of an entry, in the order in which they are computed."""
    match entry:
        case Swept(loop, lag, cases):
            count = ranges[loop.high]
            if count < lag + loop.first - 1:
                raise SymbackpropError(f"{loop.high} = {count} is shorter than what a step looks back ({lag})")
            order = list(range(count, loop.first - 1, -1))[::loop.step]
            return [e for back, step in enumerate(order) for inner in cases[min(back, lag)].entries
                    for e in steps_of(model, inner, ranges | {loop.index: step})]
        case Summed(name, sums, rest, _):
            terms = [expression_at(model, s.expr, numbers) for s in sums for numbers in steps_over(s.loops, ranges)]
            terms += [expression_at(model, rest, ranges)] if rest is not None else []
            return [Equation(settled_name(name, ranges), add(terms))]
        case Each(loops, inner):
            return [e for numbers in steps_over(loops, ranges) for e in steps_of(model, inner, numbers)]
    return [at(model, entry, ranges)]


def lags(entries: Iterable[Entry]) -> dict[str, int]:
    """The end of a range -> how long it has to be."""
    found: dict[str, int] = {}
    for entry in entries:
        if isinstance(entry, Swept):
            inner = lags(e for case in entry.cases for e in case.entries)
            for high, lag in (*inner.items(), (entry.loop.high, max(entry.lag, 1) + entry.loop.first - 1)):
                found[high] = max(lag, found.get(high, 1))
    return found


def check(adjoint: Adjoint, sizes: dict[str, int] | None, seed: int) -> Report:
    """Every gradient of instances against finite differences; ranges that are not given are 3 and 1."""
    sizes, model = dict(sizes or {}), adjoint.model
    found: list[Report] = []
    for ranges in lengths(adjoint, sizes):
        program = unrolled(model, ranges)
        back = backward(adjoint, ranges, program)
        rest = {settled_name(name, ranges): size for name, size in sizes.items() if name not in ranges}
        found.append(compare(program, back, settled_name(adjoint.loss, ranges), tuple(name[1:] for name in back.outputs), rest or None, seed))
    return together(found, seed)


def check_loops(adjoint: Adjoint, source: str, to: str) -> Report:
    """Every gradient that an exported file computes, at lengths of 3 and 1, against finite differences of its loss."""
    from ..fresh import Arguments, check_source
    from .export import writer
    model, module, found = adjoint.model, writer(adjoint, to), []
    for ranges in lengths(adjoint, {}):
        places, arrays = {}, []
        for name in model.inputs:
            key = next((row for row in model.rows if parts(row)[0] == name), name)
            arrays += [module.argument(name)] if key in model.rows else []
            for numbers in steps_over(model.axes(key), ranges):
                steps = [numbers[loop.index] - 1 for loop in model.axes(key)]
                places[settled_name(key, numbers)] = (module.argument(name), *steps)
        program = unrolled(model, ranges)
        found.append(check_source(source, program, Arguments(places, tuple(arrays), tuple(module.callables())), to, 2 - len(found)))
    return together(found, 0)


def lengths(adjoint: Adjoint, sizes: dict[str, int]) -> Iterator[dict[str, int]]:
    """The ranges that a model is tried at: those that are given, and 3 and 1 for the others."""
    for number in DEFAULT_RANGES:
        ranges = {high: sizes.get(high, number) for high in adjoint.model.highs}
        if all(ranges[high] >= lag for high, lag in lags(adjoint.entries).items()):
            yield ranges
        if all(high in sizes for high in adjoint.model.highs):
            return


def together(found: list[Report], seed: int) -> Report:
    """Reports as one."""
    return Report(tuple(row for r in found for row in r.rows), sum(r.avoided for r in found), seed,
                  tuple(note for r in found for note in r.notes))
