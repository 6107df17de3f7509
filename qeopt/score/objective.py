"""What a search maximises: the protocol every objective follows, and the table of those known."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol, TypeAlias, runtime_checkable

import numpy as np
from numpy.typing import NDArray

from qeopt.network import Bits, Network, Op, Tensor
from qeopt.network.importers import Parameters
from qeopt.spec.model import Block
from qeopt.spec.plugins import Table

OBJECTIVES = Table(
    "objectives",
    {
        "qe": "qeopt.score.qe:QEScore",
        "sensitivity": "qeopt.score.sensitivity:Sensitivity",
        "fitted": "qeopt.score.fitted:Fitted",
    },
)

MICRO = 1_000_000
"""Integer gains in a nat, where no score is so large that they would have to be coarser."""


Nats: TypeAlias = float | NDArray[np.float64]
"""A share of a score: one number, or one per network of a batch."""


class Objective(Protocol):
    """A score made of terms of single operators, tensors and stages.

    What a term is of is all it is told, so a piece of a network adds the same as its share of the whole, and arrays serve as
    well as numbers. An objective that is no plain sum of its terms says so (`is_additive`) and makes the score of them (`whole`).
    """

    @property
    def is_additive(self) -> bool:
        """Whether the score is the sum of the terms; then a space has a bound."""
        ...

    def check(self, network: Network) -> str | None:
        """Say why this objective cannot score `network`; None when it can."""
        ...

    def op_gain(self, op: Op) -> Nats:
        """What a scored operator adds whatever its bits, in nats."""
        ...

    def stage_gain(self, stage: int, tensor: Tensor) -> Nats:
        """What the last tensor of a stage adds, in nats."""
        ...

    def weight_gain(self, op: Op, bits: int) -> float:
        """What the weights of a scored operator add at `bits`, in nats."""
        ...

    def activation_gain(self, op: Op, bits: int) -> float:
        """What reading its input at `bits` adds to a scored operator, in nats."""
        ...

    def tensor_gain(self, tensor: Tensor, bits: int) -> float:
        """What a tensor adds at `bits`, in nats: once, however many scored operators read it; asked of those that decide bits."""
        ...

    def whole(self, network: Network, total: float) -> float:
        """The score of a network whose terms sum to `total`; it never falls where `total` rises. A plain sum: `total` itself."""
        ...


class ObjectiveBlock(Block):
    """An objective of which every term is nothing, to be derived from: write those that are something, and `kind`."""

    @property
    def is_additive(self) -> bool:
        """Whether the score is the sum of the terms: yes."""
        return True

    def check(self, network: Network) -> str | None:
        """Say why this objective cannot score `network`: it can."""
        return None

    def op_gain(self, op: Op) -> Nats:
        """What a scored operator adds whatever its bits: nothing."""
        return 0.0

    def stage_gain(self, stage: int, tensor: Tensor) -> Nats:
        """What the last tensor of a stage adds: nothing."""
        return 0.0

    def weight_gain(self, op: Op, bits: int) -> float:
        """What the weights of a scored operator add: nothing."""
        return 0.0

    def activation_gain(self, op: Op, bits: int) -> float:
        """What reading its input adds to a scored operator: nothing."""
        return 0.0

    def tensor_gain(self, tensor: Tensor, bits: int) -> float:
        """What a tensor adds: nothing."""
        return 0.0

    def whole(self, network: Network, total: float) -> float:
        """The score of a network whose terms sum to `total`: `total`."""
        return total


@runtime_checkable
class Completable(Protocol):
    """An objective that a study may leave open: a table in a file, or numbers that follow from a model's learnt values."""

    @property
    def is_complete(self) -> bool:
        """Whether it holds all its numbers."""
        ...

    @property
    def file(self) -> str | None:
        """The file that holds them, as the study names it."""
        ...

    def complete(
        self,
        file: Path | None,
        network: Network,
        weights: Sequence[int],
        activations: Sequence[int],
        parameters: Mapping[str, Parameters],
    ) -> Any:
        """The same objective with its numbers.

        Raises:
            ValueError: the file, or the learnt values, do not give them all.
        """
        ...


@dataclass(frozen=True, slots=True)
class Reading:
    """A scored operator and the tensor whose bits decide those of its input."""

    op: Op
    owner: Tensor
    is_first: bool
    """Whether no scored operator before it reads the same."""


def readings(network: Network) -> tuple[Reading, ...]:
    """Every scored operator with what it reads, in execution order."""
    known: set[str] = set()
    found = []
    for op in network.ops:
        if op.is_scored:
            owner = network.bits_owner(op.inputs[0])
            found.append(Reading(op, owner, owner.name not in known))
            known.add(owner.name)
    return tuple(found)


def constant(objective: Objective, network: Network) -> Nats:
    """The sum of the terms that no bits change, in nats."""
    total: Nats = 0.0
    for op in network.ops:
        if op.is_scored:
            total = total + objective.op_gain(op)
    for stage, tensor in network.stage_ends:
        total = total + objective.stage_gain(stage, tensor)
    return total


def gain_of_reading(objective: Objective, reading: Reading, bits: int) -> float:
    """What the input of a scored operator adds at `bits`, in nats."""
    own = objective.activation_gain(reading.op, bits)
    return own + objective.tensor_gain(reading.owner, bits) if reading.is_first else own


def evaluate(objective: Objective, network: Network, bits: Bits) -> float:
    """Score `network` at `bits`, in nats."""
    found = readings(network)
    total = (
        float(constant(objective, network))
        + sum(objective.weight_gain(reading.op, bits.weights[reading.op.name]) for reading in found)
        + sum(gain_of_reading(objective, reading, bits.activations[reading.op.inputs[0].name]) for reading in found)
    )
    return objective.whole(network, total)


def kind_of(objective: Objective) -> str:
    """What studies call an objective."""
    return str(getattr(objective, "kind", type(objective).__name__))


def broken_promise(objective: Objective, network: Network, weights: Sequence[int], activations: Sequence[int]) -> str | None:
    """Say what of the protocol an objective does not keep for a network whose bits may be these; None where nothing is seen.

    Terms have to be finite numbers, and `whole` has to be their sum where the objective is additive, and else never to fall where
    the sum rises: bits are chosen for the greatest sum.
    """
    try:
        found = readings(network)
        fixed = float(constant(objective, network))
        by_bits = [[objective.weight_gain(reading.op, bits) for bits in weights] for reading in found]
        by_bits += [[gain_of_reading(objective, reading, bits) for bits in activations] for reading in found]
        if not all(map(math.isfinite, (fixed, *(gain for gains in by_bits for gain in gains)))):
            return "gives terms that are no finite numbers"
        least, most = fixed + sum(map(min, by_bits)), fixed + sum(map(max, by_bits))
        scores = [objective.whole(network, total) for total in (least, most)]
    except Exception as error:  # whatever a plug-in does, it is named
        return f"fails with {type(error).__name__}: {error}"
    if not all(map(math.isfinite, scores)):
        return "makes scores of its terms that are no finite numbers"
    if objective.is_additive and not all(map(math.isclose, scores, (least, most))):
        return f"says that its terms add up (`is_additive`), and makes {scores[1]:g} of terms whose sum is {most:g}"
    if scores[1] < scores[0]:
        fell = f"{scores[1]:g} of {most:g}, {scores[0]:g} of {least:g}"
        return f"makes less of a greater sum of its terms ({fell}), and bits are chosen for the greatest"
    return None
