"""Second derivatives as people write them: `\\nabla^2 f`, `\\nabla\\nabla E`, `\\frac{\\partial^2 f}{\\partial x \\partial x^T}`.

A second derivative is the derivative of a gradient: a quantity of the gradient's shape and then of what it is
differentiated by, so that a Hessian is a Jacobian like any other.
"""

from __future__ import annotations

from dataclasses import replace

from ..errors import UnsupportedError
from .derivatives import Quantities, is_d, is_higher, is_nabla
from .names import taken_apart
from .syntax import Frac, Juxt, Node, Num, Script
from .tensors import Term


class SecondDerivatives(Quantities):
    def fraction(self, node: Node) -> Term | None:
        """`∂²C/∂w∂w^T` beside the first derivatives; None where the fraction is no derivative."""
        top, bottom = (node.top, node.bottom) if isinstance(node, Frac) else node.items
        if not is_higher(top):
            return super().fraction(node)
        above = self.of_second(top)
        if above is None:
            return None
        return self.second(self.target(above), self.pair_below(bottom, node), node)

    def second_operator(self, node: Node) -> tuple[Node, Node] | None:
        """The two that `\\frac{\\partial^2}{\\partial x \\partial y}` differentiates by."""
        if not isinstance(node, Frac) or not is_higher(node.top) or self.of_second(node.top) is not None:
            return None
        return self.pair_below(node.bottom, node)

    def of_second(self, top: Node) -> Node | None:
        """f of `\\partial^2 f`; None of a lone `\\partial^2`."""
        head, *rest = top.items if isinstance(top, Juxt) else (top,)
        if not isinstance(head.sup, Num) or head.sup.text != "2":
            raise self.fail(top, f"{self.text(top)}: only first and second derivatives are read", None, UnsupportedError)
        return Juxt(tuple(rest), (rest[0].span[0], rest[-1].span[1])) if len(rest) > 1 else rest[0] if rest else None

    def pair_below(self, bottom: Node, node: Node) -> tuple[Node, Node]:
        """`\\partial x_i \\partial x_j`, `\\partial x \\partial x^T`, `\\partial x^2`, `dx^2`."""
        items = list(bottom.items) if isinstance(bottom, Juxt) else [bottom]
        found: list[Node | None] = []
        while items:
            item = items.pop(0)
            found.append(items.pop(0) if is_d(item) and items else self.after_d(item))
        if len(found) == 1 and isinstance(found[0], Script) and isinstance(found[0].sup, Num) and found[0].sup.text == "2":
            found = [without_power(found[0])] * 2
        if len(found) != 2 or None in found:
            raise self.fail(node, f"{self.text(node)}: what it differentiates by", None, UnsupportedError)
        return self.standing(found[0]), self.standing(found[1])

    def standing(self, node: Node) -> Node:
        """x for the `x^T` that only says which way a Hessian lies."""
        w = taken_apart(node)
        if w is None or len(w.sup) != 1 or not self.is_transposed(w.sup[0]) or not isinstance(node, Script):
            return node
        return without_power(node)

    def second(self, loss: Term, below: tuple[Node, Node], node: Node) -> Term:
        first, other = (self.below(x) for x in below)
        return self.quantity(self.quantity(loss, first, node), other, node)

    def hessian(self, head: Node, rest: tuple[Node, ...]) -> tuple[Term, int] | None:
        """`∇² f`, `∇_w^2 f`, `∇∇ E`; None where ∇ stands once."""
        if is_nabla(rest[0]) and len(rest) > 1:
            extra, rest = 1, rest[1:]
        elif isinstance(head, Script) and head.sup is not None:
            if not isinstance(head.sup, Num) or head.sup.text != "2":
                raise self.fail(head, f"{self.text(head)} is not read", None, UnsupportedError)
            extra = 0
        else:
            return None
        plain = replace(head, sup=None) if isinstance(head, Script) else head
        gradient, used = self.nabla(plain, rest)
        if isinstance(plain, Script) and plain.sub is not None:
            other = self.below(plain.sub)
        else:
            loss = self.target(rest[0])
            other = Term(*self.only_parameter(loss.node.name, head))
        return self.quantity(gradient, other, head), used + extra


def without_power(node: Script) -> Node:
    return node.base if node.sub is None and not node.primes else replace(node, sup=None)
