"""symbackprop derives, prints, verifies and exports the gradients of networks written as equations."""

from __future__ import annotations

import importlib

__version__ = "0.1.0"

PUBLIC = {
    "parse": "doors", "read": "doors", "derive": "results", "check": "doors", "verify": "doors", "lambdify": "doors",
    "export": "doors", "from_sympy": "bridge", "gradient": "bridge", "layers": "layers", "Notation": "notation",
    "Derivation": "results", "Gradient": "results", "Program": "program", "Equation": "program", "Fact": "program",
    "jacobian": "second", "hessian": "second", "hvp": "second", "gauss_newton": "gauss", "jvp": "second", "Step": "program", "Verdict": "judge.verdict",
    "SymbackpropError": "errors", "ParseError": "errors", "ShapeError": "errors", "UnsupportedError": "errors",
}
__all__ = sorted(PUBLIC)


def __getattr__(name: str) -> object:
    """Public names are imported when they are first asked for, so that `--help` costs neither SymPy nor NumPy."""
    if name not in PUBLIC:
        raise AttributeError(f"module 'symbackprop' has no attribute {name!r}")
    room = importlib.import_module(f".{PUBLIC[name]}", __name__)
    value = room if name == PUBLIC[name] else getattr(room, name)
    globals()[name] = value
    return value
