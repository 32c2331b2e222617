"""A document's claims, one after the other: each with the earlier lines as they are written.

A claim that is right as written is right. If it is right only with what earlier lines should have said, it is inherited.
Else it has a mistake of its own, and the search for the smallest repair begins.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import cached_property

import sympy as sp

from ..algebra import ONE, contract, scale
from ..budget import OutOfTime, limit
from ..errors import ShapeError, SymbackpropError
from ..expr import Expr, Var, names_in, show_shape
from ..program import Claim, Fact, Opening, Program
from ..views import substitute
from .clues import recognised
from .comparison import compared, holds, refuted
from .evidence import Bench
from .ratios import constant_ratio
from .truth import Truth, is_quantity, parts_of
from .verdict import BUDGET, Verdict, for_every_layer

STRUCTURAL = frozenset({"missing-transpose", "extra-transpose", "order", "hadamard-vs-matmul", "missing-outer-product", "missing-sum",
                        "wrong-axis", "missing-activation-derivative", "extra-factor"})


@dataclass(frozen=True)
class Standing:
    """How a quantity that an earlier line states is read by later ones.

    `written`: what the line says. `meant`: what it should have said (a scaled definition keeps its factor). `causes`:
    the lines whose own mistakes make it wrong.
    """

    claim: Claim
    written: Expr
    meant: Expr
    wrong: bool
    causes: tuple[int, ...] = ()


class Judge:
    """The claims of one program."""

    def __init__(self, program: Program, budget: float = BUDGET, strict_layout: bool = False) -> None:
        self.program, self.budget, self.strict_layout = program, budget, strict_layout
        self.truth = Truth(program)
        self.bench = Bench(program, self.truth)
        self.standing: dict[str, Standing] = {}
        self.granted: tuple[Fact, ...] = ()
        self.factors: dict[str, sp.Expr] = {}
        self.scaled_lines: set[tuple] = set()
        self.checked: dict[str, bool] = {}
        self.known_wrong: set[tuple] = set()  # lines that were diagnosed for another step or length already

    def verdicts(self, progress: Callable[[int, int], None] | None = None) -> list[Verdict]:
        """One for each line."""
        found = self.each(progress)
        if self.program.length is None:
            return for_every_layer(found)
        from .lengths import for_every_length

        def again(program: Program) -> list[Verdict]:
            other = Judge(program, self.budget, self.strict_layout)
            other.known_wrong = {v.key for v in found if not v.is_right}
            return for_every_layer(other.each())
        return for_every_length(self.program, found, again, self.budget)

    def each(self, progress: Callable[[int, int], None] | None = None) -> list[Verdict]:
        """One for each claim, in order."""
        found = []
        for at, claim in enumerate(self.program.claims):
            if progress is not None:
                progress(at, len(self.program.claims))
            with limit(self.budget):
                found.append(self.verdict(claim, at))
            if found[-1].verdict == "refuted":
                self.known_wrong.add(found[-1].key)
        return found

    @cached_property
    def longer(self) -> Judge | None:
        """The same text read at a greater length, where it leaves that open."""
        length = self.program.length
        return None if length is None else Judge(length.again(length.number + 2, Opening.CLOSED), self.budget, self.strict_layout)

    # --- one claim ---

    def verdict(self, claim: Claim, at: int) -> Verdict:
        place = claim.place
        head = Verdict(claim.text, place and place.line, place and place.column, quantity_of(claim), "undecided", "",
                       self.assumptions(claim), source=place.source if place else "")
        try:
            claim = self.in_its_reading(claim)
            found = self.looked_at(claim, at, replace(head, assumptions=self.assumptions(claim)))
            if found.is_right and (through := self.misread(claim)):
                found = self.inherited(claim, replace(found, verdict="refuted", evidence=through))
        except OutOfTime:
            found = replace(head, evidence=f"the time of {self.budget:g} s was over")
        except SymbackpropError as error:
            found = replace(head, evidence=error.message)
        self.settle(claim, found)
        return found

    def looked_at(self, claim: Claim, at: int, head: Verdict) -> Verdict:
        if claim.error is not None or claim.left is None or claim.right is None:
            return self.unread(claim, head)
        problem = self.unknown(claim)
        return replace(head, evidence=problem) if problem else self.judged(claim, at, head)

    def in_its_reading(self, claim: Claim) -> Claim:
        """The claim with the second reading of its right side, where that is right and the first is not."""
        if claim.otherwise is None:
            return claim
        right, taken = claim.otherwise
        fits = lambda side: side.shape == claim.left.shape and self.proves(claim.left, self.reading(side, "written"))
        return replace(claim, right=right, assumptions=taken) if fits(right) and not fits(claim.right) else claim

    def assumptions(self, claim: Claim) -> tuple[str, ...]:
        facts = (str(f) for f in (*self.program.facts, *self.granted))
        return tuple(dict.fromkeys((*claim.assumptions, *facts)))

    def unread(self, claim: Claim, head: Verdict) -> Verdict:
        """A claim that could not be read: two shapes that do not fit refute it, everything else is an error."""
        error = claim.error
        if not isinstance(error, ShapeError):
            kind = "undefined-symbol" if error and "not declared" in error.message else getattr(error, "kind", "other")
            message = f"{error.message}{': ' + error.hint if error.hint else ''}"
            kind = kind if kind in ("undefined-symbol", "syntax") else "other"
            return replace(head, verdict="error", evidence=error.message, diagnosis={"kind": kind, "message": message, "fix": ""})
        found = replace(head, verdict="refuted", evidence=error.message)
        repair = self.repaired(claim, claim.left) if claim.left is not None and found.key not in self.known_wrong else None
        said = error.hint or error.message
        if repair is None:
            return replace(found, diagnosis={"kind": "shape", "message": said, "fix": ""})
        return replace(found, diagnosis=shaped(repair[0], error.message), marks=repair[1])

    def unknown(self, claim: Claim) -> str | None:
        """Why what the claim speaks of cannot be derived; None where it can."""
        named = {n: v for side in (claim.left, claim.right) for n, v in names_in(side).items() if is_quantity(n)}
        for name, var in named.items():
            try:
                if self.truth.equation(name).shape != var.shape:
                    return f"{name} has another shape than the derivative it names"
            except SymbackpropError as error:
                return error.message
            if self.disagrees(name):
                return f"the derivation of {name} does not agree with differences: an error of symbackprop, please report it"
        return None

    def disagrees(self, quantity: str) -> bool:
        """Whether our own derivative fails against differences of what it differentiates; asked once for each."""
        if quantity not in self.checked:
            var = Var(quantity, self.truth.equation(quantity).shape)
            self.checked[quantity] = self.bench.slope_differs(var, *parts_of(quantity))
        return self.checked[quantity]

    def judged(self, claim: Claim, at: int, head: Verdict) -> Verdict:
        meant = self.reading(claim.right, "meant")
        written = self.reading(claim.right, "written")
        left = claim.left
        if left.shape != written.shape:
            return self.misshapen(claim, head, left, written)
        found = self.compared(head, left, written)
        if found.verdict != "refuted":
            return found
        if written is not meant:
            inherited = self.compared(head, left, meant)
            if inherited.is_right:
                return self.inherited(claim, found)
        if (scaled := self.scaled(claim, at, head, meant)) is not None:
            return scaled
        if (turned := self.turned(claim, head, left, meant)) is not None:
            return turned
        if (factor := self.carried(claim, at)) is not None:
            left = scale(factor, left)
            self.factors[claim.left.name] = factor
            found = self.compared(head, left, written)
        return self.diagnosed(claim, found, left, meant)

    def carried(self, claim: Claim, at: int) -> sp.Expr | None:
        """The factor that a wrong line should have passed on from the scaled names it reads, if later lines restore it."""
        factors = {self.factors[n] for n in names_in(claim.right) if n in self.factors}
        if len(factors) != 1 or not claim.strict or type(claim.left) is not Var or not is_quantity(claim.left.name):
            return None
        factor = factors.pop()
        passed_on = scale(factor, claim.left)
        return None if self.restorer(claim, at, passed_on, passed_on) is None else factor

    def reading(self, node: Expr, how: str) -> Expr:
        """A side with the quantities that wrong or scaled lines state put in, as written or as meant."""
        values = {name: getattr(s, how) for name, s in self.standing.items() if s.wrong or s.meant is not Var(name, s.meant.shape)}
        named = {n: values[n] for n, v in names_in(node).items() if n in values and values[n].shape == v.shape}
        return substitute(node, named) if named else node

    def misread(self, claim: Claim) -> str | None:
        """What a claim reads that an earlier line states in a shape that it cannot have."""
        for name, var in names_in(claim.right).items():
            s = self.standing.get(name)
            if s is not None and s.wrong and s.written.shape != var.shape:
                given = show_shape(s.written.shape) if s.claim.right is not None else "what has no shape"
                return f"{name.replace('∂', 'd')} is {show_shape(var.shape)}, and an earlier line gives {given}"
        return None

    def settle(self, claim: Claim, verdict: Verdict) -> None:
        """What later lines read under the name that this one binds; the first line that states it counts."""
        name = claim.binds or (claim.left.name if type(claim.left) is Var and is_quantity(claim.left.name) else None)
        if name is None or name in self.standing or type(claim.left) is not Var:
            return
        if claim.right is None:
            if verdict.verdict == "refuted":
                lines = (claim.place.line,) if claim.place else ()
                self.standing[name] = Standing(claim, ONE, claim.left, True, lines)
            return
        factor = self.factors.get(name, sp.S.One)
        wrong = not verdict.is_right and verdict.kind != "missing-assumption"
        own = (claim.place.line,) if claim.place else ()
        causes = self.causes(claim) if verdict.kind == "inherited" else own
        self.standing[name] = Standing(claim, self.reading(claim.right, "written"), scale(factor, claim.left), wrong, causes)

    def causes(self, claim: Claim) -> tuple[int, ...]:
        """The lines with mistakes of their own behind what a claim reads."""
        wrong = [s for n in names_in(claim.right) if (s := self.standing.get(n)) is not None and s.wrong]
        return tuple(sorted({line for s in wrong for line in s.causes}))

    def compared(self, head: Verdict, left: Expr, right: Expr) -> Verdict:
        """Proved, confirmed, refuted or undecided; no diagnosis yet."""
        return compared(head, left, right, self.bench)

    # --- shapes and layout ---

    def misshapen(self, claim: Claim, head: Verdict, left: Expr, right: Expr) -> Verdict:
        shapes = f"{head.quantity or 'the left side'} is {show_shape(left.shape)}, the right side is {show_shape(right.shape)}"
        if (found := self.turned(claim, head, left, right)) is not None:
            return found
        found = replace(head, verdict="refuted", evidence=shapes)
        clue = recognised(self.bench, self.truth, left, right)
        repair = self.repaired(claim, left) if left.rank <= 2 and found.key not in self.known_wrong else None
        if repair is None:
            return replace(found, diagnosis={"kind": "shape", "message": shapes + (f"; {clue}" if clue else ""), "fix": ""})
        diagnosis, marks = shaped(repair[0], shapes), repair[1]
        if clue:
            diagnosis = {**diagnosis, "message": f"{diagnosis['message']} ({clue})"}
        return replace(found, diagnosis=diagnosis, marks=marks)

    def turned(self, claim: Claim, head: Verdict, left: Expr, right: Expr) -> Verdict | None:
        """The verdict on a right side that is the transpose of the truth; None where it is not."""
        split = self.jacobian_split(left)
        cut = 1 if split is None else split
        if claim.by_entries or split is None and left.rank != 2 or right.rank != left.rank or right.shape != (*left.shape[cut:], *left.shape[:cut]):
            return None
        labels = tuple(range(left.rank))
        other = contract((right,), ((*labels[cut:], *labels[:cut]),), labels)
        found = self.compared(head, left, other)
        if not found.is_right:
            return None
        if split is not None:
            return replace(found, layout="denominator", assumptions=(*found.assumptions, "read in denominator layout: the transpose of the Jacobian"))
        from .repair import transposed_right
        fix = transposed_right(self, claim, left)
        if claim.strict or self.strict_layout:
            message = "right up to a transpose, and this line must have the shape of the tensor itself" if claim.strict else \
                "right up to a transpose: this is numerator layout"
            evidence = f"{head.quantity or 'the left side'} is {show_shape(left.shape)}, the right side is {show_shape(right.shape)}"
            shown = refuted(head, left, right, self.bench, None) if left.shape == right.shape else \
                replace(head, verdict="refuted", evidence=evidence)
            return replace(shown, diagnosis={"kind": "layout", "message": message, "fix": fix}, marks=whole_right(claim))
        message = "right up to a transpose: this is numerator layout, and a gradient is given the shape of its tensor here"
        return replace(found, layout="numerator", diagnosis={"kind": "layout", "message": message, "fix": fix})

    def jacobian_split(self, left: Expr) -> int | None:
        """How many axes of ∂z/∂x are z's; None for anything else."""
        if type(left) is not Var or not is_quantity(left.name):
            return None
        above, below = (self.truth.variable(n) for n in parts_of(left.name))
        return above.rank if above.rank and below.rank else None


    # --- why it is wrong ---

    def inherited(self, claim: Claim, found: Verdict) -> Verdict:
        which = " and ".join(f"line {n}" for n in self.causes(claim)) or "an earlier line"
        return replace(found, diagnosis={"kind": "inherited", "message": f"step right, wrong because of {which}", "fix": ""})

    def scaled(self, claim: Claim, at: int, head: Verdict, meant: Expr) -> Verdict | None:
        """A name that is a constant times its derivative, if a later line restores the constant."""
        if not (claim.strict and type(claim.left) is Var and is_quantity(claim.left.name)) or "nabla" in claim.text or "∇" in claim.text:
            return None
        factor = constant_ratio(self.bench, claim.left, meant, self.program)
        if factor is None or not factor.free_symbols <= sizes_of(self.program) or not self.proves(claim.left, scale(1 / factor, meant)):
            return None
        later = self.restorer(claim, at, meant, scale(factor, claim.left))
        line = (claim.place, factor)
        if later is None and line not in self.scaled_lines:
            return None
        self.factors[claim.left.name] = factor
        name = claim.text.partition("=")[0].strip(" &:")
        said = f"{name} stands for {factor} times the derivative"
        if later is not None:
            self.scaled_lines.add(line)
            said += f"; line {later.place.line if later.place else '?'} restores the factor"
        else:
            said += ", as in the other rounds of this line"
        return replace(self.compared(head, scale(factor, claim.left), meant), assumptions=(said, *head.assumptions))

    def restorer(self, claim: Claim, at: int, written: Expr, meant: Expr) -> Claim | None:
        """The first later line that is right with this one standing for what is said of it."""
        trial = {**self.standing, claim.left.name: Standing(claim, written, meant, False)}
        before, self.standing, through = self.standing, trial, {claim.left.name}
        try:
            return next((c for c in self.program.claims[at + 1:] if self.restores(c, through)), None)
        finally:
            self.standing = before

    def restores(self, later: Claim, through: set[str]) -> bool:
        """Whether a later line that reads one of these names is right with them as they stand; else it is one more of them."""
        if later.right is None or type(later.left) is not Var or not names_in(later.right).keys() & through:
            return False
        right = self.reading(later.right, "written")
        if right.shape == later.left.shape and self.bench.differ_roughly(later.left, right) is False:
            return True
        if later.left.name not in self.standing:
            self.standing[later.left.name] = Standing(later, right, right, True)
        through.add(later.left.name)
        return False

    def proves(self, left: Expr, right: Expr) -> bool:
        return self.bench.differ_roughly(left, right) is False

    def diagnosed(self, claim: Claim, found: Verdict, left: Expr, right: Expr) -> Verdict:
        from .assumed import missing_fact
        if found.key in self.known_wrong:
            return replace(found, diagnosis={"kind": "other", "message": "wrong for another step already", "fix": ""})
        try:
            for suspect in claim.suspects:
                if self.is_right(left, suspect.right):
                    return replace(found, diagnosis={"kind": suspect.kind, "message": suspect.message, "fix": ""})
            repair = self.repaired(claim, left)
            if repair is None or repair[0]["kind"] not in ("missing-transpose", "extra-transpose", "sign", "scale", "order"):
                granted = missing_fact(self, claim, left, right)
                if granted is not None:
                    facts, diagnosis = granted
                    self.grant(facts)
                    return replace(found, diagnosis=diagnosis)
        except OutOfTime:
            repair = None
        if repair is None:
            return replace(found, diagnosis={"kind": "other", "message": "no small change makes it right", "fix": ""})
        return replace(found, diagnosis=repair[0], marks=repair[1])

    def grant(self, facts: tuple[Fact, ...]) -> None:
        """Judge later lines under facts that the text does not state."""
        self.granted = (*self.granted, *facts)
        self.bench = Bench(self.program, self.truth, self.granted)

    def repaired(self, claim: Claim, left: Expr | None) -> tuple[dict[str, str], tuple] | None:
        """The smallest edit of the user's formula that makes it right, as a diagnosis and the marked parts."""
        from .repair import repaired
        left = left if left is not None else claim.left
        if claim.reread is None or claim.tree is None or left is None:
            return None
        return repaired(self, claim, left)

    def is_right(self, left: Expr, right: Expr) -> bool:
        """Whether an edited right side is right: fast where it is not."""
        if right.shape != left.shape or type(left) is Var and left.name in names_in(right):
            return False
        return holds(left, self.reading(right, "meant"), self.bench)


def shaped(diagnosis: dict[str, str], shapes: str) -> dict[str, str]:
    """A repair of what has a wrong shape: of kind `shape` unless the mistake is one of form."""
    if diagnosis["kind"] in STRUCTURAL:
        return diagnosis
    return {**diagnosis, "kind": "shape", "message": f"{shapes}; {diagnosis['message']}"}


def quantity_of(claim: Claim) -> str:
    if claim.quantity or claim.left is None:
        return claim.quantity
    return next((n for n in names_in(claim.left) if is_quantity(n)), "").replace("∂", "d")


def sizes_of(program: Program) -> set[sp.Symbol]:
    return {s for v in program.inputs.values() for d in v.shape for s in d.free_symbols}


def whole_right(claim: Claim) -> tuple[tuple[int, int], ...]:
    if claim.right_span is None:
        return ()
    part = claim.origin[slice(*claim.right_span)]
    at = claim.text.rfind(part)
    return ((at, at + len(part)),) if at >= 0 and part else ()
