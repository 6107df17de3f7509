"""An operator writes over its input only where nobody reads that later and the channels are as many."""

from dataclasses import replace
from typing import Any

import pytest

from qeopt.hardware import Runtime
from qeopt.memory import count, steps
from qeopt.network import Bits, Network, NetworkBuilder, Op, OpKind, Tensor
from qeopt.spec.model import build

SOURCE: Any = {"url": "https://example.org", "date": "2026-01-01"}


def runtime(*in_place: str) -> Runtime:
    return build(Runtime, {"name": "n", "kernels": "any", "memory": {"in_place": list(in_place)}, "source": SOURCE})


def depthwise(multiplier: int) -> Network:
    """A depthwise convolution that writes so many channels for each that it reads."""
    source = Tensor("x", 4, 4, 6, bits=8, is_image=True)
    written = Tensor("y", 4, 4, 6 * multiplier, bits=8)
    op = Op("y", OpKind.DEPTHWISE, (source,), written, kernel=3, groups=6)
    return Network("multiplied", (source, written), (op,), (), frozenset())


@pytest.mark.parametrize(("multiplier", "names"), [(1, ["y (input)", "y (output)"]), (2, ["y"])])
def test_only_as_many_channels_as_are_read_are_written_in_place(multiplier: int, names: list[str]) -> None:
    network = depthwise(multiplier)
    assert [step.name for step in steps(network, runtime("depthwise"))] == names
    bits = Bits({"y": 8}, {"x": 8, "y": 8})
    inside = 16 * 6 * max(1, multiplier) if multiplier == 1 else 16 * 6 * (1 + multiplier)
    assert count(network, runtime("depthwise"), bits).sram_bytes == inside
    assert count(network, runtime(), bits).sram_bytes == 16 * 6 * (1 + multiplier)


def test_what_is_read_later_is_not_written_over() -> None:
    image = Tensor("image", 4, 4, 6, bits=8, is_image=True)
    builder = NetworkBuilder("twice", image)
    first = builder.conv("first", image, 6, kernel=1)
    second = builder.depthwise("second", first, kernel=3)
    builder.add("sum", second, first)
    builder.end_stage()
    found = {step.name for step in steps(builder.finish(), runtime("depthwise"))}
    assert "second" in found
    assert "second (input)" not in found


def test_a_result_that_is_read_later_is_held_to_the_end() -> None:
    image = Tensor("image", 4, 4, 2, bits=8, is_image=True)
    builder = NetworkBuilder("two results", image)
    early = builder.conv("early", image, 3, kernel=1)
    middle = builder.conv("middle", early, 5, kernel=1)
    builder.conv("late", middle, 7, kernel=1)
    builder.end_stage()
    network = replace(builder.finish(), results=frozenset({"early", "late"}))
    used = count(network, runtime(), Bits({op.name: 8 for op in network.ops}, {t.name: 8 for t in network.tensors}))
    assert [step.total_bytes for step in used.steps] == [16 * (2 + 3), 16 * (3 + 5), 16 * (3 + 5 + 7)]
