"""Write networks as ONNX graphs, layer by layer, as their papers define them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import onnx
from onnx import helper, numpy_helper

OPSET = 18


class Author:
    """Grows an ONNX graph; every method returns the name of what it wrote. Learnt values are drawn, or zero for large graphs."""

    def __init__(self, shape: tuple[int, ...], *, batch: int | str = "N", zeros: bool = False) -> None:
        self.nodes: list[Any] = []
        self.constants: list[Any] = []
        self.inputs = [helper.make_tensor_value_info("image", onnx.TensorProto.FLOAT, [batch, *shape])]
        self.channels = {"image": shape[0]}
        self._random = None if zeros else np.random.default_rng(0)

    def constant(self, name: str, *dims: int, positive: bool = False) -> str:
        shape = dims
        values = np.zeros(shape, np.float32) if self._random is None else self._random.normal(size=shape).astype(np.float32)
        self.constants.append(numpy_helper.from_array(np.abs(values) + 0.5 if positive else values, name))
        return name

    def number(self, name: str, values: Any, dtype: Any = np.int64) -> str:
        self.constants.append(numpy_helper.from_array(np.array(values, dtype=dtype), name))
        return name

    def node(self, kind: str, inputs: list[str], *, name: str = "", outputs: int = 1, domain: str = "", **attributes: Any) -> str:
        name = name or f"{kind.lower()}_{len(self.nodes)}"
        written = [f"{name}_out"] + [f"{name}_out{number}" for number in range(1, outputs)]
        self.nodes.append(helper.make_node(kind, inputs, written, name=name, domain=domain, **attributes))
        self.channels[written[0]] = self.channels.get(inputs[0], 0)
        return written[0]

    def conv(
        self, source: str, width: int, kernel: int | tuple[int, int] = 1, stride: int = 1, *, name: str = "", groups: int = 1,
        bn: bool = True, act: str = "Relu", bias: bool = False, same: bool = False,
    ) -> str:  # fmt: skip
        name = name or f"conv_{len(self.nodes)}"
        reads = self.channels[source]
        height, across = (kernel, kernel) if isinstance(kernel, int) else kernel
        inputs = [source, self.constant(f"{name}.weight", width, reads // groups, height, across)]
        if bias:
            inputs.append(self.constant(f"{name}.bias", width))
        told: dict[str, Any] = {"strides": [stride, stride], "group": groups}
        if same:
            told["auto_pad"] = "SAME_UPPER"
        else:
            told["pads"] = [height // 2, across // 2, height // 2, across // 2]
        written = self.node("Conv", inputs, name=name, **told)
        self.channels[written] = width
        if bn:
            parts = [self.constant(f"{name}.bn{part}", width, positive=part == 3) for part in range(4)]
            written = self.node("BatchNormalization", [written, *parts], name=f"{name}.bn")
        return self.node(act, [written], name=f"{name}.act") if act else written

    def depthwise(self, source: str, kernel: int = 3, stride: int = 1, **told: Any) -> str:
        channels = self.channels[source]
        return self.conv(source, channels, kernel, stride, groups=channels, **told)

    def dense(self, source: str, width: int, *, reads: int | None = None, name: str = "", act: str = "") -> str:
        name = name or f"dense_{len(self.nodes)}"
        inputs = [
            source,
            self.constant(f"{name}.weight", width, reads or self.channels[source]),
            self.constant(f"{name}.bias", width),
        ]
        written = self.node("Gemm", inputs, name=name, transB=1)
        self.channels[written] = width
        return self.node(act, [written], name=f"{name}.act") if act else written

    def classifier(self, source: str, classes: int) -> str:
        pooled = self.node("GlobalAveragePool", [source], name="pool")
        return self.dense(self.node("Flatten", [pooled], name="flatten"), classes, name="classifier")

    def model(self, *outputs: str) -> Any:
        values = [helper.make_tensor_value_info(name, onnx.TensorProto.FLOAT, None) for name in outputs]
        graph = helper.make_graph(self.nodes, "graph", self.inputs, values, self.constants)
        domains = sorted({node.domain for node in self.nodes} - {""})
        opsets = [helper.make_opsetid("", OPSET), *(helper.make_opsetid(domain, 1) for domain in domains)]
        return helper.make_model(graph, opset_imports=opsets, ir_version=10)

    def save(self, path: Path, *outputs: str) -> Path:
        path.write_bytes(self.model(*(outputs or (self.nodes[-1].output[0],))).SerializeToString())
        return path

    @property
    def parameters(self) -> int:
        """Values of all constants that are learnt: batch normalisation counts its four per channel."""
        return sum(int(np.prod(c.dims)) for c in self.constants if c.data_type == onnx.TensorProto.FLOAT)

    @property
    def running_statistics(self) -> int:
        """Of these, means and variances."""
        return sum(int(np.prod(c.dims)) for c in self.constants if c.name.endswith((".bn2", ".bn3")))
