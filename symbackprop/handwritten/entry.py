"""Where to begin in a text of functions and classes: its own lines, then every backward part that nothing called yet.

A backward function is run after the forward function it belongs to; its arguments are found by name, and a gradient that
comes from outside is the derivative of an unknown loss by the forward part's output.
"""

from __future__ import annotations

import ast
import re
from dataclasses import dataclass, field
from functools import lru_cache

import sympy as sp

from ..errors import SymbackpropError
from ..expr import Add, Expr, Var, size
from ..tex.tensors import Unknown
from .names import BACKWARD, BARE_GRADIENT, FORWARD, INITIAL, LOSS_FUNCTION, LOSS_NAME, PARAMETER_NAMES, SHORT, STORES, UPSTREAM, stems
from .record import Lost, Spot, has_events
from .run import Follower
from .values import Again, Array, Class, Closure, Frame, Free, Instance, Unread, name_of

OUTPUT = re.compile(r"(?:y_?(?:hat|pred\w*)|pred\w*|out(?:put)?s?|o|A\d?|AL|a\d?|probs?|yhat|Y_?(?:hat|pred\w*)|final_\w+|h|H|logits|scores)$")
TARGET = re.compile(r"(?:[yYtT]|y_?true|targets?|labels?|one_?hot|actual|expected|truth|wanted)(?:_\w+)?$")
WORDS = re.compile(r"[A-Z]?[a-z]+|[A-Z]+|\d+")
CACHE = re.compile(r"(?:.*_)?(?:caches?|memory|ctx|context|saved|store|cached)$")


@dataclass(eq=False)
class Group:
    """What belongs to one loss: the events from `start` on, and how the loss is known."""

    title: str
    start: int
    losses: list[str] = field(default_factory=list)
    upstreams: list[tuple[Var, Var]] = field(default_factory=list)
    first_equation: int = 0
    updates: int = 0
    last_equation: int | None = None
    lost: list[Lost] = field(default_factory=list)


class Entry(Follower):
    """The order in which the parts of a text are followed."""

    def __init__(self, *args: object) -> None:
        super().__init__(*args)
        self.groups: list[Group] = []
        self.visited: set[int] = set()
        self.scope = {}
        self.output: object = None
        self.arguments_of_forward: list[object] = []
        self.root: Closure | None = None
        self.functions_of: list[Closure] = []
        self.frames: dict[int, Frame] = {}
        self.owners: dict[str, list[int]] = {}
        self.followed_now: list[ast.AST] = []

    def follow(self, tree: ast.Module) -> None:
        self.frame = Frame({"__name__": "__main__"})
        self.open_group("the script")
        self.block(tree.body)
        self.close_group()
        top = self.frame
        self.functions_of = [v for v in top.names.values() if isinstance(v, Closure)]
        classes = [v for v in top.names.values() if isinstance(v, Class)]
        methods = {m.node: c for c in classes for m in c.methods.values()}
        everything = [*self.functions_of, *(m for c in classes for m in c.methods.values())]
        for closure in [c for c in everything if self.makes_gradients(c, tree)]:
            if id(closure.node) not in self.visited:
                for root in self.callers(closure, everything):
                    if id(root.node) not in self.visited:
                        self.run_root(root, methods.get(root.node), everything)
                    if id(closure.node) in self.visited:
                        break

    # --- what to run ---

    def makes_gradients(self, closure: Closure, tree: ast.Module) -> bool:
        """Whether a function assigns a gradient of something the text speaks of, or is called a backward part."""
        node = closure.node
        if not isinstance(node, ast.FunctionDef) or node.name == "__init__":
            return False
        spoken = spoken_in(tree)
        for part in ast.walk(node):
            targets = part.targets if isinstance(part, ast.Assign) else [part.target] if isinstance(part, ast.AugAssign) else []
            for target in (e for t in targets for e in (t.elts if isinstance(t, ast.Tuple) else [t])):
                name = target.id if isinstance(target, ast.Name) else target.attr if isinstance(target, ast.Attribute) else ""
                if isinstance(target, ast.Subscript) and STORES.match(getattr(target.value, "id", getattr(target.value, "attr", ""))):
                    return True
                if BARE_GRADIENT.match(name) and {a.arg for a in node.args.args} & PARAMETER_NAMES:
                    return True
                if any(word in spoken for stem, _ in stems(name) for word in (stem, *SHORT.get(stem.lower(), ()))):
                    return True
        return bool(BACKWARD.match(node.name)) and any(isinstance(p, ast.Return) and isinstance(p.value, (ast.BinOp, ast.Call)) for p in ast.walk(node)) \
            and not re.search(r"derivative|prime|deriv|sigmoid|relu|tanh|softmax", node.name)

    def callers(self, closure: Closure, everything: list[Closure]) -> list[Closure]:
        """The function itself and those that lead to it, the outermost first."""
        chain, at = [closure], closure
        for _ in range(4):
            above = [c for c in everything if c not in chain and isinstance(c.node, ast.FunctionDef) and at.name in called_in(c.node)
                     and not re.search(r"check|test|numerical", c.name)]
            if not above:
                break
            at = above[0]
            chain.append(at)
        return chain[::-1]

    def run_root(self, root: Closure, cls: Class | None, everything: list[Closure]) -> None:
        """One backward part, after what it needs."""
        self.open_group(root.name)
        self.scope, self.output, self.root, self.followed_now = {}, None, root, []
        try:
            owner = self.instance_of(cls) if cls is not None else None
            for companion in self.companions(root, cls, everything):
                self.run_part(companion, owner, cls)
                self.rehearsed = self.rehearsed | {e.expr: e.var for e in self.equations[self.groups[-1].first_equation:] if e.expr.rank}
            self.run_part(root, owner, cls)
        except SymbackpropError as error:
            self.note(error.at(root.node.lineno, 1, self.lines[root.node.lineno - 1]))
        finally:
            self.close_group()
            self.rehearsed = {}

    def instance_of(self, cls: Class) -> Instance:
        made = Instance(cls)
        if "__init__" in cls.methods:
            self.run_closure(cls.methods["__init__"], [made], {}, cls.methods["__init__"].node)
        return made

    def run_part(self, closure: Closure, owner: Instance | None, cls: Class | None) -> None:
        is_method = cls is not None and closure.node in [m.node for m in cls.methods.values()]
        try:
            value = self.run_closure(closure, [owner] if is_method else [], {}, closure.node)
        except SymbackpropError as error:
            self.note(error.at(closure.node.lineno, 1, self.lines[closure.node.lineno - 1]))
            value = None
            if LOSS_FUNCTION.match(closure.name) and closure is not self.root:
                self.lost.append(Lost(closure.name, closure.node, error))
        frame = self.frames.get(id(closure.node))
        if frame is not None and closure is not self.root:
            self.scope.update({k: v for k, v in frame.names.items() if k != "self"})
            if not LOSS_FUNCTION.match(closure.name):
                self.scope.update({"return": value})
            tensors = [v for v in (value if isinstance(value, tuple) else (value,)) if isinstance(v, (Array, Expr))]
            if tensors and FORWARD.match(closure.name):
                self.name_output(tensors[0], closure)
                self.output = tensors
                self.arguments_of_forward = [frame.names[a.arg] for a in closure.node.args.args if a.arg in frame.names and a.arg != "self"]

    def name_output(self, value: object, closure: Closure) -> None:
        """The output of a forward part that its own text gives no name, so that a loss and a later call mean the same."""
        if isinstance(value, Array) and type(value.expr) is not Var and not has_events(value.expr):
            value.expr = self.equation("output", value.expr, closure.node)

    def companions(self, root: Closure, cls: Class | None, everything: list[Closure]) -> list[Closure]:
        """The forward and loss functions that go before a backward one; a loss that it works out itself is the one meant."""
        if not BACKWARD.match(root.name):
            return []
        own = list(cls.methods.values()) if cls is not None else [c for c in everything if c in self.functions_of]
        others = [c for c in own if c is not root]
        calls = called_in(root.node)
        losses = [c for c in others if LOSS_FUNCTION.match(c.name) and not BACKWARD.match(c.name)]
        inside = [c for c in others if FORWARD.match(c.name) and c.name in calls]
        if inside and (any(c.name in calls for c in losses) or any(LOSS_NAME.match(n) for n in assigned_in(root.node))):
            return []
        exact = [c for c in others if c.name in twins(root.name)]
        called = {n for c in own if FORWARD.match(c.name) for n in called_in(c.node)}
        forward = inside or exact or nearest_kin(root, [c for c in others if FORWARD.match(c.name) and c.name not in called])
        return forward + ([] if self.has_upstream(root) else nearest_kin(root, losses))

    def has_upstream(self, root: Closure) -> bool:
        return any(re.match(r"d_?out|dout|grad_?out|upstream|dnext|d\w*next|accum_grad|output_grad", a.arg) for a in root.node.args.args)

    def open_group(self, title: str) -> None:
        self.groups.append(Group(title, len(self.events), [], [], len(self.equations), len(self.updates)))

    def close_group(self) -> None:
        group = self.groups[-1]
        group.losses, group.last_equation, group.lost = self.losses, len(self.equations), self.lost
        self.losses, self.lost = [], []

    def sizes_are_final(self) -> None:
        """Give every size that is still open a name, and follow the text again with it."""
        if self.close_sizes():
            raise Again

    def close_sizes(self) -> bool:
        """Name the open sizes; False where there is none."""
        seen = [s for var in self.inputs.values() for d in var.shape for s in sorted(d.free_symbols, key=str)]
        unknowns = [s for s in dict.fromkeys(seen) if isinstance(s, Unknown)]
        taken = {s.name for s in seen if not isinstance(s, Unknown)}
        name, axis = self.known.single or ("", 0)
        alone = self.inputs[name].shape[axis] if name in self.inputs else None
        if alone in unknowns:
            self.known.bind(alone, sp.S.One)
            unknowns.remove(alone)
        for unknown in unknowns:
            name = self.known.called.get(unknown, unknown.name)
            while name in taken:
                name += "_"
            taken.add(name)
            self.known.bind(unknown, size(name))
        return bool(unknowns) or isinstance(alone, Unknown)

    # --- arguments ---

    def run_closure(self, closure: Closure, args: list[object], named: dict[str, object], node: ast.AST) -> object:
        self.visited.add(id(closure.node))
        self.followed_now.append(closure.node)
        outer, self.called_at = self.called_at, node
        try:
            return super().run_closure(closure, args, named, node)
        finally:
            self.called_at = outer

    def input_name(self, name: str) -> str:
        """The name of an input in the whole text: functions that are followed apart from each other may call different things alike."""
        groups, now = self.owners.setdefault(name, []), len(self.groups)
        if now not in groups:
            groups.append(now)
        at = groups.index(now)
        own = f"{name}_{at + 1}" if at else name
        while at and own in self.owners:
            own += "_"
        self.known.own(own, name, self.followed_now[::-1])
        return own

    def default(self, name: str, value: object) -> object:
        """A setting that has a default; targets that a loss may be called without are given."""
        if value is None and isinstance(self.called_at, ast.FunctionDef) and TARGET.match(name):
            return Free(self.input_name(name))
        return super().default(name, value)

    def body_of(self, closure: Closure) -> object:
        self.frames[id(closure.node)] = self.frame
        outer, self.sums_given = self.sums_given, (self.sums_of(closure), self.called_at)
        try:
            return super().body_of(closure)
        finally:
            self.sums_given = outer

    def sums_of(self, closure: Closure) -> dict[str, Array]:
        """The arguments of a call that are sums of gradients under a gradient's name."""
        return {a.arg: v for a in closure.node.args.args if isinstance(v := self.frame.names.get(a.arg), Array) and type(v.expr) is Add
                and has_events(v.expr) and stems(a.arg)}

    sums_given: tuple[dict[str, Array], ast.AST | None] = {}, None
    called_at: ast.AST | None = None

    def put(self, target: ast.expr, value: object, node: ast.stmt, right: ast.expr) -> None:
        """An assignment; it may give the name of the tensor that an argument is the gradient of."""
        super().put(target, value, node, right)
        sums, call = self.sums_given
        for name, given in list(sums.items()):
            spot = Spot(ast.copy_location(ast.Name(name, ast.Load()), node), name, name)
            of = [var for stem, before in stems(name) if not before and (var := self.tensor_called(stem, False, True)) is not None]
            if of and of[0].shape == given.expr.shape and type(given.expr) is Add:
                del sums[name]
                given.expr = self.event(spot, of[0], given.expr, call, None, self.family(spot, of[0])).var

    def missing(self, closure: Closure, name: str) -> object:
        """An argument that no call gives: what the forward part calls so, a gradient from outside, or an input."""
        if closure is not self.root and self.root is None:
            return super().missing(closure, name)
        if name in self.scope and not isinstance(self.scope[name], Unread):
            return self.scope[name]
        if closure is self.root and CACHE.match(name) and isinstance(self.scope.get("return"), (tuple, dict, list)):
            kept = self.scope["return"]
            found = [v for v in (kept if isinstance(kept, tuple) else (kept,)) if isinstance(v, (tuple, dict, list))]
            return found[-1] if found else kept[-1] if isinstance(kept, tuple) and len(kept) > 1 else kept
        if closure is self.root and self.output and BACKWARD.match(closure.name) and UPSTREAM.match(name):
            return self.upstream(name)
        if self.output and self.is_output(closure, name):
            return self.output[0]
        return Free(self.input_name(name))

    def is_output(self, closure: Closure, name: str) -> bool:
        """Whether an argument is what the forward part gives: by its name, or the first of a loss that is no target."""
        names = [a.arg for a in closure.node.args.args if a.arg != "self"]
        if TARGET.match(name) or not LOSS_FUNCTION.match(closure.name) or any(OUTPUT.match(n) for n in names):
            return bool(OUTPUT.match(name))
        return name == next((n for n in names if not TARGET.match(n) and n not in self.scope), None)

    def upstream(self, name: str) -> object:
        """A gradient that comes from outside."""
        named = {k: v for k, v in self.scope.items() if any(v is o for o in self.output)}
        named |= {n: v for v in self.output if (n := name_of(v)) is not None}
        spoken = [s for stem, _ in stems(name) for s in (stem, re.sub(r"_?next_?", "", stem))]
        of = next((named[s] for s in spoken if s in named), self.output[0])
        target = of.expr if isinstance(of, Array) else of
        var = self.declared_input(self.unique(name), target.shape)
        self.groups[-1].upstreams.append((var, target))
        return Array(var) if var.rank else var

    def returned_gradients(self, node: ast.Return, value: object) -> object:
        """What a backward part returns without a name is the gradient of the forward part's argument at that place."""
        root = self.root
        if root is None or self.frame is not self.frames.get(id(root.node)) or not self.groups[-1].upstreams:
            return value
        parts = list(value) if isinstance(value, tuple) else [value]
        nodes = node.value.elts if isinstance(node.value, ast.Tuple) and len(node.value.elts) == len(parts) else [node.value] * len(parts)
        title = f"{root.owner}.{root.name}" if root.owner else root.name
        for k, (part, right, of) in enumerate(zip(parts, nodes, self.arguments_of_forward)):
            raw = part.value() if isinstance(part, Array) else part
            target = self.as_tensor(of)
            if target is None or not isinstance(raw, Expr) or type(raw) is Var or raw.shape != target.shape:
                continue
            spot = Spot(right, "", title if len(parts) == 1 else f"{title}[{k}]")
            event = self.event(spot, target, raw, node, right, (id(self.frame), spot.text, target.name))
            parts[k] = Array(event.var) if event.var.rank else event.var
        return tuple(parts) if isinstance(value, tuple) else parts[0]

    def open_items(self, owner: Free) -> dict[str, object]:
        """The parameters that an initialising function of the text makes, for a dictionary that is handed in."""
        for closure in self.functions_of:
            if INITIAL.match(closure.name) and id(closure.node) not in self.visited:
                try:
                    found = self.run_closure(closure, [], {}, closure.node)
                except SymbackpropError:
                    continue
                if isinstance(found, dict):
                    return dict(found)
        return {}


@lru_cache(maxsize=1024)
def called_in(node: ast.AST) -> frozenset[str]:
    """The names of everything that is called in a piece of code."""
    calls = [n.func for n in ast.walk(node) if isinstance(n, ast.Call)]
    return frozenset(f.id if isinstance(f, ast.Name) else f.attr for f in calls if isinstance(f, (ast.Name, ast.Attribute)))


@lru_cache(maxsize=4)
def spoken_in(tree: ast.Module) -> frozenset[str]:
    """Every name, and every string that could be one, in a text."""
    found: set[str] = set()
    for node in ast.walk(tree):
        match node:
            case ast.Name(id=name) | ast.Attribute(attr=name) | ast.arg(arg=name):
                found.add(name)
            case ast.Constant(value=str() as name) if name.isidentifier():
                found.add(name)
    return frozenset(found)


def assigned_in(node: ast.AST) -> set[str]:
    """The names that a piece of code assigns."""
    return {n.id for n in ast.walk(node) if isinstance(n, ast.Name) and isinstance(n.ctx, ast.Store)}


def nearest_kin(root: Closure, found: list[Closure]) -> list[Closure]:
    """The one function of those found that belongs to a root: named alike, calling the same functions, or above it and near."""
    calls, words = called_in(root.node), set(re.findall(WORDS, root.name))

    def distance(c: Closure) -> tuple[int, int, bool, int]:
        alike = len(words & set(re.findall(WORDS, c.name)))
        return -alike, -len(calls & (called_in(c.node) | {c.name})), c.node.lineno > root.node.lineno, abs(c.node.lineno - root.node.lineno)
    return sorted(found, key=distance)[:1]


def twins(name: str) -> set[str]:
    """The names that a forward function has beside a backward one."""
    pairs = (("backward", "forward"), ("backprop", "forwardprop"), ("back_prop", "forward_prop"), ("backpropagation", "forwardpropagation"),
             ("bwd", "fwd"), ("Backward", "Forward"), ("grad", "forward"), ("backward_propagation", "forward_propagation"),
             ("back_propagation", "forward_propagation"), ("backprop", "forward"), ("backprop", "feedforward"), ("backpropagate", "forward"))
    found = {name.replace(a, b) for a, b in pairs if a in name}
    found |= {re.sub(r"_?(?:backward|bwd|grad)$", "", name)}
    return found - {name, ""}
