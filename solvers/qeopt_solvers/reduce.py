"""Make a problem smaller without changing its answer.

Every rule keeps at least one lexicographic optimum (value, then every tie-break): an option goes only if it cannot be part of a
feasible answer, or if another option is no worse in gain, in every row and in every tie-break and legal wherever it is.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from math import gcd

from qeopt_solvers.allocation import AllocationProblem, Choice, Link, LinkTerm, Row, Term, TieBreak
from qeopt_solvers.chains.reach import within_reach
from qeopt_solvers.product import product_sets
from qeopt_solvers.project_links import project_links


@dataclass(frozen=True, slots=True)
class Reduced:
    """A smaller problem with the same choices and, per choice, fewer options."""

    problem: AllocationProblem
    kept: tuple[tuple[int, ...], ...]
    """Per choice: which option of the original each remaining option is."""

    def lift(self, picks: Sequence[int]) -> tuple[int, ...]:
        """Translate picks of the small problem to the original one."""
        return tuple(options[pick] for options, pick in zip(self.kept, picks, strict=True))

    def lower(self, picks: Sequence[int]) -> tuple[int, ...] | None:
        """Translate picks of the original problem to the small one; None if one of them was removed."""
        if any(pick not in options for options, pick in zip(self.kept, picks, strict=True)):
            return None
        return tuple(options.index(pick) for options, pick in zip(self.kept, picks, strict=True))


def reduce(problem: AllocationProblem, until: float | None = None) -> Reduced | None:
    """Apply every rule until none applies, or no rule any more once the monotonic clock shows `until`.

    None when that proves the problem infeasible.
    """
    reduced = Reduced(project_links(problem), tuple(tuple(range(len(choice.labels))) for choice in problem.choices))
    while until is None or time.monotonic() < until:
        doomed = _impossible(reduced.problem)
        if doomed is None:
            return None
        slimmer = keep(reduced, doomed)
        if not all(link.allowed for link in slimmer.problem.links):
            return None
        slimmer = replace(slimmer, problem=_without_idle_parts(slimmer.problem))
        slimmer = keep(slimmer, _undominated(slimmer.problem))
        if slimmer.problem == reduced.problem:
            slimmer = _within_reach(slimmer)
        if slimmer.problem == reduced.problem:
            break
        reduced = slimmer
    return replace(reduced, problem=_divided(reduced.problem))


def _within_reach(reduced: Reduced) -> Reduced:
    """Drop what no answer as good as one found can use, by reduced costs; ties with that answer stay."""
    problem = reduced.problem
    options = [set(range(len(choice.labels))) for choice in problem.choices]
    owner: dict[int, tuple[tuple[int, ...], frozenset[tuple[int, ...]]]] = {}
    for members, combinations in within_reach(problem):
        for choice, near in zip(members, zip(*combinations, strict=True), strict=True):
            options[choice] &= set(near)
            owner[choice] = (members, combinations)
    slimmer = [[place for place, picks in enumerate(link.allowed) if _near(link, picks, owner)] for link in problem.links]
    return keep(_keep_tuples(reduced, slimmer), [sorted(near) for near in options])


def _near(link: Link, picks: tuple[int, ...], owner: dict[int, tuple[tuple[int, ...], frozenset[tuple[int, ...]]]]) -> bool:
    """Whether a linked tuple is within reach; only told of links that span all choices of one item."""
    members, combinations = owner.get(link.choices[0], ((), frozenset()))
    if sorted(members) != sorted(link.choices):
        return True
    taken = dict(zip(link.choices, picks, strict=True))
    return tuple(taken[choice] for choice in members) in combinations


def _keep_tuples(reduced: Reduced, places: list[list[int]]) -> Reduced:
    problem = reduced.problem
    links = tuple(
        replace(link, allowed=tuple(link.allowed[place] for place in kept))
        for link, kept in zip(problem.links, places, strict=True)
    )
    rows = tuple(
        replace(row, link_terms=tuple(LinkTerm(t.link, tuple(t.costs[place] for place in places[t.link])) for t in row.link_terms))
        for row in problem.rows
    )
    return replace(reduced, problem=replace(problem, links=links, rows=rows))


def keep(reduced: Reduced, options: Sequence[Sequence[int]]) -> Reduced:
    """Keep only the `options` (per choice, of the reduced problem) and the linked tuples made of them."""
    problem = reduced.problem
    if all(len(kept) == len(choice.labels) for kept, choice in zip(options, problem.choices, strict=True)):
        return reduced
    renumber = [{option: new for new, option in enumerate(kept)} for kept in options]
    choices = tuple(
        Choice(choice.name, tuple(choice.labels[o] for o in kept), tuple(choice.gains[o] for o in kept))
        for choice, kept in zip(problem.choices, options, strict=True)
    )
    places = [
        [
            place
            for place, picks in enumerate(link.allowed)
            if all(o in renumber[c] for c, o in zip(link.choices, picks, strict=True))
        ]
        for link in problem.links
    ]
    problem = _keep_tuples(reduced, places).problem
    links = tuple(
        replace(
            link, allowed=tuple(tuple(renumber[c][o] for c, o in zip(link.choices, picks, strict=True)) for picks in link.allowed)
        )
        for link in problem.links
    )
    rows = tuple(replace(row, terms=_kept_terms(row.terms, options)) for row in problem.rows)
    ties = tuple(TieBreak(tie.name, tie.unit, _kept_terms(tie.terms, options)) for tie in problem.tie_breaks)
    originals = tuple(tuple(before[o] for o in kept) for before, kept in zip(reduced.kept, options, strict=True))
    return Reduced(AllocationProblem(choices, links, rows, ties), originals)


def _kept_terms(terms: tuple[Term, ...], options: Sequence[Sequence[int]]) -> tuple[Term, ...]:
    return tuple(Term(term.choice, tuple(term.costs[o] for o in options[term.choice])) for term in terms)


def _impossible(problem: AllocationProblem) -> list[list[int]] | None:
    """Options that some feasible answer may still use: supported by every link, within every row at everyone else's least."""
    alive = [set(range(len(choice.labels))) for choice in problem.choices]
    for link in problem.links:
        for choice, options in zip(
            link.choices, zip(*link.allowed, strict=True) if link.allowed else (), strict=bool(link.allowed)
        ):
            alive[choice] &= set(options)
        if not link.allowed:
            return None
    for row in problem.rows:
        spare = row.limit - row.least()
        if spare < 0:
            return None
        for term in row.terms:
            low = min(term.costs)
            alive[term.choice] &= {option for option, cost in enumerate(term.costs) if cost - low <= spare}
        for link_term in row.link_terms:
            link, low = problem.links[link_term.link], min(link_term.costs)
            fitting = [picks for picks, cost in zip(link.allowed, link_term.costs, strict=True) if cost - low <= spare]
            for choice, options in zip(link.choices, zip(*fitting, strict=True), strict=True):
                alive[choice] &= set(options)
    if not all(alive):
        return None
    return [sorted(options) for options in alive]


def _without_idle_parts(problem: AllocationProblem) -> AllocationProblem:
    """Drop rows that hold even at the most, terms that no longer vary, and links that rule nothing out and price nothing."""
    rows = []
    for row in problem.rows:
        if row.most() > row.limit:
            rows.append(_without_constants(row))
    ties = tuple(replace(tie, terms=tuple(term for term in tie.terms if len(set(term.costs)) > 1)) for tie in problem.tie_breaks)
    priced = {term.link for row in rows for term in row.link_terms}
    used = [index for index, link in enumerate(problem.links) if index in priced or not _free(problem, link)]
    renumber = {index: new for new, index in enumerate(used)}
    rows = [replace(row, link_terms=tuple(LinkTerm(renumber[term.link], term.costs) for term in row.link_terms)) for row in rows]
    return AllocationProblem(problem.choices, tuple(problem.links[index] for index in used), tuple(rows), ties)


def _without_constants(row: Row) -> Row:
    constant = sum(t.costs[0] for t in row.terms if len(set(t.costs)) == 1)
    constant += sum(t.costs[0] for t in row.link_terms if len(set(t.costs)) == 1)
    return replace(
        row,
        terms=tuple(term for term in row.terms if len(set(term.costs)) > 1),
        link_terms=tuple(term for term in row.link_terms if len(set(term.costs)) > 1),
        fixed=row.fixed + constant,
    )


def _free(problem: AllocationProblem, link: Link) -> bool:
    """Whether a link allows every combination of the options that are there."""
    sets = product_sets(link)
    return sets is not None and all(
        len(options) == len(problem.choices[choice].labels) for choice, options in zip(link.choices, sets, strict=True)
    )


def _undominated(problem: AllocationProblem) -> list[list[int]]:
    """Per choice, the options that no other option makes superfluous."""
    columns: list[list[tuple[int, ...]]] = [[tuple(-gain for gain in choice.gains)] for choice in problem.choices]
    for terms in (*(row.terms for row in problem.rows), *(tie.terms for tie in problem.tie_breaks)):
        for term in terms:
            columns[term.choice].append(term.costs)
    swaps: list[list[_Swap]] = [[] for _ in problem.choices]
    for index, link in enumerate(problem.links):
        priced = [term.costs for row in problem.rows for term in row.link_terms if term.link == index]
        costs = dict(zip(link.allowed, zip(*priced, strict=True) if priced else ((),) * len(link.allowed), strict=True))
        for place, member in enumerate(link.choices):
            swaps[member].append(_Swap(place, costs))
    kept: list[list[int]] = []
    for choice_columns, choice_swaps, choice in zip(columns, swaps, problem.choices, strict=True):
        alive = list(range(len(choice.labels)))
        for option in reversed(range(len(choice.labels))):
            if any(other != option and _dominates(other, option, choice_columns, choice_swaps) for other in alive):
                alive.remove(option)
        kept.append(alive)
    return kept


@dataclass(frozen=True, slots=True)
class _Swap:
    """A link as seen from one of its choices: which tuples are allowed, and what each costs in the rows that price it."""

    place: int
    costs: dict[tuple[int, ...], tuple[int, ...]]


def _dominates(other: int, option: int, columns: list[tuple[int, ...]], swaps: list[_Swap]) -> bool:
    if any(costs[other] > costs[option] for costs in columns):
        return False
    for swap in swaps:
        for picks, costs in swap.costs.items():
            if picks[swap.place] == option:
                swapped = swap.costs.get((*picks[: swap.place], other, *picks[swap.place + 1 :]))
                if swapped is None or any(new > old for new, old in zip(swapped, costs, strict=True)):
                    return False
    return True


def _divided(problem: AllocationProblem) -> AllocationProblem:
    """Divide every row by the greatest common divisor of its costs, which exact arithmetic does not mind and floats prefer."""
    rows = []
    for row in problem.rows:
        divisor = gcd(*(c for t in row.terms for c in t.costs), *(c for t in row.link_terms for c in t.costs)) or 1
        rows.append(
            replace(
                row,
                limit=(row.limit - row.fixed) // divisor,
                fixed=0,
                terms=tuple(Term(t.choice, tuple(c // divisor for c in t.costs)) for t in row.terms),
                link_terms=tuple(LinkTerm(t.link, tuple(c // divisor for c in t.costs)) for t in row.link_terms),
            )
        )
    return replace(problem, rows=tuple(rows))
