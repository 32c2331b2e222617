"""The smallest edit of the user's own formula that makes a wrong claim right.

Edits come from the table of known mistakes; each is read again in the claim's place, tried at two points, and only then
judged like any claim. Likely and small ones go first; pairs of edits follow where no single one helps.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import lru_cache
from typing import TYPE_CHECKING

import sympy as sp

from ..budget import OutOfTime, left as time_left, limit
from ..errors import SymbackpropError
from ..expr import Expr, Map, Shape, Var, names_in, size, walk
from ..points import size_names
from ..program import Claim, is_activation
from .edits import orders
from .formula import Edit, Formula, Slope, Word
from .mistakes import MISTAKES, Mistake, edits_of, pairs_of
from .parts import Part, of_python, of_tex
from .ratios import constant_ratio
from .restate import remainder, restated
from .spelling import Python, Tex
from .truth import is_quantity, parts_of

if TYPE_CHECKING:
    from .judging import Judge

Found = tuple[dict[str, str], tuple[tuple[int, int], ...]]
PAIR_POOL, PAIR_TIME, RESERVE = 60, 0.5, 0.45
LABEL = re.compile(r"[_^]\{?\(?\[?([a-z](?:\s*[+-]\s*1)?)(?=[\]\)}\s]|$|[^A-Za-z])")


def formula_of(claim: Claim) -> Formula | None:
    """The right side as text and parts, without words yet."""
    if claim.right_span is None:
        return None
    a, b = claim.right_span
    text = claim.origin[a:b]
    try:
        if isinstance(claim.tree, str) or type(claim.tree).__module__ == "ast":
            return Formula(text, of_python(text), Python(text))
        root = of_tex(claim.tree, claim.origin)
    except (SyntaxError, ValueError, RecursionError):
        return None
    return Formula(text, shifted(root, a), Tex(text, claim.origin))


def shifted(part: Part, by: int) -> Part:
    move = lambda span: (span[0] - by, span[1] - by) if span != (0, 0) else span
    return Part(part.kind, move(part.span), tuple(shifted(p, by) for p in part.parts), part.ops, part.name, move(part.head))


def with_words(judge: Judge, claim: Claim, formula: Formula, ratio: sp.Expr | None) -> Formula:
    """The formula with what its model offers for edits: tensors, slopes of activations, constants, labels."""
    program, is_tex = judge.program, isinstance(formula.spell, Tex)
    spelled = speller(program) if is_tex else at_step(program, claim)
    variables = {**program.inputs, **{e.name: e.var for e in program.equations}}
    words = [Word(spelled(name), name, var.rank, shape=var.shape) for name, var in variables.items()]
    words += [Word(t, v.name, v.rank, shape=v.shape) for t, v in quantities(judge, claim, is_tex)]
    scripted = scripted_in(claim.origin[:20000]) if is_tex else ()
    scripted = (*scripted, *indexed(claim, scripted, program, spelled)) if is_tex else ()
    words += [Word(t, t, 0) for t in scripted] + [Word(n, n, 0, True) for n in size_names(program)]
    kept = tuple({w.text: w for w in reversed(words) if is_tex or w.text and w.name.isidentifier() or "grad(" in w.text}.values())[::-1]
    active = [e for e in program.equations if is_activation(e.expr) and type(e.expr.args[0]) is Var]
    active = [e for e in active if spelled(e.name)]
    slopes = dict.fromkeys(s for e in active for s in slopes_of(e.expr, spelled(e.expr.args[0].name), spelled(e.name), is_tex))
    slopes |= dict.fromkeys(s for s in scripted_slopes(active, scripted, spelled))
    slopes |= dict.fromkeys(s for node in inner_activations(program) for z in (spelled(node.args[0].name),)
                            for s in slopes_of(node, z, applied(node, z, is_tex), is_tex))
    labels = tuple(dict.fromkeys((*LABEL.findall(claim.origin[:20000]), *letters_in(claim.text)))) if is_tex else ()
    sizes = [x for n in size_names(program)[:4] for x in (1 / size(n), size(n))]
    constants = (sp.Integer(2), sp.Rational(1, 2), *sizes)
    factors = (1 / ratio,) if ratio not in (None, 0) else ()
    rest: tuple[str, ...] = ()
    if claim.right is not None and claim.left is not None and claim.right.shape == claim.left.shape:
        rest = tuple(remainder(program, judge.truth, claim.left, claim.right, is_tex, spoken_by(judge, claim, is_tex)))
    fits = claim.right is not None and claim.left is not None and claim.right.shape == claim.left.shape
    known = not (is_tex and has_indices(claim, program))
    return Formula(formula.text, formula.root, formula.spell, kept, tuple(slopes), factors, constants, labels[:8], rest,
                   lru_cache(lambda part: shape_read(claim, formula, part)) if fits and known else lambda part: None, fits and known)


def speller(program: Program) -> Callable[[str], str]:
    """How names are written in LaTeX: as the document has them, else as the writer has them (`yhat` as \\hat{y})."""
    from ..tex.write import LatexWriter
    writer = LatexWriter(symbols=program.names)
    return lambda name: program.names.get(name) or writer.symbol(name)


def at_step(program: Program, claim: Claim) -> Callable[[str], str]:
    """How names are written in Python: `a[l-1]` beside a claim about step l, nothing where no such spelling is near."""
    length = program.length

    def spelled(name: str) -> str:
        if length is None or name not in length.levels:
            return name
        base, step = length.levels[name]
        away = step - (length.number if claim.step is None else claim.step)
        letter = length.end if claim.step is None else length.letter
        return f"{base}[{letter}{f'{away:+d}' if away else ''}]" if abs(away) < 2 else ""
    return spelled


def letters_in(text: str) -> list[str]:
    """The single letters of a claim's subscripts."""
    return [c for group in re.findall(r"_\{?([a-z]{1,2})(?![A-Za-z])", text) for c in group]


def has_indices(claim: Claim, program: Program) -> bool:
    """Whether a claim speaks of entries: names with letters for indices, other than those that are names as they stand."""
    spelled = "".join(program.names.values())
    return any(m.group() not in spelled for m in re.finditer(r"_\{?[a-z]{1,2}(?![A-Za-z0-9^])", claim.text))


def shape_read(claim: Claim, formula: Formula, part: Part) -> Shape | None:
    """The shape of a part as the reader has it; None where it cannot be read alone."""
    try:
        return claim.reread(formula.of(part)).shape
    except SymbackpropError:
        return None


def indexed(claim: Claim, scripted: tuple[str, ...], program: Program, spelled: Callable[[str], str]) -> list[str]:
    """Names at the free indices of an entrywise claim: `x_j`, `x_j^{(i)}` for \\partial \\theta_j."""
    left = claim.text.partition("=")[0]
    letters = dict.fromkeys(c for group in re.findall(r"_\{?([a-z]{1,2})\b", left) for c in group)
    plain = [spelled(n) for n, v in program.inputs.items() if v.rank and "_" not in spelled(n)]
    return [f"{w.partition('^')[0]}_{c}{'^' + w.partition('^')[2] if '^' in w else ''}" for c in letters
            for w in (*plain, *(s for s in scripted if "_" not in s))]


def spoken_by(judge: Judge, claim: Claim, is_tex: bool) -> dict[str, str]:
    """Quantity -> its spelling, for those that a right side may name."""
    own = getattr(claim.left, "name", "")
    return {var.name: text for text, var in quantities(judge, claim, is_tex) if var.name != own}


def scripted_slopes(active: list, scripted: tuple[str, ...], spelled: Callable[[str], str]) -> list[Slope]:
    """`\\sigma'(z^l)` for the names with scripts that look like pre-activations; `h_i (1 - h_i)` for entries of activations."""
    made = []
    for e in {e.expr.function: e for e in active if hasattr(e.expr, "function")}.values():
        z, h = (spelled(n)[:1] for n in (e.expr.args[0].name, e.name))
        for word in scripted:
            if word[:1] == z:
                made += slopes_of(e.expr, word, h + word[1:], True)
    for e in active:
        z, h = spelled(e.expr.args[0].name), spelled(e.name)
        for word in scripted:
            if word.startswith(h + "_") and "_" not in h:
                made += slopes_of(e.expr, z + word[len(h):], word, True)
    return made


def quantities(judge: Judge, claim: Claim, is_tex: bool) -> list[tuple[str, Var]]:
    """(spelling, quantity) of the derivatives that earlier lines name; in Python of every one between."""
    found = []
    for name, standing in judge.standing.items():
        text = standing.claim.text.partition("=")[0].strip().rstrip(":&").strip()
        if text and standing.claim is not claim and not re.search(r"_\{?[a-z]{2}\b", text):
            found.append((text, Var(name, judge.truth.equation(name).shape)))
    if not is_tex and type(claim.left) is Var and claim.left.name.count("/") == 1:
        loss = parts_of(claim.left.name)[0]
        spelled = at_step(judge.program, claim)
        found += [(f"grad({loss}, {spelled(e.name)})", Var(f"∂{loss}/∂{e.name}", e.expr.shape)) for e in judge.program.equations
                  if spelled(e.name) and e.name != loss and e.place is not None and f"∂{loss}/∂{e.name}" != claim.left.name]
    return found


@lru_cache(maxsize=16)
def scripted_in(text: str) -> tuple[str, ...]:
    script = r"(?:[_^](?:\{[^{}]{1,8}\}|\([a-z]\)|[A-Za-z0-9]))"
    found = re.findall(rf"(?:\\?[A-Za-z]+|\\[a-z]+\{{[^{{}}]*\}}){script}{{1,2}}", text)
    kept = [w for w in dict.fromkeys(found) if not re.search(r"\\(sum|prod|in|mathbb|frac|top|partial|nabla|[lr]Vert|left|right)", w) and "\\top" not in w and "^T" not in w]
    return tuple(kept[:24])


PYTHON_SLOPES = {"sigmoid": "{h} * (1 - {h})", "tanh": "(1 - {h}**2)", "relu": "({z} > 0)", "softplus": "sigmoid({z})"}
TEX_HEADS = {"sigmoid": r"\sigma", "tanh": r"\tanh"}
TEX_SLOPES = {"sigmoid": (r"\sigma'({z})", r"{h} \odot (1 - {h})"), "tanh": (r"(1 - {h}^2)", r"\tanh'({z})"),
              "relu": (r"\mathbf{{1}}[{z} > 0]",)}


def inner_activations(program: Program) -> list[Expr]:
    """Activations of a name that have no name of their own: the tanh(c) of `o * tanh(c)`."""
    found = (n for e in program.equations if not is_activation(e.expr) for n in walk(e.expr))
    return [n for n in dict.fromkeys(found) if is_activation(n) and type(n) is Map and type(n.args[0]) is Var][:6]


def applied(node: Expr, z: str, is_tex: bool) -> str:
    """f(z) as it is written."""
    name = node.function.name
    return f"{TEX_HEADS.get(name, chr(92) + 'operatorname{' + name + '}') if is_tex else name}({z})"


def slopes_of(node: Expr, z: str, h: str, is_tex: bool) -> list[Slope]:
    """f′ at a pre-activation in the user's notation, z and h as they are spelled."""
    f = getattr(node, "function", None)
    if f is None:
        return []
    if not is_tex:
        form = PYTHON_SLOPES.get(f.name) or (f"{f.name}_prime({{z}})" if f.opaque else None)
        return [Slope(form.format(z=z, h=h), z, h, node.shape)] if form else []
    forms = TEX_SLOPES.get(f.name) or ("%s'({z})" % ("\\" + f.name if len(f.name) > 1 else f.name),)
    return [Slope(form.format(z=z, h=h), z, h, node.shape) for form in forms]


class Search:
    """One claim under repair."""

    def __init__(self, judge: Judge, claim: Claim, left: Expr) -> None:
        self.judge, self.claim, self.left = judge, claim, left
        self.others = [c for c in judge.program.claims if c is not claim and c.reread is not None and c.left is not None
                       and (c.text, c.place) == (claim.text, claim.place)]
        self.sides = {left.shape: left}
        names = [v for n, v in names_in(left).items() if is_quantity(n)]
        if type(left) is not Var and len(names) == 1 and left.shape == (*names[0].shape, 1):
            self.sides[names[0].shape] = names[0]  # a column beside what is no vector; beside a vector it is one
        self.tried: set[str] = {claim.origin[slice(*claim.right_span)]} if claim.right_span else set()

    def verifies(self, text: str) -> bool:
        """Whether an edited right side is right."""
        if text in self.tried:
            return False
        self.tried.add(text)
        try:
            right = self.claim.reread(text)
            return self.judge.is_right(self.sides.get(right.shape, self.left), right) and all(
                self.judge.is_right(c.left, c.reread(text)) for c in self.others) and self.holds_at_another_length(text)
        except SymbackpropError:
            return False

    def holds_at_another_length(self, text: str) -> bool:
        """Whether a repair is one in a deeper model too, where this one stands for every depth."""
        other = self.judge.longer
        same = [c for c in other.program.claims if (c.text, c.place) == (self.claim.text, self.claim.place)] if other else []
        return all(c.left is not None and c.reread is not None and other.is_right(c.left, c.reread(text)) for c in same)

    def first(self, formula: Formula, edits: object, until: float) -> tuple[Mistake, Edit] | None:
        for _, row, edit in edits:
            if time_left() < until:
                return None
            if self.verifies(edit.apply(formula.text)):
                return row, edit
        return None


def repaired(judge: Judge, claim: Claim, left: Expr) -> Found | None:
    """The diagnosis of a wrong claim with its fix, and the parts of the claim to mark; None where none was found."""
    formula = formula_of(claim)
    if formula is None or claim.reread is None:
        return None
    search = Search(judge, claim, left)
    try:
        ratio = None
        if claim.right is not None and claim.right.shape == left.shape:
            ratio = constant_ratio(judge.bench, left, judge.reading(claim.right, "meant"), judge.program)
        formula = with_words(judge, claim, formula, ratio)
        singles = edits_of(formula)
        if left.rank == 2 and claim.right is not None and is_vector(claim.right):
            singles.sort(key=lambda s: (s[1].kind != "missing-outer-product", s[0]))
        if ratio is not None and ratio not in (1, 0):
            kinds = ("sign",) if ratio == -1 else ("scale", "sign", "extra-factor", "missing-factor")
            singles.sort(key=lambda s: (s[1].kind not in kinds, s[0]))
        found = search.first(formula, singles, RESERVE)
        if found is None and time_left() > RESERVE:
            with limit(PAIR_TIME):
                found = search.first(formula, pairs_of(singles, PAIR_POOL), 0)
        if found is None:
            return rewritten(judge, claim, left, formula, search)
    except OutOfTime:
        return None
    return told(claim, formula, *found) if found is not None else None


def rewritten(judge: Judge, claim: Claim, left: Expr, formula: Formula, search: Search) -> Found | None:
    """The right formula in the user's notation, where no small edit was found."""
    is_tex = isinstance(formula.spell, Tex)
    spoken, left = spoken_by(judge, claim, is_tex), list(search.sides.values())[-1]
    with limit(RESERVE + 0.5):
        for text in restated(judge.program, judge.truth, claim, left, is_tex, spoken):
            if search.verifies(text):
                said = {"kind": "other", "message": "no small change makes it right; this is what it should be", "fix": with_right(claim, text)}
                offset = claim.text.rfind(formula.text)
                return said, ((offset, offset + len(formula.text)),) if offset >= 0 else ()
    return None


def is_vector(right: Expr) -> bool:
    return sum(d != 1 for d in right.shape) <= 1


def told(claim: Claim, formula: Formula, row: Mistake, edit: Edit) -> Found:
    """The diagnosis in words, with the whole claim as it should be."""
    a, b = claim.right_span
    offset = claim.text.rfind(formula.text)
    marks = tuple(edit.mark and [edit.mark] or [span for span, _ in edit.changes])
    shown = tuple((x + offset, y + offset) for x, y in marks) if offset >= 0 else ()
    return {"kind": row.kind, "message": row.said(edit.about), "fix": with_right(claim, edit.apply(formula.text))}, shown


def with_right(claim: Claim, right: str) -> str:
    """The claim with another right side."""
    old = claim.origin[slice(*claim.right_span)] if claim.right_span else ""
    at = claim.text.rfind(old) if old else -1
    if at >= 0:
        return claim.text[:at] + right + claim.text[at + len(old):]
    left = claim.text.partition("=")[0].rstrip(" =:")
    return f"{left} = {' '.join(right.split())}"


def transposed_right(judge: Judge, claim: Claim, left: Expr) -> str:
    """The claim with its right side transposed: its factors in the other order, or a transpose around the whole."""
    formula = formula_of(claim)
    if formula is None:
        return ""
    if claim.reread is not None:
        swaps = [(0.0, row, edit) for row in MISTAKES if row.edits is orders for edit in row.edits(formula)]
        found = Search(judge, claim, left).first(formula, swaps, RESERVE)
        if found is not None:
            return with_right(claim, found[1].apply(formula.text))
    root = formula.root
    if root.kind == "transpose":
        return with_right(claim, formula.spell.untransposed(root))
    return with_right(claim, formula.spell.transposed(formula.text if root.kind in ("group", "name", "call") else f"({formula.text})"))
