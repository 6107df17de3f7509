"""A problem turned round: what rows count is minimised, instead of what choices gain maximised.

An engine maximises a sum over choices. What a row counts of linked combinations is no such sum, so every link that is priced gets
one more choice, which follows from the others: its options are the costs that their combinations may have.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from qeopt_solvers.allocation import AllocationProblem, Choice, Link, LinkTerm, Row, Term, TieBreak
from qeopt_solvers.outcome import Limits, Outcome
from qeopt_solvers.project_links import project_links
from qeopt_solvers.solve import solve


def least_use(problem: AllocationProblem, costs: Sequence[Row], engine: str = "cp_sat", limits: Limits | None = None) -> Outcome:
    """Find the picks of which `costs[0]` counts least; of those, the ones of which `costs[1]` counts least; and so on.

    Args:
        problem: Its links and rows have to hold; its gains and tie-breaks do not matter.
        costs: Rows over the choices and links of the problem; their limits do not matter.
        engine: An exact engine.
        limits: Where it stops; its hint is one of `problem`.

    Returns:
        An outcome with picks of `problem`. Its value is minus what `costs[0]` counts; the other rows are its tie-breaks.

    Raises:
        EngineError: when the engine is unknown or its package is missing.
    """
    turned = _Turned.of(problem, costs)
    limits = limits or Limits()
    hint = None if limits.hint is None else turned.raised(limits.hint)
    outcome = solve(turned.problem, engine, replace(limits, hint=hint))
    picks = None if outcome.picks is None else tuple(outcome.picks[place] for place in turned.places)
    value, bound = (None if one is None else one - costs[0].fixed for one in (outcome.value, outcome.bound))
    return replace(outcome, picks=picks, value=value, bound=bound, certificate=None)


@dataclass(frozen=True, slots=True)
class _Priced:
    """A further choice: what a row counts of a link."""

    row: int
    """Number of the row among the costs."""
    link: Link
    levels: tuple[int, ...]
    """Costs that there are, ascending: its options."""
    options: tuple[int, ...]
    """The option by combination of the link."""

    @classmethod
    def of(cls, row: int, link: Link, term: LinkTerm) -> _Priced:
        levels = tuple(sorted(set(term.costs)))
        return cls(row, link, levels, tuple(levels.index(cost) for cost in term.costs))


@dataclass(frozen=True, slots=True)
class _Turned:
    """The problem that is solved, and where the choices of the original are in it."""

    problem: AllocationProblem
    places: tuple[int, ...]
    """By choice of the original, its number in the problem."""
    priced: tuple[tuple[int, _Priced], ...]
    """Further choices, each with its number in the problem."""

    @classmethod
    def of(cls, problem: AllocationProblem, costs: Sequence[Row]) -> _Turned:
        """Put every further choice right after the last one that it follows from, as engines are fast among neighbours."""
        every = project_links(replace(problem, rows=(*problem.rows, *costs)))
        rows, counted = every.rows[: len(problem.rows)], every.rows[len(problem.rows) :]
        further = [
            _Priced.of(number, every.links[term.link], term) for number, row in enumerate(counted) for term in row.link_terms
        ]
        places: list[int] = []
        priced: list[tuple[int, _Priced]] = []
        for choice in range(len(every.choices)):
            places.append(len(places) + len(priced))
            for one in further:
                if max(one.link.choices) == choice:
                    priced.append((len(places) + len(priced), one))
        terms = [tuple(_terms(number, row, places, priced)) for number, row in enumerate(counted)]
        gains = {term.choice: tuple(-cost for cost in term.costs) for term in terms[0]}
        own = dict(zip(places, every.choices, strict=True))
        own |= {place: Choice(f"{counted[one.row].name} of {one.link.name}", one.levels, one.levels) for place, one in priced}
        links = [replace(link, choices=tuple(places[choice] for choice in link.choices)) for link in every.links]
        links += [_following(one, place, places) for place, one in priced]
        turned = AllocationProblem(
            tuple(replace(own[place], gains=gains.get(place, (0,) * len(own[place].labels))) for place in range(len(own))),
            tuple(links),
            tuple(_renumbered(row, places) for row in rows),
            tuple(TieBreak(row.name, row.unit, of) for row, of in zip(counted[1:], terms[1:], strict=True)),
        )
        return cls(turned, tuple(places), tuple(priced))

    def raised(self, picks: Sequence[int]) -> tuple[int, ...] | None:
        """Picks of the original as picks of the problem; None where a link does not allow them."""
        found = dict(zip(self.places, picks, strict=True))
        for place, one in self.priced:
            combination = tuple(picks[choice] for choice in one.link.choices)
            if combination not in one.link.allowed:
                return None
            found[place] = one.options[one.link.allowed.index(combination)]
        return tuple(found[place] for place in range(len(found)))


def _terms(number: int, row: Row, places: Sequence[int], priced: Sequence[tuple[int, _Priced]]) -> Iterator[Term]:
    """What a cost counts, of single choices alone."""
    for term in row.terms:
        yield Term(places[term.choice], term.costs)
    for place, one in priced:
        if one.row == number:
            yield Term(place, one.levels)


def _following(one: _Priced, place: int, places: Sequence[int]) -> Link:
    """The link that makes a further choice follow from the others."""
    allowed = ((*combination, option) for combination, option in zip(one.link.allowed, one.options, strict=True))
    return Link(f"cost of {one.link.name}", (*(places[choice] for choice in one.link.choices), place), tuple(allowed))


def _renumbered(row: Row, places: Sequence[int]) -> Row:
    return replace(row, terms=tuple(replace(term, choice=places[term.choice]) for term in row.terms))
