"""Two arrays that `einsum` would join, as one product of matrices, or of a stack of matrices, where these say the same.

`einsum` plans its way at every call, and for axes that both arrays and the result have it does not ask BLAS.
"""

from __future__ import annotations

from .arrays import Graph, Value, size_product


def as_product(graph: Graph, a: Value, b: Value, spell: str) -> Value | None:
    """The value of `np.einsum(spell, a, b)`, or None where products do not say it."""
    inputs, output = spell.split("->")
    left, right = inputs.split(",")
    if len(set(left)) < len(left) or len(set(right)) < len(right) or not set(left) ^ set(right) <= set(output):
        return None
    shared = [i for i in left if i in right and i not in output]
    rows, columns = [i for i in left if i not in right], [i for i in right if i not in left]
    stack = [i for i in output if i in left and i in right]
    if not shared or not rows or not columns:
        return None
    sizes = dict(zip(left + right, a.shape + b.shape))
    if stack:
        if len(rows) > 1 or len(columns) > 1 or len(shared) > 1:
            return None
        if output.index(rows[0]) > output.index(columns[0]):  # the other way round the product lies as it is wanted
            return as_product(graph, b, a, f"{right},{left}->{output}")
        made = graph.dot(turned(graph, a, left, stack + rows + shared), turned(graph, b, right, stack + shared + columns))
        return turned(graph, made, stack + rows + columns, list(output))
    if not graph.tuned:  # what einsum does by itself
        return None
    made = graph.dot(flat(graph, a, left, rows, shared), flat(graph, b, right, shared, columns))
    made = graph.reshape(made, tuple(sizes[i] for i in rows + columns))
    return turned(graph, made, rows + columns, list(output))


def turned(graph: Graph, value: Value, labels: str | list[str], wanted: list[str]) -> Value:
    """The axes in another order."""
    return graph.transpose(value, tuple(labels.index(i) for i in wanted))


def flat(graph: Graph, value: Value, labels: str, first: list[str], second: list[str]) -> Value:
    """A matrix whose rows run over some axes and whose columns run over the others; turned round if that may spare a copy."""
    sizes = dict(zip(labels, value.shape))
    shape = tuple(size_product(tuple(sizes[i] for i in group)) for group in (first, second))
    if labels == "".join(second + first) or value.op != "input" and labels[0] in second and labels != "".join(first + second):
        return graph.transpose(graph.reshape(turned(graph, value, labels, second + first), shape[::-1]), (1, 0))
    return graph.reshape(turned(graph, value, labels, first + second), shape)
