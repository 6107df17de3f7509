"""What an engine answers."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Protocol

from qeopt_solvers.allocation import AllocationProblem


class Status(StrEnum):
    """How much an engine proved. Heuristics answer `FEASIBLE` without a bound, or `UNKNOWN`; never the other two."""

    OPTIMAL = "optimal"
    """The picks are feasible and no answer has a higher value."""
    FEASIBLE = "feasible"
    """The picks are feasible; the engine stopped before it proved that nothing is better."""
    INFEASIBLE = "infeasible"
    """Proven: no picks satisfy every row and link."""
    UNKNOWN = "unknown"
    """Stopped with neither picks nor proof."""


@dataclass(frozen=True, slots=True)
class Limits:
    """When to stop, and the seed. Deterministic limits repeat exactly; seconds are a safety net."""

    seconds: float | None = None
    deterministic: float | None = None
    """In the engine's own deterministic unit; an engine without one ignores it and says so in its traits."""
    seed: int = 0
    hint: tuple[int, ...] | None = None
    """Picks to start from, where an engine can use them."""


@dataclass(frozen=True, slots=True)
class Certificate:
    """A bound that can be checked without a solver: multipliers of the rows.

    `prices[i] / scale` is the price of one unit of `rows[i]`. `recount.priced_bound` evaluates what they prove.
    """

    prices: tuple[int, ...]
    scale: int
    bound: int


@dataclass(frozen=True, slots=True)
class Outcome:
    """An engine's answer to one problem."""

    status: Status
    engine: str
    picks: tuple[int, ...] | None = None
    """An option index per choice; None unless the status is `OPTIMAL` or `FEASIBLE`."""
    value: int | None = None
    """The summed gains of the picks."""
    bound: int | None = None
    """No answer has a higher value than this; equal to `value` when optimal, None where nothing was proven."""
    ties_proven: bool = False
    """Every tie-break phase was proven too, so these picks are *the* answer."""
    certificate: Certificate | None = None
    deterministic_time: float | None = None
    note: str = ""
    """What a reader must know of how the answer came about ("stopped at 10 s", "reduced problem solved by cp_sat")."""

    @property
    def has_picks(self) -> bool:
        """Whether there is an answer to use."""
        return self.picks is not None


class Engine(Protocol):
    """Solves an allocation problem within limits. State lives inside the call."""

    def __call__(self, problem: AllocationProblem, limits: Limits, /) -> Outcome:
        """Answer `problem`; never raises because of infeasibility or a limit."""
        ...
