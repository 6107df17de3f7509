"""What can be known of a design without training it: one row of numbers, by name."""

from __future__ import annotations

from collections.abc import Mapping

from qeopt.budgets import table
from qeopt.memory import Resources
from qeopt.network import Bits, Network, weight_count
from qeopt.score import Objective, QEScore, evaluate, terms
from qeopt.score.objective import constant, gain_of_reading, readings
from qeopt.score.sigma_grid import width_counts
from qeopt.study import Study

KEYS = ("design", "structure", "bits_by")
"""Columns that name a design and how its bits were found; all others are numbers."""
DEPTH, MACS = "depth", "macs"
TERM = "term."
"""Before the name of a term that a learnt objective may have."""


def features(study: Study, network: Network, bits: Bits, resources: Resources) -> dict[str, float]:
    """Every predictor of one design.

    `score` is that of the study's objective, in its unit; `score_structure`, `score_activations` and `score_weights` add up to it
    where it is a plain sum.
    `eq9` is the paper's eq. (9) in nats. Bytes, MACs, bit operations, cycles and picojoules are counted by the study's runtime.
    `reads_at_N` and `weights_at_N` count scored operators by width, weighted as the objective weights their stage.
    """
    weights = {op.name: int(weight_count(op)) for op in network.weighted_ops}
    values = {tensor.name: int(tensor.elements) for tensor in network.tensors}
    row = {
        "score": evaluate(study.objective, network, bits),
        **_parts(study.objective, network, bits),
        "eq9": evaluate(QEScore(), network, bits),
        DEPTH: float(network.layers),
        MACS: float(resources.used["macs"]),
        **{_column(name): float(used) for name, used in resources.used.items() if name not in {"layers", "macs"}},
        "parameters": float(sum(weights.values())),
        "mean_weight_bits": _mean(bits.weights, weights),
        "mean_activation_bits": _mean(bits.activations, values),
    }
    if "cycles" in row and study.device is not None:
        row["latency_ms"] = row["cycles"] / study.device.cycles_per_ms
    row |= width_counts(study.objective, network, bits, study.bits.all_weights, study.bits.all_activations)
    return row | {TERM + name: terms.total(name, network, bits) for name in terms.names(len(network.stage_ends))}


def _column(budget: str) -> str:
    return f"{budget}_bytes" if table()[budget].unit.is_memory else budget


def _parts(objective: Objective, network: Network, bits: Bits) -> dict[str, float]:
    found = readings(network)
    return {
        "score_structure": float(constant(objective, network)),
        "score_activations": float(
            sum(gain_of_reading(objective, reading, bits.activations[reading.op.inputs[0].name]) for reading in found)
        ),
        "score_weights": float(sum(objective.weight_gain(reading.op, bits.weights[reading.op.name]) for reading in found)),
    }


def _mean(widths: Mapping[str, int], sizes: Mapping[str, int]) -> float:
    return sum(widths[name] * size for name, size in sizes.items()) / max(sum(sizes.values()), 1)
