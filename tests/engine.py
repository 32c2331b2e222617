"""The engine as the random oracle calls it: text and data in, gradients out."""

from __future__ import annotations

import numpy as np

import symbackprop as sb
from symbackprop.numeric import Precise, run
from symbackprop.reverse import bar


def gradients(text: str, sizes: dict[str, int], data: dict[str, np.ndarray]) -> tuple[float, dict[str, np.ndarray]]:
    """Loss and gradients of a model by the exported NumPy function."""
    return sb.lambdify(sb.derive(sb.parse(text)))(**data)


def precise_gradients(text: str, sizes: dict[str, int], data: dict[str, np.ndarray], digits: int) -> dict[str, np.ndarray]:
    """Gradients of a model in mpmath numbers, by evaluating the derived equations themselves."""
    derivation = sb.derive(sb.parse(text))
    field = Precise(digits)
    values = run(derivation.backward, run(derivation.program, data, sizes, field), sizes, field)
    return {name: values[bar(name)] for name in derivation.wrt}
