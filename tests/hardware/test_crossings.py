"""Signed and unsigned values: changed where a kernel reads what another kind of kernel wrote, and nowhere else."""

from __future__ import annotations

from typing import Any

import pytest

from qeopt.hardware import Runtime
from qeopt.hardware.crossings import crossings
from qeopt.network import Network, NetworkBuilder, Tensor
from qeopt.spec.model import build

SOURCE: dict[str, Any] = {"url": "u", "date": "d"}


def runtime(**values: str) -> Runtime:
    kernels: dict[str, Any] = {kind: {"in": [8], "out": [8]} for kind in ("conv", "add", "pool", "dense", "concat")}
    for kind in ("conv", "dense"):
        kernels[kind]["weights"] = [8]
    for kind, said in values.items():
        kernels[kind]["values"] = said
    return build(Runtime, {"kernels": kernels, "source": SOURCE})


def network() -> Network:
    """Two convolutions read the stem; its sum with one of them, a pool, a classifier."""
    image = Tensor("image", 8, 8, 4, bits=8, is_image=True)
    builder = NetworkBuilder("n", image)
    stem = builder.conv("stem", image, 8)
    left = builder.conv("left", stem, 8)
    total = builder.add("sum", left, stem)
    right = builder.conv("right", total, 8)
    builder.dense("classifier", builder.global_pool("pool", right), 2)
    return builder.finish()


def told(found: Runtime) -> list[tuple[str, str, str]]:
    return [(change.tensor.name, change.op.name, change.values) for change in crossings(found, network())]


def test_one_library_needs_no_changes() -> None:
    assert told(runtime()) == []
    assert told(runtime(conv="unsigned", add="unsigned", pool="unsigned", dense="unsigned")) == []
    assert crossings(build(Runtime, {"kernels": "any", "source": SOURCE}), network()) == ()


def test_values_change_before_the_reader_that_wants_others() -> None:
    signed = dict.fromkeys(("add", "pool", "dense"), "signed")
    assert told(runtime(conv="unsigned", **signed)) == [
        ("left", "sum", "signed"),
        ("stem", "sum", "signed"),
        ("sum", "right", "unsigned"),
        ("right", "pool", "signed"),
    ]


def test_a_kernel_that_takes_both_passes_them_on() -> None:
    """The pool takes both, and the classifier behind it does not."""
    assert told(runtime(conv="unsigned", add="unsigned", dense="signed")) == [("pool", "classifier", "signed")]


@pytest.mark.parametrize("other", ["unsigned", "signed"])
def test_the_image_is_handed_over_as_it_is_wanted(other: str) -> None:
    assert all(change[0] != "image" for change in told(runtime(conv=other, add="signed")))
