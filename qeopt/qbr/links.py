"""Sums of an integer program under construction, and the links between decisions that their costs and legality need."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from functools import lru_cache
from itertools import combinations
from typing import TypeAlias

from qeopt.hardware.runtime import Tuples
from qeopt.network import Network, Op
from qeopt.qbr.decisions import Decisions, Holder
from qeopt_solvers import Link, LinkTerm, Term

Costs: TypeAlias = Mapping[tuple[int, int, int], int]
"""What an operator costs at each of its (in, weight, out) bits."""
EVERY = (0, 1, 2)


class Sum:
    """A row under construction: a fixed part, a cost per width of some decisions, a cost per tuple of some links."""

    def __init__(self) -> None:
        self.fixed = 0
        self._costs: dict[int, dict[int, int]] = defaultdict(lambda: defaultdict(int))
        self._linked: dict[int, tuple[int, ...]] = {}

    def add(self, holder: Holder, costs: Mapping[int, int]) -> None:
        """Add a cost per width of the holder's decision."""
        if holder.index is None:
            self.fixed += costs[holder.widths[0]]
            return
        for width in holder.widths:
            self._costs[holder.index][width] += costs[width]

    def add_linked(self, link: int, costs: Sequence[int]) -> None:
        """Add a cost per tuple that a link allows, in its order."""
        before = self._linked.get(link, (0,) * len(costs))
        self._linked[link] = tuple(map(int.__add__, before, costs))

    def terms(self) -> tuple[Term, ...]:
        """Costs of single decisions."""
        return tuple(
            Term(index, tuple(by_width[width] for width in sorted(by_width))) for index, by_width in sorted(self._costs.items())
        )

    def link_terms(self) -> tuple[LinkTerm, ...]:
        """Costs of several decisions together."""
        return tuple(LinkTerm(link, costs) for link, costs in sorted(self._linked.items()))


class Links:
    """Which decisions of an operator go together: numbered as legality and costs need them."""

    def __init__(self, network: Network, decisions: Decisions) -> None:
        self._decisions = decisions
        self._links: dict[str, tuple[int, Link]] = {}
        for op in network.ops:
            for number, tuples in enumerate(decisions.tuples[op.name]):
                if len(tuples) < _combinations(decisions.holders(op, number)):
                    self._link(op, number)

    @property
    def made(self) -> tuple[Link, ...]:
        """Every link so far, by its number."""
        return tuple(link for _, link in self._links.values())

    def add(self, total: Sum, op: Op, costs: Costs, read: Sequence[int] = EVERY) -> None:
        """Add a cost of (in, weight, out) bits as plainly as it allows: fixed, per decision, or per linked tuple.

        Args:
            total: What it is added to.
            op: The operator.
            costs: The cost at every (in, weight, out), or at one of them for all that are equal where `read`.
            read: The positions of (in, weight, out) that the cost depends on.
        """
        holders = self._decisions.holders(op)
        if len(set(costs.values())) == 1:
            total.fixed += next(iter(costs.values()))
            return
        deciding = {holders[position].index for position in read}
        positions = [position for position in _open_positions(holders) if holders[position].index in deciding]
        for position in positions:
            by_width = {entry[position]: cost for entry, cost in costs.items()}
            if all(by_width[entry[position]] == cost for entry, cost in costs.items()):
                total.add(holders[position], by_width)
                return
        needed = _needed(positions, costs)
        by_widths = {tuple(entry[p] for p in needed): cost for entry, cost in costs.items()}
        widths = [holders[p].widths for p in needed]
        index, link = self._link(op, 0, needed)
        allowed = (tuple(of[pick] for of, pick in zip(widths, picks, strict=True)) for picks in link.allowed)
        total.add_linked(index, [by_widths[entry] for entry in allowed])

    def _link(self, op: Op, number: int, positions: Sequence[int] | None = None) -> tuple[int, Link]:
        """The link over open decisions of `op` (all of them unless positions are given), made when first needed."""
        holders = self._decisions.holders(op, number)
        every = _open_positions(holders)
        positions = every if positions is None else positions
        name = op.name if number == 0 else f"{op.name} input {number + 1}"
        if len(positions) < len(every):
            name += " (" + ", ".join(("input", "weights", "output")[p] for p in positions) + ")"
        if name not in self._links:
            widths = tuple(holders[p].widths for p in positions)
            allowed = _allowed(self._decisions.tuples[op.name][number], tuple(positions), widths)
            choices = tuple(index for p in positions if (index := holders[p].index) is not None)
            self._links[name] = (len(self._links), Link(name, choices, allowed))
        return self._links[name]


@lru_cache(maxsize=64)  # operators of a kind mostly have the same
def _allowed(tuples: Tuples, positions: tuple[int, ...], widths: tuple[tuple[int, ...], ...]) -> tuple[tuple[int, ...], ...]:
    """The options, by their numbers among `widths`, that legal (in, weight, out) bits have at some positions."""
    return tuple(sorted({tuple(of.index(entry[p]) for p, of in zip(positions, widths, strict=True)) for entry in tuples}))


def _open_positions(holders: tuple[Holder, Holder, Holder]) -> list[int]:
    """Positions of (in, weight, out) with a decision, each decision once (an operator may read and write under one tie)."""
    seen: dict[int, int] = {}
    for position, holder in enumerate(holders):
        if holder.index is not None:
            seen.setdefault(holder.index, position)
    return sorted(seen.values())


def _needed(positions: Sequence[int], costs: Mapping[tuple[int, int, int], int]) -> Sequence[int]:
    """The fewest of some positions of (in, weight, out) that decide a cost: a link over two is far smaller than one over three."""
    for size in range(2, len(positions)):
        for chosen in combinations(positions, size):
            by_labels = {tuple(entry[p] for p in chosen): cost for entry, cost in costs.items()}
            if all(by_labels[tuple(entry[p] for p in chosen)] == cost for entry, cost in costs.items()):
                return chosen
    return positions


def _combinations(holders: tuple[Holder, Holder, Holder]) -> int:
    sizes = {holder.index: len(holder.widths) for holder in holders if holder.index is not None}
    total = 1
    for size in sizes.values():
        total *= size
    return total
