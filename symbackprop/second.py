"""Second order and forward mode for whole networks: Hessians and Jacobians in closed form, and their products with directions.

Everything is the tangent program of `forward` over the forward and the backward equations. A closed form is read off it by
`linear`; a product keeps every name, so that its size is linear in the network's.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Sequence
from dataclasses import replace
from functools import cached_property

import numpy as np

from .algebra import add, is_zero, zero
from .codegen import export_module
from .errors import SymbackpropError, nearest
from .expr import Add, Contract, Expr, Shape, Var, names_in
from .forward import dot, push, tangents
from .linear import coefficient, common_scalars, flat
from .notation import Notation
from .numeric import Floats, evaluate, run
from .program import Equation, Program
from .results import Derivation, block, derive
from .reverse import bar
from .rules import tidy
from .show.forms import Indexed, Scaled, Sum
from .show.indices import IndexWriter
from .show.kronecker import kronecker_form, taught
from .show.matrix import transposed
from .show.writing import TextWriter
from .views import substitute

LAYOUTS = ("numerator", "denominator")


class Jacobian:
    """∂y/∂x in closed form. `expr` has y's indices, then x's (the other way round in denominator layout).

    `str()` is an equation in Unicode: a matrix, a Kronecker product for matrices in vec (columns stacked), or
    index form. `value(**arrays)` is the array, its axes those of `expr`.
    """

    def __init__(self, derivation: Derivation, expr: Expr, of: str, wrt: tuple[str, str], layout: str) -> None:
        self.derivation, self.of, self.wrt, self.layout, self.plain = derivation, of, wrt, layout, expr

    @cached_property
    def split(self) -> int:
        """How many indices of `expr` stand first as one group."""
        rank = len(shape_of(self.derivation.program, self.wrt[1]))
        return self.plain.rank - rank if self.layout == "numerator" else rank

    @cached_property
    def expr(self) -> Expr:
        if self.layout == "numerator":
            return self.plain
        own = self.plain.rank - self.split
        return permuted(self.plain, (*range(own, self.plain.rank), *range(own)))

    @property
    def shape(self) -> Shape:
        return self.expr.shape

    def value(self, **arrays: object) -> np.ndarray:
        """The array at these inputs, by name. Raises `SymbackpropError` where one is missing."""
        program = self.derivation.program
        if missing := [n for n in program.inputs if n not in arrays]:
            raise SymbackpropError(f"{missing[0]} is missing")
        values = {n: np.asarray(arrays[n], dtype=float) for n in program.inputs}
        sizes = {str(d): k for n, v in program.inputs.items() for d, k in zip(v.shape, values[n].shape) if d.is_Symbol}
        known = run(program, values, sizes, Floats())
        return evaluate(self.expr, known, sizes, Floats())

    def sides(self, writer: TextWriter) -> tuple[str, str]:
        form = kronecker_form(self.expr, self.split)
        if not self.split and (self.expr.rank == 1 or self.expr.rank == 2 and not self.wrt[0]) and type(form) is not Indexed:
            form = lying(form)  # one row, for a scalar; of a matrix by a scalar and of a scalar by a matrix the transpose
        tex = "\\" in writer.quotient
        if type(form) is Indexed and self.expr.rank and not is_zero(self.expr):
            return self.entry(writer, IndexWriter(writer).letters(self.expr)[0], tex), writer.form(form)[0]
        return self.left(writer, tex, type(form) is not Indexed and self.expr.rank > 2), writer.form(form)[0]

    def entry(self, writer: TextWriter, letters: list[str], tex: bool) -> str:
        """`∂λ_i/∂A_jk`, or `∂²C/∂A_ij∂A_kl`: what stands on the left of an entry."""
        first, last = letters[:self.split], letters[self.split:]
        pairs = [(self.of, []), (self.wrt[0], first), (self.wrt[1], last)] if self.wrt[0] else (
            [(self.of, first), (self.wrt[1], last)] if self.layout == "numerator" else [(self.of, last), (self.wrt[1], first)])
        d = r"\partial " if tex else "∂"
        (above, *below) = [writer.with_indices(writer.symbol(n), own) for n, own in pairs if n]
        above = d.rstrip() + ("^2 " if tex else "²") + above if self.wrt[0] else d + above
        below = (" " * tex).join(d + part for part in below)
        return rf"\frac{{{above}}}{{{below}}}" if tex else f"{above}/{below}"

    def left(self, writer: TextWriter, tex: bool, stacked: bool) -> str:
        """`∂²C/∂x∂xᵀ`, or `∂z/∂x`, with vec around matrices that are read as vectors."""
        def name(n: str) -> str:
            symbol = writer.symbol(n)
            if not stacked or len(shape_of(self.derivation.program, n)) < 2:
                return symbol
            return rf"\operatorname{{vec}}({symbol})" if tex else f"vec({symbol})"
        d, turn = (r"\partial ", writer.transpose_mark) if tex else ("∂", writer.transpose_mark)
        below = [d + name(n) for n in self.wrt if n]
        if self.wrt[0]:
            above, below = (r"\partial^2 " if tex else "∂²") + writer.symbol(self.of), [below[0] + " " * tex, turn(below[1]) if self.lies_down() else below[1]]
        else:
            above = d + name(self.of)
            if stacked and self.layout == "numerator":
                below = [turn(below[0])]
            elif stacked:
                above = turn(above)
        return rf"\frac{{{above}}}{{{''.join(below)}}}" if tex else f"{above}/{''.join(below)}"

    def lies_down(self) -> bool:
        """Whether what a Hessian is differentiated by last is a row: always but for a scalar, and for a matrix after a scalar."""
        return bool(self.expr.rank - self.split) and (self.split > 0 or self.expr.rank == 1)

    def text(self) -> str:
        """The equation in Unicode."""
        return " = ".join(self.sides(taught(self.derivation.writer(False))))

    __str__ = __repr__ = text

    def latex(self) -> str:
        """The equation in LaTeX."""
        return " = ".join(self.sides(taught(self.derivation.writer(True))))

    def _repr_latex_(self) -> str:
        return f"$\\displaystyle {self.latex()}$"


class Hessian(dict):
    """(a, b) -> the block ∂²C/∂a∂bᵀ, a `Jacobian` of the gradient by a."""

    def text(self) -> str:
        """One block a line, in Unicode."""
        return "\n".join(block_.text() for block_ in self.values())

    __str__ = __repr__ = text

    def latex(self) -> str:
        """The blocks as one aligned LaTeX environment."""
        return block([block_.latex().replace(" = ", " &= ", 1) for block_ in self.values()])


class Products:
    """A program that gives products with directions: Hv for `hvp`, Jv for `jvp`, named by what they belong to.

    `str()` lists every equation that is added to the forward ones; `sb.lambdify` compiles it.
    """

    def __init__(self, derivation: Derivation, equations: tuple[Equation, ...], directions: dict[str, Var], results: dict[str, str]) -> None:
        self.derivation, self.directions, self.results = derivation, directions, results
        self.equations = needed(equations, set(results.values()))

    @property
    def program(self) -> Program:
        """The forward program with the directions among its inputs."""
        own = self.derivation.program
        return replace(own, inputs={**own.inputs, **{v.name: v for v in self.directions.values()}}, claims=())

    def writer(self, tex: bool) -> TextWriter:
        known = self.derivation.in_notation(replace(self.derivation.notation, cotangent="bar")).writer(tex)
        for name, var in self.directions.items():
            known.symbols[var.name] = dotted(known.symbol(name), tex)
        for equation in self.equations:
            if equation.name.startswith("˙"):
                known.symbols[equation.name] = dotted(known.symbol(equation.name[1:]), tex)
        return known

    def text(self) -> str:
        """The added equations in Unicode; ẋ is the direction of x and the tangent of every other name."""
        writer = self.writer(False)
        return "\n".join(f"{writer.symbol(e.name)} = {writer.write(e.expr)}" for e in self.equations)

    __str__ = text

    def latex(self) -> str:
        """The added equations as one aligned LaTeX environment."""
        writer = self.writer(True)
        return block([f"{writer.symbol(e.name)} &= {writer.write(e.expr)}" for e in self.equations])

    def source(self) -> str:
        """A NumPy module with `value_and_grad(*, …) -> (value, {name: product})`; the direction of x is given as v_x."""
        return export_module(self.program, Program({}, self.equations), self.derivation.loss, self.results)


def permuted(node: Expr, order: tuple[int, ...]) -> Expr:
    """The axes of a tensor in another order, sums term by term, so that what stands in front of them stays there."""
    if type(node) is Add:
        return add([permuted(term, order) for term in node.terms])
    labels = tuple(range(node.rank))
    if type(node) is Contract and type(node.operands[-1]) is Add and node.inputs[-1] == node.output and not any(node.inputs[:-1]):
        return Contract((*node.operands[:-1], permuted(node.operands[-1], order)), (*node.inputs[:-1], labels), labels)
    return flat([node], [labels], order)


def lying(form: object) -> object:
    """A form transposed, sums term by term."""
    match form:
        case Sum():
            return Sum(tuple(map(lying, form.terms)))
        case Scaled() if form.body is not None:
            return form._replace(body=lying(form.body))
    return transposed(form)


def dotted(symbol: str, tex: bool) -> str:
    return rf"\dot{{{symbol}}}" if tex else unicodedata.normalize("NFC", symbol[0] + "\u0307" + symbol[1:])


def needed(equations: tuple[Equation, ...], wanted: set[str]) -> tuple[Equation, ...]:
    """The equations that the wanted names rest on."""
    kept = []
    for equation in reversed(equations):
        if equation.name in wanted:
            kept.append(equation)
            wanted = wanted | names_in(equation.expr).keys()
    return tuple(reversed(kept))


def shape_of(program: Program, name: str) -> Shape:
    """The shape of a name of the program. Raises `SymbackpropError` where there is none."""
    if name in program.inputs:
        return program.inputs[name].shape
    if name not in program.table:
        raise SymbackpropError(f"there is no tensor {name}", hint=nearest(name, [*program.inputs, *program.table]))
    return program.table[name].expr.shape


def directions_for(program: Program, wrt: Sequence[str]) -> dict[str, Var]:
    """Name -> the variable of its direction, `v_x` unless the user has that name."""
    if isinstance(wrt, str):
        raise TypeError("wrt is a list of names")
    taken, made = {*program.inputs, *program.table}, {}
    for name in wrt:
        own = f"v_{name}"
        while own in taken:
            own += "_"
        made[name] = Var(own, shape_of(program, name))
    return made


def closed(derivation: Derivation, target: Equation, by: str) -> Expr:
    """∂target/∂by as a tensor, target's indices first, written in the names of the forward program."""
    program, primes = derivation.program, derivation.notation.primes
    direction = directions_for(program, [by])[by]
    moving: dict[str, Expr] = {by: direction}
    for equation in program.equations:
        if equation.name != by and (moved := push(equation, moving, primes)) is not None:
            moving[equation.name] = tidy(moved, program.facts)[0]
    moved = push(target, moving, primes) if target.name not in moving else moving[target.name]
    if moved is not None and target.name not in program.table:
        moved = substitute(moved, {target.name: target.expr})  # a gradient is written out, not named
    if moved is None or direction.name not in names_in(moved):
        return zero((*target.expr.shape, *direction.shape))
    return common_scalars(tidy(coefficient(tidy(moved, program.facts)[0], direction), program.facts)[0])


def jacobian(net: Program, of: str, wrt: str, layout: str = "numerator", notation: Notation = Notation()) -> Jacobian:
    """∂of/∂wrt in closed form; numerator layout has the rows of `of`, denominator layout those of `wrt`.

    >>> import symbackprop as sb
    >>> print(sb.jacobian(sb.parse("z: R[n]; p = softmax(z); C = sum(p**2)"), "p", "z"))
    ∂p/∂z = diag(p) − p pᵀ

    Raises `SymbackpropError` for a name that is not there, `UnsupportedError` for what has no closed form.
    """
    if layout not in LAYOUTS:
        raise SymbackpropError(f"there is no layout {layout!r}", hint=f"one of {', '.join(LAYOUTS)}")
    if of not in net.table:
        raise SymbackpropError(f"no equation defines {of}", hint=nearest(of, list(net.table)))
    derivation = Derivation(net, of, (), notation)
    return Jacobian(derivation, closed(derivation, net[of], wrt), of, ("", wrt), layout)


def hessian(net: Program, wrt: Sequence[str] | None = None, loss: str | None = None, notation: Notation = Notation()) -> Hessian:
    """The blocks ∂²C/∂a∂bᵀ for all a and b in `wrt` (default: every declared tensor), in closed form.

    >>> import symbackprop as sb
    >>> print(sb.hessian(sb.parse("X: R[m, n]; y: R[m]; w: R[n]; C = sum((X @ w - y)**2)"), ["w"]))
    ∂²C/∂w∂wᵀ = 2 Xᵀ X

    Raises `SymbackpropError` as `derive` does, `UnsupportedError` for what has no closed form.
    """
    derivation = derive(net, wrt, loss, notation)
    whole = {e.name: e for e in derivation.view("expanded")}
    return Hessian({(a, b): Jacobian(derivation, closed(derivation, whole[bar(a)], b), derivation.loss, (a, b), "numerator")
                    for a in derivation.wrt for b in derivation.wrt})


def hvp(net: Program, wrt: Sequence[str] | None = None, loss: str | None = None, notation: Notation = Notation()) -> Products:
    """The product of the Hessian with a direction, for whole networks and in linear size: no Hessian is formed.

    >>> import symbackprop as sb
    >>> f = sb.lambdify(sb.hvp(sb.parse("A: R[n, n]; x: R[n]; C = x @ A @ x"), ["x"]))
    >>> f(A=[[1.0, 2.0], [0.0, 3.0]], x=[1.0, 1.0], v_x=[1.0, 0.0])[1]["x"]
    array([2., 2.])

    Raises as `derive`.
    """
    derivation = derive(net, wrt, loss, notation)
    equations = (*derivation.program.equations, *derivation.backward.equations)
    directions = directions_for(net, derivation.wrt)
    moved = tangents(equations, directions, notation.primes)
    have = {e.name for e in moved}
    still = tuple(Equation(dot(bar(n)), zero(shape_of(net, n))) for n in derivation.wrt if dot(bar(n)) not in have)
    return Products(derivation, (*derivation.backward.equations, *moved, *still), directions, {n: dot(bar(n)) for n in derivation.wrt})


def jvp(net: Program, of: str, wrt: Sequence[str] | None = None, notation: Notation = Notation()) -> Products:
    """The derivative of a named value along a direction (forward mode): each name's tangent from those before it.

    >>> import symbackprop as sb
    >>> print(sb.jvp(sb.parse("W: R[m, n]; x: R[n]; z = W @ x; C = sum(z**2)"), "z", ["x"]))
    ż = W ẋ

    Raises `SymbackpropError` for a name that is not there.
    """
    if of not in net.table:
        raise SymbackpropError(f"no equation defines {of}", hint=nearest(of, list(net.table)))
    directions = directions_for(net, list(net.inputs) if wrt is None else wrt)
    moved = tangents(net.equations, directions, notation.primes)
    if dot(of) not in {e.name for e in moved}:
        moved.append(Equation(dot(of), zero(net.table[of].expr.shape)))
    derivation = Derivation(net, of, (), notation)
    return Products(derivation, tuple(moved), directions, {of: dot(of)})
