"""Claims about a model with loops -> claims about its instances: `grad(C, W[l]) == outer(delta, a[l-1])` at every l that makes sense.

A claim is read in the instance, once for each step that its running letter can have; the judge proves for every length what
holds in instances and in windows of them (`judge/lengths.py`).
"""

from __future__ import annotations

import ast
import itertools
from collections.abc import Callable
from dataclasses import replace

import sympy as sp

from ..algebra import add
from ..errors import NoSuchStep, UnsupportedError, nearest
from ..expr import Const, Expr, Var, size, walk
from ..intake import DOTS
from ..program import READ_WITH, Claim, Equation, Length, Opening, Program, expose_pre_activations, running
from ..source.read import Reader
from .indexed import Index, mapped, named, parts, settled_name
from .instance import unrolled
from .model import Loop, Recurrent, placed

FARTHEST = 4  # how far before the first step a start may stand


def instance(reader: Reader, model: Recurrent, number: int, opening: Opening) -> Program:
    """The model with every range at one length, its claims read there."""
    plain = opened(model, numbers_left_open(model, number, opening))
    made = unrolled(plain, dict.fromkeys(model.highs, number))
    equations = expose_pre_activations(made.equations, set(made.inputs))
    levels = levels_of(model, {*made.inputs, *(e.name for e in equations)}, number) if len(model.highs) == 1 else {}
    letters = ", ".join(dict.fromkeys(loop.index for loop in model.all_loops)), " = ".join(model.highs)
    program = replace(made, equations=equations, facts=tuple(f for f in made.facts if f.name in made.inputs),
                      length=Length(*letters, number, levels, lambda n, how: instance(reader, model, n, how), counts(model)))
    return replace(program, claims=tuple(ClaimReader(reader, model, program, opening).all()))


def opened(item: Recurrent | Loop | Equation, sizes: dict[sp.Symbol, sp.Symbol]) -> Recurrent | Loop | Equation:
    """A model in whose formulas the length of a range, as a number, is a size like any other."""
    if isinstance(item, Recurrent):
        return replace(item, items=tuple([opened(x, sizes) for x in item.items]))
    if isinstance(item, Loop):
        return replace(item, body=tuple([opened(x, sizes) for x in item.body]))
    return item._replace(expr=mapped(item.expr, str, lambda d: d.xreplace(sizes)))


def numbers_left_open(model: Recurrent, number: int, opening: Opening) -> dict[sp.Symbol, sp.Expr]:
    """What stands for the end of a range as a number, and for the number of a step."""
    if opening is Opening.CLOSED:
        return {}
    ends = {size(high): open_size(high) for high in model.highs}
    if opening is Opening.END:
        return ends
    away = lambda loop: size(loop.index) - number
    return ends | {size(loop.index): away(loop) + (running(loop.index) if opening is Opening.APART else open_size(loop.high))
                   for loop in model.all_loops}


def counts(model: Recurrent) -> bool:
    """Whether the index of a loop stands as a number, in a formula or in a claim."""
    letters = {loop.index for loop in model.all_loops}
    inner = {id(n) for node in model.claims for s in ast.walk(node) if isinstance(s, ast.Subscript) for n in ast.walk(s.slice)}
    return any(s.name in letters for e, _ in placed(model.items) for part in walk(e.expr) if type(part) is Const for s in part.value.free_symbols) \
        or any(isinstance(n, ast.Name) and n.id in letters and id(n) not in inner and isinstance(n.ctx, ast.Load)
               for node in model.claims for n in ast.walk(node))


def open_size(high: str) -> sp.Symbol:
    return size(f"{high} as a number")


def levels_of(model: Recurrent, names: set[str], number: int) -> dict[str, tuple[str, int]]:
    """The family and the step of every name of an instance."""
    bases = {parts(name)[0] for name in (*model.keys, *model.inputs) if parts(name)[1]}
    found = {}
    for base in bases:
        for step in range(-FARTHEST, number + FARTHEST + 1):
            name = settled_name(named(base, Index("", step)), {})
            if name in names:
                found[name] = base, step
    return found


class ClaimReader(Reader):
    """Reads the claims of a text in an instance of its model."""

    def __init__(self, of: Reader, model: Recurrent, program: Program, opening: Opening) -> None:
        super().__init__("")
        self.lines, self.margins, self.functions, self.names = of.lines, of.margins, of.functions, of.names
        self.model, self.instance, self.opening = model, program, opening
        self.number = program.length.number
        self.stepped = {**program.inputs, **{e.name: e.var for e in program.equations}}
        self.tensors = {name: var for name, var in self.stepped.items() if name in of.tensors and not parts(name)[1]}
        self.sizes = set(of.sizes)
        self.waiting = model.claims
        self.bases = {parts(name)[0] for name in (*model.keys, *model.inputs) if parts(name)[1]} | set(model.by_row)
        self.values: dict[str, int] = {}
        self.summands: tuple[tuple[int, Expr], ...] = ()
        self.gradient = self.read_gradient

    def all(self) -> list[Claim]:
        """Every claim, at every step that it can be about."""
        found: list[Claim] = []
        for node in self.waiting:
            letters = self.letters(node)
            if unknown := [n for n in letters if n not in self.model.by_letter]:
                error = self.fail(node, f"{unknown[0]} runs over no range here", nearest(unknown[0], self.model.by_letter))
                found.append(Claim(self.text(node), self.place(node), None, None, error))
                continue
            steps = itertools.product(range(0, self.number + 2), repeat=len(letters))
            made = [self.at_step(node, dict(zip(letters, at))) for at in steps]
            there = [c for c in made if not isinstance(c.error, NoSuchStep)]
            found += there or made[:1]
        return found

    def letters(self, node: ast.AST) -> list[str]:
        """The running letters that a claim leaves free."""
        bound = {g.target.id for n in ast.walk(node) if isinstance(n, ast.GeneratorExp) for g in n.generators if isinstance(g.target, ast.Name)}
        named = dict.fromkeys(n.id for s in ast.walk(node) if isinstance(s, ast.Subscript) for n in ast.walk(s.slice) if isinstance(n, ast.Name))
        return [n for n in named if n not in bound and n not in self.model.highs and n not in self.sizes]

    def at_step(self, node: ast.Expr, values: dict[str, int]) -> Claim:
        self.values, self.summands = values, ()
        made = self.read_claim(node)
        step = next(iter(values.values())) if len(values) == 1 else None
        said: tuple[str, ...] = (f"{READ_WITH}{self.instance.length.end} = {self.number}", *(f"for {letter} = {value}" for letter, value in values.items()))
        return replace(made, step=step, assumptions=(*said, *made.assumptions), summands=self.summands,
                       reread=made.reread and self.at(values, made.reread))

    def at(self, values: dict[str, int], reread: Callable[[str], Expr]) -> Callable[[str], Expr]:
        def read(text: str) -> Expr:
            self.values = values
            return reread(DOTS.sub(r"\1^ ", text))
        return read

    # names

    def step_of(self, node: ast.expr) -> int | None:
        """The number of an index: `l`, `l-1`, `L`, `0`."""
        match node:
            case ast.Name(id=name):
                return self.values.get(name, self.number if name in self.model.highs else None)
            case ast.Constant(value=int(value)) if not isinstance(value, bool):
                return value
            case ast.UnaryOp(op=ast.USub(), operand=ast.Constant(value=int(value))):
                return -value
            case ast.BinOp(left=left, op=ast.Add() | ast.Sub(), right=ast.Constant(value=int(value))):
                start = self.step_of(left)
                return None if start is None else start + value if isinstance(node.op, ast.Add) else start - value
        return None

    def read_subscript(self, node: ast.Subscript) -> Expr:
        base = node.value.id if isinstance(node.value, ast.Name) else ""
        steps = [self.step_of(part) for part in (node.slice.elts if isinstance(node.slice, ast.Tuple) else [node.slice])]
        if base not in self.bases or None in steps:
            return super().read_subscript(node)
        name = settled_name(named(base, tuple([Index("", step) for step in steps])), {})
        if name not in self.stepped:
            raise self.fail(node, f"{self.text(node)}: there is no {base}{steps}", kind=NoSuchStep)
        return self.stepped[name]

    def read_name(self, node: ast.Name) -> Expr:
        if node.id in self.model.highs:
            return Const(open_size(node.id) if self.opening is not Opening.CLOSED else sp.Integer(self.number))
        if node.id in self.values:
            return Const(sp.Integer(0) + self.opening.number_of(self.values[node.id], self.number, node.id, open_size(self.model.highs[0])))
        if node.id in self.bases and node.id not in self.tensors:
            raise self.fail(node, f"{node.id} has one value for each step: write {node.id}[{next(iter(self.values), 'l')}]")
        return super().read_name(node)

    def read_gradient(self, node: ast.Call) -> Expr:
        if len(node.args) != 2 or node.keywords or not all(isinstance(a, ast.Name | ast.Subscript) for a in node.args):
            raise self.fail(node, "grad takes a loss and a tensor, as in grad(C, W[l])")
        loss, wrt = (self.read(a) for a in node.args)
        if not all(isinstance(value, Var) for value in (loss, wrt)):
            raise self.fail(node, "grad takes a loss and a tensor, and a size is neither")
        return Var(f"∂{loss.name}/∂{wrt.name}", (*loss.shape, *wrt.shape))

    def read_call(self, node: ast.Call) -> Expr:
        name = node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")
        if name == "sum" and len(node.args) == 1 and isinstance(node.args[0], ast.GeneratorExp):
            return self.read_total(node, node.args[0])
        return super().read_call(node)

    def read_total(self, call: ast.Call, node: ast.GeneratorExp) -> Expr:
        """`sum(grad(C, a[t]) @ h[t-1].T for t in 1..T)`."""
        over = node.generators[0]
        match over.iter:
            case ast.BinOp(left=ast.Constant(value=int(low)), op=ast.BitXor(), right=ast.Name(id=high)) if high in self.model.highs:
                last = self.number
            case ast.BinOp(left=ast.Constant(value=int(low)), op=ast.BitXor(), right=ast.BinOp(left=ast.Name(id=high)) as end) \
                    if high in self.model.highs and (last := self.step_of(end)) is not None:
                pass
            case _:
                raise self.fail(call, "a sum over steps is written sum(… for t in 1..T)", kind=UnsupportedError)
        if len(node.generators) != 1 or over.ifs or not isinstance(over.target, ast.Name) or over.target.id in self.values:
            raise self.fail(call, "a sum runs over one range, without a condition", kind=UnsupportedError)
        outer, terms = self.values, []
        try:
            for step in range(low, last + 1):
                self.values = {**outer, over.target.id: step}
                terms.append((step, self.read(node.elt)))
        finally:
            self.values = outer
        if not terms:
            raise self.fail(call, "the sum has no terms", kind=NoSuchStep)
        self.summands = tuple(terms)
        return add([t for _, t in terms])

    def read_claim(self, node: ast.Expr) -> Claim:
        made = super().read_claim(node)
        right = node.value.comparators[0] if isinstance(node.value, ast.Compare) else None
        alone = isinstance(right, ast.Call) and right.args and isinstance(right.args[0], ast.GeneratorExp)
        if not alone or made.error is not None:
            self.summands = ()
        return made

    READERS = {**Reader.READERS, ast.Name: read_name, ast.Subscript: read_subscript, ast.Call: read_call}
