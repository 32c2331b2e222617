"""Proofs replayed by a checker that does not import the prover; broken proofs must be found out."""

from __future__ import annotations

import ast
from dataclasses import replace
from pathlib import Path

import pytest
import test_proof
import test_verdict

import symbackprop as sb
from symbackprop.algebra import add, scale
from symbackprop.judge.replay import Checker
from symbackprop.judge.verdict import judge

PROVER = {"normal", "entrywise", "proof", "kinks", "rules", "algebra", "cells", "judging", "evidence", "numeric", "truth", "reverse", "ops"}
OWN = [
    ("x: R[n]\nf = lambda t: t / (1 + abs(t))\nh = f(x)\nC = sum(h**2) / 2\n", "grad(C, x) == grad(C, h) / (1 + abs(x))**2"),
    ("x: R[n]; y: R[m]; W: R[m, n]\nf: elementwise\nz = W @ x\nh = f(z)\nC = sum((h - y)**2)\n", "grad(C, x) == W.T @ grad(C, z)"),
    ("z \\in \\mathbb{R}^n, y \\in \\mathbb{R}^n, f : \\mathbb{R} \\to \\mathbb{R}\nh = f(z)\nC = \\frac12 \\|h - y\\|^2\n",
     "\\frac{\\partial C}{\\partial z} = (h - y) \\odot f'(z)"),
]
CASES = [*OWN, *test_proof.CASES, *((model, claim) for model, claim, verdict, kind, _ in test_verdict.CASES if verdict == "proved" and not kind)]


@pytest.mark.parametrize("model, claim", CASES, ids=[c[1] for c in CASES])
def test_every_proof_replays(model, claim):
    program = sb.parse(model + claim)
    (found,) = judge(program)
    (stated,) = program.claims
    assert found.proof is not None
    assert Checker(program).fault(found.proof, stated.left, stated.right) is None


def test_the_checker_shares_nothing_with_the_prover():
    path = Path(sb.__file__).parent / "judge" / "replay.py"
    tree = ast.parse(path.read_text(encoding="utf-8"))
    read = {node.module for node in ast.walk(tree) if isinstance(node, ast.ImportFrom) and node.level}
    assert not read & PROVER and len(path.read_text(encoding="utf-8").splitlines()) < 500


MODEL, CLAIM = test_verdict.NET, "grad(C, z2) == (yhat - y) * yhat * exp(-z2) / (1 + exp(-z2))"


def proof(claim: str = CLAIM) -> tuple:
    program = sb.parse(MODEL + claim)
    (found,) = judge(program)
    return Checker(program), found.proof, program.claims[0].left, program.claims[0].right


def test_a_broken_step_is_found():
    checker, found, left, right = proof()
    assert checker.fault(found, left, right) is None
    for k, step in enumerate(found.left):
        bent = found.left[:k] + (step._replace(after=add([step.after, right])),) + found.left[k + 1:]
        assert checker.fault(replace(found, left=bent), left, right) is not None


def test_a_broken_pair_a_lost_pair_and_another_claim_are_found():
    checker, found, left, right = proof("grad(C, z2) == (yhat - y) * (yhat - yhat**2)")
    (first, second), *rest = found.pairs
    assert checker.fault(replace(found, pairs=((scale(3, first), second), *rest)), left, right) is not None
    assert checker.fault(replace(found, pairs=((scale(2, first), scale(2, second)), *rest)), left, right) is not None
    assert checker.fault(replace(found, pairs=tuple(rest)), left, right) is not None
    assert checker.fault(found, left, scale(2, right)) is not None
    assert checker.fault(found, scale(2, left), right) is not None
