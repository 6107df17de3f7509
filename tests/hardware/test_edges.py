"""What a runtime's limits and estimates mean at their edges: channels read, the padded image."""

from typing import Any

import pytest

from qeopt.hardware import Runtime
from qeopt.hardware.costs import cycles, flash_of, held, mac_count, parameter_flash, picojoules, shape_limits, weights_flash
from qeopt.network import Op, OpKind, Tensor
from qeopt.spec.model import build

SOURCE: Any = {"url": "https://example.org", "date": "2026-01-01"}
KERNEL: Any = {"in": [2, 4, 8], "weights": [2, 4, 8], "out": [2, 4, 8]}


def runtime(**parts: Any) -> Runtime:
    return build(Runtime, {"name": "edge", "kernels": "any", "source": SOURCE, **parts})


def conv(read: int, written: int, *, is_image: bool = False) -> Op:
    source = Tensor("x", 4, 4, read, bits=8 if is_image else None, is_image=is_image)
    return Op("conv", OpKind.CONV, (source,), Tensor("y", 4, 4, written))


@pytest.mark.parametrize(
    ("read", "written", "fits"), [(8, 8, True), (9, 8, False), (8, 9, False), (9, 9, False), (1, 8, True), (7, 7, True)]
)
def test_most_channels_are_of_what_is_read_and_of_what_is_written(read: int, written: int, fits: bool) -> None:
    limited = runtime(kernels={"conv": {**KERNEL, "max_channels": 8}})
    assert all(holds for _, holds in shape_limits(limited, conv(read, written))) is fits


def test_estimates_count_the_channels_that_the_image_is_padded_to() -> None:
    """Three channels are read as four: 4 x 4 positions, 8 outputs, 4 inputs."""
    padded = runtime(
        memory={"pad_image_channels": 4},
        latency={"cycles": {"conv": "2 * macs"}, "source": SOURCE},
        energy={"picojoules": {"conv": "3 * macs + c_in"}, "source": SOURCE},
    )
    op = conv(3, 8, is_image=True)
    assert mac_count(padded, op) == 4 * 4 * 8 * 4
    assert cycles(padded, op, 8, 8, 8) == 2 * 4 * 4 * 8 * 4
    assert picojoules(padded, op, 8, 8, 8) == 3 * 4 * 4 * 8 * 4 + 4
    assert weights_flash(padded, op, 8) == 8 * 4
    plain = conv(3, 8)
    assert picojoules(padded, plain, 8, 8, 8) == 3 * 4 * 4 * 8 * 3 + 3


def test_bytes_and_alignment_are_rounded_up() -> None:
    aligned = runtime(memory={"align": 4})
    assert [held(aligned, elements, 2) for elements in (1, 4, 16, 17)] == [4, 4, 4, 8]
    assert held(runtime(memory={"packing": {"2": 4, "8": 8}}), 10, 2) == 5
    assert [weights_flash(runtime(), conv(1, written), 2) for written in (1, 4, 5)] == [1, 1, 2]


def test_flash_is_of_weights_and_what_is_beside_them() -> None:
    told = runtime(parameters={"conv": "10 * c_out"})
    op = conv(3, 8)
    assert parameter_flash(told, op) == 80
    assert flash_of(told, op, 8) == 24 + 80
