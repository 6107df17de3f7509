"""What an importer returns, what a user may tell it, and how it complains."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Any, Literal, Protocol

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from qeopt.network.document import Shape, Width
from qeopt.network.graph import Network
from qeopt.spec.errors import Location, Problem, SpecError
from qeopt.spec.model import Block

Escape = Literal["identity", "activation", "move", "cut"]


class ImportOptions(Block):
    """What a file does not say, and how to take what no importer knows."""

    input: Shape | None = None
    """Height, width and channels of the image, where the file leaves them open."""
    treat_as: Mapping[str, Escape] = {}
    """By operator type or node name, how to take it: `identity` (its output is its first input), `activation` (a function of each
    value), `move` (a copy of its values in another order), `cut` (the network ends before it)."""
    first_weight_bits: Width | None = 8
    """Weight bits of the operators that read the image; null leaves them to be chosen."""
    weight_bits: Mapping[str, Width] = {}
    """Fixed weight bits by operator."""
    stages: tuple[Annotated[str, Field(min_length=1)], ...] = ()
    """Operators that each begin a new stage, for objectives that weigh stages; left out, the network is one stage."""
    order: Literal["least_memory", "as_given"] = "least_memory"
    """`least_memory` runs operators in the order that needs least memory at uniform bits, where the graph leaves a choice."""


@dataclass(frozen=True)
class Parameters:
    """Learnt values of one operator, in the layout (out, in, height, width), or (out, in) for dense layers."""

    weights: NDArray[np.float32]
    bias: NDArray[np.float32] | None = None

    def folded(self, scale: NDArray[Any] | None, shift: NDArray[Any] | None) -> Parameters:
        """With a factor and a summand per output channel, or one for all, taken in."""
        weights, count = self.weights, (len(self.weights),)
        bias = np.zeros(count, np.float32) if self.bias is None else self.bias
        if scale is not None:
            factor = np.broadcast_to(np.asarray(scale, np.float32).reshape(-1), count)
            weights, bias = weights * factor.reshape(-1, *[1] * (weights.ndim - 1)), bias * factor
        if shift is not None:
            bias = bias + np.broadcast_to(np.asarray(shift, np.float32).reshape(-1), count)
        return Parameters(weights.astype(np.float32), bias.astype(np.float32))


@dataclass(frozen=True)
class ImportedModel:
    """A network read from a file, with what else the file holds."""

    network: Network
    weights: Mapping[str, Parameters] = field(default_factory=dict)
    """Learnt values by operator, where the file has them; normalisation that follows is folded in."""
    bits: Mapping[str, int] = field(default_factory=dict)
    """Bits that an already quantised file gives: by operator for weights, by `NAME activations` for tensors."""
    notes: tuple[str, ...] = ()
    """What was left out, folded or taken in another way, for people."""


class Importer(Protocol):
    """Reads one kind of file."""

    def __call__(self, path: Path, options: ImportOptions, *, values: bool) -> ImportedModel:
        """Read `path`; `values` asks for learnt values too.

        Raises:
            SpecError: the file is no such file, damaged, too large, or holds what no network here can express.
        """
        ...


class NodeError(SpecError):
    """What is wrong at a node of a file."""

    def __init__(self, path: Path | str, node: str, said: str) -> None:
        super().__init__((Problem(Location(str(path)), f"node {node!r}: {said}"),))
        self.node, self.said = node, said


def refuse(path: Path | str, message: str, node: str = "") -> SpecError:
    """Say what is wrong with a file, at a node of it where that is known."""
    return NodeError(path, node, message) if node else SpecError.at(Location(str(path)), message)
