"""The terms that a learnt objective is a sum of: functions of one operator, of a tensor's bits, or of the width a stage ends with.

Each is written once, for integers and for arrays: the same lines measure samples, score designs and bound spaces.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np

from qeopt.network import Bits, Dim, Network, Op, OpKind, Tensor, fan_in, macs, weight_count
from qeopt.score.objective import Nats
from qeopt.score.sensitivity import gaussian_noise_to_signal
from qeopt.score.sigma_hat import sigma_hat

BASE_BITS = 8
"""Losses are counted from this width: 0 there, more at fewer bits."""
SIGMA_A, SIGMA_W = 5.0, 4.0
"""Standard deviations of activations and weights before quantisation (paper: 5 and 4)."""
STAGE = "/"
"""Between the name of a term and a stage: `macs/2` counts the operators of stage 2 alone."""


@dataclass(frozen=True, slots=True)
class Term:
    """A quantity that adds up over a network; what it does not depend on is None.

    Attributes:
        meaning: What it counts, in words.
        of_op: What a scored operator adds whatever its bits.
        of_weights: What its weights add at a width.
        of_activations: What reading its input at a width adds.
        of_end: What the last tensor of a stage adds.
    """

    meaning: str
    of_op: Callable[[Op], Nats] | None = None
    of_weights: Callable[[int], float] | None = None
    of_activations: Callable[[int], float] | None = None
    of_end: Callable[[Tensor], Nats] | None = None


def _entropy_lost(sigma: float) -> Callable[[int], float]:
    return lambda bits: math.log(sigma_hat(BASE_BITS, sigma) / sigma_hat(bits, sigma))


def _ln(count: Dim) -> Nats:
    found: Nats = np.log(count, dtype=np.float64)
    return found


def _scaled(factor: float, count: Dim) -> Nats:
    found: Nats = factor * np.float64(1) * count
    return found


def _noise(bits: int) -> float:
    return gaussian_noise_to_signal(bits) - gaussian_noise_to_signal(BASE_BITS)


TERMS: Mapping[str, Term] = {
    "layers": Term("scored convolutions", of_op=lambda op: 1.0),
    "depthwise_layers": Term("depthwise convolutions", of_op=lambda op: float(op.kind is OpKind.DEPTHWISE)),
    "fan_in": Term("1/2 ln(C_in K^2), the structure term of the QE-Score", of_op=lambda op: 0.5 * _ln(fan_in(op))),
    "width": Term("ln of the channels written", of_op=lambda op: _ln(op.output.channels)),
    "stage_width": Term("ln of the channels a stage ends with", of_end=lambda tensor: _ln(tensor.channels)),
    "macs": Term("millions of multiply-accumulates of scored convolutions", of_op=lambda op: _scaled(1e-6, macs(op))),
    "parameters": Term("thousands of weights of scored convolutions", of_op=lambda op: _scaled(1e-3, weight_count(op))),
    "outputs": Term("thousands of values that scored convolutions write", of_op=lambda op: _scaled(1e-3, op.output.elements)),
    "activation_loss": Term("nats of entropy that activations lose against 8 bits", of_activations=_entropy_lost(SIGMA_A)),
    "weight_loss": Term("nats of entropy that weights lose against 8 bits", of_weights=_entropy_lost(SIGMA_W)),
    "activation_noise": Term("quantisation noise over signal of Gaussian activations, above that of 8 bits", of_activations=_noise),
    "weight_noise": Term("quantisation noise over signal of Gaussian weights, above that of 8 bits", of_weights=_noise),
}
"""Every term by its name."""


def split(name: str) -> tuple[Term, int | None]:
    """Return a term and the stage it is of; None for all of them.

    Raises:
        ValueError: when there is no such term.
    """
    base, separator, stage = name.partition(STAGE)
    if base not in TERMS or (separator and not stage.isdecimal()):
        raise ValueError(name)
    return TERMS[base], int(stage) if separator else None


def of_op(name: str, op: Op) -> Nats:
    """What a scored operator adds to a term whatever its bits."""
    term, stage = split(name)
    return term.of_op(op) if term.of_op is not None and stage in {None, op.stage} else 0.0


def of_end(name: str, ended: int, tensor: Tensor) -> Nats:
    """What the last tensor of a stage adds to a term."""
    term, stage = split(name)
    return term.of_end(tensor) if term.of_end is not None and stage in {None, ended} else 0.0


def of_structure(name: str, network: Network) -> Nats:
    """What a network adds to a term whatever its bits."""
    total: Nats = 0.0
    for op in network.ops:
        total = total + of_op(name, op) if op.is_scored else total
    for ended, tensor in network.stage_ends:
        total = total + of_end(name, ended, tensor)
    return total


def of_weights(name: str, op: Op, bits: int) -> float:
    """What the weights of a scored operator add at a width."""
    term, stage = split(name)
    return term.of_weights(bits) if term.of_weights is not None and stage in {None, op.stage} else 0.0


def of_activations(name: str, op: Op, bits: int) -> float:
    """What reading its input at a width adds to a scored operator."""
    term, stage = split(name)
    return term.of_activations(bits) if term.of_activations is not None and stage in {None, op.stage} else 0.0


def total(name: str, network: Network, bits: Bits) -> float:
    """A term, summed over a network at its bits."""
    found = float(of_structure(name, network))
    for op in network.ops:
        if op.is_scored:
            found += of_weights(name, op, bits.weights[op.name])
            found += of_activations(name, op, bits.activations[op.inputs[0].name])
    return found


def names(stages: int) -> tuple[str, ...]:
    """Every term, by itself and by stage."""
    return (*TERMS, *(f"{name}{STAGE}{stage}" for stage in range(stages) for name in TERMS))
