"""Which tensors of a network have a choice of bits, and the table of what they lose."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from qeopt.network import Bits, Network, Tensor
from qeopt.score.objective import readings
from qeopt.score.sensitivity import ACTIVATIONS, WEIGHTS

BASE = 8
"""Width against which others lose."""


@dataclass(frozen=True, slots=True)
class Choice:
    """A weight tensor by its operator, or the activation tensors that share one width by the one that decides it."""

    name: str
    is_weights: bool
    tensors: tuple[str, ...] = ()
    """All activation tensors that take the width."""

    @property
    def label(self) -> str:
        """As the table calls it."""
        return self.name + (WEIGHTS if self.is_weights else ACTIVATIONS)

    def at(self, bits: Bits, width: int) -> Bits:
        """Bits that differ from `bits` in this choice alone."""
        if self.is_weights:
            return Bits({**bits.weights, self.name: width}, bits.activations)
        return Bits(bits.weights, {**bits.activations, **dict.fromkeys(self.tensors, width)})


@dataclass(frozen=True, slots=True)
class Loss:
    """What a choice loses at a width."""

    choice: Choice
    bits: int
    loss: float
    """At least 0, and no less than at a wider width: noise of few images must not make few bits look better."""
    measured: float
    """As it was measured or computed."""
    error: float | None
    """Standard error of `measured`; None where it is no estimate."""


def choices(network: Network) -> tuple[Choice, ...]:
    """Every choice of bits that an objective sees, in execution order."""
    found: list[Choice] = []
    for reading in readings(network):
        if reading.is_first and reading.owner.bits is None:
            found.append(Choice(reading.owner.name, False, _sharing(network, reading.owner)))
        if reading.op.weight_bits is None:
            found.append(Choice(reading.op.name, True))
    return tuple(found)


def _sharing(network: Network, owner: Tensor) -> tuple[str, ...]:
    return tuple(tensor.name for tensor in network.tensors if network.bits_owner(tensor).name == owner.name)


def losses(choice: Choice, measured: Iterable[tuple[int, float, float | None]]) -> list[Loss]:
    """Losses of one choice by ascending width, none below 0 or below that of a wider one.

    Args:
        choice: What is lost at.
        measured: Width, loss, and standard error.
    """
    found: list[Loss] = []
    least = 0.0
    for width, value, error in sorted(measured, reverse=True):
        least = max(least, value)
        found.append(Loss(choice, width, least, value, error))
    return found[::-1]


def table_text(found: Sequence[Loss], remark: str) -> str:
    """The table that `objective: {kind: sensitivity, table: FILE}` reads."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(["tensor", "bits", "loss", "measured", "standard_error", "method"])
    for one in found:
        error = "" if one.error is None else f"{one.error:.6g}"
        writer.writerow([one.choice.label, one.bits, f"{one.loss:.9g}", f"{one.measured:.9g}", error, remark])
    return text.getvalue()
