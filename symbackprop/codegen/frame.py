"""What the functions of every target have in common: the lines of the body, the result, the docstring, the file's head."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable

from ..errors import SymbackpropError, nearest
from .arrays import Value
from .compiled import Compiled, Line, Lowered, Scope, harmless, quoted
from .layout import WIDTH, comment, display, indented, wrapped
from .spell import Dialect, Speller, hugged

STEPS = {"sgd": (("rate",), "{p} - rate * {g}", "one step of gradient descent")}
WORD = re.compile(r"[A-Za-z_]\w*")


class Body:
    """The lines between the arguments and the return of one function."""

    def __init__(self, compiled: Compiled, lowered: Lowered, dialect: Dialect, results: Collection[Value], indent: int = 4,
                 unless: str = "") -> None:
        self.compiled, self.lowered, self.indent, self.unless = compiled, lowered, indent, unless
        self.scope = Scope(compiled.scope.taken)
        names = {v: compiled.names[n] for n, v in lowered.leaves.items()}
        self.speller = Speller(dialect, lowered.order_of(*results), results, names, self.scope.numbered, indent)
        self.speller.functions = frozenset(compiled.writer.callables)
        for line in (*lowered.forward, *lowered.backward):
            self.speller.labels.setdefault(line.value, line.name)

    def equations(self, lines: Iterable[Line]) -> list[str]:
        """The lines of equations, each under what it says on paper, and the checks of assumptions about it."""
        made, said = [], ""
        for line in lines:
            code = self.speller.equation(line.name, line.value)
            if code and line.of != said and line.of in self.compiled.notes.steps:
                said = line.of
                made += comment(harmless(self.compiled.notes.steps[line.of]), self.indent)
            made += [part for text in code for part in wrapped(text, self.indent)]
            if any(fact.name == line.of for fact in self.compiled.facts):
                code = self.speller.read(line.value).text
                made += self.compiled.checks((line.of,), self.indent, self.unless, code)
        return made


def returned(speller: Speller, compiled: Compiled, lowered: Lowered, indent: int = 4) -> list[str]:
    """`return loss, {"W": …}`."""
    taken: set[Value] = set()
    speller.lines = []
    loss = speller.result(lowered.loss, taken)
    items = [f"{quoted(n)}: {speller.result(v, taken)}" for n, v in lowered.results.items()]
    before = [part for text in speller.lines for part in wrapped(text, indent)]
    short = f"return {loss}, {{{', '.join(items)}}}"
    if len(short) + indent <= WIDTH:
        return [*before, " " * indent + short]
    return [*before, *display("gradients = ", items, "{}", indent), f"{' ' * indent}return {loss}, gradients"]


def body_and_return(body: Body) -> list[str]:
    """The forward equations, the backward equations, the return."""
    lowered = body.lowered
    lines = [*body.equations(lowered.forward), "", *body.equations(lowered.backward), "",
             *returned(body.speller, body.compiled, lowered, body.indent)]
    return [line for at, line in enumerate(lines) if line or at and lines[at - 1]]


def head(compiled: Compiled, body: list[str], numbers: str, unless: str = "", extra: str = "") -> list[str]:
    """The lines that read and test the arguments, and bind what the body mentions."""
    lines = [part for line in compiled.arguments for part in wrapped(line, 4)]
    if mentions(body, "dtype"):
        lines += wrapped(f"dtype = {numbers}", 4)
    if extra and mentions(body, extra.split(" = ")[0]):
        lines += wrapped(extra, 4)
    return [*lines, *compiled.size_checks(4), *compiled.checks(compiled.program.inputs, 4, unless)]


def mentions(lines: Iterable[str], word: str) -> bool:
    return any(word in WORD.findall(line) for line in lines if not line.lstrip().startswith("#"))


def used(lines: list[str], body: list[str]) -> list[str]:
    """The lines whose names are read below them."""
    kept: list[str] = []
    for line in reversed(lines):
        if any(mentions([*kept, *body], name) for name in WORD.findall(line.split(" = ")[0])):
            kept.insert(0, line)
    return kept


def function(name: str, parameters: list[str], says: str, lines: list[str], body: list[str]) -> list[str]:
    """A whole function; `says` is the first sentence of its docstring and `lines` the rest."""
    doc = indented([f'"""{says}', "", *lines, '"""'] if lines else [f'"""{says}"""'], 4)
    return ["", "", *wrapped(f"def {name}({', '.join(parameters)}):"), *doc, *body]


def helpers_for(known: Iterable[str], lines: list[str]) -> list[str]:
    """Those of the known definitions that the lines call, and those that these call, in the order of first need."""
    texts = {text: set(defined(text)) for text in known}
    wanted, waiting = [], [lines]
    while waiting:
        words = {w for line in waiting.pop() for w in WORD.findall(line)}
        for text, names in texts.items():
            if text not in wanted and not names.isdisjoint(words):
                wanted.insert(0, text)
                waiting.append(text.splitlines())
    made = []
    for text in wanted:
        made += ["", "", *(hugged(line) for line in text.strip().splitlines())]
    return made


def opening(compiled: Compiled, needs: str, imports: list[str], lines: list[str]) -> list[str]:
    """The file's docstring and imports."""
    said = f'"""{compiled.loss} and its gradients by {", ".join(compiled.wrt)}; needs {needs} alone.'
    made_by = ["", *comment(harmless(compiled.notes.made_by))] if compiled.notes.made_by else []
    text = [said + '"""'] if len(said) < WIDTH - 2 and not made_by else [said, *(line.replace("# ", "", 1) for line in made_by), '"""']
    standard = [f"import {module}" for module in ("itertools", "math") if mentions(lines, module)]
    return [*text, "", *standard, *[""] * bool(standard), *imports]


def narrow(compiled: Compiled) -> set[str]:
    """The helpers whose lines are narrow enough to stand as they are."""
    texts = [t for t in compiled.writer.helpers.values() if all(len(hugged(line)) <= WIDTH for line in t.splitlines())]
    return {name for text in texts for name in defined(text)}


def defined(text: str) -> list[str]:
    return re.findall(r"^(?:def )?(\w+)(?: =|\()", text, re.M)


def step_rule(compiled: Compiled, step: str, read: str = "{0}") -> list[str]:
    """A function that applies an update rule to a plain model; `read` is how it takes an argument."""
    words = [compiled.names[n] for n in compiled.wrt if n in compiled.program.inputs]
    return step_function(step, compiled.loss, compiled.keywords(), compiled.scope.taken, {w: (read, 0) for w in words})


def step_function(step: str, loss: str, keywords: list[str], taken: Collection[str], words: dict[str, tuple[str, int]]) -> list[str]:
    """A function that applies an update rule. `words` are the arguments that it changes, with how each tensor is taken and how
    many lists it stands in. Raises `SymbackpropError` for an unknown rule."""
    if step not in STEPS:
        raise SymbackpropError(f"there is no update rule {step!r}", hint=nearest(step, STEPS) or f"one of {', '.join(STEPS)}")
    extras, rule, says = STEPS[step]
    given = ", ".join(f"{k}={k}" for k in [*keywords, "check"])
    value = Scope(taken).fresh("value")

    def updated(p: str, g: str, read: str, deep: int) -> str:
        if not deep:
            return rule.format(p=read.format(p), g=g)
        inner = [letter + "s" * (deep - 1) for letter in "pg"]
        return f"[{updated(*inner, read, deep - 1)} for {', '.join(inner)} in zip({p}, {g})]"
    items = [f"{quoted(w)}: {updated(w, f'gradients[{quoted(w)}]', *how)}" for w, how in words.items()]
    body = [*wrapped(f"{value}, gradients = value_and_grad({given})", 4), *display("stepped = ", items, "{}", 4),
            f"    return {value}, stepped"]
    return function(f"{step}_step", ["*", *keywords, *extras, "check=True"],
                    f"Returns ({loss}, {{name: array after {says}}}); nothing is written to.", [], body)
