"""Which operators end in a non-linear function. The score does not see it, so a space leaves it to the convention of its blocks."""

from __future__ import annotations

from collections.abc import Mapping

from qeopt.design import Design
from qeopt.network import Network, Op, OpKind
from qeopt.network.functions import is_never_negative
from qeopt.space import Space

RELU = "relu"
LINEAR = ""
KEEPING_SIGN = frozenset(
    {
        OpKind.POOL,
        OpKind.MAX_POOL,
        OpKind.CONCAT,
        OpKind.MUL,
        OpKind.MAXIMUM,
        OpKind.MINIMUM,
        OpKind.SLICE,
        OpKind.SPLIT,
        OpKind.TRANSPOSE,
        OpKind.RESHAPE,
    }
)
"""Kinds that make no negative value of values that are not."""


def functions(design: Design, network: Network) -> Mapping[str, str]:
    """Name the function at the end of each operator; the empty text means none.

    A network that states functions is taken at its word. Otherwise ReLU follows every convolution and addition, as in the paper's
    networks, except the outputs, what goes into an addition, and what leaves an inverted residual (`mbconv`), which is linear.
    """
    if network.states_functions:
        return {op.name: op.function for op in network.ops}
    linear = _linear(design, network)
    rectified = {OpKind.CONV, OpKind.DEPTHWISE, OpKind.DENSE, OpKind.ADD}
    return {op.name: RELU if op.kind in rectified and op.name not in linear else LINEAR for op in network.ops}


def unsigned_tensors(network: Network, ends: Mapping[str, str]) -> frozenset[str]:
    """Names of the tensors that hold no negative value, so that none of their bits is a sign; the image mostly is one."""
    below = {name for name, values in fillers(network).items() if min(values) < 0}
    found = {tensor.name for tensor in network.tensors if tensor.is_image and tensor.pixel_range[0] >= 0} - below
    for op in network.ops:
        keeps = op.kind in KEEPING_SIGN or (op.kind in {OpKind.PAD, OpKind.RESIZE} and _makes_none(op))
        if op.kind not in {OpKind.PAD, OpKind.RESIZE} and is_never_negative(ends[op.name], op.terms):
            found.add(op.output.name)
        elif keeps and all(tensor.name in found for tensor in op.inputs) and not _may_change(ends[op.name], op):
            found.update(tensor.name for tensor in op.outputs)
        found -= below
    return frozenset(found)


def fillers(network: Network) -> Mapping[str, tuple[float, ...]]:
    """By tensor: the values that it is padded with."""
    found: dict[str, tuple[float, ...]] = {}
    for op in network.ops:
        if op.kind is OpKind.PAD and op.function == "constant":
            found[op.inputs[0].name] = (*found.get(op.inputs[0].name, ()), float(op.terms[0] or 0.0))
    return found


def _makes_none(op: Op) -> bool:
    """Whether values that are padded or made between others are not negative where none of those is."""
    return not op.function.startswith("cubic") and not (op.function == "constant" and float(op.terms[0] or 0.0) < 0)


def _may_change(function: str, op: Op) -> bool:
    """Whether a function may make negative values of others."""
    return op.kind not in {OpKind.PAD, OpKind.RESIZE} and function not in {LINEAR, RELU, "relu6"}


def _linear(design: Design, network: Network) -> frozenset[str]:
    additions = {op.output.name for op in network.ops if op.kind is OpKind.ADD}
    outputs = {tensor.name for tensor in network.outputs}
    subject = design.load_study().subject
    blocks = subject.blocks if isinstance(subject, Space) else ()
    residuals = tuple(block.name for block in blocks if getattr(block, "kind", "") == "mbconv")
    return frozenset(
        op.name
        for op in network.ops
        if op.output.name in outputs or op.output.tied_to in additions or (_of(op, residuals) and _leaves_unit(network, op))
    )


def _of(op: Op, blocks: tuple[str, ...]) -> bool:
    return any(op.unit == block or op.unit.startswith(f"{block}.") for block in blocks)


def _leaves_unit(network: Network, op: Op) -> bool:
    return not any(reader.unit == op.unit for reader in network.ops if op.output in reader.inputs)
