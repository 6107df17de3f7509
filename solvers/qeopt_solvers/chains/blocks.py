"""Loners and small chains written out: a line each, a column per option or combination of options.

Lines of equal shape form a block, so that a handful of array operations serves all of them.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import prod

import numpy as np
from numpy.typing import NDArray

from qeopt_solvers.allocation import AllocationProblem, Link, Row
from qeopt_solvers.chains.numbers import NEVER, Ints, Numbers, flat, touched_choices
from qeopt_solvers.chains.parts import Chain, Parts

MOST_COLUMNS = 64
"""Chains of at most so many combinations are written out."""


@dataclass(frozen=True, slots=True)
class Block:
    """Lines of equal shape; arrays of (lines, columns), `costs` with one such array per total."""

    choices: NDArray[np.intp]
    """Lines x members."""
    options: Ints
    """Members x columns."""
    gains: Ints
    costs: Ints
    alive: NDArray[np.bool_]

    def summed(self, numbers: Ints) -> Ints:
        """Sum numbers per choice and option, (..., choices, options), over the members of each line: (..., lines, columns)."""
        return summed(numbers, self.choices, self.options)

    def part(self, lines: NDArray[np.bool_]) -> Block:
        """Take some of the lines."""
        if lines.all():
            return self
        return Block(self.choices[lines], self.options, self.gains[lines], self.costs[:, lines], self.alive[lines])

    def put(self, picks: Ints, columns: Ints) -> None:
        """Write the options that a column per line stands for into `picks`, one per choice of the problem."""
        picks[self.choices] = self.options[:, columns].T

    def best(self, ties: Ints) -> Ints:
        """Find each line's column of most gain and then least of each of the `ties` (ties, choices, options)."""
        left = self.alive
        for level in (self.gains, *(-self.summed(tie) for tie in ties)):
            ranked = np.where(left, level, NEVER)
            left = ranked == ranked.max(axis=1, keepdims=True)
        return np.asarray(left.argmax(axis=1))


def summed(numbers: Ints, choices: NDArray[np.intp], options: Ints) -> Ints:
    """Sum (..., choices, options) over the members of each line."""
    if choices.shape[1] == 1:
        return numbers[..., choices[:, 0], : options.shape[1]]
    members = zip(choices.T, options, strict=True)
    first, column = next(members)
    total: Ints = numbers[..., first, :][..., column]
    for member, column in members:
        total += numbers[..., member, :][..., column]
    return total


def is_small(problem: AllocationProblem, chain: Chain) -> bool:
    """Whether a chain is written out."""
    return prod(len(problem.choices[choice].labels) for choice in chain.members) <= MOST_COLUMNS


def blocks_of(problem: AllocationProblem, parts: Parts, numbers: Numbers) -> list[Block]:
    """Write out the independent choices and the small chains."""
    touched = touched_choices(numbers)
    sorts = [choice for choice in parts.alone if touched[choice]], [choice for choice in parts.alone if not touched[choice]]
    blocks = [_loners(numbers, choices) for choices in sorts if choices]
    shapes: dict[tuple[int, ...], list[Chain]] = {}
    for small in parts.chains:
        if is_small(problem, small):
            shapes.setdefault(tuple(len(problem.choices[choice].labels) for choice in small.members), []).append(small)
    return [*blocks, *(_block(problem, parts, numbers, sizes, chains) for sizes, chains in shapes.items())]


def _loners(numbers: Numbers, members: list[int]) -> Block:
    choices = np.array(members, dtype=np.intp)
    options = np.arange(numbers.gains.shape[1])[None]
    return Block(choices[:, None], options, numbers.gains[choices], numbers.costs[:, choices], numbers.alive[choices])


def _block(problem: AllocationProblem, parts: Parts, numbers: Numbers, sizes: tuple[int, ...], chains: Sequence[Chain]) -> Block:
    choices = np.array([chain.members for chain in chains], dtype=np.intp)
    options = np.indices(sizes).reshape(len(sizes), -1)
    costs = summed(numbers.costs, choices, options)
    dead = summed((~numbers.alive).astype(np.int64), choices, options)
    alive = dead == 0
    priced = [{term.link: term.costs for term in problem.rows[index].link_terms} for index in parts.totals]
    for line, chain in enumerate(chains):
        for index in chain.rows:
            alive[line] &= _within(problem, problem.rows[index], chain, options)
        for index in chain.links:
            link = problem.links[index]
            if len(link.allowed) < prod(len(problem.choices[choice].labels) for choice in link.choices):
                alive[line] &= _spread(problem, link, (1,) * len(link.allowed), chain, options) > 0
    for number, terms in enumerate(priced):
        _add_linked(problem, costs[number], terms, chains, options)
    return Block(choices, options, summed(numbers.gains, choices, options), costs, alive)


def _add_linked(
    problem: AllocationProblem, costs: Ints, terms: dict[int, tuple[int, ...]], chains: Sequence[Chain], options: Ints
) -> None:
    """Add what linked combinations cost; links over all members, in their order and without gaps, are read at once."""
    whole: list[int] = []
    whole_costs: list[tuple[int, ...]] = []
    for line, chain in enumerate(chains):
        for index in chain.links:
            own = terms.get(index)
            if own is None:
                continue
            link = problem.links[index]
            if link.choices == chain.members and len(own) == options.shape[1] and line not in whole[-1:]:
                whole.append(line)
                whole_costs.append(own)
            else:
                costs[line] += _spread(problem, link, own, chain, options)
    if whole:
        costs[whole] += flat(whole_costs).reshape(len(whole), -1)


def _spread(problem: AllocationProblem, link: Link, entries: Sequence[int], chain: Chain, options: Ints) -> Ints:
    """Lay entries per allowed tuple over the columns; 0 where the link is not satisfied."""
    sizes = tuple(len(problem.choices[choice].labels) for choice in link.choices)
    table = np.zeros(sizes, dtype=np.int64)
    table[tuple(np.array(link.allowed).T)] = entries
    return np.asarray(table[tuple(options[chain.members.index(choice)] for choice in link.choices)])


def _within(problem: AllocationProblem, row: Row, chain: Chain, options: Ints) -> NDArray[np.bool_]:
    """Where a local row holds."""
    used = np.full(options.shape[1], row.fixed, dtype=np.int64)
    for term in row.terms:
        used += np.array(term.costs, dtype=np.int64)[options[chain.members.index(term.choice)]]
    for link_term in row.link_terms:
        used += _spread(problem, problem.links[link_term.link], link_term.costs, chain, options)
    return np.asarray(used <= row.limit)
