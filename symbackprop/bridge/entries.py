"""A node as a SymPy equation over entries: `Eq(name[i, j], Sum(…))` on `IndexedBase`s, indices from 0."""

from __future__ import annotations

import sympy as sp

from ..cells import lambda_of
from ..errors import UnsupportedError
from ..expr import Add, Apply, Const, Delta, Expr, Map, Ones, Var, is_identity

LETTERS = "ijklpqrstuvw"


class Entries:
    """Nodes entry by entry; every sum gets letters of its own."""

    def __init__(self, names: dict[str, str], name: str) -> None:
        self.names, self.name, self.used = names, name, 0

    def equation(self, node: Expr) -> sp.Eq:
        own = self.fresh(node.rank)
        left = sp.IndexedBase(self.names.get(self.name, self.name), shape=node.shape or None)
        return sp.Eq(left[own] if own else sp.Symbol(str(left), real=True), self.entry(node, own), evaluate=False)

    def fresh(self, count: int) -> tuple[sp.Symbol, ...]:
        start, self.used = self.used, self.used + count
        return tuple(sp.Symbol(LETTERS[k % 12] + ("" if k < 12 else str(k // 12)), integer=True) for k in range(start, self.used))

    def entry(self, node: Expr, at: tuple[sp.Symbol, ...]) -> sp.Expr:
        match node:
            case Var():
                name = self.names.get(node.name, node.name)
                return sp.IndexedBase(name, shape=node.shape)[at] if node.rank else sp.Symbol(name, real=True)
            case Const():
                return node.value
            case Ones():
                return sp.S.One
            case Delta():
                return relation_entry(node, at)
            case Add():
                return sp.Add(*[self.entry(term, at) for term in node.terms])
            case Map() if node.function.opaque:
                x = sp.Dummy("x")
                body: sp.Expr = sp.Function(node.function.name)(x)
                for _ in node.function.derivative:
                    body = body.diff(x)
                return body.subs(x, self.entry(node.args[0], at))
            case Map():
                return lambda_of(node)(*[self.entry(arg, at) for arg in node.args])
            case Apply(op="softmax" | "log_softmax" | "logsumexp"):
                return self.exponentials(node, at)
            case Apply():
                raise UnsupportedError(f"{node.op} has no entries that SymPy can write")
        return self.product(node, at)

    def exponentials(self, node: Apply, at: tuple[sp.Symbol, ...]) -> sp.Expr:
        """Softmax, its logarithm, or the logarithm of the sum, along an axis."""
        (arg,), axis, (k,) = node.args, node.params[0] % node.args[0].rank, self.fresh(1)
        rest = at[:axis] + at[axis + (node.op != "logsumexp"):]
        total = sp.Sum(sp.exp(self.entry(arg, (*rest[:axis], k, *rest[axis:]))), (k, 0, arg.shape[axis] - 1))
        if node.op == "logsumexp":
            return sp.log(total)
        own = self.entry(arg, at)
        return sp.exp(own) / total if node.op == "softmax" else own - sp.log(total)

    def product(self, node: Contract, at: tuple[sp.Symbol, ...]) -> sp.Expr:
        where = dict(zip(node.output, at))
        summed = [i for i in dict.fromkeys(i for labels in node.inputs for i in labels) if i not in where]
        dims = {i: d for o, labels in zip(node.operands, node.inputs) for i, d in zip(labels, o.shape)}
        where |= zip(summed, self.fresh(len(summed)))
        body = sp.Mul(*[self.entry(o, tuple(where[i] for i in labels)) for o, labels in zip(node.operands, node.inputs)])
        return sp.Sum(body, *[(where[i], 0, dims[i] - 1) for i in summed]) if summed else body


def relation_entry(node: Delta, at: tuple[sp.Symbol, ...]) -> sp.Expr:
    """The entry of a delta: Kronecker's, or 1 where its relation holds."""
    if is_identity(node):
        return sp.KroneckerDelta(*at)
    value = node.offset + sp.Add(*[c * i for c, i in zip(node.coefficients, at)])
    return sp.Piecewise((1, value >= 0), (0, True)) if node.bound else sp.KroneckerDelta(value, 0)
