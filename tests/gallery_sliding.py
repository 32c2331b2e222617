"""The published gradients of the gallery: as they are printed, and as NumPy written by hand; the models for HIPS autograd.

`printed` holds what a reader of the source expects to see, in our notation; `formula` the same worked out with loops over
channels and the three operations of the literature: valid correlation, full correlation, zeros put between.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from types import SimpleNamespace

import autograd.numpy as anp
import numpy as np
from convolution_definitions import convolved, pooled, pooled2, transposed

Values = SimpleNamespace
Rule = Callable[[Values], np.ndarray]


@dataclass(frozen=True)
class Case:
    """`loss` in autograd's NumPy; `printed` and `formula` by tensor."""

    loss: Rule
    printed: dict[str, str]
    formula: dict[str, Rule]


def half(r: np.ndarray) -> np.ndarray:
    return anp.sum(r ** 2) / 2


def correlated(x: np.ndarray, k: np.ndarray) -> np.ndarray:
    """Σ_a x[u + a] k[a] wherever k fits."""
    count = [n - m + 1 for n, m in zip(x.shape, k.shape)]
    return np.array([np.sum(x[tuple(slice(i, i + m) for i, m in zip(u, k.shape))] * k) for u in np.ndindex(*count)]).reshape(count)


def full(d: np.ndarray, k: np.ndarray) -> np.ndarray:
    """The full correlation of d with the flipped k: k turned round slides over d with zeros around it."""
    return correlated(np.pad(d, [(m - 1, m - 1) for m in k.shape]), np.flip(k))


def up(d: np.ndarray, s: int = 2) -> np.ndarray:
    """s − 1 zeros between neighbours."""
    wide = np.zeros([s * (n - 1) + 1 for n in d.shape])
    wide[tuple(slice(None, None, s) for _ in d.shape)] = d
    return wide


def kernel_gradient(X: np.ndarray, delta: np.ndarray, one: Rule = correlated) -> np.ndarray:
    """K̄[f, c] = Σ_n X[n, c] ⋆ δ[n, f]."""
    return np.array([[sum(one(X[n, c], delta[n, f]) for n in range(len(X))) for c in range(X.shape[1])] for f in range(delta.shape[1])])


def input_gradient(delta: np.ndarray, K: np.ndarray, one: Rule = full) -> np.ndarray:
    """X̄[n, c] = Σ_f δ[n, f] ⋆ K[f, c], fully, the kernel flipped."""
    return np.array([[sum(one(delta[n, f], K[f, c]) for f in range(len(K))) for c in range(K.shape[1])] for n in range(len(delta))])


def fitted(x: np.ndarray, shape: tuple[int, ...]) -> np.ndarray:
    """Cut to a shape, or continued by the zeros that a stride left over."""
    x = x[tuple(map(slice, shape))]
    return np.pad(x, [(0, n - m) for n, m in zip(shape, x.shape)])


def tanh_slope(v: Values, Z: np.ndarray) -> np.ndarray:
    """H ⊙ (1 − H²) for H = tanh Z."""
    return np.tanh(Z) * (1 - np.tanh(Z) ** 2)


def residual_slope(v: Values, Z: np.ndarray) -> np.ndarray:
    return (np.tanh(Z) - v.Y) * (1 - np.tanh(Z) ** 2)


def signal(v: Values) -> np.ndarray:
    return convolved(v.X, v.K) + v.b[:, None]


def picture(v: Values) -> np.ndarray:
    return convolved(v.X, v.K) + v.b[:, None, None]


def rectified_slope(v: Values) -> np.ndarray:
    return (np.maximum(picture(v), 0) - v.Y) * (picture(v) > 0)


def strided(v: Values) -> np.ndarray:
    return tanh_slope(v, convolved(v.X, v.K, 2, 1))


def dilated(v: Values) -> np.ndarray:
    return tanh_slope(v, convolved(v.X, v.K, 1, 2, 2))


def margin(v: Values, mode: str) -> np.ndarray:
    """tanh of the filtered signal, its ends continued by one entry."""
    return anp.tanh(convolved(v.X[None, None], v.K[None, None], 1, 1, mode={"wrap": "circular"}.get(mode, mode))[0, 0])


def folded(t: np.ndarray, first: int, last: int) -> np.ndarray:
    """The inner entries, the two margins added at the places that they were copied from."""
    made = t[1:-1].copy()
    made[first] += t[0]
    made[last] += t[-1]
    return made


def edges(v: Values) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    U, V = (convolved(v.X[None, None], S[None, None])[0, 0] for S in (v.S, v.S.T))
    return U, V, anp.sqrt(U ** 2 + V ** 2 + 1)


def sobel_gradient(v: Values) -> np.ndarray:
    U, V, M = edges(v)
    return full((M - v.Y) * U / M, v.S) + full((M - v.Y) * V / M, v.S.T)


def partial(v: Values) -> tuple[np.ndarray, np.ndarray]:
    Z, R = (convolved(a[None, None], k[None, None])[0, 0] for a, k in ((v.M * v.X, v.K), (v.M, np.ones((3, 3)))))
    return Z, R


def margins_case(mode: str, first: int, last: int) -> Case:
    def slope(v: Values) -> np.ndarray:
        H = margin(v, mode)
        return H * (1 - H ** 2)
    return Case(lambda v: half(margin(v, mode)), {"X": "fold(δ ⋆[full] flip(K))", "K": "pad(X) ⋆ δ"},
                {"X": lambda v: folded(full(slope(v), v.K), first, last), "K": lambda v: correlated(np.pad(v.X, 1, mode), slope(v))})


CASES = {
    "conv1d": Case(
        lambda v: half(anp.tanh(signal(v)) - v.Y),
        {"K": "Σ_{k=1..N} X_kj ⋆ Δ_ki", "X": "Σ_{k=1..f} Δ_ik ⋆[full] flip(K_kj)", "b": "Σ_{i=1..N} Δ_i 1"},
        {"K": lambda v: kernel_gradient(v.X, residual_slope(v, signal(v))), "X": lambda v: input_gradient(residual_slope(v, signal(v)), v.K),
         "b": lambda v: residual_slope(v, signal(v)).sum(axis=(0, 2))}),
    "conv2d": Case(
        lambda v: half(anp.maximum(picture(v), 0) - v.Y),
        {"K": "Σ_{n=1..N} X_nj ⋆ Δ_ni", "X": "Σ_{j=1..f} Δ_nj ⋆[full] rot180(K_ji)", "b": "Σ_{n=1..N} 1ᵀ Δ_ni 1"},
        {"K": lambda v: kernel_gradient(v.X, rectified_slope(v)), "X": lambda v: input_gradient(rectified_slope(v), v.K),
         "b": lambda v: rectified_slope(v).sum(axis=(0, 2, 3))}),
    "conv_patch": Case(
        lambda v: (anp.sum(v.X[1:4, 2:5] * v.K) - v.t) ** 2 / 2,
        {"K": "∂C/∂y X[1:4, 2:5]", "X": "∂C/∂y I[:, 1:4] K I[2:5]"},
        {"K": lambda v: (np.sum(v.X[1:4, 2:5] * v.K) - v.t) * v.X[1:4, 2:5],
         "X": lambda v: (np.sum(v.X[1:4, 2:5] * v.K) - v.t) * np.pad(v.K, ((1, v.X.shape[0] - 4), (2, v.X.shape[1] - 5)))}),
    "conv_stride": Case(
        lambda v: half(anp.tanh(convolved(v.X, v.K, 2, 1))),
        {"X": "Σ_{j=1..f} up2(Δ_nj) ⋆[full, cropped 1] rot180(K_ji)", "K": "Σ_{n=1..N} X_nj ⋆[dilation 2, padding 1] Δ_ni"},
        {"X": lambda v: input_gradient(strided(v), v.K, lambda d, k: fitted(full(up(d), k)[1:, 1:], v.X.shape[2:])),
         "K": lambda v: kernel_gradient(v.X, strided(v), lambda x, d: correlated(np.pad(x, 1), up(d))[:3, :3])}),
    "conv_dilated": Case(
        lambda v: half(anp.tanh(convolved(v.X, v.K, 1, 2, 2))),
        {"K": "Σ_{k=1..N} X_kj ⋆[stride 2, padding 2] Δ_ki", "X": "Σ_{k=1..f} Δ_ik ⋆[full, dilation 2, cropped 2] flip(K_kj)"},
        {"K": lambda v: kernel_gradient(v.X, dilated(v), lambda x, d: correlated(np.pad(x, 2), d)[::2]),
         "X": lambda v: input_gradient(dilated(v), v.K, lambda d, k: full(d, up(k))[2:-2])}),
    "conv_grouped": Case(
        lambda v: half(anp.tanh(convolved(v.X, v.K, groups=2))),
        {"K": "Σ_{l=1..N} X[l,2i+k] ⋆ Δ[l,3i+j]", "X": "Σ_{l=0..2} Δ[i,3j+l] ⋆[full] flip(K[3j+l,k])"},
        {"K": lambda v: np.concatenate([kernel_gradient(v.X[:, 2 * g:2 * g + 2], tanh_slope(v, convolved(v.X, v.K, groups=2))[:, 3 * g:3 * g + 3])
                                        for g in range(2)])}),
    "conv_depthwise": Case(
        lambda v: half(anp.einsum("fc,nchw->nfhw", v.P, convolved(v.X, v.K, groups=len(v.K))) - v.Y),
        {"K": "Σ_{n=1..N} X_ni ⋆ (∂C/∂Z_ni)", "X": "(∂C/∂Z_ni) ⋆[full] rot180(K_i)"},
        {"K": lambda v: np.array([[sum(correlated(v.X[n, c], pointwise(v)[n, c]) for n in range(len(v.X)))] for c in range(len(v.K))]),
         "X": lambda v: np.array([[full(pointwise(v)[n, c], v.K[c, 0]) for c in range(len(v.K))] for n in range(len(v.X))])}),
    "conv_reflect": margins_case("reflect", 1, -2),
    "conv_edge": margins_case("edge", 0, -1),
    "conv_circular": margins_case("wrap", -1, 0),
    "conv_transposed": Case(
        lambda v: half(anp.tanh(transposed(v.X, v.K, 2, 1))),
        {"X": "Σ_{k=1..f} Δ_ik ⋆[stride 2, padding 1] K_jk", "K": "Σ_{k=1..N} Δ_kj ⋆[dilation 2, padding 1] X_ki"},
        {"X": lambda v: np.asarray(convolved(tanh_slope(v, transposed(v.X, v.K, 2, 1)), v.K, 2, 1)),
         "K": lambda v: kernel_gradient(tanh_slope(v, transposed(v.X, v.K, 2, 1)), v.X, lambda d, x: correlated(np.pad(d, 1), up(x)))}),
    "pool_max": Case(
        lambda v: half(pooled(v.X, 2, 2, anp.max) - v.Y), {"X": "Σ_k (P_ik − Y_ik) 1[X_ij = P_ik] 1[0 ≤ j-2k < 2]"},
        {"X": lambda v: fitted(np.repeat(pooled(v.X, 2, 2, np.max) - v.Y, 2, axis=1), v.X.shape)
         * (v.X == fitted(np.repeat(pooled(v.X, 2, 2, np.max), 2, axis=1), v.X.shape))}),
    "pool_average": Case(
        lambda v: half(pooled2(v.X, 2, 2, anp.mean) - v.Y), {},
        {"X": lambda v: np.array([fitted(np.kron(d, np.ones((2, 2))) / 4, v.X.shape[1:]) for d in pooled2(v.X, 2, 2, np.mean) - v.Y])}),
    "pool_global": Case(
        lambda v: half(v.W @ anp.mean(v.X, axis=(1, 2)) - v.y), {"X": "(1/(h w)) (W[:, i]ᵀ ∂C/∂S) 1 1ᵀ"},
        {"X": lambda v: np.broadcast_to((v.W.T @ (v.W @ v.X.mean(axis=(1, 2)) - v.y))[:, None, None] / v.X[0].size, v.X.shape)}),
    "template": Case(
        lambda v: half(v.T * v.X - v.Y), {"X": "T ⊙ (T ⊙ X − Y)", "T": "(T ⊙ X − Y) ⊙ X"},
        {"X": lambda v: v.T * (v.T * v.X - v.Y), "T": lambda v: (v.T * v.X - v.Y) * v.X}),
    "sobel": Case(
        lambda v: half(edges(v)[2] - v.Y), {"X": "(∂C/∂U) ⋆[full] rot180(S) + (∂C/∂V) ⋆[full] rot180(Sᵀ)"}, {"X": sobel_gradient}),
    "inpainting": Case(
        lambda v: anp.sum(v.M * (v.X - v.Y) ** 2) / 2 + v.lam * (half(v.X[1:] - v.X[:-1]) + half(v.X[:, 1:] - v.X[:, :-1])),
        {"X": "I[:, 1:] ∂C/∂D − I[:, :h-1] ∂C/∂D + ∂C/∂E I[1:] − ∂C/∂E I[:w-1] + M ⊙ (X − Y)"},
        {"X": lambda v: v.M * (v.X - v.Y) + v.lam * (np.diff(np.eye(len(v.X)), axis=0).T @ np.diff(v.X, axis=0)
                                                    + np.diff(v.X, axis=1) @ np.diff(np.eye(v.X.shape[1]), axis=0))}),
    "partial_convolution": Case(
        lambda v: half(9 * partial(v)[0] / partial(v)[1] - v.Y), {"X": "M ⊙ ((∂C/∂Z) ⋆[full] rot180(K))", "K": "(M ⊙ X) ⋆ (∂C/∂Z)"},
        {"X": lambda v: v.M * full(9 * (9 * partial(v)[0] / partial(v)[1] - v.Y) / partial(v)[1], v.K)}),
}


def pointwise(v: Values) -> np.ndarray:
    """The cotangent of the depthwise output: Pᵀ over the filters."""
    H = np.einsum("fc,nchw->nfhw", v.P, convolved(v.X, v.K, groups=len(v.K)))
    return np.einsum("fc,nfhw->nchw", v.P, H - v.Y)
