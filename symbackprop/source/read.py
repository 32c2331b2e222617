"""A model's text -> Program: declarations, facts, definitions and claims, statement by statement.

The text is Python syntax read with `ast`; a token-level pre-pass takes out typeset names (`W1: R[4, 3] as "W^{(1)}"`)
without moving a column.
"""

from __future__ import annotations

import ast
import io
import re
import tokenize
import warnings

import sympy as sp

from ..collecting import uncollected
from ..errors import ParseError, ShapeError, SymbackpropError, UnsupportedError
from ..expr import Expr, Shape, Var, function, show_shape, size
from ..intake import MAX_AXES, TURNING, bounded, cleaned, described, refused
from ..notation import check_tex_name, is_name, why_not
from ..ops import load
from ..program import STRUCTURES, Claim, Equation, Fact, Program, expose_pre_activations
from .indexing import index_axes
from .terms import COMPARISONS, MAX_DIGITS, Terms
from .words import in_words, side_by_side

RESERVED = {"R", "fact", "grad", "elementwise", "pi", "np", "numpy", "partial", "inf", "nan"}
TYPESET = re.compile(r"\bas\s+r?(\"[^\"\n]*\"|'[^'\n]*')")
LONG_NUMBER = re.compile(rf"(?<!\w)\d{{{MAX_DIGITS + 1},}}")
BRACKETS = re.compile(r"[()\[\]{}]")
MAX_CHARACTERS, MAX_BRACKETS, MAX_NODES, MAX_SIZE = 1_000_000, 100, 200_000, 10**12
KNOWN_FACTS = "known are sum(y) == 1, A == A.T, definite(A), diagonal(A), x > 0, y in {0, 1}"
LAMBDA_NAMES = sp.symbols("x0 x1 x2", real=True)


def parse_text(text: str) -> Program:
    """The program that a model's text means. Raises `SymbackpropError` with line and column."""
    load()
    with bounded(text):
        if " in " in text:
            from ..recurrence.read import LOOP, LoopReader
            if LOOP.search(text):
                return LoopReader(text).program()
        with uncollected():
            return Reader(text).program()


class Reader(Terms):
    """Reads a whole model."""

    def __init__(self, text: str) -> None:
        self.whole = text = cleaned(text)
        super().__init__(text.split("\n"))
        self.names: dict[str, str] = {}
        if len(text) > MAX_CHARACTERS:
            raise ParseError(f"the text is longer than {MAX_CHARACTERS} characters", line=1, column=1)
        if not text.isascii():
            self.refuse_strange_characters(text)
        self.check_nesting(text)
        self.clean = self.take_typeset_names(text) if " as " in text else text
        self.inputs: dict[str, Var] = {}
        self.equations: list[Equation] = []
        self.facts: list[Fact] = []
        self.claims: list[Claim] = []
        self.gradients: dict[str, tuple[str, str]] = {}

    def program(self) -> Program:
        statements = self.tree().body
        for statement in statements:
            self.statement(statement)
        if not self.inputs and not self.equations:
            raise ParseError("there is no model here: declare tensors (x: R[3]) and write equations (z = W @ x)")
        mentioned = frozenset(self.mentioned)
        self.gradient = self.read_gradient
        claims = tuple(self.read_claim(node) for node in self.claims)
        equations = expose_pre_activations(tuple(self.equations), set(self.tensors))
        return Program(self.inputs, equations, (), tuple(self.facts), claims, self.names, mentioned=mentioned)

    def tree(self, margin: bool = True) -> ast.Module:
        """The parsed text; with `margin` a text whose lines are indented as one may be read."""
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore", SyntaxWarning)
                return self.counted(ast.parse(self.clean))
        except SyntaxError as error:
            if margin and isinstance(error, IndentationError):
                return self.tree_without_margin()
            raise self.syntax_error(error) from None
        except (RecursionError, MemoryError, ValueError):
            raise ParseError("a formula is too long or too deeply nested to read", line=1, column=1) from None

    def counted(self, tree: ast.Module) -> ast.Module:
        """The tree, if its nodes are not too many: a character makes at most three."""
        if 3 * len(self.clean) < MAX_NODES:
            return tree
        for count, node in enumerate(ast.walk(tree)):
            if count > MAX_NODES:
                raise ParseError(f"the text has more than {MAX_NODES} parts", line=1, column=1)
        return tree

    def tree_without_margin(self) -> ast.Module:
        """A text inside indented quotes: every line's margin is taken off, and put back in the places told."""
        rows = self.clean.split("\n")
        self.margins = [len(row) - len(row.lstrip()) for row in rows]
        try:
            return self.counted(ast.parse("\n".join(row.lstrip() for row in rows)))
        except SyntaxError as error:
            error.offset = (error.offset or 1) + self.margins[(error.lineno or 1) - 1]
            raise self.syntax_error(error) from None

    def syntax_error(self, error: SyntaxError) -> ParseError:
        line, column = error.lineno or 1, error.offset or 1
        source = self.lines[line - 1] if line <= len(self.lines) else ""
        if (number := LONG_NUMBER.search(source)) is not None:
            return ParseError(f"a number of more than {MAX_DIGITS} digits", line=line, column=number.start() + 1, source=source)
        hint = "a fact compares with ==, as in sum(y) == 1" if source.lstrip().startswith("fact:") else None
        if error.msg.startswith("cannot assign to function call"):
            return ParseError("a claim compares two sides with ==", line=line, column=max(column, 1), source=source, hint="did you mean == instead of =?")
        if hint is None and error.msg == "invalid syntax":
            hint = side_by_side(source, column)
        return ParseError(f"{error.msg}", line=line, column=max(column, 1), source=source, hint=hint)

    def refuse_strange_characters(self, text: str) -> None:
        """Non-ASCII characters may stand in comments and strings only: look-alikes would merge with other names."""
        try:
            for token in tokenize.generate_tokens(io.StringIO(text).readline):
                if token.type not in (tokenize.COMMENT, tokenize.STRING) and not token.string.isascii():
                    at = next(k for k, c in enumerate(token.string) if not c.isascii())
                    raise ParseError(f"the character {described(token.string[at])} cannot stand here", line=token.start[0],
                                     column=token.start[1] + at + 1, source=self.lines[token.start[0] - 1],
                                     hint="names are written in ASCII letters")
        except (tokenize.TokenError, SyntaxError):
            pass  # the syntax error is told by `tree`
        if (turning := TURNING.search(text)) is not None:
            raise refused(text, turning.start(), "turns the writing direction, so that code reads otherwise than it runs")

    def check_nesting(self, text: str) -> None:
        depth = 0
        for match in BRACKETS.finditer(text):
            if match.group() in "([{":
                depth += 1
                if depth > MAX_BRACKETS:
                    at = match.start()
                    line = text.count("\n", 0, at)
                    raise ParseError(f"more than {MAX_BRACKETS} brackets inside each other", line=line + 1,
                                     column=at - text.rfind("\n", 0, at), source=self.lines[line])
            else:
                depth = max(0, depth - 1)

    def take_typeset_names(self, text: str) -> str:
        def blank(match: re.Match) -> str:
            line = text.count("\n", 0, match.start()) + 1
            before = text[text.rfind("\n", 0, match.start()) + 1:match.start()].rpartition(";")[2]
            name = before.partition(":")[0].strip()
            if ":" not in before or "#" in before:
                return match.group()
            try:
                self.names[name] = check_tex_name(match.group(1)[1:-1])
            except ParseError as error:
                raise error.at(line, match.start() - text.rfind("\n", 0, match.start()), self.lines[line - 1]) from None
            return " " * len(match.group())
        return TYPESET.sub(blank, text)

    def statement(self, node: ast.stmt) -> None:
        if type(node) is ast.AnnAssign and type(node.target) is ast.Name and node.value is None and node.target.id != "fact":
            self.declare(node)
            return
        if type(node) is ast.Assign and type(node.targets[0]) is ast.Name and len(node.targets) == 1:
            self.define_function(node) if type(node.value) is ast.Lambda else self.define(node)
            return
        match node:
            case ast.AnnAssign(target=ast.Name(id="fact"), value=None):
                self.facts += self.read_facts(node.annotation)
            case ast.AnnAssign(target=ast.Name(id="fact")):
                raise self.fail(node, "a fact compares with ==", "did you mean == instead of =?")
            case ast.Expr(value=ast.Compare(left=left, ops=[ast.In()], comparators=[kind])) if self.text(kind)[:1] == "R":
                raise self.fail(node, f"{self.text(node)[:50]}: a declaration has a colon", f"did you mean {self.text(left)}: {self.text(kind)}?")
            case ast.Expr(value=ast.Compare()):
                self.claims.append(node)
            case ast.Expr(value=ast.Constant(value=str())) | ast.Pass():
                pass
            case ast.Import() if all(alias.name == "numpy" for alias in node.names):
                pass
            case ast.AugAssign():
                raise self.fail(node, f"{self.text(node)[:50]}: a name is defined once", "give the new value a new name",
                                UnsupportedError)
            case ast.AnnAssign(target=target, value=None):
                raise self.fail(node, f"{self.text(target)[:50]} is declared for each step of a loop, and there is none" if type(target) is ast.Subscript
                                else f"{self.text(target)[:50]} is no name", "for l in 1..L: …" if type(target) is ast.Subscript else None)
            case ast.AnnAssign(target=target, annotation=kind):
                hint = f"write {self.text(target)} = {self.text(node.value)[:40]}: its shape follows" if self.text(kind)[:1] == "R" else "sizes are numbers or names inside R[…], as in R[n, 3]"
                raise self.fail(node, f"{self.text(node)[:50]}: a name is declared or defined, not both", hint, UnsupportedError)
            case ast.Assign():
                raise self.fail(node, "one name stands on the left of a definition")
            case ast.For():
                raise self.fail(node, f"a loop runs over 1..T in a model, not over {self.text(node.iter)[:40]}", f"for {self.text(node.target)} in 1..T: …", UnsupportedError)
            case ast.Expr():
                raise self.fail(node, f"this line does nothing: {self.text(node)[:60]}",
                                "write name = …, or a claim with ==")
            case _:
                said, hint = in_words(node)
                raise self.fail(node, f"{said} is not part of the language", hint, UnsupportedError)

    def check_name(self, node: ast.AST, name: str) -> None:
        """Names reach LaTeX, pages and source: only those of the white list do."""
        if not is_name(name) or name in RESERVED:
            raise self.fail(node, f"{name[:40]} cannot be a name here", why_not(name))

    def new_name(self, node: ast.AST, name: str) -> None:
        self.check_name(node, name)
        if name in self.tensors or name in self.functions:
            raise self.fail(node, f"{name} is defined twice", "give the new value a new name")
        if name in self.sizes:
            raise self.fail(node, f"{name} is a size already")

    def declare(self, node: ast.AnnAssign) -> None:
        name = node.target.id
        self.new_name(node, name)
        match node.annotation:
            case ast.Subscript(value=ast.Name(id="R"), slice=inner):
                parts = inner.elts if type(inner) is ast.Tuple else [inner]
                shape: Shape = tuple([self.read_size(part) for part in parts])
            case ast.Name(id="elementwise"):
                self.functions[name] = function(name, opaque=True)
                return
            case ast.Name(id="R"):
                shape = ()
            case ast.Compare(left=left, ops=[ast.Lt()], comparators=[end]) if (inner := index_axes(left)) is not None:
                shape = tuple([self.read_size(part) for part in inner])
                self.place_ends[name] = self.read_size(end)
                self.facts.append(Fact("index", name, low=0, high=self.place_ends[name]))
            case _ if index_axes(node.annotation) is not None:
                raise self.fail(node, f"{name}: whole numbers need an end, since they stand for places",
                                f"as in {name}: {self.text(node.annotation)[:40]} < n, where n is the size of the axis")
            case _:
                raise self.fail(node, f"{name}: {self.text(node.annotation)[:40]} is not a type",
                                "write R for a scalar, R[n], R[m, n], Z[n] < k for places on an axis of k, or elementwise")
        if len(shape) > MAX_AXES:
            raise self.fail(node, f"{name} has {len(shape)} axes, and at most {MAX_AXES} are read", kind=UnsupportedError)
        if name in self.sizes:
            raise self.fail(node, f"{name} is a size already")
        self.tensors[name] = self.inputs[name] = Var(name, shape)

    def read_size(self, node: ast.expr) -> sp.Expr:
        if type(node) is ast.Name and node.id in self.sizes:
            return size(node.id)
        match node:
            case ast.Constant(value=int()) if not isinstance(node.value, bool) and 0 < node.value < MAX_SIZE:
                return size(node.value)
            case ast.Name(id=name):
                self.new_name(node, name)
                self.sizes.add(name)
                return size(name)
            case ast.BinOp(op=ast.Add() | ast.Sub() | ast.Mult() | ast.FloorDiv()):
                left, right = self.read_size(node.left), self.read_size(node.right)
                made = {ast.Add: left + right, ast.Sub: left - right, ast.Mult: left * right,
                        ast.FloorDiv: sp.floor(left / right)}[type(node.op)]
                if made.is_number and not 0 < made < MAX_SIZE:
                    raise self.fail(node, f"a size is a positive integer, and {self.text(node)[:40]} is {str(made)[:20]}")
                return made
        raise self.fail(node, f"a size is a positive integer or a name, not {self.text(node)[:40]}")

    def define(self, node: ast.Assign) -> None:
        name = node.targets[0].id
        self.new_name(node.targets[0], name)
        expr = self.read(node.value)
        self.equations.append(Equation(name, expr, self.place(node)))
        self.tensors[name] = Var(name, expr.shape)

    def define_function(self, node: ast.Assign) -> None:
        """`f = lambda t: …`: an elementwise function of scalars."""
        name, args = node.targets[0].id, node.value.args
        self.new_name(node.targets[0], name)
        plain = not (args.vararg or args.kwarg or args.kwonlyargs or args.defaults or args.posonlyargs)
        if not plain or not 1 <= len(args.args) <= 3:
            raise self.fail(node, "an elementwise function has one, two or three plain arguments")
        inner = Terms(self.lines)
        inner.functions, inner.sizes = self.functions, self.sizes
        inner.tensors = {a.arg: Var(a.arg, ()) for a in args.args}
        body = inner.read(node.value.body)
        from ..cells import as_scalar
        symbols = LAMBDA_NAMES[:len(args.args)]
        expr = as_scalar(body, dict(zip((a.arg for a in args.args), symbols)))
        self.functions[name] = function(name, body=sp.Lambda(symbols, expr))

    def read_facts(self, node: ast.expr) -> list[Fact]:
        """`sum(y) == 1`, `A == A.T`, `x > 0`, `0 < p < 1`, several joined by `and`."""
        if isinstance(node, ast.BoolOp) and isinstance(node.op, ast.And):
            return [fact for value in node.values for fact in self.read_facts(value)]
        if isinstance(node, ast.Compare):
            parts = [node.left, *node.comparators]
            if len(parts) == 2 and isinstance(node.ops[0], ast.Eq):
                return [self.equality_fact(node, *parts)]
            if len(parts) == 2 and isinstance(node.ops[0], ast.In) and isinstance(parts[1], (ast.Set, ast.Tuple, ast.List)):
                values = [self.read(e) for e in parts[1].elts]
                if sorted(str(v.value) for v in values) == ["0", "1"]:
                    return [Fact("binary", self.input_name(parts[0]))]
            found = [self.range_fact(a, op, b) for a, op, b in zip(parts, node.ops, parts[1:])]
            if all(found):
                return found
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in STRUCTURES and len(node.args) == 1:
            return [self.structure(node, node.func.id, node.args[0])]
        raise self.fail(node, f"this fact is not one that is known: {self.text(node)[:60]}", KNOWN_FACTS, UnsupportedError)

    def structure(self, node: ast.expr, kind: str, matrix: ast.expr) -> Fact:
        """`symmetric(A)`, `definite(A)`, `diagonal(A)` of a square matrix."""
        shape = self.read(matrix).shape
        if len(shape) != 2 or shape[0] != shape[1]:
            raise self.fail(node, f"{self.text(matrix)} is {show_shape(shape)} and cannot be {kind}", kind=ShapeError)
        return Fact(kind, self.input_name(matrix))

    def input_name(self, node: ast.expr) -> str:
        if not isinstance(node, ast.Name) or node.id not in self.tensors:
            raise self.fail(node, f"a fact speaks of a declared tensor, not of {self.text(node)[:40]}")
        return node.id

    def equality_fact(self, node: ast.Compare, left: ast.expr, right: ast.expr) -> Fact:
        left_value, right_value = self.read(left), self.read(right)
        call = left if isinstance(left, ast.Call) else None
        if call is not None and getattr(right_value, "value", None) == 1 and self.text(call.func).split(".")[-1] == "sum":
            method = isinstance(call.func, ast.Attribute) and isinstance(call.func.value, ast.Name) and call.func.value.id in self.tensors
            name = self.input_name(call.func.value if method else call.args[0])
            var = self.tensors[name]
            axes = sorted(set(range(var.rank)) - set(self.kept_axes(left_value, var, call)))
            if len(axes) == var.rank:
                return Fact("sum", name)
            if len(axes) == 1:
                return Fact("sum", name, axis=axes[0])
        if isinstance(right, ast.Attribute) and right.attr == "T" and self.text(right.value) == self.text(left):
            return self.structure(node, "symmetric", left)
        if self.text(right) == f"diag(diag({self.text(left)}))":
            return self.structure(node, "diagonal", left)
        raise self.fail(node, f"this fact is not one that is known: {self.text(node)[:60]}", KNOWN_FACTS, UnsupportedError)

    def kept_axes(self, summed: Expr, var: Var, call: ast.Call) -> tuple[int, ...]:
        node = summed
        return () if not node.shape else tuple(node.inputs[0].index(i) for i in node.output)

    def range_fact(self, a: ast.expr, op: ast.cmpop, b: ast.expr) -> Fact | None:
        name = COMPARISONS.get(type(op))
        if name in ("lt", "le"):
            a, b = b, a
        elif name not in ("gt", "ge"):
            return None
        left, right = self.read(a), self.read(b)
        if isinstance(a, ast.Name) and hasattr(right, "value"):
            return Fact("range", self.input_name(a), low=right.value)
        if isinstance(b, ast.Name) and hasattr(left, "value"):
            return Fact("range", self.input_name(b), high=left.value)
        return None

    def read_gradient(self, node: ast.Call) -> Expr:
        """`grad(C, W1)` inside a claim: the cotangent of W1, a name of its own until the claim is judged; `grad(z, x)` of a
        vector is the Jacobian, z's axes first."""
        if len(node.args) != 2 or not all(isinstance(a, ast.Name) for a in node.args) or node.keywords:
            raise self.fail(node, "grad takes a loss and a tensor, as in grad(C, W1)")
        loss, wrt = (self.read(a) for a in node.args)
        if not all(isinstance(value, Var) for value in (loss, wrt)):
            raise self.fail(node, "grad takes a loss and a tensor, and a size is neither")
        if loss.name in self.inputs and wrt.name not in self.inputs:
            raise self.fail(node, f"grad takes what is differentiated first, and {loss.name} is given", f"did you mean grad({wrt.name}, {loss.name})?")
        name = f"∂{loss.name}/∂{wrt.name}"
        self.gradients[name] = (loss.name, wrt.name)
        return Var(name, (*loss.shape, *wrt.shape))

    def read_claim(self, node: ast.Expr) -> Claim:
        compare = node.value
        text, place = self.text(node), self.place(node)
        made: dict[str, object] = {}
        try:
            if len(compare.ops) != 1 or not isinstance(compare.ops[0], ast.Eq):
                raise self.fail(node, "a claim compares two sides with one ==", kind=UnsupportedError)
            if type(compare.left) is ast.Name and compare.left.id not in self.tensors:
                raise self.fail(node, f"{compare.left.id} is not declared", "a definition is written with one =")
            made["left"] = self.read(compare.left)
            made |= self.claimed(text, compare, made["left"])
            return Claim(text, place, right=self.read(compare.comparators[0]), **made)
        except SymbackpropError as error:
            return Claim(text, place, right=None, error=error, **{"left": None, **made})

    def claimed(self, text: str, compare: ast.Compare, left: Expr) -> dict[str, object]:
        """What the judge needs beside the two sides: the quantity, and the right side's tree, place and reader."""
        right = self.text(compare.comparators[0])
        at = text.rfind(right)
        name = left.name if isinstance(left, Var) and "/" in left.name else None
        return dict(quantity=name.replace("∂", "d") if name else "", binds=name, origin=text, right_span=(at, at + len(right)),
                    tree=right, reread=self.read_again)

    def read_again(self, text: str) -> Expr:
        """Another right side, with the names of this model."""
        before, self.lines, self.margins = (self.lines, self.margins), text.split("\n"), []
        try:
            if len(text) > MAX_CHARACTERS:
                raise ParseError("the formula is too long")
            return self.read(ast.parse(text, mode="eval").body)
        except (SyntaxError, ValueError, RecursionError, MemoryError) as error:
            raise ParseError(str(error)) from None
        finally:
            self.lines, self.margins = before
