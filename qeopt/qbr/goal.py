"""What bits are chosen for, where that is not the score."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class LeastUse:
    """Bits that use the least of a budget."""

    names: tuple[str, ...]
    """One or two budgets that add up over operators and that bits change. Of bits that use the same of the first, those that use
    the least of the second, or have the least SRAM traffic where there is none."""
    floor: float | None = None
    """What the score may not fall below, counted in millionths as the program does; None where it does not matter."""
