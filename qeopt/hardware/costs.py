"""What one operator or tensor costs under a runtime. The only place where these are computed.

Every function takes integers or integer arrays (see `qeopt.network.graph`). Memory is in the runtime's unit: bytes, or bits where
it keeps fractions.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from itertools import product
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from qeopt.hardware.device import Device
from qeopt.hardware.formula import Formula
from qeopt.hardware.runtime import Kernel, Runtime, Scratch, Tuples
from qeopt.network import WEIGHTED_KINDS, Dim, Op, OpKind, Tensor, fan_in, macs, weight_count
from qeopt.network.graph import times

Mask: TypeAlias = bool | NDArray[np.bool_]
"""Yes or no: one answer, or one per network of a batch."""

_BITOPS = Formula.parse("macs * in_bits * w_bits")


def held(runtime: Runtime, elements: Dim, bits: int) -> Dim:
    """Memory of a buffer of `elements` values of `bits` bits, in the runtime's unit."""
    size = elements * _occupied(runtime, bits)
    return size if runtime.memory.unit == "bits" else _aligned(runtime, _whole_bytes(size))


def tensor_elements(runtime: Runtime, tensor: Tensor) -> Dim:
    """Values that `tensor` occupies, padding of channels included."""
    multiple = runtime.memory.pad_channels
    return times(tensor.height, tensor.width, -(-image_channels(runtime, tensor) // multiple) * multiple)


def image_channels(runtime: Runtime, tensor: Tensor) -> Dim:
    """Channels of `tensor` as operators see them: those of the image padded, all others as they are."""
    multiple = runtime.memory.pad_image_channels
    return -(-tensor.channels // multiple) * multiple if tensor.is_image and multiple > 1 else tensor.channels


def executed(runtime: Runtime, op: Op) -> Op:
    """`op` as the library runs it: reading the padded image, if it reads the image."""
    if runtime.memory.pad_image_channels == 1 or not any(source.is_image for source in op.inputs):
        return op
    return replace(op, inputs=tuple(replace(source, channels=image_channels(runtime, source)) for source in op.inputs))


def mac_count(runtime: Runtime, op: Op) -> Dim:
    """Multiply-accumulates of `op`, those with padded channels of the image included."""
    return macs(executed(runtime, op))


def scratch(runtime: Runtime, op: Op, in_bits: int, w_bits: int, out_bits: int) -> Dim:
    """Working memory of `op` in all pools, in the runtime's unit."""
    total: Dim = 0
    for pool in runtime.pools:
        total = total + pool_scratch(runtime, pool, op, in_bits, w_bits, out_bits)
    return total


def pool_scratch(runtime: Runtime, pool: Scratch, op: Op, in_bits: Dim, w_bits: Dim, out_bits: Dim) -> Dim:
    """Working memory of `op` in one pool, in the runtime's unit."""
    formula = pool.bytes.get(op.kind)
    if formula is None:
        return 0
    size = formula.of(executed(runtime, op), in_bits=in_bits, w_bits=w_bits, out_bits=out_bits)
    return size * 8 if runtime.memory.unit == "bits" else _aligned(runtime, size)


def persistent(runtime: Runtime, op: Op) -> Dim:
    """Memory that `op` holds from the start to the end of an inference, in the runtime's unit."""
    formula = runtime.memory.persistent.get(op.kind)
    if formula is None:
        return 0
    size = formula.of(executed(runtime, op))
    return size * 8 if runtime.memory.unit == "bits" else _aligned(runtime, size)


def flash_of(runtime: Runtime, op: Op, w_bits: int) -> Dim:
    """Flash of `op`, weights and what is beside them, in the runtime's unit."""
    return weights_flash(runtime, op, w_bits) + parameter_flash(runtime, op)


def weights_flash(runtime: Runtime, op: Op, bits: int) -> Dim:
    """Flash of the weights of `op` at `bits` bits, in the runtime's unit: dense and rounded up, unless it says otherwise.

    Weights that another operator holds are counted there.
    """
    if not is_counted(runtime, op) or op.weights_of:
        return 0
    formula = runtime.weight_bytes.get(op.kind) if op.has_weights else None
    if formula is not None:
        return formula.of(executed(runtime, op), w_bits=bits) * runtime.unit_per_byte
    size = weight_count(executed(runtime, op)) * _occupied(runtime, bits)
    return size if runtime.memory.unit == "bits" else _whole_bytes(size)


def parameter_flash(runtime: Runtime, op: Op) -> Dim:
    """Flash of `op` beside its weights (bias, scales, constants), in the runtime's unit; a constant is a byte unless told."""
    formula = runtime.parameters.get(op.kind)
    if not is_counted(runtime, op):
        return 0
    size = op.constants if formula is None else formula.of(executed(runtime, op))
    return size * runtime.unit_per_byte


def code_flash(runtime: Runtime, op: Op, bits: tuple[int, int, int]) -> int:
    """Flash of the kernel that runs `op` at (in, weight, out) `bits`, in the runtime's unit; all its layers share it."""
    formula = runtime.code.get(op.kind)
    if formula is None:
        return 0
    return int(formula.of(op, in_bits=bits[0], w_bits=bits[1], out_bits=bits[2])) * runtime.unit_per_byte


def cycles(runtime: Runtime, op: Op, in_bits: Dim, w_bits: Dim, out_bits: Dim) -> Dim:
    """Estimated clock cycles of `op`; 0 without an estimate."""
    formula = None if runtime.timing is None else runtime.timing.cycles.get(op.kind)
    return 0 if formula is None else formula.of(executed(runtime, op), in_bits=in_bits, w_bits=w_bits, out_bits=out_bits)


def picojoules(runtime: Runtime, op: Op, in_bits: Dim, w_bits: Dim, out_bits: Dim) -> Dim:
    """Estimated energy of `op`; 0 without an estimate."""
    formula = None if runtime.powering is None else runtime.powering.picojoules.get(op.kind)
    return 0 if formula is None else formula.of(executed(runtime, op), in_bits=in_bits, w_bits=w_bits, out_bits=out_bits)


def bitops(runtime: Runtime, op: Op, in_bits: Dim, w_bits: Dim) -> Dim:
    """Bit operations of `op`: MACs times both widths, unless the runtime counts otherwise."""
    formula = bitops_formula(runtime, op.kind)
    if formula is None or not is_counted(runtime, op):
        return 0
    return formula.of(executed(runtime, op), in_bits=in_bits, w_bits=w_bits)


def bitops_formula(runtime: Runtime, kind: OpKind) -> Formula | None:
    """How bit operations of a kind of operator are counted; None where they are not."""
    return runtime.bitops.get(kind, _BITOPS if kind in WEIGHTED_KINDS else None)


def is_counted(runtime: Runtime, op: Op) -> bool:
    """Whether `op` counts toward flash and bit operations; only a classifier may be left out."""
    return op.is_scored or op.kind is not OpKind.DENSE or runtime.classifier_counted


def legal_tuples(runtime: Runtime, op: Op, weights: Iterable[int], activations: Iterable[int]) -> Tuples:
    """List the (in, weight, out) bits the library can execute for `op`, drawn from the given candidates.

    Weight bits are 0 for operators without weights. Channel multiples are left to `channels_fit`.
    """
    activation_bits = tuple(activations)
    weight_bits = tuple(weights) if op.has_weights else (0,)
    candidates = product(activation_bits, weight_bits, activation_bits)
    if runtime.kernels == "any":
        return tuple(sorted(candidates))
    if op.output.lies_in is not None and op.kind is OpKind.RESHAPE:  # no kernel runs
        return tuple(sorted(entry for entry in candidates if entry[0] == entry[2]))
    kernel = runtime.kernels.get(op.kind)
    legal = set(kernel.legal(op.has_weights)) if kernel else set()
    return tuple(sorted(legal.intersection(candidates)))


def channels_fit(runtime: Runtime, op: Op, tensor: Tensor, bits: int) -> Mask:
    """Whether `op` can read or write `tensor` at `bits` by its kernel's channel multiples: one answer per network of a batch."""
    return _mask(image_channels(runtime, tensor) % channel_multiple(runtime, op, bits) == 0)


def channel_multiple(runtime: Runtime, op: Op, bits: int) -> int:
    """The number that channels read or written at `bits` must be a multiple of for the kernel of `op`."""
    kernel = _kernel(runtime, op)
    return 1 if kernel is None else kernel.channel_multiple.get(bits, 1)


def weight_limits(runtime: Runtime, op: Op, bits: int) -> tuple[tuple[str, Mask], ...]:
    """What the kernel of `op` asks of its shape with weights of `bits`, in words, and whether that holds."""
    kernel = _kernel(runtime, op)
    if kernel is None or not op.has_weights:
        return ()
    found: list[tuple[str, Mask]] = []
    multiple, columns = kernel.weight_channel_multiple.get(bits, 1), kernel.columns.get(bits, 1)
    if multiple > 1:
        sides = (image_channels(runtime, op.inputs[0]), op.output.channels)
        found += [(f"a multiple of {multiple} channels", _mask(channels % multiple == 0)) for channels in sides]
    if columns > 1:
        summed = fan_in(executed(runtime, op))
        found.append((f"a multiple of {columns} values in every sum (k_h * k_w * c_in)", _mask(summed % columns == 0)))
    if kernel.grouped is not None and bits not in kernel.grouped:
        found.append(("no groups", op.groups == 1))
    if kernel.dilated is not None and bits not in kernel.dilated:
        found.append(("no dilation", op.dilation == (1, 1)))
    coupled = ((words, formula) for words, formula in kernel.asks.items() if "w_bits" in formula.names)
    found += [(words, _mask(formula.of(executed(runtime, op), w_bits=bits) == 0)) for words, formula in coupled]
    return tuple(found)


def weights_fit(runtime: Runtime, op: Op, bits: int) -> Mask:
    """Whether the kernel of `op` can run its shape with weights of `bits`: one answer per network of a batch."""
    fits: Mask = True
    for _, holds in weight_limits(runtime, op, bits):
        fits = _mask(fits & holds)
    return fits


def shape_limits(runtime: Runtime, op: Op) -> tuple[tuple[str, Mask], ...]:
    """What the kernel of `op` asks of its shape, in words, and whether that holds; one answer per network of a batch."""
    kernel = _kernel(runtime, op)
    if kernel is None:
        return ()
    found: list[tuple[str, Mask]] = []
    if kernel.square:
        found += [(f"the same {noun} in both directions", fits) for noun, fits in _squares(op)]
    if kernel.windows:
        found += [(f"windows of {_listed(kernel.windows)}", _among(side, kernel.windows)) for side in op.window]
    if kernel.strides:
        found += [(f"strides of {_listed(kernel.strides)}", _among(stride, kernel.strides)) for stride in op.strides]
    if kernel.functions:
        known = [function for function in kernel.functions if function]
        found.append((f"functions among {', '.join(known)}", op.function in kernel.functions))
    if kernel.max_channels is not None:
        sides = (*(image_channels(runtime, source) for source in op.inputs), op.output.channels)
        found += [(f"{kernel.max_channels} channels at most", _mask(channels <= kernel.max_channels)) for channels in sides]
    shapes = ((words, formula) for words, formula in kernel.asks.items() if "w_bits" not in formula.names)
    found += [(words, _mask(formula.of(executed(runtime, op)) == 0)) for words, formula in shapes]
    return tuple(found)


def missing_isa(device: Device, runtime: Runtime) -> tuple[str, ...]:
    """Extensions that `runtime` needs and `device` says it does not have; none where it does not say."""
    return () if device.isa is None else tuple(name for name in runtime.needs_isa if name not in device.isa)


def _kernel(runtime: Runtime, op: Op) -> Kernel | None:
    return None if runtime.kernels == "any" else runtime.kernels.get(op.kind)


def _squares(op: Op) -> tuple[tuple[str, Mask], ...]:
    """What of `op` is the same in both directions."""
    tensors = (*op.inputs, op.output)
    top, left, bottom, right = op.pads or (0, 0, 0, 0)
    return (
        *(("size of images", _mask(tensor.height == tensor.width)) for tensor in tensors),
        ("window", _mask(op.window[0] == op.window[1])),
        ("stride", op.strides[0] == op.strides[1]),
        ("padding", (top, bottom) == (left, right)),
    )


def _among(value: Dim, allowed: tuple[int, ...]) -> Mask:
    return value in allowed if isinstance(value, int) else np.isin(value, allowed)


def _mask(fits: bool | NDArray[np.bool_]) -> Mask:
    return fits if isinstance(fits, bool) else np.asarray(fits, dtype=np.bool_)


def _listed(values: Iterable[int]) -> str:
    return ", ".join(map(str, values))


def _occupied(runtime: Runtime, bits: int) -> int:
    """Bits that a value of `bits` bits occupies."""
    return runtime.memory.packing.get(bits, bits)


def _aligned(runtime: Runtime, size_bytes: Dim) -> Dim:
    align = runtime.memory.align
    return -(-size_bytes // align) * align


def _whole_bytes(bits: Dim) -> Dim:
    return -(-bits // 8)
