"""Generated spaces small enough to enumerate, with every rule of the language switched on somewhere."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import product
from random import Random
from typing import Any

from qeopt.hardware import Runtime
from qeopt.memory import Limits, count
from qeopt.network import Bits
from qeopt.qbr import BitChoices, QbrSettings, Refiner
from qeopt.score import QEScore
from qeopt.space import Space, Structure, Task
from qeopt.spec.model import build

SOURCE: Any = {"url": "https://example.org", "date": "2026-01-01"}


@dataclass(frozen=True)
class SmallStudy:
    """A space and the terms under which it is searched."""

    space: Space
    task: Task
    refiner: Refiner


def small_study(seed: int) -> SmallStudy:
    """A study of a few dozen structures, its budgets drawn between what its structures use at fewest and at most bits."""
    rng = Random(seed)
    space = build(Space, _space(rng))
    task = build(Task, {"input": [rng.choice([16, 20, 32]), rng.choice([16, 32]), 3], "classes": rng.choice([2, 10])})
    widths: Any = rng.choice([[2, 4, 8], [3, 4, 5, 6], [2, 8], [4, 8]])
    choices = build(BitChoices, {"weights": widths, "activations": widths})
    described = _runtime(rng, widths)
    more = Random(f"more rules {seed}")
    runtime = build(Runtime, _with_more_rules(more, described, widths) if more.random() < 0.5 else described)
    stages = len(space.expand(space.smallest(), task).stage_ends)
    weights: Any = rng.choice([None, [rng.choice([0, 1, 2]) for _ in range(stages - 1)] + [rng.choice([1, 6])]])
    objective = build(QEScore, {"stage_weights": weights})
    loose = Refiner(runtime, Limits(), choices, objective, QbrSettings())
    limits = _limits(rng, space, task, loose)
    limits = _with_estimates(more, limits, space, task, loose)
    return SmallStudy(space, task, Refiner(runtime, limits, choices, objective, QbrSettings()))


def structures(space: Space) -> Iterator[Structure]:
    """Every structure that follows the space's rules."""
    for values in product(*(values for _, _, values in space.genes)):
        structure = Structure(values)
        if space.follows_rules(structure):
            yield structure


def _space(rng: Random) -> dict[str, Any]:
    def some(values: list[float], most: int) -> list[float]:
        return sorted(rng.sample(values, rng.randint(1, most)))

    blocks: list[dict[str, Any]] = [
        {"kind": "conv", "name": "stem", "width": some([4, 8, 16], 2), "kernel": 3, "stride": rng.choice([1, 2]), "weight_bits": 8}
    ]
    for number in range(rng.randint(1, 2)):
        kind = rng.choice(["k1dwk1", "k1dwk1", "mbconv"])
        ratios = [1] if kind == "mbconv" and rng.random() < 0.3 else some([1.5, 2, 3], 2)
        blocks.append(
            {
                "kind": kind,
                "name": f"b{number}",
                "stride": rng.choice([1, 2]),
                "width": some([4, 8, 16, 24], 3),
                "kernel": some([3, 5], 2),
                "ratio": ratios,
                "units": some([1, 2, 3], 2),
            }
        )
    if rng.random() < 0.7:
        blocks.append({"kind": "conv", "name": "head", "width": some([16, 32], 2)})
    if rng.random() < 0.8:
        blocks.append({"kind": "classifier"})
    ruled = [max(block["width"]) for block in blocks if "width" in block][:-1]
    rule = "non_decreasing" if ruled == sorted(ruled) and rng.random() < 0.6 else "free"
    return {"blocks": blocks, "widths": rule}


def _runtime(rng: Random, widths: list[int]) -> dict[str, Any]:
    activations = sorted({*widths, 8})
    free = {"in": activations, "weights": activations, "out": activations}
    plain = {"in": activations, "out": activations}
    kernels: object = "any"
    if rng.random() < 0.6:
        eight = {"in": [8], "out": [8]}
        multiple = {str(bits): rng.choice([1, 4, 8]) for bits in activations}
        uneven = [[a, w, o] for a in activations for w in activations for o in activations if w <= a or a == 8]
        kernels = {
            "conv": rng.choice([{**free, "channel_multiple": multiple}, {"tuples": uneven}]),
            "depthwise": {**free, "channel_multiple": multiple},
            "dense": {"in": [8], "weights": [8], "out": [8]},
            "add": rng.choice([eight, plain]),
            "pool": rng.choice([eight, plain]),
        }
    memory = {
        "unit": rng.choice(["bytes", "bits"]),
        "align": rng.choice([1, 4, 16]),
        "in_place": rng.choice([["add"], ["add", "depthwise"], []]),
        "depthwise_output": rng.choice(["whole", "one_channel"]),
        "steps": rng.choice(["all", "convolutions"]),
        "bystanders": rng.choice(["all", "depthwise"]),
        "pad_image_channels": rng.choice([1, 4]),
    }
    scratch = {
        "bytes": rng.choice(
            [{}, {"conv": "2 * k_h * k_w * c_in"}, {"conv": "k_h * k_w * c_in * w_bits", "depthwise": "c_in * in_bits"}]
        ),
        "aggregate": rng.choice(["per_step", "per_step", "global_max"]),
    }
    return {
        "kernels": kernels,
        "memory": memory,
        "scratch": scratch,
        "parameters": rng.choice([{}, {"conv": "10 * c_out", "depthwise": "4 * c_out"}]),
        "bitops": rng.choice([{}, {"conv": "macs * in_bits * w_bits + 64 * c_out", "pool": "64 * c_in * in_bits"}]),
        "classifier_counted": rng.choice([True, False]),
        "source": SOURCE,
    }


def _with_more_rules(rng: Random, described: dict[str, Any], widths: list[int]) -> dict[str, Any]:
    """The same runtime with rules that the bound uses in part or not at all."""
    found = {**described, "memory": dict(described["memory"])}
    if isinstance(found["kernels"], dict):
        limited = {"windows": rng.choice([[], [1, 3]]), "strides": rng.choice([[], [1, 2]]), "max_channels": rng.choice([None, 48])}
        by_weights = {str(widths[0]): rng.choice([1, 8, 16])}, {str(rng.choice(widths)): rng.choice([1, 8, 9, 16])}
        conv = {**found["kernels"]["conv"], **limited, "weight_channel_multiple": by_weights[0], "columns": by_weights[1]}
        found["kernels"] = {**found["kernels"], "conv": conv, "depthwise": {**found["kernels"]["depthwise"], **limited}}
    found["memory"] |= {
        "persistent": rng.choice([{}, {"conv": "8 * c_out", "add": "40"}]),
        "pad_channels": rng.choice([1, 1, 16]),
        "packing": rng.choice([{}, {str(bits): 8 if bits > 4 else 4 for bits in range(1, 9)}]),
    }
    pool = {"bytes": {"conv": "k_h * c_in * w_bits", "depthwise": "3 * c_in"}, "aggregate": rng.choice(["per_step", "global_max"])}
    found["scratch"] = rng.choice([[found["scratch"], pool], found["scratch"]])
    found["weight_bytes"] = rng.choice([{}, {"conv": "c_out * (ceil_to(k_h * k_w * c_in * w_bits, 32) // 8)"}])
    found["code"] = rng.choice([{}, {"conv": "20 * (9 - w_bits) + 10 * in_bits", "depthwise": 64}])
    estimate = {
        "conv": "macs * (1 + 8 // 3 * max(in_bits, w_bits)) + 9 * c_out",
        "depthwise": "macs * (10 - w_bits)",
        "add": "3 * c_out",
    }
    found["latency"] = {"cycles": estimate, "source": SOURCE}
    found["energy"] = {"picojoules": {"conv": "macs * w_bits", "depthwise": "macs * in_bits"}, "source": SOURCE}
    return found


def _with_estimates(rng: Random, limits: Limits, space: Space, task: Task, loose: Refiner) -> Limits:
    """Budgets for what is estimated, between what some structure uses at fewest and at most bits."""
    if loose.runtime.timing is None:
        return limits
    network = space.expand(rng.choice(list(structures(space))), task)
    low, high = (count(network, loose.runtime, Bits.uniform(network, bits)) for bits in (2, max(loose.choices.activations)))

    def perhaps(least: float, most: float) -> int | None:
        return int(least + rng.random() * (most - least)) if rng.random() < 0.4 and most > 0 else None

    cycles, picojoules = (perhaps(*sorted((low.used[name], high.used[name]))) for name in ("cycles", "picojoules"))
    return limits.but(cycles=cycles, picojoules=picojoules)


def _limits(rng: Random, space: Space, task: Task, loose: Refiner) -> Limits:
    low, high = min(loose.choices.activations), max(loose.choices.activations)
    drawn = rng.sample(list(structures(space)), min(6, sum(1 for _ in structures(space))))
    uses = []
    for structure in drawn:
        network = space.expand(structure, task)
        uses.append([count(network, loose.runtime, Bits.uniform(network, bits)) for bits in (low, high)])

    def between(name: str) -> int:
        amounts = [float(use.used[name]) for pair in uses for use in pair]
        return max(int(min(amounts) + rng.uniform(0.1, 0.9) * (max(amounts) - min(amounts))), 1)

    def perhaps(name: str, chance: float) -> int | None:
        return between(name) if rng.random() < chance else None

    return Limits(
        sram=perhaps("sram", 0.8),
        flash=perhaps("flash", 0.7),
        bitops=perhaps("bitops", 0.4),
        macs=perhaps("macs", 0.4),
        layers=perhaps("layers", 0.5),
    )
