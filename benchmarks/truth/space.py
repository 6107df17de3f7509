"""The space of the study, structures drawn from it, and designs made of them. Designs are kept in designs.jsonl, one a line."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np

from qeopt.design import Design
from qeopt.design.build import describe
from qeopt.memory import count
from qeopt.network import Bits
from qeopt.qbr import Refined
from qeopt.score import evaluate
from qeopt.space import Structure
from qeopt.spec.load import Loaded
from qeopt.statistics.features import features
from qeopt.study import Study
from qeopt.study.load import load_study
from qeopt_solvers import Status

HERE = Path(__file__).parent
DESIGNS = HERE / "designs.jsonl"
EXACT = "chain"
"""An exact engine that is quick on these programs; CP-SAT proves the same of what `qeopt solve` reports."""


@dataclass(frozen=True)
class Kept:
    """A design as designs.jsonl keeps it."""

    name: str
    part: str
    engine: str
    """Who chose the bits."""
    structure: dict[str, dict[str, float]]
    weights: dict[str, int]
    activations: dict[str, int]
    study: str = "fashion"
    """The file beside this one that it is a design of."""

    def design(self) -> Design:
        """The design, counted and scored anew by the code at hand."""
        own = loaded(self.study)
        study = own.value
        structure = study.subject.structure(self.structure)
        network, bits = study.subject.expand(structure, study.task, self.name), Bits(self.weights, self.activations)
        refined = Refined(
            network,
            Status.FEASIBLE,
            self.engine,
            bits,
            count(network, study.runtime, bits),
            evaluate(study.objective, network, bits),
        )
        return describe(own, structure, (refined,), stopped="drawn").model_copy(update={"study_name": self.name})


def facts(kept: Kept) -> dict[str, float]:
    """What is known of a design without training it: a row of the table that `qeopt sample` writes."""
    study = loaded(kept.study).value
    network = study.subject.expand(study.subject.structure(kept.structure), study.task, kept.name)
    bits = Bits(kept.weights, kept.activations)
    return features(study, network, bits, count(network, study.runtime, bits))


@cache
def loaded(name: str = "fashion") -> Loaded[Study]:
    """The study, or another beside it."""
    return load_study(HERE / f"{name}.yaml")


def draw(seed: int) -> Iterator[Structure]:
    """Draw different structures for ever, each of those that follow the rule of widths as likely as any other."""
    space = loaded().value.space
    assert space is not None
    rng, drawn = np.random.default_rng(seed), set()
    while True:
        structure = Structure(tuple(values[rng.integers(len(values))] for _, _, values in space.genes))
        if space.follows_rules(structure) and structure not in drawn:
            drawn.add(structure)
            yield structure


def refined(structure: Structure, engine: str = EXACT, study: Study | None = None) -> Refined:
    """The bits that an engine chooses for a structure; none where none fit or layers are over the budget."""
    study = study or loaded().value
    network = study.subject.expand(structure, study.task)
    if network.layers > (study.limits.get("layers") or network.layers):
        return Refined(network, Status.INFEASIBLE, engine)
    return study.refiner.refine(network, engine)


def kept(name: str, part: str, structure: Structure, found: Refined) -> Kept:
    """Write a structure with bits down.

    Raises:
        ValueError: when there are no bits.
    """
    if found.bits is None:
        raise ValueError(f"{name} has no bits")
    return Kept(
        name, part, found.engine, loaded().value.subject.named(structure), dict(found.bits.weights), dict(found.bits.activations)
    )


def read_designs() -> dict[str, Kept]:
    """Every design so far, by name."""
    lines = DESIGNS.read_text(encoding="utf-8").splitlines() if DESIGNS.exists() else []
    return {design.name: design for design in (Kept(**json.loads(line)) for line in lines)}


def write_designs(designs: dict[str, Kept]) -> None:
    """Replace the file."""
    DESIGNS.write_text("".join(json.dumps(_plain(design)) + "\n" for design in designs.values()), encoding="utf-8")


def _plain(design: Kept) -> dict[str, Any]:
    return asdict(design)
