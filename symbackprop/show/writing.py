"""Forms into one line of symbols, brackets by precedence; `TextWriter` writes Unicode for a terminal.

Another script (LaTeX) overrides how the pieces look, never where brackets go. `symbols` maps the names of a derivation's
cotangents to what the reader sees; every other name is typeset by its own spelling. `numerator` holds the names that
numerator layout prints transposed.
"""

from __future__ import annotations

from typing import NamedTuple

import sympy as sp

from ..expr import Apply, Contract, Expr
from ..notation import SUBSCRIPTS, Notation, range_text, text_name
from ..ops import SCALAR_OPS, TENSOR_OPS
from ..ops.scalar import RELATIONS
from .brackets import bare, divides, is_one_factor, without_fence
from .forms import (Atom, Call, Diag, DiagOf, Had, Identity, Indexed, Mul, Norm, Number, Over, Power, Scaled, Sum,
                    SumOver, T, Trace, Unit, is_fraction, without_ones)
from .layout import shown, turned
from .matrix import ONES_VECTOR, matrix_form, wants_slices
from .shifted import ShiftedWriter
from .slices import Slices, Told
from .sliding import Correlation, Selector, Slice, Triangle
from .text_sizes import SIZES, SUPERSCRIPTS

SUM, HAD, MUL, TIGHT, ATOM, CLOSED = range(6)
SUM_OVER_STEPS = "Σ"  # so the names of such sums begin (a tensor is called Sigma): what stands behind a sum over steps could be read as part of it
SUPERSCRIPTED, Piece = "⁰¹²³⁴⁵⁶⁷⁸⁹", tuple[str, int]


class Written(NamedTuple):
    """A piece that is written already, as a form among others."""

    text: str
    precedence: int


class TextWriter(ShiftedWriter):
    """Forms as Unicode text."""

    minus, plus, one, product, hadamard_signs = "−", " + ", "1", " ", {"odot": " ⊙ ", "circ": " ∘ "}
    quotient, kronecker, star, open_bracket, close_bracket, arrow_left, in_lines = " ⊘ ", "δ", "⋆", "(", ")", "←", True

    def __init__(self, notation: Notation = Notation(), symbols: dict[str, str] | None = None) -> None:
        self.notation, self.symbols = notation, symbols or {}
        self.numerator: frozenset[str] = frozenset()
        self.met_indices = False
        self.told = Told(set(), {}, {})
        self.times = self.hadamard_signs[notation.hadamard]
        self.methods = {Atom: self.atom, Number: self.number, Unit: self.unit, Identity: self.identity, Mul: self.mul,
                        Had: self.had, Over: self.over, Scaled: self.scaled, Sum: self.sum, SumOver: self.sum_over, T: self.transpose,
                        Diag: self.diag, DiagOf: self.diag, Trace: self.trace, Call: self.call, Power: self.power,
                        Norm: self.norm, Selector: self.selector, Slice: self.sliced, Triangle: self.triangle, Correlation: self.correlation, Indexed: self.indexed, Written: tuple}

    def write(self, node: Expr) -> str:
        """A node in matrix form."""
        form = matrix_form(node)
        return self.form(turned(form, self.numerator) if self.numerator else form)[0]

    def right_form(self, name: str, node: Expr) -> object:
        """The form of `node` as the right side of the equation of `name`."""
        form = matrix_form(node)
        return shown(form, name, self.numerator) if self.numerator else form

    def sides(self, name: str, node: Expr) -> tuple[str, str]:
        """Both sides of `name = node`: as matrices, for each slice where the whole has no matrix form, else with indices."""
        self.met_indices, form = False, self.right_form(name, node)
        if wants_slices(form) and (found := Slices(self).equation(name, node)) is not None:
            return found
        right = self.form(form)[0]
        if self.met_indices:
            from .indices import IndexWriter
            return IndexWriter(self).equation(name, node)
        return self.symbol(name), without_fence(bare(right))

    def right(self, name: str, node: Expr) -> str:
        """`node` as the right side of the equation of `name`."""
        return self.form(self.right_form(name, node))[0]

    def slope(self, node: Expr, by: Expr) -> str:
        """The derivative of a forward expression by a part of it, not yet taken: `∂(W x)/∂W`."""
        return self.derivative(*(self.wrapped(matrix_form(part), TIGHT) for part in (node, by)))

    def form(self, form: object) -> Piece:
        return self.methods[type(form)](form)

    def wrapped(self, form: object, least: int) -> str:
        text, precedence = self.methods[type(form)](form)
        return text if precedence >= least else self.brackets(text)

    # how the pieces look

    def brackets(self, text: str) -> str:
        return f"({text})"

    def joined(self, factors: list[str]) -> str:
        return self.product.join(factors)

    def symbol(self, name: str) -> str:
        return self.symbols.get(name) or text_name(name)

    def with_indices(self, symbol: str, indices: list[str]) -> str:
        """`W_ij`; `W_in[i,j]` where the name ends in a label already."""
        if not indices:
            return symbol
        labelled = "_" in symbol and not symbol.endswith(")") or any(len(i) > 1 for i in indices)
        return f"{symbol}[{','.join(indices)}]" if labelled else f"{symbol}_{''.join(indices)}"

    def entry_name(self, symbol: str, places: list[str], wide: bool) -> str:
        """An entry at places that are numbers: `x₁`, `W₂[1,3]` where the name ends in a label already."""
        if wide or not symbol[-1].isalpha() or "_" in symbol or "/" in symbol:
            return f"{symbol}[{','.join(places)}]"
        return symbol + "".join(places).translate(SUBSCRIPTS)

    def summation(self, indices: list[str]) -> str:
        return "Σ_" + ",".join(indices)

    def over_steps(self, letter: str, high: str, low: int = 1) -> str:
        """The sign of a sum over all steps of a loop, or over slices."""
        return f"Σ_{{{range_text(f'{letter}={low}..{high}')}}}"

    def with_range(self, text: str, where: str) -> str:
        """A right side with the steps that it holds for."""
        return f"{text}    ({range_text(where)})"

    def is_tall(self, symbol: str) -> bool:
        """Whether a symbol needs brackets before a mark such as ᵀ is put on it."""
        return "/" in symbol and symbol[0] != "("

    def size(self, value: sp.Expr) -> str:
        return SIZES.doprint(value)

    def transpose_mark(self, text: str) -> str:
        return text + "ᵀ"

    def fraction(self, above: str, below: str) -> Piece:
        return f"({above}/{below})", ATOM

    def derivative(self, of: str, by: str) -> str:
        return f"∂{of}/∂{by}"

    def zero_or_one(self, symbol: str) -> str:
        return symbol + " ∈ {0, 1}"

    def index_range(self, symbol: str, last: str) -> str:
        return f"{symbol} ∈ {{0, …, {last}}}"

    def words(self, text: str) -> str:
        """Words in place of a formula."""
        return text

    def rational(self, value: sp.Expr) -> Piece:
        """A non-negative number or expression in sizes."""
        if value == sp.Rational(1, 2):
            return "½", ATOM
        if value.is_Rational and value.p == 1 and value.q >= 1000 and str(value.q).strip("0") == "1":
            return self.raised("10", 1 - sp.Integer(len(str(value.q))), False), TIGHT
        above, below = value.as_numer_denom()
        if below != 1 and not value.is_Float:
            top, bottom = self.size(above), self.size(below)
            if value.is_Rational:
                return f"{top}/{bottom}", MUL
            return self.fraction(*(f"({part})" if " " in part else part for part in (top, bottom)))
        return self.size(value), ATOM if value.is_Atom else SUM if value.is_Add else MUL

    def raised(self, base: str, exponent: sp.Expr, entrywise: bool) -> str:
        mark = str(exponent)
        if entrywise:
            return f"{base}^⊙{mark}" if mark.isalnum() else f"{base}^⊙({mark})"
        if exponent.is_Integer:
            return base + mark.translate(SUPERSCRIPTS)
        return f"{base}^({mark})"

    def raised_by(self, base: str, exponent: Piece) -> str:
        """A power whose exponent is a form: `h^s`."""
        text = exponent[0]
        return f"{base}^{text if text.isalnum() and text[-1] not in SUPERSCRIPTED else self.brackets(text)}"

    def root(self, base: object) -> Piece:
        return "√" + self.wrapped(base, ATOM), TIGHT

    def bars(self, text: str) -> str:
        return f"|{text}|"

    def norm_bars(self, text: str, order: int | str) -> str:
        return f"‖{text}‖" + {1: "₁", "spectral": "₂", "nuclear": "_*"}.get(order, "")

    def indicator(self, condition: str) -> str:
        return f"1[{condition}]"

    def cases(self, condition: str, yes: str, no: str) -> str:
        return f"where({condition}, {yes}, {no})"

    def function_name(self, name: str) -> str:
        row = SCALAR_OPS.get(name)
        return row.text or row.name if row else text_name(name)

    def tensor_name(self, node: Apply) -> str:
        row = TENSOR_OPS[node.op]
        return (row.text or row.name) + (f"_{self.along(node)}" if self.along(node) else "")

    def along(self, node: Apply) -> str:
        """Which slices a function along an axis works on; nothing for a vector."""
        if TENSOR_OPS[node.op].show == "eigenpair":
            return "max" if node.params[0] else "min"
        rank = len(node.args[0].shape) if node.args else 0
        if not node.params or rank < 2 or TENSOR_OPS[node.op].params[0][0] != "axis":
            return ""
        return f"axis {node.params[0]}" if rank > 2 else "rows" if node.params[0] == 1 else "columns"

    def relation(self, name: str) -> str:
        return SCALAR_OPS[name].text

    def arguments(self, name: str, args: list[str], settings: str = "") -> str:
        return f"{name}({', '.join(map(bare, args))}{settings})"

    def primes(self, count: int) -> str:
        return "′" * count

    def partial(self, argument: int) -> str:
        return f"∂{argument} "

    def arrow(self, left: str, right: str) -> str:
        return f"({left} ↦ {right})"

    def named(self, name: str, text: str) -> str:
        return f"{name}({bare(text)})"

    def inverse_mark(self, text: str, kind: str) -> str:
        return text + {"inverse": "⁻¹", "transposed": "⁻ᵀ", "pinv": "⁺"}[kind]

    # forms

    def atom(self, form: Atom) -> Piece:
        text = self.symbol(form.node.name)
        return text, SUM if form.node.name.startswith(SUM_OVER_STEPS) else TIGHT if self.is_tall(text) else ATOM

    def number(self, form: Number) -> Piece:
        return self.signed(form.value)

    def signed(self, value: sp.Expr) -> Piece:
        if value.could_extract_minus_sign() and not value.is_Add:
            return self.minus + self.rational(-value)[0], SUM
        return self.rational(value)

    def unit(self, form: Unit) -> Piece:
        return self.one, ATOM

    def identity(self, form: Identity) -> Piece:
        return "I", ATOM

    def mul(self, form: Mul) -> Piece:
        return self.joined([self.wrapped(f, MUL if type(f) is not Scaled else TIGHT) for f in form.factors]), MUL

    def had(self, form: Had) -> Piece:
        return self.times.join([self.wrapped(f, TIGHT) for f in form.factors]), HAD

    def over(self, form: Over) -> Piece:
        if form.rank == 0:
            above = self.one if form.above is None else self.wrapped(form.above, MUL)
            return self.fraction(above, self.wrapped(form.below, ATOM))
        above = self.one if form.above is None else self.wrapped(form.above, HAD if type(form.above) is Had else TIGHT)
        return above + self.quotient + self.wrapped(form.below, TIGHT), HAD

    def scaled(self, form: Scaled) -> Piece:
        number, sign = form.number, ""
        if number.could_extract_minus_sign() and not number.is_Add:
            number, sign = -number, self.minus
        above, below = number.as_numer_denom() if form.below else (number, sp.S.One)
        alone = len(form.scalars) == 1 and form.body is None
        scalars = [self.wrapped(s, (HAD if number == 1 else MUL) if alone and not (form.below and self.in_lines) else TIGHT) for s in form.scalars]
        body, level = self.scaled_body(form)
        if form.below:
            under = [self.rational(below)[0]] if below != 1 else []
            under += [self.wrapped(b, MUL if len(form.below) > 1 or under else SUM) for b in form.below]
            over = [self.rational(above)[0]] if above != 1 else []
            inside = form.body is not None and type(form.body) in (Atom, Call, Norm) and not scalars and not over
            top = [body] if inside else over + scalars
            piece, _ = self.fraction_of(self.joined(top) or self.one, self.joined(under), len(under))
            text = piece if inside or body is None else self.joined([piece, body])
            return sign + text, SUM if sign else ATOM if inside or body is None else min(MUL, level)
        parts = [self.wrapped_number(number)] if number != 1 else []
        parts += scalars + ([body] if body is not None else [])
        only = len(parts) == 1
        return sign + self.joined(parts), SUM if sign else level if only else min(MUL, level)

    def fraction_of(self, above: str, below: str, count: int) -> Piece:
        above = f"({above})" if divides(above) else above
        return self.fraction(above, below if is_one_factor(below) else f"({below})")

    def wrapped_number(self, value: sp.Expr) -> str:
        text, precedence = self.rational(value)
        return text if precedence > SUM else self.brackets(text)

    def scaled_body(self, form: Scaled) -> tuple[str | None, int]:
        if form.body is None:
            return None, ATOM
        text, precedence = self.form(form.body)
        if precedence == SUM or type(form.body) is Unit and (form.scalars or form.below):
            return (self.brackets(text), ATOM) if precedence == SUM else (text, ATOM)
        if type(form.body) is Unit:
            if not form.number.is_number and len(form.body.shape) == 1:
                return self.unit(ONES_VECTOR)
            return (None, ATOM) if form.number not in (1, -1) else (text, ATOM)
        return text, precedence

    def sum(self, form: Sum) -> Piece:
        text, *pieces = [without_fence(self.wrapped(term, SUM)) for term in form.terms]
        for piece in pieces:
            text += f" {self.minus} {piece[len(self.minus):]}" if piece.startswith(self.minus) else self.plus + piece
        return text, SUM

    def sum_over(self, form: SumOver) -> Piece:
        signs = " ".join([self.over_steps(r.letter, self.index(r.last), r.first) for r in form.ranges])
        return f"{signs} {self.wrapped(form.body, HAD)}", HAD

    def transpose(self, form: T) -> Piece:
        if type(form.body) is Call and is_inverse(form.body):
            return self.inverse_mark(self.wrapped(form.body.args[0], ATOM), "transposed"), TIGHT
        return self.transpose_mark(self.wrapped(form.body, ATOM)), TIGHT

    def diag(self, form: Diag | DiagOf) -> Piece:
        return self.named("diag", self.form(form.body)[0]), ATOM

    def trace(self, form: Trace) -> Piece:
        return self.named("tr", self.form(form.body)[0]), ATOM

    def norm(self, form: Norm) -> Piece:
        text = self.norm_bars(self.form(form.body)[0], form.order)
        return (text, ATOM) if form.exponent == 1 else (self.raised(text, sp.Integer(form.exponent), False), TIGHT)

    def power(self, form: Power) -> Piece:
        if form.exponent == sp.Rational(1, 2):
            return self.root(form.base)
        return self.raised(self.wrapped(form.base, ATOM), form.exponent, form.rank > 1), TIGHT

    def call(self, form: Call) -> Piece:
        node = form.node
        if type(node) is Apply:
            if node.op == "unit":
                return self.with_indices(self.tensor_name(node), [str(node.params[0])]), ATOM
            if (kind := TENSOR_OPS[node.op].show) in ("inverse", "pinv"):
                arg = form.args[0]
                return self.inverse_mark(self.wrapped(arg, ATOM), kind), TIGHT
            extra = [self.size(sp.Integer(p)) for p in node.params if p] if node.op == "tril" else []
            return self.arguments(self.tensor_name(node), [self.form(a)[0] for a in form.args] + extra), ATOM
        f = node.function
        args = [self.form(a)[0] for a in form.args]
        if not f.derivative:
            if f.name == "step":
                return self.indicator(f"{args[0]} > 0"), ATOM
            if f.name in RELATIONS:
                return self.indicator(self.condition(form)), ATOM
            if f.name == "abs":
                return self.bars(args[0]), ATOM
            if f.name == "where":
                return self.cases(self.condition(form.args[0]), args[1], args[2]), ATOM
            if f.name == "power":
                base, exponent = (without_ones(a) for a in form.args)
                return self.raised_by(self.wrapped(base, ATOM if not is_fraction(base) else CLOSED), self.form(exponent)), TIGHT
        return self.arguments(self.derived_name(f), args, self.settings(f)), ATOM

    def settings(self, f: object) -> str:
        """The parameters of a function that are not the usual ones: `LeakyReLU(z; α = 3/10)`."""
        row = SCALAR_OPS.get(f.name) if f.body is None and not f.opaque else None
        set_apart = [(name, value) for (name, usual), value in zip(row.params, f.params) if value != usual] if row else []
        return "".join(f"; {self.symbol(name)} = {self.size(value)}" for name, value in set_apart)

    def condition(self, form: object) -> str:
        """A relation without the brackets of an indicator; anything else as it is."""
        if not is_relation(form):
            return self.form(form)[0]
        left, right = [self.form(arg)[0] for arg in form.args]
        return f"{left} {self.relation(form.node.function.name)} {right}"

    def derived_name(self, f: object) -> str:
        if f.name == "<lambda>":
            name = self.arrow(", ".join(map(self.size, f.body.variables)), self.size(f.body.expr))
        else:
            name = self.function_name(f.name)
        if set(f.derivative) <= {0}:
            return name + self.primes(len(f.derivative))
        return "".join(self.partial(k + 1) for k in f.derivative) + name

    def indexed(self, form: Indexed) -> Piece:
        from .indices import IndexWriter
        self.met_indices = True
        return IndexWriter(self).summed(form.node), SUM


def is_inverse(form: Call) -> bool:
    return type(form.node) is Apply and TENSOR_OPS[form.node.op].show == "inverse"


def is_relation(form: object) -> bool:
    return type(form) is Call and type(form.node) is not Apply and form.node.function.name in RELATIONS
