"""Integer class labels in hand-written code, read as one-hot vectors and matrices: `P[range(N), y]`, `p[y[i]]`, `j == y[i]`."""

from __future__ import annotations

import ast

import sympy as sp

from ..algebra import add, negative
from ..cells import filled
from ..errors import ShapeError, UnsupportedError
from ..expr import Delta, Expr, Ones, Var, show_shape
from ..program import Fact
from ..selection import pick
from ..source.indexing import is_ellipsis, is_none
from .conditions import as_int
from .places import Place, Stretch, part_at
from .terms import CodeTerms
from .values import Again, Array, Free, Labels, Picked, Rows


class CodeLabels(CodeTerms):
    """Indices that are data."""

    def labels_of(self, index: ast.expr, table: Expr) -> object:
        """The one-hot matrix of `[range(N), y]` beside a table; None for any other index."""
        match index:
            case ast.Tuple(elts=[rows, labels]) if not isinstance(rows, ast.Slice) and not isinstance(labels, ast.Slice) \
                    and not is_none(rows) and not is_none(labels) and table.rank == 2:
                where = self.value(rows)
                if isinstance(where, list) and len(where) == 1:
                    where = where[0]
                if not isinstance(where, (Rows, range)):
                    return None
                return self.one_hot(self.value(labels), table)
        if type(table) is Delta and not isinstance(index, (ast.Tuple, ast.Slice)):
            value = self.value(index)
            if isinstance(value, (Free, Labels)):
                rows = self.open(f"{value.name}_0")
                var = self.one_hot(value, Ones(self.known.put((rows, table.shape[0]))))
                return Array(var)
        return None

    def one_hot(self, value: object, table: Expr) -> Expr:
        """Integer labels as a 0/1 matrix of the table's shape with one 1 in every row."""
        if not isinstance(value, (Free, Labels)):
            if isinstance(value, Array) and type(value.expr) is Var and value.expr.name in self.inputs and value.initial is None:
                value = Free(value.expr.name)
            else:
                raise UnsupportedError("the labels in this index are computed, which is not followed")
        return self.hot(value.name, table.shape, "labels", Fact("sum", value.name, axis=1))

    def hot(self, name: str, shape: tuple[sp.Expr, ...], kind: str, sums: Fact) -> Var:
        """An input of zeros and ones that stands for labels."""
        if self.known.kinds.get(name) != kind:
            self.known.kinds[name] = kind
            self.known.shapes[name] = shape
            self.known.ranks.pop(name, None)
            if name in self.inputs:
                raise Again
        if name not in self.inputs:
            self.known.shapes[name] = shape
            self.inputs[name] = Var(name, self.known.put(shape))
        for fact in (sums, Fact("binary", name)):
            if fact not in self.facts:
                self.facts.append(fact)
        said = f"class labels, read as the one-hot matrix of shape {show_shape(shape)}" if kind == "labels" else f"the number of a class, read as a one-hot vector of {show_shape(shape)}"
        self.readings[f"{name} holds {said}"] = None
        if self.inputs[name].shape != shape:
            raise ShapeError(f"the labels {name} have {show_shape(self.inputs[name].shape)} as one-hot rows, not {show_shape(shape)}")
        return self.inputs[name]

    # --- one label ---

    def label_vector(self, node: ast.expr, count: sp.Expr) -> Expr | None:
        """The one-hot vector of an index that is data, `y[i]` or `idx`; None for any other."""
        if isinstance(node, ast.Subscript) and not isinstance(node.slice, (ast.Slice, ast.Tuple)):
            named = self.label_source(node)
            if named is None:
                return None
            name, rows, at = named
            return pick(self.hot(name, (rows, count), "labels", Fact("sum", name, axis=1)), 0, sp.Integer(at))
        value = self.value(node) if isinstance(node, ast.Name) else None
        if isinstance(value, Free) and value.default is None and self.known.kinds.get(value.name) in (None, "label"):
            return self.hot(value.name, (count,), "label", Fact("sum", value.name))
        return None

    def label_source(self, node: ast.Subscript) -> tuple[str, sp.Expr, int] | None:
        """(name, number of rows, which) of `y[i]` where y is given and i a number."""
        owner, at = self.value(node.value), None
        if isinstance(owner, (dict, list, tuple, str)):
            return None
        at = as_int(self.value(node.slice))
        if not isinstance(at, int):
            return None
        if isinstance(owner, Array) and type(owner.expr) is Var and owner.expr.name in self.inputs and owner.initial is None:
            return owner.expr.name, owner.expr.shape[0], at
        if isinstance(owner, Free):
            stated = self.known.shapes.get(owner.name)
            rows = stated[0] if stated else self.open(f"{owner.name}_0")
            return owner.name, self.rows_for(self.known.put((rows,))[0], at), at
        return None

    def is_label(self, node: ast.Compare) -> Expr | None:
        """`j == y[i]` as 0 or 1; None where the one side is no label or the other no number."""
        ends = (node.left, node.comparators[0]) if len(node.ops) == 1 else ()
        for label, other in (ends, ends[::-1]) if ends and isinstance(node.ops[0], (ast.Eq, ast.NotEq)) else ():
            named = self.label_source(label) if isinstance(label, ast.Subscript) else None
            if named is None or self.known.kinds.get(named[0]) != "labels" or named[0] not in self.inputs:
                continue
            at = as_int(self.value(other))
            if isinstance(at, int):
                found = pick(pick(self.inputs[named[0]], 0, sp.Integer(named[2])), 0, sp.Integer(at))
                return found if isinstance(node.ops[0], ast.Eq) else add((filled(sp.S.One, ()), negative(found)))
        return None

    # --- places ---

    def places_of(self, index: ast.expr, table: Expr, labelled: bool = True) -> list[Place] | None:
        """What an index takes of each axis; None where it has no label (if one is wanted) or is of another form."""
        parts = index.elts if isinstance(index, ast.Tuple) else [index]
        if len(parts) > table.rank or any(is_none(p) or is_ellipsis(p) for p in parts):
            return None
        found: list[Place] = []
        for part, count in zip(parts, table.shape):
            if isinstance(part, ast.Slice):
                if part.step is not None:
                    return None
                found.append(Stretch(*(None if e is None else self.size_value(self.value(e)) for e in (part.lower, part.upper))))
                continue
            hot = self.label_vector(part, count)
            at = None if hot is not None else as_int(self.value(part))
            if hot is None and not isinstance(at, int):
                return None
            found.append(hot if hot is not None else sp.Integer(at))
        return found if not labelled or any(isinstance(p, Expr) for p in found) else None

    def labelled_part(self, table: Expr, places: list[Place]) -> object:
        """What stands at a label: one entry is kept apart, so that log and minus go inside."""
        hots = [p for p in places if isinstance(p, Expr)]
        if len(hots) == 1 and len(places) == table.rank and not any(isinstance(p, Stretch) for p in places):
            return Picked(part_at(table, [Stretch() if p is hots[0] else p for p in places]), hots[0])
        return self.kept(part_at(table, places))
