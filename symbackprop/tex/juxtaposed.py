"""Things side by side -> a value: runs of letters as names or products, functions with their arguments, products.

Function application is settled here: a function takes the bracket after it, or else what follows up to the next
function; a name that is a tensor is multiplied.
"""

from __future__ import annotations

from dataclasses import replace

import sympy as sp

from ..errors import ShapeError, UnsupportedError
from ..expr import Function, function, names_in
from .derivatives import is_d, is_nabla
from .functions import UNNAMED, Functions, arguments
from .names import Macro, label, parts_of, taken_apart
from .symbols import GREEK
from .syntax import Group, Juxt, Node, Num, Rel, Script, Sym, Un
from .tensors import Term, chained, multiply, raised

Callee = str | Function | Macro


class Juxtaposed(Functions):
    def function_of(self, node: Node) -> Callee | None:
        """What a symbol calls: a function of the document, or of the table. Scripts may be part of its name."""
        w = taken_apart(node)
        if w is None:
            return None
        for sub, sup in ((self.labels(w.sub), self.labels(self.named_above(w.sup))), (self.labels(w.sub), ""),
                         ("", self.labels(self.named_above(w.sup))), ("", "")):
            if (w.base, sub, sup, 0) in self.table.functions:
                return self.table.functions[w.base, sub, sup, 0]
        return self.function_name(node)

    def named_above(self, sup: tuple[Node, ...]) -> tuple[Node, ...]:
        return tuple(p for p in sup if not (isinstance(p, Num) or isinstance(p, Un)))

    def unnamed(self, node: Node) -> Function | None:
        """f, g, φ before a bracket, where nothing says what they are."""
        w = taken_apart(node)
        if w is None or w.base not in UNNAMED or self.find(w) is not None or self.find(replace(w, primes=0)) is not None:
            return None
        labels = "".join(label(p, self.layers) for p in (*w.sub, *self.named_above(w.sup)))
        self.take(f"{w.base} is an elementwise function without a name of its own")
        return function(w.base + labels, opaque=True)

    def juxtaposed(self, node: Juxt) -> Term:
        """A product of things side by side."""
        factors = self.factors(node.items)
        found, first = factors[0]
        for term, item in factors[1:]:
            spot = Juxt((first, item), (first.span[0], item.span[1]))
            linked = chained(found, term)
            if linked is not None:
                self.take(f"{self.text(node)} is summed over the intermediate")
                found = linked
            else:
                found = self.checked(multiply, found, term, spot)
            first = spot
        return found

    def factors(self, items: tuple[Node, ...]) -> list[tuple[Term, Node]]:
        """The values of things side by side, functions with their arguments taken together."""
        out: list[tuple[Term, Node]] = []
        i = 0
        while i < len(items):
            item = items[i]
            if out and out[-1][0].rank and is_place(item):
                raise self.fail(item, f"{self.text(item)} behind a tensor: an entry has its number below, counted from 1", "write x_{2} for the second", UnsupportedError)
            term, used = self.factor(item, items[i + 1:])
            end = items[i + used].span[1]
            out.append((term, item if not used else Juxt(items[i:i + used + 1], (item.span[0], end))))
            i += used + 1
        return out

    def factor(self, item: Node, rest: tuple[Node, ...]) -> tuple[Term, int]:
        """One value, and how many of the things after it belong to it."""
        head = item.base if isinstance(item, Script) else item
        if is_nabla(item):
            return self.nabla(item, rest)
        if is_d(item) and rest and self.is_known(rest[0]) and not self.is_known(item) and item.name not in self.table.sizes:
            return self.gradient(rest[0], item), 1
        if (below := self.operator(item) or self.second_operator(item)) is not None:
            return self.applied(below, item, rest)
        is_one = isinstance(head, Num) and head.text == "1" or isinstance(head, Sym) and head.name == "I"
        if is_one and rest and self.is_condition(rest[0]):
            after = rest[0]
            if isinstance(after, Script):
                found = self.indicator(after.base.body, item)
                return self.scripted(found, parts_of(after.sub), parts_of(after.sup), after.primes, after), 1
            return self.indicator(after.body, item), 1
        if isinstance(head, Sym):
            return self.symbol_factor(item, rest)
        return self.value(item), 0

    def is_condition(self, node: Node) -> bool:
        group = node.base if isinstance(node, Script) else node
        return isinstance(group, Group) and isinstance(group.body, Rel)

    def applied(self, below: Node | tuple[Node, Node], item: Node, rest: tuple[Node, ...]) -> tuple[Term, int]:
        """`\\frac{\\partial}{\\partial θ} J(θ)`."""
        if not rest:
            raise self.fail(item, f"{self.text(item)} of nothing")
        if taken_apart(rest[0]) is None or self.is_callee(rest[0]):
            whole = rest[0] if len(rest) == 1 else Juxt(rest, (rest[0].span[0], rest[-1].span[1]))
            return self.ratio_by(whole, below, item), len(rest)
        used = 2 if len(rest) > 1 and isinstance(rest[1], Group) else 1
        return self.ratio_by(rest[0], below, item), used

    def ratio_by(self, top: Node, below: Node | tuple[Node, Node], node: Node) -> Term:
        return self.second(self.target(top), below, node) if isinstance(below, tuple) else self.ratio(top, below, node)

    def symbol_factor(self, item: Node, rest: tuple[Node, ...]) -> tuple[Term, int]:
        w = taken_apart(item)
        if w is not None and self.find(w) is not None:
            if rest and self.repeats_argument(w, rest[0]):
                return self.value(item), 1
            return self.value(item), 0
        callee = self.function_of(item)
        brackets = bool(rest) and is_bracket(bare(rest[0]))
        if callee is None and brackets:
            callee = self.unnamed(item)
        if callee is None:
            return self.value(item), 0
        if not rest:
            raise self.fail(item, f"{self.text(item)} is a function: its argument is missing")
        if brackets and isinstance(rest[0], Script):
            return self.called_with_scripts(callee, item, rest[0]), 1
        if brackets:
            return self.called(callee, item, rest[0], arguments(rest[0])), 1
        count = self.argument_length(rest)
        argument = rest[0] if count == 1 else Juxt(rest[:count], (rest[0].span[0], rest[count - 1].span[1]))
        return self.called(callee, item, argument, [argument]), count

    def called_with_scripts(self, callee: Callee, item: Node, after: Script) -> Term:
        """`\\tanh(z)^2`, `\\operatorname{softmax}(z)_i`: the scripts belong to the value, not to its argument."""
        found = self.called(callee, item, after.base, arguments(after.base))
        node = replace(after, span=(item.span[0], after.span[1]))
        if self.text(item) in ("\\log", "\\ln") and after.sup is not None:
            self.take(f"the power in {self.text(node)} is one of the logarithm")
        return self.scripted(found, parts_of(after.sub), parts_of(after.sup), after.primes, node)

    def argument_length(self, rest: tuple[Node, ...]) -> int:
        """How many of the things after a function without brackets are its argument: `\\log h(x)`, `\\log P_{ij}`."""
        first = self.is_callee(rest[0])
        if first and len(rest) > 1 and isinstance(bare(rest[1]), Group):
            return 2
        if first:
            return 1 + self.argument_length(rest[1:]) if len(rest) > 1 else 1
        return next((n for n, x in enumerate(rest) if n and self.starts_call(x)), len(rest))

    def is_callee(self, node: Node) -> bool:
        w = taken_apart(node)
        return w is not None and self.find(w) is None and self.function_of(node) is not None

    def starts_call(self, node: Node) -> bool:
        return isinstance(bare(node), Group) or self.is_callee(node)

    def repeats_argument(self, w: object, group: Node) -> bool:
        """`R(w)` where R was defined as R(w): the name with its argument, not a product."""
        name = getattr(self.find(w)[0].node, "name", None)
        if not isinstance(group, Group) or group.open != "(":
            return False
        if name not in self.arguments_of:
            return self.depends_on(name, group)
        names = []
        for a in arguments(group):
            if taken_apart(a) is None or not self.is_known(a):
                return False
            names.append(getattr(self.value(a).node, "name", None))
        return set(names) <= set(self.arguments_of[name])

    def depends_on(self, name: str | None, group: Group) -> bool:
        """Whether a scalar that an equation defines is followed by names it is made of: `f(x)` is f."""
        read = {e.name: e for e in self.equations if not e.expr.shape}
        if name not in read or not all(taken_apart(a) is not None and self.is_known(a) for a in arguments(group)):
            return False
        made = names_in(read[name].expr)
        if all(getattr(self.value(a).node, "name", None) in made for a in arguments(group)):
            self.take(f"{name} {self.text(group)} is {name}, with what it depends on")
            return True
        return False

    def called(self, callee: Callee, item: Node, argument: Node, args: list[Node]) -> Term:
        """A function on its arguments, with the power or primes that stand on the function's name."""
        w = taken_apart(item)
        node = Juxt((item, argument), (item.span[0], argument.span[1]))
        powers = [p for p in w.sup if isinstance(p, (Num, Un))]
        if any(isinstance(p, Un) for p in powers):
            raise self.fail(item, f"{self.text(item)} could be an inverse or a reciprocal", "write 1/… or arctanh", UnsupportedError)
        try:
            if isinstance(callee, str):
                sub = w.sub[0] if w.sub else None
                found = self.call_known(callee, args, node, sub, w.primes)
            else:
                found = self.call_own(callee, args, node, w.primes)
        except ShapeError as error:
            raise error.at(*self.formula.place(item.span[0]), self.formula.line(self.formula.place(item.span[0])[0])) from None
        for p in powers:
            found = raised(found, sp.Integer(p.text))
        return found

    # --- runs of letters --------------------------------------------------------------------------------------------

    def run_of_letters(self, run: Sym, node: Node) -> Term:
        """`XW` is the name XW if there is one, and else the product of X and W."""
        w = taken_apart(node)
        if self.find(w) is not None or run.kind != "run":
            return self.symbol(node)
        if self.function_of(node) is not None:
            raise self.fail(node, f"{self.text(node)} is a function: its argument is missing")
        cotangent = self.cotangent(w)
        if cotangent is not None:
            return self.scripted(*cotangent, node)
        pieces = self.pieces(run) if run.name not in GREEK or not self.infer else None
        if pieces is None:
            whole = self.inferred_symbol(w) if self.infer and (not run.name.isalpha() or run.name in GREEK) else None
            if whole is not None:
                return self.scripted(*whole, node)
            raise self.undeclared(node, (run.name, self.labels(w.sub), self.labels(w.sup), w.primes))
        if isinstance(node, Script):
            pieces[-1] = replace(node, base=pieces[-1], span=(pieces[-1].span[0], node.span[1]))
        if len(pieces) == 1:
            return self.value(pieces[0])
        return self.juxtaposed(Juxt(tuple(pieces), node.span))

    def pieces(self, run: Sym) -> list[Node] | None:
        """The run cut into known names, the longest first; None if it cannot be."""
        text, start = run.name, run.span[0]
        cuts = longest_first(self.cut_points(text), len(text))
        if cuts is None:
            return None
        out: list[Node] = []
        for at, end in zip((0, *cuts), cuts):
            name = text[at:end]
            span = (start + at, start + end)
            if name.isdigit():
                out.append(Num(name, (), span))
            else:
                out.append(Sym(name, "letter" if len(name) == 1 else "run", run.marks, span))
        return out if len(out) > 1 or self.infer and len(text) == 1 else None

    def cut_points(self, text: str) -> set[tuple[int, int]]:
        """Where each part of a run that has a meaning of its own begins and ends."""
        bases = {k[0] for k in (*self.table.tensors, *self.formals)} | set(self.table.sizes)
        bases |= {k[0].lower() for k in self.table.tensors if len(k[0]) == 1 and k[0].isupper()}
        longest = max(map(len, bases), default=1)
        found = set()
        for a in range(len(text)):
            for b in range(a + 1, min(len(text), a + longest) + 1):
                name = text[a:b]
                if name in bases or len(name) == 1 and (self.infer and name.isalpha() or name == "I") or name == "e":
                    found.add((a, b))
        return found


def longest_first(known: set[tuple[int, int]], length: int) -> tuple[int, ...] | None:
    """Where the parts end if a run is cut into known parts, each the longest that leaves a rest which can be cut.

    >>> longest_first({(0, 1), (0, 2), (1, 3), (2, 3)}, 3), longest_first({(0, 1)}, 2)
    ((2, 3), None)
    """
    ends: dict[int, tuple[int, ...]] = {length: ()}
    for at, end in sorted(known, reverse=True):  # from the back; a longer part comes first and is kept
        if end in ends:
            ends.setdefault(at, (end, *ends[end]))
    return ends.get(0)


def bare(node: Node) -> Node:
    """What scripts stand on."""
    return node.base if isinstance(node, Script) else node


def is_place(node: Node) -> bool:
    """`[1]`: behind a tensor it is no factor."""
    group = bare(node)
    return isinstance(group, Group) and group.open == "[" and isinstance(group.body, Num)


def is_bracket(node: Node) -> bool:
    return isinstance(node, Group) and node.open in ("(", "[", "{")
