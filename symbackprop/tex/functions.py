"""Functions by their names as people write them, on values: one row each, and calls of the document's own functions.

The meaning of each row is that of the Python reader's table; only what LaTeX adds (rows and columns of softmax,
`\\operatorname{tr}`, sums of everything) is said here.
"""

from __future__ import annotations


import sympy as sp

from .. import selection
from ..algebra import contract
from ..cells import as_scalar
from ..errors import ShapeError, SymbackpropError, UnsupportedError
from ..expr import Delta, Function, Var, function
from ..ops import SCALAR_OPS
from ..ops.scalar import CALLED_BY_NAME
from ..ops.tensor import apply as tensor_op
from ..source.calls import elementwise
from .names import Macro, parts_of, taken_apart
from .second import SecondDerivatives
from .syntax import Group, List, Node, Script, Sym
from .tensors import Term, along, apply, everything, like, multiply, raised, same, spread_number, times

ELEMENTWISE = {name: name for name in (*CALLED_BY_NAME, "gelu", "elu", "leaky_relu")}
ELEMENTWISE |= {"ReLU": "relu", "Relu": "relu", "ln": "log", "sgn": "sign", "swish": "silu", "SiLU": "silu", "GELU": "gelu",
                "ELU": "elu", "recip": "recip", "LeakyReLU": "leaky_relu", "expit": "sigmoid", "logistic": "sigmoid", "Tanh": "tanh",
                "Sigmoid": "sigmoid", "asin": "arcsin", "acos": "arccos", "atan": "arctan", "sigm": "sigmoid", "sig": "sigmoid"}
OWN = frozenset(("softmax", "logsoftmax", "logsumexp", "diag", "Diag", "tr", "Tr", "trace", "det", "sum", "mean", "max", "min",
                 "sqrt", "vec", "prod", "rowsum", "colsum", "norm", "inv", "transpose", "one", "log_softmax", "outer", "dot", "lambda_max", "lambda_min", "sigma_max", "v_max", "v_min"))
MATRIX_ROWS = {"expm": "expm", "chol": "cholesky", "eig": "eigvalsh", "eigvecs": "eigenvectors", "halflower": "half_lower", "tril": "tril",
               **{name: name for name in ("polar", "sinm", "cosm")}}
OF_ANY = ("tril", "polar")  # matrices that need not be square
EXTREMES = {("lambda", "max"): "lambda_max", ("lambda", "min"): "lambda_min", ("sigma", "max"): "sigma_max",
            ("v", "max"): "v_max", ("v", "min"): "v_min"}
COUNTED = frozenset(("m", "N", "B", "batch", "n_samples", "M"))
UNNAMED = ("f", "g", "phi", "varphi", "psi")


class Functions(SecondDerivatives):
    def function_name(self, node: Node) -> str | None:
        """The row of the table that a function symbol names, where the document gives it no other meaning."""
        sym = node.base if isinstance(node, Script) else node
        if not isinstance(sym, Sym) or sym.kind in ("mark", "prose", "key") or sym.marks and sym.marks != ("bold",):
            return None
        if isinstance(node, Script) and (named := EXTREMES.get((sym.name, self.labels(parts_of(node.sub))))) is not None:
            return named if named[0] != "v" or self.find(taken_apart(node)) is None else None
        if sym.name == "sigma" and sym.kind in ("command", "run"):
            return "sigmoid"
        if sym.kind == "letter":
            return None
        return ELEMENTWISE.get(sym.name) or (sym.name if sym.name in OWN or sym.name in MATRIX_ROWS else None)

    def call_known(self, name: str, args: list[Node], node: Node, sub: Node | None, primes: int) -> Term:
        """A function of the table on its arguments."""
        if name == "softmax" or name in ("logsoftmax", "log_softmax"):
            return self.softmax("softmax" if name == "softmax" else "log_softmax", args, node, sub)
        if name in ("max", "min") and sub is None:
            return self.extreme(name, args, node)
        values = [self.value(a) for a in args]
        if name in MATRIX_ROWS:
            return self.matrix_row(name, values, node)
        if name not in OWN:
            if len(values) != 1:
                raise self.fail(node, f"{name} takes one argument")
            if name == "log" and sub is not None:
                base = self.value(sub)
                return multiply(self.map_known("log", values[0], node), raised(self.map_known("log", base, node), sp.Integer(-1)))
            if name == "gelu" and sub is not None and "tanh" in self.text(sub):
                name = "gelu_tanh"
            return self.map_known(name, values[0], node, primes)
        method = getattr(self, "call_" + name.lower(), None)
        if method is None or len(values) != 1 or primes:
            raise self.fail(node, f"{self.text(node)} is not read", None, UnsupportedError)
        return method(values[0], node)

    def matrix_row(self, name: str, values: list[Term], node: Node) -> Term:
        """A function of one matrix, a square one but for `OF_ANY`."""
        if len(values) != 1:
            raise self.fail(node, f"{name} takes one matrix", None, UnsupportedError)
        value, = values
        if value.rank != 2 or value.axes or name not in OF_ANY and not same(*value.tail):
            raise self.fail(node, f"{name} of what is {value.show()}", None, ShapeError)
        return Term(tensor_op(MATRIX_ROWS[name], value.node, params=(0,) if name == "tril" else ()))

    def map_known(self, name: str, value: Term, node: Node, primes: int = 0) -> Term:
        if primes > 2:
            raise self.fail(node, f"more than two primes on {name}", None, UnsupportedError)
        if (picked := self.through(value, lambda term: self.map_known(name, term, node, primes))) is not None:
            return picked
        if value.is_number and not primes:
            return self.real(Term(elementwise(name, value.node)), node)
        params = tuple(v for _, v in SCALAR_OPS[name].params)
        f = function(name, params)
        for _ in range(primes):
            f = f.differentiated(0)
        return apply(f, value)

    def softmax(self, op: str, args: list[Node], node: Node, sub: Node | None) -> Term:
        if len(args) != 1:
            raise self.fail(node, "softmax takes one argument")
        value = self.value(args[0])
        if value.rank not in (1, 2):
            raise self.fail(node, f"softmax of {self.text(args[0])}, which is {value.show()}", None, ShapeError)
        axis = 0
        if value.rank == 2:
            said = self.text(sub) if sub is not None else ""
            axis = 0 if "col" in said or not said and self.has_examples_in_columns(value) else 1
            if not said:
                self.take(f"{self.text(node)} is taken along each {'row' if axis else 'column'}")
        k = len(value.axes)
        return Term(tensor_op(op, value.node, params=(k + axis,)), value.axes, value.row)

    def has_examples_in_columns(self, value: Term) -> bool:
        """Whether a matrix holds one example a column: by a fact on a tensor of its shape, a bias, or what its sizes are called."""
        axes = {f.axis for f in self.facts if f.kind == "sum" and f.axis is not None and self.inputs[f.name].shape == value.tail}
        if len(axes) == 1:
            return axes == {0}
        if getattr(value.node, "name", value.node) in self.columnwise:
            return True
        rows, columns = (str(d) in COUNTED for d in value.tail)
        return columns and not rows

    def call_logsumexp(self, value: Term, node: Node) -> Term:
        if value.rank != 1:
            raise self.fail(node, f"logsumexp of what is {value.show()}", None, UnsupportedError)
        return Term(tensor_op("logsumexp", value.node, params=(len(value.axes),)), value.axes)

    def extreme(self, name: str, args: list[Node], node: Node) -> Term:
        if len(args) != 2:
            raise self.fail(node, f"{name} of one tensor", "max(0, z) is read", UnsupportedError)
        a, b = (self.value(x) for x in args)
        if name == "max" and (is_zero(a) or is_zero(b)):
            return self.map_known("relu", b if is_zero(a) else a, node)
        return apply(function("maximum" if name == "max" else "minimum"), *spread_number(a, b))

    def call_diag(self, value: Term, node: Node) -> Term:
        k = len(value.axes)
        own = tuple(range(1000, 1000 + k))
        if value.rank == 1:
            node_ = contract((value.node, Delta(value.tail[0])), ((*own, 0), (0, 1)), (*own, 0, 1))
            return Term(node_, value.axes)
        if value.rank == 2 and same(*value.tail):
            return Term(contract((value.node,), ((*own, 0, 0),), (*own, 0)), value.axes)
        raise self.fail(node, f"diag of what is {value.show()}", None, ShapeError)

    def call_tr(self, value: Term, node: Node) -> Term:
        if value.rank == 0:
            return value
        if value.rank != 2 or not same(*value.tail):
            raise self.fail(node, f"the trace of {self.text(node)}: it is {value.show()}", None, ShapeError)
        own = tuple(range(1000, 1000 + len(value.axes)))
        return Term(contract((value.node,), ((*own, 0, 0),), own), value.axes)

    call_trace = call_tr

    def call_det(self, value: Term, node: Node) -> Term:
        if value.rank != 2 or not same(*value.tail) or value.axes:
            raise self.fail(node, f"the determinant of what is {value.show()}", None, ShapeError)
        return Term(tensor_op("det", value.node))

    def call_lambda_max(self, value: Term, node: Node, at: int = -1) -> Term:
        """The largest eigenvalue of a symmetric matrix; its symmetric part is taken."""
        if value.rank != 2 or value.axes or not same(*value.tail):
            raise self.fail(node, f"the eigenvalues of what is {value.show()}", None, ShapeError)
        return Term(selection.pick(tensor_op("eigvalsh", value.node), 0, sp.Integer(at)))

    def call_lambda_min(self, value: Term, node: Node) -> Term:
        return self.call_lambda_max(value, node, 0)

    def call_v_max(self, value: Term, node: Node, at: int = -1) -> Term:
        """The eigenvector of the largest eigenvalue, of length 1 and with a first entry that is not negative."""
        if value.rank != 2 or value.axes or not same(*value.tail):
            raise self.fail(node, f"an eigenvector of what is {value.show()}", None, ShapeError)
        return Term(selection.pick(tensor_op("eigenvectors", value.node), 1, sp.Integer(at)))

    def call_v_min(self, value: Term, node: Node) -> Term:
        return self.call_v_max(value, node, 0)

    def call_sigma_max(self, value: Term, node: Node) -> Term:
        if value.rank != 2 or value.axes:
            raise self.fail(node, f"the singular values of what is {value.show()}", None, ShapeError)
        return Term(tensor_op("spectral_norm", value.node))

    def call_inv(self, value: Term, node: Node) -> Term:
        return self.inverse(value, node)

    def call_transpose(self, value: Term, node: Node) -> Term:
        return self.transposed(value, node)

    def call_sum(self, value: Term, node: Node) -> Term:
        return everything(value)

    def call_prod(self, value: Term, node: Node) -> Term:
        if value.rank != 1:
            raise self.fail(node, f"prod of what is {value.show()}", r"write \prod with an index", UnsupportedError)
        return Term(tensor_op("prod", value.node, params=(len(value.axes),)), value.axes)

    def call_mean(self, value: Term, node: Node) -> Term:
        return times(1 / sp.prod(value.tail), everything(value))

    def call_sqrt(self, value: Term, node: Node) -> Term:
        return raised(value, sp.Rational(1, 2))

    def call_rowsum(self, value: Term, node: Node) -> Term:
        if value.rank != 2:
            raise self.fail(node, f"the row sums of what is {value.show()}", None, ShapeError)
        return along(value, 1, False)

    def call_colsum(self, value: Term, node: Node) -> Term:
        if value.rank != 2:
            raise self.fail(node, f"the column sums of what is {value.show()}", None, ShapeError)
        return along(value, 0, True)

    def call_norm(self, value: Term, node: Node) -> Term:
        return raised(everything(raised(value, sp.Integer(2))), sp.Rational(1, 2))

    # --- the document's own functions ------------------------------------------------------------------------------

    def call_own(self, f: Function | Macro, args: list[Node], node: Node, primes: int) -> Term:
        values = [self.value(a) for a in args]
        if isinstance(f, Macro):
            if primes:
                raise self.fail(node, f"the derivative of {f.name}, which is no elementwise function", None, UnsupportedError)
            if len(values) != len(f.formals):
                raise self.fail(node, f"{f.name} takes {len(f.formals)} arguments")
            return self.expanded(f, values, node)
        wanted = len(f.body.variables) if f.body is not None else 1
        if len(values) != wanted:
            raise self.fail(node, f"{f.name} takes {wanted} argument{'s' * (wanted > 1)}")
        for _ in range(primes):
            f = f.differentiated(0)
        return apply(f, *values)

    def expanded(self, macro: Macro, values: list[Term], node: Node) -> Term:
        """The body of a function with its arguments put in."""
        self.depth += 1
        if self.depth > 20:
            raise self.fail(node, f"{macro.name} calls itself", None, UnsupportedError)
        before, source, calls = self.formals, self.formula, self.calls
        self.calls = (*calls, node.span[0])
        self.formals = {**before, **dict(zip(macro.formals, values))}
        self.formula = macro.source if macro.source is not None else source
        try:
            return self.value(macro.body)
        except SymbackpropError as error:
            raise self.fail_at(source, node, error) from None
        finally:
            self.formals, self.formula, self.calls = before, source, calls
            self.depth -= 1

    def fail_at(self, source: object, node: Node, error: SymbackpropError) -> SymbackpropError:
        line, column = source.place(node.span[0])
        error.line, error.column, error.source = line, column, source.line(line)
        return error

    def lambda_of(self, macro: Macro) -> Function | None:
        """An elementwise function as a row of its own, where its body is one of plain scalars."""
        symbols = sp.symbols("x0 x1 x2", real=True)[:len(macro.formals)]
        before = self.formals
        self.formals = {**before, **{k: Term(Var(f"argument {n}", ())) for n, k in enumerate(macro.formals)}}
        try:
            body = self.value(macro.body)
            expr = as_scalar(body.node, {f"argument {n}": s for n, s in enumerate(symbols)})
        except (SymbackpropError, KeyError):
            return None
        finally:
            self.formals = before
        if body.rank or body.axes:
            return None
        known = next((r for r in SCALAR_OPS.values() if r.arity == len(symbols) and not r.params and r.expr == expr), None)
        if known is not None:
            self.take(f"{macro.name} is the function {known.name}")
            return function(known.name)
        return function(macro.name, body=sp.Lambda(symbols, expr))


def is_zero(term: Term) -> bool:
    return term.is_number and term.node.value == 0


def arguments(group: Node) -> list[Node]:
    """What stands in the brackets of a call."""
    body = group.body if isinstance(group, Group) else group
    return list(body.items) if isinstance(body, List) and body.sep in (",", ";") else [body]
