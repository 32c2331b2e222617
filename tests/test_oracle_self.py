"""The random oracle tested without the engine.

Three meanings of one program must agree: autograd's, mpmath's, and that of the text itself, which
is valid Python and is run here on plain NumPy.
"""

from __future__ import annotations

import functools
import math
import os
import subprocess
import sys
from collections import Counter
from pathlib import Path
from types import SimpleNamespace

import mpmath
import numpy as np
import pytest

from oracle.compare import compare, compare_mp, survey
from oracle.emit_mp import mp_context, mp_data, mp_loss
from oracle.emit_text import text
from oracle.generate import DEEPEST, generate
from oracle.mp_meaning import Meaning
from oracle.oracle import (autograd_gradients, autograd_loss, conditioning, mp_directional, norm, sample,
                           signed_direction)
from oracle.program import Definition, Input, Node, Program, depth, ops_used, reads, ref, unary, walk

COUNT = 400
# Between them these show every operation and every variant; a test below holds that.
COVERING = (*range(16), 20, 34, 79, 86, 155, 207, 209, 272, 273, 290, 295, 353, 355, 371)
OPS = set("""
    add sub mul div neg pow matmul T transpose newaxis num ref size eye
    sum mean var einsum outer dot inner trace diag
    exp log sqrt abs sign sin cos tan tanh sinh cosh square maximum minimum where
    norm inv det logdet sigmoid relu leaky_relu elu softplus gelu gelu_tanh silu
    softmax log_softmax logsumexp call squared_error softmax_cross_entropy sigmoid_cross_entropy
    huber absolute_error hinge kl""".split())

MARKS = (".sum(", "np.sum(", "keepdims=True", "[:, None]", "[None, :]", "np.newaxis", "axis=-1", "axis=-2", "axis=(",
         "fact: sum", "> 0", "< 1", "np.linalg.", "ord=1", "approximate='tanh'", "lambda s, t:",
         "lambda t:", ": R;", ", 1]", ".dot(")


# what the text means to Python and NumPy

def along(function):
    return lambda z, axis=-1: function(np.asarray(z), axis)


def lse(z, axis):
    return np.logaddexp.reduce(z, axis=axis)


def log_softmax(z, axis):
    return z - np.expand_dims(lse(z, axis), axis)


def gelu(z, approximate="none"):
    if approximate == "tanh":
        return z / 2 * (1 + np.tanh((2 / np.pi) ** 0.5 * (z + 0.044715 * z ** 3)))
    return z * np.vectorize(lambda t: (1 + math.erf(t / 2 ** 0.5)) / 2, otypes=[float])(z)


def huber(r, delta=1):
    return np.where(abs(r) <= delta, r ** 2 / 2, delta * (abs(r) - delta / 2)).sum()


FUNCTIONS = {name: getattr(np, name) for name in """
    sum mean var einsum outer dot matmul inner trace diag transpose exp log sqrt sign sin cos tan tanh sinh cosh
    square maximum minimum where eye""".split()} | {
    "np": np, "abs": abs, "linalg": np.linalg, "inv": np.linalg.inv, "det": np.linalg.det, "norm": np.linalg.norm,
    "logdet": lambda a: np.linalg.slogdet(a)[1], "gelu": gelu, "huber": huber,
    "sigmoid": lambda z: 1 / (1 + np.exp(-z)), "relu": lambda z: np.maximum(z, 0),
    "leaky_relu": lambda z, alpha=0.01: np.where(z > 0, z, alpha * z),
    "elu": lambda z, alpha=1: np.where(z > 0, z, alpha * (np.exp(z) - 1)),
    "softplus": lambda z: np.logaddexp(0, z), "silu": lambda z: z / (1 + np.exp(-z)),
    "softmax": along(lambda z, axis: np.exp(log_softmax(z, axis))), "log_softmax": along(log_softmax),
    "logsumexp": along(lse), "squared_error": lambda a, y: ((a - y) ** 2).sum() / 2,
    "absolute_error": lambda a, y: abs(a - y).sum(), "hinge": lambda s, y: np.maximum(0, 1 - y * s).sum(),
    "softmax_cross_entropy": lambda z, y: -(y * log_softmax(z, -1)).sum(),
    "sigmoid_cross_entropy": lambda z, y: -(y * log_softmax(np.stack([z, 0 * z]), 0)[0]
                                            + (1 - y) * log_softmax(np.stack([z, 0 * z]), 0)[1]).sum(),
    "kl": lambda p, q: (p * np.log(p / q)).sum(), "R": SimpleNamespace()}


class Shape:
    def __class_getitem__(cls, dims):
        return dims


def run_text(source, sizes, data):
    """The value of every name: declarations and facts are annotations, which Python evaluates."""
    scope = dict(FUNCTIONS, R=Shape, **sizes, **data)
    exec(compile(source, "<text>", "exec"), scope)
    return scope


@functools.cache
def programs():
    return [generate(seed) for seed in range(COUNT)]


@functools.cache
def state_of(seed):
    """How good the first draw of data is."""
    program = programs()[seed]
    data = sample(program)
    return conditioning(program, data, autograd_gradients(program, data))


def variants(program):
    """What a program shows beyond its operations: spellings, axes, kinds of einsum and of data."""
    yield from (mark for mark in MARKS if mark in text(program))
    yield from {item.kind for item in program.inputs}
    for node in (node for item in program.definitions for node in walk(item.body)):
        rank = len(node.shape)
        match node.op:
            case "softmax" | "log_softmax":
                yield f"softmax {rank} {node.params[0] % rank}"
            case "einsum":
                yield f"einsum of {len(node.args)} to rank {rank}"
                if any(len(set(part)) < len(part) for part in node.params[0].split("->")[0].split(",")):
                    yield "einsum with a letter twice in an operand"
            case "matmul" if rank == 3:
                yield "matmul by slices"
            case "transpose":
                yield f"transpose {node.params}"
            case "where":
                yield f"where {node.params[0]}"
            case "call":
                yield f"call of {len(node.args)}"


def features(program):
    return {*ops_used(program), *variants(program)}


# the generator

@pytest.mark.parametrize("hash_seed", ["1", "2"])
def test_equal_seeds_give_equal_programs_in_any_process(hash_seed):
    code = ("from oracle.generate import generate; from oracle.emit_text import text\n"
            "for seed in range(25): print(text(generate(seed)), repr(generate(seed)))")
    env = {**os.environ, "PYTHONHASHSEED": hash_seed, "PYTHONPATH": str(Path(__file__).parent)}
    done = subprocess.run([sys.executable, "-c", code], env=env, capture_output=True, text=True, check=True)
    here = [f"{text(generate(seed))} {generate(seed)!r}\n" for seed in range(25)]
    assert done.stdout == "".join(here)


def test_programs_differ():
    assert len({text(program) for program in programs()}) == COUNT


def test_sizes_are_shared_out_as_promised():
    kinds = Counter()
    for program in programs():
        sizes = {n for item in program.inputs for n in program.numbers(item.shape)}
        kinds["equal" if len(sizes) == 1 else "one" if 1 in sizes else "distinct"] += 1
        assert all(n in (2, 3, 5, 7) for n in sizes - {1} if program.profile != "equal")
        tokens = program.declared_sizes()
        assert program.profile == "equal" or len(set(tokens.values())) == len(tokens)
    assert kinds == {"equal": COUNT // 4, "one": COUNT // 10, "distinct": COUNT * 13 // 20}
    assert 0.3 < sum(program.symbolic for program in programs()) / COUNT < 0.5


def test_every_op_appears():
    seen = Counter(op for program in programs() for op in ops_used(program))
    assert seen.keys() == OPS
    assert min(seen.values()) >= 4, seen.most_common()[-5:]


def test_every_variant_appears():
    seen = Counter(item for program in programs() for item in variants(program))
    wanted = [f"softmax {rank} {axis}" for rank in (1, 2, 3) for axis in range(rank)]
    wanted += [f"einsum of {n} to rank {rank}" for n in (1, 2, 3) for rank in (0, 1, 2, 3)]
    wanted += ["matmul by slices", "einsum with a letter twice in an operand", "where <", "where >=", "call of 2"]
    wanted += ["positive", "unit", "symmetric", "simplex", "weights", "label", "binary"]
    assert not [item for item in (*wanted, *MARKS) if seen[item] < 2], seen


def test_names_are_shared_and_chains_grow_deep():
    assert sum(max(reads(program).values()) > 1 for program in programs()) > 0.85 * COUNT
    depths = Counter(map(depth, programs()))
    assert set(depths) == set(range(1, DEEPEST + 1))
    assert min(depths.values()) > COUNT / 20


def test_the_loss_is_the_last_scalar_that_nothing_reads():
    for program in programs():
        count = reads(program)
        unread = [item.name for item in program.definitions if not count[item.name]]
        assert unread == [program.loss] and program.definitions[-1].body.shape == ()


# the three meanings

def test_text_means_the_same_to_numpy():
    good = [program for program in programs()[:300] if not state_of(program.seed).reason]
    assert len(good) > 285
    for program in good:
        data = sample(program)
        scope = run_text(text(program), program.binding, data)
        assert np.shape(scope[program.loss]) == ()
        assert scope[program.loss] == pytest.approx(autograd_loss(program, data), rel=1e-10, abs=1e-10), program.seed
        for item in program.definitions:
            assert np.shape(scope[item.name]) == program.numbers(item.body.shape), (program.seed, item.name)


def test_mpmath_finds_the_same_losses():
    context = mp_context(20)
    for program in programs():
        if not state_of(program.seed).reason:
            data = sample(program)
            right = autograd_loss(program, data)
            gap = abs(mp_loss(program, mp_data(data, context), context) - right)
            assert gap <= 1e-12 * max(1.0, abs(right)), program.seed


@pytest.mark.parametrize("seed", range(6))
def test_elimination_agrees_with_numpy(seed):
    a = np.random.default_rng(seed).standard_normal((4, 4))
    context = mp_context(30)
    meaning, lifted = Meaning(context), mp_data({"a": a}, context)["a"]
    assert float(meaning.det(lifted)) == pytest.approx(np.linalg.det(a), rel=1e-12)
    assert np.allclose(meaning.inv(lifted).astype(float), np.linalg.inv(a), rtol=1e-10, atol=0)


@pytest.mark.parametrize("seed", COVERING)
def test_autograd_agrees_with_differences_of_the_loss(seed):
    program, state = programs()[seed], state_of(seed)
    data = sample(program)
    gradients = autograd_gradients(program, data)
    for item in program.inputs:
        direction = signed_direction(program, item.name)
        right = float(mp_directional(program, data, item.name, direction, 30))
        scale = max(norm(gradients[item.name]), state.natural[item.name]) * norm(direction)
        assert abs(np.sum(gradients[item.name] * direction) - right) <= 1e-11 * scale + 1e-25, item.name


def test_those_programs_cover_everything():
    every = set().union(*map(features, programs()))
    assert every == set().union(*(features(programs()[seed]) for seed in COVERING))
    assert len(COVERING) >= 30


def test_few_samples_are_set_aside():
    states = [state_of(program.seed) for program in programs()]
    assert sum(bool(state.reason) for state in states) <= 0.05 * COUNT
    assert sum(bool(state.vanishing) for state in states) <= 0.06 * COUNT


def test_data_meet_the_facts():
    for program in programs():
        data = sample(program)
        scope = {**FUNCTIONS, **data}
        facts = [line.removeprefix("fact: ") for line in text(program).splitlines() if line.startswith("fact:")]
        assert all(np.all(eval(fact, scope)) for fact in facts), program.seed


# the driver

def made(shape, *bodies):
    """A small program of one input x, by hand; the last body is the loss."""
    definitions = tuple(Definition(f"z{i}", body) for i, body in enumerate(bodies))
    return Program(7, "distinct", False, {"n": 3, "m": 5}, (Input("x", shape),), (), definitions)


def total(node):
    return Node("sum", (node,), (), (None, False))


def truth(program):
    return lambda source, sizes, data: (autograd_loss(program, data), autograd_gradients(program, data))


def test_a_right_engine_is_found_right():
    right = {text(program): truth(program) for program in programs()}
    summary = survey(range(60), lambda source, *rest: right[source](source, *rest))
    assert not summary.wrong and summary.compared == 60 and summary.rejected_share <= 0.05
    assert "0 mismatches, 0 errors (below 5.00%" in summary.lines()[1]


def spoiled(change):
    """A good program's record where `change` was done to the right gradients."""
    program = generate(3)
    assert {"S1": (5, 5)}.items() <= {i.name: program.numbers(i.shape) for i in program.inputs}.items()

    def gradients(source, sizes, data):
        found = {name: value.copy() for name, value in autograd_gradients(program, data).items()}
        return change(found) or found
    return compare(program, gradients)


@pytest.mark.parametrize("change", [
    lambda g: g.update(S1=-g["S1"]), lambda g: g.update(S1=g["S1"].T), lambda g: g.update(S1=g["S1"] * (1 + 2e-9)),
    lambda g: g.update(S1=0 * g["S1"]), lambda g: g.update(S1=g["S1"] * np.nan),
    lambda g: g["S1"].__setitem__((0, 1), 2 * g["S1"][0, 1]), lambda g: (1e6, g)],
    ids=["sign", "transpose", "scale", "zero", "nan", "entry", "loss"])
def test_a_wrong_number_is_a_mismatch(change):
    record = spoiled(change)
    assert record.status == "mismatch" and ("S1" in record.message or "(loss)" in record.message)


@pytest.mark.parametrize("change", [
    lambda g: g.update(S1=g["S1"][:, :1]), lambda g: g.pop("S1").sum() * 0 or None, lambda g: 1 / 0],
    ids=["shape", "missing", "raises"])
def test_an_answer_that_cannot_be_compared_is_an_error(change):
    assert spoiled(change).status == "error"


def test_a_kink_and_a_saturated_function_are_noticed():
    x = ref("x", ("n",))
    kinked, steep = made(("n",), total(unary("relu", x))), made(("n",), total(unary("tanh", x)))
    for program, value, reason in ((kinked, 1e-8, "kinked"), (kinked, 0.3, ""), (steep, 9.0, "ill-conditioned"),
                                   (steep, 0.3, "")):
        data = {"x": np.full(3, value)}
        assert conditioning(program, data, autograd_gradients(program, data)).reason == reason
    always = made(("n",), total(unary("abs", Node("sub", (x, x), ("n",)))))
    assert compare(always, truth(always)).status == "set aside"


def test_a_gradient_that_cancels_is_compared_by_what_cancels():
    x = ref("x", ("n", "m"))
    program = made(("n", "m"), total(Node("mul", (unary("softmax", x, -1), unary("softmax", x, -1)), x.shape)),
                   total(unary("softmax", x, -1)))
    record = compare(program, truth(program))
    assert record.status == "equal" and record.vanishing == ("x",)
    off = compare(program, lambda *_: {"x": np.full((3, 5), 1e-6)})
    assert off.status == "mismatch"


def test_high_precision_differences_have_their_digits():
    program = made(("n",), total(unary("exp", ref("x", ("n",)))))
    data = {"x": np.array([0.25, -0.5, 1.0])}
    with mpmath.workdps(70):
        exact = np.array([mpmath.exp(value) for value in data["x"]], dtype=object)
        errors = compare_mp(program, {"x": exact}, data)
        assert errors["x"] < 1e-45
        exact[1] += mpmath.mpf(10) ** -19
        assert compare_mp(program, {"x": exact}, data)["x"] > 1e-20
