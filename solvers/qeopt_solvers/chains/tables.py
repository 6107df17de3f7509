"""Dynamic programming over one chain: tables whose axes are the choices still needed by what comes later.

The sweep runs over the members in order. A step adds one choice; its table says, for every combination of the choices still open
before it and every option of its own, what is best from there to the end. A local row is checked in the step of its last member,
when all of its members are still open; that is why the sweep is exact.
"""

from __future__ import annotations

import functools
from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import compress
from math import prod

import numpy as np
from numpy.typing import NDArray

from qeopt_solvers.allocation import AllocationProblem, Link, LinkTerm, Row
from qeopt_solvers.chains.blocks import is_small
from qeopt_solvers.chains.numbers import NEVER, Floats, Ints, Numbers
from qeopt_solvers.chains.parts import Chain, Parts, members_of

LARGEST_TABLE = 1 << 18
"""Entries of one table; beyond this the chain is too entangled for this method."""


@dataclass(frozen=True, slots=True)
class Step:
    """One choice of the sweep. Tables have an axis per open choice and a last one for the options of this choice."""

    choice: int
    shape: tuple[int, ...]
    allowed: NDArray[np.bool_] | None
    """Which entries the local rows and links that close here permit; None for all."""
    linked: tuple[tuple[int, Ints], ...]
    """(total, costs) of the linked combinations that close here, to be broadcast over the table."""
    after: tuple[int, ...]
    """`shape` with 1 for every axis that is not open any more: how the next step's values are laid over this table."""
    kept: tuple[bool, ...]
    """Which axes stay open."""

    def of_totals(self, kept: list[int]) -> Step:
        """Count some of the totals only."""
        return replace(self, linked=tuple((kept.index(number), costs) for number, costs in self.linked if number in kept))

    def successors(self) -> NDArray[np.intp]:
        """Per table entry, the flat index of the open combination after this step."""
        numbers = np.arange(prod(self.after)).reshape(self.after)
        return np.broadcast_to(numbers, self.shape).reshape(-1, self.shape[-1])


def planned(problem: AllocationProblem, parts: Parts, numbers: Numbers) -> list[tuple[Step, ...]] | None:
    """Plan the sweeps over all chains that are not written out; None when a table would grow too large."""
    found = []
    priced = [{term.link: term for term in problem.rows[index].link_terms} for index in parts.totals]
    dead = {choice: numbers.alive[choice] for choice, _ in parts.dead}
    for chain in parts.chains:
        if not is_small(problem, chain):
            steps = steps_of(problem, chain, priced, dead)
            if steps is None:
                return None
            found.append(steps)
    return found


def steps_of(
    problem: AllocationProblem, chain: Chain, priced: Sequence[dict[int, LinkTerm]], dead: dict[int, NDArray[np.bool_]]
) -> tuple[Step, ...] | None:
    """Plan the sweep over a chain; None when a table would grow too large.

    Args:
        problem: What the chain belongs to.
        chain: Its members, rows and links.
        priced: Per total, the link terms by link.
        dead: Which options are alive, for choices where some are not.
    """
    closing_rows, closing_links, last = _closings(problem, chain)
    steps: list[Step] = []
    open_choices: list[int] = []
    for choice in chain.members:
        axes = (*open_choices, choice)
        shape = tuple([len(problem.choices[axis].labels) for axis in axes])
        if prod(shape) > LARGEST_TABLE:
            return None
        layout = _Layout(problem, axes, shape)
        masks = [layout.within(problem.rows[index]) for index in closing_rows.get(choice, ())]
        linked: list[tuple[int, Ints]] = []
        for index in closing_links.get(choice, ()):
            link = problem.links[index]
            if len(link.allowed) < prod(len(problem.choices[member].labels) for member in link.choices):
                masks.append(layout.legal(link))
            linked += [(number, layout.spread(link, terms[index])) for number, terms in enumerate(priced) if index in terms]
        if choice in dead:
            masks.append(dead[choice][: shape[-1]])
        kept = tuple([last[axis] != choice for axis in axes])
        after = tuple([size if stays else 1 for size, stays in zip(shape, kept, strict=True)])
        steps.append(Step(choice, shape, functools.reduce(np.logical_and, masks) if masks else None, tuple(linked), after, kept))
        open_choices = list(compress(axes, kept))
    return tuple(steps)


def _closings(problem: AllocationProblem, chain: Chain) -> tuple[dict[int, list[int]], dict[int, list[int]], dict[int, int]]:
    """Where each row and link of a chain has its last member, and up to where each choice must stay open."""
    last = {choice: choice for choice in chain.members}
    rows: dict[int, list[int]] = {}
    links: dict[int, list[int]] = {}
    bonds = [(members_of(problem, problem.rows[index]), rows, index) for index in chain.rows]
    bonds += [(problem.links[index].choices, links, index) for index in chain.links]
    for members, closing, index in bonds:
        end = max(members)
        closing.setdefault(end, []).append(index)
        for choice in members:
            last[choice] = max(last[choice], end)
    return rows, links, last


@dataclass(frozen=True, slots=True)
class _Layout:
    """Lays costs and permissions over the axes of one table."""

    problem: AllocationProblem
    axes: tuple[int, ...]
    shape: tuple[int, ...]

    def within(self, row: Row) -> NDArray[np.bool_]:
        """Where a local row holds."""
        used: Ints | int = row.fixed
        for term in row.terms:
            beyond = len(self.axes) - self.axes.index(term.choice) - 1
            used = used + np.array(term.costs, dtype=np.int64).reshape(-1, *(1,) * beyond)
        for link_term in row.link_terms:
            used = used + self.spread(self.problem.links[link_term.link], link_term)
        return np.asarray(used <= row.limit)

    def legal(self, link: Link) -> NDArray[np.bool_]:
        """Where a link is satisfied."""
        return self._laid(link, np.ones(len(link.allowed), dtype=np.int64)).astype(bool)

    def spread(self, link: Link, term: LinkTerm) -> Ints:
        """What a link term costs; 0 where the link is not satisfied, which `legal` rules out anyway."""
        return self._laid(link, np.array(term.costs, dtype=np.int64))

    def _laid(self, link: Link, entries: Ints) -> Ints:
        sizes = [len(self.problem.choices[choice].labels) for choice in link.choices]
        table = np.zeros(sizes, dtype=np.int64)
        table[tuple(np.array(link.allowed).T)] = entries
        order = sorted(range(len(link.choices)), key=link.choices.__getitem__)
        members = {link.choices[place] for place in order}
        shape = [size if axis in members else 1 for axis, size in zip(self.axes, self.shape, strict=True)]
        return table.transpose(order).reshape(shape)


def best_path(steps: Sequence[Step], levels: Sequence[Ints]) -> list[int] | None:
    """Options of the members that maximise the first level, then the next among those, and so on; None if none is allowed.

    Args:
        steps: The sweep.
        levels: Arrays of (choices, options) whose sums rank the answers.
    """
    masks = [step.allowed for step in steps]
    tables: list[Ints] = []
    for number, keys in enumerate(levels):
        tables = _integer_tables(steps, masks, keys)
        if tables[0].max() <= NEVER // 2:
            return None
        if number + 1 < len(levels):
            masks = [(table == table.max(axis=-1, keepdims=True)) & (table > NEVER // 2) for table in tables]
    return trace(steps, tables)


def _integer_tables(steps: Sequence[Step], masks: Sequence[NDArray[np.bool_] | None], keys: Ints) -> list[Ints]:
    """Best sum of keys from every table entry to the end."""
    tables: list[Ints] = []
    values: Ints = np.zeros((), dtype=np.int64)
    for step, mask in zip(reversed(steps), reversed(masks), strict=True):
        table = values.reshape(step.after) + keys[step.choice, : step.shape[-1]]
        if mask is not None:
            table = np.where(mask, table, NEVER)
        if table.shape != step.shape:
            table = np.broadcast_to(table, step.shape)
        tables.append(table)
        values = table.max(axis=-1)
    return tables[::-1]


def priced_tables(steps: Sequence[Step], gains: Floats, prices: Floats) -> list[Floats]:
    """Best priced value from every table entry to the end; `gains` are per choice and option, already less priced costs."""
    tables: list[Floats] = []
    values: Floats = np.zeros(())
    for step in reversed(steps):
        table: Floats = values.reshape(step.after) + gains[step.choice, : step.shape[-1]]
        for number, costs in step.linked:
            if prices[number]:
                table = table - prices[number] * costs
        if step.allowed is not None:
            table = np.where(step.allowed, table, -np.inf)
        if table.shape != step.shape:
            table = np.broadcast_to(table, step.shape)
        tables.append(table)
        values = table.max(axis=-1)
    return tables[::-1]


def trace(steps: Sequence[Step], tables: Sequence[Ints] | Sequence[Floats]) -> list[int]:
    """Follow the best options from the start of the chain to its end."""
    picks: list[int] = []
    state: tuple[int, ...] = ()
    for step, table in zip(steps, tables, strict=True):
        option = int(table[state].argmax())
        picks.append(option)
        state = tuple(compress((*state, option), step.kept))
    return picks
