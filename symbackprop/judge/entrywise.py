"""One spelling for what happens inside an entry: every elementwise part of a formula as one rational function.

Functions are written with exp, log, square roots and one indicator, whose values are the unknowns of the rational
function; so σ(z), 1/(1 + e^{-z}) and e^z/(1 + e^z) become the same node. Equal wherever both spellings have a value.
"""

from __future__ import annotations

from collections.abc import Callable
from math import comb

import sympy as sp

from ..algebra import add, broadcast, contract, hadamard, negative, power, total, transpose, zero
from ..budget import tick
from ..cells import cell, filled
from ..expr import Add, Apply, Const, Contract, Delta, Expr, Labels, Map, Ones, Shape, Var, function, is_elementwise, rebuild, walk
from ..kinks import opened
from ..normal import TooLarge, matched
from ..ops import body_of
from ..program import Fact

MAX_POWER_TERMS = 3000
CORNERED = frozenset({"step", "eq", "ne", "where", "elu"})


def matched_entrywise(a: Expr, b: Expr, facts: tuple[Fact, ...]) -> tuple[Expr, tuple[tuple[Expr, Expr], ...]] | None:
    """The difference of two sides in this spelling, and its terms as sums that are each 0; None where they are not."""
    difference = Spelling().spelled(opened(add([a, negative(b)])))
    groups = matched(difference, zero(difference.shape), facts)
    return None if groups is None else (difference, groups)


class Spelling:
    """Symbols for the parts that are no entrywise function of others, and for the values of exp, log and roots."""

    def __init__(self) -> None:
        self.symbols: dict[tuple[str, Expr], sp.Symbol] = {}
        self.nodes: dict[sp.Symbol, Expr] = {}
        self.squares: dict[sp.Symbol, sp.Expr] = {}
        self.cells: dict[Expr, sp.Expr] = {}

    def spelled(self, root: Expr) -> Expr:
        """`root` in the one spelling."""
        for node in walk(root):
            tick()
            self.cells[node] = self.reduced(self.cell_of(node))
        return self.written(self.cells[root], root.shape)

    # --- symbols ---

    def leaf(self, node: Expr) -> sp.Symbol:
        """The symbol of a node."""
        key = ("leaf", node)
        if key not in self.symbols:
            symbol = self.symbols[key] = sp.Symbol(f"t{len(self.symbols):04d}", real=True)
            self.nodes[symbol] = node
        return self.symbols[key]

    def value(self, name: str, inner: sp.Expr, shape: Shape) -> sp.Symbol:
        """The symbol of exp(inner / 2), log(inner), sqrt(inner), 1[inner > 0], ..."""
        node = self.written(inner, shape)
        key = (name, node)
        if key not in self.symbols:
            positive = name in ("exp", "root")
            symbol = self.symbols[key] = sp.Symbol(f"{name}{len(self.symbols):04d}", real=None if positive else True, positive=positive or None)
            made = {"exp": lambda: Map(function("exp"), (hadamard(filled(sp.Rational(1, 2), shape), node),)), "root": lambda: power(node, sp.Rational(1, 2))}
            self.nodes[symbol] = made[name]() if name in made else Map(function(name), (node,))
            if name == "root":
                self.squares[symbol] = inner
            if name == "cos":
                self.squares[symbol] = 1 - self.value("sin", inner, shape) ** 2
        return self.symbols[key]

    # --- nodes as cells ---

    def cell_of(self, node: Expr) -> sp.Expr:
        match node:
            case Const():
                return node.value if node.value.is_number and node.value.is_Rational else self.leaf(node)
            case Ones():
                return sp.S.One
            case Add():
                return sp.Add(*(self.cells[t] for t in node.terms))
            case Map():
                return self.map_cell(node)
            case Apply():
                return self.apply_cell(node)
            case Contract():
                return self.contract_cell(node)
        return self.leaf(node)

    def map_cell(self, node: Map) -> sp.Expr:
        f, args = node.function, [self.cells[a] for a in node.args]
        if f.name == "step" and not f.derivative:
            return self.indicator(args[0], node.shape)
        if f.name == "where" and not f.derivative and node.args[0] in self.cells and is_indicator(node.args[0]):
            return args[0] * args[1] + (1 - args[0]) * args[2]
        if f.opaque or f.name in CORNERED or f.name == "power":
            return self.leaf(Map(f, tuple(self.written(c, a.shape) for c, a in zip(args, node.args))))
        body = body_of(f)
        return self.function_cell(body.expr, dict(zip(body.variables, args)), node.shape) or self.leaf(
            Map(f, tuple(self.written(c, a.shape) for c, a in zip(args, node.args))))

    def indicator(self, inner: sp.Expr, shape: Shape) -> sp.Expr:
        """1[x > 0] of a primitive x with a fixed sign; 1[x·1[x > 0] > 0] is 1[x > 0]."""
        for symbol in inner.free_symbols:
            if symbol.name.startswith("step") and (rest := sp.cancel(inner / symbol)).is_polynomial(symbol) and symbol not in rest.free_symbols:
                if self.indicator(rest, shape) == symbol:
                    return symbol
        inner = positive_content(inner)
        if inner.could_extract_minus_sign():
            return 1 - self.value("step", sp.expand(-inner), shape)
        return self.value("step", inner, shape)

    def function_cell(self, body: sp.Expr, env: dict[sp.Symbol, sp.Expr], shape: Shape) -> sp.Expr | None:
        """A SymPy body over cells; None for what has no such spelling."""
        if body in env:
            return env[body]
        if body.is_Rational:
            return body
        parts = [self.function_cell(a, env, shape) for a in body.args] if not body.is_Pow else [self.function_cell(body.base, env, shape)]
        if not body.args or any(p is None for p in parts):
            return None
        if body.is_Add or body.is_Mul:
            return body.func(*parts)
        if body.is_Pow:
            return self.root_cell(parts[0], body.exp, shape) if body.exp.is_Rational else self.function_cell_exp(body, env, shape)
        return self.named_cell(body, parts[0], shape)

    def function_cell_exp(self, body: sp.Expr, env: dict, shape: Shape) -> sp.Expr | None:
        inner = self.function_cell(body.exp, env, shape) if body.base == sp.E else None
        return None if inner is None else self.exp_cell(inner, shape)

    def named_cell(self, body: sp.Expr, x: sp.Expr, shape: Shape) -> sp.Expr | None:
        match body:
            case sp.exp():
                return self.exp_cell(x, shape)
            case sp.log():
                return self.log_cell(x, shape)
            case sp.tanh():
                e = self.exp_cell(2 * x, shape)
                return (e - 1) / (e + 1)
            case sp.sinh():
                return (self.exp_cell(x, shape) - self.exp_cell(-x, shape)) / 2
            case sp.cosh():
                return (self.exp_cell(x, shape) + self.exp_cell(-x, shape)) / 2
            case sp.sin() | sp.cos():
                return self.wave_cell(body.func, x, shape)
            case sp.tan():
                return self.wave_cell(sp.sin, x, shape) / self.wave_cell(sp.cos, x, shape)
        return None

    def exp_cell(self, x: sp.Expr, shape: Shape) -> sp.Expr:
        """exp of a sum as a product of powers; exp(k log u) is a power of u."""
        found = sp.S.One
        for term in sp.Add.make_args(sp.expand(self.reduced(x))):
            number, rest = term.as_coeff_Mul()
            if rest.is_Symbol and rest.name.startswith("log") and number.is_Integer:
                found *= self.cells_inside(rest) ** number
            elif (2 * number).is_Integer:
                found *= self.value("exp", rest, shape) ** (2 * number)
            else:
                found *= self.value("exp", term, shape) ** 2
        return found

    def cells_inside(self, symbol: sp.Symbol) -> sp.Expr:
        return self.cells.get(self.nodes[symbol].args[0]) or self.leaf(self.nodes[symbol].args[0])

    def log_cell(self, x: sp.Expr, shape: Shape) -> sp.Expr:
        """log of a product of things that are positive by their form is a sum."""
        top, bottom = sp.fraction(self.reduced(x))
        found = sp.S.Zero
        for part, sign in ((top, 1), (bottom, -1)):
            number, factors = sp.factor_list(part)
            if number != 1 or not all(is_positive(base) for base, _ in factors):
                return self.value("log", self.reduced(x), shape)
            for base, k in factors:
                if base.is_Symbol and base.name.startswith("exp"):
                    found += sign * k * self.half_of(base)
                else:
                    found += sign * k * self.value("log", base, shape)
        return found

    def half_of(self, symbol: sp.Symbol) -> sp.Expr:
        return self.reduced(self.cell_of_known(self.nodes[symbol].args[0]))

    def cell_of_known(self, node: Expr) -> sp.Expr:
        for part in walk(node):
            if part not in self.cells:
                self.cells[part] = self.reduced(self.cell_of(part))
        return self.cells[node]

    def wave_cell(self, kind: type, x: sp.Expr, shape: Shape) -> sp.Expr:
        """sin and cos of whole multiples of primitive arguments, spelled out."""
        number, rest = sp.factor_terms(x).as_coeff_Mul()
        if not number.is_Integer:
            number, rest = sp.S.One, x
        s, c, u = self.value("sin", sp.expand(rest), shape), self.value("cos", sp.expand(rest), shape), sp.Dummy(real=True)
        return sp.expand_trig(kind(number * u)).subs({sp.sin(u): s, sp.cos(u): c})

    def root_cell(self, base: sp.Expr, exponent: sp.Rational, shape: Shape) -> sp.Expr:
        if exponent.is_Integer:
            return base ** exponent
        if exponent.q == 2:
            return self.value("root", self.reduced(base), shape) ** exponent.p
        return self.leaf(Map(function("pow", (exponent,)), (self.written(self.reduced(base), shape),)))

    # --- tensors ---

    def apply_cell(self, node: Apply) -> sp.Expr:
        args = tuple(self.written(self.cells[a], a.shape) for a in node.args)
        z = args[0] if args else None
        if node.op in ("softmax", "log_softmax", "logsumexp"):
            e = Map(function("exp"), (z,))
            mass = total(e, (node.params[0],))
            if node.op == "logsumexp":
                return self.cell_of_known(Map(function("log"), (mass,)))
            wide = spread(mass, node.shape, node.params[0])
            return self.cell_of_known(hadamard(e, power(wide, -1)) if node.op == "softmax" else add([z, negative(Map(function("log"), (wide,)))]))
        if node.op == "norm":
            return self.cell_of_known(power(total(power(z, 2)), sp.Rational(1, 2)))
        if node.op in ("inv", "det", "logdet") and is_transpose(z):
            plain = rebuild(node, (transpose(z),))
            return self.leaf(transpose(plain) if node.op == "inv" else plain)
        return self.leaf(rebuild(node, args))

    def contract_cell(self, node: Contract) -> sp.Expr:
        real = [k for k, o in enumerate(node.operands) if type(o) is not Ones]
        if is_elementwise(node.inputs, node.output):
            return sp.Mul(*(self.cells[o] for o in node.operands))
        if len(real) == 1 and len(set(node.inputs[real[0]])) == len(node.inputs[real[0]]) and set(node.inputs[real[0]]) <= set(node.output) \
                and len(set(node.output)) == len(node.output) and all(set(i) <= set(node.output) for i in node.inputs):
            inner = self.cells[node.operands[real[0]]]
            return self.moved(inner, lambda leaf: put_in_place(leaf, node, real[0]), node)
        return self.product_cell(node)

    def moved(self, inner: sp.Expr, move: Callable[[Expr], Expr], whole: Expr) -> sp.Expr:
        """A cell over tensors that are repeated or turned: the same function of the repeated or turned tensors."""
        found = {}
        for symbol in sorted((s for s in inner.free_symbols if self.nodes[s].shape), key=str):
            node = self.nodes[symbol]
            made = rebuild(node, tuple(move(a) for a in node.args)) if type(node) is Map else move(node)
            found[symbol] = self.leaf(whole) if made is whole else self.cell_of_known(made)
        return inner.xreplace(found)

    def product_cell(self, node: Contract) -> sp.Expr:
        """A sum of products: what stands at the same indices is one cell; what shares no summed index comes out."""
        parts = components(node)
        if len(parts) > 1:
            return sp.Mul(*(self.cell_of_known(part) for part in parts))
        groups: dict[Labels, list[Expr]] = {}
        for operand, labels in zip(node.operands, node.inputs):
            groups.setdefault(labels, []).append(operand)
        outside = sp.Mul(*(self.cells[o] for o in groups.pop((), [])))
        operands, inputs = [], []
        for labels, members in groups.items():
            joined = self.reduced(sp.Mul(*(self.cells[o] for o in members)))
            operands.append(members[0] if type(members[0]) in (Delta, Ones) and len(members) == 1 else self.written(joined, members[0].shape))
            inputs.append(labels)
        made = contract(operands, inputs, node.output)
        return outside * (self.leaf(made) if type(made) is not Const else made.value)

    # --- back ---

    def reduced(self, expr: sp.Expr) -> sp.Expr:
        """A quotient in lowest terms; squares of roots and of cosines put in. Raises `TooLarge` before it multiplies out too much."""
        for p in expr.atoms(sp.Pow):
            if p.base.is_Add and p.exp.is_Integer and comb(abs(int(p.exp)) + len(p.base.args) - 1, len(p.base.args) - 1) > MAX_POWER_TERMS:
                raise TooLarge
        expr = sp.cancel(sp.together(expr)) if not (expr.is_Symbol or expr.is_Rational) else expr
        known = [s for s in sorted(expr.free_symbols, key=str) if s in self.squares]
        for symbol in known:
            top, bottom = (reduced_powers(part, symbol, self.squares[symbol]) for part in sp.fraction(expr))
            expr = sp.cancel(sp.together(top / bottom))
        return expr

    def written(self, expr: sp.Expr, shape: Shape) -> Expr:
        """The node of a cell: numerator terms over one denominator."""
        expr = self.reduced(expr)
        top, bottom = sp.fraction(expr)
        lead = sp.Poly(bottom, *sorted(bottom.free_symbols, key=str)).LC() if bottom.free_symbols else bottom
        top, bottom = sp.expand(top / lead), sp.expand(bottom / lead)
        node = self.node_of(top, shape)
        return node if bottom == 1 else hadamard(node, power(self.node_of(bottom, shape), -1))

    def node_of(self, expr: sp.Expr, shape: Shape) -> Expr:
        wide = {s: self.nodes[s] for s in expr.free_symbols}
        return cell(expr, wide, shape)


def components(node: Contract) -> list[Expr]:
    """A product as factors of its shape and scalars, apart where no summed index ties them together."""
    groups: list[tuple[set[int], list[int]]] = []
    for k, labels in enumerate(node.inputs):
        summed = set(labels) - set(node.output)
        tied = [g for g in groups if g[0] & summed]
        groups = [g for g in groups if not g[0] & summed] + [(summed.union(*(g[0] for g in tied)), [*(j for g in tied for j in g[1]), k])]
    dims = {label: d for o, labels in zip(node.operands, node.inputs) for label, d in zip(labels, o.shape)}
    whole = [g for _, g in groups if set(node.output) <= {i for j in g for i in node.inputs[j]}]
    scalars = [g for _, g in groups if not set(node.output) & {i for j in g for i in node.inputs[j]}]
    rest = sorted(j for _, g in groups if g not in whole and g not in scalars for j in g)
    found = [product_of(node, g, node.output) for g in whole] + [product_of(node, g, ()) for g in scalars if node.output]
    if not node.output:
        return [product_of(node, g, ()) for _, g in groups] if len(groups) > 1 else [node]
    if rest:
        missing = [i for i in node.output if i not in {i for j in rest for i in node.inputs[j]}]
        ones = [Ones(tuple(dims[i] for i in missing))] if missing else []
        found.append(contract([*(node.operands[j] for j in rest), *ones], [*(node.inputs[j] for j in rest), *([tuple(missing)] if missing else [])], node.output))
    return found


def product_of(node: Contract, which: list[int], output: Labels) -> Expr:
    return contract([node.operands[k] for k in sorted(which)], [node.inputs[k] for k in sorted(which)], output)


def reduced_powers(part: sp.Expr, symbol: sp.Symbol, square: sp.Expr) -> sp.Expr:
    """A polynomial in a symbol whose square is known, of degree at most 1 in it."""
    if symbol not in part.free_symbols:
        return part
    poly = sp.Poly(part, symbol)
    return sp.Add(*(c * square ** (k // 2) * symbol ** (k % 2) for (k,), c in poly.terms()))


def positive_content(expr: sp.Expr) -> sp.Expr:
    """An expression divided by the positive number that all its terms share."""
    content, rest = sp.expand(expr).as_content_primitive()
    return rest if content > 0 else -rest


def is_positive(base: sp.Expr) -> bool:
    """Positive by its form: a sum of products of exponentials with positive coefficients."""
    terms = sp.Add.make_args(sp.expand(base))
    return all(t.as_coeff_Mul()[0] > 0 and all(s.name.startswith("exp") for s in t.free_symbols) for t in terms)


def is_indicator(node: Expr) -> bool:
    return type(node) is Map and node.function.name in ("step", "gt", "lt", "ge", "le")


def is_transpose(node: Expr) -> bool:
    return type(node) is Contract and len(node.operands) == 1 and node.inputs == ((0, 1),) and node.output == (1, 0)


def spread(node: Expr, shape: Shape, axis: int) -> Expr:
    return broadcast(node, shape, tuple(k for k in range(len(shape)) if k != axis))


def put_in_place(leaf: Expr, node: Contract, k: int) -> Expr:
    """`leaf` where the operand `k` of a repetition or transposition stands."""
    operands = list(node.operands)
    operands[k] = leaf
    return contract(operands, node.inputs, node.output)
