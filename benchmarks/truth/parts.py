"""What the study trains, part by part, as it was written down beforehand in docs/truth.md.

python benchmarks/truth/parts.py D     # draw the designs of a part and add them to designs.jsonl
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import islice

from space import HERE, Kept, draw, kept, loaded, read_designs, refined, write_designs

from qeopt.sampling.bits import bits_by
from qeopt.study.load import load_study
from qeopt.verbs.solve import solve

SHORT, LONG = 1_000, 4_000
"""Steps of 64 images: 1.1 and 4.3 epochs."""
DEPTHS = (8, 11, 14, 17, 20)
"""Layers that structures of the space have."""
SEED = 20261128
ANY_DEPTH, ONE_DEPTH = 40, 60
"""Structures of part A."""
STRUCTURES = 20
"""Of part B."""
RANDOM = 100
"""Designs among which part E takes the best by the learnt objective."""
BY_HAND = ("hand_plain", "hand_separable", "mobilenet")
"""Studies of one structure each, for part C."""
BITS = ("exact", "paper", "rusci", "random")
DIGITS = frozenset("FG")
"""Parts that train by the digits; the others by Fashion-MNIST."""
DIGITS_STRUCTURES = 20
"""Of part A that part G trains, of any depth and of one."""


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


def structure_runs(rate: float, steps: int) -> Iterator[Run]:
    """A: the order of structures, those of any depth first."""
    names = [*(f"A-{number:02}" for number in range(ANY_DEPTH)), *(f"A14-{number:02}" for number in range(ONE_DEPTH))]
    for seed in (0, 1):
        for name in names:
            yield Run("A", name, seed, steps, rate)


def digits_length_runs(rate: float) -> Iterator[Run]:
    """F: the designs and lengths of part D on another data set."""
    for letter in "ab":
        for depth in DEPTHS:
            for steps in (SHORT, LONG):
                yield Run("F", f"D{depth:02}{letter}", 0, steps, rate)


def digits_structure_runs(rate: float) -> Iterator[Run]:
    """G: some designs of part A on another data set, those of any depth first."""
    for seed in (0, 1):
        for kind in ("A", "A14"):
            for number in range(DIGITS_STRUCTURES):
                yield Run("G", f"{kind}-{number:02}", seed, SHORT, rate)


def bits_runs(rate: float, steps: int) -> Iterator[Run]:
    """B: the same structures with bits by four rules, all of one structure in turn."""
    for seed in (0, 1):
        for number in range(STRUCTURES):
            for rule in BITS:
                yield Run("B", f"B{number:02}-{rule}", seed, steps, rate)


def depth_runs(rate: float) -> Iterator[Run]:
    """C: the best designs by the score for each depth, with all widths and with 8 bits only, and what people make by hand."""
    names = [f"C{depth:02}{kind}" for depth in DEPTHS for kind in ("", "-eight")] + [f"C-{name}" for name in BY_HAND]
    for seed in (0, 1, 2):
        for name in names:
            yield Run("C", name, seed, LONG, rate)


def learnt_runs(rate: float, steps: int) -> Iterator[Run]:
    """E: the optima of the learnt objective and of the score, and the best by the learnt one of random designs; fresh seeds."""
    for seed in (2, 3, 4, 5, 6):
        for name in ("E-learnt", "E-score", "E-random"):
            yield Run("E", name, seed, steps, rate)


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
    for name, wanted, source in (("A14", ONE_DEPTH, draw(SEED + 2)), ("A", ANY_DEPTH, draw(SEED + 3))):
        fitting = ((structure, refined(structure)) for structure in source)
        chosen = (
            (structure, found)
            for structure, found in fitting
            if found.bits is not None and (name == "A" or found.network.layers == 14)
        )
        for number, (structure, found) in enumerate(islice(chosen, wanted)):
            yield kept(f"{name}-{number:02}", "A", structure, found)


def bits_designs() -> Iterator[Kept]:
    """B: structures that do not fit at 8 bits and have bits by every rule."""
    study, number = loaded().value, 0
    for structure in draw(SEED + 4):
        network = study.subject.expand(structure, study.task)
        if refined(structure).bits is None or bits_by("eight", study.refiner, network, 0) is not None:
            continue
        found = {rule: bits_by(rule, study.refiner, network, SEED + number) for rule in BITS}
        if None in found.values():
            continue
        for rule, bits in found.items():
            assert bits is not None
            yield kept(f"B{number:02}-{rule}", "B", structure, bits)
        number += 1
        if number == STRUCTURES:
            return


def optimum(name: str, part: str, changes: Sequence[str] = (), study: str = "fashion") -> Kept:
    """What `qeopt solve` finds for a study with some changes."""
    found = solve(HERE / f"{study}.yaml", overrides=changes).design
    if found is None:
        raise SystemExit(f"{name}: nothing fits")
    structure = {block: dict(genes) for block, genes in found.structure.items()}
    return Kept(name, part, "solve", structure, dict(found.weights), dict(found.activations), study)


def depth_designs() -> Iterator[Kept]:
    """C: the best for at most so many layers, and networks made by hand."""
    for depth in DEPTHS:
        for kind, bits in (("", "[2, 4, 8]"), ("-eight", "[8]")):
            changes = [f"budgets.layers={depth}", f"bits.weights={bits}", f"bits.activations={bits}"]
            yield optimum(f"C{depth:02}{kind}", "C", changes)
    for name in BY_HAND:
        yield optimum(f"C-{name}", "C", study=name)


def learnt_designs() -> Iterator[Kept]:
    """E: an objective is fitted on part A alone, and written into learnt.yaml."""
    from learnt import LEARNT, learn  # noqa: PLC0415  # it reads results, which know the parts

    learn()
    learns = [f"objective={LEARNT}"]
    yield optimum("E-learnt", "E", learns)
    yield optimum("E-score", "E", [])
    study = load_study(HERE / "fashion.yaml", overrides=learns).value
    fitting = ((structure, refined(structure, study=study)) for structure in draw(SEED + 5))
    drawn = islice(((structure, found) for structure, found in fitting if found.bits is not None), RANDOM)
    yield kept("E-random", "E", *max(drawn, key=lambda pair: pair[1].score or 0.0))


DESIGNS_OF: dict[str, Callable[[], Iterator[Kept]]] = {
    "R": rate_designs,
    "D": length_designs,
    "A": structure_designs,
    "B": bits_designs,
    "C": depth_designs,
    "E": learnt_designs,
}


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
