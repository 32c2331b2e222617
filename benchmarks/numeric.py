"""Exported gradient functions against textbook NumPy: one process, one thread on one CPU, shuffled interleaved rounds.

A figure is the textbook's CPU time over the contender's in the same round, the median of the rounds, so 1 is equal and more
is faster; frameworks that are installed stand beside. Every gradient is compared with the textbook's before anything is timed. The allocator is brought
into the state that favours the textbook: a large array is made and freed once, after which the C library keeps memory
instead of giving it back.
"""

from __future__ import annotations

import os

for _name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ[_name] = "1"

import argparse
import json
import random
import statistics
import sys
import time
import tracemalloc
from collections.abc import Callable

import numpy as np
from more import more
from peers import contender, installed
from problems import Arrays, Problem, data, problems

import symbackprop as sb
from symbackprop.codegen import compile_module

LIMIT = {np.float64: 1e-9, np.float32: 1e-3}
Contender = Callable[[Arrays], tuple]


def steady() -> None:
    """Have the allocator keep what is freed, as it does in a process that has run for a while."""
    np.ones(20 * 2**20, dtype=np.uint8)


def ours(problem: Problem, derivation: sb.Derivation, dtype: type) -> dict[str, Contender]:
    """Both exported NumPy functions; they give (loss, {name: gradient}) of the arrays."""
    module = compile_module(sb.export(derivation))
    plain, made = module["value_and_grad"], module["make_value_and_grad"](problem.sizes, dtype)
    return {"plain": lambda a: plain(check=False, **a), "workspace": lambda a: made(check=False, **a)}


def model_to_callable(problem: Problem) -> float:
    """Seconds from the model's text to a function."""
    start = time.process_time()
    sb.lambdify(sb.derive(sb.parse(problem.text), wrt=list(problem.wrt)))
    return time.process_time() - start


def compare(name: str, right: tuple, found: tuple, limit: float) -> float:
    """The worst norm-wise relative difference; ends the program where it is over the limit."""
    worst = abs(float(found[0]) - float(right[0])) / abs(float(right[0]))
    for key, wanted in right[1].items():
        wanted = np.asarray(wanted, dtype=float)
        gap = np.linalg.norm(np.asarray(found[1][key], dtype=float) - wanted) / np.linalg.norm(wanted)
        worst = max(worst, float(gap))
    if not worst <= limit:
        sys.exit(f"{name}: gradients differ by {worst:.1e}")
    return worst


def seconds(call: Contender, arrays: Arrays, repeat: int) -> float:
    """CPU time of the process, all its threads together: waiting for others on a shared machine does not count."""
    start = time.process_time()
    for _ in range(repeat):
        call(arrays)
    return (time.process_time() - start) / repeat


def measure(name: str, problem: Problem, dtype: type, rounds: int, budget: float, peers: list[str]) -> dict:
    """Medians over the rounds, ratios to the textbook, peak memory, and the time from model to callable."""
    arrays = data(problem, dtype)
    built, derivation = model_to_callable(problem), sb.derive(sb.parse(problem.text), wrt=list(problem.wrt))
    calls = {"textbook": problem.textbook, **ours(problem, derivation, dtype), **dict(contender(p, problem, derivation) for p in peers)}
    calls = {who: call for who, call in calls.items() if call}
    right = problem.textbook(arrays)
    worst = {who: compare(f"{name}, {who}", right, call(arrays), LIMIT[dtype]) for who, call in calls.items()}
    once = min(seconds(problem.textbook, arrays, 1) for _ in range(3))
    repeat = max(1, int(budget / rounds / len(calls) / once))
    samples: dict[str, list[float]] = {who: [] for who in calls}
    order = list(calls)
    for _ in range(rounds):
        random.shuffle(order)
        for who in order:
            samples[who].append(seconds(calls[who], arrays, repeat))
    medians = {who: statistics.median(times) for who, times in samples.items()}
    return {"name": name, "dtype": np.dtype(dtype).name, "us": {w: t * 1e6 for w, t in medians.items()},
            "ratio": {w: statistics.median(b / t for b, t in zip(samples["textbook"], times)) for w, times in samples.items()}, "worst": worst, "built": built,
            "peak": {who: peak(calls[who], arrays) for who in ("textbook", "plain", "workspace")}}


def peak(call: Contender, arrays: Arrays) -> int:
    """The most bytes that one call holds above what was there before it."""
    tracemalloc.start()
    call(arrays)
    before = tracemalloc.get_traced_memory()[0]
    tracemalloc.reset_peak()
    call(arrays)
    top = tracemalloc.get_traced_memory()[1] - before
    tracemalloc.stop()
    return max(top, 0)


def table(rows: list[dict]) -> str:
    """The rows in Markdown."""
    others = [w for w in dict.fromkeys(w for row in rows for w in row["us"]) if w != "textbook"]
    heads = ["problem", "dtype", "textbook µs", *others, *(f"{w} KiB" for w in rows[0]["peak"]), "model to callable s", "worst difference"]
    lines = ["| " + " | ".join(heads) + " |", "|---" * len(heads) + "|"]
    for row in rows:
        cells = [row["name"], row["dtype"], f"{row['us']['textbook']:.1f}", *(f"{row['ratio'][w]:.2f}" if w in row["ratio"] else "–" for w in others),
                 *(f"{b / 1024:.0f}" for b in row["peak"].values()), f"{row['built']:.2f}", f"{max(row['worst'].values()):.0e}"]
        lines.append("| " + " | ".join(cells) + " |")
    return "\n".join(lines)


def main() -> None:
    parser = argparse.ArgumentParser(description="Time exported gradient functions against textbook NumPy.")
    parser.add_argument("--rounds", type=int, default=31, help="rounds, in each of which every contender runs (default 31)")
    parser.add_argument("--budget", type=float, default=3.0, help="seconds of textbook time a row is given (default 3)")
    parser.add_argument("--only", default="", help="problems whose name has this in it")
    parser.add_argument("--more", action="store_true", help="the second set of problems: what else people train")
    parser.add_argument("--dtype", choices=("float64", "float32"), help="one dtype only")
    parser.add_argument("--json", action="store_true", help="print JSON")
    parser.add_argument("--alone", action="store_true", help="leave out the frameworks that are installed")
    parser.add_argument("--peers", default="", help="frameworks beside, of jax,torch,autograd,pytensor,inductor (torch.compile); "
                                                    "the first three where installed if not said, the others compile for minutes")
    options = parser.parse_args()
    peers = [] if options.alone else installed(options.peers)
    if hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, {max(os.sched_getaffinity(0))})
    random.seed(0)
    steady()
    rows = [measure(name, problem, dtype, options.rounds, options.budget, peers) for name, problem in (more() if options.more else problems()).items()
            if options.only in name for dtype in (np.float64, np.float32) if options.dtype in (None, np.dtype(dtype).name)]
    if not rows:
        parser.error(f"no problem has {options.only!r} in its name")
    print(json.dumps(rows, indent=1) if options.json else table(rows))


if __name__ == "__main__":
    main()
