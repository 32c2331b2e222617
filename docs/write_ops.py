"""Writes docs/ops.md from the op tables: `python docs/write_ops.py` (or `make docs`)."""

from __future__ import annotations

from pathlib import Path

import sympy as sp

from symbackprop.ops import ARGS, OUT, SCALAR_OPS, TENSOR_OPS, ScalarOp, TensorOp, load

PAGE = Path(__file__).with_name("ops.md")
HEAD = """# The op tables

Written by `make docs` from `symbackprop/ops`; do not edit it here. [contributing.md](contributing.md) says how to add a row.

Everything linear (products, transposes, sums, traces, outer products, broadcasting) is one node, the contraction, with one
rule, and stands in no table.

## Elementwise functions

The derivative is that of SymPy. The third column is how it is written, in terms of the output $y$ where that is what books
do; an empty one is written $f'(x)$ and computed from the formula. `tests/test_contracts.py` holds every row to a definition
of its own at 50 digits.

| name | $f$ | $f'$ as written | NumPy | convention |
|---|---|---|---|---|
"""
MIDDLE = """
## Functions of whole tensors

Each row has its own pull-back, with the reason that its step gives.

| name | shown as | because | NumPy | where it holds |
|---|---|---|---|---|
"""


def page() -> str:
    """The text of docs/ops.md."""
    load()
    scalars = "".join(scalar_line(row) for row in SCALAR_OPS.values())
    tensors = "".join(tensor_line(row) for row in TENSOR_OPS.values())
    return HEAD + scalars + MIDDLE + tensors


def tex(expr: sp.Expr) -> str:
    names = {old: sp.Symbol(new, real=True) for old, new in zip(ARGS, ("x", "b", "c"))}
    return "$" + sp.latex(expr.subs(names)).replace("|", r"\vert ").replace(r"\begin{cases}", r"\begin{cases} ") + "$"


def scalar_line(row: ScalarOp) -> str:
    slopes = [tex(p) if p is not None else "" for p in row.prime] if row.prime is not None else []
    given = {f"p{k}": name for k, (name, _) in enumerate(row.params)}
    spelled = code(row.numpy, row.arity, given)
    usual = "; ".join(f"${sp.latex(sp.Symbol(name))} = {sp.latex(value)}$ unless given" for name, value in row.params)
    return f"| `{row.name}` | {tex(row.expr)} | {', '.join(slopes)} | {spelled} | {'; '.join(filter(None, (row.kinks, usual)))} |\n"


def tensor_line(row: TensorOp) -> str:
    given = {f"p{k}": name for k, (name, _) in enumerate(row.params)}
    shown = f"${row.tex}$" if row.tex else {"inverse": "$A^{-1}$", "norm": r"$\lVert A \rVert$"}.get(row.show, row.show)
    return f"| `{row.name}` | {shown} | {cell(row.because)} | {code(row.numpy, 3, given)} | {cell(row.condition)} |\n"


def code(template: str, arity: int, params: dict[str, str]) -> str:
    """A spelling with its slots named as in the formulas."""
    if not template:
        return ""
    made = template.replace(".astype(dtype)", "")
    for slot, name in {**{str(k): "xbc"[k] for k in range(min(arity, 3))}, **params}.items():
        made = made.replace("{" + slot + "}", name)
    return f"`{cell(made)}`"


def cell(text: str) -> str:
    return text.replace("|", r"\|")


if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8")
