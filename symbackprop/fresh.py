"""An exported file against finite differences of its own loss, in a new process that imports the file and nothing of ours."""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np

from .codegen.compiled import opaque_names
from .differences import Report, compare
from .errors import SymbackpropError
from .numeric import Sizes, Values
from .points import bind_sizes, draw
from .program import Program

CHILD = '''
import importlib.util, json, sys
import numpy as np

path, names, functions, library = sys.argv[1], *map(json.loads, sys.argv[2:])
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
    return lambda x: wave(x) if order % 4 < 2 else -wave(x)


base = {name: read() for name in names}
given = {name: sine(name.count("_prime")) for name in functions}
loss, gradients = exported.value_and_grad(**base, **given)
print(json.dumps([name for name in sys.modules if name in ("sympy", "symbackprop")]))
for name, value in gradients.items():
    print(json.dumps([name, np.asarray(value).tolist()]))
print("end", flush=True)
for line in iter(sys.stdin.buffer.readline, b""):
    print(float(exported.loss(**{**base, line.decode().strip(): read()}, **given, check=False)), flush=True)
'''


class Process:
    """The exported file at work. Raises `SymbackpropError` where it fails, with the last line of what it said."""

    def __init__(self, path: Path, values: Values, keywords: dict[str, str], functions: list[str], to: str) -> None:
        command = [sys.executable, "-I", "-c", CHILD, str(path), json.dumps([keywords[n] for n in values]), json.dumps(functions), json.dumps(to)]
        self.keywords = keywords
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
        found = {}
        while (text := self.line()) != "end":
            name, value = json.loads(text)
            found[name] = np.asarray(value)
        return found

    def loss_at(self, name: str, data: np.ndarray) -> float:
        self.child.stdin.write(self.keywords[name].encode() + b"\n")
        self.send(data)
        return float(self.line())

    def close(self) -> None:
        self.child.communicate()


def check_source(source: str, program: Program, backward: Program, keywords: dict[str, str], to: str = "numpy",
                 sizes: Sizes | None = None, seed: int = 0) -> Report:
    """Compare every gradient that the source computes. `keywords` are the names of its arguments.

    Raises `SymbackpropError` where the source does not run, or no usable data can be drawn.
    """
    rows, avoided = [], 0
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "exported.py"
        path.write_text(source, encoding="utf-8")
        for binding in bind_sizes(program, sizes):
            values, thrown = draw(program, binding, seed)
            avoided += thrown
            process = Process(path, values, keywords, opaque_names(program, backward), to)
            try:
                rows += [compare(name, values[name], found, process.loss_at, binding, seed)
                         for name, found in process.gradients().items() if name in values]
            finally:
                process.close()
    return Report(tuple(rows), avoided, seed)
