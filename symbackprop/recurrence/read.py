"""A model's text with `for l in 1..L:` -> `Recurrent`. What stands in an equation is read as everywhere else.

Inside a loop over l: `a[l-1]` of a state needs its start (`a[0]`) declared; `W[l]` of a declared family is the step's own;
`x[t]` of an array is its row t, the first at t = 1.
"""

from __future__ import annotations

import ast
import re

import sympy as sp

from ..errors import ParseError, ShapeError, UnsupportedError, nearest
from ..expr import Const, Expr, Shape, Var, show_shape, size
from ..program import Equation, expose_pre_activations
from ..source.read import Reader
from .indexed import Index, moved, named, parts
from .model import Loop, Recurrent

LOOP = re.compile(r"^[ \t]*for[ \t]+\w+[ \t]+in[ \t]+\w+[ \t]*\.\.[ \t]*\w+", re.MULTILINE)
DOTS = re.compile(r"(?<=\w)([ \t]*)\.\.(?=[ \t]*\w)")


class LoopReader(Reader):
    """Reads a model with loops."""

    def __init__(self, text: str) -> None:
        super().__init__(text)
        self.clean = DOTS.sub(r"\1^ ", self.clean)  # `1..L` as something of the same length that Python can parse
        self.items: list[Equation | Loop] = []
        self.letters: dict[str, str] = {}           # the end of a range -> its running letter
        self.shapes: dict[str, Var] = {}            # state -> its variable at the running index
        self.ends: dict[str, str] = {}              # state, family or array of rows -> the end of its range
        self.totals: dict[str, str] = {}
        self.starts: dict[str, dict[Index, Var]] = {}
        self.last: dict[str, Index] = {}            # state -> the index of its last step
        self.whole: set[str] = set()
        self.letter, self.high, self.step, self.spelled = "", "", 1, ""
        self.body: list[Equation] = []

    def program(self) -> Recurrent:
        for statement in self.tree().body:
            self.statement(statement)
        if self.claims:
            raise self.fail(self.claims[0], "claims about a model with loops are not judged yet", kind=UnsupportedError)
        for base in {parts(name)[0] for name in self.inputs if name in {v.name for v in self.shapes.values()}} - set(self.ends):
            raise ParseError(f"no loop reads {base}, so nobody knows how many there are")
        for name in self.whole & {base for base in self.ends if base in self.inputs}:
            raise ParseError(f"{name} is read by rows in a loop and whole elsewhere: that is not supported yet")
        return Recurrent(self.inputs, tuple(self.items), self.totals, tuple(self.facts), names=self.names)

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

    # declarations

    def declare_indexed(self, node: ast.AnnAssign) -> None:
        """`a[0]: R[n[0]]` is a start, `W[l]: R[n[l], n[l-1]]` a family."""
        base, index = self.target(node.target)
        shape = self.declared_shape(node)
        if not index.anchor or index.anchor in self.sizes:
            self.start(node, base, index, Var(named(base, index), shape))
            self.inputs[named(base, index)] = self.starts[base][index]
        elif index.offset:
            raise self.fail(node, f"a family is declared at its plain index: {base}[{index.anchor}]")
        else:
            self.new_name(node.target, base)
            self.inputs[named(base, index)] = self.shapes[base] = Var(named(base, index), shape)

    def start(self, node: ast.AST, base: str, at: Index, var: Var) -> None:
        self.check_name(node, base)
        known = self.starts.setdefault(base, {})
        if base in self.tensors or base in self.ends or at in known:
            raise self.fail(node, f"{base}[{at}] is defined twice")
        if at.anchor and at.offset < 1 or not at.anchor and at.offset > 0:
            raise self.fail(node, f"a start stands before the first step (at 0), or beyond the last of a loop that runs down, not at {at}")
        known[at] = var
        self.tensors[var.name] = var

    def declared_shape(self, node: ast.AnnAssign) -> Shape:
        match node.annotation:
            case ast.Name(id="R"):
                return ()
            case ast.Subscript(value=ast.Name(id="R"), slice=inner):
                return tuple([self.read_size(part) for part in (inner.elts if isinstance(inner, ast.Tuple) else [inner])])
        raise self.fail(node, f"{self.text(node.annotation)[:40]} is not a type", "write R for a scalar, R[n] or R[m, n]")

    def read_size(self, node: ast.expr) -> sp.Expr:
        if isinstance(node, ast.Subscript) and isinstance(node.value, ast.Name):
            base, index = self.target(node)
            if base not in self.sizes:
                self.new_name(node, base)
                self.sizes.add(base)
            return size(named(base, index))
        return super().read_size(node)

    def target(self, node: ast.Subscript) -> tuple[str, Index]:
        if not isinstance(node.value, ast.Name):
            raise self.fail(node, f"{self.text(node)[:40]} is no name with an index")
        index = self.index(node.slice)
        if index is None:
            raise self.fail(node, f"the index in {self.text(node)[:40]} is not a letter, a number, or a letter ± a number",
                            kind=UnsupportedError)
        return node.value.id, index

    def index(self, node: ast.expr) -> Index | None:
        match node:
            case ast.Name(id=name):
                return Index(self.letter if name == self.spelled else name)
            case ast.Constant(value=int(value)) if not isinstance(value, bool):
                return Index("", value)
            case ast.UnaryOp(op=ast.USub(), operand=ast.Constant(value=int(value))):
                return Index("", -value)
            case ast.BinOp(left=ast.Name(), op=ast.Add() | ast.Sub(), right=ast.Constant(value=int(value))):
                return self.index(node.left) + (value if isinstance(node.op, ast.Add) else -value)
        return None

    # loops

    def loop(self, node: ast.For) -> None:
        self.enter(node, node.target, node.iter)
        before, self.body = self.body, []
        for statement in node.body:
            match statement:
                case ast.Assign(targets=[ast.Subscript()]):
                    self.define_state(statement)
                case ast.For():
                    raise self.fail(statement, "a loop inside a loop is not read yet: write one of the two out", kind=UnsupportedError)
                case _:
                    raise self.fail(statement, f"in a loop each line defines a name at {self.spelled}, as in "
                                               f"a[{self.spelled}] = …")
        if node.orelse:
            raise self.fail(node, "for … else is not part of the language", kind=UnsupportedError)
        self.items.append(Loop(self.letter, self.high, self.exposed(), self.step))
        self.letter, self.high, self.step, self.spelled, self.body = "", "", 1, "", before

    def enter(self, node: ast.AST, target: ast.expr, over: ast.expr) -> None:
        """The range of a loop or of a sum: `l in 1..L`, or `t in T..1`."""
        match over:
            case ast.BinOp(left=ast.Constant(value=1), op=ast.BitXor(), right=ast.Name(id=high)):
                step = 1
            case ast.BinOp(left=ast.Name(id=high), op=ast.BitXor(), right=ast.Constant(value=1)):
                step = -1
            case _:
                raise self.fail(node, "a range is 1..L with a name for its end (or L..1)", kind=UnsupportedError)
        if self.letter:
            raise self.fail(node, "a sum over a range inside a loop is not read yet", kind=UnsupportedError)
        if not isinstance(target, ast.Name):
            raise self.fail(node, "one letter runs over a range")
        self.check_name(target, target.id)
        if high not in self.sizes:
            self.new_name(over, high)
            self.sizes.add(high)
        if target.id in self.tensors or target.id in self.sizes:
            raise self.fail(node, f"{target.id} has a meaning already: take another letter for the index")
        self.letter, self.high, self.step, self.spelled = self.letters.setdefault(high, target.id), high, step, target.id

    def define_state(self, node: ast.Assign) -> None:
        base, index = self.target(node.targets[0])
        if index != Index(self.letter):
            raise self.fail(node, f"a step defines its own values: {base}[{self.spelled}]")
        if base in self.ends or base in self.tensors or base in self.sizes or base in self.functions:
            raise self.fail(node, f"{base} is defined twice", "give the new value a new name")
        self.check_name(node, base)
        expr = self.read(node.value)
        name = named(base, index)
        promised = self.shapes.get(base)
        if promised is not None and promised.shape != expr.shape:
            start = next(iter(self.starts[base].values()))
            raise self.fail(node, f"{base}[{self.spelled}] is {show_shape(expr.shape)}, and its start {start.name} is "
                                  f"{show_shape(start.shape)}", kind=ShapeError)
        self.shapes[base], self.ends[base] = Var(name, expr.shape), self.high
        self.body.append(Equation(name, expr, self.place(node)))

    def define_indexed(self, node: ast.Assign) -> None:
        """`h[0] = …` outside the loops: a start that is computed."""
        base, index = self.target(node.targets[0])
        if index.anchor and index.anchor not in self.sizes:
            raise self.fail(node, f"{base}[{index}] is defined in a loop: for {index.anchor} in 1..…:")
        expr = self.read(node.value)
        self.start(node, base, index, Var(named(base, index), expr.shape))
        self.items.append(Equation(named(base, index), expr, self.place(node)))

    def exposed(self) -> tuple[Equation, ...]:
        """The body with a name for every pre-activation."""
        here = Index(self.letter)
        made = expose_pre_activations(tuple(self.body), {named(base, here) for base in (*self.tensors, *self.shapes)})
        for equation in made:
            base = parts(equation.name)[0]
            self.ends[base], self.shapes[base] = self.high, equation.var
            self.last[base] = Loop(self.letter, self.high, (), self.step).last
        return made

    # reading

    def read_name(self, node: ast.Name) -> Expr:
        if node.id == self.spelled and self.letter or node.id in self.letters.values():
            raise self.fail(node, f"the index {node.id} as a number is not supported yet", kind=UnsupportedError)
        if node.id in self.shapes or node.id in self.starts:
            raise self.fail(node, f"{node.id} has one value for each step: write {node.id}[{self.spelled or '…'}]")
        if node.id in self.inputs:
            self.whole.add(node.id)
        return super().read_name(node)

    def read_subscript(self, node: ast.Subscript) -> Expr:
        if not isinstance(node.value, ast.Name) or (index := self.index(node.slice)) is None:
            return super().read_subscript(node)
        base = node.value.id
        recurring = self.letter and index.anchor == self.letter and index.offset
        if base in self.starts or base in self.shapes or recurring and base not in self.tensors:
            return self.read_indexed(node, base, index)
        array = self.tensors.get(base)
        if array is not None and self.letter and array.shape and array.shape[0] == size(self.high):
            if index != Index(self.letter):
                raise self.fail(node, f"{self.text(node)}: rows of {base} run from 1 to {self.high}; only {base}[{self.spelled}] "
                                      "is read in this loop", kind=UnsupportedError)
            self.ends[base] = self.high
            return Var(named(base, index), array.shape[1:])
        if array is None:
            known = [*self.tensors, *self.shapes]
            raise self.fail(node, f"{base} is not declared", nearest(base, known))
        return super().read_subscript(node)

    def read_indexed(self, node: ast.Subscript, base: str, index: Index) -> Expr:
        """A state, a family or a start at an index."""
        if index in self.starts.get(base, {}):
            return self.starts[base][index]
        if self.letter and index.anchor == self.letter:
            return self.read_step(node, base, index)
        last = self.last.get(base)
        if last is not None and index == last:
            return moved(self.shapes[base], self.letters[self.ends[base]], index)
        raise self.fail(node, f"{self.text(node)}: outside its loop a state is read at the step that is run last"
                              + (f", {base}[{last}]" if last else ", and there is no such start"), kind=UnsupportedError)

    def read_step(self, node: ast.Subscript, base: str, index: Index) -> Expr:
        back = -index.offset * self.step
        family = parts(self.shapes[base].name)[1].anchor if base in self.shapes else self.letter
        if family != self.letter:
            raise self.fail(node, f"{base} is declared over {family}: let the loop run over {family} too")
        if named(base, Index(index.anchor)) in self.inputs:  # one of a family
            if self.ends.setdefault(base, self.high) != self.high or index.offset:
                raise self.fail(node, f"{self.text(node)}: step {self.spelled} reads {base}[{self.spelled}]", kind=UnsupportedError)
            return moved(self.shapes[base], self.letter, index)
        if base in self.ends and self.ends[base] != self.high:
            raise self.fail(node, f"{base} runs over 1..{self.ends[base]}, not over 1..{self.high}", kind=UnsupportedError)
        if back < 0 or back == 0 and base not in self.ends:
            raise self.fail(node, f"{self.text(node)} is not known yet at step {self.spelled}")
        around = Loop(self.letter, self.high, (), self.step)
        lacking = [at for steps in range(1, back + 1) if (at := around.before(steps)) not in self.starts.get(base, {})]
        if lacking:
            raise self.fail(node, f"{self.text(node)} reads {base}[{lacking[0]}] in the first step, and no such start is declared",
                            f"declare it: {base}[{lacking[0]}]: R[…]")
        if base not in self.shapes:
            at = around.before(1)
            self.shapes[base] = Var(named(base, Index(self.letter)), self.general(self.starts[base][at].shape, at))
        return moved(self.shapes[base], self.letter, index)

    def general(self, shape: Shape, at: Index) -> Shape:
        """The shape of a state at l, from that of its start: `n[0]` becomes `n[l]`."""
        here = Index(self.letter)
        return tuple([d.xreplace({s: size(named(parts(s.name)[0], here))
                                  for s in d.free_symbols if parts(s.name)[1] == at}) for d in shape])

    def read_call(self, node: ast.Call) -> Expr:
        name = node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")
        if name == "sum" and len(node.args) == 1 and isinstance(node.args[0], ast.GeneratorExp):
            return self.read_total(node.args[0])
        return super().read_call(node)

    def read_total(self, node: ast.GeneratorExp) -> Expr:
        """`sum(e[t] for t in 1..T)`."""
        if len(node.generators) != 1 or node.generators[0].ifs or node.generators[0].is_async:
            raise self.fail(node, "a sum runs over one range, without a condition", kind=UnsupportedError)
        self.enter(node, node.generators[0].target, node.generators[0].iter)
        term = self.read(node.elt)
        base, index = parts(term.name) if isinstance(term, Var) else ("", None)
        if index is None or base not in self.ends or base in self.inputs:
            base = next(f"term{k}" for k in range(1, 10**6) if f"term{k}" not in self.tensors and f"term{k}" not in self.ends)
            self.items.append(Loop(self.letter, self.high, (Equation(named(base, Index(self.letter)), term, self.place(node)),)))
            self.ends[base], self.shapes[base] = self.high, Var(named(base, Index(self.letter)), term.shape)
        self.totals[f"Σ{base}"] = base
        self.letter, self.high, self.step, self.spelled = "", "", 1, ""
        return Var(f"Σ{base}", term.shape)


    READERS = {**Reader.READERS, ast.Name: read_name, ast.Subscript: read_subscript, ast.Call: read_call}
