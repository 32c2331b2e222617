"""The long sweep: `python tests/sweep_oracle.py [COUNT] [FIRST]` compares that many random programs with autograd."""

from __future__ import annotations

import sys

from engine import gradients
from oracle.compare import survey


def main() -> int:
    count = int(sys.argv[1]) if len(sys.argv) > 1 else 1000
    first = int(sys.argv[2]) if len(sys.argv) > 2 else 0
    summary = survey(range(first, first + count), gradients)
    print("\n".join(summary.lines()))
    for record in summary.wrong[:10]:
        print(record)
    return 1 if summary.wrong else 0


sys.exit(main())
