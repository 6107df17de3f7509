"""The integer program charges the least code that the kernels of every kind can do with, however many operators need it."""

from typing import Any

import pytest

from qeopt.hardware import Runtime
from qeopt.memory import Limits, count
from qeopt.network import Bits, Network, NetworkBuilder, Tensor
from qeopt.qbr import BitChoices, Compiled, QbrSettings, Refiner
from qeopt.score import QEScore
from qeopt.spec.model import build
from qeopt_solvers import Status

SOURCE: Any = {"url": "https://example.org", "date": "2026-01-01"}


def network() -> Network:
    image = Tensor("image", 4, 4, 4, bits=8, is_image=True)
    builder = NetworkBuilder("coded", image)
    current = image
    for name in ("one", "two", "three"):
        current = builder.conv(name, current, 4, kernel=1)
    builder.depthwise("last", current, kernel=3)
    builder.end_stage()
    return builder.finish()


def terms(flash: int) -> Refiner:
    runtime = build(
        Runtime,
        {"name": "coded", "kernels": "any", "code": {"conv": "10 * w_bits", "depthwise": "50 + w_bits"}, "source": SOURCE},
    )
    choices = BitChoices(weights=(4, 8), activations=(8,))
    return Refiner(runtime, Limits(flash=flash), choices, build(QEScore, {}), QbrSettings())


def test_operators_of_one_kind_share_their_code() -> None:
    """Three convolutions at 4 bits need one kernel of 40 bytes, not three; the depthwise one 54."""
    compiled = terms(10_000).compile(network())
    assert isinstance(compiled, Compiled)
    row = next(row for row in compiled.problem.rows if row.kind == "flash")
    assert row.fixed == 40 + 54
    bits = Bits(dict.fromkeys(("one", "two", "three", "last"), 4), dict.fromkeys(("image", "one", "two", "three", "last"), 8))
    assert count(network(), terms(10_000).runtime, bits).flash_bytes == 3 * 8 + 18 + 40 + 54


@pytest.mark.parametrize(("short", "status"), [(0, Status.OPTIMAL), (1, Status.INFEASIBLE)])
def test_the_least_that_is_charged_is_enough(short: int, status: Status) -> None:
    needed = 3 * 8 + 18 + 40 + 54
    refined = terms(needed - short).refine(network())
    assert refined.status is status
    if refined.bits is not None:
        assert set(refined.bits.weights.values()) == {4}
