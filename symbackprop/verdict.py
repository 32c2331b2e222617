"""A claim against the derivation -> `Verdict`: shapes first, then the normal form, then points of high precision.

Proved by equal normal forms only; refuted only by two shapes or a counterexample with both numbers; agreement at points
alone is confirmed, not proved.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field

import sympy as sp

from .errors import ShapeError, SymbackpropError
from .expr import Expr, Var, names_in, show_shape
from .algebra import scale, transpose
from .normal import is_equal
from .program import Claim, Program
from .reverse import bar, sweep
from .views import substitute, view

DIGITS, TOLERANCE, POINTS = 50, 1e-35, 3


@dataclass(frozen=True)
class Verdict:
    """proved, confirmed, refuted, undecided or error, with its evidence; `diagnosis` is None or kind, message, fix."""

    claim: str
    line: int | None
    column: int | None
    quantity: str
    verdict: str
    evidence: str
    assumptions: tuple[str, ...] = ()
    layout: str | None = None
    diagnosis: dict[str, str] | None = field(default=None)

    def as_json(self) -> dict[str, object]:
        return {"claim": self.claim, "line": self.line, "column": self.column, "quantity": self.quantity,
                "verdict": self.verdict, "layout": self.layout, "assumptions": list(self.assumptions),
                "evidence": self.evidence, "diagnosis": self.diagnosis}

    def __str__(self) -> str:
        text = f"line {self.line}: {self.verdict}: {self.claim}\n    {self.evidence}"
        if self.assumptions:
            text += "\n    assuming " + "; ".join(self.assumptions)
        if self.diagnosis:
            text += f"\n    {self.diagnosis['kind']}: {self.diagnosis['message']}"
        return text


def judge(program: Program) -> list[Verdict]:
    """The verdicts on a program's claims."""
    return [judge_claim(program, claim) for claim in program.claims]


def summary(verdicts: list[Verdict]) -> str:
    counts = Counter(v.verdict for v in verdicts)
    return ", ".join(f"{counts[k]} {k}" for k in ("proved", "confirmed", "refuted", "undecided", "error") if counts[k])


def judge_claim(program: Program, claim: Claim) -> Verdict:
    place = claim.place
    head = dict(claim=claim.text, line=place and place.line, column=place and place.column)
    if claim.error is not None:
        if isinstance(claim.error, ShapeError):
            return Verdict(**head, quantity="", verdict="refuted", evidence=claim.error.message,
                           diagnosis={"kind": "shape", "message": claim.error.hint or claim.error.message, "fix": ""})
        return Verdict(**head, quantity="", verdict="error", evidence=str(claim.error.message))
    quantity = claim.quantity or next((name for name in names_in(claim.left) if name.startswith("∂")), "").replace("∂", "d")
    head["quantity"] = quantity
    try:
        left, right = (expanded_side(program, side) for side in (claim.left, claim.right))
    except SymbackpropError as error:
        return Verdict(**head, verdict="undecided", evidence=error.message)
    assumptions = (*claim.assumptions, *(str(f) for f in program.facts))
    if left.shape != right.shape:
        return judge_shapes(program, head, left, right, assumptions)
    return judge_values(program, head, left, right, assumptions)


def expanded_side(program: Program, side: Expr) -> Expr:
    """A side of a claim in terms of the inputs: gradients derived, names written out."""
    forward: dict[str, Expr] = {}
    for equation in program.equations:
        forward[equation.name] = substitute(equation.expr, forward)
    values = dict(forward)
    for name in names_in(side):
        if name.startswith("∂"):
            loss, wrt = (part.removeprefix("∂") for part in name.split("/"))
            backward = sweep(program, loss, (wrt,))
            found = next(e.expr for e in view(program, backward, "expanded") if e.name == bar(wrt))
            values[name] = substitute(found, forward)
    return substitute(side, values)


def judge_shapes(program: Program, head: dict, left: Expr, right: Expr, assumptions: tuple[str, ...]) -> Verdict:
    shapes = f"the left side is {show_shape(left.shape)}, the right side is {show_shape(right.shape)}"
    if left.rank == 2 and left.shape == right.shape[::-1]:
        turned = judge_values(program, head, left, transpose(right), assumptions)
        if turned.verdict in ("proved", "confirmed"):
            message = "right up to a transpose: this is numerator layout"
            return Verdict(**head, verdict=turned.verdict, evidence=turned.evidence, assumptions=assumptions, layout="numerator",
                           diagnosis={"kind": "layout", "message": message, "fix": transposed_claim(head["claim"])})
    return Verdict(**head, verdict="refuted", evidence=shapes, assumptions=assumptions,
                   diagnosis={"kind": "shape", "message": shapes, "fix": ""})


def transposed_claim(claim: str) -> str:
    left, _, right = claim.partition("==")
    return f"{left.strip()} == ({right.strip()}).T"


def judge_values(program: Program, head: dict, left: Expr, right: Expr, assumptions: tuple[str, ...]) -> Verdict:
    if is_equal(left, right, program.facts):
        return Verdict(**head, verdict="proved", evidence="both sides have the same normal form, for all sizes and values",
                       assumptions=assumptions, layout="denominator")
    try:
        worst, points, witness = compare_at_points(program, left, right)
    except (SymbackpropError, ArithmeticError, ValueError) as error:
        return Verdict(**head, verdict="undecided", evidence=f"no proof, and no points to compare at: {error}", assumptions=assumptions)
    if witness is None:
        return Verdict(**head, verdict="confirmed", assumptions=assumptions, layout="denominator",
                       evidence=f"no difference at {points} points of {DIGITS} digits (at most {float(worst):.0e}); not a proof")
    return Verdict(**head, verdict="refuted", evidence=witness, assumptions=assumptions,
                   diagnosis=diagnose(program, left, right, head["claim"]))


def compare_at_points(program: Program, left: Expr, right: Expr) -> tuple[object, int, str | None]:
    """(largest relative difference, points tried, the counterexample or None)."""
    import numpy as np

    from .numeric import Precise, evaluate
    from .points import bind_sizes, draw
    field, worst, count = Precise(DIGITS), 0, 0
    for sizes in bind_sizes(program, {}):
        for seed in range(POINTS):
            values = draw(program, sizes, seed)
            values = values[0] if isinstance(values, tuple) else values
            a, b = (np.atleast_1d(evaluate(side, values, sizes, field)) for side in (left, right))
            count += 1
            scale_of = max([abs(v) for v in a.ravel()] + [abs(v) for v in b.ravel()] + [field.number(1) if hasattr(field, "number") else 1])
            gaps = [abs(x - y) / scale_of for x, y in zip(a.ravel(), b.ravel())]
            at = max(range(len(gaps)), key=gaps.__getitem__)
            worst = max(worst, gaps[at])
            if gaps[at] > TOLERANCE:
                entry = ", ".join(str(i) for i in np.unravel_index(at, a.shape))
                said = ", ".join(f"{k}={v}" for k, v in sizes.items())
                return worst, count, (f"differs at entry [{entry}]{' for ' + said if said else ''}, seed {seed}: "
                                      f"the left side is {float(a.ravel()[at]):.6g}, the right side {float(b.ravel()[at]):.6g}")
    return worst, count, None


def diagnose(program: Program, left: Expr, right: Expr, claim: str) -> dict[str, str] | None:
    """Sign, constant factor or transpose: the first that makes the claim right."""
    said_left, _, said_right = (part.strip() for part in claim.partition("=="))
    if is_equal(left, scale(-1, right), program.facts):
        return {"kind": "sign", "message": "the sign is wrong", "fix": f"{said_left} == -({said_right})"}
    for factor in (sp.Rational(1, 2), sp.Integer(2), *size_factors(program)):
        if is_equal(left, scale(factor, right), program.facts):
            return {"kind": "scale", "message": f"a factor {factor} is missing", "fix": f"{said_left} == {factor} * ({said_right})"}
    if left.rank == 2 and left.shape == left.shape[::-1] and is_equal(left, transpose(right), program.facts):
        return {"kind": "missing-transpose", "message": "right after a transpose", "fix": transposed_claim(claim)}
    return None


def size_factors(program: Program) -> list[sp.Expr]:
    symbols = sorted({s for v in program.inputs.values() for d in v.shape for s in d.free_symbols}, key=str)
    numbers = sorted({int(d) for v in program.inputs.values() for d in v.shape if d.is_Integer and d > 1})
    return [f for s in (*symbols, *map(sp.Integer, numbers)) for f in (1 / s, s)]
