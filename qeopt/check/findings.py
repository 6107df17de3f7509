"""What a check finds."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class Weight(StrEnum):
    """How much a finding matters."""

    ERROR = "error"
    """It cannot work."""
    WARNING = "warning"
    """It works, but perhaps not as meant."""
    NOTE = "note"
    """A fact to know."""


@dataclass(frozen=True, slots=True)
class Finding:
    """Something that a check found."""

    weight: Weight
    text: str
    key: tuple[str, ...] = ()
    """Path of the value that it is about; empty for none."""
    change: tuple[tuple[str, str], ...] = ()
    """What would help: keys of the study and what they would have to be."""
