"""Forward passes of loops in loops, written by hand with the functions of a framework; their data, and their texts."""

from __future__ import annotations

from test_nested_recurrence import MODELS, arrays


def stacked(xp, *, x, y, U, V, h_l_0):  # noqa: ANN001, ANN201
    rows = list(x)
    for layer in range(len(U)):
        h = h_l_0[layer]
        for t in range(len(rows)):
            h = xp.tanh(U[layer] @ h + V[layer] @ rows[t])
            rows[t] = h
    return ((rows[-1] - y)**2).sum() / 2


def widths(xp, *, x, y, A, U, V, b, h_l_0):  # noqa: ANN001, ANN201
    rows = [A @ row for row in x]
    for layer in range(len(U)):
        h = h_l_0[layer]
        for t in range(len(rows)):
            h = xp.tanh(U[layer] @ h + V[layer] @ rows[t] + b[layer])
            rows[t] = h
    return sum(((h - y[t])**2).sum() for t, h in enumerate(rows)) / 2


def grid(xp, *, w, A, B, D, g_i_0, g_0_j, g_0_0):  # noqa: ANN001, ANN201
    known = {(0, 0): g_0_0} | {(i + 1, 0): g for i, g in enumerate(g_i_0)} | {(0, j + 1): g for j, g in enumerate(g_0_j)}
    for i in range(1, len(g_i_0) + 1):
        for j in range(1, len(g_0_j) + 1):
            known[i, j] = xp.tanh(A @ known[i - 1, j] + B @ known[i, j - 1] + D @ known[i - 1, j - 1])
    return (known[i, j] * w).sum()


def outer(xp, *, x, U, v, s0, h_l_0):  # noqa: ANN001, ANN201
    s = s0
    for layer in range(len(U)):
        q, h, total = 1 / (1 + xp.exp(-s * v)), h_l_0[layer], 0.0
        for row in x:
            h = xp.tanh(U[layer] @ h + q * row)
            total = total + h * v
        s = h + total / len(x)
    return (s**2).sum()


def time_first(xp, *, y, U, V, s_t_0, s_0_l):  # noqa: ANN001, ANN201
    before, total = list(s_0_l), 0.0
    for t in range(len(y)):
        s = s_t_0[t]
        for layer in range(len(U)):
            s = xp.tanh(U[layer] @ before[layer] + V @ s)
            before[layer] = s
            total = total + (s**2).sum()
        total = total + ((s - y[t])**2).sum()
    return total


def both_ways(xp, *, x, U, P, h_l_0, g_l_end1, a_0_t):  # noqa: ANN001, ANN201
    a = list(a_0_t)
    for layer in range(len(U)):
        h, g, made = h_l_0[layer], g_l_end1[layer], []
        for row in a:
            h = xp.tanh(U[layer] @ h + row)
            made.append(h)
        for t in reversed(range(len(a))):
            g = xp.tanh(P[layer] @ g + a[t])
            made[t] = made[t] * g
        a = made
    return sum((row * x[t]).sum() for t, row in enumerate(a))


FORWARDS = {"stacked": stacked, "widths": widths, "grid": grid, "outer": outer, "time first": time_first, "both ways": both_ways}


def data(name: str, layers: int, steps: int) -> dict:
    """Arrays; what is given for every step as a list."""
    known = arrays(name if name in ("stacked", "widths", "grid", "outer") else "stacked", layers, steps)
    match name:
        case "time first":
            h, V = known["h_l_0"], known["V"]
            return {"y": known["x"], "U": known["U"], "V": V[0], "s_t_0": [row / 2 for row in known["x"]], "s_0_l": h}
        case "both ways":
            return {"x": known["x"], "U": known["U"], "P": known["V"], "h_l_0": known["h_l_0"], "g_l_end1": [-h for h in known["h_l_0"]],
                    "a_0_t": [row / 3 for row in known["x"]]}
    return known


__all__ = ["FORWARDS", "MODELS", "data"]
