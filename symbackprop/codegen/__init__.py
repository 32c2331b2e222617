"""Programs as source: `compiled` makes array instructions of them, `spell` writes these as the lines of a target.

`workspace` and `straight` are two other spellings, for arrays that are made once and for networks of a few numbers.
"""

from __future__ import annotations

from collections.abc import Callable

from ..collecting import uncollected
from ..program import Fact, Program
from .compiled import Compiled, Notes


@uncollected()
def export_numpy(program: Program, backward: Program, loss: str, wrt: tuple[str, ...],
                 facts: tuple[Fact, ...] | None = None, plain: bool = False) -> str:
    """The source of a module with `value_and_grad(*, …, check=True) -> (loss, {name: gradient})`.

    `facts` are the assumptions that it states and checks, the program's by default; `plain` leaves every other function
    away. Raises `UnsupportedError` for what
    has no NumPy spelling.
    """
    from ..targets import Options, target
    compiled = Compiled(program, backward, loss, wrt, program.facts if facts is None else facts, Notes())
    return target("numpy").write(compiled, Options(plain=plain))


@uncollected()
def export_module(program: Program, added: Program, value: str, results: dict[str, str]) -> str:
    """As `export_numpy`, for any equations over a program: returns (value, {label: array}) for `results`, label -> name."""
    from ..targets import Options, target
    return target("numpy").write(Compiled(program, added, value, tuple(results), program.facts, Notes(), results), Options())


def compile_function(source: str) -> Callable:
    """`value_and_grad` of a module that `export_numpy` wrote."""
    return compile_module(source)["value_and_grad"]


def compile_module(source: str) -> dict[str, object]:
    """The names that a module which `export_numpy` wrote defines.

    This is the one place where source is executed. It is safe because the source is our own: every word in it is ours, a
    number, or a name that has passed the reader's white list (letters, digits and underscores).
    """
    space: dict[str, object] = {"__name__": "symbackprop_generated"}
    exec(compile(source, "<symbackprop>", "exec"), space)  # noqa: S102
    return space
