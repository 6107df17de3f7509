"""The problem every engine solves: pick one option per choice, all in integers.

Nothing here knows about networks. A caller states its decisions as choices, its legal combinations as links and its budgets as
rows; an engine answers with one option index per choice. All numbers are Python integers, so two engines that agree agree exactly.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from math import gcd


class Scope(StrEnum):
    """What a row spans."""

    LOCAL = "local"
    """A few choices that are neighbours in the order of `AllocationProblem.choices` (memory while one step runs)."""
    TOTAL = "total"
    """Choices from anywhere (a sum over the whole network)."""


@dataclass(frozen=True, slots=True)
class Choice:
    """A decision: exactly one of its options is picked."""

    name: str
    labels: tuple[int, ...]
    """What each option means to the caller (bit-widths), ascending."""
    gains: tuple[int, ...]
    """What each option adds to the objective, which is maximised; one per label."""


@dataclass(frozen=True, slots=True)
class Link:
    """The combinations of options that several choices may take together."""

    name: str
    choices: tuple[int, ...]
    """Indices into `AllocationProblem.choices`, all different."""
    allowed: tuple[tuple[int, ...], ...]
    """Tuples of option indices, one per choice, sorted and without repeats."""


@dataclass(frozen=True, slots=True)
class Term:
    """What one choice adds to a row: a cost per option, each >= 0."""

    choice: int
    costs: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class LinkTerm:
    """What a linked combination adds to a row: a cost per allowed tuple of the link, each >= 0."""

    link: int
    costs: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Row:
    """A budget: `fixed + sum of the costs of the options picked <= limit`."""

    name: str
    kind: str
    """What is being counted, as the caller calls it ("sram", "flash", "bitops")."""
    unit: str
    scope: Scope
    limit: int
    terms: tuple[Term, ...] = ()
    """At most one term per choice."""
    link_terms: tuple[LinkTerm, ...] = ()
    """At most one term per link."""
    fixed: int = 0
    """The share of the row that no choice changes."""

    def least(self) -> int:
        """Sum the cheapest option of everything the row counts: what it uses at the least."""
        linked = sum([min(term.costs, default=0) for term in self.link_terms]) if self.link_terms else 0
        return self.fixed + sum([min(term.costs) for term in self.terms]) + linked

    def most(self) -> int:
        """Sum the dearest option of everything the row counts: what it uses at the most."""
        linked = sum([max(term.costs, default=0) for term in self.link_terms]) if self.link_terms else 0
        return self.fixed + sum([max(term.costs) for term in self.terms]) + linked

    def granule(self) -> int:
        """Tell by how many units, and their multiples, any two uses of the row differ; 0 where all use the same."""
        costs = [term.costs for term in self.terms] + [term.costs for term in self.link_terms]
        return gcd(*(cost - of_term[0] for of_term in costs for cost in of_term))


@dataclass(frozen=True, slots=True)
class TieBreak:
    """A cost minimised among answers of equal value (and equal earlier tie-breaks)."""

    name: str
    unit: str
    terms: tuple[Term, ...]


@dataclass(frozen=True, slots=True)
class AllocationProblem:
    """Maximise the summed gains over one option per choice, within rows and links.

    `tie_breaks` are minimised one after the other among the answers of equal value. `choices` should come in the order in which the
    caller's steps use them: engines that sweep over the choices are fast when local rows touch only near neighbours.
    """

    choices: tuple[Choice, ...]
    links: tuple[Link, ...] = ()
    rows: tuple[Row, ...] = ()
    tie_breaks: tuple[TieBreak, ...] = ()

    def __post_init__(self) -> None:
        """Refuse a problem whose parts do not fit together.

        Raises:
            ValueError: naming the choice, link, row or tie-break at fault.
        """
        for choice in self.choices:
            if not choice.labels or len(choice.labels) != len(choice.gains):
                raise ValueError(f"choice {choice.name!r} needs as many gains as labels, at least one")
        for link in self.links:
            self._check_link(link)
        for row in self.rows:
            self._check_terms(f"row {row.name!r}", row.terms)
            _check_unique(f"row {row.name!r}", [term.link for term in row.link_terms])
            for term in row.link_terms:
                if not 0 <= term.link < len(self.links) or len(term.costs) != len(self.links[term.link].allowed):
                    raise ValueError(f"row {row.name!r} has a link term that does not match its link")
                _check_costs(f"row {row.name!r}", term.costs)
        for tie_break in self.tie_breaks:
            self._check_terms(f"tie-break {tie_break.name!r}", tie_break.terms)

    def _check_link(self, link: Link) -> None:
        _check_unique(f"link {link.name!r}", list(link.choices))
        for picks in link.allowed:
            if len(picks) != len(link.choices):
                raise ValueError(f"link {link.name!r} allows a tuple of the wrong length: {picks}")
            for index, pick in zip(link.choices, picks, strict=True):
                if not 0 <= index < len(self.choices) or not 0 <= pick < len(self.choices[index].labels):
                    raise ValueError(f"link {link.name!r} allows an option that does not exist: {picks}")
        if list(link.allowed) != sorted(set(link.allowed)):
            raise ValueError(f"link {link.name!r} must list its tuples sorted and without repeats")

    def _check_terms(self, owner: str, terms: tuple[Term, ...]) -> None:
        _check_unique(owner, [term.choice for term in terms])
        for term in terms:
            if not 0 <= term.choice < len(self.choices) or len(term.costs) != len(self.choices[term.choice].labels):
                raise ValueError(f"{owner} has a term that does not match its choice")
            _check_costs(owner, term.costs)


def _check_unique(owner: str, indices: list[int]) -> None:
    if len(set(indices)) != len(indices):
        raise ValueError(f"{owner} names the same choice or link twice")


def _check_costs(owner: str, costs: tuple[int, ...]) -> None:
    if costs and min(costs) < 0:
        raise ValueError(f"{owner} has a negative cost")
