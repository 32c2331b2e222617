"""The languages that gradients are exported to: one file each, found by its name.

A target is a module with `write(compiled, options) -> str`. No array library is imported here.
"""

from __future__ import annotations

import importlib
import pkgutil
from dataclasses import dataclass
from types import ModuleType

from ..errors import SymbackpropError, nearest

TARGETS = tuple(sorted((m.name for m in pkgutil.iter_modules(__path__)), key=lambda name: (name != "numpy", name)))


@dataclass(frozen=True)
class Options:
    """`step`: an update rule to write too, such as "sgd"; `shard`: the size that devices share out among them;
    `plain`: `value_and_grad` alone, to be compiled at once."""

    step: str = ""
    shard: str = ""
    plain: bool = False


def target(name: str) -> ModuleType:
    """The module of a target. Raises `SymbackpropError` where there is none of that name."""
    if name not in TARGETS:
        raise SymbackpropError(f"there is no export target {name!r}", hint=nearest(name, TARGETS) or f"one of {', '.join(TARGETS)}")
    return importlib.import_module(f".{name}", __name__)
