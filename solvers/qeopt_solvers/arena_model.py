"""Rectangles as a CP-SAT model: times are fixed, addresses are free, none may overlap."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from qeopt_solvers.outcome import Status
from qeopt_solvers.rectangles import Item, live_at

if TYPE_CHECKING:
    from ortools.sat.python import cp_model


@dataclass(frozen=True)
class ArenaModel:
    """The model, and what its variables mean."""

    model: cp_model.CpModel
    starts: list[cp_model.IntVar]
    """An address per item."""
    tops: list[cp_model.IntVar]
    """With several arenas: what is set aside in each. One arena needs none, and gets none."""
    inside: list[list[cp_model.IntVar]]
    """With several arenas: by item, whether it is in each."""

    @classmethod
    def build(cls, items: Sequence[Item], homes: Sequence[tuple[int, int]]) -> ArenaModel | None:
        """Write it down; None where an item is larger than every arena.

        Args:
            items: What has to be placed.
            homes: First and last address of each arena.
        """
        from ortools.sat.python import cp_model  # noqa: PLC0415  # most placements need no proof, and ortools loads slowly

        model = cp_model.CpModel()
        starts, bytes_, times = [], [], []
        for index, item in enumerate(items):
            places = [(first, end - item.size) for first, end in homes if item.size <= end - first]
            if not places:
                return None
            start = model.new_int_var_from_domain(cp_model.Domain.from_intervals(places), f"start {index}")
            starts.append(start)
            for piece in (piece for piece in item.pieces if piece.size):
                bytes_.append(model.new_fixed_size_interval_var(start, piece.size, f"bytes {index}"))
                times.append(model.new_fixed_size_interval_var(piece.first, piece.last - piece.first + 1, f"time {index}"))
        model.add_no_overlap_2d(bytes_, times)
        if len(homes) == 1:
            return cls(model, starts, [], [])
        return cls(model, starts, *_tops(model, items, starts, homes))

    def solve(self, deterministic_limit: float) -> tuple[Status, tuple[int, ...] | None, int]:
        """How it ended, addresses, and the bound on what is minimised."""
        from ortools.sat.python import cp_model  # noqa: PLC0415

        solver = cp_model.CpSolver()
        solver.parameters.num_workers = 1
        solver.parameters.catch_sigint_signal = False  # CP-SAT would swallow Ctrl-C, and leave the process without a handler
        solver.parameters.random_seed = 0
        if self.tops:
            solver.parameters.symmetry_level = 0  # OR-Tools 9.15 fails with an IndexError where it looks for symmetry in these
        solver.parameters.max_deterministic_time = deterministic_limit
        ended = solver.solve(self.model)
        names = {cp_model.OPTIMAL: Status.OPTIMAL, cp_model.FEASIBLE: Status.FEASIBLE, cp_model.INFEASIBLE: Status.INFEASIBLE}
        status = names.get(ended, Status.UNKNOWN)
        has_answer = status in {Status.OPTIMAL, Status.FEASIBLE}
        found = tuple(solver.value(start) for start in self.starts) if has_answer else None
        return status, found, round(solver.best_objective_bound)


def _tops(
    model: cp_model.CpModel, items: Sequence[Item], starts: Sequence[cp_model.IntVar], homes: Sequence[tuple[int, int]]
) -> tuple[list[cp_model.IntVar], list[list[cp_model.IntVar]]]:
    """Say which arena each item is in. What an arena holds at any one time is below its top: without that the proof is slow."""
    tops = [model.new_int_var(0, end - first, f"top {number}") for number, (first, end) in enumerate(homes)]
    inside = [[model.new_bool_var(f"item {index} in {number}") for number in range(len(homes))] for index in range(len(items))]
    for item, start, chosen in zip(items, starts, inside, strict=True):
        model.add_exactly_one(chosen)
        for here, top, (first, end) in zip(chosen, tops, homes, strict=True):
            if item.size > end - first:
                model.add(here == 0)
                continue
            model.add(start >= first).only_enforce_if(here)
            model.add(start + item.size <= first + top).only_enforce_if(here)
    for held in live_at(items).values():
        for number, top in enumerate(tops):
            model.add(sum(size * inside[index][number] for index, size in held) <= top)
    return tops, inside
