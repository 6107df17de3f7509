"""The score of one network and the terms it is made of."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rich.console import Console

from qeopt.design import load_design
from qeopt.kinds import KINDS, identify
from qeopt.network import Bits, Network
from qeopt.reading import load_study
from qeopt.report.tables import rows_table
from qeopt.score import Objective, QEScore, evaluate
from qeopt.space import Space, Subject, Task
from qeopt.spec.errors import Location, SpecError
from qeopt.spec.library import Library
from qeopt.spec.load import load
from qeopt.study import Study

FORMAT = "qeopt.score/1"
DEFAULT_BITS = 8
IMAGENET = Task(input=(224, 224, 3), classes=1000)


@dataclass(frozen=True)
class Scored:
    """A network at given bits."""

    network: Network
    bits: Bits
    objective: Objective

    @property
    def score(self) -> float:
        """In nats."""
        return evaluate(self.objective, self.network, self.bits)

    @property
    def constant(self) -> float:
        """The share that no bits change."""
        return float(self.objective.constant(self.network))


@dataclass(frozen=True, slots=True)
class Terms:
    """What the caller says about bits and, for a bare network, about the task."""

    weights: int | None = None
    activations: int | None = None
    task: Task = IMAGENET


def score(name: str, terms: Terms, library: Library, overrides: Sequence[str] = ()) -> Scored:
    """Score a design, or the network of a study or network file.

    Raises:
        SpecError: when it cannot be loaded, or has no one structure.
    """
    if name.endswith(".json"):
        return _of_design(Path(name), terms)
    kind, path = identify(library, name)
    if kind.model is Study:
        study = load_study(path, overrides=overrides, library=library).value
        return _of_space(study.subject, study.task, study.objective, terms, study.name)
    if kind is not KINDS["network"]:
        raise SpecError.at(None, f"a {kind.name} has no score; a network, a study of a network or a design was expected")
    space = load(Space, path, library=library, kind="network", folder="networks").value
    return _of_space(space, terms.task, QEScore(), terms, space.name)


def _of_design(path: Path, terms: Terms) -> Scored:
    design = load_design(path)
    try:
        network, own = design.network(), design.bit_widths()
        uniform = _uniform(network, terms)
        bits = Bits(
            own.weights if terms.weights is None else uniform.weights,
            own.activations if terms.activations is None else uniform.activations,
        )
        scored = Scored(network, bits, design.load_study().objective)
        _ = scored.score
    except (ValueError, KeyError):
        raise SpecError.at(Location(str(path)), "does not fit the study it carries; `qeopt verify` says where") from None
    return scored


def _of_space(space: Subject, task: Task, objective: Objective, terms: Terms, name: str) -> Scored:
    if space.size > 1:
        raise SpecError.at(None, f"{name!r} is a space of {space.size:,} structures; score one of its designs (design.json)")
    network = space.expand(space.smallest(), task, space.name)
    return Scored(network, _uniform(network, terms), objective)


def _uniform(network: Network, terms: Terms) -> Bits:
    """Free tensors at the bits asked for, fixed ones at their own."""
    weights = Bits.uniform(network, DEFAULT_BITS if terms.weights is None else terms.weights)
    activations = Bits.uniform(network, DEFAULT_BITS if terms.activations is None else terms.activations)
    return Bits(weights.weights, activations.activations)


def print_score(console: Console, scored: Scored) -> None:
    """The sum and its terms."""
    rows = (
        (term["op"], str(term["input_bits"]), str(term["weight_bits"]), f"{term['activations']:.6f}", f"{term['weights']:.6f}")
        for term in _terms(scored)
    )
    console.print(rows_table({"operator": "left", **dict.fromkeys(("in", "weights", "input term", "weight term"), "right")}, rows))
    console.print(f"constant of the structure: {scored.constant:.6f}")
    console.print(f"score: {scored.score:.6f}")


def score_document(scored: Scored) -> dict[str, Any]:
    """The same as one JSON document."""
    return {
        "format": FORMAT,
        "network": scored.network.name,
        "score": scored.score,
        "constant": scored.constant,
        "layers": scored.network.layers,
        "terms": _terms(scored),
    }


def _terms(scored: Scored) -> list[dict[str, Any]]:
    network, bits, objective = scored.network, scored.bits, scored.objective
    found = []
    for op in network.ops:
        if op.is_scored:
            read, of_weights, _ = bits.of(op)
            activations = objective.activation_gain(network, op, op.inputs[0], read)
            weights = objective.weight_gain(network, op, of_weights)
            found.append(
                {"op": op.name, "input_bits": read, "weight_bits": of_weights, "activations": activations, "weights": weights}
            )
    return found
