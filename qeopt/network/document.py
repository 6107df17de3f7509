"""A network written out operator by operator: the YAML that an imported model becomes, complete enough to be counted again."""

from __future__ import annotations

from math import prod
from typing import Annotated, Any

from pydantic import Field, model_validator

from qeopt.network.graph import Network, Op, OpKind, Tensor
from qeopt.spec.model import Block

MAX_SIDE = 1 << 20
MAX_OPS = 20_000

Side = Annotated[int, Field(ge=1, le=MAX_SIDE)]
Step = Annotated[int, Field(ge=1, le=MAX_SIDE)]
Width = Annotated[int, Field(ge=1, le=32)]
Shape = tuple[Side, Side, Side]
Margin = Annotated[int, Field(ge=0, le=MAX_SIDE)]


class InputTensor(Block):
    """The image."""

    name: str = "image"
    """Name of the tensor."""
    shape: Shape
    """Height, width and channels."""
    bits: Width = 8
    """Its bits."""


class Operator(Block):
    """One operator and the tensor it writes, which has its name."""

    name: str
    """Name of the operator and of what it writes."""
    op: OpKind
    """What it does."""
    reads: Annotated[tuple[str, ...], Field(min_length=1, max_length=1024)]
    """Names of the tensors it reads."""
    shape: Shape
    """Height, width and channels of what it writes."""
    kernel: tuple[Side, Side] = (1, 1)
    """Height and width of the window."""
    stride: tuple[Step, Step] = (1, 1)
    """Steps of the window down and to the right."""
    dilation: tuple[Step, Step] = (1, 1)
    """Distance between the rows and columns that a window reads."""
    groups: Step = 1
    """Groups of a convolution."""
    pads: tuple[Margin, Margin, Margin, Margin] | None = None
    """Rows and columns of padding (top, left, bottom, right); left out, "same"."""
    function: str = ""
    """Name of the activation function."""
    stage: Annotated[int, Field(ge=0, le=1000)] | None = None
    """Stage of a scored operator; left out, the score does not see it."""
    weight_bits: Width | None = None
    """Fixed weight bits; left out, they are chosen."""
    bits: Width | None = None
    """Fixed bits of what it writes; left out, they are chosen."""
    tied_to: str | None = None
    """Name of the tensor whose bits its output shares."""
    unit: str = ""
    """Name of the unit it belongs to."""


class GraphBlock(Block):
    """Operators in execution order."""

    image: InputTensor
    """What the network reads."""
    ops: Annotated[tuple[Operator, ...], Field(min_length=1, max_length=MAX_OPS)]
    """Operators, in the order in which they run."""
    stage_ends: tuple[str, ...] = ()
    """Name of the last tensor of each stage, in order."""
    results: tuple[str, ...] = ()
    """Names of tensors that are wanted at the end although an operator reads them."""

    @model_validator(mode="after")
    def _is_sound(self) -> GraphBlock:
        """Check names, order, ties and the shapes that must agree."""
        known = {self.image.name: self.image.shape}
        for op in self.ops:
            for name in op.reads:
                if name not in known:
                    raise ValueError(f"{op.name!r} reads {name!r}, which nothing before it writes")
            if op.name in known:
                raise ValueError(f"two tensors are called {op.name!r}")
            complaint = _misfit(op, [known[name] for name in op.reads])
            if complaint:
                raise ValueError(f"{op.op} {op.name!r}: {complaint}")
            known[op.name] = op.shape
        for role, names in (("stage_ends", self.stage_ends), ("results", self.results)):
            for name in names:
                if name not in known:
                    raise ValueError(f"{role} names {name!r}, which is no tensor of the network")
        _check_ties({op.name: op.tied_to for op in self.ops if op.tied_to is not None}, known)
        return self

    def network(self, name: str) -> Network:
        """Build the network."""
        height, width, channels = self.image.shape
        tensors = {self.image.name: Tensor(self.image.name, height, width, channels, bits=self.image.bits, is_image=True)}
        ops = []
        for entry in self.ops:
            tensors[entry.name] = Tensor(entry.name, *entry.shape, bits=entry.bits, tied_to=entry.tied_to)
            ops.append(_op(entry, tensors))
        ends = tuple((stage, tensors[end]) for stage, end in enumerate(self.stage_ends))
        return Network(name, tuple(tensors.values()), tuple(ops), ends, frozenset(self.results))


def _op(entry: Operator, tensors: dict[str, Tensor]) -> Op:
    (height, width), (down, right) = entry.kernel, entry.stride
    return Op(
        entry.name,
        entry.op,
        tuple(tensors[name] for name in entry.reads),
        tensors[entry.name],
        height,
        down,
        entry.stage,
        entry.weight_bits,
        entry.unit,
        None if width == height else width,
        None if right == down else right,
        entry.dilation,
        entry.groups,
        entry.pads,
        entry.function,
    )


def document(network: Network) -> dict[str, Any]:
    """Write a network of plain numbers out as the data of a `GraphBlock`; defaults are left out."""
    image, *_ = network.tensors
    shape = [int(image.height), int(image.width), int(image.channels)]
    data: dict[str, Any] = {
        "image": {"name": image.name, "shape": shape, "bits": image.bits or 8},
        "ops": [_entry(op) for op in network.ops],
    }
    if network.stage_ends:
        data["stage_ends"] = [tensor.name for _, tensor in network.stage_ends]
    if network.results:
        data["results"] = sorted(network.results)
    return data


def _entry(op: Op) -> dict[str, Any]:
    output = op.output
    entry: dict[str, Any] = {
        "name": op.name,
        "op": op.kind.value,
        "reads": [tensor.name for tensor in op.inputs],
        "shape": [int(output.height), int(output.width), int(output.channels)],
    }
    told = {
        "kernel": [int(side) for side in op.window],
        "stride": list(op.strides),
        "dilation": list(op.dilation),
        "groups": op.groups,
        "pads": None if op.pads is None else list(op.pads),
        "function": op.function,
        "stage": op.stage,
        "weight_bits": op.weight_bits,
        "bits": output.bits,
        "tied_to": output.tied_to,
        "unit": op.unit,
    }
    plain = {"kernel": [1, 1], "stride": [1, 1], "dilation": [1, 1], "groups": 1, "function": "", "unit": ""}
    return entry | {key: value for key, value in told.items() if value is not None and value != plain.get(key)}


def _misfit(op: Operator, shapes: list[Shape]) -> str | None:
    """Say what does not fit between an operator and the shapes it reads."""
    channels, written = shapes[0][2], op.shape[2]
    keeps_values = {OpKind.CONCAT, OpKind.TRANSPOSE, OpKind.ACTIVATION}
    complaint = None
    if len(shapes) > 1 and op.op not in {OpKind.ADD, OpKind.MUL, OpKind.CONCAT}:
        complaint = f"reads {len(shapes)} tensors; one was expected"
    elif op.op is OpKind.CONV and (channels % op.groups or written % op.groups):
        complaint = f"{op.groups} groups divide {channels} channels in and {written} out unevenly"
    elif op.op is OpKind.DEPTHWISE and written % channels:
        complaint = f"writes {written} channels; a multiple of the {channels} it reads was expected"
    elif op.op in {OpKind.ADD, OpKind.MUL} and shapes[0] != op.shape:
        complaint = f"writes {op.shape}, but what it reads first is {shapes[0]}"
    elif op.op in keeps_values and sum(map(prod, shapes)) != prod(op.shape):
        complaint = "writes another number of values than it reads"
    return complaint


def _check_ties(ties: dict[str, str], known: dict[str, Shape]) -> None:
    sound: set[str] = set()
    for name, owner in ties.items():
        if owner not in known:
            raise ValueError(f"{name!r} is tied to {owner!r}, which is no tensor of the network")
        path, at = {name}, owner
        while at in ties and at not in sound:
            if at in path:
                raise ValueError(f"the tie of {name!r} goes round in a circle")
            path.add(at)
            at = ties[at]
        sound |= path
