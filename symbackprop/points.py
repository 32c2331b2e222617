"""Where a model is tried: sizes that tell axes apart, and data for which the declared facts hold."""

from __future__ import annotations

import math
from itertools import combinations

import numpy as np

from .errors import SymbackpropError, nearest_or_all
from .expr import Const, Map, Var, walk
from .numeric import Floats, Sizes, Values, at_sizes, concrete, kinks_of, run
from .ops import SCALAR_OPS
from .program import Fact, Program
from .windows import requirements

PRIMES = (3, 2, 5, 7, 11, 13, 17, 19, 23, 29, 31, 37, 41, 43, 47)
TRIES, KINK_DISTANCE, LARGER, SUBSETS = 30, 1e-3, 20, 256
MAX_ENTRIES, LONG = 10_000_000, 100
GRAIN = 2.0**20  # data are multiples of 1/GRAIN, so that declared sums are exact


def size_names(program: Program) -> list[str]:
    """The sizes that a model speaks of: those of its inputs first, then those that only a number or a shape inside it reads."""
    names: dict[str, None] = {}
    sides = [side for c in program.claims for side in (c.left, c.right) if side is not None]
    for node in (*program.inputs.values(), *(n for root in (*(e.expr for e in program.equations), *sides) for n in walk(root))):
        for number in (*node.shape, node.value) if type(node) is Const else node.shape:
            if number.free_symbols:
                names.update(dict.fromkeys(sorted(s.name for s in number.free_symbols)))
    return list(names)


def bind_sizes(program: Program, given: Sizes | None = None) -> list[Sizes]:
    """All different; one equal pair; one of size 1. Given sizes are kept; with nothing free there is one binding."""
    names, given = size_names(program), given or {}
    for name in given:
        if name not in names:
            raise SymbackpropError(f"there is no size {name}", hint=nearest_or_all(name, names) or "every size is a number here")
    free = [n for n in names if n not in given]
    unused = [p for p in (*PRIMES, *range(51, 51 + 2 * len(free), 2)) if p not in given.values()]
    base = {**given, **dict(zip(free, unused))}
    bindings = [base]
    if len(free) > 1:
        bindings.append({**base, free[1]: base[free[0]]})
    if free:
        bindings.append({**base, free[-1]: 1})
    return fitting(program, bindings, free)


def fitting(program: Program, bindings: list[Sizes], free: list[str]) -> list[Sizes]:
    """The bindings at which every axis has entries and every slice lies inside its axis; if none is, larger ones."""
    needs = [*requirements(program), *(d - 1 for d in {d for e in program.equations for n in walk(e.expr) for d in n.shape}
                                       if not d.is_Symbol)]
    if not needs:
        return bindings

    def fits(sizes: Sizes) -> bool:
        return all(at_sizes(need, tuple(sizes.items())) >= 0 for need in needs)
    found = [sizes for sizes in bindings if fits(sizes)]
    for more in range(1, LARGER if free else 0):
        if found:
            break
        grown = [{**bindings[0], **{n: bindings[0][n] + (more if n in chosen else 0) for n in free}}
                 for count in range(1, len(free) + 1) for chosen in combinations(free, count)][:SUBSETS]
        found = [sizes for sizes in grown if fits(sizes)][:1]
        found += [sizes for sizes in ({n: v + (n in free) for n, v in found[0].items()} for _ in found) if fits(sizes)]
    if not found:
        raise SymbackpropError("no sizes were found at which every slice lies inside its axis: give some")
    return found


def draw(program: Program, sizes: Sizes, seed: int = 0, whole: bool = False) -> tuple[Values, int]:
    """Data for every input, and how many draws were thrown away (not finite, or near a kink).

    `whole` draws small whole numbers (and simple fractions where a fact demands them). Raises `SymbackpropError` where
    no draw is usable.
    """
    refuse_large(program, sizes)
    for attempt in range(TRIES):
        rng = np.random.default_rng([seed, attempt])
        values = {name: draw_one(program, name, concrete(var.shape, sizes), rng, whole, sizes) for name, var in program.inputs.items()}
        with np.errstate(all="ignore"):
            try:
                known = run(program, values, sizes, Floats())
                usable = all(np.isfinite(v).all() for v in known.values()) and kinks_of(program, known, sizes) > KINK_DISTANCE
            except (ArithmeticError, ValueError, np.linalg.LinAlgError):
                usable = False
        if usable:
            return values, attempt
    raise SymbackpropError(f"no usable data in {TRIES} draws: the loss is not finite or every point is near a kink; "
                           "a fact such as x > 0 may be missing")


def refuse_large(program: Program, sizes: Sizes) -> None:
    """Raise `SymbackpropError` before arrays are made that no machine should be asked for."""
    named = [(name, concrete(var.shape, sizes)) for name, var in program.inputs.items()]
    if max((d for _, shape in named for d in shape), default=0) > LONG:
        named += [(e.name, concrete(n.shape, sizes)) for e in program.equations for n in walk(e.expr)]
    for name, shape in named:
        if math.prod(shape) > MAX_ENTRIES:
            raise SymbackpropError(f"{name} would hold {math.prod(shape)} entries at once, and at most {MAX_ENTRIES} are tried with numbers")


def draw_one(program: Program, name: str, shape: tuple[int, ...], rng: np.random.Generator, whole: bool = False,
             sizes: Sizes | None = None) -> np.ndarray:
    """Data bent to the facts about one tensor, exactly; what a log or a root is taken of is positive."""
    facts = [f for f in program.facts if f.name == name]
    sums = [f for f in facts if f.kind == "sum"]
    if any(f.kind == "binary" for f in facts):
        return one_hot(shape, sums[0].axis, rng) if sums else rng.integers(0, 2, size=shape).astype(float)
    if (index := next((f for f in facts if f.kind == "index"), None)) is not None:
        return rng.integers(0, int(at_sizes(index.high, tuple((sizes or {}).items()))), size=shape).astype(float)
    data = rng.choice((-2.0, -1.0, 1.0, 2.0, 3.0), size=shape) if whole else np.round(rng.normal(size=shape) * GRAIN) / GRAIN
    low, high = bounds(facts)
    if low is None and high is None and not facts and needs_positive(program, name):
        low = 0.0
    if low is not None and high is not None:
        steps = rng.integers(1, 4, size=shape) / 4 if whole else np.round(rng.uniform(0.1, 0.9, size=shape) * GRAIN) / GRAIN
        data = low + (high - low) * steps
    elif low is not None:
        data = low + np.abs(data) + (0.0 if whole else 0.25)
    elif high is not None:
        data = high - np.abs(data) - (0.0 if whole else 0.25)
    for fact in sums:
        data = sum_to_one(data, fact, whole)
    return structured(data, {f.kind for f in facts}, rng)


def structured(data: np.ndarray, kinds: set[str], rng: np.random.Generator) -> np.ndarray:
    """A square matrix bent to be symmetric, positive definite or diagonal."""
    if "definite" in kinds:
        data = data @ data.T / 4 + np.eye(len(data))
    if "symmetric" in kinds:
        data = np.triu(data) + np.triu(data, 1).T
    return data * np.eye(len(data)) if "diagonal" in kinds else data


def one_hot(shape: tuple[int, ...], axis: int | None, rng: np.random.Generator) -> np.ndarray:
    data = np.zeros(shape)
    if axis is None:
        data.reshape(-1)[rng.integers(data.size)] = 1.0
        return data
    rows = np.moveaxis(data, axis, -1)
    for at in np.ndindex(rows.shape[:-1]):
        rows[at][rng.integers(rows.shape[-1])] = 1.0
    return data


def sum_to_one(data: np.ndarray, fact: Fact, whole: bool) -> np.ndarray:
    """Positive numbers whose sums are 1 without rounding: all but the last are rounded to a power of two."""
    e = np.exp(data)
    grain = 16.0 if whole else GRAIN
    shares = np.round(e / e.sum(axis=fact.axis, keepdims=fact.axis is not None) * grain) / grain
    if fact.axis is None:
        shares.reshape(-1)[-1] = 1.0 - shares.reshape(-1)[:-1].sum()
        return shares
    rows = np.moveaxis(shares, fact.axis, -1)
    rows[..., -1] = 1.0 - rows[..., :-1].sum(axis=-1)
    return shares


def bounds(facts: list[Fact]) -> tuple[float | None, float | None]:
    low = [float(f.low) for f in facts if f.kind == "range" and f.low is not None]
    high = [float(f.high) for f in facts if f.kind == "range" and f.high is not None]
    return max(low, default=None), min(high, default=None)


def needs_positive(program: Program, name: str) -> bool:
    for equation in program.equations:
        for node in walk(equation.expr):
            if type(node) is Map and any(type(a) is Var and a.name == name for a in node.args):
                f = node.function
                row = SCALAR_OPS.get(f.name)
                if f.name == "pow" and f.params[0].is_Integer and f.params[0] > 0:
                    continue
                if row is not None and row.domain[0] > 0:
                    return True
    return False
