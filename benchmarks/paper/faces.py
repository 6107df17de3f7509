"""Table 6 of the paper: face detection, in its counting."""

from __future__ import annotations

from collections.abc import Sequence

from markdown import number, table
from published import ROOT, counted, facts, runtime

from qeopt.network import Bits, Network
from qeopt.score import QEScore, evaluate
from qeopt.space import Space, Task
from qeopt.spec.model import build
from qeopt.verbs.solve import solve

SCORE = build(QEScore, {"sigma_a": 5, "sigma_w": 4, "stage_weights": [0, 0, 1, 1, 1]})
TASK = build(Task, {"input": [480, 640, 1], "classes": 1})
WIDTHS = ((16, 1, 1, 1), (24, 6, 2, 2), (32, 6, 3, 2), (64, 6, 4, 2), (96, 6, 3, 1), (160, 6, 3, 2), (320, 6, 1, 1))
"""MobileNetV2: width, expansion, units and stride of each block."""


def table6(*, with_searches: bool = True) -> None:
    """Printed rows, MobileNetV2 with the same heads in our counting, and our designs."""
    rows = [[*row, "-", "-", "-"] for row in facts()["table6"]]
    for factor in (0.1, 0.15, 0.25):
        network = scaled_mobilenet(factor)
        row = _counted(network, Bits.uniform(network, 8), "paper")
        rows.append([f"MobileNetV2 {factor:g} with our heads, 8 bits", *row[:2], "none", *row[2:]])
    if with_searches:
        for name, rule in (("wider_face_640", "paper"), ("wider_face_480", "qeopt-c")):
            found = solve(ROOT / "specs" / f"{name}.yaml", overrides=["search.baselines=[]"])
            design = found.design
            assert design is not None, found.reason
            row = _counted(design.network(), design.bit_widths(), rule)
            gap = "unproven" if design.gap is None else f"{100 * design.gap:.3f} %"
            rows.append([f"ours, `{name}`, within {gap}", *row[:2], "none", *row[2:]])
    print(table(["network", "peak, kB", "MACs, G", "easy/medium/hard", "MACs", "layers", "score"], rows))


def scaled_mobilenet(factor: float) -> Network:
    """MobileNetV2 with all widths scaled and rounded to multiples of 8, and a head like ours behind strides 8, 16 and 32."""

    def wide(channels: int) -> int:
        return max(8, round(channels * factor / 8) * 8)

    blocks: list[dict[str, object]] = [
        {"kind": "conv", "name": "stem", "width": wide(32), "kernel": 3, "stride": 2, "weight_bits": 8}
    ]
    for place, (width, ratio, units, stride) in enumerate(WIDTHS, start=1):
        shape = {"width": wide(width), "ratio": ratio, "units": units, "stride": stride}
        blocks.append({"kind": "mbconv", "name": f"b{place}", **shape})
        if place in {3, 5, 7}:
            blocks.append({"kind": "detection", "name": f"head{place}", "anchors": 2})
    space = build(Space, {"blocks": blocks})
    return space.expand(space.smallest(), TASK, f"mobilenet_v2 {factor:g}")


def _counted(network: Network, bits: Bits, rule: str) -> Sequence[str]:
    found = counted(network, bits, runtime(rule))
    macs = found.used["macs"]
    score = evaluate(SCORE, network, bits)
    return f"{found.sram_bytes / 1000:.1f}", f"{macs / 1e9:.3f}", number(macs), f"{network.layers}", f"{score:.2f}"
