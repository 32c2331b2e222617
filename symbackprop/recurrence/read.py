"""A model's text with `for l in 1..L:` -> `Recurrent`. What stands in an equation is read as everywhere else.

Inside a loop over l: `a[l-1]` of a state needs its start (`a[0]`) declared; `W[l]` of a declared family is the step's own;
`x[t]` of an array is its row t, the first at t = 1. In a loop inside a loop a state has two indices, `h[l,t]`.
"""

from __future__ import annotations

import ast
import itertools
import re

from ..errors import ParseError, ShapeError, UnsupportedError, nearest
from ..expr import Apply, Const, Expr, Map, Shape, Var, show_shape, size, walk
from ..intake import DOTS
from ..program import Equation, Fact, expose_pre_activations
from .declare import Around, Declarations
from .indexed import Index, Indices, moved, named, parts
from .model import Item, Loop, Recurrent

LOOP = re.compile(r"^[ \t]*for[ \t]+\w+[ \t]+in[ \t]+\w+[ \t]*\.\.[ \t]*\w+", re.MULTILINE)


class LoopReader(Declarations):
    """Reads a model with loops."""

    def __init__(self, text: str) -> None:
        super().__init__(text)
        self.clean = DOTS.sub(r"\1^ ", self.clean)  # `1..L` as something of the same length that Python can parse

    def read_facts(self, node: ast.expr) -> list[Fact]:
        """A fact about an array does not read it."""
        before = set(self.whole)
        found = super().read_facts(node)
        self.whole = before
        return found

    def program(self) -> Recurrent:
        for statement in self.tree().body:
            self.statement(statement)
        for base in {parts(name)[0] for name in self.inputs if name in {v.name for v in self.shapes.values()}} - self.ends:
            raise ParseError(f"no loop reads {base}, so nobody knows how many there are")
        for name in self.whole & self.rows:
            raise ParseError(f"{name} is read by rows in a loop and whole elsewhere: that is not supported yet")
        return Recurrent(self.inputs, tuple(self.items), self.totals, tuple(self.facts), tuple(self.claims), self.names, reader=self)

    def statement(self, node: ast.stmt) -> None:
        match node:
            case ast.For():
                self.loop(node)
            case ast.AnnAssign(target=ast.Subscript(), value=None):
                self.declare_indexed(node)
            case ast.Assign(targets=[ast.Subscript()]):
                self.define_indexed(node)
            case _:
                before = len(self.equations)
                super().statement(node)
                self.items += expose_pre_activations(tuple(self.equations[before:]), set(self.tensors))

    # loops

    @property
    def here(self) -> Indices:
        """The running indices."""
        return tuple([Index(a.index) for a in self.around])

    @property
    def spelled(self) -> str:
        return ",".join(a.spelled for a in self.around)

    def loop(self, node: ast.For) -> None:
        before = self.enter(node, node.target, node.iter)
        for statement in node.body:
            match statement:
                case ast.Assign(targets=[ast.Subscript()]):
                    self.define_state(statement)
                case ast.For():
                    self.loop(statement)
                case _:
                    raise self.fail(statement, f"in a loop each line defines a name at {self.spelled}, as in "
                                               f"a[{self.spelled}] = …")
        if node.orelse:
            raise self.fail(node, "for … else is not part of the language", kind=UnsupportedError)
        self.leave(before)

    def leave(self, before: list[Item]) -> None:
        """The end of the innermost loop."""
        made, (*around, last) = self.exposed(), self.around
        self.around, self.body = tuple(around), before
        self.body.append(Loop(last.index, last.high, made, last.step))

    def enter(self, node: ast.AST, target: ast.expr, over: ast.expr) -> list[Item]:
        """The range of a loop or of a sum, `l in 1..L` or `t in T..1`; returns the body that it stands in."""
        match over:
            case ast.BinOp(left=ast.Constant(value=1), op=ast.BitXor(), right=ast.Name(id=high)):
                step = 1
            case ast.BinOp(left=ast.Name(id=high), op=ast.BitXor(), right=ast.Constant(value=1)):
                step = -1
            case _:
                raise self.fail(node, "a range is 1..L with a name for its end (or L..1)", kind=UnsupportedError)
        if not isinstance(target, ast.Name):
            raise self.fail(node, "one letter runs over a range")
        self.check_name(target, target.id)
        if high not in self.sizes:
            self.new_name(over, high)
            self.sizes.add(high)
        if any(high == a.high for a in self.around):
            raise self.fail(node, f"a loop over {high} inside a loop over {high} is not read: give its end another name", kind=UnsupportedError)
        if target.id in self.tensors or target.id in self.sizes or any(target.id == a.spelled for a in self.around):
            raise self.fail(node, f"{target.id} has a meaning already: take another letter for the index")
        if target.id in (letter for end, letter in self.letters.items() if end != high):
            raise self.fail(node, f"{target.id} runs over another range already: take another letter for the index")
        self.around += (Around(self.letters.setdefault(high, target.id), high, step, target.id),)
        before, self.body = self.body, []
        return before

    def define_state(self, node: ast.Assign) -> None:
        base, indices = self.target(node.targets[0])
        running = tuple([index for index in indices if self.is_letter(index)])
        if running != self.here:
            raise self.fail(node, f"a step defines its own values: {base}[{self.spelled}]")
        expr = self.movable(node, self.read(node.value))
        name = named(base, indices)
        if running != indices:
            self.start(node, base, indices, Var(name, expr.shape))
        else:
            if base in self.ends or base in self.tensors or base in self.sizes or base in self.functions or name in self.inputs:
                raise self.fail(node, f"{base} is defined twice", "give the new value a new name")
            self.check_name(node, base)
            promised = self.shapes.get(base)
            if promised is not None and promised.shape != expr.shape:
                start = next(iter(self.starts[base].values()))
                raise self.fail(node, f"{base}[{self.spelled}] is {show_shape(expr.shape)}, and its start {start.name} is "
                                      f"{show_shape(start.shape)}", kind=ShapeError)
            self.known(Var(name, expr.shape))
        self.body.append(Equation(name, expr, self.place(node)))

    def movable(self, node: ast.AST, expr: Expr) -> Expr:
        """`expr`, if the index stands in it as a number where it can be moved: not in an exponent."""
        letters = {a.index for a in self.around}
        for part in walk(expr):
            params = part.function.params if type(part) is Map else part.params if type(part) is Apply else ()
            if any(letters & {s.name for s in getattr(p, "free_symbols", ())} for p in params):
                raise self.fail(node, "the index as a number in an exponent or a parameter is not supported yet", kind=UnsupportedError)
        return expr

    def known(self, var: Var) -> None:
        """From here on a state may be read."""
        base = parts(var.name)[0]
        self.ends.add(base)
        self.shapes[base], self.steps[base] = var, {a.index: a.step for a in self.around}

    def define_indexed(self, node: ast.Assign) -> None:
        """`h[0] = …` outside the loops: a start that is computed."""
        base, indices = self.target(node.targets[0])
        if letter := next((index.anchor for index in indices if self.is_letter(index)), None):
            raise self.fail(node, f"{named(base, indices)} is defined in a loop: for {letter} in 1..…:")
        expr = self.read(node.value)
        self.start(node, base, indices, Var(named(base, indices), expr.shape))
        self.items.append(Equation(named(base, indices), expr, self.place(node)))

    def exposed(self) -> tuple[Item, ...]:
        """The body with a name for every pre-activation."""
        taken = {named(base, self.here) for base in (*self.tensors, *self.shapes)}
        made: list[Item] = []
        for item in self.body:
            new = (item,) if isinstance(item, Loop) else expose_pre_activations((item,), taken | {e.name for e in made if isinstance(e, Equation)})
            for equation in new[:-1]:
                self.known(equation.var)
            made += new
        return tuple(made)

    # reading

    def read_name(self, node: ast.Name) -> Expr:
        if (letter := next((a.index for a in self.around if a.spelled == node.id), None)) is not None:
            return Const(size(letter))
        if node.id in self.letters.values():
            raise self.fail(node, f"the index {node.id} has a value inside its loop only")
        if node.id in self.shapes or node.id in self.starts:
            raise self.fail(node, f"{node.id} has one value for each step: write {node.id}[{self.spelled or '…'}]")
        if node.id in self.inputs:
            self.whole.add(node.id)
        return super().read_name(node)

    def read_subscript(self, node: ast.Subscript) -> Expr:
        if not isinstance(node.value, ast.Name) or (indices := self.indices(node.slice)) is None:
            return super().read_subscript(node)
        base = node.value.id
        letters = {a.index for a in self.around}
        recurring = any(index.anchor in letters and index.offset for index in indices)
        if base in self.starts or base in self.shapes or recurring and base not in self.tensors:
            return self.read_indexed(node, base, indices)
        array = self.tensors.get(base)
        if array is None:
            raise self.fail(node, f"{base} is not declared", nearest(base, [*self.tensors, *self.shapes]))
        ends = [size(next((a.high for a in self.around if a.index == index.anchor), "")) for index in indices] if letters else []
        if array.shape and array.shape[0] in [size(a.high) for a in self.around]:
            if list(array.shape[:len(ends)]) != ends or any(index.offset for index in indices):
                raise self.fail(node, f"{self.text(node)}: rows of {base} run from 1 to {array.shape[0] if array.shape else 1}; only "
                                      f"{base}[{self.spelled}] is read in this loop", kind=UnsupportedError)
            self.ends.add(base)
            self.rows.add(base)
            return Var(named(base, indices), array.shape[len(indices):])
        return super().read_subscript(node)

    def read_indexed(self, node: ast.Subscript, base: str, indices: Indices) -> Expr:
        """A state, a family or a start at an index."""
        if indices in self.starts.get(base, {}):
            return self.starts[base][indices]
        letters = {a.index: a for a in self.around}
        own = tuple([i.anchor for i in parts(self.shapes[base].name)[1]]) if base in self.shapes else tuple([i.anchor for i in indices])
        if len(own) != len(indices):
            raise self.fail(node, f"{base} has {'an index' if len(own) == 1 else f'{len(own)} indices'}: {base}[{','.join(own)}]")
        if base in self.shapes and self.shapes[base].name in self.inputs:
            return self.read_family(node, base, indices)
        back = []
        for letter, index in zip(own, indices):
            if index.anchor in letters and index.anchor == letter:
                back.append(-index.offset * self.steps.get(base, {letter: letters[letter].step})[letter])
            elif base in self.ends and index == self.last(letter, self.steps[base][letter]) and letter not in letters:
                back.append(None)
            elif index.anchor in letters and letter not in letters:
                raise self.fail(node, f"{base} is declared over {letter}: let the loop run over {letter} too")
            else:
                last = named(base, tuple([self.last(k, self.steps[base][k]) for k in own])) if base in self.ends else ""
                raise self.fail(node, f"{self.text(node)}: outside its loop a state is read at the step that is run last"
                                      + (f", {last}" if last else ", and there is no such start"), kind=UnsupportedError)
        return self.read_step(node, base, indices, dict(zip(own, back)))

    def last(self, letter: str, step: int) -> Index:
        high = next(end for end, running in self.letters.items() if running == letter)
        return Loop(letter, high, (), step).last

    def read_family(self, node: ast.Subscript, base: str, indices: Indices) -> Expr:
        """One of a family: the step's own."""
        var = self.shapes[base]
        for mine, index in zip(parts(var.name)[1], indices):
            if mine.anchor not in {a.index for a in self.around}:
                raise self.fail(node, f"{base} is declared over {mine.anchor}: let the loop run over {mine.anchor} too")
            if index != mine:
                raise self.fail(node, f"{self.text(node)}: step {self.spelled} reads {base}[{mine}]", kind=UnsupportedError)
        self.ends.add(base)
        return var

    def read_step(self, node: ast.Subscript, base: str, indices: Indices, back: dict[str, int | None]) -> Expr:
        """A state so many steps before this one on each of its axes (None: at the end)."""
        counts = [steps for steps in back.values() if steps is not None]
        if any(steps < 0 for steps in counts) or not any(counts) and base not in self.ends:
            raise self.fail(node, f"{self.text(node)} is not known yet at step {self.spelled}")
        self.need_starts(node, base, back)
        if base not in self.shapes:
            if tuple(back) != tuple(a.index for a in self.around):
                raise self.fail(node, f"{base} is defined at {self.spelled}, in the order of the loops")
            letter, steps = next((k, n) for k, n in back.items() if n)
            at = self.loop_at(letter).before(1)
            start = self.starts[base][tuple([at if k == letter else Index(k) for k in back])]
            self.shapes[base] = Var(named(base, self.here), self.general(start.shape, at, letter))
        made = self.shapes[base]
        for letter, index in zip(back, indices):
            made = moved(made, letter, index)
        return made

    def loop_at(self, letter: str) -> Loop:
        return next(a.loop for a in self.around if a.index == letter)

    def need_starts(self, node: ast.Subscript, base: str, back: dict[str, int | None]) -> None:
        """Raise unless every start that the first steps read is there."""
        choices = [[Index(k), *(self.loop_at(k).before(s) for s in range(1, (n or 0) + 1))] if n is not None else [None] for k, n in back.items()]
        for combination in itertools.product(*choices):
            wanted = tuple([index or Index(k) for k, index in zip(back, combination)])
            reading = [index for index in wanted if index.anchor not in back]
            if reading and None not in combination and wanted not in self.starts.get(base, {}):
                raise self.fail(node, f"{self.text(node)} reads {named(base, wanted)} in the first step, and no such start is declared",
                                f"declare it: {named(base, wanted)}: R[…]")

    def general(self, shape: Shape, at: Index, letter: str) -> Shape:
        """The shape of a state at l, from that of its start: `n[0]` becomes `n[l]`."""
        return tuple([d.xreplace({s: size(named(parts(s.name)[0], Index(letter)))
                                  for s in d.free_symbols if parts(s.name)[1] == (at,)}) for d in shape])

    def read_call(self, node: ast.Call) -> Expr:
        name = node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")
        if name == "sum" and len(node.args) == 1 and isinstance(node.args[0], ast.GeneratorExp):
            return self.read_total(node.args[0])
        return super().read_call(node)

    def read_total(self, node: ast.GeneratorExp) -> Expr:
        """`sum(e[t] for t in 1..T)`."""
        generator, *more = node.generators
        if generator.ifs or generator.is_async:
            raise self.fail(node, "a sum runs over a range, without a condition", kind=UnsupportedError)
        before = self.enter(node, generator.target, generator.iter)
        letter = self.around[-1].index
        term = self.read_total(ast.copy_location(ast.GeneratorExp(node.elt, more), node)) if more else self.read(node.elt)
        var, outside = self.summand(node, term), self.around[:-1]
        key = self.totals.get(var.name, var.name)
        left = tuple([index for index in parts(var.name)[1] if index.anchor != letter])
        if self.body:
            self.leave(before)
        self.around, self.body = outside, before
        total = Var(named(f"Σ{parts(key)[0]}", left), term.shape)
        self.totals[total.name] = key
        return total

    def summand(self, node: ast.GeneratorExp, term: Expr) -> Var:
        """The state that a sum adds up, or the sum over another range; a new state where it is neither."""
        if isinstance(term, Var) and (term.name in self.totals or self.is_state(term)) and set(parts(term.name)[1]) <= set(self.here):
            if self.around[-1].index in {index.anchor for index in parts(term.name)[1]}:
                return term
        base = next(f"term{k}" for k in range(1, 10**6) if f"term{k}" not in self.tensors and f"term{k}" not in self.ends)
        equation = Equation(named(base, self.here), self.movable(node, term), self.place(node))
        self.body.append(equation)
        self.known(equation.var)
        return equation.var

    def is_state(self, var: Var) -> bool:
        base = parts(var.name)[0]
        return base in self.ends and base in self.shapes and self.shapes[base] is var and var.name not in self.inputs

    READERS = {**Declarations.READERS, ast.Name: read_name, ast.Subscript: read_subscript, ast.Call: read_call}
