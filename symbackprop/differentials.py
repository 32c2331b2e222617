"""The steps of a gradient in differentials: dC = tr(Δᵀ dZ), dZ = dW X, hence dC = tr((Δ Xᵀ)ᵀ dW) and ∂C/∂W = Δ Xᵀ.

Another way to print what the sweep found: the differential of each equation that reads a name is the tangent of `forward`, and the last
line of each reading is the share of the cotangent that the sweep has. A vector's pairing is δᵀ dz.
"""

from __future__ import annotations

from typing import NamedTuple

from .algebra import ONE, hadamard, total
from .expr import Expr, Var, names_in, walk
from .forward import dot, push
from .program import Equation, Program
from .results import Derivation
from .reverse import bar, contributions
from .show.forms import T, Trace
from .show.matrix import matrix_form, multiplied
from .show.writing import TextWriter


class Reading(NamedTuple):
    """One equation that reads a name: its differential, and its share of the name's cotangent."""

    equation: Equation
    cotangent: Expr
    moved: Expr
    share: Expr


def readings(program: Program, backward: Program, name: str, primes: str) -> list[Reading]:
    """The readings of a name that reach the loss, in order."""
    found = []
    for equation in program.equations:
        var = names_in(equation.expr).get(name)
        if var is None or bar(equation.name) not in backward.table:
            continue
        known = backward.table[bar(equation.name)].expr
        cotangent = ONE if known is ONE else Var(bar(equation.name), known.shape)
        moved = push(equation, {name: Var(dot(name), var.shape)}, primes)
        shares = contributions(equation, walk(equation.expr), cotangent, {name}, primes)
        if moved is not None and shares:
            found.append(Reading(equation, cotangent, moved, shares[0][1]))
    return found


def differentials(derivation: Derivation, name: str, tex: bool = False) -> str:
    """The lines from the differential of each equation that reads `name` to the gradient by it.

    >>> import symbackprop as sb
    >>> d = sb.derive(sb.parse("x: R[n]; y: R[m]; W: R[m, n]\\nz = W @ x; a = tanh(z); C = sum((a - y)**2) / 2"))
    >>> print(differentials(d, "W"))
    dz = dW x
    dC = δᵀ dz = δᵀ dW x = tr((δ xᵀ)ᵀ dW)
    ∂C/∂W = δ xᵀ
    """
    writer = derivation.writer(tex)
    d = r"\mathrm{d}" if tex else "d"
    symbols = {n: d + writer.symbol(n) for n in (*derivation.program.inputs, *derivation.program.table)}
    writer.symbols |= {dot(n): symbol for n, symbol in symbols.items()}
    lines = []
    found = readings(derivation.program, derivation.backward, name, derivation.notation.primes)
    for reading in found:
        own = Var(dot(reading.equation.name), reading.equation.expr.shape)
        if reading.cotangent is not ONE:
            lines.append((symbols[reading.equation.name], writer.write(reading.moved)))
        sides = [paired(writer, reading.cotangent, own), paired(writer, reading.cotangent, reading.moved),
                 paired(writer, reading.share, Var(dot(name), reading.share.shape))]
        left = d + writer.symbol(derivation.loss) + (through(writer, reading.equation.name) if len(found) > 1 else "")
        lines.append((left, " = ".join(dict.fromkeys(sides[reading.cotangent is ONE:]))))
    lines.append((writer.symbol(bar(name)), writer.write(derivation.gradients[name].expr)))
    if not tex:
        return "\n".join(f"{left} = {right}" for left, right in lines)
    return "\\begin{aligned}\n" + " \\\\\n".join(f"{left} &= {right}" for left, right in lines) + "\n\\end{aligned}"


def through(writer: TextWriter, name: str) -> str:
    """Which of several readings a differential goes through, the others held."""
    symbol = writer.symbol(name)
    return rf"\big|_{{{symbol}}}" if "\\" in writer.quotient else f"|_{symbol}"


def paired(writer: TextWriter, cotangent: Expr, moved: Expr) -> str:
    """⟨cotangent, moved⟩ as it is written: a product of scalars, δᵀ dz, tr(Δᵀ dZ), or a sum over indices."""
    if cotangent is ONE:
        return writer.write(moved)
    if moved.rank == 0 or moved.rank > 2:
        return writer.write(total(hadamard(cotangent, moved)) if moved.rank else hadamard(cotangent, moved))
    body = multiplied([transposed_form(cotangent), matrix_form(moved)])
    return writer.form(Trace(body) if moved.rank == 2 else body)[0]


def transposed_form(node: Expr) -> object:
    """The transpose of a whole, its mark left outside the brackets, so that the gradient can be read off."""
    return T(matrix_form(node))
