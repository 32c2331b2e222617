"""Gauss–Newton blocks: G = Jᵀ H J with J the Jacobian of a network's output and H the Hessian of the loss by that output.

Where the loss is the negative log-likelihood of an exponential family in its natural parameters (softmax cross-entropy in its logits, squares),
this is the Fisher block (Martens, New Insights and Perspectives on the Natural Gradient Method, 2020, sec. 8).
"""

from __future__ import annotations

from collections.abc import Sequence

from .algebra import add
from .expr import Add, Expr
from .linear import common_scalars, flat
from .notation import Notation
from .program import Program
from .results import derive
from .reverse import bar
from .rules import tidy
from .second import Hessian, Jacobian, closed, shape_of
from .show.writing import TextWriter


class GaussNewton(Jacobian):
    """One block; as a `Jacobian`, but for what stands on the left."""

    def left(self, writer: TextWriter, tex: bool, stacked: bool) -> str:
        """`G[W₁, W₁]`."""
        return between([writer.symbol(n) for n in self.wrt], tex)

    def entry(self, writer: TextWriter, letters: list[str], tex: bool) -> str:
        """`G[W_ij, W_kl]`."""
        own = letters[:self.split], letters[self.split:]
        return between([writer.with_indices(writer.symbol(n), i) for n, i in zip(self.wrt, own)], tex)


def between(names: list[str], tex: bool) -> str:
    return rf"G_{{{names[0]}, {names[1]}}}" if tex else f"G[{', '.join(names)}]"


def gauss_newton(net: Program, of: str, wrt: Sequence[str], loss: str | None = None, notation: Notation = Notation()) -> Hessian:
    """(a, b) -> (∂of/∂a)ᵀ (∂²C/∂of∂ofᵀ) (∂of/∂b), in closed form.

    >>> import symbackprop as sb
    >>> net = sb.parse("x: R[n]; y: R[k]; W: R[k, n]; fact: sum(y) == 1; z = W @ x; p = softmax(z); C = -sum(y * log(p))")
    >>> print(sb.gauss_newton(net, "z", ["W"]))
    G[W, W] = (x xᵀ) ⊗ (diag(p) − p pᵀ)

    Raises as `hessian` and `jacobian`.
    """
    derivation = derive(net, [of, *wrt], loss, notation)
    whole = {e.name: e for e in derivation.view("expanded")}
    curvature = closed(derivation, whole[bar(of)], of)
    jacobians = {a: closed(derivation, net[of], a) for a in wrt}
    rank = len(shape_of(net, of))
    blocks = {}
    for a in wrt:
        for b in wrt:
            expr = tidy(sandwiched(jacobians[a], curvature, jacobians[b], rank), net.facts)[0]
            blocks[a, b] = GaussNewton(derivation, common_scalars(expr), derivation.loss, (a, b), "numerator")
    return Hessian(blocks)


def sandwiched(first: Expr, middle: Expr, last: Expr, rank: int) -> Expr:
    """Σ first[o, a] middle[o, q] last[q, b], sums outside multiplied out and the one in the middle kept where it is a matrix."""
    o, q = tuple(range(rank)), tuple(range(rank, 2 * rank))
    a = tuple(range(2 * rank, rank + first.rank))
    b = tuple(range(rank + first.rank, first.rank + last.rank))
    middles = middle.terms if type(middle) is Add and rank > 1 else (middle,)
    return add([flat([left, centre, right], [(*o, *a), (*o, *q), (*q, *b)], (*a, *b))
                for left in terms_of(first) for centre in middles for right in terms_of(last)])


def terms_of(node: Expr) -> tuple[Expr, ...]:
    return node.terms if type(node) is Add else (node,)
