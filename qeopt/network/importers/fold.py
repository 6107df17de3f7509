"""Fold what costs nothing on a device into the operators around it."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from qeopt.network.graph import OpKind
from qeopt.network.importers.draft import Draft, Piece, readers_of
from qeopt.network.importers.windows import same_pads

FUSED = frozenset({"relu", "relu6", "clip", "affine"})
"""Functions that kernels apply while they scale their sums down to the output's bits."""
TAKES_FUNCTION = frozenset({OpKind.CONV, OpKind.DEPTHWISE, OpKind.DENSE, OpKind.ADD})
GATED = {"sigmoid": "silu", "hardsigmoid": "hardswish"}
TAIL = frozenset({"softmax", "sigmoid", "argmax"})
"""Functions that change no ranking: at the very end of a network they are left out."""


def fold(draft: Draft) -> None:
    """Drop what no result needs, then fold padding, gates, activation functions and final rankings."""
    _prune(draft)
    _drop_tail(draft)
    _fold_pads(draft)
    _fuse_gates(draft)
    _fuse_functions(draft)


def _prune(draft: Draft) -> None:
    wanted = {draft.resolve(value) for value in draft.results}
    kept: list[Piece] = []
    for piece in reversed(draft.pieces):
        if piece.writes in wanted:
            kept.append(piece)
            wanted.update(piece.reads)
    if len(kept) < len(draft.pieces):
        names = sorted({piece.name for piece in draft.pieces} - {piece.name for piece in kept})
        draft.notes.append(f"left out, as no output needs them: {_list(names)}")
    draft.pieces = kept[::-1]
    draft.results = list(dict.fromkeys(draft.resolve(value) for value in draft.results))


def _drop_tail(draft: Draft) -> None:
    """Leave out functions at the end that change no ranking."""
    while True:
        read = readers_of(draft.pieces)
        ends = [piece for piece in draft.pieces if piece.writes in draft.results and piece.writes not in read]
        tail = next((piece for piece in ends if piece.kind is OpKind.ACTIVATION and piece.function in TAIL), None)
        if tail is None or tail.reads[0] == draft.image:
            return
        draft.pieces.remove(tail)
        draft.results = list(dict.fromkeys(tail.reads[0] if value == tail.writes else value for value in draft.results))
        draft.notes.append(f"left out at the end, as it changes no ranking: {tail.function} {tail.name!r}")


def _fold_pads(draft: Draft) -> None:
    """Let a convolution pad for itself."""
    read = readers_of(draft.pieces)
    pads = {p.writes: p for p in draft.pieces if p.kind is OpKind.PAD and p.pads is not None and p.function == "zero"}
    folded: set[str] = set()
    pieces = list(draft.pieces)
    for index, piece in enumerate(pieces):
        pad = pads.get(piece.reads[0])
        if pad is None or piece.kind not in {OpKind.CONV, OpKind.DEPTHWISE} or pad.pads is None:
            continue
        if pad.writes in draft.results or any(other.kind not in {OpKind.CONV, OpKind.DEPTHWISE} for other in read[pad.writes]):
            continue
        height, width, _ = draft.shapes[pad.writes]
        own = piece.pads or same_pads((height, width), piece.window, piece.stride, piece.dilation)
        top, left, bottom, right = (a + b for a, b in zip(pad.pads, own, strict=True))
        pieces[index] = replace(piece, reads=(pad.reads[0],), pads=(top, left, bottom, right))
        folded.add(pad.writes)
    draft.pieces = [piece for piece in pieces if piece.writes not in folded]


def _fuse_gates(draft: Draft) -> None:
    """Take x * sigmoid(x) as one function of x."""
    made = {piece.writes: piece for piece in draft.pieces}
    read = readers_of(draft.pieces)
    gates: set[str] = set()
    for index, piece in enumerate(draft.pieces):
        if piece.kind is not OpKind.MUL or len(piece.reads) != 2:
            continue
        for value, gate in (piece.reads, piece.reads[::-1]):
            maker = made.get(gate)
            if maker is None or maker.kind is not OpKind.ACTIVATION or maker.function not in GATED or maker.reads != (value,):
                continue
            if len(read[gate]) == 1 and gate not in draft.results:
                draft.pieces[index] = replace(piece, kind=OpKind.ACTIVATION, reads=(value,), function=GATED[maker.function])
                gates.add(gate)
                break
    draft.pieces = [piece for piece in draft.pieces if piece.writes not in gates]


def _fuse_functions(draft: Draft) -> None:
    """Let the operator before a function apply it, where nobody else reads what it writes."""
    read = readers_of(draft.pieces)
    made: dict[str, Piece] = {}
    renamed: dict[str, str] = {}
    for piece in draft.pieces:
        piece = replace(piece, reads=tuple(renamed.get(value, value) for value in piece.reads))  # noqa: PLW2901
        maker = made.get(piece.reads[0])
        if maker is not None and _can_take(draft, maker, piece, read):
            function = maker.function if piece.function == "affine" else piece.function
            made[maker.writes] = replace(maker, function=function)
            renamed[piece.writes] = maker.writes
            draft.taken_in[piece.name] = maker.name
            read[maker.writes] = read.get(piece.writes, [])
            draft.results = [maker.writes if value == piece.writes else value for value in draft.results]
        elif piece.kind is OpKind.ACTIVATION and piece.function == "affine" and piece.reads[0] == draft.image:
            renamed[piece.writes] = draft.image
            draft.notes.append(f"folded into the scale of the image: {piece.name!r}")
        else:
            made[piece.writes] = piece
    draft.pieces = list(made.values())


def _can_take(draft: Draft, maker: Piece, piece: Piece, read: dict[str, list[Piece]]) -> bool:
    if piece.kind is not OpKind.ACTIVATION or piece.function not in FUSED or maker.kind not in TAKES_FUNCTION:
        return False
    if maker.function and piece.function != "affine":
        return maker.function == piece.function and len(read[maker.writes]) == 1 and maker.writes not in draft.results
    return len(read[maker.writes]) == 1 and maker.writes not in draft.results


def _list(names: Iterable[str], most: int = 5) -> str:
    shown = list(names)
    return ", ".join(repr(name) for name in shown[:most]) + (f" and {len(shown) - most} more" if len(shown) > most else "")
