"""The QE-Score of a design at any sigmas, from how many of its operators read and multiply at each width."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

import numpy as np

from qeopt.network import Bits, Network, fan_in
from qeopt.score.objective import Objective
from qeopt.score.qe import QEScore
from qeopt.score.sigma_hat import sigma_hat

READS, WEIGHTS, STRUCTURE = "reads_at_", "weights_at_", "qe_structure"
"""Columns of a table of designs."""
FIXED = 8
"""Width of what no study chooses."""


def width_counts(
    objective: Objective, network: Network, bits: Bits, weights: Sequence[int], activations: Sequence[int]
) -> dict[str, float]:
    """Count scored operators by the width they read and multiply at, each as often as the score counts its stage.

    Every operator counts once under an objective that is no QE-Score. `qe_structure` is the share of the score, in nats, that
    neither widths nor sigmas change.
    """
    score = objective if isinstance(objective, QEScore) else QEScore()
    found = {STRUCTURE: 0.0}
    found |= {f"{READS}{width}": 0.0 for width in sorted({*activations, FIXED})}
    found |= {f"{WEIGHTS}{width}": 0.0 for width in sorted({*weights, FIXED})}
    for op in network.ops:
        if op.is_scored and op.stage is not None:
            weight, (reads, multiplies, _) = score.layer_weight(op.stage), bits.of(op)
            found[STRUCTURE] += weight * 0.5 * float(np.log(fan_in(op)))
            found[f"{READS}{reads}"] = found.get(f"{READS}{reads}", 0.0) + weight
            found[f"{WEIGHTS}{multiplies}"] = found.get(f"{WEIGHTS}{multiplies}", 0.0) + weight
    for stage, tensor in network.stage_ends:
        if score.stage_weights is not None:
            found[STRUCTURE] += score.stage_weights[stage] * math.log(tensor.channels)
    return found


def score_at(row: Mapping[str, float], sigma_a: float, sigma_w: float) -> float:
    """The QE-Score, in nats, of a design with these counts, at other sigmas."""
    total = row[STRUCTURE]
    for name, number in row.items():
        if name.startswith(READS):
            total += number * math.log(sigma_hat(int(name.removeprefix(READS)), sigma_a) / sigma_a)
        elif name.startswith(WEIGHTS):
            total += number * math.log(sigma_hat(int(name.removeprefix(WEIGHTS)), sigma_w))
    return total
