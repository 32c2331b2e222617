"""An exported file against finite differences of its own loss, in a new process that imports the file and nothing of ours."""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import NamedTuple

import numpy as np

from .differences import Report, compare
from .errors import SymbackpropError
from .numeric import Values
from .points import bind_sizes, draw
from .program import Program

CHILD = '''
import importlib.util, json, sys
import numpy as np

path, places, arrays, functions, library = sys.argv[1], *map(json.loads, sys.argv[2:])
if library == "jax":
    import jax
    jax.config.update("jax_enable_x64", True)
elementwise = {"numpy": np} if library == "numpy" else {library: importlib.import_module({"jax": "jax.numpy"}.get(library, library))}
spec = importlib.util.spec_from_file_location("exported", path)
exported = importlib.util.module_from_spec(spec)
spec.loader.exec_module(exported)


def read():
    shape = json.loads(sys.stdin.buffer.readline())
    count = int(np.prod(shape))
    return np.frombuffer(sys.stdin.buffer.read(8 * count)).reshape(shape).copy()


def sine(order):
    wave = getattr(elementwise[library], "cos" if order % 2 else "sin")
    sign = 1 if order % 4 < 2 else -1
    return lambda x: sign * 0.25**order * wave(0.25 * x)


def gathered(values):
    """The arguments: a value itself, or lists of values; of what is an array the values are rows."""
    found = {}
    for (word, *path), value in zip(places, values):
        row = found
        for key, step in zip([word, *path], path):
            row = row.setdefault(key, {}) if isinstance(row, dict) else row
        row[path[-1] if path else word] = value

    def listed(tree):
        return [listed(tree[k]) for k in sorted(tree)] if isinstance(tree, dict) else tree
    return {word: np.array(listed(tree)) if word in arrays else listed(tree) for word, tree in found.items()}


def leaves(value, *path):
    if isinstance(value, list):
        return [leaf for k, inner in enumerate(value) for leaf in leaves(inner, *path, k)]
    return [(path, value)]


base = [read() for _ in places]
given = {name: sine(name.count("_prime")) for name in functions}
loss, gradients = exported.value_and_grad(**gathered(base), **given)


def loss_of(arguments):
    return exported.loss(**arguments, **given, check=False)


if library == "jax":
    loss_of = jax.jit(loss_of)
print(json.dumps([name for name in sys.modules if name in ("sympy", "symbackprop")]))
for word, value in gradients.items():
    for path, leaf in leaves(value, word):
        print(json.dumps([path, np.asarray(leaf).tolist()]))
print("end", flush=True)
for line in iter(sys.stdin.buffer.readline, b""):
    at, value = int(line), read()
    print(float(loss_of(gathered([*base[:at], value, *base[at + 1 :]]))), flush=True)
'''


class Arguments(NamedTuple):
    """How the inputs of a program are given: name -> the argument and the place in its lists or rows; which arguments are arrays
    of rows; the functions that are given."""

    places: dict[str, tuple[str | int, ...]]
    arrays: tuple[str, ...] = ()
    functions: tuple[str, ...] = ()


class Process:
    """The exported file at work. Raises `SymbackpropError` where it fails, with the last line of what it said."""

    def __init__(self, path: Path, values: Values, arguments: Arguments, to: str) -> None:
        self.names = list(values)
        self.places = [arguments.places[n] for n in values]
        command = [sys.executable, "-I", "-c", CHILD, str(path), *map(json.dumps, (self.places, arguments.arrays, arguments.functions, to))]
        self.child = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        try:
            for value in values.values():
                self.send(value)
        except BrokenPipeError:
            self.line()

    def send(self, value: np.ndarray) -> None:
        value = np.asarray(value, dtype=float)
        self.child.stdin.write(json.dumps(value.shape).encode() + b"\n" + value.tobytes())
        self.child.stdin.flush()

    def line(self) -> str:
        text = self.child.stdout.readline().decode()
        if not text:
            said = self.child.stderr.read().decode().strip().splitlines()
            raise SymbackpropError(f"the exported file does not run: {said[-1] if said else 'no message'}")
        return text.strip()

    def gradients(self) -> Values:
        if foreign := json.loads(self.line()):
            raise SymbackpropError(f"the exported file imports {foreign[0]}")
        found: dict[tuple, np.ndarray] = {}
        while (text := self.line()) != "end":
            path, value = json.loads(text)
            found[tuple(path)] = np.asarray(value)
        made = {}
        for name, place in zip(self.names, self.places):
            if place in found:
                made[name] = found[place]
            elif place[:1] in found:
                made[name] = found[place[:1]][place[1:]]
        return made

    def loss_at(self, name: str, data: np.ndarray) -> float:
        self.child.stdin.write(str(self.names.index(name)).encode() + b"\n")
        self.send(data)
        return float(self.line())

    def close(self) -> None:
        self.child.communicate()


def check_source(source: str, program: Program, arguments: Arguments, to: str = "numpy", most: int = 3, seed: int = 0) -> Report:
    """Compare every gradient that the source computes, at so many choices of sizes.

    Raises `SymbackpropError` where the source does not run, or no usable data can be drawn.
    """
    rows, avoided = [], 0
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "exported.py"
        path.write_text(source, encoding="utf-8")
        for binding in bind_sizes(program)[:most]:
            values, thrown = draw(program, binding, seed)
            avoided += thrown
            process = Process(path, values, arguments, to)
            try:
                rows += [compare(name, values[name], found, process.loss_at, binding, seed)
                         for name, found in process.gradients().items()]
            finally:
                process.close()
    return Report(tuple(rows), avoided, seed)
