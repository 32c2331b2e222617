"""Verdicts for people: a line for each claim, a block under what is wrong, a summary; the same as one HTML page."""

from __future__ import annotations

from html import escape
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from .verdict import Verdict

WIDTH = 110


def verdict_text(verdict: Verdict, file: str = "") -> str:
    """One line with its place, and a block below it where there is more to say."""
    place = f"{file}:{verdict.line}" if file else f"line {verdict.line}"
    lines = [f"{place}: {verdict.verdict}: {verdict.claim}"]
    if not verdict.is_right:
        lines += marked_lines(verdict)
    lines.append(f"    {verdict.evidence}")
    if verdict.diagnosis:
        label = "warning: " if verdict.is_right else ""
        lines.append(f"    {label}{verdict.diagnosis['kind']}: {verdict.diagnosis['message']}")
        if verdict.diagnosis["fix"]:
            lines.append(f"    should be: {verdict.diagnosis['fix']}")
    if verdict.assumptions:
        lines.append("    assuming " + "; ".join(verdict.assumptions))
    return "\n".join(lines)


def marked_lines(verdict: Verdict) -> list[str]:
    """The wrong part of a claim under-lined, where it is known and fits in a line."""
    if not verdict.marks or len(verdict.claim) > WIDTH or "\n" in verdict.claim:
        return []
    under = "".join("^" if any(a <= k < b for a, b in verdict.marks) else " " for k in range(len(verdict.claim)))
    return [f"    {verdict.claim}", f"    {under.rstrip()}"]
