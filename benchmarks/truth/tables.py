"""Print the tables of docs/truth.md from results.csv and designs.jsonl, with the number of runs that each rests on.

python benchmarks/truth/tables.py          # needs no PyTorch
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import cache
from statistics import fmean, stdev

import numpy as np
from parts import (
    DEPTHS,
    LONG,
    SHORT,
    bits_runs,
    depth_runs,
    digits_length_runs,
    digits_structure_runs,
    learnt_runs,
    length_runs,
    rate_runs,
    structure_runs,
)
from results import Row, chosen_rate, done, rows
from space import facts, loaded, read_designs

from qeopt.network import Bits
from qeopt.score import evaluate
from qeopt.statistics.association import partial, spearman
from qeopt.statistics.bootstrap import Estimate, holm, weightings
from qeopt.statistics.noise import noise
from qeopt.statistics.regret import regret
from qeopt.statistics.results import Data, Measured

RESAMPLES = 10_000
FEWEST = 5
"""Designs below which no correlation is printed."""
KEEPS_ORDER = 0.8
KINDS_OF_A = {"any depth": "A-", "14 layers": "A14-"}
"""How the names of part A's designs begin."""
PREDICTORS: Mapping[str, Callable[[Mapping[str, float]], float]] = {
    "score": lambda found: found["score"],
    "eq. 9": lambda found: found["eq9"],
    "score less ln 4 a convolution": lambda found: found["score"] - math.log(4) * found["depth"],
    "score per layer": lambda found: found["score"] / found["depth"],
    "losses of bits alone": lambda found: found["score"] - found["score_at_8"],
    "layers": lambda found: found["depth"],
    "MACs": lambda found: found["macs"],
    "parameters": lambda found: found["parameters"],
    "flash": lambda found: found["flash_bytes"],
    "bit operations": lambda found: found["bitops"],
}
"""What was written down beforehand, and no more."""


@cache
def known(name: str) -> dict[str, float]:
    """What is known of a design without training it."""
    kept = read_designs()[name]
    study = loaded(kept.study).value
    network = study.subject.expand(study.subject.structure(kept.structure), study.task, name)
    return {**facts(kept), "score_at_8": evaluate(study.objective, network, Bits.uniform(network, 8))}


def print_rates(found: Sequence[Row]) -> None:
    print(f"\n### R, the rate: {_so_far(found, rate_runs())}\n")
    print("| Rate | 11 layers | 20 layers | mean |\n|---|---|---|---|")
    for rate in sorted({row.rate for row in found}):
        shares = [row.accuracy for name in ("R11", "R20") for row in found if row.rate == rate and row.design == name]
        print(f"| {rate:g} | {' | '.join(f'{share:.2f}' for share in (*shares, fmean(shares)))} |")


def print_lengths(title: str, found: Sequence[Row], planned: Iterable[object]) -> None:
    print(f"\n### {title}: {_so_far(found, planned)}\n")
    print(f"| Design | layers | score | MACs | {SHORT:,} steps | {LONG:,} steps |\n|---|---|---|---|---|---|")
    means: list[tuple[float, float]] = []
    for name in sorted({row.design for row in found}):
        by_length = [[row.accuracy for row in found if row.design == name and row.steps == steps] for steps in (SHORT, LONG)]
        told = known(name)
        print(f"| {name} | {told['depth']:.0f} | {told['score']:.1f} | {told['macs']:,.0f} | {' | '.join(map(_mean, by_length))} |")
        if all(by_length):
            means.append((fmean(by_length[0]), fmean(by_length[1])))
    if len(means) < FEWEST:
        print(f"\nDesigns with both lengths: {len(means)}; the rule asks for all ten, and below {FEWEST} nothing is computed.")
        return
    short, long = (np.array(column) for column in zip(*means, strict=True))
    order = Estimate.of(spearman(weightings(np.arange(len(means)), RESAMPLES), short, long))
    said = "keeps" if order.value >= KEEPS_ORDER else "does not keep"
    print(f"\nSpearman between the lengths over {len(means)} designs: {order}; at the rule's {KEEPS_ORDER} the order {said}.")


def print_structures(title: str, found: Sequence[Row], planned: Iterable[object]) -> None:
    print(f"\n### {title}: {_so_far(found, planned)}")
    for kind, names in KINDS_OF_A.items():
        designs = _measured(row for row in found if row.design.startswith(names))
        print(f"\n{kind}: {len(designs)} designs trained")
        if len(designs) >= FEWEST:
            _print_predictors(Data(tuple(designs), 0))


def print_two_sets(clothes: Sequence[Row], digits: Sequence[Row]) -> None:
    """Does the order of designs hold from one data set to the other?"""
    for kind, names in KINDS_OF_A.items():
        one, other = (_accuracies(found, names) for found in (clothes, digits))
        both = sorted(one.keys() & other.keys())
        if len(both) >= FEWEST:
            columns = (np.array([of[name] for name in both]) for of in (one, other))
            order = Estimate.of(spearman(weightings(np.arange(len(both)), RESAMPLES), *columns))
            print(f"\nSpearman between clothes and digits, {kind}, {len(both)} designs: {order}")


def _accuracies(found: Iterable[Row], names: str) -> dict[str, float]:
    """Mean accuracy by design, of those whose names begin so."""
    return {one.design: one.accuracy for one in _measured(row for row in found if row.design.startswith(names))}


def _print_predictors(data: Data) -> None:
    weights = weightings(data.groups, RESAMPLES)
    ceiling = noise(data, weights)
    if ceiling is not None:
        print(f"noise between seeds {ceiling.deviation:.2f} points; the ceiling of any correlation {ceiling.ceiling}\n")
    given = [data.column("depth"), np.log(data.column("macs"))]
    columns = {name: np.array([of(one.features) for one in data.designs]) for name, of in PREDICTORS.items()}
    varied = {name: values for name, values in columns.items() if np.ptp(values) > 0}
    orders = {name: Estimate.of(spearman(weights, values, data.accuracy)) for name, values in varied.items()}
    corrected = dict(zip(orders, holm([order.p for order in orders.values()]), strict=True))
    print("| Predictor | Spearman | p (Holm) | given layers and log MACs | regret, points |\n|---|---|---|---|---|")
    for name, values in varied.items():
        left = Estimate.of(partial(weights, values, data.accuracy, given))
        cost = regret(weights, values, data.accuracy, most=True)
        print(f"| {name} | {orders[name]} | {corrected[name]:.3f} | {left} | {cost.value:.2f} [{cost.low:.2f}, {cost.high:.2f}] |")


def print_bits(found: Sequence[Row], planned: int) -> None:
    print(f"\n### B, bits: {len(found)} of {planned} runs\n")
    if not found:
        return
    means = {name: fmean(row.accuracy for row in found if row.design == name) for name in {row.design for row in found}}
    print("| Bits by | structures | score less than exact | accuracy, exact less this | standard error |\n|---|---|---|---|---|")
    for rule in ("paper", "rusci", "random"):
        pairs = [(f"{name.rpartition('-')[0]}-exact", name) for name in means if name.endswith(f"-{rule}")]
        pairs = [(exact, name) for exact, name in pairs if exact in means]
        if len(pairs) > 1:
            apart = [means[exact] - means[name] for exact, name in pairs]
            scores = fmean(known(exact)["score"] - known(name)["score"] for exact, name in pairs)
            print(f"| {rule} | {len(pairs)} | {scores:.2f} | {fmean(apart):+.2f} | {stdev(apart) / len(apart) ** 0.5:.2f} |")


def print_depths(found: Sequence[Row], planned: int) -> None:
    print(f"\n### C, depth: {len(found)} of {planned} runs\n")
    print("| Design | score | MACs | accuracy | seeds |\n|---|---|---|---|---|")
    for name in sorted({row.design for row in found}):
        shares = [row.accuracy for row in found if row.design == name]
        print(f"| {name} | {known(name)['score']:.1f} | {known(name)['macs']:,.0f} | {_mean(shares)} | {len(shares)} |")


def print_learnt(found: Sequence[Row], planned: int) -> None:
    print(f"\n### E, a learnt objective: {len(found)} of {planned} runs\n")
    print(
        "| Design | layers | score | MACs | accuracy | standard error | more than the learnt one |\n|---|---|---|---|---|---|---|"
    )
    best = _error([row.accuracy for row in found if row.design == "E-learnt"])
    for name in dict.fromkeys(run.design for run in learnt_runs(0.0, 0)):
        mean, error = _error([row.accuracy for row in found if row.design == name])
        told, apart = known(name), f"{mean - best[0]:+.2f} ± {math.hypot(error, best[1]):.2f}" if name != "E-learnt" else ""
        row = f"{told['depth']:.0f} | {told['score']:.1f} | {told['macs']:,.0f}"
        print(f"| {name} | {row} | {mean:.2f} | {error:.2f} | {apart} |")


def _error(shares: Sequence[float]) -> tuple[float, float]:
    """Mean and its standard error; not numbers where there are too few."""
    if len(shares) < 2:
        return math.nan, math.nan
    return fmean(shares), stdev(shares) / len(shares) ** 0.5


def _measured(found: Iterable[Row]) -> list[Measured]:
    by_design: dict[str, list[float]] = {}
    for row in found:
        by_design.setdefault(row.design, []).append(row.accuracy)
    return [Measured(name, name, known(name), tuple(shares)) for name, shares in by_design.items()]


def _so_far(found: Sequence[Row], planned: Iterable[object]) -> str:
    return f"{len(found)} of {len(list(planned))} runs"


def _mean(shares: Sequence[float]) -> str:
    if not shares:
        return "-"
    return f"{fmean(shares):.2f}" + (f" ± {stdev(shares):.2f}" if len(shares) > 1 else "")


def main() -> None:
    found = rows()
    by_part = {part: [row for row in found if row.part == part] for part in "RDABCEFG"}
    print(f"{len(found)} runs, {sum(row.seconds for row in found) / 3600:.1f} hours of one core. Accuracies in percent.")
    print_rates(by_part["R"])
    if not done(rate_runs()):
        return
    rate = chosen_rate()
    print(f"\nRate of everything below: {rate:g}.")
    print_lengths("D, the length", by_part["D"], length_runs(rate))
    print_structures("A, the order of structures", by_part["A"], structure_runs(rate, SHORT))
    print_bits(by_part["B"], len(list(bits_runs(rate, SHORT))))
    print_depths(by_part["C"], len(list(depth_runs(rate))))
    if by_part["E"]:
        print_learnt(by_part["E"], len(list(learnt_runs(rate, SHORT))))
    print_lengths("F, the length, by the digits", by_part["F"], digits_length_runs(rate))
    print_structures("G, the order of structures, by the digits", by_part["G"], digits_structure_runs(rate))
    print_two_sets(by_part["A"], by_part["G"])
    print(f"\nDepths of the space: {', '.join(map(str, DEPTHS))} layers.")


if __name__ == "__main__":
    main()
