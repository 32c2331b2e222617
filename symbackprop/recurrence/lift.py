"""A program that was read at one length of an open range -> the model with a loop that it is an instance of.

A LaTeX text is read with numbers for its layers; where every step says the same, the equations at one step are those of
the loop: `a3 = f(z3)` is `a[l] = f(z[l])`, `C = ½‖a5 − y‖²` speaks of `a[L]`, and a sum with a like term for every step is
a sum over the range.
"""

from __future__ import annotations

from dataclasses import replace
from functools import cached_property

import sympy as sp

from ..algebra import add, contract
from ..expr import Const, Contract, Expr, Var, names_in, size
from ..program import Equation, Fact, Length, Opening, Program, running
from .indexed import Index, mapped, named
from .levels import NUMBERED, levels_of, terms_of
from .model import Loop, Recurrent

LONG_ENOUGH = 5


def lifted(program: Program) -> Recurrent | None:
    """The model with a loop; None where the steps are not alike, where one reads a later one, or where they begin elsewhere than at 1 or 2."""
    try:
        instance = program.length.again(LONG_ENOUGH, Opening.END)
        if instance.length.counts:
            instance = program.length.again(LONG_ENOUGH, Opening.APART)
        return Lift(with_sizes_of_steps(instance), instance.length).model()
    except NotAlike:
        return None


class NotAlike(Exception):
    """What an instance says is not one thing for every step."""


def with_sizes_of_steps(program: Program) -> Program:
    """The instance with the sizes at its ends called by their steps: n_x is n_0, where W1 is n_1×n_x and W2 n_2×n_1."""
    levels = levels_of(program)
    at = {place: name for name, place in levels.items() if name in program.inputs}
    lowest = {family: min(step for of, step in at if of == family and step) for family, step in at if step}
    known = {s for v in program.inputs.values() for d in v.shape for s in d.free_symbols}
    put: dict[sp.Symbol, sp.Symbol] = {}
    for (family, step), name in at.items():
        away = 1 if step and step == lowest[family] else -1 if step == program.length.number else 0  # to a step inside
        other = at.get((family, step + away)) if away else None
        for own, inside in zip(program.inputs[name].shape, program.inputs[other].shape) if other else ():
            match = NUMBERED.fullmatch(inside.name) if inside.is_Symbol else None
            called = size(inside.name[:match.start("step")] + str(int(match["step"]) - away)) if match else None
            if match and own.is_Symbol and called not in known:
                put[own] = called
    moved = lambda expr: mapped(expr, str, lambda d: d.xreplace(put))
    return replace(program, inputs={n: moved(v) for n, v in program.inputs.items()},
                   equations=tuple(e._replace(expr=moved(e.expr)) for e in program.equations)) if put else program


class Lift:
    """One instance, seen as a loop."""

    def __init__(self, program: Program, length: Length) -> None:
        self.program, self.length = program, length
        self.steps = levels_of(program)
        self.bases = {name: NUMBERED.fullmatch(name) for name in self.steps}
        self.sizes = self.numbered_sizes()
        self.totals: dict[str, str] = {}
        self.first = 1

    def numbered_sizes(self) -> set[str]:
        """The bases of the sizes that belong to steps: n of n_1, n_2, …"""
        shapes = [v.shape for v in (*self.program.inputs.values(), *(e.var for e in self.program.equations))]
        found: dict[str, set[int]] = {}
        for symbol in {s for shape in shapes for d in shape for s in d.free_symbols}:
            if match := NUMBERED.fullmatch(symbol.name):
                found.setdefault(match["base"], set()).add(int(match["step"]))
        return {base for base, steps in found.items() if len(steps) >= self.length.number - 1}

    def model(self) -> Recurrent:
        number = self.length.number
        if any(match is None for match in self.bases.values()):
            raise NotAlike("a name of a step has no number")
        body = [e for e in self.program.equations if e.name in self.steps and self.steps[e.name][1] > 0]
        if set(self.at_step(body, 1)) != set(self.at_step(body, number - 1)):
            self.first = 2
            body = [e for e in body if self.steps[e.name][1] > 1]
        body, general = self.let_the_last_differ(body, self.at_step(body, number - 1))
        if any(set(self.at_step(body, step)) != set(general) for step in range(self.first, number)) or \
                len(body) != (number - self.first) * len(general) + self.alike:
            raise NotAlike("the steps are not alike")
        loop = self.loop(general)
        self.check_order(general)
        before, after = [], []
        for e in self.program.equations:
            if e.name in self.steps and self.steps[e.name][1] < self.first:
                before.append(e._replace(name=named(self.bases[e.name]["base"], Index("", self.steps[e.name][1]))))
            elif e.name not in self.steps:
                reads = any(n in {x.name for x in body} for n in names_in(e.expr)) or any(n in {x.name for x in after} for n in names_in(e.expr))
                (after if reads else before).append(e)
        sums: list[Loop] = []
        rest = [Equation(e.name, self.at_end(e.expr, general, sums), e.place) for e in after]
        start = [Equation(e.name, self.at_end(e.expr, general, sums), e.place) for e in before]
        return Recurrent(self.inputs(general), (*start, loop, *sums, *rest), self.totals, self.facts())

    def let_the_last_differ(self, body: list[Equation], general: list[Equation]) -> tuple[list[Equation], list[Equation]]:
        """The equations of the loop, without those that the last step has instead: its names are then plain ones, `a_L`.

        The loop makes an a of its last step too, which nothing reads.
        """
        number = self.length.number
        like = {e.name: e for e in general}
        last = {e.name: self.at_step([e], number)[0] for e in body if self.steps[e.name][1] == number}
        own = [name for name, moved in last.items() if like.get(moved.name) != moved]
        lacking = like.keys() - {moved.name for name, moved in last.items() if name not in own}
        self.alike = len(general) - len(lacking)
        if not lacking and not own:
            return body, general
        inputs = {self.name(n, number, self.length.letter) for n in self.program.inputs if self.steps.get(n, ("", 0))[1] == number}
        read = {n for e in general if e.name in lacking for n in names_in(e.expr)}
        at_last = {n for n in read if n in self.families and n not in like}
        if at_last - inputs or any(n in lacking for e in general if e.name not in lacking for n in names_in(e.expr)):
            raise NotAlike("the last step lacks what the others read")
        plain = {name: f"{self.bases[name]['base']}_{self.length.end}" for name in own}
        if set(plain.values()) & {*self.program.inputs, *self.program.table}:
            raise NotAlike("a name for what the last step makes is taken")
        for name in own:
            del self.steps[name]
        renamed = lambda e: Equation(plain.get(e.name, e.name), mapped(e.expr, lambda n: plain.get(n, n), lambda d: d), e.place)
        self.program = replace(self.program, equations=tuple(renamed(e) for e in self.program.equations))
        return [renamed(e) for e in body if e.name not in own], general

    @cached_property
    def families(self) -> set[str]:
        """The inputs that steps have one each of, at the running letter."""
        return {self.name(n, self.steps[n][1], self.length.letter) for n in self.program.inputs if n in self.steps}

    def facts(self) -> tuple[Fact, ...]:
        """Those about plain tensors, and those about a family that hold at every step."""
        plain = [f for f in self.program.facts if f.name not in self.steps]
        stepped: dict[Fact, set[int]] = {}
        for f in self.program.facts:
            if f.name in self.steps:
                stepped.setdefault(f._replace(name=self.bases[f.name]["base"]), set()).add(self.steps[f.name][1])
        return (*plain, *(f for f, steps in stepped.items() if set(range(self.first, self.length.number + 1)) <= steps))

    def loop(self, body: list[Equation]) -> Loop:
        return Loop(self.length.letter, self.length.end, tuple(body), first=self.first)

    def at_step(self, body: list[Equation], step: int) -> list[Equation]:
        """The equations of one step, at the running letter."""
        return [Equation(self.name(e.name, step, self.length.letter), self.moved(e.expr, step, self.length.letter))
                for e in body if self.steps[e.name][1] == step]

    def check_order(self, general: list[Equation]) -> None:
        """A step may read earlier steps alone."""
        defined = {e.name for e in general}
        ahead = {named(parts["base"], Index(self.length.letter, k)) for parts in self.bases.values() for k in range(1, self.length.number)}
        if any(n in ahead for e in general for n in names_in(e.expr) if n.split("[")[0] in {d.split("[")[0] for d in defined}):
            raise NotAlike("a step reads a later one")

    # names and sizes

    def name(self, name: str, step: int, anchor: str) -> str:
        """`a3`, seen from step 3, is `a[l]`."""
        if name not in self.steps:
            return name
        own = self.steps[name][1]
        return named(self.bases[name]["base"], Index(anchor, own - step) if own >= self.first or anchor != self.length.end else Index("", own))

    def dim(self, value: sp.Expr, step: int, anchor: str) -> sp.Expr:
        put = {running(self.length.letter): size(anchor) + self.length.number - step}
        for s in value.free_symbols:
            match = NUMBERED.fullmatch(s.name)
            if match and match["base"] in self.sizes:
                own = int(match["step"])
                put[s] = size(named(match["base"], Index(anchor, own - step) if own >= self.first or anchor != self.length.end else Index("", own)))
        return value.xreplace(put)

    def moved(self, expr: Expr, step: int, anchor: str) -> Expr:
        return mapped(expr, lambda n: self.name(n, step, anchor), lambda d: self.dim(d, step, anchor))

    # outside the loop

    def at_end(self, expr: Expr, general: list[Equation], sums: list[Loop]) -> Expr:
        """A formula outside the loop: names of the last step, and like terms of all steps as a sum."""
        terms = terms_of(expr)
        by_step: dict[int, list[Expr]] = {}
        rest = []
        for term in terms:
            steps = {self.steps[n][1] for n in names_in(term) if n in self.steps}
            by_step.setdefault(steps.pop(), []).append(term) if len(steps) == 1 else rest.append(term)
        letter, every = self.length.letter, range(self.first, self.length.number + 1)
        like = {step: [self.moved(t, step, letter) for t in by_step.get(step, [])] for step in every}
        shared = [t for t in like[self.first] if all(t in like[step] for step in every)] if self.length.number > 1 else []
        totals = [self.total(t, general, sums) for t in shared]
        for step, found in by_step.items():
            rest += [t for t in found if step not in like or self.moved(t, step, letter) not in shared]
        last = [self.moved(t, self.length.number, self.length.end) for t in rest]
        if any(n.startswith(self.length.end) or "[" in n and not self.is_end_or_start(n) for t in last for n in names_in(t)):
            raise NotAlike("an equation outside the steps reads one that is neither the first nor the last")
        return add([*totals, *last])

    def is_end_or_start(self, name: str) -> bool:
        inner = name[name.index("[") + 1:-1]
        return inner in (self.length.end, str(self.first - 1))

    def total(self, term: Expr, general: list[Equation], sums: list[Loop]) -> Expr:
        """A term that every step adds, as a sum over the range."""
        factors, core = [], term
        if type(term) is Contract and not term.output:
            numbers = [k for k, o in enumerate(term.operands) if type(o) is Const and size(self.length.letter) not in o.value.free_symbols]
            factors = [term.operands[k] for k in numbers]
            kept = [k for k in range(len(term.operands)) if k not in numbers]
            core = contract([term.operands[k] for k in kept], [term.inputs[k] for k in kept], ())
        state = core.name if type(core) is Var and core.name in {e.name for e in general} else ""
        if not state:
            state = named(f"term{len(sums) + 1}", Index(self.length.letter))
            sums.append(self.loop([Equation(state, core)]))
        name = f"Σ{state.split('[')[0]}"
        self.totals[name] = state
        var = Var(name, core.shape)
        return contract([*factors, var], [()] * (len(factors) + 1), ()) if factors else var

    def inputs(self, general: list[Equation]) -> dict[str, Var]:
        """Plain tensors, starts (`a[0]`) and one of each family (`W[l]`), in the order of the text."""
        found: dict[str, Var] = {}
        for family in {family for family, step in map(self.steps.get, self.steps.keys() & self.program.inputs.keys()) if step >= self.first}:
            there = {step for name, (of, step) in self.steps.items() if of == family and name in self.program.inputs}
            if not there >= set(range(self.first, self.length.number + 1)):
                raise NotAlike("a parameter has another number than the step that reads it")
        for name, var in self.program.inputs.items():
            step = self.steps[name][1] if name in self.steps else None
            if step is None:
                found[name] = self.moved(var, self.length.number, self.length.end)
            elif step < self.first:
                made = named(self.bases[name]["base"], Index("", step))
                found[made] = Var(made, tuple(self.start_dim(d) for d in var.shape))
            else:
                made = self.moved(var, step, self.length.letter)
                if found.setdefault(made.name, made) is not made:
                    raise NotAlike(f"{made.name} has another shape in another step")
        return found

    def start_dim(self, value: sp.Expr) -> sp.Expr:
        put = {s: size(named(m["base"], Index("", int(m["step"])))) for s in value.free_symbols
               if (m := NUMBERED.fullmatch(s.name)) and m["base"] in self.sizes}
        return value.xreplace(put)
