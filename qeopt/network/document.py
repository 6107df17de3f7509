"""A network written out operator by operator: the YAML that an imported model becomes, complete enough to be counted again."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import replace
from math import isfinite, prod
from typing import Annotated, Any

from pydantic import Field, field_validator, model_validator

from qeopt.network.graph import WEIGHTED_KINDS, Network, Op, OpKind, Tensor
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
    pixel_range: tuple[float, float] = (0.0, 1.0)
    """The values that pixels of 0 and of 255 stand for."""

    @field_validator("pixel_range")
    @classmethod
    def _rises(cls, found: tuple[float, float]) -> tuple[float, float]:
        if not found[0] < found[1] or not all(map(isfinite, found)):
            raise ValueError("a finite value for pixels of 0, and a larger one for pixels of 255, were expected")
        return found


class Source(InputTensor):
    """Another tensor that no operator has to write first: an input, or a state that lasts from one inference to the next."""

    name: str
    """Name of the tensor."""
    state: bool = False
    """Whether it is a state; it is an input otherwise."""


class Written(Block):
    """A tensor that an operator writes."""

    name: str
    """Name of the tensor."""
    shape: Shape
    """Height, width and channels."""
    bits: Width | None = None
    """Fixed bits; left out, they are chosen."""
    tied_to: str | None = None
    """Name of the tensor whose bits it shares."""
    lies_in: str | None = None
    """Name of the tensor in whose memory it lies."""


class Operator(Written):
    """One operator and the tensor it writes, which has its name."""

    op: OpKind
    """What it does."""
    reads: Annotated[tuple[str, ...], Field(min_length=1, max_length=1024)]
    """Names of the tensors it reads."""
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
    """Name of the activation function, or of how values are made for resizing and padding."""
    terms: tuple[float | None, ...] = ()
    """Numbers of the function; null for a bound that is none."""
    others: tuple[Written, ...] = ()
    """What it writes beside the tensor of its name."""
    weights_of: str = ""
    """Name of the operator that holds the weights which this one uses too."""
    constants: Annotated[int, Field(ge=0)] = 0
    """Constants that it reads beside weights and bias."""
    moves: tuple[tuple[tuple[Side, ...], tuple[Annotated[int, Field(ge=0, le=16)], ...]], ...] = ()
    """Through what it sees what it reads first: shapes, each with the order in which its sides are then taken."""
    begins: tuple[Margin, Margin, Margin] = (0, 0, 0)
    """Row, column and channel at which a slice begins."""
    every: tuple[int, int, int] = (1, 1, 1)
    """Steps of a slice by rows, columns and channels."""
    channel_pads: tuple[Margin, Margin] = (0, 0)
    """Channels of padding before and after."""
    counts_padding: bool = False
    """Whether an average divides by the whole window at borders too."""
    reduces: bool = False
    """Whether it is written as a mean or a maximum over sides, for which some libraries have another kernel than for windows."""
    stage: Annotated[int, Field(ge=0, le=1000)] | None = None
    """Stage of a scored operator; left out, the score does not see it."""
    weight_bits: Width | None = None
    """Fixed weight bits; left out, they are chosen."""
    unit: str = ""
    """Name of the unit it belongs to."""


class GraphBlock(Block):
    """Operators in execution order."""

    image: InputTensor
    """What the network reads."""
    sources: Annotated[tuple[Source, ...], Field(max_length=1024)] = ()
    """What it reads or keeps beside the image."""
    ops: Annotated[tuple[Operator, ...], Field(min_length=1, max_length=MAX_OPS)]
    """Operators, in the order in which they run."""
    stage_ends: tuple[str, ...] = ()
    """Name of the last tensor of each stage, in order."""
    results: tuple[str, ...] = ()
    """Names of tensors that are wanted at the end although an operator reads them."""
    discarded: tuple[str, ...] = ()
    """Names of tensors that are written, and neither read nor wanted."""

    @model_validator(mode="after")
    def _is_sound(self) -> GraphBlock:
        """Check names, order, ties and the shapes that must agree."""
        known = {self.image.name: self.image.shape}
        ties: dict[str, str] = {}
        lodgings: dict[str, str] = {}
        for source in self.sources:
            _check_new(source.name, known)
            known[source.name] = source.shape
        for op in self.ops:
            for name in op.reads:
                if name not in known:
                    raise ValueError(f"{op.name!r} reads {name!r}, which nothing before it writes")
            for tensor in (op, *op.others):
                _check_new(tensor.name, known)
                ties |= {} if tensor.tied_to is None else {tensor.name: tensor.tied_to}
                lodgings |= {} if tensor.lies_in is None else {tensor.name: tensor.lies_in}
                known[tensor.name] = tensor.shape
            complaint = _misfit(op, [known[name] for name in op.reads])
            if complaint:
                raise ValueError(f"{op.op} {op.name!r}: {complaint}")
        for role, names in (("stage_ends", self.stage_ends), ("results", self.results), ("discarded", self.discarded)):
            for name in names:
                if name not in known:
                    raise ValueError(f"{role} names {name!r}, which is no tensor of the network")
        _check_chains(ties, known, "is tied to", "tie")
        _check_chains(lodgings, known, "lies in", "place")
        for name, home in lodgings.items():
            if prod(known[name]) > prod(known[home]):
                raise ValueError(f"{name!r} lies in {home!r}, which is smaller")
        self._check_shared_weights()
        return self

    def _check_shared_weights(self) -> None:
        ops = {op.name: op for op in self.ops}
        for op in self.ops:
            owner = ops.get(op.weights_of)
            if op.weights_of and (owner is None or owner.op not in WEIGHTED_KINDS or owner.weights_of or owner.op != op.op):
                raise ValueError(f"{op.name!r} has the weights of {op.weights_of!r}, which is no {op.op} with weights of its own")

    def network(self, name: str) -> Network:
        """Build the network."""
        image = self.image
        read = Tensor(image.name, *image.shape, bits=image.bits, is_image=True, pixel_range=image.pixel_range)
        tensors = {image.name: read}
        for source in self.sources:
            made = Tensor(source.name, *source.shape, bits=source.bits, is_image=not source.state, is_state=source.state)
            tensors[source.name] = replace(made, pixel_range=source.pixel_range)
        ops = []
        for entry in self.ops:
            for told in (entry, *entry.others):
                made = Tensor(told.name, *told.shape, bits=told.bits, tied_to=told.tied_to, lies_in=told.lies_in)
                tensors[told.name] = made
            ops.append(_op(entry, tensors))
        ends = tuple((stage, tensors[end]) for stage, end in enumerate(self.stage_ends))
        results, discarded = frozenset(self.results), frozenset(self.discarded)
        return Network(name, tuple(tensors.values()), tuple(ops), ends, results, discarded, states_functions=True)


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
        others=tuple(tensors[other.name] for other in entry.others),
        **{name: getattr(entry, name) for name in _ALIKE},
    )


_ALIKE: dict[str, Any] = {
    "dilation": (1, 1),
    "groups": 1,
    "pads": None,
    "function": "",
    "terms": (),
    "weights_of": "",
    "constants": 0,
    "moves": (),
    "begins": (0, 0, 0),
    "every": (1, 1, 1),
    "channel_pads": (0, 0),
    "counts_padding": False,
    "reduces": False,
}
"""Fields that an operator has here as there, with the value that is left out."""


def document(network: Network) -> dict[str, Any]:
    """Write a network of plain numbers out as the data of a `GraphBlock`; defaults are left out."""
    image = next(tensor for tensor in network.sources if tensor.is_image)
    data: dict[str, Any] = {
        "image": _source(image),
        "ops": [_entry(op) for op in network.ops],
    }
    others = [tensor for tensor in network.sources if tensor is not image]
    if others:
        data["sources"] = [_source(tensor) | ({"state": True} if tensor.is_state else {}) for tensor in others]
    if network.stage_ends:
        data["stage_ends"] = [tensor.name for _, tensor in network.stage_ends]
    if network.results:
        data["results"] = sorted(network.results)
    if network.discarded:
        data["discarded"] = sorted(network.discarded)
    return data


def _source(tensor: Tensor) -> dict[str, Any]:
    told = {"name": tensor.name, "shape": _shape(tensor), "bits": tensor.bits or 8}
    return told | ({} if tensor.pixel_range == (0.0, 1.0) else {"pixel_range": list(tensor.pixel_range)})


def _shape(tensor: Tensor) -> list[int]:
    return [int(tensor.height), int(tensor.width), int(tensor.channels)]


def _written(tensor: Tensor) -> dict[str, Any]:
    told = {"bits": tensor.bits, "tied_to": tensor.tied_to, "lies_in": tensor.lies_in}
    return {"name": tensor.name, "shape": _shape(tensor)} | {key: value for key, value in told.items() if value is not None}


def _entry(op: Op) -> dict[str, Any]:
    entry: dict[str, Any] = {
        "name": op.name,
        "op": op.kind.value,
        "reads": [tensor.name for tensor in op.inputs],
        "shape": _shape(op.output),
    }
    told = {
        "kernel": [int(side) for side in op.window],
        "stride": list(op.strides),
        **{name: getattr(op, name) for name in _ALIKE},
        "stage": op.stage,
        "weight_bits": op.weight_bits,
        "bits": op.output.bits,
        "tied_to": op.output.tied_to,
        "lies_in": op.output.lies_in,
        "others": [_written(tensor) for tensor in op.others],
        "unit": op.unit,
    }
    plain = {"kernel": [1, 1], "stride": [1, 1], "unit": "", "others": [], **_ALIKE}
    return entry | {key: _listed(value) for key, value in told.items() if value is not None and value != plain.get(key)}


def _listed(value: Any) -> Any:
    """A tuple as a list, as YAML reads it."""
    return [_listed(item) for item in value] if isinstance(value, tuple | list) else value


def _check_new(name: str, known: Collection[str]) -> None:
    if name in known:
        raise ValueError(f"two tensors are called {name!r}")


def _misfit(op: Operator, shapes: list[Shape]) -> str | None:
    """Say what does not fit between an operator and the shapes it reads."""
    channels, written = shapes[0][2], op.shape[2]
    several = {OpKind.ADD, OpKind.SUB, OpKind.MUL, OpKind.MAXIMUM, OpKind.MINIMUM, OpKind.CONCAT}
    keeps_values = {OpKind.CONCAT, OpKind.TRANSPOSE, OpKind.RESHAPE, OpKind.ACTIVATION}
    keeps_shape = several - {OpKind.CONCAT} | {OpKind.AFFINE, OpKind.LAYER_NORM}
    complaint = None
    if len(shapes) > 1 and op.op not in several:
        complaint = f"reads {len(shapes)} tensors; one was expected"
    elif op.op in {OpKind.CONV, OpKind.TRANSPOSED_CONV} and (channels % op.groups or written % op.groups):
        complaint = f"{op.groups} groups divide {channels} channels in and {written} out unevenly"
    elif op.op is OpKind.DEPTHWISE and written % channels:
        complaint = f"writes {written} channels; a multiple of the {channels} it reads was expected"
    elif op.op in keeps_shape and shapes[0] != op.shape:
        complaint = f"writes {op.shape}, but what it reads first is {shapes[0]}"
    elif op.op in keeps_values and sum(map(prod, shapes)) != prod(op.shape):
        complaint = "writes another number of values than it reads"
    elif op.op is OpKind.SPLIT and prod(op.shape) + sum(prod(other.shape) for other in op.others) > prod(shapes[0]):
        complaint = "writes more values than it reads"
    elif any(sorted(order) != list(range(len(view))) or prod(view) != prod(shapes[0]) for view, order in op.moves):
        complaint = "sees what it reads in shapes of another number of values, or its sides in no order"
    return complaint


def _check_chains(links: dict[str, str], known: dict[str, Shape], verb: str, noun: str) -> None:
    """Check that names lead to tensors and never round in a circle."""
    sound: set[str] = set()
    for name, owner in links.items():
        if owner not in known:
            raise ValueError(f"{name!r} {verb} {owner!r}, which is no tensor of the network")
        path, at = {name}, owner
        while at in links and at not in sound:
            if at in path:
                raise ValueError(f"the {noun} of {name!r} goes round in a circle")
            path.add(at)
            at = links[at]
        sound |= path
