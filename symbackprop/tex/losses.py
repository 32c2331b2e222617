"""The losses of a document: what its derivatives differentiate, or the scalar that nothing reads.

A loss that is differentiated and nowhere defined is assumed, and that is said: half the squares of ŷ − y, or any function of
the names whose cotangents the text is given.
"""

from __future__ import annotations

from dataclasses import replace

from ..algebra import add, hadamard, total
from ..expr import Expr, Var, names_in
from ..layers.losses import squared_error
from .definitions import Definitions
from .derivatives import is_nabla
from .names import Entry, Written, taken_apart
from .scope import is_index, negated
from .sums import free_letters
from .syntax import Frac, Juxt, Node, Prod, Rel, Script, Sym, walk
from .tensors import Term, same

LOSSES = ("C", "L", "E", "J", "ell", "loss", "Loss", "Cost", "cost")


class Losses(Definitions):
    def find_losses(self) -> None:
        """The losses: what the derivatives of the text differentiate; else the scalar that nothing reads."""
        self.model_readings, self.said_above = tuple(self.readings), {}
        self.defined = frozenset(e.name for e in self.equations)
        scalars = {e.name: e for e in self.equations if not e.expr.shape}
        found: dict[str, None] = {}
        for part in self.parts:
            self.formula = part.source
            for top in self.differentiated(part.node):
                w = taken_apart(top)
                known = self.find(w) if w is not None else None
                if known is not None and getattr(known[0].node, "name", None) in scalars:
                    found.setdefault(known[0].node.name)
                elif w is not None and known is None:
                    name = self.settling(lambda: self.assume_loss(w, top))
                    if name is not None:
                        found.setdefault(name)
        if not found and not scalars and (name := self.settling(self.unnamed_loss)) is not None:
            found[name] = None
        if not found:
            read = {name for e in self.equations for name in names_in(e.expr)}
            found = dict.fromkeys(name for name in scalars if name not in read)
        self.losses = tuple(found)
        self.parameters = tuple(name for name in self.inputs if name in self.parameter_names())

    def parameter_names(self) -> set[str]:
        """Inputs that look like parameters: not the data of the usual names."""
        found = {name for name in self.inputs if name.split("_")[0] not in ("x", "X", "y", "Y", "t", "lambda", "eta", "alpha", "epsilon")}
        return found or set(self.inputs)

    def differentiated(self, root: Node) -> list[Node]:
        """What stands on top of the derivatives of a formula, and under ∇."""
        found = []
        for node, _ in walk(root):
            if isinstance(node, Frac) or isinstance(node, Prod) and "/" in node.ops:
                pairs = [(node.top, node.bottom)] if isinstance(node, Frac) else list(zip(node.items, node.items[1:]))
                for top, bottom in pairs:
                    above, below = self.differential(top), self.differential(bottom)
                    if isinstance(below, str) or above is None or below is None:
                        continue
                    if above != "":
                        found.append(above.items[0] if isinstance(above, Juxt) else above)
            if isinstance(node, Juxt):
                for item, after in zip(node.items, node.items[1:]):
                    if is_nabla(item) or isinstance(item, Frac) and self.operator(item) is not None:
                        found.append(after)
        return found

    def assume_loss(self, w: Written, node: Node) -> str | None:
        """A loss that the text differentiates and nowhere defines: ½‖ŷ − y‖² where that is at hand, else any loss of what it is given by."""
        if w.base in self.broken or w.base.split(".")[0] not in LOSSES or w.sup or any(is_index(p) and p.name != "t" for p in w.sub):
            return None
        if not w.sub and (pair := self.squared_pair()) is not None:
            a, b = pair
            name = self.bind_loss(w, squared_error(a.var, b.var), node)
            self.loss_note = f"the text does not say what {name} is: {name} = ½‖{a.name} − {b.name}‖² is assumed"
        else:
            given = self.given_cotangents(w)
            if not given:
                return None
            name = self.bind_loss(w, self.any_loss(w.base, given), node)
            self.loss_note = f"the text does not say what {name} is: any function of {', '.join(given)}"
        self.notes[self.loss_note] = None
        return name

    loss_note = ""

    said_above: dict[str, str]

    def bind_loss(self, w: Written, loss: Expr, node: Node) -> str:
        self.bind((w.base, self.labels(w.sub), "", 0), [], [], Term(loss), Rel((node, node), ("=",), node.span))
        return self.equations[-1].name

    def squared_pair(self) -> tuple[Entry, Entry] | None:
        """ŷ and y, where ŷ is what the equations come to and y is given and no part of it."""
        read = {name for e in self.equations for name in names_in(e.expr)}
        hats = [(k, e) for k, e in self.table.tensors.items() if k[0].endswith(".hat") and e.name not in read]
        pairs = [(e, self.table.tensors.get((k[0][:-4], *k[1:]))) for k, e in hats]
        pairs = [(a, b) for a, b in pairs if b is not None and b.name in self.inputs and b.name not in read
                 and len(a.shape) == len(b.shape) and all(map(same, a.shape, b.shape))]
        return pairs[0] if len(pairs) == 1 else None

    def given_cotangents(self, w: Written | None) -> tuple[str, ...]:
        """The names whose cotangents the text reads and never claims: what comes from above, as `\\frac{\\partial L}{\\partial y}`."""
        claimed: set[str] = set()
        read: dict[str, None] = {}
        for part, values in self.claim_parts:
            self.formula, before, self.layers = part.source, self.layers, {**self.layers, **values}
            try:
                left, *rights = part.node.items
                claimed |= set(self.denominators(negated(left)[1], w))
                for right in rights:
                    read |= dict.fromkeys(self.denominators(right, w))
            finally:
                self.layers = before
        return tuple(name for name in read if name not in claimed)

    def unnamed_loss(self) -> str | None:
        """A loss for a text that writes dX or \\bar X for every gradient and never says of what."""
        given = self.given_cotangents(None)
        if not given or not self.claim_parts:
            return None
        base = next(b for b in ("L", "loss", "objective") if b not in {k[0] for k in self.table.tensors} | set(self.table.sizes))
        node = self.claim_parts[0][0].node.items[0]
        name = self.bind_loss(Written(base, (), (), 0, node, Sym(base, "letter", (), node.span)), self.any_loss(base, given), node)
        self.loss_note = f"the text does not name a loss: {name} is any function of {', '.join(given)}"
        self.notes[self.loss_note] = None
        return name

    def gradient_of(self, node: Node) -> Node | None:
        """X of `dX` and of `\\bar X`, where X is known and nothing else is called so."""
        w = taken_apart(node)
        if w is None or self.name_of(w):
            return None
        if w.base.endswith(".bar") and isinstance(w.symbol, Sym):
            plain = replace(w.symbol, marks=tuple(m for m in w.symbol.marks if m != "bar"))
            return replace(node, base=plain) if isinstance(node, Script) else plain
        return self.after_d(node)

    def denominators(self, root: Node, w: Written | None) -> list[str]:
        """The names by which a formula differentiates the loss; without one, those of `dX` and `\\bar X`."""
        found = []
        for node, _ in walk(root):
            if w is None:
                inner = self.gradient_of(node) if isinstance(node, (Sym, Script)) else None
                u = taken_apart(inner) if inner is not None else None
                found += self.name_of(u)
                continue
            if isinstance(node, Frac) or isinstance(node, Prod) and node.ops == ("/",):
                top, bottom = (node.top, node.bottom) if isinstance(node, Frac) else node.items
                above, below = self.differential(top), self.differential(bottom)
            elif isinstance(node, Juxt) and len(node.items) == 2 and is_nabla(node.items[0]) and isinstance(node.items[0], Script):
                above, below = node.items[1], node.items[0].sub
            else:
                continue
            v = taken_apart(above) if above is not None and not isinstance(above, str) else None
            u = taken_apart(below) if below is not None and not isinstance(below, str) else None
            if v is not None and u is not None and (v.base, self.labels(v.sub)) == (w.base, self.labels(w.sub)) and (names := self.name_of(u)):
                found += names
                if not free_letters(below, frozenset()):
                    self.said_above.setdefault(names[0], self.text(node))
        return found

    def name_of(self, w: Written | None) -> list[str]:
        """The name that a symbol speaks of, whatever its indices; none of a class."""
        if w is None:
            return []
        keys = [(w.base, sub, sup, w.primes) for sub, sup, _, _ in self.splits(w)]
        names = [self.table.tensors[k].name for k in keys if k in self.table.tensors]
        return [name for name in names[:1] if name not in self.classes and "alias" not in self.variable_of(name)]

    def variable_of(self, name: str) -> str:
        return next(e.var.name for e in self.table.tensors.values() if e.name == name)

    def any_loss(self, loss: str, given: tuple[str, ...]) -> Expr:
        """Σ ⟨G, y⟩ over what is given, each G free: any loss is this one as far as first derivatives go."""
        known = {**self.inputs, **{e.name: e.var for e in self.equations}}
        terms = []
        for name in (n for n in given if n in known):
            seed = fresh_name(f"d{loss.split('.')[0]}_d{name}", {*known, *self.table.sizes})
            self.inputs[seed] = Var(seed, known[name].shape)
            if name in self.said_above:
                self.table.tex[seed] = self.said_above[name]
            terms.append(total(hadamard(self.inputs[seed], known[name])))
        return add(terms)


def fresh_name(name: str, taken: set[str]) -> str:
    while name in taken:
        name += "_"
    return name
