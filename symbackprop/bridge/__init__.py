"""SymPy in, SymPy out: a `MatrixExpr` loss becomes a `Program`, and a gradient becomes a `MatrixExpr`.

A rank-1 tensor is an n×1 matrix in SymPy, and a 1×1 loss is a scalar. What has no translation is refused by name; every
result is checked to have the shape that it must have.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import sympy as sp
from sympy.core.function import AppliedUndef
from sympy.matrices.expressions.applyfunc import ElementwiseApplyFunction
from sympy.matrices.expressions.matexpr import MatrixElement

from ..algebra import add, contract, hadamard, power, scale, total, transpose, zero
from ..cells import cell, lambda_of
from ..errors import SymbackpropError, UnsupportedError, nearest
from ..expr import Add, Apply, Const, Contract, Delta, Expr, Map, Ones, Var, function, is_identity, size, walk
from ..ops import ARGS, SCALAR_OPS, load
from ..ops.tensor import apply
from ..program import Equation, Program
from ..reverse import bar
from ..show.matrix import plan
from ..views import substitute, view
from .classes import Elementwise, entrywise, sized
from .entries import Entries
from .sums import summed

LOSS = "the loss"  # no symbol of the user has this name


def from_sympy(loss: sp.Expr | sp.MatrixExpr) -> Program:
    """The program `loss = …` of a scalar (or 1×1) SymPy expression in `MatrixSymbol`s and symbols.

    Raises `UnsupportedError` naming the part that is not read, `SymbackpropError` where the loss is no scalar.
    """
    return Reader(loss).program


def gradient(loss: sp.Expr, wrt: sp.Expr | Sequence[sp.Expr]) -> sp.Expr | list[sp.Expr]:
    """The gradient of a scalar SymPy expression by a `MatrixSymbol` (of its shape: denominator layout) or a symbol.

    >>> import sympy as sp
    >>> n = sp.Symbol("n", integer=True, positive=True)
    >>> x, A = sp.MatrixSymbol("x", n, 1), sp.MatrixSymbol("A", n, n)
    >>> gradient(x.T * A * x, A)
    x*x.T

    Raises `UnsupportedError` where a part cannot be read or the gradient has no matrix form, `SymbackpropError` for
    a symbol that is not in the loss and whose gradient would be an empty question.
    """
    from ..reverse import sweep
    reader = Reader(loss)
    wanted = list(wrt) if isinstance(wrt, (list, tuple)) else [wrt]
    names = [getattr(w, "name", None) for w in wanted]
    for w, name in zip(wanted, names):
        if reader.symbols.get(name) != w:
            raise SymbackpropError(f"{w} does not stand in the loss as it is given here",
                                   hint=nearest(str(name), list(reader.symbols)))
    backward = sweep(reader.program, LOSS, tuple(names))
    whole = {e.name: e.expr for e in reader.program.equations}
    found = {e.name: substitute(e.expr, whole) for e in view(reader.program, backward, "expanded").equations}
    writer = Writer(reader.symbols, reader.sizes)
    result = [writer.whole(found[bar(name)], w.shape if isinstance(w, sp.MatrixExpr) else ()) for name, w in zip(names, wanted)]
    return result if isinstance(wrt, (list, tuple)) else result[0]


class Reader:
    """Reads one SymPy expression; `symbols` are its inputs by name, `sizes` maps our sizes back to the user's."""

    def __init__(self, loss: sp.Expr) -> None:
        load()
        self.symbols: dict[str, sp.Expr] = {}
        self.sizes: dict[sp.Symbol, sp.Symbol] = {}
        self.inputs: dict[str, Var] = {}
        if not isinstance(loss, sp.Basic):
            raise TypeError(f"a SymPy expression is needed, not {type(loss).__name__}")
        for symbol in sorted(loss.atoms(sp.MatrixSymbol), key=str):
            for dim in symbol.shape:
                self.sizes |= {size(s.name): s for s in dim.free_symbols}
        node = self.matrix(loss) if is_matrix(loss) else self.scalar(loss)
        if node.rank and node.shape != (1, 1):
            raise SymbackpropError(f"the loss is {loss.shape[0]}×{loss.shape[1]}, not a scalar")
        self.program = Program(self.inputs, (Equation(LOSS, total(node)),))

    def dim(self, value: sp.Expr) -> sp.Expr:
        return value.xreplace({s: size(s.name) for s in value.free_symbols})

    def input(self, name: str, symbol: sp.Expr, shape: tuple) -> Var:
        if self.symbols.setdefault(name, symbol) != symbol:
            raise SymbackpropError(f"two different symbols are called {name}")
        return self.inputs.setdefault(name, Var(name, shape))

    def matrix(self, e: sp.MatrixExpr) -> Expr:
        method = next((self.MATRIX[kind] for kind in type(e).__mro__ if kind in self.MATRIX), None)
        if method is None:
            raise UnsupportedError(f"{type(e).__name__} has no translation from SymPy: {str(e)[:60]}")
        return method(self, e)

    def symbol(self, e: sp.MatrixSymbol) -> Expr:
        return self.input(e.name, e, tuple(self.dim(d) for d in e.shape))

    def product(self, e: sp.MatMul) -> Expr:
        number, factors = e.as_coeff_matrices()
        nodes = [self.matrix(f) for f in factors]
        row = is_row(nodes[0].shape[0], nodes[-1].shape[1])
        if row:  # read as a column, so that a formula and its transpose are one
            nodes = [transpose(node) for node in reversed(nodes)]
        result = contract(nodes, [(k, k + 1) for k in range(len(nodes))], (0, len(nodes)))
        result = transpose(result) if row else result
        return result if number == 1 else hadamard(self.scalar(number), result)

    def applied(self, e: ElementwiseApplyFunction) -> Expr:
        argument, f = self.matrix(e.expr), e.function
        if isinstance(f, sp.Lambda):
            (variable,), body = f.variables, f.expr
        else:
            variable = sp.Dummy()
            body = f(variable)
        return self.elementwise(body, variable, argument)

    def elementwise(self, body: sp.Expr, variable: sp.Symbol, argument: Expr) -> Expr:
        if is_row(*argument.shape):
            return transpose(self.elementwise(body, variable, transpose(argument)))
        if isinstance(body, AppliedUndef) and body.args == (variable,):
            return Map(function(type(body).__name__, opaque=True), (argument,))
        real = body.xreplace({variable: ARGS[0]})
        for row in SCALAR_OPS.values():
            if row.arity == 1 and not row.params and row.expr == real:
                return Map(function(row.name), (argument,))
        return cell(real, {ARGS[0]: argument}, argument.shape)

    def power(self, e: sp.MatPow) -> Expr:
        if e.base.shape == (1, 1) and e.exp.is_number:
            return power(self.matrix(e.base), e.exp)
        if not (e.exp.is_Integer and 0 < abs(e.exp) <= 64):
            raise UnsupportedError(f"{e}: a matrix power needs a small whole exponent")
        base = self.matrix(e.base)
        base = apply("inv", base) if e.exp < 0 else base
        count = abs(int(e.exp))
        return contract([base] * count, [(k, k + 1) for k in range(count)], (0, count))

    def diagonal(self, e: sp.MatrixExpr) -> Expr:
        vector = self.matrix(e.args[0])
        flat = total(vector, (1,) if vector.shape[1] == 1 else (0,))
        return contract((flat, Delta(flat.shape[0])), ((0,), (0, 1)), (0, 1))

    def diagonal_of(self, e: sp.MatrixExpr) -> Expr:
        matrix = self.matrix(e.args[0])
        return contract((matrix, Ones((sp.S.One,))), ((0, 0), (1,)), (0, 1))

    def hadamard_power(self, e: sp.HadamardPower) -> Expr:
        if is_matrix(e.exp):
            raise UnsupportedError(f"{e}: the exponent of a Hadamard power must be a number")
        return power(self.matrix(e.base), e.exp)

    def scalar(self, e: sp.Expr) -> Expr:
        """A scalar expression; traces, determinants and entries are its atoms."""
        env: dict[sp.Symbol, Expr] = {}

        def visit(part: sp.Expr) -> sp.Expr:
            if isinstance(part, (sp.Trace, sp.Determinant, MatrixElement)) or is_matrix(part):
                stand_in = sp.Dummy(real=True)
                env[stand_in] = self.atom(part)
                return stand_in
            if isinstance(part, sp.Symbol):
                if size(part.name) in self.sizes and self.sizes[size(part.name)] == part:
                    return size(part.name)
                env[part] = self.input(part.name, part, ())
                return part
            if isinstance(part, sp.Sum):
                env[stand_in := sp.Dummy(real=True)] = summed(self, part)
                return stand_in
            if isinstance(part, (sp.Integral, sp.Derivative, AppliedUndef)) or not isinstance(part, sp.Basic):
                raise UnsupportedError(f"{type(part).__name__} has no translation from SymPy: {str(part)[:60]}")
            return part.func(*[visit(a) for a in part.args]) if part.args else part

        return cell(visit(e), env, ())

    def atom(self, e: sp.Expr) -> Expr:
        if isinstance(e, MatrixElement):
            return self.entry(e)
        if isinstance(e, sp.Trace) and isinstance(e.arg, sp.KroneckerProduct):
            return hadamard(*[self.atom(sp.Trace(factor)) for factor in e.arg.args])
        if isinstance(e, sp.Trace):
            return contract((self.matrix(e.arg),), ((0, 0),), ())
        if isinstance(e, sp.Determinant):
            return apply("det", self.matrix(e.arg))
        if e.shape != (1, 1):
            raise UnsupportedError(f"{e} is {e.shape[0]}×{e.shape[1]} where a scalar is needed")
        return total(self.matrix(e))

    def entry(self, e: MatrixElement) -> Expr:
        """X[i, j] as e_iᵀ X e_j; sizes and indices are numbers."""
        if not all(part.is_Integer for part in (e.i, e.j, *e.parent.shape)):
            raise UnsupportedError(f"{e}: an entry of a matrix of symbolic size, or at a symbolic index, has no translation from SymPy")
        ends = [apply("unit", params=(int(at) + 1, int(count))) for at, count in zip((e.i, e.j), e.parent.shape)]
        return contract((ends[0], self.matrix(e.parent), ends[1]), ((0,), (0, 1), (1,)), ())

    MATRIX = {
        sp.MatrixSymbol: symbol, sp.MatMul: product, ElementwiseApplyFunction: applied, sp.MatPow: power,
        sp.MatAdd: lambda self, e: add([self.matrix(a) for a in e.args]),
        sp.HadamardProduct: lambda self, e: hadamard(*[self.matrix(a) for a in e.args]),
        sp.HadamardPower: hadamard_power,
        sp.Transpose: lambda self, e: transpose(self.matrix(e.arg)),
        sp.Inverse: lambda self, e: apply("inv", self.matrix(e.arg)),
        sp.Identity: lambda self, e: Delta(self.dim(e.shape[0])),
        sp.ZeroMatrix: lambda self, e: zero(tuple(self.dim(d) for d in e.shape)),
        sp.OneMatrix: lambda self, e: Ones(tuple(self.dim(d) for d in e.shape)),
        sp.DiagMatrix: diagonal, sp.DiagonalOf: diagonal_of,
        Elementwise: lambda self, e: self.elementwise(e.function.expr, e.function.variables[0], self.matrix(e.args[1])),
    }


def is_matrix(e: object) -> bool:
    return isinstance(e, sp.MatrixExpr)


def is_row(rows: sp.Expr, columns: sp.Expr) -> bool:
    return rows is sp.S.One and columns is not sp.S.One


class Writer:
    """Nodes as SymPy: vectors as n×1 matrices, in the user's own symbols and sizes."""

    def __init__(self, symbols: dict[str, sp.Expr], sizes: dict[sp.Symbol, sp.Symbol]) -> None:
        self.symbols, self.back = symbols, sizes

    def whole(self, node: Expr, shape: tuple) -> sp.Expr:
        """`node` as SymPy, of a shape that is checked; ones and identities take their sizes from the symbols."""
        result = self.write(node)
        if is_matrix(result) and shape == ():
            result = sp.Trace(result)
        if (tuple(result.shape) if is_matrix(result) else ()) != tuple(shape):
            raise UnsupportedError(f"this has no matrix form in SymPy: {result}")
        return sized(result, self.symbols.values())

    def dims(self, node: Expr) -> tuple[sp.Expr, ...]:
        dims = tuple(d.xreplace(self.back) for d in node.shape)
        return dims if len(dims) != 1 else (*dims, sp.S.One)

    def write(self, node: Expr) -> sp.Expr:
        match node:
            case Var():
                return self.symbols[node.name]
            case Const():
                return node.value.xreplace(self.back)
            case Ones():
                return sp.OneMatrix(*self.dims(node))
            case Delta():
                if not is_identity(node):
                    raise UnsupportedError("this has no matrix form in SymPy: it reads entries at shifted indices")
                return sp.Identity(self.dims(node)[0])
            case Add():
                terms = [self.write(t) for t in node.terms]
                return sp.MatAdd(*terms).doit(deep=False) if node.rank else sp.Add(*map(scalar_of, terms))
            case Map():
                return self.map(node)
            case Apply():
                return self.apply(node)
        return self.contraction(node)

    def map(self, node: Map) -> sp.Expr:
        args = [self.write(a) for a in node.args]
        if node.function.opaque:
            x = sp.Dummy("x")
            body: sp.Expr = sp.Function(node.function.name)(x)
            for _ in node.function.derivative:
                body = body.diff(x)
            f = sp.Lambda(x, body)
        elif node.function.name == "pow" and not node.function.derivative:
            return entrywise(args[0], node.function.params[0]) if node.rank else scalar_of(args[0]) ** node.function.params[0]
        else:
            f = lambda_of(node)
        return Elementwise(f, *args) if node.rank else f(*map(scalar_of, args))

    def apply(self, node: Apply) -> sp.Expr:
        args = [self.write(a) for a in node.args]
        build: dict[str, Callable] = {"inv": sp.Inverse, "det": sp.Determinant,
                                      "logdet": lambda a: sp.log(sp.Determinant(a)),
                                      "solve": lambda a, b: sp.MatMul(sp.Inverse(a), b), "norm": lambda a: sp.sqrt(sp.Trace(a.T * a))}
        if node.op == "unit":
            at, count = node.params
            return sp.ImmutableDenseMatrix([[int(k == at - 1)] for k in range(count)])
        if node.op == "matrix_power":
            return sp.MatPow(args[0], node.params[0])
        if node.op not in build:
            raise UnsupportedError(f"{node.op} has no translation to SymPy")
        return build[node.op](*args)

    def contraction(self, node: Contract) -> sp.Expr:
        operands, inputs, number = node.operands, node.inputs, sp.S.One
        if type(operands[0]) is Const:
            number, operands, inputs = operands[0].value.xreplace(self.back), operands[1:], inputs[1:]
            if number == 0:
                return sp.ZeroMatrix(*self.dims(node)) if node.rank else sp.S.Zero
        kinds = "".join("o" if type(o) is Ones else "d" if is_identity(o) else "." for o in operands)
        units = frozenset(i for o, labels in zip(operands, inputs) for i, d in zip(labels, o.shape) if d is sp.S.One)
        found = plan(inputs, node.output, kinds, units)
        if found is None:
            raise UnsupportedError("this has no matrix form: no product of matrices says it")
        parts = [column(self.write(o)) if type(o) is Ones else self.write(o) for o in operands]
        scalars = [scalar_of(fill(s, parts)) for s in found[0]]
        factor = sp.Mul(number, *scalars)
        if found[1] is None:
            return factor if not node.rank else sp.MatMul(factor, sp.OneMatrix(*self.dims(node)))
        body = fill(found[1], parts)
        if tuple(body.shape) != self.dims(node):
            raise UnsupportedError(f"this has no matrix form in SymPy: {body}")
        return sp.MatMul(factor, body).doit(deep=False) if factor != 1 else body


def column(e: sp.MatrixExpr) -> sp.MatrixExpr:
    """A row of ones as the column that an index pattern takes it for."""
    return sp.Transpose(e).doit() if e.shape[0] == 1 and e.shape[1] != 1 else e


def scalar_of(e: sp.Expr) -> sp.Expr:
    return sp.Trace(e) if is_matrix(e) else e


def fill(template: tuple, parts: list[sp.Expr]) -> sp.Expr:
    """A reading of an index pattern with the operands put in."""
    match template:
        case ("op", k) | ("identity", k):
            return parts[k]
        case ("ones", k):
            return parts[k] if k >= 0 else None
        case ("t", inner):
            found = fill(inner, parts)
            return None if found is None else sp.Transpose(found).doit(deep=False)
        case ("diag", inner):
            return sp.DiagMatrix(fill(inner, parts))
        case ("diagof", inner):
            return sp.DiagonalOf(fill(inner, parts))
        case ("tr", inner):
            return sp.Trace(fill(inner, parts))
        case ("mul", *inner):
            return multiplied([fill(p, parts) for p in inner])
    return sp.HadamardProduct(*[fill(p, parts) for p in template[1:]])


def multiplied(factors: list[sp.MatrixExpr | None]) -> sp.MatrixExpr:
    """A product; a ones vector whose length only its neighbour knows is made here."""
    for k, factor in enumerate(factors):
        if factor is None:
            factors[k] = (sp.OneMatrix(factors[k - 1].shape[1], 1) if k else sp.OneMatrix(1, factors[1].shape[0]))
    return sp.MatMul(*factors).doit(deep=False)


def as_sympy(node: Expr, names: dict[str, str], form: str = "matrix", name: str = "") -> sp.Expr:
    """A node as a `MatrixExpr` (`form="matrix"`), or as `Eq(name[i, j], …)` over `Indexed` and `Sum` (`form="index"`).

    `names` are the names that symbols get. Raises `UnsupportedError` where there is no matrix form, `ValueError` for
    another `form`.
    """
    if form not in ("matrix", "index"):
        raise ValueError(f"form is matrix or index, not {form!r}")
    variables = {part.name: part for part in walk(node) if type(part) is Var}
    if form == "index":
        return Entries(names, name).equation(node)
    symbols = {key: symbol_for(names.get(key, key), var.shape) for key, var in variables.items()}
    shape = node.shape if node.rank != 1 else (*node.shape, sp.S.One)
    if node.rank > 2:
        raise UnsupportedError('a tensor of rank above 2 has no matrix form: as_sympy(form="index") says it')
    try:
        return Writer(symbols, {}).whole(node, shape)
    except UnsupportedError as error:
        raise UnsupportedError(f'{error.message}: as_sympy(form="index") says it') from None


def symbol_for(name: str, shape: tuple) -> sp.Expr:
    """The SymPy symbol of a tensor: n×1 for a vector."""
    if not shape:
        return sp.Symbol(name, real=True)
    if len(shape) > 2:
        raise UnsupportedError(f'{name} has rank {len(shape)}, so there is no matrix form: as_sympy(form="index") says it')
    return sp.MatrixSymbol(name, *(shape if len(shape) == 2 else (*shape, sp.S.One)))
