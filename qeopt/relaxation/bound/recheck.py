"""Check a certificate: the bound at given prices, by another evaluator than the one that found it.

It shares the formulas of costs and score with the walk and nothing else: whole cells instead of their parts, every pair of channel
counts instead of running maxima, all layer counts instead of the reachable ones. It is slower and shorter.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import product

import numpy as np

from qeopt.budgets import LAYERS
from qeopt.network.builder import FIXED_BITS
from qeopt.qbr import Refiner
from qeopt.relaxation.cells.code import least_code
from qeopt.relaxation.cells.lattice import boundary_widths
from qeopt.relaxation.cells.overhead import ANY, Overhead
from qeopt.relaxation.cells.prices import Prices, chained
from qeopt.relaxation.cells.tables import CellKind, Floats, Integers
from qeopt.relaxation.cells.tabulate import tabulate
from qeopt.relaxation.cells.totals import totals_of, vector
from qeopt.space import Place, PlacedCell, Space, Structure, Task
from qeopt.space.blocks.base import BlockKind

CHUNK = 2_000_000
"""Combinations of one table, so that memory stays bounded."""
LARGEST = 1_500_000_000
"""Combinations of the whole space beyond which a check would take minutes."""


@dataclass(frozen=True)
class _Terms:
    space: Space
    task: Task
    refiner: Refiner
    prices: Floats
    boundary: tuple[int, ...]
    overhead: Overhead

    @property
    def combinations(self) -> int:
        """Most combinations of activation bits inside one cell: what it reads, two tensors inside, what it writes."""
        return len(self.refiner.choices.activations) ** 4


def recheck(space: Space, task: Task, refiner: Refiner, prices: Prices, overhead: Overhead = ANY) -> float | None:
    """The bound that `prices` prove over all designs in a range, in nats; None where checking it would take too long.

    -inf when no structure fits. A price of what nothing limits would prove nothing, and counts as none.
    """
    totals = totals_of(refiner, overhead, least_code(space, task, refiner))
    asked = vector(totals, prices)
    terms = _Terms(space, task, refiner, asked, boundary_widths(refiner), overhead)
    if _size(terms) > LARGEST:
        return None
    deepest = min(_most_layers(terms), refiner.limits.get(LAYERS.name, math.inf))
    value = np.full((1, int(deepest) + 1, len(terms.boundary)), -np.inf)
    value[0, 0, terms.boundary.index(FIXED_BITS)] = 0.0
    entering = np.array([task.input[2]])
    for number in range(len(space.blocks)):
        value, entering = _through(terms, number, entering, value)
    worth = sum(price * (total.limit or 0) for price, total in zip(asked.tolist(), totals, strict=True))
    return float(value.max()) + float(worth)


def _through(terms: _Terms, number: int, entering: Integers, value: Floats) -> tuple[Floats, Integers]:
    """Values behind a block, and the channel counts that may leave it."""
    block = terms.space.blocks[number]
    genes = {gene.name: gene.values for gene in block.genes}
    counts = [int(count) for count in genes.pop("units", (1,))]
    leaving = np.array(genes.pop("width", tuple(entering.tolist())))
    keeps = "width" not in {gene.name for gene in block.genes}
    chunks = list(_rows(terms, number, entering, leaving, keeps=keeps))
    ways: dict[tuple[int, int], Floats] = {}  # by chunk and layers: the best over all other genes, by (pair, bits, bits)
    for choice in product(*genes.values()):
        others = dict(zip(genes, choice, strict=True))
        known: dict[Place, tuple[Floats, int]] = {}
        repeats = {count: _repeats(terms, number, leaving, others, count, known) for count in counts}
        for chunk, rows in enumerate(chunks):
            source, width = entering[rows[:, 0]], leaving[rows[:, 1]]
            firsts: dict[Place, tuple[Floats, int]] = {}
            for count in counts:
                place = _places(terms, number, count)[0]
                if place not in firsts:
                    firsts[place] = _cell(terms, block, place, source, width, others, first=True)
                table, layers = firsts[place]
                if (repeat := repeats[count]) is not None:
                    table, layers = chained(table, repeat[0][rows[:, 1]]), layers + repeat[1]
                ways[chunk, layers] = np.maximum(ways.get((chunk, layers), -np.inf), table)
    behind = np.full((len(leaving), *value.shape[1:]), -np.inf)
    for (chunk, layers), table in ways.items():
        _reach(behind, value, chunks[chunk], table, layers)
    return behind, leaving


def _reach(behind: Floats, value: Floats, rows: Integers, table: Floats, layers: int) -> None:
    """Take the best way through a block into the values behind it, by (leaving, layers, bits); rows are by ascending leaving."""
    used = np.flatnonzero(np.isfinite(value).any(axis=(0, 2)))  # layer counts that some chain has
    kept = used[used + layers < value.shape[1]]
    if not len(kept) or not len(rows):
        return
    starts = np.flatnonzero(np.diff(rows[:, 1], prepend=-1))
    into = np.ix_(rows[starts, 1], kept + layers)
    for read, written in product(range(value.shape[2]), repeat=2):
        through = value[rows[:, 0][:, None], kept, read] + table[:, read, written, None]
        best = np.maximum.reduceat(through, starts, axis=0)
        behind[(*into, written)] = np.maximum(behind[(*into, written)], best)


def _rows(terms: _Terms, number: int, entering: Integers, leaving: Integers, *, keeps: bool) -> Iterator[Integers]:
    """Pairs of (entering, leaving) that the rules allow, by ascending leaving, all of the same or all of different widths."""
    pairs = np.array(list(product(range(len(leaving)), range(len(entering)))))[:, ::-1]
    same = entering[pairs[:, 0]] == leaving[pairs[:, 1]]
    allowed = same if keeps else np.ones(len(pairs), dtype=np.bool_)
    if terms.space.is_ruled(number):
        allowed &= entering[pairs[:, 0]] <= leaving[pairs[:, 1]]
    step = max(CHUNK // terms.combinations, 1)
    for chosen in (pairs[allowed & same], pairs[allowed & ~same]):
        for begin in range(0, len(chosen), step):
            yield chosen[begin : begin + step]


def _repeats(
    terms: _Terms,
    number: int,
    width: Integers,
    others: Mapping[str, int | float],
    count: int,
    known: dict[Place, tuple[Floats, int]],
) -> tuple[Floats, int] | None:
    """Priced values of all cells behind the first of `count`, by (width, bits read, bits written), and their layers.

    `known` keeps what each place has: few of them differ.
    """
    block = terms.space.blocks[number]
    total: tuple[Floats, int] | None = None
    for place in _places(terms, number, count)[1:]:
        if place not in known:
            known[place] = _cell(terms, block, place, width, width, others, first=False)
        table, layers = known[place]
        total = (table, layers) if total is None else (chained(total[0], table), total[1] + layers)
    return total


def _cell(
    terms: _Terms,
    block: BlockKind,
    place: Place,
    source: Integers,
    width: Integers,
    others: Mapping[str, int | float],
    *,
    first: bool,
) -> tuple[Floats, int]:
    values = {**{name: np.full(len(width), value) for name, value in others.items()}, "width": width}
    cell = block.cell(source, values, first=first, same_width=bool((source == width).all()), classes=terms.task.classes)
    placed = PlacedCell("cell", 0, cell, 0, place)
    dims = np.stack([source, *(np.broadcast_to(getattr(placed.cell, name), width.shape) for name in cell.DIMS)], axis=1)
    table = tabulate(CellKind.of(cell, place), dims, terms.refiner, terms.boundary, terms.overhead)
    return np.moveaxis(table.priced(terms.prices[:, None]), -1, 0), table.layers


def _places(terms: _Terms, number: int, count: int) -> list[Place]:
    """Where the cells of a block stand when it has `count` of them."""
    name = terms.space.blocks[number].name
    smallest = terms.space.smallest().values
    values = [
        count if (block, gene) == (name, "units") else value
        for (block, gene, _), value in zip(terms.space.genes, smallest, strict=True)
    ]
    return [placed.place for placed in terms.space.cells(Structure(tuple(values)), terms.task) if placed.block == number]


def _most_layers(terms: _Terms) -> int:
    """Layers of the deepest structure: that of most units, whichever end of its other genes has more operators."""
    ends = (0, -1)
    deepest = [Structure(tuple(values[-1 if gene == "units" else end] for _, gene, values in terms.space.genes)) for end in ends]
    return max(terms.space.expand(structure, terms.task).layers for structure in deepest)


def _size(terms: _Terms) -> int:
    """Combinations of all cells of the space."""
    total, entering = 0, 1
    for block in terms.space.blocks:
        genes = {gene.name: len(gene.values) for gene in block.genes}
        width = genes.pop("width", entering)
        total += entering * width * int(np.prod(list(genes.values()) or [1])) * terms.combinations
        entering = width
    return total
