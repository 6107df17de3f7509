"""QONNX: ONNX whose `Quant` nodes name any width (Pappalardo et al., AccML 2022). FINN, hls4ml and Brevitas read it."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, ClassVar, Literal

import numpy as np
from pydantic import Field

from qeopt.design import Design
from qeopt.export.arithmetic.fill import quantised
from qeopt.export.arithmetic.numbers import Numbers, Shape
from qeopt.export.arithmetic.quantised import Grid, QuantisedNetwork, Reals, Weights
from qeopt.export.errors import ExportError
from qeopt.export.onnx.graph import onnx_model, save
from qeopt.export.onnx.value import Graph
from qeopt.network import Op

DOMAIN = "qonnx.custom_op.general"
OPSET = 17
"""Version of the standard operators: old enough for every reader, and nothing newer is used."""


class Qonnx(Numbers):
    """ONNX with one `Quant` node for every tensor of few bits. Written without the package `qonnx`."""

    SUFFIX: ClassVar[str] = ".qonnx.onnx"

    kind: Literal["qonnx"] = "qonnx"
    """Says that this is QONNX."""
    batch: Annotated[int, Field(ge=1, le=4096)] = 1
    """Images in one run."""

    def export(self, design: Design, out: Path) -> tuple[Path, ...]:
        """Write the model.

        Raises:
            ExportError: when weights have 1 bit: readers take a signed `Quant` of 1 bit for -1 and 1.
        """
        binary = [name for name, bits in design.weights.items() if bits == 1]
        if binary:
            raise ExportError(f"QONNX reads weights of 1 bit as -1 and 1, and here they are -1 and 0: {', '.join(binary[:5])}")
        model = quantised(design, self)
        origins = self.origins(model.network)
        return save(onnx_model(design, model, _Quant(), {"": OPSET, DOMAIN: 1}, self.batch, origins), out)


class _Quant:
    def weights(self, graph: Graph, name: str, weights: Weights, input_scale: float) -> tuple[str, str]:
        by_channel = weights.scales.reshape(-1, *(1,) * (weights.values.ndim - 1))
        real = graph.constant(f"{name}/weights/real", (weights.values * by_channel).astype(np.float32))
        rounded = f"{name}/weights"
        _quant(graph, real, rounded, weights.bits, by_channel, is_signed=True)
        graph.fixed(rounded, weights.values.shape)
        unit = (weights.scales * input_scale).reshape(-1, *(1,) * (weights.bias.ndim - 1))
        return rounded, graph.constant(f"{name}/bias", (weights.bias * unit).astype(np.float32))

    def activation(self, graph: Graph, source: str, name: str, grid: Grid, shape: Shape) -> None:
        _quant(graph, source, name, grid.bits, np.array(grid.scale), is_signed=grid.is_signed)
        graph.value(name, shape)

    def exact(self, graph: Graph, model: QuantisedNetwork, op: Op, doc: str) -> bool:
        return False


def _quant(graph: Graph, source: str, output: str, bits: int, scale: Reals, *, is_signed: bool) -> None:
    node = f"{output}/quant_{bits}bit"
    given = [
        graph.constant(f"{output}/scale", scale.astype(np.float32)),
        graph.constant(f"{output}/zero", np.array(0.0, np.float32)),
        graph.constant(f"{output}/bits", np.array(float(bits), np.float32)),
    ]
    terms = {"signed": int(is_signed), "narrow": 0, "rounding_mode": "ROUND"}
    graph.node("Quant", [source, *given], output, node, f"{bits} bits", terms, DOMAIN)
