"""What a search reports while it runs and when it ends."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from qeopt.qbr import Refined
from qeopt.relaxation.bound import BoundPart, JointBound
from qeopt.search.island import Candidate
from qeopt.space import Structure


class Stop(StrEnum):
    """Why a search ended."""

    GAP = "proven gap"
    EVALUATIONS = "evaluations"
    EXHAUSTED = "no new structure found"
    """The space has been seen whole, or as far as the moves lead."""
    TIME = "time limit"
    """The safety net; another run may end elsewhere."""
    INTERRUPTED = "interrupted"
    SINGLE = "single structure"
    NOTHING = "proven that nothing fits"
    BOUND = "structures of the bound"
    """The strategy asked for no evolution."""


@dataclass(frozen=True, slots=True)
class Best:
    """A structure with exact bits."""

    structure: Structure
    refined: Refined
    score: float


@dataclass(frozen=True, slots=True)
class Alternative:
    """A design beside the best one."""

    design: Best
    distance: float
    """How far its structure is from the best one's: 0 for the same, 1 where every choice is at the other end."""


class Phase(StrEnum):
    """What a search is at."""

    BOUND = "bound"
    """It bounds the space: structures are met, none is evaluated yet."""
    RANGES = "ranges"
    """It bounds one range of designs after the other, by what they hold beside their tensors."""
    EVOLUTION = "evolution"


@dataclass(frozen=True, slots=True)
class Progress:
    """Where a search stands after a round, or after a walk of the bound."""

    generation: int
    """Generations that every island has made; 0 when only the structures of the bound and those around have been looked at."""
    evaluations: int
    feasible: int
    """Structures evaluated so far that may have bits, as far as arrays can tell."""
    refined: int
    """Exact programs solved so far."""
    best_score: float | None
    bound: float | None
    """No design of the space scores higher; None where no bound is known."""
    seconds: float
    """Time spent so far, that of the bound and of runs that were resumed included."""
    phase: Phase = Phase.EVOLUTION
    walks: int = 0
    """Passes over the space so far; only told before evolution."""
    most: int = 0
    """Walks or evaluations, whichever the phase counts, at which it ends at the latest; 0 if that is not known."""
    used: Mapping[str, float] = field(default_factory=dict)
    """Shares of its budgets that the best design uses, by name."""


@dataclass(frozen=True, slots=True)
class SearchResult:
    """What a search found."""

    best: Best | None
    stopped: Stop
    history: tuple[Progress, ...] = ()
    population: tuple[Candidate, ...] = ()
    bound: JointBound | None = None
    """What is proven of the whole space; None where it was not asked for or the space is no chain."""
    from_bound: float | None = None
    """The best score among the structures of the bound and those around, before any evolution."""
    reason: str = ""
    """Why nothing fits, where nothing was found."""
    alternatives: tuple[Alternative, ...] = ()
    none_fits: tuple[BoundPart, ...] = ()
    """What proves that no structure fits, where that is proven: a bound below nothing where every design is worth nothing."""
    """Designs beside the best, each as far from those before it as could be found."""
    excluded: bool = False
    """Whether it is proven that nothing fits; where nothing was found and this is not so, something may."""
