"""A network in real numbers, as a function of its weights that PyTorch can differentiate twice."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from qeopt.export.arithmetic.functions import clips_to
from qeopt.export.arithmetic.geometry import image_of, window
from qeopt.export.errors import ExportError
from qeopt.network import Network, Op, OpKind
from qeopt.training.errors import torch


def outputs(network: Network, ends: Mapping[str, str], learnt: Mapping[str, Any], images: Any) -> dict[str, Any]:
    """Every tensor of the network for some images.

    Args:
        network: Operators in order.
        ends: The function at the end of each.
        learnt: By operator its weights, (out, in / groups, height, width) or (out, in); by `OP.bias` its bias, (out,).
        images: (images, channels, height, width).

    Raises:
        ExportError: when an operator or a function is not known here.
    """
    held = {image_of(network).name: images}
    for op in network.ops:
        found = _compute(op, learnt, [held[tensor.name] for tensor in op.inputs])
        bounds = clips_to(ends[op.name], op.terms)
        if bounds is None:
            raise ExportError(f"{op.name!r} ends in {ends[op.name]!r}, which cannot be differentiated here")
        low, high = bounds
        if (low, high) != (-np.inf, np.inf):
            found = found.clamp(min=None if low == -np.inf else low, max=None if high == np.inf else high)
        held[op.output.name] = found
    return held


def _compute(op: Op, learnt: Mapping[str, Any], inputs: list[Any]) -> Any:
    functional, bias = torch().nn.functional, learnt.get(f"{op.name}.bias")
    match op.kind:
        case OpKind.CONV | OpKind.DEPTHWISE:
            _, _, strides, _, dilation = window(op)
            groups = int(op.inputs[0].channels) if op.kind is OpKind.DEPTHWISE else op.groups
            found = functional.conv2d(_padded(op, inputs[0]), learnt[op.name], bias, strides, 0, dilation, groups)
        case OpKind.DENSE:
            found = functional.linear(inputs[0].flatten(1), learnt[op.name], bias)[:, :, None, None]
        case OpKind.POOL | OpKind.MAX_POOL:
            found = _pooled(op, inputs[0])
        case OpKind.ADD:
            found = inputs[0] + inputs[1]
        case OpKind.MUL:
            found = inputs[0] * inputs[1]
        case OpKind.CONCAT:
            found = torch().cat(inputs, dim=1)
        case OpKind.ACTIVATION:
            found = inputs[0]
        case _:
            raise ExportError(f"{op.name!r} is of the kind {op.kind}, which cannot be differentiated here")
    return found


def _pooled(op: Op, values: Any) -> Any:
    """Averages over the values that a window has, or the greatest of them."""
    functional, (height, width, strides, *_) = torch().nn.functional, window(op)
    if op.kind is OpKind.MAX_POOL:
        return functional.max_pool2d(_padded(op, values, -np.inf), (height, width), strides)
    ones = _padded(op, torch().ones_like(values[:1, :1]))
    sums, shares = (functional.avg_pool2d(part, (height, width), strides) for part in (_padded(op, values), ones))
    return sums / shares


def _padded(op: Op, values: Any, by: float = 0.0) -> Any:
    top, left, bottom, right = window(op).pads
    return torch().nn.functional.pad(values, (left, right, top, bottom), value=by)
