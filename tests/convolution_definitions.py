"""Convolution and pooling written out entry by entry, for HIPS autograd: the definitions, no arrays at strides."""

from __future__ import annotations

from itertools import product

import autograd.numpy as anp


def source(i: int, n: int, mode: str) -> int | None:
    """Where padding takes the entry at i from, None for a zero: NumPy's manual, np.pad."""
    if 0 <= i < n:
        return i
    if mode == "reflect":
        i = i % (2 * n - 2)
        return i if i < n else 2 * n - 2 - i
    return {"zeros": None, "edge": min(max(i, 0), n - 1), "circular": i % n}[mode]


def convolved(x, k, stride=1, padding=0, dilation=1, groups=1, mode="zeros"):
    """Σ x[n, c, s·u + d·a − p] k[f, c, a], one product of numbers after the other; x is (batch, channels, …)."""
    slide = x.ndim - 2
    s, p, d = (v if isinstance(v, tuple) else (v,) * slide for v in (stride, padding, dilation))
    sizes, kernel, inner = x.shape[2:], k.shape[2:], k.shape[1]
    count = [(n + 2 * q - e * (m - 1) - 1) // t + 1 for n, q, e, m, t in zip(sizes, p, d, kernel, s)]
    made = []
    for b, f in product(range(x.shape[0]), range(k.shape[0])):
        first = f // (k.shape[0] // groups) * inner
        for u in product(*map(range, count)):
            total = 0.0
            for c in range(inner):
                for a in product(*map(range, kernel)):
                    at = [source(t * i + e * j - q, n, mode) for t, i, e, j, q, n in zip(s, u, d, a, p, sizes)]
                    if None not in at:
                        total = total + x[(b, first + c, *at)] * k[(f, c, *a)]
            made.append(total)
    return anp.array(made).reshape((x.shape[0], k.shape[0], *count))


def transposed(x, k, stride=1, padding=0, output_padding=0):
    """Every entry of x adds its multiple of the kernel, `stride` apart, and `padding` is cut off."""
    n, size, m = x.shape[2], x.shape[0], k.shape[2]
    out = (n - 1) * stride - 2 * padding + m + output_padding
    made = [[[0.0] * out for _ in range(k.shape[1])] for _ in range(size)]
    for b, c, f, u, a in product(range(size), range(k.shape[0]), range(k.shape[1]), range(n), range(m)):
        if 0 <= (at := stride * u + a - padding) < out:
            made[b][f][at] = made[b][f][at] + x[b, c, u] * k[c, f, a]
    return anp.array([anp.array([anp.array(row) for row in rows]) for rows in made])


def pooled(x, size, stride, of):
    """`of` every window of the last axis."""
    count = (x.shape[-1] - size) // stride + 1
    return anp.stack([of(x[..., stride * u:stride * u + size], axis=-1) for u in range(count)], axis=-1)


def pooled2(x, size, stride, of):
    return anp.swapaxes(pooled(anp.swapaxes(pooled(x, size, stride, of), -1, -2), size, stride, of), -1, -2)
