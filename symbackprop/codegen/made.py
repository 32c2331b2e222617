"""The text of `make_value_and_grad`: plain lines lowered to instructions, instructions given arrays to write to."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import sympy as sp

from ..expr import Var
from .arrays import Graph
from .lower import Lowering
from .workspace import Plan, needed


def made_source(inputs: Mapping[str, Var], names: Mapping[str, str], sizes: Mapping[sp.Symbol, str], size: Callable[[sp.Expr], str],
                lines: list[str], helpers: str, callables: tuple[str, ...], checks: Callable[[str], list[str]],
                results: dict[str, str], loss: str, fresh: Callable[[str], str]) -> list[str]:
    """The lines of `make_value_and_grad`. `lines` are those of the plain function between its checks and its return."""
    graph = Graph()
    leaves = {names[n]: graph.make("input", (), tuple(size(d) for d in v.shape), (names[n],)) for n, v in inputs.items()}
    lowering = Lowering(graph, {**leaves, **{s: s for s in sizes.values()}}, helpers, callables)
    steps, tested = [], {}
    for line in lines:
        if line.strip().startswith("if check"):
            tested.setdefault(len(steps), []).append(line)
        elif " = " in line and not line.strip().startswith(("#", "raise")):
            name, _ = lowering.line(line)
            steps.append((name, line.strip(), len(graph.values)))
    wanted = {n: lowering.env[code] for n, code in results.items()}
    order = needed(graph.values, {**wanted, "": lowering.env[loss]})
    plan = Plan(order, {**wanted, "": lowering.env[loss]}, fresh, {v: n for n, v in leaves.items()})
    body = steps_source(steps, graph, plan)
    taken: set[str] = set()
    last, returned = [], []
    for name, value in wanted.items():
        copies, text = plan.copied(name, value, taken)
        last += copies
        returned.append(f'"{name}": {text}')
    _, total = plan.copied("", lowering.env[loss], taken)
    return frame(inputs, names, sizes, size, callables, plan, [*body, *last], f"{total}, {{{', '.join(returned)}}}", checks)


def steps_source(steps: list[tuple[str, str, int]], graph: Graph, plan: Plan) -> list[str]:
    """The instructions of each plain line under that line as a comment."""
    born = {value: at for at, value in enumerate(graph.values)}
    body, at = [], 0
    for name, line, end in steps:
        mine = []
        while at < len(plan.order) and born[plan.order[at]] < end:
            mine += plan.lines(at)
            at += 1
        body += [f"# {line}", *mine] if mine else []
    return body


def frame(inputs: Mapping[str, Var], names: Mapping[str, str], sizes: Mapping[sp.Symbol, str], size: Callable[[sp.Expr], str],
          callables: tuple[str, ...], plan: Plan, body: list[str], returned: str, checks: Callable[[str], list[str]]) -> list[str]:
    """The two functions around the instructions."""
    lines = ["def make_value_and_grad(sizes=None, dtype=float):",
             '    """A value_and_grad for these sizes (a dict by name) and this dtype that makes no arrays when it is called.',
             "", "    Each call writes over the results of the call before; copy what is to be kept.", '    """',
             "    sizes, dtype = sizes or {}, np.dtype(dtype)"]
    lines += [f'    {code} = size_of(sizes, "{symbol}")' for symbol, code in sizes.items()]
    for place, (shape, kind) in plan.buffers.items():
        lines.append(f"    {place} = empty({', '.join(shape)}, dtype={kind})")
    lines += [f"    {text}" for text in plan.made]
    keywords = [*(names[n] for n in inputs), *callables, "check=True"]
    lines += ["", f"    def value_and_grad(*, {', '.join(keywords)}):"]
    for name, var in inputs.items():
        shape = "".join(f"{size(d)}, " for d in var.shape)
        lines.append(f'        {names[name]} = fitting("{name}", {names[name]}, {shape}dtype=dtype)')
    lines += [f"    {line}" for name in inputs for line in checks(name)]
    lines += [f"        {line}" for line in body]
    return [*lines, f"        return {returned}", "", "    return value_and_grad"]
