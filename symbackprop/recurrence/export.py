"""The languages that a model with loops is exported to."""

from __future__ import annotations

from ..errors import UnsupportedError
from .adjoint import Adjoint
from .numpy_loops import NumpyModule
from .scan import ScanModule
from .torch_loops import TorchModule

WRITERS = {"numpy": NumpyModule, "jax": ScanModule, "torch": TorchModule}


def export_loops(adjoint: Adjoint, to: str = "numpy") -> str:
    """The source of a module with `value_and_grad(*, …) -> (loss, {name: gradient})`.

    Raises `UnsupportedError` for a target that loops have no writer for, and for what has no spelling in it.
    """
    if to not in WRITERS:
        raise UnsupportedError(f"a loop over a symbolic range is exported to {' or '.join(WRITERS)}, not to {to}")
    if to != "numpy" and adjoint.model.nested:
        raise UnsupportedError(f"a loop inside a loop is exported to numpy alone so far, not to {to}")
    return WRITERS[to](adjoint).source()
