"""Random recurrences and random lines about them: does the judge ever prove for every length what is wrong at one?

A model is drawn as text, with states, reads at t−1 and t−2, numbers of steps, losses at the end, at every step and both. Its
right lines are those of the chain rule by hand; the others are broken by random edits of their text. What is right is decided
at lengths 7 and 9, beyond all that the judge looks at, by evaluating the very text with NumPy and complex steps of 1e-30.
"""

from __future__ import annotations

import argparse
import random
import re
import time
from collections import Counter
from collections.abc import Iterator

import numpy as np

import symbackprop as sb

LENGTHS, STEP, CLOSE = (7, 9), 1e-30, 1e-7
SIZE = 2


class Array(np.ndarray):
    """An array that knows its name, so that `grad(C, h[t])` can be read as it stands."""

    name: str = ""


def called(value: object, name: str) -> Array:
    found = np.asarray(value, dtype=complex).view(Array)
    found.name = name
    return found


class Family(dict):
    """`h[t]`: one array for each step."""

    def __init__(self, base: str) -> None:
        super().__init__()
        self.base = base

    def __setitem__(self, step: int, value: object) -> None:
        super().__setitem__(step, called(value, f"{self.base}[{step}]"))


class Model:
    """One text, worked out at one length."""

    def __init__(self, loop: list[tuple[str, str]], loss: str, length: int, seed: int) -> None:
        self.loop, self.loss, self.length = loop, loss, length
        draw = np.random.default_rng(seed)
        start = {name: draw.normal(size=SIZE) for name in ("h[0]", "h[-1]", "b")} | {"U": draw.normal(size=(SIZE, SIZE)), "V": draw.normal(size=(SIZE, SIZE))}
        rows = {f"{base}[{t}]": draw.normal(size=SIZE) for base in "xy" for t in range(1, length + 1)}
        own = {f"W[{t}]": draw.normal(size=(SIZE, SIZE)) for t in range(1, length + 1)}
        self.inputs = {k: 0.5 * v for k, v in (start | rows | own).items()}
        self.known: dict[str, np.ndarray] = {}

    def run(self, moved: str = "", by: np.ndarray | float = 0.0) -> dict[str, object]:
        """All names, with one of them moved after it was computed."""
        place: dict[str, object] = {base: Family(base) for base in ("h", "s", "g", "e", "x", "y", "W")}

        def put(name: str, value: object) -> None:
            base, at = re.fullmatch(r"(\w+)(?:\[(-?\d+)\])?", name).groups()
            value = value + by if name == moved else value
            if at is None:
                place[base] = called(value, base)
            else:
                place[base][int(at)] = value
        for name, value in self.inputs.items():
            put(name, value)
        for t in range(1, self.length + 1):
            for base, right in self.loop:
                put(f"{base}[{t}]", self.value(right, place | {"t": t}))
        put("C", self.value(self.loss, place))
        return place

    def value(self, text: str, place: dict[str, object]) -> object:
        # the text is our own: it is written by this file
        spelled = re.sub(r"for (\w) in (\d)\.\.T", r"for \1 in range(\2, T + 1)", text)
        words = {"tanh": np.tanh, "outer": np.outer, "dot": np.dot, "sum": total, "T": self.length, "grad": lambda _, of: self.grad(of.name)}
        return eval(spelled, {"__builtins__": {}, "range": range, **words, **place})

    def grad(self, name: str) -> np.ndarray:
        if name not in self.known:
            base = self.inputs.get(name)
            shape = (SIZE, SIZE) if base is not None and base.ndim == 2 else () if name[0] == "e" else (SIZE,)
            found = np.zeros(shape)
            for at in np.ndindex(shape):
                by = np.zeros(shape, dtype=complex)
                by[at] = 1j * STEP
                found[at] = np.imag(self.run(name, by)["C"]) / STEP
            self.known[name] = found
        return self.known[name]

    def holds(self, claim: str) -> bool | None:
        """Whether a line is right at every step that it can be about; None where it can be about none, or makes no sense."""
        left, right = claim.split(" == ")
        place = self.run()
        steps = [{}] if not re.search(r"\bt\b", re.sub(r"for t in.*", "", claim)) else [{"t": t} for t in range(0, self.length + 2)]
        found = []
        for step in steps:
            try:
                a, b = (np.asarray(self.value(side, place | step)) for side in (left, right))
                if a.shape != b.shape and b.shape:
                    return None
                found.append(bool(np.all(np.abs(a - b) <= CLOSE * np.max(np.abs(a)))))
            except KeyError:
                continue
            except (ValueError, TypeError, ZeroDivisionError, SyntaxError):
                return None
        return all(found) if found else None


def total(values: object) -> object:
    return np.sum(values) if isinstance(values, np.ndarray) else sum(values)


def drawn(draw: random.Random) -> tuple[str, list[tuple[str, str]], str, list[str]]:
    """A model as text, its loop and its loss, and right lines about it."""
    far, own, number = draw.random() < 0.3, draw.random() < 0.3, draw.choice(["", "", "", "t/8 * ", "1/t * "])
    gate, first = draw.random() < 0.25, draw.random() < 0.15
    matrix = "W[t]" if own else "U"
    pre = f"{number}{matrix} @ h[t-1] + V @ x[t]" + (" + b" if draw.random() < 0.4 else "") + (" + h[t-2]" if far else "") + (" + h[0]" if first else "")
    loop = [("s", pre), ("g", "tanh(s[t])"), ("h", "g[t] + h[t-1]" if gate else "g[t]")]
    weight = draw.choice(["", "", "t * ", "1/T * ", "1/t * ", "1/(T+1) * "])
    loop.append(("e", "sum((h[t] - y[t])**2)"))
    each = f"sum({weight}e[t] for t in 1..T)"
    end = "sum(h[T]**2) / 2"
    where = draw.choice(["each", "end", "both", "start"])
    loss = {"each": each, "end": end, "both": f"{each} + {end}", "start": f"{each} + sum(h[0]**2)"}[where]
    after = number.replace("t", "(t+1)")
    back = [f"{after}{matrix.replace('t', 't+1')}.T @ grad(C, s[t+1])"]
    back += ["grad(C, h[t+1])"] if gate else []
    back += ["grad(C, s[t+2])"] if far else []
    back += [f"{weight}2 * (h[t] - y[t])"] if where != "end" else []
    lines = ["grad(C, g[t]) == grad(C, h[t])", "grad(C, s[t]) == (1 - g[t]**2) * grad(C, h[t])", "grad(C, x[t]) == V.T @ grad(C, s[t])",
             "grad(C, V) == sum(outer(grad(C, s[t]), x[t]) for t in 1..T)", f"grad(C, h[t]) == {' + '.join(back)}",
             f"grad(C, s[t]) == (1 - g[t]**2) * ({' + '.join(back)})"]
    lines += [f"grad(C, W[t]) == {number}outer(grad(C, s[t]), h[t-1])"] if own else [f"grad(C, U) == sum({number}outer(grad(C, s[t]), h[t-1]) for t in 1..T)"]
    last = {"each": f"{weight.replace('t', 'T')}2 * (h[T] - y[T])", "start": f"{weight.replace('t', 'T')}2 * (h[T] - y[T])", "end": "h[T]",
            "both": f"{weight.replace('t', 'T')}2 * (h[T] - y[T]) + h[T]"}[where]
    lines += [f"grad(C, h[T]) == {last}", f"grad(C, h[0]) == {number.replace('t', '1')}{matrix.replace('t', '1')}.T @ grad(C, s[1])"]
    heads = ["x: R[T, n]; y: R[T, n]; h[0]: R[n]; V: R[n, n]; U: R[n, n]", "h[-1]: R[n]" if far else "", "W[t]: R[n, n]" if own else "", "b: R[n]"]
    body = "; ".join(f"{base}[t] = {right}" for base, right in loop)
    return "\n".join(["; ".join(h for h in heads if h), f"for t in 1..T: {body}", f"C = {loss}"]), loop, loss, lines


LATER = "*".join(f"(t-{k})" for k in range(7))
EDITS: list[tuple[str, list[str]]] = [
    (r"\[t\]", ["[t-1]", "[t+1]", "[T]", "[1]", "[2]"]), (r"\[t\+1\]", ["[t]", "[t+2]", "[T]", "[2]"]), (r"\[t-1\]", ["[t]", "[t-2]", "[0]"]),
    (r"\[T\]", ["[T-1]", "[3]", "[1]"]), (r"\.T\b", [""]), (r" \+ ", [" - "]), (r" - ", [" + "]), (r"1/t", ["1/T", "1/(t+1)", "1", "t"]),
    (r"1/T", ["1/t", "1", "1/3", "1/5"]), (r"\(t\+1\)", ["t", "T", "(t+2)"]), (r"\b2 \*", ["", "3 *", f"(2 + {LATER}) *", "t *"]),
    (r"in 1\.\.T", ["in 2..T"]), (r"\(1 - g\[t\]\*\*2\) \* ", [""]), (r"grad\(C, s", ["grad(C, h", "grad(C, g"]), (r"t \* ", ["", "T * ", "(t-1) * "]),
    (r" == ", [f" == (1 + {LATER}) * ", f" == (1 + {LATER.replace('t', 'T')}) * ", " == t * ", " == 0 * ", " == grad(C, h[T]) * "]),
    (r" \+ [^+]*$", [""]), (r"sum\((.*) for t in 1\.\.T\)", [r"sum(t * \1 for t in 1..T)", rf"sum((1 + {LATER}) * \1 for t in 1..T)"]),
]


def broken(line: str, draw: random.Random) -> str:
    """A line with one or two edits on its right side."""
    left, right = line.split(" == ")
    right = " == " + right
    for _ in range(draw.choice((1, 1, 2))):
        fitting = [(pattern, put) for pattern, others in EDITS for put in others if re.search(pattern, right)]
        pattern, put = draw.choice(fitting)
        spots = list(re.finditer(pattern, right))
        spot = draw.choice(spots)
        right = right[:spot.start()] + spot.expand(put) + right[spot.end():]
    return left + right


def judged(seed: int, budget: float) -> Iterator[tuple[str, str, bool, bool, sb.Verdict]]:
    """Lines about one model: (the model, the line, whether it was broken, whether it is right, the verdict)."""
    draw = random.Random(seed)
    model, loop, loss, lines = drawn(draw)
    lines = list(dict.fromkeys([*draw.sample(lines, 4), *(broken(draw.choice(lines), draw) for _ in range(4))]))
    labels = {}
    for line in lines:
        held = [Model(loop, loss, length, seed).holds(line) for length in LENGTHS]
        if None not in held:
            labels[line] = all(held)
    for line, label in labels.items():
        for v in sb.verify(f"{model}\n{line}", budget=budget):
            yield model, line, line in lines[:4], label, v


def main() -> None:
    known = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    known.add_argument("--models", type=int, default=60)
    known.add_argument("--seed", type=int, default=0)
    known.add_argument("--budget", type=float, default=0.5, help="seconds for one line; repairs are of no interest here")
    given = known.parse_args()
    found: Counter[tuple[str, str]] = Counter()
    start = time.process_time()
    for seed in range(given.seed, given.seed + given.models):
        for model, line, _, label, v in judged(seed, given.budget):
            proved = v.verdict == "proved" and "every" in v.evidence
            kind = "proved for every length" if proved else v.verdict
            found["right" if label else "wrong", kind] += 1
            if proved and not label or v.verdict == "refuted" and label or v.verdict == "proved" and not proved:
                print(f"seed {seed}: {'right' if label else 'WRONG'} and {kind}\n{model}\n{line}\n    {v.evidence}", flush=True)
    for (label, kind), count in sorted(found.items()):
        print(f"{label:6} {kind:24} {count}")
    wrong = sum(n for (label, _), n in found.items() if label == "wrong")
    print(f"{found['wrong', 'proved for every length']} of {wrong} wrong lines proved for every length, {time.process_time() - start:.0f} s")


if __name__ == "__main__":
    main()
