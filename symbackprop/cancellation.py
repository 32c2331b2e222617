"""What cancels where two matrices of a product meet: X X⁻¹ = I, X³ X⁻¹ = X², Q Qᵀ = I.

It works on the lists of operands and labels of a product that `products` is simplifying, one pair at a time.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from .expr import Apply, Delta, Expr

if TYPE_CHECKING:
    from .products import Product

MATRIX_POWERS = frozenset({"inv", "matrix_power"})
ORTHOGONAL = frozenset({"eigenvectors"})
CANCELLING = MATRIX_POWERS | ORTHOGONAL


def cancel_once(work: Product) -> bool:
    """Join one pair of operands, if there is one."""
    for k, operand in enumerate(work.operands):
        if type(operand) is not Apply or work.labels[k][:1] == work.labels[k][1:]:
            continue
        others = [j for j in range(len(work.operands)) if j != k]
        if operand.op in MATRIX_POWERS and any(join_powers(work, k, j) for j in others):
            return True
        if operand.op in ORTHOGONAL and any(join_orthogonal(work, k, j) for j in others if j > k):
            return True
    return False


def join_powers(work: Product, k: int, j: int) -> bool:
    """X^a X^b = X^(a+b) for explicit powers, and where the signs differ."""
    operand, other = work.operands[k], work.operands[j]
    base, exponent = matrix_exponent(operand)
    found, more = matrix_exponent(other)
    if found is not base and other is not base:
        return False
    more = 1 if other is base else more
    first, last = work.labels[k], work.labels[j]
    shared = set(first) & set(last) - set(work.output)
    if len(shared) != 1 or len(last) != 2 or work.occurrences(label := min(shared)) != 2 or last[0] == last[1]:
        return False
    powers = operand.op == getattr(other, "op", "") == "matrix_power"
    if first.index(label) == last.index(label) or not (powers or exponent * more < 0):
        return False
    put(work, k, j, raised_matrix(base, exponent + more), (first[0], last[1]) if first[1] == label else (last[0], first[1]))
    return True


def join_orthogonal(work: Product, k: int, j: int) -> bool:
    """Q Qᵀ = Qᵀ Q = I."""
    first, last = work.labels[k], work.labels[j]
    for side in (0, 1):
        label = first[side]
        if work.operands[j] is work.operands[k] and last[side] == label and label not in work.output and work.occurrences(label) == 2:
            put(work, k, j, Delta(work.operands[k].shape[0]), (first[1 - side], last[1 - side]))
            return True
    return False


def put(work: Product, k: int, j: int, node: Expr, labels: tuple[int, int]) -> None:
    """One operand in the place of two."""
    work.operands[min(k, j)], work.labels[min(k, j)] = node, labels
    del work.operands[max(k, j)], work.labels[max(k, j)]


def matrix_exponent(node: Expr) -> tuple[Expr, int]:
    """A matrix as a whole power of another."""
    if type(node) is Apply and node.op == "symmetric":
        node = node.args[0]
    if type(node) is Apply and node.op in MATRIX_POWERS:
        return node.args[0], -1 if node.op == "inv" else node.params[0]
    return node, 1


def raised_matrix(base: Expr, exponent: int) -> Expr:
    if exponent in (0, 1):
        return base if exponent else Delta(base.shape[0])
    return Apply("inv", (base,), (), base.shape) if exponent == -1 else Apply("matrix_power", (base,), (exponent,), base.shape)
