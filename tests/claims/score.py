"""Items through the judge: what it says, whether its witness holds at the oracle, whether its repair verifies; and the counts."""

from __future__ import annotations

import re
import time
from collections import Counter
from dataclasses import dataclass
from statistics import median

import mpmath

from symbackprop.doors import parse
from symbackprop.errors import SymbackpropError
from symbackprop.judge.verdict import Verdict, judge

from .items import Item, compared, models
from .truth import Truth


@dataclass(frozen=True)
class Outcome:
    """One item judged: the verdict, whether the evidence of a refutation held, whether the fix verified, and the CPU seconds."""

    item: Item
    verdict: str
    layout: str
    kind: str
    evidence: str
    fix: str
    witnessed: bool
    fixed: bool
    seconds: float


def judged(item: Item, budget: float = 2.0) -> Outcome:
    start = time.process_time()
    try:
        program = parse(item.text + item.claim)
        verdicts = judge(program, budget)
    except SymbackpropError as error:
        return Outcome(item, "unread", "", "", str(error), "", False, False, time.process_time() - start)
    seconds = time.process_time() - start
    if not verdicts:
        return Outcome(item, "unread", "", "", "no claim was found", "", False, False, seconds)
    found = verdicts[-1]
    fix = found.diagnosis["fix"] if found.diagnosis else ""
    witnessed = found.verdict == "refuted" and holds(item, found)
    fixed = item.label != "right" and found.verdict == "refuted" and bool(fix) and verifies(item, found.kind, fix)
    return Outcome(item, found.verdict, found.layout or "", found.kind, found.evidence, fix, witnessed, fixed, seconds)


def holds(item: Item, found: Verdict) -> bool:
    """Whether the oracle sees the difference: at the witness's data, or in the shapes where those are the evidence."""
    if found.witness is None:
        return item.label in ("shape", "layout") or disagree(found.evidence)
    model = next(m for m in models() if m.title == item.model)
    data = dict(zip(model.given, found.witness.values.values()))
    sizes = {**dict.fromkeys("nmrqN", 2), **found.witness.sizes}
    with mpmath.workdps(60):
        point = Truth(model, sizes, data)
        return compared(point, item.what, item.syntax, item.tree, True) != "right"


def disagree(evidence: str) -> bool:
    """Whether two different shapes stand in a sentence."""
    return len(set(re.findall(r"\bis ([\w×^*()+ ]+?)(?:,|;|$)", evidence))) > 1 or "does not fit" in evidence or " of " in evidence


def verifies(item: Item, kind: str, fix: str) -> bool:
    text = item.text + fix + "\n" + item.claim if kind == "missing-assumption" else item.text + fix
    try:
        found = judge(parse(text))
    except SymbackpropError:
        return False
    return bool(found) and all(v.is_right and v.layout != "numerator" for v in found)


# --- counts ---

def is_right(outcome: Outcome) -> bool:
    return outcome.verdict in ("proved", "confirmed")


def wrong_figures(outcomes: list[Outcome]) -> dict[str, object]:
    """The figures for mutants that the oracle calls wrong; those right up to a transpose are counted apart."""
    layout = [o for o in outcomes if o.item.label == "layout"]
    wrong = [o for o in outcomes if o.item.label in ("wrong", "shape")]
    total = max(len(wrong), 1)
    read = [o for o in wrong if o.verdict != "unread"]
    named = [o for o in wrong if o.kind in o.item.kinds or o.kind == "shape" and o.item.label == "shape"]
    return {"mutants": len(outcomes), "right after all": sum(o.item.label == "right" for o in outcomes), "layout alone": len(layout),
            "layout alone, called so": sum(o.layout == "numerator" or o.kind == "layout" for o in layout),
            "wrong": len(wrong), "wrong, of which shapes": sum(o.item.label == "shape" for o in wrong), "judged right": sum(is_right(o) for o in wrong),
            "not read": len(wrong) - len(read),
            "refuted with evidence that holds": sum(o.witnessed for o in wrong) / total, "right kind": len(named) / total,
            "fix that verifies": sum(o.fixed for o in wrong) / total}


def right_figures(outcomes: list[Outcome]) -> dict[str, object]:
    """The figures for rewrites that the oracle calls right."""
    right = [o for o in outcomes if o.item.label == "right"]
    count = Counter(o.verdict for o in right)
    total = max(len(right), 1)
    return {"rewrites": len(outcomes), "wrong after all": len(outcomes) - len(right), "judged wrong": count["refuted"], "numerator layout": sum(o.layout == "numerator" for o in right),
            "not read": count["unread"] + count["error"], "proved": count["proved"] / total, "confirmed": count["confirmed"] / total, "undecided": count["undecided"] / total}


def times(outcomes: list[Outcome]) -> dict[str, object]:
    seconds = [o.seconds for o in outcomes] or [0.0]
    return {"median CPU seconds a claim": median(seconds), "share over 1 s of CPU": sum(s > 1 for s in seconds) / len(seconds), "longest": max(seconds)}
