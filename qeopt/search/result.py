"""What a search reports while it runs and when it ends."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from qeopt.qbr import Refined
from qeopt.space import Structure


class Stop(StrEnum):
    """Why a search ended."""

    EVALUATIONS = "evaluations"
    EXHAUSTED = "space exhausted"
    """No new structure was found."""
    TIME = "time limit"
    """The safety net; another run may end elsewhere."""
    INTERRUPTED = "interrupted"
    SINGLE = "single structure"


@dataclass(frozen=True, slots=True)
class Candidate:
    """A structure, the most it can score, and its exact bits once they were worth finding."""

    structure: Structure
    relaxed: float


@dataclass(frozen=True, slots=True)
class Best:
    """The best structure so far, with exact bits."""

    structure: Structure
    refined: Refined
    score: float


@dataclass(frozen=True, slots=True)
class Progress:
    """Where a search stands after a generation."""

    generation: int
    evaluations: int
    feasible: int
    """Structures evaluated so far for which the relaxation found bits."""
    refined: int
    """Exact programs solved so far."""
    best_score: float | None
    seconds: float


@dataclass(frozen=True, slots=True)
class SearchResult:
    """What a search found."""

    best: Best | None
    stopped: Stop
    history: tuple[Progress, ...] = ()
    population: tuple[Candidate, ...] = ()
    reason: str = ""
    """Why nothing fits, where nothing was found."""
