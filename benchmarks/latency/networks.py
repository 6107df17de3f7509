"""MLPerf Tiny's four networks as specs, and what a model of time sees of them."""

from dataclasses import dataclass
from functools import cache

from qeopt.hardware.latency import CONVOLUTIONS
from qeopt.network import Network, OpKind, macs
from qeopt.space import Space, Task
from qeopt.spec.library import Library
from qeopt.spec.load import load
from qeopt.spec.model import build

TASKS = {
    "kws": {"input": [49, 10, 1], "classes": 12},
    "vww": {"input": [96, 96, 3], "classes": 2},
    "ic": {"input": [32, 32, 3], "classes": 10},
    "ad": {"input": [1, 1, 640], "classes": 640},
}
LIVE_VWW = (16, 32, 32, 64, 60, 107, 57, 30, 19, 19, 27, 32, 22)
"""Channels of each 1x1 convolution of `vww` whose weights are not all zero, counted in vww_96_int8.tflite of mlcommons/tiny (commit
1afd2c9): of the others all weights are zero in the file."""
STRIDES = (1, 2, 1, 2, 1, 2, 1, 1, 1, 1, 1, 2, 1)


@dataclass(frozen=True)
class Features:
    conv_macs: int
    dense_macs: int
    outputs: int
    """Values that convolutions and operators without weights write."""
    calls: int


@cache
def network(name: str, *, live: bool = False) -> Network:
    """A network of the benchmark; `live` leaves out the channels of `vww` whose weights are all zero."""
    space = (
        _live_vww()
        if live and name == "vww"
        else load(Space, f"mlperf_{name}", library=Library(), kind="network", folder="networks").value
    )
    return space.expand(space.smallest(), build(Task, dict(TASKS[name])), name)


def _live_vww() -> Space:
    blocks = [{"kind": "conv", "name": "stem", "width": 8, "kernel": 3, "stride": 2, "weight_bits": 8}]
    for number, (width, stride) in enumerate(zip(LIVE_VWW, STRIDES, strict=True), start=1):
        blocks.append({"kind": "separable", "name": f"b{number}", "width": width, "stride": stride})
    return build(Space, {"blocks": [*blocks, {"kind": "classifier"}]})


@cache
def features(name: str, *, live: bool = False) -> Features:
    return features_of(network(name, live=live))


def features_of(found: Network) -> Features:
    return Features(
        conv_macs=sum(int(macs(op)) for op in found.ops if op.kind in CONVOLUTIONS),
        dense_macs=sum(int(macs(op)) for op in found.ops if op.kind is OpKind.DENSE),
        outputs=sum(int(op.output.elements) for op in found.ops if op.kind is not OpKind.DENSE),
        calls=len(found.ops),
    )
