"""What is said of operators that cannot be taken, and how users can say what they are (`treat_as`)."""

from __future__ import annotations

from collections.abc import Mapping
from math import prod

from qeopt.network.importers.draft import Draft
from qeopt.spec.errors import quote

WAYS: Mapping[str, str] = {
    "activation": "a function of each value",
    "identity": "nothing",
    "move": "a copy in another order",
    "cut": "the network then ends before it",
}


def not_taken(kind: str, reasons: Mapping[str, str]) -> str:
    """Why operators of a kind cannot be taken."""
    return f"operator {quote(kind)} {reasons.get(kind, 'is not known')}"


def ways_to_take(
    kind: str, reasons: Mapping[str, str], draft: Draft, have: tuple[int, ...] | None, want: tuple[int, ...] | None
) -> str:
    """Why an operator cannot be taken, and what leads somewhere.

    Args:
        kind: Its kind.
        reasons: Why those that people meet cannot be taken, by kind.
        draft: What was read before it.
        have: Dimensions of what it reads; None where that depends on no image.
        want: Dimensions of what it writes; None where they are not known.
    """
    said = not_taken(kind, reasons)
    if have is None:
        return said
    ways: tuple[str, ...] = ()
    if kind not in reasons and have == want:
        ways = ("activation", "identity")
    elif kind not in reasons and want is not None and prod(have) == prod(want):
        ways = ("move",)
    elif any(piece.weights is not None for piece in draft.pieces):
        ways = ("cut",)
    told = " or ".join(f"treat_as: {{{kind}: {way}}} ({WAYS[way]})" for way in ways)
    return f"{said}; say how to take it: {told}" if told else said
