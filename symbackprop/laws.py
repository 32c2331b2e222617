"""Laws of inverses, determinants and their kin, for the normal form: each spreads a function over the factors of its argument.

Every law holds wherever its left side is defined, so what it proves is proved there. None is used to print.
"""

from __future__ import annotations

from collections.abc import Callable

import sympy as sp

from .algebra import ONE, ZERO, add, contract, hadamard, power, scale, split_number, transpose
from .cancellation import matrix_exponent, raised_matrix
from .expr import Add, Apply, Contract, Delta, Expr
from .ops.eigen import gaps
from .ops.tensor import apply
from .selection import entry

MAX_POWER = 6
TURNABLE = frozenset({"inv", "det", "logdet", "matrix_power", "pinv", "expm", "expm_derivative", "sinm", "sinm_derivative", "cosm", "cosm_derivative", "polar"})


def chain(node: Expr) -> list[Expr] | None:
    """The square factors, each of one size, whose matrix product a node is; None where it is no such product."""
    if type(node) is not Contract or node.rank != 2 or len(node.operands) < 2:
        return None
    at, last = node.output
    rest, found = list(zip(node.operands, node.inputs)), []
    while rest:
        holders = [k for k, (o, labels) in enumerate(rest) if at in labels]
        if len(holders) != 1:
            return None
        operand, labels = rest.pop(holders[0])
        if operand.rank != 2 or operand.shape != node.shape or labels[0] == labels[1]:
            return None
        found.append(operand if labels[0] == at else transpose(operand))
        at = labels[1] if labels[0] == at else labels[0]
    return found if at == last else None


def scalars_of(node: Expr) -> tuple[Expr, Expr]:
    """A matrix as (scalar, rest)."""
    number, core = split_number(node)
    factor: Expr = scale(number, ONE)
    if type(core) is Contract and core.rank == 2:
        loose = [o for o, labels in zip(core.operands, core.inputs) if not labels]
        kept = [(o, labels) for o, labels in zip(core.operands, core.inputs) if labels]
        if loose and kept:
            return hadamard(factor, *loose), contract([o for o, _ in kept], [labels for _, labels in kept], core.output)
    return factor, core


def inverse(node: Apply) -> Expr | None:
    """(cAB)⁻¹ = c⁻¹ B⁻¹ A⁻¹, (A^k)⁻¹ = A^−k, I⁻¹ = I, (Aᵀ)⁻¹ = (A⁻¹)ᵀ."""
    factor, core = scalars_of(node.args[0])
    if factor is not ONE:
        return hadamard(power(factor, -1), apply("inv", core))
    if type(core) is Delta:
        return core
    base, exponent = matrix_exponent(core)
    if exponent != 1:
        return raised_matrix(base, -exponent)
    factors = chain(core)
    if factors is not None:
        return multiplied([apply("inv", f) for f in reversed(factors)])
    return None


def multiplied(factors: list[Expr]) -> Expr:
    return contract(factors, [(k, k + 1) for k in range(len(factors))], (0, len(factors)))


def flipped(node: Expr) -> Expr:
    """The transpose of a sum of products, term by term."""
    number, core = split_number(node)
    if type(core) is Contract:
        return scale(number, contract(core.operands, core.inputs, core.output[::-1]))
    return add([flipped(term) for term in node.terms]) if type(node) is Add else transpose(node)


def oriented(node: Apply, key: Callable[[Expr], str]) -> Expr:
    """f(Aᵀ) = f(A)ᵀ, and f(Aᵀ) = f(A) for a number: read at whichever of A and Aᵀ comes first."""
    if node.op not in TURNABLE:
        return node
    other = flipped(node.args[0])
    if key(other) >= key(node.args[0]):
        return node
    made = apply(node.op, other, *map(flipped, node.args[1:]), params=node.params)
    return transpose(made) if made.rank else made


def determinant(node: Apply) -> Expr | None:
    """det(cAB) = cⁿ det A det B, det A^k = (det A)^k, det I = 1, det Aᵀ = det A."""
    factor, core = scalars_of(node.args[0])
    if factor is not ONE:
        return hadamard(power(factor, node.args[0].shape[0]), apply("det", core))
    if type(core) is Delta:
        return ONE
    base, exponent = matrix_exponent(core)
    if exponent != 1:
        return power(apply("det", base), exponent)
    factors = chain(core)
    return hadamard(*[apply("det", f) for f in factors]) if factors is not None else None


def log_determinant(node: Apply) -> Expr | None:
    """log|det cAB| = n log|c| + log|det A| + log|det B|, and so for powers."""
    number, core = split_number(node.args[0])
    if number != 1:
        return add((scale(node.args[0].shape[0] * sp.log(sp.Abs(number)), ONE), apply("logdet", core)))
    if type(core) is Delta:
        return ZERO
    base, exponent = matrix_exponent(core)
    if exponent != 1:
        return scale(exponent, apply("logdet", base))
    factors = chain(core)
    return add([apply("logdet", f) for f in factors]) if factors is not None else None


def solution(node: Apply) -> Expr:
    """The solution of A Y = B is A⁻¹ B."""
    a, b = node.args
    return contract((apply("inv", a), b), ((0, 1), (1, 2)[:b.rank]), (0, 2)[:b.rank])


def whole_power(node: Apply) -> Expr | None:
    """A small power as a product."""
    count = node.params[0]
    if abs(count) > MAX_POWER:
        return None
    return multiplied([node.args[0] if count > 0 else apply("inv", node.args[0])] * abs(count))


def pseudo_inverse(node: Apply) -> Expr | None:
    """(cX)⁺ = c⁻¹ X⁺, (Xᵀ)⁺ = (X⁺)ᵀ."""
    number, core = split_number(node.args[0])
    return scale(1 / number, apply("pinv", core)) if number != 1 else None


def eigenvalue(node: Apply) -> Expr:
    """One eigenvalue as an entry of all."""
    return entry(apply("eigvalsh", node.args[0]), 0, sp.Integer(node.params[0]))


def eigenvector(node: Apply) -> Expr:
    """One eigenvector as a column of all."""
    return entry(apply("eigenvectors", node.args[0]), 1, sp.Integer(node.params[0]))


def resolvent(node: Apply) -> Expr:
    """(λ_k I − A)⁺ = Σ q_j q_jᵀ / (λ_k − λ_j) over the other eigenpairs."""
    q = apply("eigenvectors", node.args[0])
    return contract((q, entry(gaps(node.args[0]), 1, sp.Integer(node.params[0])), q), ((0, 1), (1,), (2, 1)), (0, 2))


LAWS: dict[str, Callable[[Apply], Expr | None]] = {
    "inv": inverse, "det": determinant, "logdet": log_determinant, "solve": solution, "matrix_power": whole_power,
    "pinv": pseudo_inverse, "eigenvalue": eigenvalue, "eigenvector": eigenvector, "resolvent": resolvent,
}
