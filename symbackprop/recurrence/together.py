"""Sums over all steps as one product of stacked arrays: `Σ_t δ_t h_{t-1}ᵀ` is Dᵀ H, which a matrix product computes at once.

A stack stands for a name at every step of a loop; the first axes of all stacks that are summed together become one.
"""

from __future__ import annotations

from typing import NamedTuple

from ..algebra import add, contract
from ..expr import Add, Apply, Contract, Expr, Shape, Var, size
from ..ops.tensor import apply
from .adjoint import Summand
from .blocks import BlockModule
from .indexed import Index, moved, parts
from .model import Loop


class Stack(NamedTuple):
    """What a name is at every step, `letter` running over them, in the shape of an array."""

    name: str
    letter: str
    shape: Shape


class StackingModule(BlockModule):
    """Reads whole stacks where a sum runs over all steps."""

    def __init__(self, *given: object) -> None:
        super().__init__(*given)
        self.stacks: dict[str, Stack] = {}

    def at_once(self, summand: Summand) -> tuple[Expr | None, Summand | None]:
        """The shares that one product of stacks makes of the last loop's steps, and those that are added step by step."""
        terms = summand.expr.children if type(summand.expr) is Add else (summand.expr,)
        made = [self.over_steps(summand.loops[-1], term) for term in terms]
        left = [term for term, whole in zip(terms, made) if whole is None]
        whole = [w for w in made if w is not None]
        return add(whole) if whole else None, Summand(summand.loops, add(left)) if left else None

    def over_steps(self, loop: Loop, term: Expr) -> Expr | None:
        """A product summed over the steps of a loop; None where it is no product of what can be stacked."""
        if type(term) is Var:
            operands, inputs, output = (term,), (tuple(range(term.rank)),), tuple(range(term.rank))
        elif type(term) is Contract:
            operands, inputs, output = term.operands, term.inputs, term.output
        else:
            return None
        later = Index(loop.index, 1)
        runs = [moved(o, loop.index, later) is not o for o in operands]
        if not any(runs) or any(r and not self.is_stacked(o, loop) for r, o in zip(runs, operands)):
            return None
        step = 1 + max((label for labels in inputs for label in labels), default=-1)
        deep = self.common([labels for r, labels in zip(runs, inputs) if r], [labels for r, labels in zip(runs, inputs) if not r], output)
        made = [self.stacked(o, loop, deep) if r else o for r, o in zip(runs, operands)]
        return contract(made, [(step, *labels[deep:]) if r else labels for r, labels in zip(runs, inputs)], output)

    def common(self, stacked: list[tuple[int, ...]], others: list[tuple[int, ...]], output: tuple[int, ...]) -> int:
        """How many first axes all stacks sum together, so that they are one axis with the steps."""
        apart = {label for labels in (*others, output) for label in labels}
        deep = 0
        for column in zip(*stacked):
            if len(set(column)) > 1 or column[0] in apart or any(labels.count(column[0]) > 1 for labels in stacked):
                break
            deep += 1
        return deep

    def is_stacked(self, node: Expr, loop: Loop) -> bool:
        """Whether an operand is a name whose values at all steps lie behind each other."""
        if type(node) is Apply and node.op == "one_hot":
            return self.is_stacked(node.args[0], loop)
        if type(node) is not Var or not self.element(node.name) or node.name.startswith("Σ"):
            return False
        if any(index.anchor == loop.index for d in node.shape for s in d.free_symbols for index in parts(s.name)[1]):
            return False
        room, indices = self.room(node.name)
        lists = [index.anchor for index, one in zip(indices, room.loops) if self.is_list(room, one)]
        arrays = [index.anchor for index, one in zip(indices, room.loops) if not self.is_list(room, one)]
        return [i.anchor for i in indices].count(loop.index) == 1 and (loop.index in arrays or lists[-1:] == [loop.index] and not arrays)

    def stacked(self, var: Expr, loop: Loop, deep: int) -> Expr:
        """The variable of a stack whose steps and first axes are one; of places, their one-hot rows."""
        if type(var) is Apply:
            return apply(var.op, self.stacked(var.args[0], loop, deep), *var.args[1:], params=var.params)
        first = size(loop.high)
        for d in var.shape[:deep]:
            first = first * d
        shape = (first, *var.shape[deep:])
        name = f"{var.name}·{loop.index}·{deep}"
        self.stacks[name] = Stack(var.name, loop.index, shape if deep else ())
        return Var(name, shape)

    # how a stack is read

    def local(self, name: str) -> str:
        if (stack := self.stacks_of().get(name)) is not None:
            return self.names.fresh(("stack", name), f"{super().local(stack.name)}_all")
        return super().local(name)

    def stacks_of(self) -> dict[str, Stack]:
        return getattr(self, "stacks", {})  # words are asked for before there are any

    def element(self, name: str) -> bool:
        return name in self.stacks_of() or super().element(name)

    def place(self, name: str) -> str:
        if (stack := self.stacks.get(name)) is None:
            return super().place(name)
        room, indices = self.room(stack.name)
        steps, listed = [], False
        for index, shift, loop, count in zip(indices, room.shifts, room.loops, room.counts()):
            if index.anchor != stack.letter:
                steps.append(self.step(index, shift))
                continue
            start, more, listed = 1 + index.offset + shift, index.offset + shift + 1, self.is_list(room, loop)
            stop = f"{loop.high} {'+' if more > 0 else '-'} {abs(more)}" if more else loop.high
            whole = not start and stop == count
            steps.append("" if whole and loop is room.loops[-1] and len(room.loops) == 1 else
                         f"{start or ''}{' ' * bool(start and more)}:{' ' * bool(more)}{stop}")
        text = self.entry_of(room, steps).replace("[]", "")
        text = f"{self.stack}({text})" if listed else text
        dims = [self.shards.shared(d) if self.shards else d for d in map(self.writer.size, stack.shape)]
        return f"{text}.reshape({', '.join(dims)})" if dims else text
