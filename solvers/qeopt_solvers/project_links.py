"""Links narrowed to the choices that matter to them."""

from __future__ import annotations

from dataclasses import replace
from math import prod

import numpy as np

from qeopt_solvers.allocation import AllocationProblem, Link, LinkTerm, Row


def project_links(problem: AllocationProblem) -> AllocationProblem:
    """Take a choice out of every link that allows everything and whose costs do not depend on that choice.

    A cost of an operator's input and weight bits is often stated over its input, weight and output, as legal tuples are. Narrowed
    to what it depends on it no longer ties an operator to the next, and the problem falls into small parts.
    """
    pricing: dict[int, list[LinkTerm]] = {}
    for row in problem.rows:
        for term in row.link_terms:
            pricing.setdefault(term.link, []).append(term)
    links: list[Link] = list(problem.links)
    places: dict[int, list[int]] = {}
    for index, terms in pricing.items():
        link = links[index]
        sizes = [len(problem.choices[choice].labels) for choice in link.choices]
        if len(link.allowed) < prod(sizes):
            continue  # tuples are sorted, so those of a full product are in the order of the table below
        needless = [axis for axis in range(len(sizes)) if all(_needless(term.costs, sizes, axis) for term in terms)]
        kept = [axis for axis in range(len(sizes)) if axis not in needless] or [0]
        if len(kept) == len(sizes):
            continue
        corner = tuple(slice(None) if axis in kept else 0 for axis in range(len(sizes)))
        places[index] = np.arange(prod(sizes)).reshape(sizes)[corner].ravel().tolist()
        narrow = tuple(tuple(link.allowed[place][axis] for axis in kept) for place in places[index])
        links[index] = Link(link.name, tuple(link.choices[axis] for axis in kept), narrow)
    if not places:
        return problem
    return replace(problem, links=tuple(links), rows=tuple(_narrowed(row, places) for row in problem.rows))


def _needless(costs: tuple[int, ...], sizes: list[int], axis: int) -> bool:
    """Whether costs over a full product of options are the same for all options on one axis."""
    stride = prod(sizes[axis + 1 :])
    size = sizes[axis] * stride
    if len(set(costs[:size:stride])) > 1:  # most often the first options tell
        return False
    blocks = [costs[start : start + stride] for start in range(0, len(costs), stride)]
    return all(blocks[place] == blocks[place - place % sizes[axis]] for place in range(len(blocks)))


def _narrowed(row: Row, places: dict[int, list[int]]) -> Row:
    if not row.link_terms:
        return row
    terms = tuple(
        replace(term, costs=tuple(term.costs[place] for place in places[term.link])) if term.link in places else term
        for term in row.link_terms
    )
    return replace(row, link_terms=terms)
