"""Index form: every entry written out with its indices, sums with Σ, and δ_ij for the identity.

It works on any node, so it is also how a contraction is shown that has no matrix reading.
"""

from __future__ import annotations

from .expr import Add, Apply, Const, Contract, Delta, Expr, Map, Ones, Var
from .forms import Atom, Number
from .writing import ATOM, MUL, SUM, TIGHT, TextWriter

LETTERS = "ijklmnpqrstuvwabcdefgho"


class IndexWriter:
    """Writes nodes in index form with the glyphs of a matrix writer (text or LaTeX)."""

    def __init__(self, writer: TextWriter) -> None:
        self.writer = writer
        self.is_tex = writer.quotient.strip() != "⊘"

    def letters(self, node: Expr) -> list[str]:
        return [letter for letter in LETTERS]

    def summed(self, node: Expr) -> str:
        """The entry of `node` at free indices i, j, …"""
        pool = self.letters(node)
        return self.entry(node, pool[:node.rank], pool[node.rank:])[0]

    def equation(self, name: str, node: Expr) -> tuple[str, str]:
        """(left, right) of `name[i, j] = …`; a partial derivative carries its indices below."""
        own = self.letters(node)[:node.rank]
        symbol = self.writer.symbol(name)
        if own and self.is_tex and symbol.startswith(r"\frac") and symbol.endswith("}"):
            return symbol[:-1] + "_{" + "".join(own) + "}}", self.summed(node)
        return self.indexed(symbol, own), self.summed(node)

    def indexed(self, symbol: str, own: list[str]) -> str:
        if not own:
            return symbol
        if self.is_tex:
            bare = symbol if "_" not in symbol and "^" not in symbol and r"\frac" not in symbol else f"({symbol})"
            return bare + "_{" + "".join(own) + "}"
        return f"{symbol}[{','.join(own)}]" if "_" in symbol or "/" in symbol else f"{symbol}_{''.join(own)}"

    def entry(self, node: Expr, own: list[str], free: list[str]) -> tuple[str, int]:
        """(text, precedence) of the entry of `node` at the indices `own`; `free` are letters nobody uses."""
        match node:
            case Var():
                return self.indexed(self.writer.form(Atom(node))[0], own), ATOM
            case Const():
                return self.writer.form(Number(node.value))
            case Ones():
                return "1", ATOM
            case Delta():
                return (r"\delta_{%s}" if self.is_tex else "δ_%s") % "".join(own), ATOM
            case Add():
                return self.sum_entry(node, own, free), SUM
            case Map():
                return self.map_entry(node, own, free)
            case Apply():
                inner = self.writer.write(node)
                return self.indexed(inner if not own else f"({inner})", own), ATOM
        return self.contract_entry(node, own, free)

    def sum_entry(self, node: Add, own: list[str], free: list[str]) -> str:
        text = ""
        for term in node.terms:
            piece = self.entry(term, own, free)[0]
            minus = self.writer.minus
            if text and piece.startswith(minus):
                text += f" {minus} {piece[len(minus):]}"
            else:
                text += (self.writer.plus if text else "") + piece
        return text

    def map_entry(self, node: Map, own: list[str], free: list[str]) -> tuple[str, int]:
        f = node.function
        args = [self.entry(a, own, free) for a in node.args]
        if f.name == "pow" and not f.derivative:
            base, level = args[0]
            base = base if level >= ATOM and "_" not in base else self.writer.brackets(base)
            return self.writer.raised(base, f.params[0], False), TIGHT
        if f.name == "step" and not f.derivative:
            return self.writer.indicator(f"{args[0][0]} > 0"), ATOM
        return self.writer.arguments(self.writer.derived_name(f), [a for a, _ in args]), ATOM

    def contract_entry(self, node: Contract, own: list[str], free: list[str]) -> tuple[str, int]:
        names = dict(zip(node.output, own))
        free = list(free)
        summed = []
        for labels in node.inputs:
            for label in labels:
                if label not in names:
                    names[label] = free.pop(0)
                    summed.append(names[label])
        parts, number = [], None
        for operand, labels in zip(node.operands, node.inputs):
            text, level = self.entry(operand, [names[i] for i in labels], free)
            if type(operand) is Const:
                number = text
            elif type(operand) is not Ones:
                parts.append(text if level >= MUL else self.writer.brackets(text))
        body = " ".join(parts) or "1"
        if summed:
            sign = r"\sum_{%s}" % ", ".join(summed) if self.is_tex else "Σ_" + ",".join(summed)
            body = f"{sign} {body}"
        if number is not None:
            minus = self.writer.minus
            body = f"{minus}{body}" if number == f"{minus}1" else f"{number} {body}" if parts or summed else number
        return body, SUM if body.startswith(self.writer.minus) else MUL
