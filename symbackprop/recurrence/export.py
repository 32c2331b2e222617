"""The languages that a model with loops is exported to."""

from __future__ import annotations

from ..errors import UnsupportedError
from ..targets import Options
from .adjoint import Adjoint
from .files import FileModule
from .numpy_loops import NumpyModule
from .scan import ScanModule
from .stacked import StackModule
from .torch_loops import TorchModule

WRITERS = {"numpy": NumpyModule, "jax": ScanModule, "torch": TorchModule}


def export_loops(adjoint: Adjoint, to: str = "numpy", options: Options = Options()) -> str:
    """The source of a module with `value_and_grad(*, …) -> (loss, {name: gradient})`, `loss`, and what the options ask for.

    Raises `UnsupportedError` for a target that loops have no writer for, and for what has no spelling in it.
    """
    return writer(adjoint, to, options).source()


def writer(adjoint: Adjoint, to: str, options: Options = Options()) -> FileModule:
    """The writer of a target."""
    if to not in WRITERS:
        raise UnsupportedError(f"a loop over a symbolic range is exported to {' or '.join(WRITERS)}, not to {to}")
    return (StackModule if to == "jax" and adjoint.model.nested else WRITERS[to])(adjoint, options)
