"""The languages that a model with loops is exported to."""

from __future__ import annotations

from ..errors import UnsupportedError
from .adjoint import Adjoint
from .files import FileModule
from .numpy_loops import NumpyModule
from .scan import ScanModule
from .stacked import StackModule
from .torch_loops import TorchModule

WRITERS = {"numpy": NumpyModule, "jax": ScanModule, "torch": TorchModule}


def export_loops(adjoint: Adjoint, to: str = "numpy") -> str:
    """The source of a module with `value_and_grad(*, …) -> (loss, {name: gradient})`.

    Raises `UnsupportedError` for a target that loops have no writer for, and for what has no spelling in it.
    """
    return writer(adjoint, to).source()


def writer(adjoint: Adjoint, to: str) -> FileModule:
    if to not in WRITERS:
        raise UnsupportedError(f"a loop over a symbolic range is exported to {' or '.join(WRITERS)}, not to {to}")
    if to == "jax" and adjoint.model.nested:
        return StackModule(adjoint)
    return WRITERS[to](adjoint)
