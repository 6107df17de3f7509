"""What one operator or tensor costs under a runtime. The only place where bytes, bit operations and legality are computed.

Every function takes integers or integer arrays (see `qeopt.network.graph`). Memory is in the runtime's unit: bytes, or bits where
it keeps fractions.
"""

from __future__ import annotations

from collections.abc import Iterable
from itertools import product

import numpy as np
from numpy.typing import NDArray

from qeopt.hardware.formula import Formula
from qeopt.hardware.runtime import Kernel, Runtime, Tuples
from qeopt.network import Dim, Op, OpKind, Tensor, weight_count

_BITOPS = Formula.parse("macs * in_bits * w_bits")


def held(runtime: Runtime, elements: Dim, bits: int) -> Dim:
    """Memory of a buffer of `elements` values of `bits` bits, packed densely, in the runtime's unit."""
    if runtime.memory.unit == "bits":
        return elements * bits
    align = runtime.memory.align
    return -(-_whole_bytes(elements * bits) // align) * align


def tensor_elements(runtime: Runtime, tensor: Tensor) -> Dim:
    """Values that `tensor` occupies, channel padding of the image included."""
    if not tensor.is_image:
        return tensor.elements
    multiple = runtime.memory.pad_image_channels
    return tensor.height * tensor.width * (-(-tensor.channels // multiple) * multiple)


def scratch(runtime: Runtime, op: Op, in_bits: int, w_bits: int, out_bits: int) -> Dim:
    """Working memory of `op`, in the runtime's unit."""
    formula = runtime.scratch.bytes.get(op.kind)
    if formula is None:
        return 0
    return formula.of(op, in_bits=in_bits, w_bits=w_bits, out_bits=out_bits) * runtime.unit_per_byte


def weights_flash(runtime: Runtime, op: Op, bits: int) -> Dim:
    """Flash of the weights of `op` at `bits` bits, in the runtime's unit: dense, rounded up per tensor."""
    if not is_counted(runtime, op):
        return 0
    size = weight_count(op) * bits
    return size if runtime.memory.unit == "bits" else _whole_bytes(size)


def parameter_flash(runtime: Runtime, op: Op) -> Dim:
    """Flash of `op` beside its weights (bias, scales), in the runtime's unit."""
    formula = runtime.parameters.get(op.kind)
    if formula is None or not is_counted(runtime, op):
        return 0
    return formula.of(op) * runtime.unit_per_byte


def bitops(runtime: Runtime, op: Op, in_bits: int, w_bits: int) -> Dim:
    """Bit operations of `op`: MACs times both widths, unless the runtime counts otherwise."""
    formula = runtime.bitops.get(op.kind, _BITOPS if op.has_weights else None)
    if formula is None or not is_counted(runtime, op):
        return 0
    return formula.of(op, in_bits=in_bits, w_bits=w_bits)


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
    kernel = runtime.kernels.get(op.kind)
    legal = set(kernel.legal(op.has_weights)) if kernel else set()
    return tuple(sorted(legal.intersection(candidates)))


def channels_fit(runtime: Runtime, op: Op, tensor: Tensor, bits: int) -> bool | NDArray[np.bool_]:
    """Whether `op` can read or write `tensor` at `bits` by its kernel's channel multiples: one answer per network of a batch."""
    kernel: Kernel | None = None if runtime.kernels == "any" else runtime.kernels.get(op.kind)
    multiple = 1 if kernel is None else kernel.channel_multiple.get(bits, 1)
    channels = tensor.channels
    if tensor.is_image:
        channels = -(-channels // runtime.memory.pad_image_channels) * runtime.memory.pad_image_channels
    fits = channels % multiple == 0
    return fits if isinstance(fits, bool) else np.asarray(fits, dtype=np.bool_)


def _whole_bytes(bits: Dim) -> Dim:
    return -(-bits // 8)
