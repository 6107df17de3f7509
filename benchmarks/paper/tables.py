"""Tables 1 to 4 and figures 3 and 5 of the paper, counted again."""

from __future__ import annotations

from functools import cache
from pathlib import Path

from markdown import number, table
from published import (
    SCORE,
    authors_network,
    counted,
    facts,
    mcunet,
    mobilenet_v2,
    mobilenet_v2_as_the_authors_write_it,
    runtime,
)

from qeopt.design import Design
from qeopt.hardware import Runtime
from qeopt.network import Bits, Network, macs, weight_count
from qeopt.runs.cost import Cost, Stopwatch
from qeopt.score import evaluate
from qeopt.score.calibration import calibrate, read_table
from qeopt.score.sigma_hat import sigma_hat
from qeopt.verbs.solve import solve

ROOT = Path(__file__).parents[2]
HERE = Path(__file__).parent
TABLE_1 = ROOT / "specs" / "calibration" / "mobilenet_v2_table1.csv"
KIB, MIB = 1024, 1024**2
PAPER_SECONDS, PAPER_CORES = 1800.0, 64
PAPER_COST = Cost(PAPER_SECONDS, PAPER_SECONDS * PAPER_CORES)
"""Half an hour on 64 cores, for each network."""
WIDTHS = (2, 3, 4, 5, 6, 8)


def table1() -> None:
    """Which of the thirty pairs of widths fit 512 KiB and 2 MiB."""
    network, rule = mobilenet_v2(), runtime("paper")
    accuracy = {(row.activation_bits, row.weight_bits): row.accuracy for row in read_table(TABLE_1)}
    columns = sorted({weights for _, weights in accuracy})
    rows = []
    for activations in sorted({a for a, _ in accuracy}):
        peak = _uniform(network, rule, 8, activations)[0]
        rows.append([f"A{activations}", _kib(peak), *(f"{accuracy[activations, weights]:.2f}" for weights in columns)])
    sizes = ["size, MiB", "", *(number(_uniform(network, rule, weights, 8)[1] / MIB, 3) for weights in columns)]
    print(table(["inputs", "peak", *(f"W{weights}" for weights in columns)], [*rows, sizes]))


def table2() -> None:
    """The standard deviation that a quantiser leaves, cut to two decimals as the paper prints it."""
    rows = [[f"{sigma}", *(f"{int(100 * sigma_hat(bits, sigma)) / 100:.2f}" for bits in WIDTHS)] for sigma in (1, 2, 4, 5, 6)]
    print(table(["sigma", *(f"{bits} bits" for bits in WIDTHS)], rows))


def figure3() -> None:
    """Memory and size of MobileNetV2 at one width for everything."""
    network, rule = mobilenet_v2(), runtime("paper")
    rows = []
    for bits in WIDTHS:
        peak, size = _uniform(network, rule, bits, bits)
        rows.append([f"{bits}", number(peak), _kib(peak), number(size), number(size / MIB, 3)])
    print(table(["bits", "peak, B", "peak, KiB", "size, B", "size, MiB"], rows))
    channels = sum(op.output.channels for op in network.ops if op.is_scored)
    plain = sum(int(weight_count(op)) for op in network.weighted_ops) + 4 * channels + 1000
    peak = _uniform(network, rule, 8, 8)[0]
    print(
        f"\nAs the paper prints it, sizes are of {number(plain)} values (four of batch normalisation a channel, and biases): ",
        end="",
    )
    print(f"{plain / MIB:.2f} and {4 * plain / MIB:.2f} MiB; peaks are {peak / 1e6:.2f} and {4 * peak / 1e6:.2f} MB.")


def figure5() -> None:
    """How well the score orders the accuracies of table 1 at other sigmas."""
    points = calibrate(TABLE_1)
    ranks = {(point.sigma_a, point.sigma_w): place for place, point in enumerate(points, start=1)}
    shown = [*points[:3], *(point for point in points[3:] if point.sigma_a == point.sigma_w)]
    rows = [
        [f"{p.sigma_a:g}", f"{p.sigma_w:g}", f"{p.kendall:.3f}", f"{p.spearman:.3f}", f"{ranks[p.sigma_a, p.sigma_w]}"]
        for p in shown
    ]
    print(table(["sigma of inputs", "of weights", "Kendall", "Spearman", f"place of {len(points)}"], rows))


def table3(*, with_searches: bool = True) -> None:
    """Size and bit operations of every row that is a structure, and what searches cost; then our designs."""
    found: list[tuple[str, Network, Bits]] = [("MobileNetV2, 8 bits", mobilenet_v2(), Bits.uniform(mobilenet_v2(), 8))]
    for title, (network, bits) in (
        ("MobileNetV2, 4 bits", mobilenet_v2_as_the_authors_write_it(4)),
        ("the paper, 19.2 G", authors_network("mixed_19g")),
        ("the paper, 7.0 G", authors_network("mixed_7g")),
    ):
        found.append((title, network, bits))
    again = {title: _counted_row(network, bits) for title, network, bits in found}
    spent = {row[0]: cost_row(PAPER_COST) for row in facts()["table3"] if row[0].startswith("the paper")}
    rows = [[*row, *spent.get(row[0], ["-"] * 2), *again.get(row[0], ["-"] * 4)] for row in facts()["table3"]]
    if with_searches:
        for title, study in (("19.2 G", "mixed_19g"), ("7.0 G", "mixed_7g")):
            design, cost = solved_at_cost(study)
            counts = _counted_row(design.network(), design.bit_widths())
            rows.append([f"ours, {title}", "", "", "", "none", "", *cost_row(cost), *counts])
    heads = ["network", "search", "MB", "bit operations, G", "top-1, %", "CO2e", "core-seconds", "gCO2e"]
    print(table([*heads, "counted, MB", "counted, G", "MACs alone, G", "score"], rows))


def table4(*, with_searches: bool = True) -> None:
    """Memory and size of every network whose structure is public, under one rule each; then our designs."""
    rows = []
    for target, title, name, memory, size, accuracy in facts()["table4"]:
        rows.append([target, title, memory, size, accuracy, *(["-"] * 4 if name is None else memory_row(*mcunet(name)))])
    if with_searches:
        for target in (256, 320, 512):
            design = solved(HERE / f"imagenet_{target}k.yaml")
            rows.append([f"{target} KiB", "ours", "", "", "none", *memory_row(design.network(), design.bit_widths())])
    heads = ["target", "network", "printed, kB", "printed, MB", "top-1, %"]
    print(table([*heads, "`paper`, KiB", "`paper`, MiB", "`ideal`, KiB", "MACs, M"], rows))


def solved(study: str | Path) -> Design:
    """The proven design of a study."""
    return solved_at_cost(study)[0]


@cache
def solved_at_cost(study: str | Path) -> tuple[Design, Cost]:
    """The proven design of a study and what finding it cost; times differ from run to run."""
    source = study if isinstance(study, Path) else ROOT / "specs" / "paper" / f"{study}.yaml"
    watch = Stopwatch()
    found = solve(source)
    assert found.design is not None, found.reason
    return found.design, watch.cost()


def cost_row(cost: Cost) -> list[str]:
    """Core-seconds, and grams of CO2 equivalent."""
    digits = 1 if cost.core_seconds >= 1000 else 4
    return [number(cost.core_seconds, 0 if digits == 1 else 1), f"{cost.gco2e:.{digits}f}"]


def _counted_row(network: Network, bits: Bits) -> list[str]:
    found = counted(network, bits, runtime("paper"))
    products = sum(int(macs(op)) * bits.of(op)[0] * bits.weights[op.name] for op in network.weighted_ops)
    scored = evaluate(SCORE, network, bits)
    return [f"{found.flash_bytes / 1e6:.2f}", f"{found.used['bitops'] / 1e9:.2f}", f"{products / 1e9:.2f}", f"{scored:.2f}"]


def memory_row(network: Network, bits: Bits) -> list[str]:
    paper, ideal = (counted(network, bits, runtime(name)) for name in ("paper", "ideal"))
    millions = f"{paper.used['macs'] / 1e6:.1f}"
    return [_kib(paper.sram_bytes), f"{paper.flash_bytes / MIB:.3f}", _kib(ideal.sram_bytes), millions]


def _uniform(network: Network, rule: Runtime, weights: int, activations: int) -> tuple[float, float]:
    """Peak memory and size, in bytes, with one width for all weights and one for all activations."""
    of_weights, of_activations = Bits.uniform(network, weights), Bits.uniform(network, activations)
    found = counted(network, Bits(of_weights.weights, of_activations.activations), rule)
    return found.sram_bytes, found.flash_bytes


def _kib(size: float) -> str:
    return f"{size / KIB:.1f}"
