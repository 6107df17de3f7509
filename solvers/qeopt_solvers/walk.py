"""A walk from answer to answer that keeps every link legal: what the greedy engines share."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping, Sequence

from qeopt_solvers import recount
from qeopt_solvers.allocation import AllocationProblem
from qeopt_solvers.outcome import Limits, Outcome, Status

Change = Mapping[int, int]
"""New option per choice that changes."""

START_TRIES = 20_000
"""Options tried for a legal start before giving up; networks need about one per choice."""


class Walk:
    """Current picks and what they use of every row, kept in step."""

    def __init__(self, problem: AllocationProblem, picks: Sequence[int]) -> None:
        self.problem = problem
        self.picks = list(picks)
        self._links_of: list[list[int]] = [[] for _ in problem.choices]
        for index, link in enumerate(problem.links):
            for choice in link.choices:
                self._links_of[choice].append(index)
        self._allowed = [frozenset(link.allowed) for link in problem.links]
        self._costs: list[list[tuple[int, tuple[int, ...]]]] = [[] for _ in problem.choices]
        self._link_costs: list[list[tuple[int, dict[tuple[int, ...], int]]]] = [[] for _ in problem.links]
        for index, row in enumerate(problem.rows):
            for term in row.terms:
                self._costs[term.choice].append((index, term.costs))
            for link_term in row.link_terms:
                priced = dict(zip(problem.links[link_term.link].allowed, link_term.costs, strict=True))
                self._link_costs[link_term.link].append((index, priced))
        self.used = [recount.usage(problem, row, self.picks) or 0 for row in problem.rows]

    def rows_of(self, choice: int) -> frozenset[int]:
        """Rows that count `choice`, alone or as part of a link."""
        rows = {row for row, _ in self._costs[choice]}
        rows.update(row for link in self._links_of[choice] for row, _ in self._link_costs[link])
        return frozenset(rows)

    def use(self, choice: int, row: int) -> int:
        """What `choice` uses of `row` now, counting linked combinations it takes part in."""
        own = sum(costs[self.picks[choice]] for index, costs in self._costs[choice] if index == row)
        for link in self._links_of[choice]:
            own += sum(priced[self._tuple(link, {})] for index, priced in self._link_costs[link] if index == row)
        return own

    def deltas(self, change: Change) -> dict[int, int]:
        """What a legal `change` adds to each row it touches."""
        deltas: dict[int, int] = {}
        for choice, option in change.items():
            for row, costs in self._costs[choice]:
                deltas[row] = deltas.get(row, 0) + costs[option] - costs[self.picks[choice]]
        for link in {link for choice in change for link in self._links_of[choice]}:
            for row, priced in self._link_costs[link]:
                deltas[row] = deltas.get(row, 0) + priced[self._tuple(link, change)] - priced[self._tuple(link, {})]
        return deltas

    def gain(self, change: Change) -> int:
        """What `change` adds to the value."""
        return sum(
            self.problem.choices[choice].gains[option] - self.problem.choices[choice].gains[self.picks[choice]]
            for choice, option in change.items()
        )

    def legal(self, change: Change) -> bool:
        """Whether every link allows the picks after `change`."""
        links = {link for choice in change for link in self._links_of[choice]}
        return all(self._tuple(link, change) in self._allowed[link] for link in links)

    def fits(self, change: Change) -> bool:
        """Whether `change` pushes no row over its limit (or further over it)."""
        return all(
            delta <= 0 or self.used[row] + delta <= self.problem.rows[row].limit for row, delta in self.deltas(change).items()
        )

    def descends(self, change: Change) -> bool:
        """Whether `change` raises no option: a rule that only descends comes to an end."""
        return all(option <= self.picks[choice] for choice, option in change.items())

    def apply(self, change: Change) -> None:
        """Move."""
        for row, delta in self.deltas(change).items():
            self.used[row] += delta
        for choice, option in change.items():
            self.picks[choice] = option

    def broken_rows(self) -> list[int]:
        """Rows over their limit."""
        return [index for index, row in enumerate(self.problem.rows) if self.used[index] > row.limit]

    def changes(self, choice: int, option: int) -> Iterator[Change]:
        """Yield legal ways to give `choice` the option: alone, or with the partners that one link of it asks to move too."""
        alone = {choice: option}
        if self.legal(alone):
            yield alone
            return
        for link in self._links_of[choice]:
            if self._tuple(link, alone) in self._allowed[link]:
                continue
            members = self.problem.links[link].choices
            for combination in self.problem.links[link].allowed:
                change = {c: o for c, o in zip(members, combination, strict=True) if o != self.picks[c]}
                if change.get(choice) == option and self.legal(change):
                    yield change

    def _tuple(self, link: int, change: Change) -> tuple[int, ...]:
        return tuple(change.get(choice, self.picks[choice]) for choice in self.problem.links[link].choices)


def legal_start(problem: AllocationProblem, rank: Callable[[int, int], float]) -> list[int] | None:
    """Pick the option of highest `rank(choice, option)` per choice, stepping back where links forbid the combination.

    Rows are ignored. Returns None when no legal picks were found within a fixed number of tries.
    """
    ending_at: list[list[int]] = [[] for _ in problem.choices]
    for index, link in enumerate(problem.links):
        for choice in link.choices:
            ending_at[choice].append(index)
    prefixes = [_partials(link.choices, link.allowed) for link in problem.links]
    orders = [
        sorted(range(len(choice.labels)), key=lambda option, index=index: -rank(index, option))  # type: ignore[misc]
        for index, choice in enumerate(problem.choices)
    ]
    picks: list[int] = []
    cursors = [0] * (len(orders) + 1)
    for _ in range(START_TRIES):
        depth = len(picks)
        if depth == len(orders):
            return picks
        if cursors[depth] == len(orders[depth]):
            if depth == 0:
                return None
            picks.pop()
            continue
        option = orders[depth][cursors[depth]]
        cursors[depth] += 1
        picks.append(option)
        if all(_known(problem.links[link].choices, picks) in prefixes[link] for link in ending_at[depth]):
            cursors[len(picks)] = 0
        else:
            picks.pop()
    return None


def _partials(members: tuple[int, ...], allowed: tuple[tuple[int, ...], ...]) -> frozenset[tuple[int | None, ...]]:
    """Every allowed tuple as it looks when only the choices up to some index are picked."""
    seen: set[tuple[int | None, ...]] = set()
    for last in members:
        keep = [choice <= last for choice in members]
        seen.update(tuple(o if k else None for o, k in zip(combination, keep, strict=True)) for combination in allowed)
    return frozenset(seen)


def _known(members: tuple[int, ...], picks: list[int]) -> tuple[int | None, ...]:
    return tuple(picks[choice] if choice < len(picks) else None for choice in members)


def greedy_outcome(engine: str, problem: AllocationProblem, walk: Walk | None) -> Outcome:
    """Answer `FEASIBLE` without a bound if the walk ended where every row holds, else `UNKNOWN`."""
    if walk is None:
        return Outcome(Status.UNKNOWN, engine, note="found no picks that the links allow")
    broken = walk.broken_rows()
    if broken:
        names = ", ".join(problem.rows[index].name for index in broken[:3])
        return Outcome(Status.UNKNOWN, engine, note=f"could not get within {names}")
    return Outcome(Status.FEASIBLE, engine, tuple(walk.picks), recount.value(problem, walk.picks))


class Clock:
    """Says when a greedy engine's seconds are over."""

    def __init__(self, limits: Limits) -> None:
        self._end = None if limits.seconds is None else time.monotonic() + limits.seconds

    def over(self) -> bool:
        """Whether to stop."""
        return self._end is not None and time.monotonic() >= self._end


def fill(walk: Walk, choices: Sequence[int], clock: Clock) -> None:
    """Use what is left: repeatedly take the change upwards of most gain per normalised cost until none fits."""
    while not clock.over():
        best: tuple[float, Change] | None = None
        for choice in choices:
            for option in range(len(walk.problem.choices[choice].labels)):
                for change in walk.changes(choice, option) if option != walk.picks[choice] else ():
                    gain = walk.gain(change)
                    if gain <= 0 or not walk.fits(change):
                        continue
                    deltas = walk.deltas(change)
                    cost = sum(delta / max(1, walk.problem.rows[row].limit) for row, delta in deltas.items() if delta > 0)
                    if best is None or gain / (cost + 1e-12) > best[0]:
                        best = (gain / (cost + 1e-12), change)
        if best is None:
            return
        walk.apply(best[1])
