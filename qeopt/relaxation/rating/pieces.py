"""Stretches of a chain of cells, for many positions at once: what they gain and cost, and which weights they have."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from qeopt.relaxation.cells.prices import chained
from qeopt.relaxation.cells.tables import Floats, Integers
from qeopt.relaxation.rating.weights import NO_WEIGHTS


@dataclass(frozen=True, slots=True)
class Piece:
    """A stretch of the chain by position: what it gains and costs."""

    bits: Floats
    """(..., read, written) best gain of activation bits."""
    sums: Floats
    """(..., prices + COUNTS) score less priced flash at each price; then the counts."""
    weights: Integers
    """(..., groups) which item each group of weights is, `NO_WEIGHTS` where there is none."""

    def then(self, other: Piece) -> Piece:
        """This stretch followed by another; positions broadcast."""
        shape = np.broadcast_shapes(self.weights.shape[:-1], other.weights.shape[:-1])
        weights = [np.broadcast_to(part, (*shape, part.shape[-1])) for part in (self.weights, other.weights)]
        return Piece(chained(self.bits, other.bits), self.sums + other.sums, np.concatenate(weights, axis=-1))

    def at(self, index: Integers) -> Piece:
        """The piece at some positions along its first axis."""
        return Piece(self.bits[index], self.sums[index], self.weights[index])


Visit = tuple[Integers, tuple[tuple[Piece, tuple[Integers, Integers]], ...]]
"""Some structures, and the pieces by which they go through a block, each with the position of every one of them."""


def weights_of(visits: Sequence[Visit], size: int) -> Integers:
    """(structures, groups) the weights of every structure in a block."""
    width = max(sum(piece.weights.shape[-1] for piece, _ in pieces) for _, pieces in visits)
    found = np.full((size, width), NO_WEIGHTS)
    for here, pieces in visits:
        column = 0
        for piece, index in pieces:
            weights = piece.weights[index]
            found[here, column : column + weights.shape[1]] = weights
            column += weights.shape[1]
    return found


def stacked(pieces: Sequence[Piece]) -> Piece:
    """Pieces side by side, along a new second axis."""
    return Piece(
        np.stack([piece.bits for piece in pieces], axis=1),
        np.stack([piece.sums for piece in pieces], axis=1),
        np.stack(_padded(pieces), axis=1),
    )


def joined(pieces: Sequence[Piece], axis: int) -> Piece:
    """Pieces one behind the other along an axis of their positions."""
    return Piece(
        np.concatenate([piece.bits for piece in pieces], axis=axis),
        np.concatenate([piece.sums for piece in pieces], axis=axis),
        np.concatenate(_padded(pieces), axis=axis),
    )


def _padded(pieces: Sequence[Piece]) -> list[Integers]:
    """The weights of pieces, as many columns in each."""
    width = max(piece.weights.shape[-1] for piece in pieces)
    found = []
    for piece in pieces:
        missing = (*piece.weights.shape[:-1], width - piece.weights.shape[-1])
        found.append(np.concatenate([piece.weights, np.full(missing, NO_WEIGHTS)], axis=-1))
    return found
