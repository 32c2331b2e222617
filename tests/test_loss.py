"""Which scalar is the loss: readers are counted in the text as it is written."""

from __future__ import annotations

import pytest

import symbackprop as sb


def test_a_scalar_that_cancels_is_still_read() -> None:
    net = sb.parse("b: R[n]; z: R[n]\ne = sum(b)\nL = -e + (b @ z + e)")
    assert net.loss() == "L"
    assert str(sb.derive(net, wrt=["z"])) == "∂L/∂z = b"


def test_two_unread_scalars_ask_for_a_name() -> None:
    net = sb.parse("b: R[n]\ne = sum(b)\nL = sum(b**2)")
    with pytest.raises(sb.SymbackpropError, match="--loss"):
        net.loss()
