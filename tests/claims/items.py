"""One-claim documents: a model, its claim mutated or rewritten, as text, with the oracle's word on whether it is right."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from random import Random

import mpmath
import numpy as np

from .context import Context
from .entries import FREE, EntryTex, TooDeep, entry_of, index_mutated, indices_fit, values
from .meaning import Meaning
from .models import SIZES, Model, all_models
from .mutants import mutated
from .rewrites import rewritten
from .spell import Python, Tex, as_matrices
from .tree import Node, name, read
from .truth import POINTS, Truth, data

PLAIN: dict[str, str] = {}
PYTHON_NAMES = (PLAIN, {"x": "inp", "W": "W1", "V": "W2", "z": "z1", "h": "hid", "u": "z2", "p": "yhat", "b": "b1", "c": "b2", "y": "target"},
                {"X": "data", "W": "weights", "Z": "pre", "H": "acts", "P": "probs", "Y": "labels", "C": "loss", "x": "features"})
TEX_NAMES = (PLAIN, {"W": "W_1", "V": "W_2", "z": "z_1", "u": "z_2", "h": "a_1", "p": r"\hat{y}", "b": "b_1", "c": "b_2", "Z": "Z_1", "H": "A_1", "U": "Z_2", "P": r"\hat{Y}"},
             {"W": r"\mathbf{W}", "V": r"\mathbf{V}", "x": r"\mathbf{x}", "h": r"\mathbf{h}", "X": r"\mathbf{X}"},
             {"W": "W^{(1)}", "V": "W^{(2)}", "z": "z^{(1)}", "u": "z^{(2)}", "h": "a^{(1)}", "b": "b^{(1)}", "c": "b^{(2)}", "Z": "Z^{(1)}", "H": "A^{(1)}"})
CLOSE, EXACT = 1e-8, 1e-25


@dataclass(frozen=True)
class Item:
    """`label` is right, wrong, layout (right up to a transpose) or shape (no value, or one of another shape)."""

    number: int
    model: str
    what: str
    syntax: str
    text: str
    claim: str
    made_by: tuple[str, ...]
    kinds: frozenset[str]
    label: str
    names: tuple[str, ...]
    tree: Node


@lru_cache(maxsize=1)
def models() -> list[Model]:
    return all_models()


@lru_cache(maxsize=4)
def truth(model: int, which: int) -> Truth:
    found = models()[model]
    return Truth(found, POINTS[which], data(found, POINTS[which], which))


def item(number: int, seed: int, wrong: bool) -> Item | None:
    """The item of a number; None where nothing fits (no mutant, no index form)."""
    rng = Random(f"{seed} {number} {wrong}")
    at = number % len(models())
    model = models()[at]
    what, right = rng.choice(model.claims)
    syntax = rng.choice(("python", "latex", "latex", "index") if not wrong else ("python", "python", "latex", "latex", "index"))
    tree = read(right, SIZES)
    context = Context(model, syntax == "latex")
    if syntax == "latex":
        tree = as_matrices(tree, model.shapes)
    tree, made_by = rewritten(tree, context, rng, rng.choice((0, 0, 1)) if wrong else rng.choice((1, 1, 2, 3)))
    kinds: frozenset[str] = frozenset()
    try:
        if syntax == "index":
            tree = entry_of(tree, tuple(FREE[:len(model.shapes[what])]), model.shapes)
            made_by = [*made_by, "index form"]
        if wrong:
            change = index_mutated if syntax == "index" and rng.random() < 0.4 else mutated
            mutant = change(tree, context, rng) if syntax != "index" or change is index_mutated else on_tree(read(right, SIZES), context, rng, what)
            if mutant is None:
                return None
            tree, kinds, made_by = mutant.tree, mutant.kinds, [mutant.row]
    except (TooDeep, ValueError):
        return None
    names = rng.choice(PYTHON_NAMES if syntax == "python" else tex_names(model)) if syntax != "index" else PLAIN
    if names and not wrong:
        made_by = [*made_by, "renamed"]
    if not made_by:
        return None
    return written(number, at, what, syntax, tree, tuple(made_by), kinds, names, rng)


def tex_names(model: Model) -> list[dict[str, str]]:
    """The tables under which no name of the loss gets a second script."""
    return [t for t in TEX_NAMES if not any("{" + n + "}" + sign in model.loss and sign in said for n, said in t.items() for sign in "_^")]


def on_tree(tree: Node, context: Context, rng: Random, what: str) -> object:
    """A mutant of the whole formula, entry by entry afterwards."""
    mutant = mutated(tree, context, rng)
    return mutant and mutant._replace(tree=entry_of(mutant.tree, tuple(FREE[:len(context.model.shapes[what])]), context.model.shapes))


def written(number: int, at: int, what: str, syntax: str, tree: Node, made_by: tuple[str, ...], kinds: frozenset[str], names: dict[str, str], rng: Random) -> Item:
    model = models()[at]
    if syntax == "python":
        writer, text = Python(names), model.python(names)
        claim = f"{writer.spell(Node('grad', (), what))} == {writer.spell(tree)}"
    else:
        kind = EntryTex if syntax == "index" else Tex
        had, top = rng.choice(((r"\odot", r"^\top"), (r"\odot", "^T"), (r"\circ", "^T"), (r"\odot", r"^{\top}")))
        writer = kind({k: v for k, v in names.items() if k != "C"}, had=had, top=top)
        text = model.tex(Tex(writer.names, had=had, top=top))
        left = Node("grad", (), what) if syntax == "latex" else Node("entry", (), ("grad", what, tuple(FREE[:len(model.shapes[what])])))
        claim = f"{writer.spell(left)} = {writer.spell(tree)}"
    given = tuple(names.get(n, n) for n in model.given)
    return Item(number, model.title, what, syntax, text, claim, made_by, kinds, label(at, what, syntax, tree), given, tree)


# --- the oracle's word ---

def label(at: int, what: str, syntax: str, tree: Node) -> str:
    found = [said(truth(at, which), what, syntax, tree) for which in range(len(POINTS))[:1]]
    if found[0] in ("right", "layout"):
        found += [said(truth(at, which), what, syntax, tree) for which in (1, 2)]
    return found[0] if len(set(found)) == 1 else "wrong"


def gradients_read(tree: Node) -> set[str]:
    return {n.value for _, n in tree.walk() if n.op == "grad"} | {n.value[1] for _, n in tree.walk() if n.op == "entry" and n.value[0] == "grad"}


def said(point: Truth, what: str, syntax: str, tree: Node) -> str:
    """right, layout, wrong or shape at one point; a small difference is looked at with 60 digits."""
    found = compared(point, what, syntax, tree, False)
    return compared(point, what, syntax, tree, True) if found in ("right", "layout") else found


def compared(point: Truth, what: str, syntax: str, tree: Node, precise: bool) -> str:
    matrices = syntax == "latex"
    meaning = point.meaning(gradients_read(tree), precise, matrices)
    true = Meaning({"it": point.gradient(what)}, point.sizes, precise, matrices).of(name("it"))
    try:
        if syntax == "index" and not indices_fit(tree, dict(zip(FREE, point.model.shapes[what])), point.model.shapes):
            return "shape"
        value = values(tree, meaning, true.shape) if syntax == "index" else meaning.of(tree)
    except (ValueError, IndexError):
        return "shape"
    except (ArithmeticError, TypeError):
        return "wrong"
    if is_near(value, true, precise):
        return "right"
    if value.ndim == 2 and value.shape == true.shape[::-1] and is_near(value.T, true, precise):
        return "layout"
    return "wrong" if value.shape == true.shape else "shape"


def is_near(value: np.ndarray, true: np.ndarray, precise: bool) -> bool:
    if value.shape != true.shape:
        return False
    if precise and not all(isinstance(v, mpmath.mpf) for v in value.ravel()):
        return False
    gap = max((abs(a - b) for a, b in zip(value.ravel(), true.ravel())), default=0)
    return bool(gap <= (EXACT if precise else CLOSE) * max(1, max(abs(t) for t in true.ravel())))
