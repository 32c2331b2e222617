"""Of what tensor a name is the gradient: the names of the call, of its object, of the forward part, and what they are short for."""

from __future__ import annotations

import ast
import re
from dataclasses import dataclass

from ..expr import Expr, Var
from ..program import is_activation
from .names import BARE_GRADIENT, PARAMETER_NAMES, SHORT, STORES, stems
from .terms import CodeTerms
from .values import Array, Free, Instance, name_of

MARK = "∂@"
ELEMENT = re.compile(r"(.+)\[(-?\d+)\]")


@dataclass(frozen=True)
class Spot:
    """Where a value is put: its node, its own name, as it is written, and the dictionary it stands in."""

    node: ast.expr
    name: str
    text: str
    container: str = ""


class Targets(CodeTerms):
    """Gradients and their tensors, by name."""

    scope: dict[str, object] = {}

    def target_of(self, spot: Spot) -> Var | None:
        """The tensor that a name is the gradient of; None where it names none."""
        if (at := ELEMENT.fullmatch(spot.name)) is not None:
            lists = filter(None, (self.list_called(stem) for stem, _ in stems(at[1])))
            return next((self.as_tensor(of[int(at[2])]) for of in lists if -len(of) <= int(at[2]) < len(of)), None)
        found = [(spot.name, False)] if STORES.match(spot.container) else []
        found += stems(spot.name)
        for loose in (False, True):
            for stem, before in found:
                var = self.tensor_called(stem, loose)
                if var is not None:
                    return self.pre_activation(var) if before else var
        return self.only_parameter() if BARE_GRADIENT.match(spot.name) else None

    def only_parameter(self) -> Var | None:
        """What a bare `grad` is of: the one parameter that its function is given, where no gradient comes in from above."""
        given = {name: var for name in sorted(PARAMETER_NAMES) if (var := self.as_tensor(self.frame.names.get(name))) is not None}
        taken = [n for n in self.frame.names if re.match(r"d_?out|grad_|upstream|d\w*next|delta", n)]
        return next(iter(given.values())) if len(given) == 1 and not taken else None

    def list_called(self, stem: str) -> list | None:
        """A list of tensors of this call or of its object, by its name or what that is short for."""
        owner = self.frame.names.get("self")
        places = [self.frame.names, *([owner.attributes] if isinstance(owner, Instance) else []), self.scope]
        found = (place.get(name) for name in (stem, f"{stem}s", *SHORT.get(stem.lower(), ())) for place in places)
        return next((f for f in found if isinstance(f, list) and f), None)

    def tensor_called(self, stem: str, loose: bool, near: bool = False) -> Var | None:
        """A tensor of the forward part, by the name it has here or had anywhere."""
        places: list[dict] = [self.frame.names]
        owner = self.frame.names.get("self")
        if isinstance(owner, Instance):
            places.append(owner.attributes)
        places += [v for place in places[:2] for v in place.values() if isinstance(v, dict)]
        places += [v.items for place in places[:1] for v in place.values() if isinstance(v, Free) and v.items]
        if not near:
            places += [self.scope, self.latest]
        names = (stem,) if not loose else (stem.lower(), stem.upper(), stem.capitalize(), f"z{stem}", f"Z{stem}", f"z_{stem}", f"Z_{stem}", f"a{stem}", f"h{stem}", f"l{stem}",
                                              *SHORT.get(stem.lower(), ()))
        for name in names:
            for place in places:
                var = self.as_tensor(place.get(name))
                if var is not None:
                    return var
        return None

    def is_near(self, spot: Spot, target: Var) -> bool:
        """Whether the name of a tensor is one of this very call, not one that was used elsewhere."""
        return any(self.tensor_called(stem, False, True) is not None for stem, _ in (*stems(spot.name), (spot.name, False)))

    def as_tensor(self, value: object) -> Var | None:
        if isinstance(value, Free):
            value = value.array
        name = name_of(value)
        if name is None or is_event(name) or name not in self.inputs and name not in self.definitions:
            return None
        return value.expr if isinstance(value, Array) else value

    def pre_activation(self, var: Var) -> Var:
        """z of a = f(z); the tensor itself where it is no activation."""
        expr = self.definitions.get(var.name)
        if expr is not None and is_activation(expr) and type(expr.args[0]) is Var:
            return expr.args[0]
        return var


def is_event(name: str) -> bool:
    return name.startswith(MARK)
