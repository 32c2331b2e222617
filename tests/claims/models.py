"""Models with right formulas for their gradients, written by hand or put together from the rules of textbooks.

`slope(...)` marks the derivative of an activation. Sizes are n, m, r, q and N; the loss is C.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property

from .spell import Python, Tex, as_matrices
from .tree import Node, Shape, Shapes, op, read, shape_of

SIZES = frozenset({"n", "m", "r", "q", "N"})


@dataclass(frozen=True)
class Model:
    """Inputs with their shapes, equations in order (the last is the loss), and (what, right side) of its claims.

    `loss` is the loss in LaTeX, {p} standing for the name p. `fact` is the tensor whose entries (or rows) sum to 1.
    """

    title: str
    inputs: str
    equations: tuple[tuple[str, str], ...]
    loss: str
    claims: tuple[tuple[str, str], ...]
    fact: str = ""
    positive: frozenset[str] = field(default=frozenset())

    @cached_property
    def shapes(self) -> Shapes:
        found: Shapes = {}
        for part in self.inputs.split(";"):
            name, _, shape = part.partition(":")
            found[name.strip()] = tuple(s.strip() for s in shape.split(",") if s.strip())
        for name, node in self.trees:
            found[name] = shape_of(node, found)
        return found

    @cached_property
    def trees(self) -> tuple[tuple[str, Node], ...]:
        return tuple((name, read(text, SIZES)) for name, text in self.equations)

    @property
    def given(self) -> list[str]:
        return [part.partition(":")[0].strip() for part in self.inputs.split(";")]

    def python(self, names: dict[str, str]) -> str:
        """The model in Python syntax under a table of names."""
        writer = Python(names)
        lines = [f"{names.get(n, n)}: R{'[' + ', '.join(self.shapes[n]) + ']' if self.shapes[n] else ''}" for n in self.given]
        if self.fact:
            axis = ", axis=1" if len(self.shapes[self.fact]) == 2 else ""
            lines.append(f"fact: sum({names.get(self.fact, self.fact)}{axis}) == 1")
        lines += [f"fact: {names.get(n, n)} > 0" for n in self.given if n in self.positive]
        return "\n".join([*lines, *(f"{names.get(n, n)} = {writer.spell(t)}" for n, t in self.trees)]) + "\n"

    def tex(self, writer: Tex) -> str:
        """The model in LaTeX, a formula a line."""
        lines = [rf"{writer.name(n)} \in \mathbb{{R}}" + (rf"^{{{chr(92) + 'times '}}}".join([""]) if not self.shapes[n] else
                 "^{" + r" \times ".join(self.shapes[n]) + "}") for n in self.given]
        if self.fact:
            y = writer.name(self.fact)
            lines.append(rf"\mathbf{{1}}^\top {y} = 1" if len(self.shapes[self.fact]) == 1 else rf"{y} \mathbf{{1}} = \mathbf{{1}}")
        lines += [f"{writer.name(n)} > 0" for n in self.given if n in self.positive]
        lines += [f"{writer.name(n)} = {writer.spell(as_matrices(t, self.shapes))}" for n, t in self.trees[:-1]]
        loss = self.loss
        for n in self.shapes:
            loss = loss.replace("{" + n + "}", writer.name(n))
        return "\n".join([*lines, f"C = {loss}"]) + "\n"


HIDDEN = {"sigmoid": "slope({h} * (1 - {h}))", "tanh": "slope(1 - {h}**2)", "relu": "slope({z} > 0)", "softplus": "slope(sigmoid({z}))",
          "exp": "slope({h})", "sin": "slope(cos({z}))"}
OUTPUT = {"sigmoid": "slope({p} * (1 - {p}))", "tanh": "slope(1 - {p}**2)"}
# loss -> (Python, LaTeX, ∂C/∂p as (what, divided by)); {s} is the number of examples or of outputs
SQUARES = {"half": ("sum(({p} - {y})**2) / 2", r"\frac{{1}}{{2}} \lVert {{{p}}} - {{{y}}} \rVert{F}^2", "{e}"),
           "full": ("sum(({p} - {y})**2)", r"\lVert {{{p}}} - {{{y}}} \rVert{F}^2", "2 * {e}"),
           "mean": ("sum(({p} - {y})**2) / (2 * {s})", r"\frac{{1}}{{2 {s}}} \lVert {{{p}}} - {{{y}}} \rVert{F}^2", "{e} / {s}")}


def vector_nets() -> list[Model]:
    """x → z → h → u → p with one hidden layer, for each activation, output and loss."""
    found = []
    for f, slope in HIDDEN.items():
        slope = slope.format(z="z", h="h")
        for g in ("", "sigmoid", "tanh"):
            for key, (loss, tex, e) in SQUARES.items():
                out = OUTPUT[g].format(p="p") if g else ""
                error = e.format(e="(p - y)", s="r") if not g else {"half": f"(p - y) * {out}", "full": f"2 * (p - y) * {out}",
                                                                     "mean": f"(p - y) * {out} / r"}[key]
                names = dict(p="p", y="y", s="r", F="")
                found.append(net(f"{f}, {g or 'linear'}, {key}", f, g, slope, error, loss.format(**names), tex.format(**names)))
        found.append(net(f"{f}, sigmoid, cross-entropy", f, "sigmoid", slope, "p - y", "-sum(y * log(p) + (1 - y) * log(1 - p))",
                         r"-\sum_{i=1}^{r} \left( {y}_i \log {p}_i + (1 - {y}_i) \log(1 - {p}_i) \right)"))
        for fact in ("y", ""):
            found.append(net(f"{f}, softmax, {'sums to 1' if fact else 'any target'}", f, "softmax", slope, "p - y" if fact else "sum(y) * p - y",
                             "-sum(y * log(p))", r"-\sum_{i=1}^{r} {y}_i \log {p}_i", fact))
    return found


def net(title: str, f: str, g: str, slope: str, error: str, loss: str, tex: str, fact: str = "") -> Model:
    u = "u" if g else "p"
    e = f"({error})"
    equations = [("z", "W @ x + b"), ("h", f"{f}(z)"), (u, "V @ h + c"), *([("p", f"{g}(u)")] if g else []), ("C", loss)]
    claims = ((u, error), ("V", f"outer({error}, h)"), ("V", f"outer(grad(C, {u}), h)"), ("c", error), ("h", f"V.T @ {e}"), ("h", f"V.T @ grad(C, {u})"),
              ("z", f"(V.T @ {e}) * {slope}"), ("z", f"grad(C, h) * {slope}"), ("b", f"(V.T @ grad(C, {u})) * {slope}"),
              ("W", f"outer((V.T @ {e}) * {slope}, x)"), ("W", "outer(grad(C, z), x)"), ("x", f"W.T @ ((V.T @ {e}) * {slope})"), ("x", "W.T @ grad(C, z)"))
    return Model(f"network: {title}", "x: n; y: r; W: m, n; b: m; V: r, m; c: r", tuple(equations), tex, claims, fact)


def batch_nets() -> list[Model]:
    """The same for N examples, one a row or one a column."""
    found = []
    for f, slope in HIDDEN.items():
        slope = slope.format(z="Z", h="H")
        for key, (loss, tex, e) in SQUARES.items():
            names = dict(p="P", y="Y", s="N", F="_F")
            for g in ("", "sigmoid"):
                out = OUTPUT["sigmoid"].format(p="P")
                error = e.format(e="(P - Y)", s="N") if not g else {"half": f"(P - Y) * {out}", "full": f"2 * (P - Y) * {out}", "mean": f"(P - Y) * {out} / N"}[key]
                for kind in (rows, columns):
                    found.append(kind(f"{f}, {g or 'linear'}, {key}", f, g, slope, error, loss.format(**names), tex.format(**names)))
        found.append(rows(f"{f}, softmax", f, "softmax", slope, "(P - Y) / N", "-sum(Y * log(P)) / N",
                          r"-\frac{1}{N} \sum_{i=1}^{N} \sum_{j=1}^{r} {Y}_{ij} \log {P}_{ij}", "Y"))
    return found


def rows(title: str, f: str, g: str, slope: str, error: str, loss: str, tex: str, fact: str = "") -> Model:
    u, e = "U" if g else "P", f"({error})"
    out = "softmax(U, axis=1)" if g == "softmax" else f"{g}(U)"
    equations = [("Z", "X @ W + b"), ("H", f"{f}(Z)"), (u, "H @ V + c"), *([("P", out)] if g else []), ("C", loss)]
    claims = ((u, error), ("V", f"H.T @ {e}"), ("V", f"H.T @ grad(C, {u})"), ("c", f"sum({error}, axis=0)"), ("c", f"sum(grad(C, {u}), axis=0)"),
              ("H", f"grad(C, {u}) @ V.T"), ("Z", f"({e} @ V.T) * {slope}"), ("Z", f"grad(C, H) * {slope}"), ("W", f"X.T @ (({e} @ V.T) * {slope})"),
              ("W", "X.T @ grad(C, Z)"), ("b", f"sum(({e} @ V.T) * {slope}, axis=0)"), ("b", "sum(grad(C, Z), axis=0)"), ("X", "grad(C, Z) @ W.T"))
    return Model(f"rows: {title}", "X: N, n; Y: N, r; W: n, m; b: m; V: m, r; c: r", tuple(equations), tex, claims, fact)


def columns(title: str, f: str, g: str, slope: str, error: str, loss: str, tex: str, fact: str = "") -> Model:
    u, e = "U" if g else "P", f"({error})"
    equations = [("Z", "W @ X + outer(b, ones(N))"), ("H", f"{f}(Z)"), (u, "V @ H + outer(c, ones(N))"), *([("P", f"{g}(U)")] if g else []), ("C", loss)]
    claims = ((u, error), ("V", f"{e} @ H.T"), ("V", f"grad(C, {u}) @ H.T"), ("c", f"sum(grad(C, {u}), axis=1)"), ("H", f"V.T @ grad(C, {u})"),
              ("Z", f"(V.T @ {e}) * {slope}"), ("W", f"((V.T @ {e}) * {slope}) @ X.T"), ("W", "grad(C, Z) @ X.T"), ("b", "sum(grad(C, Z), axis=1)"),
              ("X", "W.T @ grad(C, Z)"))
    return Model(f"columns: {title}", "X: n, N; Y: r, N; W: m, n; b: m; V: r, m; c: r", tuple(equations), tex, claims, fact)


OTHERS = (
    Model("ridge regression", "X: m, n; y: m; w: n; a: ", (("e", "X @ w - y"), ("C", "sum(e**2) / (2 * m) + a * sum(w**2)")),
          r"\frac{1}{2 m} \lVert {e} \rVert^2 + {a} \lVert {w} \rVert^2",
          (("w", "X.T @ (X @ w - y) / m + 2 * a * w"), ("w", "X.T @ e / m + 2 * a * w"), ("y", "(y - X @ w) / m"), ("a", "w @ w"), ("X", "outer(e, w) / m"))),
    Model("logistic regression", "X: m, n; y: m; w: n", (("z", "X @ w"), ("h", "sigmoid(z)"), ("C", "-sum(y * log(h) + (1 - y) * log(1 - h)) / m")),
          r"-\frac{1}{m} \sum_{i=1}^{m} \left( {y}_i \log {h}_i + (1 - {y}_i) \log(1 - {h}_i) \right)",
          (("w", "X.T @ (h - y) / m"), ("z", "(h - y) / m"), ("w", "X.T @ (sigmoid(X @ w) - y) / m"))),
    Model("quadratic form", "x: n; A: n, n; b: n", (("C", "x @ (A @ x) / 2 + b @ x"),), r"\frac{1}{2} {x}^\top {A} {x} + {b}^\top {x}",
          (("x", "(A + A.T) @ x / 2 + b"), ("A", "outer(x, x) / 2"), ("b", "x"))),
    Model("bilinear form", "x: m; A: m, n; y: n", (("C", "x @ (A @ y)"),), r"{x}^\top {A} {y}", (("x", "A @ y"), ("A", "outer(x, y)"), ("y", "A.T @ x"))),
    Model("factorisation", "X: m, n; A: m, r; B: r, n", (("E", "A @ B - X"), ("C", "sum(E**2) / 2")), r"\frac{1}{2} \lVert {E} \rVert_F^2",
          (("A", "(A @ B - X) @ B.T"), ("B", "A.T @ (A @ B - X)"), ("A", "E @ B.T"), ("X", "X - A @ B"))),
    Model("tied weights", "x: n; W: m, n; b: m; c: n", (("z", "W @ x + b"), ("h", "sigmoid(z)"), ("v", "W.T @ h + c"), ("C", "sum((v - x)**2) / 2")),
          r"\frac{1}{2} \lVert {v} - {x} \rVert^2",
          (("W", "outer((W @ (v - x)) * slope(h * (1 - h)), x) + outer(h, v - x)"), ("c", "v - x"), ("h", "W @ (v - x)"), ("z", "(W @ (v - x)) * slope(h * (1 - h))"),
           ("x", "W.T @ ((W @ (v - x)) * slope(h * (1 - h))) - (v - x)"))),
    Model("residual", "x: n; y: n; W: m, n; V: n, m", (("z", "W @ x"), ("h", "tanh(z)"), ("p", "x + V @ h"), ("C", "sum((p - y)**2)")),
          r"\lVert {p} - {y} \rVert^2",
          (("x", "2 * (p - y) + 2 * W.T @ ((V.T @ (p - y)) * slope(1 - h**2))"), ("V", "2 * outer(p - y, h)"), ("W", "2 * outer((V.T @ (p - y)) * slope(1 - h**2), x)"),
           ("x", "grad(C, p) + W.T @ grad(C, z)"))),
    Model("two steps in time", "x: n; s: n; h: m; y: m; U: m, m; V: m, n", (("a", "U @ h + V @ x"), ("g", "tanh(a)"), ("b", "U @ g + V @ s"), ("p", "tanh(b)"),
          ("C", "sum((p - y)**2) / 2")), r"\frac{1}{2} \lVert {p} - {y} \rVert^2",
          (("b", "(p - y) * slope(1 - p**2)"), ("g", "U.T @ grad(C, b)"), ("a", "(U.T @ grad(C, b)) * slope(1 - g**2)"), ("U", "outer(grad(C, b), g) + outer(grad(C, a), h)"),
           ("V", "outer(grad(C, b), s) + outer(grad(C, a), x)"), ("a", "(U.T @ ((p - y) * slope(1 - p**2))) * slope(1 - g**2)"), ("h", "U.T @ grad(C, a)"))),
    Model("attention", "Q: n, q; K: m, q; V: m, r; G: n, r", (("S", "Q @ K.T / sqrt(q)"), ("P", "softmax(S, axis=1)"), ("O", "P @ V"), ("C", "sum(G * O)")),
          r"\operatorname{tr}({G}^\top {O})",
          (("V", "P.T @ G"), ("P", "G @ V.T"), ("S", "P * (grad(C, P) - outer(sum(P * grad(C, P), axis=1), ones(m)))"), ("Q", "grad(C, S) @ K / sqrt(q)"),
           ("K", "grad(C, S).T @ Q / sqrt(q)"), ("O", "G"))),
    Model("three layers", "x: n; y: r; W: m, n; U: q, m; V: r, q", (("z", "W @ x"), ("h", "sigmoid(z)"), ("u", "U @ h"), ("a", "tanh(u)"), ("v", "V @ a"), ("p", "sigmoid(v)"),
          ("C", "sum((p - y)**2) / 2")), r"\frac{1}{2} \lVert {p} - {y} \rVert^2",
          (("v", "(p - y) * slope(p * (1 - p))"), ("V", "outer(grad(C, v), a)"), ("u", "(V.T @ grad(C, v)) * slope(1 - a**2)"), ("U", "outer(grad(C, u), h)"),
           ("z", "(U.T @ grad(C, u)) * slope(h * (1 - h))"), ("W", "outer((U.T @ ((V.T @ grad(C, v)) * slope(1 - a**2))) * slope(h * (1 - h)), x)"),
           ("x", "W.T @ ((U.T @ grad(C, u)) * slope(h * (1 - h)))"))),
    Model("trace of a product", "X: m, n; A: m, m", (("C", "trace(X.T @ A @ X)"),), r"\operatorname{tr}({X}^\top {A} {X})", (("X", "A @ X + A.T @ X"), ("A", "X @ X.T"))),
    Model("gate", "x: n; y: m; W: m, n; U: m, n", (("a", "W @ x"), ("b", "U @ x"), ("g", "sigmoid(a)"), ("h", "tanh(b)"), ("p", "g * h"), ("C", "sum((p - y)**2) / 2")),
          r"\frac{1}{2} \lVert {p} - {y} \rVert^2",
          (("g", "(p - y) * h"), ("h", "(p - y) * g"), ("a", "(p - y) * h * slope(g * (1 - g))"), ("b", "(p - y) * g * slope(1 - h**2)"), ("W", "outer((p - y) * h * slope(g * (1 - g)), x)"),
           ("x", "W.T @ grad(C, a) + U.T @ grad(C, b)"))),
    Model("scaled layer", "x: n; y: m; W: m, n; a: ", (("z", "W @ x"), ("p", "a * z"), ("C", "sum((p - y)**2) / 2")), r"\frac{1}{2} \lVert {p} - {y} \rVert^2",
          (("a", "(p - y) @ z"), ("a", "sum((p - y) * z)"), ("z", "a * (p - y)"), ("W", "a * outer(p - y, x)"), ("x", "a * W.T @ (p - y)"))),
    Model("inner product of matrices", "X: m, n; Y: m, n; a: ", (("Z", "a * X - Y"), ("C", "sum(Z**2) / 2")), r"\frac{1}{2} \lVert {Z} \rVert_F^2",
          (("a", "trace(X.T @ (a * X - Y))"), ("a", "sum(X * Z)"), ("X", "a * (a * X - Y)"), ("Y", "Y - a * X"))),
)


def all_models() -> list[Model]:
    return [*OTHERS, *vector_nets(), *batch_nets()]


def typed(model: Model) -> dict[str, Shape]:
    return model.shapes


__all__ = ["Model", "all_models", "op"]
