"""A row of ones under columns that are gathered anyway, such as the patches of a convolution: K @ P + b is [K b] @ [P; 1].

The bias costs no pass over the feature maps then, and its gradient is a column of the kernel's: D @ [Pᵀ 1]. Other products
would have to copy an argument for that, which costs more than it saves.
"""

from __future__ import annotations

from dataclasses import dataclass

from .arrays import Value, size_sum
from .compiled import Lowered
from .scales import Moved


@dataclass
class Bias:
    """`added` is a view of `product` and a bias; `back` and `total` are products of a cotangent with the columns and with ones."""

    columns: Value
    product: Value
    added: Value
    bias: Value
    back: Value
    total: Value


def biases_in_products(lowered: Lowered) -> Lowered:
    """The instructions with every bias that can be in the product with gathered columns."""
    readers: dict[Value, list[Value]] = {}
    for value in lowered.order:
        for arg in value.args:
            readers.setdefault(arg, []).append(value)
    found = [bias for value in lowered.order if value.op == "gather" and (bias := bias_of(value, readers))]
    return WithOnes(found).lowered(lowered) if found else lowered


def bias_of(columns: Value, readers: dict[Value, list[Value]]) -> Bias | None:
    """What is to be changed about gathered columns, if they have one product with a bias and its cotangent."""
    uses = readers.get(columns, [])
    if len(columns.shape) != 2 or sorted(v.op for v in uses) != ["dot", "transpose"]:
        return None
    product, turned = sorted(uses, key=lambda v: v.op)
    back = readers.get(turned, [])
    if product.args[1] is not columns or len(product.shape) != 2 or [v.op for v in back] != ["dot"] or back[0].args[1] is not turned:
        return None
    totals = [v for v in readers[back[0].args[0]] if v.op == "dot" and v.args[0] is back[0].args[0] and v.args[1].op == "ones"
              and v.args[1].shape == columns.shape[1:]]
    shown, order = product, (0,)
    while len(readers.get(shown, [])) == 1 and readers[shown][0].op in ("reshape", "transpose"):
        shown = readers[shown][0]
        if shown.shape[:1] != product.shape[:1] and shown.op == "reshape" or order != (0,):
            return None
        order = shown.params[0] if shown.op == "transpose" else order
    added = readers.get(shown, [])
    if [v.op for v in added] != ["add"] or len(totals) != 1:
        return None
    bias = next((a for a in added[0].args if a is not shown), shown)
    if bias.op != "index" or bias.args[0].op != "input" or bias.params != (":", *["None"] * (len(bias.shape) - 1)) \
            or bias.args[0].shape != product.shape[:1] or len(shown.shape) - len(bias.shape) != order.index(0) or len(bias.shape) < 2:
        return None
    return Bias(columns, product, added[0], bias.args[0], back[0], totals[0])


class WithOnes(Moved):
    """Writes instructions anew with biases in products."""

    def __init__(self, found: list[Bias]) -> None:
        super().__init__({})
        self.products = {bias.product: bias for bias in found}
        self.sums = {bias.added: bias for bias in found}
        self.ends = {value: bias for bias in found for value in (bias.back, bias.total)}

    def instruction(self, value: Value) -> Value:
        graph, made = self.graph, self.made
        if bias := self.products.get(value):
            left = graph.index(made[bias.bias], (":", "None"))
            kernel = made[value.args[0]]
            wide = graph.make("concat", (kernel, left), (kernel.shape[0], size_sum([kernel.shape[1], "1"])), (1,))
            return graph.make("dot", (wide, self.columns(bias)), value.shape)
        if bias := self.sums.get(value):
            return made[next(a for a in value.args if a.op != "index")]
        if bias := self.ends.get(value):
            both = graph.dot(made[bias.back.args[0]], graph.transpose(self.columns(bias), (1, 0)))
            count = bias.columns.shape[0]
            part = f":, :{count}" if value is bias.back else f":, {count}"
            return graph.make("slice", (both,), value.shape, (part,))
        return super().instruction(value)

    def columns(self, bias: Bias) -> Value:
        rows, count = bias.columns.shape
        ones = self.graph.ones("1", count)
        return self.graph.make("concat", (self.made[bias.columns], ones), (size_sum([rows, "1"]), count), (0,))
