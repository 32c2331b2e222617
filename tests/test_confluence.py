"""Order does not matter: rules in any order keep the value, other presentations reach one normal form, any hash seed the same bytes."""

from __future__ import annotations

import os
import random
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import sympy as sp
from oracle.emit_text import text
from oracle.generate import generate
from oracle.oracle import sample

import symbackprop as sb
from symbackprop.algebra import add
from symbackprop.expr import Add, Const, Contract, Delta, Expr, Map, Ones, Var, function, rebuild, size, walk
from symbackprop.normal import TooLarge, expanded, is_equal, normal_form, unmarked
from symbackprop.numeric import Floats, evaluate, run
from symbackprop.products import CONTRACTION_RULES, Product, finish
from symbackprop.rules import tidy

N, M = size("n"), size("m")
SIZES = {"n": 3, "m": 2}
LEAVES = {"A": Var("A", (N, N)), "B": Var("B", (N, M)), "x": Var("x", (N,)), "y": Var("y", (N,)), "s": Var("s", ())}
SEEDS = range(7000, 7030)


def raw_contraction(rng: random.Random, depth: int = 2) -> Contract:
    """A contraction nobody simplified, with deltas, ones, numbers, reciprocals and contractions inside."""
    pool, operands, inputs = [rng.choice((N, N, M)) for _ in range(4)], [], []
    for _ in range(rng.randrange(2, 6)):
        kind = rng.random()
        of_n = [i for i, d in enumerate(pool) if d is N] or [0]
        i, j = rng.choice(of_n), rng.choice(of_n)
        if pool[i] is not N:
            operand, labels = Ones((pool[0],)), (0,)
        elif kind < 0.15:
            operand, labels = Delta(N), (i, j)
        elif kind < 0.3:
            operand, labels = Ones((N,)), (i,)
        elif kind < 0.4:
            operand, labels = Const(rng.choice((sp.Integer(2), sp.Rational(-1, 3), 1 / N))), ()
        elif kind < 0.55:
            operand, labels = Map(function("pow", (sp.Integer(rng.choice((-1, 2, -2))),)), (LEAVES["x"],)), (i,)
        elif kind < 0.7 and depth:
            operand = raw_contraction(rng, depth - 1)
            choices = [[k for k, d in enumerate(pool) if d is dim] for dim in operand.shape]
            if not all(choices):
                continue
            labels = tuple(map(rng.choice, choices))
        else:
            operand, labels = rng.choice(((LEAVES["A"], (i, j)), (LEAVES["x"], (i,)), (LEAVES["y"], (j,)), (LEAVES["s"], ())))
        operands.append(operand)
        inputs.append(labels)
    if not operands:
        operands, inputs = [LEAVES["x"]], [(pool.index(N) if N in pool else 0,)]
        pool[inputs[0][0]] = N
    used = sorted({i for labels in inputs for i in labels})
    return Contract(tuple(operands), tuple(inputs), tuple(rng.sample(used, rng.randrange(min(len(used), 3) + 1))))


def data_of_leaves() -> dict[str, np.ndarray]:
    rng = np.random.default_rng(1)
    return {k: rng.uniform(0.5, 1.5, tuple(SIZES[str(d)] for d in v.shape)) for k, v in LEAVES.items()}


def directly(node: Contract, data: dict[str, np.ndarray]) -> np.ndarray:
    """A raw contraction by `np.einsum`, its inner ones first."""
    arrays = []
    for operand in node.operands:
        match operand:
            case Contract():
                arrays.append(directly(operand, data))
            case Var():
                arrays.append(data[operand.name])
            case Const():
                arrays.append(np.array(float(operand.value.subs(N, SIZES["n"]))))
            case Delta():
                arrays.append(np.eye(SIZES["n"]))
            case Ones():
                arrays.append(np.ones(tuple(SIZES[str(d)] for d in operand.shape)))
            case Map():
                arrays.append(data["x"] ** float(operand.function.params[0]))
    letters = ",".join("".join("abcdefghij"[i] for i in labels) for labels in node.inputs)
    return np.einsum(letters + "->" + "".join("abcdefghij"[i] for i in node.output), *arrays)


@pytest.mark.parametrize("block", range(4))
def test_rules_in_any_order_keep_the_value_and_meet_in_one_normal_form(block: int) -> None:
    data = data_of_leaves()
    for seed in range(block * 60, block * 60 + 60):
        rng = random.Random(seed)
        raw = raw_contraction(rng)
        right = directly(raw, data)
        ends = []
        for _ in range(4):
            work, rules = Product(raw.operands, raw.inputs, raw.output), list(CONTRACTION_RULES)
            for _ in range(12):
                rng.shuffle(rules)
                if not sum(rule.apply(work) for rule in rules):
                    break
            else:
                pytest.fail(f"seed {seed}: the rules never come to rest")
            ends.append(finish(work))
        for end in ends:
            assert end.shape == raw.shape
            np.testing.assert_allclose(evaluate(end, data, SIZES, Floats()), right, rtol=1e-11, err_msg=f"seed {seed}")
        try:
            forms = [normal_form(end) for end in ends]
        except TooLarge:
            continue
        assert all(form == forms[0] for form in forms), f"seed {seed}"


def shuffled(root: Expr, rng: random.Random) -> Expr:
    """Another presentation: factors and terms in another order, in other brackets, with a 1 here and there."""
    made: dict[Expr, Expr] = {}
    for node in walk(root):
        children = [made[c] for c in node.children]
        match node:
            case Add():
                rng.shuffle(children)
                if len(children) > 2 and rng.random() < 0.6:
                    children = [Add(tuple(children[:2])), *children[2:]]
                made[node] = Add(tuple(children))
            case Contract():
                made[node] = regrouped(children, list(node.inputs), node.output, rng)
            case _:
                made[node] = rebuild(node, tuple(children))
    return made[root]


def regrouped(operands: list[Expr], inputs: list[tuple[int, ...]], output: tuple[int, ...], rng: random.Random) -> Contract:
    order = rng.sample(range(len(operands)), len(operands))
    operands, inputs = [operands[k] for k in order], [inputs[k] for k in order]
    if len(operands) > 2 and rng.random() < 0.6:
        inside, outside = inputs[:2], inputs[2:]
        kept = tuple(i for i in dict.fromkeys(i for labels in inside for i in labels)
                     if i in output or any(i in labels for labels in outside))
        operands, inputs = [Contract(tuple(operands[:2]), tuple(inside), kept), *operands[2:]], [kept, *outside]
    if rng.random() < 0.3:
        operands.append(Const(sp.Integer(1)))
        inputs.append(())
    return Contract(tuple(operands), tuple(inputs), output)


def right_sides(seed: int) -> tuple[list[Expr], dict[str, np.ndarray], dict[str, int]]:
    """What a derivation of a random program has on its right, with values for all names in it."""
    program = generate(seed)
    derivation = sb.derive(sb.parse(text(program)))
    data, sizes = sample(program, 0), program.binding
    known = run(derivation.backward, run(derivation.program, data, sizes, Floats()), sizes, Floats())
    return [e.expr for e in (*derivation.program.equations, *derivation.backward.equations)], known, sizes


@pytest.mark.parametrize("seed", SEEDS)
def test_other_presentations_of_a_right_side_reach_its_normal_form(seed: int) -> None:
    rng = random.Random(seed)
    nodes, known, sizes = right_sides(seed)
    for node in nodes:
        right = evaluate(node, known, sizes, Floats())
        scale = 1e-9 * np.abs(right).max(initial=1e-30) + 1e-12
        for _ in range(2):
            other = shuffled(node, rng)
            assert np.all(np.abs(evaluate(other, known, sizes, Floats()) - right) <= scale)
            simpler, _ = tidy(other)
            assert np.all(np.abs(evaluate(simpler, known, sizes, Floats()) - right) <= scale)
            try:
                form = normal_form(node)
                assert normal_form(other) == form, str(node)
                assert normal_form(simpler) == form, str(node)
            except TooLarge:
                continue


@pytest.mark.parametrize("seed", SEEDS)
def test_the_normal_form_is_its_own_normal_form(seed: int) -> None:
    nodes, known, sizes = right_sides(seed)
    for node in nodes:
        try:
            terms = expanded(node, ())
            again = unmarked(add(terms))
            assert normal_form(again) == normal_form(node)
        except TooLarge:
            continue
        right = evaluate(node, known, sizes, Floats())
        assert np.all(np.abs(evaluate(again, known, sizes, Floats()) - right) <= 1e-9 * np.abs(right).max(initial=1e-30) + 1e-12)


@pytest.mark.parametrize("a, b", [("A @ B", "B @ A"), ("A @ x", "A.T @ x"), ("x * y", "x * x"), ("A * B", "A @ B"),
                                  ("sum(x)", "sum(y)"), ("tanh(x)", "tanh(y)"), ("A @ A.T", "A.T @ A"), ("x", "2 * x")])
def test_what_differs_is_never_proved_equal(a: str, b: str) -> None:
    net = sb.parse(f"A: R[n, n]; B: R[n, n]; x: R[n]; y: R[n]\np = {a}\nq = {b}\nC = sum(p) + sum(q)")
    p, q = (net.equations[k].expr for k in (0, 1))
    assert is_equal(p, q) is not True and normal_form(p) != normal_form(q)


PRINT_ALL = """
import hashlib, sys
import symbackprop as sb
from symbackprop.show.printing import Wanted, render
made = hashlib.sha256()
for path in sys.argv[1:]:
    d = sb.derive(sb.read(path))
    for view in ("textbook", "named", "expanded"):
        for to in ("text", "latex", "tex", "markdown", "mathml", "html", "json"):
            made.update(render(d, to, Wanted(view, steps=True, index=view == "named", update=True)).encode())
    made.update(sb.export(d).encode())
    made.update(str(sb.check(d, seed=1)).encode())
print(made.hexdigest())
"""


def test_every_form_is_the_same_bytes_for_five_hash_seeds() -> None:
    examples = Path(__file__).parent.parent / "examples"
    nets = [str(examples / f"{name}.net") for name in ("three_four_two", "softmax_cross_entropy")]
    found = {subprocess.run([sys.executable, "-c", PRINT_ALL, *nets], capture_output=True, text=True, check=True,
                            env={**os.environ, "PYTHONHASHSEED": str(seed), "PYTHONPATH": str(examples.parent)}).stdout
             for seed in range(5)}
    assert len(found) == 1 and len(found.pop().strip()) == 64
