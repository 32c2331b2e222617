"""`python tests/sweep_precise.py [COUNT] [FIRST]` holds that many random programs to 50-digit differences of the loss."""

from __future__ import annotations

import sys

from engine import precise_gradients
from oracle.precise import TOLERANCE, lines, survey_precisely


def main() -> int:
    count = int(sys.argv[1]) if len(sys.argv) > 1 else 50
    first = int(sys.argv[2]) if len(sys.argv) > 2 else 6000
    findings = survey_precisely(range(first, first + count), precise_gradients)
    print("\n".join(lines(findings)))
    return 0 if all(f.worst <= TOLERANCE for f in findings) else 1


sys.exit(main())
