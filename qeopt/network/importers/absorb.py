"""Take factors and summands into the weights before or behind them, with their values."""

from __future__ import annotations

from dataclasses import replace
from math import prod

import numpy as np

from qeopt.network.graph import WEIGHTED_KINDS, OpKind
from qeopt.network.importers.constant import Array, Constant, combined
from qeopt.network.importers.draft import Draft, Piece, readers_of

_MOVES = frozenset({OpKind.TRANSPOSE, OpKind.RESHAPE})


def absorb(draft: Draft) -> None:
    """Take affine operators into others until none is left that can be: backwards first, then forwards."""
    changed = True
    while changed:
        changed = _once(draft)


def _once(draft: Draft) -> bool:
    read = readers_of(draft.pieces)
    made = {value: piece for piece in draft.pieces for value in piece.written}
    for piece in draft.pieces:
        if piece.kind is OpKind.AFFINE:
            maker = made.get(piece.reads[0])
            if maker is not None and _is_only(draft, read, piece.reads[0]) and _backwards(draft, maker, piece):
                return True
            if _forwards(draft, piece, read.get(piece.writes, [])):
                return True
        if piece.kind in _MOVES and piece.name not in draft.copies and _into_dense(draft, piece, read.get(piece.writes, [])):
            return True
    return False


def _is_only(draft: Draft, read: dict[str, list[Piece]], value: str) -> bool:
    return len(read[value]) == 1 and value not in draft.results


def _backwards(draft: Draft, maker: Piece, piece: Piece) -> bool:
    """Take a factor and a summand into the operator before, which writes what `piece` wrote."""
    if maker.function or maker.others or (maker.kind not in WEIGHTED_KINDS and maker.kind is not OpKind.AFFINE):
        return False
    if maker.kind is OpKind.AFFINE:
        scaled = None if maker.bias is None else _product(piece.weights, maker.bias)
        weights, bias = _product(piece.weights, maker.weights), _sum(scaled, piece.bias)
    else:
        channels = draft.shapes[maker.writes][2]
        if not all(_is_by_channel(constant, channels) for constant in (piece.weights, piece.bias)):
            return False
        weights, bias = maker.weights, maker.bias
        if piece.weights is not None and weights is not None:
            rank = len(weights.dims)
            weights = combined(
                lambda w, s: np.asarray(w, np.float64) * _spread(s, channels).reshape(-1, *[1] * (rank - 1)),
                weights.dims,
                weights,
                piece.weights,
            )
            weights = replace(weights, bits=maker.weights.bits if maker.weights else None)
        bias = combined(
            lambda b, s, t: (
                (0 if b is None else np.asarray(b, np.float64).reshape(-1)) * _spread(1 if s is None else s, channels)
                + _spread(0 if t is None else t, channels)
            ),
            (channels,),
            bias,
            piece.weights,
            piece.bias,
        )
    merged = replace(maker, weights=weights, bias=bias, writes=piece.writes, function=piece.function, terms=piece.terms)
    _replace(draft, {maker.name: merged}, gone=piece)
    draft.taken_in[piece.name] = maker.name
    return True


def _forwards(draft: Draft, piece: Piece, readers: list[Piece]) -> bool:
    """Take a factor and a summand into the weights of everything that reads them."""
    if piece.function or piece.writes in draft.results or not readers:
        return False
    if not all(reader.reads == (piece.writes,) and _can_read(draft, reader, piece) for reader in readers):
        return False
    _replace(draft, {reader.name: _behind(draft, reader, piece) for reader in readers}, gone=piece)
    if piece.reads[0] == draft.image:
        draft.notes.append(f"folded into the weights that read the image: {piece.name!r}")
    return True


def _can_read(draft: Draft, reader: Piece, piece: Piece) -> bool:
    if reader.kind not in WEIGHTED_KINDS or reader.weights is None or reader.moves:
        return False
    channels = draft.shapes[piece.writes][2]
    plain = all(_is_by_channel(constant, channels) for constant in (piece.weights, piece.bias))
    if reader.kind is OpKind.DENSE:
        return True
    is_padded = reader.pads is None or any(reader.pads) or reader.kind is OpKind.TRANSPOSED_CONV
    return plain and (piece.bias is None or not is_padded)


def _behind(draft: Draft, reader: Piece, piece: Piece) -> Piece:
    height, width, channels = draft.shapes[piece.writes]
    weights, factor, summand = reader.weights, piece.weights, piece.bias
    assert weights is not None
    dims, is_dense, is_depthwise = weights.dims, reader.kind is OpKind.DENSE, reader.kind is OpKind.DEPTHWISE
    groups = channels if is_depthwise else reader.groups

    def by_input(values: Array) -> Array:
        """A value per input of the operator, in the layout of its weights."""
        full = np.asarray(values, np.float64)
        if is_dense:
            return np.asarray(
                np.broadcast_to(full.reshape((1,) * (3 - full.ndim) + full.shape), (channels, height, width)).reshape(1, -1)
            )
        spread = _spread(full, channels).reshape(groups, channels // groups)
        return np.asarray(np.repeat(spread, dims[0] // groups, axis=0).reshape(dims[0], channels // groups, 1, 1))

    def shifted(w: Array, t: Array, b: Array | None) -> Array:
        added = (np.asarray(w, np.float64).reshape(dims) * by_input(t)).reshape(dims[0], -1).sum(axis=1)
        return np.asarray(added if b is None else added + np.asarray(b, np.float64).reshape(-1))

    bias = reader.bias if summand is None else combined(shifted, (dims[0],), weights, summand, reader.bias)
    if factor is not None:
        scaled = combined(lambda w, s: np.asarray(w, np.float64).reshape(dims) * by_input(s), dims, weights, factor)
        weights = replace(scaled, bits=weights.bits)
    return replace(reader, reads=piece.reads, weights=weights, bias=bias)


def _into_dense(draft: Draft, piece: Piece, readers: list[Piece]) -> bool:
    """Let dense layers read values as they lie, their weights in that order."""
    if not readers or piece.writes in draft.results or piece.function:
        return False
    if not all(reader.kind is OpKind.DENSE and not reader.moves and reader.weights is not None for reader in readers):
        return False
    order = _order(piece, prod(draft.shapes[piece.reads[0]]))
    changed = {}
    for reader in readers:
        weights = reader.weights
        if order is not None and weights is not None:
            weights = weights.then(weights.dims, lambda values, at=order: np.asarray(values)[:, at], key=f"after {piece.moves}")  # type: ignore[misc]
        changed[reader.name] = replace(reader, reads=piece.reads, weights=weights)
    _replace(draft, changed, gone=piece)
    return True


def _order(piece: Piece, count: int) -> Array | None:
    """Where each value that a move reads has gone; None where it stays."""
    places = np.arange(count)
    for view, perm in piece.moves:
        places = places.reshape(view).transpose(perm).reshape(-1)
    return np.argsort(places) if piece.moves else None


def _replace(draft: Draft, changed: dict[str, Piece], gone: Piece) -> None:
    draft.pieces = [changed.get(piece.name, piece) for piece in draft.pieces if piece.name != gone.name]


def _is_by_channel(constant: Constant | None, channels: int) -> bool:
    return constant is None or constant.size == 1 or (constant.size == channels and constant.dims[0] == channels)


def _spread(values: Array | float, channels: int) -> Array:
    return np.broadcast_to(np.asarray(values, np.float64).reshape(-1), (channels,))


def _product(one: Constant | None, other: Constant | None) -> Constant | None:
    if one is None or other is None:
        return one or other
    return combined(lambda a, b: np.asarray(a, np.float64) * np.asarray(b, np.float64), _together(one, other), one, other)


def _sum(one: Constant | None, other: Constant | None) -> Constant | None:
    if one is None or other is None:
        return one or other
    return combined(lambda a, b: np.asarray(a, np.float64) + np.asarray(b, np.float64), _together(one, other), one, other)


def _together(one: Constant, other: Constant) -> tuple[int, ...]:
    dims = np.broadcast_shapes(one.dims, other.dims)
    return tuple(int(side) for side in dims)
