"""HAWQ's own example: 4 or 8 bits for the 19 inner convolutions of ResNet-18 by traces of the Hessian and rounding errors.

Numbers of the notebook `ILP.ipynb` of github.com/Zhen-Dong/HAWQ (commit 87ad098): mean traces, squared rounding errors at 8 and 4
bits. Sizes and MACs follow from the network and are held against the notebook's. Limits are its own: half-way between 4 and 8 bits
everywhere. Its latencies, measured layer by layer on a T4, are no formula of a layer's shape and are left out.
"""

from __future__ import annotations

from itertools import product
from pathlib import Path

import numpy as np
import pytest

from qeopt.network import NetworkBuilder, Tensor, macs, weight_count
from qeopt.network.text import network_text
from qeopt.verbs.solve import solve
from qeopt_solvers import Status

TRACES = (
    0.06857826, 0.03162379, 0.03298575, 0.01205663, 0.02222431, 0.00596336, 0.06931772, 0.00807129, 0.00372905, 0.00530698,
    0.00209011, 0.00737569, 0.00210454, 0.00151197, 0.00158041, 0.00078146, 0.00451841, 0.00098745, 0.00072944,
)  # fmt: skip
ERRORS = {
    8: (0.0235, 0.0125, 0.0102, 0.0082, 0.0145, 0.0344, 0.0023, 0.0287, 0.0148, 0.0333, 0.0682, 0.0027, 0.0448, 0.0336, 0.0576,
        0.1130, 0.0102, 0.0947, 0.0532),
    4: (6.7430, 3.9691, 3.3281, 2.6796, 4.7277, 10.5966, 0.6827, 9.0942, 4.8857, 10.7599, 21.7546, 0.8603, 14.5324, 10.9651,
        18.7706, 36.4044, 3.1572, 29.6994, 17.4016),
}  # fmt: skip
PARAMETERS = (
    36864, 36864, 36864, 36864, 73728, 147456, 8192, 147456, 147456, 294912, 589824, 32768, 589824, 589824, 1179648, 2359296,
    131072, 2359296, 2359296,
)  # fmt: skip
TIED = ((4, 6), (9, 11), (14, 16))
"""Downsampling convolutions have the bits of those beside them."""
LOSSES = {bits: np.array(TRACES) * np.array(errors) for bits, errors in ERRORS.items()}


def resnet18(folder: Path) -> tuple[list[str], list[int], int]:
    """Write the network; return names and MACs of the 19 convolutions, and the weights of the first and last layers."""
    image = Tensor("image", 224, 224, 3, bits=8, is_image=True)
    net = NetworkBuilder("resnet18", image)
    x = net.pool("pool", net.conv("stem", image, 64, kernel=7, stride=2, weight_bits=8), stride=2)
    for stage, width in enumerate((64, 128, 256, 512), start=1):
        for block in range(2):
            name, stride = f"layer{stage}.{block}", 2 if stage > 1 and block == 0 else 1
            y = net.conv(f"{name}.conv2", net.conv(f"{name}.conv1", x, width, kernel=3, stride=stride), width, kernel=3)
            x = net.add(f"{name}.add", y, net.conv(f"{name}.down", x, width, stride=stride) if stride > 1 else x)
    net.dense("classifier", net.global_pool("mean", x), 1000)
    network = net.finish()
    (folder / "resnet18.yaml").write_text(network_text(network))
    inner = [op for op in network.ops if op.has_weights and op.name not in {"stem", "classifier"}]
    assert tuple(weight_count(op) for op in inner) == PARAMETERS
    outer = sum(int(weight_count(op)) for op in network.weighted_ops) - sum(PARAMETERS)
    return [op.name for op in inner], [int(macs(op)) for op in inner], outer


@pytest.mark.parametrize("budget", ["flash", "bitops"])
def test_the_example_of_hawq_is_solved_as_by_enumeration(budget: str, tmp_path: Path) -> None:
    names, of_macs, outer = resnet18(tmp_path)
    assert of_macs[:7] == [115605504, 115605504, 115605504, 115605504, 57802752, 115605504, 6422528]
    rows = [f"{name} weights,{bits},{LOSSES[bits][place]:.12f}" for place, name in enumerate(names) for bits in (4, 8)]
    (tmp_path / "losses.csv").write_text("\n".join(["tensor,bits,loss", *rows, ""]))
    sizes = np.array(PARAMETERS if budget == "flash" else of_macs)
    whole = int(sizes.sum())
    first_and_last = 64 * 3 * 7 * 7 * 112 * 112 + 512 * 1000
    limit = {"flash": whole * 3 // 4 + outer, "bitops": 8 * 6 * whole + 8 * 8 * first_and_last}[budget]
    ties = ", ".join(f"[{names[one]}, {names[other]}]" for one, other in TIED)
    (tmp_path / "study.yaml").write_text(
        "kind: study\nnetwork: resnet18.yaml\ntask: {input: [224, 224, 3], classes: 1000}\nruntime: ideal\n"
        f"budgets: {{sram: unlimited, {'flash: unlimited, ' * (budget == 'bitops')}{budget}: {limit}}}\n"
        f"bits: {{weights: [4, 8], activations: [8], ties: [{ties}]}}\nobjective: {{kind: sensitivity, table: losses.csv}}\n"
    )
    design = solve(tmp_path / "study.yaml").design
    assert design is not None
    assert design.bits.status is Status.OPTIMAL

    free = [place for place in range(len(names)) if place not in {other for _, other in TIED}]
    tied = dict(TIED)
    wide = np.array(list(product((False, True), repeat=len(free))))
    gains, costs = (
        np.array([values[place] + (values[tied[place]] if place in tied else 0) for place in free])
        for values in (LOSSES[4] - LOSSES[8], sizes)
    )
    fits = wide @ costs <= whole // 2  # each layer of 8 bits takes twice what it takes at 4
    best = (wide @ gains)[fits].max() - LOSSES[4].sum()
    assert design.score == pytest.approx(best, abs=2e-5)
    widths = [design.weights[name] for name in names]
    assert all(widths[one] == widths[other] for one, other in TIED)
    assert sum(LOSSES[width][place] for place, width in enumerate(widths)) == pytest.approx(-best, abs=2e-5)
    assert set(widths) == {4, 8}
