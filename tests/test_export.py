"""Exported NumPy files: what they say, what they compute once, the update rule, the trial in a process of its own."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import numpy as np
import pytest

import symbackprop as sb
from symbackprop.cli import main
from symbackprop.codegen import compile_module
from symbackprop.doors import check_export, export

EXAMPLES = Path(__file__).parent.parent / "examples"
INLINE = """
X: R[B, n]; Y: R[B, k]; W: R[n, k]; b: R[k]
C = sum((sigmoid(X @ W + b) - Y)**2) / (2 * B)
"""
STABLE = "x: R[n]; C = sum(softplus(x)) + sum(sigmoid(x)) + logsumexp(x) + sum(silu(x)) + sum(softmax(x) * tanh(x))"


def files() -> list[Path]:
    """The models whose equations have a fixed number."""
    return [f for f in sorted(EXAMPLES.glob("*.net")) if " in 1.." not in f.read_text()]


def body_of(source: str, name: str) -> str:
    item = next(f for f in ast.parse(source).body if isinstance(f, ast.FunctionDef) and f.name == name)
    return ast.unparse(item.body[1:])


@pytest.mark.parametrize("file", files(), ids=lambda f: f.stem)
def test_every_example_holds_in_a_process_of_its_own(file: Path) -> None:
    derivation = sb.derive(sb.read(file))
    source = export(derivation, model=file.stem, step="sgd")
    assert check_export(derivation, source)
    assert all(len(line) <= 88 for line in source.splitlines() if '"""' not in line and "#" not in line)


def test_what_equations_share_is_computed_once() -> None:
    body = body_of(export(sb.derive(sb.parse(INLINE))), "value_and_grad")
    assert body.count("sigmoid(") == 1 and body.count("X @ W") == 1
    gelu = export(sb.derive(sb.parse("x: R[n]; C = sum(gelu(x, approximate='tanh'))")))
    assert body_of(gelu, "make_value_and_grad").count("np.tanh(") == 1 and "** 3" not in gelu and "**3" not in gelu


def test_a_file_says_what_it_is_made_from_and_how() -> None:
    derivation = sb.derive(sb.read(EXAMPLES / "three_four_two.net"))
    source = export(derivation, model="three_four_two")
    assert source == export(sb.derive(sb.read(EXAMPLES / "three_four_two.net")), model="three_four_two")
    assert f"Made by symbackprop {sb.__version__} from three_four_two." in source
    says = compile_module(source)["value_and_grad"].__doc__
    assert "W1: 4×3" in says and "C = ½ ‖ŷ − y‖²" in says
    assert re.search(r"# ∂C/∂W₂ = δ\S* hᵀ\n    d_W2 = np.outer\(d_\w+, h\)", source), source


def test_a_name_cannot_leave_its_comment() -> None:
    text = 'x: R[n] as "x\\"\\"\\"; y \\\\"\nC = sum(x**2)'
    try:
        program = sb.parse(text)
    except sb.SymbackpropError:
        program = sb.parse("x: R[n]; C = sum(x**2)")
    source = export(sb.derive(program), model='a"""\nraise SystemExit\n\\')
    assert compile_module(source)["value_and_grad"](x=[3.0])[0] == 9


def test_the_loss_alone_is_the_loss() -> None:
    names = compile_module(export(sb.derive(sb.parse(INLINE))))
    rng = np.random.default_rng(0)
    data = {n: rng.normal(size=s) for n, s in (("X", (5, 3)), ("Y", (5, 2)), ("W", (3, 2)), ("b", (2,)))}
    assert names["loss"](**data) == names["value_and_grad"](**data)[0]
    with pytest.raises(ValueError, match=r"b has shape \(4,\), wanted \(2\)"):
        names["loss"](**{**data, "b": np.zeros(4)})


def test_a_step_goes_down_the_gradient_and_writes_to_nothing() -> None:
    names = compile_module(export(sb.derive(sb.parse(INLINE), wrt=["W", "b"]), step="sgd"))
    rng = np.random.default_rng(0)
    data = {n: rng.normal(size=s) for n, s in (("X", (5, 3)), ("Y", (5, 2)), ("W", (3, 2)), ("b", (2,)))}
    for value in data.values():
        value.flags.writeable = False
    _, gradients = names["value_and_grad"](**data)
    loss, stepped = names["sgd_step"](**data, rate=0.25)
    assert stepped.keys() == {"W", "b"} and loss == names["loss"](**data)
    for name, value in stepped.items():
        np.testing.assert_allclose(value, data[name] - 0.25 * gradients[name], rtol=1e-15)
    with pytest.raises(sb.SymbackpropError, match="there is no update rule 'sdg'"):
        export(sb.derive(sb.parse(INLINE)), step="sdg")


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_logits_of_any_size_stay_finite_without_a_warning(dtype: type) -> None:
    names = compile_module(export(sb.derive(sb.parse(STABLE))))
    x = np.array([-1e4, -50.0, 0.0, 50.0, 1e4], dtype)
    for call in (names["value_and_grad"], names["make_value_and_grad"]({"n": 5}, dtype)):
        with np.errstate(over="raise", invalid="raise", divide="raise"):
            loss, gradients = call(x=x)
        assert np.isfinite(loss) and np.isfinite(gradients["x"]).all() and gradients["x"].dtype == dtype


def test_assumptions_are_checked_alike_by_every_function() -> None:
    names = compile_module(export(sb.derive(sb.parse("p: R[n]\nfact: sum(p) == 1\nC = sum(log(p))"))))
    for call in (names["value_and_grad"], names["loss"], names["make_value_and_grad"]({"n": 2})):
        with pytest.raises(ValueError, match="the data break the assumption"):
            call(p=np.array([0.5, 0.75]))
        call(p=np.array([0.5, 0.75]), check=False)


def test_an_assumption_about_a_tensor_that_an_equation_defines_is_checked() -> None:
    text = "x: R[2]; y: R[2]\np = x\nq = x * y\nfact: sum(p) == 1\nfact: q > 0\nC = sum(log(q)) * sum(p)"
    names = compile_module(export(sb.derive(sb.parse(text))))
    for call in (names["value_and_grad"], names["loss"], names["make_value_and_grad"]()):
        assert np.isclose(call(x=np.array([0.5, 0.5]), y=np.array([2.0, 2.0]))[0] if call is not names["loss"] else 0, 0)
        with pytest.raises(ValueError, match=r"the data break the assumption sum\(p\) == 1"):
            call(x=np.array([0.5, 1.0]), y=np.ones(2))
        with pytest.raises(ValueError, match="the data break the assumption q > 0"):
            call(x=np.array([0.5, 0.5]), y=-np.ones(2))


def test_the_command_line_exports_and_checks(tmp_path: Path, capsys: pytest.CaptureFixture) -> None:
    out = tmp_path / "grad.py"
    net = str(EXAMPLES / "three_four_two.net")
    assert main(["export", net, "--to", "numpy", "--wrt", "W1,b1", "--step", "sgd", "--check", "-o", str(out)]) == 0
    names = compile_module(out.read_text())
    assert {"value_and_grad", "loss", "make_value_and_grad", "sgd_step"} <= names.keys()
    assert "all gradients agree" in capsys.readouterr().err
    assert main(["export", net, "--to", "numpy", "--shard", "batch"]) == 2


def test_the_trial_sees_a_wrong_gradient() -> None:
    derivation = sb.derive(sb.parse("x: R[3]; C = sum(sin(x))"))
    source = export(derivation)
    assert "d_x = np.cos(x)" in source
    assert not check_export(derivation, source.replace("d_x = np.cos(x)", "d_x = np.cos(x) + 1e-3"))
    with pytest.raises(sb.SymbackpropError, match="the exported file does not run: NameError"):
        check_export(derivation, source.replace("d_x = np.cos(x)", "d_x = cos(x)"))
