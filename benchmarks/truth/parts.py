"""What the study trains, part by part, as it was written down beforehand in docs/truth.md.

python benchmarks/truth/parts.py D     # draw the designs of a part and add them to designs.jsonl
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import islice

from space import Kept, draw, kept, loaded, read_designs, refined, write_designs

SHORT, LONG = 1_000, 4_000
"""Steps of 64 images: 1.1 and 4.3 epochs."""
DEPTHS = (8, 11, 14, 17, 20)
"""Layers that structures of the space have."""
SEED = 20261128


@dataclass(frozen=True, slots=True)
class Run:
    """One training."""

    part: str
    design: str
    seed: int
    steps: int
    rate: float


def rate_runs() -> Iterator[Run]:
    """The choice of the rate, on held-out training images."""
    for rate in (5e-3, 1e-2, 2e-2):
        for design in ("R11", "R20"):
            yield Run("R", design, 0, SHORT, rate)


def length_runs(rate: float) -> Iterator[Run]:
    """Does the order of ten structures stay at four times the length? Structures of different depths in turn."""
    for seed in (0, 1):
        for letter in "ab":
            for depth in DEPTHS:
                for steps in (SHORT, LONG):
                    yield Run("D", f"D{depth:02}{letter}", seed, steps, rate)


def rate_designs() -> Iterator[Kept]:
    """One structure of 11 layers and one of 20."""
    wanted = [11, 20]
    for structure in draw(SEED):
        found = refined(structure)
        if found.bits is not None and found.network.layers in wanted:
            wanted.remove(found.network.layers)
            yield kept(f"R{found.network.layers}", "R", structure, found)
        if not wanted:
            return


def length_designs() -> Iterator[Kept]:
    """The first two structures of every depth that fit at some bits."""
    seen = dict.fromkeys(DEPTHS, 0)
    for structure in draw(SEED + 1):
        found = refined(structure)
        depth = found.network.layers
        if found.bits is not None and seen.get(depth, 2) < 2:
            yield kept(f"D{depth:02}{'ab'[seen[depth]]}", "D", structure, found)
            seen[depth] += 1
        if min(seen.values()) == 2:
            return


def structure_designs() -> Iterator[Kept]:
    """A: 60 structures of 14 layers, then 40 of any depth."""
    for name, wanted, source in (("A14", 60, draw(SEED + 2)), ("A", 40, draw(SEED + 3))):
        fitting = ((structure, refined(structure)) for structure in source)
        chosen = (
            (structure, found)
            for structure, found in fitting
            if found.bits is not None and (name == "A" or found.network.layers == 14)
        )
        for number, (structure, found) in enumerate(islice(chosen, wanted)):
            yield kept(f"{name}-{number:02}", "A", structure, found)


DESIGNS_OF: dict[str, Callable[[], Iterator[Kept]]] = {"R": rate_designs, "D": length_designs, "A": structure_designs}


def main() -> None:
    designs = read_designs()
    for part in sys.argv[1:]:
        for design in DESIGNS_OF[part]():
            if design.name in designs:
                raise SystemExit(f"{design.name} is there already")
            designs[design.name] = design
            score = design.design().score
            print(f"{design.name}: score {score:.1f} within {loaded().value.name}", flush=True)
    write_designs(designs)


if __name__ == "__main__":
    main()
