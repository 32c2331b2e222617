"""What a claim turned out to be: `Verdict`, and `judge`, which gives one for every claim of a program.

Proved by equal normal forms that were looked at again at points; refuted only by two shapes or by a point with both
numbers; agreement at points alone is confirmed, never proved.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from ..program import Program

if TYPE_CHECKING:
    from .proof import Proof
    from .witness import Witness

BUDGET = 2.0
USUAL_LENGTH = 3  # of a model with loops
_LAYER = re.compile(r"for \w+ = \d+")


@dataclass(frozen=True)
class Verdict:
    """proved, confirmed, refuted, undecided or error, with its evidence; `diagnosis` is None or kind, message, fix.

    `source` is the text of the claim's line and `marks` the parts of `claim` that are wrong, as offsets.
    """

    claim: str
    line: int | None
    column: int | None
    quantity: str
    verdict: str
    evidence: str
    assumptions: tuple[str, ...] = ()
    layout: str | None = None
    diagnosis: dict[str, str] | None = field(default=None)
    source: str = ""
    marks: tuple[tuple[int, int], ...] = ()
    witness: Witness | None = field(default=None, compare=False)
    proof: Proof | None = field(default=None, compare=False, repr=False)

    @property
    def is_right(self) -> bool:
        return self.verdict in ("proved", "confirmed")

    @property
    def key(self) -> tuple[str, int | None, int | None]:
        """The line that it is a verdict on, whatever its step."""
        return self.claim, self.line, self.column

    @property
    def kind(self) -> str:
        return self.diagnosis["kind"] if self.diagnosis else ""

    def as_json(self) -> dict[str, object]:
        return {"claim": self.claim, "line": self.line, "column": self.column, "quantity": self.quantity,
                "verdict": self.verdict, "layout": self.layout, "assumptions": list(self.assumptions),
                "evidence": self.evidence, "diagnosis": self.diagnosis}

    def __str__(self) -> str:
        from .report import verdict_text
        return verdict_text(self)

    def _repr_html_(self) -> str:
        from .report import item_of
        return f"<ul>{item_of(self)}</ul>"


def judge(program: Program, budget: float = BUDGET, strict_layout: bool = False,
          progress: Callable[[int, int], None] | None = None) -> list[Verdict]:
    """The verdicts on a program's claims, in order; `budget` is in seconds a claim."""
    from .judging import Judge
    if not program.claims:
        return []
    if not isinstance(program, Program):
        program = program.at_length(USUAL_LENGTH)
    from .readings import in_best_reading
    return in_best_reading(program, lambda reading: Judge(reading, budget, strict_layout), progress)


WORST = ("refuted", "error", "undecided", "inherited", "confirmed", "proved")


def for_every_layer(verdicts: list[Verdict]) -> list[Verdict]:
    """One verdict for each line: what is claimed of a layer l must hold for every l, and the worst of them counts."""
    groups: dict[object, list[Verdict]] = {}
    for at, v in enumerate(verdicts):
        groups.setdefault(v.key if any(map(_LAYER.fullmatch, v.assumptions)) else at, []).append(v)
    return [found[0] if len(found) == 1 else together(found) for found in groups.values()]


def together(found: list[Verdict]) -> Verdict:
    """The worst of the verdicts on one line, with what all of them rest on."""
    worst = min(found, key=lambda v: (WORST.index("inherited" if v.kind == "inherited" else v.verdict), v.layout != "numerator"))
    layers = [a for v in found for a in v.assumptions if _LAYER.fullmatch(a)]
    said = f"for {layers[0].split()[1]} = {', '.join(dict.fromkeys(a.split()[-1] for a in layers))}"
    shared = tuple(a for a in worst.assumptions if all(a in v.assumptions for v in found))
    own = next((a for a in worst.assumptions if _LAYER.fullmatch(a)), "")
    evidence = worst.evidence if worst.is_right else f"{own}: {worst.evidence}"
    return replace(worst, assumptions=(*shared, said), evidence=evidence)


def summary(verdicts: list[Verdict]) -> str:
    """`4 proved, 1 refuted (1 inherited apart)`: own mistakes and inherited ones are counted apart."""
    counts = Counter("inherited" if v.kind == "inherited" else v.verdict for v in verdicts)
    words = {"inherited": "wrong through an earlier line"}
    kinds = ("proved", "confirmed", "refuted", "inherited", "undecided", "error")
    return ", ".join(f"{counts[k]} {words.get(k, k)}" for k in kinds if counts[k])
