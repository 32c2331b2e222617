"""What Python calls its pieces, in the words of the person who wrote them, and what to write instead."""

from __future__ import annotations

import ast
import re

# A row: the piece of Python, what it is called, what to write.
PIECES: dict[type[ast.AST], tuple[str, str | None]] = {
    ast.IfExp: ("a choice (… if … else …)", "where(condition, a, b) chooses entry by entry"),
    ast.GeneratorExp: ("a loop inside an expression (… for … in …)", "sum(x**2) and mean(x) work on whole tensors"),
    ast.ListComp: ("a list made in a loop ([… for … in …])", "sum(x**2) and mean(x) work on whole tensors"),
    ast.SetComp: ("a set", None), ast.DictComp: ("a dictionary", None), ast.Dict: ("a dictionary", None), ast.Set: ("a set", None),
    ast.List: ("a list", "vectors are joined with concatenate((x, y)), and a model's numbers are declared tensors"),
    ast.Tuple: ("several values with a comma", None),
    ast.JoinedStr: ("text", None), ast.BoolOp: ("`and` or `or`", "masks are multiplied: (x > 0) * (y > 0)"),
    ast.Lambda: ("a lambda inside an expression", "name it in a line of its own: f = lambda t: t**2"),
    ast.NamedExpr: ("a definition inside an expression (:=)", "give it a line of its own"), ast.Await: ("await", None), ast.Yield: ("yield", None),
    ast.Starred: ("a * in front of a name", None), ast.Slice: ("a slice outside square brackets", None),
    ast.If: ("an if", "where(condition, a, b) chooses entry by entry"), ast.While: ("a while loop", "write the steps out, or for t in 1..T"),
    ast.Return: ("return", "the loss is the last scalar that nothing reads"), ast.FunctionDef: ("a def", "f = lambda t: t**2 names a function of entries"),
    ast.ClassDef: ("a class", None), ast.Assert: ("an assert", "a fact is written fact: sum(y) == 1"), ast.Try: ("a try", None), ast.With: ("a with", None),
    ast.Import: ("an import", "NumPy's functions are known without one"), ast.ImportFrom: ("an import", "NumPy's functions are known without one"),
    ast.Delete: ("del", None), ast.Global: ("global", None), ast.Raise: ("raise", None), ast.Match: ("a match", None),
    ast.AsyncFunctionDef: ("a def", None), ast.Break: ("break", None), ast.Continue: ("continue", None), ast.Nonlocal: ("nonlocal", None),
}
SIGNS: dict[type[ast.AST], tuple[str, str | None]] = {
    ast.BitXor: ("^", "a power is written **"), ast.FloorDiv: ("//", "a quotient is written /"), ast.Mod: ("%", None),
    ast.BitOr: ("|", None), ast.BitAnd: ("&", "masks are multiplied: (x > 0) * (y > 0)"), ast.LShift: ("<<", None), ast.RShift: (">>", None),
}
BESIDE = re.compile(r"([A-Za-z_]\w*|[)\]])\s+([A-Za-z_]\w*|\()")


def in_words(node: ast.AST) -> tuple[str, str | None]:
    """What a piece of Python is called, and what to write instead.

    >>> in_words(ast.parse("a if b else c").body[0].value)[0]
    'a choice (… if … else …)'
    """
    return PIECES.get(type(node), (f"{type(node).__name__}", None))


def side_by_side(line: str, column: int) -> str | None:
    """The hint for two names without a sign between them, at a column of a line that Python does not read.

    >>> side_by_side("z = W x + b", 7)
    'a product has a sign: W @ x or W * x'
    """
    for match in BESIDE.finditer(line):
        if match.start(1) <= column - 1 <= match.end(2) and match[1] not in ("in", "as", "if", "for", "fact", "not", "is", "and", "or"):
            left, right = (line[:match.end(1)].split()[-1] if match[1] in ")]" else match[1]), match[2] if match[2] != "(" else "(…)"
            return f"a product has a sign: {left} @ {right} or {left} * {right}"
    return None
