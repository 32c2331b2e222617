"""A model and its derivation as data: named equations, facts, steps.

The forward and the backward part are of one type, `Program`. Every name is bound once and before it is read; nothing is
substituted into anything.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from functools import cached_property
from itertools import chain, count
from enum import Enum
from typing import TYPE_CHECKING, NamedTuple

from .errors import ShapeError, SymbackpropError, nearest_or_all
from .expr import (Apply, Contract, Expr, Map, Var, is_elementwise, names_in, rebuild, show_shape, size, walk)
from .ops.scalar import ACTIVATIONS

if TYPE_CHECKING:
    import sympy as sp


class Place(NamedTuple):
    """Where in the user's text something stands: line and column from 1, and the text of that line."""

    line: int
    column: int
    source: str


class Equation(NamedTuple):
    """`name = expr`."""

    name: str
    expr: Expr
    place: Place | None = None

    @property
    def var(self) -> Var:
        return Var(self.name, self.expr.shape)

    def as_sympy(self, form: str = "matrix") -> sp.Expr:
        """The right side as a SymPy `MatrixExpr` (n×1 for a vector), or, with `form="index"`, the equation as `Eq` over
        `Indexed` and `Sum`. A cotangent is called `∂W`.

        Raises `UnsupportedError` where there is no matrix form.
        """
        from .bridge import as_sympy
        return as_sympy(self.expr, {}, form, self.name)


STRUCTURES = frozenset({"symmetric", "definite", "diagonal"})  # each of them says that a matrix is its own transpose


class Fact(NamedTuple):
    """A declared property of an input tensor.

    `kind`: "sum" (the sums along `axis` are 1; axis None: over everything), "symmetric", "definite" (symmetric and
    positive definite), "diagonal", "binary", "range" (strictly between `low` and `high`, each a number or None), or
    "index" (whole numbers from 0 below `high`, a size). What follows from the declared facts `of` has no declaration of its own.
    """

    kind: str
    name: str
    axis: int | None = None
    low: object = None
    high: object = None
    of: tuple[Fact, ...] | None = None

    def __str__(self) -> str:
        match self.kind:
            case "sum":
                return f"sum({self.name}{'' if self.axis is None else f', axis={self.axis}'}) == 1"
            case "symmetric":
                return f"{self.name} == {self.name}.T"
            case "definite" | "diagonal":
                return f"{self.kind}({self.name})"
            case "binary":
                return f"{self.name} is 0 or 1"
            case "index":
                return f"{self.name} holds whole numbers from 0 to {self.high} - 1"
        if self.high is None:
            return f"{self.name} > {self.low}"
        return f"{self.name} < {self.high}" if self.low is None else f"{self.low} < {self.name} < {self.high}"


def places_in(facts: tuple[Fact, ...], wrt: Iterable[str]) -> set[str]:
    """The inputs that hold whole numbers. Raises `SymbackpropError` where one of `wrt` does."""
    found = {fact.name for fact in facts if fact.kind == "index"}
    for name in wrt:
        if name in found:
            raise SymbackpropError(f"wrt: {name} holds whole numbers, which nothing is differentiated by")
    return found


class Suspect(NamedTuple):
    """A right side that a line may have been meant to have where no edit of its own can give it, and what to say then."""

    right: Expr
    kind: str
    message: str


@dataclass(frozen=True)
class Claim:
    """A claim to be judged: the two sides as written, and where.

    `∂C/∂W` on either side is a variable of that name and of W's shape, whose value is the derivative itself (or, in
    `right`, what an earlier claim that `binds` it says). `quantity` names what is claimed, `assumptions` the readings
    taken. `strict` demands the tensor's own layout. `tree` is the right side's structure with spans into `origin`,
    where it stands at `right_span`; `reread` reads another right side in its place, `suspects` are tried before edits;
    `otherwise` is a second reading of the right side with what it takes, for a sign that leaves two open. Of a claim
    about every step l, `step` is the l it is read at; of a right side that is a sum over steps, `summands` has what each adds.
    `by_entries`: the left side has indices, so that no layout is left open.
    """

    text: str
    place: Place | None
    left: Expr | None
    right: Expr | None
    error: SymbackpropError | None = None
    quantity: str = ""
    assumptions: tuple[str, ...] = ()
    strict: bool = False
    binds: str | None = None
    right_span: tuple[int, int] | None = None
    tree: object | None = None
    reread: Callable[[str], Expr] | None = None
    origin: str = ""
    suspects: tuple[Suspect, ...] = ()
    otherwise: tuple[Expr, tuple[str, ...]] | None = None
    by_entries: bool = False
    step: int | None = None
    summands: tuple[tuple[int, Expr], ...] = ()


READ_WITH = "layers: read with "  # how an assumption begins that tells at which length a text was read


class Opening(Enum):
    """What stays a symbol where it stands as a number, in a text that is read at one length of an open range.

    `CLOSED`: nothing. `END`: the end of the range. `APART`: the number of a step too, wherever the steps may lie in a longer
    range. `TIED`: so, counted from the end.
    """

    CLOSED = "closed"
    END = "end"
    APART = "apart"
    TIED = "tied"

    def number_of(self, step: int, length: int, letter: str, end: sp.Symbol) -> sp.Expr | int:
        """The number of a step of `length`, its letter standing as a number (`1/t`)."""
        return step if self in (Opening.CLOSED, Opening.END) else (running(letter) if self is Opening.APART else end) + (step - length)


def running(letter: str) -> sp.Symbol:
    """The symbol that a step is counted by under `Opening.APART`."""
    return size(f"{letter} as a number")


@dataclass(frozen=True)
class Length:
    """A range of open length, `letter = 1, …, end`, that a program was read with at one length, `number`.

    `levels` has the family and the step that each name belongs to; `again` reads the same text at another length. It
    `counts` where the number of a step stands as a number.
    """

    letter: str
    end: str
    number: int
    levels: dict[str, tuple[str, int]]
    again: Callable[[int, Opening], Program]
    counts: bool = False


@dataclass(frozen=True)
class Program:
    """Inputs (declared, never defined), equations in order, and the names that are its results.

    `mentioned` are the names that the user's text reads, also where what was read cancelled (`a - a`). `others` gives the
    text with other ranks of names that nothing declares, where those are natural too.
    """

    inputs: dict[str, Var]
    equations: tuple[Equation, ...]
    outputs: tuple[str, ...] = ()
    facts: tuple[Fact, ...] = ()
    claims: tuple[Claim, ...] = ()
    names: dict[str, str] = field(default_factory=dict)
    notes: tuple[str, ...] = ()
    mentioned: frozenset[str] = frozenset()
    length: Length | None = None
    others: Callable[[], Iterator[Program]] | None = field(default=None, compare=False, repr=False)

    def __getitem__(self, name: str) -> Equation:
        return self.table[name]

    @cached_property
    def table(self) -> dict[str, Equation]:
        return {equation.name: equation for equation in self.equations}

    @cached_property
    def pre_activations(self) -> frozenset[str]:
        """The names that an activation function is applied to."""
        return frozenset([node.args[0].name for order in self.orders for node in order
                          if is_activation(node) and type(node.args[0]) is Var])

    @cached_property
    def orders(self) -> tuple[list[Expr], ...]:
        """The `walk` of every equation."""
        return tuple([walk(equation.expr) for equation in self.equations])

    def readers(self) -> dict[str, list[str]]:
        """Name -> the equations that read it."""
        found: dict[str, list[str]] = {}
        for equation in self.equations:
            for name in names_in(equation.expr):
                found.setdefault(name, []).append(equation.name)
        return found

    def loss(self, wanted: str | None = None) -> str:
        """The name of the loss: `wanted`, or the one scalar that nothing reads.

        Raises `SymbackpropError` where there is none or more than one.
        """
        table = self.table
        if wanted is not None:
            if wanted not in table:
                raise SymbackpropError(f"there is no equation for the loss {wanted!r}",
                                       hint=nearest_or_all(wanted, [e.name for e in self.equations if not e.expr.shape]))
            if table[wanted].expr.shape:
                raise ShapeError(f"the loss {wanted} has shape {show_shape(table[wanted].expr.shape)}, and a loss is a scalar")
            return wanted
        free = [e.name for e in self.equations if not e.expr.shape and e.name not in self.mentioned]
        if len(free) > 1 or free and not self.mentioned:
            read = self.readers()
            free = [name for name in free if name not in read]
        if not free:
            raise SymbackpropError("there is no loss: no equation defines a scalar that nothing reads")
        if len(free) > 1:
            raise SymbackpropError(f"{' and '.join(free)} are scalars that nothing reads: name the loss with --loss "
                                   f"(loss= in Python)")
        return free[0]


def check(program: Program) -> None:
    """Raise `SymbackpropError`, naming the equation, unless every name is bound once and before use, shapes agreeing."""
    bound = dict(program.inputs)
    for equation in program.equations:
        if equation.name in bound:
            raise SymbackpropError(f"{equation.name} is defined twice")
        for name, var in names_in(equation.expr).items():
            if bound.get(name) is not var:
                raise SymbackpropError(f"in the equation of {equation.name}: {name} is read before it is defined"
                                       if name not in bound else f"in the equation of {equation.name}: the shape of {name} differs")
        bound[equation.name] = equation.var


class Step(NamedTuple):
    """One line of a derivation: `before` became `after` by `rule`. `form` says how to show it: matrix or index.

    With `by`, the step pulls a cotangent back: `before` is the forward expression, differentiated by its part `by`.
    """

    rule: str
    because: str
    before: Expr
    after: Expr
    form: str = "matrix"
    condition: str = ""
    by: Expr | None = None

    def as_sympy(self, form: str = "matrix") -> tuple[sp.Expr, sp.Expr]:
        """Both sides as SymPy, as `Equation.as_sympy`; what has no matrix form has index form, as entries of `T`.

        Raises `UnsupportedError` where there is none.
        """
        from .bridge import as_sympy
        return as_sympy(self.before, {}, form, "T"), as_sympy(self.after, {}, form, "T")


def expose_pre_activations(equations: tuple[Equation, ...], taken: set[str]) -> tuple[Equation, ...]:
    """`h = sigmoid(W1 @ x)` as two equations, so that the pre-activation has a name to speak of."""
    result: list[Equation] = []
    for equation in equations:
        root = equation.expr
        if root.shape and is_activation(root) and root.children[0].children and (
                type(root) is Apply or any([is_matrix_product(node) for node in walk(root.args[0])])):
            name = fresh_name(equation.name, taken)
            taken = taken | {name}
            inner = Equation(name, root.args[0], equation.place)
            result += [inner, Equation(equation.name, rebuild(root, (inner.var,)), equation.place)]
        else:
            result.append(equation)
    return tuple(result)


def is_activation(node: Expr) -> bool:
    """Whether a node is an activation function of one tensor."""
    kind = type(node)
    if kind is Map:
        f = node.function
        return len(node.args) == 1 and not f.derivative and (f.opaque or f.body is not None or f.name in ACTIVATIONS)
    return kind is Apply and node.op in ("softmax", "log_softmax")


def is_matrix_product(node: Expr) -> bool:
    return type(node) is Contract and sum(len(labels) > 0 for labels in node.inputs) > 1 and not is_elementwise(
        node.inputs, node.output) and any(i not in node.output for labels in node.inputs for i in labels)


def fresh_name(activation: str, taken: set[str]) -> str:
    """z1 for h1, else z_h: a name for the pre-activation that nobody has taken."""
    base, bracket, index = activation.partition("[")
    digits = base.lstrip(base.rstrip("0123456789")) if base[-1].isdigit() else ""
    tries = [f"{'Z' if base[0].isupper() else 'z'}{digits}"] if digits else []
    numbered = (f"z{k}_{base}" for k in count(1))
    return next(name + bracket + index for name in chain(tries, (f"z_{base}",), numbered) if name + bracket + index not in taken)
