"""Indices in hand-written code: dictionaries and lists, new axes, `P[range(N), y]`, comprehensions, and stores in place."""

from __future__ import annotations

import ast

import sympy as sp

from ..algebra import Const, add, hadamard, negative
from ..cells import filled
from ..errors import ParseError, ShapeError, UnsupportedError, nearest
from ..expr import Delta, Expr, Ones, Var, show_shape
from ..program import Fact
from ..source.indexing import is_none
from ..source.shapes import new_axes, stretch
from ..tex.tensors import Met, Unknown
from .conditions import as_int
from .labels import CodeLabels
from .names import LISTS
from .places import Place, part_at, put_at, replaced_at
from .terms import LAYERS
from .values import Array, Frame, Free, Labels, Picked

COMPREHENSION_LIMIT = 100


class CodeIndex(CodeLabels):
    """Subscripts, read and written."""

    def subscript(self, node: ast.Subscript) -> object:
        owner = self.part(node.value)
        match owner:
            case dict():
                return self.entry(owner, node)
            case list() | tuple() | str() | range():
                return self.element(owner, node)
            case Free():
                return self.opened(owner, node)
            case Labels():
                return owner
        expr = self.as_expr(owner, node.value)
        picked = self.labels_of(node.slice, expr)
        if picked is not None:
            return picked if isinstance(picked, Array) else Picked(expr, picked)
        if (places := self.places_of(node.slice, expr)) is not None:
            return self.labelled_part(expr, places)
        self.given[id(node.value)] = expr
        try:
            return self.kept(self.read_subscript(node), owner)
        finally:
            self.given.pop(id(node.value), None)

    def entry(self, owner: dict, node: ast.Subscript) -> object:
        key = self.key(node.slice)
        if key not in owner:
            raise ParseError(f"{self.text(node)[:40]} is not set before this line",
                             hint=nearest(str(key), [str(k) for k in owner]))
        return self.followed(owner[key], node)

    def followed(self, value: object, node: ast.expr) -> object:
        from .values import Unread
        if isinstance(value, Unread):
            raise UnsupportedError(f"{self.text(node)[:40]} depends on line {value.error.line}, which could not be followed")
        return value

    def key(self, node: ast.expr) -> object:
        key = as_int(self.value(node))
        if not isinstance(key, (str, int, tuple)):
            raise UnsupportedError(f"the key {self.text(node)[:40]} is not known here")
        return key

    def element(self, owner: list | tuple | str | range, node: ast.Subscript) -> object:
        if isinstance(node.slice, ast.Slice):
            ends = [None if e is None else as_int(self.value(e)) for e in (node.slice.lower, node.slice.upper, node.slice.step)]
            if all(e is None or isinstance(e, int) for e in ends):
                return owner[slice(*ends)]
        else:
            at = as_int(self.value(node.slice))
            if isinstance(at, int) and -len(owner) <= at < len(owner):
                return self.followed(owner[at], node)
        raise UnsupportedError(f"{self.text(node)[:40]}: which element this is, is not known here")

    def opened(self, owner: Free, node: ast.Subscript) -> object:
        """An index into an open value: a dictionary of parameters, a list of sizes, labels, or a tensor."""
        if isinstance(node.slice, (ast.Constant, ast.BinOp, ast.JoinedStr, ast.Name, ast.UnaryOp)):
            key = as_int(self.value(node.slice))
            if isinstance(key, str):
                return self.open_entry(owner, key)
            if isinstance(key, int) and not self.holds_sizes(owner):
                self.known.indexed.add(owner.name)
                self.rows_for(self.as_expr(owner, node.value).shape[0], key)
        if isinstance(node.slice, (ast.Slice, ast.Constant, ast.BinOp, ast.Name, ast.UnaryOp)) and self.holds_sizes(owner):
            return self.element(self.opened_list(owner), node)
        expr = self.as_expr(owner, node.value)
        given = ast.copy_location(ast.Subscript(node.value, node.slice, node.ctx), node)
        self.given[id(node.value)] = expr
        try:
            return self.subscript(given)
        finally:
            self.given.pop(id(node.value), None)

    def holds_sizes(self, owner: Free) -> bool:
        """Whether an open value is a list of layer sizes."""
        return owner.array is None and owner.name not in self.known.shapes and (
            self.known.plain(owner.name).rpartition("_")[2] in LISTS or self.known.kinds.get(owner.name) == "sizes" or isinstance(owner.default, (list, tuple)))

    def rows_for(self, rows: sp.Expr, at: int) -> sp.Expr:
        """The rows of something that is read at numbers: as many as the loop has rounds. Raises `Met` where that was open."""
        if isinstance(rows, Unknown):
            raise Met(rows, sp.Integer(max(LAYERS, self.rounds_now, at + 1, -at)))
        return rows

    rounds_now = 0

    def open_entry(self, owner: Free, key: str) -> object:
        """A parameter out of a dictionary that the text does not fill."""
        if owner.items is None:
            owner.items = self.open_items(owner)
        if key not in owner.items:
            owner.items[key] = Free(self.input_name(key))
        return owner.items[key]

    def open_items(self, owner: Free) -> dict[str, object]:
        return {}

    # --- stores in place ---

    def stored(self, array: Array, index: ast.expr, value: object, node: ast.AST, op: ast.operator | None) -> Expr:
        """What an array holds after `a[index] = value` or `a[index] op= value`."""
        old = array.value()
        new = self.as_expr(value, index)
        if isinstance(index, ast.Slice) and index.lower is index.upper is None:
            return stretch(new, old.shape) if op is None else self.updated(op, old, new)
        places = self.places_of(index, old)
        mask = self.mask_of(index, old, array) if places is None else None
        if mask is None:
            return self.stored_at(old, new, places or self.places_of(index, old, False), index, op)
        if isinstance(index, ast.Tuple) and new.rank == old.rank - 1 == 1:
            new = new_axes(new, (1,), 2)  # one value for each row
        inside = self.updated(op, old, new) if op is not None else stretch(new, old.shape)
        outside = hadamard(old, self.as_expr(self.kept(add((filled(sp.S.One, old.shape), negative(mask)))), index))
        if op is not None and isinstance(op, (ast.Add, ast.Sub)) and not new.rank:
            term = hadamard(mask, filled(sp.S.One, old.shape)) if new is Const(sp.S.One) else hadamard(mask, stretch(new, old.shape))
            return add((old, term if isinstance(op, ast.Add) else negative(term)))
        return add((outside, hadamard(mask, inside)))

    def stored_at(self, old: Expr, new: Expr, places: list[Place] | None, index: ast.expr, op: ast.operator | None) -> Expr:
        """An array with one of its parts set or changed."""
        if places is None:
            raise UnsupportedError(f"a store into {self.text(index)[:40]} of an array is not followed")
        match op:
            case None:
                return replaced_at(old, new, places)
            case ast.Add() | ast.Sub():
                return add((old, put_at(new if isinstance(op, ast.Add) else negative(new), old.shape, places)))
        return replaced_at(old, self.updated(op, part_at(old, places), new), places)

    def updated(self, op: ast.operator, old: Expr, new: Expr) -> Expr:
        alone = ast.BinOp(ast.Constant(0), op, ast.Constant(0))
        from ..source.shapes import added, multiplied
        from ..algebra import power
        match op:
            case ast.Add():
                return added((old, new))
            case ast.Sub():
                return added((old, negative(new)))
            case ast.Mult():
                return multiplied((old, new))
            case ast.Div():
                return multiplied((old, power(new, -1)))
        raise UnsupportedError(f"{type(alone.op).__name__} in place is not followed")

    def mask_of(self, index: ast.expr, old: Expr, array: Array) -> Expr | None:
        """The 0/1 tensor of a boolean index or of `[range(N), y]`."""
        if isinstance(index, ast.Tuple):
            if array.initial is not None and type(old) is Var:
                old = array.initial
            found = self.labels_of(index, old)
            return found if isinstance(found, Expr) else None
        if isinstance(index, ast.Slice):
            return None
        value = self.value(index)
        if isinstance(value, Array) and value.value().shape == old.shape:
            return value.value()
        return None

    # --- comprehensions ---

    def comprehension(self, node: ast.ListComp | ast.GeneratorExp) -> list:
        return [value for value in self.generated(node.generators, lambda: self.value(node.elt))]

    def dict_comprehension(self, node: ast.DictComp) -> dict:
        return dict(self.generated(node.generators, lambda: (self.key(node.key), self.value(node.value))))

    def generated(self, generators: list[ast.comprehension], make: object) -> list:
        if len(generators) != 1:
            raise UnsupportedError("a comprehension with two loops is not followed")
        loop = generators[0]
        outer, found = self.frame, []
        items = self.items(self.value(loop.iter), loop.iter)
        if len(items) > COMPREHENSION_LIMIT:
            raise UnsupportedError(f"a comprehension over more than {COMPREHENSION_LIMIT} elements")
        for item in items:
            self.frame = Frame({}, outer)
            try:
                self.unpack_names(loop.target, item)
                if all(self.truth(self.value(test), test) for test in loop.ifs):
                    found.append(make())
            finally:
                self.frame = outer
        return found

    def unpack_names(self, target: ast.expr, value: object) -> None:
        """Loop variables."""
        if isinstance(target, ast.Name):
            self.frame.names[target.id] = value
        elif isinstance(target, ast.Tuple):
            for part, item in zip(target.elts, self.items(value, target)):
                self.unpack_names(part, item)

    VALUES = {**CodeLabels.VALUES, ast.Subscript: subscript, ast.ListComp: comprehension, ast.GeneratorExp: comprehension,
              ast.DictComp: dict_comprehension}
