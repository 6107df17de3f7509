"""Functions and means that files spell in several operators."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from math import isclose

import numpy as np

from qeopt.network.functions import CLIPS, bounds
from qeopt.network.graph import OpKind
from qeopt.network.importers.constant import Constant
from qeopt.network.importers.draft import Draft, Piece, readers_of
from qeopt.network.importers.model import refuse


def merge_means(draft: Draft) -> None:
    """Take a mean over all rows and one over all columns, in whichever order, for one over all positions."""
    read = readers_of(draft.pieces)
    made = {piece.writes: piece for piece in draft.pieces}
    for piece in list(draft.pieces):
        before = made.get(piece.reads[0])
        if before is None or len(read[before.writes]) > 1 or before.writes in draft.results:
            continue
        height, width, _ = draft.shapes[before.reads[0]]
        windows = {before.window, piece.window}
        plain = all(one.kind is OpKind.POOL and one.pads == (0, 0, 0, 0) and not one.function for one in (before, piece))
        if plain and windows == {(height, 1), (1, width)} and draft.shapes[piece.writes][:2] == (1, 1):
            merged = replace(piece, reads=before.reads, window=(height, width))
            draft.pieces = [merged if other is piece else other for other in draft.pieces if other is not before]
            made[piece.writes] = merged


def _padded(piece: Piece, more: tuple[int, int, int, int]) -> tuple[int, int, int, int]:
    top, left, bottom, right = piece.pads or (0, 0, 0, 0)
    return top + more[0], left + more[1], bottom + more[2], right + more[3]


def _fits(pads: tuple[int, int, int, int], window: tuple[int, int]) -> bool:
    """Whether every window sees something beside padding."""
    return all(margin < window[at % 2] for at, margin in enumerate(pads))


LOWEST = -1e30
"""Values at most this large are padded with so that no maximum takes them."""


def merge_pads(draft: Draft) -> None:
    """Let largest values be taken over padded windows where a file pads with the least number before.

    Raises:
        SpecError: anything else reads such padding.
    """
    read = readers_of(draft.pieces)
    for piece in [piece for piece in draft.pieces if piece.kind is OpKind.PAD and (piece.terms or (0.0,))[0] != 0.0]:
        value, around = float(piece.terms[0] or 0.0), piece.pads or (0, 0, 0, 0)
        if LOWEST < value < -LOWEST:
            continue
        readers = read.get(piece.writes, [])
        within = all(one.kind is OpKind.MAX_POOL and _fits(_padded(one, around), one.window) for one in readers)
        if not value < 0 or any(piece.channel_pads) or piece.writes in draft.results or not within:
            raise refuse(draft.path, f"padding with {value:g} is known before the largest values of windows only", piece.name)
        merged = {one.name: replace(one, reads=piece.reads, pads=_padded(one, around)) for one in readers}
        draft.pieces = [merged.get(other.name, other) for other in draft.pieces if other is not piece]
        read = readers_of(draft.pieces)


def fuse_gates(draft: Draft) -> None:
    """Take x * sigmoid(x), x * hardsigmoid(x) and the pieces that some exporters make of them for one function of x."""
    changed = True
    while changed:
        read = readers_of(draft.pieces)
        made = {piece.writes: piece for piece in draft.pieces}
        changed = any(_fuse(draft, piece, made, read) for piece in list(draft.pieces))


def _fuse(draft: Draft, piece: Piece, made: Mapping[str, Piece], read: Mapping[str, list[Piece]]) -> bool:
    before = made.get(piece.reads[0])
    if piece.kind is OpKind.AFFINE and before is not None and _sole(draft, before, read):
        factor, summand = number(piece.weights), piece.bias
        if factor is None or summand is not None or piece.function:
            return False
        if before.kind is OpKind.AFFINE and before.function in CLIPS:
            gate = _hard_sigmoid(before, factor)
            return gate is not None and _put(draft, before, replace(gate, name=piece.name, writes=piece.writes), piece)
        if before.kind is OpKind.MUL and not before.function and len(before.reads) == 2:
            return _scaled_gate(draft, before, piece, factor, made, read)
    if piece.kind is OpKind.MUL and len(piece.reads) == 2:
        for value, other in (piece.reads, piece.reads[::-1]):
            maker = made.get(other)
            fused = None if maker is None or maker.reads != (value,) or not _sole(draft, maker, read) else _gated(maker)
            if fused is not None and maker is not None:
                made_of = replace(piece, kind=OpKind.ACTIVATION, reads=(value,), function=fused[0], terms=fused[1])
                return not piece.function and _put(draft, maker, made_of, piece)
    return False


def _scaled_gate(
    draft: Draft, product: Piece, piece: Piece, factor: float, made: Mapping[str, Piece], read: Mapping[str, list[Piece]]
) -> bool:
    """Take x * clip(x + 3, 0, 6) times a factor for a gate: the factor belongs to the clip."""
    for gate in product.reads:
        maker = made.get(gate)
        if maker is None or maker.kind is not OpKind.AFFINE or maker.function not in CLIPS or not _sole(draft, maker, read):
            continue
        found = _hard_sigmoid(maker, factor)
        if found is not None:
            draft.pieces = [found if other is maker else other for other in draft.pieces]
            return _put(draft, product, replace(product, name=piece.name, writes=piece.writes), piece)
    return False


def _hard_sigmoid(piece: Piece, factor: float) -> Piece | None:
    """A factor times values kept between two bounds, as the function that goes from 0 to 1; None where it is not."""
    slope = 1.0 if piece.weights is None else number(piece.weights)
    shift = 0.0 if piece.bias is None else number(piece.bias)
    low, high = bounds(piece.function, piece.terms)
    if slope is None or shift is None or low != 0 or high is None or not isclose(high * factor, 1, rel_tol=1e-5):
        return None
    terms = (_round(slope * factor), _round(shift * factor))
    usual = isclose(terms[0], 1 / 6, rel_tol=1e-5) and isclose(terms[1], 0.5, rel_tol=1e-5)
    return replace(piece, kind=OpKind.ACTIVATION, function="hardsigmoid", terms=() if usual else terms, weights=None, bias=None)


def _gated(gate: Piece) -> tuple[str, tuple[float | None, ...]] | None:
    """The function that x times a gate of x is."""
    if gate.kind is OpKind.ACTIVATION and gate.function == "sigmoid":
        return "silu", ()
    if gate.kind is OpKind.ACTIVATION and gate.function == "hardsigmoid" and not gate.terms:
        return "hardswish", ()
    return None


def _put(draft: Draft, gone: Piece, made: Piece, old: Piece) -> bool:
    draft.pieces = [made if other.name == old.name else other for other in draft.pieces if other.name != gone.name]
    return True


def _sole(draft: Draft, piece: Piece, read: Mapping[str, list[Piece]]) -> bool:
    return len(read.get(piece.writes, ())) == 1 and piece.writes not in draft.results


def number(constant: Constant | None) -> float | None:
    """The only value of a constant; None where it has several, or they are not at hand."""
    values = None if constant is None or constant.size != 1 else constant.values()
    return None if values is None else float(np.asarray(values).reshape(-1)[0])


def _round(value: float) -> float:
    """A number as single precision says it."""
    return float(np.float32(value))
