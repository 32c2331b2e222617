"""Derivatives as people write them -> quantities: `∂C/∂W`, `dW`, `\\nabla_W L`, `\\delta^l`, and Jacobians.

A quantity is a variable of its own, `∂C/∂W` of the shape of W or `∂z/∂x` of the shape of z and then of x, until a
claim is judged. Its indices, units and transposes are those of the symbols it is made of.
"""

from __future__ import annotations

import re
from collections.abc import Collection
from dataclasses import replace

from ..algebra import contract
from ..errors import SymbackpropError, UnsupportedError
from ..expr import Contract, Expr, Labels, Var, names_in, rebuild, walk as walk_nodes
from ..program import Equation, Place
from .lookup import Lookup
from .names import Written, label, parts_of, taken_apart, unwrapped
from .syntax import Frac, Group, Juxt, Node, Script, Sym
from .tensors import Term

NUMBERED_DELTA = re.compile(r"(delta|Delta)(\d+)")
PRE_ACTIVATIONS = ("z", "Z", "u", "s", "net", "a", "h", "S", "A")


class Quantities(Lookup):
    def loss_name(self, node: Node) -> str:
        if len(self.losses) != 1:
            said = "the text has no loss" if not self.losses else f"{' and '.join(self.losses)} could be the loss"
            raise self.fail(node, f"{self.text(node)}: {said}", r"write \frac{\partial C}{\partial …}")
        return self.losses[0]

    def fraction(self, node: Node) -> Term | None:
        """`∂C/∂W` or `dL/dz` as a fraction; None where the fraction is none of these."""
        top, bottom = (node.top, node.bottom) if isinstance(node, Frac) else node.items
        above, below = self.differential(top), self.differential(bottom)
        if above is None or below is None or below == "" or isinstance(bottom, Sym) and isinstance(below, str):
            return None
        if above == "":
            return None
        return self.ratio(above, below, node)

    def operator(self, node: Node) -> Node | None:
        """What `\\frac{\\partial}{\\partial W}` differentiates by."""
        if isinstance(node, Frac) and self.differential(node.top) == "":
            below = self.differential(node.bottom)
            return None if isinstance(below, str) else below
        return None

    def differential(self, node: Node) -> Node | str | None:
        """What stands after the ∂ or d of a differential; "" where nothing does, None where there is no ∂."""
        if is_d(node):
            return ""
        if isinstance(node, Juxt) and is_d(node.items[0]):
            rest = node.items[1:]
            return rest[0] if len(rest) == 1 else Juxt(rest, (rest[0].span[0], node.span[1]))
        return None if is_higher(node) else self.after_d(node)

    def after_d(self, node: Node) -> Node | None:
        """`W_1` of `dW_1`, where `dW` is one run of letters."""
        base = node.base if isinstance(node, Script) else node
        if not isinstance(base, Sym) or base.kind not in ("run", "name", "key") or len(base.name) < 2 or base.name[0] != "d":
            return None
        rest = base.name[1:]
        start = base.span[0] + 1
        inner = Sym(rest, "letter" if len(rest) == 1 else "run", base.marks, (start, base.span[1]))
        return replace(node, base=inner, span=(start, node.span[1])) if isinstance(node, Script) else inner

    def target(self, node: Node) -> Term:
        """The tensor that a derivative speaks of; `J(θ)` is J."""
        if isinstance(node, Juxt) and len(node.items) == 2 and isinstance(node.items[1], Group) and not self.is_callee(node.items[0]):
            node = node.items[0]
        if isinstance(node, Group) and node.open == "(":
            node = node.body
        if taken_apart(node) is None:
            return self.expression(node)
        return self.named(node)

    def below(self, node: Node) -> Term:
        """What a derivative is by: a name, or an expression that stands in an equation, which then gets a name."""
        inner = node.body if isinstance(node, Group) and node.open == "(" else node
        if taken_apart(inner) is not None or isinstance(inner, Juxt) and len(inner.items) == 2 and isinstance(inner.items[1], Group):
            term = self.target(node)
            if pattern(term.node, self.classes) is not None:
                return term
        else:
            term = self.value(inner)
        if term.axes:
            raise self.fail(node, f"the derivative by {self.text(node)}, which has free indices", "give it a name", UnsupportedError)
        if type(term.node) is Var or any(e.expr is term.node for e in self.equations):
            return self.expression(inner)
        first = next((k for k, e in enumerate(self.equations) if term.node in walk_nodes(e.expr)), None)
        if first is None or not names_in(term.node):
            raise self.fail(node, f"{self.text(node)} stands in no equation", "give it a name, and write the equations with that name",
                            UnsupportedError)
        found = self.expression(inner)
        named = self.equations.pop()
        self.equations[first:] = [named, *(e._replace(expr=put(e.expr, term.node, named.var)) for e in self.equations[first:])]
        return found

    def is_callee(self, node: Node) -> bool:
        raise AssertionError("the layer above defines it")

    def expression(self, node: Node) -> Term:
        """An expression under a derivative, `\\frac{\\partial\\, a^T X b}{\\partial X}`, as an equation of its own."""
        before, self.infer = self.infer, True
        try:
            term = self.value(node)
        finally:
            self.infer = before
        if type(term.node) is Var:
            return term
        name = next((e.name for e in self.equations if e.expr is term.node), None)
        if name is None:
            taken = {*self.inputs, *(e.name for e in self.equations)}
            name = next(f"f{k or ''}" for k in range(len(taken) + 1) if f"f{k or ''}" not in taken)
            line, column = self.formula.place(node.span[0])
            self.equations.append(Equation(name, term.node, Place(line, column, self.formula.line(line))))
            self.arguments_of = {**self.arguments_of, name: tuple(names_in(term.node))}
        self.spelled[name] = f"({self.text(node)})"
        self.take(f"{name} stands for {self.text(node)}")
        return Term(Var(name, term.node.shape), term.axes, term.row)

    def named(self, node: Node) -> Term:
        if isinstance(node, Sym) and node.kind == "run" and self.find(taken_apart(node)) is None:
            return self.value(node)
        return self.symbol(node)

    def ratio(self, top: Node, bottom: Node, node: Node) -> Term:
        stacked_top, stacked_bottom = self.in_vec(top), self.in_vec(bottom)
        inner = top if stacked_top is None else stacked_top
        above = self.target(inner)
        if pattern(above.node, self.classes) is None:  # such as X^{-1}
            above = self.expression(inner)
        below = self.below(bottom) if stacked_bottom is None else self.target(stacked_bottom)
        found = self.quantity(above, below, node)
        if stacked_bottom is not None and below.rank == 2:
            found = self.stacked(found, found.rank - 2)
        return self.stacked(found, 0) if stacked_top is not None and above.rank == 2 else found

    def in_vec(self, node: Node) -> Node | None:
        """X of `\\operatorname{vec}(X)` and of `\\operatorname{vec}(X)^T`; None of anything else."""
        if not isinstance(node, Juxt) or len(node.items) != 2 or self.function_name(node.items[0]) != "vec":
            return None
        inner = node.items[1]
        if isinstance(inner, Script) and len(parts_of(inner.sup)) == 1 and self.is_transposed(inner.sup) and inner.sub is None:
            inner = inner.base
        return inner.body if isinstance(inner, Group) else inner

    def gradient(self, bottom: Node, node: Node, loss: str | None = None) -> Term:
        """The gradient of the loss by a symbol."""
        below, loss = self.below(bottom), loss or self.loss_name(node)
        if type(below.node) is Var and below.node.name == loss:
            raise self.fail(node, f"the differential {self.text(node)}", r"write \frac{\partial C}{\partial …}", UnsupportedError)
        return self.quantity(Term(Var(loss, ())), below, node)

    def quantity(self, above: Term, below: Term, node: Node) -> Term:
        """The variable `∂above/∂below`, read as its two parts are."""
        tops, bottoms = pattern(above.node, self.classes), pattern(below.node, self.classes)
        if tops is None or bottoms is None:
            raise self.fail(node, f"{self.text(node)} is no derivative of one name by another", None, UnsupportedError)
        (top, in_top, more_top, out_top), (bottom, in_bottom, more_bottom, out_bottom) = tops, bottoms
        name = f"∂{top.name}/∂{bottom.name}"
        if top.name.count("∂") > 2 or "∂" in bottom.name:
            raise self.fail(node, f"{self.text(node)}: a third derivative, or one by a derivative", None, UnsupportedError)
        shift = 1000
        moved = lambda labels: tuple(i + shift for i in labels)
        whole = Var(name, top.shape + bottom.shape)
        k, m = len(above.axes), len(below.axes)
        seen = dict(zip(above.axes, out_top))
        twice = {at + shift: seen[name] for name, at in zip(below.axes, out_bottom) if name in seen}
        tied = lambda labels: tuple(twice.get(i + shift, i + shift) for i in labels)
        fresh = tuple(i for i in moved(out_bottom[:m]) if i not in twice)
        out = out_top[:k] + fresh + out_top[k:] + moved(out_bottom[m:])
        rest = [*more_top, *((o, tied(labels)) for o, labels in more_bottom)]
        result = contract((whole, *(o for o, _ in rest)), (in_top + tied(in_bottom), *(labels for _, labels in rest)), out)
        axes = above.axes + tuple(name for name in below.axes if name not in seen)
        row = below.row if above.rank == 0 else above.row and below.rank == 0
        plain = not axes and type(above.node) is Var and type(below.node) is Var
        return Term(result, axes, row, (top.name, bottom.name, bottom.rank) if plain else None)

    def nabla(self, head: Node, rest: tuple[Node, ...]) -> tuple[Term, int]:
        """`∇_W L`, `∇ R`; the value and how many of the items after ∇ it used."""
        if not rest:
            raise self.fail(head, "∇ of nothing")
        if (found := self.hessian(head, rest)) is not None:
            return found
        if taken_apart(rest[0]) is None or self.is_callee(rest[0]):
            used, loss = len(rest), self.expression(rest[0] if len(rest) == 1 else Juxt(rest, (rest[0].span[0], rest[-1].span[1])))
        else:
            used = 2 if len(rest) > 1 and isinstance(rest[1], Group) and rest[1].open == "(" else 1
            loss = self.target(rest[0])
            if loss.rank and len(rest) > used:
                used, loss = len(rest), self.expression(Juxt(rest, (rest[0].span[0], rest[-1].span[1])))
        if loss.rank or type(loss.node) is not Var:
            raise self.fail(rest[0], f"∇ of {self.text(rest[0])}, which is no scalar by name", None, UnsupportedError)
        sub = head.sub if isinstance(head, Script) else None
        if sub is not None:
            return self.quantity(loss, self.below(sub), head), used
        return self.quantity(loss, Term(*self.only_parameter(loss.node.name, head)), head), used

    def hessian(self, head: Node, rest: tuple[Node, ...]) -> tuple[Term, int] | None:
        return None

    def only_parameter(self, loss: str, node: Node) -> tuple[Var, tuple[str, ...], bool]:
        """The argument that the loss was defined with, or the one parameter there is."""
        found = self.arguments_of.get(loss) or tuple(self.parameters)
        if len(found) != 1:
            raise self.fail(node, f"{self.text(node)}: {' or '.join(found) or 'nothing'} could be meant", r"write \nabla_W or dW")
        entry = next(e for e in self.table.tensors.values() if e.name == found[0])
        return entry.var, (), entry.row

    arguments_of: dict[str, tuple[str, ...]] = {}
    parameters: tuple[str, ...] = ()

    def cotangent(self, w: Written) -> tuple[Term, tuple[Node, ...], tuple[Node, ...], int] | None:
        """`dS`, `dW_1`, `\\delta^l`, `\\delta_h`, `\\bar x`: the gradient of the loss by what the name says."""
        if len(self.losses) != 1 or w.primes:
            return None
        inner = self.after_d(w.node)
        if inner is not None and self.is_known(inner):
            return self.gradient(inner, w.node), (), (), 0
        if w.base in ("grad", "gradient") and not w.sub:
            return self.quantity(Term(Var(self.losses[0], ())), Term(*self.only_parameter(self.losses[0], w.node)), w.node), (), (), 0
        if w.sub and label(w.sub[-1], {}) == "grad" or w.base in ("grad",):
            return self.grad_name(w)
        if w.base in ("delta", "Delta"):
            return self.delta(w)
        if numbered := NUMBERED_DELTA.fullmatch(w.base):
            return self.delta(replace(w, base=numbered[1]), numbered[2])
        if w.base.endswith(".bar"):
            plain = Written(w.base[:-4], w.sub, w.sup, 0, w.node, w.symbol)
            found = self.find(plain)
            if found is not None and type(found[0].node) is Var:
                self.take(f"{self.text(w.node)} is the cotangent of {w.base[:-4]}")
                return self.quantity(Term(Var(self.losses[0], ())), found[0], w.node), *found[1:]
        return None

    def grad_name(self, w: Written) -> tuple[Term, tuple[Node, ...], tuple[Node, ...], int] | None:
        """`W1_grad`, `grad_W`."""
        if w.base == "grad" and w.sub:
            inner: Node = w.sub[0]
        else:
            inner = w.symbol
        return (self.gradient(inner, w.node), (), w.sup, 0) if self.is_known(inner) else None

    def is_known(self, node: Node) -> bool:
        infer, self.infer = self.infer, False
        try:
            term = self.named(node)
            return bool(names_in(term.node))
        except SymbackpropError:
            return False
        finally:
            self.infer = infer

    def delta(self, w: Written, number: str = "") -> tuple[Term, tuple[Node, ...], tuple[Node, ...], int] | None:
        """δ with a layer's label is the cotangent of that layer's pre-activation; δ_h that of h."""
        loss = Term(Var(self.losses[0], ()))
        if len(w.sub) == 1 and all(self.is_transposed(p) for p in w.sup) and isinstance(unwrapped(w.sub[0]), (Sym, Script)) and \
                not (isinstance(w.sub[0], Sym) and w.sub[0].name in {*self.indices, *self.layers}) and self.is_known(w.sub[0]):
            return self.quantity(loss, self.named(w.sub[0]), w.node), (), w.sup, 0
        for base in PRE_ACTIVATIONS:
            big = (base.upper() if w.base == "Delta" else base) + number
            infer, self.infer = self.infer, False
            try:
                found = self.find(Written(big, w.sub, w.sup, 0, w.node, w.symbol))
            finally:
                self.infer = infer
            if found is not None and type(found[0].node) is Var and found[0].node.name in self.defined:
                self.take(f"{self.text(w.node)} is the derivative of {self.losses[0]} by {found[0].node.name}")
                return self.quantity(loss, found[0], w.node), *found[1:]
        return None

    defined: frozenset[str] = frozenset()


def is_d(node: Node) -> bool:
    return isinstance(node, Sym) and (node.name == "partial" and node.kind == "command" or node.name == "d" and node.kind in ("letter", "name"))


def is_nabla(node: Node) -> bool:
    """`\\nabla`, `\\nabla_W`, and `\\partial_W`."""
    base = node.base if isinstance(node, Script) else node
    return isinstance(base, Sym) and base.kind == "command" and (
        base.name == "nabla" or base.name == "partial" and isinstance(node, Script) and node.sub is not None and node.sup is None)


def is_higher(node: Node) -> bool:
    """`\\partial^2 C`."""
    head = node.items[0] if isinstance(node, Juxt) else node
    return isinstance(head, Script) and is_d(head.base) and head.sup is not None


def put(root: Expr, old: Expr, new: Expr) -> Expr:
    """`root` with a part replaced."""
    made: dict[Expr, Expr] = {}
    for node in walk_nodes(root):
        made[node] = new if node is old else rebuild(node, tuple(made[c] for c in node.children))
    return made[root]


Read = tuple[Var, Labels, list[tuple[Expr, Labels]], Labels]


def pattern(node: Expr, classes: Collection[str]) -> Read | None:
    """A variable read at labels, with the unit vectors and classes that pick entries; None for anything else."""
    if type(node) is Var:
        labels = tuple(range(len(node.shape)))
        return node, labels, [], labels
    if type(node) is Contract:
        at = [k for k, o in enumerate(node.operands) if type(o) is Var and o.name not in classes]
        others = [(o, labels) for k, (o, labels) in enumerate(zip(node.operands, node.inputs)) if k not in at]
        if len(at) == 1 and all(set(names_in(o)) <= set(classes) for o, _ in others):
            return node.operands[at[0]], node.inputs[at[0]], others, node.output
    return None
