"""No search for reference cycles while many objects are made at once.

Syntax trees and nodes refer to what was made before them, so they are in no cycle; yet each of them brings Python's next
search, through the whole of SymPy, nearer.
"""

from __future__ import annotations

import gc
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def uncollected() -> Iterator[None]:
    """Python's search for cycles rests inside."""
    searching = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if searching:
            gc.enable()
