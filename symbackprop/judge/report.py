"""Verdicts for people: a line for each claim, a block under what is wrong, a summary; the same as one HTML page."""

from __future__ import annotations

import sys
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from html import escape

from ..errors import SymbackpropError
from ..program import READ_WITH
from ..show.page import POLICY, STYLE
from .verdict import Verdict, judge, summary

WIDTH, QUIET = 110, 1.0
NOTHING = "nothing to check: no line claims a derivative (such as \\frac{\\partial C}{\\partial W} = …, or grad(C, W) == …)"
MARKED = """.claim { font-family: monospace; white-space: pre-wrap; } mark { background: #ffd0d0; color: #700; border-bottom: 2px solid #c00; }
.proved, .confirmed { color: #175c17; } .refuted, .error { color: #a01515; } .undecided { color: #8a5a00; }
@media (prefers-color-scheme: dark) { mark { background: #5a1b1b; color: #fdd; } .proved, .confirmed { color: #8fd48f; }
.refuted, .error { color: #ff9d9d; } .undecided { color: #ffcf80; } }
li { margin: 1.1rem 0; } li p { margin: .2rem 0; } .quiet { color: var(--quiet); font-size: .9em; }
"""


@dataclass(frozen=True)
class Judged:
    """One file with its verdicts, or with why it could not be read."""

    file: str
    verdicts: tuple[Verdict, ...] = ()
    notes: tuple[str, ...] = ()
    trouble: SymbackpropError | None = None

    @classmethod
    def of(cls, file: str, budget: float, strict: bool, progress: Callable[[int, int], None]) -> Judged:
        """Read and judge a file."""
        from ..doors import read
        try:
            program = read(file)
            return cls(file, tuple(judge(program, budget, strict, progress)),
                   tuple(n for n in program.notes if not n.startswith(READ_WITH)))  # verdicts tell what they rest on
        except SymbackpropError as error:
            return cls(file, trouble=error)

    def as_json(self) -> list[dict[str, object]]:
        return [self.trouble.as_json()] if self.trouble else [v.as_json() for v in self.verdicts]

    def complaints(self) -> list[str]:
        """What goes to standard error: a file that could not be read or that claims nothing; what was not read in it."""
        said = [f"{self.file}: {note}" for note in self.notes]
        if self.trouble:
            said.append(f"{self.file}: {type(self.trouble).__name__}: {self.trouble}")
        elif not self.verdicts:
            said.append(f"{self.file}: {NOTHING}")
        return said


def exit_code(found: list[Judged]) -> int:
    """1 where a claim is refuted, else 2 where something could not be read or decided or there was nothing, else 0."""
    kinds = {v.verdict for judged in found for v in judged.verdicts}
    if "refuted" in kinds:
        return 1
    return 2 if not kinds or kinds & {"undecided", "error"} or any(j.trouble for j in found) else 0


class Progress:
    """A counter on a terminal's standard error, once a run has taken longer than a second."""

    def __init__(self, file: str) -> None:
        self.file, self.start, self.shown = file, time.monotonic(), False

    def __enter__(self) -> Callable[[int, int], None]:
        return self.tell

    def tell(self, at: int, count: int) -> None:
        if sys.stderr.isatty() and time.monotonic() - self.start > QUIET:
            self.shown = True
            print(f"\r{self.file}: claim {at + 1} of {count}", end="", file=sys.stderr, flush=True)

    def __exit__(self, *_: object) -> None:
        if self.shown:
            print("\r\033[K", end="", file=sys.stderr, flush=True)


# --- the terminal ---

def report(found: list[Judged]) -> str:
    """All files, with a summary that counts own mistakes and inherited ones apart."""
    several = len(found) > 1
    verdicts = [v for judged in found for v in judged.verdicts]
    lines = []
    for judged in found:
        count = Counter((v.line, v.claim) for v in judged.verdicts)
        lines += [verdict_text(v, judged.file if several else "", count[v.line, v.claim] > 1) for v in judged.verdicts]
    return "\n".join([*lines, summary(verdicts) or "no claims"])


def verdict_text(verdict: Verdict, file: str = "", named: bool = False) -> str:
    """One line with its place, and a block below it where there is more to say; `named` says of which quantity it is."""
    place = f"{file}:{verdict.line}" if file else f"line {verdict.line}"
    lines = [f"{place}: {f'{verdict.quantity} ' if named else ''}{verdict.verdict}: {verdict.claim}"]
    if not verdict.is_right:
        lines += [f"{' ' * (len(lines[0]) - len(verdict.claim))}{row}" for row in carets(verdict)]
        lines.append(f"    {verdict.evidence}")
    if verdict.diagnosis:
        label = "warning: " if verdict.is_right else ""
        lines.append(f"    {label}{verdict.diagnosis['kind']}: {verdict.diagnosis['message']}")
        if verdict.diagnosis["fix"]:
            lines.append(f"    should be: {verdict.diagnosis['fix']}")
    if verdict.is_right and verdict.verdict == "confirmed":
        lines.append(f"    {verdict.evidence}")
    if verdict.assumptions:
        lines.append("    assuming " + "; ".join(verdict.assumptions))
    return "\n".join(lines)


def carets(verdict: Verdict) -> list[str]:
    """Signs under the wrong part of a claim, where it is known and fits in a line."""
    if not verdict.marks or len(verdict.claim) > WIDTH or "\n" in verdict.claim:
        return []
    return ["".join("^" if any(a <= k < b for a, b in verdict.marks) else " " for k in range(len(verdict.claim))).rstrip()]


# --- the page ---

def page_of(found: list[Judged]) -> str:
    """One self-contained page; every text on it is the user's, so all of it is escaped."""
    parts = [f"<!DOCTYPE html><html lang=\"en\"><head><meta charset=\"utf-8\"><meta http-equiv=\"Content-Security-Policy\" content=\"{POLICY}\">"
             f"<title>Verdicts</title><style>{STYLE}{MARKED}</style></head><body><h1>Verdicts</h1>"]
    for judged in found:
        parts.append(f"<h2>{escape(judged.file)}</h2><p>{escape(summary(list(judged.verdicts)) or 'no claims')}</p>")
        if judged.trouble:
            parts.append(f"<p class=\"error claim\">{escape(str(judged.trouble))}</p>")
        parts.append("<ol>" + "".join(item_of(v) for v in judged.verdicts) + "</ol>")
    return "\n".join([*parts, "</body></html>"]) + "\n"


def item_of(verdict: Verdict) -> str:
    rows = [f"<p><span class=\"{verdict.verdict}\">{verdict.verdict}</span> <span class=\"quiet\">line {verdict.line}</span></p>",
            f"<p class=\"claim\">{marked(verdict)}</p>", f"<p class=\"quiet\">{escape(verdict.evidence)}</p>"]
    if verdict.diagnosis:
        rows.append(f"<p><b>{escape(verdict.diagnosis['kind'])}</b>: {escape(verdict.diagnosis['message'])}</p>")
        if verdict.diagnosis["fix"]:
            rows.append(f"<p class=\"claim\">{escape(verdict.diagnosis['fix'])}</p>")
    if verdict.assumptions:
        rows.append(f"<p class=\"quiet\">assuming {escape('; '.join(verdict.assumptions))}</p>")
    return f"<li>{''.join(rows)}</li>"


def marked(verdict: Verdict) -> str:
    """The claim with its wrong parts in `mark`."""
    made, at = "", 0
    for a, b in sorted(verdict.marks):
        if at <= a < b <= len(verdict.claim):
            made += f"{escape(verdict.claim[at:a])}<mark>{escape(verdict.claim[a:b])}</mark>"
            at = b
    return made + escape(verdict.claim[at:])
