"""Fold what costs nothing on a device into the operators around it."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from qeopt.network.functions import CLIPS, LINEAR, bounds, clip
from qeopt.network.graph import OpKind
from qeopt.network.importers.absorb import absorb
from qeopt.network.importers.draft import Draft, Piece, readers_of
from qeopt.network.importers.patterns import fuse_gates, merge_means, merge_pads

TAKES_FUNCTION = frozenset(
    {OpKind.CONV, OpKind.DEPTHWISE, OpKind.DENSE, OpKind.TRANSPOSED_CONV, OpKind.ADD, OpKind.SUB, OpKind.AFFINE}
)
"""Kinds that keep their sums between two bounds while they scale them down to the output's bits."""


def fold(draft: Draft) -> None:
    """Drop what no result needs, then fold factors and summands, means, gates and activation functions.

    Operators that a library runs as they are stay.
    """
    if draft.as_it_runs:
        draft.results = list(dict.fromkeys(draft.resolve(value) for value in draft.results))
        return
    prune(draft)
    merge_pads(draft)
    absorb(draft)
    merge_means(draft)
    _fuse_functions(draft)
    absorb(draft)
    fuse_gates(draft)


def prune(draft: Draft) -> None:
    """Drop operators that no result needs."""
    wanted = {draft.resolve(value) for value in draft.results} | set(draft.lodgings)
    kept: list[Piece] = []
    for piece in reversed(draft.pieces):
        if not wanted.isdisjoint(piece.written):
            kept.append(piece)
            wanted.update(piece.reads)
    if len(kept) < len(draft.pieces):
        names = sorted({piece.name for piece in draft.pieces} - {piece.name for piece in kept})
        draft.notes.append(f"left out, as no output needs them: {_list(names)}")
    draft.pieces = kept[::-1]
    draft.results = list(dict.fromkeys(draft.resolve(value) for value in draft.results))


def _fuse_functions(draft: Draft) -> None:
    """Let the operator before a function with bounds apply it, where nobody else reads what it writes."""
    read = readers_of(draft.pieces)
    made: dict[str, Piece] = {}
    renamed: dict[str, str] = {}
    for piece in draft.pieces:
        piece = replace(piece, reads=tuple(renamed.get(value, value) for value in piece.reads))  # noqa: PLW2901
        maker = made.get(piece.reads[0])
        if maker is not None and _can_take(draft, maker, piece, read):
            function, terms = _together(maker, piece)
            made[maker.writes] = replace(maker, function=function, terms=terms)
            renamed[piece.writes] = maker.writes
            draft.taken_in[piece.name] = maker.name
            read[maker.writes] = read.get(piece.writes, [])
            draft.results = [maker.writes if value == piece.writes else value for value in draft.results]
        else:
            made[piece.writes] = piece
    draft.pieces = list(made.values())


def _can_take(draft: Draft, maker: Piece, piece: Piece, read: dict[str, list[Piece]]) -> bool:
    if piece.kind is not OpKind.ACTIVATION or piece.function not in CLIPS or maker.kind not in TAKES_FUNCTION:
        return False
    is_known = maker.function == LINEAR or maker.function in CLIPS
    return is_known and len(read[maker.writes]) == 1 and maker.writes not in draft.results


def _together(maker: Piece, piece: Piece) -> tuple[str, tuple[float | None, ...]]:
    """The function that keeps values between the bounds of one and then of the other."""
    if maker.function == LINEAR:
        return piece.function, piece.terms
    low, high = bounds(piece.function, piece.terms)

    def kept(bound: float | None, other: float | None) -> float | None:
        if bound is None:
            return other
        least = bound if low is None else max(bound, low)
        return least if high is None else min(least, high)

    first = bounds(maker.function, maker.terms)
    return clip(kept(first[0], low), kept(first[1], high))


def _list(names: Iterable[str], most: int = 5) -> str:
    shown = list(names)
    return ", ".join(repr(name) for name in shown[:most]) + (f" and {len(shown) - most} more" if len(shown) > most else "")
