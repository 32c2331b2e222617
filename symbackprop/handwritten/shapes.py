"""Shapes that hand-written code states: `# X: R[B, n]`, docstrings ("of shape (n, m)"), comments, asserts.

Sizes in `R[...]` are meant as written; those of prose are names that may turn out to be others.
"""

from __future__ import annotations

import ast
import io
import re
import tokenize

import sympy as sp

from ..expr import Shape, size
from ..tex.tensors import Unknown

DECLARED = re.compile(r"\b([A-Za-z_]\w*)\s*:\s*R(?:\[([^\]]*)\])?(?![\w\[])")
PROSE = re.compile(r"^[\s\-*•#]*[`'\"]?((?:[A-Za-z_][\w.]*)(?:\s*(?:,|and)\s*[A-Za-z_]\w*)*)[`'\"]?\s*(?:--|:|-|=|—|is\b|\()(.*)$")
TUPLE = re.compile(r"[\(\[]([^()\[\]]*)[\)\]]")
PAIR = re.compile(r"\b([A-Za-z_]\w*)\s*(?::|--|=|\b(?:is|are|has|have|of)\b[^()\[\].;:]{0,40}?)?\s*[\(\[]([^()\[\]]*)[\)\]]")
SHAPED = re.compile(r"\b(?:shape|size|dimensions?|dims?|array|matrix|ndarray|vector)\b", re.IGNORECASE)
SCALAR = re.compile(r"\b(?:scalar|float|learning rate|regulari[sz]ation strength)\b", re.IGNORECASE)
CROSSED = re.compile(r"(?:^|\s)(\d+|[A-Z]\w*|[a-z])\s?[x×]\s?(\d+|[A-Z]\w*|[a-z])(?=\s|[.,;)]|$)")  # Hx1, n × m
MULTIPLE = re.compile(r"([1-9]\d?)\s*\*?\s*([A-Za-z_]\w*)|([A-Za-z_]\w*)\s*\*\s*([1-9]\d?)")
WORD = re.compile(r"[A-Za-z_]\w*$")


class Stated:
    """The shapes that a text states, each for the function or class that it stands in, or for all of the text."""

    def __init__(self, text: str, tree: ast.Module) -> None:
        self.scopes = [n for n in ast.walk(tree) if isinstance(n, (ast.FunctionDef, ast.ClassDef))]
        self.of: dict[ast.AST | None, dict[str, Shape]] = {}
        for node in ast.walk(tree):
            if isinstance(node, (ast.FunctionDef, ast.ClassDef, ast.Module)) and (doc := ast.get_docstring(node)):
                for line in doc.split("\n"):
                    self.say(None if isinstance(node, ast.Module) else node, line)
            if isinstance(node, ast.Assert):
                self.put(self.scope_at(node.lineno), from_assert(node.test))
        for line, comment in comments(text):
            self.say(self.scope_at(line), comment)

    def say(self, scope: ast.AST | None, line: str) -> None:
        """What a line of a comment or a docstring states."""
        exact = {m.group(1): exact_shape(m.group(2)) for m in DECLARED.finditer(line)}
        self.put(scope, {k: v for k, v in exact.items() if v is not None} if exact else from_prose(line), bool(exact))

    def put(self, scope: ast.AST | None, shapes: dict[str, Shape], wins: bool = False) -> None:
        """Shapes stated in a scope; those of `R[...]` win over prose."""
        known = self.of.setdefault(scope, {})
        known.update({k: v for k, v in shapes.items() if wins or k not in known})

    def scope_at(self, line: int) -> ast.AST | None:
        """The innermost function or class around a line."""
        around = [s for s in self.scopes if s.lineno <= line <= s.end_lineno]
        return max(around, key=lambda s: s.lineno, default=None)

    def shape(self, name: str, scopes: list[ast.AST]) -> Shape | None:
        """What is said of a name in the first of some scopes that speaks of it, then for all of the text, then where all others agree."""
        for scope in (*scopes, None):
            if name in self.of.get(scope, ()):
                return self.of[scope][name]
        others = {shapes[name] for shapes in self.of.values() if name in shapes}
        return others.pop() if len(others) == 1 else None

    def merged(self) -> dict[str, Shape]:
        """Every name with a shape that all statements of it agree on."""
        names = {name for shapes in self.of.values() for name in shapes}
        return {name: found for name in sorted(names) if (found := self.shape(name, [])) is not None}


def comments(text: str) -> list[tuple[int, str]]:
    """The comments of a text with their lines."""
    try:
        return [(t.start[0], t.string.lstrip("#")) for t in tokenize.generate_tokens(io.StringIO(text).readline) if t.type == tokenize.COMMENT]
    except (tokenize.TokenError, SyntaxError):
        return []


def exact_shape(inside: str | None) -> Shape | None:
    """`m, n` of `R[m, n]`."""
    if inside is None:
        return ()
    parts = [p.strip() for p in inside.split(",")]
    if not all(p.isdigit() and 0 < int(p) < 10**9 or WORD.match(p) for p in parts):
        return None
    return tuple(size(int(p)) if p.isdigit() else size(p) for p in parts)


def from_prose(line: str) -> dict[str, Shape]:
    """`X -- input data of shape (n_x, number of examples)`, `- W1: First layer weights; has shape (D, H)`."""
    pairs = [(name, soft_shape(inside, False)) for name, inside in PAIR.findall(line) if not SHAPED.fullmatch(name)]
    if len(pairs) > 1 and all(shape is not None for _, shape in pairs):
        return dict(pairs)
    match = PROSE.match(line)
    if not match:
        return {}
    names = [n.split(".")[-1] for n in re.split(r"\s*(?:,|\band\b)\s*", match.group(1))]
    rest = match.group(2) + (")" if line[match.end(1):].lstrip().startswith("(") else "")
    rest = "(" + rest if rest.endswith(")") and "(" not in rest else rest
    said = bool(SHAPED.search(rest))
    for inside in TUPLE.findall(rest):
        shape = soft_shape(inside, said)
        if shape is not None:
            return {name: shape for name in names}
    if crossed := CROSSED.search(rest):
        shape = soft_shape(f"{crossed[1]}, {crossed[2]}", True)
        return {name: shape for name in names} if shape is not None else {}
    if SCALAR.search(rest) and not said:
        return {name: () for name in names}
    return {}


def soft_shape(inside: str, said: bool) -> Shape | None:
    """A tuple of prose as a shape; None where it is none."""
    if "..." in inside or "=" in inside:
        return None
    parts = [p.strip() for p in inside.split(",")]
    if parts and not parts[-1]:
        parts = parts[:-1]
    elif len(parts) == 1:
        return None
    if not 1 <= len(parts) <= 4:
        return None
    dims: list[sp.Expr] = []
    for part in parts:
        word = re.sub(r"\W+", "_", part).strip("_")
        if part.isdigit() and int(part) > 0:
            dims.append(size(int(part)))
        elif times := MULTIPLE.fullmatch(part):
            dims.append(sp.Integer(times[1] or times[4]) * open_size(times[2] or times[3]))
        elif WORD.match(word) and (said or " " not in part):
            dims.append(open_size(word))
        else:
            return None
    return tuple(dims)


def from_assert(test: ast.expr) -> dict[str, Shape]:
    """`assert X.shape == (n, m)`."""
    match test:
        case ast.Compare(left=ast.Attribute(value=ast.Name(id=name), attr="shape"), ops=[ast.Eq()], comparators=[ast.Tuple(elts=elts)]):
            inside = [ast.unparse(e) for e in elts]
            shape = soft_shape(", ".join(inside) + ",", False)
            return {name: shape} if shape is not None else {}
    return {}


def open_size(name: str) -> Unknown:
    """A size that may turn out to be another."""
    return Unknown(name, integer=True, positive=True)
