"""Loops as NumPy: loops forward, loops backward, any length when called.

What the backward loops need is kept in lists, one entry a step, in a loop inside a loop lists of lists. A family `W[l]` is a
list of arrays, an array of rows an array, a start `h[0]` an argument `h0`, one for each layer `h[l,0]` a list `h_l_0`.
"""

from __future__ import annotations

from ..codegen.frame import defined
from ..codegen.layout import WIDTH
from ..codegen.spell import hugged
from ..codegen.workspace import AS_ARRAY
from ..errors import UnsupportedError
from ..targets import Options, numpy
from .adjoint import Adjoint
from .lists import ListModule


class NumpyModule(ListModule):
    """Writes one NumPy module."""

    as_array, casts = "\n\n" + AS_ARRAY, False

    def __init__(self, adjoint: Adjoint, options: Options = Options()) -> None:
        if options.shard:
            raise UnsupportedError("the target numpy runs on one device: --shard needs --to jax")
        super().__init__(adjoint, numpy.DIALECT, options)

    def kept(self, name: str) -> bool:
        """Whether a helper's lines are narrow enough to stand as they are."""
        texts = [text for text in self.writer.helpers.values() if name in defined(text)]
        return any(all(len(hugged(line)) <= WIDTH for line in text.splitlines()) for text in texts)

    def helpers(self) -> list[str]:
        return list(self.writer.helpers.values())
