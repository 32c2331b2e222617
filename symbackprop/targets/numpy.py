"""NumPy: plain functions that read like the derivation, and one that makes no arrays when it is called."""

from __future__ import annotations

from ..codegen.compiled import Compiled
from ..codegen.frame import Body, body_and_return, function, head, helpers_for, narrow, opening, step_rule
from ..codegen.layout import wrapped
from ..codegen.made import Made
from ..codegen.spell import Dialect
from ..codegen.workspace import AS_ARRAY, HELPERS
from ..errors import UnsupportedError
from . import Options

DIALECT = Dialect("np", einsum=", optimize=True")


def write(compiled: Compiled, options: Options = Options()) -> str:
    """The source of a module with `value_and_grad`, `loss`, `make_value_and_grad` and a step if one is asked for."""
    if options.shard:
        raise UnsupportedError("the target numpy runs on one device: --shard needs --to jax")
    lowered = compiled.lowered(narrow(compiled).__contains__, False, True)
    keywords = ["*", *compiled.keywords(), "check=True"]
    numbers = f"np.result_type({', '.join(compiled.numbers)})" if compiled.numbers else "float"
    both = Body(compiled, lowered, DIALECT, [lowered.loss, *lowered.results.values()])
    lines = ["", *body_and_return(both)]
    made = function("value_and_grad", keywords, f"Returns ({compiled.loss}, {{name: gradient}}), each of its tensor's shape.",
                    compiled.docstring(), [*head(compiled, lines, numbers), *lines])
    if options.plain:
        return "\n".join(["import math", "import numpy as np", *AS_ARRAY.splitlines(), *helpers_for(compiled.writer.helpers.values(), made), *made, ""])
    alone = Body(compiled, lowered, DIALECT, [lowered.loss])
    value = alone.equations(lowered.forward)
    value += [f"    return {alone.speller.result(lowered.loss, set())}"]
    made += function("loss", keywords, f"Returns {compiled.loss}; the arguments are those of value_and_grad.", [],
                     [*head(compiled, value, numbers), "", *value])
    made += step_rule(compiled, options.step) if options.step else []
    workspace = ["", "", *(part for line in Made(compiled).source() for part in wrapped_at(line))]
    before = [*(["", "", *AS_ARRAY.splitlines()] if lowered.leaves else []), *helpers_for(compiled.writer.helpers.values(), made),
              "", "", *HELPERS.strip().splitlines()]
    whole = [*before, *made, *workspace]
    return "\n".join([*opening(compiled, "NumPy", ["import numpy as np"], whole), *whole, ""])


def wrapped_at(line: str) -> list[str]:
    return wrapped(line.lstrip(), len(line) - len(line.lstrip())) if line.strip() else [""]
