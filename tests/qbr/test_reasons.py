"""Why no bits fit, in words: goldens that name the step, its tensors and their bytes."""

from collections.abc import Mapping
from typing import Any

import pytest

from qeopt.hardware import Runtime
from qeopt.memory import Limits
from qeopt.network import Network, NetworkBuilder, Tensor
from qeopt.qbr import BitChoices, QbrSettings, Refiner
from qeopt.qbr.compile import Impossible
from qeopt.score import QEScore
from qeopt.spec.model import build
from qeopt_solvers import Status


def residual(channels: int = 8) -> Network:
    image = Tensor("image", 8, 8, 3, bits=8, is_image=True)
    builder = NetworkBuilder("residual", image)
    stem = builder.conv("stem", image, channels, kernel=3, weight_bits=8)
    wide = builder.conv("expand", stem, 2 * channels)
    filtered = builder.depthwise("filter", wide, kernel=3)
    added = builder.add("add", builder.conv("project", filtered, channels, tied_to="add"), stem)
    builder.conv("head", added, 16)
    builder.end_stage()
    return builder.finish()


def refiner(
    runtime: Runtime, limits: Limits, weights: tuple[int, ...] = (2, 4, 8), activations: tuple[int, ...] = (2, 4, 8)
) -> Refiner:
    choices = build(BitChoices, {"weights": list(weights), "activations": list(activations)})
    return Refiner(runtime, limits, choices, build(QEScore, {}), QbrSettings())


@pytest.mark.parametrize(
    ("runtime", "limits", "reason"),
    [
        (
            "ideal",
            Limits(sram=600),
            "SRAM at step 'head': 1,152 B (1.1 KiB) needed at the fewest legal bits, 600 B allowed"
            " (add 128 B at 2 bits, head 1,024 B (1.0 KiB) at 8 bits)",
        ),
        (
            "paper",
            Limits(sram=300),
            "SRAM at step 'head': 1,152 B (1.1 KiB) needed at the fewest legal bits, 300 B allowed"
            " (add 128 B at 2 bits, head 1,024 B (1.0 KiB) at 8 bits)",
        ),
        (
            "cmix-nn",
            Limits(sram=1000),
            "SRAM at step 'head': 1,568 B (1.5 KiB) needed at the fewest legal bits, 1,000 B allowed"
            " (add 512 B at 8 bits, head 1,024 B (1.0 KiB) at 8 bits, scratch 32 B)",
        ),
        (
            "shared_scratch",
            Limits(sram=10),
            "SRAM at step 'head with scratch of filter': 1,536 B (1.5 KiB) needed at the fewest legal bits, 10 B allowed"
            " (add 128 B at 2 bits, head 1,024 B (1.0 KiB) at 8 bits, scratch 384 B)",
        ),
        (
            "ideal",
            Limits(flash=100),
            "flash of the whole network: 348 B needed at the fewest legal bits, 100 B allowed",
        ),
        (
            "ideal",
            Limits(bitops=1000),
            "bitops of the whole network: 1,019,904 needed at the fewest legal bits, 1,000 allowed",
        ),
    ],
)
def test_budgets_that_nothing_fits(runtime: str, limits: Limits, reason: str, runtimes: Mapping[str, Runtime]) -> None:
    found = refiner(runtimes[runtime], limits).refine(residual())
    assert found.status is Status.INFEASIBLE
    assert found.bits is None
    assert found.reason == reason


def test_budgets_that_only_fit_apart(runtimes: Mapping[str, Runtime]) -> None:
    """Few activation bits need many weight bits in this runtime, and both are scarce."""
    image = Tensor("image", 8, 8, 8, bits=8, is_image=True)
    builder = NetworkBuilder("pair", image)
    builder.conv("b", builder.conv("a", image, 8, weight_bits=8), 8)
    builder.end_stage()
    network = builder.finish(output_is_seen=True)
    runtime = build(
        Runtime,
        {"kernels": {"conv": {"tuples": [[8, 8, 8], [8, 8, 2], [8, 2, 8], [2, 8, 8]]}}, "source": {"url": "u", "date": "d"}},
    )
    found = refiner(runtime, Limits(sram=640, flash=80), weights=(2, 8), activations=(2, 8)).refine(network)
    assert found.status is Status.INFEASIBLE
    assert found.reason == "each budget can be met by itself, but legal bits cannot meet all of them together"


@pytest.mark.parametrize(
    ("runtime", "channels", "reason"),
    [
        (
            "cmix-nn",
            6,
            "no bits are legal for conv 'stem': its input 'image' may have 8, its output 2, 4, 8, its weights 8;"
            " the runtime executes 2x2->2, 2x2->4, 2x2->8, 2x4->2, 2x4->4, 2x4->8, ..., 3 channels in and 6 out;"
            " 2-bit outputs ask for a multiple of 16 channels; 4-bit outputs ask for a multiple of 8 channels;"
            " 8-bit outputs ask for a multiple of 4 channels",
        ),
        (
            "no_depthwise",
            8,
            "no bits are legal for depthwise 'filter': its input 'expand' may have 8, its output 2, 4, 8, its weights 2, 4, 8;"
            " the runtime has no depthwise kernel",
        ),
    ],
)
def test_networks_that_no_kernel_runs(runtime: str, channels: int, reason: str, runtimes: Mapping[str, Runtime]) -> None:
    eight: dict[str, Any] = {"in": [8], "weights": [8], "out": [8]}
    bare = build(Runtime, {"kernels": {"conv": eight}, "source": {"url": "u", "date": "d"}})
    terms = refiner({**runtimes, "no_depthwise": bare}[runtime], Limits())
    found = terms.compile(residual(channels))
    assert isinstance(found, Impossible)
    assert found.reason == reason
    refined = terms.refine(residual(channels))
    assert (refined.status, refined.reason) == (Status.INFEASIBLE, reason)
