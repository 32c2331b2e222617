"""Hand-written code followed statement by statement: what it defines becomes equations, what names a gradient an event.

Nothing is executed. A statement that cannot be followed is noted with its line, and what it assigns counts as unknown.
"""

from __future__ import annotations

import ast

from ..errors import SymbackpropError, UnsupportedError
from ..expr import Expr
from .calls import CodeCalls
from .names import LOSS_NAME, UPDATE
from .record import Lost, Recorder, Spot
from .terms import MISUSED
from .values import Array, Bound, Builtin, Class, Closure, Frame, Free, Instance, Module, Rows, Unread

UNROLLED, STATEMENTS = 64, 20_000
BLOCKS = (ast.For, ast.While, ast.If, ast.With, ast.Try)
QUIET = (ast.Expr, ast.Pass, ast.Break, ast.Continue, ast.Raise, ast.Assert)


class Returned(Exception):
    def __init__(self, value: object) -> None:
        self.value = value


class LoopEnd(Exception):
    """`break` and `continue`."""


class Follower(Recorder, CodeCalls):
    """Statements."""

    steps = looping = 0

    def body_of(self, closure: Closure) -> object:
        looping, self.looping = self.looping, 0
        try:
            self.block(closure.node.body)
        except Returned as returned:
            return self.returned(closure, returned.value)
        finally:
            self.looping = looping
        return None

    def returned(self, closure: Closure, value: object) -> object:
        """What a call gives back; a loss function's value is an equation."""
        if isinstance(value, Unread):
            raise value.error
        return self.loss_of_function(closure, value)

    def block(self, statements: list[ast.stmt]) -> None:
        for statement in statements:
            self.steps += 1
            if self.steps > STATEMENTS:
                raise UnsupportedError(f"more than {STATEMENTS} statements to follow")
            try:
                self.statement(statement)
            except SymbackpropError as error:
                self.trouble(statement, error.at(*self.place(statement)))
            except MISUSED as error:
                self.trouble(statement, self.fail(statement, f"this line is not followed ({type(error).__name__})", kind=UnsupportedError))

    def trouble(self, statement: ast.stmt, error: SymbackpropError) -> None:
        """A statement that could not be followed: its line is noted, its targets are unknown."""
        if isinstance(statement, ast.Return) and self.calls:
            raise Returned(Unread(error)) from None
        spots = self.spots_of(statement)
        self.lost += [Lost(s.name, statement, error) for s in spots if LOSS_NAME.match(s.name)]
        if self.is_data(statement):
            self.note(error)
            for spot in spots:
                self.place_value(spot.node, Free(self.input_name(spot.name)))
            return
        if not any([self.failed_gradient(spot, statement, error) for spot in spots]):
            self.note(error)
        for spot in spots:
            if isinstance(statement, BLOCKS) or not self.is_placed(spot):
                self.poison(spot.node, error)

    def is_data(self, statement: ast.stmt) -> bool:
        """Whether a line of the script that cannot be followed reads no tensor: what it assigns is data from elsewhere."""
        if self.calls or not isinstance(statement, ast.Assign) or any(not isinstance(t, (ast.Name, ast.Tuple)) for t in statement.targets):
            return False
        read = [self.frame.find(n.id) for n in ast.walk(statement.value) if isinstance(n, ast.Name) and self.frame.holds(n.id)]
        return not any(isinstance(v, (Array, Expr, Instance, Closure, Unread, list, dict)) or isinstance(v, Free) and v.array is not None for v in read)

    def spots_of(self, statement: ast.stmt) -> list[Spot]:
        """Everything that a statement assigns: a block all that its lines do."""
        targets: list[ast.expr] = []
        for line in [statement] if not isinstance(statement, BLOCKS) else ast.walk(statement):
            if isinstance(line, ast.Assign):
                targets += line.targets
            elif isinstance(line, (ast.AugAssign, ast.AnnAssign)):
                targets.append(line.target)
        parts = [e for t in targets for e in (t.elts if isinstance(t, (ast.Tuple, ast.List)) else [t])]
        return list({s.text: s for s in map(self.spot, parts)}.values())

    def poison(self, target: ast.expr, error: SymbackpropError) -> None:
        try:
            self.place_value(self.whole(target), Unread(error))
        except SymbackpropError:
            pass

    def statement(self, node: ast.stmt) -> None:
        method = self.STATEMENTS.get(type(node))
        if method is None:
            raise UnsupportedError(f"{type(node).__name__} statements are not followed")
        method(self, node)

    # --- assignments ---

    def assign(self, node: ast.Assign) -> None:
        first = node.targets[0]
        if isinstance(first, (ast.Tuple, ast.List)) and isinstance(node.value, (ast.Tuple, ast.List)) and len(first.elts) == len(node.value.elts):
            values = [(self.value(e), e) for e in node.value.elts]
            for target, (value, part) in zip(first.elts, values):
                self.put(target, value, node, part)
            return
        self.filling = self.spot(first).name if isinstance(node.value, ast.Dict) else ""
        try:
            value = self.value(node.value)
        finally:
            self.filling = ""
        for target in node.targets[::-1]:
            self.put(target, value, node, node.value)

    def annotated(self, node: ast.AnnAssign) -> None:
        if node.value is not None:
            self.put(node.target, self.value(node.value), node, node.value)

    def put(self, target: ast.expr, value: object, node: ast.stmt, right: ast.expr) -> None:
        """One target of an assignment."""
        if isinstance(target, (ast.Tuple, ast.List)):
            values = self.unpacked(target, value)
            for part, item in zip(target.elts, values):
                self.put(part, item, node, right if len(target.elts) == 1 else None)
            return
        if isinstance(target, ast.Starred):
            target = target.value
        if isinstance(target, ast.Subscript) and self.store(target, value, node, right, None):
            return
        self.place_value(target, self.bound(self.spot(target), value, node, right))

    def unpacked(self, target: ast.Tuple | ast.List, value: object) -> list[object]:
        if isinstance(value, Free) and ("@" in value.name or self.known.kinds.get(value.name) not in ("sizes",)):
            return [Free(self.input_name(self.spot(e).name)) for e in target.elts]
        values = self.items(value, target)
        if len(values) != len(target.elts):
            raise UnsupportedError(f"{len(values)} values for {len(target.elts)} names")
        return values

    def store(self, target: ast.Subscript, value: object, node: ast.stmt, right: ast.expr | None, op: ast.operator | None) -> bool:
        """`a[…] = value` where a is a tensor; False for dictionaries and lists."""
        owner = self.value(target.value)
        if isinstance(owner, Free) and not isinstance(target.slice, ast.Constant):
            owner = self.settled(owner)
        if not isinstance(owner, Array):
            return False
        new = self.stored(owner, target.slice, value, node, op)
        new = self.as_expr(self.kept(new), target)
        self.changed(self.spot(target.value), owner, new, node, right)
        return True

    def augmented(self, node: ast.AugAssign) -> None:
        value = self.value(node.value)
        if isinstance(node.target, ast.Subscript) and self.store(node.target, value, node, node.value, node.op):
            return
        old = self.value(ast.copy_location(self.read_form(node.target), node.target))
        if isinstance(old, (list, str)) or isinstance(old, int) and isinstance(value, int):
            link = ast.copy_location(ast.BinOp(node.target, node.op, node.value), node)
            self.place_value(node.target, self.plain_arithmetic(link, old, value))
            return
        if isinstance(old, Free):
            old = self.settled(old)
        new = self.as_expr(self.combined(ast.copy_location(ast.BinOp(node.target, node.op, node.value), node), old, value), node.target)
        if isinstance(old, Array) and new.shape == old.expr.shape:
            self.changed(self.spot(node.target), old, new, node, node.value)
        else:
            kept = Array(new) if new.rank else new
            self.place_value(node.target, self.bound(self.spot(node.target), kept, node, node.value, old))

    def read_form(self, target: ast.expr) -> ast.expr:
        return target

    def place_value(self, target: ast.expr, value: object) -> None:
        match target:
            case ast.Name():
                self.frame.put(target.id, value)
            case ast.Attribute():
                owner = self.value(target.value)
                if isinstance(owner, Class):
                    owner.attributes[target.attr] = value
                elif isinstance(owner, Instance):
                    owner.attributes[target.attr] = value
            case ast.Subscript():
                owner = self.value(target.value)
                if isinstance(owner, dict):
                    owner[self.key(target.slice)] = value
                elif isinstance(owner, list):
                    at = self.key(target.slice)
                    if not isinstance(at, int) or not -len(owner) <= at < len(owner):
                        raise UnsupportedError(f"{self.text(target)[:40]} is outside the list")
                    owner[at] = value
                elif isinstance(owner, Free):
                    owner.items = owner.items or {}
                    owner.items[self.key(target.slice)] = value
                else:
                    raise UnsupportedError(f"a store into {self.text(target)[:40]} is not followed")

    # --- control ---

    def branch(self, node: ast.If) -> None:
        try:
            taken = self.truth(self.value(node.test), node.test)
        except SymbackpropError:
            if all(isinstance(s, QUIET) or is_quiet_call(s) for s in (*node.body, *node.orelse)) or only_returns(node):
                return
            taken = True
            self.readings[f"line {node.lineno}: {self.text(node.test)[:40]} is taken to hold"] = None
        self.block(node.body if taken else node.orelse)

    def loop(self, node: ast.For) -> None:
        reads = any(isinstance(n, ast.Name) and n.id in bound_names(node.target) for s in node.body for n in ast.walk(s)
                    if not isinstance(s, ast.If) or not is_quiet_if(s))
        runs = self.counted(node)
        if isinstance(runs, (Rows, range)) and self.is_training(node):
            items = [self.first_round(node, runs)]
        elif isinstance(runs, Rows) or isinstance(runs, range) and (not reads or len(runs) > UNROLLED):
            items = [self.declared_input(self.unique("_".join(bound_names(node.target)) or "step"), ())]
        else:
            items = self.items(runs, node.iter)
            if isinstance(runs, (Array, Free)) and self.is_training(node):
                items = items[:1]
                self.readings[f"line {node.lineno}: the first round of the loop is followed"] = None
        if len(items) > UNROLLED:
            raise UnsupportedError(f"a loop of more than {UNROLLED} rounds")
        rounds, self.rounds_now = self.rounds_now, len(items)
        for item in items:
            self.unpack_names(node.target, item)
            if not self.round(node.body):
                break
        else:
            self.block(node.orelse)
        self.rounds_now = rounds

    def is_training(self, node: ast.For) -> bool:
        """Whether the rounds of a loop are steps of learning, of which one is followed."""
        for part in (p for line in node.body for p in ast.walk(line)):
            targets = part.targets if isinstance(part, ast.Assign) else [part.target] if isinstance(part, ast.AugAssign) else []
            if any(getattr(t, "id", getattr(t, "attr", "")) in self.trained for t in targets):
                return True
            if isinstance(part, ast.Call) and UPDATE.match(getattr(part.func, "id", getattr(part.func, "attr", ""))):
                return True
        return False

    def first_round(self, node: ast.For, runs: Rows | range) -> object:
        """The number of the first round where something is read at it, else any number."""
        if indexes_with(node):
            self.readings[f"line {node.lineno}: the first round of the loop is followed"] = None
            return runs[0] if isinstance(runs, range) and runs else 0
        return self.declared_input(self.unique("_".join(bound_names(node.target)) or "step"), ())

    def counted(self, node: ast.For) -> object:
        """What a loop runs over; a size that its body indexes with becomes a small number."""
        outer, self.counting = self.counting, node if indexes_with(node) and not self.is_training(node) else None
        try:
            return self.value(node.iter)
        finally:
            self.counting = outer

    def round(self, body: list[ast.stmt]) -> bool:
        """One round of a loop; False after `break`."""
        self.looping += 1
        try:
            self.block(body)
        except LoopEnd as end:
            return end.args[0] == "continue"
        finally:
            self.looping -= 1
        return True

    def while_loop(self, node: ast.While) -> None:
        self.round(node.body)

    def end_loop(self, node: ast.Break | ast.Continue) -> None:
        if not self.looping:
            raise self.fail(node, "this stands outside a loop")
        raise LoopEnd("break" if isinstance(node, ast.Break) else "continue")

    def give_back(self, node: ast.Return) -> None:
        if not self.calls:
            raise self.fail(node, "return stands outside a function")
        value = None if node.value is None else self.value(node.value)
        raise Returned(self.returned_gradients(node, value))

    def plain_statement(self, node: ast.Expr) -> None:
        if isinstance(node.value, ast.Constant):
            return
        if isinstance(node.value, ast.Call) and is_quiet_call(node) and not isinstance(node.value.func, ast.Attribute):
            return
        self.value(node.value)

    def define_function(self, node: ast.FunctionDef) -> None:
        self.frame.names[node.name] = Closure(node, self.frame)

    def define_class(self, node: ast.ClassDef) -> None:
        made = Class(node.name, {}, {})
        for base in node.bases:
            parent = self.frame.find(base.id) if isinstance(base, ast.Name) else None
            if isinstance(parent, Class):
                made.methods |= parent.methods
                made.attributes |= parent.attributes
        outer, self.frame = self.frame, Frame({}, self.frame)
        try:
            self.block([s for s in node.body if not isinstance(s, ast.FunctionDef)])
            made.attributes |= self.frame.names
        finally:
            self.frame = outer
        made.methods |= {s.name: Closure(s, self.frame, node.name) for s in node.body if isinstance(s, ast.FunctionDef)}
        self.frame.names[node.name] = made

    def bring_in(self, node: ast.Import | ast.ImportFrom) -> None:
        for alias in node.names:
            name = (alias.asname or alias.name).split(".")[0]
            if isinstance(node, ast.Import):
                self.frame.names[name] = Module("np" if alias.name.split(".")[0] in ("numpy", "math", "scipy", "autograd", "cupy") else alias.name)
            elif alias.name == "expit":
                self.frame.names[name] = Bound(Module("np"), "sigmoid")
            elif (node.module or "").split(".")[0] not in ("numpy", "math", "scipy"):
                self.frame.names[name] = Foreign(alias.name)

    def share(self, node: ast.Global | ast.Nonlocal) -> None:
        self.frame.shared.update(node.names)

    def nothing(self, node: ast.stmt) -> None:
        pass

    def inner_block(self, node: ast.With | ast.Try) -> None:
        self.block(node.body)

    STATEMENTS = {ast.Assign: assign, ast.AnnAssign: annotated, ast.AugAssign: augmented, ast.If: branch, ast.For: loop,
                  ast.While: while_loop, ast.Break: end_loop, ast.Continue: end_loop, ast.Return: give_back,
                  ast.Expr: plain_statement, ast.FunctionDef: define_function, ast.ClassDef: define_class, ast.Import: bring_in,
                  ast.ImportFrom: bring_in, ast.Global: share, ast.Nonlocal: share, ast.Pass: nothing, ast.Assert: nothing,
                  ast.Raise: nothing, ast.Delete: nothing, ast.With: inner_block, ast.Try: inner_block}


class Foreign(Builtin):
    """A function that the text takes from elsewhere."""


def bound_names(target: ast.expr) -> list[str]:
    return [n.id for n in ast.walk(target) if isinstance(n, ast.Name)]


def is_quiet_call(node: ast.stmt) -> bool:
    """A line that only prints, logs or collects."""
    if not isinstance(node, ast.Expr) or not isinstance(node.value, ast.Call):
        return False
    func = node.value.func
    return isinstance(func, ast.Name) and func.id == "print" or isinstance(func, ast.Attribute) and (
        func.attr in ("append", "info", "write", "debug") or getattr(func.value, "id", "") in ("plt", "sys", "logging", "logger", "time"))


def is_quiet_if(node: ast.If) -> bool:
    return all(isinstance(s, QUIET) or is_quiet_call(s) or isinstance(s, ast.Assign) and not any(isinstance(n, ast.Subscript) for n in ast.walk(s))
               for s in (*node.body, *node.orelse))


def only_returns(node: ast.If) -> bool:
    return not node.orelse and len(node.body) == 1 and isinstance(node.body[0], ast.Return)


def indexes_with(node: ast.For) -> bool:
    names = set(bound_names(node.target))
    return any(isinstance(n, ast.Subscript) and any(isinstance(m, ast.Name) and m.id in names for m in ast.walk(n.slice))
               for s in node.body for n in ast.walk(s))
