"""LaTeX in and out: the reader of hand-written formulas and the writer of derivations."""
