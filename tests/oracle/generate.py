"""A seeded generator of random well-typed programs, each with one scalar loss.

The profile goes by the seed, so any twenty seeds in a row hold five programs whose sizes are
all equal, two with a size 1, and thirteen whose sizes are distinct primes. Equal seeds give
equal programs, in any process.
"""

from __future__ import annotations

import random
from collections.abc import Callable

from . import grow_elementwise, grow_linear, grow_positive, grow_scalar  # noqa: F401  (they register)
from .grow import PRODUCTIONS, Gen, Val, combined
from .program import (Function, Node, Program, Shape, binary, depth, live_names, names, num, ref, size, unary, walk)

PROFILES = ("equal", "distinct", "distinct", "distinct") * 5
PROFILES = tuple("one" if place in (2, 13) else name for place, name in enumerate(PROFILES))
SIZE_NAMES = (("n", "m", "k", "p"), ("B", "d", "h", "r"), ("N", "D", "H", "K"))
PRIMES = (2, 3, 5, 7)
DEEPEST = 6
MOST_NODES = 170
FUNCTION_NAMES = ("f", "phi", "act", "g")
LOSS_NAMES = ("C", "L", "loss", "J")


def generate(seed: int) -> Program:
    """The program of this seed."""
    profile = PROFILES[seed % len(PROFILES)]
    for attempt in range(200):
        program = _attempt(seed, profile, random.Random(f"program {seed} {attempt}"))
        if program is not None and _as_promised(program):
            return program
    raise RuntimeError(f"no program for seed {seed}")


def _as_promised(program: Program) -> bool:
    """Whether the sizes declared are those of the profile, and the program is of a fair size."""
    dims = [dim for item in program.inputs for dim in program.numbers(item.shape)]
    kept = {"equal": len(dims) > 1 and len(set(dims)) == 1 and dims[0] > 1,
            "one": 1 in dims and len(set(dims)) > 1,
            "distinct": len(set(dims)) > 1 and 1 not in dims}[program.profile]
    nodes = sum(1 for item in program.definitions for _ in walk(item.body))
    return kept and nodes <= MOST_NODES and depth(program) <= DEEPEST


def _sizes(profile: str, rng: random.Random) -> tuple[dict[str, int], bool]:
    """Size tokens with their numbers, and whether tensors may declare a literal 1."""
    tokens = rng.choice(SIZE_NAMES)[:rng.choice((2, 3, 3, 4))]
    if profile == "equal":
        tokens = tokens[:1] if rng.random() < 0.5 else tokens
        return dict.fromkeys(tokens, rng.choice((3, 3, 4))), False
    sizes = dict(zip(tokens, rng.sample(PRIMES, len(tokens)), strict=True))
    literal = profile == "one" and rng.random() < 0.5
    if profile == "one" and (not literal or rng.random() < 0.3):
        sizes[rng.choice(tokens)] = 1
    return sizes, literal


def _attempt(seed: int, profile: str, rng: random.Random) -> Program | None:
    sizes, literal = _sizes(profile, rng)
    gen = Gen(rng, tuple(sizes), sizes, literal)
    if gen.chance(0.35):
        gen.functions.append(_function(gen))
    for _ in range(rng.randrange(1, DEEPEST + 1)):
        if gen.chance(0.2):
            _define(gen, reading=None)
        _define(gen, reading=gen.unread[-1] if gen.unread else None)
    loss = gen.fresh_name(LOSS_NAMES, False)
    gen.bind(loss, _loss(gen).node)
    if gen.chance(0.03):
        gen.fresh(gen.shape(gen.pick((1, 2))))
    gen.functions = [item for item in gen.functions if _is_called(item.name, gen)]
    return Program(seed, profile, gen.chance(0.4), sizes, tuple(gen.inputs),
                   tuple(gen.functions), tuple(gen.definitions))


def _is_called(name: str, gen: Gen) -> bool:
    return any(node.op == "call" and node.params[0] == name
               for item in gen.definitions for node in walk(item.body))


def _until(gen: Gen, make: Callable[[], Val | None], accept: Callable[[Val], bool], tries: int) -> Val | None:
    """The first accepted value; what a refused one declared is forgotten."""
    for _ in range(tries):
        inputs, known = list(gen.inputs), dict(gen.known)
        val = make()
        if val is not None and accept(val):
            return val
        gen.inputs, gen.known = inputs, known
    return None


def _define(gen: Gen, reading: str | None) -> None:
    """One more definition, which reads `reading` where that is named."""
    def make() -> Val | None:
        return gen.grow(PRODUCTIONS, _wanted(gen, reading), gen.rng.randrange(1, 4))

    def accept(val: Val) -> bool:
        read = live_names(val.node)
        return bool(read) and (reading is None or reading in read)

    val = _until(gen, make, accept, 25)
    if val is None:
        val = grow_elementwise.residual(gen, gen.known[reading or gen.inputs[0].name].shape, 0)
    gen.define(gen.tame(val, 6))


def _wanted(gen: Gen, reading: str | None) -> Shape:
    """A shape to aim at: that of the name to read, one with an axis less, or any."""
    near = gen.known[reading].shape if reading else ()
    style = gen.rng.random() if near else 1.0
    if style < 0.4:
        return near
    if style < 0.6:
        gone = gen.rng.randrange(len(near))
        return near[:gone] + near[gone + 1:]
    return gen.shape(gen.rng.choices((0, 1, 2, 3), (0.6, 4, 4, 0.8))[0])


def _loss(gen: Gen) -> Val:
    """A scalar that reads every definition not read so far, weighted, with a regulariser now and then."""
    total: Val | None = None
    while gen.unread or total is None:
        target = gen.unread[-1] if gen.unread else None
        term = _until(gen, lambda: gen.grow(PRODUCTIONS, (), gen.rng.randrange(1, 4)),
                      lambda val, target=target: target is None or target in live_names(val.node), 40)
        if term is None:
            term = gen.reduced("mean", gen.known[target], None, False, ())
        gen.unread = [name for name in gen.unread if name not in names(term.node)]
        if total is None and gen.unread and gen.chance(0.3):
            total = gen.define(term)
            gen.unread.remove(total.node.params[0])
        else:
            total = term if total is None else combined("add", total, term, 9)
    if gen.chance(0.2):
        total = combined("add", total, grow_scalar.regulariser(gen, (), 0), 9)
    if gen.chance(0.3):
        bottom = gen.pick((num(2), size(gen.dim()), binary("mul", num(2), size(gen.dim()))))
        total = Val(binary("div", total.node, bottom), 9)
    return total


# functions

def _function(gen: Gen) -> Function:
    """A random elementwise function of one parameter, seldom of two."""
    parameters = ("t",) if gen.chance(0.75) else ("s", "t")
    while True:
        body = _body(gen, parameters, 3)
        if names(body) == set(parameters) and len(list(walk(body))) > 2:
            return Function(gen.pick(FUNCTION_NAMES), parameters, body)


def _body(gen: Gen, parameters: tuple[str, ...], depth_: int) -> Node:
    """A scalar tree that is finite for arguments of moderate size."""
    raw = ref(gen.pick(parameters), ())
    if depth_ == 0 or gen.chance(0.15):
        return raw
    one, two = (_body(gen, parameters, depth_ - 1) for _ in range(2))
    below = binary("add", num(1), gen.pick((unary("abs", raw), binary("pow", one, num(2)))))
    return gen.pick((
        lambda: binary(gen.pick(("add", "sub", "mul")), one, gen.pick((two, gen.number().node))),
        lambda: binary("div", one, below),
        lambda: unary(gen.pick(("tanh", "sin", "cos", "sigmoid", "softplus")), one),
        lambda: unary("exp", unary("neg", binary("pow", one, num(2)))),
        lambda: binary("maximum", raw, gen.threshold().node),
        lambda: unary(gen.pick(("sqrt", "log")), below),
        lambda: Node("where", (raw, gen.threshold().node, one, two), (), (gen.pick((">", "<")),)),
    ))()
