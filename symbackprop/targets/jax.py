"""JAX: pure functions for `jax.jit` and `jax.vmap`, in single or double precision, on one device or shared out over many."""

from __future__ import annotations

from ..codegen import sliding
from ..codegen.arrays import Value
from ..codegen.compiled import Compiled
from ..codegen.frame import Body, body_and_return, function, head, helpers_for, opening, step_rule, used
from ..codegen.layout import display, indented, wrapped
from ..codegen.shards import Shards, shared_size
from ..codegen.spell import Dialect
from . import Options

ENTRYWISE = {"sigmoid": "jax.nn.sigmoid({0})", "erf": "jax.scipy.special.erf({0})", "_erf_each": "jax.scipy.special.erf({0})"}
HELPERS = {**ENTRYWISE, **sliding.JAX_SPELLED, "softmax": "jax.nn.softmax({0}, axis={1})", "log_softmax": "jax.nn.log_softmax({0}, axis={1})",
           "logsumexp": "jax.nn.logsumexp({0}, axis={1})", "one_hot": "jax.nn.one_hot({1}.astype(int), {2})", "take_rows": "{2}[{1}.astype(int)]",
           "add_rows": "jnp.zeros(({3}), dtype).at[{1}.astype(int)].add({2})"}
DIALECT = Dialect("jnp", HELPERS, own="{0}", number="jnp.array({0}, dtype)", inner="jnp.vdot({0}, {1})")
TRACED = "not isinstance({0}, jax.core.Tracer)"
AS_ARRAY = '''

def as_array(name, value, *shape):
    """`value` as an array of floats of this shape; a size that is a word may be any."""
    value = jnp.asarray(value)
    if jnp.issubdtype(value.dtype, jnp.complexfloating):
        raise ValueError(f"{name} holds {value.dtype}, wanted real numbers")
    if not jnp.issubdtype(value.dtype, jnp.floating):
        value = value.astype(float)
    free = {}
    wanted = [
        free.setdefault(n, have) if isinstance(n, str) else n
        for n, have in zip(shape, value.shape)
    ]
    if value.ndim != len(shape) or list(value.shape) != wanted:
        wanted = ", ".join(map(str, shape))
        raise ValueError(f"{name} has shape {value.shape}, wanted ({wanted})")
    return value
'''


def write(compiled: Compiled, options: Options = Options()) -> str:
    """The source of a module with `value_and_grad`, `loss`, and what the options ask for."""
    compiled.linalg = "jnp.linalg"
    lowered = compiled.lowered(HELPERS.__contains__, False)
    keywords, numbers = ["*", *compiled.keywords(), "check=True"], precision(compiled)
    lines = body_and_return(Body(compiled, lowered, DIALECT, [lowered.loss, *lowered.results.values()], unless=TRACED))
    alone = Body(compiled, lowered, DIALECT, [lowered.loss], unless=TRACED)
    value = alone.equations(lowered.forward)
    value += [f"    return {alone.speller.result(lowered.loss, set())}"]
    made = function("value_and_grad", keywords, f"Returns ({compiled.loss}, {{name: gradient}}), each of its tensor's shape.",
                    compiled.docstring(), [*head(compiled, lines, numbers, TRACED), "", *lines])
    made += function("loss", keywords, f"Returns {compiled.loss}; the arguments are those of value_and_grad.", [],
                     [*head(compiled, value, numbers, TRACED), "", *value])
    made += step_rule(compiled, options.step) if options.step else []
    made += sharded(compiled, options.shard) if options.shard else []
    imports = ["import jax", "import jax.numpy as jnp"] + ["from jax.sharding import NamedSharding, PartitionSpec"] * bool(options.shard)
    whole = [*AS_ARRAY.rstrip().splitlines(), *helpers_for(sliding.JAX.values(), made), *made]
    return "\n".join([*opening(compiled, "JAX", imports, whole), *whole, ""])


def precision(compiled: Compiled) -> str:
    return f"jnp.result_type({', '.join(compiled.numbers)})" if compiled.numbers else "float"


def sharded(compiled: Compiled, wanted: str) -> list[str]:
    """`make_sharded(mesh, axis)`: the function of one device's part, and the one that hands out the parts."""
    size = shared_size(compiled, wanted)
    code, scope = compiled.sizes[size], compiled.scope
    shards = Shards(code, scope.fresh(f"{code}_part"))
    lowered = shards.lowered(compiled.lowered(ENTRYWISE.__contains__, False))
    lines = body_and_return(Body(compiled, lowered, DIALECT, [lowered.loss, *lowered.results.values()]))
    names = [compiled.names[n] for n in lowered.leaves]
    inside = []
    for name, var in compiled.program.inputs.items():
        for at, dim in enumerate(var.shape):
            if dim.is_Symbol and not any(line.startswith(f"{compiled.sizes[dim]} = ") for line in inside):
                local = f"{compiled.names[name]}.shape[{at}]"
                inside += [f"{shards.part} = {local}", f"{code} = {shards.part} * jax.lax.psum(1, axis)"] if dim == size else [
                    f"{compiled.sizes[dim]} = {local}"]
    inside += wrapped(f"dtype = {precision(compiled)}")
    w = {word: scope.fresh(word) for word in ("devices", "part", "own", "whole", "given", "made", "spread", "values", "places", "where")}
    leaves, results = ([spec(v, shards, w) for v in group.values()] for group in (lowered.leaves, lowered.results))
    text = ["{devices} = mesh.shape[axis]", "", "def {part}(%s):" % ", ".join(names), "{{body}}", "",
            "{own}, {whole} = PartitionSpec(axis), PartitionSpec()", "{{given}}", "{{made}}",
            "{spread} = jax.shard_map(", "    {part}, mesh=mesh, in_specs=tuple({given}), out_specs=({whole}, {made})", ")",
            "{spread} = jax.jit({spread})", ""]
    parts = {"{body}": [*indented(used(inside, lines), 4), *lines], "{given}": display(f"{w['given']} = ", leaves, "[]"),
             "{made}": display(f"{w['made']} = ", [f'"{n}": {v}' for n, v in zip(lowered.results, results)], "{}")}
    text = [line for template in text for line in parts.get(template.format(**w), [template.format(**w)])]
    outer = [*head(compiled, [], ""), f"    if {code} % {w['devices']}:",
             f'        raise ValueError(f"{code} = {{{code}}} does not divide by {{{w["devices"]}}} devices")',
             *display(f"{w['values']} = ", names, "[]", 4),
             "    {places} = [NamedSharding(mesh, {where}) for {where} in {given}]".format(**w),
             "    return {spread}(*map(jax.device_put, {values}, {places}))".format(**w)]
    inner = function("value_and_grad", ["*", *names, "check=True"], "As the value_and_grad of one device.", [], outer)[2:]
    return function("make_sharded", ["mesh", 'axis="batch"', *compiled.writer.callables],
                    "A value_and_grad over the devices of a mesh, which share the samples out among them.",
                    [f"{code} has to be a multiple of the number of devices along `axis`."], indented([*text, *inner, "", "return value_and_grad"], 4))


def spec(value: Value, shards: Shards, words: dict[str, str]) -> str:
    """Where an array lies: along the axis of devices, or whole on each."""
    if shards.part not in value.shape:
        return words["whole"]
    before = "None, " * value.shape.index(shards.part)
    return f"PartitionSpec({before}axis)" if before else words["own"]

