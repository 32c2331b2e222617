"""`make_sharded` for loops in JAX: the samples shared out over the devices of a mesh, every step on all of them at once."""

from __future__ import annotations

import re

from ..codegen.frame import function, mentions
from ..codegen.layout import display, indented, wrapped
from ..codegen.shards import Shards, shared_name
from ..errors import UnsupportedError
from ..expr import size
from .files import FileModule

BOUND = re.compile(r" +(\w+) = (.*\.shape\[\d+\]|len\(.*\))$")


def sharded(module: FileModule, part: FileModule) -> list[str]:
    """The function; `part` is a writer of the same model, for the lines that each device runs."""
    wanted = module.options.shard
    if wanted in module.model.highs:
        raise UnsupportedError(f"--shard {wanted}: the steps of a loop follow each other and cannot be shared out")
    code = shared_name({s.name: word for s, word in module.words.items() if s.name not in {*module.model.highs, *module.model.by_letter}}, wanted)
    shards = part.shards = Shards(code, part.names.fresh(("part",), f"{code}_part"))
    lines = [*part.forward(), "", *part.backward(), "", *part.returned()]
    fresh = lambda word: module.names.fresh(("sharded", word), word)
    devices, run, own, whole, given, spread = map(fresh, ("devices", "part", "own", "whole", "given", "spread"))
    values, places, where, made = map(fresh, ("values", "places", "where", "made"))
    words = list(map(module.argument, module.model.inputs))
    specs = {name: spec(module, name, code, (own, whole)) for name in module.model.inputs}
    results = [f'"{module.argument(name)}": {specs[name]}' for name in module.adjoint.wrt]
    text = [f"{devices} = mesh.shape[axis]", "", *wrapped(f"def {run}({', '.join(words)}):"), *inside(module, shards, lines), *lines, "",
            f"{own}, {whole} = PartitionSpec(axis), PartitionSpec()", *display(f"{given} = ", [specs[n] for n in module.model.inputs], "[]"),
            *display(f"{made} = ", results, "{}"), f"{spread} = jax.shard_map(",
            f"    {run}, mesh=mesh, in_specs=tuple({given}), out_specs=({whole}, {made}), check_vma=False", ")", f"{spread} = jax.jit({spread})", ""]
    head = [*module.arguments(), *module.short(), *module.checks(), *module.typed()]
    outer = [*head, f"    if {code} % {devices}:",
             f'        raise ValueError(f"{code} = {{{code}}} does not divide by {{{devices}}} devices")',
             *display(f"{values} = ", words, "[]", 4), f"    {places} = [NamedSharding(mesh, {where}) for {where} in {given}]",
             f"    return {spread}(*map(jax.device_put, {values}, {places}))"]
    inner = function("value_and_grad", ["*", *words, "check=True"], "As the value_and_grad of one device.", [], outer)[2:]
    return function("make_sharded", ["mesh", 'axis="batch"', *module.callables()],
                    "A value_and_grad over the devices of a mesh, which share the samples out among them.",
                    [f"{code} has to be a multiple of the number of devices along `axis`."], indented([*text, *inner, "", "return value_and_grad"], 4))


def inside(module: FileModule, shards: Shards, lines: list[str]) -> list[str]:
    """The lines with which a device finds its sizes."""
    made: list[str] = []
    for line in module.arguments():
        if found := BOUND.match(line):
            made += [line] if found[1] != shards.size else [f"    {shards.part} = {found[2]}", f"    {shards.size} = {shards.part} * jax.lax.psum(1, axis)"]
    first = next(iter(module.model.inputs))
    made.append(f"    dtype = {module.argument(first)}{'[0]' * module.lists_of(first)}.dtype")
    kept: list[str] = []
    for line in reversed(made):
        if mentions([*kept, *lines], line.split(" = ")[0].strip()):
            kept.insert(0, line)
    return kept


def spec(module: FileModule, name: str, code: str, words: tuple[str, str]) -> str:
    """Where an argument and its gradient lie: along the axis of devices, or whole on each."""
    var, (own, whole) = module.model.inputs[name], words
    stacked = len(module.listed(name)) - module.lists_of(name)
    axes = [k for k, d in enumerate(var.shape) if d.is_Symbol and module.words[size(d.name)] == code]
    if not axes:
        return whole
    if len(axes) > 1:
        raise UnsupportedError(f"{name} has two axes of size {code} and cannot be shared out along it")
    before = "None, " * (stacked + axes[0])
    return f"PartitionSpec({before}axis)" if before else own
