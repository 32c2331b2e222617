"""Windows, and what is read at affine indices, in JAX and PyTorch: the helpers that their files define.

In JAX a reading is slices at strides stacked up, and its adjoint pads them apart again, so that both are plain to XLA; in
PyTorch, where no slice runs backwards, it is a selection by indices. `arguments` are those of NumPy's `read_at` and `add_at`.
"""

from __future__ import annotations

JAX = {
    "read_at": '''def read_at(x, axis, first, counts, steps):
    """x along an axis at first + sum(step * index), an axis for each index; 0 beyond."""
    reach = [step * (count - 1) for count, step in zip(counts, steps)]
    low = first + sum(min(r, 0) for r in reach)
    high = first + sum(max(r, 0) for r in reach)
    before, after = max(-low, 0), max(high + 1 - x.shape[axis], 0)
    x = jnp.pad(x, [(before, after) if k == axis else (0, 0) for k in range(x.ndim)])
    shape = x.shape[:axis] + tuple(counts) + x.shape[axis + 1 :]
    counts, steps, parts = (*counts, 1), (*steps, 1), []
    count, step = counts[0], steps[0]
    for at in itertools.product(*map(range, counts[1:])):
        start = first + before + sum(s * index for s, index in zip(steps[1:], at))
        ends = sorted([start, start + step * (count - 1)])
        part = jax.lax.slice_in_dim(x, ends[0], ends[1] + 1, max(abs(step), 1), axis)
        parts.append(jnp.flip(part, axis) if step < 0 else part)
    return jnp.stack(parts, axis + 1).reshape(shape)
''',
    "add_at": '''def add_at(t, axes, first, steps, size):
    """The adjoint of reading: what was read at one place is added up there."""
    t = jnp.moveaxis(t, axes[1:], range(len(axes) - 1))
    axis = axes[0] - sum(other < axes[0] for other in axes[1:])
    counts, shape = t.shape[: len(axes) - 1], t.shape[len(axes) - 1 :]
    made, count = 0.0, shape[axis]
    for at in itertools.product(*map(range, counts)):
        start = first + sum(step * index for step, index in zip(steps[1:], at))
        ends = sorted([start, start + steps[0] * (count - 1)])
        apart = [(0, 0, 0)] * len(shape)
        apart[axis] = (ends[0], size - 1 - ends[1], max(abs(steps[0]), 1) - 1)
        part = jnp.flip(t[at], axis) if steps[0] < 0 else t[at]
        made += jax.lax.pad(part, jnp.zeros((), t.dtype), apart)
    return made
''',
    "indicator": '''def indicator(shape, weights, offset, dtype):
    """1 where offset + sum(weight * index) is 0, else 0."""
    value = offset
    for weight, index in zip(weights, jnp.indices(shape)):
        value = value + weight * index
    return (value == 0).astype(dtype)
''',
    "pad_axis": '''def pad_axis(x, axis, before, after, mode):
    """x with a margin along an axis, copied from inside."""
    widths = [(before, after) if k == axis else (0, 0) for k in range(x.ndim)]
    return jnp.pad(x, widths, mode)
''',
    "fold_axis": '''def fold_axis(t, axis, before, after, mode):
    """The adjoint of padding: the margin is added where it was copied from."""
    t = jnp.moveaxis(t, axis, 0)
    count = len(t) - before - after
    source = jnp.pad(jnp.arange(count), (before, after), mode)
    made = jnp.zeros((count,) + t.shape[1:], t.dtype).at[source].add(t)
    return jnp.moveaxis(made, 0, axis)
''',
}
JAX_SPELLED = {**{name: f"{name}({{0}})" for name in JAX}, "np.pad": "jnp.pad({0})", "np.tri": "jnp.tri({0})", "np.eye": "jnp.eye({0})",
               "np.prod": "jnp.prod({0})"}
TORCH = {
    "places": '''def places(first, counts, steps, device):
    """first + sum(step * index), an axis for each index."""
    at = torch.tensor(first, device=device)
    for count, step in zip(counts, steps):
        at = at[..., None] + step * torch.arange(count, device=device)
    return at
''',
    "read_at": '''def read_at(x, axis, first, counts, steps):
    """x along an axis at first + sum(step * index), an axis for each index; 0 beyond."""
    reach = [step * (count - 1) for count, step in zip(counts, steps)]
    low = first + sum(min(r, 0) for r in reach)
    high = first + sum(max(r, 0) for r in reach)
    before, after = max(-low, 0), max(high + 1 - x.shape[axis], 0)
    if before or after:
        margin = [0, 0] * (x.ndim - 1 - axis) + [before, after]
        x = torch.nn.functional.pad(x, margin)
    at = places(first + before, counts, steps, x.device)
    shape = x.shape[:axis] + tuple(counts) + x.shape[axis + 1 :]
    return x.index_select(axis, at.flatten()).reshape(shape)
''',
    "add_at": '''def add_at(t, axes, first, steps, size):
    """The adjoint of reading: what was read at one place is added up there."""
    counts = [t.shape[axis] for axis in axes]
    reach = [step * (count - 1) for count, step in zip(counts, steps)]
    low = min(0, first + sum(min(r, 0) for r in reach))
    high = max(size, first + sum(max(r, 0) for r in reach) + 1)
    t = t.movedim(tuple(axes), tuple(range(len(axes)))).flatten(0, len(axes) - 1)
    at = places(first - low, counts, steps, t.device).flatten()
    made = t.new_zeros((high - low, *t.shape[1:])).index_add(0, at, t)
    axis = axes[0] - sum(other < axes[0] for other in axes[1:])
    return made[-low : size - low].movedim(0, axis)
''',
    "indicator": '''def indicator(shape, weights, offset, dtype, device):
    """1 where offset + sum(weight * index) is 0, else 0."""
    return (places(offset, shape, weights, device) == 0).to(dtype)
''',
    "pad_edges": '''def pad_edges(x, widths):
    """x with zeros around it."""
    return torch.nn.functional.pad(x, [w for pair in widths[::-1] for w in pair])
''',
    "triangle_of": '''def triangle_of(rows, columns, k, dtype, device):
    """1 on and below the k-th diagonal, else 0."""
    return torch.ones(rows, columns, dtype=dtype, device=device).tril(k)
''',
    "diagonal_at": '''def diagonal_at(rows, columns, k, dtype, device):
    """1 on the k-th diagonal, else 0."""
    return (places(k, (rows, columns), (1, -1), device) == 0).to(dtype)
''',
    "margin_of": '''def margin_of(count, before, after, mode, device):
    """Where padding takes each entry from."""
    at = torch.arange(-before, count + after, device=device)
    if mode == "edge":
        return at.clamp(0, count - 1)
    if mode == "wrap":
        return at % count
    at = at % max(2 * count - 2, 1)
    return torch.minimum(at, 2 * count - 2 - at).clamp(min=0)
''',
    "pad_axis": '''def pad_axis(x, axis, before, after, mode):
    """x with a margin along an axis, copied from inside."""
    source = margin_of(x.shape[axis], before, after, mode, x.device)
    return x.index_select(axis, source)
''',
    "fold_axis": '''def fold_axis(t, axis, before, after, mode):
    """The adjoint of padding: the margin is added where it was copied from."""
    t = t.movedim(axis, 0)
    count = len(t) - before - after
    source = margin_of(count, before, after, mode, t.device)
    return t.new_zeros((count, *t.shape[1:])).index_add(0, source, t).movedim(0, axis)
''',
}
TORCH_SPELLED = {"read_at": "read_at({0})", "add_at": "add_at({0})", "indicator": "indicator({0}, device)", "np.pad": "pad_edges({0})",
                 "np.tri": "triangle_of({0}, device)", "np.eye": "diagonal_at({0}, device)", "pad_axis": "pad_axis({0})",
                 "fold_axis": "fold_axis({0})", "np.prod": "torch.prod({0})"}
