"""How the rooms lie: what imports what, how long things are, and that no text is ever executed."""

from __future__ import annotations

import ast
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

import symbackprop as sb

ROOT = Path(sb.__file__).parent
REPOSITORY = ROOT.parent
FILES = sorted(ROOT.rglob("*.py"))
# One total order: a room imports, when it is loaded, only from rooms before it (a new room has no place as long as it is
# not entered here, but may stand in no circle). `source`, `tex` and `handwritten` are the readers,
# which share what a value is.
FLOORS = {
    "words": "errors budget notation",
    "terms": "expr cancellation sameness products algebra ops cells",
    "programs": "program layers",
    "calculus": "reverse rules laws normal kinks",
    "views": "views steps numeric points show bridge codegen targets readers",
    "derivations": "results differences fresh",
    "verdicts": "judge",
    "doors": "doors cli __init__ __main__",
}
ROOMS = {room: place for place, room in enumerate(" ".join(FLOORS.values()).split())}
READERS = ("source", "tex", "handwritten")
LONGEST_FILE, LONGEST_FUNCTION = 400, 60
RUNTIME = {"sympy", "numpy", "latex2mathml", "mpmath"}  # mpmath is SymPy's own dependency
EXECUTES = {"eval", "exec", "compile", "__import__", "sympify", "parse_expr", "lambdify", "loads", "system", "Popen", "S"}
# Source that is our own is compiled in one place; SymPy's lambdify sees rows of our tables and checked expressions.
# An exported file is tried by the running interpreter in a process of its own.
ALLOWED = {("codegen/__init__.py", "exec"), ("codegen/__init__.py", "compile"), ("numeric.py", "lambdify"), ("fresh.py", "Popen")}


def name_of(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()


def room_of(module: str) -> str:
    return "readers" if module in READERS else module


def loaded(tree: ast.AST) -> Iterator[ast.Import | ast.ImportFrom]:
    """The imports that run when a module is loaded."""
    for node in ast.iter_child_nodes(tree):
        if isinstance(node, ast.Import | ast.ImportFrom):
            yield node
        elif not isinstance(node, ast.FunctionDef | ast.Lambda) and not (
                isinstance(node, ast.If) and "TYPE_CHECKING" in ast.unparse(node.test)):
            yield from loaded(node)


def rooms_read(path: Path) -> set[str]:
    """The rooms of the package that a file imports from when it is loaded."""
    found = set()
    for node in loaded(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.ImportFrom) and node.level:
            base = list(path.relative_to(ROOT).parts)[:-node.level] if node.level <= len(path.relative_to(ROOT).parts) else []
            names = [[node.module]] if node.module else [[alias.name] for alias in node.names]
            found |= {room_of(".".join([*base, *name]).split(".")[0]) for name in names}
    return found


def own_room(path: Path) -> str:
    parts = path.relative_to(ROOT).with_suffix("").parts
    return room_of(parts[0])


def test_no_rooms_need_each_other_to_be_loaded() -> None:
    needs: dict[str, set[str]] = {}
    for path in FILES:
        needs.setdefault(own_room(path), set()).update(rooms_read(path) - {own_room(path)})
    while ready := {room for room, others in needs.items() if not others & needs.keys()}:
        needs = {room: others for room, others in needs.items() if room not in ready}
    assert not needs, f"a circle of imports: {needs}"


def test_the_floors_name_rooms_that_are_there() -> None:
    assert ROOMS.keys() <= {own_room(path) for path in FILES}


@pytest.mark.parametrize("path", FILES, ids=name_of)
def test_a_room_imports_from_rooms_before_it(path: Path) -> None:
    own = own_room(path)
    above = {room for room in rooms_read(path) - {own} if ROOMS.get(room, 0) > ROOMS.get(own, len(ROOMS))}
    assert not above, f"{name_of(path)} is loaded before {sorted(above)}"


@pytest.mark.parametrize("path", FILES, ids=name_of)
def test_files_and_functions_fit_on_a_screen(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    lines = len(text.splitlines())
    assert lines <= LONGEST_FILE
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.FunctionDef):
            assert node.end_lineno - node.lineno < LONGEST_FUNCTION, node.name


@pytest.mark.parametrize("path", FILES, ids=name_of)
def test_a_module_says_what_it_is_and_has_types(path: Path) -> None:
    tree = ast.parse(path.read_text(encoding="utf-8"))
    assert ast.get_docstring(tree)
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef):
            assert node.returns is not None, f"{node.name} in line {node.lineno} does not say what it returns"


@pytest.mark.parametrize("path", FILES, ids=name_of)
def test_nothing_is_imported_but_what_is_declared(path: Path) -> None:
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        else:
            names = [node.module] if isinstance(node, ast.ImportFrom) and not node.level else []
        for name in names:
            top = name.split(".")[0]
            assert top in RUNTIME or top in sys.stdlib_module_names, name
            assert top != "latex2mathml" or name_of(path) == "show/mathml.py", "one room speaks to latex2mathml"


@pytest.mark.parametrize("path", FILES, ids=name_of)
def test_no_text_is_executed(path: Path) -> None:
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Call):
            called = node.func.id if isinstance(node.func, ast.Name) else getattr(node.func, "attr", "")
            own = isinstance(node.func, ast.Attribute) and ast.unparse(node.func.value) in ("re", "json", "self")
            assert own or called not in EXECUTES or (name_of(path), called) in ALLOWED, f"{called} in line {node.lineno}"


@pytest.mark.parametrize("path", sorted((REPOSITORY / "examples").glob("*.net")), ids=lambda p: p.stem)
def test_no_text_reaches_the_parser_of_sympy(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*args: object, **options: object) -> None:
        raise AssertionError(f"SymPy was asked to parse {args[:1]}")
    for name in ("parse_expr", "eval_expr", "stringify_expr"):
        monkeypatch.setattr(f"sympy.parsing.sympy_parser.{name}", refuse)
    derivation = sb.derive(sb.read(path))
    assert derivation.latex() and str(derivation) and sb.export(derivation)


def test_the_doors_are_a_table() -> None:
    assert sb.__all__ == sorted(sb.PUBLIC)
    assert all(getattr(sb, name) is not None for name in sb.__all__)
    for name in sb.__all__:
        assert (getattr(sb, name).__doc__ or "").strip(), f"{name} has no docstring"
