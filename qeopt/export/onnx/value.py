"""An ONNX graph in the making."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from qeopt.export.arithmetic.numbers import Shape

AXES = {2: 1, 0: 2, 1: 3}
"""Axis of (batch, channels, rows, columns) by side (0 rows, 1 columns, 2 channels)."""


@dataclass
class Graph:
    """A graph in the making."""

    onnx: Any
    batch: int
    nodes: list[Any] = field(default_factory=list)
    initializers: list[Any] = field(default_factory=list)
    values: list[Any] = field(default_factory=list)
    functions: list[Any] = field(default_factory=list)

    def node(
        self,
        kind: str,
        inputs: list[str],
        output: str,
        name: str,
        doc: str = "",
        attributes: Mapping[str, Any] | None = None,
        domain: str = "",
    ) -> str:
        """Append a node of one output and return the output's name."""
        given = attributes or {}
        made = self.onnx.helper.make_node(kind, inputs, [output], name=name, doc_string=doc, domain=domain, **given)
        self.nodes.append(made)
        return output

    def split(self, inputs: list[str], outputs: list[str], name: str, axis: int) -> None:
        """Append a node that parts a value."""
        self.nodes.append(self.onnx.helper.make_node("Split", inputs, outputs, name=name, axis=axis))

    def constant(self, name: str, array: NDArray[Any]) -> str:
        """Append an array as an initializer and return its name."""
        self.initializers.append(self.onnx.numpy_helper.from_array(array, name))
        return name

    def integers(self, name: str, kind: str, array: NDArray[np.int64]) -> str:
        """Append integers of an ONNX type (INT4, UINT8, ...) as an initializer and return its name."""
        tensor_type = getattr(self.onnx.TensorProto, kind)
        self.initializers.append(self.onnx.helper.make_tensor(name, tensor_type, array.shape, array.ravel().tolist()))
        return name

    def value(self, name: str, shape: Shape, kind: str = "FLOAT") -> str:
        """State the type and shape of a value, which shape inference does not find behind custom nodes; the batch comes first."""
        return self.fixed(name, (self.batch, *shape), kind)

    def fixed(self, name: str, shape: Shape, kind: str = "FLOAT") -> str:
        """State the type and shape of a value that has no batch."""
        self.values.append(self.onnx.helper.make_tensor_value_info(name, getattr(self.onnx.TensorProto, kind), shape))
        return name
