"""How much exported code computes: chains of matrices against opt_einsum's best order, and files whose length is that of the model."""

from __future__ import annotations

import math
import random
import re
import string

import autograd.numpy as anp
import numpy as np
import opt_einsum
import pytest
from autograd import grad

import symbackprop as sb
from symbackprop.codegen.compiled import Compiled, Notes


def chain(seed: int) -> tuple[str, str, list[tuple[int, ...]]]:
    """A model with a product of three to six factors, the same in Einstein's notation, and the shapes."""
    rng = random.Random(seed)
    count = rng.randint(3, 6)
    dims = [rng.choice((2, 3, 5, 8, 13, 40, 100)) for _ in range(count + 1)]
    ends = [rng.random() < 0.3, rng.random() < 0.3]  # a vector in front, a vector behind
    declared, factors, words, shapes = [], [], [], []
    for k in range(count):
        letters = string.ascii_lowercase[k:k + 2]
        kept = letters[1:] if k == 0 and ends[0] else letters[:1] if k == count - 1 and ends[1] else letters
        turned = len(kept) == 2 and rng.random() < 0.4
        word = kept[::-1] if turned else kept
        shape = tuple(dims[string.ascii_lowercase.index(i)] for i in word)
        name = f"A{k}"
        declared.append(f"{name}: R[{', '.join(map(str, shape))}]")
        factors.append(name + ".T" * turned)
        words.append(word)
        shapes.append(shape)
    output = "".join(i for i in string.ascii_lowercase[:count + 1] if sum(i in w for w in words) == 1)
    return f"s: R; {'; '.join(declared)}\nY = {' @ '.join(factors)}\nC = sum(tanh(Y)) + s", f"{','.join(words)}->{output}", shapes


def best(spell: str, shapes: list[tuple[int, ...]]) -> int:
    """The multiplications of the path that opt_einsum finds best."""
    path, _ = opt_einsum.contract_path(spell, *shapes, shapes=True, optimize="optimal")
    inputs, output = spell.split("->")
    sizes = {i: d for word, shape in zip(inputs.split(","), shapes) for i, d in zip(word, shape)}
    words, total = [set(w) for w in inputs.split(",")], 0
    for step in path:
        taken = [words.pop(k) for k in sorted(step, reverse=True)]
        union = set().union(*taken)
        total += math.prod(sizes[i] for i in union)
        words.append({i for i in union if i in output or any(i in w for w in words)})
    return total


def compiled(text: str, wrt: list[str] | None = None) -> Compiled:
    d = sb.derive(sb.parse(text), wrt=wrt)
    return Compiled(d.program, d.backward, d.loss, d.wrt, d.program.facts, Notes())


@pytest.mark.parametrize("seed", range(60))
def test_chains_are_multiplied_in_the_cheapest_order(seed: int) -> None:
    text, spell, shapes = chain(seed)
    lowered = compiled(text, ["s"]).lowered(lambda name: False, False)
    ours = sum(math.prod(map(int, v.args[0].shape)) * (int(v.shape[-1]) if len(v.args[1].shape) == 2 else 1)
               for v in lowered.order_of(lowered.loss) if v.op == "dot")
    assert ours == best(spell, shapes)
    rng = np.random.default_rng(seed)
    data = {f"A{k}": rng.normal(size=shape) / 10 for k, shape in enumerate(shapes)}
    value, gradients = sb.lambdify(sb.derive(sb.parse(text)))(s=0.5, **data)

    def loss(arrays: dict[str, np.ndarray]) -> float:
        return anp.sum(anp.tanh(eval(text.splitlines()[1].removeprefix("Y = "), {}, arrays))) + 0.5
    assert np.isclose(value, loss(data))
    for name, right in grad(loss)(data).items():
        np.testing.assert_allclose(gradients[name], right, rtol=1e-9, atol=1e-12)


@pytest.mark.parametrize("right, multiplications", [
    ("A @ B @ v", 4 * 16**2 + 2 * 16**2), ("A @ B @ D", 6 * 16**3), ("A @ B @ v + (A @ B)[:, 0]", 16**3 + 2 * 16**2)])
def test_names_of_sizes_are_guessed_alike(right: str, multiplications: int) -> None:
    """A product of matrices is not made for a vector; one that is read elsewhere is made once."""
    lowered = compiled(f"A: R[m, n]; B: R[n, k]; D: R[k, l]; v: R[k]\nY = {right}\nC = sum(tanh(Y))", ["v"] if "[" in right else None)
    ours = sum(16 ** (len(v.args[0].shape) + len(v.args[1].shape) - 1) for v in lowered.lowered(lambda name: False, False).order if v.op == "dot")
    assert ours <= multiplications


def perceptron(depth: int, width: str) -> str:
    lines = [f"X: R[B, {width}]; Y: R[B, {width}]", *(f"W{k}: R[{width}, {width}]; b{k}: R[{width}]" for k in range(1, depth + 1))]
    lines += [f"h{k} = tanh({f'h{k - 1}' if k > 1 else 'X'} @ W{k} + b{k})" for k in range(1, depth + 1)]
    return "\n".join([*lines, f"C = sum((h{depth} - Y)**2) / (2 * B)"])


def recurrent(steps: int, width: str) -> str:
    lines = [f"h0: R[B, {width}]; W: R[{width}, {width}]; U: R[{width}, {width}]", *(f"x{t}: R[B, {width}]" for t in range(1, steps + 1))]
    lines += [f"h{t} = tanh(x{t} @ W + h{t - 1} @ U)" for t in range(1, steps + 1)]
    return "\n".join([*lines, f"C = sum(h{steps}**2)"])


def weight(text: str, to: str) -> tuple[int, int]:
    """The instructions and the characters of an exported file."""
    lowered = compiled(text).lowered(lambda name: False, True)
    return len(lowered.order), len(sb.export(sb.derive(sb.parse(text)), to))


@pytest.mark.parametrize("to", ["numpy", "jax", "torch"])
@pytest.mark.parametrize("model", [perceptron, recurrent])
def test_a_file_grows_with_the_equations_and_not_with_the_sizes(model: object, to: str) -> None:
    """A million parameters: 16 layers of 256, two matrices of 724; twice the equations are twice the instructions and the text."""
    small, middle, large = (weight(model(depth, "256" if model is perceptron else "724"), to) for depth in (8, 16, 32))
    for one, two, four in zip(small, middle, large):
        assert four - two <= 2.1 * (two - one)
    width = "2560" if model is perceptron else "7240"
    wide = model(16, width)
    assert weight(wide, to)[0] == middle[0]
    assert len(re.sub(r"\d+", "", sb.export(sb.derive(sb.parse(wide)), to))) <= 1.02 * len(
        re.sub(r"\d+", "", sb.export(sb.derive(sb.parse(model(16, width[:-1]))), to)))
