"""What a number in a formula may grow to: a text of a few characters must not fill the memory."""

from __future__ import annotations

import sympy as sp

from .errors import UnsupportedError

MAX_BITS = 4000


def number_power(base: sp.Expr, exponent: sp.Expr) -> sp.Expr:
    """A power of a number; raises `UnsupportedError` where it would have thousands of digits."""
    digits = max((abs(part).bit_length() for part in (base.p, base.q)), default=0) if base.is_Rational else 64
    if exponent.is_number and digits > 1 and abs(exponent) * digits > MAX_BITS:
        raise UnsupportedError(f"a power of more than {MAX_BITS} bits")
    return base ** exponent
