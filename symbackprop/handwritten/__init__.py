"""Hand-written NumPy training code -> Program with claims: parsed with `ast` and followed, never executed."""
