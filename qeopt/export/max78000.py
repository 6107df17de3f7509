"""The network description that ai8x-synthesis reads for the accelerator of the MAX78000.

Its limits are those of that project's README ("Limitations of MAX78000 Networks"). Residual additions need operands that lie
interleaved in memory, which is not written here.
"""

from __future__ import annotations

import io
from collections.abc import Collection, Iterator, Mapping
from pathlib import Path
from typing import Any, ClassVar, Literal

from ruamel.yaml import YAML
from ruamel.yaml.scalarint import HexCapsInt

from qeopt.design import Design
from qeopt.escape import line
from qeopt.export.arithmetic.geometry import Window, window
from qeopt.export.errors import ExportError
from qeopt.export.functions import LINEAR, RELU, functions
from qeopt.files import write_atomically
from qeopt.memory.arena import ArenaPlan, best_plan
from qeopt.memory.buffers import Buffer
from qeopt.network import Network, Op, OpKind, Tensor, weight_count
from qeopt.network.lowering import RANKING, unranked
from qeopt.spec.model import Block

MAX_TOLD = 40
MAX_LAYERS = 32
MAX_CHANNELS = 1024
MAX_POOL = 16
PROCESSORS = 64
WORD = 4
INSTANCE_BYTES = 32 * 1024
WEIGHT_BYTES = 432 * 1024
PADS: Mapping[int, int] = {1: 0, 3: 1}
"""Padding by side of the windows that exist."""


class Max78000(Block):
    """Chains of convolutions, pools and dense layers with 8-bit data and weights of 1, 2, 4 or 8 bits."""

    SUFFIX: ClassVar[str] = ".ai8x.yaml"

    kind: Literal["max78000"] = "max78000"
    """Says that this is for the accelerator of the MAX78000."""
    dataset: str = "unknown"
    """Name of the data set, which the file has to give."""

    def leaves_out(self, design: Design) -> Collection[str]:
        """Functions that the accelerator does not have: see `Numbers`."""
        return RANKING

    def export(self, design: Design, out: Path) -> tuple[Path, ...]:
        """Write the description.

        Raises:
            ExportError: naming everything that the accelerator does not have.
        """
        (network, _), bits = unranked(design.network(), self.leaves_out(design)), design.bit_widths()
        ends, plan = functions(design, network), _plan(network)
        windows = {op.name: window(op) for op in network.ops}
        problems = list(_problems(design, network, plan))
        problems += [problem for op in network.ops for problem in _layer_problems(op, windows[op.name], ends[op.name])]
        if problems:
            raise ExportError(f"the MAX78000 cannot run this design: {'; '.join(problems[:MAX_TOLD])}")
        described = [_describe(op, windows[op.name], ends[op.name], bits.of(op)[1], plan) for op in network.ops]
        text = io.StringIO()
        YAML().dump({"arch": line(design.study_name), "dataset": line(self.dataset), "layers": described}, text)
        write_atomically(out, text.getvalue())
        return (out,)


def _problems(design: Design, network: Network, plan: ArenaPlan) -> Iterator[str]:
    """What the network as a whole asks for and the accelerator does not have."""
    yield from (f"{name!r} has {bits} bits, data has 8" for name, bits in design.activations.items() if bits != 8)
    yield from (f"{name!r} has weights of {bits} bits" for name, bits in design.weights.items() if bits not in {1, 2, 4, 8})
    if len(network.ops) > MAX_LAYERS:
        yield f"{len(network.ops)} layers, {MAX_LAYERS} at most"
    if any(op.inputs != (before,) for op, before in zip(network.ops, network.tensors, strict=False)):
        yield "it is no chain"
    weight_bytes = sum(int(weight_count(op)) * design.weights[op.name] for op in network.weighted_ops) // 8
    if weight_bytes > WEIGHT_BYTES:
        yield f"{weight_bytes} B of weights, {WEIGHT_BYTES} at most"
    if plan.size_bytes > INSTANCE_BYTES:
        yield f"a layer needs {plan.size_bytes} B of each memory instance for what it reads and writes, {INSTANCE_BYTES} at most"
    yield from (f"{tensor.name!r} has {tensor.channels} channels" for tensor in network.tensors if tensor.channels > MAX_CHANNELS)


def _layer_problems(op: Op, found: Window, function: str) -> Iterator[str]:
    """What one layer asks for and the accelerator does not have."""
    if op.kind not in {OpKind.CONV, OpKind.DENSE, OpKind.POOL, OpKind.MAX_POOL}:
        yield f"{op.name!r} is of the kind {op.kind}"
    if function not in {LINEAR, RELU}:
        yield f"{op.name!r} ends in {function}"
    square = found.height == found.width and len(set(found.strides)) == 1 and found.dilation == (1, 1)
    if op.kind is OpKind.CONV and not (square and found.strides == (1, 1) and found.pads == (PADS.get(found.height, -1),) * 4):
        yield f"{op.name!r} is no 1x1 or 3x3 convolution of stride 1"
    if op.kind is OpKind.CONV and op.groups > 1:
        yield f"{op.name!r} has groups"
    if op.kind in {OpKind.POOL, OpKind.MAX_POOL} and (max(found.height, found.width) > MAX_POOL or any(found.pads)):
        yield f"{op.name!r} has a window of more than {MAX_POOL}, or padding"
    if op.kind is OpKind.DENSE and (op.inputs[0].elements > MAX_CHANNELS or op.output.channels > MAX_CHANNELS):
        yield f"{op.name!r} has more than {MAX_CHANNELS} inputs or outputs"


def _plan(network: Network) -> ArenaPlan:
    """Offsets in a memory instance, the same in all of them.

    Four channels share an instance and one word a position; what has more than 64 channels takes turns behind each other.
    """
    born = {op.output.name: index for index, op in enumerate(network.ops)}
    dies = {op.inputs[0].name: index for index, op in enumerate(network.ops)}

    def buffer(slot: int, tensor: Tensor) -> Buffer:
        size = WORD * int(tensor.height * tensor.width) * _turns(tensor)
        return Buffer(tensor.name, size, born.get(tensor.name, 0), dies.get(tensor.name, len(network.ops) - 1), slot)

    return best_plan([buffer(slot, tensor) for slot, tensor in enumerate(network.tensors)], WORD).plan


def _describe(op: Op, found: Window, function: str, weight_bits: int, plan: ArenaPlan) -> dict[str, Any]:
    """One entry of `layers`."""
    source = op.inputs[0]
    layer: dict[str, Any] = {
        "name": op.name,
        "processors": HexCapsInt(_processors(source), width=16),
        "in_offset": HexCapsInt(plan.offsets[source.name], width=4),
        "out_offset": HexCapsInt(plan.offsets[op.output.name], width=4),
    }
    match op.kind:
        case OpKind.CONV:
            layer |= {
                "op": "conv2d",
                "kernel_size": f"{found.height}x{found.width}",
                "pad": found.pads[0],
                "quantization": weight_bits,
            }
        case OpKind.DENSE:
            layer |= {"op": "linear", "quantization": weight_bits}
            if source.elements > source.channels:
                layer["flatten"] = True
        case _:
            pool = "avg_pool" if op.kind is OpKind.POOL else "max_pool"
            layer |= {"op": "passthrough", pool: [found.height, found.width], "pool_stride": found.strides[0]}
    if source.is_image:
        layer["data_format"] = "HWC"
    if function == RELU:
        layer["activate"] = "ReLU"
    return layer


def _turns(tensor: Tensor) -> int:
    return -(-int(tensor.channels) // PROCESSORS)


def _processors(tensor: Tensor) -> int:
    """A bit for every processor that reads the tensor; with several turns their number is a multiple of 4."""
    turns = _turns(tensor)
    each = -(-int(tensor.channels) // turns)
    return (1 << (each if turns == 1 else -(-each // 4) * 4)) - 1
