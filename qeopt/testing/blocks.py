"""What every kind of block must keep, as tests to inherit.

In a test file of your own::

    from qeopt.testing.blocks import BlockContract

    class TestMine(BlockContract):
        block = {"kind": "mine", "name": "b1", "stride": 2, "width": [8, 16], "kernel": [3, 5]}
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any

import numpy as np

from qeopt.network import Network, NetworkBuilder, Tensor, macs, weight_count
from qeopt.relaxation.cells.tables import CellKind, dimensions
from qeopt.score import QEScore
from qeopt.space import PlacedCell, Space, Task
from qeopt.spec.model import build
from qeopt.testing.bounds import check_bound
from qeopt.testing.small_studies import SmallStudy, small_study, structures

MOST_STRUCTURES = 80
"""Of a space whose designs are all solved."""


class BlockContract:
    """Inherit, set `block`, and pytest does the rest."""

    block: Mapping[str, Any] = {}
    """The block as a space declares it, with a few choices of each gene."""
    count: int = 4
    """Runtimes and budgets under which bounds are checked."""

    def space(self) -> Space:
        """A chain with the block in it."""
        stem: Any = {"kind": "conv", "name": "stem", "width": [8], "kernel": 3, "stride": 2, "weight_bits": 8}
        head: Any = {"kind": "conv", "name": "head", "width": [32]}
        return build(Space, {"blocks": [stem, dict(self.block), head, {"kind": "classifier"}]})

    def studies(self) -> Iterator[SmallStudy]:
        """Yield studies of that space under several runtimes and budgets."""
        space = self.space()
        assert space.size <= MOST_STRUCTURES, "a few choices are enough: all designs are solved"
        for seed in range(self.count):
            found = small_study(seed)
            refiner = replace(found.refiner, objective=QEScore())
            yield replace(found, space=space, task=build(Task, {"input": [16, 16, 3], "classes": 4}), refiner=refiner)

    def cells(self) -> Iterator[PlacedCell]:
        """Yield the cells of the block in every structure."""
        study = next(self.studies())
        for structure in structures(study.space):
            yield from (placed for placed in study.space.cells(structure, study.task) if placed.block == 1)

    def test_arrays_and_numbers_expand_alike(self) -> None:
        """One cell with array dimensions is the network that each of its cells is."""
        kinds: dict[CellKind, list[PlacedCell]] = {}
        for placed in self.cells():
            kinds.setdefault(CellKind.of(placed.cell, placed.place), []).append(placed)
        for kind, members in kinds.items():
            together = kind.network(np.array([dimensions(placed) for placed in members]))
            for row, placed in enumerate(members):
                alone = _alone(placed)
                assert [(op.name, op.kind, op.stride) for op in together.ops] == [(op.name, op.kind, op.stride) for op in alone.ops]
                for one, other in zip(together.ops, alone.ops, strict=True):
                    for counted in (macs, weight_count):
                        assert np.broadcast_to(counted(one), len(members))[row] == counted(other)
                    assert np.broadcast_to(one.output.channels, len(members))[row] == other.output.channels

    def test_it_writes_what_it_says(self) -> None:
        """The channels are those of the gene `width`, and the stride divides the sides."""
        study = next(self.studies())
        for structure in structures(study.space):
            named = study.space.named(structure)[study.space.blocks[1].name]
            placed = [cell for cell in study.space.cells(structure, study.task) if cell.block == 1]
            assert len(placed) == named.get("units", 1)
            for cell in placed:
                output = _alone(cell).ops[-1].output
                assert output.channels == named.get("width", cell.channels)
                assert output.height == -(-cell.place.height // cell.cell.stride)

    def test_its_parts_make_the_whole(self) -> None:
        """A cell taken apart has the operators, weights and multiply-accumulates of the whole."""
        for placed in self.cells():
            parts = placed.cell.parts()
            source = Tensor("x", placed.place.height, placed.place.width, placed.channels)
            builder = NetworkBuilder("parts", source)
            for number, part in enumerate(parts):
                source = part.build(builder, f"part {number}", source)
            whole, apart = _alone(placed), builder.finish()
            assert [(op.kind, macs(op), weight_count(op)) for op in apart.ops] == [
                (op.kind, macs(op), weight_count(op)) for op in whole.ops
            ]

    def test_the_bound_is_never_below_a_design(self) -> None:
        """Over a small space, no structure at any bits scores above the bound."""
        for study in self.studies():
            check_bound(study)


def _alone(placed: PlacedCell) -> Network:
    place = placed.place
    source = Tensor("x", place.height, place.width, placed.channels)
    builder = NetworkBuilder("cell", source, place.stage)
    placed.cell.build(builder, "y", source)
    return builder.finish(output_is_seen=place.output_is_seen)
