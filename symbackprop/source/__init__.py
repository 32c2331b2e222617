"""Python/NumPy syntax -> Program and claims, by `ast` against a white list; nothing is ever executed."""
