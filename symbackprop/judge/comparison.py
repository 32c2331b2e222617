"""Two sides of one shape: proved, confirmed, refuted by a witness, or undecided.

Points are looked at before any proof is tried, in floats and then in 50 digits, so that no time goes to proving what is
wrong and nothing is proved against a point.
"""

from __future__ import annotations

from dataclasses import replace

from ..budget import left as time_left, limit
from ..expr import Expr, names_in
from ..kinks import conventions
from ..program import Fact
from .branches import across_corners
from .evidence import Bench, Point, gap_at
from .proof import prove
from .truth import Truth, is_quantity, parts_of
from .verdict import Verdict

PROOF_SHARE = 0.6  # of the time that is left, so that points are looked at where no proof is found
PROVED = "both sides have the same normal form, for all sizes and values"
NOTHING = Verdict("", None, None, "", "undecided", "")


def compared(head: Verdict, left: Expr, right: Expr, bench: Bench) -> Verdict:
    """Proved, confirmed, refuted or undecided; no diagnosis yet."""
    if bench.differ_roughly(left, right):
        point = bench.point("precise", 0)
        gap = point and gap_at(point, left, right)
        return refuted(head, left, right, bench, point if gap and gap[0] > 0 else bench.point("float", 0))
    if (point := bench.differs_finely(left, right)) is not None:
        return refuted(head, left, right, bench, point)
    with limit(PROOF_SHARE * time_left()):
        proof = prove(bench.truth, bench.program.facts, left, right)
    if proof is None:
        return by_points(head, left, right, bench)
    said = head.assumptions
    if proof.corners:
        found = corners(bench.truth, left, right) or ["where no function has a corner"]
        said = (f"away from kinks ({'; '.join(found)})", *said)
    elif found := corners(bench.truth, left):
        said = (f"at kinks {'; '.join(found)}", *said)
    return replace(head, verdict="proved", evidence=PROVED, assumptions=said, layout="denominator", proof=proof)


def corners(truth: Truth, *sides: Expr) -> list[str]:
    """The conventions at the corners of what two sides, and what they differentiate, are made of."""
    spoken = [truth.variable(parts_of(n)[0]) for s in sides for n in names_in(s) if is_quantity(n)]
    return conventions(*(truth.without_names(s) for s in (*sides, *spoken)))


def by_points(head: Verdict, left: Expr, right: Expr, bench: Bench) -> Verdict:
    agreement, point = bench.agreement(left, right)
    if agreement.points and not agreement.trials:
        point = point or across_corners(bench, left, right)
    if point is not None:
        return refuted(head, left, right, bench, point)
    if not agreement.points:
        return on_positive(head, left, right, bench)
    found = corners(bench.truth, left)
    said = (f"away from kinks ({'; '.join(found)})", *head.assumptions) if found else head.assumptions
    return replace(head, verdict="confirmed", evidence=f"{agreement}; not a proof", assumptions=said, layout="denominator")


def on_positive(head: Verdict, left: Expr, right: Expr, bench: Bench) -> Verdict:
    """A side that has no value at ordinary points, tried where everything that may be positive is."""
    nothing = replace(head, evidence="no proof, and no point at which both sides have a value")
    known = {f.name for f in bench.program.facts}
    facts = tuple(Fact("range", name, low=0) for name in bench.program.inputs if name not in known)
    if not facts or any(f in bench.program.facts for f in facts):
        return nothing
    positive = Bench(bench.program, bench.truth, facts)
    agreement, point = positive.agreement(left, right)
    for where in (positive, bench):
        point = point or (where.found_difference(left, right) if not agreement.points else None)
        if point is not None:
            return refuted(head, left, right, where, point)
    said = ("all inputs are positive, since a side has no value elsewhere", *head.assumptions)
    return replace(head, verdict="confirmed", evidence=f"{agreement}; not a proof", assumptions=said, layout="denominator") \
        if agreement.points else nothing


def refuted(head: Verdict, left: Expr, right: Expr, bench: Bench, point: Point | None) -> Verdict:
    witness = bench.witness(left, right, point)
    if witness is None:
        return replace(head, evidence="floats differ, and no difference could be shown with more digits")
    return replace(head, verdict="refuted", evidence=str(witness), witness=witness)


def holds(left: Expr, right: Expr, bench: Bench) -> bool:
    """Whether two sides are proved or confirmed equal on a bench; no witness is looked for where they are not."""
    if bench.differ_roughly(left, right) is not False or bench.differs_finely(left, right) is not None:
        return False
    return compared(NOTHING, left, right, bench).is_right
