"""A network as a library runs it: what its kernels take in, what takes no time or memory there, and what is left out."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from dataclasses import replace
from itertools import count
from typing import Literal, get_args

from qeopt.network.graph import Network, Op, OpKind, Tensor
from qeopt.network.importers.windows import same_pads
from qeopt.network.order import settle

Fold = Literal["pad", "reshape", "ranking"]
"""`pad`: convolutions pad for themselves. `reshape`: what a reshape that moves nothing writes lies where what it reads lies.
`ranking`: softmax, sigmoid and the like, where there is no kernel, are left out at the very end, as they change no ranking."""
Step = Callable[[Network], tuple[Network, list[str]]]
ALL: tuple[Fold, ...] = get_args(Fold)
RANKING = frozenset({"softmax", "log_softmax", "sigmoid"})
"""Functions that keep the order of values."""
_CONVOLUTIONS = frozenset({OpKind.CONV, OpKind.DEPTHWISE})


def lower(
    network: Network, folds: Collection[str], *, spells_gates: bool = False, without: Collection[str] = RANKING
) -> tuple[Network, tuple[str, ...]]:
    """Fold what a library folds.

    Args:
        network: The network as it was written.
        folds: What the library does, of `ALL`.
        spells_gates: Whether x * sigmoid(x) is two operators.
        without: Functions of `RANKING` that it has no kernel for.

    Returns:
        The network as it runs, and what people should know of that.
    """
    steps: Mapping[str, Step] = {"ranking": lambda found: unranked(found, without), "pad": _padded, "reshape": _aliased}
    notes: list[str] = []
    network = _spelled_out(network) if spells_gates else network
    for name, step in steps.items():
        if name in folds:
            network, said = step(network)
            notes += said
    return network, tuple(notes)


def _spelled_out(network: Network) -> Network:
    """Write x * sigmoid(x) as a sigmoid and a product."""
    gates = {op.name: op for op in network.ops if op.kind is OpKind.ACTIVATION and op.function == "silu" and not op.moves}
    if not gates:
        return network
    known = set(network.tensor_by_name)
    ops: list[Op] = []
    tensors = dict(network.tensor_by_name)
    for op in network.ops:
        if op.name not in gates:
            ops.append(op)
            continue
        name = next(found for number in count() if (found := f"{op.name}.gate{number or ''}") not in known)
        known.add(name)
        gate = tensors[name] = replace(op.output, name=name, bits=None, tied_to=op.output.name)
        ops.append(replace(op, name=name, function="sigmoid", output=gate))
        ops.append(replace(op, kind=OpKind.MUL, function="", inputs=(op.inputs[0], gate)))
    return settle(replace(network, ops=tuple(ops), tensors=tuple(tensors.values())))


def unranked(network: Network, functions: Collection[str] = RANKING) -> tuple[Network, list[str]]:
    """Leave out functions at the very end.

    Args:
        network: The network.
        functions: Which, of `RANKING`.

    Returns:
        The network, and what people should know of that.
    """
    notes: list[str] = []
    while True:
        outputs = {tensor.name for tensor in network.outputs}
        read = {tensor.name for op in network.ops for tensor in op.inputs}
        tail = next(
            (
                op
                for op in network.ops
                if op.kind is OpKind.ACTIVATION and op.function in functions and op.output.name in outputs - read
                and not op.inputs[0].is_image
            ),
            None,
        )  # fmt: skip
        if tail is None:
            return network, notes
        source = tail.inputs[0]
        network = _without(network, tail, source)
        lost = f"; an output less, as {source.name!r} is one of its own" * (source.name in outputs)
        notes.append(f"left out at the end, as it changes no ranking: {tail.function} {tail.name!r}{lost}")


def _padded(network: Network) -> tuple[Network, list[str]]:
    """Let convolutions pad for themselves where nobody else reads what is padded."""
    outputs = {tensor.name for tensor in network.outputs}
    for pad in [op for op in network.ops if op.kind is OpKind.PAD]:
        readers = [op for op in network.ops if pad.output in op.inputs]
        plain = pad.function == "zero" and not any(pad.channel_pads) and pad.pads is not None
        if not plain or pad.output.name in outputs or any(op.kind not in _CONVOLUTIONS or op.moves for op in readers):
            continue
        network = replace(
            network, ops=tuple(_with_pads(op, pad.pads or (0, 0, 0, 0)) if op in readers else op for op in network.ops)
        )
        network = _without(network, pad, pad.inputs[0])
    return network, []


def _with_pads(op: Op, more: tuple[int, int, int, int]) -> Op:
    source = op.inputs[0]
    window = int(op.window[0]), int(op.window[1])
    own = op.pads or same_pads((int(source.height), int(source.width)), window, op.strides, op.dilation)
    top, left, bottom, right = (a + b for a, b in zip(more, own, strict=True))
    return replace(op, pads=(top, left, bottom, right))


def _aliased(network: Network) -> tuple[Network, list[str]]:
    """Let what a reshape writes lie where what it reads lies."""
    found = {
        op.output.name: replace(op.output, lies_in=op.inputs[0].name)
        for op in network.ops
        if op.kind is OpKind.RESHAPE and op.output.lies_in is None
    }
    if not found:
        return network, []
    wanted = {tensor.name for tensor in network.outputs} & set(found)  # what lies elsewhere is no output unless it is said to be
    aliased = network.with_tensors({tensor.name: found.get(tensor.name, tensor) for tensor in network.tensors})
    return replace(aliased, results=network.results | wanted), []


def _without(network: Network, gone: Op, instead: Tensor) -> Network:
    """The network without an operator: `instead` stands for what it wrote."""
    output = gone.output
    renamed = {output.name: instead.name}

    def kept(tensor: Tensor) -> Tensor:
        owner = tensor.tied_to
        if owner != output.name:
            return tensor
        if tensor.name == instead.name:
            return replace(
                tensor, tied_to=None if output.tied_to == tensor.name else output.tied_to, bits=tensor.bits or output.bits
            )
        return replace(tensor, tied_to=instead.name)

    tensors = {tensor.name: kept(tensor) for tensor in network.tensors if tensor.name != output.name}

    def of(tensor: Tensor) -> Tensor:
        return tensors[renamed.get(tensor.name, tensor.name)]

    ops = tuple(
        replace(
            op,
            inputs=tuple(of(tensor) for tensor in op.inputs),
            output=of(op.output),
            others=tuple(of(tensor) for tensor in op.others),
        )
        for op in network.ops
        if op.name != gone.name
    )
    return settle(
        replace(
            network,
            tensors=tuple(tensors.values()),
            ops=ops,
            stage_ends=tuple((stage, of(tensor)) for stage, tensor in network.stage_ends),
            results=frozenset(renamed.get(name, name) for name in network.results),
        )
    )
