"""What second order costs: Hv against the gradient at several depths, and our Hv, Jv and Hessians against JAX where it is there.

Sigmoid networks of equal widths. Times are the least of interleaved calls of the exported NumPy functions that make no arrays; multiplications are counted in the
contractions of the equations. JAX is optional: `--jax` compares values in float64.
"""

from __future__ import annotations

import argparse
import json
import sys
import time

import numpy as np

import symbackprop as sb
from symbackprop.codegen import compile_module
from symbackprop.expr import Contract, walk
from symbackprop.program import Program

DEPTHS, WIDTH, LIMIT = (1, 2, 4, 8, 16, 32, 64), 128, 4.0


def network(depth: int) -> Program:
    """The network of depth L, every layer n wide."""
    lines = ["x: R[n]; y: R[n]", *(f"W{k}: R[n, n]; b{k}: R[n]" for k in range(1, depth + 1))]
    lines += [f"z{k} = W{k} @ {f'a{k - 1}' if k > 1 else 'x'} + b{k}; a{k} = sigmoid(z{k})" for k in range(1, depth + 1)]
    return sb.parse("\n".join([*lines, f"C = sum((a{depth} - y)**2) / 2"]))


def data(net: Program, width: int) -> dict[str, np.ndarray]:
    rng = np.random.default_rng(0)
    return {n: rng.normal(size=[width] * v.rank) / width ** (v.rank > 1) ** 0.5 for n, v in net.inputs.items()}


def fastest(*calls: object, rounds: int = 40) -> list[float]:
    """The least time of each call over interleaved rounds: on a shared machine the least disturbed."""
    times: list[list[float]] = [[] for _ in calls]
    for _ in range(rounds):
        for call, taken in zip(calls, times):
            start = time.perf_counter()
            call()
            taken.append(time.perf_counter() - start)
    return [min(taken) for taken in times]


def multiplications(equations: tuple, width: int) -> int:
    return sum(width ** len({i for labels in node.inputs for i in labels}) * (len(node.operands) - 1)
               for e in equations for node in walk(e.expr) if type(node) is Contract)


def measure(depth: int, width: int) -> dict[str, float]:
    """Multiplications and seconds of Hv by all weights and biases, in gradients."""
    net = network(depth)
    wrt = [n for n in net.inputs if n[0] in "Wb"]
    derivation, products = sb.derive(net, wrt), sb.hvp(net, wrt)
    values = data(net, width)
    along = {f"v_{n}": values[n] for n in wrt}
    gradient, product = (compile_module(sb.export(d))["make_value_and_grad"]({"n": width}) for d in (derivation, products))
    counted = [multiplications((*net.equations, *equations), width) for equations in (derivation.backward.equations, products.equations)]
    times = fastest(lambda: gradient(**values), lambda: product(**values, **along))
    return {"depth": depth, "multiplications": counted[1] / counted[0], "seconds": times[1] / times[0], "gradient_ms": times[0] * 1e3,
            "hv_ms": times[1] * 1e3, "characters": len(str(products))}


def against_jax() -> dict[str, float]:
    """The largest relative differences from JAX in float64."""
    import jax
    import jax.numpy as jnp
    jax.config.update("jax_enable_x64", True)
    net = sb.parse("x: R[n]; y: R[k]; W1: R[m, n]; b1: R[m]; W2: R[k, m]; b2: R[k]\nz1 = W1 @ x + b1; a1 = tanh(z1); z2 = W2 @ a1 + b2\n"
                   "p = softmax(z2)\nC = -sum(y * log(p))")
    sizes = {"n": 5, "m": 7, "k": 4}
    rng = np.random.default_rng(1)
    values, along = ({n: rng.normal(size=[sizes[str(d)] for d in v.shape]) for n, v in net.inputs.items()} for _ in range(2))

    def loss(v: dict) -> object:
        return -jnp.sum(v["y"] * jax.nn.log_softmax(v["W2"] @ jnp.tanh(v["W1"] @ v["x"] + v["b1"]) + v["b2"]))
    full = jax.hessian(loss)(values)
    gap = lambda ours, theirs: float(np.max(np.abs(ours - np.asarray(theirs))) / max(np.max(np.abs(theirs)), 1e-300))  # noqa: E731
    found = {"hessian": max(gap(h.value(**values), full[a][b]) for (a, b), h in sb.hessian(net).items() if np.any(full[a][b]))}
    directions = {f"v_{n}": v for n, v in along.items()}
    _, forward = sb.lambdify(sb.jvp(net, "C"))(**values, **directions)
    found["jvp"] = gap(forward["C"], jax.jvp(loss, (values,), (along,))[1])
    theirs = jax.jvp(jax.grad(loss), (values,), (along,))[1]
    ours = sb.lambdify(sb.hvp(net))(**values, **directions)[1]
    found["hvp"] = max(gap(ours[n], theirs[n]) for n in values)
    return found


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--jax", action="store_true", help="compare values with JAX, which must be installed")
    parser.add_argument("--width", type=int, default=WIDTH)
    args = parser.parse_args()
    rows = [measure(depth, args.width) for depth in DEPTHS]
    result = {"rows": rows, **({"jax": against_jax()} if args.jax else {})}
    if args.json:
        print(json.dumps(result))
    else:
        for row in rows:
            print(f"depth {row['depth']:3}: Hv is {row['multiplications']:.2f} gradients in multiplications, {row['seconds']:.2f} in time "
                  f"({row['hv_ms']:.2f} ms against {row['gradient_ms']:.2f}); {row['characters']} characters")
        for what, gap in result.get("jax", {}).items():
            print(f"{what}: largest relative difference from JAX {gap:.1e}")
    return int(any(row["multiplications"] > LIMIT for row in rows))


if __name__ == "__main__":
    sys.exit(main())
