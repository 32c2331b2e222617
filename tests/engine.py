"""The engine as the random oracle calls it: text and data in, gradients out."""

from __future__ import annotations

import numpy as np

import symbackprop as sb


def gradients(text: str, sizes: dict[str, int], data: dict[str, np.ndarray]) -> tuple[float, dict[str, np.ndarray]]:
    """Loss and gradients of a model by the exported NumPy function."""
    return sb.lambdify(sb.derive(sb.parse(text)))(**data)
