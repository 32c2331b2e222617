"""The formulas of `tests/formulas`: documents in the notation of their sources, each claim with its verdict.

A document is LaTeX; its lines `%%` say what LaTeX does not print. `%% name | source` begins one, `%% given` lists its
arrays, `%% numpy` says the same model in NumPy, and `%% right` or `%% wrong kind` stands over each claim with the NumPy
value of its right side. So each label is decided by central differences of that code, and never by what is tested.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

ROOT = Path(__file__).parent / "formulas"
_GIVEN = re.compile(r"(\w+)\(([\d, ]*)\)(?::(\w+))?")


@dataclass(frozen=True)
class Label:
    """What is known of one claim: `target` is `dC/dW`, a second derivative `d2C/dx/dx`, or `=` and a NumPy value."""

    line: int
    kind: str
    target: str
    value: str
    mistake: str = ""

    @property
    def is_right(self) -> bool:
        return not self.kind


@dataclass
class Formulas:
    """One document: its text, the arrays and code of its model, and its claims in order."""

    name: str
    source: str
    lines: list[str] = field(default_factory=list)
    given: dict[str, tuple[tuple[int, ...], str]] = field(default_factory=dict)
    code: list[str] = field(default_factory=list)
    labels: list[Label] = field(default_factory=list)

    @property
    def text(self) -> str:
        return "\n".join(self.lines)


def corpus() -> list[Formulas]:
    return [d for path in sorted(ROOT.glob("*.tex")) for d in documents(path.read_text(encoding="utf-8"))]


def documents(text: str) -> Iterator[Formulas]:
    found: Formulas | None = None
    for line in text.splitlines():
        word, _, rest = line.removeprefix("%%").strip().partition(" ")
        if line.startswith("%%") and "|" in line and word not in ("given", "numpy", "right", "wrong"):
            if found:
                yield found
            name, _, source = line.removeprefix("%%").partition("|")
            found = Formulas(name.strip(), source.strip())
        elif line.startswith("%%"):
            marked(found, word, rest)
        elif found and line.strip():
            found.lines.append(line)
    if found:
        yield found


def marked(found: Formulas, word: str, rest: str) -> None:
    """One `%%` line of a document."""
    if word == "given":
        found.given |= {n: (tuple(int(d) for d in s.split(",") if d.strip()), kind) for n, s, kind in _GIVEN.findall(rest)}
    elif word == "numpy":
        found.code += [s.strip() for s in rest.split(";")]
    else:
        head, value, *mistake = [part.strip() for part in rest.split(" :: ")]
        kind, _, target = head.rpartition(" ")
        assert word in ("right", "wrong") and bool(kind) == (word == "wrong"), rest
        found.labels.append(Label(len(found.lines) + 1, kind, target, value, *mistake))


# --- the oracle ---------------------------------------------------------------------------------------------------------

def softmax(z: np.ndarray, axis: int = -1) -> np.ndarray:
    e = np.exp(z - z.max(axis=axis, keepdims=True))
    return e / e.sum(axis=axis, keepdims=True)


def sig(z: np.ndarray) -> np.ndarray:
    return 1 / (1 + np.exp(-z))


WORDS = {"np": np, "softmax": softmax, "sig": sig, "tanh": np.tanh, "exp": np.exp, "log": np.log, "outer": np.outer,
         "inv": np.linalg.inv, "det": np.linalg.det, "tr": np.trace, "diag": np.diag, "kron": np.kron, "ein": np.einsum,
         "relu": lambda z: np.maximum(z, 0), "vec": lambda a: a.T.reshape(-1), "eye": np.eye, "ones": np.ones,
         "cat": np.concatenate, "sqrt": np.sqrt, "zeros": np.zeros, "sum": np.sum, "abs": np.abs, "pi": np.pi}


def drawn(document: Formulas, seed: int) -> dict[str, np.ndarray]:
    """Random arrays of the kinds that the document needs."""
    rng = np.random.default_rng(seed)
    out = {}
    for name, (shape, kind) in document.given.items():
        a = rng.normal(size=shape)
        out[name] = {"": lambda a: a, "pos": lambda a: 0.5 + np.abs(a), "sym": lambda a: a + a.T,
                     "spd": lambda a: a @ a.T + np.eye(len(a)),
                     "posdet": lambda a: a @ a.T + np.eye(len(a)) + a - a.T, "unit": lambda a: sig(a), "sums": lambda a: softmax(a),
                     "onehot": lambda a: (a == a.max(axis=-1, keepdims=True)) * 1.0, "signs": lambda a: np.sign(a),
                     "columns": lambda a: softmax(a, 0)}[kind](a)
    return out


class Oracle:
    """The model of a document at one point, in NumPy."""

    def __init__(self, document: Formulas, seed: int) -> None:
        self.document, self.data = document, drawn(document, seed)
        self.names = WORDS | self.run("", np.zeros(()))

    def run(self, name: str, nudge: np.ndarray) -> dict[str, np.ndarray]:
        """Every value of the model, `name` moved by `nudge` where it is given or defined."""
        known = {n: a + nudge if n == name else a for n, a in self.data.items()}
        for line in self.document.code:
            left, _, right = line.partition(" = ")
            known[left] = eval(right, WORDS | known)  # the corpus is our own
            if left == name:
                known[left] = known[left] + nudge
        return known

    def derivative(self, top: str, *by: str, step: float = 1e-5) -> np.ndarray:
        """∂top/∂by by central differences, the axes of `top` first and those of a scalar none."""
        *outer_names, name = by
        base = np.asarray(self.names[name] if name in self.names else self.data[name], dtype=float)
        parts = []
        for place in np.ndindex(base.shape):
            nudge = np.zeros(base.shape)
            nudge[place] = step
            high, low = (np.asarray(self.moved(name, sign * nudge, top, outer_names)) for sign in (1, -1))
            parts.append((high - low) / (2 * step))
        return np.moveaxis(np.array(parts), 0, -1).reshape((*parts[0].shape, *base.shape))

    def moved(self, name: str, nudge: np.ndarray, top: str, outer_names: list[str]) -> np.ndarray:
        if not outer_names:
            return np.asarray(self.run(name, nudge)[top], dtype=float)
        other = Oracle.__new__(Oracle)
        other.document, other.data = self.document, self.data | {name: self.data[name] + nudge}
        other.names = WORDS | other.run("", np.zeros(()))
        return other.derivative(top, *outer_names, step=1e-4)

    def sides(self, label: Label) -> tuple[np.ndarray, np.ndarray]:
        """The derivative and what is claimed to be it. In a claim `d("z")` is that of the last scalar, `jac("y", "x")` any."""
        loss = self.document.code[-1].partition(" = ")[0]
        words = self.names | {"d": lambda name: self.derivative(loss, name), "jac": self.derivative}
        claimed = np.asarray(eval(label.value, words), dtype=float)
        if label.target.startswith("="):
            return np.asarray(eval(label.target[1:], words), dtype=float), claimed
        top, *by = label.target.removeprefix("d2" if label.target.startswith("d2") else "d").split("/d")
        return self.derivative(top, *by), claimed


def holds(document: Formulas, label: Label) -> bool:
    """Whether a claim is right at two points, as NumPy sees it. What NumPy cannot form is not."""
    def at(seed: int) -> bool:
        try:
            truth, claimed = Oracle(document, seed).sides(label)
        except ValueError:
            return False
        return truth.shape == claimed.shape and np.allclose(truth, claimed, rtol=2e-4, atol=2e-5)
    return at(1) and at(2)
