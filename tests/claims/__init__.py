"""Right formulas of many models, and mutants and rewrites of them, labelled by an oracle that shares no code with the judge.

Formulas are small trees read with Python's own `ast`; what they mean is worked out with NumPy and mpmath alone, the
gradients by central differences of 60 digits.
"""
