"""ONNX with QuantizeLinear and DequantizeLinear, and Clip where a width has no type of its own (QDQ and QCDQ)."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, ClassVar, Literal, NamedTuple

import numpy as np
from pydantic import Field

from qeopt.design import Design
from qeopt.export.arithmetic.fill import quantised
from qeopt.export.arithmetic.geometry import shape_of
from qeopt.export.arithmetic.numbers import Numbers, Shape
from qeopt.export.arithmetic.quantised import Grid, QuantisedNetwork, Weights, weight_range
from qeopt.export.errors import ExportError
from qeopt.export.onnx.exact import exact_form
from qeopt.export.onnx.graph import onnx_model, rounded, save
from qeopt.export.onnx.value import Graph
from qeopt.network import Op
from qeopt.network.importers.onnx.exact import DOMAIN

TYPE_SINCE = {2: 25, 4: 21, 8: 10, 16: 21}
"""The first opset whose quantisation operators have integers of these bits."""


class OnnxQdq(Numbers):
    """ONNX in standard operators only. Widths without a type of their own are held in 8 bits behind a Clip."""

    SUFFIX: ClassVar[str] = ".onnx"

    kind: Literal["onnx-qdq"] = "onnx-qdq"
    """Says that this is standard ONNX."""
    opset: Annotated[int, Field(ge=21, le=25)] = 21
    """Version of the operators; 25 has integers of 2 bits. onnxruntime 1.31 runs such models with its graph optimisations off only,
    as these put any weights into QLinearConv, which knows those of 8 bits alone."""
    narrow_activations: bool = False
    """Give activations of 4 and 2 bits types of their own, as weights have. For onnxruntime the same holds as for opset 25."""
    exact: bool | None = None
    """Write what divides (averages, linear resizes, softmax, layer normalisation) in integers, which onnxruntime computes as the
    reference does, instead of as operators that compilers look for and it computes in floats. Done where every scale is a power of
    two unless said."""
    batch: Annotated[int, Field(ge=1, le=4096)] = 1
    """Images in one run."""

    def export(self, design: Design, out: Path) -> tuple[Path, ...]:
        """Write the model."""
        model = quantised(design, self)
        is_exact = self.power_of_two if self.exact is None else self.exact
        dialect, origins = _Qdq(self.opset, self.narrow_activations, is_exact), self.origins(model.network)
        return save(onnx_model(design, model, dialect, {"": self.opset}, self.batch, origins), out)


class Storage(NamedTuple):
    """How integers of some width are held."""

    kind: str
    """Name of the ONNX type."""
    is_exact: bool
    """Whether the type holds no other integers."""


def storage(bits: int, is_signed: bool, opset: int, *, narrow: bool = True) -> Storage:
    """Return the type that holds integers of `bits` bits; 8 bits hold fewer unless `narrow` types are wanted.

    Raises:
        ExportError: when there is none: 9 to 15 bits.
    """
    sign = "INT" if is_signed else "UINT"
    if TYPE_SINCE.get(bits, opset + 1) <= opset and (narrow or bits >= 8):
        return Storage(f"{sign}{bits}", is_exact=True)
    if bits < 8:
        return Storage(f"{sign}8", is_exact=False)
    raise ExportError(f"ONNX has no integers of {bits} bits, and Clip works on integers of 8 bits only")


OFFSET = 128
"""What signed integers are shifted by where they are held in unsigned bytes. Kernels of onnxruntime for bytes of two kinds saturate
sums of two products at 16 bits on processors without VNNI; those for unsigned bytes alone are exact everywhere."""


class _Held(NamedTuple):
    """How the integers of a tensor are held."""

    integers: str
    """As they are made, before they are clipped."""
    scale: str
    zero: str
    kind: str
    zero_at: int


@dataclass(frozen=True)
class _Qdq:
    opset: int
    narrow_activations: bool
    is_exact: bool

    def weights(self, graph: Graph, name: str, weights: Weights, input_scale: float) -> tuple[str, str]:
        real, bias, bits = f"{name}/weights", f"{name}/bias", weights.bits
        held = storage(bits, is_signed=True, opset=self.opset)
        scale = graph.constant(f"{real}/scale", weights.scales.astype(np.float32))
        if bits == 8:
            integers = graph.integers(f"{real}/{bits}bit", "UINT8", weights.values + OFFSET)
            given = [integers, scale, graph.integers(f"{real}/zero", "UINT8", np.full(weights.scales.shape, OFFSET))]
        else:
            integers = graph.integers(f"{real}/{bits}bit", held.kind, weights.values)
            if not held.is_exact:  # tells compilers how many bits are needed
                integers = _clip(graph, integers, *weight_range(bits), np.int8)
            given = [integers, scale]
        graph.node("DequantizeLinear", given, real, f"{real}/dequantize_{bits}bit", f"{bits} bits", {"axis": 0})
        sums = graph.integers(f"{bias}/32bit", "INT32", weights.bias)
        unit = graph.constant(f"{bias}/scale", (weights.scales * input_scale).astype(np.float32))
        graph.node("DequantizeLinear", [sums, unit], bias, f"{bias}/dequantize_32bit", "32 bits", {"axis": 0})
        return real, bias

    def activation(self, graph: Graph, source: str, name: str, grid: Grid, shape: Shape) -> None:
        held = self._held(graph, name, grid, shape)
        made = f"{name}/quantize_{grid.bits}bit"
        graph.node("QuantizeLinear", [source, held.scale, held.zero], held.integers, made, f"{grid.bits} bits")
        self._read(graph, name, grid, shape, held)

    def exact(self, graph: Graph, model: QuantisedNetwork, op: Op, doc: str) -> bool:
        found = exact_form(graph, model, op, self.opset) if self.is_exact else None
        if found is None:
            return False
        (source,), name, shape = op.inputs, op.output.name, shape_of(op.output)
        held, read = self._held(graph, name, model.grids[name], shape), rounded(source)
        integers = self._integers(read, model.grids[source.name])
        made = held.integers
        if found.is_last:
            integers = graph.node("Transpose", [integers], f"{op.name}/last", f"{op.name}/last", "", {"perm": [0, 2, 3, 1]})
            made = f"{op.name}/normal"
        reads = [integers, f"{read}/scale", f"{read}/zero", held.scale, held.zero, *found.reads]
        graph.node(found.name, reads, made, op.name, doc, found.terms, DOMAIN)
        if found.is_last:
            graph.node("Transpose", [made], held.integers, f"{op.name}/first", "", {"perm": [0, 3, 1, 2]})
        self._read(graph, name, model.grids[name], shape, held)
        return True

    def _storage(self, grid: Grid) -> Storage:
        return storage(grid.bits, grid.is_signed, self.opset, narrow=self.narrow_activations)

    def _integers(self, name: str, grid: Grid) -> str:
        """Name of the integers of a tensor."""
        return f"{name}/{grid.bits}bit" + "/clipped" * (not self._storage(grid).is_exact)

    def _held(self, graph: Graph, name: str, grid: Grid, shape: Shape) -> _Held:
        """State how integers of a tensor are held."""
        held = self._storage(grid)
        kind, zero_at = ("UINT8", OFFSET) if held.kind == "INT8" else (held.kind, 0)
        scale = graph.constant(f"{name}/scale", np.array(grid.scale, np.float32))
        zero = graph.integers(f"{name}/zero", kind, np.array(zero_at))
        return _Held(graph.value(f"{name}/{grid.bits}bit", shape, kind), scale, zero, kind, zero_at)

    def _read(self, graph: Graph, name: str, grid: Grid, shape: Shape, held: _Held) -> None:
        """Append what integers stand for."""
        integers = held.integers
        if not self._storage(grid).is_exact:
            ends = (grid.low + held.zero_at, grid.high + held.zero_at)
            integers = graph.value(_clip(graph, integers, *ends, np.uint8), shape, held.kind)
        made = f"{name}/dequantize_{grid.bits}bit"
        graph.node("DequantizeLinear", [integers, held.scale, held.zero], name, made, f"{grid.bits} bits")
        graph.value(name, shape)


def _clip(graph: Graph, source: str, low: int, high: int, container: type[np.integer[Any]]) -> str:
    output = f"{source}/clipped"
    ends = [graph.constant(f"{source}/{name}", np.array(end, container)) for name, end in (("low", low), ("high", high))]
    return graph.node("Clip", [source, *ends], output, output)
