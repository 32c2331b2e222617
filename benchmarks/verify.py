"""How well claims are judged: mutants of right formulas and rewrites of them, labelled by an oracle of its own.

    python benchmarks/verify.py [--wrong 5000] [--right 5000] [--seed 0] [--processes 2] [--misses 20] [--json FILE]

Exit 1 where a target of `make verify-bench` is missed.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from collections import Counter
from itertools import count, islice
from multiprocessing import Pool
from pathlib import Path

sys.path[:0] = [str(Path(__file__).parents[1]), str(Path(__file__).parents[1] / "tests")]

from claims.items import item, models  # noqa: E402
from claims.score import Outcome, is_right, judged, right_figures, times, wrong_figures  # noqa: E402

TARGETS = {"judged right": (0, 0), "refuted with evidence that holds": (0.99, 1), "right kind": (0.8, 1), "fix that verifies": (0.8, 1), "judged wrong": (0, 0),
           "proved": (0.95, 1), "undecided": (0, 0.01)}


def one_model(task: tuple[int, int, int, bool]) -> list[Outcome]:
    """The items of one model, so that its true gradients are worked out once."""
    at, wanted, seed, wrong = task
    made = (found for k in islice(count(), 4 * wanted + 8) if (found := item(at + k * len(models()), seed, wrong)) is not None)
    return [judged(found) for found in islice(made, wanted)]


def run(wanted: int, seed: int, wrong: bool, processes: int, every: int = 1) -> list[Outcome]:
    """So many items of the models, or of every so manieth one."""
    chosen = range(0, len(models()), every)
    tasks = [(at, wanted // len(chosen) + (k < wanted % len(chosen)), seed, wrong) for k, at in enumerate(chosen)]
    if processes < 2:
        return [o for task in tasks for o in one_model(task)]
    found: list[Outcome] = []
    with Pool(processes) as pool:
        for done, part in enumerate(pool.imap(one_model, tasks, chunksize=1), 1):
            found += part
            if done % 20 == 0:
                print(f"{done} of {len(tasks)} models: {(wrong_figures if wrong else right_figures)(found)}", file=sys.stderr, flush=True)
    return found


def show(figures: dict[str, object]) -> bool:
    """Print figures with their targets; whether all are met."""
    met = True
    for title, value in figures.items():
        low, high = TARGETS.get(title, (None, None))
        said = f"{100 * value:.2f} %" if isinstance(value, float) and "second" not in title and title != "longest" else f"{value:.3f}" if isinstance(value, float) else str(value)
        missed = low is not None and not low <= value <= high
        met = met and not missed
        print(f"  {title:36} {said:>10}{'   MISSED' if missed else ''}")
    return met


def misses(outcomes: list[Outcome], limit: int) -> None:
    """What fell short, and which mutants got which kind."""
    def tell(title: str, chosen: list[Outcome]) -> None:
        print(f"{title}: {len(chosen)}")
        for o in chosen[:limit]:
            print(f"  [{o.item.number} {o.item.syntax} {'/'.join(o.item.made_by)}] {o.item.model}: {o.item.claim}\n      {o.item.label}: {o.verdict} {o.kind} {o.evidence[:110]} | {o.fix[:140]}")
    wrong = [o for o in outcomes if o.item.kinds and o.item.label in ("wrong", "shape")]
    right = [o for o in outcomes if not o.item.kinds and o.item.label == "right"]
    tell("wrong and judged right", [o for o in wrong if is_right(o)])
    tell("wrong and not refuted", [o for o in wrong if not is_right(o) and o.verdict != "refuted"])
    tell("refuted, evidence does not hold", [o for o in wrong if o.verdict == "refuted" and not o.witnessed])
    tell("refuted without a fix that verifies", [o for o in wrong if o.verdict == "refuted" and not o.fixed])
    tell("another kind", [o for o in wrong if o.verdict == "refuted" and o.kind not in o.item.kinds and not (o.kind == "shape" and o.item.label == "shape")])
    tell("right and judged wrong", [o for o in right if o.verdict == "refuted"])
    tell("right and not read or undecided", [o for o in right if o.verdict in ("unread", "error", "undecided")])
    tell("right and confirmed", [o for o in right if o.verdict == "confirmed"])
    tell("rewritten and wrong", [o for o in outcomes if not o.item.kinds and o.item.label != "right"])
    tell("over 1 s", sorted((o for o in outcomes if o.seconds > 1), key=lambda o: -o.seconds))
    for pair, number in Counter((o.item.made_by[0], o.kind) for o in wrong if o.verdict == "refuted").most_common(60):
        print(f"  {pair[0]:16} -> {pair[1]:32} {number}")


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    for option, default in (("--wrong", 5000), ("--right", 5000), ("--seed", 0), ("--processes", 2), ("--misses", 0)):
        parser.add_argument(option, type=int, default=default)
    parser.add_argument("--json", type=Path)
    args = parser.parse_args()
    start, figures, met, everything = time.perf_counter(), {}, True, []
    for title, wanted, wrong in (("wrong formulas", args.wrong, True), ("right formulas", args.right, False)):
        outcomes = run(wanted, args.seed, wrong, args.processes)
        found = {**(wrong_figures if wrong else right_figures)(outcomes), **times(outcomes)}
        print(f"{title} (seed {args.seed}, {len(models())} models)")
        met = show(found) and met
        figures[title] = found
        everything += outcomes
    print(f"{time.perf_counter() - start:.0f} s with {args.processes} processes")
    if args.misses:
        misses(everything, args.misses)
    if args.json:
        args.json.write_text(json.dumps(figures, indent=1) + "\n", encoding="utf-8")
    return 0 if met else 1


if __name__ == "__main__":
    sys.exit(main())
