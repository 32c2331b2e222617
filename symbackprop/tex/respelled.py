"""Other ways to write a derivative, made into the one that is read: `dL = ⟨G, dW⟩`, `D_x f`, `\\delta E/\\delta w`, `J_f`, `\\dot w`.

A row of `SPELLINGS` takes an equation and gives another, or None where it does not apply. The nodes of the right side
keep their places, so that a repair edits what stands in the text.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import fields, replace
from typing import TYPE_CHECKING

from ..errors import UnsupportedError
from ..expr import Var, names_in
from .inference import LOSSES
from .names import taken_apart
from .syntax import Frac, Group, Juxt, List, Node, Rel, Script, Sym, Un
from .tensors import Term

if TYPE_CHECKING:
    from .definitions import Definitions

Spelling = Callable[["Definitions", Rel], Rel | None]


def respelled(scope: Definitions, rel: Rel) -> Rel:
    """An equation with its derivatives in the usual spelling."""
    for spelling in SPELLINGS:
        found = spelling(scope, rel)
        if found is not None:
            rel = found
    return rel


def partial(of: Node) -> Juxt:
    return Juxt((Sym("partial", "command", (), (of.span[0], of.span[0])), of), of.span)


def with_left(rel: Rel, left: Node, *right: Node) -> Rel:
    return Rel((left, *(right or rel.items[1:])), rel.ops, rel.span)


# --- delta for ∂, and places of evaluation ---------------------------------------------------------------------------------

def replaced(node: object, change: Callable[[Node], Node | None]) -> object:
    """A tree with some of its nodes replaced."""
    if isinstance(node, tuple):
        return tuple(replaced(x, change) for x in node)
    if not hasattr(node, "span"):
        return node
    found = change(node)
    if found is not None:
        return found
    parts = {f.name: new for f in fields(node) if f.name != "span" and (new := replaced(old := getattr(node, f.name), change)) is not old}
    return replace(node, **parts) if parts else node


def small_delta(scope: Definitions, rel: Rel) -> Rel | None:
    """`\\frac{\\delta E}{\\delta w}`, where no δ is declared."""
    if "delta" in scope.table.bases():
        return None

    def change(node: Node) -> Node | None:
        ends = (node.top, node.bottom) if isinstance(node, Frac) else ()
        if ends and all(isinstance(e, Juxt) and len(e.items) == 2 and is_plain(e.items[0], "delta") for e in ends):
            return Frac(*(partial(e.items[1]) for e in ends), node.span)
        return None
    found = replaced(rel, change)
    return found if found != rel else None


def evaluated(scope: Definitions, rel: Rel) -> Rel | None:
    """`\\left. \\frac{∂L}{∂w} \\right|_w`: the derivative at the place where it is taken anyway."""
    left = rel.items[0]
    if not isinstance(left, Script) or not isinstance(left.base, Group) or (left.base.open, left.base.close) != (".", "|") or left.sub is None:
        return None
    inner = left.base.body
    by = inner.bottom if isinstance(inner, Frac) else None
    same = isinstance(by, Juxt) and len(by.items) == 2 and by.items[1] == left.sub
    return with_left(rel, replace(inner, span=left.span)) if same else None


def is_plain(node: Node, name: str) -> bool:
    return isinstance(node, Sym) and node.name == name and not node.marks


# --- operators -----------------------------------------------------------------------------------------------------------

def operator_d(scope: Definitions, rel: Rel) -> Rel | None:
    """`D_x f` alone on the left, for a scalar f that the text defines."""
    left = rel.items[0]
    if not isinstance(left, Juxt) or not isinstance(left.items[0], Script) or not is_plain(left.items[0].base, "D") or left.items[0].sub is None \
            or len(left.items) not in (2, 3) or "D" in scope.table.bases():
        return None
    w = taken_apart(left.items[1])
    found = scope.find(w) if w is not None else None
    if found is None or found[0].rank:
        return None
    head = left.items[0]
    return with_left(rel, Juxt((replace(head, base=Sym("partial", "command", (), head.base.span)), *left.items[1:]), left.span))


def jacobian(scope: Definitions, rel: Rel) -> Rel | None:
    """`J_f` and `J_f(x)`, for an f that the text defines and one vector that it is made of."""
    left = rel.items[0]
    head, given = (left.items[0], left.items[1]) if isinstance(left, Juxt) and len(left.items) == 2 and isinstance(left.items[1], Group) else (left, None)
    if not isinstance(head, Script) or not is_plain(head.base, "J") or head.sub is None or head.sup is not None or "J" in scope.table.bases():
        return None
    w = taken_apart(head.sub)
    found = scope.find(w) if w is not None else None
    if found is None or found[0].rank != 1:
        return None
    by = given.body if given is not None else only_vector_of(scope, found[0], head.sub.span)
    return with_left(rel, Frac(partial(replace(head.sub, span=left.span)), partial(by), left.span)) if by is not None else None


def only_vector_of(scope: Definitions, term: Term, span: tuple[int, int]) -> Sym | None:
    """The one vector among the inputs that a definition is made of, as it is written."""
    node = next((e.expr for e in scope.equations if type(term.node) is Var and e.name == term.node.name), None)
    found = [n for n, v in names_in(node).items() if v.rank == 1 and n in scope.inputs] if node is not None else []
    return Sym(found[0], "letter", (), span) if len(found) == 1 else None


def flow(scope: Definitions, rel: Rel) -> Rel | None:
    """`\\dot w = −G`: w goes down the gradient."""
    left = rel.items[0]
    if not isinstance(left, Sym) or left.marks != ("dot",):
        return None
    w = taken_apart(replace(left, marks=()))
    if scope.find(taken_apart(left)) is not None or scope.find(w) is None:
        return None
    scalars = {e.name for e in scope.equations if not e.expr.rank and e.name in LOSSES}
    if len(scalars) != 1:
        return None
    loss = scalars.pop()
    scope.notes[f"{scope.text(left)} is the negative gradient: {scope.text(left)} = -d{loss}/d{left.name}"] = None
    top = Sym(loss, "letter", (), left.span)
    return with_left(rel, Un("-", Frac(partial(top), partial(replace(left, marks=())), left.span), left.span))


# --- differentials -------------------------------------------------------------------------------------------------------

def pairing(scope: Definitions, rel: Rel) -> Rel | None:
    """`dL = ⟨G, dW⟩`, and `dL = G : dW` which is read alike, say that ∂L/∂W is G."""
    top, right = scope.differential(rel.items[0]), rel.items[1]
    if not isinstance(top, (Sym, Script)) or len(rel.items) != 2 or rel.ops[0] != "=":
        return None
    pair = right.body.items if isinstance(right, Group) and right.open == "<" and isinstance(right.body, List) and right.body.sep == "," else ()
    by = scope.differential(pair[1]) if len(pair) == 2 else None
    return None if by is None or isinstance(by, str) else with_left(rel, gradient(top, by, rel.items[0].span), pair[0])


def traced(scope: Definitions, rel: Rel) -> Rel | None:
    """`df = tr(A dX)` says that the transpose of ∂f/∂X is A."""
    top, right = scope.differential(rel.items[0]), rel.items[1]
    if not isinstance(top, (Sym, Script)) or len(rel.items) != 2 or not isinstance(right, Juxt) or len(right.items) != 2 or \
            getattr(right.items[0], "name", "") not in ("tr", "Tr", "trace") or not isinstance(right.items[1], Group):
        return None
    factors = right.items[1].body.items if isinstance(right.items[1].body, Juxt) else ()
    count = 2 if len(factors) > 2 and scope.differential(factors[-2]) == "" else 1
    by = scope.differential(factors[-1] if count == 1 else Juxt(factors[-2:], (factors[-2].span[0], factors[-1].span[1]))) if len(factors) > count else None
    if by is None or isinstance(by, str):
        return None
    rest, span = factors[:-count], rel.items[0].span
    left = Script(Group("(", ")", gradient(top, by, span), span), None, Sym("top", "mark", (), span), 0, span)
    return with_left(rel, left, rest[0] if len(rest) == 1 else Juxt(rest, (rest[0].span[0], rest[-1].span[1])))


def gradient(top: Node, by: Node, span: tuple[int, int]) -> Juxt:
    return Juxt((Script(Sym("nabla", "command", (), span), by, None, 0, span), top), span)


# --- factors of a singular value decomposition ---------------------------------------------------------------------------

def decomposed(scope: Definitions, rel: Rel) -> Rel | None:
    """`U V^\\top` of X = U Σ V^⊤ is the polar factor of X."""
    def change(node: Node) -> Node | None:
        items = node.items if isinstance(node, Juxt) else ()
        at = next((k for k in range(len(items) - 1) if items[k:k + 2] in scope.decompositions), None)
        if at is None:
            return None
        span = items[at].span[0], items[at + 1].span[1]
        of = Group("(", ")", replace(scope.decompositions[items[at:at + 2]], span=span), span)
        return Juxt((*items[:at], Sym("polar", "function", (), span), of, *items[at + 2:]), node.span)
    found = replaced(rel.items[1:], change)
    return Rel((rel.items[0], *found), rel.ops, rel.span) if found != rel.items[1:] else None


def is_decomposition(scope: Definitions, rel: Rel) -> bool:
    """`X = U \\Sigma V^\\top` of a declared X and factors that nothing declares; what else would read the factors is refused."""
    left, right = rel.items[0], rel.items[1]
    if len(rel.items) != 2 or not isinstance(left, Sym) or not isinstance(right, Juxt) or len(right.items) != 3:
        return False
    u, s, v = right.items
    named = isinstance(u, Sym) and isinstance(s, Sym) and isinstance(v, Script) and isinstance(v.base, Sym) and s.name in ("Sigma", "S", "D", "Lambda")
    if not named or v.sub is not None or not scope.is_transposed(v.sup) or scope.find(taken_apart(left)) is None or \
            {u.name, s.name, v.base.name} & scope.table.bases():
        return False
    scope.decompositions[u, v] = left
    for part in (u, s, v.base):
        said = f"the factors of {scope.text(rel)} are not followed, but for {scope.text(u)} {scope.text(v)}"
        scope.broken.setdefault(part.name, scope.fail(part, said, None, UnsupportedError))
    return True


SPELLINGS: tuple[Spelling, ...] = (small_delta, evaluated, operator_d, jacobian, flow, pairing, traced, decomposed)
