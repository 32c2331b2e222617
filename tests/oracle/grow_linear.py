"""Productions of vectors, matrices and three-axis tensors: products, einsum, solves, reductions."""

from __future__ import annotations

from .grow import Gen, Val, combined, production
from .program import Dim, Node, Shape, binary, num, size, transposed

LETTERS = ("ijkl", "tdhr", "abcn", "ikmp", "xyzw")


def matmul(left: Val, right: Val, inner: Dim, gen: Gen) -> Val:
    """A product by `@`, `matmul` or `dot`, whichever the spelling; vectors and matrices alone."""
    shape = left.shape[:-1] + (right.shape[:-2] + right.shape[-1:] if len(right.shape) > 1 else ())
    op = gen.pick(("matmul", "matmul", "matmul", "dot"))
    mag = left.mag * right.mag * gen.count((inner,)) ** 0.5
    return Val(Node(op, (left.node, right.node), shape), mag, left.flat or right.flat)


@production(8, ranks=(1,))
def matrix_vector(gen: Gen, shape: Shape, depth: int) -> Val:
    """A @ x, x @ A, inner(A, x), A @ x + b."""
    inner = gen.dim()
    x, style = gen.real((inner,), depth - 1), gen.rng.random()
    if style < 0.3:
        out = matmul(x, gen.matrix((inner, *shape), depth - 1), inner, gen)
    elif style < 0.4:
        a = gen.matrix((*shape, inner), depth - 1)
        out = Val(Node("inner", (a.node, x.node), shape), a.mag * x.mag * 2, a.flat or x.flat)
    else:
        out = matmul(gen.matrix((*shape, inner), depth - 1), x, inner, gen)
    return combined("add", out, gen.leaf(shape), out.mag + 1) if gen.chance(0.4) else out


@production(8, ranks=(2,))
def matrix_matrix(gen: Gen, shape: Shape, depth: int) -> Val:
    """A @ B and chains; with a bias in a row or in a column."""
    inner = gen.dim()
    left, right = gen.matrix((shape[0], inner), depth - 1), gen.matrix((inner, shape[1]), depth - 1)
    if gen.chance(0.12):
        node = Node("inner", (left.node, transposed(right.node)), shape)
        return Val(node, left.mag * right.mag * 2, left.flat or right.flat)
    out = matmul(left, right, inner, gen)
    if gen.chance(0.4):
        rows = gen.chance(0.5)
        bias = gen.leaf(shape[1:]) if rows else gen.thin((shape[0], 1), 0)
        return combined("add", out, bias, out.mag + bias.mag)
    return out


@production(2, ranks=(2,))
def outer(gen: Gen, shape: Shape, depth: int) -> Val:
    left, right = gen.real(shape[:1], depth - 1), gen.real(shape[1:], depth - 1)
    node = Node("outer", (left.node, right.node), shape)
    return Val(node, left.mag * right.mag, left.flat or right.flat)


@production(2, ranks=(1, 2))
def diagonal(gen: Gen, shape: Shape, depth: int) -> Val | None:
    """diag of a matrix; diag of a vector, alone or as a scaling between two matrices."""
    if len(shape) == 1:
        below = gen.real(shape * 2, depth - 1)
        return Val(Node("diag", (below.node,), shape), below.mag, below.flat)
    inner = shape[0] if shape[0] == shape[1] else gen.dim()
    vector = gen.real((inner,), depth - 1)
    middle = Val(Node("diag", (vector.node,), (inner, inner)), vector.mag, flat=True)
    if shape[0] == shape[1] and gen.chance(0.4):
        return middle
    out = matmul(gen.matrix((shape[0], inner), 0), middle, inner, gen)
    if inner == shape[1] and gen.chance(0.5):
        return Val(out.node, out.mag)
    return Val(matmul(out, gen.matrix((inner, shape[1]), 0), inner, gen).node, out.mag * 2)


def spd(gen: Gen, token: Dim, depth: int) -> Val:
    """A symmetric matrix with eigenvalues of at least 1/2, well conditioned."""
    side, identity = gen.dim(), Node("eye", (), (token, token))
    a = gen.tame(gen.matrix((token, side), depth - 1), 1.3)
    gram = Node("matmul", (a.node, transposed(a.node)), (token, token))
    scale = gen.pick((num(2), num("1/2"), size(token), size(side)))
    return Val(binary("add", gram, binary("mul", scale, identity)), 4)


def invertible(gen: Gen, token: Dim, depth: int) -> Val:
    """The above, or a matrix without symmetry whose diagonal, of either sign, dominates."""
    if gen.chance(0.5):
        return spd(gen, token, depth)
    a = gen.tame(gen.matrix((token, token), depth - 1), 1.3)
    small = binary("div", a.node, size(token))
    sign = "add" if gen.chance(0.7) else "sub"
    return Val(binary(sign, small, binary("mul", num(2), Node("eye", (), (token, token)))), 3)


@production(2.5, ranks=(1, 2))
def inverse(gen: Gen, shape: Shape, depth: int) -> Val:
    """An inverse, alone where the shape is square, or applied to something."""
    solved = invertible(gen, shape[0], depth - 1)
    node = Val(Node("inv", (solved.node,), solved.shape), 1, flat=True)
    if len(shape) == 2 and shape[0] == shape[1] and gen.chance(0.4):
        return Val(node.node, 1)
    right = gen.real(shape, depth - 1)
    return Val(matmul(node, right, shape[0], gen).node, right.mag * 1.5, right.flat)


@production(1, ranks=(2,))
def plus_identity(gen: Gen, shape: Shape, depth: int) -> Val | None:
    if shape[0] != shape[1]:
        return None
    below, scale = gen.real(shape, depth - 1), gen.real((), 0)
    return combined("add", below, Val(binary("mul", scale.node, Node("eye", (), shape)), 1, True),
                    below.mag + 1)


@production(5, ranks=(1, 2))
def reduction(gen: Gen, shape: Shape, depth: int) -> Val:
    """A sum, mean, variance or logsumexp of a tensor with one or two more axes."""
    more = 2 if len(shape) == 1 and gen.chance(0.15) else 1
    longer, places = list(shape), sorted(gen.rng.sample(range(len(shape) + more), more))
    for place in places:
        longer.insert(place, gen.dim())
    below = gen.real(tuple(longer), depth - 1)
    if more == 1 and gen.chance(0.3):
        axis = places[0] if gen.chance(0.6) else places[0] - len(longer)
        below = gen.tame(gen.uneven(below), 8)
        return Val(Node("logsumexp", (below.node,), shape, (axis,)), below.mag + 2, below.flat)
    axis = tuple(places) if more > 1 else places[0]
    if more == 1 and gen.chance(0.25):
        axis = places[0] - len(longer)
    return gen.reduced(gen.pick(("sum", "sum", "mean", "var")), below, axis, False, shape)


@production(2, ranks=(3,))
def batched(gen: Gen, shape: Shape, depth: int) -> Val:
    """A product for each slice; the right factor with or without the slices."""
    inner = gen.dim()
    left = gen.real((*shape[:2], inner), depth - 1)
    right = gen.real(((shape[0],) if gen.chance(0.5) else ()) + (inner, shape[2]), depth - 1)
    node = Node("matmul", (left.node, right.node), shape)
    return Val(node, left.mag * right.mag * gen.count((inner,)) ** 0.5, left.flat or right.flat)


@production(4, ranks=(0, 1, 2, 3))
def einsum(gen: Gen, shape: Shape, depth: int) -> Val | None:
    """One to three operands over the output's letters and up to two summed ones."""
    letters = list(gen.pick(LETTERS))
    gen.rng.shuffle(letters)
    # A shape may have the same size twice: each axis still has a letter of its own.
    dims = dict(zip(letters, [*shape, *gen.shape(2)], strict=False))
    free, summed = letters[:len(shape)], letters[len(shape):len(dims)][:gen.rng.randrange(3)]
    subscripts = _subscripts(gen, free, summed, dims)
    if subscripts is None:
        return None
    vals = [gen.real(tuple(dims[letter] for letter in part), depth - 1) for part in subscripts]
    vals = [gen.uneven(val) for val in vals]
    mag = gen.count([dims[letter] for letter in summed]) ** 0.5
    for val in vals:
        mag *= val.mag
    spec = ",".join(subscripts) + "->" + "".join(free)
    return Val(Node("einsum", tuple(val.node for val in vals), shape, (spec,)), mag,
               any(val.flat for val in vals))


def _subscripts(gen: Gen, free: list[str], summed: list[str], dims: dict) -> list[str] | None:
    """Letters for each operand, every letter somewhere; a repeated one where sizes agree."""
    letters = free + summed
    if not letters:
        return None
    parts: list[list[str]] = [[] for _ in range(gen.pick((1, 2, 2, 2, 3, 3)))]
    for letter in letters:
        homes = gen.rng.sample(parts, min(len(parts), gen.pick((1, 1, 2) if letter in free else (1, 2, 2, 3))))
        for part in homes:
            part.append(letter)
    for part in parts:
        gen.rng.shuffle(part)
        if part and len(part) < 3 and gen.chance(0.08):
            part.append(part[0])
    if any(len(part) > 3 or not part for part in parts):
        return None
    return ["".join(part) for part in parts]
