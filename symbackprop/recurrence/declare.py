"""What is declared in a model with loops: starts `a[0]`, families `W[l]`, sizes `n[l]`; and how indices are read."""

from __future__ import annotations

import ast
from typing import NamedTuple

import sympy as sp

from ..errors import UnsupportedError
from ..expr import Shape, Var, size
from ..source.read import Reader
from .indexed import Index, Indices, named
from .model import Item, Loop


class Around(NamedTuple):
    """A loop that is being read; `spelled` is its letter as it stands in the text, `index` that of its range everywhere."""

    index: str
    high: str
    step: int
    spelled: str

    @property
    def loop(self) -> Loop:
        return Loop(self.index, self.high, (), self.step)


class Declarations(Reader):
    """Reads what stands before the loops; what it knows of them, `LoopReader` fills in."""

    def __init__(self, text: str) -> None:
        super().__init__(text)
        self.items: list[Item] = []
        self.letters: dict[str, str] = {}           # the end of a range -> its running letter
        self.shapes: dict[str, Var] = {}            # state or family -> its variable at the running indices
        self.steps: dict[str, dict[str, int]] = {}  # state -> the letters that it runs over and which way
        self.ends: set[str] = set()                 # states that are defined, families and arrays that a loop reads
        self.rows: set[str] = set()
        self.totals: dict[str, str] = {}
        self.starts: dict[str, dict[Indices, Var]] = {}
        self.whole: set[str] = set()
        self.around: tuple[Around, ...] = ()
        self.body: list[Item] = self.items

    def declare_indexed(self, node: ast.AnnAssign) -> None:
        """`a[0]: R[n[0]]` is a start, `h[l, 0]: R[m]` one for each l, `W[l]: R[n[l], n[l-1]]` a family."""
        base, indices = self.target(node.target)
        shape = self.declared_shape(node)
        name = named(base, indices)
        if any(index.offset and self.is_letter(index) for index in indices):
            letters = ", ".join(index.anchor for index in indices)
            raise self.fail(node, f"a family is declared at its plain index: {base}[{letters}]")
        if all(map(self.is_letter, indices)):
            self.new_name(node.target, base)
            self.inputs[name] = self.shapes[base] = Var(name, shape)
        else:
            self.start(node, base, indices, Var(name, shape))
            self.inputs[name] = self.starts[base][indices]

    def is_letter(self, index: Index) -> bool:
        """Whether an index runs: it is no number, and no end of a range."""
        return bool(index.anchor) and index.anchor not in self.sizes

    def start(self, node: ast.AST, base: str, indices: Indices, var: Var) -> None:
        self.check_name(node, base)
        known = self.starts.setdefault(base, {})
        if base in self.tensors or base in self.shapes or indices in known:
            raise self.fail(node, f"{var.name} is defined twice")
        for at in indices:
            if at.anchor in self.sizes and at.offset < 1 or not at.anchor and at.offset > 0:
                raise self.fail(node, f"a start stands before the first step (at 0), or beyond the last of a loop that runs down, not at {at}")
        known[indices] = var
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
            base, indices = self.target(node)
            if base not in self.sizes:
                self.new_name(node, base)
                self.sizes.add(base)
            return size(named(base, indices))
        return super().read_size(node)

    def target(self, node: ast.Subscript) -> tuple[str, Indices]:
        if not isinstance(node.value, ast.Name):
            raise self.fail(node, f"{self.text(node)[:40]} is no name with an index")
        indices = self.indices(node.slice)
        if indices is None:
            raise self.fail(node, f"the index in {self.text(node)[:40]} is not a letter, a number, or a letter ± a number",
                            kind=UnsupportedError)
        return node.value.id, indices

    def indices(self, node: ast.expr) -> Indices | None:
        found = tuple(map(self.index, node.elts)) if isinstance(node, ast.Tuple) else (self.index(node),)
        return None if None in found or not found else found

    def index(self, node: ast.expr) -> Index | None:
        match node:
            case ast.Name(id=name):
                return Index(next((a.index for a in self.around if a.spelled == name), name))
            case ast.Constant(value=int(value)) if not isinstance(value, bool):
                return Index("", value)
            case ast.UnaryOp(op=ast.USub(), operand=ast.Constant(value=int(value))):
                return Index("", -value)
            case ast.BinOp(left=ast.Name(), op=ast.Add() | ast.Sub(), right=ast.Constant(value=int(value))):
                return self.index(node.left) + (value if isinstance(node.op, ast.Add) else -value)
        return None
