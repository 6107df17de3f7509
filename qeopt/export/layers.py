"""The layer table: one row an operator, in execution order, with what it costs."""

from __future__ import annotations

from dataclasses import dataclass

from qeopt.design import Design
from qeopt.export.arithmetic.geometry import Window, window
from qeopt.hardware.costs import bitops, held, mac_count, parameter_flash, tensor_elements, weights_flash
from qeopt.network import Network, Op, weight_count


@dataclass(frozen=True, slots=True)
class Layer:
    """An operator with its bits and costs."""

    op: Op
    window: Window
    in_bits: int
    weight_bits: int
    """0 without weights."""
    out_bits: int
    macs: int
    bitops: int
    weights: int
    weight_bytes: float
    parameter_bytes: float
    output_bytes: float


def layers(design: Design, network: Network) -> tuple[Layer, ...]:
    """List the operators of a design, with everything as its own runtime counts it."""
    runtime, bits = design.load_study().runtime, design.bit_widths()
    unit = runtime.unit_per_byte

    def layer(op: Op) -> Layer:
        in_bits, weight_bits, out_bits = bits.of(op)
        return Layer(
            op=op,
            window=window(op),
            in_bits=in_bits,
            weight_bits=weight_bits,
            out_bits=out_bits,
            macs=int(mac_count(runtime, op)),
            bitops=int(bitops(runtime, op, in_bits, weight_bits)),
            weights=int(weight_count(op)),
            weight_bytes=int(weights_flash(runtime, op, weight_bits)) / unit,
            parameter_bytes=int(parameter_flash(runtime, op)) / unit,
            output_bytes=int(held(runtime, tensor_elements(runtime, op.output), out_bits)) / unit,
        )

    return tuple(layer(op) for op in network.ops)


def spelled(amount: float) -> str:
    """Write a count; bytes may have fractions where a runtime keeps them."""
    return f"{amount:.0f}" if float(amount).is_integer() else f"{amount:.3f}"
