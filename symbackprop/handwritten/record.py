"""What following a text leaves behind: inputs, named equations, gradients as they are assigned, and notes.

Every gradient is an event with a variable of its own, which later lines read; when all is known the last event of a
name becomes a claim, and the earlier ones are written out.
"""

from __future__ import annotations

import ast
from dataclasses import dataclass, field

from ..algebra import Const, add, is_zero, negative
from ..errors import SymbackpropError
from ..expr import Contract, Expr, Var, is_elementwise, names_in
from ..program import Equation, expose_pre_activations, is_activation
from ..tex.tensors import Unknown
from .names import BARE_GRADIENT, INITIAL, LOSS_FUNCTION, LOSS_NAME, SIZE_NAME, stems
from .targets import MARK, Spot, Targets, is_event
from .values import Array, Closure, Frame, Free, Instance, Picked, frozen, name_of



@dataclass(eq=False)
class Event:
    """One assignment of a gradient.

    `target`: the tensor it is the gradient of. `raw`: what is assigned, in terms of names and of earlier events.
    `family`: what makes two assignments one name. `before`: the event whose value this one changes.
    """

    number: int
    spot: Spot
    target: Var
    raw: Expr | None
    node: ast.stmt
    right: ast.expr | None
    frame: Frame | None
    family: tuple
    before: Event | None = None
    error: SymbackpropError | None = None
    kind: str = "gradient"
    assumptions: tuple[str, ...] = ()
    op: ast.operator | None = None
    aliases: list[str] = field(default_factory=list)

    @property
    def var(self) -> Var:
        return Var(f"{MARK}{self.number}", self.target.shape)


@dataclass(frozen=True)
class Lost:
    """A loss whose line could not be followed."""

    name: str
    node: ast.AST
    error: SymbackpropError


class Recorder(Targets):
    """Gives names to what is computed."""

    def __init__(self, *args: object) -> None:
        super().__init__(*args)
        self.equations: list[Equation] = []
        self.events: list[Event] = []
        self.notes: dict[int, SymbackpropError] = {}
        self.losses: list[str] = []
        self.lost: list[Lost] = []
        self.stated: dict[str, tuple[str, Expr]] = {}
        self.updates: list[Event] = []
        self.steps_taken: dict[Expr, Event] = {}
        self.stands: dict[tuple, Event] = {}
        self.called: dict[str, list[Var]] = {}

    def note(self, error: SymbackpropError) -> None:
        self.notes.setdefault(error.line or 0, error)

    def spot(self, target: ast.expr) -> Spot:
        match target:
            case ast.Name():
                return Spot(target, target.id, target.id)
            case ast.Attribute():
                return Spot(target, target.attr, self.text(target))
            case ast.Subscript():
                inner = self.spot(target.value)
                try:
                    key = self.value(target.slice)
                except SymbackpropError:
                    key = None
                if isinstance(key, str):
                    return Spot(target, key, f"{self.text(target.value)}[{key!r}]", inner.name)
                if isinstance(key, int):
                    return Spot(target, f"{inner.name}[{key}]", f"{self.text(target.value)}[{key}]", inner.name)
                return Spot(target, inner.name, self.text(target), inner.name)
            case ast.Starred():
                return self.spot(target.value)
        return Spot(target, "", self.text(target))

    # --- names for values ---

    def bound(self, spot: Spot, value: object, node: ast.stmt, right: ast.expr | None, old: object = None) -> object:
        """A value as it is put under a name: an input, an equation, or the event of a gradient."""
        if isinstance(value, Free) and "@" in value.name:
            return Free(self.input_name(spot.name))
        if isinstance(value, Picked):
            entry = value.table.rank == 1 and LOSS_NAME.match(spot.name)
            value = value.expr() if entry else Array(value.expr()) if not spot.name else value
        if isinstance(value, list) and not any(self.list_called(stem) for stem, _ in stems(spot.name)):
            return [self.named_entry(f"{spot.name}_{k}", v, spot.node) for k, v in enumerate(value, 1)]
        if isinstance(value, (int, Const)) and not isinstance(value, bool) and spot.name in self.trained | self.steppers:
            return self.scalar_input(spot)
        if type(value) is int and value > 3 and not self.calls and SIZE_NAME.match(spot.name):
            return Const(self.open(spot.name).xreplace(self.known.sizes))
        if isinstance(value, Const) and isinstance(value.value, Unknown):
            self.known.called.setdefault(value.value, spot.name)
        if not isinstance(value, (Array, Expr)) or isinstance(value, Const) and not self.is_zero_gradient(spot, value):
            return value
        expr = value.value() if isinstance(value, Array) else value
        target = self.target_of(spot)
        if target is not None and BARE_GRADIENT.match(spot.name) and target.shape != expr.shape:
            target = None
        if target is not None and not (type(expr) is Var and not is_event(expr.name) and expr.name == target.name):
            return self.named_gradient(spot, target, expr, value, node, right)
        return self.defined(spot, expr, value, node, old)

    def named_entry(self, key: object, value: object, node: ast.expr) -> object:
        nameless = isinstance(value, Array) and (value.initial is value.expr or type(value.expr) is not Var or value.expr.name.startswith("data@"))
        if not nameless or not isinstance(key, str) or not key.isidentifier() or name_of(value) and is_event(name_of(value)):
            return value
        return self.bound(Spot(node, key, repr(key), self.filling), value, node, node)

    filling = ""
    trained: set[str] = set()
    steppers: set[str] = set()
    differentiated: set[str] = set()
    rehearsed: dict[Expr, Var] = {}

    def is_zero_gradient(self, spot: Spot, value: Const) -> bool:
        return value.value.is_number and self.target_of(spot) is not None

    def scalar_input(self, spot: Spot) -> Expr:
        name = self.input_name(spot.name)
        var = self.declared_input(name, ())
        self.latest[spot.name] = var
        return var

    def defined(self, spot: Spot, expr: Expr, value: object, node: ast.stmt, old: object = None) -> object:
        """An input or an equation; a name for a name is no new one."""
        fresh = isinstance(value, Array) and value.initial is expr and not self.is_plain_zero(spot, expr) or any(n.startswith("data@") for n in names_in(expr))
        if fresh and spot.name:
            return self.initialised(spot, expr, value)
        if has_events(expr):
            return self.updated_value(spot, expr, value, node, old)
        if type(expr) is Var or isinstance(value, Array) and value.initial is expr:
            self.latest[spot.name] = expr
            self.called.setdefault(spot.name, []).append(expr)
            return value
        if old is not None or is_update_form(spot, node):
            self.updated_value(spot, expr, value, node, old)
        var = self.equation(spot.name, expr, node)
        return self.renamed(value, var)

    def is_plain_zero(self, spot: Spot, expr: Expr) -> bool:
        """Zeros that a function which makes no parameters begins a sum or a state with."""
        frame = self.frame
        while frame is not None and not frame.title:
            frame = frame.parent
        inside = self.calls and frame is not None and not INITIAL.match(frame.title)
        return bool(inside) and is_zero(expr) and spot.name not in self.trained | self.differentiated

    def renamed(self, value: object, var: Var) -> object:
        if isinstance(value, Array):
            value.expr = var
            return value
        return var

    def initialised(self, spot: Spot, expr: Expr, value: object) -> object:
        """What is filled in with numbers is an input of that shape, whatever the numbers are."""
        name = self.unique(spot.name)
        stated = self.known.shapes.get(spot.name)
        shape = stated if stated is not None and len(stated) == expr.rank and not isinstance(value, Array) else expr.shape
        var = self.declared_input(name, shape)
        self.latest[spot.name] = var
        return Array(var, None, value.initial if isinstance(value, Array) else None) if var.rank else var

    def unique(self, name: str) -> str:
        base = "".join(c if c.isalnum() or c == "_" else "_" for c in name).strip("_") or "value"
        taken = self.inputs.keys() | {e.name for e in self.equations}
        found, k = base, 2
        while found in taken or found == "R":
            found, k = f"{base}_{k}", k + 1
        return found

    def equation(self, name: str, expr: Expr, node: ast.AST) -> Var:
        """A named equation, its pre-activation named too; one worked out a second time is the first, which the loss reads."""
        again = None if LOSS_NAME.match(name) else self.rehearsed.get(expr) or next(
            (e.var for e in self.equations if self.stated.get(e.name) == (name, expr)), None)
        if again is not None:
            self.latest[name] = again
            return again
        own = self.unique(name)
        self.stated[own] = name, expr
        place = self.place(node)
        taken = self.inputs.keys() | {e.name for e in self.equations} | {own}
        for made in expose_pre_activations((Equation(own, expr, place),), set(taken)):
            self.equations.append(made)
            self.definitions[made.name] = made.expr
        var = Var(own, expr.shape)
        self.latest[name] = var
        self.called.setdefault(name, []).append(var)
        return var

    def loss_of_function(self, closure: Closure, value: object) -> object:
        """The value of a function called loss or cost is a loss."""
        if isinstance(value, Expr) and not value.rank and not isinstance(value, Const) and not has_events(value) and \
                LOSS_FUNCTION.match(closure.name):
            var = value if type(value) is Var else self.equation("loss", value, closure.node)
            self.losses.append(var.name)
            return var
        return value

    # --- gradients ---

    def named_gradient(self, spot: Spot, target: Var, raw: Expr, value: object, node: ast.stmt, right: ast.expr | None) -> object:
        """The event of a gradient; another name for one is no new event."""
        earlier = self.event_of(raw)
        if earlier is not None and (earlier.target is target or any(earlier.target in self.called.get(s, ()) for s, _ in stems(spot.name))
                                    or earlier.target.shape == raw.shape != target.shape or earlier.target is self.pre_activation(target) or not self.is_near(spot, target)):
            earlier.aliases.append(spot.text)
            self.stands[self.family(spot, target)[:2]] = earlier
            return value
        family = self.family(spot, target)
        if earlier is None:
            itself, first = self.multiplies_itself(raw, spot, target), self.first_version(target)
            if itself and first is not target:
                target, family = first, (*family, "undone")
            else:
                target = self.upstream_of(spot, self.pre_activation(target) if itself else target, raw)
                family = family if itself else self.family(spot, target)
        event = self.event(spot, target, raw, node, right, family)
        if isinstance(value, Array):
            value.expr, value.initial = event.var, None
            return value
        return event.var if not event.var.rank and not raw.rank else Array(event.var)

    def upstream_of(self, spot: Spot, target: Var, raw: Expr) -> Var:
        """The tensor meant, where rounds of a loop gave several the name: one that what the gradient is made from reads."""
        events = [e for name in names_in(raw) if is_event(name) for e in (self.events[int(name.removeprefix(MARK))],)]
        read = {n for e in events if e.target.name in self.definitions for n in names_in(self.definitions[e.target.name])}
        if target.name in read or any(self.definitions.get(n) is not None and target.name in names_in(self.definitions[n]) for n in read):
            return target
        found = {v for stem, _ in stems(spot.name) for v in self.called.get(stem, ()) if v.name in read and v.shape == raw.shape}
        return found.pop() if len(found) == 1 else target

    def event(self, spot: Spot, target: Var, raw: Expr | None, node: ast.stmt, right: ast.expr | None, family: tuple,
              before: Event | None = None, op: ast.operator | None = None) -> Event:
        if not self.events:
            self.sizes_are_final()
        saved = frozen(self.frame, {}) if right is not None else None
        made = Event(len(self.events), spot, target, raw, node, right, saved, family, before, op=op)
        self.events.append(made)
        self.stands[family[:2]] = made
        return made

    def sizes_are_final(self) -> None:
        """The forward part is over: from here on shapes that do not fit are mistakes."""

    def event_of(self, node: Expr) -> Event | None:
        if type(node) is Var and is_event(node.name):
            return self.events[int(node.name.removeprefix(MARK))]
        return None

    def multiplies_itself(self, raw: Expr, spot: Spot, target: Var) -> bool:
        """`dh = dh * (1 - h**2)`: from here on the pre-activation is meant."""
        if type(raw) is not Contract or not is_elementwise(raw.inputs, raw.output):
            return False
        if all(is_event(getattr(o, "name", "")) or type(o) is Const and o.value.is_number for o in raw.operands):
            return False
        return any((e := self.event_of(o)) is not None and e.spot.text == spot.text and (e.target is target or e.target is self.first_version(target))
                                    for o in raw.operands)

    def first_version(self, var: Var) -> Var:
        """A of `A = A * mask; A = A / keep`, before all factors that the forward part gives it under the same name."""
        name, expr = self.stated.get(var.name, ("", None))
        while type(expr) is Contract and is_elementwise(expr.inputs, expr.output):
            own = [o for o in expr.operands if type(o) is Var and o.shape == var.shape and self.stated.get(o.name, ("",))[0] == name]
            if len(own) != 1:
                break
            var, expr = own[0], self.definitions.get(own[0].name)
        return var

    def changed(self, spot: Spot, array: Array, new: Expr, node: ast.stmt, right: ast.expr | None) -> None:
        """A tensor changed in place: a gradient goes on as a new event, anything else gets a new name."""
        earlier = self.event_of(array.expr)
        op = node.op if isinstance(node, ast.AugAssign) else None
        if earlier is not None:
            target = self.pre_activation(earlier.target) if self.multiplies_itself(new, earlier.spot, earlier.target) else earlier.target
            event = self.event(earlier.spot, target, new, node, right, earlier.family, earlier, op)
            array.change(event.var)
            return
        target = self.target_of(spot)
        if target is not None:
            family = self.family(spot, target)
            array.change(self.event(spot, target, new, node, right, family, None, op).var)
        elif array.initial is not None and type(array.expr) is Var and not has_events(new) and not isinstance(node, ast.AugAssign):
            array.change(new)
            array.initial = None
        elif op is not None and (has_events(new) or array.expr.name in self.inputs if type(array.expr) is Var else False):
            self.update(spot, array.expr, new, node, right)
            array.change(new)
        elif has_events(new):
            array.change(new)
        else:
            array.change(self.equation(spot.name, new, node))

    def failed_gradient(self, spot: Spot, node: ast.stmt, error: SymbackpropError) -> bool:
        """A gradient whose line could not be read: a claim in error, which later lines read as it should be."""
        earlier = None if isinstance(node, ast.Assign) and isinstance(spot.node, ast.Name) else self.changed_event(spot)
        target = earlier.target if earlier is not None else self.target_of(spot) if spot.name else None
        if target is None:
            return False
        family = earlier.family if earlier is not None else self.family(spot, target)
        right = getattr(node, "value", None)
        event = self.event(spot, target, None, node, right if len(self.spots_of(node)) == 1 else None, family)
        event.error = error
        self.place_value(self.whole(spot.node), Array(event.var) if event.var.rank else event.var)
        return True

    def changed_event(self, spot: Spot) -> Event | None:
        """The event of the tensor that a store into a part of it changes."""
        whole = self.whole(spot.node)
        try:
            value = None if whole is spot.node and not isinstance(whole, ast.Name) else self.value(whole)
        except SymbackpropError:
            return None
        return self.event_of(value.expr) if isinstance(value, Array) else None

    def family(self, spot: Spot, target: Var) -> tuple:
        """What makes two assignments one name."""
        return id(self.frame) if isinstance(spot.node, ast.Name) else 0, spot.text, target.name

    def whole(self, target: ast.expr) -> ast.expr:
        """The tensor of which a target is a part; the target itself where it is none."""
        while isinstance(target, ast.Subscript):
            try:
                owner = self.value(target.value)
            except SymbackpropError:
                return target.value
            if isinstance(owner, (dict, list)) or isinstance(owner, Free) and owner.items is not None:
                break
            target = target.value
        return target

    def is_placed(self, spot: Spot) -> bool:
        return any(e.spot.node is spot.node and e.error is not None for e in self.events[-4:])

    def updated_value(self, spot: Spot, expr: Expr, value: object, node: ast.stmt, old: object) -> object:
        """`W = W - lr * dW`: an update; anything else that reads gradients is followed without a name."""
        before = old if old is not None else self.before(spot)
        old_expr = before.expr if isinstance(before, Array) else before
        if isinstance(old_expr, Expr) and old_expr.shape == expr.shape and type(old_expr) is Var and old_expr.name in self.inputs:
            self.update(spot, old_expr, expr, node, getattr(node, "value", None))
        return value

    def before(self, spot: Spot) -> object:
        try:
            found = self.value(spot.node)
            return self.settled(found) if isinstance(found, Free) else found
        except SymbackpropError:
            return None

    def update(self, spot: Spot, old: Expr, new: Expr, node: ast.stmt, right: ast.expr | None) -> None:
        """A step: its direction is a claim where no gradient's name says it already."""
        event = Event(-1, spot, old, add((new, negative(old))), node, right, None, (spot.text,), kind="update",
                      op=node.op if isinstance(node, ast.AugAssign) else None)
        self.updates.append(event)
        self.steps_taken[new] = event

    def returned_gradients(self, node: ast.Return, value: object) -> object:
        """The value as it is; the entry decides which returns are gradients."""
        return value


def has_events(node: Expr) -> bool:
    return any(is_event(name) for name in names_in(node))


def is_update_form(spot: Spot, node: ast.stmt) -> bool:
    """`W = W - …`: the target stands first on the right."""
    value = getattr(node, "value", None)
    return isinstance(node, ast.Assign) and isinstance(value, ast.BinOp) and isinstance(value.op, (ast.Sub, ast.Add)) and \
        ast.unparse(value.left) == ast.unparse(spot.node)
