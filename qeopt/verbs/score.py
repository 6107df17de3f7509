"""The score of one network and the terms it is made of."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from qeopt.design import load_sound_design
from qeopt.network import Bits, Network
from qeopt.runs import design_in
from qeopt.score import Objective, QEScore, evaluate
from qeopt.score.objective import constant, gain_of_reading, readings
from qeopt.space import Space, Subject, Task
from qeopt.spec.errors import Location, SpecError
from qeopt.spec.library import Library
from qeopt.study import Study
from qeopt.study.file_kinds import KINDS, check_unchanged, identify, load_network, stated_network
from qeopt.study.load import load_study

DEFAULT_BITS = 8
IMAGENET = Task(input=(224, 224, 3), classes=1000)


@dataclass(frozen=True)
class Scored:
    """A network at given bits."""

    network: Network
    bits: Bits
    objective: Objective
    notes: tuple[str, ...] = ()
    """What the importer of a model file has to say."""

    @property
    def score(self) -> float:
        """In nats."""
        return evaluate(self.objective, self.network, self.bits)

    @property
    def constant(self) -> float:
        """The share that no bits change."""
        return float(constant(self.objective, self.network))

    def terms(self) -> list[dict[str, Any]]:
        """The terms of the sum by operator: its name, input and weight bits, and what either is worth, in nats."""
        network, bits, objective = self.network, self.bits, self.objective
        found = []
        for reading in readings(network):
            read, of_weights, _ = bits.of(reading.op)
            activations = gain_of_reading(objective, reading, read)
            weights = objective.weight_gain(reading.op, of_weights)
            found.append(
                {
                    "op": reading.op.name,
                    "input_bits": read,
                    "weight_bits": of_weights,
                    "activations": activations,
                    "weights": weights,
                }
            )
        return found


@dataclass(frozen=True, slots=True)
class _Terms:
    """What the caller says about bits and, for a bare network, about the task."""

    weights: int | None = None
    activations: int | None = None
    task: Task | None = None
    """What a network of blocks reads and tells apart; ImageNet's unless stated."""


def score_network(
    source: Path | str,
    *,
    weight_bits: int | None = None,
    activation_bits: int | None = None,
    task: Task | None = None,
    overrides: Sequence[str] = (),
    library: Library | None = None,
) -> Scored:
    """Score one network at given bits, term by term.

    Args:
        source: A network, a model file or a study of a network, by path or name; or a design, which has bits of its own.
        weight_bits: Bits of every free weight tensor; 8 unless stated.
        activation_bits: Bits of every free activation; 8 unless stated.
        task: What a network of blocks reads and tells apart; ImageNet's unless stated.
        overrides: `KEY=VALUE` texts that replace values of the file.
        library: Where names are looked up.

    Raises:
        SpecError: when it cannot be loaded, has no one structure, or is told a task although it has its own.
    """
    name, library, terms = str(source), library or Library(), _Terms(weight_bits, activation_bits, task)
    if name.endswith(".json") or Path(name).is_dir():
        check_unchanged(name, overrides)
        _refuse_task(name, terms, "design")
        return _of_design(design_in(Path(name)), terms)
    kind, path = identify(library, name)
    if kind.model is Study:
        _refuse_task(name, terms, "study")
        study = load_study(path, overrides=overrides, library=library).value
        return _of_subject(study.subject, study.task, study.objective, terms, study.name)
    if kind is not KINDS["network"]:
        raise SpecError.at(None, f"a {kind.name} has no score; a network, a study of a network or a design was expected")
    found = stated_network(load_network(path, library=library, overrides=overrides))
    if isinstance(found, Space):
        return _of_subject(found, terms.task or IMAGENET, QEScore(), terms, found.name)
    _refuse_task(name, terms, "network")
    return Scored(found.network, _uniform(found.network, terms), QEScore(), found.notes)


def _refuse_task(name: str, terms: _Terms, kind: str) -> None:
    """What states its own task is told no other."""
    if terms.task is not None:
        said = f"`--input` and `--classes` are for a network of blocks; the {kind} {name!r} states itself what it reads"
        raise SpecError.at(None, said)


def _of_design(path: Path, terms: _Terms) -> Scored:
    design = load_sound_design(path)
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


def _of_subject(subject: Subject, task: Task, objective: Objective, terms: _Terms, name: str) -> Scored:
    if subject.size > 1:
        raise SpecError.at(None, f"{name!r} is a space of {subject.size:,} structures; score one of its designs (design.json)")
    network = subject.expand(subject.smallest(), task, subject.name)
    return Scored(network, _uniform(network, terms), objective)


def _uniform(network: Network, terms: _Terms) -> Bits:
    """Free tensors at the bits asked for, fixed ones at their own."""
    weights = Bits.uniform(network, DEFAULT_BITS if terms.weights is None else terms.weights)
    activations = Bits.uniform(network, DEFAULT_BITS if terms.activations is None else terms.activations)
    return Bits(weights.weights, activations.activations)
