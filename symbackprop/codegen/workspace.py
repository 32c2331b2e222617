"""`make_value_and_grad(sizes)`: the same computation with every array made once, then written into by each call.

A value's array is free again after its last reading, and an entrywise operation writes over an argument that nothing
else reads. What depends on sizes alone is computed when the function is made.
"""

from __future__ import annotations

import re
from collections.abc import Callable

from .arrays import APART as NEVER_ENTRYWISE
from .arrays import FLAGS, NUMBER, VIEWS, Value, cut
from .layout import WIDTH
from .packs import can_lie_apart
from .spell import spaced

LONG = 40  # characters of a view that is made once instead of where it is read
DTYPE = re.compile(r"\bdtype\b")
AS_ARRAY = '''def as_array(name, value, *shape):
    """`value` as an array of floats of this shape; a size that is a word may be any."""
    if type(value) is np.ndarray and value.shape == shape and value.dtype.kind == "f":
        return value
    value = np.asarray(value)
    if value.dtype.kind not in "fiub":
        raise ValueError(f"{name} holds {value.dtype}, wanted real numbers")
    if value.dtype.kind != "f":
        value = value.astype(float)
    free = {}
    wanted = [
        free.setdefault(n, have) if isinstance(n, str) else n
        for n, have in zip(shape, value.shape)
    ]
    if value.ndim != len(shape) or list(value.shape) != wanted:
        wanted = ", ".join(map(str, shape))
        raise ValueError(f"{name} has shape {value.shape}, wanted ({wanted})")
    return value
'''
HELPERS = '''def size_of(sizes, name):
    """A size that was given, as a whole number."""
    if not isinstance(sizes.get(name), (int, np.integer)) or sizes[name] < 1:
        raise ValueError(f"sizes lacks a whole number for {name}")
    return int(sizes[name])


def empty(*shape, dtype):
    """An array that starts at a multiple of 64 bytes, where vector instructions are fastest."""
    count = int(np.prod(shape)) * np.dtype(dtype).itemsize
    raw = np.empty(count + 64, np.uint8)
    start = -raw.ctypes.data % 64
    return raw[start : start + count].view(dtype).reshape(shape)


def fitting(name, value, *shape, dtype):
    """`value` as an array of this shape and type; a wider type than this is refused."""
    given = np.asarray(value).dtype
    value = as_array(name, value, *shape)
    if given.kind == "f" and given.itemsize > dtype.itemsize:
        raise ValueError(
            f"{name} holds {given}, but this function was made for {dtype}"
        )
    return value.astype(dtype)
'''
APART = frozenset({"call", "routine", "gather", "dot", "matmul", "einsum", "sum", "max", "vdot", "vecdot", "where", "concat"})  # never over an argument

WHOLE = NEVER_ENTRYWISE | VIEWS | {"where"}
FOLDED = {"max": "maximum", "sum": "add"}
FEW = ("2", "3", "4")
SIGNS = {"add": "+", "subtract": "-", "multiply": "*", "divide": "/"}


class Plan:
    """Where every value goes. `order` are the needed values in order, `results` the returned ones by name."""

    def __init__(self, order: list[Value], results: dict[str, Value], fresh: Callable[[str], str],
                 names: dict[Value, str]) -> None:
        self.fresh, self.names, self.results = fresh, dict(names), results
        self.static: dict[Value, bool] = {}
        self.buffers: dict[str, tuple[tuple[str, ...], str, tuple[int, ...]]] = {}
        self.views: dict[str, str] = {}
        self.home: dict[Value, str] = {}
        self.made: list[str] = []
        self.repeats: dict[tuple, str] = {}
        self.free: dict[tuple, list[str]] = {}
        self.order, self.at = order, {value: at for at, value in enumerate(order)}
        for value in order:
            self.static[value] = value.op != "input" and value.op != "call" and all(self.static[a] for a in value.args)
        self.last = self.last_readings()
        self.slots: dict[Value, str] = {}
        for value in reversed(order):
            if value.op == "concat" and not self.static[value]:
                self.put_together(value)

    def last_readings(self) -> dict[Value, int]:
        last: dict[Value, int] = {}
        for at, value in enumerate(self.order):
            if value.op not in VIEWS:
                for arg in value.args:
                    last[arg.base] = at
        for value in self.results.values():
            last[value.base] = len(self.order)
        return last

    def put_together(self, value: Value) -> None:
        """An array for what is put side by side, the parts of which are computed into their places where they can be."""
        if value not in self.slots:
            self.slots[value] = place = self.fresh("w1")
            self.buffers[place] = (value.shape, "dtype", ())
        self.last[value] = len(self.order)
        axis, before = value.params[0], []
        for arg in value.args:
            own = [arg.shape[axis]]
            fits = can_lie_apart(arg) or arg.op == "concat" or arg.op == "gather" and not axis
            if arg not in self.slots and fits and not self.static[arg]:
                self.slots[arg] = place = self.fresh("w1")
                self.buffers[place] = (arg.shape, "dtype", ())
                self.views[place] = f"{self.slots[value]}[{spaced(':, ' * axis + cut(before, own))}]"
                self.made.append(f"{place} = {self.views[place]}")
                self.last[arg] = len(self.order)
            before += own

    def together(self, value: Value) -> list[str]:
        """The lines that copy what was not computed into its place."""
        lines, axis, before = [], value.params[0], []
        for arg in value.args:
            own = [arg.shape[axis]]
            place = f"{self.slots[value]}[{spaced(':, ' * axis + cut(before, own))}]"
            if self.views.get(self.slots.get(arg)) != place:
                self.made.append(f"{(name := self.fresh('k1'))} = {place}")
                text = self.text(arg)
                (self.made if self.static[arg] else lines).append(f"np.copyto({name}, {text})")
            before += own
        return lines

    def text(self, value: Value) -> str:
        """A value where it is read."""
        if value in self.names:
            return self.names[value]
        if value.op == "const":
            return self.constant(value)
        text = self.spelled_view(value) if value.op in VIEWS else ""
        if value.op == "slice" and value.base in self.home and stays(value):
            return self.hoisted(value, text)
        if len(text) > LONG and value.base in self.home and (in_order(value) or shows_all(value)):
            return self.hoisted(value, text)
        return text or self.hoisted(value, spelled(value, [self.text(a) for a in value.args]))

    def spelled_view(self, value: Value) -> str:
        """What shows an array, or a part of it, in another form."""
        match value.op:
            case "transpose":
                order, inner = value.params[0], self.text(value.args[0])
                return f"{inner}.T" if order == tuple(reversed(range(len(order)))) else f"{inner}.transpose{order}"
            case "index":
                return f"{self.text(value.args[0])}[{', '.join(value.params)}]"
            case "slice":
                return f"{self.text(value.args[0])}[{spaced(value.params[0])}]"
            case "reshape":
                return f"{self.text(value.args[0])}.reshape({', '.join(value.shape)})"
            case "windows":
                return f"read_at({self.text(value.args[0])}, {value.params[1]})"
        return f"np.diagonal({self.text(value.args[0])})"

    def constant(self, value: Value) -> str:
        text = value.params[0]
        if NUMBER.match(text):
            return text
        return self.hoisted(value, f"float({text})")

    def hoisted(self, value: Value, text: str) -> str:
        """Computed when the function is made."""
        self.names[value] = name = self.fresh("k1")
        self.made.append(f"{name} = {text}")
        return name

    def repeated(self, number: Value, value: Value) -> str:
        """A number as an array as large as a value: vector instructions compare two arrays, not an array and a number."""
        key = (value.shape, "dtype", value.layout)
        if (number, key) not in self.repeats:
            text = self.text(number)
            self.repeats[number, key] = name = self.fresh("k1")
            self.made += [*made_empty(name, *key), f"{name}[:] = {text}"]
        return self.repeats[number, key]

    def lines(self, value: Value) -> list[str]:
        """The lines that compute a value, if it needs any; to be asked for in order."""
        at = self.at[value]
        if value in self.names or self.static[value] or value.op in VIEWS and value.op != "windows":
            return []
        if value.op == "windows":
            text = self.text(value)
            self.names[value] = name = self.fresh("t1")
            return [f"{name} = {text}"]
        args = [self.text(a) for a in value.args]
        if not value.shape:
            self.names[value] = name = self.fresh("s1")
            self.release(value, at)
            return [f"{name} = {number_code(value, args)}"]
        if value.op == "linalg":
            self.names[value] = name = self.fresh("t1")
            return [f"{name} = {spelled(value, args)}"]
        if value.op in ("maximum", "minimum") and value.args[0].shape == value.shape and value.args[1].is_const:
            args[1] = self.repeated(value.args[1], value)
        place = self.slots.get(value) or self.place(value, at)
        self.names[value] = self.home[value] = place
        if value.op == "concat":
            return self.together(value)
        if value in self.slots:
            self.release(value, at)
            if value.op == "dot" and not self.is_whole(place):
                return [f"np.matmul({', '.join(args)}, out={place})"]
        args = [place if text == self.views.get(place) else text for text in args]
        if count := narrow(value):
            return self.by_entry(value, args, place, count)
        if value.op == "gather":
            return [f"np.copyto({place}.reshape({', '.join(value.args[0].shape)}), {args[0]})"]
        if value.op == "routine" and value.params[0] == "add_rows":
            return [f"{spelled(value, args)[:-1]}, out={place})"]
        if value.op in ("call", "routine"):
            return [f"np.copyto({place}, {spelled(value, args)})"]
        if value.op == "where":
            return [f"np.copyto({place}, {args[2]})", f"np.copyto({place}, {args[1]}, where={args[0]})"]
        return [spelled(value, args, place)]

    def by_entry(self, value: Value, args: list[str], place: str, count: int) -> list[str]:
        """The lines for each entry along a last axis of a few: loops over that alone are NumPy's slowest."""
        if value.op in FOLDED:
            parts, name = [f"{args[0]}[..., {k}]" for k in range(count)], f"np.{FOLDED[value.op]}"
            return [f"{name}({parts[0]}, {parts[1]}, out={place})", *(f"{name}({place}, {part}, out={place})" for part in parts[2:])]
        lines = []
        for k in range(count):
            parts = [f"{text}[..., {0 if a.shape[-1] == '1' else k}]" if a.shape else text for a, text in zip(value.args, args)]
            self.made.append(f"{(name := self.fresh('k1'))} = {place}[..., {k}]")
            lines.append(spelled(value, parts, name))
        return lines

    def place(self, value: Value, at: int) -> str:
        """The array to write to: that of an argument read for the last time, one that is free, or a new one."""
        key = (value.shape, "bool" if value.flag else "dtype", value.layout)
        if value.op not in APART:
            for arg in value.args:
                if place := self.over(arg, value, key, at):
                    self.release(value, at)
                    return place
                if arg in self.home and self.last[arg] == at and self.buffers[self.home[arg]] == key \
                        and not any(other is not arg and other.base is arg for other in value.args):
                    place = self.home.pop(arg)
                    self.release(value, at)
                    return place
        if self.free.get(key):
            place = self.free[key].pop()
        else:
            place = self.fresh("w1")
            self.buffers[place] = key
        self.release(value, at)
        return place

    def over(self, view: Value, value: Value, key: tuple, at: int) -> str:
        """The array that a view shows the whole of, under a name of its own; nothing where something else still reads it."""
        base = view.base
        if base not in self.home or self.last[base] != at or (view.shape, "dtype", view.layout) != key or not shows_all(view) \
                or self.buffers[self.home[base]][1] != "dtype" or any(a is not view and a.base is base for a in value.args):
            return ""
        place = self.fresh("w1")
        self.buffers[place] = key
        self.views[place] = self.text(view)
        self.made.append(f"{place} = {self.views[place]}")
        del self.home[base]
        return place

    def is_whole(self, place: str) -> bool:
        """Whether an array lies in memory without gaps: it is no range of columns of another."""
        shown = self.views.get(place, "")
        return "[:, " not in shown and (not shown or self.is_whole(shown.split("[")[0]) or len(self.buffers[place][0]) == 1)

    def release(self, value: Value, at: int) -> None:
        for arg in dict.fromkeys(a.base for a in value.args):
            if arg in self.home and self.last[arg] == at:
                place = self.home.pop(arg)
                self.free.setdefault(self.buffers[place], []).append(place)

    def copied(self, name: str, value: Value, taken: set[str]) -> tuple[list[str], str]:
        """A result as an array of its own: the lines that it needs, and its source."""
        if not value.shape:
            text = self.text(value)
            return [], f"np.array({text})" if value.is_const or value.op == "input" else text
        home = self.home.get(value)
        if value.op == "slice" and value.args[0] in self.home and (text := self.text(value)) not in taken \
                and not any(v is not value and v.base is value.base for n, v in self.results.items() if v.op != "slice" or v.params == value.params):
            taken.add(text)
            return [], text
        if home is not None and home not in taken:
            taken.add(home)
            return [], home
        place = self.fresh("w1")
        self.buffers[place] = (value.shape, "dtype", ())
        return [f"np.copyto({place}, {self.text(value)})"], place


def narrow(value: Value) -> int:
    """The entries along the last axis, where there are few and they are joined or stretched to."""
    if value.op in FOLDED:
        axes, keepdims = value.params
        last = value.args[0].shape[-1]
        return int(last) if last in FEW and not keepdims and axes in (len(value.shape), (len(value.shape),)) else 0
    if value.op in WHOLE or len(value.shape) < 2 or value.shape[-1] not in FEW:
        return 0
    return int(value.shape[-1]) if any(a.shape[-1:] == ("1",) and len(a.shape) > 1 for a in value.args) else 0


def in_order(value: Value) -> bool:
    """Whether a value, or what it shows the whole of, lies in memory row by row."""
    if value.op == "transpose" and (layout := value.args[0].layout) and value.args[0].op not in VIEWS:
        return tuple(layout[k] for k in value.params[0]) == tuple(range(len(layout)))
    return in_order(value.args[0]) if value.op == "reshape" else value.op not in VIEWS and not value.layout


def stays(value: Value) -> bool:
    """Whether what shows a part of an array is never a copy."""
    return value.op not in VIEWS or value.op in ("slice", "transpose", "index") and stays(value.args[0])


def shows_all(view: Value) -> bool:
    """Whether a view shows the whole of an array in the layout that an array of its own would have."""
    turned = view.op == "transpose" and view.layout == view.params[0] and in_order(view.args[0])
    return turned or view.op == "reshape" and in_order(view)


def made_empty(name: str, shape: tuple[str, ...], kind: str, layout: tuple[int, ...]) -> list[str]:
    """The lines that make an array to write to."""
    axes = [shape[layout.index(k)] for k in range(len(layout))] or shape
    line, turned = f"{name} = empty({', '.join([*axes, f'dtype={kind}'])})", f".transpose({', '.join(map(str, layout))})"
    if not layout:
        return [line]
    return [line + turned] if len(line + turned) + 4 <= WIDTH else [line, f"{name} = {name}{turned}"]


def spelled(value: Value, args: list[str], out: str = "") -> str:
    """The NumPy call of a value, into `out` if that is given."""
    into = f", out={out}" if out else ""
    shape = f"({value.shape[0]},)" if len(value.shape) == 1 else f"({', '.join(value.shape)})"
    match value.op:
        case "ones":
            return f"np.ones({shape}, dtype)"
        case "eye":
            return f"np.eye({value.shape[0]}, dtype=dtype)"
        case "concat":
            return f"np.concatenate(({', '.join(args)}), axis={value.params[0]})"
        case "sum":
            axes = value.params[0][0] if len(value.params[0]) == 1 else value.params[0]
            return f"np.add.reduce({args[0]}, axis={axes}{', keepdims=True' * value.params[1]}{into})"
        case "max":
            return f"np.maximum.reduce({args[0]}, axis={value.params[0]}{', keepdims=True' * value.params[1]}{into})"
        case "vecdot":
            return f"np.vecdot({', '.join(args)}{', keepdims=True' * value.params[0]}{into})"
        case "einsum":
            best = ", optimize=True" * (len(args) > 1)
            return f'np.einsum("{value.params[0]}", {", ".join(args)}{best}{into})'
        case "routine":
            return f"{value.params[0]}({', '.join(filter(None, [*args, value.params[1]]))})"
        case "call":
            made = f"{value.params[0]}({', '.join([*args, *value.params[1:]])})"
            return made if value.shape else f"dtype.type({made})"
        case "linalg":
            return f"np.linalg.{value.params[0]}({', '.join([*args, *value.params[1:]])})" + "[1]" * (value.params[0] == "slogdet")
    if value.op in FLAGS and value.params:
        return f"np.{value.op}({', '.join(args)}{into})" if out else f"np.{value.op}({', '.join(args)}).astype(dtype)"
    return f"np.{value.op}({', '.join(args)}{into})"


def number_code(value: Value, args: list[str]) -> str:
    """A number from numbers: Python's signs take a tenth of the time of NumPy's calls."""
    if value.op == "negative":
        return f"-{args[0]}"
    sign = SIGNS.get(value.op) if len(args) == 2 and all(not a.shape for a in value.args) else None
    return f"{args[0]} {sign} {args[1]}" if sign else spelled(value, args)


def needed(graph: list[Value], results: dict[str, Value]) -> list[Value]:
    """The values that the results rest on, in order."""
    wanted = set(results.values())
    for value in reversed(graph):
        if value in wanted:
            wanted.update(value.args)
    return [value for value in graph if value in wanted]
