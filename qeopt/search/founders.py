"""Structures to found a search with where the bound leaves out memory: those that it meets by itself may all be too large."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import replace

from qeopt.memory import count
from qeopt.network import Bits
from qeopt.search.bound import JointBound, bound_space
from qeopt.search.island import Terms
from qeopt.space import Structure

ROUNDS = 2
"""Times that the SRAM budget is lowered by what the best structure so far holds beside its tensors."""


def within_reach(
    terms: Terms,
    bound: JointBound | None,
    found: Callable[[Structure, float], bool] = lambda structure, lowered: False,
) -> tuple[Structure, ...]:
    """What the bound meets with less SRAM: by as much as lasting memory and shared scratch take in the structures it met before.

    Nothing where the bound leaves no memory out. Only the structures are of use: the lowered budget proves nothing. `found` is
    told of every walk, as by `bound_space`.
    """
    runtime, limits = terms.refiner.runtime, terms.refiner.limits
    shared = any(pool.aggregate == "global_max" and pool.bytes for pool in runtime.pools)
    if bound is None or limits.sram_bytes is None or not (shared or runtime.memory.persistent):
        return ()
    structures: list[Structure] = []
    met = bound.structures
    for _ in range(ROUNDS):
        if not met:
            break
        refiner = replace(terms.refiner, limits=limits.less(_beside_tensors(terms, met[0]), 0))
        lowered = bound_space(
            terms.space, terms.task, refiner, tolerance=terms.settings.gap / 8, most_walks=terms.settings.walks, found=found
        )
        met = () if lowered is None else lowered.structures
        structures += met
    return tuple(dict.fromkeys(structures))


def _beside_tensors(terms: Terms, structure: Structure) -> int:
    """Bytes of lasting memory and scratch at the peak, at the most bits."""
    network = terms.space.expand(structure, terms.task)
    peak = count(network, terms.refiner.runtime, Bits.uniform(network, max(terms.refiner.choices.activations))).peak
    return math.ceil(peak.persistent_bytes + peak.scratch_bytes)
