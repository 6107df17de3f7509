"""Weights in the order and the bytes in which the kernels read them."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from qeopt.export.arithmetic.quantised import Integers
from qeopt.network import OpKind

WIDTHS = (2, 4, 8)


def packed(values: Integers, bits: int) -> bytes:
    """Pack integers densely, the first one in the low bits; bits behind the last one are zero."""
    fields = (values.astype(np.int64).ravel() & ((1 << bits) - 1)).astype(np.uint8)
    each = 8 // bits
    padded = np.zeros(-(-len(fields) // each) * each, np.uint8)
    padded[: len(fields)] = fields
    shifts = np.arange(each, dtype=np.uint8) * np.uint8(bits)
    return bytes(np.bitwise_or.reduce(padded.reshape(-1, each) << shifts, axis=1).astype(np.uint8).tobytes())


def group_of(bits: int, weight_bits: int) -> int:
    """Values that the kernels read at once: as many as fill a word with the narrower of both."""
    return 32 // min(bits, weight_bits)


def run_order(count: int, bits: int, weight_bits: int) -> NDArray[np.int64]:
    """Return which weight of a run stands at which place.

    Values lie in order. Masking a word of them leaves one field of each byte: four values that are 8 / bits apart. Their weights
    have to be what masking leaves of a word of weights. What is left of a group lies in order.

    Args:
        count: Weights of a run, one for each value.
        bits: Bits of a value.
        weight_bits: Bits of a weight.
    """
    group, each, weights_each = group_of(bits, weight_bits), 8 // bits, 8 // weight_bits
    quads = np.arange(group) // 4
    lanes = np.arange(group) % 4
    value = quads // each * (4 * each) + lanes * each + quads % each
    place = quads // weights_each * (4 * weights_each) + lanes * weights_each + quads % weights_each
    order = np.empty(group, np.int64)
    order[place] = value
    whole = count // group
    return np.concatenate([(np.arange(whole)[:, None] * group + order).ravel(), np.arange(whole * group, count)])


def by_fours(runs: Integers, groups: int) -> Integers:
    """Return weights of convolutions without dots: those of four channels side by side, so that every four begin at a byte.

    What is left of the channels lies in order; so do all channels of groups that four do not divide.

    Args:
        runs: Shape (out, height * width * in / groups).
        groups: Of the convolution.

    Returns:
        All weights in order.
    """
    whole = len(runs) // 4 * 4 if groups == 1 or len(runs) // groups % 4 == 0 else 0
    return np.concatenate([runs[:whole].reshape(whole // 4, 4, runs.shape[1]).transpose(0, 2, 1).ravel(), runs[whole:].ravel()])


def laid_out(kind: OpKind, values: Integers, shape_in: tuple[int, int, int]) -> Integers:
    """Return weights as rows of runs, one run for each tap of an output channel.

    Args:
        kind: Of the operator.
        values: Shape (out, in / groups, height, width); dense layers (out, in), where in runs over channels, height and width.
        shape_in: Channels, height and width of the input.

    Returns:
        Shape (out * height * width, in / groups); dense layers (out, in) with in over height, width, channels; depthwise
        convolutions (height * width, out).
    """
    match kind:
        case OpKind.DENSE:
            return values.reshape(len(values), *shape_in).transpose(0, 2, 3, 1).reshape(len(values), -1)
        case OpKind.DEPTHWISE:
            return values[:, 0].transpose(1, 2, 0).reshape(-1, len(values))
        case _:
            return values.transpose(0, 2, 3, 1).reshape(-1, values.shape[1])
