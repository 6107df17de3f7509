"""How a problem falls apart once rows that cannot bind are set aside.

Choices that share a binding local row, a link that couples, or a linked combination that a binding total prices form a chain. All
others are alone. Between chains and independent choices only the totals speak, and those are handled by prices.
"""

from __future__ import annotations

from dataclasses import dataclass

from qeopt_solvers.allocation import AllocationProblem, Row, Scope
from qeopt_solvers.product import product_sets


@dataclass(frozen=True, slots=True)
class Chain:
    """Choices that must be decided together, in the order of the problem."""

    members: tuple[int, ...]
    rows: tuple[int, ...]
    """Local rows that can bind."""
    links: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Parts:
    """What is left of a problem, by index."""

    chains: tuple[Chain, ...]
    alone: tuple[int, ...]
    """Choices in no chain."""
    totals: tuple[int, ...]
    """Total rows that can bind."""
    dead: tuple[tuple[int, int], ...]
    """(choice, option) pairs that a link or a row of one choice rules out."""
    largest: int
    """The most that any row which can bind could use."""


def split(problem: AllocationProblem) -> Parts | None:
    """Find the parts; None when some row cannot hold even at the least, which proves the problem infeasible."""
    local: list[int] = []
    totals: list[int] = []
    dead: set[tuple[int, int]] = set()
    if any(not link.allowed for link in problem.links):
        return None
    largest = 0
    for index, row in enumerate(problem.rows):
        most = row.most()
        if most <= row.limit:
            continue
        largest = max(largest, most)
        if row.least() > row.limit:
            return None
        if row.scope is Scope.TOTAL:
            totals.append(index)
        elif len(row.terms) == 1 and not row.link_terms:
            term = row.terms[0]
            dead.update((term.choice, option) for option, cost in enumerate(term.costs) if row.fixed + cost > row.limit)
        else:
            local.append(index)
    priced = {term.link for index in (*local, *totals) for term in problem.rows[index].link_terms}
    links = [index for index in range(len(problem.links)) if _couples(problem, index, priced, dead)]
    chains, alone = _group(problem, local, links)
    return Parts(chains, alone, tuple(totals), tuple(dead), largest)


def _couples(problem: AllocationProblem, index: int, priced: set[int], dead: set[tuple[int, int]]) -> bool:
    """Whether a link must be kept; one that only rules out single options is written to `dead` instead."""
    link = problem.links[index]
    if index in priced:
        return True
    sets = product_sets(link)
    if sets is None:
        return True
    for choice, legal in zip(link.choices, sets, strict=True):
        dead.update((choice, option) for option in range(len(problem.choices[choice].labels)) if option not in legal)
    return False


def _group(problem: AllocationProblem, local: list[int], links: list[int]) -> tuple[tuple[Chain, ...], tuple[int, ...]]:
    """Put together what rows and links bond; return the chains and who is in none."""
    parent: dict[int, int] = {}

    def root(choice: int) -> int:
        top = parent.setdefault(choice, choice)
        while parent[top] != top:
            parent[top] = parent[parent[top]]
            top = parent[top]
        return top

    bonds = [(members_of(problem, problem.rows[index]), index, True) for index in local]
    bonds += [(problem.links[index].choices, index, False) for index in links]
    for members, _, _ in bonds:
        first = root(members[0])
        for other in members[1:]:
            parent[root(other)] = first
    groups: dict[int, tuple[list[int], list[int], list[int]]] = {}
    for members, index, is_row in bonds:
        group = groups.setdefault(root(members[0]), ([], [], []))
        group[1 if is_row else 2].append(index)
    for choice in sorted(parent):
        groups[root(choice)][0].append(choice)
    alone = tuple(choice for choice in range(len(problem.choices)) if choice not in parent)
    chains = tuple(Chain(tuple(members), tuple(rows), tuple(held)) for members, rows, held in groups.values())
    return chains, alone


def members_of(problem: AllocationProblem, row: Row) -> tuple[int, ...]:
    """List the choices a row counts, alone or linked, ascending."""
    if not row.link_terms:
        return tuple(sorted(term.choice for term in row.terms))
    members = {term.choice for term in row.terms}
    for term in row.link_terms:
        members.update(problem.links[term.link].choices)
    return tuple(sorted(members))
