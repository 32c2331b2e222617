"""What the quantities of a claim truly are: `∂C/∂W` by the sweep, `∂z/∂x` by a sweep from a seed.

`Truth` gives each quantity as one equation in names and other quantities, and writes names out as far as a proof wants.
"""

from __future__ import annotations

from dataclasses import replace

from ..algebra import ONE, add, contract, hadamard, total, zero
from ..errors import SymbackpropError
from ..expr import Contract, Delta, Expr, Labels, Map, Ones, Var, names_in, walk
from ..normal import expanded, unmarked
from ..program import Equation, Program, is_activation
from ..reverse import bar, is_bar, sweep
from ..rules import tidy
from ..views import substitute

SEED = "∂seed"


def is_quantity(name: str) -> bool:
    """Whether a variable stands for a derivative."""
    return is_bar(name) and "/" in name


def parts_of(quantity: str) -> tuple[str, str]:
    """`∂C/∂W` -> (C, W), and the second derivative `∂∂C/∂W/∂v` -> (∂C/∂W, v)."""
    above, _, below = quantity.rpartition("/")
    return above[1:], below[1:]


class Truth:
    """The derivatives of a program, each derived once."""

    def __init__(self, program: Program) -> None:
        self.program = program
        self.variables = {**program.inputs, **{e.name: e.var for e in program.equations}}
        self.shallow: dict[str, Expr] = {}
        self.swept: set[str] = set()
        self.forward: dict[str, Expr] | None = None
        self.lifted: dict[str, Expr] | None = None

    def equation(self, quantity: str) -> Expr:
        """A quantity in terms of names and of other quantities. Raises `SymbackpropError`."""
        if quantity not in self.shallow:
            above, below = parts_of(quantity)
            if below not in self.variables:
                raise SymbackpropError(f"{below} in {quantity} is nowhere defined")
            node = self.variable(above)
            if is_quantity(above):
                self.shallow[quantity] = self.jacobian(self.without_quantities(node, set()), below)
            elif node.shape:
                self.shallow[quantity] = self.jacobian(node, below)
            else:
                self.sweep_from(above, below)
        return self.shallow[quantity]

    def variable(self, name: str) -> Var:
        """A name of the program, or a quantity, as what is read by that name. Raises `SymbackpropError`."""
        if is_quantity(name):
            return Var(name, self.equation(name).shape)
        if name not in self.variables:
            raise SymbackpropError(f"{name} is nowhere defined")
        return self.variables[name]

    def sweep_from(self, loss: str, wrt: str) -> None:
        if loss not in self.program.table:
            self.shallow[f"∂{loss}/∂{wrt}"] = ONE if wrt == loss else zero(self.variables[wrt].shape)
            return
        wanted = tuple(self.variables) if loss not in self.swept else (wrt,)
        self.swept.add(loss)
        try:
            backward = sweep(self.program, loss, wanted)
        except SymbackpropError:
            backward = sweep(self.program, loss, (wrt,))
        called = {e.name: Var(f"∂{loss}/{e.name}", e.expr.shape) for e in backward.equations}
        for equation in backward.equations:
            self.shallow.setdefault(called[equation.name].name, substitute(equation.expr, called))

    def jacobian(self, value: Expr, below: str) -> Expr:
        """∂z/∂x, of z's shape and then x's: the sweep from a seed S is linear in S, and S is read off."""
        seed = Var(SEED, value.shape)
        goal = Equation("∂goal", total(hadamard(seed, value)) if value.shape else value)
        program = replace(self.program, inputs={**self.program.inputs, SEED: seed}, equations=(*self.program.equations, goal), claims=())
        backward = sweep(program, goal.name, (below,))
        known: dict[str, Expr] = {}
        for equation in backward.equations:
            known[equation.name] = substitute(equation.expr, known)
        return coefficient_of(seed, known[bar(below)]) if value.shape else known[bar(below)]

    # --- writing out ---

    def without_quantities(self, node: Expr, keep: set[str]) -> Expr:
        """`node` with every quantity that is not kept written out in names."""
        names = [n for n in names_in(node) if is_quantity(n) and n not in keep]
        if not names:
            return node
        order: dict[str, Expr] = {}
        stack: list[tuple[str, bool]] = [(n, False) for n in names]
        while stack:
            name, ready = stack.pop()
            if name in order:
                continue
            expr = self.equation(name)
            inner = [n for n in names_in(expr) if is_quantity(n) and n not in keep]
            if ready or not inner:
                order[name] = cancelled(substitute(expr, order))
            else:
                stack += [(name, True), *((n, False) for n in inner)]
        return cancelled(substitute(node, order))

    def without_activations(self, node: Expr) -> Expr:
        """`node` with activations (and all that is no product of matrices) in terms of pre-activations and inputs."""
        if self.lifted is None:
            self.lifted = {}
            for equation in self.program.equations:
                if is_activation(equation.expr) or not keeps_name(equation.expr):
                    self.lifted[equation.name] = substitute(equation.expr, self.lifted)
        return substitute(node, self.lifted)

    def without_names(self, node: Expr) -> Expr:
        """`node` in terms of the inputs alone."""
        if self.forward is None:
            self.forward = {}
            for equation in self.program.equations:
                self.forward[equation.name] = substitute(equation.expr, self.forward)
        return substitute(node, self.forward)


def cancelled(node: Expr) -> Expr:
    """`node` with factors cancelled against reciprocals, while names still stand for what they divide."""
    divides = any(type(n) is Map and n.function.name == "pow" and n.function.params[0].is_negative for n in walk(node))
    return tidy(node)[0] if divides else node


def keeps_name(node: Expr) -> bool:
    """Whether a definition sums over something, as pre-activations do, so that a proof need not look inside."""
    return any(type(n) is Contract and any(i not in n.output for labels in n.inputs for i in labels) for n in walk(node))


def coefficient_of(seed: Var, node: Expr) -> Expr:
    """J with Σ S·J = node, for a node that is linear in the variable S; J has S's axes first."""
    terms = [lifted(seed, unmarked(term)) for term in expanded(node, ()) if seed.name in names_in(term)]
    return add(terms) if terms else zero((*seed.shape, *node.shape))


def lifted(seed: Var, term: Expr) -> Expr:
    """One product with S taken out: S's indices become indices of the result, tied by deltas where they already are."""
    if term is seed:
        labels = tuple(range(2 * seed.rank))
        deltas = [Delta(d) for d in seed.shape]
        return contract(deltas, [(i, i + seed.rank) for i in range(seed.rank)], labels)
    if type(term) is not Contract or term.operands.count(seed) != 1:
        raise SymbackpropError(f"the derivative of {seed.name} is not linear where it must be")
    at = term.operands.index(seed)
    operands = [o for k, o in enumerate(term.operands) if k != at]
    inputs: list[Labels] = [labels for k, labels in enumerate(term.inputs) if k != at]
    fresh = 1 + max(i for labels in (*term.inputs, term.output) for i in labels) if term.inputs else 0
    front: list[int] = []
    elsewhere = {i for labels in inputs for i in labels}
    for label, dim in zip(term.inputs[at], seed.shape):
        if label in term.output or label in front:
            operands.append(Delta(dim))
            inputs.append((fresh, label))
            front.append(fresh)
            fresh += 1
        else:
            front.append(label)
            if label not in elsewhere:
                operands.append(Ones((dim,)))
                inputs.append((label,))
    return contract(operands, inputs, (*front, *term.output))
