"""A network while it is read: operators between named values, before noise is folded and ties are drawn."""

from __future__ import annotations

from collections.abc import Container, Iterable, Mapping
from dataclasses import dataclass, field, replace
from math import prod
from pathlib import Path

import numpy as np

from qeopt.network.document import MAX_OPS, MAX_SIDE
from qeopt.network.graph import WEIGHTED_KINDS, Move, Network, OpKind
from qeopt.network.importers.constant import Constant
from qeopt.network.importers.model import Parameters, refuse

Shape = tuple[int, int, int]
Pair = tuple[int, int]

MAX_ELEMENTS = 1 << 40
"""Values that a tensor may have: far beyond any device, and sums of these are exact."""
ACTIVATIONS = " activations"


@dataclass(frozen=True, slots=True)
class Piece:
    """An operator of a draft, by the names of the values it reads and the value it writes."""

    name: str
    kind: OpKind
    reads: tuple[str, ...]
    writes: str
    window: Pair = (1, 1)
    stride: Pair = (1, 1)
    dilation: Pair = (1, 1)
    groups: int = 1
    pads: tuple[int, int, int, int] | None = None
    function: str = ""
    terms: tuple[float | None, ...] = ()
    others: tuple[str, ...] = ()
    """Values that it writes beside `writes`."""
    weights: Constant | None = None
    """Weights (out, in, height, width) or (out, in); the factor of an affine operator, slopes, by (channels, height, width)."""
    bias: Constant | None = None
    """By output channel; the summand of an affine operator by (channels, height, width)."""
    moves: tuple[Move, ...] = ()
    begins: Shape = (0, 0, 0)
    every: Shape = (1, 1, 1)
    channel_pads: Pair = (0, 0)
    counts_padding: bool = False
    reduces: bool = False

    @property
    def written(self) -> tuple[str, ...]:
        """Everything it writes."""
        return (self.writes, *self.others)

    @property
    def constants(self) -> int:
        """Constants that it reads beside weights and bias."""
        if self.kind in WEIGHTED_KINDS:
            return 0
        return sum(constant.size for constant in (self.weights, self.bias) if constant is not None)

    def values(self) -> Parameters | None:
        """Its learnt values; None where it has none, or they are not at hand."""
        weights = None if self.weights is None else self.weights.values()
        bias = None if self.bias is None else self.bias.values()
        if weights is None and (bias is None or self.weights is not None or self.kind in WEIGHTED_KINDS):
            return None
        if weights is None:
            weights = np.ones((1, 1, 1), np.float32)
        elif self.weights is not None:
            weights = np.asarray(weights, np.float32).reshape(self.weights.dims)
        flat = None if bias is None else np.asarray(bias, np.float32)
        if flat is not None and self.kind in WEIGHTED_KINDS:
            flat = flat.reshape(-1)
        return Parameters(np.asarray(weights, np.float32), flat)


@dataclass
class Draft:
    """Operators in the order of the file; shapes are (height, width, channels), the batch left out.

    Attributes:
        path: The file, for messages.
        shapes: Shape of every value that has memory of its own.
        pieces: Operators.
        results: Values that are wanted at the end.
        notes: What was folded or left out.
    """

    path: Path
    shapes: dict[str, Shape] = field(default_factory=dict)
    pieces: list[Piece] = field(default_factory=list)
    results: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    image: str = ""
    """The first input."""
    more_images: list[str] = field(default_factory=list)
    """The others."""
    titles: dict[str, str] = field(default_factory=dict)
    """Names of inputs by their values."""
    pixel_ranges: dict[str, tuple[float, float]] = field(default_factory=dict)
    """By input, the values that pixels of 0 and of 255 stand for where these are not 0 and 1."""
    states: list[str] = field(default_factory=list)
    """Values that last from one inference to the next."""
    lodgings: dict[str, str] = field(default_factory=dict)
    """By value that is written where a state lies: that state."""
    as_it_runs: bool = False
    """Whether a library runs these operators as they are, so that none may be taken into another here."""
    copies: set[str] = field(default_factory=set)
    """Names of operators that a library runs as copies, although no value changes: nobody reads through them here."""
    made: dict[str, Piece] = field(default_factory=dict)
    """Operators by the value they write."""
    taken_in: dict[str, str] = field(default_factory=dict)
    """By the name of a function: the operator that applies it."""
    _same: dict[str, str] = field(default_factory=dict)
    _names: set[str] = field(default_factory=set)

    @property
    def images(self) -> tuple[str, ...]:
        """All inputs."""
        return (self.image, *self.more_images)

    def read_image(self, value: str, shape: Shape, name: str = "") -> None:
        """Declare an input, which people see under a name of its own unless that is taken."""
        if self.image:
            self.more_images.append(value)
        else:
            self.image = value
        self.titles[value] = name if name and name not in self._names else value
        self._names.add(self.titles[value])
        self.shapes[value] = self._checked(shape, value)

    def read_state(self, value: str, shape: Shape) -> None:
        """Declare a state."""
        self.states.append(value)
        self._names.add(value)
        self.shapes[value] = self._checked(shape, value)

    def write_state(self, name: str, source: str, state: str) -> None:
        """Append that a state becomes what `source` holds."""
        value = f"{state} next {len(self.lodgings)}"
        self.lodgings[value] = state
        self.add(Piece(name, OpKind.WRITE_STATE, (source,), value), self.shapes[state])

    def parameters(self, network: Network) -> dict[str, Parameters]:
        """Learnt values by operator of a finished network; what is no number stays as it is."""
        found = {}
        pieces = {piece.name: piece for piece in self.pieces}
        with np.errstate(all="ignore"):
            for op in network.ops:
                values = None if op.name not in pieces else pieces[op.name].values()
                if values is not None:
                    found[op.name] = values
        return found

    def add(self, piece: Piece, shape: Shape, *others: Shape) -> None:
        """Append an operator that writes `shape`, and `others` where it writes several values."""
        if len(self.pieces) >= MAX_OPS:
            raise refuse(self.path, f"more than {MAX_OPS:,} operators; no network for a microcontroller has as many")
        name, number = piece.name, 1
        while name in self._names:
            number += 1
            name = f"{piece.name} ({number})"
        self._names.add(name)
        made = replace(piece, name=name)
        for value, written in zip(piece.written, (shape, *others), strict=True):
            self.shapes[value] = self._checked(written, name)
            self.made[value] = made
        self.pieces.append(made)

    def alias(self, value: str, of: str) -> None:
        """Say that `value` is another name for the values of `of`."""
        self._same[value] = self.resolve(of)

    def knows(self, value: str) -> bool:
        """Whether `value` depends on the image."""
        return value in self.shapes or value in self._same

    def resolve(self, value: str) -> str:
        """The value with memory of its own behind a name."""
        return self._same.get(value, value)

    def file_bits(self, bits: Mapping[str, int], names: Container[str]) -> dict[str, int]:
        """Bits that a file gives, by the names of a finished network: `NAME activations` for what `NAME` writes."""
        found = {}
        for told, width in bits.items():
            name = told.removesuffix(ACTIVATIONS)
            final = name
            while final in self.taken_in:
                final = self.taken_in[final]
            if final in names:
                found[final + told[len(name) :]] = width
        return found

    def _checked(self, shape: Shape, node: str) -> Shape:
        if any(side < 1 or side > MAX_SIDE for side in shape) or prod(shape) > MAX_ELEMENTS:
            said = f"a tensor of {' x '.join(map(str, shape))} values; sides of 1 to {MAX_SIDE:,} were expected"
            raise refuse(self.path, said, node)
        return shape


def readers_of(pieces: Iterable[Piece]) -> dict[str, list[Piece]]:
    """List, by value, the operators that read it."""
    found: dict[str, list[Piece]] = {}
    for piece in pieces:
        for value in dict.fromkeys(piece.reads):
            found.setdefault(value, []).append(piece)
    return found
