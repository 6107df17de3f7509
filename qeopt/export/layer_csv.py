"""A table of layers for spreadsheets and scripts."""

from __future__ import annotations

from pathlib import Path
from typing import ClassVar, Literal

from qeopt.design import Design
from qeopt.escape import csv_text
from qeopt.export.functions import functions
from qeopt.export.layers import Layer, layers, spelled
from qeopt.files import write_atomically
from qeopt.hardware.crossings import crossings
from qeopt.spec.model import Block

COLUMNS = (
    "index", "name", "kind", "unit", "inputs", "output", "in_height", "in_width", "in_channels", "out_height", "out_width",
    "out_channels", "kernel_height", "kernel_width", "stride_height", "stride_width", "dilation_height", "dilation_width", "groups",
    "function", "sign_changes", "in_bits", "weight_bits", "out_bits", "macs", "bitops",
    "weights", "weight_bytes", "parameter_bytes", "output_bytes",
)  # fmt: skip


class LayerCsv(Block):
    """One line an operator, in execution order."""

    SUFFIX: ClassVar[str] = ".csv"

    kind: Literal["csv"] = "csv"
    """Says that this is a CSV table."""

    def export(self, design: Design, out: Path) -> tuple[Path, ...]:
        """Write the table."""
        network = design.network()
        ends = functions(design, network)
        changes: dict[str, list[str]] = {}
        for change in crossings(design.load_study().runtime, network):
            changes.setdefault(change.op.name, []).append(change.tensor.name)
        rows = (
            _row(index, layer, ends[layer.op.name], " ".join(changes.get(layer.op.name, ())))
            for index, layer in enumerate(layers(design, network))
        )
        write_atomically(out, csv_text(COLUMNS, rows))
        return (out,)


def _row(index: int, layer: Layer, function: str, changes: str) -> tuple[object, ...]:
    op, found = layer.op, layer.window
    source, output = op.inputs[0], op.output
    read = " ".join(tensor.name for tensor in op.inputs)
    return (
        index, op.name, op.kind.value, op.unit, read, output.name, source.height, source.width, source.channels, output.height,
        output.width, output.channels, found.height, found.width, *found.strides, *found.dilation, op.groups, function,
        changes, layer.in_bits, layer.weight_bits or "", layer.out_bits, layer.macs, layer.bitops, layer.weights,
        spelled(layer.weight_bytes), spelled(layer.parameter_bytes), spelled(layer.output_bytes),
    )  # fmt: skip
