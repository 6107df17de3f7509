"""Well-known networks as ONNX files with random weights: ResNet-8, DS-CNN and MobileNetV2."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper


class Graph:
    """An ONNX graph that is written from its input on."""

    def __init__(self, shape: tuple[int, int, int]) -> None:
        self.random = np.random.default_rng(0)
        self.shape, self.nodes, self.arrays = shape, list[onnx.NodeProto](), list[onnx.TensorProto]()
        self.channels = {"image": shape[0]}

    def node(self, kind: str, inputs: list[str], **attributes: Any) -> str:
        name = f"{kind.lower()}{len(self.nodes)}"
        self.nodes.append(helper.make_node(kind, inputs, [name], name=name, **attributes))
        self.channels[name] = self.channels[inputs[0]]
        return name

    def array(self, *shape: int) -> str:
        name = f"array{len(self.arrays)}"
        spread = np.sqrt(2 / max(math.prod(shape[1:]), 1)) if len(shape) > 1 else 0.1
        self.arrays.append(numpy_helper.from_array(self.random.normal(0, spread, shape).astype(np.float32), name))
        return name

    def conv(self, source: str, out: int, kernel: tuple[int, int], stride: int = 1, groups: int = 1, function: str = "Relu") -> str:
        weights = [self.array(out, self.channels[source] // groups, *kernel), self.array(out)]
        auto = {"auto_pad": "SAME_UPPER", "kernel_shape": kernel, "strides": [stride, stride], "group": groups}
        made = self.node("Conv", [source, *weights], **auto)
        self.channels[made] = out
        if function == "Relu6":
            bounds = [numpy_helper.from_array(np.array(end, np.float32), f"{made}_{end}") for end in (0, 6)]
            self.arrays += bounds
            return self.node("Clip", [made, *(bound.name for bound in bounds)])
        return self.node(function, [made]) if function else made

    def save(self, source: str, classes: int, path: Path) -> Path:
        pooled = self.node("Flatten", [self.node("GlobalAveragePool", [source])])
        self.node("Gemm", [pooled, self.array(classes, self.channels[source]), self.array(classes)], transB=1)
        inputs = [helper.make_tensor_value_info("image", TensorProto.FLOAT, [1, *self.shape])]
        outputs = [helper.make_tensor_value_info(self.nodes[-1].output[0], TensorProto.FLOAT, [1, classes])]
        graph = helper.make_graph(self.nodes, path.stem, inputs, outputs, self.arrays)
        model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=9)
        onnx.save(model, path)
        return path


def resnet8(path: Path) -> Path:
    """32x32 images, 10 classes."""
    graph = Graph((3, 32, 32))
    at = graph.conv("image", 16, (3, 3))
    for width, stride in ((16, 1), (32, 2), (64, 2)):
        inner = graph.conv(graph.conv(at, width, (3, 3), stride), width, (3, 3), function="")
        short = at if stride == 1 else graph.conv(at, width, (1, 1), stride, function="")
        at = graph.node("Relu", [graph.node("Add", [inner, short])])
    return graph.save(at, 10, path)


def ds_cnn(path: Path) -> Path:
    """49x10 spectrograms, 12 words."""
    graph = Graph((1, 49, 10))
    at = graph.conv("image", 64, (10, 4), 2)
    for _ in range(4):
        at = graph.conv(graph.conv(at, 64, (3, 3), groups=64), 64, (1, 1))
    return graph.save(at, 12, path)


def mobilenet_v2(path: Path, width: float = 0.35, side: int = 96) -> Path:
    """Inverted residuals with ReLU6, 1000 classes."""

    def scaled(channels: int) -> int:
        return max(8, int(channels * width + 4) // 8 * 8)

    graph = Graph((3, side, side))
    at = graph.conv("image", scaled(32), (3, 3), 2, function="Relu6")
    blocks = ((1, 16, 1, 1), (6, 24, 2, 2), (6, 32, 3, 2), (6, 64, 4, 2), (6, 96, 3, 1), (6, 160, 3, 2), (6, 320, 1, 1))
    for ratio, channels, units, first in blocks:
        for unit in range(units):
            stride, inner, start = first if unit == 0 else 1, graph.channels[at] * ratio, at
            if ratio > 1:
                at = graph.conv(at, inner, (1, 1), function="Relu6")
            at = graph.conv(at, inner, (3, 3), stride, groups=inner, function="Relu6")
            at = graph.conv(at, scaled(channels), (1, 1), function="")
            if stride == 1 and graph.channels[start] == graph.channels[at]:
                at = graph.node("Add", [at, start])
    return graph.save(graph.conv(at, 1280, (1, 1), function="Relu6"), 1000, path)
