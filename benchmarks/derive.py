"""Depth-L sigmoid networks, text to all 2L gradients in matrix form, against the SymPy floor of `floor.py`.

One process, interleaved rounds. Ours is `parse`, `derive` and the text of the textbook view, from an empty
intern pool; the model's text is made outside the timed part, and every round names its sizes with another letter,
so that no memo keyed on a size answers. Steps and LaTeX are timed apart. A ratio is the median of the
rounds' own ratios; times are medians; round 0 warms both sides up and is not counted. L = 1000 runs once.
"""

from __future__ import annotations

import argparse
import gc
import json
import math
import statistics
import sys
import time
from collections.abc import Callable
from typing import Any

import floor

import symbackprop as sb
from symbackprop.expr import clear_pool

DEPTHS = (16, 64, 256)
ONCE = 1000
LETTERS = "nmkpqrsuv"
GROWING = ("ours", "floor", "latex", "steps", "latex_bytes")
RATIO_LIMIT, GROWTH_LIMIT, LATEX_LIMIT = 3.0, 1.1, 3000


def model(depth: int, letter: str = "n") -> str:
    """The network of depth L as a user would write it, sizes n0 … nL."""
    lines = [f"x: R[{letter}0]; y: R[{letter}{depth}]"]
    for k in range(1, depth + 1):
        lines.append(f"W{k}: R[{letter}{k}, {letter}{k - 1}]; b{k}: R[{letter}{k}]")
    for k in range(1, depth + 1):
        below = f"a{k - 1}" if k > 1 else "x"
        lines += [f"z{k} = W{k} @ {below} + b{k}", f"a{k} = sigmoid(z{k})"]
    lines.append(f"C = sum((a{depth} - y)**2) / 2")
    return "\n".join(lines)


def parameters(depth: int) -> list[str]:
    return [f"{kind}{k}" for k in range(1, depth + 1) for kind in "Wb"]


def timed(action: Callable[[], Any]) -> tuple[float, Any]:
    start = time.perf_counter()
    result = action()
    return time.perf_counter() - start, result


def ours(depth: int, letter: str) -> dict[str, float]:
    """One derivation from an empty pool: seconds, and sizes of the output in bytes."""
    text, wrt = model(depth, letter), parameters(depth)
    clear_pool()
    gc.collect()
    parse, net = timed(lambda: sb.parse(text))
    derive, derivation = timed(lambda: sb.derive(net, wrt=wrt))
    write, printed = timed(lambda: str(derivation))
    latex, _ = timed(derivation.latex)
    steps, lists = timed(lambda: [list(gradient.steps) for gradient in derivation.gradients.values()])
    if set(derivation.gradients) != set(wrt):
        sys.exit(f"L = {depth}: the gradients are not the {2 * depth} asked for")
    return {
        "ours": parse + derive + write,
        "parse": parse,
        "derive": derive,
        "print": write,
        "latex": latex,
        "steps": steps,
        "text_bytes": len(printed.encode()),
        "step_count": sum(map(len, lists)),
        "latex_bytes": len(derivation.backward_latex().encode()),
    }


def one_round(depth: int, index: int) -> dict[str, float]:
    """Ours and the floor, next to each other; who goes first alternates."""
    letter = LETTERS[index % len(LETTERS)]
    if index % 2:
        reference, row = floor.seconds(depth), ours(depth, letter)
    else:
        row, reference = ours(depth, letter), floor.seconds(depth)
    return row | {
        "floor": reference[0],
        "bare": reference[1],
        "ratio": row["ours"] / reference[0],
        "bare_ratio": row["ours"] / reference[1],
    }


def summary(rounds: list[dict[str, float]]) -> dict[str, float]:
    return {key: statistics.median(row[key] for row in rounds) for key in rounds[0]}


def measure(rounds: int) -> dict[str, Any]:
    """Every figure this file prints, as one JSON-ready value."""
    first = ours(DEPTHS[0], LETTERS[0])
    samples: dict[int, list[dict[str, float]]] = {depth: [] for depth in DEPTHS}
    for index in range(rounds + 1):
        for depth in DEPTHS:
            samples[depth].append(one_round(depth, index + 1))
    rows = {depth: summary(samples[depth][1:]) for depth in DEPTHS}
    low, high = DEPTHS[0], DEPTHS[-1]
    rows[ONCE] = one_round(ONCE, 0)
    growth = {key: math.log(rows[high][key] / rows[low][key]) / math.log(high / low) for key in GROWING}
    return {"rounds": rounds, "first_ms": first["ours"] * 1e3, "growth": growth, "rows": rows}


def verdict(value: float, limit: float) -> str:
    return f"{value:.4g} (at most {limit:g}: {'ok' if value <= limit else 'MISSED'})"


def table(result: dict[str, Any]) -> str:
    """The measured figures for a reader."""
    columns = ("floor", "ours", "parse", "derive", "print", "latex", "steps")
    rows, growth, low, high = result["rows"], result["growth"], DEPTHS[0], DEPTHS[-1]
    lines = ["times in ms, medians of interleaved rounds; ours = parse + derive + print as text", ""]
    lines.append("    L" + "".join(f"{name:>9}" for name in columns) + "  us/layer  ratio  (bare)  LaTeX bytes")
    for depth, row in rows.items():
        times = "".join(f"{row[name] * 1e3:9.2f}" for name in columns)
        ratios = f"{row['ratio']:7.2f}{row['bare_ratio']:8.2f}"
        lines.append(f"{depth:5d}{times}{row['ours'] / depth * 1e6:10.1f}{ratios}{row['latex_bytes']:13.0f}")
    lines.append("")
    for depth in DEPTHS[1:]:
        lines.append(f"ratio to the floor at L = {depth}: {verdict(rows[depth]['ratio'], RATIO_LIMIT)}")
    lines.append(f"growth exponent, L = {low} to {high}: {verdict(growth['ours'], GROWTH_LIMIT)}")
    others = (f"{key.replace('_', ' ')} {growth[key]:.2f}" for key in GROWING if key != "ours")
    lines.append(f"growth exponents besides: {', '.join(others)}")
    lines.append(f"LaTeX of the backward list at L = {low}, bytes: {verdict(rows[low]['latex_bytes'], LATEX_LIMIT)}")
    lines.append(f"first derivation in the process, L = {low}: {result['first_ms']:.1f} ms")
    return "\n".join(lines)


def main() -> None:
    parser = argparse.ArgumentParser(description="Time derivations of deep networks against bare SymPy.")
    parser.add_argument("--rounds", type=int, default=9, help="counted rounds (default 9)")
    parser.add_argument("--json", action="store_true", help="print the figures as JSON (times in seconds)")
    options = parser.parse_args()
    floor.pin()
    result = measure(options.rounds)
    print(json.dumps(result, indent=2) if options.json else table(result))


if __name__ == "__main__":
    main()
