"""Convolution and pooling as the field has them: cross-correlations with stride, dilation, padding and groups.

Each returns one expression, a contraction with a delta for every axis that slides: `Y[u] = Σ_a X[s·u + d·a − p] K[a]`.
Shapes are PyTorch's: x is (batch, channels, …) or without the batch, or a bare image with a bare filter.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import sympy as sp

from ..algebra import contract, scale, total
from ..errors import ShapeError, UnsupportedError
from ..expr import Const, Delta, Expr, show_shape
from ..ops.tensor import apply
from ..selection import along, reshape

Sizes = tuple[sp.Expr, ...]


def whole(value: object, what: str) -> sp.Expr:
    value = value.value if isinstance(value, Const) else value
    value = sp.Integer(value) if isinstance(value, int) and not isinstance(value, bool) else value
    if not isinstance(value, sp.Expr) or not value.is_integer:
        raise UnsupportedError(f"{what} must be a whole number or a size")
    return value


def each(value: object, count: int, what: str, least: int = 1) -> Sizes:
    """One number for all sliding axes, or one for each."""
    parts = value if isinstance(value, tuple) else (value,) * count
    if len(parts) != count:
        raise ShapeError(f"{what} needs {count} numbers")
    sizes = tuple(whole(p, what) for p in parts)
    if any((s - least).is_negative for s in sizes):
        raise ShapeError(f"{what} is at least {least}")
    return sizes


def window(n: sp.Expr, count: sp.Expr, kernel: sp.Expr, stride: sp.Expr, dilation: sp.Expr, padding: sp.Expr) -> Delta:
    """1 where x = stride·u + dilation·a − padding."""
    return Delta.where((n, count, kernel), (sp.S.One, -stride, -dilation), padding)


def counted(n: sp.Expr, kernel: sp.Expr, stride: sp.Expr, dilation: sp.Expr, before: sp.Expr, after: sp.Expr) -> sp.Expr:
    """How many windows fit."""
    room = sp.expand(n + before + after - dilation * (kernel - 1) - 1)
    found = sp.expand((room if stride == 1 else sp.floor(room / stride)) + 1)
    if found.is_nonpositive:
        raise ShapeError(f"a window of {kernel} does not fit into {n}")
    return found


def paddings(padding: object, kernel: Sizes, stride: Sizes, dilation: Sizes) -> tuple[tuple[sp.Expr, sp.Expr], ...]:
    """(before, after) for each axis; `same` keeps the size, `valid` pads nothing."""
    if padding == "valid":
        padding = 0
    if padding == "same":
        if any(s != 1 for s in stride):
            raise UnsupportedError("padding='same' with a stride")
        totals = [sp.expand(d * (k - 1)) for k, d in zip(kernel, dilation)]
        return tuple((sp.floor(t / 2), sp.expand(t - sp.floor(t / 2))) for t in totals)
    if isinstance(padding, str):
        raise UnsupportedError(f"padding is a number, 'same' or 'valid', not {padding!r}")
    return tuple((p, p) for p in each(padding, len(kernel), "padding", 0))


def channels(x: Expr, k: Expr, slide: int) -> bool:
    """Whether there are channels; raises `ShapeError` unless the ranks fit."""
    if x.rank == k.rank == slide:
        return False
    if k.rank == slide + 2 and x.rank in (slide + 1, slide + 2):
        return True
    raise ShapeError(f"a convolution of {show_shape(x.shape)} with {show_shape(k.shape)}: x is (batch, channels, …) and "
                     f"the kernel (filters, channels, …), or both have {slide} axes")


def convolution(x: Expr, k: Expr, slide: int, stride: object = 1, padding: object = 0, dilation: object = 1, groups: object = 1,
                padding_mode: str = "zeros") -> Expr:
    """The cross-correlation of x with k along the last `slide` axes."""
    plain = not channels(x, k, slide)
    kernel, n = k.shape[k.rank - slide:], x.shape[x.rank - slide:]
    strides, dilations = each(stride, slide, "stride"), each(dilation, slide, "dilation")
    edges = paddings(padding, kernel, strides, dilations)
    if padding_mode not in ("zeros", "constant"):
        for axis, (before, after) in enumerate(edges, x.rank - slide):
            x = extended(x, axis, before, after, padding_mode)
        n, edges = x.shape[x.rank - slide:], ((sp.S.Zero, sp.S.Zero),) * slide
    count = tuple(counted(*sizes, *edge) for *sizes, edge in zip(n, kernel, strides, dilations, edges))
    deltas = [window(*sizes, before) for *sizes, (before, _) in zip(n, count, kernel, strides, dilations, edges)]
    if plain:
        return slid(x, k, deltas, (), (), ())
    grouped = whole(groups, "groups")
    if grouped != 1:
        return in_groups(x, k, deltas, grouped, slide)
    if x.shape[-slide - 1] != k.shape[1]:
        raise ShapeError(f"x has {x.shape[-slide - 1]} channels and the kernel is for {k.shape[1]}")
    batch = (100,) * (x.rank - slide - 1)
    return slid(x, k, deltas, (*batch, 101), (102, 101), (*batch, 102))


def slid(x: Expr, k: Expr, deltas: Sequence[Delta], left: tuple, right: tuple, output: tuple) -> Expr:
    """The contraction, the labels of the sliding axes put behind the others."""
    m = len(deltas)
    xs, us, ks = (tuple(range(start, start + m)) for start in (0, m, 2 * m))
    return contract((x, k, *deltas), ((*left, *xs), (*right, *ks), *zip(xs, us, ks)), (*output, *us))


def in_groups(x: Expr, k: Expr, deltas: Sequence[Delta], groups: sp.Expr, slide: int) -> Expr:
    """Channels and filters in groups, each group by itself; as many groups as channels is a depthwise convolution."""
    at = x.rank - slide - 1
    inner, filters = sp.cancel(x.shape[at] / groups), sp.cancel(k.shape[0] / groups)
    if not inner.is_integer or not filters.is_integer or inner != k.shape[1]:
        raise ShapeError(f"{x.shape[at]} channels and {k.shape[0]} filters of {k.shape[1]} do not go into {groups} groups")
    batch = (100,) * at
    if inner == filters == 1:
        return slid(x, k, deltas, (*batch, 101), (101, 104), (*batch, 101))
    x = reshape(x, (*x.shape[:at], groups, inner, *x.shape[at + 1:]))
    k = reshape(k, (groups, filters, *k.shape[1:]))
    made = slid(x, k, deltas, (*batch, 103, 101), (103, 102, 101), (*batch, 103, 102))
    return reshape(made, (*made.shape[:at], groups * filters, *made.shape[at + 2:]))


def transposed(x: Expr, k: Expr, slide: int, stride: object = 1, padding: object = 0, dilation: object = 1,
               output_padding: object = 0) -> Expr:
    """The adjoint of a convolution: every entry of x adds its multiple of the kernel, stride apart."""
    plain = not channels(x, k, slide)
    kernel, n = k.shape[k.rank - slide:], x.shape[x.rank - slide:]
    strides, dilations = each(stride, slide, "stride"), each(dilation, slide, "dilation")
    edges, more = each(padding, slide, "padding", 0), each(output_padding, slide, "output_padding", 0)
    sizes = [sp.expand((i - 1) * s - 2 * p + d * (a - 1) + 1 + o) for i, s, p, d, a, o in
             zip(n, strides, edges, dilations, kernel, more)]
    deltas = [window(*parts) for parts in zip(sizes, n, kernel, strides, dilations, edges)]
    m = slide
    outs, us, ks = (tuple(range(start, start + m)) for start in (0, m, 2 * m))
    batch = () if plain else (100,) * (x.rank - slide - 1)
    left, right, output = ((), (), ()) if plain else ((*batch, 101), (101, 102), (*batch, 102))
    if not plain and x.shape[-slide - 1] != k.shape[0]:
        raise ShapeError(f"x has {x.shape[-slide - 1]} channels and the kernel is for {k.shape[0]}")
    return contract((x, k, *deltas), ((*left, *us), (*right, *ks), *zip(outs, us, ks)), (*output, *outs))


def extended(x: Expr, axis: int, before: sp.Expr, after: sp.Expr, mode: str) -> Expr:
    """x continued beyond its ends along an axis."""
    names = {"reflect": "reflect", "edge": "edge", "replicate": "edge", "circular": "wrap", "wrap": "wrap"}
    if mode not in names:
        raise UnsupportedError(f"padding_mode {mode!r}: zeros, reflect, edge and circular are known")
    if not before.is_Integer or not after.is_Integer:
        raise UnsupportedError(f"padding in the mode {mode} by a number of entries that is no number")
    if before == after == 0:
        return x
    return apply("pad", x, params=(axis, int(before), int(after), names[mode]))


def windows(x: Expr, slide: int, kernel: object, stride: object, padding: object) -> tuple[Expr, Sizes]:
    """x with two axes for each that slides, windows and places in them, and the windows' sizes."""
    if x.rank < slide:
        raise ShapeError(f"pooling {slide} axes of {show_shape(x.shape)}")
    sizes = each(kernel, slide, "the window")
    strides = sizes if stride is None else each(stride, slide, "stride")
    edges = each(padding, slide, "padding", 0)
    for k, (size, step, edge) in enumerate(zip(sizes, strides, edges)):
        axis = x.rank - slide + k
        count = counted(x.shape[axis], size, step, sp.S.One, edge, edge)
        x = along(x, axis, -edge, ((count, step), (size, sp.S.One)))
    return x, sizes


def average_pool(x: Expr, slide: int, kernel: object, stride: object = None, padding: object = 0) -> Expr:
    """The mean of every window; what padding adds counts as zeros."""
    found, sizes = windows(x, slide, kernel, stride, padding)
    return scale(1 / sp.Mul(*sizes), total(found, places(found, slide)))


def max_pool(x: Expr, slide: int, kernel: object, stride: object = None) -> Expr:
    """The largest entry of every window."""
    found, _ = windows(x, slide, kernel, stride, 0)
    for axis in reversed(places(found, slide)):
        found = apply("max", found, params=(axis,))
    return found


def places(x: Expr, slide: int) -> tuple[int, ...]:
    """The axes of the places inside windows."""
    return tuple(x.rank - 2 * slide + 2 * k + 1 for k in range(slide))


def of_rank(function: Callable[..., Expr], slide: int, arguments: int) -> Callable[..., Expr]:
    """A function above for a number of sliding axes, which stands behind its first arguments."""
    def call(*args: object, **options: object) -> Expr:
        return function(*args[:arguments], slide, *args[arguments:], **options)
    return call


def global_pool(mean: bool, slide: int) -> Callable[[Expr], Expr]:
    def call(x: Expr) -> Expr:
        if x.rank < slide:
            raise ShapeError(f"pooling {slide} axes of {show_shape(x.shape)}")
        axes = tuple(range(x.rank - slide, x.rank))
        if mean:
            return scale(1 / sp.Mul(*[x.shape[a] for a in axes]), total(x, axes))
        for axis in reversed(axes):
            x = apply("max", x, params=(axis,))
        return x
    return call


CONVOLUTIONS: dict[str, Callable[..., Expr]] = {
    **{f"conv{n}d": of_rank(convolution, n, 2) for n in (1, 2)},
    **{f"conv_transpose{n}d": of_rank(transposed, n, 2) for n in (1, 2)},
    **{f"avg_pool{n}d": of_rank(average_pool, n, 1) for n in (1, 2)},
    **{f"max_pool{n}d": of_rank(max_pool, n, 1) for n in (1, 2)},
    **{f"global_{'avg' if mean else 'max'}_pool{n}d": global_pool(mean, n) for mean in (True, False) for n in (1, 2)},
}
