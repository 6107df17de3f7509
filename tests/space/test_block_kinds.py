"""Separable, residual and dense blocks keep the contract of blocks, and are what the benchmark's networks are made of."""

from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any

import pytest

from qeopt.network import macs, weight_count
from qeopt.space import Space, Task
from qeopt.spec.document import parse
from qeopt.spec.errors import SpecError
from qeopt.spec.library import Library
from qeopt.spec.load import load
from qeopt.spec.model import build
from qeopt.study.load import load_study
from qeopt.testing.blocks import BlockContract
from qeopt.testing.small_studies import SmallStudy


class TestSeparable(BlockContract):
    block: Mapping[str, Any] = {"kind": "separable", "name": "b1", "stride": 2, "width": [8, 16], "kernel": [3, 5], "units": [1, 2]}
    count = 2


class TestResidual(BlockContract):
    block: Mapping[str, Any] = {"kind": "residual", "name": "b1", "stride": 2, "width": [8, 16], "kernel": [3], "units": [1, 2]}
    count = 2


class TestDense(BlockContract):
    block: Mapping[str, Any] = {"kind": "dense", "name": "b1", "width": [8, 16], "units": [1, 2]}
    count = 2

    def space(self) -> Space:
        first: Any = {"kind": "dense", "name": "first", "width": [8, 12], "weight_bits": 8}
        return build(Space, {"blocks": [first, dict(self.block), {"kind": "dense", "name": "last", "width": 16}]})

    def studies(self) -> Iterator[SmallStudy]:
        for study in super().studies():
            yield replace(study, task=build(Task, {"input": [1, 1, 16], "classes": 16}))


def test_dense_layers_ask_for_one_position() -> None:
    text = """\
kind: study
task: {input: [2, 2, 8], classes: 2}
space: {kind: space, blocks: [{kind: dense, name: d, width: [8, 16]}, {kind: classifier}]}
device: stm32l4r5
runtime: cmsis-nn
budgets: {layers: 3}
bits: {weights: [8], activations: [8]}
objective: {kind: qe}
"""
    with pytest.raises(
        SpecError, match=r"t\.yaml:2:8: the dense block 'd' reads 2x2 positions; an input of one position, \[1, 1, N\]"
    ):
        load_study(parse(text, "t.yaml"))


@pytest.mark.parametrize(
    ("name", "image", "classes", "work", "weights"),
    [  # as counted in the files of mlcommons/tiny, commit 1afd2c9
        ("mlperf_kws", (49, 10, 1), 12, 2_656_768, 22_016),
        ("mlperf_ic", (32, 32, 3), 10, 12_501_632, 77_360),
        ("mlperf_vww", (96, 96, 3), 2, 7_489_664, 208_112),
        ("mlperf_ad", (1, 1, 640), 640, 264_192, 264_192),
    ],
)
def test_networks_of_mlperf_tiny(name: str, image: tuple[int, int, int], classes: int, work: int, weights: int) -> None:
    space = load(Space, name, library=Library(), kind="network", folder="networks").value
    network = space.expand(space.smallest(), Task(input=image, classes=classes))
    assert sum(int(macs(op)) for op in network.ops) == work
    assert sum(int(weight_count(op)) for op in network.ops) == weights
