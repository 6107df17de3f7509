"""How far a score is from what is proven of it."""

from __future__ import annotations


def relative_gap(score: float, bound: float) -> float:
    """(bound - score) / |score|, never below 0."""
    return max(bound - score, 0.0) / max(abs(score), 1e-12)


def known_gap(score: float | None, bound: float | None) -> float | None:
    """The same; None where one of them is not known."""
    return None if score is None or bound is None else relative_gap(score, bound)
